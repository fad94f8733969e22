//! Stages 1 to 3: one server, a database of its own, a load balancer.

use super::{Stage, beside, claim, limit, mean, value, words};

const ONE: &str = "01-single-server.yaml";
const TWO: &str = "02-separate-database.yaml";
const THREE: &str = "03-load-balancer.yaml";

#[test]
fn s01_capacity() {
    let found = Stage::new(ONE).set("run.duration", "6m").capacity("fast", 10.0, 60.0);
    claim("s01-capacity", "requests/s within mean <= 200 ms", found, [10.0, 50.0]);
}

#[test]
fn s01_latency() {
    let stage = Stage::new(ONE).set("run.duration", "10m");
    let quiet = mean(&stage.clone().rate(10.0).report());
    beside("s01-latency", "mean latency at 10/s, s", &format!("{quiet:.4}"));
    claim("s01-latency", "mean latency at 40/s, s", mean(&stage.rate(40.0).report()), [0.05, 0.2]);
}

#[test]
fn s01_cost() {
    claim("s01-cost", "dollars a month", Stage::new(ONE).report().cost.usd_per_month, [80.0, 160.0]);
}

#[test]
fn s01_contention() {
    let (component, resource) = limit(&Stage::new(ONE).report());
    let is_shared = component == "box" && resource == "cores";
    words(
        "s01-contention",
        ["first bottleneck", "the cores they share"],
        &format!("{resource} of {component}"),
        is_shared,
    );
}

#[test]
fn s01_disk() {
    let report = Stage::new(ONE).variant("write_heavy").report();
    let writes = report.operations["db.append"].requests.throughput_per_s.mean;
    let (component, resource) = limit(&report);
    words(
        "s01-disk",
        ["bottleneck at 1000 writes/s", "the disk"],
        &format!("{resource} of {component}"),
        resource == "disk",
    );
    claim("s01-disk", "writes/s of the write-heavy variant", writes, [980.0, 1100.0]);
}

#[test]
fn s01_evolve() {
    let stage = Stage { sets: Vec::new(), ..Stage::new(ONE).variant("ramp") }.set("run.replications", 2);
    let report = stage.report();
    let mut fired: Vec<(f64, &str, f64)> = Vec::new();
    for trigger in &report.evolve_when {
        if let (Some(at), Some(offered)) = (trigger.fired_at_s, trigger.offered_per_s) {
            fired.push((at, &trigger.name, offered));
        }
    }
    fired.sort_by(|a, b| a.0.total_cmp(&b.0));
    let told: Vec<String> =
        fired.iter().map(|(at, name, offered)| format!("{name} after {at:.0} s at {offered:.1}/s")).collect();
    let is_first = fired.first().is_some_and(|(_, name, offered)| *name == "hot" && (30.0..50.0).contains(offered));
    words("s01-evolve", ["triggers on a ramp, in order", "the cores first"], &told.join(", "), is_first);
}

#[test]
fn s02_capacity() {
    let found = Stage::new(TWO).capacity("fast", 60.0, 260.0);
    claim("s02-capacity", "requests/s within mean <= 200 ms", found, [100.0, 200.0]);
}

#[test]
fn s02_cost() {
    claim("s02-cost", "dollars a month", Stage::new(TWO).report().cost.usd_per_month, [400.0, 600.0]);
}

#[test]
fn s02_network() {
    let stage = Stage::new(TWO).variant("ping").set("objectives.network", "latency p99 of web.ping <= 1ms");
    claim("s02-network", "there and back, p99, ms", value(&stage.report(), "network") * 1e3, [0.0, 1.0]);
}

#[test]
fn s02_pool() {
    let (component, resource) = limit(&Stage::new(TWO).variant("long_transactions").report());
    let is_pool = component == "db" && resource == "connections";
    words(
        "s02-pool",
        ["bottleneck when queries hold connections longer", "connections of the database"],
        &format!("{resource} of {component}"),
        is_pool,
    );
}

#[test]
fn s02_vertical() {
    let stage = Stage::new(TWO).variant("vertical").set("run.duration", "12s").set("run.warmup", "3s");
    let requests = stage.capacity("fast", 1500.0, 2600.0);
    let report = stage.rate(requests).report();
    let machine: f64 =
        report.cost.lines.iter().filter(|line| line.component == "db").map(|line| line.usd_per_month).sum();
    beside("s02-vertical", "dollars a month of the machine of 96 cores", &format!("{machine:.0}"));
    claim("s02-vertical", "queries/s of the database on 96 cores", requests * 5.0, [6000.0, 12_000.0]);
}

#[test]
fn s03_capacity() {
    let found = Stage::new(THREE).set("run.duration", "1m").capacity("fast", 300.0, 1300.0);
    claim("s03-capacity", "requests/s within mean <= 200 ms, 5 servers", found, [600.0, 1000.0]);
}

#[test]
fn s03_cost() {
    let report = Stage::new(THREE).set("run.duration", "40s").report();
    claim("s03-cost", "dollars a month", report.cost.usd_per_month, [1000.0, 2000.0]);
}

/// Most over least busy web server of the mixed fleet.
fn spread(variant: &'static str) -> f64 {
    let mut stage = Stage::new(THREE).variant(variant).set("run.duration", "1m");
    for part in 0..5 {
        stage = stage.read(&format!("u{part}"), &format!("utilisation of cores on web/{part}"));
    }
    let report = stage.report();
    let busy: Vec<f64> = (0..5).map(|part| value(&report, &format!("u{part}"))).collect();
    let most = busy.iter().copied().fold(f64::MIN, f64::max);
    most / busy.iter().copied().fold(f64::MAX, f64::min)
}

#[test]
fn s03_balance() {
    let [hash, robin, weighted, least] =
        ["mixed_ip_hash", "mixed_round_robin", "mixed_weighted", "mixed_least"].map(spread);
    let told =
        format!("ip_hash {hash:.2}, round_robin {robin:.2}, weighted {weighted:.2}, least_connections {least:.2}");
    words(
        "s03-balance",
        ["most / least busy", "ip_hash, round_robin, then the others"],
        &told,
        robin < hash && weighted < robin && least < robin,
    );
}

#[test]
fn s03_health() {
    let stage = Stage::new(THREE).variant("web_dies").set("run.duration", "8m").rate(100.0);
    let report = stage.report();
    claim("s03-health", "death to the last pick, s", value(&report, "removed"), [60.0, 95.0]);
}

#[test]
fn s03_dbbound() {
    let five = limit(&Stage::new(THREE).set("run.duration", "1m").report());
    let twenty = limit(&Stage::new(THREE).variant("twenty").set("run.duration", "1m").report());
    let told = format!("{} of {} with 5, {} of {} with 20", five.1, five.0, twenty.1, twenty.0);
    words(
        "s03-dbbound",
        ["bottleneck", "the database, behind 20 servers"],
        &told,
        five.0 == "web" && twenty == ("db".to_string(), "cores"),
    );
}
