//! Shards of a database: who holds what, all of them asked at once, transactions over several, and shards that join.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::report::Report;

use crate::support::{compiled, model};

fn report(text: &str) -> Report {
    let (scenario, model) = compiled(text);
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
    let broken: Vec<_> = report.audit.iter().filter(|law| !law.holds).collect();
    assert!(broken.is_empty(), "{text}\nlaws are broken: {broken:?}");
    report
}

/// A database asked through a service, which has all the workers it wants; links take 250 us one way.
fn scenario(rate: &str, steps: &str, db: &str, rest: &str) -> String {
    format!(
        "
plimsoll: 1
title: shards
run: {{duration: 60s, warmup: 5s, replications: 2, prefill: none}}
keys: {{user: {{count: 100k}}, friend: {{like: user}}, popular: {{count: 100k, popularity: zipf(0.99)}}}}
load: {{users: {{{rate}, requests: {{web.page: 1}}, timeout: 30s}}}}
components:
  web: {{kind: service, workers: none, operations: {{page: [{steps}]}}}}
  db: {{kind: database, connections: none, {db}}}
{rest}
"
    )
}

fn shares(report: &Report) -> Vec<f64> {
    let rates: Vec<f64> =
        report.components["db"].kind_specific.shards.iter().map(|shard| shard.arrivals_per_s.mean).collect();
    let all: f64 = rates.iter().sum();
    rates.into_iter().map(|rate| rate / all).collect()
}

fn variance(report: &Report) -> f64 {
    report.components["db"].kind_specific.figures["shard_variance"].mean
}

fn mean(report: &Report) -> f64 {
    report.latency.ok.mean.expect("there are requests").mean
}

fn near(measured: f64, expected: f64, within: f64) {
    assert!((measured / expected - 1.0).abs() < within, "{measured} instead of {expected}");
}

// -- who holds what -----------------------------------------------------------------------------------------------------

fn spread_of(by: &str, key: &str) -> Report {
    let db = format!("shards: {{count: 4, by: {by}, key: {key}}}, operations: {{write: {{cpu: 10us}}}}");
    report(&scenario("rate: 2000/s", "{call: db.write}", &db, ""))
}

#[test]
fn strategies_spread_requests_as_they_spread_keys() {
    for by in ["hash", "consistent(150)", "range"] {
        let even = variance(&spread_of(by, "user"));
        assert!(even < if by.starts_with('c') { 0.2 } else { 0.03 }, "{by}: {even}");
    }
    // Rank r is key r, so a range holds a quarter of the ranks: the first has most of the requests.
    let ranks = |from: f64, to: f64| (from as u64..to as u64).map(|rank| 1.0 / libm::pow(rank as f64 + 1.0, 0.99));
    let first = ranks(0.0, 25e3).sum::<f64>() / ranks(0.0, 100e3).sum::<f64>();
    near(variance(&spread_of("range", "popular")), 4.0 * first - 1.0, 0.02);
    // The most popular key alone is 8 % of the requests, and is on one shard wherever that is.
    let hot = variance(&spread_of("hash", "popular"));
    assert!(0.03 < hot && hot < 1.0, "{hot}");
}

#[test]
fn variance_is_an_objective_and_an_alert() {
    let db = "shards: {count: 4, by: range, key: popular}, operations: {write: {cpu: 10us}}";
    let rest =
        "objectives: {even: shard_variance of db <= 20%}\nalerts: {hot: {when: shard_variance > 20%, severity: P2}}";
    let report = report(&scenario("rate: 500/s", "{call: db.write}", db, rest));
    assert!(1.0 < report.objectives[0].value.expect("it is measured"));
    assert_eq!((report.objectives[0].unit, report.alerts[0].fired_share), ("ratio", 1.0));
}

#[test]
fn tables_have_shards_of_their_own() {
    let db = "shards: {tables: {users: [get], orders: [put, list]}}, operations: {get: {cpu: 1ms}, put: {cpu: 1ms}, list: {cpu: 1ms}}";
    let steps = "{call: {db.get: 50%, db.put: 20%, db.list: 30%}}";
    let text = scenario("rate: 1000/s", steps, db, "");
    let split = shares(&report(&text));
    near(split[0], 0.5, 0.02);
    let down = report(&format!("{text}\nfaults: {{dies: {{at: 6s, kill: db/shard-1}}}}"));
    near(down.requests.error_ratio.expect("there are errors").mean, 0.5 * 54.0 / 55.0, 0.03);
}

