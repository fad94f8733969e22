//! The tables of the report: latency, components, where time goes, single requests, replications.

use crate::report::terminal::figures::{busy, percent, precision, roughly, spaced_time};
use crate::report::terminal::layout::{Cell, Column, Table, bar, beside, paint};
use crate::report::terminal::{BAD, FAINT, Look, STRONG};
use crate::report::{Component, Estimate, Latency, Report, Requests, TimeShare, Traffic, Utilisation};
use crate::units::{human_count, human_rate, human_time};

/// Operations shown unless more is asked for.
const FEW: usize = 12;
/// Causes shown on each side of "where time goes", and the least share that is worth a line; the rest is one line.
const CAUSES: usize = 6;
const WORTH_A_LINE: f64 = 0.005;
/// A resource busier than this is worth a note even if another one is busier.
const WORTH_A_NOTE: f64 = 0.5;
/// From this width on, the two blocks of "where time goes" stand beside each other.
const TWO_BLOCKS: usize = 80;

/// End to end, then by load and by region (if there are several) and by operation.
pub(super) fn latency(report: &Report, look: Look) -> Vec<String> {
    let columns = [&[Column::TEXT], &[Column::NUMBER; 7][..]].concat();
    let mut table = Table::new(&columns, 2);
    let heads = ["latency", "p50", "p90", "p95", "p99", "p99.9", "served", "failed"];
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    latency_rows(&mut table, "all", &report.latency.all, &report.requests, look);
    table_half_widths(&mut table, &report.latency.all, &report.requests, look);
    let failed = report.requests.error_ratio.is_some_and(|share| 0.0 < share.mean);
    if failed && report.run.stable {
        table.row(latency_cells("ok", &report.latency.ok, look));
    }
    for origins in [&report.loads, &report.regions] {
        for (name, traffic) in origins.iter().filter(|_| 1 < origins.len()) {
            latency_rows(&mut table, &format!("from {name}"), &traffic.latency.all, &traffic.requests, look);
        }
    }
    let shown = if 0 < look.verbose { usize::MAX } else { FEW };
    for (name, traffic) in by_length(report).into_iter().take(shown) {
        latency_rows(&mut table, name, &traffic.latency.all, &traffic.requests, look);
        if 0 < look.verbose {
            table_half_widths(&mut table, &traffic.latency.all, &traffic.requests, look);
        }
    }
    let mut lines = table.lines(look.width);
    let hidden = by_length(report).len().saturating_sub(shown);
    if 0 < hidden {
        lines.push(paint(&format!("  and {hidden} more operations; -v shows them"), FAINT));
    }
    lines
}

/// Operations that were asked for, the longest first: whoever calls stands before whom it calls.
fn by_length(report: &Report) -> Vec<(&String, &Traffic)> {
    let mut asked: Vec<_> = report.operations.iter().filter(|(_, traffic)| 0 < traffic.latency.all.count).collect();
    let mean = |traffic: &Traffic| traffic.latency.all.mean.map_or(0.0, |mean| mean.mean);
    asked.sort_by(|a, b| mean(b.1).total_cmp(&mean(a.1)));
    asked
}

fn quantiles(latency: &Latency) -> [Option<Estimate>; 5] {
    [latency.p50, latency.p90, latency.p95, latency.p99, latency.p999]
}

fn latency_cells(name: &str, latency: &Latency, look: Look) -> Vec<Cell> {
    let dash = look.marks().dash;
    let shown = |e: Option<Estimate>| Cell::new(e.map_or_else(|| dash.to_string(), |e| human_time(e.mean)));
    [Cell::new(name)].into_iter().chain(quantiles(latency).map(shown)).collect()
}

fn latency_rows(table: &mut Table, name: &str, latency: &Latency, requests: &Requests, look: Look) {
    let mut cells = latency_cells(name, latency, look);
    cells.push(Cell::new(human_rate(requests.goodput_per_s.mean)));
    let failed = requests.error_ratio.map_or(0.0, |share| share.mean);
    let style = if failed < 0.001 { anstyle::Style::new() } else { BAD };
    cells.push(Cell::styled(percent(failed), style));
    table.row(cells);
}

