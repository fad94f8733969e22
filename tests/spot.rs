//! Spot machines: what they save, and what it costs when they are taken back.

use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{evaluated, model, value};

/// Six machines, each with a request of a few seconds now and then.
fn text(web: &str, term: &str) -> String {
    format!(
        "
plimsoll: 1
title: spot
run: {{duration: 60m, warmup: none, replications: 2}}
load: {{people: {{rate: 20/s, requests: {{web.go: 1}}, timeout: 60s}}}}
components:
  web: {{kind: service, machine: c6i.large, instances: 6, {web}, operations: {{go: [{{wait: exp(4s)}}, {{cpu: exp(200ms)}}]}}}}
prices: {{web: {{{term}}}}}
objectives:
  bad: errors <= 100%
  up: replicas of web <= 100
  slow: latency mean <= 1m
  taken: reclaims of web <= 1M
  rate: reclaims of web <= 1M/h
"
    )
}

fn run(web: &str, term: &str) -> Report {
    evaluated(&text(web, term))
}

const BOOT: &str = "boot: 60s, drain: 2m";

#[test]
fn spot_is_cheaper_and_interrupted() {
    let demand = run(BOOT, "term: on_demand").cost.usd_per_month;
    let spot = run(BOOT, "term: spot, reclaims: {every: 10m, notice: 2m}");
    assert!(
        (spot.cost.usd_per_month / demand - 0.35).abs() < 1e-9,
        "65 % off: {} of {demand}",
        spot.cost.usd_per_month
    );
    let dearer = run(BOOT, "term: spot, discount: 20%, reclaims: {every: 10m, notice: 2m}");
    assert!((dearer.cost.usd_per_month / demand - 0.80).abs() < 1e-9);
    // Six machines, a notice each ten minutes on average while they are up; then they drain some seconds and boot for a minute.
    let expected = 6.0 * 60.0 / 10.0 * value(&spot, "up") / 6.0;
    assert!((value(&spot, "taken") / expected - 1.0).abs() < 0.25, "{} for {expected}", value(&spot, "taken"));
    assert!((value(&spot, "rate") * 3600.0 / value(&spot, "taken") - 1.0).abs() < 1e-9, "an hour");
    assert!(value(&spot, "up") < 5.8, "one in ten is booting: {}", value(&spot, "up"));
    assert_eq!(value(&spot, "bad"), 0.0, "two minutes are enough for all that was begun");
    let calm = run(BOOT, "term: spot, reclaims: {every: 10h, notice: 2m}");
    assert!(value(&calm, "taken") < 0.2 * value(&spot, "taken"));
    assert!(value(&calm, "slow") < value(&spot, "slow"), "{} {}", value(&calm, "slow"), value(&spot, "slow"));
}

#[test]
fn what_is_not_done_within_the_notice_is_lost() {
    let with = |web: &str, notice: &str| run(web, &format!("term: spot, reclaims: {{every: 10m, notice: {notice}}}"));
    let [long, short, none] =
        [with(BOOT, "2m"), with(BOOT, "4s"), with(BOOT, "0s")].map(|report| value(&report, "bad"));
    assert!(long < short && short < none, "{long} {short} {none}");
    // Whoever does not use the notice loses as much as without one.
    let hasty = value(&with("boot: 60s, drain: 0s", "2m"), "bad");
    assert!((hasty / none - 1.0).abs() < 0.2, "{hasty} {none}");
}

#[test]
fn exact_laws_when_machines_are_taken_back() {
    for (n, more) in [
        "",
        "autoscale: {min: 2, max: 6, every: 10s, window: 20s, target: {utilisation of cores: 60%}, down: {stable: 30s}}",
        "vertical: {sizes: [c6i.large, c6i.xlarge], every: 20s, window: 40s, hold: 40s}",
        "health: {interval: 3s, unhealthy: 2, timeout: 1s}",
    ]
    .into_iter()
    .enumerate()
    {
        let web = format!("boot: exp(10s), drain: 5s{}{more}", if more.is_empty() { "" } else { ", " });
        let text = text(&web, "term: spot, reclaims: {every: 1m, notice: 3s}").replace("duration: 60m", "duration: 10m");
        let text = if more.starts_with("autoscale") { text.replace("instances: 6, ", "") } else { text };
        let text = format!("{text}faults: {{new: {{at: 3m, deploy: web, at_once: 2}}, often: {{kill: web/any, every: exp(60s), for: exp(5s)}}}}\n");
        let model = model(&text);
        let one = simulate(&model, n as u64, 0, &Signals::default());
        holds(&model, &one, &text);
        assert_eq!(format!("{one:?}"), format!("{:?}", simulate(&model, n as u64, 0, &Signals::default())));
    }
}
