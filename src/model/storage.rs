//! What bytes that lie somewhere cost: `prices: {stream: {storage: $0.10/GB/month}}`.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::Compiler;
use crate::model::prices::{Metered, Price};
use crate::scenario::Kind;
use crate::units::MONTH;

const GIGA: f64 = 1e9;
const HOURS: f64 = MONTH / 3600.0;

impl Compiler<'_> {
    /// A line for each component whose bytes have a price.
    pub(super) fn storage_prices(&mut self) {
        let scenario = self.scenario;
        for (name, each) in &scenario.prices.storage {
            let Some((component, written)) = self.names.component(name).zip(scenario.components.get(name)) else {
                continue;
            };
            let metered = match &written.value.kind {
                Kind::Log(_) | Kind::Events(_) => Some(Metered::Stored { component, each: each.value }),
                Kind::Database(database) if database.capacity.is_some() => {
                    let message = format!("`{name}` says in its `capacity` what its storage costs");
                    let told = Diagnostic::new(Code::Excluded, each.spot, message);
                    self.tell(told.help("say it there: `capacity: {storage: $0.10/GB/month}`"));
                    continue;
                }
                Kind::Database(database) => self.rows_of(database).zip(database.row_bytes).map(|(rows, row)| {
                    let copies = 1 + database.replicas.as_ref().map_or(0, |replicas| replicas.start);
                    let count = rows * row * f64::from(copies) / GIGA;
                    Metered::Machines { count, per_hour: each.value * GIGA * MONTH / HOURS }
                }),
                _ => None,
            };
            let Some(metered) = metered else {
                let message = format!("it is not known how many bytes `{name}` keeps, so their price has no effect");
                let told = Diagnostic::new(Code::Inert, each.spot, message);
                self.tell(told.help("leave it out; logs, event stores and databases with `data` keep bytes"));
                continue;
            };
            self.model.prices.push(Price {
                component: name.clone(),
                what: "storage",
                unit: "GB month".to_owned(),
                metered,
            });
        }
    }
}
