//! Stage 9 and the patterns and pitfalls of services: calls between them, and what guards the calls.

use plimsoll::report::Report;

use super::{Stage, beside, claim, mean, objective_of, refuted, value, words};

const NINE: &str = "09-microservices.yaml";
const STATELESS: &str = "patterns/stateless-service.yaml";
const BREAKER: &str = "patterns/circuit-breaker.yaml";
const MESH: &str = "patterns/service-mesh.yaml";
const STORM: &str = "pitfalls/retry-storm.yaml";

/// The stage for so many seconds, once.
fn nine(seconds: u32) -> Stage {
    Stage::new(NINE).set("run.duration", format!("{seconds}s")).set("run.warmup", "4s").set("run.replications", 1)
}

/// What an objective `... >= 90% of before` found, as a share of before.
fn of_before(report: &Report, name: &str) -> f64 {
    value(report, name) / objective_of(report, name).limit.expect("it compares with before") * 0.9
}

fn figure(report: &Report, component: &str, name: &str) -> f64 {
    report.components[component].kind_specific.figures[name].mean
}

fn availability(report: &Report) -> f64 {
    report.requests.availability.expect("somebody asked").mean
}

#[test]
fn s09_uptime() {
    let report = nine(104).variant("chain").report();
    claim("s09-uptime", "availability of three of 99.9 % in a row", availability(&report), [0.9965, 0.9975]);
}

#[test]
fn s09_overhead_and_cost() {
    let (services, monolith) = (nine(24).report(), nine(24).variant("monolith").report());
    for (what, report) in [("services", &services), ("monolith", &monolith)] {
        let room = value(report, "room");
        beside("s09-cost", &format!("busiest cores of the {what}"), &format!("{room:.2}"));
        assert!(value(report, "fast") < 0.15, "{what} keep to the objective");
        assert!(room < 0.61, "{what} are sized by one rule: {room}");
    }
    claim("s09-overhead", "seconds more than in one process", mean(&services) - mean(&monolith), [0.010, 0.050]);
    let ratio = services.cost.usd_per_month / monolith.cost.usd_per_month;
    claim("s09-cost", "cost over the monolith's", ratio, [1.15, 1.35]);
}

#[test]
fn s09_breaker() {
    let pages = |variant: &'static str| {
        let stage = nine(50).variant(variant).set("run.replications", 2).set("let.pages", 300).set("let.buys", 100);
        let stage = stage.set("components.gw.instances", 2);
        of_before(&stage.set("faults.hangs.at", "12s").set("faults.hangs.for", "30s").report(), "pages")
    };
    let (guarded, bare) = (pages("payments_hang"), pages("unguarded"));
    let told = format!("{guarded:.2} of normal with timeout and breaker, {bare:.2} without");
    words(
        "s09-breaker",
        ["pages while payments hang", "a breaker isolates the fault"],
        &told,
        0.9 <= guarded && bare < 0.5,
    );
    let stage = nine(60).variant("bad_instance").set("components.gw.instances", 1).set("let.pages", 300);
    let report = stage.set("faults.bad.at", "10s").set("faults.bad.for", "29s").report();
    claim("s09-breaker", "requests to a bad instance in 29 s", 29.0 * value(&report, "asked"), [5.0, 6.0]);
    claim("s09-breaker", "times it was left out", figure(&report, "users", "ejections"), [1.0, 1.0]);
    let out = figure(&report, "users", "ejected_instances") * (report.measured.to_s - report.measured.from_s);
    claim("s09-breaker", "seconds it was left out", out, [29.99, 30.01]);
}

#[test]
fn s09_gateway() {
    let admitted = |variant: &'static str, seconds: u32| {
        let stage = nine(seconds).variant(variant).set("run.warmup", "none").set("let.pages", 50).set("let.buys", 5);
        let report = stage.report();
        let load = &report.loads["abuser"].requests;
        (load.goodput_per_s.mean * f64::from(seconds), value(&report, "up"))
    };
    let (window, others) = admitted("abuser", 120);
    claim("s09-gateway", "admitted of an abuser in two minutes", window, [1995.0, 2000.5]);
    claim("s09-gateway", "availability of the others meanwhile", others, [0.999, 1.0]);
    let (bucket, _) = admitted("abuser_bucket", 60);
    claim("s09-gateway", "admitted in the first minute before a bucket", bucket, [1990.0, 2000.5]);
}

#[test]
fn s09_canary() {
    let report = nine(104).set("let.pages", 10).report();
    let [old, new] = ["orders", "orders_v2"].map(|name| report.components[name].arrivals_per_s.mean);
    claim("s09-canary", "share of the new version", new / (old + new), [0.09, 0.11]);
    let stage = nine(50).variant("payments_hang").set("let.pages", 50).set("let.buys", 20);
    let hangs = stage.set("faults.hangs.at", "10s").set("faults.hangs.for", "30s").report();
    let longest = hangs.latency.all.max.expect("somebody asked");
    claim("s09-canary", "longest request while payments hang, s", longest, [2.0, 10.0]);
}

