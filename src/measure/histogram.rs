//! Log-linear histograms of nanoseconds: 128 buckets an octave, so a bucket is 0.4 % to 0.8 % wide, at any size.
//!
//! The bucket is read off the bits of the time converted to floating point: exponent and the first seven bits of the
//! fraction. Sum, least and greatest are exact. A quantile is interpolated inside its bucket, so it is never off by more
//! than the bucket's width, and by far less where values are spread out. Times of 39 hours and more share the last bucket;
//! a bucket counts to 2^32.

/// A histogram in which to count: 24 KB of buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u32; LEN]>,
    /// The sum of all times in ns; exact up to 584 years.
    pub sum: u64,
    min: u64,
    max: u64,
}

/// The same without its empty ends, for keeping many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact {
    /// The bucket the counts begin with.
    first: u32,
    counts: Vec<u32>,
    sum: u64,
    count: u64,
    min: u64,
    max: u64,
}

/// Bits of the fraction that tell buckets apart.
const BITS: u32 = 7;
/// The bucket index of 1 ns before it is brought to 0.
const BASE: usize = 1023 << BITS;
/// Up to 2^47 ns.
const LEN: usize = 47 << BITS;
/// How many observations must lie beyond a quantile for it to be more than a guess.
const BEYOND: f64 = 10.0;

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Histogram {
        let counts = vec![0; LEN].into_boxed_slice().try_into().expect("the vector has that length");
        Histogram { counts, sum: 0, min: u64::MAX, max: 0 }
    }

    /// Counts a time in ns.
    #[inline(always)]
    pub fn add(&mut self, ns: u64) {
        self.counts[bucket(ns)] += 1;
        self.sum = self.sum.wrapping_add(ns);
        // Branches that are hardly ever taken cost less than two stores each time.
        if ns < self.min {
            self.min = ns;
        }
        if self.max < ns {
            self.max = ns;
        }
    }

    /// Counts so many times of 0 ns at once.
    pub fn add_zeros(&mut self, n: u64) {
        if 0 < n {
            self.counts[0] = self.counts[0].saturating_add(n as u32);
            self.min = 0;
        }
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|&n| u64::from(n)).sum()
    }

    /// The mean in seconds.
    pub fn mean(&self) -> Option<f64> {
        mean(self.sum, self.count())
    }

    /// The greatest in seconds.
    pub fn max(&self) -> Option<f64> {
        (self.min <= self.max).then_some(self.max as f64 / 1e9)
    }

    /// The least in seconds.
    pub fn min(&self) -> Option<f64> {
        (self.min <= self.max).then_some(self.min as f64 / 1e9)
    }

    /// The `q`-quantile in seconds; `None` if fewer than ten observations lie beyond it.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.view().quantile(q)
    }

    /// The `q`-quantile in seconds, however few observations there are; `None` only without any.
    pub fn quantile_raw(&self, q: f64) -> Option<f64> {
        self.view().quantile_raw(q)
    }

    /// How many times were longer than `ns`; inside a bucket by interpolation, so not always a whole number.
    pub fn count_above(&self, ns: u64) -> f64 {
        self.view().count_above(ns)
    }

    /// Adds everything the other has counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts.iter()) {
            *mine = mine.saturating_add(*theirs);
        }
        self.sum = self.sum.wrapping_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// What was counted since this histogram was `earlier`. Least and greatest are then known to their buckets only,
    /// unless they are those of the whole.
    #[must_use]
    pub fn minus(&self, earlier: &Histogram) -> Histogram {
        self.compact().minus(&earlier.compact()).expand()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.sum, self.min, self.max) = (0, u64::MAX, 0);
    }

    /// The counts without the empty ends.
    pub fn compact(&self) -> Compact {
        let first = self.counts.iter().position(|&n| 0 < n).unwrap_or(0);
        let end = self.counts.iter().rposition(|&n| 0 < n).map_or(first, |last| last + 1);
        let counts = self.counts[first..end].to_vec();
        let count = counts.iter().map(|&n| u64::from(n)).sum();
        Compact { first: first as u32, counts, sum: self.sum, count, min: self.min, max: self.max }
    }

    fn view(&self) -> View<'_> {
        View { first: 0, counts: &self.counts[..], count: self.count(), min: self.min, max: self.max }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram::new()
    }
}

