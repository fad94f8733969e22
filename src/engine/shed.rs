//! Shedding at an instance: who is not let in, and whose turn has come too late.
//!
//! Only whole requests are shed: a visit that gave its worker back while it waited for an answer has work behind it, and
//! lines up again unharmed.

use crate::engine::world::{Frame, Outcome, State, World, flag};
use crate::model::{Failure, Model};
use crate::policy::shed::{Shed, Shedder, is_let_in};
use crate::units::{Span, Time};

/// One for each instance of a component that sheds; none at all if nobody does.
pub(super) fn shedders(m: &Model) -> Vec<Option<Shedder>> {
    if m.components.iter().all(|component| component.shed.is_none()) {
        return Vec::new();
    }
    m.stations.iter().map(|s| m.components[s.component as usize].shed.as_ref().map(Shedder::new)).collect()
}

impl World<'_> {
    /// Whether the request at the door may come in; it counts as an arrival already.
    pub(super) fn is_let_in(&mut self, id: u32) -> bool {
        let Frame { station: s, request, .. } = self.frames[id as usize];
        let station = &self.stations[s as usize];
        let component = &self.m.components[station.component as usize];
        let inside = (station.arrivals - station.left - 1) as u32;
        match (&component.shed, &self.guards.shedders[s as usize]) {
            (_, Some(Shedder::Limit(limit))) => limit.lets_in(inside),
            (Some(Shed::Priority(levels)), _) => {
                is_let_in(levels, self.requests[request as usize].priority, station.queued, station.limit)
            }
            (Some(Shed::Deadline), _) => self.comes_in_time(id),
            _ => true,
        }
    }

    /// Whether its turn will come in time, if those in line take as long as visits took here so far.
    fn comes_in_time(&self, id: u32) -> bool {
        let station = &self.stations[self.frames[id as usize].station as usize];
        let slots = self.m.components[station.component as usize].slots;
        let ahead = if station.free == 0 { f64::from(station.queued + 1) / f64::from(slots) } else { 0.0 };
        self.can_be_done_after(id, ahead)
    }

    /// Whether the deadline leaves time for so many visits, and for its own: twice as long as they take on average, because
    /// half of them take longer.
    fn can_be_done_after(&self, id: u32, ahead: f64) -> bool {
        let station = &self.stations[self.frames[id as usize].station as usize];
        let left = self.calls.get(id as usize).map_or(u64::MAX, |call| call.deadline.saturating_sub(self.now));
        let served = (station.left - u64::from(station.reneged)).max(1);
        let each = station.held as f64 / served as f64;
        0 < left && (left == u64::MAX || each * (2.0 + ahead) <= left as f64)
    }

    /// Whether the one whose turn has come is turned away.
    pub(super) fn is_too_late(&mut self, s: usize, id: u32) -> bool {
        let Frame { operation, pc, granted: joined, flags, .. } = self.frames[id as usize];
        if pc != self.m.operations[operation as usize].entry || flags & flag::BRANCH != 0 {
            return false;
        }
        let is_last = self.stations[s].queued == 1;
        match &mut self.guards.shedders[s] {
            Some(Shedder::Codel(codel)) => codel.drops(Span(self.now - joined), is_last, Time(self.now)),
            Some(Shedder::Plain) => !self.can_be_done_after(id, 0.0),
            _ => false,
        }
    }

    /// It has left the line without a slot; whoever asked is told in its turn.
    pub(super) fn shed_in_line(&mut self, id: u32) {
        self.waited_in_vain(id);
        let frame = &mut self.frames[id as usize];
        frame.state = State::Shed;
        let component = self.stations[frame.station as usize].component;
        self.groups[component as usize].rejected[usize::from(Failure::SHED.0)] += 1;
        self.ready.push(id);
    }

    /// A visit ends: a limit for those inside learns from how long it took. Who never had a worker teaches nothing.
    pub(super) fn shedder_learns(&mut self, id: u32, outcome: Outcome) {
        let Frame { station: s, entered, flags, .. } = self.frames[id as usize];
        if flags & flag::HOLDS == 0 {
            return;
        }
        let Some(station) = self.stations.get(s as usize) else { return };
        let inside = (station.arrivals - station.left) as u32;
        if let Some(Shedder::Limit(limit)) = &mut self.guards.shedders[s as usize] {
            limit.observe(Span(self.now - entered), outcome.failure().is_some(), inside);
        }
    }
}
