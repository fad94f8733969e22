//! S3-FIFO (Yang et al. 2023): a small queue that lets one-hit wonders out early, a main queue, and ghosts.

use super::ghosts::Ghosts;
use super::table::{List, Unit};
use super::{Entries, Incoming, Keeper, Shares};

/// An entry's `mark` is how often it was asked for, up to `MOST`, and where it is.
#[derive(Clone, Debug)]
pub(super) struct S3Fifo {
    small: List,
    main: List,
    ghosts: Ghosts,
    unit: Unit,
    /// A tenth of the whole.
    small_share: u64,
    /// The other nine tenths; as much for the ghosts.
    main_share: u64,
    /// Who comes in next was a ghost.
    recalled: bool,
    /// Before anybody has been evicted, what the small queue has no room for goes to the main queue.
    filling: bool,
}

/// A counter has two bits.
const MOST: u32 = 3;
/// This bit of a mark says that the entry is in the main queue.
const MAIN: u32 = 4;
/// Who was asked for so often while in the small queue goes to the main queue.
const WORTH_KEEPING: u32 = 2;

impl S3Fifo {
    pub(super) fn new(shares: Shares) -> S3Fifo {
        let small_share = shares.whole / 10;
        S3Fifo {
            small: List::new(),
            main: List::new(),
            ghosts: Ghosts::new(),
            unit: shares.unit,
            small_share,
            main_share: shares.whole - small_share,
            recalled: false,
            filling: true,
        }
    }

    /// The first of the small queue that is not worth keeping.
    fn leave_small(&mut self, entries: &mut Entries) -> Option<u32> {
        while let Some(slot) = self.small.pop_back(entries) {
            if entries[slot].mark < WORTH_KEEPING {
                self.ghosts.push(entries[slot].key, entries[slot].size);
                self.ghosts.trim(self.unit, self.main_share);
                return Some(slot);
            }
            entries[slot].mark = MAIN;
            self.main.push_front(entries, slot);
        }
        None
    }

    /// The first of the main queue that has used up its chances.
    fn leave_main(&mut self, entries: &mut Entries) -> Option<u32> {
        while let Some(slot) = self.main.pop_back(entries) {
            if entries[slot].mark == MAIN {
                return Some(slot);
            }
            entries[slot].mark -= 1;
            self.main.push_front(entries, slot);
        }
        None
    }
}

impl Keeper for S3Fifo {
    fn list_of(&mut self, mark: u32) -> Option<&mut List> {
        Some(if mark < MAIN { &mut self.small } else { &mut self.main })
    }

    fn expect(&mut self, key: u64, _: u32) {
        self.recalled = self.ghosts.remove(key);
    }

    fn admit(&mut self, entries: &mut Entries, slot: u32) {
        let fills_main = self.filling && self.small_share <= self.small.held(self.unit);
        if std::mem::take(&mut self.recalled) || fills_main {
            entries[slot].mark = MAIN;
            self.main.push_front(entries, slot);
        } else {
            self.small.push_front(entries, slot);
        }
    }

    #[inline]
    fn touch(&mut self, entries: &mut Entries, slot: u32) {
        let mark = &mut entries[slot].mark;
        *mark += u32::from(*mark & MOST != MOST);
    }

    fn victim(&mut self, entries: &mut Entries, _: &Incoming) -> Option<u32> {
        self.filling = false;
        let small = self.main.held(self.unit) <= self.main_share;
        let first = if small { self.leave_small(entries) } else { None };
        first.or_else(|| self.leave_main(entries)).or_else(|| self.leave_small(entries))
    }

    fn memory(&self) -> usize {
        self.ghosts.memory()
    }
}
