//! Data residency: where the data of some values of a key may be, and what certainly stands elsewhere.
//!
//! Each copy of a database holds the rows of everybody, unless the shards are by place; so a copy outside is told without
//! running anything. Where requests are worked on, and in which node of a cache their entries are, depends on who calls
//! whom, so the engine counts that; it is told beforehand only where no instance stands inside.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::Compiler;
use crate::model::copies::Copies;
use crate::model::names::listed;
use crate::model::{Model, NONE16};
use crate::policy::sharding::Sharding;
use crate::scenario::{self, Kind};

/// Data of requests with this value of the key stays at some of the places.
#[derive(Clone, Debug, PartialEq)]
pub struct Residency {
    pub key: u16,
    pub value: u64,
    /// By place.
    pub allowed: Vec<bool>,
}

impl Model {
    /// Whether the data of some value must not be where the instance stands.
    pub fn is_forbidden_to_some(&self, station: u32) -> bool {
        let place = usize::from(self.stations[station as usize].place);
        self.residency.iter().any(|rule| rule.allowed.get(place) == Some(&false))
    }
}

impl Compiler<'_> {
    /// The rules, and what breaks them for certain; components must be known.
    pub(super) fn compile_residency(&mut self) {
        let scenario = self.scenario;
        for said in &scenario.residency {
            let key = self.names.find_key(Some(&said.key), self.diags);
            if key == NONE16 {
                continue;
            }
            let value = self.value_of(key, &said.key, &said.value);
            let places: Vec<u16> = said.places.iter().filter_map(|place| self.find_place(place)).collect();
            let Some(value) = value.filter(|_| places.len() == said.places.len()) else { continue };
            let is_within = |at: usize| {
                let region = self.model.places[at].region;
                let is_whole = |place: &u16| {
                    let region = &self.model.regions[usize::from(self.model.places[usize::from(*place)].region)];
                    *place == region.first + region.zones
                };
                places.iter().any(|place| {
                    usize::from(*place) == at
                        || is_whole(place) && self.model.places[usize::from(*place)].region == region
                })
            };
            let allowed = (0..self.model.places.len()).map(is_within).collect();
            let rule = Residency { key, value, allowed };
            self.tell_outside(said, &rule);
            self.model.residency.push(rule);
        }
    }

    /// Whatever holds or serves the data of a rule outside of its places for certain.
    fn tell_outside(&mut self, said: &scenario::residency::Residency, rule: &Residency) {
        for number in 0..self.model.components.len() {
            let component = &self.model.components[number];
            let written = &self.scenario.components[&component.name];
            let outside = |station: &u32| {
                let place = usize::from(self.model.stations[*station as usize].place);
                rule.allowed.get(place) == Some(&false)
            };
            let all = component.first..component.first + component.count;
            let found: Vec<u32> = match &written.value.kind {
                Kind::Database(database) => {
                    let by_place = database.shards.as_ref().is_some_and(
                        |shards| matches!(&shards.by.value, Sharding::Place(key) if *key == said.key.value),
                    );
                    let each = self.model.copies.get(usize::from(component.copies)).map_or(1, Copies::each);
                    let holds = |station: &u32| {
                        let shard = u64::from((station - component.first) / each);
                        let shards = u64::from(component.count / each).max(1);
                        !by_place || shard == rule.value % shards
                    };
                    all.filter(holds).filter(outside).collect()
                }
                // Where there is a choice, who is asked is only known in a run.
                _ if all.clone().all(|station| outside(&station)) => all.collect(),
                _ => Vec::new(),
            };
            let parts: Vec<String> = found.iter().map(|station| self.standing_part(*station)).collect();
            if parts.is_empty() {
                continue;
            }
            let (key, value) = (&said.key.value, &said.value.value);
            let message = format!("data of `{key}` {value} must not be where it is: {}", parts.join(", "));
            let places: Vec<&str> = said.places.iter().map(|place| place.value.as_str()).collect();
            let told = Diagnostic::new(Code::OutsideResidency, written.spot, message);
            let told = told.note_at(said.value.spot, format!("it may be in {}", listed(&places)));
            let help = match &written.value.kind {
                Kind::Database(_) => {
                    format!("split it with `shards: {{count: 2, by: place({key})}}`, or move these copies")
                }
                _ => "give it instances there".to_owned(),
            };
            self.diags.push(told.help(help));
        }
    }

    /// `db/replica-0 in us-east-1/a`.
    fn standing_part(&self, station: u32) -> String {
        let place = usize::from(self.model.stations[station as usize].place);
        format!("`{}` in {}", self.model.part(station), self.model.places[place].name)
    }
}
