//! Deployments: which instances a new version comes to, how many at a time, and what brings the old one back.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::NONE16;
use crate::model::compile::{Compiler, span, threshold};
use crate::scenario::condition::Body;
use crate::scenario::deploy::{self, AtOnce, Rollout};
use crate::units::Span;

/// A new version takes the place of the old one.
#[derive(Clone, Debug, PartialEq)]
pub struct Deploy {
    pub component: u16,
    pub how: Rollout,
    pub at_once: AtOnce,
    pub hold: Span,
    /// How many times as long everything takes in the new version, and the share of 2^32 that it fails.
    pub slower: f64,
    pub fails: u64,
    /// The watch whose test brings the old version back, or `NONE16`.
    pub roll_back: u16,
}

/// What is replaced instance by instance; others hold data that would have to move.
pub(super) const DEPLOYED: &[&str] = &["service", "balancer", "gateway"];

impl Compiler<'_> {
    pub(super) fn deploy(&mut self, said: &deploy::Deploy) -> Option<Deploy> {
        let name = &said.component;
        let number = self.names.find_component(&name.value, name.spot, self.diags)?;
        let kind = self.model.components.get(usize::from(number))?.kind;
        if !DEPLOYED.contains(&kind) {
            let message =
                format!("`{}` is a {kind}, and only services, gateways and balancers are deployed", name.value);
            let told = Diagnostic::new(Code::CannotDeploy, name.spot, message);
            self.tell(told.help(format!("write `kill: {}/0` with `for:` to restart an instance", name.value)));
            return None;
        }
        Some(Deploy {
            component: number,
            how: said.how,
            at_once: said.at_once,
            hold: span(said.hold_s),
            slower: said.slower,
            fails: threshold(said.fails),
            roll_back: self.roll_back(said)?,
        })
    }

    fn roll_back(&mut self, said: &deploy::Deploy) -> Option<u16> {
        let Some(condition) = &said.roll_back else { return Some(NONE16) };
        let Body::Compare(comparison) = &condition.value.body else {
            let told = Diagnostic::new(Code::Condition, condition.spot, "a deployment watches one comparison");
            self.tell(told.help("write the one that shows it first, such as `errors of web > 2%`"));
            return None;
        };
        self.watch_of_when(comparison, &said.component.value, condition.spot)
    }
}
