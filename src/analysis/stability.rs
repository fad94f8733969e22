//! Does a queue grow without bound? Then there is no steady state, and no mean or quantile of one may be stated.
//!
//! Looked at is the number of requests in flight over the second half of the measured time. Where the system keeps up, its
//! ups and downs cancel; where it falls behind, it gains in every part of that half and by a share of the offered load. A
//! slow but stable queue (M/M/1 at 0.95) wanders far, yet neither steadily nor in all replications. What can go wrong: a
//! run too short to tell growth from wandering counts as stable.

use crate::analysis::study::{Study, total};
use crate::model::Scope;
use crate::probe::{Between, Counts};
use crate::record::{Record, Stopped};

/// Parts into which the second half is cut.
const PARTS: usize = 8;
/// Growth below this share of the offered load is not called growth.
const LEAST_SHARE: f64 = 0.002;
/// Standard errors by which the mean step from part to part must exceed zero, in one replication and in all together.
const ERRORS_ONE: f64 = 3.0;
const ERRORS_ALL: f64 = 4.0;
/// The last part holds at least so many times the requests of the first one.
const LEAST_RATIO: f64 = 1.2;

#[derive(Clone, Debug, PartialEq)]
pub struct Stability {
    pub stable: bool,
    /// Requests in flight gained per second, mean over the replications; 0 where stable.
    pub growth_per_s: f64,
    /// For each replication: whether it alone shows growth.
    pub unstable: Vec<bool>,
}

impl Stability {
    /// Whether requests that were counted so are held up by the growth: more came than went.
    pub fn touches(&self, counts: &[Counts]) -> bool {
        self.backs_up(total(counts, |counts| counts.offered), total(counts, Counts::finished))
    }

    /// Whether more came than went, by more than comes and goes by chance.
    pub fn backs_up(&self, came: u64, went: u64) -> bool {
        !self.stable && 10.0 + 0.5 * LEAST_SHARE * (came as f64) < came.saturating_sub(went) as f64
    }
}

/// Growth in one replication.
struct Growth {
    /// Mean requests in flight in each part.
    parts: Vec<f64>,
    /// Seconds from the middle of the first part to the middle of the last.
    seconds: f64,
    offered_per_s: f64,
    overflowed: bool,
}

/// Judges the run.
pub fn judge(study: &Study) -> Stability {
    let growths: Vec<Growth> = (0..study.records.len()).map(|replication| growth(study, replication)).collect();
    let unstable: Vec<bool> = growths.iter().map(Growth::is_steady).collect();
    let many = unstable.iter().filter(|unstable| **unstable).count();
    let stable = !(growths.len() <= 2 * many && 0 < many || together(&growths));
    let slopes: f64 = growths.iter().map(Growth::per_second).sum();
    let growth_per_s = if stable { 0.0 } else { slopes / growths.len() as f64 * study.model.scale_of(Scope::All) };
    Stability { stable, growth_per_s, unstable }
}

fn growth(study: &Study, replication: usize) -> Growth {
    let record: &Record = &study.records[replication];
    let windows = study.windows(replication);
    let middle = windows.start + windows.len() / 2;
    let half = middle.min(windows.end)..windows.end;
    let in_flight = record.series.in_flight[half.clone()].iter();
    // What was published and is not done is in the system like any request.
    let half = in_flight
        .zip(&record.series.backlog[half])
        .map(|(requests, messages)| f64::from(*requests) + f64::from(*messages));
    let half: Vec<f64> = half.collect();
    let length = half.len() / PARTS;
    let sums = half.chunks_exact(length.max(1)).take(PARTS).map(|part| part.iter().sum::<f64>());
    let stretch: &Between = &study.measured[replication];
    Growth {
        parts: if length == 0 { Vec::new() } else { sums.map(|sum| sum / length as f64).collect() },
        seconds: (PARTS - 1) as f64 * length as f64 * record.series.window.secs(),
        offered_per_s: stretch.counts(Scope::All).offered as f64 / stretch.seconds().max(1e-9),
        overflowed: matches!(record.stopped, Stopped::Memory { .. }),
    }
}

