//! What the whole costs, as lines that analysis evaluates on the measured use.

use crate::catalogue;
use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::compile::Compiler;

/// One line of the bill.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    pub component: String,
    pub what: &'static str,
    pub unit: String,
    pub metered: Metered,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Metered {
    /// So many machines at dollars an hour each, whatever happens.
    Machines { count: f64, per_hour: f64 },
    /// Machines of so many instances from the first on, at dollars an hour each while they are there.
    Joining { first: u32, count: u32, per_hour: f64 },
    /// So many hosts from the first on, at dollars an hour each while they are there.
    Hosts { first: u32, count: u32, per_hour: f64 },
    /// Capacity units of a database, at dollars an hour each while they are there.
    Units { component: u16, per_hour: f64 },
    /// Instances of a size, at dollars an hour each while they have it.
    Sized { component: u16, size: usize, per_hour: f64 },
    /// Environments of a function that stand ready, at dollars an hour each.
    Provisioned { component: u16, per_hour: f64 },
    /// Gigabytes of each environment times the time it was at work, at dollars a gigabyte-second.
    Work { component: u16, gigabytes: f64, each: f64 },
    /// Requests that reached the component.
    Requests { component: u16, each: f64 },
    /// Bytes the component's instances sent, in volume tiers (up to bytes a month, dollars a byte).
    BytesOut { component: u16, tiers: Vec<(Option<f64>, f64)> },
    /// Bytes over a priced link.
    Pipe { pipe: u16 },
    /// What a telemetry takes in, by the byte.
    Taken { component: u16, each: f64 },
    /// What it keeps lies there for so many seconds, at dollars a byte and second.
    Kept { component: u16, seconds: f64, each: f64 },
}

