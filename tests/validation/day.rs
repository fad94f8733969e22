//! The same day of traffic under every way to decide how many servers there are.

use std::fmt::Write as _;

use super::table;
use crate::claims::Stage;

/// One row: violations, what was paid, and how often it changed.
fn row(title: &str, variant: Option<&'static str>) -> String {
    let stage = Stage::new("11-autoscaling.yaml")
        .set("run.start", "'Mon 00:00'")
        .set("run.duration", "24h")
        .set("run.warmup", "none")
        .set("run.replications", 1)
        .set("objectives", "null")
        .set("alerts", "null");
    let stage = if let Some(variant) = variant { stage.variant(variant) } else { stage };
    let done = stage.evaluated();
    let report = &done.report;
    let series = &done.records[0].series;
    let window = series.window.secs();
    let bad = (0..series.ok.len()).filter(|&at| 1.0 < series.p99_s[at] || 0 < series.failed[at]).count();
    let web = &report.components["web"];
    // A fleet that never changes has no such figures.
    let figure = |name: &str, unit: f64| {
        let found = web.kind_specific.figures.get(name);
        found.map_or("—".to_owned(), |estimate| format!("{:.1}", unit * estimate.mean))
    };
    let errors = report.requests.error_ratio.map_or(0.0, |ratio| 100.0 * ratio.mean);
    let p99 = report.latency.all.p99.map_or(f64::NAN, |p99| p99.mean);
    format!(
        "| {title} | {errors:.3} % | {:.0} min | {p99:.2} s | {:.0} | {:.0} | {} | {} | {} |",
        bad as f64 * window / 60.0,
        24.0 * web.instances.mean,
        report.cost.usd_per_month,
        figure("scale_changes_per_h", 1.0),
        figure("under_provisioned", 100.0),
        figure("over_provisioned", 100.0),
    )
}

#[test]
#[ignore = "minutes: writes a section of docs/validation.md"]
fn one_day() {
    let ways = [
        ("static, for the evening", Some("static")),
        ("target", None),
        ("hpa", Some("hpa")),
        ("score", Some("score")),
        ("predictive", Some("predictive")),
        ("scheduled", Some("scheduled")),
        ("hasty", Some("hasty")),
    ];
    let mut text = String::from(
        "Stage 11 (`scenarios/11-autoscaling.yaml`) from Monday 00:00 to 24:00, the same arrivals for all, simulated at 1/8.\n\
         A minute counts as bad for each of its windows in which a request failed or one in a hundred took longer than a second.\n\
         Dollars are those of the web servers, the database and the balancer in a month of such days; too few and too many are\n\
         instance-hours over those that the arrivals needed.\n\n\
         | servers by | failed | bad time | p99 | instance-hours | $ a month | changes/h | too few, % | too many, % |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (title, variant) in ways {
        let row = row(title, variant);
        println!("{row}");
        writeln!(text, "{row}").expect("text");
    }
    table::write_day(&text);
}
