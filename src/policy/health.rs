//! When a health checker notices that an instance died or came back.
//!
//! Probes leave at fixed instants, so what they would find needs no events: the instant of the deciding answer follows
//! from the instant of the change. Answers of living instances take no time, because they are short beside the interval.
//! What can go wrong: each change is judged by itself; a stay too short for any probe to see does not begin a new count
//! at a real checker, but does here.

use crate::units::{Span, Time};

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

impl Checks {
    /// What is wrong with the figures, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.interval == Span(0) {
            return Some("probes need an `interval` above 0".to_owned());
        }
        if self.healthy == 0 || self.unhealthy == 0 {
            return Some("`healthy` and `unhealthy` count probes and are at least 1".to_owned());
        }
        if self.interval < self.timeout {
            return Some("a probe must be over before the next one: `timeout` is longer than `interval`".to_owned());
        }
        None
    }

    /// When the checker removes an instance that died: at the timeout of the last of `unhealthy` probes.
    ///
    /// The last of them has left one `timeout` earlier; an instance that was back by then is not removed.
    pub fn removal_after(&self, death: Time) -> Time {
        self.probe_from(death, self.unhealthy) + self.timeout
    }

    /// When the checker brings back an instance that lives again: at the last of `healthy` probes.
    pub fn return_after(&self, revival: Time) -> Time {
        self.probe_from(revival, self.healthy)
    }

    /// The instant of the `count`-th probe from `since` on, which may be the first one.
    fn probe_from(&self, since: Time, count: u32) -> Time {
        let waited = since.0.saturating_sub(self.phase.0);
        let first = waited.div_ceil(self.interval.0);
        Time(self.phase.0) + Span((first + u64::from(count) - 1).saturating_mul(self.interval.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{bits, occasion};

    const SECOND: u64 = 1_000_000_000;

    fn checks(phase: Span) -> Checks {
        let (interval, timeout) = (Span(30 * SECOND), Span(5 * SECOND));
        Checks { interval, healthy: 2, unhealthy: 3, timeout, phase }
    }

    /// Sends every probe and counts what comes back.
    fn slowly(checks: &Checks, death: Time, revival: Time) -> (Time, Time) {
        let (mut failures, mut successes, mut removal) = (0, 0, None);
        let mut probe = Time(0) + checks.phase;
        loop {
            if death <= probe && probe < revival {
                (failures, successes) = (failures + 1, 0);
            } else {
                (failures, successes) = (0, successes + 1);
            }
            if failures == checks.unhealthy && removal.is_none() {
                removal = Some(probe + checks.timeout);
            }
            if let Some(removal) = removal
                && revival <= probe
                && successes == checks.healthy
            {
                return (removal, probe);
            }
            probe += checks.interval;
        }
    }

    #[test]
    fn instants_are_those_of_a_checker_that_sends_every_probe() {
        for n in 0..300_u64 {
            let draw = |k: u64, below: u64| bits(k, occasion(n)) % below;
            let checks = Checks {
                interval: Span(1 + draw(1, 40)),
                healthy: 1 + draw(2, 4) as u32,
                unhealthy: 1 + draw(3, 4) as u32,
                timeout: Span(0),
                phase: Span(0),
            };
            let phase = Span(draw(4, checks.interval.0));
            let checks = Checks { timeout: Span(draw(5, checks.interval.0 + 1)), phase, ..checks };
            assert_eq!(checks.problem(), None);
            let death = Time(draw(6, 200));
            let revival = checks.removal_after(death) + Span(draw(7, 200));
            assert_eq!(
                (checks.removal_after(death), checks.return_after(revival)),
                slowly(&checks, death, revival),
                "{checks:?}"
            );
        }
    }

    #[test]
    fn thirty_seconds_times_three_is_65_to_95_s() {
        let removals: Vec<u64> = (0..30)
            .map(|phase| (checks(Span(phase * SECOND)).removal_after(Time(3600 * SECOND)) - Time(3600 * SECOND)).0)
            .collect();
        assert_eq!(removals.iter().min(), Some(&(65 * SECOND)));
        assert_eq!(removals.iter().max(), Some(&(94 * SECOND)));
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        let good = checks(Span(0));
        assert_eq!(good.problem(), None);
        for bad in [
            Checks { interval: Span(0), timeout: Span(0), ..good },
            Checks { healthy: 0, ..good },
            Checks { unhealthy: 0, ..good },
            Checks { timeout: Span(31 * SECOND), ..good },
        ] {
            assert!(bad.problem().is_some(), "{bad:?}");
        }
    }
}
