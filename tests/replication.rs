//! Replication: what replicas cost, how far they are behind, and what a mode promises.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{compiled, model, value};

/// A database with two replicas whose writes take 1 ms there and here, one way 250 us apart.
struct Setup {
    replicas: &'static str,
    reads: u32,
    writes: u32,
    rest: &'static str,
}

impl Setup {
    fn new(replicas: &'static str) -> Setup {
        Setup { replicas, reads: 200, writes: 400, rest: "" }
    }

    fn text(&self) -> String {
        let Setup { replicas, reads, writes, rest } = self;
        format!(
            "
plimsoll: 1
title: replication
run: {{duration: 60s, warmup: 5s, replications: 2}}
keys: {{user: {{count: 1k, popularity: zipf(0.99)}}}}
load:
  readers: {{rate: {reads}/s, requests: {{db.read: 1}}, timeout: 1s}}
  writers: {{rate: {writes}/s, requests: {{db.write: 1}}, timeout: 1s}}
components:
  db:
    kind: database
    cores: 4
    data: {{rows: 1k, row: 1KB, key: user}}
    replicas: {{count: 2, {replicas}}}
    operations: {{read: {{cpu: exp(500us)}}, write: {{cpu: exp(1ms)}}}}
objectives:
  lag: lag of db >= 0s
  stale: stale_reads of db >= 0%
  staleness: staleness of db >= 0s
  violations: violations of db >= 0
  write: latency mean of db.write >= 0s
  read: latency mean of db.read >= 0s
  up: availability >= 0%
{rest}
"
        )
    }

    fn report(&self) -> Report {
        let (scenario, model) = compiled(&self.text());
        evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
    }
}

fn near(found: f64, expected: f64, share: f64) {
    assert!((found - expected).abs() <= share * expected, "{found}, expected {expected}");
}

/// A Poisson stream of writes and one worker that repeats them: the lag is the link and the time in an M/M/1.
#[test]
fn lag_is_the_link_and_an_mm1_and_grows_with_the_writes() {
    for writes in [200, 500, 800] {
        let report = Setup { writes, reads: 1, ..Setup::new("mode: async") }.report();
        near(value(&report, "lag"), 0.00025 + 1.0 / (1000.0 - f64::from(writes)), 0.08);
    }
}

#[test]
fn a_cheaper_or_wider_application_lags_less() {
    let lag = |replicas| value(&Setup { writes: 800, reads: 1, ..Setup::new(replicas) }.report(), "lag");
    near(lag("apply: {cost: 40%}"), 0.00025 + 1.0 / (2500.0 - 800.0), 0.08);
    // Two workers on four cores: an M/M/2 takes 1/(1 - rho^2) of a service.
    let two = lag("apply: {workers: 2}");
    assert!(two < 0.002 && 0.00125 < two, "{two}");
    near(lag("apply: {cost: 0%}"), 0.00025, 1e-6);
}

#[test]
fn shipping_every_200_ms_adds_half_of_that() {
    let report = Setup { writes: 100, reads: 1, ..Setup::new("ship: {every: 200ms}, apply: {cost: 0%}") }.report();
    near(value(&report, "lag"), 0.1 + 0.00025, 0.02);
}

/// Asynchronous writes wait for nobody; semi-synchronous ones for a round trip; synchronous ones for the slower of two
/// applications, too.
#[test]
fn the_surer_a_write_the_longer_it_takes() {
    let write = |mode| value(&Setup { reads: 1, ..Setup::new(mode) }.report(), "write");
    let [fast, semi, sync, chain] = ["mode: async", "mode: semi_sync(1)", "mode: sync", "mode: chain"].map(write);
    near(semi - fast, 0.0005, 1e-3);
    assert!(semi + 0.001 < sync && sync < chain, "{fast} {semi} {sync} {chain}");
    let quorum = write("mode: quorum(r=1 w=2)");
    assert!(semi < quorum && quorum < sync, "the faster of two applications: {quorum}");
}

#[test]
fn replicas_show_old_rows_and_the_primary_does_not() {
    let any = Setup { writes: 800, ..Setup::new("ship: {every: 100ms}") }.report();
    assert!(0.05 < value(&any, "stale") && 0.01 < value(&any, "staleness"), "{}", value(&any, "stale"));
    for replicas in ["read: primary, ship: {every: 100ms}", "mode: chain", "mode: sync"] {
        let report = Setup { writes: 400, ..Setup::new(replicas) }.report();
        assert_eq!(value(&report, "stale"), 0.0, "{replicas}");
        // A synchronous write is on one replica before the other, so a reader may see it come and go once.
        let most = if replicas == "mode: sync" { 10.0 } else { 0.0 };
        assert!(value(&report, "violations") <= most, "{replicas}: {}", value(&report, "violations"));
    }
}

#[test]
fn who_reads_own_writes_never_misses_them() {
    let loose = Setup::new("ship: {every: 100ms}").report();
    assert!(100.0 < value(&loose, "violations"), "{}", value(&loose, "violations"));
    let own = Setup::new("ship: {every: 100ms}, read_your_writes: user").report();
    assert_eq!(value(&own, "violations"), 0.0);
    // With one row a user there is nothing else to be stale about.
    assert_eq!(value(&own, "stale"), 0.0);
}

#[test]
fn monotonic_reads_do_not_go_back() {
    let back = |more: &'static str| {
        let report = Setup { writes: 100, reads: 400, ..Setup::new(more) }.report();
        value(&report, "violations")
    };
    let loose = back("read: all, ship: {every: 100ms}");
    let kept = back("read: all, ship: {every: 100ms}, monotonic_reads: user");
    // What is left has not seen its own writes, which is another promise.
    assert!(kept < 0.8 * loose, "{loose} {kept}");
    let both = back("read: all, ship: {every: 100ms}, monotonic_reads: user, read_your_writes: user");
    assert_eq!(both, 0.0);
}

