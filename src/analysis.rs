//! From what happened to what may be claimed: records in, the report out.
//!
//! [`evaluate`] is the seam of every study: a model and a plan in, records and a report out. [`analyse`] alone turns
//! records into a report. Every figure is an estimate over independent replications with a 95 % interval; what noise cannot
//! decide stays undecided, what has no steady state is not stated. Nothing here knows any mechanism of the engine.

pub mod advise;
pub mod audit;
pub mod axis;
pub mod bottleneck;
pub mod by_hand;
pub mod capacity;
pub mod check;
pub mod compare;
pub mod cost;
pub mod design;
pub mod estimate;
pub mod expected;
pub mod figures;
pub mod growth;
pub mod journey;
pub mod lab;
pub mod look;
mod messages;
pub mod objective;
mod pictures;
pub mod recovery;
pub mod replicate;
pub mod size;
pub mod regret;
mod scaling;
pub mod stability;
pub mod storage;
pub mod study;
mod summary;
#[cfg(test)]
mod tests;
pub mod uncertainty;
pub mod walkthrough;
pub mod warmup;
pub mod warning;
pub mod windows;
pub mod worlds;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::analysis::replicate::Number;
use crate::analysis::stability::Stability;
use crate::analysis::study::{Study, end};
use crate::engine::{self, Signals};
use crate::measure::histogram::Compact;
use crate::model::{Bound, Condition, Model, Period, Probe, Role, Scope, Test};
use crate::probe::Outcome;
use crate::record::{Record, Stopped};
use crate::report::{About, Alert, Objective, Report, Run, SCHEMA, Sampled, Stretch, Trigger};
use crate::scenario::Scenario;
use crate::scenario::condition::Relation;

/// Fewest replications before a stopping rule is asked.
const LEAST: u32 = 5;

/// A stopping rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    pub probe: Probe,
    /// Half-width over mean.
    pub within: f64,
    /// Replications at most.
    pub most: u32,
}

/// How to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub seed: u64,
    /// Ignored where `precision` is given.
    pub replications: u32,
    pub precision: Option<Precision>,
    /// Threads; never changes results.
    pub jobs: usize,
}

impl Plan {
    /// What the scenario says.
    pub fn new(model: &Model, scenario: &Scenario, jobs: usize) -> Plan {
        let precision = model.run.precision.clone().map(|(probe, within, most)| Precision { probe, within, most });
        Plan { seed: scenario.run.seed, replications: scenario.run.replications, precision, jobs }
    }

    fn number(&self) -> Number {
        match &self.precision {
            Some(precision) => Number { least: LEAST.min(precision.most), most: precision.most, jobs: self.jobs },
            None => Number { least: self.replications, most: self.replications, jobs: self.jobs },
        }
    }
}

/// What the outside may tell the run, and see of it.
#[derive(Debug, Default)]
pub struct Progress {
    pub signals: Signals,
    /// Replications that are done.
    pub done: AtomicU32,
    /// What `precision` has reached, the bits of a half-width over its mean; 0 while nothing is known.
    pub reached: AtomicU64,
}

/// A report and what it rests on.
#[derive(Debug)]
pub struct Evaluation {
    pub report: Report,
    /// One a replication, in their order.
    pub records: Vec<Record>,
    /// Latencies of all outcomes over the measured time of all replications.
    pub latency: Compact,
}

/// Simulates as planned and analyses the records.
pub fn evaluate(model: &Model, scenario: &Scenario, plan: &Plan, progress: &Progress) -> Evaluation {
    let run = |replication| {
        let record = engine::simulate(model, plan.seed, replication, &progress.signals);
        progress.done.fetch_add(1, Ordering::Relaxed);
        record
    };
    let enough = |records: &[Record]| match &plan.precision {
        Some(precision) => reached(model, records, precision).is_some_and(|reached| {
            progress.reached.store(reached.to_bits(), Ordering::Relaxed);
            reached <= precision.within
        }),
        None => true,
    };
    let runs = replicate::replicate(plan.number(), run, enough);
    let mut report = analyse(model, scenario, &runs.records);
    report.run.seed = plan.seed;
    report.run.partial = runs.partial;
    if let Some(precision) = &plan.precision {
        report.run.precision = reached(model, &runs.records, precision);
        report.warnings.extend(warning::precision(&report, precision));
    }
    report.warnings.extend(warning::partial(&report));
    report.pictures.mark_events(&report.alerts);
    let latency = estimate::merge(&Study::new(model, &runs.records).latencies(Scope::All, Outcome::All));
    Evaluation { report, records: runs.records, latency }
}

/// Half-width over mean of what `precision` asks for.
fn reached(model: &Model, records: &[Record], precision: &Precision) -> Option<f64> {
    let test = Test {
        text: String::new(),
        probe: precision.probe.clone(),
        relation: Relation::AtMost,
        bound: Bound::Value(f64::INFINITY),
        hold: None,
        period: Period::Measured,
        watch: None,
        bound_watch: None,
    };
    let estimate = objective::value(&Study::new(model, records), &test)?;
    estimate.half_width.map(|half_width| if half_width == 0.0 { 0.0 } else { half_width / estimate.mean.abs() })
}

