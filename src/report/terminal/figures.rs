//! How figures are written for people: three significant digits, in the unit that keeps them short.

use crate::report::{Estimate, Objective};
use crate::units::{human_bytes, human_count, human_money, human_rate, human_share, human_time};

/// A time in seconds as in a sentence: `231 ms`, `1m 20s`.
pub(in crate::report) fn spaced_time(seconds: f64) -> String {
    if 60.0 <= seconds {
        return span(seconds);
    }
    let tight = human_time(seconds);
    let unit = tight.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(tight.len());
    format!("{} {}", &tight[..unit], &tight[unit..])
}

/// A length of simulated time as an author would write it: `9m 43s`.
pub(in crate::report) fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes, rest) {
        (0, 0, _) if 0.0 < seconds && seconds < 0.5 => human_time(seconds),
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m {s}s"),
        (h, 0, 0) => format!("{h}h"),
        (h, m, _) => format!("{h}h {m}m"),
    }
}

/// A share for a table: `94%`, `1.2%`, `0.11%`, and nines where they are what matters: `99.91%`.
pub(in crate::report) fn percent(share: f64) -> String {
    if 0.99 < share && share < 1.0 { human_share(share) } else { roughly(share) }
}

/// What was served of a load: a tenth of a per cent is as much as requests under way at both ends of a run allow to say.
pub(in crate::report) fn served(share: f64) -> String {
    percent((share.min(1.0) * 1000.0).round() / 1000.0)
}

/// How busy something is: nines say nothing here.
pub(in crate::report) fn busy(share: f64) -> String {
    if (0.995..=1.0).contains(&share) { "100%".to_owned() } else { roughly(share) }
}

/// A width of an interval, as exact as such a thing is worth: `16%`, `0.13%`.
pub(in crate::report) fn roughly(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0%".to_string(),
        p if p < 0.01 => "<0.01%".to_string(),
        p if p < 0.995 => format!("{p:.2}%"),
        p if p < 9.95 => format!("{p:.1}%"),
        p if 999.5 <= p => ">999%".to_string(),
        p => format!("{p:.0}%"),
    }
}

/// A value of an objective in its own unit.
pub(in crate::report) fn of_unit(value: f64, unit: &str) -> String {
    match unit {
        "s" => spaced_time(value),
        "per_s" => human_rate(value),
        "ratio" => human_share(value),
        "bytes" => human_bytes(value),
        "usd_per_month" => format!("{}/month", human_money(value)),
        _ => human_count(value),
    }
}

/// The interval of an objective's value, where noise has a part in it.
pub(in crate::report) fn interval(objective: &Objective, dots: &str) -> Option<String> {
    let (low, high) = (objective.low?, objective.high?);
    let (low, high) = (of_unit(low, objective.unit), of_unit(high, objective.unit));
    (low != high).then(|| format!("{low} {dots} {high}"))
}

/// Half the width of the interval over the mean.
pub(in crate::report) fn precision(estimate: &Estimate) -> Option<f64> {
    let half = estimate.half_width?;
    (0.0 < estimate.mean.abs()).then(|| half / estimate.mean.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_leaves_room_before_the_unit() {
        assert_eq!([0.2314, 4.1, 80.4].map(spaced_time), ["231 ms", "4.1 s", "1m 20s"].map(String::from));
    }

    #[test]
    fn what_is_under_way_is_no_loss() {
        assert_eq!([0.99977, 1.0002, 0.9987, 0.98, 0.012].map(served), ["100%", "100%", "99.9%", "98%", "1.2%"]);
    }

    #[test]
    fn shares_are_as_exact_as_they_are_small() {
        let shown = [0.0, 0.0011, 0.0123, 0.36, 0.941, 0.9991, 1.0, 1.03];
        let expected = ["0%", "0.11%", "1.2%", "36%", "94%", "99.91%", "100%", "103%"];
        assert_eq!(shown.map(percent), expected.map(String::from));
        assert_eq!(
            [0.0, 0.00004, 0.0013, 0.08, 0.157].map(roughly),
            ["0%", "<0.01%", "0.13%", "8.0%", "16%"].map(String::from)
        );
    }

    #[test]
    fn lengths_read_as_they_are_written() {
        assert_eq!(
            [31.0, 60.0, 583.0, 3600.0, 5400.0].map(span),
            ["31s", "1m", "9m 43s", "1h", "1h 30m"].map(String::from)
        );
    }
}
