//! The cheapest design is that of an exhaustive search; advice is what simulation shows.

use plimsoll::analysis::Progress;
use plimsoll::analysis::axis::{Point, axis, grid, sets};
use plimsoll::analysis::design::{Base, Design};
use plimsoll::analysis::lab::{Forgetful, Lab, Setting};
use plimsoll::analysis::size::race;
use plimsoll::report::Verdict;

use super::{Desk, number};

/// Two tiers on machines that cost money.
const SHOP: &str = "\
plimsoll: 1
title: Shop
run: {duration: 20s, warmup: 2s, replications: 3}
load: {users: {rate: 100/s, requests: {web.page: 1}, timeout: 5s}}
components:
  web: {kind: service, machine: c5.large, instances: 2, operations: {page: [{cpu: exp(20ms)}, {call: db.read}]}}
  db: {kind: database, machine: r5.large, connections: 4, operations: {read: {cpu: exp(5ms)}}}
objectives: {fast: latency p90 <= 100ms, budget: cost <= $2000/month}
";

fn points(vary: &[&str]) -> (Vec<Point>, impl Fn(&Point) -> Option<Design>) {
    let axes: Vec<_> = vary.iter().map(|text| axis(text).expect("right")).collect();
    let points = grid(&axes).expect("small");
    let make = move |point: &Point| {
        let read = |_: &std::path::Path| Ok(SHOP.to_owned());
        let base = Base { path: "s.yaml".to_owned(), read: &read, variant: None, sets: Vec::new() };
        base.design("s", &sets(&axes, point)).ok()
    };
    (points, make)
}

/// The cheapest of all that meet every objective when each has as many replications as a contender may get.
fn exhaustive(points: &[Point], make: &impl Fn(&Point) -> Option<Design>) -> (Option<f64>, u64) {
    let progress = Progress::default();
    let mut lab = Lab::new(Setting { seed: 42, replications: 24, jobs: 2 }, &progress, &Forgetful);
    let mut best: Option<f64> = None;
    for design in points.iter().filter_map(make) {
        let figures = lab.evaluate(&[&design]).expect("nobody interrupts").swap_remove(0);
        let price = figures.usd_per_month.expect("it has a price");
        if figures.stable && figures.verdict == Verdict::Meets && best.is_none_or(|best| price < best) {
            best = Some(price);
        }
    }
    (best, lab.simulated)
}

fn raced(vary: &[&str]) -> (Option<f64>, u64, usize) {
    let (points, make) = points(vary);
    let progress = Progress::default();
    let mut lab = Lab::new(Setting { seed: 42, replications: 3, jobs: 2 }, &progress, &Forgetful);
    let raced = race(&points, 100_000, &mut lab, make).expect("nobody interrupts");
    (raced.best.map(|best| best.usd_per_month), lab.simulated, points.len())
}

#[test]
fn a_race_finds_what_an_exhaustive_search_finds() {
    let vary = ["web.instances=1..4", "db.machine=r5.large,r5.xlarge"];
    let (points, make) = points(&vary);
    let (best, all) = exhaustive(&points, &make);
    let (found, runs, _) = raced(&vary);
    assert_eq!(found, best);
    assert!(best.is_some() && runs * 2 < all, "{runs} of {all} runs");
}

/// The wide run behind the table of the page about studies.
#[test]
#[ignore = "exhaustive searches take minutes"]
fn races_on_three_spaces() {
    let spaces: [&[&str]; 3] = [
        &["web.instances=1..10", "db.connections=1..10"],
        &[
            "web.instances=1..8",
            "web.machine=c5.large,c5.xlarge,c5.2xlarge",
            "db.machine=r5.large,r5.xlarge,r5.2xlarge",
        ],
        &["web.instances=1..8", "web.workers=2..32:x2", "db.connections=1..5"],
    ];
    for vary in spaces {
        let (points, make) = points(vary);
        let (best, all) = exhaustive(&points, &make);
        let (found, runs, designs) = raced(vary);
        println!(
            "\n| {} | {designs} | {:.2} | {:.2} | {runs} of {all} ({:.1} %) |",
            vary.join(" "),
            best.unwrap_or(f64::NAN),
            found.unwrap_or(f64::NAN),
            100.0 * runs as f64 / all as f64
        );
        assert_eq!(found, best, "{vary:?}");
    }
}

#[test]
fn the_best_design_is_a_file_that_runs() {
    let desk = Desk::new(&[("s/shop.yaml", SHOP)]);
    let found = desk.document("size s/shop.yaml --vary web.instances=1..6 --peak 150/s", 0);
    let best = &found["best"];
    let instances: f64 = best["settings"][0].as_str().expect("a text").parse().expect("a number");
    assert!((2.0..=6.0).contains(&instances) && best["verdict"] == "meets", "{found}");
    assert!(number(&found["ruled_out"]) >= 1.0 && (number(&found["load_per_s"]) - 150.0).abs() < 1e-9, "{found}");
    let yaml = desk.text("output/shop/best.yaml");
    assert!(yaml.contains("extends: ../../s/shop.yaml") && yaml.contains(&format!("instances: {instances}")), "{yaml}");
    desk.prints("validate output/shop/best.yaml", 0);
    assert!(
        desk.prints("size s/shop.yaml --vary web.instances=1..6 --peak 150/s", 0).contains("cheapest that meets all")
    );
    let never = desk.document("size s/shop.yaml --vary web.instances=1..2 --subject-to 'latency p50 <= 1ms'", 1);
    assert_eq!(never["best"], serde_json::Value::Null);
    assert_eq!(never["binds"][0], "latency p50 <= 1ms");
    desk.prints("size s/shop.yaml --vary web.instnaces=1..2", 2);
    desk.prints("size s/shop.yaml", 2);
}

#[test]
fn advice_names_the_resource_that_is_short() {
    let desk = Desk::new(&[("shop.yaml", SHOP)]);
    let found = desk.document("advise shop.yaml --peak 180/s", 0);
    let first = &found["changes"][0];
    // 180/s x 20 ms is 3.6 of the 4 cores of the web: more of those helps, and nothing else does.
    assert!(first["set"].as_str().expect("a text").starts_with("components.web."), "{found}");
    assert_eq!((&first["word"], &found["focus"]), (&"improved".into(), &"latency p90 <= 100ms".into()));
    assert!(0.0 < number(&first["usd_per_rps"]) && 20.0 < number(&first["room_per_s"]), "{first}");
    let useless =
        found["changes"].as_array().expect("a list").iter().find(|c| c["set"] == "components.db.connections=6");
    assert!(useless.is_some_and(|change| change["word"] != "improved"), "{found}");
    assert!(desk.prints("advise shop.yaml --peak 180/s", 0).contains("bottleneck"));
    assert!(desk.prints("advise shop.yaml -f csv", 0).starts_with("set,was,focus,change"));
    assert!(desk.path("output/shop/advise.json").exists());
}
