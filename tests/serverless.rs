//! Functions and poolers: what starts cold, what is throttled, who waits for a connection, and what it costs.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{compiled, model};

fn run(text: &str) -> Report {
    let (scenario, model) = compiled(text);
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

fn value(report: &Report, name: &str) -> f64 {
    let found = report.objectives.iter().find(|objective| objective.name == name);
    found.and_then(|objective| objective.value).unwrap_or_else(|| panic!("{name} has no value"))
}

fn failed(report: &Report, kind: &str) -> f64 {
    report.requests.errors.get(kind).map_or(0.0, |share| share.mean)
}

/// A function under a load of so many a second whose work takes 100 ms.
fn function(rate: &str, with: &str, work: &str, length: &str) -> String {
    format!(
        "
plimsoll: 1
title: function
run: {{duration: {length}, warmup: none, replications: 2}}
load: {{people: {{rate: {rate}, requests: {{f.go: 1}}, timeout: 60s}}}}
components:
  f: {{kind: function, memory: 500MB, cold: 2s, {with}, operations: {{go: [{{wait: {work}}}]}}}}
objectives:
  cold: cold_starts of f <= 100%
  starts: cold_starts of f <= 100k
  slow: latency p99 <= 60s
  quick: latency p50 <= 60s
"
    )
}

#[test]
fn the_longer_an_environment_is_kept_the_fewer_starts_are_cold() {
    let cold = |idle: &str| value(&run(&function("6/min", &format!("idle: {idle}"), "100ms", "4h")), "cold");
    let shares = ["1s", "10s", "60s", "10m"].map(cold);
    assert!(shares.is_sorted_by(|a, b| b < a), "{shares:?}");
    // Whoever comes within ten seconds of the end of the last finds it: all but exp(-1).
    assert!((shares[1] - 0.368).abs() < 0.05, "{shares:?}");
    assert!(shares[3] < 0.01, "{shares:?}");
}

#[test]
fn a_cold_start_is_waited_for_and_told() {
    let report = run(&function("1/min", "idle: 1s", "100ms", "8h"));
    assert!(2.0 < value(&report, "quick") && value(&report, "quick") < 2.3);
    assert!(report.where_time_goes.mean.iter().any(|part| part.cause == "cold start"));
    let kept = run(&function("1/min", "idle: 1s, concurrency: {provisioned: 1}", "100ms", "8h"));
    assert!(value(&kept, "quick") < 0.2 && value(&kept, "cold") < 0.05);
}

#[test]
fn beyond_the_limit_requests_are_throttled_as_erlang_has_it() {
    // 80 requests a second of 100 ms at 10 environments: Erlang B of 8 erlang and 10 servers is 12.2 %.
    let with = "cold: 0s, idle: 1h, concurrency: {limit: 10, burst: 10}".replace("cold: 0s, ", "");
    let text = function("80/s", &with, "exp(100ms)", "20m").replace("cold: 2s", "cold: 0s");
    let report = run(&text);
    let share = failed(&report, "throttled");
    assert!((share - 0.1217).abs() < 0.006, "{share}");
    assert_eq!(20.0, value(&report, "starts") * 2.0);
}

#[test]
fn environments_become_more_only_so_fast() {
    let with = |burst: u32, ramp: &str| format!("idle: 1h, concurrency: {{limit: 1000, burst: {burst}, ramp: {ramp}}}");
    let throttled = |burst, ramp| failed(&run(&function("200/s", &with(burst, ramp), "1s", "2m")), "throttled");
    let (all, few, slow) = (throttled(1000, "1/s"), throttled(20, "5/s"), throttled(20, "1/s"));
    assert_eq!(0.0, all);
    assert!(few < slow && 0.1 < few, "{few} and {slow}");
}

#[test]
fn a_request_that_takes_too_long_ends_and_stops_working() {
    let report = run(&function("10/s", "idle: 1h, timeout: 3s", "exp(1s)", "10m"));
    // Two of the three seconds go to the cold start of the few that have one; of the others exp(-3) take longer.
    let share = failed(&report, "timeout");
    assert!((share - 0.0498).abs() < 0.01, "{share}");
    let busy = report.components["f"].in_flight.mean;
    assert!((busy - 10.0 * (1.0 - 0.0498)).abs() < 0.6, "{busy} at work: nothing goes on after its end");
}

#[test]
fn a_function_is_paid_by_request_and_work() {
    let report =
        run(&function("100/s", "idle: 1h, concurrency: {provisioned: 4}", "100ms", "10m")
            .replace("cold: 2s", "cold: 0s"));
    let line = |what: &str| {
        let found = report.cost.lines.iter().find(|line| line.what == what);
        found.unwrap_or_else(|| panic!("no line for {what}: {:?}", report.cost.lines)).usd_per_month
    };
    let month = 730.0 * 3600.0;
    let close = |got: f64, truth: f64| assert!((got / truth - 1.0).abs() < 0.03, "{got}, not {truth}");
    close(line("requests"), 100.0 * month * 0.20e-6);
    close(line("work"), 100.0 * month * 0.1 * 0.5 * 0.0000166667);
    close(line("provisioned"), 4.0 * month * 0.5 * 0.0000041667);
    let other =
        function("100/s", "idle: 1h, price: {request: $1/M, gb_second: $0.0001, provisioned: $0}", "100ms", "10m")
            .replace("cold: 2s", "cold: 0s");
    let report = run(&other);
    let dollars = |what: &str| report.cost.lines.iter().find(|line| line.what == what).map(|line| line.usd_per_month);
    close(dollars("requests").expect("a line"), 100.0 * month * 1e-6);
    close(dollars("work").expect("a line"), 100.0 * month * 0.1 * 0.5 * 0.0001);
    let large = run(&function("100/s", "idle: 1h", "100ms", "5m").replace("500MB", "2GB"));
    let small = run(&function("100/s", "idle: 1h", "100ms", "5m"));
    assert!((large.cost.usd_per_month / small.cost.usd_per_month) > 2.0, "memory is what is paid");
}

#[test]
fn laws_hold_for_functions_and_poolers() {
    for text in [
        function("50/s", "idle: 1s, concurrency: {limit: 8, burst: 4, ramp: 1/s}, timeout: 300ms", "exp(200ms)", "60s"),
        pooler("size: 3, reserve: 1, reserve_after: 100ms, clients: 20", "transaction", TRANSACTION),
        pooler("size: 3, clients: 20, mode: statement", "statement", TRANSACTION),
    ] {
        let model = model(
            &text.replace("objectives:", "faults: {dies: {at: 20s, for: 5s, kill: db/primary}}\nobjectives:").replace(
                if text.contains("kind: pooler") {
                    ""
                } else {
                    "faults: {dies: {at: 20s, for: 5s, kill: db/primary}}\n"
                },
                "",
            ),
        );
        let record = simulate(&model, 3, 0, &Signals::default());
        holds(&model, &record, &text);
    }
}

const QUERY: &str = "[{call: bouncer.read}]";
const TRANSACTION: &str =
    "[{transaction: {in: bouncer, do: [{call: bouncer.read}, {wait: 20ms}, {call: bouncer.write}]}}]";

/// Two web servers before a pooler before a database whose queries take 5 ms.
fn pooler(pooler: &str, title: &str, page: &str) -> String {
    let page = if title == "statement" { page.replace("in: bouncer", "in: db") } else { page.to_owned() };
    format!(
        "
plimsoll: 1
title: {title}
run: {{duration: 60s, warmup: 5s, replications: 2}}
load: {{people: {{rate: 200/s, requests: {{web.page: 1}}, timeout: 20s}}}}
components:
  web: {{kind: service, instances: 2, workers: 500, operations: {{page: {page}}}}}
  bouncer: {{kind: pooler, targets: db, {pooler}}}
  db: {{kind: database, connections: 500, cores: 16, operations: {{read: {{cpu: exp(5ms)}}, write: {{cpu: exp(5ms)}}}}}}
objectives:
  held: utilisation of connections of db <= 100%
  most: in_flight max of db.read <= 500
  slow: latency p95 <= 20s
  wait: wait p95 of bouncer -> db <= 20s
  up: availability >= 0%
"
    )
}

#[test]
fn many_clients_share_few_connections() {
    let few = run(&pooler("size: 4", "few", QUERY));
    let many = run(&pooler("size: 25", "many", QUERY));
    assert!(value(&few, "most") <= 4.0 && 4.0 < value(&many, "most"), "{}", value(&many, "most"));
    assert_eq!(1.0, value(&few, "up"), "throughput is kept: 200/s of 5 ms are one connection's work");
    assert!(value(&many, "wait") < value(&few, "wait"));
}

#[test]
fn a_transaction_keeps_its_connection_and_statements_do_not() {
    // The transaction thinks for 20 ms between its statements: 200/s x 30 ms are six connections held, not two.
    let kept = run(&pooler("size: 25", "transaction", TRANSACTION));
    let given_back = run(&pooler(
        "size: 25, mode: statement",
        "statement",
        &TRANSACTION.replace("transaction: {in: bouncer, do: ", "each: {times: 1, do: "),
    ));
    let held = |report: &Report| value(report, "held") * 500.0;
    assert!(2.5 * held(&given_back) < held(&kept), "{} and {}", held(&given_back), held(&kept));
    assert!((held(&kept) - 6.0).abs() < 1.0, "{}", held(&kept));
    let tight = run(&pooler("size: 7", "transaction", TRANSACTION));
    assert!(1.1 * value(&kept, "slow") < value(&tight, "slow"), "seven for six are few");
}

#[test]
fn the_reserve_opens_for_who_has_waited() {
    let slow = |with: &str| value(&run(&pooler(with, "transaction", TRANSACTION)), "slow");
    let (without, with) = (slow("size: 7"), slow("size: 7, reserve: 8, reserve_after: 1ms"));
    let later = slow("size: 7, reserve: 8, reserve_after: 30ms");
    assert!(1.1 * with < without && with < later && later < without, "{with}, {later}, {without}");
}

#[test]
fn who_comes_beyond_the_clients_is_turned_away() {
    let full = run(&pooler("size: 2, clients: 10", "transaction", TRANSACTION));
    assert!(0.2 < failed(&full, "queue_full"));
    let wide = run(&pooler("size: 25, clients: 1000", "transaction", TRANSACTION));
    assert_eq!(0.0, failed(&wide, "queue_full"));
}
