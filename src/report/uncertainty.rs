//! What intervals among the inputs do to the answer, apart from the noise of simulating.

use serde::{Deserialize, Serialize};

use crate::report::Estimate;

/// What came of drawing the inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uncertainty {
    /// How often all inputs were drawn, and how many replications each draw had.
    pub draws: u32,
    pub replications_each: u32,
    /// Draws that make no scenario (a share above one), left out; and those in which a queue grew without end.
    pub impossible: u32,
    pub unstable: u32,
    /// Probability that all objectives hold.
    pub meets_all: Option<Estimate>,
    pub objectives: Vec<Spread>,
    /// Latency, failures, throughput and cost.
    pub measures: Vec<Spread>,
    /// What the influences of the inputs are influences on.
    pub influence_on: String,
    /// The intervals, the one with the most influence first.
    pub inputs: Vec<Input>,
}

/// One figure over all draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub name: String,
    /// The condition, of an objective.
    pub text: Option<String>,
    pub unit: String,
    /// That the objective holds, with its 95 % interval.
    pub probability: Option<Estimate>,
    /// Quantiles over the draws; `None` where there is no steady state.
    pub p5: Option<f64>,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    /// The share of the variance of the answer that comes from inputs; the rest is noise of the replications.
    pub from_inputs: Option<Estimate>,
}

/// One interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub path: String,
    /// As it was written.
    pub interval: String,
    /// Squared correlation of ranks with what the influence is on: the share of its variation that goes with this input.
    pub influence: Option<f64>,
}
