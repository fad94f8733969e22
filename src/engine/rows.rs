//! The rows of a world: taking and giving back frames, requests and timers, and charging time to them.

use rustc_hash::FxHashMap;

use crate::engine::cache::Found;
use crate::engine::release::Vintage;
use crate::engine::timer::Timer;
use crate::engine::world::{Call, Frame, Ns, Outcome, RELEASE, Request, Stage, State, TICK, TIMER, World, row};
use crate::model::{NONE, NONE16};
use crate::random::mix;
use crate::record::Stopped;

/// What requests took in all, and what was done for nobody: ticks by cell.
#[derive(Default)]
pub(super) struct Effort {
    pub(super) retries: u64,
    pub(super) attempts: u64,
    /// Attempts through each edge.
    pub(super) calls: Vec<u64>,
    pub(super) cell_sums: Vec<u64>,
    pub(super) wasted: Vec<u64>,
    /// Ticks of cells that 32 bits do not hold, by row and cell.
    pub(super) carried: FxHashMap<(u32, u16), u64>,
    /// Time lines of the rows that are followed.
    pub(super) traces: FxHashMap<u32, Vec<crate::record::Segment>>,
}

impl Effort {
    pub(super) fn new(stride: usize, edges: usize) -> Effort {
        Effort { calls: vec![0; edges], cell_sums: vec![0; stride], wasted: vec![0; stride], ..Effort::default() }
    }
}

