//! Two primaries at once: when a partition makes them, what that costs, and what prevents it.

use plimsoll::engine::{Signals, simulate};
use plimsoll::random::mix;
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{evaluated, model, value};

/// Copies in three regions, writers in two; `sides` are cut apart from 20 s on for some seconds.
fn text(replicas: &str, failover: &str, (sides, seconds): (&str, u32)) -> String {
    format!(
        "
plimsoll: 1
title: apart
run: {{duration: 100s, warmup: none, replications: 2}}
regions: {{us-east-1: {{}}, eu-west-1: {{}}, ap-south-1: {{}}}}
keys: {{user: {{count: 2000}}}}
load:
  americans: {{rate: 50/s, from: us-east-1, requests: {{db.write: 3, db.read: 1}}, timeout: 1s}}
  europeans: {{rate: 50/s, from: eu-west-1, requests: {{db.write: 3, db.read: 1}}, timeout: 1s}}
components:
  db:
    kind: database
    primary: us-east-1
    connections: 500
    data: {{rows: 2000, row: 1KB, key: user}}
    replicas: {{count: {{eu-west-1: 1, ap-south-1: 1}}, {replicas}}}
    {failover}
    operations: {{read: {{cpu: 1ms}}, write: {{cpu: 1ms}}}}
  sentinel: {{kind: service, instances: {{us-east-1: 1, eu-west-1: 1, ap-south-1: 1}}, operations: {{look: [{{cpu: 1ms}}]}}}}
faults: {{split: {{at: 20s, for: {seconds}s, partition: {sides}}}}}
objectives:
  double: split_brain of db <= 1h
  double_then: split_brain of db during split <= 1h
  conflicts: conflicts of db <= 1M
  lost: lost_writes of db <= 1M
  changes: leader_changes of db <= 10
  americans: errors from americans during split <= 100%
  europeans: errors from europeans during split <= 100%
  healed: errors after split <= 100%
  late: lag max of db after split <= 1h
  stale: stale_reads of db during split <= 100%
"
    )
}

fn run(replicas: &str, failover: &str, fault: (&str, u32)) -> Report {
    evaluated(&text(replicas, failover, fault))
}

fn figure(report: &Report, name: &str) -> f64 {
    report.components["db"].kind_specific.figures.get(name).map_or(0.0, |estimate| estimate.mean)
}

const PLAIN: &str = "failover: {promote: 5s}";

/// Nobody fences the old primary: from the promotion to the end of the partition there are two, both sides write, and what
/// the old one took is lost.
#[test]
fn without_a_fence_there_are_two_until_the_partition_is_over() {
    let report = run("mode: async, read: primary", PLAIN, ("us-east-1 -> any", 30));
    assert!((value(&report, "double") - 25.0).abs() < 1e-6, "{}", value(&report, "double"));
    assert!((value(&report, "double_then") - 25.0).abs() < 1e-6);
    let [newer, older] = ["split_writes_newer", "split_writes_older"].map(|name| figure(&report, name));
    assert!((37.5 * 25.0 - newer).abs() < 120.0 && (37.5 * 25.0 - older).abs() < 120.0, "{newer} {older}");
    // From the cut on, not only from the promotion on: the old primary's writes had gone nowhere before, too.
    let lost = value(&report, "lost");
    assert!((37.5 * 30.0 - lost).abs() < 140.0 && older < lost, "{lost}");
    assert_eq!(report.faults["split"].lost_writes.as_ref().map(|lost| lost.mean), Some(lost));
    assert!((report.faults["split"].split_s.as_ref().expect("there were two").mean - 25.0).abs() < 1e-6);
    assert!(value(&report, "americans") < 0.01, "its own side goes on: {}", value(&report, "americans"));
    assert!(value(&report, "europeans") < 0.25, "five of thirty seconds: {}", value(&report, "europeans"));
    assert!(value(&report, "healed") < 0.05, "{}", value(&report, "healed"));
    assert!(value(&report, "late") < 5.0, "all follow again: {}", value(&report, "late"));
    assert!(0.0 < value(&report, "stale"), "reads miss what the other side has written");
    assert_eq!(value(&report, "changes"), 1.0);
}

