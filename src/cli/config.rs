//! Settings that need no flag: `plimsoll.toml` of a project, and the user's own file.
//!
//! Flags win over `PLIMSOLL_*` variables, these over `plimsoll.toml` (found upward from the scenario, at most up to the
//! folder with `.git`), this over `$XDG_CONFIG_HOME/plimsoll/config.toml`, and all of them over the scenario. What files
//! say becomes the default of the flag of the same name, so that one parser decides. A mistake in a file is told like one
//! in a scenario: with its place, all at once, and before anything runs.

pub(crate) mod show;
mod toml;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};

use crate::cli::args::{Arguments, ConfigVerb, Verb};
use crate::cli::out::{Out, variable};
use crate::cli::{Exit, Stop};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Sources, Spot, Spotted, render};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::text::Node;
use crate::units::UnitError;

const FILE: &str = "plimsoll.toml";

/// Written out twice, as a file and as a profile in it have the same settings.
macro_rules! table {
    ($name:ident, $title:literal, $about:literal, $more:expr) => {
        pub(crate) static $name: Table = Table {
            name: $title,
            about: $about,
            fields: &[
                Field::new("seed", Shape::Count, "7", "First seed of all randomness").or("42"),
                Field::new("jobs", Shape::Count, "4", "Threads; never changes results"),
                Field::new("replications", Shape::Count, "10", "Independent repetitions").or("5"),
                Field::new("precision", Shape::Share, "5%", "Repeat until the interval of the p99 is so narrow"),
                Field::new("duration", Shape::Time, "2m", "Simulated time"),
                Field::new(
                    "warmup",
                    Shape::OneOf(&[Shape::Time, Shape::Word(&["auto", "none"])]),
                    "30s",
                    "What is cut off before measuring",
                )
                .or("auto"),
                Field::new("format", Shape::Word(FORMATS), "json", "Format of `run` on standard output").or("human"),
                Field::new("out", Shape::Text, "results", "Where files go, from the current directory"),
                Field::new(
                    "charts",
                    Shape::Word(&["none", "svg", "png", "all"]),
                    "all",
                    "How charts are written beside the report",
                )
                .or("svg"),
                Field::new("no-files", Shape::Bool, "true", "Write no files").or("false"),
                Field::new("no-meta", Shape::Bool, "true", "Leave out of the JSON what differs from run to run")
                    .or("false"),
                Field::new("timeout", Shape::Time, "60s", "Stop after so much real time, and report what there is"),
                Field::new(
                    "fail-on",
                    Shape::Word(&["objectives", "warnings"]),
                    "objectives",
                    "What makes `run` exit with 1",
                ),
                Field::new(
                    "undecided",
                    Shape::Word(&["fail", "warn", "pass"]),
                    "fail",
                    "What an undecided objective is under `fail-on`",
                ),
                Field::new("trace", Shape::Count, "3", "How many of the slowest requests are shown").or("0"),
                Field::new("strict", Shape::Bool, "true", "`validate`: warnings fail, too").or("false"),
                Field::new("color", Shape::Word(&["auto", "always", "never"]), "never", "Colour the output").or("auto"),
                $more,
            ],
        };
    };
}

const FORMATS: &[&str] = &["human", "plain", "json", "jsonl", "csv", "markdown", "github", "junit"];

table!(
    CONFIGURATION,
    "configuration",
    "Settings of the command line; each is called like its flag",
    Field::new("profile", Shape::MapOf(&Shape::Object(&PROFILE)), "{}", "Settings that `--profile NAME` puts on top")
);
table!(
    PROFILE,
    "profile",
    "Settings that hold where the profile is asked for",
    Field::new("inherits", Shape::Text, "ci", "The profile it builds on")
);

/// Fields of the tables that are no settings.
const STRUCTURE: [&str; 2] = ["profile", "inherits"];

/// One setting as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    /// As the flag would be given it.
    value: String,
    /// `plimsoll.toml:3`, with its profile.
    origin: String,
}

/// What all files together say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// By the name of the setting.
    given: BTreeMap<&'static str, Given>,
    /// Files that were read, the nearest first.
    files: Vec<String>,
}

