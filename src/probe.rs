//! Reading a probe: what a condition measures, over the stretch between two snapshots of one replication.
//!
//! Every figure is a difference of cumulative counts, so a stretch needs no recording of its own. The engine reads its
//! watches here (the last minute, every 15 s), analysis everything it judges and reports. What can go wrong: nothing was
//! seen in the stretch, or the measure does not exist for that scope; both are `None`.
//!
//! Definitions. *Latency* is that of all outcomes, from the intended arrival (of an operation or component: from its door).
//! *Throughput* counts all answers, *goodput* the good ones. The *utilisation* of a named resource is that of all its parts
//! together; without a name it is the busiest resource on its busiest part. Instances that are down do not count as
//! capacity of workers. The *burn* of a budget is the share of failures over the share that an objective allows. The *mean in flight* is the time that finished requests had spent, over the stretch (Little's law).
//! A *maximum* of a queue or of requests in flight is that of the stretch.

mod copies;
mod elastic;
mod messages;
mod shown;

use crate::measure::histogram::Compact;
use crate::model::{Cause, Model, NONE, NONE16, Pool, Probe, Scope};
use crate::record::{ComponentTally, CopiesTally, Flow, GroupTally, Snapshot, StationTally, Tallies};
use crate::scenario::condition::{Per, Quantity, Resource, Stat};

/// The value of a probe over the stretch from one snapshot to a later one.
pub fn read(probe: &Probe, stretch: &Between) -> Option<f64> {
    let Between { model, from, to, .. } = *stretch;
    let seconds = stretch.seconds();
    if seconds <= 0.0 {
        return None;
    }
    let flow = || stretch.counts(probe.scope);
    // A run at a scale stands for more than it counts.
    let whole = |count: f64| count * model.scale_of(probe.scope);
    let value = match probe.quantity {
        Quantity::Latency => statistic(&stretch.latency(probe.scope, Outcome::All), probe.stat)?,
        Quantity::Wait => stretch.wait(probe.scope, probe.stat)?,
        Quantity::Service => stretch.service(probe.scope, probe.stat)?,
        Quantity::Throughput => whole(flow().finished() as f64 / seconds),
        Quantity::Goodput => whole(flow().ok as f64 / seconds),
        Quantity::Arrivals => whole(stretch.arrivals(probe.scope) as f64 / seconds),
        Quantity::Errors if probe.per == Some(Per::Count) => whole(flow().failed as f64),
        Quantity::Errors => ratio(flow().failed, flow().finished())?,
        Quantity::Availability => ratio(flow().ok, flow().finished())?,
        Quantity::Retries if probe.per == Some(Per::Count) => whole(stretch.retries() as f64),
        Quantity::Retries => ratio(stretch.retries(), to.created - from.created)?,
        Quantity::Utilisation => stretch.utilisation(probe.scope, probe.resource)?,
        Quantity::Queue => stretch.queue(probe.scope, probe.stat)?,
        Quantity::InFlight => whole(stretch.in_flight(probe.scope, probe.stat)?),
        Quantity::HitRatio => stretch.hit_ratio(probe.scope)?,
        Quantity::Replicas => stretch.instances(probe.scope),
        Quantity::WastedWork => stretch.wasted(probe.scope)?,
        Quantity::Memory => whole(stretch.memory(probe.scope)),
        Quantity::Bytes => whole(stretch.bytes(probe.scope) as f64),
        Quantity::Lag
        | Quantity::Depth
        | Quantity::Backlog
        | Quantity::Duplicates
        | Quantity::DeadLetters
        | Quantity::Compensations
        | Quantity::UnresolvedSagas
        | Quantity::Staleness
        | Quantity::StaleReads
        | Quantity::Violations
        | Quantity::PartitionSkew => stretch.of_messages(probe)?,
        Quantity::VisitsOutside => whole(stretch.outside(probe.scope, |tally| tally.visits_outside) as f64),
        Quantity::BytesOutside => whole(stretch.outside(probe.scope, |tally| tally.bytes_outside) as f64),
        Quantity::BudgetBurn => ratio(flow().failed, flow().finished())? / model.budget_of(probe.scope)?.allowed,
        Quantity::LostWrites => whole(stretch.lost_writes(probe.scope) as f64),
        Quantity::Conflicts => stretch.conflicts(probe)?,
        Quantity::Convergence => statistic(&stretch.convergence(probe.scope), probe.stat)?,
        Quantity::SplitBrain => stretch.split_brain(probe.scope),
        Quantity::LeaderChanges => stretch.leader_changes(probe.scope) as f64,
        Quantity::ShardVariance => stretch.shard_variance(probe.scope)?,
        Quantity::ColdStarts if probe.per == Some(Per::Count) => whole(stretch.starts(probe.scope)?.0 as f64),
        Quantity::ColdStarts => {
            let (cold, all) = stretch.starts(probe.scope)?;
            ratio(cold, all)?
        }
        Quantity::Units => stretch.per_second(stretch.capacity(probe.scope)?.unit_ns),
        Quantity::Reclaims if probe.per == Some(Per::Count) => stretch.reclaims(probe.scope),
        Quantity::Reclaims => stretch.reclaims(probe.scope) / seconds,
        Quantity::ScaleChanges if probe.per == Some(Per::Count) => stretch.scaling(probe.scope)?.changes as f64,
        Quantity::ScaleChanges => stretch.scaling(probe.scope)?.changes as f64 / seconds,
        Quantity::Removal | Quantity::Rto | Quantity::Rpo | Quantity::Cost => return None,
    };
    match probe.per {
        Some(Per::Instance) => Some(value / stretch.instances(probe.scope)).filter(|value| value.is_finite()),
        _ => Some(value),
    }
}

