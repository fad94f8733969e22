//! What goes wrong: deaths and revivals of instances, gray failures, injected errors, pauses; and who notices.

use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Frame, Injection, JOIN, Ns, OBSERVE, Outcome, RELEASE, State, World, flag, gate};
use crate::model::{Act, Failure, Fault, Model, NONE, NONE16, Target};
use crate::policy::arrivals::{Shape, Surge};
use crate::policy::health::Checks;
use crate::random::{bits, mix, occasion};
use crate::record::{FaultPeriod, Mark};
use crate::units::{Span, Time};

/// Most occurrences of one fault that are known beforehand.
const MOST: usize = 100_000;

/// When a fault begins and ends in a run, if it ends: the same draws as the engine's, which do not depend on what the
/// system does.
pub(super) fn occurrences(m: &Model, fault: &Fault, salt: u64, horizon: Ns) -> impl Iterator<Item = (Ns, Option<Ns>)> {
    let key = mix(fault.key ^ salt);
    let mut over = 0;
    let next = move |n| {
        let start = match fault.at {
            Some(once) if n == 0 => once.0,
            Some(_) => return None,
            None => gap(m, fault, key, n).saturating_add(over),
        };
        let end = lasts(m, fault, draw_of(key, n)).map(|lasts| start.saturating_add(lasts));
        over = end.unwrap_or(Ns::MAX);
        Some((start, end))
    };
    (0..).map_while(next).take_while(move |(start, _)| *start < horizon).take(MOST)
}

/// How long a fault that comes at random waits for its n-th time.
fn gap(m: &Model, fault: &Fault, key: u64, n: u64) -> Ns {
    m.samplers.draw_ns(fault.every_draw, bits(key, occasion(n)))
}

/// Address of all that is drawn for the n-th time of a fault.
fn draw_of(key: u64, n: u64) -> u64 {
    bits(key, mix(occasion(n)))
}

/// How long it lasts, if it ends.
fn lasts(m: &Model, fault: &Fault, draw: u64) -> Option<Ns> {
    (fault.lasts_draw != NONE16).then(|| m.samplers.draw_ns(fault.lasts_draw, mix(draw)))
}

/// Most surges of one fault in a run: each look at the rate asks for all of them.
const SURGES: usize = 10_000;

/// The shape of a source with the surges that come at random times: the same as the periods that the engine marks.
pub(super) fn surged(m: &Model, source: u16, salt: u64, shape: &Shape) -> Shape {
    let mut shape = shape.clone();
    for fault in m.faults.iter().filter(|fault| fault.every_draw != NONE16) {
        let Act::Surge { source: surged, factor, ramp_s } = fault.act else { continue };
        if surged != source {
            continue;
        }
        let horizon = m.run.duration.map_or(Ns::MAX, |length| length.0);
        for (start, end) in occurrences(m, fault, salt, horizon).take(SURGES) {
            let lasts = end.map_or(Ns::MAX / 4, |end| end - start);
            let (at_s, lasts_s) = (Time(start).secs(), Span(lasts).secs());
            shape.surges.push(Surge { at_s, factor, ramp_s, hold_s: (lasts_s - ramp_s).max(0.0), every_s: None });
        }
    }
    shape
}

