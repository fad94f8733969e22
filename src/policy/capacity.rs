//! Capacity units: a database that is as large as its use, and sleeps when nobody asks.
//!
//! `capacity: {min: 2, max: 64, pause: 5m}`. At each look it doubles where more than `above` of what there is was used since
//! the look before, and halves where less than `below` was and nothing has changed for the time of `cool`; it never leaves
//! `min..max`. After `pause` without a request it sleeps, until somebody asks. That is how Aurora Serverless (v1) describes
//! itself: powers of two, up at 70 % of the cores, fifteen minutes to cool down.

use crate::units::{Span, Time};

/// What may be said about capacity units.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    pub min: u32,
    pub max: u32,
    /// Share of the cores of all units.
    pub above: f64,
    pub below: f64,
    pub cool: Span,
    /// `None`: it never sleeps.
    pub pause: Option<Span>,
}

impl Capacity {
    /// What is wrong with the figures, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.max < self.min {
            return Some(format!("at most {} units are fewer than at least {}", self.max, self.min));
        }
        if self.above < 2.0 * self.below {
            return Some("half as many units would be used twice as much, and double again at once".to_owned());
        }
        None
    }
}

/// How many units there are, and since when.
#[derive(Clone, Debug)]
pub struct Units {
    pub count: u32,
    changed: Option<Time>,
    /// Nobody has asked since.
    idle_since: Time,
}

/// What a look decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Stay,
    /// So many from now on.
    Become(u32),
    Sleep,
}

impl Units {
    /// It begins awake, with as few as there may be.
    pub fn new(spec: &Capacity) -> Units {
        Units { count: spec.min, changed: None, idle_since: Time(0) }
    }

    /// A look: the share of the cores that was used since the last one, and whether nobody asked for anything.
    pub fn look(&mut self, spec: &Capacity, now: Time, (used, is_idle): (f64, bool)) -> Decision {
        if !is_idle {
            self.idle_since = now;
        } else if spec.pause.is_some_and(|pause| self.idle_since.0 + pause.0 <= now.0) {
            return Decision::Sleep;
        }
        let is_cool = self.changed.is_none_or(|changed| changed.0 + spec.cool.0 <= now.0);
        let wanted = match () {
            () if spec.above < used => self.count.saturating_mul(2).min(spec.max),
            () if used < spec.below && is_cool => (self.count / 2).max(spec.min),
            () => self.count,
        };
        if wanted == self.count {
            return Decision::Stay;
        }
        (self.count, self.changed) = (wanted, Some(now));
        Decision::Become(wanted)
    }

    /// It is awake again, as large as it was.
    pub fn wakes(&mut self, now: Time) {
        self.idle_since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, mix};

    fn spec(cool_s: u64, pause_s: Option<u64>) -> Capacity {
        let second = |s: u64| Span(s * 1_000_000_000);
        Capacity { min: 2, max: 64, above: 0.7, below: 0.3, cool: second(cool_s), pause: pause_s.map(second) }
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    #[test]
    fn it_doubles_at_once_and_halves_when_it_is_cool() {
        let (spec, mut units) = (spec(900, None), Units::new(&spec(900, None)));
        let mut look = |second, used| units.look(&spec, at(second), (used, false));
        assert_eq!(Decision::Become(4), look(60, 0.9));
        assert_eq!(Decision::Become(8), look(120, 0.71));
        assert_eq!(Decision::Stay, look(180, 0.5));
        assert_eq!(Decision::Stay, look(1019, 0.1), "it has not cooled down");
        assert_eq!(Decision::Become(4), look(1020, 0.1));
        assert_eq!(Decision::Stay, look(1080, 0.1));
        assert_eq!(Decision::Become(2), look(1920, 0.1));
        assert_eq!(Decision::Stay, look(9000, 0.0), "no fewer than min");
    }

    #[test]
    fn it_sleeps_after_so_long_without_a_request() {
        let (spec, mut units) = (spec(900, Some(300)), Units::new(&spec(900, Some(300))));
        assert_eq!(Decision::Stay, units.look(&spec, at(60), (0.5, false)));
        assert_eq!(Decision::Stay, units.look(&spec, at(359), (0.0, true)));
        assert_eq!(Decision::Sleep, units.look(&spec, at(360), (0.0, true)));
        units.wakes(at(1000));
        assert_eq!(Decision::Stay, units.look(&spec, at(1299), (0.0, true)));
        assert_eq!(Decision::Sleep, units.look(&spec, at(1300), (0.0, true)));
    }

    /// The whole story each time: how many there are follows from all looks so far.
    fn count_slowly(spec: &Capacity, looks: &[(u64, f64)]) -> u32 {
        let (mut count, mut last) = (spec.min, None);
        for &(second, used) in looks {
            let next = if used > spec.above {
                (2 * count).min(spec.max)
            } else if used < spec.below && last.is_none_or(|last| second >= last + spec.cool.0 / 1_000_000_000) {
                spec.min.max(count / 2)
            } else {
                count
            };
            last = if next == count { last } else { Some(second) };
            count = next;
        }
        count
    }

    #[test]
    fn looks_one_by_one_and_all_at_once_agree() {
        for seed in 0..50 {
            let (spec, mut dice, mut looks) = (spec(100, None), mix(seed), Vec::new());
            let mut units = Units::new(&spec);
            for turn in 1..200u64 {
                dice = mix(dice);
                let used = f64::from(below(dice, 100)) / 100.0;
                looks.push((15 * turn, used));
                units.look(&spec, at(15 * turn), (used, false));
                assert_eq!(count_slowly(&spec, &looks), units.count, "seed {seed}, look {turn}");
            }
        }
    }

    #[test]
    fn what_would_swing_is_told() {
        assert_eq!(None, spec(1, None).problem());
        assert!(Capacity { below: 0.5, ..spec(1, None) }.problem().is_some());
        assert!(Capacity { min: 65, ..spec(1, None) }.problem().is_some());
    }
}
