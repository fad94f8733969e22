//! A deterministic, event-driven capacity-planning simulator.

pub mod diagnostic;
pub mod text;
