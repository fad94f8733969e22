//! A world at time 0.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::calendar::Calendar;
use crate::engine::arrive::{Beside, Steady};
use crate::engine::broker::Post;
use crate::engine::buffer::Buffer;
use crate::engine::cache::Caches;
use crate::engine::copies;
use crate::engine::elastic::Elastic;
use crate::engine::fault::surged;
use crate::engine::filter;
use crate::engine::guard::{Guards, shortcut};
use crate::engine::keys::Values;
use crate::engine::lock::Locks;
use crate::engine::naming;
use crate::engine::near;
use crate::engine::observe::Observer;
use crate::engine::pods::Pods;
use crate::engine::pool::{Pool, PoolStats};
use crate::engine::replica;
use crate::engine::residency::Outside;
use crate::engine::rows::Effort;
use crate::engine::sampling;
use crate::engine::timer::{Timer, Timers};
use crate::engine::trouble::Incidents;
use crate::engine::wal::Log;
use crate::engine::world::{
    Call, Choice, Course, Entry, Flow, Fluid, Frame, Group, Host, Line, Ns, Request, Ring, Route, Slab, Source,
    Station, World, flag, gate,
};
use crate::measure::gauge::Gauge;
use crate::measure::histogram::Histogram;
use crate::model::loads::Demand;
use crate::model::region::Origin;
use crate::model::{self, Act, Model, NONE, NONE16, Scope};
use crate::policy::arrivals::{ArrivalState, Arrivals, Shape};
use crate::policy::balance::{Balance, Balancer};
use crate::policy::discipline::{Fair, Order, Ranked};
use crate::policy::shed::Shed;
use crate::random::{Stream, mix};
use crate::record::Stopped;
use crate::scenario::condition::{Quantity, Stat};

