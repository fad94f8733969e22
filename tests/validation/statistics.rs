//! Group 7: samplers, percentiles, intervals, and that the same seed gives the same bytes.

use std::fmt::Write as _;

use plimsoll::distribution::{Distribution, parse};
use plimsoll::measure::histogram::Histogram;
use plimsoll::measure::{interpolated, nearest_rank};
use plimsoll::model::Scope;
use plimsoll::popularity::Popular;
use plimsoll::probe::Outcome;
use plimsoll::random::{bits, occasion};
use plimsoll::report::json;
use plimsoll::theory::estimate::{kolmogorov_tail, ks_critical, ks_p_value, ks_statistic, mean_interval};
use plimsoll::theory::special::{bisect, student_quantile};
use plimsoll::units::Dimension;
use serde_json::Value;

use super::cases::{Case, Got};
use super::measured::{Lab, Seen, load, station, variance};
use super::queueing::{number, rows};

pub(crate) fn measure(case: &Case, lab: &Lab) -> Got {
    match case.id() {
        "s-tq" => student(case),
        "s-ci" => interval(case),
        "s-quantile" => percentiles(case),
        "s-hdr" => histogram(case),
        "s-ks" => kolmogorov(case),
        "s-dist" => distributions(case, lab),
        "s-poisson" => dispersion(case, lab),
        "s-zipf" => zipf(case, lab),
        "s-crn" => common_random_numbers(lab),
        _ => Got::default(),
    }
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn student(case: &Case) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let (df, p) = (number(&row["df"]), number(&row["p"]));
        got.put(format!("rows[{index}].t"), student_quantile(p, df));
    }
    got
}

fn interval(case: &Case) -> Got {
    let interval = mean_interval(&list(&case.parameters()["batch_means"]), 0.95);
    let mut got = Got::default();
    got.put("mean", interval.mean);
    got.put("std", interval.deviation);
    got.put("half_width", interval.half_width);
    got
}

type Definition = fn(&[f64], f64) -> Option<f64>;

fn percentiles(case: &Case) -> Got {
    let data = list(&case.parameters()["data"]);
    let mut got = Got::default();
    let definitions: [(&str, Definition); 2] = [("nearest_rank", nearest_rank), ("linear_type7", interpolated)];
    for (name, of) in definitions {
        for p in case.expected()[name].as_object().expect("percentiles").keys() {
            let share: f64 = p.parse::<f64>().expect("a percentile") / 100.0;
            got.put(format!("{name}.{p}"), of(&data, share).unwrap_or(f64::NAN));
        }
    }
    got
}

/// The simulator counts from the intended arrival, so it needs no correction; the values that one would add are the
/// latencies of the requests that would have come meanwhile.
fn histogram(case: &Case) -> Got {
    let mut got = Got::default();
    let micros = |us: f64| (us * 1000.0) as u64;
    let (long, interval) = (1e8, case.number("interval_us"));
    let mut times = Histogram::new();
    (0..10_000).for_each(|_| times.add(micros(1000.0)));
    times.add(micros(long));
    for name in ["raw", "corrected"] {
        if name == "corrected" {
            let missed = (1..).map(|n| long - interval * f64::from(n)).take_while(|us| interval <= *us);
            missed.for_each(|us| times.add(micros(us)));
        }
        got.put(format!("{name}.count"), times.count() as f64);
        got.put(format!("{name}.mean"), times.mean().unwrap_or(f64::NAN) * 1e6);
        for q in case.expected()[name]["q"].as_object().expect("quantiles").keys() {
            let share = q.parse().expect("a share");
            got.put(format!("{name}.q.{q}"), times.quantile_raw(share).unwrap_or(f64::NAN) * 1e6);
        }
    }
    got
}

fn kolmogorov(case: &Case) -> Got {
    let data = list(&case.parameters()["data"]);
    let d = ks_statistic(&data, |x| x);
    let limit = |alpha: f64| bisect(0.5, 3.0, |x| kolmogorov_tail(x) - alpha);
    let mut got = Got::default();
    got.put("D", d);
    got.put("p_value", ks_p_value(d, data.len()));
    got.put("c_05", limit(0.05));
    got.put("c_01", limit(0.01));
    got.put("D_crit_n10_05", ks_critical(0.05, 10));
    got.put("D_crit_n20_05", ks_critical(0.05, 20));
    got
}

/// How a scenario says it, in milliseconds.
fn said(name: &str) -> &'static str {
    match name {
        "exponential mean 100" => "exp(100ms)",
        "lognormal mean 100 cv 1" => "lognormal(mean=100ms cv=1)",
        "lognormal mean 100 cv 0.5" => "lognormal(mean=100ms cv=0.5)",
        "erlang k=4 mean 100" => "erlang(k=4 mean=100ms)",
        "gamma shape .5 mean 100" => "gamma(shape=0.5 mean=100ms)",
        "weibull shape .7 mean 100" => "weibull(shape=0.7 mean=100ms)",
        "weibull shape 2 mean 100" => "weibull(shape=2 mean=100ms)",
        "pareto shape 2.5 mean 100" => "pareto(min=60ms alpha=2.5)",
        "uniform 50..150" => "uniform(50ms 150ms)",
        "triangular 0,50,250" => "triangular(0ms 50ms 250ms)",
        "lognormal from p50=80, p99=400" => "lognormal(p50=80ms p99=400ms)",
        other => panic!("{other}"),
    }
}

