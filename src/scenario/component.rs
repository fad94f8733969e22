//! `components:`: what answers, by kind.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, PolicyForm, Shape, Table, Thing};
use crate::policy::balance::{self, Balance};
use crate::policy::discipline::{self, Order};
use crate::policy::shed::{self, Shed};
use crate::reader::read_term;
use crate::scenario::elastic::{DRAIN, DRAIN_S, IMAGE, SCALED, WARM, autoscale, counts, image, warm};
use crate::scenario::machine::{
    COUNTS, DISK_FIELD, NIC, ON, OWN, PLACE, POD_CORES, PRICE, SCHEDULING, SPEED, place, placement,
};
use crate::scenario::policy::{RATE_LIMIT, rate_limit};
use crate::scenario::route::{Route, RouteTarget};
use crate::scenario::step::{self, LONG, SHORT, STEPS};
use crate::scenario::values::{Env, count, draw, forms, letters, name, shares};
use crate::scenario::vertical::{VERTICAL, vertical};
use crate::scenario::{
    Availability, Component, Health, Kind, Machine, MachineChoice, Memory, Named, Operation, Placement, Prefer, Sticky,
};
use crate::scenario::{broker, cache, database, events, function, log, naming, telemetry};
use crate::text::{Node, Value};
use crate::units::{self, Dimension, Per};

/// Every kind of this version; a table has the name of its kind.
pub static KINDS: &[&Table] = &[
    &SERVICE,
    &BALANCER,
    &GATEWAY,
    &database::DATABASE,
    &EXTERNAL,
    &cache::CACHE,
    &cache::CDN,
    &cache::STORE,
    &function::FUNCTION,
    &function::POOLER,
    &telemetry::TELEMETRY,
    &broker::QUEUE,
    &log::LOG,
    &events::EVENTS,
];

pub(super) static KIND: Field = Field::new(
    "kind",
    Shape::Word(&[
        "service",
        "balancer",
        "gateway",
        "database",
        "external",
        "cache",
        "cdn",
        "store",
        "function",
        "pooler",
        "telemetry",
        "queue",
        "log",
        "event_store",
    ]),
    "service",
    "What it is",
)
.required();
pub(super) static LIKE: Field = Field::new(
    "like",
    Shape::Name(Thing::Component),
    "orders",
    "Another component, over which this one's fields are merged",
);
pub(super) static ABSTRACT: Field = Field::new("abstract", Shape::Bool, "true", "A template: there only for `like`");
pub(super) static INSTANCES: Field =
    Field::new("instances", Shape::OneOf(COUNTS), "5", "How many, each alike; or how many at each place").or("1");
pub(super) static COUNT_OR_NONE: &[Shape] = &[Shape::Count, Shape::Word(&["none"])];
pub(super) static WORKERS: Field = Field::new(
    "workers",
    Shape::OneOf(COUNT_OR_NONE),
    "64",
    "Requests that an instance serves at the same time; the others queue",
);
static WAITS: Field = Field::new(
    "waits",
    Shape::Word(&["sync", "async"]),
    "async",
    "Whether a request keeps its worker while it waits for what it called",
);
pub(super) static QUEUE: Field =
    Field::new("queue", Shape::Object(&QUEUE_TABLE), "{limit: 1024, order: fifo}", "Where requests wait for a worker")
        .or("{}");
static OPERATION_SHAPES: &[Shape] = &[Shape::Steps(STEPS), Shape::Object(&SHORT), Shape::Object(&LONG)];
pub(super) static OPERATIONS: Field = Field::new(
    "operations",
    Shape::MapOf(&Shape::OneOf(OPERATION_SHAPES)),
    "{serve: [{cpu: exp(3ms)}, {respond: 12KB}]}",
    "What can be asked of it",
);
static BALANCES: [PolicyForm; balance::FORMS.len()] = forms(balance::FORMS);
static SHEDS: [PolicyForm; shed::FORMS.len()] = forms(shed::FORMS);
static ORDERS: [PolicyForm; discipline::FORMS.len()] = forms(discipline::FORMS);
pub(super) static BALANCE: Field =
    Field::new("balance", Shape::Policy(&BALANCES), "least_connections", "Which instance gets a request")
        .or("round_robin");
static STICKY: Field =
    Field::new("sticky", Shape::Object(&STICKY_TABLE), "{by: session, for: 30m}", "Keep an asker at its instance");
