//! Where textbook assumptions hold, theory's answer beside the simulated one.
//!
//! They hold for one Poisson load of constant rate on one component with one instance whose only operation is one step:
//! then it is an M/M/c, an M/G/1 (first come, first served, or processor sharing) or an M/G/inf. The two must agree within
//! four half-widths of the interval; a queue limit that turned somebody away, or a failure, is outside the assumptions.

use crate::analysis::estimate;
use crate::analysis::stability::Stability;
use crate::analysis::study::{Study, total};
use crate::distribution::Distribution;
use crate::model::{NONE, Scope};
use crate::policy::arrivals::{Arrivals, Shape};
use crate::policy::discipline::Order;
use crate::probe::Outcome;
use crate::report::{Audit, Estimate};
use crate::scenario::load::{Demand, Load};
use crate::scenario::{Component, Kind, Scenario, Verb};
use crate::theory::multi::Mmc;
use crate::theory::single::{mg1_wait, sharing_response};

/// Above this load a run is rarely long enough to compare.
const BUSIEST: f64 = 0.95;
/// Half-widths by which the two may differ, and the share that histograms and rounding are given.
const HALF_WIDTHS: f64 = 4.0;
const ROUNDING: f64 = 0.002;
/// A worker pool so large stands for no limit.
const MANY: u32 = 128;

/// What theory says of the latency.
struct Expected {
    law: &'static str,
    mean: f64,
    /// Where the distribution is known: its name and the p99.
    p99: Option<(&'static str, f64)>,
}

/// One line for the mean, and one for the p99 where that is known; nothing where theory has nothing to say.
pub fn compare(study: &Study, stability: &Stability, scenario: &Scenario) -> Vec<Audit> {
    let failed = total(&study.counts(Scope::All), |counts| counts.failed);
    let Some((name, expected)) = expected(study, scenario).filter(|_| stability.stable && failed == 0) else {
        return Vec::new();
    };
    let latency = estimate::latency(&study.latencies(Scope::All, Outcome::All));
    let line = |law, simulated: Option<Estimate>, theory: f64| {
        let simulated = simulated?;
        let slack = HALF_WIDTHS * simulated.half_width? + ROUNDING * theory;
        let holds = (simulated.mean - theory).abs() <= slack;
        Some(Audit { law, of: name.to_owned(), holds, left: Some(simulated.mean), right: Some(theory) })
    };
    let mean = line(expected.law, latency.mean, expected.mean);
    let p99 = expected.p99.and_then(|(law, theory)| line(law, latency.p99, theory));
    mean.into_iter().chain(p99).collect()
}

/// The queue that the scenario is, if it is one.
fn expected<'s>(study: &Study, scenario: &'s Scenario) -> Option<(&'s str, Expected)> {
    let ((_, load), (name, component)) = (scenario.load.iter().next()?, scenario.components.iter().next()?);
    let alone = scenario.load.len() == 1 && scenario.components.len() == 1;
    let quiet = scenario.run.scale.value <= 1
        && scenario.faults.is_empty()
        && scenario.policies.is_empty()
        && scenario.links.is_empty();
    let rate = rate(&load.value)?;
    let demand = only_step(&component.value).filter(|_| alone && quiet)?;
    let servers = component.value.workers;
    let queue = match demand {
        Verb::Wait(time) => waiting(rate, time, servers)?,
        Verb::Cpu(time) if servers.is_none_or(|workers| MANY <= workers) => computing(study, rate, time)?,
        _ => return None,
    };
    Some((name, queue))
}

/// The rate of a plain Poisson load.
fn rate(load: &Load) -> Option<f64> {
    let Demand::Open { rate } = load.demand else { return None };
    let policy = &load.policy;
    let plain =
        policy.pool.is_none() && policy.rate_limit.is_none() && policy.connect.is_none() && policy.sidecar.is_none();
    let patient = load.abandon.is_none() && load.payload.is_none() && load.from.is_empty();
    let steady = load.arrivals == Arrivals::Poisson && load.shape == Shape::default();
    (plain && patient && steady && load.requests.len() == 1).then_some(rate)
}

/// The one step of the one operation of a single instance.
fn only_step(component: &Component) -> Option<&Verb> {
    let single = matches!(component.kind, Kind::Service) && component.instances == 1 && component.order == Order::Fifo;
    let plain = component.rate_limit.is_none() && component.operations.len() == 1;
    let operation = component.operations.values().next().filter(|_| single && plain)?;
    match &operation.value.steps[..] {
        [step] => Some(&step.verb.value),
        _ => None,
    }
}

/// Workers that each serve one request at a time.
fn waiting(rate: f64, time: &Distribution, workers: Option<u32>) -> Option<Expected> {
    let mean = time.mean();
    let Some(workers) = workers else { return Some(Expected { law: "M/G/inf mean", mean, p99: None }) };
    if BUSIEST * f64::from(workers) < rate * mean {
        return None;
    }
    if matches!(time, Distribution::Exponential { .. }) {
        return Some(exponential(rate, mean, u64::from(workers)));
    }
    (workers == 1).then(|| Expected { law: "M/G/1 mean", mean: mean + mg1_wait(rate, mean, time.scv()), p99: None })
}

/// Cores that all requests share, or that serve in turn.
fn computing(study: &Study, rate: f64, time: &Distribution) -> Option<Expected> {
    let host = study.model.hosts.get(study.model.stations.first()?.host as usize)?;
    let demand = time.mean() / host.speed;
    if host.cores == NONE || BUSIEST * f64::from(host.cores) < rate * demand {
        return None;
    }
    match (host.sharing, host.cores, time) {
        (false, cores, Distribution::Exponential { .. }) => Some(exponential(rate, demand, u64::from(cores))),
        (false, 1, _) => {
            Some(Expected { law: "M/G/1 mean", mean: demand + mg1_wait(rate, demand, time.scv()), p99: None })
        }
        (true, 1, _) => {
            Some(Expected { law: "M/G/1-PS mean", mean: sharing_response(rate * demand, demand), p99: None })
        }
        _ => None,
    }
}

fn exponential(rate: f64, mean: f64, servers: u64) -> Expected {
    let queue = Mmc { arrival: rate, service: 1.0 / mean, servers };
    Expected { law: "M/M/c mean", mean: queue.response(), p99: Some(("M/M/c p99", queue.response_quantile(0.99))) }
}
