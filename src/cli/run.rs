//! One design, simulated: read, compile, evaluate, show, write.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::analysis::lab::{Forgetful, Lab, Setting};
use crate::analysis::{self, Evaluation, Plan, Progress, uncertainty, worlds};
use crate::cli::args::{FailOn, Format, Kind, Run, Settings, Undecided};
use crate::cli::input::{self, Reading, Wanted};
use crate::cli::out::Out;
use crate::cli::progress::{self, Goal, Watch, Watcher};
use crate::cli::{Exit, Stop, files, github, render, shell};
use crate::diagnostic::{Plain, plain};
use crate::model::Model;
use crate::report::terminal::Look;
use crate::report::{Meta, Report, Verdict, csv, hgrm};
use crate::scenario::{Length, Scenario};
use crate::units::{self, Dimension, human_count, human_time};

/// Between two looks at the files of `--watch`.
const POLL: Duration = Duration::from_millis(300);

/// The figures of a run and what became of its time limit.
struct Outcome {
    model: Model,
    reading: Reading,
    evaluation: Evaluation,
    timed_out: bool,
}

/// Runs a scenario once, or again and again while its files change.
pub(crate) fn run(args: &Run, out: &mut Out) -> Result<Exit, Stop> {
    if args.watch && args.input.scenario == "-" {
        return Err(Stop::usage("--watch looks at files; standard input is read only once"));
    }
    progress::catch_interrupts()?;
    if args.watch { watch(args, out) } else { once(args, out) }
}

/// One run from text to exit code.
fn once(args: &Run, out: &mut Out) -> Result<Exit, Stop> {
    let settings = &args.settings;
    let wanted = wanted(args, out)?;
    if format(args) == Format::Github {
        out.print(&github::diagnostics(&errors(&input::read(&wanted))))?;
    }
    let (scenario, model, reading) = input::prepare(&wanted, out)?;
    let progress = Arc::new(Progress::default());
    let jobs = settings.experiment.jobs.map_or_else(cores, NonZero::get);
    let plan = Plan::new(&model, &scenario, jobs);
    let draws = if scenario.uncertain.is_empty() { 0 } else { args.draws };
    let mut watch = look_on(settings, &plan, &scenario, out)?;
    watch.goal.replications += draws * worlds::EACH;
    let watcher = Watcher::start(watch, Arc::clone(&progress));
    let mut evaluation = analysis::evaluate(&model, &scenario, &plan, &progress);
    if 0 < draws && !evaluation.report.run.partial {
        let setting = Setting { seed: scenario.run.seed, replications: worlds::EACH, jobs };
        let mut lab = Lab::new(setting, &progress, &Forgetful);
        explore(&wanted, &scenario, draws, &mut lab, &mut evaluation.report);
    }
    let (wall_s, timed_out) = watcher.finish();
    let report = &mut evaluation.report;
    report.warnings.splice(0..0, input::warnings(&reading));
    (report.scenario.text, report.scenario.command) = (input::text(&reading, &wanted), Some(command(&wanted)));
    report.meta = (!settings.no_meta).then(|| meta(report, jobs, wall_s));
    let outcome = Outcome { model, reading, evaluation, timed_out };
    show(args, &outcome, out)?;
    write(args, &wanted, &outcome, out)?;
    out.note(&speed(&outcome.evaluation.report, jobs, wall_s));
    Ok(exit(args, &outcome, out))
}

/// Draws the inputs that are intervals, and adds to the report what comes of it; nothing where the work is stopped.
fn explore(wanted: &Wanted, scenario: &Scenario, draws: u32, lab: &mut Lab<Forgetful>, report: &mut Report) {
    let drawn = worlds::draw(&scenario.uncertain, draws, lab.setting.seed);
    let explored = worlds::explore(&drawn, lab, |world| input::design(wanted, &world.sets));
    let Ok(explored) = explored else {
        report.run.partial = true;
        return;
    };
    let judged = uncertainty::judge(scenario, &drawn, &explored, report.run.replications);
    report.assumptions = uncertainty::ledger(&scenario.assumptions, &judged.inputs);
    report.uncertainty = Some(judged);
}

/// What forbids a run, as plain data.
fn errors(reading: &Reading) -> Vec<Plain> {
    let told = plain(&reading.found, &reading.sources).into_iter();
    told.filter(|_| reading.found.has_errors()).collect()
}

