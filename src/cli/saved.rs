//! A saved report or study, shown again without simulating.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::cli::args::{Format, Kind, Saved as Asked};
use crate::cli::out::Out;
use crate::cli::{Exit, Stop, capacity, check, compare, files, grid, journey, render, size, sweep};
use crate::report::saved::{self, Saved};
use crate::report::terminal::Look;

/// Reads the document of a run or a study and renders it.
pub(crate) fn report(args: &Asked, out: &mut Out) -> Result<Exit, Stop> {
    let text = read(&args.report)?;
    let found = saved::read(&text).map_err(|error| Stop::usage(format!("{} is no report: {error}", args.report)))?;
    let format = if args.json { Format::Json } else { args.format };
    let shown = text_of(&found, format, args.trace, out).ok_or_else(|| no_format(&found, format))?;
    out.print(&shown)?;
    if let Some(folder) = &args.out {
        render::of_study(Path::new(folder), &found, args.charts, out)?;
    }
    for (kind, path) in &args.export {
        let text = file_of(&found, *kind, out).ok_or_else(|| lacking(&found, *kind))?;
        if path == "-" {
            out.print(&text)?;
        } else {
            files::write(Path::new(path), text.as_bytes(), out)?;
        }
    }
    Ok(Exit::Done)
}

/// What goes to standard output; `None` for a format that the kind does not have.
fn text_of(found: &Saved, format: Format, trace: usize, out: &Out) -> Option<String> {
    match found {
        Saved::Run(report) => {
            let unicode = out.unicode && format != Format::Plain;
            let look = Look { width: out.width, unicode, verbose: out.verbose, trace };
            render::shown(report, format, look, out.quiet)
        }
        Saved::Compare(found) => compare::FACES.text(found, format, out),
        Saved::Sweep(found) => sweep::text(found, format, out),
        Saved::Capacity(found) => capacity::FACES.text(found, format, out),
        Saved::Grid(found) => grid::FACES.text(found, format, out),
        Saved::Size(found) => size::FACES.text(found, format, out),
        Saved::Check(found) => check::text(found, format, out),
        Saved::Journey(found) => journey::FACES.text(found, format, out),
    }
}

/// One more file.
fn file_of(found: &Saved, kind: Kind, out: &Out) -> Option<String> {
    match (found, kind) {
        (Saved::Run(report), _) => render::of_report(report, kind),
        (_, Kind::Html) => Some(found.page().render()),
        (_, Kind::Json) => text_of(found, Format::Json, 0, out),
        (_, Kind::Markdown) => text_of(found, Format::Markdown, 0, out),
        (_, Kind::Csv) => text_of(found, Format::Csv, 0, out),
        (_, Kind::Junit) => text_of(found, Format::Junit, 0, out),
        (_, Kind::Chrome | Kind::Otlp | Kind::Requests | Kind::Hgrm) => None,
    }
}

fn no_format(found: &Saved, format: Format) -> Stop {
    let name = format!("{format:?}").to_lowercase();
    Stop::usage(match found {
        Saved::Run(_) => {
            format!("`{name}` needs what happened second by second, which only `plimsoll run -f {name}` has")
        }
        other => format!("a saved {} has no `{name}`", words(other)),
    })
}

fn lacking(found: &Saved, kind: Kind) -> Stop {
    let name = format!("{kind:?}").to_lowercase();
    Stop::usage(match found {
        Saved::Run(_) => {
            format!("a saved report does not hold what `{name}` needs; `plimsoll run --export {name}=FILE` writes it")
        }
        other => format!("a saved {} has no `{name}`", words(other)),
    })
}

fn words(found: &Saved) -> String {
    found.name().replace('_', " ")
}

fn read(path: &str) -> Result<String, Stop> {
    let read = if path == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    read.map_err(|error| Stop::usage(format!("cannot read {path}: {error}")))
}
