//! Databases in capacity units.

use crate::model::compile::{Compiler, span};
use crate::model::prices::{Metered, Price};
use crate::model::{Model, NONE16};
use crate::policy;
use crate::random::Purpose;
use crate::scenario::Kind;
use crate::units::Span;

/// A database that grows, shrinks and sleeps by itself.
#[derive(Clone, Debug)]
pub struct Capacity {
    pub component: u16,
    pub units: policy::capacity::Capacity,
    /// Of one unit.
    pub cores: f64,
    /// Pages of the buffer pool of one unit.
    pub pages: f64,
    pub every: Span,
    /// Time until it serves again; `NONE16`: at once.
    pub resume_draw: u16,
}

/// Bytes of a page.
const PAGE: f64 = 8192.0;
/// Seconds of an hour, bytes of a gigabyte.
const HOUR: f64 = 3600.0;
const GIGA: f64 = 1e9;

impl Compiler<'_> {
    /// What the units of all such databases are; their stations must be known.
    pub(super) fn compile_capacities(&mut self) {
        let scenario = self.scenario;
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let Kind::Database(database) = &written.value.kind else { continue };
            let Some(said) = &database.capacity else { continue };
            let component = self.index(number, "components");
            let path = format!("components.{name}.capacity");
            let resume_draw = self.draw_unless_zero(&path, Purpose::Fault, Some(&said.resume));
            self.model.capacities.push(Capacity {
                component,
                units: said.units.clone(),
                cores: said.cores,
                pages: said.memory_bytes / PAGE,
                every: span(said.every_s),
                resume_draw: if said.units.pause.is_some() { resume_draw } else { NONE16 },
            });
        }
    }

    /// Units are paid while they are there, what is stored always.
    pub(super) fn capacity_prices(&mut self) {
        let scenario = self.scenario;
        for number in 0..self.model.capacities.len() as u16 {
            let component = self.model.capacities[usize::from(number)].component;
            let name = self.names.components[usize::from(component)];
            let Kind::Database(database) = &scenario.components[name].value.kind else { continue };
            let Some(said) = &database.capacity else { continue };
            self.model.prices.push(Price {
                component: name.to_owned(),
                what: "capacity",
                unit: "unit month".to_owned(),
                metered: Metered::Units { component, per_hour: said.per_hour },
            });
            let gigabytes = self.rows_of(database).unwrap_or(0.0) * database.row_bytes.unwrap_or(0.0) / GIGA;
            if 0.0 < gigabytes && 0.0 < said.storage {
                self.model.prices.push(Price {
                    component: name.to_owned(),
                    what: "storage",
                    unit: "GB month".to_owned(),
                    metered: Metered::Machines { count: gigabytes, per_hour: said.storage * GIGA * HOUR },
                });
            }
        }
    }
}

impl Model {
    /// The capacity units of a component.
    pub fn capacity_of(&self, component: u16) -> Option<&Capacity> {
        self.capacities.iter().find(|capacity| capacity.component == component)
    }
}
