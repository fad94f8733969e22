//! Quantities with units: the only reader and writer of times, rates, sizes, shares and money, and the only door from
//! floating point into simulated time.
//!
//! A value in a scenario carries its unit (`5ms`, `1.2k/s`, `16GiB`, `$0.09/GB`, `30%`). [`parse`] says what it found;
//! [`parse_as`] insists on a dimension and answers a slip with the text to write instead. Values leave here in SI units:
//! seconds, per second, bytes, bytes per second, ratios, dollars. What can go wrong: a number without a unit where one is
//! needed, a unit nobody knows, a unit of another dimension, a negative length. Each error marks its bytes in the text.

mod text;

use std::ops::{Add, AddAssign, Sub};

use text::{BYTES, COUNTS, PERS, TIMES, Unit, measured, split};

/// Seconds in a month, by convention 730 hours, as cloud prices count it.
pub const MONTH: f64 = 730.0 * 3600.0;

/// An instant: whole nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A length of time in whole nanoseconds: exact, totally ordered, never NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

/// What a quantity measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Seconds.
    Time,
    /// Per second.
    Rate,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    Bandwidth,
    /// A ratio, written with `%` or as a fraction (`1/50`).
    Share,
    /// Relative growth per second, written `8%/month`.
    Growth,
    /// Dollars.
    Money,
    /// Dollars per second.
    MoneyRate,
    /// Dollars per byte, per piece, or per byte kept for a second.
    MoneyPer(Per),
    /// A number of things: bare, or with `k`, `M`, `G`.
    Count,
    /// A bare number, a fraction, or anything else without a dimension.
    Number,
}

/// What a price is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A byte moved: `$0.09/GB`.
    Byte,
    /// A piece, such as a request: `$0.40/M`.
    Piece,
    /// A byte kept for a second: `$0.023/GB/month`.
    ByteTime,
}

/// A value in SI units and what it measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// Seconds, per second, bytes, bytes per second, ratio or dollars, as `dimension` says.
    pub value: f64,
    /// What the value measures.
    pub dimension: Dimension,
}

/// A mistake in the text of a value, written for the person who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    /// First wrong byte of the text.
    pub start: usize,
    /// One past the last wrong byte.
    pub end: usize,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

/// A time of the week, as a clock shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Since Monday 00:00, or since midnight if no day was named.
    pub since: Span,
    /// Whether a day was named.
    pub day_named: bool,
}

