//! Several primaries: every copy takes writes, tells its caller at once and the other copies later.
//!
//! Each copy has a log of its own; an entry knows which copies have not applied it yet, and is forgotten when all have.
//! A write that comes to a copy which has not seen another write of the same row is in *conflict* with it: the last writer
//! wins, and what it had not seen is a lost update; or the two are merged (CRDT), and nothing is lost. *Convergence* is
//! the time from a write to its application at the last copy. What can go wrong: a copy that never comes back takes with
//! it what it had told nobody. Clocks are exact: the later write wins.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::failover::Loss;
use crate::engine::replica::Seat;
use crate::engine::timer::Timer;
use crate::engine::world::{Frame, Ns, RELEASE, Request, World, row};
use crate::measure::histogram::Histogram;
use crate::model::{Act, NONE, NONE16, Target};
use crate::policy::replication::{Merge, Mode};
use crate::random::{bits, mix, occasion};
use crate::units::Span;

/// A write by the copy that took it and its number there, from 1 on.
type Id = (u16, u64);

/// The logs of all copies of one shard.
#[derive(Debug)]
pub(super) struct Multi {
    merge: Merge,
    logs: Vec<Log>,
    /// Writes that some copy has not applied yet, by row.
    open: FxHashMap<u64, Vec<Id>>,
    /// What came to each copy and waits, and what it is applying.
    inbox: Vec<VecDeque<Id>>,
    begun: Vec<Vec<Id>>,
    pub(super) writes: u64,
    pub(super) conflicts: u64,
    /// Acknowledged writes that a later one has written over without having seen them.
    pub(super) overwritten: u64,
    pub(super) convergence: Histogram,
}

/// What one copy wrote.
#[derive(Debug)]
struct Log {
    /// Number of the first entry that is kept.
    base: u64,
    entries: VecDeque<Written>,
    /// By copy: how far it was sent, how far it has come, and when the last batch arrives.
    sent: Vec<u64>,
    received: Vec<u64>,
    arrives: Vec<Ns>,
    is_planned: bool,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    row: u64,
    session: u64,
    at: Ns,
    occasion: u64,
    operation: u16,
    /// Copies that have not applied it, as bits.
    missing: u64,
    is_overwritten: bool,
}

/// Entries that are kept for copies that are down.
const KEPT: usize = 1 << 18;

impl Log {
    fn last(&self) -> u64 {
        self.base + self.entries.len() as u64 - 1
    }
}

impl Multi {
    pub(super) fn new(merge: Merge, copies: u32) -> Multi {
        let count = copies as usize;
        let log = || Log {
            base: 1,
            entries: VecDeque::new(),
            sent: vec![0; count],
            received: vec![0; count],
            arrives: vec![0; count],
            is_planned: false,
        };
        Multi {
            merge,
            logs: (0..copies).map(|_| log()).collect(),
            open: FxHashMap::default(),
            inbox: vec![VecDeque::new(); count],
            begun: vec![Vec::new(); count],
            writes: 0,
            conflicts: 0,
            overwritten: 0,
            convergence: Histogram::new(),
        }
    }

    fn entry(&self, (origin, number): Id) -> Option<&Written> {
        let log = &self.logs[origin as usize];
        log.entries.get(number.checked_sub(log.base)? as usize)
    }

    fn entry_mut(&mut self, (origin, number): Id) -> Option<&mut Written> {
        let log = &mut self.logs[origin as usize];
        log.entries.get_mut(number.checked_sub(log.base)? as usize)
    }

    /// A copy takes a write; whether it is in conflict with one that it has not seen.
    fn write(&mut self, copy: usize, mut entry: Written) {
        let others = ((1u64 << self.logs.len()) - 1) & !(1 << copy);
        entry.missing = others;
        self.writes += 1;
        let known = self.open.get(&entry.row).cloned().unwrap_or_default();
        let mut is_conflict = false;
        for id in known {
            let is_last_writer = self.merge == Merge::Lww;
            let Some(other) = self.entry_mut(id).filter(|other| other.missing >> copy & 1 == 1) else { continue };
            is_conflict = true;
            if is_last_writer && !std::mem::replace(&mut other.is_overwritten, true) {
                self.overwritten += 1;
            }
        }
        self.conflicts += u64::from(is_conflict);
        let log = &mut self.logs[copy];
        if others == 0 {
            log.base += 1;
            return;
        }
        log.entries.push_back(entry);
        let number = log.last();
        self.open.entry(entry.row).or_default().push((copy as u16, number));
    }

