//! Every row of `hpa_cases.json`: inputs and decisions of the Kubernetes horizontal pod autoscaler's own tests.

use plimsoll::policy::scale::hpa::{Hpa, Metric, Phase, Pod, Source, Target, of_one, of_pods};
use plimsoll::policy::scale::{Allowance, Behaviour, By, Pace, Rule, Scaler, Select, View, limit};
use plimsoll::units::{Span, Time};
use serde_json::Value;

const NOW: Time = Time(100_000_000_000_000);

fn rows() -> Vec<Value> {
    serde_json::from_str(include_str!("hpa_cases.json")).expect("the rows are JSON")
}

fn number(row: &Value, name: &str) -> u32 {
    row[name].as_u64().unwrap_or_else(|| panic!("{name} of {row}")) as u32
}

fn seconds(value: &Value) -> Span {
    Span::from_secs_f64(value.as_f64().expect("a number of seconds"))
}

fn metric(row: &Value) -> (Metric, Option<i64>) {
    let milli = |name: &str| row[name].as_i64();
    let target = || milli("target_milli").expect("a target");
    let (source, target) = match row["type"].as_str().expect("a type") {
        "cpu_utilization" => (Source::Cpu, Target::Utilisation(milli("target_percent").expect("a target"))),
        "pods_average" => (Source::Pods, Target::Average(target())),
        "object_average" | "external_average" => (Source::One, Target::Average(target())),
        "object_value" | "external_value" => (Source::One, Target::Value(target())),
        other => panic!("no metric {other}"),
    };
    (Metric { source, target }, milli("value_milli"))
}

fn pods(row: &Value) -> Vec<Pod> {
    let of = |pod: &Value| Pod {
        usage: pod["usage_milli"].as_i64(),
        request: pod["request_milli"].as_i64(),
        phase: match () {
            () if pod["failed"] == true || pod["terminating"] == true => Phase::Gone,
            () if pod["ready"] != true => Phase::Unready,
            () if pod["warming"] == true => Phase::Warming,
            () => Phase::Ready,
        },
    };
    row["pods"].as_array().map_or_else(Vec::new, |pods| pods.iter().map(of).collect())
}

fn view<'a>(row: &Value, pods: &'a [Vec<Pod>], values: &'a [f64]) -> View<'a> {
    let serving = row["pods"].as_array().map_or(0, |all| {
        all.iter().filter(|pod| pod["ready"] == true && pod["failed"] != true && pod["terminating"] != true).count()
    });
    let current = number(row, "current_replicas");
    View { now: NOW, clock_s: 0.0, current, ready: serving as u32, values, pods, ratio: 1.0 }
}

fn pace(row: &Value) -> Pace {
    let of = |policy: &Value| {
        let value = policy["value"].as_f64().expect("a value");
        let by = if policy["type"] == "Pods" { By::Count(value as u32) } else { By::Share(value / 100.0) };
        Allowance { by, per: seconds(&policy["period_s"]) }
    };
    Pace {
        allowances: row["policies"].as_array().expect("policies").iter().map(of).collect(),
        select: match row["select_policy"].as_str() {
            Some("Min") => Select::Min,
            Some("Disabled") => Select::Disabled,
            _ => Select::Max,
        },
        stable: Span(0),
        tolerance: 0.1,
    }
}

fn free(stable: Span, tolerance: f64) -> Pace {
    Pace { allowances: Vec::new(), select: Select::Max, stable, tolerance }
}

/// What a rule that always says the same comes to.
fn settle(behaviour: &Behaviour, current: u32, desired: u32, before: &[(Time, u32)]) -> u32 {
    // A target of one thousandth of what is measured asks for any number.
    let rule = Rule::Target(vec![1.0]);
    let mut scaler = Scaler::new(&rule, behaviour, &[]);
    for (at, count) in before {
        scaler.begin(*at, *count);
    }
    let values = [f64::from(desired) / f64::from(current)];
    let view = View { now: NOW, clock_s: 0.0, current, ready: current, values: &values, pods: &[], ratio: 1.0 };
    scaler.decide(&rule, &view).to
}

fn desired(row: &Value) -> Option<u32> {
    let (metric, value) = metric(&row["metric"]);
    let (pods, tolerance) = (pods(row), row["tolerance"].as_f64().expect("a tolerance"));
    let wanted = match value {
        Some(milli) => of_one(&metric, milli, &view(row, &[], &[]), (tolerance, tolerance)),
        None => of_pods(&metric, &pods, number(row, "current_replicas"), (tolerance, tolerance)).ok()?,
    };
    Some(wanted.0)
}

