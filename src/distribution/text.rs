//! Distributions as the scenario writes them.

use super::Distribution;
use super::fit::{self, Family, Percentile};
use crate::reader::{ReadError, Term, Value, Word};
use crate::units::Dimension;

/// The names of the families.
pub const FAMILIES: [&str; 13] = [
    "exp",
    "lognormal",
    "gamma",
    "erlang",
    "hyperexp",
    "uniform",
    "triangular",
    "weibull",
    "pareto",
    "normal",
    "geometric",
    "empirical",
    "mix",
];

/// The distribution a value says.
pub(super) fn from_value(value: &Value, dimension: Dimension) -> Result<Distribution, ReadError> {
    match value {
        Value::Word(word) if FAMILIES.contains(&word.text.as_str()) => {
            Err(word
                .wrong(format!("`{}` needs arguments", word.text), Some(format!("write `{}`", example(&word.text)))))
        }
        Value::Word(word) => Ok(Distribution::Constant(size(word, dimension)?)),
        Value::Call(term) => from_term(term, dimension),
        Value::Sum(values) => {
            let mut constant = 0.0;
            let mut parts = Vec::new();
            for value in values {
                match from_value(value, dimension)? {
                    Distribution::Constant(value) => constant += value,
                    part => parts.push(part),
                }
            }
            if parts.is_empty() {
                return Ok(Distribution::Constant(constant));
            }
            if 0.0 < constant {
                parts.insert(0, Distribution::Constant(constant));
            }
            Ok(Distribution::Sum(parts))
        }
    }
}

fn from_term(term: &Term, dimension: Dimension) -> Result<Distribution, ReadError> {
    let read = Reading { term, dimension };
    if let (Some(factor), true) = (term.args.iter().find(|arg| arg.is_factor()), term.name.text != "mix") {
        return Err(factor.value.wrong("a factor has no place in a distribution", Some(read.advice())));
    }
    match term.name.text.as_str() {
        "exp" => read.exponential(),
        "lognormal" => read.lognormal(),
        "gamma" => read.shaped(Family::Gamma),
        "erlang" => read.erlang(),
        "hyperexp" => read.two(Family::Hyperexponential, &[]),
        "uniform" => read.uniform(),
        "triangular" => read.triangular(),
        "weibull" => read.shaped(Family::Weibull),
        "pareto" => read.pareto(),
        "normal" => read.two(Family::Normal, &[]),
        "geometric" => read.geometric(),
        "empirical" => read.empirical(),
        "mix" => read.mix(),
        _ => Err(term.unknown("a distribution", &FAMILIES)),
    }
}

/// A good way to write each family.
fn example(name: &str) -> &'static str {
    match name {
        "exp" => "exp(3ms)",
        "lognormal" => "lognormal(p50=3ms p99=20ms)",
        "gamma" => "gamma(mean=5ms cv=0.5)",
        "erlang" => "erlang(k=3 mean=5ms)",
        "hyperexp" => "hyperexp(mean=5ms cv=2)",
        "uniform" => "uniform(1ms 5ms)",
        "triangular" => "triangular(1ms 2ms 5ms)",
        "weibull" => "weibull(mean=5ms cv=2)",
        "pareto" => "pareto(min=1ms alpha=1.5 max=10s)",
        "normal" => "normal(mean=5ms sd=1ms)",
        "geometric" => "geometric(4)",
        "empirical" => "empirical(file.csv)",
        _ => "mix(90% exp(1ms) | 10% exp(50ms))",
    }
}

/// A quantity that is not negative.
fn size(word: &Word, dimension: Dimension) -> Result<f64, ReadError> {
    let value = word.quantity(dimension)?;
    if value < 0.0 { Err(word.wrong("it cannot be negative", None)) } else { Ok(value) }
}

/// A term being read, with the dimension its values must have.
struct Reading<'a> {
    term: &'a Term,
    dimension: Dimension,
}

