//! Autoscalers at work: what they see, what they order, and how well that fits.
//!
//! Measures are read by looks like those of conditions, at the autoscaler's own distance; it decides on those that are as
//! old as `age` says. What is ordered is there from that moment on (and paid), boots, and serves later; whoever is
//! ordered is not ordered again. Those that leave first are those that do not serve yet, then the youngest.
//!
//! *Needed* is what came since the last look, times the mean work that a visit was so far, over what an instance can do
//! at the utilisation the rule aims at; whole instances, no fewer than `min`.

use std::ops::Range;

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, OBSERVE, World, gate};
use crate::model::autoscale::{Reading, Scaler as Spec};
use crate::model::{Model, NONE, NONE16, Scope};
use crate::policy::scale::forecast::SLOT_S;
use crate::policy::scale::hpa::{Phase, Pod};
use crate::policy::scale::{Scaler, View};
use crate::probe;
use crate::random::{Ziggurat, bits, mix, occasion};
use crate::record::{By, Decision, ScalingTally};
use crate::units::Time;

/// Time from its start in which a pod's samples must be younger than its readiness (`--horizontal-pod-autoscaler-cpu-initialization-period`).
const INITIALISATION: Ns = 300_000_000_000;

/// One autoscaler in a run.
#[derive(Debug)]
pub(super) struct Scaling {
    scaler: Scaler,
    tally: ScalingTally,
    /// At the last look: when, arrivals, time that instances were up.
    last: (Ns, u64, u128),
    values: Vec<f64>,
    pods: Vec<Vec<Pod>>,
}

impl Scaling {
    pub(super) fn new(m: &Model, number: usize, spec: &Spec, salt: u64) -> Scaling {
        // The days before had their own chance: as many requests as a Poisson process of that rate makes.
        let key = mix(salt ^ mix(PAST ^ number as u64) ^ m.components[spec.component as usize].key);
        let past: Vec<f64> = if spec.past.is_empty() {
            Vec::new()
        } else {
            let normal = Ziggurat::new();
            let noisy = |(slot, rate): (usize, &f64)| {
                let spread = (rate / SLOT_S).sqrt();
                (rate + spread * normal.normal(bits(key, occasion(slot as u64)))).max(0.0)
            };
            spec.past.iter().enumerate().map(noisy).collect()
        };
        let mut scaler = Scaler::new(&spec.rule, &spec.behaviour, &past);
        let whole = f64::from(spec.start) * m.instances_for_one(spec.component);
        scaler.begin(Time(0), whole as u32);
        Scaling { scaler, tally: ScalingTally::default(), last: (0, 0, 0), values: Vec::new(), pods: Vec::new() }
    }
}

/// Distinguishes the noise of the past from other draws.
const PAST: u64 = 0x7061_7374;

