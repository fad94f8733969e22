//! Requests, latencies and components as the report shows them.

use std::collections::BTreeMap;

use crate::analysis::bottleneck::part_name;
use crate::analysis::messages;
use crate::analysis::stability::Stability;
use crate::analysis::study::{Study, end, total};
use crate::analysis::{estimate, scaling, windows};
use crate::measure::histogram::Compact;
use crate::model::{NONE16, Probe, Scope};
use crate::probe::{self, Between, Busy, Counts, Outcome, Part, together};
use crate::record::{
    self, CacheTally, CapacityTally, ComponentTally, GuardTally, StationTally, Tallies, TelemetryTally,
};
use crate::report::{
    self, Component, Estimate, Exemplar, ExemplarSpan, Latencies, Latency, Replication, Requests, Shard, Specific,
    Traffic, Utilisation, Utilisations,
};
use crate::scenario::condition::{Per, Quantity, Resource, Stat};
use crate::units::Time;

/// Slow requests shown.
const RANDOM: usize = 5;
/// Seconds.
const DAY: f64 = 86_400.0;
const EXEMPLARS: usize = 10;

/// What was offered and what became of it.
pub(super) fn requests(study: &Study, scope: Scope) -> Requests {
    let counts = study.counts(scope);
    let sampled = study.availability().filter(|_| scope == Scope::All);
    Requests {
        offered_per_s: study.rate(|stretch| stretch.counts(scope).offered),
        throughput_per_s: study.rate(|stretch| stretch.counts(scope).finished()),
        goodput_per_s: study.rate(|stretch| stretch.counts(scope).ok),
        error_ratio: sampled.map(Estimate::complement).or_else(|| share(&counts, |counts| counts.failed)),
        availability: sampled.or_else(|| share(&counts, |counts| counts.ok)),
        errors: errors(study, &counts),
    }
}

/// Share of those that finished, by kind of failure.
fn errors(study: &Study, counts: &[Counts]) -> BTreeMap<String, Estimate> {
    let kinds = study.model.failures.iter().enumerate().filter_map(|(kind, name)| {
        let of_kind = |counts: &Counts| counts.kinds.get(kind).copied().unwrap_or(0);
        let happened = 0 < total(counts, of_kind);
        happened.then(|| Some((name.clone(), share(counts, of_kind)?))).flatten()
    });
    kinds.collect()
}

/// Some of those that finished, as a share of them.
fn share(counts: &[Counts], of: impl Fn(&Counts) -> u64) -> Option<Estimate> {
    let finished = |counts: &&Counts| 0 < counts.finished();
    let values: Vec<f64> =
        counts.iter().filter(finished).map(|counts| of(counts) as f64 / counts.finished() as f64).collect();
    estimate::share(&values, total(counts, &of), total(counts, Counts::finished))
}

/// Latencies of a scope, all outcomes and successes.
pub(super) fn latencies(study: &Study, stability: &Stability, scope: Scope) -> Latencies {
    let held_up = stability.touches(&study.counts(scope));
    let of = |outcome| summary(&study.latencies(scope, outcome), held_up);
    Latencies { all: of(Outcome::All), ok: of(Outcome::Ok) }
}

/// Nothing but the count where there is no steady state.
fn summary(times: &[Compact], held_up: bool) -> Latency {
    let latency = estimate::latency(times);
    if held_up { Latency { count: latency.count, ..Latency::default() } } else { latency }
}

fn traffic(study: &Study, stability: &Stability, scope: Scope) -> Traffic {
    Traffic { requests: requests(study, scope), latency: latencies(study, stability, scope) }
}

/// By `component.operation`.
pub(super) fn operations(study: &Study, stability: &Stability) -> BTreeMap<String, Traffic> {
    let operations = study.model.operations.iter().enumerate().map(|(index, operation)| {
        let component = &study.model.components[usize::from(operation.component)].name;
        (format!("{component}.{}", operation.name), traffic(study, stability, Scope::Operation(index as u16)))
    });
    operations.collect()
}

/// By load.
pub(super) fn loads(study: &Study, stability: &Stability) -> BTreeMap<String, Traffic> {
    let loads = study.model.sources.iter().enumerate();
    loads.map(|(index, load)| (load.name.clone(), traffic(study, stability, Scope::Load(index as u16)))).collect()
}

