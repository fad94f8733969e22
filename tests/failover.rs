//! Failover: how long writes are refused, what is lost, and how the old primary comes back.

use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{evaluated, model, value};

/// A primary that dies after 20 of 60 seconds, with two replicas.
fn text(replicas: &str, failover: &str, lasts: &str) -> String {
    format!(
        "
plimsoll: 1
title: failover
run: {{duration: 60s, warmup: 5s, replications: 4}}
keys: {{user: {{count: 10k}}}}
load:
  readers: {{rate: 200/s, requests: {{db.read: 1}}, timeout: 1s}}
  writers: {{rate: 200/s, requests: {{db.write: 1}}, timeout: 1s}}
components:
  db:
    kind: database
    cores: 4
    disk: {{bandwidth: 1GB/s}}
    nic: 10Gbps
    data: {{rows: 1M, row: 1KB, key: user}}
    replicas: {{count: 2, {replicas}}}
    {failover}
    operations: {{read: {{cpu: exp(500us)}}, write: {{cpu: exp(1ms)}}}}
faults: {{dies: {{at: 20s, kill: db/primary{lasts}}}}}
objectives:
  reads: errors of db.read during dies >= 0%
  writes: errors of db.write during dies >= 0%
  rpo: rpo during dies >= 0s
  rto: rto during dies >= 0s
  lost: lost_writes of db >= 0
  old: arrivals on db/primary after dies >= 0/s
  disk: utilisation of disk on db/primary after dies >= 0%
  stale: violations of db >= 0
"
    )
}

fn report(replicas: &str, failover: &str, lasts: &str) -> Report {
    evaluated(&text(replicas, failover, lasts))
}

#[test]
fn without_failover_replicas_go_on_reading_and_nobody_writes() {
    let report = report("mode: async", "boot: 0s", "");
    assert_eq!(value(&report, "reads"), 0.0);
    assert!(0.999 < value(&report, "writes"));
    assert_eq!(value(&report, "lost"), 0.0);
}

#[test]
fn the_outage_is_detection_promotion_and_the_time_callers_keep_an_address() {
    let failover = "failover: {health: {interval: 2s, unhealthy: 2, timeout: 1s}, promote: 5s, ttl: 4s}";
    let rto = value(&report("mode: async", failover, ""), "rto");
    // Two probes 2 s apart, the first within 2 s, and a timeout; then 5 s; then up to 4 s for the last caller.
    assert!((3.0 + 5.0 + 3.0..5.0 + 5.0 + 4.0 + 1.5).contains(&rto), "{rto}");
    let quick = value(&report("mode: async", "failover: {promote: 1s}", ""), "rto");
    assert!((1.0..=2.0).contains(&quick), "{quick}");
}

/// What was written since the last sending is lost: on average a tenth of a second of 200 writes a second.
#[test]
fn asynchronous_writes_are_lost_and_others_are_not() {
    let lossy = report("mode: async, ship: {every: 200ms}", "failover: {promote: 1s}", "");
    let (lost, rpo) = (value(&lossy, "lost"), value(&lossy, "rpo"));
    assert!(1.0 < lost && lost < 45.0 && 0.0 < rpo && rpo <= 0.21, "{lost} {rpo}");
    let fault = &lossy.faults["dies"];
    assert_eq!(fault.lost_writes.map(|lost| lost.mean), Some(lost));
    for mode in ["mode: semi_sync(1), ship: {every: 200ms}", "mode: sync", "mode: chain", "mode: quorum(r=1 w=2)"] {
        let safe = report(mode, "failover: {promote: 1s}", "");
        assert_eq!((value(&safe, "lost"), value(&safe, "rpo")), (0.0, 0.0), "{mode}");
        assert!(value(&safe, "writes") < 0.1, "{mode}: {}", value(&safe, "writes"));
    }
}

#[test]
fn who_comes_back_in_time_stays_the_primary() {
    let report = report("mode: async, ship: {every: 200ms}", "failover: {promote: 10s}", ", for: 3s");
    assert_eq!(value(&report, "lost"), 0.0);
    assert!(value(&report, "rto") < 4.5, "{}", value(&report, "rto"));
    assert!((value(&report, "old") - 200.0).abs() < 20.0, "it goes on writing: {}", value(&report, "old"));
}

/// The old primary copies 1 GB at 100 MB/s for ten of the forty seconds it is back, and then answers reads like any replica.
#[test]
fn the_old_primary_becomes_a_replica_when_it_has_copied_the_data() {
    let report = report("mode: async", "failover: {promote: 1s, rebuild: 100MB/s}", ", for: 5s");
    let disk = value(&report, "disk");
    assert!((disk - 1.0 / 35.0).abs() < 0.002, "1 s of disk in 35 s: {disk}");
    // Half of 200 reads a second for 25 of 35 seconds.
    let old = value(&report, "old");
    assert!((old - 100.0 * 25.0 / 35.0).abs() < 10.0, "{old}");
}

#[test]
fn exact_laws_in_failovers() {
    for (n, mode) in
        ["mode: async", "mode: semi_sync(1), ship: {every: 50ms}", "mode: sync", "mode: chain"].iter().enumerate()
    {
        for lasts in ["", ", for: 3s"] {
            let failover = "failover: {promote: uniform(500ms 3s), ttl: 1s, rebuild: 1GB/s}";
            let text = text(mode, failover, lasts).replace("duration: 60s", "duration: 30s");
            let more = "faults:\n  often: {kill: db/any, every: exp(3s), for: exp(2s)}\n  dies: ";
            let text = text.replace("faults: {dies: ", more).replace("}}\nobjectives", "}\nobjectives");
            let model = model(&text);
            let one = simulate(&model, n as u64, 0, &Signals::default());
            holds(&model, &one, &format!("{mode} {lasts}"));
            let other = simulate(&model, n as u64, 0, &Signals::default());
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "{mode} {lasts}");
        }
    }
}
