//! Databases: what they hold, and how it is spread over shards and copied to replicas.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, PolicyForm, Shape, Table, Thing};
use crate::policy::replication::{self, Choose, Mode, ReadFrom};
use crate::policy::sharding::{self, Sharding};
use crate::policy::watchers::{self, Quorum};
use crate::reader::read_term;
use crate::scenario::capacity::{CAPACITY, Serverless, capacity};
use crate::scenario::component::{
    ABSTRACT, BALANCE, BOOT, COUNT_OR_NONE, HEALTH, HEALTH_TABLE, KIND, LIKE, OPERATIONS, PREFER, QUEUE, health,
};
use crate::scenario::elastic::SCALED;
use crate::scenario::machine::{CORES, COUNTS, DISK_FIELD, MEMORY, NIC, ON, OWN, PLACE, PRICE, SCHEDULING, SPEED};
use crate::scenario::policy::RATE_LIMIT;
use crate::scenario::scale::{self, Autoscale};
use crate::scenario::values::{Env, by_place, count, draw, forms, inert, name, name_of};
use crate::scenario::{At, Health, Kind, MachineChoice, Placement, Reference};
use crate::text::{Node, Value};
use crate::units::Dimension;

/// What a database holds, and on how many machines.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Buffer pool in bytes.
    pub pool_bytes: Option<f64>,
    /// Rows and bytes of a row; pages that miss the pool become disk reads.
    pub rows: Option<f64>,
    pub row_bytes: Option<f64>,
    /// The key whose value says which row a request touches.
    pub key: Option<Reference>,
    pub shards: Option<Shards>,
    pub replicas: Option<Replicas>,
    pub failover: Option<Failover>,
    pub wal: Option<Wal>,
    pub capacity: Option<Serverless>,
    /// Bytes a second that it grows by, and seconds for which it has grown when the run begins.
    pub growth: f64,
    pub age_s: f64,
}

/// The log that makes writes durable before they are on the disk.
#[derive(Clone, Debug)]
pub struct Wal {
    /// Seconds that its device takes for all that has come meanwhile.
    pub sync: Distribution,
    /// Seconds from one checkpoint to the next, and over which it spreads what it writes.
    pub every_s: f64,
    pub over_s: f64,
}

/// Who takes over from a dead primary, and when.
#[derive(Clone, Debug)]
pub struct Failover {
    pub health: Option<Health>,
    /// Seconds from the notice to the change.
    pub promote: Distribution,
    pub choose: Choose,
    /// Whose instances watch the primary; `None`: the replicas do.
    pub watchers: Option<Reference>,
    /// How many of them must miss it.
    pub quorum: Spotted<Quorum>,
    /// Seconds without a quorum after which a primary stops by itself; `None`: it never does.
    pub fence: Option<Spotted<f64>>,
    /// Seconds for which callers keep the address of a primary.
    pub ttl_s: f64,
    /// Bytes a second at which a machine that comes back copies the data.
    pub rebuild: f64,
}

/// The data split over machines.
#[derive(Clone, Debug)]
pub struct Shards {
    pub count: u32,
    pub by: Spotted<Sharding>,
    /// The key whose value decides.
    pub key: Option<Reference>,
    /// Operations of the tables on each shard, where tables decide.
    pub tables: Vec<(String, Vec<Reference>)>,
}

/// Copies of each shard besides its primary.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// Most that there may be.
    pub count: u32,
    /// How many there are at the start.
    pub start: u32,
    /// Who changes their number.
    pub autoscale: Option<Spotted<Autoscale>>,
    /// How many of each shard at each place; empty: beside the primary.
    pub at: At,
    /// The type of their machines; `None`: that of the primary.
    pub machine: Option<Reference>,
    pub mode: Spotted<Mode>,
    /// Seconds from one sending of the primary to the next; 0: it sends at once.
    pub ship_every_s: f64,
    /// Writes that a replica applies at a time, and what that costs of the write's own work.
    pub apply_workers: u32,
    pub apply_cost: f64,
    pub read: ReadFrom,
    /// Keys whose values see their own writes, and never an older state than before.
    pub read_your_writes: Option<Reference>,
    pub monotonic_reads: Option<Reference>,
}

