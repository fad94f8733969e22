//! Distributions: what may be said about a time, a size or a count, and how it is drawn.
//!
//! [`Distribution`] is plain data in SI units. [`parse`] reads it from the scenario (`exp(3ms)`,
//! `lognormal(p50=3ms p99=20ms)`, `2ms + exp(1ms)`), [`fit`](mod@fit) finds the parameters of a family from the figures a
//! dashboard shows, and [`sampler`] draws. Everything that computes with logarithms and powers here uses `libm`, so that a
//! scenario means the same numbers on every machine.
//!
//! What can go wrong: figures no member of a family has (two percentiles too close together), a moment that does not exist
//! (a Pareto tail with `alpha <= 1` has an infinite mean, and that is what `mean` says), a file not yet read
//! (`mean` is then NaN).

pub mod fit;
pub mod interval;
pub mod sampler;
pub mod text;

use crate::reader::{self, ReadError, Value};
use crate::theory::special::{bisect, gamma_p, normal_cdf, normal_density};
use crate::units::Dimension;

/// A family of distributions with its parameters, in SI units. No value is ever negative.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Exponential.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// The exponential of a normal.
    Lognormal {
        /// The mean of the logarithm.
        mu: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// Gamma; with a whole shape, Erlang.
    Gamma {
        /// Shape: the inverse of the squared coefficient of variation.
        shape: f64,
        /// Scale: the mean over the shape.
        scale: f64,
    },
    /// Anything in between, equally likely.
    Uniform {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// A density that rises and falls linearly.
    Triangular {
        /// The least.
        low: f64,
        /// The most likely.
        mode: f64,
        /// The greatest.
        high: f64,
    },
    /// Weibull.
    Weibull {
        /// Shape.
        shape: f64,
        /// Scale.
        scale: f64,
    },
    /// Pareto, cut off at `max`.
    Pareto {
        /// The least.
        min: f64,
        /// The exponent of the tail.
        alpha: f64,
        /// The greatest; may be infinite.
        max: f64,
    },
    /// Normal, given that it is positive.
    Normal {
        /// The mean before the cut; not negative.
        mean: f64,
        /// The standard deviation before the cut.
        deviation: f64,
    },
    /// How many trials until the first success, times `step`: 1, 2, 3, ...
    Geometric {
        /// The mean number of trials, at least 1.
        trials: f64,
        /// What a trial counts.
        step: f64,
    },
    /// One of these values, equally likely; they rise.
    Values(Vec<f64>),
    /// Linear between points (share, value) of its quantile function, from share 0 to share 1.
    Quantiles(Vec<(f64, f64)>),
    /// A file of values that the caller has still to read, see [`Distribution::resolved`].
    File {
        /// Where, as the scenario says it.
        path: String,
        /// What each value is to be multiplied by.
        factor: f64,
    },
    /// One of several, by share; the shares add to 1.
    Mix(Vec<(f64, Distribution)>),
    /// Several, independent, added.
    Sum(Vec<Distribution>),
}

/// Reads a distribution of values of a dimension: `3ms`, `exp(3ms)`, `lognormal(p50=3ms p99=20ms)`, `2ms + exp(1ms)`.
///
/// `mu` of a lognormal is the mean of the logarithm of the value in SI units.
pub fn parse(text: &str, dimension: Dimension) -> Result<Distribution, ReadError> {
    from_value(&reader::read(text)?, dimension)
}

/// The same for what the reader has already taken apart.
pub fn from_value(value: &Value, dimension: Dimension) -> Result<Distribution, ReadError> {
    text::from_value(value, dimension)
}

impl Distribution {
    /// Always the same.
    pub fn constant(value: f64) -> Distribution {
        Distribution::Constant(value)
    }

    /// The distribution of measured values.
    pub fn empirical(mut values: Vec<f64>) -> Distribution {
        values.sort_by(f64::total_cmp);
        Distribution::Values(values)
    }

    /// Hyperexponential with two phases of balanced means: a coefficient of variation of at least 1.
    pub fn hyperexponential(mean: f64, cv: f64) -> Distribution {
        let scv = cv * cv;
        let share = 0.5 * (1.0 + ((scv - 1.0) / (scv + 1.0)).max(0.0).sqrt());
        let phase = |share: f64| (share, Distribution::Exponential { mean: 0.5 * mean / share });
        Distribution::Mix(vec![phase(share), phase(1.0 - share)])
    }

    /// A mixture by weights that need not add to 1.
    pub fn mix(parts: Vec<(f64, Distribution)>) -> Distribution {
        let whole: f64 = parts.iter().map(|(weight, _)| weight).sum();
        Distribution::Mix(parts.into_iter().map(|(weight, part)| (weight / whole, part)).collect())
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.moments().0
    }

    /// The squared coefficient of variation: variance over squared mean.
    pub fn scv(&self) -> f64 {
        let (mean, variance) = self.moments();
        if variance == 0.0 { 0.0 } else { variance / (mean * mean) }
    }

    /// Whether every draw gives the same value.
    pub fn is_constant(&self) -> bool {
        match self {
            Distribution::Constant(_) => true,
            Distribution::Mix(parts) => parts.len() == 1 && parts[0].1.is_constant(),
            Distribution::Sum(parts) => parts.iter().all(Distribution::is_constant),
            _ => false,
        }
    }

    /// The distribution of `factor` times this one. On common random numbers each draw is scaled by the factor.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Distribution {
        use Distribution as D;
        match self {
            D::Constant(value) => D::Constant(value * factor),
            D::Exponential { mean } => D::Exponential { mean: mean * factor },
            D::Lognormal { mu, sigma } => D::Lognormal { mu: mu + libm::log(factor), sigma: *sigma },
            D::Gamma { shape, scale } => D::Gamma { shape: *shape, scale: scale * factor },
            D::Uniform { low, high } => D::Uniform { low: low * factor, high: high * factor },
            D::Triangular { low, mode, high } => {
                D::Triangular { low: low * factor, mode: mode * factor, high: high * factor }
            }
            D::Weibull { shape, scale } => D::Weibull { shape: *shape, scale: scale * factor },
            D::Pareto { min, alpha, max } => D::Pareto { min: min * factor, alpha: *alpha, max: max * factor },
            D::Normal { mean, deviation } => D::Normal { mean: mean * factor, deviation: deviation * factor },
            D::Geometric { trials, step } => D::Geometric { trials: *trials, step: step * factor },
            D::Values(values) => D::Values(values.iter().map(|value| value * factor).collect()),
            D::Quantiles(points) => D::Quantiles(points.iter().map(|(q, x)| (*q, x * factor)).collect()),
            D::File { path, factor: before } => D::File { path: path.clone(), factor: before * factor },
            D::Mix(parts) => D::Mix(parts.iter().map(|(share, part)| (*share, part.scaled(factor))).collect()),
            D::Sum(parts) => D::Sum(parts.iter().map(|part| part.scaled(factor)).collect()),
        }
    }

    /// The files that must be read before it can be drawn.
    pub fn files(&self) -> Vec<&str> {
        match self {
            Distribution::File { path, .. } => vec![path],
            Distribution::Mix(parts) => parts.iter().flat_map(|(_, part)| part.files()).collect(),
            Distribution::Sum(parts) => parts.iter().flat_map(Distribution::files).collect(),
            _ => Vec::new(),
        }
    }

    /// The same with each file replaced by the values that `read` finds in it, in SI units and not empty.
    pub fn resolved<E>(self, read: &mut impl FnMut(&str) -> Result<Vec<f64>, E>) -> Result<Distribution, E> {
        Ok(match self {
            Distribution::File { path, factor } => Distribution::empirical(read(&path)?).scaled(factor),
            Distribution::Mix(parts) => {
                let part = |(share, part): (f64, Distribution)| Ok((share, part.resolved(read)?));
                Distribution::Mix(parts.into_iter().map(part).collect::<Result<_, E>>()?)
            }
            Distribution::Sum(parts) => {
                let parts = parts.into_iter().map(|part| part.resolved(read)).collect::<Result<_, E>>()?;
                Distribution::Sum(parts)
            }
            other => other,
        })
    }

    /// The probability of a value of at most `x`; `None` for sums and files, which have no closed form.
    pub fn cdf(&self, x: f64) -> Option<f64> {
        use Distribution as D;
        let step = |reached: bool| f64::from(u8::from(reached));
        if x < 0.0 {
            return Some(0.0);
        }
        Some(match self {
            D::Constant(value) => step(*value <= x),
            D::Exponential { mean } => -libm::expm1(-x / mean),
            D::Lognormal { mu, sigma } if *sigma == 0.0 => step(*mu <= libm::log(x)),
            D::Lognormal { mu, sigma } => normal_cdf((libm::log(x) - mu) / sigma),
            D::Gamma { shape, scale } => gamma_p(*shape, x / scale),
            D::Uniform { low, high } => ((x - low) / (high - low)).clamp(0.0, 1.0),
            D::Triangular { low, mode, high } => triangular_cdf([*low, *mode, *high], x),
            D::Weibull { shape, scale } => -libm::expm1(-libm::pow(x / scale, *shape)),
            D::Pareto { min, .. } if x < *min => 0.0,
            D::Pareto { max, .. } if *max <= x => 1.0,
            D::Pareto { min, alpha, max } => (1.0 - libm::pow(min / x, *alpha)) / (1.0 - libm::pow(min / max, *alpha)),
            D::Normal { mean, deviation } => {
                let negative = normal_cdf(-mean / deviation);
                (normal_cdf((x - mean) / deviation) - negative) / (1.0 - negative)
            }
            D::Geometric { trials, step } => {
                let rate = -libm::log1p(-1.0 / trials);
                -libm::expm1(-rate * (x / step).floor())
            }
            D::Values(values) => values.partition_point(|value| *value <= x) as f64 / values.len() as f64,
            D::Quantiles(points) => quantiles_cdf(points, x),
            D::Mix(parts) => {
                let part = |(share, part): &(f64, Distribution)| part.cdf(x).map(|p| share * p);
                parts.iter().map(part).sum::<Option<f64>>()?
            }
            D::File { .. } | D::Sum(_) => return None,
        })
    }

    /// The value that is not exceeded with probability `q` (0 < q < 1); `None` where there is no closed form.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.cdf(0.0)?;
        let p = |x: f64| self.cdf(x).unwrap_or(1.0);
        let mut high = 1.0;
        while p(high) < q && high < 1e300 {
            high *= 2.0;
        }
        while q <= p(0.5 * high) && 1e-300 < high {
            high *= 0.5;
        }
        Some(bisect(0.0, high, |x| if p(x) < q { -1.0 } else { 1.0 }))
    }

    /// Mean and variance.
    fn moments(&self) -> (f64, f64) {
        use Distribution as D;
        match self {
            D::Constant(value) => (*value, 0.0),
            D::Exponential { mean } => (*mean, mean * mean),
            D::Lognormal { mu, sigma } => {
                let mean = libm::exp(mu + 0.5 * sigma * sigma);
                (mean, mean * mean * libm::expm1(sigma * sigma))
            }
            D::Gamma { shape, scale } => (shape * scale, shape * scale * scale),
            D::Uniform { low, high } => (0.5 * (low + high), (high - low) * (high - low) / 12.0),
            D::Triangular { low: a, mode: b, high: c } => {
                ((a + b + c) / 3.0, (a * a + b * b + c * c - a * b - a * c - b * c) / 18.0)
            }
            D::Weibull { shape, scale } => {
                let mean = scale * libm::tgamma(1.0 + 1.0 / shape);
                (mean, mean * mean * fit::weibull_scv(*shape))
            }
            D::Pareto { min, alpha, max } => from_raw(|r| pareto_moment([*min, *alpha, *max], r)),
            D::Normal { mean, deviation } => {
                let a = -mean / deviation;
                let hazard = normal_density(a) / normal_cdf(-a);
                (mean + deviation * hazard, deviation * deviation * (1.0 + a * hazard - hazard * hazard))
            }
            D::Geometric { trials, step } => (trials * step, trials * (trials - 1.0) * step * step),
            D::Values(values) => {
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                (mean, values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n)
            }
            D::Quantiles(points) => from_raw(|r| quantiles_moment(points, r)),
            D::File { .. } => (f64::NAN, f64::NAN),
            D::Mix(parts) => {
                let of = |(share, part): &(f64, Distribution)| (*share, part.moments());
                let mean: f64 = parts.iter().map(of).map(|(share, (mean, _))| share * mean).sum();
                let spread = |(share, (m, v)): (f64, (f64, f64))| share * (v + (m - mean) * (m - mean));
                (mean, parts.iter().map(of).map(spread).sum())
            }
            D::Sum(parts) => {
                parts.iter().map(D::moments).fold((0.0, 0.0), |(mean, variance), (m, v)| (mean + m, variance + v))
            }
        }
    }
}

