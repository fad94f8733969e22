//! Log-linear histograms of nanoseconds: 128 buckets an octave, so a bucket is 0.4 % to 0.8 % wide, at any size.
//!
//! The bucket is read off the bits of the time converted to floating point: exponent and the first seven bits of the
//! fraction. Sum, least and greatest are exact, and each bucket knows its own least and greatest by the next sixteen bits.
//! A quantile is interpolated between those two: equal values come out to a ten-millionth even in the middle of others,
//! spread ones far better than a bucket's width, and none is ever off by more than that. Times of 39 hours and more share
//! the last bucket; a bucket counts to 2^32.

/// A histogram in which to count: 48 KB of buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: Box<[Bucket; LEN]>,
    /// The sum of all times in ns; exact up to 584 years.
    pub sum: u64,
    min: u64,
    max: u64,
}

/// The same without its empty ends, for keeping many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact {
    /// The bucket that `buckets` begins with.
    first: u32,
    buckets: Vec<Bucket>,
    sum: u64,
    count: u64,
    min: u64,
    max: u64,
}

/// One bucket; all zeros when it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    count: u32,
    /// The greatest time, in 65,536ths of the bucket's width.
    high: u16,
    /// The least, counted down from 65,535.
    low_inverse: u16,
}

/// Bits of the fraction that tell buckets apart.
const BITS: u32 = 7;
/// Bits behind them that tell places inside a bucket apart.
const INNER: u32 = 16;
/// The bucket index of 1 ns before it is brought to 0.
const BASE: usize = 1023 << BITS;
/// Up to 2^47 ns.
const LEN: usize = 47 << BITS;
/// How many observations must lie beyond a quantile for it to be more than a guess.
const BEYOND: f64 = 10.0;

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Histogram {
        let buckets = vec![Bucket::default(); LEN].into_boxed_slice();
        let buckets = buckets.try_into().expect("the vector has that length");
        Histogram { buckets, sum: 0, min: u64::MAX, max: 0 }
    }

    /// Counts a time in ns.
    #[inline(always)]
    pub fn add(&mut self, ns: u64) {
        let place = place(ns);
        let bucket = &mut self.buckets[bucket_of(place)];
        bucket.count += 1;
        bucket.reach(place as u16, !(place as u16));
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
            self.buckets[0].count = self.buckets[0].count.saturating_add(n as u32);
            self.buckets[0].reach(0, u16::MAX);
            self.min = 0;
        }
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        count(&self.buckets[..])
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
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            mine.count = mine.count.saturating_add(theirs.count);
            mine.reach(theirs.high, theirs.low_inverse);
        }
        self.sum = self.sum.wrapping_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// What was counted since this histogram was `earlier`. Least and greatest, of all and of each bucket, are then bounds:
    /// those of the whole.
    #[must_use]
    pub fn minus(&self, earlier: &Histogram) -> Histogram {
        self.compact().minus(&earlier.compact()).expand()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets.fill(Bucket::default());
        (self.sum, self.min, self.max) = (0, u64::MAX, 0);
    }

    /// The counts without the empty ends.
    pub fn compact(&self) -> Compact {
        if self.max < self.min {
            return Compact { sum: self.sum, ..Compact::empty() };
        }
        let (first, last) = (bucket(self.min), bucket(self.max));
        let buckets = self.buckets[first..=last].to_vec();
        let count = count(&buckets);
        Compact { first: first as u32, buckets, sum: self.sum, count, min: self.min, max: self.max }
    }

    fn view(&self) -> View<'_> {
        View { first: 0, buckets: &self.buckets[..], count: self.count(), min: self.min, max: self.max }
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
        Compact { first: 0, buckets: Vec::new(), sum: 0, count: 0, min: u64::MAX, max: 0 }
    }

    /// The histogram this is the short form of.
    pub fn expand(&self) -> Histogram {
        let mut whole = Histogram { sum: self.sum, min: self.min, max: self.max, ..Histogram::new() };
        let first = self.first as usize;
        whole.buckets[first..first + self.buckets.len()].copy_from_slice(&self.buckets);
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
        let filled = self.buckets.iter().enumerate().filter(|(_, bucket)| 0 < bucket.count);
        filled.map(move |(i, bucket)| (edge(first + i) / 1e9, edge(first + i + 1) / 1e9, bucket.count))
    }

    /// What was counted since the histogram was `earlier`.
    #[must_use]
    pub fn minus(&self, earlier: &Compact) -> Compact {
        let shift = earlier.first.saturating_sub(self.first) as usize;
        let mut buckets = self.buckets.clone();
        for (mine, theirs) in buckets.iter_mut().skip(shift).zip(&earlier.buckets) {
            mine.count = mine.count.saturating_sub(theirs.count);
            if mine.count == 0 {
                *mine = Bucket::default();
            }
        }
        let Some(begin) = buckets.iter().position(|bucket| 0 < bucket.count) else { return Compact::empty() };
        let end = buckets.iter().rposition(|bucket| 0 < bucket.count).map_or(begin, |last| last + 1);
        let first = self.first as usize + begin;
        let last = self.first as usize + end;
        Compact {
            first: first as u32,
            buckets: buckets[begin..end].to_vec(),
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
        View { first: self.first as usize, buckets: &self.buckets, count: self.count, min: self.min, max: self.max }
    }
}

