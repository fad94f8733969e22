//! The traffic equations: what the loads ask of every resource, by arithmetic, before anything is simulated.
//!
//! Visits satisfy `v = a + v C`, where `a` is what the loads ask for and `C` the expected calls from one operation to
//! another (Jackson 1963); offered load is visits times mean time held, in Erlang (Little 1961). Times are means without
//! any waiting, so offered load is a lower bound: what exceeds its capacity here cannot work. What can go wrong: retries,
//! failures and `when` are left out (the first attempt succeeds, brown-outs are off), every look in a cache is a hit, and
//! pages count as disk operations only by the share of the data that does not fit the pool.

use std::collections::BTreeMap;

use crate::model::loads::{Demand, RequestClass, Source};
use crate::model::program::{Edge, Fork, Need, Step};
use crate::model::{Model, NONE, NONE16, Operation};
use crate::policy::balance::Balance;
use crate::policy::replication::Mode;
use crate::units::Span;

/// Expected flows and loads, per second of simulated time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Requests that the loads create a second; of them those of open loads, which do not slow down under overload.
    pub created: f64,
    pub open: f64,
    /// Visits a second, and mean seconds of a visit without any waiting, per operation.
    pub visits: Vec<f64>,
    pub seconds: Vec<f64>,
    /// Every limited resource that is used.
    pub offered: Vec<Offered>,
}

/// Load of one resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offered {
    pub what: Resource,
    /// Uses a second, and mean seconds that each holds.
    pub rate: f64,
    pub held_s: f64,
    /// Erlang: how many would be busy on average if there were enough.
    pub load: f64,
    /// How many there are.
    pub capacity: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Workers or connections of all instances of a component.
    Slots {
        component: u16,
    },
    /// Of one host.
    Cores {
        host: u32,
    },
    Disk {
        host: u32,
    },
    Nic {
        host: u32,
    },
    /// All connections of all owners of a pool.
    Pool {
        pool: u16,
    },
}

/// Rounds of the fixed point; an open cycle of calls that has not settled by then grows without end.
const ROUNDS: usize = 500;

/// What one visit of an operation does at its own component, and whom it calls.
#[derive(Clone, Debug, Default)]
struct Visit {
    /// Core seconds at speed 1.
    cpu: f64,
    disk_ops: f64,
    disk_bytes: f64,
    bytes_out: f64,
    /// Seconds spent waiting for answers.
    blocked: f64,
    /// Calls through each edge.
    calls: BTreeMap<u16, f64>,
}

impl Model {
    /// Solves the traffic equations for the mean load of the run.
    pub fn traffic(&self) -> Traffic {
        let seconds = self.visit_seconds();
        let visits: Vec<Visit> =
            (0..self.operations.len()).map(|operation| self.visit(operation, &seconds).0).collect();
        let (open, closed) = self.asked(&seconds);
        let all: Vec<f64> = open.iter().zip(&closed).map(|(open, closed)| open + closed).collect();
        let flow = self.flow(&all, &visits);
        let offered = self.offered(&flow, &visits, &seconds);
        Traffic { created: all.iter().sum(), open: open.iter().sum(), visits: flow, seconds, offered }
    }

    /// Mean seconds of a visit without waiting; calls in a circle settle or stop growing after so many rounds.
    fn visit_seconds(&self) -> Vec<f64> {
        let mut seconds = vec![0.0; self.operations.len()];
        for _ in 0..ROUNDS {
            let next: Vec<f64> = (0..seconds.len()).map(|operation| self.visit(operation, &seconds).1).collect();
            let is_settled = next.iter().zip(&seconds).all(|(new, old)| (new - old).abs() <= 1e-12 * (1.0 + old));
            seconds = next;
            if is_settled {
                break;
            }
        }
        seconds
    }

    fn visit(&self, operation: usize, seconds: &[f64]) -> (Visit, f64) {
        let operation = &self.operations[operation];
        // How many messages come in one batch shows only in the run.
        let topic = self.topics.get(usize::from(operation.topic)).and_then(|topic| topic.in_log);
        if topic.is_some_and(|topic| topic.is_gathered) {
            return (Visit::default(), 0.0);
        }
        let speed = self.speed(operation.component);
        let mut walker =
            Walker { model: self, seconds, speed, component: operation.component, visit: Visit::default() };
        let time = walker.walk(operation.entry, 1.0);
        (walker.visit, time)
    }

