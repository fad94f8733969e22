//! The cheapest design that meets its objectives at a load.
//!
//! What arithmetic rules out is never simulated: a design that is asked for more than it can do has no steady state, and
//! machines cost what they cost whatever happens, so the bill has a lower bound before any run. Designs are therefore tried
//! in the order of that bound, and the search ends at the first whose bound is no less than what the best one costs. Each
//! starts with few replications; most of the cheap ones are clearly too small and go at once, and only contenders get more,
//! doubled until their objectives are decided. So the answer is that of an exhaustive search with the same verdicts.

use crate::analysis::axis::Point;
use crate::analysis::design::Design;
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::catalogue::HOURS_PER_MONTH;
use crate::model::Model;
use crate::model::prices::Metered;
use crate::report::Verdict;
use crate::report::evaluation::Figures;
use crate::report::size::Candidate;

/// Replications at the start of the race.
const FEW: u32 = 3;
/// Replications are doubled so often before a contender counts as undecided.
const DOUBLINGS: u32 = 3;
/// Designs beyond the best that are looked at for the front of cost and latency, unless the budget is smaller.
const BEYOND: usize = 8;

/// What a race came to.
#[derive(Debug, Default)]
pub struct Raced {
    pub best: Option<Candidate>,
    pub undecided: Vec<Candidate>,
    pub evaluated: Vec<Candidate>,
    pub designs: u32,
    pub ruled_out: u32,
}

/// A design and the least that it can cost a month.
struct Entry {
    point: Point,
    design: Design,
    floor: f64,
}

/// Dollars a month for machines that are there whatever happens.
pub fn floor(model: &Model) -> f64 {
    let each = model.prices.iter().map(|price| match price.metered {
        Metered::Machines { count, per_hour } => count * per_hour * HOURS_PER_MONTH,
        _ => 0.0,
    });
    each.sum()
}

/// Races the designs of the points; `budget` bounds the replications. Points without a design are left out.
pub fn race<M: Memory>(
    points: &[Point],
    budget: u64,
    lab: &mut Lab<'_, M>,
    make: impl Fn(&Point) -> Option<Design>,
) -> Result<Raced, Interrupted> {
    let before = lab.needed();
    let (mut raced, field) = enter(points, make);
    let at = heats(&mut raced, &field, budget, lab)?;
    for entry in beyond(&field[at..]) {
        if budget <= lab.needed() - before || raced.best.is_none() {
            break;
        }
        let figures = lab.evaluate_with(&[&entry.design], FEW)?.swap_remove(0);
        raced.evaluated.push(candidate(entry, &figures));
    }
    Ok(raced)
}

/// The part of a race that one of several machines does: the heats of every `has`-th design.
///
/// Among fewer designs the best one is no cheaper, so whatever the whole race looks at is looked at in one of the parts.
///
/// # Errors
/// The work was stopped.
pub fn share<M: Memory>(
    points: &[Point],
    budget: u64,
    has: impl Fn(usize) -> bool,
    lab: &mut Lab<'_, M>,
    make: impl Fn(&Point) -> Option<Design>,
) -> Result<(), Interrupted> {
    let (mut raced, field) = enter(points, make);
    let dealt = field.into_iter().enumerate().filter(|(at, _)| has(*at)).map(|(_, entry)| entry);
    heats(&mut raced, &dealt.collect::<Vec<_>>(), budget, lab)?;
    Ok(())
}

/// The designs that arithmetic does not rule out, the cheapest first.
fn enter(points: &[Point], make: impl Fn(&Point) -> Option<Design>) -> (Raced, Vec<Entry>) {
    let mut raced = Raced::default();
    let mut field: Vec<Entry> = Vec::new();
    for point in points {
        let Some(design) = make(point) else { continue };
        raced.designs += 1;
        if design.overloaded {
            raced.ruled_out += 1;
            continue;
        }
        field.push(Entry { point: point.clone(), floor: floor(&design.model), design });
    }
    field.sort_by(|a, b| a.floor.total_cmp(&b.floor));
    (raced, field)
}

/// Tries the field in its order, up to the first that can be no cheaper than the best; answers how many that were.
fn heats<M: Memory>(
    raced: &mut Raced,
    field: &[Entry],
    budget: u64,
    lab: &mut Lab<'_, M>,
) -> Result<usize, Interrupted> {
    let before = lab.needed();
    for (at, entry) in field.iter().enumerate() {
        let worth = raced.best.as_ref().map_or(f64::INFINITY, |best| best.usd_per_month);
        if worth <= entry.floor || budget <= lab.needed() - before {
            return Ok(at);
        }
        // The first look is shared by all threads; contenders are then taken one by one.
        if at.is_multiple_of(lab.setting.jobs.max(1)) {
            let next = field[at..].iter().take(lab.setting.jobs.max(1)).take_while(|entry| entry.floor < worth);
            lab.ahead(&next.map(|entry| &entry.design).collect::<Vec<_>>(), FEW)?;
        }
        let figures = decided(&entry.design, lab)?;
        take(raced, candidate(entry, &figures));
    }
    Ok(field.len())
}

