//! Spot machines at work: a notice, the time that it leaves, and another machine.
//!
//! When a machine is to be taken back, its instance leaves the rotation at once and finishes what it works on, for as long
//! as `drain` and the notice allow; what is left then fails as `reset`. Another machine is ordered when it is gone, and
//! boots. Notices come to each machine by itself, memoryless; one that is dead, booting or not there has nothing to lose.
//! What can go wrong: in life a whole pool of machines is taken back together; a fault on the zone shows that.

use crate::engine::timer::Timer;
use crate::engine::world::{RELEASE, World, gate};
use crate::model::NONE16;
use crate::random::{bits, mix, occasion};

impl World<'_> {
    pub(super) fn begin_spots(&mut self) {
        for spec in &self.m.spots {
            let component = &self.m.components[spec.component as usize];
            for s in component.first..component.first + component.count {
                self.plan_reclaim(s, 0);
            }
        }
    }

    /// When the next notice comes to a machine.
    fn plan_reclaim(&mut self, s: u32, turn: u32) {
        let component = self.stations[s as usize].component;
        let Some(spec) = self.m.spots.iter().find(|spec| spec.component == component) else { return };
        debug_assert!(spec.gap_draw != NONE16, "notices come after a time");
        let key = self.seeded(self.m.components[component as usize].key);
        let address = mix(bits(key, occasion(u64::from(s) << 32 | u64::from(turn))) ^ RECLAIM);
        let gap = self.samplers.draw_ns(spec.gap_draw, address);
        self.set_timer(self.now + gap, RELEASE, Timer::Reclaim { station: s, turn });
    }

    /// The provider wants a machine back.
    pub(super) fn reclaim(&mut self, s: u32, turn: u32) {
        self.plan_reclaim(s, turn + 1);
        let station = &self.stations[s as usize];
        if station.gate & (gate::DOWN | gate::ABSENT) != 0 {
            return;
        }
        let (component, epoch) = (station.component, station.epoch);
        let Some(spec) = self.m.spots.iter().find(|spec| spec.component == component) else { return };
        let drain = self.m.components[component as usize].drain.0;
        let until = self.now + drain.min(spec.notice.0);
        self.groups[component as usize].reclaims += 1;
        self.take_out(s);
        self.set_timer(self.now, RELEASE, Timer::Drain { station: s, epoch, until });
    }
}

/// Distinguishes notices from the component's other draws.
const RECLAIM: u64 = 0x0072_6563_6c61_696d;
