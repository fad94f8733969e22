//! When to stop calling who keeps failing: circuit breakers.
//!
//! A breaker is *closed* while calls pass and their outcomes are counted ([`Tally`](crate::policy::outcomes::Tally)). When
//! they trip it, it is *open* and refuses all calls for a time. Then it is *half-open*: so many probes pass, and what
//! becomes of them closes it or opens it again. After failures in a row the first probe that fails opens it and probes
//! that all succeed close it (gobreaker); after a rate the rate of all probes decides (resilience4j). What can go wrong: a
//! probe whose caller leaves would keep its place for ever; `release` gives it back.

use crate::policy::outcomes::{Tally, Trip};
use crate::policy::retry::Backoff;
use crate::units::{Span, Time};

/// `breaker: {errors: 50% of 20, window: 10s, slow: 60% over 2s, open: 5s, half_open: 4}`
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    pub trip: Trip,
    /// How long it stays open: the same each time, or longer while it does not come to close.
    pub open: Backoff,
    /// Probes that decide whether it closes.
    pub half_open: u32,
}

impl Breaker {
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.half_open == 0 {
            return Some("`half_open` counts probes and is at least 1, or the breaker never closes".to_owned());
        }
        if self.open.pause(1) == Span(0) {
            return Some("a breaker that is open for no time refuses nothing".to_owned());
        }
        self.trip.problem()
    }
}

/// Whether calls pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
}

/// The running state of one breaker.
#[derive(Clone, Debug)]
pub struct Circuit {
    phase: Phase,
    tally: Tally,
    /// Counts changes of phase: outcomes of calls that passed in an earlier one count no more.
    round: u32,
    /// Openings since it was closed.
    openings: u32,
    /// Openings in all, and time not closed up to `since`.
    opened: u64,
    troubled: Span,
    since: Time,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open {
        until: Time,
    },
    /// Probes let through and answered, and how many of them failed or were slow.
    HalfOpen {
        passed: u32,
        answered: u32,
        failed: u32,
        slow: u32,
    },
}

/// The right to one call, to be given back with its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit(u32);

impl Circuit {
    /// A closed breaker that has seen nothing.
    pub fn new(rule: &Breaker) -> Circuit {
        Circuit {
            phase: Phase::Closed,
            tally: Tally::new(&rule.trip),
            round: 0,
            openings: 0,
            opened: 0,
            troubled: Span(0),
            since: Time(0),
        }
    }

    /// Whether a call may pass now.
    #[inline]
    pub fn ask(&mut self, rule: &Breaker, now: Time) -> Option<Permit> {
        if let Phase::Closed = self.phase {
            return Some(Permit(self.round));
        }
        if self.state(now) == State::HalfOpen && matches!(self.phase, Phase::Open { .. }) {
            self.enter(Phase::HalfOpen { passed: 0, answered: 0, failed: 0, slow: 0 });
        }
        match &mut self.phase {
            Phase::HalfOpen { passed, .. } if *passed < rule.half_open => {
                *passed += 1;
                Some(Permit(self.round))
            }
            _ => None,
        }
    }

    /// A call that passed has ended after so long.
    #[inline]
    pub fn record(&mut self, rule: &Breaker, permit: Permit, outcome: Ended, now: Time) {
        if permit.0 != self.round {
            return;
        }
        let is_slow = rule.trip.is_slow(outcome.took);
        match &mut self.phase {
            Phase::Closed => {
                if self.tally.add(&rule.trip, outcome.failed, is_slow, now) {
                    self.open(rule, now);
                }
            }
            Phase::HalfOpen { answered, failed, slow, .. } => {
                *answered += 1;
                *failed += u32::from(outcome.failed);
                *slow += u32::from(is_slow);
                let (answered, failed, slow) = (*answered, *failed, *slow);
                let is_hopeless = rule.trip.in_a_row().is_some() && 0 < failed;
                if is_hopeless || answered == rule.half_open && rule.trip.is_bad(answered, failed, slow) {
                    self.open(rule, now);
                } else if answered == rule.half_open {
                    self.close(now);
                }
            }
            Phase::Open { .. } => {}
        }
    }

    /// A call that passed has ended and nobody will ever say how.
    pub fn release(&mut self, permit: Permit) {
        if let Phase::HalfOpen { passed, .. } = &mut self.phase
            && permit.0 == self.round
        {
            *passed -= 1;
        }
    }

