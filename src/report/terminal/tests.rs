use std::collections::BTreeMap;

use super::*;
use crate::report::pictures::Pictures;
use crate::report::{
    About, Audit, Bottleneck, Component, Cost, CostLine, Estimate, Latencies, Latency, Part, Report, Requests, Run,
    Specific, Stretch, TimeGoes, TimeShare, Traffic, Utilisation, Utilisations, Warning,
};

const LOOK: Look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };

fn about(mean: f64, precision: f64) -> Estimate {
    let half = mean * precision;
    Estimate { mean, half_width: Some(half), low: Some(mean - half), high: Some(mean + half), replications: 5 }
}

fn latency(scale: f64) -> Latency {
    let known = |seconds: f64, precision: f64| Some(about(seconds * scale, precision));
    Latency {
        count: 1000,
        mean: known(0.0149, 0.01),
        p50: known(0.004, 0.01),
        p90: known(0.0213, 0.03),
        p95: known(0.0801, 0.04),
        p99: known(0.231, 0.08),
        p999: known(0.612, 0.16),
        max: Some(2.0),
    }
}

fn traffic(rate: f64, scale: f64) -> Traffic {
    let requests = Requests {
        offered_per_s: about(rate, 0.001),
        throughput_per_s: about(rate, 0.001),
        goodput_per_s: about(rate * 0.9989, 0.001),
        error_ratio: Some(about(0.0011, 0.1)),
        availability: Some(about(0.9989, 0.0001)),
        errors: BTreeMap::from([("timeout".to_string(), about(0.0011, 0.1))]),
    };
    Traffic { requests, latency: Latencies { all: latency(scale), ok: latency(scale * 0.9) } }
}

#[expect(clippy::unnecessary_wraps, reason = "the report says it this way")]
fn used(share: f64, part: &str) -> Option<Utilisation> {
    let busiest = Some(Part { name: part.to_string(), share });
    Some(Utilisation { share: about(share, 0.01), p5: Some(0.5), p95: Some(1.0), max: Some(1.0), busiest })
}

fn component(kind: &'static str, utilisation: Utilisations) -> Component {
    Component {
        kind,
        instances: about(2.0, 0.0),
        utilisation,
        arrivals_per_s: about(12_000.0, 0.001),
        wait: latency(0.1),
        service: latency(0.2),
        queue_length: about(10.8, 0.1),
        in_flight: about(20.0, 0.1),
        rejected_per_s: about(0.0, 0.0),
        errors: BTreeMap::new(),
        kind_specific: Specific::default(),
    }
}

fn objective(name: &str, verdict: Verdict, value: f64) -> Objective {
    Objective {
        name: name.to_string(),
        text: "latency p99 <= 200ms".to_string(),
        verdict,
        value: Some(value),
        low: Some(value * 0.92),
        high: Some(value * 1.08),
        limit: Some(0.2),
        unit: "s",
        note: None,
        parts: Vec::new(),
    }
}

fn share(component: &str, cause: &'static str, share: f64) -> TimeShare {
    TimeShare { component: component.to_string(), cause, share, seconds: share * 0.0149 }
}

fn run() -> Run {
    Run {
        seed: 42,
        replications: 5,
        duration_s: 600.0,
        warmup_s: 31.0,
        warmup_rule: "mser5",
        events: 58_000_000,
        requests: 7_200_000,
        stable: true,
        growth_per_s: None,
        unstable_share: 0.0,
        partial: false,
        stopped_by: None,
        precision: None,
        scale: None,
        sampling: None,
    }
}

fn shares() -> TimeGoes {
    let mean = vec![share("db", "wait", 0.68), share("api", "network", 0.11), share("api", "cpu", 0.1)];
    TimeGoes { mean, slowest_1_percent: vec![share("db", "wait", 0.85), share("db", "cpu", 0.06)] }
}

fn cost() -> Cost {
    let line = |component: &str, usd: f64| CostLine {
        component: component.to_string(),
        what: "machines",
        quantity: 1.0,
        unit: "c5.2xlarge month".to_string(),
        usd_per_month: usd,
    };
    let lines = vec![line("api", 1814.0), line("db", 1122.0)];
    Cost { usd_per_month: 2936.0, usd_per_million_requests: Some(0.108), lines, unpriced: vec!["lb".to_string()] }
}

