//! Queues: what they promise, message by message, and that each of their words moves what it should.

use plimsoll::model::Scope;
use plimsoll::scenario::condition::{Quantity, Stat};

use crate::seen::Seen;

/// A publisher of so many messages a second, a queue with these words, a consumer with those.
fn text(rate: &str, queue: &str, consumer: &str, work: &str) -> String {
    format!(
        "plimsoll: 1
title: queue
run: {{duration: 60s, warmup: none, replications: 1}}
keys: {{user: {{count: 10, popularity: uniform}}}}
load: {{users: {{rate: {rate}, requests: {{web.buy: 1}}, timeout: none}}}}
hosts: {{box: {{cores: 1000}}}}
links: {{any -> any: {{latency: 0s}}}}
components:
  web: {{kind: service, on: box, operations: {{buy: [{{publish: {{to: tasks}}}}]}}}}
  tasks: {{kind: queue, on: box{queue}}}
  failed: {{kind: queue, on: box}}
  worker: {{kind: service, on: box, consumes: {{from: tasks, operation: send}}{consumer}, operations: {{send: [{work}]}}}}
"
    )
}

#[test]
fn every_message_is_worked_on_once() {
    let seen = Seen::of(&text("50/s", "", "", "{wait: exp(5ms)}"));
    let tasks = seen.group("tasks");
    assert_eq!(tasks.entered, seen.operation("web.buy").ok.count());
    assert!(tasks.open < 10 && tasks.duplicates == 0 && tasks.redelivered == 0, "{tasks:?}");
    assert_eq!(seen.operation("worker.send").ok.count(), tasks.delivered + tasks.out, "one visit for each");
    let mean = seen.whole().message_lag(Scope::All).mean().expect("there are many");
    assert!((mean - 0.005).abs() < 0.0005, "from publication to the end of the work: {mean}");
}

#[test]
fn a_send_a_receive_and_an_acknowledgement_are_requests() {
    let seen = Seen::of(&text("20/s", ", publish: 3ms, deliver: 4ms", "", "{wait: 1ms}"));
    let requests = |name: &str| seen.operation(&format!("tasks.{name}")).ok.count();
    let delivered = seen.group("tasks").delivered;
    for name in ["publish", "receive", "acknowledge"] {
        assert!(requests(name).abs_diff(delivered) <= 3, "{name}: {}", requests(name));
    }
    let transit = seen.whole().transit(Scope::All).mean().expect("there are many");
    assert!((transit - 0.007).abs() < 1e-6, "3 ms to be taken and 4 ms to be handed out: {transit}");
}

#[test]
fn what_is_gathered_is_sent_as_one() {
    let plain = text("100/s", "", "", "{wait: 1ms}");
    let gathered = plain.replace("{to: tasks}", "{to: tasks, bytes: 1KB, linger: 1h, batch: 10KB}");
    let gathered = gathered.replace("operation: send", "operation: send, batch: 10");
    let (alone, gathered) = (Seen::of(&plain), Seen::of(&gathered));
    let requests = |seen: &Seen, name: &str| seen.operation(&format!("tasks.{name}")).ok.count();
    assert_eq!(gathered.group("tasks").entered, 10 * requests(&gathered, "publish"));
    assert!(requests(&alone, "publish").abs_diff(gathered.group("tasks").entered) < 11, "as many messages");
    assert_eq!(requests(&gathered, "publish"), requests(&gathered, "receive"), "they are there at once");
    let waits = |seen: &Seen| seen.operation("web.buy").ok.mean().expect("there are many");
    assert!(waits(&alone) < 1e-6 && (waits(&gathered) - 0.045).abs() < 0.005, "{}", waits(&gathered));
}

#[test]
fn what_takes_longer_than_its_visibility_is_done_twice() {
    let slow = Seen::of(&text("5/s", ", visibility: 1s", "", "{wait: 1500ms}"));
    let quick = Seen::of(&text("5/s", ", visibility: 2s", "", "{wait: 1500ms}"));
    assert!(100 < slow.group("tasks").duplicates, "{:?}", slow.group("tasks"));
    assert_eq!(0, quick.group("tasks").duplicates);
}

