//! Random replacement: anybody, with equal probability.

use super::table::List;
use super::{Entries, Incoming, Keeper};
use crate::random::{below, bits, occasion};

/// Everybody in a row without gaps; an entry's `mark` is its place there.
#[derive(Clone, Debug)]
pub(super) struct Random {
    row: Vec<u32>,
    key: u64,
    draws: u64,
}

impl Random {
    /// The `n`-th draw belongs to `key`, a hashed value, and `n`.
    pub(super) fn new(key: u64) -> Random {
        Random { row: Vec::new(), key, draws: 0 }
    }
}

impl Keeper for Random {
    fn list_of(&mut self, _: u32) -> Option<&mut List> {
        None
    }

    fn admit(&mut self, entries: &mut Entries, slot: u32) {
        entries[slot].mark = self.row.len() as u32;
        self.row.push(slot);
    }

    #[inline]
    fn touch(&mut self, _: &mut Entries, _: u32) {}

    fn forget(&mut self, entries: &mut Entries, slot: u32) {
        let place = entries[slot].mark;
        self.row.swap_remove(place as usize);
        if let Some(&moved) = self.row.get(place as usize) {
            entries[moved].mark = place;
        }
    }

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        if self.row.is_empty() {
            return None;
        }
        let place = below(bits(self.key, occasion(self.draws)), self.row.len() as u32);
        self.draws += 1;
        let slot = self.row[place as usize];
        self.forget(entries, slot);
        Some(slot)
    }

    fn memory(&self) -> usize {
        self.row.capacity() * size_of::<u32>()
    }
}
