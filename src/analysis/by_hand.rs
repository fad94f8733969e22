//! The back of the envelope: what arithmetic says of a design, beside what simulation does.
//!
//! Users to requests a second; the utilisation law (rate x time held = how many are busy) for every resource; Erlang's C
//! formula for the wait at each of them as if it stood alone; Little's law for what is in flight. Waits by hand are those of
//! random arrivals and exponential times. Where the two part, the scenario mostly shows why, and that is said.

use crate::analysis::design::Design;
use crate::analysis::size::floor;
use crate::model::loads::Demand;
use crate::model::program::Step;
use crate::model::traffic::{Offered, Resource, Traffic};
use crate::model::{Model, NONE};
use crate::policy::arrivals::{Arrivals, Shape};
use crate::report::by_hand::{ByHand, Hand, SCHEMA};
use crate::report::evaluation::Figures;
use crate::scenario::Kind;
use crate::theory::multi::Mmc;

/// Shares of failures from which on they explain something.
const FAILS: f64 = 0.001;
/// Differences of the means from which on they are explained.
const APART: f64 = 0.05;

/// Estimates a design that was evaluated.
pub fn by_hand(design: &Design, figures: &Figures) -> ByHand {
    let model = &design.model;
    let traffic = model.traffic();
    let resources = resources(model, &traffic, figures);
    let fullest = resources.first().map(|hand| hand.utilisation).filter(|share| 0.0 < *share);
    let empty = empty(model, &traffic);
    let waits: f64 = resources.iter().filter_map(|hand| Some(hand.wait_s? * hand.rate_per_s)).sum();
    let fits = resources.iter().all(|hand| hand.utilisation < 1.0);
    let mean = empty.filter(|_| fits && 0.0 < traffic.created).map(|empty| empty + waits / traffic.created);
    let simulated = figures.value("mean");
    let apart = mean.zip(simulated).map(|(mean, simulated)| simulated / mean - 1.0);
    let machines = floor(model);
    ByHand {
        schema: SCHEMA,
        name: design.name.clone(),
        hash: figures.hash.clone(),
        seed: figures.seed,
        load_per_s: traffic.created,
        requests_per_day: traffic.created * 86_400.0,
        full_at_per_s: fullest.map(|share| traffic.created / share),
        resources,
        empty_s: empty,
        mean_s: mean,
        simulated_mean_s: simulated,
        simulated_p99_s: figures.value("p99"),
        in_flight: mean.map(|mean| mean * traffic.created),
        reasons: if apart.is_some_and(|apart| apart.abs() < APART) { Vec::new() } else { reasons(design, figures) },
        apart,
        storage_bytes: storage(design),
        network_bytes_per_s: network(model, &traffic),
        machines_usd_per_month: (0.0 < machines).then_some(machines),
        simulated_usd_per_month: figures.usd_per_month,
    }
}

fn word(what: Resource, model: &Model) -> &'static str {
    match what {
        Resource::Slots { component } => {
            crate::analysis::bottleneck::word(model.components[usize::from(component)].slots_are)
        }
        Resource::Cores { .. } => "cores",
        Resource::Disk { .. } => "disk",
        Resource::Nic { .. } => "nic",
        Resource::Pool { .. } => "pool",
    }
}

/// Parts of one owner and kind together, the fullest first.
fn resources(model: &Model, traffic: &Traffic, figures: &Figures) -> Vec<Hand> {
    let mut found: Vec<Hand> = Vec::new();
    for offered in traffic.offered.iter().filter(|offered| 0.0 < offered.load) {
        let (component, resource) = (model.owner(offered.what), word(offered.what, model));
        let wait = wait(model, offered);
        match found.iter_mut().find(|hand| hand.component == component && hand.resource == resource) {
            Some(hand) => {
                let rate = hand.rate_per_s + offered.rate;
                // Means over all uses; a part that is full has no wait to speak of.
                hand.wait_s = hand.wait_s.zip(wait).map(|(a, b)| (a * hand.rate_per_s + b * offered.rate) / rate);
                hand.held_s = (hand.held_s * hand.rate_per_s + offered.held_s * offered.rate) / rate;
                (hand.rate_per_s, hand.needed, hand.there) =
                    (rate, hand.needed + offered.load, hand.there + offered.capacity);
                hand.utilisation = hand.utilisation.max(offered.load / offered.capacity);
            }
            None => found.push(Hand {
                simulated: figures
                    .busy
                    .iter()
                    .find(|b| b.component == component && b.resource == resource)
                    .map(|b| b.share),
                component,
                resource: resource.to_owned(),
                rate_per_s: offered.rate,
                held_s: offered.held_s,
                needed: offered.load,
                there: offered.capacity,
                utilisation: offered.load / offered.capacity,
                wait_s: wait,
            }),
        }
    }
    found.retain(|hand| hand.there < f64::from(NONE));
    found.sort_by(|a, b| b.utilisation.total_cmp(&a.utilisation));
    found
}

