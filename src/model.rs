//! What a scenario means: dense tables, flat step programs, no text. Immutable; the engine reads it and nothing else.
//!
//! Names are kept beside the tables for reports and never looked up in a run. A *component* owns the stations `first ..
//! first + count` (one per instance); a station runs on at most one *host*; an *operation* is a program in `steps` from
//! `entry` on; an *edge* is one call site with all that surrounds the call; a *source* is a load; a *request class* is a
//! (load, target) pair, the unit of statistics; a *cell* is a (component, cause) pair that time is attributed to.

mod arrows;
pub mod autoscale;
pub mod brokers;
pub mod caches;
pub mod capacity;
mod check;
pub mod compile;
mod components;
mod conditions;
pub mod copies;
pub mod budget;
pub mod deploy;
mod edges;
pub mod events;
mod faults;
pub mod guards;
mod keys;
mod links;
mod locks;
pub mod listing;
pub mod loads;
pub mod logs;
mod names;
pub mod nodes;
pub mod naming;
mod places;
pub mod plan;
pub mod prices;
pub mod program;
pub mod region;
pub mod releases;
pub mod residency;
mod replay;
mod sagas;
mod scale;
pub mod spot;
mod state;
mod steps;
pub mod telemetry;
pub mod traffic;
pub mod trouble;
pub mod vertical;
pub mod wal;
mod windows;

use crate::distribution::sampler::Samplers;
use crate::model::autoscale::Scaler;
use crate::model::brokers::{Consumer, Group, Topic};
use crate::model::budget::Budget;
use crate::model::caches::Cache;
use crate::model::capacity::Capacity;
use crate::model::copies::Copies;
use crate::model::deploy::Deploy;
use crate::model::events::EventStore;
use crate::model::guards::{Guard, HedgeSpec, LimitSpec, Sticky};
use crate::model::loads::{RequestClass, Source};
use crate::model::logs::{Club, Log};
use crate::model::naming::Naming;
use crate::model::nodes::Nodes;
use crate::model::plan::{Prefill, Sampling};
use crate::model::prices::Price;
use crate::model::program::{
    CacheUse, Chance, DedupeUse, Edge, Fork, Handler, Io, LockUse, PageUse, PublishUse, ReplayUse, Saga, Step,
    TransactionUse, WindowUse,
};
use crate::model::region::{Place, Region, Ways};
use crate::model::residency::Residency;
use crate::model::telemetry::Telemetry;
use crate::model::trouble::Trouble;
use crate::model::wal::Wal;
use crate::policy::balance::Balance;
use crate::policy::breaker::Breaker;
use crate::policy::discipline::Order;
use crate::policy::eject::Eject;
use crate::policy::environment::Environments;
use crate::policy::{sharding::Map, shed::Shed};
use crate::popularity::Popular;
use crate::scenario::condition::{Per, Relation, Resource, Stat};
use crate::scenario::{function::Pooling, machine::Pod};
use crate::units::{Span, Time};

