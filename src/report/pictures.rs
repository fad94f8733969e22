//! What pictures show beyond the figures of the report: percentile curves, series over time, latencies by time, arrows.
//!
//! Values are as everywhere in the report (seconds, shares, per second), with four significant digits: no picture shows
//! more. A series stands for all replications: `mid` is their mean (of rates, shares and levels) or median (of
//! percentiles), `low` and `high` the least and the greatest of any window of any replication that a point stands for, so
//! spikes survive however many windows share a point. `None` is a point at which nothing was seen.

use serde::{Deserialize, Serialize};

use crate::report::Alert;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pictures {
    pub curves: Vec<Curve>,
    pub series: Series,
    pub events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heat: Option<Heat>,
    pub graph: Graph,
}

/// Latency by percentile of some requests. The lists are of one length; a curve ends where fewer than ten requests were
/// slower.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// `all`, or a load.
    pub name: String,
    /// Between 0 and 1.
    pub percentile: Vec<f64>,
    pub latency_s: Vec<f64>,
    /// Of the 95 % interval; `None` with one replication.
    pub low_s: Vec<Option<f64>>,
    pub high_s: Vec<Option<f64>>,
}

/// Everything over time; point `i` stands for the simulated time from `i * step_s` on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub step_s: f64,
    pub points: usize,
    pub lines: Vec<Line>,
}

/// One figure over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// `offered`, `served`, `failed`, `p50`, `p99`, `in_flight`, `busy`, `queue`, `hits` or `instances`.
    pub what: String,
    /// What it is a figure of, where not of all requests: `web cores`, `redis`.
    pub of: String,
    pub mid: Vec<Option<f64>>,
    pub low: Vec<Option<f64>>,
    pub high: Vec<Option<f64>>,
}

/// Something that happened, and how long it lasted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `warm-up`, `fault` or `alert`.
    pub what: String,
    pub name: String,
    pub from_s: f64,
    pub to_s: f64,
}

/// Requests by when they left and how long they took, of all replications.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heat {
    pub step_s: f64,
    /// Lower edges of the rows and the upper edge of the last, seconds.
    pub edges_s: Vec<f64>,
    /// By time, then by row.
    pub counts: Vec<Vec<u64>>,
}

/// Who calls whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Loads, in the order of names; components stand in `components` of the report.
    pub loads: Vec<String>,
    pub arrows: Vec<Arrow>,
}

/// All calls from one component (or load) to another, retries included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    pub calls_per_s: f64,
    /// Whether the caller's own answer waits for any of them.
    pub waits: bool,
}

impl Pictures {
    /// Notes when alerts were on.
    pub fn mark_events(&mut self, alerts: &[Alert]) {
        for alert in alerts {
            let on = alert.fired.iter().map(|[from_s, to_s]| Event {
                what: "alert".to_owned(),
                name: alert.name.clone(),
                from_s: *from_s,
                to_s: *to_s,
            });
            self.events.extend(on);
        }
    }
}

impl Series {
    /// The lines of one figure.
    pub fn of<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.what == what)
    }
}