pub(super) static HEALTH: Field = Field::new(
    "health",
    Shape::Object(&HEALTH_TABLE),
    "{interval: 30s, healthy: 2, unhealthy: 3, timeout: 5s}",
    "How it is noticed that an instance died; without it at once",
);
pub(super) static PREFER: Field = Field::new(
    "prefer",
    Shape::Word(&["zone", "region", "any"]),
    "any",
    "Whose instances are asked first: those of the own zone, else region, else the nearest region",
)
.or("zone");
pub(super) static BOOT: Field = Field::new(
    "boot",
    Shape::Distribution(Dimension::Time),
    "60s",
    "Time an instance needs until it serves, when it is started or comes back after it died",
)
.or("0s");
static MEMORY_SHAPES: &[Shape] = &[Shape::Bytes, Shape::Object(&MEMORY_TABLE)];
static MEMORY_USE: Field = Field::new(
    "memory",
    Shape::OneOf(MEMORY_SHAPES),
    "{idle: 500MB, each: 10MB, limit: 2GiB}",
    "Memory an instance needs; or, as a size, that of its machine",
);

/// A service.
pub static SERVICE: Table = Table {
    name: "service",
    about: "Instances with workers that run operations",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        OWN,
        ON,
        INSTANCES,
        PLACE,
        Field { default: Some("256"), ..WORKERS },
        Field { default: Some("sync"), ..WAITS },
        QUEUE,
        OPERATIONS,
        BALANCE,
        STICKY,
        HEALTH,
        PREFER,
        RATE_LIMIT,
        POD_CORES,
        MEMORY_USE,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
        IMAGE,
        WARM,
        DRAIN,
        SCALED,
        VERTICAL,
        broker::CONSUMES_FIELD,
        cache::STATE,
    ],
};

/// A balancer.
pub static BALANCER: Table = Table {
    name: "balancer",
    about: "A hop of its own that offers the operations of its targets and picks an instance of one",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field::new(
            "targets",
            Shape::OneOf(TARGETS),
            "web",
            "The component it stands before, or several with their shares",
        )
        .required(),
        OWN,
        ON,
        INSTANCES,
        PLACE,
        Field { default: Some("none"), ..WORKERS },
        Field { default: Some("async"), ..WAITS },
        QUEUE,
        BALANCE,
        STICKY,
        HEALTH,
        PREFER,
        RATE_LIMIT,
        POD_CORES,
        MEMORY_USE,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
        WARM,
        DRAIN,
        SCALED,
        Field::new(
            "ttl",
            Shape::Time,
            "60s",
            "Makes it a name service (DNS): no hop; it answers with a region, and callers keep the answer that long",
        ),
        Field::new("ignore_ttl", Shape::Share, "5%", "Callers of a name service that keep an answer for ever"),
    ],
};

/// A gateway.
pub static GATEWAY: Table = Table {
    name: "gateway",
    about: "A hop of its own that does the same for every request and then hands it on by its name",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field::new("before", Shape::Steps(STEPS), "[{cpu: 100us}]", "Steps before every request"),
        Field::new(
            "routes",
            Shape::MapOf(&Shape::OneOf(ROUTES)),
            "{users.*: users, orders.place: {orders: 90%, orders_v2: 10%}}",
            "Where each request goes: a component, several with their shares, or steps",
        )
        .required(),
        OWN,
        ON,
        INSTANCES,
        PLACE,
        Field { default: Some("none"), ..WORKERS },
        Field { default: Some("async"), ..WAITS },
        QUEUE,
        BALANCE,
        STICKY,
        HEALTH,
        PREFER,
        RATE_LIMIT,
        POD_CORES,
        MEMORY_USE,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
        IMAGE,
        WARM,
        DRAIN,
        SCALED,
    ],
};

/// An external service.
pub static EXTERNAL: Table = Table {
    name: "external",
    about: "Somebody else's service: known by its times, its failures and its price",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field { required: true, ..OPERATIONS },
        Field::new(
            "availability",
            Shape::OneOf(AVAILABILITY),
            "99.9%",
            "The share of requests that work, drawn for each; or how long it is up and down in turn",
        )
        .or("100%"),
        RATE_LIMIT,
        Field::new(
            "price",
            Shape::OneOf(&[Shape::Price(Dimension::Money), Shape::Price(Dimension::MoneyPer(Per::Piece))]),
            "$0.05",
            "Of a request",
        )
        .or("$0"),
    ],
};