#[test]
fn shards_stand_where_their_rows_live() {
    let text = "
plimsoll: 1
title: places
run: {duration: 30s, warmup: 2s, replications: 1}
regions: {us-east-1: {zones: 2}, eu-west-1: {zones: 2}}
keys: {user: {count: 10k}, home: {of: user, shares: {us-east-1: 60%, eu-west-1: 40%}}}
load: {users: {rate: 1000/s, from: home, requests: {db.read: 1}, timeout: 1s}}
components:
  db: {kind: database, connections: none, shards: {count: 2, by: place(home)}, operations: {read: {cpu: 1ms}}}
";
    let report = report(text);
    let model = model(text);
    let regions: Vec<u16> =
        model.stations.iter().map(|station| model.places[usize::from(station.place)].region).collect();
    assert_ne!(regions[0], regions[1]);
    // Everybody's rows are at home, so nobody waits for an ocean.
    assert!(report.latency.all.p99.expect("there are requests").mean < 0.01);
    let mut split = shares(&report);
    split.sort_by(f64::total_cmp);
    near(split[1], 0.6, 0.04);
}

#[test]
fn time_shards_take_turns_in_taking_the_writes() {
    let db = "shards: {count: 4, by: time(1h), key: user}, operations: {write: {cpu: 10us}}";
    let still = report(&scenario("rate: 500/s", "{call: db.write}", db, ""));
    assert_eq!(shares(&still), [1.0, 0.0, 0.0, 0.0]);
    let turning = report(&scenario("rate: 500/s", "{call: db.write}", &db.replace("1h", "20s"), ""));
    near(shares(&turning)[1], 20.0 / 55.0, 0.05);
}

#[test]
fn a_directory_is_asked_before_each_call() {
    let db = "shards: {count: 4, by: directory(map), key: user}, operations: {read: {wait: 2ms}}";
    let rest = "  map: {kind: service, workers: none, operations: {find: [{wait: 1ms}]}}";
    let report = report(&scenario("rate: 500/s", "{call: db.read}", db, rest));
    near(mean(&report), 0.0005 + 0.002 + 0.0005 + 0.001, 0.001);
    near(report.components["map"].arrivals_per_s.mean, report.components["db"].arrivals_per_s.mean, 0.001);
    assert!(variance(&report) < 0.05);
}

// -- capacity -----------------------------------------------------------------------------------------------------------

#[test]
fn writes_scale_with_shards_while_keys_are_even() {
    for shards in [1, 2, 4, 8] {
        let db = format!(
            "cores: 1, queue: {{limit: 100}}, connections: 4, shards: {{count: {shards}, key: user}}, operations: {{write: {{cpu: exp(4ms)}}}}"
        );
        let db = db.trim_start_matches("connections: none, ");
        let at = |share: f64| {
            let rate = format!("rate: {}/s", 250.0 * f64::from(shards) * share);
            let text = scenario(&rate, "{call: db.write}", db, "").replace("connections: none, cores", "cores");
            report(&text).requests.goodput_per_s.mean / f64::from(shards)
        };
        near(at(0.9), 225.0, 0.03);
        near(at(1.5), 250.0, 0.03);
    }
}

// -- all shards ---------------------------------------------------------------------------------------------------------

/// Every shard takes exp(10 ms), and nothing queues.
fn gather(shards: u32, around: &str, rest: &str) -> Report {
    let db = format!("shards: {{count: {shards}, key: user}}, operations: {{recent: {{wait: exp(10ms)}}}}");
    let step = format!("{{call: db.recent, shards: all{around}}}");
    report(&scenario("rate: 300/s", &step, &db, rest))
}

#[test]
fn the_tail_of_all_is_a_deeper_tail_of_one() {
    for shards in [1, 4, 10] {
        let report = gather(shards, "", "");
        let quantile = libm::pow(0.99, 1.0 / f64::from(shards));
        let expected = -0.010 * libm::log(1.0 - quantile) + 0.0005;
        near(report.latency.ok.p99.expect("there are enough").mean, expected, 0.06);
        near(report.components["db"].arrivals_per_s.mean, 300.0 * f64::from(shards), 0.02);
    }
}

#[test]
fn nine_of_ten_are_there_sooner() {
    // The ninth of ten exponentials: 1/10 + 1/9 + ... + 1/2 of their mean (Rényi 1953).
    let ninth: f64 = (2..=10).map(|n| 0.010 / f64::from(n)).sum();
    near(mean(&gather(10, ", join: {first: 90%}", "")), ninth + 0.0005, 0.02);
}

