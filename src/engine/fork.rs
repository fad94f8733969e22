//! Branches: parallel steps, repetitions, and what is spawned.
//!
//! A branch is a frame of its own at its caller's instance, with a row of its own; the branch that completes the join hands
//! its row to the caller, so that the caller's time is attributed along the path that took longest.

use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Call, Context, Frame, JOIN, Outcome, Request, State, World, flag, row};
use crate::model::program::Need;
use crate::model::{Failure, NONE, NONE16};
use crate::random::{bits, mix};

/// Branches that a frame waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Join {
    pub(super) caller: u32,
    pub(super) fork: u16,
    pub(super) need: u32,
    pub(super) done: u32,
    pub(super) failed: u32,
    /// Branches in all, and how many were started.
    pub(super) total: u32,
    pub(super) started: u32,
    pub(super) generation: u32,
    pub(super) branches: Vec<u32>,
}

impl World<'_> {
    /// The frame waits for branches; returns who runs next.
    pub(super) fn fork(&mut self, id: u32, fork: u16) -> u32 {
        let spec = &self.m.forks[fork as usize];
        let frame = self.frames[id as usize];
        let total = match spec.times {
            NONE16 if spec.hedge != NONE16 => 1 + self.m.hedges[spec.hedge as usize].rule.most,
            NONE16 if spec.shards != NONE16 => self.maps[spec.shards as usize].shards(),
            NONE16 => spec.entries.len() as u32,
            times => self.whole(times, mix(frame.occasion ^ spec.key)),
        };
        let need = match spec.need {
            Need::All => total,
            Need::First(k) => k.min(total),
            Need::Share(share) => (f64::from(total) * share - 1e-9).ceil().max(0.0) as u32,
        };
        if need == 0 {
            return id;
        }
        if frame.flags & flag::ASYNC != 0 {
            self.release(id);
        }
        let join = self.new_join(Join { caller: id, fork, need, total, ..Join::default() });
        let frame = &mut self.frames[id as usize];
        frame.state = State::Calling;
        frame.since = self.now;
        frame.child = JOIN | join;
        if spec.timeout.0 != 0 {
            let generation = self.joins.all[join as usize].generation;
            self.set_timer(self.now + spec.timeout.0, CLAIM, Timer::Fork { join, generation });
        }
        let at_once = if spec.sequence || spec.hedge != NONE16 { 1 } else { total };
        for _ in 0..at_once {
            self.start_branch(join);
        }
        if spec.hedge != NONE16 {
            self.plan_copy(join);
        }
        NONE
    }

    fn new_join(&mut self, join: Join) -> u32 {
        let Some(id) = self.joins.free.pop() else {
            self.joins.all.push(join);
            return self.joins.all.len() as u32 - 1;
        };
        let old = &mut self.joins.all[id as usize];
        let generation = old.generation;
        let mut branches = std::mem::take(&mut old.branches);
        branches.clear();
        *old = Join { generation, branches, ..join };
        id
    }

    /// The next branch is made ready.
    pub(super) fn start_branch(&mut self, join: u32) {
        let Join { caller, fork, started, .. } = self.joins.all[join as usize];
        self.joins.all[join as usize].started += 1;
        let spec = &self.m.forks[fork as usize];
        let is_repeated = spec.times != NONE16 || spec.shards != NONE16 || spec.hedge != NONE16;
        let entry = spec.entries[if is_repeated { 0 } else { started as usize }];
        let of = self.frames[caller as usize];
        // The first copy of a hedged call draws what the call alone would.
        let is_first = spec.hedge != NONE16 && started == 0;
        let own = bits(spec.key, mix(of.occasion ^ mix(u64::from(started) + 1)));
        let occasion = if is_first { of.occasion } else { own };
        let branch = self.new_branch(caller, entry, occasion, 0);
        self.frames[branch as usize].parent = JOIN | join;
        if spec.shards != NONE16 {
            self.calls[branch as usize].shard = started;
        }
        if spec.draw != NONE16 {
            self.draw_anew(branch, spec.draw, occasion);
        }
        self.joins.all[join as usize].branches.push(branch);
        self.ready.push(branch);
    }

    /// A frame at the same instance with a row of its own.
    pub(super) fn new_branch(&mut self, of: u32, entry: u16, occasion: u64, flags: u8) -> u32 {
        let frame = self.frames[of as usize];
        let request = self.detached_copy(frame.request, flags);
        if self.requests[frame.request as usize].flags & row::FOLLOWED != 0 {
            self.follow(request);
        }
        let now = self.now;
        let id = self.new_frame(Frame {
            occasion,
            request,
            station: frame.station,
            pc: entry,
            operation: frame.operation,
            cell: frame.cell,
            flags: flag::BRANCH,
            ..Frame::begun(now)
        });
        self.inherit(id, of);
        let Call { given_key, transaction, shard, .. } = self.calls[of as usize];
        let call = &mut self.calls[id as usize];
        (call.given_key, call.transaction, call.shard) = (given_key, transaction, shard);
        id
    }

    /// `draw: item`: this branch and all below it see a value of the key of their own.
    pub(super) fn draw_anew(&mut self, branch: u32, key: u16, occasion: u64) {
        let request = self.frames[branch as usize].request;
        let value = self.key_drawn(key, request, mix(occasion ^ u64::from(key)));
        let parent = self.requests[request as usize].context;
        let context = self.new_context(Context { parent, users: 1, value, key });
        // The row's own use of the outer context passes to the new one.
        self.requests[request as usize].context = context;
    }

    /// A branch has ended; returns the caller if the join is complete and it goes on.
    pub(super) fn branch_done(&mut self, id: u32, outcome: Outcome) -> u32 {
        let Frame { parent, request, .. } = self.frames[id as usize];
        let j = parent & !JOIN;
        let join = &mut self.joins.all[j as usize];
        let spec = &self.m.forks[join.fork as usize];
        join.branches.retain(|&b| b != id);
        match outcome.failure() {
            Some(_) if !spec.ignore_errors => join.failed += 1,
            _ => join.done += 1,
        }
        // Copies that have not set off do not save a call whose others have failed.
        let most = if spec.hedge == NONE16 { join.total } else { join.started };
        let (complete, hopeless) = (join.need <= join.done, most - join.failed < join.need);
        let (caller, next) = (join.caller, spec.sequence && join.started < join.total);
        if spec.hedge != NONE16 && complete {
            self.first_answer(id, caller, spec.hedge);
        }
        self.free_frame(id);
        if complete || hopeless {
            self.hand_over_row(request, self.frames[caller as usize].request);
            self.free_request(request);
            return self.join_over(j, if complete { Outcome::OK } else { outcome });
        }
        // Time of a repetition before the last is on the caller's path too.
        if next {
            self.hand_over_row(request, self.frames[caller as usize].request);
            self.frames[caller as usize].since = self.now;
            self.start_branch(j);
        }
        self.free_request(request);
        NONE
    }

    fn hand_over_row(&mut self, from: u32, to: u32) {
        self.hand_over_trace(from, to);
        self.hand_over_carried(from, to);
        let from = from as usize * self.stride;
        for i in 0..self.stride {
            let ticks = self.cells[from + i];
            self.add_ticks(to, i as u16, ticks.into());
        }
    }

    /// The caller of a join goes on; branches that are left work for nobody, or are stopped.
    fn join_over(&mut self, j: u32, outcome: Outcome) -> u32 {
        let join = &mut self.joins.all[j as usize];
        join.generation = join.generation.wrapping_add(1);
        let (caller, fork) = (join.caller, join.fork);
        let rest = std::mem::take(&mut join.branches);
        for &branch in &rest {
            self.disown(branch, self.m.forks[fork as usize].cancel);
        }
        self.joins.all[j as usize].branches = rest;
        self.joins.free.push(j);
        let frame = &mut self.frames[caller as usize];
        frame.child = NONE;
        frame.since = self.now;
        frame.generation = frame.generation.wrapping_add(1);
        frame.state = State::Running;
        if let Some(kind) = outcome.failure() {
            return self.fork_failed(caller, kind);
        }
        self.go_on(caller)
    }

    fn go_on(&mut self, id: u32) -> u32 {
        if self.frames[id as usize].flags & flag::ASYNC != 0 { self.seize_again(id) } else { id }
    }

    fn fork_failed(&mut self, id: u32, kind: Failure) -> u32 {
        if self.handled(id, kind) { self.go_on(id) } else { self.conclude(id, Outcome::failed(kind)) }
    }

    fn disown(&mut self, branch: u32, cancel: bool) {
        self.frames[branch as usize].parent = NONE;
        let request = self.frames[branch as usize].request;
        self.requests[request as usize].flags |= row::WASTED;
        if cancel {
            self.stop(branch);
        }
    }

    /// The join's caller is stopped: so are its branches.
    pub(super) fn stop_join(&mut self, j: u32) {
        let join = &mut self.joins.all[j as usize];
        join.generation = join.generation.wrapping_add(1);
        let rest = std::mem::take(&mut join.branches);
        for &branch in &rest {
            self.disown(branch, true);
        }
        self.joins.free.push(j);
    }

    /// The join's caller has died: its branches die too, what they called works on.
    pub(super) fn let_join_go(&mut self, j: u32) {
        let join = &mut self.joins.all[j as usize];
        join.generation = join.generation.wrapping_add(1);
        let rest = std::mem::take(&mut join.branches);
        for &branch in &rest {
            let child = std::mem::replace(&mut self.frames[branch as usize].child, NONE);
            if child != NONE && child & JOIN != 0 {
                self.let_join_go(child & !JOIN);
            } else {
                self.let_go(child, None);
            }
            self.disown(branch, true);
        }
        self.joins.free.push(j);
    }

    /// The time for the whole fork is over.
    pub(super) fn fork_over(&mut self, j: u32, generation: u32) -> u32 {
        if self.joins.all[j as usize].generation != generation {
            self.events -= 1;
            return NONE;
        }
        let Join { caller, fork, .. } = self.joins.all[j as usize];
        let Frame { request, since, .. } = self.frames[caller as usize];
        self.attribute(caller, request, self.m.forks[fork as usize].lost_cell, since);
        self.join_over(j, Outcome::failed(Failure::TIMEOUT))
    }

    /// `spawn`: a frame that nobody waits for.
    pub(super) fn spawn(&mut self, id: u32, entry: u16) -> u32 {
        let of = self.frames[id as usize];
        let occasion =
            mix(of.occasion ^ mix(u64::from(entry - self.m.operations[of.operation as usize].entry) ^ SPAWN));
        let child = self.new_branch(id, entry, occasion, 0);
        self.calls[child as usize].deadline = u64::MAX;
        self.calls[child as usize].transaction = 0;
        self.ready.push(child);
        id
    }

    // -- contexts: key values that differ from what the occasion gives -----------------------------------------------------

    pub(super) fn new_context(&mut self, context: Context) -> u32 {
        if let Some(id) = self.contexts.free.pop() {
            self.contexts.all[id as usize] = context;
            return id;
        }
        self.contexts.all.push(context);
        self.contexts.all.len() as u32 - 1
    }

    /// One user fewer; the last one frees it and leaves its parent.
    pub(super) fn leave_context(&mut self, mut id: u32) {
        while id != NONE {
            let context = &mut self.contexts.all[id as usize];
            context.users -= 1;
            if 0 < context.users {
                return;
            }
            self.contexts.free.push(id);
            id = context.parent;
        }
    }

    /// Session (or closed client) of a request; a lone request is a session of its own.
    pub(super) fn session_of(&self, request: u32) -> u64 {
        let Request { client, number, class, .. } = self.requests[request as usize];
        let source = u64::from(self.m.classes[class as usize].source) << 48;
        if client == NONE { source | 1 << 47 | number } else { source | u64::from(client) }
    }
}

/// Distinguishes spawned programs from branches.
const SPAWN: u64 = 0x0073_7061_776e;
