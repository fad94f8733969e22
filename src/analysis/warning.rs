//! What a reader of the report should know before believing it: warnings that only a run can give.

use crate::analysis::Precision;
use crate::model::Run;
use crate::report::{Report, Warning};
use crate::units::{human_rate, human_share, human_time};

/// Code, title and meaning of each, for `plimsoll explain`.
pub const WARNINGS: &[(&str, &str, &str)] = &[
    (
        "W0501",
        "a queue grows without bound",
        "More is asked than can be done, so the queue is as long as the run allows. Throughput and errors are stated, but no
steady-state latency: it would measure the length of the run and not the design.",
    ),
    ("W0502", "stopped by a bound", "The bound on memory or events (`run: {limit: ...}`) ended replications early."),
    (
        "W0503",
        "no intervals",
        "One replication says nothing about its own error. Five and more do: `replications: 5` is the default.",
    ),
    (
        "W0504",
        "replications disagree",
        "The system tips: it collapsed in some replications and not in others. A mean over both describes neither; look at
the lines of the single replications (`-vv`).",
    ),
    (
        "W0505",
        "a law does not hold",
        "A law that holds on every run (conservation, Little) failed. That is a bug of plimsoll: please report it with the
scenario and the seed.",
    ),
    (
        "W0506",
        "too few requests for a tail",
        "A quantile needs ten requests beyond it: a p99 a thousand requests, a p99.9 ten thousand.",
    ),
    ("W0507", "precision not reached", "The largest number of replications was reached before the precision asked for."),
    (
        "W0509",
        "a part of the whole",
        "The run simulated every n-th user and every n-th instance (`run: {scale: 1/50}`). Rates, counts and costs are those
of the whole. A small pool queues more than a large one at the same utilisation, so waiting and the tail of latency are
overstated where a pool was made smaller.",
    ),
    (
        "W0510",
        "caches not quite warm",
        "Caches start as the traffic of twice their longest time to live would leave them, but only so many requests are
sent before a run. What is asked for rarely may be missing at its start, so hit ratios are a little lower than later.
`run: {prefill: 2h}` sends the traffic of two hours, whatever that takes; `prefill: none` starts cold.",
    ),
    (
        "W0531",
        "quiet time was sampled",
        "The run simulated what surrounds each start and end of a fault, and samples of the quiet time between
(`run: {sampling: ...}`). The share of all requests that failed counts each request as often as it stands for, so it is
that of the whole run. All other figures are those of the simulated time, in which faults are more frequent than in the
whole; and what keeps for longer than a sample (entries of caches, backlogs) is found emptier after a sleep.",
    ),
    (
        "W0511",
        "an autoscaler thrashes",
        "More than ten changes of the number of instances in an hour: instances are taken away and ordered again before they
have served. A longer `down: {stable: ...}`, a smaller step or a longer `window` cures it.",
    ),
    ("W0508", "partial", "The run was stopped before all replications were done."),
];

/// Shares of errors between which replications count as collapsed or not.
const COLLAPSED: f64 = 0.2;
const WELL: f64 = 0.05;

fn warn(code: &str, message: String, help: Option<String>) -> Warning {
    Warning { code: code.to_owned(), message, help }
}

/// All that the finished report gives reason for.
pub(super) fn about(report: &Report, run: &Run) -> Vec<Warning> {
    let found = [
        growth(report),
        bound(report),
        single(report),
        tipping(report),
        law(report),
        few(report),
        part(report),
        sampled(report),
        cold(run),
    ];
    found.into_iter().flatten().chain(thrash(report)).collect()
}

/// Changes of the number of instances in an hour from which on it is called thrashing.
const THRASH: f64 = 10.0;

/// Autoscalers that change their mind.
fn thrash(report: &Report) -> Vec<Warning> {
    let of = |(name, component): (&String, &crate::report::Component)| {
        let changes = component.kind_specific.figures.get("scale_changes")?.mean;
        let rate = component.kind_specific.figures.get("scale_changes_per_h")?.mean;
        let help = Some("try a longer `down: {stable: ..}`".to_owned());
        let message = format!("`{name}` changes its number of instances {rate:.0} times an hour");
        // In a short run a few changes are a high rate.
        (THRASH < rate && THRASH < changes).then(|| warn("W0511", message, help))
    };
    report.components.iter().filter_map(of).collect()
}

