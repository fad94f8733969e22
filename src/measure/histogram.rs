//! Observations of a time, kept as counts in log-linear buckets.
//!
//! 512 buckets an octave from about 1 us to 39 hours, so a quantile read in the middle of its bucket is off by at most
//! 0.1 %. The index is the upper bits of the observation converted to a float: no logarithm, no branch. Counts, sum and
//! maximum are exact; histograms of the same kind add and subtract exactly.

/// Bits of the mantissa that tell buckets apart.
const BITS: u32 = 9;
/// Observations below 2^10 ns share the first bucket.
const LOW: u64 = 10;
const BASE: usize = ((1023 + LOW) << BITS) as usize;
const LEN: usize = (47 - LOW as usize) << BITS;
/// A quantile with fewer observations beyond it is not stated.
pub const LEAST_BEYOND: f64 = 10.0;

/// Counts by bucket; adding is a conversion, a shift and three sums.
#[derive(Clone)]
pub struct Histogram {
    counts: Box<[u32; LEN]>,
    sum: u64,
    max: u64,
}

/// A histogram's non-empty stretch: what snapshots and records keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compact {
    /// Bucket of the first count.
    pub first: u32,
    pub counts: Vec<u32>,
    pub count: u64,
    /// ns, wrapping.
    pub sum: u64,
    /// Largest observation since time 0, ns.
    pub max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram::new()
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Histogram({} observations, sum {} ns)", self.count(), self.sum)
    }
}

impl Histogram {
    /// No observations.
    pub fn new() -> Histogram {
        let counts = vec![0; LEN].into_boxed_slice().try_into().expect("the length is the type's");
        Histogram { counts, sum: 0, max: 0 }
    }

    /// One more observation of so many ns.
    #[inline(always)]
    pub fn add(&mut self, ns: u64) {
        self.counts[index(ns)] += 1;
        self.sum = self.sum.wrapping_add(ns);
        self.max = self.max.max(ns);
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|&c| u64::from(c)).sum()
    }

    /// Sum of the observations, ns (wrapping).
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The non-empty stretch.
    pub fn compact(&self) -> Compact {
        let first = self.counts.iter().position(|&c| c > 0).unwrap_or(0);
        let end = self.counts.iter().rposition(|&c| c > 0).map_or(0, |i| i + 1);
        let counts = self.counts[first..end.max(first)].to_vec();
        let count = counts.iter().map(|&c| u64::from(c)).sum();
        Compact { first: first as u32, counts, count, sum: self.sum, max: self.max }
    }
}

impl Compact {
    /// Count of one bucket.
    fn at(&self, bucket: u32) -> u32 {
        let i = bucket.wrapping_sub(self.first) as usize;
        self.counts.get(i).copied().unwrap_or(0)
    }

    /// What was observed after `earlier`, a snapshot of the same histogram.
    pub fn minus(&self, earlier: &Compact) -> Compact {
        let counts = (0..self.counts.len() as u32).map(|i| self.counts[i as usize] - earlier.at(self.first + i)).collect();
        let (count, sum) = (self.count - earlier.count, self.sum.wrapping_sub(earlier.sum));
        Compact { first: self.first, counts, count, sum, max: self.max }.trimmed()
    }