impl<'m> World<'m> {
    /// Everything empty (or prefilled), nothing planned yet.
    pub(super) fn new(m: &'m Model, seed: u64, replication: u32) -> World<'m> {
        let salt = mix(mix(seed) ^ u64::from(replication));
        let mut calendar = Calendar::new();
        let stride = m.cells.len().next_multiple_of(4).max(4);
        let beside = stream_beside(m, salt);
        let (rings, ring_of) = rings(m, &mut calendar);
        let mut timers = Vec::new();
        let sources = (0..m.sources.len()).map(|s| source(m, s, salt, &mut timers, &mut calendar));
        let sources = sources.collect();
        let hosts = (0..m.hosts.len()).map(|h| host(m, h, &mut calendar)).collect();
        let extended = needs_calls(m);
        let per_frame =
            size_of::<Frame>() + size_of::<Request>() + stride * 4 + 48 + if extended { size_of::<Call>() } else { 0 };
        let mut world = World {
            frame_limit: (m.run.memory_bytes as usize / per_frame).clamp(1024, 1 << 22),
            extended,
            stations: (0..m.stations.len() as u32).map(|s| station(m, s)).collect(),
            lines: m.stations.iter().map(|s| line(&m.components[s.component as usize].order)).collect(),
            groups: m.components.iter().map(|c| group(m, c, salt)).collect(),
            operations: flows(m, m.operations.len(), Scope::Operation),
            classes: flows(m, m.classes.len(), Scope::Class),
            filtered: flows(m, m.filters.len(), Scope::With),
            hosts,
            rings,
            ring_of,
            timers: Timers { all: timers, ..Timers::default() },
            sources,
            pool_stats: m.pools.iter().map(|_| PoolStats::new()).collect(),
            logs: if m.wals.is_empty() { Vec::new() } else { vec![Log::default(); m.stations.len()] },
            buffers: m.stations.iter().map(|s| buffer(&m.components[s.component as usize])).collect(),
            entries: m.classes.iter().map(|c| entry(m, c)).collect(),
            routes: m.operations.iter().map(|o| route(m, o)).collect(),
            beside,
            ..World::empty(m, salt, stride, calendar)
        };
        world.course.samples = sampling::plan(m, salt, world.horizon);
        world.find_mirrors();
        world.make_pools();
        world.close_future_shards();
        world.close_copies_of_nodes();
        world.close_future_instances();
        world.prefill();
        world.fill_copies_of_nodes();
        world
    }

    /// Nobody in it and nothing planned; what follows from the model's tables is still missing.
    fn empty(m: &'m Model, salt: u64, stride: usize, calendar: Calendar) -> World<'m> {
        World {
            m,
            samplers: &m.samplers,
            salt,
            calendar,
            now: 0,
            horizon: m.run.duration.map_or(Ns::MAX / 2, |d| d.0.min(Ns::MAX / 2)),
            events: 0,
            event_limit: m.run.events,
            frame_limit: 0,
            stopped: Stopped::Done,
            ready: Vec::new(),
            ready_next: 0,
            frames: Vec::new(),
            calls: Vec::new(),
            extended: false,
            free_frame: NONE,
            in_flight: 0,
            requests: Vec::new(),
            free_requests: Vec::new(),
            cells: Vec::new(),
            stride,
            stations: Vec::new(),
            lines: Vec::new(),
            groups: Vec::new(),
            operations: Vec::new(),
            classes: Vec::new(),
            filtered: Vec::new(),
            hosts: Vec::new(),
            dirty: Vec::new(),
            rings: Vec::new(),
            ring_of: Vec::new(),
            timers: Timers::default(),
            sources: Vec::new(),
            clients: Slab::new(),
            pools: Vec::new(),
            pool_base: Vec::new(),
            pool_stats: Vec::new(),
            connections: FxHashMap::default(),
            guards: Guards::new(m),
            pipes: vec![Fluid::default(); m.pipes.len()],
            joins: Slab::new(),
            locks: Locks::default(),
            contexts: Slab::new(),
            values: Values::new(m),
            replication: replica::all(m),
            maps: m.copies.iter().map(|copies| copies.map.clone()).collect(),
            moving: Vec::new(),
            transactions: FxHashMap::default(),
            begun: 0,
            kept: vec![0; m.stations.len()],
            logs: Vec::new(),
            buffers: Vec::new(),
            caches: Caches::new(m, salt),
            post: Post::new(m),
            incidents: Incidents::default(),
            elastic: Elastic::new(m, salt),
            paused: 0,
            next_arrival: (Ns::MAX, u64::MAX),
            beside: None,
            entries: Vec::new(),
            routes: Vec::new(),
            shortcuts: m.edges.iter().map(|edge| shortcut(m, edge)).collect(),
            fault_periods: vec![Vec::new(); m.faults.len()],
            course: course(m),
            effort: Effort::new(stride, m.edges.len()),
            observer: Observer::new(m, stride),
        }
    }

    /// A class that enters its target directly, and is the only one to ask for it, has its target's figures.
    fn find_mirrors(&mut self) {
        let m = self.m;
        let asked = |operation: u16| m.edges.iter().flat_map(|e| &e.targets).filter(|(_, o)| *o == operation).count();
        for (c, class) in m.classes.iter().enumerate() {
            let flow = &mut self.classes[c];
            let places = m.classes.iter().filter(|other| other.edge == class.edge).count();
            let alone = places == 1 && asked(class.operation) == 1 && m.edges[class.edge as usize].plain;
            if alone && !flow.tracked && !self.operations[class.operation as usize].tracked {
                flow.mirror = class.operation;
            }
        }
    }

    /// One pool for each instance of its owner.
    fn make_pools(&mut self) {
        for (p, spec) in self.m.pools.iter().enumerate() {
            self.pool_base.push(self.pools.len() as u32);
            let owners = if spec.owner == NONE16 { 1 } else { self.m.components[spec.owner as usize].count };
            for _ in 0..owners {
                self.pools.push(Pool { spec: p as u16, size: spec.size, used: 0, opened: 0, line: VecDeque::new() });
            }
        }
    }
}

/// The first stationary Poisson load needs no place in the calendar.
fn stream_beside(m: &Model, salt: u64) -> Option<Beside> {
    if m.run.sampling.is_some() {
        return None;
    }
    let stream = (0..m.sources.len() as u16).find_map(|source| steady(m, source, salt))?;
    let key = mix(m.sources[stream.source as usize].key ^ salt);
    Some(Beside { stream, key, address: 0, count: 0, next_address: 0, next_gap: 0 })
}

/// The stream of a load that is stationary and Poisson.
fn steady(m: &Model, source: u16, salt: u64) -> Option<Steady> {
    let spec = &m.sources[source as usize];
    let surges = |fault: &model::Fault| matches!(fault.act, Act::Surge { source: surged, .. } if surged == source);
    if m.faults.iter().any(surges) {
        return None;
    }
    match &spec.demand {
        Demand::Open { rate, arrivals: Arrivals::Poisson, shape } if *shape == Shape::default() && 0.0 < *rate => {
            Some(Steady { source, gap: 1e9 / rate, key: mix(mix(spec.key ^ salt) ^ GAPS) })
        }
        _ => None,
    }
}

fn route(m: &Model, operation: &model::Operation) -> Route {
    let spec = &m.components[operation.component as usize];
    let involved = spec.sticky.is_some()
        || spec.copies != NONE16
        || spec.prefers
        || spec.balance_key != NONE16
        || matches!(spec.balance, Balance::LeastWork);
    let choice = match () {
        () if spec.count == 1 && spec.health.is_none() => Choice::Only,
        () if involved => Choice::Involved,
        () => Choice::Plain,
    };
    let proxy = spec.cache != NONE16
        || spec.topic != NONE16
        || spec.events != NONE16
        || matches!(spec.kind, "balancer" | "gateway");
    let releases = spec.waits_async && spec.slots != NONE;
    let flags = flag::COUNTED | if releases { flag::ASYNC } else { 0 };
    Route { component: operation.component, entry: operation.entry, flags, choice, proxy, first: spec.first }
}

fn entry(m: &Model, class: &model::loads::RequestClass) -> Entry {
    let source = &m.sources[class.source as usize];
    let place_key = if let Origin::Key(key) = source.origin { key } else { NONE16 };
    Entry { plain: m.edges[class.edge as usize].plain, priority: source.priority, place_key }
}

fn course(m: &Model) -> Course {
    let request_limit = m.run.requests.unwrap_or(u64::MAX);
    let patience = m.sources.iter().any(|s| s.patience_draw != NONE16);
    Course { created: 0, finished: 0, request_limit, next_mark: u64::MAX, patience, samples: None }
}

/// Distinguishes the gaps of a source from its other draws.
const GAPS: u64 = 0x6761_7073;

fn source(m: &Model, s: usize, salt: u64, timers: &mut Vec<Timer>, calendar: &mut Calendar) -> Source {
    let spec = &m.sources[s];
    let key = mix(spec.key ^ salt);
    let gaps = Stream { key: mix(key ^ GAPS) };
    let start = m.run.start_s;
    let arrivals = match &spec.demand {
        Demand::Open { rate, arrivals, shape } => {
            Some(ArrivalState::new(*rate, arrivals, &surged(m, s as u16, salt, shape), start, gaps))
        }
        Demand::Sessions { rate, shape, .. } => {
            Some(ArrivalState::new(*rate, &Arrivals::Poisson, &surged(m, s as u16, salt, shape), start, gaps))
        }
        _ => None,
    };
    timers.push(Timer::Source(s as u16));
    let steady = steady(m, s as u16, salt);
    Source { key, count: 0, arrivals, steady, timer: timers.len() as u32 - 1, slot: calendar.own_slot(), done: false }
}

/// Whether any program needs more of a frame than its cache line.
fn needs_calls(m: &Model) -> bool {
    m.edges.iter().any(|e| !e.plain)
        || !m.forks.is_empty()
        || !m.lock_uses.is_empty()
        || !m.transactions.is_empty()
        || m.steps.iter().any(model::program::Step::needs_calls)
        || m.caches.iter().any(|cache| cache.is_state)
        || !m.faults.is_empty()
}

/// A ring for each edge with a timeout.
fn rings(m: &Model, calendar: &mut Calendar) -> (Vec<Ring>, Vec<u32>) {
    let mut rings = Vec::new();
    let of = m.edges.iter().map(|edge| {
        if edge.timeout.0 == 0 {
            return NONE;
        }
        rings.push(Ring { due: VecDeque::new(), slot: calendar.own_slot() });
        rings.len() as u32 - 1
    });
    let of = of.collect();
    (rings, of)
}

fn station(m: &Model, s: u32) -> Station {
    let spec = &m.stations[s as usize];
    let component = &m.components[spec.component as usize];
    let speed = if spec.host == NONE { 1.0 } else { m.hosts[spec.host as usize].speed };
    let memory = 0 < component.memory_each;
    let (at_door, at_turn) = component.shed.as_ref().map_or((false, false), Shed::acts);
    let forbidden = m.is_forbidden_to_some(s);
    let checks = component.limit != NONE16 || 0 < component.coin || memory || at_door || forbidden;
    let ordered = !matches!(component.order, Order::Fifo);
    Station {
        free: component.slots,
        queued: 0,
        limit: component.queue_limit,
        head: NONE,
        tail: NONE,
        host: spec.host,
        component: spec.component,
        gate: if checks { gate::CHECKS } else { 0 }
            | if ordered { gate::ORDERED } else { 0 }
            | if at_turn { gate::SHEDS } else { 0 },
        scale: 1.0 / speed,
        busy: Gauge::default(),
        waiting: Gauge::default(),
        arrivals: 0,
        left: 0,
        reneged: 0,
        waits: 0,
        held: 0,
        queue_max: 0,
        epoch: 0,
        up_since: 0,
        up_ns: 0,
    }
}

fn line(order: &Order) -> Option<Line> {
    match order {
        Order::Fifo => None,
        Order::Lifo | Order::AdaptiveLifo => Some(Line::Stack(VecDeque::new())),
        Order::Priority | Order::Deadline => Some(Line::Ranked(Ranked::new())),
        Order::Fair(_) => Some(Line::Fair(Fair::new())),
    }
}

fn group(m: &Model, spec: &model::Component, salt: u64) -> Group {
    let stations = &m.stations[spec.first as usize..(spec.first + spec.count) as usize];
    let weights: Vec<f64> = stations.iter().map(|s| s.weight).collect();
    // What an instance can do at once: its workers, but no more than its cores.
    let cores = stations.iter().filter(|s| s.host != NONE).map(|s| m.hosts[s.host as usize].cores).min();
    let at_once = cores.map_or(spec.slots, |cores| cores.min(spec.slots));
    let mut balancer = Balancer::new(&spec.balance, &weights, at_once, mix(spec.key ^ salt));
    if let Some(copies) = m.copies.get(spec.copies as usize) {
        balancer.set_roles(&copies::roles(copies, |_, copy| copy == 0));
    } else if let Some((_, cells)) = spec.cells {
        balancer.set_cells(cells);
    } else if spec.prefers {
        let (groups, wishes) = near::groups(m, spec, stations);
        balancer.set_groups(&groups, wishes);
    }
    Group {
        balancer,
        first: spec.first,
        wait: Histogram::new(),
        at_once: 0,
        service: Histogram::new(),
        arrivals: 0,
        rejected: vec![0; m.failures.len()],
        page_hits: 0,
        page_misses: 0,
        bytes_out: 0.0,
        injected: Vec::new(),
        sticky: FxHashMap::default(),
        outside: Outside::default(),
        reclaims: 0,
        name: spec.naming.as_ref().map(|naming| Box::new(naming::name(m, naming))),
    }
}

fn flows(m: &Model, count: usize, scope: fn(u16) -> Scope) -> Vec<Flow> {
    let asked = |i: usize| {
        let probes = m.watches.iter().map(|w| &w.probe).chain(m.probes());
        let mut most = probes.filter(|p| p.quantity == Quantity::InFlight && p.stat == Some(Stat::Max));
        let at = scope(i as u16);
        let filtered = m.filters.iter().any(|filter| filter::covers(m, filter.scope, at));
        filtered
            || matches!(at, Scope::With(_))
            || most.any(|p| filter::covers(m, p.scope, at) || matches!(p.scope, Scope::Component(_)))
    };
    (0..count)
        .map(|i| Flow {
            offered: 0,
            answered: 0,
            ok: Histogram::new(),
            failed: Histogram::new(),
            kinds: vec![0; m.failures.len()],
            mirror: NONE16,
            tracked: asked(i),
            now: 0,
            most: 0,
        })
        .collect()
}

fn host(m: &Model, h: usize, calendar: &mut Calendar) -> Host {
    let spec = &m.hosts[h];
    let stations = (0..m.stations.len() as u32).filter(|&s| m.stations[s as usize].host == h as u32);
    let stations: Vec<u32> = stations.collect();
    let pods = Pods::of(m, h, &stations);
    Host {
        cores: spec.cores,
        sharing: spec.sharing && pods.is_none(),
        pods,
        dirty: false,
        paused: false,
        slot: calendar.own_slot(),
        served: 0,
        last: 0,
        jobs: Vec::new(),
        line: VecDeque::new(),
        free: spec.cores,
        core_ns: 0,
        disk: Fluid::default(),
        nic: Fluid::default(),
        iops: spec.disk_iops,
        disk_rate: spec.disk_bytes_per_s,
        nic_rate: spec.nic_bytes_per_s,
        disk_ops: 0,
        memory_limit: if spec.memory_bytes == 0 { u64::MAX } else { spec.memory_bytes },
        stations,
    }
}

fn buffer(spec: &model::Component) -> Option<Buffer> {
    spec.buffer.as_ref().map(|b| Buffer::new(b.pages, b.data_pages, b.rows_per_page))
}
