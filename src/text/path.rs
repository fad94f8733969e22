//! `web.operations.profile.cpu`: the paths of `--set` and of a stage's `set:`.

use super::merge::merge;
use super::{Node, TOP_LEVEL, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};

/// One step of a path and where it was written.
type Segment = Spotted<String>;

/// Merges `value` in at `path`; tells what is wrong with the path if it leads nowhere.
pub(super) fn set(root: &mut Node, path: &Spotted<String>, value: Node, diags: &mut Diagnostics) {
    let walked = segments(path).and_then(|segments| complete(root, segments)).and_then(|segments| {
        let mut walk = Walk { rest: &segments, at: Vec::new(), value, diags };
        walk.descend(root)
    });
    if let Err(told) = walked {
        diags.push(*told);
    }
}

fn segments(path: &Spotted<String>) -> Result<Vec<Segment>, Told> {
    let mut start = 0;
    let exact = (path.spot.end - path.spot.start) as usize == path.value.len();
    let mut segments = Vec::new();
    for name in path.value.split('.') {
        if name.trim().is_empty() {
            let told = Diagnostic::new(Code::UnknownPath, path.spot, format!("`{}` is not a path", path.value));
            return Err(Box::new(told.help("write names with dots between them, as in `web.instances`")));
        }
        let spot = if exact { path.spot.part(start, start + name.len()) } else { path.spot };
        segments.push(Spotted::new(name.to_owned(), spot));
        start += name.len() + 1;
    }
    Ok(segments)
}

/// Why a path leads nowhere.
type Told = Box<Diagnostic>;

/// Puts `components` before a path that starts with the name of one.
fn complete(root: &Node, mut segments: Vec<Segment>) -> Result<Vec<Segment>, Told> {
    let first = segments[0].clone();
    let top = TOP_LEVEL.contains(&&first.value[..]) || root.get(&first.value).is_some();
    let component = root.get("components").is_some_and(|all| all.get(&first.value).is_some());
    match (top, component && 1 < segments.len()) {
        (true, true) => {
            let message = format!("`{0}` is a component and also a field of the scenario", first.value);
            let told = Diagnostic::new(Code::UnknownPath, first.spot, message);
            Err(Box::new(told.help(format!("write `components.{}` for the component", first.value))))
        }
        (true, false) => Ok(segments),
        (false, _) if component => {
            segments.insert(0, Spotted::new("components".to_owned(), first.spot));
            Ok(segments)
        }
        (false, _) => {
            let components = root.get("components").and_then(Node::as_map).unwrap_or(&[]);
            let known = components.iter().map(|(key, _)| &key.value[..]).chain(TOP_LEVEL.iter().copied());
            let message = format!("`{}` is neither a component nor a field of the scenario", first.value);
            Err(Box::new(Diagnostic::new(Code::UnknownPath, first.spot, message).nearest(&first.value, known)))
        }
    }
}

/// The way from the root down to the place that is set.
struct Walk<'a> {
    rest: &'a [Segment],
    at: Vec<String>,
    value: Node,
    diags: &'a mut Diagnostics,
}

