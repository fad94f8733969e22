//! The hands: everything that reads files, clocks and the environment, and everything that prints.
//!
//! A verb is a function from its arguments and an [`Out`] to an [`Exit`]; what stops it early is a [`Stop`]. Results go to
//! standard output; diagnostics, progress and "wrote ..." go to standard error. What can go wrong: a reader that goes away
//! (`| head`) is no mistake of ours and ends quietly; a file that cannot be written is exit code 74; a panic is a bug, and
//! the message says how to replay it.

pub mod args;
mod capacity;
mod check;
mod compare;
mod complete;
mod config;
mod estimate;
mod explain;
mod files;
mod github;
mod grid;
mod init;
mod input;
mod journey;
mod out;
mod part;
mod plan;
mod pages;
mod progress;
mod render;
mod run;
mod saved;
mod schema;
mod shell;
mod size;
mod study;
mod sweep;
mod validate;
mod walkthrough;

use std::io::Write;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::cli::args::{Arguments, ConfigVerb, Verb};
use crate::cli::config::Config;
use crate::cli::out::{Out, variable};
use crate::diagnostic::nearest;

/// How a verb ended; `plimsoll help exit-codes` is its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and every gate that was asked for passed.
    Done,
    /// Done, and the answer is no.
    No,
    /// Bad usage or a bad scenario.
    Bad,
    /// Undecided within the budget, or partial.
    Undecided,
    /// There is nothing to check.
    Nothing,
    /// An output could not be written.
    CannotWrite,
    /// Stopped by the user.
    Interrupted,
}

impl Exit {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Bad => 2,
            Exit::Undecided => 3,
            Exit::Nothing => 4,
            Exit::CannotWrite => 74,
            Exit::Interrupted => 130,
        }
    }
}

/// What `plimsoll help exit-codes` prints.
pub const EXIT_CODES: &str = "\
Exit codes

    0  done; every gate that was asked for passed
    1  done; the answer is no: an objective is missed (`run --fail-on objectives`), a warning stands
       (`run --fail-on warnings`, `validate --strict`), a design is worse (`compare --fail-on regression`),
       a rule fails (`check`), or no load and no design keeps to the objectives (`capacity`, `size`)
    2  bad usage, or a bad scenario: nothing was simulated
    3  undecided (the interval straddles the limit) under `run --fail-on objectives`, unless
       `--undecided fail|warn|pass` makes it 1 or 0; or partial (`--timeout`, or a limit of the scenario,
       stopped the run early); under `check` also a rule that is undecided, under `merge` a part that is missing
    4  nothing to check: no file matched, or none states an objective or has a baseline
   74  an output file could not be written
  101  a bug in plimsoll; the message says how to replay it
  130  interrupted; what was finished is reported and marked as partial

`run` exits with 0 when the simulation ran, even if an objective is missed: it is for exploring.
";

/// What ends a verb early.
#[derive(Debug)]
pub struct Stop {
    exit: Exit,
    message: String,
}

impl Stop {
    /// A mistake of usage, told in lower case without a full stop.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Stop { exit: Exit::Bad, message: message.into() }
    }

    /// Everything has been said already.
    pub(crate) fn quiet(exit: Exit) -> Self {
        Stop { exit, message: String::new() }
    }

    /// An output that could not be written.
    pub(crate) fn cannot_write(what: &str, error: &std::io::Error) -> Self {
        Stop { exit: Exit::CannotWrite, message: format!("cannot write {what}: {error}") }
    }
}

/// Parses the command line, does what it asks, and turns the outcome into an exit code.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report_bug));
    if let Some(code) = complete::answer() {
        return code;
    }
    let parsed = command().try_get_matches().and_then(|found| Ok((Arguments::from_arg_matches(&found)?, found)));
    let (arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return misused(&error),
    };
    let mut out = Out::new(&arguments.shared);
    let exit = match settled(arguments, &matches, &mut out) {
        Ok(exit) => exit,
        Err(stop) => {
            if !stop.message.is_empty() {
                out.error(&stop.message);
            }
            stop.exit
        }
    };
    ExitCode::from(exit.code())
}

