//! Inputs that are intervals: probabilities that integration knows, spreads that follow the intervals, least regret.

use libm::log;
use plimsoll::theory::special::normal_cdf;
use serde_json::Value;

use super::{Desk, number};

/// An M/M/1 whose rate lies between 40/s and 80/s, and a component on which nothing depends.
const UNSURE: &str = "\
plimsoll: 1
title: Unsure
run: {duration: 1m, warmup: 5s}
load: {users: {rate: 40/s..80/s, requests: {api.serve: 1}, timeout: 5s}, few: {rate: 1/s..2/s, requests: {side.look: 1}, timeout: 5s}}
components:
  api: {kind: service, workers: 1, operations: {serve: [{wait: exp(10ms)}]}}
  side: {kind: service, operations: {look: [{wait: 1ms..3ms}]}}
objectives: {fast: latency p90 of api.serve <= 60ms}
assumptions: {load.users.rate: guess, components.side: vendor, components.api: measured}
";

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let found = list.as_array().expect("a list").iter().find(|entry| entry["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {name} in {list}"))
}

/// The probability that a lognormal number with these 5 % and 95 % quantiles is less than a value.
fn below(low: f64, high: f64, value: f64) -> f64 {
    let (mu, sigma) = (log((low * high).sqrt()), log(high / low) / (2.0 * 1.644_853_6));
    normal_cdf((log(value) - mu) / sigma)
}

#[test]
fn the_probability_of_an_objective_is_that_of_theory() {
    let desk = Desk::new(&[("u.yaml", UNSURE)]);
    let found = desk.document("run u.yaml --draws 100 --no-files", 0);
    let uncertainty = &found["uncertainty"];
    let fast = named(&uncertainty["objectives"], "fast");
    // The p90 of an M/M/1 is ln 10 / (mu - lambda), so it keeps to 60 ms up to 61.6/s.
    let theory = below(40.0, 80.0, 100.0 - log(10.0) / 0.06);
    let probability = &fast["probability"];
    let [low, mean, high] = ["low", "mean", "high"].map(|key| number(&probability[key]));
    assert!(low <= theory && theory <= high, "{theory}, measured {mean} ({low} to {high})");
    assert!((mean - theory).abs() < 0.06 && high - low < 0.3, "{theory}, measured {mean} ({low} to {high})");
    // Quantiles of the answer are the answers at quantiles of the rate.
    for (key, rate) in [("p5", 40.0), ("p50", 3200.0_f64.sqrt()), ("p95", 80.0)] {
        let theory = log(10.0) / (100.0 - rate);
        assert!((number(&fast[key]) / theory - 1.0).abs() < 0.2, "{key}: {theory}, measured {}", fast[key]);
    }
    assert!(0.9 < number(&fast["from_inputs"]["mean"]), "{fast}");
    assert_eq!(uncertainty["meets_all"]["mean"], probability["mean"]);
}

#[test]
fn the_ledger_ranks_what_decides() {
    let desk = Desk::new(&[("u.yaml", UNSURE)]);
    let found = desk.document("run u.yaml --no-files", 0);
    let ledger = found["assumptions"].as_array().expect("a list");
    let told: Vec<(&str, &str)> = ledger
        .iter()
        .map(|entry| (entry["path"].as_str().expect("a path"), entry["source"].as_str().expect("a source")))
        .collect();
    assert_eq!(told[0], ("load.users.rate", "guess"));
    assert_eq!(told[3], ("components.api", "measured"));
    assert!(told.contains(&("load.few.rate", "unstated")) && told.contains(&("components.side", "vendor")), "{told:?}");
    assert!(0.8 < number(&ledger[0]["influence"]) && number(&ledger[1]["influence"]) < 0.15, "{ledger:?}");
    assert_eq!(
        (&ledger[3]["influence"], &found["uncertainty"]["influence_on"]),
        (&Value::Null, &"latency p90 of api.serve <= 60ms".into())
    );
    let shown = desk.prints("run u.yaml --no-files", 0);
    assert!(shown.contains("what decides") && shown.contains("40/s..80/s") && shown.contains("holds in"), "{shown}");
    let markdown = desk.prints("run u.yaml -f markdown", 0);
    assert!(markdown.contains("| load.users.rate | 40/s..80/s | guess |"), "{markdown}");
    assert!(desk.text("output/u/report.html").contains("What they decide"));
}

