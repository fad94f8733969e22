//! What the author wrote, as plain values: names, quantities in SI units, and where each stood in the text.
//!
//! Nothing here is resolved: a reference is a name with its place, an `Option` is `None` where the author was silent and
//! the default of language section 13 has not been filled in by the lowering. Lowering (`scenario/*.rs`) turns the merged
//! text tree into these structs and reports every mistake of shape and unit; compilation (`model`) resolves names.

pub mod broker;
pub mod cache;
pub mod capacity;
pub mod component;
pub mod condition;
pub mod database;
pub mod deploy;
pub mod elastic;
pub mod events;
pub mod fault;
pub mod goal;
pub mod growth;
pub mod journey;
pub mod function;
pub mod hpa;
pub mod keys;
pub mod load;
pub mod log;
pub mod machine;
pub mod naming;
pub mod policy;
pub mod price;
pub mod residency;
pub mod resolved;
pub mod root;
pub mod route;
pub mod run;
pub mod saga;
pub mod stamps;
pub mod scale;
pub mod step;
pub mod telemetry;
pub mod values;
pub mod vertical;
pub mod watch;
pub mod window;

use std::collections::BTreeMap;

use crate::diagnostic::Spotted;
use crate::distribution::Distribution;
use crate::policy::balance::Balance;
use crate::policy::breaker::Breaker;
use crate::policy::discipline::Order;
use crate::policy::eject::Eject;
use crate::policy::hedge::Hedge;
use crate::policy::limit::Limit;
use crate::policy::retry::Retry;
use crate::policy::shed::Shed;
use crate::scenario::broker::{Consumes, Publish, Queue};
use crate::scenario::cache::{Cache, Store};
use crate::scenario::condition::Condition;
use crate::scenario::database::{CopyPart, Database};
use crate::scenario::events::{Events, Replay};
use crate::scenario::fault::Act;
use crate::scenario::function::{Function, Pooler};
use crate::scenario::goal::Goal;
use crate::scenario::growth::Growth;
use crate::scenario::load::{Load, Moment};
use crate::scenario::log::Log;
use crate::scenario::naming::Naming;
use crate::scenario::price::Prices;
use crate::scenario::residency::Residency;
use crate::scenario::route::Route;
use crate::scenario::run::Sampling;
use crate::scenario::saga::{Dedupe, SagaStep};
use crate::scenario::scale::Autoscale;
use crate::scenario::stamps::Stamp;
use crate::scenario::telemetry::Telemetry;
use crate::scenario::window::Window;
use crate::text::ranges::Ranged;

/// A map from name to value in the order of names: the order of the author's map never matters.
pub type Named<T> = BTreeMap<String, Spotted<T>>;

/// A name that refers to something else, with its place in the text.
pub type Reference = Spotted<String>;

/// One whole scenario after `extends`, `--set`, variants, `let` and `like`.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub title: String,
    /// A sentence or two for the report.
    pub description: Option<String>,
    /// As the user named the file; `-` for standard input.
    pub file: String,
    /// blake3 of the canonical resolved text, hexadecimal.
    pub hash: String,
    pub run: Run,
    pub load: Named<Load>,
    pub keys: Named<Key>,
    pub components: Named<Component>,
    pub hosts: Named<Host>,
    /// Regions with their zones; none: one place without a name.
    pub regions: Named<Region>,
    /// Where data may be, in the order of keys and values.
    pub residency: Vec<Residency>,
    /// `a -> b`, most exact last; see [`Pair`].
    pub links: Vec<Spotted<(Pair, Link)>>,
    pub policies: Vec<Spotted<(Pair, Policy)>>,
    pub faults: Named<Fault>,
    pub objectives: Named<Condition>,
    /// Those about capacity, which no run at one load can judge.
    pub goals: Named<Goal>,
    pub evolve_when: Named<Condition>,
    pub alerts: Named<Alert>,
    /// What is copied together; components are as they are after that.
    pub stamps: Named<Stamp>,
    pub prices: Prices,
    /// Where numbers come from: path -> measured, vendor, default, guess.
    pub assumptions: BTreeMap<String, String>,
    /// Numbers that are known only as intervals; their middles stand in their places.
    pub uncertain: Vec<Ranged>,
    /// How load and data grow.
    pub plan: Option<Growth>,
    /// Names of the variants the file offers.
    pub variants: Vec<String>,
}