/// Which requests of a flow are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    All,
    Ok,
}

/// The stretch between two snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Between<'a> {
    pub model: &'a Model,
    pub from: &'a Tallies,
    pub to: &'a Tallies,
    /// All snapshots of the replication (or of the looks), in the order of time: each knows the maxima since the one before.
    pub path: &'a [Snapshot],
}

/// Requests of a scope in a stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub offered: u64,
    pub ok: u64,
    pub failed: u64,
    /// By failure kind.
    pub kinds: Vec<u64>,
}

impl Counts {
    pub fn finished(&self) -> u64 {
        self.ok + self.failed
    }
}

/// One part of one resource and how busy it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Busy {
    pub resource: Resource,
    pub part: Part,
    /// In units of the resource x seconds.
    pub used: f64,
    pub capacity: f64,
}

impl Busy {
    pub fn share(&self) -> f64 {
        self.used / self.capacity
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Station(u32),
    Host(u32),
    Pool(u16),
}

impl Between<'_> {
    /// Length in seconds; what was slept through does not count.
    pub fn seconds(&self) -> f64 {
        (self.to.at - self.from.at).secs() - (self.to.asleep.secs() - self.from.asleep.secs())
    }

    /// Share of the stretch that was simulated.
    fn awake(&self) -> f64 {
        self.seconds() / (self.to.at - self.from.at).secs().max(1e-9)
    }

    /// The flows of a scope at both ends.
    fn flows(&self, scope: Scope) -> Vec<(&Flow, &Flow)> {
        let model = self.model;
        let classes = (&self.from.classes[..], &self.to.classes[..]);
        let operations = (&self.from.operations[..], &self.to.operations[..]);
        match scope {
            Scope::Load(_) | Scope::Class(_) | Scope::From { .. } => {
                pairs(classes, |index| model.includes(scope, index))
            }
            Scope::Operation(operation) => pairs(operations, |index| index == usize::from(operation)),
            Scope::Component(component) | Scope::Replicas(component) => {
                pairs(operations, |index| model.operations[index].component == component)
            }
            Scope::Station(station) | Scope::Stations(station, _) => {
                let component = model.stations[station as usize].component;
                pairs(operations, |index| model.operations[index].component == component)
            }
            Scope::With(filter) => {
                pairs((&self.from.filtered[..], &self.to.filtered[..]), |index| index == usize::from(filter))
            }
            Scope::All | Scope::Host(_) | Scope::Pool(_) | Scope::Fault(_) => pairs(classes, |_| true),
        }
    }

