//! From what was written to what it means: names become indices, sugar becomes steps, silence becomes defaults.
//!
//! The passes run in one order, each filling tables that later ones read: the offer of operations, keys, places and
//! components, programs with their edges, loads, faults, conditions, the plan of the run, prices. A mistake is pushed
//! and compilation goes on with the rest, so that all are told at once; a model comes out only if there was none. What
//! can go wrong: an index that no longer fits 16 bits, which is told as such and never wraps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Spot};
use crate::distribution::Distribution;
use crate::model::links::Between;
use crate::model::names::Names;
use crate::model::scale;
use crate::model::{Cause, Cell, FAILURES, Failure, Model, NONE16};
use crate::random::{Purpose, Stream};
use crate::scenario::fault::Act;
use crate::scenario::{Scenario, Step, Verb};
use crate::units::{Span, Time};

/// The model of a scenario, or `None` if anything forbids a run; mistakes and warnings go to `diags`.
pub fn compile(scenario: &Scenario, diags: &mut Diagnostics) -> Option<Model> {
    let whole = compile_whole(scenario, diags)?;
    if scenario.run.scale.value <= 1 {
        return Some(whole);
    }
    let small = scale::fewer(scenario, diags);
    // What the whole was warned of need not be told again of a part of it.
    let mut told = Diagnostics::new();
    let model = compile_whole(&small, &mut told);
    let failed = model.is_none();
    let model = scale::smaller(model.unwrap_or_else(|| whole.clone()), whole, scenario, diags);
    if failed && !diags.has_errors() {
        told.iter().filter(|told| told.severity == Severity::Error).for_each(|told| diags.push(told.clone()));
    }
    (!diags.has_errors()).then_some(model)
}

fn compile_whole(scenario: &Scenario, diags: &mut Diagnostics) -> Option<Model> {
    let names = Names::gather(scenario, diags);
    let mut compiler = Compiler::new(scenario, names, diags);
    compiler.check_run();
    compiler.compile_keys();
    compiler.compile_regions();
    compiler.compile_places();
    compiler.compile_components();
    compiler.check_names();
    compiler.compile_residency();
    compiler.compile_caches();
    compiler.compile_brokers();
    compiler.compile_events();
    compiler.compile_telemetry();
    compiler.compile_operations();
    compiler.check_states();
    compiler.compile_loads();
    compiler.compile_capacities();
    compiler.compile_scalers();
    compiler.compile_verticals();
    compiler.compile_spots();
    compiler.compile_faults();
    compiler.check_versions();
    compiler.compile_conditions();
    compiler.compile_plan();
    compiler.compile_prices();
    compiler.finish()
}

/// A model under construction and all that is only needed until it stands.
pub(super) struct Compiler<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) names: Names<'a>,
    pub(super) diags: &'a mut Diagnostics,
    pub(super) model: Model,
    /// Sampler by the key of its stream, so that a place asks for its draw twice and gets one.
    samplers: BTreeMap<u64, u16>,
    /// Mean of each sampler, for checks and for telling that a draw is always nothing.
    cells: BTreeMap<(String, Cause), u16>,
    pub(super) failures: BTreeMap<String, u8>,
    /// Locks, pools and limits that are already in the model, by what makes them the same.
    pub(super) locks: BTreeMap<(Option<String>, String), u16>,
    pub(super) pools: BTreeMap<String, u16>,
    /// Breakers and ejections by what they are and whose.
    pub(super) guards: BTreeMap<String, u16>,
    pub(super) limits: BTreeMap<String, u16>,
    pub(super) pipes: BTreeMap<String, u16>,
    /// What the author's arrows between places say, for each pair of places.
    pub(super) between: Vec<Between>,
    /// Pairs of regions whose link is needed and unknown, already told.
    pub(super) unlinked: BTreeSet<(u16, u16)>,
    /// Machine prices met while placing: owner, type, number, dollars an hour if known.
    pub(super) machines: Vec<(String, String, u32, Option<f64>)>,
    /// The same for machines that join later, each with its instance.
    pub(super) joining: Vec<(String, String, u32, Option<f64>)>,
    /// Where burn rates are asked for, and of what.
    pub(super) burns: Vec<(Spot, crate::model::Scope)>,
    /// Machines of instances that come and go.
    pub(super) elastic: Vec<(String, String, Range<u32>, Option<f64>)>,
    /// Tables that outgrew their 16 bits.
    full: BTreeMap<&'static str, usize>,
}

