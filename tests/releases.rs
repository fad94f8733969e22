//! Releases: who still shows what has changed, and what it takes that nobody does.

use std::fmt::Write;

use plimsoll::engine::{Signals, simulate};
use plimsoll::model::Model;
use plimsoll::random::mix;
use plimsoll::record::{ComponentTally, Record};

use crate::laws::holds;
use crate::support::model;

struct Seen {
    model: Model,
    record: Record,
}

fn run(text: &str) -> Seen {
    let model = model(&format!("plimsoll: 1\n{text}"));
    let record = simulate(&model, 7, 0, &Signals::default());
    holds(&model, &record, text);
    Seen { model, record }
}

impl Seen {
    fn of(&self, name: &str) -> &ComponentTally {
        let place = self.model.components.iter().position(|component| component.name == name);
        let end = self.record.snapshots.last().expect("there is one at the end");
        &end.tallies.components[place.expect("the component exists")]
    }

    /// Looks, and those that were shown what was no longer so.
    fn shown(&self, name: &str) -> (u64, u64) {
        let shown = self.of(name).shown.as_ref().expect("something is released");
        (shown.looks, shown.old)
    }

    /// Longest that something shown had no longer been so, seconds.
    fn oldest_s(&self, name: &str) -> f64 {
        let shown = self.of(name).shown.as_ref().expect("something is released");
        shown.ages.max().expect("somebody looked")
    }

    fn misses(&self, name: &str) -> u64 {
        self.of(name).page_misses
    }
}

/// One edge without an end to its entries, before an origin; in the middle something is released.
fn edge(keys: &str, cdn: &str, release: &str) -> Seen {
    run(&format!(
        "run: {{duration: 40s, warmup: none, prefill: none}}
load: {{users: {{rate: 200/s, requests: {{edge.get: 1}}, timeout: none}}}}
keys: {{asset: {{{keys}}}}}
components:
  edge: {{kind: cdn, pops: 1, backing: {{read: origin.get}}, {cdn}}}
  origin: {{kind: service, workers: none, operations: {{get: [{{wait: 1ms}}]}}}}
links: {{any -> any: {{latency: 0ms}}}}
faults: {{shipped: {{at: 20s, {release}}}}}
"
    ))
}

#[test]
fn one_object_is_old_for_ever_or_fetched_once_more() {
    let plain = edge("count: 1", "ttl: none", "release: asset");
    let (looks, old) = plain.shown("edge");
    // The first few of all look while the first fetch is under way.
    let first = plain.misses("edge");
    assert!(first <= 3, "{first}");
    assert_eq!(looks, plain.of("edge").page_hits + plain.of("edge").page_misses);
    assert!((old as f64 / looks as f64 - 0.5).abs() < 0.01, "{old} of {looks}");
    assert!((plain.oldest_s("edge") - 20.0).abs() < 0.3, "{}", plain.oldest_s("edge"));
    for (keys, release) in
        [("count: 1, versioned: true", "release: asset"), ("count: 1", "release: asset, purge: edge")]
    {
        let mended = edge(keys, "ttl: none", release);
        assert_eq!(0, mended.shown("edge").1, "{keys}, {release}");
        let again = mended.misses("edge") - first;
        assert!((1..=3).contains(&again), "{again} further fetches");
    }
}

#[test]
fn versions_in_names_leave_the_old_objects_and_a_purge_does_not() {
    let keys = "count: 100";
    let versioned = edge(&format!("{keys}, versioned: true"), "ttl: none", "release: asset, share: 30%");
    let purged = edge(keys, "ttl: none", "release: asset, share: 30%, purge: [edge]");
    let plain = edge(keys, "ttl: none", "release: asset, share: 30%");
    let changed = versioned.of("edge").cache.entries - 100;
    assert!((15..=45).contains(&changed), "{changed} of 100 changed");
    assert_eq!(100, purged.of("edge").cache.entries);
    // The same objects change whatever they are called, and each is fetched once more.
    assert_eq!(changed, purged.of("edge").cache.expired);
    assert_eq!(versioned.misses("edge"), purged.misses("edge"));
    assert!(plain.misses("edge") + changed <= versioned.misses("edge"));
    assert_eq!((0, 0), (versioned.shown("edge").1, purged.shown("edge").1));
    let (looks, old) = plain.shown("edge");
    assert!((old as f64 / looks as f64 - changed as f64 / 200.0).abs() < 0.03, "{old} of {looks}, {changed} changed");
}