    /// How many were offered and what became of those that finished.
    pub fn counts(&self, scope: Scope) -> Counts {
        let mut counts = Counts::default();
        for (before, after) in self.flows(scope) {
            counts.offered += after.offered - before.offered;
            counts.ok += after.ok.count() - before.ok.count();
            counts.failed += after.failed.count() - before.failed.count();
            counts.kinds.resize(counts.kinds.len().max(after.kinds.len()), 0);
            for (kind, (now, then)) in after.kinds.iter().zip(&before.kinds).enumerate() {
                counts.kinds[kind] += now - then;
            }
        }
        counts
    }

    /// Latencies of those that finished.
    pub fn latency(&self, scope: Scope, outcome: Outcome) -> Compact {
        let mut merged = Compact::default();
        for (before, after) in self.flows(scope) {
            merged.merge(&after.ok.minus(&before.ok));
            if outcome == Outcome::All {
                merged.merge(&after.failed.minus(&before.failed));
            }
        }
        merged
    }

    fn component_pairs(&self, scope: Scope) -> Vec<(&ComponentTally, &ComponentTally)> {
        let chosen = self.components_of(scope);
        chosen.into_iter().map(|index| (&self.from.components[index], &self.to.components[index])).collect()
    }

    /// Components that a scope names or stands in.
    fn components_of(&self, scope: Scope) -> Vec<usize> {
        match scope {
            Scope::Component(component) | Scope::Replicas(component) => vec![usize::from(component)],
            Scope::Operation(operation) => vec![usize::from(self.model.operations[usize::from(operation)].component)],
            Scope::Station(station) | Scope::Stations(station, _) => {
                vec![usize::from(self.model.stations[station as usize].component)]
            }
            Scope::Host(host) => {
                let stations = self.model.stations.iter().filter(|station| station.host == host);
                let mut owners: Vec<usize> = stations.map(|station| usize::from(station.component)).collect();
                owners.dedup();
                owners
            }
            Scope::All
            | Scope::Load(_)
            | Scope::Class(_)
            | Scope::Pool(_)
            | Scope::Fault(_)
            | Scope::With(_)
            | Scope::From { .. } => (0..self.model.components.len()).collect(),
        }
    }

    /// Stations that a scope names.
    pub fn stations_of(&self, scope: Scope) -> Vec<u32> {
        match scope {
            Scope::Station(station) => return vec![station],
            Scope::Stations(first, count) => return (first..first + count).collect(),
            Scope::Replicas(component) => {
                return self.model.scaler_of(component).map_or_else(Vec::new, |scaler| scaler.stations().collect());
            }
            _ => {}
        }
        let range = |index: usize| {
            let component = &self.model.components[index];
            component.first..component.first + component.count
        };
        let stations = self.components_of(scope).into_iter().flat_map(range);
        match scope {
            Scope::Host(host) => stations.filter(|&index| self.model.stations[index as usize].host == host).collect(),
            _ => stations.collect(),
        }
    }

    fn arrivals(&self, scope: Scope) -> u64 {
        match scope {
            Scope::Component(_) => {
                self.component_pairs(scope).iter().map(|(before, after)| after.arrivals - before.arrivals).sum()
            }
            Scope::Station(_) | Scope::Stations(..) | Scope::Replicas(_) => {
                self.gained(scope, |station| station.arrivals)
            }
            _ => self.counts(scope).offered,
        }
    }

    fn retries(&self) -> u64 {
        self.to.retries - self.from.retries
    }

    /// Times in the queue for a slot (or for a connection of a pool).
    pub fn waits(&self, scope: Scope) -> Compact {
        if let Scope::Pool(pool) = scope {
            let at = usize::from(pool);
            return self.to.pools[at].wait.minus(&self.from.pools[at].wait);
        }
        let mut merged = Compact::default();
        for (before, after) in self.component_pairs(scope) {
            merged.merge(&after.wait.minus(&before.wait));
        }
        merged
    }