impl Time {
    /// Seconds since the start of the run.
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Span {
    /// The longest length there is: later than any horizon.
    pub const MAX: Span = Span(u64::MAX);

    /// Rounds to the nearest nanosecond; what is longer than 584 years becomes `MAX`.
    pub fn from_secs_f64(secs: f64) -> Span {
        debug_assert!(0.0 <= secs, "a length of time is not negative");
        // Half a nanosecond is rounded up; by hand, because `round` is a call on most machines.
        let ns = secs * 1e9;
        let whole = ns as u64;
        Span(whole.saturating_add(u64::from(0.5 <= ns - whole as f64)))
    }

    /// Seconds.
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, length: Span) -> Time {
        Time(self.0.saturating_add(length.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, length: Span) {
        *self = *self + length;
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Dimension {
    /// The dimension in words, with its article.
    pub fn noun(self) -> &'static str {
        match self {
            Dimension::Time => "a time",
            Dimension::Rate => "a rate",
            Dimension::Bytes => "a size in bytes",
            Dimension::Bandwidth => "a bandwidth",
            Dimension::Share => "a share",
            Dimension::Growth => "a growth",
            Dimension::Money => "an amount of money",
            Dimension::MoneyRate => "a price per time",
            Dimension::MoneyPer(Per::Byte) => "a price per byte",
            Dimension::MoneyPer(Per::Piece) => "a price per piece",
            Dimension::MoneyPer(Per::ByteTime) => "a price per byte and time",
            Dimension::Count => "a count",
            Dimension::Number => "a number",
        }
    }

    /// The units that fit, as a piece of advice.
    pub fn units(self) -> &'static str {
        match self {
            Dimension::Time => "use ns, us, ms, s, m, h, d or w",
            Dimension::Rate => "use /s, /min, /h, /day or /month",
            Dimension::Bytes => "use B, KB, MB, GB, TB, KiB, MiB, GiB or TiB",
            Dimension::Bandwidth => "use Kbps, Mbps, Gbps, or bytes per time as in `125MB/s`",
            Dimension::Share => "use %, as in `30%`",
            Dimension::Growth => "use a share per time, as in `8%/month`",
            Dimension::Money => "use dollars, as in `$0.05`",
            Dimension::MoneyRate => "use dollars per time, as in `$0.34/h` or `$80/month`",
            Dimension::MoneyPer(Per::Byte) => "use dollars per bytes, as in `$0.09/GB`",
            Dimension::MoneyPer(Per::Piece) => "use dollars per count, as in `$0.40/M`",
            Dimension::MoneyPer(Per::ByteTime) => "use dollars per bytes and time, as in `$0.023/GB/month`",
            Dimension::Count => "use a bare number, or k, M or G",
            Dimension::Number => "use a bare number",
        }
    }

    fn is_plain(self) -> bool {
        matches!(self, Dimension::Count | Dimension::Number | Dimension::Share)
    }

    fn may_be_negative(self) -> bool {
        self.is_plain() || self == Dimension::Growth
    }

    /// How a bare number would be written with this dimension.
    fn examples(self, number: &str, value: f64) -> String {
        match self {
            Dimension::Time => format!("write `{number}ms` or `{number}s`"),
            Dimension::Rate => format!("write `{number}/s` or `{number}/min`"),
            Dimension::Bytes => format!("write `{number}KB` or `{number}MB`"),
            Dimension::Bandwidth => format!("write `{number}Mbps` or `{number}MB/s`"),
            Dimension::Share if value.abs() <= 1.0 => format!("write `{}%`", (value * 1e6).round() / 1e4),
            Dimension::Share => format!("write `{number}%`"),
            Dimension::Growth => format!("write `{number}%/month`"),
            Dimension::Money => format!("write `${number}`"),
            Dimension::MoneyRate => format!("write `${number}/h` or `${number}/month`"),
            Dimension::MoneyPer(Per::Byte) => format!("write `${number}/GB`"),
            Dimension::MoneyPer(Per::Piece) => format!("write `${number}/M`"),
            Dimension::MoneyPer(Per::ByteTime) => format!("write `${number}/GB/month`"),
            Dimension::Count | Dimension::Number => self.units().to_owned(),
        }
    }
}

impl UnitError {
    /// The same error in a text in which this one begins at byte `offset`.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> UnitError {
        self.start += offset;
        self.end += offset;
        self
    }
}

/// Reads a quantity of whatever dimension its unit shows. A bare number is a `Number`, as is a fraction (`1/50`).
pub fn parse(text: &str) -> Result<Quantity, UnitError> {
    let pieces = split(text, None)?;
    measured(&pieces, None).map(|found| found.0)
}

/// Reads a quantity that must have the dimension `wanted`; its value in SI units.
pub fn parse_as(text: &str, wanted: Dimension) -> Result<f64, UnitError> {
    let pieces = split(text, Some(wanted))?;
    let (found, is_bare) = measured(&pieces, Some(wanted))?;
    let whole = |message: String, help: String| {
        let (start, end) = (pieces.start, pieces.end);
        Err(UnitError { start, end, message, help: Some(help) })
    };
    let fits = match wanted {
        Dimension::Number => found.dimension.is_plain(),
        Dimension::Count => found.dimension.is_plain() && found.dimension != Dimension::Share,
        Dimension::Share => found.dimension == Dimension::Share || (found.dimension == Dimension::Number && !is_bare),
        _ => found.dimension == wanted,
    };
    if !fits && is_bare {
        let message = format!("`{}` has no unit, and {} needs one", pieces.number, wanted.noun());
        return whole(message, wanted.examples(pieces.number, found.value));
    }
    if !fits {
        let text = &text[pieces.start..pieces.end];
        let message = format!("`{text}` is {}, but {} is expected", found.dimension.noun(), wanted.noun());
        return whole(message, wanted.units().to_owned());
    }
    if found.value < 0.0 && !wanted.may_be_negative() {
        return whole(format!("{} cannot be negative", wanted.noun()), "drop the minus sign".to_owned());
    }
    Ok(found.value)
}

/// Reads a factor as a policy writes it: `x2`, `x1.5`.
pub fn parse_factor(text: &str) -> Result<f64, UnitError> {
    let number = text.strip_prefix('x').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let factor = number.and_then(|rest| rest.parse::<f64>().ok()).filter(|factor| factor.is_finite());
    factor.ok_or_else(|| UnitError {
        start: 0,
        end: text.len(),
        message: format!("`{text}` is not a factor"),
        help: Some("write it as in `x2` or `x1.5`".to_owned()),
    })
}

/// Reads a time of the clock: `07:45`, `Mon 06:00`, `Tue 18:00:30`. `None` if the text is nothing of the kind.
pub fn clock(text: &str) -> Option<Clock> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let text = text.trim();
    let (day, rest) = match text.split_once(' ') {
        Some((name, rest)) => (Some(DAYS.iter().position(|day| *day == name)?), rest.trim_start()),
        None => (None, text),
    };
    let mut seconds = day.unwrap_or(0) as u64 * 86_400;
    let mut fields = rest.split(':');
    for (unit, below) in [(3600, 24), (60, 60), (1, 60)] {
        let Some(field) = fields.next() else {
            if unit == 1 {
                break;
            }
            return None;
        };
        let is_pair = field.len() == 2 && field.bytes().all(|byte| byte.is_ascii_digit());
        let number = field.parse::<u64>().ok().filter(|number| is_pair && *number < below)?;
        seconds += number * unit;
    }
    fields.next().is_none().then_some(Clock { since: Span(seconds * 1_000_000_000), day_named: day.is_some() })
}

