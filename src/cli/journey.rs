//! A ladder of scenarios, told with simulated figures; and as a quiz.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::analysis::design::{Base, Design};
use crate::analysis::journey::{Rung, journey as climb};
use crate::analysis::lab::Lab;
use crate::cli::args::Format;
use crate::cli::args::study::Journey;
use crate::cli::out::Out;
use crate::cli::study::{self, Faces, Library, Session, Shelf};
use crate::cli::{Exit, Stop, progress};
use crate::diagnostic::{Diagnostics, Sources};
use crate::report::journey::{self, SCHEMA};
use crate::report::terminal::journey as terminal;
use crate::scenario::journey::{Ladder, Stage, ladder};
use crate::text::{self, Read};
use crate::units;

pub(crate) const FACES: Faces<journey::Journey> =
    Faces { rows: journey::rows, markdown: terminal::markdown, line: terminal::table, human: terminal::render };
const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];

/// Evaluates all stages, and tells the story.
pub(crate) fn journey(args: &Journey, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "journey")?;
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&args.ladder))?;
    let read = |path: &Path| library.read(path);
    let ladder = read_ladder(&args.ladder, &read, out)?;
    let mut rungs = Vec::new();
    let mut before = None;
    for stage in &ladder.stages {
        rungs.push(rung(args, stage, before, &read, out)?);
        before = stage.users;
    }
    let Some(first) = rungs.first() else { return Err(Stop::usage("the ladder has no stages")) };
    let setting = study::setting(&first.design, &args.trials);
    let session = Session::start(&args.trials, &first.design, setting.replications * 10 * rungs.len() as u32, out)?;
    let (shelf, shared) = (Shelf::new(&args.trials), std::sync::Arc::clone(&session.progress));
    let mut lab = Lab::new(setting, &shared, &shelf);
    let stages = climb(&rungs, &mut lab);
    let stages = session.finish(stages, lab.simulated, out)?;
    let (title, description) = (ladder.title, ladder.description);
    let (seed, runs, command) = (setting.seed, lab.needed(), Some(study::command(&args.trials)));
    let told = journey::Journey { schema: SCHEMA, command, title, description, seed, stages, runs };
    if args.quiz {
        quiz(&told, format, out)?;
    } else {
        FACES.show(&told, format, out)?;
    }
    let name = study::stem(&args.ladder);
    let text = study::document(&told, Format::Json);
    let written = [("journey.json", text.clone()), ("journey.md", terminal::markdown(&told))];
    study::write(&args.trials, &name, &written, out)?;
    study::show_again(&args.trials, &name, &text, args.drawn.charts, out)?;
    Ok(Exit::Done)
}

/// Shows each stage's load, asks what it will carry and what will limit it, and only then what the simulation says.
fn quiz(told: &journey::Journey, format: Format, out: &mut Out) -> Result<(), Stop> {
    let look = study::look(out, format);
    study::print_human(&terminal::title(told, look), format, out)?;
    let mut lines = std::io::stdin().lock().lines();
    let mut ask = |question: &str, out: &mut Out| {
        out.print(question)?;
        Ok::<String, Stop>(lines.next().and_then(Result::ok).unwrap_or_default().trim().to_owned())
    };
    let (mut right, mut asked) = (0, 0);
    for (at, stage) in told.stages.iter().enumerate() {
        study::print_human(&terminal::question(told, at, look), format, out)?;
        let guess = ask("  How many requests a second will it carry? ", out)?;
        let limit = ask("  Which component will be its limit? ", out)?;
        if let (Some(guess), Some(truth)) = (rate(&guess), stage.capacity.per_s) {
            let verdict = terminal::verdict_on_guess(guess, truth);
            right += u32::from(verdict.starts_with("  right"));
            asked += 1;
            out.print(&format!("\n{verdict}\n"))?;
        }
        if let Some(truth) = stage.bottleneck.as_ref().filter(|_| !limit.is_empty()) {
            let is_right = truth.component == limit;
            (right, asked) = (right + u32::from(is_right), asked + 1);
            let said = if is_right { format!("  right: {limit}") } else { format!("  it is {}", truth.component) };
            out.print(&format!("{said}\n"))?;
        }
        out.print("\n")?;
        study::print_human(&terminal::stage(told, at, look), format, out)?;
    }
    out.print(&format!("  {right} of {asked} answers were right\n"))
}

/// `1200/s`, `1.2k/s`, or the number alone.
pub(crate) fn rate(text: &str) -> Option<f64> {
    units::parse_as(text, units::Dimension::Rate).or_else(|_| units::parse_as(text, units::Dimension::Count)).ok()
}

/// Whether a file is a ladder of scenarios and not one of them.
pub(crate) fn is_ladder(path: &str) -> bool {
    let read = |path: &Path| std::fs::read_to_string(path);
    let (mut sources, mut found) = (Sources::default(), Diagnostics::new());
    text::load(path, &read, &mut sources, &mut found).is_some_and(|tree| tree.get("journey").is_some())
}

/// Reads a ladder file, or tells what is wrong with it.
pub(crate) fn read_ladder(path: &str, read: Read, out: &mut Out) -> Result<Ladder, Stop> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::new());
    let tree = text::load(if path == "-" { "<stdin>" } else { path }, read, &mut sources, &mut found);
    let ladder = tree.as_ref().and_then(|tree| ladder(tree, &mut found));
    match ladder.filter(|_| !found.has_errors()) {
        Some(ladder) => Ok(ladder),
        None if found.is_empty() => {
            Err(Stop::usage(format!("{path} has no `journey:`; `plimsoll run` runs one scenario")))
        }
        None => Err(study::shown(&crate::analysis::design::Broken { sources, found }, out)),
    }
}

/// One rung with its design, and the same design for the users of the rung before.
fn rung(args: &Journey, stage: &Stage, before: Option<f64>, read: Read, out: &mut Out) -> Result<Rung, Stop> {
    let (base, name) = stage_base(&args.ladder, stage, read);
    let mut base = Base { sets: [base.sets, args.sets.clone()].concat(), ..base };
    base.sets.extend(study::base(&base.path, &args.trials, &[], read).sets);
    let design = |more: &[String], out: &mut Out| -> Result<Design, Stop> {
        base.design(&name, more).map_err(|broken| study::shown(&broken, out))
    };
    let for_fewer = match before.filter(|_| stage.users.is_some()) {
        Some(users) => Some(design(&[format!("let.users={users}")], out)?),
        None => None,
    };
    Ok(Rung { design: design(&[], out)?, users: stage.users, story: stage.story.clone(), for_fewer })
}

/// A stage's scenario as a base for designs, and what it is called.
pub(crate) fn stage_base<'a>(ladder: &str, stage: &Stage, read: Read<'a>) -> (Base<'a>, String) {
    let path: PathBuf = Path::new(ladder).parent().unwrap_or(Path::new("")).join(&stage.scenario.value);
    let path = path.to_string_lossy().into_owned();
    let stem = study::stem(&path);
    let name = stage.variant.as_ref().map_or_else(|| stem.clone(), |variant| format!("{stem}/{variant}"));
    (Base { path, read, variant: stage.variant.clone(), sets: stage.sets.clone() }, name)
}
