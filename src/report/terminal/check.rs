//! What `check` found: one line for each scenario, more for what is not as it should be.

use anstyle::Style;

use crate::report::Verdict;
use crate::report::check::{Check, Checked, Kind, Outcome, Rule};
use crate::report::rows::{Rows, plain};
use crate::report::terminal::figures::of_unit;
use crate::report::terminal::layout::{Cell, Column, Table, paint};
use crate::report::terminal::{BAD, FAINT, GOOD, Look, STRONG, UNSURE, finish};
use crate::units::human_share;

/// Changed settings that are told.
const CHANGES: usize = 3;

/// All scenarios and the count of what came of them.
pub fn render(check: &Check, look: Look) -> String {
    let mut table = Table::new(&[Column::TEXT, Column::TEXT, Column::TEXT, Column::NOTE], 2);
    let mut below: Vec<(usize, Vec<String>)> = Vec::new();
    for (at, checked) in check.scenarios.iter().enumerate() {
        let (sign, style) = mark(checked.outcome, look);
        table.row([
            Cell::styled(sign, style),
            Cell::styled(&checked.name, STRONG),
            Cell::new(counted(checked)),
            Cell::styled(remark(checked, look), FAINT),
        ]);
        below.push((at, details(checked, look)));
    }
    let mut lines = Vec::new();
    for (line, (_, details)) in table.lines(look.width).into_iter().zip(below) {
        lines.push(line);
        lines.extend(details);
    }
    lines.push(String::new());
    lines.push(format!("  {}", summary(check, look)));
    finish(&lines, look)
}

/// The last line alone.
pub fn summary_line(check: &Check, look: Look) -> String {
    finish(&[summary(check, look)], look)
}

/// Tables for a pull request or the summary of a CI run.
pub fn markdown(check: &Check) -> String {
    let look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };
    let mut rows = Rows::new(["", "scenario", "rule", "got", "limit"]);
    for checked in &check.scenarios {
        let wrong: Vec<&Rule> = checked.rules.iter().filter(|rule| rule.verdict != Verdict::Meets).collect();
        if wrong.is_empty() {
            let (sign, name) = (mark(checked.outcome, look).0.to_owned(), checked.name.clone());
            rows.rows.push(vec![sign, name, counted(checked), remark(checked, look), String::new()]);
        }
        for rule in wrong {
            let limit = rule.limit.map(|limit| shown_limit(rule, limit)).unwrap_or_default();
            rows.rows.push(vec![
                sign(rule.verdict, look).0.to_owned(),
                checked.name.clone(),
                rule.text.clone(),
                got(rule, look),
                limit,
            ]);
        }
    }
    let summary = anstream::adapter::strip_str(&summary(check, look)).to_string();
    format!("### plimsoll check: {}\n\n{}", plain(&summary), rows.markdown())
}

/// A rule and what came of it in one line, for annotations and dashboards.
pub fn rule_words(rule: &Rule) -> String {
    let look = Look { width: 100, unicode: false, verbose: 0, trace: 0 };
    format!("{}: {}", rule.text, got(rule, look))
}

fn mark(outcome: Outcome, look: Look) -> (&'static str, Style) {
    let marks = look.marks();
    match outcome {
        Outcome::Passed => (marks.meets, GOOD),
        Outcome::Failed => (marks.misses, BAD),
        Outcome::Undecided => ("?", UNSURE),
        Outcome::Skipped => (marks.dash, FAINT),
    }
}

fn sign(verdict: Verdict, look: Look) -> (&'static str, Style) {
    mark(
        match verdict {
            Verdict::Meets => Outcome::Passed,
            Verdict::Misses => Outcome::Failed,
            Verdict::Undecided => Outcome::Undecided,
            Verdict::None => Outcome::Skipped,
        },
        look,
    )
}

