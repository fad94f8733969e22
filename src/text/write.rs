//! Tree out: YAML for people, and the canonical content for hashes.

use std::fmt::Write;

use super::{Node, Value};

/// YAML in block style, quoted only where it would read differently without.
pub(super) fn to_yaml(node: &Node) -> String {
    let mut text = String::new();
    write_node(&mut text, node, 0);
    text
}

/// JSON with sorted keys and all scalars as strings.
pub(super) fn canonical(node: &Node) -> String {
    let mut text = String::new();
    write_canonical(&mut text, node);
    text
}

/// Writes a value from the start of a line, or of what follows `- `.
fn write_node(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for (at, (key, value)) in entries.iter().enumerate() {
                if 0 < at {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str(&scalar(&key.value));
                out.push(':');
                write_below(out, value, indent + 2);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                if 0 < at {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str("- ");
                write_node(out, item, indent + 2);
            }
        }
        _ => {
            out.push_str(&inline(&node.value));
            out.push('\n');
        }
    }
}

/// Writes the value of a key: on the same line if it fits there.
fn write_below(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            write_node(out, node, indent);
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            write_node(out, node, indent);
        }
        value => {
            out.push(' ');
            out.push_str(&inline(value));
            out.push('\n');
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Scalar { text, .. } => scalar(text),
        Value::List(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}

/// The text plain if YAML would read it back as it is, else in double quotes.
fn scalar(text: &str) -> String {
    let word = matches!(text, "" | "~" | "null" | "Null" | "NULL" | "<<" | "---" | "...");
    if !word && is_plain(text) { text.to_owned() } else { double_quoted(text) }
}

/// Errs on the side of quotes.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    let safe_start = first.is_alphanumeric() || "$./_+(<=".contains(first);
    let safe = |c: char| c == ' ' || is_shown(c);
    let tail = text.trim_end() == text && !text.ends_with(':');
    safe_start && tail && text.chars().all(safe) && !text.contains(": ") && !text.contains(" #") && text.len() < 1000
}

/// What is seen as what it is: no control characters, no spaces but the usual one, nothing that turns the writing round.
fn is_shown(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    c.is_ascii_graphic() || (!c.is_ascii() && !c.is_control() && !c.is_whitespace() && !hidden)
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c == ' ' || is_shown(c) => out.push(c),
            c => write!(out, "\\U{:08x}", c as u32).expect("a string takes every text"),
        }
    }
    out.push('"');
    out
}

fn write_canonical(out: &mut String, node: &Node) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Scalar { text, .. } => out.push_str(&serde_json::Value::from(&text[..]).to_string()),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if 0 < at { "," } else { "" });
                write_canonical(out, item);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
            out.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                out.push_str(if 0 < at { "," } else { "" });
                out.push_str(&serde_json::Value::from(&key.value[..]).to_string());
                out.push(':');
                write_canonical(out, value);
            }
            out.push('}');
        }
    }
}