static TARGETS: &[Shape] =
    &[Shape::Name(Thing::Component), Shape::MapOf(&Shape::OneOf(&[Shape::Share, Shape::Number]))];
static ROUTES: &[Shape] =
    &[Shape::Name(Thing::Component), Shape::Steps(STEPS), Shape::MapOf(&Shape::OneOf(&[Shape::Share, Shape::Number]))];
static AVAILABILITY: &[Shape] = &[Shape::Share, Shape::Object(&UP_AND_DOWN)];

static QUEUE_TABLE: Table = Table {
    name: "queue of a component",
    about: "Where requests wait for a worker or a connection",
    fields: &[
        Field::new(
            "limit",
            Shape::OneOf(COUNT_OR_NONE),
            "1024",
            "Most that wait at an instance; more fail as `queue_full`",
        )
        .or("1024"),
        Field::new("order", Shape::Policy(&ORDERS), "fair(user)", "Who is next").or("fifo"),
        Field::new(
            "shed",
            Shape::Policy(&SHEDS),
            "codel(target=50ms interval=500ms)",
            "Who is turned away before it is full",
        ),
    ],
};
static STICKY_TABLE: Table = Table {
    name: "sticky",
    about: "Keep an asker at its instance",
    fields: &[
        Field::new("by", Shape::Text, "session", "What tells askers apart: `session`, or a key").or("session"),
        Field::new(
            "for",
            Shape::OneOf(&[Shape::Time, Shape::Word(&["none"])]),
            "30m",
            "How long after its last request; `none` for ever",
        )
        .or("none"),
    ],
};
pub(super) static HEALTH_TABLE: Table = Table {
    name: "health",
    about: "Checks that take a dead instance out and bring it back",
    fields: &[
        Field::new("interval", Shape::Time, "30s", "Time between two checks").or("30s"),
        Field::new("healthy", Shape::Count, "2", "Checks that must succeed in a row").or("2"),
        Field::new("unhealthy", Shape::Count, "3", "Checks that must fail in a row").or("3"),
        Field::new(
            "timeout",
            Shape::Time,
            "5s",
            "When a check has failed; at most `interval`, which is the default if that is less",
        )
        .or("5s"),
    ],
};
static MEMORY_TABLE: Table = Table {
    name: "memory",
    about: "Memory an instance needs; one that needs more than the limit dies",
    fields: &[
        Field::new("idle", Shape::Bytes, "500MB", "Without any request").or("0B"),
        Field::new("each", Shape::Bytes, "10MB", "For each request in flight").or("0B"),
        Field::new("limit", Shape::Bytes, "2GiB", "Most it may take; without it what its machine has"),
    ],
};
static UP_AND_DOWN: Table = Table {
    name: "availability",
    about: "Up and down in turn",
    fields: &[
        Field::new("up", Shape::Distribution(Dimension::Time), "exp(30d)", "How long it works").required(),
        Field::new("down", Shape::Distribution(Dimension::Time), "exp(40m)", "How long it does not").required(),
    ],
};