impl Default for Compact {
    fn default() -> Self {
        Compact::empty()
    }
}

impl Compact {
    /// What an empty histogram comes to.
    pub fn empty() -> Compact {
        Compact { first: 0, counts: Vec::new(), sum: 0, count: 0, min: u64::MAX, max: 0 }
    }

    /// The histogram this is the short form of.
    pub fn expand(&self) -> Histogram {
        let mut whole = Histogram { sum: self.sum, min: self.min, max: self.max, ..Histogram::new() };
        let first = self.first as usize;
        whole.counts[first..first + self.counts.len()].copy_from_slice(&self.counts);
        whole
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum in ns.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The mean in seconds.
    pub fn mean(&self) -> Option<f64> {
        mean(self.sum, self.count)
    }

    /// The greatest in seconds; of a difference, at most a bucket's width too much.
    pub fn max(&self) -> Option<f64> {
        (0 < self.count).then_some(self.max as f64 / 1e9)
    }

    /// The least in seconds; of a difference, at most a bucket's width too little.
    pub fn min(&self) -> Option<f64> {
        (0 < self.count).then_some(self.min as f64 / 1e9)
    }

    /// As [`Histogram::quantile`].
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.view().quantile(q)
    }

    /// As [`Histogram::quantile_raw`].
    pub fn quantile_raw(&self, q: f64) -> Option<f64> {
        self.view().quantile_raw(q)
    }

    /// As [`Histogram::count_above`].
    pub fn count_above(&self, ns: u64) -> f64 {
        self.view().count_above(ns)
    }

    /// The non-empty buckets: lower edge in seconds, upper edge in seconds, count.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64, u32)> {
        let first = self.first as usize;
        let filled = self.counts.iter().enumerate().filter(|(_, n)| 0 < **n);
        filled.map(move |(i, &n)| (edge(first + i) / 1e9, edge(first + i + 1) / 1e9, n))
    }

    /// What was counted since the histogram was `earlier`.
    #[must_use]
    pub fn minus(&self, earlier: &Compact) -> Compact {
        let shift = earlier.first.saturating_sub(self.first) as usize;
        let mut counts = self.counts.clone();
        for (mine, theirs) in counts.iter_mut().skip(shift).zip(&earlier.counts) {
            *mine = mine.saturating_sub(*theirs);
        }
        let Some(begin) = counts.iter().position(|&n| 0 < n) else { return Compact::empty() };
        let end = counts.iter().rposition(|&n| 0 < n).map_or(begin, |last| last + 1);
        let first = self.first as usize + begin;
        let last = self.first as usize + end;
        Compact {
            first: first as u32,
            counts: counts[begin..end].to_vec(),
            sum: self.sum.wrapping_sub(earlier.sum),
            count: self.count - earlier.count,
            min: self.min.max(if first == 0 { 0 } else { edge(first) as u64 }),
            max: if last == LEN { self.max } else { self.max.min(edge(last).ceil() as u64 - 1) },
        }
    }

    /// Adds everything the other has counted.
    pub fn merge(&mut self, other: &Compact) {
        if other.count == 0 {
            return;
        }
        let mut whole = self.expand();
        whole.merge(&other.expand());
        *self = whole.compact();
    }

    fn view(&self) -> View<'_> {
        View { first: self.first as usize, counts: &self.counts, count: self.count, min: self.min, max: self.max }
    }
}

/// What quantiles are computed from, whichever form the counts are kept in.
struct View<'a> {
    first: usize,
    counts: &'a [u32],
    count: u64,
    min: u64,
    max: u64,
}