/// A shard of a database, or one copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyPart {
    /// `None` where the data is not split.
    pub shard: Option<u32>,
    /// 0 is the primary, then come the replicas; `None`: all copies of the shard.
    pub copy: Option<u32>,
}

/// A database.
pub static DATABASE: Table = Table {
    name: "database",
    about: "A primary with connections, a buffer pool and a disk, for each shard; replicas follow it",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        OWN,
        ON,
        Field::new(
            "connections",
            Shape::OneOf(COUNT_OR_NONE),
            "200",
            "Requests that each machine serves at the same time; the others queue",
        )
        .or("none"),
        QUEUE,
        Field { about: "The buffer pool of each machine", example: "96GiB", ..MEMORY },
        CAPACITY,
        Field::new(
            "data",
            Shape::Object(&DATA),
            "{rows: 500M, row: 1KB}",
            "What it holds; `pages` that miss the buffer pool are read from disk",
        ),
        OPERATIONS,
        Field::new("shards", Shape::Object(&SHARDS), "{count: 4, by: hash, key: user}", "Split the data over machines"),
        Field::new("replicas", Shape::Object(&REPLICAS), "{count: 2, read: any}", "Copies of each shard's data"),
        Field::new(
            "failover",
            Shape::Object(&FAILOVER),
            "{health: {interval: 15s, unhealthy: 3}, promote: uniform(60s 120s), ttl: 30s}",
            "A replica takes over when the primary dies; without it writes are refused until it is back",
        ),
        Field::new(
            "wal",
            Shape::Object(&WAL),
            "{sync: 500us, checkpoint: {every: 5m, over: 270s}}",
            "A write-ahead log on a device of its own; without it the disk operations of a write are done before its answer",
        ),
        // Without a default: it means something only with replicas.
        Field { default: None, about: "Which replica answers a read; without it they take turns", ..BALANCE },
        HEALTH,
        PREFER,
        RATE_LIMIT,
        CORES,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
        Field {
            name: "primary",
            about: "Where the primary stands, with its replicas in other zones of the same region: a region or a zone",
            ..PLACE
        },
    ],
};

static DATA: Table = Table {
    name: "data",
    about: "What a database holds",
    fields: &[
        Field::new("rows", Shape::Count, "500M", "How many rows, over all shards").required(),
        Field::new("row", Shape::Bytes, "1KB", "Size of a row").required(),
        Field::new(
            "key",
            Shape::Name(Thing::Key),
            "user",
            "The key whose value says which row is touched; without it all alike",
        ),
        Field::new(
            "growth",
            Shape::Bandwidth,
            "100GB/month",
            "How fast it grows, in rows; what counts is its size in the middle of the run",
        ),
        Field::new("age", Shape::Time, "180d", "For how long it has grown when the run begins"),
    ],
};

static SHARDINGS: [PolicyForm; sharding::FORMS.len()] = forms(sharding::FORMS);
static MODES: [PolicyForm; replication::MODES.len()] = forms(replication::MODES);
static READS: [PolicyForm; replication::READS.len()] = forms(replication::READS);
static QUORUMS: [PolicyForm; watchers::QUORUMS.len()] = forms(watchers::QUORUMS);

static SHARDS: Table = Table {
    name: "shards",
    about: "The data split over machines; each row is on one of them",
    fields: &[
        // Without a default: tables say how many they are, and how they are spread.
        Field::new("count", Shape::Count, "4", "How many; `tables` says it by itself"),
        Field::new("by", Shape::Policy(&SHARDINGS), "hash", "How the shard of a row is found; `hash` unless given"),
        Field::new(
            "key",
            Shape::Name(Thing::Key),
            "user",
            "The key whose value decides; without it that of `data`, or rows drawn alike",
        ),
        Field::new(
            "tables",
            Shape::MapOf(&Shape::ListOf(&Shape::Text)),
            "{orders: [read_order, write_order], users: [read_user]}",
            "Instead of `count`, `by` and `key`: each table on a shard of its own, by the operations that use it; shards are numbered in the order of the names",
        ),
    ],
};

