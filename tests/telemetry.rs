//! Telemetry: what is written, kept and paid, and what it costs those who are watched; budgets and how fast they burn.

use plimsoll::report::Report;

use crate::faults::{report, value};

/// 200 requests a second at `web`, each with one call of `db`; a share of them fails.
fn watched(fails: &str, telemetry: &str, objectives: &str) -> Report {
    report(&format!(
        "
plimsoll: 1
title: watched
run: {{duration: 100s, warmup: 10s, replications: 2}}
load: {{users: {{rate: 200/s, requests: {{web.show: 1}}, timeout: 5s}}}}
components:
  web:
    kind: service
    instances: 2
    cores: 1
    nic: 10Mbps
    operations: {{show: [{{cpu: 2ms}}, {{parallel: [{{call: db.read}}, {{wait: 1ms}}]}}, {{fail: {{share: {fails}, as: broken}}}}]}}
  db: {{kind: service, instances: 2, cores: 1, operations: {{read: [{{cpu: 1ms}}]}}}}
  {telemetry}
objectives:
  mean: latency mean <= 1h
  cores: utilisation of cores of web >= 0%
  nic: utilisation of nic of web >= 0%
  bill: cost <= $1000000/month
  {objectives}
"
    ))
}

fn figure(report: &Report, name: &str) -> f64 {
    report.components["watch"].kind_specific.figures.get(name).map_or(0.0, |figure| figure.mean)
}

fn line(report: &Report, what: &str) -> f64 {
    report
        .cost
        .lines
        .iter()
        .filter(|line| line.component == "watch" && line.what == what)
        .map(|l| l.usd_per_month)
        .sum()
}

#[test]
fn lines_are_those_of_the_visits() {
    let all = watched("1%", "watch: {kind: telemetry, of: any, logs: {lines: uniform(3 5), bytes: 500B}}", "");
    let lines = figure(&all, "log_lines_per_s");
    assert!((lines / (2.0 * 4.0 * 200.0) - 1.0).abs() < 0.03, "{lines}");
    assert_eq!(lines, figure(&all, "log_lines_kept_per_s"));
    assert!((figure(&all, "log_bytes_per_day") / (lines * 500.0 * 86_400.0) - 1.0).abs() < 1e-6);
    let one = watched("1%", "watch: {kind: telemetry, of: web, logs: {lines: 4, bytes: 500B}}", "");
    assert!((figure(&one, "log_lines_per_s") / 800.0 - 1.0).abs() < 0.03);
}

/// A tenth of the requests, and all that failed: 1 / (0.1 + 0.9 e) of the volume.
#[test]
fn sampling_saves_less_the_more_goes_wrong() {
    for (fails, e) in [("0.1%", 0.001), ("2.5%", 0.025), ("50%", 0.5)] {
        let logs = "watch: {kind: telemetry, of: web, logs: {lines: 4, sample: 10%, keep: [errors], cpu: 1us}, retain: {hot: 7d}}";
        let sampled = watched(fails, logs, "");
        let ratio = figure(&sampled, "log_lines_per_s") / figure(&sampled, "log_lines_kept_per_s");
        let expected = 1.0 / (0.1 + 0.9 * e);
        assert!((ratio / expected - 1.0).abs() < 0.06, "{fails}: {ratio} {expected}");
        let whole = watched(fails, "watch: {kind: telemetry, of: web, logs: {lines: 4}, retain: {hot: 7d}}", "");
        let saved = line(&whole, "hot storage") / line(&sampled, "hot storage");
        assert!((saved / expected - 1.0).abs() < 0.06, "{fails}: {saved}");
    }
}

#[test]
fn agents_take_cores_and_network_from_what_they_watch() {
    let none = watched("0%", "watch: {kind: telemetry, of: db, logs: {lines: 1}}", "");
    let logs = |cpu: &str, bytes: &str| {
        watched(
            "0%",
            &format!("watch: {{kind: telemetry, of: web, logs: {{lines: 4, cpu: {cpu}, bytes: {bytes}}}}}"),
            "",
        )
    };
    let (cheap, dear) = (logs("5us", "500B"), logs("500us", "500B"));
    let added = value(&dear, "cores") - value(&none, "cores");
    // 100 visits a second at each instance, four lines of 0.5 ms.
    assert!((added - 0.2).abs() < 0.01, "{added}");
    assert!((figure(&dear, "agent_cores") - 0.4).abs() < 0.02, "{}", figure(&dear, "agent_cores"));
    assert!(value(&cheap, "cores") > value(&none, "cores") && value(&cheap, "cores") < value(&dear, "cores"));
    assert!(value(&dear, "mean") > value(&none, "mean") + 0.002, "{}", value(&dear, "mean"));
    let card = value(&logs("5us", "1KB"), "nic");
    assert!((card / (100.0 * 4.0 * 1000.0 * 8.0 / 10e6) - 1.0).abs() < 0.05, "{card}");
    assert_eq!(value(&none, "nic"), 0.0);
}

