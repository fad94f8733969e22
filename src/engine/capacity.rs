//! Databases in capacity units at work: looked at, made larger and smaller, put to sleep and woken.
//!
//! Such a database stands on a machine as large as it may ever become and has a share of it, which follows its units (see
//! `pods`); its buffer pool follows them, too, and is empty after a sleep. Asleep it is an instance that is paused:
//! requests come in and wait, and the first of them wakes it.

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, OBSERVE, RELEASE, World, gate};
use crate::model::{Model, NONE16};
use crate::policy::capacity::{Decision, Units};
use crate::random::{bits, occasion};
use crate::record::CapacityTally;
use crate::units::Time;

/// One such database in a run.
#[derive(Debug)]
pub(super) struct Capacities {
    units: Units,
    phase: Phase,
    tally: CapacityTally,
    /// Up to when the tally is right.
    counted: Ns,
    /// At the last look: when, core time, arrivals.
    looked: (Ns, u128, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Awake,
    Asleep,
    Waking,
}

impl Capacities {
    fn new(spec: &crate::model::capacity::Capacity) -> Capacities {
        Capacities {
            units: Units::new(&spec.units),
            phase: Phase::Awake,
            tally: CapacityTally::default(),
            counted: 0,
            looked: (0, 0, 0),
        }
    }

    pub(super) fn all(m: &Model) -> Vec<Capacities> {
        m.capacities.iter().map(Capacities::new).collect()
    }

    fn tally_by(&self, now: Ns) -> CapacityTally {
        let dt = u128::from(now - self.counted);
        let mut tally = self.tally;
        if self.phase == Phase::Awake {
            tally.unit_ns += dt * u128::from(self.units.count);
        } else {
            tally.asleep_ns += dt;
        }
        tally
    }

    fn count(&mut self, now: Ns) {
        (self.tally, self.counted) = (self.tally_by(now), now);
    }
}

impl World<'_> {
    pub(super) fn begin_capacities(&mut self) {
        for (k, spec) in self.m.capacities.iter().enumerate() {
            self.size_to_units(k as u16);
            self.set_timer(spec.every.0, OBSERVE, Timer::Capacity(k as u16));
        }
    }

    fn instance_with_units(&self, k: u16) -> u32 {
        let component = self.m.capacities[k as usize].component;
        self.m.components[component as usize].first
    }

    /// Cores and memory are those of the units there are.
    fn size_to_units(&mut self, k: u16) {
        let spec = &self.m.capacities[k as usize];
        let count = f64::from(self.elastic.capacities[k as usize].units.count);
        let s = self.instance_with_units(k);
        self.limit_pod(s, count * spec.cores);
        if let Some(buffer) = &mut self.buffers[s as usize] {
            buffer.resize((count * spec.pages) as u64);
        }
    }

    /// How much was used since the last look, and what follows from it.
    pub(super) fn look_at_capacity(&mut self, k: u16) {
        self.events -= 1;
        let spec = &self.m.capacities[k as usize];
        self.set_timer(self.now + spec.every.0, OBSERVE, Timer::Capacity(k));
        let (s, now) = (self.instance_with_units(k), self.now);
        let core_ns = self.pod_ns(s as usize);
        let station = &self.stations[s as usize];
        let (arrivals, inside) = (station.arrivals, station.busy.n + u64::from(station.queued));
        let state = &mut self.elastic.capacities[k as usize];
        let (at, core_before, arrivals_before) = std::mem::replace(&mut state.looked, (now, core_ns, arrivals));
        if state.phase != Phase::Awake {
            return;
        }
        let there = f64::from(state.units.count) * spec.cores * (now - at) as f64;
        let used = (core_ns - core_before) as f64 / there;
        let is_idle = inside == 0 && arrivals == arrivals_before && self.stations[s as usize].gate & gate::DOWN == 0;
        state.count(now);
        match state.units.look(&spec.units, Time(now), (used, is_idle)) {
            Decision::Stay => {}
            Decision::Become(_) => {
                state.tally.changes += 1;
                self.size_to_units(k);
            }
            Decision::Sleep => self.fall_asleep(k, s),
        }
    }

    fn fall_asleep(&mut self, k: u16, s: u32) {
        if self.stations[s as usize].gate & gate::PAUSED != 0 {
            // A fault has stopped it already.
            return;
        }
        let state = &mut self.elastic.capacities[k as usize];
        state.phase = Phase::Asleep;
        state.tally.pauses += 1;
        self.pause(s);
        if let Some(buffer) = &mut self.buffers[s as usize] {
            buffer.resize(0);
        }
    }

    /// Somebody asks an instance that is paused: if it is asleep, it wakes up.
    #[cold]
    pub(super) fn ask_sleeper(&mut self, s: u32) {
        let component = self.stations[s as usize].component;
        let Some(k) = self.m.capacities.iter().position(|spec| spec.component == component) else { return };
        let state = &mut self.elastic.capacities[k];
        if state.phase != Phase::Asleep {
            return;
        }
        state.phase = Phase::Waking;
        let (draw, pauses) = (self.m.capacities[k].resume_draw, state.tally.pauses);
        let key = self.seeded(self.m.components[component as usize].key);
        let takes = if draw == NONE16 { 0 } else { self.samplers.draw_ns(draw, bits(key ^ WAKE, occasion(pauses))) };
        self.set_timer(self.now + takes, RELEASE, Timer::Awake(k as u16));
    }

    /// It serves again.
    pub(super) fn wake_up(&mut self, k: u16) {
        let (s, now) = (self.instance_with_units(k), self.now);
        let state = &mut self.elastic.capacities[k as usize];
        state.count(now);
        state.phase = Phase::Awake;
        state.units.wakes(Time(now));
        self.size_to_units(k);
        if self.stations[s as usize].gate & gate::PAUSED != 0 {
            self.unpause(s);
        }
    }

    pub(super) fn capacity_tally(&self, component: u16) -> Option<CapacityTally> {
        let k = self.m.capacities.iter().position(|spec| spec.component == component)?;
        Some(self.elastic.capacities[k].tally_by(self.now))
    }
}

/// Distinguishes how long waking takes from the component's other draws.
const WAKE: u64 = 0x7761_6b65;
