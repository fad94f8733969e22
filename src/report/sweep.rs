//! What `sweep` says: one row for each point, written as it is done.
//!
//! The file is a head and then one row a line in the order of the points, so that a sweep that was killed goes on where
//! it stopped, and the parts of several machines are put together to the very bytes of one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::evaluation::Figures;
use crate::report::rows::{Rows, number};
use crate::report::{Verdict, Word, word};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.sweep/1";

/// What is varied, and in which points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub schema: String,
    /// The command that made it, without what differs from machine to machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub name: String,
    /// blake3 of the resolved scenario before anything is varied.
    pub hash: String,
    pub seed: u64,
    pub replications: u32,
    /// The settings that are varied, in the order of the columns.
    pub axes: Vec<String>,
    /// One value of each axis.
    pub points: Vec<Vec<String>>,
}

impl Head {
    /// Whether rows of both are rows of one sweep, however it was asked for.
    pub fn is_of(&self, other: &Head) -> bool {
        *self == Head { command: self.command.clone(), ..other.clone() }
    }
}

/// One point, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Index into the points of the head.
    pub point: usize,
    pub settings: BTreeMap<String, String>,
    pub figures: Figures,
}

/// The whole sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    #[serde(flatten)]
    pub head: Head,
    pub rows: Vec<Row>,
    /// The cheapest point that meets every objective; without prices or objectives, the one with the shortest tail.
    pub best: Option<usize>,
    /// What makes it the best.
    #[serde(deserialize_with = "word")]
    pub because: Word,
}

/// One line of the file, with its end.
pub fn line(document: &impl Serialize) -> String {
    crate::report::json::line(document) + "\n"
}

/// What a file holds: its head and the rows before the first that is broken, and how many bytes those take.
pub struct Kept {
    pub head: Head,
    pub rows: Vec<Row>,
    pub bytes: usize,
}

/// Reads a file of [`line`]s that may have been cut anywhere; `None` if not even its head is whole.
pub fn read(text: &str) -> Option<Kept> {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let first = lines.next()?;
    let head: Head = serde_json::from_str(first).ok()?;
    let mut kept = Kept { head, rows: Vec::new(), bytes: first.len() };
    for line in lines {
        let Ok(row) = serde_json::from_str::<Row>(line) else { break };
        kept.rows.push(Row { figures: row.figures.rounded(), ..row });
        kept.bytes += line.len();
    }
    Some(kept)
}

/// The sweep of these rows, in the order of their points.
pub fn sweep(head: Head, rows: Vec<Row>) -> Sweep {
    let meets = |row: &&Row| row.figures.verdict == Verdict::Meets && row.figures.usd_per_month.is_some();
    let price = |row: &Row| row.figures.usd_per_month.unwrap_or(f64::INFINITY);
    let cheapest = rows.iter().filter(meets).min_by(|a, b| price(a).total_cmp(&price(b)));
    let tail = |row: &Row| row.figures.value("p99").unwrap_or(f64::INFINITY);
    let quickest = || rows.iter().filter(|row| tail(row).is_finite()).min_by(|a, b| tail(a).total_cmp(&tail(b)));
    let (best, because) = match cheapest {
        Some(row) => (Some(row.point), "the cheapest that meets every objective"),
        None => (quickest().map(|row| row.point), "the shortest p99"),
    };
    Sweep { head, rows, best, because }
}

/// A line for each point.
pub fn rows(sweep: &Sweep) -> Rows {
    let fixed = [
        "offered_per_s",
        "served_per_s",
        "failed",
        "mean_s",
        "p50_s",
        "p99_s",
        "p99_low_s",
        "p99_high_s",
        "stable",
        "verdict",
        "bottleneck",
        "usd_per_month",
    ];
    let head = std::iter::once("point").chain(sweep.head.axes.iter().map(String::as_str)).chain(fixed);
    let mut rows = Rows::new(head);
    for row in &sweep.rows {
        let figures = &row.figures;
        let tail = figures.measure("p99");
        let mut cells = vec![row.point.to_string()];
        cells.extend(sweep.head.points[row.point].iter().cloned());
        cells.extend(["offered", "served", "failed", "mean", "p50", "p99"].map(|name| number(figures.value(name))));
        cells.extend([number(tail.and_then(|tail| tail.low)), number(tail.and_then(|tail| tail.high))]);
        cells.extend([figures.stable.to_string(), figures.verdict.word().to_owned()]);
        cells.push(figures.bottleneck.as_ref().map(|limit| limit.component.clone()).unwrap_or_default());
        cells.push(number(figures.usd_per_month));
        rows.rows.push(cells);
    }
    rows
}
