//! What may be typed after the verbs that look at several designs.

use std::num::NonZero;

use clap::builder::FalseyValueParser as Falsey;
use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ValueHint;
use clap_complete::engine::ArgValueCompleter as Complete;

use crate::catalogue::HOURS_PER_MONTH;
use crate::cli::args::{Changes, Charts, Experiment, Format, Input, TEMPLATE, Undecided, rate, share, time};
use crate::cli::complete;
use crate::units::{self, Dimension};

/// How studies simulate each of their designs.
#[derive(Clone, Debug, Args)]
pub struct Trials {
    #[command(flatten)]
    pub experiment: Experiment,
    /// Format on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "human", env = "PLIMSOLL_FORMAT", hide_env = true)]
    pub format: Format,
    /// The same as `--format json`
    #[arg(long)]
    pub json: bool,
    /// Where files go [default: output/<scenario>]
    #[arg(short, long, value_name = "DIR", env = "PLIMSOLL_OUT", hide_env = true, value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Write no files, and remember nothing for the next time
    #[arg(long, env = "PLIMSOLL_NO_FILES", hide_env = true, value_parser = Falsey::new())]
    pub no_files: bool,
    /// Stop after so much real time (exit code 3); what was finished is remembered
    #[arg(long, value_name = "TIME", value_parser = time, env = "PLIMSOLL_TIMEOUT", hide_env = true)]
    pub timeout: Option<String>,
    /// The parts that `merge` puts together
    #[arg(skip)]
    pub parts: Vec<String>,
    /// What they were asked, by which `merge` asks again
    #[arg(skip)]
    pub asked: Vec<String>,
}

