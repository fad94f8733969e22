//! Functions and poolers: what starts cold, what is throttled, who waits for a connection, and what it costs.

use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{evaluated, model, value};

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
    let cold = |idle: &str| value(&evaluated(&function("6/min", &format!("idle: {idle}"), "100ms", "4h")), "cold");
    let shares = ["1s", "10s", "60s", "10m"].map(cold);
    assert!(shares.is_sorted_by(|a, b| b < a), "{shares:?}");
    // Whoever comes within ten seconds of the end of the last finds it: all but exp(-1).
    assert!((shares[1] - 0.368).abs() < 0.05, "{shares:?}");
    assert!(shares[3] < 0.01, "{shares:?}");
}

#[test]
fn a_cold_start_is_waited_for_and_told() {
    let report = evaluated(&function("1/min", "idle: 1s", "100ms", "8h"));
    assert!(2.0 < value(&report, "quick") && value(&report, "quick") < 2.3);
    assert!(report.where_time_goes.mean.iter().any(|part| part.cause == "cold start"));
    let kept = evaluated(&function("1/min", "idle: 1s, concurrency: {provisioned: 1}", "100ms", "8h"));
    assert!(value(&kept, "quick") < 0.2 && value(&kept, "cold") < 0.05);
}

#[test]
fn beyond_the_limit_requests_are_throttled_as_erlang_has_it() {
    // 80 requests a second of 100 ms at 10 environments: Erlang B of 8 erlang and 10 servers is 12.2 %.
    let with = "cold: 0s, idle: 1h, concurrency: {limit: 10, burst: 10}".replace("cold: 0s, ", "");
    let text = function("80/s", &with, "exp(100ms)", "20m").replace("cold: 2s", "cold: 0s");
    let report = evaluated(&text);
    let share = failed(&report, "throttled");
    assert!((share - 0.1217).abs() < 0.006, "{share}");
    assert_eq!(20.0, value(&report, "starts") * 2.0);
}

#[test]
fn environments_become_more_only_so_fast() {
    let with = |burst: u32, ramp: &str| format!("idle: 1h, concurrency: {{limit: 1000, burst: {burst}, ramp: {ramp}}}");
    let throttled = |burst, ramp| failed(&evaluated(&function("200/s", &with(burst, ramp), "1s", "2m")), "throttled");
    let (all, few, slow) = (throttled(1000, "1/s"), throttled(20, "5/s"), throttled(20, "1/s"));
    assert_eq!(0.0, all);
    assert!(few < slow && 0.1 < few, "{few} and {slow}");
}

#[test]
fn a_request_that_takes_too_long_ends_and_stops_working() {
    let report = evaluated(&function("10/s", "idle: 1h, timeout: 3s", "exp(1s)", "10m"));
    // Two of the three seconds go to the cold start of the few that have one; of the others exp(-3) take longer.
    let share = failed(&report, "timeout");
    assert!((share - 0.0498).abs() < 0.01, "{share}");
    let busy = report.components["f"].in_flight.mean;
    assert!((busy - 10.0 * (1.0 - 0.0498)).abs() < 0.6, "{busy} at work: nothing goes on after its end");
}

#[test]
fn a_function_is_paid_by_request_and_work() {
    let report = evaluated(
        &function("100/s", "idle: 1h, concurrency: {provisioned: 4}", "100ms", "10m").replace("cold: 2s", "cold: 0s"),
    );
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
    let report = evaluated(&other);
    let dollars = |what: &str| report.cost.lines.iter().find(|line| line.what == what).map(|line| line.usd_per_month);
    close(dollars("requests").expect("a line"), 100.0 * month * 1e-6);
    close(dollars("work").expect("a line"), 100.0 * month * 0.1 * 0.5 * 0.0001);
    let large = evaluated(&function("100/s", "idle: 1h", "100ms", "5m").replace("500MB", "2GB"));
    let small = evaluated(&function("100/s", "idle: 1h", "100ms", "5m"));
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
    let few = evaluated(&pooler("size: 4", "few", QUERY));
    let many = evaluated(&pooler("size: 25", "many", QUERY));
    assert!(value(&few, "most") <= 4.0 && 4.0 < value(&many, "most"), "{}", value(&many, "most"));
    assert_eq!(1.0, value(&few, "up"), "throughput is kept: 200/s of 5 ms are one connection's work");
    assert!(value(&many, "wait") < value(&few, "wait"));
}

#[test]
fn a_transaction_keeps_its_connection_and_statements_do_not() {
    // The transaction thinks for 20 ms between its statements: 200/s x 30 ms are six connections held, not two.
    let kept = evaluated(&pooler("size: 25", "transaction", TRANSACTION));
    let given_back = evaluated(&pooler(
        "size: 25, mode: statement",
        "statement",
        &TRANSACTION.replace("transaction: {in: bouncer, do: ", "each: {times: 1, do: "),
    ));
    let held = |report: &Report| value(report, "held") * 500.0;
    assert!(2.5 * held(&given_back) < held(&kept), "{} and {}", held(&given_back), held(&kept));
    assert!((held(&kept) - 6.0).abs() < 1.0, "{}", held(&kept));
    let tight = evaluated(&pooler("size: 7", "transaction", TRANSACTION));
    assert!(1.1 * value(&kept, "slow") < value(&tight, "slow"), "seven for six are few");
}

