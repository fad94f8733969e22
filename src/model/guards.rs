//! Breakers, ejection and hedges: what each caller keeps, and calls that are asked twice.
//!
//! Calls of one component to another under one arrow share a breaker in each instance of the caller, and its opinion of the
//! callee's instances. A hedged call is a fork whose one branch is the call: it starts once, and again when the first copy
//! is slow, and the first good answer wins.

use crate::diagnostic::{Code, Diagnostic, Spot};
use crate::model::arrows::{End, Merged, arrow};
use crate::model::compile::{Compiler, stream};
use crate::model::edges::Caller;
use crate::model::program::{Fork, Need};
use crate::model::steps::{Patch, Task, Writer};
use crate::model::{Cause, NONE16};
use crate::policy::eject::Eject;
use crate::policy::hedge::Hedge;
use crate::random::Purpose;
use crate::scenario::{Cancel, Policy, Side};
use crate::units::Span;

/// What each instance of one component keeps for its calls of another: a breaker, or who is left out.
#[derive(Clone, Debug)]
pub struct Guard<T> {
    /// Component whose instances have one each; `NONE16`: a load has one.
    pub owner: u16,
    pub target: u16,
    pub rule: T,
}

/// Calls of one place that are asked again when they are slow.
#[derive(Clone, Debug)]
pub struct HedgeSpec {
    pub rule: Hedge,
    /// The component that is asked.
    pub target: u16,
}

/// A call whose copies are written later.
pub(super) struct HedgedCall {
    path: String,
    targets: Vec<(u16, f64)>,
    own: Policy,
    key: u16,
    asks_all: bool,
    asks_name: u16,
}

impl Compiler<'_> {
    /// The breakers that instances of the caller have for this component.
    pub(super) fn breaker(&mut self, path: &str, caller: Caller, target: u16, merged: &Merged) -> u16 {
        let Some(said) = &merged.policy.breaker else { return NONE16 };
        let identity = self.identity("breaker", merged.breaker_of.as_deref().unwrap_or(path), caller, target);
        if let Some(known) = self.guards.get(&identity) {
            return *known;
        }
        let mut rule = said.clone();
        rule.trip.on_mask = self.kinds_as_bits(&rule.trip.on, self.component_spot(target));
        let index = self.index(self.model.breakers.len(), "breakers");
        self.model.breakers.push(Guard { owner: caller.component.unwrap_or(NONE16), target, rule });
        self.guards.insert(identity, index);
        index
    }

    /// What instances of the caller think of those of this component.
    pub(super) fn eject(&mut self, path: &str, caller: Caller, target: u16, merged: &Merged) -> u16 {
        let Some(said) = &merged.policy.eject else { return NONE16 };
        let of = merged.eject_of.as_deref();
        let identity = self.identity("eject", of.unwrap_or(path), caller, target);
        if let Some(known) = self.guards.get(&identity) {
            return *known;
        }
        let mut index = NONE16;
        if self.can_eject(said, of, target) {
            let mut rule = said.clone();
            rule.trip.on_mask = self.kinds_as_bits(&rule.trip.on, self.component_spot(target));
            index = self.index(self.model.ejects.len(), "ejections");
            self.model.ejects.push(Guard { owner: caller.component.unwrap_or(NONE16), target, rule });
        }
        self.guards.insert(identity, index);
        index
    }

    /// Whether an instance of the component could be left out; if not, an arrow that is about just this component is told.
    fn can_eject(&mut self, said: &Eject, of: Option<&str>, target: u16) -> bool {
        let Some(component) = self.model.components.get(usize::from(target)) else { return false };
        let (instances, is_special) = (component.count, component.copies != NONE16 || component.cache != NONE16);
        if !is_special && 0 < said.most_of(instances) {
            return true;
        }
        let name = self.names.components[usize::from(target)];
        if let Some(spot) = self.spot_of_arrow(of, name) {
            let made = if is_special {
                let message = format!("no instance of `{name}` can be left out: no other has what it holds");
                Diagnostic::new(Code::Inert, spot, message)
            } else {
                let message = format!("`{name}` has {instances} instances, and `most` allows for less than one");
                Diagnostic::new(Code::NeverEjects, spot, message)
            };
            self.tell(made.help("leave `eject` out, or write it for `any -> any`, where it may mean others"));
        }
        false
    }

    /// Where an arrow stands that leads to this component by name.
    fn spot_of_arrow(&self, of: Option<&str>, component: &str) -> Option<Spot> {
        let leads = |side: &Side| match side {
            Side::Any => false,
            Side::Name(name) | Side::Operation(name, _) => name.value == component,
        };
        let mut arrows = self.scenario.policies.iter();
        arrows.find(|entry| Some(arrow(&entry.value.0).as_str()) == of && leads(&entry.value.0.to)).map(|e| e.spot)
    }

    fn identity(&self, what: &str, of: &str, caller: Caller, target: u16) -> String {
        format!("{what} {of}: {} -> {}", caller.end.name, self.names.components[usize::from(target)])
    }

    fn component_spot(&self, component: u16) -> Spot {
        self.scenario.components[self.names.components[usize::from(component)]].spot
    }

    /// The hedge of the first of these targets that has one, with all that surrounds its call.
    fn hedge_of(&mut self, targets: &[(u16, f64)], own: &Policy, from: End) -> Option<(Policy, Hedge, u16)> {
        for (operation, _) in targets {
            let (component, name) = self.end_of(*operation);
            let merged = self.policy(own, from, End { name: &component, operation: &name });
            let target = self.names.operations[usize::from(*operation)].component;
            let Some(hedge) = merged.policy.hedge.clone() else { continue };
            if self.model.components.get(usize::from(target)).is_none_or(|target| target.cache == NONE16) {
                return Some((merged.policy, hedge, target));
            }
            let of_step = own.hedge.is_some().then(|| self.component_spot(target));
            if let Some(spot) = of_step.or_else(|| self.spot_of_arrow(merged.hedge_of.as_deref(), &component)) {
                let message = format!("a look in `{component}` is not asked twice: one node has the entry");
                self.tell(Diagnostic::new(Code::Inert, spot, message).help("leave `hedge` out here"));
            }
        }
        None
    }

    /// The fork that asks again; its branch is filled in by whoever asks.
    pub(super) fn hedge_fork(&mut self, path: &str, policy: &Policy, rule: Hedge, target: u16) -> Fork {
        let name = self.names.components[usize::from(target)];
        let hedge = self.index(self.model.hedges.len(), "hedges");
        self.model.hedges.push(HedgeSpec { rule, target });
        Fork {
            key: stream(path, Purpose::Choice),
            entries: vec![0],
            times: NONE16,
            draw: NONE16,
            shards: NONE16,
            hedge,
            sequence: false,
            need: Need::First(1),
            ignore_errors: false,
            cancel: matches!(policy.cancel, Some(Cancel::After(_))),
            timeout: Span(0),
            lost_cell: self.cell(name, Cause::Lost),
        }
    }

    /// The hedge of a call of a load.
    pub(super) fn hedge_fork_of_load(&mut self, path: &str, operation: u16, own: &Policy, from: End) -> Option<Fork> {
        let (policy, hedge, target) = self.hedge_of(&[(operation, 1.0)], own, from)?;
        Some(self.hedge_fork(path, &policy, hedge, target))
    }
}

