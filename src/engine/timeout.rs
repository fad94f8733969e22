//! Timeouts and deadlines: how long a caller waits for an attempt, and how it leaves one.

use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Due, Frame, Ns, Outcome, RING, World};
use crate::model::program::Step;
use crate::model::{Failure, NONE};

impl World<'_> {
    /// The caller's patience with this attempt: the timeout, or what is left until the deadline.
    pub(super) fn arm(&mut self, id: u32, edge: u16, until: Ns) {
        let timeout = self.m.edges[edge as usize].timeout.0;
        let generation = self.frames[id as usize].generation;
        let left = until - self.now;
        if until != Ns::MAX && (timeout == 0 || left < timeout) {
            self.set_timer(until, CLAIM, Timer::Attempt { frame: id, generation });
            return;
        }
        if timeout == 0 {
            return;
        }
        let at = self.now + timeout;
        let order = self.calendar.order(CLAIM);
        let ring = &mut self.rings[self.ring_of[edge as usize] as usize];
        if ring.due.is_empty() {
            self.calendar.reset(ring.slot, at, order, RING | self.ring_of[edge as usize]);
        }
        ring.due.push_back(Due { at, order, frame: id, generation });
    }

    /// The first entry of a ring is due: dead ones are dropped, one that lives is acted on.
    pub(super) fn time_out(&mut self, ring: u32) -> u32 {
        let (now, frames) = (self.now, &self.frames);
        let mut acted = None;
        let r = &mut self.rings[ring as usize];
        while let Some(&due) = r.due.front() {
            if frames[due.frame as usize].generation == due.generation {
                if acted.is_some() || now < due.at {
                    break;
                }
                acted = Some(due);
            }
            r.due.pop_front();
        }
        match r.due.front() {
            Some(next) => self.calendar.reset(r.slot, next.at, next.order, RING | ring),
            None => self.calendar.clear(r.slot),
        }
        let Some(due) = acted else {
            self.events -= 1;
            return NONE;
        };
        self.abandon(due.frame, Failure::TIMEOUT)
    }

    /// A single timer of an attempt (what was left until its deadline) rings.
    pub(super) fn attempt_over(&mut self, id: u32, generation: u32) -> u32 {
        if self.frames[id as usize].generation != generation {
            self.events -= 1;
            return NONE;
        }
        self.abandon(id, Failure::DEADLINE)
    }

    /// The caller leaves its attempt; what it called goes on working for nobody unless the edge says `cancel`.
    #[cold]
    fn abandon(&mut self, id: u32, kind: Failure) -> u32 {
        let frame = &mut self.frames[id as usize];
        frame.generation = frame.generation.wrapping_add(1);
        let Frame { child, pc, request, .. } = *frame;
        let Step::Call { edge } = self.m.steps[pc as usize - 1] else { unreachable!("only calls time out") };
        // Cells that the attempt filled stay; its open segment is lost time.
        let open = self.since_below(child);
        self.attribute(id, request, self.m.edges[edge as usize].lost_cell, open);
        self.frames[id as usize].since = self.now;
        self.frames[id as usize].child = NONE;
        if self.guards.are_used {
            self.attempt_ended(child, Outcome::failed(kind));
        }
        self.let_go(child, self.m.edges[edge as usize].cancel.map(|s| s.0));
        self.call_failed(id, kind)
    }
}