/// How long, how often, from which seed.
#[derive(Clone, Debug)]
pub struct Run {
    /// Seconds since Monday 00:00 at which simulated time 0 stands.
    pub start_s: f64,
    pub length: Length,
    pub warmup: Warmup,
    pub replications: u32,
    pub precision: Option<Precision>,
    pub seed: u64,
    pub limit: RunLimit,
    /// Buffer pools and connections start as traffic would leave them (`auto`) or cold (`none`).
    pub prefill: bool,
    /// Seconds of traffic that they have seen; `None` with `prefill`: as many as fill them.
    pub prefill_s: Option<f64>,
    /// Every n-th user and every n-th instance; 1 is the whole.
    pub scale: Spotted<u32>,
    /// Quiet time between faults is sampled.
    pub sampling: Option<Spotted<Sampling>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// Simulated seconds.
    Duration(f64),
    /// So many requests are created; the run ends when the last has left.
    Requests(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warmup {
    Auto,
    /// Seconds; 0 is `none`.
    Given(f64),
}

/// Replicate until the interval of `of` is narrow enough.
#[derive(Clone, Debug)]
pub struct Precision {
    pub of: Spotted<crate::scenario::condition::Measure>,
    /// Half-width over mean.
    pub within: f64,
    pub most: u32,
}

/// Bounds on what a run may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunLimit {
    pub memory_bytes: f64,
    pub events: u64,
    /// Real seconds; the only bound that depends on the machine, so a run it cuts is marked partial.
    pub wall_s: Option<f64>,
}

/// A value that a request carries.
#[derive(Clone, Debug)]
pub struct Key {
    pub origin: KeyOrigin,
    /// Ranks are shuffled over the key space instead of popular keys being neighbours.
    pub scattered: bool,
    /// Where it says that the version of an object is part of its name.
    pub versioned: Option<crate::diagnostic::Spot>,
    /// Bytes of the object with that value, drawn once for each value.
    pub bytes: Option<Distribution>,
}

#[derive(Clone, Debug)]
pub enum KeyOrigin {
    Drawn {
        count: u64,
        popularity: Popularity,
    },
    /// A function of another key: one of the named shares.
    Shares {
        of: Reference,
        shares: Vec<(String, f64)>,
    },
    /// A function of another key: one of `count` groups whose sizes follow `sizes`.
    Grouped {
        of: Reference,
        count: u64,
        sizes: Popularity,
    },
    /// An independent draw from the same population, perhaps with another popularity.
    Like(Reference, Option<Popularity>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Popularity {
    Uniform,
    /// Zipf with this exponent.
    Zipf(f64),
    /// `hot(10% 90%)`: this share of the keys gets that share of the draws.
    Hot {
        keys: f64,
        draws: f64,
    },
    /// One after the other.
    Scan,
    /// The values of a file, one after the other.
    Trace(Vec<u64>),
}

#[derive(Clone, Debug)]
pub enum KeyOverride {
    Value(u64),
    Popularity(Popularity),
}

/// What answers.
#[derive(Clone, Debug)]
pub struct Component {
    pub kind: Kind,
    pub placement: Placement,
    /// At the start.
    pub instances: u32,
    /// At any time: more only where they are scaled.
    pub most: u32,
    pub autoscale: Option<Spotted<Autoscale>>,
    /// Who changes the size of the instances.
    pub vertical: Option<Spotted<vertical::Vertical>>,
    /// `None`: without limit.
    pub workers: Option<u32>,
    /// A worker is held while its request waits for what it called (`sync`) or not (`async`).
    pub waits_sync: bool,
    pub queue_limit: Option<u32>,
    pub order: Order,
    pub shed: Option<Shed>,
    pub operations: Named<Operation>,
    pub balance: Spotted<Balance>,
    pub sticky: Option<Sticky>,
    pub health: Option<Health>,
    pub prefer: Prefer,
    pub memory: Memory,
    /// Seconds an instance needs until it serves, when it is started or comes back after it died.
    pub boot: Distribution,
    /// Bytes that come over the network before an instance boots on a host that has not had one.
    pub image_bytes: f64,
    pub warm: Option<elastic::Warm>,
    /// Seconds that what is in flight has to finish when an instance is taken away.
    pub drain_s: f64,
    pub rate_limit: Option<Limit>,
    /// Messages it works on.
    pub consumes: Vec<Consumes>,
    /// What each instance keeps to itself.
    pub state: Option<Box<cache::Cache>>,
}

/// What makes a kind special; the rest is shared by all.
#[derive(Clone, Debug)]
pub enum Kind {
    Service,
    /// A hop that offers the operations of its targets; shares (they need not add to 1).
    /// With `naming` it is no hop, but tells callers where its target is.
    Balancer {
        targets: Vec<(Reference, f64)>,
        naming: Option<Naming>,
    },
    Gateway {
        before: Vec<Step>,
        routes: Vec<Route>,
    },
    /// A primary for each shard, and replicas.
    Database(Box<Database>),
    External {
        availability: Availability,
        price_per_request: f64,
    },
    Cache(Box<Cache>),
    Store(Store),
    Queue(Box<Queue>),
    Log(Box<Log>),
    Events(Box<Events>),
    Telemetry(Box<Telemetry>),
    Function(Box<Function>),
    Pooler(Pooler),
}

impl Kind {
    /// The word after `kind:`.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Balancer { .. } => "balancer",
            Kind::Gateway { .. } => "gateway",
            Kind::Database(_) => "database",
            Kind::External { .. } => "external",
            Kind::Cache(cache) if cache.is_cdn => "cdn",
            Kind::Cache(_) => "cache",
            Kind::Store(_) => "store",
            Kind::Queue(_) => "queue",
            Kind::Log(_) => "log",
            Kind::Events(_) => "event_store",
            Kind::Telemetry(_) => "telemetry",
            Kind::Function(_) => "function",
            Kind::Pooler(_) => "pooler",
        }
    }
}

#[derive(Clone, Debug)]
pub enum Availability {
    Always,
    /// A coin per request: this share works.
    Share(f64),
    /// Up and down in turn, seconds.
    Renewal {
        up: Distribution,
        down: Distribution,
    },
}

/// Where the instances run.
#[derive(Clone, Debug)]
pub struct Placement {
    pub machine: MachineChoice,
    /// Cores, disk... given on the component override the machine's.
    pub overrides: Machine,
    pub at: At,
}

/// Where so many things stand: places and how many there; a number of 0 with one place is all of them. Empty where the
/// author was silent.
pub type At = Vec<(Reference, u32)>;

#[derive(Clone, Debug)]
pub enum MachineChoice {
    /// Cores without limit, nothing billed.
    None,
    /// A machine for each instance, by type and number (number 0: as many as `instances`).
    Own(Vec<(Reference, u32)>),
    /// On hosts shared with others.
    On(Reference),
}

/// A machine's figures; `None` where the author (or the catalogue) is silent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    pub cores: Option<f64>,
    pub memory_bytes: Option<f64>,
    /// I/O operations per second.
    pub disk_iops: Option<f64>,
    /// Bytes per second.
    pub disk_bandwidth: Option<f64>,
    pub disk_bytes: Option<f64>,
    /// Bytes per second.
    pub nic: Option<f64>,
    /// 1 is the catalogue's reference core.
    pub speed: Option<f64>,
    /// Dollars an hour.
    pub price_per_hour: Option<f64>,
    pub fcfs: Option<bool>,
    /// A share of a host instead.
    pub pod: Option<machine::Pod>,
}

