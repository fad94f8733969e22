//! What instances share: cores by processor sharing or first come first served, the disk, the memory of pages.
//!
//! Processor sharing runs in virtual time: with n jobs on c cores each has received `dt x min(1, c / n)`, so the job with
//! the least virtual end leaves first and arrivals change nobody's end. Kept in units of ns / 256.

use crate::engine::world::{Fluid, Host, Ns, RELEASE, State, World};
use crate::model::{NONE, NONE16};
use crate::random::{bits, mix, unit};
use crate::record::{HostTally, PipeTally};
use crate::units::Span;

use super::world::HOST;

impl World<'_> {
    /// The frame wants a core for so many ns.
    #[inline(always)]
    pub(super) fn submit(&mut self, id: u32, demand: u64) {
        let station = self.frames[id as usize].station;
        let host = if station == NONE { NONE } else { self.stations[station as usize].host };
        if host == NONE {
            return self.schedule(id, self.now + demand);
        }
        self.frames[id as usize].state = State::OnCore;
        let h = &mut self.hosts[host as usize];
        if !h.sharing {
            return self.submit_fcfs(host, id, demand);
        }
        h.age(self.now);
        let end = h.served + (demand << 8);
        let mut i = h.jobs.len();
        h.jobs.push((end, id));
        while i > 0 && h.jobs[i - 1].0 <= end {
            h.jobs[i] = h.jobs[i - 1];
            i -= 1;
        }
        h.jobs[i] = (end, id);
        // Who does not end first and takes nothing from the others changes nothing.
        if i + 1 == h.jobs.len() || h.cores < h.jobs.len() as u32 {
            self.touch(host);
        }
    }

    fn submit_fcfs(&mut self, host: u32, id: u32, demand: u64) {
        let h = &mut self.hosts[host as usize];
        if h.pods.is_some() {
            return self.submit_to_pod(host, id, demand);
        }
        if h.free == 0 || h.paused {
            h.line.push_back((demand, id));
            return;
        }
        h.take_core(self.now);
        self.run_on_core(id, demand);
    }

    fn run_on_core(&mut self, id: u32, demand: u64) {
        let slot = self.calendar.push(self.now + demand, RELEASE, id);
        self.frames[id as usize].link = slot;
    }

    /// FCFS: a core is free again and takes the next in line.
    pub(super) fn give_core_back(&mut self, id: u32) {
        let station = self.frames[id as usize].station;
        let host = self.stations[station as usize].host;
        self.hosts[host as usize].give_core(self.now);
        self.serve_core_line(host);
    }

    pub(super) fn serve_core_line(&mut self, host: u32) {
        let h = &mut self.hosts[host as usize];
        while h.free > 0 && !h.paused {
            let Some((demand, id)) = h.line.pop_front() else { return };
            h.take_core(self.now);
            let slot = self.calendar.push(self.now + demand, RELEASE, id);
            self.frames[id as usize].link = slot;
        }
    }

    /// The frame stops working; true if the calendar still holds its number.
    pub(super) fn leave_core(&mut self, id: u32) -> bool {
        let host = self.stations[self.frames[id as usize].station as usize].host;
        let h = &mut self.hosts[host as usize];
        if h.sharing {
            h.age(self.now);
            h.jobs.retain(|&(_, f)| f != id);
            self.touch(host);
            return false;
        }
        if h.pods.is_some() {
            self.leave_pod(host, id);
            return false;
        }
        if let Some(i) = h.line.iter().position(|&(_, f)| f == id) {
            h.line.remove(i);
            return false;
        }
        self.give_core_back(id);
        true
    }

    /// The host plans its next completion at the end of this instant.
    #[inline(always)]
    pub(super) fn touch(&mut self, host: u32) {
        let h = &mut self.hosts[host as usize];
        if !h.dirty {
            h.dirty = true;
            self.dirty.push(host);
        }
    }

    /// A host's next completion: the job with the least virtual end.
    pub(super) fn core_done(&mut self, host: u32) -> u32 {
        let h = &mut self.hosts[host as usize];
        h.age(self.now);
        let (end, id) = h.jobs.pop().expect("a host in the calendar has a job");
        // The last fraction of a nanosecond.
        h.served = h.served.max(end);
        self.touch(host);
        self.worked(id)
    }

    /// A frame has had its core time; returns who runs next.
    #[inline(always)]
    pub(super) fn worked(&mut self, id: u32) -> u32 {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        let (request, cell, since) = (frame.request, frame.cell, frame.since);
        frame.since = now;
        frame.state = State::Running;
        self.attribute(id, request, cell, since);
        if self.paused != 0 { self.park_if_paused(id) } else { id }
    }

    /// Once per instant and host, however many jobs came and went.
    #[inline(always)]
    pub(super) fn replan(&mut self, host: u32) {
        let h = &mut self.hosts[host as usize];
        h.dirty = false;
        let slot = h.slot;
        match h.next_end() {
            Some(after) => {
                let order = self.calendar.order(RELEASE);
                self.calendar.reset(slot, self.now + after, order, HOST | host);
            }
            None => self.calendar.clear(slot),
        }
    }

    // -- disk -----------------------------------------------------------------------------------------------------------

    /// Disk operations of one step; without a disk they take no time.
    pub(super) fn disk_io(&mut self, id: u32, io: u16, cell: u16) -> u32 {
        let spec = self.m.ios[io as usize];
        let occasion = self.frames[id as usize].occasion;
        let at = mix(occasion ^ spec.key);
        let reads = if spec.reads == NONE16 { 0 } else { self.whole(spec.reads, at) };
        let writes = if spec.writes == NONE16 { 0 } else { self.whole(spec.writes, mix(at)) };
        let each = if spec.bytes == NONE16 { 0.0 } else { self.samplers.draw(spec.bytes, occasion) };
        if spec.logged {
            self.soil(self.frames[id as usize].station, writes);
            return self.use_disk(id, reads, each, cell);
        }
        self.use_disk(id, reads + writes, each, cell)
    }

    /// So many operations of so many bytes each.
    pub(super) fn use_disk(&mut self, id: u32, operations: u32, each: f64, cell: u16) -> u32 {
        let station = self.frames[id as usize].station;
        let host = if station == NONE { NONE } else { self.stations[station as usize].host };
        if host == NONE || operations == 0 {
            return id;
        }
        let scale = self.stations[station as usize].scale;
        let h = &mut self.hosts[host as usize];
        let bytes = each * f64::from(operations);
        let by_count = if h.iops > 0.0 { f64::from(operations) / h.iops } else { 0.0 };
        let by_bytes = if h.disk_rate > 0.0 { bytes / h.disk_rate } else { 0.0 };
        h.disk_ops += u64::from(operations);
        let slower = if scale > 1.0 { scale } else { 1.0 };
        let end = h.disk.give(self.now, Span::from_secs_f64(by_count.max(by_bytes) * slower).0, bytes);
        if end <= self.now {
            return id;
        }
        self.frames[id as usize].cell = cell;
        self.schedule(id, end);
        NONE
    }

    /// Pages touched by one step: those that miss the buffer pool are read from disk.
    pub(super) fn touch_pages(&mut self, id: u32, pages: u16, cell: u16) -> u32 {
        let misses = self.look_at_pages(id, pages);
        self.use_disk(id, misses, crate::engine::buffer::PAGE, cell)
    }

    /// How many of the pages have to be read from disk; they are in the pool afterwards.
    pub(super) fn look_at_pages(&mut self, id: u32, pages: u16) -> u32 {
        let spec = self.m.page_uses[pages as usize];
        let frame = self.frames[id as usize];
        let occasion = mix(frame.occasion ^ spec.key);
        let count = self.whole(spec.count, occasion);
        let component = self.m.operations[frame.operation as usize].component;
        let Some(buffer) = &self.m.components[component as usize].buffer else {
            return count;
        };
        let given = if self.extended { self.calls[id as usize].given_key } else { NONE16 };
        let key = if given != NONE16 {
            given
        } else if spec.row_key != NONE16 {
            spec.row_key
        } else {
            buffer.key
        };
        let copies = self.m.components[component as usize].copies;
        let row = if copies != NONE16 {
            let row = self.row_of(id);
            self.maps[copies as usize].row_within(row, self.m.copies[copies as usize].rows)
        } else if key == NONE16 {
            (unit(bits(spec.key, frame.occasion)) * buffer.rows) as u64
        } else {
            self.key_value(key, frame.request)
        };
        let pool = self.buffers[frame.station as usize].as_mut().expect("instances of a database with a pool have one");
        let misses = pool.touch_row(row, count);
        let group = &mut self.groups[component as usize];
        group.page_misses += u64::from(misses);
        group.page_hits += u64::from(count - misses);
        misses
    }

    /// A draw of a count: the fraction is a probability.
    pub(super) fn whole(&self, draw: u16, occasion: u64) -> u32 {
        let x = self.samplers.draw(draw, occasion);
        let whole = x as u32;
        let part = x - f64::from(whole);
        whole + u32::from(0.0 < part && unit(mix(occasion ^ ROUNDING)) < part)
    }

    pub(super) fn host_tally(&self, host: usize) -> HostTally {
        let h = &self.hosts[host];
        let memory = h.stations.iter().map(|&s| self.station_tally(s as usize).memory_byte_ns).sum();
        HostTally {
            core_ns: h.core_ns_by(self.now),
            disk_ns: h.disk.busy_by(self.now),
            nic_ns: h.nic.busy_by(self.now),
            disk_ops: h.disk_ops,
            disk_bytes: h.disk.bytes as u64,
            nic_bytes: h.nic.bytes as u64,
            memory_byte_ns: memory,
            there_ns: u128::from(self.host_there_ns(host)),
        }
    }
}

