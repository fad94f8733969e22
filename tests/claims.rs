//! What the sources of the stages claim, shown (or refuted) by simulation.
//!
//! Each test is named after its claim, reads the figure out of a report of the stage's scenario, and prints it beside the
//! range the source gives: `cargo test claims -- --nocapture` is the table. Runs are shorter than those of the scenarios;
//! a claim is a range wide enough for that.

use std::path::Path;

use plimsoll::analysis::{self, Plan, Progress};
use plimsoll::diagnostic::{Diagnostics, Sources, render_concise};
use plimsoll::model::compile::compile;
use plimsoll::report::{Objective, Report};
use plimsoll::scenario::root::{Given, load};

/// Replications at a time; results do not depend on it.
const JOBS: usize = 2;

/// A stage with what is changed in it.
#[derive(Clone)]
struct Stage {
    file: &'static str,
    variant: Option<&'static str>,
    sets: Vec<String>,
}

impl Stage {
    fn new(file: &'static str) -> Self {
        let sets = Vec::new();
        Stage { file, variant: None, sets }
            .set("run.duration", "3m")
            .set("run.replications", 2)
            .set("run.warmup", "20s")
    }

    fn variant(self, variant: &'static str) -> Self {
        Stage { variant: Some(variant), ..self }
    }

    fn set(mut self, path: &str, value: impl std::fmt::Display) -> Self {
        self.sets.push(format!("{path}={value}"));
        self
    }

    fn rate(self, per_second: f64) -> Self {
        self.set("load.visitors.rate", format!("{per_second}/s"))
    }

    /// An objective that holds whatever happens, to read a share.
    fn read(self, name: &str, measure: &str) -> Self {
        self.set(&format!("objectives.{name}"), format!("{measure} >= 0%"))
    }

    fn report(&self) -> Report {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(self.file);
        let path = path.to_str().expect("a path of ASCII");
        let (mut sources, mut found) = (Sources::default(), Diagnostics::new());
        let open = |path: &Path| std::fs::read_to_string(path);
        let given = Given { path, read: &open, sets: &self.sets, variant: self.variant };
        let scenario = load(&given, &mut sources, &mut found).map(|(scenario, _)| scenario);
        let model = scenario.as_ref().and_then(|scenario| compile(scenario, &mut found));
        let (Some(scenario), Some(model)) = (scenario, model) else { panic!("{}", render_concise(&found, &sources)) };
        let plan = Plan::new(&model, &scenario, JOBS);
        analysis::evaluate(&model, &scenario, &plan, &Progress::default()).report
    }

    /// The highest rate of visitors at which the objective's value keeps to its limit, by bisection; `low` must hold.
    fn capacity(&self, objective: &str, low: f64, high: f64) -> f64 {
        let (mut low, mut high) = (low, high);
        while 1.03 < high / low {
            let middle = f64::midpoint(low, high);
            let report = self.clone().rate(middle).report();
            let judged = objective_of(&report, objective);
            let holds =
                report.run.stable && judged.value.is_some_and(|value| value <= judged.limit.expect("it has a limit"));
            (low, high) = if holds { (middle, high) } else { (low, middle) };
        }
        low
    }
}

fn objective_of<'a>(report: &'a Report, name: &str) -> &'a Objective {
    report.objectives.iter().find(|objective| objective.name == name).unwrap_or_else(|| panic!("no objective `{name}`"))
}

fn value(report: &Report, name: &str) -> f64 {
    let objective = objective_of(report, name);
    objective.value.unwrap_or_else(|| panic!("`{name}` has no value: {:?}", objective.note))
}

fn mean(report: &Report) -> f64 {
    report.latency.all.mean.expect("a stable system has a mean").mean
}

/// Component and resource of the bottleneck.
fn limit(report: &Report) -> (String, &'static str) {
    let bottleneck = report.bottleneck.as_ref().expect("something is the bottleneck");
    (bottleneck.component.clone(), bottleneck.resource)
}

/// Prints a claim with what was found, and holds it to its range.
fn claim(id: &str, what: &str, found: f64, range: [f64; 2]) {
    let verdict = if (range[0]..=range[1]).contains(&found) { "shown" } else { "REFUTED" };
    println!("{id:<16} {verdict:<8} {what}: {found:.4} in {} .. {}", range[0], range[1]);
    assert_eq!(verdict, "shown", "{id}: {what} is {found}, claimed {range:?}");
}

/// The same for a claim in words.
fn words(id: &str, what: &str, found: &str, holds: bool) {
    println!("{id:<16} {:<8} {what}: {found}", if holds { "shown" } else { "REFUTED" });
    assert!(holds, "{id}: {what}: {found}");
}

const ONE: &str = "01-single-server.yaml";
const TWO: &str = "02-separate-database.yaml";
const THREE: &str = "03-load-balancer.yaml";
const FOUR: &str = "04-read-replicas.yaml";

#[test]
fn s01_capacity() {
    let found = Stage::new(ONE).set("run.duration", "6m").capacity("fast", 10.0, 60.0);
    claim("s01-capacity", "requests/s within mean <= 200 ms", found, [10.0, 50.0]);
}

