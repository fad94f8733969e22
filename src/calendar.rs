//! The future event set: what will happen, in the order in which it will.
//!
//! A key is (time, phase, sequence): a total order, first in first out at one instant and phase. Up to 16,384 entries live
//! in a 4-ary winner tree whose leaves are slots from a free list; a slot is a handle, so an entry can be moved or
//! cancelled. What does not fit overflows into a radix heap ([`far`]) whose first key stands in one leaf of the tree, so
//! both together are one calendar. Who executes an entry leaves a hole, and the next push fills it: one walk to the root
//! instead of two.
//!
//! What can go wrong: an entry that went to the radix heap has no slot ([`FAR`]) and cannot be cancelled or moved; `cancel`
//! says so, and the caller must recognise the entry as stale when it comes up. A slot belongs to its entry only until the
//! entry is executed or cancelled; using it later hits a stranger.

pub mod far;

use std::hint::select_unpredictable as select;

use far::Far;

/// When an entry is due, and its place among those due at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Nanoseconds since the start.
    pub time: u64,
    /// Phase (2 bits), sequence (38 bits), payload (24 bits).
    pub order: u64,
}

/// The calendar. Time never runs backwards: nothing may be pushed before the entry that was executed last.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Group g holds the children of node g; the leaves are the nodes `leaves..2 * leaves`.
    groups: Vec<Group>,
    top: Key,
    leaves: usize,
    /// How many leaves the tree may grow to for pushed entries.
    most: usize,
    free: Vec<u32>,
    hole: u32,
    sequence: u64,
    far: Far,
    far_slot: u32,
}

/// No slot.
pub const NONE: u32 = u32::MAX;
/// The slot of an entry that went to the radix heap: it cannot be moved or cancelled.
pub const FAR: u32 = u32::MAX - 1;

/// Times and orders apart: as adjacent halves they tempt the compiler into wide loads of two narrow stores, a stall a level.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Group {
    time: [u64; 4],
    order: [u64; 4],
}

const PAYLOAD_BITS: u32 = 24;
const PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;
/// A larger tree falls out of the nearer caches: with 100,000 pending it costs more than the radix heap.
const MOST_LEAVES: usize = 1 << 14;
const NOTHING: Group = Group { time: [u64::MAX; 4], order: [u64::MAX; 4] };

impl Key {
    /// Later than everything.
    pub const NEVER: Key = Key { time: u64::MAX, order: u64::MAX };

    /// What was pushed with the entry.
    #[inline(always)]
    pub fn payload(self) -> u32 {
        (self.order & PAYLOAD) as u32
    }

    /// The phase of the entry.
    #[inline(always)]
    pub fn phase(self) -> u64 {
        self.order >> 62
    }

    /// Whether this comes before the other.
    #[inline(always)]
    pub fn is_before(self, other: Key) -> bool {
        self.time < other.time || (self.time == other.time && self.order < other.order)
    }
}

impl Calendar {
    /// An empty calendar.
    pub fn new() -> Calendar {
        Calendar::with_leaves(MOST_LEAVES)
    }

    /// An empty calendar whose tree keeps to so many leaves, a power of four.
    pub fn with_leaves(most: usize) -> Calendar {
        let mut calendar = Calendar {
            groups: Vec::new(),
            top: Key::NEVER,
            leaves: 1,
            most,
            free: Vec::new(),
            hole: NONE,
            sequence: 0,
            far: Far::new(),
            far_slot: NONE,
        };
        calendar.grow();
        calendar.far_slot = calendar.own_slot();
        calendar
    }

    /// The order half of the next key, without its payload.
    #[inline(always)]
    pub fn order(&mut self, phase: u64) -> u64 {
        self.sequence += 1;
        (phase << 62) | (self.sequence << PAYLOAD_BITS)
    }

    /// Adds an entry. Returns its slot, for whoever wants to move or cancel it, or [`FAR`].
    #[inline(always)]
    pub fn push(&mut self, time: u64, phase: u64, payload: u32) -> u32 {
        let key = Key { time, order: self.order(phase) | u64::from(payload) };
        let slot = if self.hole != NONE {
            std::mem::replace(&mut self.hole, NONE)
        } else if let Some(slot) = self.free.pop() {
            slot
        } else {
            return self.push_beyond(key);
        };
        self.set(slot, key);
        slot
    }

