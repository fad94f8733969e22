//! Ladders: every stage at its load, its capacity, and what the step bought.

use std::io::Write;
use std::process::Stdio;

use super::{Desk, SMALL, number, text};

const LADDER: &str = "\
plimsoll: 1
title: Two rungs
journey:
  stages:
    - {scenario: one.yaml, users: 600, story: A single worker.}
    - {scenario: two.yaml, users: 1.2k, story: A second one., set: {api.workers: 2}}
";

fn desk() -> Desk {
    let one = SMALL
        .replace("rate: 60/s", "rate: $(users / 10s)")
        .replace("title: Small", "title: One\nlet: {users: 600}")
        .replace("objectives:", "evolve_when: {full: utilisation of workers of api > 70% for 30s}\nobjectives:");
    Desk::new(&[("one.yaml", &one), ("two.yaml", "extends: one.yaml\ntitle: Two\n"), ("ladder.yaml", LADDER)])
}

#[test]
fn a_ladder_tells_what_each_step_bought() {
    let desk = desk();
    let told = desk.document("journey ladder.yaml", 0);
    let stages = told["stages"].as_array().expect("stages");
    let [one, two] = [&stages[0], &stages[1]];
    assert_eq!((&one["title"], &two["title"], &two["verdict"]), (&"One".into(), &"Two".into(), &"meets".into()));
    assert!((number(&two["offered_per_s"]) - 120.0).abs() < 6.0);
    // An M/M/1 keeps its p90 below 100 ms up to 77/s, an M/M/2 up to 176/s or so.
    let [first, second] = [one, two].map(|stage| number(&stage["capacity"]["per_s"]));
    assert!((65.0..90.0).contains(&first) && (155.0..195.0).contains(&second), "{first} {second}");
    assert!((number(&one["capacity"]["users"]) / 10.0 - first).abs() < 1e-6);
    let step = &two["step"];
    assert!((number(&step["capacity_times"]) - second / first).abs() < 1e-6);
    assert_eq!(step["p99"]["word"], "improved", "for the users of before the second stage is quicker");
    assert!((60.0..90.0).contains(&number(&one["evolve"]["at_per_s"])), "{}", one["evolve"]);
    let shown = desk.prints("journey ladder.yaml", 0);
    for words in ["A single worker.", "times the capacity", "time to move", "next          Two, for 1,200 users"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(desk.text("output/ladder/journey.md").contains("## Two"));
    assert_eq!(desk.prints("journey ladder.yaml -f csv", 0).lines().count(), 3);
    assert!(desk.prints("walkthrough ladder.yaml -q", 0).contains("carries"));
}

#[test]
fn a_ladder_is_validated_and_is_no_scenario() {
    let desk = desk();
    assert_eq!(desk.prints("validate ladder.yaml", 0), "ladder.yaml ok: 2 stages\n");
    let told = desk.call("run ladder.yaml");
    assert!(told.status.code() == Some(2) && text(&told.stderr).contains("plimsoll journey"), "{}", text(&told.stderr));
    desk.prints("journey one.yaml", 2);
    let wrong = Desk::new(&[("l.yaml", &LADDER.replace("one.yaml, users", "gone.yaml, usres"))]);
    let told = wrong.call("journey l.yaml");
    assert!(
        told.status.code() == Some(2) && text(&told.stderr).contains("did you mean `users`"),
        "{}",
        text(&told.stderr)
    );
}

#[test]
fn a_quiz_asks_before_it_tells() {
    let desk = desk();
    let mut command = desk.command("journey ladder.yaml --quiz");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
    child.stdin.take().expect("a pipe").write_all(b"75/s\napi\n20\nredis\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let order = [
        "How many requests a second",
        "right: within a quarter",
        "right: api",
        "carries",
        "too low",
        "it is api",
        "2 of 4 answers",
    ];
    let mut rest = told.as_str();
    for words in order {
        let at = rest.find(words).unwrap_or_else(|| panic!("{words} is missing in\n{told}"));
        rest = &rest[at + words.len()..];
    }
}
