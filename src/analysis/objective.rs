//! Verdicts on objectives: an interval against a limit.
//!
//! An objective *meets* or *misses* only if its whole 95 % interval lies on one side of the limit; else it is undecided.
//! Each replication gives one value over the period that the condition names; a quantile of latency is the merged one of
//! the report with its interval. What can go wrong: one replication has no interval, so only facts (cost) are decided; a
//! quantile with too few requests is no value; latency in an unstable system has no steady state, which misses every upper
//! limit.

use crate::analysis::estimate;
use crate::analysis::stability::Stability;
use crate::analysis::study::{Study, end};
use crate::analysis::{cost, look, recovery, windows};
use crate::measure::histogram::Compact;
use crate::model::{Body, Bound, Condition, Period, Probe, Scope, Test};
use crate::probe::{self, Between, Outcome};
use crate::record::Mark;
use crate::report::{Estimate, Objective, Verdict};
use crate::scenario::condition::{Per, Quantity, Relation, Stat};

/// Judges one condition.
pub fn judge(study: &Study, stability: &Stability, condition: &Condition) -> Objective {
    let mut judged = body(study, stability, &condition.body);
    judged.name.clone_from(&condition.name);
    judged.text.clone_from(&condition.text);
    judged
}

/// The verdict on several at once: a miss decides, then a doubt.
pub fn overall(objectives: &[Objective]) -> Verdict {
    all_of(objectives.iter().map(|objective| objective.verdict))
}

fn all_of(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let worse = |verdict: Verdict| match verdict {
        Verdict::Misses => 3,
        Verdict::Undecided => 2,
        Verdict::Meets => 1,
        Verdict::None => 0,
    };
    verdicts.max_by_key(|verdict| worse(*verdict)).unwrap_or(Verdict::None)
}

fn any_of(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let better = |verdict: Verdict| match verdict {
        Verdict::Meets => 3,
        Verdict::Undecided => 2,
        Verdict::Misses => 1,
        Verdict::None => 0,
    };
    verdicts.max_by_key(|verdict| better(*verdict)).unwrap_or(Verdict::None)
}

fn body(study: &Study, stability: &Stability, said: &Body) -> Objective {
    let of = |parts: &[Body]| -> Vec<Objective> { parts.iter().map(|part| body(study, stability, part)).collect() };
    let verdicts = |parts: &[Objective]| parts.iter().map(|part| part.verdict).collect::<Vec<_>>().into_iter();
    match said {
        Body::Test(said) => test(study, stability, said),
        Body::All(said) => {
            let parts = of(said);
            Objective { verdict: all_of(verdicts(&parts)), parts, ..blank() }
        }
        Body::Any(said) => {
            let parts = of(said);
            Objective { verdict: any_of(verdicts(&parts)), parts, ..blank() }
        }
    }
}

/// An objective that is stated and not judged.
pub fn unjudged(name: &str, text: &str, unit: &'static str, note: &str) -> Objective {
    let (name, text, note) = (name.to_owned(), text.to_owned(), Some(note.to_owned()));
    Objective { name, text, unit, note, verdict: Verdict::None, ..blank() }
}

fn blank() -> Objective {
    Objective {
        name: String::new(),
        text: String::new(),
        verdict: Verdict::Undecided,
        value: None,
        low: None,
        high: None,
        limit: None,
        unit: "",
        note: None,
        parts: Vec::new(),
    }
}

fn test(study: &Study, stability: &Stability, test: &Test) -> Objective {
    let mut judged = Objective { text: test.text.clone(), unit: unit(&test.probe), ..blank() };
    judged.name.clone_from(&judged.text);
    if let Bound::Value(limit) = test.bound {
        judged.limit = Some(limit);
    }
    if test.hold.is_some() && test.watch.is_some() {
        judged.verdict = held(study, test);
        return judged;
    }
    if is_without_end(study, stability, test) {
        let upper = matches!(test.relation, Relation::AtMost | Relation::Below);
        judged.verdict = if upper { Verdict::Misses } else { Verdict::Undecided };
        judged.note = Some("a queue grows without bound, so there is no steady state to measure".to_owned());
        return judged;
    }
    let Some(estimate) = value(study, test) else {
        judged.note = Some(nothing(study, test));
        return judged;
    };
    (judged.value, judged.low, judged.high) = (Some(estimate.mean), estimate.low, estimate.high);
    let fact = test.probe.quantity == Quantity::Cost && estimate.low.is_none();
    judged.verdict = match against(study, test, &estimate) {
        Some((low, high, limit)) => {
            judged.limit = Some(limit);
            decide(test.relation, low, high, limit)
        }
        None if fact => decide(test.relation, estimate.mean, estimate.mean, judged.limit.unwrap_or(f64::NAN)),
        None => {
            judged.note = Some("one replication has no interval".to_owned());
            Verdict::Undecided
        }
    };
    judged
}