    /// A leaf of one's own, empty at first, for whoever reschedules all the time.
    pub fn own_slot(&mut self) -> u32 {
        if self.free.is_empty() {
            self.grow();
        }
        self.free.pop().expect("growing made room")
    }

    /// Moves the entry of a slot, or fills one's own: the same as cancelling and pushing with an order drawn before.
    #[inline(always)]
    pub fn reset(&mut self, slot: u32, time: u64, order: u64, payload: u32) {
        self.set(slot, Key { time, order: (order & !PAYLOAD) | u64::from(payload) });
    }

    /// Empties one's own slot and keeps it.
    #[inline(always)]
    pub fn clear(&mut self, slot: u32) {
        self.set(slot, empty(slot));
    }

    /// Removes an entry. `false`: it went to the radix heap and will come up; the caller must know it for stale.
    #[inline]
    pub fn cancel(&mut self, slot: u32) -> bool {
        if slot == FAR {
            return false;
        }
        self.set(slot, empty(slot));
        self.free.push(slot);
        true
    }

    /// The first key; later than any horizon (`u64::MAX / 2`) if there is none. Settles a hole that nobody filled.
    #[inline(always)]
    pub fn peek(&mut self) -> Key {
        if self.hole != NONE {
            let hole = std::mem::replace(&mut self.hole, NONE);
            self.set(hole, empty(hole));
            self.free.push(hole);
        }
        self.top
    }

    /// The payload of the first entry.
    #[inline(always)]
    pub fn payload(&self) -> u32 {
        self.top.payload()
    }

    /// The entry that `peek` showed is being executed: its leaf is for the next push. `slot` is what `push` returned.
    #[inline(always)]
    pub fn leave_hole(&mut self, slot: u32) {
        if slot == FAR {
            self.pop_far();
        } else {
            self.hole = slot;
        }
    }

    /// Far entries that come up soon, for whoever wants to have ready what they are about; each is shown once at most.
    pub fn coming(&mut self) -> &[Key] {
        self.far.newly_dealt()
    }

    /// Bytes held for leaves and far entries.
    pub fn bytes(&self) -> usize {
        self.groups.len() * size_of::<Group>() + self.free.capacity() * 4 + self.far.bytes()
    }

    #[inline(always)]
    fn set(&mut self, slot: u32, key: Key) {
        let groups = &mut self.groups[..];
        let mut node = self.leaves + slot as usize;
        let mut winner = (key.time, key.order);
        while 1 < node {
            let (lane, group) = (node & 3, &mut groups[node >> 2]);
            let at = |other: usize| (group.time[lane ^ other], group.order[lane ^ other]);
            let rest = earliest(earliest(at(1), at(2)), at(3));
            group.time[lane] = winner.0;
            group.order[lane] = winner.1;
            winner = earliest(winner, rest);
            node >>= 2;
        }
        self.top = Key { time: winner.0, order: winner.1 };
    }

    /// No slot is free: grows the tree or, where it has its size, goes to the radix heap.
    #[cold]
    #[inline(never)]
    fn push_beyond(&mut self, key: Key) -> u32 {
        if self.leaves < self.most {
            self.grow();
            let slot = self.free.pop().expect("growing made room");
            self.set(slot, key);
            return slot;
        }
        let before = self.far.first();
        self.far.push(key);
        if key.is_before(before) {
            self.set(self.far_slot, key);
        }
        FAR
    }

