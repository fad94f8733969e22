//! What `size` says: the cheapest design that meets its objectives, and what was looked at on the way.

use serde::{Deserialize, Serialize};

use crate::report::evaluation::Limit;
use crate::report::rows::{Rows, number};
use crate::report::{Estimate, Verdict, Word, word};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.size/1";

/// The answer and the way to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Size {
    #[serde(deserialize_with = "word")]
    pub schema: Word,
    /// The command that made it, without what differs from machine to machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub name: String,
    pub hash: String,
    pub seed: u64,
    /// Offered load that was sized for.
    pub load_per_s: f64,
    pub within: Vec<String>,
    /// The settings that may vary.
    pub axes: Vec<String>,
    pub best: Option<Candidate>,
    /// Cheaper than the best, but not decided within the most replications.
    pub cheaper_but_undecided: Vec<Candidate>,
    /// Of those evaluated, none is both cheaper and quicker; the cheapest first.
    pub pareto: Vec<Candidate>,
    /// What the cheapest designs that were simulated miss: the objectives that bind, the most frequent first.
    pub binds: Vec<String>,
    /// How many designs there are, how many arithmetic alone ruled out, and how many were simulated.
    pub designs: u32,
    pub ruled_out: u32,
    pub simulated: u32,
    /// Replications that were needed, and those that all designs would have taken.
    pub runs: u64,
    pub runs_of_all: u64,
    /// Where inputs are intervals: what each contender would be regretted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regrets: Option<Regrets>,
}

/// Contenders over many draws of the inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regrets {
    pub draws: u32,
    /// Draws that make no scenario, left out.
    pub impossible: u32,
    /// Dollars a month that a missed objective is counted as.
    pub price_of_a_miss_usd: f64,
    /// The one of least regret first.
    pub contenders: Vec<Contender>,
}

/// One design over all draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    pub settings: Vec<String>,
    /// The mean bill.
    pub usd_per_month: f64,
    /// Probability that it meets every objective.
    pub meets: Estimate,
    /// What it loses beyond the contender that does best, on the mean and at worst.
    pub regret_usd: Estimate,
    pub worst_regret_usd: f64,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// One value for each axis.
    pub settings: Vec<String>,
    pub verdict: Verdict,
    pub usd_per_month: f64,
    pub p99_s: Option<f64>,
    pub replications: u32,
    pub limit: Option<Limit>,
    pub missed: Vec<String>,
}

impl Size {
    /// The settings to choose: those of least regret, and the best ones where all inputs are known.
    pub fn chosen(&self) -> Option<&Vec<String>> {
        match &self.regrets {
            Some(regrets) => regrets.contenders.first().map(|contender| &contender.settings),
            None => self.best.as_ref().map(|best| &best.settings),
        }
    }
}

/// A line for each point of the front.
pub fn rows(size: &Size) -> Rows {
    let fixed = ["usd_per_month", "p99_s", "verdict", "replications", "limit", "utilisation"];
    let mut rows = Rows::new(size.axes.iter().map(String::as_str).chain(fixed));
    for candidate in &size.pareto {
        let limit = candidate.limit.as_ref();
        let mut cells = candidate.settings.clone();
        cells.extend([
            number(Some(candidate.usd_per_month)),
            number(candidate.p99_s),
            candidate.verdict.word().to_owned(),
        ]);
        cells.push(candidate.replications.to_string());
        cells.extend([
            limit.map(|limit| limit.component.clone()).unwrap_or_default(),
            number(limit.map(|l| l.utilisation)),
        ]);
        rows.rows.push(cells);
    }
    rows
}

/// A line for each contender.
pub fn contenders(size: &Size, regrets: &Regrets) -> Rows {
    let fixed = ["usd_per_month", "meets", "meets_low", "meets_high", "regret_usd", "worst_regret_usd"];
    let mut rows = Rows::new(size.axes.iter().map(String::as_str).chain(fixed));
    for contender in &regrets.contenders {
        let Contender { meets, regret_usd, .. } = contender;
        let figures = [Some(contender.usd_per_month), Some(meets.mean), meets.low, meets.high];
        let mut cells = contender.settings.clone();
        cells.extend(figures.map(number));
        cells.extend([Some(regret_usd.mean), Some(contender.worst_regret_usd)].map(number));
        rows.rows.push(cells);
    }
    rows
}
