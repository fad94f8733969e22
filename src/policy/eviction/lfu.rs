//! LFU: who was asked for least often since it came in; among equals, who has been at that count the longest.

use super::table::{List, NONE};
use super::{Entries, Incoming, Keeper};

/// Entries by how often they were asked for, in constant time (Shah, Mitra and Matani 2010). An entry's `mark` is the
/// place of its count.
#[derive(Clone, Debug)]
pub(super) struct Lfu {
    counts: Vec<Count>,
    /// The place of the least count that somebody has.
    least: u32,
    /// Places that are free, linked by `above`.
    free: u32,
}

/// Who was asked for so often.
#[derive(Clone, Debug)]
struct Count {
    times: u64,
    list: List,
    /// The places of the next counts that somebody has.
    below: u32,
    above: u32,
}

impl Lfu {
    pub(super) fn new() -> Lfu {
        Lfu { counts: Vec::new(), least: NONE, free: NONE }
    }

    fn at(&mut self, place: u32) -> &mut Count {
        &mut self.counts[place as usize]
    }

    /// The place of `times`, which belongs between `below` and `above`, the next counts that somebody has.
    fn place(&mut self, times: u64, below: u32, above: u32) -> u32 {
        if above != NONE && self.at(above).times == times {
            return above;
        }
        let count = Count { times, list: List::new(), below, above };
        let place = match self.free {
            NONE => {
                self.counts.push(count);
                self.counts.len() as u32 - 1
            }
            free => {
                self.free = std::mem::replace(self.at(free), count).above;
                free
            }
        };
        self.join(below, place);
        self.join(place, above);
        place
    }

    /// Makes two places neighbours.
    fn join(&mut self, below: u32, above: u32) {
        match below {
            NONE => self.least = above,
            below => self.at(below).above = above,
        }
        if above != NONE {
            self.at(above).below = below;
        }
    }

    fn leave(&mut self, entries: &mut Entries, slot: u32) {
        let place = entries[slot].mark;
        self.at(place).list.unlink(entries, slot);
        if self.at(place).list.len == 0 {
            let Count { below, above, .. } = *self.at(place);
            self.join(below, above);
            self.at(place).above = self.free;
            self.free = place;
        }
    }
}

impl Keeper for Lfu {
    fn list_of(&mut self, mark: u32) -> Option<&mut List> {
        Some(&mut self.at(mark).list)
    }

    fn admit(&mut self, entries: &mut Entries, slot: u32) {
        let place = self.place(1, NONE, self.least);
        entries[slot].mark = place;
        self.at(place).list.push_front(entries, slot);
    }

    fn touch(&mut self, entries: &mut Entries, slot: u32) {
        let place = entries[slot].mark;
        let Count { times, above, .. } = *self.at(place);
        let next = self.place(times + 1, place, above);
        self.leave(entries, slot);
        entries[slot].mark = next;
        self.at(next).list.push_front(entries, slot);
    }

    fn forget(&mut self, entries: &mut Entries, slot: u32) {
        self.leave(entries, slot);
    }

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        if self.least == NONE {
            return None;
        }
        let slot = self.at(self.least).list.back;
        self.leave(entries, slot);
        Some(slot)
    }

    fn memory(&self) -> usize {
        self.counts.capacity() * size_of::<Count>()
    }
}
