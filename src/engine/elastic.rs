//! Instances that come and go while a run goes on: they are started, boot, warm up, drain and leave.
//!
//! Whoever may join stands there from the start behind closed doors (`gate::ABSENT`), so no table grows in a run. An
//! instance that is taken away is picked no longer; what is in flight there goes on, and is looked after every second until
//! nothing is left or the time of `drain` is over. What is left then dies with it. Its machine is paid from the moment it
//! is ordered to the moment it has left, boot included.

use crate::engine::capacity::Capacities;
use crate::engine::function::Functions;
use crate::engine::nodes::NodePools;
use crate::engine::scale::Scaling;
use crate::engine::timer::Timer;
use crate::engine::vertical::Resizing;
use crate::engine::world::{Ns, OBSERVE, RELEASE, World, gate};
use crate::model::Model;
use crate::record::Decision;

/// Time between two looks at an instance that drains.
const DRAIN_LOOK: Ns = 1_000_000_000;

/// What is known of instances that come and go, by station; who orders them, and what starts by itself.
#[derive(Debug)]
pub(super) struct Elastic {
    pub(super) scalers: Vec<Scaling>,
    pub(super) decisions: Vec<Decision>,
    pub(super) functions: Vec<Functions>,
    pub(super) capacities: Vec<Capacities>,
    pub(super) nodes: NodePools,
    pub(super) verticals: Vec<Resizing>,
    /// Its work takes longer for now.
    cold: Vec<bool>,
    /// Its machine is there (and paid) since then, or `Ns::MAX`; and how long it was before.
    there: Vec<(Ns, Ns)>,
}

impl Elastic {
    pub(super) fn new(m: &Model, salt: u64) -> Elastic {
        Elastic {
            scalers: m.scalers.iter().enumerate().map(|(k, spec)| Scaling::new(m, k, spec, salt)).collect(),
            decisions: Vec::new(),
            functions: m.functions.iter().map(Functions::new).collect(),
            capacities: Capacities::all(m),
            nodes: NodePools::new(m),
            verticals: Resizing::all(m),
            cold: vec![false; m.stations.len()],
            there: vec![(0, 0); m.stations.len()],
        }
    }

    /// How long the machine of an instance has been there, ns.
    pub(super) fn there_ns(&self, station: usize, now: Ns) -> Ns {
        let (since, before) = self.there[station];
        before + now.saturating_sub(since)
    }

    /// When its machine was ordered; 0 for those that were there from the start.
    pub(super) fn ordered_at(&self, station: u32) -> Ns {
        self.there[station as usize].0
    }

    fn comes(&mut self, station: u32, now: Ns) {
        self.there[station as usize].0 = now;
    }

    fn goes(&mut self, station: u32, now: Ns) {
        let (since, before) = &mut self.there[station as usize];
        *before += now.saturating_sub(*since);
        *since = Ns::MAX;
    }
}

