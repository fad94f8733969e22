//! Caches in whole scenarios: what they find follows from keys, room and time, and what they spare others is not done.

use plimsoll::engine::{Signals, simulate};
use plimsoll::model::Model;
use plimsoll::record::{CacheTally, Record, Tallies};

use crate::support::model;

/// A run with figures by component, between the end of the warm-up and the end of the run.
struct Seen {
    model: Model,
    record: Record,
}

fn run(text: &str) -> Seen {
    let model = model(&format!("plimsoll: 1\n{text}"));
    let record = simulate(&model, 7, 0, &Signals::default());
    Seen { model, record }
}

impl Seen {
    fn ends(&self) -> (&Tallies, &Tallies) {
        let snapshots = &self.record.snapshots;
        let first = usize::from(2 < snapshots.len());
        (&snapshots[first].tallies, &snapshots[snapshots.len() - 1].tallies)
    }

    fn component(&self, name: &str) -> usize {
        self.model.components.iter().position(|component| component.name == name).expect("the component exists")
    }

    fn hit_ratio(&self, name: &str) -> f64 {
        let (from, to) = self.ends();
        let (from, to) = (&from.components[self.component(name)], &to.components[self.component(name)]);
        let (hits, misses) = (to.page_hits - from.page_hits, to.page_misses - from.page_misses);
        hits as f64 / (hits + misses) as f64
    }

    fn arrivals(&self, name: &str) -> u64 {
        let (from, to) = self.ends();
        to.components[self.component(name)].arrivals - from.components[self.component(name)].arrivals
    }

    fn cache(&self, name: &str) -> CacheTally {
        self.ends().1.components[self.component(name)].cache
    }

    fn operation(&self, name: &str) -> usize {
        let full = |o: &plimsoll::model::Operation| {
            format!("{}.{}", self.model.components[usize::from(o.component)].name, o.name)
        };
        self.model.operations.iter().position(|operation| full(operation) == name).expect("the operation exists")
    }

    /// Share of requests that ended well.
    fn availability(&self) -> f64 {
        let (from, to) = self.ends();
        let (mut ok, mut all) = (0, 0);
        for (before, after) in from.classes.iter().zip(&to.classes) {
            ok += after.ok.count() - before.ok.count();
            all += after.ok.count() + after.failed.count() - before.ok.count() - before.failed.count();
        }
        ok as f64 / all as f64
    }

    /// Mean seconds of an operation, good answers only.
    fn mean_s(&self, operation: &str) -> f64 {
        let flow = &self.ends().1.operations[self.operation(operation)];
        flow.ok.sum() as f64 * 1e-9 / flow.ok.count() as f64
    }
}

fn look_asides(keys: u32, zipf: f64, cache: &str, run_: &str) -> Seen {
    run(&format!(
        "run: {{{run_}}}
load: {{users: {{rate: 1000/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: {keys}, popularity: zipf({zipf})}}}}
components:
  web: {{kind: service, workers: none, operations: {{get: [{{cached: {{in: shelf, miss: []}}}}]}}}}
  shelf: {{kind: cache, {cache}}}
links: {{web -> shelf: {{latency: 0ms}}}}
"
    ))
}

/// validation/cases.json, c-irm-5-2-1 and c-irm-6-3-0.8: exact hit ratios under independent references.
#[test]
fn hit_ratios_of_small_caches_are_exact() {
    let cases = [
        (5, 1.0, 2, "lru", 0.51888456),
        (5, 1.0, 2, "fifo", 0.50364964),
        (5, 1.0, 2, "random", 0.50364964),
        (5, 1.0, 2, "clock", 0.5187296),
        (6, 0.8, 3, "sieve", 0.6042998),
    ];
    for (keys, zipf, slots, eviction, truth) in cases {
        let cache = format!("entries: {slots}, eviction: {eviction}");
        let got = look_asides(keys, zipf, &cache, "requests: 400k, warmup: none, prefill: 1s").hit_ratio("shelf");
        assert!((got - truth).abs() < 0.003, "{eviction}: {got}, not {truth}");
    }
}

