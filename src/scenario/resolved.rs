//! The scenario with every default and all that arrows inherit written out, for `validate --resolved`.

use crate::diagnostic::{Spot, Spotted};
use crate::fields::{Shape, Table};
use crate::scenario::database::writes_by_name;
use crate::scenario::naming::OF_HOPS;
use crate::scenario::policy;
use crate::scenario::root::root_table;
use crate::scenario::step::{SHORT, STEPS};
use crate::text::{Node, Value};

/// The resolved tree with every field that has a default and was left out.
pub fn resolved(tree: &Node) -> Node {
    let mut whole = tree.clone();
    if let Value::Map(entries) = &mut whole.value
        && let Some((_, policies)) = entries.iter_mut().find(|(key, _)| key.value == "policies")
    {
        inherit(policies);
    }
    fill_table(&mut whole, root_table());
    whole
}

/// Writes into each arrow what it has from less exact ones that cover all of it. What calls under it share stays with
/// the arrow it was written for, and so does what a third arrow changes for some of those calls.
fn inherit(policies: &mut Node) {
    let Value::Map(entries) = &mut policies.value else { return };
    let arrows: Vec<(Arrow, Node)> =
        entries.iter().filter_map(|(key, node)| Some((Arrow::read(&key.value)?, node.clone()))).collect();
    for (key, node) in entries {
        let (Some(own), Value::Map(fields)) = (Arrow::read(&key.value), &mut node.value) else { continue };
        let mut wider: Vec<&(Arrow, Node)> =
            arrows.iter().filter(|(other, _)| *other != own && other.covers(&own)).collect();
        wider.sort_by_key(|(other, _)| std::cmp::Reverse(other.rank()));
        for (other, from) in wider {
            for (name, value) in from.as_map().unwrap_or_default() {
                let comes_between = |(third, said): &(Arrow, Node)| {
                    (other.rank() + 1..own.rank()).contains(&third.rank())
                        && third.meets(&own)
                        && said.get(&name.value).is_some()
                };
                let is_open = fields.iter().all(|(known, _)| known.value != name.value);
                if is_open && name.value != "rate_limit" && !arrows.iter().any(comes_between) {
                    fields.push((name.clone(), value.clone()));
                }
            }
        }
    }
}

/// The two sides of `a.op -> b`: component (none for `any`) and operation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arrow([(Option<String>, Option<String>); 2]);

impl Arrow {
    fn read(text: &str) -> Option<Arrow> {
        let (from, to) = text.split_once("->")?;
        let side = |side: &str| match side.trim().split_once('.') {
            _ if side.trim() == "any" => (None, None),
            Some((component, operation)) => (Some(component.to_owned()), Some(operation.to_owned())),
            None => (Some(side.trim().to_owned()), None),
        };
        Some(Arrow([side(from), side(to)]))
    }

    fn rank(&self) -> u8 {
        let level = |(component, operation): &(Option<String>, Option<String>)| {
            u8::from(component.is_some()) + u8::from(operation.is_some())
        };
        policy::exactness(level(&self.0[0]), level(&self.0[1]))
    }

    /// Whether every call under the other one is under this one too.
    fn covers(&self, other: &Arrow) -> bool {
        let wider = |one: &Option<String>, other: &Option<String>| one.is_none() || one == other;
        self.0.iter().zip(&other.0).all(|(one, other)| wider(&one.0, &other.0) && wider(&one.1, &other.1))
    }

    /// Whether some call is under both.
    fn meets(&self, other: &Arrow) -> bool {
        let fits = |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        self.0.iter().zip(&other.0).all(|(one, other)| fits(&one.0, &other.0) && fits(&one.1, &other.1))
    }
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
    let is_name = table.name == "balancer" && node.get("ttl").is_some();
    let Value::Map(entries) = &mut node.value else { return };
    let told = |name: &str| is_counted && name == "instances" || is_name && OF_HOPS.contains(&name);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostics, Sources};
    use crate::text;

    fn inherited(policies: &str) -> String {
        let mut tree =
            text::parse("p", policies, &mut Sources::default(), &mut Diagnostics::new()).expect("it is YAML");
        inherit(&mut tree);
        text::to_yaml(&tree)
    }

    #[test]
    fn an_arrow_has_what_wider_ones_say() {
        let whole = inherited(
            "{any -> any: {timeout: 1s, deadline: 9s, rate_limit: {limit: 1/s}}, any -> db: {timeout: 2s},
              web -> db: {cancel: true}, web.show -> any: {deadline: 3s}}",
        );
        let told = |arrow: &str, field: &str| {
            let tree = text::parse("p", &whole, &mut Sources::default(), &mut Diagnostics::new()).expect("it is YAML");
            tree.get(arrow).and_then(|node| node.get(field)).and_then(Node::as_text).map(str::to_owned)
        };
        assert_eq!(Some("2s".to_owned()), told("web -> db", "timeout"), "{whole}");
        assert_eq!(None, told("any -> db", "deadline"), "`web.show -> any` says otherwise of some of its calls");
        assert_eq!(None, told("web -> db", "deadline"), "`web.show -> any` says otherwise of some of its calls");
        assert_eq!(None, told("web -> db", "rate_limit"), "one limit for all is not one for each");
    }
}
