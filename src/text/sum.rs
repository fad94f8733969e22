//! Sums of quantities with units, as they stand in `$(...)`: `+ - * /`, brackets, names.
//!
//! Dimensions are exponents of time, bytes and money, so that a count times a rate is a rate and a rate times a time a
//! count. A share is a number that is written with `%`: added to and taken from numbers it stays a share (`1 - 5%`).

use super::lets::name_length;
use crate::units::{self, Dimension, Per, Quantity, UnitError};

/// Brackets nest at most this deep.
const DEPTH_MOST: usize = 50;

/// Works out a sum; the result is text with a unit.
///
/// `names` says what a name at some bytes of the sum stands for; `None` means that a mistake was told about it.
pub(super) fn evaluate<F>(text: &str, names: F) -> Result<String, UnitError>
where
    F: FnMut(&str, usize, usize) -> Option<String>,
{
    let mut reader = Reader { text, at: 0, depth: 0, names };
    let amount = reader.sum()?;
    reader.skip();
    if reader.at < text.len() {
        let end = reader.at + text[reader.at..].chars().next().map_or(0, char::len_utf8);
        return Err(wrong(reader.at, end, "`+ - * /` or the end of the sum is expected here"));
    }
    written(amount)
        .ok_or_else(|| wrong(0, text.len(), format!("this comes out as {}, which no field holds", noun(amount))))
}

/// A value in SI units with the exponents of its dimension.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Amount {
    value: f64,
    time: i8,
    bytes: i8,
    money: i8,
    is_share: bool,
}

struct Reader<'a, F> {
    text: &'a str,
    at: usize,
    depth: usize,
    names: F,
}

