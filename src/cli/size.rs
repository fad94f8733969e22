//! The cheapest design for a load, and single changes worth making.

use std::path::{Component, Path, PathBuf};

use crate::analysis::advise as advising;
use crate::analysis::axis::{Axis, Point, sets};
use crate::analysis::compare::changes;
use crate::analysis::design::{Base, Design};
use crate::analysis::lab::Lab;
use crate::analysis::regret::{self, Stakes};
use crate::analysis::size::{self, Raced};
use crate::analysis::worlds::{self, World};
use crate::cli::args::Format;
use crate::cli::args::study::{Advise, Size};
use crate::cli::out::Out;
use crate::cli::part::{Parts, Shard};
use crate::cli::study::{self, Faces, Library, Session, Shelf};
use crate::cli::{Exit, Stop, capacity, progress};
use crate::diagnostic::{Diagnostics, Sources, Spot, Spotted};
use crate::report::size::{SCHEMA, Size as Found, rows};
use crate::report::terminal::{advise as of_advice, size as terminal};
use crate::report::{Verdict, advise as document};
use crate::text::{self, Node, Value};
use crate::units::{self, Dimension};

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
pub(crate) const FACES: Faces<Found> =
    Faces { rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };
const ADVICE: Faces<document::Advise> = Faces {
    rows: document::rows,
    markdown: of_advice::markdown,
    line: of_advice::verdict_line,
    human: of_advice::render,
};
/// Replications that settle a contender, by which the work of an exhaustive search is counted.
const SETTLED: u64 = 24;

/// Races all designs that the bounds allow.
pub(crate) fn size(args: &Size, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "size")?;
    let shard = Shard::new(args.shard.as_deref())?;
    let (axes, points) = study::grid_of(&args.vary)?;
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&args.input.scenario))?;
    let read = |path: &Path| library.read(path);
    let mut base = study::base_of(&args.input, &args.trials, &read);
    let name = study::stem(&args.input.scenario);
    capacity::with_objectives(&mut base, &args.subject_to, &name, out)?;
    let whole = base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
    let factor = factor(args.peak.as_deref(), &whole)?;
    answerable(&whole)?;
    // A mistake in what varies is told at once and not taken for a design that cannot be.
    if let Some(first) = points.first() {
        base.design(&name, &sets(&axes, first)).map_err(|broken| study::shown(&broken, out))?;
    }
    let setting = study::setting(&whole, &args.trials);
    let draws = if whole.scenario.uncertain.is_empty() { 0 } else { args.draws };
    let session = Session::start(&args.trials, &whole, 3 * points.len() as u32 * (1 + draws), out)?;
    let parts = Parts::open(&args.trials, shard, &whole.scenario.hash, &study::folder(&args.trials, &name))?;
    let (shelf, shared) = (Shelf::shared(&args.trials, parts), std::sync::Arc::clone(&session.progress));
    let mut lab = Lab::new(setting, &shared, &shelf);
    let make = |point: &Point, more: &[String]| {
        base.design(&name, &[sets(&axes, point), more.to_vec()].concat()).ok()?.loaded(factor, None)
    };
    let worlds = worlds::draw(&whole.scenario.uncertain, draws, setting.seed);
    let stakes = Stakes { points: &points, worlds: &worlds, budget: args.budget, miss: args.miss };
    let middle = |point: &Point| make(point, &[]);
    let there = |point: &Point, world: &World| make(point, &world.sets);
    if shard.is_part() {
        let mine = size::share(&points, args.budget, |at| shard.has(at), &mut lab, middle);
        let mine = mine.and_then(|()| regret::share(&stakes, |at| shard.has(at), &mut lab, there));
        session.finish(mine, lab.simulated, out)?;
        shelf.parts.finish(out)?;
        return Ok(Exit::Done);
    }
    let raced = size::race(&points, args.budget, &mut lab, middle);
    let raced = raced.and_then(|raced| {
        let best = raced.best.as_ref().map(|best| &best.settings);
        let regrets = regret::weigh(&stakes, best, &mut lab, there)?;
        Ok((raced, Some(regrets).filter(|regrets| 0 < regrets.draws)))
    });
    let (raced, regrets) = session.finish(raced, lab.simulated, out)?;
    let asked = Asked { name, whole: &whole, axes: &axes, load_per_s: whole.load(None).0 * factor, draws };
    let command = Some(study::command(&args.trials));
    let found = Found { command, seed: setting.seed, runs: lab.needed(), regrets, ..found(asked, raced) };
    FACES.show(&found, format, out)?;
    write(args, &found, &axes, out)?;
    Ok(match (found.chosen(), found.cheaper_but_undecided.is_empty()) {
        (Some(_), _) => Exit::Done,
        (None, false) => Exit::Undecided,
        (None, true) => Exit::No,
    })
}

