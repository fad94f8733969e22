//! Failover: what happens between the death of a primary and the day its machine follows the log again.
//!
//! The death is noticed by health checks, then a promotion takes its time, then one of the living replicas is the primary.
//! What it had not received is lost, acknowledged or not; rows go back to the version before. Callers that keep the
//! address of a primary go to the old one until they ask again. The old one, when it is back, copies the whole data at a
//! rate that its own disk and network and those of the new primary have to bear, and follows the log from then on.

use crate::engine::copies::roles;
use crate::engine::replica::Seat;
use crate::engine::shard::Shard;
use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World, gate};
use crate::model::copies::Failover;
use crate::model::{Act, NONE, Target};
use crate::policy::replication::Choose;
use crate::random::{bits, mix, occasion};
use crate::units::Span;

/// Length of the pieces in which data is copied.
const PIECE: Ns = 1_000_000_000;

/// What was lost with a primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loss {
    /// Writes whose callers had been told.
    pub(super) writes: u64,
    /// When the caller of the oldest of them was told.
    pub(super) oldest: Option<Ns>,
}

impl Shard {
    /// Everything behind a position is gone: rows are what they were before.
    pub(super) fn cut_back(&mut self, position: u64) -> Loss {
        let mut loss = Loss::default();
        while position < self.last()
            && let Some(entry) = self.log.pop_back()
        {
            let lost = self.base + self.log.len() as u64;
            if entry.told != Ns::MAX {
                loss.writes += 1;
                loss.oldest = Some(loss.oldest.map_or(entry.told, |oldest| oldest.min(entry.told)));
            }
            if entry.previous < self.base {
                self.last_of.remove(&entry.row);
            } else {
                self.last_of.insert(entry.row, entry.previous);
            }
            if self.session_writes.get(&entry.session) == Some(&lost) {
                self.session_writes.remove(&entry.session);
            }
            self.own_writes.remove(&(entry.session, entry.row));
        }
        loss
    }

    /// Another copy is the primary; the others follow it from where they are.
    pub(super) fn hand_over(&mut self, to: usize, now: Ns) -> Loss {
        let position = self.copies[to].received;
        let loss = self.cut_back(position);
        self.switched = Some((now, self.primary));
        self.copies[self.primary as usize].is_rebuilt = true;
        self.primary = to as u32;
        self.is_fenced = false;
        self.term += 1;
        self.waiting.clear();
        for copy in &mut self.copies {
            copy.received = copy.received.min(position);
            copy.applied = copy.applied.min(position);
            (copy.sent, copy.acknowledged) = (copy.received, copy.acknowledged.min(position));
            (copy.begun, copy.running) = (copy.applied, 0);
            copy.behind = copy.behind.min(position);
            copy.done.clear();
        }
        self.copies[to].applied = position;
        loss
    }
}

