//! Looking at the system without touching it: snapshots, windows, watches, the slowest requests.

use std::collections::VecDeque;

use crate::engine::events::Streams;
use crate::engine::filter;
use crate::engine::heat;
use crate::engine::timer::Timer;
use crate::engine::world::{Flow, Ns, OBSERVE, State, TIMER, World, flag, row};
use crate::model::{Component, Model, NONE, NONE16, Probe, Scope};
use crate::probe::{self, Between};
use crate::record::{
    CacheTally, ComponentTally, Exemplar, Mark, PartSeries, PoolTally, Record, Sampled, Series, Snapshot, Stopped,
    Tallies, Tracked, TrackedKind,
};
use crate::scenario::condition::Quantity;
use crate::units::{Span, Time};

/// Latency buckets of the tail: 8 an octave from 1 ns to 2^48 ns.
pub(super) const BUCKETS: usize = 48 << 3;
/// Finished requests between two looks at where the slowest tenth begins.
const REVIEW: u32 = 4096;
/// Slowest requests kept.
const SLOWEST: usize = 10;

#[derive(Debug)]
pub(super) struct Observer {
    pub(super) window: Ns,
    pub(super) slot: u32,
    pub(super) timer: u32,
    pub(super) series: Series,
    /// Cumulative figures at the end of the last window, in the order of `series.busy`.
    last: Vec<(u128, u128)>,
    /// Look-ups that found theirs and those that did not, in the order of `series.hits`.
    pub(super) last_of_hits: Vec<(u64, u64)>,
    /// The same of `series.parts`: answers and failures.
    last_of_parts: Vec<(u64, u64)>,
    last_at: Ns,
    last_counts: [u64; 3],
    last_sum: u64,
    snapshots: Vec<Snapshot>,
    /// Snapshots of the last looks, as far back as the longest `over`.
    history: VecDeque<Snapshot>,
    /// Maxima since the last snapshot, and since the last look.
    peaks: [Peaks; 2],
    longest: Ns,
    looks: Vec<Vec<f64>>,
    holding: Vec<bool>,
    /// (requests, ticks per cell) per latency bucket, flat.
    tail: Vec<u64>,
    stride: usize,
    /// Latencies of the requests that have finished in this window, coarsely (32 buckets an octave), and of those before.
    fresh: Box<[u32; BUCKETS << 2]>,
    before: Vec<u32>,
    /// Latency from which requests count as slow.
    slow: Ns,
    /// Latency from which a request is among the slowest so far, if it counts as slow.
    bar: Ns,
    until_review: u32,
    exemplars: Vec<Exemplar>,
    /// Requests at random, with the draws that chose them.
    drawn: Vec<(u64, Exemplar)>,
    pub(super) sampled: Vec<Sampled>,
}

/// The longest queue of each station, and the most in flight of each flow: classes, operations, filters.
#[derive(Clone, Debug, Default)]
struct Peaks {
    queues: Vec<u32>,
    flows: Vec<u64>,
    letters: Vec<[u64; 2]>,
}

const SNAPSHOT: usize = 0;
const LOOK: usize = 1;

impl Observer {
    pub(super) fn new(model: &Model, stride: usize) -> Observer {
        let watches = model.watches.len();
        Observer {
            window: model.run.window.0.max(1),
            slot: NONE,
            timer: NONE,
            series: Series {
                window: model.run.window,
                busy: tracked(model),
                parts: parts(model),
                hits: heat::kept(model),
                ..Series::default()
            },
            last: Vec::new(),
            last_of_hits: Vec::new(),
            last_of_parts: Vec::new(),
            last_at: 0,
            last_counts: [0; 3],
            last_sum: 0,
            snapshots: Vec::new(),
            history: VecDeque::new(),
            peaks: [Peaks::default(), Peaks::default()],
            longest: longest(model),
            looks: vec![Vec::new(); watches],
            holding: vec![false; watches],
            tail: vec![0; BUCKETS * (stride + 1)],
            stride,
            fresh: Box::new([0; BUCKETS << 2]),
            before: vec![0; BUCKETS << 2],
            slow: 0,
            bar: 0,
            until_review: REVIEW,
            exemplars: Vec::new(),
            drawn: Vec::new(),
            sampled: Vec::new(),
        }
    }

    /// Whether the watch's test held at its last look.
    pub(super) fn holds(&self, watch: u16) -> bool {
        self.holding[watch as usize]
    }

