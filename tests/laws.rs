//! Laws that hold on every single run, overload and faults included: exact, as integers, on a swarm of random scenarios.

use std::fmt::Write as _;

use plimsoll::engine::{Signals, simulate};
use plimsoll::model::Model;
use plimsoll::random::{below, mix};
use plimsoll::record::{Mark, Record, Tallies};
use plimsoll::units::Span;

use crate::support::{compiled_file, model};

/// Random choices in a row.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = mix(self.0.wrapping_add(0x9e37_79b9_7f4a_7c15));
        below(self.0, sides)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len() as u32) as usize]
    }
}

/// A small architecture: components call only later ones, so it has no cycles.
fn scenario(seed: u64) -> String {
    let mut dice = Dice(mix(seed));
    let count = 1 + dice.roll(4);
    let length = dice.pick(&["duration: 20s", "duration: 8s", "requests: 1500"]);
    let mut text =
        format!("plimsoll: 1\ntitle: swarm {seed}\nrun: {{{length}, warmup: none, replications: 1, prefill: none}}\n");
    text += "keys: {user: {count: 50, popularity: zipf(1)}}\nhosts:\n  box: {cores: 2, disk: {iops: 200, bandwidth: 10MB/s}, nic: 1Gbps}\n";
    text += "load:\n";
    writeln!(text, "  open: {{rate: {}/s, requests: {{c0.go: 1}}{}}}", 5 + dice.roll(120), caller(&mut dice))
        .expect("text");
    if dice.roll(2) == 0 {
        writeln!(text, "  closed: {{clients: {}, think: exp(200ms), requests: {{c0.go: 1}}}}", 1 + dice.roll(20))
            .expect("text");
    }
    text += "components:\n";
    for c in 0..count {
        text += &component(&mut dice, c, count);
    }
    text + &faults(&mut dice, count) + &policies(&mut dice)
}

/// What surrounds every call.
fn policies(dice: &mut Dice) -> String {
    let policy = dice.pick(&[
        "breaker: {errors: 3 in a row, open: 200ms}",
        "breaker: {errors: 30% of 10, window: 1s, slow: 50% over 20ms, open: exponential(50ms x2), half_open: 3}",
        "eject: {errors: 2 in a row, for: 300ms, most: 70%}",
        "hedge: {after: 5ms, most: 2}",
        "hedge: {after: p80}, cancel: true, timeout: 60ms",
        "hedge: {after: 3ms}, eject: {errors: 50% of 4}, breaker: {errors: 5 in a row, open: 50ms}, retry: {attempts: 2}",
        "sidecar: {cpu: 60us, wait: 300us}, pool: {size: 3, wait: 5ms}, hedge: {after: 4ms}",
        "",
        "",
        "",
        "",
    ]);
    if policy.is_empty() { String::new() } else { format!("policies: {{any -> any: {{{policy}}}}}\n") }
}

fn caller(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "",
        ", timeout: 100ms",
        ", timeout: 50ms, retry: {attempts: 3, backoff: exponential(10ms x2)}",
        ", timeout: 80ms, cancel: true",
        ", deadline: 150ms, retry: {attempts: unlimited, backoff: constant(5ms), jitter: none}",
        ", abandon: exp(50ms)",
    ])
}

fn component(dice: &mut Dice, c: u32, count: u32) -> String {
    let workers = dice.pick(&["1", "2", "8", "none"]);
    let limit = dice.pick(&["0", "3", "100"]);
    let order = dice.pick(&["fifo", "lifo", "adaptive_lifo", "priority", "deadline", "fair(user)"]);
    let balance = dice.pick(&[
        "round_robin",
        "least_connections",
        "random",
        "choices(2)",
        "least_work",
        "join_idle",
        "hash(user)",
    ]);
    let sheds: &[&str] = if workers == "none" {
        &["", "", ", shed: concurrency(gradient min=2)"]
    } else {
        &[
            "",
            "",
            "",
            ", shed: codel(target=2ms interval=20ms)",
            ", shed: concurrency(aimd target=10ms min=2)",
            ", shed: priority(0=50%)",
        ]
    };
    let shed = dice.pick(sheds);
    let place = dice.pick(&["", "on: box, ", "cores: 1, ", "cores: 2, scheduling: fcfs, "]);
    let waits = dice.pick(&["sync", "sync", "async"]);
    let mut text = format!(
        "  c{c}:\n    kind: service\n    {}\n",
        format!("{place}instances: {}, workers: {workers}, waits: {waits}, balance: {balance}, queue: {{limit: {limit}, order: {order}{shed}}}", 1 + dice.roll(3))
            .replace(", ", "\n    ")
            .replace("\n    order:", ", order:")
            .replace("\n    shed:", ", shed:")
    );
    text += dice.pick(&["", "", "    memory: {idle: 1MB, each: 1MB, limit: 9MB}\n"]);
    if place.contains("box") {
        text += dice.pick(&["", "    cores: {request: 0.1}\n", "    cores: {request: 0.1, limit: 0.4}\n"]);
    }
    text += &autoscale(dice, place);
    text += "    operations:\n      go:\n";
    for _ in 0..=dice.roll(4) {
        text += &step(dice, c, count, 8);
    }
    text
}

