//! What autoscalers did, why, and how well that fitted.

use std::collections::BTreeMap;

use crate::analysis::objective::unit;
use crate::analysis::study::Study;
use crate::model::Scope;
use crate::model::autoscale::Scaler;
use crate::policy::scale::{Held, Rule, Why};
use crate::record::{By, SizesTally};
use crate::report::{Decision, Estimate, Word};
use crate::units::{human_bytes, human_count, human_rate, human_share, human_time};

/// Every change of the first replication, with its reason.
pub(super) fn decisions(study: &Study) -> Vec<Decision> {
    let made = study.records.first().map_or(&[][..], |record| &record.decisions);
    let shown = made.iter().map(|decision| {
        let (component, what, why) = told(study, decision);
        let (t_s, from, to) = (decision.at.secs(), decision.from, decision.to);
        Decision { t_s, component, what, from, to, why }
    });
    shown.collect()
}

/// Whose number changes, of what, and why.
fn told(study: &Study, decision: &crate::record::Decision) -> (String, Word, String) {
    let model = study.model;
    let name = |component: u16| model.components[usize::from(component)].name.clone();
    match decision.by {
        By::Scaler(scaler, why) => {
            let scaler = &model.scalers[usize::from(scaler)];
            (name(scaler.component), "instances", reason(scaler, &why))
        }
        By::Vertical { vertical, needed, sizes } => {
            let vertical = &model.verticals[usize::from(vertical)];
            let [before, after] = sizes.map(|size| &vertical.sizes[size]);
            let (fills, full) = (human_share(needed / decision.from), human_share(vertical.rule.full));
            let quantile = human_count(100.0 * vertical.rule.quantile);
            let than = if sizes[0] < sizes[1] { format!("more than {full}") } else { "less would do".to_owned() };
            let before = if before.name.parse::<f64>().is_ok() { "each" } else { before.name.as_str() };
            let after = &after.name;
            let why = format!(
                "{needed:.2} cores in use at the {quantile} percentile, {fills} of {before}: {than}; now {after}"
            );
            (name(vertical.component), "cores", why)
        }
        By::Nodes(number, wanted_by) => {
            let nodes = &model.nodes[usize::from(number)];
            let host = &model.hosts[nodes.first as usize].name;
            let pool = host.split('/').next().unwrap_or(host).to_owned();
            let why = wanted_by.map_or_else(
                || format!("a host stood empty for {}", human_time(nodes.idle.secs())),
                |component| format!("no room for an instance of `{}`", name(component)),
            );
            (pool, "hosts", why)
        }
    }
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
    let sized = |of: fn(&SizesTally) -> f64| {
        study.mean(|stretch| stretch.sizes(component).map(|(before, after)| of(&after) - of(&before)))
    };
    put("restarts", sized(|sizes| sizes.restarts as f64));
    let cores =
        |sizes: &SizesTally| sizes.rooms.iter().map(|room| room[0]).sum::<f64>() / sizes.rooms.len().max(1) as f64;
    put(
        "cores_each",
        study.mean(|stretch| {
            let (before, after) = stretch.sizes(component)?;
            Some((cores(&after) - cores(&before)) * 1e-9 / stretch.seconds())
        }),
    );
    if study.model.is_spot(component) {
        put("reclaims", study.mean(|stretch| Some(stretch.reclaims(scope))));
    }
    put("forecast_error", study.mean(|s| tally(s).and_then(|t| share(t.forecast_error, t.forecasts as f64))));
    found
}

/// The number of instances over time in the first replication: at the start, and after each change.
pub(super) fn replicas(study: &Study, component: u16) -> Vec<[f64; 2]> {
    let Some(scaler) = study.model.scaler_of(component) else { return Vec::new() };
    let start = f64::from(scaler.start) * study.model.instances_for_one(component);
    let made = study.records.first().map_or(&[][..], |record| &record.decisions);
    let is_own = |decision: &&crate::record::Decision| matches!(decision.by, By::Scaler(number, _) if study.model.scalers[usize::from(number)].component == component);
    let changes = made.iter().filter(is_own).map(|decision| [decision.at.secs(), decision.to]);
    std::iter::once([0.0, start]).chain(changes).collect()
}
