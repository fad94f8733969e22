//! How likely a service comes back from a retry storm, by load, by the length of the shock, and by cure.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use plimsoll::diagnostic::{Diagnostics, Sources, render_concise};
use plimsoll::engine::{Signals, simulate};
use plimsoll::model::Model;
use plimsoll::model::compile::compile;
use plimsoll::scenario::root::{Given, load};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::table;

const SEEDS: u64 = 100;
/// Requests a second, of a service that can do a hundred; and seconds for which it is four times as slow.
const LOADS: [u32; 3] = [60, 75, 90];
const SHOCKS: [u32; 3] = [1, 3, 10];
/// When the shock begins, and how long after its end the service has to be well again; seconds.
const BEFORE: u32 = 20;
const AFTER: u32 = 120;
/// Well is nine tenths of what is asked, answered well, over the last seconds.
const LOOK: usize = 20;

const CURES: [Option<&str>; 9] = [
    None,
    Some("jitter"),
    Some("budget"),
    Some("breaker"),
    Some("shedding"),
    Some("lifo"),
    Some("cancel"),
    Some("short_queue"),
    Some("once"),
];

fn model(cure: Option<&str>, rate: u32, shock: u32) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pitfalls/retry-storm.yaml");
    let path = path.to_str().expect("a path of ASCII");
    let sets = [
        format!("let.load={rate}"),
        format!("faults.hiccup.at={BEFORE}s"),
        format!("faults.hiccup.for={shock}s"),
        format!("run.duration={}s", BEFORE + shock + AFTER),
        "run.warmup=none".to_owned(),
    ];
    let (mut sources, mut found) = (Sources::default(), Diagnostics::new());
    let read = |path: &Path| fs::read_to_string(path);
    let given = Given { path, read: &read, sets: &sets, variant: cure };
    let scenario = load(&given, &mut sources, &mut found).map(|(scenario, _)| scenario);
    let model = scenario.as_ref().and_then(|scenario| compile(scenario, &mut found));
    model.unwrap_or_else(|| panic!("{}", render_concise(&found, &sources)))
}

fn is_well(model: &Model, seed: u64) -> bool {
    let series = simulate(model, seed, 0, &Signals::default()).series;
    let per_second = 1e9 / series.window.0 as f64;
    let windows = (LOOK as f64 * per_second).round() as usize;
    let last = |counts: &[u32]| counts.iter().rev().take(windows).map(|&count| u64::from(count)).sum::<u64>();
    0.9 * last(&series.offered) as f64 <= last(&series.ok) as f64
}

/// The share of seeds that come back.
fn recovery(cure: Option<&str>, rate: u32, shock: u32, seeds: u64) -> f64 {
    let model = model(cure, rate, shock);
    let well = (1..=seeds).into_par_iter().filter(|&seed| is_well(&model, seed)).count();
    well as f64 / seeds as f64
}

#[test]
fn a_storm_stays_and_a_budget_ends_it() {
    assert_eq!(recovery(None, 60, 1, 2), 1.0, "a short shock passes");
    assert_eq!(recovery(None, 75, 10, 2), 0.0, "a long one stays");
    assert_eq!(recovery(Some("budget"), 75, 10, 2), 1.0);
}

#[test]
#[ignore = "minutes: writes a section of docs/validation.md"]
fn retry_storms() {
    let mut section = format!(
        "`scenarios/pitfalls/retry-storm.yaml`: a service of 100/s whose callers wait a second and try four times, four times as slow\n\
         for a while. The share of {SEEDS} seeds in which it answers nine in ten requests well again two minutes after that, by load\n\
         and length of the shock: without a cure and with each. Written by\n\
         `cargo test --release -- --ignored --nocapture retry_storms`.\n\n| cure |"
    );
    let cells: Vec<(u32, u32)> = LOADS.iter().flat_map(|&load| SHOCKS.map(|shock| (load, shock))).collect();
    for (load, shock) in &cells {
        write!(section, " {load}/s, {shock} s |").expect("text");
    }
    write!(section, "\n|---|{}\n", "---|".repeat(cells.len())).expect("text");
    for cure in CURES {
        write!(section, "| {} |", cure.unwrap_or("none")).expect("text");
        for &(load, shock) in &cells {
            write!(section, " {:.0} % |", 100.0 * recovery(cure, load, shock, SEEDS)).expect("text");
        }
        section += "\n";
    }
    println!("{section}");
    table::write_storms(&section);
}