/// A host that components share.
#[derive(Clone, Debug)]
pub struct Host {
    pub machine: Option<Reference>,
    pub overrides: Machine,
    pub count: u32,
    pub at: At,
    pub grow: Option<machine::Grow>,
}

#[derive(Clone, Debug)]
pub struct Region {
    pub zones: u32,
    /// What says no place stands here.
    pub is_default: bool,
    /// Seconds by which its clocks are ahead of UTC, where the author says so.
    pub ahead_s: Option<f64>,
}

/// `a -> b`; `any` on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub from: Side,
    pub to: Side,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    Any,
    /// A component, load, zone or region.
    Name(Reference),
    /// `component.operation`.
    Operation(Reference, String),
}

#[derive(Clone, Debug, Default)]
pub struct Link {
    /// One way, seconds.
    pub latency: Option<Distribution>,
    /// Bytes per second.
    pub bandwidth: Option<f64>,
    /// Dollars a byte.
    pub price_per_byte: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefer {
    Zone,
    Region,
    Any,
}

#[derive(Clone, Debug)]
pub struct Sticky {
    /// `session` or a key.
    pub by: Reference,
    /// Seconds; `None` for ever.
    pub hold_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    pub interval_s: f64,
    pub healthy: u32,
    pub unhealthy: u32,
    pub timeout_s: f64,
}

/// Bytes an instance needs: `idle + each x in flight`; more than `limit` kills it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub idle_bytes: f64,
    pub each_bytes: f64,
    pub limit_bytes: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub steps: Vec<Step>,
    /// Of a database: changes rows, so it runs at the primary and replicas repeat it.
    pub writes: bool,
    /// Of a database: runs at the primary although it only reads.
    pub from_primary: bool,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub verb: Spotted<Verb>,
    /// Which key is meant; without it the callee's own.
    pub key: Option<Reference>,
    /// Timeout, retry and the like written on the step itself.
    pub policy: Policy,
    pub fallback: Option<Fallback>,
}

#[derive(Clone, Debug)]
pub enum Fallback {
    Skip,
    /// An entry of the cache, however old.
    Stale,
    Steps(Vec<Step>),
}

