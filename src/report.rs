//! The report: the one value between computing and showing. Everything a face (terminal, JSON, CSV) prints stands here.
//!
//! The JSON of this value is public and versioned (`plimsoll.report/1`), so field names and their order are a promise.
//! These are plain values without behaviour, filled in by `analysis`; times are seconds, sizes bytes, rates per second,
//! shares between 0 and 1, money US dollars. Nothing about the machine or the hour of the run stands outside `meta`.

pub mod advise;
pub mod by_hand;
pub mod capacity;
pub mod check;
pub mod compare;
pub mod chart;
pub mod csv;
pub mod evaluation;
pub mod hgrm;
pub mod journey;
pub mod json;
pub mod junit;
pub mod grid;
pub mod rows;
pub mod markdown;
pub mod part;
pub mod plan;
pub mod size;
pub mod sweep;
pub mod html;
pub mod saved;
pub mod pictures;
pub mod terminal;
pub mod trace;
pub mod uncertainty;
pub mod walkthrough;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::report::pictures::Pictures;
use crate::report::uncertainty::Uncertainty;

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.report/1";

/// A word of ours. The name keeps serde from borrowing it from the text that it reads.
pub type Word = &'static str;

/// What a run found out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    #[serde(deserialize_with = "word")]
    pub schema: Word,
    pub scenario: About,
    pub run: Run,
    pub verdict: Verdict,
    pub measured: Stretch,
    pub objectives: Vec<Objective>,
    pub evolve_when: Vec<Trigger>,
    pub requests: Requests,
    pub latency: Latencies,
    /// By `component.operation`.
    pub operations: BTreeMap<String, Traffic>,
    pub loads: BTreeMap<String, Traffic>,
    pub components: BTreeMap<String, Component>,
    pub bottleneck: Option<Bottleneck>,
    pub where_time_goes: TimeGoes,
    pub cost: Cost,
    pub alerts: Vec<Alert>,
    /// How fast the failures that objectives allow were used up.
    #[serde(default)]
    pub budgets: Vec<Budget>,
    pub faults: BTreeMap<String, Fault>,
    pub regions: BTreeMap<String, Traffic>,
    pub decisions: Vec<Decision>,
    pub exemplars: Vec<Exemplar>,
    /// Where numbers come from, the most influential first.
    pub assumptions: Vec<Assumption>,
    /// What the intervals among the inputs come to; only of a scenario that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<Uncertainty>,
    pub audit: Vec<Audit>,
    pub warnings: Vec<Warning>,
    /// One line for each replication, in their order.
    pub per_replication: Vec<Replication>,
    /// Curves, series and arrows: what only pictures show.
    #[serde(default)]
    pub pictures: Pictures,
    /// About the machine and the hour; set by the command line, dropped by `--no-meta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    pub title: String,
    pub file: String,
    /// blake3 of the resolved scenario.
    pub hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The scenario itself, so that the report can be made again from nothing but itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The command that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub seed: u64,
    pub replications: u32,
    /// Simulated length of one replication (the mean, in a run by requests).
    pub duration_s: f64,
    pub warmup_s: f64,
    /// `mser5`, `given` or `none`.
    #[serde(deserialize_with = "word")]
    pub warmup_rule: Word,
    /// Events of all replications.
    pub events: u64,
    /// Requests that finished, of all replications, warm-up included.
    pub requests: u64,
    /// No queue grows without bound.
    pub stable: bool,
    /// Requests in flight gained per second where not stable.
    pub growth_per_s: Option<f64>,
    /// Share of replications in which a queue grew without bound.
    pub unstable_share: f64,
    /// Stopped by a time limit or the user: not all replications are there.
    pub partial: bool,
    /// The bound that ended replications early, if one did: `memory`, `events` or `interrupted`.
    #[serde(default, deserialize_with = "maybe_word")]
    pub stopped_by: Option<Word>,
    /// What `precision` reached: half-width over mean; `null` if it was not asked for.
    pub precision: Option<f64>,
    /// The 50 of a run at 1/50, whose rates, counts and costs are those of the whole; absent in a run of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// What was simulated of a run whose quiet time was sampled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampled>,
}

/// Means over replications.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampled {
    /// Seconds that were simulated, of so many of the run.
    pub simulated_s: f64,
    pub of_s: f64,
    /// Stretches that were simulated, and how many requests one of a sample stands for at most.
    pub stretches: f64,
    pub most_weight: f64,
}

/// Three-valued wherever noise decides: a claim needs its whole interval on one side of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Meets,
    Misses,
    Undecided,
    /// Nothing was asked.
    None,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Meets => "meets",
            Verdict::Misses => "misses",
            Verdict::Undecided => "undecided",
            Verdict::None => "none",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    pub from_s: f64,
    pub to_s: f64,
}

/// A mean over replications with its 95 % interval; `null` bounds with one replication. Where the interval is not
/// symmetric, `low` and `high` tell and `half_width` is half their distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub mean: f64,
    pub half_width: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub replications: u32,
}