/// A report as `analysis` would fill it in, with the figures of the design's mock-up.
pub(in crate::report) fn sample() -> Report {
    let db = Utilisations { connections: used(0.94, "db/0"), disk: used(0.6, "db/0"), ..Utilisations::default() };
    let api = Utilisations { cores: used(0.7, "api/0"), ..Utilisations::default() };
    let all = traffic(12_000.0, 1.0);
    Report {
        schema: crate::report::SCHEMA,
        scenario: About {
            title: "05-caching".to_string(),
            file: "05-caching.yaml".to_string(),
            hash: "ab12".to_string(),
            description: Some("A shop".to_string()),
            text: None,
            command: None,
        },
        run: run(),
        verdict: Verdict::Misses,
        measured: Stretch { from_s: 31.0, to_s: 600.0 },
        objectives: vec![objective("fast", Verdict::Misses, 0.231), objective("slow", Verdict::Meets, 0.1)],
        evolve_when: vec![Trigger {
            name: "hot".to_string(),
            text: "utilisation of db > 70% for 5m".to_string(),
            fired_at_s: Some(315.0),
            offered_per_s: Some(9_000.0),
            fired_share: 0.8,
        }],
        requests: all.requests.clone(),
        latency: all.latency,
        operations: BTreeMap::from([("api.item".to_string(), traffic(9_600.0, 0.95))]),
        loads: BTreeMap::from([("members".to_string(), traffic(12_000.0, 1.0))]),
        components: BTreeMap::from([
            ("db".to_string(), component("database", db)),
            ("api".to_string(), component("service", api)),
        ]),
        bottleneck: Some(Bottleneck {
            component: "db".to_string(),
            resource: "connections",
            utilisation: 0.94,
            why: "85% of the time of the slowest 1% is waiting for a connection".to_string(),
            headroom: 1.06,
        }),
        where_time_goes: shares(),
        cost: cost(),
        alerts: Vec::new(),
        faults: BTreeMap::new(),
        regions: BTreeMap::new(),
        decisions: Vec::new(),
        budgets: Vec::new(),
        exemplars: Vec::new(),
        assumptions: Vec::new(),
        uncertainty: None,
        audit: vec![Audit { law: "Little", of: "db".to_string(), holds: true, left: None, right: None }],
        warnings: vec![Warning { code: "W0402".to_string(), message: "db cannot keep up".to_string(), help: None }],
        per_replication: Vec::new(),
        pictures: Pictures::default(),
        meta: None,
    }
}

fn shown(report: &Report, look: Look) -> String {
    anstream::adapter::strip_str(&render(report, look)).to_string()
}

fn line_with<'a>(text: &'a str, part: &str) -> &'a str {
    text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no line has `{part}` in\n{text}"))
}

#[test]
fn the_order_is_verdict_evidence_money_caveats() {
    let text = shown(&sample(), LOOK);
    let places: Vec<usize> =
        ["A shop", "misses 1 of 2", "bottleneck  85%", "latency  ", "component", "where the mean", "cost ", "W0402"]
            .into_iter()
            .map(|part| text.find(part).unwrap_or_else(|| panic!("no `{part}` in\n{text}")))
            .collect();
    assert!(places.is_sorted(), "{places:?}\n{text}");
}

#[test]
fn every_estimate_stands_with_its_half_width() {
    let text = shown(&sample(), LOOK);
    let all = text.lines().position(|line| line.starts_with("  all")).expect("a row for all requests");
    let under = text.lines().nth(all + 1).expect("a row under it");
    assert_eq!(
        under.split_whitespace().collect::<Vec<_>>(),
        ["±1.0%", "±3.0%", "±4.0%", "±8.0%", "±16%", "±0.10%", "±0.01%"]
    );
    assert!(text.contains("p99.9 is known only to ±16%; --duration 40m would make it about ±8.0%"), "{text}");
    assert!(text.contains("231 ms  (213 ms … 249 ms)"), "{text}");
}

#[test]
fn the_bottleneck_is_marked_where_it_stands() {
    let text = shown(&sample(), LOOK);
    assert!(line_with(&text, "← bottleneck").starts_with("  db "), "{text}");
    assert!(line_with(&text, "← bottleneck").contains("disk 60%"), "{text}");
    assert!(text.contains(
        "evolve      hot (utilisation of db > 70% for 5m) fired after 5m 15s, at 9,000/s offered, in 80% of"
    ));
}

