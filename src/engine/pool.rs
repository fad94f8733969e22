//! Connections: taken before a request sets off, given back when its answer is there.

use std::collections::VecDeque;

use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Frame, JOIN, NOWHERE, Stage, State, World, flag};
use crate::measure::gauge::Gauge;
use crate::measure::histogram::Histogram;
use crate::model::program::Edge;
use crate::model::{Failure, NONE, NONE16};
use crate::random::mix;

/// Connections of one instance to another component.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) spec: u16,
    pub(super) size: u32,
    pub(super) used: u32,
    /// Connections that stand open (in use or idle).
    pub(super) opened: u32,
    /// Frame and generation; stale ones are skipped.
    pub(super) line: VecDeque<(u32, u32)>,
}

/// Figures of all pools of one kind.
#[derive(Clone, Debug)]
pub(super) struct PoolStats {
    pub(super) held: Gauge,
    pub(super) waiting: Gauge,
    pub(super) wait: Histogram,
    pub(super) opened: u64,
    pub(super) refused: u64,
}

impl PoolStats {
    pub(super) fn new() -> PoolStats {
        PoolStats { held: Gauge::default(), waiting: Gauge::default(), wait: Histogram::new(), opened: 0, refused: 0 }
    }
}

impl World<'_> {
    /// The attempt wants a connection of its caller's pool, if the edge has one.
    pub(super) fn want_connection(&mut self, id: u32) -> u32 {
        let spec = &self.m.edges[self.calls[id as usize].edge as usize];
        if spec.pool == NONE16 {
            return self.handshake(id, 0);
        }
        self.begin_session(id, spec.pool);
        let p = self.pool_of(id, spec.pool);
        if !self.transactions.is_empty() && self.has_pooled(id, p) {
            return self.handshake(id, 0);
        }
        if self.pools[p as usize].used < self.pools[p as usize].size {
            self.pool_stats[spec.pool as usize].wait.add(0);
            return self.connect(id, p);
        }
        let pool = &self.m.pools[spec.pool as usize];
        if pool.wait.is_some_and(|w| w.0 == 0) {
            self.pool_stats[spec.pool as usize].refused += 1;
            return self.attempt_failed(id, Failure::POOL_FULL);
        }
        let frame = &mut self.frames[id as usize];
        frame.state = State::Pooled;
        frame.since = self.now;
        frame.cell = pool.wait_cell;
        let generation = frame.generation;
        self.pools[p as usize].line.push_back((id, generation));
        self.pool_stats[spec.pool as usize].waiting.enter(self.now);
        if 0 < pool.reserve {
            self.set_timer(self.now + pool.reserve_after.0, CLAIM, Timer::Reserve { frame: id, generation });
        }
        if let Some(wait) = pool.wait {
            self.set_timer(self.now + wait.0, CLAIM, Timer::PoolWait { frame: id, generation });
        }
        NONE
    }

    /// The pool that the caller's instance owns (a load owns one).
    fn pool_of(&self, id: u32, spec: u16) -> u32 {
        let parent = self.frames[id as usize].parent;
        let owner = self.m.pools[spec as usize].owner;
        let base = self.pool_base[spec as usize];
        if owner == NONE16 || parent == NONE || parent & JOIN != 0 {
            return base;
        }
        let station = self.frames[parent as usize].station;
        if station == NONE { base } else { base + station - self.m.components[owner as usize].first }
    }

    /// Takes a connection; a new one has to be opened first.
    fn connect(&mut self, id: u32, p: u32) -> u32 {
        let pool = &mut self.pools[p as usize];
        let spec = pool.spec;
        pool.used += 1;
        self.calls[id as usize].pool = p;
        self.pool_stats[spec as usize].held.enter(self.now);
        if pool.used <= pool.opened {
            return self.handshake(id, 0);
        }
        pool.opened += 1;
        self.pool_stats[spec as usize].opened += 1;
        let draw = self.m.pools[spec as usize].connect_draw;
        let takes =
            if draw == NONE16 { 0 } else { self.samplers.draw_ns(draw, mix(self.frames[id as usize].occasion)) };
        let cell = self.m.pools[spec as usize].connect_cell;
        self.stage_connecting(id, takes, cell)
    }

    /// Handshakes of a load's connection: round trips over the link, unless one is kept open.
    fn handshake(&mut self, id: u32, takes: u64) -> u32 {
        let edge = self.calls[id as usize].edge;
        let spec = &self.m.edges[edge as usize];
        if spec.connect_round_trips_milli == 0 {
            return self.send_or_wait(id, takes);
        }
        let client = self.who_connects(id);
        if self.kept_open(edge, client, spec.connect_keep.0) {
            return self.send_or_wait(id, takes);
        }
        let occasion = mix(self.frames[id as usize].occasion ^ HANDSHAKE);
        let link = self.link_ahead(id, spec);
        let one_way = if link == NONE16 { 0 } else { self.samplers.draw_ns(link, occasion) };
        let trips = 2 * one_way * u64::from(spec.connect_round_trips_milli) / 1000;
        let cell = spec.network_cell;
        self.stage_connecting(id, takes + trips, cell)
    }

    /// Whose connection it is: a client's, a new visitor's, an instance's, or that of the user whose browser asks.
    fn who_connects(&mut self, id: u32) -> u64 {
        let Frame { parent, request, .. } = self.frames[id as usize];
        let caller = if parent == NONE || parent & JOIN != 0 { NONE } else { self.frames[parent as usize].station };
        if caller == NONE {
            let row = self.requests[request as usize];
            return if row.client == NONE { row.number } else { u64::from(row.client) };
        }
        let component = &self.m.components[self.m.stations[caller as usize].component as usize];
        match self.m.caches.get(component.cache as usize).map_or(NONE16, |cache| cache.per) {
            NONE16 => u64::from(caller),
            key => self.key_value(key, request),
        }
    }

    /// The link to where the request will surely be sent: the instance is chosen when the handshake is over.
    fn link_ahead(&self, id: u32, spec: &Edge) -> u16 {
        if spec.ways == NONE16 {
            return spec.link;
        }
        let Frame { operation, parent, request, .. } = self.frames[id as usize];
        let caller = if parent == NONE || parent & JOIN != 0 { NONE } else { self.frames[parent as usize].station };
        let component = self.m.operations[operation as usize].component as usize;
        // Cells are alike in where they stand, so the first one does for all.
        let is_dealt = self.m.components[component].cells.is_some();
        let from = if is_dealt { 0 } else { self.place_of(caller, request) };
        let ahead = self.groups[component].balancer.likely(from);
        let to = ahead.map_or(NOWHERE, |i| self.m.stations[(self.m.components[component].first + i) as usize].place);
        self.way_from_to(spec, from, to).0
    }

    fn send_or_wait(&mut self, id: u32, takes: u64) -> u32 {
        if takes == 0 {
            return self.send(id);
        }
        let cell = self.m.edges[self.calls[id as usize].edge as usize].network_cell;
        self.stage_connecting(id, takes, cell)
    }

    fn stage_connecting(&mut self, id: u32, takes: u64, cell: u16) -> u32 {
        let until = self.now + takes;
        self.stage(id, Stage::Connecting, until, cell)
    }

    /// Whether this client's connection over the edge still stands; from now on it does.
    fn kept_open(&mut self, edge: u16, client: u64, keep: u64) -> bool {
        if keep == 0 {
            return false;
        }
        let now = self.now;
        let last = self.connections.insert((edge, client), now);
        last.is_some_and(|last| now - last <= keep)
    }

    /// Who has waited for long may open a connection of the reserve.
    pub(super) fn reserve_opens(&mut self, id: u32, generation: u32) -> u32 {
        let frame = self.frames[id as usize];
        if frame.generation != generation || frame.state != State::Pooled {
            self.events -= 1;
            return NONE;
        }
        let spec = self.m.edges[self.calls[id as usize].edge as usize].pool;
        let (p, size) = (self.pool_of(id, spec), self.m.pools[spec as usize].reserve);
        let pool = &self.pools[p as usize];
        if pool.size + size <= pool.used {
            return NONE;
        }
        self.pool_stats[spec as usize].wait.add(self.now - frame.since);
        self.leave_pool_line(id);
        self.connect(id, p)
    }

    /// The longest wait for a connection is over.
    pub(super) fn pool_wait_over(&mut self, id: u32, generation: u32) -> u32 {
        let frame = self.frames[id as usize];
        if frame.generation != generation || frame.state != State::Pooled {
            self.events -= 1;
            return NONE;
        }
        self.leave_pool_line(id);
        let spec = self.m.edges[self.calls[id as usize].edge as usize].pool;
        self.pool_stats[spec as usize].refused += 1;
        self.attempt_failed(id, Failure::POOL_FULL)
    }

    /// The frame no longer waits for a connection; its entry in the line is skipped when its turn comes.
    pub(super) fn leave_pool_line(&mut self, id: u32) {
        let frame = self.frames[id as usize];
        let spec = self.m.edges[self.calls[id as usize].edge as usize].pool;
        self.pool_stats[spec as usize].waiting.leave(self.now);
        self.attribute(id, frame.request, frame.cell, frame.since);
        self.frames[id as usize].since = self.now;
        self.frames[id as usize].state = State::Running;
    }

    /// The call is over: its connection serves the next in line.
    #[inline(always)]
    pub(super) fn hang_up(&mut self, id: u32) {
        if self.extended && self.calls[id as usize].pool != NONE {
            self.give_connection_back(id);
        }
    }

    #[inline(never)]
    fn give_connection_back(&mut self, id: u32) {
        let p = std::mem::replace(&mut self.calls[id as usize].pool, NONE);
        if self.transactions.is_empty() || !self.keep_pooled(id, p) {
            self.give_back(p);
        }
    }

    /// A connection is free again: it serves the next in line.
    pub(super) fn give_back(&mut self, p: u32) {
        self.pools[p as usize].used -= 1;
        self.pool_stats[self.pools[p as usize].spec as usize].held.leave(self.now);
        self.serve_pool_line(p);
    }

    /// The caller has left in the middle of an exchange: the connection cannot be used again.
    pub(super) fn tear_connection(&mut self, id: u32) {
        let p = self.calls[id as usize].pool;
        if p != NONE {
            self.pools[p as usize].opened = self.pools[p as usize].opened.saturating_sub(1);
            self.hang_up(id);
        }
    }

    fn serve_pool_line(&mut self, p: u32) {
        // What was lent out of the reserve goes back to it first.
        if self.pools[p as usize].size <= self.pools[p as usize].used {
            return;
        }
        while let Some((id, generation)) = self.pools[p as usize].line.pop_front() {
            let frame = self.frames[id as usize];
            if frame.generation != generation || frame.state != State::Pooled {
                continue;
            }
            let spec = self.pools[p as usize].spec as usize;
            self.pool_stats[spec].wait.add(self.now - frame.since);
            self.leave_pool_line(id);
            // It goes on by itself, after whoever runs now.
            self.frames[id as usize].flags |= flag::STAGED;
            let pool = &mut self.pools[p as usize];
            pool.used += 1;
            self.pool_stats[spec].held.enter(self.now);
            self.calls[id as usize].pool = p;
            self.calls[id as usize].stage = Stage::Connected;
            self.ready.push(id);
            return;
        }
    }

    /// A connection was handed over by its last user; it may have to be opened anew.
    pub(super) fn handed_over(&mut self, id: u32) -> u32 {
        let p = self.calls[id as usize].pool;
        self.pools[p as usize].used -= 1;
        self.pool_stats[self.pools[p as usize].spec as usize].held.leave(self.now);
        self.connect(id, p)
    }

    /// A dead instance takes all connections to its component with it.
    pub(super) fn break_connections(&mut self, component: u16) {
        for pool in &mut self.pools {
            if self.m.pools[pool.spec as usize].target == component {
                pool.opened = pool.opened.min(pool.used);
            }
        }
        self.connections.clear();
    }
}

/// Distinguishes the handshake's draws from the request's.
const HANDSHAKE: u64 = 0x6861_6e64;
