//! What is legal but surely not meant, and what only shows once everything is resolved: arithmetic before simulating.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic, Spot};
use crate::model::compile::{Compiler, bodies, every_body, walk};
use crate::model::program::Step;
use crate::model::traffic::{Offered, Resource, Traffic};
use crate::model::{Model, NONE, NONE16, Operation};
use crate::scenario;
use crate::scenario::Verb;
use crate::units;

impl Compiler<'_> {
    /// All checks; the model must be whole.
    pub(super) fn check(&mut self) {
        for body in every_body(self.scenario) {
            self.check_answers(body, &mut None);
        }
        self.check_cycles();
        if self.diags.has_errors() {
            return;
        }
        let traffic = self.model.traffic();
        self.check_overload(&traffic);
        self.check_unused();
        self.check_pools();
        self.check_disks();
    }

    /// An operation answers once on every path, and not from inside a branch. `answered` is where it did.
    fn check_answers(&mut self, steps: &[scenario::Step], answered: &mut Option<Spot>) {
        for step in steps {
            match &step.verb.value {
                Verb::Respond(_) => {
                    if let Some(first) = *answered {
                        let made = Diagnostic::new(Code::RespondTwice, step.verb.spot, "this path answers twice");
                        self.tell(made.note_at(first, "it has answered here"));
                    }
                    *answered = answered.or(Some(step.verb.spot));
                }
                Verb::Choose(choices) => {
                    let before = *answered;
                    for choice in choices {
                        let mut path = before;
                        self.check_answers(&choice.body, &mut path);
                        *answered = answered.or(path);
                    }
                }
                Verb::Cached { miss, .. } => self.check_answers(miss, answered),
                Verb::Get { hit, miss, .. } => {
                    let mut path = *answered;
                    self.check_answers(hit, &mut path);
                    self.check_answers(miss, answered);
                    *answered = answered.or(path);
                }
                Verb::Lock { body, .. } | Verb::Transaction { body, .. } => self.check_answers(body, answered),
                Verb::Saga(steps) => steps.iter().for_each(|step| self.check_answers(&step.body, answered)),
                Verb::Parallel { .. } | Verb::Each { .. } | Verb::Spawn(_) | Verb::Window(_) => {
                    self.forbid_answers(step);
                }
                _ => {}
            }
        }
    }

    fn forbid_answers(&mut self, step: &scenario::Step) {
        for body in bodies(step) {
            walk(body, &mut |inner| {
                if let Verb::Respond(_) = inner.verb.value {
                    let message = "an operation cannot answer from inside `parallel`, `each` or `spawn`";
                    let made = Diagnostic::new(Code::RespondInside, inner.verb.spot, message);
                    self.diags.push(made.help("answer before or after it"));
                }
            });
        }
    }

    /// Calls in a circle: an error where a request could never end, a warning where a `choose` leaves it.
    fn check_cycles(&mut self) {
        let ends = self.model.that_can_end();
        for operation in 0..self.model.operations.len() as u16 {
            let Some(circle) = self.model.circle(operation) else { continue };
            if circle.iter().min() != Some(&operation) {
                continue;
            }
            let names: Vec<String> = circle
                .iter()
                .chain([&operation])
                .map(|at| {
                    let (component, name) = self.end_of(*at);
                    format!("`{component}.{name}`")
                })
                .collect();
            let spot = self.written(self.model.operations[usize::from(operation)].component).spot;
            let path = names.join(" calls ");
            let made = if ends.contains(&operation) {
                Diagnostic::new(Code::CycleWithExit, spot, format!("calls go round in a circle: {path}"))
            } else {
                let made = Diagnostic::new(Code::CallCycle, spot, format!("calls go round without an end: {path}"));
                made.help("leave the circle by a `choose`, or remove one of the calls")
            };
            self.tell(made);
        }
    }

    /// Offered load beyond capacity. Closed clients slow down by themselves, so without open loads nothing grows.
    fn check_overload(&mut self, traffic: &Traffic) {
        if traffic.open <= 0.0 {
            return;
        }
        let mut worst: BTreeMap<String, Offered> = BTreeMap::new();
        for offered in traffic.offered.iter().filter(|offered| offered.capacity <= offered.load) {
            let owner = self.model.owner(offered.what);
            let entry = worst.entry(owner).or_insert(*offered);
            if entry.load / entry.capacity < offered.load / offered.capacity {
                *entry = *offered;
            }
        }
        for (owner, offered) in worst {
            let capacity = traffic.created * offered.capacity / offered.load;
            let made = Diagnostic::new(Code::Overload, self.spot_of(&owner), self.model.too_much(&owner, &offered));
            let comes = match offered.what {
                Resource::Slots { component } if self.model.components[usize::from(component)].queue_limit < NONE => {
                    "its queue fills up, and what comes on top fails as `queue_full`"
                }
                _ => "any run will grow its queue until it times out",
            };
            self.tell(made.note(format!("{comes}; capacity is about {} of user traffic", rps(capacity))));
        }
    }

    fn spot_of(&self, owner: &str) -> Spot {
        let component = self.scenario.components.get(owner).map(|component| component.spot);
        let host = self.scenario.hosts.get(owner).map(|host| host.spot);
        component.or(host).unwrap_or_else(|| self.anywhere())
    }

    /// Components that no load reaches.
    fn check_unused(&mut self) {
        let reached = self.model.reached();
        for (number, (name, component)) in self.scenario.components.iter().enumerate() {
            let is_used = self.model.operations.iter().enumerate().any(|(operation, offered)| {
                usize::from(offered.component) == number && reached.contains(&(operation as u16))
            });
            let is_watcher = self.model.copies.iter().filter_map(|copies| copies.failover.as_ref()).any(|failover| {
                self.model.components.get(number).is_some_and(|spec| failover.watchers.contains(&spec.first))
            });
            let is_asked = is_watcher
                || self.model.edges.iter().any(|edge| usize::from(edge.name) == number)
                || matches!(component.value.kind, crate::scenario::Kind::Telemetry(_));
            if !is_used && !is_asked {
                let message = format!("nothing ever calls `{name}`");
                self.diags.push(Diagnostic::new(Code::UnusedComponent, component.spot, message));
            }
        }
        for (name, host) in &self.scenario.hosts {
            let first = self.model.hosts.iter().position(|host| host.name == format!("{name}/0"));
            if !self.model.stations.iter().any(|station| Some(station.host as usize) == first) {
                let message = format!("nothing stands on `{name}`");
                self.diags.push(Diagnostic::new(Code::UnusedComponent, host.spot, message));
            }
        }
    }

    /// Pools of all callers together that exceed what their target accepts.
    fn check_pools(&mut self) {
        let mut asked: BTreeMap<u16, (u64, Vec<String>)> = BTreeMap::new();
        for pool in &self.model.pools {
            let owners = self.model.components.get(usize::from(pool.owner)).map_or(1, |owner| owner.count);
            let entry = asked.entry(pool.target).or_default();
            entry.0 += u64::from(pool.size) * u64::from(owners);
            entry.1.push(format!("`{}` {owners} x {}", pool.name, pool.size));
        }
        for (target, (connections, pools)) in asked {
            let target = &self.model.components[usize::from(target)];
            let accepted = u64::from(target.slots) * u64::from(target.count);
            let is_database = target.slots_are == crate::scenario::condition::Resource::Connections;
            if is_database && target.slots != NONE && accepted < connections {
                let name = target.name.clone();
                let message = format!("pools may open {connections} connections to `{name}`, which accepts {accepted}");
                let made = Diagnostic::new(Code::PoolTooLarge, self.spot_of(&name), message);
                self.tell(made.note(pools.join(", ")).help("make the pools smaller, or let the database accept more"));
            }
        }
    }

    /// Disk operations where no disk limits them.
    fn check_disks(&mut self) {
        let reached = self.model.reached();
        let mut told = BTreeSet::new();
        for operation in &reached {
            let operation = &self.model.operations[usize::from(*operation)];
            let component = &self.model.components[usize::from(operation.component)];
            let host = self.model.stations.get(component.first as usize).map(|station| station.host);
            let host = host.and_then(|host| self.model.hosts.get(host as usize));
            let has_disk = host.is_some_and(|host| 0.0 < host.disk_iops || 0.0 < host.disk_bytes_per_s);
            let uses =
                self.model.program(operation.entry).any(|step| matches!(step, Step::Io { .. } | Step::Pages { .. }));
            if uses && !has_disk {
                told.insert(component.name.clone());
            }
        }
        for name in told {
            let message = format!("`{name}` uses a disk, but none is given, so that takes no time");
            let made = Diagnostic::new(Code::NoDisk, self.spot_of(&name), message);
            self.tell(made.help("give it a `machine`, or `disk: {iops: 3000}`"));
        }
    }
}

