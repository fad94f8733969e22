//! What faults did: how long until the system was itself again, and until a dead instance was left alone.
//!
//! The time to recover is read from the time series of what it is asked of (end to end by default), to its window: from the start of the fault to the end of
//! the last window whose share of errors lies above its level before, by more than noise.

use std::collections::BTreeMap;

use crate::analysis::estimate;
use crate::analysis::study::Study;
use crate::model::{Act, Scope, Target};
use crate::record::FaultPeriod;
use crate::report;
use crate::units::Span;

/// Standard deviations of a share, and the least difference, that count as noise.
const NOISE: f64 = 4.0;
const LEAST: f64 = 0.001;

/// A line for each fault.
pub fn faults(study: &Study) -> BTreeMap<String, report::Fault> {
    let faults = study.model.faults.iter().enumerate();
    faults.map(|(fault, said)| (said.name.clone(), one(study, fault as u16))).collect()
}

fn one(study: &Study, fault: u16) -> report::Fault {
    let periods = |index: usize| study.records[index].faults.get(usize::from(fault)).map_or(&[][..], |periods| periods);
    let indices = || 0..study.records.len();
    let starts = indices().filter_map(|index| periods(index).first()).map(|period| period.start.secs());
    let back: Vec<Recovery> = indices().filter_map(|index| recovery(study, index, fault, Scope::All)).collect();
    let rto: Vec<f64> = back.iter().map(|recovery| recovery.seconds).collect();
    let recovered = back.iter().filter(|recovery| recovery.is_complete).count();
    let has_split = indices().flat_map(periods).any(|period| period.split != Span(0));
    // Only what strikes a copy, or makes two primaries, can lose writes.
    let of_each = |value: &dyn Fn(usize) -> Option<f64>| {
        let loses = has_split || strikes_copies(study, fault);
        let values: Vec<f64> = indices().filter(|_| loses).filter_map(value).collect();
        estimate::mean(&values)
    };
    let removals = indices().flat_map(periods).filter_map(removal_of).collect::<Vec<_>>();
    let moves = |of: &dyn Fn(&FaultPeriod) -> Option<f64>| {
        estimate::mean(&indices().flat_map(periods).filter_map(of).collect::<Vec<_>>())
    };
    let split = |of: &dyn Fn(&FaultPeriod) -> f64| {
        let sums = indices().map(|index| periods(index).iter().map(of).sum()).collect::<Vec<f64>>();
        if has_split { estimate::mean(&sums) } else { None }
    };
    let is_deployed = matches!(study.model.faults[usize::from(fault)].act, Act::Deploy(_));
    report::Fault {
        at_s: starts.reduce(f64::min),
        rto_s: estimate::mean(&rto),
        recovered_share: (!back.is_empty()).then(|| recovered as f64 / back.len() as f64),
        rpo_s: of_each(&|index| rpo(study, index, fault)),
        lost_writes: of_each(&|index| Some(periods(index).iter().map(|period| period.lost_writes).sum::<u64>() as f64)),
        lost_messages: matches!(study.model.faults[usize::from(fault)].act, Act::Link(_))
            .then(|| indices().map(|index| periods(index).iter().map(|period| period.lost_messages as f64).sum()))
            .and_then(|lost| estimate::mean(&lost.collect::<Vec<f64>>())),
        deployed_in_s: if is_deployed { moves(&|period| Some((period.end? - period.start).secs())) } else { None },
        rolled_back_share: is_deployed
            .then(|| indices().flat_map(periods).map(|period| f64::from(u8::from(period.rolled_back))).collect())
            .and_then(|back: Vec<f64>| (!back.is_empty()).then(|| back.iter().sum::<f64>() / back.len() as f64)),
        split_s: split(&|period| period.split.secs()),
        conflicts: split(&|period| period.conflicts as f64),
        removal_s: estimate::mean(&removals),
        moved_keys: moves(&|period| Some(period.moved?.0)),
        moved_bytes: moves(&|period| Some(period.moved?.1)),
        moved_in_s: moves(&|period| period.moved.and(period.end).map(|end| (end - period.start).secs())),
    }
}

