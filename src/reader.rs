//! The one reader of `name(args)`: distributions and every policy with an argument are written in this form.
//!
//! `choices(2)`, `exponential(50ms x2 max=1s)`, `mix(90% exp(1ms) | 10% exp(50ms))`, `2ms + exp(1ms)`. Arguments are
//! separated by spaces or commas, may be named (`key=value`), and may be such forms themselves; bars part branches. The
//! reader knows no names: whoever owns a policy asks the [`Term`] for what it expects and gets either the value or an
//! error that marks the wrong bytes and says what to write.

pub mod nearest;

use self::nearest::nearest;
use crate::units::{self, Dimension, UnitError};

/// A mistake in the text, with its byte range, a message and advice.
pub type ReadError = UnitError;

/// What a scalar consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A name or a quantity: `round_robin`, `3ms`.
    Word(Word),
    /// `name(args)`.
    Call(Term),
    /// Two or more values with `+` between them.
    Sum(Vec<Value>),
}

/// A run of characters without blanks, brackets, commas, bars or equals signs, or the text between quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The characters.
    pub text: String,
    /// First byte in the text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A name with arguments; a bare name is a term without any.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// What stands before the bracket.
    pub name: Word,
    /// The arguments in the order they were written.
    pub args: Vec<Arg>,
    /// First byte in the text.
    pub start: usize,
    /// One past the closing bracket.
    pub end: usize,
}

/// One argument of a term.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The name before the equals sign, if there is one.
    pub key: Option<Word>,
    /// The argument itself.
    pub value: Value,
    /// How many bars stand before it.
    pub branch: usize,
}

/// How deep brackets may be nested.
const DEEPEST: usize = 16;

/// Reads a whole scalar.
pub fn read(text: &str) -> Result<Value, ReadError> {
    let mut cursor = Cursor { text, at: 0, depth: 0 };
    let value = cursor.sum()?;
    cursor.skip_blanks();
    match cursor.rest().chars().next() {
        None => Ok(value),
        Some(')') => Err(cursor.wrong(1, "this bracket closes nothing", None)),
        Some(_) => Err(cursor.wrong(cursor.rest().trim_end().len(), "nothing may follow here", None)),
    }
}

/// Reads a name with or without arguments: `round_robin`, `choices(2)`.
pub fn read_term(text: &str) -> Result<Term, ReadError> {
    match read(text)? {
        Value::Call(term) => Ok(term),
        Value::Word(name) => Ok(Term { start: name.start, end: name.end, name, args: Vec::new() }),
        sum @ Value::Sum(_) => {
            let (start, end) = sum.range();
            let help = Some("write it as in `name(argument key=value)`".to_owned());
            Err(ReadError { start, end, message: "a sum has no place here".to_owned(), help })
        }
    }
}

impl Value {
    /// The byte range in the text.
    pub fn range(&self) -> (usize, usize) {
        match self {
            Value::Word(word) => (word.start, word.end),
            Value::Call(term) => (term.start, term.end),
            Value::Sum(parts) => {
                let first = parts.first().map_or(0, |part| part.range().0);
                (first, parts.last().map_or(first, |part| part.range().1))
            }
        }
    }

    /// An error about this value.
    pub fn wrong(&self, message: impl Into<String>, help: Option<String>) -> ReadError {
        let (start, end) = self.range();
        ReadError { start, end, message: message.into(), help }
    }

    /// The word, if it is one.
    pub fn word(&self) -> Option<&Word> {
        if let Value::Word(word) = self { Some(word) } else { None }
    }

    /// The value as a quantity of the dimension, in SI units.
    pub fn quantity(&self, dimension: Dimension) -> Result<f64, ReadError> {
        match self {
            Value::Word(word) => word.quantity(dimension),
            _ => Err(self.wrong(format!("{} is expected here", dimension.noun()), Some(dimension.units().to_owned()))),
        }
    }
}

impl Word {
    /// The word as a quantity of the dimension, in SI units.
    pub fn quantity(&self, dimension: Dimension) -> Result<f64, ReadError> {
        units::parse_as(&self.text, dimension).map_err(|error| error.shifted(self.start))
    }

    /// An error about this word.
    pub fn wrong(&self, message: impl Into<String>, help: Option<String>) -> ReadError {
        ReadError { start: self.start, end: self.end, message: message.into(), help }
    }
}

impl Arg {
    /// Whether it is a factor such as `x2`.
    pub fn is_factor(&self) -> bool {
        self.key.is_none() && self.value.word().is_some_and(|word| units::parse_factor(&word.text).is_ok())
    }

    /// The byte range in the text, its key included.
    pub fn range(&self) -> (usize, usize) {
        let (start, end) = self.value.range();
        (self.key.as_ref().map_or(start, |key| key.start), end)
    }
}

