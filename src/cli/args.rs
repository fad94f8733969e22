//! What may be typed. Flags win over `PLIMSOLL_*` variables, which win over `plimsoll.toml`, which wins over the scenario.

pub mod study;

use std::num::NonZero;

use clap::builder::FalseyValueParser as Falsey;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter as Complete;
use clap_complete::{Shell, ValueHint};

use crate::cli::args::study::{
    Advise, AsItStands, Baseline, Capacity, Check, Compare, Journey, Merge, Size, Sweep, Walkthrough,
};
use crate::cli::complete;
use crate::units::{self, Dimension, UnitError};

/// Examples stand first, because they are what people look for.
const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// Simulate an architecture written in YAML: latency, load, bottleneck, cost, and a verdict on its objectives
#[derive(Clone, Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll run scenarios/03-load-balancer.yaml\n  plimsoll run shop.yaml --set web.instances=8 --rate 1200/s\n  \
                   plimsoll validate shop.yaml\n  plimsoll explain E0102\n",
    after_help = "Exit codes: plimsoll help exit-codes. Nothing is ever sent over a network.",
    disable_help_subcommand = true,
    arg_required_else_help = true,
    subcommand_required = true
)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub shared: Shared,
}

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Shared {
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", env = "PLIMSOLL_COLOR", hide_env = true)]
    pub color: Color,
    /// Read settings from this file in place of the `plimsoll.toml` above the scenario
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PLIMSOLL_CONFIG",
        hide_env = true,
        value_hint = ValueHint::FilePath
    )]
    pub config: Option<String>,
    /// Use the settings under `[profile.NAME]`
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PLIMSOLL_PROFILE",
        hide_env = true,
        add = Complete::new(complete::profiles)
    )]
    pub profile: Option<String>,
    /// Say less: -q the verdict only, -qq nothing but the exit code
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub quiet: u8,
    /// Say more: -v intervals and why the run stopped, -vv every replication
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Simulate one design: latency, load, bottleneck, cost
    Run(Box<Run>),
    /// Two or more designs on the same random inputs: honest differences
    Compare(Box<Compare>),
    /// Vary settings over a grid, a list or a sample: a row for each point
    Sweep(Box<Sweep>),
    /// The most load a design carries within its objectives, or the least of a setting that a load needs
    Capacity(Box<Capacity>),
    /// The cheapest design that meets the objectives at a load
    #[command(alias = "optimize")]
    Size(Box<Size>),
    /// Single changes, tried and ranked by what they do and what they cost
    Advise(Box<Advise>),
    /// How long a design lasts while load and data grow
    #[command(
        before_help = "Examples:\n  plimsoll plan shop.yaml --set 'plan={growth: 8%/month, horizon: 18 months}'\n"
    )]
    Plan(Box<AsItStands>),
    /// The back of the envelope, step by step, beside the simulation
    #[command(before_help = "Examples:\n  plimsoll estimate scenarios/02-separate-database.yaml\n")]
    Estimate(Box<AsItStands>),
    /// A ladder of scenarios: what each stage carries, what it costs, and what the step to it bought
    Journey(Box<Journey>),
    /// One design as an interviewer would go through it: the sums, the simulation, how far it goes, what could be done
    Walkthrough(Box<Walkthrough>),
    /// Is it still true: objectives and stored baselines of files, folders and patterns
    Check(Box<Check>),
    /// What `check` holds scenarios against
    Baseline(Baseline),
    /// Put the parts of a study on several machines together
    Merge(Merge),
    /// Check a scenario without simulating it: shape, units, references, sums
    Validate(Validate),
    /// Print the JSON Schema of a scenario or of a report
    Schema(Schema),
    /// Show a saved report again, in any format, without simulating
    Report(Saved),
    /// Explain a diagnostic code, a measure or a component kind
    Explain(Explain),
    /// Write a new scenario from a template
    Init(Init),
    /// Show the settings that are in force, and where each comes from
    Config(Config),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Write manual pages
    #[command(hide = true)]
    Man(Man),
    /// Help on a verb or a topic
    Help(Help),
}

/// What a scenario is read from, and what is changed in it.
#[derive(Clone, Debug, Args)]
pub struct Input {
    /// A scenario file; `-` reads standard input
    #[arg(value_name = "SCENARIO", add = Complete::new(complete::scenarios))]
    pub scenario: String,
    #[command(flatten)]
    pub changes: Changes,
}

