//! Autoscalers: their measures as probes, looked at like conditions, and the past that a forecast rests on.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic, Spot};
use crate::model::compile::{Compiler, span};
use crate::model::loads::Demand;
use crate::model::{Model, NONE, NONE16, Probe, Scope, Watch};
use crate::policy::arrivals::Shape;
use crate::policy::scale::forecast::{Forecast, SLOT_S};
use crate::policy::scale::hpa::{Source, Target};
use crate::policy::scale::{Behaviour, Rule};
use crate::scenario::Kind;
use crate::scenario::condition::{Per, Quantity, Resource};
use crate::scenario::database::Database;
use crate::scenario::scale::Autoscale;
use crate::units::Span;

/// Share of its cores or workers that an instance may use without being one too few, where the rule says nothing of it.
const FULL: f64 = 0.7;

/// The autoscaler of one component. Counts are those of the whole that a run at a scale stands for.
#[derive(Clone, Debug)]
pub struct Scaler {
    pub component: u16,
    pub rule: Rule,
    pub behaviour: Behaviour,
    /// Instances that may come and go: all of the component; of a database the replicas of each shard, of which there are
    /// equally many.
    pub groups: Vec<Range<u32>>,
    /// How many of each group are there at the start, those of the run.
    pub start: u32,
    pub every: Span,
    pub window: Span,
    /// How many looks old values are.
    pub lag: usize,
    /// Of each measure of the rule.
    pub readings: Vec<Reading>,
    /// Share of its busiest resource at which an instance is full: what over- and under-provisioning are measured by.
    pub full: f64,
    /// Values before the run, for a forecast.
    pub past: Vec<f64>,
}

/// One measure of a rule.
#[derive(Clone, Debug)]
pub struct Reading {
    /// As the author wrote it.
    pub text: String,
    pub probe: Probe,
    /// The look that sees it.
    pub watch: u16,
    /// Each pod has a value of its own (`hpa`).
    pub each: bool,
    /// Something else's value, to be divided by the instances that serve: messages that wait, for each consumer.
    pub shared: bool,
    /// What a value of 1 is in the units of Kubernetes: cores of a pod, or 1.
    pub unit: f64,
    /// What a pod requests of it, thousandths; `None`: nothing.
    pub request: Option<i64>,
}

impl Scaler {
    /// All that may come and go.
    pub fn stations(&self) -> impl Iterator<Item = u32> {
        self.groups.iter().flat_map(Range::clone)
    }
}