#[test]
fn the_more_is_released_the_more_is_old_or_fetched() {
    let after = |share: u32| {
        let release = format!("release: asset, share: {share}%");
        let plain = edge("count: 300", "ttl: none", &release);
        let versioned = edge("count: 300, versioned: true", "ttl: none", &release);
        (plain.shown("edge").1, versioned.misses("edge"))
    };
    let all: Vec<(u64, u64)> = [0, 20, 60, 100].map(after).into();
    assert!(all.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{all:?}");
    assert_eq!(0, all[0].0);
}

#[test]
fn a_short_time_to_live_is_a_bound_of_age_paid_in_misses() {
    let keys = "count: 50";
    let [long, short] = ["30s", "3s"].map(|ttl| edge(keys, &format!("ttl: {ttl}"), "release: asset"));
    assert!(short.oldest_s("edge") <= 3.1 && 3.1 < long.oldest_s("edge"), "{}", short.oldest_s("edge"));
    assert!(3 * short.shown("edge").1 < long.shown("edge").1);
    assert!(3 * long.misses("edge") < short.misses("edge"));
}

/// Browsers behind an edge: a release in the middle, with plain names, a purge of the edge, or versions in the names.
fn tiers(keys: &str, release: &str) -> Seen {
    run(&format!(
        "run: {{duration: 100s, warmup: none, prefill: none}}
load: {{users: {{rate: 300/s, requests: {{browser.get: 1}}, timeout: none}}}}
keys: {{user: {{count: 20}}, asset: {{{keys}}}}}
components:
  browser: {{kind: cache, per: user, key: asset, ttl: 10s, backing: {{read: edge.get}}}}
  edge: {{kind: cdn, pops: 2, key: asset, ttl: 20s, backing: {{read: origin.get}}}}
  origin: {{kind: service, workers: none, operations: {{get: [{{wait: 1ms}}]}}}}
faults: {{shipped: {{at: 50s, {release}}}}}
"
    ))
}

#[test]
fn a_purge_cannot_reach_what_browsers_keep() {
    let plain = tiers("count: 30", "release: asset");
    let purged = tiers("count: 30", "release: asset, purge: edge");
    let versioned = tiers("count: 30, versioned: true", "release: asset");
    assert_eq!((0, 0), (versioned.shown("browser").1, versioned.shown("edge").1));
    assert!(purged.shown("edge").1 < 5, "only what was under way in that moment: {}", purged.shown("edge").1);
    let [by_browser, by_both] = [&purged, &plain].map(|seen| seen.shown("browser").1);
    assert!(1000 < by_browser && by_browser < by_both, "{by_browser} {by_both}");
    // Times to live add up: what the edge keeps for 20 s, a browser keeps for 10 s more.
    assert!(purged.oldest_s("browser") <= 10.3, "{}", purged.oldest_s("browser"));
    let oldest = plain.oldest_s("browser");
    assert!(20.0 < oldest && oldest <= 30.5, "{oldest}");
}

#[test]
fn looking_aside_is_measured_too() {
    let aside = |keys: &str, miss: &str| {
        run(&format!(
            "run: {{duration: 40s, warmup: none, prefill: none}}
load: {{users: {{rate: 200/s, requests: {{web.page: 1}}, timeout: none}}}}
keys: {{item: {{count: 20{keys}}}}}
components:
  web: {{kind: service, workers: none, operations: {{page: [{{cached: {{in: redis, miss: [{{call: db.read}}]}}}}]}}}}
  redis: {{kind: cache, ttl: 5s, {miss}}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 20ms}}]}}}}
faults: {{shipped: {{at: 22.5s, release: item}}}}
"
        ))
    };
    for miss in ["", "miss: {single_flight: cluster}", "replicas: {count: 1, read: any}, miss: {early: 1.0}"] {
        let (plain, versioned) = (aside("", miss), aside(", versioned: true", miss));
        let (looks, old) = plain.shown("redis");
        // Twenty objects are old for half a time to live each on average: 2.5 s of 40 s.
        assert!((old as f64 / looks as f64 - 2.5 / 40.0).abs() < 0.03, "{miss}: {old} of {looks}");
        assert_eq!(0, versioned.shown("redis").1, "{miss}");
    }
}