/// Turns the records of one or more replications into the report.
pub fn analyse(model: &Model, scenario: &Scenario, records: &[Record]) -> Report {
    let study = Study::new(model, records);
    let stability = stability::judge(&study);
    let objectives = judged(&study, &stability);
    let where_time_goes = bottleneck::where_time_goes(&study);
    let (measured, run) = run(&study, &stability, scenario);
    let theory = expected::compare(&study, &stability, scenario);
    let mut report = Report {
        schema: SCHEMA,
        scenario: about(scenario),
        run,
        verdict: objective::overall(&objectives),
        measured,
        objectives: objectives.into_iter().chain(goals(scenario)).collect(),
        evolve_when: triggers(&study),
        requests: summary::requests(&study, Scope::All),
        latency: summary::latencies(&study, &stability, Scope::All),
        operations: summary::operations(&study, &stability),
        loads: summary::loads(&study, &stability),
        components: summary::components(&study, &stability),
        bottleneck: bottleneck::find(&study, &where_time_goes),
        where_time_goes,
        cost: cost::bill(&study),
        alerts: alerts(&study),
        budgets: summary::budgets(&study),
        faults: recovery::faults(&study),
        regions: summary::regions(&study, &stability),
        decisions: scaling::decisions(&study),
        exemplars: summary::exemplars(&study),
        assumptions: uncertainty::ledger(&scenario.assumptions, &[]),
        audit: audit::check(&study).into_iter().chain(theory).collect(),
        warnings: Vec::new(),
        per_replication: summary::replications(&study, &stability),
        pictures: pictures::draw(&study, &stability),
        uncertainty: None,
        meta: None,
    };
    report.warnings = warning::about(&report, &model.run);
    report
}

fn about(scenario: &Scenario) -> About {
    About {
        title: scenario.title.clone(),
        file: scenario.file.clone(),
        hash: scenario.hash.clone(),
        description: scenario.description.clone(),
        text: None,
        command: None,
    }
}

fn triggers(study: &Study) -> Vec<Trigger> {
    with_role(study.model, |condition| (condition.role == Role::EvolveWhen).then(|| look::trigger(study, condition)))
}

fn alerts(study: &Study) -> Vec<Alert> {
    with_role(study.model, |condition| match &condition.role {
        Role::Alert { severity } => Some(look::alert(study, condition, severity)),
        _ => None,
    })
}

fn judged(study: &Study, stability: &Stability) -> Vec<Objective> {
    with_role(study.model, |condition| {
        (condition.role == Role::Objective).then(|| objective::judge(study, stability, condition))
    })
}

/// Objectives about capacity, which nothing here can judge.
fn goals(scenario: &Scenario) -> impl Iterator<Item = Objective> {
    let note = "a run at one load cannot tell; `plimsoll check` does";
    scenario.goals.iter().map(move |(name, goal)| Objective {
        limit: Some(goal.value.per_s),
        ..objective::unjudged(name, &goal.value.text, "per_s", note)
    })
}

fn with_role<T>(model: &Model, of: impl FnMut(&Condition) -> Option<T>) -> Vec<T> {
    model.conditions.iter().filter_map(of).collect()
}

fn run(study: &Study, stability: &Stability, scenario: &Scenario) -> (Stretch, Run) {
    let n = study.records.len() as f64;
    let mean = |of: fn(&crate::probe::Between) -> f64| study.measured.iter().map(of).sum::<f64>() / n;
    let measured =
        Stretch { from_s: mean(|stretch| stretch.from.at.secs()), to_s: mean(|stretch| stretch.to.at.secs()) };
    let unstable = stability.unstable.iter().filter(|unstable| **unstable).count();
    let run = Run {
        seed: scenario.run.seed,
        replications: study.records.len() as u32,
        duration_s: measured.to_s,
        warmup_s: measured.from_s,
        warmup_rule: study.warmup.rule,
        events: study.records.iter().map(|record| record.events).sum(),
        requests: study.records.iter().map(|record| end(record).tallies.finished).sum(),
        stable: stability.stable,
        growth_per_s: (!stability.stable).then_some(stability.growth_per_s),
        unstable_share: unstable as f64 / n,
        partial: false,
        stopped_by: stopped_by(study.records),
        precision: None,
        scale: (1 < study.model.run.scale.by).then_some(study.model.run.scale.by),
        sampling: sampled(study),
    };
    (measured, run)
}

/// What was simulated of a run whose quiet time was sampled.
fn sampled(study: &Study) -> Option<Sampled> {
    study.model.run.sampling?;
    let n = study.records.len() as f64;
    let samples = || study.records.iter().flat_map(|record| &record.samples);
    let simulated_s = samples().map(|sample| (sample.until - sample.from).secs()).sum::<f64>() / n;
    let of_s = study.records.iter().map(|record| record.end.secs()).sum::<f64>() / n;
    let most_weight = samples().map(|sample| sample.weight).fold(1.0, f64::max);
    Some(Sampled { simulated_s, of_s, stretches: samples().count() as f64 / n, most_weight })
}

/// The gravest reason for which a replication ended early.
fn stopped_by(records: &[Record]) -> Option<&'static str> {
    let grave = |record: &Record| match record.stopped {
        Stopped::Done => None,
        Stopped::Events => Some((1, "events")),
        Stopped::Memory { .. } => Some((2, "memory")),
        Stopped::Interrupted => Some((3, "interrupted")),
    };
    records.iter().filter_map(grave).max().map(|(_, word)| word)
}