impl Compiler<'_> {
    /// A line for everything that has a price, and the names of what has none.
    pub(super) fn compile_prices(&mut self) {
        self.machine_prices();
        self.joining_prices();
        self.elastic_prices();
        self.request_prices();
        self.function_prices();
        self.capacity_prices();
        self.vertical_prices();
        self.byte_prices();
        self.telemetry_prices();
        for (name, component) in &self.scenario.components {
            use crate::scenario::Kind;
            let is_external = matches!(component.value.kind, Kind::External { .. } | Kind::Telemetry(_));
            let has_machine = self.machines.iter().any(|(owner, ..)| owner == name);
            let has_machine = has_machine || self.model.unpriced.contains(name);
            let on_host = matches!(component.value.placement.machine, crate::scenario::MachineChoice::On(_));
            let has_line = self.model.prices.iter().any(|price| price.component == *name);
            if !is_external && !has_machine && !on_host && !has_line {
                self.model.unpriced.push(name.clone());
            }
        }
        self.model.unpriced.sort();
        self.model.unpriced.dedup();
    }

    fn machine_prices(&mut self) {
        for (owner, kind, count, per_hour) in std::mem::take(&mut self.machines) {
            let factor = self.term(&owner);
            match per_hour {
                Some(per_hour) => self.model.prices.push(Price {
                    component: owner.clone(),
                    what: "instances",
                    unit: format!("{kind} month"),
                    metered: Metered::Machines { count: f64::from(count), per_hour: per_hour * factor },
                }),
                None => self.model.unpriced.push(owner.clone()),
            }
            self.machines.push((owner, kind, count, per_hour));
        }
    }

    /// Machines that are there only for a time are paid for that time.
    fn elastic_prices(&mut self) {
        for (owner, kind, stations, per_hour) in std::mem::take(&mut self.elastic) {
            let factor = self.term(&owner);
            let Some(per_hour) = per_hour else {
                self.model.unpriced.push(owner);
                continue;
            };
            let (first, count) = (stations.start, stations.len() as u32);
            self.model.prices.push(Price {
                component: owner,
                what: "instances",
                unit: format!("{kind} month"),
                metered: Metered::Joining { first, count, per_hour: per_hour * factor },
            });
        }
    }

    fn joining_prices(&mut self) {
        for (owner, kind, station, per_hour) in std::mem::take(&mut self.joining) {
            // Whatever has no price is told of by the machines that are there from the start.
            let Some(per_hour) = per_hour else { continue };
            let per_hour = per_hour * self.term(&owner);
            let unit = format!("{kind} month");
            let known = self.model.prices.iter_mut().find(|known| {
                let extends =
                    matches!(known.metered, Metered::Joining { first, count, .. } if first + count == station);
                known.component == owner && known.unit == unit && extends
            });
            if let Some(Price { metered: Metered::Joining { count, .. }, .. }) = known {
                *count += 1;
                continue;
            }
            let metered = Metered::Joining { first: station, count: 1, per_hour };
            self.model.prices.push(Price { component: owner, what: "instances that come or go", unit, metered });
        }
    }

    /// What a commitment leaves of the price of this owner's machines.
    pub(super) fn term(&mut self, owner: &str) -> f64 {
        let Some(term) = self.scenario.prices.terms.get(owner) else { return 1.0 };
        if let Some(spot) = self.scenario.prices.spots.get(owner) {
            return 1.0 - spot.value.discount;
        }
        catalogue::term_factor(&term.value).unwrap_or_else(|| {
            let known = catalogue::TERMS.iter().map(|(name, _)| *name);
            let message = format!("`{}` is not a term one can buy on", term.value);
            self.diags.push(Diagnostic::new(Code::UnknownWord, term.spot, message).nearest(&term.value, known));
            1.0
        })
    }

    fn request_prices(&mut self) {
        for number in 0..self.model.components.len() {
            let component = &self.model.components[number];
            if 0.0 < component.price_per_request {
                let each = component.price_per_request;
                self.model.prices.push(Price {
                    component: component.name.clone(),
                    what: "requests",
                    unit: "request".to_owned(),
                    metered: Metered::Requests { component: number as u16, each },
                });
            }
        }
    }

    /// Functions are paid by their work, and for what stands ready.
    fn function_prices(&mut self) {
        for (name, written) in &self.scenario.components {
            let crate::scenario::Kind::Function(said) = &written.value.kind else { continue };
            let (Some(component), gigabytes) = (self.names.component(name), said.memory_bytes / 1e9) else { continue };
            self.model.prices.push(Price {
                component: name.clone(),
                what: "work",
                unit: "GB-second".to_owned(),
                metered: Metered::Work { component, gigabytes, each: said.per_gb_s },
            });
            let count = f64::from(said.environments.provisioned);
            let per_hour = gigabytes * said.per_provisioned_gb_s * 3600.0;
            let metered = match &written.value.autoscale {
                Some(_) => Metered::Provisioned { component, per_hour },
                None if 0.0 < count => Metered::Machines { count, per_hour },
                None => continue,
            };
            self.model.prices.push(Price {
                component: name.clone(),
                what: "provisioned",
                unit: "environment month".to_owned(),
                metered,
            });
        }
    }

    fn byte_prices(&mut self) {
        for (name, tiers) in &self.scenario.prices.bytes_out {
            let Some(component) = self.names.component(name) else { continue };
            self.model.prices.push(Price {
                component: name.clone(),
                what: "bytes out",
                unit: "GB".to_owned(),
                metered: Metered::BytesOut { component, tiers: tiers.clone() },
            });
        }
        for (number, pipe) in self.model.pipes.iter().enumerate() {
            if 0.0 < pipe.price_per_byte {
                self.model.prices.push(Price {
                    component: pipe.name.clone(),
                    what: "bytes moved",
                    unit: "GB".to_owned(),
                    metered: Metered::Pipe { pipe: number as u16 },
                });
            }
        }
        self.check_price_names();
    }

    /// Prices for what is not there.
    fn check_price_names(&mut self) {
        let scenario = self.scenario;
        let is_known = |name: &String| scenario.components.contains_key(name) || scenario.hosts.contains_key(name);
        for (name, term) in &scenario.prices.terms {
            if !is_known(name) {
                let spotted = Spotted::new(name, term.spot);
                let message = format!("`{}` is not a component of this scenario", spotted.value);
                let known = self.names.components.iter().copied();
                self.diags.push(Diagnostic::new(Code::UnknownComponent, spotted.spot, message).nearest(name, known));
            }
        }
    }
}
