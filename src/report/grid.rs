//! What `capacity --vary` says: a capacity for each point of a grid.

use serde::{Deserialize, Serialize};

use crate::report::capacity::Outcome;
use crate::report::evaluation::Limit;
use crate::report::rows::{Rows, number};
use crate::report::{Word, word};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.capacity_grid/1";

/// The whole grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    #[serde(deserialize_with = "word")]
    pub schema: Word,
    /// The command that made it, without what differs from machine to machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub name: String,
    /// blake3 of the resolved scenario before anything is varied.
    pub hash: String,
    pub seed: u64,
    /// What was searched for at each point.
    pub find: String,
    pub within: Vec<String>,
    /// The settings that are varied.
    pub axes: Vec<String>,
    pub rows: Vec<Row>,
}

/// The answer at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// One value for each axis.
    pub settings: Vec<String>,
    pub outcome: Outcome,
    /// `per_s`, `clients` or empty for a setting.
    #[serde(deserialize_with = "word")]
    pub unit: Word,
    /// As of `capacity`.
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The bill at the most that surely meets the objectives.
    pub usd_per_month: Option<f64>,
    /// The objective that breaks first, and what is full there.
    pub breaks: Option<String>,
    pub limit: Option<Limit>,
    /// Replications that were needed.
    pub runs: u64,
}

/// A line for each point.
pub fn rows(grid: &Grid) -> Rows {
    let fixed = ["value", "low", "high", "usd_per_month", "breaks", "limit", "utilisation", "runs"];
    let mut rows = Rows::new(grid.axes.iter().map(String::as_str).chain(fixed));
    for row in &grid.rows {
        let limit = row.limit.as_ref();
        let mut cells = row.settings.clone();
        cells.extend([row.value, row.low, row.high, row.usd_per_month].map(number));
        cells.push(row.breaks.clone().unwrap_or_default());
        cells.push(limit.map(|limit| limit.component.clone()).unwrap_or_default());
        cells.extend([number(limit.map(|limit| limit.utilisation)), row.runs.to_string()]);
        rows.rows.push(cells);
    }
    rows
}
