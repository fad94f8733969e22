//! What each name stands for, and what was probably meant by one that stands for nothing.
//!
//! Components are numbered in the order of their names, their operations likewise. What a balancer or a gateway offers
//! follows from its targets, also through several of them; a circle of balancers offers nothing and is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot};
use crate::model::NONE16;
use crate::model::compile::stream;
use crate::random::Purpose;
use crate::scenario::route::{Route, RouteTarget};
use crate::scenario::{Component, Kind, Reference, Scenario, Step};

/// All that can be asked, resolved once.
pub(super) struct Names<'a> {
    pub(super) components: Vec<&'a str>,
    /// In the order of components, then of names; the index is that of the operation.
    pub(super) operations: Vec<Offer<'a>>,
    pub(super) loads: Vec<&'a str>,
    pub(super) keys: Vec<&'a str>,
    pub(super) faults: Vec<&'a str>,
    /// What each component that is a name service stands for.
    stands_for: Vec<Option<u16>>,
}

/// An operation that a component offers.
pub(super) struct Offer<'a> {
    pub(super) component: u16,
    pub(super) name: String,
    pub(super) body: Body<'a>,
}

/// What an operation consists of.
#[derive(Clone)]
pub(super) enum Body<'a> {
    /// Steps one after the other, `before` ones of a gateway first.
    Steps { before: &'a [Step], steps: &'a [Step] },
    /// A call to the same operation elsewhere: component, operation and weight; `before` first.
    Forward { before: &'a [Step], to: Vec<(u16, String, f64)> },
    /// What a node of a cache or a store does; `before` first.
    Cache { before: &'a [Step], verb: CacheVerb<'a> },
    /// What an event store does: it appends, or reads again; `before` first.
    Events { before: &'a [Step], appends: bool },
    /// What an instance of a queue does; `before` first.
    Queue { before: &'a [Step], verb: QueueVerb },
}

/// What a queue is asked to do.
#[derive(Clone, Copy)]
pub(super) enum QueueVerb {
    Publish,
    /// To a topic of a log.
    Append,
    Receive,
    Acknowledge,
}

/// What a node of a cache or a store is asked to do.
#[derive(Clone)]
pub(super) enum CacheVerb<'a> {
    Get,
    Put,
    /// Keeps that there is nothing.
    PutNegative,
    Delete,
    /// A look with a fetch from the backing on a miss. Where there are several, each has entries in a space of its own.
    Read {
        from: &'a Reference,
        space: u64,
    },
    /// A write, which concerns the entries in these spaces.
    Write {
        to: &'a Reference,
        spaces: Vec<u64>,
    },
    /// What was written behind goes to the backing.
    Flush {
        to: &'a Reference,
    },
}

impl CacheVerb<'_> {
    /// Whether it changes what is kept, besides what a miss brings.
    pub(super) fn writes(&self) -> bool {
        !matches!(self, CacheVerb::Get | CacheVerb::Read { .. })
    }
}

impl<'a> Names<'a> {
    /// Numbers everything and works out what each component offers.
    pub(super) fn gather(scenario: &'a Scenario, diags: &mut Diagnostics) -> Self {
        let mut names = Names {
            components: scenario.components.keys().map(String::as_str).collect(),
            operations: Vec::new(),
            loads: scenario.load.keys().map(String::as_str).collect(),
            keys: scenario.keys.keys().map(String::as_str).collect(),
            faults: scenario.faults.keys().map(String::as_str).collect(),
            stands_for: Vec::new(),
        };
        names.stands_for = scenario.components.values().map(|one| names.target_of_name(&one.value)).collect();
        tell_clashes(scenario, diags);
        let mut offers = Offers { scenario, names: &names, known: BTreeMap::new(), open: BTreeSet::new(), diags };
        let mut operations = Vec::new();
        for component in 0..names.components.len() as u16 {
            for (name, body) in offers.of(component) {
                operations.push(Offer { component, name, body });
            }
        }
        names.operations = operations;
        names
    }

    /// The number of a component.
    pub(super) fn component(&self, name: &str) -> Option<u16> {
        self.components.binary_search(&name).ok().map(|index| index as u16)
    }

    pub(super) fn load(&self, name: &str) -> Option<u16> {
        self.loads.binary_search(&name).ok().map(|index| index as u16)
    }

    /// The component that a name service stands for.
    fn target_of_name(&self, component: &Component) -> Option<u16> {
        let Kind::Balancer { targets, naming: Some(_) } = &component.kind else { return None };
        targets.first().and_then(|(target, _)| self.component(&target.value))
    }

    /// The component itself, or the one that its name stands for.
    fn behind(&self, component: u16) -> u16 {
        self.stands_for.get(usize::from(component)).copied().flatten().unwrap_or(component)
    }