impl View<'_> {
    fn quantile(&self, q: f64) -> Option<f64> {
        let beyond = (1.0 - q) * self.count as f64;
        // A billionth of slack, so that 1000 observations do have ten beyond their p99.
        if beyond < BEYOND - 1e-9 * self.count as f64 { None } else { self.quantile_raw(q) }
    }

    fn quantile_raw(&self, q: f64) -> Option<f64> {
        let target = (q * self.count as f64).min(self.count as f64);
        let mut below = 0.0;
        for (i, &n) in self.counts.iter().enumerate().filter(|(_, n)| 0 < **n) {
            let n = f64::from(n);
            if target <= below + n {
                let (low, high) = self.edges(i);
                return Some((low + (high - low) * ((target - below) / n).max(0.0)) / 1e9);
            }
            below += n;
        }
        (0 < self.count).then_some(self.max as f64 / 1e9)
    }

    fn count_above(&self, ns: u64) -> f64 {
        if self.max <= ns {
            return 0.0;
        }
        let at = bucket(ns);
        let higher = (at + 1).saturating_sub(self.first);
        let above: u64 = self.counts.iter().skip(higher).map(|&n| u64::from(n)).sum();
        let Some(inside) = at.checked_sub(self.first).and_then(|i| self.counts.get(i)) else { return above as f64 };
        let (low, high) = self.edges(at - self.first);
        let share = if low < high { ((high - ns as f64) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        above as f64 + f64::from(*inside) * share
    }

    /// The edges of a bucket in ns, drawn in to the least and the greatest time.
    fn edges(&self, i: usize) -> (f64, f64) {
        let bucket = self.first + i;
        let low = if bucket == 0 { 0.0 } else { edge(bucket) };
        let high = if bucket == LEN - 1 { f64::INFINITY } else { edge(bucket + 1) };
        (low.max(self.min as f64), high.min(self.max as f64))
    }
}

#[inline(always)]
fn bucket(ns: u64) -> usize {
    let index = ((ns as i64 as f64).to_bits() >> (52 - BITS)) as usize;
    index.saturating_sub(BASE).min(LEN - 1)
}

/// The lower edge of a bucket in ns.
fn edge(bucket: usize) -> f64 {
    f64::from_bits(((bucket + BASE) as u64) << (52 - BITS))
}

fn mean(sum: u64, count: u64) -> Option<f64> {
    (0 < count).then(|| sum as f64 / 1e9 / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Ziggurat, bits, mix, occasion};

    fn filled(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|ns| histogram.add(ns));
        histogram
    }

    fn lognormals(n: u64, key: u64) -> Vec<u64> {
        let zig = Ziggurat::new();
        (0..n).map(|i| zig.exp(14.0 + 1.2 * zig.normal(bits(mix(key), occasion(i)))) as u64).collect()
    }

    #[test]
    fn buckets_partition_the_times() {
        for ns in (0..5000).chain((10..46).flat_map(|p| [(1u64 << p) - 1, 1 << p, (1 << p) + 1])) {
            let b = bucket(ns);
            assert!((b == 0 || edge(b) <= ns as f64) && (ns as f64) < edge(b + 1), "{ns}");
        }
        assert_eq!(bucket(u64::MAX >> 1), LEN - 1);
        assert_eq!(LEN * 4, 24_064);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values_to_a_bucket() {
        let mut values = lognormals(20_000, 4);
        let histogram = filled(values.iter().copied());
        values.sort_unstable();
        for q in [0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999] {
            let exact = values[(q * 20_000.0) as usize - 1] as f64 / 1e9;
            let found = histogram.quantile(q).unwrap_or(0.0);
            assert!((found / exact - 1.0).abs() < 0.008, "{q}: {found} {exact}");
        }
        assert_eq!(histogram.mean(), Some(values.iter().sum::<u64>() as f64 / 1e9 / 20_000.0));
        assert_eq!(histogram.max(), Some(values[19_999] as f64 / 1e9));
        let above = values.iter().filter(|&&ns| 3_000_000 < ns).count() as f64;
        assert!((histogram.count_above(3_000_000) - above).abs() < 0.005 * 20_000.0);
        assert_eq!((histogram.count_above(0), histogram.count_above(u64::MAX >> 1)), (20_000.0, 0.0));
    }

    #[test]
    fn a_quantile_needs_ten_observations_beyond_it() {
        let histogram = filled(1..=1000);
        assert!(histogram.quantile(0.99).is_some());
        assert_eq!(histogram.quantile(0.991), None);
        assert!(histogram.quantile_raw(0.9999).is_some());
        assert_eq!(
            (Histogram::new().quantile_raw(0.5), Histogram::new().mean(), Histogram::new().max()),
            (None, None, None)
        );
    }

    #[test]
    fn equal_values_are_exact() {
        let histogram = filled(std::iter::repeat_n(1_234_567, 5000));
        for q in [0.0, 0.3, 0.5, 0.99, 1.0] {
            assert_eq!(histogram.quantile_raw(q), Some(1_234_567.0 / 1e9));
        }
    }

    #[test]
    fn snapshots_subtract_and_parts_merge() {
        let (early, late) = (lognormals(3000, 1), lognormals(5000, 2));
        let mut cumulative = filled(early.iter().copied());
        let snapshot = cumulative.compact();
        for &ns in &late {
            cumulative.add(ns);
        }
        let window = cumulative.compact().minus(&snapshot);
        let alone = filled(late.iter().copied()).compact();
        assert_eq!(
            (window.count(), window.sum(), &window.counts, window.first),
            (5000, alone.sum, &alone.counts, alone.first)
        );
        assert!(alone.max <= window.max && bucket(alone.max) == bucket(window.max));
        assert!(window.min <= alone.min && bucket(alone.min) == bucket(window.min));
        assert_eq!(cumulative.minus(&snapshot.expand()).compact(), window);
        assert_eq!(cumulative.compact().minus(&cumulative.compact()), Compact::empty());
        assert_eq!(cumulative.compact().minus(&Compact::empty()), cumulative.compact());

        let mut merged = snapshot.clone();
        merged.merge(&alone);
        assert_eq!(merged, cumulative.compact());
        assert_eq!(merged.expand(), cumulative);
        assert_eq!(merged.quantile(0.9), cumulative.quantile(0.9));
    }

    /// Case `s-hdr`, which asks for 0.1 %. What holds: count, mean, least and greatest are exact; equal values in the
    /// lowest or the highest bucket and spread values meet 0.1 %; equal values whose bucket is bounded on one side only
    /// are known to 0.8 %, the width of a bucket.
    #[test]
    fn s_hdr_vectors_to_the_precision_that_holds() {
        let micro = 1000;
        let mut raw = filled(std::iter::repeat_n(1000 * micro, 10_000));
        raw.add(100_000_000 * micro);
        assert_eq!(raw.count(), 10_001);
        assert!((raw.mean().unwrap_or(0.0) / 0.010_998_9 - 1.0).abs() < 1e-6);
        for (q, secs, precision) in
            [(0.3, 0.001, 0.0078), (0.99, 0.001, 0.0078), (0.99999, 100.0, 1e-3), (1.0, 100.0, 0.0)]
        {
            let found = raw.quantile_raw(q).unwrap_or(0.0);
            assert!((found / secs - 1.0).abs() <= precision, "{q}: {found}");
        }
        // Corrected for coordinated omission: what would have been seen every 10 ms while the long one was under way.
        let missed = (1..10_000).map(|k| (100_000_000 - 10_000 * k) * micro);
        let mut corrected = raw.clone();
        missed.for_each(|ns| corrected.add(ns));
        assert_eq!(corrected.count(), 20_000);
        assert!((corrected.mean().unwrap_or(0.0) / 25.0005 - 1.0).abs() < 2e-4);
        for (q, secs, precision) in
            [(0.5, 0.001, 0.0078), (0.75, 50.0, 1e-3), (0.9, 80.0, 1e-3), (0.99, 98.0, 1e-3), (0.99999, 100.0, 1e-3)]
        {
            let found = corrected.quantile_raw(q).unwrap_or(0.0);
            assert!((found / secs - 1.0).abs() <= precision, "{q}: {found}");
        }
    }
}
