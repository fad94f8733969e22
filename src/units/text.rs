//! Taking the text of a quantity apart: number, unit, units after slashes, and what was surely meant where they are wrong.

use std::fmt::Write as _;

use super::{Dimension, MONTH, Per, Quantity, UnitError};

/// A unit: a number of it is that number times `times` over `over` in SI. The two keep `3ms` exactly 3/1000.
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) times: f64,
    pub(super) over: f64,
}

/// What a text consists of, with the byte positions of its pieces.
pub(super) struct Pieces<'a> {
    pub(super) is_money: bool,
    pub(super) value: f64,
    pub(super) number: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The unit before the first slash, and where it starts.
    pub(super) head: (usize, &'a str),
    /// The units after slashes.
    pub(super) pers: Vec<(usize, &'a str)>,
}

const fn unit(name: &'static str, times: f64, over: f64) -> Unit {
    Unit { name, times, over }
}

pub(super) const TIMES: &[Unit] = &[
    unit("ns", 1.0, 1e9),
    unit("us", 1.0, 1e6),
    unit("ms", 1.0, 1e3),
    unit("s", 1.0, 1.0),
    unit("m", 60.0, 1.0),
    unit("h", 3600.0, 1.0),
    unit("d", 86_400.0, 1.0),
    unit("w", 604_800.0, 1.0),
    unit("month", MONTH, 1.0),
    unit("months", MONTH, 1.0),
];

pub(super) const PERS: &[Unit] = &[
    unit("s", 1.0, 1.0),
    unit("min", 60.0, 1.0),
    unit("h", 3600.0, 1.0),
    unit("day", 86_400.0, 1.0),
    unit("month", MONTH, 1.0),
];

pub(super) const BYTES: &[Unit] = &[
    unit("B", 1.0, 1.0),
    unit("KB", 1e3, 1.0),
    unit("KiB", 1024.0, 1.0),
    unit("MB", 1e6, 1.0),
    unit("MiB", 1_048_576.0, 1.0),
    unit("GB", 1e9, 1.0),
    unit("GiB", 1_073_741_824.0, 1.0),
    unit("TB", 1e12, 1.0),
    unit("TiB", 1_099_511_627_776.0, 1.0),
];

const BITS: &[Unit] = &[unit("Kbps", 125.0, 1.0), unit("Mbps", 125e3, 1.0), unit("Gbps", 125e6, 1.0)];

pub(super) const COUNTS: &[Unit] = &[unit("k", 1e3, 1.0), unit("M", 1e6, 1.0), unit("G", 1e9, 1.0)];

/// What people write, and what they mean: before a slash.
const SLIPS: &[(&str, &str)] = &[
    ("nsec", "ns"),
    ("nsecs", "ns"),
    ("nanos", "ns"),
    ("usec", "us"),
    ("usecs", "us"),
    ("micros", "us"),
    ("µs", "us"),
    ("μs", "us"),
    ("msec", "ms"),
    ("msecs", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("week", "w"),
    ("weeks", "w"),
    ("bytes", "B"),
    ("byte", "B"),
    ("K", "k"),
    ("thousand", "k"),
    ("million", "M"),
    ("percent", "%"),
    ("qps", "/s"),
    ("tps", "/s"),
    ("rpm", "/min"),
    ("req", ""),
    ("reqs", ""),
    ("requests", ""),
    ("per second", "/s"),
    ("per minute", "/min"),
    ("per hour", "/h"),
    ("per day", "/day"),
];

/// What people write, and what they mean: after a slash.
const PER_SLIPS: &[(&str, &str)] = &[
    ("sec", "s"),
    ("second", "s"),
    ("m", "min"),
    ("minute", "min"),
    ("hr", "h"),
    ("hour", "h"),
    ("d", "day"),
    ("mo", "month"),
    ("mon", "month"),
    ("K", "k"),
    ("million", "M"),
    ("GB-month", "GB/month"),
    ("GB-mo", "GB/month"),
];

fn find<'a>(table: &'a [Unit], name: &str) -> Option<&'a Unit> {
    table.iter().find(|unit| unit.name == name)
}