impl Growth {
    fn gained(&self) -> f64 {
        self.parts.last().zip(self.parts.first()).map_or(0.0, |(last, first)| last - first)
    }

    fn per_second(&self) -> f64 {
        if 0.0 < self.seconds { self.gained() / self.seconds } else { 0.0 }
    }

    fn is_large(&self) -> bool {
        let ratio = self.parts.last().zip(self.parts.first()).is_some_and(|(last, first)| first * LEAST_RATIO < *last);
        ratio && LEAST_SHARE * self.offered_per_s < self.per_second() && 5.0 < self.gained()
    }

    fn is_steady(&self) -> bool {
        self.overflowed || self.is_large() && ERRORS_ONE < errors_above_zero(&self.steps())
    }

    fn steps(&self) -> Vec<f64> {
        self.parts.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// Growth that each replication shows, if weakly, and all together clearly.
fn together(growths: &[Growth]) -> bool {
    let steps: Vec<f64> = growths.iter().flat_map(Growth::steps).collect();
    growths.iter().all(Growth::is_large) && ERRORS_ALL < errors_above_zero(&steps)
}

/// The mean over its standard error.
fn errors_above_zero(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = (squares / (n - 1.0) / n).sqrt();
    if error == 0.0 && 0.0 < mean { f64::INFINITY } else { mean / error.max(f64::MIN_POSITIVE) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// Requests in flight of an M/M/1 at the load, sampled each second, from empty; the server does 100 a second.
    fn queue(load: f64, seconds: usize, seed: u64) -> Vec<f64> {
        let stream = Stream { key: crate::random::mix(seed) };
        let exponential = |n: u64| -libm::log(stream.uniform(n));
        let (mut clock, mut draws, mut length, mut samples) = (0.0, 0, 0.0, Vec::new());
        while samples.len() < seconds {
            let rate = 100.0 * load + if 0.0 < length { 100.0 } else { 0.0 };
            clock += exponential(draws) / rate;
            while samples.len() < seconds && (samples.len() as f64) < clock {
                samples.push(length);
            }
            length += if stream.uniform(draws + 1) * rate < 100.0 * load { 1.0 } else { -1.0 };
            draws += 2;
        }
        samples
    }

    fn growth_of(load: f64, seconds: usize, seed: u64) -> Growth {
        let samples = queue(load, seconds, seed);
        let length = seconds / 2 / PARTS;
        let half = &samples[seconds - length * PARTS..];
        let parts = half.chunks(length).map(|part| part.iter().sum::<f64>() / length as f64).collect();
        let seconds = ((PARTS - 1) * length) as f64;
        Growth { parts, seconds, offered_per_s: 100.0 * load, overflowed: false }
    }

    fn called_unstable(load: f64, seconds: usize, seed: u64) -> bool {
        let growths: Vec<Growth> = (0..5).map(|replication| growth_of(load, seconds, seed * 5 + replication)).collect();
        let many = growths.iter().filter(|growth| growth.is_steady()).count();
        3 <= many || together(&growths)
    }

    #[test]
    fn a_slow_queue_is_stable_and_an_overloaded_one_is_not() {
        for seed in 0..20 {
            for (load, seconds) in [(0.7, 60), (0.95, 60), (0.95, 600), (0.98, 600)] {
                assert!(!called_unstable(load, seconds, seed), "load {load}, {seconds} s, seed {seed}");
            }
            for (load, seconds) in [(1.1, 120), (1.05, 600), (1.5, 30)] {
                assert!(called_unstable(load, seconds, seed), "load {load}, {seconds} s, seed {seed}");
            }
        }
    }

    #[test]
    fn the_growth_is_what_the_server_falls_behind_by() {
        let slopes: f64 = (0..10).map(|seed| growth_of(1.2, 600, seed).per_second()).sum();
        assert!((slopes / 10.0 - 20.0).abs() < 1.0, "{slopes}");
    }
}
