//! Deployments: instances are replaced by fresh ones, a few at a time, and are slow until they are warm.
//!
//! An instance leaves the rotation, finishes what it works on for as long as `drain` allows, stops (what is left is
//! `reset`), boots, and is in the rotation again when the balancer's checks have seen it. The next step begins when all of
//! the one before are back, and have been watched for `hold`. A blue and green deployment takes no capacity away: the
//! second fleet boots beside the first, then all requests go to it; here the same instances become fresh in that moment,
//! and the second set of machines, there for minutes, is not billed.
//!
//! One deployment of a component at a time; another that begins meanwhile ends at once. A machine that dies on the way
//! holds its step up until it is back.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::timer::Timer;
use crate::engine::world::{Injection, Ns, RELEASE, World, gate};
use crate::model::deploy::Deploy;
use crate::model::{Act, Failure, NONE16};
use crate::random::mix;
use crate::scenario::deploy::{AtOnce, Rollout as How};

/// How often it is looked whether an instance has finished.
const POLL: Ns = 100_000_000;

/// A deployment that goes on.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    fault: u16,
    period: u32,
    component: u16,
    /// How many are replaced at the same time.
    at_once: usize,
    /// Still to be replaced, being replaced (with the life it had before), and replaced.
    left: VecDeque<u32>,
    step: Vec<(u32, u32)>,
    done: Vec<u32>,
    /// The old version comes back.
    is_back: bool,
    /// Counts steps: timers of an earlier one are stale.
    turn: u32,
}

/// A deployment and its occurrence: what an instance runs that is not as it was at the start.
type Version = (u16, u32);

/// What is different about instances that are not as they were at the start; never iterated.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    /// The version of an instance, and the one before that.
    versions: FxHashMap<u32, [Option<Version>; 2]>,
}

impl Fresh {
    fn runs(&self, s: u32) -> [Option<Version>; 2] {
        self.versions.get(&s).copied().unwrap_or_default()
    }
}

impl Rollout {
    pub(super) fn is_of(&self, component: u16) -> bool {
        self.component == component
    }

    fn version(&self) -> Version {
        (self.fault, self.period)
    }
}

