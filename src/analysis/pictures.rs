//! From records to what pictures show: curves with intervals, series of all replications, arrows with their calls.

use std::ops::Range;

use crate::analysis::estimate::{self, median};
use crate::analysis::stability::Stability;
use crate::analysis::study::Study;
use crate::measure::histogram::Compact;
use crate::model::program::{Edge, Step};
use crate::model::{Model, NONE16, Scope};
use crate::probe::Outcome;
use crate::record::{Record, Tallies, Tracked};
use crate::report::csv;
use crate::report::pictures::{Arrow, Curve, Event, Graph, Heat, Line, Pictures, Series};

/// Points of a series at most.
const POINTS: usize = 240;
/// Steps on the way to each further nine of a percentile.
const STEPS: usize = 12;
/// Nines at most.
const NINES: usize = 6;
/// Curves beside that of all requests, and lines of one kind, at most.
const CURVES: usize = 7;
const LINES: usize = 12;
/// What is never busier, or queues less on average, than this is not worth a line.
const NOTABLE: f64 = 0.005;
/// Buckets of an octave in the record's latencies by time.
const QUARTERS: usize = 4;

/// All of it.
pub(super) fn draw(study: &Study, stability: &Stability) -> Pictures {
    Pictures {
        curves: curves(study, stability),
        series: series(study),
        events: events(study),
        heat: heat(study),
        graph: graph(study),
    }
}

/// Four significant digits.
fn digits(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    format!("{value:.3e}").parse().expect("what was printed is a number")
}

fn some(value: f64) -> Option<f64> {
    value.is_finite().then(|| digits(value))
}

// -- percentiles ------------------------------------------------------------------------------------------------------

fn curves(study: &Study, stability: &Stability) -> Vec<Curve> {
    let loads = study.model.sources.iter().enumerate().filter(|_| 1 < study.model.sources.len());
    let loads = loads.map(|(index, load)| (load.name.clone(), Scope::Load(index as u16))).take(CURVES);
    let scopes = std::iter::once(("all".to_owned(), Scope::All)).chain(loads);
    let known = scopes.filter(|(_, scope)| !stability.touches(&study.counts(*scope)));
    let curves = known.map(|(name, scope)| curve(name, &study.latencies(scope, Outcome::All)));
    curves.filter(|curve| !curve.percentile.is_empty()).collect()
}

fn curve(name: String, times: &[Compact]) -> Curve {
    let merged = estimate::merge(times);
    let mut curve = Curve { name, ..Curve::default() };
    for step in 1..=STEPS * NINES {
        let q = 1.0 - libm::exp10(-(step as f64) / STEPS as f64);
        let Some(estimate) = estimate::quantile_of(&merged, times, q) else { break };
        curve.percentile.push(json_digits(q));
        curve.latency_s.push(digits(estimate.mean));
        curve.low_s.push(estimate.low.map(digits));
        curve.high_s.push(estimate.high.map(digits));
    }
    curve
}

/// A percentile needs its nines.
fn json_digits(q: f64) -> f64 {
    format!("{q:.9}").parse().expect("what was printed is a number")
}

// -- over time ----------------------------------------------------------------------------------------------------------

/// How a point stands for its windows.
#[derive(Clone, Copy)]
enum Middle {
    Mean,
    Median,
}

/// The windows of all replications, and how many of them share a point.
struct Clock<'a> {
    records: &'a [Record],
    window_s: f64,
    windows: usize,
    each: usize,
}

impl Clock<'_> {
    fn range(&self, point: usize) -> Range<usize> {
        point * self.each..((point + 1) * self.each).min(self.windows)
    }

    fn points(&self) -> usize {
        self.windows.div_ceil(self.each)
    }

    /// One figure of every window of every replication, NaN where there is none.
    fn line(&self, what: &str, of: &str, middle: Middle, value: impl Fn(&Record, usize) -> f64) -> Line {
        let mut line = Line { what: what.to_owned(), of: of.to_owned(), ..Line::default() };
        for point in 0..self.points() {
            let windows = |record| self.range(point).map(move |window| (record, window));
            let seen = self.records.iter().flat_map(windows).filter(|(record, window)| *window < whole(record));
            let values: Vec<f64> = seen.map(|(record, window)| value(record, window)).filter(|v| !v.is_nan()).collect();
            let mid = match middle {
                Middle::Mean => Some(values.iter().sum::<f64>() / values.len() as f64),
                Middle::Median => median(&values),
            };
            line.mid.push(mid.and_then(some));
            line.low.push(values.iter().copied().reduce(f64::min).and_then(some));
            line.high.push(values.iter().copied().reduce(f64::max).and_then(some));
        }
        line
    }
}

