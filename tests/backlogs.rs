//! What lies in queues and logs: before a run begins, and on the bill.

use plimsoll::model::Scope;
use plimsoll::report::Report;

use crate::seen::Seen;
use crate::support::evaluated;

/// A publisher of 100 a second, a log of four partitions, and a reader of each who does 50 a second.
fn text(run: &str, topic: &str, consumer: &str, rest: &str) -> String {
    format!(
        "plimsoll: 1
title: backlog
run: {{duration: 120s, warmup: none, replications: 1{run}}}
keys: {{user: {{count: 1000, popularity: uniform}}}}
load: {{users: {{rate: 100/s, requests: {{web.buy: 1}}, timeout: none}}}}
links: {{any -> any: {{latency: 0s}}}}
components:
  web: {{kind: service, operations: {{buy: [{{publish: {{to: stream.clicks, key: user, bytes: 1KB}}}}]}}}}
  stream: {{kind: log, instances: 3, disk: {{bandwidth: 100MB/s}}, topics: {{clicks: {{partitions: 4{topic}}}}}}}
  worker: {{kind: service, instances: 4, consumes: {{from: stream.clicks, group: mail, operation: send, batch: 20{consumer}}}, operations: {{send: [{{wait: 20ms}}]}}}}
  other: {{kind: service, consumes: {{from: stream.clicks, group: side, operation: note}}, operations: {{note: [{{wait: 1ms}}]}}}}
{rest}"
    )
}

#[test]
fn a_group_that_begins_behind_catches_up() {
    let none = Seen::of(&text("", "", "", ""));
    let behind = Seen::of(&text("", "", ", behind: 6000", ""));
    assert_eq!((0, 6000), (none.group("mail").before, behind.group("mail").before));
    assert_eq!(0, behind.group("side").before, "the other group has done everything");
    assert_eq!(none.group("side").delivered, behind.group("side").delivered, "and does what it did");
    // 200 a second are done and 100 come, so 6000 are done after a minute; partitions are a little uneven.
    let open = behind.group("mail").open;
    assert!(open < 20, "{open} are open after two minutes");
    let half = Seen::of(&text("", "", ", behind: 6000", "").replace("duration: 120s", "duration: 30s"));
    let open = half.group("mail").open as f64;
    assert!((open - 3000.0).abs() < 450.0, "after half a minute a half: {open}");
}

#[test]
fn what_waited_is_as_old_as_it_is() {
    let by_count = Seen::of(&text("", "", ", behind: 6000", ""));
    let by_time = Seen::of(&text("", "", ", behind: 1m", ""));
    let before = by_time.group("mail").before;
    assert!(before.abs_diff(6000) < 30, "a minute at 100 a second: {before}");
    for seen in [by_count, by_time] {
        let lag = seen.whole().message_lag(Scope::All).max().expect("some were done");
        assert!((57.0..75.0).contains(&lag), "the first of them had waited for a minute: {lag}");
    }
}

/// Their keys are those of the traffic, so their partitions are loaded as those of later messages.
#[test]
fn what_waited_lies_where_its_keys_say() {
    let hot = text("", "", ", behind: 20k", "").replace("wait: 20ms", "wait: 100s").replace("uniform", "zipf(1)");
    let seen = Seen::of(&hot);
    let waiting: Vec<f64> = seen.group("mail").behind.iter().map(|(open, _)| *open as f64).collect();
    let came: Vec<f64> = seen.partitions("stream.clicks").iter().map(|count| *count as f64).collect();
    let share = |of: &[f64], at: usize| of[at] / of.iter().sum::<f64>();
    for at in 0..4 {
        assert!((share(&waiting, at) - share(&came, at)).abs() < 0.02, "{waiting:?} {came:?}");
    }
    let most = (0..4).map(|at| share(&came, at)).fold(0.0, f64::max);
    assert!(0.27 < most, "popular keys load their partition: {came:?}");
}

#[test]
fn what_is_too_old_or_too_much_has_gone() {
    let time = Seen::of(&text("", ", retention: {time: 10s}", ", behind: 60s", ""));
    let expired = time.group("mail").expired;
    assert!((5000..5200).contains(&expired), "50 of 60 seconds: {expired}");
    let bytes = Seen::of(&text("", ", retention: {bytes: 250KB}", ", behind: 6000", ""));
    let kept = 6000 - bytes.group("mail").expired;
    assert!((900..=1000).contains(&kept), "1 KB each, 250 KB in each of four: {kept}");
}