    #[inline(never)]
    fn pop_far(&mut self) {
        self.far.pop();
        let next = self.far.first();
        let key = if next == Key::NEVER { empty(self.far_slot) } else { next };
        self.set(self.far_slot, key);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let old = self.leaves;
        let kept = if old == 1 { 0 } else { old };
        let key_of = |slot: usize| {
            let (lane, group) = (slot & 3, &self.groups[(old + slot) >> 2]);
            (group.time[lane], group.order[lane])
        };
        let leaves = old * 4;
        let mut groups = vec![NOTHING; leaves / 2];
        for slot in 0..leaves {
            let blank = empty(slot as u32);
            let key = if slot < kept { key_of(slot) } else { (blank.time, blank.order) };
            let group = &mut groups[(leaves + slot) >> 2];
            group.time[slot & 3] = key.0;
            group.order[slot & 3] = key.1;
        }
        let mut level = leaves / 4;
        while 1 < level {
            for node in level..2 * level {
                let winner = groups[node].winner();
                let group = &mut groups[node >> 2];
                group.time[node & 3] = winner.0;
                group.order[node & 3] = winner.1;
            }
            level /= 4;
        }
        let top = groups[1].winner();
        self.top = Key { time: top.0, order: top.1 };
        self.groups = groups;
        self.leaves = leaves;
        self.free.extend((kept as u32..leaves as u32).rev());
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar::new()
    }
}

impl Group {
    fn winner(&self) -> (u64, u64) {
        let at = |lane: usize| (self.time[lane], self.order[lane]);
        earliest(earliest(at(0), at(1)), earliest(at(2), at(3)))
    }
}

/// One comparison of the times serves the rare tie and the selection: no branch depends on who wins.
#[inline(always)]
fn earliest(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    if a.0 == b.0 {
        return tie(a, b);
    }
    let later = b.0 < a.0;
    (select(later, b.0, a.0), select(later, b.1, a.1))
}

#[cold]
#[inline(never)]
fn tie(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    if a.1 < b.1 { a } else { b }
}

