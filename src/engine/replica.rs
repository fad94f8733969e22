//! Replication: what a primary has written goes to its replicas, which repeat it; how far each is says who may be told.
//!
//! Each copy has a position in the log of its shard ([`Shard`]) of what was sent to it, of what it has received and of what
//! it has applied, and every promise and lag is a comparison of positions. Applying is work like any other: a program of
//! its own on the replica's cores and disk, so many at a time, begun in the order of the log; a position moves when
//! everything before it is done.

use crate::engine::election::Election;
use crate::engine::multi::Multi;
use crate::engine::shard::{Entry, Shard};
use crate::engine::split::Apart;
use crate::engine::timer::Timer;
use crate::engine::world::{Frame, Ns, RELEASE, Request, State, World, flag, gate, row};
use crate::measure::histogram::Histogram;
use crate::model::copies::Copies;
use crate::model::{Failure, Model, NONE, NONE16};
use crate::policy::replication::Mode;
use crate::random::{bits, mix, occasion};
use crate::record::CopiesTally;

/// The copies of all shards of one database.
#[derive(Debug)]
pub(super) struct Replication {
    pub(super) shards: Vec<Shard>,
    pub(super) staleness: Histogram,
    pub(super) fresh_reads: u64,
    pub(super) stale_reads: u64,
    pub(super) violations: u64,
    pub(super) lost_writes: u64,
    /// Primaries that took over.
    pub(super) switches: u64,
    /// One for each shard, where every copy takes writes.
    pub(super) multi: Vec<Multi>,
}

/// Which copy of which shard of which database an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// Index into the model's copies.
    pub(super) c: usize,
    pub(super) shard: usize,
    pub(super) copy: usize,
    /// Station of copy 0 of the shard.
    pub(super) first: u32,
}

/// Entries that are kept for copies that are down.
const KEPT: usize = 1 << 20;

/// A position travels with the term under which it means something.
const TERM: u32 = 48;

impl Replication {
    pub(super) fn new(copies: &Copies) -> Replication {
        let shard = || Shard {
            election: matches!(copies.mode, Mode::Raft { .. }).then(|| Box::new(Election::new(copies.each()))),
            ..Shard::new(copies.each())
        };
        let multi = |merge| (0..copies.shards).map(|_| Multi::new(merge, copies.each())).collect();
        Replication {
            shards: (0..copies.shards).map(|_| shard()).collect(),
            switches: 0,
            multi: if let Mode::MultiPrimary(merge) = copies.mode { multi(merge) } else { Vec::new() },
            staleness: Histogram::new(),
            fresh_reads: 0,
            stale_reads: 0,
            violations: 0,
            lost_writes: 0,
        }
    }

    pub(super) fn tally(&self, now: Ns) -> CopiesTally {
        let mut staleness = self.staleness.clone();
        staleness.add_zeros(self.fresh_reads);
        let mut convergence = Histogram::new();
        self.multi.iter().for_each(|multi| convergence.merge(&multi.convergence));
        let sum = |of: fn(&Multi) -> u64| self.multi.iter().map(of).sum::<u64>();
        let apart = self.shards.iter().fold(Apart::default(), |sum, shard| sum.plus(shard.split.apart_by(now)));
        CopiesTally {
            writes: sum(|multi| multi.writes) + apart.writes.iter().sum::<u64>(),
            conflicts: sum(|multi| multi.conflicts) + apart.conflicts,
            split_ns: apart.ns,
            split_writes: apart.writes,
            convergence: convergence.compact(),
            switches: self.switches,
            lag: self.shards.iter().flat_map(Shard::lags).collect(),
            staleness: staleness.compact(),
            reads: self.fresh_reads + self.stale_reads,
            stale_reads: self.stale_reads,
            violations: self.violations,
            lost_writes: self.lost_writes + sum(|multi| multi.overwritten),
            shards: 0,
        }
    }
}

impl Replication {
    /// A read has seen what had been overwritten for so long, or has missed what its session must see.
    pub(super) fn book(&mut self, stale: Option<Ns>, is_violation: bool) {
        self.violations += u64::from(is_violation);
        match stale {
            None => self.fresh_reads += 1,
            Some(age) => {
                self.stale_reads += 1;
                self.staleness.add(age);
            }
        }
    }
}