    /// Times for which slots were held.
    pub fn holdings(&self, scope: Scope) -> Compact {
        let mut merged = Compact::default();
        for (before, after) in self.component_pairs(scope) {
            merged.merge(&after.service.minus(&before.service));
        }
        merged
    }

    /// One instance keeps sums only, so there is a mean and nothing else.
    fn wait(&self, scope: Scope, stat: Option<Stat>) -> Option<f64> {
        if !matches!(scope, Scope::Station(_) | Scope::Stations(..) | Scope::Replicas(_)) {
            return statistic(&self.waits(scope), stat);
        }
        let left = self.gained(scope, |station| station.left + station.reneged);
        mean_only(stat, self.gained(scope, |station| station.waits_ns), left)
    }

    /// What a figure of stations has grown by, over all of a scope.
    fn gained<T: std::ops::Sub<Output = T> + std::iter::Sum>(&self, scope: Scope, of: fn(&StationTally) -> T) -> T {
        let one = |index: u32| of(&self.to.stations[index as usize]) - of(&self.from.stations[index as usize]);
        self.stations_of(scope).into_iter().map(one).sum()
    }

    fn service(&self, scope: Scope, stat: Option<Stat>) -> Option<f64> {
        if !matches!(scope, Scope::Station(_) | Scope::Stations(..) | Scope::Replicas(_)) {
            return statistic(&self.holdings(scope), stat);
        }
        mean_only(stat, self.gained(scope, |station| station.held_ns), self.gained(scope, |station| station.left))
    }

    fn queue(&self, scope: Scope, stat: Option<Stat>) -> Option<f64> {
        if let Scope::Pool(pool) = scope {
            let at = usize::from(pool);
            let queued = self.per_second(self.to.pools[at].queued_ns - self.from.pools[at].queued_ns);
            return Some(queued * self.model.scale_of(scope));
        }
        let stations = self.stations_of(scope);
        match stat {
            Some(Stat::Max) => {
                let most = |&index: &u32| {
                    let whole = self.model.scale_of(Scope::Station(index));
                    self.peak(|tallies| tallies.stations[index as usize].queue_max.into()) as f64 * whole
                };
                stations.iter().map(most).reduce(f64::max)
            }
            Some(Stat::Quantile(_) | Stat::Min) => None,
            Some(Stat::Mean) | None => {
                let area = |index: &u32| {
                    let at = *index as usize;
                    self.to.stations[at].queued_ns - self.from.stations[at].queued_ns
                };
                Some(self.per_second(stations.iter().map(area).sum()) * self.model.scale_of(scope))
            }
        }
    }

    fn in_flight(&self, scope: Scope, stat: Option<Stat>) -> Option<f64> {
        if let (Scope::Station(_) | Scope::Stations(..) | Scope::Replicas(_), None | Some(Stat::Mean)) = (scope, stat) {
            return Some(self.per_second(self.gained(scope, |tally| tally.busy_ns + tally.queued_ns)));
        }
        let flows = self.flows(scope);
        match stat {
            Some(Stat::Max) => {
                // Several flows need not peak at one moment, so of more than one this is an upper bound.
                let most = |tallies: &Tallies| {
                    let here = Between { from: tallies, to: tallies, ..*self };
                    here.flows(scope).iter().map(|(_, flow)| flow.in_flight_max).sum()
                };
                Some(self.peak(most) as f64)
            }
            Some(Stat::Quantile(_) | Stat::Min) => None,
            Some(Stat::Mean) | None => {
                let sum = |flow: &Flow| flow.ok.sum().wrapping_add(flow.failed.sum());
                let spent = |(before, after): &(&Flow, &Flow)| u128::from(sum(after).wrapping_sub(sum(before)));
                Some(self.per_second(flows.iter().map(spent).sum()))
            }
        }
    }