/// More time apart, more writes to the same rows on both sides: the share that is in conflict grows, too.
#[test]
fn the_longer_apart_the_more_writes_are_in_conflict() {
    let of = |seconds| run("mode: async", PLAIN, ("us-east-1 -> any", seconds));
    let reports = [4, 10, 20, 40].map(of);
    let conflicts = reports.each_ref().map(|report| value(report, "conflicts"));
    assert_eq!(conflicts[0], 0.0, "it was over before anybody was promoted");
    assert!(conflicts.is_sorted_by(|a, b| 2.0 * a < *b || *a == 0.0 && 0.0 < *b), "{conflicts:?}");
    // Each row is one of 2000 alike: a write meets one of the other side with the share of rows that this has written.
    let share = |seconds: f64| 1.0 - libm::exp(-37.5 * seconds / 2000.0);
    let (step, mut expected) = (0.01, 0.0);
    for n in 0..3500 {
        let since = f64::from(n) * step;
        expected += 37.5 * step * (share(since) + share(since + 5.0));
    }
    assert!((conflicts[3] / expected - 1.0).abs() < 0.12, "{} for {expected}", conflicts[3]);
    let lost = reports.each_ref().map(|report| value(report, "lost"));
    assert!(lost.is_sorted() && lost[0] < 1e-9, "{lost:?}");
}

/// A primary that stops by itself before another can take over leaves none, and one that stops later leaves the difference.
#[test]
fn a_fence_ends_it() {
    let with = |fence: &str| {
        run(
            "mode: async, read: primary",
            &format!("failover: {{promote: 5s, fence: {fence}}}"),
            ("us-east-1 -> any", 30),
        )
    };
    let (early, late) = (with("4s"), with("12s"));
    assert_eq!(value(&early, "double"), 0.0);
    assert!(!early.components["db"].kind_specific.figures.contains_key("split_brain"));
    assert!((value(&late, "double") - 7.0).abs() < 1e-6, "{}", value(&late, "double"));
    // Who is on the wrong side pays for it.
    let refused = |report: &Report| value(report, "americans");
    assert!((0.5..0.75).contains(&refused(&early)) && refused(&late) < refused(&early), "{}", refused(&early));
    assert!(value(&early, "lost") < value(&late, "lost"), "{} {}", value(&early, "lost"), value(&late, "lost"));
    // After a partition that was too short for anybody to be promoted, a fenced primary goes on.
    let short = run("mode: async", "failover: {promote: 20s, fence: 2s}", ("us-east-1 -> any", 10));
    assert_eq!((value(&short, "changes"), value(&short, "lost")), (0.0, 0.0));
    assert!(value(&short, "healed") < 0.02, "{}", value(&short, "healed"));
}

#[test]
fn a_quorum_is_what_one_side_of_a_cut_cannot_have_alone() {
    let one_of_two = ("us-east-1 -> eu-west-1", 30);
    let majority = run("mode: async", PLAIN, one_of_two);
    assert_eq!((value(&majority, "double"), value(&majority, "changes")), (0.0, 0.0));
    let any = run("mode: async", "failover: {promote: 5s, quorum: any}", one_of_two);
    assert!((value(&any, "double") - 25.0).abs() < 1e-6, "on purpose: {}", value(&any, "double"));
    let both = run("mode: async", "failover: {promote: 5s, quorum: of(2)}", one_of_two);
    assert_eq!(value(&both, "double"), 0.0);
    // Witnesses in three regions see that it is Europe that is gone, not America.
    let witnesses = "failover: {promote: 5s, watchers: sentinel}";
    assert_eq!(value(&run("mode: async", witnesses, ("eu-west-1 -> any", 30)), "changes"), 0.0);
    let cut = run("mode: async", witnesses, ("us-east-1 -> any", 30));
    assert!((value(&cut, "double") - 25.0).abs() < 1e-6, "{}", value(&cut, "double"));
}

