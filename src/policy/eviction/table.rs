//! Where entries stand: a slab of nodes, an index by key, and lists that run through the nodes.
//!
//! The index is open addressing with linear probing and deletion by backward shift (Knuth, volume 3, 6.4, algorithm R).
//! A cell is 32 bits: how far it stands from its home, some bits of the hash, and the slot plus one. So a search reads
//! one line of the index and the node it looks for, and a deletion reads no nodes at all. Everything starts empty and
//! grows with what is stored.

use std::ops::{Index, IndexMut};

use crate::random::mix;

/// No slot: the end of a list.
pub(super) const NONE: u32 = u32::MAX;
/// The most nodes of a table: a slot, a distance and a bit of the hash have to fit into a cell.
pub(super) const MOST_NODES: u32 = 3 << 24;

/// What stands behind a key. `prev` and `next` are for the list it is in, `mark` is for the policy.
///
/// Two to a line of memory, and none across two.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub(super) struct Node<T> {
    pub(super) key: u64,
    pub(super) data: T,
    /// Bytes.
    pub(super) size: u32,
    /// Towards the front of its list.
    pub(super) prev: u32,
    /// Towards the back of its list.
    pub(super) next: u32,
    pub(super) mark: u32,
}

/// Nodes by key.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    /// A power of two of them; 0 is an empty one.
    cells: Vec<u32>,
    nodes: Vec<Node<T>>,
    /// Slots that are free, linked by `next`.
    free: u32,
    len: u32,
}

/// A doubly linked list of nodes, newest in front, that knows what is in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) front: u32,
    pub(super) back: u32,
    pub(super) len: u32,
    pub(super) bytes: u64,
}

/// What shares of a shelf are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Entries,
    Bytes,
}

/// Bits of a cell for the distance from its home; the greatest means "that or more".
const DISTANCE_BITS: u32 = 5;
const FAR: u32 = (1 << DISTANCE_BITS) - 1;
const DISTANCE_SHIFT: u32 = u32::BITS - DISTANCE_BITS;
/// The first index has so many cells.
const FEWEST_CELLS: usize = 8;

impl Unit {
    /// A node's size in this unit.
    pub(super) fn of(self, size: u32) -> u64 {
        match self {
            Unit::Entries => 1,
            Unit::Bytes => u64::from(size),
        }
    }
}

impl<T> Table<T> {
    pub(super) fn new() -> Table<T> {
        Table { cells: Vec::new(), nodes: Vec::new(), free: NONE, len: 0 }
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Slots that have ever been in use; each holds a node or is free.
    pub(super) fn slots(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Bytes of memory it occupies.
    pub(super) fn memory(&self) -> usize {
        self.cells.capacity() * size_of::<u32>() + self.nodes.capacity() * size_of::<Node<T>>()
    }

    /// The slot of a key.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        self.cell_of(key).map(|cell| self.slot_in(cell))
    }

    /// Puts a key that is not there, and gives it a slot that stays until `remove`.
    pub(super) fn insert(&mut self, key: u64, size: u32, data: T) -> u32 {
        if self.cells.len() * 3 <= (self.len as usize + 1) * 4 {
            self.grow();
        }
        let node = Node { key, data, size, prev: NONE, next: NONE, mark: 0 };
        let slot = if self.free == NONE {
            if self.nodes.len() == self.nodes.capacity() {
                // By an eighth rather than by doubling: the slack would be paid for every entry.
                self.nodes.reserve_exact((self.nodes.len() / 8).max(4));
            }
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        } else {
            let slot = self.free;
            self.free = self[slot].next;
            self[slot] = node;
            slot
        };
        self.len += 1;
        self.point(key, slot);
        slot
    }

    /// Takes out the node in a slot.
    pub(super) fn remove(&mut self, slot: u32) {
        let cell = self.cell_of(self[slot].key).expect("a node in use stands in the index");
        self.close_gap(cell);
        self[slot].next = self.free;
        self[slot].prev = slot;
        self.free = slot;
        self.len -= 1;
    }

    /// Whether a slot is free: then, and only then, it is its own predecessor.
    pub(super) fn is_free(&self, slot: u32) -> bool {
        self[slot].prev == slot
    }

    /// The number of bits of a slot in a cell.
    #[inline]
    fn slot_bits(&self) -> u32 {
        self.cells.len().trailing_zeros()
    }

    #[inline]
    fn slot_in(&self, cell: usize) -> u32 {
        (self.cells[cell] & (self.cells.len() as u32 - 1)) - 1
    }

    /// The home of a hash, and what a cell there says above its slot.
    #[inline]
    fn home(&self, key: u64) -> (usize, u32) {
        let hash = mix(key);
        let home = (hash >> (u64::BITS - self.slot_bits())) as usize;
        (home, (hash as u32 & (u32::MAX >> DISTANCE_BITS)) >> self.slot_bits() << self.slot_bits())
    }

    #[inline]
    fn cell_of(&self, key: u64) -> Option<usize> {
        self.search(key, |slot| self[slot].key == key)
    }

    /// The slot that a key has if it is there, and if no other key has as many bits of its hash: no node is read.
    #[inline]
    pub(super) fn likely(&self, key: u64) -> Option<u32> {
        self.search(key, |_| true).map(|cell| self.slot_in(cell))
    }

    /// What the home of a key says.
    #[inline]
    pub(super) fn read_index(&self, key: u64) -> u32 {
        if self.cells.is_empty() { 0 } else { self.cells[self.home(key).0] }
    }

    #[inline(always)]
    fn search(&self, key: u64, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        if self.cells.is_empty() {
            return None;
        }
        let (mut cell, tag) = self.home(key);
        let bits = self.slot_bits();
        let mut distance = 0;
        loop {
            let found = self.cells[cell];
            if found == 0 {
                return None;
            }
            let expected = distance << DISTANCE_SHIFT | tag;
            if (found ^ expected) >> bits == 0 && is_it(self.slot_in(cell)) {
                return Some(cell);
            }
            cell = (cell + 1) & (self.cells.len() - 1);
            distance = (distance + 1).min(FAR);
        }
    }

    /// Lets the first empty cell from the home of a key on point to a slot.
    fn point(&mut self, key: u64, slot: u32) {
        let (mut cell, tag) = self.home(key);
        let mut distance = 0;
        while self.cells[cell] != 0 {
            cell = (cell + 1) & (self.cells.len() - 1);
            distance = (distance + 1).min(FAR);
        }
        self.cells[cell] = distance << DISTANCE_SHIFT | tag | (slot + 1);
    }

    /// Empties a cell and moves back what had to stand behind it.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.cells.len() - 1;
        let mut cell = gap;
        loop {
            cell = (cell + 1) & mask;
            let found = self.cells[cell];
            if found == 0 {
                break;
            }
            let (distance, back) = (self.distance(cell), cell.wrapping_sub(gap) & mask);
            if back <= distance {
                let nearer = (distance - back).min(FAR as usize) as u32;
                self.cells[gap] = nearer << DISTANCE_SHIFT | found & (u32::MAX >> DISTANCE_BITS);
                gap = cell;
            }
        }
        self.cells[gap] = 0;
    }

