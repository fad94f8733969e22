//! Locks by name and key value: exclusive or shared, first come first served.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Outcome, State, World, flag};
use crate::model::program::Step;
use crate::model::{Failure, NONE, NONE16};
use crate::policy::sharding::Row;
use crate::units::Time;

/// All locks that somebody holds or wants.
#[derive(Debug, Default)]
pub(super) struct Locks {
    all: Vec<Lock>,
    /// By lock and key value.
    of: FxHashMap<(u16, u64), u32>,
    free: Vec<u32>,
    holds: Vec<Hold>,
    free_holds: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Lock {
    holders: u32,
    exclusive: bool,
    line: VecDeque<(u32, u32)>,
    /// Which lock it is, and for which value.
    name: (u16, u64),
}

/// A lock held by a frame.
#[derive(Clone, Copy, Debug)]
struct Hold {
    lock: u32,
    next: u32,
    /// Program counter of the step that took it.
    pc: u16,
}

impl World<'_> {
    /// Takes the lock or waits for it; returns who runs next.
    pub(super) fn lock(&mut self, id: u32, lock: u16) -> u32 {
        let spec = &self.m.lock_uses[lock as usize];
        let value = if spec.flight != NONE16 {
            self.flight_value(id, spec.flight, spec.local)
        } else if spec.key == NONE16 {
            0
        } else {
            self.key_value(spec.key, self.frames[id as usize].request)
        };
        let l = self.lock_named(spec.lock, value);
        let entry = &mut self.locks.all[l as usize];
        let free = entry.holders == 0 || (!entry.exclusive && !spec.exclusive && entry.line.is_empty());
        if free {
            entry.holders += 1;
            entry.exclusive = spec.exclusive;
            self.hold(id, l);
            return id;
        }
        let frame = &mut self.frames[id as usize];
        frame.state = State::Locked;
        frame.cell = spec.cell;
        frame.since = self.now;
        let generation = frame.generation;
        entry.line.push_back((id, generation));
        if spec.timeout.0 != 0 {
            self.set_timer(self.now + spec.timeout.0, CLAIM, Timer::LockWait { frame: id, generation });
        }
        NONE
    }

    fn lock_named(&mut self, lock: u16, value: u64) -> u32 {
        if let Some(&known) = self.locks.of.get(&(lock, value)) {
            return known;
        }
        let l = self.locks.free.pop().unwrap_or_else(|| {
            self.locks.all.push(Lock::default());
            self.locks.all.len() as u32 - 1
        });
        self.locks.all[l as usize].name = (lock, value);
        self.locks.of.insert((lock, value), l);
        l
    }

    /// A lock that nobody holds or wants needs no place.
    fn free_lock(&mut self, l: u32) {
        let lock = &self.locks.all[l as usize];
        if lock.holders == 0 && lock.line.is_empty() {
            self.locks.of.remove(&lock.name);
            self.locks.free.push(l);
        }
    }

    fn hold(&mut self, id: u32, lock: u32) {
        let next = self.calls[id as usize].holds;
        let hold = Hold { lock, next, pc: self.frames[id as usize].pc - 1 };
        let h = if let Some(h) = self.locks.free_holds.pop() {
            self.locks.holds[h as usize] = hold;
            h
        } else {
            self.locks.holds.push(hold);
            self.locks.holds.len() as u32 - 1
        };
        self.calls[id as usize].holds = h;
    }

    /// A flight is over; an early renewal never took off.
    pub(super) fn unlock(&mut self, id: u32, using: u16) {
        let h = self.calls[id as usize].holds;
        let is_held = h != NONE && {
            let took = self.m.steps[self.locks.holds[h as usize].pc as usize];
            took == Step::Lock { lock: using }
        };
        if is_held {
            self.unlock_last(id);
        }
    }

    /// Gives the lock taken last back.
    pub(super) fn unlock_last(&mut self, id: u32) {
        let h = self.calls[id as usize].holds;
        let Hold { lock, next, .. } = self.locks.holds[h as usize];
        self.calls[id as usize].holds = next;
        self.locks.free_holds.push(h);
        self.locks.all[lock as usize].holders -= 1;
        self.serve_lock_line(lock);
        self.free_lock(lock);
    }

    /// Gives back all locks that steps at or after `pc` took, and what a transaction begun there kept.
    pub(super) fn unlock_since(&mut self, id: u32, pc: u16) {
        if !self.transactions.is_empty() {
            self.leave_transaction(id, pc);
        }
        while self.extended {
            let h = self.calls[id as usize].holds;
            if h == NONE || self.locks.holds[h as usize].pc < pc {
                return;
            }
            self.unlock_last(id);
        }
    }

