//! Releases: which objects change, and who can throw the old copies of them away.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::{Compiler, threshold};
use crate::model::{Act, NONE16};
use crate::scenario;
use crate::scenario::Reference;

/// A share (of 2^32) of the objects of a key changes, and these caches drop their old copies.
#[derive(Clone, Debug, PartialEq)]
pub struct Released {
    pub key: u16,
    pub share: u64,
    pub purge: Vec<u16>,
}

impl Compiler<'_> {
    pub(super) fn release(&mut self, key: &Reference, share: f64, purge: &[Reference]) -> Option<Act> {
        let number = self.names.find_key(Some(key), self.diags);
        let population = self.model.keys.get(usize::from(number))?.population;
        if !self.is_kept(population) {
            let message = format!("no cache keeps objects of `{}`, so nobody has an old copy", key.value);
            let told = Diagnostic::new(Code::Inert, key.spot, message);
            self.tell(told.help("name the key of a cache, or give a cache this `key`"));
        }
        let spec = &self.model.keys[usize::from(number)];
        if let (true, Some(first)) = (spec.versioned, purge.first()) {
            let message =
                format!("objects of `{}` have their version in their names: there is nothing to purge", key.value);
            self.tell(Diagnostic::new(Code::Inert, first.spot, message).help("leave out `purge` or `versioned`"));
        }
        let purge: Vec<u16> = purge.iter().filter_map(|cache| self.purged(cache)).collect();
        Some(Act::Release(Released { key: number, share: threshold(share), purge }))
    }

    /// A cache that can be told to throw something away.
    fn purged(&mut self, cache: &Reference) -> Option<u16> {
        let number = self.cache_named(cache, None)?;
        if self.model.caches[usize::from(number)].per == NONE16 {
            return Some(number);
        }
        let message = format!("nobody can reach into the caches of `{}`: each belongs to somebody else", cache.value);
        let told = Diagnostic::new(Code::Excluded, cache.spot, message);
        self.tell(told.help("shorten its `ttl`, or put versions into the names: `versioned: true` at the key"));
        None
    }

    /// Whether a cache keeps objects of a population, as its own key or because a step says so.
    fn is_kept(&self, population: u64) -> bool {
        let model = &self.model;
        let has = |key: u16| model.keys.get(usize::from(key)).is_some_and(|key| key.population == population);
        let keeps = |cache: u16| !model.caches[usize::from(cache)].is_store;
        (0..model.caches.len() as u16).any(|cache| keeps(cache) && has(model.caches[usize::from(cache)].key))
            || model.cache_uses.iter().any(|used| keeps(used.cache) && has(used.key))
            || model.edges.iter().any(|edge| has(edge.key_given))
    }

    /// Versions in names are of no use where nothing ever changes.
    pub(super) fn check_versions(&mut self) {
        let scenario = self.scenario;
        for (name, key) in &scenario.keys {
            let is_released = |fault: &scenario::Fault| matches!(&fault.act, scenario::fault::Act::Release { key, .. } if self.is_like(&key.value, name));
            let Some(spot) = key.value.versioned else { continue };
            if !scenario.faults.values().any(|fault| is_released(&fault.value)) {
                let message = format!("nothing releases objects of `{name}`, so it does not matter how they are named");
                let told = Diagnostic::new(Code::Inert, spot, message);
                self.tell(told.help(format!("add `faults: {{shipped: {{at: 5m, release: {name}}}}}`")));
            }
        }
    }

    /// Whether two keys are draws from one population.
    fn is_like(&self, one: &str, other: &str) -> bool {
        let population = |name: &str| self.model.keys.iter().find(|key| key.name == name).map(|key| key.population);
        population(one) == population(other)
    }
}
