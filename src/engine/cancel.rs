//! Letting go: what a caller leaves behind works on for nobody, or is stopped.

use crate::engine::timer::Timer;
use crate::engine::world::{JOIN, Ns, Outcome, RELEASE, Stage, State, World, flag, row};
use crate::model::{Failure, NONE, Scope};

impl World<'_> {
    /// When the open segment of time below this child (or join) began.
    pub(super) fn since_below(&self, child: u32) -> Ns {
        let (mut at, mut since) = (child, 0);
        while at != NONE && at & JOIN == 0 {
            let frame = &self.frames[at as usize];
            since = since.max(frame.since);
            at = frame.child;
        }
        since
    }

    /// The caller has left this child: it works on for nobody, and is stopped after `cancel` ns if that is given.
    pub(super) fn let_go(&mut self, child: u32, cancel: Option<Ns>) {
        if child == NONE {
            return;
        }
        if self.extended {
            self.tear_connection(child);
        }
        self.orphan(child);
        let early = self.is_early(child);
        if early || cancel == Some(0) {
            return self.stop(child);
        }
        if let Some(after) = cancel {
            let request = self.frames[child as usize].request;
            let at = self.now + after;
            self.set_timer(at, RELEASE, Timer::Cancel { frame: child, request });
        }
    }

    /// Still on the caller's side: it has not set off.
    fn is_early(&self, child: u32) -> bool {
        let frame = &self.frames[child as usize];
        frame.flags & flag::GUARDED != 0
            && (frame.state == State::Pooled
                || (frame.flags & flag::STAGED != 0
                    && matches!(
                        self.calls[child as usize].stage,
                        Stage::Shaped | Stage::Connecting | Stage::Connected | Stage::OutAgain
                    )))
    }

    /// On its way to the door, or its answer on the way back.
    pub(super) fn is_under_way(&self, id: u32) -> bool {
        matches!(self.calls[id as usize].stage, Stage::Out | Stage::Back | Stage::OutAgain | Stage::BackAgain)
    }

    /// A row of its own for the child and all it waits for, marked as wasted; nobody is its parent.
    pub(super) fn orphan(&mut self, child: u32) {
        let old = self.frames[child as usize].request;
        let row = self.detached_copy(old, row::WASTED);
        self.frames[child as usize].parent = NONE;
        let mut at = child;
        while at != NONE && at & JOIN == 0 {
            let frame = &mut self.frames[at as usize];
            frame.request = row;
            frame.since = self.now;
            at = frame.child;
        }
    }

    /// What was left behind with this row has had its time.
    pub(super) fn cancel_late(&mut self, id: u32, request: u32) {
        let frame = &self.frames[id as usize];
        let alive = !matches!(frame.state, State::Free | State::Zombie);
        if alive && frame.request == request && frame.parent == NONE {
            self.stop(id);
        }
    }

    /// Ends a visit nobody waits for, here and now, with all that it waits for. Its slot, locks and connection are free again;
    /// its number is only when the calendar has let go of it.
    pub(super) fn stop(&mut self, id: u32) {
        let child = std::mem::replace(&mut self.frames[id as usize].child, NONE);
        if child & JOIN != 0 && child != NONE {
            self.stop_join(child & !JOIN);
        } else if child != NONE {
            self.hang_up(child);
            self.frames[child as usize].parent = NONE;
            // The row is the caller's: the child gets one of its own to end with.
            let row = self.detached_copy(self.frames[child as usize].request, row::WASTED);
            self.frames[child as usize].request = row;
            self.stop(child);
        }
        let held_by_calendar = self.withdraw(id);
        self.hang_up(id);
        self.end_stopped(id, held_by_calendar);
    }

    /// Takes the frame out of whatever it waits in; true if the calendar still holds its number.
    pub(super) fn withdraw(&mut self, id: u32) -> bool {
        let frame = self.frames[id as usize];
        match frame.state {
            State::Scheduled => return true,
            State::OnCore => return self.leave_core(id),
            State::Granted => {
                self.grant(id);
                return true;
            }
            State::Queued => self.leave_line(id),
            State::Pooled => self.leave_pool_line(id),
            State::Parked => self.incidents.parked.retain(|&f| f != id),
            State::Running if self.ready[self.ready_next..].contains(&id) => return true,
            State::Locked | State::Replicating | State::Calling | State::Running | State::Free | State::Zombie => {}
        }
        false
    }

    /// Books the end of a stopped visit and frees what it held.
    fn end_stopped(&mut self, id: u32, held: bool) {
        self.unlock_since(id, 0);
        if !self.elastic.functions.is_empty() {
            self.leave_environment(id);
        }
        let frame = self.frames[id as usize];
        let counted = frame.flags & flag::COUNTED != 0;
        let at_door = counted && !(frame.flags & flag::STAGED != 0 && self.is_under_way(id));
        if at_door {
            self.stations[frame.station as usize].left += 1;
        }
        if at_door && frame.flags & flag::RESPONDED == 0 {
            let (took, outcome) = (self.now - frame.entered, Outcome::failed(Failure::ABANDONED));
            let flow = &mut self.operations[frame.operation as usize];
            flow.count(took, outcome);
            if flow.tracked {
                self.leave_filtered(Scope::Operation(frame.operation), frame.request, took, outcome);
            }
        }
        if frame.flags & flag::HOLDS != 0 {
            self.release(id);
        }
        if counted {
            self.count_out(id);
        }
        self.finish_request(frame.request, Outcome::failed(Failure::ABANDONED));
        if held {
            let frame = &mut self.frames[id as usize];
            frame.state = State::Zombie;
            frame.generation = frame.generation.wrapping_add(1);
            frame.flags = 0;
        } else {
            self.free_frame(id);
        }
    }
}
