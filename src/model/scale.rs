//! A run at a scale, `run: {scale: 1/50}`: every 50th user and every 50th instance, and nothing else changes.
//!
//! What there are many of becomes fewer: rates, clients, arrivals of a trace, values of a key, rows, instances and shared
//! hosts. What one of them does or has stays as it is, so a user keeps its rate and its own limit, and an instance its
//! workers and cores. Where there are not that many (a database has one primary) each becomes smaller instead, in what it
//! has: workers or connections, cores, disk, network, memory, its pools. What all share (a rate limit, a link) becomes
//! smaller by the whole factor. Of 20 instances at 1/50 one is left, with two fifths of its figures.
//!
//! What can go wrong, each told by name: a number that is not whole afterwards; what there is one of and no part of
//! (background work, a lock for all, a fault that hits one of many). What stays wrong, and the report says so: a small
//! pool queues more than a large one at the same utilisation, so waiting is overstated. Queue limits are rounded up.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot};
use crate::model::arrows::arrow;
use crate::model::compile::{every_body, walk};
use crate::model::prices::{Metered, Price};
use crate::model::{Buffer, Host, Model, NONE, NONE16, Scale, Scope};
use crate::policy::limit::{self, Limit};
use crate::scenario::fault::Act;
use crate::scenario::load::Demand;
use crate::scenario::{self, KeyOrigin, KeyOverride, Kind, Length, MachineChoice, Part, Popularity};
use crate::scenario::{Component, Scenario, Target, Verb};

/// Kinds whose instances can be made smaller.
const DIVISIBLE: [&str; 6] = ["service", "balancer", "gateway", "database", "external", "queue"];

/// The scenario with fewer of everything there are many of.
pub(super) fn fewer(scenario: &Scenario, diags: &mut Diagnostics) -> Scenario {
    let mut small = scenario.clone();
    let mut scaling = Scaling { by: scenario.run.scale.value, scenario, diags };
    if let Length::Requests(count) = &mut small.run.length {
        *count = count.div_ceil(u64::from(scaling.by));
    }
    for (name, load) in &mut small.load {
        scaling.demand(name, load.spot, &mut load.value.demand);
        scaling.pinned(name, &load.value);
    }
    for (name, key) in &mut small.keys {
        scaling.key(name, key.spot, &mut key.value.origin);
    }
    for component in small.components.values_mut() {
        let part = scaling.part(&component.value);
        component.value.instances /= part.fewer;
        component.value.most = component.value.most.div_ceil(part.fewer);
        component.value.placement.at.iter_mut().for_each(|(_, count)| *count /= part.fewer);
        if let MachineChoice::Own(machines) = &mut component.value.placement.machine {
            for (_, count) in machines {
                *count /= part.fewer;
            }
        }
    }
    for host in small.hosts.values_mut() {
        let part = host_parts(scaling.by, &host.value);
        host.value.count /= part.fewer;
        host.value.at.iter_mut().for_each(|(_, count)| *count /= part.fewer);
    }
    scaling.faults();
    scaling.locks();
    small
}

/// Makes smaller what could not become fewer, and notes how, so that the report speaks of the whole. `whole` is the model
/// of the scenario as it was written.
pub(super) fn smaller(mut model: Model, whole: Model, scenario: &Scenario, diags: &mut Diagnostics) -> Model {
    let mut scaling = Scaling { by: scenario.run.scale.value, scenario, diags };
    let components = scenario.components.values().map(|component| scaling.part(&component.value).smaller).collect();
    let hosts = model.hosts.iter().map(|host| scaling.host_part(&host.name)).collect();
    let scale = Scale { by: scaling.by, components, hosts };
    for (host, by) in model.hosts.iter_mut().zip(&scale.hosts) {
        scaling.host(host, *by);
    }
    for vertical in &model.verticals {
        let (name, component) =
            scenario.components.iter().nth(usize::from(vertical.component)).expect("it was compiled");
        if scale.components[usize::from(vertical.component)] != 1 {
            let message =
                format!("the instances of `{name}` are too few to become fewer, and their sizes cannot be divided");
            scaling.tell(message, component.spot);
        }
    }
    for number in 0..model.components.len() {
        scaling.component(&mut model.components[number], scale.components[number]);
    }
    for pool in &mut model.pools {
        let by = scale.components.get(usize::from(pool.owner)).copied().unwrap_or(scale.by);
        let what = format!("connections of the pool `{}`", pool.name);
        pool.size = scaling.whole(&what, pool.size.into(), by, scaling.place(&pool.name)) as u32;
    }
    for limit in model.limits.iter_mut().filter(|limit| limit.key == NONE16) {
        scaling.limit(&limit.name, &mut limit.limit);
    }
    for topic in model.topics.iter_mut().filter(|topic| topic.depth != u64::MAX) {
        topic.depth = topic.depth.div_ceil(u64::from(scale.by));
    }
    for consumer in &mut model.consumers {
        consumer.prefetch = consumer.prefetch.div_ceil(scale.components[usize::from(consumer.component)]);
    }
    for pipe in &mut model.pipes {
        pipe.bytes_per_s /= f64::from(scale.by);
    }
    for wal in &mut model.wals {
        wal.pages = wal.pages.div_ceil(u64::from(scale.by));
    }
    model.prices = prices(whole.prices, std::mem::take(&mut model.prices));
    model.unpriced = whole.unpriced;
    model.run.scale = scale;
    model
}

