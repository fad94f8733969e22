//! The members of a family that have given figures: mean and variation, or two percentiles.

use super::Distribution;
use crate::theory::special::{bisect, normal_quantile};

/// A family with two parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Lognormal.
    Lognormal,
    /// Gamma.
    Gamma,
    /// Hyperexponential with balanced means.
    Hyperexponential,
    /// Uniform.
    Uniform,
    /// Weibull.
    Weibull,
    /// Pareto without an upper end.
    Pareto,
    /// Normal, cut at 0.
    Normal,
}

/// A percentile: the share of values at most `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// Between 0 and 1.
    pub share: f64,
    /// In SI units.
    pub value: f64,
}

/// The member with this mean and coefficient of variation (of a normal: before the cut). The error says why there is none.
pub fn by_mean(family: Family, mean: f64, cv: f64) -> Result<Distribution, String> {
    let scv = cv * cv;
    if mean <= 0.0 {
        return Err("the mean must be positive".to_owned());
    }
    if cv <= 0.0 {
        return Err("the variation must be positive; for a constant write the value alone".to_owned());
    }
    match family {
        Family::Lognormal => {
            let variance = libm::log1p(scv);
            Ok(Distribution::Lognormal { mu: libm::log(mean) - 0.5 * variance, sigma: variance.sqrt() })
        }
        Family::Gamma => Ok(Distribution::Gamma { shape: 1.0 / scv, scale: mean * scv }),
        Family::Hyperexponential if cv < 1.0 => {
            Err("a hyperexponential has a coefficient of variation of at least 1; use `gamma` below".to_owned())
        }
        Family::Hyperexponential => Ok(Distribution::hyperexponential(mean, cv)),
        Family::Uniform => {
            let half = mean * cv * 3.0f64.sqrt();
            if mean < half {
                return Err("a uniform that stays positive has a coefficient of variation of at most 0.577".to_owned());
            }
            Ok(Distribution::Uniform { low: mean - half, high: mean + half })
        }
        Family::Weibull => {
            let log_shape = bisect(-4.0, 7.0, |log| weibull_scv(libm::exp(log)) - scv);
            let shape = libm::exp(log_shape);
            Ok(Distribution::Weibull { shape, scale: mean / libm::tgamma(1.0 + 1.0 / shape) })
        }
        Family::Pareto => {
            // scv = 1 / (alpha (alpha - 2)).
            let alpha = 1.0 + (1.0 + 1.0 / scv).sqrt();
            Ok(Distribution::Pareto { min: mean * (alpha - 1.0) / alpha, alpha, max: f64::INFINITY })
        }
        Family::Normal => Ok(Distribution::Normal { mean, deviation: mean * cv }),
    }
}

/// The member with these two percentiles. The error says why there is none.
pub fn by_percentiles(family: Family, a: Percentile, b: Percentile) -> Result<Distribution, String> {
    let (low, high) = if a.share < b.share { (a, b) } else { (b, a) };
    if low.share == high.share {
        return Err("the two percentiles are the same one".to_owned());
    }
    if low.value <= 0.0 {
        return Err("a percentile must be positive".to_owned());
    }
    if high.value <= low.value {
        return Err("the higher percentile must have the greater value".to_owned());
    }
    let ratio = libm::log(high.value / low.value);
    match family {
        Family::Lognormal => {
            let (z, more) = (normal_quantile(low.share), normal_quantile(high.share));
            let sigma = ratio / (more - z);
            Ok(Distribution::Lognormal { mu: libm::log(low.value) - sigma * z, sigma })
        }
        Family::Weibull => {
            let depth = |share: f64| libm::log(-libm::log1p(-share));
            let shape = (depth(high.share) - depth(low.share)) / ratio;
            let scale = low.value / libm::exp(depth(low.share) / shape);
            Ok(Distribution::Weibull { shape, scale })
        }
        Family::Pareto => {
            let alpha = libm::log((1.0 - low.share) / (1.0 - high.share)) / ratio;
            let min = low.value * libm::pow(1.0 - low.share, 1.0 / alpha);
            Ok(Distribution::Pareto { min, alpha, max: f64::INFINITY })
        }
        Family::Uniform => {
            let width = (high.value - low.value) / (high.share - low.share);
            let least = low.value - width * low.share;
            if least < 0.0 {
                return Err("a uniform with these percentiles would reach below 0".to_owned());
            }
            Ok(Distribution::Uniform { low: least, high: least + width })
        }
        Family::Gamma => {
            solved(low, high, (-4.0, 12.0), |log| Distribution::Gamma { shape: libm::exp(-log), scale: 1.0 })
        }
        Family::Normal => {
            solved(low, high, (-12.0, 12.0), |log| Distribution::Normal { mean: 1.0, deviation: libm::exp(log) })
        }
        Family::Hyperexponential => {
            solved(low, high, (-6.0, 6.0), |log| Distribution::hyperexponential(1.0, 1.0 + libm::exp(log)))
        }
    }
}

