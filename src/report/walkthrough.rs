//! What `walkthrough` says: one design as an interviewer would go through it, sums first, then the simulation.

use serde::Serialize;

use crate::report::Verdict;
use crate::report::advise::Advise;
use crate::report::by_hand::ByHand;
use crate::report::capacity::Capacity;
use crate::report::evaluation::Limit;
use crate::report::rows::Rows;

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.walkthrough/1";

/// The sections in the order of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Walkthrough {
    pub schema: &'static str,
    pub name: String,
    pub title: String,
    pub description: Option<String>,
    pub hash: String,
    pub seed: u64,
    pub requirements: Requirements,
    /// The back of the envelope, and where it parts from the simulation.
    pub by_hand: ByHand,
    pub simulated: Simulated,
    /// Pushed until it breaks.
    pub capacity: Capacity,
    /// Only at the senior level: single changes and what they cost, and what would be asked next.
    pub trade_offs: Option<Advise>,
    pub follow_ups: Vec<FollowUp>,
    /// Replications that the answers rest on.
    pub runs: u64,
}

/// What is asked of the design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Requirements {
    pub loads: Vec<Asked>,
    pub objectives: Vec<String>,
}

/// One load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    pub name: String,
    pub per_s: Option<f64>,
    pub clients: Option<f64>,
    /// Operations and their shares.
    pub requests: Vec<(String, f64)>,
}

/// The design at its load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simulated {
    pub verdict: Verdict,
    pub missed: Vec<String>,
    pub stable: bool,
    pub p50_s: Option<f64>,
    pub p99_s: Option<f64>,
    pub failed: Option<f64>,
    pub served_per_s: Option<f64>,
    pub usd_per_month: Option<f64>,
    pub bottleneck: Option<Limit>,
}

/// A question that an interviewer would ask next, and what the simulation answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FollowUp {
    pub question: String,
    pub answer: String,
}

/// A line for each follow-up question.
pub fn rows(walk: &Walkthrough) -> Rows {
    let mut rows = Rows::new(["question", "answer"]);
    rows.rows.extend(walk.follow_ups.iter().map(|asked| vec![asked.question.clone(), asked.answer.clone()]));
    rows
}
