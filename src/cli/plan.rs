//! How long a design lasts.

use crate::analysis::growth::plan as grow;
use crate::analysis::lab::Lab;
use crate::cli::args::Format;
use crate::cli::args::study::Plan;
use crate::cli::out::Out;
use crate::cli::study::{self, Faces, Library, Session, Shelf};
use crate::cli::{Exit, Stop, progress};
use crate::report::plan;
use crate::report::terminal::plan as terminal;

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
const FACES: Faces<plan::Plan> =
    Faces { rows: plan::rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };

/// Searches along the way of growth, and tells when an objective breaks.
pub(crate) fn plan(args: &Plan, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "plan")?;
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&args.input.scenario))?;
    let read = |path: &std::path::Path| library.read(path);
    let base = study::base_of(&args.input, &args.trials, &read);
    let name = study::stem(&args.input.scenario);
    let design = base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
    let Some(growth) = design.scenario.plan else {
        return Err(Stop::usage(
            "the scenario has no `plan:`; add one, or --set 'plan={growth: 8%/month, horizon: 18 months}'",
        ));
    };
    if design.scenario.objectives.is_empty() || design.load(None).0 == 0.0 {
        return Err(Stop::usage("a plan needs an objective that can break and a load with a rate that can grow"));
    }
    let setting = study::setting(&design, &args.trials);
    let session = Session::start(&args.trials, &design, setting.replications * 18, out)?;
    let (shelf, shared) = (Shelf::new(&args.trials), std::sync::Arc::clone(&session.progress));
    let mut lab = Lab::new(setting, &shared, &shelf);
    let found = grow(&design, &growth, &mut lab);
    let found = session.finish(found, lab.simulated, out)?;
    FACES.show(&found, format, out)?;
    let written = [("plan.json", study::document(&found, Format::Json)), ("plan.md", terminal::markdown(&found))];
    study::write(&args.trials, &name, &written, out)?;
    Ok(Exit::Done)
}