impl Walk<'_> {
    /// Goes on into `node`, of which `rest` names a part.
    fn descend(&mut self, node: &mut Node) -> Result<(), Told> {
        if node.is_null() {
            node.value = Value::Map(Vec::new());
        }
        match &mut node.value {
            Value::Map(_) => self.map(node),
            Value::List(items) => self.list(items, node.spot),
            _ => {
                let name = self.at.last().map_or("the scenario", |name| name);
                let message = format!("`{name}` is {}, it has no `{}`", node.shape(), self.rest[0].value);
                let told = Diagnostic::new(Code::UnknownPath, self.rest[0].spot, message);
                Err(Box::new(told.note_at(node.spot, "given here")))
            }
        }
    }

    fn map(&mut self, node: &mut Node) -> Result<(), Told> {
        let (key, taken) = self.key(node);
        if let (true, Some(child)) = (taken < self.rest.len(), node.get_mut(&key.value)) {
            self.rest = &self.rest[taken..];
            self.at.push(key.value);
            return self.descend(child);
        }
        if self.at == ["let"] && node.get(&key.value).is_none() {
            let told = Diagnostic::new(Code::UnknownLet, key.spot, format!("there is no `{}` under `let`", key.value));
            let known = node.as_map().unwrap_or(&[]);
            return Err(Box::new(told.nearest(&key.value, known.iter().map(|(known, _)| &known.value[..]))));
        }
        // The rest of the path is not there yet: it comes in as a patch with one field at each level, so that the
        // merge does with it what it does with any other, and a wrong name is found where fields are read.
        let spot = self.rest.last().map_or(key.spot, |last| last.spot);
        let mut value = self.value.clone();
        if self.at.is_empty() && key.value == "let" && taken < self.rest.len() {
            let name = &self.rest[taken];
            let message = format!("there is no `{}` under `let`", name.value);
            return Err(Box::new(Diagnostic::new(Code::UnknownLet, name.spot, message)));
        }
        for segment in self.rest[taken..].iter().rev() {
            value = Node::new(Value::Map(vec![(segment.clone(), value)]), segment.spot.to(spot));
        }
        let patch = Node::new(Value::Map(vec![(key, value)]), spot);
        merge(node, patch, &mut self.at, self.diags);
        Ok(())
    }

    /// The key the path means in this map, which may itself have dots in it, and how many segments it takes.
    fn key(&self, node: &Node) -> (Segment, usize) {
        let joined = |n: usize| {
            let names: Vec<&str> = self.rest[..n].iter().map(|segment| &segment.value[..]).collect();
            Spotted::new(names.join("."), self.rest[0].spot.to(self.rest[n - 1].spot))
        };
        let known = (1..=self.rest.len()).rev().find(|n| node.get(&joined(*n).value).is_some());
        // Below `requests` stand names of operations, which have a dot in them.
        let asked = self.at.last().is_some_and(|name| name == "requests");
        let taken = known.unwrap_or(if asked { self.rest.len() } else { 1 });
        (joined(taken), taken)
    }

    fn list(&mut self, items: &mut [Node], spot: Spot) -> Result<(), Told> {
        let segment = &self.rest[0];
        let name = self.at.last().cloned().unwrap_or_default();
        let number = segment.value.parse::<usize>().ok();
        if let Some(item) = number.and_then(|number| items.get_mut(number)) {
            self.at.push(segment.value.clone());
            self.rest = &self.rest[1..];
            if self.rest.is_empty() {
                merge(item, self.value.clone(), &mut self.at, self.diags);
                return Ok(());
            }
            return self.descend(item);
        }
        let lost = |message: String| {
            let told = Diagnostic::new(Code::UnknownPath, segment.spot, message);
            told.note_at(spot, "this list")
        };
        if number.is_some() {
            return Err(Box::new(lost(format!("`{name}` has {} entries, counted from 0", items.len()))));
        }
        let verbs: Vec<String> = items.iter().filter_map(verb).collect();
        let mut having = items.iter_mut().filter(|item| item.get(&segment.value).is_some());
        match (having.next(), having.count()) {
            (Some(item), 0) => self.descend(item),
            (Some(_), others) => {
                let told = lost(format!("`{name}` has {} steps with `{}`", others + 1, segment.value));
                Err(Box::new(told.help(format!("count from 0, as in `{name}.0.{}`", segment.value))))
            }
            (None, _) => {
                let told = lost(format!("`{name}` has no step with `{}`", segment.value));
                let known = format!("it has {}", verbs.join(", "));
                let told = told.nearest(&segment.value, verbs.iter().map(|verb| &verb[..]));
                Err(Box::new(if told.help.is_none() { told.help(known) } else { told }))
            }
        }
    }
}

/// The first key of a step.
fn verb(step: &Node) -> Option<String> {
    step.as_map().and_then(|entries| entries.first()).map(|(key, _)| key.value.clone())
}
