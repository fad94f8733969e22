//! Plimsoll: a deterministic, event-driven capacity-planning simulator.
//!
//! ```text
//! YAML text --text--> Node --scenario--> Scenario --model--> Model --engine--> Record --analysis--> Report --report--> bytes
//! ```
//!
//! Modules stand in reading order: **a module may use only modules above it** (`tests/tidy.rs` holds that).
//!
//! What is absent, on purpose:
//! * The engine reads no clock, file, environment or name, and returns no `Result`: a compiled model cannot fail, it can
//!   only stop ([`record::Stopped`] is an outcome, not an error).
//! * Only `cli` prints or does I/O. Only `units` reads quantities. Only `random` makes bits; only `distribution` and
//!   `theory` call `libm`. Only `text::yaml` knows the YAML crate. Only `report` serialises.
//! * Nothing iterates a hash map. Nothing in one replication runs in parallel; replications do.

// Blank lines between them keep the formatter from sorting them.

// -- ground: knows nothing of queues
pub mod units;

pub mod table;

pub mod reader;

pub mod random;

pub mod theory;

pub mod popularity;

pub mod distribution;

pub mod measure;

pub mod calendar;

// -- text
pub mod diagnostic;

pub mod text;

pub mod fields;

// -- mechanisms: one file is one family
pub mod policy;

pub mod catalogue;

// -- what is written, what it means, what happened
pub mod scenario;

pub mod model;

pub mod record;

pub mod probe;

pub mod engine;

// -- looks and claims: the report is a plain value that analysis fills in
pub mod report;

pub mod analysis;

// -- hands: all files, clocks and printing
pub mod cli;
