//! Functions: each request has an environment of its own, which may have to be started first.

use crate::engine::world::{Outcome, World};
use crate::model::{Failure, Function, NONE, NONE16};
use crate::policy::environment::{Pool, Start};
use crate::random::mix;
use crate::record::FunctionTally;
use crate::units::Time;

/// The environments of one function.
#[derive(Debug)]
pub(super) struct Functions {
    pool: Pool,
    tally: FunctionTally,
}

impl Functions {
    pub(super) fn new(spec: &Function) -> Functions {
        Functions { pool: Pool::new(&spec.environments), tally: FunctionTally::default() }
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
        self.elastic.functions.get(number as usize).map(|state| state.tally)
    }
}

/// Distinguishes the length of a cold start from the draws of the request.
const COLD: u64 = 0x636f_6c64;