/// Takes the text apart without judging the units.
pub(super) fn split(text: &str, wanted: Option<Dimension>) -> Result<Pieces<'_>, UnitError> {
    let end = text.trim_end().len();
    let start = text.len() - text.trim_start().len();
    let body = text.get(start..end).unwrap_or("");
    let is_money = body.starts_with('$');
    let first = start + usize::from(is_money);
    let last = first + number_length(&text[first.min(end)..end]);
    let number = &text[first.min(last)..last];
    let Some(value) = number.parse::<f64>().ok().filter(|value| value.is_finite()) else {
        let noun = wanted.map_or("a quantity", Dimension::noun);
        let message = if body.is_empty() { format!("{noun} is missing") } else { format!("`{body}` is not {noun}") };
        return Err(UnitError { start, end: end.max(start), message, help: wanted.map(|w| w.units().to_owned()) });
    };
    let rest = &text[last..end];
    if let Some(after) = rest.strip_prefix([',', '_', '\'']).filter(|r| r.starts_with(|c: char| c.is_ascii_digit())) {
        let plain: String = body.chars().filter(|c| ![',', '_', '\''].contains(c)).collect();
        let end = end - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let message = "a number has no thousands separators".to_owned();
        return Err(UnitError { start, end, message, help: Some(format!("write `{plain}`")) });
    }
    let mut at = last;
    let mut units = rest.split('/').map(|piece| {
        let place = at + piece.len() - piece.trim_start().len();
        at += piece.len() + 1;
        (place, piece.trim())
    });
    let head = units.next().expect("split yields at least one piece");
    let pers = units.collect();
    Ok(Pieces { is_money, value, number, start, end, head, pers })
}

/// The length of the number a text begins with: sign, digits, point, exponent.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut length = usize::from(text.starts_with(['+', '-']));
    length += digits(length);
    if text[length..].starts_with('.') {
        length += 1 + digits(length + 1);
    }
    if text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['+', '-']));
        let exponent = digits(length + 1 + sign);
        if 0 < exponent {
            length += 1 + sign + exponent;
        }
    }
    length
}

/// The quantity the pieces make, and whether it is a bare number.
pub(super) fn measured(pieces: &Pieces<'_>, wanted: Option<Dimension>) -> Result<(Quantity, bool), UnitError> {
    let number = pieces.value;
    let made = |value: f64, dimension| Ok((Quantity { value, dimension }, false));
    let (_, name) = pieces.head;
    if pieces.is_money {
        return price(pieces, wanted).map(|quantity| (quantity, false));
    }
    if let ("", [(_, below)]) = (name, pieces.pers.as_slice())
        && let Ok(divisor) = below.parse::<f64>()
        && divisor != 0.0
    {
        return made(number / divisor, Dimension::Number);
    }
    let scaled = |unit: &Unit| number * unit.times / unit.over;
    let (value, alone, per_time) = if name.is_empty() {
        (number, Dimension::Number, Some(Dimension::Rate))
    } else if let Some(unit) = find(COUNTS, name) {
        (scaled(unit), Dimension::Count, Some(Dimension::Rate))
    } else if let Some(unit) = find(TIMES, name) {
        (scaled(unit), Dimension::Time, None)
    } else if let Some(unit) = find(BYTES, name) {
        (scaled(unit), Dimension::Bytes, Some(Dimension::Bandwidth))
    } else if let Some(unit) = find(BITS, name) {
        (scaled(unit), Dimension::Bandwidth, None)
    } else if name == "%" {
        (number / 100.0, Dimension::Share, Some(Dimension::Growth))
    } else if let Some(times) = name.strip_suffix("rps").and_then(|prefix| multiplier(prefix.trim_end())) {
        (number * times, Dimension::Rate, None)
    } else {
        return Err(unknown(pieces, pieces.head, wanted));
    };
    match (pieces.pers.as_slice(), per_time) {
        ([], _) => Ok((Quantity { value, dimension: alone }, name.is_empty())),
        ([per], Some(dimension)) => match find(PERS, per.1) {
            Some(unit) => made(value / unit.times, dimension),
            None => Err(unknown(pieces, *per, wanted)),
        },
        ([_, more, ..], Some(_)) => Err(unknown(pieces, *more, wanted)),
        ([per, ..], None) => Err(unknown(pieces, *per, wanted)),
    }
}

