//! Stages 4 and 5, and the patterns and pitfalls of the data tier: replicas, caches, pools, machines.

use plimsoll::report::Report;

use super::{Stage, beside, claim, limit, mean, value, words};

const FOUR: &str = "04-read-replicas.yaml";
const FIVE: &str = "05-caching.yaml";
const STAMPEDE: &str = "patterns/cache-stampede.yaml";
const THROUGH: &str = "patterns/write-through.yaml";
const BEHIND: &str = "patterns/write-behind.yaml";
const POOLING: &str = "patterns/connection-pooling.yaml";
const VERTICAL: &str = "patterns/vertical-vs-horizontal.yaml";
const WRONG_TIER: &str = "pitfalls/wrong-tier.yaml";

/// A run of so many seconds after so many of warm-up, once: these stages have thousands of requests a second.
fn brief(file: &'static str, seconds: u32, warmup: u32) -> Stage {
    Stage::new(file)
        .set("run.duration", format!("{seconds}s"))
        .set("run.warmup", format!("{warmup}s"))
        .set("run.replications", 1)
}

/// Stage 4 without the buffer pools, which hold every row that is asked for and would only have to be filled first.
fn stage4(seconds: u32, warmup: u32) -> Stage {
    brief(FOUR, seconds, warmup).set("components.db.operations.read.pages", 0)
}

/// Requests a second of an operation, whatever became of them.
fn rate(report: &Report, operation: &str) -> f64 {
    report.operations[operation].requests.throughput_per_s.mean
}

/// Dollars a month of one component.
fn bill(report: &Report, component: &str) -> f64 {
    report.cost.lines.iter().filter(|line| line.component == component).map(|line| line.usd_per_month).sum()
}

/// Reads a second that so many replicas carry beside the stage's writes, within 10 ms on average; to 3 %.
fn read_capacity(replicas: u32) -> f64 {
    let cores = 8000.0 * f64::from(replicas);
    stage4(3, 1)
        .variant("reads_only")
        .set("components.db.replicas.count", replicas)
        .set("objectives.quick", "latency mean of db.read <= 10ms")
        .capacity("quick", 0.8 * cores, 1.1 * cores)
}

#[test]
fn s04_reads() {
    let report = stage4(6, 1).read("disk", "utilisation of disk on db/primary").report();
    let writes = rate(&report, "db.write") / value(&report, "disk");
    beside("s04-reads", "writes/s that fill the primary's disk", &format!("{writes:.0}"));
    claim("s04-reads", "reads/s of 2 replicas within 10 ms", read_capacity(2), [10_000.0, 50_000.0]);
    claim("s04-reads", "reads/s of 5 replicas within 10 ms", read_capacity(5), [10_000.0, 50_000.0]);
}

#[test]
fn s04_linear() {
    let [one, two, four] = [1, 2, 4].map(read_capacity);
    claim("s04-linear", "reads/s of 2 replicas over twice those of one", two / one / 2.0, [0.9, 1.1]);
    claim("s04-linear", "reads/s of 4 replicas over four times those of one", four / one / 4.0, [0.9, 1.1]);
}

#[test]
fn s04_lag() {
    let report = stage4(8, 2).set("objectives.middle", "lag p50 of db <= 1s").report();
    claim("s04-lag", "median lag under the stage's load, s", value(&report, "middle"), [0.1, 1.0]);
    claim("s04-lag", "p99 of the lag, s", value(&report, "behind"), [0.1, 1.0]);
}

#[test]
fn s04_stale() {
    let stale = |stage: Stage| value(&stage.read("stale", "stale_reads of db").report(), "stale");
    let (loose, own) = (stale(stage4(6, 1)), stale(stage4(6, 1).variant("own_writes")));
    let told = format!("{:.2} % of reads, with read-your-writes {:.4} %", 1e2 * loose, 1e2 * own);
    words(
        "s04-stale",
        ["reads of what had been overwritten", "some; none with read-your-writes"],
        &told,
        0.0 < loose && own == 0.0,
    );
}

