//! Drawing: dense tables from which an engine draws by number.
//!
//! A draw is a pure function of (key, occasion): the same whatever was drawn before, and scaled by a factor if the
//! distribution is. The four families of the hot path cost one mix and one table; the rest is kept out of the way.

use std::sync::Arc;

use super::Distribution;
use crate::random::{Chain, Stream, Ziggurat, below, bits, mix, occasion as hashed, unit};

/// All distributions of a model, ready to be drawn.
#[derive(Clone, Debug)]
pub struct Samplers {
    entries: Vec<Entry>,
    /// Mean of each entry in SI, before scaling.
    means: Vec<f64>,
    rare: Arc<Vec<Rare>>,
    ziggurat: Arc<Ziggurat>,
}

/// What to draw and from which stream.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u64,
    a: f64,
    b: f64,
    shape: Shape,
    /// The place in the table of rare ones.
    rare: u32,
}

const _: () = assert!(size_of::<Entry>() == 32, "two entries share a cache line");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Constant,
    Exponential,
    Lognormal,
    Uniform,
    Rare,
}

/// The distributions off the hot path, with what can be computed beforehand.
#[derive(Clone, Debug)]
enum Rare {
    /// A lognormal too wide for the fast exponential.
    Lognormal {
        mu: f64,
        sigma: f64,
    },
    /// `scale * Gamma(d + 1/3) * u^boost`; `boost` is 0 for shapes from 1 up (Marsaglia and Tsang 2000).
    Gamma {
        d: f64,
        scale: f64,
        boost: f64,
    },
    Triangular {
        low: f64,
        mode: f64,
        high: f64,
    },
    Weibull {
        scale: f64,
        power: f64,
    },
    Pareto {
        min: f64,
        power: f64,
        span: f64,
    },
    Normal {
        mean: f64,
        deviation: f64,
    },
    Geometric {
        rate: f64,
        step: f64,
    },
    Values(Vec<f64>),
    Quantiles(Vec<(f64, f64)>),
    /// (cumulated share, entry).
    Mix(Vec<(f64, u16)>),
    Sum(Vec<u16>),
}

impl Samplers {
    /// An empty table.
    pub fn new() -> Samplers {
        Samplers { entries: Vec::new(), means: Vec::new(), rare: Arc::default(), ziggurat: Arc::from(Ziggurat::new()) }
    }

    /// Adds a distribution that is drawn from the stream `key` (a hashed value) and returns its number. `scale` turns SI
    /// into the unit of the engine: 1e9 for ns. Files must have been read.
    pub fn add(&mut self, distribution: &Distribution, key: u64, scale: f64) -> u16 {
        let entry = self.entry(&distribution.scaled(scale), key);
        let id = u16::try_from(self.entries.len()).expect("a model has fewer than 65,536 distributions");
        self.entries.push(entry);
        self.means.resize(self.entries.len(), distribution.mean());
        id
    }

    /// The value on a hashed occasion, in the unit of the engine.
    #[inline(always)]
    pub fn draw(&self, id: u16, occasion: u64) -> f64 {
        let entry = &self.entries[usize::from(id)];
        match entry.shape {
            Shape::Constant => entry.a,
            Shape::Exponential => entry.a * self.ziggurat.exponential(bits(entry.key, occasion)),
            Shape::Lognormal => self.ziggurat.exp(entry.a + entry.b * self.ziggurat.normal(bits(entry.key, occasion))),
            Shape::Uniform => entry.a + entry.b * unit(bits(entry.key, occasion)),
            Shape::Rare => self.draw_rare(entry.rare, entry.key, occasion),
        }
    }

    /// The value on a hashed occasion, rounded to whole nanoseconds, if the scale is 1e9.
    #[inline(always)]
    pub fn draw_ns(&self, id: u16, occasion: u64) -> u64 {
        nanoseconds(self.draw(id, occasion))
    }

    /// The mean of what an entry draws, in SI.
    pub fn mean(&self, id: u16) -> f64 {
        self.means[usize::from(id)]
    }

    /// The key of an entry, for drawing other things of the same place.
    pub fn key(&self, id: u16) -> u64 {
        self.entries[usize::from(id)].key
    }

    /// How many numbers have been given out, parts of mixtures and sums included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The same table for one replication of a run: every key mixed with both numbers.
    #[must_use]
    pub fn rekeyed(&self, seed: u64, replication: u64) -> Samplers {
        let run = hashed(hashed(seed) ^ replication);
        let entries = self.entries.iter().map(|entry| Entry { key: mix(entry.key ^ run), ..*entry }).collect();
        Samplers {
            entries,
            means: self.means.clone(),
            rare: Arc::clone(&self.rare),
            ziggurat: Arc::clone(&self.ziggurat),
        }
    }