/// The line under a row: how exactly each of its figures is known.
fn table_half_widths(table: &mut Table, latency: &Latency, requests: &Requests, look: Look) {
    let sign = look.marks().plus_minus;
    let relative = |estimate: Option<Estimate>| {
        let known = estimate.as_ref().and_then(precision);
        Cell::styled(known.map_or_else(String::new, |p| format!("{sign}{}", roughly(p))), FAINT)
    };
    let mut cells = vec![Cell::default()];
    cells.extend(quantiles(latency).map(relative));
    cells.push(relative(Some(requests.goodput_per_s)));
    let half = requests.error_ratio.and_then(|share| share.half_width).filter(|half| 0.0 < *half);
    cells.push(Cell::styled(half.map_or_else(String::new, |half| format!("{sign}{}", roughly(half))), FAINT));
    table.row(cells);
}

/// Each component: how many, how busy, how long one waits for it, and what else is to be said.
pub(super) fn components(report: &Report, look: Look) -> Vec<String> {
    let marks = look.marks();
    let columns = [
        Column::TEXT,
        Column::NUMBER,
        Column::NUMBER,
        Column::BAR,
        Column::TEXT,
        Column::NUMBER,
        Column::NUMBER,
        Column::TEXT,
        Column::NOTE,
    ];
    let mut table = Table::new(&columns, 2);
    let noted = |component: &Component| notes(component, busiest(component).map(|(resource, _)| resource), look);
    let notes_head = if report.components.values().all(|component| noted(component).is_empty()) { "" } else { "notes" };
    let heads = ["component", marks.times, "busy", "", "", "wait p99", "queue", "", notes_head];
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    for (name, component) in &report.components {
        let busiest = busiest(component);
        let share = busiest.map(|(_, utilisation)| utilisation.share.mean);
        let arrow =
            if is_limited(report, name, component) { format!("{} bottleneck", marks.arrow) } else { String::new() };
        let wait = component.wait.p99.map_or_else(|| marks.dash.to_string(), |e| human_time(e.mean));
        table.row([
            Cell::new(name),
            Cell::new(instances(&component.instances)),
            Cell::new(share.map_or_else(|| marks.dash.to_string(), busy)),
            Cell::new(bar(share.unwrap_or(0.0), 10, look.unicode)),
            Cell::new(busiest.map_or("", |(resource, _)| resource)),
            Cell::new(wait),
            Cell::new(human_count(component.queue_length.mean)),
            Cell::styled(arrow, BAD),
            Cell::styled(noted(component), FAINT),
        ]);
    }
    table.lines(look.width)
}

/// Whether a bottleneck stands in this component: by its name, or as the part of a shared host that is just as busy.
fn is_limited(report: &Report, name: &str, component: &Component) -> bool {
    let Some(limit) = &report.bottleneck else { return false };
    let is_shared = !report.components.contains_key(&limit.component);
    let same = |share: f64| (share - limit.utilisation).abs() < 1e-6;
    let here = || component.resources().iter().any(|(kind, used)| *kind == limit.resource && same(used.share.mean));
    name == limit.component || is_shared && here()
}

/// The resource that work waits for soonest; memory is held, not worked through.
fn busiest(component: &Component) -> Option<(&'static str, &Utilisation)> {
    let used = component.resources().into_iter().filter(|(name, _)| *name != "memory");
    used.max_by(|a, b| a.1.share.mean.total_cmp(&b.1.share.mean))
}

fn instances(number: &Estimate) -> String {
    let whole = (number.mean - number.mean.round()).abs() < 0.005;
    if whole { format!("{:.0}", number.mean) } else { format!("{:.2}", number.mean) }
}

fn notes(component: &Component, shown: Option<&str>, look: Look) -> String {
    let mut notes = Vec::new();
    for (resource, used) in component.resources() {
        if Some(resource) != shown && WORTH_A_NOTE <= used.share.mean {
            notes.push(format!("{resource} {}", busy(used.share.mean)));
        }
        if let Some(part) = used.busiest.as_ref().filter(|part| used.share.mean + 0.1 < part.share) {
            notes.push(format!("{} {}", part.name, percent(part.share)));
        }
    }
    if let Some(hits) = component.kind_specific.figures.get("hit_ratio") {
        notes.push(format!("{} hits", percent(hits.mean)));
    }
    if let Some(wasted) = component.kind_specific.figures.get("wasted_work").filter(|w| WORTH_A_LINE <= w.mean) {
        notes.push(format!("{} for nobody", percent(wasted.mean)));
    }
    if let Some(open) = component.kind_specific.figures.get("breaker_open_share").filter(|open| 0.0 < open.mean) {
        notes.push(format!("breakers open {}", percent(open.mean)));
    }
    if 0.0 < component.rejected_per_s.mean {
        notes.push(format!("{} turned away", human_rate(component.rejected_per_s.mean)));
    }
    let worst = component.errors.iter().max_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    if let Some((kind, share)) = worst.filter(|(_, share)| 0.0 < share.mean) {
        notes.push(format!("{} {kind}", percent(share.mean)));
    }
    notes.join(&format!(" {} ", look.marks().dot))
}