/// By the region that requests come from, where there are several regions.
pub(super) fn regions(study: &Study, stability: &Stability) -> BTreeMap<String, Traffic> {
    let model = study.model;
    let regions = model.regions.iter().filter(|_| 1 < model.regions.len());
    let scoped = regions.map(|region| {
        let scope = Scope::From { first: region.first, count: region.zones + 1, operation: NONE16 };
        (region.name.clone(), scope)
    });
    let asking = scoped.filter(|(_, scope)| (0..model.classes.len()).any(|class| model.includes(*scope, class)));
    asking.map(|(name, scope)| (name, traffic(study, stability, scope))).collect()
}

/// By component.
pub(super) fn components(study: &Study, stability: &Stability) -> BTreeMap<String, Component> {
    let components = study.model.components.iter().enumerate();
    components.map(|(index, said)| (said.name.clone(), component(study, stability, index))).collect()
}

fn component(study: &Study, stability: &Stability, index: usize) -> Component {
    let scope = Scope::Component(index as u16);
    let read = |quantity| {
        let probe = Probe { quantity, stat: None, scope, resource: None, per: None };
        study.mean(|stretch| probe::read(&probe, stretch))
    };
    let (queued_up, held_up) = backed_up(study, stability, index);
    let waits: Vec<Compact> = study.measured.iter().map(|stretch| stretch.waits(scope)).collect();
    let holdings: Vec<Compact> = study.measured.iter().map(|stretch| stretch.holdings(scope)).collect();
    let zero = || study.rate(|_| 0);
    let gained = |of: fn(&ComponentTally) -> u64| {
        study.rate(|stretch| of(&stretch.to.components[index]) - of(&stretch.from.components[index]))
    };
    Component {
        kind: study.model.components[index].kind,
        instances: study.mean(|stretch| Some(stretch.instances(scope))).unwrap_or_else(zero),
        utilisation: utilisations(study, scope),
        arrivals_per_s: gained(|tally| tally.arrivals),
        wait: summary(&waits, queued_up),
        service: summary(&holdings, held_up),
        queue_length: read(Quantity::Queue).unwrap_or_else(zero),
        in_flight: read(Quantity::InFlight).unwrap_or_else(zero),
        rejected_per_s: gained(|tally| tally.rejected.iter().sum()),
        errors: errors(study, &study.counts(scope)),
        kind_specific: kind_specific(study, scope, read(Quantity::HitRatio)),
    }
}

/// Whether more came to the component's queues, and into its slots, than left them.
fn backed_up(study: &Study, stability: &Stability, index: usize) -> (bool, bool) {
    let component = &study.model.components[index];
    let stations = component.first as usize..(component.first + component.count) as usize;
    let sum = |tallies: &Tallies, of: fn(&StationTally) -> u32| -> u64 {
        tallies.stations[stations.clone()].iter().map(|station| u64::from(of(station))).sum()
    };
    let (mut came, mut queued, mut held) = (0, (0, 0), (0, 0));
    for Between { from, to, .. } in &study.measured {
        came += to.components[index].arrivals - from.components[index].arrivals;
        queued = (queued.0 + sum(from, |s| s.in_queue), queued.1 + sum(to, |s| s.in_queue));
        held = (held.0 + sum(from, |s| s.in_slots), held.1 + sum(to, |s| s.in_slots));
    }
    let grew = |(before, after): (u64, u64)| stability.backs_up(came, (came + before).saturating_sub(after));
    (grew(queued), grew(held))
}

fn kind_specific(study: &Study, scope: Scope, hit_ratio: Option<Estimate>) -> Specific {
    let mut specific = BTreeMap::new();
    if let Some(hit_ratio) = hit_ratio {
        specific.insert("hit_ratio".to_owned(), hit_ratio);
    }
    if let Some(spread) = study.mean(|stretch| spread(&stretch.busy(scope))) {
        specific.insert("spread".to_owned(), spread);
    }
    let wasted = Probe { quantity: Quantity::WastedWork, stat: None, scope, resource: None, per: None };
    let wasted = study.mean(|stretch| probe::read(&wasted, stretch)).filter(|wasted| 0.0 < wasted.mean);
    specific.extend(wasted.map(|wasted| ("wasted_work".to_owned(), wasted)));
    specific.extend(of_copies(study, scope));
    specific.extend(outside(study, scope));
    let Scope::Component(index) = scope else { return Specific { figures: specific, ..Specific::default() } };
    specific.extend(scaling::figures(study, index));
    let starts =
        study.mean(|stretch| stretch.starts(scope).filter(|all| 0 < all.1).map(|(cold, all)| cold as f64 / all as f64));
    specific.extend(starts.map(|cold| ("cold_starts".to_owned(), cold)));
    specific.extend(of_capacity(study, scope));
    specific.extend(of_shown(study, scope));
    specific.extend(of_cache(study, usize::from(index)));
    specific.extend(messages::of(study, index));
    specific.extend(messages::views(study, index));
    specific.extend(of_guards(study, usize::from(index)));
    specific.extend(of_telemetry(study, usize::from(index)));
    let shards = shards(study, index);
    if !shards.is_empty() {
        let probe = Probe { quantity: Quantity::ShardVariance, stat: None, scope, resource: None, per: None };
        let variance = study.mean(|stretch| probe::read(&probe, stretch));
        specific.extend(variance.map(|variance| ("shard_variance".to_owned(), variance)));
    }
    let shards = if shards.is_empty() { messages::partitions(study, index) } else { shards };
    Specific { figures: specific, shards, replicas_over_time: scaling::replicas(study, index) }
}

