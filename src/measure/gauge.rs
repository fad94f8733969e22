//! Numbers over time: how many were there, integrated without ever walking the clock.
//!
//! `area(t) = sum + n t`, where entering subtracts the instant and leaving adds it: exact in wrapping integers at any `t`.
//! **The bound**: in 64 bits an area is known modulo 2^64 ns, that is 584 years of one. A million requests in flight reach
//! it in five hours. Differences of two readings stay right as long as what lies between them is below that, so long runs
//! are read window by window and summed by the reader; `Wide` has no such bound and is meant for bytes.

/// The number of things present, integrated over time. 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    sum: u64,
    /// How many there are now.
    pub n: u64,
}

/// The same for amounts such as bytes, in 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wide {
    sum: u128,
    /// How much there is now.
    pub n: u64,
}

impl Gauge {
    /// One more from `now` (in ns) on.
    #[inline(always)]
    pub fn enter(&mut self, now: u64) {
        self.sum = self.sum.wrapping_sub(now);
        self.n = self.n.wrapping_add(1);
    }

    /// One less from `now` on.
    #[inline(always)]
    pub fn leave(&mut self, now: u64) {
        self.sum = self.sum.wrapping_add(now);
        self.n = self.n.wrapping_sub(1);
    }

    /// From `now` on there are `n`.
    #[inline]
    pub fn set(&mut self, now: u64, n: u64) {
        self.sum = self.sum.wrapping_add(self.n.wrapping_sub(n).wrapping_mul(now));
        self.n = n;
    }

    /// The integral from 0 to `now`, in ns times things, modulo 2^64.
    #[inline]
    pub fn area(&self, now: u64) -> u64 {
        self.sum.wrapping_add(self.n.wrapping_mul(now))
    }

    /// The integral since a moment at which `area` was `earlier`; exact if it is below 2^64.
    #[inline]
    pub fn area_since(&self, earlier: u64, now: u64) -> u64 {
        self.area(now).wrapping_sub(earlier)
    }
}

impl Wide {
    /// From `now` (in ns) on there are `n`.
    #[inline]
    pub fn set(&mut self, now: u64, n: u64) {
        let change = u128::from(self.n).wrapping_sub(u128::from(n));
        self.sum = self.sum.wrapping_add(change.wrapping_mul(u128::from(now)));
        self.n = n;
    }

    /// From `now` on there are `more` more.
    #[inline]
    pub fn add(&mut self, now: u64, more: u64) {
        self.set(now, self.n + more);
    }

    /// From `now` on there are `less` less.
    #[inline]
    pub fn take(&mut self, now: u64, less: u64) {
        self.set(now, self.n - less);
    }

    /// The integral from 0 to `now`, in ns times the amount.
    #[inline]
    pub fn area(&self, now: u64) -> u128 {
        self.sum.wrapping_add(u128::from(self.n) * u128::from(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, bits, mix, occasion};

    #[test]
    fn areas_equal_those_of_a_walk_over_the_clock() {
        let (mut gauge, mut wide) = (Gauge::default(), Wide::default());
        let (mut now, mut walked) = (0u64, 0u128);
        for i in 0..1000 {
            let step = u64::from(below(bits(mix(1), occasion(i)), 1000));
            walked += u128::from(gauge.n) * u128::from(step);
            now += step;
            match below(bits(mix(2), occasion(i)), 3) {
                0 if 0 < gauge.n => gauge.leave(now),
                2 => gauge.set(now, u64::from(below(bits(mix(3), occasion(i)), 50))),
                _ => gauge.enter(now),
            }
            wide.set(now, gauge.n);
            assert_eq!((u128::from(gauge.area(now)), wide.area(now)), (walked, walked));
        }
        assert_eq!(u128::from(gauge.area(now + 7)), walked + 7 * u128::from(gauge.n));
    }

    #[test]
    fn windows_stay_exact_after_the_total_has_wrapped() {
        let mut gauge = Gauge::default();
        gauge.set(0, 1_000_000);
        // Twenty hours of a million: four times around.
        let hour = 3_600_000_000_000u64;
        let before = gauge.area(20 * hour);
        gauge.enter(20 * hour + 5);
        assert_eq!(gauge.area_since(before, 21 * hour), 1_000_000 * hour + (hour - 5));
        let mut wide = Wide::default();
        wide.set(0, 1 << 40);
        wide.add(5, 10);
        wide.take(7, 10);
        assert_eq!(wide.area(hour), (1 << 40) * u128::from(hour) + 20);
    }
}
