//! When outcomes are bad enough: failures in a row, or a share of the last calls, for breakers and ejection.
//!
//! A share is looked at when there are enough calls: of the last so many, or (with `window`) of those of the last seconds,
//! if there were so many. A window forgets in steps of its parts, as resilience4j does: one second each, for windows of five
//! seconds to a minute. What can go wrong: nobody comes for a while; a window of time forgets, the last so many do not.

use std::collections::VecDeque;

use crate::policy::retry::Backoff;
use crate::reader::{ReadError, read_term};
use crate::units::{self, Dimension, Span, Time, UnitError};

/// What outcomes do it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trip {
    pub errors: Errors,
    /// Only calls of so long ago or less count.
    pub window: Option<Span>,
    pub slow: Option<Slow>,
    /// The kinds of failure that count, by name; empty: all.
    pub on: Vec<String>,
    /// The same as a set of failure numbers (bit n is failure n). Compilation fills it; all ones until then.
    pub on_mask: u64,
}

/// How many failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Errors {
    /// So many failures without a success between them.
    ///
    /// ```yaml
    /// breaker: {errors: 5 in a row, open: 30s}
    /// ```
    InARow(u32),
    /// At least this share of so many calls.
    ///
    /// ```yaml
    /// breaker: {errors: 50% of 20, open: 30s}
    /// ```
    Share { share: f64, of: u32 },
}

/// `slow: 60% over 2s`: as bad as failures, at least this share of the same calls took longer than that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slow {
    pub share: f64,
    pub over: Span,
}

impl Errors {
    /// Reads what stands after `errors:`.
    pub fn read(text: &str) -> Result<Errors, ReadError> {
        if let Some(count) = text.strip_suffix(" in a row") {
            return Ok(Errors::InARow(whole(count, text)?));
        }
        let Some((share, of)) = text.split_once(" of ") else { return Err(unclear(text, ERRORS)) };
        let share = units::parse_as(share.trim(), Dimension::Share)?;
        Ok(Errors::Share { share, of: whole(of, text)? })
    }
}

impl Slow {
    /// Reads what stands after `slow:`.
    pub fn read(text: &str) -> Result<Slow, ReadError> {
        let Some((share, over)) = text.split_once(" over ") else { return Err(unclear(text, "write `60% over 2s`")) };
        let share = units::parse_as(share.trim(), Dimension::Share)?;
        let over = units::parse_as(over.trim(), Dimension::Time);
        let over = over.map_err(|error| error.shifted(text.len() - text.rsplit(' ').next().map_or(0, str::len)))?;
        Ok(Slow { share, over: Span::from_secs_f64(over) })
    }
}

const ERRORS: &str = "write `5 in a row` or `50% of 20`";

fn whole(count: &str, text: &str) -> Result<u32, ReadError> {
    let count = count.trim().parse::<u32>().ok().filter(|count| 0 < *count);
    count.ok_or_else(|| unclear(text, ERRORS))
}

fn unclear(text: &str, help: &str) -> UnitError {
    let message = format!("`{text}` does not say how many calls");
    UnitError { start: 0, end: text.len(), message, help: Some(help.to_owned()) }
}

/// A time that is the same each time, or a back-off that grows while things stay bad.
pub fn read_length(text: &str) -> Result<Backoff, ReadError> {
    if text.contains('(') {
        return Backoff::read(&read_term(text)?);
    }
    units::parse_as(text, Dimension::Time).map(|time| Backoff::Constant(Span::from_secs_f64(time)))
}