#[test]
fn a_message_is_given_up_after_so_many_attempts() {
    let queue = |then| format!(", visibility: none, redelivery: {{attempts: 3, backoff: constant(10ms){then}}}");
    let work = "{wait: 1ms}, {fail: {share: 50%, as: bad}}";
    let kept = Seen::of(&text("100/s", &queue(", then: failed"), "", work));
    let lost = Seen::of(&text("100/s", &queue(""), "", work));
    let (tasks, failed) = (kept.group("tasks"), kept.group("failed"));
    assert_eq!(tasks.dead, failed.entered);
    assert_eq!(failed.waiting, failed.entered, "nobody consumes dead letters here");
    let share = tasks.dead as f64 / (tasks.dead + tasks.delivered) as f64;
    assert!((share - 0.125).abs() < 0.015, "a half to the power of three: {share}");
    assert_eq!(lost.group("tasks").given_up, tasks.dead, "the same luck");
}

#[test]
fn attempts_are_as_far_apart_as_the_back_off_says() {
    let queue = ", visibility: none, redelivery: {attempts: 5, backoff: exponential(1s x2), then: failed}";
    // Whatever was sent in the first 40 s is dead 15 s later.
    let seen = Seen::of(&text("30/min, steps: {0s: 1, 40s: 0}", queue, "", "{fail: {as: bad}}"));
    let (tasks, failed) = (seen.group("tasks"), seen.group("failed"));
    assert!(5 < failed.entered && tasks.open == 0, "{tasks:?}");
    assert_eq!((0, 5 * tasks.dead), (tasks.out_ns, tasks.deliveries), "five attempts, none of which takes time");
    assert_eq!(15_000_000_000 * u128::from(tasks.dead), tasks.waiting_ns, "1 + 2 + 4 + 8 s between them");
}

#[test]
fn dead_letters_go_back_when_they_are_told_to() {
    let queue = ", visibility: none, redelivery: {attempts: 1, then: failed}";
    let plain = text("10/s", queue, "", "{wait: 1ms}");
    let both = format!(
        "{plain}faults: {{broken: {{at: 10s, for: 10s, errors: worker.send}}, again: {{at: 30s, redrive: failed}}}}\n"
    );
    let seen = Seen::of(&both);
    let (tasks, failed) = (seen.group("tasks"), seen.group("failed"));
    assert!(50 < tasks.dead, "{tasks:?}");
    assert_eq!((tasks.dead, tasks.dead, 0), (failed.redriven, tasks.driven_in, failed.open));
    assert!(tasks.delivered + 3 >= tasks.entered - tasks.dead, "all are done in the end: {tasks:?}");
}

#[test]
fn the_higher_priority_is_served_first() {
    let lanes = |order: &str| {
        let text = text("185/s", &format!(", order: {order}"), ", workers: 1", "{wait: 5ms}")
            .replace("[{publish: {to: tasks}}]", "[{choose: [{weight: 1, do: [{publish: {to: tasks, priority: 1}}]}, {weight: 1, do: [{publish: {to: tasks, priority: 9}}]}]}]");
        let seen = Seen::of(&text);
        let lag = seen.whole().message_lag(Scope::All);
        (lag.mean().expect("there are many"), lag.quantile_raw(0.9).expect("there are many"))
    };
    let (fifo, priority) = (lanes("fifo"), lanes("priority"));
    assert!((fifo.0 / priority.0 - 1.0).abs() < 0.05, "the order moves no work: {fifo:?} {priority:?}");
    assert!(1.15 * fifo.1 < priority.1, "the others wait longer: {fifo:?} {priority:?}");
}

