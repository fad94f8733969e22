//! Calls that are asked again when they are slow: when the next copy sets off, and what the first answer teaches.

use crate::engine::fork::Join;
use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Call, JOIN, World};
use crate::model::{NONE, NONE16};
use crate::units::Span;

impl World<'_> {
    /// Another copy sets off if the present ones are slow.
    pub(super) fn plan_copy(&mut self, join: u32) {
        let j = &self.joins.all[join as usize];
        let hedge = self.m.forks[j.fork as usize].hedge;
        if j.total <= j.started {
            return;
        }
        let generation = j.generation;
        if let Some(pause) = self.guards.hedges[hedge as usize].pause() {
            self.set_timer(self.now + pause.0, CLAIM, Timer::Hedge { join, generation });
        }
    }

    /// They are slow.
    pub(super) fn ask_again_in(&mut self, join: u32, generation: u32) {
        if self.joins.all[join as usize].generation != generation {
            self.events -= 1;
            return;
        }
        let Join { caller, fork, .. } = self.joins.all[join as usize];
        let (hedge, cell) = (self.m.forks[fork as usize].hedge, self.m.forks[fork as usize].lost_cell);
        self.guards.hedge_tallies[hedge as usize].sent += 1;
        self.start_branch(join);
        // If this copy wins, the time up to now was spent on one that lost.
        let branch = *self.joins.all[join as usize].branches.last().expect("one was just started");
        let since = self.frames[caller as usize].since;
        self.attribute(branch, self.frames[branch as usize].request, cell, since);
        self.plan_copy(join);
    }

    /// The branch has the first good answer of all copies: what came with it is the caller's.
    pub(super) fn first_answer(&mut self, id: u32, caller: u32, hedge: u16) {
        let Call { bytes, found, vintage, .. } = self.calls[id as usize];
        let call = &mut self.calls[caller as usize];
        (call.bytes, call.found, call.vintage) = (bytes, found, vintage);
        let of = self.frames[caller as usize];
        let took = Span(self.now - of.since);
        self.guards.hedges[hedge as usize].observe(took);
        let is_first_copy = self.frames[id as usize].occasion == of.occasion;
        self.guards.hedge_tallies[hedge as usize].won += u64::from(!is_first_copy);
    }

    /// Instances that other copies of this call are at, if it is a copy.
    pub(super) fn asked_already(&self, id: u32) -> impl Iterator<Item = u32> {
        let branch = self.frames[id as usize].parent;
        let join = if branch == NONE || branch & JOIN != 0 { NONE } else { self.frames[branch as usize].parent };
        let join = self.joins.all.get((join & !JOIN) as usize).filter(|_| join != NONE && join & JOIN != 0);
        let join = join.filter(|join| self.m.forks[join.fork as usize].hedge != NONE16);
        let others = join.map_or(&[][..], |join| &join.branches[..]).iter().filter(move |&&other| other != branch);
        others.filter_map(|&other| {
            let child = self.frames[other as usize].child;
            self.frames.get(child as usize).map(|child| child.station).filter(|&station| station != NONE)
        })
    }
}
