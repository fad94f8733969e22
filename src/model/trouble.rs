//! Faults of what lies between two sides: who stands on either, and what happens to messages.

use crate::distribution::Distribution;
use crate::model::compile::{Compiler, threshold};
use crate::model::region::Region;
use crate::model::{NONE16, Target};
use crate::random::Purpose;
use crate::scenario::Part;
use crate::scenario::fault::{Act, Sides};

/// Messages between two sides are lost or late, in both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    pub sides: [Side; 2],
    /// Share of 2^32 that is lost and sent again; all of it is a partition.
    pub loss: u64,
    /// How much longer a message takes, or `NONE16`.
    pub delay_draw: u16,
}

/// One side, drawn each time from several where there are several. None: whoever does not stand on the other side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    pub parts: Vec<Ends>,
}

/// Who stands on a side, each in order: instances; places and loads that requests come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ends {
    pub stations: Vec<u32>,
    pub places: Vec<u16>,
    pub sources: Vec<u16>,
}

impl Trouble {
    /// Whether nothing passes at all.
    pub fn is_cut(&self) -> bool {
        self.loss == 1 << 32
    }
}

impl Ends {
    fn ordered(mut self) -> Ends {
        self.stations.sort_unstable();
        self.stations.dedup();
        self
    }
}

impl Compiler<'_> {
    /// Whether any fault is between two sides, so that every call has to look whether it is hit.
    pub(super) fn has_trouble(&self) -> bool {
        let is_between = |act: &Act| matches!(act, Act::Partition(_) | Act::Link { .. });
        self.scenario.faults.values().any(|fault| is_between(&fault.value.act))
    }

    pub(super) fn trouble(
        &mut self,
        path: &str,
        sides: &Sides,
        loss: f64,
        delay: Option<&Distribution>,
    ) -> Option<Trouble> {
        let [a, b] = sides.each_ref().map(|side| self.side(side.as_ref()));
        let delay_draw = self.draw_unless_zero(&format!("{path}.delay"), Purpose::Link, delay);
        Some(Trouble { sides: [a?, b?], loss: threshold(loss), delay_draw })
    }

    fn side(&mut self, said: Option<&crate::scenario::Target>) -> Option<Side> {
        let Some(target) = said else { return Some(Side::default()) };
        let name = target.name.value.as_str();
        if let Some(load) = self.names.load(name) {
            return Some(Side { parts: vec![Ends { sources: vec![load], ..Ends::default() }] });
        }
        let is_place = name.starts_with("any ") || self.scenario.regions.contains_key(name);
        if !is_place {
            let parts = match self.target(target)? {
                Target::Stations(stations) => vec![stations],
                Target::AnyOf(parts) => parts,
            };
            let ends = |stations| Ends { stations, ..Ends::default() }.ordered();
            return Some(Side { parts: parts.into_iter().map(ends).collect() });
        }
        let zones = |region: &Region| region.first..region.first + region.zones;
        let regions = &self.model.regions;
        let of = |places: Vec<u16>| Ends { stations: self.standing_in(&places), places, sources: Vec::new() };
        let all_of = |region: &Region| of((region.first..=region.first + region.zones).collect());
        let zone = match target.part {
            Part::Zone(zone) => Some(u32::from(zone)),
            Part::Index(zone) => Some(zone),
            Part::All | Part::Any | Part::Copy(_) => None,
        };
        let parts = match (regions.iter().find(|region| region.name == name), zone) {
            (Some(region), Some(zone)) if zone < u32::from(region.zones) => vec![of(vec![region.first + zone as u16])],
            (Some(region), None) if target.part == Part::All => vec![all_of(region)],
            (Some(region), None) if target.part == Part::Any => zones(region).map(|zone| of(vec![zone])).collect(),
            (None, _) if name == "any region" => regions.iter().map(all_of).collect(),
            (None, _) => regions.iter().flat_map(zones).map(|zone| of(vec![zone])).collect(),
            // A zone that there is not: told where targets are.
            _ => return self.target(target).map(|_| Side::default()),
        };
        if parts.is_empty() {
            return self.target(target).map(|_| Side::default());
        }
        Some(Side { parts })
    }

    /// Instances that stand at one of these places, in order.
    fn standing_in(&self, places: &[u16]) -> Vec<u32> {
        let stations = self.model.stations.iter().enumerate();
        let here = stations.filter(|(_, station)| station.place != NONE16 && places.contains(&station.place));
        here.map(|(number, _)| number as u32).collect()
    }
}