    /// A copy has applied a write; how long ago that was made.
    fn apply(&mut self, copy: usize, id: Id, now: Ns) -> Option<Ns> {
        let entry = self.entry_mut(id)?;
        entry.missing &= !(1 << copy);
        let (at, row, is_everywhere) = (entry.at, entry.row, entry.missing == 0);
        if is_everywhere {
            self.convergence.add(now - at);
            self.close(row, id);
        }
        Some(now - at)
    }

    /// A write needs not be remembered any more.
    fn close(&mut self, row: u64, id: Id) {
        if let Some(open) = self.open.get_mut(&row) {
            open.retain(|other| *other != id);
            if open.is_empty() {
                self.open.remove(&row);
            }
        }
        let log = &mut self.logs[id.0 as usize];
        while log.entries.front().is_some_and(|entry| entry.missing == 0) {
            log.entries.pop_front();
            log.base += 1;
        }
    }

    /// What a read at a copy that began then misses: since when what it sees is overwritten, and whether an own write is
    /// not there yet.
    fn look(&self, copy: usize, row: u64, session: u64, began: Ns) -> (Option<Ns>, bool) {
        let entries = self.open.get(&row).into_iter().flatten().filter_map(|id| self.entry(*id));
        let is_here = |entry: &&Written| entry.missing >> copy & 1 == 0;
        let newest = entries.clone().filter(is_here).map(|entry| entry.at).max().unwrap_or(0);
        let shows = if self.merge == Merge::Lww { newest } else { 0 };
        let missed = entries.filter(|entry| !is_here(entry) && entry.at <= began && shows <= entry.at);
        let first = missed.clone().map(|entry| entry.at).min();
        (first, missed.clone().any(|entry| entry.session == session))
    }

    /// What only one copy has.
    fn held_alone(&self, copy: usize) -> Loss {
        let log = &self.logs[copy];
        let known = (0..self.logs.len()).filter(|&other| other != copy).map(|other| log.received[other]).max();
        let from = (known.unwrap_or(0) + 1).saturating_sub(log.base) as usize;
        let alone = || log.entries.iter().skip(from);
        Loss { writes: alone().count() as u64, oldest: alone().map(|entry| entry.at).min() }
    }

    /// A copy is down, and its share of the logs has become too long: it will take the whole data when it is back.
    fn give_up(&mut self, copy: usize, now: Ns) {
        for origin in 0..self.logs.len() as u16 {
            let log = &mut self.logs[origin as usize];
            let last = log.last();
            (log.sent[copy], log.received[copy]) = (last, last);
            for number in log.base..=last {
                self.apply(copy, (origin, number), now);
            }
        }
        self.inbox[copy].clear();
    }
}