/// What quantiles are computed from, whichever form the counts are kept in.
struct View<'a> {
    first: usize,
    buckets: &'a [Bucket],
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
        for (i, bucket) in self.buckets.iter().enumerate().filter(|(_, bucket)| 0 < bucket.count) {
            let n = f64::from(bucket.count);
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
        let above = count(self.buckets.get(higher..).unwrap_or_default());
        let Some(inside) = at.checked_sub(self.first).and_then(|i| self.buckets.get(i)) else { return above as f64 };
        let ((low, high), ns) = (self.edges(at - self.first), ns as f64);
        let share = match () {
            () if ns < low => 1.0,
            () if high <= ns => 0.0,
            () => (high - ns) / (high - low),
        };
        above as f64 + f64::from(inside.count) * share
    }

    /// The least and the greatest time of a bucket in ns.
    fn edges(&self, i: usize) -> (f64, f64) {
        let at = self.first + i;
        let bucket = &self.buckets[i];
        let (low, high) = match at {
            0 => (0.0, edge(1)),
            at if at == LEN - 1 => (edge(at), f64::INFINITY),
            at => (inner(at, !bucket.low_inverse), inner(at, bucket.high)),
        };
        let low = low.max(self.min as f64);
        (low, high.min(self.max as f64).max(low))
    }
}

impl Bucket {
    /// Its times reach from the one place to the other.
    #[inline(always)]
    fn reach(&mut self, high: u16, low_inverse: u16) {
        // Branches that are hardly ever taken, as for the whole.
        if self.high < high {
            self.high = high;
        }
        if self.low_inverse < low_inverse {
            self.low_inverse = low_inverse;
        }
    }
}

fn count(buckets: &[Bucket]) -> u64 {
    buckets.iter().map(|bucket| u64::from(bucket.count)).sum()
}

/// A time's bucket and its place in the bucket, still together.
#[inline(always)]
fn place(ns: u64) -> u64 {
    (ns as i64 as f64).to_bits() >> (52 - BITS - INNER)
}

#[inline(always)]
fn bucket_of(place: u64) -> usize {
    ((place >> INNER) as usize).saturating_sub(BASE).min(LEN - 1)
}

#[inline(always)]
fn bucket(ns: u64) -> usize {
    bucket_of(place(ns))
}

/// The lower edge of a bucket in ns.
fn edge(bucket: usize) -> f64 {
    f64::from_bits(((bucket + BASE) as u64) << (52 - BITS))
}

/// A place in a bucket in ns, rounded down to a 65,536th of its width.
fn inner(bucket: usize, place: u16) -> f64 {
    f64::from_bits((((bucket + BASE) as u64) << INNER | u64::from(place)) << (52 - BITS - INNER))
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
        assert_eq!(size_of::<[Bucket; LEN]>(), 48_128);
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
        let counts = |compact: &Compact| compact.buckets.iter().map(|bucket| bucket.count).collect::<Vec<_>>();
        assert_eq!(
            (window.count(), window.sum(), counts(&window), window.first),
            (5000, alone.sum, counts(&alone), alone.first)
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

    #[test]
    fn equal_values_in_the_middle_of_others_are_known_to_a_ten_millionth() {
        for value in [1_234_567, 123_456_789, 12_345_678_901_234] {
            let mut histogram = filled(std::iter::repeat_n(value, 5000));
            histogram.add(value / 2);
            histogram.add(value * 2);
            for q in [0.1, 0.5, 0.99] {
                let found = histogram.quantile_raw(q).unwrap_or(0.0) * 1e9;
                assert!((found / value as f64 - 1.0).abs() < 1.2e-7, "{value} {q}: {found}");
            }
            assert_eq!((histogram.count_above(value), histogram.count_above(value - value / 1000)), (1.0, 5001.0));
        }
    }

    /// Case `s-hdr`: all its quantiles to the 0.1 % it asks for.
    #[test]
    fn s_hdr_vectors() {
        let micro = 1000;
        let mut raw = filled(std::iter::repeat_n(1000 * micro, 10_000));
        raw.add(100_000_000 * micro);
        assert_eq!(raw.count(), 10_001);
        assert!((raw.mean().unwrap_or(0.0) / 0.010_998_9 - 1.0).abs() < 1e-6);
        for (q, secs) in [(0.3, 0.001), (0.99, 0.001), (0.9999, 0.001), (0.99999, 100.0), (1.0, 100.0)] {
            let found = raw.quantile_raw(q).unwrap_or(0.0);
            assert!((found / secs - 1.0).abs() <= 1e-6, "{q}: {found}");
        }
        // Corrected for coordinated omission: what would have been seen every 10 ms while the long one was under way.
        let missed = (1..10_000).map(|k| (100_000_000 - 10_000 * k) * micro);
        let mut corrected = raw.clone();
        missed.for_each(|ns| corrected.add(ns));
        assert_eq!(corrected.count(), 20_000);
        assert!((corrected.mean().unwrap_or(0.0) / 25.0005 - 1.0).abs() < 2e-4);
        for (q, secs) in [(0.3, 0.001), (0.5, 0.001), (0.75, 50.0), (0.9, 80.0), (0.99, 98.0), (0.99999, 100.0)] {
            let found = corrected.quantile_raw(q).unwrap_or(0.0);
            assert!((found / secs - 1.0).abs() <= 1e-3, "{q}: {found}");
        }
    }
}