/// A delay without a queue: latencies are what was drawn.
fn distributions(case: &Case, lab: &Lab) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let name = row["dist"].as_str().expect("a name");
        let distribution = said(name);
        let mut text =
            lab.run(if lab.is_short() { 4e6 } else { 2e6 }, 10.0) + &load(10.0, "poisson", "s.do") + "components:\n";
        text += &station("s", "none", "none", distribution);
        let latency = Seen::run(&text).report().latency.all;
        let path = |key: &str| format!("rows[{index}].{key}");
        for (key, value) in [("mean", latency.mean), ("p50", latency.p50), ("p95", latency.p95), ("p99", latency.p99)] {
            got.estimate(path(key), value, 1e-3);
        }
        // No tolerance is stated for these: they are those of the parsed distribution, not of a sample.
        let parsed = parse(distribution, Dimension::Time).expect("it is well written");
        got.put(path("std"), 1e3 * parsed.mean() * parsed.scv().sqrt());
        if let Distribution::Lognormal { mu, sigma } = parsed {
            got.put(path("mu"), mu + libm::log(1000.0));
            got.put(path("sigma"), sigma);
        }
    }
    got
}

/// Variance over mean of the arrivals in a second, in runs that are short enough for windows of one.
fn index_of_dispersion(rate: f64, arrivals: &str, lab: &Lab, replications: u32) -> f64 {
    let mut text = lab.lasting(1000.0, 0.0, replications) + &load(rate, arrivals, "s.do") + "components:\n";
    text += &station("s", "none", "none", "1us");
    let seen = Seen::run(&text);
    let windows = |record: &plimsoll::record::Record| {
        assert_eq!(record.series.window.secs(), 1.0);
        record.series.offered[..1000].iter().map(|n| f64::from(*n)).collect::<Vec<f64>>()
    };
    let counts: Vec<f64> = seen.evaluation().records.iter().flat_map(windows).collect();
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / (counts.len() - 1) as f64 / mean
}

fn dispersion(case: &Case, lab: &Lab) -> Got {
    let rate = case.number("rate");
    let constant = index_of_dispersion(rate, "constant", lab, 1);
    let bursty = index_of_dispersion(rate, "bursty(factor=5 on=5s off=20s)", lab, 1);
    assert!(constant < 0.01 && 2.0 < bursty, "constant {constant}, bursty {bursty}");
    let mut got = Got::default();
    // Ten thousand windows leave a standard error of 0.014.
    got.put("index_of_dispersion", index_of_dispersion(rate, "poisson", lab, if lab.is_short() { 10 } else { 30 }));
    got
}

fn zipf(case: &Case, lab: &Lab) -> Got {
    let popular = Popular::zipf(case.number("items") as u64, case.number("alpha"));
    let draws = if lab.is_short() { 1_000_000 } else { 10_000_000u64 };
    let mut counts = vec![0u64; popular.count() as usize];
    (0..draws).for_each(|n| counts[popular.rank(bits(3, occasion(n))) as usize] += 1);
    let mut got = Got::default();
    for (name, ranks) in [("p1", 1), ("top10", 10), ("top100", 100)] {
        got.put(name, counts[..ranks].iter().sum::<u64>() as f64 / draws as f64);
    }
    got
}

/// The same bytes from the same seed on any number of threads, others from another, and an unrelated neighbour changes
/// nothing.
fn common_random_numbers(lab: &Lab) -> Got {
    let text = |seed: u64, more: (&str, &str)| {
        let mut text = lab.lasting(60.0, 5.0, 3).replace("seed: 42", &format!("seed: {seed}"));
        let (loads, components) = more;
        write!(text, "load:\n  users: {{rate: 80/s, requests: {{s.do: 1}}, timeout: none}}\n{loads}components:\n")
            .expect("text");
        text + components + &station("s", "1", "none", "exp(10ms)")
    };
    let alone = Seen::run(&text(42, ("", "")));
    let again = Seen::run(&text(42, ("", "")));
    let other = Seen::run(&text(43, ("", "")));
    let neighbour = (
        "  others: {rate: 30/s, requests: {a.do: 1}, timeout: none}\n",
        "  a: {kind: service, workers: 2, operations: {do: [{wait: exp(20ms)}]}}\n",
    );
    let beside = Seen::run(&text(42, neighbour));
    let bytes = |seen: &Seen| json::render(seen.report());
    let users = |seen: &Seen| {
        let own = &seen.report().loads["users"];
        format!("{own:?} {:?}", seen.component("s").wait)
    };
    let spread = alone.each(|stretch| variance(&stretch.latency(Scope::All, Outcome::All)));
    assert!(spread.is_some_and(|spread| 0.0 < spread.mean), "draws vary");
    let identical = bytes(&alone) == bytes(&again) && bytes(&alone) != bytes(&other) && users(&alone) == users(&beside);
    let mut got = Got::default();
    got.put_text("identical", identical.to_string());
    got
}
