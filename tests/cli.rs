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
    let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("PLIMSOLL_"));
    let others = ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_CTYPE", "LANG"].map(str::to_owned);
    ours.chain(others).for_each(|name| _ = command.env_remove(name));
    command.env("LC_ALL", "C.UTF-8").env("XDG_CONFIG_HOME", "/nowhere").current_dir(root()).stdin(Stdio::null());
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
    for (word, part) in
        [("E0102", "E0102"), ("latency", "intended arrival"), ("database", "connections"), ("fail-on", "configuration")]
    {
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
    for page in ["plimsoll.1", "plimsoll-run.1", "plimsoll-validate.1", "plimsoll-config-show.1"] {
        assert!(folder.path().join(page).exists(), "{page} is missing");
    }
}

/// Runs the program in a folder, with variables.
fn within(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = plimsoll();
    command.args(arguments).current_dir(folder).envs(variables.iter().copied());
    command.output().expect("it can be started")
}

fn json(output: &Output) -> serde_json::Value {
    assert_eq!(code(output), 0, "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

const CONFIGURATION: &str = "\
seed = 7
no-files = true

[profile.ci]
inherits = \"quick\"
fail-on = \"objectives\"

[profile.quick]
duration = \"1m\"
replications = 2
";

#[test]
fn flags_win_over_variables_over_files_over_the_scenario() {
    let (folder, _) = folder(SMALL);
    let below = folder.path().join("deep");
    fs::create_dir(&below).expect("writable");
    fs::write(folder.path().join("plimsoll.toml"), CONFIGURATION).expect("writable");
    let seed = |arguments: &[&str], variables: &[(&str, &str)]| {
        let all: Vec<&str> = ["run", "../small.yaml", "--json"].iter().chain(arguments).copied().collect();
        let report = json(&within(&below, &all, variables));
        (report["run"]["seed"].as_u64(), report["run"]["replications"].as_u64())
    };
    assert_eq!(seed(&[], &[]), (Some(7), Some(3)), "the file over the default, the scenario where it is silent");
    assert_eq!(seed(&[], &[("PLIMSOLL_SEED", "8")]), (Some(8), Some(3)));
    assert_eq!(seed(&[], &[("PLIMSOLL_SEED", "")]), (Some(7), Some(3)), "empty is not set");
    assert_eq!(seed(&["--seed", "9"], &[("PLIMSOLL_SEED", "8")]), (Some(9), Some(3)));
    assert_eq!(seed(&["--profile", "ci"], &[]), (Some(7), Some(2)), "a profile inherits");
    assert_eq!(seed(&[], &[("PLIMSOLL_PROFILE", "quick")]), (Some(7), Some(2)));
    assert!(!below.join("output").exists(), "`no-files` held");
    let missed = SMALL.replace("<= 500ms", "<= 1ms");
    fs::write(folder.path().join("small.yaml"), missed).expect("writable");
    assert_eq!(code(&within(&below, &["run", "../small.yaml", "--profile", "ci"], &[])), 1);
}

#[test]
fn a_configuration_is_looked_for_up_to_the_repository_and_then_at_home() {
    let (folder, _) = folder(SMALL);
    let repository = folder.path().join("project");
    fs::create_dir_all(repository.join(".git")).expect("writable");
    fs::copy(folder.path().join("small.yaml"), repository.join("small.yaml")).expect("writable");
    fs::write(folder.path().join("plimsoll.toml"), "seed = 7\n").expect("writable");
    let home = folder.path().join("home");
    fs::create_dir_all(home.join("plimsoll")).expect("writable");
    fs::write(home.join("plimsoll/config.toml"), "seed = 5\nreplications = 4\n").expect("writable");
    let home = home.to_str().expect("a path of ASCII");
    let run = |file: &str| {
        let arguments = ["run", file, "--json", "--no-files"];
        let report = json(&within(folder.path(), &arguments, &[("XDG_CONFIG_HOME", home)]));
        (report["run"]["seed"].as_u64(), report["run"]["replications"].as_u64())
    };
    assert_eq!(run("small.yaml"), (Some(7), Some(4)), "the project's file over the user's");
    assert_eq!(run("project/small.yaml"), (Some(5), Some(4)), "beyond the repository nobody looks");
}

#[test]
fn config_show_tells_where_each_value_comes_from() {
    let (folder, _) = folder(SMALL);
    fs::write(folder.path().join("plimsoll.toml"), CONFIGURATION).expect("writable");
    let arguments = ["config", "show", "small.yaml", "--profile", "ci", "--warmup", "5s"];
    let shown = within(folder.path(), &arguments, &[("PLIMSOLL_TRACE", "2")]);
    assert_eq!(code(&shown), 0, "{}", text(&shown.stderr));
    let shown = text(&shown.stdout);
    for (setting, value, origin) in [
        ("seed", "7", "plimsoll.toml:1"),
        ("trace", "2", "PLIMSOLL_TRACE"),
        ("warmup", "\"5s\"", "flag"),
        ("replications", "2", "profile quick, plimsoll.toml:10"),
        ("fail-on", "\"objectives\"", "profile ci, plimsoll.toml:6"),
        ("format", "\"human\"", "default"),
    ] {
        let line = shown.lines().find(|line| line.split(' ').next() == Some(setting));
        let line = line.unwrap_or_else(|| panic!("no `{setting}` in\n{shown}"));
        let (given, from) = line.split_once('#').expect("an origin");
        assert_eq!(given.split_once('=').map(|(_, value)| value.trim()), Some(value), "{line}");
        assert_eq!(from.trim(), origin, "{line}");
    }
    let bare = within(folder.path(), &["config", "show", "small.yaml", "--json"], &[]);
    let settings = json(&bare);
    let of = |name: &str| {
        let all = settings.as_array().expect("a list").iter();
        all.filter(|setting| setting["name"] == name).map(|setting| setting["origin"].clone()).next()
    };
    assert_eq!(of("duration"), Some("scenario".into()));
    assert_eq!(of("precision"), Some("not set".into()));
}

#[test]
fn what_config_show_prints_is_a_configuration_itself() {
    let (folder, _) = folder(SMALL);
    fs::write(folder.path().join("plimsoll.toml"), CONFIGURATION).expect("writable");
    let shown = within(folder.path(), &["config", "show", "--profile", "quick"], &[]);
    fs::write(folder.path().join("plimsoll.toml"), &shown.stdout).expect("writable");
    let again = within(folder.path(), &["config", "show"], &[]);
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    let values = |output: &Output| -> Vec<String> {
        let text = text(&output.stdout);
        let values = text.lines().filter_map(|line| Some(line.split_once(" # ")?.0.trim().to_owned()));
        values.filter(|line| line.contains('=')).collect()
    };
    assert_eq!(values(&shown), values(&again));
    assert!(10 < values(&shown).len());
}

#[test]
fn mistakes_in_a_configuration_are_told_like_those_in_a_scenario() {
    let (folder, _) = folder(SMALL);
    let told = |configuration: &str, more: &[&str]| {
        fs::write(folder.path().join("plimsoll.toml"), configuration).expect("writable");
        let arguments: Vec<&str> = ["run", "small.yaml", "--no-files"].iter().chain(more).copied().collect();
        let output = within(folder.path(), &arguments, &[]);
        assert_eq!((code(&output), text(&output.stdout).as_str()), (2, ""), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let holds = |told: &str, parts: &[&str]| {
        for part in parts {
            assert!(told.contains(part), "no `{part}` in\n{told}");
        }
    };
    let many = "sed = 7\nduration = \"10 msecs\"\njobs = 0\nformat = \"jsno\"\n";
    let parts =
        ["E0102", "did you mean `seed`?", "E0201", "plimsoll.toml:2:16", "E0202", "E0206", "plimsoll.toml:4:11"];
    holds(&told(many, &[]), &parts);
    holds(&told("seed = 1\nseed = 2\nx = [1\n", &[]), &["error[E0113]", "plimsoll.toml:2:1", "2 errors"]);
    holds(&told(CONFIGURATION, &["--profile", "cl"]), &["error[E0317]", "did you mean `ci`?", "--profile:1:1"]);
    let lost = "[profile.ci]\ninherits = \"qiuck\"\n[profile.quick]\n";
    holds(&told(lost, &["--profile", "ci"]), &["error[E0317]", "plimsoll.toml:2:13", "did you mean `quick`?"]);
    let circle = "[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\"\n";
    holds(&told(circle, &["--profile", "a"]), &["error[E0308]", "plimsoll.toml:4:13"]);
    holds(&told("", &["--config", "gone.toml"]), &["error[E0306]", "gone.toml", "--config"]);
}

#[test]
fn a_broken_configuration_does_not_stand_in_the_way_of_its_explanation() {
    let (folder, _) = folder(SMALL);
    fs::write(folder.path().join("plimsoll.toml"), "seed = \n").expect("writable");
    assert_eq!(code(&within(folder.path(), &["explain", "E0113"], &[])), 0);
}

#[test]
fn the_schema_of_the_configuration_is_true() {
    let schema: serde_json::Value = json(&output(&["schema", "config"]));
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let good = serde_json::json!({"seed": 7, "no-files": true, "profile": {"ci": {"inherits": "x", "duration": "1m"}}});
    assert!(validator.is_valid(&good));
    for bad in [
        serde_json::json!({"sed": 7}),
        serde_json::json!({"seed": null}),
        serde_json::json!({"format": "jsno"}),
        serde_json::json!({"profile": {"ci": {"profile": {}}}}),
        serde_json::json!({"duration": "10 msecs"}),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}

#[test]
fn the_older_dialect_says_the_same() {
    let (newer, older) =
        (json(&output(&["schema", "scenario"])), json(&output(&["schema", "scenario", "--draft", "07"])));
    assert!(older["$schema"].as_str().is_some_and(|name| name.contains("draft-07")));
    assert!(!older.to_string().contains("$defs"), "references go elsewhere in draft 07");
    let good = serde_json::json!({"run": {"duration": "10m"}});
    let bad = serde_json::json!({"run": {"duration": "10 msecs"}});
    for schema in [newer, older] {
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        assert!(validator.is_valid(&good) && !validator.is_valid(&bad));
    }
}

/// What a shell is offered after these words, the last of which is being typed.
fn offered(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut command = plimsoll();
    command.args(["--", "plimsoll"]).args(words).current_dir(folder).env("PLIMSOLL_COMPLETE", "fish");
    let answer = command.output().expect("it can be started");
    let lines = text(&answer.stdout);
    lines.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn completions_know_the_scenario_that_is_typed() {
    let named =
        SMALL.replace("rate: 60/s", "rate: $speed") + "let: {speed: 60/s}\nvariants: {fast: {let: {speed: 99/s}}}\n";
    let (folder, _) = folder(&named);
    fs::write(folder.path().join("plimsoll.toml"), CONFIGURATION).expect("writable");
    let of = |words: &[&str]| offered(folder.path(), words);
    assert!(of(&["run", "sm"]).contains(&"small.yaml".to_owned()));
    assert!(!of(&["run", ""]).contains(&"plimsoll.toml".to_owned()), "only scenarios are offered");
    assert!(of(&["run", "small.yaml", "--set", "api.w"]).contains(&"api.workers=".to_owned()));
    assert_eq!(of(&["run", "small.yaml", "--set", "let."]), ["let.speed="]);
    assert_eq!(of(&["run", "small.yaml", "--variant", ""]), ["fast"]);
    assert_eq!(of(&["run", "small.yaml", "--rate", "u"]), ["users="]);
    assert_eq!(of(&["run", "small.yaml", "--profile", ""]), ["ci", "quick"]);
    assert_eq!(of(&["explain", "e0"]), Vec::<String>::new());
    assert_eq!(of(&["explain", "E0317"]), ["E0317"]);
    assert_eq!(of(&["init", "--template", "sm"]), ["smallest"]);
}

#[test]
fn other_tools_read_the_report_too() {
    let missed = SMALL.replace("<= 500ms", "<= 1ms");
    let markdown = text(&run(&missed, &["-f", "markdown"]).stdout);
    assert!(markdown.starts_with("### ✗ Small: misses its objective\n"), "{markdown}");
    assert!(markdown.contains("| latency | p50 |") && markdown.contains("| **api** | 1 |"), "{markdown}");
    let junit = text(&run(&missed, &["-f", "junit"]).stdout);
    assert!(
        junit.contains("failures=\"1\"")
            && junit.contains("<failure type=\"objective\" message=\"latency p50 &lt;= 1ms")
    );
    assert!(text(&run(SMALL, &["-f", "junit"]).stdout).contains("failures=\"0\""));
    let (folder, _) = folder(&missed);
    let github = within(folder.path(), &["run", "small.yaml", "--no-files", "-f", "github"], &[]);
    let annotation = text(&github.stdout);
    let expected = "::error file=small.yaml,line=7,col=14,title=objective fast::missed: latency p50 <= 1ms: ";
    assert!(annotation.starts_with(expected), "{annotation}");
    fs::write(folder.path().join("small.yaml"), SMALL.replace("workers", "wrokers")).expect("writable");
    for verb in ["run", "validate"] {
        let told = within(folder.path(), &[verb, "small.yaml", "-f", "github"], &[]);
        assert_eq!(code(&told), 2);
        assert!(
            text(&told.stdout).starts_with("::error file=small.yaml,line=6,col=24,title=E0102::"),
            "{}",
            text(&told.stdout)
        );
    }
}

#[test]
fn files_are_written_even_if_nobody_reads_the_result() {
    let (folder, _) = folder(SMALL);
    let mut command = plimsoll();
    command.args(["run", "small.yaml"]).current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be started");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(code(&ended), 0, "{}", text(&ended.stderr));
    assert!(folder.path().join("output/small/report.json").exists());
}

#[test]
fn flags_are_checked_before_anything_runs() {
    for (flag, value, part) in [
        ("--duration", "10 msecs", "`msecs` is not a time unit"),
        ("--timeout", "5", "has no unit"),
        ("--rate", "users=12", "has no unit"),
        ("--export", "pdf=x.pdf", "`pdf` is none of"),
        ("--jobs", "0", "zero"),
    ] {
        let output = run(SMALL, &[flag, value]);
        assert_eq!(code(&output), 2, "{flag} {value}");
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
    assert_eq!(code(&run(SMALL, &["--json", "--format", "csv"])), 2);
    let mut command = plimsoll();
    command.args(["validate", "scenarios/01-single-server.yaml", "--json"]).env("PLIMSOLL_FORMAT", "csv");
    assert_eq!(json(&command.output().expect("it can be started")), serde_json::json!([]));
}

#[test]
fn a_setting_hides_only_the_warning_that_it_causes() {
    let text = SMALL.replace("rate: 60/s", "rate: $speed") + "let: {speed: 60/s, forgotten: 5ms}\n";
    let report = json(&run(&text, &["--rate", "30/s", "--json"]));
    let warnings = report["warnings"].as_array().expect("a list").iter();
    let unused: Vec<&str> = warnings.filter(|w| w["code"] == "W0406").filter_map(|w| w["message"].as_str()).collect();
    assert_eq!(unused, ["nothing uses `$forgotten`"]);
}

#[test]
fn an_undecided_objective_is_what_one_says_it_is() {
    // The limit is so near to the mean that no three replications tell on which side it lies.
    let close = SMALL.replace("latency p50 <= 500ms", "throughput >= 60/s");
    let gate = |more: &[&str]| {
        let all: Vec<&str> = ["--fail-on", "objectives"].iter().chain(more).copied().collect();
        code(&run(&close, &all))
    };
    assert_eq!([gate(&[]), gate(&["--undecided", "fail"]), gate(&["--undecided", "pass"])], [3, 1, 0]);
}

#[test]
fn the_documented_configuration_is_right() {
    let page = fs::read_to_string(root().join("docs/command-line.md")).expect("it is there");
    let shown = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let (folder, _) = folder(SMALL);
    fs::write(folder.path().join("plimsoll.toml"), shown).expect("writable");
    let report = within(folder.path(), &["config", "show", "small.yaml", "--profile", "ci", "--json"], &[]);
    let settings = json(&report);
    for setting in settings.as_array().expect("a list") {
        let name = setting["name"].as_str().expect("a name");
        assert!(page.contains(&format!("`{name}`")), "the page does not name `{name}`");
    }
    assert!(settings.to_string().contains("profile quick, plimsoll.toml:"));
}
