//! Stage 6: static files from the edge.

use plimsoll::report::Report;

use super::{Stage, beside, claim, value, words};

const SIX: &str = "06-cdn.yaml";

/// The stage with its files only.
fn files() -> Stage {
    let stage = Stage::new(SIX).set("run.duration", "30s").set("run.warmup", "5s").set("run.replications", 1);
    stage.set("load.visitors", "null").set("load.phones", "null")
}

/// Median time of a file in two far regions.
fn far(stage: Stage) -> [f64; 2] {
    let ask = |region: &str| format!("latency p50 of browser.get from {region} <= 10s");
    let stage = stage.set("objectives.far", ask("eu-west-1")).set("objectives.farther", ask("ap-southeast-1"));
    let report = stage.report();
    ["far", "farther"].map(|name| value(&report, name))
}

fn hits(report: &Report, component: &str) -> f64 {
    report.components[component].kind_specific.figures["hit_ratio"].mean
}

/// Gigabytes and dollars a month for what a component sends.
fn sent(report: &Report, component: &str) -> (f64, f64) {
    let lines = report.cost.lines.iter().filter(|line| line.component == component);
    lines.fold((0.0, 0.0), |(bytes, dollars), line| (bytes + line.quantity, dollars + line.usd_per_month))
}

#[test]
fn s06_hit() {
    claim("s06-hit", "hit ratio of the edge", hits(&files().report(), "cdn"), [0.85, 0.97]);
}

#[test]
fn s06_latency() {
    let (with, without) = (far(files()), far(files().variant("no_cdn")));
    let [near, farther] = [0, 1].map(|region| without[region] / with[region]);
    claim("s06-latency", "p50 from Europe without / with a CDN", near, [4.0, 10.0]);
    // The source's 200 ms lie between the two regions, 73 and 220 ms from the origin.
    words(
        "s06-latency",
        ["the same from Singapore", "more than from Europe"],
        &format!("{farther:.1} times"),
        near < farther,
    );
}

#[test]
fn s06_offload() {
    let share = |report: &Report| 1.0 - sent(report, "files").0 / sent(report, "cdn").0;
    let [shield, alone] = [files(), files().variant("no_shield")].map(|stage| share(&stage.report()));
    claim("s06-offload", "share of bytes from the edge, each place for itself", alone, [0.70, 0.97]);
    words(
        "s06-offload",
        ["the same behind a shield", "more than each for itself"],
        &format!("{shield:.3}"),
        alone < shield,
    );
}

/// Dollars a month at so many terabytes a month: without a CDN, with one at a flat price (places for themselves, and with
/// a shield), and with volume tiers. The edges are as warm as 2,000 requests a second make them in 20 minutes.
fn bills(terabytes: f64) -> [f64; 4] {
    let to_users = sent(&files().variant("no_cdn").report(), "files").0;
    let part = terabytes * 1e3 / to_users;
    let stage = || {
        let stage = files().set("load.assets.rate", format!("{}/s", 2000.0 * part));
        let stage = stage.set("run.prefill", format!("{}s", 1200.0 / part));
        stage.set("run.duration", format!("{}s", 10.0 + 30.0 / part))
    };
    let of = |report: &Report| ["cdn", "files"].map(|name| sent(report, name).1).iter().sum::<f64>();
    let flat = || stage().set("prices.cdn.out", "[{price: $0.085/GB}]");
    [stage().variant("no_cdn"), flat().variant("no_shield"), flat(), stage()].map(|stage| of(&stage.report()))
}

#[test]
fn s06_cost() {
    let [without, _, with, _] = bills(10.0);
    claim("s06-cost", "10 TB a month without a CDN, $", without, [850.0, 950.0]);
    claim("s06-cost", "10 TB a month with one, $", with, [890.0, 990.0]);
    let [without, flat, shield, tiers] = bills(100.0);
    beside("s06-cost", "100 TB a month at a flat price behind a shield", &format!("${shield:.0}"));
    let told = format!("without ${without:.0}, flat price ${flat:.0}, volume tiers ${tiers:.0}");
    words(
        "s06-cost",
        ["100 TB a month", "cheaper with a CDN, by volume tiers"],
        &told,
        without < flat && tiers < without,
    );
}

#[test]
fn s06_tiers() {
    let report = files().report();
    let [browser, edge] = ["browser", "cdn"].map(|name| hits(&report, name));
    let (by_edge, by_origin) = ((1.0 - browser) * edge, (1.0 - browser) * (1.0 - edge));
    let told = format!("browser {browser:.3}, edge {by_edge:.3}, origin {by_origin:.3}");
    words(
        "s06-tiers",
        ["share of requests answered by each tier", "all of them add up"],
        &told,
        (browser + by_edge + by_origin - 1.0).abs() < 1e-9,
    );
}