/// Instances that come and go every few looks, some slow at first and some with no time to finish.
fn autoscale(dice: &mut Dice, place: &str) -> String {
    let use_of = if place.contains("cores") { "utilisation of cores" } else { "utilisation" };
    let rules = [
        "step: {arrivals > 20/s: +2, arrivals < 60/s: -1}".to_owned(),
        "target: {arrivals per instance: 15/s}".to_owned(),
        "schedule: {00:00: 4, 00:00:03: 1, 00:00:05: 3}".to_owned(),
        "concurrency: {target: 1, panic: 150% in 500ms}".to_owned(),
        format!("score: [100% {use_of} / 100%], up: {{above: 0.4, by: 2}}, down: {{below: 0.2, by: x0.5, stable: 0s}}"),
    ];
    let rule = &rules[dice.roll(rules.len() as u32) as usize];
    let seen = if rule.starts_with("schedule") { "" } else { ", window: 1s, age: 0s" };
    let boot = dice.pick(&["boot: 0s", "boot: exp(500ms)", "boot: 200ms\n    warm: {for: 1s, slower: x3}"]);
    let drain = dice.pick(&["0s", "50ms", "2s"]);
    if dice.roll(3) != 0 {
        return String::new();
    }
    format!("    {boot}\n    drain: {drain}\n    autoscale: {{min: 1, max: 5, every: 500ms{seen}, {rule}}}\n")
}

fn step(dice: &mut Dice, c: u32, count: u32, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let target = (c + 1 < count).then(|| c + 1 + dice.roll(count - c - 1));
    let simple = dice.pick(&["cpu: exp(3ms)", "wait: exp(4ms)", "wait: 2ms", "io: 1", "cpu: uniform(1ms 2ms)"]);
    let Some(target) = target else {
        return match dice.roll(6) {
            0 => {
                format!("{pad}- {{lock: {{name: l, key: user, timeout: 20ms, do: [{{{simple}}}]}}, fallback: skip}}\n")
            }
            1 => format!("{pad}- {{fail: {{share: 10%, as: declined}}}}\n"),
            2 => format!("{pad}- {{spawn: [{{{simple}}}]}}\n"),
            _ => format!("{pad}- {{{simple}}}\n"),
        };
    };
    let call = format!("call: c{target}.go");
    match dice.roll(9) {
        0 => format!("{pad}- {{{call}, timeout: 15ms}}\n"),
        1 => format!(
            "{pad}- {{{call}, timeout: 10ms, retry: {{attempts: 2, backoff: constant(3ms)}}, fallback: skip}}\n"
        ),
        2 => {
            format!("{pad}- {{parallel: [{{{call}}}, {{{simple}}}, [{{{simple}}}, {{{call}}}]], join: {{first: 2}}}}\n")
        }
        3 => format!("{pad}- {{parallel: [{{{call}}}, {{{simple}}}], on_error: ignore}}\n"),
        4 => format!("{pad}- each: {{times: geometric(2), do: [{{{call}}}]}}\n"),
        5 => format!("{pad}- choose: [{{weight: 30%, do: [{{{call}}}]}}, {{weight: 70%, do: [{{{simple}}}]}}]\n"),
        6 => format!("{pad}- {{{call}, timeout: 12ms, cancel: true}}\n"),
        _ => format!("{pad}- {{{call}}}\n"),
    }
}