/// What was asked for.
struct Asked<'a> {
    name: String,
    whole: &'a Design,
    axes: &'a [Axis],
    load_per_s: f64,
    draws: u32,
}

/// The document of a race, without what only the lab knows.
fn found(asked: Asked, raced: Raced) -> Found {
    let scenario = &asked.whole.scenario;
    let cost = raced.best.as_ref().map_or(f64::INFINITY, |best| best.usd_per_month);
    let cheaper = raced.undecided.into_iter().filter(|candidate| candidate.usd_per_month < cost).collect();
    Found {
        schema: SCHEMA,
        command: None,
        name: asked.name,
        hash: scenario.hash.clone(),
        seed: 0,
        load_per_s: asked.load_per_s,
        within: scenario.objectives.values().map(|objective| objective.value.text.clone()).collect(),
        axes: asked.axes.iter().map(|axis| axis.path.clone()).collect(),
        pareto: size::pareto(&raced.evaluated),
        binds: size::binds(&raced.evaluated),
        simulated: raced.evaluated.len() as u32,
        best: raced.best,
        cheaper_but_undecided: cheaper,
        designs: raced.designs,
        ruled_out: raced.ruled_out,
        runs: 0,
        runs_of_all: u64::from(raced.designs) * SETTLED * u64::from(1 + asked.draws),
        regrets: None,
    }
}

/// What makes the question one that has an answer.
fn answerable(whole: &Design) -> Result<(), Stop> {
    if whole.scenario.objectives.is_empty() {
        return Err(Stop::usage("no objective says what is still good; add --subject-to 'latency p99 <= 200ms'"));
    }
    if whole.model.prices.is_empty() {
        return Err(Stop::usage("nothing has a price, so nothing is cheapest; give machines or `prices:`"));
    }
    Ok(())
}

fn write(args: &Size, found: &Found, axes: &[Axis], out: &mut Out) -> Result<(), Stop> {
    let text = study::document(found, Format::Json);
    let mut written = vec![("size.json", text.clone()), ("size.md", terminal::markdown(found))];
    if let Some(best) = found.chosen().filter(|_| args.input.scenario != "-") {
        let folder = args.trials.out.as_deref().map_or_else(|| Path::new("output").join(&found.name), PathBuf::from);
        let settings = [args.input.changes.sets.clone(), sets(axes, best)].concat();
        written.push(("best.yaml", design_file(&folder, &args.input.scenario, &settings)));
    }
    study::write(&args.trials, &found.name, &written, out)?;
    study::show_again(&args.trials, &found.name, &text, args.drawn.charts, out)
}