/// The interval and the limit it is held against. A limit that is itself measured is subtracted replication by
/// replication, which keeps what the two share out of the interval.
fn against(study: &Study, test: &Test, estimate: &Estimate) -> Option<(f64, f64, f64)> {
    if let Bound::Value(limit) = test.bound {
        return Some((estimate.low?, estimate.high?, limit));
    }
    let both =
        || (0..study.records.len()).filter_map(|index| Some((one(study, test, index)?, limit(study, test, index)?)));
    let excess: Vec<f64> = both().map(|(value, limit)| value - limit).collect();
    let limits: Vec<f64> = both().map(|(_, limit)| limit).collect();
    let (excess, limit) = (estimate::difference(&excess)?, estimate::mean(&limits)?.mean);
    Some((limit + excess.low?, limit + excess.high?, limit))
}

/// Whether the whole interval lies on one side.
fn decide(relation: Relation, low: f64, high: f64, limit: f64) -> Verdict {
    let (meets, misses) = match relation {
        Relation::AtMost => (high <= limit, limit < low),
        Relation::Below => (high < limit, limit <= low),
        Relation::AtLeast => (limit <= low, high < limit),
        Relation::Above => (limit < low, high <= limit),
        Relation::Equal => (low == limit && high == limit, limit < low || high < limit),
    };
    match (meets, misses) {
        (true, _) => Verdict::Meets,
        (_, true) => Verdict::Misses,
        _ => Verdict::Undecided,
    }
}

/// A condition that must hold for a time: in how many replications it did so within the measured time.
fn held(study: &Study, test: &Test) -> Verdict {
    let fired = |index: &usize| {
        let from = study.measured[*index].from.at.secs();
        look::test_firing(study, *index, test).iter().any(|stretch| from < stretch.to_s)
    };
    match (0..study.records.len()).filter(fired).count() {
        0 => Verdict::Misses,
        all if all == study.records.len() => Verdict::Meets,
        _ => Verdict::Undecided,
    }
}

/// The estimate of the measure over the period.
pub fn value(study: &Study, test: &Test) -> Option<Estimate> {
    let probe = &test.probe;
    if let (Quantity::Latency | Quantity::Wait | Quantity::Service, Some(Stat::Quantile(q))) =
        (probe.quantity, probe.stat)
        && test.period != Period::Over
    {
        let times: Vec<Compact> = (0..study.records.len()).map(|index| times(study, test, index)).collect();
        return estimate::quantile(&times, q);
    }
    if let Some(share) = of_all_requests(study, test) {
        return Some(share);
    }
    let values: Vec<f64> = (0..study.records.len()).filter_map(|index| one(study, test, index)).collect();
    let is_share = matches!(probe.quantity, Quantity::Errors | Quantity::Availability) && probe.per != Some(Per::Count);
    if !is_share || test.period == Period::Over {
        return estimate::mean(&values);
    }
    let (mut hits, mut all) = (0, 0);
    for stretch in (0..study.records.len()).flat_map(|index| stretches(study, test.period, index)) {
        let counts = stretch.counts(probe.scope);
        hits += if probe.quantity == Quantity::Errors { counts.failed } else { counts.ok };
        all += counts.finished();
    }
    estimate::share(&values, hits, all)
}

/// Where quiet time was sampled: the shares of all requests, each counted as often as it stands for.
fn of_all_requests(study: &Study, test: &Test) -> Option<Estimate> {
    let probe = &test.probe;
    if probe.scope != Scope::All || test.period != Period::Measured || probe.per.is_some() {
        return None;
    }
    match probe.quantity {
        Quantity::Availability => study.availability(),
        Quantity::Errors => study.availability().map(Estimate::complement),
        _ => None,
    }
}

/// The value in one replication.
pub(in crate::analysis) fn one(study: &Study, test: &Test, index: usize) -> Option<f64> {
    match test.period {
        Period::Over => worst(study, test, index),
        period => reading(study, &test.probe, period, index),
    }
}