#[test]
fn messages_with_the_same_value_are_worked_on_one_after_the_other() {
    let most = |ordered: &str| {
        let text = text("100/s", ordered, "", "{lock: {name: one, key: user, do: [{wait: 20ms}]}}");
        let seen =
            Seen::of(&text.replace(
                "title: queue",
                "title: queue\nobjectives: {one: in_flight max of worker.send with user=3 <= 1}",
            ));
        seen.end().filtered.iter().map(|flow| flow.in_flight_max).max().expect("there is a filter")
    };
    assert_eq!(1, most(", ordered: user"));
    assert!(1 < most(""));
}

#[test]
fn each_group_gets_every_message() {
    let text = text("30/s", "", "", "{wait: 1ms}") + "  mail: {kind: service, on: box, consumes: {from: tasks, group: mail, operation: go}, operations: {go: [{wait: 1ms}]}}
  bill: {kind: service, on: box, consumes: {from: tasks, group: bill, operation: go}, operations: {go: [{wait: 1ms}]}}
  more: {kind: service, on: box, consumes: {from: tasks, group: bill, operation: go}, operations: {go: [{wait: 1ms}]}}
";
    let seen = Seen::of(&text);
    let sent = seen.operation("web.buy").ok.count();
    let worked = |name: &str| seen.operation(name).ok.count();
    assert_eq!((sent, sent, sent), (worked("worker.send"), worked("mail.go"), worked("bill.go") + worked("more.go")));
    assert!(worked("bill.go").abs_diff(worked("more.go")) <= 1, "competing consumers take turns");
}

#[test]
fn what_is_sent_again_is_taken_once_if_the_queue_remembers() {
    let retried = |queue: &str| {
        let text = text("50/s", &format!(", publish: exp(20ms){queue}"), "", "{wait: 1ms}");
        let seen = Seen::of(
            &text.replace("{publish: {to: tasks}}", "{publish: {to: tasks}, timeout: 20ms, retry: {attempts: 5}}"),
        );
        (seen.topic("tasks").accepted, seen.topic("tasks").repeated, seen.group("tasks").duplicates)
    };
    let (plain, careful) = (retried(""), retried(", deduplicate: 5m"));
    assert!(300 < plain.2 && plain.1 == 0, "{plain:?}");
    assert_eq!(0, careful.2);
    assert!(plain.0.abs_diff(careful.0 + careful.1) < 5, "{plain:?} {careful:?}");
}

#[test]
fn a_message_acknowledged_before_its_work_is_lost_with_it() {
    let dies = "faults: {dies: {at: 20s, for: 5s, kill: worker}}\n";
    let fate = |commit: &str| {
        let text = text("50/s", ", visibility: 1s", "", "{wait: 300ms}")
            .replace("operation: send}", &format!("operation: send, commit: {commit}}}"));
        let seen = Seen::of(&(text + dies));
        (seen.group("tasks").early, seen.group("tasks").redelivered)
    };
    let (before, after) = (fate("before"), fate("after"));
    assert!(5 < before.0 && before.1 == 0, "{before:?}");
    assert!(after.0 == 0 && 5 < after.1, "{after:?}");
}

#[test]
fn depth_and_age_bound_what_waits() {
    let of = |queue: &str| {
        let seen = Seen::of(&text("100/s", queue, ", workers: 1", "{wait: 20ms}"));
        let tasks = seen.group("tasks").clone();
        (seen.topic("tasks").refused, tasks.overflowed, tasks.expired, tasks.waiting)
    };
    let (refused, _, _, waiting) = of(", depth: 100");
    assert!(1000 < refused && waiting <= 100);
    let (refused, lost, _, waiting) = of(", depth: 100, overflow: drop_oldest");
    assert!(refused == 0 && 1000 < lost && waiting <= 100);
    let (_, _, expired, waiting) = of(", age: 2s");
    assert!(1000 < expired && waiting < 250, "{expired} {waiting}");
    assert!(2500 < of("").3, "{:?}", of(""));
}