fn faults(dice: &mut Dice, count: u32) -> String {
    let c = dice.roll(count);
    let fault = match dice.roll(12) {
        0 => format!("kill: c{c}/0, for: 1s"),
        1 => format!("slow: c{c}, factor: 5, for: 2s"),
        2 => format!("pause: c{c}/any, for: 300ms"),
        3 => format!("errors: c{c}, share: 50%, as: unavailable, for: 2s"),
        4 => "surge: open, factor: 3, for: 2s".to_owned(),
        5 => format!("partition: c{c} -> any, for: {}", dice.pick(&["300ms", "2s"])),
        6 => format!("link: open -> c0, loss: {}, delay: exp(5ms), for: 2s", dice.pick(&["0%", "5%", "100%"])),
        8 => format!("deploy: c{c}, at_once: {}, hold: 500ms", dice.pick(&["1", "50%"])),
        9 => format!(
            "deploy: c{c}, how: canary, version: {{slower: x2, fails: 50%}}, roll_back: {{when: errors > 20%, every: 1s, over: 1s}}"
        ),
        10 => format!(
            "deploy: c{c}, how: blue_green, hold: 1s, version: {{fails: 50%}}, roll_back: {{when: errors > 20%, every: 1s, over: 1s}}"
        ),
        7 => format!("link: any -> c{c}/any, loss: 20%, for: 3s"),
        _ => return String::new(),
    };
    format!("faults: {{trouble: {{at: 2s, {fault}}}}}\n")
}

fn last(record: &Record) -> &Tallies {
    &record.snapshots.iter().rfind(|s| s.mark == Mark::End).expect("every record ends").tallies
}

/// Little's law, the busy integral, and conservation, for one run.
pub(crate) fn holds(model: &Model, record: &Record, what: &str) {
    let end = last(record);
    for (s, station) in end.stations.iter().enumerate() {
        let name = &model.components[model.stations[s].component as usize].name;
        assert_eq!(
            station.queued_ns,
            station.waits_ns + station.open_waits_ns,
            "Little's law in the queue of {name}, {what}"
        );
        assert_eq!(station.busy_ns, station.held_ns + station.open_held_ns, "busy integral of {name}, {what}");
        if !model.components[model.stations[s].component as usize].waits_async {
            let inside = u64::from(station.in_queue) + u64::from(station.in_slots);
            assert_eq!(station.arrivals, station.left + inside, "flow balance of {name}, {what}");
        }
    }
    assert_eq!(end.created, end.finished + end.open, "conservation of requests, {what}");
    for tally in &end.sagas {
        let ended = tally.completed + tally.undone + tally.unresolved + tally.abandoned;
        assert_eq!(tally.begun, ended + tally.open, "every saga has an end, {what}");
    }
    for (g, tally) in end.groups.iter().enumerate() {
        let topic = &model.topics[model.groups[g].topic as usize];
        let sent = &end.topics[model.groups[g].topic as usize];
        let gone = tally.delivered + tally.dead + tally.expired + tally.redriven + tally.lost();
        assert_eq!(tally.entered, gone + tally.open, "conservation of messages in {}, {what}", topic.name);
        assert_eq!(tally.open, tally.waiting + tally.out, "letters of {}, {what}", topic.name);
        let sources = sent.accepted + sent.dead_in + tally.driven_in + tally.rewound;
        assert_eq!(tally.entered, sources, "where messages of {} come from, {what}", topic.name);
        let behind: u64 = tally.behind.iter().map(|(open, _)| open).sum();
        assert!(topic.in_log.is_none() || behind == tally.open, "letters by partition of {}, {what}", topic.name);
    }
    for (topic, tally) in end.topics.iter().enumerate().filter(|(topic, _)| model.topics[*topic].in_log.is_some()) {
        let name = &model.topics[topic].name;
        let sum = tally.accepted + tally.truncated + tally.withdrawn + tally.uncommitted;
        assert_eq!(tally.appended, sum, "conservation of what was appended to {name}, {what}");
        assert_eq!(tally.appended, end.partitions[topic].iter().sum::<u64>(), "partitions of {name}, {what}");
    }
    for class in &end.classes {
        assert!(class.ok.count() + class.failed.count() <= class.offered, "answers to requests, {what}");
    }
}