#[test]
fn late_shards_are_left_out_or_make_it_fail() {
    let patience: f64 = 0.0195;
    let late = 1.0 - libm::pow(1.0 - libm::exp(-patience / 0.010), 10.0);
    let strict = gather(10, ", timeout: 20ms", "");
    near(strict.requests.errors["timeout"].mean, late, 0.03);
    let partial = gather(10, ", timeout: 20ms, on_error: ignore", "");
    assert_eq!(partial.requests.error_ratio.expect("there are requests").mean, 0.0);
    let dt = patience / 1e4;
    let cut: f64 =
        (0..10_000).map(|n| (1.0 - libm::pow(1.0 - libm::exp(-(f64::from(n) + 0.5) * dt / 0.010), 10.0)) * dt).sum();
    near(mean(&partial), cut + 0.0005, 0.02);
}

#[test]
fn a_dead_shard_is_left_out_of_a_partial_answer() {
    let dies = "faults: {dies: {at: 10s, kill: db/shard-2}}";
    let errors = |around: &str| gather(4, around, dies).requests.error_ratio.expect("there are requests").mean;
    near(errors(""), 50.0 / 55.0, 0.02);
    assert_eq!(errors(", join: {first: 3}"), 0.0);
    assert_eq!(errors(", on_error: ignore"), 0.0);
}

// -- transactions -------------------------------------------------------------------------------------------------------

const TWO_TABLES: &str = "shards: {tables: {a: [a], b: [b]}}, operations: {a: {wait: 2ms}, b: {wait: 2ms}}";

fn in_transaction(steps: &str, db: &str, rest: &str) -> Report {
    report(&scenario("clients: 10, think: 10ms", &format!("{{transaction: {{in: db, do: [{steps}]}}}}"), db, rest))
}

#[test]
fn a_commit_takes_a_round_trip_and_two_shards_take_two() {
    near(mean(&in_transaction("{call: db.a}, {call: db.a}", TWO_TABLES, "")), 0.0055, 1e-3);
    near(mean(&in_transaction("{call: db.a}, {call: db.b}", TWO_TABLES, "")), 0.0060, 1e-3);
    near(mean(&in_transaction("{wait: 5ms}", TWO_TABLES, "")), 0.005, 1e-3);
}

#[test]
fn a_transaction_keeps_its_connection() {
    let db = "connections: 1, operations: {a: {wait: 2ms}, b: {wait: 2ms}}";
    let steps = "{call: db.a}, {wait: 10ms}, {call: db.b}";
    let fix = |text: String| text.replace("connections: none, ", "");
    let load = "clients: 20, think: 1ms";
    let apart = report(&fix(scenario(load, steps, db, "")));
    near(apart.requests.goodput_per_s.mean, 1.0 / 0.004, 0.02);
    // From the door of the first call to the end of the commit: 2 + 0.25 + 10 + 0.25 + 2 + 0.25 + 0.5 ms.
    let kept = report(&fix(scenario(load, &format!("{{transaction: {{in: db, do: [{steps}]}}}}"), db, "")));
    near(kept.requests.goodput_per_s.mean, 1.0 / 0.01525, 0.02);
    // A pool of the caller is held as long.
    let pooled = scenario(
        load,
        &format!("{{transaction: {{in: db, do: [{steps}]}}}}"),
        "operations: {a: {wait: 2ms}, b: {wait: 2ms}}",
        "policies: {web -> db: {pool: {size: 1}}}",
    );
    near(report(&pooled).requests.goodput_per_s.mean, 1.0 / 0.0155, 0.02);
}

#[test]
fn operations_that_answer_early_stay_in_the_transaction() {
    let db = "connections: 1, operations: {a: {wait: 2ms, bytes: 1B}}";
    let steps = "{transaction: {in: db, do: [{call: db.a}, {wait: 10ms}, {call: db.a}]}}";
    let text = scenario("clients: 20, think: 1ms", steps, db, "").replace("connections: none, ", "");
    near(report(&text).requests.goodput_per_s.mean, 1.0 / 0.01525, 0.02);
}

#[test]
fn row_locks_last_to_the_end_of_the_transaction() {
    let lock = "{lock: {name: row, in: db, do: [{call: db.a}]}}, {wait: 10ms}";
    let short = report(&scenario("clients: 20, think: 1ms", lock, TWO_TABLES, ""));
    near(short.requests.goodput_per_s.mean, 1.0 / 0.0025, 0.02);
    let long = report(&scenario(
        "clients: 20, think: 1ms",
        &format!("{{transaction: {{in: db, do: [{lock}]}}}}"),
        TWO_TABLES,
        "",
    ));
    near(long.requests.goodput_per_s.mean, 1.0 / 0.0130, 0.02);
}

