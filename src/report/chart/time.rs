//! What happened when: rates, percentiles, queues, how busy things were, instances, and what struck them.

use crate::report::Report;
use crate::report::chart::axis::{Frame, Scale, Unit};
use crate::report::chart::ink::{Ink, SERIES};
use crate::report::chart::{Anchor, Chart, Clock, Role, SMALL, Table, WIDTH, fitted, text_width};
use crate::report::pictures::{Event, Line, Series};
use crate::report::terminal::figures::span;

const HEIGHT: f64 = 200.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 28.0;
/// Above the frame there is room for the names of what happened.
const TOP: f64 = 24.0;
/// Rows of a table at most; the points of the picture are in the file of the series.
const ROWS: usize = 24;
/// What is never above this share of the greatest line of its chart is left out.
const VISIBLE: f64 = 1e-3;

/// A chart over time: its lines are those of the series with one of these words.
struct Kind {
    id: &'static str,
    title: &'static str,
    about: &'static str,
    what: &'static [&'static str],
    unit: Unit,
    /// A logarithmic scale.
    log: bool,
    /// The greatest and least of all windows stand behind the line.
    band: bool,
}

const KINDS: [Kind; 7] = [
    Kind {
        id: "rates",
        title: "Requests over time",
        about: "Requests that were offered, served and failed in each second of simulated time; the mean of all \
                replications.",
        what: &["offered", "served", "failed"],
        unit: Unit::PerSecond,
        log: false,
        band: false,
    },
    Kind {
        id: "percentiles-over-time",
        title: "Percentiles over time",
        about: "Median and 99th percentile of the latencies in each window; the line is the median of the replications, \
                the band their least and greatest.",
        what: &["p50", "p99"],
        unit: Unit::Seconds,
        log: true,
        band: true,
    },
    Kind {
        id: "busy-over-time",
        title: "Busy over time",
        about: "Share of each resource in use, the busiest ones; the mean of all replications.",
        what: &["busy"],
        unit: Unit::Share,
        log: false,
        band: false,
    },
    Kind {
        id: "queues-over-time",
        title: "Queues over time",
        about: "Requests waiting, the longest queues; the mean of all replications.",
        what: &["queue"],
        unit: Unit::Count,
        log: false,
        band: false,
    },
    Kind {
        id: "in-flight",
        title: "In flight",
        about: "Requests in the system; the band is the least and greatest of all replications.",
        what: &["in_flight"],
        unit: Unit::Count,
        log: false,
        band: true,
    },
    Kind {
        id: "hits",
        title: "Hit ratios over time",
        about: "Share of look-ups that found what they looked for; the mean of all replications.",
        what: &["hits"],
        unit: Unit::Share,
        log: false,
        band: false,
    },
    Kind {
        id: "instances",
        title: "Instances over time",
        about: "Instances that were up; the mean of all replications.",
        what: &["instances"],
        unit: Unit::Count,
        log: false,
        band: false,
    },
];

/// All charts over time for which there are lines.
pub fn all(series: &Series, events: &[Event]) -> Vec<Chart> {
    KINDS.iter().filter_map(|kind| chart(kind, series, events)).collect()
}

/// A plain name of a line.
fn name(line: &Line) -> String {
    if line.of.is_empty() { line.what.replace('_', " ") } else { line.of.clone() }
}

fn peak(line: &Line) -> f64 {
    line.mid.iter().flatten().copied().fold(0.0, f64::max)
}

fn chart(kind: &Kind, series: &Series, events: &[Event]) -> Option<Chart> {
    let known = series.lines.iter().enumerate();
    let lines: Vec<(usize, &Line)> = known.filter(|(_, line)| kind.what.contains(&line.what.as_str())).collect();
    let most = lines.iter().map(|(_, line)| peak(line)).fold(0.0, f64::max);
    let shown: Vec<(usize, &Line)> =
        lines.into_iter().filter(|(_, line)| 0.0 < peak(line) && VISIBLE * most <= peak(line)).take(SERIES).collect();
    if shown.is_empty() || series.points < 2 {
        return None;
    }
    let mut chart = Chart::new(kind.id, kind.title, (WIDTH, HEIGHT));
    let end = series.step_s * series.points as f64;
    let x = Scale::Linear { from: 0.0, to: end };
    let frame = Frame {
        left: LEFT,
        top: TOP,
        width: WIDTH - LEFT - RIGHT,
        height: HEIGHT - TOP - BOTTOM,
        x,
        y: height(kind, &shown),
    };
    around(&mut chart, &frame, events, kind.unit);
    let from = chart.marks.len();
    for (number, (_, line)) in shown.iter().enumerate() {
        draw(&mut chart, &frame, (number, kind.band), (line, series.step_s));
    }
    chart.group(from, Role::Plane(frame.plane()));
    let lines = shown.iter().map(|(index, _)| *index).collect();
    chart.clock = Some(Clock { left: frame.left, right: frame.right(), to_s: end, lines });
    kind.about.clone_into(&mut chart.about);
    chart.table = table(kind, series, &shown);
    Some(chart)
}

fn height(kind: &Kind, shown: &[(usize, &Line)]) -> Scale {
    let values = || {
        let of = |line: &&Line| if kind.band { line.high.clone() } else { line.mid.clone() };
        shown.iter().flat_map(move |(_, line)| of(line)).flatten()
    };
    let most = values().fold(0.0, f64::max);
    if kind.log {
        let lows = shown.iter().flat_map(|(_, line)| line.low.iter().flatten().copied());
        return Scale::log(lows.filter(|low| 0.0 < *low).fold(most, f64::min), most);
    }
    if kind.unit == Unit::Share && 0.25 < most { Scale::up_to(most.max(1.0)) } else { Scale::up_to(most) }
}