static REPLICAS: Table = Table {
    name: "replicas",
    about: "Copies of each shard's data on machines of their own, besides the primary",
    fields: &[
        Field::new(
            "count",
            Shape::OneOf(COUNTS),
            "2",
            "How many of each shard, besides the primary; or how many at each place",
        )
        .required(),
        Field {
            about: "Change their number with the load, beginning with `count`; a new one copies the data before it serves",
            example: "{min: 1, max: 5, target: {utilisation of cores: 60%}}",
            ..SCALED
        },
        Field::new(
            "machine",
            Shape::Name(Thing::Machine),
            "r5.2xlarge",
            "The type of their machines; without it that of the primary",
        ),
        // Without a default: a chain has none.
        Field::new(
            "read",
            Shape::Policy(&READS),
            "any",
            "Which copy answers what does not write; any replica unless given",
        ),
        Field::new("mode", Shape::Policy(&MODES), "semi_sync(1)", "When a write is acknowledged").or("async"),
        Field::new("ship", Shape::Object(&SHIP), "{every: 200ms}", "When the primary sends what was written").or("{}"),
        Field::new(
            "apply",
            Shape::Object(&APPLY),
            "{workers: 1, cost: 40%}",
            "What it takes to repeat a write at a replica",
        )
        .or("{}"),
        Field::new(
            "read_your_writes",
            Shape::Name(Thing::Key),
            "user",
            "The key whose values always see their own writes: their reads go where those have been applied",
        ),
        Field::new(
            "monotonic_reads",
            Shape::Name(Thing::Key),
            "user",
            "The key whose values never see an older state than before",
        ),
    ],
};
static WAL: Table = Table {
    name: "write-ahead log",
    about: "Writes are answered when the log has them; their pages stay in memory until a checkpoint brings them to the disk",
    fields: &[
        Field::new(
            "sync",
            Shape::Distribution(Dimension::Time),
            "lognormal(p50=500us p99=4ms)",
            "What its own device takes for all writes that have come while it was writing",
        )
        .required(),
        Field::new(
            "checkpoint",
            Shape::Object(&CHECKPOINT),
            "{every: 5m, over: 270s}",
            "When pages that were written go to the disk",
        )
        .or("{}"),
    ],
};
static CHECKPOINT: Table = Table {
    name: "checkpoint",
    about: "Pages that were written go to the disk together",
    fields: &[
        Field::new("every", Shape::Time, "5m", "From one to the next").or("5m"),
        Field::new(
            "over",
            Shape::Time,
            "270s",
            "Time over which it spreads them; without it nine tenths of `every`, 0s is all at once",
        ),
    ],
};
static FAILOVER: Table = Table {
    name: "failover",
    about: "A replica takes over, with what it has received, from a primary that died or that a partition has cut off",
    fields: &[
        Field::new(
            "health",
            Shape::Object(&HEALTH_TABLE),
            "{interval: 15s, unhealthy: 3, timeout: 5s}",
            "How it is noticed that a machine of the database died; without it at once",
        ),
        Field::new(
            "promote",
            Shape::Distribution(Dimension::Time),
            "uniform(60s 120s)",
            "From the notice to the change of primaries",
        )
        .or("0s"),
        Field::new(
            "choose",
            Shape::Word(&["freshest", "first", "nearest"]),
            "nearest",
            "Which replica: the one that has received most, the first, or one in the zone of the dead primary",
        )
        .or("freshest"),
        Field::new(
            "watchers",
            Shape::Name(Thing::Component),
            "sentinel",
            "A component whose instances watch the primary over their links; without it the replicas that live do",
        ),
        Field::new(
            "quorum",
            Shape::Policy(&QUORUMS),
            "majority",
            "How many watchers must miss the primary before another takes over, while the old one may still take writes",
        )
        .or("majority"),
        Field::new(
            "fence",
            Shape::Time,
            "10s",
            "A primary that has missed a quorum of watchers for so long takes no writes; without it two may take them at a time",
        ),
        Field::new("ttl", Shape::Time, "30s", "How long callers keep the address of a primary").or("0s"),
        Field::new(
            "rebuild",
            Shape::Bandwidth,
            "200MB/s",
            "How fast the old primary copies the data, when it is back, to become a replica",
        )
        .or("200MB/s"),
    ],
};
static SHIP: Table = Table {
    name: "shipping",
    about: "When a primary sends its log",
    fields: &[Field::new("every", Shape::Time, "200ms", "So often; 0s: each write at once").or("0s")],
};
static APPLY: Table = Table {
    name: "applying",
    about: "Repeating writes at a replica: the cpu and disk steps of the write, on the replica's machine",
    fields: &[
        Field::new("workers", Shape::Count, "1", "How many at a time").or("1"),
        Field::new("cost", Shape::Share, "40%", "Share of the write's own work").or("100%"),
    ],
};