/// What is changed in a scenario before anything else happens.
#[derive(Clone, Debug, Default, Args)]
pub struct Changes {
    /// Change a value: `web.instances=8`, `let.users=5M`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", add = Complete::new(complete::paths))]
    pub sets: Vec<String>,
    /// Apply a variant that the file names
    #[arg(long, value_name = "NAME", add = Complete::new(complete::variants))]
    pub variant: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll run scenarios/03-load-balancer.yaml\n  plimsoll run shop.yaml --variant no_cache --seed 7\n  \
                   plimsoll run shop.yaml --rate 1200/s --duration 5m --json | jq .latency.all.p99\n  \
                   cat shop.yaml | plimsoll run - --fail-on objectives\n"
)]
pub struct Run {
    #[command(flatten)]
    pub input: Input,
    /// Rate of the load, `1200/s`; with several loads `NAME=1200/s`
    #[arg(long, value_name = "RATE", value_parser = rate, add = Complete::new(complete::loads))]
    pub rate: Vec<String>,
    #[command(flatten)]
    pub settings: Settings,
    /// The same as `--format json`
    #[arg(long)]
    pub json: bool,
    /// Write one more file: `json=r.json`, `markdown=r.md`, `html=r.html`, `csv=series.csv`,
    /// `requests=sample.csv`, `hgrm=l.hgrm`, `chrome=trace.json`, `otlp=trace.json`, `junit=r.xml`; may be repeated
    #[arg(long, value_name = "KIND=FILE", value_parser = export)]
    pub export: Vec<(Kind, String)>,
    /// How often numbers that are intervals (`800/s..2500/s`) are drawn, if there are any; 0 takes their middles only
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub draws: u32,
    /// Run again whenever a file of the scenario is saved
    #[arg(long)]
    pub watch: bool,
}

/// What both a run and a study say of how a design is simulated.
#[derive(Clone, Debug, Args)]
pub struct Experiment {
    /// First seed of all randomness, the same for every design [default: the scenario's, 42]
    #[arg(long, value_name = "N", env = "PLIMSOLL_SEED", hide_env = true)]
    pub seed: Option<u64>,
    /// Threads; never changes results [default: all cores]
    #[arg(short, long, value_name = "N", env = "PLIMSOLL_JOBS", hide_env = true)]
    pub jobs: Option<NonZero<usize>>,
    /// Independent repetitions of each design, from which the intervals come [default: the scenario's, 5]
    #[arg(short, long, value_name = "N", env = "PLIMSOLL_REPLICATIONS", hide_env = true)]
    pub replications: Option<NonZero<u32>>,
    /// Simulated time, `10m`
    #[arg(long, value_name = "TIME", value_parser = time, env = "PLIMSOLL_DURATION", hide_env = true)]
    pub duration: Option<String>,
    /// What is cut off before measuring: `auto`, `none` or a time
    #[arg(long, value_name = "TIME", value_parser = warmup, env = "PLIMSOLL_WARMUP", hide_env = true)]
    pub warmup: Option<String>,
}

impl Experiment {
    /// What it says as settings of the scenario, so that they are checked and underlined like the text itself.
    pub fn sets(&self) -> Vec<String> {
        let numbers = [("seed", self.seed), ("replications", self.replications.map(|n| u64::from(n.get())))];
        let numbers = numbers.into_iter().filter_map(|(field, value)| Some(format!("run.{field}={}", value?)));
        let times = [("duration", &self.duration), ("warmup", &self.warmup)];
        let times = times.into_iter().filter_map(|(field, value)| Some(format!("run.{field}={}", value.as_ref()?)));
        numbers.chain(times).collect()
    }
}

/// What a configuration file may set as well, under the name of the flag.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    #[command(flatten)]
    pub experiment: Experiment,
    /// Repeat until the interval of the p99 is so narrow, `5%`
    #[arg(long, value_name = "SHARE", value_parser = share, env = "PLIMSOLL_PRECISION", hide_env = true)]
    pub precision: Option<String>,
    /// Format on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "human", env = "PLIMSOLL_FORMAT", hide_env = true)]
    pub format: Format,
    /// Where files go [default: output/<scenario>]; `-` prints the JSON report and writes none
    #[arg(short, long, value_name = "DIR", env = "PLIMSOLL_OUT", hide_env = true, value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Pictures among the files
    #[arg(long, value_name = "AS", default_value = "svg", env = "PLIMSOLL_CHARTS", hide_env = true)]
    pub charts: Charts,
    /// Write no files
    #[arg(long, env = "PLIMSOLL_NO_FILES", hide_env = true, value_parser = Falsey::new())]
    pub no_files: bool,
    /// Leave out of the JSON what differs from run to run (`meta`)
    #[arg(long, env = "PLIMSOLL_NO_META", hide_env = true, value_parser = Falsey::new())]
    pub no_meta: bool,
    /// Stop after so much real time and report what there is (exit code 3)
    #[arg(long, value_name = "TIME", value_parser = time, env = "PLIMSOLL_TIMEOUT", hide_env = true)]
    pub timeout: Option<String>,
    /// Exit with 1 if an objective is missed, or if there is a warning
    #[arg(long, value_name = "WHAT", env = "PLIMSOLL_FAIL_ON", hide_env = true)]
    pub fail_on: Option<FailOn>,
    /// What an undecided objective is under `--fail-on objectives` [default: exit code 3]
    #[arg(long, value_name = "AS", env = "PLIMSOLL_UNDECIDED", hide_env = true)]
    pub undecided: Option<Undecided>,
    /// Show where the time of the N slowest requests went
    #[arg(long, value_name = "N", default_value_t = 0, env = "PLIMSOLL_TRACE", hide_env = true)]
    pub trace: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people, in colour on a terminal
    Human,
    /// The same in ASCII without colour
    Plain,
    /// One JSON document
    Json,
    /// One JSON document on one line
    Jsonl,
    /// The time series
    Csv,
    /// Tables in Markdown, for a pull request or a summary of CI
    Markdown,
    /// Annotations of GitHub Actions for missed objectives and warnings
    Github,
    /// Objectives as test cases
    Junit,
}

