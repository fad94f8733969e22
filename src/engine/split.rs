//! Two primaries at once: a partition cuts a primary off from those who watch it, and another takes over.
//!
//! Watchers see a primary over links only, so to them one that is out of reach is one that is dead. When a quorum of them has
//! missed it for as long as the checks take, and what promotion takes on top, a replica that reaches these watchers is the
//! primary of all who follow it. The older one knows nothing of that: with the copies that do not reach the new one it
//! goes on as a shard of its own, until it is fenced or the partition is over. Then the newer one has won: what the older
//! one took since it was cut off is lost, and its copies take the whole data anew.
//!
//! Callers who reach only one of the two go there. Whoever reaches both goes to the newer one, as soon as an address is
//! asked for again. A write to a row that the other side has written, too, is in *conflict*: neither has seen the other.
//! What can go wrong: while there are two, nobody makes a third; should the newer one die then, the older one is no
//! candidate.

use rustc_hash::FxHashMap;

use crate::engine::failover::Loss;
use crate::engine::replica::Seat;
use crate::engine::shard::Shard;
use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World, gate};
use crate::measure::histogram::Compact;
use crate::model::NONE;
use crate::model::copies::Failover;
use crate::policy::replication::Mode;
use crate::policy::watchers::Quorum;
use crate::units::{Span, Time};

/// What is known of a primary that its watchers miss though it lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Split {
    /// When it is noticed that they do; `None`: they see it.
    missed: Option<Ns>,
    /// Counts changes of that: a timer of an earlier one rings in vain.
    round: u32,
    /// The side of the older primary, while there are two.
    older: Option<Box<Older>>,
    /// Of all that are over.
    before: Apart,
}

/// The older of two primaries and those who follow it.
#[derive(Clone, Debug)]
struct Older {
    shard: Shard,
    /// By copy: it follows the older one.
    members: Vec<bool>,
    /// Rows that the newer and the older side have written, and when a caller was first told.
    touched: [FxHashMap<u64, Ns>; 2],
    /// The fault that has cut them apart, and its occurrence.
    cause: Option<(u16, usize)>,
    apart: Apart,
    /// Until when that is counted, and whether both take writes since then.
    clock: Ns,
    is_double: bool,
}

/// What two primaries at once have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Apart {
    pub(super) ns: u64,
    /// Acknowledged by the newer and the older one.
    pub(super) writes: [u64; 2],
    pub(super) conflicts: u64,
}

impl Apart {
    pub(super) fn plus(self, other: Apart) -> Apart {
        let writes = [self.writes[0] + other.writes[0], self.writes[1] + other.writes[1]];
        Apart { ns: self.ns + other.ns, writes, conflicts: self.conflicts + other.conflicts }
    }
}

impl Split {
    pub(super) fn is_open(&self) -> bool {
        self.older.is_some()
    }

    /// The log of the older primary.
    pub(super) fn older(&self) -> Option<&Shard> {
        self.older.as_deref().map(|older| &older.shard)
    }

    /// Everything up to a moment.
    pub(super) fn apart_by(&self, now: Ns) -> Apart {
        self.older.as_deref().map_or(self.before, |older| {
            let more = if older.is_double { now - older.clock } else { 0 };
            self.before.plus(Apart { ns: older.apart.ns + more, ..older.apart })
        })
    }
}

impl Older {
    /// Both took writes, or not, until now.
    fn run(&mut self, now: Ns, is_double: bool) -> Ns {
        let more = if self.is_double { now - self.clock } else { 0 };
        self.apart.ns += more;
        (self.clock, self.is_double) = (now, is_double);
        more
    }

    /// A side has told a caller that a row is written; whether the other one has written it, too.
    fn tell(&mut self, is_older: bool, row: u64, now: Ns) -> bool {
        let (own, other) = (usize::from(is_older), usize::from(!is_older));
        let is_conflict = self.touched[other].contains_key(&row);
        self.touched[own].entry(row).or_insert(now);
        self.apart.writes[own] += 1;
        self.apart.conflicts += u64::from(is_conflict);
        is_conflict
    }
}

