//! `hosts:`, `regions:`, `links:` and the figures of machines.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::values::{Env, by_place, count, draw, letters, name};
use crate::scenario::{At, Host, Link, Machine, MachineChoice, Placement, Reference, Region};
use crate::text::Node;
use crate::units::{Dimension, Per, UnitError};

/// What an instance has of a host that it shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pod {
    /// Cores it is promised.
    pub request: f64,
    /// Cores it may use at most; infinite: all there are.
    pub limit: f64,
}

/// How shared hosts become more.
#[derive(Clone, Debug)]
pub struct Grow {
    pub most: u32,
    /// Seconds from the order of a host until instances start on it.
    pub boot: Distribution,
    /// Seconds that a host stands empty before it leaves.
    pub idle_s: f64,
}

/// A host that components share.
pub static HOST: Table = Table {
    name: "host",
    about: "A machine, or several alike, that components share with `on:`",
    fields: &[MACHINE, CORES, MEMORY, DISK_FIELD, NIC, SPEED, PRICE, SCHEDULING, COUNT, PLACE, GROW],
};

static GROW: Field = Field::new(
    "grow",
    Shape::Object(&GROW_TABLE),
    "{max: 12, boot: 90s, idle: 10m}",
    "A node pool: more hosts when instances that an autoscaler orders find no place, fewer when they stand empty",
);
static GROW_TABLE: Table = Table {
    name: "growing hosts",
    about: "Hosts beyond `count`, which are there, and paid, while somebody needs them",
    fields: &[
        Field::new("max", Shape::Count, "12", "Most hosts, those of `count` among them").required(),
        Field::new(
            "boot",
            Shape::Distribution(Dimension::Time),
            "90s",
            "From the order of a host until instances start on it",
        )
        .or("90s"),
        Field::new("idle", Shape::Time, "10m", "How long a host stands empty before it leaves").or("10m"),
    ],
};

/// A region.
pub static REGION: Table = Table {
    name: "region",
    about: "A place with zones; what runs in it is spread over them",
    fields: &[
        Field::new("zones", Shape::Count, "3", "How many zones; they are called a, b, c or 0, 1, 2").or("1"),
        Field::new("default", Shape::Bool, "true", "What says no place stands here, if there are several regions"),
        Field::new(
            "utc",
            Shape::Text,
            "+05:30",
            "How far its clocks are ahead of UTC, for loads with `clock: local`; known of well-known regions (standard time)",
        ),
    ],
};

/// What lies between two.
pub static LINK: Table = Table {
    name: "link between two",
    about: "What lies between two: time, bandwidth, price; the way back is the same unless given",
    fields: &[
        Field::new(
            "latency",
            Shape::Distribution(Dimension::Time),
            "500us",
            "One way; unless given 250us inside a zone, 1ms between zones, and what is known of well-known regions",
        ),
        Field::new("bandwidth", Shape::Bandwidth, "10Gbps", "Bytes wait for it; without it there is enough"),
        Field::new("price", Shape::Price(Dimension::MoneyPer(Per::Byte)), "$0.02/GB", "Of each byte"),
    ],
};

static MACHINE: Field =
    Field::new("machine", Shape::Name(Thing::Machine), "m5.4xlarge", "The type of machine, from the catalogue");
static COUNT: Field = Field::new("count", Shape::OneOf(COUNTS), "6", "How many; or how many at each place").or("1");
/// A count, or a count at each place.
pub(super) static COUNTS: &[Shape] = &[Shape::Count, Shape::MapOf(&Shape::Count)];
pub(super) static PLACE: Field = Field::new(
    "place",
    Shape::Name(Thing::Place),
    "us-east-1",
    "Where all of it stands: a zone, or a region over whose zones it is spread",
);
static OWN_MACHINE: &[Shape] = &[Shape::Name(Thing::Machine), Shape::MapOf(&Shape::Count)];
pub(super) static OWN: Field = Field::new(
    "machine",
    Shape::OneOf(OWN_MACHINE),
    "c5.2xlarge",
    "A machine for each instance: its type, or types and how many of each",
);
pub(super) static ON: Field = Field::new(
    "on",
    Shape::Name(Thing::Host),
    "nodes",
    "The host whose cores, memory, disk and network the instances share with others",
);
pub(super) static CORES: Field = Field::new("cores", Shape::Count, "4", "Cores, instead of those of the machine type");
/// The same of instances that may be given a share of a host.
pub(super) static POD_CORES: Field = Field::new(
    "cores",
    Shape::OneOf(&[Shape::Count, Shape::Object(&SHARE_OF_CORES)]),
    "{request: 0.5, limit: 2}",
    "Cores, instead of those of the machine type; with `on`, what an instance is promised of its host and may take at most",
);
static SHARE_OF_CORES: Table = Table {
    name: "cores",
    about: "What an instance has of a host that it shares with others, as a Kubernetes pod has",
    fields: &[
        Field::new(
            "request",
            Shape::Number,
            "0.5",
            "Cores promised: all of a host together fit on it, and when it is full they share by this",
        )
        .required(),
        Field::new("limit", Shape::Number, "2", "Most cores it may use at a time; all of the host unless given"),
    ],
};
pub(super) static MEMORY: Field =
    Field::new("memory", Shape::Bytes, "16GiB", "Memory, instead of that of the machine type");