#[test]
fn s04_failover() {
    let report = stage4(360, 20).variant("primary_dies").set("run.replications", 4).rate(60.0).report();
    claim("s04-failover", "mean time without all writes, s", value(&report, "back"), [120.0, 210.0]);
}

#[test]
fn s04_cost() {
    claim("s04-cost", "dollars a month", stage4(3, 1).report().cost.usd_per_month, [2000.0, 4000.0]);
}

/// Median write of a mode at the stage's load, and acknowledged writes lost in a failover with it.
fn mode_of(mode: &str, ship: &str) -> (f64, f64) {
    let set = |stage: Stage| {
        stage.set("components.db.replicas.mode", mode).set("components.db.replicas.ship", format!("{{every: {ship}}}"))
    };
    let calm = set(stage4(5, 1)).set("objectives.write", "latency p50 of db.write <= 1s").report();
    let dies = set(stage4(12, 2).variant("primary_dies").rate(600.0))
        .set("run.replications", 4)
        .set("faults.dies.at", "5s")
        .set("components.db.failover.health", "{interval: 500ms, unhealthy: 1, timeout: 100ms}")
        .set("components.db.failover.promote", "1s")
        .set("components.db.failover.ttl", "0s");
    (value(&calm, "write"), value(&dies.report(), "lost"))
}

#[test]
fn s04_semisync() {
    let modes = [("async", "200ms"), ("semi_sync(1)", "0s"), ("sync", "0s")];
    let [(fast, lost), (semi, none), (sync, nothing)] = modes.map(|(mode, ship)| mode_of(mode, ship));
    let told = format!(
        "async {:.2} ms and {lost:.1} lost, semi-sync {:.2} ms and {none:.0}, sync {:.2} ms and {nothing:.0}",
        fast * 1e3,
        semi * 1e3,
        sync * 1e3
    );
    let holds = fast < semi && semi < sync && 0.0 < lost && none == 0.0 && nothing == 0.0;
    words(
        "s04-semisync",
        ["median write, acknowledged writes lost in a failover", "async is fastest and loses; the others lose none"],
        &told,
        holds,
    );
}

#[test]
fn s05_hit() {
    let report = brief(FIVE, 5, 1).report();
    let short = brief(FIVE, 5, 1).variant("short").read("hits", "hit ratio of redis").report();
    beside("s05-hit", "hit ratio with a minute to live", &format!("{:.4}", value(&short, "hits")));
    claim("s05-hit", "hit ratio out of Zipf keys, memory and time to live", value(&report, "hits"), [0.70, 0.95]);
}

#[test]
fn s05_latency() {
    let ask = |stat: &str| format!("latency {stat} of web.session <= 1s");
    let stage = brief(FIVE, 10, 1).set("load.phones.rate", "1000/s");
    let report = stage.set("objectives.p50", ask("p50")).set("objectives.p99", ask("p99")).report();
    let told = format!("{:.3} ms and {:.3} ms", value(&report, "p50") * 1e3, value(&report, "p99") * 1e3);
    words("s05-latency", ["look-up with its way, p50 and p99", "p50 below 1 ms"], &told, value(&report, "p50") < 1e-3);
    claim("s05-latency", "p99 of a look-up with its way, ms", value(&report, "p99") * 1e3, [0.0, 5.0]);
}

#[test]
fn s05_offload() {
    let (with, without) = (brief(FIVE, 5, 1).report(), brief(FIVE, 5, 1).variant("no_cache").report());
    let ratio = rate(&without, "db.read") / rate(&with, "db.read");
    claim("s05-offload", "reads/s of the database without over with the cache", ratio, [5.0, 20.0]);
}

