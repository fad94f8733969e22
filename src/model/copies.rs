//! Databases whose instances are not alike: shards, and the copies of each.
//!
//! Instance `shard x (1 + replicas) + copy` of the component is one copy of one shard; copy 0 is the primary at the start
//! of a run. People name them by what they are (`db/shard-3/replica-1`), and every part also has its number (`db/7`).
//! Copies of one shard are dealt over zones and shared hosts, so that one zone that fails leaves a copy of each.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::arrows::{End, Merged};
use crate::model::autoscale::Scaler;
use crate::model::caches::Cache;
use crate::model::compile::{Compiler, span, stream};
use crate::model::edges::Caller;
use crate::model::{Cause, Model, NONE, NONE16, Operation};
use crate::policy::replication::{Choose, Mode, ReadFrom};
use crate::policy::sharding::{Map, Sharding};
use crate::policy::watchers::Quorum;
use crate::random::Purpose;
use crate::scenario::database::{CopyPart, Database};
use crate::scenario::fault::Act;
use crate::scenario::{self, Component, KeyOrigin, Kind, Machine, MachineChoice};
use crate::units::Span;

/// How a database is spread over its instances.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copies {
    pub component: u16,
    /// As many as there may ever be; those beyond the map's are not there until a fault brings them.
    pub shards: u32,
    /// As few as there may ever be.
    pub least: u32,
    /// Copies of each shard besides its primary.
    pub replicas: u32,
    /// Which shard holds what at the start.
    pub map: Map,
    /// The shard is that of `shard_key` whatever key a caller names.
    pub is_fixed: bool,
    /// Key whose value decides the shard; `NONE16`: the row does.
    pub shard_key: u16,
    /// Key whose value is the row; `NONE16`: rows are drawn alike.
    pub row_key: u16,
    /// Rows of all shards.
    pub rows: f64,
    pub read: ReadFrom,
    pub mode: Mode,
    /// From one sending of a primary to the next; 0: each write at once.
    pub ship_every: Span,
    /// Writes that a replica applies at a time.
    pub apply_workers: u32,
    /// Keys whose values see their own writes, and never an older state than before; or `NONE16`.
    pub writes_key: u16,
    pub reads_key: u16,
    pub row_bytes: f64,
    pub failover: Option<Failover>,
    /// Data of all shards.
    pub data_bytes: f64,
    /// Data of one shard, and how fast it is copied.
    pub shard_bytes: f64,
    pub rebuild_bytes_per_s: f64,
    /// Stream of what is drawn between copies.
    pub key: u64,
    /// What lies between copies; no step calls through it.
    pub edge: u16,
    /// Cell of the time that writes wait for replicas.
    pub wait_cell: u16,
    /// Whether parts are named by their shard, and by what they are in it.
    pub names_shards: bool,
    pub names_copies: bool,
}

/// Who takes over from a dead primary, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Failover {
    /// From the notice to the change.
    pub promote_draw: u16,
    pub choose: Choose,
    /// Stations that watch the primary; empty: the replicas that live do.
    pub watchers: Range<u32>,
    pub quorum: Quorum,
    /// How long a primary that misses a quorum goes on; `None`: as long as it likes.
    pub fence: Option<Span>,
    /// How long callers keep the address of a primary.
    pub ttl: Span,
}

impl Copies {
    /// Copies of each shard, the primary among them.
    pub fn each(&self) -> u32 {
        1 + self.replicas
    }

    /// Most shards that there will be.
    pub fn most(&self) -> u32 {
        self.shards
    }

    /// Instances that are there at the start.
    pub fn instances_at_start(&self) -> u32 {
        self.map.shards() * self.each()
    }

    /// Instances that are there all the time: the first so many.
    pub fn instances_that_stay(&self) -> u32 {
        self.least * self.each()
    }

