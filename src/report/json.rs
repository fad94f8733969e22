//! The report as JSON: the public document.
//!
//! Numbers are written with twelve significant digits: far more than any of them is known to, and free of the last
//! binary digits that only confuse (`0.30000000000000004`). What is not finite is `null`. Keys stand in the order of the
//! report's fields, so the same report gives the same bytes.

use serde::Serialize;
use serde_json::{Number, Value};

use crate::report::{Report, SCHEMA};

/// The document, indented, with a line end. A list of plain values stands on one line.
pub fn render(report: &Report) -> String {
    pretty(report)
}

/// The document of a study, indented, with a line end.
pub fn pretty(document: &impl Serialize) -> String {
    let mut text = String::new();
    write(&mut text, &tree(document), 0);
    text + "\n"
}

/// The document of a study on one line, without a line end.
pub fn line(document: &impl Serialize) -> String {
    tree(document).to_string()
}

/// A report read back from its document.
///
/// # Errors
/// What is wrong with the document, and where.
pub fn read(text: &str) -> Result<Report, String> {
    let tree: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let schema = tree.get("schema").and_then(Value::as_str).unwrap_or_default();
    if schema != SCHEMA {
        return Err(format!("`schema` is `{schema}`, not `{SCHEMA}`"));
    }
    serde_json::from_value(tree).map_err(|error| error.to_string())
}

/// The document as a tree.
pub fn value(report: &Report) -> Value {
    tree(report)
}

/// The document of a study as a tree.
pub fn tree(document: &impl Serialize) -> Value {
    let mut tree = serde_json::to_value(document).expect("documents have only string keys");
    round(&mut tree);
    tree
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let is_plain = |value: &Value| !value.is_array() && !value.is_object();
    let fields: Vec<(Option<&String>, &Value)> = match value {
        Value::Array(items) if !items.iter().all(is_plain) => items.iter().map(|item| (None, item)).collect(),
        Value::Object(fields) if !fields.is_empty() => fields.iter().map(|(key, value)| (Some(key), value)).collect(),
        plain => return text.push_str(&plain.to_string()),
    };
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    text.push(open);
    for (number, (key, value)) in fields.into_iter().enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        if let Some(key) = key {
            text.push_str(&Value::String(key.clone()).to_string());
            text.push_str(": ");
        }
        write(text, value, depth + 1);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(twelve_digits).and_then(Number::from_f64);
            *value = rounded.map_or(Value::Null, Value::Number);
        }
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

/// The nearest double to the twelve leading digits of `x`; negative zero becomes zero.
pub fn twelve_digits(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return if x == 0.0 { 0.0 } else { x };
    }
    format!("{x:.11e}").parse().expect("what was printed is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_beyond_the_twelfth_are_dropped() {
        assert_eq!(twelve_digits(0.1 + 0.2), 0.3);
        assert_eq!(twelve_digits(123456789.0123456), 123456789.012);
        assert_eq!(twelve_digits(1e-300 / 3.0).to_string(), "0.".to_owned() + &"0".repeat(300) + "333333333333");
        assert!(twelve_digits(-0.0).is_sign_positive());
    }

    #[test]
    fn whole_numbers_stay_whole_and_infinities_are_null() {
        let mut tree = serde_json::json!({"count": 18446744073709551615u64, "list": [0.30000000000000004, 2.0]});
        round(&mut tree);
        assert_eq!(tree.to_string(), r#"{"count":18446744073709551615,"list":[0.3,2.0]}"#);
    }
}
