//! A walkthrough says what the verbs say that it is made of, and asks before it tells.

use std::io::Write;
use std::process::Stdio;

use super::{Desk, number, text};

/// Two tiers at half of what the first can do.
const SHOP: &str = "\
plimsoll: 1
title: Shop
run: {duration: 30s, warmup: 3s, replications: 3}
load: {users: {rate: 100/s, requests: {web.page: 3, web.look: 1}, timeout: 5s}}
components:
  web: {kind: service, machine: c5.large, instances: 2, operations: {page: [{cpu: exp(20ms)}, {call: db.read}], look: [{cpu: exp(20ms)}]}}
  db: {kind: database, machine: r5.large, connections: 8, operations: {read: {cpu: exp(4ms)}}}
objectives: {fast: latency p90 <= 100ms}
";

#[test]
fn a_walkthrough_goes_from_the_sums_to_what_comes_next() {
    let desk = Desk::new(&[("shop.yaml", SHOP)]);
    let walk = desk.document("walkthrough shop.yaml", 0);
    assert_eq!(
        walk["requirements"]["loads"][0]["requests"],
        serde_json::json!([["web.look", 0.25], ["web.page", 0.75]])
    );
    // The same figures as of the verbs of their own.
    assert_eq!(walk["by_hand"], desk.document("estimate shop.yaml", 0));
    assert_eq!(walk["trade_offs"], desk.document("advise shop.yaml", 0));
    let (found, alone) = (&walk["capacity"], desk.document("capacity shop.yaml --tolerance 5%", 0));
    assert_eq!([&found["low"], &found["high"], &found["breaks"]], [&alone["low"], &alone["high"], &alone["breaks"]]);
    // The utilisation law says 4 cores / 20 ms = 200/s, and the objective breaks before.
    assert!(100.0 < number(&found["value"]) && number(&found["value"]) < 200.0, "{found}");
    let asked: Vec<&str> = walk["follow_ups"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|asked| asked["question"].as_str().expect("a text"))
        .collect();
    assert!(asked[0].contains("twice the load") && asked.iter().any(|asked| asked.contains("dies")), "{asked:?}");
    // Twice the load is all the cores there are.
    let twice = walk["follow_ups"][0]["answer"].as_str().expect("a text");
    assert!(twice.contains("does not keep up") || twice.contains("misses"), "{twice}");
    let shown = desk.prints("walkthrough shop.yaml", 0);
    let mut rest = shown.as_str();
    for words in [
        "Shop",
        "must hold",
        "By hand",
        "utilisation",
        "Simulated",
        "Until it breaks",
        "can carry",
        "Trade-offs",
        "asked next",
    ] {
        let at = rest.find(words).unwrap_or_else(|| panic!("{words} is missing in\n{shown}"));
        rest = &rest[at + words.len()..];
    }
    assert!(desk.text("output/shop/walkthrough.md").contains("## Until it breaks"));
    assert!(desk.prints("walkthrough shop.yaml -f csv", 0).starts_with("question,answer"));
}

#[test]
fn a_junior_is_asked_less() {
    let desk = Desk::new(&[("shop.yaml", SHOP)]);
    let walk = desk.document("walkthrough shop.yaml --level junior", 0);
    assert!(walk["trade_offs"].is_null() && walk["follow_ups"].as_array().expect("a list").is_empty());
    let bare = Desk::new(&[("shop.yaml", &SHOP.replace("objectives: {fast: latency p90 <= 100ms}\n", ""))]);
    bare.prints("walkthrough shop.yaml", 2);
}

#[test]
fn a_quiz_asks_before_each_answer() {
    let desk = Desk::new(&[("shop.yaml", SHOP)]);
    let mut command = desk.command("walkthrough shop.yaml --level junior --quiz");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
    child.stdin.take().expect("a pipe").write_all(b"db\n160/s\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut rest = told.as_str();
    for words in
        ["By hand", "Which component", "it is web", "Simulated", "How much load", "Until it breaks", "of 2 answers"]
    {
        let at = rest.find(words).unwrap_or_else(|| panic!("{words} is missing in\n{told}"));
        rest = &rest[at + words.len()..];
    }
    let silent = desk.prints("walkthrough shop.yaml --level junior --quiz --no-input", 0);
    assert!(silent.contains("Which component") && silent.contains("0 of 0 answers"), "{silent}");
}