#[test]
fn a_shard_that_dies_in_between_is_a_conflict() {
    let steps = "{call: db.a}, {call: db.b}, {wait: 2s}";
    let dies = "faults: {dies: {at: 30s, for: 100ms, kill: db/shard-1}}";
    let report = in_transaction(steps, TWO_TABLES, dies);
    // All ten that were under way, of about ten every two seconds.
    let conflicts = report.requests.errors["conflict"].mean * report.requests.throughput_per_s.mean * 55.0;
    assert!((8.0..=10.5).contains(&conflicts), "{conflicts}");
}

#[test]
fn a_failure_rolls_back_and_frees_everything() {
    let db = "connections: 1, operations: {a: {wait: 2ms}}";
    let steps =
        "{transaction: {in: db, do: [{call: db.a}, {fail: {share: 50%, as: declined}}, {wait: 10ms}]}, fallback: skip}";
    let text = scenario("clients: 20, think: 1ms", steps, db, "").replace("connections: none, ", "");
    // Half of them hold the connection for 2.25 ms, half for 12.75 ms.
    near(report(&text).requests.goodput_per_s.mean, 1.0 / 0.0075, 0.03);
}

#[test]
fn locks_of_a_database_end_with_it() {
    let lock = "{lock: {name: row, in: db, do: [{wait: 10s}]}}, {call: db.a}";
    let dies = "faults: {dies: {at: 30s, for: 100ms, kill: db/shard-0}}";
    let errors = |rest: &str| {
        let report = report(&scenario("clients: 5, think: 100ms", lock, TWO_TABLES, rest));
        report.requests.errors.get("reset").map_or(0.0, |share| share.mean)
    };
    assert_eq!(errors(""), 0.0);
    assert!(0.2 < errors(dies));
}

// -- shards that join ---------------------------------------------------------------------------------------------------

fn grown(by: &str, disk: &str) -> Report {
    let db = format!(
        "machine: r5.large, {disk} data: {{rows: 1M, row: 1KB, key: user}}, shards: {{count: 4, by: {by}, key: user}}, operations: {{write: {{cpu: 100us}}}}"
    );
    let rest = "faults: {grow: {at: 10s, reshard: db, to: 5, bandwidth: 50MB/s}}";
    report(&scenario("rate: 1000/s", "{call: db.write}", &db, rest))
}

#[test]
fn keys_move_to_a_shard_that_joins() {
    for (by, share) in [("hash", 0.8), ("consistent(150)", 0.2)] {
        let report = grown(by, "");
        let grow = &report.faults["grow"];
        let moved = grow.moved_keys.expect("keys moved").mean;
        assert!((moved - share).abs() < 0.03, "{by}: {moved}");
        near(grow.moved_bytes.expect("bytes moved").mean, moved * 1e9, 1e-6);
        // A gigabyte at 50 MB/s takes twenty seconds.
        let took = grow.moved_in_s.expect("it ended").mean;
        near(took, 20.0 * moved, 0.02);
        let after = (50.0 - took) / 55.0;
        near(shares(&report)[4], 0.2 * after, 0.2);
        assert_eq!(report.requests.error_ratio.expect("there are requests").mean, 0.0);
        let joined = report.cost.lines.iter().find(|line| line.what == "instances that come or go").expect("it costs");
        near(joined.quantity, 50.0 / 55.0, 0.01);
    }
}

#[test]
fn a_shard_that_leaves_gives_its_keys_to_the_others() {
    for (by, share) in [("hash", 0.8), ("consistent(150)", 0.2), ("rendezvous", 0.2), ("jump", 0.2)] {
        let db = format!(
            "machine: r5.large, data: {{rows: 1M, row: 1KB, key: user}}, shards: {{count: 5, by: {by}, key: user}}, operations: {{write: {{cpu: 100us}}}}"
        );
        let rest = "faults: {shrink: {at: 10s, reshard: db, to: 4, bandwidth: 50MB/s}}";
        let report = report(&scenario("rate: 1000/s", "{call: db.write}", &db, rest));
        let shrink = &report.faults["shrink"];
        let moved = shrink.moved_keys.expect("keys moved").mean;
        assert!((moved - share).abs() < 0.03, "{by}: {moved}");
        let took = shrink.moved_in_s.expect("it ended").mean;
        near(took, 20.0 * moved, 0.02);
        let before = (5.0 + took) / 55.0;
        near(shares(&report)[4], 0.2 * before, 0.2);
        assert_eq!(report.requests.error_ratio.expect("there are requests").mean, 0.0);
        let left = report.cost.lines.iter().find(|line| line.what == "instances that come or go").expect("it costs");
        // What is in flight there is looked after every second.
        assert!((left.quantity - before).abs() < 1.5 / 55.0, "{by}: {} {before}", left.quantity);
    }
}

