//! A deterministic, event-driven capacity-planning simulator.

pub mod units;

pub mod table;

pub mod diagnostic;
pub mod text;

pub mod catalogue;
pub mod scenario {
    pub mod condition;
}
