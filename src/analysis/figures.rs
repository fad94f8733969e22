//! From records to the figures that studies keep, replication by replication.

use crate::analysis::stability::{self, Stability};
use crate::analysis::study::Study;
use crate::analysis::{analyse, bottleneck, estimate, objective};
use crate::measure::histogram::Compact;
use crate::model::{Body, Condition, Model, Role, Scope};
use crate::probe::{Counts, Outcome};
use crate::record::Record;
use crate::report::evaluation::{Better, Busy, Figures, Fired, Judged, Limit, Measured};
use crate::report::{Estimate, Objective, Report};
use crate::scenario::Scenario;
use crate::scenario::condition::Relation;

/// Quantiles that are kept, as they are called.
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// The figures of the replications of one design.
pub fn figures(model: &Model, scenario: &Scenario, seed: u64, records: &[Record]) -> Figures {
    let report = analyse(model, scenario, records);
    let study = Study::new(model, records);
    let stability = stability::judge(&study);
    let priced = !report.cost.lines.is_empty();
    let figures = Figures {
        hash: report.scenario.hash.clone(),
        seed,
        replications: records.len() as u32,
        stable: report.run.stable,
        events: report.run.events,
        verdict: report.verdict,
        objectives: objectives(&study, &report),
        measures: measures(&study, &stability),
        evolve_when: report
            .evolve_when
            .iter()
            .map(|t| Fired { name: t.name.clone(), text: t.text.clone(), share: t.fired_share })
            .collect(),
        busy: busy(&study),
        bottleneck: report.bottleneck.as_ref().map(|limit| Limit {
            component: limit.component.clone(),
            resource: limit.resource.to_owned(),
            utilisation: limit.utilisation,
            headroom: limit.headroom,
            why: limit.why.clone(),
        }),
        usd_per_month: priced.then_some(report.cost.usd_per_month),
        costs: costs(&report),
        curve: report.pictures.curves.iter().find(|curve| curve.name == "all").cloned(),
    };
    figures.rounded()
}

fn costs(report: &Report) -> Vec<(String, f64)> {
    let mut costs: Vec<(String, f64)> = Vec::new();
    for line in &report.cost.lines {
        match costs.iter_mut().find(|(name, _)| *name == line.component) {
            Some((_, usd)) => *usd += line.usd_per_month,
            None => costs.push((line.component.clone(), line.usd_per_month)),
        }
    }
    costs
}

fn objectives(study: &Study, report: &Report) -> Vec<Judged> {
    let stated = study.model.conditions.iter().filter(|condition| condition.role == Role::Objective);
    stated.zip(&report.objectives).map(|(condition, objective)| judged(study, condition, objective)).collect()
}

fn judged(study: &Study, condition: &Condition, objective: &Objective) -> Judged {
    let (better, values) = match &condition.body {
        Body::Test(test) => {
            let better = match test.relation {
                Relation::AtMost | Relation::Below => Better::Lower,
                Relation::AtLeast | Relation::Above => Better::Higher,
                Relation::Equal => Better::Neither,
            };
            (better, (0..study.records.len()).map(|index| objective::one(study, test, index)).collect())
        }
        Body::All(_) | Body::Any(_) => (Better::Neither, vec![None; study.records.len()]),
    };
    let measured = Measured {
        name: objective.name.clone(),
        unit: objective.unit.to_owned(),
        better,
        value: objective.value,
        low: objective.low,
        high: objective.high,
        values,
    };
    let (text, note) = (objective.text.clone(), objective.note.clone());
    Judged { text, verdict: objective.verdict, limit: objective.limit, note, measured }
}

/// Latency, failures and throughput of all requests together.
fn measures(study: &Study, stability: &Stability) -> Vec<Measured> {
    let held_up = stability.touches(&study.counts(Scope::All));
    let times = study.latencies(Scope::All, Outcome::All);
    let time = |name: &str, whole: Option<Estimate>, values: Vec<Option<f64>>| {
        measured(name, "s", Better::Lower, whole.filter(|_| !held_up), values)
    };
    let own_means: Vec<Option<f64>> = times.iter().map(Compact::mean).collect();
    let known: Vec<f64> = own_means.iter().copied().flatten().collect();
    let mut all = vec![time("mean", estimate::mean(&known), own_means)];
    for (name, q) in QUANTILES {
        let own = times.iter().map(|times| times.quantile_raw(q)).collect();
        all.push(time(name, estimate::quantile(&times, q), own));
    }
    let counts = study.counts(Scope::All);
    let failed = |counts: &Counts| (0 < counts.finished()).then(|| counts.failed as f64 / counts.finished() as f64);
    let shares: Vec<Option<f64>> = counts.iter().map(failed).collect();
    let known: Vec<f64> = shares.iter().copied().flatten().collect();
    let (hits, n) = counts.iter().fold((0, 0), |(hits, n), c| (hits + c.failed, n + c.finished()));
    all.push(measured("failed", "ratio", Better::Lower, estimate::share(&known, hits, n), shares));
    let whole = study.model.scale_of(Scope::All);
    for (name, of) in [("served", (|c| c.ok) as fn(&Counts) -> u64), ("offered", |c| c.offered)] {
        let rates = study.measured.iter().zip(&counts);
        let rates: Vec<f64> = rates.map(|(s, c)| of(c) as f64 * whole / s.seconds().max(1e-9)).collect();
        let better = if name == "served" { Better::Higher } else { Better::Neither };
        let values = rates.iter().copied().map(Some).collect();
        all.push(measured(name, "per_s", better, estimate::mean(&rates), values));
    }
    all
}

fn measured(name: &str, unit: &str, better: Better, estimate: Option<Estimate>, values: Vec<Option<f64>>) -> Measured {
    let (low, high) = (estimate.and_then(|e| e.low), estimate.and_then(|e| e.high));
    let (name, unit, value) = (name.to_owned(), unit.to_owned(), estimate.map(|e| e.mean));
    Measured { name, unit, better, value, low, high, values }
}

fn busy(study: &Study) -> Vec<Busy> {
    let mut all: Vec<Busy> = bottleneck::busiest_parts(study)
        .into_iter()
        .map(|(component, resource, values)| Busy {
            component,
            resource: bottleneck::word(resource).to_owned(),
            share: values.iter().sum::<f64>() / values.len() as f64,
            values: values.into_iter().map(Some).collect(),
        })
        .collect();
    all.sort_by(|a, b| b.share.total_cmp(&a.share));
    all
}