#[test]
fn shards_leave_and_come_again() {
    let db = "data: {rows: 1M, row: 1KB, key: user}, shards: {count: 4, key: user}, replicas: {count: 1}, failover: {}, operations: {write: {cpu: 100us}, read: {cpu: 100us}}";
    let rest = "faults:\n  shrink: {at: 10s, reshard: db, to: 2, bandwidth: 1GB/s}\n  grow: {at: 20s, reshard: db, to: 4, bandwidth: 1GB/s}";
    let report = report(&scenario("rate: 500/s", "{call: {db.read: 1, db.write: 1}}", db, rest));
    assert_eq!(report.requests.error_ratio.expect("there are requests").mean, 0.0);
    near(report.components["db"].instances.mean, (8.0 * 45.0 + 4.0 * 10.0) / 55.0, 0.03);
    // Nobody takes the departure of a primary for its death.
    assert!(!report.components["db"].kind_specific.figures.contains_key("leader_changes"));
}

#[test]
fn a_slow_disk_makes_the_copy_slower() {
    let took = grown("hash", "disk: {bandwidth: 10MB/s},").faults["grow"].moved_in_s.expect("it ended").mean;
    // The new shard takes 200 MB through a disk of 10 MB/s.
    assert!(19.0 < took, "{took}");
}

#[test]
fn nobody_comes_to_a_shard_before_it_has_joined() {
    let db = "data: {rows: 1M, row: 1KB}, shards: {count: 2, key: user}, replicas: {count: 1}, operations: {write: {cpu: 100us}, read: {cpu: 100us}}";
    let rest =
        "faults:\n  grow: {at: 59.9s, reshard: db, to: 3, bandwidth: 1MB/s}\n  all_die: {at: 20s, for: 1s, kill: db}";
    let steps = "{call: {db.read: 1, db.write: 1}}";
    let report = report(&scenario("rate: 500/s", steps, db, rest));
    assert_eq!(report.components["db"].kind_specific.shards.len(), 2);
    near(report.components["db"].instances.mean, 4.0 * 54.0 / 55.0, 0.01);
}

#[test]
fn laws_hold_while_transactions_fail_in_every_way() {
    let around = [
        "timeout: 40ms",
        "timeout: 40ms, cancel: true",
        "retry: {attempts: 3, backoff: constant(2ms)}",
        "deadline: 60ms",
    ];
    for seed in 0..12_usize {
        let (connections, share) = (1 + seed % 3, 20 * (seed % 4));
        let text = format!(
            "
plimsoll: 1
title: transactions, seed {seed}
run: {{duration: 20s, warmup: none, replications: 1, seed: {seed}, prefill: none}}
keys: {{user: {{count: 20, popularity: zipf(1)}}, friend: {{like: user}}}}
load: {{users: {{rate: {}/s, requests: {{web.pay: 1}}, {}}}}}
policies: {{web -> db: {{pool: {{size: 4, wait: 20ms}}}}}}
components:
  web:
    kind: service
    workers: 20
    operations:
      pay:
        - transaction:
            in: db
            do:
              - {{lock: {{name: row, key: user, in: db, timeout: 30ms, do: [{{call: db.take, key: user, timeout: 15ms}}]}}}}
              - {{fail: {{share: {share}%, as: declined}}}}
              - {{parallel: [{{call: db.give, key: friend}}, {{call: db.give, key: user}}], join: any}}
              - {{call: db.take, key: friend}}
          fallback: skip
        - {{cpu: 1ms}}
  db:
    kind: database
    connections: {connections}
    queue: {{limit: 5}}
    shards: {{count: 3, by: hash, key: user}}
    operations: {{take: [{{wait: exp(3ms)}}, {{respond: 1KB}}, {{wait: exp(1ms)}}], give: {{wait: exp(3ms), bytes: 1KB}}}}
faults:
  some: {{kill: db/any, every: exp(2s), for: exp(300ms)}}
  callers: {{kill: web/0, every: exp(5s), for: 200ms}}
  shrink: {{at: 5s, reshard: db, to: 2}}
  grow: {{at: 10s, reshard: db, to: 4}}
",
            30 + 30 * (seed % 5),
            around[seed % 4],
        );
        report(&text);
    }
}
