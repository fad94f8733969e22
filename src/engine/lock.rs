//! Locks by name and key value: exclusive or shared, first come first served.

use crate::engine::world::{CLAIM, Hold, Lock, Outcome, State, Timer, World, flag};
use crate::model::program::Step;
use crate::model::{Failure, NONE, NONE16};

impl World<'_> {
    /// Takes the lock or waits for it; returns who runs next.
    pub(super) fn lock(&mut self, id: u32, lock: u16) -> u32 {
        let spec = &self.m.lock_uses[lock as usize];
        let value = if spec.key == NONE16 { 0 } else { self.key_value(spec.key, self.frames[id as usize].request) };
        let l = self.lock_named(spec.lock, value);
        let entry = &mut self.locks[l as usize];
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
        let next = self.locks.len() as u32;
        let l = *self.lock_of.entry((lock, value)).or_insert(next);
        if l == next {
            self.locks.push(Lock::default());
        }
        l
    }

    fn hold(&mut self, id: u32, lock: u32) {
        let next = self.calls[id as usize].holds;
        let hold = Hold { lock, next, pc: self.frames[id as usize].pc - 1 };
        let h = if let Some(h) = self.free_holds.pop() {
            self.holds[h as usize] = hold;
            h
        } else {
            self.holds.push(hold);
            self.holds.len() as u32 - 1
        };
        self.calls[id as usize].holds = h;
    }

    /// Gives the lock taken last back.
    pub(super) fn unlock_last(&mut self, id: u32) {
        let h = self.calls[id as usize].holds;
        let Hold { lock, next, .. } = self.holds[h as usize];
        self.calls[id as usize].holds = next;
        self.free_holds.push(h);
        self.locks[lock as usize].holders -= 1;
        self.serve_lock_line(lock);
    }

    /// Gives back all locks that steps at or after `pc` took.
    pub(super) fn unlock_since(&mut self, id: u32, pc: u16) {
        while self.extended {
            let h = self.calls[id as usize].holds;
            if h == NONE || self.holds[h as usize].pc < pc {
                return;
            }
            self.unlock_last(id);
        }
    }

    /// The next in line gets the lock, with all sharers that stand right behind a sharer.
    fn serve_lock_line(&mut self, l: u32) {
        while let Some(&(id, generation)) = self.locks[l as usize].line.front() {
            let frame = self.frames[id as usize];
            if frame.generation != generation || frame.state != State::Locked {
                self.locks[l as usize].line.pop_front();
                continue;
            }
            let Step::Lock { lock: using } = self.m.steps[frame.pc as usize - 1] else {
                unreachable!("only a lock step waits for a lock")
            };
            let exclusive = self.m.lock_uses[using as usize].exclusive;
            let entry = &mut self.locks[l as usize];
            if 0 < entry.holders && (exclusive || entry.exclusive) {
                return;
            }
            entry.holders += 1;
            entry.exclusive = exclusive;
            entry.line.pop_front();
            self.attribute(frame.request, frame.cell, frame.since);
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
        self.attribute(frame.request, frame.cell, frame.since);
        let frame = &mut self.frames[id as usize];
        frame.since = self.now;
        frame.state = State::Running;
        frame.generation = frame.generation.wrapping_add(1);
        if self.handled(id) {
            return id;
        }
        debug_assert!(self.frames[id as usize].flags & flag::STAGED == 0, "a program waits for a lock, not a stage");
        self.conclude(id, Outcome::failed(Failure::TIMEOUT))
    }
}
