//! Hosts that become more when instances find no place on them: node pools.
//!
//! Which host an instance would stand on is settled before the run: in turn on those that are always there, while they have
//! room, then on one after the other of those that may join. So a real scheduler may pack several components tighter.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::compile::{Compiler, span};
use crate::model::prices::{Metered, Price};
use crate::model::{Model, NONE};
use crate::random::Purpose;
use crate::scenario::Component;
use crate::units::Span;

/// Shared hosts of which some are there only while they are needed.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// The first host; so many are always there, and so many may be.
    pub first: u32,
    pub count: u32,
    pub most: u32,
    pub boot_draw: u16,
    /// How long one stands empty before it leaves.
    pub idle: Span,
}

impl Nodes {
    /// Whether a host is one of those that come and go.
    pub fn joins(&self, host: u32) -> bool {
        (self.first + self.count..self.first + self.most).contains(&host)
    }
}

impl Compiler<'_> {
    /// Hosts that grow, from the first one of that name on.
    pub(super) fn add_nodes(
        &mut self,
        name: &str,
        said: &crate::scenario::Host,
        (kind, per_hour): (&str, Option<f64>),
    ) {
        let Some(grow) = &said.grow else { return };
        let first = self.model.hosts.len() as u32 - grow.most;
        let boot_draw = self.draw(&format!("hosts.{name}.grow.boot"), Purpose::Fault, &grow.boot);
        let nodes = Nodes { first, count: said.count, most: grow.most, boot_draw, idle: span(grow.idle_s) };
        if let Some(per_hour) = per_hour {
            let metered = Metered::Hosts { first: first + nodes.count, count: nodes.most - nodes.count, per_hour };
            let unit = format!("{kind} month");
            self.model.prices.push(Price { component: name.to_owned(), what: "joined hosts", unit, metered });
        }
        self.model.nodes.push(nodes);
    }

    /// The instances of a component on such hosts; each needs a place for what it is promised.
    pub(super) fn place_on_nodes(&mut self, number: u16, name: &str, component: &Spotted<Component>, nodes: &Nodes) {
        let written = &component.value;
        let Some(pod) = written.placement.overrides.pod else {
            let message = format!("how many of `{name}` fit on a host that grows is not said");
            let told = Diagnostic::new(Code::MissingField, component.spot, message);
            return self.tell(told.help("add `cores: {request: 0.5}`: what each instance is promised"));
        };
        for instance in 0..written.most {
            let always = (0..nodes.count).map(|turn| nodes.first + (instance + turn) % nodes.count);
            let joining = nodes.first + nodes.count..nodes.first + nodes.most;
            let has_room = |host: &u32| {
                let figures = &self.model.hosts[*host as usize];
                figures.cores == NONE || figures.promised + pod.request <= f64::from(figures.cores) + 1e-9
            };
            let Some(host) = always.chain(joining).find(has_room) else {
                let message = format!("{} of {} instances fit on the hosts there may be", instance, written.most);
                let made = Diagnostic::new(Code::DoesNotFit, component.spot, message);
                return self
                    .tell(made.help(format!("fewer instances of `{name}`, a smaller `request`, or more hosts")));
            };
            self.model.hosts[host as usize].promised += pod.request;
            self.add_station(number, self.place_of_host(host), host);
        }
    }
}

impl Model {
    /// The pool of a host that comes and goes.
    pub fn nodes_of(&self, host: u32) -> Option<&Nodes> {
        self.nodes.iter().find(|nodes| nodes.joins(host))
    }
}
