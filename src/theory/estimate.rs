//! What a sample says about the truth: intervals and goodness of fit.

use super::special::{beta_p, bisect, normal_quantile, student_quantile};

/// A mean with the half-width of its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The sample mean.
    pub mean: f64,
    /// The standard deviation of the sample, with `n - 1`.
    pub deviation: f64,
    /// Half the width of the interval; infinite for fewer than two values.
    pub half_width: f64,
}

/// The mean of independent values and its confidence interval by Student's t.
pub fn mean_interval(values: &[f64], confidence: f64) -> Mean {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return Mean { mean, deviation: f64::NAN, half_width: f64::INFINITY };
    }
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    let t = student_quantile(0.5 + 0.5 * confidence, n - 1.0);
    Mean { mean, deviation, half_width: t * deviation / n.sqrt() }
}

/// The confidence interval of a share, `hits` of `n` (Wilson 1927): it stays inside 0..1 and works at both ends.
pub fn wilson(hits: f64, n: f64, confidence: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let z = normal_quantile(0.5 + 0.5 * confidence);
    let share = hits / n;
    let centre = share + z * z / (2.0 * n);
    let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + z * z / n;
    (((centre - spread) / whole).max(0.0), ((centre + spread) / whole).min(1.0))
}

/// Of the variance of a mean over `n` values within a group, the share that lies between groups, with its interval.
///
/// One-way random effects (Searle, Casella and `McCulloch`, Variance Components, 3.6): the ratio F of the mean squares between
/// and within `groups` of `each` values, over its expectation, has an F distribution, so quantiles of that give the interval
/// of the ratio of variances. A share below zero, which chance makes of none, is zero. `None` where nothing varies.
pub fn share_between(groups: &[Vec<f64>], n: f64, confidence: f64) -> Option<(f64, f64, f64)> {
    let each = groups.first()?.len() as f64;
    let count = groups.len() as f64;
    if groups.len() < 2 || each < 2.0 || groups.iter().any(|group| group.len() as f64 != each) {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let squares = |values: &[f64], about: f64| values.iter().map(|x| (x - about) * (x - about)).sum::<f64>();
    let means: Vec<f64> = groups.iter().map(|group| mean(group)).collect();
    let between = each * squares(&means, mean(&means)) / (count - 1.0);
    let within =
        groups.iter().zip(&means).map(|(group, mean)| squares(group, *mean)).sum::<f64>() / (count * (each - 1.0));
    // Equal values differ by nothing but the last bit of their mean.
    if between + within <= 1e-24 {
        return None;
    }
    let (over, under) = (count - 1.0, count * (each - 1.0));
    let share = |ratio: f64| {
        let signal = ((ratio - 1.0) / each * n).max(0.0);
        if signal.is_finite() { signal / (1.0 + signal) } else { 1.0 }
    };
    let ratio = between / within;
    let tail = 0.5 * (1.0 - confidence);
    let (least, most) = (f_quantile(tail, over, under), f_quantile(1.0 - tail, over, under));
    Some((share(ratio), share(ratio / most), share(ratio / least)))
}

/// The quantile of the F distribution.
fn f_quantile(p: f64, over: f64, under: f64) -> f64 {
    let cdf = |x: f64| beta_p(0.5 * over, 0.5 * under, over * x / (over * x + under));
    bisect(0.0, 1e6, |x| cdf(x) - p)
}

/// Spearman's correlation of ranks; ties share the mean of their ranks. `None` where one of the two never changes.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let middle = f64::midpoint(a.len() as f64, 1.0);
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (0.0 < scale).then(|| product(&a, &b) / scale)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let same = values.iter().filter(|other| *other == value).count();
        below as f64 + f64::midpoint(same as f64, 1.0)
    };
    values.iter().map(rank).collect()
}

/// The ranks (from 1) of the two order statistics between which the `q`-quantile of `n` independent values lies with at
/// least the confidence asked for, each tail getting half of the rest (David and Nagaraja, Order Statistics, 7.1). `None`
/// for a bound that even the extreme value does not give.
pub fn quantile_ranks(n: u64, q: f64, confidence: f64) -> (Option<u64>, Option<u64>) {
    let tail = 0.5 * (1.0 - confidence);
    // P(the r-th smallest lies below the quantile) = P(Binomial(n, q) >= r) = I_q(r, n - r + 1).
    let below = |rank: u64| if rank == 0 { 1.0 } else { beta_p(rank as f64, (n - rank) as f64 + 1.0, q) };
    let last_where = |holds: &dyn Fn(u64) -> bool| {
        let (mut low, mut high) = (0, n + 1);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if holds(middle) { low = middle } else { high = middle }
        }
        low
    };
    let lower = last_where(&|rank| 1.0 - tail <= below(rank));
    let upper = last_where(&|rank| tail < below(rank)) + 1;
    ((0 < lower).then_some(lower), (upper <= n).then_some(upper))
}