impl Model {
    /// Operations that loads can reach.
    fn reached(&self) -> BTreeSet<u16> {
        let mut reached: BTreeSet<u16> = self.classes.iter().map(|class| class.operation).collect();
        let mut open: Vec<u16> = reached.iter().copied().collect();
        while let Some(operation) = open.pop() {
            let hearers = self.hearers(operation).into_iter().map(|(hearer, _)| hearer);
            let hearers = hearers.chain(self.given_up_to(operation));
            for callee in self.callees(operation).into_iter().chain(hearers) {
                if reached.insert(callee) {
                    open.push(callee);
                }
            }
        }
        reached
    }

    /// All steps of a program and of those it starts.
    pub(super) fn program(&self, entry: u16) -> impl Iterator<Item = Step> {
        let mut steps = Vec::new();
        let mut open = vec![entry];
        while let Some(entry) = open.pop() {
            let rest = self.steps.get(usize::from(entry)..).unwrap_or_default();
            let length = rest.iter().position(|step| matches!(step, Step::Return)).map_or(rest.len(), |at| at + 1);
            for step in &rest[..length] {
                match step {
                    Step::Fork { fork } => open.extend(&self.forks[usize::from(*fork)].entries),
                    Step::Spawn { entry } | Step::Window { entry, .. } => open.push(*entry),
                    _ => {}
                }
                steps.push(*step);
            }
        }
        steps.into_iter()
    }

