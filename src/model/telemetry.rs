//! Telemetry: who is watched, and what a visit, a reading and a span cost there.
//!
//! A watched operation begins with a step that writes its lines and its span; lines of a visit that failed, which are kept
//! whatever the sample, are a program of their own behind it, as is the reading of an instance's metrics.

use crate::diagnostic::{Code, Diagnostic};
use crate::distribution::Distribution;
use crate::model::compile::{Compiler, span, stream, threshold};
use crate::model::prices::{Metered, Price};
use crate::model::program::Step;
use crate::model::{Cause, NONE16};
use crate::random::Purpose;
use crate::scenario::{self, Kind};
use crate::units::Span;

#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    pub component: u16,
    pub key: u64,
    /// By component.
    pub watched: Vec<bool>,
    pub logs: Option<Logs>,
    pub metrics: Option<Metrics>,
    pub traces: Option<Traces>,
    /// Program that writes the lines of a visit that has failed, or `NONE16`.
    pub late: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logs {
    /// Samplers of the lines of a visit, and of the bytes and the time on a core of a line (`NONE16`: none).
    pub lines: u16,
    pub bytes: u16,
    pub cpu: u16,
    /// Share of 2^32 of the requests.
    pub sample: u64,
    pub keeps_errors: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    pub every: Span,
    /// Figures of one instance, and bytes of one reading of one.
    pub points: f64,
    pub bytes: f64,
    /// Program of a reading, or `NONE16` if it takes no time.
    pub program: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traces {
    pub sample: u64,
    pub tail: bool,
    pub keeps_errors: bool,
    pub slow: Option<Span>,
    pub bytes: u16,
    pub cpu: u16,
}

/// Kinds on whose machines no agent runs.
const ELSEWHERE: &[&str] = &["external", "store", "telemetry"];

impl<'a> Compiler<'a> {
    /// All telemetries, with the programs of their agents; before those of the operations that they watch.
    pub(super) fn compile_telemetry(&mut self) {
        let scenario = self.scenario;
        for (name, component) in &scenario.components {
            if let Kind::Telemetry(said) = &component.value.kind {
                self.telemetry(name, said);
            }
        }
    }

    fn telemetry(&mut self, name: &str, said: &'a scenario::telemetry::Telemetry) {
        let Some(component) = self.names.component(name) else { return };
        let watched = self.watched(said);
        let path = format!("components.{name}");
        let index = self.index(self.model.telemetry.len(), "telemetries");
        let logs = said.logs.as_ref().map(|logs| {
            let path = format!("{path}.logs");
            Logs {
                lines: self.draw(&format!("{path}.lines"), Purpose::Size, &logs.lines),
                bytes: self.draw(&format!("{path}.bytes"), Purpose::Size, &logs.bytes),
                cpu: self.draw_unless_zero(&format!("{path}.cpu"), Purpose::Service, Some(&logs.cpu)),
                sample: threshold(logs.sample),
                keeps_errors: logs.keeps_errors && logs.sample < 1.0,
            }
        });
        let traces = said.traces.as_ref().map(|traces| {
            let path = format!("{path}.traces");
            Traces {
                sample: threshold(traces.sample),
                tail: traces.tail,
                keeps_errors: traces.keeps_errors,
                slow: traces.slow_s.map(span),
                bytes: self.draw(&format!("{path}.bytes"), Purpose::Size, &traces.bytes),
                cpu: self.draw_unless_zero(&format!("{path}.cpu"), Purpose::Service, Some(&traces.cpu)),
            }
        });
        let metrics = said.metrics.as_ref().map(|metrics| self.metrics(name, metrics, &watched));
        let has_late = logs.as_ref().is_some_and(|logs| logs.keeps_errors && logs.cpu != NONE16);
        let late = if has_late { self.agent(name, |cell| Step::TellLate { telemetry: index, cell }) } else { NONE16 };
        let key = stream(&path, Purpose::Choice);
        self.model.telemetry.push(Telemetry { component, key, watched, logs, metrics, traces, late });
    }

    fn metrics(&mut self, name: &str, said: &scenario::telemetry::Metrics, watched: &[bool]) -> Metrics {
        let here = |station: &&crate::model::Station| watched[usize::from(station.component)];
        let instances = self.model.stations.iter().filter(here).count().max(1);
        let points = said.series / instances as f64;
        let cpu = Distribution::Constant(points * said.cpu_s);
        let draw = self.draw_unless_zero(&format!("components.{name}.metrics.cpu"), Purpose::Service, Some(&cpu));
        let program = if draw == NONE16 { NONE16 } else { self.agent(name, |cell| Step::Cpu { draw, cell }) };
        Metrics { every: span(said.every_s), points, bytes: said.bytes, program }
    }

    /// A program of one step.
    fn agent(&mut self, name: &str, step: impl FnOnce(u16) -> Step) -> u16 {
        let entry = self.next_step();
        let cell = self.cell(name, Cause::Cpu);
        self.model.steps.push(step(cell));
        self.model.steps.push(Step::Return);
        entry
    }

    fn watched(&mut self, said: &scenario::telemetry::Telemetry) -> Vec<bool> {
        let scenario = self.scenario;
        let has_agent = |kind: &Kind| match kind {
            Kind::Cache(cache) => cache.per.is_none(),
            kind => !ELSEWHERE.contains(&kind.word()),
        };
        let mut watched: Vec<bool> =
            scenario.components.values().map(|c| said.of.is_empty() && has_agent(&c.value.kind)).collect();
        for name in &said.of {
            let Some(number) = self.names.find_component(&name.value, name.spot, self.diags) else { continue };
            let Some(component) = scenario.components.get(&name.value) else { continue };
            if !has_agent(&component.value.kind) {
                let message = format!("no agent can run beside `{}`", name.value);
                let told = Diagnostic::new(Code::CannotWatch, name.spot, message);
                self.tell(told.help("watch whoever calls it"));
            }
            watched[usize::from(number)] = true;
        }
        watched
    }

    /// Numbers of the telemetries that write down what an operation of this component does.
    pub(super) fn watchers(&self, component: u16) -> Vec<u16> {
        let watches = |(_, telemetry): &(u16, &Telemetry)| {
            telemetry.watched[usize::from(component)] && (telemetry.logs.is_some() || telemetry.traces.is_some())
        };
        (0..).zip(&self.model.telemetry).filter(watches).map(|(number, _)| number).collect()
    }

    pub(super) fn telemetry_prices(&mut self) {
        for number in 0..self.model.telemetry.len() {
            let component = self.model.telemetry[number].component;
            let name = self.names.components[usize::from(component)].to_owned();
            let Kind::Telemetry(said) = &self.scenario.components[&name].value.kind else { continue };
            let mut add = |what: &'static str, unit: &str, metered: Metered| {
                self.model.prices.push(Price { component: name.clone(), what, unit: unit.to_owned(), metered });
            };
            if 0.0 < said.price_per_byte {
                add("bytes taken in", "GB", Metered::Taken { component, each: said.price_per_byte });
            }
            for (tier, seconds, each) in &said.retain {
                let what = match *tier {
                    "hot" => "hot storage",
                    "warm" => "warm storage",
                    _ => "cold storage",
                };
                add(what, "GB month", Metered::Kept { component, seconds: *seconds, each: *each });
            }
        }
    }
}

impl crate::model::Model {
    /// Mean seconds of a core that a visit spends on being written down.
    pub fn telling_s(&self, telemetry: u16) -> f64 {
        let telemetry = &self.telemetry[usize::from(telemetry)];
        let share = |sample: u64| sample as f64 / 4294967296.0;
        let logs = telemetry.logs.map_or(0.0, |l| share(l.sample) * self.mean(l.lines) * self.mean(l.cpu));
        let traces = telemetry.traces.map_or(0.0, |t| if t.tail { 1.0 } else { share(t.sample) } * self.mean(t.cpu));
        logs + traces
    }
}
