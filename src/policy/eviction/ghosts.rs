//! Keys that were evicted not long ago, without their entries.

use super::table::{List, MOST_NODES, Table, Unit};

/// The keys, newest in front.
#[derive(Clone, Debug)]
pub(super) struct Ghosts {
    table: Table<()>,
    list: List,
}

impl Ghosts {
    pub(super) fn new() -> Ghosts {
        Ghosts { table: Table::new(), list: List::new() }
    }

    /// What they would occupy.
    pub(super) fn held(&self, unit: Unit) -> u64 {
        self.list.held(unit)
    }

    /// Bytes of memory they occupy.
    pub(super) fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Remembers a key, which is not among them.
    pub(super) fn push(&mut self, key: u64, size: u32) {
        if self.table.len() == MOST_NODES
            && let Some(oldest) = self.list.pop_back(&mut self.table)
        {
            self.table.remove(oldest);
        }
        let slot = self.table.insert(key, size, ());
        self.list.push_front(&mut self.table, slot);
    }

    /// Forgets a key, and says whether it was there.
    pub(super) fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        self.list.unlink(&mut self.table, slot);
        self.table.remove(slot);
        true
    }

    /// Forgets the oldest until they would occupy no more than this.
    pub(super) fn trim(&mut self, unit: Unit, most: u64) {
        while most < self.held(unit)
            && let Some(slot) = self.list.pop_back(&mut self.table)
        {
            self.table.remove(slot);
        }
    }
}
