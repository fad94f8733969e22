//! Designs beside each other.

use crate::analysis::compare as comparing;
use crate::analysis::design::{Base, Design};
use crate::cli::args::Format;
use crate::cli::args::study::Compare;
use crate::cli::out::Out;
use crate::cli::study::{self, Faces, Library};
use crate::cli::{Exit, Stop, progress};
use crate::report::compare::{self, Word};
use crate::report::terminal::compare as terminal;
use crate::text::Read;
use crate::units::{self, Dimension};

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
pub(crate) const FACES: Faces<compare::Compare> =
    Faces { rows: compare::rows, markdown: terminal::markdown, line: terminal::verdict_lines, human: terminal::render };

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
    let all: Vec<&Design> = designs.iter().collect();
    let runs = setting.replications * designs.len() as u32;
    let figures = study::simulated(&args.trials, &designs[0], runs, out, |lab| lab.evaluate(&all))?;
    let mut compared = comparing::compare(&all, &figures, noise);
    compared.command = Some(study::command(&args.trials));
    FACES.show(&compared, format, out)?;
    let text = study::document(&compared, Format::Json);
    let written = [("compare.json", text.clone()), ("compare.md", terminal::markdown(&compared))];
    study::write(&args.trials, &place(&designs), &written, out)?;
    study::show_again(&args.trials, &place(&designs), &text, args.drawn.charts, out)?;
    let worse = compared.after.iter().any(|compared| compared.word == Word::Regressed);
    Ok(if args.fail_on_regression.is_some() && worse { Exit::No } else { Exit::Done })
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
