//! Loads become sources, and each target of a load a class of requests with its own call.
//!
//! Classes stand in the order of loads, then of targets by name, then of the places the load comes from: the order of the
//! author's map never matters. A load is a caller like any other: the arrows that cover it apply under what it says itself.

use crate::catalogue::clock::ahead_of_utc;
use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::distribution::Distribution;
use crate::model::KeyOrigin;
use crate::model::NONE16;
use crate::model::arrows::{End, Merged};
use crate::model::compile::{Compiler, cumulative, is_zero, span, stream, time};
use crate::model::edges::Caller;
use crate::model::program::Step;
use crate::model::region::{Daylight, Origin};
use crate::policy::arrivals::{Arrivals, Shape, Surge};
use crate::policy::daylight::together;
use crate::random::Purpose;
use crate::scenario;
use crate::scenario::fault::Act;
use crate::scenario::load::{Load, Moment};
use crate::scenario::{Reference, When};
use crate::units::{Span, Time};

#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    /// Stream of the source: gaps, choice of the request, think times.
    pub key: u64,
    pub demand: Demand,
    /// Cumulative share of 2^32 and class; for sessions empty.
    pub requests: Vec<(u64, u16)>,
    /// Which of the classes of a request it is; the one named above is that of the first place.
    pub origin: Origin,
    pub patience_draw: u16,
    pub priority: u8,
    /// Key values that this load pins or reshapes.
    pub overrides: Vec<(u16, KeyOrigin)>,
}

#[derive(Clone, Debug)]
pub enum Demand {
    Open { rate: f64, arrivals: Arrivals, shape: Shape },
    Closed { clients: u32, think_draw: u16 },
    Sessions { rate: f64, shape: Shape, think_draw: u16, keep: Vec<u16>, steps: Vec<SessionStep> },
    Every { first: Time, every: Span },
    Trace { times: Vec<Time> },
}

#[derive(Clone, Debug)]
pub struct SessionStep {
    pub class: u16,
    pub times_draw: u16,
}

/// (load, target, place).
#[derive(Clone, Debug)]
pub struct RequestClass {
    pub source: u16,
    pub operation: u16,
    /// The load as a caller; when it is `plain` the request enters its target directly, else as `Call, Return` at `entry`.
    pub edge: u16,
    pub entry: u16,
    /// A zone or region; `NONE16`: nowhere in particular.
    pub place: u16,
    /// Name service by which the load finds the target, or `NONE16`.
    pub name: u16,
}

/// Seconds of a day and of a week.
const DAY: f64 = 86_400.0;
const WEEK: f64 = 7.0 * DAY;

/// A load while its classes are made.
struct Asking<'a> {
    name: &'a str,
    number: u16,
    load: &'a Spotted<Load>,
    /// Where it comes from; one that is nowhere if nothing is said.
    places: Vec<u16>,
}