/// What the run is watched for: the tighter of the two time limits, and how far there is to go.
fn look_on(settings: &Settings, plan: &Plan, scenario: &Scenario, out: &Out) -> Result<Watch, Stop> {
    let timeout = settings.timeout.as_deref().map(seconds).transpose()?;
    let limit = [timeout, scenario.run.limit.wall_s].into_iter().flatten().reduce(f64::min);
    let seconds = match scenario.run.length {
        Length::Duration(seconds) => Some(seconds),
        Length::Requests(_) => None,
    };
    let (most, within) = (plan.precision.as_ref().map(|p| p.most), plan.precision.as_ref().map(|p| p.within));
    let goal = Goal { replications: most.unwrap_or(plan.replications), precision: within, seconds };
    let timeout = limit.map(Duration::from_secs_f64);
    Ok(Watch { goal, timeout, live: out.live, unicode: out.unicode, silent: 0 < out.quiet })
}

/// Flags become settings, so that they are checked and underlined like the text itself.
fn wanted(args: &Run, out: &mut Out) -> Result<Wanted, Stop> {
    let mut wanted = Wanted::new(&args.input.scenario, &args.input.changes, "<stdin>")?;
    let settings = &args.settings;
    wanted.sets.extend(settings.experiment.sets());
    wanted
        .sets
        .extend(settings.precision.as_ref().map(|share| format!("run.precision={{of: latency p99, within: {share}}}")));
    for rate in &args.rate {
        let set = match rate.split_once('=') {
            Some((load, rate)) => format!("load.{load}.rate={rate}"),
            None => format!("load.{}.rate={rate}", only_load(&wanted, out)?),
        };
        wanted.sets.push(set);
    }
    Ok(wanted)
}

/// The name of the only load of a scenario.
fn only_load(wanted: &Wanted, out: &mut Out) -> Result<String, Stop> {
    let reading = input::read(wanted);
    let Some(scenario) = &reading.scenario else {
        input::show(&reading, out);
        return Err(Stop::quiet(Exit::Bad));
    };
    let names: Vec<&str> = scenario.load.keys().map(String::as_str).collect();
    match names.as_slice() {
        [only] => Ok((*only).to_string()),
        _ => Err(Stop::usage(format!("--rate needs the name of a load, NAME=1200/s; there are {}", names.join(", ")))),
    }
}

/// Threads if nothing is said.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

pub(crate) fn seconds(text: &str) -> Result<f64, Stop> {
    let read = units::parse_as(text, Dimension::Time);
    read.map_err(|error| Stop::usage(format!("--timeout {text}: {}", error.message)))
}

/// A command that makes the same report again, with everything that flags and variables changed.
fn command(wanted: &Wanted) -> String {
    let words = ["plimsoll".to_owned(), "run".to_owned(), wanted.shown().to_owned()].into_iter();
    let variant = wanted.variant().map(|variant| ["--variant".to_owned(), variant.to_owned()]).into_iter().flatten();
    let sets = wanted.sets.iter().flat_map(|set| ["--set".to_owned(), set.clone()]);
    words.chain(variant).chain(sets).map(|word| shell::quoted(&word)).collect::<Vec<_>>().join(" ")
}

fn meta(report: &Report, jobs: usize, wall_s: f64) -> Meta {
    let engine = format!("plimsoll {}", env!("CARGO_PKG_VERSION"));
    Meta { engine, jobs: jobs as u32, wall_s, events_per_s: report.run.events as f64 / wall_s.max(1e-9) }
}

fn speed(report: &Report, jobs: usize, wall_s: f64) -> String {
    let events = human_count(report.run.events as f64);
    let threads = if jobs == 1 { "job" } else { "jobs" };
    let took = if wall_s < 60.0 { human_time(wall_s) } else { progress::since(wall_s as u64) };
    format!("  {took}, {events} events, {jobs} {threads}\n")
}

/// What goes to standard output.
fn show(args: &Run, outcome: &Outcome, out: &mut Out) -> Result<(), Stop> {
    let report = &outcome.evaluation.report;
    let format = format(args);
    let unicode = out.unicode && format != Format::Plain;
    let look = Look { width: out.width, unicode, verbose: out.verbose, trace: args.settings.trace };
    let text = match format {
        Format::Csv => rendered(outcome, Kind::Csv),
        Format::Github => github::report(report, outcome.reading.resolved.as_ref(), &outcome.reading.sources),
        other => render::shown(report, other, look, out.quiet).expect("all other formats are made of the report alone"),
    };
    out.print(&text)
}

