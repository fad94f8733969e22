//! Faults between two sides, at random times, on one of many; and who feels them.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::record::Mark;
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{compiled, model};

/// What comes out of a text; the exact laws hold on every one of its runs.
pub(crate) fn report(text: &str) -> Report {
    let (scenario, model) = compiled(text);
    holds(&model, &simulate(&model, 3, 0, &Signals::default()), text);
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

pub(crate) fn value(report: &Report, name: &str) -> f64 {
    let objective = report.objectives.iter().find(|objective| objective.name == name).expect("it is stated");
    objective.value.unwrap_or_else(|| panic!("`{name}` has no value: {:?}", objective.note))
}

/// 100 requests a second of 10 ms over a link of 5 ms each way, with a fault from 20 s on.
fn over_a_link(fault: &str, timeout: &str, objectives: &str) -> Report {
    report(&format!(
        "
plimsoll: 1
title: a link
run: {{duration: 120s, warmup: none, replications: 2}}
load: {{users: {{rate: 100/s, requests: {{web.show: 1}}, timeout: {timeout}}}}}
components:
  web: {{kind: service, workers: none, operations: {{show: [{{call: db.read}}]}}}}
  db: {{kind: service, workers: none, instances: 4, operations: {{read: [{{wait: 10ms}}]}}}}
links: {{web -> db: {{latency: 5ms}}}}
faults: {{trouble: {{at: 20s, {fault}}}}}
objectives:
  mean: latency mean of web.show during trouble <= 1h
  {objectives}
"
    ))
}

#[test]
fn delay_is_paid_there_and_back() {
    let report =
        over_a_link("for: 80s, link: web -> db, delay: exp(20ms)", "none", "before: latency p99 before trouble <= 1h");
    assert!((value(&report, "mean") - 0.060).abs() < 0.001, "{}", value(&report, "mean"));
    assert!((value(&report, "before") - 0.020).abs() < 0.0005, "{}", value(&report, "before"));
    assert_eq!(report.faults["trouble"].lost_messages.map(|lost| lost.mean), Some(0.0));
}

/// What is lost is sent again after 200 ms, 400 ms ...: the mean of that is a geometric sum, once for each way.
#[test]
fn loss_costs_retransmissions() {
    for loss in [0.02, 0.1] {
        let fault = format!("for: 80s, link: web -> db, loss: {}%", loss * 100.0);
        let report = over_a_link(&fault, "none", "quick: latency p90 during trouble <= 1h");
        let extra: f64 = (0..10).map(f64::from).map(|n| 0.2 * libm::pow(2.0, n) * libm::pow(loss, n + 1.0)).sum();
        let expected = 0.020 + 2.0 * extra;
        assert!(
            (value(&report, "mean") / expected - 1.0).abs() < 0.12,
            "{loss}: {} {expected}",
            value(&report, "mean")
        );
        let lost = report.faults["trouble"].lost_messages.expect("they are counted").mean;
        let messages = 2.0 * 80.0 * 100.0;
        assert!((lost / (messages * loss / (1.0 - loss)) - 1.0).abs() < 0.12, "{loss}: {lost}");
        let is_late = 1.0 - (1.0 - loss) * (1.0 - loss);
        assert_eq!(0.2 < value(&report, "quick"), 0.1 < is_late, "{loss}: {}", value(&report, "quick"));
    }
}

/// Who waits long enough has an answer soon after a partition, at the next time that the request is sent again.
#[test]
fn a_partition_holds_up_who_waits_and_fails_who_does_not() {
    let objectives =
        "failed: errors during trouble <= 100%\n  worst: latency max <= 1h\n  left: errors after trouble <= 100%";
    let patient = over_a_link("for: 5s, partition: web -> db", "none", objectives);
    assert_eq!(patient.requests.error_ratio.expect("there were answers").mean, 0.0);
    // Sent at the start of it: again after 0.2, 0.6, 1.4, 3.0 and 6.2 s.
    assert!((6.0..6.3).contains(&value(&patient, "worst")), "{}", value(&patient, "worst"));
    let hasty = over_a_link("for: 5s, partition: any -> db", "300ms", objectives);
    assert!(0.9 < value(&hasty, "failed"), "{}", value(&hasty, "failed"));
    assert!(value(&hasty, "left") < 0.05 && value(&hasty, "worst") < 0.301);
    let errors = &hasty.requests.errors;
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["timeout"]);
    // Everybody gives up in the end: after a quarter of an hour, but nobody sees that here.
    let unnoticed = over_a_link("for: 5s, partition: web -> users", "300ms", objectives);
    assert!(0.9 < value(&unnoticed, "failed"), "a load is a side, too");
}

