//! `kind: function` (serverless) and `kind: pooler` (between callers and a database).

use crate::diagnostic::Spotted;
use crate::diagnostic::{Code, Diagnostic};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::policy::environment::Environments;
use crate::scenario::Reference;
use crate::scenario::component::{ABSTRACT, BALANCE, BOOT, HEALTH, INSTANCES, KIND, LIKE, OPERATIONS, PREFER};
use crate::scenario::elastic::{DRAIN, SCALED};
use crate::scenario::machine::{CORES, DISK_FIELD, MEMORY, NIC, ON, OWN, PLACE, PRICE, SCHEDULING, SPEED};
use crate::scenario::policy::RATE_LIMIT;
use crate::scenario::scale::Autoscale;
use crate::scenario::values::{Env, count, draw, name};
use crate::units::{Dimension, Per, Span};

/// A function: one environment for each request, bought by the call.
#[derive(Clone, Debug)]
pub struct Function {
    pub memory_bytes: f64,
    /// Seconds until a new environment serves.
    pub cold: Distribution,
    pub environments: Environments,
    /// Seconds a request may take.
    pub limit_s: f64,
    /// Dollars of a request, of a gigabyte-second of work, and of one that is provisioned.
    pub per_request: f64,
    pub per_gb_s: f64,
    pub per_provisioned_gb_s: f64,
}

/// Few connections to a database for many clients.
#[derive(Clone, Debug)]
pub struct Pooler {
    /// The one database.
    pub targets: Vec<(Reference, f64)>,
    pub size: u32,
    pub reserve: u32,
    pub reserve_after_s: f64,
    pub pooling: Pooling,
}

/// For how long a pooler lends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// From the first query of a visit of the caller to the visit's end.
    Session,
    Transaction,
    Statement,
}

/// A function.
pub static FUNCTION: Table = Table {
    name: "function",
    about: "Serverless: an environment for each request, started when needed and kept for a while, paid by use",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field { required: true, ..OPERATIONS },
        Field::new("memory", Shape::Bytes, "512MB", "Of an environment; gigabyte-seconds are counted by it").or("1GB"),
        Field::new(
            "cold",
            Shape::Distribution(Dimension::Time),
            "lognormal(p50=400ms p99=2s)",
            "Time until a new environment serves its first request",
        )
        .or("0s"),
        Field::new("idle", Shape::Time, "10m", "How long an environment that nobody uses is kept").or("10m"),
        Field::new(
            "concurrency",
            Shape::Object(&CONCURRENCY),
            "{limit: 1000, burst: 500, ramp: 500/min, provisioned: 5}",
            "How many environments there may be, and how fast they may become more",
        )
        .or("{}"),
        Field {
            about: "Change the number of provisioned environments; it begins with `provisioned`, or else with `min`",
            example: "{min: 5, max: 50, target: {in_flight per instance: 0.7}}",
            ..SCALED
        },
        Field::new(
            "timeout",
            Shape::Time,
            "15m",
            "Longest time of a request; it fails as `timeout`, and its work stops",
        )
        .or("15m"),
        Field::new(
            "price",
            Shape::Object(&FUNCTION_PRICE),
            "{request: $0.20/M, gb_second: $0.0000166667}",
            "What requests and gigabyte-seconds cost, instead of the catalogue's",
        ),
        PLACE,
        PREFER,
        RATE_LIMIT,
    ],
};
static CONCURRENCY: Table = Table {
    name: "function concurrency",
    about: "How many environments there may be; what finds none fails as `throttled`",
    fields: &[
        Field::new("limit", Shape::Count, "1000", "Most requests at the same time").or("1000"),
        Field::new("burst", Shape::Count, "500", "New environments at once; as many as the limit unless given"),
        Field::new("ramp", Shape::Rate, "500/min", "New environments in a time after the burst").or("500/min"),
        Field::new("provisioned", Shape::Count, "5", "Environments that are always warm, and always paid").or("0"),
    ],
};
static FUNCTION_PRICE: Table = Table {
    name: "function price",
    about: "What a function costs",
    fields: &[
        Field::new("request", Shape::Price(Dimension::MoneyPer(Per::Piece)), "$0.20/M", "Of a request").or("$0.20/M"),
        Field::new("gb_second", Shape::Price(Dimension::Money), "$0.0000166667", "Of a gigabyte for a second of work")
            .or("$0.0000166667"),
        Field::new(
            "provisioned",
            Shape::Price(Dimension::Money),
            "$0.0000041667",
            "Of a gigabyte that is provisioned for a second, used or not",
        )
        .or("$0.0000041667"),
    ],
};

/// Seconds a request may take, unless `timeout` says otherwise.
const LIMIT_S: f64 = 900.0;

/// Dollars of AWS Lambda, us-east-1, x86, as of January 2025: a request, a GB-second, a provisioned GB-second.
const REQUEST: f64 = 0.20e-6;
const GB_SECOND: f64 = 0.0000166667;
const PROVISIONED: f64 = 0.0000041667;

