//! Name services: which region callers were told, how long they believe it, and when a dead region is no longer told.
//!
//! A caller asks again every `ttl`, at a phase of its own, so what it believes is what the service would have said at the
//! last of these instants: no table of callers is kept, only when regions died and came back in the eyes of the checks.
//! Each instance of a caller is one caller, each client and session too, and each request of an open load comes from
//! another one. Those who ignore the `ttl` know the answer from before the run. What can go wrong: when all regions are
//! dead all are told, as name services do, and callers are refused there.

use crate::engine::near::{by_distance, by_place};
use crate::engine::timer::Timer;
use crate::engine::world::{Frame, Ns, RELEASE, World, gate};
use crate::model::naming::{Choice, Naming};
use crate::model::{self, Component, Model, NONE, NONE16};
use crate::policy::balance::Ask;
use crate::policy::health::Checks;
use crate::random::{bits, mix, occasion, unit};
use crate::units::{Span, Time};

/// The regions of the target of a name, and what the checks have seen of them.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// Region and group of the target's instances there.
    regions: Vec<(u16, u16)>,
    /// Whether anything lives there, and how often that has changed.
    alive: Vec<bool>,
    epochs: Vec<u32>,
    /// Who was told from when on, as bits by region; the oldest first.
    told: Vec<(Ns, u64)>,
}

/// A name service that tells all regions of its target.
pub(super) fn name(m: &Model, naming: &Naming) -> Name {
    let target = &m.components[naming.target as usize];
    let stations = &m.stations[target.first as usize..(target.first + target.count) as usize];
    let (_, group_of) = by_place(m, stations);
    let group = |(number, region): (usize, &crate::model::region::Region)| {
        let within = |place: u16| region.first <= place && place - region.first <= region.zones;
        let stands = stations.iter().any(|station| within(station.place));
        let group = group_of[usize::from(region.first + region.zones)].filter(|_| stands)?;
        Some((number as u16, group))
    };
    // A set of regions is one word.
    let regions: Vec<(u16, u16)> = m.regions.iter().enumerate().filter_map(group).take(64).collect();
    let count = regions.len();
    Name { regions, alive: vec![true; count], epochs: vec![0; count], told: vec![(0, everyone(count))] }
}

fn everyone(count: usize) -> u64 {
    if 64 <= count { u64::MAX } else { (1 << count) - 1 }
}

impl Name {
    /// Regions that were told at an instant; all of them when none was left.
    fn told_at(&self, at: Ns) -> u64 {
        let after = self.told.partition_point(|(from, _)| *from <= at);
        let told = self.told[after.saturating_sub(1)].1;
        if told == 0 { everyone(self.regions.len()) } else { told }
    }

    fn tell(&mut self, now: Ns, place: usize, is_up: bool) {
        let told = self.told.last().map_or(0, |(_, told)| *told);
        let told = if is_up { told | 1 << place } else { told & !(1 << place) };
        self.told.push((now, told));
    }

    /// The place among the regions of the answer to somebody at a place who asked then.
    fn answer(&self, m: &Model, rule: &Choice, told: u64, (place, draw): (u16, u64)) -> Option<usize> {
        let lives = |region: u16| {
            let at = self.regions.iter().position(|(known, _)| *known == region)?;
            (told >> at & 1 == 1).then_some(at)
        };
        let living = || (0..self.regions.len()).filter(|at| told >> at & 1 == 1);
        let any = || living().nth((unit(draw) * living().count() as f64) as usize);
        match rule {
            Choice::Any => any(),
            Choice::First(order) => order.iter().find_map(|region| lives(*region)).or_else(any),
            Choice::Weighted(weights) => {
                let total: f64 = weights.iter().filter(|(region, _)| lives(*region).is_some()).map(|(_, w)| w).sum();
                let mut left = unit(draw) * total;
                let fits = |(region, weight): &(u16, f64)| {
                    let at = lives(*region)?;
                    left -= weight;
                    (left < 0.0).then_some(at)
                };
                weights.iter().find_map(fits).or_else(any)
            }
            Choice::Nearest(pulls) => {
                let Some(place) = m.places.get(usize::from(place)) else { return any() };
                by_distance(place, pulls).into_iter().find_map(|(region, _)| lives(region)).or_else(any)
            }
        }
    }
}

