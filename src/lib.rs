//! A deterministic, event-driven capacity-planning simulator: a YAML architecture in, latency, cost and bottleneck out.

pub mod analysis;
pub mod calendar;
pub mod catalogue;
pub mod cli;
pub mod diagnostic;
pub mod distribution;
pub mod engine;
pub mod fields;
pub mod measure;
pub mod model;
pub mod policy;
pub mod popularity;
pub mod probe;
pub mod random;
pub mod reader;
pub mod record;
pub mod report;
pub mod scenario;
pub mod table;
pub mod text;
pub mod theory;
pub mod units;
