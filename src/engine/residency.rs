//! Data residency while it runs: what is worked on, answered or kept where it must not be.
//!
//! A visit is *outside* when the request carries a value whose data must not be where the instance stands. Bytes are
//! those of its answer, of each copy of a row that is written, and of each entry that is kept in a cache there. Only
//! instances outside of some rule look at all.

use crate::engine::replica::Seat;
use crate::engine::world::{Frame, World};

/// What was outside of the places its data may be at, of one component.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outside {
    pub(super) visits: u64,
    pub(super) bytes: f64,
}

impl World<'_> {
    /// Whether the request's data must not be where an instance stands.
    fn is_outside(&mut self, station: u32, request: u32) -> bool {
        let m = self.m;
        let place = usize::from(self.place_of(station, request));
        let forbidding = m.residency.iter().filter(|rule| rule.allowed.get(place) == Some(&false));
        forbidding.into_iter().any(|rule| self.key_value(rule.key, request) == rule.value)
    }

    /// A request is let in; where rows have no copies, what it writes is kept here.
    #[cold]
    pub(super) fn note_visit(&mut self, frame: &Frame) {
        let Frame { station, request, operation, .. } = *frame;
        if !self.is_outside(station, request) {
            return;
        }
        let component = usize::from(self.m.stations[station as usize].component);
        let spec = &self.m.components[component];
        let is_copied = self.m.copies.get(usize::from(spec.copies)).is_some_and(|copies| 0 < copies.replicas);
        let outside = &mut self.groups[component].outside;
        outside.visits += 1;
        if self.m.operations[operation as usize].writes && !is_copied {
            outside.bytes += spec.row_bytes;
        }
    }

    /// An instance sends an answer, which leaves its component or not.
    #[inline]
    pub(super) fn count_bytes(&mut self, station: u32, request: u32, bytes: f32, leaves: bool) {
        if bytes <= 0.0 {
            return;
        }
        if leaves {
            let component = self.stations[station as usize].component;
            self.groups[component as usize].bytes_out += f64::from(bytes);
        }
        if !self.m.residency.is_empty() {
            self.note_bytes(station, request, f64::from(bytes));
        }
    }

    /// So many bytes of the request's data are sent by an instance, or kept there.
    #[cold]
    pub(super) fn note_bytes(&mut self, station: u32, request: u32, bytes: f64) {
        if 0.0 < bytes && self.is_outside(station, request) {
            let component = self.m.stations[station as usize].component;
            self.groups[component as usize].outside.bytes += bytes;
        }
    }

    /// A row is written: every copy of its shard will have it.
    #[cold]
    pub(super) fn note_row(&mut self, seat: &Seat, request: u32) {
        let bytes = self.m.copies[seat.c].row_bytes;
        for copy in 0..self.shard(seat).copies.len() as u32 {
            self.note_bytes(seat.first + copy, request, bytes);
        }
    }
}