/// Pictures of studies that have some.
#[derive(Clone, Debug, Args)]
pub struct Drawn {
    /// Pictures among the files, in `charts/`
    #[arg(long, value_name = "AS", default_value = "svg", env = "PLIMSOLL_CHARTS", hide_env = true)]
    pub charts: Charts,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll compare scenarios/04-read-replicas.yaml scenarios/05-caching.yaml\n  \
                   plimsoll compare shop.yaml --set web.instances=8\n  \
                   plimsoll compare shop.yaml --set web.instances=8 --set-b web.instances=6 --fail-on regression\n  \
                   plimsoll compare shop.yaml                       the base against its variants\n"
)]
pub struct Compare {
    /// The designs; all are held against the first. One alone is held against what is changed in it, or its variants
    #[arg(value_name = "SCENARIO", required = true, add = Complete::new(complete::scenarios))]
    pub scenarios: Vec<String>,
    #[command(flatten)]
    pub changes: Changes,
    /// With one scenario: the other side of the comparison, in place of the scenario as it stands; may be repeated
    #[arg(long = "set-b", value_name = "PATH=VALUE", add = Complete::new(complete::paths))]
    pub other_sets: Vec<String>,
    /// Differences of times and rates that are smaller than this do not matter
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "2%")]
    pub noise: String,
    /// Exit with 1 if a measure or an objective of a later design is worse
    #[arg(long = "fail-on", value_name = "WHAT")]
    pub fail_on_regression: Option<Regression>,
    #[command(flatten)]
    pub trials: Trials,
    #[command(flatten)]
    pub drawn: Drawn,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll sweep shop.yaml --vary web.instances=2..10:2\n  \
                   plimsoll sweep shop.yaml --vary redis.eviction=lru,lfu --vary redis.memory=1GB..64GB:x4\n  \
                   plimsoll sweep shop.yaml --vary web.workers=8..256:log --vary db.connections=10..200 --samples 40\n  \
                   plimsoll sweep shop.yaml --shard 3/8 && plimsoll merge output/shop/part-*.jsonl\n"
)]
pub struct Sweep {
    #[command(flatten)]
    pub input: Input,
    /// What varies, `PATH=2..10:2`, `PATH=1..64:x2` or `PATH=lru,lfu`; several give a grid. Without it, the variants
    #[arg(long, value_name = "PATH=VALUES")]
    pub vary: Vec<String>,
    /// Draw so many points in place of a grid
    #[arg(long, value_name = "N", requires = "vary")]
    pub samples: Option<NonZero<usize>>,
    /// How points are drawn: a Latin hypercube
    #[arg(long, value_name = "DESIGN", requires = "samples", default_value = "lhs")]
    pub design: Sampling,
    /// Go on with the rows that an earlier call has written
    #[arg(long)]
    pub resume: bool,
    /// Do the K-th of N parts, from 1, or `auto` under SLURM and Kubernetes
    #[arg(long, value_name = "K/N")]
    pub shard: Option<String>,
    /// Say how much there is to do, and do nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub trials: Trials,
    #[command(flatten)]
    pub drawn: Drawn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sampling {
    Lhs,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll capacity shop.yaml\n  \
                   plimsoll capacity shop.yaml --objective 'latency p99 <= 200ms' --tolerance 1%\n  \
                   plimsoll capacity shop.yaml --find web.instances\n  \
                   plimsoll capacity shop.yaml --vary web.instances=2..10:2          how it grows with each\n"
)]
pub struct Capacity {
    #[command(flatten)]
    pub input: Input,
    /// What must hold, in place of the scenario's objectives; may be repeated
    #[arg(long, value_name = "CONDITION")]
    pub objective: Vec<String>,
    /// What to look for: the most `load` (all loads in proportion), the most of `load.NAME`, or the least of a setting
    #[arg(long, value_name = "WHAT", default_value = "load")]
    pub find: String,
    /// How close the answer is looked for
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "2%")]
    pub tolerance: String,
    /// The room there should be above today's load
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "30%")]
    pub headroom: String,
    /// Search at each point of a grid, `PATH=2..10:2`, `PATH=1..64:x2` or `PATH=lru,lfu`; may be repeated
    #[arg(long, value_name = "PATH=VALUES")]
    pub vary: Vec<String>,
    /// Do the K-th of N parts of the grid, from 1, or `auto` under SLURM and Kubernetes
    #[arg(long, value_name = "K/N", requires = "vary")]
    pub shard: Option<String>,
    #[command(flatten)]
    pub trials: Trials,
    #[command(flatten)]
    pub drawn: Drawn,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll size shop.yaml --vary web.instances=2..10 --vary db.machine=r5.xlarge,r5.2xlarge\n  \
                   plimsoll size shop.yaml --vary web.instances=2..20 --peak 18k/s --subject-to 'latency p99 <= 200ms'\n"
)]
pub struct Size {
    #[command(flatten)]
    pub input: Input,
    /// What may vary and within which bounds, `PATH=2..10`, `PATH=1..64:x2` or `PATH=lru,lfu`; may be repeated
    #[arg(long, value_name = "PATH=VALUES", required = true)]
    pub vary: Vec<String>,
    /// What must hold, in place of the scenario's objectives; may be repeated
    #[arg(long, value_name = "CONDITION")]
    pub subject_to: Vec<String>,
    /// The load to size for, all loads in proportion [default: the scenario's]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub peak: Option<String>,
    /// What to make small
    #[arg(long, value_name = "WHAT", default_value = "cost")]
    pub minimise: Minimise,
    /// Most replications, `500` or `500runs`
    #[arg(long, value_name = "N", value_parser = budget, default_value = "5000")]
    pub budget: u64,
    /// How often numbers that are intervals (`800/s..2500/s`) are drawn, if there are any; 0 takes their middles only
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub draws: u32,
    /// What a month of a missed objective costs, `$5000/month` [default: as much as the dearest contender]
    #[arg(long, value_name = "MONEY", value_parser = per_month)]
    pub miss: Option<f64>,
    /// Do the K-th of N parts of the designs and draws, from 1, or `auto` under SLURM and Kubernetes
    #[arg(long, value_name = "K/N")]
    pub shard: Option<String>,
    #[command(flatten)]
    pub trials: Trials,
    #[command(flatten)]
    pub drawn: Drawn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Minimise {
    Cost,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll advise shop.yaml\n  plimsoll advise shop.yaml --peak 18k/s\n"
)]
pub struct Advise {
    #[command(flatten)]
    pub input: Input,
    /// The load to try the changes at, all loads in proportion [default: the scenario's]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub peak: Option<String>,
    /// Differences of times and rates that are smaller than this do not matter
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "2%")]
    pub noise: String,
    #[command(flatten)]
    pub trials: Trials,
}

