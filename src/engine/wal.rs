//! The write-ahead log of a database, and its checkpoints.
//!
//! A write is answered when the log has it: the log's device writes all that have come since it began to write last in
//! one go (group commit), so a write waits for the end of what is under way, and then for its own. The pages that were
//! written are dirty until a checkpoint brings them to the disk, at once or spread over time. An instance that comes back
//! after it died redoes from the log what no checkpoint had written (ARIES: Mohan et al. 1992), a disk operation for each
//! page, before it serves. What can go wrong: a checkpoint at once fills the disk's queue, and everybody who reads waits
//! behind it; a rare one makes recovery long.

use crate::engine::buffer::PAGE;
use crate::engine::timer::Timer;
use crate::engine::world::{Host, Ns, RELEASE, World, flag, gate};
use crate::model::{NONE, NONE16};
use crate::random::{bits, mix, occasion};
use crate::units::Span;

/// The log of one instance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Log {
    /// When the device is done with what it writes, and with what it writes after that; 0: nobody waits for that.
    end: Ns,
    next: Ns,
    /// Pages that were written since the last checkpoint, and those that it has still to write.
    dirty: u64,
    due: u64,
}

impl Log {
    /// When a write that comes now is on the device, which takes so long for whatever it writes in one go.
    fn commit(&mut self, now: Ns, takes: Ns) -> Ns {
        if self.end <= now && self.next != 0 {
            (self.end, self.next) = (self.next, 0);
        }
        if self.end <= now {
            self.end = now + takes;
            return self.end;
        }
        if self.next == 0 {
            self.next = self.end + takes;
        }
        self.next
    }
}

/// Length of the pieces in which a checkpoint writes.
const PIECE: Ns = 1_000_000_000;
/// Distinguishes when checkpoints begin, and what a sync takes, from other draws.
const CHECKPOINT: u64 = 0x6368_6563_6b70;
const SYNC: u64 = 0x7379_6e63;

impl World<'_> {
    /// `Sync`: the write waits until the log has it.
    pub(super) fn sync(&mut self, id: u32, wal: u16, cell: u16) -> u32 {
        let frame = &self.frames[id as usize];
        if frame.flags & flag::RESPONDED != 0 {
            return id;
        }
        let (station, occasion) = (frame.station, frame.occasion);
        let takes = self.samplers.draw_ns(self.m.wals[wal as usize].sync_draw, mix(occasion ^ SYNC));
        let at = self.logs[station as usize].commit(self.now, takes);
        if at <= self.now {
            return id;
        }
        self.frames[id as usize].cell = cell;
        self.schedule(id, at);
        NONE
    }

    /// Pages of an instance have been written, in memory.
    pub(super) fn soil(&mut self, station: u32, pages: u32) {
        self.logs[station as usize].dirty += u64::from(pages);
    }

    /// The checkpoints of all instances begin, each at a moment of its own.
    pub(super) fn begin_checkpoints(&mut self) {
        for (s, station) in self.m.stations.iter().enumerate() {
            let component = &self.m.components[station.component as usize];
            if component.wal != NONE16 {
                let every = self.m.wals[component.wal as usize].every.0.max(1);
                let phase = bits(self.seeded(component.key ^ CHECKPOINT), occasion(s as u64)) % every;
                self.set_timer(phase, RELEASE, Timer::Checkpoint { station: s as u32, left: 0 });
            }
        }
    }

    /// A checkpoint begins, or writes the next of so many pieces.
    pub(super) fn checkpoint(&mut self, s: u32, left: u32) {
        let component = &self.m.components[self.stations[s as usize].component as usize];
        let spec = &self.m.wals[component.wal as usize];
        let log = &mut self.logs[s as usize];
        let mut left = left;
        let is_dead = self.stations[s as usize].gate & gate::DOWN != 0;
        if is_dead && left != 0 {
            return;
        }
        if is_dead {
            self.set_timer(self.now + spec.every.0, RELEASE, Timer::Checkpoint { station: s, left: 0 });
            return;
        }
        if left == 0 {
            // What a slow checkpoint has not written yet is written by the next one.
            log.due = (log.due + std::mem::take(&mut log.dirty)).min(spec.pages);
            left = spec.over.0.div_ceil(PIECE).max(1) as u32;
            if self.course.request_limit == u64::MAX || 0 < self.in_flight {
                self.set_timer(self.now + spec.every.0, RELEASE, Timer::Checkpoint { station: s, left: 0 });
            }
        }
        let log = &mut self.logs[s as usize];
        let pages = log.due.div_ceil(u64::from(left));
        log.due -= pages;
        if 1 < left && 0 < log.due {
            let gap = spec.over.0 / spec.over.0.div_ceil(PIECE).max(1);
            self.set_timer(self.now + gap, RELEASE, Timer::Checkpoint { station: s, left: left - 1 });
        }
        self.write_pages(s, pages);
    }

    fn write_pages(&mut self, s: u32, pages: u64) {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(self.stations[s as usize].host as usize) else { return };
        let takes = disk_time(host, pages);
        host.disk_ops += pages;
        host.disk.give(now, takes, pages as f64 * PAGE);
    }

    /// How long an instance that comes back is busy with its log.
    pub(super) fn recovery_time(&self, s: u32) -> Ns {
        let station = &self.stations[s as usize];
        let component = &self.m.components[station.component as usize];
        let Some(spec) = self.m.wals.get(component.wal as usize) else { return 0 };
        let log = &self.logs[s as usize];
        let pages = (log.dirty + log.due).min(spec.pages);
        self.hosts.get(station.host as usize).map_or(0, |host| disk_time(host, pages))
    }
}

/// How long the disk takes for so many pages.
fn disk_time(host: &Host, pages: u64) -> Ns {
    let by_count = if 0.0 < host.iops { pages as f64 / host.iops } else { 0.0 };
    let by_bytes = if 0.0 < host.disk_rate { pages as f64 * PAGE / host.disk_rate } else { 0.0 };
    Span::from_secs_f64(by_count.max(by_bytes)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes beside a device that is told step by step: it takes all that wait whenever it is free.
    #[test]
    fn who_comes_while_the_device_writes_goes_with_the_next() {
        for seed in 0..200u64 {
            let (mut log, mut now, mut arrivals) = (Log::default(), 0, Vec::new());
            let mut ends = Vec::new();
            for n in 0..100u64 {
                now += mix(seed << 32 | n) % 15;
                arrivals.push(now);
                ends.push(log.commit(now, 10));
            }
            let (mut at, mut free) = (0, 0);
            while at < arrivals.len() {
                let begin: u64 = arrivals[at].max(free);
                free = begin + 10;
                // Who comes at the very moment at which the device begins is too late, unless it begins for him.
                let first = at;
                while at < arrivals.len() && (at == first || arrivals[at] < begin) {
                    assert_eq!(free, ends[at], "{seed} {at}");
                    at += 1;
                }
            }
        }
    }
}
