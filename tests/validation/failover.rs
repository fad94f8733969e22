//! What a failover costs under each way to replicate: how long writes fail, and how many acknowledged ones are lost.

use std::fmt::Write as _;

use plimsoll::analysis::{Plan, Progress, evaluate};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::table;
use crate::support::compiled;

const SEEDS: u64 = 200;

/// How writes are replicated, and whether acknowledged ones wait to be sent. Where they do not, none is lost: what has left
/// before the death arrives, and the others are promised.
const MODES: [(&str, bool); 6] = [
    ("mode: async, ship: {every: 200ms}", true),
    ("mode: async", false),
    ("mode: semi_sync(1)", false),
    ("mode: sync", false),
    ("mode: chain", false),
    ("mode: quorum(r=2 w=2)", false),
];

/// Upper ends of the classes; the last class has none.
const RTO_S: [f64; 5] = [130.0, 145.0, 160.0, 175.0, 190.0];
const LOST: [f64; 5] = [0.0, 5.0, 10.0, 15.0, 20.0];

/// A primary in one zone and two replicas in others; it dies after a minute and does not come back.
fn text(mode: &str) -> String {
    format!(
        "
plimsoll: 1
title: failover
run: {{duration: 330s, warmup: 5s, replications: 1, prefill: none}}
regions: {{us-east-1: {{zones: 3}}}}
keys: {{user: {{count: 10k}}}}
load:
  readers: {{rate: 50/s, requests: {{db.read: 1}}, timeout: 1s, from: us-east-1}}
  writers: {{rate: 100/s, requests: {{db.write: 1}}, timeout: 1s, from: us-east-1}}
components:
  db:
    kind: database
    cores: 4
    disk: {{bandwidth: 1GB/s}}
    nic: 10Gbps
    data: {{rows: 1M, row: 1KB, key: user}}
    replicas: {{count: 2, {mode}}}
    failover: {{health: {{interval: 15s, unhealthy: 3, timeout: 5s}}, promote: uniform(60s 120s), ttl: 30s}}
    operations: {{read: {{cpu: exp(500us)}}, write: {{cpu: exp(1ms)}}}}
faults: {{dies: {{at: 60s, kill: db/primary}}}}
"
    )
}

/// Seconds of outage, acknowledged writes that were lost, and the median seconds of a write.
struct Outcome {
    rto_s: f64,
    lost: f64,
    write_s: f64,
}

fn outcomes(mode: &str) -> Vec<Outcome> {
    let (scenario, model) = compiled(&text(mode));
    let of_seed = |seed: u64| {
        let plan = Plan { seed, jobs: 1, ..Plan::new(&model, &scenario, 1) };
        let report = evaluate(&model, &scenario, &plan, &Progress::default()).report;
        let fault = &report.faults["dies"];
        Outcome {
            rto_s: fault.rto_s.as_ref().expect("it came back").mean,
            lost: fault.lost_writes.as_ref().expect("they are counted").mean,
            write_s: report.operations["db.write"].latency.ok.p50.as_ref().expect("there are enough").mean,
        }
    };
    (1..=SEEDS).into_par_iter().map(of_seed).collect()
}

/// How many values fall into each class.
fn histogram(values: impl Iterator<Item = f64>, ends: &[f64]) -> Vec<u32> {
    let mut counts = vec![0; ends.len() + 1];
    for value in values {
        counts[ends.iter().position(|end| value <= *end).unwrap_or(ends.len())] += 1;
    }
    counts
}

/// A quantile of some values, nearest rank.
fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() as f64 * share).ceil() as usize).max(1) - 1]
}

fn table_of(title: &str, classes: &[&str], rows: &[(String, Vec<u32>)]) -> String {
    let mut text = format!("| {title} | {} |\n|---|{}\n", classes.join(" | "), "---|".repeat(classes.len()));
    for (mode, counts) in rows {
        let counts: Vec<String> = counts.iter().map(u32::to_string).collect();
        writeln!(text, "| `{mode}` | {} |", counts.join(" | ")).expect("text");
    }
    text + "\n"
}

#[test]
#[ignore = "minutes: writes a section of docs/validation.md; cargo test --release -- --ignored failovers"]
fn failovers() {
    let (mut outages, mut losses) = (Vec::new(), Vec::new());
    let mut figures = String::from(
        "| replicas | RTO p5 | p50 | p95 | lost p50 | most | median write |\n|---|---|---|---|---|---|---|\n",
    );
    for (mode, waits) in MODES {
        let all = outcomes(mode);
        let rto = |share: f64| quantile(all.iter().map(|one| one.rto_s), share);
        let lost = |share: f64| quantile(all.iter().map(|one| one.lost), share);
        let write_ms = 1e3 * quantile(all.iter().map(|one| one.write_s), 0.5);
        writeln!(
            figures,
            "| `{mode}` | {:.0} s | {:.0} s | {:.0} s | {:.0} | {:.0} | {write_ms:.2} ms |",
            rto(0.05),
            rto(0.5),
            rto(0.95),
            lost(0.5),
            lost(1.0)
        )
        .expect("text");
        outages.push((mode.to_owned(), histogram(all.iter().map(|one| one.rto_s), &RTO_S)));
        losses.push((mode.to_owned(), histogram(all.iter().map(|one| one.lost), &LOST)));
        // Detection takes 35 to 50 s, promotion 60 to 120 s, and the last caller asks for the address within 30 s.
        assert!(95.0 <= rto(0.0) && rto(1.0) <= 202.0, "{mode}: {} to {} s", rto(0.0), rto(1.0));
        assert_eq!(waits, 0.0 < lost(1.0), "{mode} loses up to {}", lost(1.0));
    }
    let section = format!(
        "A primary with two replicas in other zones takes 100 writes a second and dies; checks every 15 s, three of which have\n\
         to fail, promotion in 60 to 120 s, addresses kept for 30 s. {SEEDS} seeds each.\n\n{figures}\n{}{}\
         For an architect: how writes are replicated decides what a failover loses, not how long it lasts. The outage is\n\
         detection plus promotion plus the time to live of the address, the same for every mode. What `async` loses is what waits\n\
         to be sent: the write rate times half the interval on average, the whole interval at worst. Sent at once, nothing waits as\n\
         long as the network card keeps up, for a simulated death does not stop what is on its way; whoever has to rely on that\n\
         pays a round trip to another zone for each write, and any mode that waits will do.\n",
        table_of("RTO", &["to 130 s", "to 145 s", "to 160 s", "to 175 s", "to 190 s", "longer"], &outages),
        table_of("lost writes", &["0", "1 to 5", "6 to 10", "11 to 15", "16 to 20", "more"], &losses)
    );
    table::write_failovers(&section);
}
