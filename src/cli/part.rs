//! One study on several machines: each does the part that is dealt to it, and `merge` asks the same question again.
//!
//! A part is a file: a head with the command and what it is about, a line for each evaluation in the order in which they were
//! made, and an end. A search decides as it goes, so it cannot be cut into rows as a sweep is; but whatever it asks of the
//! simulation is a pure function of design, seed and replications. So shards evaluate ahead what they may, and `merge` runs
//! the command once more with all their evaluations in memory: the same bytes as one machine, without simulating what is
//! known. A part that was killed goes on from its whole lines; one without an end is not merged.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::FromArgMatches;

use crate::cli::args::study::{Merge, Trials};
use crate::cli::args::{Arguments, Verb};
use crate::cli::out::{Out, variable};
use crate::cli::{Exit, Stop, files};
use crate::report::part::{self, Head, SCHEMA};

/// The version of the engine whose evaluations these are.
const ENGINE: &str = env!("CARGO_PKG_VERSION");
/// Flags that say how and where, not what; the letters are those with a value.
const OF_MACHINES: &[&str] =
    &["--shard", "--jobs", "--out", "--format", "--timeout", "--color", "--config", "--charts"];
const LETTERS: &[&str] = &["-j", "-o", "-f"];
const SWITCHES: &[&str] = &["--json", "--no-files", "--quiet", "--verbose", "--resume"];

/// Which part of all units is done here, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) of: usize,
}

impl Shard {
    /// Reads `3/8`, or `auto`, which asks the environment of whatever started this program.
    pub(crate) fn new(text: Option<&str>) -> Result<Self, Stop> {
        let said = match text {
            None => return Ok(Shard { index: 0, of: 1 }),
            Some("auto") => automatic().ok_or_else(|| Stop::usage(
                "--shard auto finds none of PLIMSOLL_SHARD, JOB_COMPLETION_INDEX with PLIMSOLL_SHARDS, SLURM_ARRAY_TASK_ID",
            ))?,
            Some(text) => text.to_owned(),
        };
        let parsed = said.split_once('/').and_then(|(k, n)| Some((k.parse::<usize>().ok()?, n.parse::<usize>().ok()?)));
        match parsed {
            Some((k, of)) if 1 <= k && k <= of => Ok(Shard { index: k - 1, of }),
            _ => Err(Stop::usage(format!("`{said}` is no shard; write K/N, as in 3/8 for the third of eight"))),
        }
    }

    /// Whether a unit is dealt to this shard.
    pub(crate) fn has(self, unit: usize) -> bool {
        unit % self.of == self.index
    }

    /// Whether there are others.
    pub(crate) fn is_part(self) -> bool {
        1 < self.of
    }

    /// The name of its file among those of the others.
    pub(crate) fn file(self) -> String {
        format!("part-{:04}-of-{:04}.jsonl", self.index + 1, self.of)
    }
}

/// `K/N` from the variables of Kubernetes and SLURM, whose indices start at 0 and anywhere.
fn automatic() -> Option<String> {
    let number = |name: &str| variable(name)?.parse::<u64>().ok();
    let kubernetes = || Some(format!("{}/{}", number("JOB_COMPLETION_INDEX")? + 1, number("PLIMSOLL_SHARDS")?));
    let slurm = || {
        let (id, least) = (number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_MIN")?);
        Some(format!("{}/{}", id - least + 1, number("SLURM_ARRAY_TASK_COUNT")?))
    };
    variable("PLIMSOLL_SHARD").or_else(kubernetes).or_else(slurm)
}

/// The evaluations of parts: those that are read, and the one that is written.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    known: RefCell<BTreeMap<String, String>>,
    /// The file of this shard and what stands in it.
    own: Option<PathBuf>,
}

impl Parts {
    /// The part of a shard, with what an earlier call has written of it; or all parts that are to be merged.
    ///
    /// `about` is the content that the study is about, by its hash; `folder` is where the part goes.
    pub(crate) fn open(trials: &Trials, shard: Shard, about: &str, folder: &Path) -> Result<Parts, Stop> {
        if shard.is_part() {
            return Parts::begin(trials, shard, about, &folder.join(shard.file()));
        }
        let mut known = BTreeMap::new();
        for path in &trials.parts {
            let read = read(path)?;
            if read.head.about != about {
                return Err(Stop::usage(format!(
                    "{path} is about other content of the same files; run its shard again"
                )));
            }
            known.extend(read.evaluations);
        }
        Ok(Parts { known: RefCell::new(known), own: None })
    }

    fn begin(trials: &Trials, shard: Shard, about: &str, path: &Path) -> Result<Parts, Stop> {
        if trials.no_files || trials.out.as_deref() == Some("-") {
            return Err(Stop::usage("a shard writes its part; leave --no-files and `--out -` out"));
        }
        let (schema, engine, command) = (SCHEMA.to_owned(), ENGINE.to_owned(), asked());
        let head = Head { schema, engine, command, about: about.to_owned(), shard: [shard.index + 1, shard.of] };
        let before = fs::read_to_string(path).ok().and_then(|text| part::read(&text));
        let evaluations = before.filter(|read| read.head == head).map(|read| read.evaluations).unwrap_or_default();
        let lines = evaluations.iter().map(|(key, document)| part::line(key, document));
        let text = part::head(&head) + &lines.collect::<String>();
        files::replace(path, text.as_bytes())
            .map_err(|error| Stop::cannot_write(&path.display().to_string(), &error))?;
        Ok(Parts { known: RefCell::new(evaluations.into_iter().collect()), own: Some(path.to_path_buf()) })
    }