#[test]
fn tcp_gives_up_after_a_quarter_of_an_hour() {
    let text = "
plimsoll: 1
title: for ever
run: {duration: 1200s, warmup: none, replications: 1}
load: {users: {rate: 1/s, requests: {web.show: 1}, timeout: none}}
components: {web: {kind: service, operations: {show: [{wait: 1ms}]}}}
faults: {cut: {at: 100s, partition: users -> web}}
";
    let report = report(text);
    let worst = report.exemplars[0].latency_s;
    assert!((worst - 924.6).abs() < 0.01, "{worst}");
    assert_eq!(report.requests.errors.keys().collect::<Vec<_>>(), ["timeout"]);
}

#[test]
fn only_what_passes_between_the_sides_is_hit() {
    let text = |fault: &str| {
        format!(
            "
plimsoll: 1
title: places
run: {{duration: 60s, warmup: none, replications: 1}}
regions: {{east: {{zones: 2}}, west: {{}}}}
links: {{east -> west: {{latency: 40ms}}}}
load:
  easterners: {{rate: 50/s, from: east/a, requests: {{shop.show: 1}}, timeout: 1s}}
  westerners: {{rate: 50/s, from: west, requests: {{shop.show: 1}}, timeout: 1s}}
components:
  shop: {{kind: service, instances: {{east/a: 1, west: 1}}, operations: {{show: [{{call: stock.look}}]}}}}
  stock: {{kind: service, instances: {{east/b: 1}}, operations: {{look: [{{wait: 1ms}}]}}}}
faults: {{split: {{at: 20s, for: 20s, partition: {fault}}}}}
objectives:
  east: errors from easterners during split <= 100%
  west: errors from westerners during split <= 100%
"
        )
    };
    for (sides, east, west) in [
        ("east -> west", false, true),
        ("west -> east/b", false, true),
        ("east/a -> east/b", true, false),
        ("stock -> any", true, true),
        ("shop/0 -> stock/0", true, false),
        ("easterners -> west", false, false),
        ("any -> any", true, true),
    ] {
        let report = report(&text(sides));
        assert_eq!((0.9 < value(&report, "east"), 0.9 < value(&report, "west")), (east, west), "{sides}");
    }
}

/// A side that is drawn each time: over many partitions, each of three regions is cut off about as often.
#[test]
fn one_of_several_regions_is_drawn() {
    let text = "
plimsoll: 1
title: weather
run: {duration: 2000s, warmup: none, replications: 1}
regions: {a: {}, b: {}, c: {}}
links: {a -> b: {latency: 10ms}, a -> c: {latency: 10ms}, b -> c: {latency: 10ms}}
load:
  as: {rate: 5/s, from: a, requests: {hub.ask: 1}, timeout: 500ms}
  bs: {rate: 5/s, from: b, requests: {hub.ask: 1}, timeout: 500ms}
components: {hub: {kind: service, instances: {c: 1}, operations: {ask: [{wait: 1ms}]}}}
faults: {weather: {partition: any region -> any, every: exp(10s), for: 5s}}
objectives:
  as: errors from as <= 100%
  bs: errors from bs <= 100%
";
    let report = report(text);
    // A third of the time something is cut off; the hub or the own region, two in three, hits everybody in turn.
    for name in ["as", "bs"] {
        let errors = value(&report, name);
        assert!((0.15..0.30).contains(&errors), "{name}: {errors}");
    }
}

fn replicated(mode: &str, objectives: &str) -> Report {
    report(&format!(
        "
plimsoll: 1
title: copies apart
run: {{duration: 60s, warmup: none, replications: 2}}
regions: {{east: {{zones: 3}}}}
load: {{writers: {{rate: 50/s, from: east/a, requests: {{db.write: 1}}, timeout: 1s}}}}
components:
  db:
    kind: database
    primary: east
    data: {{rows: 1M, row: 1KB}}
    replicas: {{count: 2, mode: {mode}}}
    operations: {{read: {{cpu: 1ms}}, write: {{cpu: 1ms}}}}
faults: {{split: {{at: 20s, for: 10s, partition: east/a -> east/c}}}}
objectives:
  failed: errors during split <= 100%
  healed: errors after split <= 100%
  near: lag max on db/replica-0 <= 1h
  far: lag max on db/replica-1 <= 1h
  {objectives}
"
    ))
}

