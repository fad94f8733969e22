//! A deterministic, event-driven capacity-planning simulator: a YAML architecture in, latency, cost and bottleneck out.

pub mod units;
pub mod table;
pub mod random;
pub mod reader;
pub mod theory;
pub mod popularity;
pub mod distribution;
pub mod measure;
pub mod calendar;
pub mod diagnostic;
pub mod text;
pub mod fields;
pub mod policy;
pub mod catalogue;
pub mod scenario;
pub mod model;
pub mod record;
pub mod probe;
pub mod engine;
pub mod report;
pub mod analysis;
pub mod cli;