    /// The number of `component.operation`. The operations of a gateway may be named by their last word where that is clear.
    pub(super) fn operation(&self, component: u16, name: &str) -> Option<u16> {
        let component = self.behind(component);
        let of = |offer: &&Offer| offer.component == component;
        let exact = self.operations.iter().position(|offer| offer.component == component && offer.name == name);
        let last_word = |offer: &Offer| offer.name.rsplit('.').next() == Some(name);
        let short = || {
            let mut matching = self.operations.iter().enumerate().filter(|(_, offer)| of(offer) && last_word(offer));
            matching.next().filter(|_| matching.next().is_none()).map(|(index, _)| index)
        };
        exact.or_else(short).map(|index| index as u16)
    }

    /// What a component offers.
    pub(super) fn offered(&self, component: u16) -> impl Iterator<Item = &Offer<'a>> {
        let component = self.behind(component);
        self.operations.iter().filter(move |offer| offer.component == component)
    }

    /// The component of that name, or a mistake with the nearest one.
    pub(super) fn find_component(&self, name: &str, spot: Spot, diags: &mut Diagnostics) -> Option<u16> {
        let found = self.component(name);
        if found.is_none() {
            diags.push(unknown_component(name, spot, &self.components));
        }
        found
    }

    /// The operation behind `component.operation`, or a mistake with the nearest one.
    pub(super) fn find_operation(&self, reference: &Reference, diags: &mut Diagnostics) -> Option<u16> {
        let text = reference.value.as_str();
        let (name, operation) = text.split_once('.').unwrap_or((text, ""));
        let component = self.find_component(name, reference.spot.part(0, name.len()), diags)?;
        let found = self.operation(component, operation);
        if found.is_none() && self.offered(component).next().is_some() {
            diags.push(self.unknown_operation(component, operation, reference));
        }
        found
    }

    fn unknown_operation(&self, component: u16, operation: &str, reference: &Reference) -> Diagnostic {
        let name = self.components[usize::from(component)];
        let offered: Vec<&str> = self.offered(component).map(|offer| offer.name.as_str()).collect();
        if operation.is_empty() {
            let message = format!("`{name}` is a component, but an operation of it is needed here");
            let first = offered.first().copied().unwrap_or("operation");
            let whole = format!("{name}.{first}");
            let made = Diagnostic::new(Code::UnknownOperation, reference.spot, message);
            return made.help(format!("write `{whole}`")).patch(reference.spot, whole);
        }
        let spot = reference.spot.part(name.len() + 1, reference.value.len());
        let message = format!("`{name}` has no operation `{operation}`");
        let made = Diagnostic::new(Code::UnknownOperation, spot, message);
        let near = made.clone().nearest(operation, offered.iter().copied());
        if near.help.is_some() { near } else { made.help(format!("it has {}", listed(&offered))) }
    }

    /// The number of a key, or a mistake; `NONE16` for nothing given or nothing found.
    pub(super) fn find_key(&self, reference: Option<&Reference>, diags: &mut Diagnostics) -> u16 {
        let Some(reference) = reference else { return NONE16 };
        if let Ok(index) = self.keys.binary_search(&reference.value.as_str()) {
            return index as u16;
        }
        let message = format!("`{}` is not a key of this scenario", reference.value);
        let made = Diagnostic::new(Code::UnknownKey, reference.spot, message);
        diags.push(made.nearest(&reference.value, self.keys.iter().copied()));
        NONE16
    }

    /// The number of a load, or a mistake.
    pub(super) fn find_load(&self, reference: &Reference, diags: &mut Diagnostics) -> Option<u16> {
        let found = self.load(&reference.value);
        if found.is_none() {
            let message = format!("`{}` is not a load of this scenario", reference.value);
            let made = Diagnostic::new(Code::UnknownLoad, reference.spot, message);
            diags.push(made.nearest(&reference.value, self.loads.iter().copied()));
        }
        found
    }

    /// The number of a fault, or a mistake.
    pub(super) fn find_fault(&self, reference: &Reference, diags: &mut Diagnostics) -> Option<u16> {
        let found = self.faults.binary_search(&reference.value.as_str()).ok();
        if found.is_none() {
            let message = format!("`{}` is not a fault of this scenario", reference.value);
            let made = Diagnostic::new(Code::UnknownFault, reference.spot, message);
            diags.push(made.nearest(&reference.value, self.faults.iter().copied()));
        }
        found.map(|index| index as u16)
    }
}

