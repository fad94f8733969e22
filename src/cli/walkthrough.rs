//! One design as an interviewer would go through it, told or asked.

use std::io::BufRead;

use crate::analysis::advise as advising;
use crate::analysis::design::{Base, Design};
use crate::analysis::walkthrough::{Subject, death, walk};
use crate::cli::args::study::{Drawn, Journey, Level, Walkthrough as Arguments};
use crate::cli::args::{Charts, Format};
use crate::cli::journey::{is_ladder, journey, rate};
use crate::cli::out::Out;
use crate::cli::size::changed;
use crate::cli::study::{self, Faces};
use crate::cli::{Exit, Stop};
use crate::report::terminal::{journey::verdict_on_guess, walkthrough as terminal};
use crate::report::walkthrough::{Walkthrough, rows};

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
const FACES: Faces<Walkthrough> =
    Faces { rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };

/// Simulates all that will be asked about, and tells it; a ladder is told stage by stage.
pub(crate) fn walkthrough(args: &Arguments, out: &mut Out) -> Result<Exit, Stop> {
    if args.input.scenario != "-" && is_ladder(&args.input.scenario) {
        let (ladder, sets) = (args.input.scenario.clone(), args.input.changes.sets.clone());
        let drawn = Drawn { charts: Charts::Svg };
        return journey(&Journey { ladder, sets, quiz: args.quiz, trials: args.trials.clone(), drawn }, out);
    }
    let format = study::format(&args.trials, FORMATS, "walkthrough")?;
    let senior = args.level == Level::Senior;
    let told = study::looking_at(&args.input, &args.trials, out, |base, design, out| {
        if design.scenario.objectives.is_empty() || design.load(None) == (0.0, 0.0) {
            return Err(Stop::usage("a walkthrough needs an objective that can break and a load that can grow"));
        }
        let runs = study::setting(&design, &args.trials).replications * 20;
        study::simulated(&args.trials, &design, runs, out, |lab| {
            let limit = lab.evaluate(&[&design])?.swap_remove(0).bottleneck.map(|limit| limit.component);
            walk(&subject(base, design.clone(), limit, senior), senior, lab)
        })
    })?;
    if args.quiz && matches!(format, Format::Human | Format::Plain) {
        quiz(&told, args.no_input, format, out)?;
    } else {
        FACES.show(&told, format, out)?;
    }
    let written =
        [("walkthrough.json", study::document(&told, Format::Json)), ("walkthrough.md", terminal::markdown(&told))];
    study::write(&args.trials, &told.name, &written, out)?;
    Ok(Exit::Done)
}

/// The design with all that the senior level asks about; what cannot be is not asked.
fn subject(base: &Base, design: Design, limit: Option<String>, senior: bool) -> Subject {
    if !senior {
        return Subject { design, changes: Vec::new(), death: None };
    }
    let changes = advising::changes(&design).into_iter().filter_map(|change| {
        let changed = changed(base, &design, &change)?;
        Some((change, changed))
    });
    let changes = changes.collect();
    // An instance has a number; of a database it is its primary that dies.
    let dying = limit.and_then(|component| {
        let kill = |part: &str| base.design(&design.name, &[death(&design, &format!("{component}/{part}"))?]).ok();
        let dying = kill("0").or_else(|| kill("primary"))?;
        Some((component, dying))
    });
    Subject { design, changes, death: dying }
}

/// Asks before it tells: the tail after what is wanted, how far it goes after the sums.
fn quiz(told: &Walkthrough, no_input: bool, format: Format, out: &mut Out) -> Result<(), Stop> {
    let look = study::look(out, format);
    let mut lines = std::io::stdin().lock().lines();
    let mut ask = |question: &str, out: &mut Out| {
        out.print(&format!("  {question} "))?;
        let answer = if no_input { None } else { lines.next().and_then(Result::ok) };
        out.print(if no_input { "\n" } else { "" })?;
        Ok::<String, Stop>(answer.unwrap_or_default().trim().to_owned())
    };
    let (mut right, mut asked) = (0, 0);
    let mut judge = |verdict: String, out: &mut Out| {
        (right, asked) = (right + u32::from(verdict.starts_with("  right")), asked + 1);
        out.print(&format!("{verdict}\n\n"))
    };
    for section in terminal::sections(told, look) {
        match section.0 {
            "Until it breaks" => {
                let guess = rate(&ask("How much load will it carry within its objectives?", out)?);
                if let (Some(guess), Some(truth)) = (guess, told.capacity.value) {
                    judge(verdict_on_guess(guess, truth), out)?;
                }
            }
            "Simulated" => {
                let limit = ask("Which component is its limit?", out)?;
                if let Some(truth) = told.simulated.bottleneck.as_ref().filter(|_| !limit.is_empty()) {
                    let is_right = truth.component == limit;
                    let said =
                        if is_right { format!("  right: {limit}") } else { format!("  it is {}", truth.component) };
                    judge(said, out)?;
                }
            }
            _ => {}
        }
        study::print_human(&terminal::one(&section, look), format, out)?;
    }
    out.print(&format!("  {right} of {asked} answers were right\n"))
}
