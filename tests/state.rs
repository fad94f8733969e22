//! What instances keep to themselves: what they find depends on who asks whom, it costs no hop, and it dies with them.

use plimsoll::report::Report;

use crate::faults::report;
use crate::support::model;

/// Four instances that keep entries, and the database behind them.
fn four(balance: &str, state: &str, rest: &str) -> Report {
    report(&format!(
        "plimsoll: 1
title: state
run: {{duration: 60s, warmup: 10s, replications: 1}}
keys: {{user: {{count: 10k}}}}
load: {{users: {{rate: 400/s, requests: {{web.page: 1}}, timeout: none}}}}
components:
  web:
    kind: service
    instances: 4
    workers: none
    balance: {balance}
    state: {{{state}}}
    operations: {{page: [{{cached: {{in: self, miss: [{{call: db.read}}]}}}}]}}
  db: {{kind: service, workers: none, operations: {{read: {{wait: 10ms}}}}}}
links: {{web -> db: {{latency: 0ms}}, users -> web: {{latency: 0ms}}}}
{rest}"
    ))
}

fn figure(report: &Report, name: &str) -> f64 {
    report.components["web"].kind_specific.figures[name].mean
}

#[test]
fn nobody_sees_what_another_keeps() {
    // Room for a quarter of all users in each instance: enough if each has its own users, else every fourth is there.
    let hits = |balance: &str| figure(&four(balance, "entries: 2500", ""), "hit_ratio");
    let (own, any) = (hits("hash(user)"), hits("random"));
    assert!(0.97 < own && (any - 0.25).abs() < 0.02, "{own} and {any}");
    // Each instance has seen everybody if there is room; whoever takes turns finds a little less.
    let roomy = figure(&four("random", "entries: 10k", ""), "hit_ratio");
    assert!(any + 0.3 < roomy, "{roomy}");
    let sticky = figure(&four("round_robin\n    sticky: {by: user}", "entries: 3k", ""), "hit_ratio");
    assert!(0.9 < sticky, "{sticky}");
}

#[test]
fn a_look_is_no_hop_and_a_miss_is_one() {
    let report = four("hash(user)", "entries: none", "");
    let all = &report.latency.all;
    assert!(all.p50.expect("there are answers").mean < 1e-6);
    let most = all.max.expect("there are answers");
    assert!(most == 0.0 || (most - 0.01).abs() < 1e-4, "{most}");
}

#[test]
fn it_dies_with_its_instance() {
    let kill = "faults: {dies: {at: 30s, for: 1s, kill: web/1}}\n";
    let reads = |rest: &str| report_reads(&four("hash(user)", "entries: 10k", rest));
    let (before, after) = (reads(""), reads(kill));
    // A quarter of the users came to it, 100 a second of 2500: in the rest of the run nearly all 1600 that come are missed once.
    assert!(before + 15.0 < after, "{before} and {after}");
}

fn report_reads(report: &Report) -> f64 {
    report.components["db"].arrivals_per_s.mean
}

#[test]
fn it_takes_memory() {
    let text = |entry: &str| {
        format!(
            "plimsoll: 1
title: full of state
run: {{duration: 20s, warmup: none, replications: 1, prefill: none}}
keys: {{user: {{count: 10k}}}}
load: {{users: {{rate: 400/s, requests: {{web.page: 1}}, timeout: none}}}}
components:
  web:
    kind: service
    memory: {{idle: 10MB, each: 1MB, limit: 20MB}}
    state: {{entry: {entry}}}
    operations: {{page: [{{put: {{in: self}}}}, {{cpu: 1us}}]}}
"
        )
    };
    // A thousand entries of 10 KB do not fit beside the rest: it dies of them again and again, and begins anew.
    let died = |entry: &str| report(&text(entry)).requests.errors.contains_key("out_of_memory");
    assert!(!died("100B") && died("10KB"));
}

#[test]
fn an_edge_has_values_of_its_own() {
    let text = |from: &str| {
        format!(
            "plimsoll: 1
title: values at the edge
run: {{duration: 20s, warmup: none, replications: 1, prefill: none}}
regions: {{us-east-1: {{default: true}}, eu-west-1: {{}}}}
keys: {{user: {{count: 100}}}}
load:
  writers: {{rate: 100/s, requests: {{edge.note: 1}}, timeout: none, from: us-east-1}}
  readers: {{rate: 100/s, requests: {{edge.recall: 1}}, timeout: none, from: {from}}}
components:
  edge:
    kind: cdn
    pops: {{us-east-1: 1, eu-west-1: 1}}
    entries: 1k
    key: user
    backing: {{read: origin.page}}
    state: {{entries: 1k, key: user}}
    operations: {{note: [{{put: {{in: self}}}}], recall: [{{get: {{in: self, miss: [{{fail: {{as: not_found}}}}]}}}}]}}
  origin: {{kind: service, operations: {{page: {{cpu: 1ms}}}}}}
"
        )
    };
    let found = |from: &str| report(&text(from)).loads["readers"].requests.availability.expect("somebody reads").mean;
    let (here, there) = (found("us-east-1"), found("eu-west-1"));
    assert!(0.9 < here && there == 0.0, "{here} and {there}");
}

#[test]
fn a_flush_empties_it() {
    let flush = "faults: {emptied: {at: 30s, flush: web}}\n";
    let [with, without] = [flush, ""].map(|rest| figure(&four("hash(user)", "entries: 10k", rest), "hit_ratio"));
    assert!(with + 0.1 < without, "{with} and {without}");
    let compiled = model(
        "plimsoll: 1
title: two
run: {duration: 10s}
keys: {user: {count: 10}}
load: {users: {rate: 1/s, requests: {web.page: 1}, timeout: none}}
components: {web: {kind: service, instances: 2, state: {entries: 3}, operations: {page: [{put: {in: self}}]}}}
",
    );
    assert_eq!((compiled.caches.len(), compiled.caches[0].is_state, compiled.components[0].state), (1, true, 0));
}
