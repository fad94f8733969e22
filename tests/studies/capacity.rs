//! Capacities that theory knows, inside the interval that the search gives; and the answer no.

use plimsoll::analysis::Progress;
use plimsoll::analysis::capacity::{Question, SURE, search};
use plimsoll::analysis::lab::{Forgetful, Lab, Setting};
use plimsoll::report::capacity::{Capacity, Outcome};
use plimsoll::theory::multi::Mmc;
use plimsoll::theory::network::mean_value_analysis;
use plimsoll::theory::special::bisect;

use super::compare::design;
use super::{Desk, SMALL, number};

fn capacity(text: &str, unit: &'static str, today: f64, (seed, sure): (u64, f64)) -> Capacity {
    let (base, tolerance) = (design(text, &[]), 0.02);
    let progress = Progress::default();
    let setting = Setting { seed, replications: 5, jobs: 2 };
    let mut lab = Lab::new(setting, &progress, &Forgetful);
    let question =
        Question { find: "load".to_owned(), whole: false, unit, today, tolerance, headroom: 0.3, sure, curve: false };
    search(&base, &question, &mut lab, |factor| base.loaded(factor, None)).expect("nobody interrupts")
}

/// M/M/c with so many servers of 10 ms, and a limit on the p99.
fn mmc(servers: u64, limit_ms: f64, seconds: u32, way: (u64, f64)) -> (Capacity, f64) {
    let text = format!(
        "plimsoll: 1\nrun: {{duration: {seconds}s, warmup: 5s}}\n\
         load: {{users: {{rate: {}/s, requests: {{api.serve: 1}}}}}}\n\
         components: {{api: {{kind: service, workers: {servers}, queue: {{limit: 100k}}, operations: {{serve: [{{wait: exp(10ms)}}]}}}}}}\n\
         objectives: {{fast: latency p99 <= {limit_ms}ms}}\n",
        40 * servers
    );
    let theory = bisect(1.0, 99.9 * servers as f64, |rate| {
        Mmc { arrival: rate, service: 100.0, servers }.response_quantile(0.99) - limit_ms / 1000.0
    });
    (capacity(&text, "per_s", 40.0 * servers as f64, way), theory)
}

#[track_caller]
fn holds(found: &Capacity, theory: f64) {
    let (low, high) = (found.low.expect("it was found"), found.high.expect("it was found"));
    assert_eq!(found.outcome, Outcome::Found);
    assert!(low <= theory && theory <= high, "theory says {theory}, the search {low} to {high} ({:?})", found.value);
    assert!(high / low < 1.35, "{low} to {high} is no answer");
}

#[test]
fn a_queue_carries_what_theory_says() {
    let (found, theory) = mmc(1, 150.0, 60, (42, SURE));
    holds(&found, theory);
    assert_eq!(found.limit.as_ref().map(|limit| limit.component.as_str()), Some("api"));
}

/// The wide run behind the table of the page about studies.
#[test]
#[ignore = "long runs take minutes"]
fn capacities_against_theory() {
    for (servers, limit_ms) in [(1, 100.0), (1, 200.0), (2, 100.0), (4, 80.0), (8, 60.0)] {
        let (found, theory) = mmc(servers, limit_ms, 120, (42, SURE));
        let [low, high, value] = [found.low, found.high, found.value].map(|x| x.unwrap_or(f64::NAN));
        println!(
            "\n| M/M/{servers}, p99 <= {limit_ms} ms | {theory:.1}/s | {value:.1}/s ({low:.1} to {high:.1}) | {} |",
            found.runs
        );
        holds(&found, theory);
    }
    for think in [0.2, 1.0] {
        let (found, theory) = closed(think, 120);
        let [low, high, value] = [found.low, found.high, found.value].map(|x| x.unwrap_or(f64::NAN));
        println!(
            "\n| closed, think {think} s, mean <= 100 ms | {theory} clients | {value:.1} ({low:.0} to {high:.0}) | {} |",
            found.runs
        );
        assert!(low <= theory && theory < high, "{low} {theory} {high}");
    }
}

