//! A ladder of designs: each at its own load, as far as it goes, and beside the one before.

use crate::analysis::capacity::{Question, SURE, search};
use crate::analysis::compare::{changes, measure};
use crate::analysis::design::Design;
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::report::capacity::Capacity;
use crate::report::compare::{Change, Difference};
use crate::report::evaluation::Figures;
use crate::report::journey::{Carried, Sign, Stage, Step};

/// How close capacities are looked for: the story needs no more.
const TOLERANCE: f64 = 0.05;
/// Differences of the p99 that matter.
const NOISE: f64 = 0.02;

/// One rung.
#[derive(Debug)]
pub struct Rung {
    pub design: Design,
    pub users: Option<f64>,
    pub story: Option<String>,
    /// The same design for the users of the rung before.
    pub for_fewer: Option<Design>,
}

/// All stages; each is evaluated at its load, searched for its capacity, and held against the one before.
pub fn journey<M: Memory>(rungs: &[Rung], lab: &mut Lab<'_, M>) -> Result<Vec<Stage>, Interrupted> {
    let designs: Vec<&Design> =
        rungs.iter().flat_map(|rung| [Some(&rung.design), rung.for_fewer.as_ref()]).flatten().collect();
    lab.evaluate(&designs)?;
    let mut stages: Vec<Stage> = Vec::new();
    for (at, rung) in rungs.iter().enumerate() {
        let figures = lab.evaluate(&[&rung.design])?.swap_remove(0);
        let carried = capacity(rung, lab)?;
        let step = match at.checked_sub(1) {
            Some(before) => {
                let p99 = same_load(&rungs[before].design, rung.for_fewer.as_ref(), lab)?;
                let changed = changes(&rungs[before].design.tree, &rung.design.tree).0;
                Some(step(&changed, &stages[before], (&figures, &carried), p99))
            }
            None => None,
        };
        stages.push(stage(rung, &figures, &carried, step));
    }
    Ok(stages)
}

fn capacity<M: Memory>(rung: &Rung, lab: &mut Lab<'_, M>) -> Result<Capacity, Interrupted> {
    let design = &rung.design;
    let (rate, clients) = design.load(None);
    let (unit, today) = if 0.0 < rate { ("per_s", rate) } else { ("clients", clients) };
    let question = Question {
        find: "load".to_owned(),
        whole: false,
        unit,
        today,
        tolerance: TOLERANCE,
        headroom: 0.0,
        sure: SURE,
        curve: false,
    };
    search(design, &question, lab, |factor| design.loaded(factor, None))
}

fn stage(rung: &Rung, figures: &Figures, carried: &Capacity, step: Option<Step>) -> Stage {
    let design = &rung.design;
    let each = rung.users.zip(carried.today).map(|(users, today)| users / today);
    Stage {
        name: design.name.clone(),
        title: design.scenario.title.clone(),
        file: design.scenario.file.clone(),
        hash: figures.hash.clone(),
        story: rung.story.clone().or_else(|| design.scenario.description.clone()),
        users: rung.users,
        verdict: figures.judgement(),
        missed: figures.missed(),
        stable: figures.stable,
        offered_per_s: figures.value("offered"),
        p50_s: figures.value("p50"),
        p99_s: figures.value("p99"),
        failed: figures.value("failed"),
        usd_per_month: figures.usd_per_month,
        bottleneck: figures.bottleneck.clone(),
        capacity: Carried {
            outcome: carried.outcome,
            per_s: carried.value,
            low: carried.low,
            high: carried.high,
            users: carried.value.zip(each).map(|(value, each)| value * each),
            breaks: carried.breaks.clone(),
        },
        evolve: sign(carried),
        step,
    }
}

/// The sign for the next design that shows at the lowest of the loads that were tried.
fn sign(carried: &Capacity) -> Option<Sign> {
    let shown = carried.points.iter().find(|tried| !tried.evolve.is_empty())?;
    Some(Sign { text: shown.evolve.first()?.clone(), at_per_s: shown.at })
}

/// The p99 of two designs for the same users.
fn same_load<M: Memory>(
    previous: &Design,
    design: Option<&Design>,
    lab: &mut Lab<'_, M>,
) -> Result<Option<Difference>, Interrupted> {
    let Some(design) = design else { return Ok(None) };
    let both = lab.evaluate(&[previous, design])?;
    let found = both[0].measure("p99").zip(both[1].measure("p99")).map(|(was, is)| measure(was, is, NOISE));
    Ok(found.filter(|found| found.change.is_some()))
}

fn step(
    changed: &[Change],
    before: &Stage,
    (figures, carried): (&Figures, &Capacity),
    p99: Option<Difference>,
) -> Step {
    let added = changed.iter().filter(|change| change.before.is_none()).count() as u32;
    Step {
        changed: changed.len() as u32 - added,
        added,
        capacity_times: carried.value.zip(before.capacity.per_s).map(|(is, was)| is / was),
        usd_more_per_month: figures.usd_per_month.zip(before.usd_per_month).map(|(is, was)| is - was),
        p99,
    }
}