fn draw(chart: &mut Chart, frame: &Frame, (number, band): (usize, bool), (line, step_s): (&Line, f64)) {
    let (ink, series) = (Ink::series(number), Some((number % SERIES) as u8));
    let along = |values: &[Option<f64>]| {
        frame.pieces(values.iter().enumerate().map(|(point, value)| ((point as f64 + 0.5) * step_s, *value)))
    };
    if band {
        for (upper, lower) in along(&line.high).iter().zip(along(&line.low)) {
            chart.band(upper, &lower, ink, series);
        }
    }
    for piece in along(&line.mid) {
        chart.line(piece, 1.75, ink, series);
    }
    chart.legend.extend(series.map(|series| (name(line), series)));
}

/// What lies behind the lines: what happened, as vertical bands, their names above as far as there is room, and the axes.
fn around(chart: &mut Chart, frame: &Frame, events: &[Event], unit: Unit) {
    let ink = |event: &Event| match event.what.as_str() {
        "warm-up" => Ink::Faint,
        "alert" => Ink::Unsure,
        _ => Ink::Bad,
    };
    let (top, bottom) = (frame.top, frame.bottom());
    for event in events {
        let (from, to) = (frame.px(event.from_s), frame.px(event.to_s).max(frame.px(event.from_s) + 1.0));
        chart.band(&[(from, top), (to, top)], &[(from, bottom), (to, bottom)], ink(event), None);
    }
    chart.group(0, Role::Plane(frame.plane()));
    frame.rise(chart, unit);
    let from = chart.marks.len();
    let mut free = frame.left;
    for event in events {
        let text = fitted(&event.name, SMALL, 140.0);
        let width = text_width(&text, SMALL);
        let at = frame.px(event.from_s).min(frame.right() - width);
        if free <= at {
            chart.say((at, frame.top - 10.0), &text, Anchor::Start, ink(event));
            free = at + width + 8.0;
        }
    }
    frame.along(chart, Unit::Clock);
    chart.group(from, Role::Whole);
}

fn table(kind: &Kind, series: &Series, shown: &[(usize, &Line)]) -> Table {
    let each = series.points.div_ceil(ROWS).max(1);
    let head = std::iter::once("from".to_owned()).chain(shown.iter().map(|(_, line)| name(line))).collect();
    let cell = |line: &Line, from: usize| {
        let values = line.mid.iter().skip(from).take(each).flatten();
        let count = values.clone().count();
        if count == 0 { "–".to_owned() } else { kind.unit.tick(values.sum::<f64>() / count as f64) }
    };
    let rows = (0..series.points).step_by(each).map(|from| {
        let cells = shown.iter().map(|(_, line)| cell(line, from));
        std::iter::once(span(from as f64 * series.step_s)).chain(cells).collect()
    });
    Table { head, rows: rows.collect() }
}

/// How many instances each component was told to have, and when.
pub fn decisions(report: &Report) -> Option<Chart> {
    let decisions = &report.decisions;
    let end = report.measured.to_s;
    let most = decisions.iter().map(|decision| decision.from.max(decision.to)).reduce(f64::max)?;
    let mut owners: Vec<&str> = decisions.iter().map(|decision| decision.component.as_str()).collect();
    owners.sort_unstable();
    owners.dedup();
    let mut chart = Chart::new("decisions", "Decisions to scale", (WIDTH, HEIGHT));
    let frame = Frame {
        left: LEFT,
        top: TOP,
        width: WIDTH - LEFT - RIGHT,
        height: HEIGHT - TOP - BOTTOM,
        x: Scale::Linear { from: 0.0, to: end },
        // The diamonds of the highest step are whole.
        y: Scale::up_to(most * 1.05),
    };
    around(&mut chart, &frame, &report.pictures.events, Unit::Count);
    let from = chart.marks.len();
    for (number, owner) in owners.iter().take(SERIES).enumerate() {
        let (ink, series) = (Ink::series(number), Some(number as u8));
        let own = || decisions.iter().filter(|decision| decision.component == **owner);
        let first = own().next().map_or(0.0, |decision| decision.from);
        let steps = own().flat_map(|decision| [(decision.t_s, decision.from), (decision.t_s, decision.to)]);
        let last = own().next_back().map_or(first, |decision| decision.to);
        let points = std::iter::once((0.0, first)).chain(steps).chain([(end, last)]);
        chart.line(points.map(|(t, n)| (frame.px(t), frame.py(n))).collect(), 2.0, ink, series);
        for decision in own() {
            let (x, y) = (frame.px(decision.t_s), frame.py(decision.to));
            chart.marks.push(crate::report::chart::Mark {
                shape: crate::report::chart::Shape::Solid(vec![(x - 4.0, y), (x, y - 4.0), (x + 4.0, y), (x, y + 4.0)]),
                ink,
                series,
            });
        }
        chart.legend.push(((*owner).to_owned(), number as u8));
    }
    chart.group(from, Role::Plane(frame.plane()));
    chart.clock = Some(Clock { left: frame.left, right: frame.right(), to_s: end, lines: Vec::new() });
    "Instances, hosts, and cores of each instance that were asked for, in the first replication; a diamond is a decision."
        .clone_into(&mut chart.about);
    let row = |decision: &crate::report::Decision| {
        let counts = format!("{} to {} {}", decision.from, decision.to, decision.what);
        vec![span(decision.t_s), decision.component.clone(), counts, decision.why.clone()]
    };
    let head = ["at", "component", "how many", "why"].map(str::to_owned).to_vec();
    chart.table = Table { head, rows: decisions.iter().map(row).collect() };
    Some(chart)
}
