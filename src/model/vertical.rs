//! Instances that become larger or smaller: what each size has and costs.

use crate::diagnostic::{Code, Diagnostic, Spot};
use crate::model::compile::{Compiler, span};
use crate::model::prices::{Metered, Price};
use crate::model::{Host, Model, NONE};
use crate::policy;
use crate::scenario::deploy::AtOnce;
use crate::scenario::machine::Pod;
use crate::scenario::{Component, Machine, MachineChoice, Reference};
use crate::units::{self, Dimension, Span};

/// A component whose instances change their size.
#[derive(Clone, Debug)]
pub struct Vertical {
    pub component: u16,
    pub rule: policy::vertical::Vertical,
    pub sizes: Vec<Size>,
    /// Index of the size at the start.
    pub start: usize,
    pub every: Span,
    pub at_once: AtOnce,
}

/// What an instance of one size has.
#[derive(Clone, Debug)]
pub struct Size {
    /// As the author wrote it.
    pub name: String,
    pub has: Has,
    /// Dollars an hour.
    pub per_hour: Option<f64>,
}

#[derive(Clone, Debug)]
pub enum Has {
    /// A machine of its own.
    Machine(Host),
    /// So much of a shared host.
    Share(Pod),
}

impl Size {
    /// Cores that an instance may use.
    pub fn cores(&self) -> f64 {
        match &self.has {
            Has::Machine(host) => f64::from(host.cores),
            Has::Share(pod) => pod.limit,
        }
    }

    /// Bytes of memory of its machine; 0 where that is not limited.
    pub fn memory(&self) -> f64 {
        if let Has::Machine(host) = &self.has { host.memory_bytes as f64 } else { 0.0 }
    }
}

