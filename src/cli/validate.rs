//! Everything that can be known about scenarios without simulating them.

use crate::cli::args::{Diagnosis, Validate};
use crate::cli::input::{self, Reading, Wanted};
use crate::cli::out::Out;
use crate::cli::study::{self, Library};
use crate::cli::{Exit, Stop, github, journey};
use crate::diagnostic::{Plain, Severity, plain, render_concise};
use crate::model::Model;
use crate::scenario::resolved::resolved;
use crate::text;

/// Checks each scenario in turn, and tells about all of them.
pub(crate) fn validate(args: &Validate, out: &mut Out) -> Result<Exit, Stop> {
    let mut worst = Exit::Done;
    let mut documents = Vec::new();
    let format = if args.json { Diagnosis::Json } else { args.format };
    if args.resolved && !matches!(format, Diagnosis::Human | Diagnosis::Plain) {
        return Err(Stop::usage("--resolved prints YAML; ask for diagnostics in another format without it"));
    }
    if format == Diagnosis::Plain {
        out.make_plain();
    }
    for scenario in &args.scenarios {
        if scenario != "-" && journey::is_ladder(scenario) {
            ladder(scenario, args, out)?;
            continue;
        }
        let wanted = Wanted::new(scenario, &args.changes, &args.stdin_filename)?;
        let reading = input::read_with_variants(&wanted);
        let (errors, warnings) = reading.found.counts();
        match format {
            Diagnosis::Human | Diagnosis::Plain => tell(wanted.shown(), &reading, args, out)?,
            Diagnosis::Concise => out.print(&render_concise(&reading.found, &reading.sources))?,
            Diagnosis::Github => out.print(&github::diagnostics(&plain(&reading.found, &reading.sources)))?,
            Diagnosis::Json | Diagnosis::Jsonl => {
                documents.extend(plain(&reading.found, &reading.sources).iter().map(document));
            }
        }
        if 0 < errors {
            worst = Exit::Bad;
        } else if args.strict && 0 < warnings && worst == Exit::Done {
            worst = Exit::No;
        }
    }
    match format {
        Diagnosis::Json => {
            let text = serde_json::to_string_pretty(&documents).expect("a list of plain values");
            out.print(&format!("{text}\n"))?;
        }
        Diagnosis::Jsonl => {
            for document in &documents {
                out.print(&format!("{document}\n"))?;
            }
        }
        _ => {}
    }
    Ok(worst)
}

/// A ladder is right if it can be read and each of its stages is right with what it sets.
fn ladder(path: &str, args: &Validate, out: &mut Out) -> Result<(), Stop> {
    let library = Library::default();
    let read = |path: &std::path::Path| library.read(path);
    let ladder = journey::read_ladder(path, &read, out)?;
    for stage in &ladder.stages {
        let (base, name) = journey::stage_base(path, stage, &read);
        base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
    }
    if out.quiet == 0 && matches!(args.format, Diagnosis::Human | Diagnosis::Plain) && !args.json {
        out.print(&format!("{path} ok: {} stages\n", ladder.stages.len()))?;
    }
    Ok(())
}

fn tell(scenario: &str, reading: &Reading, args: &Validate, out: &mut Out) -> Result<(), Stop> {
    if out.quiet < 2 {
        input::show(reading, out);
    }
    let (errors, warnings) = reading.found.counts();
    let Some(tree) = reading.resolved.as_ref().filter(|_| errors == 0) else { return Ok(()) };
    if args.resolved {
        return out.print(&text::to_yaml(&resolved(tree)));
    }
    if out.quiet == 0 {
        let counted = reading.model.as_ref().map(contents).unwrap_or_default();
        let but = if warnings == 0 { "ok".to_string() } else { format!("ok, {warnings} to look at") };
        out.print(&format!("{scenario} {but}{counted}\n"))?;
    }
    Ok(())
}

/// ": 3 components, 4 operations, 1 load".
fn contents(model: &Model) -> String {
    let counted =
        [("component", model.components.len()), ("operation", model.operations.len()), ("load", model.sources.len())];
    let counted = counted.map(|(what, number)| format!("{number} {what}{}", if number == 1 { "" } else { "s" }));
    format!(": {}", counted.join(", "))
}

fn document(told: &Plain) -> serde_json::Value {
    serde_json::json!({
        "code": told.code,
        "severity": match told.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "file": told.file,
        "line": told.line,
        "column": told.column,
        "end_line": told.end_line,
        "end_column": told.end_column,
        "message": told.message,
        "label": told.label,
        "notes": told.notes,
        "help": told.help,
        "patch": told.patch,
    })
}