impl Trip {
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let is_share = |share: f64| 0.0 < share && share <= 1.0;
        match self.errors {
            Errors::InARow(_) if self.window.is_some() || self.slow.is_some() => {
                Some("`window` and `slow` go with a share of calls, such as `errors: 50% of 20`".to_owned())
            }
            Errors::Share { share, .. } if !is_share(share) => {
                Some("a share of calls is above 0% and at most 100%".to_owned())
            }
            _ if self.slow.is_some_and(|slow| !is_share(slow.share)) => {
                Some("a share of slow calls is above 0% and at most 100%".to_owned())
            }
            _ if self.window == Some(Span(0)) => Some("a window is longer than nothing".to_owned()),
            _ => None,
        }
    }

    /// The number in a row, if that is the rule.
    pub fn in_a_row(&self) -> Option<u32> {
        if let Errors::InARow(count) = self.errors { Some(count) } else { None }
    }

    /// Whether this failure counts.
    #[inline]
    pub fn counts(&self, failure: u8) -> bool {
        self.on_mask >> failure & 1 == 1
    }

    /// Whether a call that took so long was slow.
    #[inline]
    pub fn is_slow(&self, took: Span) -> bool {
        self.slow.is_some_and(|slow| slow.over < took)
    }

    /// Whether so many failed and slow calls of so many are too many.
    pub fn is_bad(&self, calls: u32, failed: u32, slow: u32) -> bool {
        let at_least = |count: u32, share: f64| share * f64::from(calls) <= f64::from(count) + 1e-9;
        let failed_too_often = match self.errors {
            Errors::InARow(count) => count <= failed,
            Errors::Share { share, .. } => at_least(failed, share),
        };
        failed_too_often || self.slow.is_some_and(|rule| at_least(slow, rule.share))
    }
}

/// The outcomes seen so far, as far as the rule cares.
#[derive(Clone, Debug)]
pub struct Tally {
    seen: Seen,
    total: u32,
    failed: u32,
    slow: u32,
}

#[derive(Clone, Debug)]
enum Seen {
    /// Failures since the last success are in `failed`.
    Run,
    /// The last so many calls: bit 0 failed, bit 1 slow.
    Last(VecDeque<u8>),
    /// Calls by part of the window; the number and place of the present part, and when it ends.
    Parts { parts: Vec<[u32; 3]>, length: u64, present: u64, at: usize, until: u64 },
}

/// Fewest and most parts of a window of time.
const PARTS: [u64; 2] = [5, 60];

