//! Faults: what they hit, resolved to stations, and when.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::compile::{Compiler, parts_of, stream, threshold, time};
use crate::model::region::Region;
use crate::model::{Act, Fault, NONE16, Target};
use crate::policy::sharding::Sharding;
use crate::random::Purpose;
use crate::scenario;
use crate::scenario::database::CopyPart;
use crate::scenario::{Length, Part, When};

impl Compiler<'_> {
    /// All faults, in the order of their names, which is also their order at one instant.
    pub(super) fn compile_faults(&mut self) {
        let scenario = self.scenario;
        self.index(scenario.faults.len(), "faults");
        for (name, fault) in &scenario.faults {
            let path = format!("faults.{name}");
            let (at, every_draw) = match &fault.value.when {
                When::At(moment) => (Some(time(self.since_start(*moment))), NONE16),
                When::Every(gap) => (None, self.draw(&format!("{path}.every"), Purpose::Fault, gap)),
            };
            self.check_moment(name, fault);
            let lasts = fault.value.lasts.as_ref();
            let lasts_draw = lasts.map_or(NONE16, |lasts| self.draw(&format!("{path}.for"), Purpose::Fault, lasts));
            // A fault that hits nothing still takes its number, so that references to later ones stay right.
            let act = self.act(&path, &fault.value.act).unwrap_or(Act::Kill(Target::Stations(Vec::new())));
            let key = stream(&path, Purpose::Fault);
            self.model.faults.push(Fault { name: name.clone(), at, every_draw, lasts_draw, key, act });
        }
    }

    fn check_moment(&mut self, name: &str, fault: &Spotted<scenario::Fault>) {
        let (When::At(moment), Length::Duration(end)) = (&fault.value.when, self.scenario.run.length) else { return };
        if end <= self.since_start(*moment) {
            let message = format!("`{name}` begins after the end of the run");
            self.tell(Diagnostic::new(Code::NeverHappens, fault.spot, message));
        }
    }

    fn act(&mut self, path: &str, act: &scenario::fault::Act) -> Option<Act> {
        Some(match act {
            scenario::fault::Act::Kill(target) => Act::Kill(self.target(target)?),
            scenario::fault::Act::Slow { target, factor } => Act::Slow(self.target(target)?, *factor),
            scenario::fault::Act::Pause(target) => Act::Pause(self.target(target)?),
            scenario::fault::Act::Partition(sides) => Act::Link(self.trouble(path, sides, 1.0, None)?),
            scenario::fault::Act::Link { sides, loss, delay } => {
                Act::Link(self.trouble(path, sides, *loss, delay.as_ref())?)
            }
            scenario::fault::Act::Deploy(deploy) => Act::Deploy(self.deploy(deploy)?),
            scenario::fault::Act::Surge { load, factor, ramp_s } => {
                Act::Surge { source: self.names.find_load(load, self.diags)?, factor: *factor, ramp_s: *ramp_s }
            }
            scenario::fault::Act::Reshard { database, to, bytes_per_s } => self.reshard(database, *to, *bytes_per_s)?,
            scenario::fault::Act::Expire { cache, key, value } => self.expire(cache, key.as_ref(), *value)?,
            scenario::fault::Act::Release { key, share, purge } => self.release(key, *share, purge)?,
            scenario::fault::Act::Redrive { queue } => Act::Redrive { topic: self.dead_letters_named(queue)? },
            scenario::fault::Act::Rewind { topic, group, back_s } => self.rewind(topic, group.as_ref(), *back_s)?,
            scenario::fault::Act::Errors { target, share, kind } => self.errors(target, *share, kind)?,
        })
    }

    fn expire(
        &mut self,
        cache: &scenario::Reference,
        key: Option<&scenario::Reference>,
        value: Option<u64>,
    ) -> Option<Act> {
        let cache = self.cache_named(cache, None)?;
        let Some(value) = value else { return Some(Act::Expire { cache, key: NONE16, value: 0 }) };
        let named = self.names.find_key(key, self.diags);
        let key_of_cache = self.model.caches[usize::from(cache)].key;
        let spot = key.map_or_else(|| self.anywhere(), |key| key.spot);
        self.check_key(named, cache, spot);
        let key = if named == NONE16 { key_of_cache } else { named };
        let count = self.model.keys.get(usize::from(key))?.count;
        if count <= value {
            let message = format!("`{}` has the values 0 to {}", self.names.keys[usize::from(key)], count.max(1) - 1);
            self.tell(Diagnostic::new(Code::OutOfRange, spot, message));
        }
        Some(Act::Expire { cache, key, value })
    }

    /// Another number of shards; only strategies that say where rows then are can have it.
    fn reshard(&mut self, database: &scenario::Reference, to: Spotted<u32>, bytes_per_s: f64) -> Option<Act> {
        let number = self.names.find_component(&database.value, database.spot, self.diags)?;
        let copies = self.model.components.get(usize::from(number))?.copies;
        let kind = &self.scenario.components[&database.value].value.kind;
        let shards = if let scenario::Kind::Database(said) = kind { said.shards.as_ref() } else { None };
        let (Some(shards), Some(known)) = (shards, self.model.copies.get(usize::from(copies))) else {
            let message = format!("`{}` has no shards", database.value);
            let told = Diagnostic::new(Code::Inert, database.spot, message);
            self.tell(told.help("name a database with `shards: {count: 4}`"));
            return None;
        };
        if matches!(shards.by.value, Sharding::Tables | Sharding::Place(_)) {
            let message = "tables and places that are dealt to shards cannot be dealt to others";
            self.diags.push(Diagnostic::new(Code::Excluded, database.spot, message));
            return None;
        }
        if known.shards < to.value {
            let message = format!("a database has at most 1024 shards, not {}", to.value);
            self.tell(Diagnostic::new(Code::OutOfRange, to.spot, message));
            return None;
        }
        if known.shards == known.least {
            let message = format!("`{}` has {} shards from the start", database.value, to.value);
            let told = Diagnostic::new(Code::Inert, to.spot, message);
            self.tell(told.help("say how many it has afterwards, more or fewer"));
            return None;
        }
        let map = known.map.over(&shards.by.value, to.value);
        Some(Act::Reshard { copies, map, bytes_per_s })
    }

    fn errors(&mut self, target: &scenario::Target, share: f64, kind: &str) -> Option<Act> {
        let component = self.names.find_component(&target.name.value, target.name.spot, self.diags)?;
        let operation = match &target.operation {
            None => NONE16,
            Some(operation) => {
                let value = format!("{}.{operation}", target.name.value);
                self.names.find_operation(&Spotted::new(value, target.name.spot), self.diags)?
            }
        };
        let hit = if target.part == Part::All { None } else { Some(self.target(target)?) };
        Some(Act::Errors { component, operation, target: hit, share: threshold(share), kind: self.failure(kind) })
    }

    /// The stations of a target: instances of a component, or all that stand on a host.
    pub(super) fn target(&mut self, target: &scenario::Target) -> Option<Target> {
        let name = target.name.value.as_str();
        let parts = self.parts(name);
        let Some(parts) = parts else {
            let known = self.names.components.clone();
            let hosts = self.scenario.hosts.keys().chain(self.scenario.regions.keys()).map(String::as_str);
            let message = format!("`{name}` is neither a component, a host nor a region of this scenario");
            let made = Diagnostic::new(Code::UnknownComponent, target.name.spot, message);
            self.diags.push(made.nearest(name, known.into_iter().chain(hosts)));
            return None;
        };
        if self.is_empty_place(target, &parts) {
            return None;
        }
        match target.part {
            Part::All => Some(Target::Stations(parts.into_iter().flatten().collect())),
            Part::Any => Some(Target::AnyOf(parts.into_iter().filter(|part| !part.is_empty()).collect())),
            Part::Zone(zone) if self.scenario.regions.contains_key(name) && usize::from(zone) < parts.len() => {
                Some(Target::Stations(parts[usize::from(zone)].clone()))
            }
            Part::Zone(zone) => {
                let part = char::from(b'a' + zone);
                let message = format!("`{name}` has no part `{part}`: {}", parts_of(name, parts.len()));
                self.tell(Diagnostic::new(Code::UnknownPart, target.name.spot, message));
                None
            }
            Part::Index(index) if (index as usize) < parts.len() => {
                Some(Target::Stations(parts[index as usize].clone()))
            }
            Part::Index(index) => {
                let message = format!("`{name}` has no part {index}: {}", parts_of(name, parts.len()));
                self.tell(Diagnostic::new(Code::UnknownPart, target.name.spot, message));
                None
            }
            Part::Copy(part) => self.copies(target, part, &parts),
        }
    }

    /// A shard of a database, or one of its copies.
    fn copies(&mut self, target: &scenario::Target, part: CopyPart, parts: &[Vec<u32>]) -> Option<Target> {
        let name = target.name.value.as_str();
        let number = self.names.component(name);
        match number.and_then(|number| self.model.copies_in(number, part)) {
            Some(Ok(instances)) => {
                let stations = instances.filter_map(|instance| parts.get(instance as usize)?.first().copied());
                Some(Target::Stations(stations.collect()))
            }
            Some(Err(described)) => {
                let message = format!("`{name}` has no such part: {described}");
                self.tell(Diagnostic::new(Code::UnknownPart, target.name.spot, message));
                None
            }
            None => {
                let message = format!("`{name}` is not a database, so it has no such part");
                let told = Diagnostic::new(Code::UnknownPart, target.name.spot, message);
                self.tell(told.help(format!("write `{name}/0`")));
                None
            }
        }
    }

    /// Tells of a region or zone in which nothing stands.
    fn is_empty_place(&mut self, target: &scenario::Target, parts: &[Vec<u32>]) -> bool {
        let name = target.name.value.as_str();
        let zone = match target.part {
            Part::Zone(zone) => Some(usize::from(zone)),
            Part::Index(zone) => Some(zone as usize),
            _ => None,
        };
        let is_empty = zone.map_or(parts.iter().all(Vec::is_empty), |zone| parts.get(zone).is_some_and(Vec::is_empty));
        let is_place = self.scenario.regions.contains_key(name) || name.starts_with("any ");
        if is_empty && is_place {
            let zone = zone.map_or(String::new(), |zone| format!("/{zone}"));
            let message = format!("nothing stands in `{name}{zone}`, so the fault hits nobody");
            self.tell(Diagnostic::new(Code::UnknownPart, target.name.spot, message));
        }
        is_empty && is_place
    }

    /// The instances of a component that are in a cell.
    fn cell_of(&self, component: &str, cell: u32) -> Vec<u32> {
        let number = self.names.component(component);
        let Some(spec) = number.and_then(|number| self.model.components.get(usize::from(number))) else {
            return Vec::new();
        };
        let all = spec.first..spec.first + spec.count;
        match (spec.cells, self.model.copies.get(usize::from(spec.copies))) {
            (Some((_, cells)), _) => all.filter(|station| (station - spec.first) % cells == cell).collect(),
            (None, Some(copies)) => all.filter(|station| (station - spec.first) / copies.each() == cell).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// The parts of a cell, of a component (one station each), of a host (the stations on it), of a region (those in each of its
    /// zones), or of all there is by region or zone.
    fn parts(&self, name: &str) -> Option<Vec<Vec<u32>>> {
        let standing = |places: Vec<u16>| -> Vec<u32> {
            let stations = self.model.stations.iter().enumerate();
            stations.filter(|(_, station)| places.contains(&station.place)).map(|(index, _)| index as u32).collect()
        };
        let zones = |region: &Region| region.first..region.first + region.zones;
        match name {
            "any region" => {
                return Some(self.model.regions.iter().map(|region| standing(zones(region).collect())).collect());
            }
            "any zone" => {
                return Some(self.model.regions.iter().flat_map(zones).map(|zone| standing(vec![zone])).collect());
            }
            _ => {}
        }
        if let Some(region) = self.model.regions.iter().find(|region| region.name == name) {
            return Some(zones(region).map(|zone| standing(vec![zone])).collect());
        }
        if let Some(stamp) = self.scenario.stamps.get(name) {
            let cell = |cell: u32| stamp.value.of.iter().flat_map(|part| self.cell_of(&part.value, cell)).collect();
            return Some((0..stamp.value.count).map(cell).collect());
        }
        if let Some(component) = self.names.component(name) {
            let component = self.model.components.get(usize::from(component))?;
            return Some((0..component.count).map(|instance| vec![component.first + instance]).collect());
        }
        let host = self.scenario.hosts.get(name)?;
        let on = |number: u32| {
            let wanted = format!("{name}/{number}");
            let host = self.model.hosts.iter().position(|host| host.name == wanted);
            let stations = self.model.stations.iter().enumerate();
            let here = stations.filter(|(_, station)| Some(station.host as usize) == host);
            here.map(|(index, _)| index as u32).collect()
        };
        Some((0..host.value.count).map(on).collect())
    }
}
