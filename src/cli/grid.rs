//! Capacities over a grid of settings: how far each design goes, and what a unit of load costs there.

use crate::analysis::axis::{Axis, Point, sets};
use crate::analysis::capacity::{Question, search};
use crate::analysis::design::{Base, Design};
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::cli::args::Format;
use crate::cli::args::study::Capacity;
use crate::cli::capacity::{at, question};
use crate::cli::out::Out;
use crate::cli::part::{Parts, Shard};
use crate::cli::study::{self, Faces, Session, Shelf};
use crate::cli::{Exit, Stop};
use crate::report::grid::{self, Grid, Row, SCHEMA};
use crate::report::terminal::grid as terminal;

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
pub(crate) const FACES: Faces<Grid> =
    Faces { rows: grid::rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };

/// One search at each point.
pub(crate) fn grid(args: &Capacity, base: &Base, whole: &Design, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "capacity")?;
    let shard = Shard::new(args.shard.as_deref())?;
    let (axes, points) = study::grid_of(&args.vary)?;
    let mut places = Vec::new();
    for point in points {
        let settings = sets(&axes, &point);
        let design = base.design(&whole.name, &settings).map_err(|broken| study::shown(&broken, out))?;
        let question = Question { curve: false, ..question(args, &design)? };
        places.push(Place { point, settings, design, question });
    }
    let setting = study::setting(whole, &args.trials);
    let parts = Parts::open(&args.trials, shard, &whole.scenario.hash, &study::folder(&args.trials, &whole.name))?;
    let mine: Vec<&Place> =
        places.iter().enumerate().filter(|(at, _)| shard.has(*at)).map(|(_, place)| place).collect();
    let session = Session::start(&args.trials, whole, setting.replications * 12 * mine.len() as u32, out)?;
    let (shelf, shared) = (Shelf::shared(&args.trials, parts), std::sync::Arc::clone(&session.progress));
    let mut lab = Lab::new(setting, &shared, &shelf);
    let rows: Result<Vec<Row>, Interrupted> = mine.iter().map(|place| row(base, place, &mut lab)).collect();
    let rows = session.finish(rows, lab.simulated, out)?;
    if shard.is_part() {
        shelf.parts.finish(out)?;
        return Ok(Exit::Done);
    }
    let found = Grid { command: Some(study::command(&args.trials)), ..document(whole, &args.find, &axes, rows) };
    FACES.show(&found, format, out)?;
    let text = study::document(&found, Format::Json);
    let written = [("capacity_grid.json", text.clone()), ("capacity_grid.md", terminal::markdown(&found))];
    study::write(&args.trials, &found.name, &written, out)?;
    study::show_again(&args.trials, &found.name, &text, args.drawn.charts, out)?;
    Ok(if found.rows.iter().any(|row| row.value.is_some()) { Exit::Done } else { Exit::No })
}

/// One point and what is asked there.
struct Place {
    point: Point,
    settings: Vec<String>,
    design: Design,
    question: Question,
}

fn row<M: Memory>(base: &Base, place: &Place, lab: &mut Lab<'_, M>) -> Result<Row, Interrupted> {
    let Place { question, design, settings, .. } = place;
    let found = search(design, question, lab, |number| at(question, base, design, settings, number))?;
    let bill =
        found.points.iter().find(|tried| Some(tried.at) == found.low.filter(|_| !question.whole).or(found.value));
    Ok(Row {
        settings: place.point.clone(),
        outcome: found.outcome,
        unit: found.unit,
        value: found.value,
        low: found.low,
        high: found.high,
        usd_per_month: bill.and_then(|tried| tried.usd_per_month),
        breaks: found.breaks,
        limit: found.limit,
        runs: found.runs,
    })
}

fn document(whole: &Design, find: &str, axes: &[Axis], rows: Vec<Row>) -> Grid {
    Grid {
        schema: SCHEMA,
        command: None,
        name: whole.name.clone(),
        hash: whole.scenario.hash.clone(),
        seed: whole.scenario.run.seed,
        find: find.to_owned(),
        within: whole.scenario.objectives.values().map(|objective| objective.value.text.clone()).collect(),
        axes: axes.iter().map(|axis| axis.path.clone()).collect(),
        rows,
    }
}
