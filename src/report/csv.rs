//! The time series as comma-separated values: one row for each window of each replication.
//!
//! Percentiles are those of the window in that replication; they are never averaged. A cell is empty where nothing finished
//! in the window. Rates and counts are those of the whole, in a run at a scale too. Columns after `in_flight` are the busy share and the mean queue of each resource with a limit.

use std::fmt::Write as _;

use crate::model::{Model, Scope};
use crate::record::{Record, Series, Tracked, TrackedKind};

/// The whole table with its header.
pub fn render(model: &Model, records: &[Record]) -> String {
    let mut text = String::from(
        "replication,t_s,offered_per_s,ok_per_s,failed_per_s,latency_mean_s,latency_p50_s,latency_p99_s,in_flight",
    );
    for tracked in records.first().map_or(&[][..], |record| &record.series.busy) {
        let name = name(model, tracked);
        write!(text, ",{}", quoted(&format!("{name} busy"))).expect("a string takes all");
        if has_queue(tracked) {
            write!(text, ",{}", quoted(&format!("{name} queue"))).expect("a string takes all");
        }
    }
    text.push('\n');
    for (replication, record) in records.iter().enumerate() {
        let windows = record.series.ok.len();
        for window in 0..windows {
            row(&mut text, replication, record, window, model.scale_of(Scope::All));
        }
    }
    text
}

/// The requests that were followed, a few thousand of each replication whatever became of them: one row each.
pub fn requests(model: &Model, records: &[Record]) -> String {
    let mut text = String::from("replication,load,operation,number,arrived_s,latency_s,outcome\n");
    for (replication, record) in records.iter().enumerate() {
        for seen in &record.sampled {
            let class = &model.classes[usize::from(seen.class)];
            let operation = &model.operations[usize::from(class.operation)];
            let (load, component) = (&model.sources[usize::from(class.source)], usize::from(operation.component));
            let asked = format!("{}.{}", model.components[component].name, operation.name);
            let outcome = seen.failed.map_or("ok", |kind| model.failures[usize::from(kind)].as_str());
            let (load, asked, outcome) = (quoted(&load.name), quoted(&asked), quoted(outcome));
            let (arrived, latency) = (seen.arrived.secs(), seen.latency.secs());
            writeln!(text, "{replication},{load},{asked},{},{arrived:.9},{latency:.9},{outcome}", seen.number)
                .expect("a string takes all");
        }
    }
    text
}

fn row(text: &mut String, replication: usize, record: &Record, window: usize, whole: f64) {
    let series = &record.series;
    let length = series.window.secs();
    // The last window ends with the run.
    let start = window as f64 * length;
    let seconds = length.min(record.end.secs() - start).max(1e-9);
    write!(text, "{replication},{}", number(start)).expect("a string takes all");
    let rates = [series.offered[window], series.ok[window], series.failed[window]];
    for count in rates {
        cell(text, f64::from(count) * whole / seconds);
    }
    cell(text, mean(series, window));
    cell(text, f64::from(series.p50_s[window]));
    cell(text, f64::from(series.p99_s[window]));
    cell(text, f64::from(series.in_flight[window]) * whole);
    for tracked in &series.busy {
        cell(text, f64::from(tracked.share[window]));
        if has_queue(tracked) {
            cell(text, f64::from(tracked.queue[window]) * whole);
        }
    }
    text.push('\n');
}

fn mean(series: &Series, window: usize) -> f64 {
    let finished = f64::from(series.ok[window]) + f64::from(series.failed[window]);
    series.latency_sum_ns[window] as f64 / finished * 1e-9
}

fn cell(text: &mut String, value: f64) {
    text.push(',');
    if value.is_finite() {
        text.push_str(&number(value));
    }
}

/// Six significant digits, without an exponent.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().expect("what was printed is a number");
    rounded.to_string()
}

fn has_queue(tracked: &Tracked) -> bool {
    matches!(tracked.what, TrackedKind::Slots | TrackedKind::Pool)
}

/// What a column is about: `web cores`, `db connections`.
pub fn name(model: &Model, tracked: &Tracked) -> String {
    let index = tracked.index as usize;
    let host = |what: &str| {
        let name = &model.hosts[index].name;
        let owner = name.split_once('/').map_or(name.as_str(), |(owner, _)| owner);
        format!("{} {what}", if 1 < tracked.hosts { owner } else { name })
    };
    match tracked.what {
        TrackedKind::Slots => {
            let component = &model.components[index];
            let slots = if component.kind == "database" { "connections" } else { "workers" };
            format!("{} {slots}", component.name)
        }
        TrackedKind::Cores => host("cores"),
        TrackedKind::Disk => host("disk"),
        TrackedKind::Nic => host("nic"),
        TrackedKind::Memory => host("memory"),
        TrackedKind::Pool => format!("{} pool", model.pools[index].name),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::units::{Span, Time};

    #[test]
    fn a_row_a_window_with_empty_cells_where_nothing_finished() {
        let series = Series {
            window: Span(1_000_000_000),
            offered: vec![3, 0],
            ok: vec![2, 0],
            failed: vec![1, 0],
            latency_sum_ns: vec![300_000_000, 0],
            p50_s: vec![0.1, f32::NAN],
            p99_s: vec![0.2, f32::NAN],
            backlog: Vec::new(),
            in_flight: vec![1, 1],
            ..Series::default()
        };
        let record = Record { end: Time(1_500_000_000), series, ..Record::default() };
        let text = render(&Model::default(), &[record]);
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows, ["0,0,3,2,1,0.1,0.1,0.2,1", "0,1,0,0,0,,,,1"]);
    }
}
