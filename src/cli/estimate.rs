//! The back of the envelope beside the simulation.

use crate::analysis::by_hand::by_hand as estimated;
use crate::cli::args::Format;
use crate::cli::args::study::AsItStands;
use crate::cli::out::Out;
use crate::cli::study::{self, Faces};
use crate::cli::{Exit, Stop};
use crate::report::by_hand;
use crate::report::terminal::by_hand as terminal;

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
const FACES: Faces<by_hand::ByHand> =
    Faces { rows: by_hand::rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };

/// Simulates a design once, and works the sums out beside it.
pub(crate) fn estimate(args: &AsItStands, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "estimate")?;
    let hand = study::looking_at(&args.input, &args.trials, out, |_, design, out| {
        let runs = study::setting(&design, &args.trials).replications;
        let figures = study::simulated(&args.trials, &design, runs, out, |lab| lab.evaluate(&[&design]))?;
        Ok(estimated(&design, &figures[0]))
    })?;
    FACES.show(&hand, format, out)?;
    let written = [("estimate.json", study::document(&hand, Format::Json)), ("estimate.md", terminal::markdown(&hand))];
    study::write(&args.trials, &hand.name, &written, out)?;
    Ok(Exit::Done)
}