fn format(args: &Run) -> Format {
    if args.json || args.settings.out.as_deref() == Some("-") { Format::Json } else { args.settings.format }
}

/// The files of the run, and those asked for by `--export`.
fn write(args: &Run, wanted: &Wanted, outcome: &Outcome, out: &mut Out) -> Result<(), Stop> {
    let folder = args.settings.out.as_deref();
    if !args.settings.no_files && folder != Some("-") {
        let folder = folder.map_or_else(|| Path::new("output").join(wanted.name()), PathBuf::from);
        let names = [("report.json", Kind::Json), ("timeseries.csv", Kind::Csv), ("latency.hgrm", Kind::Hgrm)];
        for (name, kind) in names {
            files::write(&folder.join(name), rendered(outcome, kind).as_bytes(), out)?;
        }
        render::pages(&folder, &outcome.evaluation.report, args.settings.charts, out)?;
    }
    for (kind, path) in &args.export {
        let text = rendered(outcome, *kind);
        if path == "-" {
            out.print(&text)?;
        } else {
            files::write(Path::new(path), text.as_bytes(), out)?;
        }
    }
    Ok(())
}

fn rendered(outcome: &Outcome, kind: Kind) -> String {
    let evaluation = &outcome.evaluation;
    match kind {
        Kind::Csv => csv::render(&outcome.model, &evaluation.records),
        Kind::Requests => csv::requests(&outcome.model, &evaluation.records),
        Kind::Hgrm => hgrm::render(&evaluation.latency),
        other => render::of_report(&evaluation.report, other).expect("all other kinds are made of the report alone"),
    }
}

fn exit(args: &Run, outcome: &Outcome, out: &mut Out) -> Exit {
    let report = &outcome.evaluation.report;
    if progress::is_interrupted() {
        return Exit::Interrupted;
    }
    let gate = match args.settings.fail_on {
        Some(FailOn::Objectives) if report.verdict == Verdict::Misses => Exit::No,
        Some(FailOn::Objectives) if report.verdict == Verdict::Undecided => undecided(args.settings.undecided, out),
        Some(FailOn::Warnings) if !report.warnings.is_empty() => Exit::No,
        _ => Exit::Done,
    };
    let is_partial = outcome.timed_out || report.run.partial;
    if gate == Exit::Done && is_partial { Exit::Undecided } else { gate }
}

fn undecided(means: Option<Undecided>, out: &mut Out) -> Exit {
    match means {
        None => Exit::Undecided,
        Some(Undecided::Fail) => Exit::No,
        Some(Undecided::Pass) => Exit::Done,
        Some(Undecided::Warn) => {
            out.note("warning: an objective is undecided; more replications may tell\n");
            Exit::Done
        }
    }
}

/// Runs, waits until a file of the scenario is saved, and runs again, until interrupted.
fn watch(args: &Run, out: &mut Out) -> Result<Exit, Stop> {
    loop {
        // Looked at before the run, so that what is saved while it runs is not missed.
        let files = input::read(&Wanted::new(&args.input.scenario, &args.input.changes, "<stdin>")?).files;
        let before = saved(&files);
        match once(args, out) {
            Ok(Exit::Interrupted) => return Ok(Exit::Interrupted),
            Ok(_) => {}
            // A mistake has been shown; the next save may mend it.
            Err(stop) if stop.exit == Exit::Bad && stop.message.is_empty() => {}
            Err(stop) => return Err(stop),
        }
        out.note(&format!("  watching {}; Ctrl-C ends\n", shown(&files)));
        while saved(&files) == before {
            if progress::is_interrupted() {
                return Ok(Exit::Interrupted);
            }
            std::thread::sleep(POLL);
        }
    }
}

/// The files of a scenario by name: `a.yaml and b.yaml`.
fn shown(files: &[PathBuf]) -> String {
    let mut names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    names.dedup();
    names.join(" and ")
}

/// When each file was last changed; a file that is just being replaced has no time.
fn saved(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| file.metadata().and_then(|about| about.modified()).ok()).collect()
}
