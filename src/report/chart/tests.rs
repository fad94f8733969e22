//! Every kind of chart as the file it becomes, held against `tests/charts`; `PLIMSOLL_BLESS=1` writes them anew, and then
//! somebody looks at them.

use std::fs;
use std::path::Path;

use super::axis::Unit;
use super::curve::{Curves, Place, Point, Trace, curves};
use super::ink::Ink;
use super::*;
use crate::report::Verdict;
use crate::report::capacity::Outcome;
use crate::report::compare::{Change, Compare, Compared, Difference, Side, Word};
use crate::report::evaluation::{Better, Figures, Judged, Measured};
use crate::report::grid::{self, Grid, Row};
use crate::report::html::study::{self, search};
use crate::report::pictures::{Arrow, Curve, Event, Graph, Heat, Line, Pictures, Series};
use crate::report::sweep::{self, Head, Sweep};
use crate::report::terminal::tests::sample;
use crate::report::{Decision, Exemplar, ExemplarSpan};

/// A wave between two values, so that no picture is flat.
fn wave(points: usize, low: f64, high: f64) -> Vec<Option<f64>> {
    let value = |point: usize| low + (high - low) * (0.5 + 0.5 * libm::sin(point as f64 / 7.0));
    (0..points).map(|point| (point % 29 != 17).then(|| value(point))).collect()
}

fn line(what: &str, of: &str, (low, high): (f64, f64)) -> Line {
    let scaled = |by: f64| wave(100, low * by, high * by);
    Line { what: what.to_owned(), of: of.to_owned(), mid: scaled(1.0), low: scaled(0.8), high: scaled(1.3) }
}

fn pictures() -> Pictures {
    let percentile: Vec<f64> = (1..=48).map(|step| 1.0 - libm::exp10(-f64::from(step) / 12.0)).collect();
    let latency = |q: &f64| 0.004 * libm::pow(1.0 / (1.0 - q), 0.45);
    let latency_s: Vec<f64> = percentile.iter().map(latency).collect();
    let bound = |by: f64| latency_s.iter().map(|latency| Some(latency * by)).collect();
    let all = Curve {
        name: "all".to_owned(),
        low_s: bound(0.85),
        high_s: bound(1.2),
        latency_s: latency_s.clone(),
        percentile,
    };
    let arrow = |from: &str, to: &str, calls_per_s, waits| Arrow {
        from: from.to_owned(),
        to: to.to_owned(),
        calls_per_s,
        waits,
    };
    let event =
        |what: &str, name: &str, from_s, to_s| Event { what: what.to_owned(), name: name.to_owned(), from_s, to_s };
    let row = |row: usize| (0..40).map(move |column| ((row * 7 + column * 3) % 11) as u64 * 40);
    let rows: Vec<Vec<u64>> = (0..12).map(|number| row(number).collect()).collect();
    let counts = (0..40).map(|column| rows.iter().map(|row| row[column]).collect()).collect();
    let machine = |number: usize| line("busy", &format!("notifications-{number} cores"), (0.05, 0.1 * number as f64));
    Pictures {
        curves: vec![all],
        series: Series {
            step_s: 6.0,
            points: 100,
            lines: vec![
                line("offered", "", (9e3, 12e3)),
                line("served", "", (9e3, 11.5e3)),
                line("failed", "", (10.0, 400.0)),
                line("p50", "", (0.004, 0.006)),
                line("p99", "", (0.08, 0.4)),
                line("in_flight", "", (40.0, 900.0)),
                line("busy", "db connections", (0.6, 1.0)),
                machine(1),
                machine(2),
                machine(3),
                machine(4),
                machine(5),
                line("queue", "db connections", (0.0, 120.0)),
                line("hits", "cache", (0.7, 0.9)),
                line("instances", "api", (5.0, 8.0)),
            ],
        },
        events: vec![
            event("warm-up", "warm-up", 0.0, 31.0),
            event("fault", "primary_dies", 300.0, 360.0),
            event("alert", "errors_high", 310.0, 380.0),
        ],
        heat: Some(Heat {
            step_s: 15.0,
            edges_s: (0..=12).map(|n| 0.001 * libm::exp2(f64::from(n) / 2.0)).collect(),
            counts,
        }),
        graph: Graph {
            loads: vec!["members".to_owned()],
            arrows: vec![
                arrow("members", "api", 12e3, true),
                arrow("api", "db", 9e3, true),
                arrow("api", "mail", 120.0, false),
                arrow("mail", "db", 60.0, true),
                arrow("db", "api", 3.0, true),
            ],
        },
    }
}