#[test]
fn what_is_not_durable_dies_with_the_queue() {
    let of = |durable: bool| {
        let text = text("100/s", &format!(", durable: {durable}"), ", workers: 1", "{wait: 20ms}");
        let seen = Seen::of(&(text + "faults: {dies: {at: 30s, for: 1s, kill: tasks}}\n"));
        (seen.group("tasks").wiped, seen.group("tasks").waiting)
    };
    let (durable, fleeting) = (of(true), of(false));
    assert!(durable.0 == 0 && 1000 < fleeting.0 && fleeting.1 + 1000 < durable.1, "{durable:?} {fleeting:?}");
}

#[test]
fn a_batch_is_one_request() {
    let of = |batch: u32| {
        let text = text("600/s", "", ", workers: 1", "{wait: 2ms}");
        let seen =
            Seen::of(&text.replace("operation: send}", &format!("operation: send, batch: {batch}, prefetch: 20}}")));
        (seen.operation("tasks.receive").ok.count(), seen.group("tasks").delivered)
    };
    let (one, ten) = (of(1), of(10));
    assert_eq!(one.0.abs_diff(one.1) / 30, 0, "{one:?}");
    assert!(2 * ten.0 < one.0, "{ten:?}");
}

#[test]
fn a_consumer_takes_no_more_than_it_may() {
    let out = |prefetch: u32| {
        let text = text("100/s", "", ", workers: 1", "{wait: 20ms}");
        let seen = Seen::of(&text.replace("operation: send}", &format!("operation: send, prefetch: {prefetch}}}")));
        seen.group("tasks").out
    };
    assert_eq!((1, 7), (out(1), out(7)));
}

#[test]
fn more_waits_where_more_is_sent_than_done() {
    let seen = Seen::of(&text("100/s", "", ", workers: 1", "{wait: 20ms}"));
    let probe = |quantity, stat| {
        let probe = plimsoll::model::Probe { quantity, stat, scope: Scope::All, resource: None, per: None };
        plimsoll::probe::read(&probe, &seen.whole()).expect("there are messages")
    };
    let (depth, most) = (probe(Quantity::Depth, None), probe(Quantity::Depth, Some(Stat::Max)));
    assert!((most / 3000.0 - 1.0).abs() < 0.1, "a half of 100/s over a minute: {most}");
    assert!((depth / most - 0.5).abs() < 0.03, "{depth} of {most}");
    assert!((probe(Quantity::Backlog, None) - depth - 1.0).abs() < 0.1);
}

#[test]
fn order_holds_for_the_key_that_is_ordered_by() {
    let disorder = |ordered: &str| {
        let text = text("100/s", ordered, "", "{wait: exp(50ms)}").replace("{to: tasks}", "{to: tasks, key: user}");
        let tally = Seen::of(&text).group("tasks").clone();
        assert!(tally.ordered + 50 > tally.entered, "{tally:?}");
        tally.disordered
    };
    assert!(500 < disorder(""));
    assert_eq!(0, disorder(", ordered: user"));
}

#[test]
fn a_read_is_stale_while_a_message_about_the_same_is_not_done() {
    let stale = |work: &str| {
        let text = text("20/s", "", "", work)
            .replace("operation: send}", "operation: send, updates: {in: views, key: user}}")
            + "  views: {kind: database, operations: {read: {cpu: 0s}, write: {cpu: 0s}}}\n";
        let text = text.replace(
            "load: {users:",
            "load: {readers: {rate: 100/s, requests: {views.read: 1}, timeout: none}, users:",
        );
        let tally = Seen::of(&text).group("tasks").clone();
        assert!(5000 < tally.views, "{tally:?}");
        (tally.stale_views as f64 / tally.views as f64, tally.staleness.mean().expect("there are reads"))
    };
    // Of ten users each has two messages a second; none is being worked on with probability exp(-2 x 50 ms).
    let (share, mean) = stale("{wait: 50ms}");
    assert!((share - 0.0952).abs() < 0.015, "{share}");
    assert!(0.0 < mean && mean < 0.0095, "{mean}");
    assert!(3.0 * share < stale("{wait: 200ms}").0);
}