/// The verdict on a design and its bill, with as many replications as a contender gets.
///
/// # Errors
/// The work was stopped.
pub fn tried<M: Memory>(design: &Design, lab: &mut Lab<'_, M>) -> Result<(Verdict, f64), Interrupted> {
    let figures = decided(design, lab)?;
    Ok((verdict(&figures), figures.usd_per_month.unwrap_or(0.0)))
}

/// More replications until the objectives are decided.
fn decided<M: Memory>(design: &Design, lab: &mut Lab<'_, M>) -> Result<Figures, Interrupted> {
    let mut replications = FEW;
    let mut figures = lab.evaluate_with(&[design], replications)?.swap_remove(0);
    for _ in 0..=DOUBLINGS {
        if verdict(&figures) != Verdict::Undecided {
            break;
        }
        replications *= 2;
        figures = lab.evaluate_with(&[design], replications)?.swap_remove(0);
    }
    Ok(figures)
}

/// A queue without end is a miss, whatever the objectives say.
fn verdict(figures: &Figures) -> Verdict {
    if figures.stable { figures.verdict } else { Verdict::Misses }
}

fn candidate(entry: &Entry, figures: &Figures) -> Candidate {
    let missed = figures.objectives.iter().filter(|judged| judged.verdict == Verdict::Misses);
    Candidate {
        settings: entry.point.clone(),
        verdict: verdict(figures),
        usd_per_month: figures.usd_per_month.unwrap_or(0.0),
        p99_s: figures.value("p99"),
        replications: figures.replications,
        limit: figures.bottleneck.clone(),
        missed: missed.map(|judged| judged.text.clone()).collect(),
    }
}

fn take(raced: &mut Raced, candidate: Candidate) {
    raced.evaluated.push(candidate.clone());
    match candidate.verdict {
        Verdict::Meets => {
            let price = |candidate: &Candidate| (candidate.usd_per_month, candidate.p99_s.unwrap_or(f64::INFINITY));
            let is_better = raced.best.as_ref().is_none_or(|best| price(&candidate) < price(best));
            if is_better {
                raced.best = Some(candidate);
            }
        }
        Verdict::Undecided => raced.undecided.push(candidate),
        Verdict::Misses | Verdict::None => {}
    }
}

/// Some of the dearer designs, evenly over their prices: what more money would buy.
fn beyond(rest: &[Entry]) -> Vec<&Entry> {
    let step = rest.len().div_ceil(BEYOND).max(1);
    rest.iter().step_by(step).collect()
}

/// Of some designs those that no other beats in both cost and latency, the cheapest first.
pub fn pareto(evaluated: &[Candidate]) -> Vec<Candidate> {
    let mut known: Vec<&Candidate> = evaluated.iter().filter(|candidate| candidate.p99_s.is_some()).collect();
    let tail = |candidate: &Candidate| candidate.p99_s.unwrap_or(f64::INFINITY);
    known.sort_by(|a, b| a.usd_per_month.total_cmp(&b.usd_per_month).then(tail(a).total_cmp(&tail(b))));
    let mut front: Vec<Candidate> = Vec::new();
    for candidate in known {
        if front.last().is_none_or(|last| tail(candidate) < tail(last)) {
            front.push(candidate.clone());
        }
    }
    front
}

/// What the designs that were simulated miss, the most frequent first.
pub fn binds(evaluated: &[Candidate]) -> Vec<String> {
    let mut counted: Vec<(usize, &String)> = Vec::new();
    for text in evaluated.iter().flat_map(|candidate| &candidate.missed) {
        match counted.iter_mut().find(|(_, known)| *known == text) {
            Some((count, _)) => *count += 1,
            None => counted.push((1, text)),
        }
    }
    counted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    counted.into_iter().map(|(_, text)| text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(usd: f64, p99: f64) -> Candidate {
        let (verdict, p99_s, missed) = (Verdict::Meets, Some(p99), vec!["fast".to_owned()]);
        Candidate { settings: Vec::new(), verdict, usd_per_month: usd, p99_s, replications: 3, limit: None, missed }
    }

    #[test]
    fn the_front_has_no_design_that_another_beats() {
        let front = pareto(&[point(3.0, 0.5), point(1.0, 0.9), point(2.0, 0.4), point(2.0, 0.6), point(4.0, 0.1)]);
        assert_eq!(front.iter().map(|c| c.usd_per_month).collect::<Vec<_>>(), [1.0, 2.0, 4.0]);
        assert_eq!(binds(&front), ["fast"]);
    }
}