impl World<'_> {
    /// Instances that an autoscaler may order stand there behind closed doors.
    pub(super) fn close_future_instances(&mut self) {
        for spec in &self.m.scalers {
            for s in spec.groups.iter().flat_map(|group| group.clone().skip(spec.start as usize)) {
                self.close_door(s);
                self.copy_leaves(s);
            }
        }
    }

    pub(super) fn begin_scaling(&mut self) {
        for (k, spec) in self.m.scalers.iter().enumerate() {
            self.set_timer(spec.every.0, OBSERVE, Timer::Scale(k as u16));
        }
    }

    /// An autoscaler looks, and sees to what it decides.
    pub(super) fn scale(&mut self, k: u16) {
        self.events -= 1;
        let m = self.m;
        let spec = &m.scalers[k as usize];
        self.set_timer(self.now + spec.every.0, OBSERVE, Timer::Scale(k));
        self.account(k);
        let whole = m.instances_for_one(spec.component);
        let (ordered, ready) = self.ordered(spec);
        self.read_values(k, f64::from(ready) * whole);
        let ratio = self.ratio(spec.component);
        let state = &mut self.elastic.scalers[k as usize];
        let view = View {
            now: Time(self.now),
            clock_s: m.run.start_s + Time(self.now).secs(),
            current: (f64::from(ordered) * whole) as u32,
            ready: (f64::from(ready) * whole) as u32,
            values: &state.values,
            pods: &state.pods,
            ratio,
        };
        let decision = state.scaler.decide(&spec.rule, &view);
        if let Some(forecaster) = &state.scaler.forecaster {
            (state.tally.forecast_error, state.tally.forecasts) = forecaster.errors();
        }
        let wanted = libm::ceil(f64::from(decision.to) / whole) as u32;
        let made = self.elastic.decisions.len();
        let reached = self.order(spec, ordered, wanted);
        if reached == ordered {
            return;
        }
        let (from, to) = ((f64::from(ordered) * whole) as u32, (f64::from(reached) * whole) as u32);
        let state = &mut self.elastic.scalers[k as usize];
        state.scaler.changed(Time(self.now), from, to);
        state.tally.changes += 1;
        // Hosts were ordered for it, and therefore later.
        let by = By::Scaler(k, decision.why);
        let [from, to] = [from, to].map(f64::from);
        self.elastic.decisions.insert(made, Decision { at: Time(self.now), from, to, by });
    }

    /// Instances that are not on their way out, and those of them that serve.
    fn ordered(&self, spec: &Spec) -> (u32, u32) {
        let function = self.m.components[spec.component as usize].function;
        if function != NONE16 {
            return self.provisioned(function);
        }
        let counts = spec.groups.iter().map(|group| self.ordered_of(group));
        // Shards whose replicas are fewest say how many there are.
        counts.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1))).unwrap_or((0, 0))
    }

    fn ordered_of(&self, group: &Range<u32>) -> (u32, u32) {
        let gates = group.clone().map(|s| self.stations[s as usize].gate);
        gates
            .filter(|gates| gates & gate::ABSENT == 0)
            .fold((0, 0), |(ordered, ready), gates| (ordered + 1, ready + u32::from(gates & gate::DOWN == 0)))
    }

    /// Brings instances or takes them away; returns how many there are now. While one still drains its place is taken.
    fn order(&mut self, spec: &Spec, ordered: u32, wanted: u32) -> u32 {
        let function = self.m.components[spec.component as usize].function;
        if function != NONE16 {
            return self.provision(function, wanted);
        }
        let reached = spec.groups.iter().map(|group| {
            let ordered = self.ordered_of(group).0;
            self.order_of(group.clone(), ordered, wanted)
        });
        reached.min().unwrap_or(ordered)
    }

    fn order_of(&mut self, mut all: Range<u32>, ordered: u32, wanted: u32) -> u32 {
        if ordered < wanted {
            let free: Vec<u32> = all.by_ref().filter(|&s| self.is_away(s)).take((wanted - ordered) as usize).collect();
            let count = free.len() as u32;
            for s in free {
                self.bring(s);
            }
            return ordered + count;
        }
        // A replica that has become the primary stays.
        let may_leave = |s: &u32| self.stations[*s as usize].gate & gate::ABSENT == 0 && !self.is_primary(*s);
        let mut here: Vec<u32> = all.filter(may_leave).collect();
        // Who does not serve yet leaves first, then who has served for the shortest time.
        here.sort_by_key(|&s| {
            let station = &self.stations[s as usize];
            (station.gate & gate::DOWN == 0, Ns::MAX - station.up_since, u32::MAX - s)
        });
        let leaving = here.len().min((ordered - wanted) as usize);
        for s in here.into_iter().take(leaving) {
            self.take_away(s);
        }
        ordered - leaving as u32
    }

    /// What the readings of an autoscaler show, as old as they are; `ready` instances share what is somebody else's.
    fn read_values(&mut self, k: u16, ready: f64) {
        let spec = &self.m.scalers[k as usize];
        let value = |reading: &Reading| {
            let seen = self.seen(reading.watch, spec.lag);
            if reading.shared { seen / ready.max(1.0) } else { seen }
        };
        let values: Vec<f64> = spec.readings.iter().filter(|reading| !reading.each).map(value).collect();
        let each = spec.readings.iter().filter(|reading| reading.each);
        let pods: Vec<Vec<Pod>> = each.map(|reading| self.pods_seen(spec, reading)).collect();
        let state = &mut self.elastic.scalers[k as usize];
        (state.values, state.pods) = (values, pods);
    }

    /// One metric of all pods.
    fn pods_seen(&self, spec: &Spec, reading: &Reading) -> Vec<Pod> {
        let stretch = self.stretch(spec.every.0 * spec.lag as u64, spec.window.0);
        let mut pods = Vec::new();
        for s in spec.stations() {
            let station = &self.stations[s as usize];
            if self.is_away(s) {
                continue;
            }
            let ordered = self.elastic.ordered_at(s);
            let value = stretch.as_ref().and_then(|stretch| {
                let up = |tallies: &crate::record::Tallies| tallies.stations[s as usize].up_ns;
                let probe = crate::model::Probe { scope: Scope::Station(s), ..reading.probe.clone() };
                (up(stretch.from) < up(stretch.to)).then(|| probe::read(&probe, stretch)).flatten()
            });
            let is_young = 0 < ordered && self.now < ordered + INITIALISATION;
            let seen_to = stretch.as_ref().map_or(0, |stretch| stretch.to.at.0);
            let phase = match station.gate {
                gates if gates & gate::ABSENT != 0 => Phase::Gone,
                gates if gates & gate::DOWN != 0 => Phase::Pending,
                _ if is_young && seen_to < station.up_since + spec.window.0 => Phase::Warming,
                _ => Phase::Ready,
            };
            pods.push(Pod {
                usage: value.map(|value| libm::round(value * reading.unit * 1000.0) as i64),
                request: reading.request,
                phase,
            });
        }
        pods
    }

    /// Arrivals at the component, those of the whole, for each request that open loads have made so far.
    fn ratio(&self, component: u16) -> f64 {
        let is_open = |class: &crate::model::loads::RequestClass| {
            use crate::model::loads::Demand::{Open, Sessions};
            matches!(self.m.sources[class.source as usize].demand, Open { .. } | Sessions { .. })
        };
        let classes = self.m.classes.iter().zip(&self.classes).filter(|(class, _)| is_open(class));
        let offered: u64 = classes.map(|(_, flow)| flow.offered).sum();
        let whole = self.m.scale_of(Scope::All);
        whole * self.groups[component as usize].arrivals as f64 / offered as f64
    }

    // -- how well it fits ---------------------------------------------------------------------------------------------------

    /// Instances that were there since the last look against those that were needed.
    fn account(&mut self, k: u16) {
        let spec = &self.m.scalers[k as usize];
        if self.m.components[spec.component as usize].function != NONE16 {
            // Whoever finds no environment ready gets another: nobody is under-provisioned.
            return;
        }
        let whole = self.m.instances_for_one(spec.component);
        let arrivals = self.groups[spec.component as usize].arrivals;
        let (up, work) = self.up_and_work(spec);
        let (at, before, up_before) =
            std::mem::replace(&mut self.elastic.scalers[k as usize].last, (self.now, arrivals, up));
        let seconds = (self.now - at) as f64 * 1e-9;
        let Some(capacity) = self.capacity_of_one(spec.component).filter(|_| 0.0 < seconds && 0 < arrivals) else {
            return;
        };
        let each = work as f64 * 1e-9 / arrivals as f64;
        let load = (arrivals - before) as f64 * each / seconds / (capacity * spec.full);
        let needed = libm::ceil(load * whole - 1e-9).max(f64::from(spec.behaviour.min) * spec.groups.len() as f64);
        let there = (up - up_before) as f64 * 1e-9 / seconds * whole;
        let tally = &mut self.elastic.scalers[k as usize].tally;
        // Nanoseconds as floats: what is equal differs in the last bits.
        let there = if (there - needed).abs() < 1e-9 { needed } else { there };
        tally.needed += needed * seconds;
        tally.over += (there - needed).max(0.0) * seconds;
        tally.under += (needed - there).max(0.0) * seconds;
        tally.both += needed.min(there) * seconds;
        tally.either += needed.max(there) * seconds;
    }

    /// Time that the instances were up, and core time (or, without cores of their own, slot time) that they used.
    fn up_and_work(&self, scaler: &Spec) -> (u128, u128) {
        let spec = &self.m.components[scaler.component as usize];
        let own = self.own_cores(scaler.component).is_some();
        scaler.stations().fold((0, 0), |(up, work), s| {
            let station = &self.stations[s as usize];
            let now_up = if station.gate & gate::DOWN == 0 { self.now - station.up_since } else { 0 };
            let busy = if spec.pod.is_some() {
                self.pod_ns(s as usize)
            } else if own {
                self.hosts[station.host as usize].core_ns_by(self.now)
            } else {
                u128::from(station.busy.area(self.now))
            };
            (up + u128::from(station.up_ns + now_up), work + busy)
        })
    }

    /// Cores of each instance, if it has a machine for itself.
    fn own_cores(&self, component: u16) -> Option<u32> {
        let host = self.stations[self.m.components[component as usize].first as usize].host;
        let host = self.hosts.get(host as usize)?;
        (host.stations.len() == 1 && host.cores != NONE).then_some(host.cores)
    }

    fn capacity_of_one(&self, component: u16) -> Option<f64> {
        let spec = &self.m.components[component as usize];
        let slots = spec.slots;
        if let Some(pod) = spec.pod {
            let host = &self.m.hosts[self.m.stations[spec.first as usize].host as usize];
            return Some(pod.limit.min(f64::from(host.cores)));
        }
        self.own_cores(component).or((slots != NONE).then_some(slots)).map(f64::from)
    }

    pub(super) fn scaling_tally(&self, component: u16) -> Option<ScalingTally> {
        if let Some(sizes) = self.sizes_tally(component) {
            return Some(ScalingTally { changes: sizes.changes, ..ScalingTally::default() });
        }
        let k = self.m.scalers.iter().position(|spec| spec.component == component)?;
        Some(self.elastic.scalers[k].tally)
    }
}
