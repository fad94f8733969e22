//! The time line of some requests: what a request waited for or worked at, from when to when.
//!
//! A request is followed or not by its address, so which ones are does not depend on what happens to them; those that
//! turn out slow are kept. The others pay a comparison with zero for each stretch of time.

use crate::engine::world::{Ns, World, row};
use crate::model::NONE16;
use crate::record::{Exemplar, Sampled, Segment};
use crate::units::{Span, Time};

impl World<'_> {
    /// From now on the request's row, or a branch's, is followed.
    #[cold]
    #[inline(never)]
    pub(super) fn follow(&mut self, request: u32) {
        self.requests[request as usize].flags |= row::FOLLOWED;
        self.effort.traces.insert(request, Vec::new());
    }

    /// Whether this request is one of those to follow.
    #[inline(always)]
    pub(super) fn is_sampled(&self, address: u64) -> bool {
        address & self.m.run.sample == 0
    }

    /// A stretch of time that ends now was spent by a frame on a cell.
    #[cold]
    #[inline(never)]
    pub(super) fn note(&mut self, frame: u32, request: u32, cell: u16, since: Ns) {
        if self.requests[request as usize].flags & row::FOLLOWED == 0 || since == self.now {
            return;
        }
        let operation = self.frames[frame as usize].operation;
        let spec = &self.m.operations[usize::from(operation)];
        let is_own = self.m.components[usize::from(spec.component)].name == self.m.cells[usize::from(cell)].name;
        let operation = if is_own { operation } else { NONE16 };
        let (start, end) = (Time(since), Time(self.now));
        let Some(segments) = self.effort.traces.get_mut(&request) else { return };
        match segments.last_mut() {
            Some(last) if last.end == start && (last.cell, last.operation) == (cell, operation) => last.end = end,
            _ => segments.push(Segment { cell, operation, start, end }),
        }
    }

    /// What a branch did is part of its caller's time line.
    pub(super) fn hand_over_trace(&mut self, from: u32, to: u32) {
        if let Some(segments) = self.effort.traces.remove(&from)
            && let Some(whole) = self.effort.traces.get_mut(&to)
        {
            whole.extend(segments);
        }
    }

    /// A row that was followed is no more.
    #[cold]
    #[inline(never)]
    pub(super) fn unfollow(&mut self, request: u32) {
        self.effort.traces.remove(&request);
    }

    /// A followed request has left: it is kept if it is among the slowest so far.
    #[cold]
    #[inline(never)]
    pub(super) fn end_trace(&mut self, request: u32, took: Ns, failed: Option<u8>, is_slow: bool) {
        let Some(mut segments) = self.effort.traces.remove(&request) else { return };
        let row = self.requests[request as usize];
        let (arrived, latency) = (Time(row.arrived), Span(took));
        self.observer.sampled.push(Sampled { class: row.class, number: row.number, arrived, latency, failed });
        if !is_slow {
            return;
        }
        segments.sort_by_key(|segment| segment.start);
        self.observer.keep(Exemplar { class: row.class, number: row.number, arrived, latency, failed, segments });
    }
}