/// The largest distance between the sample's distribution function and `cdf` (Kolmogorov and Smirnov). `sorted` rises.
pub fn ks_statistic(sorted: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let n = sorted.len() as f64;
    let gap = |(i, x): (usize, &f64)| {
        let p = cdf(*x);
        (p - i as f64 / n).max((i + 1) as f64 / n - p)
    };
    sorted.iter().enumerate().map(gap).fold(0.0, f64::max)
}

/// The largest distance between the distribution functions of two samples. Both rise.
pub fn ks_two_samples(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].iter().take_while(|value| **value <= x).count();
        j += b[j..].iter().take_while(|value| **value <= x).count();
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

/// The chance of a distance of at least `d` from `n` values if the hypothesis is true: exact up to 100 values (Marsaglia,
/// Tsang and Wang 2003), Stephens' correction of the limit above.
pub fn ks_p_value(d: f64, n: usize) -> f64 {
    if n <= 100 {
        return (1.0 - ks_exact(d, n)).clamp(0.0, 1.0);
    }
    let root = (n as f64).sqrt();
    kolmogorov_tail((root + 0.12 + 0.11 / root) * d)
}

/// The distance that is exceeded with probability `alpha` if the hypothesis is true.
pub fn ks_critical(alpha: f64, n: usize) -> f64 {
    bisect(0.5 / n as f64, 1.0, |d| ks_p_value(d, n) - alpha)
}