    /// What it would say to a call now.
    pub fn state(&self, now: Time) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { until } if now < until => State::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Times it has opened so far, and how long it was not closed.
    pub fn history(&self, now: Time) -> (u64, Span) {
        let present = if let Phase::Closed = self.phase { Span(0) } else { now - self.since };
        (self.opened, self.troubled + present)
    }

    fn open(&mut self, rule: &Breaker, now: Time) {
        if let Phase::Closed = self.phase {
            self.since = now;
        }
        self.opened += 1;
        self.openings = self.openings.saturating_add(1);
        self.enter(Phase::Open { until: now + rule.open.pause(self.openings) });
    }

    fn close(&mut self, now: Time) {
        self.troubled = self.troubled + (now - self.since);
        self.openings = 0;
        self.tally.clear();
        self.enter(Phase::Closed);
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.round = self.round.wrapping_add(1);
    }
}

/// How a call ended, and how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub failed: bool,
    pub took: Span,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::outcomes::{Errors, Slow};
    use crate::random::{bits, occasion, unit};

    const MS: u64 = 1_000_000;
    const S: u64 = 1_000_000_000;

    fn rule(errors: &str, open: u64, half_open: u32) -> Breaker {
        let errors = Errors::read(errors).expect("a good text");
        let trip = Trip { errors, window: None, slow: None, on: Vec::new(), on_mask: u64::MAX };
        Breaker { trip, open: Backoff::Constant(Span(open)), half_open }
    }

    /// A breaker under a script.
    struct Script {
        rule: Breaker,
        circuit: Circuit,
        now: Time,
    }

    impl Script {
        fn new(rule: Breaker) -> Script {
            Script { circuit: Circuit::new(&rule), rule, now: Time(0) }
        }

        /// Calls that end so; whether all passed.
        fn calls(&mut self, count: u32, failed: bool) -> bool {
            (0..count).all(|_| self.call(failed, 0))
        }

        fn call(&mut self, failed: bool, took: u64) -> bool {
            let Some(permit) = self.circuit.ask(&self.rule, self.now) else { return false };
            self.circuit.record(&self.rule, permit, Ended { failed, took: Span(took) }, self.now);
            true
        }

        fn state(&self) -> State {
            self.circuit.state(self.now)
        }

        /// A script of `F` and `S`.
        fn word(&mut self, word: &str) {
            assert!(word.chars().all(|c| self.call(c == 'F', 0)), "{word}");
        }
    }

    #[test]
    fn the_script_of_gobreaker_r_cb_gobreaker_default() {
        // More than five in a row trips it; open for a minute; one probe.
        let mut script = Script::new(rule("6 in a row", 60 * S, 1));
        let steps = [
            (0, "fail", 5, true, State::Closed),
            (0, "success", 1, true, State::Closed),
            (0, "fail", 1, true, State::Closed),
            (0, "fail", 5, true, State::Open),
            (0, "success", 1, false, State::Open),
            (0, "fail", 1, false, State::Open),
            (59_999, "", 0, true, State::Open),
            (1_000, "", 0, true, State::HalfOpen),
            (0, "fail", 1, true, State::Open),
            (60_001, "", 0, true, State::HalfOpen),
            (0, "success", 1, true, State::Closed),
        ];
        for (step, (advance_ms, what, count, allowed, state)) in steps.into_iter().enumerate() {
            script.now += Span(advance_ms * MS);
            assert_eq!(script.calls(count, what == "fail"), allowed, "step {step}");
            assert_eq!(script.state(), state, "step {step}");
        }
        assert_eq!(script.circuit.history(script.now), (2, script.now - Time(0)));
    }

    #[test]
    fn the_fifth_of_five_opens_r_cb_r4j_count() {
        let mut script = Script::new(rule("50% of 5", 5 * S, 4));
        for (word, state) in [("FFF", State::Closed), ("S", State::Closed), ("S", State::Open)] {
            script.word(word);
            assert_eq!(script.state(), state, "after {word}");
        }
        assert!(!script.call(false, 0), "the sixth is not permitted");
    }

    #[test]
    fn probes_decide_together_r_cb_r4j_half() {
        let half_open = || {
            let mut script = Script::new(rule("50% of 5", 5 * S, 4));
            script.rule.trip.slow = Some(Slow { share: 0.5, over: Span(4 * S) });
            script.word("FFFFF");
            script.now = Time(6 * S);
            script
        };
        for (probes, state) in [("FFSF", State::Open), ("FSSS", State::Closed)] {
            let mut script = half_open();
            assert_eq!(script.state(), State::HalfOpen);
            script.word(probes);
            assert_eq!(script.state(), state, "{probes}");
        }
        let mut slow = half_open();
        for seconds in [5, 5, 5, 1] {
            assert!(slow.call(false, seconds * S));
        }
        assert_eq!(slow.state(), State::Open, "three of four were slow");
        let mut few = half_open();
        assert!((0..4).all(|_| few.circuit.ask(&few.rule, few.now).is_some()));
        assert!(few.circuit.ask(&few.rule, few.now).is_none(), "four probes and no more");
    }

    #[test]
    fn the_wait_grows_r_cb_r4j_half() {
        let waits = |open: Backoff| {
            let mut script = Script::new(Breaker { open, ..rule("1 in a row", S, 1) });
            script.word("F");
            let states = [3, 6].map(|s| script.circuit.state(Time(s * S)));
            script.now = Time(6 * S);
            script.word("F");
            (states, [5, 11, 14].map(|s| script.circuit.state(Time((6 + s) * S))))
        };
        let (first, second) = waits(Backoff::Constant(Span(5 * S)));
        assert_eq!(first, [State::Open, State::HalfOpen]);
        assert_eq!(second, [State::HalfOpen; 3]);
        let (first, second) = waits(Backoff::Exponential { base: Span(5 * S), factor: 1.5, max: Span::MAX });
        assert_eq!(first, [State::Open, State::HalfOpen]);
        // 7.5 s the second time: still open after 5 and 6, not after 11.
        assert_eq!(second, [State::Open, State::HalfOpen, State::HalfOpen]);
    }

    #[test]
    fn late_outcomes_and_leavers_do_not_count() {
        let mut script = Script::new(rule("2 in a row", S, 1));
        let early: Vec<Permit> = (0..5).filter_map(|_| script.circuit.ask(&script.rule, script.now)).collect();
        let end = |script: &mut Script, permit, failed| {
            script.circuit.record(&script.rule, permit, Ended { failed, took: Span(0) }, script.now);
        };
        end(&mut script, early[0], true);
        end(&mut script, early[1], true);
        assert_eq!(script.state(), State::Open);
        script.now = Time(2 * S);
        let probe = script.circuit.ask(&script.rule, script.now).expect("the probe");
        end(&mut script, early[2], false);
        assert_eq!(script.state(), State::HalfOpen, "a call from before says nothing about now");
        assert!(script.circuit.ask(&script.rule, script.now).is_none());
        script.circuit.release(probe);
        assert!(script.call(false, 0), "the place of a probe that was given up");
        assert_eq!(script.state(), State::Closed);
    }

    /// Every decision of a breaker by counts follows from the list of all outcomes.
    #[test]
    fn a_slow_twin_agrees() {
        let rule = rule("50% of 20", S, 3);
        let mut script = Script::new(rule);
        let mut seen: Vec<bool> = Vec::new();
        for n in 0..20_000 {
            let draw = bits(7, occasion(n));
            let failed = unit(draw) < if n / 500 % 2 == 0 { 0.2 } else { 0.7 };
            script.now += Span(draw % (100 * MS));
            let before = script.state();
            let passed = script.call(failed, 0);
            assert_eq!(passed, before != State::Open, "call {n}");
            match before {
                State::Open => {}
                State::Closed => {
                    seen.push(failed);
                    let last = &seen[seen.len().saturating_sub(20)..];
                    let trips = last.len() == 20 && 10 <= last.iter().filter(|failed| **failed).count();
                    assert_eq!(script.state() == State::Open, trips, "call {n}");
                    if trips {
                        seen.clear();
                    }
                }
                State::HalfOpen => {
                    seen.push(failed);
                    if seen.len() == 3 {
                        let bad = 2 <= seen.iter().filter(|failed| **failed).count();
                        assert_eq!(script.state(), if bad { State::Open } else { State::Closed }, "call {n}");
                        seen.clear();
                    } else {
                        assert_eq!(script.state(), State::HalfOpen, "call {n}");
                    }
                }
            }
        }
        assert!(10 < script.circuit.opened);
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        assert_eq!(rule("5 in a row", S, 1).problem(), None);
        assert!(rule("5 in a row", S, 0).problem().is_some());
        assert!(rule("5 in a row", 0, 1).problem().is_some());
    }
}