pub(super) static DISK_FIELD: Field = Field::new(
    "disk",
    Shape::Object(&DISK),
    "{size: 200GB, iops: 3000, bandwidth: 125MB/s}",
    "The disk, instead of that of the machine type",
);
pub(super) static NIC: Field =
    Field::new("nic", Shape::Bandwidth, "5Gbps", "Bandwidth of the network card, instead of that of the machine type");
pub(super) static SPEED: Field = Field::new("speed", Shape::Number, "1.2", "Speed of a core; `cpu` is divided by it");
pub(super) static PRICE: Field =
    Field::new("price", Shape::Price(Dimension::MoneyRate), "$120/month", "Of one machine, instead of the catalogue's");
pub(super) static SCHEDULING: Field = Field::new(
    "scheduling",
    Shape::Word(&["ps", "fcfs"]),
    "fcfs",
    "How cores are shared: all in flight get an equal part (`ps`), or one after the other",
)
.or("ps");

static DISK: Table = Table {
    name: "disk",
    about: "A disk",
    fields: &[
        Field::new("size", Shape::Bytes, "200GB", "How much fits"),
        Field::new("iops", Shape::OneOf(&[Shape::Count, Shape::Rate]), "3000", "Operations per second"),
        Field::new("bandwidth", Shape::Bandwidth, "125MB/s", "Bytes per second"),
    ],
};

/// Reads the figures of a machine that the reader's table offers.
pub(super) fn figures(r: &mut Reader) -> Machine {
    let offered = |r: &Reader, name: &str| r.table().field(name).is_some();
    let mut machine = Machine::default();
    if offered(r, "cores") {
        machine.cores = cores(r);
        machine.pod = pod(r);
    }
    if offered(r, "memory") && r.node("memory").is_some_and(|node| node.as_map().is_none()) {
        machine.memory_bytes = r.bytes("memory").map(|bytes| bytes.value);
    }
    if offered(r, "disk")
        && let Some(mut r) = r.object("disk")
    {
        disk(&mut r, &mut machine);
    }
    if offered(r, "nic") {
        machine.nic = r.bandwidth("nic").map(|nic| nic.value);
    }
    if offered(r, "speed") {
        let speed = r.number("speed");
        machine.speed = r.within("speed", speed, 1e-3, 1e3).map(|speed| speed.value);
    }
    if offered(r, "scheduling") {
        machine.fcfs = r.word("scheduling").map(|word| word.value == "fcfs").filter(|fcfs| *fcfs);
    }
    machine
}

/// Dollars an hour of one machine.
pub(super) fn price_per_hour(r: &mut Reader) -> Option<f64> {
    r.quantity("price", Dimension::MoneyRate).map(|price| price.value * 3600.0)
}

fn cores(r: &mut Reader) -> Option<f64> {
    if r.node("cores")?.as_map().is_some() && is_shared(r) {
        return None;
    }
    r.count_from("cores", 1).map(|cores| cores.value as f64)
}

/// Whether the table lets an instance have a share of a host.
fn is_shared(r: &Reader) -> bool {
    r.table().field("cores").is_some_and(|field| matches!(field.shape, Shape::OneOf(_)))
}