impl Shard {
    /// Whether a copy follows the older of two primaries.
    #[inline]
    pub(super) fn is_apart(&self, copy: usize) -> bool {
        self.split.older.as_deref().is_some_and(|older| older.members[copy])
    }

    /// The log that a copy follows.
    #[inline]
    pub(super) fn followed_by(&self, copy: usize) -> &Shard {
        match self.split.older.as_deref() {
            Some(older) if older.members[copy] => &older.shard,
            _ => self,
        }
    }

    pub(super) fn followed_by_mut(&mut self, copy: usize) -> &mut Shard {
        if !self.is_apart(copy) {
            return self;
        }
        &mut self.split.older.as_deref_mut().expect("a copy that is apart follows the older one").shard
    }

    /// How far each copy was behind, whomever it followed.
    pub(super) fn lags(&self) -> impl Iterator<Item = Compact> {
        self.copies.iter().enumerate().map(|(number, copy)| {
            if !self.is_apart(number) {
                return copy.lag.compact();
            }
            let mut lag = copy.lag.clone();
            lag.merge(&self.followed_by(number).copies[number].lag);
            lag.compact()
        })
    }

    /// When the side to which a copy does not belong first acknowledged a write to the row, if it had by then.
    pub(super) fn written_apart(&self, copy: usize, row: u64, by: Ns) -> Option<Ns> {
        let older = self.split.older.as_deref()?;
        let other = usize::from(!older.members[copy]);
        older.touched[other].get(&row).copied().filter(|told| *told <= by)
    }

    /// A copy becomes the primary of all but the old one's members, who go on without them; what the new one had not
    /// received is lost to it.
    fn part(&mut self, to: usize, members: Vec<bool>, now: Ns) -> (Older, Loss) {
        let mut shard = Shard { split: Split::default(), ..self.clone() };
        for copy in &mut shard.copies {
            copy.lag = crate::measure::histogram::Histogram::new();
        }
        let behind = self.copies[to].received;
        let mut unseen = FxHashMap::default();
        let told = (behind + 1..=self.last()).filter_map(|position| self.entry(position));
        for entry in told.filter(|entry| entry.told != Ns::MAX) {
            let first = unseen.entry(entry.row).or_insert(entry.told);
            *first = entry.told.min(*first);
        }
        let loss = self.hand_over(to, now);
        self.is_planned = false;
        for (copy, _) in members.iter().enumerate().filter(|(_, follows)| **follows) {
            self.copies[copy].is_rebuilt = true;
        }
        let touched = [FxHashMap::default(), unseen];
        let older =
            Older { shard, members, touched, cause: None, apart: Apart::default(), clock: now, is_double: false };
        (older, loss)
    }
}