    /// The name of an instance behind that of its component: `primary`, `shard-3/replica-1`.
    pub fn part(&self, instance: u32) -> String {
        let (shard, copy) = (instance / self.each(), instance % self.each());
        let copy = if copy == 0 { "primary".to_owned() } else { format!("replica-{}", copy - 1) };
        match (self.names_shards, self.names_copies) {
            (true, true) => format!("shard-{shard}/{copy}"),
            (true, false) => format!("shard-{shard}"),
            (false, _) => copy,
        }
    }

    /// The instances that a part consists of, or what parts there are.
    pub fn instances(&self, part: CopyPart) -> Result<Range<u32>, String> {
        let each = self.each();
        let shard = match part.shard {
            Some(shard) if self.names_shards && shard < self.shards => shard,
            None if !self.names_shards => 0,
            _ => return Err(self.described()),
        };
        match part.copy {
            None => Ok(shard * each..(shard + 1) * each),
            Some(copy) if copy < each => Ok(shard * each + copy..shard * each + copy + 1),
            Some(_) => Err(self.described()),
        }
    }

    /// The share of the calls of an operation that an instance gets, where rows and balance are even.
    pub fn share(&self, operation: &Operation, instance: u32) -> f64 {
        let is_primary = instance.is_multiple_of(self.each());
        if self.instances_at_start() <= instance {
            return 0.0;
        }
        let shards = f64::from(self.map.shards());
        let at_primary = operation.writes || operation.from_primary || self.read == ReadFrom::Primary;
        if matches!(self.mode, Mode::MultiPrimary(_)) {
            return 1.0 / (shards * f64::from(self.each()));
        }
        if self.mode == Mode::Chain && !operation.writes && !operation.from_primary {
            let is_tail = instance % self.each() == self.replicas;
            return if is_tail { 1.0 / shards } else { 0.0 };
        }
        let at_primary = at_primary || self.replicas == 0;
        match (at_primary, self.read, is_primary) {
            (true, _, true) => 1.0 / shards,
            (false, ReadFrom::All, _) => 1.0 / (shards * f64::from(self.each())),
            (true, _, false) | (false, _, true) => 0.0,
            (false, _, false) => 1.0 / (shards * f64::from(self.replicas)),
        }
    }

    /// What parts there are, for advice.
    fn described(&self) -> String {
        let last = self.shards * self.each() - 1;
        match (self.names_shards, self.replicas) {
            (true, _) => format!("its parts are `{}` to `{}`", self.part(0), self.part(last)),
            (false, 0) => "it has only a `primary`".to_owned(),
            (false, _) => format!("its parts are `primary` and `replica-0` to `{}`", self.part(last)),
        }
    }
}

impl Model {
    /// The instances of a database that a part names, or what parts it has; `None` if it is no database.
    pub(super) fn copies_in(&self, component: u16, part: CopyPart) -> Option<Result<Range<u32>, String>> {
        let component = self.components.get(usize::from(component))?;
        match self.copies.get(usize::from(component.copies)) {
            Some(copies) => Some(copies.instances(part)),
            None if component.kind != "database" => None,
            None if part == (CopyPart { shard: None, copy: Some(0) }) => Some(Ok(0..1)),
            None => Some(Err("it has only a `primary`".to_owned())),
        }
    }

    /// Instances that are not there all the time.
    pub fn joining_stations(&self) -> impl Iterator<Item = u32> {
        let shards = self.copies.iter().flat_map(|copies| {
            let component = &self.components[usize::from(copies.component)];
            component.first + copies.instances_that_stay()..component.first + component.count
        });
        shards.chain(self.scalers.iter().flat_map(Scaler::stations))
    }

    /// The name of an instance as the author may write it: `web/2`, `db/shard-3/replica-1`.
    pub fn part(&self, station: u32) -> String {
        let component = &self.components[usize::from(self.stations[station as usize].component)];
        let instance = station - component.first;
        match self.copies.get(usize::from(component.copies)) {
            Some(copies) => format!("{}/{}", component.name, copies.part(instance)),
            None => format!("{}/{instance}", component.name),
        }
    }
}

