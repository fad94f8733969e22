//! The future events.
//!
//! A key is (time, order) in two `u64`: order is phase, sequence number and payload, so keys are all different and their
//! order is total. Near events stand in a 4-ary winner tree whose leaves are slots from a free list; a slot is a handle, so
//! an entry can be moved or cancelled. Beyond 65,536 leaves further events go to a radix heap whose first key stands in one
//! leaf of the tree; those cannot be cancelled, and `cancel` says so.
//!
//! The entry being executed leaves a *hole*: the next push takes its leaf, and one walk up the tree does for both.
//!
//! Costs (hold model, one core of a 2026 server): 13 ns at 1,000 pending, 20 at 10,000, about 50 at a million.

use std::hint::select_unpredictable;

/// (time in ns, phase 2 bits | sequence 38 bits | payload 24 bits).
pub type Key = [u64; 2];
/// Later than everything.
pub const NEVER: Key = [u64::MAX, u64::MAX];

const PAYLOAD: u64 = (1 << 24) - 1;
const NONE: u32 = u32::MAX;
/// The slot of an entry of the radix heap.
pub const FAR: u32 = u32::MAX - 1;
const MOST_LEAVES: usize = 1 << 16;

/// Whether `a` comes before `b`.
#[inline(always)]
pub fn earlier(a: Key, b: Key) -> bool {
    a[0] < b[0] || (a[0] == b[0] && a[1] < b[1])
}

/// One comparison of the times serves the rare tie and the selection: no branch depends on who wins.
#[inline(always)]
fn earliest(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    if a.0 == b.0 {
        return tie(a, b);
    }
    let second = b.0 < a.0;
    (select_unpredictable(second, b.0, a.0), select_unpredictable(second, b.1, a.1))
}

#[cold]
#[inline(never)]
fn tie(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    if a.1 < b.1 { a } else { b }
}

/// An empty leaf: later than any horizon, and no two alike, so that empty leaves never tie.
#[inline(always)]
fn empty(slot: u32) -> Key {
    [u64::MAX - u64::from(slot), u64::from(slot)]
}

/// Times and orders apart: adjacent halves tempt the compiler into wide loads of two narrow stores, a stall per level.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Family {
    time: [u64; 4],
    order: [u64; 4],
}

const BARREN: Family = Family { time: [u64::MAX; 4], order: [u64::MAX; 4] };

/// The future event set.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Family f holds the children of node f; leaves are the nodes `leaves .. 2 leaves` (in base 4).
    families: Vec<Family>,
    top: Key,
    leaves: usize,
    free: Vec<u32>,
    hole: u32,
    sequence: u64,
    far: Far,
    /// Leaf in which the first far key stands.
    far_leaf: u32,
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar::new()
    }
}

impl Calendar {
    /// Nothing planned.
    pub fn new() -> Calendar {
        let mut calendar = Calendar {
            families: Vec::new(),
            top: NEVER,
            leaves: 1,
            free: Vec::new(),
            hole: NONE,
            sequence: 0,
            far: Far::new(),
            far_leaf: NONE,
        };
        calendar.grow();
        calendar
    }

    /// The order half of a key without a payload: earlier phases first, then first come first served.
    #[inline(always)]
    pub fn order(&mut self, phase: u64) -> u64 {
        self.sequence += 1;
        phase << 62 | self.sequence << 24
    }

    /// Plans an event; returns its slot, or [`FAR`] for one that cannot be cancelled.
    #[inline(always)]
    pub fn push(&mut self, time: u64, phase: u64, payload: u32) -> u32 {
        let order = self.order(phase) | u64::from(payload);
        if self.hole != NONE {
            let slot = std::mem::replace(&mut self.hole, NONE);
            self.set(slot, [time, order]);
            return slot;
        }
        if let Some(slot) = self.free.pop() {
            self.set(slot, [time, order]);
            return slot;
        }
        self.push_beyond([time, order])
    }

