//! From the values of several replications to an estimate with its 95 % interval.
//!
//! Replications are independent, requests inside one are not; so every interval rests on the spread between replications
//! (Law, Simulation Modeling and Analysis, 9.4). What can go wrong: with one replication there is no interval; a quantile
//! with fewer than ten observations beyond it is not stated.

use crate::measure::histogram::Compact;
use crate::report::{Estimate, Latency};
use crate::theory::estimate::{mean_interval, wilson};

/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;
/// Below so many events (or non-events) a share's interval allows for the chance of the events themselves.
const RARE: u64 = 30;

/// The mean of one value a replication, by Student's t. `None` without values.
pub fn mean(values: &[f64]) -> Option<Estimate> {
    let replications = values.len() as u32;
    match values {
        [] => None,
        [only] => Some(Estimate { mean: *only, half_width: None, low: None, high: None, replications }),
        _ => {
            let interval = mean_interval(values, CONFIDENCE);
            Some(between(
                interval.mean,
                interval.mean - interval.half_width,
                interval.mean + interval.half_width,
                replications,
            ))
        }
    }
}

/// A share of requests: one value a replication, and `hits` of `n` in all.
///
/// Where events (or their opposites) are rare, replications may agree by chance, most of all on zero; the interval then
/// also covers Wilson's of the pooled counts, whose upper end for no event in `n` is 3.84 / n.
pub fn share(values: &[f64], hits: u64, n: u64) -> Option<Estimate> {
    let mut estimate = mean(values)?;
    let (Some(low), Some(high)) = (estimate.low, estimate.high) else { return Some(estimate) };
    let (mut low, mut high) = (low.max(0.0), high.min(1.0));
    if hits.min(n - hits) < RARE && 0 < n {
        let (least, most) = wilson(hits as f64, n as f64, CONFIDENCE);
        low = low.min(least);
        high = high.max(most);
    }
    estimate = between(estimate.mean, low, high, estimate.replications);
    Some(estimate)
}

/// A quantile over all replications, one histogram each.
///
/// The value is that of the merged histogram. The interval is that of Student's t for the logarithms of the
/// replications' own quantiles, laid around the value: a tail quantile of correlated latencies is skewed to the right, and
/// on M/M/1 and M/M/8 this covers better than a symmetric interval or a jackknife of the same width.
pub fn quantile(times: &[Compact], q: f64) -> Option<Estimate> {
    let merged = merge(times);
    quantile_of(&merged, times, q)
}

fn quantile_of(merged: &Compact, times: &[Compact], q: f64) -> Option<Estimate> {
    let value = merged.quantile(q)?;
    let own: Vec<f64> = times.iter().filter_map(|times| times.quantile_raw(q)).collect();
    let replications = own.len() as u32;
    if own.len() < 2 {
        return Some(Estimate { mean: value, half_width: None, low: None, high: None, replications });
    }
    if own.iter().any(|own| *own <= 0.0) || value <= 0.0 {
        let half_width = mean_interval(&own, CONFIDENCE).half_width;
        return Some(between(value, (value - half_width).max(0.0), value + half_width, replications));
    }
    let logs: Vec<f64> = own.iter().map(|own| libm::log(*own)).collect();
    let factor = libm::exp(mean_interval(&logs, CONFIDENCE).half_width);
    Some(between(value, value / factor, value * factor, replications))
}

/// The summary of latencies (or waits) of all replications, one histogram each. The mean is that of the replications' own
/// means.
pub fn latency(times: &[Compact]) -> Latency {
    let merged = merge(times);
    let means: Vec<f64> = times.iter().filter_map(Compact::mean).collect();
    let at = |q| quantile_of(&merged, times, q);
    Latency {
        count: merged.count(),
        mean: mean(&means),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: merged.max(),
    }
}

/// All histograms as one.
pub fn merge(times: &[Compact]) -> Compact {
    let mut merged = Compact::default();
    for times in times {
        merged.merge(times);
    }
    merged
}

/// The middle of some values; of an even number the lower one.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// The `q`-quantile of some values by the nearest rank.
pub fn nearest_rank(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

fn between(mean: f64, low: f64, high: f64, replications: u32) -> Estimate {
    Estimate { mean, half_width: Some((high - low) / 2.0), low: Some(low), high: Some(high), replications }
}