    /// How far a cell in use stands behind its home.
    #[inline]
    fn distance(&self, cell: usize) -> usize {
        let known = self.cells[cell] >> DISTANCE_SHIFT;
        if known < FAR {
            return known as usize;
        }
        let (home, _) = self.home(self[self.slot_in(cell)].key);
        cell.wrapping_sub(home) & (self.cells.len() - 1)
    }

    fn grow(&mut self) {
        let cells = (2 * self.cells.len()).max(FEWEST_CELLS);
        // The old index is given back before the new one is taken.
        self.cells = Vec::new();
        self.cells = vec![0; cells];
        for slot in 0..self.slots() {
            if !self.is_free(slot) {
                self.point(self[slot].key, slot);
            }
        }
    }
}

impl<T> Index<u32> for Table<T> {
    type Output = Node<T>;

    #[inline(always)]
    fn index(&self, slot: u32) -> &Node<T> {
        &self.nodes[slot as usize]
    }
}

impl<T> IndexMut<u32> for Table<T> {
    #[inline(always)]
    fn index_mut(&mut self, slot: u32) -> &mut Node<T> {
        &mut self.nodes[slot as usize]
    }
}

impl List {
    pub(super) const fn new() -> List {
        List { front: NONE, back: NONE, len: 0, bytes: 0 }
    }

    /// What is in it, in a unit.
    #[inline]
    pub(super) fn held(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Entries => u64::from(self.len),
            Unit::Bytes => self.bytes,
        }
    }

    /// The oldest.
    #[inline]
    pub(super) fn back(&self) -> Option<u32> {
        (self.back != NONE).then_some(self.back)
    }

    #[inline]
    pub(super) fn push_front<T>(&mut self, table: &mut Table<T>, slot: u32) {
        let front = std::mem::replace(&mut self.front, slot);
        let node = &mut table[slot];
        (node.prev, node.next) = (NONE, front);
        self.len += 1;
        self.bytes += u64::from(node.size);
        match front {
            NONE => self.back = slot,
            front => table[front].prev = slot,
        }
    }

    #[inline]
    pub(super) fn unlink<T>(&mut self, table: &mut Table<T>, slot: u32) {
        let Node { prev, next, size, .. } = table[slot];
        match prev {
            NONE => self.front = next,
            prev => table[prev].next = next,
        }
        match next {
            NONE => self.back = prev,
            next => table[next].prev = prev,
        }
        self.len -= 1;
        self.bytes -= u64::from(size);
    }

    #[inline]
    pub(super) fn move_to_front<T>(&mut self, table: &mut Table<T>, slot: u32) {
        if self.front != slot {
            self.unlink(table, slot);
            self.push_front(table, slot);
        }
    }

    #[inline]
    pub(super) fn pop_back<T>(&mut self, table: &mut Table<T>) -> Option<u32> {
        let slot = self.back()?;
        self.unlink(table, slot);
        Some(slot)
    }

    /// A node in it has another size now.
    pub(super) fn resize(&mut self, before: u32, after: u32) {
        self.bytes = self.bytes - u64::from(before) + u64::from(after);
    }
}