#[test]
fn metrics_are_read_again_and_again() {
    let metrics = |every: &str| {
        let said = format!(
            "watch: {{kind: telemetry, of: web, metrics: {{every: {every}, series: 1000, bytes: 2B, cpu: 10us}}}}"
        );
        watched("0%", &said, "")
    };
    let (often, seldom) = (metrics("1s"), metrics("10s"));
    assert_eq!(figure(&often, "metric_points_per_s"), 1000.0);
    assert_eq!(figure(&seldom, "metric_points_per_s"), 100.0);
    assert_eq!(figure(&often, "metric_bytes_per_day"), 2.0 * 1000.0 * 86_400.0);
    // 500 figures of 10 us each second at each instance.
    let added = value(&often, "cores") - value(&seldom, "cores");
    assert!((added - 0.9 * 0.005).abs() < 0.0005, "{added}");
}

#[test]
fn head_sampling_decides_for_all_spans_and_tail_sampling_in_hindsight() {
    let traces = |said: &str| watched("5%", &format!("watch: {{kind: telemetry, of: any, traces: {{{said}}}}}"), "");
    let head = traces("sample: 10%, cpu: 100us");
    let (spans, kept) = (figure(&head, "spans_per_s"), figure(&head, "spans_kept_per_s"));
    assert!((spans / 400.0 - 1.0).abs() < 0.03 && (kept / spans / 0.1 - 1.0).abs() < 0.15, "{spans} {kept}");
    let sent = |report: &Report| figure(report, "sent_bytes_per_s");
    assert!((sent(&head) / (kept * 500.0) - 1.0).abs() < 1e-6, "what is not sampled is not sent");
    let tail = traces("sample: 10%, how: tail, keep: [errors], cpu: 100us");
    let share = figure(&tail, "spans_kept_per_s") / figure(&tail, "spans_per_s");
    assert!((share / (0.1 + 0.9 * 0.05) - 1.0).abs() < 0.1, "{share}");
    assert!((sent(&tail) / (figure(&tail, "spans_per_s") * 500.0) - 1.0).abs() < 1e-6, "all are sent");
    assert!(figure(&tail, "agent_cores") > 8.0 * figure(&head, "agent_cores"));
    let slow = traces("sample: 0%, how: tail, keep: [slow], slow: 4ms");
    let share = figure(&slow, "spans_kept_per_s") / figure(&slow, "spans_per_s");
    assert!(0.003 < share && share < 0.9, "{share}");
    let slower = traces("sample: 0%, how: tail, keep: [slow], slow: 6ms");
    assert!(figure(&slower, "spans_kept_per_s") < figure(&slow, "spans_kept_per_s"));
}

#[test]
fn tiers_are_paid_by_what_lies_in_them() {
    let logs = "watch: {kind: telemetry, of: web, logs: {lines: 4, bytes: 500B}, price: $0.10/GB, retain: {hot: 7d, warm: 23d, cold: {for: 335d, price: $0.008/GB/month}}}";
    let report = watched("0%", logs, "");
    let gb_a_day = figure(&report, "log_bytes_per_day") / 1e9;
    for (what, expected) in [
        ("hot storage", gb_a_day * 7.0 * 0.050),
        ("warm storage", gb_a_day * 23.0 * 0.023),
        ("cold storage", gb_a_day * 335.0 * 0.008),
        ("bytes taken in", gb_a_day * 730.0 / 24.0 * 0.10),
    ] {
        assert!((line(&report, what) / expected - 1.0).abs() < 1e-3, "{what}: {} {expected}", line(&report, what));
    }
    assert!(!report.cost.unpriced.contains(&"watch".to_owned()));
}

#[test]
fn a_budget_burns_as_fast_as_failures_exceed_it() {
    let burning = |fails: &str| {
        let budget = "up: availability >= 99.9%\n  burn: budget_burn <= 1000000\n  worst: budget_burn over 20s <= 1000000\nalerts: {fast: budget_burn over 20s > 14.4}";
        watched(fails, "watch: {kind: telemetry, of: web, logs: {lines: 1}}", budget)
    };
    let (slow, fast) = (burning("0.5%"), burning("3%"));
    assert!((value(&slow, "burn") / 5.0 - 1.0).abs() < 0.3, "{}", value(&slow, "burn"));
    assert!((value(&fast, "burn") / 30.0 - 1.0).abs() < 0.15, "{}", value(&fast, "burn"));
    assert!(value(&fast, "worst") > value(&fast, "burn"));
    let of = |report: &Report| report.budgets[0].burn.expect("there were requests").mean;
    assert!((of(&fast) / value(&fast, "burn") - 1.0).abs() < 1e-9);
    assert!((fast.budgets[0].allowed - 0.001).abs() < 1e-12);
    assert_eq!((slow.alerts[0].fired_share, fast.alerts[0].fired_share), (0.0, 1.0));
}

/// The slowest are kept, and some of all: their mean latency is that of everybody.
#[test]
fn requests_at_random_are_kept_beside_the_slowest() {
    let report = watched("0%", "watch: {kind: telemetry, of: web, logs: {lines: 1}}", "");
    let of = |chosen: &str| -> Vec<f64> {
        report.exemplars.iter().filter(|seen| seen.chosen == chosen).map(|seen| seen.latency_s).collect()
    };
    let (slowest, random) = (of("slowest"), of("random"));
    assert_eq!((slowest.len(), random.len()), (10, 5));
    let least = slowest.iter().copied().reduce(f64::min).expect("there are ten");
    assert!(random.iter().filter(|latency| **latency < least).count() >= 4, "{random:?} {least}");
}