/// Texts and mistakes on the way, and the settings of each file and profile.
#[derive(Default)]
struct Desk {
    sources: Sources,
    found: Diagnostics,
    files: Vec<Layer>,
}

/// A file as it was read.
struct Layer {
    settings: BTreeMap<&'static str, Given>,
    profiles: Vec<Profile>,
}

struct Profile {
    name: String,
    inherits: Option<Spotted<String>>,
    settings: BTreeMap<&'static str, Given>,
}

/// Reads what the files say to this command line, and what it comes to with them.
pub(crate) fn settle(
    arguments: Arguments,
    matches: &ArgMatches,
    out: &mut Out,
) -> Result<(Arguments, ArgMatches, Config), Stop> {
    contradictions(matches)?;
    let config = match concerned(&arguments.verb) {
        Some(near) => read(&arguments, near, out)?,
        None => Config::default(),
    };
    if config.given.is_empty() {
        return Ok((arguments, matches.clone(), config));
    }
    let command = with_defaults(crate::cli::command(), &config, matches);
    let settled = command.try_get_matches().and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    let (arguments, matches) = settled.map_err(|error| Stop::usage(error.to_string()))?;
    Ok((arguments, matches, config))
}

/// Flags that exclude each other; what variables and files say gives way to flags, so that only flags can contradict.
fn contradictions(matches: &ArgMatches) -> Result<(), Stop> {
    let verb = innermost(matches);
    for (one, other) in [("json", "format"), ("no_files", "out")] {
        let is_typed = |id| source(verb, id) == Some(ValueSource::CommandLine);
        if is_typed(one) && is_typed(other) {
            let one = one.replace('_', "-");
            return Err(Stop::usage(format!("--{one} and --{other} exclude each other")));
        }
    }
    Ok(())
}

/// The words of the innermost verb.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| innermost(inner))
}

/// Where the value of an argument comes from, if the verb has such an argument at all.
fn source(verb: &ArgMatches, id: &str) -> Option<ValueSource> {
    verb.try_contains_id(id).ok().and_then(|_| verb.value_source(id))
}

/// The scenario near which a configuration is looked for (`-` is the current directory), if the verb has settings.
fn concerned(verb: &Verb) -> Option<&str> {
    match verb {
        Verb::Run(run) => Some(&run.input.scenario),
        Verb::Compare(compare) => compare.scenarios.first().map(String::as_str),
        Verb::Sweep(sweep) => Some(&sweep.input.scenario),
        Verb::Capacity(capacity) => Some(&capacity.input.scenario),
        Verb::Size(size) => Some(&size.input.scenario),
        Verb::Advise(advise) => Some(&advise.input.scenario),
        Verb::Plan(plan) => Some(&plan.input.scenario),
        Verb::Estimate(estimate) => Some(&estimate.input.scenario),
        Verb::Journey(journey) => Some(&journey.ladder),
        Verb::Walkthrough(walkthrough) => Some(&walkthrough.input.scenario),
        Verb::Check(check) => check.paths.first().map(String::as_str),
        Verb::Validate(validate) => validate.scenarios.first().map(String::as_str),
        Verb::Config(config) => {
            let ConfigVerb::Show(show) = &config.verb;
            Some(show.scenario.as_deref().unwrap_or("-"))
        }
        _ => None,
    }
}

/// The names of all profiles of the files near a scenario.
pub(crate) fn profiles(scenario: Option<&str>) -> Vec<String> {
    let mut desk = Desk::default();
    for path in [upward(scenario.unwrap_or("-")), own()].into_iter().flatten() {
        desk.read(&path, None);
    }
    desk.files.iter().flat_map(|file| &file.profiles).map(|profile| profile.name.clone()).collect()
}