impl<'a> Compiler<'a> {
    fn new(scenario: &'a Scenario, names: Names<'a>, diags: &'a mut Diagnostics) -> Self {
        let mut compiler = Compiler {
            scenario,
            names,
            diags,
            model: Model::default(),
            samplers: BTreeMap::new(),
            cells: BTreeMap::new(),
            failures: BTreeMap::new(),
            locks: BTreeMap::new(),
            pools: BTreeMap::new(),
            guards: BTreeMap::new(),
            limits: BTreeMap::new(),
            pipes: BTreeMap::new(),
            between: Vec::new(),
            unlinked: BTreeSet::new(),
            machines: Vec::new(),
            joining: Vec::new(),
            burns: Vec::new(),
            elastic: Vec::new(),
            full: BTreeMap::new(),
        };
        compiler.name_failures();
        compiler
    }

    /// Takes a mistake.
    pub(super) fn tell(&mut self, diagnostic: Diagnostic) {
        self.diags.push(diagnostic);
    }

    /// The sampler of a distribution at a place; `path` and `purpose` are its address for ever.
    pub(super) fn draw(&mut self, path: &str, purpose: Purpose, distribution: &Distribution) -> u16 {
        let key = stream(path, purpose);
        if let Some(known) = self.samplers.get(&key) {
            return *known;
        }
        // Times are drawn in ns; counts and bytes as they are.
        let scale = if matches!(purpose, Purpose::Size | Purpose::Choice | Purpose::Session) { 1.0 } else { 1e9 };
        let index = self.model.samplers.add(distribution, key, scale);
        let index = self.index(index as usize, "different distributions");
        self.samplers.insert(key, index);
        index
    }

    /// Like `draw`, but `NONE16` for what is always zero or was not given.
    pub(super) fn draw_unless_zero(&mut self, path: &str, purpose: Purpose, given: Option<&Distribution>) -> u16 {
        match given {
            Some(distribution) if !is_zero(distribution) => self.draw(path, purpose, distribution),
            _ => NONE16,
        }
    }

    /// The cell of a component and a cause, numbered as they come; `settle_cells` puts them in order.
    pub(super) fn cell(&mut self, name: &str, cause: Cause) -> u16 {
        let next = self.index(self.cells.len(), "pairs of component and cause");
        *self.cells.entry((name.to_owned(), cause)).or_insert(next)
    }

    /// An index as 16 bits; one that does not fit is remembered and told at the end.
    pub(super) fn index(&mut self, index: usize, what: &'static str) -> u16 {
        match u16::try_from(index) {
            Ok(index) if index != NONE16 => index,
            _ => {
                let most = self.full.entry(what).or_insert(index);
                *most = index.max(*most);
                0
            }
        }
    }

    /// The number of a failure kind that occurs in the scenario.
    pub(super) fn failure(&self, kind: &str) -> Failure {
        Failure(*self.failures.get(kind).expect("all kinds were gathered before"))
    }

    /// The fixed kinds, then the author's own in the order of their names.
    fn name_failures(&mut self) {
        let mut own: Vec<&str> = Vec::new();
        for operation in every_body(self.scenario) {
            walk(operation, &mut |step| {
                if let Verb::Fail { kind, .. } = &step.verb.value {
                    own.push(kind);
                }
            });
        }
        for fault in self.scenario.faults.values() {
            if let Act::Errors { kind, .. } = &fault.value.act {
                own.push(kind);
            }
        }
        own.sort_unstable();
        own.dedup();
        own.retain(|kind| !FAILURES.contains(kind));
        for (number, kind) in FAILURES.iter().copied().chain(own).enumerate() {
            let number = self.index(number, "kinds of failure").min(u16::from(u8::MAX)) as u8;
            self.failures.insert(kind.to_owned(), number);
            self.model.failures.push(kind.to_owned());
        }
    }

    fn finish(mut self) -> Option<Model> {
        self.settle_cells();
        self.tell_full();
        if !self.diags.has_errors() {
            self.check();
        }
        (!self.diags.has_errors()).then_some(self.model)
    }

