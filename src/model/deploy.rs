//! Deployments: which instances a new version comes to, how many at a time, and what brings the old one back.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::{Compiler, span, threshold};
use crate::model::{Deploy, NONE16};
use crate::scenario::condition::Body;
use crate::scenario::deploy::{self, AtOnce};

/// What is replaced instance by instance; others hold data that would have to move.
const DEPLOYED: &[&str] = &["service", "balancer", "gateway"];

impl Compiler<'_> {
    pub(super) fn deploy(&mut self, said: &deploy::Deploy) -> Option<Deploy> {
        let name = &said.component;
        let number = self.names.find_component(&name.value, name.spot, self.diags)?;
        let (kind, count) = {
            let component = self.model.components.get(usize::from(number))?;
            (component.kind, component.count)
        };
        if !DEPLOYED.contains(&kind) {
            let message =
                format!("`{}` is a {kind}, and only services, gateways and balancers are deployed", name.value);
            let told = Diagnostic::new(Code::CannotDeploy, name.spot, message);
            self.tell(told.help(format!("write `kill: {}/0` with `for:` to restart an instance", name.value)));
            return None;
        }
        let at_once = match said.at_once {
            AtOnce::Share(share) => (f64::from(count) * share + 1e-9) as u32,
            AtOnce::Count(number) => number,
        };
        Some(Deploy {
            component: number,
            how: said.how,
            at_once: at_once.clamp(1, count.max(1)),
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
