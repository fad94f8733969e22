//! Instances that change their size: looked at, restarted a few at a time, and counted.
//!
//! A change of size is a rolling restart: an instance leaves the rotation, drains as for a deployment, stops, and boots
//! with the cores, memory, disk and network card of the new size. What is left when its time to drain is over fails as
//! `reset`. The next ones follow when all of the step are in the rotation again. While a deployment replaces instances of the
//! component, no change of size begins.

use std::collections::VecDeque;

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, OBSERVE, RELEASE, World, gate};
use crate::model::vertical::{Has, Size};
use crate::model::{Host, Model, NONE};
use crate::policy::vertical::Sizing;
use crate::record::{By, Decision, SizesTally};
use crate::scenario::deploy::AtOnce;
use crate::units::Time;

/// The sizes of one component's instances in a run.
#[derive(Debug)]
pub(super) struct Resizing {
    sizing: Sizing,
    /// The size of each instance, and since when.
    has: Vec<(usize, Ns)>,
    tally: SizesTally,
    /// Still to be changed, and being changed, with the life they had before.
    left: VecDeque<u32>,
    step: Vec<(u32, u32)>,
    /// Core time of each instance at the last look, and when that was.
    last: (Ns, Vec<u128>),
}

impl Resizing {
    pub(super) fn all(m: &Model) -> Vec<Resizing> {
        let one = |spec: &crate::model::vertical::Vertical| {
            let count = m.components[spec.component as usize].count as usize;
            Resizing {
                sizing: Sizing::new(spec.start),
                has: vec![(spec.start, 0); count],
                tally: SizesTally { rooms: vec![[0.0; 2]; count], ns: vec![0; spec.sizes.len()], ..Default::default() },
                left: VecDeque::new(),
                step: Vec::new(),
                last: (0, vec![0; count]),
            }
        };
        m.verticals.iter().map(one).collect()
    }

    fn is_under_way(&self) -> bool {
        !self.left.is_empty() || !self.step.is_empty()
    }

    /// What an instance has had up to now.
    fn count(&mut self, sizes: &[Size], instance: usize, now: Ns) {
        let (size, since) = self.has[instance];
        let dt = now - since;
        self.has[instance].1 = now;
        self.tally.ns[size] += u128::from(dt);
        let room = &mut self.tally.rooms[instance];
        room[0] += dt as f64 * sizes[size].cores();
        room[1] += dt as f64 * sizes[size].memory();
    }
}

