//! What those who look in caches are shown of what has changed at its origin.

use crate::model::{Probe, Scope};
use crate::probe::{Between, ratio};
use crate::record::ShownTally;
use crate::scenario::condition::Per;

impl Between<'_> {
    /// Whether something of the scope keeps copies, and something is ever released.
    pub fn shows_releases(&self, scope: Scope) -> bool {
        self.shown_pairs(scope).next().is_some()
    }

    pub(super) fn shown_pairs(&self, scope: Scope) -> impl Iterator<Item = (&ShownTally, &ShownTally)> {
        let pairs = self.component_pairs(scope).into_iter();
        pairs.filter_map(|(before, after)| Some((before.shown.as_deref()?, after.shown.as_deref()?)))
    }

    /// Reads of replicas and looks in caches that were shown what had been overwritten, as a share or a number.
    pub(super) fn stale_reads(&self, probe: &Probe) -> Option<f64> {
        let (mut old, mut all) = (0, 0);
        for (before, after) in self.copies_pairs(probe.scope) {
            (old, all) = (old + after.stale_reads - before.stale_reads, all + after.reads - before.reads);
        }
        for (before, after) in self.shown_pairs(probe.scope) {
            (old, all) = (old + after.old - before.old, all + after.looks - before.looks);
        }
        if probe.per == Some(Per::Count) {
            return Some(old as f64 * self.model.scale_of(probe.scope));
        }
        ratio(old, all)
    }
}