#[test]
fn a_queue_begins_with_what_waits_too() {
    let queue = |behind: &str| {
        Seen::of(&format!(
            "plimsoll: 1
run: {{duration: 60s, warmup: none, replications: 1, prefill: none}}
load: {{users: {{rate: 10/s, requests: {{web.buy: 1}}, timeout: none}}}}
components:
  web: {{kind: service, operations: {{buy: [{{publish: {{to: tasks, linger: 50ms}}}}]}}}}
  tasks: {{kind: queue}}
  worker: {{kind: service, workers: 1, consumes: {{from: tasks, operation: send{behind}}}, operations: {{send: [{{wait: 50ms}}]}}}}
"
        ))
    };
    let seen = queue(", behind: 300");
    assert_eq!(300, seen.group("tasks").before);
    assert!(seen.group("tasks").open < 15, "20 a second are done and 10 come: {}", seen.group("tasks").open);
    assert!(queue("").lag_s() < seen.lag_s());
}

/// A fault that reads again what came in the last minute, ten seconds after the start.
#[test]
fn what_came_before_the_run_can_be_read_again() {
    let fault = "faults: {again: {at: 10s, rewind: stream.clicks, group: side, back: 60s}}\n";
    let again = |run: &str, topic: &str| Seen::of(&text(run, topic, "", fault)).group("side").rewound;
    let (warm, cold) = (again("", ""), again(", prefill: none", ""));
    assert!(cold.abs_diff(1000) < 120, "ten seconds: {cold}");
    assert!((warm - cold).abs_diff(5000) < 120, "and fifty from before: {warm}");
    let short = again("", ", retention: {time: 20s}");
    assert!(short.abs_diff(2000) < 150, "no more than is kept: {short}");
}

// -- the bill ---------------------------------------------------------------------------------------------------------

fn line(report: &Report, component: &str, what: &str) -> (f64, f64) {
    let mut lines = report.cost.lines.iter().filter(|line| line.component == component && line.what == what);
    let line = lines.next().unwrap_or_else(|| panic!("{component} has no line for {what}"));
    (line.quantity, line.usd_per_month)
}

const PRICES: &str = "prices: {stream: {storage: $0.10/GB/month, in: $0.02/GB, out: [{price: $0.05/GB}]}}\n";

fn priced(topic: &str, log: &str) -> Report {
    evaluated(&text("", topic, "", PRICES).replace("kind: log,", &format!("kind: log, {log}")))
}

const MONTH_S: f64 = 730.0 * 3600.0;

#[test]
fn retention_and_copies_move_the_bill_of_a_log() {
    let close = |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 0.03, "{got}, not {expected}");
    let week = ", retention: {time: 7d}";
    let one = line(&priced(week, ""), "stream", "storage");
    // 100 KB a second for a week, at a tenth of a dollar the GB.
    close(one.0, 100e3 * 604_800.0 / 1e9);
    close(one.1, one.0 * 0.10);
    let three = line(&priced(week, "replication: {factor: 3, min_isr: 2},"), "stream", "storage");
    close(three.0, 3.0 * one.0);
    let month = line(&priced(", retention: {time: 28d}", ""), "stream", "storage");
    close(month.0, 4.0 * one.0);
    let packed = line(&priced(", retention: {time: 7d}, compression: 40%", ""), "stream", "storage");
    close(packed.0, 0.4 * one.0);
    let capped = line(&priced(", retention: {time: 7d, bytes: 1GB}", ""), "stream", "storage");
    close(capped.0, 4.0);
    let for_ever = line(&priced("", ""), "stream", "storage");
    close(for_ever.0, 0.5 * 100e3 * MONTH_S / 1e9);
    let full = line(&priced(", start: 10TB", ""), "stream", "storage");
    close(full.0, for_ever.0 + 10_000.0);
}

#[test]
fn bytes_in_and_out_of_a_log_are_billed() {
    let report = priced(", retention: {time: 7d}", "");
    let (came, went) = (line(&report, "stream", "bytes in"), line(&report, "stream", "bytes out"));
    let a_month = 100e3 * MONTH_S / 1e9;
    assert!((came.0 / a_month - 1.0).abs() < 0.03, "{came:?}, not {a_month}");
    assert!((came.1 / (came.0 * 0.02) - 1.0).abs() < 1e-9);
    assert!((went.0 / (2.0 * a_month) - 1.0).abs() < 0.03, "two groups read it: {went:?}");
}

