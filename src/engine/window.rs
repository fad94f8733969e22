//! Windowed aggregates: the first thing of a value that comes in a window begins a frame that waits for its end.
//!
//! What is gathered is a number only. The frame stands at the instance that gathers and dies with it; whatever comes after
//! the instance is back begins anew.

use rustc_hash::FxHashMap;

use crate::engine::world::{Frame, Ns, World};
use crate::model::{Model, NONE16};
use crate::random::mix;
use crate::record::WindowTally;

/// Windows of a world.
#[derive(Debug)]
pub(super) struct Windows {
    tallies: Vec<WindowTally>,
    /// End of the open window of each value at each life of each instance.
    open: Vec<FxHashMap<(u32, u32, u64), Ns>>,
}

/// Distinguishes what follows a window from what begins it.
const WINDOW: u64 = 0x7769_6e64_6f77;

impl Windows {
    pub(super) fn new(m: &Model) -> Windows {
        Windows {
            tallies: vec![WindowTally::default(); m.windows.len()],
            open: m.windows.iter().map(|_| FxHashMap::default()).collect(),
        }
    }

    pub(super) fn tallies(&self) -> Vec<WindowTally> {
        self.tallies.clone()
    }
}

impl World<'_> {
    /// `Window`: the frame's value is in the window from now on; the first one sees to its end.
    pub(super) fn gather_in_window(&mut self, id: u32, window: u16, entry: u16) -> u32 {
        let spec = self.m.windows[window as usize];
        let Frame { station, request, occasion, .. } = self.frames[id as usize];
        let value = if spec.key == NONE16 { 0 } else { self.key_value(spec.key, request) };
        let epoch = self.stations[station as usize].epoch;
        let end = (self.now / spec.every.0 + 1) * spec.every.0;
        let windows = &mut self.post.windows;
        windows.tallies[window as usize].gathered += 1;
        let known = windows.open[window as usize].insert((station, epoch, value), end);
        if known == Some(end) {
            return id;
        }
        windows.tallies[window as usize].begun += 1;
        let branch = self.new_branch(id, entry, mix(occasion ^ mix(u64::from(window) ^ WINDOW)), 0);
        let call = &mut self.calls[branch as usize];
        (call.deadline, call.transaction) = (Ns::MAX, 0);
        self.frames[branch as usize].cell = spec.cell;
        self.schedule(branch, end);
        id
    }
}
