//! Figures of the requests that carry one value of a key: `latency p99 with user=17`.
//!
//! Whatever such a measure looks at is marked as tracked, so the others pay nothing. The value is looked up on the way in
//! and again on the way out, which gives the same: it is a function of the request's address.

use crate::engine::world::{Flow, Ns, Outcome, World};
use crate::model::{Model, Scope};

impl World<'_> {
    /// A request comes into the system (a class) or to a door (an operation).
    #[cold]
    #[inline(never)]
    pub(super) fn enter_filtered(&mut self, at: Scope, request: u32) {
        for f in 0..self.filtered.len() {
            if self.is_meant(f, at, request) {
                self.filtered[f].offered += 1;
                self.filtered[f].enter();
            }
        }
    }

    /// It has its answer.
    #[cold]
    #[inline(never)]
    pub(super) fn leave_filtered(&mut self, at: Scope, request: u32, took: Ns, outcome: Outcome) {
        for f in 0..self.filtered.len() {
            if self.is_meant(f, at, request) {
                self.filtered[f].count(took, outcome);
            }
        }
    }

    fn is_meant(&mut self, filter: usize, at: Scope, request: u32) -> bool {
        let filter = &self.m.filters[filter];
        covers(self.m, filter.scope, at) && self.key_value(filter.key, request) == filter.value
    }
}

/// Whether what happens to this class or operation is within the scope.
pub(super) fn covers(m: &Model, scope: Scope, at: Scope) -> bool {
    match (scope, at) {
        (Scope::All | Scope::Load(_) | Scope::Class(_) | Scope::From { .. }, Scope::Class(class)) => {
            m.includes(scope, usize::from(class))
        }
        (Scope::Component(component), Scope::Operation(operation)) => {
            m.operations[usize::from(operation)].component == component
        }
        (Scope::Operation(_), _) => scope == at,
        _ => false,
    }
}

impl Flow {
    /// Cumulative figures.
    pub(super) fn tally(&self) -> crate::record::Flow {
        crate::record::Flow {
            offered: self.offered,
            ok: self.ok.compact(),
            failed: self.failed.compact(),
            kinds: self.kinds.clone(),
            in_flight_max: self.most,
        }
    }
}