/// Reads one component. One whose kind cannot be told still counts as a component, so that nothing else stumbles over it.
pub(super) fn component(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Component {
    let Some(table) = kind(owner, node, env, diags) else { return silent(owner) };
    let mut r = Reader::new(owner, node, table, diags);
    let (mut placement, instances) = placement_of(&mut r);
    let mut clients = None;
    let mut kind = match table.name {
        "service" => Kind::Service,
        "balancer" => balancer(&mut r),
        "gateway" => gateway(&mut r, env),
        "database" => Kind::Database(Box::new(database::database(&mut r, env))),
        "cache" | "cdn" => Kind::Cache(Box::new(cache::cache(&mut r, env))),
        "store" => Kind::Store(cache::store(&mut r, env)),
        "telemetry" => Kind::Telemetry(Box::new(telemetry::telemetry(&mut r, env))),
        "function" => Kind::Function(Box::new(function::function(&mut r, env))),
        "pooler" => {
            let read = function::pooler(&mut r);
            clients = read.as_ref().map(|(_, clients)| *clients);
            read.map_or(Kind::Service, |(pooler, _)| Kind::Pooler(pooler))
        }
        "queue" | "log" | "event_store" => broker::kind(&mut r, env, instances),
        _ => external(&mut r, env),
    };
    let instances = if let Kind::Database(said) = &kind {
        database::check_machines(&mut r, &placement, said);
        said.capacity.iter().for_each(|capacity| capacity.place(&mut placement));
        said.machines()
    } else {
        instances
    };
    let autoscale = autoscale(&mut r, &placement).or_else(|| database::scaler(&kind));
    let vertical = vertical(&mut r, &placement, autoscale.is_some());
    let (instances, most) = counts(&mut r, instances, autoscale.as_ref(), &mut kind);
    let failover_health = database::failover_health(&kind);
    let own_health = has(&r, "health").then(|| r.object("health").map(|mut r| health(&mut r))).flatten();
    let is_hop = matches!(kind, Kind::Balancer { .. } | Kind::Gateway { .. });
    let (queue_limit, order, shed) = queue(&mut r, &kind);
    let waits_sync = if has(&r, "waits") { r.word("waits").map_or(!is_hop, |word| word.value == "sync") } else { true };
    Component {
        workers: clients.or_else(|| workers(&mut r, &kind)),
        placement,
        instances,
        most,
        waits_sync,
        queue_limit,
        order,
        shed,
        operations: operations(&mut r, env),
        balance: events::balance(&kind).unwrap_or_else(|| balance_of(&mut r)),
        sticky: has(&r, "sticky").then(|| r.object("sticky").map(|mut r| sticky(&mut r))).flatten(),
        health: own_health.or(failover_health),
        prefer: prefer(&mut r),
        memory: if has(&r, "memory") { memory(&mut r) } else { Memory::default() },
        boot: has(&r, "boot").then(|| draw(&mut r, env, "boot", Dimension::Time)).flatten().unwrap_or_else(at_once),
        image_bytes: image(&mut r, autoscale.is_some()),
        warm: has(&r, "warm").then(|| r.object("warm").and_then(|mut r| warm(&mut r))).flatten(),
        drain_s: has(&r, "drain").then(|| r.time("drain")).flatten().map_or(DRAIN_S, |drain| drain.value),
        rate_limit: rate_limit(&mut r),
        consumes: broker::consumes(&mut r),
        autoscale,
        vertical,
        state: has(&r, "state").then(|| r.object("state").map(|mut r| Box::new(cache::state(&mut r, env)))).flatten(),
        kind,
    }
}

/// The table of the component's kind; tells if there is none.
fn kind(owner: Spot, node: &Node, env: &Env, diags: &mut Diagnostics) -> Option<&'static Table> {
    if node.is_broken() {
        return None;
    }
    let Some(written) = node.get("kind") else {
        without_kind(owner, node, env, diags);
        return None;
    };
    let text = written.as_text().filter(|_| !written.is_broken());
    if let Some(table) = KINDS.iter().find(|table| Some(table.name) == text) {
        return Some(table);
    }
    if written.is_broken() {
        return None;
    }
    let spot = written.part(0, usize::MAX);
    let told = match text {
        Some(text) => {
            let told = Diagnostic::new(Code::UnknownWord, spot, format!("`{text}` is not a kind of component"));
            let kinds: Vec<&str> = KINDS.iter().map(|table| table.name).collect();
            told.nearest(text, kinds.iter().copied()).note(format!("the kinds are {}", kinds.join(", ")))
        }
        None => Diagnostic::new(Code::WrongShape, spot, format!("`kind` is a word, this is {}", written.shape())),
    };
    diags.push(told);
    None
}

/// Tells that a component has no kind, unless that follows from something told already.
fn without_kind(owner: Spot, node: &Node, env: &Env, diags: &mut Diagnostics) {
    static ANY: Table = Table { name: "component", about: "", fields: &[KIND] };
    let follows =
        |told: &Diagnostic| matches!(told.code, Code::UnknownTemplate | Code::Cycle) && node.spot.contains(told.spot);
    if node.as_map().is_none() {
        let _told = Reader::new(owner, node, &ANY, diags);
    } else if env.sources.name(owner.file).starts_with("--set ") {
        let name = env.sources.slice(owner);
        let known = env.components.iter().map(String::as_str).filter(|known| *known != name);
        let told = Diagnostic::new(Code::UnknownPath, owner, format!("there is no component `{name}` to change"));
        diags.push(told.nearest(name, known));
    } else if !diags.iter().any(follows) {
        let told = Diagnostic::new(Code::MissingField, owner, "this component has no `kind`");
        let kinds: Vec<&str> = KINDS.iter().map(|table| table.name).collect();
        diags.push(told.help("add `kind: service`").note(format!("the kinds are {}", kinds.join(", "))));
    }
}

