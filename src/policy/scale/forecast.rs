//! `predict: {of: arrivals, target: 250/s, history: 14d, ahead: 15m}`: what the past days say about the next minutes.
//!
//! The past is a row of values, 5 minutes apart. It is taken apart as a line through the means of its seasons (days, or
//! weeks where there are two of them at least) and a factor for each time of the season, the mean over all seasons of
//! value over line (classical multiplicative decomposition). What comes is line times factor, corrected by what is
//! measured now over what the curves of the loads say for now: a component that gets two calls for each request has twice
//! the arrivals. What the past has not seen (a spike, a fault) is not foreseen; that is the point of measuring it.

use std::collections::VecDeque;

use crate::policy::scale::{View, Why};
use crate::units::Time;

/// Seconds between two values of the past.
pub const SLOT_S: f64 = 300.0;
const DAY_S: f64 = 86_400.0;

/// How the autoscaler is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// What each instance can do of what is forecast.
    pub target: f64,
    pub history_s: f64,
    /// How far it looks ahead.
    pub ahead_s: f64,
}

impl Forecast {
    /// Seconds after which the past repeats itself.
    pub fn season_s(&self) -> f64 {
        if 14.0 * DAY_S <= self.history_s { 7.0 * DAY_S } else { DAY_S }
    }

    /// Values that the past consists of: whole seasons.
    pub fn slots(&self) -> usize {
        let season = (self.season_s() / SLOT_S) as usize;
        season * ((self.history_s / self.season_s()) as usize).max(1)
    }
}

/// The fit, and how good its forecasts were.
#[derive(Clone, Debug)]
pub struct Forecaster {
    /// Value of the line at the start of the run, and its slope per slot.
    level: f64,
    slope: f64,
    factors: Vec<f64>,
    /// Forecasts that are still to come true: due, value.
    open: VecDeque<(Time, f64)>,
    /// Sum of |forecast - measured| / measured, and of how many.
    error: f64,
    judged: u64,
}

impl Forecaster {
    pub fn new(spec: &Forecast, past: &[f64]) -> Forecaster {
        let season = (spec.season_s() / SLOT_S) as usize;
        let (level, slope) = line(past, season);
        let fitted = |slot: usize| level + slope * (slot as f64 - past.len() as f64);
        let factor = |at: usize| {
            let ratios = (at..past.len()).step_by(season).map(|slot| past[slot] / fitted(slot).max(1e-12));
            let (sum, count) = ratios.fold((0.0, 0.0), |(sum, count), ratio| (sum + ratio, count + 1.0));
            if 0.0 < count { sum / count } else { 1.0 }
        };
        Forecaster {
            level,
            slope,
            factors: (0..season).map(factor).collect(),
            open: VecDeque::new(),
            error: 0.0,
            judged: 0,
        }
    }

    /// The value at so many seconds of the run, between the middles of two slots.
    pub fn at(&self, seconds: f64) -> f64 {
        let slot = seconds / SLOT_S - 0.5;
        let below = libm::floor(slot);
        let of = |slot: f64| {
            let factor = self.factors[(slot.rem_euclid(self.factors.len() as f64)) as usize];
            ((self.level + self.slope * slot) * factor).max(0.0)
        };
        of(below) + (of(below + 1.0) - of(below)) * (slot - below)
    }

    /// Sum of the errors of the forecasts that could be judged, each as a share of what came, and how many these are.
    pub fn errors(&self) -> (f64, u64) {
        (self.error, self.judged)
    }

    /// As many as the largest value between now and then needs. `values`: what is measured now.
    pub fn recommend(&mut self, spec: &Forecast, view: &View) -> Option<(u32, Why)> {
        let now_s = view.now.secs();
        let measured = view.values.first().copied().unwrap_or(f64::NAN);
        self.judge(view.now, measured);
        if !view.ratio.is_finite() {
            return None;
        }
        let steps = (spec.ahead_s / (SLOT_S / 5.0)).ceil().max(1.0) as u32;
        let ahead = (0..=steps).map(|step| self.at(now_s + spec.ahead_s * f64::from(step) / f64::from(steps)));
        let most = ahead.fold(0.0, f64::max) * view.ratio;
        let due = Time(view.now.0 + crate::units::Span::from_secs_f64(spec.ahead_s).0);
        self.open.push_back((due, self.at(now_s + spec.ahead_s) * view.ratio));
        let wanted = libm::ceil(most / spec.target).min(f64::from(u32::MAX)) as u32;
        Some((wanted, Why::new(0, most, spec.target)))
    }