#[test]
fn bounded_staleness_is_bounded() {
    let report =
        Setup { rest: "  most: staleness max of db <= 20ms", ..Setup::new("ship: {every: 100ms}, read: fresh(20ms)") };
    let report = report.report();
    assert!(value(&report, "most") <= 0.02, "{}", value(&report, "most"));
    assert!(0.0 < value(&report, "stale"));
}

#[test]
fn the_least_behind_is_less_behind_than_any() {
    let rest = "faults: {f: {at: 1s, slow: db/replica-0, factor: 1.2}}";
    let staleness = |read| value(&Setup { rest, writes: 700, ..Setup::new(read) }.report(), "staleness");
    let (any, least) = (staleness("read: any"), staleness("read: least_lag"));
    assert!(least < 0.8 * any, "{any} {least}");
}

#[test]
fn replaying_is_work_on_the_replicas() {
    let rest = "  replica: utilisation of cores on db/replica-0 <= 100%\n  primary: utilisation of cores on db/primary <= 100%";
    let report = Setup { rest, reads: 800, writes: 400, ..Setup::new("apply: {cost: 50%}") }.report();
    near(value(&report, "primary"), 0.1, 0.05);
    near(value(&report, "replica"), (400.0 * 0.0005 + 400.0 * 0.0005) / 4.0, 0.05);
}

/// A replica that is down makes a synchronous write wait until that has been noticed, and no longer.
#[test]
fn a_dead_replica_holds_synchronous_writes_only_until_it_is_noticed() {
    let rest = "  during: errors during f >= 0%\nfaults: {f: {at: 20s, kill: db/replica-0, for: 20s}}";
    let noticed = Setup { rest, ..Setup::new("mode: sync") }.report();
    assert!(value(&noticed, "during") < 0.01, "{}", value(&noticed, "during"));
    let text = Setup { rest, ..Setup::new("mode: sync") }.text();
    let text = text.replace("    cores: 4", "    cores: 4\n    health: {interval: 2s, unhealthy: 2, timeout: 1s}");
    let (scenario, model) = compiled(&text);
    let slow = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
    // Three to five of twenty seconds, and what queues up for it.
    let during = value(&slow, "during");
    assert!((0.08..0.3).contains(&during), "{during}");
}

/// Every set of two meets every other set of two out of three, so what was acknowledged is seen; sets of one need not meet.
#[test]
fn quorums_that_overlap_never_show_old_rows() {
    let busy = |mode| Setup { writes: 800, reads: 400, ..Setup::new(mode) }.report();
    let overlapping = busy("mode: quorum(r=2 w=2)");
    assert_eq!(value(&overlapping, "stale"), 0.0);
    let partial = busy("mode: quorum(r=1 w=1)");
    assert!(0.0 < value(&partial, "stale"));
    // A round trip and a read elsewhere: the read takes that much longer.
    let (one, two) = (value(&partial, "read"), value(&overlapping, "read"));
    assert!(0.0005 < two - one, "{one} {two}");
}

#[test]
fn a_quorum_of_reads_is_work_on_every_copy_it_asks() {
    let rest = "  replica: utilisation of cores on db/replica-0 <= 100%\n  primary: utilisation of cores on db/primary <= 100%";
    let report = Setup { rest, reads: 800, writes: 1, ..Setup::new("mode: quorum(r=2 w=1)") }.report();
    // 800 coordinated by the two replicas, and 800 more: half of them at the other replica, half at the primary.
    near(value(&report, "primary"), 400.0 * 0.0005 / 4.0, 0.06);
    near(value(&report, "replica"), 600.0 * 0.0005 / 4.0, 0.06);
}

#[test]
fn quorums_need_copies() {
    let rest = "  during: errors of db.write during f >= 0%\nfaults: {f: {at: 20s, kill: db/replica-0}, g: {at: 20s, kill: db/replica-1}}";
    let report = Setup { rest, ..Setup::new("mode: quorum(r=1 w=2)") }.report();
    assert!(0.99 < value(&report, "during"), "one of three copies is no quorum of two");
}

/// Exact laws, and the same bytes for the same seed, whatever mode and fault.
#[test]
fn exact_laws_with_replicas() {
    let modes = [
        "mode: async",
        "mode: semi_sync(1), ship: {every: 50ms}",
        "mode: sync",
        "mode: chain",
        "mode: quorum(r=1 w=2)",
        "mode: quorum(r=2 w=2), read: all",
        "mode: async, read: nearest, read_your_writes: user",
    ];
    let faults = [
        "",
        "faults: {f: {at: 3s, kill: db/replica-0, for: 2s}}",
        "faults: {f: {at: 3s, kill: db/primary, for: 2s}}",
        "faults: {f: {at: 3s, pause: db/replica-1, for: 1s}, g: {at: 4s, kill: db, for: 1s}}",
        "faults: {f: {kill: db/any, every: exp(1s), for: exp(500ms)}}",
    ];
    for (n, replicas) in modes.into_iter().enumerate() {
        for rest in faults {
            let text = Setup { rest, ..Setup::new(replicas) }
                .text()
                .replace("duration: 60s, warmup: 5s", "duration: 10s, warmup: 0s");
            let text = text.replace("timeout: 1s}", "timeout: 50ms, cancel: true}");
            let model = model(&text);
            let one = simulate(&model, n as u64, 0, &Signals::default());
            holds(&model, &one, &format!("{replicas} {rest}"));
            let other = simulate(&model, n as u64, 0, &Signals::default());
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "{replicas} {rest}");
        }
    }
}
