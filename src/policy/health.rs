//! When a health checker notices that an instance died or came back.

use crate::units::Span;

/// `health: {interval: 30s, healthy: 2, unhealthy: 3, timeout: 5s}` of one instance: probes leave at `phase`, `phase +
/// interval`, ...; a probe to a dead instance fails after `timeout`, one to a living instance succeeds at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    pub interval: Span,
    /// Successes in a row that bring an instance back.
    pub healthy: u32,
    /// Failures in a row that remove it.
    pub unhealthy: u32,
    pub timeout: Span,
    /// The first probe leaves at this time of the run, less than `interval`.
    pub phase: Span,
}
