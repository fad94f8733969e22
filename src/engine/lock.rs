//! Locks by name and key value: exclusive or shared, first come first served.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::world::{CLAIM, Outcome, State, Timer, World, flag};
use crate::model::program::Step;
use crate::model::{Failure, NONE, NONE16};

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

    /// Gives back all locks that steps at or after `pc` took.
    pub(super) fn unlock_since(&mut self, id: u32, pc: u16) {
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

    /// The longest wait for a lock is over.
    pub(super) fn lock_wait_over(&mut self, id: u32, generation: u32) -> u32 {
        let frame = self.frames[id as usize];
        if frame.generation != generation || frame.state != State::Locked {
            self.events -= 1;
            return NONE;
        }
        self.attribute(id, frame.request, frame.cell, frame.since);
        let frame = &mut self.frames[id as usize];
        frame.since = self.now;
        frame.state = State::Running;
        frame.generation = frame.generation.wrapping_add(1);
        if self.handled(id, Failure::TIMEOUT) {
            return id;
        }
        debug_assert!(self.frames[id as usize].flags & flag::STAGED == 0, "a program waits for a lock, not a stage");
        self.conclude(id, Outcome::failed(Failure::TIMEOUT))
    }
}
