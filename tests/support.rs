//! What several tests need: a scenario's text to its model.

use std::io;
use std::path::Path;

use plimsoll::diagnostic::{Diagnostics, Sources, render};
use plimsoll::model::Model;
use plimsoll::model::compile::compile;
use plimsoll::scenario::Scenario;
use plimsoll::scenario::root::{Given, load};

/// The scenario and the model of a text; a mistake in it fails the test with its diagnostics.
pub(crate) fn compiled(text: &str) -> (Scenario, Model) {
    let read = |path: &Path| {
        if path == Path::new("test.yaml") { Ok(text.to_owned()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
    };
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::default());
    let given = Given { path: "test.yaml", read: &read, sets: &[], variant: None };
    let scenario = load(&given, &mut sources, &mut diags).map(|(scenario, _)| scenario);
    let model = scenario.as_ref().and_then(|scenario| compile(scenario, &mut diags));
    match scenario.zip(model).filter(|_| !diags.has_errors()) {
        Some(both) => both,
        None => panic!("{text}\n{}", render(&diags, &sources, 100, false, true)),
    }
}

pub(crate) fn model(text: &str) -> Model {
    compiled(text).1
}