/// What a file of `--export` may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Json,
    /// The page for people
    Html,
    Markdown,
    /// The time series
    Csv,
    /// The requests that were followed, a row each
    Requests,
    /// The latency distribution for plotters of `HdrHistogram`
    Hgrm,
    /// The slowest requests for Perfetto and the viewer of Chrome
    Chrome,
    /// The same for OpenTelemetry
    Otlp,
    Junit,
}

/// How charts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Charts {
    /// Not at all
    None,
    /// As SVG
    Svg,
    /// As PNG, twice as fine as a screen
    Png,
    /// As both
    All,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll report output/shop/report.json\n  \
                   plimsoll report output/shop/report.json --export html=shop.html --export markdown=shop.md\n  \
                   plimsoll report output/shop/report.json --out slides --charts png\n  \
                   plimsoll report output/shop/capacity.json --out slides   studies, too; of a sweep sweep.jsonl\n"
)]
pub struct Saved {
    /// The `report.json` of a run, or what a study has written: `compare.json`, `sweep.jsonl`, ...; `-` reads standard input
    #[arg(value_name = "REPORT", value_hint = ValueHint::FilePath)]
    pub report: String,
    /// Format on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// The same as `--format json`
    #[arg(long)]
    pub json: bool,
    /// Write the page (`report.html`, `compare.html`, ...) and `charts/` into this folder
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Pictures in that folder
    #[arg(long, value_name = "AS", default_value = "svg")]
    pub charts: Charts,
    /// Write one more file, as for `run`: of what is in the saved report, so of a run no `csv`, `requests` or `hgrm`
    #[arg(long, value_name = "KIND=FILE", value_parser = export)]
    pub export: Vec<(Kind, String)>,
    /// Show where the time of the N slowest requests went
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub trace: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Objectives,
    Warnings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Undecided {
    /// As a missed objective: exit code 1
    Fail,
    /// Said on standard error, exit code 0
    Warn,
    /// As one that is met: exit code 0
    Pass,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll validate scenarios/*.yaml\n  plimsoll validate --resolved shop.yaml\n  \
                   plimsoll validate -f concise shop.yaml\n"
)]
pub struct Validate {
    /// Scenario files; `-` reads standard input
    #[arg(value_name = "SCENARIO", required = true, add = Complete::new(complete::scenarios))]
    pub scenarios: Vec<String>,
    #[command(flatten)]
    pub changes: Changes,
    /// Print the scenario with every default and inherited value filled in
    #[arg(long)]
    pub resolved: bool,
    /// Warnings fail too (exit code 1)
    #[arg(long, env = "PLIMSOLL_STRICT", hide_env = true, value_parser = Falsey::new())]
    pub strict: bool,
    /// How diagnostics are written
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    pub format: Diagnosis,
    /// The same as `--format json`
    #[arg(long)]
    pub json: bool,
    /// The name to show for standard input
    #[arg(long, value_name = "FILE", default_value = "<stdin>")]
    pub stdin_filename: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Diagnosis {
    /// With the place in the text, on standard error
    Human,
    /// The same in ASCII without colour
    Plain,
    /// One line each, `file:line:column: CODE message`
    Concise,
    /// One JSON array on standard output
    Json,
    /// One JSON object a line
    Jsonl,
    /// Annotations of GitHub Actions
    Github,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll schema scenario > plimsoll.schema.json\n  plimsoll schema report\n  \
                   plimsoll schema config --draft 07\n"
)]
pub struct Schema {
    /// Of which document
    #[arg(value_name = "OF", default_value = "scenario")]
    pub of: SchemaOf,
    /// The dialect of JSON Schema; some editors know only the older one
    #[arg(long, value_name = "DRAFT", default_value = "2020-12")]
    pub draft: Draft,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Draft {
    #[value(name = "2020-12")]
    Of2020,
    #[value(name = "07", alias = "7")]
    Of07,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Scenario,
    Report,
    /// Of what `compare --json` prints, and so on
    Compare,
    Sweep,
    Capacity,
    #[value(name = "capacity-grid")]
    Grid,
    Size,
    Advise,
    Journey,
    Walkthrough,
    Plan,
    #[value(name = "estimate")]
    ByHand,
    Check,
    Baseline,
    /// Of `plimsoll.toml`
    Config,
    /// The reference page in Markdown, from the same tables
    #[value(hide = true)]
    Reference,
    /// Each kind, step and verb in a line
    #[value(hide = true)]
    CheatSheet,
    #[value(hide = true)]
    Measures,
    #[value(hide = true)]
    Diagnostics,
    #[value(hide = true)]
    Verbs,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll explain E0102\n  plimsoll explain utilisation\n  plimsoll explain database\n"
)]
pub struct Explain {
    /// A code (`E0102`), a measure (`latency`) or a component kind (`database`); without it, the list of all
    #[arg(value_name = "WHAT", add = Complete::new(complete::words))]
    pub what: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll init shop.yaml\n  plimsoll init shop.yaml --template 03-load-balancer\n"
)]
pub struct Init {
    /// The file to write; `-` prints it
    #[arg(value_name = "FILE", default_value = "scenario.yaml", value_hint = ValueHint::FilePath)]
    pub file: String,
    /// What to start from; `list` names them
    #[arg(long, value_name = "NAME", default_value = "smallest", add = Complete::new(complete::templates))]
    pub template: String,
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Debug, Args)]
#[command(help_template = TEMPLATE, arg_required_else_help = true)]
pub struct Config {
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ConfigVerb {
    /// Every setting, its value, and the flag, variable, file or scenario it comes from
    Show(Box<Show>),
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll config show\n  plimsoll config show shop.yaml --profile ci --seed 7\n"
)]
pub struct Show {
    /// Show what would hold for this scenario; without it, for the current directory
    #[arg(value_name = "SCENARIO", add = Complete::new(complete::scenarios))]
    pub scenario: Option<String>,
    #[command(flatten)]
    pub settings: Settings,
    /// One JSON array in place of TOML with comments
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll completions bash > ~/.local/share/bash-completion/completions/plimsoll\n  \
                   plimsoll completions zsh > ~/.zfunc/_plimsoll\n"
)]
pub struct Completions {
    pub shell: Shell,
}

#[derive(Clone, Debug, Args)]
pub struct Man {
    /// Directory for `plimsoll.1`, `plimsoll-run.1`, ...
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: String,
}

#[derive(Clone, Debug, Args)]
#[command(help_template = TEMPLATE)]
pub struct Help {
    /// A verb, or `exit-codes`
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
}

fn time(text: &str) -> Result<String, String> {
    quantity(text, Dimension::Time)
}

fn share(text: &str) -> Result<String, String> {
    quantity(text, Dimension::Share)
}

fn warmup(text: &str) -> Result<String, String> {
    if ["auto", "none"].contains(&text) { Ok(text.to_owned()) } else { time(text) }
}

/// `1200/s` or `NAME=1200/s`.
fn rate(text: &str) -> Result<String, String> {
    let rate = text.split_once('=').map_or(text, |(_, rate)| rate);
    quantity(rate, Dimension::Rate).map(|_| text.to_owned())
}

/// A quantity as it may stand in a scenario; named values (`$users`) are worked out there.
fn quantity(text: &str, dimension: Dimension) -> Result<String, String> {
    if text.contains('$') {
        return Ok(text.to_owned());
    }
    let told = |error: UnitError| match error.help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message,
    };
    units::parse_as(text, dimension).map(|_| text.to_owned()).map_err(told)
}

fn export(text: &str) -> Result<(Kind, String), String> {
    let (kind, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or("write KIND=FILE")?;
    let names: Vec<String> = Kind::value_variants()
        .iter()
        .filter_map(|kind| Some(kind.to_possible_value()?.get_name().to_owned()))
        .collect();
    let kind = Kind::from_str(kind, false).map_err(|_| format!("`{kind}` is none of {}", names.join(", ")))?;
    Ok((kind, file.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn one_dash_is_a_scenario_and_sets_repeat() {
        let read = Arguments::try_parse_from(["plimsoll", "run", "-", "--set", "a=1", "--set", "b=2", "-vv"]);
        let Verb::Run(run) = read.as_ref().expect("a valid command line").verb.clone() else {
            panic!("`run` is another verb")
        };
        assert_eq!((run.input.scenario.as_str(), run.input.changes.sets.len()), ("-", 2));
        assert_eq!(read.expect("a valid command line").shared.verbose, 2);
    }
}
