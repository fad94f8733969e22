//! Name services: balancers with a `ttl`, which are no hop but answer with a region.
//!
//! A call of `edge.show` is a call of `web.show` whose instance is looked for in the region that the caller was last told.
//! So a name service has no programs and no work; what it has are regions to choose from, checks of them, and callers who
//! keep what they were told.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::compile::{Compiler, span, threshold};
use crate::policy::balance::Balance;
use crate::scenario::{Component, Kind};
use crate::units::Span;

/// A name service.
#[derive(Clone, Debug, PartialEq)]
pub struct Naming {
    /// Component that the name stands for.
    pub target: u16,
    /// How long callers keep an answer; those of this share of 2^32 for ever.
    pub ttl: Span,
    pub ignore: u64,
    pub rule: Choice,
}

/// Which of the living regions is the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Any, with equal probability.
    Any,
    /// With these weights, by region.
    Weighted(Vec<(u16, f64)>),
    /// The first of these regions that lives.
    First(Vec<u16>),
    /// The nearest, with these weights and biases by region, if there are any.
    Nearest(Vec<(u16, f64, f64)>),
}

impl Compiler<'_> {
    /// What a name service answers; `None` for every other kind.
    pub(super) fn naming(&mut self, name: &str, written: &Spotted<Component>) -> Option<Naming> {
        let Kind::Balancer { targets, naming: Some(said) } = &written.value.kind else { return None };
        let (target, _) = targets.first()?;
        let number = self.names.find_component(&target.value, target.spot, self.diags)?;
        let kind = &self.scenario.components[&target.value].value.kind;
        let is_name = matches!(kind, Kind::Balancer { naming: Some(_), .. });
        if 1 < targets.len() || is_name || !matches!(kind.word(), "service" | "balancer" | "gateway") {
            let message = format!("a name service stands for one service, gateway or balancer, and `{name}` does not");
            let help = "a database has `failover: {ttl: 30s}` instead, a CDN its own nodes by place";
            self.tell(Diagnostic::new(Code::Excluded, target.spot, message).help(help));
            return None;
        }
        let rule = self.rule_of_names(&written.value.balance)?;
        Some(Naming { target: number, ttl: span(said.ttl_s), ignore: threshold(said.ignore), rule })
    }

    fn rule_of_names(&mut self, balance: &Spotted<Balance>) -> Option<Choice> {
        let spot = balance.spot;
        Some(match &balance.value {
            Balance::RoundRobin | Balance::Random => Choice::Any,
            Balance::Nearest | Balance::Latency => Choice::Nearest(Vec::new()),
            Balance::Weighted(weights) => {
                let named = weights.iter().map(|(place, weight)| (place.as_str(), *weight));
                let found: Vec<(u16, f64)> =
                    named.filter_map(|(place, weight)| Some((self.region_in(place, spot)?, weight))).collect();
                Choice::Weighted(found)
            }
            Balance::Failover(places) => {
                Choice::First(places.iter().filter_map(|place| self.region_in(place, spot)).collect())
            }
            Balance::Geoproximity(_) => Choice::Nearest(self.pulls(balance)),
            _ => {
                let message = "a name service chooses among regions, and this is a way to choose among instances";
                let help =
                    "use nearest, latency, failover(a b), weighted(a=1 b=2), geoproximity(a=100 b=100+10) or random";
                self.tell(Diagnostic::new(Code::Excluded, spot, message).help(help));
                return None;
            }
        })
    }

    /// The region of that name.
    fn region_in(&mut self, place: &str, spot: crate::diagnostic::Spot) -> Option<u16> {
        let found = self.find_place_in(place, spot)?;
        Some(self.model.places[usize::from(found)].region)
    }

    /// Weight and bias of each region of `geoproximity(...)`.
    pub(super) fn pulls(&mut self, balance: &Spotted<Balance>) -> Vec<(u16, f64, f64)> {
        let Balance::Geoproximity(pulls) = &balance.value else { return Vec::new() };
        let region = |pull: &crate::policy::balance::geo::Pull| {
            Some((self.region_in(&pull.place, balance.spot)?, pull.weight, pull.bias))
        };
        pulls.iter().filter_map(region).collect()
    }

    /// Name services whose targets stand nowhere in particular, or that somebody forwards to; components must be known.
    pub(super) fn check_names(&mut self) {
        for number in 0..self.model.components.len() {
            let Some(naming) = self.model.components[number].naming.clone() else { continue };
            let name = self.names.components[number];
            let target = &self.model.components[usize::from(naming.target)];
            let stations = target.first as usize..(target.first + target.count) as usize;
            let stands = |place: u16| usize::from(place) < self.model.places.len();
            if !self.model.stations[stations].iter().any(|station| stands(station.place)) {
                let spot = self.scenario.components[name].spot;
                let message = format!("`{name}` answers with regions, and `{}` stands in none", target.name);
                let help =
                    format!("add `regions:` and `instances: {{us-east-1: 2, eu-west-1: 2}}` to `{}`", target.name);
                self.tell(Diagnostic::new(Code::NoPlace, spot, message).help(help));
            }
        }
        let scenario = self.scenario;
        for (name, component) in &scenario.components {
            let targets: Vec<_> = match &component.value.kind {
                Kind::Balancer { targets, .. } => targets.iter().map(|(to, _)| to).collect(),
                Kind::Gateway { routes, .. } => routes.iter().flat_map(|route| route.to.components()).collect(),
                _ => Vec::new(),
            };
            for to in targets {
                if !self.is_name(to.value.split('.').next().unwrap_or("")) {
                    continue;
                }
                let message =
                    format!("`{name}` hands requests on, and `{}` is a name that only its callers ask", to.value);
                let told = Diagnostic::new(Code::Excluded, to.spot, message);
                self.diags.push(told.help("name the component that it stands for"));
            }
        }
    }

    /// Whether a component of that name is a name service.
    pub(super) fn is_name(&self, component: &str) -> bool {
        let kind = self.scenario.components.get(component).map(|component| &component.value.kind);
        matches!(kind, Some(Kind::Balancer { naming: Some(_), .. }))
    }

    /// The name service behind `edge.show`; `NONE16` where a call names its component itself.
    pub(super) fn name_asked(&self, reference: &crate::scenario::Reference) -> u16 {
        let component = reference.value.split('.').next().unwrap_or("");
        let number = self.names.component(component).filter(|_| self.is_name(component));
        number.unwrap_or(crate::model::NONE16)
    }
}
