//! Everything that can be known about scenarios without simulating them.

use crate::cli::args::{Diagnosis, Validate};
use crate::cli::input::{self, Reading, Wanted};
use crate::cli::out::Out;
use crate::cli::{Exit, Stop};
use crate::diagnostic::{Plain, Severity, plain, render_concise};
use crate::scenario::resolved::resolved;
use crate::text;

/// Checks each scenario in turn, and tells about all of them.
pub(crate) fn validate(args: &Validate, out: &mut Out) -> Result<Exit, Stop> {
    let mut worst = Exit::Done;
    let mut documents = Vec::new();
    for scenario in &args.scenarios {
        let wanted = Wanted {
            scenario: scenario.clone(),
            stdin_name: args.stdin_filename.clone(),
            variant: args.variant.clone(),
            sets: args.sets.clone(),
        };
        let reading = input::read_with_variants(&wanted)?;
        let (errors, warnings) = reading.found.counts();
        match args.format {
            Diagnosis::Human => tell(scenario, &reading, args, out)?,
            Diagnosis::Concise => out.print(&render_concise(&reading.found, &reading.sources))?,
            Diagnosis::Json => documents.extend(plain(&reading.found, &reading.sources).iter().map(document)),
        }
        if 0 < errors {
            worst = Exit::Bad;
        } else if args.strict && 0 < warnings && worst == Exit::Done {
            worst = Exit::No;
        }
    }
    if args.format == Diagnosis::Json && !args.resolved {
        let text = serde_json::to_string_pretty(&documents).expect("a list of plain values");
        out.print(&format!("{text}\n"))?;
    }
    Ok(worst)
}

fn tell(scenario: &str, reading: &Reading, args: &Validate, out: &mut Out) -> Result<(), Stop> {
    input::show(reading, out);
    let (errors, warnings) = reading.found.counts();
    let Some(tree) = reading.resolved.as_ref().filter(|_| errors == 0) else { return Ok(()) };
    if args.resolved {
        return out.print(&text::to_yaml(&resolved(tree)));
    }
    if out.quiet == 0 {
        let model = reading.model.as_ref().map_or_else(String::new, |model| {
            let counted = [
                ("component", model.components.len()),
                ("operation", model.operations.len()),
                ("load", model.sources.len()),
            ];
            format!(
                ": {}",
                counted
                    .map(|(what, number)| format!("{number} {what}{}", if number == 1 { "" } else { "s" }))
                    .join(", ")
            )
        });
        let but = if warnings == 0 { "ok".to_string() } else { format!("ok, {warnings} to look at") };
        out.print(&format!("{scenario} {but}{model}\n"))?;
    }
    Ok(())
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
