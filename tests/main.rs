//! One binary for all integration tests, so that the crate is linked once.

mod claims;
mod cli;
mod determinism;
mod diagnostics;
mod examples;
mod laws;
mod model;
mod support;
mod tidy;
mod validation;
