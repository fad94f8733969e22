//! Statistics over the windows of the time series: how busy things were second by second, not only on average.

use std::ops::Range;

use crate::analysis::estimate::nearest_rank;
use crate::model::{Model, Probe, Scope};
use crate::probe::Between;
use crate::record::{Record, Tracked, TrackedKind};
use crate::scenario::condition::{Per, Quantity, Resource, Stat};

/// A quantile, maximum or minimum over windows, for measures that have no other: utilisation, rates, shares and queues.
/// `None` for plain means, and for what the series does not hold.
pub fn statistic(record: &Record, probe: &Probe, stretch: &Between) -> Option<f64> {
    let range = range(record, stretch);
    let (q, is_extreme) = match probe.stat? {
        Stat::Mean => return None,
        Stat::Quantile(q) => (q, false),
        Stat::Max => (1.0, true),
        Stat::Min => (0.0, true),
    };
    if probe.per == Some(Per::Instance) || probe.per == Some(Per::Count) {
        return None;
    }
    let mut values = match probe.quantity {
        Quantity::Utilisation => match probe.resource {
            Some(resource) => shares(record, stretch.model, probe.scope, resource, range),
            None => busiest(record, stretch.model, probe.scope, &range),
        },
        Quantity::Queue if !is_extreme => queues(record, stretch.model, probe.scope, range),
        Quantity::InFlight if !is_extreme => of_all(record, probe, range)?,
        Quantity::Throughput | Quantity::Goodput | Quantity::Arrivals | Quantity::Errors | Quantity::Availability => {
            of_all(record, probe, range)?
        }
        _ => return None,
    };
    let is_count = !matches!(probe.quantity, Quantity::Utilisation | Quantity::Errors | Quantity::Availability);
    let whole = if is_count { stretch.model.scale_of(probe.scope) } else { 1.0 };
    values.sort_by(f64::total_cmp);
    nearest_rank(&values, q).map(|value| value * whole)
}

/// The whole windows inside a stretch.
fn range(record: &Record, stretch: &Between) -> Range<usize> {
    let window = record.series.window.0.max(1);
    let (first, end) = (stretch.from.at.0.div_ceil(window) as usize, (stretch.to.at.0 / window) as usize);
    let end = end.min(record.series.ok.len());
    first.min(end)..end
}

/// What all requests together did, window by window.
fn of_all(record: &Record, probe: &Probe, range: Range<usize>) -> Option<Vec<f64>> {
    if probe.scope != Scope::All {
        return None;
    }
    let series = &record.series;
    let seconds = series.window.secs();
    let of = |window: usize| {
        let (ok, failed) = (f64::from(series.ok[window]), f64::from(series.failed[window]));
        match probe.quantity {
            Quantity::Arrivals => f64::from(series.offered[window]) / seconds,
            Quantity::Throughput => (ok + failed) / seconds,
            Quantity::Goodput => ok / seconds,
            Quantity::Errors => failed / (ok + failed),
            Quantity::Availability => ok / (ok + failed),
            _ => f64::from(series.in_flight[window]),
        }
    };
    Some(range.map(of).filter(|value| !value.is_nan()).collect())
}

/// The share busy of one resource in a scope, window by window: the mean over its parts.
pub fn shares(record: &Record, model: &Model, scope: Scope, resource: Resource, range: Range<usize>) -> Vec<f64> {
    let chosen: Vec<&Tracked> =
        tracked(record, model, scope).filter(|(kind, _)| *kind == resource).map(|(_, t)| t).collect();
    if chosen.is_empty() {
        return Vec::new();
    }
    let mean = |window: usize| {
        chosen.iter().map(|tracked| f64::from(tracked.share[window])).sum::<f64>() / chosen.len() as f64
    };
    range.map(mean).collect()
}

/// The busiest resource of a scope, window by window.
fn busiest(record: &Record, model: &Model, scope: Scope, range: &Range<usize>) -> Vec<f64> {
    let chosen: Vec<&Tracked> = tracked(record, model, scope).map(|(_, tracked)| tracked).collect();
    let most = |window| chosen.iter().map(|tracked| f64::from(tracked.share[window])).reduce(f64::max);
    range.clone().filter_map(most).collect()
}

fn queues(record: &Record, model: &Model, scope: Scope, range: Range<usize>) -> Vec<f64> {
    let chosen: Vec<&Tracked> = tracked(record, model, scope)
        .filter(|(kind, _)| match scope {
            Scope::Pool(_) => true,
            _ => matches!(kind, Resource::Workers | Resource::Connections),
        })
        .map(|(_, tracked)| tracked)
        .collect();
    if chosen.is_empty() {
        return Vec::new();
    }
    range.map(|window| chosen.iter().map(|tracked| f64::from(tracked.queue[window])).sum()).collect()
}

/// The resources of a scope that the series keeps.
fn tracked<'r>(
    record: &'r Record,
    model: &'r Model,
    scope: Scope,
) -> impl Iterator<Item = (Resource, &'r Tracked)> + use<'r> {
    let resource = |tracked: &Tracked| match tracked.what {
        TrackedKind::Slots => model.components[tracked.index as usize].slots_are,
        TrackedKind::Cores => Resource::Cores,
        TrackedKind::Disk => Resource::Disk,
        TrackedKind::Nic => Resource::Nic,
        TrackedKind::Memory => Resource::Memory,
        TrackedKind::Pool => Resource::Pool,
    };
    let chosen = record.series.busy.iter().filter(move |tracked| belongs(model, tracked, scope));
    chosen.map(move |tracked| (resource(tracked), tracked))
}

fn belongs(model: &Model, tracked: &Tracked, scope: Scope) -> bool {
    let index = tracked.index;
    let hosts = index..index + tracked.hosts;
    let stands_on = |component: u16| {
        let owner = |name: &str| name.split('/').next().map(str::to_owned);
        // One of several hosts is there for measures that name it.
        let is_single = tracked.hosts == 1
            && model.hosts.iter().filter(|h| owner(&h.name) == owner(&model.hosts[index as usize].name)).count() != 1;
        !is_single && model.stations.iter().any(|s| s.component == component && hosts.contains(&s.host))
    };
    let is_one = tracked.hosts == 1;
    match (tracked.what, scope) {
        (_, Scope::All) => true,
        (TrackedKind::Slots, Scope::Component(component)) => index == u32::from(component),
        (TrackedKind::Slots, Scope::Station(station)) => {
            let component = &model.components[index as usize];
            component.count == 1 && component.first == station
        }
        (TrackedKind::Pool, Scope::Component(component)) => model.pools[index as usize].owner == component,
        (TrackedKind::Pool, Scope::Pool(pool)) => index == u32::from(pool),
        (TrackedKind::Slots | TrackedKind::Pool, _) => false,
        (_, Scope::Component(component)) => stands_on(component),
        (_, Scope::Station(station)) => is_one && model.stations[station as usize].host == index,
        (_, Scope::Stations(first, count)) => {
            is_one && (first..first + count).any(|station| model.stations[station as usize].host == index)
        }
        (_, Scope::Host(host)) => is_one && host == index,
        _ => false,
    }
}
