//! Where measuring begins: the end of warm-up, found by MSER-5 (White, Cobb and Spratt 2000).
//!
//! The series is that of the median replication, window by window (Welch, who takes the mean: the median keeps a burst in one
//! replication from choosing the cut, which would bias the tail), in batches of five windows. The cut is the first within a
//! few per cent of the least estimated error of the mean of what is left. It is found for the mean latency and for the
//! requests in flight, and the later one counts: the tail of a distribution warms up after its mean does. One cut serves
//! all replications, so that they stay comparable. What can go wrong: a system that never settles puts the minimum at the end of the allowed half; the
//! judgement of that belongs to `stability`.

use crate::model;
use crate::record::{Mark, Record, Snapshot};

/// How many windows make a batch.
const BATCH: usize = 5;
/// Fewer batches than this are no series.
const FEWEST: usize = 8;
/// An earlier cut is preferred if its squared error is within this share of the least.
const TOLERANCE: f64 = 0.05;

/// The end of warm-up, the same snapshot in every replication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmup {
    /// The n-th snapshot marked as a cut; `None` is time 0.
    pub cut: Option<usize>,
    /// `mser5`, `given` or `none`.
    pub rule: &'static str,
}

impl Warmup {
    /// Where measuring begins in a replication: the cut, or time 0 if the run ended before it.
    pub fn start<'r>(&self, record: &'r Record) -> &'r Snapshot {
        let first = record.snapshots.first().expect("time 0 is always there");
        self.cut.and_then(|cut| cuts(record).nth(cut)).unwrap_or(first)
    }
}

/// Finds it, or takes what the author gave.
pub fn find(run: &model::Run, records: &[Record]) -> Warmup {
    let Some(first) = records.first() else { return Warmup { cut: None, rule: "none" } };
    match run.warmup {
        Some(given) if given.0 == 0 => Warmup { cut: None, rule: "none" },
        Some(given) => Warmup { cut: cuts(first).position(|cut| given.0 <= cut.tallies.at.0), rule: "given" },
        None => Warmup { cut: settled(run, records), rule: "mser5" },
    }
}

fn cuts(record: &Record) -> impl Iterator<Item = &Snapshot> {
    record.snapshots.iter().filter(|snapshot| snapshot.mark == Mark::Cut)
}

/// The first cut at or after the end of warm-up, but not beyond the first change.
fn settled(run: &model::Run, records: &[Record]) -> Option<usize> {
    let window = records[0].series.window.0;
    if window == 0 {
        return None;
    }
    let change = run.first_change.map_or(u64::MAX, |change| change.0);
    let whole = records.iter().map(|record| record.series.ok.len()).min().unwrap_or(0);
    let windows = whole.min((change / window) as usize);
    let latest = mser(&mean_latency(records, windows)).max(mser(&in_flight(records, windows)));
    if latest == 0 {
        return None;
    }
    let (from, limit) = (latest as u64 * window, change.min(windows as u64 * window));
    let at = |snapshot: &Snapshot| snapshot.tallies.at.0;
    let after = cuts(&records[0]).position(|cut| from <= at(cut) && at(cut) < limit);
    after.or_else(|| cuts(&records[0]).take_while(|cut| at(cut) < limit).count().checked_sub(1))
}

/// Mean latency of each window in the median replication, the window before where nothing finished.
fn mean_latency(records: &[Record], windows: usize) -> Vec<f64> {
    let mut last = 0.0;
    let of_window = |window: usize| {
        let mean = |record: &Record| {
            let count = u64::from(record.series.ok[window]) + u64::from(record.series.failed[window]);
            (0 < count).then(|| record.series.latency_sum_ns[window] as f64 / count as f64)
        };
        last = middle(records.iter().filter_map(mean).collect()).unwrap_or(last);
        last
    };
    (0..windows).map(of_window).collect()
}

fn in_flight(records: &[Record], windows: usize) -> Vec<f64> {
    let of_window = |window| middle(records.iter().map(|record| f64::from(record.series.in_flight[window])).collect());
    (0..windows).filter_map(of_window).collect()
}

/// The median; of an even number of values the mean of the two in the middle.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = values.get(half)?;
    Some(if values.len() % 2 == 1 { *upper } else { f64::midpoint(values[half - 1], *upper) })
}

/// How many values to cut: whole batches, at most half of them, so that the squared standard error of the mean of the rest
/// is least, or nearly so.
fn mser(series: &[f64]) -> usize {
    let batch = if BATCH * FEWEST <= series.len() { BATCH } else { 1 };
    let means: Vec<f64> = series.chunks_exact(batch).map(|chunk| chunk.iter().sum::<f64>() / batch as f64).collect();
    if means.len() < FEWEST {
        return 0;
    }
    let mut errors = vec![0.0; means.len()];
    let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
    let shift = means[means.len() - 1];
    for (index, value) in means.iter().enumerate().rev() {
        let value = value - shift;
        sum += value;
        squares += value * value;
        n += 1.0;
        errors[index] = (squares - sum * sum / n).max(0.0) / (n * n);
    }
    let allowed = &errors[..=means.len() / 2];
    let least = allowed.iter().copied().fold(f64::INFINITY, f64::min);
    let first = allowed.iter().position(|error| *error <= least * (1.0 + TOLERANCE));
    first.unwrap_or(0) * batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn noise(n: usize) -> Vec<f64> {
        (0..n as u64).map(|index| Stream { key: 0x9e37_79b9_7f4a_7c15 }.uniform(index) - 0.5).collect()
    }

    #[test]
    fn a_ramp_is_cut_where_it_ends() {
        let series: Vec<f64> = noise(1000).iter().enumerate().map(|(i, e)| (i.min(200) as f64) / 20.0 + e).collect();
        let cut = mser(&series);
        assert!((170..=230).contains(&cut), "{cut}");
    }

    #[test]
    fn an_exponential_approach_is_cut_after_a_few_time_constants() {
        let approach = |i: usize| 10.0 * (1.0 - libm::exp(-(i as f64) / 50.0));
        let series: Vec<f64> = noise(2000).iter().enumerate().map(|(i, e)| approach(i) + e).collect();
        let cut = mser(&series);
        assert!((100..=400).contains(&cut), "{cut}");
    }

    #[test]
    fn what_is_settled_from_the_start_is_hardly_cut() {
        assert!(mser(&noise(1000)) <= 100);
        assert_eq!(mser(&[1.0; 500]), 0);
    }

    #[test]
    fn at_most_half_is_cut_and_short_series_are_left_alone() {
        let growth: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!(mser(&growth) <= 500);
        assert_eq!(mser(&[5.0, 1.0, 1.0]), 0);
    }
}
