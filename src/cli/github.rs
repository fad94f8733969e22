//! Annotations of GitHub Actions: `::error file=shop.yaml,line=41,title=...::text`, one a line.

use crate::diagnostic::{Plain, Severity, Sources};
use crate::report::check::{Check, Kind};
use crate::report::terminal::check::rule_words;
use crate::report::{Objective, Report, Verdict};
use crate::text::Node;

/// One annotation. Places are left out where there are none.
struct Annotation<'a> {
    level: &'static str,
    file: &'a str,
    place: Option<(usize, usize)>,
    title: String,
    text: String,
}

impl Annotation<'_> {
    /// With what the format reads as its own written as it asks for.
    fn line(&self) -> String {
        let text = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |value: &str| text(value).replace(':', "%3A").replace(',', "%2C");
        let place = self.place.map(|(line, column)| format!(",line={line},col={column}")).unwrap_or_default();
        let (file, title) = (property(self.file), property(&self.title));
        format!("::{} file={file}{place},title={title}::{}\n", self.level, text(&self.text))
    }
}

/// Mistakes in a scenario.
pub(crate) fn diagnostics(told: &[Plain]) -> String {
    let annotation = |told: &Plain| {
        let level = if told.severity == Severity::Error { "error" } else { "warning" };
        let help = told.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        let (title, text) = (told.code.to_owned(), format!("{}{help}", told.message));
        Annotation { level, file: &told.file, place: Some((told.line, told.column)), title, text }.line()
    };
    told.iter().map(annotation).collect()
}

/// Objectives that are not met, each where it is stated, and the warnings of a run.
pub(crate) fn report(report: &Report, tree: Option<&Node>, sources: &Sources) -> String {
    let mut lines = String::new();
    for objective in &report.objectives {
        let level = match objective.verdict {
            Verdict::Misses => "error",
            Verdict::Undecided => "warning",
            Verdict::Meets | Verdict::None => continue,
        };
        let spot = tree.and_then(|tree| Some(tree.get("objectives")?.entry(&objective.name)?.0.spot));
        let file = spot.map_or(report.scenario.file.as_str(), |spot| sources.name(spot.file));
        let place = spot.map(|spot| sources.line_column(spot));
        let title = format!("objective {}", objective.name);
        lines += &Annotation { level, file, place, title, text: told(objective) }.line();
    }
    for warning in &report.warnings {
        let help = warning.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        let (title, text) = (warning.code.clone(), format!("{}{help}", warning.message));
        lines += &Annotation { level: "warning", file: &report.scenario.file, place: None, title, text }.line();
    }
    lines
}

/// Rules of `check` that are not met, each where it stands.
pub(crate) fn checked(check: &Check) -> String {
    let mut lines = String::new();
    for checked in &check.scenarios {
        for rule in &checked.rules {
            let (level, word) = match rule.verdict {
                Verdict::Misses => ("error", "missed"),
                Verdict::Undecided => ("warning", "undecided"),
                Verdict::Meets | Verdict::None => continue,
            };
            let kind = if rule.kind == Kind::Objective { "objective" } else { "baseline" };
            let file = if rule.file.is_empty() { &checked.file } else { &rule.file };
            let title = format!("{kind} {} of {}", rule.name, checked.name);
            let (place, text) = (rule.line.map(|line| (line, 1)), format!("{word}: {}", rule_words(rule)));
            lines += &Annotation { level, file, place, title, text }.line();
        }
    }
    lines
}

fn told(objective: &Objective) -> String {
    let got = crate::report::terminal::objective_words(objective);
    match objective.verdict {
        Verdict::Misses => format!("missed: {got}"),
        _ => format!("undecided: {got}"),
    }
}