/// validation/cases.json, c-ttl-1: expiry from insertion and renewed by every hit, no limit of size.
#[test]
fn hit_ratios_of_a_time_to_live_are_exact() {
    for (sliding, truth) in [(false, 0.34984316), (true, 0.41468317)] {
        let seen = run(&format!(
            "run: {{requests: 400k, warmup: none}}
load: {{users: {{rate: 100/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: 1000, popularity: zipf(0.9)}}}}
components:
  web: {{kind: service, workers: none, operations: {{get: [{{cached: {{in: shelf, miss: []}}}}]}}}}
  shelf: {{kind: cache, ttl: 1s, sliding: {sliding}}}
links: {{web -> shelf: {{latency: 0ms}}}}
"
        ));
        let got = seen.hit_ratio("shelf");
        assert!((got - truth).abs() < 0.004, "sliding {sliding}: {got}, not {truth}");
    }
}

/// One hot key that everybody wants expires; how many ask the database for it at the same time?
fn stampede(miss: &str) -> u64 {
    let seen = run(&format!(
        "run: {{duration: 20s, warmup: none, prefill: none}}
load: {{users: {{rate: 2000/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: 1}}}}
components:
  web:
    kind: service
    instances: 4
    workers: none
    operations: {{get: [{{cached: {{in: shelf, miss: [{{call: db.read}}]}}}}]}}
  shelf: {{kind: cache, ttl: 5s, {miss}}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 200ms}}]}}}}
objectives: {{few: in_flight max of db.read <= 1000}}
"
    ));
    seen.ends().1.operations[seen.operation("db.read")].in_flight_max
}

#[test]
fn a_flight_for_each_instance_or_for_all_stops_a_stampede() {
    let (none, instance, cluster) =
        (stampede(""), stampede("miss: {single_flight: instance}"), stampede("miss: {single_flight: cluster}"));
    assert!(300 < none, "{none} at once without a lock");
    assert_eq!((4, 1), (instance, cluster));
}

#[test]
fn what_is_renewed_in_time_is_never_missed() {
    let ratio = |miss: &str| {
        let seen = run(&format!(
            "run: {{duration: 200s, warmup: none, prefill: none}}
load: {{users: {{rate: 50/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: 10}}}}
components:
  web: {{kind: service, workers: none, operations: {{get: [{{cached: {{in: shelf, miss: [{{call: db.read}}]}}}}]}}}}
  shelf: {{kind: cache, ttl: 10s, {miss}}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 100ms}}]}}}}
"
        ));
        (seen.hit_ratio("shelf"), seen.arrivals("db"))
    };
    let ((plain, fetches), (ahead, renewals)) = (ratio(""), ratio("miss: {refresh: 80%}"));
    // Ten keys expire every ten seconds, and what is asked for during the fetch of 100 ms misses, too.
    assert!(0.95 < plain && plain < 0.985, "{plain}");
    assert!(0.997 < ahead, "{ahead}: only the first look at each key misses");
    assert!(fetches < renewals + renewals / 2 && renewals < 2 * fetches, "{fetches} fetches, {renewals} renewals");
}

