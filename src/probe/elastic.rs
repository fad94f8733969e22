//! What came and went: starts of environments, changes of autoscalers, capacity units.

use crate::model::Scope;
use crate::probe::Between;
use crate::record::{CapacityTally, ScalingTally, SizesTally, Tallies};

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

    /// Spot machines of a scope that were taken back.
    pub fn reclaims(&self, scope: Scope) -> f64 {
        // Of instances that stand for smaller ones each is a whole machine.
        let of = |index: usize| {
            let taken = self.to.components[index].reclaims - self.from.components[index].reclaims;
            taken as f64 * self.model.instances_for_one(index as u16)
        };
        self.components_of(scope).into_iter().map(of).sum()
    }

    /// Core-seconds and byte-seconds that an instance had, if its size changes.
    pub(super) fn room_of(&self, station: u32) -> Option<[f64; 2]> {
        let component = self.model.stations[station as usize].component;
        self.model.vertical_of(component)?;
        let instance = (station - self.model.components[usize::from(component)].first) as usize;
        let of = |tallies: &Tallies| {
            let sizes = tallies.components[usize::from(component)].sizes.as_ref();
            sizes.map_or([0.0; 2], |sizes| sizes.rooms[instance])
        };
        let (before, after) = (of(self.from), of(self.to));
        Some([0, 1].map(|what| (after[what] - before[what]) * 1e-9 * self.awake()))
    }

    /// The same of the one instance that a machine belongs to.
    pub(super) fn room_on(&self, host: u32) -> Option<[f64; 2]> {
        if self.model.verticals.is_empty() {
            return None;
        }
        let mut here = (0..self.model.stations.len() as u32).filter(|s| self.model.stations[*s as usize].host == host);
        let (first, second) = (here.next()?, here.next());
        if second.is_some() { None } else { self.room_of(first) }
    }

    /// What instances that change their size have done; `None` if a scope has none.
    pub fn sizes(&self, component: u16) -> Option<(SizesTally, SizesTally)> {
        let of = |tallies: &Tallies| tallies.components[usize::from(component)].sizes.as_deref().cloned();
        Some((of(self.from).unwrap_or_default(), of(self.to)?))
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
