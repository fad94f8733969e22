//! Functions: each request has an environment of its own, which may have to be started first.

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, Outcome, RELEASE, World};
use crate::model::{Failure, Function, NONE, NONE16};
use crate::policy::environment::{Pool, Start};
use crate::random::{bits, mix, occasion};
use crate::record::FunctionTally;
use crate::units::Time;

/// The environments of one function.
#[derive(Debug)]
pub(super) struct Functions {
    pool: Pool,
    tally: FunctionTally,
    /// Provisioned, or on their way to be.
    ordered: u32,
    /// Environments ever ordered: the address of how long they take.
    begun: u64,
    /// Up to when the area of those provisioned is counted.
    counted: Ns,
}

impl Functions {
    pub(super) fn new(spec: &Function) -> Functions {
        let (pool, ordered) = (Pool::new(&spec.environments), spec.environments.provisioned);
        Functions { pool, tally: FunctionTally::default(), ordered, begun: 0, counted: 0 }
    }

    fn tally_by(&self, now: Ns) -> FunctionTally {
        let area = u128::from(now - self.counted) * u128::from(self.pool.provisioned());
        FunctionTally { provisioned_ns: self.tally.provisioned_ns + area, ..self.tally }
    }
}

impl World<'_> {
    /// The first step of a function's program: a warm environment, a cold start, or none.
    pub(super) fn start_environment(&mut self, id: u32) -> u32 {
        let frame = &self.frames[id as usize];
        let component = self.stations[frame.station as usize].component;
        let number = self.m.components[component as usize].function;
        let spec = &self.m.functions[number as usize];
        let state = &mut self.elastic.functions[number as usize];
        match state.pool.begin(Time(self.now)) {
            Start::Throttled => {
                state.tally.throttled += 1;
                self.groups[component as usize].rejected[usize::from(Failure::THROTTLED.0)] += 1;
                return self.conclude(id, Outcome::failed(Failure::THROTTLED));
            }
            Start::Warm => state.tally.warm += 1,
            Start::Cold => {
                state.tally.cold += 1;
                self.calls[id as usize].in_environment = true;
                if spec.cold_draw != NONE16 {
                    // Not the draws of the request itself.
                    let takes = self.samplers.draw_ns(spec.cold_draw, mix(frame.occasion ^ COLD));
                    self.frames[id as usize].cell = spec.cold_cell;
                    self.schedule(id, self.now + takes);
                    return NONE;
                }
            }
        }
        self.calls[id as usize].in_environment = true;
        id
    }

    /// A visit that ends, well or not, leaves its environment.
    pub(super) fn leave_environment(&mut self, id: u32) {
        if !std::mem::take(&mut self.calls[id as usize].in_environment) {
            return;
        }
        let component = self.stations[self.frames[id as usize].station as usize].component;
        let number = self.m.components[component as usize].function;
        self.elastic.functions[number as usize].pool.end(Time(self.now));
    }

    pub(super) fn function_tally(&self, component: usize) -> Option<FunctionTally> {
        let number = self.m.components[component].function;
        self.elastic.functions.get(number as usize).map(|state| state.tally_by(self.now))
    }

    /// Environments that are provisioned or on their way to be, and those that are ready.
    pub(super) fn provisioned(&self, function: u16) -> (u32, u32) {
        let state = &self.elastic.functions[function as usize];
        (state.ordered, state.pool.provisioned())
    }

    /// So many are to be provisioned: new ones start as cold as any, those that are too many go at once.
    pub(super) fn provision(&mut self, function: u16, wanted: u32) -> u32 {
        let (spec, now) = (&self.m.functions[function as usize], self.now);
        let key = self.seeded(self.m.components[spec.component as usize].key);
        let state = &mut self.elastic.functions[function as usize];
        (state.tally, state.counted) = (state.tally_by(now), now);
        let more = wanted.saturating_sub(state.ordered);
        state.pool.withdraw(state.pool.provisioned().saturating_sub(wanted));
        state.ordered = wanted;
        for _ in 0..more {
            let state = &mut self.elastic.functions[function as usize];
            state.begun += 1;
            let address = bits(key ^ COLD, occasion(state.begun));
            let takes = if spec.cold_draw == NONE16 { 0 } else { self.samplers.draw_ns(spec.cold_draw, address) };
            self.set_timer(now + takes, RELEASE, Timer::Provisioned { function });
        }
        wanted
    }

    /// An environment that was ordered is ready, if it is still wanted.
    pub(super) fn provide(&mut self, function: u16) {
        let now = self.now;
        let state = &mut self.elastic.functions[function as usize];
        if state.pool.provisioned() < state.ordered {
            (state.tally, state.counted) = (state.tally_by(now), now);
            state.pool.provide();
        }
    }
}

/// Distinguishes the length of a cold start from the draws of the request.
const COLD: u64 = 0x636f_6c64;