#[test]
fn copies_that_are_apart_fall_behind_and_catch_up() {
    let lazy = replicated("async", "");
    assert_eq!(value(&lazy, "failed"), 0.0);
    assert!(value(&lazy, "near") < 0.1 && (9.9..10.2).contains(&value(&lazy, "far")), "{}", value(&lazy, "far"));
    let careful = replicated("sync", "");
    assert!(0.85 < value(&careful, "failed") && value(&careful, "healed") < 0.02, "{}", value(&careful, "failed"));
    // One of two is enough, and that is the one that is near.
    let semi = replicated("semi_sync(1)", "");
    assert_eq!(value(&semi, "failed"), 0.0);
    let majority = replicated("quorum(r=2 w=2)", "");
    assert!(value(&majority, "failed") < 0.5, "{}", value(&majority, "failed"));
}

/// One of four instances is drawn, and half of its requests fail.
#[test]
fn errors_hit_one_of_many() {
    let text = "
plimsoll: 1
title: one of many
run: {duration: 400s, warmup: none, replications: 1}
load: {users: {rate: 50/s, requests: {web.show: 1}, timeout: 1s}}
components: {web: {kind: service, instances: 4, operations: {show: [{wait: 1ms}]}}}
faults: {flaky: {errors: web/any, share: 50%, every: 1s, for: 19s}}
objectives: {share: errors <= 100%}
";
    let share = value(&report(text), "share");
    assert!((share / (0.95 * 0.125) - 1.0).abs() < 0.1, "{share}");
}

/// Faults at random come as often and last as long as they are said to, and the first of them is no later than others.
#[test]
fn random_faults_follow_their_times() {
    let text = "
plimsoll: 1
title: mean times
run: {duration: 200000s, warmup: none, replications: 1}
load: {users: {rate: 1/s, requests: {web.show: 1}, timeout: 1s}}
components: {web: {kind: service, instances: 2, boot: 0s, operations: {show: [{wait: 1ms}]}}}
faults: {dies: {kill: web/0, every: exp(90s), for: exp(10s)}}
objectives: {up: replicas of web >= 0}
";
    let model = model(text);
    let record = simulate(&model, 1, 0, &Signals::default());
    let periods = &record.faults[0];
    assert!((periods.len() as f64 / 2000.0 - 1.0).abs() < 0.08, "{}", periods.len());
    let down: f64 = periods.iter().filter_map(|p| p.end.map(|end| (end - p.start).secs())).sum();
    assert!((down / 200_000.0 - 0.1).abs() < 0.01, "{down}");
    let end = &record.snapshots.iter().rfind(|s| s.mark == Mark::End).expect("it ends").tallies;
    let up = end.stations[0].up_ns as f64 / 1e9 / 200_000.0;
    assert!((up + down / 200_000.0 - 1.0).abs() < 1e-4, "{up}: an instance is up when no fault holds it down");
}

/// One instance of three dies; what is left cannot carry the load, runs out of memory and dies, too: a cascade.
#[test]
fn the_death_of_one_takes_the_others_with_it() {
    let text = |rate: u32| {
        format!(
            "
plimsoll: 1
title: cascade
run: {{duration: 120s, warmup: none, replications: 2}}
load: {{users: {{rate: {rate}/s, requests: {{web.show: 1}}, timeout: 20s}}}}
components:
  web:
    kind: service
    instances: 3
    cores: 1
    memory: {{idle: 100MB, each: 5MB, limit: 1GiB}}
    boot: 10s
    operations: {{show: [{{cpu: exp(10ms)}}]}}
faults: {{dies: {{at: 30s, kill: web/0, for: 1s}}}}
objectives: {{up: replicas of web after dies >= 0, failed: errors after dies <= 100%}}
"
        )
    };
    let (calm, close) = (report(&text(150)), report(&text(260)));
    assert!(2.8 < value(&calm, "up") && value(&calm, "failed") < 0.001, "{}", value(&calm, "up"));
    assert!(value(&close, "up") < 2.6, "the others die, too: {}", value(&close, "up"));
    assert!(close.requests.errors.contains_key("out_of_memory") || close.requests.errors.contains_key("reset"));
}

// -- deployments --------------------------------------------------------------------------------------------------------

/// Four instances of two cores at half load; the fault is at 60 s of 240.
fn deployed(component: &str, fault: &str, objectives: &str) -> Report {
    report(&format!(
        "
plimsoll: 1
title: deployment
run: {{duration: 240s, warmup: none, replications: 2}}
load: {{users: {{rate: 400/s, requests: {{web.show: 1}}, timeout: 5s}}}}
components:
  web:
    kind: service
    instances: 4
    cores: 2
    {component}
    operations: {{show: [{{cpu: exp(10ms)}}]}}
faults: {{rollout: {{at: 60s, deploy: web, {fault}}}}}
objectives:
  before: latency mean before rollout <= 1h
  during: latency mean during rollout <= 1h
  up: replicas of web during rollout >= 0
  least: replicas of web over 15s >= 0
  failed: errors during rollout <= 100%
  {objectives}
"
    ))
}

