//! Conditions and measures: one expression language for objectives, `evolve_when`, alerts, `when` and `precision`.
//!
//! `condition = measure (<= < >= > =) value [for TIME]`, `measure = name [stat] [of THING] [on PART] [from LOAD]
//! [with KEY=VALUE] [per instance | per million] [over TIME | before F | during F | after F]` (language section 10).

pub mod parse;

use crate::diagnostic::Spotted;

/// A condition with the text the author wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub text: String,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every condition is a comparison, and there are few")]
pub enum Body {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compare(Comparison),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub measure: Spotted<Measure>,
    pub relation: Relation,
    pub bound: Spotted<Bound>,
    /// Must hold that long, seconds.
    pub hold_s: Option<f64>,
    /// Distance of looks and length of what a look sees, seconds.
    pub every_s: f64,
    pub over_s: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
}

impl Relation {
    /// Whether a value stands in this relation to its bound.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Relation::AtMost => value <= bound,
            Relation::Below => value < bound,
            Relation::AtLeast => bound <= value,
            Relation::Above => bound < value,
            Relation::Equal => value == bound,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// In SI units (seconds, per second, bytes, ratio, dollars a month).
    Value(f64),
    /// This share of another measure.
    ShareOf(f64, Box<Measure>),
    /// This share of the same measure before the fault that the measure's period names.
    ShareOfBefore(f64),
}

/// What to read, of what, when.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    pub text: String,
    pub what: Quantity,
    pub stat: Option<Stat>,
    /// `component`, `component.operation`, host, load; the resource of `utilisation of cores of web`.
    pub of: Option<Spotted<String>>,
    pub resource: Option<Resource>,
    /// `web/2`.
    pub on: Option<Spotted<String>>,
    /// A load, or a place that requests come from.
    pub from: Option<Spotted<String>>,
    /// `with user=17`: the key and its value.
    pub with: Option<(Spotted<String>, Spotted<String>)>,
    pub per: Option<Per>,
    pub period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Instance,
    Million,
    /// The number of them instead of their share (`errors <= 10` beside `errors <= 1%`).
    Count,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Period {
    /// The measured time.
    Measured,
    /// The worst window of so many seconds.
    Over(f64),
    Before(Spotted<String>),
    During(Spotted<String>),
    After(Spotted<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    Mean,
    /// 0.999 for `p99.9`.
    Quantile(f64),
    Max,
    Min,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Cores,
    Workers,
    Memory,
    Disk,
    Nic,
    Connections,
    Pool,
}

/// The measures that exist so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Latency,
    Throughput,
    Goodput,
    Errors,
    Availability,
    Utilisation,
    Wait,
    Service,
    Queue,
    InFlight,
    Arrivals,
    HitRatio,
    Replicas,
    Retries,
    WastedWork,
    Removal,
    Rto,
    Rpo,
    Lag,
    Backlog,
    Depth,
    Duplicates,
    DeadLetters,
    Compensations,
    UnresolvedSagas,
    Staleness,
    StaleReads,
    Violations,
    LostWrites,
    /// Share of failures over the share that an objective allows.
    BudgetBurn,
    Conflicts,
    Convergence,
    LeaderChanges,
    SplitBrain,
    ShardVariance,
    PartitionSkew,
    ScaleChanges,
    Reclaims,
    ColdStarts,
    Units,
    Memory,
    Bytes,
    VisitsOutside,
    BytesOutside,
    Cost,
}