/// Mean and variance from the first two raw moments.
fn from_raw(moment: impl Fn(f64) -> f64) -> (f64, f64) {
    let (first, second) = (moment(1.0), moment(2.0));
    (first, if second.is_infinite() { f64::INFINITY } else { second - first * first })
}

/// The `r`-th raw moment of a Pareto (min, alpha, max).
fn pareto_moment([min, alpha, max]: [f64; 3], r: f64) -> f64 {
    let power = |x: f64| (0..r as u32).map(|_| x).product::<f64>();
    if max.is_infinite() {
        return if r < alpha { alpha * power(min) / (alpha - r) } else { f64::INFINITY };
    }
    let cut = 1.0 - libm::pow(min / max, alpha);
    if (alpha - r).abs() < 1e-9 {
        return power(min) * alpha * libm::log(max / min) / cut;
    }
    power(min) * alpha / (alpha - r) * (1.0 - libm::pow(min / max, alpha - r)) / cut
}

fn quantiles_moment(points: &[(f64, f64)], r: f64) -> f64 {
    let stretch = |w: &[(f64, f64)]| {
        let (a, b) = (w[0].1, w[1].1);
        (w[1].0 - w[0].0) * if r < 1.5 { 0.5 * (a + b) } else { (a * a + a * b + b * b) / 3.0 }
    };
    points.windows(2).map(stretch).sum()
}

fn quantiles_cdf(points: &[(f64, f64)], x: f64) -> f64 {
    let next = points.partition_point(|(_, value)| *value <= x);
    match (next.checked_sub(1).map(|before| points[before]), points.get(next)) {
        (None, _) => 0.0,
        (_, None) => 1.0,
        (Some((q, low)), Some((more, high))) => q + (more - q) * (x - low) / (high - low),
    }
}

fn triangular_cdf([low, mode, high]: [f64; 3], x: f64) -> f64 {
    match x {
        _ if x <= low => 0.0,
        _ if high <= x => 1.0,
        _ if x < mode => (x - low) * (x - low) / ((high - low) * (mode - low)),
        _ => 1.0 - (high - x) * (high - x) / ((high - low) * (high - mode)),
    }
}