impl World<'_> {
    /// Plans all faults and the up and down of externals.
    pub(super) fn begin_faults(&mut self) {
        for f in 0..self.m.faults.len() as u16 {
            let fault = &self.m.faults[f as usize];
            match fault.at {
                Some(at) => {
                    self.set_timer(at.0, CLAIM, Timer::FaultStart(f));
                }
                None => self.plan_next_fault(f),
            }
        }
        for c in 0..self.m.components.len() as u16 {
            if self.m.components[c as usize].up_draw != NONE16 {
                self.plan_renewal(c, 0);
            }
        }
    }

    fn plan_next_fault(&mut self, f: u16) {
        let fault = &self.m.faults[f as usize];
        let n = self.fault_periods[f as usize].len() as u64;
        let gap = gap(self.m, fault, self.seeded(fault.key), n);
        self.set_timer(self.now + gap, CLAIM, Timer::FaultStart(f));
    }

    pub(super) fn fault_starts(&mut self, f: u16) {
        let m = self.m;
        let fault = &m.faults[f as usize];
        let n = self.fault_periods[f as usize].len() as u64;
        let draw = draw_of(self.seeded(fault.key), n);
        let hit = match &fault.act {
            Act::Kill(target)
            | Act::Slow(target, _)
            | Act::Pause(target)
            | Act::Errors { target: Some(target), .. } => self.hit_by(target, draw),
            Act::Errors { .. }
            | Act::Surge { .. }
            | Act::Expire { .. }
            | Act::Release(_)
            | Act::Redrive { .. }
            | Act::Rewind { .. }
            | Act::Reshard { .. }
            | Act::Link(_)
            | Act::Deploy(_) => vec![],
        };
        let is_struck = !matches!(fault.act, Act::Errors { .. });
        let station = if is_struck && hit.len() == 1 { hit[0] } else { NONE };
        let period = FaultPeriod { start: Time(self.now), station, ..FaultPeriod::default() };
        self.fault_periods[f as usize].push(period);
        if fault.at.is_some() {
            self.snapshot(Mark::FaultStart(f));
        }
        if let Some(lasts) = lasts(m, fault, draw) {
            self.set_timer(self.now + lasts, CLAIM, Timer::FaultEnd { fault: f, period: n as u32 });
        }
        if let Act::Link(trouble) = &fault.act {
            self.begin_trouble(f, trouble, draw);
        }
        if matches!(fault.act, Act::Release(_)) {
            self.objects_change(f, draw);
        }
        self.strike(f, &hit);
    }

    /// The instances that a fault hits: of `any` one that is there.
    fn hit_by(&self, target: &Target, draw: u64) -> Vec<u32> {
        match target {
            Target::Stations(stations) => stations.clone(),
            Target::AnyOf(parts) if self.elastic.scalers.is_empty() => World::any_of(parts, draw),
            Target::AnyOf(parts) => {
                let is_there = |part: &&Vec<u32>| part.len() != 1 || !self.is_away(part[0]);
                let parts: Vec<Vec<u32>> = parts.iter().filter(is_there).cloned().collect();
                if parts.is_empty() { Vec::new() } else { World::any_of(&parts, draw) }
            }
        }
    }

    fn strike(&mut self, f: u16, hit: &[u32]) {
        let m = self.m;
        match &m.faults[f as usize].act {
            Act::Kill(_) => hit.iter().for_each(|&s| self.kill(s)),
            Act::Slow(_, factor) => hit.iter().for_each(|&s| self.stations[s as usize].scale *= factor),
            Act::Pause(_) => hit.iter().for_each(|&s| self.pause(s)),
            Act::Errors { .. } => self.inject(f, hit),
            &Act::Expire { cache, key: NONE16, .. } => self.flush_cache(cache),
            &Act::Expire { cache, key, value } => self.expire_value(cache, key, value),
            Act::Reshard { .. } => self.begin_reshard(f),
            &Act::Redrive { topic } => self.redrive(topic),
            Act::Rewind { groups, back } => groups.iter().for_each(|&group| self.rewind(group, back.0)),
            Act::Deploy(_) => self.begin_rollout(f),
            Act::Surge { .. } | Act::Link(_) | Act::Release(_) => {}
        }
    }

    /// Requests begin to fail, at these instances or at all.
    fn inject(&mut self, f: u16, hit: &[u32]) {
        let m = self.m;
        let &Act::Errors { component, operation, share, kind, ref target } = &m.faults[f as usize].act else { return };
        let key = self.seeded(m.faults[f as usize].key);
        let everywhere = [NONE];
        for &station in if target.is_none() { &everywhere } else { hit } {
            let injection = Injection { fault: f, operation, station, share, kind, key };
            self.groups[component as usize].injected.push(injection);
        }
        let spec = &m.components[component as usize];
        for s in spec.first..spec.first + spec.count {
            self.stations[s as usize].gate |= gate::CHECKS;
        }
    }

    pub(super) fn fault_ends(&mut self, f: u16, period: u32) {
        let m = self.m;
        let fault = &m.faults[f as usize];
        self.fault_periods[f as usize][period as usize].end = Some(Time(self.now));
        let draw = bits(self.seeded(fault.key), mix(occasion(u64::from(period))));
        let known = self.fault_periods[f as usize][period as usize].station;
        let hit = |target: &Target| match target {
            // Since then others may have come and gone.
            Target::AnyOf(_) if known != NONE => vec![known],
            _ => self.hit_by(target, draw),
        };
        match &fault.act {
            Act::Kill(target) => hit(target).into_iter().for_each(|s| self.restart(s)),
            Act::Slow(target, factor) => {
                for s in hit(target) {
                    self.stations[s as usize].scale /= factor;
                }
            }
            Act::Pause(target) => hit(target).into_iter().for_each(|s| self.unpause(s)),
            Act::Errors { component, .. } => self.groups[*component as usize].injected.retain(|i| i.fault != f),
            Act::Link(trouble) => self.end_trouble(f, trouble),
            Act::Surge { .. }
            | Act::Expire { .. }
            | Act::Release(_)
            | Act::Redrive { .. }
            | Act::Rewind { .. }
            | Act::Reshard { .. }
            | Act::Deploy(_) => {}
        }
        if fault.at.is_some() {
            self.snapshot(Mark::FaultEnd(f));
        } else {
            self.plan_next_fault(f);
        }
    }

    // -- death and revival ----------------------------------------------------------------------------------------------

    /// The instance dies with all its requests; what they had called works on for nobody.
    pub(super) fn kill(&mut self, s: u32) {
        let station = &mut self.stations[s as usize];
        if station.gate & gate::DOWN != 0 {
            return;
        }
        station.gate |= gate::DOWN;
        station.epoch += 1;
        station.up_ns += self.now - station.up_since;
        let (component, epoch) = (station.component, station.epoch);
        self.break_connections(component);
        self.wipe(s);
        self.consumer_died(s);
        self.queue_died(s);
        if !self.post.logs.is_empty() {
            self.publisher_died(s);
            self.member_falls_silent(s);
        }
        let dying: Vec<u32> = (0..self.frames.len() as u32).filter(|&id| self.dies_with(id, s)).collect();
        // Those in line first, so that nobody who leaves a slot wakes somebody who is about to die.
        for queued in [true, false] {
            for &id in &dying {
                if self.dies_with(id, s) && queued == (self.frames[id as usize].state == State::Queued) {
                    self.die(id);
                }
            }
        }
        self.break_locks(s);
        self.copy_died(s);
        self.broker_died(s);
        self.names_notice(s);
        match self.checks(s) {
            None => self.set_eligible(s, false),
            Some(checks) => {
                let at = checks.removal_after(Time(self.now));
                self.set_timer(at.0, RELEASE, Timer::Checked { station: s, epoch, up: false });
            }
        }
    }

    /// A visit at the instance, or a spawned program there; branches die with their visit.
    pub(super) fn dies_with(&self, id: u32, s: u32) -> bool {
        let frame = &self.frames[id as usize];
        let alive = !matches!(frame.state, State::Free | State::Zombie);
        let travels = frame.flags & flag::STAGED != 0 && frame.flags & flag::GUARDED != 0 && self.is_under_way(id);
        let here = frame.flags & flag::COUNTED != 0 || (frame.flags & flag::BRANCH != 0 && frame.parent == NONE);
        alive && frame.station == s && here && !travels
    }

    /// Ends a visit as `reset`: its caller is told, its branches die too, what it called works on.
    fn die(&mut self, id: u32) {
        self.abandon_sagas(id);
        let child = std::mem::replace(&mut self.frames[id as usize].child, NONE);
        let below = self.since_below(child);
        if child != NONE && child & JOIN != 0 {
            self.let_join_go(child & !JOIN);
        } else {
            self.let_go(child, None);
        }
        let id = if self.withdraw(id) { self.transplant(id) } else { id };
        // What it was doing when it died took its time too.
        let Frame { request, cell, since, .. } = self.frames[id as usize];
        self.attribute(id, request, cell, since.max(below));
        let frame = &mut self.frames[id as usize];
        frame.since = self.now;
        frame.state = State::Running;
        frame.flags &= !flag::STAGED;
        // What was armed for the call that it waited for is stale, however long the news takes to its caller.
        frame.generation = frame.generation.wrapping_add(1);
        let next = self.conclude(id, Outcome::failed(Failure::RESET));
        if next != NONE {
            self.ready.push(next);
        }
    }

    /// The calendar holds the old number: the visit goes on under a new one.
    fn transplant(&mut self, id: u32) -> u32 {
        let frame = self.frames[id as usize];
        let new = self.new_frame(frame);
        if self.extended {
            self.calls[new as usize] = self.calls[id as usize];
            self.move_transaction(id, new);
            self.guards.move_attempt(id, new);
        }
        if frame.parent != NONE && frame.parent & JOIN == 0 {
            self.frames[frame.parent as usize].child = new;
        } else if frame.parent != NONE {
            for branch in &mut self.joins.all[(frame.parent & !JOIN) as usize].branches {
                *branch = if *branch == id { new } else { *branch };
            }
        }
        let old = &mut self.frames[id as usize];
        old.state = State::Zombie;
        old.flags = 0;
        old.child = NONE;
        old.generation = old.generation.wrapping_add(1);
        new
    }

    /// The machine is there again; the instance needs its time to boot.
    pub(super) fn restart(&mut self, s: u32) {
        self.start_at(s, self.now);
    }

    /// The same from a moment on.
    pub(super) fn start_at(&mut self, s: u32, from: Ns) {
        if self.waits_for_host(s) {
            return;
        }
        let epoch = self.stations[s as usize].epoch;
        let spec = &self.m.components[self.stations[s as usize].component as usize];
        let warming = spec.warm.filter(|warm| warm.joins_warm).map_or(0, |warm| warm.lasts.0);
        let boot = self.boot_time(s) + self.recovery_time(s) + warming;
        if from + boot == self.now {
            return self.booted(s, epoch);
        }
        self.set_timer(from + boot, RELEASE, Timer::Boot { station: s, epoch });
    }

    pub(super) fn booted(&mut self, s: u32, epoch: u32) {
        let station = &mut self.stations[s as usize];
        if station.epoch != epoch || station.gate & gate::DOWN == 0 || station.gate & gate::ABSENT != 0 {
            return;
        }
        station.gate &= !gate::DOWN;
        station.epoch += 1;
        station.up_since = self.now;
        let epoch = station.epoch;
        self.copy_returns(s);
        self.post_returns(s);
        self.broker_returns(s);
        self.member_returns(s);
        self.copy_of_node_returns(s);
        self.cold_now(s);
        self.names_notice(s);
        match self.checks(s) {
            None => self.set_eligible(s, true),
            Some(checks) => {
                let at = checks.return_after(Time(self.now));
                self.set_timer(at.0, RELEASE, Timer::Checked { station: s, epoch, up: true });
            }
        }
    }

    /// More memory than there is: the instance dies and boots again.
    pub(super) fn out_of_memory(&mut self, s: u32, epoch: u32) {
        if self.stations[s as usize].epoch != epoch {
            return;
        }
        self.kill(s);
        self.restart(s);
    }

    /// The balancer's checker of an instance; probes of different instances do not coincide.
    pub(super) fn checks(&self, s: u32) -> Option<Checks> {
        let component = &self.m.components[self.stations[s as usize].component as usize];
        let health = component.health.as_ref()?;
        let phase =
            bits(self.seeded(component.key), occasion(u64::from(s - component.first))) % health.interval.0.max(1);
        Some(Checks {
            interval: health.interval,
            healthy: health.healthy,
            unhealthy: health.unhealthy,
            timeout: health.timeout,
            phase: Span(phase),
        })
    }

    pub(super) fn checked(&mut self, s: u32, epoch: u32, up: bool) {
        if self.stations[s as usize].epoch == epoch {
            self.set_eligible(s, up);
        }
    }

    pub(super) fn set_eligible(&mut self, s: u32, eligible: bool) {
        let component = self.stations[s as usize].component as usize;
        let i = s - self.m.components[component].first;
        if self.copy_of_node_noticed(s, eligible) {
            return;
        }
        self.groups[component].balancer.set_eligible(i, eligible);
        self.copy_noticed(s);
        if !self.incidents.rollouts.is_empty() {
            self.replaced(s);
        }
        if !self.elastic.verticals.is_empty() {
            self.resized(s);
        }
    }

    /// A balancer has picked a dead instance.
    pub(super) fn note_pick(&mut self, s: u32) {
        let now = Time(self.now);
        for periods in &mut self.fault_periods {
            if let Some(period) = periods.last_mut()
                && period.station == s
            {
                period.last_pick = Some(now);
            }
        }
    }

    // -- pauses -----------------------------------------------------------------------------------------------------------

    pub(super) fn pause(&mut self, s: u32) {
        self.stations[s as usize].gate |= gate::PAUSED;
        self.paused += 1;
        self.member_falls_silent(s);
        self.stop_cores(s, true);
    }

    pub(super) fn unpause(&mut self, s: u32) {
        self.stations[s as usize].gate &= !gate::PAUSED;
        self.paused -= 1;
        self.stop_cores(s, false);
        let frames = &self.frames;
        let ready = &mut self.ready;
        self.incidents.parked.retain(|&id| {
            let here = frames[id as usize].station == s;
            if here {
                ready.push(id);
            }
            !here
        });
        self.member_returns(s);
    }

    /// An instance with a machine of its own stops that machine's cores too.
    fn stop_cores(&mut self, s: u32, paused: bool) {
        let host = self.stations[s as usize].host;
        if host == NONE || self.hosts[host as usize].stations.len() != 1 {
            return;
        }
        let h = &mut self.hosts[host as usize];
        if h.pods.is_some() {
            return self.stop_pods(host, paused);
        }
        h.core_ns = h.core_ns_by(self.now);
        if !h.paused {
            h.age_served(self.now);
        }
        h.last = self.now;
        h.paused = paused;
        if h.sharing {
            self.touch(host);
        } else if !paused {
            self.serve_core_line(host);
        }
    }

    // -- externals that go up and down ------------------------------------------------------------------------------------

    /// The n-th change of an external: even ones end a time up, odd ones a time down.
    pub(super) fn renew(&mut self, c: u16, n: u64) {
        let spec = &self.m.components[c as usize];
        for s in spec.first..spec.first + spec.count {
            if n.is_multiple_of(2) {
                self.kill(s);
            } else {
                let epoch = self.stations[s as usize].epoch;
                self.booted(s, epoch);
            }
        }
        self.plan_renewal(c, n + 1);
    }

    fn plan_renewal(&mut self, c: u16, n: u64) {
        let spec = &self.m.components[c as usize];
        let draw = if n.is_multiple_of(2) { spec.up_draw } else { spec.down_draw };
        let lasts = self.samplers.draw_ns(draw, bits(self.seeded(spec.key), occasion(n)));
        self.set_timer(self.now + lasts, RELEASE, Timer::Renewal { component: c, occasion: n });
    }

    /// The whole model's observers and faults, at time 0.
    pub(super) fn begin(&mut self) {
        self.snapshot(Mark::Start);
        self.plan_mark();
        self.begin_samples();
        self.begin_sources();
        self.begin_faults();
        self.begin_flushes();
        self.begin_checkpoints();
        self.begin_logs();
        self.begin_clubs();
        self.begin_telling();
        let window = self.observer.window;
        let timer = self.timers.all.len() as u32;
        self.timers.all.push(Timer::Window);
        let slot = self.calendar.own_slot();
        self.observer.slot = slot;
        self.observer.timer = timer;
        let order = self.calendar.order(OBSERVE);
        self.calendar.reset(slot, window, order, super::world::TIMER | timer);
        for (w, watch) in self.m.watches.iter().enumerate() {
            self.set_timer(watch.every.0, OBSERVE, Timer::Look(w as u16));
        }
        self.begin_scaling();
        self.begin_capacities();
        self.begin_verticals();
        self.begin_spots();
        self.begin_nodes();
        for cut in &self.m.run.cuts {
            self.set_timer(cut.0, OBSERVE, Timer::Cut);
        }
    }
}