    /// Mean speed of the hosts of a component.
    fn speed(&self, component: u16) -> f64 {
        let stations = self.stations_of(component);
        let speeds =
            stations.iter().map(|station| self.hosts.get(station.host as usize).map_or(1.0, |host| host.speed));
        let total: f64 = speeds.sum();
        if stations.is_empty() { 1.0 } else { total / stations.len() as f64 }
    }

    fn stations_of(&self, component: u16) -> &[crate::model::Station] {
        let component = &self.components[usize::from(component)];
        let first = component.first as usize;
        self.stations.get(first..first + component.count as usize).unwrap_or_default()
    }

    /// Requests a second for each operation from open loads, and from closed clients if nothing made them wait.
    fn asked(&self, seconds: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut open = vec![0.0; self.operations.len()];
        let mut closed = vec![0.0; self.operations.len()];
        for source in &self.sources {
            let shares = self.shares(source);
            let asked = if matches!(source.demand, Demand::Closed { .. }) { &mut closed } else { &mut open };
            self.ask(asked, &shares, self.rate(source, &shares, seconds));
        }
        (open, closed)
    }

    /// Requests a second of each load, if nothing made closed clients wait.
    pub(super) fn source_rates(&self) -> Vec<f64> {
        let seconds = self.visit_seconds();
        let rate = |source: &Source| {
            let shares = self.shares(source);
            self.rate(source, &shares, &seconds) * shares.iter().map(|(_, share)| share).sum::<f64>()
        };
        self.sources.iter().map(rate).collect()
    }

    /// Classes of a load, and how many of each a request (of a session: all its steps) stands for.
    fn shares(&self, source: &Source) -> Vec<(u16, f64)> {
        if let Demand::Sessions { steps, .. } = &source.demand {
            return steps.iter().map(|step| (step.class, self.mean(step.times_draw))).collect();
        }
        let mut before = 0;
        let share = |(threshold, class): &(u64, u16)| {
            let share = (threshold - before) as f64 / 4294967296.0;
            before = *threshold;
            (*class, share)
        };
        source.requests.iter().map(share).collect()
    }

    /// Requests (sessions) a second.
    fn rate(&self, source: &Source, shares: &[(u16, f64)], seconds: &[f64]) -> f64 {
        match &source.demand {
            Demand::Closed { clients, think_draw } => {
                let mean: f64 = shares.iter().map(|(class, share)| share * self.class_seconds(*class, seconds)).sum();
                f64::from(*clients) / (self.mean(*think_draw) + mean).max(1e-9)
            }
            Demand::Sessions { rate, shape, .. } | Demand::Open { rate, shape, .. } => {
                rate * shape.mean(self.run.start_s, self.horizon_s())
            }
            Demand::Every { every, .. } => 1.0 / every.secs().max(1e-9),
            Demand::Trace { times } => times.len() as f64 / times.last().map_or(1.0, |last| last.secs().max(1e-9)),
        }
    }

    fn ask(&self, asked: &mut [f64], shares: &[(u16, f64)], rate: f64) {
        for (class, share) in shares {
            asked[usize::from(self.classes[usize::from(*class)].operation)] += rate * share;
        }
    }

    fn class_seconds(&self, class: u16, seconds: &[f64]) -> f64 {
        let RequestClass { edge, .. } = self.classes[usize::from(class)];
        call_seconds(&self.edges[usize::from(edge)], seconds)
    }

    /// Length of the run, over which rates are averaged; a day where it is known in requests only.
    fn horizon_s(&self) -> f64 {
        self.run.duration.map_or(86_400.0, Span::secs)
    }

    /// Mean of a sampler; 0 for none.
    pub(super) fn mean(&self, draw: u16) -> f64 {
        if draw == NONE16 { 0.0 } else { self.samplers.mean(draw) }
    }

    /// Visits a second of each operation.
    fn flow(&self, asked: &[f64], visits: &[Visit]) -> Vec<f64> {
        let mut flow = asked.to_vec();
        for _ in 0..ROUNDS {
            let mut next = asked.to_vec();
            for (operation, visit) in visits.iter().enumerate() {
                for (edge, calls) in &visit.calls {
                    self.spread(&mut next, *edge, flow[operation] * calls);
                }
                for (hearer, share) in self.hearers(operation as u16) {
                    next[usize::from(hearer)] += flow[operation] * share;
                }
            }
            let is_settled = next.iter().zip(&flow).all(|(new, old)| (new - old).abs() <= 1e-12 * (1.0 + old));
            flow = next;
            if is_settled || flow.iter().any(|rate| 1e15 < *rate) {
                break;
            }
        }
        flow
    }

