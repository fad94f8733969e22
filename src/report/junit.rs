//! Objectives as test cases of `JUnit`, for dashboards of CI: a miss is a failure, an undecided one is skipped.

use crate::report::chart::svg::escaped;
use crate::report::check::{Check, Checked, Kind, Rule};
use crate::report::terminal::check::rule_words;
use crate::report::terminal::{objective_words, verdict_words};
use crate::report::{Objective, Report, Verdict};

/// The document, with a line end. Times are left out: the same run gives the same bytes.
pub fn render(report: &Report) -> String {
    let of = |verdict| report.objectives.iter().filter(|objective| objective.verdict == verdict).count();
    let (all, failures) = (report.objectives.len(), of(Verdict::Misses));
    let skipped = of(Verdict::Undecided) + of(Verdict::None);
    let counts = format!("tests=\"{all}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
    let title = escaped(&report.scenario.title);
    let cases: String = report.objectives.iter().map(|objective| case(report, objective)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"plimsoll\" {counts}>\n  \
         <testsuite name=\"{title}\" {counts}>\n{cases}    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n",
        escaped(&verdict_words(report))
    )
}

fn case(report: &Report, objective: &Objective) -> String {
    let (file, name) = (escaped(&report.scenario.file), escaped(&objective.name));
    let told = escaped(&objective_words(objective));
    let inside = match objective.verdict {
        Verdict::Meets => return format!("    <testcase classname=\"{file}\" name=\"{name}\"/>\n"),
        Verdict::Misses => format!("<failure type=\"objective\" message=\"{told}\"/>"),
        Verdict::Undecided | Verdict::None => format!("<skipped message=\"undecided: {told}\"/>"),
    };
    format!("    <testcase classname=\"{file}\" name=\"{name}\">{inside}</testcase>\n")
}

/// The rules of `check`: a suite for each scenario.
pub fn checked(check: &Check) -> String {
    let of = |rules: &[Rule], verdict| rules.iter().filter(|rule| rule.verdict == verdict).count();
    let counts = |rules: &[Rule]| {
        let (failures, skipped) =
            (of(rules, Verdict::Misses), of(rules, Verdict::Undecided) + of(rules, Verdict::None));
        format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"", rules.len())
    };
    let suite = |checked: &Checked| {
        let cases: String = checked.rules.iter().map(|rule| rule_case(checked, rule)).collect();
        let (name, counts) = (escaped(&checked.name), counts(&checked.rules));
        format!("  <testsuite name=\"{name}\" {counts}>\n{cases}  </testsuite>\n")
    };
    let all: Vec<Rule> = check.scenarios.iter().flat_map(|checked| checked.rules.clone()).collect();
    let suites: String = check.scenarios.iter().filter(|checked| !checked.rules.is_empty()).map(suite).collect();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    format!("{head}\n<testsuites name=\"plimsoll\" {}>\n{suites}</testsuites>\n", counts(&all))
}

fn rule_case(checked: &Checked, rule: &Rule) -> String {
    let kind = if rule.kind == Kind::Objective { "objective" } else { "baseline" };
    let (file, name) = (escaped(&checked.file), escaped(&format!("{kind} {}", rule.name)));
    let told = escaped(&rule_words(rule));
    let open = format!("    <testcase classname=\"{file}\" name=\"{name}\"");
    match rule.verdict {
        Verdict::Meets => format!("{open}/>\n"),
        Verdict::Misses => format!("{open}><failure type=\"{kind}\" message=\"{told}\"/></testcase>\n"),
        Verdict::Undecided | Verdict::None => format!("{open}><skipped message=\"undecided: {told}\"/></testcase>\n"),
    }
}
