//! What is known of a number: it lies between two ends, with 90 %.
//!
//! The ends are its 5 % and 95 % quantiles. A positive number is lognormal between them, because what is guessed is wrong
//! by a factor; a share is logit-normal, so that it never leaves 0..1. What can go wrong: ends that are not positive, not
//! in order, or not of one dimension, which have no such distribution.

use crate::theory::special::normal_quantile;
use crate::units::{Dimension, Quantity, UnitError, parse, write};

/// The standard normal quantile of the upper end, 95 %.
const END: f64 = 1.644_853_626_951_472_2;

/// Two ends in SI units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    pub dimension: Dimension,
    /// Both ends are written as whole numbers without a unit, so it is a count of things.
    pub whole: bool,
}

impl Interval {
    /// Reads the ends of `800/s..2500/s`. An error has the bytes of the end that it is about, the second after the dots.
    ///
    /// # Errors
    /// Ends that are no quantities, not of one dimension, not positive, or not in order.
    pub fn new(low: &str, high: &str) -> Result<Interval, UnitError> {
        let second = low.len() + "..".len();
        let (from, to) = (parse(low)?, parse(high).map_err(|error| error.shifted(second))?);
        let wrong = |start: usize, end: usize, message: String, help: Option<&str>| {
            Err(UnitError { start, end, message, help: help.map(str::to_owned) })
        };
        let plain = |dimension: Dimension| matches!(dimension, Dimension::Count | Dimension::Number);
        let dimension = if plain(to.dimension) { from.dimension } else { to.dimension };
        if from.dimension != to.dimension && !(plain(from.dimension) && plain(to.dimension)) {
            let message = format!("`{low}` is {}, `{high}` is {}", from.dimension.noun(), to.dimension.noun());
            return wrong(0, second + high.len(), message, Some("both ends have a unit, as in `800/s..2500/s`"));
        }
        if from.value <= 0.0 {
            let message = format!("an interval starts above 0, and `{low}` does not");
            return wrong(0, low.len(), message, Some("it holds the value with 90 %, and a lognormal is never 0"));
        }
        if to.value < from.value {
            let message = format!("`{high}` is less than `{low}`");
            return wrong(second, second + high.len(), message, Some("write the lower end first"));
        }
        let is_whole = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Interval { low: from.value, high: to.value, dimension, whole: is_whole(low) && is_whole(high) })
    }

    /// The value below which a share of the probability lies, `0 < share < 1`.
    pub fn at(&self, share: f64) -> f64 {
        if self.low == self.high {
            return self.low;
        }
        let z = normal_quantile(share) / END;
        let between = |low: f64, high: f64| f64::midpoint(low, high) + z * (high - low) / 2.0;
        if self.dimension == Dimension::Share && self.high < 1.0 {
            let logit = |share: f64| libm::log(share / (1.0 - share));
            return 1.0 / (1.0 + libm::exp(-between(logit(self.low), logit(self.high))));
        }
        let value = libm::exp(between(libm::log(self.low), libm::log(self.high)));
        if self.whole { value.round().max(1.0) } else { value }
    }

    /// A value as the scenario may say it, to twelve digits.
    pub fn text(&self, value: f64) -> String {
        let value: f64 = format!("{value:.11e}").parse().expect("it was just written");
        write(Quantity { value, dimension: self.dimension })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: &str, high: &str) -> Interval {
        Interval::new(low, high).expect("two ends")
    }

    #[test]
    fn the_ends_are_quantiles_and_the_middle_is_geometric() {
        let rate = interval("800/s", "2500/s");
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
        close(rate.at(0.05), 800.0);
        close(rate.at(0.95), 2500.0);
        close(rate.at(0.5), (800.0_f64 * 2500.0).sqrt());
        let share = interval("80%", "98%");
        close(share.at(0.05), 0.8);
        close(share.at(0.95), 0.98);
        assert!(share.at(0.999_999) < 1.0 && share.at(0.5) < 0.95);
        close(interval("120%", "150%").at(0.95), 1.5);
    }

    #[test]
    fn counts_stay_whole_and_texts_are_read_back() {
        let count = interval("2", "6");
        assert!((1..100).all(|n| count.at(f64::from(n) / 100.0).fract() == 0.0));
        assert_eq!(count.text(count.at(0.5)), "3");
        assert!(interval("2.0", "6.0").at(0.5).fract() != 0.0);
        for (low, high) in
            [("2ms", "5ms"), ("1k", "3M"), ("1GB", "2GiB"), ("$0.10/GB", "$0.20/GB"), ("3%/month", "9%/month")]
        {
            let known = interval(low, high);
            let value = known.at(0.3);
            let read = parse(&known.text(value)).expect("it reads back");
            assert!((read.value / value - 1.0).abs() < 1e-9, "{low}..{high}: {}", known.text(value));
        }
    }

    #[test]
    fn what_has_no_such_distribution_is_told() {
        let told = |low: &str, high: &str| Interval::new(low, high).expect_err("it is wrong").message;
        assert!(told("0s", "5s").contains("above 0"));
        assert!(told("5s", "2s").contains("less than"));
        assert!(told("5", "9s").contains("is a time"));
        assert!(Interval::new("5q", "9s").is_err());
        assert_eq!(Interval::new("5s", "9q").map_err(|error| error.start), Err(5));
    }
}
