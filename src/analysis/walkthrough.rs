//! One design as an interviewer would go through it. Every answer is simulated, or a sum of figures that are.

use crate::analysis::advise::{Change, advise};
use crate::analysis::by_hand::by_hand;
use crate::analysis::capacity::{Question, SURE, search};
use crate::analysis::design::Design;
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::report::Verdict;
use crate::report::advise::Advise;
use crate::report::capacity::{Capacity, Outcome};
use crate::report::compare::Word;
use crate::report::evaluation::Figures;
use crate::report::walkthrough::{Asked, FollowUp, Requirements, SCHEMA, Simulated, Walkthrough};
use crate::scenario::load::Demand;
use crate::scenario::{Length, Scenario};
use crate::units::{human_count, human_money, human_rate, human_share, human_time};

/// How close the capacity is looked for: a conversation needs no more.
const TOLERANCE: f64 = 0.05;
/// Differences that matter.
const NOISE: f64 = 0.02;
/// Growth a month of the question about growth.
const GROWTH: f64 = 0.08;

/// A design with all that the senior level asks about; a junior is asked about the design alone.
#[derive(Debug)]
pub struct Subject {
    pub design: Design,
    /// Single changes and the designs that they make.
    pub changes: Vec<(Change, Design)>,
    /// An instance of this component dies in the middle of the run.
    pub death: Option<(String, Design)>,
}

/// Goes through a design; `senior` also asks for trade-offs and what comes next.
///
/// # Errors
/// The work was stopped.
pub fn walk<M: Memory>(subject: &Subject, senior: bool, lab: &mut Lab<'_, M>) -> Result<Walkthrough, Interrupted> {
    let design = &subject.design;
    let figures = lab.evaluate(&[design])?.swap_remove(0);
    let capacity = search(design, &question(design), lab, |factor| design.loaded(factor, None))?;
    let trade_offs = if senior { Some(trade_offs(subject, &figures, lab)?) } else { None };
    let follow_ups = match &trade_offs {
        Some(advice) => follow_ups(subject, &figures, &capacity, advice, lab)?,
        None => Vec::new(),
    };
    let scenario = &design.scenario;
    Ok(Walkthrough {
        schema: SCHEMA,
        name: design.name.clone(),
        title: scenario.title.clone(),
        description: scenario.description.clone(),
        hash: scenario.hash.clone(),
        seed: lab.setting.seed,
        requirements: requirements(scenario),
        by_hand: by_hand(design, &figures),
        simulated: simulated(&figures),
        capacity,
        trade_offs,
        follow_ups,
        runs: lab.needed(),
    })
}

fn question(design: &Design) -> Question {
    let (rate, clients) = design.load(None);
    let (unit, today) = if 0.0 < rate { ("per_s", rate) } else { ("clients", clients) };
    let (find, tolerance, headroom) = ("load".to_owned(), TOLERANCE, 0.3);
    Question { find, whole: false, unit, today, tolerance, headroom, sure: SURE, curve: false }
}

fn requirements(scenario: &Scenario) -> Requirements {
    let loads = scenario.load.iter().map(|(name, load)| {
        let (per_s, clients) = match load.value.demand {
            Demand::Open { rate } | Demand::Sessions { rate, .. } => (Some(rate), None),
            Demand::Closed { clients, .. } => (None, Some(f64::from(clients))),
            Demand::Every { .. } | Demand::Trace { .. } => (None, None),
        };
        let whole: f64 = load.value.requests.iter().map(|(_, share)| share).sum();
        let requests = load.value.requests.iter().map(|(name, share)| (name.value.clone(), share / whole)).collect();
        Asked { name: name.clone(), per_s, clients, requests }
    });
    let objectives = scenario.objectives.values().map(|objective| objective.value.text.clone()).collect();
    Requirements { loads: loads.collect(), objectives }
}

fn simulated(figures: &Figures) -> Simulated {
    Simulated {
        verdict: figures.judgement(),
        missed: figures.missed(),
        stable: figures.stable,
        p50_s: figures.value("p50"),
        p99_s: figures.value("p99"),
        failed: figures.value("failed"),
        served_per_s: figures.value("served"),
        usd_per_month: figures.usd_per_month,
        bottleneck: figures.bottleneck.clone(),
    }
}

fn trade_offs<M: Memory>(subject: &Subject, before: &Figures, lab: &mut Lab<'_, M>) -> Result<Advise, Interrupted> {
    let designs: Vec<&Design> = subject.changes.iter().map(|(_, design)| design).collect();
    let figures = lab.evaluate(&designs)?;
    let tried: Vec<(Change, Figures)> = subject.changes.iter().map(|(change, _)| change.clone()).zip(figures).collect();
    Ok(advise(&subject.design, before, &tried, NOISE))
}

