//! TOML to the tree that scenarios are read from, so that one reader tells about mistakes in both.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::text::{Node, Origin, Value};

/// The tree of a text; nothing if it breaks the rules of TOML, which is told.
pub(super) fn parse(text: &str, file: u32, found: &mut Diagnostics) -> Option<Node> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let range = error.span().unwrap_or(0..text.len());
        let spot = Spot::new(file, range.start, range.end);
        found.push(Diagnostic::new(Code::NotToml, spot, error.message().replace('\n', " ")));
    }
    let reading = Reading { text, file };
    errors.is_empty().then(|| reading.table(table.get_ref(), Spot::new(file, 0, text.len())))
}

/// The text that is read.
struct Reading<'a> {
    text: &'a str,
    file: u32,
}

impl Reading<'_> {
    fn spot<T>(&self, value: &Spanned<T>) -> Spot {
        Spot::new(self.file, value.span().start, value.span().end)
    }

    fn table(&self, table: &DeTable, spot: Spot) -> Node {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue>)| {
            let name: &std::borrow::Cow<str> = key.get_ref();
            (Spotted::new(name.to_string(), self.spot(key)), self.node(value))
        };
        Node::new(Value::Map(table.iter().map(entry).collect()), spot)
    }

    fn node(&self, value: &Spanned<DeValue>) -> Node {
        let spot = self.spot(value);
        let raw = &self.text[value.span()];
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, spot),
            DeValue::Array(items) => Node::new(Value::List(items.iter().map(|item| self.node(item)).collect()), spot),
            DeValue::String(text) => scalar(text, true, raw.get(1..raw.len() - 1) == Some(text), spot),
            DeValue::Integer(number) if number.radix() == 10 => {
                scalar(number.as_str(), false, number.as_str() == raw, spot)
            }
            _ => scalar(raw, false, true, spot),
        }
    }
}

/// A single value; `exact` if the text is what stands there, but for quotes.
fn scalar(text: &str, quoted: bool, exact: bool, spot: Spot) -> Node {
    let origin = if exact { Origin::Exact } else { Origin::Derived };
    Node { value: Value::Scalar { text: text.to_owned(), quoted }, spot, origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_exact_inside_strings_and_all_mistakes_are_told() {
        let text = "seed = 1_000\n\n[profile.ci]\nduration = \"10 msecs\"\n";
        let mut found = Diagnostics::new();
        let tree = parse(text, 0, &mut found).expect("it is TOML");
        assert_eq!(tree.get("seed").and_then(Node::as_text), Some("1000"));
        let ci = tree.get("profile").and_then(|profiles| profiles.get("ci")).expect("the profile");
        let duration = ci.get("duration").expect("the setting");
        let part = duration.part(3, 8);
        assert_eq!(&text[part.start as usize..part.end as usize], "msecs");
        assert!(parse("a = [1\nb = ", 0, &mut found).is_none());
        assert!(!found.is_empty());
    }
}