/// Loads, components, hosts, keys and places share one namespace.
fn tell_clashes(scenario: &Scenario, diags: &mut Diagnostics) {
    let mut known: BTreeMap<&str, (&str, Spot)> = BTreeMap::new();
    let loads = scenario.load.iter().map(|(name, load)| (name.as_str(), "a load", load.spot));
    let components = scenario.components.iter().map(|(name, component)| (name.as_str(), "a component", component.spot));
    let hosts = scenario.hosts.iter().map(|(name, host)| (name.as_str(), "a host", host.spot));
    let keys = scenario.keys.iter().map(|(name, key)| (name.as_str(), "a key", key.spot));
    let region = scenario.regions.iter().map(|(name, region)| (name.as_str(), "a region", region.spot));
    let stamps = scenario.stamps.iter().map(|(name, stamp)| (name.as_str(), "a stamp", stamp.spot));
    for (name, what, spot) in loads.chain(stamps).chain(components).chain(hosts).chain(keys).chain(region) {
        if let Some((first, place)) = known.get(name) {
            let made = Diagnostic::new(Code::NameClash, spot, format!("`{name}` is {first} and {what}"));
            diags.push(made.note_at(*place, format!("{first} here")).help("rename one of the two"));
        }
        known.entry(name).or_insert((what, spot));
    }
}

/// `a`, `b` and `c`.
pub(super) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn unknown_component(name: &str, spot: Spot, known: &[&str]) -> Diagnostic {
    let message = format!("`{name}` is not a component of this scenario");
    Diagnostic::new(Code::UnknownComponent, spot, message).nearest(name, known.iter().copied())
}

/// What a cache offers: its own verbs and the operations of its backing, each after what it costs.
fn of_cache<'a>(cache: &'a crate::scenario::cache::Cache, component: &'a Component) -> Vec<(String, Body<'a>)> {
    let before = |name: &str| component.operations.get(name).map_or(&[][..], |own| &own.value.steps);
    let mut offer: BTreeMap<String, Body<'a>> = BTreeMap::new();
    if cache.is_cdn {
        for (name, own) in &component.operations {
            offer.insert(name.clone(), Body::Steps { before: &[], steps: &own.value.steps });
        }
    }
    let mut add = |name: &str, verb| {
        let costs = if name == "put_negative" { "put" } else { name };
        offer.insert(name.to_owned(), Body::Cache { before: before(costs), verb });
    };
    let verbs = [("get", CacheVerb::Get), ("put", CacheVerb::Put), ("delete", CacheVerb::Delete)];
    for (name, verb) in verbs {
        add(name, verb);
    }
    if cache.miss.negative_s.is_some() {
        add("put_negative", CacheVerb::PutNegative);
    }
    if let Some(backing) = &cache.backing {
        let last = |of: &'a Reference| of.value.rsplit('.').next().unwrap_or(&of.value);
        let space = |of: &Reference| if 1 < backing.read.len() { stream(&of.value, Purpose::Key) } else { 0 };
        for from in &backing.read {
            add(last(from), CacheVerb::Read { from, space: space(from) });
        }
        for to in &backing.write {
            add(last(to), CacheVerb::Write { to, spaces: backing.read.iter().map(space).collect() });
        }
        if let (Some(_), Some(to)) = (backing.behind, backing.write.first()) {
            add("flush", CacheVerb::Flush { to });
        }
    }
    offer.into_iter().collect()
}

fn of_queue(component: &Component) -> Vec<(String, Body<'_>)> {
    let offer = |name: &str, verb| {
        let before = component.operations.get(name).map_or(&[][..], |own| &own.value.steps);
        (name.to_owned(), Body::Queue { before, verb })
    };
    vec![
        offer("acknowledge", QueueVerb::Acknowledge),
        offer("publish", QueueVerb::Publish),
        offer("receive", QueueVerb::Receive),
    ]
}

fn of_log<'a>(log: &crate::scenario::log::Log, component: &'a Component) -> Vec<(String, Body<'a>)> {
    let before = |name: &str| component.operations.get(name).map_or(&[][..], |own| &own.value.steps);
    let topics = log.topics.keys().map(|topic| (topic.as_str(), QueueVerb::Append));
    let verbs = topics.chain([("fetch", QueueVerb::Receive), ("commit", QueueVerb::Acknowledge)]);
    let offer: BTreeMap<String, Body<'a>> =
        verbs.map(|(name, verb)| (name.to_owned(), Body::Queue { before: before(name), verb })).collect();
    offer.into_iter().collect()
}

fn of_events(component: &Component) -> Vec<(String, Body<'_>)> {
    let before = |name: &str| component.operations.get(name).map_or(&[][..], |own| &own.value.steps);
    let offer = |name: &str, appends| (name.to_owned(), Body::Events { before: before(name), appends });
    vec![offer("append", true), offer("replay", false)]
}

fn of_store<'a>() -> Vec<(String, Body<'a>)> {
    let verb = |name: &str, verb| (name.to_owned(), Body::Cache { before: &[], verb });
    vec![verb("delete", CacheVerb::Delete), verb("get", CacheVerb::Get), verb("put", CacheVerb::Put)]
}

