//! The interpreter: runs a frame's program until it has to wait.

use crate::calendar::FAR;
use crate::engine::cache::Found;
use crate::engine::world::{Outcome, State, World, flag, gate};
use crate::model::program::Step;
use crate::model::{Failure, NONE};
use crate::random::{bits, mix};

impl World<'_> {
    /// Runs the frame, then whoever its end lets go on, until nobody is left to run.
    #[inline(always)]
    pub(super) fn advance(&mut self, mut id: u32) {
        let m = self.m;
        while id != NONE {
            let frame = &mut self.frames[id as usize];
            let occasion = frame.occasion;
            let mut pc = frame.pc as usize;
            let step = loop {
                let step = m.steps[pc];
                pc += 1;
                match step {
                    Step::Branch { chance, to } => {
                        let chance = m.chances[chance as usize];
                        if bits(chance.key, occasion) >> 32 < chance.share {
                            pc = to as usize;
                        }
                    }
                    Step::Jump { to } => pc = to as usize,
                    step => break step,
                }
            };
            frame.pc = pc as u16;
            match step {
                Step::Wait { draw, cell } => {
                    frame.cell = cell;
                    let station = frame.station;
                    let at = self.now + self.demand(station, occasion, draw);
                    return self.schedule(id, at);
                }
                Step::Cpu { draw, cell } => {
                    frame.cell = cell;
                    let station = frame.station;
                    let demand = self.demand(station, occasion, draw);
                    return self.submit(id, demand);
                }
                Step::Call { edge } => id = self.call(id, edge),
                Step::Return => id = self.conclude(id, Outcome::OK),
                step => id = self.rare(id, step),
            }
        }
    }

    /// The steps that are not worth a place in the hot loop.
    #[inline(never)]
    pub(super) fn rare(&mut self, id: u32, step: Step) -> u32 {
        match step {
            Step::Io { io, cell } => self.disk_io(id, io, cell),
            Step::Pages { pages, cell } => self.touch_pages(id, pages, cell),
            Step::Fork { fork } => self.fork(id, fork),
            Step::Unless { watch, to } => {
                if !self.observer.holds(watch) {
                    self.frames[id as usize].pc = to;
                }
                id
            }
            Step::Lock { lock } => self.lock(id, lock),
            Step::Unlock { lock } => {
                self.unlock(id, lock);
                id
            }
            Step::Spawn { entry } => self.spawn(id, entry),
            Step::Respond { draw } => self.respond(id, draw),
            Step::Fail { kind } => self.fail(id, kind),
            Step::Look { cache } => self.look_up(id, cache),
            Step::Found { hit, early } => self.found(id, hit, early),
            Step::Keep { cache } => {
                self.keep(id, cache);
                id
            }
            Step::Drop { cache } => self.drop_entry(id, cache),
            _ => self.rarer(id, step),
        }
    }

    fn rarer(&mut self, id: u32, step: Step) -> u32 {
        match step {
            Step::Start => self.start_environment(id),
            Step::Again { cache, to } => self.again(id, cache, to),
            Step::Stale { cache, to } => self.stale(id, cache, to),
            Step::Later { cache } => self.write_later(id, cache),
            Step::Written { cache, well } => self.written(id, cache, well),
            Step::Observe => self.observe_row(id),
            Step::Tell { telemetry, cell } => self.tell(id, telemetry, cell),
            Step::TellLate { telemetry, cell } => self.tell_late(id, telemetry, cell),
            Step::Begin { transaction } => self.begin_transaction(id, transaction),
            Step::Prepare { transaction } => self.prepare(id, transaction),
            Step::Decide { transaction } => self.decide(id, transaction),
            Step::End { .. } => self.end_transaction(id),
            Step::Commit => self.commit(id),
            Step::Sync { wal, cell } => self.sync(id, wal, cell),
            Step::Applied => self.applied(id),
            Step::Rethrow => self.rethrow(id),
            Step::Undertake { saga } => self.undertake(id, saga),
            Step::Regret { saga } => self.regret(id, saga),
            Step::Undone { saga, well } => self.undone(id, saga, well),
            Step::Resolve { saga, undone } => self.resolve(id, saga, undone),
            Step::Dedupe { dedupe, to } => self.dedupe(id, dedupe, to),
            Step::Remember { dedupe } => self.remember_event(id, dedupe),
            Step::UnlessShield { cache, to } => self.jump_unless(id, to, self.at_shield(id, cache)),
            Step::UnlessWorn { to } => self.jump_unless(id, to, self.calls[id as usize].found == Found::Worn),
            Step::UnlessCaught { kind, to } => {
                self.jump_unless(id, to, self.calls[id as usize].outcome == Outcome::failed(kind))
            }
            Step::BranchBy { chance, key, to } => {
                let value = self.key_value(key, self.frames[id as usize].request);
                let chance = self.m.chances[chance as usize];
                self.jump_unless(id, to, chance.share <= bits(chance.key, mix(value + 1)) >> 32)
            }
            _ => self.message_step(id, step),
        }
    }

    /// Steps of queues, logs, event stores and those who use them.
    fn message_step(&mut self, id: u32, step: Step) -> u32 {
        match step {
            Step::Enqueue { topic } => self.enqueue(id, topic),
            Step::Store { topic } => self.store(id, topic),
            Step::Append { topic } => self.append(id, topic),
            Step::Gather { used, waits } => self.gather(id, used, waits),
            Step::Record { store } => self.record_event(id, store),
            Step::Recall { store } => self.recall_events(id, store),
            Step::Rework { replay } => self.rework(id, replay),
            Step::Window { window, entry } => self.gather_in_window(id, window, entry),
            Step::Sent { well } => self.sent(id, well),
            Step::Receive { consumer } => self.receive(id, consumer),
            Step::Handle { consumer } => self.handle(id, consumer),
            Step::Work { consumer } => self.work(id, consumer),
            Step::Done { well } => self.done(id, well),
            Step::Settle { .. } => self.settle(id),
            Step::Finish { received } => self.finish_batch(id, received),
            Step::View { component } => self.view(id, component),
            _ => unreachable!("the hot loop does the others"),
        }
    }

    fn jump_unless(&mut self, id: u32, to: u16, holds: bool) -> u32 {
        if !holds {
            self.frames[id as usize].pc = to;
        }
        id
    }

    /// A draw of time at an instance, or at none.
    #[inline(always)]
    pub(super) fn demand(&self, station: u32, occasion: u64, draw: u16) -> u64 {
        let ns = self.samplers.draw_ns(draw, occasion);
        match self.stations.get(station as usize) {
            Some(station) if station.scale != 1.0 => scaled(ns, station.scale),
            _ => ns,
        }
    }

    /// Its time in the calendar has passed.
    #[inline(always)]
    pub(super) fn wake(&mut self, id: u32) -> u32 {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        let slot = frame.link;
        self.calendar.leave_hole(slot);
        let (request, cell, since) = (frame.request, frame.cell, frame.since);
        frame.since = now;
        let state = std::mem::replace(&mut frame.state, State::Running);
        if state != State::Scheduled || frame.flags & flag::STAGED != 0 {
            return self.wake_unusual(id, state, since);
        }
        self.attribute(id, request, cell, since);
        if slot == FAR {
            self.look_ahead();
        }
        if self.paused != 0 { self.park_if_paused(id) } else { id }
    }

    /// In a crowd, a frame and its row have left the caches by the time the frame wakes. This reads those of the next
    /// few dozen, one right after the other, so that memory brings them all at once; what comes back is of no use here.
    #[inline(never)]
    fn look_ahead(&mut self) {
        let frames = &self.frames[..];
        let coming = self.calendar.coming();
        let waking = || coming.iter().filter_map(|key| frames.get(key.payload() as usize));
        let mut read = waking().fold(0, |read, frame| read ^ frame.pc);
        for frame in waking() {
            let row = frame.request as usize;
            read ^= self.requests.get(row).map_or(0, |request| request.class);
            read ^= self.cells.get(row * self.stride).map_or(0, |cell| *cell as u16);
        }
        std::hint::black_box(read);
    }

    /// A frame of a full core under FCFS, a stage of a call, or a frame that was stopped meanwhile.
    #[cold]
    #[inline(never)]
    fn wake_unusual(&mut self, id: u32, state: State, since: u64) -> u32 {
        if state == State::Zombie {
            self.free_frame(id);
            return NONE;
        }
        let frame = &self.frames[id as usize];
        let (request, cell) = (frame.request, frame.cell);
        self.attribute(id, request, cell, since);
        if self.frames[id as usize].flags & flag::STAGED != 0 {
            self.frames[id as usize].flags &= !flag::STAGED;
            return self.next_stage(id);
        }
        self.give_core_back(id);
        if self.paused != 0 { self.park_if_paused(id) } else { id }
    }

    /// A paused instance runs nothing: the frame goes on when the pause is over.
    #[cold]
    #[inline(never)]
    pub(super) fn park_if_paused(&mut self, id: u32) -> u32 {
        let frame = &mut self.frames[id as usize];
        if frame.station == NONE || self.stations[frame.station as usize].gate & gate::PAUSED == 0 {
            return id;
        }
        frame.state = State::Parked;
        self.incidents.parked.push(id);
        NONE
    }

    /// The frame's program fails here: a handler takes over, or the visit ends.
    pub(super) fn fail(&mut self, id: u32, kind: Failure) -> u32 {
        if self.handled(id, kind) { id } else { self.conclude_badly(id, kind) }
    }

    /// Moves the frame to its handler, if the step it stands behind has one; locks taken inside are given back.
    pub(super) fn handled(&mut self, id: u32, kind: Failure) -> bool {
        let pc = self.frames[id as usize].pc - 1;
        let Some(handler) = self.m.handlers.iter().find(|h| (h.from..h.to).contains(&pc)) else {
            return false;
        };
        self.unlock_since(id, handler.from);
        self.frames[id as usize].pc = handler.target;
        if self.extended {
            self.calls[id as usize].outcome = Outcome::failed(kind);
        }
        true
    }
}

/// So many ns at another speed.
#[inline(never)]
fn scaled(ns: u64, scale: f64) -> u64 {
    crate::units::Span::from_secs_f64(ns as f64 * scale * 1e-9).0
}