#[test]
fn a_wider_interval_gives_more_spread_and_two_equal_ends_the_plain_run() {
    let with = |rate: &str| UNSURE.replace("40/s..80/s", rate).replace("1/s..2/s", "1/s").replace("1ms..3ms", "2ms");
    let desk = Desk::new(&[
        ("n.yaml", &with("50/s..64/s")),
        ("w.yaml", &with("40/s..80/s")),
        ("s.yaml", &with("56/s..56/s")),
        ("p.yaml", &with("56/s")),
    ]);
    let spread = |file: &str| {
        let found = desk.document(&format!("run {file} --no-files"), 0);
        let fast = named(&found["uncertainty"]["objectives"], "fast").clone();
        number(&fast["p95"]) / number(&fast["p5"])
    };
    assert!(1.3 * spread("n.yaml") < spread("w.yaml"));
    let plain = |file: &str| {
        let mut found = desk.document(&format!("run {file} --no-meta --no-files"), 0);
        found["scenario"] = found["scenario"]["hash"].clone();
        found
    };
    assert_eq!(plain("s.yaml"), plain("p.yaml"));
    // Without draws it is the run at the middle, and nothing is said of chances.
    let middle = desk.document("run w.yaml --draws 0 --no-files", 0);
    assert_eq!(middle["uncertainty"], Value::Null);
    assert!((number(&middle["requests"]["offered_per_s"]["mean"]) - 57.6).abs() < 3.0, "{middle}");
}

#[test]
fn the_same_draws_give_the_same_bytes() {
    let desk = Desk::new(&[("u.yaml", UNSURE)]);
    let run = |jobs: u32| desk.prints(&format!("run u.yaml --json --no-meta --no-files -r 2 --draws 8 -j {jobs}"), 0);
    assert_eq!(run(1), run(2));
    assert!(run(1).contains("\"draws\": 8"));
}

/// Servers of $100 a month, and a load that may need one more than its middle does.
const FARM: &str = "\
plimsoll: 1
title: Farm
run: {duration: 20s, warmup: 2s, replications: 3}
let: {cpu: 10ms..20ms}
load: {users: {rate: 100/s, requests: {web.page: 1}, timeout: 5s}}
components:
  web: {kind: service, machine: c5.large, instances: 2, operations: {page: [{cpu: exp($cpu)}]}}
objectives: {fast: latency p90 <= 100ms}
";

#[test]
fn the_price_of_a_miss_chooses_the_design_of_least_regret() {
    let desk = Desk::new(&[("farm.yaml", FARM)]);
    let chosen = |miss: &str| {
        let found = desk.document(&format!("size farm.yaml --vary web.instances=1..4 --draws 12 --miss {miss}"), 0);
        let contenders = found["regrets"]["contenders"].as_array().expect("a list").clone();
        assert!(
            contenders
                .windows(2)
                .all(|pair| number(&pair[0]["regret_usd"]["mean"]) <= number(&pair[1]["regret_usd"]["mean"]))
        );
        let instances = contenders[0]["settings"][0].as_str().expect("a text").parse::<u32>().expect("a number");
        (instances, number(&contenders[0]["meets"]["mean"]), contenders.len())
    };
    let (cheap, often, all) = chosen("$1/month");
    let (dear, always, _) = chosen("$100000/month");
    assert!(cheap < dear && often < always && 2 <= all, "{cheap} instances meet {often}, {dear} meet {always}");
    assert!(0.99 < always);
    assert!(desk.text("output/farm/best.yaml").contains(&format!("instances: {dear}")));
    assert!(desk.prints("size farm.yaml --vary web.instances=1..4 --draws 12", 0).contains("least regret with"));
    // Where nothing is uncertain, nothing is regretted.
    let plain = desk.document("size farm.yaml --vary web.instances=1..4 --set let.cpu=14ms", 0);
    assert_eq!(plain["regrets"], Value::Null);
}

#[test]
fn intervals_that_cannot_be_are_told() {
    let desk = Desk::new(&[
        ("u.yaml", &UNSURE.replace("40/s..80/s", "80/s..40/s")),
        ("v.yaml", &UNSURE.replace("40/s..80/s", "40..80/s")),
    ]);
    let told = |file: &str| {
        let output = desk.call(&format!("validate {file} -f concise"));
        assert_eq!(output.status.code(), Some(2));
        super::text(&output.stdout) + &super::text(&output.stderr)
    };
    assert!(told("u.yaml").contains("less than"), "{}", told("u.yaml"));
    assert!(told("v.yaml").contains("is a rate"), "{}", told("v.yaml"));
}

#[test]
fn the_schema_of_scenarios_knows_intervals() {
    let desk = Desk::new(&[]);
    let schema: Value = serde_json::from_str(&desk.prints("schema scenario", 0)).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let with = |rate: &str| serde_json::json!({"load": {"users": {"rate": rate, "requests": {"api.serve": 1}}}});
    assert!(validator.is_valid(&with("40/s")) && validator.is_valid(&with("40/s..80/s")));
    assert!(!validator.is_valid(&with("40/s..80")) && !validator.is_valid(&with("40/s.80/s")));
}