    fn spread(&self, flow: &mut [f64], edge: u16, calls: f64) {
        let mut before = 0;
        for (threshold, operation) in &self.edges[usize::from(edge)].targets {
            flow[usize::from(*operation)] += calls * (threshold - before) as f64 / 4294967296.0;
            before = *threshold;
        }
    }

    fn offered(&self, flow: &[f64], visits: &[Visit], seconds: &[f64]) -> Vec<Offered> {
        let mut books = Books::default();
        for (number, operation) in self.operations.iter().enumerate() {
            let (rate, visit) = (flow[number], &visits[number]);
            if rate <= 0.0 {
                continue;
            }
            let component = &self.components[usize::from(operation.component)];
            if component.slots != NONE {
                let held = if component.waits_async { seconds[number] - visit.blocked } else { seconds[number] };
                let nodes = self.caches.get(usize::from(component.cache)).filter(|cache| !cache.read_any);
                let serving = nodes.map_or(component.count, |cache| cache.nodes);
                let capacity = f64::from(component.slots) * f64::from(serving);
                books.add(Resource::Slots { component: operation.component }, rate, rate * held.max(0.0), capacity);
            }
            self.on_hosts(&mut books, operation, rate, visit);
            self.on_replicas(&mut books, operation, rate, seconds);
            for (edge, calls) in &visit.calls {
                let edge = &self.edges[usize::from(*edge)];
                self.on_pool(&mut books, edge, rate * calls, seconds);
            }
        }
        // The classes of one load and operation, one for each place, share their call.
        for class in self.classes.chunk_by(|a, b| a.edge == b.edge).filter_map(|alike| alike.first()) {
            let edge = &self.edges[usize::from(class.edge)];
            self.on_pool(&mut books, edge, flow[usize::from(class.operation)], seconds);
        }
        books.settle()
    }

    fn on_pool(&self, books: &mut Books, edge: &Edge, rate: f64, seconds: &[f64]) {
        let Some(pool) = self.pools.get(usize::from(edge.pool)) else { return };
        let owners = self.components.get(usize::from(pool.owner)).map_or(1, |owner| owner.count);
        let capacity = f64::from(pool.size) * f64::from(owners);
        books.add(Resource::Pool { pool: edge.pool }, rate, rate * call_seconds(edge, seconds), capacity);
    }

    /// Books what replicas do to repeat a write, and other copies for the reads of a quorum.
    fn on_replicas(&self, books: &mut Books, operation: &Operation, rate: f64, seconds: &[f64]) {
        let component = &self.components[usize::from(operation.component)];
        let Some(copies) = self.copies.get(usize::from(component.copies)) else { return };
        if operation.replay == NONE16 {
            return;
        }
        let speed = self.speed(operation.component);
        let mut walker =
            Walker { model: self, seconds, speed, component: operation.component, visit: Visit::default() };
        walker.walk(operation.replay, 1.0);
        let (shards, each) = (f64::from(copies.map.shards()), f64::from(copies.each()));
        for (instance, station) in self.stations_of(operation.component).iter().enumerate() {
            let is_primary = (instance as u32).is_multiple_of(copies.each());
            if copies.instances_at_start() <= instance as u32 {
                continue;
            }
            let share = match (operation.writes, is_primary) {
                (true, _) if matches!(copies.mode, Mode::MultiPrimary(_)) => (each - 1.0) / (shards * each),
                (true, true) => 0.0,
                (true, false) => 1.0 / shards,
                (false, _) => f64::from(copies.mode.asks()) / (shards * each),
            };
            self.on_host(books, station.host, rate * share, &walker.visit);
        }
    }

    /// Books cores, disks and network of the hosts of a component, by the share of requests each instance gets.
    fn on_hosts(&self, books: &mut Books, operation: &Operation, rate: f64, visit: &Visit) {
        let stations = self.stations_of(operation.component);
        let component = &self.components[usize::from(operation.component)];
        let copies = self.copies.get(usize::from(component.copies));
        let cache = self.caches.get(usize::from(component.cache));
        let balance = &component.balance;
        let is_even = !matches!(
            balance,
            Balance::Weighted(_)
                | Balance::LeastConnections
                | Balance::LeastWork
                | Balance::LeastLatency
                | Balance::JoinIdle
                | Balance::Choices(_)
        );
        let total: f64 = stations.iter().map(|station| if is_even { 1.0 } else { station.weight }).sum();
        for (instance, station) in stations.iter().enumerate() {
            let even = (if is_even { 1.0 } else { station.weight }) / total;
            let instance = instance as u32;
            let of_node = cache.and_then(|cache| cache.share(operation, instance));
            let share = copies.map(|copies| copies.share(operation, instance)).or(of_node).unwrap_or(even);
            self.on_host(books, station.host, rate * share, visit);
        }
    }