/// Distinguishes the rounding of a count from the count.
const ROUNDING: u64 = 0x726f_756e_6469_6e67;

impl Fluid {
    /// Gives it work of so many ns no earlier than `at`; returns when that is done.
    pub(super) fn give(&mut self, at: Ns, work: Ns, bytes: f64) -> Ns {
        self.run = if self.free_at < at { work } else { self.run + work };
        self.free_at = self.free_at.max(at) + work;
        self.busy += u128::from(work);
        self.bytes += bytes;
        self.free_at
    }

    pub(super) fn tally(&self, now: Ns) -> PipeTally {
        PipeTally { bytes: self.bytes as u64, busy_ns: self.busy_by(now) }
    }

    /// Work done by `now` (what was given but lies in the future is not).
    pub(super) fn busy_by(&self, now: Ns) -> u128 {
        self.busy - u128::from(self.free_at.saturating_sub(now).min(self.run))
    }
}

impl Host {
    /// Brings virtual service and busy time up to now.
    #[inline(always)]
    pub(super) fn age(&mut self, now: u64) {
        let dt = now - self.last;
        self.last = now;
        let (n, c) = (self.jobs.len() as u64, u64::from(self.cores));
        if self.paused || n == 0 {
            return;
        }
        if n <= c {
            self.served += dt << 8;
            self.core_ns += u128::from(dt * n);
        } else {
            self.served += scaled(dt, c << 8, n);
            self.core_ns += u128::from(dt * c);
        }
    }