    /// The tables for exponential and normal variates, for whoever draws by hand.
    pub fn ziggurat(&self) -> &Ziggurat {
        &self.ziggurat
    }

    fn entry(&mut self, distribution: &Distribution, key: u64) -> Entry {
        use Distribution as D;
        let hot = |shape, a, b| Entry { key, a, b, shape, rare: 0 };
        let rare = match distribution {
            D::Constant(value) => return hot(Shape::Constant, *value, 0.0),
            D::Exponential { mean } => return hot(Shape::Exponential, *mean, 0.0),
            // No normal variate of 64 bits is beyond 10.
            D::Lognormal { mu, sigma } if mu.abs() + 10.0 * sigma < 690.0 => {
                return hot(Shape::Lognormal, *mu, *sigma);
            }
            D::Uniform { low, high } => return hot(Shape::Uniform, *low, high - low),
            D::Lognormal { mu, sigma } => Rare::Lognormal { mu: *mu, sigma: *sigma },
            D::Gamma { shape, scale } if *shape < 1.0 => {
                Rare::Gamma { d: shape + 2.0 / 3.0, scale: *scale, boost: 1.0 / shape }
            }
            D::Gamma { shape, scale } => Rare::Gamma { d: shape - 1.0 / 3.0, scale: *scale, boost: 0.0 },
            D::Triangular { low, mode, high } => Rare::Triangular { low: *low, mode: *mode, high: *high },
            D::Weibull { shape, scale } => Rare::Weibull { scale: *scale, power: 1.0 / shape },
            D::Pareto { min, alpha, max } => {
                Rare::Pareto { min: *min, power: -1.0 / alpha, span: 1.0 - libm::pow(min / max, *alpha) }
            }
            D::Normal { mean, deviation } => Rare::Normal { mean: *mean, deviation: *deviation },
            D::Geometric { trials, .. } if *trials <= 1.0 => return hot(Shape::Constant, distribution.mean(), 0.0),
            D::Geometric { trials, step } => Rare::Geometric { rate: -libm::log1p(-1.0 / trials), step: *step },
            D::Values(values) => Rare::Values(values.clone()),
            D::Quantiles(points) => Rare::Quantiles(points.clone()),
            D::File { .. } => panic!("files are read before a model is made"),
            D::Mix(parts) => self.mixture(parts, key),
            D::Sum(parts) => {
                let of = |(i, part)| self.add(part, Stream { key }.child(i as u64).key, 1.0);
                Rare::Sum(parts.iter().enumerate().map(of).collect())
            }
        };
        let table = Arc::make_mut(&mut self.rare);
        table.push(rare);
        Entry { key, a: 0.0, b: 0.0, shape: Shape::Rare, rare: table.len() as u32 - 1 }
    }

    fn mixture(&mut self, parts: &[(f64, Distribution)], key: u64) -> Rare {
        let mut upto = 0.0;
        let mut table = Vec::with_capacity(parts.len());
        for (i, (share, part)) in parts.iter().enumerate() {
            upto += share;
            table.push((upto, self.add(part, Stream { key }.child(i as u64).key, 1.0)));
        }
        if let Some(last) = table.last_mut() {
            last.0 = 1.0;
        }
        Rare::Mix(table)
    }

    #[cold]
    #[inline(never)]
    fn draw_rare(&self, rare: u32, key: u64, occasion: u64) -> f64 {
        let first = bits(key, occasion);
        let mut chain = Chain::new(first);
        match &self.rare[rare as usize] {
            Rare::Lognormal { mu, sigma } => libm::exp(mu + sigma * self.ziggurat.normal(first)),
            Rare::Gamma { d, scale, boost } => scale * self.gamma(*d, *boost, &mut chain),
            Rare::Triangular { low, mode, high } => {
                let u = unit(first) * (high - low);
                if u < mode - low {
                    low + (u * (mode - low)).sqrt()
                } else {
                    high - ((high - low - u) * (high - mode)).sqrt()
                }
            }
            Rare::Weibull { scale, power } => scale * libm::pow(self.ziggurat.exponential(first), *power),
            Rare::Pareto { min, power, span } => min * libm::pow(1.0 - span * unit(first), *power),
            Rare::Normal { mean, deviation } => loop {
                let x = mean + deviation * self.ziggurat.normal(chain.next_bits());
                if 0.0 < x {
                    return x;
                }
            },
            Rare::Geometric { rate, step } => step * (1.0 + (self.ziggurat.exponential(first) / rate).floor()),
            Rare::Values(values) => values[below(first, values.len() as u32) as usize],
            Rare::Quantiles(points) => between(points, unit(first)),
            Rare::Mix(parts) => {
                let u = unit(first);
                let (_, part) = parts.iter().find(|(upto, _)| u < *upto).expect("the last share reaches 1");
                self.draw(*part, occasion)
            }
            Rare::Sum(parts) => parts.iter().map(|part| self.draw(*part, occasion)).sum(),
        }
    }

