//! Instances that have a share of a host's cores: what they are promised, what they may use at most.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::report::{Decision, Report};

use crate::laws::holds;
use crate::support::{compiled, evaluated, model, value};

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

#[test]
fn a_limit_is_a_slower_machine() {
    // At half a core 10 ms take 20 ms, shared by all: M/M/1 with processor sharing at 0.6 is 50 ms.
    let report = evaluated(&text(4, ["cores: {request: 0.2, limit: 0.5}, ", ""], [30, 1], ""));
    let mean = value(&report, "fast");
    assert!((mean / 0.050 - 1.0).abs() < 0.08, "{mean}");
    assert!((value(&report, "use") - 0.6).abs() < 0.03, "{}", value(&report, "use"));
    let wider = evaluated(&text(4, ["cores: {request: 0.2, limit: 1}, ", ""], [30, 1], ""));
    assert!(value(&wider, "fast") < 0.5 * mean);
}

#[test]
fn without_a_limit_and_alone_it_is_the_host() {
    // M/M/1 with processor sharing at 0.7 on the one core.
    let report = evaluated(&text(1, ["cores: {request: 0.5}, ", "cores: {request: 0.5}, "], [70, 1], ""));
    let mean = value(&report, "fast");
    assert!((mean / 0.0338 - 1.0).abs() < 0.12, "{mean}");
}

#[test]
fn a_full_host_is_shared_by_what_was_promised() {
    // Both ask for all of it: 3 to 1.
    let report = evaluated(&text(1, ["cores: {request: 0.75}, ", "cores: {request: 0.25}, "], [300, 300], ""));
    let ratio = value(&report, "use") / value(&report, "other");
    assert!((ratio / 3.0 - 1.0).abs() < 0.1, "{ratio}");
    let even = evaluated(&text(1, ["cores: {request: 0.5}, ", "cores: {request: 0.5}, "], [300, 300], ""));
    let ratio = value(&even, "use") / value(&even, "other");
    assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
}

#[test]
fn kubernetes_counts_by_what_was_requested() {
    let first = |request: &str| {
        let scaled = format!(
            "cores: {{request: {request}, limit: 2}}, autoscale: {{hpa: {{maxReplicas: 8, metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 80}}}}}}]}}}}, "
        );
        let report = evaluated(&text(16, [&scaled, ""], [100, 1], ""));
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

// -- hosts that come and go -----------------------------------------------------------------------------------------------

/// Instances of one core each on hosts of four, under a load that needs ten of them for three minutes.
fn pool(hosts: &str, service: &str) -> Report {
    let text = format!(
        "
plimsoll: 1
title: nodes
run: {{duration: 15m, warmup: none, replications: 1}}
hosts: {{nodes: {{cores: 4, nic: 1Gbps, price: $1/h, {hosts}}}}}
load: {{people: {{rate: 100/s, steps: {{0s: 1, 2m: 6, 5m: 1}}, requests: {{web.go: 1}}, timeout: 10s}}}}
components:
  web:
    kind: service
    on: nodes
    cores: {{request: 1, limit: 1}}
    boot: 5s
    autoscale: {{min: 2, max: 12, every: 10s, window: 20s, age: 0s, target: {{utilisation of cores: 60%}}, down: {{stable: 1m}}}}
    operations: {{go: [{{cpu: exp(10ms)}}]}}
    {service}
objectives:
  slow: latency p95 <= 10s
  bad: errors <= 100%
"
    );
    let (scenario, model) = compiled(&text);
    for replication in 0..2 {
        holds(&model, &simulate(&model, 5, replication, &Signals::default()), &text);
    }
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

fn joined(report: &Report) -> f64 {
    report.cost.lines.iter().find(|line| line.what == "joined hosts").map_or(0.0, |line| line.quantity)
}

#[test]
fn hosts_join_when_instances_find_no_place_and_leave_when_they_are_empty() {
    let fixed = pool("count: 3", "");
    let grown = pool("count: 1, grow: {max: 3, boot: 30s, idle: 1m}", "");
    let counts = |report: &Report| -> Vec<f64> {
        report.components["web"].kind_specific.replicas_over_time.iter().map(|at| at[1]).collect()
    };
    assert!(counts(&grown).iter().any(|count| 8.0 < *count), "{:?}", counts(&grown));
    // Two hosts for some five of fifteen minutes, a dollar an hour each.
    let of_hosts: Vec<&Decision> = grown.decisions.iter().filter(|decision| decision.what == "hosts").collect();
    assert!(
        of_hosts.iter().all(|decision| decision.component == "nodes" && (decision.from - decision.to).abs() == 1.0)
    );
    let (came, left): (Vec<&Decision>, Vec<&Decision>) =
        of_hosts.iter().partition(|decision| decision.from < decision.to);
    assert!(came.iter().all(|decision| decision.why == "no room for an instance of `web`") && 2 <= came.len());
    assert!(left.iter().all(|decision| decision.why == "a host stood empty for 1.0m") && !left.is_empty(), "{left:?}");
    assert!(fixed.decisions.iter().all(|decision| decision.what == "instances"));
    let there = joined(&grown);
    assert!((0.4..1.3).contains(&there), "{there}");
    assert_eq!(0.0, joined(&fixed));
    let saved = fixed.cost.usd_per_month - grown.cost.usd_per_month;
    assert!((saved - (2.0 - there) * 730.0).abs() < 5.0, "{saved}");
    // Whoever waits for a host waits longer.
    let bad = |report: &Report| value(report, "bad");
    assert!(1.1 * bad(&fixed) < bad(&grown), "{} {}", bad(&fixed), bad(&grown));
    let slower = pool("count: 1, grow: {max: 3, boot: 2m, idle: 1m}", "");
    assert!(1.1 * bad(&grown) < bad(&slower), "{}", bad(&slower));
    let stays = pool("count: 1, grow: {max: 3, boot: 30s, idle: 8m}", "");
    assert!(there + 0.3 < joined(&stays), "{there} and {}", joined(&stays));
}

#[test]
fn an_image_comes_over_the_network_once_for_each_host() {
    let bad = |image: &str| value(&pool("count: 3", image), "bad");
    // 125 MB a second: 8 GB take 64 s, on the host on which none of them has stood before.
    let (none, small, large) = (bad(""), bad("image: 100MB"), bad("image: 8GB"));
    assert!(0.9 * none < small && small < 1.1 * none && 1.2 * small < large, "{none}, {small}, {large}");
}