fn counted(checked: &Checked) -> String {
    let failed = checked.rules.iter().filter(|rule| rule.verdict == Verdict::Misses).count();
    let unsure = checked.rules.iter().filter(|rule| rule.verdict == Verdict::Undecided).count();
    let all = match checked.rules.len() {
        0 => None,
        1 => Some("1 rule".to_owned()),
        n => Some(format!("{n} rules")),
    };
    let failed = (0 < failed).then(|| format!("{failed} failed"));
    let unsure = (0 < unsure).then(|| format!("{unsure} undecided after {} replications", checked.replications));
    [all, failed, unsure].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn remark(checked: &Checked, look: Look) -> String {
    if let Some(note) = checked.note.as_ref().filter(|_| checked.outcome == Outcome::Skipped) {
        return note.clone();
    }
    if checked.unchanged {
        return "unchanged".to_owned();
    }
    let tail = checked.rules.iter().find(|rule| rule.kind == Kind::Baseline && rule.name == "p99");
    tail.map(|rule| format!("p99 {} vs baseline", change(rule, look))).unwrap_or_default()
}

/// Every rule of what is not as it should be, and only those that fail unless more is asked for.
fn details(checked: &Checked, look: Look) -> Vec<String> {
    let is_fine = matches!(checked.outcome, Outcome::Passed | Outcome::Skipped);
    if is_fine && look.verbose == 0 {
        return Vec::new();
    }
    let mut table = Table::new(&[Column::TEXT, Column::TEXT, Column::TEXT, Column::TEXT, Column::NOTE], 6);
    for rule in checked.rules.iter().filter(|rule| 0 < look.verbose || rule.verdict != Verdict::Meets) {
        let (sign, style) = sign(rule.verdict, look);
        let kind = if rule.kind == Kind::Objective { "goal" } else { "baseline" };
        let place = rule.line.map(|line| format!("{}:{line}", rule.file)).unwrap_or_default();
        let cells =
            [Cell::styled(sign, style), Cell::new(kind), Cell::new(&rule.text), Cell::styled(got(rule, look), style)];
        table.row(cells.into_iter().chain([Cell::styled(place, FAINT)]));
    }
    let mut lines = table.lines(look.width);
    if let Some(note) = checked.note.as_ref().filter(|_| checked.outcome != Outcome::Skipped) {
        lines.push(format!("        {note}"));
    }
    if !checked.changes.is_empty() {
        let to = if look.unicode { "→" } else { "->" };
        let told = |change: &crate::report::compare::Change| match (&change.before, &change.after) {
            (Some(was), Some(is)) => format!("~ {}  {was} {to} {is}", change.path),
            (None, Some(is)) => format!("+ {}  {is}", change.path),
            _ => format!("- {}", change.path),
        };
        let mut changes: Vec<String> = checked.changes.iter().take(CHANGES).map(told).collect();
        let more = checked.changes.len().saturating_sub(CHANGES);
        changes.extend((0 < more).then(|| format!("and {more} more")));
        lines.push(format!("        the model changed since the baseline:  {}", changes.join("   ")));
    }
    lines
}

fn got(rule: &Rule, look: Look) -> String {
    let note = rule.note.clone().unwrap_or_default();
    match (rule.kind, rule.value) {
        (_, None) if !note.is_empty() => note,
        (_, None) => look.marks().dash.to_owned(),
        (Kind::Objective, Some(value)) => {
            let ends = rule.low.zip(rule.high).map(|(low, high)| (of_unit(low, &rule.unit), of_unit(high, &rule.unit)));
            let ends = ends.filter(|(low, high)| low != high);
            let interval = ends.map(|(low, high)| format!(" ({low} {} {high})", look.marks().dots)).unwrap_or_default();
            format!("{}{interval}", of_unit(value, &rule.unit))
        }
        (Kind::Baseline, Some(_)) => {
            let to = if look.unicode { "→" } else { "->" };
            let pair = rule.before.zip(rule.after);
            let pair = pair.map(|(was, is)| format!("  {} {to} {}", of_unit(was, &rule.unit), of_unit(is, &rule.unit)));
            format!("{}{}", change(rule, look), pair.unwrap_or_default())
        }
    }
}

/// `+26.2% (+19% … +33%)`.
fn change(rule: &Rule, look: Look) -> String {
    let points = if rule.absolute { "pp" } else { "%" };
    let one = |value: f64| {
        let sign = if 0.0 < value { "+" } else { "" };
        format!("{sign}{}{points}", human_share(value).trim_end_matches('%'))
    };
    let Some(value) = rule.value else { return look.marks().dash.to_owned() };
    let ends = rule.low.zip(rule.high).filter(|(low, high)| low != high);
    let interval = ends.map(|(low, high)| format!(" ({} {} {})", one(low), look.marks().dots, one(high)));
    format!("{}{}", one(value), interval.unwrap_or_default())
}

fn shown_limit(rule: &Rule, limit: f64) -> String {
    if rule.kind == Kind::Objective { of_unit(limit, &rule.unit) } else { human_share(limit) }
}

fn summary(check: &Check, look: Look) -> String {
    let dot = format!(" {} ", look.marks().dot);
    let count = |outcome: Outcome| check.scenarios.iter().filter(|checked| checked.outcome == outcome).count();
    let words = [Outcome::Passed, Outcome::Failed, Outcome::Undecided, Outcome::Skipped];
    let told = words.into_iter().filter(|outcome| 0 < count(*outcome) || *outcome == Outcome::Passed);
    let style = match check.outcome {
        Outcome::Failed => BAD,
        Outcome::Undecided => UNSURE,
        Outcome::Passed => GOOD,
        Outcome::Skipped => FAINT,
    };
    paint(&told.map(|outcome| format!("{} {}", count(outcome), outcome.word())).collect::<Vec<_>>().join(&dot), style)
}