    /// The next in line gets the lock, with all sharers that stand right behind a sharer.
    fn serve_lock_line(&mut self, l: u32) {
        while let Some(&(id, generation)) = self.locks.all[l as usize].line.front() {
            let frame = self.frames[id as usize];
            if frame.generation != generation || frame.state != State::Locked {
                self.locks.all[l as usize].line.pop_front();
                continue;
            }
            let Step::Lock { lock: using } = self.m.steps[frame.pc as usize - 1] else {
                unreachable!("only a lock step waits for a lock")
            };
            let exclusive = self.m.lock_uses[using as usize].exclusive;
            let entry = &mut self.locks.all[l as usize];
            if 0 < entry.holders && (exclusive || entry.exclusive) {
                return;
            }
            entry.holders += 1;
            entry.exclusive = exclusive;
            entry.line.pop_front();
            self.attribute(id, frame.request, frame.cell, frame.since);
            let frame = &mut self.frames[id as usize];
            frame.since = self.now;
            frame.state = State::Running;
            // A lock timeout armed for this wait is stale from here on.
            frame.generation = frame.generation.wrapping_add(1);
            self.hold(id, l);
            self.ready.push(id);
        }
    }

    /// A database instance has died: the locks of its rows are gone, and whoever waited for one knows it.
    pub(super) fn break_locks(&mut self, station: u32) {
        let m = self.m;
        let component = self.stations[station as usize].component;
        let of_it = |lock: u16| m.lock_uses.iter().any(|using| using.lock == lock && using.within == component);
        if !m.lock_uses.iter().any(|using| using.within == component) {
            return;
        }
        for l in 0..self.locks.all.len() as u32 {
            let lock = &self.locks.all[l as usize];
            let (number, value) = lock.name;
            let is_used = 0 < lock.holders || !lock.line.is_empty();
            if is_used && of_it(number) && self.is_locked_at(component, value, station) {
                self.break_lock(l);
            }
        }
    }

    /// Whether the row of a lock stands on this instance, as the primary of its shard.
    fn is_locked_at(&self, component: u16, value: u64, station: u32) -> bool {
        let spec = &self.m.components[component as usize];
        let Some(copies) = self.m.copies.get(spec.copies as usize) else { return true };
        let row = Row { value, now: Time(self.now), is_write: true, table: 0 };
        let shard = self.maps[spec.copies as usize].shard_of(&row);
        let primary = self.replication[spec.copies as usize].shards[shard as usize].primary;
        station == spec.first + shard * copies.each() + primary
    }

    /// Nobody holds the lock any more; those in line fail as `reset`.
    fn break_lock(&mut self, l: u32) {
        for id in 0..self.calls.len() {
            let (mut before, mut at) = (NONE, self.calls[id].holds);
            while at != NONE {
                let Hold { lock, next, .. } = self.locks.holds[at as usize];
                if lock == l {
                    self.locks.free_holds.push(at);
                    match self.locks.holds.get_mut(before as usize) {
                        Some(hold) => hold.next = next,
                        None => self.calls[id].holds = next,
                    }
                } else {
                    before = at;
                }
                at = next;
            }
        }
        self.locks.all[l as usize].holders = 0;
        for (id, generation) in std::mem::take(&mut self.locks.all[l as usize].line) {
            let frame = self.frames[id as usize];
            if frame.generation == generation && frame.state == State::Locked {
                let next = self.end_lock_wait(id, Failure::RESET);
                self.ready.extend((next != NONE).then_some(next));
            }
        }
        self.free_lock(l);
    }

    /// The longest wait for a lock is over.
    pub(super) fn lock_wait_over(&mut self, id: u32, generation: u32) -> u32 {
        let frame = self.frames[id as usize];
        if frame.generation != generation || frame.state != State::Locked {
            self.events -= 1;
            return NONE;
        }
        self.end_lock_wait(id, Failure::TIMEOUT)
    }

    /// The frame does not get the lock.
    fn end_lock_wait(&mut self, id: u32, kind: Failure) -> u32 {
        let frame = self.frames[id as usize];
        self.attribute(id, frame.request, frame.cell, frame.since);
        let frame = &mut self.frames[id as usize];
        frame.since = self.now;
        frame.state = State::Running;
        frame.generation = frame.generation.wrapping_add(1);
        if self.handled(id, kind) {
            return id;
        }
        debug_assert!(self.frames[id as usize].flags & flag::STAGED == 0, "a program waits for a lock, not a stage");
        self.conclude(id, Outcome::failed(kind))
    }
}