impl World<'_> {
    /// Somebody has noticed something about a copy: a primary that is gone is to be replaced.
    pub(super) fn consider_failover(&mut self, seat: &Seat) {
        let m = self.m;
        let copies = &m.copies[seat.c];
        let Some(failover) = &copies.failover else { return };
        let primary = seat.first + self.replication[seat.c].shards[seat.shard].primary;
        let instance = primary - m.components[copies.component as usize].first;
        let is_known_dead = !self.groups[copies.component as usize].balancer.eligible(instance);
        let leaves = self.stations[primary as usize].gate & gate::ABSENT != 0;
        if is_known_dead && !leaves {
            self.begin_promotion(seat, failover);
        }
    }

    /// Somebody takes over from a primary that is dead or out of reach, when that is prepared.
    pub(super) fn begin_promotion(&mut self, seat: &Seat, failover: &Failover) {
        let copies = &self.m.copies[seat.c];
        let shard = &self.replication[seat.c].shards[seat.shard];
        if shard.is_promoting {
            return;
        }
        let address = bits(self.seeded(copies.key), occasion(u64::from(seat.first) << 16 | u64::from(shard.term)));
        let takes = self.samplers.draw_ns(failover.promote_draw, address);
        self.replication[seat.c].shards[seat.shard].is_promoting = true;
        self.set_timer(self.now + takes, RELEASE, Timer::Promote { station: seat.first });
    }

    /// The promotion is over: a replica takes over, unless the primary is back by now.
    pub(super) fn promote(&mut self, station: u32) {
        let seat = self.seat(station);
        let now = self.now;
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        shard.is_promoting = false;
        let old = seat.first + shard.primary;
        let is_dead = self.stations[old as usize].gate & (gate::DOWN | gate::ABSENT) == gate::DOWN;
        if !is_dead && !self.is_missed(&seat) {
            return;
        }
        let Some(chosen) = self.successor(&seat) else { return };
        self.replication[seat.c].switches += 1;
        let heir = Seat { copy: chosen, ..seat };
        if !is_dead {
            self.part_ways(&heir);
            return self.settle_primary(&heir);
        }
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        let loss = shard.hand_over(chosen, now);
        self.replication[seat.c].lost_writes += loss.writes;
        let died = self.replication[seat.c].shards[seat.shard].died;
        self.note_loss(old, died, loss);
        self.time_split(&seat);
        self.settle_primary(&heir);
        // It may have come back while it was being replaced.
        self.begin_rebuilding(old);
        self.reunites(&heir);
    }

    /// Another copy is the primary: reads keep away from it where they should, and the others follow it.
    pub(super) fn settle_primary(&mut self, seat: &Seat) {
        let copies = &self.m.copies[seat.c];
        let shards = &self.replication[seat.c].shards;
        let roles = roles(copies, |shard, copy| shards[shard as usize].followed_by(copy as usize).primary == copy);
        self.groups[copies.component as usize].balancer.set_roles(&roles);
        for copy in 0..copies.each() as usize {
            self.apply_more(&Seat { copy, ..*seat });
        }
        self.send_log(seat);
    }

    /// The replica that takes over.
    fn successor(&self, seat: &Seat) -> Option<usize> {
        let copies = &self.m.copies[seat.c];
        let failover = copies.failover.as_ref()?;
        let shard = &self.replication[seat.c].shards[seat.shard];
        let living = |copy: &usize| {
            let is_up = self.stations[seat.first as usize + copy].gate & gate::DOWN == 0;
            let follows = is_up && *copy as u32 != shard.primary && !shard.copies[*copy].is_rebuilt;
            follows && self.has_quorum(seat, failover, *copy)
        };
        let place = |copy: usize| self.m.stations[seat.first as usize + copy].place;
        let dead = place(shard.primary as usize);
        let mut candidates = (0..shard.copies.len()).filter(living);
        let fresh = |copy: usize| (shard.copies[copy].received, std::cmp::Reverse(copy));
        match failover.choose {
            Choose::First => candidates.next(),
            Choose::Freshest => candidates.max_by_key(|&copy| fresh(copy)),
            Choose::Nearest => candidates.max_by_key(|&copy| (place(copy) == dead, fresh(copy))),
        }
    }

    /// The fault that killed the primary learns what that has cost.
    pub(super) fn note_loss(&mut self, old: u32, died: Ns, loss: Loss) {
        for (fault, periods) in self.m.faults.iter().zip(&mut self.fault_periods) {
            let strikes = match &fault.act {
                Act::Kill(Target::Stations(stations)) => stations.contains(&old),
                Act::Kill(Target::AnyOf(parts)) => parts.iter().flatten().any(|&station| station == old),
                _ => false,
            };
            let last = periods.last_mut().filter(|period| strikes && period.start.0 == died);
            let Some(period) = last else { continue };
            period.lost_writes += loss.writes;
            let age = loss.oldest.map(|told| Span(died.saturating_sub(told)));
            period.oldest_lost = period.oldest_lost.max(age);
        }
    }

    /// Whom a caller takes for the primary: the one that was it when the caller last asked.
    pub(super) fn believed_primary(&self, c: usize, shard: u32, caller: u64) -> u32 {
        let copies = &self.m.copies[c];
        let log = &self.replication[c].shards[shard as usize];
        let (Some((at, old)), Some(failover)) = (log.switched, &copies.failover) else { return log.primary };
        let ttl = failover.ttl.0;
        if ttl == 0 || at + ttl <= self.now {
            return log.primary;
        }
        let phase = bits(self.seeded(copies.key), mix(caller ^ TTL)) % ttl;
        let asked = self.now.saturating_sub((self.now + ttl - phase) % ttl);
        if asked < at { old } else { log.primary }
    }

    // -- rebuilding -------------------------------------------------------------------------------------------------------

    /// A copy that is up and has to begin anew copies the data of its primary.
    pub(super) fn begin_rebuilding(&mut self, station: u32) {
        let seat = self.seat(station);
        let copies = &self.m.copies[seat.c];
        let pieces = (copies.shard_bytes / copies.rebuild_bytes_per_s / (PIECE as f64 * 1e-9)).ceil() as u32;
        let shard = &self.replication[seat.c].shards[seat.shard];
        let is_due = shard.copies[seat.copy].is_rebuilt && !shard.is_apart(seat.copy);
        if is_due && self.stations[station as usize].gate & gate::DOWN == 0 {
            let epoch = self.stations[station as usize].epoch;
            self.set_timer(self.now, RELEASE, Timer::Rebuild { station, epoch, left: pieces });
        }
    }

    /// One more piece of the data is copied; after the last one the copy follows the log.
    pub(super) fn rebuild(&mut self, station: u32, epoch: u32, left: u32) {
        let seat = self.seat(station);
        if self.stations[station as usize].epoch != epoch {
            return;
        }
        let copies = &self.m.copies[seat.c];
        let source = seat.first + self.replication[seat.c].shards[seat.shard].primary;
        if left == 0 {
            return self.end_rebuilding(&seat);
        }
        if self.stations[source as usize].gate & gate::DOWN != 0 || self.is_cut([source, station], NONE) {
            // Nobody to copy from: it looks again a little later.
            self.set_timer(self.now + PIECE, RELEASE, Timer::Rebuild { station, epoch, left });
            return;
        }
        let piece = copies.rebuild_bytes_per_s * PIECE as f64 * 1e-9;
        let ends = [source, station].map(|station| self.use_disk_of(station, piece));
        let sent = self.carry_between(&seat, [source, station], piece, u64::from(left));
        let at = (self.now + PIECE).max(sent).max(ends[0]).max(ends[1]);
        self.set_timer(at, RELEASE, Timer::Rebuild { station, epoch, left: left - 1 });
    }

    /// The disk of an instance moves so many bytes; returns when that is done.
    pub(super) fn use_disk_of(&mut self, station: u32, bytes: f64) -> Ns {
        let host = self.stations[station as usize].host;
        match self.hosts.get_mut(host as usize) {
            Some(host) if 0.0 < host.disk_rate => {
                let work = Span::from_secs_f64(bytes / host.disk_rate).0;
                host.disk.give(self.now, work, bytes)
            }
            _ => self.now,
        }
    }

    fn end_rebuilding(&mut self, seat: &Seat) {
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        let last = shard.last();
        let copy = &mut shard.copies[seat.copy];
        copy.is_rebuilt = false;
        (copy.received, copy.applied, copy.sent, copy.begun) = (last, last, last, last);
        copy.acknowledged = last;
        self.copy_returns(seat.first + seat.copy as u32);
    }
}