impl Compiler<'_> {
    /// The sizes of all such components; their stations and hosts must be known.
    pub(super) fn compile_verticals(&mut self) {
        let scenario = self.scenario;
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let Some(said) = &written.value.vertical else { continue };
            let component = self.index(number, "components");
            let Some((sizes, start)) = self.sizes(name, component, &written.value, said.spot) else { continue };
            let said = &said.value;
            let rule = policy::vertical::Vertical {
                sizes: sizes
                    .iter()
                    .map(|size| if let Has::Share(pod) = &size.has { pod.request } else { size.cores() })
                    .collect(),
                full: said.full,
                quantile: said.quantile,
                window: span(said.window_s),
                hold: span(said.hold_s),
            };
            if let Some(problem) = rule.problem() {
                let spot = said.sizes.first().map_or(written.spot, |size| size.spot);
                self.tell(Diagnostic::new(Code::OutOfRange, spot, problem));
                continue;
            }
            self.model.verticals.push(Vertical {
                component,
                rule,
                sizes,
                start,
                every: span(said.every_s),
                at_once: said.at_once,
            });
        }
    }

    /// What each size has, and which of them instances have at the start.
    fn sizes(&mut self, name: &str, component: u16, written: &Component, spot: Spot) -> Option<(Vec<Size>, usize)> {
        let said = &written.vertical.as_ref()?.value.sizes;
        let overrides = &written.placement.overrides;
        let sizes: Option<Vec<Size>> = match (&written.placement.machine, overrides.pod, overrides.cores) {
            (MachineChoice::Own(types), ..) => {
                let own = &types.first()?.0;
                if overrides.cores.is_some() {
                    let message = format!("`{name}` has so many cores whatever its machine, so no size has more");
                    self.tell(Diagnostic::new(Code::Excluded, spot, message).help("leave `cores` or `machine` out"));
                    return None;
                }
                let sizes = said.iter().map(|size| self.machine_size(size, overrides)).collect();
                return self.with_start(name, spot, sizes, &own.value);
            }
            (MachineChoice::On(host), Some(pod), _) => {
                if scenario_grows(self.scenario, &host.value) {
                    let message =
                        format!("which host that grows each instance of `{name}` stands on is settled by its size");
                    let told = Diagnostic::new(Code::NotAvailable, spot, message);
                    self.tell(told.help("leave `grow` or `vertical` out"));
                    return None;
                }
                let ratio = pod.limit / pod.request;
                let most = self.own_host(component).map_or(f64::INFINITY, |host| f64::from(host.cores));
                let size = |cores: f64| Has::Share(Pod { request: cores, limit: (ratio * cores).min(most) });
                let sizes = said.iter().map(|said| self.size_of(said, size, None)).collect();
                self.check_room(name, component, pod.request, said, spot);
                sizes
            }
            (MachineChoice::None, None, Some(cores)) => {
                let host = self.own_host(component)?;
                let size = |cores: f64| Has::Machine(Host { cores: (cores.ceil() as u32).max(1), ..host.clone() });
                let each = overrides.price_per_hour.map(|price| price / cores);
                said.iter().map(|said| self.size_of(said, size, each)).collect()
            }
            _ => {
                let message = format!("the cores of `{name}` are not limited, so no size is larger than another");
                let told = Diagnostic::new(Code::NotMeasurable, spot, message);
                self.tell(told.help("give it a `machine`, `cores: 2`, or with `on` a `request` and a `limit`"));
                return None;
            }
        };
        let own = overrides.pod.map(|pod| pod.request).or(overrides.cores)?;
        let sizes = sizes?;
        let start = sizes.iter().position(|size| units::parse_as(&size.name, Dimension::Count).is_ok_and(|n| n == own));
        if start.is_none() {
            self.tell_start(name, spot, &format!("{own}"));
        }
        Some((sizes, start?))
    }

    fn with_start(&mut self, name: &str, spot: Spot, sizes: Vec<Size>, own: &str) -> Option<(Vec<Size>, usize)> {
        let start = sizes.iter().position(|size| size.name == own);
        if start.is_none() {
            self.tell_start(name, spot, own);
        }
        let unlimited = sizes.iter().any(|size| matches!(&size.has, Has::Machine(host) if host.cores == NONE));
        if unlimited {
            let message = format!("of some size of `{name}` it is not known how many cores it has");
            self.tell(Diagnostic::new(Code::NotMeasurable, spot, message));
        }
        Some((sizes, start.filter(|_| !unlimited)?))
    }

    fn tell_start(&mut self, name: &str, spot: Spot, own: &str) {
        let message = format!("`{name}` begins with {own}, which is none of its sizes");
        self.tell(Diagnostic::new(Code::Excluded, spot, message).help(format!("name {own} among `sizes`")));
    }

    fn machine_size(&mut self, said: &Reference, overrides: &Machine) -> Size {
        let figures = self.figures(said, overrides);
        let per_hour = figures.price_per_hour;
        self.add_host(String::new(), crate::model::NONE16, &figures);
        let host = self.model.hosts.pop().expect("it was just added");
        Size { name: said.value.clone(), has: Has::Machine(host), per_hour }
    }

    /// A size by its number of cores.
    fn size_of(&mut self, said: &Reference, has: impl Fn(f64) -> Has, each: Option<f64>) -> Option<Size> {
        match units::parse_as(&said.value, Dimension::Count) {
            Ok(cores) if 0.0 < cores => {
                Some(Size { name: said.value.clone(), has: has(cores), per_hour: each.map(|each| each * cores) })
            }
            _ => {
                let message = format!("`{}` is no number of cores", said.value);
                let told = Diagnostic::new(Code::OutOfRange, said.spot, message);
                self.tell(told.help("types of machines are sizes of a component with a `machine`"));
                None
            }
        }
    }

    fn own_host(&self, component: u16) -> Option<Host> {
        let station = self.model.stations.iter().find(|station| station.component == component)?;
        self.model.hosts.get(station.host as usize).cloned()
    }

    /// All instances on a shared host may be as large as they may become.
    fn check_room(&mut self, name: &str, component: u16, request: f64, said: &[Reference], spot: Spot) {
        let largest = said.last().and_then(|size| units::parse_as(&size.value, Dimension::Count).ok());
        let Some(largest) = largest else { return };
        for (number, host) in self.model.hosts.iter().enumerate() {
            let is_here =
                |station: &&crate::model::Station| station.host as usize == number && station.component == component;
            let here = self.model.stations.iter().filter(is_here).count() as f64;
            let promised = host.promised + here * (largest - request);
            if 0.0 < here && host.cores != NONE && f64::from(host.cores) + 1e-9 < promised {
                let message = format!(
                    "instances on `{}` would be promised {promised} cores, and it has {}",
                    host.name, host.cores
                );
                let told = Diagnostic::new(Code::DoesNotFit, spot, message);
                let told = told.help(format!("fewer instances of `{name}`, a smaller largest size, or more hosts"));
                return self.tell(told);
            }
        }
    }

    /// Each size is paid for the time that instances have it.
    pub(super) fn vertical_prices(&mut self) {
        for number in 0..self.model.verticals.len() {
            let Vertical { component, ref sizes, .. } = self.model.verticals[number];
            let owner = self.names.components[usize::from(component)].to_owned();
            let priced: Vec<(usize, String, Option<f64>)> =
                sizes.iter().enumerate().map(|(at, size)| (at, size.name.clone(), size.per_hour)).collect();
            let is_shared = sizes.iter().any(|size| matches!(size.has, Has::Share(_)));
            let factor = self.term(&owner);
            for (size, name, per_hour) in priced {
                let Some(per_hour) = per_hour else {
                    if !is_shared {
                        self.model.unpriced.push(owner.clone());
                    }
                    continue;
                };
                let unit =
                    if name.parse::<f64>().is_ok() { format!("{name} cores month") } else { format!("{name} month") };
                let metered = Metered::Sized { component, size, per_hour: per_hour * factor };
                self.model.prices.push(Price { component: owner.clone(), what: "instances", unit, metered });
            }
        }
    }
}

fn scenario_grows(scenario: &crate::scenario::Scenario, host: &str) -> bool {
    scenario.hosts.get(host).is_some_and(|host| host.value.grow.is_some())
}

impl Model {
    /// The sizes of a component's instances, where they change.
    pub fn vertical_of(&self, component: u16) -> Option<&Vertical> {
        self.verticals.iter().find(|vertical| vertical.component == component)
    }
}