/// Checks take their time to notice, as for a death.
#[test]
fn a_cut_is_noticed_by_the_checks() {
    let checks = "failover: {health: {interval: 2s, unhealthy: 3, timeout: 1s}, promote: 5s}";
    let double = value(&run("mode: async", checks, ("us-east-1 -> any", 40)), "double");
    assert!((40.0 - 5.0 - 7.0..=40.0 - 5.0 - 5.0).contains(&double), "{double}");
    assert_eq!(value(&run("mode: async", checks, ("us-east-1 -> any", 4)), "changes"), 0.0);
}

/// A leader steps down when it has no majority, and a primary that waits for a replica tells nobody anything.
#[test]
fn who_waits_for_others_loses_nothing() {
    let raft = run("mode: raft(timeout=500ms)", "", ("us-east-1 -> any", 30));
    assert_eq!(["double", "conflicts", "lost"].map(|name| value(&raft, name)), [0.0; 3]);
    assert!(1.0 <= value(&raft, "changes"));
    for mode in ["mode: semi_sync(1)", "mode: sync", "mode: quorum(r=1 w=2)", "mode: chain"] {
        let safe = run(mode, PLAIN, ("us-east-1 -> any", 30));
        assert_eq!((value(&safe, "lost"), figure(&safe, "split_writes_older")), (0.0, 0.0), "{mode}");
        assert!(0.9 < value(&safe, "americans"), "{mode}: nobody is told: {}", value(&safe, "americans"));
        assert!(value(&safe, "europeans") < 0.3, "{mode}: {}", value(&safe, "europeans"));
    }
}

/// Everything that can happen at the same time: partitions that come and go, deaths, fences, every mode.
#[test]
fn exact_laws_while_there_are_two() {
    let mut doubles = 0;
    for seed in 0..40u64 {
        let pick = |n: u64, of: &[&'static str]| of[(mix(seed << 8 | n) % of.len() as u64) as usize];
        let mode = pick(
            1,
            &[
                "mode: async",
                "mode: async, ship: {every: 300ms}",
                "mode: semi_sync(1)",
                "mode: sync",
                "mode: chain",
                "mode: quorum(r=2 w=2)",
            ],
        );
        let fence = pick(2, &["", ", fence: 1s", ", fence: 4s"]);
        let quorum = pick(3, &["", ", quorum: any", ", quorum: of(1)", ", watchers: sentinel"]);
        let health = pick(4, &["", ", health: {interval: 1s, unhealthy: 1, timeout: 500ms}", ", ttl: 3s"]);
        let more = pick(
            5,
            &[
                "often: {partition: any region -> any, every: exp(4s), for: exp(4s)}",
                "often: {kill: db/any, every: exp(5s), for: exp(3s)}",
                "often: {partition: us-east-1 -> eu-west-1, every: exp(4s), for: exp(2s)}",
                "often: {kill: any region, every: exp(10s), for: exp(3s)}",
            ],
        );
        let failover = format!("failover: {{promote: uniform(500ms 2s), rebuild: 1GB/s{fence}{quorum}{health}}}");
        let text = text(mode, &failover, ("us-east-1 -> any", 15)).replace("duration: 100s", "duration: 45s");
        let text =
            text.replace("faults: {split: ", &format!("faults:\n  {more}\n  split: ")).replace("any}}\n", "any}\n");
        let model = model(&text);
        let one = simulate(&model, seed, 0, &Signals::default());
        holds(&model, &one, &format!("{seed} {text}"));
        let db =
            one.snapshots.last().expect("every run ends").tallies.components.iter().find_map(|c| c.copies.as_deref());
        let db = db.expect("it is copied");
        assert!(db.split_writes[1] <= db.lost_writes, "{seed}: {db:?}");
        assert!(db.conflicts <= db.writes && db.split_writes.iter().sum::<u64>() == db.writes, "{seed}");
        doubles += usize::from(0 < db.split_ns);
        if seed % 8 == 0 {
            let other = simulate(&model, seed, 0, &Signals::default());
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "{seed}");
        }
    }
    assert!(10 < doubles, "{doubles} of 40 had two primaries");
}