    /// Virtual service up to now, before the cores stop.
    pub(super) fn age_served(&mut self, now: u64) {
        let (n, c) = (self.jobs.len() as u64, u64::from(self.cores));
        let dt = now - self.last;
        self.served += if n <= c { dt << 8 } else { scaled(dt, c << 8, n) };
    }

    /// Time until the next job is done, if nothing changes.
    #[inline(always)]
    fn next_end(&self) -> Option<u64> {
        let &(end, _) = self.jobs.last()?;
        if self.paused {
            return None;
        }
        let (n, c) = (self.jobs.len() as u64, u64::from(self.cores));
        let left = end.saturating_sub(self.served);
        Some(if n <= c { (left + 255) >> 8 } else { scaled_up(left, n, c << 8) })
    }

    fn take_core(&mut self, now: u64) {
        self.core_ns = self.core_ns_by(now);
        self.last = now;
        self.free -= 1;
    }

    fn give_core(&mut self, now: u64) {
        self.core_ns = self.core_ns_by(now);
        self.last = now;
        self.free += 1;
    }

    /// Cores busy x ns up to now.
    pub(super) fn core_ns_by(&self, now: u64) -> u128 {
        if let Some(pods) = &self.pods {
            return pods.busy_by(now);
        }
        let dt = u128::from(now - self.last);
        let (n, c) = (self.jobs.len() as u128, u128::from(self.cores));
        let busy = if !self.sharing {
            c - u128::from(self.free)
        } else if self.paused {
            0
        } else {
            n.min(c)
        };
        self.core_ns + dt * busy
    }
}

/// `a x b / c` rounded down.
#[inline(always)]
fn scaled(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => (u128::from(a) * u128::from(b) / u128::from(c)) as u64,
    }
}

/// `a x b / c` rounded up.
#[inline(always)]
fn scaled_up(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product.div_ceil(c),
        None => (u128::from(a) * u128::from(b)).div_ceil(u128::from(c)) as u64,
    }
}
