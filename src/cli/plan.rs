//! How long a design lasts.

use crate::analysis::growth::plan as grow;
use crate::cli::args::Format;
use crate::cli::args::study::AsItStands;
use crate::cli::out::Out;
use crate::cli::study::{self, Faces};
use crate::cli::{Exit, Stop};
use crate::report::plan;
use crate::report::terminal::plan as terminal;

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
const FACES: Faces<plan::Plan> =
    Faces { rows: plan::rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };

/// Searches along the way of growth, and tells when an objective breaks.
pub(crate) fn plan(args: &AsItStands, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "plan")?;
    let found = study::looking_at(&args.input, &args.trials, out, |_, design, out| {
        let Some(growth) = design.scenario.plan else {
            return Err(Stop::usage(
                "the scenario has no `plan:`; add one, or --set 'plan={growth: 8%/month, horizon: 18 months}'",
            ));
        };
        if design.scenario.objectives.is_empty() || design.load(None).0 == 0.0 {
            return Err(Stop::usage("a plan needs an objective that can break and a load with a rate that can grow"));
        }
        let runs = study::setting(&design, &args.trials).replications * 18;
        study::simulated(&args.trials, &design, runs, out, |lab| grow(&design, &growth, lab))
    })?;
    FACES.show(&found, format, out)?;
    let written = [("plan.json", study::document(&found, Format::Json)), ("plan.md", terminal::markdown(&found))];
    study::write(&args.trials, &found.name, &written, out)?;
    Ok(Exit::Done)
}