fn report() -> Report {
    let mut report = sample();
    report.pictures = pictures();
    report.components.insert("mail".to_owned(), report.components["api"].clone());
    let decision = |t_s, from, to| Decision {
        t_s,
        component: "api".to_owned(),
        what: "instances",
        from,
        to,
        why: "cores 91% > 70%".to_owned(),
    };
    report.decisions = vec![decision(120.0, 5.0, 8.0), decision(420.0, 8.0, 6.0)];
    let span = |component: &str, cause, start_s, end_s| ExemplarSpan {
        component: component.to_owned(),
        operation: Some("read".to_owned()),
        cause,
        start_s,
        end_s,
    };
    report.exemplars = vec![Exemplar {
        chosen: "slowest",
        request: "members#18231".to_owned(),
        replication: 2,
        arrived_s: 17.0,
        latency_s: 0.912,
        outcome: "timeout".to_owned(),
        spans: vec![span("api", "cpu", 0.0, 0.01), span("db", "wait", 0.012, 0.83), span("db", "disk", 0.83, 0.9)],
    }];
    report
}

fn limits() -> Vec<Judged> {
    let measured = measured("tail", Some(0.2), 0.02);
    let (text, limit) = ("latency p99 <= 300ms".to_owned(), Some(0.3));
    vec![Judged { text, verdict: Verdict::Meets, limit, note: None, measured }]
}

fn measured(name: &str, value: Option<f64>, half: f64) -> Measured {
    let end = |by: f64| value.map(|value| value * (1.0 + by));
    let (low, high) = (end(-half), end(half));
    Measured {
        name: name.to_owned(),
        unit: "s".to_owned(),
        better: Better::Lower,
        value,
        low,
        high,
        values: Vec::new(),
    }
}

fn figures(p99: Option<f64>, usd: f64) -> Figures {
    let verdict = match p99 {
        Some(p99) if p99 < 0.28 => Verdict::Meets,
        Some(p99) if p99 < 0.32 => Verdict::Undecided,
        _ => Verdict::Misses,
    };
    Figures {
        hash: String::new(),
        seed: 42,
        replications: 5,
        stable: p99.is_some(),
        events: 1,
        verdict,
        objectives: limits(),
        measures: vec![measured("p50", p99.map(|p99| p99 / 9.0), 0.02), measured("p99", p99, 0.1)],
        evolve_when: Vec::new(),
        busy: Vec::new(),
        bottleneck: None,
        usd_per_month: Some(usd),
        costs: Vec::new(),
        curve: None,
    }
}

/// A sweep of these points, each with its settings and its tail.
fn swept(axes: &[&str], points: &[(Vec<String>, Option<f64>)]) -> Sweep {
    let head = Head {
        schema: sweep::SCHEMA.to_owned(),
        command: None,
        name: "05-caching".to_owned(),
        hash: String::new(),
        seed: 42,
        replications: 5,
        axes: axes.iter().map(|axis| (*axis).to_owned()).collect(),
        points: points.iter().map(|(settings, _)| settings.clone()).collect(),
    };
    let row = |(point, (_, p99)): (usize, &(Vec<String>, Option<f64>))| sweep::Row {
        point,
        settings: std::collections::BTreeMap::new(),
        figures: figures(*p99, 900.0 + 250.0 * point as f64),
    };
    let rows = points.iter().enumerate().map(row).collect();
    sweep::sweep(head, rows)
}

/// Sweeps of numbers, of sizes far apart, of words, and of two settings.
fn sweeps() -> Vec<Chart> {
    let tails = [None, Some(1.9), Some(0.61), Some(0.3), Some(0.21), Some(0.2)];
    let over = |axis: &str, id: &str, values: [&str; 6]| {
        let points: Vec<_> = values.iter().zip(tails).map(|(value, p99)| (vec![(*value).to_owned()], p99)).collect();
        let mut charts = search::sweep_charts(&swept(&[axis], &points));
        charts[0].id = id.to_owned();
        charts.remove(0)
    };
    let mut charts = vec![
        over("web.instances", "sweep-line", ["2", "3", "4", "5", "6", "8"]),
        over("redis.memory", "sweep-log", ["64MB", "256MB", "1GB", "4GB", "16GB", "64GB"]),
        over("redis.eviction", "sweep-words", ["random", "fifo", "lru", "lfu", "arc", "none_at_all"]),
    ];
    charts.extend(search::sweep_charts(&pairs()));
    charts
}

/// A sweep over two settings, in which one pair cannot keep up.
pub(in crate::report) fn pairs() -> Sweep {
    let pair = |web: usize, db: usize| {
        let p99 = 0.1 * (1.0 + 9.0 / (web * web) as f64) * (1.0 + 20.0 / (db * db) as f64);
        (vec![web.to_string(), (db * 10).to_string()], (web + db != 3).then_some(p99))
    };
    let all: Vec<_> = (1..=5).flat_map(|web| (1..=6).map(move |db| pair(web, db))).collect();
    swept(&["web.instances", "db.connections"], &all)
}

