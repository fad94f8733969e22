//! What may come next on a command line, for a shell that asks: files, and the names inside the scenario that is typed.
//!
//! The script of `plimsoll completions` calls the program again with [`VARIABLE`] set. A scenario that cannot be read
//! offers nothing: a completion is no place for messages.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate as Candidate, PathCompleter, ValueCompleter};

use crate::analysis::warning::WARNINGS;
use crate::cli::args::Arguments;
use crate::cli::input::{self, Wanted};
use crate::cli::{config, init};
use crate::diagnostic::{Code, Diagnostics, Sources};
use crate::fields::reachable;
use crate::scenario::condition::parse::MEASURES;
use crate::scenario::resolved::resolved;
use crate::scenario::root::root_table;
use crate::text::{self, Node, Value};

/// Set by the shell while it asks.
pub(crate) const VARIABLE: &str = "PLIMSOLL_COMPLETE";

/// Answers a shell, if it is one that asks.
pub(crate) fn answer() -> Option<ExitCode> {
    let here = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(Arguments::command).var(VARIABLE);
    match asked.try_complete(std::env::args_os(), here.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        // A shell that offers nothing says enough.
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// Files that may be scenarios, the folders on the way to them, and `-`.
pub(crate) fn scenarios(current: &OsStr) -> Vec<Candidate> {
    PathCompleter::file().stdio().filter(is_yaml).complete(current)
}

/// `web.instances=` and all other values of the scenario, deeper ones where nothing else fits.
pub(crate) fn paths(current: &OsStr) -> Vec<Candidate> {
    let typed = current.to_string_lossy();
    let Some(tree) = typed_scenario().filter(|_| !typed.contains('=')) else { return Vec::new() };
    let named = keys(typed_text().as_ref().and_then(|tree| tree.get("let")));
    let mut names: Vec<String> = named.into_iter().map(|name| format!("let.{name}=")).collect();
    leaves(&resolved(&tree), &mut Vec::new(), &mut names);
    names.retain(|name| name.starts_with(&*typed));
    let depth = |name: &String| name.matches('.').count().max(1);
    let least = names.iter().map(depth).min();
    names.retain(|name| Some(depth(name)) == least);
    starting(current, names)
}

/// The names of the scenario's variants.
pub(crate) fn variants(current: &OsStr) -> Vec<Candidate> {
    starting(current, keys(typed_text().as_ref().and_then(|tree| tree.get("variants"))))
}

/// `users=` for each load of the scenario.
pub(crate) fn loads(current: &OsStr) -> Vec<Candidate> {
    let tree = typed_scenario();
    let names = keys(tree.as_ref().and_then(|tree| tree.get("load")));
    starting(current, names.into_iter().map(|name| name + "=").collect())
}

/// The profiles of the configuration above the scenario or the current directory.
pub(crate) fn profiles(current: &OsStr) -> Vec<Candidate> {
    starting(current, config::profiles(typed_file().as_deref()))
}

/// What can be explained.
pub(crate) fn words(current: &OsStr) -> Vec<Candidate> {
    let codes = Code::ALL.iter().map(|code| code.as_str()).chain(WARNINGS.iter().map(|(code, ..)| *code));
    let tables = reachable(root_table());
    let kinds = tables.iter().map(|table| table.name).filter(|name| !name.contains(' '));
    let words = codes.chain(MEASURES.iter().map(|measure| measure.name)).chain(kinds);
    starting(current, words.map(str::to_owned).collect())
}

/// The templates of `init`.
pub(crate) fn templates(current: &OsStr) -> Vec<Candidate> {
    starting(current, init::names().map(str::to_owned).collect())
}

fn starting(current: &OsStr, mut names: Vec<String>) -> Vec<Candidate> {
    let typed = current.to_string_lossy();
    names.retain(|name| name.starts_with(&*typed));
    names.dedup();
    names.into_iter().map(Candidate::new).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The first word of the typed line that is a scenario file.
fn typed_file() -> Option<String> {
    let words = std::env::args().skip_while(|word| word != "--").skip(2);
    words.into_iter().find(|word| is_yaml(word.as_ref()))
}

/// The scenario on the typed line, merged and worked out.
fn typed_scenario() -> Option<Node> {
    input::read(&Wanted::of(&typed_file()?)).resolved
}

/// The same as it is written, with its named values.
fn typed_text() -> Option<Node> {
    let read = |path: &Path| std::fs::read_to_string(path);
    text::load(&typed_file()?, &read, &mut Sources::default(), &mut Diagnostics::new())
}

fn keys(node: Option<&Node>) -> Vec<String> {
    let entries = node.and_then(Node::as_map).unwrap_or_default();
    entries.iter().map(|(key, _)| key.value.clone()).collect()
}

/// Paths of `--set` to single values; components stand without `components.`.
fn leaves(node: &Node, path: &mut Vec<String>, names: &mut Vec<String>) {
    match &node.value {
        Value::Map(entries) => {
            for (key, node) in entries {
                let length = path.len();
                path.extend((length != 0 || key.value != "components").then(|| key.value.clone()));
                leaves(node, path, names);
                path.truncate(length);
            }
        }
        Value::Scalar { .. } => names.push(path.join(".") + "="),
        _ => {}
    }
}