impl Compiler<'_> {
    /// All loads, in the order of their names.
    pub(super) fn compile_loads(&mut self) {
        let scenario = self.scenario;
        self.index(scenario.load.len(), "loads");
        for (number, (name, load)) in scenario.load.iter().enumerate() {
            let source = self.source(number as u16, name, load);
            self.model.sources.push(source);
        }
        self.index(self.model.classes.len(), "pairs of load and operation");
    }

    fn source(&mut self, number: u16, name: &str, load: &Spotted<Load>) -> Source {
        let said = &load.value;
        let path = format!("load.{name}");
        let (places, origin) = self.origins(load);
        let daylight = self.daylight(name, load, &places);
        let origin = daylight.clone().filter(|_| 1 < places.len()).map_or(origin, Origin::Local);
        let load = &Asking { name, number, load, places };
        let requests = self.requests(load);
        let patience = said.abandon.as_ref();
        let overrides = said.keys.iter().filter_map(|(key, value)| {
            let reference = Spotted::new(key.clone(), value.spot);
            let found = self.names.find_key(Some(&reference), self.diags);
            (found != NONE16).then(|| (found, self.key_override(found, value)))
        });
        let overrides = overrides.collect();
        Source {
            name: name.to_owned(),
            key: stream(&path, Purpose::Arrival),
            demand: self.demand(load, daylight.as_ref()),
            requests,
            origin,
            patience_draw: patience.map_or(NONE16, |patience| self.draw(&path, Purpose::Patience, patience)),
            priority: said.priority.unwrap_or(0),
            overrides,
        }
    }

    /// The places a load comes from, and how one of them is chosen.
    fn origins(&mut self, load: &Spotted<Load>) -> (Vec<u16>, Origin) {
        let from = &load.value.from;
        if from.is_empty() {
            return (vec![NONE16], Origin::One);
        }
        if let [(key, _)] = &from[..]
            && self.names.keys.contains(&key.value.as_str())
        {
            return self.origin_by_key(key);
        }
        let places: Vec<u16> = from.iter().map(|(place, _)| self.find_place(place).unwrap_or(NONE16)).collect();
        let shares = cumulative(from.iter().map(|(_, share)| *share));
        (places, if shares.len() < 2 { Origin::One } else { Origin::Shares(shares) })
    }

    /// The day of a load as each of its places lives it, where it says so.
    fn daylight(&mut self, name: &str, load: &Spotted<Load>, places: &[u16]) -> Option<Daylight> {
        let spot = load.value.local?;
        let is_open = matches!(load.value.demand, scenario::load::Demand::Open { .. });
        let by_key = load.value.from.iter().any(|(from, _)| self.names.keys.contains(&from.value.as_str()));
        if !is_open || load.value.shape.day.is_empty() || load.value.from.is_empty() || by_key {
            let message = format!("`{name}` has no places whose clocks could tell its time of day");
            let help = "`clock: local` needs a `rate` or `users`, `shape: {day: ...}`, and places in `from`";
            self.tell(Diagnostic::new(Code::Inert, spot, message).help(help));
            return None;
        }
        let mut ahead = |place: &u16| {
            let place = self.model.places.get(usize::from(*place))?;
            let region = self.model.regions[usize::from(place.region)].name.clone();
            let own = self.scenario.regions.get(&region).and_then(|region| region.value.ahead_s);
            let known = own.or(ahead_of_utc(&region));
            if known.is_none() {
                let message = format!("it is not known what time it is in `{region}`");
                self.tell(
                    Diagnostic::new(Code::NoPlace, spot, message)
                        .help(format!("add `regions: {{{region}: {{utc: +01:00}}}}`")),
                );
            }
            known
        };
        let clocks: Option<Vec<f64>> = places.iter().map(&mut ahead).collect();
        let shares = load.value.from.iter().map(|(_, share)| *share);
        Some(Daylight { day: load.value.shape.day.clone(), places: shares.zip(clocks?).collect() })
    }

    /// Every share of the key is named after a place.
    fn origin_by_key(&mut self, reference: &Reference) -> (Vec<u16>, Origin) {
        let scenario = self.scenario;
        let mut key = &scenario.keys[&reference.value].value.origin;
        // A circle of likes is told elsewhere.
        for _ in 0..scenario.keys.len() {
            let scenario::KeyOrigin::Like(other, _) = key else { break };
            key = scenario.keys.get(&other.value).map_or(key, |other| &other.value.origin);
        }
        let scenario::KeyOrigin::Shares { shares, .. } = key else {
            let message = format!("`{}` has no `shares`, so its values are no places", reference.value);
            self.tell(Diagnostic::new(Code::UnknownPart, reference.spot, message));
            return (vec![NONE16], Origin::One);
        };
        let mut names: Vec<&str> = shares.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let mut place = |name: &str| self.find_place_in(name, reference.spot).unwrap_or(NONE16);
        let places = names.into_iter().map(&mut place).collect();
        (places, Origin::Key(self.names.find_key(Some(reference), self.diags)))
    }

    /// The classes of a load with their cumulative shares.
    fn requests(&mut self, asking: &Asking) -> Vec<(u64, u16)> {
        let Asking { name, load, .. } = *asking;
        let mut targets: Vec<&(Reference, f64)> = load.value.requests.iter().collect();
        targets.sort_by(|a, b| a.0.value.cmp(&b.0.value));
        let mut found = Vec::new();
        for (target, weight) in targets {
            if let Some(operation) = self.names.find_operation(target, self.diags) {
                let name = self.name_asked(target);
                found.push((self.class(asking, operation, name), *weight));
            }
        }
        if found.iter().all(|(_, weight)| *weight <= 0.0) && !found.is_empty() {
            let message = format!("all shares of `{name}` are zero, so it asks for nothing");
            self.tell(Diagnostic::new(Code::OutOfRange, load.spot, message));
        }
        let thresholds = cumulative(found.iter().map(|(_, weight)| *weight));
        thresholds.into_iter().zip(found.iter().map(|(class, _)| *class)).collect()
    }

    /// The first of the classes of this load and operation, one for each place; made when first asked for.
    fn class(&mut self, asking: &Asking, operation: u16, by_name: u16) -> u16 {
        let Asking { name, number, load, places } = asking;
        let number = *number;
        let is_same =
            |class: &RequestClass| (class.source, class.operation, class.name) == (number, operation, by_name);
        let known = self.model.classes.iter().position(is_same);
        if let Some(known) = known {
            return known as u16;
        }
        let to = self.end_of(operation);
        let to = End { name: &to.0, operation: &to.1 };
        let asked = self.names.components.get(usize::from(by_name)).copied().unwrap_or(to.name);
        let path = format!("load.{name}/{asked}.{}", to.operation);
        let from = End { name, operation: "" };
        let merged = self.policy(&load.value.policy, from, to);
        self.check_timeout(name, load, &merged);
        let places = places.as_slice();
        let known = if load.value.from.is_empty() { &[] } else { places };
        let caller = Caller { end: from, component: None, places: known };
        let mut edge = self.edge(&path, caller, operation, &merged);
        edge.payload = self.draw_unless_zero(&path, Purpose::Size, load.value.payload.as_ref());
        edge.name = by_name;
        self.settle(&mut edge, operation);
        edge.targets = vec![(1 << 32, operation)];
        edge.round_trip_s = self.round_trip(&edge, known);
        let edge = self.add_edge(edge);
        let entry = self.next_step();
        self.model.steps.extend([Step::Call { edge }, Step::Return]);
        let first = self.model.classes.len();
        let class = |place: &u16| RequestClass { source: number, operation, edge, entry, place: *place, name: by_name };
        self.model.classes.extend(places.iter().map(class));
        self.index(first, "pairs of load and operation")
    }

    /// Whoever asks and never gives up is surely not meant, unless it says so.
    fn check_timeout(&mut self, name: &str, load: &Spotted<Load>, merged: &Merged) {
        let policy = &merged.policy;
        let gives_up = policy.timeout.is_some() || policy.deadline.is_some() || load.value.abandon.is_some();
        if !gives_up && !matches!(load.value.demand, scenario::load::Demand::Every { .. }) {
            let message = format!("`{name}` has no timeout: its callers wait for ever");
            let made = Diagnostic::new(Code::NoTimeout, load.spot, message);
            self.tell(made.help("add `timeout: 5s`, or `timeout: none` if that is meant"));
        }
    }

    fn demand(&mut self, asking: &Asking, daylight: Option<&Daylight>) -> Demand {
        let Asking { name, load, .. } = *asking;
        let said = &load.value;
        let path = format!("load.{name}");
        let mut shape = self.shape(name, load);
        if let Some(Daylight { day, places }) = daylight {
            shape.day = together(day, places);
        }
        self.tell_problem(said.arrivals.problem().or_else(|| shape.problem()), load.spot);
        match &said.demand {
            scenario::load::Demand::Open { rate } => {
                Demand::Open { rate: *rate, arrivals: said.arrivals.clone(), shape }
            }
            scenario::load::Demand::Closed { clients, think } => {
                if is_zero(think) && said.requests.is_empty() {
                    self.tell(Diagnostic::new(Code::NothingToRun, load.spot, format!("`{name}` asks for nothing")));
                }
                Demand::Closed { clients: *clients, think_draw: self.draw(&path, Purpose::Think, think) }
            }
            scenario::load::Demand::Sessions { rate, think, keep, steps } => Demand::Sessions {
                rate: *rate,
                shape,
                think_draw: self.draw(&path, Purpose::Think, think),
                keep: keep.iter().map(|key| self.names.find_key(Some(key), self.diags)).collect(),
                steps: self.session(asking, steps),
            },
            scenario::load::Demand::Every { every, at } => {
                let first = at.map_or(*every, |at| self.since_start(at));
                Demand::Every { first: time(first), every: span(*every) }
            }
            scenario::load::Demand::Trace { times } => {
                Demand::Trace { times: times.iter().map(|at| time(*at)).collect() }
            }
        }
    }

    fn session(&mut self, asking: &Asking, steps: &[scenario::load::SessionStep]) -> Vec<SessionStep> {
        let name = asking.name;
        let mut walk = Vec::new();
        for (order, step) in steps.iter().enumerate() {
            let times_draw = self.draw(&format!("load.{name}/{order}"), Purpose::Session, &step.times);
            if let Some(operation) = self.names.find_operation(&step.request, self.diags) {
                let by_name = self.name_asked(&step.request);
                walk.push(SessionStep { class: self.class(asking, operation, by_name), times_draw });
            }
        }
        walk
    }

    /// The author's shape with the surges that faults add to it.
    fn shape(&mut self, name: &str, load: &Spotted<Load>) -> Shape {
        let scenario = self.scenario;
        let mut shape = load.value.shape.clone();
        for fault in scenario.faults.values() {
            let Act::Surge { load: surged, factor, ramp_s } = &fault.value.act else { continue };
            if surged.value != name {
                continue;
            }
            let has_rate = matches!(
                load.value.demand,
                scenario::load::Demand::Open { .. } | scenario::load::Demand::Sessions { .. }
            );
            match &fault.value.when {
                When::At(at) if has_rate => {
                    let lasts = fault.value.lasts.as_ref().map_or(f64::INFINITY, Distribution::mean);
                    let hold_s = (lasts - ramp_s).max(0.0);
                    let at_s = self.since_start(*at);
                    shape.surges.push(Surge { at_s, factor: *factor, ramp_s: *ramp_s, hold_s, every_s: None });
                }
                // When it comes is drawn, by the engine.
                When::Every(_) if has_rate => {}
                When::At(_) | When::Every(_) => {
                    let message = format!("`{name}` has no rate that a surge could multiply");
                    self.tell(Diagnostic::new(Code::Inert, fault.spot, message));
                }
            }
        }
        shape
    }

    /// Seconds since the start of the run.
    pub(super) fn since_start(&self, moment: Moment) -> f64 {
        let start = self.scenario.run.start_s;
        match moment {
            Moment::Since(seconds) => seconds,
            Moment::Daily(seconds) => (seconds - start).rem_euclid(DAY),
            Moment::Weekly(seconds) => (seconds - start).rem_euclid(WEEK),
        }
    }
}
