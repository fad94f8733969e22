//! Settings that a study varies: `web.instances=2..10:2`, `redis.eviction=lru,lfu`, `load.users.rate=1k/s..64k/s:x2`.
//!
//! A list stands as it is. A range has two ends of one dimension and a step: a number or quantity that is added, a factor
//! `x2` that is multiplied, or nothing, which is a step of one between whole numbers. `lru,lfu` is split at commas outside
//! brackets. Where points are drawn instead of laid out, a range needs only its ends, and `:log` spreads them by orders of
//! magnitude.

use crate::random::{Chain, mix};
use crate::report::json::twelve_digits;
use crate::units::{Dimension, Quantity, parse, parse_factor, write};

/// Most points of a grid; who wants more should draw them.
const MOST: usize = 10_000;

/// One setting and what it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub path: String,
    pub values: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Texts as `--set` takes them.
    List(Vec<String>),
    /// Anything between two ends.
    Range(Range),
}

/// Two ends of one dimension, the lower first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
    pub dimension: Dimension,
    /// Only whole numbers make sense.
    pub whole: bool,
    pub step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Unsaid,
    Add(f64),
    Times(f64),
    /// Spread by orders of magnitude, where points are drawn.
    Log,
}

/// Reads `PATH=VALUES`; what is wrong is told in lower case without a full stop.
pub fn axis(text: &str) -> Result<Axis, String> {
    let (path, values) = text.split_once('=').ok_or_else(|| format!("`{text}` varies nothing; write PATH=VALUES"))?;
    if path.trim().is_empty() || values.trim().is_empty() {
        return Err(format!("`{text}` varies nothing; write PATH=VALUES"));
    }
    let path = path.trim().to_owned();
    let values = match values.split_once("..") {
        Some((low, rest)) => Values::Range(range(low.trim(), rest.trim()).map_err(|why| format!("`{text}`: {why}"))?),
        None => Values::List(list(values)),
    };
    Ok(Axis { path, values })
}

