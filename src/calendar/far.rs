//! Where the calendar overflows to: a radix heap with a sorted front (Ahuja, Mehlhorn, Orlin and Tarjan 1990), monotone and
//! in exact order, about 16 bytes an entry.
//!
//! Bucket j holds the keys whose time first differs from `last` at bit j, so every key in a lower bucket is earlier than
//! every key in a higher one. The earliest few stand sorted in `front`. **Invariants**: no key in a bucket is before the
//! `ceiling`, no key in the front is after it, and no time in a bucket is before `last`.

use std::cmp::Reverse;

use super::Key;

/// The radix heap.
#[derive(Clone, Debug)]
pub struct Far {
    buckets: Vec<Vec<Key>>,
    /// Bit j is set if bucket j is not empty.
    filled: u64,
    last: u64,
    /// The earliest keys, the latest of them first.
    front: Vec<Key>,
    ceiling: Key,
    /// The time of the key that was popped last: nothing comes before it.
    floor: u64,
    /// An empty vector whose room is used again.
    spare: Vec<Key>,
    /// The front was filled since somebody last asked.
    dealt: bool,
}

/// A bucket of at most so many keys is sorted rather than dealt out again.
const FEW: usize = 24;
/// Room for more keys than this is given back when its bucket is empty; other buckets would keep as much again.
const ROOM: usize = 1 << 12;
/// An insertion that moves more keys than this shows that the front reaches too far.
const MANY: usize = 64;

impl Far {
    /// An empty heap.
    pub fn new() -> Far {
        Far {
            buckets: vec![Vec::new(); 64],
            filled: 0,
            last: 0,
            front: Vec::with_capacity(MANY),
            ceiling: Key::NEVER,
            floor: 0,
            spare: Vec::new(),
            dealt: false,
        }
    }

    /// The earliest key, or `Key::NEVER`.
    #[inline(always)]
    pub fn first(&self) -> Key {
        self.front.last().copied().unwrap_or(Key::NEVER)
    }

    /// Adds a key that is not before the last one popped.
    #[inline]
    pub fn push(&mut self, key: Key) {
        if self.front.is_empty() {
            // An empty front means an empty heap.
            self.last = self.floor.min(key.time);
            self.ceiling = key;
            self.front.push(key);
        } else if key.is_before(self.ceiling) {
            if MANY < self.sort_in(key) && self.front[self.front.len() - 1].time < self.front[0].time {
                self.shorten();
            }
        } else {
            self.file(key);
        }
    }

    /// Removes the earliest key.
    #[inline]
    pub fn pop(&mut self) -> Key {
        let Some(key) = self.front.pop() else { return Key::NEVER };
        self.floor = key.time;
        if self.front.is_empty() && self.filled != 0 {
            self.refill();
        }
        key
    }

    /// The keys that come up next, the last of them first, if they have been dealt since this was last asked.
    pub fn newly_dealt(&mut self) -> &[Key] {
        if std::mem::take(&mut self.dealt) { &self.front } else { &[] }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let keys =
            self.buckets.iter().map(Vec::capacity).sum::<usize>() + self.front.capacity() + self.spare.capacity();
        keys * size_of::<Key>()
    }

    /// Puts a key into its place in the front; how many keys had to move.
    #[inline]
    fn sort_in(&mut self, key: Key) -> usize {
        let end = self.front.len();
        let mut place = end;
        self.front.push(key);
        let front = &mut self.front[..];
        while 0 < place && front[place - 1].is_before(key) {
            front[place] = front[place - 1];
            place -= 1;
        }
        front[place] = key;
        end - place
    }

    #[inline(always)]
    fn file(&mut self, key: Key) {
        let bucket = 63 - ((key.time ^ self.last) | 1).leading_zeros() as usize;
        self.filled |= 1 << bucket;
        self.buckets[bucket].push(key);
    }

