//! What `advise` says: single changes, ranked by what they do for the objective that needs it most and what they cost.

use serde::Serialize;

use crate::report::Verdict;
use crate::report::compare::Word;
use crate::report::rows::{Rows, number};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.advise/1";

/// A design and what could be changed in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advise {
    pub schema: &'static str,
    pub name: String,
    pub hash: String,
    pub seed: u64,
    pub replications: u32,
    pub load_per_s: f64,
    pub verdict: Verdict,
    /// The objective that is missed, or is nearest to its limit; without objectives the p99.
    pub focus: String,
    pub unit: String,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    pub bottleneck: Option<String>,
    pub usd_per_month: Option<f64>,
    /// The best first.
    pub changes: Vec<Advice>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// As `--set` takes it.
    pub set: String,
    pub was: String,
    /// The focus with the change, and how much that is as a share (or in its unit, of a share).
    pub value: Option<f64>,
    pub change: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub absolute: bool,
    pub word: Option<Word>,
    pub verdict: Verdict,
    pub usd_more_per_month: Option<f64>,
    /// Load that the fullest resource could carry more.
    pub room_per_s: Option<f64>,
    /// The shadow price: dollars a month for a request a second more of that room.
    pub usd_per_rps: Option<f64>,
}

/// A line for each change.
pub fn rows(advise: &Advise) -> Rows {
    let head =
        ["set", "was", "focus", "change", "low", "high", "verdict", "usd_more_per_month", "room_per_s", "usd_per_rps"];
    let mut rows = Rows::new(head);
    for advice in &advise.changes {
        let figures = [advice.value, advice.change, advice.low, advice.high];
        let mut cells = vec![advice.set.clone(), advice.was.clone()];
        cells.extend(figures.map(number));
        cells.push(advice.verdict.word().to_owned());
        cells.extend([advice.usd_more_per_month, advice.room_per_s, advice.usd_per_rps].map(number));
        rows.rows.push(cells);
    }
    rows
}
