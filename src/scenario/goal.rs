//! Objectives about capacity: `capacity >= 1000/s within fast`.
//!
//! A run at one load cannot judge them; `check` simulates the load that is named, and the objectives after `within` (all of
//! them, if none is named) must hold there.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spotted};
use crate::scenario::Named;
use crate::scenario::values::letters;
use crate::scenario::watch::entries;
use crate::text::{Node, Value};
use crate::units::{Dimension, parse_as};

/// So much load must be carried.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    pub text: String,
    /// Requests a second of all loads together.
    pub per_s: f64,
    /// Names of objectives; empty: all of them.
    pub within: Vec<String>,
}

fn is_goal(node: &Node) -> bool {
    node.as_text().and_then(|text| text.split_whitespace().next()) == Some("capacity")
}

/// The objectives without those about capacity.
pub(super) fn without(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => Value::Map(entries.iter().filter(|(_, node)| !is_goal(node)).cloned().collect()),
        Value::List(items) => Value::List(items.iter().filter(|item| !is_goal(item)).cloned().collect()),
        other => other.clone(),
    };
    Node { value, ..node.clone() }
}

/// The objectives about capacity.
pub(super) fn goals(node: &Node, objectives: &[&str], diags: &mut Diagnostics) -> Named<Goal> {
    let mut read = Named::new();
    // What is no map is told about where the other objectives are read.
    for (key, node) in
        entries(node, "conditions", &mut Diagnostics::new()).into_iter().filter(|(_, node)| is_goal(node))
    {
        if let Some(goal) = goal(node, &key.value, objectives, diags) {
            read.insert(key.value.clone(), Spotted::new(goal, letters(&key)));
        }
    }
    read
}

fn goal(node: &Node, own: &str, objectives: &[&str], diags: &mut Diagnostics) -> Option<Goal> {
    let text = node.as_text()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = |word: &str| {
        // Words are parts of the text, so where they begin is how far their addresses are apart.
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        node.part(at, at + word.len())
    };
    let example = "write it as in `capacity >= 1000/s within fast`";
    let [_, relation, rate, rest @ ..] = &words[..] else {
        let told = Diagnostic::new(Code::Condition, node.part(0, text.len()), "a capacity is held against a rate");
        diags.push(told.help(example));
        return None;
    };
    if ![">=", ">"].contains(relation) {
        let told = Diagnostic::new(Code::Condition, place(relation), "a capacity is at least something");
        diags.push(told.help(example));
        return None;
    }
    let per_s = match parse_as(rate, Dimension::Rate) {
        Ok(per_s) => per_s,
        Err(error) => {
            let told = Diagnostic::new(Code::Unit, place(rate), error.message);
            diags.push(told.help(error.help.unwrap_or_else(|| example.to_owned())));
            return None;
        }
    };
    let names = match rest {
        [] => &[][..],
        ["within", names @ ..] if !names.is_empty() => names,
        [other, ..] => {
            let told = format!("`{other}` does not belong to a capacity");
            diags.push(Diagnostic::new(Code::Condition, place(other), told).help(example));
            return None;
        }
    };
    if let Some(name) = names.iter().find(|name| !objectives.contains(name) || **name == own) {
        let told = Diagnostic::new(Code::UnknownObjective, place(name), format!("no objective is called `{name}`"));
        diags.push(told.nearest(name, objectives.iter().copied().filter(|known| *known != own)));
        return None;
    }
    Some(Goal { text: words.join(" "), per_s, within: names.iter().map(|name| (*name).to_owned()).collect() })
}
