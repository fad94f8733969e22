//! Is it still true? Objectives and stored baselines of one design.
//!
//! A rule fails only if its whole 95 % interval is on the wrong side of its limit; replications are doubled, three times at
//! most, while an objective straddles it. A baseline holds the values of each replication, so what came since is compared
//! pair by pair on the same random numbers: a model that did not change differs by nothing at all.

use std::collections::BTreeMap;

use crate::analysis::compare::{changes_of, measure, settings};
use crate::analysis::design::Design;
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::diagnostic::Spot;
use crate::report::Verdict;
use crate::report::check::{BASELINE, Baseline, Checked, Kind, Outcome, Rule};
use crate::report::evaluation::{Better, Figures, Judged, Measured};

/// Replications are doubled so often while an objective is undecided.
const DOUBLINGS: u32 = 3;

/// By how much a measure may become worse: a share of what it was, or for shares the difference.
pub type Tolerances = BTreeMap<String, f64>;

/// What may become worse by how much unless somebody says otherwise.
pub const TOLERANCES: [(&str, f64); 5] =
    [("p50", 0.02), ("p99", 0.02), ("failed", 0.001), ("served", 0.02), ("cost", 0.02)];

/// The baseline of a design.
pub fn baseline(design: &Design, figures: &Figures, engine: &str) -> Baseline {
    let settings = settings(&design.tree).into_iter().collect();
    let (schema, engine, file) = (BASELINE.to_owned(), engine.to_owned(), design.scenario.file.clone());
    Baseline { schema, engine, file, settings, figures: figures.clone() }
}

/// Whether what is stored is what would come out again.
pub fn is_unchanged(design: &Design, stored: &Baseline, seed: u64, replications: u32, engine: &str) -> bool {
    let figures = &stored.figures;
    figures.hash == design.scenario.hash
        && figures.seed == seed
        && figures.replications == replications
        && stored.engine == engine
}

/// Judges one design, simulating as much as it takes; without objectives and a baseline there is nothing to judge.
pub fn check<M: Memory>(
    design: &Design,
    stored: Option<&Baseline>,
    tolerances: &Tolerances,
    engine: &str,
    lab: &mut Lab<'_, M>,
) -> Result<Checked, Interrupted> {
    let (seed, replications) = (lab.setting.seed, lab.setting.replications);
    let unchanged = stored.filter(|stored| is_unchanged(design, stored, seed, replications, engine));
    let is_decided = |figures: &Figures| figures.verdict != Verdict::Undecided;
    let known = unchanged.filter(|stored| is_decided(&stored.figures));
    let figures = match known {
        Some(stored) => stored.figures.clone(),
        None => lab.evaluate(&[design])?.swap_remove(0),
    };
    let stale = stored.and_then(|stored| stale(stored, seed, replications));
    let mut rules = against(&figures, stored.filter(|_| stale.is_none()), tolerances);
    let decided = if known.is_some() { figures } else { decide(design, figures, lab)? };
    let stated: Vec<Rule> = decided.objectives.iter().map(|judged| objective(design, judged)).collect();
    let goals = goals(design, lab)?;
    rules.splice(0..0, stated.into_iter().chain(goals));
    let changes = stored.map(|stored| changes_of(&as_list(&stored.settings), &settings(&design.tree)).0);
    Ok(Checked {
        name: design.name.clone(),
        file: design.scenario.file.clone(),
        variant: None,
        // What cannot be compared is in doubt.
        outcome: Outcome::of(&rules).max(if stale.is_some() { Outcome::Undecided } else { Outcome::Skipped }),
        unchanged: known.is_some(),
        replications: decided.replications,
        note: stale,
        changes: changes.unwrap_or_default(),
        rules,
    })
}

fn as_list(settings: &BTreeMap<String, String>) -> Vec<(String, String)> {
    settings.iter().map(|(path, value)| (path.clone(), value.clone())).collect()
}

