//! The door of an instance, its slots and its waiting line.

use crate::engine::cache::Shelves;
use crate::engine::copies::Seeker;
use crate::engine::timer::Timer;
use crate::engine::world::{Choice, Frame, Line, Ns, Outcome, RELEASE, Route, State, World, flag, gate};
use crate::model::{Failure, NONE, NONE16, Scope};
use crate::policy::balance::Ask;
use crate::policy::discipline::Order;
use crate::policy::limit::Verdict;
use crate::random::{below, bits};
use crate::record::StationTally;

impl World<'_> {
    /// Chooses the instance that serves `operation`; `None` when nobody is up.
    #[inline(always)]
    pub(super) fn pick(&mut self, operation: u16, occasion: u64, request: u32, caller: u32) -> Option<u32> {
        let Route { component, choice, first, .. } = self.routes[operation as usize];
        match choice {
            Choice::Only => {
                let open = self.stations[first as usize].gate & gate::DOWN == 0;
                open.then_some(first)
            }
            Choice::Plain => {
                let draw = bits(self.m.components[component as usize].key, occasion);
                let ask = Ask { bits: draw, key_value: 0, now: crate::units::Time(self.now), demand_ns: 0 };
                self.groups[component as usize].balancer.pick(&ask).map(|i| first + i)
            }
            Choice::Involved => self.pick_slowly(operation, occasion, request, caller),
        }
    }

    /// The choice that needs a key, the demand, a zone or what stuck before.
    #[inline(never)]
    fn pick_slowly(&mut self, operation: u16, occasion: u64, request: u32, caller: u32) -> Option<u32> {
        let op = &self.m.operations[operation as usize];
        let spec = &self.m.components[op.component as usize];
        if spec.copies != NONE16 {
            return self.pick_copy(&Seeker { operation, occasion, request, caller, given_key: NONE16, shard: NONE });
        }
        let key_value = if spec.balance_key == NONE16 { 0 } else { self.key_value(spec.balance_key, request) };
        let demand_ns = op.upfront.iter().map(|&d| self.samplers.draw_ns(d, occasion)).sum();
        let now = crate::units::Time(self.now);
        let ask = Ask { bits: bits(spec.key, occasion), key_value, now, demand_ns };
        let place = self.side_of(spec, caller, request);
        if let Some(sticky) = &spec.sticky {
            let by = if sticky.key == NONE16 { self.session_of(request) } else { self.key_value(sticky.key, request) };
            let hold = sticky.hold.map_or(Ns::MAX, |h| h.0);
            return self.pick_sticky((op.component, place), by, hold, &ask);
        }
        self.groups[op.component as usize].balancer.pick_near(&ask, place).map(|i| spec.first + i)
    }

    fn pick_sticky(&mut self, (component, place): (u16, u16), by: u64, hold: Ns, ask: &Ask) -> Option<u32> {
        let first = self.m.components[component as usize].first;
        let now = self.now;
        let group = &mut self.groups[component as usize];
        if let Some(&(i, until)) = group.sticky.get(&by)
            && now <= until
            && group.balancer.eligible(i)
        {
            group.sticky.insert(by, (i, now.saturating_add(hold)));
            return Some(first + i);
        }
        let i = group.balancer.pick_near(ask, place)?;
        group.sticky.insert(by, (i, now.saturating_add(hold)));
        Some(first + i)
    }

    /// A frame at the door: it runs now (returned), waits in line, or is turned away (what goes on then is returned).
    #[inline(always)]
    pub(super) fn door(&mut self, id: u32) -> u32 {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        frame.entered = now;
        frame.granted = now;
        frame.since = now;
        let (station, operation) = (frame.station, frame.operation);
        self.come_in(id, station, operation)
    }

    /// A visit over a connection that its transaction has here already: it waits for no slot.
    #[cold]
    pub(super) fn come_aboard(&mut self, id: u32, connection: (u32, usize)) -> u32 {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        (frame.entered, frame.granted, frame.since) = (now, now, now);
        let Frame { station, operation, request, .. } = *frame;
        let flow = &mut self.operations[operation as usize];
        flow.offered += 1;
        if flow.tracked {
            flow.enter();
            self.enter_filtered(Scope::Operation(operation), request);
        }
        self.stations[station as usize].arrivals += 1;
        match self.door_checks(id) {
            Ok(()) => {
                self.frames[id as usize].state = State::Running;
                self.take_connection(id, connection);
                if self.paused != 0 { self.park_if_paused(id) } else { id }
            }
            Err(kind) => self.turn_away(id, kind),
        }
    }

    /// The same for a frame whose times say that it has come now.
    #[inline(always)]
    pub(super) fn come_in(&mut self, id: u32, s: u32, operation: u16) -> u32 {
        let flow = &mut self.operations[operation as usize];
        flow.offered += 1;
        if flow.tracked {
            flow.enter();
            self.enter_filtered(Scope::Operation(operation), self.frames[id as usize].request);
        }
        let station = &mut self.stations[s as usize];
        station.arrivals += 1;
        if station.gate != 0 {
            return self.come_in_checked(id, s);
        }
        self.claim_slot(id, s)
    }

    #[inline(never)]
    fn come_in_checked(&mut self, id: u32, s: u32) -> u32 {
        if self.stations[s as usize].gate & gate::PAUSED != 0 {
            self.ask_sleeper(s);
        }
        match self.door_checks(id) {
            Ok(()) => self.claim_slot(id, s),
            Err(kind) => self.turn_away(id, kind),
        }
    }

    /// A slot, a place in line, or neither.
    #[inline(always)]
    fn claim_slot(&mut self, id: u32, s: u32) -> u32 {
        let station = &mut self.stations[s as usize];
        if station.free > 0 {
            station.free -= 1;
            station.busy.enter(self.now);
            self.groups[station.component as usize].at_once += 1;
            let frame = &mut self.frames[id as usize];
            frame.flags |= flag::HOLDS;
            frame.state = State::Running;
            return if self.paused != 0 { self.park_if_paused(id) } else { id };
        }
        if station.queued < station.limit {
            self.line_up(id);
            return NONE;
        }
        self.turn_away(id, Failure::QUEUE_FULL)
    }

    /// Whatever looks at each request: death, limits, coins, injected errors, memory.
    fn door_checks(&mut self, id: u32) -> Result<(), Failure> {
        let frame = self.frames[id as usize];
        let gates = self.stations[frame.station as usize].gate;
        if gates & gate::DOWN != 0 {
            self.note_pick(frame.station);
            return Err(Failure::REFUSED);
        }
        if gates & gate::CHECKS == 0 {
            return Ok(());
        }
        if !self.m.residency.is_empty() {
            self.note_visit(&frame);
        }
        let component = self.stations[frame.station as usize].component;
        let spec = &self.m.components[component as usize];
        if spec.limit != NONE16 && !matches!(self.limit_verdict(spec.limit, frame.request), Verdict::Admit) {
            return Err(Failure::RATE_LIMITED);
        }
        if bits(spec.key ^ COIN, frame.occasion) >> 32 < spec.coin {
            return Err(Failure::UNAVAILABLE);
        }
        for injection in &self.groups[component as usize].injected {
            let here = (injection.operation == NONE16 || injection.operation == frame.operation)
                && (injection.station == NONE || injection.station == frame.station);
            if here && bits(injection.key, frame.occasion) >> 32 < injection.share {
                return Err(injection.kind);
            }
        }
        if spec.shed.is_some() && !self.is_let_in(id) {
            return Err(Failure::SHED);
        }
        if self.has_memory(frame.station) {
            return Ok(());
        }
        // Whoever is at the door is turned away first; those inside die when it has left.
        let epoch = self.stations[frame.station as usize].epoch;
        self.set_timer(self.now, RELEASE, Timer::OutOfMemory { station: frame.station, epoch });
        Err(Failure::OUT_OF_MEMORY)
    }

    /// Verdict of a rate limit for this request.
    pub(super) fn limit_verdict(&mut self, limit: u16, request: u32) -> Verdict {
        let key = self.m.limits[limit as usize].key;
        let value = if key == NONE16 { 0 } else { self.key_value(key, request) };
        self.guards.limits[limit as usize].decide(value, crate::units::Time(self.now))
    }

    fn turn_away(&mut self, id: u32, kind: Failure) -> u32 {
        let frame = &self.frames[id as usize];
        let component = self.stations[frame.station as usize].component;
        self.groups[component as usize].rejected[usize::from(kind.0)] += 1;
        self.conclude_badly(id, kind)
    }

    /// To the waiting line; the line's order says who leaves it first.
    #[inline(always)]
    fn line_up(&mut self, id: u32) {
        let now = self.now;
        let frames = &mut self.frames[..];
        let frame = &mut frames[id as usize];
        let station = &mut self.stations[frame.station as usize];
        frame.state = State::Queued;
        frame.granted = now;
        frame.link = NONE;
        frame.cell = self.m.components[station.component as usize].queue_cell;
        station.queued += 1;
        if station.queue_max < station.queued {
            station.queue_max = station.queued;
        }
        station.waiting.enter(now);
        if station.gate & gate::ORDERED != 0 {
            return self.line_up_ordered(id);
        }
        let last = std::mem::replace(&mut station.tail, id);
        if last == NONE {
            station.head = id;
        } else {
            frames[last as usize].link = id;
        }
        if self.course.patience {
            self.arm_patience(id);
        }
    }

    #[cold]
    #[inline(never)]
    fn line_up_ordered(&mut self, id: u32) {
        let frame = self.frames[id as usize];
        let spec = &self.m.components[self.stations[frame.station as usize].component as usize];
        let request = self.requests[frame.request as usize];
        let rank = match spec.order {
            // The higher the number, the sooner.
            Order::Priority => u64::from(u8::MAX - request.priority),
            Order::Deadline if self.extended => self.calls[id as usize].deadline,
            Order::Fair(_) => self.key_value(spec.order_key, frame.request),
            _ => 0,
        };
        match self.lines[frame.station as usize].as_mut().expect("an ordered station has a line") {
            Line::Stack(stack) => stack.push_back(id),
            Line::Ranked(ranked) => ranked.push(id, rank),
            Line::Fair(fair) => fair.push(id, rank),
        }
        if self.course.patience {
            self.arm_patience(id);
        }
    }

    /// Gives the slot back; the next in line gets it and is made ready.
    #[inline(always)]
    pub(super) fn release(&mut self, id: u32) {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        frame.flags &= !flag::HOLDS;
        let held = now - frame.granted;
        let s = frame.station as usize;
        let station = &mut self.stations[s];
        station.held = station.held.wrapping_add(held);
        self.groups[station.component as usize].service.add(held);
        if station.queued == 0 {
            station.free += 1;
            station.busy.leave(now);
            return;
        }
        self.next_in_line(s);
    }

    /// Somebody waits and a slot is there: the worker stays busy.
    #[inline(always)]
    pub(super) fn next_in_line(&mut self, s: usize) {
        let mut next = self.stations[s].head;
        if self.stations[s].gate & (gate::ORDERED | gate::SHEDS) != 0 {
            let Some(found) = self.next_unusual(s) else { return };
            next = found;
        }
        let station = &mut self.stations[s];
        let frame = &mut self.frames[next as usize];
        frame.state = State::Granted;
        // An ordered line does not read the links.
        station.head = frame.link;
        if station.head == NONE {
            station.tail = NONE;
        }
        station.queued -= 1;
        station.waiting.leave(self.now);
        self.ready.push(next);
    }

    /// The next one in a line that has an order, or whose turn-takers may be turned away; `None`: they all were, and the
    /// slot is free.
    #[cold]
    #[inline(never)]
    fn next_unusual(&mut self, s: usize) -> Option<u32> {
        loop {
            let is_ordered = self.stations[s].gate & gate::ORDERED != 0;
            let next = if is_ordered { self.next_ordered(s) } else { self.stations[s].head };
            if self.stations[s].gate & gate::SHEDS == 0 || !self.is_too_late(s, next) {
                return Some(next);
            }
            if !is_ordered {
                self.unlink(s as u32, next);
            }
            self.shed_in_line(next);
            let station = &mut self.stations[s];
            if station.queued == 0 {
                station.free += 1;
                station.busy.leave(self.now);
                return None;
            }
        }
    }

    fn next_ordered(&mut self, s: usize) -> u32 {
        let station = &self.stations[s];
        let order = &self.m.components[station.component as usize].order;
        let last = order.takes_last(station.queued, station.limit);
        match self.lines[s].as_mut().expect("an ordered station has a line") {
            Line::Stack(stack) if last => stack.pop_back(),
            Line::Stack(stack) => stack.pop_front(),
            Line::Ranked(ranked) => ranked.pop(),
            Line::Fair(fair) => fair.pop(),
        }
        .expect("the count of the queue and its line agree")
    }

    /// A frame made ready: if it left a queue, it has its slot from now on.
    #[inline(always)]
    pub(super) fn start(&mut self, id: u32) -> u32 {
        if self.frames[id as usize].state != State::Granted {
            return self.start_other(id);
        }
        self.grant(id);
        if self.paused != 0 { self.park_if_paused(id) } else { id }
    }

    /// The frame has its slot from now on; its wait is over.
    #[inline(always)]
    pub(super) fn grant(&mut self, id: u32) {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        let (request, cell, since) = (frame.request, frame.cell, frame.since);
        let wait = now - std::mem::replace(&mut frame.granted, now);
        frame.since = now;
        frame.flags |= flag::HOLDS;
        frame.state = State::Running;
        let station = &mut self.stations[frame.station as usize];
        station.waits = station.waits.wrapping_add(wait);
        self.groups[station.component as usize].wait.add(wait);
        self.attribute(id, request, cell, since);
    }

    /// Branches, frames after a pause, and zombies.
    #[cold]
    #[inline(never)]
    fn start_other(&mut self, id: u32) -> u32 {
        if self.frames[id as usize].state == State::Zombie {
            self.free_frame(id);
            return NONE;
        }
        if self.frames[id as usize].state == State::Shed {
            self.frames[id as usize].state = State::Running;
            return self.conclude(id, Outcome::failed(Failure::SHED));
        }
        if self.frames[id as usize].state == State::Parked {
            let Frame { request, cell, since, .. } = self.frames[id as usize];
            self.attribute(id, request, cell, since);
            self.frames[id as usize].since = self.now;
        }
        self.frames[id as usize].state = State::Running;
        if self.frames[id as usize].flags & flag::STAGED != 0 {
            self.frames[id as usize].flags &= !flag::STAGED;
            return self.next_stage(id);
        }
        id
    }

    /// An asynchronous visit has its answer and wants a slot again, behind those who wait.
    pub(super) fn seize_again(&mut self, id: u32) -> u32 {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        frame.since = now;
        let station = &mut self.stations[frame.station as usize];
        if station.free == 0 {
            self.line_up(id);
            return NONE;
        }
        station.free -= 1;
        station.busy.enter(now);
        frame.granted = now;
        frame.flags |= flag::HOLDS;
        id
    }

    /// Takes the frame out of its station's waiting line and books the wait that was for nothing.
    pub(super) fn leave_line(&mut self, id: u32) {
        let s = self.frames[id as usize].station;
        if self.stations[s as usize].gate & gate::ORDERED != 0 {
            match self.lines[s as usize].as_mut().expect("an ordered station has a line") {
                Line::Stack(stack) => stack.retain(|&f| f != id),
                Line::Ranked(ranked) => ranked.remove(id),
                Line::Fair(fair) => fair.remove(id),
            }
        } else {
            self.unlink(s, id);
        }
        self.waited_in_vain(id);
    }

    /// Books the wait of one who has left the line without a slot.
    pub(super) fn waited_in_vain(&mut self, id: u32) {
        let Frame { station: s, since, granted: joined, request, cell, .. } = self.frames[id as usize];
        let station = &mut self.stations[s as usize];
        station.queued -= 1;
        station.reneged += 1;
        station.waiting.leave(self.now);
        station.waits = station.waits.wrapping_add(self.now - joined);
        self.attribute(id, request, cell, since);
        self.frames[id as usize].since = self.now;
    }

    fn unlink(&mut self, s: u32, id: u32) {
        let (mut before, mut at) = (NONE, self.stations[s as usize].head);
        while at != id {
            before = at;
            at = self.frames[at as usize].link;
        }
        let after = self.frames[id as usize].link;
        let station = &mut self.stations[s as usize];
        if before == NONE {
            station.head = after;
        } else {
            self.frames[before as usize].link = after;
        }
        if after == NONE {
            self.stations[s as usize].tail = before;
        }
    }

    fn arm_patience(&mut self, id: u32) {
        let frame = self.frames[id as usize];
        let request = self.requests[frame.request as usize];
        if frame.parent != NONE || frame.pc != self.m.operations[frame.operation as usize].entry {
            return;
        }
        let draw = self.m.sources[self.m.classes[request.class as usize].source as usize].patience_draw;
        if draw != NONE16 {
            let at = self.now + self.samplers.draw_ns(draw, request.occasion);
            let generation = frame.generation;
            self.set_timer(at, RELEASE, crate::engine::timer::Timer::Patience { frame: id, generation });
        }
    }

    pub(super) fn patience_over(&mut self, id: u32, generation: u32) -> u32 {
        let frame = &self.frames[id as usize];
        if frame.generation != generation || frame.state != State::Queued || frame.flags & flag::HOLDS != 0 {
            self.events -= 1;
            return NONE;
        }
        self.leave_line(id);
        self.conclude_badly(id, Failure::ABANDONED)
    }

    /// Whether there is memory for one more request.
    fn has_memory(&self, s: u32) -> bool {
        let station = &self.stations[s as usize];
        let spec = &self.m.components[station.component as usize];
        let host = station.host;
        let over = spec.memory_limit < self.memory_of(s) + spec.memory_each;
        let over_host = host != NONE && {
            let host = &self.hosts[host as usize];
            let used: u64 = host.stations.iter().map(|&s| self.memory_of(s)).sum();
            host.memory_limit < used + spec.memory_each
        };
        !over && !over_host
    }

    /// Bytes the instance uses now.
    pub(super) fn memory_of(&self, s: u32) -> u64 {
        let station = &self.stations[s as usize];
        let spec = &self.m.components[station.component as usize];
        let kept = self.shelves_of(s).map(|shelves| shelves.bytes(s - spec.first)).sum::<u64>();
        spec.memory_idle + spec.memory_each * (station.busy.n + station.waiting.n) + kept
    }

    /// Bytes that a node of a cache has kept, integrated over time.
    fn kept_byte_ns(&self, s: u32) -> u128 {
        let spec = &self.m.components[self.stations[s as usize].component as usize];
        self.shelves_of(s).map(|shelves| shelves.byte_ns(s - spec.first, self.now)).sum()
    }

    /// Where an instance keeps entries: as a node of a cache, and its own state.
    fn shelves_of(&self, s: u32) -> impl Iterator<Item = &Shelves> {
        let spec = &self.m.components[self.stations[s as usize].component as usize];
        let all = [spec.cache, spec.state].into_iter().filter(|cache| *cache != NONE16);
        all.map(|cache| &self.caches.all[cache as usize])
    }

    /// One of the instances, drawn.
    pub(super) fn any_of(parts: &[Vec<u32>], draw: u64) -> Vec<u32> {
        parts[below(draw, parts.len() as u32) as usize].clone()
    }

    /// Cumulative figures of a station up to now.
    pub(super) fn station_tally(&self, s: usize) -> StationTally {
        let station = &self.stations[s];
        let up = if station.gate & gate::DOWN == 0 { self.now - station.up_since } else { 0 };
        let up_ns = u128::from(station.up_ns + up);
        let spec = &self.m.components[station.component as usize];
        let (busy_ns, queued_ns) =
            (u128::from(station.busy.area(self.now)), u128::from(station.waiting.area(self.now)));
        StationTally {
            arrivals: station.arrivals,
            left: station.left,
            reneged: u64::from(station.reneged),
            busy_ns,
            queued_ns,
            queue_max: station.queue_max,
            waits_ns: u128::from(station.waits),
            open_waits_ns: 0,
            open_held_ns: 0,
            held_ns: u128::from(station.held),
            in_queue: station.queued,
            // A slot that is only kept for a transaction has no visit in it.
            in_slots: station.busy.n as u32 - self.kept[s],
            kept: self.kept[s],
            up_ns,
            core_ns: self.pod_ns(s),
            there_ns: u128::from(self.elastic.there_ns(s, self.now)),
            memory_byte_ns: u128::from(spec.memory_idle) * up_ns
                + u128::from(spec.memory_each) * (busy_ns + queued_ns)
                + self.kept_byte_ns(s as u32),
        }
    }
}

/// Distinguishes the coin of an external from its other draws.
const COIN: u64 = 0x636f_696e;
