//! `like:` and `abstract:` under `components:`.

use std::collections::BTreeMap;

use super::merge::merge;
use super::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spotted};

/// Replaces each component that is like another by that other with its own fields merged over it; drops templates.
pub(super) fn resolve(root: &mut Node, diags: &mut Diagnostics) {
    let Some(Value::Map(entries)) = root.get_mut("components").map(|node| &mut node.value) else { return };
    let names: Vec<String> = entries.iter().map(|(key, _)| key.value.clone()).collect();
    let mut family = Family { written: std::mem::take(entries), whole: BTreeMap::new(), chain: Vec::new(), diags };
    for name in &names {
        family.component(name);
    }
    let Family { written, mut whole, .. } = family;
    let complete = written.into_iter().filter_map(|(key, _)| {
        let node = whole.remove(&key.value)?;
        Some((key, node))
    });
    *entries = complete.filter(|(_, node)| !is_abstract(node)).collect();
    for (_, node) in entries {
        node.remove("abstract");
    }
}

struct Family<'a> {
    written: Vec<(Spotted<String>, Node)>,
    /// Components with all they have from others.
    whole: BTreeMap<String, Node>,
    /// The components being worked out, each like the one after.
    chain: Vec<String>,
    diags: &'a mut Diagnostics,
}

impl Family<'_> {
    /// The component with all it has from others.
    fn component(&mut self, name: &str) -> Option<Node> {
        if let Some(done) = self.whole.get(name) {
            return Some(done.clone());
        }
        let mut own = self.written.iter().find(|(key, _)| key.value == name)?.1.clone();
        if let Some((_, like)) = own.remove("like") {
            self.chain.push(name.to_owned());
            own = self.merged(name, &like, own);
            self.chain.pop();
        }
        self.whole.insert(name.to_owned(), own.clone());
        Some(own)
    }

    fn merged(&mut self, name: &str, like: &Node, own: Node) -> Node {
        let Some(model) = like.as_text() else {
            let message = format!("`like` names a component, this is {}", like.shape());
            self.diags.push(Diagnostic::new(Code::WrongShape, like.spot, message));
            return own;
        };
        if let Some(start) = self.chain.iter().position(|known| known == model) {
            let chain = self.chain[start..].join("` is like `");
            let message = format!("`{chain}` is like `{model}`, which goes round in a circle");
            self.diags.push(Diagnostic::new(Code::Cycle, like.part(0, model.len()), message));
            return own;
        }
        let Some(mut whole) = self.component(model) else {
            let message = format!("`{name}` is like `{model}`, which is not a component");
            let told = Diagnostic::new(Code::UnknownTemplate, like.part(0, model.len()), message);
            let known = self.written.iter().map(|(key, _)| &key.value[..]).filter(|known| *known != name);
            self.diags.push(told.nearest(model, known));
            return own;
        };
        whole.remove("abstract");
        whole.spot = own.spot;
        merge(&mut whole, own, &mut vec!["components".to_owned(), name.to_owned()], self.diags);
        whole
    }
}

fn is_abstract(node: &Node) -> bool {
    node.get("abstract").and_then(Node::as_text) == Some("true")
}