fn read(arguments: &Arguments, near: &str, out: &mut Out) -> Result<Config, Stop> {
    let mut desk = Desk::default();
    let mut config = Config::default();
    let shared = &arguments.shared;
    let project = shared.config.as_deref().map(PathBuf::from).or_else(|| upward(near));
    for path in [project, own()].into_iter().flatten() {
        config.files.push(path.display().to_string());
        desk.read(&path, shared.config.as_deref());
    }
    for file in desk.files.iter().rev() {
        config.given.extend(file.settings.clone());
    }
    if let Some(name) = &shared.profile {
        let file = desk.sources.add("--profile".to_owned(), name.clone());
        let asked = Spotted::new(name.clone(), Spot::new(file, 0, name.len()));
        config.given.extend(desk.profile(&asked, &mut Vec::new()));
    }
    let told = render(&desk.found, &desk.sources, out.width, out.colour_of_stderr(), out.unicode);
    out.tell(&told);
    if desk.found.has_errors() { Err(Stop::quiet(Exit::Bad)) } else { Ok(config) }
}

/// The nearest `plimsoll.toml` at or above a scenario; beyond the root of a repository begins somebody else's project.
fn upward(scenario: &str) -> Option<PathBuf> {
    let here = std::env::current_dir().and_then(fs::canonicalize).ok()?;
    let start = if scenario == "-" { here.clone() } else { here.join(Path::new(scenario).parent()?) };
    for folder in fs::canonicalize(start).ok()?.ancestors() {
        let file = folder.join(FILE);
        if file.is_file() {
            // As people would write it from where they stand.
            let up =
                here.ancestors().position(|above| above == folder).map(|up| Path::new(&"../".repeat(up)).join(FILE));
            return Some(up.or_else(|| file.strip_prefix(&here).map(Path::to_path_buf).ok()).unwrap_or(file));
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// The user's own file, if there is one.
fn own() -> Option<PathBuf> {
    let home = || variable("HOME").map(|home| Path::new(&home).join(".config"));
    let folder = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
    Some(folder.join("plimsoll/config.toml")).filter(|file| file.is_file())
}

impl Desk {
    /// Reads one file; `asked` is what `--config` named, if that is where the path comes from.
    fn read(&mut self, path: &Path, asked: Option<&str>) {
        let name = path.display().to_string();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let file = self.sources.add(name.clone(), String::new());
                let message = format!("cannot read `{name}`: {error}");
                let told = Diagnostic::new(Code::FileNotFound, Spot::new(file, 0, 0), message);
                let help = asked.filter(|asked| *asked == name).map(|_| "it is named by --config or PLIMSOLL_CONFIG");
                self.found.push(match help {
                    Some(help) => told.help(help),
                    None => told,
                });
                return;
            }
        };
        let file = self.sources.add(name, text.clone());
        let Some(tree) = toml::parse(&text, file, &mut self.found) else { return };
        let settings = self.settings(&tree, Spot::new(file, 0, 0), &CONFIGURATION, "");
        let mut profiles = Vec::new();
        for (name, node) in tree.get("profile").and_then(Node::as_map).unwrap_or_default() {
            let settings = self.settings(node, name.spot, &PROFILE, &name.value);
            let inherits = node.get("inherits").and_then(|node| Some((node.as_text()?, node)));
            let inherits = inherits.map(|(text, node)| Spotted::new(text.to_owned(), node.part(0, text.len())));
            profiles.push(Profile { name: name.value.clone(), inherits, settings });
        }
        self.files.push(Layer { settings, profiles });
    }

    /// The settings of one table, each checked.
    fn settings(
        &mut self,
        node: &Node,
        owner: Spot,
        table: &'static Table,
        profile: &str,
    ) -> BTreeMap<&'static str, Given> {
        let mut reader = Reader::new(owner, node, table, &mut self.found);
        if table.field("profile").is_some() {
            reader.map("profile");
        } else {
            reader.text("inherits");
        }
        let mut values = Vec::new();
        for field in table.fields.iter().filter(|field| !STRUCTURE.contains(&field.name)) {
            let place = reader.key(field.name);
            values.extend(value(&mut reader, field).map(|value| (field.name, value, place)));
        }
        let origin = |place: Spot| {
            let (line, _) = self.sources.line_column(place);
            let place = format!("{}:{line}", self.sources.name(place.file));
            if profile.is_empty() { place } else { format!("profile {profile}, {place}") }
        };
        values.into_iter().map(|(name, value, place)| (name, Given { value, origin: origin(place) })).collect()
    }

    /// The settings of a profile on top of those it inherits; `chain` has the names on the way to it.
    fn profile(&mut self, name: &Spotted<String>, chain: &mut Vec<String>) -> BTreeMap<&'static str, Given> {
        let all: Vec<&Profile> = self.files.iter().flat_map(|file| &file.profiles).collect();
        let Some(profile) = all.iter().find(|profile| profile.name == name.value) else {
            let told =
                Diagnostic::new(Code::UnknownProfile, name.spot, format!("no profile is called `{}`", name.value));
            let known: Vec<&str> = all.iter().map(|profile| profile.name.as_str()).collect();
            let near = told.clone().nearest(&name.value, known.iter().copied());
            self.found.push(match (near.help.is_some(), known.is_empty()) {
                (true, _) => near,
                (false, true) => told.help(format!("no {FILE} has a `[profile.{}]`", name.value)),
                (false, false) => told.help(format!("there are {}", known.join(", "))),
            });
            return BTreeMap::new();
        };
        if chain.contains(&name.value) {
            let message = format!("the profile `{}` inherits itself", name.value);
            self.found.push(Diagnostic::new(Code::Cycle, name.spot, message));
            return BTreeMap::new();
        }
        let (own, inherits) = (profile.settings.clone(), profile.inherits.clone());
        chain.push(name.value.clone());
        let mut settings = inherits.map(|base| self.profile(&base, chain)).unwrap_or_default();
        settings.extend(own);
        settings
    }
}

