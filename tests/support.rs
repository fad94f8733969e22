//! What several tests need: a scenario's text to its model.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::diagnostic::{Diagnostics, Sources, render};
use plimsoll::model::Model;
use plimsoll::model::compile::compile;
use plimsoll::report::Report;
use plimsoll::scenario::Scenario;
use plimsoll::scenario::root::{Given, load};

/// Says on standard error, which the test runner does not keep to itself, that a test could not look.
pub(crate) fn skipped(why: &str) {
    let thread = std::thread::current();
    let told = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("a test"));
    io::stderr().write_all(told.as_bytes()).expect("standard error is open");
}

/// The scenario and the model of a text; a mistake in it fails the test with its diagnostics.
pub(crate) fn compiled(text: &str) -> (Scenario, Model) {
    let here = |path: &Path| {
        if path == Path::new("test.yaml") { Ok(text.to_owned()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
    };
    read_with("test.yaml", &here)
}

/// The same of a file of this repository.
pub(crate) fn compiled_file(path: &str) -> (Scenario, Model) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    read_with(path.to_str().expect("the path of this repository is text"), &|path: &Path| fs::read_to_string(path))
}

fn read_with(path: &str, read: &dyn Fn(&Path) -> io::Result<String>) -> (Scenario, Model) {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::default());
    let given = Given { path, read, sets: &[], variant: None };
    let scenario = load(&given, &mut sources, &mut diags).map(|(scenario, _)| scenario);
    let model = scenario.as_ref().and_then(|scenario| compile(scenario, &mut diags));
    match scenario.zip(model).filter(|_| !diags.has_errors()) {
        Some(both) => both,
        None => panic!("{path}\n{}", render(&diags, &sources, 100, false, true)),
    }
}

pub(crate) fn model(text: &str) -> Model {
    compiled(text).1
}

/// What a run of the text reports.
pub(crate) fn evaluated(text: &str) -> Report {
    let (scenario, model) = compiled(text);
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 2), &Progress::default()).report
}

/// The value of the objective of that name.
#[track_caller]
pub(crate) fn value(report: &Report, name: &str) -> f64 {
    let objective = report.objectives.iter().find(|objective| objective.name == name).expect("it is stated");
    objective.value.unwrap_or_else(|| panic!("`{name}` has no value: {:?}", objective.note))
}
