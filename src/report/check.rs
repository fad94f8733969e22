//! What `check` says: for each scenario its rules, and what came of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::compare::Change;
use crate::report::evaluation::Figures;
use crate::report::{Verdict, Word, word};

/// Names and versions of the JSON documents.
pub const SCHEMA: &str = "plimsoll.check/1";
pub const BASELINE: &str = "plimsoll.baseline/1";

/// All scenarios, in the order of their files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    #[serde(deserialize_with = "word")]
    pub schema: Word,
    /// The command that made it, without what differs from machine to machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub outcome: Outcome,
    pub scenarios: Vec<Checked>,
}

/// One scenario, or one variant of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// `05-caching`, `05-caching/no_cache`.
    pub name: String,
    pub file: String,
    pub variant: Option<String>,
    pub outcome: Outcome,
    /// Nothing that could change a figure has changed since the baseline, so nothing was simulated.
    pub unchanged: bool,
    /// Most replications that it took.
    pub replications: u32,
    pub rules: Vec<Rule>,
    /// What the model says differently since the baseline.
    pub changes: Vec<Change>,
    /// Why it was skipped, or what is wrong with its baseline.
    pub note: Option<String>,
}

/// The graver stands later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Skipped,
    Passed,
    Undecided,
    Failed,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub kind: Kind,
    pub name: String,
    /// `latency p99 <= 200ms`, `p99 may grow 2%`.
    pub text: String,
    pub verdict: Verdict,
    /// Of an objective its value; of a baseline the change, as a share, or in the unit where `absolute`.
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub limit: Option<f64>,
    pub unit: String,
    pub absolute: bool,
    /// Of a baseline: the two values.
    pub before: Option<f64>,
    pub after: Option<f64>,
    pub note: Option<String>,
    /// Where the rule stands.
    pub file: String,
    pub line: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Objective,
    Baseline,
}

/// What is remembered of a design that was good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub schema: String,
    /// The version of the engine that simulated it.
    pub engine: String,
    /// The scenario's file, as it was named.
    pub file: String,
    /// All settings of the resolved scenario by their paths, so that it can be told what changed.
    pub settings: BTreeMap<String, String>,
    pub figures: Figures,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Skipped => "skipped",
            Outcome::Passed => "passed",
            Outcome::Undecided => "undecided",
            Outcome::Failed => "failed",
        }
    }

    /// The outcome of some rules: a miss decides, then a doubt.
    pub fn of(rules: &[Rule]) -> Outcome {
        let one = |rule: &Rule| match rule.verdict {
            Verdict::Misses => Outcome::Failed,
            Verdict::Undecided => Outcome::Undecided,
            Verdict::Meets => Outcome::Passed,
            Verdict::None => Outcome::Skipped,
        };
        rules.iter().map(one).max().unwrap_or(Outcome::Skipped)
    }
}

/// The document of a baseline, indented, with a line end.
pub fn write(baseline: &Baseline) -> String {
    crate::report::json::pretty(baseline)
}

/// Reads a baseline; what is wrong is told in lower case.
pub fn read(text: &str) -> Result<Baseline, String> {
    let read: Baseline = serde_json::from_str(text).map_err(|error| format!("it cannot be read: {error}"))?;
    if read.schema != BASELINE {
        return Err(format!("it is of version `{}`, this program reads `{BASELINE}`", read.schema));
    }
    Ok(Baseline { figures: read.figures.rounded(), ..read })
}