/// The text of a value, exact and readable by [`parse`]: in the largest unit that leaves a whole number.
pub fn write(quantity: Quantity) -> String {
    let Quantity { value, dimension } = quantity;
    let table: &[Unit] = match dimension {
        Dimension::Time => TIMES,
        Dimension::Bytes => BYTES,
        Dimension::Count => COUNTS,
        Dimension::Rate => return written_per(value, PERS, 1.0),
        Dimension::Bandwidth => return format!("{}/s", write(Quantity { value, dimension: Dimension::Bytes })),
        Dimension::Share => return format!("{}%", tidy(value * 100.0)),
        Dimension::Growth => return format!("{}%/month", tidy(value * 100.0 * MONTH)),
        Dimension::Number => return format!("{value}"),
        Dimension::Money => return format!("${value}"),
        Dimension::MoneyRate => return format!("${}/h", tidy(value * 3600.0)),
        Dimension::MoneyPer(Per::Byte) => return format!("${}/GB", tidy(value * 1e9)),
        Dimension::MoneyPer(Per::Piece) => return format!("${}/M", tidy(value * 1e6)),
        Dimension::MoneyPer(Per::ByteTime) => return format!("${}/GB/month", tidy(value * 1e9 * MONTH)),
    };
    let whole = |unit: &&Unit| {
        let number = value * unit.over / unit.times;
        1.0 <= number && number.fract() == 0.0 && unit.times * number / unit.over == value
    };
    // The tables run from small to large; the week and the month are read but not written, and powers of 1024 only where
    // nothing but bytes would do otherwise.
    let is_binary = |unit: &&Unit| unit.name.contains('i');
    let written = || table.iter().rev().filter(|unit| !["w", "month", "months"].contains(&unit.name));
    let plain = written().find(|unit| !is_binary(unit) && unit.name != "B" && whole(unit));
    match plain.or_else(|| written().find(whole)) {
        Some(unit) => format!("{}{}", value * unit.over / unit.times, unit.name),
        None if dimension == Dimension::Time => format!("{value}s"),
        None if dimension == Dimension::Bytes => format!("{value}B"),
        None => format!("{value}"),
    }
}

/// A length of time for people, to three figures: `4.0ms`, `21.3ms`, `231ms`, `1.5m`.
pub fn human_time(secs: f64) -> String {
    const STEPS: [(f64, f64, &str); 6] = [
        (1e9, 999.5, "ns"),
        (1e6, 999.5, "us"),
        (1e3, 999.5, "ms"),
        (1.0, 59.95, "s"),
        (1.0 / 60.0, 59.95, "m"),
        (1.0 / 3600.0, 47.95, "h"),
    ];
    let size = secs.abs();
    // Simulated time is whole nanoseconds: what is less is a mean of nothing and next to nothing.
    if size < 2e-9 {
        return "0ms".to_owned();
    }
    match STEPS.iter().find(|(scale, below, _)| size * scale < *below) {
        Some((scale, _, unit)) => format!("{}{unit}", three(secs * scale)),
        None => format!("{}d", three(secs / 86_400.0)),
    }
}