impl Reading<'_> {
    fn advice(&self) -> String {
        format!("write it as in `{}`", example(&self.term.name.text))
    }

    fn wrong(&self, message: impl Into<String>) -> ReadError {
        self.term.wrong(message, Some(self.advice()))
    }

    /// Insists on so many plain arguments, and no named ones but these and percentiles.
    fn takes(&self, plain: usize, keys: &[&str]) -> Result<(), ReadError> {
        let percentiles = self.percentiles()?;
        let names = percentiles.iter().map(|(name, _)| name.as_str());
        let known: Vec<&str> = keys.iter().copied().chain(names).collect();
        self.term.expect_only(&known)?;
        self.term.expect_positionals(0, plain, example(&self.term.name.text))
    }

    fn named(&self, key: &str) -> Result<Option<f64>, ReadError> {
        self.positive(key, self.dimension)
    }

    fn number(&self, key: &str) -> Result<Option<f64>, ReadError> {
        self.positive(key, Dimension::Number)
    }

    fn positive(&self, key: &str, dimension: Dimension) -> Result<Option<f64>, ReadError> {
        let found = self.term.named_quantity(key, dimension)?;
        match (found, self.term.named(key)) {
            (Some(number), Some(value)) if number <= 0.0 => Err(value.wrong(format!("`{key}` must be positive"), None)),
            _ => Ok(found),
        }
    }

    /// The arguments `p50=`, `p99.9=` and so on, by rising share.
    fn percentiles(&self) -> Result<Vec<(String, Percentile)>, ReadError> {
        let mut found = Vec::new();
        for (key, value) in self.term.named_args() {
            let Some(percent) = key.text.strip_prefix('p').and_then(|number| number.parse::<f64>().ok()) else {
                continue;
            };
            if !(0.0..=100.0).contains(&percent) {
                let help = Some("write `p99.9` for the 99.9th percentile".to_owned());
                return Err(key.wrong(format!("`{}` is not a percentile", key.text), help));
            }
            let share = percent / 100.0;
            found.push((key.text.clone(), Percentile { share, value: value.quantity(self.dimension)? }));
        }
        found.sort_by(|a, b| a.1.share.total_cmp(&b.1.share));
        Ok(found)
    }

    /// A family by mean and `cv` or `sd`, or by two percentiles; `keys` are the textbook names it has besides.
    fn two(&self, family: Family, keys: &[&str]) -> Result<Distribution, ReadError> {
        let known: Vec<&str> = ["mean", "cv", "sd"].into_iter().chain(keys.iter().copied()).collect();
        self.takes(0, &known)?;
        let percentiles = self.percentiles()?;
        let mean = self.named("mean")?;
        let cv = match (self.number("cv")?, self.named("sd")?, mean) {
            (Some(_), Some(_), _) => return Err(self.wrong("`cv` and `sd` say the same thing twice")),
            (Some(cv), None, _) => Some(cv),
            (None, Some(sd), Some(mean)) => Some(sd / mean),
            _ => None,
        };
        let fitted = match (mean, cv, percentiles.as_slice()) {
            (Some(mean), Some(cv), []) => fit::by_mean(family, mean, cv),
            (None, None, [(_, a), (_, b)]) if 0.0 < a.share && b.share < 1.0 => fit::by_percentiles(family, *a, *b),
            (Some(_), None, []) => Err(format!("`{}` needs a `cv` or an `sd` beside its mean", self.term.name.text)),
            _ => Err(format!("`{}` is given by its mean and `cv`, or by two percentiles", self.term.name.text)),
        };
        fitted.map_err(|message| self.wrong(message))
    }

    fn exponential(&self) -> Result<Distribution, ReadError> {
        self.takes(1, &["mean"])?;
        let percentiles = self.percentiles()?;
        let mean = match (self.term.positional(0), self.named("mean")?, percentiles.as_slice()) {
            (Some(value), None, []) => value.quantity(self.dimension)?,
            (None, Some(mean), []) => mean,
            (None, None, [(_, p)]) if 0.0 < p.share && p.share < 1.0 => -p.value / libm::log1p(-p.share),
            _ => return Err(self.wrong("`exp` is given by its mean, or by one percentile")),
        };
        if mean <= 0.0 {
            return Err(self.wrong("the mean must be positive"));
        }
        Ok(Distribution::Exponential { mean })
    }

    fn lognormal(&self) -> Result<Distribution, ReadError> {
        self.takes(0, &["mean", "cv", "sd", "mu", "sigma"])?;
        let mu = self.term.named_quantity("mu", Dimension::Number)?;
        match (mu, self.number("sigma")?) {
            (Some(mu), Some(sigma)) if self.term.args.len() == 2 => Ok(Distribution::Lognormal { mu, sigma }),
            (None, None) => self.two(Family::Lognormal, &["mu", "sigma"]),
            _ => Err(self.wrong("`mu` and `sigma` belong together and stand alone")),
        }
    }

    /// Gamma and Weibull, which have a shape and a scale.
    fn shaped(&self, family: Family) -> Result<Distribution, ReadError> {
        self.takes(0, &["mean", "cv", "sd", "shape", "scale"])?;
        let Some(shape) = self.number("shape")? else {
            if self.term.named("scale").is_some() {
                return Err(self.wrong("`scale` needs a `shape`"));
            }
            return self.two(family, &["shape", "scale"]);
        };
        if self.term.args.len() != 2 {
            return Err(self.wrong("`shape` stands with `scale` or with `mean`"));
        }
        let of_unit_mean = if family == Family::Gamma { shape } else { libm::tgamma(1.0 + 1.0 / shape) };
        let scale = match (self.named("scale")?, self.named("mean")?) {
            (Some(scale), None) => scale,
            (None, Some(mean)) => mean / of_unit_mean,
            _ => return Err(self.wrong("`shape` stands with `scale` or with `mean`")),
        };
        Ok(match family {
            Family::Gamma => Distribution::Gamma { shape, scale },
            _ => Distribution::Weibull { shape, scale },
        })
    }

    fn erlang(&self) -> Result<Distribution, ReadError> {
        self.takes(0, &["k", "mean"])?;
        let (Some(k), Some(mean), 2) = (self.number("k")?, self.named("mean")?, self.term.args.len()) else {
            return Err(self.wrong("`erlang` is given by its number of phases and its mean"));
        };
        if k.fract() != 0.0 {
            return Err(self.wrong("the number of phases is a whole number; `gamma` takes any shape"));
        }
        Ok(Distribution::Gamma { shape: k, scale: mean / k })
    }

    fn uniform(&self) -> Result<Distribution, ReadError> {
        if self.term.positional(0).is_none() {
            return self.two(Family::Uniform, &[]);
        }
        self.takes(2, &[])?;
        let [low, high] = self.rising()?;
        Ok(Distribution::Uniform { low, high })
    }

    fn triangular(&self) -> Result<Distribution, ReadError> {
        self.takes(3, &[])?;
        let [low, mode, high] = self.rising()?;
        if low == high {
            return Err(self.wrong("the least must be below the greatest"));
        }
        Ok(Distribution::Triangular { low, mode, high })
    }

    /// So many plain arguments, none below the one before.
    fn rising<const N: usize>(&self) -> Result<[f64; N], ReadError> {
        let name = example(&self.term.name.text);
        self.term.expect_positionals(N, N, name)?;
        let mut values = [0.0; N];
        for i in 0..N {
            values[i] = self.term.quantity(i, self.dimension, name)?;
            if values[i] < 0.0 || (0 < i && values[i] < values[i - 1]) {
                return Err(self.wrong("the values must rise, from 0 at least"));
            }
        }
        Ok(values)
    }

    fn pareto(&self) -> Result<Distribution, ReadError> {
        self.takes(0, &["min", "alpha", "max", "mean", "cv", "sd"])?;
        let Some(min) = self.named("min")? else { return self.two(Family::Pareto, &["min", "alpha", "max"]) };
        let (Some(alpha), max) = (self.number("alpha")?, self.named("max")?) else {
            return Err(self.wrong("`min` needs an `alpha`"));
        };
        if self.term.args.len() != 2 + usize::from(max.is_some()) {
            return Err(self.wrong("`min`, `alpha` and `max` say it all"));
        }
        let max = max.unwrap_or(f64::INFINITY);
        if max <= min {
            return Err(self.wrong("`min` must be below `max`"));
        }
        Ok(Distribution::Pareto { min, alpha, max })
    }

    fn geometric(&self) -> Result<Distribution, ReadError> {
        self.takes(1, &["mean"])?;
        let trials = match (self.term.positional(0), self.term.named_quantity("mean", self.dimension)?) {
            (Some(value), None) => value.quantity(self.dimension)?,
            (None, Some(mean)) => mean,
            _ => return Err(self.wrong("`geometric` is given by its mean")),
        };
        if !matches!(self.dimension, Dimension::Count | Dimension::Number) {
            return Err(self.wrong(format!("`geometric` counts, but {} is expected", self.dimension.noun())));
        }
        if trials < 1.0 {
            return Err(self.wrong("the mean is at least 1, because the first try counts"));
        }
        Ok(Distribution::Geometric { trials, step: 1.0 })
    }

    fn empirical(&self) -> Result<Distribution, ReadError> {
        self.takes(1, &[])?;
        let percentiles = self.percentiles()?;
        if let (Some(Value::Word(path)), []) = (self.term.positional(0), percentiles.as_slice()) {
            return Ok(Distribution::File { path: path.text.clone(), factor: 1.0 });
        }
        let points: Vec<(f64, f64)> = percentiles.iter().map(|(_, p)| (p.share, p.value)).collect();
        let ends = points.first().zip(points.last()).map(|(first, last)| (first.0, last.0));
        if self.term.positional(0).is_some() || ends != Some((0.0, 1.0)) {
            return Err(self.wrong("`empirical` is given by a file, or by percentiles from `p0` to `p100`"));
        }
        if points[0].1 < 0.0 || points.windows(2).any(|pair| pair[1].1 < pair[0].1) {
            return Err(self.wrong("the percentiles must rise, from 0 at least"));
        }
        Ok(Distribution::Quantiles(points))
    }

    fn mix(&self) -> Result<Distribution, ReadError> {
        let mut parts = Vec::new();
        for branch in self.term.branches() {
            let [weight, part] = branch else {
                let first = branch.first().expect("a branch has an argument");
                let message = "each branch is a share and a distribution, with `|` between branches";
                return Err(first.value.wrong(message, Some(self.advice())));
            };
            if let Some(key) = weight.key.as_ref().or(part.key.as_ref()) {
                return Err(key.wrong("`mix` has no named arguments", Some(self.advice())));
            }
            let share = weight.value.quantity(Dimension::Number)?;
            if share < 0.0 {
                return Err(weight.value.wrong("a share cannot be negative", None));
            }
            parts.push((share, from_value(&part.value, self.dimension)?));
        }
        let whole: f64 = parts.iter().map(|(share, _)| share).sum();
        if whole <= 0.0 {
            return Err(self.wrong("the shares add to nothing"));
        }
        let written_as_percent =
            self.term.args.iter().any(|arg| arg.value.word().is_some_and(|w| w.text.ends_with('%')));
        if written_as_percent && 1e-9 < (whole - 1.0).abs() {
            return Err(self.wrong(format!("the shares add to {}%", (whole * 1e4).round() / 100.0)));
        }
        Ok(Distribution::mix(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::parse;

    fn read(text: &str) -> Distribution {
        parse(text, Dimension::Time).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn every_family_is_read_with_its_mean() {
        for (text, mean, scv) in [
            ("3ms", 0.003, 0.0),
            ("exp(3ms)", 0.003, 1.0),
            ("exp(p50=2ms)", 0.002 / std::f64::consts::LN_2, 1.0),
            ("lognormal(mean=5ms cv=1)", 0.005, 1.0),
            ("lognormal(mu=0 sigma=1)", 1.648_721_270_700_128_2, 1.718_281_828_459_045),
            ("gamma(mean=5ms cv=2)", 0.005, 4.0),
            ("gamma(mean=5ms sd=10ms)", 0.005, 4.0),
            ("gamma(shape=4 scale=2s)", 8.0, 0.25),
            ("erlang(k=3 mean=5ms)", 0.005, 1.0 / 3.0),
            ("hyperexp(mean=5ms cv=2)", 0.005, 4.0),
            ("uniform(1ms 5ms)", 0.003, 4.0 / 27.0),
            ("uniform(1ms, 5ms)", 0.003, 4.0 / 27.0),
            ("triangular(0s 50s 250s)", 100.0, 0.291_666_666),
            ("weibull(mean=100s cv=1)", 100.0, 1.0),
            ("weibull(shape=2 mean=100s)", 100.0, 0.273_239_54),
            ("pareto(min=60s alpha=2.5)", 100.0, 0.8),
            ("pareto(min=1s alpha=1 max=10s)", 2.558_427_88, 0.527_755),
            ("normal(mean=100ms sd=10ms)", 0.1, 0.01),
            ("mix(90% exp(1ms) | 10% exp(50ms))", 0.0059, 13.415_398),
            ("mix(9 1ms | 1 11ms)", 0.002, 2.25),
            ("2ms + exp(1ms)", 0.003, 1.0 / 9.0),
            ("empirical(p0=0s p50=2s p100=4s)", 2.0, 1.0 / 3.0),
        ] {
            let found = read(text);
            assert!((found.mean() / mean - 1.0).abs() < 1e-6, "{text}: {}", found.mean());
            assert!((found.scv() - scv).abs() < 1e-5, "{text}: {}", found.scv());
        }
        assert_eq!(parse("geometric(4)", Dimension::Count).map(|d| (d.mean(), d.scv())), Ok((4.0, 0.75)));
        assert_eq!(read("2ms + 3ms"), Distribution::Constant(0.005));
        assert!(read("2ms").is_constant() && !read("exp(2ms)").is_constant());
    }

    #[test]
    fn dashboards_figures_are_kept() {
        for name in ["lognormal", "gamma", "weibull", "pareto"] {
            let found = read(&format!("{name}(p50=80ms p99=400ms)"));
            assert!((found.cdf(0.08).unwrap_or(0.0) - 0.5).abs() < 1e-9, "{name}");
            assert!((found.cdf(0.4).unwrap_or(0.0) - 0.99).abs() < 1e-9, "{name}");
        }
        // Case `s-dist`, last row.
        let Distribution::Lognormal { mu, sigma } = read("lognormal(p50=80s p99=400s)") else { panic!("a lognormal") };
        assert!((mu - 4.3820266).abs() < 1e-6 && (sigma - 0.69183028).abs() < 1e-7);
        assert!((read("lognormal(p50=80s p99=400s)").mean() - 101.63025).abs() < 1e-4);
    }

    #[test]
    fn files_are_left_to_the_caller() {
        let found = read("1ms + empirical(times/a.csv)");
        assert_eq!(found.files(), ["times/a.csv"]);
        let read = found.resolved(&mut |_| Ok::<_, ()>(vec![0.003, 0.001]));
        assert!(read.is_ok_and(|d| (d.mean() - 0.003).abs() < 1e-15));
    }

    #[test]
    fn mistakes_are_marked_and_answered() {
        let error = |text: &str| {
            let error = parse(text, Dimension::Time).expect_err(text);
            (text[error.start..error.end].to_owned(), error.message, error.help.unwrap_or_default())
        };
        assert_eq!(
            error("exp(3)"),
            ("3".into(), "`3` has no unit, and a time needs one".into(), "write `3ms` or `3s`".into())
        );
        assert_eq!(error("expo(3ms)").2, "did you mean `exp`?");
        assert_eq!(error("exp").2, "write `exp(3ms)`");
        assert_eq!(error("lognormal(mean=5ms cb=1)").0, "cb");
        assert_eq!(error("mix(90% exp(1ms) | 20% exp(50ms))").1, "the shares add to 110%");
        for text in [
            "exp(0ms)",
            "exp(1ms 2ms)",
            "uniform(5ms 1ms)",
            "uniform(5ms)",
            "lognormal(mean=5ms)",
            "lognormal(p50=5ms p99=4ms)",
            "lognormal(mean=5ms p99=20ms)",
            "hyperexp(mean=5ms cv=0.5)",
            "erlang(k=2.5 mean=5ms)",
            "geometric(4)",
            "mix(exp(1ms))",
            "mix()",
            "pareto(min=1s alpha=2 max=1s)",
            "lognormal(p999=5ms p50=1ms)",
            "empirical(p50=1ms p100=2ms)",
            "-3ms",
            "exp(3ms x2)",
        ] {
            assert!(parse(text, Dimension::Time).is_err(), "{text}");
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic_and_errors_mark_bytes_of_it() {
        use crate::random::{below, bits, mix, occasion};
        let pieces: Vec<&str> =
            "exp( lognormal( mix( uniform( gamma( p50= p99= mean= cv= k= 3ms 0.5 90% 2 1e9 -1 x2 ( ) | , + = \" / µ $ % s e . é"
                .split(' ')
                .collect();
        for i in 0..20_000 {
            let draw = |n: u64| below(bits(mix(31), occasion(16 * i + n)), pieces.len() as u32) as usize;
            let length = 1 + i % 9;
            let mut text = String::new();
            for n in 0..length {
                text.push_str(pieces[draw(n)]);
                text.push_str(if n % 2 == 0 { " " } else { "" });
            }
            match parse(&text, if i % 3 == 0 { Dimension::Count } else { Dimension::Time }) {
                Ok(found) => assert!(!found.files().is_empty() || 0.0 <= found.mean(), "{text}"),
                Err(error) => assert!(text.get(error.start..error.end).is_some(), "{text}: {error:?}"),
            }
        }
    }
}
