//! Designs beside each other.

use crate::analysis::compare as comparing;
use crate::analysis::design::{Base, Design};
use crate::analysis::lab::Lab;
use crate::cli::args::Format;
use crate::cli::args::study::Compare;
use crate::cli::out::Out;
use crate::cli::study::{self, Library, Session, Shelf};
use crate::cli::{Exit, Stop, progress};
use crate::report::compare::{self, Word};
use crate::report::html;
use crate::report::terminal::compare as terminal;
use crate::text::Read;
use crate::units::{self, Dimension};

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];

/// Evaluates all designs on the same random inputs, and tells how they differ.
pub(crate) fn compare(args: &Compare, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "compare")?;
    let noise = units::parse_as(&args.noise, Dimension::Share).map_err(|error| Stop::usage(error.message))?;
    progress::catch_interrupts()?;
    let library = Library::new(&args.scenarios)?;
    let read = |path: &std::path::Path| library.read(path);
    let designs = designs(args, &read, out)?;
    let setting = study::setting(&designs[0], &args.trials);
    if let Some(other) = designs.iter().find(|design| design.scenario.run.seed != setting.seed) {
        let told = format!("`{}` has another seed, so nothing could be paired; give both one with --seed", other.name);
        return Err(Stop::usage(told));
    }
    let session = Session::start(&args.trials, &designs[0], setting.replications * designs.len() as u32, out)?;
    let shelf = Shelf::new(&args.trials);
    let shared = std::sync::Arc::clone(&session.progress);
    let mut lab = Lab::new(setting, &shared, &shelf);
    let all: Vec<&Design> = designs.iter().collect();
    let figures = lab.evaluate(&all);
    let figures = session.finish(figures, lab.simulated, out)?;
    let compared = comparing::compare(&all, &figures, noise);
    show(&compared, format, out)?;
    let written = [
        ("compare.json", study::document(&compared, Format::Json)),
        ("compare.md", terminal::markdown(&compared)),
        ("compare.html", html::study::compare(&compared, &study::typed()).render()),
    ];
    study::write(&args.trials, &place(&designs), &written, out)?;
    let charts = html::study::compare_charts(&compared);
    study::draw(&args.trials, &args.drawn, &place(&designs), &charts, out)?;
    let worse = compared.after.iter().any(|compared| compared.word == Word::Regressed);
    Ok(if args.fail_on_regression.is_some() && worse { Exit::No } else { Exit::Done })
}

fn show(compared: &compare::Compare, format: Format, out: &mut Out) -> Result<(), Stop> {
    let look = study::look(out, format);
    match format {
        Format::Json | Format::Jsonl => out.print(&study::document(compared, format)),
        Format::Csv => out.print(&compare::rows(compared).csv()),
        Format::Markdown => out.print(&terminal::markdown(compared)),
        _ if out.quiet == 1 => study::print_human(&terminal::verdict_lines(compared, look), format, out),
        _ => study::print_human(&terminal::render(compared, look), format, out),
    }
}

/// `compare/05-caching--05-caching-big`.
fn place(designs: &[Design]) -> String {
    let safe = |name: &str| name.replace(|c: char| !c.is_alphanumeric() && !"-_.".contains(c), "_");
    let names: Vec<String> = designs.iter().take(2).map(|design| safe(&design.name)).collect();
    format!("compare/{}", names.join("--"))
}

/// What is compared: several files, one file with changes, or one file with its variants.
fn designs(args: &Compare, read: Read, out: &mut Out) -> Result<Vec<Design>, Stop> {
    let sets = &args.changes.sets;
    let mut made = Vec::new();
    let mut add = |base: &Base, name: &str, more: &[String], out: &mut Out| {
        made.push(base.design(name, more).map_err(|broken| study::shown(&broken, out))?);
        Ok::<(), Stop>(())
    };
    let [only] = &args.scenarios[..] else {
        if !args.other_sets.is_empty() {
            return Err(Stop::usage("--set-b is the other side of one scenario; there are several"));
        }
        for scenario in &args.scenarios {
            let base =
                Base { variant: args.changes.variant.clone(), ..study::base(scenario, &args.trials, sets, read) };
            add(&base, &study::stem(scenario), &[], out)?;
        }
        return Ok(made);
    };
    let (base, stem) = (study::base(only, &args.trials, &[], read), study::stem(only));
    if sets.is_empty() && args.other_sets.is_empty() {
        add(&base, &stem, &[], out)?;
        let variants = match &args.changes.variant {
            Some(variant) => vec![variant.clone()],
            None => base.design(&stem, &[]).map_err(|broken| study::shown(&broken, out))?.scenario.variants,
        };
        if variants.is_empty() {
            return Err(Stop::usage(
                "one scenario without variants has nothing to be compared with: add a second one, or --set",
            ));
        }
        for variant in variants {
            add(&base.variant(&variant), &variant, &[], out)?;
        }
        return Ok(made);
    }
    let base = Base { variant: args.changes.variant.clone(), ..base };
    let (first, second) = if args.other_sets.is_empty() { (&args.other_sets, sets) } else { (sets, &args.other_sets) };
    let name = |sets: &[String]| if sets.is_empty() { stem.clone() } else { sets.join(", ") };
    add(&base, &name(first), first, out)?;
    add(&base, &name(second), second, out)?;
    Ok(made)
}