impl<F: FnMut(&str, usize, usize) -> Option<String>> Reader<'_, F> {
    fn skip(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes one of the characters, if it comes next.
    fn take(&mut self, wanted: &[char]) -> Option<char> {
        self.skip();
        let next = self.text[self.at..].chars().next().filter(|c| wanted.contains(c))?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn sum(&mut self) -> Result<Amount, UnitError> {
        self.skip();
        let start = self.at;
        let mut total = self.product()?;
        while let Some(sign) = self.take(&['+', '-']) {
            self.skip();
            let term = self.product()?;
            if !total.adds_to(term) {
                let message = format!("{} and {} cannot be added", noun(total), noun(term));
                return Err(wrong(start, self.at, message));
            }
            total.is_share |= term.is_share;
            total.value += if sign == '-' { -term.value } else { term.value };
        }
        Ok(total)
    }

    fn product(&mut self) -> Result<Amount, UnitError> {
        let mut product = self.factor()?;
        while let Some(sign) = self.take(&['*', '/']) {
            self.skip();
            let start = self.at;
            let factor = self.factor()?;
            if sign == '/' && factor.value == 0.0 {
                return Err(wrong(start, self.at, "this divides by zero"));
            }
            product = if sign == '*' { product.times(factor) } else { product.over(factor) };
            if !product.value.is_finite() {
                return Err(wrong(start, self.at, "this is more than a number can hold"));
            }
        }
        Ok(product)
    }

    fn factor(&mut self) -> Result<Amount, UnitError> {
        self.skip();
        let start = self.at;
        if DEPTH_MOST < self.depth {
            return Err(wrong(start, self.text.len(), "brackets nest too deep"));
        }
        self.depth += 1;
        let factor = if self.take(&['-']).is_some() {
            self.factor().map(|amount| Amount { value: -amount.value, ..amount })
        } else if self.take(&['(']).is_some() {
            let inner = self.sum();
            match (inner, self.take(&[')'])) {
                (Ok(_), None) => Err(wrong(start, start + 1, "this bracket is never closed")),
                (inner, _) => inner,
            }
        } else {
            self.operand()
        };
        self.depth -= 1;
        factor
    }

    /// A name or a quantity.
    fn operand(&mut self) -> Result<Amount, UnitError> {
        let start = self.at;
        let rest = &self.text[start..];
        let dollar = usize::from(rest.starts_with('$'));
        let name = &rest[dollar..dollar + name_length(&rest[dollar..])];
        if !name.is_empty() {
            self.at += dollar + name.len();
            let text = (self.names)(name, start, self.at).ok_or_else(|| wrong(start, self.at, "unknown"))?;
            let not_quantity = |_| wrong(start, self.at, format!("`{name}` is `{text}`, which is not a quantity"));
            return units::parse(&text).map(amount).map_err(not_quantity);
        }
        let ends = literal_ends(rest);
        for end in ends.iter().rev() {
            if let Ok(quantity) = units::parse(&rest[..*end]) {
                self.at += end;
                return Ok(amount(quantity));
            }
        }
        let Some(end) = ends.first() else {
            let end = start + rest.chars().next().map_or(0, char::len_utf8);
            return Err(wrong(start, end, "a quantity or the name of a `let` is expected here"));
        };
        let error = units::parse(&rest[..*end]).err();
        Err(error.map_or_else(|| wrong(start, start + end, "not a quantity"), |error| error.shifted(start)))
    }
}

/// Where a quantity at the start of the text may end: after its number and unit, and after each `/unit` that follows.
fn literal_ends(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut at = usize::from(byte(0) == b'$');
    let digits = at;
    while byte(at).is_ascii_digit() || (byte(at) == b'.' && byte(at + 1).is_ascii_digit()) {
        at += 1;
    }
    if at == digits {
        return Vec::new();
    }
    let sign = usize::from(matches!(byte(at + 1), b'-' | b'+'));
    if matches!(byte(at), b'e' | b'E') && byte(at + 1 + sign).is_ascii_digit() {
        at += 1 + sign;
        while byte(at).is_ascii_digit() {
            at += 1;
        }
    }
    let unit = |at: usize| text[at..].find(|c: char| !c.is_alphabetic() && c != '%').unwrap_or(text.len() - at);
    at += unit(at);
    let mut ends = vec![at];
    while byte(at) == b'/' && 0 < unit(at + 1) {
        at += 1 + unit(at + 1);
        ends.push(at);
    }
    ends
}

impl Amount {
    fn times(self, other: Amount) -> Amount {
        Amount {
            value: self.value * other.value,
            time: self.time.saturating_add(other.time),
            bytes: self.bytes.saturating_add(other.bytes),
            money: self.money.saturating_add(other.money),
            is_share: self.is_share && other.is_share,
        }
    }

    fn over(self, other: Amount) -> Amount {
        Amount {
            value: self.value / other.value,
            time: self.time.saturating_sub(other.time),
            bytes: self.bytes.saturating_sub(other.bytes),
            money: self.money.saturating_sub(other.money),
            is_share: self.is_share && !other.is_share,
        }
    }

    /// Whether the two are of one kind; a number and a share are.
    fn adds_to(self, other: Amount) -> bool {
        (self.time, self.bytes, self.money) == (other.time, other.bytes, other.money)
    }

    fn dimension(self) -> Option<Dimension> {
        Some(match (self.time, self.bytes, self.money) {
            (0, 0, 0) if self.is_share => Dimension::Share,
            (0, 0, 0) => Dimension::Number,
            (1, 0, 0) => Dimension::Time,
            (-1, 0, 0) if self.is_share => Dimension::Growth,
            (-1, 0, 0) => Dimension::Rate,
            (0, 1, 0) => Dimension::Bytes,
            (-1, 1, 0) => Dimension::Bandwidth,
            (0, 0, 1) => Dimension::Money,
            (-1, 0, 1) => Dimension::MoneyRate,
            (0, -1, 1) => Dimension::MoneyPer(Per::Byte),
            (-1, -1, 1) => Dimension::MoneyPer(Per::ByteTime),
            _ => return None,
        })
    }
}

fn amount(quantity: Quantity) -> Amount {
    let of = |time, bytes, money, is_share| Amount { value: quantity.value, time, bytes, money, is_share };
    match quantity.dimension {
        Dimension::Number | Dimension::Count => of(0, 0, 0, false),
        Dimension::Share => of(0, 0, 0, true),
        Dimension::Time => of(1, 0, 0, false),
        Dimension::Rate => of(-1, 0, 0, false),
        Dimension::Growth => of(-1, 0, 0, true),
        Dimension::Bytes => of(0, 1, 0, false),
        Dimension::Bandwidth => of(-1, 1, 0, false),
        Dimension::Money | Dimension::MoneyPer(Per::Piece) => of(0, 0, 1, false),
        Dimension::MoneyRate => of(-1, 0, 1, false),
        Dimension::MoneyPer(Per::Byte) => of(0, -1, 1, false),
        Dimension::MoneyPer(Per::ByteTime) => of(-1, -1, 1, false),
    }
}

/// The text of an amount: in the unit people would take if that loses no more than the arithmetic itself did (a bit or
/// two), else in the basic unit with every digit.
fn written(amount: Amount) -> Option<String> {
    let (value, dimension) = (amount.value, amount.dimension()?);
    let pretty = units::write(Quantity { value, dimension });
    let off = |text: &str| units::parse(text).map_or(f64::INFINITY, |read| (read.value - value).abs());
    if off(&pretty) <= 2.0 * f64::EPSILON * value.abs() {
        return Some(pretty);
    }
    let basic = match dimension {
        Dimension::Time => format!("{value}s"),
        Dimension::Rate => format!("{value}/s"),
        Dimension::Bytes => format!("{value}B"),
        Dimension::Bandwidth => format!("{value}B/s"),
        Dimension::Share => format!("{}%", value * 100.0),
        Dimension::Growth => format!("{}%/s", value * 100.0),
        Dimension::MoneyRate => format!("${value}/s"),
        Dimension::MoneyPer(Per::Byte) => format!("${value}/B"),
        Dimension::MoneyPer(Per::ByteTime) => format!("${value}/B/s"),
        Dimension::Number | Dimension::Count | Dimension::Money | Dimension::MoneyPer(Per::Piece) => format!("{value}"),
    };
    Some(if off(&basic) < off(&pretty) { basic } else { pretty })
}

/// The dimension of an amount in words.
fn noun(amount: Amount) -> String {
    if let Some(dimension) = amount.dimension() {
        return dimension.noun().to_owned();
    }
    let power = |exponent: i8, name: &str| match exponent {
        0 => None,
        1 => Some(name.to_owned()),
        n => Some(format!("{name}^{n}")),
    };
    let powers = [power(amount.time, "time"), power(amount.bytes, "bytes"), power(amount.money, "money")];
    powers.into_iter().flatten().collect::<Vec<_>>().join(" x ")
}

fn wrong(start: usize, end: usize, message: impl Into<String>) -> UnitError {
    UnitError { start, end, message: message.into(), help: None }
}