    /// A request has left after so long, with this row of time; whether that is worth a closer look.
    #[inline(always)]
    pub(super) fn finished(&mut self, took: Ns, cells: &[u32]) -> bool {
        let bucket = bucket_of(took);
        self.fresh[bucket] += 1;
        if self.slow <= took {
            self.slow_one(bucket >> 2, cells);
        }
        self.until_review -= 1;
        if self.until_review == 0 {
            self.review();
        }
        self.bar <= took
    }

    /// Keeps a request if it is among the slowest so far.
    pub(super) fn keep(&mut self, seen: Exemplar) {
        let at = self.exemplars.partition_point(|known| seen.latency <= known.latency);
        self.exemplars.insert(at, seen);
        self.exemplars.truncate(SLOWEST);
        self.raise_bar();
    }

    /// Keeps a request if its draw is among the lowest so far: each is as likely as any other.
    pub(super) fn keep_drawn(&mut self, draw: u64, seen: Exemplar) {
        let at = self.drawn.partition_point(|(known, _)| *known <= draw);
        if at < SLOWEST {
            self.drawn.insert(at, (draw, seen));
            self.drawn.truncate(SLOWEST);
        }
    }

    fn slow_one(&mut self, bucket: usize, cells: &[u32]) {
        let from = bucket * (self.stride + 1);
        let entry = &mut self.tail[from..=from + self.stride];
        entry[0] += 1;
        for (sum, &ticks) in entry[1..].iter_mut().zip(cells) {
            *sum += u64::from(ticks);
        }
    }

    /// Where the slowest tenth begins by now: only from there on are rows folded by bucket.
    #[cold]
    fn review(&mut self) {
        self.until_review = REVIEW;
        let counts =
            || self.fresh.iter().zip(&self.before).map(|(&fresh, &before)| u64::from(fresh) + u64::from(before));
        let tenth = counts().sum::<u64>() / 10;
        let mut above = 0;
        let bucket = counts().enumerate().rev().find(|(_, count)| {
            above += count;
            tenth <= above
        });
        // Whole buckets of the tail are complete from here on.
        self.slow = bucket.map_or(0, |(b, _)| edge(b & !3) as Ns);
        self.raise_bar();
    }

    fn raise_bar(&mut self) {
        let tenth = if self.exemplars.len() < SLOWEST { None } else { self.exemplars.last() };
        self.bar = self.slow.max(tenth.map_or(0, |e| e.latency.0 + 1));
    }

    /// Quantile of the latencies since the last window, seconds.
    fn recent(&self, q: f64) -> f32 {
        let total: u32 = self.fresh.iter().sum();
        let target = f64::from(total) * q;
        let mut below = 0.0;
        for (octave, counts) in self.fresh.chunks(32).enumerate() {
            let all = f64::from(counts.iter().sum::<u32>());
            if all == 0.0 || below + all < target {
                below += all;
                continue;
            }
            for (i, &count) in counts.iter().enumerate().filter(|(_, count)| 0 < **count) {
                let count = f64::from(count);
                if target <= below + count {
                    let (low, high) = (edge(octave * 32 + i), edge(octave * 32 + i + 1));
                    return ((low + (high - low) * ((target - below) / count)) * 1e-9) as f32;
                }
                below += count;
            }
        }
        f32::NAN
    }

    /// The window is over: its latencies are among those before.
    fn forget_fresh(&mut self) {
        for (before, fresh) in self.before.iter_mut().zip(self.fresh.iter_mut()) {
            *before += std::mem::take(fresh);
        }
    }
}

/// How far back what the looks saw may be asked for.
fn longest(model: &Model) -> Ns {
    let watches = model.watches.iter().map(|w| w.over.0);
    let scalers = model.scalers.iter().map(|s| s.window.0 + s.every.0 * (s.lag as u64 + 1));
    watches.chain(scalers).max().unwrap_or(0)
}

fn bucket_of(ns: Ns) -> usize {
    let i = ((ns as i64 as f64).to_bits() >> 47) as usize;
    i.saturating_sub(1023 << 5).min((BUCKETS << 2) - 1)
}

/// Lower edge of a coarse bucket, ns.
fn edge(bucket: usize) -> f64 {
    if bucket == 0 { 0.0 } else { f64::from_bits((bucket as u64 + (1023 << 5)) << 47) }
}