#[test]
fn p_stateless() {
    let brief = || Stage::new(STATELESS).set("run.duration", "20s").set("run.warmup", "5s").set("run.replications", 1);
    let capacity = |servers: u32| {
        let stage =
            brief().set("components.web.instances", servers).set("faults.dies", "null").set("objectives", "null");
        let stage = stage.set("load.members.timeout", "none").set("components.sessions.instances", 4);
        stage.set("load.members.rate", format!("{}/s", 1000 * servers)).report().requests.throughput_per_s.mean
    };
    let two = capacity(2);
    for servers in [4, 8] {
        let times = capacity(servers) / two;
        claim(
            "p-stateless",
            &format!("{servers} servers over 2"),
            times,
            [0.45 * f64::from(servers), 0.55 * f64::from(servers)],
        );
    }
    let logins = |stage: Stage| {
        let stage = stage.set("run.duration", "60s").set("faults.dies.at", "20s").set("faults.dies.for", "30s");
        value(&stage.report(), "logged_in")
    };
    let (shared, own) = (logins(brief()), logins(brief().variant("sticky")));
    let told = format!("{shared:.2}/s with a shared store, {own:.1}/s with sticky sessions");
    words(
        "p-stateless",
        ["logins after the death of a server", "none with a shared store"],
        &told,
        shared < 5.0 && 10.0 * shared.max(1.0) < own,
    );
}

#[test]
fn p_circuit_breaker() {
    let run = |variant: Option<&'static str>| {
        let stage = Stage::new(BREAKER).set("faults.hangs.at", "40s").set("faults.hangs.for", "70s");
        variant.map_or(stage.clone(), |variant| stage.variant(variant)).report()
    };
    let (with, bare) = (run(None), run(Some("nothing")));
    let shares = [&with, &bare].map(|report| of_before(report, "open_for_business"));
    let told = format!("{:.2} of normal with a breaker, {:.2} without breaker and timeout", shares[0], shares[1]);
    words(
        "p-circuit-breaker",
        ["browsing while payments hang", "a breaker isolates the fault"],
        &told,
        0.9 < shares[0] && shares[1] < 0.5,
    );
    // Two callers: closed, then open; half-open once every 30 s; closed again when a probe is answered.
    claim(
        "p-circuit-breaker",
        "openings of two breakers in 70 s",
        figure(&with, "payments", "breaker_openings"),
        [4.0, 8.0],
    );
    claim("p-circuit-breaker", "time not closed", figure(&with, "payments", "breaker_open_share"), [0.35, 0.75]);
    let after = value(&with, "paying_again") / objective_of(&with, "paying_again").limit.expect("a limit") * 0.6;
    claim("p-circuit-breaker", "payments afterwards, of before", after, [0.5, 1.1]);
}

#[test]
fn p_service_mesh() {
    let run = |variant: Option<&'static str>| {
        let stage = Stage::new(MESH).set("run.replications", 1).set("run.duration", "2m").set("faults.sick.at", "40s");
        let stage = stage.set("faults.sick.for", "60s");
        variant.map_or(stage.clone(), |variant| stage.variant(variant)).report()
    };
    let (mesh, bare, retries) = (run(None), run(Some("bare")), run(Some("retries_only")));
    let up = [&mesh, &bare, &retries].map(|report| value(report, "up"));
    let told = format!("{:.4} with the mesh, {:.4} with retries alone, {:.4} without it", up[0], up[2], up[1]);
    words(
        "p-service-mesh",
        ["availability with a bad instance", "the mesh hides it"],
        &told,
        0.999 < up[0] && up[1] < 0.93 && up[1] < up[2],
    );
    let well = |variant: Option<&'static str>| {
        let stage = Stage::new(MESH).set("run.replications", 1).set("run.duration", "1m").set("faults.sick", "null");
        let stage = stage.set("objectives", "null");
        mean(&variant.map_or(stage.clone(), |variant| stage.variant(variant)).report())
    };
    // Two calls, each through two proxies of 360 us; queues for the cores that they take come on top.
    claim("p-service-mesh", "what the proxies take, s", well(None) - well(Some("bare")), [1.44e-3, 1.8e-3]);
    let [old, new] = ["orders", "orders_v2"].map(|name| bare.components[name].arrivals_per_s.mean);
    claim("p-service-mesh", "share of the canary", new / (old + new), [0.09, 0.11]);
    claim("p-service-mesh", "longest request, s", mesh.latency.all.max.expect("somebody asked"), [0.0, 10.0]);
    let canary = run(Some("bad_canary"));
    let told = format!("{:.4} of the requests, {:.2} of its own", 1.0 - value(&canary, "up"), value(&canary, "seen"));
    // Without retries one request in twenty would fail; the budget of a fifth does not let all be tried again.
    let is_limited = (0.951..0.99).contains(&value(&canary, "up"));
    words(
        "p-service-mesh",
        ["errors of a canary that fails every other time, its retries within their budget", "seen at the canary alone"],
        &told,
        0.4 < value(&canary, "seen") && is_limited,
    );
}

#[test]
fn x_retry_storm() {
    let run = |variant: Option<&'static str>| {
        let stage = Stage::new(STORM).set("run.duration", "4m");
        let report = variant.map_or(stage.clone(), |variant| stage.variant(variant)).report();
        (of_before(&report, "up"), value(&report, "for_somebody"))
    };
    let (down, wasted) = run(None);
    let told = format!("goodput {down:.2} of before, {wasted:.2} of the work for nobody, to the end");
    words("x-retry-storm", ["long after the cause is gone", "it stays down"], &told, down < 0.1 && 0.5 < wasted);
    for cure in ["once", "budget", "breaker", "shedding", "lifo", "cancel", "short_queue"] {
        let (up, wasted) = run(Some(cure));
        let told = format!("goodput {up:.2} of before, {wasted:.2} for nobody");
        words("x-retry-storm", [cure, "it comes back"], &told, 0.5 < up);
    }
    let (jitter, _) = run(Some("jitter"));
    let told = format!("goodput {jitter:.2} of before: it spreads the same retries, and leads nowhere");
    refuted("x-retry-storm", "jitter", ["a cure", &told], jitter < 0.1);
}