    /// Forecasts whose time has come are held against what is measured.
    fn judge(&mut self, now: Time, measured: f64) {
        while let Some((due, value)) = self.open.front().copied().filter(|(due, _)| *due <= now) {
            self.open.pop_front();
            let is_now = now.secs() - due.secs() < SLOT_S;
            if is_now && 0.0 < measured {
                self.error += (value - measured).abs() / measured;
                self.judged += 1;
            }
        }
    }
}

/// Value at the end of the past, and slope per slot, of the line through the means of its seasons (least squares).
fn line(past: &[f64], season: usize) -> (f64, f64) {
    let means: Vec<f64> = past.chunks_exact(season).map(|slots| slots.iter().sum::<f64>() / season as f64).collect();
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n.max(1.0);
    // The middle of each season, in slots before the end of the past.
    let middle = |number: usize| (number as f64 + 0.5) * season as f64 - past.len() as f64;
    let centre = (0..means.len()).map(middle).sum::<f64>() / n.max(1.0);
    let spread: f64 = (0..means.len()).map(|number| (middle(number) - centre) * (middle(number) - centre)).sum();
    let common: f64 = means.iter().enumerate().map(|(number, at)| (middle(number) - centre) * (at - mean)).sum();
    let slope = if 0.0 < spread { common / spread } else { 0.0 };
    (mean - slope * centre, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(days: f64) -> Forecast {
        Forecast { target: 100.0, history_s: days * DAY_S, ahead_s: 900.0 }
    }

    /// A day that swings between 0.2 and 1.8 of its mean, on a line.
    fn curve(seconds: f64, slope_per_day: f64) -> f64 {
        let phase = (seconds / DAY_S).rem_euclid(1.0);
        let factor = 1.0 + 0.8 * (1.0 - 4.0 * (phase - 0.5).abs());
        (1000.0 + slope_per_day * seconds / DAY_S) * factor
    }

    fn past(spec: &Forecast, slope: f64) -> Vec<f64> {
        let slots = spec.slots();
        (0..slots).map(|slot| curve((slot as f64 + 0.5 - slots as f64) * SLOT_S, slope)).collect()
    }

    #[test]
    fn a_line_with_seasons_is_continued() {
        for (days, slope) in [(7.0, 0.0), (7.0, 20.0), (14.0, -10.0), (1.0, 0.0)] {
            let spec = spec(days);
            let fit = Forecaster::new(&spec, &past(&spec, slope));
            for hour in [0.5, 6.0, 12.0, 18.0, 23.5] {
                let (got, truth) = (fit.at(hour * 3600.0), curve(hour * 3600.0, slope));
                assert!(
                    (got / truth - 1.0).abs() < 0.01,
                    "{days} days, {slope} a day, at {hour} h: {got}, not {truth}"
                );
            }
        }
    }

    #[test]
    fn it_orders_for_what_comes_and_knows_how_wrong_it_was() {
        let spec = spec(7.0);
        let mut fit = Forecaster::new(&spec, &past(&spec, 0.0));
        let mut orders = Vec::new();
        for quarter in 0..96 {
            let seconds = 900.0 * f64::from(quarter);
            let (now, values) = (Time(seconds as u64 * 1_000_000_000), [1.1 * curve(seconds, 0.0)]);
            let view = View { now, clock_s: seconds, current: 1, ready: 1, values: &values, pods: &[], ratio: 1.0 };
            let (wanted, _) = fit.recommend(&spec, &view).expect("it sees something");
            let needed = (curve(seconds + 900.0, 0.0).max(curve(seconds, 0.0)) / 100.0).ceil() as u32;
            assert!(wanted.abs_diff(needed) <= 1, "at {seconds} s: {wanted}, needed {needed}");
            orders.push(wanted);
        }
        assert!(orders.iter().max() > Some(&15) && orders.iter().min() < Some(&5));
        let (sum, count) = fit.errors();
        let error = sum / count as f64;
        assert!((error - (1.0 - 1.0 / 1.1)).abs() < 0.02, "a tenth more came than was foreseen: {error}");
    }
}
