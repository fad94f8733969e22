//! ARC (Megiddo and Modha 2003): a queue of what was asked for once and one of what was asked for again; ghosts of both
//! tell which of them should be longer.

use super::ghosts::Ghosts;
use super::table::{List, Unit};
use super::{Entries, Incoming, Keeper, Shares};

/// T1 and T2 with their ghosts B1 and B2. An entry's `mark` is 0 in T1 and 1 in T2.
#[derive(Clone, Debug)]
pub(super) struct Arc {
    once: List,
    again: List,
    once_ghosts: Ghosts,
    again_ghosts: Ghosts,
    unit: Unit,
    /// What both queues may hold together.
    whole: u64,
    /// What T1 should hold: `p` in the paper, a real number there too.
    target: f64,
    recalled: Recalled,
}

/// Whose ghost comes in next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recalled {
    Nobody,
    Once,
    Again,
}

impl Arc {
    pub(super) fn new(shares: Shares) -> Arc {
        Arc {
            once: List::new(),
            again: List::new(),
            once_ghosts: Ghosts::new(),
            again_ghosts: Ghosts::new(),
            unit: shares.unit,
            whole: shares.whole,
            target: 0.0,
            recalled: Recalled::Nobody,
        }
    }

    /// No more than `whole` in T1 and B1, and no more than twice that altogether.
    ///
    /// The paper makes room before it evicts, which comes to the same: what goes are the oldest ghosts.
    fn trim(&mut self) {
        let (once, again) = (self.once.held(self.unit), self.again.held(self.unit));
        self.once_ghosts.trim(self.unit, self.whole.saturating_sub(once));
        let rest = once + again + self.once_ghosts.held(self.unit);
        self.again_ghosts.trim(self.unit, self.whole.saturating_mul(2).saturating_sub(rest));
    }
}

impl Keeper for Arc {
    fn list_of(&mut self, mark: u32) -> Option<&mut List> {
        Some(if mark == 0 { &mut self.once } else { &mut self.again })
    }

    fn expect(&mut self, key: u64, size: u32) {
        let step = |more: u64, less: u64| self.unit.of(size) as f64 * (more as f64 / less.max(1) as f64).max(1.0);
        let (once, again) = (self.once_ghosts.held(self.unit), self.again_ghosts.held(self.unit));
        self.recalled = if self.once_ghosts.remove(key) {
            self.target = (self.target + step(again, once)).min(self.whole as f64);
            Recalled::Once
        } else if self.again_ghosts.remove(key) {
            self.target = (self.target - step(once, again)).max(0.0);
            Recalled::Again
        } else {
            Recalled::Nobody
        };
    }

    fn admit(&mut self, entries: &mut Entries, slot: u32) {
        if std::mem::replace(&mut self.recalled, Recalled::Nobody) == Recalled::Nobody {
            self.once.push_front(entries, slot);
        } else {
            entries[slot].mark = 1;
            self.again.push_front(entries, slot);
        }
        self.trim();
    }

    #[inline]
    fn touch(&mut self, entries: &mut Entries, slot: u32) {
        if entries[slot].mark == 0 {
            self.once.unlink(entries, slot);
            entries[slot].mark = 1;
            self.again.push_front(entries, slot);
        } else {
            self.again.move_to_front(entries, slot);
        }
    }

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        let once = self.once.held(self.unit) as f64;
        let too_many = self.target < once || self.target == once && self.recalled == Recalled::Again;
        let from_once = 0 < self.once.len && (too_many || self.again.len == 0);
        let (list, ghosts) =
            if from_once { (&mut self.once, &mut self.once_ghosts) } else { (&mut self.again, &mut self.again_ghosts) };
        let slot = list.pop_back(entries)?;
        ghosts.push(entries[slot].key, entries[slot].size);
        Some(slot)
    }

    fn memory(&self) -> usize {
        self.once_ghosts.memory() + self.again_ghosts.memory()
    }
}
