//! What several primaries at once have done.

use crate::model::Scope;
use crate::probe::Between;

impl Between<'_> {
    /// How long shards of a scope had two primaries that both took writes, all together, seconds.
    pub fn split_brain(&self, scope: Scope) -> f64 {
        let ns: u64 = self.copies_pairs(scope).map(|(before, after)| after.split_ns - before.split_ns).sum();
        ns as f64 * 1e-9
    }

    /// Writes that the newer and the older of two primaries acknowledged.
    pub fn split_writes(&self, scope: Scope) -> [f64; 2] {
        let whole = self.model.scale_of(scope);
        let sum = |side: usize| -> u64 {
            self.copies_pairs(scope).map(|(before, after)| after.split_writes[side] - before.split_writes[side]).sum()
        };
        [whole * sum(0) as f64, whole * sum(1) as f64]
    }
}