impl World<'_> {
    pub(super) fn begin_verticals(&mut self) {
        for (k, spec) in self.m.verticals.iter().enumerate() {
            self.set_timer(spec.every.0, OBSERVE, Timer::Vertical(k as u16));
        }
    }

    /// What each instance has used since the last look, and whether another size fits that better.
    pub(super) fn look_at_sizes(&mut self, k: u16) {
        self.events -= 1;
        let m = self.m;
        let (now, spec) = (self.now, &m.verticals[k as usize]);
        self.set_timer(now + spec.every.0, OBSERVE, Timer::Vertical(k));
        let used = self.cores_used(k);
        let is_deployed = self.incidents.rollouts.iter().any(|rollout| rollout.is_of(spec.component));
        let state = &mut self.elastic.verticals[k as usize];
        if state.is_under_way() || is_deployed {
            return;
        }
        let before = state.sizing.size;
        let Some(needed) = state.sizing.look(&spec.rule, Time(now), used.into_iter()) else { return };
        state.tally.changes += 1;
        let [from, to] = [before, state.sizing.size];
        let by = By::Vertical { vertical: k, needed, sizes: [from, to] };
        let [from, to] = [from, to].map(|size| spec.rule.sizes[size]);
        self.elastic.decisions.push(Decision { at: Time(now), from, to, by });
        let component = &m.components[spec.component as usize];
        self.elastic.verticals[k as usize].left = (component.first..component.first + component.count).collect();
        self.resize_more(k);
    }

    /// Cores in use at each instance that was up, on average since the last look.
    fn cores_used(&mut self, k: u16) -> Vec<f64> {
        let component = &self.m.components[self.m.verticals[k as usize].component as usize];
        let stations = component.first..component.first + component.count;
        let core_ns = |s: u32| {
            let host = &self.hosts[self.stations[s as usize].host as usize];
            if host.pods.is_some() { self.pod_ns(s as usize) } else { host.core_ns_by(self.now) }
        };
        let sums: Vec<u128> = stations.clone().map(core_ns).collect();
        let (at, before) = std::mem::replace(&mut self.elastic.verticals[k as usize].last, (self.now, sums.clone()));
        let is_up = |s: u32| self.stations[s as usize].gate & gate::DOWN == 0;
        let pairs = stations.zip(sums.iter().zip(&before)).filter(|(s, _)| is_up(*s));
        pairs.map(|(_, (sum, before))| (sum - before) as f64 / (self.now - at) as f64).collect()
    }

    /// The next instances leave to change their size.
    pub(super) fn resize_more(&mut self, k: u16) {
        let spec = &self.m.verticals[k as usize];
        let component = &self.m.components[spec.component as usize];
        let most = match spec.at_once {
            AtOnce::Share(share) => (f64::from(component.count) * share + 1e-9) as usize,
            AtOnce::Count(count) => count as usize,
        };
        let mut leaving = Vec::new();
        while leaving.len() < most.max(1)
            && let Some(s) = self.elastic.verticals[k as usize].left.pop_front()
        {
            let state = &self.elastic.verticals[k as usize];
            let is_done = state.has[(s - component.first) as usize].0 == state.sizing.size;
            if self.stations[s as usize].gate & gate::DOWN != 0 {
                // Whoever is down has the other size when it is up again.
                self.change_size(s);
            } else if !is_done {
                leaving.push((s, self.stations[s as usize].epoch));
            }
        }
        let (until, now) = (self.now + component.drain.0, self.now);
        let state = &mut self.elastic.verticals[k as usize];
        if leaving.is_empty() {
            return state.sizing.begin_anew(Time(now));
        }
        state.step.clone_from(&leaving);
        for (station, epoch) in leaving {
            self.take_out(station);
            self.set_timer(now, RELEASE, Timer::Drain { station, epoch, until });
        }
    }

    /// The instance has stopped: when it boots, it has the size that it should have.
    pub(super) fn change_size(&mut self, s: u32) {
        let (m, now) = (self.m, self.now);
        let component = self.stations[s as usize].component;
        let Some(k) = m.verticals.iter().position(|spec| spec.component == component) else { return };
        let spec = &m.verticals[k];
        let instance = (s - m.components[component as usize].first) as usize;
        let state = &mut self.elastic.verticals[k];
        let (before, after) = (state.has[instance].0, state.sizing.size);
        if before == after {
            return;
        }
        state.count(&spec.sizes, instance, now);
        state.has[instance].0 = after;
        state.tally.restarts += 1;
        match [&spec.sizes[before].has, &spec.sizes[after].has] {
            [Has::Machine(old), Has::Machine(new)] => self.exchange_machine(s, old, new),
            [_, Has::Share(pod)] => self.share_pod(s, pod.request, pod.limit),
            [Has::Share(_), Has::Machine(_)] => unreachable!("all sizes of a component are of one kind"),
        }
    }

    /// The instance stands on another machine, on which nothing runs yet.
    fn exchange_machine(&mut self, s: u32, old: &Host, new: &Host) {
        let now = self.now;
        self.stations[s as usize].scale *= old.speed / new.speed;
        let host = self.stations[s as usize].host;
        debug_assert!(host != NONE, "who has a size has a machine");
        let h = &mut self.hosts[host as usize];
        h.core_ns = h.core_ns_by(now);
        if h.sharing && !h.paused {
            h.age_served(now);
        }
        h.last = now;
        let busy = h.cores - h.free;
        h.cores = new.cores;
        h.free = new.cores.saturating_sub(busy);
        (h.iops, h.disk_rate, h.nic_rate) = (new.disk_iops, new.disk_bytes_per_s, new.nic_bytes_per_s);
        h.memory_limit = if new.memory_bytes == 0 { u64::MAX } else { new.memory_bytes };
    }

    /// An instance is in the rotation: if it was changing its size, its step may be over.
    #[cold]
    pub(super) fn resized(&mut self, s: u32) {
        let component = self.stations[s as usize].component;
        let Some(k) = self.m.verticals.iter().position(|spec| spec.component == component) else { return };
        let spec = &self.m.components[component as usize];
        let state = &mut self.elastic.verticals[k];
        let Some(place) = state.step.iter().position(|(here, _)| *here == s) else { return };
        if !self.groups[component as usize].balancer.eligible(s - spec.first) {
            return;
        }
        if state.step[place].1 == self.stations[s as usize].epoch {
            // It was seen only now, while it is leaving already.
            return self.take_out(s);
        }
        state.step.swap_remove(place);
        if state.has[(s - spec.first) as usize].0 != state.sizing.size {
            // It died before it could change, and is back as it was.
            state.left.push_back(s);
        }
        if state.step.is_empty() {
            self.set_timer(self.now, RELEASE, Timer::Resize(k as u16));
        }
    }

    pub(super) fn sizes_tally(&self, component: u16) -> Option<Box<SizesTally>> {
        let k = self.m.verticals.iter().position(|spec| spec.component == component)?;
        let (state, spec) = (&self.elastic.verticals[k], &self.m.verticals[k]);
        let mut tally = state.tally.clone();
        for (instance, (size, since)) in state.has.iter().enumerate() {
            let (dt, size) = (self.now - since, *size);
            tally.ns[size] += u128::from(dt);
            tally.rooms[instance][0] += dt as f64 * spec.sizes[size].cores();
            tally.rooms[instance][1] += dt as f64 * spec.sizes[size].memory();
        }
        Some(Box::new(tally))
    }
}