/// Works out what components offer, each once.
struct Offers<'a, 'n> {
    scenario: &'a Scenario,
    names: &'n Names<'a>,
    known: BTreeMap<u16, Vec<(String, Body<'a>)>>,
    /// Those whose offer is being worked out, to notice circles.
    open: BTreeSet<u16>,
    diags: &'n mut Diagnostics,
}

impl<'a> Offers<'a, '_> {
    /// The operations of a component in the order of their names.
    fn of(&mut self, component: u16) -> Vec<(String, Body<'a>)> {
        if let Some(known) = self.known.get(&component) {
            return known.clone();
        }
        let name = self.names.components[usize::from(component)];
        let written = &self.scenario.components[name];
        if !self.open.insert(component) {
            let message = format!("`{name}` leads to itself through its targets");
            self.diags.push(Diagnostic::new(Code::Cycle, written.spot, message));
            return Vec::new();
        }
        let offer = self.work_out(&written.value);
        self.open.remove(&component);
        self.known.insert(component, offer.clone());
        offer
    }

    fn work_out(&mut self, component: &'a Component) -> Vec<(String, Body<'a>)> {
        let own = component.operations.iter();
        let own = own.map(|(name, steps)| (name.clone(), Body::Steps { before: &[], steps: &steps.value.steps }));
        let mut offer: BTreeMap<String, Body<'a>> = own.collect();
        match &component.kind {
            Kind::Balancer { targets, naming: None } => offer.extend(self.of_targets(targets, &[], None)),
            Kind::Gateway { before, routes } => {
                for route in routes {
                    offer.extend(self.of_route(route, before));
                }
            }
            Kind::Cache(cache) => return of_cache(cache, component),
            Kind::Store(_) => return of_store(),
            Kind::Queue(_) => return of_queue(component),
            Kind::Log(log) => return of_log(log, component),
            Kind::Events(_) => return of_events(component),
            Kind::Pooler(pooler) => {
                offer.extend(self.of_targets(&pooler.targets, &[], None));
            }
            // What a name stands for is asked there.
            Kind::Balancer { naming: Some(_), .. }
            | Kind::Service
            | Kind::Database(_)
            | Kind::External { .. }
            | Kind::Function(_)
            | Kind::Telemetry(_) => {}
        }
        offer.into_iter().collect()
    }

    /// Every operation of the targets, called at those that have it.
    fn of_targets(
        &mut self,
        targets: &'a [(Reference, f64)],
        before: &'a [Step],
        prefix: Option<&str>,
    ) -> BTreeMap<String, Body<'a>> {
        let mut forward: BTreeMap<String, Vec<(u16, String, f64)>> = BTreeMap::new();
        for (target, weight) in targets {
            let Some(component) = self.names.find_component(&target.value, target.spot, self.diags) else { continue };
            for (name, _) in self.of(component) {
                let offered = prefix.map_or_else(|| name.clone(), |prefix| format!("{prefix}.{name}"));
                forward.entry(offered).or_default().push((component, name, *weight));
            }
        }
        forward.into_iter().map(|(name, to)| (name, Body::Forward { before, to })).collect()
    }

    fn of_route(&mut self, route: &'a Route, before: &'a [Step]) -> BTreeMap<String, Body<'a>> {
        let name = route.name.value.as_str();
        let targets = match &route.to {
            RouteTarget::Steps(steps) => return BTreeMap::from([(name.to_owned(), Body::Steps { before, steps })]),
            RouteTarget::Components(targets) => targets,
        };
        if let Some(prefix) = name.strip_suffix(".*") {
            return self.of_targets(targets, before, Some(prefix));
        }
        if name == "*" {
            return self.of_targets(targets, before, None);
        }
        let mut to = Vec::new();
        for (target, weight) in targets {
            if let Some((component, operation)) = self.routed(name, target) {
                to.push((component, operation, *weight));
            }
        }
        BTreeMap::from([(name.to_owned(), Body::Forward { before, to })])
    }

    /// `orders` in `orders.place: orders` means its operation `place`; `orders.place` may also be said in full.
    fn routed(&mut self, route: &str, target: &Reference) -> Option<(u16, String)> {
        let text = target.value.as_str();
        let (name, operation) = text.split_once('.').unwrap_or((text, route.rsplit('.').next().unwrap_or(route)));
        let component = self.names.find_component(name, target.spot.part(0, name.len()), self.diags)?;
        let offered = self.of(component);
        if offered.iter().any(|(known, _)| known == operation) {
            return Some((component, operation.to_owned()));
        }
        let known: Vec<&str> = offered.iter().map(|(known, _)| known.as_str()).collect();
        let message = format!("`{name}` has no operation `{operation}` for this route");
        let made = Diagnostic::new(Code::UnknownOperation, target.spot, message);
        self.diags.push(made.help(format!("it has {}; write `{name}.OPERATION` to choose one", listed(&known))));
        None
    }
}