    /// Adds another's observations.
    pub fn merge(&mut self, other: &Compact) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.first = other.first;
            self.counts.clear();
        }
        let end = (self.first + self.counts.len() as u32).max(other.first + other.counts.len() as u32);
        let first = self.first.min(other.first);
        let counts = (first..end).map(|b| self.at(b) + other.at(b)).collect();
        self.counts = counts;
        self.first = first;
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
        self.max = self.max.max(other.max);
    }

    fn trimmed(mut self) -> Compact {
        let lead = self.counts.iter().position(|&c| c > 0).unwrap_or(self.counts.len());
        self.counts.drain(..lead);
        self.first += lead as u32;
        while self.counts.last() == Some(&0) {
            self.counts.pop();
        }
        if self.counts.is_empty() {
            self.first = 0;
        }
        self
    }

    /// Mean in seconds, if there are any.
    pub fn mean(&self) -> Option<f64> {
        (0 < self.count).then(|| self.sum as f64 / self.count as f64 * 1e-9)
    }

    /// Largest observation in seconds; of a difference of snapshots at least the upper end of its last bucket is not passed.
    pub fn max_s(&self) -> Option<f64> {
        let last = (self.first as usize + self.counts.len()).checked_sub(1)?;
        (0 < self.count).then(|| (self.max as f64).min(edge(last + 1)) * 1e-9)
    }

    /// Quantile in seconds, interpolated inside its bucket; `None` when fewer than ten observations lie beyond it.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let beyond = self.count as f64 * (1.0 - q);
        if beyond < LEAST_BEYOND - 1e-6 { None } else { self.quantile_raw(q) }
    }

    /// The same however few there are; `None` only without any.
    pub fn quantile_raw(&self, q: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let target = q * self.count as f64;
        let mut below = 0.0;
        for (i, &c) in self.counts.iter().enumerate() {
            if c > 0 && target <= below + f64::from(c) {
                let (low, high) = (edge(self.first as usize + i), edge(self.first as usize + i + 1));
                let inside = ((target - below) / f64::from(c)).clamp(0.0, 1.0);
                // Bucket 0 holds the zeros of those who did not wait: it has no inside.
                let value = if self.first as usize + i == 0 { 0.0 } else { low + (high - low) * inside };
                return Some(value.min(self.max as f64) * 1e-9);
            }
            below += f64::from(c);
        }
        self.max_s()
    }

    /// Observations above so many seconds, to the bucket.
    pub fn count_above(&self, seconds: f64) -> u64 {
        let from = index((seconds * 1e9) as u64) as u32;
        let skip = (from + 1).saturating_sub(self.first) as usize;
        self.counts.iter().skip(skip).map(|&c| u64::from(c)).sum()
    }

    /// (upper edge of the bucket in seconds, count), for those that are not empty.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u32)> + '_ {
        let first = self.first as usize;
        self.counts.iter().enumerate().filter(|(_, c)| **c > 0).map(move |(i, &c)| (edge(first + i + 1) * 1e-9, c))
    }
}

#[inline(always)]
fn index(ns: u64) -> usize {
    let i = ((ns as i64 as f64).to_bits() >> (52 - BITS)) as usize;
    i.saturating_sub(BASE).min(LEN - 1)
}

/// Lower edge of a bucket, ns.
fn edge(bucket: usize) -> f64 {
    if bucket == 0 { 0.0 } else { f64::from_bits(((bucket + BASE) as u64) << (52 - BITS)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Compact {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|v| histogram.add(v));
        histogram.compact()
    }

    #[test]
    fn case_s_hdr_raw() {
        let h = of(std::iter::repeat_n(1_000_000, 10_000).chain([100_000_000_000]));
        assert_eq!(h.count, 10_001);
        assert!((h.mean().expect("not empty") - 10998.9e-6).abs() < 1e-9);
        for (q, us) in [(0.3, 1000.0), (0.99, 1000.0), (0.9999, 1000.0), (0.99999, 1e8), (1.0, 1e8)] {
            let got = h.quantile_raw(q).expect("not empty") * 1e6;
            assert!((got / us - 1.0).abs() < 2e-3, "q {q}: {got} us");
        }
    }

    #[test]
    fn quantiles_are_within_a_bucket_of_the_sorted_values() {
        let values: Vec<u64> = (0..50_000u64).map(|n| 1_000 + crate::random::mix(n) % 1_000_000_000).collect();
        let h = of(values.iter().copied());
        let mut sorted = values;
        sorted.sort_unstable();
        for q in [0.01, 0.5, 0.9, 0.99, 0.999] {
            let exact = sorted[(q * 50_000.0) as usize - 1] as f64 * 1e-9;
            assert!((h.quantile_raw(q).expect("not empty") / exact - 1.0).abs() < 0.003, "q {q}");
        }
    }

    #[test]
    fn a_quantile_needs_ten_beyond_it() {
        let h = of((1..=1000).map(|n| n * 1_000_000));
        assert!(h.quantile(0.99).is_some() && h.quantile(0.9901).is_none());
    }

    #[test]
    fn differences_and_sums_are_exact() {
        let mut histogram = Histogram::new();
        (0..100).for_each(|n| histogram.add(n * 10_000));
        let early = histogram.compact();
        (100..300).for_each(|n| histogram.add(n * 10_000));
        let late = histogram.compact().minus(&early);
        assert_eq!(late.count, 200);
        assert_eq!(late.sum, (100..300).map(|n| n * 10_000).sum::<u64>());
        let mut whole = early;
        whole.merge(&late);
        assert_eq!(whole, histogram.compact());
    }

    #[test]
    fn zeros_stay_zero() {
        let h = of([0, 0, 0, 5_000_000]);
        assert_eq!(h.quantile_raw(0.5), Some(0.0));
    }
}