    /// So many visits a second at one host.
    fn on_host(&self, books: &mut Books, number: u32, rate: f64, visit: &Visit) {
        let Some(host) = self.hosts.get(number as usize) else { return };
        let mut book = |what: Resource, each: f64, capacity: f64| {
            if 0.0 < each && 0.0 < rate {
                books.add(what, rate, rate * each, capacity);
            }
        };
        let cores = if host.cores == NONE { f64::INFINITY } else { f64::from(host.cores) };
        book(Resource::Cores { host: number }, visit.cpu / host.speed, cores);
        let by_count = if 0.0 < host.disk_iops { visit.disk_ops / host.disk_iops } else { 0.0 };
        let by_bytes = if 0.0 < host.disk_bytes_per_s { visit.disk_bytes / host.disk_bytes_per_s } else { 0.0 };
        book(Resource::Disk { host: number }, by_count.max(by_bytes), 1.0);
        if 0.0 < host.nic_bytes_per_s {
            book(Resource::Nic { host: number }, visit.bytes_out / host.nic_bytes_per_s, 1.0);
        }
    }
}

/// Rate, load and capacity by resource.
#[derive(Default)]
struct Books(BTreeMap<Resource, (f64, f64, f64)>);

impl Books {
    fn add(&mut self, what: Resource, rate: f64, load: f64, capacity: f64) {
        let entry = self.0.entry(what).or_insert((0.0, 0.0, capacity));
        entry.0 += rate;
        entry.1 += load;
    }

    fn settle(self) -> Vec<Offered> {
        let one = |(what, (rate, load, capacity)): (Resource, (f64, f64, f64))| {
            let held_s = if 0.0 < rate { load / rate } else { 0.0 };
            Offered { what, rate, held_s, load, capacity }
        };
        self.0.into_iter().map(one).collect()
    }
}

/// Goes once through a program with the probability of being at each step.
struct Walker<'m> {
    model: &'m Model,
    seconds: &'m [f64],
    speed: f64,
    component: u16,
    visit: Visit,
}

