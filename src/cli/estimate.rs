//! The back of the envelope beside the simulation.

use crate::analysis::by_hand::by_hand as estimated;
use crate::analysis::lab::Lab;
use crate::cli::args::Format;
use crate::cli::args::study::Estimate;
use crate::cli::out::Out;
use crate::cli::study::{self, Faces, Library, Session, Shelf};
use crate::cli::{Exit, Stop, progress};
use crate::report::by_hand;
use crate::report::terminal::by_hand as terminal;

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
const FACES: Faces<by_hand::ByHand> =
    Faces { rows: by_hand::rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };

/// Simulates a design once, and works the sums out beside it.
pub(crate) fn estimate(args: &Estimate, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "estimate")?;
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&args.input.scenario))?;
    let read = |path: &std::path::Path| library.read(path);
    let base = study::base_of(&args.input, &args.trials, &read);
    let name = study::stem(&args.input.scenario);
    let design = base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
    let setting = study::setting(&design, &args.trials);
    let session = Session::start(&args.trials, &design, setting.replications, out)?;
    let (shelf, shared) = (Shelf::new(&args.trials), std::sync::Arc::clone(&session.progress));
    let mut lab = Lab::new(setting, &shared, &shelf);
    let figures = lab.evaluate(&[&design]);
    let figures = session.finish(figures, lab.simulated, out)?;
    let hand = estimated(&design, &figures[0]);
    FACES.show(&hand, format, out)?;
    let written = [("estimate.json", study::document(&hand, Format::Json)), ("estimate.md", terminal::markdown(&hand))];
    study::write(&args.trials, &name, &written, out)?;
    Ok(Exit::Done)
}
