//! The log of one shard of a database, and how far each copy is in it.
//!
//! A *position* is the number of a write, from 1 on. The log reaches back to the slowest copy; rows whose last write every
//! copy has are not remembered at all, so what is kept grows with the lag and not with the data. What a copy at some
//! position shows of a row, how stale that is, and whether a session has seen or written something newer, are questions
//! about positions.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::election::Election;
use crate::engine::split::Split;
use crate::engine::world::Ns;
use crate::measure::histogram::Histogram;

/// One shard and the log of what was written to it.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    /// Which copy is the primary.
    pub(super) primary: u32,
    /// Counts primaries: what was sent under an earlier one is void.
    pub(super) term: u16,
    pub(super) log: VecDeque<Entry>,
    /// Position of the first entry of the log.
    pub(super) base: u64,
    /// Position of the last write to each row that the log holds.
    pub(super) last_of: FxHashMap<u64, u64>,
    /// Position of the last write of each session that the log holds, to any row and to one.
    pub(super) session_writes: FxHashMap<u64, u64>,
    pub(super) own_writes: FxHashMap<(u64, u64), u64>,
    /// How new a state each session has seen of all; of one row, and when.
    pub(super) session_reads: FxHashMap<u64, u64>,
    pub(super) own_reads: FxHashMap<(u64, u64), (u64, Ns)>,
    /// Who waits for acknowledgements, by position: frame and generation.
    pub(super) waiting: VecDeque<(u64, u32, u32)>,
    pub(super) copies: Vec<Copy>,
    /// When the primary died last, whether another is about to take over, and when which primary was replaced last.
    pub(super) died: Ns,
    pub(super) is_promoting: bool,
    pub(super) switched: Option<(Ns, u32)>,
    /// The primary's next sending is planned.
    pub(super) is_planned: bool,
    /// Where copies elect their leader.
    pub(super) election: Option<Box<Election>>,
    /// Positions of the moment, to be ranked.
    pub(super) ranked: Vec<u64>,
    /// The primary takes no writes, because it has missed its watchers for too long.
    pub(super) is_fenced: bool,
    /// Whether the watchers miss a primary that lives, and what comes of it.
    pub(super) split: Split,
}

/// One write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) row: u64,
    pub(super) session: u64,
    /// Position of the write to the same row before, or 0.
    pub(super) previous: u64,
    pub(super) at: Ns,
    /// Address of what the write drew.
    pub(super) occasion: u64,
    pub(super) operation: u16,
    /// When its caller was told; `Ns::MAX` before that.
    pub(super) told: Ns,
}

/// Who looks at which row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) row: u64,
    pub(super) session: u64,
    /// Who must not see an older state later.
    pub(super) keeps: Option<u64>,
}

/// How far one copy is.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) applied: u64,
    /// What the primary knows of it.
    pub(super) acknowledged: u64,
    /// Last entry whose application was begun, how many are under way, and which of those after `applied` are done.
    pub(super) begun: u64,
    pub(super) running: u32,
    pub(super) done: VecDeque<bool>,
    /// When the last batch arrives: batches do not overtake each other.
    pub(super) arrives: Ns,
    /// It copies the whole data and follows no log meanwhile.
    pub(super) is_rebuilt: bool,
    /// After an absence it counts for promises again when it has applied so much.
    pub(super) behind: u64,
    /// From the commit of each entry to its application here.
    pub(super) lag: Histogram,
}

impl Shard {
    pub(super) fn new(copies: u32) -> Shard {
        let copy = Copy {
            sent: 0,
            received: 0,
            applied: 0,
            acknowledged: 0,
            begun: 0,
            running: 0,
            done: VecDeque::new(),
            arrives: 0,
            is_rebuilt: false,
            behind: 0,
            lag: Histogram::new(),
        };
        Shard {
            primary: 0,
            term: 0,
            log: VecDeque::new(),
            base: 1,
            last_of: FxHashMap::default(),
            session_writes: FxHashMap::default(),
            own_writes: FxHashMap::default(),
            session_reads: FxHashMap::default(),
            own_reads: FxHashMap::default(),
            waiting: VecDeque::new(),
            copies: vec![copy; copies as usize],
            died: 0,
            is_promoting: false,
            switched: None,
            is_planned: false,
            election: None,
            ranked: Vec::new(),
            is_fenced: false,
            split: Split::default(),
        }
    }