impl Tally {
    /// Nothing seen.
    pub fn new(trip: &Trip) -> Tally {
        let seen = match (trip.errors, trip.window) {
            (Errors::InARow(_), _) => Seen::Run,
            (Errors::Share { .. }, None) => Seen::Last(VecDeque::new()),
            (Errors::Share { .. }, Some(window)) => {
                let count = window.0.div_ceil(1_000_000_000).clamp(PARTS[0], PARTS[1]);
                let length = (window.0 / count).max(1);
                Seen::Parts { parts: vec![[0; 3]; count as usize], length, present: 0, at: 0, until: length }
            }
        };
        Tally { seen, total: 0, failed: 0, slow: 0 }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.total, self.failed, self.slow) = (0, 0, 0);
        match &mut self.seen {
            Seen::Run => {}
            Seen::Last(last) => last.clear(),
            Seen::Parts { parts, .. } => parts.fill([0; 3]),
        }
    }

    /// One more outcome; whether that is one too many.
    #[inline]
    pub fn add(&mut self, trip: &Trip, failed: bool, slow: bool, now: Time) -> bool {
        if let Seen::Run = self.seen {
            self.failed = if failed { self.failed + 1 } else { 0 };
            return trip.in_a_row().is_some_and(|count| count <= self.failed);
        }
        self.count(trip, failed, slow, now);
        let Errors::Share { of, .. } = trip.errors else { return false };
        0 < self.failed + self.slow && of <= self.total && trip.is_bad(self.total, self.failed, self.slow)
    }

    fn count(&mut self, trip: &Trip, failed: bool, slow: bool, now: Time) {
        self.forget(now);
        match &mut self.seen {
            Seen::Run => {}
            Seen::Last(last) => {
                if let Errors::Share { of, .. } = trip.errors
                    && of as usize == last.len()
                    && let Some(oldest) = last.pop_front()
                {
                    self.total -= 1;
                    self.failed -= u32::from(oldest & 1);
                    self.slow -= u32::from(oldest >> 1);
                }
                last.push_back(u8::from(failed) | u8::from(slow) << 1);
            }
            Seen::Parts { parts, at, .. } => {
                let part = &mut parts[*at];
                *part = [part[0] + 1, part[1] + u32::from(failed), part[2] + u32::from(slow)];
            }
        }
        self.total += 1;
        self.failed += u32::from(failed);
        self.slow += u32::from(slow);
    }

    /// Calls that count now, and of them those that failed and that were slow.
    pub fn counts(&mut self, now: Time) -> [u32; 3] {
        self.forget(now);
        [self.total, self.failed, self.slow]
    }

    /// What was seen too long ago.
    fn forget(&mut self, now: Time) {
        let Seen::Parts { parts, length, present, at, until } = &mut self.seen else { return };
        if now.0 < *until {
            return;
        }
        let count = parts.len() as u64;
        let part_now = now.0 / *length;
        for passed in *present + 1..=part_now.min(*present + count) {
            let [total, failed, slow] = std::mem::take(&mut parts[(passed % count) as usize]);
            self.total -= total;
            self.failed -= failed;
            self.slow -= slow;
        }
        // After a long silence the parts are all empty, whatever their places.
        *present = part_now;
        *at = (part_now % count) as usize;
        *until = (part_now + 1) * *length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn trip(errors: &str, window: Option<u64>) -> Trip {
        let errors = Errors::read(errors).expect("a good text");
        Trip { errors, window: window.map(Span), slow: None, on: Vec::new(), on_mask: u64::MAX }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Errors::read("5 in a row"), Ok(Errors::InARow(5)));
        assert_eq!(Errors::read("50% of 20"), Ok(Errors::Share { share: 0.5, of: 20 }));
        assert_eq!(Slow::read("60% over 2s"), Ok(Slow { share: 0.6, over: Span(2000 * MS) }));
        for wrong in ["5", "0 in a row", "five in a row", "50% of all", "50 of 20", "2.5 in a row"] {
            assert!(Errors::read(wrong).is_err(), "{wrong}");
        }
        assert!(Slow::read("60%").is_err() && Slow::read("60% over 2MB").is_err());
        assert_eq!(read_length("30s"), Ok(Backoff::Constant(Span(30_000 * MS))));
        assert!(read_length("exponential(5s x1.5)").is_ok() && read_length("30").is_err());
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        assert_eq!(trip("5 in a row", None).problem(), None);
        assert_eq!(trip("50% of 20", Some(10_000 * MS)).problem(), None);
        assert!(trip("5 in a row", Some(10_000 * MS)).problem().is_some());
        assert!(trip("0% of 20", None).problem().is_some());
        assert!(trip("150% of 20", None).problem().is_some());
        let slow = Some(Slow { share: 0.0, over: Span(MS) });
        assert!(Trip { slow, ..trip("50% of 20", None) }.problem().is_some());
    }

    #[test]
    fn the_last_four_r_cb_r4j_window() {
        let rule = trip("50% of 4", None);
        let mut tally = Tally::new(&rule);
        let rates = [true, false, false, false, false].map(|failed| {
            tally.count(&rule, failed, false, Time(0));
            100.0 * f64::from(tally.failed) / f64::from(tally.total)
        });
        let expected = [100.0, 50.0, 33.333_332, 25.0, 0.0];
        assert!(rates.iter().zip(expected).all(|(rate, expected): (&f64, f64)| (rate - expected).abs() < 1e-5));
    }

    #[test]
    fn five_seconds_r_cb_r4j_window() {
        let rule =
            Trip { slow: Some(Slow { share: 1.0, over: Span(500 * MS) }), ..trip("50% of 1000", Some(5000 * MS)) };
        let mut tally = Tally::new(&rule);
        // (ms, outcome: failed and took so many ms, total, failed, slow)
        let rows = [
            (0, Some((true, 100)), 1, 1, 0),
            (100, Some((false, 100)), 2, 1, 0),
            (800, Some((true, 1000)), 3, 2, 1),
            (4800, None, 3, 2, 1),
            (5800, None, 0, 0, 0),
            (5900, Some((false, 100)), 1, 0, 0),
            (10_900, Some((false, 100)), 1, 0, 0),
        ];
        for (ms, outcome, total, failed, slow) in rows {
            let now = Time(ms * MS);
            if let Some((failed, took)) = outcome {
                tally.count(&rule, failed, rule.is_slow(Span(took * MS)), now);
            }
            assert_eq!([total, failed, slow], tally.counts(now), "at {ms} ms");
        }
        assert_eq!([0; 3], tally.counts(Time(1_000_000 * MS)));
    }

    #[test]
    fn a_success_ends_the_row() {
        let rule = trip("3 in a row", None);
        let mut tally = Tally::new(&rule);
        let verdicts = "FFSFFF".chars().map(|c| tally.add(&rule, c == 'F', false, Time(0)));
        assert_eq!(verdicts.collect::<Vec<_>>(), [false, false, false, false, false, true]);
    }
}