/// A setting in the words of its flag, if it is right.
fn value(reader: &mut Reader, field: &Field) -> Option<String> {
    let name = field.name;
    let text = reader.node(name).and_then(Node::as_text).map(str::to_owned);
    match field.shape {
        Shape::Bool => reader.flag(name).map(|flag| flag.value.to_string()),
        Shape::Count if name == "seed" => reader.parsed(name, Code::OutOfRange, seed).map(|seed| seed.value),
        Shape::Count if name == "trace" => reader.count(name).map(|count| count.value.to_string()),
        Shape::Count => reader.count_from(name, 1).map(|count| count.value.to_string()),
        Shape::Share => reader.share(name).and(text),
        Shape::Word(_) => reader.word(name).map(|word| word.value.to_owned()),
        Shape::OneOf(_) if reader.is(name, "auto") || reader.is(name, "none") => text,
        Shape::Time | Shape::OneOf(_) => reader.time(name).and(text),
        _ => reader.text(name).map(|text| text.value),
    }
}

fn seed(text: &str) -> Result<String, UnitError> {
    let help = Some("a seed is a whole number from 0 to 18446744073709551615".to_owned());
    let wrong = |_| UnitError { start: 0, end: text.len(), message: format!("`{text}` is not a seed"), help };
    text.parse::<u64>().map(|seed| seed.to_string()).map_err(wrong)
}

/// The command line with what the files say as the defaults of its flags.
fn with_defaults(command: Command, config: &Config, typed: &ArgMatches) -> Command {
    let verb = innermost(typed);
    let explicit = |id: &str| matches!(source(verb, id), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
    let (asks_for_none, asks_for_place) = (explicit("no_files"), explicit("out"));
    let holds = |name: &str| match name {
        // Who asks for a place asks for files, and the other way round.
        "no-files" => !asks_for_place,
        "out" => !asks_for_none,
        _ => true,
    };
    let mut command = command;
    for (name, given) in config.given.iter().filter(|(name, _)| holds(name)) {
        // The parser keeps its defaults for as long as the program runs.
        let value: &'static str = given.value.clone().leak();
        command = default(command, &name.replace('-', "_"), value);
    }
    command
}

/// Sets the default of an argument wherever the command and its verbs have it, unless the verb takes other values.
fn default(command: Command, id: &str, value: &'static str) -> Command {
    let has = command.get_arguments().any(|arg| arg.get_id() == id);
    let is_other = id == "format" && !["run", "show", "check"].contains(&command.get_name());
    let command = if has && !is_other { command.mut_arg(id, |arg| arg.default_value(value)) } else { command };
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    verbs.iter().fold(command, |command, verb| command.mut_subcommand(verb, |verb| default(verb, id, value)))
}