    fn tell_full(&mut self) {
        let spot = self.anywhere();
        for (what, count) in std::mem::take(&mut self.full) {
            let message = format!("the scenario needs {count} {what}, and 65,535 is the most that fits");
            self.diags.push(Diagnostic::new(Code::TooManyThings, spot, message));
        }
        if usize::from(u8::MAX) < self.model.failures.len() {
            let message = format!("{} kinds of failure are named, and 255 is the most", self.model.failures.len());
            self.diags.push(Diagnostic::new(Code::TooManyThings, spot, message));
        }
    }

    /// A place for what concerns the whole scenario.
    pub(super) fn anywhere(&self) -> Spot {
        let component = self.scenario.components.values().next().map(|component| component.spot);
        component.or(self.scenario.load.values().next().map(|load| load.spot)).unwrap_or_default()
    }

    /// Orders the cells by name and cause, and tells everyone who holds one.
    fn settle_cells(&mut self) {
        let mut new = vec![NONE16; self.cells.len()];
        for (order, ((name, cause), old)) in std::mem::take(&mut self.cells).into_iter().enumerate() {
            if let Some(slot) = new.get_mut(usize::from(old)) {
                *slot = order as u16;
            }
            self.model.cells.push(Cell { name, cause });
        }
        let mend = |cell: &mut u16| *cell = new.get(usize::from(*cell)).copied().unwrap_or(NONE16);
        self.model.each_cell(mend);
    }
}

impl Model {
    /// Shows every cell number that the tables hold, to change it.
    fn each_cell(&mut self, mut change: impl FnMut(&mut u16)) {
        for step in &mut self.steps {
            use crate::model::program::Step as S;
            if let S::Cpu { cell, .. }
            | S::Wait { cell, .. }
            | S::Io { cell, .. }
            | S::Pages { cell, .. }
            | S::Tell { cell, .. }
            | S::TellLate { cell, .. } = step
            {
                change(cell);
            }
        }
        for edge in &mut self.edges {
            let cells = [&mut edge.network_cell, &mut edge.backoff_cell, &mut edge.lost_cell, &mut edge.limit_cell];
            cells.into_iter().for_each(&mut change);
        }
        for pool in &mut self.pools {
            [&mut pool.wait_cell, &mut pool.connect_cell].into_iter().for_each(&mut change);
        }
        self.forks.iter_mut().for_each(|fork| change(&mut fork.lost_cell));
        self.lock_uses.iter_mut().for_each(|lock| change(&mut lock.cell));
        self.limits.iter_mut().for_each(|limit| change(&mut limit.cell));
        self.components.iter_mut().for_each(|component| change(&mut component.queue_cell));
        self.copies.iter_mut().for_each(|copies| change(&mut copies.wait_cell));
        self.logs.iter_mut().for_each(|log| [&mut log.disk_cell, &mut log.wait_cell].into_iter().for_each(&mut change));
        self.publish_uses.iter_mut().for_each(|used| change(&mut used.cell));
        self.windows.iter_mut().for_each(|window| change(&mut window.cell));
        self.event_stores.iter_mut().for_each(|store| change(&mut store.cell));
        self.replay_uses.iter_mut().for_each(|replay| change(&mut replay.cell));
        self.functions.iter_mut().for_each(|function| change(&mut function.cold_cell));
    }
}

/// The key of the stream of one purpose at one place: what the author sees, never an index.
pub(super) fn stream(path: &str, purpose: Purpose) -> u64 {
    Stream::new(0, 0, path, purpose).key
}

/// Whether draws from it are always nothing.
pub(super) fn is_zero(distribution: &Distribution) -> bool {
    distribution.mean() == 0.0
}

/// What parts there are, for advice.
pub(super) fn parts_of(name: &str, count: usize) -> String {
    match count {
        0 => "it has none".to_owned(),
        1 => format!("it has one, `{name}/0`"),
        _ => format!("they are `{name}/0` to `{name}/{}`", count - 1),
    }
}

pub(super) fn span(seconds: f64) -> Span {
    Span::from_secs_f64(seconds.max(0.0))
}

pub(super) fn time(seconds: f64) -> Time {
    Time(span(seconds).0)
}