/// Early expiration: one request renews while the others go on hitting.
#[test]
fn early_renewal_leaves_few_to_miss_together() {
    let most = stampede("miss: {early: 1.0}");
    // The first load of all is a stampede in any case: measured after it, so compare with plain expiry instead.
    assert!(most <= stampede(""), "{most}");
    let seen = run("run: {duration: 100s, warmup: 5s, prefill: none}
load: {users: {rate: 1000/s, requests: {web.get: 1}, timeout: none}}
keys: {item: {count: 1}}
components:
  web: {kind: service, workers: none, operations: {get: [{cached: {in: shelf, miss: [{call: db.read}]}}]}}
  shelf: {kind: cache, ttl: 5s, miss: {early: 1.0}}
  db: {kind: service, workers: none, operations: {read: [{wait: 100ms}]}}
");
    // Nineteen renewals of 100 ms: plain expiry would let 100 requests each go to the database.
    assert!(seen.arrivals("db") < 300, "{} fetches", seen.arrivals("db"));
}

#[test]
fn it_is_remembered_that_there_is_nothing() {
    let fetches = |miss: &str| {
        let seen = run(&format!(
            "run: {{duration: 60s, warmup: none, prefill: none}}
load: {{users: {{rate: 200/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: 100}}}}
components:
  web: {{kind: service, workers: none, operations: {{get: [{{cached: {{in: shelf, miss: [{{call: db.read}}]}}}}]}}}}
  shelf: {{kind: cache, {miss}}}
  db: {{kind: service, workers: none, operations: {{read: [{{fail: {{share: 50%, as: not_found, by: item}}}}]}}}}
"
        ));
        (seen.arrivals("db"), seen.availability())
    };
    let ((without, failed), (with, failed_too)) = (fetches(""), fetches("miss: {negative: 1h}"));
    assert!((100..120).contains(&with), "{with} fetches: one for each key, a few together at the start");
    assert!(30 * with < without, "{without}");
    // The same keys fail either way.
    assert!((failed - failed_too).abs() < 1e-9 && 0.3 < failed && failed < 0.7, "{failed} {failed_too}");
}

#[test]
fn an_old_answer_is_better_than_none_where_it_was_asked_for() {
    let availability = |fallback: &str| {
        run(&format!(
            "run: {{duration: 60s, warmup: 10s, prefill: none}}
load: {{users: {{rate: 100/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: 10}}}}
components:
  web: {{kind: service, workers: none, operations: {{get: [{{cached: {{in: shelf, miss: [{{call: db.read}}]}}{fallback}}}]}}}}
  shelf: {{kind: cache, ttl: 1s}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 1ms}}]}}}}
faults: {{down: {{at: 20s, for: 20s, errors: db}}}}
"
        ))
        .availability()
    };
    let (strict, content) = (availability(""), availability(", fallback: stale"));
    assert!(strict < 0.65, "{strict}");
    assert!(0.999 < content, "{content}");
}

/// A write goes through to the database, or behind: fast, together, and lost if the node dies first.
fn written(mode: &str, fault: &str) -> Seen {
    run(&format!(
        "run: {{duration: 60s, warmup: none, prefill: none}}
load: {{users: {{rate: 200/s, requests: {{cache.write: 1}}, timeout: none}}}}
keys: {{item: {{count: 50}}}}
components:
  cache: {{kind: cache, backing: {{read: db.read, write: db.write, {mode}}}, boot: 1s}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 1ms}}], write: [{{wait: 20ms}}]}}}}
{fault}
"
    ))
}

#[test]
fn writing_behind_is_fast_and_loses_what_was_not_yet_written() {
    let crash = "faults: {dies: {at: 32.5s, for: 1s, kill: cache/0}}";
    let (through, behind) = (written("mode: through", crash), written("mode: behind, flush: {every: 5s}", crash));
    assert!(10.0 * behind.mean_s("cache.write") < through.mean_s("cache.write"));
    assert_eq!(0, through.cache("cache").lost_writes);
    // At most 50 keys can be waiting: writes of one key between two flushes are one.
    let lost = behind.cache("cache").lost_writes;
    assert!(0 < lost && lost <= 50, "{lost}");
    assert!(
        through.arrivals("db") > 10 * behind.arrivals("db"),
        "{} {}",
        through.arrivals("db"),
        behind.arrivals("db")
    );
    assert_eq!(0, written("mode: behind, flush: {every: 5s}", "").cache("cache").lost_writes);
}

/// What is out of date in the cache, because it keeps two answers for an item or none, is still to be written.
#[test]
fn writing_behind_reaches_the_database_whatever_the_cache_reads() {
    for read in ["[db.read, db.list]", "[]", "db.read"] {
        let seen = run(&format!(
            "run: {{duration: 60s, warmup: none, prefill: none}}
load: {{users: {{rate: 200/s, requests: {{cache.write: 1}}, timeout: none}}}}
keys: {{item: {{count: 50}}}}
components:
  cache: {{kind: cache, backing: {{read: {read}, write: db.write, mode: behind, flush: {{every: 5s}}}}}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 1ms}}], list: [{{wait: 1ms}}], write: [{{wait: 20ms}}]}}}}
