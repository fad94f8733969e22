//! Which cache a step or a fault means, and the state that instances keep to themselves.
//!
//! A step names a cache, or with `self` what its own instance keeps: the same shelves without nodes that others could ask,
//! so a look there is a step of its own program and no call.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::Compiler;
use crate::model::{Component, NONE16};
use crate::scenario::{Kind, Reference};

/// How a step names what its own instance keeps.
const SELF: &str = "self";

impl Component {
    /// Whether its instances keep entries: as nodes of a cache, or to themselves.
    pub fn keeps_entries(&self) -> bool {
        self.cache != NONE16 || self.state != NONE16
    }
}

impl Compiler<'_> {
    /// The cache that a step of component `own` names, or a fault of nobody: `self` is what instances keep to themselves.
    pub(super) fn cache_named(&mut self, reference: &Reference, own: Option<&str>) -> Option<u16> {
        let is_own = reference.value == SELF && own.is_some();
        let name = own.filter(|_| is_own).unwrap_or(&reference.value);
        let component = self.names.find_component(name, reference.spot, self.diags)?;
        let found = self.model.components.get(usize::from(component))?;
        let is_cache = matches!(self.scenario.components[name].value.kind, Kind::Cache(_));
        if found.state != NONE16 && (is_own || own.is_none() && !is_cache) {
            return Some(found.state);
        }
        if is_cache && !is_own && found.cache != NONE16 {
            return Some(found.cache);
        }
        let told = |message| Diagnostic::new(Code::UnknownComponent, reference.spot, message);
        if is_own {
            self.tell(
                told(format!("`{name}` keeps nothing to itself")).help("add `state: {entries: 10k, ttl: 10m}` to it"),
            );
            return None;
        }
        let message = match found.state {
            NONE16 => format!("`{name}` is not a cache"),
            _ if own == Some(name) => format!("what the instances of `{name}` keep to themselves is called `{SELF}`"),
            _ => format!("only its own operations see the state of `{name}`"),
        };
        let caches = self.scenario.components.iter().filter(|(_, c)| matches!(c.value.kind, Kind::Cache(_)));
        let known: Vec<&str> = caches.map(|(name, _)| name.as_str()).collect();
        self.diags.push(told(message).nearest(&reference.value, known));
        None
    }

    /// State that no operation looks at is a mistake.
    pub(super) fn check_states(&mut self) {
        let is_used = |state: u16| self.model.cache_uses.iter().any(|used| used.cache == state);
        let unused =
            self.model.components.iter().filter(|component| component.state != NONE16 && !is_used(component.state));
        let unused: Vec<String> = unused.map(|component| component.name.clone()).collect();
        for name in unused {
            let spot = self.scenario.components[name.as_str()].spot;
            let message = format!("no operation of `{name}` looks at its `state`");
            let told = Diagnostic::new(Code::Inert, spot, message);
            self.tell(told.help("add a step such as `cached: {in: self, miss: [...]}` or leave it out"));
        }
    }
}