/// "There is none", in every index of 16 and 32 bits.
pub const NONE16: u16 = u16::MAX;
pub const NONE: u32 = u32::MAX;

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub steps: Vec<Step>,
    pub handlers: Vec<Handler>,
    pub chances: Vec<Chance>,
    pub ios: Vec<Io>,
    pub page_uses: Vec<PageUse>,
    pub forks: Vec<Fork>,
    pub lock_uses: Vec<LockUse>,
    pub transactions: Vec<TransactionUse>,
    pub cache_uses: Vec<CacheUse>,
    pub edges: Vec<Edge>,
    /// All distributions; keys are name and purpose hashed, the engine mixes seed and replication in.
    pub samplers: Samplers,
    pub operations: Vec<Operation>,
    pub components: Vec<Component>,
    pub telemetry: Vec<Telemetry>,
    pub regions: Vec<Region>,
    /// Of each region its zones, then the region as a whole.
    pub places: Vec<Place>,
    pub residency: Vec<Residency>,
    pub caches: Vec<Cache>,
    pub topics: Vec<Topic>,
    pub groups: Vec<Group>,
    pub logs: Vec<Log>,
    pub clubs: Vec<Club>,
    pub consumers: Vec<Consumer>,
    pub publish_uses: Vec<PublishUse>,
    pub sagas: Vec<Saga>,
    pub dedupe_uses: Vec<DedupeUse>,
    pub windows: Vec<WindowUse>,
    pub event_stores: Vec<EventStore>,
    pub replay_uses: Vec<ReplayUse>,
    pub functions: Vec<Function>,
    pub capacities: Vec<Capacity>,
    pub nodes: Vec<Nodes>,
    pub stations: Vec<Station>,
    pub scalers: Vec<Scaler>,
    pub verticals: Vec<vertical::Vertical>,
    pub spots: Vec<spot::Spot>,
    pub copies: Vec<Copies>,
    pub wals: Vec<Wal>,
    pub hosts: Vec<Host>,
    pub pools: Vec<Pool>,
    pub limits: Vec<LimitSpec>,
    pub breakers: Vec<Guard<Breaker>>,
    pub ejects: Vec<Guard<Eject>>,
    pub hedges: Vec<HedgeSpec>,
    pub pipes: Vec<Pipe>,
    pub ways: Vec<Ways>,
    pub sources: Vec<Source>,
    pub classes: Vec<RequestClass>,
    pub keys: Vec<Key>,
    pub faults: Vec<Fault>,
    pub cells: Vec<Cell>,
    /// Names of failure kinds; index is `FailureKind`. The first are fixed (see `FAILURES`), the author's own follow.
    pub failures: Vec<String>,
    pub filters: Vec<Filter>,
    pub watches: Vec<Watch>,
    pub conditions: Vec<Condition>,
    pub budgets: Vec<Budget>,
    pub run: Run,
    /// What the whole costs; evaluated by analysis on the measured use.
    pub prices: Vec<Price>,
    /// Components and hosts that no price is known for.
    pub unpriced: Vec<String>,
}

/// The failure kinds every model knows, in the order of their numbers.
pub const FAILURES: &[&str] = &[
    "timeout",
    "deadline",
    "abandoned",
    "queue_full",
    "rate_limited",
    "shed",
    "breaker_open",
    "pool_full",
    "throttled",
    "refused",
    "reset",
    "unavailable",
    "conflict",
    "out_of_memory",
    "not_found",
];

/// Index into [`Model::failures`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure(pub u8);

impl Failure {
    pub const TIMEOUT: Failure = Failure(0);
    pub const DEADLINE: Failure = Failure(1);
    pub const ABANDONED: Failure = Failure(2);
    pub const QUEUE_FULL: Failure = Failure(3);
    pub const RATE_LIMITED: Failure = Failure(4);
    pub const SHED: Failure = Failure(5);
    pub const BREAKER_OPEN: Failure = Failure(6);
    pub const POOL_FULL: Failure = Failure(7);
    pub const THROTTLED: Failure = Failure(8);
    pub const REFUSED: Failure = Failure(9);
    pub const RESET: Failure = Failure(10);
    pub const UNAVAILABLE: Failure = Failure(11);
    pub const CONFLICT: Failure = Failure(12);
    pub const OUT_OF_MEMORY: Failure = Failure(13);
    pub const NOT_FOUND: Failure = Failure(14);
}

#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Seconds since Monday 00:00 at simulated time 0.
    pub start_s: f64,
    /// `None`: until `requests` have left.
    pub duration: Option<Span>,
    pub requests: Option<u64>,
    /// `None`: found by MSER-5.
    pub warmup: Option<Span>,
    /// When snapshots are taken, as candidates for the end of warm-up; in a run by requests, counts of finished ones.
    pub cuts: Vec<Time>,
    pub cut_counts: Vec<u64>,
    /// Length of a time-series window.
    pub window: Span,
    pub memory_bytes: u64,
    pub events: u64,
    /// First instant at which a fault or a change of shape happens: warm-up never reaches beyond it.
    pub first_change: Option<Time>,
    /// Traffic before the run; `None`: caches and buffer pools start cold, or there are none.
    pub prefill: Option<Prefill>,
    /// Replicate until the half-width of the probe is within this share of its mean, at most so many times.
    pub precision: Option<(Probe, f64, u32)>,
    pub scale: Scale,
    /// Quiet time is sampled.
    pub sampling: Option<Sampling>,
    /// The time line of a request is kept where its address has none of these bits: of a few thousand in a run.
    pub sample: u64,
}

