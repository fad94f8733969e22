//! One binary for all integration tests, so that the crate is linked once.

#![expect(clippy::print_stdout, reason = "a test that fails shows what it ran")]

mod caches;
mod claims;
mod cli;
mod copies;
mod determinism;
mod diagnostics;
mod elastic;
mod examples;
mod failover;
mod globe;
mod laws;
mod looks;
mod measures;
mod model;
mod places;
mod pods;
mod prefill;
mod replication;
mod scale;
mod serverless;
mod shards;
mod support;
mod tidy;
mod validation;