    /// A gamma variate of unit scale by squeezing a cubed normal (Marsaglia and Tsang 2000).
    fn gamma(&self, d: f64, boost: f64, chain: &mut Chain) -> f64 {
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.ziggurat.normal(chain.next_bits());
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if libm::log(chain.next_unit()) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
                return d * v * if boost == 0.0 { 1.0 } else { libm::pow(chain.next_unit(), boost) };
            }
        }
    }
}

impl Default for Samplers {
    fn default() -> Self {
        Samplers::new()
    }
}

/// The nearest whole number of a value that is not negative: by adding 2^52 where that works, which is up to 46 days.
#[inline(always)]
pub fn nanoseconds(x: f64) -> u64 {
    if x < 4.0e15 { (x + 4_503_599_627_370_496.0).to_bits() & ((1 << 52) - 1) } else { x as u64 }
}

/// The value of a quantile function that is linear between points.
fn between(points: &[(f64, f64)], share: f64) -> f64 {
    let next = points.partition_point(|(q, _)| *q <= share).clamp(1, points.len() - 1);
    let ((q, low), (more, high)) = (points[next - 1], points[next]);
    low + (high - low) * ((share - q) / (more - q))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::parse;
    use crate::theory::estimate::{ks_p_value, ks_statistic, ks_two_samples};
    use crate::units::Dimension;
    use rand::SeedableRng;
    use rand_distr::Distribution as _;
    use statrs::distribution::ContinuousCDF;

    fn drawn(text: &str, n: u64) -> Vec<f64> {
        let distribution = parse(text, Dimension::Time).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let mut samplers = Samplers::new();
        let id = samplers.add(&distribution, mix(77), 1.0);
        let mut values: Vec<f64> = (0..n).map(|i| samplers.draw(id, hashed(i))).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// Case `s-dist`: a million draws each; mean within 1 %, percentiles within 2 %.
    #[test]
    fn s_dist_moments_and_percentiles() {
        let n = 400_000;
        for (text, mean, deviation, percentiles) in [
            ("exp(100s)", 100.0, 100.0, [69.314718, 299.57323, 460.51702]),
            ("lognormal(mean=100s cv=1)", 100.0, 100.0, [70.710678, 278.11288, 490.49165]),
            ("lognormal(mean=100s cv=0.5)", 100.0, 50.0, [89.442719, 194.53178, 268.41125]),
            ("erlang(k=4 mean=100s)", 100.0, 50.0, [91.801519, 193.84141, 251.12794]),
            ("gamma(shape=0.5 mean=100s)", 100.0, 141.42136, [45.493642, 384.14588, 663.48966]),
            ("weibull(shape=0.7 mean=100s)", 100.0, 146.24246, [46.798792, 378.7437, 700.03649]),
            ("weibull(shape=2 mean=100s)", 100.0, 52.27232, [93.943728, 195.30194, 242.14634]),
            ("pareto(min=60s alpha=2.5)", 100.0, 89.442719, [79.170475, 198.86724, 378.57441]),
            ("uniform(50s 150s)", 100.0, 28.867513, [100.0, 145.0, 149.0]),
            ("triangular(0s 50s 250s)", 100.0, 54.006172, [91.886117, 200.0, 227.63932]),
            ("lognormal(p50=80s p99=400s)", 101.63025, 79.5, [80.0, 249.63159, 400.0]),
        ] {
            let values = drawn(text, n);
            let distribution = parse(text, Dimension::Time).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let found = values.iter().sum::<f64>() / n as f64;
            assert!((found / mean - 1.0).abs() < 0.01, "{text}: mean {found}");
            let exact = distribution.scv().sqrt() * distribution.mean();
            assert!((exact / deviation - 1.0).abs() < 0.002, "{text}: deviation {exact}");
            for (q, value) in [0.5, 0.95, 0.99].into_iter().zip(percentiles) {
                let found = values[(q * n as f64) as usize];
                assert!((found / value - 1.0).abs() < 0.02, "{text}: p{} {found}", 100.0 * q);
                let inverse = distribution.quantile(q).unwrap_or(0.0);
                assert!((inverse / value - 1.0).abs() < 1e-6, "{text}: p{} {inverse}", 100.0 * q);
            }
        }
    }

    fn agrees(text: &str, cdf: impl Fn(f64) -> f64) {
        let values = drawn(text, 50_000);
        let p = ks_p_value(ks_statistic(&values, &cdf), values.len());
        assert!(1e-4 < p, "{text}: {p}");
    }

    #[test]
    fn draws_follow_the_distribution_functions_of_statrs() {
        use statrs::distribution as oracle;
        let cdf = |d: Box<dyn ContinuousCDF<f64, f64>>| move |x| d.cdf(x);
        agrees("exp(2s)", cdf(Box::new(oracle::Exp::new(0.5).expect("good"))));
        agrees("lognormal(mu=0.3 sigma=0.8)", cdf(Box::new(oracle::LogNormal::new(0.3, 0.8).expect("good"))));
        agrees("gamma(shape=0.4 scale=2s)", cdf(Box::new(oracle::Gamma::new(0.4, 0.5).expect("good"))));
        agrees("gamma(shape=7.3 scale=2s)", cdf(Box::new(oracle::Gamma::new(7.3, 0.5).expect("good"))));
        agrees("erlang(k=3 mean=3s)", cdf(Box::new(oracle::Erlang::new(3, 1.0).expect("good"))));
        agrees("uniform(1s 5s)", cdf(Box::new(oracle::Uniform::new(1.0, 5.0).expect("good"))));
        agrees("triangular(1s 2s 5s)", cdf(Box::new(oracle::Triangular::new(1.0, 5.0, 2.0).expect("good"))));
        agrees("weibull(shape=0.7 scale=2s)", cdf(Box::new(oracle::Weibull::new(0.7, 2.0).expect("good"))));
        agrees("pareto(min=1s alpha=1.5)", cdf(Box::new(oracle::Pareto::new(1.0, 1.5).expect("good"))));
        let normal = oracle::Normal::new(1.0, 2.0).expect("good");
        agrees("normal(mean=1s sd=2s)", |x| (normal.cdf(x) - normal.cdf(0.0)) / (1.0 - normal.cdf(0.0)));
        let (fast, slow) = (oracle::Exp::new(1.0).expect("good"), oracle::Exp::new(0.1).expect("good"));
        agrees("mix(90% exp(1s) | 10% exp(10s))", |x| 0.9 * fast.cdf(x) + 0.1 * slow.cdf(x));
        agrees("2s + exp(1s)", |x| fast.cdf((x - 2.0).max(0.0)));
        let erlang = oracle::Erlang::new(2, 1.0).expect("good");
        agrees("exp(1s) + exp(1s)", |x| erlang.cdf(x));
    }

    #[test]
    fn draws_follow_their_own_distribution_functions() {
        for text in [
            "hyperexp(mean=5s cv=2)",
            "pareto(min=1s alpha=1.1 max=50s)",
            "empirical(p0=1s p50=2s p90=7s p100=30s)",
            "lognormal(mu=1 sigma=100)",
            "normal(p50=3s p99=10s)",
            "gamma(p50=3s p99=20s)",
        ] {
            let distribution = parse(text, Dimension::Time).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            agrees(text, |x| distribution.cdf(x).unwrap_or(0.0));
        }
    }

    #[test]
    fn samples_are_like_those_of_rand_distr() {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(5);
        let mut same = |text: &str, oracle: &mut dyn FnMut(&mut rand_xoshiro::Xoshiro256PlusPlus) -> f64| {
            let n = 40_000;
            let mut theirs: Vec<f64> = (0..n).map(|_| oracle(&mut rng)).collect();
            theirs.sort_by(f64::total_cmp);
            let d = ks_two_samples(&drawn(text, n), &theirs);
            assert!(1e-4 < ks_p_value(d, n as usize / 2), "{text}: {d}");
        };
        let gamma = rand_distr::Gamma::new(2.5, 1.0).expect("good");
        same("gamma(shape=2.5 scale=1s)", &mut |rng| gamma.sample(rng));
        let weibull = rand_distr::Weibull::new(1.0, 1.5).expect("good");
        same("weibull(shape=1.5 scale=1s)", &mut |rng| weibull.sample(rng));
        let lognormal = rand_distr::LogNormal::new(0.0, 0.5).expect("good");
        same("lognormal(mu=0 sigma=0.5)", &mut |rng| lognormal.sample(rng));
    }

    #[test]
    fn counts_follow_the_geometric_law() {
        let geometric = parse("geometric(4)", Dimension::Count).expect("a good text");
        let mut samplers = Samplers::new();
        let id = samplers.add(&geometric, mix(3), 1.0);
        let n = 100_000;
        let mut counts = [0u32; 12];
        for i in 0..n {
            let value = samplers.draw(id, hashed(i));
            assert!(1.0 <= value && value.fract() == 0.0);
            counts[(value as usize).min(12) - 1] += 1;
        }
        let mut chi = 0.0;
        let mut left = 1.0;
        for (k, &count) in counts.iter().enumerate() {
            let p = if k == 11 { left } else { left * 0.25 };
            left -= p;
            let expected = p * n as f64;
            chi += (f64::from(count) - expected) * (f64::from(count) - expected) / expected;
        }
        assert!(chi < 35.0, "{chi}");
    }

    /// Case `s-poisson`: counts in bins of a second have a variance as large as their mean; of constant gaps, none.
    #[test]
    fn s_poisson_index_of_dispersion() {
        let dispersion = |text: &str| {
            let gaps = parse(text, Dimension::Time).expect("a good text");
            let mut samplers = Samplers::new();
            let id = samplers.add(&gaps, mix(21), 1.0);
            let bins = 20_000;
            let mut counts = vec![0.0; bins];
            let (mut now, mut n) = (0.005, 0);
            while now < bins as f64 {
                counts[now as usize] += 1.0;
                now += samplers.draw(id, hashed(n));
                n += 1;
            }
            let mean = counts.iter().sum::<f64>() / bins as f64;
            counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / bins as f64 / mean
        };
        let poisson = dispersion("exp(10ms)");
        assert!((poisson - 1.0).abs() < 0.03, "{poisson}");
        assert!(dispersion("10ms") < 0.001);
        let bursts = dispersion("hyperexp(mean=10ms cv=2)");
        assert!((3.0..5.0).contains(&bursts), "{bursts}");
    }

    #[test]
    fn scaling_keeps_the_luck_of_each_occasion() {
        for text in [
            "exp(5.6ms)",
            "lognormal(mean=5.6ms cv=1)",
            "gamma(mean=5.6ms cv=0.5)",
            "gamma(mean=5.6ms cv=2)",
            "hyperexp(mean=5.6ms cv=2)",
            "weibull(mean=5.6ms cv=2)",
            "1ms + exp(4.6ms)",
            "pareto(min=1ms alpha=2 max=10s)",
            "uniform(1ms 9ms)",
        ] {
            let distribution = parse(text, Dimension::Time).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let factor = 5.5 / 5.6;
            let mut samplers = Samplers::new();
            let before = samplers.add(&distribution, mix(8), 1e9);
            let after = samplers.add(&distribution.scaled(factor), mix(8), 1e9);
            for i in 0..1000 {
                let (x, y) = (samplers.draw(before, hashed(i)), samplers.draw(after, hashed(i)));
                assert!((y / x / factor - 1.0).abs() < 1e-13, "{text}: {x} {y}");
            }
        }
    }

    #[test]
    fn replications_and_seeds_draw_anew_and_repeat() {
        let mut samplers = Samplers::new();
        let id = samplers.add(&Distribution::Exponential { mean: 0.01 }, mix(1), 1e9);
        let run = |seed, replication| samplers.rekeyed(seed, replication).draw_ns(id, hashed(5));
        assert_eq!(run(42, 0), run(42, 0));
        assert!(run(42, 0) != run(42, 1) && run(42, 0) != run(43, 0) && run(42, 1) != run(43, 0));
    }

    #[test]
    fn nanoseconds_round_to_the_nearest() {
        for x in [0.0, 0.4, 0.6, 1.5, 123_456_789.49, 3.9e15, 4.1e15, 1e18] {
            assert!((nanoseconds(x) as f64 - x).abs() <= 0.5, "{x}");
        }
        assert_eq!(nanoseconds(1e30), u64::MAX);
        assert_eq!(nanoseconds(f64::INFINITY), u64::MAX);
    }
}
