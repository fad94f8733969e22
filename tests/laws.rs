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
    text + &faults(&mut dice, count)
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
    let place = dice.pick(&["", "on: box, ", "cores: 1, ", "cores: 2, scheduling: fcfs, "]);
    let waits = dice.pick(&["sync", "sync", "async"]);
    let mut text = format!(
        "  c{c}:\n    kind: service\n    {}\n",
        format!("{place}instances: {}, workers: {workers}, waits: {waits}, balance: {balance}, queue: {{limit: {limit}, order: {order}}}", 1 + dice.roll(3))
            .replace(", ", "\n    ")
                        .replace("\n    order:", ", order:")
    );
    text += dice.pick(&["", "", "    memory: {idle: 1MB, each: 1MB, limit: 9MB}\n"]);
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
    for class in &end.classes {
        assert!(class.ok.count() + class.failed.count() <= class.offered, "answers to requests, {what}");
    }
}

fn swarm(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let text = scenario(seed);
        println!("{text}");
        let model = model(&text);
        let record = simulate(&model, seed, 0, &Signals::default());
        holds(&model, &record, &format!("seed {seed}:\n{text}"));
    }
}

#[test]
fn exact_laws_on_a_swarm() {
    swarm(0..500);
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
    swarm(500..5500);
}
