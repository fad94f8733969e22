//! Which resource limits the system, and where the time of requests goes.
//!
//! The bottleneck is the busiest resource on its busiest part. A worker that is held while it waits for something else is
//! busy without being at fault: where another resource is nearly as busy, workers that do less than half of their time's
//! work themselves give way to it. Among resources about as busy the one that the slowest requests wait for most is named.

use std::collections::BTreeMap;

use crate::analysis::study::Study;
use crate::model::{Cause, Model, NONE, Scope};
use crate::probe::{Between, Busy, Part};
use crate::record::{ComponentTally, Tallies};
use crate::report::{Bottleneck, TimeGoes, TimeShare};
use crate::scenario::condition::Resource;

/// A request's time is kept in ticks of so many seconds.
pub const TICK_S: f64 = 256e-9;
/// Share of the slowest requests that are looked at on their own.
const SLOWEST: f64 = 0.01;
/// Resources within this factor of the busiest are compared by what waits for them.
const NEAR: f64 = 0.9;

/// One kind of resource of one component, on average over the replications.
#[derive(Clone, Debug, PartialEq)]
struct Candidate {
    component: String,
    resource: Resource,
    busiest: f64,
    waiting: f64,
    /// Asked for over done: above 1 where requests are turned away at the door.
    asked: f64,
    blames_others: bool,
}

/// The word for a resource in reports.
pub fn word(resource: Resource) -> &'static str {
    match resource {
        Resource::Cores => "cores",
        Resource::Workers => "workers",
        Resource::Memory => "memory",
        Resource::Disk => "disk",
        Resource::Nic => "nic",
        Resource::Connections => "connections",
        Resource::Pool => "pool",
    }
}

/// The resource that limits the system; `None` where nothing has a limit.
pub fn find(study: &Study, time: &TimeGoes) -> Option<Bottleneck> {
    let mut candidates = candidates(study, time);
    let busiest = |list: &[Candidate]| list.iter().map(|candidate| candidate.busiest).fold(0.0, f64::max);
    let near = NEAR * busiest(&candidates);
    if candidates.iter().any(|candidate| near <= candidate.busiest && !candidate.blames_others) {
        candidates.retain(|candidate| !candidate.blames_others);
    }
    let near = NEAR * busiest(&candidates);
    candidates.retain(|candidate| near <= candidate.busiest);
    let rank = |candidate: &Candidate| candidate.waiting.max(0.01) * candidate.busiest;
    let best = candidates.into_iter().reduce(|best, other| if rank(&best) < rank(&other) { other } else { best })?;
    (0.0 < best.busiest).then(|| Bottleneck {
        why: why(&best),
        utilisation: best.busiest,
        headroom: 1.0 / (best.busiest * best.asked),
        resource: word(best.resource),
        component: best.component,
    })
}

/// Each resource with a limit: whose it is, and how busy its busiest part was in each replication.
pub fn busiest_parts(study: &Study) -> Vec<(String, Resource, Vec<f64>)> {
    let mut found: Vec<(String, Resource, Vec<f64>)> = Vec::new();
    for (index, component) in study.model.components.iter().enumerate() {
        let scope = Scope::Component(index as u16);
        let parts: Vec<Vec<Busy>> = study.measured.iter().map(|stretch| stretch.busy(scope)).collect();
        for resource in resources(&parts) {
            let name = owner(study, &component.name, resource, &parts);
            let most = |parts: &Vec<Busy>| {
                let own = parts.iter().filter(|part| part.resource == resource);
                own.map(Busy::share).fold(0.0, f64::max)
            };
            if !found.iter().any(|(known, of, _)| *known == name && *of == resource) {
                found.push((name, resource, parts.iter().map(most).collect()));
            }
        }
    }
    found
}

fn why(candidate: &Candidate) -> String {
    let Candidate { component, resource, .. } = candidate;
    let busy = percent(candidate.busiest);
    let limit = match resource {
        Resource::Disk => format!("the disk of {component} is {busy} busy"),
        Resource::Nic => format!("the network card of {component} is {busy} busy"),
        Resource::Memory => format!("{busy} of the memory of {component} is in use"),
        Resource::Pool => format!("{busy} of the connections of pool {component} are in use"),
        Resource::Cores => format!("the cores of {component} are {busy} busy"),
        Resource::Workers | Resource::Connections => {
            format!("{busy} of the {} of {component} are in use", word(*resource))
        }
    };
    let refused = match candidate.asked {
        asked if 1.005 < asked => format!(" and it turns away {} of what it is asked", percent(1.0 - 1.0 / asked)),
        _ => String::new(),
    };
    let slowest = match candidate.waiting {
        share if 0.005 <= share => format!("; {} of the time of the slowest 1% goes there", percent(share)),
        _ => String::new(),
    };
    limit + &refused + &slowest
}

