//! Which key a request asks for: ranks by popularity, drawn exactly and fast for any number of keys.

use crate::random::{mix, unit};

/// A discrete distribution over the ranks `0 .. count`.
#[derive(Clone, Debug)]
pub struct Popular {
    count: u64,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Uniform,
    Zipf(Zipf),
    /// The first `hot` ranks get this share of the draws.
    Hot {
        hot: u64,
        draws: f64,
    },
}

impl Popular {
    /// All ranks alike.
    pub fn uniform(count: u64) -> Popular {
        Popular { count: count.max(1), shape: Shape::Uniform }
    }

    /// Rank k (from 0) with a probability proportional to (k + 1)^-exponent.
    pub fn zipf(count: u64, exponent: f64) -> Popular {
        Popular { count: count.max(1), shape: Shape::Zipf(Zipf::new(count.max(1), exponent)) }
    }

    /// This share of the keys (the first ranks) gets that share of the draws; both parts are uniform.
    pub fn hot(count: u64, keys: f64, draws: f64) -> Popular {
        let count = count.max(1);
        let hot = ((count as f64 * keys).round() as u64).clamp(1, count);
        Popular { count, shape: Shape::Hot { hot, draws: if hot == count { 1.0 } else { draws } } }
    }

    /// How many ranks there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The rank that an addressed draw stands for.
    #[inline]
    pub fn rank(&self, bits: u64) -> u64 {
        match &self.shape {
            Shape::Uniform => scale(bits, self.count),
            Shape::Zipf(zipf) => zipf.rank(bits),
            Shape::Hot { hot, draws } => {
                let inside = mix(bits);
                if unit(bits) < *draws { scale(inside, *hot) } else { hot + scale(inside, self.count - hot) }
            }
        }
    }

    /// Probability of a rank, for tests and arithmetic.
    pub fn probability(&self, rank: u64) -> f64 {
        match &self.shape {
            Shape::Uniform => 1.0 / self.count as f64,
            Shape::Zipf(zipf) => libm::pow((rank + 1) as f64, -zipf.exponent) / zipf.total,
            Shape::Hot { hot, draws } if rank < *hot => draws / *hot as f64,
            Shape::Hot { hot, draws } => (1.0 - draws) / (self.count - hot) as f64,
        }
    }
}