#[test]
fn the_reserve_opens_for_who_has_waited() {
    let slow = |with: &str| value(&evaluated(&pooler(with, "transaction", TRANSACTION)), "slow");
    let (without, with) = (slow("size: 7"), slow("size: 7, reserve: 8, reserve_after: 1ms"));
    let later = slow("size: 7, reserve: 8, reserve_after: 30ms");
    assert!(1.1 * with < without && with < later && later < without, "{with}, {later}, {without}");
}

#[test]
fn who_comes_beyond_the_clients_is_turned_away() {
    let full = evaluated(&pooler("size: 2, clients: 10", "transaction", TRANSACTION));
    assert!(0.2 < failed(&full, "queue_full"));
    let wide = evaluated(&pooler("size: 25, clients: 1000", "transaction", TRANSACTION));
    assert_eq!(0.0, failed(&wide, "queue_full"));
}

// -- sessions -------------------------------------------------------------------------------------------------------------

#[test]
fn a_session_lasts_as_long_as_the_visit_that_began_it() {
    // A query of 5 ms, then 20 ms of thought: 200/s x 25 ms are five connections held, as long as statements hold one.
    let page = "[{call: bouncer.read}, {wait: 20ms}]";
    let held = |mode: &str| value(&evaluated(&pooler(&format!("size: 25, mode: {mode}"), mode, page)), "held") * 500.0;
    let (session, transaction, statement) = (held("session"), held("transaction"), held("statement"));
    assert!((session - 5.0).abs() < 0.6, "{session}");
    assert!((statement - 1.0).abs() < 0.2 && (transaction - 1.0).abs() < 0.2, "{transaction} and {statement}");
    // A transaction inside uses the session's connection, which is kept on when it is over.
    let inner = "[{transaction: {in: bouncer, do: [{call: bouncer.read}]}}, {wait: 20ms}]";
    let kept = value(&evaluated(&pooler("size: 25, mode: session", "session", inner)), "held") * 500.0;
    assert!((kept - 5.0).abs() < 0.6, "{kept}");
    // Each of the two before the pooler waits for a connection of the few.
    let [wide, tight] = [25, 7]
        .map(|size| value(&evaluated(&pooler(&format!("size: {size}, mode: session"), "session", page)), "wait"));
    assert!(wide < 0.001 && 0.005 < tight, "{wide} and {tight}");
}

#[test]
fn sessions_end_with_whoever_dies() {
    let text = pooler(
        "size: 6, clients: 50, mode: session",
        "session",
        "[{call: bouncer.read}, {wait: 20ms}, {call: bouncer.write}]",
    );
    for fault in ["kill: db/primary", "kill: web/0", "kill: bouncer"] {
        let faults = format!("faults: {{dies: {{at: 20s, for: 5s, {fault}}}}}\nobjectives:");
        let model = model(&text.replace("objectives:", &faults));
        let record = simulate(&model, 3, 0, &Signals::default());
        holds(&model, &record, fault);
    }
}

// -- capacity units -------------------------------------------------------------------------------------------------------

/// A database in capacity units of a quarter of a core, asked 10 times a second from the second to the fourth tenth hour.
fn units(capacity: &str, rest: &str) -> String {
    format!(
        "
plimsoll: 1
title: units
run: {{duration: 1h, warmup: none, replications: 1}}
load: {{people: {{rate: 10/s, steps: {{0s: 0, 12m: 1, 24m: 0}}, requests: {{db.read: 1}}, timeout: 60s}}}}
components:
  db: {{kind: database, capacity: {{{capacity}}}, operations: {{read: {{cpu: exp(20ms)}}}}}}
objectives:
  units: units of db >= 0
  use: utilisation of cores of db <= 100%
  slow: latency p99 <= 60s
  quick: latency p50 <= 60s
{rest}
"
    )
}

fn specific(report: &Report, name: &str) -> f64 {
    report.components["db"].kind_specific.figures[name].mean
}

#[test]
fn a_database_sleeps_when_nobody_asks_and_wakes_for_the_first_who_does() {
    let report = evaluated(&units("min: 2, max: 2, pause: 5m, resume: 20s", ""));
    // Awake 5 minutes at the start, from 12:20 to 24:00 and 5 minutes after that, to the next look: 21:40 of an hour.
    let awake = 1.0 - specific(&report, "asleep");
    assert!((awake - 1300.0 / 3600.0).abs() < 35.0 / 3600.0, "{awake}");
    assert!((value(&report, "units") - 2.0 * awake).abs() < 1e-6);
    assert_eq!(2.0, specific(&report, "pauses_per_h"));
    // 7,200 requests, of which 200 came in the twenty seconds of waking.
    assert!((15.0..21.0).contains(&value(&report, "slow")), "{}", value(&report, "slow"));
    assert!(value(&report, "quick") < 1.0);
    let line = report.cost.lines.iter().find(|line| line.what == "capacity").expect("it is paid");
    assert!((line.usd_per_month - 2.0 * awake * 0.06 * 730.0).abs() < 0.5, "{}", line.usd_per_month);
    let never = evaluated(&units("min: 2, max: 2", ""));
    assert_eq!((2.0, 0.0), (value(&never, "units"), specific(&never, "asleep")));
    assert!(value(&never, "slow") < 3.0);
    let sooner = evaluated(&units("min: 2, max: 2, pause: 1m, resume: 20s", ""));
    assert!(value(&sooner, "units") < value(&report, "units"));
    let quicker = evaluated(&units("min: 2, max: 2, pause: 5m, resume: 2s", ""));
    assert!(value(&quicker, "slow") < 0.5 * value(&report, "slow"));
}