impl Compiler<'_> {
    /// The autoscalers of all components, in their order.
    pub(super) fn compile_scalers(&mut self) {
        let scenario = self.scenario;
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let Some(said) = &written.value.autoscale else { continue };
            let component = self.index(number, "components");
            let Some(readings) = self.readings(name, component, &said.value) else { continue };
            let (said, spot) = (&said.value, said.spot);
            let all = self.model.components.get(number).map_or(0..0, |spec| spec.first..spec.first + spec.count);
            let mut groups = vec![all.clone()];
            let start = match &written.value.kind {
                Kind::Function(function) => function.environments.provisioned,
                Kind::Database(database) => {
                    let each = database.machines() / database.shards();
                    groups = all.step_by(each as usize).map(|first| first + 1..first + each).collect();
                    self.check_shards_scaled(name, database, &said.rule, spot);
                    database.replicas.as_ref().map_or(0, |replicas| replicas.start)
                }
                _ => written.value.instances,
            };
            let past = if let Rule::Predict(forecast) = &said.rule { self.past(forecast) } else { Vec::new() };
            self.model.scalers.push(Scaler {
                component,
                groups,
                rule: said.rule.clone(),
                behaviour: said.behaviour.clone(),
                start,
                every: span(said.every_s),
                window: span(said.window_s),
                lag: libm::round(said.age_s / said.every_s) as usize,
                full: full(&said.rule, &readings),
                readings,
                past,
            });
        }
    }

    /// Shards that come and go would have to bring their replicas, and pods are counted one by one.
    fn check_shards_scaled(&mut self, name: &str, database: &Database, rule: &Rule, spot: Spot) {
        if database.shards() == 1 {
            return;
        }
        if self.reshards(name).next().is_some() {
            let message = format!("a fault changes the shards of `{name}`, and an autoscaler the replicas of each");
            self.tell(Diagnostic::new(Code::Excluded, spot, message).help("leave `reshard` or `autoscale` out"));
        }
        if matches!(rule, Rule::Hpa(_)) {
            let message = "pods of several shards are several sets, and a HorizontalPodAutoscaler changes one";
            self.tell(Diagnostic::new(Code::Excluded, spot, message).help("write `target` instead of `hpa`"));
        }
    }

    fn readings(&mut self, name: &str, component: u16, said: &Autoscale) -> Option<Vec<Reading>> {
        let mut readings = Vec::new();
        for (index, measure) in said.measures.iter().enumerate() {
            let mut probe = self.probe(&measure.value, measure.spot, Some(name))?;
            if probe.quantity == Quantity::InFlight
                && probe.scope == Scope::Component(component)
                && let Some(spec) = self.model.components.get(usize::from(component))
            {
                // What is at the instances now, not what has left them.
                probe.scope = Scope::Stations(spec.first, spec.count);
            }
            // `depth of tasks per instance`: of those that are scaled, not of the queue's.
            let is_function = self.model.components.get(usize::from(component)).is_some_and(|c| c.function != NONE16);
            let shared = probe.per == Some(Per::Instance) && (is_function || !self.is_of(probe.scope, component));
            probe.per = probe.per.filter(|_| !shared);
            if let (Scope::Component(found), Kind::Database(_)) = (probe.scope, &self.written(component).value.kind)
                && found == component
                && let Some(spec) = self.model.components.get(usize::from(component))
            {
                // What replicas are scaled by is their own.
                let is_split = self.model.copies.get(usize::from(spec.copies)).is_some_and(|copies| 1 < copies.shards);
                let replicas = Scope::Stations(spec.first + 1, spec.count - 1);
                probe.scope = if is_split { Scope::Replicas(component) } else { replicas };
            }
            self.check_measurable(name, &probe, measure.spot);
            let over = if index == 1 { said.panic_s.unwrap_or(said.window_s) } else { said.window_s };
            let watch = Watch { probe: probe.clone(), every: span(said.every_s), over: span(over), test: None };
            let mut reading = Reading {
                text: measure.value.text.clone(),
                watch: self.watch(watch),
                probe,
                each: false,
                shared,
                unit: 1.0,
                request: None,
            };
            if let Rule::Hpa(spec) = &said.rule {
                self.of_pods(&mut reading, component, spec.metrics[index].source);
            }
            readings.push(reading);
        }
        Some(readings)
    }

    /// Whether a scope is the component or a part of it.
    fn is_of(&self, scope: Scope, component: u16) -> bool {
        match scope {
            Scope::Component(found) => found == component,
            Scope::Operation(operation) => self.names.operations[usize::from(operation)].component == component,
            Scope::Station(station) | Scope::Stations(station, _) => {
                self.model.stations.get(station as usize).is_some_and(|station| station.component == component)
            }
            _ => false,
        }
    }

    /// What a metric of pods is worth in the units of Kubernetes.
    fn of_pods(&self, reading: &mut Reading, component: u16, source: Source) {
        reading.each = source != Source::One;
        let Some(spec) = self.model.components.get(usize::from(component)) else { return };
        let host = self.model.stations.get(spec.first as usize).map(|station| station.host);
        let host = host.and_then(|host| self.model.hosts.get(host as usize));
        match source {
            Source::Cpu => {
                if let Some(pod) = spec.pod {
                    // Its use is a share of what it may use at most.
                    let cores = host.map_or(1.0, |host| f64::from(host.cores));
                    (reading.unit, reading.request) = (pod.limit.min(cores), Some((1000.0 * pod.request) as i64));
                    return;
                }
                reading.unit = host.filter(|host| host.cores != NONE).map_or(0.0, |host| f64::from(host.cores));
                reading.request = Some((1000.0 * reading.unit) as i64);
            }
            Source::Memory => {
                let of_host = host.map_or(0, |host| host.memory_bytes);
                let limit = if spec.memory_limit == u64::MAX { of_host } else { spec.memory_limit };
                reading.request = (0 < limit).then_some(1000 * limit as i64);
            }
            Source::Pods | Source::One => {}
        }
    }

    /// A measure that can never have a value is no rule.
    fn check_measurable(&mut self, name: &str, probe: &Probe, spot: crate::diagnostic::Spot) {
        let (Quantity::Utilisation, Some(resource)) = (probe.quantity, probe.resource) else { return };
        let Scope::Component(component) = probe.scope else { return };
        let Some(spec) = self.model.components.get(usize::from(component)) else { return };
        let host = self.model.stations.get(spec.first as usize).map(|station| station.host);
        let host = host.and_then(|host| self.model.hosts.get(host as usize));
        let is_there = match resource {
            Resource::Cores => host.is_some_and(|host| host.cores != NONE),
            Resource::Workers | Resource::Connections => spec.slots != NONE && spec.slots_are == resource,
            Resource::Memory => spec.memory_limit != u64::MAX || host.is_some_and(|host| 0 < host.memory_bytes),
            Resource::Disk => host.is_some_and(|host| 0.0 < host.disk_iops || 0.0 < host.disk_bytes_per_s),
            Resource::Nic => host.is_some_and(|host| 0.0 < host.nic_bytes_per_s),
            Resource::Pool => true,
        };
        if !is_there {
            let message = format!("`{name}` has no such resource, or no limit to it, so it is never used up");
            let made = Diagnostic::new(Code::NotMeasurable, spot, message);
            self.tell(made.help("give it a `machine`, or say `cores: 4`; or scale by `arrivals per instance`"));
        }
    }

    /// Requests a second of all loads in the days before the run, as their curves of days and weeks have it.
    fn past(&self, forecast: &Forecast) -> Vec<f64> {
        let slots = forecast.slots();
        let begins = self.scenario.run.start_s - slots as f64 * SLOT_S;
        let begins = begins.rem_euclid(7.0 * 86_400.0);
        let mut past = vec![0.0; slots];
        for source in &self.model.sources {
            let (Demand::Open { rate, shape, .. } | Demand::Sessions { rate, shape, .. }) = &source.demand else {
                continue;
            };
            let curve = Shape { day: shape.day.clone(), week: shape.week, ..Shape::default() };
            for (slot, value) in past.iter_mut().enumerate() {
                *value += rate * curve.factor_at(begins, (slot as f64 + 0.5) * SLOT_S);
            }
        }
        past
    }
}

impl Model {
    /// The autoscaler of a component.
    pub fn scaler_of(&self, component: u16) -> Option<&Scaler> {
        self.scalers.iter().find(|scaler| scaler.component == component)
    }
}

/// The utilisation that the rule aims at.
fn full(rule: &Rule, readings: &[Reading]) -> f64 {
    let of_use = |reading: &&Reading| reading.probe.quantity == Quantity::Utilisation;
    let at = readings.iter().position(|reading| of_use(&reading));
    match (rule, at) {
        (Rule::Target(goals), Some(at)) => goals[at],
        (Rule::Hpa(spec), Some(at)) => match spec.metrics[at].target {
            Target::Utilisation(percent) => percent as f64 / 100.0,
            Target::Average(_) | Target::Value(_) => FULL,
        },
        _ => FULL,
    }
}