/// Objectives about capacity: what they name must hold at the load they name.
fn goals<M: Memory>(design: &Design, lab: &mut Lab<'_, M>) -> Result<Vec<Rule>, Interrupted> {
    let today = design.load(None).0;
    let mut rules = Vec::new();
    for (name, goal) in &design.scenario.goals {
        let goal = &goal.value;
        let loaded = Some(today).filter(|today| 0.0 < *today).and_then(|today| design.loaded(goal.per_s / today, None));
        let mut rule = objective(design, &stated(name, &goal.text, goal.per_s));
        match loaded {
            None => rule.note = Some("no load has a rate that could be more".to_owned()),
            Some(loaded) => {
                let first = lab.evaluate(&[&loaded])?.swap_remove(0);
                let figures = decide(&loaded, first, lab)?;
                judge_goal(&mut rule, &goal.within, &loaded, &figures);
            }
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// The verdict on a load: that on what is meant to hold there.
fn judge_goal(rule: &mut Rule, within: &[String], loaded: &Design, figures: &Figures) {
    let is_meant = |judged: &&Judged| within.is_empty() || within.contains(&judged.measured.name);
    let meant: Vec<Rule> = figures.objectives.iter().filter(is_meant).map(|judged| objective(loaded, judged)).collect();
    rule.verdict = match Outcome::of(&meant) {
        _ if !figures.stable => Verdict::Misses,
        Outcome::Failed => Verdict::Misses,
        Outcome::Undecided => Verdict::Undecided,
        Outcome::Passed | Outcome::Skipped => Verdict::Meets,
    };
    let told: Vec<String> = meant.iter().filter(|of| of.verdict == rule.verdict).map(|of| of.text.clone()).collect();
    let what = if figures.stable { told.join(", ") } else { "a queue grows without bound".to_owned() };
    rule.note = Some(format!("{} at that load: {what}", rule.verdict.word()));
}

fn stated(name: &str, text: &str, per_s: f64) -> Judged {
    let measured = Measured {
        name: name.to_owned(),
        unit: "per_s".to_owned(),
        better: Better::Higher,
        value: None,
        low: None,
        high: None,
        values: Vec::new(),
    };
    Judged { text: text.to_owned(), verdict: Verdict::Undecided, limit: Some(per_s), note: None, measured }
}

/// Doubles the replications until no objective is in doubt.
fn decide<M: Memory>(design: &Design, first: Figures, lab: &mut Lab<'_, M>) -> Result<Figures, Interrupted> {
    let mut figures = first;
    for doubling in 1..=DOUBLINGS {
        if figures.verdict != Verdict::Undecided || !figures.stable {
            break;
        }
        figures = lab.evaluate_with(&[design], lab.setting.replications << doubling)?.swap_remove(0);
    }
    Ok(figures)
}

/// Why a baseline cannot be compared with: pairs need the same seed and as many replications.
fn stale(stored: &Baseline, seed: u64, replications: u32) -> Option<String> {
    let what = match (stored.figures.seed == seed, stored.figures.replications == replications) {
        (true, true) => return None,
        (false, _) => "another seed",
        (true, false) => "another number of replications",
    };
    Some(format!("its baseline has {what}; make it anew with `plimsoll baseline save`"))
}

fn objective(design: &Design, judged: &Judged) -> Rule {
    let key = design.tree.get("objectives").and_then(|all| all.entry(&judged.measured.name)).map(|(key, _)| key.spot);
    let (file, line) = key.map_or((design.scenario.file.clone(), None), |spot| place(design, spot));
    Rule {
        kind: Kind::Objective,
        name: judged.measured.name.clone(),
        text: judged.text.clone(),
        verdict: judged.verdict,
        value: judged.measured.value,
        low: judged.measured.low,
        high: judged.measured.high,
        limit: judged.limit,
        unit: judged.measured.unit.clone(),
        absolute: true,
        before: None,
        after: None,
        note: judged.note.clone(),
        file,
        line,
    }
}

fn place(design: &Design, spot: Spot) -> (String, Option<usize>) {
    (design.sources.name(spot.file).to_owned(), Some(design.sources.line_column(spot).0))
}

/// The rules of the baseline: each measure may become so much worse.
fn against(figures: &Figures, stored: Option<&Baseline>, tolerances: &Tolerances) -> Vec<Rule> {
    let Some(stored) = stored else { return Vec::new() };
    let mut rules: Vec<Rule> = Vec::new();
    for (name, tolerance) in tolerances {
        let rule = match name.as_str() {
            "cost" => cost(&stored.figures, figures, *tolerance),
            name => grown(&stored.figures, figures, name, *tolerance),
        };
        rules.extend(rule);
    }
    if stored.figures.stable && !figures.stable {
        let mut rule = blank("steady state", "it must keep up".to_owned(), "yes_no");
        (rule.verdict, rule.before, rule.after) = (Verdict::Misses, Some(1.0), Some(0.0));
        rules.push(rule);
    }
    rules
}

fn blank(name: &str, text: String, unit: &str) -> Rule {
    Rule {
        kind: Kind::Baseline,
        name: name.to_owned(),
        text,
        verdict: Verdict::Undecided,
        value: None,
        low: None,
        high: None,
        limit: None,
        unit: unit.to_owned(),
        absolute: false,
        before: None,
        after: None,
        note: None,
        file: String::new(),
        line: None,
    }
}

fn cost(before: &Figures, after: &Figures, tolerance: f64) -> Option<Rule> {
    let (was, is) = (before.usd_per_month?, after.usd_per_month?);
    let change = if was == 0.0 { is } else { is / was - 1.0 };
    let verdict = if change <= tolerance { Verdict::Meets } else { Verdict::Misses };
    let rule = blank("cost", format!("cost may grow {}", percent(tolerance)), "usd_per_month");
    let (value, limit, before, after) = (Some(change), Some(tolerance), Some(was), Some(is));
    Some(Rule { verdict, value, limit, before, after, ..rule })
}

fn grown(before: &Figures, after: &Figures, name: &str, tolerance: f64) -> Option<Rule> {
    let (was, is) = (before.measure(name)?, after.measure(name)?);
    was.value?;
    let found = measure(was, is, 0.0);
    let way = if was.better == Better::Higher { "fall" } else { "grow" };
    let by = if found.absolute { format!("by {}p", percent(tolerance)) } else { percent(tolerance) };
    let rule = blank(name, format!("{name} may {way} {by}"), &was.unit);
    let verdict = within(was, tolerance, (found.low, found.high), found.change);
    let (value, low, high, limit) = (found.change, found.low, found.high, Some(tolerance));
    let (before, after, absolute) = (found.before, found.after, found.absolute);
    Some(Rule { verdict, value, low, high, limit, absolute, before, after, ..rule })
}

/// Whether the whole interval of the change stays within what is allowed.
fn within(was: &Measured, tolerance: f64, interval: (Option<f64>, Option<f64>), change: Option<f64>) -> Verdict {
    let sign = if was.better == Better::Higher { -1.0 } else { 1.0 };
    if change == Some(0.0) {
        return Verdict::Meets;
    }
    let (Some(low), Some(high)) = interval else { return Verdict::Undecided };
    let (least, most) = if sign < 0.0 { (-high, -low) } else { (low, high) };
    match () {
        () if most <= tolerance => Verdict::Meets,
        () if tolerance < least => Verdict::Misses,
        () => Verdict::Undecided,
    }
}

fn percent(share: f64) -> String {
    crate::units::human_share(share)
}