    /// Position of the last write.
    pub(super) fn last(&self) -> u64 {
        self.base + self.log.len() as u64 - 1
    }

    pub(super) fn entry(&self, position: u64) -> Option<&Entry> {
        self.log.get(position.checked_sub(self.base)? as usize)
    }

    pub(super) fn append(&mut self, entry: Entry) -> u64 {
        let position = self.last() + 1;
        let previous = self.last_of.insert(entry.row, position).unwrap_or(0);
        self.session_writes.insert(entry.session, position);
        self.own_writes.insert((entry.session, entry.row), position);
        self.log.push_back(Entry { previous, ..entry });
        position
    }

    /// The version of a row that a copy at this position shows, and since when a newer one had been acknowledged by `now`.
    pub(super) fn version(&self, row: u64, position: u64, now: Ns) -> (u64, Option<Ns>) {
        let mut version = self.last_of.get(&row).copied().unwrap_or(0);
        let mut overwritten = None;
        while position < version {
            let Some(entry) = self.entry(version) else { break };
            overwritten = Some(entry.told).filter(|told| *told <= now).or(overwritten);
            version = entry.previous;
        }
        (version, overwritten)
    }

    /// How old the oldest entry is that the copy has not applied.
    pub(super) fn lag(&self, copy: usize, now: Ns) -> Ns {
        self.entry(self.applied(copy) + 1).map_or(0, |entry| now - entry.at)
    }

    /// The state that a copy shows.
    pub(super) fn applied(&self, copy: usize) -> u64 {
        if copy as u32 == self.primary { self.last() } else { self.copies[copy].applied }
    }

    /// How new a copy must be for a session: its own last write, and the newest state it has seen.
    pub(super) fn needed(&self, writer: Option<u64>, reader: Option<u64>) -> u64 {
        let wrote = writer.and_then(|session| self.session_writes.get(&session)).copied().unwrap_or(0);
        let saw = reader.and_then(|session| self.session_reads.get(&session)).copied().unwrap_or(0);
        wrote.max(saw).min(self.last())
    }

    /// Forgets what every copy has.
    pub(super) fn forget_until(&mut self, position: u64) {
        while self.base <= position
            && let Some(entry) = self.log.pop_front()
        {
            forget(&mut self.last_of, &entry.row, self.base);
            forget(&mut self.session_writes, &entry.session, self.base);
            forget(&mut self.own_writes, &(entry.session, entry.row), self.base);
            self.base += 1;
        }
    }

    /// Books a read that saw a position: since when that had been overwritten when it began, and whether the session had
    /// seen or written something newer by then.
    pub(super) fn read(&mut self, look: &Look, position: u64, [began, now]: [Ns; 2]) -> (Option<Ns>, bool) {
        let Look { row, session, keeps } = *look;
        let (version, overwritten) = self.version(row, position, began);
        let own = self.own_writes.get(&(session, row)).copied().unwrap_or(0);
        let (seen, at) = self.own_reads.get(&(session, row)).copied().unwrap_or((0, 0));
        // What every copy has need not be remembered.
        if version < self.base {
            self.own_reads.remove(&(session, row));
        } else {
            self.own_reads.insert((session, row), (version, now));
        }
        if let Some(reader) = keeps {
            remember(&mut self.session_reads, reader, position, self.base);
        }
        let missed = position < own && self.entry(own).is_some_and(|entry| entry.told <= began);
        // What every copy has by now was seen by all.
        let back = self.base <= seen && version < seen && at <= began;
        (overwritten, missed || back)
    }

    /// The copy that a chain hands on to after this one, among those that follow the log and are up.
    pub(super) fn next_in_chain(&self, copy: usize, is_up: impl Fn(usize) -> bool) -> Option<usize> {
        let (count, primary) = (self.copies.len(), self.primary as usize);
        let place = (copy + count - primary) % count;
        let mut after = (place + 1..count).map(|place| (place + primary) % count);
        after.find(|&copy| is_up(copy) && !self.copies[copy].is_rebuilt)
    }