/// How often the interval holds what theory says, and whether the answers lie to one side of it.
#[test]
#[ignore = "100 searches of each of three queues take minutes"]
fn capacities_of_a_hundred_seeds_against_theory() {
    let queues = [(1, 200.0, 120), (1, 100.0, 60), (8, 60.0, 30)];
    for ((servers, limit_ms, seconds), sure) in queues.into_iter().flat_map(|queue| [(queue, 0.95), (queue, SURE)]) {
        let (mut inside, mut below, mut runs, mut width, mut bias) = (0, 0, 0, 0.0, 0.0);
        for seed in 1..=100 {
            let (found, theory) = mmc(servers, limit_ms, seconds, (seed, sure));
            let [low, high, value] = [found.low, found.high, found.value].map(|x| x.expect("it was found"));
            inside += u32::from(low <= theory && theory <= high);
            below += u32::from(high < theory);
            runs += found.runs;
            width += (high / low - 1.0) / 100.0;
            bias += (value / theory - 1.0) / 100.0;
        }
        println!(
            "\n| M/M/{servers}, p99 <= {limit_ms} ms, {seconds} s | {:.0} % | {inside} of 100 | {below} | {:.1} % | {:+.2} % | {} |",
            100.0 * sure,
            100.0 * width,
            100.0 * bias,
            runs / 100
        );
        assert!(sure < SURE || 95 <= inside, "{inside} of 100 intervals hold the answer");
    }
}

/// A closed network of two queues; the most clients whose mean response keeps to 100 ms.
fn closed(think: f64, seconds: u32) -> (Capacity, f64) {
    let text = format!(
        "plimsoll: 1\nrun: {{duration: {seconds}s, warmup: 10s}}\n\
         load: {{users: {{clients: 4, think: exp({think}s), requests: {{web.page: 1}}}}}}\n\
         components:\n  web: {{kind: service, workers: 1, waits: async, operations: {{page: [{{wait: exp(10ms)}}, {{call: db.read}}]}}}}\n  \
           db: {{kind: service, workers: 1, operations: {{read: [{{wait: exp(20ms)}}]}}}}\n\
         links: {{any -> any: {{latency: 0s}}}}\n\
         objectives: {{fast: latency mean <= 100ms}}\n"
    );
    let holds = |clients: &u32| mean_value_analysis(&[0.01, 0.02], think, *clients).response <= 0.1;
    let theory = (1..1000).take_while(holds).last().expect("one client is fast");
    (capacity(&text, "clients", 4.0, (42, SURE)), f64::from(theory))
}

#[test]
fn a_closed_network_carries_the_clients_of_mean_value_analysis() {
    let (found, theory) = closed(0.2, 100);
    let (low, high) = (found.low.expect("it was found"), found.high.expect("it was found"));
    assert!(low <= theory && theory < high && high - low <= 2.0, "theory says {theory}, the search {low} to {high}");
}

#[test]
fn the_command_answers_with_an_interval_a_knee_and_headroom() {
    let desk = Desk::new(&[("small.yaml", SMALL)]);
    let found = desk.document("capacity small.yaml --tolerance 5%", 0);
    let (low, value, high) = (number(&found["low"]), number(&found["value"]), number(&found["high"]));
    // The p90 of an M/M/1 is 100 ms at 77/s.
    assert!(60.0 < low && low <= value && value <= high && high < 90.0, "{low} {value} {high}");
    assert_eq!((&found["unit"], &found["today"]), (&"per_s".into(), &60.0.into()));
    let shown = desk.prints("capacity small.yaml --tolerance 5%", 0);
    assert!(
        shown.contains("small can carry") && shown.contains("headroom") && shown.contains("highest that passes"),
        "{shown}"
    );
    assert!(desk.path("output/small/capacity.json").exists());
    let asked = desk.document("capacity small.yaml --objective 'latency p50 <= 30ms' --tolerance 10%", 0);
    assert_eq!(asked["within"], serde_json::json!(["latency p50 <= 30ms"]));
    assert!(desk.prints("capacity small.yaml -f csv", 0).lines().count() > 5);
}

#[test]
fn workers_are_counted_for_a_load() {
    let desk = Desk::new(&[("small.yaml", SMALL)]);
    let found = desk.document("capacity small.yaml --find api.workers --set load.users.rate=350/s --duration 30s", 0);
    // 3.5 servers busy: three can never do, and the p90 of an M/M/4 is 66 ms.
    assert_eq!(
        (&found["value"], &found["unit"], &found["outcome"]),
        (&4.0.into(), &"".into(), &"found".into()),
        "{found}"
    );
}

#[test]
fn no_is_an_exit_code_and_nothing_to_hold_is_a_mistake() {
    let desk = Desk::new(&[
        ("small.yaml", SMALL),
        ("bare.yaml", &SMALL.replace("objectives: {fast: latency p90 <= 100ms}\n", "")),
    ]);
    let never = desk.document("capacity small.yaml --objective 'latency p50 <= 1ms'", 1);
    assert_eq!(never["outcome"], "none");
    desk.prints("capacity bare.yaml", 2);
    desk.prints("capacity small.yaml --find load.nobody", 2);
}
