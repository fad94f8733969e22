//! What reads see: the state of their copy, or the freshest of several that a quorum asks.
//!
//! A quorum's coordinator sends the read to so many other copies, which do the same work on their machines, and waits for
//! all of their answers. It then shows the newest position that it has heard of.

use crate::engine::replica::Seat;
use crate::engine::shard::Look;
use crate::engine::timer::Timer;
use crate::engine::trouble::ASK_AGAIN;
use crate::engine::world::{Frame, Ns, RELEASE, Request, State, World, row};
use crate::model::{Failure, NONE, NONE16};
use crate::random::{below, bits};

impl World<'_> {
    /// A read looks at its row, after it has asked whom it has to ask.
    pub(super) fn observe_row(&mut self, id: u32) -> u32 {
        let Frame { station, occasion, generation, .. } = self.frames[id as usize];
        let seat = self.seat(station);
        let copies = &self.m.copies[seat.c];
        if self.is_multi(seat.c) {
            let sent = if self.extended { self.calls[id as usize].until } else { self.now };
            self.see_here(id, &seat, sent.min(self.now));
            return id;
        }
        let position = self.shard(&seat).applied(seat.copy);
        if copies.mode.asks() == 0 {
            // It began when it was sent, if it was sent over a link.
            let sent = if self.extended { self.calls[id as usize].until } else { self.now };
            self.see(id, &seat, position, sent.min(self.now));
            return id;
        }
        let mut others: Vec<usize> = self.living(&seat).filter(|&copy| copy != seat.copy).collect();
        if others.len() < copies.mode.asks() as usize {
            return self.fail(id, Failure::UNAVAILABLE);
        }
        let first = below(bits(copies.key, occasion), others.len() as u32) as usize;
        others.rotate_left(first);
        others.truncate(copies.mode.asks() as usize);
        let frame = &mut self.frames[id as usize];
        (frame.state, frame.cell, frame.since) = (State::Replicating, copies.wait_cell, self.now);
        // While the frame stands in no list its link counts the answers that are missing.
        frame.link = others.len() as u32;
        self.calls[id as usize].until = position;
        for copy in others {
            let to = seat.first + copy as u32;
            let at = self.carry_between(&seat, [station, to], 0.0, occasion);
            self.set_timer(at, RELEASE, Timer::Asked { frame: id, generation, station: to });
        }
        NONE
    }

    /// Copies that nobody has noticed to be dead, the primary among them.
    fn living(&self, seat: &Seat) -> impl Iterator<Item = usize> {
        let component = self.m.copies[seat.c].component as usize;
        let balancer = &self.groups[component].balancer;
        let shard = self.shard(seat);
        let from = seat.first - self.m.components[component].first;
        (0..shard.copies.len())
            .filter(move |&copy| !shard.copies[copy].is_rebuilt && balancer.eligible(from + copy as u32))
    }

    fn still_asks(&self, id: u32, generation: u32) -> bool {
        let frame = &self.frames[id as usize];
        frame.generation == generation && frame.state == State::Replicating
    }

    /// A coordinator's question has come to another copy, which does the read, too.
    pub(super) fn asked(&mut self, id: u32, generation: u32, station: u32) {
        if !self.is_up(station) || !self.still_asks(id, generation) {
            return;
        }
        if self.is_cut([self.frames[id as usize].station, station], NONE) {
            self.set_timer(self.now + ASK_AGAIN, RELEASE, Timer::Asked { frame: id, generation, station });
            return;
        }
        let number = u64::from(generation) << 32 | u64::from(id);
        let Frame { occasion, operation, .. } = self.frames[id as usize];
        let pc = self.m.operations[operation as usize].replay;
        if pc == NONE16 {
            return self.answer(station, number);
        }
        let granted = self.row_of(id);
        let of = Request { occasion, number, flags: row::DETACHED | row::ANSWERS, ..Request::detached(self.now) };
        self.begin_work(Frame { occasion, granted, station, pc, operation, ..Frame::begun(self.now) }, of);
    }

    /// A copy has done the read and answers.
    pub(super) fn answer(&mut self, station: u32, number: u64) {
        let (id, generation) = (number as u32, (number >> 32) as u32);
        if !self.still_asks(id, generation) {
            return;
        }
        let seat = self.seat(station);
        let at = self.carry_between(&seat, [station, self.frames[id as usize].station], 0.0, number);
        self.set_timer(at, RELEASE, Timer::Answered { frame: id, generation, station });
    }

    /// An answer has come to the coordinator; with the last one it goes on.
    pub(super) fn heard_from(&mut self, id: u32, generation: u32, station: u32) {
        if !self.still_asks(id, generation) {
            return;
        }
        if self.is_cut([self.frames[id as usize].station, station], NONE) {
            self.set_timer(self.now + ASK_AGAIN, RELEASE, Timer::Answered { frame: id, generation, station });
            return;
        }
        let other = self.seat(station);
        let position = self.shard(&other).applied(other.copy);
        let call = &mut self.calls[id as usize];
        call.until = call.until.max(position);
        let newest = call.until;
        let frame = &mut self.frames[id as usize];
        frame.link -= 1;
        if 0 < frame.link {
            return;
        }
        let Frame { request, cell, since, .. } = *frame;
        (frame.state, frame.since) = (State::Running, self.now);
        self.attribute(id, request, cell, since);
        self.see(id, &other, newest, since);
        self.ready.push(id);
    }

    /// A read that began then has seen this position of its shard: how stale that is, and whether it breaks what a
    /// session may expect.
    fn see(&mut self, id: u32, seat: &Seat, position: u64, began: Ns) {
        let row = self.row_of(id);
        let copies = &self.m.copies[seat.c];
        let request = self.frames[id as usize].request;
        let session = self.session_at(copies, request, row);
        let keeps = (copies.reads_key != NONE16).then(|| self.key_value(copies.reads_key, request));
        let look = Look { row, session, keeps };
        let when = [began, self.now];
        let (overwritten, is_violation) = self.shard_mut(seat).read(&look, position, when);
        let elsewhere = self.replication[seat.c].shards[seat.shard].written_apart(seat.copy, row, began);
        let overwritten = [overwritten, elsewhere].into_iter().flatten().min();
        self.replication[seat.c].book(overwritten.map(|at| began - at), is_violation);
    }
}