/// Where the mean goes, and where the slowest requests leave their time.
pub(super) fn where_time_goes(report: &Report, look: Look) -> Vec<String> {
    let goes = &report.where_time_goes;
    if goes.mean.is_empty() {
        return Vec::new();
    }
    let bars = TWO_BLOCKS <= look.width;
    let mean = report.latency.all.mean.map_or_else(String::new, |mean| format!(" {}", spaced_time(mean.mean)));
    let room = if bars { look.width / 2 } else { look.width };
    let left = block(&format!("where the mean{mean} goes"), &goes.mean, room, look);
    let right = block("where the slowest 1% goes", &goes.slowest_1_percent, room.saturating_sub(2), look);
    if bars {
        return beside(&left, &right, look.width / 2);
    }
    [left, vec![String::new()], right].concat()
}

fn block(title: &str, shares: &[TimeShare], width: usize, look: Look) -> Vec<String> {
    if shares.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(&[Column::TEXT, Column::NUMBER, Column::NUMBER, Column::BAR], 2);
    let shown = shares.iter().take(CAUSES).take_while(|share| WORTH_A_LINE <= share.share).count();
    for share in &shares[..shown] {
        table.row(share_row(&format!("{} {}", share.component, share.cause), share.share, share.seconds, look));
    }
    let rest = shares[shown..].iter().fold((0.0, 0.0), |sum, s| (sum.0 + s.share, sum.1 + s.seconds));
    if 0.0 < rest.0 {
        table.row(share_row("other", rest.0, rest.1, look));
    }
    let mut lines = vec![format!("  {}", paint(title, STRONG))];
    lines.extend(table.lines(width));
    lines
}

fn share_row(name: &str, share: f64, seconds: f64, look: Look) -> [Cell; 4] {
    let picture = bar(share, 12, look.unicode);
    [Cell::new(name), Cell::new(human_time(seconds)), Cell::new(roughly(share)), Cell::new(picture)]
}

/// The slowest requests that were kept, and where each spent its time.
pub(super) fn slowest(report: &Report, look: Look) -> Vec<String> {
    let mut kept: Vec<_> = report.exemplars.iter().filter(|seen| seen.chosen == "slowest").collect();
    kept.sort_by(|a, b| b.latency_s.total_cmp(&a.latency_s).then_with(|| a.request.cmp(&b.request)));
    let mut lines = Vec::new();
    for exemplar in kept.into_iter().take(look.trace) {
        let mut spans: Vec<_> = exemplar.spans.iter().map(|s| (s.end_s - s.start_s, s)).collect();
        spans.sort_by(|a, b| b.0.total_cmp(&a.0));
        let told: Vec<String> = spans
            .iter()
            .take(4)
            .map(|(spent, s)| format!("{} {} {}", s.component, s.cause, human_time(*spent)))
            .collect();
        let dot = format!(" {} ", look.marks().dot);
        let latency = human_time(exemplar.latency_s);
        lines.push(format!(
            "    {:>8}  {:<20} {:<10} {}",
            latency,
            exemplar.request,
            exemplar.outcome,
            told.join(&dot)
        ));
    }
    if !lines.is_empty() {
        lines.insert(0, format!("  {}", paint("slowest requests", STRONG)));
    }
    lines
}

/// One line for each replication.
pub(super) fn replications(report: &Report, look: Look) -> Vec<String> {
    if look.verbose < 2 {
        return Vec::new();
    }
    let columns = [&[Column::NUMBER; 7][..], &[Column::TEXT]].concat();
    let mut table = Table::new(&columns, 2);
    let heads = ["replication", "events", "served", "mean", "p50", "p99", "failed", ""];
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    let dash = look.marks().dash;
    let seconds = |value: Option<f64>| Cell::new(value.map_or_else(|| dash.to_string(), human_time));
    for one in &report.per_replication {
        table.row([
            Cell::new(one.replication.to_string()),
            Cell::new(human_count(one.events as f64)),
            Cell::new(human_rate(one.throughput_per_s)),
            seconds(one.mean_s),
            seconds(one.p50_s),
            seconds(one.p99_s),
            Cell::new(percent(one.error_ratio.unwrap_or(0.0))),
            Cell::styled(if one.stable { "" } else { "could not keep up" }, BAD),
        ]);
    }
    table.lines(look.width)
}
