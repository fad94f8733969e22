//! Named values: `let: {daily: 2M}`, used as `$daily` and `$(daily * 20/day / 4)`.
//!
//! They are worked out once everything is merged, so that a stage or `--set let.daily=5M` changes one line. A result is
//! written back as text with its unit, exactly; the field that holds it reads it like any other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Node, Origin, Value, sum};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted, nearest};

/// Replaces every `$name` and `$(sum)` of the tree by what it stands for, and takes `let` out of it.
pub(super) fn resolve(root: &mut Node, diags: &mut Diagnostics) {
    let file = root.spot.file;
    let written = match root.remove("let") {
        Some((_, Node { value: Value::Map(entries), .. })) => entries,
        Some((key, other)) if !other.is_null() => {
            let message = format!("`let` is a map of named values, this is {}", other.shape());
            diags.push(Diagnostic::new(Code::WrongShape, key.spot, message));
            Vec::new()
        }
        _ => Vec::new(),
    };
    let mut lets =
        Lets { written, known: BTreeMap::new(), used: BTreeSet::new(), is_misspelt: false, chain: Vec::new(), diags };
    lets.replace_all(root);
    let names: Vec<Spotted<String>> = lets.written.iter().map(|(key, _)| key.clone()).collect();
    for name in &names {
        // Those that nothing uses are worked out too, for the mistakes in them.
        lets.value(&name.value);
    }
    if lets.is_misspelt {
        // A name that is used under a wrong spelling is no second mistake.
        return;
    }
    for name in names.iter().filter(|name| name.spot.file == file && !lets.used.contains(&name.value)) {
        let message = format!("nothing uses `${}`", name.value);
        lets.diags.push(Diagnostic::new(Code::UnusedLet, name.spot, message));
    }
}

struct Lets<'a> {
    written: Vec<(Spotted<String>, Node)>,
    /// The text each stands for; `None` if a mistake was told about it.
    known: BTreeMap<String, Option<String>>,
    used: BTreeSet<String>,
    /// Whether some name was not found.
    is_misspelt: bool,
    /// The names being worked out, each needing the one after.
    chain: Vec<String>,
    diags: &'a mut Diagnostics,
}

impl Lets<'_> {
    fn replace_all(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.replace_all(item)),
            Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| self.replace_all(value)),
            Value::Scalar { text, .. } if text.contains('$') => self.replace(node),
            Value::Null | Value::Scalar { .. } => {}
        }
    }

    /// Replaces all names and sums in one scalar.
    fn replace(&mut self, node: &mut Node) {
        let Some(replaced) = self.replaced(node) else {
            node.origin = Origin::Broken;
            return;
        };
        if let Value::Scalar { text, .. } = &mut node.value
            && *text != replaced
        {
            *text = replaced;
            node.origin = Origin::Derived;
        }
    }

    /// The text of a scalar with everything in it replaced; `None` if a mistake was told.
    fn replaced(&mut self, node: &Node) -> Option<String> {
        let text = node.as_text()?;
        let (mut out, mut at, mut whole) = (String::new(), 0, true);
        while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
            out.push_str(&text[at..dollar]);
            let rest = &text[dollar + 1..];
            let name = &rest[..name_length(rest)];
            if rest.starts_with('$') {
                out.push('$');
                at = dollar + 2;
            } else if !name.is_empty() {
                at = dollar + 1 + name.len();
                let stood = self.named(name, node.part(dollar, at));
                whole &= stood.is_some();
                out.push_str(&stood.unwrap_or_default());
            } else if rest.starts_with('(') {
                let length = bracket_length(rest);
                at = dollar + 1 + length;
                let worked = self.sum(&rest[1..length.max(2) - 1], node, dollar + 2);
                whole &= worked.is_some();
                out.push_str(&worked.unwrap_or_default());
            } else {
                out.push('$');
                at = dollar + 1;
            }
        }
        out.push_str(&text[at..]);
        whole.then_some(out)
    }

    /// The text a name stands for at a place that uses it.
    fn named(&mut self, name: &str, spot: Spot) -> Option<String> {
        self.used.insert(name.to_owned());
        if self.written.iter().all(|(key, _)| key.value != name) {
            self.is_misspelt = true;
            let message = format!("there is no `{name}` under `let`");
            let told = Diagnostic::new(Code::UnknownLet, spot, message);
            let near = nearest(name, self.written.iter().map(|(key, _)| &key.value[..]));
            self.diags.push(match near {
                Some(near) => told.help(format!("did you mean `${near}`?")).patch(spot, format!("${near}")),
                None => told.help("`$$` writes a dollar sign"),
            });
            return None;
        }
        if let Some(start) = self.chain.iter().position(|known| known == name) {
            let chain = self.chain[start..].join("` needs `");
            let message = format!("`{chain}` needs `{name}`, which goes round in a circle");
            self.diags.push(Diagnostic::new(Code::Cycle, spot, message));
            return None;
        }
        self.value(name)
    }

    /// The text a name of `let` stands for, worked out at its first use.
    fn value(&mut self, name: &str) -> Option<String> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let node = self.written.iter().find(|(key, _)| key.value == name).map(|(_, node)| node.clone())?;
        self.chain.push(name.to_owned());
        let text = if node.as_text().is_some() {
            self.replaced(&node)
        } else {
            let message = format!("`{name}` stands for a single value, this is {}", node.shape());
            self.diags.push(Diagnostic::new(Code::WrongShape, node.spot, message));
            None
        };
        self.chain.pop();
        self.known.insert(name.to_owned(), text.clone());
        text
    }

    /// The result of a sum that begins at byte `offset` of the scalar `node`.
    fn sum(&mut self, text: &str, node: &Node, offset: usize) -> Option<String> {
        let mut silent = false;
        let resolve = |name: &str, start: usize, end: usize| {
            let found = self.named(name, node.part(offset + start, offset + end));
            silent |= found.is_none();
            found
        };
        match sum::evaluate(text, resolve) {
            Ok(worked) => Some(worked),
            Err(_) if silent => None,
            Err(error) => {
                // What is missing at the end of the sum is marked at its closing bracket.
                let spot = node.part(offset + error.start, offset + error.end.max(error.start + 1));
                let told = Diagnostic::new(Code::Expression, spot, error.message);
                self.diags.push(error.help.into_iter().fold(told, Diagnostic::help));
                None
            }
        }
    }
}

/// How many bytes at the start of the text are a name.
pub(super) fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// How many bytes the text needs to close the bracket it begins with; all of it if it never does.
fn bracket_length(text: &str) -> usize {
    let mut open = 0;
    for (at, c) in text.char_indices() {
        open += i32::from(c == '(') - i32::from(c == ')');
        if open == 0 {
            return at + 1;
        }
    }
    text.len()
}
