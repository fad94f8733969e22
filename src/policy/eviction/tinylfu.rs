//! W-TinyLFU (Einziger, Friedman and Manes 2017), as Caffeine builds it: a small LRU window before a segmented LRU, and a
//! sketch of how often keys were asked for that decides who gets from the one into the other.

use super::table::{List, Unit};
use super::{Entries, Incoming, Keeper, Shares};
use crate::random::mix;

/// An entry's `mark` says in which of the three lists it is.
#[derive(Clone, Debug)]
pub(super) struct TinyLfu {
    window: List,
    probation: List,
    protected: List,
    sketch: Sketch,
    unit: Unit,
    /// A hundredth of the whole.
    window_share: u64,
    /// Four fifths of the rest.
    protected_share: u64,
}

const WINDOW: u32 = 0;
const PROBATION: u32 = 1;
const PROTECTED: u32 = 2;

/// A count-min sketch of 4-bit counters, four for a key, all in one line of 64 bytes. It grows with the entries, and all
/// counts are halved from time to time, so old fame fades.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    /// Sixteen counters in a word, eight words in a block.
    words: Vec<u64>,
    /// Counted since the last halving, what was halved included by half.
    counted: u64,
}

/// Words in a block.
const BLOCK: usize = 8;
/// Counts are halved after so many for each word.
const SAMPLE: u64 = 10;
/// What stays of a word of counters when all of it is shifted by one.
const HALVED: u64 = 0x7777_7777_7777_7777;

impl Sketch {
    pub(super) fn new() -> Sketch {
        Sketch { words: Vec::new(), counted: 0 }
    }

    /// Makes room for so many keys. A block is doubled together with its counts, so estimates stay.
    pub(super) fn reserve(&mut self, keys: u32) {
        if self.words.is_empty() {
            self.words = vec![0; BLOCK];
        }
        while self.words.len() < keys as usize {
            self.words.extend_from_within(..);
        }
    }

    /// Where a key's four counters are: word and shift.
    #[inline]
    fn counters(&self, key: u64) -> [(usize, u32); 4] {
        let hash = mix(mix(key));
        let block = (hash >> 32) as usize & (self.words.len() / BLOCK - 1);
        // Each row has two words, so one bit of the hash tells the word and four the counter.
        let row = |row: usize| {
            let own = hash >> (8 * row);
            (block * BLOCK + 2 * row + (own & 1) as usize, (own >> 1 & 15) as u32 * 4)
        };
        [row(0), row(1), row(2), row(3)]
    }

    /// How often a key was asked for lately: never too few, at most 15.
    pub(super) fn estimate(&self, key: u64) -> u64 {
        let counts = self.counters(key).map(|(word, shift)| self.words[word] >> shift & 15);
        counts.into_iter().min().expect("there are four counters")
    }

    /// A key was asked for.
    #[inline]
    pub(super) fn count(&mut self, key: u64) {
        if self.estimate(key) == 15 {
            return;
        }
        for (word, shift) in self.counters(key) {
            if self.words[word] >> shift & 15 != 15 {
                self.words[word] += 1 << shift;
            }
        }
        self.counted += 1;
        if SAMPLE * self.words.len() as u64 <= self.counted {
            self.words.iter_mut().for_each(|word| *word = *word >> 1 & HALVED);
            self.counted /= 2;
        }
    }
}

impl TinyLfu {
    pub(super) fn new(shares: Shares) -> TinyLfu {
        let window_share = (shares.whole / 100).max(1);
        TinyLfu {
            window: List::new(),
            probation: List::new(),
            protected: List::new(),
            sketch: Sketch::new(),
            unit: shares.unit,
            window_share,
            protected_share: shares.whole.saturating_sub(window_share) / 5 * 4,
        }
    }

    fn list(&mut self, place: u32) -> &mut List {
        match place {
            WINDOW => &mut self.window,
            PROBATION => &mut self.probation,
            _ => &mut self.protected,
        }
    }

    fn move_to(&mut self, entries: &mut Entries, slot: u32, place: u32) {
        self.list(entries[slot].mark).unlink(entries, slot);
        entries[slot].mark = place;
        self.list(place).push_front(entries, slot);
    }
}

impl Keeper for TinyLfu {
    fn list_of(&mut self, mark: u32) -> Option<&mut List> {
        Some(self.list(mark))
    }

    fn admit(&mut self, entries: &mut Entries, slot: u32) {
        self.sketch.reserve(entries.len());
        self.sketch.count(entries[slot].key);
        self.window.push_front(entries, slot);
        while self.window_share < self.window.held(self.unit) && 1 < self.window.len {
            self.move_to(entries, self.window.back, PROBATION);
        }
    }

    #[inline]
    fn touch(&mut self, entries: &mut Entries, slot: u32) {
        self.sketch.count(entries[slot].key);
        match entries[slot].mark {
            PROBATION => self.move_to(entries, slot, PROTECTED),
            place => self.list(place).move_to_front(entries, slot),
        }
        while self.protected_share < self.protected.held(self.unit) && 1 < self.protected.len {
            self.move_to(entries, self.protected.back, PROBATION);
        }
    }

    /// Who comes in pushes somebody out of the window, who is admitted only if it was asked for more often than the one
    /// that would have to leave for it.
    fn victim(&mut self, entries: &mut Entries, incoming: &Incoming) -> Option<u32> {
        let pushes = self.window_share < self.window.held(self.unit) + self.unit.of(incoming.size);
        let candidate = if pushes { self.window.back() } else { None };
        let settled = self.probation.back().or(self.protected.back());
        let slot = match (candidate, settled) {
            (Some(candidate), Some(settled)) => {
                let fame = |slot: u32| self.sketch.estimate(entries[slot].key);
                if fame(settled) < fame(candidate) {
                    self.move_to(entries, candidate, PROBATION);
                    settled
                } else {
                    candidate
                }
            }
            (one, other) => one.or(other).or(self.window.back())?,
        };
        self.list(entries[slot].mark).unlink(entries, slot);
        Some(slot)
    }

    fn memory(&self) -> usize {
        self.sketch.words.capacity() * size_of::<u64>()
    }
}
