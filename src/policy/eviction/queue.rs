//! Policies of one queue: LRU, FIFO, CLOCK and SIEVE.

use super::table::{List, NONE};
use super::{Entries, Incoming, Keeper};

/// Evicts who was not asked for the longest.
#[derive(Clone, Debug)]
pub(super) struct Lru(List);

/// Evicts who has been there the longest.
#[derive(Clone, Debug)]
pub(super) struct Fifo(List);

/// FIFO with a second chance (Corbató 1968): who was asked for since its last turn (`mark`) goes back to the front.
#[derive(Clone, Debug)]
pub(super) struct Clock(List);

/// SIEVE (Zhang et al. 2024): CLOCK, but nobody moves; the hand goes from the back to the front, and again.
#[derive(Clone, Debug)]
pub(super) struct Sieve {
    list: List,
    /// Who is looked at next; `NONE` is the back.
    hand: u32,
}

impl Lru {
    pub(super) fn new() -> Lru {
        Lru(List::new())
    }
}

impl Fifo {
    pub(super) fn new() -> Fifo {
        Fifo(List::new())
    }
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock(List::new())
    }
}

impl Sieve {
    pub(super) fn new() -> Sieve {
        Sieve { list: List::new(), hand: NONE }
    }
}

impl Keeper for Lru {
    fn list_of(&mut self, _: u32) -> Option<&mut List> {
        Some(&mut self.0)
    }

    #[inline]
    fn touch(&mut self, entries: &mut Entries, slot: u32) {
        self.0.move_to_front(entries, slot);
    }

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        self.0.pop_back(entries)
    }
}

impl Keeper for Fifo {
    fn list_of(&mut self, _: u32) -> Option<&mut List> {
        Some(&mut self.0)
    }

    #[inline]
    fn touch(&mut self, _: &mut Entries, _: u32) {}

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        self.0.pop_back(entries)
    }
}

impl Keeper for Clock {
    fn list_of(&mut self, _: u32) -> Option<&mut List> {
        Some(&mut self.0)
    }

    #[inline]
    fn touch(&mut self, entries: &mut Entries, slot: u32) {
        entries[slot].mark = 1;
    }

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        while let Some(slot) = self.0.pop_back(entries) {
            if entries[slot].mark == 0 {
                return Some(slot);
            }
            entries[slot].mark = 0;
            self.0.push_front(entries, slot);
        }
        None
    }
}

impl Keeper for Sieve {
    fn list_of(&mut self, _: u32) -> Option<&mut List> {
        Some(&mut self.list)
    }

    #[inline]
    fn touch(&mut self, entries: &mut Entries, slot: u32) {
        entries[slot].mark = 1;
    }

    fn forget(&mut self, entries: &mut Entries, slot: u32) {
        if self.hand == slot {
            self.hand = entries[slot].prev;
        }
        self.list.unlink(entries, slot);
    }

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        let mut slot = if self.hand == NONE { self.list.back()? } else { self.hand };
        while entries[slot].mark == 1 {
            entries[slot].mark = 0;
            slot = match entries[slot].prev {
                NONE => self.list.back,
                prev => prev,
            };
        }
        self.hand = entries[slot].prev;
        self.list.unlink(entries, slot);
        Some(slot)
    }
}