/// The bill of the whole; lines that say which stations or hosts they are about, as these are numbered in the smaller model.
fn prices(whole: Vec<Price>, smaller: Vec<Price>) -> Vec<Price> {
    let is_numbered = |price: &Price| matches!(price.metered, Metered::Joining { .. } | Metered::Hosts { .. });
    let mut numbered = smaller.into_iter().filter(is_numbered);
    whole.into_iter().filter_map(|price| if is_numbered(&price) { numbered.next() } else { Some(price) }).collect()
}

impl Model {
    /// What a count in this scope stands for: 50 in a run at 1/50, 1 for an instance that is as it was written.
    pub fn scale_of(&self, scope: Scope) -> f64 {
        let scale = &self.run.scale;
        if scale.by <= 1 {
            return 1.0;
        }
        f64::from(match scope {
            Scope::Station(station) | Scope::Stations(station, _) => {
                scale.components[usize::from(self.stations[station as usize].component)]
            }
            Scope::Host(host) => scale.hosts[host as usize],
            // Whoever is left does what it always did.
            Scope::With(_) => 1,
            _ => scale.by,
        })
    }

    /// How many instances of the component one of them stands for.
    pub fn instances_for_one(&self, component: u16) -> f64 {
        let scale = &self.run.scale;
        scale.components.get(usize::from(component)).map_or(1.0, |smaller| f64::from(scale.by / smaller))
    }

    /// How many hosts one of them stands for.
    pub fn hosts_for_one(&self, host: u32) -> f64 {
        let scale = &self.run.scale;
        scale.hosts.get(host as usize).map_or(1.0, |smaller| f64::from(scale.by / smaller))
    }
}

/// By how much there are fewer of a thing, and by how much each that is left is smaller; the product is the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    fewer: u32,
    smaller: u32,
}

/// Fewer first: by the largest part of the scale that divides all these numbers.
fn split(by: u32, counts: impl IntoIterator<Item = u32>) -> Parts {
    let fewer = counts.into_iter().fold(by, gcd);
    Parts { fewer, smaller: by / fewer }
}

fn host_parts(by: u32, host: &scenario::Host) -> Parts {
    split(by, [host.count].into_iter().chain(host.at.iter().map(|(_, count)| *count)))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

struct Scaling<'a> {
    by: u32,
    scenario: &'a Scenario,
    diags: &'a mut Diagnostics,
}