/// What the run stands for: see `model/scale.rs`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scale {
    /// The 50 of `1/50`; 0 and 1 are the whole.
    pub by: u32,
    /// By how much each instance of a component, and each host, is smaller than it was written.
    pub components: Vec<u32>,
    pub hosts: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub name: String,
    pub component: u16,
    pub entry: u16,
    /// Straight-line demand (cpu and wait draws before any branch or call), for `least_work`.
    pub upfront: Vec<u16>,
    /// Of a database: changes rows.
    pub writes: bool,
    /// Of a database: runs at the primary although it only reads.
    pub from_primary: bool,
    /// The program that repeats a write at a replica, or a read for a quorum, or `NONE16`.
    pub replay: u16,
    /// The shard of its table, where tables have shards of their own.
    pub table: u32,
    /// Of a log: the topic that it appends to, or `NONE16`.
    pub topic: u16,
}

#[derive(Clone, Debug)]
pub struct Component {
    pub name: String,
    pub kind: &'static str,
    pub first: u32,
    pub count: u32,
    /// Workers (connections of a database) per instance; `NONE`: without limit.
    pub slots: u32,
    /// What the slots are called in reports: workers or connections.
    pub slots_are: Resource,
    /// `NONE`: without limit.
    pub queue_limit: u32,
    pub order: Order,
    pub shed: Option<Shed>,
    /// Key of `fair(key)`.
    pub order_key: u16,
    /// Slots are given back while the request waits for what it called.
    pub waits_async: bool,
    pub balance: Balance,
    /// Key of `hash(key)` and `consistent_hash(key)`.
    pub balance_key: u16,
    pub sticky: Option<Sticky>,
    pub health: Option<Health>,
    /// Whether it matters where callers stand, and whether their zone does.
    pub prefers: bool,
    pub prefers_zone: bool,
    /// Places of `failover(a b)`, the most wanted first.
    pub failover: Vec<u16>,
    /// Regions of `geoproximity(...)` with their weights and biases.
    pub pulls: Vec<(u16, f64, f64)>,
    /// Key and number of the cells that its instances are dealt to, where it is part of a stamp.
    pub cells: Option<(u16, u32)>,
    /// It is a name service: no hop.
    pub naming: Option<Naming>,
    /// Stream for the balancer's draws.
    pub key: u64,
    /// Cell of the time spent in the queue for a slot; `NONE16` where nobody ever waits (no limit, nothing that pauses).
    pub queue_cell: u16,
    pub limit: u16,
    /// Share of requests that fail at once as `unavailable`, of 2^32.
    pub coin: u64,
    /// Up and down in turn (samplers, seconds in ns), or `NONE16`.
    pub up_draw: u16,
    pub down_draw: u16,
    /// Time an instance needs until it serves, when it is started or comes back after it died.
    pub boot_draw: u16,
    /// Bytes that come over the network before a new instance boots.
    pub image_bytes: f64,
    pub warm: Option<Warm>,
    /// Time to finish for what is in flight when an instance is taken away.
    pub drain: Span,
    /// What an instance has of a host that it shares.
    pub pod: Option<Pod>,
    pub memory_idle: u64,
    pub memory_each: u64,
    /// Per instance; `u64::MAX`: only the host limits.
    pub memory_limit: u64,
    /// Buffer pool of a database.
    pub buffer: Option<Buffer>,
    /// Of a database: bytes of a row.
    pub row_bytes: f64,
    /// Index into [`Model::copies`]: its instances are not alike; `NONE16`: they are.
    pub copies: u16,
    /// Index into [`Model::caches`], or `NONE16`.
    pub cache: u16,
    /// What each instance keeps to itself: index into [`Model::caches`], or `NONE16`.
    pub state: u16,
    /// Index into [`Model::topics`] (of a log, of its first one), or `NONE16`.
    pub topic: u16,
    /// Index into [`Model::event_stores`], or `NONE16`.
    pub events: u16,
    /// Index into [`Model::wals`], or `NONE16`.
    pub wal: u16,
    /// Index into [`Model::functions`], or `NONE16`.
    pub function: u16,
    /// Of a pooler: what it gives a connection for.
    pub pooling: Option<Pooling>,
    pub price_per_request: f64,
}

