//! A count over time, with its exact integral.

/// How many there are, and the area under that curve: `area(t) = n t + sum`, in wrapping integers exact at any t.
///
/// Areas are count x ns modulo 2^64: a difference of two areas is exact as long as it is below 2^64 (a million for five
/// hours, a thousand for half a year).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    sum: u64,
    /// How many there are now.
    pub n: u64,
}

impl Gauge {
    /// One more from `now` (ns) on.
    #[inline(always)]
    pub fn enter(&mut self, now: u64) {
        self.sum = self.sum.wrapping_sub(now);
        self.n += 1;
    }

    /// One fewer from `now` (ns) on.
    #[inline(always)]
    pub fn leave(&mut self, now: u64) {
        self.sum = self.sum.wrapping_add(now);
        self.n -= 1;
    }

    /// Integral of the count from 0 to `now`, count x ns.
    pub fn area(&self, now: u64) -> u64 {
        self.sum.wrapping_add(self.n.wrapping_mul(now))
    }
}

#[cfg(test)]
mod tests {
    use super::Gauge;

    #[test]
    fn area_is_the_integral() {
        let mut gauge = Gauge::default();
        gauge.enter(10);
        gauge.enter(15);
        gauge.leave(25);
        assert_eq!(gauge.area(30), 5 + 2 * 10 + 5);
        assert_eq!(gauge.n, 1);
    }
}
