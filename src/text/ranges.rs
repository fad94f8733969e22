//! Numbers that are not known exactly: `800/s..2500/s`, wherever a number may stand.
//!
//! An interval is found in the merged text before named values are worked out, so it may stand in `let`, in a sum and in the
//! arguments of a distribution. Its middle takes its place; whoever draws another value puts it there by `--set`. What only
//! looks like one (`../data.csv`) is left alone, because an interval starts with a figure on both sides.

use super::{Node, Origin, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::distribution::interval::Interval;

/// Below these keys stand words, or what is not part of this scenario.
const WORDS: &[&str] = &["title", "description", "extends", "variants", "assumptions", "journey"];

/// A scalar with intervals in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranged {
    /// Where it stands, as `--set` takes it: `components.web.operations.page.0.cpu`.
    pub path: String,
    quoted: bool,
    /// The text before each interval, the interval as it was written, and what it says.
    parts: Vec<(String, String, Interval)>,
    /// The text after the last.
    rest: String,
}

impl Ranged {
    /// The intervals in it as they were written, with what they say.
    pub fn intervals(&self) -> impl Iterator<Item = (&str, Interval)> {
        self.parts.iter().map(|(_, written, interval)| (written.as_str(), *interval))
    }

    /// The scalar with values in the places of its intervals, in their order, as shares of the probability.
    pub fn text(&self, shares: &[f64]) -> String {
        let filled = self.parts.iter().zip(shares);
        let filled = filled.map(|((before, _, known), share)| format!("{before}{}", known.text(known.at(*share))));
        filled.collect::<String>() + &self.rest
    }

    /// The setting that puts values in the places of the intervals.
    pub fn set(&self, shares: &[f64]) -> String {
        let text = self.text(shares);
        let quote = |text: String| format!("'{}'", text.replace('\'', "''"));
        format!("{}={}", self.path, if self.quoted { quote(text) } else { text })
    }
}

/// Finds all intervals and puts their middles in their places.
pub(super) fn take(root: &mut Node, diags: &mut Diagnostics) -> Vec<Ranged> {
    let mut found = Vec::new();
    if let Value::Map(entries) = &mut root.value {
        for (key, node) in entries.iter_mut().filter(|(key, _)| !WORDS.contains(&key.value.as_str())) {
            walk(node, &key.value, &mut found, diags);
        }
    }
    found
}

fn walk(node: &mut Node, path: &str, found: &mut Vec<Ranged>, diags: &mut Diagnostics) {
    match &mut node.value {
        Value::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}.{at}"), found, diags);
            }
        }
        Value::Map(entries) => {
            for (key, node) in entries.iter_mut() {
                walk(node, &format!("{path}.{}", key.value), found, diags);
            }
        }
        Value::Scalar { text, .. } if text.contains("..") => scalar(node, path, found, diags),
        Value::Null | Value::Scalar { .. } => {}
    }
}

fn scalar(node: &mut Node, path: &str, found: &mut Vec<Ranged>, diags: &mut Diagnostics) {
    let Value::Scalar { text, quoted } = &node.value else { return };
    let (mut parts, mut at, mut plain) = (Vec::new(), 0, String::new());
    for (start, dots, end) in places(text) {
        plain.push_str(&text[at..start]);
        at = end;
        match Interval::new(&text[start..dots], &text[dots + 2..end]) {
            // Two equal ends are a number.
            Ok(known) if known.low == known.high => plain.push_str(&text[start..dots]),
            Ok(known) => parts.push((std::mem::take(&mut plain), text[start..end].to_owned(), known)),
            Err(error) => {
                let spot = node.part(start + error.start, start + error.end);
                let told = Diagnostic::new(Code::OutOfRange, spot, error.message);
                diags.push(error.help.into_iter().fold(told, Diagnostic::help));
                node.origin = Origin::Broken;
                return;
            }
        }
    }
    if at == 0 {
        return;
    }
    plain.push_str(&text[at..]);
    let ranged = Ranged { path: path.to_owned(), quoted: *quoted, parts, rest: plain };
    let middles = vec![0.5; ranged.parts.len()];
    let text = ranged.text(&middles);
    node.value = Value::Scalar { text, quoted: *quoted };
    node.origin = Origin::Derived;
    found.extend((!ranged.parts.is_empty()).then_some(ranged));
}

/// Where intervals stand: start, dots and end in bytes.
fn places(text: &str) -> Vec<(usize, usize, usize)> {
    let ends = |c: char| c.is_whitespace() || "(),=|{}[]*+<>:\"'".contains(c);
    let starts = |text: &str| text.trim_start_matches('$').starts_with(|c: char| c.is_ascii_digit());
    let place = |(dots, _): (usize, &str)| {
        let start = text[..dots].rfind(ends).map_or(0, |at| at + 1);
        let end = text[dots + 2..].find(ends).map_or(text.len(), |at| dots + 2 + at);
        (starts(&text[start..dots]) && starts(&text[dots + 2..end])).then_some((start, dots, end))
    };
    text.match_indices("..").filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;
    use crate::text::{canonical, parse};

    fn taken(text: &str) -> (Vec<Ranged>, String, usize) {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let mut tree = parse("t.yaml", text, &mut sources, &mut diags).expect("YAML");
        let found = take(&mut tree, &mut diags);
        (found, canonical(&tree), diags.iter().count())
    }

    #[test]
    fn intervals_are_found_wherever_a_number_stands() {
        let text = "let: {users: 1M..3M}\nload: {a: {rate: 100/s..400/s, shape: [2..8, 'exp(1ms..4ms) + 2ms']}}\n";
        let (found, tree, wrong) = taken(text);
        let sets: Vec<String> = found.iter().map(|ranged| ranged.set(&[0.95])).collect();
        assert_eq!((found.len(), wrong), (4, 0), "{tree}");
        assert!(sets[0].starts_with("let.users=3M") || sets[0].starts_with("let.users=3"), "{sets:?}");
        assert_eq!(sets[2], "load.a.shape.0=8");
        assert_eq!(sets[3], "load.a.shape.1='exp(4ms) + 2ms'");
        assert!(tree.contains("200/s") && tree.contains("exp(2ms) + 2ms"), "{tree}");
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        let (found, tree, wrong) =
            taken("title: 1..2\nload: {a: {csv: trace(../data/2..3.csv), b: x..y, rate: 5/s..5/s}}\n");
        assert!(found.is_empty() && wrong == 0, "{found:?}");
        assert!(tree.contains("../data/2..3.csv") && tree.contains("x..y") && !tree.contains("5/s..5/s"), "{tree}");
    }

    #[test]
    fn an_interval_that_is_none_is_a_mistake() {
        assert_eq!(taken("run: {duration: 5m..2m}\n").2, 1);
        assert_eq!(taken("run: {duration: 5..2m}\n").2, 1);
    }
}