/// Caches that have seen less than their time to live asks for.
fn cold(run: &Run) -> Option<Warning> {
    let prefill = run.prefill.as_ref()?;
    let rate: f64 = prefill.sources.iter().map(|(_, rate)| rate).sum();
    let seen = prefill.most as f64 / rate;
    if prefill.seconds <= seen {
        return None;
    }
    let message = format!(
        "caches had seen {} of traffic when the run began, not {}",
        human_time(seen),
        human_time(prefill.seconds)
    );
    let help = format!(
        "add `run: {{prefill: {}}}` if that takes not too long; hit ratios are a little low until then",
        human_time(prefill.seconds)
    );
    Some(warn("W0510", message, Some(help)))
}

fn growth(report: &Report) -> Option<Warning> {
    let growth = report.run.growth_per_s?;
    let at = report
        .bottleneck
        .as_ref()
        .map_or(String::new(), |limit| format!(", limited by the {} of {}", limit.resource, limit.component));
    let message = format!("requests in flight grow by {} without end{at}", human_rate(growth));
    Some(warn("W0501", message, Some("latency has no steady state here; lower the load or add capacity".to_owned())))
}

fn bound(report: &Report) -> Option<Warning> {
    let (what, field) = match report.run.stopped_by? {
        "memory" => ("its bound on memory: requests in flight piled up", "memory"),
        "events" => ("its bound on events", "events"),
        _ => return None,
    };
    Some(warn(
        "W0502",
        format!("the run reached {what}"),
        Some(format!("raise `run: {{limit: {{{field}: ...}}}}`, or lower the load")),
    ))
}

fn part(report: &Report) -> Option<Warning> {
    let by = report.run.scale?;
    let message = format!("simulated at 1/{by}: rates, counts and costs are those of the whole");
    Some(warn("W0509", message, Some("where a pool was made smaller, waiting is overstated".to_owned())))
}

fn sampled(report: &Report) -> Option<Warning> {
    let sampling = report.run.sampling?;
    let (simulated, whole) = (human_time(sampling.simulated_s), human_time(sampling.of_s));
    let message = format!(
        "{simulated} of {whole} were simulated; availability and errors of all requests are those of the whole"
    );
    Some(warn("W0531", message, Some("other figures are those of the simulated time, rich in faults".to_owned())))
}

fn single(report: &Report) -> Option<Warning> {
    let single = report.run.replications == 1;
    single.then(|| {
        warn("W0503", "one replication gives no intervals".to_owned(), Some("try `--replications 5`".to_owned()))
    })
}

fn tipping(report: &Report) -> Option<Warning> {
    let ratios = || report.per_replication.iter().filter_map(|line| line.error_ratio);
    let (collapsed, well) =
        (ratios().filter(|ratio| COLLAPSED < *ratio).count(), ratios().filter(|ratio| *ratio < WELL).count());
    let all = report.per_replication.len();
    let split = 0 < report.per_replication.iter().filter(|line| line.stable).count() && report.run.unstable_share > 0.0;
    let message = match (0 < collapsed && 0 < well, split) {
        (true, _) => format!("the system tips: {collapsed} of {all} replications collapsed, {well} did not"),
        (_, true) => {
            format!("a queue grew without bound in {} of the replications only", human_share(report.run.unstable_share))
        }
        _ => return None,
    };
    Some(warn(
        "W0504",
        message,
        Some("means over both kinds describe neither; see each replication with -vv".to_owned()),
    ))
}

fn law(report: &Report) -> Option<Warning> {
    let broken: Vec<String> = report
        .audit
        .iter()
        .filter(|audit| !audit.holds)
        .map(|audit| format!("{} of {}", audit.law, audit.of))
        .collect();
    let help = Some("this is a bug of plimsoll; please report it".to_owned());
    (!broken.is_empty()).then(|| warn("W0505", format!("the run's own audit failed: {}", broken.join(", ")), help))
}

fn few(report: &Report) -> Option<Warning> {
    let all = &report.latency.all;
    (report.run.stable && all.p99.is_none()).then(|| {
        let message = format!("{} requests are too few to state a p99", all.count);
        warn("W0506", message, Some("a p99 takes a thousand requests: simulate longer".to_owned()))
    })
}

/// That the stopping rule gave up.
pub(super) fn precision(report: &Report, wanted: &Precision) -> Option<Warning> {
    let reached = report.run.precision?;
    (wanted.within < reached && !report.run.partial).then(|| {
        let message = format!(
            "precision is ±{} after {} replications, ±{} was asked for",
            human_share(reached),
            report.run.replications,
            human_share(wanted.within)
        );
        warn("W0507", message, Some("raise `most`, or simulate longer".to_owned()))
    })
}

/// That it is not whole.
pub(super) fn partial(report: &Report) -> Option<Warning> {
    let message = || format!("stopped early: {} replications count", report.run.replications);
    report.run.partial.then(|| warn("W0508", message(), None))
}
