//! What a word of plimsoll means: a diagnostic code, a measure, a kind of component, a field.

use std::fmt::Write;

use crate::analysis::warning::WARNINGS;
use crate::cli::args::Explain;
use crate::cli::config::CONFIGURATION;
use crate::cli::out::Out;
use crate::cli::{Exit, Stop};
use crate::diagnostic::{Code, nearest};
use crate::fields::{Field, Table, reachable};
use crate::scenario::condition::parse::MEASURES;
use crate::scenario::root::root_table;

/// Why writing to a string cannot fail.
const TAKES: &str = "a string takes every text";

/// Explains one thing, or lists what can be explained.
pub(crate) fn explain(args: &Explain, out: &mut Out) -> Result<Exit, Stop> {
    let text = match &args.what {
        None => everything(),
        Some(word) => lookup(word).ok_or_else(|| unknown(word))?,
    };
    out.print(&text)?;
    Ok(Exit::Done)
}

fn lookup(word: &str) -> Option<String> {
    let lower = word.to_lowercase().replace(' ', "_");
    if let Some(code) = Code::find(&word.to_uppercase()) {
        return Some(format!("{}: {}\n\n{}\n", code.as_str(), code.title(), code.explanation().trim_end()));
    }
    if let Some((code, title, meaning)) = WARNINGS.iter().find(|(code, ..)| *code == word.to_uppercase()) {
        return Some(format!("{code}: {title}\n\n{meaning}\n"));
    }
    let tables = tables();
    let mut parts = Vec::new();
    if let Some(measure) = MEASURES.iter().find(|entry| entry.name == lower) {
        parts.push(format!("`{}`, a measure: {}\n", measure.name, measure.doc));
    }
    if let Some(table) = tables.iter().find(|table| table.name == word.to_lowercase()) {
        parts.push(page(table));
    } else {
        parts.extend(tables.iter().filter_map(|table| Some(of_table(table, table.field(&lower)?))));
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// Of scenarios, and the one of `plimsoll.toml`.
fn tables() -> Vec<&'static Table> {
    reachable(root_table()).into_iter().chain([&CONFIGURATION]).collect()
}

/// A kind of map with all its fields.
fn page(table: &Table) -> String {
    let mut text = format!("`{}`: {}\n\n", table.name, table.about);
    for field in table.fields.iter().filter(|field| field.available) {
        writeln!(text, "  {:<14} {}{}", field.name, field.about, default(field)).expect(TAKES);
    }
    let later: Vec<&str> = table.fields.iter().filter(|field| !field.available).map(|field| field.name).collect();
    if !later.is_empty() {
        writeln!(text, "\nnot available yet: {}", later.join(", ")).expect(TAKES);
    }
    text
}

fn of_table(table: &Table, field: &Field) -> String {
    let example =
        if field.example.is_empty() { String::new() } else { format!("\n  {}: {}", field.name, field.example) };
    let later = if field.available { "" } else { " (not available yet)" };
    format!(
        "`{}` of {}: {}, {}{}{later}{example}\n",
        field.name,
        table.name,
        field.about,
        field.shape.noun(),
        default(field)
    )
}

fn default(field: &Field) -> String {
    match field.default {
        Some(default) => format!(" (default {default})"),
        None if field.required => " (required)".to_string(),
        None => String::new(),
    }
}

fn everything() -> String {
    let mut text = "Codes\n\n".to_string();
    for code in Code::ALL {
        writeln!(text, "  {}  {}", code.as_str(), code.title()).expect(TAKES);
    }
    for (code, title, _) in WARNINGS {
        writeln!(text, "  {code}  {title}").expect(TAKES);
    }
    text.push_str("\nMeasures\n\n");
    for measure in MEASURES {
        writeln!(text, "  {:<16} {}", measure.name, measure.doc).expect(TAKES);
    }
    text.push_str("\nKinds of maps\n\n");
    for table in tables() {
        writeln!(text, "  {:<24} {}", table.name, table.about).expect(TAKES);
    }
    text
}

fn unknown(word: &str) -> Stop {
    let codes = Code::ALL.iter().map(|code| code.as_str());
    let tables = tables();
    let fields = tables.iter().flat_map(|table| table.fields.iter().map(|field| field.name));
    let known = codes.chain(MEASURES.iter().map(|entry| entry.name)).chain(tables.iter().map(|table| table.name));
    let near = nearest(word, known.chain(fields)).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Stop::usage(format!("nothing is known about `{word}`{near} (`plimsoll explain` lists everything)"))
}