/// Whole windows of a replication.
fn whole(record: &Record) -> usize {
    (record.end.0 / record.series.window.0.max(1)) as usize
}

fn series(study: &Study) -> Series {
    let records = study.records;
    let window_s = records[0].series.window.secs();
    let windows = records.iter().map(whole).max().unwrap_or(0);
    let clock = Clock { records, window_s, windows, each: windows.div_ceil(POINTS).max(1) };
    let mut lines = of_requests(study, &clock);
    lines.extend(of_resources(study, &clock));
    lines.extend(of_levels(study, &clock));
    Series { step_s: digits(clock.each as f64 * window_s), points: clock.points(), lines }
}

fn of_requests(study: &Study, clock: &Clock) -> Vec<Line> {
    let scale = study.model.scale_of(Scope::All);
    let rate = |count: u32| f64::from(count) * scale / clock.window_s;
    vec![
        clock.line("offered", "", Middle::Mean, |record, window| rate(record.series.offered[window])),
        clock.line("served", "", Middle::Mean, |record, window| rate(record.series.ok[window])),
        clock.line("failed", "", Middle::Mean, |record, window| rate(record.series.failed[window])),
        clock.line("p50", "", Middle::Median, |record, window| f64::from(record.series.p50_s[window])),
        clock.line("p99", "", Middle::Median, |record, window| f64::from(record.series.p99_s[window])),
        clock.line("in_flight", "", Middle::Mean, |record, window| f64::from(record.series.in_flight[window]) * scale),
    ]
}

/// The busiest resources and the longest queues, by their means.
fn of_resources(study: &Study, clock: &Clock) -> Vec<Line> {
    let scale = study.model.scale_of(Scope::All);
    let tracked = &clock.records[0].series.busy;
    let pick = |value: &dyn Fn(&Tracked, usize) -> f64, what: &str| {
        let lines =
            tracked.iter().enumerate().filter(|(_, tracked)| !tracked.share.is_empty()).map(|(index, known)| {
                let of = |record: &Record, window: usize| value(&record.series.busy[index], window);
                clock.line(what, &csv::name(study.model, known), Middle::Mean, of)
            });
        most(lines.collect())
    };
    let mut lines = pick(&|tracked, window| f64::from(tracked.share[window]), "busy");
    let queue = |tracked: &Tracked, window: usize| f64::from(tracked.queue[window]) * scale;
    lines.extend(pick(&queue, "queue"));
    lines
}

/// Those with the greatest means, the greatest first.
fn most(lines: Vec<Line>) -> Vec<Line> {
    let mean = |line: &Line| line.mid.iter().flatten().sum::<f64>() / line.mid.len().max(1) as f64;
    let mut ranked: Vec<(f64, Line)> = lines.into_iter().map(|line| (mean(&line), line)).collect();
    ranked.retain(|(mean, _)| NOTABLE <= *mean);
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().take(LINES).map(|(_, line)| line).collect()
}

/// Hit ratios, and instances where their number changes.
fn of_levels(study: &Study, clock: &Clock) -> Vec<Line> {
    let model = study.model;
    let name = |component: usize| model.components[component].name.as_str();
    let hits = clock.records[0].series.hits.iter().enumerate().map(|(index, hits)| {
        let share = |record: &Record, window: usize| f64::from(record.series.hits[index].share[window]);
        clock.line("hits", name(usize::from(hits.component)), Middle::Mean, share)
    });
    let mut lines: Vec<Line> = hits.filter(|line| line.mid.iter().any(Option::is_some)).take(LINES).collect();
    for component in 0..model.components.len() {
        let ups = clock.records.iter().map(|record| &record.series.up[component]);
        let changes = ups.into_iter().any(|up| up.windows(2).any(|pair| pair[0] != pair[1]));
        if changes {
            let each = model.instances_for_one(component as u16);
            let instances = |record: &Record, window: usize| f64::from(record.series.up[component][window]) * each;
            lines.push(clock.line("instances", name(component), Middle::Mean, instances));
        }
    }
    lines
}