"
        ));
        // 50 items each 5 s; the last flush may come after the end.
        assert!((500..=600).contains(&seen.arrivals("db")), "{read}: {}", seen.arrivals("db"));
    }
}

#[test]
fn a_dead_node_loses_its_part_only() {
    let ratio = |fault: &str| {
        run(&format!(
            "run: {{duration: 40s, warmup: 20s, prefill: 10s}}
load: {{users: {{rate: 1000/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: 1000}}}}
components:
  web: {{kind: service, workers: none, operations: {{get: [{{cached: {{in: shelf, miss: [{{call: db.read}}]}}}}]}}}}
  shelf: {{kind: cache, instances: 4}}
  db: {{kind: service, workers: none, operations: {{read: [{{wait: 1ms}}]}}}}
{fault}
"
        ))
        .arrivals("db")
    };
    let (calm, struck) = (ratio(""), ratio("faults: {dies: {at: 25s, kill: shelf/1}}"));
    assert_eq!(0, calm);
    // A quarter of a thousand keys is fetched again, once each but for those asked for twice at a time.
    assert!(200 < struck && struck < 340, "{struck}");
}

#[test]
fn everyone_has_a_browser() {
    let seen = run("run: {duration: 100s, warmup: none, prefill: none}
load: {users: {rate: 200/s, requests: {browser.get: 1}, timeout: none}}
keys:
  user: {count: 20}
  asset: {count: 30, bytes: 50KB}
components:
  browser: {kind: cache, per: user, key: asset, memory: 50MB, backing: {read: edge.get}}
  edge: {kind: cache, key: asset, memory: 1MB, backing: {read: files.get}}
  files: {kind: store, key: asset, first_byte: 10ms, bandwidth: 100MB/s}
");
    // Each of 600 pairs misses once in its browser; the edge keeps 20 of 30 assets.
    assert!((seen.arrivals("edge") as i64 - 600).abs() <= 20, "{}", seen.arrivals("edge"));
    assert!((seen.hit_ratio("edge") - 20.0 / 30.0).abs() < 0.08, "{}", seen.hit_ratio("edge"));
    // 10 ms and 50 KB at 100 MB/s.
    assert!((seen.mean_s("files.get") - 0.010).abs() < 1e-4, "{}", seen.mean_s("files.get"));
    assert!((seen.mean_s("edge.get") * 3.0 - 0.0105).abs() < 0.002, "{}", seen.mean_s("edge.get"));
}

#[test]
fn caches_start_as_traffic_would_have_left_them() {
    let early = |prefill: &str| {
        let cache = "entries: 10k, ttl: 1m";
        look_asides(100_000, 0.9, cache, &format!("duration: 20s, warmup: none, prefill: {prefill}")).hit_ratio("shelf")
    };
    let later = look_asides(100_000, 0.9, "entries: 10k, ttl: 1m", "duration: 300s, warmup: 200s, prefill: none");
    let (cold, warm, truth) = (early("none"), early("auto"), later.hit_ratio("shelf"));
    assert!(cold + 0.05 < truth, "cold {cold}, warm {truth}");
    assert!((warm - truth).abs() < 0.01, "prefilled {warm}, after 200 s {truth}");
}

#[test]
fn a_flushed_cache_is_empty_and_an_expired_entry_is_gone() {
    let arrivals = |fault: &str| {
        run(&format!(
            "run: {{duration: 20s, warmup: none, prefill: 20s}}
load: {{users: {{rate: 500/s, requests: {{web.get: 1}}, timeout: none}}}}
keys: {{item: {{count: 100}}}}
components:
  web: {{kind: service, workers: none, operations: {{get: [{{cached: {{in: shelf, miss: [{{call: db.read}}]}}}}]}}}}
  shelf: {{kind: cache, instances: 2}}
  db: {{kind: service, workers: none, operations: {{read: []}}}}
{fault}
"
        ))
        .arrivals("db")
    };
    assert_eq!(0, arrivals(""));
    assert_eq!(1, arrivals("faults: {one: {at: 5s, expire: shelf, value: 17}}"));
    let all = arrivals("faults: {all: {at: 5s, flush: shelf}}");
    assert!((100..=104).contains(&all), "{all}");
}
