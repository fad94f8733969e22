//! A saved report, shown again without simulating.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::cli::args::{Format, Kind, Saved};
use crate::cli::out::Out;
use crate::cli::{Exit, Stop, files, render};
use crate::report::json;
use crate::report::terminal::Look;

/// Reads `report.json` and renders it.
pub(crate) fn report(args: &Saved, out: &mut Out) -> Result<Exit, Stop> {
    let text = read(&args.report)?;
    let report = json::read(&text).map_err(|error| Stop::usage(format!("{} is no report: {error}", args.report)))?;
    let format = if args.json { Format::Json } else { args.format };
    let unicode = out.unicode && format != Format::Plain;
    let look = Look { width: out.width, unicode, verbose: out.verbose, trace: args.trace };
    let Some(shown) = render::shown(&report, format, look, out.quiet) else {
        return Err(Stop::usage("this format needs what happened second by second, which only `run` has"));
    };
    out.print(&shown)?;
    if let Some(folder) = &args.out {
        render::pages(Path::new(folder), &report, args.charts, out)?;
    }
    for (kind, path) in &args.export {
        let Some(text) = render::of_report(&report, *kind) else { return Err(lacking(*kind)) };
        if path == "-" {
            out.print(&text)?;
        } else {
            files::write(Path::new(path), text.as_bytes(), out)?;
        }
    }
    Ok(Exit::Done)
}

fn lacking(kind: Kind) -> Stop {
    let name = format!("{kind:?}").to_lowercase();
    Stop::usage(format!(
        "a saved report does not hold what `{name}` needs; `plimsoll run --export {name}=FILE` writes it"
    ))
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
