//! Conditions: what objectives, alerts, `evolve_when` and `when` read, resolved to probes and looks.
//!
//! A condition that must hold for a time, one with `over`, and every alert is looked at while the run goes on; the
//! others are judged afterwards on the measured time.

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::model::budget::Budget;
use crate::model::compile::{Compiler, parts_of, span};
use crate::model::{Body, Bound, Condition, Filter, KeyOrigin, Model, NONE16, Period, Probe, Role, Scope, Test, Watch};
use crate::policy::replication::Mode;
use crate::scenario;
use crate::scenario::Length;
use crate::scenario::condition::{self, Comparison, Measure, Quantity};
use crate::scenario::database::CopyPart;

/// Distance of the looks of an objective that is judged by its worst window, seconds.
const LOOK: f64 = 15.0;

impl Compiler<'_> {
    /// Objectives, `evolve_when` and alerts.
    pub(super) fn compile_conditions(&mut self) {
        let scenario = self.scenario;
        for (name, said) in &scenario.objectives {
            self.condition(name, &said.value, Role::Objective);
        }
        self.model.budgets = budgets(&self.model.conditions);
        for (name, said) in &scenario.evolve_when {
            self.condition(name, &said.value, Role::EvolveWhen);
        }
        for (name, said) in &scenario.alerts {
            let role = Role::Alert { severity: said.value.severity.clone() };
            self.condition(name, &said.value.when, role);
        }
        self.index(self.model.watches.len(), "conditions that are looked at during the run");
        self.check_budgets();
    }

    /// Burn rates of what has no budget.
    fn check_budgets(&mut self) {
        for (spot, scope) in std::mem::take(&mut self.burns) {
            if self.model.budget_of(scope).is_none() {
                let message = "no objective says how much may fail, so there is no budget to burn";
                let told = Diagnostic::new(Code::NoBudget, spot, message);
                self.tell(told.help("state one, as in `objectives: {up: availability >= 99.9%}`"));
            }
        }
    }

    fn condition(&mut self, name: &str, said: &condition::Condition, role: Role) {
        let is_watched = role != Role::Objective;
        if let Some(body) = self.body(said, is_watched) {
            self.model.conditions.push(Condition { name: name.to_owned(), text: said.text.clone(), role, body });
        }
    }

    fn body(&mut self, said: &condition::Condition, is_watched: bool) -> Option<Body> {
        let mut all = |parts: &[condition::Condition]| -> Option<Vec<Body>> {
            let bodies: Vec<_> = parts.iter().map(|part| self.body(part, is_watched)).collect();
            bodies.into_iter().collect()
        };
        match &said.body {
            condition::Body::All(parts) => all(parts).map(Body::All),
            condition::Body::Any(parts) => all(parts).map(Body::Any),
            condition::Body::Compare(comparison) => self.test(&said.text, comparison, is_watched).map(Body::Test),
        }
    }

    fn test(&mut self, text: &str, said: &Comparison, is_watched: bool) -> Option<Test> {
        let measure = &said.measure.value;
        let probe = self.probe(measure, said.measure.spot, None)?;
        let period = self.period(&measure.period)?;
        let bound = self.bound(said, period)?;
        let over = if let condition::Period::Over(seconds) = measure.period { Some(seconds) } else { None };
        let is_watched = is_watched || said.hold_s.is_some() || over.is_some();
        let (mut watch, mut bound_watch) = (None, None);
        if is_watched {
            let every = if over.is_some() { LOOK.min(said.every_s) } else { said.every_s };
            let look = |probe: Probe| Watch {
                probe,
                every: span(every.max(1e-9)),
                over: span(over.unwrap_or(said.over_s)),
                test: None,
            };
            self.check_length(text, said, over, every);
            watch = Some(self.watch(look(probe.clone())));
            if let Bound::ShareOf(_, other) = &bound {
                bound_watch = Some(self.watch(look(other.clone())));
            }
        }
        let hold = said.hold_s.map(span);
        Some(Test { text: text.to_owned(), probe, relation: said.relation, bound, hold, period, watch, bound_watch })
    }

    /// A condition that needs more time than the run has can never fire.
    fn check_length(&mut self, text: &str, said: &Comparison, over: Option<f64>, every: f64) {
        let Length::Duration(end) = self.scenario.run.length else { return };
        let needed = said.hold_s.unwrap_or(0.0).max(over.unwrap_or(0.0)).max(every);
        if end < needed {
            let message = format!("`{text}` is never judged: it needs {needed} s, and the run has {end} s");
            let made = Diagnostic::new(Code::NeverJudged, said.measure.spot, message);
            self.tell(made.help("run longer, or shorten `for`"));
        }
    }

    pub(super) fn watch(&mut self, watch: Watch) -> u16 {
        let known = self.model.watches.iter().position(|known| *known == watch);
        let index = known.unwrap_or(self.model.watches.len());
        if known.is_none() {
            self.model.watches.push(watch);
        }
        self.index(index, "conditions that are looked at during the run")
    }

    /// The watch behind `when`: a program can only compare with a number.
    pub(super) fn watch_of_when(&mut self, said: &Comparison, component: &str, spot: Spot) -> Option<u16> {
        let probe = self.probe(&said.measure.value, spot, Some(component))?;
        let condition::Bound::Value(value) = said.bound.value else {
            let message = "`when` compares with a value, not with another measure".to_owned();
            self.tell(Diagnostic::new(Code::NotAvailable, said.bound.spot, message));
            return None;
        };
        let (every, over) = (span(said.every_s), span(said.over_s));
        Some(self.watch(Watch { probe, every, over, test: Some((said.relation, value)) }))
    }

    fn period(&mut self, period: &condition::Period) -> Option<Period> {
        Some(match period {
            condition::Period::Measured => Period::Measured,
            condition::Period::Over(_) => Period::Over,
            condition::Period::Before(fault) => Period::Before(self.names.find_fault(fault, self.diags)?),
            condition::Period::During(fault) => Period::During(self.names.find_fault(fault, self.diags)?),
            condition::Period::After(fault) => Period::After(self.names.find_fault(fault, self.diags)?),
        })
    }

    fn bound(&mut self, said: &Comparison, period: Period) -> Option<Bound> {
        Some(match (&said.bound.value, period) {
            (condition::Bound::Value(value), _) => Bound::Value(*value),
            (condition::Bound::ShareOf(share, measure), _) => {
                Bound::ShareOf(*share, self.probe(measure, said.bound.spot, None)?)
            }
            (condition::Bound::ShareOfBefore(share), Period::During(fault) | Period::After(fault)) => {
                Bound::ShareOfBefore(*share, fault)
            }
            (condition::Bound::ShareOfBefore(_), _) => {
                let message = "`before` needs a fault to be before of".to_owned();
                let made = Diagnostic::new(Code::Condition, said.bound.spot, message);
                self.tell(made.help("name it: `goodput during FAULT >= 90% of before`"));
                return None;
            }
        })
    }

    /// What a measure reads; `component` is meant where `utilisation` names nothing inside a program.
    pub(super) fn probe(&mut self, measure: &Measure, spot: Spot, component: Option<&str>) -> Option<Probe> {
        let mut scope = self.scope(measure)?;
        if let Some((key, value)) = &measure.with {
            scope = self.with(measure, scope, key, value)?;
        }
        if let (Scope::All, Some(number)) = (scope, component.and_then(|name| self.names.component(name))) {
            scope = Scope::Component(number);
        }
        self.check_scope(measure, scope, spot);
        if measure.what == Quantity::BudgetBurn {
            self.burns.push((spot, scope));
        }
        let (stat, resource, per) = (measure.stat, measure.resource, measure.per);
        Some(Probe { quantity: measure.what, stat, scope, resource, per })
    }

    /// The requests of a scope that carry this value of a key.
    fn with(
        &mut self,
        measure: &Measure,
        scope: Scope,
        key: &Spotted<String>,
        value: &Spotted<String>,
    ) -> Option<Scope> {
        use Quantity::{Arrivals, Availability, Errors, Goodput, InFlight, Latency, Throughput};
        let is_counted =
            matches!(measure.what, Latency | Throughput | Goodput | Errors | Availability | Arrivals | InFlight);
        let is_flow = !matches!(scope, Scope::Station(_) | Scope::Host(_) | Scope::Pool(_) | Scope::Fault(_));
        if !is_counted || !is_flow || measure.per == Some(condition::Per::Instance) {
            let message = "only what is counted request by request can be told apart by a key".to_owned();
            let made = Diagnostic::new(Code::Condition, key.spot, message);
            let known = "latency, throughput, goodput, errors, availability, arrivals and in_flight";
            self.tell(made.help(format!("`with` goes with {known}, of a component, an operation or a load")));
            return None;
        }
        let number = self.names.find_key(Some(key), self.diags);
        let value = self.value_of(number, key, value)?;
        let filter = Filter { scope, key: number, value };
        let known = self.model.filters.iter().position(|known| *known == filter);
        let index = known.unwrap_or(self.model.filters.len());
        if known.is_none() {
            self.model.filters.push(filter);
        }
        Some(Scope::With(self.index(index, "measures with a key")))
    }

    /// A value of a key: its number, or the name of a share.
    pub(super) fn value_of(&mut self, number: u16, key: &Spotted<String>, value: &Spotted<String>) -> Option<u64> {
        let known = self.model.keys.get(usize::from(number))?;
        if matches!(known.origin, KeyOrigin::Scan | KeyOrigin::Trace(_)) {
            let message =
                format!("the values of `{}` come in their order, so looking at one would move the others", key.value);
            self.tell(Diagnostic::new(Code::Condition, key.spot, message));
            return None;
        }
        if let Some(scenario::KeyOrigin::Shares { shares, .. }) =
            self.scenario.keys.get(&key.value).map(|key| &key.value.origin)
        {
            let mut names: Vec<&str> = shares.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            let found = names.iter().position(|name| *name == value.value);
            if found.is_none() {
                let message = format!("`{}` is not one of the shares of `{}`", value.value, key.value);
                self.tell(Diagnostic::new(Code::OutOfRange, value.spot, message).nearest(&value.value, names));
            }
            return found.map(|index| index as u64);
        }
        let found = value.value.parse().ok().filter(|value| *value < known.count);
        if found.is_none() {
            let last = known.count.saturating_sub(1);
            let message = format!("`{}` has the values 0 to {last}, so {} is none of them", key.value, value.value);
            self.tell(Diagnostic::new(Code::OutOfRange, value.spot, message));
        }
        found
    }

    fn scope(&mut self, measure: &Measure) -> Option<Scope> {
        if let Some(on) = &measure.on {
            return self.part(on);
        }
        let of = match &measure.of {
            Some(of) => Some(self.thing(of)?),
            None => None,
        };
        let Some(from) = &measure.from else { return Some(of.unwrap_or(Scope::All)) };
        if self.names.load(&from.value).is_none() && (self.may_be_place(from) || from.value.contains('/')) {
            return self.asked_from(of, from);
        }
        let load = self.names.find_load(from, self.diags)?;
        match of {
            None => Some(Scope::Load(load)),
            Some(Scope::Operation(operation)) => {
                let asks =
                    |class: &crate::model::loads::RequestClass| class.source == load && class.operation == operation;
                let class = self.model.classes.iter().position(asks);
                if class.is_none() {
                    let message = format!("`{}` does not ask for this operation", from.value);
                    self.tell(Diagnostic::new(Code::UnknownOperation, from.spot, message));
                }
                class.map(|class| Scope::Class(class as u16))
            }
            Some(_) => {
                let message = "`from` goes with nothing or with `of COMPONENT.OPERATION`".to_owned();
                self.tell(Diagnostic::new(Code::Condition, from.spot, message));
                None
            }
        }
    }

    /// Requests from a region or a zone, of all loads.
    fn asked_from(&mut self, of: Option<Scope>, from: &Spotted<String>) -> Option<Scope> {
        let place = self.find_place(from)?;
        let region = &self.model.regions[usize::from(self.model.places[usize::from(place)].region)];
        let is_whole = place == region.first + region.zones;
        let (first, count) = if is_whole { (region.first, region.zones + 1) } else { (place, 1) };
        let operation = match of {
            None => NONE16,
            Some(Scope::Operation(operation)) => operation,
            Some(_) => {
                let message = "`from` goes with nothing or with `of COMPONENT.OPERATION`".to_owned();
                self.tell(Diagnostic::new(Code::Condition, from.spot, message));
                return None;
            }
        };
        let scope = Scope::From { first, count, operation };
        if !(0..self.model.classes.len()).any(|class| self.model.includes(scope, class)) {
            let message = format!("no load asks for this from `{}`", from.value);
            self.tell(
                Diagnostic::new(Code::UnknownPart, from.spot, message)
                    .help("`from:` of a load says where it comes from"),
            );
            return None;
        }
        Some(scope)
    }

    /// A component, `component.operation`, load, host, fault, pool `a -> b`, or part `web/2`.
    fn thing(&mut self, of: &Spotted<String>) -> Option<Scope> {
        let text = of.value.as_str();
        if text.contains("->") {
            return self.pool_named(of);
        }
        if text.contains('/') {
            return self.part(of);
        }
        if text.contains('.') {
            return self.names.find_operation(of, self.diags).map(Scope::Operation);
        }
        if let Some(load) = self.names.load(text) {
            return Some(Scope::Load(load));
        }
        if let Ok(fault) = self.names.faults.binary_search(&text) {
            return Some(Scope::Fault(fault as u16));
        }
        if self.scenario.hosts.contains_key(text) {
            let first = format!("{text}/0");
            return self.model.hosts.iter().position(|host| host.name == first).map(|host| Scope::Host(host as u32));
        }
        if let Some(component) = self.names.component(text) {
            return Some(Scope::Component(component));
        }
        let hosts = self.scenario.hosts.keys().map(String::as_str);
        let known: Vec<&str> = self.names.components.iter().chain(&self.names.loads).copied().chain(hosts).collect();
        let message = format!("`{text}` is neither a component, a load nor a host of this scenario");
        self.tell(Diagnostic::new(Code::UnknownComponent, of.spot, message).nearest(text, known));
        None
    }

    fn pool_named(&mut self, of: &Spotted<String>) -> Option<Scope> {
        let plain = |text: &str| text.split_whitespace().collect::<String>();
        let wanted = plain(&of.value);
        let found = self.model.pools.iter().position(|pool| plain(&pool.name) == wanted);
        if found.is_none() {
            let known: Vec<String> = self.model.pools.iter().map(|pool| pool.name.clone()).collect();
            let message = format!("there is no pool `{}`", of.value);
            let made = Diagnostic::new(Code::UnknownComponent, of.spot, message);
            self.tell(made.nearest(&of.value, known.iter().map(String::as_str)));
        }
        found.map(|pool| Scope::Pool(pool as u16))
    }

    /// `web/2` or `box/1`.
    fn part(&mut self, on: &Spotted<String>) -> Option<Scope> {
        let text = on.value.as_str();
        let (name, part) = text.split_once('/').unwrap_or((text, ""));
        if part.is_empty() {
            return self.thing_or_unknown(on);
        }
        let index = part.parse::<u32>().ok();
        if let Some(number) = self.names.component(name) {
            let component = self.model.components.get(usize::from(number))?;
            if let Some(index) = index.filter(|index| *index < component.count) {
                return Some(Scope::Station(component.first + index));
            }
            let copies = CopyPart::read(part).and_then(|part| self.model.copies_in(number, part));
            if let Some(Ok(instances)) = &copies {
                let (first, count) = (component.first + instances.start, instances.len() as u32);
                return Some(if count == 1 { Scope::Station(first) } else { Scope::Stations(first, count) });
            }
            let known = copies.and_then(Result::err).unwrap_or_else(|| parts_of(name, component.count as usize));
            let message = format!("`{name}` has no part `{part}`: {known}");
            self.tell(Diagnostic::new(Code::UnknownPart, on.spot, message));
            return None;
        }
        let host = self.model.hosts.iter().position(|host| host.name == text);
        if host.is_none() {
            self.names.find_component(name, on.spot.part(0, name.len()), self.diags)?;
        }
        host.map(|host| Scope::Host(host as u32))
    }

    fn thing_or_unknown(&mut self, on: &Spotted<String>) -> Option<Scope> {
        let component = self.names.find_component(&on.value, on.spot, self.diags)?;
        Some(Scope::Component(component))
    }

    /// Measures that need a certain kind of thing.
    fn check_scope(&mut self, measure: &Measure, scope: Scope, spot: Spot) {
        let needs_part = matches!(measure.what, Quantity::Removal);
        if needs_part && !matches!(scope, Scope::Station(_) | Scope::Stations(..) | Scope::Component(_)) {
            let message = "`removal` is that of an instance".to_owned();
            self.tell(Diagnostic::new(Code::Condition, spot, message).help("write `removal of web/2`"));
        }
        if self.check_messages(measure, scope, spot) {
            self.check_copied(measure, scope, spot);
        }
        if let (Quantity::ColdStarts, Scope::Component(number)) = (measure.what, scope)
            && !matches!(self.written(number).value.kind, scenario::Kind::Function(_))
        {
            let name = self.names.components[usize::from(number)];
            let made =
                Diagnostic::new(Code::NeverJudged, spot, format!("`{name}` is no function, and starts nothing cold"));
            self.tell(made.help("name a component of `kind: function`"));
        }
        if matches!(measure.what, Quantity::Units)
            && !matches!(scope, Scope::Component(number) if self.model.capacity_of(number).is_some())
        {
            let made = Diagnostic::new(Code::NeverJudged, spot, "only a database with `capacity` has units".to_owned());
            self.tell(made.help("write `units of db`, where `db` says `capacity: {min: 2, max: 64}`"));
        }
        if let (Quantity::ScaleChanges, Scope::Component(number)) = (measure.what, scope)
            && self.written(number).value.autoscale.is_none()
            && self.written(number).value.vertical.is_none()
        {
            let message =
                format!("the number of instances of `{}` never changes", self.names.components[usize::from(number)]);
            let made = Diagnostic::new(Code::NeverJudged, spot, message);
            self.tell(made.help("a service has a changing number of them with `autoscale:`"));
        }
        if let (Quantity::Reclaims, Scope::Component(number)) = (measure.what, scope)
            && !self.scenario.prices.spots.contains_key(self.names.components[usize::from(number)])
        {
            let name = self.names.components[usize::from(number)];
            let made = Diagnostic::new(Code::NeverJudged, spot, format!("nobody takes machines of `{name}` back"));
            self.tell(made.help(format!("they are spot machines with `prices: {{{name}: {{term: spot}}}}`")));
        }
        if matches!(measure.what, Quantity::HitRatio)
            && let Scope::Component(number) = scope
            && self.model.components.get(usize::from(number)).is_some_and(|c| c.buffer.is_none() && !c.keeps_entries())
        {
            let name = self.names.components[usize::from(number)];
            let message = format!("`{name}` keeps nothing that could be hit");
            let made = Diagnostic::new(Code::NeverJudged, spot, message);
            self.tell(made.help("a database has a hit ratio when `memory` and `data` are given"));
        }
    }

    /// Measures of messages; whether it may be one of something else.
    fn check_messages(&mut self, measure: &Measure, scope: Scope, spot: Spot) -> bool {
        use Quantity::{Backlog, Compensations, DeadLetters, Depth, Duplicates, Lag};
        use Quantity::{StaleReads, Staleness, UnresolvedSagas, Violations};
        let component = match scope {
            Scope::Component(component) => component,
            Scope::Operation(operation) => self.names.operations[usize::from(operation)].component,
            _ => return true,
        };
        let topics = |topic: &crate::model::brokers::Topic| topic.component == component && topic.in_log.is_some();
        if measure.what == Quantity::PartitionSkew {
            if !self.model.topics.iter().any(topics) {
                let name = self.names.components[usize::from(component)];
                let message = format!("`{name}` has no partitions");
                let made = Diagnostic::new(Code::NeverJudged, spot, message);
                self.tell(made.help("a log has them: `stream: {kind: log, topics: {clicks: {partitions: 12}}}`"));
            }
            return false;
        }
        let has_saga = self.model.sagas.iter().any(|saga| saga.component == component);
        if matches!(measure.what, Compensations | UnresolvedSagas) && !has_saga {
            let message = format!("`{}` runs no saga", self.names.components[usize::from(component)]);
            self.tell(Diagnostic::new(Code::NeverJudged, spot, message));
        }
        let is_view = self.model.groups.iter().any(|group| group.updates == component);
        if is_view && matches!(measure.what, StaleReads | Staleness) {
            return false;
        }
        if usize::from(component) < self.model.components.len() && !self.model.groups_in(component).is_empty() {
            return !matches!(measure.what, Lag | Violations);
        }
        if matches!(measure.what, Backlog | Depth | Duplicates | DeadLetters) {
            let name = self.names.components[usize::from(component)];
            let message = format!("`{name}` neither is a queue nor consumes messages");
            self.tell(Diagnostic::new(Code::NeverJudged, spot, message));
        }
        true
    }

    /// Measures of what is copied.
    fn check_copied(&mut self, measure: &Measure, scope: Scope, spot: Spot) {
        use Quantity::{Lag, StaleReads, Staleness, Violations};
        let is_copied = |copies: &crate::model::copies::Copies| 0 < copies.replicas;
        let number = match scope {
            Scope::Component(number) => number,
            Scope::Station(station) | Scope::Stations(station, _) => self.model.stations[station as usize].component,
            _ => return,
        };
        let Some(component) = self.model.components.get(usize::from(number)) else { return };
        let copies = self.model.copies.get(usize::from(component.copies));
        if measure.what == Quantity::ShardVariance && copies.is_none_or(|copies| !copies.names_shards) {
            let message = format!("`{}` has no shards among which arrivals could vary", component.name);
            let made = Diagnostic::new(Code::NeverJudged, spot, message);
            return self.tell(made.help("a database has them with `shards: {count: 4}`"));
        }
        let is_multi = copies.is_some_and(|copies| matches!(copies.mode, Mode::MultiPrimary(_)));
        let may_split =
            copies.is_some_and(|copies| copies.failover.is_some() || matches!(copies.mode, Mode::Raft { .. }));
        let needs_two = match measure.what {
            Quantity::Conflicts => !is_multi && !may_split,
            Quantity::Convergence => !is_multi,
            Quantity::SplitBrain => !may_split,
            _ => false,
        };
        if needs_two {
            let message = format!("`{}` has one primary and never two, so no writes are in conflict", component.name);
            let made = Diagnostic::new(Code::NeverJudged, spot, message);
            let help =
                "several take writes with `replicas: {mode: multi_primary(lww)}`, and by accident with `failover`";
            return self.tell(made.help(help));
        }
        if matches!(measure.what, Staleness | StaleReads) && component.keeps_entries() {
            let releases = |fault: &crate::model::Fault| matches!(fault.act, crate::model::Act::Release(_));
            if !self.model.faults.iter().any(releases) {
                let message = format!("nothing is ever released, so no copy in `{}` is old", component.name);
                let made = Diagnostic::new(Code::NeverJudged, spot, message);
                self.tell(made.help("add `faults: {shipped: {at: 5m, release: asset}}`"));
            }
            return;
        }
        if matches!(measure.what, Lag | Staleness | StaleReads | Violations) && !copies.is_some_and(is_copied) {
            let message = format!("`{}` has no replicas, so nothing of the kind can be measured", component.name);
            let made = Diagnostic::new(Code::NeverJudged, spot, message);
            self.tell(made.help("a database has them with `replicas: {count: 2}`"));
        }
    }

    /// The component as it was written.
    pub(super) fn written(&self, component: u16) -> &Spotted<scenario::Component> {
        &self.scenario.components[self.names.components[usize::from(component)]]
    }
}