/// Mean wait of one use at one of the parts that stand beside each other, as an M/M/c.
fn wait(model: &Model, offered: &Offered) -> Option<f64> {
    let parts = match offered.what {
        Resource::Slots { component } => f64::from(model.components[usize::from(component)].count),
        Resource::Pool { pool } => {
            let owner = model.pools[usize::from(pool)].owner;
            model.components.get(usize::from(owner)).map_or(1.0, |owner| f64::from(owner.count))
        }
        _ => 1.0,
    };
    let servers = (offered.capacity / parts).round().max(1.0);
    if offered.capacity <= offered.load || offered.held_s <= 0.0 {
        return None;
    }
    let queue = Mmc { arrival: offered.rate / parts, service: 1.0 / offered.held_s, servers: servers as u64 };
    Some(queue.wait())
}

/// Mean seconds of a request that never waits; only of open loads, whose rates are known beforehand.
fn empty(model: &Model, traffic: &Traffic) -> Option<f64> {
    let (mut rate_sum, mut time_sum) = (0.0, 0.0);
    for source in &model.sources {
        let Demand::Open { rate, .. } = &source.demand else { return None };
        let mut before = 0;
        for (cumulative, class) in &source.requests {
            let share = (cumulative - before) as f64 / 4_294_967_296.0;
            before = *cumulative;
            let operation = usize::from(model.classes[usize::from(*class)].operation);
            time_sum += rate * share * traffic.seconds[operation];
        }
        rate_sum += rate;
    }
    (0.0 < rate_sum).then(|| time_sum / rate_sum)
}

fn storage(design: &Design) -> Option<f64> {
    let bytes = design.scenario.components.values().filter_map(|component| match &component.value.kind {
        Kind::Database(database) => Some(database.rows? * database.row_bytes?),
        _ => None,
    });
    let sum: f64 = bytes.sum();
    (0.0 < sum).then_some(sum)
}

/// Bytes a second through all network cards.
fn network(model: &Model, traffic: &Traffic) -> Option<f64> {
    let each = traffic.offered.iter().filter_map(|offered| match offered.what {
        Resource::Nic { host } => Some(offered.load * model.hosts[host as usize].nic_bytes_per_s),
        _ => None,
    });
    let sum: f64 = each.sum();
    (0.0 < sum).then_some(sum)
}

/// What in the scenario is beyond the arithmetic.
fn reasons(design: &Design, figures: &Figures) -> Vec<String> {
    let (model, scenario) = (&design.model, &design.scenario);
    let has = |wanted: fn(&Step) -> bool| model.steps.iter().any(wanted);
    let open = |source: &&crate::model::loads::Source| match &source.demand {
        Demand::Open { arrivals, shape, .. } => *arrivals != Arrivals::Poisson || *shape != Shape::default(),
        _ => true,
    };
    let told = [
        (!figures.stable, "a queue grows without bound, so the mean is that of the length of the run"),
        (FAILS < figures.value("failed").unwrap_or(0.0), "requests fail or time out, and those are short or cut off"),
        (!scenario.faults.is_empty(), "faults happen; arithmetic knows a quiet day only"),
        (
            model.sources.iter().any(|source| open(&source)),
            "load is not steady and random: bursts, shapes, sessions or clients",
        ),
        (!model.caches.is_empty(), "by hand every look in a cache is a hit; misses go further"),
        (has(|step| matches!(step, Step::Pages { .. })), "pages that are not in memory wait for the disk"),
        (
            has(|step| matches!(step, Step::Respond { .. })),
            "work after the answer keeps a worker busy, but nobody waits for it",
        ),
        (!model.lock_uses.is_empty(), "locks make requests wait for each other, which no utilisation shows"),
        (!model.forks.is_empty(), "parallel parts wait for the slowest of them"),
        (true, "by hand each queue stands alone, with random arrivals and exponential times"),
    ];
    told.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text.to_owned()).collect()
}