/// The source's 50 ms are those of a database that is nearly full, so that design is shown with three replicas, too.
#[test]
fn s05_session() {
    let session =
        |stage: Stage| value(&stage.set("objectives.session", "latency mean of web.session <= 5s").report(), "session");
    let cached = session(brief(FIVE, 5, 1));
    let stored = session(brief(FIVE, 5, 1).variant("no_cache"));
    let tight = session(brief(FIVE, 5, 1).variant("no_cache").set("components.db.replicas.count", 2));
    let told = format!("{:.0} ms, {:.0} times the cache (the source: 25 to 50)", tight * 1e3, tight / cached);
    beside("s05-session", "a database that is full", &told);
    let told = format!("{:.2} ms against {:.2} ms: {:.1} times", cached * 1e3, stored * 1e3, stored / cached);
    words(
        "s05-session",
        ["mean look-up of a session, cache and database", "quicker; 50 ms are those of a full database"],
        &told,
        2.0 * cached < stored && stored < tight,
    );
}

/// Most queries for the one hot page at a time, over two expiries of the entry and without the first: an entry from before
/// the run has cost no time, and is not renewed early.
fn stampede(variant: Option<&'static str>) -> f64 {
    let stage = Stage { variant, ..brief(STAMPEDE, 65, 25) };
    value(&stage.set("components.cache.ttl", "20s").report(), "calm")
}

#[test]
fn s05_stampede() {
    let [none, instance, cluster, early] = [None, Some("instance"), Some("cluster"), Some("early")].map(stampede);
    let told =
        format!("none {none:.0}, lock per instance {instance:.0}, of the cluster {cluster:.0}, early {early:.0}");
    let holds = 50.0 * instance < none && instance == 4.0 && cluster == 1.0 && early < none / 50.0;
    words("s05-stampede", ["most queries for the hot key at a time", "far fewer with a lock"], &told, holds);
}

#[test]
fn p_early_expiry() {
    let (none, early) = (stampede(None), stampede(Some("early")));
    beside("p-early-expiry", "most at a time without", &format!("{none:.0}"));
    claim("p-early-expiry", "most queries for the hot key at a time, renewed early", early, [1.0, 10.0]);
}

/// The mean write of a pattern, and how many acknowledged writes it loses when the cache dies.
fn writing(file: &'static str) -> (f64, f64) {
    let write = "latency mean of cache.write <= 1s";
    let run = |seconds| brief(file, seconds, 10).set("run.prefill", "5m");
    let calm = run(30).set("objectives.write", write).report();
    let crash = run(40).variant("crash").set("run.replications", 4).set("faults.dies.at", "23s").report();
    (value(&calm, "write"), value(&crash, "safe"))
}

#[test]
fn s05_writebehind() {
    let ((through, _), (behind, lost)) = (writing(THROUGH), writing(BEHIND));
    claim("s05-writebehind", "write through over write behind, mean times", through / behind, [10.0, f64::INFINITY]);
    // 100 writes a second for at most five seconds, and the variation of a Poisson number.
    claim("s05-writebehind", "acknowledged writes lost when the cache dies", lost, [1.0, 560.0]);
}

#[test]
fn p_write_through() {
    let report = brief(THROUGH, 30, 10)
        .set("run.prefill", "5m")
        .set("objectives.write", "latency mean of cache.write <= 1s")
        .set("objectives.store", "latency mean of db.write <= 1s")
        .report();
    let (both, store) = (value(&report, "write"), value(&report, "store"));
    let (_, lost) = writing(THROUGH);
    let told = format!("{:.2} ms, {:.2} ms of it the store; {lost:.0} lost in a crash", both * 1e3, store * 1e3);
    let agrees = rate(&report, "db.write") / rate(&report, "cache.write");
    words(
        "p-write-through",
        ["a write", "as slow as the store, nothing lost"],
        &told,
        store < both && lost == 0.0 && (agrees - 1.0).abs() < 0.01,
    );
}