impl World<'_> {
    /// A frame for a visit; at the bound of memory the run ends, but this frame still lives.
    #[inline(always)]
    pub(super) fn new_frame(&mut self, frame: Frame) -> u32 {
        self.in_flight += 1;
        let id = self.free_frame;
        if id == NONE {
            return self.more_frames(frame);
        }
        let old = &mut self.frames[id as usize];
        self.free_frame = old.link;
        let generation = old.generation;
        *old = Frame { generation, ..frame };
        id
    }

    #[cold]
    #[inline(never)]
    fn more_frames(&mut self, frame: Frame) -> u32 {
        if self.frame_limit <= self.frames.len() {
            self.stopped = Stopped::Memory { in_flight: u64::from(self.in_flight) };
            self.horizon = self.now;
        }
        self.frames.push(frame);
        if self.extended {
            self.calls.push(Call::new());
        }
        self.frames.len() as u32 - 1
    }

    /// The frame's number may be used again; whatever was armed for it is stale.
    #[inline(always)]
    pub(super) fn free_frame(&mut self, id: u32) {
        self.in_flight -= 1;
        let frame = &mut self.frames[id as usize];
        frame.generation = frame.generation.wrapping_add(1);
        frame.state = State::Free;
        frame.link = self.free_frame;
        self.free_frame = id;
    }

    /// A row with all its cells at zero.
    #[inline(always)]
    pub(super) fn new_request(&mut self, request: Request) -> u32 {
        if request.context != NONE {
            self.contexts.all[request.context as usize].users += 1;
        }
        if let Some(id) = self.free_requests.pop() {
            self.requests[id as usize] = request;
            return id;
        }
        self.requests.push(request);
        self.cells.resize(self.cells.len() + self.stride, 0);
        self.requests.len() as u32 - 1
    }

    /// The row's cells must have been read; they are zero afterwards.
    #[inline(always)]
    pub(super) fn free_request(&mut self, id: u32) {
        let from = id as usize * self.stride;
        self.cells[from..from + self.stride].fill(0);
        let Request { context, flags, .. } = self.requests[id as usize];
        if flags & row::FOLLOWED != 0 {
            self.unfollow(id);
        }
        if !self.effort.carried.is_empty() {
            (0..self.stride as u16).for_each(|cell| _ = self.effort.carried.remove(&(id, cell)));
        }
        self.free_empty_request(id, context);
    }

    /// The same for a row whose cells are zero already.
    #[inline(always)]
    pub(super) fn free_empty_request(&mut self, id: u32, context: u32) {
        if context != NONE {
            self.leave_context(context);
        }
        self.free_requests.push(id);
    }

    /// Whether the row's ticks sum to the request's latency (a saturated cell cannot).
    pub(super) fn telescopes(&self, id: u32) -> bool {
        let from = id as usize * self.stride;
        let cells = &self.cells[from..from + self.stride];
        let ticks: u64 = cells.iter().map(|&t| u64::from(t)).sum();
        let took = (self.now >> TICK) - (self.requests[id as usize].arrived >> TICK);
        let carried: u64 = (0..self.stride as u16).filter_map(|cell| self.effort.carried.get(&(id, cell))).sum();
        ticks + carried == took
    }

    /// The time since `since` was spent on `cell`.
    #[inline(always)]
    pub(super) fn attribute(&mut self, frame: u32, request: u32, cell: u16, since: Ns) {
        self.add_ticks(request, cell, (self.now >> TICK) - (since >> TICK));
        if !self.effort.traces.is_empty() {
            self.note(frame, request, cell, since);
        }
    }

    /// A cell holds 18 minutes; what goes beyond is carried beside it.
    #[inline(always)]
    pub(super) fn add_ticks(&mut self, request: u32, cell: u16, ticks: u64) {
        let at = request as usize * self.stride + cell as usize;
        let sum = u64::from(self.cells[at]) + ticks;
        self.cells[at] = sum as u32;
        if sum >> 32 != 0 {
            self.carry(request, cell, sum >> 32 << 32);
        }
    }

    #[cold]
    #[inline(never)]
    fn carry(&mut self, request: u32, cell: u16, ticks: u64) {
        *self.effort.carried.entry((request, cell)).or_insert(0) += ticks;
    }

    /// What a branch carried, its caller carries on.
    pub(super) fn hand_over_carried(&mut self, from: u32, to: u32) {
        if self.effort.carried.is_empty() {
            return;
        }
        for cell in 0..self.m.cells.len() as u16 {
            if let Some(ticks) = self.effort.carried.remove(&(from, cell)) {
                self.carry(to, cell, ticks);
            }
        }
    }

    /// A row is at its end: what it carried belongs to the sums.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_carried(&mut self, request: u32, wasted: bool) {
        for cell in 0..self.m.cells.len() as u16 {
            if let Some(ticks) = self.effort.carried.remove(&(request, cell)) {
                let sums = if wasted { &mut self.effort.wasted } else { &mut self.effort.cell_sums };
                sums[usize::from(cell)] += ticks;
            }
        }
    }

    /// Adds a row's cells to the sums of all requests and leaves zeros.
    #[inline(always)]
    pub(super) fn fold_cells(&mut self, id: u32) {
        let from = id as usize * self.stride;
        // A row is a whole number of quartets.
        let (quartets, _) = self.cells[from..from + self.stride].as_chunks_mut::<4>();
        let (sums, _) = self.effort.cell_sums.as_chunks_mut::<4>();
        for (sums, quartet) in sums.iter_mut().zip(quartets) {
            for (sum, ticks) in sums.iter_mut().zip(std::mem::take(quartet)) {
                *sum += u64::from(ticks);
            }
        }
    }

    /// A stream of one's own out of a key of the model.
    pub(super) fn seeded(&self, key: u64) -> u64 {
        mix(key ^ self.salt)
    }

    /// Puts a timer into the calendar.
    pub(super) fn set_timer(&mut self, at: Ns, phase: u64, timer: Timer) -> u32 {
        let id = self.timers.free.pop().unwrap_or_else(|| {
            self.timers.all.push(Timer::Free);
            self.timers.all.len() as u32 - 1
        });
        self.timers.all[id as usize] = timer;
        self.timers.slots.resize(self.timers.all.len(), NONE);
        self.timers.slots[id as usize] = self.calendar.push(at, phase, TIMER | id);
        id
    }

    /// Frame `id` waits in the calendar until `at`.
    #[inline(always)]
    pub(super) fn schedule(&mut self, id: u32, at: Ns) {
        let slot = self.calendar.push(at, RELEASE, id);
        let frame = &mut self.frames[id as usize];
        frame.link = slot;
        frame.state = State::Scheduled;
    }
}

impl Call {
    pub(super) fn new() -> Call {
        Call {
            deadline: Ns::MAX,
            until: Ns::MAX,
            pause: 0,
            pool: NONE,
            holds: NONE,
            attempt: 0,
            bytes: 0.0,
            edge: NONE16,
            token: 0,
            given_key: NONE16,
            stage: Stage::None,
            outcome: Outcome::OK,
            found: Found::Miss,
            missed: 0,
            vintage: Vintage::ORIGINAL,
            transaction: 0,
            shard: NONE,
            in_environment: false,
        }
    }
}