fn follow_ups<M: Memory>(
    subject: &Subject,
    figures: &Figures,
    capacity: &Capacity,
    advice: &Advise,
    lab: &mut Lab<'_, M>,
) -> Result<Vec<FollowUp>, Interrupted> {
    let mut asked = Vec::new();
    let mut ask = |question: String, answer: String| asked.push(FollowUp { question, answer });
    if let Some(twice) = subject.design.loaded(2.0, None) {
        let there = lab.evaluate(&[&twice])?.swap_remove(0);
        ask("What happens at twice the load?".to_owned(), at(&there));
    }
    if let Some((component, dying)) = &subject.death {
        let there = lab.evaluate(&[dying])?.swap_remove(0);
        let was = figures.value("p99").map(|p99| format!(" (p99 {} without)", human_time(p99)));
        ask(
            format!("What do users notice if one instance of {component} dies?"),
            at(&there) + &was.unwrap_or_default(),
        );
    }
    ask("What would you change first, and what does it cost?".to_owned(), first_change(advice));
    if let Some(next) = &capacity.next {
        let answer = format!("the {} of {}, at about {}", next.resource, next.component, human_rate(next.at));
        ask("What breaks next, once that is mended?".to_owned(), answer);
    }
    ask(format!("How long does it last if load grows {} a month?", human_share(GROWTH)), lasts(capacity));
    Ok(asked)
}

/// A design at a glance.
fn at(figures: &Figures) -> String {
    let failed = figures.value("failed").filter(|share| 0.0 < *share);
    let failed = failed.map(|share| format!(", {} fail", human_share((share * 1e4).round() / 1e4))).unwrap_or_default();
    if !figures.stable {
        let full = figures
            .bottleneck
            .as_ref()
            .map(|limit| format!(": the {} of {} are full", limit.resource, limit.component));
        return format!("it does not keep up{}{failed}", full.unwrap_or_default());
    }
    let verdict = match figures.verdict {
        Verdict::Misses => format!("; it misses {}", figures.missed().join(", ")),
        Verdict::Meets => "; all objectives hold".to_owned(),
        Verdict::Undecided => "; whether the objectives hold is undecided".to_owned(),
        Verdict::None => String::new(),
    };
    let p99 = figures.value("p99").map_or_else(|| "unknown".to_owned(), human_time);
    format!("p99 {p99}{failed}{verdict}")
}

fn first_change(advice: &Advise) -> String {
    let Some(best) = advice.changes.first().filter(|best| best.word == Some(Word::Improved)) else {
        return "no single change helps; `plimsoll size` looks for several at once".to_owned();
    };
    let focus = advice.focus.split(['<', '>', '=']).next().unwrap_or_default().trim();
    let change = best.change.map(|change| format!(": {focus} {}", human_share((change * 1e3).round() / 1e3)));
    let cost = match best.usd_more_per_month {
        Some(usd) if 0.0 < usd => format!(", for {} more a month", human_money(usd)),
        Some(usd) if usd < 0.0 => format!(", and saves {} a month", human_money(-usd)),
        Some(_) => ", and it costs nothing".to_owned(),
        None => String::new(),
    };
    format!("{} (now {}){}{cost}", best.set, best.was, change.unwrap_or_default())
}

/// Months until load has grown to the capacity.
fn lasts(capacity: &Capacity) -> String {
    match (capacity.outcome, capacity.value, capacity.today) {
        (Outcome::Found, Some(value), Some(today)) if today < value => {
            let months = libm::log(value / today) / libm::log(1.0 + GROWTH);
            format!(
                "{} months, until it is {:.1} times today's",
                human_count((months * 10.0).round() / 10.0),
                value / today
            )
        }
        (Outcome::Found, ..) => "it is too small already".to_owned(),
        (Outcome::None, ..) => "it misses an objective at any load".to_owned(),
        (Outcome::Unbounded, ..) => "longer than any load that was tried".to_owned(),
        (Outcome::Undecided, ..) => "too noisy to tell".to_owned(),
    }
}

/// What kills a part, such as `web/0`, for a fifth of the run, from its middle on; `None` where a run has no length in time.
pub fn death(design: &Design, part: &str) -> Option<String> {
    let Length::Duration(seconds) = design.scenario.run.length else { return None };
    let (at, long) = (seconds * 0.5, seconds * 0.2);
    Some(format!("faults.walkthrough_dies={{at: {at}s, kill: {part}, for: {long}s}}"))
}