impl World<'_> {
    /// Whether every copy of the database takes writes.
    pub(super) fn is_multi(&self, c: usize) -> bool {
        matches!(self.m.copies[c].mode, Mode::MultiPrimary(_))
    }

    pub(super) fn multi(&mut self, seat: &Seat) -> &mut Multi {
        &mut self.replication[seat.c].multi[seat.shard]
    }

    /// A copy takes a write and tells its caller at once.
    pub(super) fn write_here(&mut self, id: u32, seat: &Seat) {
        let Frame { request, occasion, operation, .. } = self.frames[id as usize];
        let (m, at) = (self.m, self.now);
        let row = self.row_of(id);
        let session = self.session_at(&m.copies[seat.c], request, row);
        let entry = Written { row, session, at, occasion, operation, missing: 0, is_overwritten: false };
        self.multi(seat).write(seat.copy, entry);
        if !m.residency.is_empty() {
            self.note_row(seat, request);
        }
        let every = m.copies[seat.c].ship_every.0;
        if every == 0 {
            return self.spread(seat);
        }
        if std::mem::replace(&mut self.multi(seat).logs[seat.copy].is_planned, true) {
            return;
        }
        let station = seat.first + seat.copy as u32;
        let phase = bits(self.seeded(m.copies[seat.c].key), occasion_of(station)) % every;
        let ticks = self.now.saturating_sub(phase).div_ceil(every);
        self.set_timer(phase + ticks * every, RELEASE, Timer::Ship { station });
    }

    /// What a copy has written goes to every other one that does not have it.
    pub(super) fn spread(&mut self, seat: &Seat) {
        self.multi(seat).logs[seat.copy].is_planned = false;
        let from = seat.first + seat.copy as u32;
        if !self.is_up(from) {
            return;
        }
        for copy in (0..self.shard(seat).copies.len()).filter(|&copy| copy != seat.copy) {
            let to = seat.first + copy as u32;
            let is_up = self.is_up(to) && !self.is_cut([from, to], NONE);
            let log = &mut self.multi(seat).logs[seat.copy];
            let last = log.last();
            if !is_up || last <= log.sent[copy] {
                continue;
            }
            let count = last - std::mem::replace(&mut log.sent[copy], last);
            let bytes = count as f64 * self.m.copies[seat.c].row_bytes;
            let arrives = self.carry_between(seat, [from, to], bytes, last);
            let log = &mut self.multi(seat).logs[seat.copy];
            log.arrives[copy] = arrives.max(log.arrives[copy]);
            let at = log.arrives[copy];
            self.set_timer(at, RELEASE, Timer::Spread { station: to, origin: seat.copy as u16, upto: last });
        }
        self.shorten(seat);
    }

    /// The dead do not hold the logs for ever.
    fn shorten(&mut self, seat: &Seat) {
        if self.multi(seat).logs[seat.copy].entries.len() < KEPT {
            return;
        }
        let now = self.now;
        for copy in 0..self.shard(seat).copies.len() {
            if !self.is_up(seat.first + copy as u32) {
                self.multi(seat).give_up(copy, now);
            }
        }
    }

    /// A batch of another copy has come.
    pub(super) fn spread_to(&mut self, station: u32, origin: u16, upto: u64) {
        if !self.is_up(station) {
            return;
        }
        let seat = self.seat(station);
        let multi = self.multi(&seat);
        let log = &mut multi.logs[origin as usize];
        let known = log.received[seat.copy];
        log.received[seat.copy] = known.max(upto);
        multi.inbox[seat.copy].extend((known + 1..=upto).map(|number| (origin, number)));
        self.merge_more(&seat);
    }

    /// A copy begins to apply what has come to it, so many at a time.
    pub(super) fn merge_more(&mut self, seat: &Seat) {
        let (m, station) = (self.m, seat.first + seat.copy as u32);
        while self.is_up(station) {
            let workers = m.copies[seat.c].apply_workers as usize;
            let multi = self.multi(seat);
            if workers <= multi.begun[seat.copy].len() {
                return;
            }
            let Some(id) = multi.inbox[seat.copy].pop_front() else { return };
            multi.begun[seat.copy].push(id);
            let Some(&Written { row, occasion, operation, .. }) = multi.entry(id) else {
                multi.begun[seat.copy].pop();
                continue;
            };
            let pc = m.operations[operation as usize].replay;
            if pc == NONE16 {
                self.merge_done(seat, id);
                continue;
            }
            let occasion = mix(occasion ^ (seat.copy as u64 + 1));
            let flags = row::DETACHED | row::APPLIES;
            let of = Request { occasion, number: id.1, class: id.0, flags, ..Request::detached(self.now) };
            self.begin_work(Frame { occasion, granted: row, station, pc, operation, ..Frame::begun(self.now) }, of);
        }
    }

    /// A copy has applied a write of another.
    pub(super) fn merged(&mut self, seat: &Seat, id: Id) {
        self.merge_done(seat, id);
        self.merge_more(seat);
    }

    fn merge_done(&mut self, seat: &Seat, id: Id) {
        let now = self.now;
        let multi = self.multi(seat);
        multi.begun[seat.copy].retain(|other| *other != id);
        let lag = multi.apply(seat.copy, id, now);
        if let Some(lag) = lag {
            self.shard_mut(seat).copies[seat.copy].lag.add(lag);
        }
    }

    /// What a read at a copy sees.
    pub(super) fn see_here(&mut self, id: u32, seat: &Seat, began: Ns) {
        let row = self.row_of(id);
        let request = self.frames[id as usize].request;
        let session = self.session_at(&self.m.copies[seat.c], request, row);
        let (overwritten, is_violation) = self.multi(seat).look(seat.copy, row, session, began);
        self.replication[seat.c].book(overwritten.map(|at| began - at), is_violation);
    }

    /// A copy has died: it applies anew what it was applying, and if it never comes back, what only it had is lost.
    pub(super) fn writer_died(&mut self, seat: &Seat) {
        let multi = self.multi(seat);
        for id in std::mem::take(&mut multi.begun[seat.copy]).into_iter().rev() {
            multi.inbox[seat.copy].push_front(id);
        }
        let loss = multi.held_alone(seat.copy);
        let (now, station) = (self.now, seat.first + seat.copy as u32);
        let mut is_final = false;
        for (fault, periods) in self.m.faults.iter().zip(&mut self.fault_periods) {
            let strikes = match &fault.act {
                Act::Kill(Target::Stations(stations)) => stations.contains(&station),
                Act::Kill(Target::AnyOf(parts)) => parts.iter().flatten().any(|&one| one == station),
                _ => false,
            };
            let begins = |period: &&mut crate::record::FaultPeriod| strikes && period.start.0 == now;
            let Some(period) = periods.last_mut().filter(begins) else { continue };
            if fault.lasts_draw == NONE16 {
                is_final = true;
                period.lost_writes += loss.writes;
                period.oldest_lost = period.oldest_lost.max(loss.oldest.map(|at| Span(now - at)));
            }
        }
        if is_final {
            self.replication[seat.c].lost_writes += loss.writes;
        }
    }

    /// A copy is back: it sends what it had not sent, and gets what it has missed.
    pub(super) fn writer_returns(&mut self, seat: &Seat) {
        for origin in 0..self.shard(seat).copies.len() {
            let log = &mut self.multi(seat).logs[origin];
            log.sent[seat.copy] = log.received[seat.copy];
            self.spread(&Seat { copy: origin, ..*seat });
        }
        self.merge_more(seat);
    }
}

