//! What a cache keeps, and who has to leave when there is no room.
//!
//! A [`Shelf`] is the part of a cache that one node holds: entries by key, each with a size, a time at which it expires
//! and a version. It allocates nothing while it is empty and grows with what it holds. Policies follow the papers they
//! come from; where those leave something open, they do what libCacheSim does, whose hit ratios are the reference.
//!
//! Room is made before somebody comes in, so a policy never looks at the newcomer itself. What has expired is found when
//! it is asked for, or when it is its turn to leave. What can go wrong: an entry that is bigger than the shelf stays
//! outside, and then the old value of its key is gone as well, because it would be wrong.

mod arc;
mod column;
mod ghosts;
mod lfu;
mod queue;
mod random;
mod s3fifo;
mod table;
#[cfg(test)]
mod tests;
mod tinylfu;

use crate::policy::{Form, form, unknown};
use crate::random::mix;
use crate::reader::{ReadError, Term};

use arc::Arc;
use column::Column;
use lfu::Lfu;
use queue::{Clock, Fifo, Lru, Sieve};
use random::Random;
use s3fifo::S3Fifo;
use table::{List, MOST_NODES, Table, Unit};
use tinylfu::TinyLfu;

/// Who leaves a full cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// Who was not asked for the longest.
    ///
    /// ```yaml
    /// eviction: lru
    /// ```
    Lru,
    /// Who was asked for least often since it came in, among equals who has been at that count the longest.
    ///
    /// ```yaml
    /// eviction: lfu
    /// ```
    Lfu,
    /// Who has been there the longest.
    ///
    /// ```yaml
    /// eviction: fifo
    /// ```
    Fifo,
    /// Anybody, with equal probability.
    ///
    /// ```yaml
    /// eviction: random
    /// ```
    Random,
    /// Who has been there the longest and was not asked for since the hand last passed.
    ///
    /// ```yaml
    /// eviction: clock
    /// ```
    Clock,
    /// Like `clock`, but who is spared keeps its place, so newcomers are sifted fast.
    ///
    /// ```yaml
    /// eviction: sieve
    /// ```
    Sieve,
    /// A tenth is a queue of newcomers, who have to be asked for twice to get into the rest or to come back soon.
    ///
    /// ```yaml
    /// eviction: s3fifo
    /// ```
    S3Fifo,
    /// Two queues, of what was asked for once and again, whose lengths follow the load.
    ///
    /// ```yaml
    /// eviction: arc
    /// ```
    Arc,
    /// W-TinyLFU: a small window, from which only who was asked for more often than the next to leave gets into the rest.
    ///
    /// ```yaml
    /// eviction: tinylfu
    /// ```
    TinyLfu,
    /// Nobody leaves before it expires: a full cache takes nothing in.
    ///
    /// ```yaml
    /// eviction: none
    /// ```
    None,
}

/// How an eviction may be written.
pub const FORMS: &[Form] = &[
    form("lru", "lru", "Who was not asked for the longest leaves."),
    form("lfu", "lfu", "Who was asked for least often since it came in leaves."),
    form("fifo", "fifo", "Who has been there the longest leaves."),
    form("random", "random", "Anybody leaves, with equal probability."),
    form("clock", "clock", "The oldest leaves, unless it was asked for since the hand last passed."),
    form("sieve", "sieve", "Like `clock`, but who is spared keeps its place."),
    form("s3fifo", "s3fifo", "Newcomers leave a small queue early unless they are asked for again."),
    form("arc", "arc", "Two queues, of what was asked for once and again, whose lengths follow the load."),
    form("tinylfu", "tinylfu", "W-TinyLFU: who was asked for less often than the next to leave does not get in."),
    form("none", "none", "Nobody leaves before it expires; a full cache takes nothing in."),
];

impl Eviction {
    /// Reads what stands after `eviction:`.
    pub fn read(term: &Term) -> Result<Eviction, ReadError> {
        let eviction = match term.name.text.as_str() {
            "lru" => Eviction::Lru,
            "lfu" => Eviction::Lfu,
            "fifo" => Eviction::Fifo,
            "random" => Eviction::Random,
            "clock" => Eviction::Clock,
            "sieve" => Eviction::Sieve,
            "s3fifo" => Eviction::S3Fifo,
            "arc" => Eviction::Arc,
            "tinylfu" => Eviction::TinyLfu,
            "none" => Eviction::None,
            _ => return Err(unknown(term, "an eviction", FORMS)),
        };
        term.expect_bare().map(|()| eviction)
    }
}

