//! Shards that join and leave while a run goes on: machines of new ones start, the rows that move are copied, then requests
//! go where they are. Those of old ones finish what is in flight there and are given back.
//!
//! The rows are copied in pieces of a second at the fault's bandwidth; each piece passes the disks and network cards of
//! the shard it leaves and of all copies of the one it goes to, so requests there feel it, and a slow disk makes the copy
//! slower. Until the last piece is there the old shards answer for all rows. What can go wrong: one of them dies
//! meanwhile; the copy waits for it. Writes to rows that have been copied already are taken along for nothing.

use std::ops::Range;

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World, gate};
use crate::model::{Act, Fault};
use crate::policy::sharding::Map;
use crate::record::Mark;
use crate::units::{Span, Time};

/// Length of the pieces in which data is copied.
const PIECE: Ns = 1_000_000_000;

/// Data on its way from shard to shard of one database.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    fault: u16,
    copies: usize,
    /// From, to and share of all keys.
    moves: Vec<(u32, u32, f64)>,
    bytes: f64,
    left: f64,
}

impl Moving {
    /// Share of all keys.
    fn share(&self) -> f64 {
        self.moves.iter().map(|(_, _, share)| share).sum()
    }
}

impl World<'_> {
    /// Instances that are not there yet stand behind closed doors.
    pub(super) fn close_future_shards(&mut self) {
        for copies in &self.m.copies {
            let spec = &self.m.components[copies.component as usize];
            for instance in copies.instances_at_start()..spec.count {
                self.close_door(spec.first + instance);
            }
        }
    }

    /// A fault gives a database another number of shards: the data moves when all are there. One such change at a time.
    pub(super) fn begin_reshard(&mut self, fault: u16) {
        let m = self.m;
        let Act::Reshard { copies: c, map, .. } = &m.faults[fault as usize].act else { return };
        let c = *c as usize;
        let (copies, from) = (&m.copies[c], &self.maps[c]);
        if self.moving.iter().any(|moving| moving.copies == c) || map.shards() == from.shards() {
            return;
        }
        let moves = from.moves_to(map);
        let bytes = moves.iter().map(|(_, _, share)| share).sum::<f64>() * copies.data_bytes;
        self.moving.push(Moving { fault, copies: c, moves, bytes, left: bytes });
        self.set_timer(self.now, RELEASE, Timer::Reshard { fault });
    }

    /// The next piece of data moves; after the last one requests go to where the rows are now.
    pub(super) fn reshard_on(&mut self, fault: u16) {
        let m = self.m;
        let Some(at) = self.moving.iter().position(|moving| moving.fault == fault) else { return };
        let Fault { act: Act::Reshard { map, bytes_per_s, .. }, .. } = &m.faults[fault as usize] else { return };
        let mut moving = self.moving.swap_remove(at);
        if !self.all_have_come(moving.copies, map) {
            self.set_timer(self.now + PIECE, RELEASE, Timer::Reshard { fault });
            self.moving.push(moving);
            return;
        }
        if moving.left <= 0.0 {
            return self.end_reshard(&moving, map);
        }
        let piece = moving.left.min(bytes_per_s * PIECE as f64 * 1e-9);
        moving.left -= piece;
        let takes = Span::from_secs_f64(piece / bytes_per_s).0;
        let until = self.move_piece(&moving, piece).max(self.now + takes);
        self.set_timer(until, RELEASE, Timer::Reshard { fault });
        self.moving.push(moving);
    }

    /// Orders the machines of shards that are to join; whether all shards can be written to, the old and the new.
    fn all_have_come(&mut self, c: usize, map: &Map) -> bool {
        let here = self.maps[c].shards();
        for station in self.stations_of_shards(c, here..map.shards()) {
            if self.is_away(station) {
                self.bring(station);
            }
        }
        let mut stations = self.stations_of_shards(c, 0..map.shards());
        let none_leaves = stations.all(|station| self.stations[station as usize].gate & gate::ABSENT == 0);
        none_leaves && (0..map.shards().max(here)).all(|shard| self.primary_is_open(c, shard))
    }

    /// The instances of some shards of a database.
    fn stations_of_shards(&self, c: usize, shards: Range<u32>) -> Range<u32> {
        let copies = &self.m.copies[c];
        let (first, each) = (self.m.components[copies.component as usize].first, copies.each());
        first + shards.start * each..first + shards.end * each
    }

    /// So many bytes leave their shards and come to others; returns when the last disk and network card is done.
    fn move_piece(&mut self, moving: &Moving, piece: f64) -> Ns {
        let m = self.m;
        let copies = &m.copies[moving.copies];
        let first = m.components[copies.component as usize].first;
        let (all, each) = (moving.share(), copies.each());
        let mut until = self.now;
        for &(from, to, share) in &moving.moves {
            let bytes = piece * share / all;
            let source = first + from * each + self.replication[moving.copies].shards[from as usize].primary;
            until = until.max(self.use_disk_of(source, bytes));
            for copy in 0..each {
                let target = first + to * each + copy;
                until = until.max(self.use_disk_of(target, bytes));
                until = until.max(self.transmit(crate::model::NONE16, [source, target], bytes));
            }
        }
        until
    }

    fn end_reshard(&mut self, moving: &Moving, map: &Map) {
        let before = std::mem::replace(&mut self.maps[moving.copies], map.clone());
        for station in self.stations_of_shards(moving.copies, map.shards()..before.shards()) {
            self.take_away(station);
        }
        if let Some(period) = self.fault_periods[moving.fault as usize].last_mut() {
            period.end = Some(Time(self.now));
            period.moved = Some((moving.share(), moving.bytes));
        }
        self.snapshot(Mark::FaultEnd(moving.fault));
    }
}
