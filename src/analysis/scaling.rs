//! What autoscalers did, why, and how well that fitted.

use std::collections::BTreeMap;

use crate::analysis::objective::unit;
use crate::analysis::study::Study;
use crate::model::Scope;
use crate::model::autoscale::Scaler;
use crate::policy::scale::{Held, Rule, Why};
use crate::report::{Decision, Estimate};
use crate::units::{human_bytes, human_count, human_rate, human_share, human_time};

/// Every change of the first replication, with its reason.
pub(super) fn decisions(study: &Study) -> Vec<Decision> {
    let made = study.records.first().map_or(&[][..], |record| &record.decisions);
    let shown = made.iter().map(|decision| {
        let scaler = &study.model.scalers[usize::from(decision.scaler)];
        Decision {
            t_s: decision.at.secs(),
            component: study.model.components[usize::from(scaler.component)].name.clone(),
            from: f64::from(decision.from),
            to: f64::from(decision.to),
            why: reason(scaler, &decision.why),
        }
    });
    shown.collect()
}

/// "utilisation of cores 91% > 70%, held at max".
fn reason(scaler: &Scaler, why: &Why) -> String {
    let held = match why.held {
        Held::Free => "",
        Held::Min => ", no fewer than min",
        Held::Max => ", no more than max",
        Held::Pace => ", as far as the pace allows",
        Held::Stable => ", as long as it was stable",
    };
    format!("{}{held}", cause(scaler, why))
}

fn cause(scaler: &Scaler, why: &Why) -> String {
    let than = |value: f64, goal: f64| if goal < value { ">" } else { "<" };
    let measured = |index: u16| {
        let reading = scaler.readings.get(usize::from(index))?;
        let shown = |value: f64| with_unit(value, unit(&reading.probe));
        Some(format!("{} {} {} {}", reading.text, shown(why.value), than(why.value, why.goal), shown(why.goal)))
    };
    match &scaler.rule {
        _ if why.index == Why::NONE => format!("{} instances are outside of min and max", why.value),
        Rule::Schedule(_) => format!("the schedule says {}", why.goal),
        Rule::Score { .. } => format!("score {:.2} {} {}", why.value, than(why.value, why.goal), why.goal),
        Rule::Predict(_) => {
            format!("{} foreseen, {} for each", human_rate(why.value), human_rate(why.goal))
        }
        Rule::Concurrency(_) => {
            let panic = if why.index == Why::PANIC { "panic: " } else { "" };
            format!("{panic}{:.1} in flight each, target {}", why.value, why.goal)
        }
        Rule::Target(_) | Rule::Step(_) | Rule::Hpa(_) => measured(why.index).unwrap_or_default(),
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "s" => human_time(value),
        "per_s" => human_rate(value),
        "bytes" => human_bytes(value),
        "ratio" => human_share(value),
        _ => human_count((100.0 * value).round() / 100.0),
    }
}

/// Changes, what was provided beside what was needed, and how good forecasts were.
pub(super) fn figures(study: &Study, component: u16) -> BTreeMap<String, Estimate> {
    let scope = Scope::Component(component);
    let mut found = BTreeMap::new();
    let mut put = |name: &str, value: Option<Estimate>| found.extend(value.map(|value| (name.to_owned(), value)));
    let tally = |stretch: &crate::probe::Between| stretch.scaling(scope);
    put("scale_changes", study.mean(|stretch| Some(tally(stretch)?.changes as f64)));
    put("scale_changes_per_h", study.mean(|s| Some(tally(s)?.changes as f64 / s.seconds() * 3600.0)));
    let share = |part: f64, whole: f64| (0.0 < whole).then(|| part / whole);
    put("over_provisioned", study.mean(|stretch| tally(stretch).and_then(|t| share(t.over, t.needed))));
    put("under_provisioned", study.mean(|stretch| tally(stretch).and_then(|t| share(t.under, t.needed))));
    put("scaling_accuracy", study.mean(|stretch| tally(stretch).and_then(|t| share(t.both, t.either))));
    put("forecast_error", study.mean(|s| tally(s).and_then(|t| share(t.forecast_error, t.forecasts as f64))));
    found
}

/// The number of instances over time in the first replication: at the start, and after each change.
pub(super) fn replicas(study: &Study, component: u16) -> Vec<[f64; 2]> {
    let Some(scaler) = study.model.scaler_of(component) else { return Vec::new() };
    let start = f64::from(scaler.start) * study.model.instances_for_one(component);
    let made = study.records.first().map_or(&[][..], |record| &record.decisions);
    let is_own =
        |decision: &&crate::record::Decision| study.model.scalers[usize::from(decision.scaler)].component == component;
    let changes = made.iter().filter(is_own).map(|decision| [decision.at.secs(), f64::from(decision.to)]);
    std::iter::once([0.0, start]).chain(changes).collect()
}