#[test]
fn p_write_behind() {
    let report = brief(BEHIND, 40, 10).set("run.prefill", "5m").report();
    let batched = rate(&report, "cache.write") / rate(&report, "db.write");
    let (behind, lost) = writing(BEHIND);
    let told = format!("{:.3} ms; {batched:.2} of them are one at the store; {lost:.0} lost in a crash", behind * 1e3);
    words(
        "p-write-behind",
        ["a write", "at once, in batches, some lost"],
        &told,
        behind < 1e-3 && 1.1 < batched && 0.0 < lost,
    );
}

#[test]
fn s05_cost() {
    let report = brief(FIVE, 5, 1).read("busy", "utilisation of workers of redis").report();
    let asked: f64 = ["redis.get", "redis.put", "redis.delete"].iter().map(|name| rate(&report, name)).sum();
    let full = asked / value(&report, "busy");
    claim("s05-cost", "operations/s that fill six nodes", full, [500e3, 1e6]);
    claim("s05-cost", "dollars a month of six plain machines", bill(&report, "redis"), [1000.0, 2000.0]);
}

#[test]
fn p_pooling() {
    let run = |stage: Stage| stage.read("busy", "utilisation of cores of db").report();
    let (kept, each) = (run(brief(POOLING, 20, 4)), run(brief(POOLING, 20, 4).variant("per_query")));
    let told = format!(
        "mean {:.1} ms and {:.0} % of the database, without a pool {:.1} ms and {:.0} %",
        mean(&kept) * 1e3,
        value(&kept, "busy") * 1e2,
        mean(&each) * 1e3,
        value(&each, "busy") * 1e2
    );
    let holds = 2.0 * mean(&kept) < mean(&each) && 3.5 * value(&kept, "busy") < value(&each, "busy");
    words("p-pooling", ["connections that are kept", "quicker, and less work for the database"], &told, holds);
}

#[test]
fn p_vertical() {
    let failed = |stage: Stage| value(&stage.set("objectives.down", "errors during dies <= 100%").report(), "down");
    let one = brief(VERTICAL, 90, 10).set("faults.dies.at", "30s").set("faults.dies.for", "30s");
    let (alone, eighth) = (failed(one.clone()), failed(one.variant("horizontal")));
    let [ceiling, beyond] = ["ceiling", "beyond"].map(|variant| {
        let report = brief(VERTICAL, 8, 2).variant(variant).report();
        report.operations["app.page"].requests.goodput_per_s.mean
    });
    let told = format!(
        "errors while a machine is down {:.0} % with one, {:.1} % with eight; of 3,600/s the largest machine serves \
         {ceiling:.0}, 48 small ones {beyond:.0}",
        alone * 1e2,
        eighth * 1e2
    );
    let holds = alone == 1.0 && eighth < 0.125 && ceiling < 3300.0 && 3450.0 < beyond;
    words(
        "p-vertical",
        ["one large machine against many small ones", "one to lose, and an end to growth"],
        &told,
        holds,
    );
}

#[test]
fn x_wrong_tier() {
    let of = |stage: Stage| {
        let report = stage.report();
        (report.operations["web.page"].requests.goodput_per_s.mean, limit(&report).0)
    };
    let run = || brief(WRONG_TIER, 15, 5);
    let (four, tier) = of(run());
    let [(eight, _), (index, _), (cache, _), (replicas, _)] =
        ["more_web", "index", "cache", "replicas"].map(|variant| of(run().variant(variant)));
    let told = format!(
        "{four:.0}/s with 4, {eight:.0}/s with 8 web servers; index {index:.0}/s, cache {cache:.0}/s, replicas {replicas:.0}/s"
    );
    let holds =
        tier == "db" && (eight / four - 1.0).abs() < 0.02 && [index, cache, replicas].iter().all(|&r| 1.05 * four < r);
    words(
        "x-wrong-tier",
        ["answers of 1,100/s offered, the database full", "more web servers change nothing"],
        &told,
        holds,
    );
}