/// A number below `n` out of 64 bits.
fn scale(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// Zipf over ranks 1..n, exact, in about 2,000 cells: single ranks first, then cells of width rank / 64; inside a cell a
/// uniform rank is accepted by a squeeze (98.5 % of the time) or by the exact ratio.
#[derive(Clone, Debug)]
struct Zipf {
    cells: Vec<Cell>,
    exponent: f64,
    total: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// Alias method: below this share of 2^32 the draw stays here, else it goes to `other`.
    keep: u32,
    other: u32,
    /// First rank (from 1) and number of ranks.
    first: u64,
    width: u64,
    squeeze: f64,
}

impl Zipf {
    fn new(n: u64, exponent: f64) -> Zipf {
        let (mut cells, mut weights, mut first) = (Vec::new(), Vec::new(), 1u64);
        while first <= n {
            let width = (first / 64).max(1).min(n + 1 - first);
            let top = libm::pow(first as f64, -exponent);
            let last = libm::pow((first + width - 1) as f64, -exponent);
            // The envelope is width x p(first): rejection inside the cell then is exact overall.
            weights.push(width as f64 * top);
            cells.push(Cell { first, width, squeeze: last / top, ..Cell::default() });
            first += width;
        }
        for (cell, (keep, other)) in cells.iter_mut().zip(alias_table(&weights)) {
            (cell.keep, cell.other) = (keep, other);
        }
        Zipf { cells, exponent, total: generalised_harmonic(n, exponent) }
    }

    fn rank(&self, mut bits: u64) -> u64 {
        loop {
            let i = (((bits >> 32) * self.cells.len() as u64) >> 32) as usize;
            let cell = &self.cells[i];
            let cell = if (bits as u32) < cell.keep { cell } else { &self.cells[cell.other as usize] };
            if cell.width == 1 {
                return cell.first - 1;
            }
            bits = mix(bits ^ 0x8ebc_6af0_9c88_c6e3);
            let k = cell.first + scale(bits, cell.width);
            bits = mix(bits ^ 0x9e37_79b9_7f4a_7c15);
            let u = unit(bits);
            if u < cell.squeeze || u < libm::pow(cell.first as f64 / k as f64, self.exponent) {
                return k - 1;
            }
            bits = mix(bits);
        }
    }
}

/// Sum of k^-s for k = 1..n: term by term up to 10,000, then by the Euler-Maclaurin formula.
fn generalised_harmonic(n: u64, s: f64) -> f64 {
    let head = n.min(10_000);
    let sum: f64 = (1..=head).map(|k| libm::pow(k as f64, -s)).sum();
    if n == head {
        return sum;
    }
    let (a, b) = (head as f64, n as f64);
    let integral = if (s - 1.0).abs() < 1e-9 {
        libm::log(b / a)
    } else {
        (libm::pow(b, 1.0 - s) - libm::pow(a, 1.0 - s)) / (1.0 - s)
    };
    sum + integral
        + (libm::pow(b, -s) - libm::pow(a, -s)) / 2.0
        + s * (libm::pow(a, -s - 1.0) - libm::pow(b, -s - 1.0)) / 12.0
}

/// Walker's alias method: (share of 2^32 to keep, where the rest goes).
fn alias_table(weights: &[f64]) -> Vec<(u32, u32)> {
    let n = weights.len();
    let sum: f64 = weights.iter().sum();
    let mut p: Vec<f64> = weights.iter().map(|w| w * n as f64 / sum).collect();
    let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| p[i] < 1.0);
    let mut table: Vec<(u32, u32)> = (0..n).map(|i| (u32::MAX, i as u32)).collect();
    while let (Some(&s), Some(&l)) = (small.last(), large.last()) {
        small.pop();
        table[s] = ((p[s] * 4_294_967_296.0) as u32, l as u32);
        p[l] -= 1.0 - p[s];
        if p[l] < 1.0 {
            large.pop();
            small.push(l);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(popular: &Popular, draws: u64) -> Vec<f64> {
        let mut counts = vec![0.0; popular.count() as usize];
        (0..draws).for_each(|n| counts[popular.rank(mix(n)) as usize] += 1.0 / draws as f64);
        counts
    }

    #[test]
    fn case_s_zipf() {
        let got = shares(&Popular::zipf(1000, 0.99), 2_000_000);
        let top = |k: usize| got[..k].iter().sum::<f64>();
        for (k, expected) in [(1, 0.129_383_63), (10, 0.382_471_91), (100, 0.685_030_52)] {
            assert!((top(k) - expected).abs() < 0.002, "top {k}: {}", top(k));
        }
    }

    #[test]
    fn zipf_fits_by_chi_square() {
        for (count, exponent) in [(500, 0.6), (5_000, 0.99), (2_000, 1.2)] {
            let popular = Popular::zipf(count, exponent);
            let draws = 1_000_000;
            let got = shares(&popular, draws);
            let chi: f64 = (0..count)
                .map(|k| {
                    let (e, o) = (popular.probability(k) * draws as f64, got[k as usize] * draws as f64);
                    (o - e) * (o - e) / e
                })
                .sum();
            let sigma = (chi - count as f64 + 1.0) / (2.0 * count as f64).sqrt();
            assert!(sigma.abs() < 4.0, "Zipf({exponent}) over {count}: {sigma} sigma");
        }
    }

    #[test]
    fn large_key_spaces_sum_to_one() {
        let popular = Popular::zipf(1_000_000, 0.99);
        let sum: f64 = (0..1_000_000).map(|k| popular.probability(k)).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn hot_keys_get_their_share() {
        let got = shares(&Popular::hot(100, 0.1, 0.9), 200_000);
        assert!((got[..10].iter().sum::<f64>() - 0.9).abs() < 0.005);
        assert!((got[50] - 0.1 / 90.0).abs() < 0.0006);
    }
}