/// What availability objectives allow to fail over the measured time.
fn budgets(conditions: &[Condition]) -> Vec<Budget> {
    let of = |condition: &Condition| {
        let Body::Test(Test { probe, bound: Bound::Value(bound), period: Period::Measured, hold: None, .. }) =
            &condition.body
        else {
            return None;
        };
        let allowed = match probe.quantity {
            Quantity::Availability => 1.0 - bound,
            Quantity::Errors if probe.per.is_none() => *bound,
            _ => return None,
        };
        let budget = Budget { objective: condition.name.clone(), scope: probe.scope, allowed };
        (0.0 < allowed && allowed < 1.0).then_some(budget)
    };
    conditions.iter().filter_map(of).collect()
}

impl Model {
    /// All probes that conditions ask for.
    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        let mut found = Vec::new();
        for condition in &self.conditions {
            condition.body.collect(&mut found);
        }
        found.into_iter()
    }
}

impl Body {
    fn collect<'a>(&'a self, found: &mut Vec<&'a Probe>) {
        match self {
            Body::All(parts) | Body::Any(parts) => parts.iter().for_each(|p| p.collect(found)),
            Body::Test(test) => {
                found.push(&test.probe);
                if let Bound::ShareOf(_, probe) = &test.bound {
                    found.push(probe);
                }
            }
        }
    }
}