/// The limiting tail of Kolmogorov's distribution.
pub fn kolmogorov_tail(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| 2.0 * libm::exp(-2.0 * f64::from(k * k) * x * x) * if k % 2 == 1 { 1.0 } else { -1.0 };
    (1..100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// P(D < d) by powers of a matrix.
fn ks_exact(d: f64, n: usize) -> f64 {
    if d * n as f64 <= 0.5 {
        return 0.0;
    }
    if 1.0 <= d {
        return 1.0;
    }
    let k = (n as f64 * d) as usize + 1;
    let size = 2 * k - 1;
    let h = k as f64 - n as f64 * d;
    let power = |i: usize| (0..i).map(|_| h).product::<f64>();
    let factorial = |i: usize| (1..=i).map(|j| j as f64).product::<f64>();
    let mut step = vec![vec![0.0; size]; size];
    for (i, row) in step.iter_mut().enumerate() {
        for (j, cell) in row.iter_mut().enumerate().take((i + 2).min(size)) {
            *cell = 1.0;
            if j == 0 {
                *cell -= power(i + 1);
            }
            if i == size - 1 {
                *cell -= power(size - j);
            }
            if (i, j) == (size - 1, 0) && 0.0 < 2.0 * h - 1.0 {
                *cell += (0..size).map(|_| 2.0 * h - 1.0).product::<f64>();
            }
            *cell /= factorial(i + 1 - j);
        }
    }
    // One row of the power is enough: the middle one. The factor n! / n^n is spread over the steps.
    let mut row = vec![0.0; size];
    row[k - 1] = 1.0;
    for turn in 1..=n {
        let next = |j: usize| (0..size).map(|i| row[i] * step[i][j]).sum::<f64>() * turn as f64 / n as f64;
        row = (0..size).map(next).collect();
    }
    row[k - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, by: f64) {
        assert!((found - expected).abs() <= by, "{found} is not {expected}");
    }

    /// Case `s-ci`.
    #[test]
    fn s_ci_interval_of_ten_batch_means() {
        let found = mean_interval(&[5.1, 4.9, 5.6, 5.8, 6.0, 4.7, 5.3, 5.5, 5.2, 5.9], 0.95);
        near(found.mean, 5.4, 1e-12);
        near(found.deviation, 0.43461349, 1e-8);
        near(found.half_width, 0.31090376, 1e-7);
        assert_eq!(mean_interval(&[1.0], 0.95).half_width, f64::INFINITY);
    }

    /// Case `s-ks`.
    #[test]
    fn s_ks_statistic_and_p_value() {
        let data = [0.03, 0.12, 0.19, 0.27, 0.34, 0.48, 0.55, 0.71, 0.86, 0.93];
        let d = ks_statistic(&data, |x| x);
        near(d, 0.16, 1e-12);
        near(ks_p_value(d, 10), 0.92577926, 1e-7);
        near(ks_critical(0.05, 10), 0.40925, 1e-4);
        near(ks_critical(0.05, 20), 0.29408, 1e-4);
        near(bisect(0.5, 3.0, |x| kolmogorov_tail(x) - 0.05), 1.3581, 1e-4);
        near(bisect(0.5, 3.0, |x| kolmogorov_tail(x) - 0.01), 1.6276, 1e-4);
        // The exact value and the corrected limit meet where one takes over from the other.
        near(ks_exact(0.12, 100), 1.0 - kolmogorov_tail((10.0 + 0.12 + 0.011) * 0.12), 2e-3);
    }

    #[test]
    fn two_samples_are_compared_at_their_steps() {
        assert_eq!(ks_two_samples(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0.0);
        assert_eq!(ks_two_samples(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        near(ks_two_samples(&[1.0, 2.0, 2.0, 5.0], &[2.0, 3.0]), 0.25, 1e-12);
    }

    #[test]
    fn wilson_covers_and_stays_inside() {
        let (low, high) = wilson(0.0, 100.0, 0.95);
        assert!(low == 0.0 && (0.036..0.038).contains(&high), "{high}");
        let (low, high) = wilson(50.0, 100.0, 0.95);
        near(low, 0.40383, 1e-5);
        near(high, 0.59617, 1e-5);
        assert_eq!(wilson(0.0, 0.0, 0.95), (0.0, 1.0));
    }

    #[test]
    fn the_share_between_groups_is_that_of_their_variances() {
        // Groups at 0, 1, ... 9 with a noise of +-0.5: mean squares 2 x 9.1667 and 0.5, so F is 36.7.
        let groups: Vec<Vec<f64>> = (0..10).map(|n| vec![f64::from(n) - 0.5, f64::from(n) + 0.5]).collect();
        let (share, low, high) = share_between(&groups, 2.0, 0.95).expect("it varies");
        near(share, 1.0 - 0.5 / (2.0 * 9.166_667), 1e-6);
        // F(9, 10) has 3.779 as its 97.5 % quantile, and its 2.5 % quantile is 1 over that of F(10, 9), 3.964.
        near(low, 1.0 - 3.779 * 0.5 / 18.333_333, 1e-3);
        near(high, 1.0 - 0.5 / (18.333_333 * 3.964), 1e-3);
        // More replications of the answer leave less to noise.
        assert!(share < share_between(&groups, 20.0, 0.95).expect("it varies").0);
        let noise: Vec<Vec<f64>> = (0..10).map(|_| vec![-0.5, 0.5]).collect();
        near(share_between(&noise, 2.0, 0.95).expect("it varies").0, 0.0, 1e-12);
        assert_eq!(share_between(&[vec![1.0, 1.0], vec![1.0, 1.0]], 2.0, 0.95), None);
    }

    #[test]
    fn ranks_correlate_whatever_the_scale() {
        let close = |found: Option<f64>, wanted: f64| near(found.expect("both vary"), wanted, 1e-12);
        close(rank_correlation(&[1.0, 2.0, 3.0], &[1.0, 10.0, f64::INFINITY]), 1.0);
        close(rank_correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
        // 1 - 6 x (1 + 1) / (4 x 15)
        close(rank_correlation(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 3.0, 4.0]), 0.8);
        assert_eq!(rank_correlation(&[1.0, 2.0], &[5.0, 5.0]), None);
    }

    #[test]
    fn ranks_around_a_quantile_have_the_confidence() {
        // The median of ten values: ranks 2 and 9 cover with probability 0.9785, ranks 3 and 8 with 0.8906 only.
        assert_eq!(quantile_ranks(10, 0.5, 0.95), (Some(2), Some(9)));
        // Fewer than 299 values cannot bound a p99 from above with 95 % confidence on one side (0.99^299 < 0.05).
        assert_eq!(quantile_ranks(298, 0.99, 0.9).1, None);
        assert_eq!(quantile_ranks(299, 0.99, 0.9).1, Some(299));
        let (low, high) = quantile_ranks(100_000, 0.99, 0.95);
        // The normal approximation: 99,000 +- 1.96 sqrt(990).
        assert!(
            low.is_some_and(|low| low.abs_diff(98_938) <= 2) && high.is_some_and(|high| high.abs_diff(99_062) <= 2)
        );
    }
}
