//! What the sources of the stages claim, shown (or refuted) by simulation.
//!
//! Each test is named after its claim, reads the figure out of a report of the stage's scenario, and holds it to the
//! range the source gives; `docs/claims.md` is the table. Runs are shorter than those of the scenarios;
//! a claim is a range wide enough for that.

use std::path::Path;

use plimsoll::analysis::{self, Evaluation, Plan, Progress};
use plimsoll::diagnostic::{Diagnostics, Sources, render_concise};
use plimsoll::model::compile::compile;
use plimsoll::report::{Objective, Report};
use plimsoll::scenario::root::{Given, load};

mod cdn;
mod data;
mod services;
mod globe;
mod page;
mod elastic;
mod queues;
mod observability;
mod shards;
mod spine;
mod streams;

/// Replications at a time; results do not depend on it.
const JOBS: usize = 2;

/// A stage with what is changed in it.
#[derive(Clone)]
pub(crate) struct Stage {
    file: &'static str,
    variant: Option<&'static str>,
    sets: Vec<String>,
}

impl Stage {
    pub(crate) fn new(file: &'static str) -> Self {
        let sets = Vec::new();
        Stage { file, variant: None, sets }
            .set("run.duration", "3m")
            .set("run.replications", 2)
            .set("run.warmup", "20s")
    }

    pub(crate) fn variant(self, variant: &'static str) -> Self {
        Stage { variant: Some(variant), ..self }
    }

    pub(crate) fn set(mut self, path: &str, value: impl std::fmt::Display) -> Self {
        self.sets.push(format!("{path}={value}"));
        self
    }

    fn rate(self, per_second: f64) -> Self {
        self.set("load.visitors.rate", format!("{per_second}/s"))
    }

    /// An objective that holds whatever happens, to read a share.
    fn read(self, name: &str, measure: &str) -> Self {
        self.set(&format!("objectives.{name}"), format!("{measure} >= 0%"))
    }

    /// The same, to read a time.
    fn read_time(self, name: &str, measure: &str) -> Self {
        self.set(&format!("objectives.{name}"), format!("{measure} >= 0s"))
    }

    fn report(&self) -> Report {
        self.evaluated().report
    }

    pub(crate) fn evaluated(&self) -> Evaluation {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(self.file);
        let path = path.to_str().expect("a path of ASCII");
        let (mut sources, mut found) = (Sources::default(), Diagnostics::new());
        let open = |path: &Path| std::fs::read_to_string(path);
        let given = Given { path, read: &open, sets: &self.sets, variant: self.variant };
        let scenario = load(&given, &mut sources, &mut found).map(|(scenario, _)| scenario);
        let model = scenario.as_ref().and_then(|scenario| compile(scenario, &mut found));
        let (Some(scenario), Some(model)) = (scenario, model) else { panic!("{}", render_concise(&found, &sources)) };
        let plan = Plan::new(&model, &scenario, JOBS);
        analysis::evaluate(&model, &scenario, &plan, &Progress::default())
    }

    /// The highest rate of visitors at which the objective's value keeps to its limit, by bisection; `low` must hold.
    fn capacity(&self, objective: &str, low: f64, high: f64) -> f64 {
        let (mut low, mut high) = (low, high);
        while 1.03 < high / low {
            let middle = f64::midpoint(low, high);
            let report = self.clone().rate(middle).report();
            let judged = objective_of(&report, objective);
            let holds =
                report.run.stable && judged.value.is_some_and(|value| value <= judged.limit.expect("it has a limit"));
            (low, high) = if holds { (middle, high) } else { (low, middle) };
        }
        low
    }
}

fn objective_of<'a>(report: &'a Report, name: &str) -> &'a Objective {
    report.objectives.iter().find(|objective| objective.name == name).unwrap_or_else(|| panic!("no objective `{name}`"))
}

fn value(report: &Report, name: &str) -> f64 {
    let objective = objective_of(report, name);
    objective.value.unwrap_or_else(|| panic!("`{name}` has no value: {:?}", objective.note))
}

fn mean(report: &Report) -> f64 {
    report.latency.all.mean.expect("a stable system has a mean").mean
}

/// Component and resource of the bottleneck.
fn limit(report: &Report) -> (String, &'static str) {
    let bottleneck = report.bottleneck.as_ref().expect("something is the bottleneck");
    (bottleneck.component.clone(), bottleneck.resource)
}

/// A claim and what was found; it must lie in the range.
fn claim(id: &str, what: &str, found: f64, range: [f64; 2]) {
    let (claimed, shown) = (page::range(range), page::figure(found));
    assert!((range[0]..=range[1]).contains(&found), "{id}: {what} is {found}, claimed {claimed}");
    tell(id, what, [&claimed, &shown, "shown"]);
}

/// The same for a claim in words.
fn words(id: &str, [what, claimed]: [&str; 2], found: &str, holds: bool) {
    assert!(holds, "{id}: {what}: {found}, claimed {claimed}");
    tell(id, what, [claimed, found, "shown"]);
}

/// What the source claims, and what an honest model says instead; that it does so must hold.
fn refuted(id: &str, what: &str, [claimed, found]: [&str; 2], holds: bool) {
    assert!(holds, "{id}: {what}: {found} refutes nothing");
    tell(id, what, [claimed, found, "refuted"]);
}

/// A figure that one should know with a claim.
fn beside(id: &str, what: &str, found: &str) {
    tell(id, what, ["", found, "beside"]);
}

fn tell(id: &str, what: &str, row: [&str; 3]) {
    println!("{id:<16} {:<8} {what}: {} ({})", row[2], row[1], row[0]);
    page::hold(id, what, row);
}