/// Whether a fault kills copies of a database.
fn strikes_copies(study: &Study, fault: u16) -> bool {
    let stations = match &study.model.faults[usize::from(fault)].act {
        Act::Kill(Target::Stations(stations)) => stations.clone(),
        Act::Kill(Target::AnyOf(parts)) => parts.concat(),
        _ => return false,
    };
    stations.into_iter().any(|station| {
        let component = &study.model.components[usize::from(study.model.stations[station as usize].component)];
        study.model.copies.get(usize::from(component.copies)).is_some_and(|copies| 0 < copies.replicas)
    })
}

/// Age, when the fault struck, of the oldest acknowledged write that was lost, seconds; 0 if none was.
pub fn rpo(study: &Study, index: usize, fault: u16) -> Option<f64> {
    let periods = study.records[index].faults.get(usize::from(fault)).filter(|periods| !periods.is_empty())?;
    let ages = periods.iter().filter_map(|period| period.oldest_lost).map(Span::secs);
    Some(ages.fold(0.0, f64::max))
}

/// How the system came back.
struct Recovery {
    seconds: f64,
    /// The last window was as good as those before the fault.
    is_complete: bool,
}

/// From the first start of a fault until the share of errors in a scope is back for good (or the run ends), seconds.
pub fn rto(study: &Study, index: usize, fault: u16, scope: Scope) -> Option<f64> {
    recovery(study, index, fault, scope).map(|recovery| recovery.seconds)
}

fn recovery(study: &Study, index: usize, fault: u16, scope: Scope) -> Option<Recovery> {
    let record = &study.records[index];
    let start = record.faults.get(usize::from(fault))?.first()?.start;
    let part = record.series.parts.iter().find(|part| part.scope == scope);
    let (ok, failed) = part.map_or((&record.series.ok, &record.series.failed), |part| (&part.ok, &part.failed));
    let window = record.series.window.0.max(1);
    let first = (start.0 / window) as usize;
    let from = ((study.measured[index].from.at.0 / window) as usize).min(first);
    let finished = |window: usize| f64::from(ok[window]) + f64::from(failed[window]);
    let sum = |of: &[u32]| of.iter().map(|n| f64::from(*n)).sum::<f64>();
    let before = sum(&ok[from..first]) + sum(&failed[from..first]);
    let level = if 0.0 < before { sum(&failed[from..first]) / before } else { 0.0 };
    let is_hurt = |window: &usize| {
        let n = finished(*window);
        let noise = NOISE * (level * (1.0 - level) / n).sqrt();
        0.0 < n && level + noise.max(LEAST) < f64::from(failed[*window]) / n
    };
    let last = (first..ok.len()).rev().find(is_hurt);
    let end = last.map_or(start.0, |last| ((last as u64 + 1) * window).min(record.end.0));
    let seconds = end.saturating_sub(start.0) as f64 / 1e9;
    Some(Recovery { seconds, is_complete: last.is_none_or(|last| last + 1 < ok.len()) })
}

/// From the death of an instance in a scope to the balancer's last pick of it, seconds; the mean over its deaths.
pub fn removal(study: &Study, index: usize, scope: Scope) -> Option<f64> {
    let model = study.model;
    let is_meant = |fault: usize, period: &FaultPeriod| match scope {
        Scope::Station(station) => period.station == station,
        Scope::Stations(first, count) => (first..first + count).contains(&period.station),
        Scope::Component(component) => {
            model.stations.get(period.station as usize).is_some_and(|station| station.component == component)
        }
        Scope::Fault(wanted) => fault == usize::from(wanted),
        _ => true,
    };
    let periods =
        study.records[index].faults.iter().enumerate().flat_map(|(fault, list)| list.iter().map(move |p| (fault, p)));
    let values: Vec<f64> =
        periods.filter(|(fault, p)| is_meant(*fault, p)).filter_map(|(_, p)| removal_of(p)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn removal_of(period: &FaultPeriod) -> Option<f64> {
    Some((period.last_pick? - period.start).secs())
}
