//! Where things run: hosts of one's own and shared ones, zones, and the stations on them.
//!
//! `machine:` gives every instance a host of its own; `on:` deals the instances over the shared hosts in turn, and an
//! instance stands where its host does. What is to stand in a region is dealt over its zones. A component that states cores
//! without a machine gets hosts that nobody has a price for. Somebody else's service stands nowhere, and a browser's cache where
//! the request comes from.

use std::collections::BTreeMap;

use crate::catalogue;
use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::model::compile::Compiler;
use crate::model::region::WITH_REQUEST;
use crate::model::{Host, NONE, NONE16, Station};
use crate::scenario::{At, Component, Kind, Machine, MachineChoice, Reference};

impl Compiler<'_> {
    /// The shared hosts, then the stations of every component with their own hosts.
    pub(super) fn compile_places(&mut self) {
        let scenario = self.scenario;
        let mut shared: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for (name, host) in &scenario.hosts {
            let written = &host.value;
            let mut figures = written.overrides.clone();
            let mut kind = "host".to_owned();
            if let Some(machine) = &written.machine {
                kind.clone_from(&machine.value);
                figures = self.figures(machine, &figures);
            }
            let first = self.model.hosts.len() as u32;
            let most = written.grow.as_ref().map_or(written.count, |grow| grow.most);
            let places = self.spread(name, host.spot, &written.at, most);
            self.add_hosts(name, &figures, 0, &places);
            self.add_nodes(name, written, (&kind, figures.price_per_hour));
            self.machines.push((name.clone(), kind, written.count, figures.price_per_hour));
            shared.insert(name, (first, written.count.max(1)));
        }
        for (number, (name, component)) in scenario.components.iter().enumerate() {
            self.place(number as u16, name, component, &shared);
        }
        self.index(self.model.stations.len(), "instances");
        self.index(self.model.hosts.len(), "hosts");
    }

    fn place(&mut self, number: u16, name: &str, component: &Spotted<Component>, shared: &BTreeMap<&str, (u32, u32)>) {
        let written = &component.value;
        if let Kind::Database(database) = &written.kind
            && database.has_parts()
        {
            let on = self.host_of(written, shared).unwrap_or((0, 1));
            return self.place_copies(number, name, (component, database), on);
        }
        let each = if let Kind::Cache(cache) = &written.kind { cache.each() } else { 1 };
        match &written.placement.machine {
            MachineChoice::On(host) => {
                let on = self.host_of(written, shared).unwrap_or((0, 1));
                let first = self.model.stations.len();
                if let Some(nodes) = self.model.nodes.iter().find(|nodes| nodes.first == on.0).cloned() {
                    return self.place_on_nodes(number, name, component, &nodes);
                }
                for copy in 0..each {
                    self.place_on_shared(number, written, (&host.value, copy), on);
                }
                self.check_fit(name, component, first, on);
            }
            MachineChoice::Own(machines) => self.place_on_own(number, name, component, machines),
            MachineChoice::None if written.placement.overrides == Machine::default() => {
                let places = match &written.kind {
                    Kind::External { .. } | Kind::Telemetry(_) | Kind::Balancer { naming: Some(_), .. } => {
                        vec![NONE16; written.instances as usize]
                    }
                    Kind::Cache(cache) if cache.per.is_some() => vec![WITH_REQUEST; written.instances as usize],
                    _ => self.spread(name, component.spot, &written.placement.at, written.most),
                };
                for place in self.with_copies(places, each) {
                    self.add_station(number, place, NONE);
                }
            }
            MachineChoice::None => self.place_on_own(number, name, component, &[]),
        }
    }

    /// The first host that a component shares and how many there are; tells if it is none.
    fn host_of(&mut self, component: &Component, shared: &BTreeMap<&str, (u32, u32)>) -> Option<(u32, u32)> {
        let MachineChoice::On(host) = &component.placement.machine else { return None };
        let place = shared.get(host.value.as_str()).copied();
        if place.is_none() {
            let known = shared.keys().copied();
            let message = format!("`{}` is not a host of this scenario", host.value);
            self.diags.push(Diagnostic::new(Code::UnknownHost, host.spot, message).nearest(&host.value, known));
        }
        place
    }

    /// In turn over all the hosts, or over those that stand at a place; each copy of a node one further.
    fn place_on_shared(&mut self, number: u16, written: &Component, (name, copy): (&str, u32), on: (u32, u32)) {
        let at = &written.placement.at;
        if at.is_empty() {
            for instance in 0..written.most {
                let host = on.0 + (instance + copy) % on.1;
                self.add_station(number, self.place_of_host(host), host);
            }
        }
        for (place, here) in at {
            let hosts = self.hosts_within(name, on, place);
            let all = if at.len() == 1 { written.most } else { *here };
            for host in hosts.iter().cycle().skip(copy as usize).take(all as usize) {
                self.add_station(number, self.place_of_host(*host), *host);
            }
        }
    }

    /// What is promised to the instances on a host must be there; counts those placed before, too.
    fn check_fit(&mut self, name: &str, component: &Spotted<Component>, first: usize, on: (u32, u32)) {
        let Some(pod) = component.value.placement.overrides.pod else { return };
        for host in on.0..on.0 + on.1 {
            let here = self.model.stations[first..].iter().filter(|station| station.host == host).count() as f64;
            let Some(figures) = self.model.hosts.get_mut(host as usize).filter(|figures| figures.cores != NONE) else {
                continue;
            };
            if !figures.sharing && 0.0 < here {
                let message =
                    format!("`{}` gives its cores to one after the other, so nobody has a share", figures.name);
                let made = Diagnostic::new(Code::Inert, component.spot, message);
                self.tell(made.help("leave `scheduling: fcfs` out, or `request` and `limit`"));
                return;
            }
            figures.promised += here * pod.request;
            if f64::from(figures.cores) + 1e-9 < figures.promised {
                let (cores, promised, host) = (figures.cores, figures.promised, figures.name.clone());
                let message = format!("instances on `{host}` are promised {promised} cores, and it has {cores}");
                let made = Diagnostic::new(Code::DoesNotFit, component.spot, message);
                self.tell(made.help(format!("fewer instances of `{name}`, a smaller `request`, or more hosts")));
                return;
            }
        }
    }

    /// Those of the shared hosts that stand at a place; tells if there are none.
    pub(super) fn hosts_within(&mut self, name: &str, (first, count): (u32, u32), place: &Reference) -> Vec<u32> {
        let Some(wanted) = self.find_place(place) else { return vec![first] };
        let within = self.zones_within(wanted);
        let hosts: Vec<u32> =
            (first..first + count).filter(|host| within.contains(&self.place_of_host(*host))).collect();
        if hosts.is_empty() {
            let message = format!("no host of `{name}` stands in `{}`", place.value);
            self.tell(Diagnostic::new(Code::NoPlace, place.spot, message).help("put one there by its `count`"));
            return (first..first + count).collect();
        }
        hosts
    }

    /// Where a host stands; nowhere if there is none.
    pub(super) fn place_of_host(&self, host: u32) -> u16 {
        self.model.hosts.get(host as usize).map_or(NONE16, |host| host.place)
    }

    /// A host for each instance, of the given types one after the other.
    fn place_on_own(&mut self, number: u16, name: &str, component: &Spotted<Component>, machines: &[(Reference, u32)]) {
        let overrides = &component.value.placement.overrides;
        let mut types: Vec<(String, Machine, u32)> = Vec::new();
        for (machine, count) in machines {
            let count = if *count == 0 { component.value.most } else { *count };
            types.push((machine.value.clone(), self.figures(machine, overrides), count));
        }
        if types.is_empty() {
            types.push(("machine".to_owned(), overrides.clone(), component.value.most));
        }
        let total = types.iter().map(|(.., count)| count).sum();
        let places = self.spread(name, component.spot, &component.value.placement.at, total);
        let each = if let Kind::Cache(cache) = &component.value.kind { cache.each() } else { 1 };
        let places = self.with_copies(places, each);
        let in_units = matches!(&component.value.kind, Kind::Database(database) if database.capacity.is_some());
        let is_counted = in_units || component.value.vertical.is_some();
        if component.value.autoscale.is_none() && !is_counted {
            for (kind, figures, count) in &types {
                self.machines.push((name.to_owned(), kind.clone(), count * each, figures.price_per_hour));
            }
        }
        let mut turn = 0;
        for (kind, figures, count) in (0..each).flat_map(|_| &types) {
            let first = self.model.hosts.len() as u32;
            let here = &places[turn as usize..(turn + *count) as usize];
            self.add_hosts(name, figures, turn, here);
            for (instance, place) in here.iter().enumerate() {
                self.add_station(number, *place, first + instance as u32);
            }
            turn += count;
            if component.value.autoscale.is_some() {
                let station = (self.model.stations.len() as u32) - count;
                self.elastic.push((name.to_owned(), kind.clone(), station..station + count, figures.price_per_hour));
            }
        }
    }

    /// One more instance.
    pub(super) fn add_station(&mut self, component: u16, place: u16, host: u32) {
        let cores = self.model.hosts.get(host as usize).map(|host| host.cores).filter(|cores| *cores != NONE);
        let weight = cores.map_or(1.0, f64::from);
        self.model.stations.push(Station { component, place, host, weight });
    }

    /// Zones of so many things: a region's in turn, at each of the places that were given.
    fn spread(&mut self, name: &str, spot: Spot, at: &At, total: u32) -> Vec<u16> {
        let mut places = Vec::new();
        for (place, here) in at {
            let here = if at.len() == 1 { total } else { *here };
            let zones = self.find_place(place).map_or(vec![NONE16], |place| self.zones_within(place));
            places.extend(zones.into_iter().cycle().take(here as usize));
        }
        if at.is_empty() {
            let zones = self.default_zones(name, spot);
            places.extend(zones.into_iter().cycle().take(total as usize));
        }
        places.resize(total as usize, NONE16);
        places
    }

    /// The places of nodes, then those of their copies: each in the next zone of the region.
    fn with_copies(&self, mut places: Vec<u16>, each: u32) -> Vec<u16> {
        let nodes = places.len();
        for n in nodes..nodes * each as usize {
            let before = places[n - nodes];
            let next = self.model.places.get(usize::from(before)).map_or(before, |place| {
                let region = &self.model.regions[usize::from(place.region)];
                region.first + (before - region.first + 1) % region.zones
            });
            places.push(next);
        }
        places
    }

    /// The zones of the one region, or of the default one.
    pub(super) fn default_zones(&mut self, name: &str, spot: Spot) -> Vec<u16> {
        let mut regions = self.scenario.regions.iter();
        let found = match self.scenario.regions.len() {
            0 => return vec![NONE16],
            1 => regions.next(),
            _ => regions.find(|(_, region)| region.value.is_default),
        };
        if let Some((region, _)) = found {
            return self.place_named(region).map_or(vec![NONE16], |place| self.zones_within(place));
        }
        let example = self.scenario.regions.keys().next().expect("there are several regions");
        let message = format!("there are several regions, and `{name}` is in none of them");
        let made = Diagnostic::new(Code::NoPlace, spot, message);
        let help = format!("add `place: {example}`, write numbers by place, or give one region `default: true`");
        self.tell(made.help(help));
        vec![NONE16]
    }

    /// The zone itself, or all zones of the region.
    pub(super) fn zones_within(&self, place: u16) -> Vec<u16> {
        let region = &self.model.regions[usize::from(self.model.places[usize::from(place)].region)];
        let all = region.first + region.zones;
        if place == all { (region.first..all).collect() } else { vec![place] }
    }

    /// A host with these figures at each of the places, numbered from `from` on.
    fn add_hosts(&mut self, name: &str, figures: &Machine, from: u32, places: &[u16]) {
        for (number, place) in (from..).zip(places) {
            self.add_host(format!("{name}/{number}"), *place, figures);
        }
    }

    pub(super) fn add_host(&mut self, name: String, place: u16, figures: &Machine) {
        let or_none = |figure: Option<f64>| figure.unwrap_or(0.0);
        self.model.hosts.push(Host {
            name,
            place,
            cores: figures.cores.map_or(NONE, |cores| (cores.ceil() as u32).max(1)),
            promised: 0.0,
            sharing: !figures.fcfs.unwrap_or(false),
            speed: figures.speed.unwrap_or(1.0),
            disk_iops: or_none(figures.disk_iops),
            disk_bytes_per_s: or_none(figures.disk_bandwidth),
            nic_bytes_per_s: or_none(figures.nic),
            memory_bytes: figures.memory_bytes.map_or(0, |bytes| bytes as u64),
        });
    }

    /// The figures of a type of machine under those that override them.
    pub(super) fn figures(&mut self, machine: &Reference, overrides: &Machine) -> Machine {
        let own_price = self.scenario.prices.machines.get(&machine.value).copied();
        let known = catalogue::find(&machine.value);
        if known.is_none() && own_price.is_none() {
            let message = format!("`{}` is not a machine type of the catalogue", machine.value);
            let made = Diagnostic::new(Code::UnknownHost, machine.spot, message);
            let mut near = made.nearest(&machine.value, catalogue::names());
            if near.help.is_none() {
                near = near.help("`plimsoll schema` lists the types; give others a price under `prices:`");
            }
            self.diags.push(near);
        }
        let of = |get: fn(&catalogue::MachineType) -> f64| known.map(get).filter(|figure| 0.0 < *figure);
        Machine {
            cores: overrides.cores.or(of(|machine| machine.cores)),
            memory_bytes: overrides.memory_bytes.or(of(|machine| machine.memory_bytes)),
            disk_iops: overrides.disk_iops.or(of(|machine| machine.disk_iops)),
            disk_bandwidth: overrides.disk_bandwidth.or(of(|machine| machine.disk_bandwidth)),
            disk_bytes: overrides.disk_bytes,
            nic: overrides.nic.or(of(|machine| machine.nic)),
            speed: overrides.speed,
            price_per_hour: overrides.price_per_hour.or(own_price).or(of(|machine| machine.price_per_hour)),
            fcfs: overrides.fcfs,
            pod: None,
        }
    }
}
