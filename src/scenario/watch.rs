//! `objectives:`, `evolve_when:` and `alerts:`: conditions with how they are looked at.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::scenario::condition::{Body, Condition, Period, parse};
use crate::scenario::values::{inert, letters};
use crate::scenario::{Alert, Named};
use crate::text::{Node, Value};

/// A condition that says more than its text.
pub static CONDITION: Table = Table {
    name: "condition",
    about: "A condition, or several of which all or any must hold, and how often it is looked at",
    fields: &[WHEN, ALL, ANY, EVERY, OVER],
};

/// An alert.
pub static ALERT: Table = Table {
    name: "alert",
    about: "A condition that calls somebody",
    fields: &[WHEN, ALL, ANY, EVERY, OVER, Field::new("severity", Shape::Text, "P1", "How bad it is").or("P3")],
};

/// A text, or a map with more.
pub static CONDITION_SHAPES: &[Shape] = &[Shape::Condition, Shape::Object(&CONDITION)];

static WHEN: Field = Field::new("when", Shape::Condition, "errors > 5% for 5m", "The condition");
static ALL: Field = Field::new(
    "all",
    Shape::ListOf(&Shape::OneOf(CONDITION_SHAPES)),
    "[errors > 5%, goodput < 10/s]",
    "Conditions that must all hold",
);
static ANY: Field = Field::new(
    "any",
    Shape::ListOf(&Shape::OneOf(CONDITION_SHAPES)),
    "[errors > 5%, goodput < 10/s]",
    "Conditions of which one must hold",
);
static EVERY: Field = Field::new("every", Shape::Time, "15s", "Time between two looks").or("15s");
static OVER: Field = Field::new("over", Shape::Time, "60s", "What a look sees").or("60s");

/// Reads a condition: a text, or a map.
pub(super) fn condition(owner: Spot, node: &Node, objectives: &[&str], diags: &mut Diagnostics) -> Option<Condition> {
    match node.as_map() {
        Some(_) => with_looks(&mut Reader::new(owner, node, &CONDITION, diags), objectives),
        None => parse::condition(node, objectives, diags),
    }
}

/// Reads a map, or a list whose entries are named by their text.
pub(super) fn conditions(node: &Node, objectives: &[&str], diags: &mut Diagnostics) -> Named<Condition> {
    let mut read = Named::new();
    for (key, node) in entries(node, "conditions", diags) {
        if let Some(condition) = condition(key.spot, node, objectives, diags) {
            read.insert(key.value.clone(), Spotted::new(condition, letters(&key)));
        }
    }
    read
}

/// Reads the alerts.
pub(super) fn alerts(node: &Node, objectives: &[&str], diags: &mut Diagnostics) -> Named<Alert> {
    let mut read = Named::new();
    for (key, node) in entries(node, "alerts", diags) {
        if let Some(alert) = alert(key.spot, node, objectives, diags) {
            read.insert(key.value.clone(), Spotted::new(alert, letters(&key)));
        }
    }
    read
}

/// The entries of a map; or of a list, named by their text.
pub(super) fn entries<'n>(node: &'n Node, what: &str, diags: &mut Diagnostics) -> Vec<(Spotted<String>, &'n Node)> {
    match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, node)| (key.clone(), node)).collect(),
        Value::List(items) => items.iter().map(|item| (Spotted::new(text_of(item), item.spot), item)).collect(),
        _ if node.is_broken() => Vec::new(),
        _ => {
            let message = format!("a map of {what} is expected here, this is {}", node.shape());
            diags.push(Diagnostic::new(Code::WrongShape, node.spot, message).help("write `name: ...` lines"));
            Vec::new()
        }
    }
}

/// What an entry of a list is called.
fn text_of(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } => text.clone(),
        Value::Map(entries) => {
            let when = node.get("when").and_then(Node::as_text).map(str::to_owned);
            let fields =
                || entries.iter().map(|(key, node)| format!("{} {}", key.value, text_of(node))).collect::<Vec<_>>();
            when.unwrap_or_else(|| fields().join(" "))
        }
        Value::List(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
    }
}

fn alert(owner: Spot, node: &Node, objectives: &[&str], diags: &mut Diagnostics) -> Option<Alert> {
    if node.as_map().is_none() {
        let when = parse::condition(node, objectives, diags)?;
        return Some(Alert { when, severity: "P3".to_owned() });
    }
    let mut r = Reader::new(owner, node, &ALERT, diags);
    let severity = r.text("severity").map_or_else(|| "P3".to_owned(), |severity| severity.value);
    Some(Alert { when: with_looks(&mut r, objectives)?, severity })
}

fn with_looks(r: &mut Reader, objectives: &[&str]) -> Option<Condition> {
    let every = r.positive_time("every");
    let over = r.positive_time("over");
    let which = r.exactly_one(&["when", "all", "any"])?;
    let owner = r.key(which);
    let mut read = if which == "when" {
        parse::condition(r.node("when")?, objectives, r.diags())?
    } else {
        several(r, which, owner, objectives)?
    };
    if let Body::Compare(comparison) = &read.body
        && matches!(comparison.measure.value.period, Period::Over(_))
        && over.is_some_and(|over| over != parse::OVER_S)
    {
        inert(r, &["over"], "beside `over` in the condition");
    }
    looks(&mut read, every, over);
    Some(read)
}

fn several(r: &mut Reader, which: &str, owner: Spot, objectives: &[&str]) -> Option<Condition> {
    let items = r.list(which);
    let read: Vec<Condition> = items.iter().filter_map(|node| condition(owner, node, objectives, r.diags())).collect();
    if read.len() < items.len() || items.is_empty() {
        if items.is_empty() && r.node(which).is_some_and(|node| node.as_list().is_some()) {
            r.tell(Diagnostic::new(Code::Condition, owner, format!("`{which}` of no conditions says nothing")));
        }
        return None;
    }
    let word = if which == "all" { " and " } else { " or " };
    let text = read.iter().map(|condition| condition.text.as_str()).collect::<Vec<_>>().join(word);
    let body = if which == "all" { Body::All(read) } else { Body::Any(read) };
    Some(Condition { text, body })
}

/// Gives the looks of a map to every comparison in it that has none of its own.
fn looks(condition: &mut Condition, every: Option<f64>, over: Option<f64>) {
    match &mut condition.body {
        Body::All(of) | Body::Any(of) => of.iter_mut().for_each(|one| looks(one, every, over)),
        Body::Compare(comparison) => {
            if comparison.every_s == parse::EVERY_S {
                comparison.every_s = every.unwrap_or(comparison.every_s);
            }
            if comparison.over_s == parse::OVER_S {
                comparison.over_s = over.unwrap_or(comparison.over_s);
            }
        }
    }
}