    /// Operations that this one may call.
    pub(super) fn callees(&self, operation: u16) -> BTreeSet<u16> {
        let Operation { entry, component, .. } = self.operations[usize::from(operation)];
        let edges = self.program(entry).filter_map(|step| match step {
            Step::Call { edge } => Some(edge),
            Step::Gather { used, .. } => self.batch_call(used),
            _ => None,
        });
        let called = edges.flat_map(|edge| self.edges[usize::from(edge)].targets.iter().map(|(_, to)| *to));
        // A node asks the shield for the same: that circle has one turn at most.
        let is_shield = |to: &u16| *to == operation && self.components[usize::from(component)].cache != NONE16;
        called.filter(|to| !is_shield(to)).collect()
    }

    /// The shortest way by calls from an operation back to itself, without the return.
    fn circle(&self, start: u16) -> Option<Vec<u16>> {
        let mut from: BTreeMap<u16, u16> = BTreeMap::new();
        let mut open = std::collections::VecDeque::from([start]);
        while let Some(at) = open.pop_front() {
            for callee in self.callees(at) {
                if callee == start {
                    let mut way = vec![at];
                    while let Some(before) = way.last().filter(|last| **last != start).and_then(|last| from.get(last)) {
                        way.push(*before);
                    }
                    way.reverse();
                    return Some(way);
                }
                from.entry(callee).or_insert_with(|| {
                    open.push_back(callee);
                    at
                });
            }
        }
        None
    }

    /// Operations from whose entry some path leads to the end through calls that can end themselves.
    fn that_can_end(&self) -> BTreeSet<u16> {
        let mut ends: BTreeSet<u16> = BTreeSet::new();
        loop {
            let more: Vec<u16> = (0..self.operations.len() as u16)
                .filter(|operation| !ends.contains(operation))
                .filter(|operation| self.can_end(self.operations[usize::from(*operation)].entry, &ends))
                .collect();
            if more.is_empty() {
                return ends;
            }
            ends.extend(more);
        }
    }

