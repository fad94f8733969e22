//! The most load within the objectives, or the least of a setting.

use crate::analysis::capacity::{Question, search};
use crate::analysis::design::{Base, Design};
use crate::analysis::lab::Lab;
use crate::cli::args::Format;
use crate::cli::args::study::Capacity;
use crate::cli::out::Out;
use crate::cli::study::{self, Library, Session, Shelf};
use crate::cli::{Exit, Stop, progress};
use crate::report::capacity::{self, Outcome};
use crate::report::chart::Chart;
use crate::report::html;
use crate::report::terminal::capacity as terminal;
use crate::units::{self, Dimension};

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];

/// Searches, and tells the answer with its interval.
pub(crate) fn capacity(args: &Capacity, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "capacity")?;
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&args.input.scenario))?;
    let read = |path: &std::path::Path| library.read(path);
    let changes = &args.input.changes;
    let base = study::base(&args.input.scenario, &args.trials, &changes.sets, &read);
    let mut base = Base { variant: changes.variant.clone(), ..base };
    let name = study::stem(&args.input.scenario);
    with_objectives(&mut base, &args.objective, &name, out)?;
    let whole = base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
    if whole.scenario.objectives.is_empty() {
        return Err(Stop::usage("no objective says what is still good; add --objective 'latency p99 <= 200ms'"));
    }
    let question = question(args, &whole)?;
    let setting = study::setting(&whole, &args.trials);
    let session = Session::start(&args.trials, &whole, setting.replications * 12, out)?;
    let (shelf, shared) = (Shelf::new(&args.trials), std::sync::Arc::clone(&session.progress));
    let mut lab = Lab::new(setting, &shared, &shelf);
    let load = args.find.strip_prefix("load.");
    let found = search(&whole, &question, &mut lab, |place| {
        let set = format!("{}={place}", args.find);
        if question.whole { base.design(&name, &[set]).ok() } else { whole.loaded(place, load) }
    });
    let found = session.finish(found, lab.simulated, out)?;
    show(&found, format, out)?;
    let written = [
        ("capacity.json", study::document(&found, Format::Json)),
        ("capacity.md", terminal::markdown(&found)),
        ("capacity.html", html::study::capacity(&found, &study::typed()).render()),
    ];
    study::write(&args.trials, &name, &written, out)?;
    let charts: Vec<Chart> = html::study::capacity_chart(&found).into_iter().collect();
    study::draw(&args.trials, &args.drawn, &name, &charts, out)?;
    Ok(match found.outcome {
        Outcome::Found | Outcome::Unbounded => Exit::Done,
        Outcome::None => Exit::No,
        Outcome::Undecided => Exit::Undecided,
    })
}

fn show(found: &capacity::Capacity, format: Format, out: &mut Out) -> Result<(), Stop> {
    let look = study::look(out, format);
    match format {
        Format::Json | Format::Jsonl => out.print(&study::document(found, format)),
        Format::Csv => out.print(&capacity::rows(found).csv()),
        Format::Markdown => out.print(&terminal::markdown(found)),
        _ if out.quiet == 1 => study::print_human(&terminal::verdict_line(found, look), format, out),
        _ => study::print_human(&terminal::render(found, look), format, out),
    }
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

/// What is looked for: load, one load by its name, or a setting.
fn question(args: &Capacity, whole: &Design) -> Result<Question, Stop> {
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
    Ok(Question { find: args.find.clone(), whole: !is_load, unit, today, tolerance, headroom, curve: true })
}