/// What the value is held against in one replication, where that is measured too.
fn limit(study: &Study, test: &Test, index: usize) -> Option<f64> {
    match &test.bound {
        Bound::Value(limit) => Some(*limit),
        Bound::ShareOf(share, probe) => Some(share * reading(study, probe, test.period, index)?),
        Bound::ShareOfBefore(share, fault) => Some(share * before(study, &test.probe, *fault, index)?),
    }
}

/// The measure before a fault in one replication.
pub fn before(study: &Study, probe: &Probe, fault: u16, index: usize) -> Option<f64> {
    reading(study, probe, Period::Before(fault), index)
}

/// The worst look whose window lies in the measured time.
fn worst(study: &Study, test: &Test, index: usize) -> Option<f64> {
    let watch = test.watch?;
    let seen = &study.model.watches[usize::from(watch)];
    let from = study.measured[index].from.at.0 + seen.over.0;
    let looks = study.records[index].looks[usize::from(watch)].iter().enumerate();
    let counted = looks.filter(|(look, _)| from <= (*look as u64 + 1) * seen.every.0);
    let values = counted.map(|(_, value)| *value).filter(|value| !value.is_nan());
    match test.relation {
        Relation::AtMost | Relation::Below | Relation::Equal => values.reduce(f64::max),
        Relation::AtLeast | Relation::Above => values.reduce(f64::min),
    }
}

/// A probe over a period of one replication; over several occurrences of a fault, the mean.
fn reading(study: &Study, probe: &Probe, period: Period, index: usize) -> Option<f64> {
    match probe.quantity {
        Quantity::Rto => return recovery::rto(study, index, fault_of(probe, period)?, probe.scope),
        Quantity::Rpo => return recovery::rpo(study, index, fault_of(probe, period)?),
        Quantity::Removal => return recovery::removal(study, index, probe.scope),
        _ => {}
    }
    let read = |stretch: &Between| match (probe.quantity, probe.per) {
        (Quantity::Cost, Some(Per::Million)) => cost::a_million(stretch),
        (Quantity::Cost, _) => Some(cost::a_month(stretch)),
        _ => windows::statistic(&study.records[index], probe, stretch).or_else(|| probe::read(probe, stretch)),
    };
    let values: Vec<f64> = stretches(study, period, index).iter().filter_map(read).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn fault_of(probe: &Probe, period: Period) -> Option<u16> {
    match (period, probe.scope) {
        (Period::Before(fault) | Period::During(fault) | Period::After(fault), _) | (_, Scope::Fault(fault)) => {
            Some(fault)
        }
        _ => None,
    }
}

/// The stretches of one replication that a period means.
fn stretches<'a>(study: &Study<'a>, period: Period, index: usize) -> Vec<Between<'a>> {
    let (record, whole) = (&study.records[index], study.measured[index]);
    let starts = |fault: u16| record.snapshots.iter().filter(move |snapshot| snapshot.mark == Mark::FaultStart(fault));
    let ends = |fault: u16| record.snapshots.iter().filter(move |snapshot| snapshot.mark == Mark::FaultEnd(fault));
    let last = &end(record).tallies;
    match period {
        Period::Measured | Period::Over => vec![whole],
        Period::Before(fault) => {
            starts(fault).take(1).map(|start| Between { to: &start.tallies, ..whole }).filter(is_forward).collect()
        }
        Period::During(fault) => {
            let ends: Vec<_> = ends(fault).map(|end| &end.tallies).chain([last]).collect();
            let pairs = starts(fault).zip(ends);
            pairs.map(|(start, to)| Between { from: &start.tallies, to, ..whole }).filter(is_forward).collect()
        }
        Period::After(fault) => {
            ends(fault).next_back().map(|end| Between { from: &end.tallies, to: last, ..whole }).into_iter().collect()
        }
    }
}

fn is_forward(stretch: &Between) -> bool {
    stretch.from.at < stretch.to.at
}

/// The times that a quantile is of, in one replication.
fn times(study: &Study, test: &Test, index: usize) -> Compact {
    let of = |stretch: &Between| match test.probe.quantity {
        Quantity::Wait => stretch.waits(test.probe.scope),
        Quantity::Service => stretch.holdings(test.probe.scope),
        _ => stretch.latency(test.probe.scope, Outcome::All),
    };
    estimate::merge(&stretches(study, test.period, index).iter().map(of).collect::<Vec<_>>())
}