/// The laws on a random scenario of each seed.
fn swarm(seeds: std::ops::Range<u64>, scenario: fn(u64) -> String) {
    for seed in seeds {
        let text = scenario(seed);
        println!("{text}");
        let model = model(&text);
        let record = simulate(&model, seed, 0, &Signals::default());
        holds(&model, &record, &format!("seed {seed}:\n{text}"));
    }
}

/// A publisher, a queue and those who consume it, with whatever can go wrong in between.
fn posted(seed: u64) -> String {
    let mut dice = Dice(mix(seed ^ 0x706f_7374));
    let length = dice.pick(&["duration: 20s", "duration: 6s", "requests: 800"]);
    let mut text =
        format!("plimsoll: 1\ntitle: posted {seed}\nrun: {{{length}, warmup: none, replications: 1, prefill: none}}\n");
    text += "keys: {user: {count: 20, popularity: zipf(1)}}\n";
    let caller = dice.pick(&[", timeout: 100ms", ", timeout: 20ms, retry: {attempts: 3, backoff: constant(5ms)}"]);
    writeln!(
        text,
        "load: {{open: {{rate: {}/s, requests: {{web.buy: 3, tasks.publish: 1}}{caller}}}}}",
        5 + dice.roll(80)
    )
    .expect("text");
    let publish = dice.pick(&["", ", timeout: 8ms, retry: {attempts: 3}", ", timeout: 4ms, fallback: skip"]);
    let priority = dice.pick(&[
        "",
        ", priority: 7",
        ", key: user",
        ", linger: 20ms",
        ", key: user, linger: 50ms, batch: 2KB, bytes: 1KB",
    ]);
    let times = dice.pick(&["2ms", "exp(4ms)", "0s"]);
    let trouble = dice.pick(&[
        "",
        "faults: {dies: {at: 2s, kill: worker/0, for: 1s}}\n",
        "faults: {dies: {at: 1s, kill: tasks, for: 1s}}\n",
        "faults: {dies: {kill: other, every: exp(1s), for: 100ms}, again: {at: 3s, redrive: failed}}\n",
        "faults: {dies: {kill: web, every: exp(1s), for: 50ms}}\n",
        "faults: {halt: {at: 2s, pause: worker/1, for: 1s}, again: {redrive: failed, every: exp(1s)}}\n",
        "faults: {slow: {at: 1s, slow: worker, factor: 4, for: 2s}, bad: {at: 2s, errors: tasks, for: 1s}}\n",
    ]);
    let dead = dice.pick(&[
        "redelivery: {attempts: 2}",
        "redelivery: {backoff: constant(30ms)}",
        "redelivery: {attempts: 2, then: failed}",
        "redelivery: {attempts: 3, backoff: exponential(20ms x2), then: failed}",
    ]);
    let queue = [
        dice.pick(&["visibility: 200ms", "visibility: none", "visibility: 1s", "preset: rabbitmq", "preset: sqs"]),
        dice.pick(&["order: fifo", "order: priority", "ordered: user"]),
        dice.pick(&["age: none", "age: 500ms", "depth: 20", "depth: 10, overflow: drop_oldest"]),
        dice.pick(&["delay: 0s", "delay: exp(50ms)", "deduplicate: 1s"]),
        dice.pick(&["durable: true", "durable: false", "instances: 2"]),
        if trouble.contains("redrive") { "redelivery: {attempts: 2, then: failed}" } else { dead },
    ];
    let work = dice.pick(&["wait: 5ms", "cpu: exp(10ms)", "wait: exp(40ms)"]);
    let commit = dice.pick(&["commit: before", "commit: after"]);
    let batch = dice.pick(&["batch: 1", "batch: 4", "batch: 3, prefetch: 9"]);
    let group = dice.pick(&["", ", group: other", ", group: mail"]);
    let scaled = dice.pick(&[
        "",
        "boot: 100ms",
        "autoscale: {min: 1, max: 4, every: 300ms, window: 500ms, age: 0s, target: {depth of tasks per instance: 3}, down: {stable: 0s}}",
    ]);
    write!(
        text,
        "components:
  web:
    kind: service
    operations: {{buy: [{{wait: 1ms}}, {{saga: {{steps: [{{do: [{{publish: {{to: tasks{priority}}}{publish}}}], undo: [{{call: other.log, timeout: 30ms}}]}}, {{do: [{{call: other.log, timeout: 20ms}}]}}]}}, fallback: skip}}]}}
  tasks: {{kind: queue, publish: {times}, deliver: {times}, {}}}
  failed: {{kind: queue}}
  worker:
    kind: service
    instances: 2
    workers: {}
    queue: {{limit: 5}}
    {scaled}
    consumes: {{from: tasks, group: mail, operation: send, {batch}, {commit}}}
    operations: {{send: [{{dedupe: {{by: event, within: 1s}}}}, {{{work}}}, {{fail: {{share: {}%, as: bad}}}}, {{publish: {{to: more}}, fallback: skip}}]}}
  more: {{kind: queue, depth: 50}}
  other:
    kind: service
    workers: 2
    cores: 1
    consumes: [{{from: tasks{group}, operation: log}}, {{from: more, operation: log, commit: before}}]
    operations: {{log: [{{cpu: exp(5ms)}}]}}
",
        queue.join(", "),
        1 + dice.roll(4),
        dice.roll(60)
    )
    .expect("text");
    text + trouble
}

