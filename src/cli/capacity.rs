//! The most load within the objectives, or the least of a setting.

use crate::analysis::capacity::{Question, SURE, search};
use crate::analysis::design::{Base, Design};
use crate::cli::args::Format;
use crate::cli::args::study::Capacity;
use crate::cli::out::Out;
use crate::cli::study::{self, Faces, Library};
use crate::cli::{Exit, Stop, grid, progress};
use crate::report::capacity::{self, Outcome};
use crate::report::terminal::capacity as terminal;
use crate::units::{self, Dimension};

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
pub(crate) const FACES: Faces<capacity::Capacity> =
    Faces { rows: capacity::rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };

/// Searches, and tells the answer with its interval.
pub(crate) fn capacity(args: &Capacity, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "capacity")?;
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&args.input.scenario))?;
    let read = |path: &std::path::Path| library.read(path);
    let mut base = study::base_of(&args.input, &args.trials, &read);
    let name = study::stem(&args.input.scenario);
    with_objectives(&mut base, &args.objective, &name, out)?;
    let whole = base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
    if whole.scenario.objectives.is_empty() {
        return Err(Stop::usage("no objective says what is still good; add --objective 'latency p99 <= 200ms'"));
    }
    if !args.vary.is_empty() {
        return grid::grid(args, &base, &whole, out);
    }
    let question = question(args, &whole)?;
    let runs = study::setting(&whole, &args.trials).replications * 12;
    let mut found = study::simulated(&args.trials, &whole, runs, out, |lab| {
        search(&whole, &question, lab, |place| at(&question, &base, &whole, &[], place))
    })?;
    found.command = Some(study::command(&args.trials));
    FACES.show(&found, format, out)?;
    let text = study::document(&found, Format::Json);
    let written = [("capacity.json", text.clone()), ("capacity.md", terminal::markdown(&found))];
    study::write(&args.trials, &name, &written, out)?;
    study::show_again(&args.trials, &name, &text, args.drawn.charts, out)?;
    Ok(match found.outcome {
        Outcome::Found | Outcome::Unbounded => Exit::Done,
        Outcome::None => Exit::No,
        Outcome::Undecided => Exit::Undecided,
    })
}

/// Objectives of the command line stand in the place of all that the scenario states.
pub(crate) fn with_objectives(base: &mut Base, asked: &[String], name: &str, out: &mut Out) -> Result<(), Stop> {
    if asked.is_empty() {
        return Ok(());
    }
    let whole = base.design(name, &[]).map_err(|broken| study::shown(&broken, out))?;
    base.sets.extend(whole.scenario.objectives.keys().map(|known| format!("objectives.{known}=null")));
    base.sets.extend(asked.iter().enumerate().map(|(at, text)| format!("objectives.asked_{}={text}", at + 1)));
    Ok(())
}

/// The design at a place of the search: at a multiple of the load, or with that number of the setting.
pub(crate) fn at(question: &Question, base: &Base, whole: &Design, sets: &[String], place: f64) -> Option<Design> {
    if !question.whole {
        return whole.loaded(place, question.find.strip_prefix("load."));
    }
    let set = format!("{}={place}", question.find);
    base.design(&whole.name, &[sets.to_vec(), vec![set]].concat()).ok()
}

/// What is looked for: load, one load by its name, or a setting.
pub(crate) fn question(args: &Capacity, whole: &Design) -> Result<Question, Stop> {
    let share = |text: &str| units::parse_as(text, Dimension::Share).map_err(|error| Stop::usage(error.message));
    let (tolerance, headroom) = (share(&args.tolerance)?.max(1e-4), share(&args.headroom)?);
    let only = args.find.strip_prefix("load.");
    if let Some(name) = only.filter(|name| !whole.scenario.load.contains_key(*name)) {
        let known: Vec<&str> = whole.scenario.load.keys().map(String::as_str).collect();
        return Err(Stop::usage(format!("there is no load `{name}`; there are {}", known.join(", "))));
    }
    let is_load = args.find == "load" || only.is_some();
    let (rate, clients) = whole.load(only);
    if is_load && rate + clients == 0.0 {
        return Err(Stop::usage("no load has a rate or clients that could be more"));
    }
    let (unit, today) = match (is_load, 0.0 < rate) {
        (false, _) => ("", 1.0),
        (true, true) => ("per_s", rate),
        (true, false) => ("clients", clients),
    };
    Ok(Question { find: args.find.clone(), whole: !is_load, unit, today, tolerance, headroom, sure: SURE, curve: true })
}
