//! What all studies share: reading designs, remembering results between calls, watching the clock, writing files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::analysis::Progress;
use crate::analysis::axis::{Axis, Point, axis, grid};
use crate::analysis::design::{Base, Broken, Design};
use crate::analysis::lab::{Interrupted, Lab, Memory, Setting};
use crate::cli::args::study::Trials;
use crate::cli::args::{Charts, Format, Input};
use crate::cli::out::Out;
use crate::cli::part::{self, Parts};
use crate::cli::progress::{self, Goal, Watch, Watcher};
use crate::cli::run::{cores, seconds};
use crate::cli::{Exit, Stop, files, input, render, shell};
use crate::report::rows::Rows;
use crate::report::terminal::Look;
use crate::report::{json, saved};
use crate::scenario::Length;
use crate::text::Read;
use crate::units::{human_count, human_time};

/// Replications where the scenario would rather state a precision.
const INSTEAD_OF_PRECISION: u32 = 10;
/// What standard input is called.
const STDIN: &str = "<stdin>";

/// Files that are read once, however many designs come of them.
#[derive(Default)]
pub(crate) struct Library {
    texts: RefCell<BTreeMap<PathBuf, String>>,
    /// Files that were asked for since somebody looked.
    asked: RefCell<Vec<PathBuf>>,
}

impl Library {
    /// A library for these scenarios; standard input is read here if one of them is `-`.
    pub(crate) fn new(scenarios: &[String]) -> Result<Self, Stop> {
        let library = Library::default();
        if scenarios.iter().any(|scenario| scenario == "-") {
            library.texts.borrow_mut().insert(PathBuf::from(STDIN), input::read_stdin()?);
        }
        Ok(library)
    }

    /// The files that were asked for since the last call.
    pub(crate) fn asked_for(&self) -> Vec<PathBuf> {
        self.asked.take()
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<String> {
        self.asked.borrow_mut().push(path.to_path_buf());
        if let Some(text) = self.texts.borrow().get(path) {
            return Ok(text.clone());
        }
        let text = fs::read_to_string(path)?;
        self.texts.borrow_mut().insert(path.to_path_buf(), text.clone());
        Ok(text)
    }
}

/// A scenario as a base for designs, with the settings of the command line.
pub(crate) fn base<'a>(scenario: &str, trials: &Trials, sets: &[String], read: Read<'a>) -> Base<'a> {
    let path = if scenario == "-" { STDIN } else { scenario }.to_owned();
    let sets = [sets.to_vec(), trials.experiment.sets()].concat();
    Base { path, read, variant: None, sets }
}

/// The scenario of a study that looks at one.
pub(crate) fn base_of<'a>(input: &Input, trials: &Trials, read: Read<'a>) -> Base<'a> {
    let changes = &input.changes;
    Base { variant: changes.variant.clone(), ..base(&input.scenario, trials, &changes.sets, read) }
}

/// What `--vary` says, and the points of its grid.
pub(crate) fn grid_of(vary: &[String]) -> Result<(Vec<Axis>, Vec<Point>), Stop> {
    let axes: Vec<Axis> = vary.iter().map(|text| axis(text)).collect::<Result<_, _>>().map_err(Stop::usage)?;
    let points = grid(&axes).map_err(Stop::usage)?;
    Ok((axes, points))
}

/// The stem of a scenario's file: `05-caching`.
pub(crate) fn stem(scenario: &str) -> String {
    let stem = Path::new(scenario).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    if scenario == "-" { "stdin".to_owned() } else { stem.unwrap_or_else(|| scenario.to_owned()) }
}

/// Shows what forbids a design.
pub(crate) fn shown(broken: &Broken, out: &mut Out) -> Stop {
    let (width, colour, unicode) = (out.width.max(input::LEAST_WIDTH), out.colour_of_stderr(), out.unicode);
    out.tell(&crate::diagnostic::render(&broken.found, &broken.sources, width, colour, unicode));
    Stop::quiet(Exit::Bad)
}

/// How the designs of a study are simulated, if the first of them is one like the others.
pub(crate) fn setting(design: &Design, trials: &Trials) -> Setting {
    let run = &design.scenario.run;
    let replications = match &run.precision {
        Some(precision) => INSTEAD_OF_PRECISION.min(precision.most),
        None => run.replications,
    };
    Setting { seed: run.seed, replications, jobs: trials.experiment.jobs.map_or_else(cores, NonZero::get) }
}

/// Results of earlier calls, as files that this very program has written.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: Option<PathBuf>,
    /// Where several machines share the study.
    pub(crate) parts: Parts,
}

