//! Vertical autoscaling: instances that become larger or smaller, by what was used of their cores.
//!
//! `vertical: {sizes: [c6i.large, c6i.xlarge], use: 70%}`. At each look the cores that each instance has used since the last
//! one are noted. The recommendation is the smallest size of which the use, at a quantile of all notes in the window, fills
//! no more than `use` (the vertical pod autoscaler of Kubernetes recommends the 90th percentile and 15 % on top). It may
//! become larger at once, and smaller when the window is full of notes since the last change; after a change everything
//! stays as it is for the time of `hold`. What can go wrong: an instance cannot use more than it has, so a size that is far
//! too small becomes a fitting one in several changes.

use std::collections::VecDeque;

use crate::units::{Span, Time};

/// What may be said about sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Vertical {
    /// Cores of each size, the smallest first.
    pub sizes: Vec<f64>,
    /// Share of its cores that may be in use.
    pub full: f64,
    /// Which of all notes counts, as a share of them.
    pub quantile: f64,
    pub window: Span,
    pub hold: Span,
}

impl Vertical {
    /// What is wrong with the figures, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.sizes.len() < 2 {
            return Some("of one size alone nothing can become larger or smaller".to_owned());
        }
        if self.sizes.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Some("sizes are named from the smallest to the largest, by their cores".to_owned());
        }
        None
    }

    /// The smallest size that fits so many cores in use; the largest where none does.
    fn fitting(&self, cores: f64) -> usize {
        let fits = |size: &f64| cores <= self.full * size;
        self.sizes.iter().position(fits).unwrap_or(self.sizes.len() - 1)
    }
}

/// The size that all instances have, or are about to have.
#[derive(Clone, Debug)]
pub struct Sizing {
    pub size: usize,
    changed: Option<Time>,
    notes: VecDeque<(Time, f64)>,
    /// Since when notes are taken.
    since: Time,
    sorted: Vec<f64>,
}

impl Sizing {
    pub fn new(size: usize) -> Sizing {
        Sizing { size, changed: None, notes: VecDeque::new(), since: Time(0), sorted: Vec::new() }
    }

    /// A look at the cores that each instance used since the last one; the cores that call for another size, if it changes.
    pub fn look(&mut self, spec: &Vertical, now: Time, used: impl Iterator<Item = f64>) -> Option<f64> {
        self.notes.extend(used.map(|cores| (now, cores)));
        let from = now.0.saturating_sub(spec.window.0);
        while self.notes.front().is_some_and(|(at, _)| at.0 < from) {
            self.notes.pop_front();
        }
        if self.changed.is_some_and(|changed| now.0 < changed.0 + spec.hold.0) || self.notes.is_empty() {
            return None;
        }
        self.sorted.clear();
        self.sorted.extend(self.notes.iter().map(|(_, cores)| *cores));
        self.sorted.sort_unstable_by(f64::total_cmp);
        let rank = libm::ceil(spec.quantile * self.sorted.len() as f64) as usize;
        let needed = self.sorted[rank.clamp(1, self.sorted.len()) - 1];
        let fitting = spec.fitting(needed);
        let is_full = self.since.0 + spec.window.0 <= now.0;
        if fitting == self.size || fitting < self.size && !is_full {
            return None;
        }
        (self.size, self.changed) = (fitting, Some(now));
        Some(needed)
    }

    /// All instances have the size: what was noted of others no longer counts.
    pub fn begin_anew(&mut self, now: Time) {
        self.notes.clear();
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{mix, unit};

    const SECOND: u64 = 1_000_000_000;

    fn spec(hold_s: u64) -> Vertical {
        let span = |s: u64| Span(s * SECOND);
        Vertical { sizes: vec![1.0, 2.0, 4.0, 8.0], full: 0.7, quantile: 0.9, window: span(600), hold: span(hold_s) }
    }

    #[test]
    fn it_grows_at_once_and_shrinks_when_it_is_sure() {
        let (spec, mut sizing) = (spec(300), Sizing::new(1));
        let mut look = |second: u64, used: f64| sizing.look(&spec, Time(second * SECOND), [used; 4].into_iter());
        assert_eq!(look(60, 1.3), None, "it fits");
        assert_eq!(look(120, 0.2), None, "one quiet minute says nothing");
        assert_eq!(look(180, 2.0), Some(2.0), "all that it has");
        sizing.begin_anew(Time(190 * SECOND));
        assert_eq!(sizing.size, 2);
        let mut look = |second: u64, used: f64| sizing.look(&spec, Time(second * SECOND), [used; 4].into_iter());
        assert_eq!(look(240, 4.0), None, "it holds");
        assert_eq!(look(481, 4.0), Some(4.0));
        sizing.begin_anew(Time(500 * SECOND));
        let changes: Vec<u64> =
            (9..40).filter(|n| sizing.look(&spec, Time(60 * n * SECOND), std::iter::once(0.5)).is_some()).collect();
        assert_eq!((changes, sizing.size), (vec![19], 0), "ten minutes of notes, then all the way");
    }

    /// The whole story each time, from a plain list.
    #[test]
    fn looks_one_by_one_and_all_at_once_agree() {
        for seed in 0..60u64 {
            let spec = spec(mix(seed) % 900);
            let mut sizing = Sizing::new((mix(seed ^ 1) % 4) as usize);
            let (mut size, mut changed, mut all, mut since) = (sizing.size, None, Vec::new(), 0);
            for n in 1..150u64 {
                let level = [0.3, 1.0, 3.0, 7.0][(mix((seed << 8) | (n / 25)) % 4) as usize];
                let used: Vec<f64> = (0..3).map(|i| level * unit(mix(seed << 16 | n << 4 | i))).collect();
                let now = 60 * n;
                all.extend(used.iter().map(|cores| (now, *cores)));
                let mut kept: Vec<f64> =
                    all.iter().filter(|(at, _)| now - 600.min(now) <= *at).map(|(_, cores)| *cores).collect();
                kept.sort_by(f64::total_cmp);
                let needed = kept[(libm::ceil(0.9 * kept.len() as f64) as usize).max(1) - 1];
                let fitting = spec.sizes.iter().position(|cores| needed <= 0.7 * cores).unwrap_or(3);
                let is_free = changed.is_none_or(|at: u64| at * SECOND + spec.hold.0 <= now * SECOND);
                let expected = (is_free && (size < fitting || fitting < size && since + 600 <= now)).then_some(needed);
                assert_eq!(sizing.look(&spec, Time(now * SECOND), used.into_iter()), expected, "{seed} {n}");
                if expected.is_some() {
                    (size, changed, since) = (fitting, Some(now), now);
                    all.clear();
                    sizing.begin_anew(Time(now * SECOND));
                }
                assert_eq!(sizing.size, size);
            }
        }
    }

    #[test]
    fn sizes_that_make_no_sense_are_told() {
        assert_eq!(spec(0).problem(), None);
        assert!(Vertical { sizes: vec![1.0], ..spec(0) }.problem().is_some());
        assert!(Vertical { sizes: vec![2.0, 1.0], ..spec(0) }.problem().is_some());
    }
}