/// A scenario that extends the one that was sized by what came out best.
fn design_file(folder: &Path, scenario: &str, settings: &[String]) -> String {
    let scalar = |text: String| Node::new(Value::Scalar { text, quoted: false }, Spot::default());
    let field = |key: &str, node: Node| (Spotted::new(key.to_owned(), Spot::default()), node);
    let up: PathBuf = folder.components().filter(|part| matches!(part, Component::Normal(_))).map(|_| "..").collect();
    let is_relative = folder.is_relative() && Path::new(scenario).is_relative();
    let there = if is_relative { up.join(scenario) } else { PathBuf::from(scenario) };
    let extends = field("extends", scalar(there.to_string_lossy().into_owned()));
    let mut tree = Node::new(
        Value::Map(vec![extends, field("components", Node::new(Value::Map(Vec::new()), Spot::default()))]),
        Spot::default(),
    );
    let tops = |path: &str| text::TOP_LEVEL.contains(&path.split('.').next().unwrap_or_default());
    for setting in settings {
        let Some((path, value)) = setting.split_once('=') else { continue };
        let path = if tops(path) { path.to_owned() } else { format!("components.{path}") };
        text::set(&mut tree, &path, value, &mut Sources::default(), &mut Diagnostics::new());
    }
    if tree.get("components").and_then(Node::as_map).is_some_and(<[_]>::is_empty) {
        tree.remove("components");
    }
    text::to_yaml(&tree)
}

/// How many times today's load `--peak` is.
fn factor(peak: Option<&str>, whole: &Design) -> Result<f64, Stop> {
    let Some(text) = peak else { return Ok(1.0) };
    let wanted = units::parse_as(text, Dimension::Rate)
        .map_err(|error| Stop::usage(format!("--peak {text}: {}", error.message)))?;
    match whole.load(None).0 {
        0.0 => Err(Stop::usage("--peak is a rate, and no load of the scenario has one")),
        today => Ok(wanted / today),
    }
}

/// Tries all single changes that make sense.
pub(crate) fn advise(args: &Advise, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "advise")?;
    let noise = units::parse_as(&args.noise, Dimension::Share).map_err(|error| Stop::usage(error.message))?;
    let advice = study::looking_at(&args.input, &args.trials, out, |base, today, out| {
        let factor = factor(args.peak.as_deref(), &today)?;
        let loaded = |design: Design| if factor == 1.0 { Some(design) } else { design.loaded(factor, None) };
        let whole = loaded(today.clone()).ok_or_else(|| Stop::usage("the scenario cannot carry that load"))?;
        let whole = Design { name: today.name.clone(), ..whole };
        // What cannot be (a machine that a shared host already decides) is no advice.
        let tried = advising::changes(&today).into_iter().filter_map(|change| {
            let design = loaded(changed(base, &today, &change)?)?;
            Some((change, design))
        });
        let (tried, designs): (Vec<advising::Change>, Vec<Design>) = tried.unzip();
        let all: Vec<&Design> = std::iter::once(&whole).chain(&designs).collect();
        let runs = study::setting(&whole, &args.trials).replications * all.len() as u32;
        let mut figures = study::simulated(&args.trials, &whole, runs, out, |lab| lab.evaluate(&all))?.into_iter();
        let before = figures.next().expect("the design itself is the first");
        let tried: Vec<_> = tried.into_iter().zip(figures).collect();
        Ok(advising::advise(&whole, &before, &tried, noise))
    })?;
    ADVICE.show(&advice, format, out)?;
    let written =
        [("advise.json", study::document(&advice, Format::Json)), ("advise.md", of_advice::markdown(&advice))];
    study::write(&args.trials, &advice.name, &written, out)?;
    let is_hopeless =
        advice.verdict == Verdict::Misses && !advice.changes.iter().any(|change| change.verdict == Verdict::Meets);
    if is_hopeless {
        out.note("  no single change meets every objective; `plimsoll size` looks for several at once\n");
    }
    Ok(Exit::Done)
}

/// What a single change makes of a design; `None` where it cannot be or changes nothing.
pub(crate) fn changed(base: &Base, today: &Design, change: &advising::Change) -> Option<Design> {
    let design = base.design(&change.set, std::slice::from_ref(&change.set)).ok()?;
    let differs = !changes(&today.tree, &design.tree).0.is_empty();
    differs.then_some(design)
}