/// What a shelf may hold; both count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `u64::MAX` is no limit. If there is one, the shares of a policy's queues are counted in bytes, else in entries.
    pub bytes: u64,
    /// `u64::MAX` is no limit, but for the 50 million that a shelf can count.
    pub entries: u64,
}

/// What a shelf keeps under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Bytes; nothing takes less than one.
    pub size: u32,
    /// Which edition of its key's value it is; as long as it is 0 for all, it takes no memory.
    pub edition: u32,
    /// The first nanosecond at which it is no longer there; `u64::MAX` is never.
    pub expires: u64,
    /// Whatever tells it from other values of its key, such as when it was written; as long as it is 0 for all, it takes no
    /// memory.
    pub version: u64,
}

/// What has left a shelf, and what never came in, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries that had to make room.
    pub evicted: u64,
    pub evicted_bytes: u64,
    /// Entries that were found too old.
    pub expired: u64,
    /// Entries that did not get in: bigger than the shelf, or nobody may leave for them.
    pub refused: u64,
}

/// The part of a cache that one node holds.
#[derive(Clone, Debug)]
pub struct Shelf {
    entries: Entries,
    versions: Column<u64>,
    editions: Column<u32>,
    policy: Policy,
    limits: Limits,
    eviction: Eviction,
    /// Addresses the draws of random replacement.
    key: u64,
    bytes: u64,
    tally: Tally,
}

/// What an entry carries besides key and size: when it expires. A node is 32 bytes then.
type Entries = Table<u64>;

/// The entry that needs room.
struct Incoming {
    size: u32,
    now: u64,
}

/// What the shares of a policy's queues are shares of.
#[derive(Clone, Copy, Debug)]
struct Shares {
    unit: Unit,
    whole: u64,
}

/// What a policy does with entries. It keeps them in lists of its own and owns their `mark`, which is 0 at first.
trait Keeper {
    /// A new key is about to come in; room will be made for it.
    fn expect(&mut self, _key: u64, _size: u32) {}

    /// An entry has come in.
    fn admit(&mut self, entries: &mut Entries, slot: u32) {
        if let Some(list) = self.list_of(entries[slot].mark) {
            list.push_front(entries, slot);
        }
    }

    /// An entry was asked for or written anew.
    fn touch(&mut self, entries: &mut Entries, slot: u32);

    /// An entry leaves, but not because it was chosen to.
    fn forget(&mut self, entries: &mut Entries, slot: u32) {
        if let Some(list) = self.list_of(entries[slot].mark) {
            list.unlink(entries, slot);
        }
    }

    /// Chooses who has to leave, and takes it out of its list.
    fn victim(&mut self, entries: &mut Entries, incoming: &Incoming) -> Option<u32>;

    /// The list that an entry with this mark is in, if it is in one.
    fn list_of(&mut self, mark: u32) -> Option<&mut List>;

    /// Bytes of memory that it needs besides the entries.
    fn memory(&self) -> usize {
        0
    }
}

/// A policy with what it remembers.
#[derive(Clone, Debug)]
enum Policy {
    Lru(Lru),
    Lfu(Lfu),
    Fifo(Fifo),
    Random(Random),
    Clock(Clock),
    Sieve(Sieve),
    // Boxes, because a cache for each of a million users has as many small shelves.
    S3Fifo(Box<S3Fifo>),
    Arc(Box<Arc>),
    TinyLfu(Box<TinyLfu>),
    Nobody(Nobody),
}

/// No eviction. A full shelf looks for expired entries at a few slots in turn, as Redis does.
#[derive(Clone, Debug)]
struct Nobody {
    hand: u32,
}

/// So many slots are looked at for one that needs room.
const SWEEP: u32 = 20;

/// Calls a method of whichever policy it is.
macro_rules! keeper {
    ($policy:expr, $keeper:ident => $call:expr) => {
        match $policy {
            Policy::Lru($keeper) => $call,
            Policy::Lfu($keeper) => $call,
            Policy::Fifo($keeper) => $call,
            Policy::Random($keeper) => $call,
            Policy::Clock($keeper) => $call,
            Policy::Sieve($keeper) => $call,
            Policy::S3Fifo($keeper) => $call,
            Policy::Arc($keeper) => $call,
            Policy::TinyLfu($keeper) => $call,
            Policy::Nobody($keeper) => $call,
        }
    };
}

impl Keeper for Nobody {
    fn touch(&mut self, _: &mut Entries, _: u32) {}

