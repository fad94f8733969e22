//! When requests come: how gaps are drawn, and what multiplies the rate over time.

use crate::distribution::Distribution;

/// How the gaps between open arrivals are drawn; the mean rate is given beside it and always kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent of each other: exponential gaps.
    ///
    /// ```yaml
    /// arrivals: poisson
    /// ```
    Poisson,
    /// Equal gaps, the first arrival one gap after the start.
    ///
    /// ```yaml
    /// arrivals: constant
    /// ```
    Constant,
    /// Gaps of any distribution, scaled so that their mean fits the rate.
    ///
    /// ```yaml
    /// arrivals: gamma(cv=2)
    /// ```
    Gaps(Distribution),
    /// A Poisson stream that switches between a high and a low rate (a two-state Markov-modulated Poisson process): the
    /// high one is `factor` times the low one, and their mean is the given rate.
    ///
    /// ```yaml
    /// arrivals: bursty(factor=10 on=10s off=90s)
    /// ```
    Bursty {
        /// High rate over low rate.
        factor: f64,
        /// Mean length of a stretch of the high rate, seconds.
        on_s: f64,
        /// Mean length of a stretch of the low rate, seconds.
        off_s: f64,
    },
}

/// What multiplies the mean rate over time: the product of all its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Profile of a day: (seconds since midnight, factor), in order of time, linear between the points and around
    /// midnight, scaled so that the mean of the day is 1. Empty: none.
    pub day: Vec<(f64, f64)>,
    /// Factor of each day, Monday first, scaled so that the mean of the week is 1.
    pub week: Option<[f64; 7]>,
    /// From one factor to another, linear, from the start of the run; afterwards the last one holds.
    pub ramp: Option<Ramp>,
    /// (seconds since the start, factor), in order of time: each holds until the next; 1 before the first.
    pub steps: Vec<(f64, f64)>,
    /// (seconds since the start, factor), in order of time: linear between the points, constant beyond both ends.
    pub points: Vec<(f64, f64)>,
    /// Spikes and surges: added traffic, so the mean rises.
    pub surges: Vec<Surge>,
}

/// `ramp: {from: 10%, to: 500%, over: 30m}`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    pub from: f64,
    pub to: f64,
    /// Seconds.
    pub over_s: f64,
}

/// `spike: {at: 5m, factor: 5, ramp: 10s, hold: 60s}`: up over `ramp`, `factor` times the rate over `hold`, down over `ramp`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surge {
    /// Start of the way up, seconds since the start of the run.
    pub at_s: f64,
    pub factor: f64,
    /// Seconds of the way up, and of the way down; 0 is a jump.
    pub ramp_s: f64,
    /// Seconds at the full factor; infinite: to the end.
    pub hold_s: f64,
    /// The same again so many seconds later, and again.
    pub every_s: Option<f64>,
}
