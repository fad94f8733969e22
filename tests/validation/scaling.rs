//! Group 4: autoscalers. The rules of others against the modules that own ours, and a backlog through a scenario.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::policy::scale::concurrency::Concurrency;
use plimsoll::policy::scale::{Behaviour, Pace, Rule, Scaler, Select, View};
use plimsoll::units::{Span, Time};
use serde_json::Value;

use super::cases::{Case, Got};
use crate::support::compiled;

pub(crate) fn measure(case: &Case) -> Got {
    match case.id() {
        "as-kpa" => knative(case),
        "as-keda-kafka" => lag(case),
        "as-aws-tt" => tracking(case),
        _ => provisioning(case),
    }
}

fn pace(stable: Span, tolerance: f64) -> Pace {
    Pace { allowances: Vec::new(), select: Select::Max, stable, tolerance }
}

fn seconds(value: &Value) -> Span {
    Span::from_secs_f64(value.as_f64().expect("seconds"))
}

fn rows(case: &Case) -> Vec<Value> {
    case.expected()["rows"].as_array().expect("rows").clone()
}

fn knative(case: &Case) -> Got {
    let mut got = Got::default();
    for (number, row) in rows(case).iter().enumerate() {
        let config = |name: &str| row["config"][name].as_f64().expect("a setting");
        let rule = Rule::Concurrency(Concurrency {
            target: config("target"),
            panic: config("panic_threshold"),
            stable_window: seconds(&row["config"]["stable_window_s"]),
            up_rate: config("max_scale_up_rate"),
            down_rate: config("max_scale_down_rate"),
        });
        let down = pace(seconds(&row["config"]["scale_down_delay_s"]), 0.0);
        let behaviour = Behaviour { min: 0, max: 10_000, up: pace(Span(0), 0.0), down };
        let mut scaler = Scaler::new(&rule, &behaviour, &[]);
        let mut current = 0;
        for (step, look) in row["steps"].as_array().expect("steps").iter().enumerate() {
            let of = |name: &str| look[name].as_f64().expect("a figure");
            let values = [of("stable"), of("panic")];
            let now = Time(seconds(&look["t_s"]).0);
            let view =
                View { now, clock_s: 0.0, current, ready: of("ready") as u32, values: &values, pods: &[], ratio: 1.0 };
            current = scaler.decide(&rule, &view).to;
            got.put(format!("rows[{number}].steps[{step}].want"), f64::from(current));
        }
    }
    got
}

/// As many consumers as the lag needs, each with so much of it; no more than there are partitions.
fn lag(case: &Case) -> Got {
    let mut got = Got::default();
    for (number, row) in rows(case).iter().enumerate() {
        let of = |name: &str| row[name].as_f64().expect("a figure");
        let rule = Rule::Target(vec![of("threshold")]);
        let max = of("partitions") as u32;
        let behaviour = Behaviour { min: 0, max, up: pace(Span(0), 0.0), down: pace(Span(0), 0.0) };
        let mut scaler = Scaler::new(&rule, &behaviour, &[]);
        // One consumer sees all of the lag.
        let values = [of("lag")];
        let view = View { now: Time(0), clock_s: 0.0, current: 1, ready: 1, values: &values, pods: &[], ratio: 1.0 };
        got.put(format!("rows[{number}].want"), f64::from(scaler.decide(&rule, &view).to));
    }
    got
}

/// Above the target at once, below it from a tenth on.
fn tracking(case: &Case) -> Got {
    let mut got = Got::default();
    for (number, row) in rows(case).iter().enumerate() {
        let of = |name: &str| row[name].as_f64().expect("a figure");
        let rule = Rule::Target(vec![of("target")]);
        let low = 1.0 - case.number("alarm_low_factor");
        let behaviour = Behaviour { min: 1, max: 1000, up: pace(Span(0), 0.0), down: pace(Span(0), low) };
        let mut scaler = Scaler::new(&rule, &behaviour, &[]);
        let (capacity, values) = (of("capacity") as u32, [of("metric")]);
        let view = View {
            now: Time(0),
            clock_s: 0.0,
            current: capacity,
            ready: capacity,
            values: &values,
            pods: &[],
            ratio: 1.0,
        };
        got.put(format!("rows[{number}].want"), f64::from(scaler.decide(&rule, &view).to));
    }
    got
}

/// A load of 100/s comes to an instance that does 20/s; nine more are ordered at once and need 90 s to boot.
fn provisioning(case: &Case) -> Got {
    let (before, offered) = (case.number("capacity_before"), case.number("offered"));
    let (delay, after) = (case.number("delay_s"), case.number("capacity_after"));
    // What one look orders takes 15 s; so the load begins when the order is made.
    let text = format!(
        "
plimsoll: 1
title: provisioning
run: {{start: Mon 00:00, duration: {}s, warmup: none, replications: 1, seed: 1}}
load: {{users: {{rate: {offered}/s, arrivals: constant, timeout: none, steps: {{0s: 0, 15s: 1}},
  retry: {{attempts: unlimited, backoff: constant(1s), jitter: full, on: [queue_full]}}, requests: {{web.go: 1}}}}}}
components:
  # Whoever finds nobody free comes again within a second: as good as one queue in front of all.
  web:
    kind: service
    workers: 1
    balance: join_idle
    queue: {{limit: 0}}
    boot: {delay}s
    instances: 1
    autoscale: {{min: 1, max: {}, every: 15s, schedule: {{00:00: {}}}}}
    operations: {{go: [{{wait: {}ms}}]}}
",
        15.0 + delay + 120.0,
        (after / before) as u32,
        (after / before) as u32,
        1000.0 / before,
    );
    let (scenario, model) = compiled(&text);
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default());
    let record = &report.records[0];
    let mut got = Got::default();
    let in_flight = &record.series.in_flight;
    let window = record.series.window.secs();
    let at = |seconds: f64| f64::from(in_flight[(seconds / window) as usize - 1]);
    got.put("backlog", at(15.0 + delay));
    let drained = in_flight
        .iter()
        .enumerate()
        .position(|(n, count)| 15.0 + delay < n as f64 * window && f64::from(*count) < 0.01 * at(15.0 + delay));
    got.put("drain_s", drained.map_or(f64::NAN, |n| n as f64 * window - 15.0 - delay));
    got
}
