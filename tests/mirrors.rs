//! Copies of the nodes of a cache: who serves a dead node's part, and what the others do not have yet.

use plimsoll::engine::{Signals, simulate};
use plimsoll::model::Model;
use plimsoll::record::{Record, Tallies};

use crate::laws::holds;
use crate::support::model;

struct Seen {
    model: Model,
    record: Record,
}

/// Pages that look aside, in a region of three zones a millisecond from each other, measured from 20 s on.
fn text(cache: &str, rest: &str) -> String {
    format!(
        "
plimsoll: 1
title: mirrors
run: {{duration: 40s, warmup: 20s, prefill: 10s}}
regions: {{here: {{zones: 3}}}}
load: {{users: {{rate: 1000/s, requests: {{web.get: 1}}, timeout: none, from: here}}}}
keys: {{item: {{count: 1000}}}}
components:
  web:
    kind: service
    workers: none
    operations: {{get: [{{cached: {{in: shelf, miss: [{{call: db.read}}]}}}}], change: [{{put: {{in: shelf}}}}, {{get: {{in: shelf}}}}]}}
  shelf: {{kind: cache, {cache}}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 1ms}}], write: [{{wait: 20ms}}]}}}}
{rest}
"
    )
}

fn run(cache: &str, rest: &str) -> Seen {
    Seen::of(&text(cache, rest))
}

impl Seen {
    fn of(text: &str) -> Seen {
        let model = model(text);
        let record = simulate(&model, 7, 0, &Signals::default());
        holds(&model, &record, text);
        Seen { model, record }
    }

    fn ends(&self) -> (&Tallies, &Tallies) {
        let snapshots = &self.record.snapshots;
        (&snapshots[1].tallies, &snapshots[snapshots.len() - 1].tallies)
    }

    fn component(&self, name: &str) -> usize {
        self.model.components.iter().position(|component| component.name == name).expect("the component exists")
    }

    fn arrivals(&self, name: &str) -> u64 {
        let (from, to) = self.ends();
        to.components[self.component(name)].arrivals - from.components[self.component(name)].arrivals
    }

    /// Share of the requests of the cache that each of its instances got.
    fn shares(&self) -> Vec<f64> {
        let (from, to) = self.ends();
        let spec = &self.model.components[self.component("shelf")];
        let all = self.arrivals("shelf") as f64;
        let of = |s: u32| to.stations[s as usize].arrivals - from.stations[s as usize].arrivals;
        (spec.first..spec.first + spec.count).map(|s| of(s) as f64 / all).collect()
    }

    fn hit_ratio(&self) -> f64 {
        let (from, to) = self.ends();
        let (from, to) = (&from.components[self.component("shelf")], &to.components[self.component("shelf")]);
        let (hits, misses) = (to.page_hits - from.page_hits, to.page_misses - from.page_misses);
        hits as f64 / (hits + misses) as f64
    }

    fn lost(&self) -> u64 {
        self.ends().1.components[self.component("shelf")].cache.lost_writes
    }
}

const DIES: &str = "faults: {dies: {at: 25s, kill: shelf/1}}";

#[test]
fn a_copy_serves_the_part_of_a_dead_node() {
    let alone = run("instances: 3", DIES).arrivals("db");
    assert!((200..=500).contains(&alone), "a third of 1,000 entries is fetched again: {alone}");
    let copied = run("instances: 3, replicas: {count: 1}", DIES).arrivals("db");
    assert!(copied <= 2, "only who was being answered has to ask the database: {copied}");
    // Until the death is noticed its part is missed each time: a third of 1,000 a second for a little more than 2 s.
    let health = ", health: {interval: 1s, unhealthy: 2, timeout: 500ms}";
    let unnoticed = run(&format!("instances: 3, replicas: {{count: 1}}{health}"), DIES).arrivals("db");
    assert!((300..=1400).contains(&unnoticed), "{unnoticed}");
}