impl Compiler<'_> {
    /// The hosts and stations of a database with parts, and how it is spread over them.
    pub(super) fn place_copies(
        &mut self,
        number: u16,
        name: &str,
        said: (&Spotted<Component>, &Database),
        on: (u32, u32),
    ) {
        let (component, database) = said;
        let shard_key = self.shard_key(database);
        let row_key = self.names.find_key(database.key.as_ref(), self.diags);
        let by = database.shards.as_ref().map_or(&Sharding::Hash, |shards| &shards.by.value);
        let shard_key = if shard_key == NONE16 { row_key } else { shard_key };
        let rows = self.rows_of(database).unwrap_or(ROWS);
        let keys = self.model.keys.get(usize::from(shard_key)).map_or(rows as u64, |key| key.count);
        self.check_tables(name, database);
        let copies = Copies {
            component: number,
            shards: self.reshards(name).max().unwrap_or(0).max(database.shards()),
            least: self.reshards(name).min().unwrap_or(u32::MAX).min(database.shards()),
            replicas: database.machines() / database.shards() - 1,
            map: Map::new(by, database.shards(), keys),
            is_fixed: matches!(by, Sharding::Place(_)),
            shard_key,
            row_key: if row_key == NONE16 { shard_key } else { row_key },
            rows,
            data_bytes: rows * database.row_bytes.unwrap_or(0.0),
            names_shards: database.shards.is_some(),
            names_copies: database.replicas.is_some(),
            ..self.replication(name, database)
        };
        let types = self.types_of(&component.value, database);
        let stands = self.stands_of_shards((name, component), database, on, copies.shards);
        let remote = self.stands_of_replicas(database, stands[0][0].0);
        for instance in 0..copies.shards * copies.each() {
            let (shard, copy) = (instance / copies.each(), instance % copies.each());
            let stand = &stands[shard as usize % stands.len()];
            // Copies of a shard stand apart, and the primaries of neighbouring shards too.
            let turn = shard + copy;
            let (place, mut host) = match remote.get((copy as usize).wrapping_sub(1)) {
                Some(zones) => zones[shard as usize % zones.len()],
                None => stand[turn as usize % stand.len()],
            };
            if let Some((kind, figures)) = types.of(instance, shard, copy) {
                self.add_host(format!("{name}/{}", copies.part(instance)), place, figures);
                if instance < copies.instances_that_stay() && (copy == 0 || component.value.autoscale.is_none()) {
                    self.count_machine(name, kind, figures.price_per_hour);
                } else {
                    self.count_joining(name, kind, figures.price_per_hour);
                }
                host = self.model.hosts.len() as u32 - 1;
            }
            self.add_station(number, place, host);
        }
        self.model.copies.push(copies);
    }

    /// How the copies are kept alike and read; what lies between them is filled in by `link_copies`.
    fn replication(&mut self, name: &str, database: &Database) -> Copies {
        let key = stream(&format!("components.{name}.replicas"), Purpose::Routing);
        let none = Copies {
            read: ReadFrom::Primary,
            writes_key: NONE16,
            reads_key: NONE16,
            edge: NONE16,
            wait_cell: NONE16,
            key,
            ..Copies::default()
        };
        let Some(replicas) = &database.replicas else { return none };
        if let Some(problem) = replicas.mode.value.problem(replicas.count) {
            self.tell(Diagnostic::new(Code::ImpossibleQuorum, replicas.mode.spot, problem));
        }
        Copies {
            read: replicas.read,
            mode: replicas.mode.value,
            ship_every: span(replicas.ship_every_s),
            apply_workers: replicas.apply_workers,
            writes_key: self.names.find_key(replicas.read_your_writes.as_ref(), self.diags),
            reads_key: self.names.find_key(replicas.monotonic_reads.as_ref(), self.diags),
            row_bytes: database.row_bytes.unwrap_or(0.0),
            failover: database.failover.as_ref().map(|failover| Failover {
                promote_draw: self.draw(&format!("components.{name}.failover"), Purpose::Fault, &failover.promote),
                choose: failover.choose,
                watchers: 0..0,
                quorum: failover.quorum.value,
                fence: failover.fence.as_ref().map(|fence| span(fence.value)),
                ttl: span(failover.ttl_s),
            }),
            shard_bytes: self.rows_of(database).unwrap_or(0.0) * database.row_bytes.unwrap_or(0.0)
                / f64::from(database.shards()),
            rebuild_bytes_per_s: database.rebuild(),
            ..none
        }
    }

    /// The edges between copies, and the cells of waiting for them; components must be known.
    pub(super) fn link_copies(&mut self) {
        for number in 0..self.model.copies.len() {
            let Copies { component, mode, replicas, .. } = self.model.copies[number];
            let name = self.names.components[usize::from(component)];
            let Some(edge) = Some(component).filter(|_| 0 < replicas).and_then(|own| self.edge_within(own)) else {
                continue;
            };
            self.model.copies[number].edge = edge;
            if mode.waits() || 0 < mode.asks() {
                self.model.copies[number].wait_cell = self.cell(name, Cause::Replication);
            }
        }
    }

    /// Who watches the primaries; all components must have their instances.
    pub(super) fn find_watchers(&mut self) {
        for number in 0..self.model.copies.len() {
            let Copies { component, replicas, .. } = self.model.copies[number];
            let name = self.names.components[usize::from(component)];
            let Kind::Database(database) = &self.scenario.components[name].value.kind else { continue };
            let Some(said) = &database.failover else { continue };
            let mut count = replicas;
            if let Some(watchers) = &said.watchers {
                let found = self.names.find_component(&watchers.value, watchers.spot, self.diags);
                let Some(spec) = found.and_then(|found| self.model.components.get(usize::from(found))) else {
                    continue;
                };
                count = spec.count;
                let stations = spec.first..spec.first + spec.count;
                if let Some(failover) = &mut self.model.copies[number].failover {
                    failover.watchers = stations;
                }
            }
            self.check_fence(name, said);
            if let Some(problem) = said.quorum.value.problem(count) {
                self.tell(Diagnostic::new(Code::ImpossibleQuorum, said.quorum.spot, problem));
            }
        }
    }

    /// A fence that is slower than the quickest promotion leaves two primaries.
    fn check_fence(&mut self, name: &str, said: &scenario::database::Failover) {
        let Some(fence) = &said.fence else { return };
        let component = self.names.component(name).and_then(|number| self.model.components.get(usize::from(number)));
        let health = component.and_then(|component| component.health.as_ref());
        // The first probe may leave in the moment of the cut.
        let noticed = health
            .map_or(0.0, |health| f64::from(health.unhealthy - 1) * health.interval.secs() + health.timeout.secs());
        // One promotion in a hundred is quicker still.
        let promote = &said.promote;
        let promoted = if promote.is_constant() { Some(promote.mean()) } else { promote.quantile(0.01) };
        let least = noticed + promoted.unwrap_or(0.0);
        if least < fence.value {
            let times = [fence.value, least].map(crate::units::human_time);
            let message = format!("`{name}` stops after {}, and another may take over after {}", times[0], times[1]);
            let told = Diagnostic::new(Code::LateFence, fence.spot, message);
            self.tell(told.help(format!("write at most `fence: {}`, if two primaries are not meant", times[1])));
        }
    }

    /// The edges between copies of nodes of caches.
    pub(super) fn link_nodes(&mut self) {
        for number in 0..self.model.caches.len() {
            let Cache { component, each, .. } = self.model.caches[number];
            if each != 1
                && let Some(edge) = self.edge_within(component)
            {
                self.model.caches[number].edge = edge;
            }
        }
    }

    /// What lies between instances of a component; `None` if it has no operations.
    pub(super) fn edge_within(&mut self, component: u16) -> Option<u16> {
        let name = self.names.components[usize::from(component)];
        let operation = self.names.operations.iter().position(|offer| offer.component == component)? as u16;
        let end = End { name, operation: "" };
        let caller = Caller { end, component: Some(component), places: &[] };
        let mut edge = self.edge(&format!("{name}/replication"), caller, operation, &Merged::default());
        edge.targets = vec![(1 << 32, operation)];
        Some(self.add_edge(edge))
    }

    /// The key whose value decides the shard, or `NONE16`.
    fn shard_key(&mut self, database: &Database) -> u16 {
        let Some(shards) = &database.shards else { return NONE16 };
        if let Sharding::Place(key) = &shards.by.value {
            return self.key_named(key, shards.by.spot);
        }
        self.names.find_key(shards.key.as_ref(), self.diags)
    }

    /// How many shards faults make of a database.
    pub(super) fn reshards(&self, name: &str) -> impl Iterator<Item = u32> {
        let to = move |fault: &Spotted<scenario::Fault>| match &fault.value.act {
            Act::Reshard { database, to, .. } if database.value == name => Some(to.value.min(MOST_SHARDS)),
            _ => None,
        };
        self.scenario.faults.values().filter_map(to)
    }

    /// Each operation of a database belongs to one table, where tables have shards of their own.
    fn check_tables(&mut self, name: &str, database: &Database) {
        let Some(shards) = database.shards.as_ref().filter(|shards| shards.by.value == Sharding::Tables) else {
            return;
        };
        let offered = &self.scenario.components[name].value.operations;
        for (_, operations) in &shards.tables {
            for operation in operations.iter().filter(|operation| !offered.contains_key(&operation.value)) {
                let message = format!("`{name}` has no operation `{}`", operation.value);
                let told = Diagnostic::new(Code::UnknownOperation, operation.spot, message);
                self.diags.push(told.nearest(&operation.value, offered.keys().map(String::as_str)));
            }
        }
        for operation in offered.keys() {
            let tables = shards.tables.iter().filter(|(_, all)| all.iter().any(|known| known.value == *operation));
            let told = match tables.count() {
                1 => continue,
                0 => format!("`{operation}` belongs to none of the tables, so no shard could serve it"),
                _ => format!("`{operation}` belongs to several tables, so its shard is not clear"),
            };
            self.diags.push(Diagnostic::new(Code::Excluded, shards.by.spot, told));
        }
    }

    /// The shard of an operation's table.
    pub(super) fn table_of(&self, component: &str, operation: &str) -> u32 {
        let Kind::Database(database) = &self.scenario.components[component].value.kind else { return 0 };
        let Some(shards) = &database.shards else { return 0 };
        let has = |(_, all): &(String, Vec<scenario::Reference>)| all.iter().any(|known| known.value == operation);
        shards.tables.iter().position(has).unwrap_or(0) as u32
    }

    /// Where the copies of each shard stand: with `by: place(home)` those of a place stand there.
    fn stands_of_shards(
        &mut self,
        (name, component): (&str, &Spotted<Component>),
        database: &Database,
        on: (u32, u32),
        shards: u32,
    ) -> Vec<Vec<(u16, u32)>> {
        let by = database.shards.as_ref().map(|shards| &shards.by.value);
        let is_free = component.value.placement.at.is_empty()
            && !matches!(component.value.placement.machine, MachineChoice::On(_));
        let scenario = self.scenario;
        if let Some(Sharding::Place(key)) = by
            && is_free
            && let Some(KeyOrigin::Shares { shares, .. }) = scenario.keys.get(key).map(|key| &key.value.origin)
        {
            let places: Option<Vec<u16>> = shares.iter().map(|(place, _)| self.place_named(place)).collect();
            if let Some(places) = places.filter(|places| !places.is_empty()) {
                let zones = |place: &u16| self.zones_within(*place).into_iter().map(|zone| (zone, NONE)).collect();
                return (0..shards as usize).map(|shard| zones(&places[shard % places.len()])).collect();
            }
        }
        vec![self.stands(name, component, on)]
    }

    /// One more machine that is paid for when it is there.
    fn count_joining(&mut self, name: &str, kind: &str, per_hour: Option<f64>) {
        let station = self.model.stations.len() as u32;
        self.joining.push((name.to_owned(), kind.to_owned(), station, per_hour));
    }

    /// Places, and shared hosts if there are any, over which the copies are dealt.
    fn stands(&mut self, name: &str, component: &Spotted<Component>, on: (u32, u32)) -> Vec<(u16, u32)> {
        let at = &component.value.placement.at;
        if let MachineChoice::On(host) = &component.value.placement.machine {
            let hosts = match at.first() {
                Some((place, _)) => self.hosts_within(&host.value, on, place),
                None => (on.0..on.0 + on.1).collect(),
            };
            let stands: Vec<(u16, u32)> = hosts.into_iter().map(|host| (self.place_of_host(host), host)).collect();
            return if stands.is_empty() { vec![(NONE16, NONE)] } else { stands };
        }
        let zones = match at.first() {
            Some((place, _)) => self.find_place(place).map_or(vec![NONE16], |place| self.zones_within(place)),
            None => self.default_zones(name, component.spot),
        };
        zones.into_iter().map(|zone| (zone, NONE)).collect()
    }

    /// Where each replica of a shard may stand, where numbers by place say so: zones in turn, that of the first primary
    /// last.
    fn stands_of_replicas(&mut self, database: &Database, primary: u16) -> Vec<Vec<(u16, u32)>> {
        let Some(replicas) = &database.replicas else { return Vec::new() };
        let mut stands = Vec::new();
        for (place, count) in &replicas.at {
            let Some(found) = self.find_place(place) else { continue };
            let mut zones: Vec<(u16, u32)> = self.zones_within(found).into_iter().map(|zone| (zone, NONE)).collect();
            let own = zones.iter().position(|(zone, _)| *zone == primary);
            zones.rotate_left(own.map_or(0, |own| own + 1));
            for _ in 0..*count {
                stands.push(zones.clone());
                zones.rotate_left(1);
            }
        }
        stands
    }

    fn types_of(&mut self, component: &Component, database: &Database) -> Types {
        let overrides = &component.placement.overrides;
        let mut all = Vec::new();
        if let MachineChoice::Own(machines) = &component.placement.machine {
            for (machine, count) in machines {
                let one = (machine.value.clone(), self.figures(machine, overrides));
                all.extend(std::iter::repeat_n(one, (*count).max(1) as usize));
            }
        } else if matches!(component.placement.machine, MachineChoice::None) && *overrides != Machine::default() {
            all.push(("machine".to_owned(), overrides.clone()));
        }
        let own = database.replicas.as_ref().and_then(|replicas| replicas.machine.as_ref());
        let of_replicas = own.map(|machine| (machine.value.clone(), self.figures(machine, overrides)));
        Types { all, of_replicas }
    }

    /// One more machine to pay for.
    fn count_machine(&mut self, name: &str, kind: &str, per_hour: Option<f64>) {
        match self.machines.iter_mut().find(|known| known.0 == name && known.1 == kind && known.3 == per_hour) {
            Some(machine) => machine.2 += 1,
            None => self.machines.push((name.to_owned(), kind.to_owned(), 1, per_hour)),
        }
    }
}

/// Types of machines with their figures: those of replicas, and those that are dealt to all the others in turn.
struct Types {
    all: Vec<(String, Machine)>,
    of_replicas: Option<(String, Machine)>,
}

impl Types {
    /// The machine of one copy; `None` where it has none of its own.
    fn of(&self, instance: u32, shard: u32, copy: u32) -> Option<(&str, &Machine)> {
        let dealt = if self.of_replicas.is_some() { shard } else { instance } as usize;
        let own = self.of_replicas.as_ref().filter(|_| copy != 0);
        let (kind, figures) = own.or_else(|| self.all.get(dealt % self.all.len().max(1)))?;
        Some((kind, figures))
    }
}

/// Most shards that there can be.
const MOST_SHARDS: u32 = 1024;

/// Rows of a database that does not say how many it has.
const ROWS: f64 = 1e6;