    /// The last of the chain; the primary where there is nobody else.
    pub(super) fn tail(&self, is_up: impl Fn(usize) -> bool) -> usize {
        let mut at = self.primary as usize;
        while let Some(next) = self.next_in_chain(at, &is_up) {
            at = next;
        }
        at
    }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut FxHashMap<K, u64>, key: &K, position: u64) {
    if map.get(key) == Some(&position) {
        map.remove(key);
    }
}

/// Remembers the newest; what every copy has need not be remembered.
fn remember<K: std::hash::Hash + Eq>(map: &mut FxHashMap<K, u64>, key: K, position: u64, base: u64) {
    if position < base {
        if map.get(&key).is_some_and(|known| *known < base) {
            map.remove(&key);
        }
        return;
    }
    let known = map.entry(key).or_insert(position);
    *known = position.max(*known);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, mix};

    fn write(row: u64, session: u64, at: Ns) -> Entry {
        Entry { row, session, previous: 0, at, occasion: 0, operation: 0, told: at }
    }

    /// Reads at random positions of a log that is cut now and then, beside a plain list of all writes.
    #[test]
    fn versions_and_staleness_are_those_of_a_plain_list() {
        let mut shard = Shard::new(3);
        let mut list: Vec<(u64, u64, Ns)> = Vec::new();
        let mut seen: FxHashMap<(u64, u64), u64> = FxHashMap::default();
        let mut floor = 0;
        for n in 0..20_000u64 {
            let dice = mix(n);
            let (row, session) = (dice % 7, (dice >> 8) % 5);
            match (dice >> 16) % 10 {
                0..4 => {
                    assert_eq!(shard.append(write(row, session, n)), list.len() as u64 + 1);
                    list.push((row, session, n));
                }
                4 => {
                    floor += u64::from(below(mix(n), 6)).min(list.len() as u64 - floor);
                    shard.forget_until(floor);
                }
                _ => {
                    let position = floor + mix(n ^ 1) % (list.len() as u64 - floor + 1);
                    let last = |until: u64, wanted: &dyn Fn(&(u64, u64, Ns)) -> bool| {
                        list[..until as usize].iter().rposition(wanted).map_or(0, |i| i as u64 + 1)
                    };
                    let version = last(position, &|w| w.0 == row);
                    let newer = list[position as usize..].iter().find(|w| w.0 == row).map(|w| w.2);
                    let own = last(list.len() as u64, &|w| w.0 == row && w.1 == session);
                    let before = seen.get(&(session, row)).copied().unwrap_or(0);
                    seen.insert((session, row), version);
                    let broken = position < own || version < before;
                    assert_eq!(
                        shard.read(&Look { row, session, keeps: None }, position, [n, n]),
                        (newer, broken),
                        "{n}"
                    );
                }
            }
        }
        assert!(shard.last_of.len() <= 7 && shard.log.len() as u64 == list.len() as u64 - floor);
    }

    #[test]
    fn what_every_copy_has_is_forgotten() {
        let mut shard = Shard::new(2);
        for n in 0..100 {
            shard.append(write(n, n, n));
        }
        shard.forget_until(100);
        assert_eq!((shard.last(), shard.log.len(), shard.last_of.len()), (100, 0, 0));
        assert_eq!((shard.session_writes.len(), shard.own_writes.len()), (0, 0));
        assert_eq!(shard.version(5, 100, 100), (0, None));
    }

    #[test]
    fn a_chain_begins_at_its_primary_and_leaves_out_the_dead() {
        let mut shard = Shard::new(3);
        shard.primary = 1;
        let order = |up: [bool; 3]| {
            let mut order = vec![1];
            while let Some(next) = shard.next_in_chain(order[order.len() - 1], |copy| up[copy]) {
                order.push(next);
            }
            assert_eq!(shard.tail(|copy| up[copy]), order[order.len() - 1]);
            order
        };
        assert_eq!(order([true; 3]), [1, 2, 0]);
        assert_eq!(order([true, true, false]), [1, 0]);
        assert_eq!(order([false, true, false]), [1]);
    }
}