/// A share as a threshold for 32 random bits.
pub(super) fn threshold(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 4294967296.0).round() as u64
}

/// Weights as cumulative thresholds; the last is exactly 2^32.
pub(super) fn cumulative(weights: impl IntoIterator<Item = f64>) -> Vec<u64> {
    let weights: Vec<f64> = weights.into_iter().collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut thresholds: Vec<u64> = Vec::with_capacity(weights.len());
    for weight in weights {
        sum += weight;
        thresholds.push(if 0.0 < total { threshold(sum / total) } else { 0 });
    }
    if let Some(last) = thresholds.last_mut() {
        *last = 1 << 32;
    }
    thresholds
}

/// Every list of steps that stands in the scenario: operations, what a gateway does, what replaces a failed call.
pub(super) fn every_body(scenario: &Scenario) -> Vec<&[Step]> {
    use crate::scenario::route::RouteTarget;
    use crate::scenario::{Fallback, Kind};
    let mut bodies: Vec<&[Step]> = Vec::new();
    for component in scenario.components.values() {
        bodies.extend(component.value.operations.values().map(|operation| &operation.value.steps[..]));
        let Kind::Gateway { before, routes } = &component.value.kind else { continue };
        bodies.push(before);
        for route in routes {
            if let RouteTarget::Steps(steps) = &route.to {
                bodies.push(steps);
            }
        }
    }
    for policy in &scenario.policies {
        if let Some(Fallback::Steps(steps)) = &policy.value.1.fallback {
            bodies.push(steps);
        }
    }
    bodies
}

/// Visits every step of a list and all lists inside it, in the order of the text.
pub(super) fn walk<'s>(steps: &'s [Step], visit: &mut impl FnMut(&'s Step)) {
    for step in steps {
        visit(step);
        for body in bodies(step) {
            walk(body, visit);
        }
    }
}

/// The lists of steps directly inside a step.
pub(super) fn bodies(step: &Step) -> Vec<&[Step]> {
    use crate::scenario::Fallback;
    let mut inside: Vec<&[Step]> = match &step.verb.value {
        Verb::Parallel { branches, .. } => branches.iter().map(|branch| &branch[..]).collect(),
        Verb::Each { body, .. } | Verb::Lock { body, .. } | Verb::Transaction { body, .. } | Verb::Spawn(body) => {
            vec![body]
        }
        Verb::Window(window) => vec![&window.body],
        Verb::Cached { miss, .. } => vec![miss],
        Verb::Saga(steps) => steps.iter().flat_map(|step| [&step.body[..], &step.undo[..]]).collect(),
        Verb::Get { hit, miss, .. } => vec![hit, miss],
        Verb::Choose(choices) => choices.iter().map(|choice| &choice.body[..]).collect(),
        _ => Vec::new(),
    };
    for fallback in [&step.fallback, &step.policy.fallback] {
        if let Some(Fallback::Steps(steps)) = fallback {
            inside.push(steps);
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole_whatever_the_weights() {
        for weights in [vec![1.0], vec![0.1; 10], vec![80.0, 20.0], vec![1.0 / 3.0; 3], vec![0.0, 1.0, 0.0]] {
            let thresholds = cumulative(weights.iter().copied());
            assert_eq!(Some(&(1 << 32)), thresholds.last());
            assert!(thresholds.is_sorted(), "{thresholds:?}");
        }
        assert_eq!(vec![3 << 30, 1 << 32], cumulative([3.0, 1.0]));
        assert!(cumulative([]).is_empty());
    }

    #[test]
    fn a_share_is_a_threshold_of_32_bits() {
        assert_eq!([0, 1 << 31, 1 << 32], [threshold(0.0), threshold(0.5), threshold(1.0)]);
        assert_eq!([0, 1 << 32], [threshold(-1.0), threshold(7.0)]);
    }

    #[test]
    fn an_address_depends_on_path_and_purpose_only() {
        assert_eq!(stream("web.show/cpu/0", Purpose::Service), stream("web.show/cpu/0", Purpose::Service));
        assert_ne!(stream("web.show/cpu/0", Purpose::Service), stream("web.show/cpu/1", Purpose::Service));
        assert_ne!(stream("web.show/cpu/0", Purpose::Service), stream("web.show/cpu/0", Purpose::Choice));
    }
}