fn took(report: &Report) -> f64 {
    report.faults["rollout"].deployed_in_s.expect("it came to an end").mean
}

#[test]
fn a_rolling_deployment_takes_so_many_at_once_and_their_boots_one_after_the_other() {
    let one = deployed("boot: 10s\n    drain: 1s", "at_once: 25%", "");
    let two = deployed("boot: 10s\n    drain: 1s", "at_once: 2", "");
    let all = deployed("boot: 10s\n    drain: 1s", "at_once: 100%", "");
    // Each step is a boot and the draining of what took a few milliseconds, looked at every 100.
    for (report, steps, up) in [(&one, 4.0, 3.0), (&two, 2.0, 2.0), (&all, 1.0, 0.0)] {
        let expected = 10.0 * steps;
        assert!((expected..expected + 0.7 * steps).contains(&took(report)), "{} {steps}", took(report));
        assert!((value(report, "up") - up).abs() < 0.25, "{} {up}", value(report, "up"));
    }
    assert_eq!(value(&one, "failed"), 0.0, "all had the time to finish");
    assert!(value(&two, "during") > 1.5 * value(&two, "before"), "half of the machines have all of the work");
    assert!(value(&two, "during") > value(&one, "during"));
    assert!(value(&all, "failed") > 0.9, "nobody is there");
    let held = deployed("boot: 10s\n    drain: 1s", "at_once: 25%, hold: 5s", "");
    assert!((took(&held) - took(&one) - 20.0).abs() < 1.0, "{}", took(&held));
}

#[test]
fn without_draining_requests_are_reset() {
    let rude = deployed("boot: 5s\n    drain: 0s", "at_once: 1", "");
    assert!(rude.requests.errors.contains_key("reset"), "{:?}", rude.requests.errors);
    let polite = deployed("boot: 5s\n    drain: 10s", "at_once: 1", "");
    assert!(polite.requests.errors.is_empty(), "{:?}", polite.requests.errors);
}

#[test]
fn what_has_just_come_up_is_slow() {
    let cold = deployed("boot: 1s\n    drain: 1s", "how: blue_green, hold: 30s", "");
    let slow =
        deployed("boot: 1s\n    drain: 1s\n    warm: {for: 20s, slower: x1.5}", "how: blue_green, hold: 30s", "");
    assert!((value(&cold, "during") / value(&cold, "before") - 1.0).abs() < 0.1, "a second fleet takes nothing away");
    assert!(value(&slow, "during") > 1.4 * value(&slow, "before"), "{}", value(&slow, "during"));
    assert_eq!((value(&slow, "failed"), value(&slow, "up")), (0.0, 4.0));
    let long =
        deployed("boot: 1s\n    drain: 1s\n    warm: {for: 30s, slower: x1.5}", "how: blue_green, hold: 30s", "");
    assert!(value(&long, "during") > value(&slow, "during"));
    let slower =
        deployed("boot: 1s\n    drain: 1s\n    warm: {for: 20s, slower: x1.8}", "how: blue_green, hold: 30s", "");
    assert!(value(&slower, "during") > value(&slow, "during"));
}

#[test]
fn a_bad_version_hurts_a_canary_least_and_goes_back() {
    let bad = "version: {fails: 40%}, roll_back: {when: errors of web > 5%, every: 5s, over: 10s}";
    let objectives = "all: errors <= 100%\n  end: errors on web after rollout <= 100%";
    let canary =
        deployed("boot: 5s\n    drain: 1s", &format!("how: canary, at_once: 25%, hold: 60s, {bad}"), objectives);
    let blue = deployed("boot: 5s\n    drain: 1s", &format!("how: blue_green, hold: 60s, {bad}"), objectives);
    let unwatched = deployed("boot: 5s\n    drain: 1s", "version: {fails: 40%}", objectives);
    for report in [&canary, &blue] {
        assert_eq!(report.faults["rollout"].rolled_back_share, Some(1.0));
        assert_eq!(value(report, "end"), 0.0, "the old version is back");
    }
    assert_eq!(unwatched.faults["rollout"].rolled_back_share, Some(0.0));
    assert!((value(&unwatched, "end") - 0.4).abs() < 0.02, "{}", value(&unwatched, "end"));
    assert!(value(&canary, "all") < value(&blue, "all") && value(&blue, "all") < value(&unwatched, "all"));
    let slower = deployed(
        "boot: 1s\n    drain: 1s",
        "at_once: 2, version: {slower: x1.5}",
        "after: latency mean after rollout <= 1h",
    );
    assert!(value(&slower, "after") > 1.4 * value(&slower, "before"));
}

