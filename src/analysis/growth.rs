//! How long a design lasts: load grows by a share each month, databases by so many bytes.
//!
//! A month is a multiple of the load, so when an objective breaks is a capacity that is searched for along the way of
//! growth: at each multiple the databases hold as much as they will by then, and what that does to their buffer pools is
//! simulated, not guessed.

use crate::analysis::capacity::{Question, SURE, search};
use crate::analysis::design::Design;
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::diagnostic::Diagnostics;
use crate::model::compile::compile;
use crate::report::Verdict;
use crate::report::capacity::Capacity;
use crate::report::evaluation::Figures;
use crate::report::plan::{Month, Plan, SCHEMA};
use crate::scenario::growth::Growth;
use crate::scenario::{Component, Kind};

/// Points of the table.
const STEPS: u32 = 6;

/// The design so many months ahead; `None` where it cannot be (a disk that would not hold the data, say).
pub fn ahead(design: &Design, growth: &Growth, months: f64) -> Option<Design> {
    let mut grown = design.loaded(libm::pow(1.0 + growth.monthly, months), None)?;
    let now = data(design);
    if growth.data == 0.0 || now == 0.0 {
        return Some(grown);
    }
    let factor = (now + growth.data * months) / now;
    for component in grown.scenario.components.values_mut() {
        if let Kind::Database(database) = &mut component.value.kind {
            database.rows = database.rows.map(|rows| (rows * factor).round());
        }
    }
    grown.scenario.hash =
        blake3::hash(format!("{} data {factor}", grown.scenario.hash).as_bytes()).to_hex().to_string();
    let mut found = Diagnostics::new();
    grown.model = compile(&grown.scenario, &mut found).filter(|_| !found.has_errors())?;
    Some(grown)
}

fn bytes(component: &Component) -> Option<f64> {
    let Kind::Database(database) = &component.kind else { return None };
    Some(database.rows? * database.row_bytes?)
}

/// Bytes that the databases hold.
fn data(design: &Design) -> f64 {
    design.scenario.components.values().filter_map(|component| bytes(&component.value)).sum()
}

/// The fullest disk of known size.
fn disk(design: &Design) -> Option<f64> {
    let shares = design.scenario.components.values().filter_map(|component| {
        let size = component.value.placement.overrides.disk_bytes?;
        Some(bytes(&component.value)? / size)
    });
    shares.reduce(f64::max)
}

/// When an objective breaks, and the way there.
pub fn plan<M: Memory>(design: &Design, growth: &Growth, lab: &mut Lab<'_, M>) -> Result<Plan, Interrupted> {
    let before = lab.needed();
    let today = design.load(None).0;
    let find = "load".to_owned();
    let (unit, tolerance, headroom) = ("per_s", 0.02, 0.0);
    let question = Question { find, whole: false, unit, today, tolerance, headroom, sure: SURE, curve: false };
    let months_of = |factor: f64| libm::log(factor) / libm::log(1.0 + growth.monthly);
    // Before today there was less load, and as much data.
    let make = |factor: f64| {
        ahead(design, growth, months_of(factor).max(0.0))
            .and_then(|grown| if factor < 1.0 { design.loaded(factor, None) } else { Some(grown) })
    };
    let found = search(design, &question, lab, make)?;
    let steps: Vec<f64> = (0..=STEPS).map(|step| growth.horizon_months * f64::from(step) / f64::from(STEPS)).collect();
    let grown: Vec<(f64, Design)> =
        steps.iter().filter_map(|month| Some((*month, ahead(design, growth, *month)?))).collect();
    let figures = lab.evaluate(&grown.iter().map(|(_, design)| design).collect::<Vec<_>>())?;
    let months = grown.iter().zip(&figures).map(|((at, grown), figures)| month(*at, grown, figures, growth)).collect();
    let runs = lab.needed() - before;
    Ok(report(design, growth, &found, (months, runs), |rate| months_of(rate / today)))
}

fn month(at: f64, grown: &Design, figures: &Figures, growth: &Growth) -> Month {
    let held = data(grown);
    Month {
        month: at,
        load_per_s: grown.load(None).0,
        verdict: if figures.stable { figures.verdict } else { Verdict::Misses },
        p99_s: figures.value("p99"),
        usd_per_month: figures.usd_per_month,
        data_bytes: (0.0 < held && 0.0 <= growth.data).then_some(held),
        disk_share: disk(grown),
        limit: figures.bottleneck.clone(),
    }
}

fn report(
    design: &Design,
    growth: &Growth,
    found: &Capacity,
    (months, runs): (Vec<Month>, u64),
    month_of: impl Fn(f64) -> f64,
) -> Plan {
    Plan {
        schema: SCHEMA,
        name: design.name.clone(),
        hash: design.scenario.hash.clone(),
        seed: found.seed,
        growth_per_month: growth.monthly,
        data_bytes_per_month: growth.data,
        horizon_months: growth.horizon_months,
        outcome: found.outcome,
        breaks: found.breaks.clone(),
        month: found.value.map(&month_of),
        month_low: found.low.map(&month_of),
        month_high: found.high.map(&month_of),
        limit: found.limit.clone(),
        months,
        runs,
    }
}