#[test]
fn without_replicas_nodes_keep_what_they_have() {
    let of_three = |cache: &str| run(cache, "").shares()[..3].to_vec();
    assert_eq!(of_three("instances: 3"), of_three("instances: 3, replicas: {count: 2}"));
}

#[test]
fn who_answers_is_one_or_any() {
    let one = run("replicas: {count: 1}", "").shares();
    assert_eq!(one, [1.0, 0.0]);
    let any = run("replicas: {count: 3, read: any}", "").shares();
    assert!(any.len() == 4 && any.iter().all(|share| (share - 0.25).abs() < 0.02), "{any:?}");
}

/// What is put is asked for at once: whoever took it has it, the other copy is a millisecond behind.
#[test]
fn a_copy_does_not_have_yet_what_is_on_its_way() {
    let ratio = |read: &str| {
        let cache = format!("ttl: 100us, replicas: {{count: 1, read: {read}}}");
        let text = text(&cache, "links: {web -> shelf: {latency: 0ms}}");
        Seen::of(&text.replace("web.get: 1", "web.change: 1")).hit_ratio()
    };
    assert_eq!(ratio("primary"), 1.0);
    let any = ratio("any");
    assert!((any - 0.5).abs() < 0.03, "{any}");
}

#[test]
fn who_comes_back_copies_everything_and_can_take_over_again() {
    let both = "
faults:
  first: {at: 22s, kill: shelf/0, for: 5s}
  second: {at: 30s, kill: shelf/1}";
    assert!(run("replicas: {count: 1}", both).arrivals("db") <= 2);
    // 1,000 entries of 1 MB at 50 MB/s take 20 s, so that the second death finds nobody who has everything.
    let slow = run("entry: 1MB, nic: 50MB/s, replicas: {count: 1}", both).arrivals("db");
    assert!(100 < slow, "{slow}");
}

#[test]
fn what_a_copy_has_is_written_behind_although_the_node_dies() {
    let lost = |replicas: &str, latency: &str| {
        let rest = format!(
            "links: {{here/a -> here/b: {{latency: {latency}}}}}
faults: {{dies: {{at: 32.5s, kill: shelf/0}}}}"
        );
        let cache = format!(
            "backing: {{read: db.read, write: db.write, mode: behind, flush: {{every: 5s, batch: 10k}}}}{replicas}"
        );
        let text = format!(
            "
plimsoll: 1
title: behind
run: {{duration: 40s, warmup: 20s, prefill: none}}
regions: {{here: {{zones: 3}}}}
load: {{users: {{rate: 1000/s, requests: {{shelf.write: 1}}, timeout: none, from: here}}}}
keys: {{item: {{count: 1000}}}}
components:
  shelf: {{kind: cache, {cache}}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 1ms}}], write: [{{wait: 20ms}}]}}}}
{rest}
"
        );
        Seen::of(&text).lost()
    };
    let alone = lost("", "1ms");
    assert!(100 < alone, "{alone}");
    assert!(lost(", replicas: {count: 1}", "1ms") <= 10);
    let far = lost(", replicas: {count: 1}", "500ms");
    assert!(100 < far && far < alone, "what had not come to the copy by then: {far}");
}

#[test]
fn exact_laws_while_copies_come_and_go() {
    for seed in 0..4 {
        for cache in [
            "instances: 2, replicas: {count: 1}",
            "instances: 2, replicas: {count: 2, read: any}, memory: 300KB, entry: 1KB",
        ] {
            let faults = "faults: {often: {kill: shelf/any, every: exp(2s), for: exp(2s)}}";
            let seen = run(cache, faults);
            let again = simulate(&seen.model, 7, 0, &Signals::default());
            assert_eq!(format!("{:?}", seen.record), format!("{again:?}"), "{seed} {cache}");
            let other = simulate(&seen.model, seed, 1, &Signals::default());
            holds(&seen.model, &other, cache);
        }
    }
}