impl World<'_> {
    /// The instance that a caller of a name finds: one of the region that it was told.
    #[inline(never)]
    pub(super) fn pick_by_name(&mut self, id: u32, name: u16, caller: u32) -> Option<u32> {
        let m = self.m;
        let Frame { operation, request, occasion, .. } = self.frames[id as usize];
        let naming = m.components[name as usize].naming.as_ref()?;
        let place = self.place_of(caller, request);
        let spec = &m.components[naming.target as usize];
        let who = self.caller_of_name(name, caller, request);
        let asked =
            if who & 0xffff_ffff < naming.ignore { None } else { Some(last_asked(self.now, naming.ttl.0, who)) };
        let service = self.groups[name as usize].name.as_deref()?;
        let told = asked.map_or(everyone(service.regions.len()), |at| service.told_at(at));
        // Whoever asks again may be told another one.
        let draw = bits(m.components[name as usize].key ^ ANSWER, mix(who ^ asked.unwrap_or(0)));
        let (_, group) = service.regions[service.answer(m, &naming.rule, told, (place, draw))?];
        let key_value = if spec.balance_key == NONE16 { 0 } else { self.key_value(spec.balance_key, request) };
        let upfront = &m.operations[operation as usize].upfront;
        let demand_ns = upfront.iter().map(|&draw| self.samplers.draw_ns(draw, occasion)).sum();
        let ask = Ask { bits: bits(spec.key, occasion), key_value, now: Time(self.now), demand_ns };
        self.groups[naming.target as usize].balancer.pick_within(&ask, group).map(|i| spec.first + i)
    }

    /// Random bits that are the same for all calls of one caller.
    fn caller_of_name(&self, name: u16, caller: u32, request: u32) -> u64 {
        let row = &self.requests[request as usize];
        let who = match (caller, row.client) {
            (NONE, NONE) => mix(row.occasion ^ CALLER),
            (NONE, client) => mix(self.clients.all[client as usize].occasion ^ CALLER),
            (station, _) => mix(self.salt ^ mix(u64::from(station) ^ CALLER)),
        };
        bits(self.m.components[name as usize].key, who)
    }

    /// An instance has died or lives again: what that means for the names of its region.
    pub(super) fn names_notice(&mut self, station: u32) {
        let m = self.m;
        let target = m.stations[station as usize].component;
        let leads = |spec: &Component| spec.naming.as_ref().is_some_and(|naming| naming.target == target);
        for component in (0..m.components.len()).filter(|&component| leads(&m.components[component])) {
            self.name_notices(component, station);
        }
    }

    fn name_notices(&mut self, component: usize, station: u32) {
        let m = self.m;
        let target = &m.components[m.stations[station as usize].component as usize];
        let region = |s: u32| m.places.get(usize::from(m.stations[s as usize].place)).map(|place| place.region);
        let here = region(station);
        let is_up = |s: u32| self.stations[s as usize].gate & gate::DOWN == 0;
        let is_alive = (target.first..target.first + target.count).any(|s| region(s) == here && is_up(s));
        let Some(name) = self.groups[component].name.as_deref_mut() else { return };
        let Some(at) = name.regions.iter().position(|(known, _)| Some(*known) == here) else { return };
        if is_alive == name.alive[at] {
            return;
        }
        name.alive[at] = is_alive;
        name.epochs[at] += 1;
        let epoch = name.epochs[at];
        let change = Time(self.now);
        let when = self
            .checks_of_name(component, at)
            .map_or(change, |checks| if is_alive { checks.return_after(change) } else { checks.removal_after(change) });
        self.set_timer(when.0, RELEASE, Timer::Named { name: component as u16, region: at as u16, epoch });
    }

    /// The checks of one of the regions; `None`: it is known at once.
    fn checks_of_name(&self, component: usize, region: usize) -> Option<Checks> {
        let spec = &self.m.components[component];
        let health = spec.health.as_ref()?;
        let phase = Span(bits(self.seeded(spec.key), occasion(region as u64)) % health.interval.0.max(1));
        let model::Health { interval, healthy, unhealthy, timeout } = *health;
        Some(Checks { interval, healthy, unhealthy, timeout, phase })
    }

    /// The checks of a name service have noticed that a region died or lives again.
    pub(super) fn named(&mut self, name: u16, region: u16, epoch: u32) {
        let now = self.now;
        let Some(name) = self.groups[name as usize].name.as_deref_mut() else { return };
        let at = usize::from(region);
        if name.epochs[at] == epoch {
            let is_up = name.alive[at];
            name.tell(now, at, is_up);
        }
    }
}

/// When a caller asked last who asks every `ttl` at a phase of its own.
pub(super) fn last_asked(now: Ns, ttl: Ns, who: u64) -> Ns {
    if ttl == 0 {
        return now;
    }
    let phase = mix(who ^ PHASE) % ttl;
    now.saturating_sub((now + ttl - phase) % ttl)
}

/// Distinguish what is drawn of callers.
const CALLER: u64 = 0x6361_6c6c_6572;
const PHASE: u64 = 0x0070_6861_7365;
const ANSWER: u64 = 0x616e_7377_6572;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_asks_once_in_every_ttl() {
        for who in 0..200u64 {
            let ttl = 1 + mix(who) % 1000;
            let asked: Vec<Ns> = (5 * ttl..9 * ttl).map(|now| last_asked(now, ttl, who)).collect();
            assert!(asked.is_sorted());
            let mut times = asked.clone();
            times.dedup();
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] == ttl), "{ttl} {times:?}");
            assert!((5 * ttl..9 * ttl).zip(&asked).all(|(now, at)| *at <= now && now - *at < ttl));
        }
    }

    #[test]
    fn what_was_told_then_is_what_the_checks_knew() {
        let mut name =
            Name { regions: vec![(0, 1), (1, 2)], alive: vec![true; 2], epochs: vec![0; 2], told: vec![(0, 3)] };
        name.tell(100, 0, false);
        name.tell(200, 0, true);
        name.tell(300, 1, false);
        name.tell(400, 0, false);
        let expected = [(0, 3), (99, 3), (100, 2), (199, 2), (200, 3), (300, 1), (400, 3)];
        for (at, told) in expected {
            assert_eq!(name.told_at(at), told, "{at}: when nobody is left, all are told");
        }
    }
}