    /// The largest of the maxima between the snapshots of the stretch.
    fn peak(&self, of: impl Fn(&Tallies) -> u64) -> u64 {
        let inside = self.path.iter().map(|seen| &seen.tallies);
        let inside = inside.filter(|tallies| self.from.at < tallies.at && tallies.at <= self.to.at);
        inside.map(&of).max().unwrap_or_else(|| of(self.to))
    }

    /// From each write to its application, at the replicas of a scope.
    pub fn lag(&self, scope: Scope) -> Compact {
        let mut merged = Compact::default();
        for station in self.stations_of(scope) {
            let component = usize::from(self.model.stations[station as usize].component);
            let instance = (station - self.model.components[component].first) as usize;
            let at =
                |tallies: &Tallies| tallies.components[component].copies.as_ref().map(|all| all.lag[instance].clone());
            if let (Some(before), Some(after)) = (at(self.from), at(self.to)) {
                merged.merge(&after.minus(&before));
            }
        }
        merged
    }

    /// How long what reads saw had been overwritten.
    pub fn staleness(&self, scope: Scope) -> Compact {
        let mut merged = Compact::default();
        for (before, after) in self.copies_pairs(scope) {
            merged.merge(&after.staleness.minus(&before.staleness));
        }
        for (before, after) in self.shown_pairs(scope) {
            merged.merge(&after.ages.minus(&before.ages));
        }
        merged
    }

    fn copies_pairs(&self, scope: Scope) -> impl Iterator<Item = (&CopiesTally, &CopiesTally)> {
        let pairs = self.component_pairs(scope).into_iter();
        pairs.filter_map(|(before, after)| Some((before.copies.as_deref()?, after.copies.as_deref()?)))
    }

    /// Some of the reads of databases with replicas, as a share of them or as their number.
    fn reads(&self, probe: &Probe, of: fn(&CopiesTally) -> u64) -> Option<f64> {
        let (mut some, mut all) = (0, 0);
        for (before, after) in self.copies_pairs(probe.scope) {
            some += of(after) - of(before);
            all += after.reads - before.reads;
        }
        if probe.per == Some(Per::Count) {
            return Some(some as f64 * self.model.scale_of(probe.scope));
        }
        ratio(some, all)
    }

    /// Acknowledged writes that were lost: with a node of a cache, or in a failover; and messages, whatever the cause.
    pub fn lost_writes(&self, scope: Scope) -> u64 {
        let of = |tally: &ComponentTally| {
            tally.cache.lost_writes + tally.copies.as_ref().map_or(0, |copies| copies.lost_writes)
        };
        let rows: u64 = self.component_pairs(scope).iter().map(|(before, after)| of(after) - of(before)).sum();
        let topics = self.gained_by_topics(scope, |tally| tally.truncated + tally.unsent);
        rows + topics + self.gained_by_groups(scope, GroupTally::lost)
    }

    /// Writes that were in conflict, as a share of all writes or as their number.
    fn conflicts(&self, probe: &Probe) -> Option<f64> {
        let (mut some, mut all) = (0, 0);
        for (before, after) in self.copies_pairs(probe.scope) {
            some += after.conflicts - before.conflicts;
            all += after.writes - before.writes;
        }
        let count = || some as f64 * self.model.scale_of(probe.scope);
        if probe.per == Some(Per::Count) { Some(count()) } else { ratio(some, all) }
    }

    /// From each write to its application at the last copy.
    fn convergence(&self, scope: Scope) -> Compact {
        let mut merged = Compact::default();
        for (before, after) in self.copies_pairs(scope) {
            merged.merge(&after.convergence.minus(&before.convergence));
        }
        merged
    }

    fn leader_changes(&self, scope: Scope) -> u64 {
        let of_rows: u64 = self.copies_pairs(scope).map(|(before, after)| after.switches - before.switches).sum();
        of_rows + self.elections(scope)
    }