impl Estimate {
    /// Of one minus it.
    #[must_use]
    pub fn complement(self) -> Estimate {
        let (low, high) = (self.high.map(|high| 1.0 - high), self.low.map(|low| 1.0 - low));
        Estimate { mean: 1.0 - self.mean, low, high, ..self }
    }
}

/// Summary of latencies (or waits, or holding times) in seconds. A quantile with fewer than ten observations beyond it is
/// `None`, as is everything in an unstable system but the count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    pub mean: Option<Estimate>,
    pub p50: Option<Estimate>,
    pub p90: Option<Estimate>,
    pub p95: Option<Estimate>,
    pub p99: Option<Estimate>,
    pub p999: Option<Estimate>,
    pub max: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// All outcomes, from the intended arrival.
    pub all: Latency,
    pub ok: Latency,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    pub offered_per_s: Estimate,
    /// All answers, failures too.
    pub throughput_per_s: Estimate,
    /// Successes.
    pub goodput_per_s: Estimate,
    /// Failures over answers.
    pub error_ratio: Option<Estimate>,
    /// One minus that.
    pub availability: Option<Estimate>,
    /// Share of answers that failed in that way, by kind; they add to `error_ratio`. Kinds that did not happen are left out.
    pub errors: BTreeMap<String, Estimate>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    pub requests: Requests,
    pub latency: Latencies,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    #[serde(deserialize_with = "word")]
    pub kind: Word,
    /// Instances that were up, on average.
    pub instances: Estimate,
    pub utilisation: Utilisations,
    pub arrivals_per_s: Estimate,
    /// In the queue for a slot.
    pub wait: Latency,
    /// With a slot held, waiting for what was called included (`waits: sync`).
    pub service: Latency,
    /// Requests waiting for a slot, all instances together.
    pub queue_length: Estimate,
    /// Visits in progress, all instances together.
    pub in_flight: Estimate,
    /// Turned away at the door.
    pub rejected_per_s: Estimate,
    /// Share of visits that failed, by kind.
    pub errors: BTreeMap<String, Estimate>,
    /// What the kind measures; see the reference.
    pub kind_specific: Specific,
}

/// Figures of one kind of component by their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Specific {
    #[serde(flatten)]
    pub figures: BTreeMap<String, Estimate>,
    /// Of a database: the shards that share its rows at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<Shard>,
    /// Of what an autoscaler changes: time and number of instances from then on, of the first replication.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas_over_time: Vec<[f64; 2]>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shard {
    pub name: String,
    pub arrivals_per_s: Estimate,
}

/// Each `None` where the component has no such resource or no limit to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Utilisations {
    pub cores: Option<Utilisation>,
    pub workers: Option<Utilisation>,
    pub memory: Option<Utilisation>,
    pub disk: Option<Utilisation>,
    pub nic: Option<Utilisation>,
    pub connections: Option<Utilisation>,
    /// Connections of the component's own pools to what it calls.
    pub pool: Option<Utilisation>,
}

impl Component {
    /// What it has of each resource that has a limit, by name.
    pub fn resources(&self) -> Vec<(&'static str, &Utilisation)> {
        let all = &self.utilisation;
        let named = [
            ("cores", &all.cores),
            ("workers", &all.workers),
            ("connections", &all.connections),
            ("pool", &all.pool),
            ("disk", &all.disk),
            ("nic", &all.nic),
            ("memory", &all.memory),
        ];
        named.into_iter().filter_map(|(name, used)| Some((name, used.as_ref()?))).collect()
    }
}

/// Share busy over all parts, with its spread over the windows of the time series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Utilisation {
    #[serde(flatten)]
    pub share: Estimate,
    pub p5: Option<f64>,
    pub p95: Option<f64>,
    pub max: Option<f64>,
    /// Its busiest part and how busy that was on average: `web/2`.
    pub busiest: Option<Part>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    pub name: String,
    pub text: String,
    pub verdict: Verdict,
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub limit: Option<f64>,
    /// `s`, `per_s`, `ratio`, `bytes`, `usd_per_month` or empty for a count.
    #[serde(deserialize_with = "word")]
    pub unit: Word,
    /// Why there is no value or no decision, where there is something to say.
    pub note: Option<String>,
    /// The conditions under `all` or `any`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Objective>,
}