impl Walker<'_> {
    /// Mean seconds from the entry to the end; demands are added to the visit, `weight` times.
    fn walk(&mut self, entry: u16, weight: f64) -> f64 {
        let mut mass: BTreeMap<u16, f64> = BTreeMap::from([(entry, 1.0)]);
        let mut time = 0.0;
        while let Some((pc, here)) = mass.pop_first() {
            let Some(step) = self.model.steps.get(usize::from(pc)).copied() else { break };
            let mut to = |pc: u16, share: f64| {
                if 0.0 < share {
                    *mass.entry(pc).or_insert(0.0) += share;
                }
            };
            match step {
                Step::Return => {}
                Step::Fail { .. } => {
                    if let Some(target) = self.handler(pc) {
                        to(target, here);
                    }
                }
                Step::Jump { to: target } | Step::Unless { to: target, .. } | Step::UnlessWorn { to: target } => {
                    to(target, here);
                }
                // Every look is a hit: how many are not shows only in the run.
                Step::Found { hit, .. } => to(hit, here),
                Step::Branch { chance, to: target } | Step::BranchBy { chance, to: target, .. } => {
                    let share = self.model.chances[usize::from(chance)].share as f64 / 4294967296.0;
                    to(target, here * share);
                    to(pc + 1, here * (1.0 - share));
                }
                _ => {
                    to(pc + 1, here);
                    time += here * self.step(step, here * weight);
                }
            }
        }
        time
    }

    /// Where a failure at this step goes on.
    fn handler(&self, pc: u16) -> Option<u16> {
        let covers = |handler: &&crate::model::program::Handler| handler.from <= pc && pc < handler.to;
        self.model.handlers.iter().find(covers).map(|handler| handler.target)
    }

    /// Mean seconds of a step that does not jump; it happens `weight` times a visit.
    fn step(&mut self, step: Step, weight: f64) -> f64 {
        let model = self.model;
        match step {
            Step::Cpu { draw, .. } => {
                let demand = model.mean(draw);
                self.visit.cpu += weight * demand;
                demand / self.speed
            }
            Step::Tell { telemetry, .. } => {
                let demand = model.telling_s(telemetry);
                self.visit.cpu += weight * demand;
                demand / self.speed
            }
            Step::Wait { draw, .. } => model.mean(draw),
            Step::Io { io, .. } => {
                let io = &model.ios[usize::from(io)];
                let count = model.mean(io.reads) + model.mean(io.writes);
                self.visit.disk_bytes += weight * count * model.mean(io.bytes);
                self.disk(count, weight)
            }
            Step::Pages { pages, .. } => {
                let count = model.mean(model.page_uses[usize::from(pages)].count);
                let buffer = model.components[usize::from(self.component)].buffer.as_ref();
                let misses =
                    buffer.map_or(0.0, |buffer| (1.0 - buffer.pages as f64 / buffer.data_pages as f64).clamp(0.0, 1.0));
                // A popular row is likelier to be kept, so a key makes this an upper bound; it is left out then.
                let misses = if buffer.is_some_and(|buffer| buffer.key != NONE16) { 0.0 } else { misses };
                self.disk(count * misses, weight)
            }
            Step::Call { edge } => {
                *self.visit.calls.entry(edge).or_insert(0.0) += weight;
                let time = call_seconds(&model.edges[usize::from(edge)], self.seconds);
                self.visit.blocked += weight * time;
                time
            }
            Step::Fork { fork } => self.fork(&model.forks[usize::from(fork)], weight),
            Step::Spawn { entry } => {
                let blocked = self.visit.blocked;
                self.walk(entry, weight);
                self.visit.blocked = blocked;
                0.0
            }
            Step::Gather { used, .. } => {
                if let Some(edge) = model.batch_call(used) {
                    *self.visit.calls.entry(edge).or_insert(0.0) += weight;
                }
                0.0
            }
            Step::Sync { wal, .. } => model.mean(model.wals[usize::from(wal)].sync_draw),
            Step::Respond { draw } => {
                self.visit.bytes_out += weight * model.mean(draw);
                0.0
            }
            _ => 0.0,
        }
    }

    fn disk(&mut self, count: f64, weight: f64) -> f64 {
        self.visit.disk_ops += weight * count;
        let host = self.model.stations_of(self.component).first().map(|station| station.host);
        let iops = host.and_then(|host| self.model.hosts.get(host as usize)).map_or(0.0, |host| host.disk_iops);
        if 0.0 < iops { count / iops } else { 0.0 }
    }

    fn fork(&mut self, fork: &Fork, weight: f64) -> f64 {
        if let Some(copies) = self.model.copies.get(usize::from(fork.shards)) {
            let blocked = self.visit.blocked;
            let shards = f64::from(copies.map.shards());
            let time = fork.entries.first().map_or(0.0, |entry| self.walk(*entry, weight * shards));
            self.visit.blocked = blocked + weight * time;
            return time;
        }
        if fork.times != NONE16 {
            let times = self.model.mean(fork.times);
            let blocked = self.visit.blocked;
            let once = fork.entries.first().map_or(0.0, |entry| self.walk(*entry, weight * times));
            let time = if fork.sequence { once * times } else { once };
            self.visit.blocked = blocked + weight * time;
            return time;
        }
        let blocked = self.visit.blocked;
        let mut times: Vec<f64> = fork.entries.iter().map(|entry| self.walk(*entry, weight)).collect();
        times.sort_by(f64::total_cmp);
        let needed = match fork.need {
            Need::All => times.len(),
            Need::First(count) => count as usize,
            Need::Share(share) => (share * times.len() as f64).ceil() as usize,
        };
        let time = times.get(needed.clamp(1, times.len().max(1)) - 1).copied().unwrap_or(0.0);
        self.visit.blocked = blocked + weight * time;
        time
    }
}

/// There and back, and what the callee takes; never longer than the caller waits.
fn call_seconds(edge: &Edge, seconds: &[f64]) -> f64 {
    let mut before = 0;
    let mut callee = 0.0;
    for (threshold, operation) in &edge.targets {
        callee += (threshold - before) as f64 / 4294967296.0 * seconds[usize::from(*operation)];
        before = *threshold;
    }
    let whole = callee + edge.round_trip_s;
    if edge.timeout.0 == 0 { whole } else { whole.min(edge.timeout.secs()) }
}