impl Scaling<'_> {
    fn part(&self, component: &Component) -> Parts {
        // Shards and replicas each have their place, so none can be left out.
        if matches!(&component.kind, Kind::Database(database) if database.has_parts()) {
            return Parts { fewer: 1, smaller: self.by };
        }
        let machines = match &component.placement.machine {
            MachineChoice::Own(machines) => machines.iter().map(|(_, count)| *count).collect(),
            _ => Vec::new(),
        };
        let at = component.placement.at.iter().map(|(_, count)| *count);
        split(self.by, [component.instances].into_iter().chain(machines).chain(at))
    }

    /// By how much each host is smaller: `box/0` is one of the shared hosts `box`, or stands under an instance.
    fn host_part(&self, name: &str) -> u32 {
        let owner = name.split_once('/').map_or(name, |(owner, _)| owner);
        match (self.scenario.hosts.get(owner), self.scenario.components.get(owner)) {
            (Some(host), _) => host_parts(self.by, &host.value).smaller,
            (None, Some(component)) => self.part(&component.value).smaller,
            (None, None) => 1,
        }
    }

    fn demand(&mut self, name: &str, spot: Spot, demand: &mut Demand) {
        match demand {
            Demand::Open { rate } | Demand::Sessions { rate, .. } => *rate /= f64::from(self.by),
            Demand::Closed { clients, .. } => {
                *clients = self.whole(&format!("clients of `{name}`"), (*clients).into(), self.by, spot) as u32;
            }
            Demand::Trace { times } => {
                if times.len() < self.by as usize {
                    self.tell(
                        format!("`{name}` has {} arrivals, too few for a run at 1/{}", times.len(), self.by),
                        spot,
                    );
                }
                *times = times.iter().copied().skip(self.by as usize - 1).step_by(self.by as usize).collect();
            }
            Demand::Every { .. } => {
                self.tell(format!("`{name}` comes from nobody, so there is no 1/{} of it", self.by), spot);
            }
        }
    }

    /// A key that a load pins to a value must have that value afterwards.
    fn pinned(&mut self, load: &str, said: &scenario::load::Load) {
        for (key, value) in &said.keys {
            let count = self.scenario.keys.get(key).map(|key| &key.value.origin);
            let (KeyOverride::Value(pinned), Some(KeyOrigin::Drawn { count, .. })) = (&value.value, count) else {
                continue;
            };
            if *pinned < *count && count / u64::from(self.by) <= *pinned {
                self.tell(format!("`{load}` asks for {key} {pinned}, who is not among those left"), value.spot);
            }
        }
    }

    fn key(&mut self, name: &str, spot: Spot, origin: &mut KeyOrigin) {
        let (KeyOrigin::Drawn { count, .. } | KeyOrigin::Grouped { count, .. }) = origin else { return };
        *count = self.whole(&format!("values of `{name}`"), *count, self.by, spot);
        if let KeyOrigin::Drawn { popularity: Popularity::Trace(_), .. } = origin {
            self.tell(format!("`{name}` is replayed from a file, and a part of its values is another file"), spot);
        }
    }

    /// Killing one of a hundred is not killing one of the two that are left.
    fn faults(&mut self) {
        for (name, fault) in &self.scenario.faults {
            for target in targets(&fault.value.act) {
                self.target(name, target, fault.spot);
            }
        }
    }

    fn target(&mut self, name: &str, target: &Target, spot: Spot) {
        let component = self.scenario.components.get(&target.name.value).map(|c| self.part(&c.value));
        let host = self.scenario.hosts.get(&target.name.value).map(|host| host_parts(self.by, &host.value));
        let stands_for = component.or(host).map_or(1, |part| part.fewer);
        if 1 < stands_for && target.part != Part::All {
            let hit = &target.name.value;
            let message = format!("`{name}` hits one part of `{hit}`, and each that is left stands for {stands_for}");
            self.tell(message, spot);
        }
    }

    /// A lock without a key is one for all, and there is no part of it.
    fn locks(&mut self) {
        let scenario = self.scenario;
        for body in every_body(scenario) {
            walk(body, &mut |step| {
                if let (Verb::Lock { name, .. }, None) = (&step.verb.value, &step.key) {
                    self.tell(format!("the lock `{name}` is one for all, and there is no part of it"), step.verb.spot);
                }
            });
        }
    }

    fn host(&mut self, host: &mut Host, by: u32) {
        let owner = host.name.split_once('/').map_or("", |(owner, _)| owner);
        if host.cores != NONE {
            let what = format!("cores of a host of `{owner}`");
            host.cores = self.whole(&what, host.cores.into(), by, self.place(owner)) as u32;
        }
        let by = f64::from(by);
        host.disk_iops /= by;
        host.disk_bytes_per_s /= by;
        host.nic_bytes_per_s /= by;
        host.memory_bytes = (host.memory_bytes as f64 / by).ceil() as u64;
    }

    fn component(&mut self, component: &mut crate::model::Component, by: u32) {
        let place = self.place(&component.name);
        if 1 < by && !DIVISIBLE.contains(&component.kind) {
            let message = format!("`{}` is a {}, and no part of one can be simulated", component.name, component.kind);
            self.tell(message, place);
        }
        if component.slots != NONE {
            let slots = if component.kind == "database" { "connections" } else { "workers" };
            let what = format!("{slots} of `{}`", component.name);
            component.slots = self.whole(&what, component.slots.into(), by, place) as u32;
        }
        if component.queue_limit != NONE {
            component.queue_limit = component.queue_limit.div_ceil(by);
        }
        if let Some(pod) = &mut component.pod {
            (pod.request, pod.limit) = (pod.request / f64::from(by), pod.limit / f64::from(by));
        }
        component.image_bytes /= f64::from(by);
        component.memory_idle /= u64::from(by);
        if component.memory_limit != u64::MAX {
            component.memory_limit /= u64::from(by);
        }
        if let Some(Buffer { pages, data_pages, rows, .. }) = &mut component.buffer {
            *pages = (*pages / u64::from(by)).max(1);
            *data_pages = data_pages.div_ceil(u64::from(self.by));
            *rows = (*rows / f64::from(self.by)).ceil();
        }
    }

    /// A limit for all together.
    fn limit(&mut self, name: &str, limit: &mut Limit) {
        let place = self.place(name);
        let what = format!("requests that `{name}` lets through");
        match &mut limit.kind {
            limit::Kind::Window | limit::Kind::Sliding => {
                limit.count = self.whole(&what, limit.count as u64, self.by, place) as f64;
                return;
            }
            limit::Kind::Bucket { burst: Some(most) } => {
                *most = self.whole(&format!("tokens of `{name}`"), (*most).into(), self.by, place) as u32;
            }
            limit::Kind::Leaky { queue: Some(most) } => *most = most.div_ceil(self.by),
            limit::Kind::Bucket { burst: None } | limit::Kind::Leaky { queue: None } => {
                if limit.count / limit.period_s < f64::from(self.by) {
                    self.tell(format!("{what} in a second are fewer than {}", self.by), place);
                }
            }
        }
        limit.count /= f64::from(self.by);
    }

    /// A part of a whole number that is one too.
    fn whole(&mut self, what: &str, count: u64, by: u32, spot: Spot) -> u64 {
        let by = u64::from(by);
        if count == 0 || !count.is_multiple_of(by) {
            self.tell(format!("the {what} are {count}, and 1/{by} of that is not a whole number"), spot);
        }
        count / by
    }

    fn tell(&mut self, message: String, spot: Spot) {
        let made = Diagnostic::new(Code::CannotScale, spot, message);
        let made = made.note_at(self.scenario.run.scale.spot, "the scale");
        let made = made.help("choose a scale that fits, or run without one");
        // Hosts of one name say the same.
        if self.diags.iter().all(|known| *known != made) {
            self.diags.push(made);
        }
    }

    /// Where a component, a host or an arrow stands.
    fn place(&self, name: &str) -> Spot {
        let component = self.scenario.components.get(name).map(|component| component.spot);
        let host = self.scenario.hosts.get(name).map(|host| host.spot);
        let arrow = self.scenario.policies.iter().find(|entry| arrow(&entry.value.0) == name).map(|entry| entry.spot);
        component.or(host).or(arrow).unwrap_or(self.scenario.run.scale.spot)
    }
}

/// Whom a fault hits by name.
fn targets(act: &Act) -> Vec<&Target> {
    match act {
        Act::Kill(target) | Act::Slow { target, .. } | Act::Pause(target) | Act::Errors { target, .. } => vec![target],
        Act::Partition(sides) | Act::Link { sides, .. } => sides.iter().flatten().collect(),
        Act::Surge { .. }
        | Act::Reshard { .. }
        | Act::Expire { .. }
        | Act::Release { .. }
        | Act::Redrive { .. }
        | Act::Rewind { .. }
        | Act::Deploy(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fewer_before_each_is_smaller() {
        assert_eq!(Parts { fewer: 50, smaller: 1 }, split(50, [100]));
        assert_eq!(Parts { fewer: 1, smaller: 50 }, split(50, [1]));
        assert_eq!(Parts { fewer: 10, smaller: 5 }, split(50, [20]));
        assert_eq!(Parts { fewer: 2, smaller: 2 }, split(4, [10, 2, 8]));
        assert_eq!(Parts { fewer: 4, smaller: 1 }, split(4, [0, 8]), "a machine type for all instances counts none");
    }
}