impl Writer<'_, '_> {
    /// Writes a call that is asked again when it is slow; false if nobody wants that here.
    pub(super) fn hedged(&mut self, path: &str, targets: &[(u16, f64)], own: &Policy, key: u16) -> bool {
        let found = self.compiler.hedge_of(targets, own, self.place.end());
        let Some((policy, rule, target)) = found.filter(|_| !self.in_hedge) else { return false };
        if self.transaction.is_some() {
            if own.hedge.is_some() {
                let spot = self.compiler.component_spot(target);
                let message = "a call in a transaction is not asked twice: it has one connection".to_owned();
                let made = Diagnostic::new(Code::Inert, spot, message);
                self.compiler.tell(made.help("leave `hedge` out, or take the call out of the transaction"));
            }
            return false;
        }
        let fork = self.compiler.hedge_fork(path, &policy, rule, target);
        let fork = self.add_fork(fork);
        let call = HedgedCall {
            path: path.to_owned(),
            targets: targets.to_vec(),
            own: own.clone(),
            key,
            asks_all: self.asks_all,
            asks_name: self.asks_name,
        };
        self.hedged.push(call);
        let task = Task::Hedged { call: self.hedged.len() - 1 };
        self.add_branch(task, path.to_owned(), Patch::Fork(fork, 0));
        true
    }

    /// The program of one copy.
    pub(super) fn copy_of_call(&mut self, call: usize) {
        let HedgedCall { path, targets, own, key, asks_all, asks_name } = &self.hedged[call];
        let (path, targets, own, key) = (path.clone(), targets.clone(), own.clone(), *key);
        let (all, name) = (*asks_all, *asks_name);
        (self.in_hedge, self.asks_all, self.asks_name) = (true, all, name);
        self.call(&path, &targets, &own, key);
        (self.in_hedge, self.asks_all, self.asks_name) = (false, false, NONE16);
    }
}