/// The parts of a list, split at commas outside of brackets.
fn list(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in text.chars() {
        depth += i32::from("([{".contains(letter)) - i32::from(")]}".contains(letter));
        match (letter, parts.last_mut()) {
            (',', _) if depth == 0 => parts.push(String::new()),
            (letter, Some(part)) => part.push(letter),
            (_, None) => {}
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn range(low: &str, rest: &str) -> Result<Range, String> {
    let (high, step) = rest.split_once(':').map_or((rest, None), |(high, step)| (high.trim(), Some(step.trim())));
    let of = |text: &str| parse(text).map_err(|error| error.message);
    let (from, to) = (of(low)?, of(high)?);
    let plain = |dimension: Dimension| matches!(dimension, Dimension::Count | Dimension::Number);
    if from.dimension != to.dimension && !(plain(from.dimension) && plain(to.dimension)) {
        return Err(format!("`{low}` is {}, `{high}` is {}", from.dimension.noun(), to.dimension.noun()));
    }
    if to.value <= from.value {
        return Err(format!("`{low}` is not less than `{high}`"));
    }
    let is_whole = |value: f64| value.fract() == 0.0;
    let whole = plain(from.dimension) && is_whole(from.value) && is_whole(to.value);
    let step = match step {
        None => Step::Unsaid,
        Some("log") => Step::Log,
        Some(text) if text.starts_with('x') => Step::Times(parse_factor(text).map_err(|error| error.message)?),
        Some(text) => Step::Add(of(text)?.value),
    };
    let whole = whole && !matches!(step, Step::Add(step) if !is_whole(step));
    let stands = match step {
        Step::Add(step) => 0.0 < step,
        Step::Times(factor) => 1.0 < factor && 0.0 < from.value,
        Step::Log => 0.0 < from.value,
        Step::Unsaid => true,
    };
    if stands {
        Ok(Range { low: from.value, high: to.value, dimension: from.dimension, whole, step })
    } else {
        Err("its steps lead nowhere".to_owned())
    }
}

impl Range {
    /// A value as text that `--set` takes.
    pub fn text(&self, value: f64) -> String {
        let value = if self.whole { value.round() } else { twelve_digits(value) };
        if self.whole { format!("{value}") } else { write(Quantity { value, dimension: self.dimension }) }
    }

    /// The value at a share of the way.
    pub fn at(&self, share: f64) -> f64 {
        let value = match self.step {
            Step::Log | Step::Times(_) => self.low * libm::pow(self.high / self.low, share),
            Step::Add(_) | Step::Unsaid => self.low + (self.high - self.low) * share,
        };
        // Each whole number is equally likely, the ends as well.
        let last = self.high - self.low + 1.0;
        let is_even = self.whole && !matches!(self.step, Step::Log | Step::Times(_));
        if is_even { self.low + (share * last).floor().min(last - 1.0) } else { value }
    }
}

impl Axis {
    /// All values in turn.
    pub fn grid(&self) -> Result<Vec<String>, String> {
        let range = match &self.values {
            Values::List(values) => return Ok(values.clone()),
            Values::Range(range) => range,
        };
        let step = match range.step {
            Step::Unsaid if range.whole => Step::Add(1.0),
            Step::Unsaid | Step::Log => {
                return Err(format!("`{}`: say the step, as in `2..10:2` or `1k/s..64k/s:x2`", self.path));
            }
            step => step,
        };
        let value = |n: usize| match step {
            Step::Times(factor) => range.low * libm::pow(factor, n as f64),
            Step::Add(step) => range.low + step * n as f64,
            Step::Unsaid | Step::Log => range.low,
        };
        let last = range.high * (1.0 + 1e-9);
        let mut values: Vec<String> = (0..=MOST).map(value).take_while(|x| *x <= last).map(|x| range.text(x)).collect();
        values.dedup();
        Ok(values)
    }
}

/// One value of each axis.
pub type Point = Vec<String>;

/// Every combination, the last axis changing fastest.
pub fn grid(axes: &[Axis]) -> Result<Vec<Point>, String> {
    let mut points: Vec<Point> = vec![Vec::new()];
    for axis in axes {
        let values = axis.grid()?;
        let longer = |point: &Point| {
            let point = point.clone();
            values.iter().map(move |value| [point.as_slice(), std::slice::from_ref(value)].concat()).collect::<Vec<_>>()
        };
        points = points.iter().flat_map(longer).collect();
        if MOST < points.len() {
            return Err(format!("the grid has more than {MOST} points; draw some with --samples"));
        }
    }
    Ok(points)
}

/// A Latin hypercube (`McKay`, Beckman and Conover 1979): each axis is cut into `samples` slices of equal probability, and
/// each slice is used once.
pub fn hypercube(axes: &[Axis], samples: usize, seed: u64) -> Vec<Point> {
    let columns: Vec<Vec<String>> = axes.iter().enumerate().map(|(at, axis)| column(axis, samples, seed, at)).collect();
    (0..samples).map(|sample| columns.iter().map(|column| column[sample].clone()).collect()).collect()
}

fn column(axis: &Axis, samples: usize, seed: u64, at: usize) -> Vec<String> {
    let mut chain = Chain::new(mix(seed ^ mix(at as u64 + 1)));
    let mut slices: Vec<(u64, usize)> = (0..samples).map(|slice| (chain.next_bits(), slice)).collect();
    slices.sort_unstable();
    let value = |slice: usize, within: f64| {
        let share = (slice as f64 + within) / samples as f64;
        match &axis.values {
            Values::Range(range) => range.text(range.at(share)),
            Values::List(values) => values[((share * values.len() as f64) as usize).min(values.len() - 1)].clone(),
        }
    };
    slices.into_iter().map(|(_, slice)| value(slice, chain.next_unit())).collect()
}

/// The settings of a point, as `--set` takes them.
pub fn sets(axes: &[Axis], point: &[String]) -> Vec<String> {
    axes.iter().zip(point).map(|(axis, value)| format!("{}={value}", axis.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        axis(text).and_then(|axis| axis.grid()).unwrap_or_else(|why| vec![why])
    }

    #[test]
    fn ranges_and_lists_are_laid_out() {
        assert_eq!(values("web.instances=2..10:2"), ["2", "4", "6", "8", "10"]);
        assert_eq!(values("web.instances=2..4"), ["2", "3", "4"]);
        assert_eq!(values("web.instances=1..16:x2"), ["1", "2", "4", "8", "16"]);
        assert_eq!(values("load.users.rate=100/s..1k/s:300/s"), ["100/s", "400/s", "700/s", "1000/s"]);
        assert_eq!(values("redis.ttl=10s..60s:x2"), ["10s", "20s", "40s"]);
        assert_eq!(values("redis.ttl=uniform(1s, 2s), 5s"), ["uniform(1s, 2s)", "5s"]);
        assert_eq!(values("redis.eviction=lru,lfu"), ["lru", "lfu"]);
    }

    #[test]
    fn what_cannot_be_laid_out_is_told() {
        assert!(values("redis.ttl=1s..9s")[0].contains("say the step"));
        assert!(values("redis.ttl=9s..1s:1s")[0].contains("not less"));
        assert!(values("redis.ttl=1s..9:1")[0].contains("is a time"));
        assert!(values("a=0..8:x2")[0].contains("lead nowhere"));
        assert!(values("web.instances")[0].contains("varies nothing"));
    }

    #[test]
    fn the_last_axis_changes_fastest() {
        let axes = [axis("a=1,2").expect("right"), axis("b=x,y").expect("right")];
        let points = grid(&axes).expect("small");
        assert_eq!(points, [["1", "x"], ["1", "y"], ["2", "x"], ["2", "y"]]);
        assert_eq!(sets(&axes, &points[1]), ["a=1", "b=y"]);
    }

    #[test]
    fn a_hypercube_uses_each_slice_once() {
        let axes =
            [axis("a=1..10").expect("right"), axis("t=1ms..1s:log").expect("right"), axis("e=lru,lfu").expect("right")];
        let points = hypercube(&axes, 10, 42);
        let mut first: Vec<u32> = points.iter().map(|point| point[0].parse().expect("whole")).collect();
        first.sort_unstable();
        assert_eq!(first, (1..=10).collect::<Vec<_>>());
        let short = points.iter().filter(|point| parse(&point[1]).expect("a time").value < 0.0316).count();
        assert_eq!(short, 5, "half of them below the geometric middle");
        assert_eq!(points.iter().filter(|point| point[2] == "lru").count(), 5);
        assert_eq!(points, hypercube(&axes, 10, 42));
        assert_ne!(points, hypercube(&axes, 10, 43));
    }
}
