//! Where calls go from and to: the place of an instance or a request, what lies between two, and whom callers prefer.

use crate::engine::world::{NOWHERE, World};
use crate::model::program::Edge;
use crate::model::region::{Place, WITH_REQUEST};
use crate::model::{Component, Model, NONE, NONE16, Station};
use crate::policy::balance::geo::biased;
use crate::policy::balance::near::Wish;

impl World<'_> {
    /// Place of an instance, or of the request where a load calls.
    pub(super) fn place_of(&self, station: u32, request: u32) -> u16 {
        if station != NONE && self.m.stations[station as usize].place != WITH_REQUEST {
            return self.m.stations[station as usize].place;
        }
        let class = self.requests[request as usize].class;
        self.m.classes[class as usize].place
    }

    /// What a caller is to the balancer of a component: its place, or the cell of its tenant.
    pub(super) fn side_of(&mut self, spec: &Component, caller: u32, request: u32) -> u16 {
        match spec.cells {
            Some((key, cells)) => (self.key_value(key, request) % u64::from(cells)) as u16,
            None => self.place_of(caller, request),
        }
    }

    /// Latency sampler and pipe from one instance (or load) to another.
    #[inline(never)]
    pub(super) fn way(&self, id: u32, spec: &Edge, ends: [u32; 2]) -> (u16, u16) {
        let request = self.frames[id as usize].request;
        let [from, to] = ends.map(|station| self.place_of(station, request));
        self.way_from_to(spec, from, to)
    }

    /// The same between places; whoever stands nowhere is near everyone.
    pub(super) fn way_from_to(&self, spec: &Edge, from: u16, to: u16) -> (u16, u16) {
        if spec.ways == NONE16 || from == NOWHERE || to == NOWHERE {
            return (spec.link, spec.pipe);
        }
        self.m.ways[spec.ways as usize].between(from, to)
    }
}

/// Instances of a component by zone and region, and the group of each place: of a zone those in it, of a region all in its
/// zones.
pub(super) fn by_place(m: &Model, stations: &[Station]) -> (Vec<Vec<u32>>, Vec<Option<u16>>) {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut group_of: Vec<Option<u16>> = Vec::with_capacity(m.places.len());
    for region in &m.regions {
        for zone in region.first..region.first + region.zones {
            group_of.push(group(&mut groups, stations, |place| place == zone));
        }
        let within = |place: u16| region.first <= place && place - region.first < region.zones;
        // Where all are in one region there is nothing to choose: everyone is group 0.
        let is_only = stations.iter().all(|station| within(station.place));
        group_of.push(if is_only { Some(0) } else { group(&mut groups, stations, within) });
    }
    (groups, group_of)
}

/// The groups of a component's instances, and which of them callers at each place prefer.
pub(super) fn groups(m: &Model, spec: &Component, stations: &[Station]) -> (Vec<Vec<u32>>, Vec<Wish>) {
    let (groups, group_of) = by_place(m, stations);
    let whole = |region: u16| {
        let region = &m.regions[usize::from(region)];
        group_of[usize::from(region.first + region.zones)]
    };
    let failover: Vec<(u16, f64)> =
        spec.failover.iter().filter_map(|place| Some((group_of[usize::from(*place)]?, 0.0))).collect();
    let wish = |(number, place): (usize, &Place)| {
        let near = by_distance(place, &spec.pulls);
        let near = near.into_iter().filter_map(|(region, seconds)| Some((whole(region)?, 2e9 * seconds)));
        let zone = group_of[number].filter(|_| spec.prefers_zone);
        if spec.failover.is_empty() {
            Wish { zone, regions: near.collect() }
        } else {
            Wish { zone: None, regions: failover.clone() }
        }
    };
    let mut wishes: Vec<Wish> = m.places.iter().enumerate().map(wish).collect();
    wishes.push(Wish { zone: None, regions: failover.clone() });
    (groups, wishes)
}

/// Regions from the nearest on, as weights and biases make them seem; all of them as they are where there are none.
pub(super) fn by_distance(place: &Place, pulls: &[(u16, f64, f64)]) -> Vec<(u16, f64)> {
    if pulls.is_empty() {
        return place.near.clone();
    }
    let seems = |(region, weight, bias): &(u16, f64, f64)| {
        let (_, seconds) = place.near.iter().find(|(known, _)| known == region)?;
        Some((*region, biased(*seconds, *weight, *bias)))
    };
    let mut near: Vec<(u16, f64)> = pulls.iter().filter_map(seems).collect();
    near.sort_by(|a, b| a.1.total_cmp(&b.1));
    near
}

/// Number of the group of those who stand where it is said, if there are any.
fn group(groups: &mut Vec<Vec<u32>>, stations: &[Station], is_there: impl Fn(u16) -> bool) -> Option<u16> {
    let members = stations.iter().enumerate().filter(|(_, station)| is_there(station.place));
    let members: Vec<u32> = members.map(|(instance, _)| instance as u32).collect();
    if members.is_empty() {
        return None;
    }
    groups.push(members);
    Some(groups.len() as u16)
}
