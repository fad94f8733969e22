//! A deterministic, event-driven capacity-planning simulator.

pub mod units;

pub mod table;

pub mod reader;

pub mod random;

pub mod diagnostic;

pub mod text;

pub mod fields;