    fn can_end(&self, entry: u16, ends: &BTreeSet<u16>) -> bool {
        let mut open = vec![entry];
        let mut seen = BTreeSet::new();
        while let Some(pc) = open.pop() {
            let Some(step) = self.steps.get(usize::from(pc)).filter(|_| seen.insert(pc)) else { continue };
            let passes = match step {
                Step::Return | Step::Fail { .. } | Step::Rethrow => return true,
                Step::Jump { to } => {
                    open.push(*to);
                    false
                }
                Step::Branch { chance, to } | Step::BranchBy { chance, to, .. } => {
                    if 0 < self.chances[usize::from(*chance)].share {
                        open.push(*to);
                    }
                    self.chances[usize::from(*chance)].share < 1 << 32
                }
                Step::Unless { to, .. }
                | Step::UnlessWorn { to }
                | Step::UnlessCaught { to, .. }
                | Step::UnlessShield { to, .. }
                | Step::Again { to, .. }
                | Step::Dedupe { to, .. }
                | Step::Stale { to, .. } => {
                    open.push(*to);
                    true
                }
                Step::Found { hit, early } => {
                    open.extend([*hit, *early]);
                    true
                }
                Step::Call { edge } => self.edges[usize::from(*edge)].targets.iter().any(|(_, to)| ends.contains(to)),
                Step::Fork { fork } => {
                    self.forks[usize::from(*fork)].entries.iter().all(|entry| self.can_end(*entry, ends))
                }
                Step::Spawn { entry } | Step::Window { entry, .. } => self.can_end(*entry, ends),
                _ => true,
            };
            if passes {
                open.push(pc + 1);
            }
        }
        false
    }

    /// Whom people hold responsible for a resource: the component, or the host it shares.
    pub fn owner(&self, what: Resource) -> String {
        match what {
            Resource::Slots { component } => self.components[usize::from(component)].name.clone(),
            Resource::Cores { host } | Resource::Disk { host } | Resource::Nic { host } => {
                let name = &self.hosts[host as usize].name;
                name.split_once('/').map_or(name.as_str(), |(owner, _)| owner).to_owned()
            }
            Resource::Pool { pool } => {
                let pool = &self.pools[usize::from(pool)];
                let owner = self.components.get(usize::from(pool.owner));
                owner.map_or_else(|| pool.name.clone(), |owner| owner.name.clone())
            }
        }
    }

    /// "`db` cannot keep up: 1,440 rps × 8 ms needs 11.5 busy connections, it has 8".
    fn too_much(&self, owner: &str, offered: &Offered) -> String {
        let Offered { what, rate, held_s, load, capacity } = *offered;
        let work = format!("{} × {}", rps(rate), time(held_s));
        let (needed, there) = (units::human_count((load * 10.0).round() / 10.0), units::human_count(capacity));
        match what {
            Resource::Slots { component } => {
                let component = &self.components[usize::from(component)];
                let are = if component.slots_are == crate::scenario::condition::Resource::Connections {
                    "connections"
                } else {
                    "workers"
                };
                format!("`{owner}` cannot keep up: {work} needs {needed} busy {are}, it has {there}")
            }
            Resource::Cores { host } => {
                let host = &self.hosts[host as usize].name;
                format!("`{owner}` cannot keep up: {work} on `{host}` needs {needed} busy cores, it has {there}")
            }
            Resource::Disk { host } | Resource::Nic { host } => {
                let device = if matches!(what, Resource::Disk { .. }) { "disk" } else { "network" };
                let (host, busy) = (&self.hosts[host as usize].name, (load * 100.0).round());
                format!("`{owner}` cannot keep up: {work} keeps the {device} of `{host}` busy {busy}% of the time")
            }
            Resource::Pool { pool } => {
                let pool = &self.pools[usize::from(pool)].name;
                format!("the pool `{pool}` is too small: {work} needs {needed} connections, it has {there}")
            }
        }
    }
}

/// "1,440 rps".
fn rps(rate: f64) -> String {
    let text = units::human_rate(rate);
    match text.strip_suffix("/s") {
        Some(number) => format!("{number} rps"),
        None => text,
    }
}

/// "8 ms".
fn time(seconds: f64) -> String {
    let text = units::human_time(seconds);
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    format!("{} {unit}", number.trim_end_matches(".0"))
}
