//! Error budgets: what availability objectives allow to fail.

use crate::model::{Model, Scope};

/// The share of failures that an objective allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    pub objective: String,
    pub scope: Scope,
    pub allowed: f64,
}

impl Model {
    /// The budget of a scope: its own, or that of everything.
    pub fn budget_of(&self, scope: Scope) -> Option<&Budget> {
        let of = |wanted: Scope| self.budgets.iter().find(|budget| budget.scope == wanted);
        of(scope).or_else(|| of(Scope::All))
    }
}
