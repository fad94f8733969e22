//! What `estimate` says: the sums of the back of an envelope, each beside what the simulation measured.

use serde::Serialize;

use crate::report::rows::{Rows, number};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.by_hand/1";

/// The whole estimate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByHand {
    pub schema: &'static str,
    pub name: String,
    pub hash: String,
    pub seed: u64,
    pub load_per_s: f64,
    pub requests_per_day: f64,
    /// Every resource with a limit, the fullest first.
    pub resources: Vec<Hand>,
    /// The load at which the first resource would be full, by the utilisation law.
    pub full_at_per_s: Option<f64>,
    /// A request without any waiting, with the waiting that theory adds, and as simulated.
    pub empty_s: Option<f64>,
    pub mean_s: Option<f64>,
    pub simulated_mean_s: Option<f64>,
    pub simulated_p99_s: Option<f64>,
    /// Requests in the system, by Little's law.
    pub in_flight: Option<f64>,
    /// Simulated over estimated mean, less one.
    pub apart: Option<f64>,
    /// Why the two part, as far as the scenario shows it.
    pub reasons: Vec<String>,
    pub storage_bytes: Option<f64>,
    pub network_bytes_per_s: Option<f64>,
    /// Machines alone, and the bill of the simulation.
    pub machines_usd_per_month: Option<f64>,
    pub simulated_usd_per_month: Option<f64>,
}

/// One resource by the utilisation law.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hand {
    pub component: String,
    pub resource: String,
    /// Uses a second, seconds each: their product is how many are needed.
    pub rate_per_s: f64,
    pub held_s: f64,
    pub needed: f64,
    pub there: f64,
    pub utilisation: f64,
    /// Of the busiest part, as simulated.
    pub simulated: Option<f64>,
    /// Mean wait of a use by Erlang's C formula; `None` where it is full.
    pub wait_s: Option<f64>,
}

/// A line for each resource.
pub fn rows(by_hand: &ByHand) -> Rows {
    let head =
        ["component", "resource", "rate_per_s", "held_s", "needed", "there", "utilisation", "simulated", "wait_s"];
    let mut rows = Rows::new(head);
    for hand in &by_hand.resources {
        let figures = [hand.rate_per_s, hand.held_s, hand.needed, hand.there, hand.utilisation].map(Some);
        let mut cells = vec![hand.component.clone(), hand.resource.clone()];
        cells.extend(figures.into_iter().chain([hand.simulated, hand.wait_s]).map(number));
        rows.rows.push(cells);
    }
    rows
}
