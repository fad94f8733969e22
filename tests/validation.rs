//! Ground truth that nobody here wrote: closed forms of queueing theory, published tables, figures of other simulators.
//!
//! `validation/cases.json` holds the cases with their parameters, what is expected, the tolerance and the source. Each is
//! measured through the public face, a scenario in and a report out; what is no simulation, against the module that owns
//! the rule. `cargo test` measures everything on short runs and allows for their noise. The full lengths, judged by the
//! stated tolerance alone, are
//!
//! ```text
//! cargo test --release -- --ignored --nocapture validation_table    # writes docs/validation.md
//! cargo test --release -- --ignored --nocapture interval_coverage   # writes a section of it
//! cargo test --release -- --ignored --nocapture hit_ratios          # writes another
//! cargo test --release -- --ignored --nocapture retry_storms        # and another
//! cargo test --release -- --ignored --nocapture failovers           # and another
//! cargo test --release -- --ignored --nocapture one_day             # and another
//! ```

mod balancing;
mod brokers;
mod caches;
mod cases;
mod coverage;
mod day;
mod failover;
mod hpa;
mod measured;
mod queueing;
mod reliability;
mod scaling;
mod statistics;
mod storm;
pub(crate) mod table;

use cases::{Case, Got, Judged, Verdict, all};
use measured::Lab;

/// What the simulator says to a case.
fn measure(case: &Case, lab: &Lab) -> Got {
    match case.id().split('-').next() {
        Some("q") => queueing::measure(case, lab),
        Some("lb") => balancing::measure(case, lab),
        Some("as") => scaling::measure(case),
        Some("c") => caches::measure(case, lab),
        Some("br") => brokers::measure(case),
        Some("r") => reliability::measure(case, lab),
        _ => statistics::measure(case, lab),
    }
}

fn judged(lab: &Lab) -> Vec<(Case, Vec<Judged>)> {
    let judge = |case: Case| {
        let rows = case.judge(&measure(&case, lab), lab.noise());
        (case, rows)
    };
    all().into_iter().map(judge).collect()
}

/// The lines of the figures that fail or are missing, and nobody knows why.
fn wrong(judged: &[(Case, Vec<Judged>)], counts: impl Fn(&Judged) -> bool) -> Vec<String> {
    let rows = judged.iter().flat_map(|(case, rows)| rows.iter().map(|row| (case.id(), row)));
    rows.filter(|(id, row)| row.verdict != Verdict::Holds && !table::is_explained(id, row) && counts(row))
        .map(|(id, row)| row.line(id))
        .collect()
}

/// Short runs, so a figure may be off by its tolerance and the noise of the run. The 99.9th percentile is beyond them.
#[test]
fn every_case_on_a_short_run() {
    let wrong = wrong(&judged(&Lab::short()), |row| row.quantity != "resp_p999");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "minutes: writes docs/validation.md"]
fn validation_table() {
    let judged = judged(&Lab::full());
    table::write(&judged);
    let wrong = wrong(&judged, |_| true);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