    pub(crate) fn fetch(&self, key: &str) -> Option<String> {
        self.known.borrow().get(key).cloned()
    }

    /// Notes an evaluation, once.
    pub(crate) fn keep(&self, key: &str, document: &str) {
        let Some(path) = self.own.as_ref().filter(|_| !self.known.borrow().contains_key(key)) else { return };
        self.known.borrow_mut().insert(key.to_owned(), document.to_owned());
        // A line that cannot be written is missed when the end is.
        let _ = append(path, &part::line(key, document));
    }

    /// Says that all that is dealt to this shard stands in its part.
    pub(crate) fn finish(&self, out: &mut Out) -> Result<(), Stop> {
        let Some(path) = &self.own else { return Ok(()) };
        let cannot = |error| Stop::cannot_write(&path.display().to_string(), &error);
        append(path, &part::end(self.known.borrow().len())).map_err(cannot)?;
        out.note(&format!("  wrote {}\n", path.display()));
        Ok(())
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())
}

fn read(path: &str) -> Result<part::Part, Stop> {
    let text = fs::read_to_string(path).map_err(|error| Stop::usage(format!("cannot read {path}: {error}")))?;
    part::read(&text).ok_or_else(|| Stop::usage(format!("{path} is no part of a study")))
}

/// Whether a file is a part of a study other than a sweep.
pub(crate) fn is_part(path: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| part::read(&text).is_some())
}

/// What was asked for, without what differs from machine to machine.
pub(crate) fn asked() -> Vec<String> {
    without(std::env::args().skip(1))
}

fn without(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut is_value = false;
    for word in words {
        let name = word.split('=').next().unwrap_or_default();
        let is_letter = LETTERS.iter().any(|letter| word.starts_with(letter) && !word.starts_with("--"));
        if is_value {
            is_value = false;
        } else if OF_MACHINES.contains(&name) {
            is_value = !word.contains('=');
        } else if is_letter {
            is_value = LETTERS.contains(&word.as_str());
        } else if !SWITCHES.contains(&word.as_str()) && !["-q", "-qq", "-v", "-vv"].contains(&word.as_str()) {
            kept.push(word);
        }
    }
    kept
}

/// Asks again what the parts were asked, with all that they evaluated in memory.
pub(crate) fn merge(args: &Merge, out: &mut Out) -> Result<(Verb, Exit), Stop> {
    let parts: Vec<part::Part> = args.parts.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let first = parts.first().ok_or_else(|| Stop::usage("no part is given"))?;
    let same = |head: &Head| Head { shard: [0, head.shard[1]], ..head.clone() };
    for (part, path) in parts.iter().zip(&args.parts) {
        if same(&part.head) != same(&first.head) {
            return Err(Stop::usage(format!("{path} and {} are parts of different studies", args.parts[0])));
        }
        let double = parts.iter().filter(|other| other.head.shard == part.head.shard).count();
        if 1 < double {
            let [k, n] = part.head.shard;
            return Err(Stop::usage(format!("part {k}/{n} is given {double} times; give each part once")));
        }
    }
    if first.head.engine != ENGINE {
        let told = format!("the parts are of version {}, this is {ENGINE}", first.head.engine);
        return Err(Stop::usage(told));
    }
    let of = first.head.shard[1];
    let is_whole = |k: &usize| parts.iter().any(|part| part.head.shard[0] == *k && part.is_whole);
    let missing: Vec<String> = (1..=of).filter(|k| !is_whole(k)).map(|k| format!("{k}/{of}")).collect();
    let words = std::iter::once("plimsoll".to_owned()).chain(first.head.command.iter().cloned());
    let matches = crate::cli::command().try_get_matches_from(words);
    let asked = matches.and_then(|found| Arguments::from_arg_matches(&found));
    let mut verb =
        asked.map_err(|_| Stop::usage("the parts were asked something that this version does not know"))?.verb;
    if !missing.is_empty() {
        out.error(&format!("missing or not finished: {}; run these shards again", missing.join(", ")));
        return Ok((verb, Exit::Undecided));
    }
    let trials = match &mut verb {
        Verb::Size(args) => &mut args.trials,
        Verb::Capacity(args) => &mut args.trials,
        Verb::Check(args) => &mut args.trials,
        _ => return Err(Stop::usage("the parts are of a verb that has none")),
    };
    (trials.parts, trials.out, trials.format) = (args.parts.clone(), args.out.clone(), args.format);
    trials.asked.clone_from(&first.head.command);
    Ok((verb, Exit::Done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_machine_to_machine_is_not_asked() {
        let words = "size s.yaml --shard 1/2 -j4 --vary a=1..2 --out=x -o y -f json --json -q --seed 7 --timeout 5s --charts none --resume";
        let kept = without(words.split(' ').map(str::to_owned));
        assert_eq!(kept.join(" "), "size s.yaml --vary a=1..2 --seed 7");
    }

    #[test]
    fn units_are_dealt_and_each_to_one() {
        let shards: Vec<Shard> = (1..=3).map(|k| Shard::new(Some(&format!("{k}/3"))).expect("a shard")).collect();
        assert!((0..20).all(|unit| shards.iter().filter(|shard| shard.has(unit)).count() == 1));
        assert!(Shard::new(Some("4/3")).is_err() && Shard::new(Some("0/3")).is_err());
        assert_eq!(shards[2].file(), "part-0003-of-0003.jsonl");
    }
}
