//! What `capacity` says: the most that a design carries within its objectives, or the least of a setting that a load needs.

use serde::{Deserialize, Serialize};

use crate::report::evaluation::Limit;
use crate::report::rows::{Rows, number};
use crate::report::{Estimate, Verdict, Word, or_infinite, word};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.capacity/1";

/// The answer and the way to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    #[serde(deserialize_with = "word")]
    pub schema: Word,
    /// The command that made it, without what differs from machine to machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub name: String,
    pub title: String,
    pub hash: String,
    pub seed: u64,
    /// What was searched for: `load`, a load by its name, or a setting.
    pub find: String,
    /// `per_s`, `clients` or empty for a setting.
    #[serde(deserialize_with = "word")]
    pub unit: Word,
    /// The objectives that have to hold.
    pub within: Vec<String>,
    pub outcome: Outcome,
    /// The answer; between `low`, the most that surely meets the objectives, and `high`, the least that surely misses one.
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// All that was tried, in order.
    pub points: Vec<Tried>,
    /// Beyond this, one per cent more load adds four and more to the p99.
    pub knee: Option<f64>,
    /// The objective that breaks first, and what is full there.
    pub breaks: Option<String>,
    pub limit: Option<Limit>,
    /// What would be full next if that were not, by the utilisation law.
    pub next: Option<Next>,
    /// The load of the scenario as it stands.
    pub today: Option<f64>,
    /// Load that today's with `headroom` comes to, and whether it is carried.
    pub needed: Option<f64>,
    pub headroom: f64,
    /// Replications that were needed.
    pub runs: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Found,
    /// Even the least that was tried misses an objective.
    None,
    /// Even the most that was tried meets all.
    Unbounded,
    /// An objective stays undecided over the whole range.
    Undecided,
}

/// One load, or one value of the setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    pub at: f64,
    pub verdict: Verdict,
    pub stable: bool,
    pub replications: u32,
    pub p50_s: Option<f64>,
    pub p99_s: Option<f64>,
    /// Successes over what was offered.
    pub served: Option<f64>,
    pub offered_per_s: Option<f64>,
    pub usd_per_month: Option<f64>,
    pub limit: Option<Limit>,
    /// Objectives that are not met here, and signs for the next design that fire here.
    pub missed: Vec<String>,
    pub evolve: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Next {
    pub component: String,
    pub resource: String,
    #[serde(deserialize_with = "or_infinite")]
    pub at: f64,
}

/// A line for each point.
pub fn rows(capacity: &Capacity) -> Rows {
    let mut rows = Rows::new([
        "at",
        "offered_per_s",
        "served",
        "p50_s",
        "p99_s",
        "stable",
        "verdict",
        "limit",
        "utilisation",
        "replications",
    ]);
    for tried in &capacity.points {
        let limit = tried.limit.as_ref();
        rows.rows.push(vec![
            number(Some(tried.at)),
            number(tried.offered_per_s),
            number(tried.served),
            number(tried.p50_s),
            number(tried.p99_s),
            tried.stable.to_string(),
            tried.verdict.word().to_owned(),
            limit.map(|limit| limit.component.clone()).unwrap_or_default(),
            number(limit.map(|limit| limit.utilisation)),
            tried.replications.to_string(),
        ]);
    }
    rows
}

/// The answer as an estimate, for conditions that are about it.
pub fn estimate(capacity: &Capacity) -> Option<Estimate> {
    let (low, high) = (capacity.low, capacity.high);
    let half_width = low.zip(high).map(|(low, high)| (high - low) / 2.0);
    Some(Estimate { mean: capacity.value?, half_width, low, high, replications: capacity.points.len() as u32 })
}