/// Two designs over each other, and how they differ.
fn compared() -> Vec<Chart> {
    let mut charts = study::compare_charts(&comparison());
    charts[0].id = "overlay".to_owned();
    charts
}

pub(in crate::report) fn comparison() -> Compare {
    let curve = |by: f64| {
        let mut curve = pictures().curves.remove(0);
        let times = |value: f64| value * by;
        curve.latency_s.iter_mut().for_each(|latency| *latency *= by);
        curve.low_s.iter_mut().chain(&mut curve.high_s).for_each(|end| *end = end.map(times));
        Some(curve)
    };
    let side = |name: &str, by: f64| Side {
        name: name.to_owned(),
        title: String::new(),
        hash: String::new(),
        verdict: Verdict::Meets,
        stable: true,
        offered_per_s: None,
        usd_per_month: None,
        bottleneck: None,
        curve: curve(by),
    };
    let change = |measure: &str, change: f64, word: Word| Difference {
        measure: measure.to_owned(),
        unit: "s".to_owned(),
        before: Some(1.0),
        after: Some(1.0 + change),
        change: Some(change),
        low: Some(change - 0.03),
        high: Some(change + 0.04),
        absolute: false,
        word: Some(word),
        verdicts: None,
        limit: None,
        text: None,
    };
    let set = |path: &str, before: Option<&str>, after: Option<&str>| Change {
        path: path.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    let objective = Difference {
        text: Some("latency p99 <= 300ms".to_owned()),
        limit: Some(0.3),
        verdicts: Some([Verdict::Misses, Verdict::Meets]),
        ..change("quick", -0.617, Word::Improved)
    };
    let differences = vec![
        objective,
        change("p99", -0.617, Word::Improved),
        change("p50", -0.016, Word::WithinNoise),
        change("cost", 0.37, Word::Regressed),
    ];
    let after = Compared {
        side: side("05-caching-big", 0.4),
        changes: vec![set("redis.memory", Some("2GiB"), Some("8GiB")), set("db.replicas.count", None, Some("1"))],
        unchanged: 14,
        differences,
        costs: Vec::new(),
        word: Word::Regressed,
        in_short: "p99 is 2.6 times shorter. Next limit: cores of api, full at about 16.3k/s.".to_owned(),
    };
    let (before, after) = (side("05-caching", 1.0), vec![after]);
    let schema = crate::report::compare::SCHEMA;
    Compare { schema, command: None, seed: 42, replications: 5, noise: 0.02, before, after }
}

/// Capacities over one setting and over two, of which one point has no answer.
fn grids() -> Vec<Chart> {
    let row = |settings: Vec<String>, value: Option<f64>| Row {
        settings,
        outcome: if value.is_some() { Outcome::Found } else { Outcome::None },
        unit: "per_s",
        value,
        low: value.map(|value| value * 0.97),
        high: value.map(|value| value * 1.02),
        usd_per_month: value.map(|value| 300.0 + value),
        breaks: None,
        limit: None,
        runs: 12,
    };
    let of = |axes: &[&str], rows: Vec<Row>| Grid {
        schema: grid::SCHEMA,
        command: None,
        name: "05-caching".to_owned(),
        hash: String::new(),
        seed: 42,
        find: "load".to_owned(),
        within: vec!["latency p99 <= 300ms".to_owned()],
        axes: axes.iter().map(|axis| (*axis).to_owned()).collect(),
        rows,
    };
    let carried = |web: usize, db: usize| (1 < web + db).then_some(320.0 * web.min(2 * db) as f64);
    let single = (1..=6).map(|web| row(vec![web.to_string()], carried(web, 2))).collect();
    let both = (0..4).flat_map(|web| (0..5).map(move |db| (web, db)));
    let both = both.map(|(web, db)| row(vec![web.to_string(), (10 * db).to_string()], carried(web, db))).collect();
    let mut charts = study::grid::charts(&of(&["web.instances"], single));
    for mut chart in study::grid::charts(&of(&["web.instances", "db.connections"], both)) {
        chart.id.push_str("-map");
        charts.push(chart);
    }
    charts
}

/// What studies draw.
fn of_studies() -> Vec<Chart> {
    let point = |x: f64, y: f64, verdict| Point { x, y, range: Some((y * 0.9, y * 1.1)), verdict };
    let verdict = |y: f64| if y < 0.18 { Verdict::Meets } else { Verdict::Misses };
    let loads = [(4e3, 0.018), (8e3, 0.041), (10e3, 0.092), (11.6e3, 0.19), (12e3, 0.23), (13e3, 4.1)];
    let place = |at, name: &str, ink| Place { at, name: name.to_owned(), ink };
    let capacity = Curves {
        id: "capacity".to_owned(),
        title: "Latency over load".to_owned(),
        about: "The 99th percentile at each load that was simulated.".to_owned(),
        units: (Unit::PerSecond, Unit::Seconds),
        axes: ("load".to_owned(), "p99".to_owned()),
        steps: Vec::new(),
        log: (false, true),
        joined: true,
        traces: vec![Trace { name: "p99".to_owned(), points: loads.map(|(x, y)| point(x, y, verdict(y))).to_vec() }],
        places: (
            vec![
                place(9e3, "today 9k/s", Ink::Text),
                place(10e3, "knee 10k/s", Ink::Unsure),
                place(11.7e3, "carries 11.7k/s", Ink::Good),
            ],
            vec![place(0.2, "p99 <= 200ms", Ink::Bad)],
        ),
    };
    let mut charts: Vec<Chart> = curves(&capacity).into_iter().collect();
    charts.extend(compared());
    charts.extend(sweeps());
    charts.extend(grids());
    charts
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts")
}

#[test]
fn every_chart_is_drawn_as_it_was() {
    let charts: Vec<Chart> = of_run(&report()).into_iter().chain(of_studies()).collect();
    let bless = std::env::var_os("PLIMSOLL_BLESS").is_some();
    let mut wrong = Vec::new();
    for chart in &charts {
        let drawn = paint::svg(chart).expect("plotters can write text");
        assert_eq!(drawn, paint::svg(chart).expect("plotters can write text"), "the same chart gives the same bytes");
        let path = folder().join(format!("{}.svg", chart.id));
        if bless {
            fs::write(&path, &drawn).expect("writable");
        } else if cfg!(feature = "png") && fs::read_to_string(&path).unwrap_or_default() != drawn {
            wrong.push(chart.id.clone());
        }
    }
    assert!(wrong.is_empty(), "drawn otherwise: {wrong:?}; if this is right, say PLIMSOLL_BLESS=1 and look at them");
    let names: Vec<&str> = charts.iter().map(|chart| chart.id.as_str()).collect();
    for id in [
        "architecture",
        "latency",
        "histogram",
        "latency-over-time",
        "rates",
        "decisions",
        "utilisation",
        "cost",
        "request-1",
        "capacity",
        "changes",
        "overlay",
        "capacity-grid",
        "capacity-grid-map",
        "capacity-each",
        "capacity-each-map",
        "sweep",
        "sweep-cost",
        "sweep-line",
        "sweep-log",
        "sweep-words",
    ] {
        assert!(names.contains(&id), "{id} is not among {names:?}");
    }
}

#[test]
fn every_chart_has_words_a_table_and_marks_inside_of_it() {
    for chart in of_run(&report()).into_iter().chain(of_studies()) {
        assert!(!chart.about.is_empty() && !chart.title.is_empty(), "{}", chart.id);
        assert!(!chart.table.rows.is_empty(), "{} has no figures", chart.id);
        assert!(chart.table.rows.iter().all(|row| row.len() == chart.table.head.len()), "{}", chart.id);
        for (x, y) in chart.marks.iter().flat_map(points) {
            let inside = (-1.0..=chart.width + 1.0).contains(&x) && (-1.0..=chart.height + 1.0).contains(&y);
            assert!(inside, "{}: ({x}, {y}) lies outside of {} by {}", chart.id, chart.width, chart.height);
        }
    }
}

/// Where a mark goes, with those of its group.
fn points(mark: &Mark) -> Vec<(f64, f64)> {
    match &mark.shape {
        Shape::Line { points, .. } | Shape::Band(points) | Shape::Solid(points) => points.clone(),
        Shape::Boxes(boxes) => boxes.iter().flat_map(|[x, y, w, h]| [(*x, *y), (x + w, y + h)]).collect(),
        Shape::Text(text) => vec![text.at],
        Shape::Group { marks, .. } => marks.iter().flat_map(self::points).collect(),
    }
}

#[cfg(feature = "png")]
#[test]
fn a_png_is_twice_as_fine_and_shows_something() {
    let chart = bars::utilisation(&report()).expect("there are resources");
    let file = paint::png(&chart).expect("it can be drawn");
    assert_eq!(&file[1..4], b"PNG");
    let decoder = png::Decoder::new(std::io::Cursor::new(&file));
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it is small")];
    reader.next_frame(&mut pixels).expect("whole");
    assert_eq!(f64::from(reader.info().width), (chart.width + 32.0) * 2.0);
    let dark = pixels.chunks(3).filter(|pixel| pixel.iter().all(|part| *part < 0x60)).count();
    assert!(500 < dark, "{dark} dark points are no text");
}

#[test]
fn an_empty_report_has_a_page_all_the_same() {
    let mut report = sample();
    report.components.clear();
    report.bottleneck = None;
    let charts = of_run(&report);
    assert_eq!(charts[0].id, "architecture");
    assert!(charts.iter().all(|chart| 0.0 < chart.height && 0.0 < chart.width));
}