/// An empty leaf: later than any horizon, and no two alike, so that empty leaves never tie.
#[inline(always)]
fn empty(slot: u32) -> Key {
    Key { time: u64::MAX - u64::from(slot), order: u64::from(slot) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, bits, mix, occasion};
    use std::collections::{BTreeMap, BTreeSet};

    const NEVER: u64 = u64::MAX / 2;

    /// A calendar beside its slow twin, driven by the same random operations.
    struct Pair {
        fast: Calendar,
        slow: BTreeMap<(u64, u64), u32>,
        /// By payload: the slot and the key of the entry.
        live: BTreeMap<u32, (u32, (u64, u64))>,
        stale: BTreeSet<u32>,
        next: u32,
        now: u64,
        draws: u64,
        key: u64,
    }

    impl Pair {
        fn new(leaves: usize, key: u64) -> Pair {
            let (slow, live, stale) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
            Pair { fast: Calendar::with_leaves(leaves), slow, live, stale, next: 0, now: 0, draws: 0, key }
        }

        fn below(&mut self, n: u32) -> u32 {
            self.draws += 1;
            below(bits(mix(self.key), occasion(self.draws)), n)
        }

        /// Delays of all sizes, many of them equal.
        fn delay(&mut self) -> u64 {
            match self.below(4) {
                0 => 0,
                1 => u64::from(self.below(4)) * 1000,
                2 => u64::from(self.below(1000)),
                _ => u64::from(self.below(1000)) << self.below(30),
            }
        }

        fn push(&mut self) {
            let time = self.now + self.delay();
            let phase = u64::from(self.below(3));
            let payload = self.next;
            self.next += 1;
            let slot = self.fast.push(time, phase, payload);
            let key = (time, (phase << 62) | (self.fast.sequence << 24) | u64::from(payload));
            self.slow.insert(key, payload);
            self.live.insert(payload, (slot, key));
        }

        fn pop(&mut self) {
            let key = self.fast.peek();
            let Some((&expected, &payload)) = self.slow.first_key_value() else {
                assert!(NEVER < key.time);
                return;
            };
            assert_eq!((key.time, key.order), expected);
            assert_eq!((key.payload(), key.phase()), (payload, expected.1 >> 62));
            self.now = key.time;
            self.slow.pop_first();
            let (slot, _) = self.live.remove(&payload).expect("the entry is live");
            self.stale.remove(&payload);
            self.fast.leave_hole(slot);
        }

        fn cancel(&mut self) {
            let nth = self.below(8) as usize;
            let Some((&payload, &(slot, key))) = self.live.iter().nth(nth) else { return };
            if self.stale.contains(&payload) {
                return;
            }
            if self.fast.cancel(slot) {
                self.slow.remove(&key);
                self.live.remove(&payload);
            } else {
                assert_eq!(slot, FAR);
                self.stale.insert(payload);
            }
        }

        fn run(&mut self, steps: u32, growth: u32) {
            for _ in 0..steps {
                match self.below(10) {
                    n if n < growth => self.push(),
                    9 => {
                        // A hole is filled by the next push, or settled by the next peek.
                        self.fast.peek();
                        self.cancel();
                    }
                    _ => self.pop(),
                }
            }
        }
    }

    #[test]
    fn the_calendar_and_its_slow_twin_agree() {
        for (leaves, key) in [(4, 1), (16, 2), (64, 3), (1 << 14, 4), (16, 5), (4, 6)] {
            let mut pair = Pair::new(leaves, key);
            for growth in [6, 4, 7, 3, 5, 2] {
                pair.run(3000, growth);
            }
            while !pair.slow.is_empty() {
                pair.pop();
            }
            assert!(NEVER < pair.fast.peek().time);
        }
    }

    #[test]
    fn a_crowd_at_one_instant_keeps_its_order() {
        let mut calendar = Calendar::with_leaves(16);
        let slots: Vec<u32> = (0..5000).map(|i| calendar.push(1_000_000, 1, i)).collect();
        // Who comes late but in an earlier phase goes first.
        let early = calendar.push(1_000_000, 0, 5000);
        assert_eq!(calendar.peek().payload(), 5000);
        calendar.leave_hole(early);
        for i in 0..5000 {
            assert_eq!(calendar.peek().payload(), i);
            calendar.leave_hole(slots[i as usize]);
            calendar.push(1_000_000 + u64::from(i % 7), 2, i);
        }
        let mut last = (0, 0);
        for _ in 0..5000 {
            let key = calendar.peek();
            assert!(last < (key.time, key.order));
            last = (key.time, key.order);
            let slot = if calendar.far.first() == key { FAR } else { find(&calendar, key) };
            calendar.leave_hole(slot);
        }
        assert!(NEVER < calendar.peek().time);
    }

    /// The slot whose leaf holds the key.
    fn find(calendar: &Calendar, key: Key) -> u32 {
        let at = |slot: usize| calendar.groups[(calendar.leaves + slot) >> 2].order[slot & 3] == key.order;
        (0..calendar.leaves).find(|slot| at(*slot)).expect("the key is in the tree") as u32
    }

    #[test]
    fn own_slots_are_filled_moved_and_cleared() {
        let mut calendar = Calendar::new();
        let mine = calendar.own_slot();
        assert!(NEVER < calendar.peek().time);
        let order = calendar.order(1);
        calendar.reset(mine, 70, order, 7);
        let other = calendar.push(50, 0, 5);
        assert_eq!((calendar.peek().time, calendar.payload()), (50, 5));
        calendar.reset(mine, 50, order, 8);
        assert_eq!(calendar.peek().payload(), 5, "phase 0 comes first");
        calendar.reset(mine, 20, order, 8);
        assert_eq!((calendar.peek().time, calendar.payload()), (20, 8));
        calendar.clear(mine);
        assert!(calendar.cancel(other));
        assert!(NEVER < calendar.peek().time);
    }

    #[test]
    fn a_hundred_thousand_pending_come_out_in_order() {
        let mut calendar = Calendar::with_leaves(1 << 10);
        let n = 100_000u32;
        let time = |i: u64| u64::from(below(bits(mix(9), occasion(i)), 1 << 30));
        let mut slots: Vec<u32> = (0..n).map(|i| calendar.push(time(u64::from(i)), 0, i)).collect();
        let mut last = 0;
        for turn in 0..2 * u64::from(n) {
            let key = calendar.peek();
            assert!(last <= key.time);
            last = key.time;
            calendar.leave_hole(slots[key.payload() as usize]);
            slots[key.payload() as usize] = calendar.push(last + time(turn), 0, key.payload());
        }
    }
}