    #[cold]
    #[inline(never)]
    fn push_beyond(&mut self, key: Key) -> u32 {
        if self.leaves < MOST_LEAVES {
            self.grow();
            let slot = self.free.pop().expect("growing makes room");
            self.set(slot, key);
            return slot;
        }
        let before = self.far.first();
        self.far.push(key);
        if earlier(key, before) {
            self.set(self.far_leaf, key);
        }
        FAR
    }

    /// A leaf of one's own, for whoever plans anew all the time; empty until [`reset`](Calendar::reset).
    pub fn own_slot(&mut self) -> u32 {
        if self.free.is_empty() {
            self.grow();
        }
        self.free.pop().expect("growing makes room")
    }

    /// Moves the entry of an own slot.
    #[inline(always)]
    pub fn reset(&mut self, slot: u32, time: u64, order: u64, payload: u32) {
        self.set(slot, [time, order & !PAYLOAD | u64::from(payload)]);
    }

    /// Empties an own slot.
    #[inline(always)]
    pub fn clear(&mut self, slot: u32) {
        self.set(slot, empty(slot));
    }

    /// The earliest key; settles a hole that nobody filled.
    #[inline(always)]
    pub fn peek(&mut self) -> Key {
        if self.hole != NONE {
            let slot = std::mem::replace(&mut self.hole, NONE);
            self.set(slot, empty(slot));
            self.free.push(slot);
        }
        self.top
    }

    /// Payload of the earliest key.
    #[inline(always)]
    pub fn payload(&self) -> u32 {
        (self.top[1] & PAYLOAD) as u32
    }

    /// The entry that `peek` showed is being executed: its leaf is for the next push.
    #[inline(always)]
    pub fn leave_hole(&mut self, slot: u32) {
        if slot == FAR {
            return self.leave_far();
        }
        self.hole = slot;
    }

    #[cold]
    #[inline(never)]
    fn leave_far(&mut self) {
        self.far.pop();
        let next = self.far.first();
        if next == NEVER { self.clear(self.far_leaf) } else { self.set(self.far_leaf, next) }
    }

    #[inline(always)]
    fn set(&mut self, slot: u32, key: Key) {
        let mut node = self.leaves + slot as usize;
        let families = &mut self.families[..];
        let (mut time, mut order) = (key[0], key[1]);
        while node > 1 {
            let (lane, family) = (node & 3, &mut families[node >> 2]);
            let at = |k: usize| (family.time[lane ^ k], family.order[lane ^ k]);
            let rest = earliest(earliest(at(1), at(2)), at(3));
            family.time[lane] = time;
            family.order[lane] = order;
            (time, order) = earliest((time, order), rest);
            node >>= 2;
        }
        self.top = [time, order];
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let old = self.leaves;
        let standing: Vec<Key> = if old == 1 {
            Vec::new()
        } else {
            (old..2 * old).map(|n| [self.families[n >> 2].time[n & 3], self.families[n >> 2].order[n & 3]]).collect()
        };
        self.leaves = old * 4;
        self.families = vec![BARREN; self.leaves / 2];
        let from = standing.len() as u32;
        self.free.extend((from..self.leaves as u32).rev());
        for (slot, key) in standing.into_iter().enumerate() {
            self.set(slot as u32, key);
        }
        for slot in from..self.leaves as u32 {
            self.set(slot, empty(slot));
        }
        if self.leaves == MOST_LEAVES {
            self.far_leaf = self.free.pop().expect("it has just grown");
        }
    }
}

/// A radix heap with a sorted bottom: monotone, exact order, 16 bytes an entry.
#[derive(Clone, Debug)]
struct Far {
    buckets: Vec<Vec<Key>>,
    /// Latest first.
    bottom: Vec<Key>,
    last: u64,
    /// Everything before it is in `bottom`.
    limit: u64,
    /// Buckets that are not empty.
    mask: u64,
    spare: Vec<Key>,
}

/// A bucket of at most so many entries is sorted into the bottom; a larger one is dealt out again.
const SORTED: usize = 24;

impl Far {
    fn new() -> Far {
        Far { buckets: vec![Vec::new(); 64], bottom: Vec::new(), last: 0, limit: 0, mask: 0, spare: Vec::new() }
    }

