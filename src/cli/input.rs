//! From what was typed to a model: files are read, mistakes are shown.

use std::cell::RefCell;
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use crate::analysis::design::{Base, Design};
use crate::cli::args::Changes;
use crate::cli::out::Out;
use crate::cli::{Exit, Stop};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Sources, plain, render};
use crate::model::Model;
use crate::model::compile::compile;
use crate::report::Warning;
use crate::scenario::Scenario;
use crate::scenario::root::{Given, load};
use crate::text::{self, Node};

/// Columns at the least for source text with its carets.
pub(crate) const LEAST_WIDTH: usize = 80;

/// What to read, and what to change in it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// A path, or `-` for standard input.
    pub(crate) scenario: String,
    /// Standard input, which can be read only once.
    stdin: Option<String>,
    /// The name under which standard input is shown.
    stdin_name: String,
    variant: Option<String>,
    /// `PATH=VALUE`; later ones win.
    pub(crate) sets: Vec<String>,
}

impl Wanted {
    /// A scenario as it stands in its file, or `-`, of which nothing is read.
    pub(crate) fn of(scenario: &str) -> Self {
        let stdin_name = "<stdin>".to_string();
        Wanted { scenario: scenario.to_string(), stdin: None, stdin_name, variant: None, sets: Vec::new() }
    }

    /// What the flags of a verb ask for; standard input is read here.
    pub(crate) fn new(scenario: &str, changes: &Changes, stdin_name: &str) -> Result<Self, Stop> {
        let stdin = if scenario == "-" { Some(read_stdin()?) } else { None };
        let (variant, sets) = (changes.variant.clone(), changes.sets.clone());
        Ok(Wanted { scenario: scenario.to_string(), stdin, stdin_name: stdin_name.to_string(), variant, sets })
    }

    /// The name under which people know it.
    pub(crate) fn shown(&self) -> &str {
        if self.stdin.is_some() { &self.stdin_name } else { &self.scenario }
    }

    /// The variant that was asked for.
    pub(crate) fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// Stem of the files this run writes: `03-load-balancer`, `03-load-balancer-twenty`.
    pub(crate) fn name(&self) -> String {
        let stem = match self.scenario.as_str() {
            "-" => "stdin".to_string(),
            path => {
                Path::new(path).file_stem().map_or_else(|| "scenario".to_string(), |s| s.to_string_lossy().to_string())
            }
        };
        self.variant.as_ref().map_or(stem.clone(), |variant| format!("{stem}-{variant}"))
    }
}

/// A scenario that was read, as far as it could be, and everything to say about it.
pub(crate) struct Reading {
    pub(crate) scenario: Option<Scenario>,
    /// The text with everything merged and worked out.
    pub(crate) resolved: Option<Node>,
    pub(crate) model: Option<Model>,
    pub(crate) sources: Sources,
    pub(crate) found: Diagnostics,
    /// Files that were opened.
    pub(crate) files: Vec<PathBuf>,
}

/// The same with the mistakes of all variants the file offers, each told once.
pub(crate) fn read_with_variants(wanted: &Wanted) -> Reading {
    let mut reading = read(wanted);
    let offered = reading.scenario.as_ref().map_or_else(Vec::new, |scenario| scenario.variants.clone());
    let open = |path: &Path| match &wanted.stdin {
        Some(text) if path == Path::new(&wanted.stdin_name) => Ok(text.clone()),
        _ => fs::read_to_string(path),
    };
    let path = if wanted.stdin.is_some() { &wanted.stdin_name } else { &wanted.scenario };
    for variant in offered.iter().filter(|_| wanted.variant.is_none()) {
        let given = Given { path, read: &open, sets: &wanted.sets, variant: Some(variant) };
        let mut told = Diagnostics::new();
        let loaded = load(&given, &mut reading.sources, &mut told);
        loaded.and_then(|(scenario, _)| compile(&scenario, &mut told));
        add_new(&mut reading.found, &told, variant, &reading.sources);
    }
    reading
}

/// Reads, lowers and compiles; mistakes are kept, not shown.
pub(crate) fn read(wanted: &Wanted) -> Reading {
    let mut reading = read_once(wanted);
    let of_lets = |found: &Diagnostics| -> Vec<String> {
        found.iter().filter(|d| d.code == Code::UnusedLet).map(|d| d.message.clone()).collect()
    };
    if !wanted.sets.is_empty() && !of_lets(&reading.found).is_empty() {
        // A named value that only a setting of the command line has put out of use (`--rate` in place of `$users`) is no
        // slip of the author's; one that the file itself does not use is.
        let slips = of_lets(&read_once(&Wanted { sets: Vec::new(), ..wanted.clone() }).found);
        let mut found = Diagnostics::new();
        let stays = |d: &&Diagnostic| d.code != Code::UnusedLet || slips.contains(&d.message);
        reading.found.iter().filter(stays).for_each(|d| found.push(d.clone()));
        reading.found = found;
    }
    reading
}

