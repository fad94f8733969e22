//! Machines that their provider may take back: spot capacity.

use crate::diagnostic::{Code, Diagnostic};
use crate::distribution::Distribution;
use crate::model::Model;
use crate::model::compile::{Compiler, span};
use crate::model::deploy::DEPLOYED;
use crate::random::Purpose;
use crate::scenario::MachineChoice;
use crate::units::Span;

/// A component on machines that are taken back now and then, each by itself.
#[derive(Clone, Debug)]
pub struct Spot {
    pub component: u16,
    /// From one notice to the next, for each machine.
    pub gap_draw: u16,
    /// From the notice until it is gone.
    pub notice: Span,
}

impl Compiler<'_> {
    /// Who stands on such machines; components must be known.
    pub(super) fn compile_spots(&mut self) {
        let scenario = self.scenario;
        for (name, said) in &scenario.prices.spots {
            let Some(written) = scenario.components.get(name) else { continue };
            let kind = written.value.kind.word();
            let has_machine = !matches!(written.value.placement.machine, MachineChoice::On(_));
            if !DEPLOYED.contains(&kind) || !has_machine {
                let what = if has_machine { format!("a {kind}") } else { "on a shared host".to_owned() };
                let message = format!(
                    "`{name}` is {what}, and only services, gateways and balancers on machines of their own can leave within a notice"
                );
                let told = Diagnostic::new(Code::NotAvailable, said.spot, message);
                self.tell(told.help("buy it on demand or reserved, and lose instances with `kill:` under `faults:`"));
                continue;
            }
            let Some(component) = self.names.component(name) else { continue };
            let gap = Distribution::Exponential { mean: said.value.every_s };
            let gap_draw = self.draw(&format!("prices.{name}.reclaims"), Purpose::Fault, &gap);
            self.model.spots.push(Spot { component, gap_draw, notice: span(said.value.notice_s) });
        }
    }
}

impl Model {
    /// Whether the machines of a component may be taken back.
    pub fn is_spot(&self, component: u16) -> bool {
        self.spots.iter().any(|spot| spot.component == component)
    }
}