/// The command line; a variable that is set but empty is as good as not set.
pub(crate) fn command() -> Command {
    fn without_empty(command: Command) -> Command {
        let command = command.mut_args(|arg| {
            let is_empty = arg.get_env().and_then(std::ffi::OsStr::to_str).is_some_and(|name| variable(name).is_none());
            if is_empty { arg.env(None::<&str>) } else { arg }
        });
        command.mut_subcommands(without_empty)
    }
    without_empty(Arguments::command())
}

/// Adds what configuration files say, and does what is asked.
fn settled(arguments: Arguments, matches: &ArgMatches, out: &mut Out) -> Result<Exit, Stop> {
    let (arguments, matches, config) = config::settle(arguments, matches, out)?;
    *out = Out::new(&arguments.shared);
    perform(&arguments.verb, &matches, &config, out)
}

/// Help and version are asked for, all else is a mistake; clap's own advice is short of some neighbours.
fn misused(error: &clap::Error) -> ExitCode {
    // A reader that has gone away does not want our help text.
    let _ = error.print();
    if let Some(verb) = nearest_verb(error) {
        let _ = writeln!(anstream::stderr().lock(), "did you mean `plimsoll {verb}`?");
    }
    ExitCode::from(error.exit_code() as u8)
}

fn nearest_verb(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(written)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let program = command();
    let verbs: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
    let known = error.get(ContextKind::SuggestedSubcommand).is_none();
    nearest(written, verbs).filter(|_| known).map(str::to_string)
}

fn perform(verb: &Verb, matches: &ArgMatches, config: &Config, out: &mut Out) -> Result<Exit, Stop> {
    match verb {
        Verb::Run(args) => run::run(args, out),
        Verb::Compare(args) => compare::compare(args, out),
        Verb::Sweep(args) => sweep::sweep(args, out),
        Verb::Capacity(args) => capacity::capacity(args, out),
        Verb::Size(args) => size::size(args, out),
        Verb::Advise(args) => size::advise(args, out),
        Verb::Plan(args) => plan::plan(args, out),
        Verb::Estimate(args) => estimate::estimate(args, out),
        Verb::Journey(args) => journey::journey(args, out),
        Verb::Walkthrough(args) => walkthrough::walkthrough(args, out),
        Verb::Check(args) => check::check(args, out),
        Verb::Baseline(args) => check::baselines(args, out),
        Verb::Merge(args) => merge(args, matches, config, out),
        Verb::Validate(args) => validate::validate(args, out),
        Verb::Report(args) => saved::report(args, out),
        Verb::Schema(args) => schema::schema(args, out),
        Verb::Explain(args) => explain::explain(args, out),
        Verb::Init(args) => init::init(args, out),
        Verb::Config(args) => {
            let ConfigVerb::Show(args) = &args.verb;
            config::show::show(args, matches, config, out)
        }
        Verb::Completions(args) => shell::completions(args, out),
        Verb::Man(args) => shell::man(args, out),
        Verb::Help(args) => shell::help(args, out),
    }
}

/// Puts parts together: rows of a sweep, or the evaluations of another study, which is asked again.
fn merge(args: &args::study::Merge, matches: &ArgMatches, config: &Config, out: &mut Out) -> Result<Exit, Stop> {
    if !args.parts.first().is_some_and(|path| part::is_part(path)) {
        return sweep::merge(args, out);
    }
    match part::merge(args, out)? {
        (verb, Exit::Done) => perform(&verb, matches, config, out),
        (_, exit) => Ok(exit),
    }
}

/// A panic is a bug: say so, and how to see it again.
fn report_bug(info: &PanicHookInfo<'_>) {
    let said = info
        .payload()
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| info.payload().downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_string());
    let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
    let command: Vec<String> = std::env::args().skip(1).map(|word| shell::quoted(&word)).collect();
    let mut stderr = anstream::stderr().lock();
    // Nothing is left to tell anybody if even this cannot be written.
    let _ = writeln!(
        stderr,
        "plimsoll has a bug: {said}\n  at      {place}\n  version {}\n  replay  plimsoll {}\n\
         please report it with this text, the scenario (`plimsoll validate --resolved FILE`) and the seed (42 unless \
         `run.seed` or --seed says otherwise)",
        env!("CARGO_PKG_VERSION"),
        command.join(" ")
    );
}