/// Distinguishes when callers ask from what is drawn between copies.
const TTL: u64 = 0x0074_746c;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::shard::Entry;
    use crate::random::below;

    /// Random writes, receipts and deaths beside plain vectors: each copy is the list of the writes it has.
    #[test]
    fn what_is_lost_is_what_the_new_primary_had_not_received() {
        for seed in 0..300u64 {
            let mut shard = Shard::new(3);
            let mut held: Vec<Vec<(u64, u64, bool)>> = vec![Vec::new(); 3];
            let mut lost = 0;
            for n in 0..200u64 {
                let dice = mix(seed << 32 | n);
                let primary = shard.primary as usize;
                match dice % 16 {
                    0..8 => {
                        let (row, is_told) = ((dice >> 8) % 5, dice >> 40 & 1 == 1);
                        let told = if is_told { n } else { Ns::MAX };
                        let (at, session, previous) = (n, row, 0);
                        shard.append(Entry { row, session, previous, at, occasion: 0, operation: 0, told });
                        held[primary].push((row, n, is_told));
                    }
                    8..15 => {
                        let to = (dice >> 8) as usize % 3;
                        if to != primary && !shard.copies[to].is_rebuilt {
                            let more = u64::from(below(dice, 4)) + shard.copies[to].received;
                            let upto = more.min(shard.last());
                            shard.copies[to].received = upto;
                            held[to] = held[primary][..upto as usize].to_vec();
                        }
                    }
                    _ => {
                        let living = (0..3).filter(|&copy| copy != primary && !shard.copies[copy].is_rebuilt);
                        let Some(next) = living.max_by_key(|&copy| held[copy].len()) else { continue };
                        let loss = shard.hand_over(next, n);
                        let gone = &held[primary][held[next].len()..];
                        let told: Vec<u64> = gone.iter().filter(|w| w.2).map(|w| w.1).collect();
                        assert_eq!(loss, Loss { writes: told.len() as u64, oldest: told.first().copied() });
                        lost += loss.writes;
                        // The old one comes back with nothing, the other follows from where it is.
                        let kept = held[next].len();
                        held[primary].clear();
                        for copy in &mut held {
                            copy.truncate(kept);
                        }
                        shard.copies[primary].is_rebuilt = false;
                        shard.copies[primary].received = 0;
                    }
                }
                assert_eq!(shard.last(), held[shard.primary as usize].len() as u64);
                for row in 0..5 {
                    let last = held[shard.primary as usize].iter().rposition(|w| w.0 == row);
                    assert_eq!(shard.version(row, u64::MAX, n).0, last.map_or(0, |i| i as u64 + 1), "{seed} {n} {row}");
                }
            }
            assert!(0 < lost || seed != 0, "the first run loses something");
        }
    }
}