    fn first(&self) -> Key {
        self.bottom.last().copied().unwrap_or(NEVER)
    }

    fn push(&mut self, key: Key) {
        if key[0] < self.limit { self.sort_in(key) } else { self.file(key) }
        if self.bottom.is_empty() {
            self.refill();
        }
    }

    fn pop(&mut self) {
        self.bottom.pop();
        if self.bottom.is_empty() && self.mask != 0 {
            self.refill();
        }
    }

    fn sort_in(&mut self, key: Key) {
        let at = self.bottom.iter().rposition(|&k| earlier(key, k)).map_or(0, |i| i + 1);
        self.bottom.insert(at, key);
    }

    fn file(&mut self, key: Key) {
        let bucket = 63 - ((key[0] ^ self.last) | 1).leading_zeros() as usize;
        self.mask |= 1 << bucket;
        self.buckets[bucket].push(key);
    }

    #[cold]
    fn refill(&mut self) {
        loop {
            let i = self.mask.trailing_zeros() as usize;
            self.mask &= self.mask - 1;
            let mut keys = std::mem::replace(&mut self.buckets[i], std::mem::take(&mut self.spare));
            self.limit = (self.last | ((2u64 << i).wrapping_sub(1))).wrapping_add(1);
            // Bucket 0 holds one instant only: dealing it out again would not end.
            let small = keys.len() <= SORTED || i == 0;
            if small {
                keys.sort_unstable_by(|a, b| b.cmp(a));
                self.bottom.append(&mut keys);
            } else {
                self.last = keys.iter().map(|k| k[0]).min().unwrap_or(0);
                keys.drain(..).for_each(|key| self.file(key));
            }
            self.spare = keys;
            if small {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::mix;

    /// Holds `pending` events for `steps` steps and compares each with an ordered map.
    fn hold(pending: u32, steps: u64, coarse: u64) {
        let (mut calendar, mut twin) = (Calendar::new(), BTreeMap::new());
        let mut slots = vec![NONE; pending as usize];
        let mut sequence = 0u64;
        let mut push = |calendar: &mut Calendar, twin: &mut BTreeMap<(u64, u64), u32>, time: u64, id: u32| {
            sequence += 1;
            twin.insert((time, sequence), id);
            calendar.push(time, 0, id)
        };
        for id in 0..pending {
            slots[id as usize] = push(&mut calendar, &mut twin, mix(u64::from(id)) % 1_000_000 / coarse, id);
        }
        for step in 0..steps {
            let (&(time, order), &id) = twin.iter().next().expect("it holds");
            let key = calendar.peek();
            assert_eq!((key[0], calendar.payload()), (time, id), "step {step}");
            twin.remove(&(time, order));
            calendar.leave_hole(slots[id as usize]);
            let gap = mix(step ^ 0xabc) % 1_000_000 / coarse;
            slots[id as usize] = push(&mut calendar, &mut twin, time + gap, id);
        }
    }

    #[test]
    fn same_order_as_a_sorted_map() {
        hold(1, 100, 1);
        hold(100, 5_000, 1);
        hold(1_000, 20_000, 100_000);
    }

    #[test]
    fn same_order_beyond_the_tree() {
        hold(100_000, 60_000, 1);
        hold(80_000, 30_000, 50_000);
    }

    #[test]
    fn own_slots_move_and_empty() {
        let mut calendar = Calendar::new();
        let slot = calendar.own_slot();
        let order = calendar.order(1);
        calendar.reset(slot, 50, order, 7);
        calendar.push(60, 0, 8);
        assert_eq!((calendar.peek()[0], calendar.payload()), (50, 7));
        calendar.clear(slot);
        assert_eq!((calendar.peek()[0], calendar.payload()), (60, 8));
    }

    #[test]
    fn phases_order_one_instant() {
        let mut calendar = Calendar::new();
        let late = calendar.push(10, 2, 1);
        calendar.push(10, 0, 2);
        assert_eq!(calendar.payload(), 2);
        assert_ne!(late, FAR);
    }
}
