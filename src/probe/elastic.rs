//! What came and went: starts of environments, changes of autoscalers, capacity units.

use crate::model::Scope;
use crate::probe::Between;
use crate::record::{CapacityTally, ScalingTally, Tallies};

impl Between<'_> {
    /// Cold starts of the functions of a scope, and starts in all; `None` if there are no functions.
    pub fn starts(&self, scope: Scope) -> Option<(u64, u64)> {
        let pairs = self.component_pairs(scope).into_iter();
        let pairs = pairs.filter_map(|(before, after)| Some((before.function?, after.function?)));
        let starts = pairs.map(|(before, after)| {
            let cold = after.cold - before.cold;
            (cold, cold + after.warm - before.warm)
        });
        starts.reduce(|one, other| (one.0 + other.0, one.1 + other.1))
    }

    /// What the autoscalers of a scope have done; `None` if there are none.
    pub fn scaling(&self, scope: Scope) -> Option<ScalingTally> {
        let pairs = self.component_pairs(scope).into_iter();
        let pairs = pairs.filter_map(|(before, after)| Some((before.scaling.as_deref()?, after.scaling.as_deref()?)));
        pairs.map(|(before, after)| after.since(before)).reduce(ScalingTally::plus)
    }

    /// How large a database in capacity units was.
    pub fn capacity(&self, scope: Scope) -> Option<CapacityTally> {
        let Scope::Component(component) = scope else { return None };
        let of = |tallies: &Tallies| tallies.components[usize::from(component)].capacity;
        let (before, after) = (of(self.from).unwrap_or_default(), of(self.to)?);
        Some(CapacityTally {
            unit_ns: after.unit_ns - before.unit_ns,
            asleep_ns: after.asleep_ns - before.asleep_ns,
            pauses: after.pauses - before.pauses,
            changes: after.changes - before.changes,
        })
    }
}