    fn victim(&mut self, entries: &mut Entries, incoming: &Incoming) -> Option<u32> {
        for _ in 0..SWEEP.min(entries.slots()) {
            let slot = self.hand % entries.slots();
            self.hand = slot + 1;
            if !entries.is_free(slot) && entries[slot].data <= incoming.now {
                return Some(slot);
            }
        }
        None
    }

    fn list_of(&mut self, _: u32) -> Option<&mut List> {
        None
    }
}

impl Policy {
    fn new(eviction: Eviction, limits: Limits, key: u64) -> Policy {
        let shares = if limits.bytes == u64::MAX {
            Shares { unit: Unit::Entries, whole: limits.entries }
        } else {
            Shares { unit: Unit::Bytes, whole: limits.bytes }
        };
        match eviction {
            Eviction::Lru => Policy::Lru(Lru::new()),
            Eviction::Lfu => Policy::Lfu(Lfu::new()),
            Eviction::Fifo => Policy::Fifo(Fifo::new()),
            Eviction::Random => Policy::Random(Random::new(key)),
            Eviction::Clock => Policy::Clock(Clock::new()),
            Eviction::Sieve => Policy::Sieve(Sieve::new()),
            Eviction::S3Fifo => Policy::S3Fifo(Box::new(S3Fifo::new(shares))),
            Eviction::Arc => Policy::Arc(Box::new(Arc::new(shares))),
            Eviction::TinyLfu => Policy::TinyLfu(Box::new(TinyLfu::new(shares))),
            Eviction::None => Policy::Nobody(Nobody { hand: 0 }),
        }
    }
}

impl Shelf {
    /// An empty shelf. `key` is a hashed value that addresses the draws of random replacement.
    pub fn new(eviction: Eviction, limits: Limits, key: u64) -> Shelf {
        let limits = Limits { entries: limits.entries.min(u64::from(MOST_NODES)), ..limits };
        Shelf {
            entries: Table::new(),
            versions: Column::new(),
            editions: Column::new(),
            policy: Policy::new(eviction, limits, key),
            limits,
            eviction,
            key,
            bytes: 0,
            tally: Tally::default(),
        }
    }

    /// Asks for a key. The policy takes notice, and an entry that has expired is taken out.
    #[inline]
    pub fn get(&mut self, key: u64, now: u64) -> Option<Entry> {
        let slot = self.entries.find(key)?;
        if self.entries[slot].data <= now {
            self.take_out(slot);
            self.let_go(slot, now);
            return None;
        }
        keeper!(&mut self.policy, keeper => keeper.touch(&mut self.entries, slot));
        Some(self.entry(slot))
    }

    /// Reads the place in the index at which the search for a key begins, so that memory has brought it when somebody does.
    #[inline]
    pub fn read_index(&self, key: u64) -> u32 {
        self.entries.read_index(key)
    }

    /// Reads the entry that a key probably has, likewise.
    #[inline]
    pub fn read_entry(&self, key: u64) -> u64 {
        self.entries.likely(key).map_or(0, |slot| self.entries[slot].key)
    }

    /// What is there under a key, without the policy taking notice.
    pub fn peek(&self, key: u64, now: u64) -> Option<Entry> {
        let slot = self.entries.find(key)?;
        (now < self.entries[slot].data).then(|| self.entry(slot))
    }

    /// Puts an entry, in place of the old one if there is one, and lets others go until it fits. Says whether it is there.
    pub fn put(&mut self, key: u64, entry: Entry, now: u64) -> bool {
        let entry = Entry { size: entry.size.max(1), ..entry };
        let too_big = self.limits.bytes < u64::from(entry.size) || self.limits.entries == 0;
        if let Some(slot) = self.entries.find(key) {
            if !too_big && now < self.entries[slot].data {
                return self.overwrite(slot, &entry, now);
            }
            self.take_out(slot);
            self.let_go(slot, now);
        }
        if too_big {
            self.tally.refused += 1;
            return false;
        }
        keeper!(&mut self.policy, keeper => keeper.expect(key, entry.size));
        let incoming = Incoming { size: entry.size, now };
        while !self.has_room(1, entry.size) {
            if self.evict(&incoming).is_none() {
                self.tally.refused += 1;
                return false;
            }
        }
        let slot = self.entries.insert(key, entry.size, entry.expires);
        self.label(slot, &entry);
        self.bytes += u64::from(entry.size);
        keeper!(&mut self.policy, keeper => keeper.admit(&mut self.entries, slot));
        true
    }