/// A rate for people, per second or, where that is less than one, per minute, hour or day: `11,987/s`, `30.0/min`.
pub fn human_rate(per_second: f64) -> String {
    if per_second == 0.0 {
        return "0/s".to_owned();
    }
    let size = per_second.abs();
    let (scale, unit) = match size {
        _ if 0.9995 <= size => (1.0, "s"),
        _ if 0.9995 <= size * 60.0 => (60.0, "min"),
        _ if 0.9995 <= size * 3600.0 => (3600.0, "h"),
        _ => (86_400.0, "day"),
    };
    format!("{}/{unit}", human_count(per_second * scale))
}

/// A size for people, in powers of 1000: `512B`, `1.2MB`.
pub fn human_bytes(bytes: f64) -> String {
    let mut size = bytes;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if size.abs() < 999.5 {
            let number = three(size);
            return format!("{}{unit}", if unit == "B" { number.trim_end_matches(".0") } else { &number });
        }
        size /= 1000.0;
    }
    format!("{}PB", grouped(size))
}

/// A count for people: `10.8`, `12,000`, `58.0M`, `1.2G`.
pub fn human_count(count: f64) -> String {
    let size = count.abs();
    match size {
        _ if size < 99.95 && size.fract() == 0.0 => format!("{count}"),
        _ if size < 99.95 => three(count),
        _ if size < 999_999.5 => grouped(count),
        _ if size < 999.5e6 => format!("{}M", three(count / 1e6)),
        _ if size < 999.5e9 => format!("{}G", three(count / 1e9)),
        _ => format!("{}T", grouped(count / 1e12)),
    }
}

/// Money for people: `$3,412`, `$12.34`, `$0.0034`.
pub fn human_money(dollars: f64) -> String {
    let sign = if dollars < 0.0 { "-" } else { "" };
    let size = dollars.abs();
    match size {
        _ if size == 0.0 => "$0".to_owned(),
        _ if 99.995 <= size => format!("{sign}${}", grouped(size)),
        _ if 0.0995 <= size => format!("{sign}${size:.2}"),
        _ => format!("{sign}${}", significant(size, 2)),
    }
}

/// A share for people: `0.11%`, `94%`, `88.4%`; close to one it shows as many nines as there are: `99.995%`.
pub fn human_share(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let rest = 100.0 - percent;
    let text = if 0.0 < rest && rest < 0.5 {
        let decimals = significant(rest, 2).split_once('.').map_or(1, |(_, fraction)| fraction.len());
        format!("{percent:.decimals$}")
    } else if 0.0 < percent.abs() && percent.abs() < 1.0 {
        significant(percent, 3)
    } else {
        three(percent)
    };
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{trimmed}%")
}

/// A rate in the smallest unit of time that makes it whole.
fn written_per(value: f64, table: &[Unit], most: f64) -> String {
    let whole = table.iter().find(|unit| most <= value * unit.times && tidy(value * unit.times).fract() == 0.0);
    let unit = whole.unwrap_or(&table[0]);
    format!("{}/{}", tidy(value * unit.times), unit.name)
}

/// Rounds away the last three of sixteen digits, where the noise of a conversion sits.
fn tidy(value: f64) -> f64 {
    format!("{value:.12e}").parse().expect("a number written is a number read")
}

/// A number below 1000 to three figures, with one decimal at least below 100: `4.0`, `4.02`, `21.3`, `231`.
fn three(x: f64) -> String {
    let size = x.abs();
    if size < 9.995 {
        let text = format!("{x:.2}");
        return text.strip_suffix('0').map_or(text.clone(), str::to_owned);
    }
    if size < 99.95 { format!("{x:.1}") } else { format!("{x:.0}") }
}

/// A number to so many significant figures, without an exponent.
fn significant(x: f64, figures: usize) -> String {
    let rounded: f64 = format!("{x:.*e}", figures - 1).parse().expect("a number written is a number read");
    format!("{rounded}")
}