/// The parts of the system whose time to recover is asked for.
fn parts(model: &Model) -> Vec<PartSeries> {
    let asked = model.probes().filter(|probe| probe.quantity == Quantity::Rto).map(|probe| probe.scope);
    let mut scopes: Vec<Scope> = Vec::new();
    for scope in asked.filter(|scope| matches!(scope, Scope::Component(_) | Scope::Operation(_))) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.into_iter().map(|scope| PartSeries { scope, ok: Vec::new(), failed: Vec::new() }).collect()
}

/// The resources whose use over time is kept: per component its slots, per owner of hosts their cores, disks, cards and
/// memory together, and single hosts that a measure asks for.
fn tracked(model: &Model) -> Vec<Tracked> {
    let entry = |what, index: usize, hosts: usize| Tracked {
        what,
        index: index as u32,
        hosts: hosts as u32,
        ..Tracked::default()
    };
    let mut list = Vec::new();
    for (c, component) in model.components.iter().enumerate() {
        if component.slots != NONE {
            list.push(entry(TrackedKind::Slots, c, 0));
        }
    }
    let owner = |h: usize| model.hosts[h].name.split('/').next();
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for h in 0..model.hosts.len() {
        match groups.last_mut() {
            Some((first, count)) if owner(*first) == owner(h) => *count += 1,
            _ => groups.push((h, 1)),
        }
    }
    for h in 0..model.hosts.len() {
        let asked = |probe: &Probe| match probe.scope {
            Scope::Host(host) => host as usize == h,
            Scope::Station(station) => model.stations[station as usize].host as usize == h,
            Scope::Stations(first, count) => {
                (first..first + count).any(|station| model.stations[station as usize].host as usize == h)
            }
            _ => false,
        };
        let mut probes = model.probes().chain(model.run.precision.iter().map(|(probe, ..)| probe));
        if probes.any(asked) && !groups.contains(&(h, 1)) {
            groups.push((h, 1));
        }
    }
    for (first, count) in groups {
        let hosts = &model.hosts[first..first + count];
        list.push(entry(TrackedKind::Cores, first, count));
        if hosts.iter().any(|host| 0.0 < host.disk_iops || 0.0 < host.disk_bytes_per_s) {
            list.push(entry(TrackedKind::Disk, first, count));
        }
        if hosts.iter().any(|host| 0.0 < host.nic_bytes_per_s) {
            list.push(entry(TrackedKind::Nic, first, count));
        }
        if hosts.iter().any(|host| 0 < host.memory_bytes) {
            list.push(entry(TrackedKind::Memory, first, count));
        }
    }
    list.extend((0..model.pools.len()).map(|p| entry(TrackedKind::Pool, p, 0)));
    list
}

fn hosts_of(tracked: &Tracked) -> std::ops::Range<usize> {
    tracked.index as usize..(tracked.index + tracked.hosts) as usize
}