impl World<'_> {
    /// Which copy an instance of a database with copies is.
    pub(super) fn seat(&self, station: u32) -> Seat {
        let spec = &self.m.components[self.stations[station as usize].component as usize];
        let each = self.m.copies[spec.copies as usize].each();
        let instance = station - spec.first;
        let (shard, copy) = ((instance / each) as usize, (instance % each) as usize);
        Seat { c: spec.copies as usize, shard, copy, first: station - copy as u32 }
    }

    pub(super) fn is_up(&self, station: u32) -> bool {
        self.stations[station as usize].gate & gate::DOWN == 0
    }

    /// The log that a copy follows: its shard's, or while there are two primaries that of the older one.
    pub(super) fn shard(&self, seat: &Seat) -> &Shard {
        self.replication[seat.c].shards[seat.shard].followed_by(seat.copy)
    }

    pub(super) fn shard_mut(&mut self, seat: &Seat) -> &mut Shard {
        self.replication[seat.c].shards[seat.shard].followed_by_mut(seat.copy)
    }

    /// What tells sessions apart at this database: the key that was named, or the row itself.
    pub(super) fn session_at(&mut self, copies: &Copies, request: u32, row: u64) -> u64 {
        let key = if copies.writes_key == NONE16 { copies.reads_key } else { copies.writes_key };
        if key == NONE16 { row } else { self.key_value(key, request) }
    }

    // -- the primary ------------------------------------------------------------------------------------------------------

    /// A write is done at the primary: it goes into the log, and its caller may have to wait for replicas.
    pub(super) fn commit(&mut self, id: u32) -> u32 {
        let Frame { station, request, occasion, operation, flags, generation, .. } = self.frames[id as usize];
        if flags & flag::RESPONDED != 0 {
            return id;
        }
        let seat = self.seat(station);
        let copies = &self.m.copies[seat.c];
        if self.is_multi(seat.c) {
            self.write_here(id, &seat);
            return id;
        }
        if !self.m.residency.is_empty() {
            self.note_row(&seat, request);
        }
        let shard = self.shard(&seat);
        if shard.primary as usize != seat.copy || shard.is_fenced || self.is_leaderless(seat.c, seat.shard) {
            return self.fail(id, Failure::REFUSED);
        }
        if self.too_few(copies, &seat) {
            return self.fail(id, Failure::UNAVAILABLE);
        }
        let row = self.row_of(id);
        let session = self.session_at(copies, request, row);
        let (at, waits) = (self.now, copies.mode.waits());
        let told = if waits { Ns::MAX } else { at };
        let entry = Entry { row, session, previous: 0, at, occasion, operation, told };
        let position = self.shard_mut(&seat).append(entry);
        if waits {
            let frame = &mut self.frames[id as usize];
            frame.state = State::Replicating;
            frame.cell = copies.wait_cell;
            frame.since = self.now;
            self.shard_mut(&seat).waiting.push_back((position, id, generation));
        } else {
            self.note_told(&seat, row);
        }
        self.plan_sending(&seat);
        self.acknowledge(&seat);
        self.forget_applied(&seat);
        if waits { NONE } else { id }
    }

    /// Whether a quorum cannot be reached with the copies that are known to live.
    fn too_few(&self, copies: &Copies, seat: &Seat) -> bool {
        let least = copies.mode.least(copies.each());
        0 < least && (self.counted(seat).count() as u32) + 1 < least
    }

    /// Replicas that count: those that nobody has noticed to be dead, and that have caught up with the log.
    pub(super) fn counted(&self, seat: &Seat) -> impl Iterator<Item = usize> {
        let component = self.m.copies[seat.c].component as usize;
        let balancer = &self.groups[component].balancer;
        let shard = self.shard(seat);
        let from = seat.first - self.m.components[component].first;
        (0..shard.copies.len()).filter(move |&copy| {
            let one = &shard.copies[copy];
            let follows = copy as u32 != shard.primary && !one.is_rebuilt && one.behind <= one.applied;
            follows && balancer.eligible(from + copy as u32)
        })
    }

    /// The primary sends at once, or at its next tick.
    fn plan_sending(&mut self, seat: &Seat) {
        let copies = &self.m.copies[seat.c];
        let every = copies.ship_every.0;
        if every == 0 {
            return self.send_log(seat);
        }
        if std::mem::replace(&mut self.shard_mut(seat).is_planned, true) {
            return;
        }
        let phase = bits(self.seeded(copies.key), occasion(u64::from(seat.first))) % every;
        let ticks = self.now.saturating_sub(phase).div_ceil(every);
        let station = seat.first + seat.copy as u32;
        self.set_timer(phase + ticks * every, RELEASE, Timer::Ship { station });
    }

    pub(super) fn ship(&mut self, station: u32) {
        let seat = self.seat(station);
        if self.is_multi(seat.c) {
            return self.spread(&seat);
        }
        self.shard_mut(&seat).is_planned = false;
        self.send_log(&seat);
    }

    /// What has not been sent goes to every replica, or to the first of the chain.
    pub(super) fn send_log(&mut self, seat: &Seat) {
        let shard = self.shard(seat);
        let (primary, count) = (shard.primary as usize, shard.copies.len());
        if self.m.copies[seat.c].mode == Mode::Chain {
            return self.hand_on(seat, primary);
        }
        for copy in (0..count).filter(|&copy| copy != primary) {
            self.send_batch(seat, primary, copy);
        }
    }

    /// A copy of a chain hands on what it has.
    fn hand_on(&mut self, seat: &Seat, from: usize) {
        let is_up = |copy: usize| self.is_up(seat.first + copy as u32);
        if let Some(next) = self.shard(seat).next_in_chain(from, is_up) {
            self.send_batch(seat, from, next);
        }
    }

    /// One batch from one copy to another, if there is anything new and both are up.
    fn send_batch(&mut self, seat: &Seat, from: usize, to: usize) {
        let [source, target] = [from, to].map(|copy| seat.first + copy as u32);
        if !self.is_up(source) || !self.is_up(target) || self.is_cut([source, target], NONE) {
            return;
        }
        let whole = &self.replication[seat.c].shards[seat.shard];
        if whole.is_apart(from) != whole.is_apart(to) {
            return;
        }
        let shard = self.shard_mut(seat);
        let (last, term) = (shard.applied(from), shard.term);
        let copy = &mut shard.copies[to];
        if copy.is_rebuilt || last <= copy.sent {
            return;
        }
        let count = last - std::mem::replace(&mut copy.sent, last);
        let bytes = count as f64 * self.m.copies[seat.c].row_bytes;
        let arrives = self.carry_between(seat, [source, target], bytes, last);
        let copy = &mut self.shard_mut(seat).copies[to];
        copy.arrives = arrives.max(copy.arrives);
        let at = copy.arrives;
        self.set_timer(at, RELEASE, Timer::Received { station: target, upto: u64::from(term) << TERM | last });
    }

    /// When bytes sent now are at the other copy.
    pub(super) fn carry_between(&mut self, seat: &Seat, ends: [u32; 2], bytes: f64, number: u64) -> Ns {
        let copies = &self.m.copies[seat.c];
        self.carry_within((copies.edge, copies.key), ends, bytes, number)
    }

    /// When bytes sent now over an edge between instances of one component are at the other.
    pub(super) fn carry_within(&mut self, (edge, key): (u16, u64), ends: [u32; 2], bytes: f64, number: u64) -> Ns {
        let address = bits(self.seeded(key), mix(number ^ u64::from(ends[0]) << 48 ^ u64::from(ends[1]) << 32));
        let edge = &self.m.edges[edge as usize];
        let on_one_box = self.on_one_box(ends[0], ends[1]);
        if on_one_box && edge.local {
            return self.now;
        }
        let extra = if self.incidents.troubles.is_empty() { 0 } else { self.extra_between_copies(ends, address) };
        let [from, to] = ends.map(|end| self.m.stations[end as usize].place);
        let (link, pipe) = self.way_from_to(edge, from, to);
        let ends = if on_one_box { [NONE; 2] } else { ends };
        let at = extra + if 0.0 < bytes { self.transmit(pipe, ends, bytes) } else { self.now };
        if link == NONE16 { at } else { at + self.samplers.draw_ns(link, address) }
    }

    /// The word of a replica has come: whoever waited for it goes on.
    pub(super) fn acknowledged(&mut self, station: u32, upto: u64) {
        let seat = self.seat(station);
        let shard = self.shard_mut(&seat);
        if upto >> TERM != u64::from(shard.term) {
            return;
        }
        let copy = &mut shard.copies[seat.copy];
        copy.acknowledged = copy.acknowledged.max(upto & ((1 << TERM) - 1));
        self.acknowledge(&seat);
    }

    /// Wakes everybody whose write has come far enough.
    pub(super) fn acknowledge(&mut self, seat: &Seat) {
        if self.shard(seat).waiting.is_empty() {
            return;
        }
        let promised = self.promised(seat);
        loop {
            let shard = self.shard_mut(seat);
            let next = shard.waiting.front().copied().filter(|(position, ..)| *position <= promised);
            let Some((position, id, generation)) = next else { return };
            shard.waiting.pop_front();
            let (now, woken) = (self.now, self.wake_writer(id, generation));
            let shard = self.shard_mut(seat);
            let place = position.checked_sub(shard.base).filter(|_| woken);
            if let Some(entry) = place.and_then(|place| shard.log.get_mut(place as usize)) {
                entry.told = now;
                let row = entry.row;
                self.note_told(seat, row);
            }
        }
    }

    /// The position up to which the mode's promise is kept.
    fn promised(&mut self, seat: &Seat) -> u64 {
        let mode = self.m.copies[seat.c].mode;
        let mut ranked = std::mem::take(&mut self.shard_mut(seat).ranked);
        ranked.clear();
        let shard = self.shard(seat);
        if mode == Mode::Chain {
            // The last of the chain speaks for all; a primary alone speaks for itself.
            let tail = shard.tail(|copy| self.is_up(seat.first + copy as u32));
            let alone = tail == shard.primary as usize;
            ranked.extend((!alone).then(|| shard.copies[tail].acknowledged));
        } else {
            ranked.extend(self.counted(seat).map(|copy| shard.copies[copy].acknowledged));
        }
        let promised = mode.promised(self.m.copies[seat.c].each(), &mut ranked).unwrap_or(0);
        self.shard_mut(seat).ranked = ranked;
        promised
    }

    /// A frame that waited for replicas goes on; false if it is no longer there.
    pub(super) fn wake_writer(&mut self, id: u32, generation: u32) -> bool {
        let frame = self.frames[id as usize];
        if frame.generation != generation || frame.state != State::Replicating {
            return false;
        }
        self.attribute(id, frame.request, frame.cell, frame.since);
        let frame = &mut self.frames[id as usize];
        frame.since = self.now;
        frame.state = State::Running;
        self.ready.push(id);
        true
    }

    /// A replica whose word may have been lost says it again.
    pub(super) fn say_how_far(&mut self, seat: &Seat) {
        let mode = self.m.copies[seat.c].mode;
        let station = seat.first + seat.copy as u32;
        if !mode.waits() || self.shard(seat).primary as usize == seat.copy || !self.is_up(station) {
            return;
        }
        let copy = &self.shard(seat).copies[seat.copy];
        let position = if mode.acknowledges_receipt() { copy.received } else { copy.applied };
        self.send_word(seat, position);
    }

    // -- replicas ---------------------------------------------------------------------------------------------------------

    /// A batch has come to a replica.
    pub(super) fn received(&mut self, station: u32, upto: u64) {
        let seat = self.seat(station);
        let is_up = self.is_up(station);
        let shard = self.shard_mut(&seat);
        let copy = &mut shard.copies[seat.copy];
        if upto >> TERM != u64::from(shard.term) || !is_up || copy.is_rebuilt {
            return;
        }
        copy.received = copy.received.max(upto & ((1 << TERM) - 1));
        let received = copy.received;
        if self.m.copies[seat.c].mode.acknowledges_receipt() {
            self.send_word(&seat, received);
        }
        self.apply_more(&seat);
    }

    /// A replica tells the primary how far it is.
    fn send_word(&mut self, seat: &Seat, position: u64) {
        let (primary, term) = (self.shard(seat).primary, self.shard(seat).term);
        let station = seat.first + seat.copy as u32;
        if self.is_cut([station, seat.first + primary], NONE) {
            return;
        }
        let at = self.carry_between(seat, [station, seat.first + primary], 0.0, position);
        self.set_timer(at, RELEASE, Timer::Acknowledged { station, upto: u64::from(term) << TERM | position });
    }

    /// A replica begins to apply what it has received, so many at a time.
    pub(super) fn apply_more(&mut self, seat: &Seat) {
        let (m, station) = (self.m, seat.first + seat.copy as u32);
        if !self.is_up(station) {
            return;
        }
        loop {
            let shard = self.shard_mut(seat);
            let is_primary = shard.primary as usize == seat.copy;
            let copy = &mut shard.copies[seat.copy];
            let is_full = m.copies[seat.c].apply_workers <= copy.running;
            if is_primary || copy.is_rebuilt || is_full || copy.received <= copy.begun {
                return;
            }
            copy.begun += 1;
            copy.done.push_back(false);
            let position = copy.begun;
            let entry = *shard.entry(position).expect("the log reaches back to what a copy has not applied");
            let pc = m.operations[entry.operation as usize].replay;
            if pc == NONE16 {
                self.finish_applying(seat, position);
            } else {
                self.shard_mut(seat).copies[seat.copy].running += 1;
                self.begin_applying(station, pc, entry, position);
            }
        }
    }

    /// A frame that repeats a write; nobody waits for it, and it holds no connection.
    fn begin_applying(&mut self, station: u32, pc: u16, entry: Entry, position: u64) {
        let seat = self.seat(station);
        let (number, class) = (position, self.shard(&seat).term);
        // Each copy takes its own time.
        let occasion = mix(entry.occasion ^ (seat.copy as u64 + 1));
        let flags = row::DETACHED | row::APPLIES;
        let of = Request { occasion, number, class, flags, ..Request::detached(self.now) };
        let Entry { row: granted, operation, .. } = entry;
        self.begin_work(Frame { occasion, granted, station, pc, operation, ..Frame::begun(self.now) }, of);
    }

    /// A frame that does something at an instance for which nobody there asked, with a row of its own.
    pub(super) fn begin_work(&mut self, frame: Frame, of: Request) -> u32 {
        let request = self.new_request(of);
        let id = self.new_frame(Frame { request, flags: flag::BRANCH, ..frame });
        self.inherit(id, NONE);
        self.ready.push(id);
        id
    }

    /// The row that a frame touches which works for another copy's request.
    pub(super) fn applied_row(&self, id: u32) -> Option<u64> {
        let frame = &self.frames[id as usize];
        (self.requests[frame.request as usize].flags & (row::APPLIES | row::ANSWERS) != 0).then_some(frame.granted)
    }

    /// The last step of an applying frame.
    pub(super) fn applied(&mut self, id: u32) -> u32 {
        let frame = self.frames[id as usize];
        let seat = self.seat(frame.station);
        let Request { number: position, class: term, flags, .. } = self.requests[frame.request as usize];
        if flags & row::ANSWERS != 0 {
            self.answer(frame.station, position);
            return id;
        }
        if self.is_multi(seat.c) {
            self.merged(&seat, (term, position));
            return id;
        }
        let shard = self.shard_mut(&seat);
        let copy = &mut shard.copies[seat.copy];
        // Under another primary the copy has begun anew.
        if term != shard.term || copy.is_rebuilt {
            return id;
        }
        copy.running -= 1;
        self.finish_applying(&seat, position);
        self.apply_more(&seat);
        id
    }

    fn finish_applying(&mut self, seat: &Seat, position: u64) {
        let now = self.now;
        let shard = self.shard_mut(seat);
        let before = shard.copies[seat.copy].applied;
        shard.copies[seat.copy].done[(position - before - 1) as usize] = true;
        while shard.copies[seat.copy].done.front() == Some(&true) {
            let at = shard.entry(shard.copies[seat.copy].applied + 1).map_or(now, |entry| entry.at);
            let copy = &mut shard.copies[seat.copy];
            copy.done.pop_front();
            copy.applied += 1;
            copy.lag.add(now - at);
        }
        let applied = shard.copies[seat.copy].applied;
        if applied == before {
            return;
        }
        let mode = self.m.copies[seat.c].mode;
        if mode == Mode::Chain {
            self.hand_on(seat, seat.copy);
        }
        if mode.waits() && !mode.acknowledges_receipt() {
            self.send_word(seat, applied);
        }
        self.forget_applied(seat);
    }

    /// The log is cut behind the slowest copy; the dead do not hold it for ever.
    fn forget_applied(&mut self, seat: &Seat) {
        let shard = self.shard(seat);
        let is_long = KEPT < shard.log.len();
        let holds = |copy: usize| {
            let is_gone = is_long && !self.is_up(seat.first + copy as u32);
            copy as u32 != shard.primary && !is_gone && !shard.copies[copy].is_rebuilt
        };
        let slowest = (0..shard.copies.len()).filter(|&copy| holds(copy)).map(|copy| shard.copies[copy].applied).min();
        let until = slowest.unwrap_or_else(|| shard.last());
        self.shard_mut(seat).forget_until(until);
    }

    // -- deaths -----------------------------------------------------------------------------------------------------------

    /// Whether the instance is a copy of something.
    pub(super) fn is_copy(&self, station: u32) -> bool {
        let component = self.stations[station as usize].component;
        let copies = self.m.copies.get(self.m.components[component as usize].copies as usize);
        copies.is_some_and(|copies| 0 < copies.replicas)
    }

    /// An instance has died: what it was applying begins anew when it is back; what it had received is on its disk.
    pub(super) fn copy_died(&mut self, station: u32) {
        if !self.is_copy(station) {
            return;
        }
        let seat = self.seat(station);
        if self.is_multi(seat.c) {
            return self.writer_died(&seat);
        }
        let copy = &mut self.shard_mut(&seat).copies[seat.copy];
        (copy.running, copy.begun) = (0, copy.applied);
        copy.done.clear();
        let now = self.now;
        let shard = self.shard_mut(&seat);
        if shard.primary as usize == seat.copy {
            shard.died = now;
            self.lose_leader(&seat);
            self.time_split(&seat);
        }
        if self.m.copies[seat.c].mode == Mode::Chain {
            // Whoever stood before it in the chain hands on to whoever stood behind it.
            self.mend_chain(&seat);
        }
    }

    /// A replica is no more: should it ever come again, it copies the data first.
    pub(super) fn copy_leaves(&mut self, station: u32) {
        if self.is_copy(station) {
            self.copy_died(station);
            let seat = self.seat(station);
            self.shard_mut(&seat).copies[seat.copy].is_rebuilt = true;
        }
    }

    /// Whether the instance is the primary of a shard now.
    pub(super) fn is_primary(&self, station: u32) -> bool {
        self.is_copy(station) && {
            let seat = self.seat(station);
            self.shard(&seat).primary as usize == seat.copy
        }
    }

    pub(super) fn mend_chain(&mut self, seat: &Seat) {
        for copy in 0..self.shard(seat).copies.len() {
            let one = &mut self.shard_mut(seat).copies[copy];
            one.sent = one.received;
            self.hand_on(seat, copy);
        }
    }

    /// It has been noticed that a copy is gone or there again: promises are counted anew.
    pub(super) fn copy_noticed(&mut self, station: u32) {
        if self.is_copy(station) {
            let seat = self.seat(station);
            self.acknowledge(&seat);
            self.consider_failover(&seat);
        }
    }

    /// An instance is up again: it asks for what it has missed.
    pub(super) fn copy_returns(&mut self, station: u32) {
        if !self.is_copy(station) {
            return;
        }
        let seat = self.seat(station);
        if self.is_multi(seat.c) {
            return self.writer_returns(&seat);
        }
        if self.reunites(&seat) {
            return;
        }
        if self.is_leaderless(seat.c, seat.shard) {
            self.await_leader(&seat, self.now);
        }
        let shard = self.shard_mut(&seat);
        if shard.primary as usize != seat.copy {
            let (held, last) = (shard.base - 1, shard.last());
            let copy = &mut shard.copies[seat.copy];
            copy.behind = last;
            // What the log no longer holds it must take from the data.
            copy.is_rebuilt |= copy.applied < held;
            (copy.sent, copy.begun) = (copy.received, copy.applied);
            if copy.is_rebuilt {
                return self.begin_rebuilding(station);
            }
        }
        self.apply_more(&seat);
        self.send_log(&seat);
        if self.m.copies[seat.c].mode == Mode::Chain {
            self.mend_chain(&seat);
        }
        self.acknowledge(&seat);
    }
}

/// One for each database with shards or replicas.
pub(super) fn all(m: &Model) -> Vec<Replication> {
    m.copies.iter().map(Replication::new).collect()
}