#[test]
fn exact_laws_on_a_swarm() {
    swarm(0..500, scenario);
}

#[test]
fn exact_laws_on_a_swarm_of_messages() {
    swarm(0..400, posted);
}

/// Publishers, a log on a few brokers and those who read it, with whatever can go wrong in between.
fn logged(seed: u64) -> String {
    let mut dice = Dice(mix(seed ^ 0x006c_6f67));
    let length = dice.pick(&["duration: 20s", "duration: 6s", "requests: 800"]);
    let mut text =
        format!("plimsoll: 1\ntitle: logged {seed}\nrun: {{{length}, warmup: none, replications: 1, prefill: none}}\n");
    text += "keys: {user: {count: 20, popularity: zipf(1)}}\n";
    let caller = dice.pick(&[", timeout: 100ms", ", timeout: 20ms, retry: {attempts: 3, backoff: constant(5ms)}", ""]);
    writeln!(
        text,
        "load: {{open: {{rate: {}/s, requests: {{web.buy: 3, stream.clicks: 1}}{caller}}}}}",
        5 + dice.roll(120)
    )
    .expect("text");
    let publish = dice.pick(&["", ", timeout: 8ms, retry: {attempts: 3}", ", timeout: 4ms, fallback: skip"]);
    let message = [
        dice.pick(&["", ", key: user", ", priority: 3"]),
        dice.pick(&["", ", acks: 0", ", acks: 1", ", acks: all"]),
        dice.pick(&["", ", linger: 20ms", ", linger: 200ms, batch: 3KB", ", linger: 5ms"]),
    ];
    let (factor, least) = [(1, 1), (2, 1), (3, 2), (3, 3)][dice.roll(4) as usize];
    let trouble = dice.pick(&[
        "",
        "dies: {at: 2s, kill: worker/0, for: 1s}",
        "dies: {kill: stream/any, every: exp(1s), for: 300ms}",
        "dies: {at: 1s, kill: stream/0, for: 3s}, also: {at: 1500ms, kill: stream/1, for: 1s}",
        "dies: {kill: other, every: exp(1s), for: 100ms}, again: {at: 3s, redrive: failed}",
        "dies: {kill: web/any, every: exp(1s), for: 50ms}",
        "halt: {pause: worker/any, every: exp(1s), for: 500ms}, again: {redrive: failed, every: exp(1s)}",
        "slow: {at: 1s, slow: stream/1, factor: 400, for: 2s}, bad: {at: 2s, errors: stream, for: 1s}",
        "back: {rewind: stream.clicks, back: 1s, every: exp(1s)}, dies: {kill: worker/any, every: exp(1s), for: 200ms}",
        "cut: {at: 1s, partition: stream/0 -> stream, for: 2s}, halt: {at: 2s, pause: stream/2, for: 1s}",
        "lossy: {at: 1s, link: web -> stream, loss: 20%, for: 3s}, dies: {at: 2s, kill: stream/2, for: 1s}",
    ]);
    let redriven = trouble.contains("redrive");
    let dead = dice.pick(&[
        "redelivery: {attempts: 2}",
        "redelivery: {backoff: constant(30ms)}",
        "redelivery: {attempts: 2, then: failed}",
        "redelivery: {attempts: 3, backoff: exponential(20ms x2), then: stream.dead}",
    ]);
    let topic = [
        dice.pick(&["key: user", "partitions: 1", "partitions: 3", "partitions: 7, key: user"]),
        dice.pick(&["retention: {time: 500ms}", "retention: {bytes: 20KB}", "compression: 40%", "deduplicate: 1s"]),
        if redriven { "redelivery: {attempts: 2, then: failed}" } else { dead },
    ];
    let election = dice.pick(&["0s", "200ms", "exp(1s)"]);
    let commit = dice.pick(&["commit: before", "commit: after", "commit: exactly_once"]);
    let assign = dice.pick(&["range", "round_robin", "sticky", "cooperative"]);
    let sharing = dice.pick(&["session: 300ms, rebalance: 100ms", "session: 100ms, rebalance: 0s", "rebalance: 1s"]);
    let batch = dice.pick(&["batch: 1", "batch: 4", "batch: 50", "batch: 3, prefetch: 9"]);
    let work = dice.pick(&["wait: 5ms", "cpu: exp(10ms)", "wait: exp(40ms)"]);
    let group = dice.pick(&["group: other", "group: mail"]);
    let scale = dice.pick(&[
        "",
        "",
        ", autoscale: {min: 1, max: 4, every: 500ms, schedule: {00:00: 3, 00:00:03: 1, 00:00:05: 4}}, drain: 50ms",
    ]);
    let waits = dice.pick(&["sync", "async"]);
    let window = dice.pick(&["by: user, every: 300ms, do: [{call: book.append}]", "every: 2s, do: [{wait: 5ms}]"]);
    let snapshot = dice.pick(&["", ", snapshot: {every: 5, bytes: 10KB}"]);
    write!(
        text,
        "components:
  web:
    kind: service
    instances: 2
    workers: 4
    waits: {waits}
    operations: {{buy: [{{wait: 1ms}}, {{publish: {{to: stream.clicks, bytes: 1KB{}}}{publish}}}]}}
  stream:
    kind: log
    instances: 3
    disk: {{bandwidth: 10MB/s}}
    replication: {{factor: {factor}, min_isr: {least}, behind: 600ms}}
    election: {election}
    topics: {{clicks: {{{}}}, more: {{partitions: 2}}, dead: {{}}}}
  failed: {{kind: queue}}
  worker:
    kind: service
    instances: 2
    workers: {}
    queue: {{limit: 5}}
    consumes: {{from: stream.clicks, group: mail, operation: send, {batch}, {commit}, assign: {assign}, {sharing}}}
    operations: {{send: [{{dedupe: {{by: event, within: 1s}}}}, {{{work}}}, {{fail: {{share: {}%, as: bad}}}}, {{publish: {{to: stream.more}}, fallback: skip}}]}}{}
  other:
    kind: service
    workers: 2
    cores: 1
    consumes: [{{from: stream.clicks, {group}, operation: log, assign: {assign}, {sharing}}}, {{from: stream.more, {group}, operation: log, commit: before, assign: {assign}, {sharing}}}]
    operations: {{log: [{{cpu: exp(5ms)}}, {{window: {{{window}}}}}, {{replay: {{of: book, cpu: 10us}}, fallback: skip}}, {{call: book.append, fallback: skip}}]}}
  book: {{kind: event_store, key: user, disk: {{iops: 500, bandwidth: 10MB/s}}, event: 1KB, start: geometric(30){snapshot}}}
faults: {{{trouble}}}
",
        message.concat(),
        topic.join(", "),
        1 + dice.roll(4),
        dice.roll(60),
        scale.replace(", autoscale", "\n    autoscale").replace(", drain", "\n    drain"),
    )
    .expect("text");
    text
}

#[test]
fn exact_laws_on_a_swarm_of_logs() {
    swarm(0..500, logged);
}

/// Every field of the language at once.
#[test]
fn exact_laws_in_the_kitchen_sink() {
    let (_, mut model) = compiled_file("tests/kitchen_sink.yaml");
    model.run.duration = Some(Span::from_secs_f64(60.0));
    model.run.requests = None;
    for seed in 0..3 {
        holds(&model, &simulate(&model, seed, 0, &Signals::default()), "the kitchen sink");
    }
}

#[test]
#[ignore = "ten times the swarm, minutes: run before a release"]
fn exact_laws_on_a_large_swarm() {
    swarm(500..5500, scenario);
}
