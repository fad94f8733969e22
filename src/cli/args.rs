//! What may be typed. Flags win over `PLIMSOLL_*` variables, which win over the scenario.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
    /// Check a scenario without simulating it: shape, units, references, sums
    Validate(Validate),
    /// Print the JSON Schema of a scenario or of a report
    Schema(Schema),
    /// Explain a diagnostic code, a measure or a component kind
    Explain(Explain),
    /// Write a new scenario from a template
    Init(Init),
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
    #[arg(value_name = "SCENARIO")]
    pub scenario: String,
    /// Change a value: `web.instances=8`, `let.users=5M`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Apply a variant that the file names
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll run scenarios/03-load-balancer.yaml\n  plimsoll run shop.yaml --variant no_cache --seed 7\n  \
                   plimsoll run shop.yaml --rate 1200/s --duration 5m --json | jq .latency.all.p99\n  \
                   cat shop.yaml | plimsoll run - --fail-on objectives\n"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that is there or not")]
pub struct Run {
    #[command(flatten)]
    pub input: Input,
    /// Rate of the load, `1200/s`; with several loads `NAME=1200/s`
    #[arg(long, value_name = "RATE")]
    pub rate: Vec<String>,
    /// First seed of all randomness [default: the scenario's, 42]
    #[arg(long, value_name = "N", env = "PLIMSOLL_SEED", hide_env_values = true)]
    pub seed: Option<u64>,
    /// Threads; never changes results [default: all cores]
    #[arg(short, long, value_name = "N", env = "PLIMSOLL_JOBS", hide_env_values = true)]
    pub jobs: Option<usize>,
    /// Independent repetitions, from which the intervals come [default: the scenario's, 5]
    #[arg(short, long, value_name = "N", env = "PLIMSOLL_REPLICATIONS", hide_env_values = true)]
    pub replications: Option<u32>,
    /// Repeat until the interval of the p99 is so narrow
    #[arg(long, value_name = "SHARE", env = "PLIMSOLL_PRECISION", hide_env_values = true)]
    pub precision: Option<String>,
    /// Simulated time, `10m`
    #[arg(long, value_name = "TIME", env = "PLIMSOLL_DURATION", hide_env_values = true)]
    pub duration: Option<String>,
    /// What is cut off before measuring: `auto`, `none` or a time
    #[arg(long, value_name = "TIME", env = "PLIMSOLL_WARMUP", hide_env_values = true)]
    pub warmup: Option<String>,
    /// Format on standard output
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "human",
        env = "PLIMSOLL_FORMAT",
        hide_env_values = true
    )]
    pub format: Format,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write one more file: `json=r.json`, `csv=series.csv`, `hgrm=latency.hgrm`; may be repeated
    #[arg(long, value_name = "KIND=FILE")]
    pub export: Vec<String>,
    /// Where files go [default: output/<scenario>]; `-` prints the JSON report and writes none
    #[arg(short, long, value_name = "DIR", env = "PLIMSOLL_OUT", hide_env_values = true)]
    pub out: Option<String>,
    /// Write no files
    #[arg(long, conflicts_with = "out")]
    pub no_files: bool,
    /// Leave out of the JSON what differs from run to run (`meta`)
    #[arg(long)]
    pub no_meta: bool,
    /// Stop after so much real time and report what there is (exit code 3)
    #[arg(long, value_name = "TIME", env = "PLIMSOLL_TIMEOUT", hide_env_values = true)]
    pub timeout: Option<String>,
    /// Exit with 1 if an objective is missed, or if there is a warning
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// Show where the time of the N slowest requests went
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub trace: usize,
    /// Run again whenever a file of the scenario is saved
    #[arg(long)]
    pub watch: bool,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Objectives,
    Warnings,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll validate scenarios/*.yaml\n  plimsoll validate --resolved shop.yaml\n  \
                   plimsoll validate -f concise shop.yaml\n"
)]
pub struct Validate {
    /// Scenario files; `-` reads standard input
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<String>,
    /// Change a value first; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Apply a variant that the file names
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Print the scenario with every default and inherited value filled in
    #[arg(long)]
    pub resolved: bool,
    /// Warnings fail too (exit code 1)
    #[arg(long)]
    pub strict: bool,
    /// How diagnostics are written
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    pub format: Diagnosis,
    /// The name to show for standard input
    #[arg(long, value_name = "FILE", default_value = "<stdin>")]
    pub stdin_filename: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Diagnosis {
    /// With the place in the text, on standard error
    Human,
    /// One line each, `file:line:column: CODE message`
    Concise,
    /// One JSON array on standard output
    Json,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll schema scenario > plimsoll.schema.json\n  plimsoll schema report\n"
)]
pub struct Schema {
    /// Of which document
    #[arg(value_name = "OF", default_value = "scenario")]
    pub of: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Scenario,
    Report,
    /// The reference page in Markdown, from the same tables
    #[value(hide = true)]
    Reference,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll explain E0102\n  plimsoll explain utilisation\n  plimsoll explain database\n"
)]
pub struct Explain {
    /// A code (`E0102`), a measure (`latency`) or a component kind (`database`); without it, the list of all
    #[arg(value_name = "WHAT")]
    pub what: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll init shop.yaml\n  plimsoll init shop.yaml --template 03-load-balancer\n"
)]
pub struct Init {
    /// The file to write; `-` prints it
    #[arg(value_name = "FILE", default_value = "scenario.yaml")]
    pub file: String,
    /// What to start from; `list` names them
    #[arg(long, value_name = "NAME", default_value = "smallest")]
    pub template: String,
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
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
    #[arg(long, value_name = "DIR")]
    pub out: String,
}

#[derive(Clone, Debug, Args)]
#[command(help_template = TEMPLATE)]
pub struct Help {
    /// A verb, or `exit-codes`
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
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
        assert_eq!((run.input.scenario.as_str(), run.input.sets.len()), ("-", 2));
        assert_eq!(read.expect("a valid command line").shared.verbose, 2);
    }
}