/// Reads what only a database has.
pub(super) fn database(r: &mut Reader, env: &mut Env) -> Database {
    let capacity = capacity(r, env);
    let most = capacity.as_ref().map(|capacity| f64::from(capacity.units.max) * capacity.memory_bytes);
    let pool_bytes = most.or(r.bytes("memory").map(|bytes| bytes.value));
    let mut database = Database { pool_bytes, capacity, ..Database::default() };
    if let Some(mut r) = r.object("data") {
        database.rows = r.count_from("rows", 1).map(|rows| rows.value as f64);
        let row_bytes = r.bytes("row");
        database.row_bytes = r.within("row", row_bytes, 1.0, f64::INFINITY).map(|bytes| bytes.value);
        database.key = name(&mut r, "key");
        database.growth = r.bandwidth("growth").map_or(0.0, |growth| growth.value);
        database.age_s = r.time("age").map_or(0.0, |age| age.value);
        if database.growth == 0.0 {
            inert(&mut r, &["age"], "without `growth`");
        }
    }
    database.wal = r.object("wal").and_then(|mut r| wal(&mut r, env));
    database.shards = r.object("shards").map(|mut r| shards(&mut r));
    database.replicas = r.object("replicas").map(|mut r| replicas(&mut r));
    if database.replicas.is_none() {
        inert(r, &["balance", "failover"], "without `replicas`");
    }
    let has_health = r.has("health");
    let health = r.key("health");
    database.failover = r.object("failover").map(|mut r| failover(&mut r, env, has_health.then_some(health)));
    match database.replicas.as_ref().map(|replicas| replicas.mode.value) {
        Some(Mode::Raft { .. }) => inert(r, &["failover"], "with `mode: raft`: the copies elect their leader"),
        Some(Mode::MultiPrimary(_)) => inert(r, &["failover"], "where every copy takes writes"),
        _ => {}
    }
    database
}

/// Most shards, and most replicas of each.
const MOST: f64 = 1024.0;

fn shards(r: &mut Reader) -> Shards {
    if r.has("tables") {
        return tables(r);
    }
    if !r.has("count") {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "how many shards there are is missing");
        r.tell(told.help("add `count: 4`"));
    }
    let number = number(r, 1.0).unwrap_or(1);
    let by = r.parsed("by", Code::Policy, |text| Sharding::read(&read_term(text)?));
    let by = by.unwrap_or(Spotted::new(Sharding::Hash, r.owner()));
    if let Some(problem) = by.value.problem() {
        r.tell(Diagnostic::new(Code::OutOfRange, by.spot, problem));
    }
    if matches!(by.value, Sharding::Place(_)) {
        inert(r, &["key"], "with `by: place(...)`, which names the key that decides");
    }
    Shards { count: number, by, key: name(r, "key"), tables: Vec::new() }
}