impl World<'_> {
    fn deploy_of(&self, fault: u16) -> &Deploy {
        let Act::Deploy(deploy) = &self.m.faults[fault as usize].act else {
            unreachable!("only deployments have rollouts")
        };
        deploy
    }

    pub(super) fn begin_rollout(&mut self, fault: u16) {
        let m = self.m;
        let Act::Deploy(deploy) = &m.faults[fault as usize].act else { return };
        let period = self.fault_periods[fault as usize].len() as u32 - 1;
        if self.incidents.rollouts.iter().any(|rollout| rollout.component == deploy.component) {
            return self.fault_ends(fault, period);
        }
        let spec = &m.components[deploy.component as usize];
        let all = spec.first..spec.first + spec.count;
        let left: VecDeque<u32> = all.filter(|&s| self.stations[s as usize].gate & gate::ABSENT == 0).collect();
        let boots = left.iter().map(|&s| self.boot_time(s)).max().unwrap_or(0);
        let (step, done) = (Vec::new(), Vec::new());
        let at_once = match deploy.at_once {
            AtOnce::Share(share) => (left.len() as f64 * share + 1e-9) as usize,
            AtOnce::Count(count) => count as usize,
        };
        let (component, at_once) = (deploy.component, at_once.max(1));
        self.incidents.rollouts.push(Rollout {
            fault,
            period,
            component,
            at_once,
            left,
            step,
            done,
            is_back: false,
            turn: 0,
        });
        let boots = if deploy.how == How::BlueGreen { boots } else { 0 };
        self.set_timer(self.now + boots, RELEASE, Timer::Rollout { fault, turn: 0 });
    }

    /// Time that the instance's next start will take.
    pub(super) fn boot_time(&self, s: u32) -> Ns {
        let station = &self.stations[s as usize];
        let spec = &self.m.components[station.component as usize];
        if spec.boot_draw == NONE16 {
            return 0;
        }
        self.samplers.draw_ns(spec.boot_draw, mix(self.salt ^ spec.key ^ u64::from(station.epoch)))
    }

    /// An autoscaler takes the instance away: no deployment waits for it.
    #[cold]
    pub(super) fn leave_rollouts(&mut self, s: u32) {
        for at in 0..self.incidents.rollouts.len() {
            let rollout = &mut self.incidents.rollouts[at];
            rollout.left.retain(|here| *here != s);
            rollout.done.retain(|here| *here != s);
            let before = rollout.step.len();
            rollout.step.retain(|(here, _)| *here != s);
            if rollout.step.is_empty() && 0 < before {
                let (fault, turn) = (rollout.fault, rollout.turn);
                self.set_timer(self.now, RELEASE, Timer::Rollout { fault, turn });
            }
        }
    }

    /// The next step, if the deployment is still in this one.
    pub(super) fn roll_on(&mut self, fault: u16, turn: u32) {
        let Some(at) = self.incidents.rollouts.iter().position(|r| r.fault == fault && r.turn == turn) else { return };
        self.incidents.rollouts[at].turn += 1;
        if self.deploy_of(fault).how == How::BlueGreen {
            return self.switch(at);
        }
        let at_once = self.incidents.rollouts[at].at_once;
        let mut leaving = Vec::new();
        while leaving.len() < at_once
            && let Some(s) = self.incidents.rollouts[at].left.pop_front()
        {
            // Whoever is down has the other version when it is up again.
            if self.stations[s as usize].gate & gate::DOWN != 0 {
                let rollout = &self.incidents.rollouts[at];
                let (version, is_new) = (rollout.version(), !rollout.is_back);
                self.set_version(s, version, is_new);
                self.incidents.rollouts[at].done.push(s);
            } else {
                leaving.push(s);
            }
        }
        if leaving.is_empty() {
            return self.end_rollout(at);
        }
        self.incidents.rollouts[at].step = leaving.iter().map(|&s| (s, self.stations[s as usize].epoch)).collect();
        let drain = self.m.components[self.incidents.rollouts[at].component as usize].drain.0;
        for s in leaving {
            self.take_out(s);
            let epoch = self.stations[s as usize].epoch;
            let until = self.now + drain;
            self.set_timer(self.now, RELEASE, Timer::Drain { station: s, epoch, until });
        }
    }

    /// No balancer chooses the instance any more.
    pub(super) fn take_out(&mut self, s: u32) {
        let component = self.stations[s as usize].component as usize;
        let i = s - self.m.components[component].first;
        self.groups[component].balancer.set_eligible(i, false);
    }

    /// Whether an instance that was taken out has nothing to do any more, or no time left; then it stops and starts anew.
    pub(super) fn drain(&mut self, s: u32, epoch: u32, until: Ns) {
        let station = &self.stations[s as usize];
        if station.epoch != epoch {
            return;
        }
        let group = &self.groups[station.component as usize];
        let is_idle = group.balancer.outstanding(s - group.first) == 0;
        if !is_idle && self.now < until {
            let at = until.min(self.now + POLL);
            self.set_timer(at, RELEASE, Timer::Drain { station: s, epoch, until });
            return;
        }
        let of = |rollout: &&Rollout| rollout.step.iter().any(|(here, _)| *here == s);
        if let Some(rollout) = self.incidents.rollouts.iter().find(of) {
            let (version, is_new) = (rollout.version(), !rollout.is_back);
            self.set_version(s, version, is_new);
        }
        self.kill(s);
        if !self.elastic.verticals.is_empty() {
            self.change_size(s);
        }
        self.restart(s);
    }

    /// An instance is in the rotation: if it was being replaced, its step may be over.
    #[cold]
    pub(super) fn replaced(&mut self, s: u32) {
        let component = self.stations[s as usize].component as usize;
        if !self.groups[component].balancer.eligible(s - self.m.components[component].first) {
            return;
        }
        let epoch = self.stations[s as usize].epoch;
        let in_step = |rollout: &Rollout| rollout.step.iter().position(|(here, _)| *here == s);
        let Some(at) = self.incidents.rollouts.iter().position(|rollout| in_step(rollout).is_some()) else { return };
        let place = in_step(&self.incidents.rollouts[at]).expect("it was found just now");
        if self.incidents.rollouts[at].step[place].1 == epoch {
            // It was seen only now, while it is leaving already.
            return self.take_out(s);
        }
        let deploy = self.deploy_of(self.incidents.rollouts[at].fault);
        let (hold, how) = (deploy.hold.0, deploy.how);
        let rollout = &mut self.incidents.rollouts[at];
        rollout.step.swap_remove(place);
        let has_new = self.incidents.fresh.runs(s)[0] == Some(rollout.version());
        if rollout.is_back && has_new {
            rollout.left.push_back(s);
        } else {
            rollout.done.push(s);
        }
        if !rollout.step.is_empty() {
            return;
        }
        let is_first = rollout.turn == 1;
        let hold = if rollout.is_back || how == How::Canary && !is_first { 0 } else { hold };
        let (fault, turn) = (rollout.fault, rollout.turn);
        self.set_timer(self.now + hold, RELEASE, Timer::Rollout { fault, turn });
    }

    /// All requests go to the other fleet; after `hold` the first one is taken down.
    fn switch(&mut self, at: usize) {
        let fault = self.incidents.rollouts[at].fault;
        let stations: Vec<u32> = self.incidents.rollouts[at].left.drain(..).collect();
        if stations.is_empty() {
            return self.end_rollout(at);
        }
        let (component, version) = (self.incidents.rollouts[at].component, self.incidents.rollouts[at].version());
        self.break_connections(component);
        for &s in &stations {
            self.set_version(s, version, true);
            self.cold_now(s);
        }
        self.incidents.rollouts[at].done = stations;
        let (hold, turn) = (self.deploy_of(fault).hold.0, self.incidents.rollouts[at].turn);
        self.set_timer(self.now + hold, RELEASE, Timer::Rollout { fault, turn });
    }

    /// A condition holds: deployments that watch it bring the old version back.
    #[cold]
    pub(super) fn roll_back_if(&mut self, watch: u16) {
        let is_hit =
            |world: &Self, r: &Rollout| world.deploy_of(r.fault).roll_back == watch && !r.is_back && 0 < r.turn;
        while let Some(at) = (0..self.incidents.rollouts.len()).find(|&at| is_hit(self, &self.incidents.rollouts[at])) {
            let fault = self.incidents.rollouts[at].fault;
            let rollout = &mut self.incidents.rollouts[at];
            rollout.is_back = true;
            let done = std::mem::take(&mut rollout.done);
            let (period, version) = (rollout.period as usize, rollout.version());
            self.fault_periods[fault as usize][period].rolled_back = true;
            if self.deploy_of(fault).how == How::BlueGreen {
                // The first fleet is still there, and warm.
                for s in done {
                    let epoch = self.stations[s as usize].epoch;
                    self.warm_now(s, epoch);
                    self.set_version(s, version, false);
                }
                self.end_rollout(at);
                continue;
            }
            let rollout = &mut self.incidents.rollouts[at];
            rollout.left = done.into();
            if rollout.step.is_empty() {
                let turn = rollout.turn;
                self.roll_on(fault, turn);
            }
        }
    }

    fn end_rollout(&mut self, at: usize) {
        let rollout = self.incidents.rollouts.swap_remove(at);
        self.fault_ends(rollout.fault, rollout.period);
    }

    // -- versions ------------------------------------------------------------------------------------------

    /// The instance runs this version, or again the one that it ran before it.
    fn set_version(&mut self, s: u32, version: Version, is_new: bool) {
        let m = self.m;
        let [current, before] = self.incidents.fresh.runs(s);
        let next = match is_new {
            true => [Some(version), current],
            false if current == Some(version) => [before, None],
            false => return,
        };
        self.incidents.fresh.versions.insert(s, next);
        let deploy = |version: Option<Version>| version.map(|(fault, _)| self.deploy_of(fault));
        let slower = |version: Option<Version>| deploy(version).map_or(1.0, |deploy| deploy.slower);
        let factor = slower(next[0]) / slower(current);
        let fails = deploy(next[0]).map_or(0, |deploy| deploy.fails);
        let station = &mut self.stations[s as usize];
        station.scale *= factor;
        let group = &mut self.groups[station.component as usize];
        let is_of_version = |i: &Injection| i.station == s && matches!(m.faults[i.fault as usize].act, Act::Deploy(_));
        group.injected.retain(|injection| !is_of_version(injection));
        if let Some((fault, _)) = next[0].filter(|_| 0 < fails) {
            let key = mix(self.salt ^ m.faults[fault as usize].key);
            let (share, kind) = (fails, Failure::UNAVAILABLE);
            group.injected.push(Injection { fault, operation: NONE16, station: s, share, kind, key });
            station.gate |= gate::CHECKS;
        }
    }
}
