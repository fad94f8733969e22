//! What the intervals among the inputs come to, and the ledger of assumptions.

use super::layout::{Cell, Column, Table};
use super::{FAINT, Look, STRONG};
use crate::report::terminal::figures::{of_unit, percent};
use crate::report::uncertainty::{Spread, Uncertainty};
use crate::report::{Estimate, Report};

/// The columns of [`spreads`].
pub(in crate::report) const SPREADS: [&str; 6] = ["over all draws", "holds in", "5 %", "median", "95 %", "from inputs"];
/// The columns of [`ledger`].
pub(in crate::report) const LEDGER: [&str; 4] = ["number", "interval", "source", "influence"];

/// A line for each objective, then for each measure.
pub(in crate::report) fn spreads(uncertainty: &Uncertainty, dots: &str) -> Vec<[String; 6]> {
    let all = uncertainty.objectives.iter().chain(&uncertainty.measures);
    let mut rows: Vec<[String; 6]> = all.map(|spread| row(spread, dots)).collect();
    if let Some(all) = uncertainty.meets_all.filter(|_| 1 < uncertainty.objectives.len()) {
        let nothing = || String::new();
        let all = ["all objectives".to_owned(), chance(all, dots), nothing(), nothing(), nothing(), nothing()];
        rows.insert(uncertainty.objectives.len(), all);
    }
    rows
}

fn row(spread: &Spread, dots: &str) -> [String; 6] {
    let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| of_unit(value, &spread.unit));
    [
        spread.text.clone().unwrap_or_else(|| spread.name.clone()),
        spread.probability.map(|probability| chance(probability, dots)).unwrap_or_default(),
        value(spread.p5),
        value(spread.p50),
        value(spread.p95),
        spread.from_inputs.map(|share| percent(share.mean)).unwrap_or_default(),
    ]
}

/// `72% (60 … 82)`.
fn chance(of: Estimate, dots: &str) -> String {
    let whole = |share: Option<f64>| format!("{:.0}", 100.0 * share.unwrap_or(of.mean));
    format!("{}% ({} {dots} {})", whole(Some(of.mean)), whole(of.low), whole(of.high))
}

/// A line for each assumption, the most influential first.
pub(in crate::report) fn ledger(report: &Report) -> Vec<[String; 4]> {
    let entry = |known: &crate::report::Assumption| {
        let influence = known.influence.map(percent).unwrap_or_default();
        [known.path.clone(), known.intervals.join(", "), known.source.clone(), influence]
    };
    report.assumptions.iter().map(entry).collect()
}

/// How the figures came about.
pub(in crate::report) fn said(uncertainty: &Uncertainty) -> String {
    let Uncertainty { draws, replications_each: each, inputs, unstable, impossible, .. } = uncertainty;
    let mut said = vec![format!("{draws} draws of {} uncertain inputs, {each} replications each", inputs.len())];
    if 0 < *unstable {
        said.push(format!("in {unstable} of them a queue grows without end"));
    }
    if 0 < *impossible {
        said.push(format!("{impossible} more make no scenario and are left out"));
    }
    said.join("; ")
}

/// Both tables.
pub(super) fn section(report: &Report, look: Look) -> Vec<String> {
    let Some(uncertainty) = &report.uncertainty else { return Vec::new() };
    let about = format!("{}; above, they stand at their middles", said(uncertainty));
    let mut lines = vec![super::entry("uncertain", &about, look)];
    let columns = [[Column::TEXT].as_slice(), &[Column::NUMBER; 5]].concat();
    let mut table = Table::new(&columns, 4);
    table.row(SPREADS.map(|head| Cell::styled(head, STRONG)));
    for row in spreads(uncertainty, look.marks().dots) {
        table.row(row.map(Cell::new));
    }
    lines.extend(table.lines(look.width));
    let mut table = Table::new(&[Column::TEXT, Column::TEXT, Column::TEXT, Column::NUMBER], 4);
    let heads = ["what decides", "interval", "source", "influence"];
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    let about = format!("on {}", uncertainty.influence_on);
    for row in ledger(report) {
        table.row(row.map(Cell::new));
    }
    lines.push(String::new());
    lines.extend(table.lines(look.width));
    lines.push(super::paint(&format!("    {about}: the share of its variation that goes with the input"), FAINT));
    lines
}