/// A whole number with separators: `12,000`.
fn grouped(x: f64) -> String {
    let digits = format!("{:.0}", x.abs());
    let mut text = if x < 0.0 { "-".to_owned() } else { String::new() };
    for (i, digit) in digits.chars().enumerate() {
        if 0 < i && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(text: &str, wanted: Dimension) -> (String, String) {
        let error = parse_as(text, wanted).expect_err("a slip");
        (error.message, error.help.unwrap_or_default())
    }

    #[test]
    fn every_unit_of_the_language_is_read() {
        use Dimension::*;
        for (text, value, dimension) in [
            ("7ns", 7e-9, Time),
            ("7us", 7e-6, Time),
            ("3ms", 0.003, Time),
            ("1.5s", 1.5, Time),
            ("2m", 120.0, Time),
            ("2h", 7200.0, Time),
            ("1d", 86_400.0, Time),
            ("1w", 604_800.0, Time),
            ("18 months", 18.0 * 730.0 * 3600.0, Time),
            ("90/s", 90.0, Rate),
            ("1.2k/s", 1200.0, Rate),
            ("30000/min", 500.0, Rate),
            ("36/h", 0.01, Rate),
            ("20/day", 20.0 / 86_400.0, Rate),
            ("2M/month", 2e6 / 2_628_000.0, Rate),
            ("12k rps", 12_000.0, Rate),
            ("500rps", 500.0, Rate),
            ("500B", 500.0, Bytes),
            ("12KB", 12_000.0, Bytes),
            ("52GiB", 52.0 * 1_073_741_824.0, Bytes),
            ("10TB", 1e13, Bytes),
            ("5Gbps", 625e6, Bandwidth),
            ("8Mbps", 1e6, Bandwidth),
            ("125MB/s", 125e6, Bandwidth),
            ("100GB/month", 1e11 / 2_628_000.0, Bandwidth),
            ("99.9%", 0.999, Share),
            ("8%/month", 0.08 / 2_628_000.0, Growth),
            ("$0.05", 0.05, Money),
            ("$6k", 6000.0, Money),
            ("$0.34/h", 0.34 / 3600.0, MoneyRate),
            ("$80/month", 80.0 / 2_628_000.0, MoneyRate),
            ("$0.09/GB", 0.09e-9, MoneyPer(Per::Byte)),
            ("$0.023/GB/month", 0.023e-9 / 2_628_000.0, MoneyPer(Per::ByteTime)),
            ("$0.40/M", 0.4e-6, MoneyPer(Per::Piece)),
            ("2M", 2e6, Count),
            ("1/50", 0.02, Number),
            ("0.99", 0.99, Number),
            ("-1e-3", -0.001, Number),
        ] {
            let found = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(found.dimension, dimension, "{text}");
            assert!((found.value - value).abs() <= 1e-15 * value.abs(), "{text}: {} {value}", found.value);
        }
    }

    #[test]
    fn sub_units_are_exact_quotients() {
        assert_eq!(parse_as("3ms", Dimension::Time), Ok(0.003));
        assert_eq!(parse_as("0.1us", Dimension::Time), Ok(0.1 / 1e6));
        assert_eq!(Span::from_secs_f64(0.003), Span(3_000_000));
    }

    #[test]
    fn slips_are_answered_with_the_text_to_write() {
        use Dimension::{Bandwidth, Bytes, Rate, Share, Time};
        let says = |text, wanted, message: &str, advice: &str| {
            assert_eq!(help(text, wanted), (message.to_owned(), advice.to_owned()), "{text}");
        };
        says("5 msecs", Time, "`msecs` is not a time unit", "write `5ms`");
        says("5 foo", Time, "`foo` is not a time unit", "use ns, us, ms, s, m, h, d or w");
        says("5", Time, "`5` has no unit, and a time needs one", "write `5ms` or `5s`");
        says("0.3", Share, "`0.3` has no unit, and a share needs one", "write `30%`");
        says("5ms", Rate, "`5ms` is a time, but a rate is expected", "use /s, /min, /h, /day or /month");
        says("100/sec", Rate, "`/sec` is not a unit of rate", "write `100/s`");
        says("100 qps", Rate, "`qps` is not a unit of rate", "write `100/s`");
        says("16gib", Bytes, "`gib` is not a unit of bytes", "write `16GiB`");
        says("10mbps", Bandwidth, "`mbps` is not a unit of bandwidth", "write `10Mbps`");
        says("1,000/s", Rate, "a number has no thousands separators", "write `1000/s`");
        says("-5ms", Time, "a time cannot be negative", "drop the minus sign");
        says("fast", Time, "`fast` is not a time", "use ns, us, ms, s, m, h, d or w");
        says("", Time, "a time is missing", "use ns, us, ms, s, m, h, d or w");
        assert_eq!(help("$1/GB-month", Dimension::MoneyPer(Per::ByteTime)).1, "write `$1/GB/month`");
    }

    #[test]
    fn errors_mark_their_bytes() {
        let error = parse_as("  5 msecs ", Dimension::Time).expect_err("a slip");
        assert_eq!((error.start, error.end), (4, 9));
        let error = parse_as("100/sec", Dimension::Rate).expect_err("a slip");
        assert_eq!((error.start, error.end), (3, 7));
        let error = parse("5µs").expect_err("the sign is not on every keyboard");
        assert_eq!((error.start, error.end, error.help.as_deref()), (1, 4, Some("write `5us`")));
    }

    #[test]
    fn plain_numbers_fit_where_no_dimension_is_needed() {
        assert_eq!(parse_as("80%", Dimension::Number), Ok(0.8));
        assert_eq!(parse_as("2M", Dimension::Count), Ok(2e6));
        assert_eq!(parse_as("0.2", Dimension::Count), Ok(0.2));
        assert_eq!(parse_as("1/50", Dimension::Share), Ok(0.02));
        assert_eq!(parse_as("-10%", Dimension::Share), Ok(-0.1));
        assert_eq!(parse_factor("x1.5"), Ok(1.5));
        assert!(parse_factor("2x").is_err());
    }

    #[test]
    fn the_clock_is_read() {
        let at = |days: u64, hours: u64, minutes: u64| Span(((days * 24 + hours) * 60 + minutes) * 60_000_000_000);
        assert_eq!(clock("Mon 06:00"), Some(Clock { since: at(0, 6, 0), day_named: true }));
        assert_eq!(clock("Tue 18:00"), Some(Clock { since: at(1, 18, 0), day_named: true }));
        assert_eq!(clock("07:45"), Some(Clock { since: at(0, 7, 45), day_named: false }));
        for text in ["6m", "24:00", "7:45", "Tues 18:00", "07:60", "07:45:61", "07:45:00:00", "+7:45", ""] {
            assert_eq!(clock(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "3ms",
            "90s",
            "10m",
            "36h",
            "2d",
            "1500us",
            "250ns",
            "90/s",
            "20/day",
            "12KB",
            "125MB/s",
            "99.9%",
            "2M",
            "7",
            "$0.34/h",
            "$0.09/GB",
            "$0.023/GB/month",
            "$0.4/M",
            "8%/month",
            "$0.05",
            "1536B",
        ] {
            let quantity = parse(text).expect("a good text");
            assert_eq!(write(quantity), text);
        }
    }

    #[test]
    fn people_read_three_figures() {
        let times = [(0.004, "4.0ms"), (0.00402, "4.02ms"), (0.0213, "21.3ms"), (0.2314, "231ms"), (0.9996, "1.0s")];
        for (secs, text) in times.into_iter().chain([(90.0, "1.5m"), (3600.0, "1.0h"), (0.0, "0ms"), (3e-7, "300ns")]) {
            assert_eq!(human_time(secs), text);
        }
        assert_eq!(human_rate(11_987.2), "11,987/s");
        assert_eq!(human_rate(0.5), "30/min");
        assert_eq!(human_bytes(512.0), "512B");
        assert_eq!(human_bytes(1.24e6), "1.24MB");
        assert_eq!(human_count(12_000.0), "12,000");
        assert_eq!(human_count(10.84), "10.8");
        assert_eq!(human_count(58.0e6), "58.0M");
        assert_eq!(human_money(3412.2), "$3,412");
        assert_eq!(human_money(0.11), "$0.11");
        assert_eq!(human_money(0.00341), "$0.0034");
        for (ratio, text) in [(0.0011, "0.11%"), (0.94, "94%"), (0.8843, "88.4%"), (0.99995, "99.995%"), (1.0, "100%")]
        {
            assert_eq!(human_share(ratio), text);
        }
    }

    #[test]
    fn times_saturate_at_the_ends() {
        assert_eq!(Time(5) + Span::MAX, Time(u64::MAX));
        assert_eq!(Time(5) - Time(7), Span(0));
        assert_eq!(Time(1_500_000_000).secs(), 1.5);
    }
}