impl Shelf {
    pub(crate) fn new(trials: &Trials) -> Self {
        let root = trials.out.as_deref().map_or_else(|| PathBuf::from("output"), PathBuf::from);
        let folder = build().filter(|_| !trials.no_files).map(|build| root.join(".cache").join(build));
        Shelf { folder, parts: Parts::default() }
    }

    /// The same with the part of a shard, or with the parts that are merged.
    pub(crate) fn shared(trials: &Trials, parts: Parts) -> Self {
        Shelf { parts, ..Shelf::new(trials) }
    }
}

impl Memory for Shelf {
    fn fetch(&self, key: &str) -> Option<String> {
        if let Some(known) = self.parts.fetch(key) {
            return Some(known);
        }
        let document = fs::read_to_string(self.folder.as_ref()?.join(key).with_extension("json")).ok()?;
        self.parts.keep(key, &document);
        Some(document)
    }

    fn keep(&self, key: &str, document: &str) {
        self.parts.keep(key, document);
        let Some(folder) = &self.folder else { return };
        // What cannot be remembered is simulated again.
        let _ = files::replace(&folder.join(key).with_extension("json"), document.as_bytes());
    }
}

/// This build of the program: figures of another one are never taken for its own.
fn build() -> Option<String> {
    let about = std::env::current_exe().and_then(fs::metadata).ok()?;
    let made = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}-{:x}-{:x}", env!("CARGO_PKG_VERSION"), about.len(), made.as_nanos()))
}

/// A study under the eyes of a watcher.
pub(crate) struct Session {
    pub(crate) progress: Arc<Progress>,
    watcher: Watcher,
}

impl Session {
    /// Starts to watch; `replications` is how many there will be, as far as that is known.
    pub(crate) fn start(trials: &Trials, design: &Design, replications: u32, out: &Out) -> Result<Self, Stop> {
        let timeout = trials.timeout.as_deref().map(seconds).transpose()?.map(Duration::from_secs_f64);
        let seconds = match design.scenario.run.length {
            Length::Duration(seconds) => Some(seconds),
            Length::Requests(_) => None,
        };
        let goal = Goal { replications, precision: None, seconds };
        let watch = Watch { goal, timeout, live: out.live, unicode: out.unicode, silent: 0 < out.quiet };
        let progress = Arc::new(Progress::default());
        let watcher = Watcher::start(watch, Arc::clone(&progress));
        Ok(Session { progress, watcher })
    }

    /// Stops watching and says how long it took; an interrupted study has no result.
    pub(crate) fn finish<T>(self, result: Result<T, Interrupted>, simulated: u64, out: &mut Out) -> Result<T, Stop> {
        let (wall_s, timed_out) = self.watcher.finish();
        if let Ok(result) = result {
            let what = if simulated == 1 { "replication" } else { "replications" };
            let took = if wall_s < 60.0 { human_time(wall_s) } else { progress::since(wall_s as u64) };
            out.note(&format!("  {took}, {} {what} simulated\n", human_count(simulated as f64)));
            return Ok(result);
        }
        let exit = if progress::is_interrupted() || !timed_out { Exit::Interrupted } else { Exit::Undecided };
        out.note("  stopped; what was finished is remembered, and the same command goes on from there\n");
        Err(Stop::quiet(exit))
    }
}

/// The format that was asked for, if it is among those of the verb.
pub(crate) fn format(trials: &Trials, known: &[Format], verb: &str) -> Result<Format, Stop> {
    let format = if trials.json || trials.out.as_deref() == Some("-") { Format::Json } else { trials.format };
    let name = |format: &Format| format!("{format:?}").to_lowercase();
    if known.contains(&format) {
        return Ok(format);
    }
    let names: Vec<String> = known.iter().map(name).collect();
    Err(Stop::usage(format!("`{verb}` prints {}, not {}", names.join(", "), name(&format))))
}

/// Reads the scenario of a study that looks at one, and does what there is to do with it.
pub(crate) fn looking_at<T>(
    input: &Input,
    trials: &Trials,
    out: &mut Out,
    work: impl FnOnce(&Base, Design, &mut Out) -> Result<T, Stop>,
) -> Result<T, Stop> {
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&input.scenario))?;
    let read = |path: &Path| library.read(path);
    let base = base_of(input, trials, &read);
    let whole = base.design(&stem(&input.scenario), &[]).map_err(|broken| shown(&broken, out))?;
    work(&base, whole, out)
}