impl World<'_> {
    /// The window is over: one row of the time series.
    pub(super) fn window(&mut self) {
        self.close_window();
        let observer = &self.observer;
        let (slot, timer, at) = (observer.slot, observer.timer, self.now + observer.window);
        if self.idle_for_ever() {
            return self.calendar.clear(slot);
        }
        let order = self.calendar.order(OBSERVE);
        self.calendar.reset(slot, at, order, TIMER | timer);
    }

    /// A run by requests in which nobody will ever come or leave any more.
    fn idle_for_ever(&self) -> bool {
        self.course.request_limit != u64::MAX
            && self.in_flight == 0
            && self.next_arrival.0 == Ns::MAX
            && self.clients.all.is_empty()
            && self.sources.iter().enumerate().all(|(s, source)| source.done || self.is_beside(s as u16))
    }

    fn close_window(&mut self) {
        let now = self.now;
        let (ok, failed, sum) = self.outcomes();
        let offered: u64 = self.classes.iter().map(|c| c.offered).sum();
        let busy: Vec<(u128, u128)> = self.observer.series.busy.iter().map(|t| self.area_of(t)).collect();
        let capacities: Vec<u128> = self.observer.series.busy.iter().map(|t| self.capacity_of(t)).collect();
        let parts: Vec<(u64, u64)> = self.observer.series.parts.iter().map(|p| self.outcomes_of(p.scope)).collect();
        let in_flight = (self.course.created - self.course.finished) as u32;
        let backlog = self.post.groups.iter().map(crate::engine::broker::Group::backlog).sum::<u64>() as u32;
        let o = &mut self.observer;
        let (p50, p99) = (o.recent(0.5), o.recent(0.99));
        let window = o.series.ok.len();
        heat::add(&mut o.series.heat, window, &o.fresh[..]);
        o.series.p50_s.push(p50);
        o.series.p99_s.push(p99);
        o.forget_fresh();
        o.series.offered.push((offered - o.last_counts[0]) as u32);
        o.series.ok.push((ok - o.last_counts[1]) as u32);
        o.series.failed.push((failed - o.last_counts[2]) as u32);
        o.series.latency_sum_ns.push(sum.wrapping_sub(o.last_sum));
        o.series.in_flight.push(in_flight);
        o.series.backlog.push(backlog);
        (o.last_counts, o.last_sum) = ([offered, ok, failed], sum);
        let dt = u128::from(now - o.last_at).max(1);
        o.last_at = now;
        o.last_of_parts.resize(parts.len(), (0, 0));
        for ((series, now), last) in o.series.parts.iter_mut().zip(&parts).zip(&o.last_of_parts) {
            series.ok.push((now.0 - last.0) as u32);
            series.failed.push((now.1 - last.1) as u32);
        }
        o.last_of_parts = parts;
        o.last.resize(busy.len(), (0, 0));
        for (i, t) in o.series.busy.iter_mut().enumerate() {
            let (area, queue) = (busy[i].0 - o.last[i].0, busy[i].1 - o.last[i].1);
            t.share.push((area as f64 / (capacities[i].max(1) * dt) as f64) as f32);
            t.queue.push((queue as f64 / dt as f64) as f32);
        }
        o.last = busy;
        self.close_levels();
    }

    /// Where the figures of a class are counted.
    fn figures<'a>(&'a self, class: &'a Flow) -> &'a Flow {
        if class.mirror == NONE16 { class } else { &self.operations[class.mirror as usize] }
    }

    /// Requests offered, answered and failed so far.
    pub(super) fn counted_requests(&self) -> [u64; 3] {
        let (ok, failed, _) = self.outcomes();
        [self.classes.iter().map(|class| class.offered).sum(), ok, failed]
    }

    /// Answers, failures, and the sum of both's latencies, over all classes.
    fn outcomes(&self) -> (u64, u64, u64) {
        self.classes.iter().map(|c| self.figures(c)).fold((0, 0, 0), |(ok, failed, sum), c| {
            (
                ok + c.answered,
                failed + c.kinds.iter().sum::<u64>(),
                sum.wrapping_add(c.ok.sum).wrapping_add(c.failed.sum),
            )
        })
    }

    /// Answers and failures of the operations in a scope.
    fn outcomes_of(&self, scope: Scope) -> (u64, u64) {
        let operations = self.operations.iter().enumerate();
        let inside = operations.filter(|(o, _)| filter::covers(self.m, scope, Scope::Operation(*o as u16)));
        inside.fold((0, 0), |(ok, failed), (_, flow)| (ok + flow.answered, failed + flow.kinds.iter().sum::<u64>()))
    }

    /// Cumulative busy and queued areas of a tracked resource.
    fn area_of(&self, t: &Tracked) -> (u128, u128) {
        let i = t.index as usize;
        match t.what {
            TrackedKind::Slots => {
                let spec = &self.m.components[i];
                let stations = &self.stations[spec.first as usize..(spec.first + spec.count) as usize];
                stations.iter().fold((0, 0), |(busy, queued), s| {
                    (busy + u128::from(s.busy.area(self.now)), queued + u128::from(s.waiting.area(self.now)))
                })
            }
            TrackedKind::Pool => {
                let stats = &self.pool_stats[i];
                (u128::from(stats.held.area(self.now)), u128::from(stats.waiting.area(self.now)))
            }
            what => (hosts_of(t).map(|h| self.host_area(h, what)).sum(), 0),
        }
    }

    fn host_area(&self, h: usize, what: TrackedKind) -> u128 {
        match what {
            TrackedKind::Cores => self.hosts[h].core_ns_by(self.now),
            TrackedKind::Disk => self.hosts[h].disk.busy_by(self.now),
            TrackedKind::Nic => self.hosts[h].nic.busy_by(self.now),
            _ => self.host_tally(h).memory_byte_ns,
        }
    }

    fn capacity_of(&self, t: &Tracked) -> u128 {
        let i = t.index as usize;
        match t.what {
            TrackedKind::Slots => u128::from(self.m.components[i].slots) * u128::from(self.instances_there(i)),
            TrackedKind::Pool => self.pool_capacity(i).into(),
            TrackedKind::Cores => self.hosts_there(t).map(|h| u128::from(self.hosts[h].cores)).sum(),
            TrackedKind::Memory => self.hosts_there(t).map(|h| u128::from(self.m.hosts[h].memory_bytes)).sum(),
            TrackedKind::Disk | TrackedKind::Nic => self.hosts_there(t).count() as u128,
        }
    }

    /// Machines that have not been given back by an autoscaler.
    fn hosts_there<'a>(&'a self, t: &Tracked) -> impl Iterator<Item = usize> + use<'a> {
        hosts_of(t).filter(|&h| {
            let stations = &self.hosts[h].stations;
            self.elastic.scalers.is_empty() || stations.is_empty() || stations.iter().any(|&s| !self.is_away(s))
        })
    }

    fn instances_there(&self, component: usize) -> u32 {
        let spec = &self.m.components[component];
        if self.elastic.scalers.is_empty() {
            return spec.count;
        }
        (spec.first..spec.first + spec.count).filter(|&s| !self.is_away(s)).count() as u32
    }

    fn pool_capacity(&self, kind: usize) -> u64 {
        self.pools.iter().filter(|p| usize::from(p.spec) == kind).map(|p| u64::from(p.size)).sum()
    }

    // -- snapshots ----------------------------------------------------------------------------------------------------------

    pub(super) fn cut(&mut self) {
        self.events -= 1;
        self.snapshot(Mark::Cut);
    }

    /// So many requests have left: a cut of a run by requests, or its end.
    #[cold]
    #[inline(never)]
    pub(super) fn mark_reached(&mut self) {
        if self.course.finished == self.course.request_limit {
            self.horizon = self.now;
        } else {
            self.snapshot(Mark::Cut);
        }
        self.plan_mark();
    }

    pub(super) fn plan_mark(&mut self) {
        let next = self.m.run.cut_counts.iter().copied().find(|&count| self.course.finished < count);
        self.course.next_mark = next.unwrap_or(self.course.request_limit);
    }

    pub(super) fn snapshot(&mut self, mark: Mark) {
        let tallies = self.tallies_since(SNAPSHOT);
        self.observer.snapshots.push(Snapshot { mark, tallies });
    }

    /// Everything counted up to now, with the maxima since the last snapshot or look.
    fn tallies_since(&mut self, last: usize) -> Tallies {
        let flows = self.classes.iter_mut().chain(&mut self.operations).chain(&mut self.filtered);
        let flows: Vec<u64> = flows.map(|flow| std::mem::replace(&mut flow.most, flow.now)).collect();
        let queues = self.stations.iter_mut().map(|s| std::mem::replace(&mut s.queue_max, s.queued));
        let queues: Vec<u32> = queues.collect();
        let groups = self.post.groups.iter_mut();
        let letters: Vec<[u64; 2]> = groups.map(crate::engine::broker::Group::peaks).collect();
        for peaks in &mut self.observer.peaks {
            peaks.queues.resize(queues.len(), 0);
            peaks.flows.resize(flows.len(), 0);
            peaks.letters.resize(letters.len(), [0; 2]);
            let both = peaks.letters.iter_mut().zip(&letters);
            both.for_each(|(most, now)| *most = [most[0].max(now[0]), most[1].max(now[1])]);
            peaks.queues.iter_mut().zip(&queues).for_each(|(most, now)| *most = (*most).max(*now));
            peaks.flows.iter_mut().zip(&flows).for_each(|(most, now)| *most = (*most).max(*now));
        }
        let Peaks { queues, flows, letters } = std::mem::take(&mut self.observer.peaks[last]);
        let mut tallies = self.tallies();
        tallies.stations.iter_mut().zip(queues).for_each(|(tally, most)| tally.queue_max = most);
        let counted = tallies.classes.iter_mut().chain(&mut tallies.operations).chain(&mut tallies.filtered);
        counted.zip(flows).for_each(|(tally, most)| tally.in_flight_max = most);
        let groups = tallies.groups.iter_mut().zip(letters);
        groups.for_each(|(tally, most)| [tally.waiting_max, tally.backlog_max] = most);
        tallies
    }

    /// Everything counted up to now.
    fn tallies(&self) -> Tallies {
        let pools = 0..self.m.pools.len();
        Tallies {
            at: Time(self.now),
            asleep: Span(self.slept()),
            classes: self.classes.iter().map(|c| self.figures(c).tally()).collect(),
            filtered: self.filtered.iter().map(Flow::tally).collect(),
            operations: self.operations.iter().map(Flow::tally).collect(),
            components: (0..self.m.components.len()).map(|c| self.component_tally(c)).collect(),
            stations: (0..self.stations.len()).map(|s| self.station_tally(s)).collect(),
            hosts: (0..self.hosts.len()).map(|h| self.host_tally(h)).collect(),
            pools: pools.map(|p| self.pool_tally(p)).collect(),
            topics: self.post.topics.iter().map(|topic| topic.tally).collect(),
            partitions: (0..self.m.topics.len() as u16).map(|topic| self.appended(topic)).collect(),
            elections: self.post.logs.iter().map(|log| log.elections).collect(),
            groups: (0..self.post.groups.len()).map(|g| self.group_tally(g)).collect(),
            sagas: self.saga_tallies(false),
            windows: self.post.windows.tallies(),
            events: self.post.streams.iter().map(Streams::tally).collect(),
            pipes: self.pipes.iter().map(|pipe| pipe.tally(self.now)).collect(),
            cells: self.effort.cell_sums[..self.m.cells.len()].to_vec(),
            tail: self.tail_by_bucket(),
            wasted: self.effort.wasted[..self.m.cells.len()].to_vec(),
            retries: self.effort.retries,
            attempts: self.effort.attempts,
            calls: self.effort.calls.clone(),
            created: self.course.created,
            finished: self.course.finished,
            open: 0,
        }
    }

    /// What is still going on at the end, frame by frame: the other side of the conservation laws.
    fn count_open(&self, tallies: &mut Tallies) {
        for (group, open) in tallies.groups.iter_mut().zip(self.count_letters()) {
            group.open = open;
        }
        tallies.sagas = self.saga_tallies(true);
        for frame in &self.frames {
            if matches!(frame.state, State::Free | State::Zombie) {
                continue;
            }
            tallies.open +=
                u64::from(frame.parent == NONE && self.requests[frame.request as usize].flags & row::DETACHED == 0);
            if frame.state == State::Queued {
                tallies.stations[frame.station as usize].open_waits_ns += u128::from(self.now - frame.granted);
            } else if frame.flags & flag::HOLDS != 0 {
                tallies.stations[frame.station as usize].open_held_ns += u128::from(self.now - frame.granted);
            }
        }
    }

    fn tail_by_bucket(&self) -> Vec<(u64, Vec<u64>)> {
        let cells = self.m.cells.len();
        self.observer.tail.chunks(self.observer.stride + 1).map(|b| (b[0], b[1..=cells].to_vec())).collect()
    }

    fn component_tally(&self, c: usize) -> ComponentTally {
        let group = &self.groups[c];
        let mut wait = group.wait.clone();
        wait.add_zeros(group.at_once);
        let wait = wait.compact();
        ComponentTally {
            arrivals: group.arrivals,
            rejected: group.rejected.clone(),
            wait,
            service: group.service.compact(),
            page_hits: group.page_hits,
            page_misses: group.page_misses,
            bytes_out: group.bytes_out as u64,
            visits_outside: group.outside.visits,
            bytes_outside: group.outside.bytes as u64,
            cache: self.cache_tally(&self.m.components[c]),
            shown: self.shown_tally(&self.m.components[c]),
            guards: self.guards.tally(self.m, c as u16, Time(self.now)),
            telemetry: self.incidents.telling.tally(self.m, c),
            copies: self.copies_tally(self.m.components[c].copies as usize),
            scaling: self.scaling_tally(c as u16).map(Box::new),
            sizes: self.sizes_tally(c as u16),
            reclaims: group.reclaims,
            function: self.function_tally(c),
            capacity: self.capacity_tally(c as u16),
        }
    }

    fn cache_tally(&self, component: &Component) -> CacheTally {
        let caches = [component.cache, component.state].into_iter().filter(|cache| *cache != NONE16);
        caches.map(|cache| self.caches.all[cache as usize].tally()).fold(CacheTally::default(), CacheTally::plus)
    }

    fn pool_tally(&self, p: usize) -> PoolTally {
        let stats = &self.pool_stats[p];
        PoolTally {
            held_ns: u128::from(stats.held.area(self.now)),
            queued_ns: u128::from(stats.waiting.area(self.now)),
            wait: stats.wait.compact(),
            opened: stats.opened,
            refused: stats.refused,
            capacity: self.pool_capacity(p),
        }
    }

    // -- watches ------------------------------------------------------------------------------------------------------------

    /// A watch looks at what happened over its last `over`.
    pub(super) fn look(&mut self, w: u16) {
        self.events -= 1;
        let watch = &self.m.watches[w as usize];
        if self.is_asleep() {
            self.observer.looks[w as usize].push(f64::NAN);
            self.observer.holding[w as usize] = false;
            self.set_timer(self.now + watch.every.0.max(1), OBSERVE, Timer::Look(w));
            return;
        }
        if self.observer.history.back().is_none_or(|seen| seen.tallies.at.0 < self.now) {
            let tallies = self.tallies_since(LOOK);
            self.observer.history.push_back(Snapshot { mark: Mark::Cut, tallies });
            self.forget_history();
        }
        let from = self.now.saturating_sub(watch.over.0);
        let history = &*self.observer.history.make_contiguous();
        let empty = &self.observer.snapshots[0].tallies;
        let earlier = history.iter().rev().map(|seen| &seen.tallies).find(|t| t.at.0 <= from).unwrap_or(empty);
        let latest = &history.last().expect("one was just taken").tallies;
        let stretch = Between { model: self.m, from: earlier, to: latest, path: history };
        let value = probe::read(&watch.probe, &stretch);
        let holds = value.zip(watch.test).is_some_and(|(v, (relation, bound))| relation.holds(v, bound));
        self.observer.looks[w as usize].push(value.unwrap_or(f64::NAN));
        self.observer.holding[w as usize] = holds;
        if holds && !self.incidents.rollouts.is_empty() {
            self.roll_back_if(w);
        }
        self.set_timer(self.now + watch.every.0.max(1), OBSERVE, Timer::Look(w));
    }

    /// What a watch saw so many looks ago.
    pub(super) fn seen(&self, watch: u16, looks_ago: usize) -> f64 {
        let looks = &self.observer.looks[watch as usize];
        looks.len().checked_sub(1 + looks_ago).map_or(f64::NAN, |at| looks[at])
    }

    /// The stretch of so long that ended so long ago, as far as there were looks.
    pub(super) fn stretch(&self, ago: Ns, over: Ns) -> Option<Between<'_>> {
        let snapshot = |at: Ns| self.observer.history.iter().rev().map(|s| &s.tallies).find(|t| t.at.0 <= at);
        let to = snapshot(self.now.checked_sub(ago)?)?;
        let from = snapshot(to.at.0.saturating_sub(over)).unwrap_or(&self.observer.snapshots[0].tallies);
        Some(Between { model: self.m, from, to, path: &[] })
    }

    fn forget_history(&mut self) {
        let from = self.now.saturating_sub(self.observer.longest);
        let history = &mut self.observer.history;
        while history.len() > 2 && history[1].tallies.at.0 <= from {
            history.pop_front();
        }
    }

    /// The whole story; the world is spent.
    pub(super) fn record(mut self) -> Record {
        if self.m.run.duration.is_some() && self.stopped == Stopped::Done {
            self.now = self.now.max(self.horizon);
        }
        if self.observer.last_at < self.now {
            self.close_window();
        }
        self.close_sample();
        self.close_splits();
        self.snapshot(Mark::End);
        let mut last = self.observer.snapshots.pop().expect("it was just taken");
        self.count_open(&mut last.tallies);
        self.observer.snapshots.push(last);
        let drawn = std::mem::take(&mut self.observer.drawn);
        let drawn = drawn.into_iter().map(|(_, seen)| seen);
        Record {
            stopped: self.stopped,
            end: Time(self.now),
            events: self.events,
            snapshots: self.observer.snapshots,
            series: self.observer.series,
            looks: self.observer.looks,
            faults: self.fault_periods,
            exemplars: self.observer.exemplars.into_iter().chain(drawn).collect(),
            samples: self.course.samples.map_or_else(Vec::new, |samples| samples.taken),
            sampled: self.observer.sampled,
            decisions: self.elastic.decisions,
        }
    }
}