/// Each table on a shard of its own.
fn tables(r: &mut Reader) -> Shards {
    inert(r, &["count", "by", "key"], "with `tables`: each table is a shard");
    let owner = r.key("tables");
    let mut tables: Vec<(String, Vec<Reference>)> = Vec::new();
    for (table, node) in r.map("tables") {
        let Value::List(items) = &node.value else {
            let message = format!("the operations of `{}` are expected here, this is {}", table.value, node.shape());
            r.tell(Diagnostic::new(Code::WrongShape, node.spot, message).help("write a list, as in `[read, write]`"));
            continue;
        };
        let operations = items.iter().filter_map(|item| name_of(item, "an operation such as `read`", r.diags()));
        tables.push((table.value.clone(), operations.collect()));
    }
    tables.sort_by(|a, b| a.0.cmp(&b.0));
    let count = (tables.len() as u32).max(1);
    Shards { count, by: Spotted::new(Sharding::Tables, owner), key: None, tables }
}

fn wal(r: &mut Reader, env: &mut Env) -> Option<Wal> {
    let sync = draw(r, env, "sync", Dimension::Time);
    let mut every_s = 300.0;
    let mut over = None;
    if let Some(mut r) = r.object("checkpoint") {
        let every = r.time("every");
        every_s = r.within("every", every, 1e-3, f64::INFINITY).map_or(300.0, |every| every.value);
        let spread = r.time("over");
        over = r.within("over", spread, 0.0, every_s).map(|over| over.value);
    }
    Some(Wal { sync: sync?, every_s, over_s: over.unwrap_or(0.9 * every_s) })
}

fn replicas(r: &mut Reader) -> Replicas {
    let at = by_place(r, "count").unwrap_or_default();
    let number = if at.is_empty() { number(r, 0.0).unwrap_or(0) } else { at.iter().map(|(_, count)| count).sum() };
    let read = r.parsed("read", Code::Policy, |text| ReadFrom::read(&read_term(text)?));
    let mode = r.parsed("mode", Code::Policy, |text| Mode::read(&read_term(text)?));
    let mode = mode.unwrap_or(Spotted::new(Mode::Async, r.owner()));
    if mode.value == Mode::Chain {
        inert(r, &["read"], "with `mode: chain`: the last of the chain answers");
    }
    if matches!(mode.value, Mode::MultiPrimary(_)) {
        inert(r, &["read_your_writes", "monotonic_reads"], "where every copy takes writes");
    }
    let autoscale = r.object("autoscale").and_then(|mut r| scale::autoscale(&mut r));
    let start = number;
    let number = autoscale.as_ref().map_or(number, |scale| scaled(r, number, scale, (&at, mode.value)));
    let ship_every_s = r.object("ship").and_then(|mut r| r.time("every")).map_or(0.0, |time| time.value);
    let (apply_workers, apply_cost) = r.object("apply").map_or((1, 1.0), |mut r| applying(&mut r));
    Replicas {
        count: number,
        start,
        autoscale,
        at,
        machine: name(r, "machine"),
        mode,
        ship_every_s,
        apply_workers,
        apply_cost,
        read: read.map_or(ReadFrom::Any, |read| read.value),
        read_your_writes: name(r, "read_your_writes"),
        monotonic_reads: name(r, "monotonic_reads"),
    }
}

/// Most replicas that an autoscaler makes of so many.
fn scaled(r: &mut Reader, count: u32, scale: &Spotted<Autoscale>, (at, mode): (&At, Mode)) -> u32 {
    let (min, max) = (scale.value.behaviour.min, scale.value.behaviour.max);
    if let Some((message, help)) = unscalable(mode, min, !at.is_empty()) {
        r.tell(Diagnostic::new(Code::Excluded, r.key("autoscale"), message).help(help));
    }
    if max < count || count < min {
        let message = format!("{count} replicas are not between the autoscaler's {min} and {max}");
        r.tell(Diagnostic::new(Code::OutOfRange, r.key("count"), message).note_at(scale.spot, "they are scaled here"));
    }
    max.max(count)
}