/// `cores: {request: 0.5, limit: 2}`.
fn pod(r: &mut Reader) -> Option<Pod> {
    if !is_shared(r) || r.node("cores")?.as_map().is_none() {
        return None;
    }
    let owner = r.key("cores");
    let is_on = r.has("on");
    let mut r = r.object("cores")?;
    let request = r.number("request");
    let request = r.within("request", request, 1e-3, 1e4)?.value;
    let limit = r.number("limit");
    let limit = r.within("limit", limit, request, 1e4).map_or(f64::INFINITY, |limit| limit.value);
    if !is_on {
        let told = Diagnostic::new(Code::Inert, owner, "`request` and `limit` have no effect without a host to share");
        r.tell(told.help("say which with `on:`, or write the number of cores of its own"));
        return None;
    }
    Some(Pod { request, limit })
}

fn disk(r: &mut Reader, machine: &mut Machine) {
    machine.disk_bytes = r.bytes("size").map(|size| size.value);
    let dimension = match r.node("iops").and_then(Node::as_text) {
        Some(text) if text.contains('/') => Dimension::Rate,
        _ => Dimension::Count,
    };
    machine.disk_iops = r.quantity("iops", dimension).map(|iops| iops.value);
    machine.disk_bandwidth = r.bandwidth("bandwidth").map(|bandwidth| bandwidth.value);
    for (name, value) in [("iops", machine.disk_iops), ("bandwidth", machine.disk_bandwidth)] {
        if value.is_some_and(|value| value <= 0.0) {
            let told = Diagnostic::new(Code::OutOfRange, r.key(name), format!("a disk without {name} serves nobody"));
            r.tell(told);
        }
    }
}

/// Reads where a component runs, and checks the number of machines against that of the instances.
pub(super) fn placement(r: &mut Reader) -> (Placement, u32) {
    // A database has one primary and refuses `instances` by its table.
    let offered = |name: &str| r.table().field(name).is_some_and(|field| field.available);
    let counts = ["instances", "pops"].into_iter().find(|name| offered(name));
    let (instances, at) = match counts {
        Some(field) => counted(r, field, "place"),
        None => (None, place(r, "primary")),
    };
    let machine = match r.one_of(&["machine", "on"]) {
        Some("machine") => MachineChoice::Own(types(r)),
        Some(_) => name(r, "on").map_or(MachineChoice::None, MachineChoice::On),
        None => MachineChoice::None,
    };
    let mut overrides = figures(r);
    if matches!(r.table().field("price"), Some(field) if matches!(field.shape, Shape::Price(Dimension::MoneyRate))) {
        overrides.price_per_hour = price_per_hour(r);
    }
    let of_types = match &machine {
        MachineChoice::Own(types) if r.node("machine").is_some_and(|node| node.as_map().is_some()) => {
            types.iter().map(|(_, number)| number).sum()
        }
        _ => 0,
    };
    if 0 < of_types
        && let Some(written) = instances.filter(|written| *written != of_types)
    {
        let message = format!("{written} instances, but {of_types} machines");
        let told = Diagnostic::new(Code::Excluded, r.key("instances"), message);
        let machines = r.key("machine");
        r.tell(told.note_at(machines, "the machines are here").help("leave `instances` out"));
    }
    if 0 < of_types && at.iter().any(|(_, number)| 0 < *number) {
        let message = "several types of machines at several places are not available yet";
        let told = Diagnostic::new(Code::NotAvailable, r.key("instances"), message);
        r.tell(told.help("write a component for each type"));
    }
    let instances = if 0 < of_types { of_types } else { instances.unwrap_or(1) };
    (Placement { machine, overrides, at }, instances)
}

/// How many there are in all, and where: `count: 6` with or without `place`, or numbers by place.
fn counted(r: &mut Reader, number: &str, place_field: &str) -> (Option<u32>, At) {
    let Some(at) = by_place(r, number) else {
        let total = if r.has(number) { count(r, number, 1) } else { None };
        return (total, place(r, place_field));
    };
    if r.has(place_field) {
        let told =
            Diagnostic::new(Code::Excluded, r.key(place_field), format!("`{number}` says already where they are"));
        let numbers = r.key(number);
        let told = told.note_at(numbers, format!("`{number}` is given here"));
        r.tell(told.help(format!("leave it out, or write `{place_field}: null` if it comes from elsewhere")));
    }
    (Some(at.iter().map(|(_, number)| number).sum()), at)
}