/// Simulates under the eyes of a watcher; `runs` is how many replications there will be, as far as that is known.
pub(crate) fn simulated<T>(
    trials: &Trials,
    whole: &Design,
    runs: u32,
    out: &mut Out,
    work: impl FnOnce(&mut Lab<'_, Shelf>) -> Result<T, Interrupted>,
) -> Result<T, Stop> {
    let session = Session::start(trials, whole, runs, out)?;
    let (shelf, shared) = (Shelf::new(trials), Arc::clone(&session.progress));
    let mut lab = Lab::new(setting(whole, trials), &shared, &shelf);
    let done = work(&mut lab);
    session.finish(done, lab.simulated, out)
}

/// How the document of a study is shown to those who do not read JSON.
pub(crate) struct Faces<D> {
    pub(crate) rows: fn(&D) -> Rows,
    pub(crate) markdown: fn(&D) -> String,
    pub(crate) line: fn(&D, Look) -> String,
    pub(crate) human: fn(&D, Look) -> String,
}

impl<D: serde::Serialize> Faces<D> {
    /// Prints a document in a format.
    pub(crate) fn show(&self, found: &D, format: Format, out: &mut Out) -> Result<(), Stop> {
        let text = self.text(found, format, out);
        out.print(&text.expect("a verb knows its formats"))
    }

    /// A document in a format; `None` for formats that no study has in common with others.
    pub(crate) fn text(&self, found: &D, format: Format, out: &Out) -> Option<String> {
        let look = look(out, format);
        match format {
            Format::Json | Format::Jsonl => Some(document(found, format)),
            Format::Csv => Some((self.rows)(found).csv()),
            Format::Markdown => Some((self.markdown)(found)),
            Format::Github | Format::Junit => None,
            Format::Human | Format::Plain if out.quiet == 1 => Some(human(&(self.line)(found, look), format, out)),
            Format::Human | Format::Plain => Some(human(&(self.human)(found, look), format, out)),
        }
    }
}

/// How text for people looks.
pub(crate) fn look(out: &Out, format: Format) -> Look {
    Look { width: out.width, unicode: out.unicode && format != Format::Plain, verbose: out.verbose, trace: 0 }
}

/// Text for people: without colour for `plain`, and nothing if asked to be silent.
pub(crate) fn human(text: &str, format: Format, out: &Out) -> String {
    match format {
        _ if 1 < out.quiet => String::new(),
        Format::Plain => anstream::adapter::strip_str(text).to_string(),
        _ => text.to_owned(),
    }
}

/// Prints text for people.
pub(crate) fn print_human(text: &str, format: Format, out: &mut Out) -> Result<(), Stop> {
    let text = human(text, format, out);
    out.print(&text)
}

/// The command, without what differs from machine to machine; of a merge, what its parts were asked.
pub(crate) fn command(trials: &Trials) -> String {
    let asked = if trials.asked.is_empty() { part::asked() } else { trials.asked.clone() };
    let words = std::iter::once("plimsoll".to_owned()).chain(asked.iter().map(|word| shell::quoted(word)));
    words.collect::<Vec<_>>().join(" ")
}

/// Where the files of a study go.
pub(crate) fn folder(trials: &Trials, name: &str) -> PathBuf {
    trials.out.as_deref().map_or_else(|| Path::new("output").join(name), PathBuf::from)
}

/// Writes the files of a study, each a name and its text.
pub(crate) fn write(trials: &Trials, name: &str, written: &[(&str, String)], out: &mut Out) -> Result<(), Stop> {
    if !has_files(trials) {
        return Ok(());
    }
    let folder = folder(trials, name);
    for (file, text) in written {
        files::write(&folder.join(file), text.as_bytes(), out)?;
    }
    Ok(())
}

/// Writes the page and the pictures of a document that was written as this text, from nothing but the text.
pub(crate) fn show_again(trials: &Trials, name: &str, text: &str, charts: Charts, out: &mut Out) -> Result<(), Stop> {
    if !has_files(trials) {
        return Ok(());
    }
    let saved = saved::read(text).expect("what is written can be read");
    render::of_study(&folder(trials, name), &saved, charts, out)
}

/// Whether files are written at all.
fn has_files(trials: &Trials) -> bool {
    !trials.no_files && trials.out.as_deref() != Some("-")
}

/// A document of a study on standard output.
pub(crate) fn document(document: &impl serde::Serialize, format: Format) -> String {
    if format == Format::Jsonl { json::line(document) + "\n" } else { json::pretty(document) }
}
