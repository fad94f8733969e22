//! What a database does to its disks: write-ahead logs, checkpoints, and data that grows.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::report::Report;

use crate::support::compiled;

fn report(rate: u32, db: &str, operations: &str) -> Report {
    report_with(rate, db, operations, "")
}

fn report_with(rate: u32, db: &str, operations: &str, rest: &str) -> Report {
    let text = format!(
        "
plimsoll: 1
title: storage
run: {{duration: 300s, warmup: 60s, replications: 1}}
load:
  writers: {{rate: {rate}/s, requests: {{db.write: 1}}, timeout: none}}
  readers: {{rate: 20/s, requests: {{db.read: 1}}, timeout: none}}
components:
  db:
    kind: database
    connections: none
    queue: {{limit: none}}
    cores: 4
    disk: {{iops: 1000}}
    {db}
    operations: {{{operations}}}
{rest}
"
    );
    let (scenario, model) = compiled(&text);
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
    let broken: Vec<_> = report.audit.iter().filter(|law| !law.holds).collect();
    assert!(broken.is_empty(), "laws are broken: {broken:?}");
    report
}

const OPERATIONS: &str = "read: {io: 1}, write: {io: {writes: 2}}";

fn mean_ms(report: &Report, operation: &str) -> f64 {
    1e3 * report.operations[operation].latency.ok.mean.as_ref().expect("there are some").mean
}

fn max_ms(report: &Report, operation: &str) -> f64 {
    1e3 * report.operations[operation].latency.ok.max.expect("there are some")
}

fn disk(report: &Report) -> f64 {
    report.components["db"].utilisation.disk.as_ref().expect("it has a disk").share.mean
}

/// A lone write waits for one sync of 1 ms; many share syncs, so 5,000 a second wait little more than two.
#[test]
fn a_write_waits_for_the_log_and_shares_its_syncs() {
    let wal = "wal: {sync: 1ms}";
    let writes = "read: {io: 1}, write: {io: {writes: 0}}";
    assert!((mean_ms(&report(1, wal, writes), "db.write") - 1.0).abs() < 0.01);
    let many = mean_ms(&report(5000, wal, writes), "db.write");
    assert!((many - 1.5).abs() < 0.02, "half of what is under way, and its own: {many}");
    // Without a log 200 writes of 2 operations each are 40 % of the disk, and wait for it.
    let straight = mean_ms(&report(200, "", OPERATIONS), "db.write");
    assert!(2.0 < straight && straight < 4.0, "{straight}");
    let slower = mean_ms(&report(200, "wal: {sync: 2ms}", OPERATIONS), "db.write");
    assert!(2.0 < slower && slower < 3.0, "{slower}");
}

/// 200 writes of 2 pages a second are 24,000 pages a minute, 24 s of a disk that does 1,000 operations a second.
#[test]
fn a_checkpoint_at_once_is_a_stall_and_a_slow_one_is_not() {
    let wal = |over: &str| format!("wal: {{sync: 500us, checkpoint: {{every: 1m, over: {over}}}}}");
    let at_once = report(200, &wal("0s"), OPERATIONS);
    let spread = report(200, &wal("54s"), OPERATIONS);
    assert!((disk(&at_once) - disk(&spread)).abs() < 0.03, "{} {}", disk(&at_once), disk(&spread));
    assert!((disk(&spread) - 0.42).abs() < 0.03, "what was written is written: {}", disk(&spread));
    let (stall, smooth) = (max_ms(&at_once, "db.read"), max_ms(&spread, "db.read"));
    assert!(20e3 < stall && stall < 26e3, "{stall}");
    assert!(smooth < 600.0, "a piece a second of 444 pages: {smooth}");
    let rarer = max_ms(&report(200, &wal("0s").replace("1m", "2m"), OPERATIONS), "db.read");
    assert!(1.7 * stall < rarer, "{rarer}");
}

/// No more can be dirty than there is.
#[test]
fn a_small_database_has_small_checkpoints() {
    let wal = "data: {rows: 1000, row: 8KiB}\n    wal: {sync: 500us, checkpoint: {every: 1m, over: 0s}}";
    let stall = max_ms(&report(200, wal, OPERATIONS), "db.read");
    assert!(0.95e3 < stall && stall < 1.2e3, "{stall}");
}

/// 400 pages a second are dirty; when the machine is back it redoes those that no checkpoint had written, 1,000 a second.
#[test]
fn the_rarer_the_checkpoints_the_longer_the_recovery() {
    let down_s = |every: &str| {
        let wal = format!("wal: {{sync: 500us, checkpoint: {{every: {every}, over: 0s}}}}");
        let dies = "faults: {dies: {at: 200s, for: 1s, kill: db}}";
        let report = report_with(200, &wal, OPERATIONS, dies);
        240.0 * report.loads["readers"].requests.error_ratio.expect("they read").mean
    };
    let [often, rarely] = ["10s", "5h"].map(down_s);
    assert!(often < 7.0, "a second, and four thousand pages at most: {often}");
    // Eighty thousand pages since the start.
    assert!((rarely - 81.0).abs() < 8.0, "{rarely}");
}

/// 82 MB in a pool of 84 MB are all in memory; a year and 720 MB later nine tenths are not.
#[test]
fn what_grows_leaves_the_buffer_pool() {
    let busy = |more: &str| {
        let data = format!("memory: 80MiB\n    data: {{rows: 10k, row: 8KiB{more}}}");
        disk(&report(1, &data, "read: {pages: 1}, write: {pages: 1}"))
    };
    let (young, old) = (busy(""), busy(", growth: 60MB/month, age: 365d"));
    assert!(young < 1e-4, "{young}");
    assert!((old - 21.0 * 0.895 / 1000.0).abs() < 1e-3, "{old}");
    // In the middle of the run it has grown by 150 s of 60 MB a second.
    let at_once = busy(", growth: 60MB/s");
    assert!((at_once - 21.0 * 0.991 / 1000.0).abs() < 1e-3, "{at_once}");
}
