//! Running a scenario and reading what the cases ask about.

use plimsoll::analysis::study::Study;
use plimsoll::analysis::{Evaluation, Plan, Progress, estimate, evaluate};
use plimsoll::measure::histogram::Compact;
use plimsoll::model::{Model, Scope};
use plimsoll::probe::{Between, Outcome, together};
use plimsoll::report::{Component, Estimate, Latency, Report};
use plimsoll::scenario::condition::Resource;

use super::cases::Got;
use crate::support::compiled;

/// One service mean of a case, in seconds; also the unit of its times unless it says otherwise.
pub(crate) const UNIT: f64 = 0.01;

/// How long to run.
pub(crate) struct Lab {
    short: bool,
}

/// A scenario that was run.
pub(crate) struct Seen {
    model: Model,
    evaluation: Evaluation,
}

impl Lab {
    pub(crate) fn short() -> Lab {
        Lab { short: true }
    }

    pub(crate) fn full() -> Lab {
        Lab { short: false }
    }

    pub(crate) fn is_short(&self) -> bool {
        self.short
    }

    /// Half-widths of the 95 % interval that are allowed on top of the tolerance: on five replications three of them are
    /// left by one figure in a thousand, and seeds are fixed, so a figure that is inside stays inside.
    pub(crate) fn noise(&self) -> f64 {
        if self.short { 3.0 } else { 0.0 }
    }

    /// `run:` for so many requests in all at a rate per second, a tenth cut as warm-up. A short run has a hundredth of
    /// them, and as many again before it measures.
    pub(crate) fn run(&self, requests: f64, rate: f64) -> String {
        let (requests, cut, replications) =
            if self.short { ((requests / 100.0).max(10_000.0), 1.0, 5) } else { (requests, 0.1, 10) };
        let measured = requests / rate / f64::from(replications);
        self.lasting((1.0 + cut) * measured, cut * measured, replications)
    }

    #[expect(clippy::unused_self, reason = "a run of a stated length is asked of the laboratory like all others")]
    pub(crate) fn lasting(&self, duration_s: f64, warmup_s: f64, replications: u32) -> String {
        let warmup = if warmup_s == 0.0 { "none".to_owned() } else { format!("{warmup_s:.6}s") };
        format!(
            "plimsoll: 1\ntitle: validation\nrun: {{duration: {duration_s:.6}s, warmup: {warmup}, replications: {replications}, seed: 42}}\n"
        )
    }
}

/// A component that only takes time: `servers` workers, and a queue for `limit` requests.
pub(crate) fn station(name: &str, servers: &str, limit: &str, service: &str) -> String {
    format!(
        "  {name}: {{kind: service, workers: {servers}, queue: {{limit: {limit}}}, operations: {{do: [{{wait: {service}}}]}}}}\n"
    )
}

/// An open load on one operation.
pub(crate) fn load(rate: f64, arrivals: &str, operation: &str) -> String {
    format!(
        "load:\n  users: {{rate: {rate:.9}/s, arrivals: {arrivals}, requests: {{{operation}: 1}}, timeout: none}}\n"
    )
}

/// Times written for a scenario.
pub(crate) fn seconds(time: f64) -> String {
    format!("{time:.12}s")
}

impl Seen {
    pub(crate) fn run(text: &str) -> Seen {
        let (scenario, model) = compiled(text);
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let evaluation = evaluate(&model, &scenario, &Plan::new(&model, &scenario, jobs), &Progress::default());
        Seen { model, evaluation }
    }

    pub(crate) fn report(&self) -> &Report {
        &self.evaluation.report
    }

    pub(crate) fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    pub(crate) fn component(&self, name: &str) -> &Component {
        &self.report().components[name]
    }

    pub(crate) fn scope(&self, component: &str) -> Scope {
        let found = self.model.components.iter().position(|known| known.name == component);
        Scope::Component(found.unwrap_or_else(|| panic!("no component {component}")) as u16)
    }

    /// One value a replication.
    pub(crate) fn each(&self, value: impl Fn(&Between) -> f64) -> Option<Estimate> {
        Study::new(&self.model, &self.evaluation.records)
            .mean(|stretch| Some(value(stretch)).filter(|value| value.is_finite()))
    }