/// A study of one design as it stands.
#[derive(Clone, Debug, Args)]
#[command(help_template = TEMPLATE)]
pub struct AsItStands {
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub trials: Trials,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll journey scenarios/zero-to-millions.yaml\n  \
                   plimsoll journey scenarios/zero-to-millions.yaml --quiz\n"
)]
pub struct Journey {
    /// A file with `journey:`; `-` reads standard input
    #[arg(value_name = "LADDER", add = Complete::new(complete::scenarios))]
    pub ladder: String,
    /// Change a value in every stage; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Ask what a stage will carry before it is shown
    #[arg(long)]
    pub quiz: bool,
    #[command(flatten)]
    pub trials: Trials,
    #[command(flatten)]
    pub drawn: Drawn,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll walkthrough scenarios/03-load-balancer.yaml\n  \
                   plimsoll walkthrough shop.yaml --level junior --quiz\n"
)]
pub struct Walkthrough {
    #[command(flatten)]
    pub input: Input,
    /// How much is asked: a senior also hears of trade-offs and of what comes next
    #[arg(long, value_name = "LEVEL", default_value = "senior")]
    pub level: Level,
    /// Ask before it is told
    #[arg(long)]
    pub quiz: bool,
    /// Put the questions of the quiz without waiting for answers
    #[arg(long)]
    pub no_input: bool,
    #[command(flatten)]
    pub trials: Trials,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// What is asked, the sums, the simulation, how far it goes
    Junior,
    /// Trade-offs and follow-up questions, too
    Senior,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll check scenarios\n  plimsoll check 'scenarios/**/*.yaml' -f github\n  \
                   plimsoll check shop.yaml --tolerance p99=5% --update\n"
)]
pub struct Check {
    /// Scenario files, folders of them, and patterns with `*` and `**`
    #[arg(value_name = "PATH", default_value = "scenarios", add = Complete::new(complete::scenarios))]
    pub paths: Vec<String>,
    /// The baseline to hold one scenario against [default: baselines/<scenario>.json beside it]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub baseline: Option<String>,
    /// Store what came out as the new baselines
    #[arg(long)]
    pub update: bool,
    /// Simulate also what has not changed since its baseline
    #[arg(long)]
    pub fresh: bool,
    /// By how much a measure may become worse than in the baseline, `p99=5%`; may be repeated [default: 2%]
    #[arg(long, value_name = "MEASURE=SHARE")]
    pub tolerance: Vec<String>,
    /// Only scenarios of which a file differs from that commit (asks git)
    #[arg(long, value_name = "REF")]
    pub changed_since: Option<String>,
    /// What is undecided passes
    #[arg(long)]
    pub lenient: bool,
    /// What an undecided rule is [default: exit code 3]
    #[arg(long, value_name = "AS", env = "PLIMSOLL_UNDECIDED", hide_env = true)]
    pub undecided: Option<Undecided>,
    /// Do the K-th of N parts of the files, from 1, or `auto` under SLURM and Kubernetes
    #[arg(long, value_name = "K/N")]
    pub shard: Option<String>,
    #[command(flatten)]
    pub trials: Trials,
}

#[derive(Clone, Debug, Args)]
#[command(help_template = TEMPLATE, arg_required_else_help = true)]
pub struct Baseline {
    #[command(subcommand)]
    pub verb: BaselineVerb,
}

#[derive(Clone, Debug, Subcommand)]
pub enum BaselineVerb {
    /// Simulate, and store what came out
    Save(Box<Stored>),
    /// Print what is stored
    Show(Box<Stored>),
    /// What came out then against what comes out now
    Diff(Box<Stored>),
    /// Remove the baselines of scenarios that are gone, below folders
    Prune(Box<Stored>),
}

#[derive(Clone, Debug, Args)]
pub struct Stored {
    /// Scenario files, folders of them, and patterns with `*` and `**`
    #[arg(value_name = "PATH", default_value = "scenarios", add = Complete::new(complete::scenarios))]
    pub paths: Vec<String>,
    #[command(flatten)]
    pub trials: Trials,
}

#[derive(Clone, Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:\n  plimsoll merge output/shop/part-*.jsonl\n"
)]
pub struct Merge {
    /// The files that `--shard` has written, each once
    #[arg(value_name = "PART", required = true, value_hint = ValueHint::FilePath)]
    pub parts: Vec<String>,
    /// Of a sweep the file to write, `-` prints it [default: output/<scenario>/sweep.jsonl]; of other studies their folder
    #[arg(short, long = "out", value_name = "PATH", id = "merged", value_hint = ValueHint::AnyPath)]
    pub out: Option<String>,
    /// Format on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Regression {
    Regression,
}

/// `500` or `500runs`.
fn budget(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix("runs").unwrap_or(text).trim();
    number.parse().ok().filter(|runs| 0 < *runs).ok_or_else(|| format!("`{text}` is no number of runs"))
}

/// Money a month, in dollars.
fn per_month(text: &str) -> Result<f64, String> {
    let a_second = units::parse_as(text, Dimension::MoneyRate).map_err(|error| error.message)?;
    Ok(a_second * 3600.0 * HOURS_PER_MONTH)
}