/// What happened in the first replication.
fn events(study: &Study) -> Vec<Event> {
    let record = &study.records[0];
    let warm_s = study.measured[0].from.at.secs();
    let event = |what: &str, name: &str, from_s: f64, to_s: f64| Event {
        what: what.to_owned(),
        name: name.to_owned(),
        from_s: digits(from_s),
        to_s: digits(to_s),
    };
    let mut events = Vec::new();
    if 0.0 < warm_s {
        events.push(event("warm-up", "warm-up", 0.0, warm_s));
    }
    for (fault, periods) in study.model.faults.iter().zip(&record.faults) {
        for period in periods.iter().take(LINES) {
            let to_s = period.end.unwrap_or(record.end).secs();
            events.push(event("fault", &fault.name, period.start.secs(), to_s));
        }
    }
    events
}

fn heat(study: &Study) -> Option<Heat> {
    let heats = || study.records.iter().map(|record| &record.series.heat);
    let windows = heats().map(|heat| heat.windows).max()?;
    let mut counts: Vec<Vec<u64>> = Vec::new();
    for heat in heats() {
        for (index, column) in heat.columns.iter().enumerate() {
            // Lengths differ by powers of two, so each column lies inside one of the longest.
            let at = index * heat.windows as usize / windows as usize;
            counts.resize(counts.len().max(at + 1), Vec::new());
            counts[at].resize(column.len(), 0);
            counts[at].iter_mut().zip(column).for_each(|(sum, count)| *sum += u64::from(*count));
        }
    }
    let used = |bucket: &usize| counts.iter().any(|column| column.get(*bucket).is_some_and(|count| 0 < *count));
    let buckets = counts.first()?.len();
    let (first, last) = ((0..buckets).find(used)?, (0..buckets).rfind(used)?);
    let edge = |bucket: usize| {
        let octave = libm::exp2((bucket / QUARTERS) as f64);
        digits(octave * (1.0 + (bucket % QUARTERS) as f64 / QUARTERS as f64) * 1e-9)
    };
    let cut = |mut column: Vec<u64>| {
        column.resize(buckets, 0);
        column[first..=last].to_vec()
    };
    let step_s = digits(f64::from(windows) * study.records[0].series.window.secs());
    let edges_s = (first..=last + 1).map(edge).collect();
    Some(Heat { step_s, edges_s, counts: counts.into_iter().map(cut).collect() })
}

// -- who calls whom ------------------------------------------------------------------------------------------------------

fn graph(study: &Study) -> Graph {
    let model = study.model;
    let behind = behind(model);
    let mut arrows: Vec<Arrow> = Vec::new();
    for (index, edge) in model.edges.iter().enumerate() {
        if edge.caller == NONE16 {
            continue;
        }
        let from = &model.components[usize::from(edge.caller)].name;
        let calls = study.rate(|stretch| stretch.to.calls[index] - stretch.from.calls[index]).mean;
        for (operation, share) in shares(&edge.targets) {
            by_name(&mut arrows, model, (edge, from, operation), (calls * share, !behind[index]));
        }
    }
    // The classes of one load and operation, one for each place, share their call.
    let is_first = |index: &usize| {
        let (edge, before) = (model.classes[*index].edge, &model.classes[..*index]);
        model.edges[usize::from(edge)].plain || before.iter().all(|class| class.edge != edge)
    };
    for index in (0..model.classes.len()).filter(is_first) {
        let class = &model.classes[index];
        let edge = &model.edges[usize::from(class.edge)];
        let count = |tallies: &Tallies| {
            if edge.plain { tallies.classes[index].offered } else { tallies.calls[usize::from(class.edge)] }
        };
        let calls = study.rate(|stretch| count(stretch.to) - count(stretch.from)).mean;
        let from = &model.sources[usize::from(class.source)].name;
        by_name(&mut arrows, model, (edge, from, class.operation), (calls, true));
    }
    for arrow in &mut arrows {
        arrow.calls_per_s = digits(arrow.calls_per_s);
    }
    Graph { loads: model.sources.iter().map(|source| source.name.clone()).collect(), arrows }
}