impl World<'_> {
    // -- who sees whom --------------------------------------------------------------------------------------------------

    /// Something has been cut or mended: watchers may miss a primary, or see it again.
    pub(super) fn watch_primaries(&mut self) {
        let m = self.m;
        for (c, copies) in m.copies.iter().enumerate() {
            let is_replaced = !matches!(copies.mode, Mode::Raft { .. } | Mode::MultiPrimary(_));
            let Some(failover) = copies.failover.as_ref().filter(|_| is_replaced) else { continue };
            for shard in 0..copies.shards as usize {
                let first = m.components[copies.component as usize].first + shard as u32 * copies.each();
                let copy = self.replication[c].shards[shard].primary as usize;
                self.watch_primary(&Seat { c, shard, copy, first }, failover);
            }
        }
    }

    fn watch_primary(&mut self, seat: &Seat, failover: &Failover) {
        let (now, primary) = (self.now, seat.first + seat.copy as u32);
        if self.shard(seat).split.is_open() {
            return;
        }
        if !self.is_up(primary) {
            // Who was too few to replace the dead may be enough now.
            return self.consider_failover(seat);
        }
        let is_missed = self.misses(seat, failover, None) >= failover.quorum.needed(self.watchers(seat, failover));
        let noticed = self.checks(primary).map_or(now, |checks| checks.removal_after(Time(now)).0);
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        let station = seat.first;
        match (shard.split.missed, is_missed) {
            (None, true) => {
                shard.split.missed = Some(noticed);
                shard.split.round += 1;
                let round = shard.split.round;
                self.set_timer(noticed, RELEASE, Timer::Missing { station, round });
                if let Some(fence) = failover.fence {
                    self.set_timer(now + fence.0, RELEASE, Timer::Fence { station, round });
                }
            }
            // Others may reach each other now who did not before.
            (Some(at), true) => {
                let round = shard.split.round;
                self.set_timer(at.max(now), RELEASE, Timer::Missing { station, round });
            }
            (Some(_), false) => {
                shard.split.missed = None;
                shard.split.round += 1;
                shard.is_fenced = false;
            }
            (None, false) => {}
        }
    }

    /// How many watch the primary of a shard.
    fn watchers(&self, seat: &Seat, failover: &Failover) -> u32 {
        if failover.watchers.is_empty() {
            self.living_replicas(seat).count() as u32
        } else {
            failover.watchers.len() as u32
        }
    }

    fn living_replicas(&self, seat: &Seat) -> impl Iterator<Item = u32> {
        let shard = &self.replication[seat.c].shards[seat.shard];
        let (first, primary, count) = (seat.first, shard.primary, shard.copies.len() as u32);
        (0..count).filter(move |&copy| copy != primary && self.is_up(first + copy)).map(move |copy| first + copy)
    }

    /// How many living watchers do not reach the primary; of those who reach a candidate, if there is one.
    fn misses(&self, seat: &Seat, failover: &Failover, candidate: Option<u32>) -> u32 {
        let primary = seat.first + self.replication[seat.c].shards[seat.shard].primary;
        let is_dead = !self.is_up(primary);
        let reach = |a: u32, b: u32| a == b || !self.is_cut([a, b], NONE);
        let misses = |watcher: &u32| {
            (is_dead || !reach(*watcher, primary)) && candidate.is_none_or(|candidate| reach(*watcher, candidate))
        };
        if failover.watchers.is_empty() {
            return self.living_replicas(seat).filter(misses).count() as u32;
        }
        failover.watchers.clone().filter(|&watcher| self.is_up(watcher)).filter(misses).count() as u32
    }

    /// Whether enough watchers miss the primary and reach a copy for that to take over; it must miss it itself.
    pub(super) fn has_quorum(&self, seat: &Seat, failover: &Failover, copy: usize) -> bool {
        let is_apart = !self.incidents.troubles.is_empty();
        if !is_apart && failover.watchers.is_empty() && failover.quorum == Quorum::Majority {
            return true;
        }
        let primary = seat.first + self.replication[seat.c].shards[seat.shard].primary;
        let candidate = seat.first + copy as u32;
        if self.is_up(primary) && !self.is_cut([candidate, primary], NONE) {
            return false;
        }
        failover.quorum.needed(self.watchers(seat, failover)) <= self.misses(seat, failover, Some(candidate))
    }

    /// Whether a primary that lives is missed and has no second one yet.
    pub(super) fn is_missed(&self, seat: &Seat) -> bool {
        let split = &self.replication[seat.c].shards[seat.shard].split;
        split.missed.is_some() && !split.is_open()
    }

    /// Its watchers have missed a primary for as long as it takes to be sure.
    pub(super) fn missing(&mut self, station: u32, round: u32) {
        let seat = self.seat(station);
        let m = self.m;
        let split = &self.replication[seat.c].shards[seat.shard].split;
        let is_late = split.round != round || split.is_open();
        if let Some(failover) = m.copies[seat.c].failover.as_ref().filter(|_| !is_late) {
            self.begin_promotion(&seat, failover);
        }
    }

    /// A primary has missed its watchers for too long: it takes no more writes.
    pub(super) fn fence(&mut self, station: u32, round: u32) {
        let seat = self.seat(station);
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        if shard.split.round != round || shard.split.missed.is_none() {
            return;
        }
        match shard.split.older.as_deref_mut() {
            Some(older) => older.shard.is_fenced = true,
            None => shard.is_fenced = true,
        }
        self.time_split(&seat);
    }

    /// The followers of an older primary get what they have missed, as far as a partition lets them.
    pub(super) fn rejoin_older(&mut self, seat: &Seat) {
        let older = self.replication[seat.c].shards[seat.shard].split.older().map(|older| older.primary);
        let Some(older) = older else { return };
        let seat = Seat { copy: older as usize, ..*seat };
        self.send_log(&seat);
        self.acknowledge(&seat);
    }

    // -- two at once ----------------------------------------------------------------------------------------------------

    /// A copy takes over from a primary that lives: those who do not reach the new one stay with the old one.
    pub(super) fn part_ways(&mut self, heir: &Seat) {
        let (now, station) = (self.now, heir.first + heir.copy as u32);
        let shard = &self.replication[heir.c].shards[heir.shard];
        let old = heir.first + shard.primary;
        let stays = |copy: usize| {
            let other = heir.first + copy as u32;
            other == old || other != station && self.is_cut([station, other], NONE)
        };
        let members = (0..shard.copies.len()).map(stays).collect();
        let cause = self.cut_by([station, old]);
        let shard = &mut self.replication[heir.c].shards[heir.shard];
        let (mut older, loss) = shard.part(heir.copy, members, now);
        older.cause = cause.map(|fault| (fault, self.fault_periods[fault as usize].len().saturating_sub(1)));
        shard.split.older = Some(Box::new(older));
        self.replication[heir.c].lost_writes += loss.writes;
        self.lose_apart(heir, loss);
        self.time_split(heir);
    }

    /// The fault that has made two primaries learns what that costs.
    fn lose_apart(&mut self, seat: &Seat, loss: Loss) {
        let older = self.replication[seat.c].shards[seat.shard].split.older.as_deref();
        let Some((fault, number)) = older.and_then(|older| older.cause) else { return };
        let Some(period) = self.fault_periods[fault as usize].get_mut(number) else { return };
        period.lost_writes += loss.writes;
        let age = loss.oldest.map(|told| Span(period.start.0.saturating_sub(told)));
        period.oldest_lost = period.oldest_lost.max(age);
    }

    /// A caller has been told that a row is written; while there are two primaries, that may be in vain.
    #[inline]
    pub(super) fn note_told(&mut self, seat: &Seat, row: u64) {
        if self.replication[seat.c].shards[seat.shard].split.is_open() {
            self.note_told_apart(seat, row);
        }
    }

    #[cold]
    fn note_told_apart(&mut self, seat: &Seat, row: u64) {
        let now = self.now;
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        let is_older = shard.is_apart(seat.copy);
        let Some(older) = shard.split.older.as_deref_mut() else { return };
        let (is_conflict, cause) = (older.tell(is_older, row, now), older.cause);
        let period = cause.and_then(|(fault, number)| self.fault_periods[fault as usize].get_mut(number));
        if let Some(period) = period {
            period.conflicts += u64::from(is_conflict);
        }
        if is_older {
            self.replication[seat.c].lost_writes += 1;
            self.lose_apart(seat, Loss { writes: 1, oldest: Some(now) });
        }
    }

    /// One of the two has died, come back or stopped: from now on both take writes, or not.
    pub(super) fn time_split(&mut self, seat: &Seat) {
        let now = self.now;
        let shard = &self.replication[seat.c].shards[seat.shard];
        let Some(older) = shard.split.older.as_deref() else { return };
        let is_open = |copy: u32| self.stations[(seat.first + copy) as usize].gate & gate::DOWN == 0;
        let is_double = is_open(shard.primary) && is_open(older.shard.primary) && !older.shard.is_fenced;
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        let Some(older) = shard.split.older.as_deref_mut() else { return };
        let (more, cause) = (older.run(now, is_double), older.cause);
        if let Some(period) = cause.and_then(|(fault, number)| self.fault_periods[fault as usize].get_mut(number)) {
            period.split = Span(period.split.0 + more);
        }
    }

    /// The run is over: what goes on has lasted until now.
    pub(super) fn close_splits(&mut self) {
        for (c, copies) in self.m.copies.iter().enumerate() {
            for shard in 0..copies.shards as usize {
                let first = self.m.components[copies.component as usize].first + shard as u32 * copies.each();
                self.time_split(&Seat { c, shard, copy: 0, first });
            }
        }
    }

    /// The primary that a caller gets to, and whether it is the older one; `believed` is whom it takes for the primary.
    pub(super) fn reached_primary(&self, seat: &Seat, caller: [u32; 2], believed: u32) -> (u32, bool) {
        let shard = &self.replication[seat.c].shards[seat.shard];
        let newer = seat.first + shard.primary;
        let Some(older) = shard.split.older().map(|older| older.primary) else { return (newer, false) };
        let [station, request] = caller;
        let is_cut = |to: u32| self.is_cut([station, to], request);
        let old = seat.first + older;
        let is_older = believed == older || is_cut(newer) && !is_cut(old);
        if is_older { (old, true) } else { (newer, false) }
    }

    /// If the two primaries of a shard live and reach each other, the newer one has won; whether that has happened.
    pub(super) fn reunites(&mut self, seat: &Seat) -> bool {
        let shard = &self.replication[seat.c].shards[seat.shard];
        let Some(older) = shard.split.older() else { return false };
        let [old, new] = [older.primary, shard.primary].map(|copy| seat.first + copy);
        if !self.is_up(old) || !self.is_up(new) || self.is_cut([old, new], NONE) {
            self.time_split(seat);
            return false;
        }
        self.fail_waiting(&Seat { copy: (old - seat.first) as usize, ..*seat });
        self.time_split(seat);
        let shard = &mut self.replication[seat.c].shards[seat.shard];
        let Some(older) = shard.split.older.take() else { return false };
        shard.split.before = shard.split.before.plus(older.apart);
        shard.split.missed = None;
        shard.split.round += 1;
        let members: Vec<usize> = (0..older.members.len()).filter(|&copy| older.members[copy]).collect();
        for &copy in &members {
            shard.copies[copy].is_rebuilt = true;
            shard.copies[copy].lag.merge(&older.shard.copies[copy].lag);
        }
        let newer = Seat { copy: (new - seat.first) as usize, ..*seat };
        self.settle_primary(&newer);
        self.acknowledge(&newer);
        for copy in members {
            self.begin_rebuilding(seat.first + copy as u32);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::shard::Entry;
    use crate::random::mix;

    /// Writes on both sides beside plain lists of them.
    #[test]
    fn conflicts_are_rows_that_both_sides_have_written() {
        for seed in 0..200u64 {
            let mut shard = Shard::new(3);
            let mut sides: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
            for n in 0..20 {
                let (row, told) = (mix(seed ^ n) % 40, if n % 3 == 0 { Ns::MAX } else { n });
                shard.append(Entry { row, session: 0, previous: 0, at: n, occasion: 0, operation: 0, told });
                if 12 <= n && told != Ns::MAX {
                    sides[1].push(row);
                }
            }
            shard.copies[2].received = 12;
            let (mut older, loss) = shard.part(2, vec![true, false, false], 20);
            assert_eq!(loss.writes, sides[1].len() as u64);
            assert_eq!((shard.last(), older.shard.last()), (12, 20), "the older one keeps what the newer one lacks");
            shard.split.older = Some(Box::new(older.clone()));
            assert_eq!([0, 1, 2].map(|copy| shard.followed_by(copy).primary), [0, 2, 2]);
            let mut expected = 0;
            for n in 20..80u64 {
                let dice = mix(seed << 32 ^ n);
                let (side, row) = ((dice >> 40 & 1) as usize, dice % 40);
                let is_conflict = sides[1 - side].contains(&row);
                expected += u64::from(is_conflict);
                sides[side].push(row);
                assert_eq!(older.tell(side == 1, row, n), is_conflict);
            }
            assert_eq!((older.apart.conflicts, older.apart.writes.iter().sum::<u64>()), (expected, 60));
        }
    }

    #[test]
    fn time_with_two_is_counted_while_both_take_writes() {
        let mut shard = Shard::new(2);
        let (older, _) = shard.part(1, vec![true, false], 100);
        shard.split.older = Some(Box::new(older));
        let older = shard.split.older.as_deref_mut().expect("it was just put there");
        assert_eq!([older.run(100, true), older.run(130, false), older.run(170, true)], [0, 30, 0]);
        assert_eq!((shard.split.apart_by(170).ns, shard.split.apart_by(175).ns), (30, 35));
    }
}