/// How large a database in capacity units was, and how long it slept.
fn of_capacity(study: &Study, scope: Scope) -> BTreeMap<String, Estimate> {
    let mut found = BTreeMap::new();
    let mut add = |name: &str, figure: fn(&CapacityTally) -> f64| {
        let rate = study.mean(|stretch| Some(figure(&stretch.capacity(scope)?) / stretch.seconds()));
        found.extend(rate.map(|rate| (name.to_owned(), rate)));
    };
    add("units", |tally| tally.unit_ns as f64 / 1e9);
    add("asleep", |tally| tally.asleep_ns as f64 / 1e9);
    add("pauses_per_h", |tally| 3600.0 * tally.pauses as f64);
    add("unit_changes_per_h", |tally| 3600.0 * tally.changes as f64);
    found
}

/// The shards that share the rows of a database, with what came to each.
fn shards(study: &Study, component: u16) -> Vec<Shard> {
    let count = study.measured.iter().map(|stretch| stretch.shards(component).len()).max().unwrap_or(0);
    let arrivals = |stretch: &Between, shard: usize| stretch.shards(component).get(shard).copied().unwrap_or(0);
    let shard = |shard| Shard {
        name: format!("shard-{shard}"),
        arrivals_per_s: study.rate(|stretch| arrivals(stretch, shard)),
    };
    (0..count).map(shard).collect()
}

/// How far the replicas of a database were behind, and what came of it.
fn of_copies(study: &Study, scope: Scope) -> BTreeMap<String, Estimate> {
    let Scope::Component(index) = scope else { return BTreeMap::new() };
    let copies = study.model.copies.get(usize::from(study.model.components[usize::from(index)].copies));
    if copies.is_none_or(|copies| copies.replicas == 0) {
        return BTreeMap::new();
    }
    let quantile = |q| Some(Stat::Quantile(q));
    let wanted = [
        ("lag", Quantity::Lag, None),
        ("lag_p50", Quantity::Lag, quantile(0.5)),
        ("lag_p99", Quantity::Lag, quantile(0.99)),
        ("lag_max", Quantity::Lag, Some(Stat::Max)),
        ("staleness", Quantity::Staleness, None),
        ("staleness_p99", Quantity::Staleness, quantile(0.99)),
        ("stale_reads", Quantity::StaleReads, None),
        ("violations", Quantity::Violations, None),
        ("lost_writes", Quantity::LostWrites, None),
        ("conflicts", Quantity::Conflicts, None),
        ("convergence", Quantity::Convergence, None),
        ("convergence_p99", Quantity::Convergence, quantile(0.99)),
    ];
    let found = wanted.into_iter().filter_map(|(name, quantity, stat)| {
        let probe = Probe { quantity, stat, scope, resource: None, per: None };
        study.mean(|stretch| probe::read(&probe, stretch)).map(|value| (name.to_owned(), value))
    });
    let mut found: BTreeMap<String, Estimate> = found.collect();
    let probe = Probe { quantity: Quantity::LeaderChanges, stat: None, scope, resource: None, per: None };
    let changes = study.mean(|stretch| probe::read(&probe, stretch)).filter(|changes| 0.0 < changes.mean);
    found.extend(changes.map(|changes| ("leader_changes".to_owned(), changes)));
    of_splits(study, scope, &mut found);
    found
}