fn percent(share: f64) -> String {
    if share < 0.0995 { format!("{:.1}%", 100.0 * share) } else { format!("{:.0}%", 100.0 * share) }
}

/// Everything with a limit, in the order of components, then hosts and pools that belong to none.
fn candidates(study: &Study, time: &TimeGoes) -> Vec<Candidate> {
    let model = study.model;
    let mut found: BTreeMap<(String, &'static str), Candidate> = BTreeMap::new();
    for (index, component) in model.components.iter().enumerate() {
        let scope = Scope::Component(index as u16);
        let parts: Vec<Vec<Busy>> = study.measured.iter().map(|stretch| stretch.busy(scope)).collect();
        for resource in resources(&parts) {
            let name = owner(study, &component.name, resource, &parts);
            let candidate = Candidate {
                busiest: busiest(&parts, resource),
                waiting: waiting(&component.name, resource, &time.slowest_1_percent),
                asked: asked(study, index),
                blames_others: blames_others(study, index, resource),
                component: name.clone(),
                resource,
            };
            let entry = found.entry((name, word(resource))).or_insert_with(|| candidate.clone());
            entry.waiting = entry.waiting.max(candidate.waiting);
            entry.asked = entry.asked.max(candidate.asked);
        }
    }
    found.into_values().collect()
}

/// What the resource is called after: its component, or the host or pool where that is shared and has a name of its own.
fn owner(study: &Study, component: &str, resource: Resource, parts: &[Vec<Busy>]) -> String {
    let part = parts.iter().flatten().find(|part| part.resource == resource).map(|part| part.part);
    match part {
        Some(Part::Pool(pool)) => study.model.pools[usize::from(pool)].name.clone(),
        Some(Part::Host(host)) if is_shared(study, host) => {
            let name = &study.model.hosts[host as usize].name;
            name.rsplit_once('/').map_or(name.as_str(), |(name, _)| name).to_owned()
        }
        _ => component.to_owned(),
    }
}

/// Whether instances of several components stand on the host.
fn is_shared(study: &Study, host: u32) -> bool {
    let mut owners =
        study.model.stations.iter().filter(|station| station.host == host).map(|station| station.component);
    owners.next().is_some_and(|first| owners.any(|other| other != first))
}

fn resources(parts: &[Vec<Busy>]) -> Vec<Resource> {
    let mut found: Vec<Resource> = Vec::new();
    for part in parts.iter().flatten() {
        if !found.contains(&part.resource) {
            found.push(part.resource);
        }
    }
    found
}

/// The busiest part on average over the replications.
fn busiest(parts: &[Vec<Busy>], resource: Resource) -> f64 {
    let mut sums: Vec<(Part, f64)> = Vec::new();
    for part in parts.iter().flatten().filter(|part| part.resource == resource) {
        match sums.iter_mut().find(|(known, _)| *known == part.part) {
            Some((_, sum)) => *sum += part.share(),
            None => sums.push((part.part, part.share())),
        }
    }
    sums.into_iter().map(|(_, sum)| sum / parts.len() as f64).fold(0.0, f64::max)
}

/// The share of the slowest requests' time that goes to queueing for the resource or using it.
fn waiting(component: &str, resource: Resource, slowest: &[TimeShare]) -> f64 {
    let cause = match resource {
        Resource::Workers | Resource::Connections => Cause::Wait,
        Resource::Cores => Cause::Cpu,
        Resource::Disk => Cause::Disk,
        Resource::Nic => Cause::Network,
        Resource::Pool => Cause::Pool,
        Resource::Memory => return 0.0,
    };
    let there = |share: &&TimeShare| share.component == component && share.cause == cause.word();
    slowest.iter().filter(there).map(|share| share.share).sum()
}

/// Arrivals at the door over those that got in.
fn asked(study: &Study, component: usize) -> f64 {
    let sum = |of: fn(&ComponentTally) -> u64| -> u64 {
        let gained =
            |stretch: &Between| of(&stretch.to.components[component]) - of(&stretch.from.components[component]);
        study.measured.iter().map(gained).sum()
    };
    let arrivals = sum(|tally| tally.arrivals);
    let rejected = sum(|tally| tally.rejected.iter().sum());
    if rejected < arrivals { arrivals as f64 / (arrivals - rejected) as f64 } else { 1.0 }
}

/// Whether workers spend most of their time waiting for what they called.
fn blames_others(study: &Study, index: usize, resource: Resource) -> bool {
    let component = &study.model.components[index];
    if component.slots == NONE || resource != component.slots_are || component.waits_async {
        return false;
    }
    let stations = component.first as usize..(component.first + component.count) as usize;
    let held =
        |tallies: &Tallies| tallies.stations[stations.clone()].iter().map(|station| station.busy_ns).sum::<u128>();
    let own = |tallies: &Tallies| {
        let cells = study.model.cells.iter().zip(tallies.cells.iter().zip(&tallies.wasted));
        let is_own = |cause| matches!(cause, Cause::Cpu | Cause::Service | Cause::Disk | Cause::Lock);
        let ticks = cells.filter(|(cell, _)| cell.name == component.name && is_own(cell.cause));
        ticks.map(|(_, (spent, wasted))| spent + wasted).sum::<u64>()
    };
    let (mut held_s, mut own_s) = (0.0, 0.0);
    for stretch in &study.measured {
        held_s += (held(stretch.to) - held(stretch.from)) as f64 * 1e-9;
        own_s += (own(stretch.to) - own(stretch.from)) as f64 * TICK_S;
    }
    own_s < 0.5 * held_s
}

/// Where the mean request and the slowest spend their time, the largest share first.
pub fn where_time_goes(study: &Study) -> TimeGoes {
    let cells = study.model.cells.len();
    let (mut all, mut finished) = (vec![0.0; cells], 0.0);
    for Between { from, to, .. } in &study.measured {
        finished += (to.finished - from.finished) as f64;
        for (cell, sum) in all.iter_mut().enumerate() {
            *sum += (to.cells[cell] - from.cells[cell]) as f64;
        }
    }
    let (slow, slowest) = slowest(study);
    TimeGoes { mean: shares(study, &all, finished), slowest_1_percent: shares(study, &slow, slowest) }
}

/// Ticks per cell of the slowest requests, and how many those are. The last bucket counts in part.
fn slowest(study: &Study) -> (Vec<f64>, f64) {
    let buckets = study.measured.iter().map(|stretch| stretch.to.tail.len()).max().unwrap_or(0);
    let finished: u64 = study.measured.iter().map(|stretch| stretch.to.finished - stretch.from.finished).sum();
    let mut left = (SLOWEST * finished as f64).max(1.0);
    let (mut ticks, mut taken) = (vec![0.0; study.model.cells.len()], 0.0);
    for bucket in (0..buckets).rev() {
        let (count, sums) = bucket_of(study, bucket);
        if count == 0 {
            continue;
        }
        let part = (left / count as f64).min(1.0);
        for (tick, sum) in ticks.iter_mut().zip(&sums) {
            *tick += part * *sum as f64;
        }
        left -= part * count as f64;
        taken += part * count as f64;
        if left <= 0.0 {
            break;
        }
    }
    (ticks, taken)
}

/// One latency bucket over the measured stretches of all replications.
fn bucket_of(study: &Study, bucket: usize) -> (u64, Vec<u64>) {
    let mut sums = vec![0; study.model.cells.len()];
    let mut count = 0;
    let none = (0, Vec::new());
    for Between { from, to, .. } in &study.measured {
        let (before, after) = (from.tail.get(bucket).unwrap_or(&none), to.tail.get(bucket).unwrap_or(&none));
        count += after.0 - before.0;
        for (cell, sum) in sums.iter_mut().enumerate() {
            *sum += after.1.get(cell).unwrap_or(&0) - before.1.get(cell).unwrap_or(&0);
        }
    }
    (count, sums)
}

fn shares(study: &Study, ticks: &[f64], requests: f64) -> Vec<TimeShare> {
    let total: f64 = ticks.iter().sum();
    let cells = study.model.cells.iter().zip(ticks).filter(|(_, ticks)| 0.0 < **ticks);
    let mut list: Vec<TimeShare> = cells
        .map(|(cell, &ticks)| TimeShare {
            component: cell.name.clone(),
            cause: cell.cause.word(),
            share: ticks / total,
            seconds: ticks * TICK_S / requests,
        })
        .collect();
    list.sort_by(|a, b| b.share.total_cmp(&a.share));
    list
}

/// The name of a part as the author may write it: `web/2`, `box/0`, or that of a pool.
pub fn part_name(model: &Model, part: Part) -> String {
    match part {
        Part::Station(station) => model.part(station),
        Part::Host(host) => model.hosts[host as usize].name.clone(),
        Part::Pool(pool) => model.pools[usize::from(pool)].name.clone(),
    }
}