impl Term {
    /// An error about the whole term.
    pub fn wrong(&self, message: impl Into<String>, help: Option<String>) -> ReadError {
        ReadError { start: self.start, end: self.end, message: message.into(), help }
    }

    /// The error for a name nobody knows. `what` is the thing with its article: "a policy".
    pub fn unknown(&self, what: &str, known: &[&str]) -> ReadError {
        let help = match nearest(&self.name.text, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of: {}", known.join(", ")),
        };
        self.name.wrong(format!("`{}` is not {what}", self.name.text), Some(help))
    }

    /// The arguments without a name that are not factors, in order.
    pub fn positionals(&self) -> impl Iterator<Item = &Value> {
        self.args.iter().filter(|arg| arg.key.is_none() && !arg.is_factor()).map(|arg| &arg.value)
    }

    /// The `index`-th argument without a name, factors not counted.
    pub fn positional(&self, index: usize) -> Option<&Value> {
        self.positionals().nth(index)
    }

    /// The argument of that name.
    pub fn named(&self, key: &str) -> Option<&Value> {
        self.named_args().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    /// All arguments with a name, in order.
    pub fn named_args(&self) -> impl Iterator<Item = (&Word, &Value)> {
        self.args.iter().filter_map(|arg| arg.key.as_ref().map(|key| (key, &arg.value)))
    }

    /// The factor among the arguments, as in `x2`.
    pub fn factor(&self) -> Option<f64> {
        let factor = self.args.iter().find(|arg| arg.is_factor())?;
        units::parse_factor(&factor.value.word()?.text).ok()
    }

    /// The stretches of arguments between bars; one stretch if there are no bars.
    pub fn branches(&self) -> impl Iterator<Item = &[Arg]> {
        self.args.chunk_by(|a, b| a.branch == b.branch)
    }

    /// The `index`-th argument without a name as a quantity; it must be there. `example` is a good way to write the term.
    pub fn quantity(&self, index: usize, dimension: Dimension, example: &str) -> Result<f64, ReadError> {
        match self.positional(index) {
            Some(value) => value.quantity(dimension),
            None => Err(self.missing(dimension.noun(), example)),
        }
    }

    /// The argument of that name as a quantity, if it is there.
    pub fn named_quantity(&self, key: &str, dimension: Dimension) -> Result<Option<f64>, ReadError> {
        self.named(key).map(|value| value.quantity(dimension)).transpose()
    }

    /// The `index`-th argument without a name as a whole number of at least one.
    pub fn whole(&self, index: usize, example: &str) -> Result<u64, ReadError> {
        let number = self.quantity(index, Dimension::Count, example)?;
        if 1.0 <= number && number.fract() == 0.0 && number < 9e15 {
            return Ok(number as u64);
        }
        let value = self.positional(index).expect("its quantity was just read");
        Err(value.wrong("a whole number of at least 1 is expected", Some(format!("write `{example}`"))))
    }

    /// The error for an argument that is not there.
    pub fn missing(&self, what: &str, example: &str) -> ReadError {
        self.wrong(format!("`{}` needs {what}", self.name.text), Some(format!("write `{example}`")))
    }

    /// Refuses named arguments that are not in `keys`, and any named twice.
    pub fn expect_only(&self, keys: &[&str]) -> Result<(), ReadError> {
        for (i, (key, _)) in self.named_args().enumerate() {
            if !keys.contains(&key.text.as_str()) {
                let help = match (nearest(&key.text, keys), keys) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, []) => "it takes no named arguments".to_owned(),
                    (None, _) => format!("use one of: {}", keys.join(", ")),
                };
                let message = format!("`{}` has no argument `{}`", self.name.text, key.text);
                return Err(key.wrong(message, Some(help)));
            }
            if self.named_args().take(i).any(|(earlier, _)| earlier.text == key.text) {
                return Err(key.wrong(format!("`{}` is given twice", key.text), Some("keep one of them".to_owned())));
            }
        }
        Ok(())
    }

    /// Refuses more or fewer arguments without a name than `least..=most`. `example` is a good way to write the term.
    pub fn expect_positionals(&self, least: usize, most: usize, example: &str) -> Result<(), ReadError> {
        let help = Some(format!("write `{example}`"));
        let count = self.positionals().count();
        if let Some(extra) = self.positional(most) {
            let allowed = match most {
                0 => "no plain argument".to_owned(),
                1 => "one plain argument".to_owned(),
                _ => format!("{most} plain arguments"),
            };
            return Err(extra.wrong(format!("`{}` takes {allowed}", self.name.text), help));
        }
        if count < least {
            let more = if least - count == 1 { "one more argument".to_owned() } else { format!("{least} arguments") };
            return Err(self.wrong(format!("`{}` needs {more}", self.name.text), help));
        }
        Ok(())
    }

    /// Refuses any argument at all.
    pub fn expect_bare(&self) -> Result<(), ReadError> {
        match self.args.first() {
            None => Ok(()),
            Some(_) => Err(self.wrong(
                format!("`{}` takes no arguments", self.name.text),
                Some(format!("write `{}`", self.name.text)),
            )),
        }
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn wrong(&self, length: usize, message: &str, help: Option<&str>) -> ReadError {
        ReadError { start: self.at, end: self.at + length, message: message.to_owned(), help: help.map(str::to_owned) }
    }

    /// One value, or several with plus signs between them.
    fn sum(&mut self) -> Result<Value, ReadError> {
        let mut parts = vec![self.operand()?];
        while self.eat_plus() {
            parts.push(self.operand()?);
        }
        if parts.len() == 1 { Ok(parts.remove(0)) } else { Ok(Value::Sum(parts)) }
    }

    /// A plus sign adds if a blank follows it, or if none stands before it; `a +2` is two arguments.
    fn eat_plus(&mut self) -> bool {
        let before = self.at;
        self.skip_blanks();
        let touches = self.at == before;
        if self.eat('+') && (touches || self.rest().starts_with(char::is_whitespace)) {
            return true;
        }
        self.at = before;
        false
    }

    fn operand(&mut self) -> Result<Value, ReadError> {
        self.skip_blanks();
        let name = self.word()?;
        if !self.rest().starts_with('(') {
            return Ok(Value::Word(if self.depth == 0 { self.with_unit(name) } else { name }));
        }
        let open = self.at;
        self.at += 1;
        self.depth += 1;
        if DEEPEST < self.depth {
            return Err(self.wrong(0, "the brackets are nested too deeply", None));
        }
        let args = self.args(open)?;
        self.depth -= 1;
        Ok(Value::Call(Term { start: name.start, end: self.at, name, args }))
    }

    /// A number and a unit that stands apart are one word, `5 ms`; inside brackets they would be two arguments.
    fn with_unit(&mut self, number: Word) -> Word {
        let before = self.at;
        self.skip_blanks();
        let is_apart = number.text.parse::<f64>().is_ok() && self.rest().starts_with(char::is_alphabetic);
        if is_apart && let Ok(unit) = self.word() {
            return Word { text: self.text[number.start..unit.end].to_owned(), start: number.start, end: unit.end };
        }
        self.at = before;
        number
    }

    /// The arguments up to the closing bracket.
    fn args(&mut self, open: usize) -> Result<Vec<Arg>, ReadError> {
        let mut args: Vec<Arg> = Vec::new();
        let mut branch = 0;
        loop {
            self.skip_blanks();
            if self.eat(')') {
                return Ok(args);
            }
            if self.rest().is_empty() {
                let help =
                    "add `)`; inside `{ }` or `[ ]` separate arguments by spaces, because YAML ends a value at a comma";
                let message = "this bracket is never closed".to_owned();
                return Err(ReadError { start: open, end: open + 1, message, help: Some(help.to_owned()) });
            }
            if self.rest().starts_with('|') {
                if args.last().is_none_or(|last| last.branch != branch) {
                    return Err(self.wrong(1, "nothing stands before this bar", None));
                }
                self.at += 1;
                branch += 1;
                continue;
            }
            if self.rest().starts_with(',') {
                if args.is_empty() {
                    return Err(self.wrong(1, "nothing stands before this comma", None));
                }
                self.at += 1;
                continue;
            }
            args.push(self.arg(branch)?);
        }
    }

    fn arg(&mut self, branch: usize) -> Result<Arg, ReadError> {
        let value = self.sum()?;
        let Value::Word(key) = &value else { return Ok(Arg { key: None, value, branch }) };
        let before = self.at;
        self.skip_blanks();
        if !self.eat('=') {
            self.at = before;
            return Ok(Arg { key: None, value, branch });
        }
        self.skip_blanks();
        if self.rest().is_empty() || self.rest().starts_with([')', ',', '|', '=']) {
            return Err(key.wrong(format!("`{}` has no value", key.text), Some(format!("write `{}=...`", key.text))));
        }
        let key = key.clone();
        Ok(Arg { key: Some(key), value: self.sum()?, branch })
    }

    fn word(&mut self) -> Result<Word, ReadError> {
        let start = self.at;
        if let Some(inner) = self.rest().strip_prefix('"') {
            let Some(length) = inner.find('"') else { return Err(self.wrong(1, "this quote is never closed", None)) };
            self.at += length + 2;
            return Ok(Word { text: inner[..length].to_owned(), start, end: self.at });
        }
        let mut last = ' ';
        let mut before_last = ' ';
        for (place, c) in self.rest().char_indices() {
            // A plus belongs to the word as its sign or as the sign of an exponent.
            let is_sign = place == 0 || (matches!(last, 'e' | 'E') && before_last.is_ascii_digit());
            if c.is_whitespace() || "(),|=".contains(c) || (c == '+' && !is_sign) {
                break;
            }
            (before_last, last) = (last, c);
            self.at = start + place + c.len_utf8();
        }
        if self.at == start {
            let length = self.rest().chars().next().map_or(0, char::len_utf8);
            return Err(self.wrong(length, "a value is expected here", None));
        }
        Ok(Word { text: self.text[start..self.at].to_owned(), start, end: self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(text: &str) -> Term {
        read_term(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn positional_named_and_factor_arguments_are_told_apart() {
        let backoff = term("exponential(50ms x2 max=1s)");
        assert_eq!(backoff.name.text, "exponential");
        assert_eq!(backoff.quantity(0, Dimension::Time, "exponential(50ms)"), Ok(0.05));
        assert_eq!(backoff.factor(), Some(2.0));
        assert_eq!(backoff.named_quantity("max", Dimension::Time), Ok(Some(1.0)));
        assert_eq!(backoff.named_quantity("min", Dimension::Time), Ok(None));
        assert_eq!(backoff.expect_only(&["max"]), Ok(()));
        assert_eq!(backoff.expect_positionals(1, 1, "exponential(50ms)"), Ok(()));
        assert_eq!(term("choices(2)").whole(0, "choices(2)"), Ok(2));
        assert_eq!(term("round_robin").expect_bare(), Ok(()));
        assert_eq!(term("uniform(1ms, 5ms)").positionals().count(), 2);
    }

    #[test]
    fn nesting_branches_and_sums_keep_their_places() {
        let text = "mix(90% exp(1ms) | 10% 2ms + exp(50ms))";
        let mix = term(text);
        let branches: Vec<_> = mix.branches().collect();
        assert_eq!(branches.iter().map(|branch| branch.len()).collect::<Vec<_>>(), [2, 2]);
        let (start, end) = branches[1][1].value.range();
        assert_eq!(&text[start..end], "2ms + exp(50ms)");
        assert!(matches!(&branches[1][1].value, Value::Sum(parts) if parts.len() == 2));
        assert!(matches!(read("2ms+exp(1ms)"), Ok(Value::Sum(parts)) if parts.len() == 2));
        assert!(matches!(read("1e+3"), Ok(Value::Word(_))));
        assert_eq!(term("step(a +2)").positionals().count(), 2);
        assert!(matches!(term("geoproximity(a=100 b=100+10)").named("b"), Some(Value::Sum(_))));
        assert_eq!(
            term("trace(\"my file.csv\")").positional(0).and_then(Value::word).map(|w| w.text.as_str()),
            Some("my file.csv")
        );
    }

    #[test]
    fn errors_mark_the_wrong_bytes() {
        let error = |text: &str| {
            let error = read(text).expect_err(text);
            (error.start, error.end, error.message)
        };
        assert_eq!(error("exp(3ms"), (3, 4, "this bracket is never closed".to_owned()));
        assert_eq!(error("exp(3ms))"), (8, 9, "this bracket closes nothing".to_owned()));
        assert_eq!(error("a b"), (2, 3, "nothing may follow here".to_owned()));
        assert_eq!(error("5 ms x"), (5, 6, "nothing may follow here".to_owned()));
        assert_eq!(error("f(max=)"), (2, 5, "`max` has no value".to_owned()));
        assert_eq!(error("mix(| a)"), (4, 5, "nothing stands before this bar".to_owned()));
        assert_eq!(error("2ms + "), (6, 6, "a value is expected here".to_owned()));
        assert!(read(&"f(".repeat(40)).is_err());
        let typo = term("exponential(50ms mx=1s)").expect_only(&["max"]).expect_err("a typo");
        assert_eq!((typo.start, typo.end, typo.help.as_deref()), (17, 19, Some("did you mean `max`?")));
        let twice = term("f(a=1 a=2)").expect_only(&["a"]).expect_err("twice");
        assert_eq!((twice.start, twice.message.as_str()), (6, "`a` is given twice"));
        let slip = term("exp(5 msecs)").expect_positionals(1, 1, "exp(5ms)").expect_err("two words");
        assert_eq!((slip.start, slip.end), (6, 11));
        let unit = term("exp( 5msecs)").quantity(0, Dimension::Time, "exp(5ms)").expect_err("a slip");
        assert_eq!((unit.start, unit.end), (6, 11));
        let name = term("chioces(2)").unknown("a policy", &["choices", "random"]);
        assert_eq!(name.help.as_deref(), Some("did you mean `choices`?"));
        assert!(term("choices(0.5)").whole(0, "choices(2)").is_err());
    }
}
