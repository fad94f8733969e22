//! What `journey` says: the stages of a ladder, what each carries, and what each step bought.

use serde::{Deserialize, Serialize};

use crate::report::capacity::Outcome;
use crate::report::compare::Difference;
use crate::report::evaluation::Limit;
use crate::report::rows::{Rows, number};
use crate::report::{Verdict, Word, word};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.journey/1";

/// The whole ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    #[serde(deserialize_with = "word")]
    pub schema: Word,
    /// The command that made it, without what differs from machine to machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub title: String,
    pub description: Option<String>,
    pub seed: u64,
    pub stages: Vec<Stage>,
    /// Replications that were needed.
    pub runs: u64,
}

/// One stage at the load that it is there for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    pub title: String,
    pub file: String,
    pub hash: String,
    pub story: Option<String>,
    pub users: Option<f64>,
    pub verdict: Verdict,
    pub missed: Vec<String>,
    pub stable: bool,
    pub offered_per_s: Option<f64>,
    pub p50_s: Option<f64>,
    pub p99_s: Option<f64>,
    pub failed: Option<f64>,
    pub usd_per_month: Option<f64>,
    pub bottleneck: Option<Limit>,
    pub capacity: Carried,
    /// The sign for the next stage that shows at the lowest load.
    pub evolve: Option<Sign>,
    /// What it took to come here from the stage before, and what that bought; `None` for the first.
    pub step: Option<Step>,
}

/// The most load within the objectives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    pub outcome: Outcome,
    pub per_s: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The same in users, where the stage counts them.
    pub users: Option<f64>,
    pub breaks: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sign {
    pub text: String,
    pub at_per_s: f64,
}

/// From one stage to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// How many settings differ, and how many are new.
    pub changed: u32,
    pub added: u32,
    /// Capacity over that of the stage before.
    pub capacity_times: Option<f64>,
    pub usd_more_per_month: Option<f64>,
    /// The p99 of both at the users of the stage before, on common random numbers.
    pub p99: Option<Difference>,
}

/// A line for each stage.
pub fn rows(journey: &Journey) -> Rows {
    let head = [
        "stage",
        "users",
        "offered_per_s",
        "p50_s",
        "p99_s",
        "failed",
        "verdict",
        "capacity_per_s",
        "capacity_low",
        "capacity_high",
        "breaks",
        "bottleneck",
        "usd_per_month",
    ];
    let mut rows = Rows::new(head);
    for stage in &journey.stages {
        let mut cells = vec![stage.name.clone()];
        cells.extend([stage.users, stage.offered_per_s, stage.p50_s, stage.p99_s, stage.failed].map(number));
        cells.push(stage.verdict.word().to_owned());
        cells.extend([stage.capacity.per_s, stage.capacity.low, stage.capacity.high].map(number));
        cells.push(stage.capacity.breaks.clone().unwrap_or_default());
        cells.push(stage.bottleneck.as_ref().map(|limit| limit.component.clone()).unwrap_or_default());
        cells.push(number(stage.usd_per_month));
        rows.rows.push(cells);
    }
    rows
}