#[test]
fn units_follow_the_use_within_their_bounds() {
    // 10/s of 20 ms are a fifth of a core: two units of a twentieth are a tenth, eight are four tenths.
    let of = |capacity: &str| evaluated(&units(capacity, ""));
    let small = "cores: 0.05, every: 5s, cool: 1m";
    let free = of(&format!("min: 2, max: 64, {small}"));
    let bound = of(&format!("min: 2, max: 4, {small}"));
    assert!(2.0 < value(&free, "units") && value(&free, "units") < 6.0, "{}", value(&free, "units"));
    assert!(value(&free, "slow") < 0.3 * value(&bound, "slow"), "{}", value(&free, "slow"));
    let eager = of(&format!("min: 2, max: 64, {small}, above: 30%, below: 10%"));
    assert!(value(&free, "units") < value(&eager, "units"));
    let lasting = of("min: 2, max: 64, cores: 0.05, every: 5s, cool: 20m");
    assert!(value(&free, "units") < value(&lasting, "units"), "who cools down later is larger for longer");
    let shares = [&free, &eager].map(|report| value(report, "use"));
    assert!(shares[1] < shares[0] && shares[0] < 0.7, "{shares:?}");
}

#[test]
fn the_buffer_pool_is_as_large_as_the_units_and_empty_after_a_sleep() {
    let hits = |capacity: &str| {
        let text = units(capacity, "  hits: hit ratio of db >= 0%")
            .replace("{cpu: exp(20ms)}", "[{cpu: 1ms}, {pages: 1}]")
            .replace(
                "kind: database, ",
                "kind: database, data: {rows: 100k, row: 8KiB}, disk: {size: 10GB, iops: 3000}, ",
            );
        value(&evaluated(&text), "hits")
    };
    let (one, four) = (hits("min: 1, max: 1, memory: 100MiB"), hits("min: 4, max: 4, memory: 100MiB"));
    assert!(1.5 * one < four, "{one} and {four}");
    let asleep = hits("min: 4, max: 4, memory: 100MiB, pause: 5m");
    assert!(asleep < 0.9 * four, "{asleep} and {four}");
}

#[test]
fn laws_hold_while_a_database_sleeps_and_is_killed() {
    let faults = "faults: {dies: {at: 15m, for: 1m, kill: db/primary}, halts: {at: 20m, for: 30s, pause: db}, late: {at: 40m, for: 1m, kill: db}}";
    for capacity in
        ["min: 1, max: 16, cores: 0.05, every: 5s, cool: 30s, pause: 1m, resume: exp(10s)", "min: 2, max: 2"]
    {
        let model = model(&units(capacity, faults));
        for replication in 0..2 {
            let record = simulate(&model, 3, replication, &Signals::default());
            holds(&model, &record, capacity);
        }
    }
}

// -- provisioned environments ---------------------------------------------------------------------------------------------

#[test]
fn an_autoscaler_provisions_environments_before_they_are_needed() {
    let text = |with: &str| {
        function("20/s", &format!("idle: 5s, {with}"), "exp(1s)", "20m")
            .replace("rate: 20/s,", "rate: 20/s, steps: {0s: 0.1, 5m: 1, 10m: 0.1},")
    };
    let scaled = evaluated(&text(
        "autoscale: {min: 2, max: 60, every: 10s, target: {in_flight per instance: 0.6}, down: {stable: 1m}}",
    ));
    let fixed = evaluated(&text("concurrency: {provisioned: 2}"));
    let plenty = evaluated(&text("concurrency: {provisioned: 40}"));
    let cold = |report: &Report| value(report, "cold");
    assert!(cold(&scaled) < 0.6 * cold(&fixed), "{} and {}", cold(&scaled), cold(&fixed));
    assert!(cold(&plenty) <= cold(&scaled));
    let paid = |report: &Report| {
        report.cost.lines.iter().find(|line| line.what == "provisioned").map_or(0.0, |line| line.quantity)
    };
    assert_eq!((2.0, 40.0), (paid(&fixed), paid(&plenty)));
    assert!(2.0 < paid(&scaled) && paid(&scaled) < 40.0, "{}", paid(&scaled));
    assert!(scaled.decisions.iter().any(|decision| decision.from < decision.to));
    assert!(scaled.decisions.iter().any(|decision| decision.to < decision.from));
}
