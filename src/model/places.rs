//! Where things run: hosts of one's own and shared ones, zones, and the stations on them.
//!
//! `machine:` gives every instance a host of its own; `on:` deals the instances over the shared hosts in turn, as zones
//! are dealt over hosts. A component that states cores without a machine gets hosts that nobody has a price for.

use std::collections::BTreeMap;

use crate::catalogue;
use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::compile::Compiler;
use crate::model::{Host, NONE, Station};
use crate::scenario::{Component, Kind, Machine, MachineChoice, Reference};

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
            self.add_hosts(name, &figures, 0, written.count);
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
        match &written.placement.machine {
            MachineChoice::On(_) => {
                let (first, count) = self.host_of(written, shared).unwrap_or((0, 1));
                for instance in 0..written.instances {
                    self.add_station(number, instance % count, first + instance % count);
                }
            }
            MachineChoice::Own(machines) => self.place_on_own(number, name, component, machines),
            MachineChoice::None if written.placement.overrides == Machine::default() => {
                for instance in 0..written.instances {
                    self.add_station(number, instance, NONE);
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

    /// A host for each instance, of the given types one after the other.
    fn place_on_own(&mut self, number: u16, name: &str, component: &Spotted<Component>, machines: &[(Reference, u32)]) {
        let overrides = &component.value.placement.overrides;
        let mut types: Vec<(String, Machine, u32)> = Vec::new();
        for (machine, count) in machines {
            let count = if *count == 0 { component.value.instances } else { *count };
            types.push((machine.value.clone(), self.figures(machine, overrides), count));
        }
        if types.is_empty() {
            types.push(("machine".to_owned(), overrides.clone(), component.value.instances));
        }
        let mut turn = 0;
        for (kind, figures, count) in types {
            let first = self.model.hosts.len() as u32;
            self.add_hosts(name, &figures, turn, count);
            for instance in 0..count {
                self.add_station(number, turn, first + instance);
                turn += 1;
            }
            self.machines.push((name.to_owned(), kind, count, figures.price_per_hour));
        }
    }

    /// One more instance; `turn` says whose turn it is when zones are dealt.
    pub(super) fn add_station(&mut self, component: u16, turn: u32, host: u32) {
        let zones = self.scenario.region.as_ref().map_or(1, |region| region.zones.max(1));
        let cores = self.model.hosts.get(host as usize).map(|host| host.cores).filter(|cores| *cores != NONE);
        let weight = cores.map_or(1.0, f64::from);
        self.model.stations.push(Station { component, zone: (turn % zones) as u8, host, weight });
    }

    /// So many hosts with these figures, numbered from `from` on.
    fn add_hosts(&mut self, name: &str, figures: &Machine, from: u32, count: u32) {
        for number in from..from + count {
            self.add_host(format!("{name}/{number}"), figures);
        }
    }

    pub(super) fn add_host(&mut self, name: String, figures: &Machine) {
        let or_none = |figure: Option<f64>| figure.unwrap_or(0.0);
        self.model.hosts.push(Host {
            name,
            cores: figures.cores.map_or(NONE, |cores| (cores.ceil() as u32).max(1)),
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
        }
    }
}