/// A condition that says when to move on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    pub name: String,
    pub text: String,
    /// Median over the replications in which it fired.
    pub fired_at_s: Option<f64>,
    /// Offered load in the minute before that, median likewise.
    pub offered_per_s: Option<f64>,
    /// Share of replications in which it fired.
    pub fired_share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub name: String,
    pub text: String,
    pub severity: String,
    /// Stretches of simulated time in which it was firing in at least half of the replications, seconds.
    pub fired: Vec<[f64; 2]>,
    /// Share of replications in which it fired at all.
    pub fired_share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Name of the objective.
    pub objective: String,
    /// Share of requests that may fail.
    pub allowed: f64,
    /// Share that failed over that: 1 uses it up exactly, 10 a month's in three days.
    pub burn: Option<Estimate>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bottleneck {
    pub component: String,
    /// `cores`, `workers`, `connections`, `pool`, `disk`, `nic` or `memory`.
    #[serde(deserialize_with = "word")]
    pub resource: Word,
    pub utilisation: f64,
    pub why: String,
    /// Capacity over load; below 1 more is asked for than it can give.
    #[serde(deserialize_with = "or_infinite")]
    pub headroom: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeGoes {
    pub mean: Vec<TimeShare>,
    pub slowest_1_percent: Vec<TimeShare>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeShare {
    pub component: String,
    #[serde(deserialize_with = "word")]
    pub cause: Word,
    pub share: f64,
    /// A request, on average.
    pub seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub usd_per_month: f64,
    /// `None` without requests.
    pub usd_per_million_requests: Option<f64>,
    pub lines: Vec<CostLine>,
    /// Components and hosts without a price.
    pub unpriced: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostLine {
    pub component: String,
    #[serde(deserialize_with = "word")]
    pub what: Word,
    /// So many units a month.
    pub quantity: f64,
    pub unit: String,
    pub usd_per_month: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Start of its first occurrence (earliest of the replications); `None` if it never happened.
    pub at_s: Option<f64>,
    /// From its start until the share of errors is back at its level before, or to the end of the run if it never is.
    pub rto_s: Option<Estimate>,
    /// Share of replications in which it came back before the end.
    pub recovered_share: Option<f64>,
    pub rpo_s: Option<Estimate>,
    pub lost_writes: Option<Estimate>,
    /// Of what goes wrong between two sides: messages that were lost, each time they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_messages: Option<Estimate>,
    /// Of a partition that cut a primary off: how long there were two that took writes, and the acknowledged writes to a row
    /// that had not seen one of the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_s: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Estimate>,
    /// Of a deployment: how long it took, and the share of them that brought the old version back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed_in_s: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_back_share: Option<f64>,
    /// From the death to the last time a balancer picked the dead instance.
    pub removal_s: Option<Estimate>,
    /// Of a change of shards: the share of all keys that moved, their bytes, and how long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_keys: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_bytes: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_in_s: Option<Estimate>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Of the first replication.
    pub t_s: f64,
    /// A component, or a pool of hosts.
    pub component: String,
    /// `instances`, `hosts` or `cores` (of each instance).
    #[serde(deserialize_with = "word")]
    pub what: Word,
    pub from: f64,
    pub to: f64,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// `members#18231`, the number counts the arrivals of the load.
    pub request: String,
    pub replication: u32,
    /// Simulated time at which it came.
    #[serde(default)]
    pub arrived_s: f64,
    pub latency_s: f64,
    /// `slowest`, or `random`: one of all.
    #[serde(deserialize_with = "word")]
    pub chosen: Word,
    /// `ok` or the kind of failure.
    pub outcome: String,
    pub spans: Vec<ExemplarSpan>,
}

/// Time a request spent at one place for one cause, all visits together; spans are laid end to end in the order of the
/// model, so that `end_s - start_s` is exact and the starts only draw the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExemplarSpan {
    pub component: String,
    pub operation: Option<String>,
    #[serde(deserialize_with = "word")]
    pub cause: Word,
    pub start_s: f64,
    pub end_s: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assumption {
    pub path: String,
    /// `measured`, `vendor`, `default` or `guess`; `unstated` of an interval of which nothing is said.
    pub source: String,
    /// The share of the variation of the answer that goes with the intervals under this path; `None` if there is none.
    pub influence: Option<f64>,
    /// Those intervals, as they were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<String>,
}

/// A law checked on this very run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    #[serde(deserialize_with = "word")]
    pub law: Word,
    pub of: String,
    pub holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    pub code: String,
    pub message: String,
    pub help: Option<String>,
}

/// One replication at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replication {
    pub replication: u32,
    pub events: u64,
    pub requests: u64,
    pub throughput_per_s: f64,
    pub error_ratio: Option<f64>,
    pub mean_s: Option<f64>,
    pub p50_s: Option<f64>,
    pub p99_s: Option<f64>,
    pub stable: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    pub engine: String,
    pub jobs: u32,
    pub wall_s: f64,
    pub events_per_s: f64,
}

/// A word of ours read back from a saved report. It lives as long as the program, which reads one and ends, or a few of its own.
pub(in crate::report) fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    Ok(Box::leak(String::deserialize(from)?.into_boxed_str()))
}

fn maybe_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Word>, D::Error> {
    let read = Option::<String>::deserialize(from)?;
    Ok(read.map(|word| &*Box::leak(word.into_boxed_str())))
}

/// JSON knows no infinity: it was written as `null`.
pub(in crate::report) fn or_infinite<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
}