/// Who asks a name service for the way goes through it in the picture, though no request does.
fn by_name(arrows: &mut Vec<Arrow>, model: &Model, (edge, from, operation): (&Edge, &str, u16), calls: (f64, bool)) {
    let callee = &model.components[usize::from(model.operations[usize::from(operation)].component)].name;
    match model.components.get(usize::from(edge.name)) {
        Some(name) => {
            add(arrows, from, &name.name, calls);
            add(arrows, &name.name, callee, calls);
        }
        None => add(arrows, from, callee, calls),
    }
}

/// Calls of one more edge go the same way as those before it, or are a new arrow.
fn add(arrows: &mut Vec<Arrow>, from: &str, to: &str, (calls, waits): (f64, bool)) {
    match arrows.iter_mut().find(|arrow| arrow.from == from && arrow.to == to) {
        Some(arrow) => {
            arrow.calls_per_s += calls;
            arrow.waits |= waits;
        }
        None => arrows.push(Arrow { from: from.to_owned(), to: to.to_owned(), calls_per_s: calls, waits }),
    }
}

/// The targets of an edge with their shares, from cumulative ones of 2^32.
fn shares(targets: &[(u64, u16)]) -> impl Iterator<Item = (u16, f64)> {
    let before = std::iter::once(0).chain(targets.iter().map(|(upto, _)| *upto));
    let whole = (1u64 << 32) as f64;
    targets.iter().zip(before).map(move |((upto, operation), from)| (*operation, (upto - from) as f64 / whole))
}

/// Edges that are only reached where nobody waits any more: in programs that are spawned.
fn behind(model: &Model) -> Vec<bool> {
    let mut waiting = vec![false; model.edges.len()];
    let entries = model.operations.iter().map(|operation| operation.entry);
    let entries = entries.chain(model.classes.iter().map(|class| class.entry));
    let mut open: Vec<u16> = entries.filter(|entry| *entry != NONE16).collect();
    let mut seen = vec![false; model.steps.len()];
    while let Some(at) = open.pop() {
        let Some(step) = model.steps.get(usize::from(at)) else { continue };
        if std::mem::replace(&mut seen[usize::from(at)], true) {
            continue;
        }
        if let Step::Call { edge } = *step {
            waiting[usize::from(edge)] = true;
        }
        let handlers = model.handlers.iter().filter(|handler| (handler.from..handler.to).contains(&at));
        open.extend(handlers.map(|handler| handler.target));
        open.extend(next(model, at, *step));
    }
    waiting.into_iter().map(|waits| !waits).collect()
}

/// Where a program may go on after a step, as far as somebody waits for it.
fn next(model: &Model, at: u16, step: Step) -> Vec<u16> {
    match step {
        Step::Return | Step::Fail { .. } | Step::Rethrow => Vec::new(),
        Step::Jump { to } => vec![to],
        Step::Branch { to, .. }
        | Step::Unless { to, .. }
        | Step::BranchBy { to, .. }
        | Step::UnlessWorn { to }
        | Step::Again { to, .. }
        | Step::Stale { to, .. }
        | Step::UnlessCaught { to, .. }
        | Step::UnlessShield { to, .. } => vec![at + 1, to],
        Step::Found { hit, early, .. } => vec![at + 1, hit, early],
        Step::Fork { fork } => {
            let entries = model.forks[usize::from(fork)].entries.iter().copied();
            entries.chain([at + 1]).collect()
        }
        _ => vec![at + 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_targets_add_to_one() {
        let quarter = 1 << 30;
        let found: Vec<(u16, f64)> = shares(&[(quarter, 7), (4 * quarter, 9)]).collect();
        assert_eq!(found, [(7, 0.25), (9, 0.75)]);
    }

    #[test]
    fn four_digits_are_enough_for_a_picture() {
        assert_eq!([digits(0.0123456), digits(98764.0), digits(0.0)], [0.01235, 98760.0, 0.0]);
    }
}