#[test]
fn narrow_terminals_lose_bars_and_notes_but_no_figure() {
    let mut report = sample();
    let db = report.components.get_mut("db").expect("the sample has a database");
    db.kind_specific.figures.insert("hit_ratio".to_string(), about(0.88, 0.01));
    db.rejected_per_s = about(12.0, 0.1);
    let narrow = shown(&report, Look { width: 62, ..LOOK });
    let row = line_with(&narrow, "← bottleneck");
    assert!(row.contains("94%") && row.contains("23.1ms") && row.contains("10.8"), "{row}");
    assert!(!row.contains('█') && !row.contains("hits"), "{row}");
    for width in [80, 100, 140] {
        let text = shown(&report, Look { width, ..LOOK });
        let longest = text.lines().map(unicode_width::UnicodeWidthStr::width).max().expect("lines");
        assert!(longest <= width, "{longest} columns of {width}\n{text}");
    }
}

#[test]
fn without_unicode_everything_is_ascii() {
    let mut report = sample();
    report.scenario.title = "Stage 5 · Café".to_string();
    let text = shown(&report, Look { unicode: false, ..LOOK });
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("Stage 5 - Caf?") && text.contains("x misses 1 of 2 objectives"), "{text}");
}

#[test]
fn an_unstable_system_says_so_and_states_no_quantile() {
    let mut report = sample();
    report.run.stable = false;
    report.run.growth_per_s = Some(12.3);
    report.latency.all = Latency { count: 5, ..Latency::default() };
    let text = shown(&report, LOOK);
    assert!(text.contains("cannot keep up: what is in flight grows by 12.3 requests a second"), "{text}");
    let row = line_with(&text, "  all ");
    assert_eq!(row.matches('–').count(), 5, "{row}");
}

#[test]
fn a_broken_law_is_told_before_anything_is_believed() {
    let mut report = sample();
    report.audit[0].holds = false;
    assert!(shown(&report, LOOK).contains("the law of Little does not hold for db"));
}

#[test]
fn quiet_is_one_line() {
    let line = verdict_line(&sample(), LOOK);
    assert_eq!(anstream::adapter::strip_str(&line).to_string(), "✗ misses 1 of 2 objectives\n");
}

// -- every look -----------------------------------------------------------------------------------------------------------

/// Widths, with and without more than ASCII, with and without colour.
const LOOKS: [(&str, usize, bool, bool); 5] = [
    ("80", 80, true, false),
    ("100", 100, true, false),
    ("160", 160, true, false),
    ("100-ascii", 100, false, false),
    ("100-colour", 100, true, true),
];

/// Each kind of text as it was when somebody last looked at it (`tests/terminal`); `PLIMSOLL_BLESS=1` writes them anew.
#[test]
fn every_look_is_as_it_was() {
    let (report, swept) = (sample(), crate::report::chart::tests::pairs());
    let compared = crate::report::chart::tests::comparison();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal");
    let bless = std::env::var_os("PLIMSOLL_BLESS").is_some();
    let mut wrong = Vec::new();
    for (name, width, unicode, colour) in LOOKS {
        let look = Look { width, unicode, ..LOOK };
        let all = [
            ("run", render(&report, look)),
            ("compare", compare::render(&compared, look)),
            ("sweep", sweep::render(&swept, look)),
        ];
        for (kind, text) in all {
            let plain = anstream::adapter::strip_str(&text).to_string();
            let longest = plain.lines().map(unicode_width::UnicodeWidthStr::width).max().expect("lines");
            assert!(longest <= width, "{kind} {name}: {longest} columns\n{plain}");
            assert!(unicode || plain.is_ascii(), "{kind} {name}\n{plain}");
            let shown = if colour { text } else { plain };
            let path = folder.join(format!("{kind}-{name}.txt"));
            if bless {
                std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, &shown)).expect("writable");
            } else if std::fs::read_to_string(&path).unwrap_or_default() != shown {
                wrong.push(format!("{kind}-{name}\n{shown}"));
            }
        }
    }
    assert!(wrong.is_empty(), "looks otherwise; if this is right, say PLIMSOLL_BLESS=1:\n{}", wrong.join("\n"));
}