#[derive(Clone, Debug)]
pub enum Verb {
    /// Seconds on a core.
    Cpu(Distribution),
    /// Seconds that occupy no core.
    Wait(Distribution),
    /// Disk operations: mean counts are drawn (0.2 is 0 or 1), bytes is of each.
    Io {
        reads: Distribution,
        writes: Distribution,
        bytes: Option<Distribution>,
    },
    /// Pages touched; those that miss the buffer pool become reads.
    Pages(Distribution),
    /// Targets and shares.
    Call {
        targets: Vec<(Reference, f64)>,
        /// Every shard of the database is asked, and so many must answer.
        scatter: Option<Join>,
    },
    Parallel {
        branches: Vec<Vec<Step>>,
        join: Join,
    },
    Each {
        times: Distribution,
        draw: Option<Reference>,
        parallel: bool,
        body: Vec<Step>,
        join: Join,
    },
    Choose(Vec<Choice>),
    Lock {
        name: String,
        exclusive: bool,
        timeout_s: Option<f64>,
        within: Option<Reference>,
        body: Vec<Step>,
    },
    /// One connection to the database and its locks to the end of the steps.
    Transaction {
        within: Reference,
        body: Vec<Step>,
    },
    Spawn(Vec<Step>),
    /// Bytes of the answer.
    Respond(Distribution),
    /// Fails with this share as this kind; with a key, always for the same values of it.
    Fail {
        share: f64,
        kind: String,
        by: Option<Reference>,
    },
    /// Looks in a cache; on a miss does the steps, then puts what they brought.
    Cached {
        cache: Reference,
        miss: Vec<Step>,
    },
    /// Looks in a cache and puts nothing.
    Get {
        cache: Reference,
        hit: Vec<Step>,
        miss: Vec<Step>,
    },
    Put {
        cache: Reference,
        bytes: Option<Distribution>,
    },
    Invalidate {
        cache: Reference,
    },
    Publish(Publish),
    /// Each step with what undoes it.
    Saga(Vec<SagaStep>),
    /// The steps that follow run once for each event.
    Dedupe(Dedupe),
    Window(Window),
    Replay(Replay),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
    pub need: Need,
    /// A branch that fails counts as done.
    pub ignore_errors: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Need {
    All,
    Any,
    First(u32),
    /// Share of the branches, rounded up.
    Share(f64),
}

#[derive(Clone, Debug)]
pub struct Choice {
    pub weight: f64,
    pub when: Option<Spotted<Condition>>,
    pub body: Vec<Step>,
}

/// What surrounds a call. Field by field the more exact one wins: the step itself, `a.op -> b.op`, `a -> b`, `any -> b`, `a -> any`, `any -> any`.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Seconds for one attempt; `Some(None)` is an explicit `none`.
    pub timeout: Option<Option<f64>>,
    /// Seconds for all attempts, handed down.
    pub deadline: Option<Option<f64>>,
    pub retry: Option<Option<Retry>>,
    /// Whether what a caller left behind is stopped, and after how many seconds.
    pub cancel: Option<Cancel>,
    pub pool: Option<Pool>,
    pub rate_limit: Option<Limit>,
    pub fallback: Option<Fallback>,
    pub connect: Option<Connect>,
    pub sidecar: Option<Sidecar>,
    pub breaker: Option<Breaker>,
    pub eject: Option<Eject>,
    pub hedge: Option<Hedge>,
}

impl Policy {
    /// Whether it says anything of how a call is made.
    pub fn is_about_calls(&self) -> bool {
        let limits = self.timeout.is_some() || self.deadline.is_some() || self.cancel.is_some();
        let guards = self.breaker.is_some() || self.eject.is_some() || self.hedge.is_some();
        limits || guards || self.retry.is_some() || self.pool.is_some() || self.rate_limit.is_some()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cancel {
    No,
    /// After so many seconds (0: at once).
    After(f64),
}

/// Connections per caller instance.
#[derive(Clone, Debug)]
pub struct Pool {
    pub size: u32,
    /// Longest wait for one, seconds; `None` for ever, 0 is a bulkhead.
    pub wait_s: Option<f64>,
    /// Seconds to open one.
    pub connect: Option<Distribution>,
}

/// Handshakes of a load's connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connect {
    pub round_trips: f64,
    pub keep_s: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct Sidecar {
    pub cpu: Option<Distribution>,
    pub wait: Option<Distribution>,
}

#[derive(Clone, Debug)]
pub struct Fault {
    pub when: When,
    /// Seconds it lasts; `None` to the end.
    pub lasts: Option<Distribution>,
    pub act: Act,
}

#[derive(Clone, Debug)]
pub enum When {
    At(Moment),
    /// Again and again, so many seconds from one end to the next start.
    Every(Distribution),
}

/// `web/2`, `web`, `web/any`, `db/primary`, `box/0`, `web.serve`, `us-east-1/b`, `any region`.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: Reference,
    pub part: Part,
    pub operation: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    All,
    /// One at random each time.
    Any,
    Index(u32),
    /// `us-east-1/b`.
    Zone(u8),
    Copy(CopyPart),
}

#[derive(Clone, Debug)]
pub struct Alert {
    pub when: Condition,
    pub severity: String,
}
