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
mod guards;
mod faults;
mod globe;
mod laws;
mod logs;
mod looks;
mod measures;
mod mirrors;
mod model;
mod places;
mod pods;
mod prefill;
mod queues;
mod releases;
mod replication;
mod sagas;
mod scale;
mod serverless;
mod shards;
mod splits;
mod spot;
mod state;
mod storage;
mod streams;
mod studies;
mod support;
mod telemetry;
mod tidy;
mod validation;
mod vertical;
