//! Stage 10: what is written down about ten thousand requests a second, what it costs, and who is called when.

use plimsoll::report::Report;

use super::{Stage, beside, claim, words};

const TEN: &str = "10-observability.yaml";

fn stage10() -> Stage {
    Stage::new(TEN).set("run.duration", "12s").set("run.warmup", "3s").set("run.replications", 1)
}

/// Long enough that chance moves a tenth of the requests by half a percent only.
fn longer() -> Stage {
    stage10().set("run.duration", "60s")
}

fn figure(report: &Report, name: &str) -> f64 {
    report.components["watch"].kind_specific.figures.get(name).map_or(0.0, |figure| figure.mean)
}

fn bill(report: &Report, what: &str) -> f64 {
    let lines = report.cost.lines.iter().filter(|line| line.component == "watch" && line.what == what);
    lines.map(|line| line.usd_per_month).sum()
}

#[test]
fn s10_volume() {
    let report = stage10().variant("everything").report();
    let offered = report.requests.offered_per_s.mean;
    let of_10k = 10_000.0 / offered;
    let lines = figure(&report, "log_lines_per_s") * 86_400.0 * of_10k;
    let bytes = figure(&report, "log_bytes_per_day") * of_10k;
    claim("s10-volume", "lines a day at 10K req/s, G", lines / 1e9, [2.6, 4.3]);
    claim("s10-volume", "log bytes a day at 10K req/s, TB", bytes / 1e12, [1.3, 2.2]);
}

#[test]
fn s10_sampling() {
    let all = bill(&longer().variant("everything").report(), "hot storage");
    let of_logs = |report: &Report| {
        let logs = figure(report, "log_bytes_per_day");
        logs / (logs + figure(report, "metric_bytes_per_day") + figure(report, "trace_bytes_per_day"))
    };
    let everything = longer().variant("everything").report();
    let whole = all * of_logs(&everything);
    for (share, range) in [(0.0, [9.0, 10.5]), (0.0055, [8.0, 10.0])] {
        // Failures of whole requests at the gateway; retries are off there, so a failure is one visit.
        let report = if share == 0.0 {
            longer().report()
        } else {
            let fault = format!("{{at: 0s, errors: gw, share: {}%, as: broken}}", 100.0 * share);
            longer().set("faults.broken", fault).report()
        };
        let kept = bill(&report, "hot storage") * of_logs(&report);
        let what = format!("log cost, all over sampled, at {:.2} % errors", 100.0 * share);
        claim("s10-sampling", &what, whole / kept, range);
    }
    let incident = longer().set("faults.broken", "{at: 0s, errors: gw, share: 50%, as: broken}").report();
    let kept = figure(&incident, "log_lines_kept_per_s") / figure(&incident, "log_lines_per_s");
    beside("s10-sampling", "lines that are kept while half of the requests fail", &format!("{:.0} %", 1e2 * kept));
}

#[test]
fn s10_tiers() {
    let report = stage10().report();
    let gb_a_day =
        ["log", "metric", "trace"].iter().map(|kind| figure(&report, &format!("{kind}_bytes_per_day"))).sum::<f64>()
            / 1e9;
    for (what, days, price) in
        [("hot storage", 7.0, 0.050), ("warm storage", 23.0, 0.023), ("cold storage", 335.0, 0.004)]
    {
        let expected = gb_a_day * days * price;
        let off = bill(&report, what) / expected;
        claim(
            "s10-tiers",
            &format!("{what}: ${:.2}/month over the arithmetic", bill(&report, what)),
            off,
            [0.999, 1.001],
        );
    }
    let tiered: f64 = ["hot storage", "warm storage", "cold storage"].iter().map(|what| bill(&report, what)).sum();
    let hot = bill(&stage10().variant("hot_only").report(), "hot storage");
    beside("s10-tiers", "a year on hot disks", &format!("{:.1} times the cost", hot / tiered));
}

#[test]
fn s10_red() {
    let report = stage10().report();
    let mut missing = Vec::new();
    for name in ["gw", "users", "posts", "social", "orders", "payments"] {
        let component = &report.components[name];
        let operations: Vec<_> =
            report.operations.iter().filter(|(operation, _)| operation.starts_with(&format!("{name}."))).collect();
        let has_durations = operations.iter().any(|(_, traffic)| {
            let latency = &traffic.latency.all;
            latency.p50.is_some() && latency.p95.is_some() && latency.p99.is_some()
        });
        let has_errors = operations.iter().all(|(_, traffic)| traffic.requests.error_ratio.is_some());
        let cores = component.utilisation.cores.as_ref().is_some_and(|cores| cores.p95.is_some());
        if component.arrivals_per_s.mean <= 0.0 || !has_durations || !has_errors || !cores {
            missing.push(name);
        }
    }
    words(
        "s10-red",
        ["components without rate, errors, durations or CPU", "none"],
        &format!("{missing:?}"),
        missing.is_empty(),
    );
}

#[test]
fn s10_trace() {
    let report = stage10().report();
    let slowest = report.exemplars.iter().filter(|seen| seen.chosen == "slowest");
    let mut told = Vec::new();
    let mut holds = true;
    for seen in slowest.take(3) {
        let mut spent: Vec<(&str, f64)> = Vec::new();
        for span in &seen.spans {
            let took = span.end_s - span.start_s;
            match spent.iter_mut().find(|(name, _)| *name == span.component) {
                Some((_, sum)) => *sum += took,
                None => spent.push((&span.component, took)),
            }
        }
        spent.sort_by(|a, b| b.1.total_cmp(&a.1));
        told.push(format!("{} {:.0} of {:.0} ms", spent[0].0, 1e3 * spent[0].1, 1e3 * seen.latency_s));
        holds &= spent[0].0 == "stripe";
    }
    words(
        "s10-trace",
        ["where the slowest requests spent their time", "a trace shows it"],
        &told.join(", "),
        holds && !told.is_empty(),
    );
    let random = report.exemplars.iter().filter(|seen| seen.chosen == "random").count();
    assert_eq!(random, 5, "and some at random beside them");
}

#[test]
fn s10_alerts() {
    let report = Stage::new(TEN)
        .variant("calls_out")
        .set("run.duration", "30m")
        .set("run.warmup", "60s")
        .set("run.replications", 1)
        .report();
    let first = |name: &str| -> Option<[f64; 2]> {
        report.alerts.iter().find(|alert| alert.name == name).expect("it is stated").fired.first().copied()
    };
    let at = |name: &str| first(name).map_or(f64::NAN, |[from, _]| from);
    // 8 % of a minute's requests pass 5 % after 38 s of it, at the next look; then it has to hold for 5 minutes.
    claim(
        "s10-alerts",
        "errors > 5 % for 5m rings at, s",
        at("errors_high"),
        [300.0 + 38.0 + 300.0, 300.0 + 68.0 + 300.0],
    );
    claim("s10-alerts", "p95 > 2 s for 10m rings at, s", at("slow"), [840.0 + 600.0, 840.0 + 60.0 + 15.0 + 600.0]);
    claim("s10-alerts", "errors > 50 % rings at, s", at("down"), [1680.0 + 30.0, 1680.0 + 60.0]);
    claim("s10-alerts", "fast burn rings at, s", at("fast_burn"), [300.0, 300.0 + 120.0]);
}