#[test]
fn s01_latency() {
    let stage = Stage::new(ONE).set("run.duration", "10m");
    let quiet = mean(&stage.clone().rate(10.0).report());
    println!("{:<16} {:<8} mean latency at 10/s: {quiet:.4} s", "s01-latency", "beside");
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
    words("s01-contention", "first bottleneck", &format!("{resource} of {component}"), is_shared);
}

#[test]
fn s01_disk() {
    let report = Stage::new(ONE).variant("write_heavy").report();
    let writes = report.operations["db.append"].requests.throughput_per_s.mean;
    let (component, resource) = limit(&report);
    words(
        "s01-disk",
        &format!("bottleneck at {writes:.0} writes/s"),
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
    words("s01-evolve", "triggers on a ramp, in order", &told.join(", "), is_first);
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
        "bottleneck when queries hold connections longer",
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
    println!("{:<16} {:<8} cost of the machine of 96 cores: ${machine:.0}/month", "s02-vertical", "beside");
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
    words("s03-balance", "most / least busy", &told, robin < hash && weighted < robin && least < robin);
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
    words("s03-dbbound", "bottleneck", &told, five.0 == "web" && twenty == ("db".to_string(), "cores"));
}

/// Stage 4 for half a minute.
fn four() -> Stage {
    Stage::new(FOUR).set("run.duration", "40s").set("run.warmup", "10s")
}

/// What the database says of itself.
fn of_db(report: &Report, name: &str) -> f64 {
    report.components["db"].kind_specific[name].mean
}

#[test]
fn s04_lag() {
    let report = four().report();
    for name in ["lag_p50", "lag_p99"] {
        claim("s04-lag", &format!("{name}, s"), of_db(&report, name), [0.1, 1.0]);
    }
}

#[test]
fn s04_stale() {
    let loose = of_db(&four().report(), "stale_reads");
    let own = of_db(&four().variant("own_writes").report(), "violations");
    words(
        "s04-stale",
        "stale without, violations with own_writes",
        &format!("{loose:.4}, {own}"),
        0.0 < loose && own == 0.0,
    );
}

#[test]
fn s04_failover() {
    let stage = Stage::new(FOUR).variant("primary_dies").set("run.duration", "8m").set("run.replications", 4);
    let report = stage.rate(80.0).report();
    claim("s04-failover", "mean write outage after the death, s", value(&report, "back"), [120.0, 210.0]);
}

#[test]
fn s04_cost() {
    claim("s04-cost", "dollars a month", four().report().cost.usd_per_month, [2000.0, 4000.0]);
}

/// Median of a write, and acknowledged writes that died with the primary.
fn mode(mode: &str, every: &str) -> (f64, f64) {
    let replicas = "components.db.replicas";
    let stage = four().variant("primary_dies").set("run.duration", "2m").set("faults.dies.at", "40s");
    let stage = stage.set(&format!("{replicas}.mode"), mode).set(&format!("{replicas}.ship.every"), every);
    let stage = stage.set("components.db.failover.promote", "10s").set("components.db.failover.health.interval", "5s");
    let report = stage.set("run.replications", 4).rate(400.0).report();
    let median = report.operations["db.write"].latency.ok.p50.expect("there are writes").mean;
    (median, of_db(&report, "lost_writes"))
}

#[test]
fn s04_semisync() {
    let [fast, semi, sync] =
        [("async", "200ms"), ("semi_sync(1)", "0s"), ("sync", "0s")].map(|(m, every)| mode(m, every));
    let told = format!(
        "async {:.4} s and {} lost, semi_sync {:.4} and {}, sync {:.4} and {}",
        fast.0, fast.1, semi.0, semi.1, sync.0, sync.1
    );
    let holds = fast.0 < semi.0 && semi.0 < sync.0 && 0.0 < fast.1 && semi.1 == 0.0 && sync.1 == 0.0;
    words("s04-semisync", "median of a write, lost writes", &told, holds);
}

/// Reads a second at which the cores of the replicas would be full, by what they do at this load; the writes that each of
/// them repeats, 0.4 ms on one of 8 cores, are the same for any number.
fn reads(replicas: u32) -> f64 {
    let stage = four().rate(1000.0).set("components.db.replicas.count", replicas).set("run.duration", "30s");
    let report = stage.read("busy", "utilisation of cores on db/replica-0").report();
    let rate = |operation: &str| report.operations[operation].requests.throughput_per_s.mean;
    let repeated = rate("db.write") * 0.0004 / 8.0;
    rate("db.read") / (value(&report, "busy") - repeated) * (1.0 - repeated)
}

#[test]
fn s04_reads() {
    claim("s04-reads", "reads a second of two replicas", reads(2), [10_000.0, 50_000.0]);
}

#[test]
fn s04_linear() {
    let [one, two, four] = [1, 2, 4].map(reads);
    let told = format!("{one:.0}, {two:.0}, {four:.0} reads/s with 1, 2, 4 replicas");
    let linear = |many: f64, times: f64| (many / one / times - 1.0).abs() < 0.1;
    words("s04-linear", "read capacity", &told, linear(two, 2.0) && linear(four, 4.0));
}