    /// Takes a key out and returns what was there, expired or not.
    pub fn remove(&mut self, key: u64) -> Option<Entry> {
        let slot = self.entries.find(key)?;
        let entry = self.entry(slot);
        self.take_out(slot);
        self.erase(slot);
        Some(entry)
    }

    /// Lets a key expire at once, and says whether it was there.
    pub fn expire_one(&mut self, key: u64) -> bool {
        let Some(slot) = self.entries.find(key) else { return false };
        self.take_out(slot);
        self.let_go(slot, u64::MAX);
        true
    }

    /// Gives an entry another time to expire, and says whether it is there; so every hit can renew a lifetime.
    pub fn renew(&mut self, key: u64, expires: u64) -> bool {
        let Some(slot) = self.entries.find(key) else { return false };
        self.entries[slot].data = expires;
        true
    }

    /// Changes the version of an entry without the policy taking notice.
    pub fn relabel(&mut self, key: u64, change: impl FnOnce(u64) -> u64) {
        if let Some(slot) = self.entries.find(key) {
            self.versions.set(slot, change(self.versions.get(slot)), self.entries.slots());
        }
    }

    /// Empties it, as if the node had just started; the tally stays.
    pub fn clear(&mut self) {
        self.entries = Table::new();
        (self.versions, self.editions) = (Column::new(), Column::new());
        self.key = mix(self.key);
        self.policy = Policy::new(self.eviction, self.limits, self.key);
        self.bytes = 0;
    }

    /// Entries on it, those that have expired unnoticed among them.
    pub fn len(&self) -> u32 {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of its entries.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Bytes of memory that the simulation spends on it.
    pub fn memory(&self) -> usize {
        let columns = self.versions.memory() + self.editions.memory();
        size_of::<Shelf>() + self.entries.memory() + columns + keeper!(&self.policy, keeper => keeper.memory())
    }

    fn entry(&self, slot: u32) -> Entry {
        let node = &self.entries[slot];
        let (edition, version) = (self.editions.get(slot), self.versions.get(slot));
        Entry { size: node.size, edition, expires: node.data, version }
    }

    #[inline]
    fn label(&mut self, slot: u32, entry: &Entry) {
        self.versions.set(slot, entry.version, self.entries.slots());
        self.editions.set(slot, entry.edition, self.entries.slots());
    }

    /// Whether so many more entries with so many bytes altogether fit.
    #[inline]
    fn has_room(&self, entries: u32, bytes: u32) -> bool {
        u64::from(self.entries.len() + entries) <= self.limits.entries
            && self.bytes + u64::from(bytes) <= self.limits.bytes
    }

    /// Lets the policy choose somebody who leaves; nobody can if it returns `None`.
    fn evict(&mut self, incoming: &Incoming) -> Option<u32> {
        let slot = keeper!(&mut self.policy, keeper => keeper.victim(&mut self.entries, incoming))?;
        self.let_go(slot, incoming.now);
        Some(slot)
    }

    fn overwrite(&mut self, slot: u32, entry: &Entry, now: u64) -> bool {
        let (mark, size) = (self.entries[slot].mark, self.entries[slot].size);
        if let Some(list) = keeper!(&mut self.policy, keeper => keeper.list_of(mark)) {
            list.resize(size, entry.size);
        }
        self.bytes = self.bytes - u64::from(size) + u64::from(entry.size);
        self.entries[slot].size = entry.size;
        self.entries[slot].data = entry.expires;
        self.label(slot, entry);
        keeper!(&mut self.policy, keeper => keeper.touch(&mut self.entries, slot));
        while !self.has_room(0, 0) {
            // It has grown, and it may be its own turn to leave.
            match self.evict(&Incoming { size: 0, now }) {
                Some(gone) if gone == slot => return false,
                Some(_) => {}
                None => {
                    self.take_out(slot);
                    self.let_go(slot, now);
                    return false;
                }
            }
        }
        true
    }

    /// Takes an entry out of its policy's hands.
    fn take_out(&mut self, slot: u32) {
        keeper!(&mut self.policy, keeper => keeper.forget(&mut self.entries, slot));
    }

    /// Counts why an entry leaves, and erases it.
    fn let_go(&mut self, slot: u32, now: u64) {
        let entry = self.entry(slot);
        if entry.expires <= now {
            self.tally.expired += 1;
        } else {
            self.tally.evicted += 1;
            self.tally.evicted_bytes += u64::from(entry.size);
        }
        self.erase(slot);
    }

    fn erase(&mut self, slot: u32) {
        self.bytes -= u64::from(self.entries[slot].size);
        self.entries.remove(slot);
    }
}