/// What a cache showed of what had changed at its origin; nothing where nothing is ever released.
fn of_shown(study: &Study, scope: Scope) -> Vec<(String, Estimate)> {
    if study.measured.iter().all(|stretch| !stretch.shows_releases(scope)) {
        return Vec::new();
    }
    let wanted = [
        ("stale_reads", Quantity::StaleReads, None),
        ("staleness_p99", Quantity::Staleness, Some(Stat::Quantile(0.99))),
        ("staleness_max", Quantity::Staleness, Some(Stat::Max)),
    ];
    let found = wanted.into_iter().filter_map(|(name, quantity, stat)| {
        let probe = Probe { quantity, stat, scope, resource: None, per: None };
        study.mean(|stretch| probe::read(&probe, stretch)).map(|value| (name.to_owned(), value))
    });
    found.collect()
}

/// How long there were two primaries, and what each of them took meanwhile; nothing if there never were.
fn of_splits(study: &Study, scope: Scope, found: &mut BTreeMap<String, Estimate>) {
    let apart = study.mean(|stretch| Some(stretch.split_brain(scope)));
    let Some(apart) = apart.filter(|apart| 0.0 < apart.mean) else { return };
    let writes = |side: usize| study.mean(|stretch| Some(stretch.split_writes(scope)[side]));
    let probe = Probe { quantity: Quantity::Conflicts, stat: None, scope, resource: None, per: Some(Per::Count) };
    let wanted = [
        ("split_brain", Some(apart)),
        ("split_writes_newer", writes(0)),
        ("split_writes_older", writes(1)),
        ("split_conflicts", study.mean(|stretch| probe::read(&probe, stretch))),
    ];
    found.extend(wanted.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

/// What was done where the data of requests must not be; nothing if nothing was.
fn outside(study: &Study, scope: Scope) -> Vec<(String, Estimate)> {
    let wanted = [("visits_outside", Quantity::VisitsOutside), ("bytes_outside", Quantity::BytesOutside)];
    let found = wanted.into_iter().filter_map(|(name, quantity)| {
        let probe = Probe { quantity, stat: None, scope, resource: None, per: None };
        study.mean(|stretch| probe::read(&probe, stretch)).map(|value| (name.to_owned(), value))
    });
    found.filter(|(_, value)| 0.0 < value.mean).collect()
}

/// What a telemetry has seen and kept.
fn of_telemetry(study: &Study, index: usize) -> BTreeMap<String, Estimate> {
    let mut found = BTreeMap::new();
    let of = |tallies: &Tallies| tallies.components[index].telemetry.as_deref().copied();
    if study.measured.iter().any(|stretch| of(stretch.to).is_none()) {
        return found;
    }
    let mut add = |name: &str, figure: fn(&TelemetryTally) -> f64, per: f64| {
        let rate = |stretch: &Between| {
            let grown = figure(&of(stretch.to)?) - of(stretch.from).map_or(0.0, |before| figure(&before));
            Some(grown / stretch.seconds() * per * study.model.scale_of(Scope::All))
        };
        found.extend(study.mean(rate).filter(|rate| 0.0 < rate.mean).map(|rate| (name.to_owned(), rate)));
    };
    add("log_lines_per_s", |t| t.lines as f64, 1.0);
    add("log_lines_kept_per_s", |t| t.lines_kept as f64, 1.0);
    add("log_bytes_per_day", |t| t.log_bytes, DAY);
    add("metric_points_per_s", |t| t.points, 1.0);
    add("metric_bytes_per_day", |t| t.metric_bytes, DAY);
    add("spans_per_s", |t| t.spans as f64, 1.0);
    add("spans_kept_per_s", |t| t.spans_kept as f64, 1.0);
    add("trace_bytes_per_day", |t| t.trace_bytes, DAY);
    add("sent_bytes_per_s", |t| t.sent_bytes, 1.0);
    add("agent_cores", |t| t.core_ns as f64 * 1e-9, 1.0);
    found
}

/// A figure of a cache with its name in the report.
type Named = (&'static str, fn(&CacheTally) -> u64);

/// What happened to the entries of a cache.
fn of_cache(study: &Study, index: usize) -> BTreeMap<String, Estimate> {
    let mut found = BTreeMap::new();
    if !study.model.components[index].keeps_entries() || study.model.components[index].kind == "store" {
        return found;
    }
    let now = |stretch: &Between, of: fn(&CacheTally) -> u64| of(&stretch.to.components[index].cache);
    let gained =
        |stretch: &Between, of: fn(&CacheTally) -> u64| now(stretch, of) - of(&stretch.from.components[index].cache);
    let rates: [Named; 5] = [
        ("evictions_per_s", |tally| tally.evicted),
        ("expired_per_s", |tally| tally.expired),
        ("refused_per_s", |tally| tally.refused),
        ("coalesced_per_s", |tally| tally.coalesced),
        ("stale_hits_per_s", |tally| tally.stale),
    ];
    for (name, of) in rates {
        let rate = study.rate(|stretch| gained(stretch, of));
        if 0.0 < rate.mean {
            found.insert(name.to_owned(), rate);
        }
    }
    let levels: [Named; 2] = [("entries", |tally| tally.entries), ("bytes_kept", |tally| tally.bytes)];
    for (name, of) in levels {
        found.extend(study.mean(|stretch| Some(now(stretch, of) as f64)).map(|level| (name.to_owned(), level)));
    }
    let lost = study.mean(|stretch| Some(gained(stretch, |tally| tally.lost_writes) as f64));
    found.extend(lost.filter(|lost| 0.0 < lost.mean).map(|lost| ("lost_writes".to_owned(), lost)));
    found
}

/// What callers did about the component when it was failing or slow; only what was set up.
fn of_guards(study: &Study, index: usize) -> BTreeMap<String, Estimate> {
    let tally = |tallies: &Tallies| tallies.components[index].guards;
    let gained = |of: fn(&GuardTally) -> u128| {
        study.mean(|stretch| Some((of(&tally(stretch.to)) - of(&tally(stretch.from))) as f64))
    };
    let share = |of: fn(&GuardTally) -> u128, among: fn(&GuardTally) -> u64| {
        study.mean(|stretch| {
            let spent = (of(&tally(stretch.to)) - of(&tally(stretch.from))) as f64 * 1e-9;
            Some(spent / (stretch.seconds() * among(&tally(stretch.to)) as f64))
        })
    };
    let Some(last) = study.measured.first().map(|stretch| tally(stretch.to)) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    if 0 < last.breakers {
        found.insert("breaker_openings", gained(|tally| tally.opened.into()));
        found.insert("breaker_open_share", share(|tally| tally.open_ns, |tally| tally.breakers));
    }
    if 0 < last.benches {
        found.insert("ejections", gained(|tally| tally.ejections.into()));
        found.insert("ejected_instances", share(|tally| tally.ejected_ns, |tally| tally.benches));
    }
    if study.model.hedges.iter().any(|hedge| usize::from(hedge.target) == index) {
        let per_s =
            |of: fn(&GuardTally) -> u64| Some(study.rate(|stretch| of(&tally(stretch.to)) - of(&tally(stretch.from))));
        found.insert("hedges_per_s", per_s(|tally| tally.hedges));
        found.insert("hedges_won_per_s", per_s(|tally| tally.hedges_won));
    }
    found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Busiest over least busy instance: of their cores, or of their slots where cores have no limit.
fn spread(parts: &[Busy]) -> Option<f64> {
    let of =
        |wanted: fn(&Busy) -> bool| -> Vec<f64> { parts.iter().filter(|part| wanted(part)).map(Busy::share).collect() };
    let cores = of(|part| part.resource == Resource::Cores);
    let slots = of(|part| matches!(part.resource, Resource::Workers | Resource::Connections));
    let shares = if 1 < cores.len() { cores } else { slots };
    let least = shares.iter().copied().reduce(f64::min).filter(|least| 0.0 < *least && 1 < shares.len())?;
    shares.into_iter().reduce(f64::max).map(|most| most / least)
}

fn utilisations(study: &Study, scope: Scope) -> Utilisations {
    let parts: Vec<Vec<Busy>> = study.measured.iter().map(|stretch| stretch.busy(scope)).collect();
    let of = |resource| utilisation(study, scope, resource, &parts);
    Utilisations {
        cores: of(Resource::Cores),
        workers: of(Resource::Workers),
        memory: of(Resource::Memory),
        disk: of(Resource::Disk),
        nic: of(Resource::Nic),
        connections: of(Resource::Connections),
        pool: of(Resource::Pool),
    }
}

fn utilisation(study: &Study, scope: Scope, resource: Resource, parts: &[Vec<Busy>]) -> Option<Utilisation> {
    let shares: Vec<f64> = parts.iter().filter_map(|parts| together(parts, resource)).collect();
    let share = estimate::mean(&shares)?;
    let mut windows: Vec<f64> = (0..study.records.len())
        .flat_map(|index| windows::shares(&study.records[index], study.model, scope, resource, study.windows(index)))
        .collect();
    windows.sort_by(f64::total_cmp);
    Some(Utilisation {
        share,
        p5: estimate::nearest_rank(&windows, 0.05),
        p95: estimate::nearest_rank(&windows, 0.95),
        max: windows.last().copied(),
        busiest: busiest(study, resource, parts),
    })
}

/// The busiest part on average over the replications, where there are several.
fn busiest(study: &Study, resource: Resource, parts: &[Vec<Busy>]) -> Option<report::Part> {
    let mut sums: Vec<(Part, f64)> = Vec::new();
    for part in parts.iter().flatten().filter(|part| part.resource == resource) {
        match sums.iter_mut().find(|(known, _)| *known == part.part) {
            Some((_, sum)) => *sum += part.share(),
            None => sums.push((part.part, part.share())),
        }
    }
    if sums.len() < 2 {
        return None;
    }
    let (part, sum) = sums.into_iter().reduce(|best, other| if best.1 < other.1 { other } else { best })?;
    Some(report::Part { name: part_name(study.model, part), share: sum / parts.len() as f64 })
}

/// How fast the budgets of objectives were used up.
pub(super) fn budgets(study: &Study) -> Vec<report::Budget> {
    let of = |budget: &crate::model::budget::Budget| {
        let counts: Vec<Counts> = study.measured.iter().map(|stretch| stretch.counts(budget.scope)).collect();
        let burn = |counts: &Counts| counts.failed as f64 / counts.finished() as f64 / budget.allowed;
        let burns: Vec<f64> = counts.iter().map(burn).filter(|burn| burn.is_finite()).collect();
        report::Budget { objective: budget.objective.clone(), allowed: budget.allowed, burn: estimate::mean(&burns) }
    };
    study.model.budgets.iter().map(of).collect()
}

/// The slowest requests of all replications, then some at random.
pub(super) fn exemplars(study: &Study) -> Vec<Exemplar> {
    let mut all: Vec<(u32, &record::Exemplar)> = Vec::new();
    for (index, record) in study.records.iter().enumerate() {
        let from = study.measured[index].from.at;
        all.extend(record.exemplars.iter().filter(|seen| from <= seen.arrived).map(|seen| (index as u32, seen)));
    }
    let (random, mut slowest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, seen)| seen.is_random);
    slowest.sort_by(|a, b| b.1.latency.cmp(&a.1.latency).then(a.0.cmp(&b.0)));
    let chosen = slowest.into_iter().take(EXEMPLARS).chain(random.into_iter().take(RANDOM));
    chosen.map(|(replication, seen)| exemplar(study, replication, seen)).collect()
}

fn exemplar(study: &Study, replication: u32, seen: &record::Exemplar) -> Exemplar {
    let model = study.model;
    let source = &model.sources[usize::from(model.classes[usize::from(seen.class)].source)];
    let span = |segment: &record::Segment| {
        let cell = &model.cells[usize::from(segment.cell)];
        let operation = model.operations.get(usize::from(segment.operation)).map(|operation| operation.name.clone());
        let since = |at: Time| (at - seen.arrived).secs();
        let (start_s, end_s) = (since(segment.start), since(segment.end));
        ExemplarSpan { component: cell.name.clone(), operation, cause: cell.cause.word(), start_s, end_s }
    };
    Exemplar {
        request: format!("{}#{}", source.name, seen.number),
        replication,
        arrived_s: seen.arrived.secs(),
        latency_s: seen.latency.secs(),
        chosen: if seen.is_random { "random" } else { "slowest" },
        outcome: seen.failed.map_or("ok", |kind| model.failures[usize::from(kind)].as_str()).to_owned(),
        spans: seen.segments.iter().map(span).collect(),
    }
}

/// A line for each replication.
pub(super) fn replications(study: &Study, stability: &Stability) -> Vec<Replication> {
    let line = |(index, stretch): (usize, &Between)| {
        let (counts, times) = (stretch.counts(Scope::All), stretch.latency(Scope::All, Outcome::All));
        let finished = counts.finished();
        Replication {
            replication: index as u32,
            events: study.records[index].events,
            requests: end(&study.records[index]).tallies.finished,
            throughput_per_s: finished as f64 * study.model.scale_of(Scope::All) / stretch.seconds().max(1e-9),
            error_ratio: (0 < finished).then(|| counts.failed as f64 / finished as f64),
            mean_s: times.mean(),
            p50_s: times.quantile(0.5),
            p99_s: times.quantile(0.99),
            stable: !stability.unstable[index],
        }
    };
    study.measured.iter().enumerate().map(line).collect()
}
