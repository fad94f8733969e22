//! What is built on messages: windows of time, and event stores.

use plimsoll::engine::{Signals, simulate};
use plimsoll::model::Model;
use plimsoll::record::{EventTally, Record, Tallies};

use crate::laws;
use crate::support::model;

fn seen(text: &str) -> (Model, Record) {
    let model = model(text);
    let record = simulate(&model, 1, 0, &Signals::default());
    laws::holds(&model, &record, text);
    (model, record)
}

fn end(record: &Record) -> &Tallies {
    &record.snapshots.last().expect("every record ends").tallies
}

/// Visits of an operation that went well, and their mean time.
fn visits((model, record): &(Model, Record), name: &str) -> (u64, f64) {
    let (component, name) = name.split_once('.').expect("component.operation");
    let is_it = |operation: &plimsoll::model::Operation| {
        model.components[operation.component as usize].name == component && operation.name == name
    };
    let flow = &end(record).operations[model.operations.iter().position(is_it).expect("there is such an operation")];
    (flow.ok.count(), flow.ok.mean().unwrap_or(0.0))
}

/// Messages for one value in a hundred, gathered in windows of so long.
fn windows(by: &str, every: &str, faults: &str) -> (Model, Record) {
    seen(&format!(
        "plimsoll: 1
title: windows
run: {{duration: 100s, warmup: none, replications: 1}}
keys: {{user: {{count: 100, popularity: uniform}}}}
load: {{users: {{rate: 500/s, requests: {{web.note: 1}}, timeout: none}}}}
links: {{any -> any: {{latency: 0s}}}}
components:
  web: {{kind: service, operations: {{note: [{{publish: {{to: stream.notes}}}}]}}}}
  stream: {{kind: log, topics: {{notes: {{partitions: 4, key: user}}}}}}
  counter:
    kind: service
    instances: 2
    consumes: {{from: stream.notes, operation: count, session: 1s, rebalance: 0s}}
    operations: {{count: [{{cpu: 10us}}, {{window: {{{by}every: {every}, do: [{{call: views.write}}]}}}}]}}
  views: {{kind: database, operations: {{write: {{cpu: 100us}}}}}}
faults: {{{faults}}}
"
    ))
}

#[test]
fn a_window_works_once_for_each_value_that_came() {
    let ten = windows("by: user, ", "10s", "");
    let (writes, _) = visits(&ten, "views.write");
    // 5000 messages in a window, so each of 100 values comes; the last window is still open.
    assert_eq!(900, writes);
    let tally = end(&ten.1).windows[0];
    assert_eq!((1000, visits(&ten, "counter.count").0), (tally.begun, tally.gathered));
    let five = windows("by: user, ", "5s", "");
    assert_eq!(1900, visits(&five, "views.write").0, "shorter windows, more of them");
    let one = windows("", "10s", "");
    assert_eq!(18, visits(&one, "views.write").0, "without a key, one for each instance");
}

#[test]
fn an_instance_that_dies_takes_along_what_it_has_gathered() {
    // Windows that were begun and never worked on, but for those of each value that are open at the end.
    let lost = |seen: &(Model, Record)| end(&seen.1).windows[0].begun - visits(seen, "views.write").0 - 100;
    let whole = windows("by: user, ", "10s", "");
    let dies = windows("by: user, ", "10s", "dies: {at: 55s, kill: counter/0, for: 30s}");
    assert_eq!(0, lost(&whole));
    assert!((20..80).contains(&lost(&dies)), "about half of the values: {}", lost(&dies));
    let begun = |seen: &(Model, Record)| end(&seen.1).windows[0].begun;
    assert!(begun(&whole) < begun(&dies), "the other begins anew what comes again");
}

/// Commands that work through a stream, and add to it.
fn events(store: &str, cpu: &str, rate: &str) -> (Model, Record) {
    seen(&format!(
        "plimsoll: 1
title: events
run: {{duration: 60s, warmup: none, replications: 1}}
keys: {{account: {{count: 50, popularity: uniform}}}}
load: {{users: {{rate: {rate}, requests: {{bank.move: 1}}, timeout: none}}}}
links: {{any -> any: {{latency: 0s}}}}
components:
  bank: {{kind: service, cores: 8, operations: {{move: [{{replay: {{of: ledger{cpu}}}}}, {{call: ledger.append}}]}}}}
  ledger: {{kind: event_store, key: account, disk: {{iops: 10k, bandwidth: 100MB/s}}{store}}}
"
    ))
}

fn tally(seen: &(Model, Record)) -> EventTally {
    end(&seen.1).events[0]
}

fn each(seen: &(Model, Record)) -> f64 {
    tally(seen).replayed as f64 / tally(seen).replays as f64
}

#[test]
fn a_replay_grows_with_the_stream_until_a_snapshot_bounds_it() {
    let free = events(", event: 400B", ", cpu: 10us", "100/s");
    let bound = events(", event: 400B, snapshot: {every: 20, bytes: 1KB}", ", cpu: 10us", "100/s");
    // 120 events come to each stream, so the mean replay has half of them.
    assert!((each(&free) - 60.0).abs() < 4.0, "{}", each(&free));
    assert!((each(&bound) - 9.5).abs() < 1.0, "{}", each(&bound));
    let time = |seen: &(Model, Record)| visits(seen, "bank.move").1;
    assert!(2.0 * time(&bound) < time(&free), "{} {}", time(&bound), time(&free));
    let (appended, snapshots) = (tally(&bound).appended, tally(&bound).snapshots);
    assert!(snapshots.abs_diff(appended / 20) <= 50, "{appended} {snapshots}");
    assert_eq!(appended * 400 + snapshots * 1000, tally(&bound).bytes);
    assert_eq!((0, tally(&free).appended * 400), (tally(&free).snapshots, tally(&free).bytes));
}

#[test]
fn history_makes_replays_longer_unless_there_are_snapshots() {
    let young = events("", "", "100/s");
    let old = events(", start: 1000", "", "100/s");
    assert!((each(&old) - each(&young) - 1000.0).abs() < 1e-6, "{} {}", each(&old), each(&young));
    let bounded = events(", start: 1000, snapshot: {every: 20}", "", "100/s");
    assert!(each(&bounded) < 20.0, "{}", each(&bounded));
}

#[test]
fn what_is_read_weighs_on_the_disk_and_what_is_worked_through_on_the_cores() {
    let busy = |seen: &(Model, Record)| {
        let hosts = &end(&seen.1).hosts;
        (hosts.iter().map(|host| host.disk_bytes).sum::<u64>(), hosts.iter().map(|host| host.core_ns).sum::<u128>())
    };
    let small = busy(&events(", event: 100B, start: 100", ", cpu: 1us", "100/s"));
    let large = busy(&events(", event: 1KB, start: 100", ", cpu: 10us", "100/s"));
    assert!(9 * small.0 < large.0 && large.0 < 11 * small.0, "{small:?} {large:?}");
    assert!(9 * small.1 < large.1 && large.1 < 11 * small.1, "{small:?} {large:?}");
}
