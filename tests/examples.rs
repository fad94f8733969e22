//! What the documents show must be true: examples read and compile, shown output is real, generated pages are up to date.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The program in the root of the project, at the design width, for a locale with UTF-8.
fn plimsoll(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("plimsoll").expect("cargo has built it");
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "100").env("NO_COLOR", "1");
    command
}

fn stdout(arguments: &[&str]) -> String {
    let output = plimsoll(arguments).output().expect("it can be started");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

/// Blocks of a Markdown text between fences of that language.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let starts = markdown.split(opening.as_str()).skip(1);
    starts.map(|rest| rest.split("```").next().unwrap_or_default().to_string()).collect()
}

fn scenarios() -> Vec<PathBuf> {
    let folders = ["scenarios", "scenarios/patterns", "scenarios/pitfalls"];
    let list = |folder: &str| fs::read_dir(root().join(folder)).expect("the scenarios can be listed");
    let entries = folders.iter().flat_map(|folder| list(folder));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// Names under `variants:` of a scenario, read off its indentation; those that are `null` are removed ones.
fn variants(text: &str) -> Vec<String> {
    let after = text.split("\nvariants:\n").nth(1).unwrap_or_default();
    let inside = after.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    let names = inside.filter(|line| line.starts_with("  ") && !line.starts_with("   ") && !line.contains('#'));
    // One that varies a field stands for several.
    let names = names.filter(|line| !line.ends_with("null") && !line.contains("{vary:"));
    names.map(|line| line.trim().split(':').next().unwrap_or_default().to_string()).collect()
}

#[test]
fn every_scenario_and_variant_is_valid() {
    for path in scenarios() {
        let file = path.to_str().expect("a path of ASCII");
        stdout(&["validate", file]);
        for variant in variants(&fs::read_to_string(&path).expect("readable")) {
            stdout(&["validate", file, "--variant", &variant]);
        }
    }
}

/// With this variable set, pages are written anew instead of being held against what is printed.
const BLESS: &str = "PLIMSOLL_BLESS";

#[test]
fn shown_output_is_what_is_printed() {
    let page = read("README.md");
    let mut anew = page.clone();
    let shown = blocks(&page, "console");
    for block in &shown {
        let (command, old) = block.split_once('\n').expect("a command and its output");
        let arguments = command.strip_prefix("$ plimsoll ").expect("a command of ours");
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        if arguments[0] == "run" {
            arguments.push("--no-files");
        }
        let printed = stdout(&arguments);
        anew = anew.replace(block, &format!("{command}\n{}\n", printed.trim_end()));
        let is_same = printed.trim_end() == old.trim_end();
        assert!(
            is_same || std::env::var_os(BLESS).is_some(),
            "the README shows other output of `{command}`:\n{printed}"
        );
    }
    assert!(!shown.is_empty(), "the README shows no output");
    if std::env::var_os(BLESS).is_some() {
        fs::write(root().join("README.md"), anew).expect("writable");
    }
}

#[test]
fn shown_scenarios_are_valid() {
    for page in ["README.md", "ARCHITECTURE.md"] {
        for block in blocks(&read(page), "yaml").iter().filter(|block| block.contains("plimsoll: 1")) {
            let folder = tempfile::tempdir().expect("a temporary directory");
            let path = folder.path().join("shown.yaml");
            fs::write(&path, block).expect("writable");
            stdout(&["validate", "--strict", path.to_str().expect("a path of ASCII")]);
        }
    }
}

#[test]
fn the_reference_pages_are_up_to_date() {
    for page in ["reference", "cheat-sheet", "measures", "diagnostics", "verbs"] {
        let made = stdout(&["schema", page]);
        let path = format!("docs/{page}.md");
        if std::env::var_os(BLESS).is_some() {
            fs::write(root().join(&path), &made).expect("writable");
        }
        assert!(made == read(&path), "make it again: plimsoll schema {page} > {path}");
    }
}

/// Links between the pages lead to files that are there.
#[test]
fn links_between_pages_lead_somewhere() {
    let pages = fs::read_dir(root().join("docs")).expect("the pages can be listed");
    let pages = pages.map(|page| format!("docs/{}", page.expect("an entry").file_name().to_string_lossy()));
    for page in pages.filter(|page| page.ends_with(".md")).chain(["README.md".to_owned(), "ARCHITECTURE.md".to_owned()])
    {
        let text = read(&page);
        let folder = Path::new(&page).parent().expect("a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                assert!(root().join(folder).join(target).exists(), "{page} links to {link}, which is not there");
            }
        }
    }
}

#[test]
fn scenarios_follow_their_own_schema() {
    let schema: serde_json::Value = serde_json::from_str(&stdout(&["schema", "scenario"])).expect("JSON");
    jsonschema::validator_for(&schema).expect("a valid JSON Schema");
}