    /// Arrivals of each shard of a database that had any part of the rows at the start or the end of the stretch.
    pub fn shards(&self, component: u16) -> Vec<u64> {
        let spec = &self.model.components[usize::from(component)];
        let Some(copies) = self.model.copies.get(usize::from(spec.copies)).filter(|copies| copies.names_shards) else {
            return Vec::new();
        };
        let tallies = [self.from, self.to].map(|tallies| tallies.components[usize::from(component)].copies.as_ref());
        let shards = tallies.into_iter().flatten().map(|tally| tally.shards).max().unwrap_or(0);
        let first = |shard: u32| spec.first + shard * copies.each();
        (0..shards).map(|shard| self.gained(Scope::Stations(first(shard), copies.each()), |s| s.arrivals)).collect()
    }

    /// (Most loaded - mean) / mean of arrivals; of several databases the worst.
    fn shard_variance(&self, scope: Scope) -> Option<f64> {
        let of = |component: usize| {
            let arrivals = self.shards(component as u16);
            let mean = arrivals.iter().sum::<u64>() as f64 / arrivals.len().max(1) as f64;
            let most = arrivals.into_iter().max()? as f64;
            (0.0 < mean).then(|| (most - mean) / mean)
        };
        self.components_of(scope).into_iter().filter_map(of).reduce(f64::max)
    }

    fn hit_ratio(&self, scope: Scope) -> Option<f64> {
        let pairs = self.component_pairs(scope);
        let hits: u64 = pairs.iter().map(|(before, after)| after.page_hits - before.page_hits).sum();
        let misses: u64 = pairs.iter().map(|(before, after)| after.page_misses - before.page_misses).sum();
        ratio(hits, hits + misses)
    }

    /// Instances that were up, on average.
    pub fn instances(&self, scope: Scope) -> f64 {
        let up = |index: u32| self.to.stations[index as usize].up_ns - self.from.stations[index as usize].up_ns;
        let stations = self.stations_of(scope);
        let up = |index: u32| (up(index) as f64 * self.awake()) as u128;
        if self.model.run.scale.by <= 1 || matches!(scope, Scope::Station(_) | Scope::Host(_)) {
            return self.per_second(stations.into_iter().map(up).sum());
        }
        let whole = |index: u32| self.model.instances_for_one(self.model.stations[index as usize].component);
        stations.into_iter().map(|index| self.per_second(up(index)) * whole(index)).sum()
    }

    /// Work (cores, disks and plain waiting) for callers who had left, over all work for finished requests and those.
    fn wasted(&self, scope: Scope) -> Option<f64> {
        let names: Vec<&str> =
            self.components_of(scope).into_iter().map(|index| self.model.components[index].name.as_str()).collect();
        let (mut useful, mut wasted) = (0, 0);
        for (index, cell) in self.model.cells.iter().enumerate() {
            let is_work = matches!(cell.cause, Cause::Cpu | Cause::Service | Cause::Disk);
            if is_work && names.contains(&cell.name.as_str()) {
                useful += self.to.cells[index] - self.from.cells[index];
                wasted += self.to.wasted[index] - self.from.wasted[index];
            }
        }
        ratio(wasted, useful + wasted)
    }

    /// Bytes in use on average, all instances of the scope together.
    fn memory(&self, scope: Scope) -> f64 {
        if let Scope::Host(host) = scope {
            let area = |tallies: &Tallies| tallies.hosts[host as usize].memory_byte_ns;
            return self.per_second(area(self.to) - area(self.from));
        }
        let area = |index: &u32| {
            let at = *index as usize;
            self.to.stations[at].memory_byte_ns - self.from.stations[at].memory_byte_ns
        };
        self.per_second(self.stations_of(scope).iter().map(area).sum()) * self.awake()
    }

    fn bytes(&self, scope: Scope) -> u64 {
        self.component_pairs(scope).iter().map(|(before, after)| after.bytes_out - before.bytes_out).sum()
    }

    /// What was done where the data of the request must not be.
    fn outside(&self, scope: Scope, of: fn(&ComponentTally) -> u64) -> u64 {
        self.component_pairs(scope).iter().map(|(before, after)| of(after) - of(before)).sum()
    }

