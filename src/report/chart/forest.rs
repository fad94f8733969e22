//! Differences with their intervals beneath each other, around no difference.

use crate::report::chart::axis::Scale;
use crate::report::chart::ink::Ink;
use crate::report::chart::{Anchor, Chart, SMALL, Table, WIDTH, fitted, text_width};

const NAMES: f64 = 170.0;
const ROW: f64 = 26.0;
const TOP: f64 = 24.0;

/// One difference as a share of what it was before, `-0.6` for 60 % less.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub name: String,
    pub change: f64,
    pub low: f64,
    pub high: f64,
    /// What stands behind it: `improved`, `within noise`.
    pub verdict: String,
    pub ink: Ink,
}

/// All of them on one scale; `noise` is the share within which nobody cares.
pub fn forest(id: &str, title: &str, noise: f64, rows: &[Difference]) -> Option<Chart> {
    let reach = rows.iter().flat_map(|row| [row.low, row.high, row.change]).map(f64::abs).filter(|x| x.is_finite());
    let Scale::Linear { to: reach, .. } = Scale::around(0.0, reach.fold(noise * 2.0, f64::max).clamp(1e-6, 3.0)) else {
        return None;
    };
    if rows.is_empty() {
        return None;
    }
    let verdicts = rows.iter().map(|row| text_width(&row.verdict, SMALL)).fold(0.0, f64::max) + 20.0;
    let width = WIDTH - NAMES - verdicts;
    let bottom = TOP + rows.len() as f64 * ROW;
    let mut chart = Chart::new(id, title, (WIDTH, bottom + 30.0));
    let px = |change: f64| NAMES + f64::midpoint(change.clamp(-reach, reach) / reach, 1.0) * width;
    chart.band(&[(px(-noise), TOP), (px(noise), TOP)], &[(px(-noise), bottom), (px(noise), bottom)], Ink::Faint, None);
    chart.line(vec![(px(0.0), TOP), (px(0.0), bottom)], 1.5, Ink::Text, None);
    for (change, text) in [(-reach, "less"), (reach, "more")] {
        let anchor = if change < 0.0 { Anchor::Start } else { Anchor::End };
        chart.say((px(change), 10.0), text, anchor, Ink::Faint);
        chart.say((px(change), bottom + 14.0), &signed(change), anchor, Ink::Faint);
    }
    chart.say((px(0.0), bottom + 14.0), "0%", Anchor::Middle, Ink::Faint);
    for half in [-reach / 2.0, reach / 2.0] {
        chart.line(vec![(px(half), TOP), (px(half), bottom)], 1.0, Ink::Grid, None);
        chart.say((px(half), bottom + 14.0), &signed(half), Anchor::Middle, Ink::Faint);
    }
    for (number, row) in rows.iter().enumerate() {
        let y = TOP + (number as f64 + 0.5) * ROW;
        chart.say((NAMES - 10.0, y), &fitted(&row.name, SMALL, NAMES - 14.0), Anchor::End, Ink::Text);
        chart.line(vec![(px(row.low), y), (px(row.high), y)], 2.0, row.ink, None);
        chart.fill([px(row.change) - 4.0, y - 4.0, 8.0, 8.0], row.ink);
        chart.say((WIDTH - verdicts + 14.0, y), &row.verdict, Anchor::Start, row.ink);
    }
    "Changes from the first design to the second, each with its 95 % interval; the grey band is within noise."
        .clone_into(&mut chart.about);
    let cells = |row: &Difference| {
        vec![
            row.name.clone(),
            signed(row.change),
            format!("{} to {}", signed(row.low), signed(row.high)),
            row.verdict.clone(),
        ]
    };
    let head = ["figure", "change", "95 % interval", "verdict"].map(str::to_owned).to_vec();
    chart.table = Table { head, rows: rows.iter().map(cells).collect() };
    Some(chart)
}

/// `+12.3%`; what is nothing has no sign.
pub fn signed(change: f64) -> String {
    let sign = match (change * 1000.0).round() {
        0.0 => "",
        tenths if tenths < 0.0 => "−",
        _ => "+",
    };
    format!("{sign}{:.1}%", change.abs() * 100.0)
}