/// Stands for a component that could not be read.
fn silent(owner: Spot) -> Component {
    let placement = nowhere();
    Component {
        kind: Kind::Service,
        placement,
        instances: 1,
        most: 1,
        autoscale: None,
        vertical: None,
        workers: None,
        waits_sync: true,
        queue_limit: None,
        order: Order::Fifo,
        shed: None,
        operations: Named::new(),
        balance: Spotted::new(Balance::RoundRobin, owner),
        sticky: None,
        health: None,
        prefer: Prefer::Zone,
        memory: Memory::default(),
        boot: at_once(),
        image_bytes: 0.0,
        warm: None,
        drain_s: DRAIN_S,
        rate_limit: None,
        consumes: Vec::new(),
        state: None,
    }
}

fn at_once() -> Distribution {
    Distribution::Constant(0.0)
}

/// Whether the kind has such a field at all.
fn has(r: &Reader, name: &str) -> bool {
    r.table().field(name).is_some_and(|field| field.available)
}

fn placement_of(r: &mut Reader) -> (Placement, u32) {
    if has(r, "machine") {
        let (mut place, instances) = placement(r);
        if ["database", "cache", "cdn"].contains(&r.table().name) {
            // `memory` of a database is its buffer pool, that of a cache what it keeps.
            place.overrides.memory_bytes = None;
        }
        return (place, instances);
    }
    let nic = if has(r, "bandwidth") { r.bandwidth("bandwidth").map(|bandwidth| bandwidth.value) } else { None };
    let placement = nowhere();
    let at = if has(r, "place") { place(r, "place") } else { placement.at };
    (Placement { overrides: Machine { nic, ..placement.overrides }, at, ..placement }, 1)
}

fn nowhere() -> Placement {
    Placement { machine: MachineChoice::None, overrides: Machine::default(), at: Vec::new() }
}

fn operations(r: &mut Reader, env: &mut Env) -> Named<Operation> {
    let mut read = Named::new();
    if !has(r, "operations") {
        return read;
    }
    for (key, node) in r.map("operations") {
        let operation = step::operation(key, node, env, r.diags());
        if r.table().name != "database" {
            database::refuse_routing(node, r.diags());
        }
        read.insert(key.value.clone(), Spotted::new(operation, letters(key)));
    }
    read
}

fn workers(r: &mut Reader, kind: &Kind) -> Option<u32> {
    let field = if matches!(kind, Kind::Database(_)) { "connections" } else { "workers" };
    let default = if matches!(kind, Kind::Service) { Some(256) } else { None };
    if !has(r, field) || r.is(field, "none") {
        return if has(r, field) { None } else { default };
    }
    if r.has(field) { count(r, field, 1) } else { default }
}

fn queue(r: &mut Reader, kind: &Kind) -> (Option<u32>, Order, Option<Shed>) {
    let default = match kind {
        Kind::External { .. } | Kind::Function(_) => None,
        // Whoever comes beyond `clients` is turned away.
        Kind::Pooler(_) => Some(0),
        _ => Some(1024),
    };
    if !has(r, "queue") {
        return (default, Order::Fifo, None);
    }
    let Some(mut r) = r.object("queue") else { return (default, Order::Fifo, None) };
    let limit = if r.is("limit", "none") { None } else { count(&mut r, "limit", 0).or(default) };
    let order = r.parsed("order", Code::Policy, |text| Order::read(&read_term(text)?));
    let shed = r.parsed("shed", Code::Policy, |text| Shed::read(&read_term(text)?)).map(|shed| shed.value);
    (limit, order.map_or(Order::Fifo, |order| order.value), shed)
}

fn balance_of(r: &mut Reader) -> Spotted<Balance> {
    let owner = r.owner();
    if !has(r, "balance") {
        return Spotted::new(Balance::RoundRobin, owner);
    }
    let read = r.parsed("balance", Code::Policy, |text| Balance::read(&read_term(text)?));
    let mut balance = read.unwrap_or(Spotted::new(Balance::RoundRobin, owner));
    if let (Some(key), Some(node)) = (balance.value.key(), r.node("balance")) {
        // The name of the key stands between the brackets.
        let at = node.as_text().and_then(|text| text.find(&format!("({key}")));
        balance.spot = at.map_or(balance.spot, |at| node.part(at + 1, at + 1 + key.len()));
    }
    balance
}

