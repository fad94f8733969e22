//! How figures are written for people: three significant digits, the unit that keeps them short.

use crate::report::{Estimate, Objective};

/// Text and its unit; in tables they stand together (`231ms`), in sentences apart (`231 ms`).
pub(super) struct Figure {
    digits: String,
    unit: &'static str,
}

impl Figure {
    /// As in a table.
    pub(super) fn tight(&self) -> String {
        format!("{}{}", self.digits, self.unit)
    }

    /// As in a sentence.
    pub(super) fn spaced(&self) -> String {
        let gap = if self.unit.is_empty() || self.unit.starts_with(['%', '/']) { "" } else { " " };
        format!("{}{gap}{}", self.digits, self.unit)
    }
}

/// A time in seconds, from nanoseconds to hours.
pub(super) fn time(seconds: f64) -> Figure {
    let (scale, unit) = match seconds.abs() {
        s if s == 0.0 => (1e3, "ms"),
        s if s < 0.9995e-6 => (1e9, "ns"),
        s if s < 0.9995e-3 => (1e6, "us"),
        s if s < 0.9995 => (1e3, "ms"),
        s if s < 600.0 => (1.0, "s"),
        s if s < 36_000.0 => (1.0 / 60.0, "min"),
        _ => (1.0 / 3600.0, "h"),
    };
    Figure { digits: short(seconds * scale), unit }
}

/// A length of simulated time as an author would write it: `9m 43s`.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes, rest) {
        (0, 0, _) => time(seconds).tight(),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m {s}s"),
        (h, 0, 0) => format!("{h}h"),
        (h, m, _) => format!("{h}h {m}m"),
    }
}

/// A rate per second.
pub(super) fn rate(per_second: f64) -> Figure {
    let digits = match per_second.abs() {
        r if r == 0.0 => "0".to_string(),
        r if r < 9.995 => format!("{per_second:.2}"),
        r if r < 99.95 => format!("{per_second:.1}"),
        _ => grouped(per_second),
    };
    Figure { digits, unit: "/s" }
}

/// A share between 0 and 1.
pub(super) fn percent(share: f64) -> Figure {
    let percent = share * 100.0;
    let digits = match percent.abs() {
        p if p == 0.0 => "0".to_string(),
        p if p < 0.005 => return Figure { digits: "<0.01".to_string(), unit: "%" },
        p if p < 0.995 => format!("{percent:.2}"),
        p if p < 9.95 => format!("{percent:.1}"),
        p if 99.0 < p && p < 100.0 => trimmed(&format!("{percent:.2}")),
        _ => format!("{percent:.0}"),
    };
    Figure { digits, unit: "%" }
}

/// Dollars; cents only below ten.
pub(super) fn money(dollars: f64) -> String {
    if dollars != 0.0 && dollars.abs() < 9.995 { format!("${dollars:.2}") } else { format!("${}", grouped(dollars)) }
}

/// A count, such as a queue length.
pub(super) fn count(number: f64) -> String {
    if number.abs() < 999.5 { short(number) } else { grouped(number) }
}

/// A large count: `58M`.
pub fn many(number: u64) -> String {
    let number = number as f64;
    match number {
        n if n < 9_999.5 => grouped(n),
        n if n < 999_500.0 => format!("{}k", short(n / 1e3)),
        n if n < 999.5e6 => format!("{}M", short(n / 1e6)),
        n => format!("{}G", short(n / 1e9)),
    }
}

/// Bytes, in powers of 1000.
fn bytes(number: f64) -> Figure {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let mut scaled = number;
    let mut unit = 0;
    while 999.5 <= scaled.abs() && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    Figure { digits: short(scaled), unit: units[unit] }
}

/// A value of an objective in its own unit.
pub(super) fn of_unit(value: f64, unit: &str) -> String {
    match unit {
        "s" => time(value).spaced(),
        "per_s" => rate(value).spaced(),
        "ratio" => percent(value).spaced(),
        "bytes" => bytes(value).spaced(),
        "usd_per_month" => format!("{}/month", money(value)),
        _ => count(value),
    }
}

/// The interval of an objective's value, where noise has a part in it.
pub(super) fn interval(objective: &Objective, dots: &str) -> Option<String> {
    let (low, high) = (objective.low?, objective.high?);
    let text = format!("{} {dots} {}", of_unit(low, objective.unit), of_unit(high, objective.unit));
    (low < high).then_some(text)
}

/// Half the width of the interval over the mean.
pub(super) fn precision(estimate: &Estimate) -> Option<f64> {
    let half = estimate.half_width?;
    (0.0 < estimate.mean.abs()).then(|| half / estimate.mean.abs())
}

/// One decimal below a hundred, none above.
fn short(number: f64) -> String {
    if number == 0.0 {
        "0".to_string()
    } else if number.abs() < 99.95 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

/// Whole, with a comma between each three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if 0 < i && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number <= -0.5 { format!("-{text}") } else { text }
}

fn trimmed(digits: &str) -> String {
    digits.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_three_digits_and_take_the_unit_that_fits() {
        let shown = [0.0, 250e-9, 85e-6, 0.00396, 0.0213, 0.2314, 0.99949, 0.9999, 4.12, 480.0, 900.0];
        let expected = ["0ms", "250ns", "85.0us", "4.0ms", "21.3ms", "231ms", "999ms", "1.0s", "4.1s", "480s", "15.0min"];
        assert_eq!(shown.map(|s| time(s).tight()), expected.map(String::from));
        assert_eq!(time(0.2314).spaced(), "231 ms");
    }

    #[test]
    fn shares_are_as_exact_as_they_are_small() {
        let shown = [0.0, 0.00001, 0.0011, 0.0123, 0.36, 0.941, 0.9991, 1.0, 1.03];
        let expected = ["0%", "<0.01%", "0.11%", "1.2%", "36%", "94%", "99.91%", "100%", "103%"];
        assert_eq!(shown.map(|s| percent(s).tight()), expected.map(String::from));
    }

    #[test]
    fn large_numbers_are_grouped_and_rounded() {
        assert_eq!(rate(11_987.3).tight(), "11,987/s");
        assert_eq!(rate(9.6).tight(), "9.60/s");
        assert_eq!((money(3412.4), money(0.108)), ("$3,412".to_string(), "$0.11".to_string()));
        assert_eq!(money(-1277.0), "$-1,277");
        assert_eq!((many(999), many(58_123_456)), ("999".to_string(), "58.1M".to_string()));
    }

    #[test]
    fn lengths_read_as_they_are_written() {
        assert_eq!([31.0, 60.0, 583.0, 3600.0, 5400.0].map(span), ["31.0s", "1m", "9m 43s", "1h", "1h 30m"].map(String::from));
    }
}
