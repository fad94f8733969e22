//! Ground truth that nobody here wrote: closed forms of queueing theory, published tables, figures of other simulators.
//!
//! `validation/cases.json` holds the cases with their parameters, what is expected, the tolerance and the source. Each is
//! measured through the public face, a scenario in and a report out; what is no simulation, against the module that owns
//! the rule. `cargo test` measures everything on short runs and allows for their noise. The full lengths, judged by the
//! stated tolerance alone, are
//!
//! ```text
//! cargo test --release -- --ignored --nocapture validation_table    # writes docs/validation.md
//! cargo test --release -- --ignored --nocapture interval_coverage   # writes its last section
//! ```

mod balancing;
mod cases;
mod coverage;
mod measured;
mod queueing;
mod statistics;
mod table;

use cases::{Case, Got, Judged, Verdict, all};
use measured::Lab;

/// What the simulator says to a case.
fn measure(case: &Case, lab: &Lab) -> Got {
    match case.group() {
        "1-queueing" => queueing::measure(case, lab),
        "2-load-balancing" => balancing::measure(case, lab),
        _ => statistics::measure(case, lab),
    }
}

fn judged(lab: &Lab) -> Vec<(Case, Vec<Judged>)> {
    let judge = |case: Case| {
        let got = measure(&case, lab);
        let rows = case.judge(&got, lab.noise());
        (case, rows)
    };
    all().into_iter().map(judge).collect()
}

/// Short runs, so a figure may be off by its tolerance and the noise of the run. The 99.9th percentile is beyond them.
#[test]
fn every_case_on_a_short_run() {
    let lab = Lab::short();
    let wrong: Vec<String> = judged(&lab)
        .iter()
        .flat_map(|(case, rows)| rows.iter().map(|row| (case.id(), row)))
        .filter(|(id, row)| row.verdict == Verdict::Fails && !table::known(id, &row.quantity))
        .filter(|(_, row)| row.quantity != "resp_p999")
        .map(|(id, row)| row.line(id))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "minutes: writes docs/validation.md"]
fn validation_table() {
    let lab = Lab::full();
    let judged = judged(&lab);
    table::write(&judged);
    let wrong = |(case, rows): &(Case, Vec<Judged>)| {
        rows.iter().any(|row| row.verdict == Verdict::Fails && !table::known(case.id(), &row.quantity))
    };
    let failed: Vec<&str> = judged.iter().filter(|both| wrong(both)).map(|(case, _)| case.id()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}
