//! Special functions and the quantiles built on them, the same bits on every machine.

use std::f64::consts::SQRT_2;

/// Numerator and denominator of algorithm AS 241 around the median.
const CENTRE: [[f64; 8]; 2] = [
    [
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ],
    [
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ],
];
/// In the near tails.
const NEAR: [[f64; 8]; 2] = [
    [
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ],
    [
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ],
];
/// In the far tails.
const FAR: [[f64; 8]; 2] = [
    [
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ],
    [
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ],
];

/// The distribution function of the standard normal.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// The density of the standard normal.
pub fn normal_density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt()
}

/// The quantile of the standard normal for `0 < p < 1`, to about 16 digits (Wichura 1988, algorithm AS 241).
pub fn normal_quantile(p: f64) -> f64 {
    let ratio = |table: &[[f64; 8]; 2], x: f64| polynomial(&table[0], x) / polynomial(&table[1], x);
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&CENTRE, 0.180625 - q * q);
    }
    let r = (-libm::log(p.min(1.0 - p))).sqrt();
    let size = if r <= 5.0 { ratio(&NEAR, r - 1.6) } else { ratio(&FAR, r - 5.0) };
    if q < 0.0 { -size } else { size }
}

/// The regularised lower incomplete gamma function `P(a, x)`: by its series below `a + 1`, by a continued fraction above.
pub fn gamma_p(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x.is_infinite() {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let mut term = 1.0 / a;
        let mut sum = term;
        let mut n = a;
        while sum * 1e-17 < term {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (front * sum).min(1.0);
    }
    let fraction = continued_fraction(|n| {
        if n == 0 {
            return (1.0, x + 1.0 - a);
        }
        let n = f64::from(n);
        (n * (a - n), x + 2.0 * n + 1.0 - a)
    });
    (1.0 - front * fraction).max(0.0)
}

/// The regularised incomplete beta function `I_x(a, b)` (continued fraction of DLMF 8.17.22).
pub fn beta_p(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if 1.0 <= x {
        return 1.0;
    }
    if (a + 1.0) / (a + b + 2.0) < x {
        return 1.0 - beta_p(b, a, 1.0 - x);
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x);
    let fraction = continued_fraction(|n| {
        if n == 0 {
            return (1.0, 1.0);
        }
        let m = f64::from(n / 2);
        let step = if n % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (step, 1.0)
    });
    libm::exp(log_front) * fraction / a
}

/// The distribution function of Student's t with `df` degrees of freedom.
pub fn student_cdf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * beta_p(0.5 * df, 0.5, df / (df + t * t));
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// The quantile of Student's t for `0 < p < 1`; the normal's for infinite `df`.
pub fn student_quantile(p: f64, df: f64) -> f64 {
    if df.is_infinite() {
        return normal_quantile(p);
    }
    if p < 0.5 {
        return -student_quantile(1.0 - p, df);
    }
    let mut high = 1.0;
    while student_cdf(high, df) < p && high < 1e12 {
        high *= 2.0;
    }
    bisect(0.0, high, |t| student_cdf(t, df) - p)
}

/// Where the rising (or falling) function `f` crosses zero between `low` and `high`, to the last bit but a few.
pub fn bisect(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let rises = f(low) < f(high);
    for _ in 0..200 {
        let middle = low + 0.5 * (high - low);
        if middle <= low || high <= middle {
            break;
        }
        if (f(middle) < 0.0) == rises { low = middle } else { high = middle }
    }
    low + 0.5 * (high - low)
}

/// `log(n choose k)`.
pub fn log_choose(n: f64, k: f64) -> f64 {
    libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0)
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// `a0 / (b0 + a1 / (b1 + a2 / (b2 + ...)))` by the method of Lentz; `pair(n)` gives `(a_n, b_n)`.
fn continued_fraction(pair: impl Fn(u32) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    let apart = |x: f64| if x.abs() < TINY { TINY } else { x };
    let mut value = TINY;
    let (mut c, mut d) = (value, 0.0);
    for n in 0..10_000 {
        let (a, b) = pair(n);
        d = 1.0 / apart(b + a * d);
        c = apart(b + a / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, Gamma, Normal, StudentsT};

    #[test]
    fn the_normal_quantile_inverts_its_distribution() {
        let oracle = Normal::new(0.0, 1.0).expect("a normal");
        for p in [1e-12, 1e-6, 0.001, 0.025, 0.075, 0.3, 0.5, 0.9, 0.95, 0.975, 0.99, 0.999, 0.999_999] {
            let z = normal_quantile(p);
            assert!((normal_cdf(z) / p - 1.0).abs() < 1e-11, "{p} {z}");
            assert!((oracle.inverse_cdf(p) - z).abs() < 1e-8, "{p} {z}");
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }

    #[test]
    fn incomplete_gamma_agrees_with_statrs() {
        for a in [0.1, 0.5, 1.0, 4.0, 30.0, 400.0] {
            let oracle = Gamma::new(a, 1.0).expect("a gamma");
            for x in [0.01, 0.3, 1.0, 3.0, 20.0, 380.0, 420.0] {
                assert!((gamma_p(a, x) - oracle.cdf(x)).abs() < 1e-10, "{a} {x}");
            }
        }
    }

    #[test]
    fn student_agrees_with_statrs() {
        for df in [1.0, 2.0, 5.5, 30.0, 1000.0] {
            let oracle = StudentsT::new(0.0, 1.0, df).expect("a t");
            for t in [-30.0, -2.0, -0.1, 0.0, 0.7, 3.0] {
                assert!((student_cdf(t, df) - oracle.cdf(t)).abs() < 1e-9, "{df} {t}");
            }
        }
    }

    /// Case `s-tq`.
    #[test]
    fn s_tq_student_quantiles() {
        for (df, p, t) in [
            (1.0, 0.95, 6.3137515),
            (1.0, 0.975, 12.706205),
            (1.0, 0.995, 63.656741),
            (2.0, 0.95, 2.9199856),
            (2.0, 0.975, 4.3026527),
            (2.0, 0.995, 9.9248432),
            (4.0, 0.95, 2.1318468),
            (4.0, 0.975, 2.7764451),
            (4.0, 0.995, 4.6040949),
            (9.0, 0.95, 1.8331129),
            (9.0, 0.975, 2.2621572),
            (9.0, 0.995, 3.2498355),
            (19.0, 0.975, 2.0930241),
            (29.0, 0.975, 2.0452296),
            (59.0, 0.995, 2.6617588),
            (99.0, 0.95, 1.6603912),
            (99.0, 0.975, 1.984217),
            (99.0, 0.995, 2.6264055),
        ] {
            let found = student_quantile(p, df);
            assert!((found / t - 1.0).abs() < 1e-7, "{df} {p}: {found} {t}");
            assert_eq!(student_quantile(1.0 - p, df), -student_quantile(1.0 - (1.0 - p), df));
        }
    }
}
