//! The same scenario and seed give the same bytes: on any number of threads, in any order of the maps, beside anything else.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::report::json;
use serde_json::Value;

use crate::support::compiled;

const SHOP: &str = "
plimsoll: 1
title: a shop
run: {duration: 60s, warmup: 5s, replications: 4, seed: 7}
keys: {user: {count: 1000, popularity: zipf(0.9)}}
load:
  buyers: {rate: 150/s, requests: {web.buy: 30%, web.look: 70%}, timeout: 400ms, retry: {attempts: 2, backoff: exponential(20ms x2), jitter: full}}
  crawler: {clients: 5, think: exp(300ms), requests: {web.look: 1}, timeout: 2s}
components:
  web: {kind: service, machine: c5.large, instances: 3, balance: choices(2), operations: {buy: [{cpu: exp(4ms)}, {call: db.write}], look: [{cpu: exp(2ms)}, {call: db.read}, {respond: 8KB}]}}
  db: {kind: database, machine: r5.large, connections: 30, operations: {read: {cpu: exp(2ms)}, write: {cpu: exp(4ms), io: 2}}}
faults: {dies: {at: 20s, kill: web/1, for: 10s}, slow: {at: 40s, slow: db, factor: 3, for: 5s}}
";

/// The same scenario with every map in another order.
const TURNED: &str = "
plimsoll: 1
faults: {slow: {for: 5s, factor: 3, slow: db, at: 40s}, dies: {for: 10s, kill: web/1, at: 20s}}
components:
  db: {operations: {write: {io: 2, cpu: exp(4ms)}, read: {cpu: exp(2ms)}}, connections: 30, machine: r5.large, kind: database}
  web: {operations: {look: [{cpu: exp(2ms)}, {call: db.read}, {respond: 8KB}], buy: [{cpu: exp(4ms)}, {call: db.write}]}, balance: choices(2), instances: 3, machine: c5.large, kind: service}
load:
  crawler: {timeout: 2s, requests: {web.look: 1}, think: exp(300ms), clients: 5}
  buyers: {retry: {jitter: full, backoff: exponential(20ms x2), attempts: 2}, timeout: 400ms, requests: {web.look: 70%, web.buy: 30%}, rate: 150/s}
keys: {user: {popularity: zipf(0.9), count: 1000}}
run: {seed: 7, replications: 4, warmup: 5s, duration: 60s}
title: a shop
";

/// A load and two components that have nothing to do with the shop; their names stand before, between and after its own.
const BESIDE: &str = "
  aside: {kind: service, instances: 2, balance: random, operations: {go: [{cpu: exp(1ms)}, {call: other.go}]}}
  other: {kind: service, operations: {go: [{wait: exp(3ms)}]}}
";

fn report(text: &str, jobs: usize) -> Value {
    let (scenario, model) = compiled(text);
    let plan = Plan::new(&model, &scenario, jobs);
    json::value(&evaluate(&model, &scenario, &plan, &Progress::default()).report)
}

#[test]
fn threads_change_nothing() {
    let one = report(SHOP, 1);
    assert!(one["latency"]["all"]["count"].as_u64().is_some_and(|count| 20_000 < count));
    assert_eq!(one, report(SHOP, 2));
    assert_eq!(one, report(SHOP, 8));
}

#[test]
fn the_order_of_maps_changes_nothing() {
    assert_eq!(report(SHOP, 2), report(TURNED, 2));
}

#[test]
fn another_seed_changes_something() {
    let other = SHOP.replace("seed: 7", "seed: 8");
    assert_ne!(report(SHOP, 2)["latency"], report(&other, 2)["latency"]);
}

#[test]
fn what_stands_beside_changes_nothing() {
    let beside = SHOP
        .replace("components:\n", &format!("components:{BESIDE}"))
        .replace("load:\n", "load:\n  busy: {rate: 200/s, requests: {aside.go: 1}, timeout: 1s}\n");
    let (alone, together) = (report(SHOP, 2), report(&beside, 2));
    for part in ["components", "operations", "loads"] {
        for (name, figures) in alone[part].as_object().expect("a map of names") {
            assert_eq!(Some(figures), together[part].get(name), "{part} {name}");
        }
    }
    assert_eq!(alone["faults"]["dies"]["removal_s"], together["faults"]["dies"]["removal_s"]);
}