/// What happens before a release does not depend on it, and nothing is counted where nothing is released.
#[test]
fn a_release_changes_nothing_before_it() {
    let until = |release: &str| {
        let text = format!(
            "run: {{duration: 30s, warmup: none, prefill: none}}
load: {{users: {{rate: 200/s, requests: {{edge.get: 1}}, timeout: none}}}}
keys: {{asset: {{count: 500, popularity: zipf(1)}}}}
components:
  edge: {{kind: cdn, pops: 2, entries: 100, backing: {{read: origin.get}}}}
  origin: {{kind: service, operations: {{get: [{{wait: 1ms}}]}}}}
{release}
alerts: {{early: {{when: hit ratio of edge < 1%, every: 1s, over: 1s}}}}
"
        );
        let seen = run(&text);
        (format!("{:?}", seen.record.looks), seen)
    };
    let ((without, plain), (with, released)) = (until(""), until("faults: {shipped: {at: 29.5s, release: asset}}"));
    assert!(plain.of("edge").shown.is_none());
    assert!(released.of("edge").shown.is_some());
    assert_eq!(without, with);
}

/// Caches of all kinds under random releases: what is counted adds up, and names with versions are never old.
#[test]
fn books_of_releases_balance_in_a_swarm() {
    for seed in 0..60u64 {
        let roll = |n: u64, of: u64| mix(mix(seed) ^ n) % of;
        let pick = |n: u64, of: &[&'static str]| of[roll(n, of.len() as u64) as usize];
        let versioned = roll(1, 2) == 0;
        let mut text = format!("run: {{duration: 12s, warmup: none, prefill: {}}}\n", pick(2, &["none", "3s"]));
        text += "load: {users: {rate: 150/s, requests: {browser.get: 2, web.page: 1}, timeout: 1s}}\n";
        writeln!(
            text,
            "keys: {{user: {{count: 9}}, asset: {{count: 40, popularity: zipf(1), versioned: {versioned}}}}}"
        )
        .expect("text");
        let ttl = pick(3, &["1s", "uniform(1s 5s)", "none"]);
        text += "components:\n";
        writeln!(text, "  browser: {{kind: cache, per: user, key: asset, ttl: {ttl}, backing: {{read: edge.get}}}}")
            .expect("text");
        let kept = [
            "ttl: 2s, miss: {early: 1.0}",
            "ttl: 2s, miss: {single_flight: cluster}",
            "entries: 20",
            "entries: 10, eviction: s3fifo, miss: {negative: 1s}",
        ];
        let pops = 1 + roll(4, 3);
        let kept = pick(5, &kept);
        writeln!(text, "  edge: {{kind: cdn, pops: {pops}, key: asset, {kept}, backing: {{read: origin.get}}}}")
            .expect("text");
        writeln!(
            text,
            "  web: {{kind: service, operations: {{page: [{{cached: {{in: redis, key: asset, miss: [{{call: origin.get}}]}}{}}}]}}}}",
            pick(7, &["", ", fallback: stale"])
        )
        .expect("text");
        writeln!(
            text,
            "  redis: {{kind: cache, key: asset, instances: 2, ttl: 2s, {}}}",
            pick(8, &["replicas: {count: 1, read: any}", "miss: {refresh: 50%}", "miss: {single_flight: instance}"])
        )
        .expect("text");
        text += "  origin: {kind: service, operations: {get: [{wait: exp(5ms)}]}}\n";
        text += "faults:\n";
        let purge = if versioned { "" } else { pick(9, &["", ", purge: edge", ", purge: [edge, redis]"]) };
        writeln!(
            text,
            "  shipped: {{every: exp(2s), release: asset, share: {}{purge}}}",
            pick(10, &["5%", "50%", "100%"])
        )
        .expect("text");
        text += pick(
            11,
            &[
                "  dies: {at: 5s, kill: redis/0, for: 1s}\n",
                "  dies: {at: 5s, kill: edge/0, for: 2s}\n",
                "  down: {at: 5s, errors: origin, for: 2s}\n",
                "  again: {every: exp(3s), flush: edge}\n",
            ],
        );
        println!("{text}");
        let seen = run(&text);
        for name in ["browser", "edge", "redis"] {
            let (tally, (looks, old)) = (seen.of(name), seen.shown(name));
            assert_eq!(looks, tally.page_hits + tally.page_misses, "looks of {name}, seed {seed}:\n{text}");
            assert!(old <= looks && !(versioned && 0 < old), "{old} of {looks} at {name}, seed {seed}:\n{text}");
        }
    }
}
