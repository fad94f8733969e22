//! The scenario with every default written out, for `validate --resolved`.

use crate::diagnostic::{Spot, Spotted};
use crate::fields::{Shape, Table};
use crate::scenario::database::writes_by_name;
use crate::scenario::root::root_table;
use crate::scenario::step::{SHORT, STEPS};
use crate::text::{Node, Value};

/// The resolved tree with every field that has a default and was left out.
pub fn resolved(tree: &Node) -> Node {
    let mut whole = tree.clone();
    fill_table(&mut whole, root_table());
    whole
}

/// Fills what a value of this shape leaves out.
fn fill(node: &mut Node, shape: &Shape) {
    match shape {
        Shape::Object(table) => fill_table(node, table),
        Shape::MapOf(of) => {
            if let Value::Map(entries) = &mut node.value {
                for (_, node) in entries {
                    fill(node, of);
                }
            }
        }
        Shape::ListOf(of) => {
            if let Value::List(items) = &mut node.value {
                for node in items {
                    fill(node, of);
                }
            }
        }
        Shape::Kind(tables) => {
            let kind = node.get("kind").and_then(Node::as_text);
            if let Some(table) = tables.iter().copied().find(|table| Some(table.name) == kind) {
                fill_table(node, table);
            }
        }
        Shape::Verb(tables) | Shape::Steps(tables) => match &mut node.value {
            Value::List(items) => {
                for item in items {
                    fill(item, shape);
                }
            }
            _ => {
                if let Some(table) = verb_of(node, tables) {
                    fill_table(node, table);
                }
            }
        },
        Shape::OneOf(shapes) => {
            if let Some(shape) = shapes.iter().find(|shape| fits(node, shape)) {
                fill(node, shape);
            }
        }
        _ => {}
    }
}

fn fill_table(node: &mut Node, table: &Table) {
    let at = Spot { end: node.spot.start, ..node.spot };
    // With several types of machines their numbers add up to the instances.
    let is_counted = node.get("machine").is_some_and(|machine| machine.as_map().is_some());
    let Value::Map(entries) = &mut node.value else { return };
    let told = |name: &str| is_counted && name == "instances";
    for field in table.fields.iter().filter(|field| field.available && !told(field.name)) {
        let known = entries.iter_mut().find(|(key, _)| key.value == field.name);
        match (known, field.default) {
            (Some((_, node)), _) => fill(node, &field.shape),
            (None, Some(default)) => {
                let value = match default {
                    "{}" => Value::Map(Vec::new()),
                    text => Value::Scalar { text: text.to_owned(), quoted: false },
                };
                let mut node = Node::new(value, at);
                fill(&mut node, &field.shape);
                entries.push((Spotted::new(field.name.to_owned(), at), node));
            }
            (None, None) => {}
        }
    }
    if table.name == "database" {
        name_writes(node);
    }
    // Only open arrivals are drawn, so the table of loads names no default.
    let is_open = table.name == "load" && (node.get("rate").is_some() || node.get("users").is_some());
    if is_open && node.get("arrivals").is_none() {
        let poisson = Node::new(Value::Scalar { text: "poisson".to_owned(), quoted: false }, at);
        let Value::Map(entries) = &mut node.value else { return };
        entries.push((Spotted::new("arrivals".to_owned(), at), poisson));
    }
}

/// Where there are replicas, each operation shows whether it writes: a list of steps becomes the long form.
fn name_writes(database: &mut Node) {
    if database.get("replicas").is_none() {
        return;
    }
    let Some(Value::Map(operations)) = database.get_mut("operations").map(|node| &mut node.value) else { return };
    for (name, node) in operations {
        let at = Spot { end: node.spot.start, ..node.spot };
        let entry = |name: &str, node: Node| (Spotted::new(name.to_owned(), at), node);
        let steps = verb_of(node, STEPS).is_some_and(|table| SHORT.field(table.name).is_none());
        if node.as_list().is_some() || steps {
            let spot = node.spot;
            let whole = std::mem::replace(node, Node::new(Value::Map(Vec::new()), spot));
            node.value = Value::Map(vec![entry("do", whole)]);
        }
        let text = writes_by_name(&name.value).to_string();
        match &mut node.value {
            Value::Map(entries) if !entries.iter().any(|(key, _)| key.value == "writes") => {
                entries.push(entry("writes", Node::new(Value::Scalar { text, quoted: false }, at)));
            }
            _ => {}
        }
    }
}

fn verb_of<'t>(node: &Node, tables: &[&'t Table]) -> Option<&'t Table> {
    tables.iter().copied().find(|table| node.get(table.name).is_some())
}

/// Whether a value can be of this shape, judged by what kind of value it is and which fields it has.
fn fits(node: &Node, shape: &Shape) -> bool {
    let is_map = node.as_map().is_some();
    match shape {
        Shape::Object(table) => {
            node.as_map().is_some_and(|entries| entries.iter().all(|(key, _)| table.field(&key.value).is_some()))
        }
        Shape::MapOf(_) | Shape::Kind(_) => is_map,
        Shape::Steps(tables) => {
            node.as_list().is_some()
                || (is_map && verb_of(node, tables).is_some_and(|table| fits(node, &Shape::Object(table))))
        }
        Shape::ListOf(_) => node.as_list().is_some(),
        Shape::Verb(tables) => verb_of(node, tables).is_some(),
        _ => node.as_text().is_some(),
    }
}