fn read_once(wanted: &Wanted) -> Reading {
    let files = RefCell::new(Vec::new());
    let open = |path: &Path| match &wanted.stdin {
        Some(text) if path == Path::new(&wanted.stdin_name) => Ok(text.clone()),
        _ => {
            files.borrow_mut().push(path.to_path_buf());
            fs::read_to_string(path)
        }
    };
    let given = Given { path: wanted.shown(), read: &open, sets: &wanted.sets, variant: wanted.variant.as_deref() };
    let (mut sources, mut found) = (Sources::default(), Diagnostics::new());
    let (scenario, resolved) = load(&given, &mut sources, &mut found).unzip();
    let model = scenario.as_ref().and_then(|scenario| compile(scenario, &mut found));
    Reading { scenario, resolved, model, sources, found, files: files.into_inner() }
}

/// The design that further settings make of it, if they make one.
pub(crate) fn design(wanted: &Wanted, more: &[String]) -> Option<Design> {
    let open = |path: &Path| match &wanted.stdin {
        Some(text) if path == Path::new(&wanted.stdin_name) => Ok(text.clone()),
        _ => fs::read_to_string(path),
    };
    let (path, sets) = (wanted.shown().to_owned(), wanted.sets.clone());
    Base { path, read: &open, variant: wanted.variant.clone(), sets }.design(&wanted.name(), more).ok()
}

/// Adds the mistakes of a variant that were not told before; the texts may have been read again since.
fn add_new(found: &mut Diagnostics, told: &Diagnostics, variant: &str, sources: &Sources) {
    let known = plain(found, sources);
    let errors = told.iter().filter(|told| told.severity == Severity::Error);
    for error in errors {
        let mut one = Diagnostics::new();
        one.push(error.clone());
        let is_known = plain(&one, sources).iter().all(|new| {
            known.iter().any(|old| {
                (new.code, &new.file, new.line, new.column, &new.message)
                    == (old.code, &old.file, old.line, old.column, &old.message)
            })
        });
        if !is_known {
            found.push(error.clone().note(format!("in the variant `{variant}`")));
        }
    }
}

/// The same for a run: shows what is wrong, and stops if nothing can be simulated.
pub(crate) fn prepare(wanted: &Wanted, out: &mut Out) -> Result<(Scenario, Model, Reading), Stop> {
    let mut reading = read(wanted);
    // Warnings stand in the report; where they come from is for those who ask.
    if reading.found.has_errors() || 0 < out.verbose {
        show(&reading, out);
    }
    match (reading.scenario.take(), reading.model.take()) {
        (Some(scenario), Some(model)) if !reading.found.has_errors() => Ok((scenario, model, reading)),
        _ => Err(Stop::quiet(Exit::Bad)),
    }
}

/// Shows all mistakes on standard error, with their places.
pub(crate) fn show(reading: &Reading, out: &mut Out) {
    let text =
        render(&reading.found, &reading.sources, out.width.max(LEAST_WIDTH), out.colour_of_stderr(), out.unicode);
    out.tell(&text);
}

/// The scenario in one piece: as it was written where it is one file that nobody has changed, else with all that it
/// extends and all that was changed.
pub(crate) fn text(reading: &Reading, wanted: &Wanted) -> Option<String> {
    let is_as_written = reading.files.len() <= 1 && wanted.sets.is_empty() && wanted.variant.is_none();
    let written = reading.sources.find(wanted.shown()).filter(|_| is_as_written);
    let whole = || reading.resolved.as_ref().map(text::to_yaml);
    written.map(|file| reading.sources.text(file).to_owned()).or_else(whole)
}

/// Warnings of meaning belong in the report too.
pub(crate) fn warnings(reading: &Reading) -> Vec<Warning> {
    let told = plain(&reading.found, &reading.sources).into_iter();
    told.map(|d| Warning { code: d.code.to_string(), message: d.message, help: d.help }).collect()
}

pub(crate) fn read_stdin() -> Result<String, Stop> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let help = "`-` reads a scenario from standard input, which is a terminal; name a file instead";
        let usage = crate::cli::command().render_help();
        return Err(Stop::usage(format!("{help}\n\n{usage}")));
    }
    let mut text = String::new();
    stdin
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Stop::usage(format!("cannot read standard input: {error}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(scenario: &str, variant: Option<&str>) -> Wanted {
        Wanted { variant: variant.map(str::to_string), ..Wanted::of(scenario) }
    }

    #[test]
    fn files_are_named_after_the_scenario_and_its_variant() {
        assert_eq!(wanted("scenarios/03-load-balancer.yaml", None).name(), "03-load-balancer");
        assert_eq!(wanted("scenarios/03-load-balancer.yaml", Some("twenty")).name(), "03-load-balancer-twenty");
        assert_eq!(wanted("-", None).name(), "stdin");
    }
}