    /// Takes the earliest keys out of the lowest bucket, dealing it out to lower ones until it is small.
    #[cold]
    #[inline(never)]
    fn refill(&mut self) {
        loop {
            let lowest = self.filled.trailing_zeros() as usize;
            self.filled &= self.filled - 1;
            let mut keys = std::mem::replace(&mut self.buckets[lowest], std::mem::take(&mut self.spare));
            let is_last_deal = keys.len() <= FEW || lowest == 0;
            if is_last_deal {
                self.front.append(&mut keys);
                self.front.sort_unstable_by_key(|key| Reverse((key.time, key.order)));
                self.ceiling = self.front[0];
                self.dealt = true;
            } else {
                self.last = keys.iter().map(|key| key.time).min().expect("the bucket is not empty");
                for key in keys.drain(..) {
                    self.file(key);
                }
            }
            if keys.capacity() <= ROOM {
                self.spare = keys;
            }
            if is_last_deal {
                return;
            }
        }
    }

    /// The front reaches so far that new keys keep landing in it: files it again, seen from now, and takes the earliest.
    #[cold]
    #[inline(never)]
    fn shorten(&mut self) {
        self.rebase(self.floor.min(self.front[self.front.len() - 1].time));
        let mut keys = std::mem::take(&mut self.front);
        for key in keys.drain(..) {
            self.file(key);
        }
        self.front = keys;
        self.refill();
    }

    /// Moves `last` to an earlier or later time that is not after any key.
    fn rebase(&mut self, last: u64) {
        let differing = last ^ self.last;
        if differing == 0 {
            return;
        }
        let top = 63 - differing.leading_zeros() as usize;
        let is_earlier = last < self.last;
        self.last = last;
        // Earlier: what was below the highest differing bit now differs there first. Later: only the bucket of that bit
        // can hold keys, and they are dealt out below it. Either way buckets above it stay as they are.
        let touched = if is_earlier { 0..top } else { 0..top + 1 };
        for bucket in touched {
            if self.filled & (1 << bucket) == 0 {
                continue;
            }
            self.filled &= !(1 << bucket);
            for key in std::mem::take(&mut self.buckets[bucket]) {
                self.file(key);
            }
        }
    }
}

impl Default for Far {
    fn default() -> Self {
        Far::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, bits, mix, occasion};
    use std::collections::BTreeSet;

    /// Random holds against a sorted set, with the delays of `delay(draw)`.
    fn agrees(pending: u64, holds: u64, delay: impl Fn(u64) -> u64) {
        let mut far = Far::new();
        let mut twin = BTreeSet::new();
        let mut now = 0;
        for n in 0..pending + holds {
            if pending <= n {
                let key = far.pop();
                assert_eq!(twin.pop_first(), Some((key.time, key.order)));
                now = key.time;
            }
            let key = Key { time: now + delay(bits(mix(4), occasion(n))), order: n };
            far.push(key);
            twin.insert((key.time, key.order));
            assert_eq!(twin.first().copied(), Some((far.first().time, far.first().order)));
        }
        while let Some(first) = twin.pop_first() {
            let key = far.pop();
            assert_eq!(first, (key.time, key.order));
        }
        assert_eq!(far.pop(), Key::NEVER);
    }

    #[test]
    fn it_agrees_with_a_sorted_set() {
        agrees(3000, 6000, |draw| u64::from(below(draw, 1 << 20)));
        agrees(3000, 6000, |draw| u64::from(below(draw, 5)));
        agrees(500, 6000, |draw| (draw >> 40) >> (draw & 31));
        agrees(2, 2000, |draw| u64::from(below(draw, 1000)));
    }

    #[test]
    fn a_distant_first_key_does_not_make_it_slow() {
        // The front begins with one key far away, before which all others fall: insertion alone would move 10^10 keys.
        let mut far = Far::new();
        far.push(Key { time: 1 << 50, order: 0 });
        let n = 200_000;
        for i in 1..n {
            far.push(Key { time: bits(mix(1), occasion(i)) >> 20, order: i });
        }
        let mut last = Key { time: 0, order: 0 };
        for _ in 0..n {
            let key = far.pop();
            assert!(last.is_before(key));
            last = key;
        }
        assert_eq!(far.first(), Key::NEVER);
    }

    #[test]
    fn a_crowd_at_one_instant_is_no_trouble() {
        let mut far = Far::new();
        for i in 0..100_000 {
            far.push(Key { time: 1000 + i % 2, order: i });
        }
        for i in 0..50_000 {
            assert_eq!(far.pop(), Key { time: 1000, order: 2 * i });
        }
        assert_eq!(far.first(), Key { time: 1001, order: 1 });
    }
}