/// The whole loop without a `behavior`: the old limit of so many times as many, or so many, is one more policy.
fn reconcile(row: &Value) -> u32 {
    let (mut metrics, mut values, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for written in row["metrics"].as_array().expect("metrics") {
        let (metric, value) = metric(written);
        metrics.push(metric);
        match value {
            Some(milli) => values.push(milli as f64 / 1000.0),
            None => seen.push(pods(row)),
        }
    }
    let rule = Rule::Hpa(Hpa { metrics });
    let tolerance = row["tolerance"].as_f64().expect("a tolerance");
    let current = number(row, "current_replicas");
    let up = Pace { allowances: old_limit(row, current), ..free(Span(0), tolerance) };
    let down = free(seconds(&row["downscale_stabilization_s"]), tolerance);
    let behaviour = Behaviour { min: number(row, "min_replicas"), max: number(row, "max_replicas"), up, down };
    let mut scaler = Scaler::new(&rule, &behaviour, &[]);
    if row["seed_recommendation_with_current"] == true {
        scaler.begin(NOW, current);
    }
    for recent in row["recent_recommendations"].as_array().expect("a list") {
        scaler.begin(Time(NOW.0 - seconds(&recent["age_s"]).0), number(recent, "replicas"));
    }
    scaler.decide(&rule, &view(row, &seen, &values)).to
}

fn old_limit(row: &Value, current: u32) -> Vec<Allowance> {
    let factor = row["scale_up_limit"]["factor"].as_f64().unwrap_or(2.0);
    let least = row["scale_up_limit"]["minimum"].as_u64().unwrap_or(4) as u32;
    let per = Span(15_000_000_000);
    [By::Share(factor - 1.0), By::Count(least.saturating_sub(current))].map(|by| Allowance { by, per }).to_vec()
}

fn rate(row: &Value, up: Pace, down: Pace) -> u32 {
    let behaviour = Behaviour { min: number(row, "min_replicas"), max: number(row, "max_replicas"), up, down };
    settle(&behaviour, number(row, "current_replicas"), number(row, "desired_replicas"), &[])
}

fn stabilised(row: &Value) -> u32 {
    let behaviour = Behaviour {
        min: 0,
        max: 1000,
        up: free(seconds(&row["upscale_window_s"]), 0.0),
        down: free(seconds(&row["downscale_window_s"]), 0.0),
    };
    // The rows of the old rule know no current number: it stabilises the way down only.
    let current = row["current_replicas"].as_u64().map_or(1000, |current| current as u32);
    let of = |recent: &Value| (Time(NOW.0 - seconds(&recent["age_s"]).0), number(recent, "replicas"));
    let before: Vec<(Time, u32)> = row["recommendations"].as_array().expect("a list").iter().map(of).collect();
    settle(&behaviour, current, number(row, "desired_replicas"), &before)
}

fn of_direction(row: &Value) -> Option<u32> {
    let tolerance = |name: &str| row[name].as_f64().expect("a tolerance");
    let current = number(row, "current_replicas");
    let metric = Metric { source: Source::Pods, target: Target::Average(1000 * i64::from(number(row, "target"))) };
    let usage = Some(1000 * i64::from(number(row, "metric_value")));
    let pods = vec![Pod { usage, ..Pod::default() }; current as usize];
    of_pods(&metric, &pods, current, (tolerance("tolerance_up"), tolerance("tolerance_down"))).ok().map(|(to, _)| to)
}

fn got(row: &Value) -> Option<u32> {
    let nothing_happened = |_: Span| 0;
    match row["kind"].as_str().expect("a kind") {
        "desired_replicas" => desired(row),
        "reconcile" => Some(reconcile(row)),
        "behavior_rate" => Some(rate(row, pace(&row["scale_up"]), pace(&row["scale_down"]))),
        "behavior_limit" => {
            let up = row["direction"] == "up";
            Some(limit(&pace(&row["rules"]), number(row, "current_replicas"), nothing_happened, up))
        }
        "legacy_limit" => {
            let up = Pace { allowances: old_limit(row, number(row, "current_replicas")), ..free(Span(0), 0.0) };
            Some(rate(row, up, free(Span(0), 0.0)))
        }
        "stabilization" => Some(stabilised(row)),
        "tolerance_direction" => of_direction(row),
        other => panic!("no kind {other}"),
    }
}

#[test]
fn every_row_of_the_kubernetes_autoscaler() {
    let rows = rows();
    let mut wrong = Vec::new();
    for row in &rows {
        let expected = &row["expected"];
        let wanted = expected["replicas"].as_u64().or_else(|| expected["limit"].as_u64()).map(|count| count as u32);
        assert!(wanted.is_some() || expected["error"].is_string(), "{row}");
        let got = got(row);
        if got != wanted {
            wrong.push(format!("{}: {got:?}, not {wanted:?}", row["id"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    assert!(120 < rows.len());
}