/// Slow first requests of an instance that has just booted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warm {
    pub lasts: Span,
    /// Its work takes that many times as long.
    pub slower: f64,
    /// It warms itself up before requests come.
    pub joins_warm: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    pub interval: Span,
    pub healthy: u32,
    pub unhealthy: u32,
    pub timeout: Span,
}

/// Pages kept in memory, in extents so that at most a million are tracked.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// Pages of 8 KiB that fit.
    pub pages: u64,
    /// Pages of data on one instance.
    pub data_pages: u64,
    pub rows_per_page: f64,
    /// Rows on one instance.
    pub rows: f64,
    /// Key whose value picks the row; `NONE16`: rows are uniform.
    pub key: u16,
}

/// What starts environments for requests.
#[derive(Clone, Debug)]
pub struct Function {
    pub component: u16,
    pub environments: Environments,
    /// `NONE16`: a new environment is there at once.
    pub cold_draw: u16,
    pub cold_cell: u16,
    pub memory_bytes: f64,
}

/// One instance.
#[derive(Clone, Copy, Debug)]
pub struct Station {
    pub component: u16,
    /// A zone; `NONE16`: nowhere in particular; or [`WITH_REQUEST`].
    pub place: u16,
    /// `NONE`: cores without limit, no disk, no NIC.
    pub host: u32,
    /// Weight for `weighted` (cores unless given).
    pub weight: f64,
}

/// Cores, disk, NIC and memory that instances share.
#[derive(Clone, Debug)]
pub struct Host {
    pub name: String,
    /// As that of a station.
    pub place: u16,
    /// `NONE`: without limit.
    pub cores: u32,
    /// Cores promised to instances that share it.
    pub promised: f64,
    /// Cores are shared by all (processor sharing) or given in turn.
    pub sharing: bool,
    /// Work per second of a core; demands are divided by it.
    pub speed: f64,
    /// 0: without limit.
    pub disk_iops: f64,
    pub disk_bytes_per_s: f64,
    pub nic_bytes_per_s: f64,
    /// 0: without limit.
    pub memory_bytes: u64,
}

/// Connections of each instance of one component to another component.
#[derive(Clone, Debug)]
pub struct Pool {
    pub name: String,
    /// Component whose instances own a pool each; `NONE16`: a load owns one.
    pub owner: u16,
    /// Component the connections lead to; a killed instance empties them.
    pub target: u16,
    pub size: u32,
    /// More for who has waited that long.
    pub reserve: u32,
    pub reserve_after: Span,
    /// Longest wait; `None` for ever.
    pub wait: Option<Span>,
    /// `NONE16`: opening costs nothing.
    pub connect_draw: u16,
    pub wait_cell: u16,
    pub connect_cell: u16,
}

/// A link with a bandwidth: bytes queue for it.
#[derive(Clone, Debug)]
pub struct Pipe {
    pub name: String,
    /// 0: without limit (a price only).
    pub bytes_per_s: f64,
    pub price_per_byte: f64,
}

#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    pub stream: u64,
    /// The same for all keys that are draws from one population: their values are the same things.
    pub population: u64,
    pub origin: KeyOrigin,
    /// Ranks are shuffled (a bijection over `count`).
    pub scattered: bool,
    /// The version of an object is part of its name.
    pub versioned: bool,
    pub count: u64,
    /// Bytes of the object with that value, or `NONE16`.
    pub bytes_draw: u16,
}

#[derive(Clone, Debug)]
pub enum KeyOrigin {
    Drawn(Popular),
    Fixed(u64),
    /// One after the other, or the values of a trace.
    Scan,
    Trace(Vec<u64>),
    /// A function of another key: cumulative shares of 2^32; the value is the index.
    Shares {
        of: u16,
        cumulative: Vec<u64>,
    },
    Grouped {
        of: u16,
        sizes: Popular,
    },
}