fn prefer(r: &mut Reader) -> Prefer {
    let word = if has(r, "prefer") { r.word("prefer").map_or("zone", |word| word.value) } else { "zone" };
    match word {
        "region" => Prefer::Region,
        "any" => Prefer::Any,
        _ => Prefer::Zone,
    }
}

fn sticky(r: &mut Reader) -> Sticky {
    let hold_s = if r.is("for", "none") { None } else { r.time("for").map(|time| time.value) };
    let session = Spotted::new("session".to_owned(), r.owner());
    Sticky { by: name(r, "by").unwrap_or(session), hold_s }
}

pub(super) fn health(r: &mut Reader) -> Health {
    let interval = r.time("interval");
    let interval_s = r.within("interval", interval, 1e-6, f64::INFINITY).map_or(30.0, |time| time.value);
    Health {
        interval_s,
        healthy: count(r, "healthy", 1).unwrap_or(2),
        unhealthy: count(r, "unhealthy", 1).unwrap_or(3),
        timeout_s: r.time("timeout").map_or(interval_s.min(5.0), |time| time.value),
    }
}

fn memory(r: &mut Reader) -> Memory {
    if r.node("memory").is_none_or(|node| node.as_map().is_none()) {
        return Memory::default();
    }
    let Some(mut r) = r.object("memory") else { return Memory::default() };
    Memory {
        idle_bytes: r.bytes("idle").map_or(0.0, |bytes| bytes.value),
        each_bytes: r.bytes("each").map_or(0.0, |bytes| bytes.value),
        limit_bytes: r.bytes("limit").map(|bytes| bytes.value),
    }
}

fn balancer(r: &mut Reader) -> Kind {
    let owner = r.key("targets");
    let targets = r.node("targets").map(|node| shares(owner, node, "a component", r.diags()));
    Kind::Balancer { targets: targets.unwrap_or_default(), naming: naming::naming(r) }
}

fn gateway(r: &mut Reader, env: &mut Env) -> Kind {
    let owner = r.key("before");
    let before = r.node("before").map(|node| step::steps(owner, node, env, r.diags())).unwrap_or_default();
    let mut routes = Vec::new();
    for (key, node) in r.map("routes") {
        let to = route(key, node, env, r.diags());
        routes.push(Route { name: Spotted::new(key.value.clone(), letters(key)), to });
    }
    routes.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    Kind::Gateway { before, routes }
}

fn route(key: &Spotted<String>, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> RouteTarget {
    let is_verb = |name: &str| STEPS.iter().any(|table| table.name == name);
    let is_step = match &node.value {
        Value::List(_) => true,
        Value::Map(entries) => entries.iter().any(|(key, node)| is_verb(&key.value) && !is_share(node)),
        _ => false,
    };
    if is_step {
        return RouteTarget::Steps(step::steps(letters(key), node, env, diags));
    }
    RouteTarget::Components(shares(letters(key), node, "a component", diags))
}

/// A component may be called `lock`; what stands beside tells.
fn is_share(node: &Node) -> bool {
    node.as_text().is_some_and(|text| units::parse_as(text, Dimension::Number).is_ok())
}

fn external(r: &mut Reader, env: &mut Env) -> Kind {
    let price = r.node("price").and_then(Node::as_text).unwrap_or("");
    let dimension = if price.contains('/') { Dimension::MoneyPer(Per::Piece) } else { Dimension::Money };
    let price_per_request = r.quantity("price", dimension).map_or(0.0, |price| price.value);
    let availability = match r.node("availability").map(Node::as_map) {
        None => None,
        Some(None) => {
            let share = r.share("availability");
            r.within("availability", share, 0.0, 1.0).map(|share| Availability::Share(share.value))
        }
        Some(Some(_)) => r.object("availability").and_then(|mut r| {
            let up = draw(&mut r, env, "up", Dimension::Time);
            let down = draw(&mut r, env, "down", Dimension::Time);
            Some(Availability::Renewal { up: up?, down: down? })
        }),
    };
    let availability = match availability {
        None | Some(Availability::Share(1.0)) => Availability::Always,
        Some(other) => other,
    };
    Kind::External { availability, price_per_request }
}