/// Why replicas may not come and go, and what to do, if they may not.
fn unscalable(mode: Mode, min: u32, has_places: bool) -> Option<(String, &'static str)> {
    let told = |message: &str, help| Some((message.to_owned(), help));
    match mode {
        _ if has_places => told(
            "numbers at several places do not say where the next replica would stand",
            "write `count: 2`, or leave `autoscale` out",
        ),
        Mode::SemiSync(count) if min < count => Some((
            format!("a write waits for {count} replicas, and there may be as few as {min}"),
            "raise the autoscaler's `min`, or wait for fewer",
        )),
        Mode::Async | Mode::SemiSync(_) | Mode::Sync => None,
        Mode::Chain => told(
            "only the last of a chain answers reads, so more replicas carry no more of them",
            "choose another `mode`, or leave `autoscale` out",
        ),
        Mode::Quorum { .. } | Mode::Raft { .. } => told(
            "a quorum is one of a fixed number of copies; with more or fewer, two of them might not overlap",
            "choose `async`, `semi_sync` or `sync`, or leave `autoscale` out",
        ),
        Mode::MultiPrimary(_) => told(
            "every copy takes writes of its own, so none may leave before all others have them",
            "choose `async`, `semi_sync` or `sync`, or leave `autoscale` out",
        ),
    }
}

/// `other` is where health checks of the component are given, too.
fn failover(r: &mut Reader, env: &mut Env, other: Option<Spot>) -> Failover {
    if let Some(other) = other.filter(|_| r.has("health")) {
        let told =
            Diagnostic::new(Code::Excluded, r.key("health"), "`health` is given twice, here and for the database");
        r.tell(told.note_at(other, "it is given here, too").help("keep one of them"));
    }
    let choose = match r.word("choose").map_or("freshest", |word| word.value) {
        "first" => Choose::First,
        "nearest" => Choose::Nearest,
        _ => Choose::Freshest,
    };
    let rebuild = r.bandwidth("rebuild");
    let quorum = r.parsed("quorum", Code::Policy, |text| Quorum::read(&read_term(text)?));
    Failover {
        health: if r.has("health") { r.object("health").map(|mut r| health(&mut r)) } else { None },
        promote: draw(r, env, "promote", Dimension::Time).unwrap_or(Distribution::Constant(0.0)),
        choose,
        watchers: name(r, "watchers"),
        quorum: quorum.unwrap_or(Spotted::new(Quorum::Majority, r.owner())),
        fence: r.time("fence"),
        ttl_s: r.time("ttl").map_or(0.0, |time| time.value),
        rebuild: r.within("rebuild", rebuild, 1.0, f64::INFINITY).map_or(REBUILD, |rate| rate.value),
    }
}

/// What changes the number of replicas.
pub(super) fn scaler(kind: &Kind) -> Option<Spotted<Autoscale>> {
    let Kind::Database(database) = kind else { return None };
    database.replicas.as_ref().and_then(|replicas| replicas.autoscale.clone())
}

/// The checks that a failover brings for all machines of its database.
pub(super) fn failover_health(kind: &Kind) -> Option<Health> {
    let Kind::Database(database) = kind else { return None };
    database.failover.as_ref().and_then(|failover| failover.health)
}

/// Bytes a second.
const REBUILD: f64 = 200e6;

fn applying(r: &mut Reader) -> (u32, f64) {
    let cost = r.share("cost");
    let cost = r.within("cost", cost, 0.0, 100.0).map_or(1.0, |cost| cost.value);
    (count(r, "workers", 1).unwrap_or(1), cost)
}

/// `count`, at least so many.
fn number(r: &mut Reader, least: f64) -> Option<u32> {
    let number = r.count("count").map(|number| number.map(|number| number as f64));
    r.within("count", number, least, MOST).map(|number| number.value as u32)
}

/// Numbers of machines by type must make up what the shards and replicas need.
pub(super) fn check_machines(r: &mut Reader, placement: &Placement, database: &Database) {
    let MachineChoice::Own(types) = &placement.machine else { return };
    let given: u32 = types.iter().map(|(_, number)| number).sum();
    let own = database.replicas.as_ref().is_some_and(|replicas| replicas.machine.is_some());
    let needed = if own { database.shards() } else { database.machines() };
    if given != 0 && given != needed {
        let message = format!("{given} machines, but {needed} are needed");
        let told = Diagnostic::new(Code::Excluded, r.key("machine"), message);
        r.tell(told.help("each shard has a primary, and so many replicas; or name one type for all"));
    }
}

