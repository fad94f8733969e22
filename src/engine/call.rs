//! Calls: what surrounds them on their edge, how answers and failures travel, and how a visit ends.
//!
//! An attempt of a guarded call is a child frame from its first moment: it waits for the rate limit, the connection and
//! the network before it comes to the callee's door, and afterwards carries the answer back. So a caller that leaves only
//! lets go of its child, whatever that is doing.

use crate::engine::guard::Shortcut;
use crate::engine::world::{Call, Frame, JOIN, Ns, Outcome, Request, Stage, State, World, flag, row};
use crate::model::program::{Edge, Post, Step};
use crate::model::{Failure, NONE, NONE16, Scope};
use crate::policy::balance::Balance;
use crate::random::{bits, mix, unit};

impl World<'_> {
    /// The frame calls through the edge; returns who runs next.
    #[inline(always)]
    pub(super) fn call(&mut self, id: u32, edge: u16) -> u32 {
        let m = self.m;
        let spec = &m.edges[edge as usize];
        if self.frames[id as usize].flags & flag::ASYNC != 0 {
            self.release(id);
        }
        if !spec.plain {
            return self.call_guarded(id, edge);
        }
        self.effort.calls[edge as usize] += 1;
        let frame = &mut self.frames[id as usize];
        frame.state = State::Calling;
        let occasion = bits(spec.key, frame.occasion);
        let (request, station) = (frame.request, frame.station);
        let operation = target(spec, occasion);
        self.visit(operation, id, request, occasion, station)
    }

    /// A new frame that goes straight to the door of an instance of `operation`.
    #[inline(always)]
    pub(super) fn visit(&mut self, operation: u16, parent: u32, request: u32, occasion: u64, caller: u32) -> u32 {
        let now = self.now;
        let route = self.routes[operation as usize];
        let station = self.pick(operation, occasion, request, caller);
        let group = &mut self.groups[route.component as usize];
        group.arrivals += 1;
        if let Some(station) = station {
            group.balancer.more(station - route.first);
        }
        let id = self.new_frame(Frame {
            occasion,
            parent,
            request,
            station: station.unwrap_or(NONE),
            pc: route.entry,
            operation,
            flags: if station.is_some() { route.flags } else { 0 },
            ..Frame::begun(now)
        });
        if self.extended {
            self.inherit(id, parent);
        }
        if parent != NONE {
            self.frames[parent as usize].child = id;
        }
        let Some(station) = station else {
            return self.nobody_up(id);
        };
        self.come_in(id, station, operation)
    }

    #[cold]
    fn nobody_up(&mut self, id: u32) -> u32 {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        (frame.entered, frame.since, frame.granted) = (now, now, now);
        let Frame { operation: number, request, .. } = *frame;
        let operation = &self.m.operations[number as usize];
        let flow = &mut self.operations[number as usize];
        flow.offered += 1;
        if flow.tracked {
            flow.enter();
            self.enter_filtered(Scope::Operation(number), request);
        }
        self.groups[operation.component as usize].rejected[usize::from(Failure::REFUSED.0)] += 1;
        self.conclude(id, Outcome::failed(Failure::REFUSED))
    }

    /// The side record of a new frame: its caller's deadline and given key, nothing else.
    pub(super) fn inherit(&mut self, id: u32, parent: u32) {
        let mut call = Call::new();
        if parent != NONE {
            call.deadline = self.calls[parent as usize].deadline;
        }
        self.calls[id as usize] = call;
    }

    // -- guarded calls: caller's side ----------------------------------------------------------------------------------

    #[inline(never)]
    fn call_guarded(&mut self, id: u32, edge: u16) -> u32 {
        let spec = &self.m.edges[edge as usize];
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        frame.state = State::Calling;
        frame.since = now;
        let call = &mut self.calls[id as usize];
        call.attempt = 0;
        call.pause = 0;
        let own = if spec.deadline.0 == 0 { Ns::MAX } else { now.saturating_add(spec.deadline.0) };
        call.until = call.deadline.min(own);
        if let Some(budget) = self.guards.budgets[edge as usize].as_mut() {
            budget.first_attempt(crate::units::Time(now));
        }
        self.attempt(id, edge)
    }

    /// One attempt: a child frame that begins with what stands before the door.
    fn attempt(&mut self, id: u32, edge: u16) -> u32 {
        let spec = &self.m.edges[edge as usize];
        let now = self.now;
        let until = self.calls[id as usize].until;
        self.effort.attempts += 1;
        self.effort.calls[edge as usize] += 1;
        let n = self.calls[id as usize].attempt;
        self.calls[id as usize].attempt = n + 1;
        let Frame { occasion, request, .. } = self.frames[id as usize];
        let occasion = bits(spec.key, if n == 0 { occasion } else { mix(occasion ^ mix(u64::from(n))) });
        let operation = target(spec, occasion);
        let child = self.new_frame(Frame {
            occasion,
            parent: id,
            request,
            pc: self.m.operations[operation as usize].entry,
            operation,
            flags: flag::GUARDED,
            ..Frame::begun(now)
        });
        self.calls[child as usize] = Call { deadline: until, edge, given_key: spec.key_given, ..Call::new() };
        if spec.post != Post::None {
            self.calls[child as usize].token = self.token(id, spec);
        }
        self.frames[id as usize].child = child;
        if until <= now {
            return self.attempt_failed(child, Failure::DEADLINE);
        }
        if self.shortcuts[edge as usize].watched && !self.may_pass(child, edge) {
            return self.attempt_failed(child, Failure::BREAKER_OPEN);
        }
        self.arm(id, edge, until);
        if self.shortcuts[edge as usize].at_once { self.send(child) } else { self.limits_of(child, edge) }
    }

    /// The frame waits for the end of a stage of its call; if that is now, goes on at once.
    pub(super) fn stage(&mut self, id: u32, stage: Stage, until: Ns, cell: u16) -> u32 {
        self.calls[id as usize].stage = stage;
        if until <= self.now {
            return self.next_stage(id);
        }
        let frame = &mut self.frames[id as usize];
        frame.cell = cell;
        frame.since = self.now;
        frame.flags |= flag::STAGED;
        self.schedule(id, until);
        NONE
    }

    /// What follows the stage that is over.
    pub(super) fn next_stage(&mut self, id: u32) -> u32 {
        let Call { stage, outcome, .. } = self.calls[id as usize];
        self.frames[id as usize].state = State::Running;
        match stage {
            Stage::Shaped => self.want_connection(id),
            Stage::Connecting => self.send(id),
            Stage::Connected => self.handed_over(id),
            Stage::Out => self.arrived(id),
            Stage::Back => self.learn(id, outcome),
            Stage::BackOff => {
                self.frames[id as usize].state = State::Calling;
                let Step::Call { edge } = self.m.steps[self.frames[id as usize].pc as usize - 1] else {
                    unreachable!("only calls back off")
                };
                self.attempt(id, edge)
            }
            again @ (Stage::OutAgain | Stage::BackAgain) => self.send_again(id, again),
            Stage::None => id,
        }
    }

    /// The request sets off: the balancer chooses an instance, then NIC, link bandwidth and latency take their time.
    pub(super) fn send(&mut self, id: u32) -> u32 {
        let Frame { operation, parent, .. } = self.frames[id as usize];
        let caller = if parent == NONE || parent & JOIN != 0 { NONE } else { self.frames[parent as usize].station };
        let wary = self.shortcuts[self.calls[id as usize].edge as usize].wary;
        let station = if wary { self.choose_warily(id, caller) } else { self.choose(id, caller) };
        self.groups[self.routes[operation as usize].component as usize].arrivals += 1;
        if let Some(station) = station { self.send_to(id, caller, station) } else { self.nobody_up(id) }
    }

    #[inline(always)]
    fn send_to(&mut self, id: u32, caller: u32, station: u32) -> u32 {
        let Frame { operation, occasion, .. } = self.frames[id as usize];
        let route = self.routes[operation as usize];
        let group = &mut self.groups[route.component as usize];
        group.balancer.more(station - route.first);
        let frame = &mut self.frames[id as usize];
        frame.station = station;
        frame.flags |= route.flags;
        let edge = self.calls[id as usize].edge;
        if self.shortcuts[edge as usize].no_way && self.incidents.troubles.is_empty() {
            return self.arrived(id);
        }
        let spec = &self.m.edges[edge as usize];
        let bytes = if spec.carries != NONE16 {
            self.carried(id, spec.carries)
        } else if spec.post != Post::None {
            self.bytes_published(id)
        } else if spec.payload != NONE16 {
            self.samplers.draw(spec.payload, occasion)
        } else {
            0.0
        };
        let until = self.travel(id, [caller, station], bytes, occasion);
        if !self.incidents.troubles.is_empty() {
            return self.set_off(id, Stage::Out, until);
        }
        self.stage(id, Stage::Out, until, spec.network_cell)
    }

    /// Instant at which bytes sent now from one instance are at the other.
    pub(super) fn travel(&mut self, id: u32, [from, to]: [u32; 2], bytes: f64, occasion: u64) -> Ns {
        let spec = &self.m.edges[self.calls[id as usize].edge as usize];
        let on_one_box = (spec.local || 0.0 < bytes) && self.on_one_box(from, to);
        if on_one_box && spec.local {
            return self.now;
        }
        let (link, pipe) = if spec.ways == NONE16 { (spec.link, spec.pipe) } else { self.way(id, spec, [from, to]) };
        let ends = if on_one_box { [NONE; 2] } else { [from, to] };
        let at = if 0.0 < bytes { self.transmit(pipe, ends, bytes) } else { self.now };
        if link == NONE16 { at } else { at + self.samplers.draw_ns(link, occasion) }
    }

    /// Instant at which the last of so many bytes has left the network cards of both ends and the link's own bandwidth.
    pub(super) fn transmit(&mut self, pipe: u16, ends: [u32; 2], bytes: f64) -> Ns {
        let mut at = self.now;
        for end in ends {
            if end != NONE && self.stations[end as usize].host != NONE {
                let host = &mut self.hosts[self.stations[end as usize].host as usize];
                if 0.0 < host.nic_rate {
                    at = host.nic.give(at, ns(bytes / host.nic_rate), bytes);
                }
            }
        }
        if pipe != NONE16 {
            let rate = self.m.pipes[pipe as usize].bytes_per_s;
            let work = if rate > 0.0 { ns(bytes / rate) } else { 0 };
            at = if work > 0 { self.pipes[pipe as usize].give(at, work, bytes) } else { at };
            if work == 0 {
                self.pipes[pipe as usize].bytes += bytes;
            }
        }
        at
    }

    /// What stays on a machine uses no network card.
    pub(super) fn on_one_box(&self, from: u32, to: u32) -> bool {
        if from == NONE || to == NONE {
            return false;
        }
        let hosts = [from, to].map(|station| self.stations[station as usize].host);
        hosts[0] != NONE && hosts[0] == hosts[1]
    }

    /// The request is at the callee's door.
    #[inline(always)]
    fn arrived(&mut self, id: u32) -> u32 {
        if !self.transactions.is_empty()
            && let Some(connection) = self.connection_of(id)
        {
            return self.come_aboard(id, connection);
        }
        self.door(id)
    }

    // -- answers --------------------------------------------------------------------------------------------------------

    /// The visit (or branch) is over; returns who runs next.
    #[inline(always)]
    pub(super) fn conclude(&mut self, id: u32, outcome: Outcome) -> u32 {
        let Frame { flags, parent, request, operation, .. } = self.frames[id as usize];
        let keeps = || {
            let call = &self.calls[id as usize];
            call.holds != NONE || call.transaction != 0
        };
        if flags & (flag::BRANCH | flag::CLIENT | flag::GUARDED | flag::RESPONDED) != 0 || self.extended && keeps() {
            return self.conclude_slowly(id, outcome);
        }
        self.close_visit(id, outcome);
        if self.extended && parent != NONE {
            debug_assert!(parent & JOIN == 0, "only branches have a join for a parent");
            let (found, bytes) = (self.calls[id as usize].found, self.answer_bytes(id, operation));
            let vintage = self.answer_vintage(id);
            let caller = &mut self.calls[parent as usize];
            (caller.found, caller.bytes, caller.vintage) = (found, bytes, vintage);
        }
        self.free_frame(id);
        if parent == NONE {
            self.finish_request(request, outcome);
            return NONE;
        }
        self.answered(parent, outcome)
    }

    #[inline(never)]
    fn conclude_slowly(&mut self, id: u32, outcome: Outcome) -> u32 {
        self.unlock_since(id, 0);
        self.keep_connection(id);
        if !self.elastic.functions.is_empty() {
            self.leave_environment(id);
        }
        let Frame { flags, parent, operation, .. } = self.frames[id as usize];
        if flags & (flag::BRANCH | flag::CLIENT) == 0 {
            if !self.guards.shedders.is_empty() {
                self.shedder_learns(id, outcome);
            }
            self.close_visit(id, outcome);
        } else if flags & flag::HOLDS != 0 {
            self.lose_keeper(id);
        }
        if parent == NONE {
            self.hang_up(id);
            self.finish(id, outcome);
            return NONE;
        }
        if parent & JOIN != 0 {
            return self.branch_done(id, outcome);
        }
        if flags & flag::RESPONDED == 0 {
            self.calls[parent as usize].found = self.calls[id as usize].found;
            self.calls[parent as usize].vintage = self.answer_vintage(id);
        }
        let bytes = self.answer_bytes(id, operation);
        if flags & flag::GUARDED == 0 {
            self.calls[parent as usize].bytes = bytes;
            return self.learn(id, outcome);
        }
        self.send_back(id, outcome, bytes)
    }

    /// What an operation answers without saying so: nothing, or, for a proxy, what it was answered.
    #[inline(always)]
    pub(super) fn answer_bytes(&self, id: u32, operation: u16) -> f32 {
        if self.routes[operation as usize].proxy { self.calls[id as usize].bytes } else { 0.0 }
    }

    /// The answer travels to the caller.
    fn send_back(&mut self, id: u32, outcome: Outcome, bytes: f32) -> u32 {
        let Frame { station, occasion, parent, operation, .. } = self.frames[id as usize];
        let edge = self.calls[id as usize].edge;
        self.calls[parent as usize].bytes = bytes;
        let Shortcut { no_way, no_way_back, .. } = self.shortcuts[edge as usize];
        if bytes == 0.0 && no_way && self.incidents.troubles.is_empty() {
            return self.learn(id, outcome);
        }
        let caller = self.frames[parent as usize].station;
        let component = self.routes[operation as usize].component;
        // What nodes send each other has not left the component.
        let leaves = caller == NONE || self.stations[caller as usize].component != component;
        self.count_bytes(station, self.frames[id as usize].request, bytes, leaves);
        if no_way_back && self.incidents.troubles.is_empty() {
            return self.learn(id, outcome);
        }
        self.calls[id as usize].outcome = outcome;
        let until = self.travel(id, [station, caller], f64::from(bytes), mix(occasion));
        if !self.incidents.troubles.is_empty() {
            return self.set_off(id, Stage::Back, until);
        }
        let cell = self.m.edges[edge as usize].network_cell;
        self.stage(id, Stage::Back, until, cell)
    }

    /// An attempt that never got to a door: its caller knows at once.
    pub(super) fn attempt_failed(&mut self, child: u32, kind: Failure) -> u32 {
        if self.frames[child as usize].parent == NONE {
            self.hang_up(child);
            self.finish(child, Outcome::failed(kind));
            return NONE;
        }
        self.learn(child, Outcome::failed(kind))
    }

    /// The caller has the outcome in hand: it goes on, tries again, or fails in turn.
    #[inline(always)]
    pub(super) fn learn(&mut self, id: u32, outcome: Outcome) -> u32 {
        let Frame { parent, flags, .. } = self.frames[id as usize];
        if parent == NONE {
            // The caller has left while the answer was on its way.
            self.hang_up(id);
            self.finish(id, outcome);
            return NONE;
        }
        if flags & flag::GUARDED != 0 {
            self.hang_up(id);
            if self.guards.are_used {
                self.attempt_ended(id, outcome);
            }
        }
        self.free_frame(id);
        self.answered(parent, outcome)
    }

    /// The frame that waited for an attempt has its outcome.
    #[inline(always)]
    fn answered(&mut self, parent: u32, outcome: Outcome) -> u32 {
        let caller = &mut self.frames[parent as usize];
        caller.child = NONE;
        caller.since = self.now;
        // What was armed for the attempt is stale from here on.
        caller.generation = caller.generation.wrapping_add(1);
        if let Some(kind) = outcome.failure() {
            return self.call_failed(parent, kind);
        }
        caller.state = State::Running;
        if caller.flags & flag::ASYNC != 0 { self.seize_again(parent) } else { self.unless_paused(parent) }
    }

    #[inline(always)]
    fn unless_paused(&mut self, id: u32) -> u32 {
        if self.paused != 0 { self.park_if_paused(id) } else { id }
    }

    /// An attempt failed: the caller backs off and tries again, a handler takes over, or its visit fails with the kind.
    #[cold]
    #[inline(never)]
    pub(super) fn call_failed(&mut self, id: u32, kind: Failure) -> u32 {
        if self.extended
            && let Some(pause) = self.retry_after(id, kind)
        {
            return self.back_off(id, pause);
        }
        self.frames[id as usize].state = State::Running;
        if !self.handled(id, kind) {
            return self.conclude_badly(id, kind);
        }
        if self.frames[id as usize].flags & flag::ASYNC != 0 { self.seize_again(id) } else { id }
    }

    /// Length of the back-off if there is to be another attempt.
    fn retry_after(&mut self, id: u32, kind: Failure) -> Option<Ns> {
        let frame = self.frames[id as usize];
        let Step::Call { edge } = self.m.steps[frame.pc as usize - 1] else {
            return None;
        };
        let spec = &self.m.edges[edge as usize];
        let retry = spec.retry.as_ref()?;
        let call = self.calls[id as usize];
        if !retry.again(call.attempt, kind.0) || kind == Failure::DEADLINE {
            return None;
        }
        let now = self.now;
        let draw = unit(bits(mix(spec.key), mix(frame.occasion ^ u64::from(call.attempt))));
        let pause = retry.pause(call.attempt, crate::units::Span(call.pause), draw).0;
        if call.until <= now.saturating_add(pause) {
            return None;
        }
        if let Some(budget) = self.guards.budgets[edge as usize].as_mut()
            && !budget.retry(crate::units::Time(now))
        {
            return None;
        }
        Some(pause)
    }

    fn back_off(&mut self, id: u32, pause: Ns) -> u32 {
        self.effort.retries += 1;
        self.calls[id as usize].pause = pause;
        let Step::Call { edge } = self.m.steps[self.frames[id as usize].pc as usize - 1] else {
            unreachable!("only calls are tried again")
        };
        let cell = self.m.edges[edge as usize].backoff_cell;
        self.stage(id, Stage::BackOff, self.now + pause, cell)
    }

    /// `respond`: the caller has its answer, the worker works on.
    pub(super) fn respond(&mut self, id: u32, draw: u16) -> u32 {
        let frame = self.frames[id as usize];
        let bytes = if draw == NONE16 { 0.0 } else { self.samplers.draw(draw, frame.occasion) as f32 };
        if frame.flags & flag::RESPONDED != 0 {
            return id;
        }
        self.remember_transaction(id);
        self.count_answer(id, Outcome::OK);
        self.frames[id as usize].flags |= flag::RESPONDED;
        let own = self.detached_copy(frame.request, 0);
        self.frames[id as usize].request = own;
        self.frames[id as usize].parent = NONE;
        if frame.parent == NONE {
            self.count_bytes(frame.station, frame.request, bytes, true);
            self.finish_request(frame.request, Outcome::OK);
            return id;
        }
        // A frame of its own carries the answer; the connection of the call goes with it.
        let flags = frame.flags & (flag::GUARDED | flag::RESPONDED) | flag::RESPONDED;
        let courier = self.new_frame(Frame { flags, generation: 0, child: NONE, link: NONE, ..frame });
        if self.extended {
            self.calls[courier as usize] = Call { holds: NONE, transaction: 0, ..self.calls[id as usize] };
            self.calls[id as usize].pool = NONE;
            self.guards.move_attempt(id, courier);
        }
        self.frames[frame.parent as usize].child = courier;
        if self.extended {
            self.calls[frame.parent as usize].vintage = self.answer_vintage(courier);
        }
        let next = if frame.flags & flag::GUARDED != 0 {
            self.send_back(courier, Outcome::OK, bytes)
        } else {
            if self.extended {
                self.calls[frame.parent as usize].bytes = bytes;
            }
            self.learn(courier, Outcome::OK)
        };
        if next != NONE {
            self.ready.push(next);
        }
        id
    }

    // -- the end of a visit -----------------------------------------------------------------------------------------------

    /// Slot, counters and statistics of a visit that ends.
    #[inline(always)]
    fn close_visit(&mut self, id: u32, outcome: Outcome) {
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        let Frame { flags, station: s, operation, entered, granted, request, .. } = *frame;
        frame.flags = flags & !(flag::HOLDS | flag::COUNTED);
        if flags & flag::RESPONDED == 0 {
            let flow = &mut self.operations[operation as usize];
            flow.count(now - entered, outcome);
            if flow.tracked {
                self.leave_filtered(Scope::Operation(operation), request, now - entered, outcome);
            }
        }
        if s == NONE {
            return;
        }
        let station = &mut self.stations[s as usize];
        let group = &mut self.groups[station.component as usize];
        let i = s - group.first;
        if flags & flag::COUNTED != 0 {
            station.left += 1;
            group.balancer.less(i);
        }
        if flags & flag::RESPONDED == 0 {
            group.balancer.observe(i, crate::units::Span(now - entered), crate::units::Time(now));
        }
        if flags & flag::HOLDS == 0 {
            return;
        }
        station.held = station.held.wrapping_add(now - granted);
        group.service.add(now - granted);
        if station.queued == 0 {
            station.free += 1;
            station.busy.leave(now);
        } else {
            self.next_in_line(s as usize);
        }
    }

    /// The balancer no longer counts the frame.
    #[inline(always)]
    pub(super) fn count_out(&mut self, id: u32) {
        let frame = &mut self.frames[id as usize];
        frame.flags &= !flag::COUNTED;
        let group = &mut self.groups[self.stations[frame.station as usize].component as usize];
        group.balancer.less(frame.station - group.first);
    }

    /// Door to answer, in the statistics of the operation.
    #[inline(always)]
    fn count_answer(&mut self, id: u32, outcome: Outcome) {
        let Frame { operation, entered, station, request, .. } = self.frames[id as usize];
        let took = self.now - entered;
        let flow = &mut self.operations[operation as usize];
        flow.count(took, outcome);
        if flow.tracked {
            self.leave_filtered(Scope::Operation(operation), request, took, outcome);
        }
        let component = self.m.operations[operation as usize].component as usize;
        if station != NONE && matches!(self.m.components[component].balance, Balance::LeastLatency | Balance::Latency) {
            let i = station - self.m.components[component].first;
            self.groups[component].balancer.observe(i, crate::units::Span(took), crate::units::Time(self.now));
        }
    }

    /// A frame without a parent ends: its request is over.
    #[inline(always)]
    fn finish(&mut self, id: u32, outcome: Outcome) {
        let request = self.frames[id as usize].request;
        self.free_frame(id);
        self.finish_request(request, outcome);
    }

    /// End-to-end statistics of a request; the row is free afterwards.
    #[inline(always)]
    pub(super) fn finish_request(&mut self, id: u32, outcome: Outcome) {
        let Request { arrived, class, flags, client, context, .. } = self.requests[id as usize];
        if flags & row::DETACHED != 0 {
            return self.forget(id);
        }
        let took = self.now - arrived;
        let flow = &mut self.classes[class as usize];
        if flow.mirror == NONE16 {
            flow.count(took, outcome);
            if flow.tracked {
                self.leave_filtered(Scope::Class(class), id, took, outcome);
            }
        }
        let from = id as usize * self.stride;
        let cells = &self.cells[from..from + self.stride];
        debug_assert!(self.telescopes(id), "the cells of a request sum to its latency");
        let is_slow = self.observer.finished(took, cells);
        if flags & row::TOLD != 0 {
            self.end_spans(id, took, outcome);
        }
        if flags & row::FOLLOWED != 0 {
            self.end_trace(id, took, outcome.failure().map(|f| f.0), is_slow);
        }
        if !self.effort.carried.is_empty() {
            self.settle_carried(id, false);
        }
        self.fold_cells(id);
        self.course.finished += 1;
        if self.course.finished == self.course.next_mark {
            self.mark_reached();
        }
        self.free_empty_request(id, context);
        if client != NONE {
            self.client_done(client);
        }
    }

    #[cold]
    #[inline(never)]
    fn forget(&mut self, id: u32) {
        if self.requests[id as usize].flags & row::WASTED != 0 {
            self.settle_carried(id, true);
            let from = id as usize * self.stride;
            for (sum, &ticks) in self.effort.wasted.iter_mut().zip(&self.cells[from..from + self.stride]) {
                *sum += u64::from(ticks);
            }
        }
        self.free_request(id);
    }

    /// A row for work that goes on without its request.
    pub(super) fn detached_copy(&mut self, request: u32, flags: u8) -> u32 {
        let of = self.requests[request as usize];
        self.new_request(Request {
            flags: of.flags & !(row::FOLLOWED | row::TOLD) | row::DETACHED | flags,
            client: NONE,
            ..of
        })
    }
}

/// Chooses the target of a call by its shares.
#[inline(always)]
pub(super) fn target(edge: &Edge, occasion: u64) -> u16 {
    if edge.targets.len() == 1 {
        return edge.targets[0].1;
    }
    let draw = bits(edge.key ^ SHARES, occasion) >> 32;
    edge.targets.iter().find(|(share, _)| draw < *share).map_or(edge.targets[0].1, |t| t.1)
}

/// Distinguishes the choice of a target from the occasion of its visit.
const SHARES: u64 = 0x7368_6172_6573;

fn ns(seconds: f64) -> Ns {
    crate::units::Span::from_secs_f64(seconds).0
}