/// The second of two deployments goes wrong: the first one's version comes back, not the one before both.
#[test]
fn a_roll_back_brings_back_the_version_before_and_no_older_one() {
    for how in ["how: rolling, at_once: 50%, hold: 20s", "how: blue_green, hold: 20s"] {
        let bad = "version: {slower: x1, fails: 60%}, roll_back: {when: errors of web > 20%, every: 5s, over: 5s}";
        let first = "at_once: 2, version: {slower: x1.5}";
        let two = format!("{first}}}, worse: {{at: 120s, deploy: web, {how}, {bad}");
        let [after, end] = ["after: latency mean after worse <= 1h", "end: errors on web after worse <= 100%"];
        let both = deployed("boot: 1s\n    drain: 1s", &two, &format!("{after}\n  {end}"));
        let once = deployed("boot: 1s\n    drain: 1s", first, "after: latency mean after rollout <= 1h");
        assert_eq!(both.faults["worse"].rolled_back_share, Some(1.0), "{how}");
        let [of_both, of_once] = [&both, &once].map(|report| value(report, "after"));
        assert!((of_both / of_once - 1.0).abs() < 0.1, "{how}: {of_both} {of_once}");
        assert!(1.3 * value(&once, "before") < of_both, "{how}: {of_both}");
        assert_eq!(value(&both, "end"), 0.0, "{how}: what failed is gone");
    }
}

// -- regions apart ------------------------------------------------------------------------------------------------------

/// Copies in three regions, writers in each; the region of the first leader is cut off from 20 s to 40 s.
fn regions_apart(mode: &str, objectives: &str) -> Report {
    report(&format!(
        "
plimsoll: 1
title: regions apart
run: {{duration: 60s, warmup: none, replications: 2}}
regions: {{us-east-1: {{}}, eu-west-1: {{}}, ap-south-1: {{}}}}
load:
  americans: {{rate: 50/s, from: us-east-1, requests: {{db.write: 1}}, timeout: 1s}}
  europeans: {{rate: 50/s, from: eu-west-1, requests: {{db.write: 1}}, timeout: 1s}}
components:
  db:
    kind: database
    primary: us-east-1
    connections: 500
    data: {{rows: 1000, row: 1KB}}
    replicas: {{count: {{eu-west-1: 1, ap-south-1: 1}}, mode: {mode}}}
    operations: {{read: {{cpu: 1ms}}, write: {{cpu: 1ms}}}}
faults: {{split: {{at: 20s, for: 20s, partition: us-east-1 -> any}}}}
objectives:
  americans: errors from americans during split <= 100%
  europeans: errors from europeans during split <= 100%
  healed: errors after split <= 100%
  lost: lost_writes of db <= 1000000
  {objectives}
"
    ))
}

#[test]
fn a_leader_without_a_majority_steps_down_and_nothing_is_lost() {
    let report = regions_apart("raft(timeout=500ms)", "leaders: leader_changes of db >= 0");
    let (cut_off, others) = (value(&report, "americans"), value(&report, "europeans"));
    assert!(0.9 < cut_off, "whoever is cut off cannot write: {cut_off}");
    assert!(others < 0.2, "the others have a leader within seconds: {others}");
    assert!(value(&report, "healed") < 0.03, "{}", value(&report, "healed"));
    assert_eq!(value(&report, "lost"), 0.0);
    assert!(1.0 <= value(&report, "leaders"));
}

/// Two halves that both go on: nobody fails, and the same rows are written on both sides. A replica set with one
/// primary has no such split: the side without it cannot write.
#[test]
fn two_primaries_that_are_apart_conflict() {
    let conflicts = "conflicts: conflicts of db during split >= 0\n  before: conflicts of db before split >= 0";
    let apart = regions_apart("multi_primary(lww)", conflicts);
    assert!(value(&apart, "americans") < 0.01 && value(&apart, "europeans") < 0.01, "{}", value(&apart, "americans"));
    assert!(
        value(&apart, "conflicts") + value(&apart, "before") > 0.0,
        "{} {}",
        value(&apart, "conflicts"),
        value(&apart, "before")
    );
    let one = regions_apart("async", "");
    assert!(value(&one, "americans") < 0.01 && 0.9 < value(&one, "europeans"), "{}", value(&one, "europeans"));
}