    fn utilisation(&self, scope: Scope, resource: Option<Resource>) -> Option<f64> {
        let parts = self.busy(scope);
        match resource {
            Some(resource) => together(&parts, resource),
            None => parts.iter().map(Busy::share).reduce(f64::max),
        }
    }

    /// Every limited resource in a scope, part by part: slots, cores, disks, cards, memory and connections. A component
    /// has the hosts its instances stand on and the pools it owns.
    pub fn busy(&self, scope: Scope) -> Vec<Busy> {
        if let Scope::Pool(pool) = scope {
            return self.busy_pool(pool).into_iter().collect();
        }
        let stations = self.stations_of(scope);
        let mut parts: Vec<Busy> = stations.iter().flat_map(|&index| self.busy_station(index)).collect();
        let mut hosts: Vec<u32> = stations.iter().map(|&index| self.model.stations[index as usize].host).collect();
        if let Scope::Host(host) = scope {
            hosts = vec![host];
        }
        hosts.sort_unstable();
        hosts.dedup();
        let mut of_hosts: Vec<Busy> =
            hosts.into_iter().filter(|&host| host != NONE).flat_map(|host| self.busy_host(host)).collect();
        // Whoever has a share of the cores does not use those of the others.
        let has_share = |&index: &u32| {
            self.model.components[usize::from(self.model.stations[index as usize].component)].pod.is_some()
        };
        if !matches!(scope, Scope::All | Scope::Host(_)) && !stations.is_empty() && stations.iter().all(has_share) {
            of_hosts.retain(|part| part.resource != Resource::Cores);
        }
        parts.extend(of_hosts);
        let owners = match scope {
            Scope::All | Scope::Component(_) => self.components_of(scope),
            _ => Vec::new(),
        };
        let owned = |pool: &Pool| match scope {
            Scope::All => true,
            _ => pool.owner != NONE16 && owners.contains(&usize::from(pool.owner)),
        };
        let pools = self.model.pools.iter().enumerate().filter(|(_, pool)| owned(pool));
        parts.extend(pools.filter_map(|(index, _)| self.busy_pool(index as u16)));
        parts
    }

    fn busy_station(&self, index: u32) -> Vec<Busy> {
        let (before, after) = (&self.from.stations[index as usize], &self.to.stations[index as usize]);
        let component = &self.model.components[usize::from(self.model.stations[index as usize].component)];
        let up = secs(after.up_ns - before.up_ns) * self.awake();
        let mut parts = Vec::new();
        if component.slots != NONE {
            let capacity = f64::from(component.slots) * up;
            parts.push((component.slots_are, secs(after.busy_ns - before.busy_ns), capacity));
        }
        if let Some(pod) = component.pod {
            let host = self.model.hosts.get(self.model.stations[index as usize].host as usize);
            let cores = pod.limit.min(host.map_or(f64::INFINITY, |host| f64::from(host.cores)));
            let owner = self.model.stations[index as usize].component;
            let of_units = self.model.capacity_of(owner).zip(self.capacity(Scope::Component(owner)));
            let there = of_units.map(|(unit, there)| unit.cores * secs(there.unit_ns) * self.awake());
            let there = there.or(self.room_of(index).map(|[cores, _]| cores));
            parts.push((Resource::Cores, secs(after.core_ns - before.core_ns), there.unwrap_or(cores * up)));
        }
        if component.memory_limit != u64::MAX {
            let used = secs(after.memory_byte_ns - before.memory_byte_ns);
            parts.push((Resource::Memory, used, component.memory_limit as f64 * up));
        }
        limited(Part::Station(index), parts)
    }

