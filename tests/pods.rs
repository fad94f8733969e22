//! Instances that have a share of a host's cores: what they are promised, what they may use at most.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{compiled, model};

/// Two services on one host of so many cores; 10 ms of work a request.
fn text(host: u32, cores: [&str; 2], rates: [u32; 2], rest: &str) -> String {
    let service = |name: &str, cores: &str| {
        format!("  {name}: {{kind: service, on: box, workers: 200, {cores}operations: {{go: [{{cpu: exp(10ms)}}]}}}}\n")
    };
    format!(
        "
plimsoll: 1
title: pods
run: {{duration: 120s, warmup: 10s, replications: 2}}
hosts: {{box: {{cores: {host}}}}}
load:
  one: {{rate: {}/s, requests: {{a.go: 1}}, timeout: 30s}}
  two: {{rate: {}/s, requests: {{b.go: 1}}, timeout: 30s}}
components:
{}{}objectives:
  fast: latency mean of a.go <= 30s
  use: utilisation of cores of a <= 100%
  other: utilisation of cores of b <= 100%
{rest}
",
        rates[0],
        rates[1],
        service("a", cores[0]),
        service("b", cores[1]),
    )
}

fn run(text: &str) -> Report {
    let (scenario, model) = compiled(text);
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

fn value(report: &Report, name: &str) -> f64 {
    let found = report.objectives.iter().find(|objective| objective.name == name);
    found.and_then(|objective| objective.value).unwrap_or_else(|| panic!("{name} has no value"))
}

#[test]
fn a_limit_is_a_slower_machine() {
    // At half a core 10 ms take 20 ms, shared by all: M/M/1 with processor sharing at 0.6 is 50 ms.
    let report = run(&text(4, ["cores: {request: 0.2, limit: 0.5}, ", ""], [30, 1], ""));
    let mean = value(&report, "fast");
    assert!((mean / 0.050 - 1.0).abs() < 0.08, "{mean}");
    assert!((value(&report, "use") - 0.6).abs() < 0.03, "{}", value(&report, "use"));
    let wider = run(&text(4, ["cores: {request: 0.2, limit: 1}, ", ""], [30, 1], ""));
    assert!(value(&wider, "fast") < 0.5 * mean);
}

#[test]
fn without_a_limit_and_alone_it_is_the_host() {
    // M/M/1 with processor sharing at 0.7 on the one core.
    let report = run(&text(1, ["cores: {request: 0.5}, ", "cores: {request: 0.5}, "], [70, 1], ""));
    let mean = value(&report, "fast");
    assert!((mean / 0.0338 - 1.0).abs() < 0.12, "{mean}");
}

#[test]
fn a_full_host_is_shared_by_what_was_promised() {
    // Both ask for all of it: 3 to 1.
    let report = run(&text(1, ["cores: {request: 0.75}, ", "cores: {request: 0.25}, "], [300, 300], ""));
    let ratio = value(&report, "use") / value(&report, "other");
    assert!((ratio / 3.0 - 1.0).abs() < 0.1, "{ratio}");
    let even = run(&text(1, ["cores: {request: 0.5}, ", "cores: {request: 0.5}, "], [300, 300], ""));
    let ratio = value(&even, "use") / value(&even, "other");
    assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
}

#[test]
fn kubernetes_counts_by_what_was_requested() {
    let first = |request: &str| {
        let scaled = format!(
            "cores: {{request: {request}, limit: 2}}, autoscale: {{hpa: {{maxReplicas: 8, metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 80}}}}}}]}}}}, "
        );
        let report = run(&text(16, [&scaled, ""], [100, 1], ""));
        report.decisions.first().map(|decision| (decision.from, decision.to))
    };
    // One core used: 200 % of a request of half a core, 67 % of one and a half.
    let half = first("0.5").expect("it grows");
    assert!(half.0 == 1.0 && 2.0 <= half.1, "{half:?}");
    assert_eq!(None, first("1.5"));
}

#[test]
fn laws_hold_on_shared_hosts() {
    let faults = "faults: {stops: {at: 20s, for: 2s, pause: a/0}, dies: {at: 40s, for: 5s, kill: b/0}}";
    let model = model(&text(2, ["cores: {request: 0.5, limit: 1}, ", "cores: {request: 1}, "], [120, 150], faults));
    for replication in 0..2 {
        let record = simulate(&model, 5, replication, &Signals::default());
        holds(&model, &record, "pods");
    }
}
