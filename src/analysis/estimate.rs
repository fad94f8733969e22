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
/// How much longer the upper part of a tail quantile's interval is.
const SKEW: f64 = 1.15;
/// Below so many events (or non-events) a share's interval allows for the chance of the events themselves.
const RARE: u64 = 30;

/// The mean of one value a replication, by Student's t. `None` without values. What is measured is never less than
/// nothing, so the interval ends there, too.
pub fn mean(values: &[f64]) -> Option<Estimate> {
    let mut estimate = difference(values)?;
    if values.iter().all(|value| 0.0 <= *value) {
        estimate.low = estimate.low.map(|low| low.max(0.0));
    }
    Some(estimate)
}

/// The same of what may be negative: a measure less its limit.
pub fn difference(values: &[f64]) -> Option<Estimate> {
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
/// The value is that of the merged histogram. The interval is that of Student's t for the logarithms of the replications'
/// own quantiles, laid around the value. A tail quantile of correlated latencies is skewed to the right, so runs without a
/// burst agree on too low a value; the upper part is therefore a little longer (as Hall 1992 corrects t for skewness, with
/// a factor found on M/M/1 at 0.7 and M/M/8 at 0.8 instead of a skewness that five values cannot tell). There it covers
/// 94 to 97 %, where the symmetric interval and the jackknife cover 90 to 95 %.
pub fn quantile(times: &[Compact], q: f64) -> Option<Estimate> {
    let merged = merge(times);
    quantile_of(&merged, times, q)
}

pub(super) fn quantile_of(merged: &Compact, times: &[Compact], q: f64) -> Option<Estimate> {
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
    let half_width = mean_interval(&logs, CONFIDENCE).half_width;
    let skew = if 0.5 < q { SKEW } else { 1.0 };
    let (low, high) = (value * libm::exp(-half_width), value * libm::exp(skew * half_width));
    Some(between(value, low, high, replications))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::histogram::Histogram;

    /// Case `s-ci`.
    #[test]
    fn ten_batch_means_have_their_interval() {
        let estimate = mean(&[5.1, 4.9, 5.6, 5.8, 6.0, 4.7, 5.3, 5.5, 5.2, 5.9]).expect("there are values");
        assert!((estimate.mean - 5.4).abs() < 1e-9);
        assert!((estimate.half_width.expect("there are ten") - 0.31090376).abs() < 1e-6);
        assert_eq!(mean(&[1.0]).map(|one| (one.mean, one.half_width, one.replications)), Some((1.0, None, 1)));
        assert_eq!(mean(&[]), None);
    }

    /// Three worst latencies of which one is far off: the interval would reach below zero.
    #[test]
    fn no_time_is_less_than_nothing_but_a_difference_may_be() {
        let values = [0.2, 0.3, 4.0];
        let (measured, free) = (mean(&values).expect("three"), difference(&values).expect("three"));
        assert_eq!((measured.low, measured.high, measured.mean), (Some(0.0), free.high, free.mean));
        assert!(free.low < Some(-3.0), "{free:?}");
    }

    #[test]
    fn no_event_in_n_is_not_a_share_of_zero() {
        let estimate = share(&[0.0; 5], 0, 10_000).expect("there are values");
        assert_eq!((estimate.mean, estimate.low), (0.0, Some(0.0)));
        let high = estimate.high.expect("there are five");
        assert!((high - 3.8415 / 10_003.84).abs() < 1e-6, "{high}");
        // One event in each replication agrees by chance.
        let estimate = share(&[0.001; 5], 5, 5_000).expect("there are values");
        assert!(estimate.low < Some(0.0006) && Some(0.0018) < estimate.high, "{estimate:?}");
        let many = share(&[0.5, 0.51, 0.49, 0.5, 0.5], 5_000, 10_000).expect("there are values");
        assert!((many.half_width.expect("there are five") - 2.776 * 0.00316).abs() < 1e-4);
    }

    fn times(values: impl Iterator<Item = u64>) -> Compact {
        let mut histogram = Histogram::new();
        values.for_each(|ms| histogram.add(ms * 1_000_000));
        histogram.compact()
    }

    #[test]
    fn a_quantile_is_the_merged_one_inside_an_interval_that_leans_to_the_right() {
        let own: Vec<Compact> = [900, 1000, 1100, 1000, 1050].into_iter().map(|top| times(1..=top)).collect();
        let p90 = quantile(&own, 0.9).expect("there are enough");
        let (low, high) = (p90.low.expect("there are five"), p90.high.expect("there are five"));
        assert!(low < p90.mean && p90.mean < high && p90.mean - low < high - p90.mean);
        assert!((p90.mean - merge(&own).quantile(0.9).expect("there are enough")).abs() < 1e-12);
        assert!((0.85..0.95).contains(&p90.mean) && (high - low) < 0.3, "{p90:?}");
    }

    #[test]
    fn a_quantile_without_ten_beyond_it_is_not_stated() {
        let own = vec![times(1..=400), times(1..=400)];
        assert!(quantile(&own, 0.98).is_some() && quantile(&own, 0.99).is_none());
        let latency = latency(&own);
        assert_eq!((latency.count, latency.p99, latency.p999), (800, None, None));
        assert!(latency.p95.is_some() && latency.max == Some(0.4));
    }

    #[test]
    fn zeros_have_an_interval_too() {
        let own: Vec<Compact> =
            (0..5).map(|n| times((0..1000).map(move |i| if i < 900 + n { 0 } else { 5 }))).collect();
        let p50 = quantile(&own, 0.5).expect("there are enough");
        assert!((0.0..1e-6).contains(&p50.mean) && p50.low <= Some(p50.mean) && Some(p50.mean) <= p50.high, "{p50:?}");
    }

    #[test]
    fn ranks_are_the_nearest() {
        let data = [15.0, 20.0, 35.0, 40.0, 50.0];
        let expected = [(0.05, 15.0), (0.3, 20.0), (0.4, 20.0), (0.5, 35.0), (1.0, 50.0)];
        assert!(expected.iter().all(|(q, value)| nearest_rank(&data, *q) == Some(*value)));
        assert_eq!((median(&data), median(&data[..4]), median(&[])), (Some(35.0), Some(20.0), None));
    }
}
