//! How mistakes look: with the source and a caret, one to a line, and as plain data.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet, normalize_untrusted_str};

use super::{Diagnostic, Diagnostics, Plain, Severity, Sources, Spot};

/// One mistake as plain data.
pub(super) fn plain_one(d: &Diagnostic, sources: &Sources) -> Plain {
    let (line, column) = sources.line_column(d.spot);
    let (end_line, end_column) = sources.line_column(Spot { start: d.spot.end, ..d.spot });
    let place = |spot: &Spot| {
        let (line, column) = sources.line_column(*spot);
        format!("{}:{line}:{column}: ", sources.name(spot.file))
    };
    let note = |(spot, text): &(Option<Spot>, String)| spot.as_ref().map_or(String::new(), place) + text;
    Plain {
        code: d.code.as_str(),
        severity: d.severity,
        file: sources.name(d.spot.file).to_owned(),
        line,
        column,
        end_line,
        end_column,
        message: d.message.clone(),
        label: d.label.clone(),
        notes: d.notes.iter().map(note).collect(),
        help: d.help.clone(),
        patch: d.patch.as_ref().map(|(_, text)| text.clone()),
    }
}

pub(super) fn concise_line(d: &Plain) -> String {
    let help = d.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
    let line = format!("{}:{}:{}: {} {}{help}", d.file, d.line, d.column, d.code, d.message);
    line.replace('`', "'").replace(['\n', '\r'], " ") + "\n"
}

pub(super) fn renderer(width: usize, colour: bool, unicode: bool) -> Renderer {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let decor = if unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    renderer.decor_style(decor).term_width(width)
}

/// "3 errors, 1 warning in bad.yaml. Nothing was simulated.  More: plimsoll explain E0301".
pub(super) fn closing(found: &Diagnostics, sources: &Sources) -> String {
    let count = |n: usize, word: &str| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let (errors, warnings) = found.counts();
    let counts: Vec<String> = [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    let stopped = if 0 < errors { " Nothing was simulated." } else { "" };
    let sorted = found.sorted();
    let worst = sorted.iter().rev().find(|d| d.severity == Severity::Error).or(sorted.last());
    let code = worst.map_or("", |d| d.code.as_str());
    format!("{} in {}.{stopped}  More: plimsoll explain {code}", counts.join(", "), sources.name(0))
}

/// The parts of one mistake: where it is, with the second places and remarks, then what to write instead.
pub(super) fn groups<'a>(d: &'a Diagnostic, sources: &'a Sources) -> Vec<Group<'a>> {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&d.message).id(d.code.as_str()));
    group = mark(group, d, sources);
    for (_, text) in d.notes.iter().filter(|(spot, _)| spot.is_none()) {
        group = group.element(Level::NOTE.message(normalize_untrusted_str(text)));
    }
    let help = d.help.as_ref().map(|help| Cow::Owned(normalize_untrusted_str(help)));
    match (&d.patch, help) {
        (Some((spot, text)), help) => {
            let title = Level::HELP.secondary_title(help.unwrap_or(Cow::Borrowed("write")));
            vec![group, title.element(mended(*spot, text, sources))]
        }
        (None, Some(help)) => vec![group.element(Level::HELP.message(help))],
        (None, None) => vec![group],
    }
}

/// The source with the mistake underlined, and the second places: in the same picture if they lie in the same file.
fn mark<'a>(mut group: Group<'a>, d: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    if sources.text(d.spot.file).trim().is_empty() {
        return group.element(Origin::path(sources.name(d.spot.file)));
    }
    let range = |spot: Spot| {
        let (start, end) = sources.bounds(spot);
        start..end
    };
    let label = |text: &'a str| (!text.is_empty()).then_some(text);
    let places: Vec<(Spot, &str)> = d.notes.iter().filter_map(|(spot, text)| Some((((*spot)?), &text[..]))).collect();
    let primary = AnnotationKind::Primary.span(range(first_line(d.spot, sources))).label(label(&d.label));
    let mut snippet = picture(d.spot.file, sources).annotation(primary);
    for (spot, text) in places.iter().filter(|(spot, _)| spot.file == d.spot.file) {
        let context = AnnotationKind::Context.span(range(first_line(*spot, sources))).label(label(text));
        snippet = snippet.annotation(context);
    }
    group = group.element(snippet);
    for (spot, text) in places.into_iter().filter(|(spot, _)| spot.file != d.spot.file) {
        let context = AnnotationKind::Context.span(range(first_line(spot, sources))).label(label(text));
        group = group.element(picture(spot.file, sources).annotation(context));
    }
    group
}

fn picture<T: Clone>(file: u32, sources: &Sources) -> Snippet<'_, T> {
    Snippet::source(sources.text(file)).path(sources.name(file))
}

fn mended<'a>(spot: Spot, text: &'a str, sources: &'a Sources) -> Snippet<'a, Patch<'a>> {
    let (start, end) = sources.bounds(spot);
    Snippet::source(sources.text(spot.file)).patch(Patch::new(start..end, text))
}

/// A place that runs over several lines is marked on its first, lest a whole map be painted.
fn first_line(spot: Spot, sources: &Sources) -> Spot {
    let text = sources.slice(spot);
    let end = text.find(['\n', '\r']).unwrap_or(text.len());
    spot.part(0, text[..end].trim_end().len())
}
