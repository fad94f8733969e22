//! Who is left out for a while: instances that keep failing a caller (outlier ejection).
//!
//! Each caller judges the instances by what it sees itself, as a proxy beside it would: one that fails too often is not
//! asked for a time, then it is back as if nothing had been. At most a share of the instances is out at once, and never
//! all of them. What can go wrong: an instance that only refuses is as quick as one can be, so a balancer that prefers
//! quick ones sends it everything; ejection is the cure.

use crate::policy::breaker::Ended;
use crate::policy::outcomes::{Tally, Trip};
use crate::policy::retry::Backoff;
use crate::units::{Span, Time};

/// `eject: {errors: 5 in a row, for: 30s, most: 50%}`
#[derive(Clone, Debug, PartialEq)]
pub struct Eject {
    pub trip: Trip,
    /// How long it is out: the same each time, or longer while no success comes between.
    pub length: Backoff,
    /// Most of the instances that may be out at once, rounded down.
    pub most: f64,
}

impl Eject {
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        if !(0.0 < self.most && self.most <= 1.0) {
            return Some("`most` is a share of the instances, above 0% and at most 100%".to_owned());
        }
        if self.length.pause(1) == Span(0) {
            return Some("an instance that is out for no time is not out".to_owned());
        }
        self.trip.problem()
    }

    /// How many of so many instances may be out.
    pub fn most_of(&self, instances: u32) -> u32 {
        let most = (self.most * f64::from(instances) + 1e-9).floor() as u32;
        most.min(instances.saturating_sub(1))
    }
}

/// What one caller thinks of the instances of one component.
#[derive(Clone, Debug)]
pub struct Bench {
    seats: Vec<Seat>,
    /// Who is out, in no particular order.
    out: Vec<u32>,
    most: usize,
    /// Ejections so far; time spent out by those who are back.
    ejections: u64,
    spent: Span,
}

#[derive(Clone, Debug)]
struct Seat {
    tally: Tally,
    /// Out since, and until.
    out: Option<(Time, Time)>,
    /// Ejections without a success between.
    row: u32,
}

impl Bench {
    /// Everyone plays.
    pub fn new(rule: &Eject, instances: u32) -> Bench {
        let seat = Seat { tally: Tally::new(&rule.trip), out: None, row: 0 };
        let most = rule.most_of(instances) as usize;
        Bench { seats: vec![seat; instances as usize], out: Vec::new(), most, ejections: 0, spent: Span(0) }
    }

    /// A call of an instance has ended.
    pub fn record(&mut self, rule: &Eject, instance: u32, ended: Ended, now: Time) {
        self.bring_back(now);
        let seat = &mut self.seats[instance as usize];
        if seat.out.is_some() {
            return;
        }
        seat.row = if ended.failed { seat.row } else { 0 };
        let is_bad = seat.tally.add(&rule.trip, ended.failed, rule.trip.is_slow(ended.took), now);
        if is_bad && self.out.len() < self.most {
            seat.row = seat.row.saturating_add(1);
            seat.out = Some((now, now + rule.length.pause(seat.row)));
            seat.tally.clear();
            self.out.push(instance);
            self.ejections += 1;
        }
    }

    /// Who is not to be asked now.
    #[inline]
    pub fn out(&mut self, now: Time) -> &[u32] {
        if !self.out.is_empty() {
            self.bring_back(now);
        }
        &self.out
    }

    /// Ejections so far, and how long instances were out, all together.
    pub fn history(&self, now: Time) -> (u64, Span) {
        let present = |seat: &Seat| seat.out.map_or(Span(0), |(since, until)| now.min(until) - since);
        (self.ejections, self.seats.iter().map(present).fold(self.spent, |sum, span| sum + span))
    }

    fn bring_back(&mut self, now: Time) {
        let (seats, spent) = (&mut self.seats, &mut self.spent);
        self.out.retain(|&instance| match seats[instance as usize].out {
            Some((since, until)) if until <= now => {
                seats[instance as usize].out = None;
                *spent = *spent + (until - since);
                false
            }
            _ => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::outcomes::Errors;

    const S: u64 = 1_000_000_000;

    fn rule(most: f64, length: Backoff) -> Eject {
        let trip = Trip { errors: Errors::InARow(5), window: None, slow: None, on: Vec::new(), on_mask: u64::MAX };
        Eject { trip, length, most }
    }

    fn ends(bench: &mut Bench, rule: &Eject, instance: u32, count: u32, now: u64, failed: bool) {
        for _ in 0..count {
            bench.record(rule, instance, Ended { failed, took: Span(0) }, Time(now));
        }
    }

    #[test]
    fn five_in_a_row_is_out_for_thirty_seconds_s09_breaker() {
        let rule = rule(0.5, Backoff::Constant(Span(30 * S)));
        let mut bench = Bench::new(&rule, 10);
        ends(&mut bench, &rule, 3, 4, 0, true);
        ends(&mut bench, &rule, 3, 1, 0, false);
        ends(&mut bench, &rule, 3, 4, 0, true);
        assert!(bench.out(Time(0)).is_empty());
        ends(&mut bench, &rule, 3, 1, S, true);
        assert_eq!(bench.out(Time(S)), [3]);
        assert_eq!(bench.out(Time(31 * S - 1)), [3]);
        assert!(bench.out(Time(31 * S)).is_empty());
        assert_eq!(bench.history(Time(60 * S)), (1, Span(30 * S)));
        ends(&mut bench, &rule, 3, 4, 32 * S, true);
        assert!(bench.out(Time(32 * S)).is_empty(), "the count begins anew");
    }

    #[test]
    fn no_more_than_the_share_and_never_all() {
        let half = rule(0.5, Backoff::Constant(Span(30 * S)));
        let mut bench = Bench::new(&half, 5);
        (0..5).for_each(|i| ends(&mut bench, &half, i, 5, 0, true));
        assert_eq!(bench.out(Time(0)), [0, 1]);
        let all = rule(1.0, Backoff::Constant(Span(30 * S)));
        assert_eq!([1, 2, 5].map(|n| all.most_of(n)), [0, 1, 4]);
        assert_eq!(rule(0.1, Backoff::Constant(Span(S))).most_of(5), 0);
    }

    #[test]
    fn it_stays_out_longer_while_it_is_no_better() {
        let rule = rule(0.5, Backoff::Linear(Span(30 * S)));
        let mut bench = Bench::new(&rule, 4);
        ends(&mut bench, &rule, 0, 5, 0, true);
        ends(&mut bench, &rule, 0, 5, 40 * S, true);
        assert_eq!(bench.out(Time(99 * S)), [0], "sixty seconds the second time");
        assert!(bench.out(Time(100 * S)).is_empty());
        ends(&mut bench, &rule, 0, 1, 100 * S, false);
        ends(&mut bench, &rule, 0, 5, 101 * S, true);
        assert!(bench.out(Time(131 * S)).is_empty(), "a success has ended the row");
        assert_eq!(bench.history(Time(131 * S)), (3, Span(120 * S)));
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        assert_eq!(rule(0.5, Backoff::Constant(Span(S))).problem(), None);
        assert!(rule(0.0, Backoff::Constant(Span(S))).problem().is_some());
        assert!(rule(1.5, Backoff::Constant(Span(S))).problem().is_some());
        assert!(rule(0.5, Backoff::Constant(Span(0))).problem().is_some());
    }
}
