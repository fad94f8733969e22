//! When a condition with `for`, or an alert, fires: its looks during the run, strung together.
//!
//! The engine looks every so often at the last minute. A condition fires at the first look at which it has held that long
//! and goes on firing until the first look at which it does not hold. `all` fires while all its parts do, `any` while one
//! does. A look that saw nothing does not hold.

use crate::analysis::estimate::median;
use crate::analysis::objective;
use crate::analysis::study::Study;
use crate::model::{Body, Bound, Condition, Scope, Test};
use crate::report::{Alert, Stretch, Trigger};
use crate::units::Span;

/// What the offered load is measured over before a condition fires, seconds.
const MINUTE_S: f64 = 60.0;

/// When and at which load the condition fires first.
pub fn trigger(study: &Study, condition: &Condition) -> Trigger {
    let mut fired: Vec<(f64, f64)> = Vec::new();
    for index in 0..study.records.len() {
        if let Some(first) = body_firing(study, index, &condition.body).first() {
            fired.push((first.from_s, offered(study, index, first.from_s)));
        }
    }
    let of = |get: fn(&(f64, f64)) -> f64| median(&fired.iter().map(get).collect::<Vec<_>>());
    Trigger {
        name: condition.name.clone(),
        text: condition.text.clone(),
        fired_at_s: of(|(at, _)| *at),
        offered_per_s: of(|(_, offered)| *offered),
        fired_share: fired.len() as f64 / study.records.len() as f64,
    }
}

/// When the alert was on.
pub fn alert(study: &Study, condition: &Condition, severity: &str) -> Alert {
    let firing: Vec<Vec<Stretch>> =
        (0..study.records.len()).map(|index| body_firing(study, index, &condition.body)).collect();
    let at_all = firing.iter().filter(|stretches| !stretches.is_empty()).count();
    Alert {
        name: condition.name.clone(),
        text: condition.text.clone(),
        severity: severity.to_owned(),
        fired: in_most(&firing).into_iter().map(|stretch| [stretch.from_s, stretch.to_s]).collect(),
        fired_share: at_all as f64 / firing.len() as f64,
    }
}

/// Offered load in the minute before an instant.
fn offered(study: &Study, index: usize, at_s: f64) -> f64 {
    let series = &study.records[index].series;
    let window = series.window.secs();
    let end = ((at_s / window) as usize).min(series.offered.len());
    let count = ((MINUTE_S / window).ceil() as usize).clamp(1, end.max(1));
    let sum: f64 = series.offered[end.saturating_sub(count)..end].iter().map(|offered| f64::from(*offered)).sum();
    sum * study.model.scale_of(Scope::All) / (count as f64 * window)
}

/// The stretches of one replication in which a condition fires.
pub fn body_firing(study: &Study, index: usize, body: &Body) -> Vec<Stretch> {
    let parts =
        |parts: &[Body]| -> Vec<Vec<Stretch>> { parts.iter().map(|part| body_firing(study, index, part)).collect() };
    match body {
        Body::Test(test) => test_firing(study, index, test),
        Body::All(all) => overlap(&parts(all), all.len()),
        Body::Any(any) => overlap(&parts(any), 1),
    }
}

/// The stretches of one replication in which a test fires; none if nobody looked.
pub fn test_firing(study: &Study, index: usize, test: &Test) -> Vec<Stretch> {
    let Some(watch) = test.watch else { return Vec::new() };
    let record = &study.records[index];
    let looks = &record.looks[usize::from(watch)];
    let fixed = match test.bound {
        Bound::Value(bound) => Some(bound),
        Bound::ShareOf(..) => None,
        Bound::ShareOfBefore(share, fault) => {
            objective::before(study, &test.probe, fault, index).map(|value| share * value)
        }
    };
    let bound = |look: usize| match (&test.bound, test.bound_watch) {
        (Bound::ShareOf(share, _), Some(other)) => {
            record.looks[usize::from(other)].get(look).map(|value| share * value)
        }
        _ => fixed,
    };
    let holds = |(look, value): (usize, &f64)| bound(look).is_some_and(|bound| test.relation.holds(*value, bound));
    let holding: Vec<bool> = looks.iter().enumerate().map(holds).collect();
    let every_s = study.model.watches[usize::from(watch)].every.secs();
    firing(&holding, every_s, test.hold.map_or(0.0, Span::secs), record.end.secs())
}

/// Stretches from the first look at which it has held for `hold_s` to the first at which it does not.
fn firing(holding: &[bool], every_s: f64, hold_s: f64, end_s: f64) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut since, mut is_on) = (None, false);
    for (look, holds) in holding.iter().enumerate() {
        let at_s = (look + 1) as f64 * every_s;
        if !holds {
            if let (true, Some(last)) = (is_on, stretches.last_mut()) {
                last.to_s = at_s;
            }
            (since, is_on) = (None, false);
            continue;
        }
        let began = *since.get_or_insert(at_s);
        if !is_on && hold_s <= at_s - began + 1e-9 {
            is_on = true;
            stretches.push(Stretch { from_s: at_s, to_s: end_s });
        }
    }
    stretches
}

/// Where at least half of the lists have a stretch.
fn in_most(lists: &[Vec<Stretch>]) -> Vec<Stretch> {
    overlap(lists, lists.len().div_ceil(2))
}

/// Where at least `enough` of the lists have a stretch.
fn overlap(lists: &[Vec<Stretch>], enough: usize) -> Vec<Stretch> {
    let mut edges: Vec<(f64, i32)> =
        lists.iter().flatten().flat_map(|stretch| [(stretch.from_s, 1), (stretch.to_s, -1)]).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut count = 0;
    for (at_s, step) in edges {
        let was = enough as i32 <= count;
        count += step;
        match (was, enough as i32 <= count, stretches.last_mut()) {
            (false, true, _) => stretches.push(Stretch { from_s: at_s, to_s: at_s }),
            (true, false, Some(last)) => last.to_s = at_s,
            _ => {}
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(stretches: &[Stretch]) -> Vec<(f64, f64)> {
        stretches.iter().map(|stretch| (stretch.from_s, stretch.to_s)).collect()
    }

    #[test]
    fn it_fires_at_the_first_look_at_which_it_has_held_long_enough() {
        let holding = [false, true, true, true, false, true, true, true, true];
        assert_eq!(pairs(&firing(&holding, 15.0, 30.0, 200.0)), [(60.0, 75.0), (120.0, 200.0)]);
        assert_eq!(pairs(&firing(&holding, 15.0, 0.0, 200.0)), [(30.0, 75.0), (90.0, 200.0)]);
        assert_eq!(pairs(&firing(&holding, 15.0, 300.0, 200.0)), []);
    }

    #[test]
    fn all_is_the_overlap_and_any_the_union() {
        let stretch = |from_s, to_s| Stretch { from_s, to_s };
        let lists = vec![vec![stretch(10.0, 30.0), stretch(50.0, 60.0)], vec![stretch(20.0, 55.0)]];
        assert_eq!(pairs(&overlap(&lists, 2)), [(20.0, 30.0), (50.0, 55.0)]);
        assert_eq!(pairs(&overlap(&lists, 1)), [(10.0, 60.0)]);
        assert_eq!(pairs(&in_most(&[lists[0].clone(), lists[1].clone(), Vec::new()])), [(20.0, 30.0), (50.0, 55.0)]);
    }
}