#[test]
fn event_stores_and_databases_pay_for_what_they_keep() {
    let stored = |store: &str, db: &str| {
        let report = evaluated(&format!(
            "plimsoll: 1
run: {{duration: 60s, warmup: none, replications: 1}}
keys: {{account: {{count: 1M}}}}
load: {{users: {{rate: 50/s, arrivals: constant, requests: {{book.append: 1, db.read: 1}}, timeout: none}}}}
components:
  book: {{kind: event_store, key: account, event: 400B{store}}}
  db: {{kind: database, data: {{rows: 100M, row: 1KB}}{db}, operations: {{read: {{cpu: 1ms}}}}}}
prices: {{book: {{storage: $0.10/GB/month}}, db: {{storage: $0.115/GB/month}}}}
"
        ));
        [line(&report, "book", "storage").0, line(&report, "db", "storage").0]
    };
    let [book, db] = stored("", "");
    let a_month = 25.0 * 400.0 * MONTH_S / 1e9;
    assert!((book / (0.5 * a_month) - 1.0).abs() < 0.1, "{book}, half of {a_month}");
    assert!((db - 100.0).abs() < 1e-9, "{db}");
    let [book, db] = stored(", start: 200", ", replicas: {count: 2}");
    assert!((book / (0.5 * a_month + 80.0) - 1.0).abs() < 0.05, "a million streams of 80 KB more: {book}");
    assert!((db - 300.0).abs() < 1e-9, "three copies: {db}");
}

// -- a part of the whole ----------------------------------------------------------------------------------------------

/// Sixty partitions on thirty brokers with three copies each, read by twenty consumers, who begin behind.
fn scaled(scale: &str) -> Report {
    evaluated(&format!(
        "plimsoll: 1
title: scaled
run: {{duration: 60s, warmup: none, replications: 2{scale}}}
keys: {{user: {{count: 10k, popularity: uniform}}}}
load: {{users: {{rate: 2000/s, requests: {{web.buy: 1}}, timeout: none}}}}
components:
  web: {{kind: service, instances: 10, operations: {{buy: [{{publish: {{to: stream.clicks, bytes: 1KB}}}}]}}}}
  stream:
    kind: log
    instances: 30
    disk: {{bandwidth: 5MB/s}}
    replication: {{factor: 3, min_isr: 2}}
    topics: {{clicks: {{partitions: 60, key: user, retention: {{time: 7d}}}}, dead: {{}}}}
  worker: {{kind: service, instances: 20, consumes: {{from: stream.clicks, group: mail, operation: send, batch: 10, behind: 20k}}, operations: {{send: [{{wait: exp(6ms)}}, {{respond: 1KB}}]}}}}
prices: {{stream: {{storage: $0.10/GB/month, in: $0.02/GB}}}}
"
    ))
}

#[test]
fn a_part_of_a_log_stands_for_the_whole() {
    let whole = scaled("");
    for scale in [", scale: 1/2", ", scale: 1/10"] {
        let part = scaled(scale);
        let figure = |report: &Report, component: &str, name: &str| {
            let figures = &report.components[component].kind_specific.figures;
            figures.get(name).unwrap_or_else(|| panic!("{component} has no {name}")).mean
        };
        for (component, name, tolerance) in [
            ("worker", "lag", 0.1),
            ("worker", "lag_p50", 0.1),
            ("worker", "lag_p99", 0.15),
            ("worker", "delivered_per_s", 0.02),
            ("worker", "backlog", 0.1),
            ("stream", "accepted_per_s", 0.02),
            ("stream", "bytes_kept", 0.02),
        ] {
            let (truth, got) = (figure(&whole, component, name), figure(&part, component, name));
            println!("{scale} {component} {name}: {got} for {truth}");
            assert!((got / truth - 1.0).abs() < tolerance, "{scale} {component} {name}: {got}, not {truth}");
        }
        let latency = |report: &Report| report.latency.all.mean.expect("many asked").mean;
        let (truth, got) = (latency(&whole), latency(&part));
        assert!((got / truth - 1.0).abs() < 0.1, "{scale}: publishing takes {got}, not {truth}");
        for what in ["storage", "bytes in"] {
            let (truth, got) = (line(&whole, "stream", what).0, line(&part, "stream", what).0);
            assert!((got / truth - 1.0).abs() < 0.02, "{scale} {what}: {got}, not {truth}");
        }
        let rate = |report: &Report, name: &str| {
            let shards = &report.components["stream"].kind_specific.shards;
            shards.iter().find(|shard| shard.name == name).expect("it is listed").arrivals_per_s.mean
        };
        let (truth, got) = (2000.0 / 60.0, rate(&part, "clicks/0"));
        assert!((got / truth - 1.0).abs() < 0.15, "{scale}: a partition has {got} a second, as it had {truth}");
    }
}