fn occasion_of(station: u32) -> u64 {
    occasion(u64::from(station))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::below;

    /// Random writes and applications beside plain lists: each copy is the set of the writes it has seen.
    #[test]
    fn conflicts_and_stale_reads_are_those_of_plain_lists() {
        for seed in 0..60u64 {
            let merge = if seed % 2 == 0 { Merge::Lww } else { Merge::Crdt };
            let mut multi = Multi::new(merge, 3);
            // (row, session, time, copies that have it, overwritten); the id of each.
            let mut all: Vec<(u64, u64, Ns, [bool; 3], bool)> = Vec::new();
            let mut ids: Vec<Id> = Vec::new();
            let (mut conflicts, mut overwritten, mut made) = (0, 0, [0u64; 3]);
            for n in 1..400u64 {
                let dice = mix(seed << 32 | n);
                let (copy, row, session) = (below(dice, 3) as usize, (dice >> 8) % 4, (dice >> 16) % 3);
                match (dice >> 24) % 4 {
                    0 => {
                        let unseen = |w: &(u64, u64, Ns, [bool; 3], bool)| w.0 == row && !w.3[copy];
                        conflicts += u64::from(all.iter().any(unseen));
                        if merge == Merge::Lww {
                            let fresh = all.iter_mut().filter(|w| unseen(w) && !w.4);
                            overwritten += fresh.map(|w| w.4 = true).count() as u64;
                        }
                        let mut has = [false; 3];
                        has[copy] = true;
                        made[copy] += 1;
                        all.push((row, session, n, has, false));
                        ids.push((copy as u16, made[copy]));
                        let (occasion, operation, missing, is_overwritten) = (0, 0, 0, false);
                        let entry = Written { row, session, at: n, occasion, operation, missing, is_overwritten };
                        multi.write(copy, entry);
                    }
                    1 | 2 if !all.is_empty() => {
                        let which = (dice >> 32) as usize % all.len();
                        if !all[which].3[copy] {
                            all[which].3[copy] = true;
                            assert_eq!(multi.apply(copy, ids[which], n), Some(n - all[which].2));
                        }
                    }
                    _ => {
                        let everywhere = |w: &&(u64, u64, Ns, [bool; 3], bool)| w.3 == [true; 3];
                        let of_row = || all.iter().filter(|w| w.0 == row);
                        // What all have is forgotten, so it cannot tell that something older comes too late.
                        let shown = of_row().filter(|w| w.3[copy] && !everywhere(w)).map(|w| w.2).max().unwrap_or(0);
                        let shown = if merge == Merge::Lww { shown } else { 0 };
                        let missed = || of_row().filter(|w| !w.3[copy] && shown <= w.2);
                        let expected = (missed().map(|w| w.2).min(), missed().any(|w| w.1 == session));
                        assert_eq!(multi.look(copy, row, session, n), expected, "{seed} {n}");
                    }
                }
                assert_eq!((multi.conflicts, multi.overwritten), (conflicts, overwritten), "{seed} {n}");
            }
            let open: usize = multi.open.values().map(Vec::len).sum();
            assert_eq!(open, all.iter().filter(|w| w.3 != [true; 3]).count());
        }
    }
}