/// The squared coefficient of variation of a Weibull with this shape.
pub(super) fn weibull_scv(shape: f64) -> f64 {
    libm::expm1(libm::lgamma(1.0 + 2.0 / shape) - 2.0 * libm::lgamma(1.0 + 1.0 / shape))
}

/// Searches the members `of(t)` of unit scale, ever more variable with `t`, for the ratio of the two percentiles, and
/// scales the one found. The least variable that fits is taken: a hyperexponential may fit twice.
fn solved(
    low: Percentile,
    high: Percentile,
    range: (f64, f64),
    of: impl Fn(f64) -> Distribution,
) -> Result<Distribution, String> {
    const STEPS: u32 = 64;
    let wanted = libm::log(high.value / low.value);
    let quantile = |t: f64, share: f64| of(t).quantile(share).expect("these families have a distribution function");
    let miss = |t: f64| libm::log(quantile(t, high.share) / quantile(t, low.share)) - wanted;
    let at = |step: u32| range.0 + (range.1 - range.0) * f64::from(step) / f64::from(STEPS);
    if 0.0 < miss(range.0) {
        return Err("no member of this family has percentiles so close together".to_owned());
    }
    let Some(step) = (1..=STEPS).find(|step| 0.0 <= miss(at(*step))) else {
        return Err("no member of this family has percentiles so far apart".to_owned());
    };
    let t = bisect(at(step - 1), at(step), miss);
    Ok(of(t).scaled(low.value / quantile(t, low.share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Family; 7] = [
        Family::Lognormal,
        Family::Gamma,
        Family::Hyperexponential,
        Family::Uniform,
        Family::Weibull,
        Family::Pareto,
        Family::Normal,
    ];

    #[test]
    fn figures_given_are_figures_had() {
        for family in ALL {
            for (mean, cv) in [(0.005, 0.25), (3.0, 0.5), (0.1, 1.5), (100.0, 4.0)] {
                let Ok(found) = by_mean(family, mean, cv) else { continue };
                if family == Family::Normal {
                    continue;
                }
                assert!((found.mean() / mean - 1.0).abs() < 1e-9, "{family:?} {mean} {cv}: {found:?}");
                assert!((found.scv() / (cv * cv) - 1.0).abs() < 1e-6, "{family:?} {mean} {cv}: {found:?}");
            }
        }
    }

    #[test]
    fn percentiles_given_are_percentiles_had() {
        for family in ALL {
            let mut fitted = 0;
            for (p50, p99) in [(0.080, 0.400), (0.003, 0.020), (10.0, 15.0), (1.0, 1.9), (2.0, 20.0)] {
                let at = |share, value| Percentile { share, value };
                let Ok(found) = by_percentiles(family, at(0.99, p99), at(0.5, p50)) else { continue };
                fitted += 1;
                for (share, value) in [(0.5, p50), (0.99, p99)] {
                    let p = found.cdf(value).unwrap_or(0.0);
                    assert!((p - share).abs() < 1e-9, "{family:?} {p50} {p99}: {found:?} {p}");
                }
            }
            assert!(1 <= fitted, "{family:?}");
        }
    }

    #[test]
    fn impossible_figures_are_refused() {
        let at = |share, value| Percentile { share, value };
        assert!(by_percentiles(Family::Lognormal, at(0.5, 2.0), at(0.99, 1.0)).is_err());
        assert!(by_percentiles(Family::Lognormal, at(0.5, 2.0), at(0.5, 1.0)).is_err());
        assert!(by_percentiles(Family::Hyperexponential, at(0.5, 1.0), at(0.99, 3.0)).is_err());
        assert!(by_percentiles(Family::Normal, at(0.5, 1.0), at(0.99, 30.0)).is_err());
        assert!(by_percentiles(Family::Uniform, at(0.5, 1.0), at(0.99, 3.0)).is_err());
        assert!(by_mean(Family::Hyperexponential, 1.0, 0.5).is_err());
        assert!(by_mean(Family::Uniform, 1.0, 0.6).is_err());
    }
}