/// A pooler.
pub static POOLER: Table = Table {
    name: "pooler",
    about: "A hop before a database: many clients share few connections",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field::new("targets", Shape::Name(Thing::Component), "db", "The database; its operations are offered here")
            .required(),
        Field::new("size", Shape::Count, "25", "Connections to the database of each instance").required(),
        Field::new("reserve", Shape::Count, "5", "More connections for who has waited too long").or("0"),
        Field::new("reserve_after", Shape::Time, "5s", "How long is too long").or("5s"),
        Field::new(
            "clients",
            Shape::Count,
            "1000",
            "Requests at an instance, waiting or served; more fail as `queue_full`",
        )
        .or("1000"),
        Field::new(
            "mode",
            Shape::Word(&["transaction", "statement", "session"]),
            "statement",
            "When a connection is given back: when the caller's visit ends (`session`), at the end of a transaction, or after each statement",
        )
        .or("transaction"),
        OWN,
        ON,
        INSTANCES,
        PLACE,
        BALANCE,
        HEALTH,
        PREFER,
        CORES,
        MEMORY,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
        DRAIN,
        SCALED,
    ],
};

/// Reads what makes a function.
pub(super) fn function(r: &mut Reader, env: &mut Env) -> Function {
    let idle_s = r.time("idle").map_or(600.0, |idle| idle.value);
    let environments = environments(r, idle_s);
    let (per_request, per_gb_s, per_provisioned_gb_s) = prices(r);
    Function {
        memory_bytes: r.bytes("memory").map_or(1e9, |memory| memory.value),
        cold: draw(r, env, "cold", Dimension::Time).unwrap_or(Distribution::Constant(0.0)),
        environments,
        limit_s: limit(r),
        per_request,
        per_gb_s,
        per_provisioned_gb_s,
    }
}

/// An autoscaler changes how many environments are provisioned: it begins with those, or with the fewest.
pub(super) fn provisioned(r: &mut Reader, function: &mut Function, scale: &Spotted<Autoscale>) {
    let (min, max) = (scale.value.behaviour.min, scale.value.behaviour.max);
    let Environments { limit, provisioned, .. } = &mut function.environments;
    if *limit < max {
        let message = format!("{max} environments cannot be provisioned where only {limit} may run");
        r.tell(Diagnostic::new(Code::OutOfRange, scale.spot, message).help("lower `max`, or raise the limit"));
    }
    if *provisioned == 0 {
        *provisioned = min;
    }
    if max < *provisioned || *provisioned < min {
        let message = format!("{provisioned} provisioned are not between the autoscaler's {min} and {max}");
        r.tell(Diagnostic::new(Code::OutOfRange, r.key("concurrency"), message));
    }
}

fn limit(r: &mut Reader) -> f64 {
    let Some(limit) = r.time("timeout") else { return LIMIT_S };
    if limit.value <= 0.0 {
        r.tell(Diagnostic::new(Code::OutOfRange, limit.spot, "a request needs some time"));
    }
    limit.value
}

fn environments(r: &mut Reader, idle_s: f64) -> Environments {
    let idle = Span::from_secs_f64(idle_s);
    let owner = r.key("concurrency");
    let mut read = Environments { limit: 1000, burst: None, ramp_per_s: 500.0 / 60.0, provisioned: 0, idle };
    if let Some(mut r) = r.object("concurrency") {
        read.limit = count(&mut r, "limit", 1).unwrap_or(read.limit);
        read.burst = if r.has("burst") { count(&mut r, "burst", 0) } else { None };
        read.ramp_per_s = r.rate("ramp").map_or(read.ramp_per_s, |ramp| ramp.value);
        read.provisioned = if r.has("provisioned") { count(&mut r, "provisioned", 0).unwrap_or(0) } else { 0 };
    }
    if let Some(problem) = read.problem() {
        r.tell(Diagnostic::new(Code::OutOfRange, owner, problem));
    }
    read
}

fn prices(r: &mut Reader) -> (f64, f64, f64) {
    let Some(mut r) = r.object("price") else { return (REQUEST, GB_SECOND, PROVISIONED) };
    let mut money = |name: &str, dimension| r.quantity(name, dimension).map(|price| price.value);
    (
        money("request", Dimension::MoneyPer(Per::Piece)).unwrap_or(REQUEST),
        money("gb_second", Dimension::Money).unwrap_or(GB_SECOND),
        money("provisioned", Dimension::Money).unwrap_or(PROVISIONED),
    )
}

/// Reads what makes a pooler, and how many clients an instance takes.
pub(super) fn pooler(r: &mut Reader) -> Option<(Pooler, u32)> {
    let pooling = match r.word("mode").map_or("transaction", |mode| mode.value) {
        "session" => Pooling::Session,
        "statement" => Pooling::Statement,
        _ => Pooling::Transaction,
    };
    let clients = if r.has("clients") { count(r, "clients", 1)? } else { 1000 };
    let reserve = if r.has("reserve") { count(r, "reserve", 0)? } else { 0 };
    let reserve_after_s = r.time("reserve_after").map_or(5.0, |after| after.value);
    let targets = name(r, "targets");
    let size = count(r, "size", 1);
    let targets = vec![(targets?, 1.0)];
    let pooler = Pooler { targets, size: size?, reserve, reserve_after_s, pooling };
    Some((pooler, clients))
}