impl World<'_> {
    /// The timers of what comes and goes.
    pub(super) fn ring_elastic(&mut self, timer: Timer) {
        match timer {
            Timer::Scale(scaler) => self.scale(scaler),
            Timer::Warm { station, epoch } => self.warm_now(station, epoch),
            Timer::Drained { station, epoch, until } => self.drained(station, epoch, until),
            Timer::NodeUp { host } => self.node_up(host),
            Timer::NodeIdle { host, epoch } => self.node_idle(host, epoch),
            Timer::Provisioned { function } => self.provide(function),
            Timer::Capacity(database) => self.look_at_capacity(database),
            Timer::Awake(database) => self.wake_up(database),
            Timer::Vertical(k) => self.look_at_sizes(k),
            Timer::Resize(k) => self.resize_more(k),
            Timer::Reclaim { station, turn } => self.reclaim(station, turn),
            _ => debug_assert!(false, "whoever rings all others has not heard of {timer:?}"),
        }
    }

    /// An instance that is not there at the start.
    pub(super) fn close_door(&mut self, s: u32) {
        self.stations[s as usize].gate |= gate::DOWN | gate::ABSENT;
        self.elastic.goes(s, 0);
        let component = self.stations[s as usize].component as usize;
        let instance = s - self.m.components[component].first;
        self.groups[component].balancer.set_eligible(instance, false);
    }

    /// The machine of an instance that is not there is ordered: it boots, then it joins.
    pub(super) fn bring(&mut self, s: u32) {
        self.stations[s as usize].gate &= !gate::ABSENT;
        self.elastic.comes(s, self.now);
        self.start_when_there(s);
    }

    /// Whether the instance could be brought: its door is closed and nobody is left inside.
    pub(super) fn is_away(&self, s: u32) -> bool {
        let away = gate::DOWN | gate::ABSENT;
        self.stations[s as usize].gate & away == away && self.elastic.there[s as usize].0 == Ns::MAX
    }

    /// Its machine is no longer paid.
    fn gone(&mut self, s: u32) {
        self.elastic.goes(s, self.now);
        self.leaves_host(s);
    }

    /// The instance is to leave: nobody picks it any more, and what is in flight may finish within the time of `drain`.
    pub(super) fn take_away(&mut self, s: u32) {
        if !self.incidents.rollouts.is_empty() {
            self.leave_rollouts(s);
        }
        let station = &mut self.stations[s as usize];
        station.gate |= gate::ABSENT;
        if station.gate & gate::DOWN != 0 {
            // It was still booting, or dead.
            station.epoch += 1;
            return self.gone(s);
        }
        station.epoch += 1;
        let (component, epoch) = (station.component, station.epoch);
        self.member_leaves(s);
        self.set_eligible(s, false);
        self.flush_leaving(s);
        let until = self.now + self.m.components[component as usize].drain.0;
        self.set_timer(self.now.min(until), OBSERVE, Timer::Drained { station: s, epoch, until });
    }

    /// The instance that leaves goes if nothing is in flight there, or if its time is over.
    pub(super) fn drained(&mut self, s: u32, epoch: u32, until: Ns) {
        let station = &self.stations[s as usize];
        if station.gate & gate::DOWN != 0 {
            // A fault was faster.
            return self.gone(s);
        }
        let (component, is_same) = (station.component as usize, station.epoch == epoch);
        debug_assert!(is_same, "only a death ends the life of an instance that leaves");
        let instance = s - self.m.components[component].first;
        let is_empty = self.groups[component].balancer.outstanding(instance) == 0
            && !(0..self.frames.len() as u32).any(|id| self.dies_with(id, s));
        if !is_empty && self.now < until {
            let at = until.min(self.now + DRAIN_LOOK);
            self.set_timer(at, OBSERVE, Timer::Drained { station: s, epoch, until });
            return;
        }
        self.elastic.goes(s, self.now);
        if !is_empty {
            self.kill(s);
            self.copy_leaves(s);
            return self.leaves_host(s);
        }
        let station = &mut self.stations[s as usize];
        station.gate |= gate::DOWN;
        station.epoch += 1;
        station.up_ns += self.now - station.up_since;
        self.wipe(s);
        self.names_notice(s);
        self.copy_leaves(s);
        self.leaves_host(s);
    }

    /// An instance has booted: for a while its work takes longer, unless it has warmed itself up.
    pub(super) fn cold_now(&mut self, s: u32) {
        let station = &mut self.stations[s as usize];
        let Some(warm) = self.m.components[station.component as usize].warm.filter(|warm| !warm.joins_warm) else {
            return;
        };
        if !self.elastic.cold[s as usize] {
            self.elastic.cold[s as usize] = true;
            station.scale *= warm.slower;
        }
        let epoch = station.epoch;
        self.set_timer(self.now + warm.lasts.0, RELEASE, Timer::Warm { station: s, epoch });
    }

    /// The instance is as fast as the others from now on, unless it died meanwhile.
    pub(super) fn warm_now(&mut self, s: u32, epoch: u32) {
        let station = &mut self.stations[s as usize];
        if station.epoch != epoch || !std::mem::take(&mut self.elastic.cold[s as usize]) {
            return;
        }
        if let Some(warm) = self.m.components[station.component as usize].warm {
            station.scale /= warm.slower;
        }
    }
}