    /// Time average of the requests in a component, and of those in its queue.
    pub(crate) fn inside(&self, component: &str) -> (Option<Estimate>, Option<Estimate>) {
        let scope = self.scope(component);
        let area = |stretch: &Between, of: fn(&plimsoll::record::StationTally) -> u128| {
            let at = |station: u32| {
                of(&stretch.to.stations[station as usize]) - of(&stretch.from.stations[station as usize])
            };
            stretch.stations_of(scope).into_iter().map(at).sum::<u128>() as f64 * 1e-9 / stretch.seconds()
        };
        let queued = |stretch: &Between| area(stretch, |tally| tally.queued_ns);
        (self.each(|stretch| queued(stretch) + area(stretch, |tally| tally.busy_ns)), self.each(queued))
    }

    /// Everything the cases ask about one station with one load, in their unit of time.
    pub(crate) fn station(&self, name: &str, unit: f64) -> Got {
        let mut got = Got::default();
        let component = self.component(name);
        let (inside, queued) = self.inside(name);
        got.estimate("L", inside, 1.0);
        got.estimate("Lq", queued, 1.0);
        for key in ["rho", "util"] {
            got.estimate(key, component.utilisation.workers.as_ref().map(|workers| workers.share), 1.0);
        }
        let scope = self.scope(name);
        let percentiles = |got: &mut Got, prefix: &str, of: &Latency| {
            for (name, value) in [("p50", of.p50), ("p95", of.p95), ("p99", of.p99), ("p999", of.p999)] {
                got.estimate(format!("{prefix}_{name}"), value, unit);
            }
        };
        got.estimate("W", self.report().latency.ok.mean, unit);
        percentiles(&mut got, "resp", &self.report().latency.ok);
        got.estimate("Wq", component.wait.mean, unit);
        percentiles(&mut got, "wait", &component.wait);
        got.estimate("wait_p95_simulated", component.wait.p95, unit);
        got.estimate("wait_p99_simulated", component.wait.p99, unit);
        got.estimate("p_wait", self.each(|stretch| share_above_zero(&stretch.waits(scope))), 1.0);
        let busy = |stretch: &Between| together(&stretch.busy(scope), Resource::Workers).unwrap_or(f64::NAN);
        got.estimate("p_empty", self.each(|stretch| 1.0 - busy(stretch)), 1.0);
        got.estimate("Wq_second_moment", self.each(|stretch| second_moment(&stretch.waits(scope))), unit * unit);
        got.estimate("Wq_std", self.each(|stretch| variance(&stretch.waits(scope)).sqrt()), unit);
        got.estimate("resp_var", self.each(|stretch| variance(&stretch.latency(Scope::All, Outcome::Ok))), unit * unit);
        let requests = &self.report().requests;
        got.estimate("throughput", Some(requests.goodput_per_s), 1.0 / unit);
        got.estimate("mean_rate", Some(requests.offered_per_s), 1.0 / unit);
        got.estimate("p_block", requests.errors.get("queue_full").copied(), 1.0);
        got
    }

    /// The deviation between the sides of a law, relative, over everything this run audited.
    pub(crate) fn gap(&self, law: &str) -> f64 {
        let of_law = self.report().audit.iter().filter(|audit| audit.law == law);
        let gap = |(left, right): (f64, f64)| (left - right).abs() / left.abs().max(right.abs()).max(1e-12);
        of_law.filter_map(|audit| audit.left.zip(audit.right)).map(gap).fold(0.0, f64::max)
    }

    pub(crate) fn broken_laws(&self) -> Vec<String> {
        let broken = self.report().audit.iter().filter(|audit| !audit.holds);
        broken.map(|audit| format!("{} of {}", audit.law, audit.of)).collect()
    }
}

/// Share of waits that were no wait at all, taken from one.
pub(crate) fn share_above_zero(waits: &Compact) -> f64 {
    let none: u64 = waits.buckets().filter(|(low, _, _)| *low < 1.5e-9).map(|(_, _, n)| u64::from(n)).sum();
    1.0 - none as f64 / waits.count() as f64
}

fn second_moment(times: &Compact) -> f64 {
    let square = |(low, high, n): (f64, f64, u32)| {
        // A bucket is narrow enough to take its middle; the one that begins at 1 ns is that of zero.
        let middle = if low < 1.5e-9 { 0.0 } else { 0.5 * (low + high) };
        f64::from(n) * middle * middle
    };
    times.buckets().map(square).sum::<f64>() / times.count() as f64
}

pub(crate) fn variance(times: &Compact) -> f64 {
    let mean = times.mean().unwrap_or(f64::NAN);
    second_moment(times) - mean * mean
}

/// The mean of some independent values with its interval.
pub(crate) fn mean(values: &[f64]) -> Option<Estimate> {
    estimate::mean(values)
}