/// Whether the measure is a time that grows as long as the run lasts.
fn is_without_end(study: &Study, stability: &Stability, test: &Test) -> bool {
    let is_time = matches!(test.probe.quantity, Quantity::Latency | Quantity::Wait | Quantity::Service);
    is_time && test.period == Period::Measured && stability.touches(&study.counts(test.probe.scope))
}

fn nothing(study: &Study, test: &Test) -> String {
    let needs_more = |q: f64| {
        let seen: u64 = (0..study.records.len()).map(|index| times(study, test, index).count()).sum();
        let needed = 10.0 / (1.0 - q);
        (0 < seen).then(|| format!("{seen} requests are too few for this quantile: it takes {needed:.0}"))
    };
    let told = match (test.probe.quantity, test.probe.stat) {
        (Quantity::Latency | Quantity::Wait | Quantity::Service, Some(Stat::Quantile(q))) => needs_more(q),
        _ => None,
    };
    told.unwrap_or_else(|| "nothing of the kind happened in this period".to_owned())
}

/// The unit of a measure in the report.
pub fn unit(probe: &Probe) -> &'static str {
    match (probe.quantity, probe.per) {
        (_, Some(Per::Count))
        | (
            Quantity::Queue
            | Quantity::InFlight
            | Quantity::Replicas
            | Quantity::Units
            | Quantity::LostWrites
            | Quantity::LeaderChanges
            | Quantity::VisitsOutside
            | Quantity::BudgetBurn
            | Quantity::Backlog
            | Quantity::Depth
            | Quantity::Compensations
            | Quantity::UnresolvedSagas,
            _,
        ) => "",
        (Quantity::Cost, Some(Per::Million)) => "usd_per_million",
        (Quantity::Cost, _) => "usd_per_month",
        (
            Quantity::Latency
            | Quantity::Wait
            | Quantity::Service
            | Quantity::Removal
            | Quantity::Rto
            | Quantity::Rpo
            | Quantity::Lag
            | Quantity::Convergence
            | Quantity::SplitBrain
            | Quantity::Staleness,
            _,
        ) => "s",
        (
            Quantity::Throughput | Quantity::Goodput | Quantity::Arrivals | Quantity::ScaleChanges | Quantity::Reclaims,
            _,
        ) => "per_s",
        (Quantity::Memory | Quantity::Bytes | Quantity::BytesOutside, _) => "bytes",
        (
            Quantity::Errors
            | Quantity::Availability
            | Quantity::Utilisation
            | Quantity::HitRatio
            | Quantity::Retries
            | Quantity::ShardVariance
            | Quantity::PartitionSkew
            | Quantity::Duplicates
            | Quantity::DeadLetters
            | Quantity::ColdStarts
            | Quantity::Conflicts
            | Quantity::StaleReads
            | Quantity::Violations
            | Quantity::WastedWork,
            _,
        ) => "ratio",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_the_whole_interval() {
        assert_eq!(decide(Relation::AtMost, 0.22, 0.24, 0.3), Verdict::Meets);
        assert_eq!(decide(Relation::AtMost, 0.29, 0.31, 0.3), Verdict::Undecided);
        assert_eq!(decide(Relation::AtMost, 0.301, 0.31, 0.3), Verdict::Misses);
        assert_eq!(decide(Relation::AtLeast, 0.9995, 1.0, 0.999), Verdict::Meets);
        assert_eq!(decide(Relation::Below, 0.3, 0.3, 0.3), Verdict::Misses);
        assert_eq!(decide(Relation::AtMost, 0.3, 0.3, 0.3), Verdict::Meets);
        assert_eq!(decide(Relation::Above, 0.3, 0.4, 0.3), Verdict::Undecided);
        assert_eq!(decide(Relation::Equal, 5.0, 5.0, 5.0), Verdict::Meets);
    }

    #[test]
    fn all_needs_all_and_any_needs_one() {
        use Verdict::{Meets, Misses, None, Undecided};
        assert_eq!(all_of([Meets, Undecided, Misses].into_iter()), Misses);
        assert_eq!(all_of([Meets, Undecided].into_iter()), Undecided);
        assert_eq!(all_of([Meets, Meets].into_iter()), Meets);
        assert_eq!(all_of(std::iter::empty()), None);
        assert_eq!(any_of([Meets, Undecided, Misses].into_iter()), Meets);
        assert_eq!(any_of([Misses, Undecided].into_iter()), Undecided);
    }
}