    fn busy_host(&self, index: u32) -> Vec<Busy> {
        let host = &self.model.hosts[index as usize];
        let (before, after) = (&self.from.hosts[index as usize], &self.to.hosts[index as usize]);
        let seconds = self.seconds_there(index);
        let has_disk = 0.0 < host.disk_iops || 0.0 < host.disk_bytes_per_s;
        let mut parts = Vec::new();
        // Of instances that change their size, what they had.
        let room = self.room_on(index);
        if host.cores != NONE {
            let there = room.map_or(f64::from(host.cores) * seconds, |[cores, _]| cores);
            parts.push((Resource::Cores, secs(after.core_ns - before.core_ns), there));
        }
        if has_disk {
            parts.push((Resource::Disk, secs(after.disk_ns - before.disk_ns), seconds));
        }
        if 0.0 < host.nic_bytes_per_s {
            parts.push((Resource::Nic, secs(after.nic_ns - before.nic_ns), seconds));
        }
        if 0 < host.memory_bytes {
            let used = secs(after.memory_byte_ns - before.memory_byte_ns);
            parts.push((Resource::Memory, used, room.map_or(host.memory_bytes as f64 * seconds, |[_, bytes]| bytes)));
        }
        limited(Part::Host(index), parts)
    }

    /// How long a machine was there: one that joined later is no capacity before.
    fn seconds_there(&self, host: u32) -> f64 {
        if self.model.nodes_of(host).is_some() {
            let there = |tallies: &Tallies| tallies.hosts[host as usize].there_ns;
            return secs(there(self.to) - there(self.from)) * self.awake();
        }
        let here = |station: &u32| self.model.stations[*station as usize].host == host;
        // A host that several share is there, whoever of them comes or goes.
        let is_own = |_: &u32| self.model.stations.iter().filter(|station| station.host == host).nth(1).is_none();
        match self.model.joining_stations().find(here).filter(is_own) {
            Some(station) => self.per_second(self.gained(Scope::Station(station), |s| s.up_ns)) * self.seconds(),
            None => self.seconds(),
        }
    }

    fn busy_pool(&self, index: u16) -> Option<Busy> {
        let (before, after) = (&self.from.pools[usize::from(index)], &self.to.pools[usize::from(index)]);
        let used = secs(after.held_ns - before.held_ns);
        limited(Part::Pool(index), vec![(Resource::Pool, used, after.capacity as f64 * self.seconds())]).pop()
    }

    /// An area in things x nanoseconds as the mean number of things.
    fn per_second(&self, area_ns: u128) -> f64 {
        secs(area_ns) / self.seconds()
    }
}

/// Share busy of all parts of one resource together.
pub fn together(parts: &[Busy], resource: Resource) -> Option<f64> {
    let of_resource = || parts.iter().filter(|part| part.resource == resource);
    let capacity: f64 = of_resource().map(|part| part.capacity).sum();
    let used: f64 = of_resource().map(|part| part.used).sum();
    (0.0 < capacity).then(|| used / capacity)
}

/// A statistic of times, in seconds; the mean unless another is named. `None` without observations.
pub fn statistic(times: &Compact, stat: Option<Stat>) -> Option<f64> {
    match stat {
        None | Some(Stat::Mean) => times.mean(),
        Some(Stat::Quantile(q)) => times.quantile_raw(q),
        Some(Stat::Max) => times.max(),
        Some(Stat::Min) => times.quantile_raw(0.0),
    }
}

fn limited(part: Part, figures: Vec<(Resource, f64, f64)>) -> Vec<Busy> {
    let given = figures.into_iter().filter(|(_, _, capacity)| 0.0 < *capacity);
    given.map(|(resource, used, capacity)| Busy { resource, part, used, capacity }).collect()
}

fn mean_only(stat: Option<Stat>, sum_ns: u128, count: u64) -> Option<f64> {
    matches!(stat, None | Some(Stat::Mean)).then(|| secs(sum_ns) / count as f64).filter(|mean| mean.is_finite())
}

fn pairs<'t>((from, to): (&'t [Flow], &'t [Flow]), wanted: impl Fn(usize) -> bool) -> Vec<(&'t Flow, &'t Flow)> {
    let both = from.iter().zip(to).enumerate();
    both.filter(|(index, _)| wanted(*index)).map(|(_, pair)| pair).collect()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (0 < whole).then(|| part as f64 / whole as f64)
}

fn secs(ns: u128) -> f64 {
    ns as f64 / 1e9
}
