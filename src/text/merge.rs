//! One tree over another: the merge of `extends`, `--set`, patches and `like`.

use super::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spotted};

/// Keys of which a map has one at most, by the path of the map: `*` is any one key, `**` any number of them.
/// The one merged in removes the others.
pub(super) const EXCLUSIVE: &[(&[&str], &[&str])] = &[
    (&["load", "*"], &["rate", "users", "daily", "clients", "sessions", "every"]),
    (&["run"], &["duration", "requests"]),
    (&["run"], &["replications", "precision"]),
    (&["components", "*"], &["machine", "on"]),
    (&["faults", "*"], &FAULT_VERBS),
    (&["faults", "*"], &["at", "every"]),
    (&["**", "autoscale"], &["target", "step", "score", "schedule", "predict", "concurrency", "hpa"]),
];

/// What a fault may do; it does one thing.
const FAULT_VERBS: [&str; 14] = [
    "kill",
    "slow",
    "errors",
    "partition",
    "link",
    "expire",
    "flush",
    "release",
    "surge",
    "deploy",
    "reshard",
    "pause",
    "redrive",
    "rewind",
];

/// Merges `over` onto `base`: maps by key, everything else replaces, `null` removes. `at` is the path of both.
pub(super) fn merge(base: &mut Node, over: Node, at: &mut Vec<String>, diags: &mut Diagnostics) {
    let (Value::Map(entries), Value::Map(changes)) = (&mut base.value, &over.value) else {
        *base = over;
        return;
    };
    let (removals, changes): (Vec<_>, Vec<_>) = changes.iter().cloned().partition(|(_, node)| node.is_null());
    for (key, _) in removals {
        match entries.iter().position(|(known, _)| known.value == key.value) {
            Some(place) => drop(entries.remove(place)),
            None => diags.push(nothing_to_remove(&key, entries)),
        }
    }
    for (key, node) in changes {
        merge_entry(entries, key, node, at, diags);
    }
}

/// Merges one field into the fields of a map.
fn merge_entry(
    entries: &mut Vec<(Spotted<String>, Node)>,
    key: Spotted<String>,
    node: Node,
    at: &mut Vec<String>,
    diags: &mut Diagnostics,
) {
    for group in groups(at).filter(|group| group.contains(&&key.value[..])) {
        entries.retain(|(known, _)| known.value == key.value || !group.contains(&&known.value[..]));
    }
    let Some((known, place)) = entries.iter_mut().find(|(known, _)| known.value == key.value) else {
        entries.push((key, node));
        return;
    };
    let deep = matches!((&place.value, &node.value), (Value::Map(_), Value::Map(_)));
    at.push(key.value.clone());
    if !deep {
        *known = key;
    }
    merge(place, node, at, diags);
    at.pop();
}

fn nothing_to_remove(key: &Spotted<String>, entries: &[(Spotted<String>, Node)]) -> Diagnostic {
    let message = format!("there is no `{}` to remove", key.value);
    let told = Diagnostic::new(Code::UnknownPath, key.spot, message);
    told.nearest(&key.value, entries.iter().map(|(known, _)| &known.value[..]))
}

/// The groups of keys that exclude each other in the map at this path.
fn groups(at: &[String]) -> impl Iterator<Item = &'static [&'static str]> {
    EXCLUSIVE.iter().filter(|(pattern, _)| matches(pattern, at)).map(|(_, group)| *group)
}

fn matches(pattern: &[&str], at: &[String]) -> bool {
    match (pattern, at) {
        ([], []) => true,
        (["**", rest @ ..], at) => (0..=at.len()).any(|skip| matches(rest, &at[skip..])),
        (["*", rest @ ..], [_, deeper @ ..]) => matches(rest, deeper),
        ([word, rest @ ..], [key, deeper @ ..]) => word == key && matches(rest, deeper),
        _ => false,
    }
}