#[derive(Clone, Debug)]
pub struct Fault {
    pub name: String,
    /// Instant of the one occurrence, or the sampler of the gaps.
    pub at: Option<Time>,
    pub every_draw: u16,
    /// `NONE16`: to the end of the run.
    pub lasts_draw: u16,
    pub key: u64,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Kill(Target),
    Slow(Target, f64),
    /// Share of 2^32 and kind.
    Errors {
        component: u16,
        operation: u16,
        /// `None`: at all instances.
        target: Option<Target>,
        share: u64,
        kind: Failure,
    },
    /// The rate of a source is multiplied: its shape holds that, from the start or when the run begins.
    Surge {
        source: u16,
        factor: f64,
        ramp_s: f64,
    },
    Pause(Target),
    /// Messages are lost or late.
    Link(Trouble),
    Deploy(Deploy),
    /// The shards of a database become more; `map` is where rows are afterwards.
    Reshard {
        copies: u16,
        map: Map,
        bytes_per_s: f64,
    },
    /// Dead letters of this topic go back.
    Redrive {
        topic: u16,
    },
    /// Groups read again what was appended to their topics since so long.
    Rewind {
        groups: Vec<u16>,
        back: Span,
    },
    Release(releases::Released),
    /// The entry of a key value goes, or all of them (`key` is `NONE16`).
    Expire {
        cache: u16,
        key: u16,
        value: u64,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Stations(Vec<u32>),
    /// All stations of one of these parts, drawn each time.
    AnyOf(Vec<Vec<u32>>),
}

/// Where request time goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Component (or load).
    pub name: String,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// In the queue for a worker or a connection of the database.
    Wait,
    Cpu,
    /// A `wait` step.
    Service,
    Disk,
    Network,
    /// For a connection of the caller's pool.
    Pool,
    Connect,
    Lock,
    /// For a new environment of a function.
    Cold,
    /// For replicas, before a write may be acknowledged.
    Replication,
    BackOff,
    RateLimit,
    /// On attempts that were given up.
    Lost,
}

impl Cause {
    pub fn word(self) -> &'static str {
        match self {
            Cause::Wait => "wait",
            Cause::Cpu => "cpu",
            Cause::Service => "service",
            Cause::Disk => "disk",
            Cause::Network => "network",
            Cause::Pool => "pool",
            Cause::Connect => "connect",
            Cause::Lock => "lock",
            Cause::Cold => "cold start",
            Cause::Replication => "replication",
            Cause::BackOff => "back-off",
            Cause::RateLimit => "rate limit",
            Cause::Lost => "lost",
        }
    }
}

/// What a condition reads, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub quantity: crate::scenario::condition::Quantity,
    pub stat: Option<Stat>,
    pub scope: Scope,
    pub resource: Option<Resource>,
    pub per: Option<Per>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Load(u16),
    Class(u16),
    Operation(u16),
    Component(u16),
    Station(u32),
    /// So many instances of one component from this one on (a shard with its copies); the replicas of all its shards.
    Stations(u32, u32),
    Replicas(u16),
    Host(u32),
    Pool(u16),
    Fault(u16),
    /// Requests that carry one value of a key: index of a [`Filter`].
    With(u16),
    /// Requests from these places (the first, and how many), of an operation or (`NONE16`) of all.
    From {
        first: u16,
        count: u16,
        operation: u16,
    },
}

/// `with user=17`, within a class, load, operation, component or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    pub scope: Scope,
    pub key: u16,
    pub value: u64,
}

/// A probe the engine looks at during the run: the value over the last `over`, every `every`.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    pub probe: Probe,
    pub every: Span,
    pub over: Span,
    /// For `when`: relation and bound, so that programs can branch on it.
    pub test: Option<(Relation, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub name: String,
    pub text: String,
    pub role: Role,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    Objective,
    EvolveWhen,
    Alert { severity: String },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    All(Vec<Body>),
    Any(Vec<Body>),
    Test(Test),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    pub text: String,
    pub probe: Probe,
    pub relation: Relation,
    pub bound: Bound,
    pub hold: Option<Span>,
    pub period: Period,
    /// Looks of the engine, where `hold`, `over` or the role asks for them.
    pub watch: Option<u16>,
    pub bound_watch: Option<u16>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Value(f64),
    ShareOf(f64, Probe),
    /// Share of the same probe before that fault.
    ShareOfBefore(f64, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Measured,
    /// The worst look.
    Over,
    Before(u16),
    During(u16),
    After(u16),
}