/// The one place of all.
pub(super) fn place(r: &mut Reader, field: &str) -> At {
    let offered = r.table().field(field).is_some_and(|field| field.available);
    if offered { name(r, field).map(|place| (place, 0)).into_iter().collect() } else { At::new() }
}

fn types(r: &mut Reader) -> Vec<(Reference, u32)> {
    if r.node("machine").is_none_or(|node| node.as_map().is_none()) {
        return name(r, "machine").map(|one| (one, 0)).into_iter().collect();
    }
    let mut types = Vec::new();
    for (key, node) in r.map("machine") {
        let number = crate::scenario::values::weight(node, r.diags());
        match number {
            Some(number) if 1.0 <= number && number.fract() == 0.0 && number < 1e6 => {
                types.push((Spotted::new(key.value.clone(), letters(key)), number as u32));
            }
            Some(_) => r.tell(Diagnostic::new(Code::OutOfRange, node.spot, "a number of machines is at least 1")),
            None => {}
        }
    }
    types.sort_by(|a, b| a.0.value.cmp(&b.0.value));
    types
}

/// Reads a host.
pub(super) fn host(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Host {
    let mut r = Reader::new(owner, node, &HOST, diags);
    let mut overrides = figures(&mut r);
    overrides.price_per_hour = price_per_hour(&mut r);
    if !r.has("machine") && !r.has("cores") && r.is_map() {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "this host has neither `machine` nor `cores`");
        r.tell(told.help("add `machine: m5.4xlarge` or `cores: 4`"));
    }
    let (count, at) = counted(&mut r, "count", "place");
    let count = count.unwrap_or(1);
    let grow = r.object("grow").and_then(|mut r| grow(&mut r, env, count));
    if grow.is_some() && 1 < at.len() {
        let told = Diagnostic::new(Code::Excluded, r.key("grow"), "hosts that grow stand at one place");
        r.tell(told.help("write a host for each place"));
    }
    Host { machine: name(&mut r, "machine"), overrides, count, at, grow }
}

fn grow(r: &mut Reader, env: &mut Env, count: u32) -> Option<Grow> {
    let most = r.count_from("max", 1)?.value as u32;
    if most <= count {
        let message = format!("at most {most} hosts are no more than the {count} there are");
        r.tell(Diagnostic::new(Code::OutOfRange, r.key("max"), message));
        return None;
    }
    let boot = draw(r, env, "boot", Dimension::Time).unwrap_or(Distribution::Constant(90.0));
    Some(Grow { most, boot, idle_s: r.time("idle").map_or(600.0, |idle| idle.value) })
}

/// Reads a region.
pub(super) fn region(owner: Spot, node: &Node, diags: &mut Diagnostics) -> Region {
    let mut r = Reader::new(owner, node, &REGION, diags);
    let zones = count(&mut r, "zones", 1).unwrap_or(1);
    if 200 < zones {
        let told = Diagnostic::new(Code::OutOfRange, r.key("zones"), "a region has at most 200 zones");
        r.tell(told);
    }
    let ahead_s = r.parsed("utc", Code::Unit, ahead_of_utc).map(|ahead| ahead.value);
    Region { zones: zones.min(200), is_default: r.flag("default").is_some_and(|flag| flag.value), ahead_s }
}

/// `+05:30` or `-5` as seconds.
fn ahead_of_utc(text: &str) -> Result<f64, UnitError> {
    let wrong = || UnitError {
        start: 0,
        end: text.len(),
        message: format!("`{text}` is not a distance from UTC"),
        help: Some("write it as in `+05:30`".to_owned()),
    };
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("-", rest)) => (-1.0, rest),
        Some(("+", rest)) => (1.0, rest),
        _ => (1.0, text),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    match (hours.parse::<u32>(), minutes.parse::<u32>()) {
        (Ok(hours), Ok(minutes)) if hours <= 14 && minutes < 60 => {
            Ok(sign * (f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0))
        }
        _ => Err(wrong()),
    }
}

/// Reads a link.
pub(super) fn link(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Link {
    let mut r = Reader::new(owner, node, &LINK, diags);
    Link {
        latency: draw(&mut r, env, "latency", Dimension::Time),
        bandwidth: r.bandwidth("bandwidth").map(|bandwidth| bandwidth.value),
        price_per_byte: r.quantity("price", Dimension::MoneyPer(Per::Byte)).map(|price| price.value),
    }
}