/// What a multiplier before `rps` stands for, if it is one.
fn multiplier(prefix: &str) -> Option<f64> {
    if prefix.is_empty() { Some(1.0) } else { find(COUNTS, prefix).map(|unit| unit.times) }
}

/// The price the pieces make: dollars, per time, per bytes, per count, or per bytes and time.
fn price(pieces: &Pieces<'_>, wanted: Option<Dimension>) -> Result<Quantity, UnitError> {
    let (_, name) = pieces.head;
    let dollars = match find(COUNTS, name) {
        _ if name.is_empty() => pieces.value,
        Some(unit) => pieces.value * unit.times,
        None => return Err(unknown(pieces, pieces.head, wanted)),
    };
    let made = |value, dimension| Ok(Quantity { value, dimension });
    let Some(&per) = pieces.pers.first() else { return made(dollars, Dimension::Money) };
    let (value, dimension, per_time) = if let Some(unit) = find(PERS, per.1) {
        (dollars / unit.times, Dimension::MoneyRate, None)
    } else if let Some(unit) = find(BYTES, per.1) {
        (dollars / unit.times, Dimension::MoneyPer(Per::Byte), Some(Dimension::MoneyPer(Per::ByteTime)))
    } else if let Some(unit) = find(COUNTS, per.1) {
        (dollars / unit.times, Dimension::MoneyPer(Per::Piece), None)
    } else {
        return Err(unknown(pieces, per, wanted));
    };
    match (&pieces.pers[1..], per_time) {
        ([], _) => made(value, dimension),
        ([time], Some(dimension)) => match find(PERS, time.1) {
            Some(unit) => made(value / unit.times, dimension),
            None => Err(unknown(pieces, *time, wanted)),
        },
        ([_, more, ..], Some(_)) | ([more, ..], None) => Err(unknown(pieces, *more, wanted)),
    }
}

/// The error for a unit nobody knows, with the text that was surely meant where that can be told.
fn unknown(pieces: &Pieces<'_>, wrong: (usize, &str), wanted: Option<Dimension>) -> UnitError {
    let (start, name) = wrong;
    let is_head = start == pieces.head.0;
    let lower = name.to_lowercase();
    let slips = if is_head { SLIPS } else { PER_SLIPS };
    let slip = slips.iter().find(|(typed, _)| *typed == name || *typed == lower).map(|(_, meant)| *meant);
    let known = || {
        let tables: &[&[Unit]] = if is_head { &[TIMES, BYTES, BITS] } else { &[PERS, BYTES] };
        tables.iter().flat_map(|table| table.iter()).map(|unit| unit.name).find(|known| known.to_lowercase() == lower)
    };
    let meant = slip.or_else(known).map(|meant| {
        let mut text = format!("{}{}", if pieces.is_money { "$" } else { "" }, pieces.number);
        text.push_str(if is_head { meant } else { pieces.head.1 });
        for per in &pieces.pers {
            let name = if per.0 == start { meant } else { per.1 };
            write!(text, "/{name}").expect("a string takes any text");
        }
        format!("write `{text}`")
    });
    let kind = match wanted {
        Some(Dimension::Time) => "a time unit",
        Some(Dimension::Rate) => "a unit of rate",
        Some(Dimension::Bytes) => "a unit of bytes",
        Some(Dimension::Bandwidth) => "a unit of bandwidth",
        _ if is_head => "a unit",
        _ => "a unit here",
    };
    let shown = if is_head { name.to_owned() } else { format!("/{name}") };
    let help = meant.or_else(|| wanted.map(|wanted| wanted.units().to_owned()));
    let start = start - usize::from(!is_head);
    UnitError { start, end: wrong.0 + name.len(), message: format!("`{shown}` is not {kind}"), help }
}
