//! A deterministic, event-driven capacity-planning simulator.

pub mod units;

pub mod table;

pub mod reader;

pub mod random;

pub mod popularity;

pub mod distribution;

pub mod diagnostic;

pub mod text;

pub mod fields;

pub mod policy;

pub mod catalogue;

pub mod scenario;

pub mod model;
