//! Shards that join while a run goes on: their machines start, the rows that move are copied, then requests go there.
//!
//! The rows are copied in pieces of a second at the fault's bandwidth; each piece passes the disks and network cards of
//! the shard it leaves and of all copies of the one it goes to, so requests there feel it, and a slow disk makes the copy
//! slower. Until the last piece is there the old shards answer for all rows. What can go wrong: one of them dies
//! meanwhile; the copy waits for it. Writes to rows that have been copied already are taken along for nothing.

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World};
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

    /// A fault gives a database more shards: the machines start, then the data moves. One such change at a time.
    pub(super) fn begin_reshard(&mut self, fault: u16) {
        let m = self.m;
        let Act::Reshard { copies: c, map, .. } = &m.faults[fault as usize].act else { return };
        let c = *c as usize;
        let (copies, from) = (&m.copies[c], &self.maps[c]);
        if self.moving.iter().any(|moving| moving.copies == c) || map.shards() <= from.shards() {
            return;
        }
        let moves = from.moves_to(map);
        let each = copies.each();
        let joining = from.shards() * each..map.shards() * each;
        let bytes = moves.iter().map(|(_, _, share)| share).sum::<f64>() * copies.data_bytes;
        self.moving.push(Moving { fault, copies: c, moves, bytes, left: bytes });
        let first = m.components[copies.component as usize].first;
        for instance in joining {
            self.bring(first + instance);
        }
        self.set_timer(self.now, RELEASE, Timer::Reshard { fault });
    }

    /// The next piece of data moves; after the last one requests go to where the rows are now.
    pub(super) fn reshard_on(&mut self, fault: u16) {
        let m = self.m;
        let Some(at) = self.moving.iter().position(|moving| moving.fault == fault) else { return };
        let Fault { act: Act::Reshard { map, bytes_per_s, .. }, .. } = &m.faults[fault as usize] else { return };
        let mut moving = self.moving.swap_remove(at);
        let ready = (0..map.shards()).all(|shard| self.primary_is_open(moving.copies, shard));
        if !ready {
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
            until = until.max(self.pass_disk(source, bytes));
            for copy in 0..each {
                let target = first + to * each + copy;
                until = until.max(self.pass_disk(target, bytes));
                until = until.max(self.transmit(crate::model::NONE16, [source, target], bytes));
            }
        }
        until
    }

    /// The disk of an instance moves so many bytes; returns when that is done.
    fn pass_disk(&mut self, station: u32, bytes: f64) -> Ns {
        let now = self.now;
        match self.hosts.get_mut(self.stations[station as usize].host as usize) {
            Some(host) if 0.0 < host.disk_rate => {
                host.disk.give(now, Span::from_secs_f64(bytes / host.disk_rate).0, bytes)
            }
            _ => now,
        }
    }

    fn end_reshard(&mut self, moving: &Moving, map: &Map) {
        self.maps[moving.copies] = map.clone();
        if let Some(period) = self.fault_periods[moving.fault as usize].last_mut() {
            period.end = Some(Time(self.now));
            period.moved = Some((moving.share(), moving.bytes));
        }
        self.snapshot(Mark::FaultEnd(moving.fault));
    }
}
