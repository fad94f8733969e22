//! What `compare` says: designs beside the first of them, on the same random inputs.

use serde::{Deserialize, Serialize};

use crate::report::evaluation::Limit;
use crate::report::pictures::Curve;
use crate::report::rows::{Rows, number};
use crate::report::{self, Verdict, word};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.compare/1";

/// One design against others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compare {
    #[serde(deserialize_with = "word")]
    pub schema: report::Word,
    /// The command that made it, without what differs from machine to machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub seed: u64,
    pub replications: u32,
    /// Differences of times and rates that are smaller than this share do not matter.
    pub noise: f64,
    pub before: Side,
    pub after: Vec<Compared>,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    pub name: String,
    pub title: String,
    pub hash: String,
    pub verdict: Verdict,
    pub stable: bool,
    pub offered_per_s: Option<f64>,
    pub usd_per_month: Option<f64>,
    pub bottleneck: Option<Limit>,
    /// Latency by percentile of all requests, where there is a steady state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
}

/// Another design and its differences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    #[serde(flatten)]
    pub side: Side,
    /// What the two say differently, and how many of their settings are the same.
    pub changes: Vec<Change>,
    pub unchanged: u32,
    pub differences: Vec<Difference>,
    /// Dollars a month more, by component, where that changed.
    pub costs: Vec<(String, f64)>,
    /// The worst word of all measures: one regression makes it one.
    pub word: Word,
    /// What it comes to, in a sentence or two.
    pub in_short: String,
}

/// A setting that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub path: String,
    /// `None`: was not there.
    pub before: Option<String>,
    /// `None`: is no longer there.
    pub after: Option<String>,
}

/// One measure in both designs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub measure: String,
    pub unit: String,
    pub before: Option<f64>,
    pub after: Option<f64>,
    /// As a share of `before`, or in the unit where `absolute`; with its 95 % interval from paired replications.
    pub change: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub absolute: bool,
    /// `None` where neither way is better.
    pub word: Option<Word>,
    /// Of an objective: what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<[Verdict; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Of an objective: its condition, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The only words for a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    NoDifferenceDetected,
    WithinNoise,
    Improved,
    Regressed,
}

impl Word {
    pub fn text(self) -> &'static str {
        match self {
            Word::Improved => "improved",
            Word::Regressed => "regressed",
            Word::WithinNoise => "within noise",
            Word::NoDifferenceDetected => "no difference detected",
        }
    }
}

/// A line for each design and measure.
pub fn rows(compare: &Compare) -> Rows {
    let mut rows = Rows::new(["before", "after", "measure", "unit", "was", "is", "change", "low", "high", "verdict"]);
    for compared in &compare.after {
        for difference in &compared.differences {
            let word = difference.word.map_or("", Word::text).to_owned();
            let names = [&compare.before.name, &compared.side.name, &difference.measure, &difference.unit];
            let figures = [difference.before, difference.after, difference.change, difference.low, difference.high];
            let cells = names.into_iter().cloned().chain(figures.map(number)).chain([word]);
            rows.rows.push(cells.collect());
        }
    }
    rows
}