/// Tells that only a database chooses among copies.
pub(super) fn refuse_routing(operation: &Node, diags: &mut Diagnostics) {
    for field in ["writes", "from"] {
        if let Some((key, _)) = operation.entry(field) {
            let message = format!("`{field}` has no effect where nothing is copied");
            diags.push(Diagnostic::new(Code::Inert, key.spot, message).help("it belongs to operations of a database"));
        }
    }
}

/// Whether an operation of that name writes unless it says otherwise.
pub(super) fn writes_by_name(name: &str) -> bool {
    const WRITES: &[&str] =
        &["write", "insert", "update", "delete", "put", "create", "append", "commit", "save", "set"];
    WRITES.iter().any(|word| name.starts_with(word))
}

impl Database {
    /// Rows of all shards in the middle of a run of so many seconds.
    pub fn rows_in(&self, run_s: f64) -> Option<f64> {
        let grown = self.growth * (self.age_s + 0.5 * run_s);
        Some(self.rows? + grown / self.row_bytes.unwrap_or(1.0))
    }

    /// Shards; one where the data is not split.
    pub fn shards(&self) -> u32 {
        self.shards.as_ref().map_or(1, |shards| shards.count)
    }

    /// Machines of all shards, each with its primary and its replicas.
    pub fn machines(&self) -> u32 {
        self.shards() * (1 + self.replicas.as_ref().map_or(0, |replicas| replicas.count))
    }

    /// Bytes a second at which the data of a shard is copied.
    pub fn rebuild(&self) -> f64 {
        self.failover.as_ref().map_or(REBUILD, |failover| failover.rebuild)
    }

    /// Whether its machines have names of their own instead of numbers.
    pub fn has_parts(&self) -> bool {
        self.shards.is_some() || self.replicas.is_some()
    }
}

impl CopyPart {
    /// Reads what stands behind the name: `primary`, `replica-0`, `shard-3`, `shard-3/replica-1`.
    pub fn read(part: &str) -> Option<CopyPart> {
        let copy = |text: &str| match text.strip_prefix("replica-") {
            Some(number) => number.parse::<u16>().ok().map(|number| u32::from(number) + 1),
            None => (text == "primary").then_some(0),
        };
        let Some(rest) = part.strip_prefix("shard-") else {
            return copy(part).map(|copy| CopyPart { shard: None, copy: Some(copy) });
        };
        let (shard, rest) = rest.split_once('/').map_or((rest, None), |(shard, rest)| (shard, Some(rest)));
        let shard = Some(u32::from(shard.parse::<u16>().ok()?));
        match rest {
            None => Some(CopyPart { shard, copy: None }),
            Some(rest) => copy(rest).map(|copy| CopyPart { shard, copy: Some(copy) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_from_their_names() {
        let part = |shard, copy| Some(CopyPart { shard, copy });
        assert_eq!(CopyPart::read("primary"), part(None, Some(0)));
        assert_eq!(CopyPart::read("replica-0"), part(None, Some(1)));
        assert_eq!(CopyPart::read("shard-3"), part(Some(3), None));
        assert_eq!(CopyPart::read("shard-3/primary"), part(Some(3), Some(0)));
        assert_eq!(CopyPart::read("shard-12/replica-1"), part(Some(12), Some(2)));
        for wrong in ["", "primry", "replica", "replica-x", "shard-", "shard-1/", "shard-1/shard-2", "2"] {
            assert_eq!(CopyPart::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_of_operations_say_which_write() {
        assert!(
            ["write", "write_back", "insert", "updates", "set", "save_all"].iter().all(|name| writes_by_name(name))
        );
        assert!(["read", "fresh", "backup", "get", "list"].iter().all(|name| !writes_by_name(name)));
    }
}
