//! Studies as their users meet them, and against what is known: pairs, sweeps that go on, capacities of theory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

mod capacity;
mod check;
mod compare;
mod journey;
mod plan;
mod shards;
mod size;
mod sweep;
mod uncertain;
mod walkthrough;

/// A single queue at 60 %: a few milliseconds of work.
const SMALL: &str = "\
plimsoll: 1
title: Small
run: {duration: 1m, replications: 3}
load: {users: {rate: 60/s, requests: {api.serve: 1}, timeout: 5s}}
components:
  api: {kind: service, workers: 1, operations: {serve: [{wait: exp(10ms)}]}}
objectives: {fast: latency p90 <= 100ms}
";

/// A folder with scenarios in it, in which the program is called; gone at the end.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Desk {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        Desk { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Calls the program with an environment that no machine has a say in.
    fn call(&self, arguments: &str) -> Output {
        self.call_in(arguments, &[])
    }

    fn call_in(&self, arguments: &str, variables: &[(&str, &str)]) -> Output {
        self.command(arguments).envs(variables.iter().copied()).output().expect("it can be started")
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::cargo_bin("plimsoll").expect("cargo has built it");
        let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("PLIMSOLL_"));
        let others =
            ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_CTYPE", "LANG", "GITHUB_STEP_SUMMARY"].map(str::to_owned);
        ours.chain(others).for_each(|name| _ = command.env_remove(name));
        command.env("LC_ALL", "C.UTF-8").env("XDG_CONFIG_HOME", "/nowhere");
        command.current_dir(self.folder.path()).stdin(Stdio::null()).args(words(arguments));
        command
    }

    /// What a call prints that ends with this code.
    #[track_caller]
    fn prints(&self, arguments: &str, code: i32) -> String {
        let output = self.call(arguments);
        let (told, printed) = (text(&output.stderr), text(&output.stdout));
        assert_eq!(output.status.code(), Some(code), "{arguments}\n{printed}\n{told}");
        printed
    }

    /// The JSON document of a call that ends with this code; it follows its schema.
    #[track_caller]
    fn document(&self, arguments: &str, code: i32) -> Value {
        let printed = self.prints(&format!("{arguments} --json"), code);
        let document: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
        follows_its_schema(&document);
        document
    }
}

/// The words of a command line, with 'blanks in quotes'.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let split = |(at, part): (usize, &str)| match at % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    };
    parts.flat_map(split).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it writes UTF-8")
}

#[track_caller]
fn follows_its_schema(document: &Value) {
    let named = document["schema"].as_str().expect("it has a schema");
    let name = named.trim_start_matches("plimsoll.").trim_end_matches("/1");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{name}.schema.json"));
    let schema = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let errors: Vec<String> = validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{named} does not follow its schema:\n{}", errors.join("\n"));
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}
