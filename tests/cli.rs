//! The command line as its users meet it: streams, files, exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;

/// A single queue at 60 % for two simulated minutes: a few milliseconds of work.
const SMALL: &str = "\
plimsoll: 1
title: Small
run: {duration: 2m, replications: 3}
load: {users: {rate: 60/s, requests: {api.serve: 1}, timeout: 5s}}
components:
  api: {kind: service, workers: 1, operations: {serve: [{wait: exp(10ms)}]}}
objectives: {fast: latency p50 <= 500ms}
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, with an environment that no machine has a say in.
fn plimsoll() -> Command {
    let mut command = Command::cargo_bin("plimsoll").expect("cargo has built it");
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_CTYPE", "LANG", "PLIMSOLL_SEED", "PLIMSOLL_FORMAT"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").current_dir(root()).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    plimsoll().args(arguments).output().expect("it can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it writes UTF-8")
}

/// A folder with a scenario in it, gone at the end.
fn folder(scenario: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("small.yaml");
    fs::write(&path, scenario).expect("writable");
    (folder, path)
}

/// Runs a scenario and writes no files.
fn run(scenario: &str, more: &[&str]) -> Output {
    let (_folder, path) = folder(scenario);
    plimsoll().arg("run").arg(&path).arg("--no-files").args(more).output().expect("it can be started")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

#[test]
fn json_alone_stands_on_standard_output() {
    let output = run(SMALL, &["--json"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(report["schema"], "plimsoll.report/1");
    assert_eq!(report["run"]["replications"], 3);
    let schema: serde_json::Value =
        serde_json::from_slice(&self::output(&["schema", "report"]).stdout).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let errors: Vec<String> = validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "the report does not follow its schema:\n{}", errors.join("\n"));
}

#[test]
fn the_same_bytes_come_from_any_number_of_jobs() {
    let (_folder, path) = folder(SMALL);
    let report = |jobs: &str| {
        let mut command = plimsoll();
        command.arg("run").arg(&path).args(["--no-files", "--no-meta", "--json", "--jobs", jobs]);
        command.output().expect("it can be started").stdout
    };
    let one = report("1");
    assert!(!one.is_empty());
    assert!(one == report("2") && one == report("8"), "jobs changed the report");
}

#[test]
fn standard_input_is_a_scenario() {
    use std::io::Write;
    let mut command = plimsoll();
    command.args(["run", "-", "--no-files", "-q"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be started");
    child.stdin.take().expect("a pipe").write_all(SMALL.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((code(&output), text(&output.stdout).trim()), (0, "✓ meets its objective"), "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_goes_away_is_no_mistake() {
    let mut command = plimsoll();
    command.args(["schema", "scenario"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((code(&output), text(&output.stderr).as_str()), (0, ""));
}

#[test]
fn files_are_written_where_they_belong_and_announced() {
    let (folder, path) = folder(SMALL);
    let mut command = plimsoll();
    let output = command.arg("run").arg(&path).current_dir(folder.path()).output().expect("it can be started");
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    for name in ["report.json", "timeseries.csv", "latency.hgrm"] {
        let file = folder.path().join("output/small").join(name);
        assert!(0 < fs::metadata(&file).unwrap_or_else(|_| panic!("{name} is missing")).len());
        assert!(text(&output.stderr).contains(&format!("wrote output/small/{name}")), "{}", text(&output.stderr));
    }
    assert!(!text(&output.stdout).contains("wrote"));
}

#[test]
fn an_output_that_cannot_be_written_is_code_74() {
    let (folder, path) = folder(SMALL);
    let target = folder.path().join("small.yaml").join("report.json");
    let export = format!("json={}", target.display());
    let output =
        plimsoll().arg("run").arg(&path).args(["--no-files", "--export", &export]).output().expect("it can be started");
    assert_eq!(code(&output), 74);
    assert!(text(&output.stderr).contains("cannot write"));
}

#[test]
fn gates_decide_the_exit_code_only_when_asked_for() {
    let missed = SMALL.replace("<= 500ms", "<= 1ms");
    assert_eq!(code(&run(&missed, &[])), 0);
    assert_eq!(code(&run(&missed, &["--fail-on", "objectives"])), 1);
    assert_eq!(code(&run(SMALL, &["--fail-on", "objectives"])), 0);
}

#[test]
fn a_bad_scenario_is_told_whole_and_nothing_is_simulated() {
    let bad = SMALL.replace("workers: 1", "wrokers: 1").replace("exp(10ms)", "exp(10 msecs)");
    let output = run(&bad, &[]);
    assert_eq!((code(&output), text(&output.stdout).as_str()), (2, ""));
    let told = text(&output.stderr);
    assert!(told.contains("wrokers") && told.contains("workers") && told.contains("msecs"), "{told}");
    let concise = {
        let (_folder, path) = folder(&bad);
        plimsoll().arg("validate").arg(&path).args(["-f", "concise"]).output().expect("it can be started")
    };
    assert_eq!(code(&concise), 2);
    assert_eq!(text(&concise.stdout).lines().count(), 2, "{}", text(&concise.stdout));
}

#[test]
fn settings_are_checked_like_the_text_itself() {
    let output = run(SMALL, &["--set", "api.workers=many"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("--set api.workers=many"), "{}", text(&output.stderr));
    let faster = run(SMALL, &["--rate", "30/s", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&faster.stdout).expect("one JSON document");
    let offered = report["requests"]["offered_per_s"]["mean"].as_f64().expect("a number");
    assert!((25.0..35.0).contains(&offered), "{offered}/s offered");
}

#[test]
fn quiet_means_quiet_and_colour_is_for_terminals() {
    assert_eq!(text(&run(SMALL, &["-q"]).stdout), "✓ meets its objective\n");
    let silent = run(SMALL, &["-qq"]);
    assert_eq!((text(&silent.stdout), text(&silent.stderr)), (String::new(), String::new()));
    assert!(!text(&run(SMALL, &[]).stdout).contains('\u{1b}'));
    assert!(text(&run(SMALL, &["--color", "always"]).stdout).contains('\u{1b}'));
    assert!(text(&run(SMALL, &["-f", "plain"]).stdout).is_ascii());
}

#[test]
fn a_time_limit_gives_what_there_is_and_says_so() {
    let long = SMALL.replace("duration: 2m", "duration: 400h");
    let output = run(&long, &["--timeout", "100ms"]);
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("partial"), "{}", text(&output.stdout));
}

#[test]
fn usage_mistakes_are_code_2_and_name_the_nearest() {
    let verb = output(&["rnu", "x.yaml"]);
    assert_eq!(code(&verb), 2);
    assert!(text(&verb.stderr).contains("run"));
    let word = output(&["explain", "E0012"]);
    assert_eq!(code(&word), 2);
    let missing = output(&["run", "no-such-file.yaml"]);
    assert_eq!(code(&missing), 2);
    assert!(text(&missing.stderr).contains("no-such-file.yaml"), "{}", text(&missing.stderr));
    assert_eq!(code(&output(&[])), 2);
}

#[test]
fn help_shows_examples_first_and_the_exit_codes() {
    let help = text(&output(&["run", "-h"]).stdout);
    let (examples, usage) = (help.find("Examples:").expect("examples"), help.find("Usage:").expect("usage"));
    assert!(examples < usage, "{help}");
    assert!(text(&output(&["help", "exit-codes"]).stdout).contains("130  interrupted"));
    assert!(text(&output(&["help", "run"]).stdout).contains("--replications"));
}

#[test]
fn explain_knows_codes_measures_and_kinds() {
    for (word, part) in [("E0102", "E0102"), ("latency", "intended arrival"), ("database", "connections")] {
        let explained = output(&["explain", word]);
        assert_eq!(code(&explained), 0, "{}", text(&explained.stderr));
        assert!(text(&explained.stdout).contains(part), "{word}: {}", text(&explained.stdout));
    }
}

#[test]
fn a_new_scenario_is_valid_and_never_replaces_one() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let init = |template: &str, name: &str| {
        let mut command = plimsoll();
        command.args(["init", name, "--template", template]).current_dir(folder.path());
        code(&command.output().expect("it can be started"))
    };
    for template in ["smallest", "01-single-server", "02-separate-database", "03-load-balancer"] {
        let name = format!("mine-{template}.yaml");
        assert_eq!(init(template, &name), 0);
        let validated =
            plimsoll().args(["validate", &name]).current_dir(folder.path()).output().expect("it can be started");
        assert_eq!(code(&validated), 0, "{}", text(&validated.stderr));
        assert_eq!(init(template, &name), 2);
    }
    assert!(folder.path().join("plimsoll.schema.json").exists());
    assert_eq!(init("smalest", "other.yaml"), 2);
}

#[test]
fn the_mistakes_of_variants_are_told_too() {
    let broken = format!(
        "{SMALL}variants:\n  two: {{components: {{api: {{workers: 2, wrkers: 3}}}}}}\n  three: {{components: {{api: {{workers: 3}}}}}}\n"
    );
    let (_folder, path) = folder(&broken);
    let validated = plimsoll().arg("validate").arg(&path).output().expect("it can be started");
    let told = text(&validated.stderr);
    assert_eq!(code(&validated), 2, "{told}");
    assert!(told.contains("unknown field `wrkers`") && told.contains("in the variant `two`"), "{told}");
    assert!(told.contains("1 error"), "what the base does not say is told once: {told}");
}

#[test]
fn the_resolved_scenario_reads_back_as_the_same() {
    let (_folder, path) = folder(SMALL);
    let resolved = plimsoll().arg("validate").arg("--resolved").arg(&path).output().expect("it can be started");
    assert_eq!(code(&resolved), 0, "{}", text(&resolved.stderr));
    let again = folder_of_resolved(&text(&resolved.stdout));
    let original = run(SMALL, &["--json", "--no-meta"]).stdout;
    let (one, two): (serde_json::Value, serde_json::Value) =
        (serde_json::from_slice(&original).expect("JSON"), serde_json::from_slice(&again).expect("JSON"));
    assert_eq!(one["latency"], two["latency"]);
}

fn folder_of_resolved(scenario: &str) -> Vec<u8> {
    run(scenario, &["--json", "--no-meta"]).stdout
}

#[test]
fn completions_and_manual_pages_are_made() {
    assert!(text(&output(&["completions", "bash"]).stdout).contains("plimsoll"));
    let folder = tempfile::tempdir().expect("a temporary directory");
    let made = plimsoll().args(["man", "--out"]).arg(folder.path()).output().expect("it can be started");
    assert_eq!(code(&made), 0, "{}", text(&made.stderr));
    for page in ["plimsoll.1", "plimsoll-run.1", "plimsoll-validate.1"] {
        assert!(folder.path().join(page).exists(), "{page} is missing");
    }
}
