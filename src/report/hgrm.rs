//! The latency distribution in the percentile format of `HdrHistogram`, which its public plotter and others read.
//!
//! Values are milliseconds; a line stands for each bucket at which the percentile moves on: five steps on the way to each
//! halving of the distance to 100 %, as `outputPercentileDistribution(out, 5, 1e6)` prints them.

use std::fmt::Write as _;

use crate::measure::histogram::Compact;

/// Steps between a percentile and the one half as far from 100 %.
const STEPS: f64 = 5.0;

/// The table of percentiles of the merged latencies of all outcomes.
pub fn render(times: &Compact) -> String {
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let total = times.count();
    let max_ms = times.max().unwrap_or(0.0) * 1e3;
    let (mut below, mut next) = (0, 0.0);
    for (_, upper_s, count) in times.buckets() {
        below += u64::from(count);
        let reached = below as f64 / total as f64;
        if next <= reached && below < total {
            let value_ms = (upper_s * 1e3).min(max_ms);
            line(&mut text, value_ms, reached, below);
        }
        while next <= reached && below < total {
            next += step(next);
        }
    }
    if 0 < total {
        writeln!(text, "{max_ms:12.3} {:2.12} {total:10}", 1.0).expect("a string takes all");
    }
    let (mean, deviation) = moments(times);
    writeln!(text, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]").expect("a string takes all");
    writeln!(text, "#[Max     = {max_ms:12.3}, Total count    = {total:12}]").expect("a string takes all");
    writeln!(text, "#[Buckets = {:12}, SubBuckets     = {:12}]", times.buckets().count(), 1)
        .expect("a string takes all");
    text
}

fn line(text: &mut String, value_ms: f64, percentile: f64, below: u64) {
    let odds = 1.0 / (1.0 - percentile);
    writeln!(text, "{value_ms:12.3} {percentile:2.12} {below:10} {odds:14.2}").expect("a string takes all");
}

/// The distance to the next percentile: a fifth of the way to the next halving of what is left.
fn step(percentile: f64) -> f64 {
    let mut left = 1.0;
    while 1.0 - percentile <= left / 2.0 && 1e-12 < left {
        left /= 2.0;
    }
    left / 2.0 / STEPS
}

/// Mean and standard deviation in milliseconds, the latter from the middles of the buckets.
fn moments(times: &Compact) -> (f64, f64) {
    let Some(mean) = times.mean() else { return (0.0, 0.0) };
    let square = |(lower, upper, count): (f64, f64, u32)| {
        let gap = f64::midpoint(lower, upper) - mean;
        gap * gap * f64::from(count)
    };
    let variance = times.buckets().map(square).sum::<f64>() / times.count() as f64;
    (mean * 1e3, variance.sqrt() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::histogram::Histogram;

    #[test]
    fn percentiles_rise_to_one_and_counts_to_all() {
        let mut histogram = Histogram::new();
        (1..=10_000).for_each(|n| histogram.add(n * 10_000));
        let text = render(&histogram.compact());
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().expect("a number")).collect())
            .collect();
        assert!(
            rows.windows(2)
                .all(|pair| pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1] && pair[0][2] <= pair[1][2])
        );
        let last = rows.last().expect("there are rows");
        assert_eq!((last[1], last[2]), (1.0, 10_000.0));
        let p99 = rows.iter().find(|row| 0.99 <= row[1]).expect("the tail is there")[0];
        assert!((p99 - 99.0).abs() < 1.5, "{p99}");
        assert!((20..200).contains(&rows.len()), "{}", rows.len());
    }

    #[test]
    fn nothing_is_no_rows() {
        assert_eq!(render(&Compact::default()).lines().filter(|line| !line.starts_with('#')).count(), 2);
    }
}
