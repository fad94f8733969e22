//! Searches on several machines: the parts of all, merged, are the bytes of one, also after a kill.

use std::fs;

use super::{Desk, SMALL, number, text};

const FARM: &str = "\
plimsoll: 1
title: Farm
run: {duration: 20s, warmup: 2s, replications: 3}
load: {users: {rate: 120/s, requests: {web.page: 1}, timeout: 5s}}
components:
  web: {kind: service, machine: c5.large, instances: 2, operations: {page: [{cpu: exp(15ms)}, {call: db.read}]}}
  db: {kind: database, machine: r5.large, connections: 4, operations: {read: [{cpu: exp(3ms)}]}}
objectives: {fast: latency p90 <= 100ms}
";

fn files() -> [(&'static str, String); 3] {
    let unsure = FARM.replace("120/s", "90/s..160/s");
    [("farm.yaml", FARM.to_owned()), ("unsure.yaml", unsure), ("small.yaml", SMALL.to_owned())]
}

fn machine() -> Desk {
    let files = files();
    Desk::new(&files.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>())
}

/// Where the parts of a verb go, and what it writes.
struct Study {
    verb: &'static str,
    folder: &'static str,
    document: &'static str,
    /// The exit code of the whole.
    code: i32,
}

/// Does a study on one machine, and on three others of which one is killed; a fourth merges.
fn shared(study: &Study) {
    let one = machine();
    one.prints(study.verb, study.code);
    let merging = machine();
    fs::create_dir_all(merging.path("parts")).expect("writable");
    let name = |k: u32| format!("part-{k:04}-of-0003.jsonl");
    for k in 1..=3 {
        let other = machine();
        let call = |code: i32| {
            let output = other.call(&format!("{} --shard {k}/3 -j {k}", study.verb));
            assert!([0, code].contains(&output.status.code().expect("it ended")), "{}", text(&output.stderr));
        };
        call(study.code);
        let part = other.path(&format!("{}/{}", study.folder, name(k)));
        let whole = fs::read_to_string(&part).expect("a part");
        if k == 2 {
            // Killed in the middle of a line; what was remembered elsewhere is lost with the machine.
            fs::write(&part, &whole[..whole.len() / 2]).expect("writable");
            fs::remove_dir_all(other.path("output/.cache")).expect("there is a cache");
            fs::copy(&part, merging.path("parts/cut.jsonl")).expect("writable");
            call(study.code);
            assert_eq!(fs::read_to_string(&part).expect("a part"), whole, "a part that goes on has the same bytes");
        }
        fs::copy(&part, merging.path(&format!("parts/{}", name(k)))).expect("writable");
    }
    let [a, b, c] = [1, 2, 3].map(|k| format!("parts/{}", name(k)));
    let told = |arguments: &str, code: i32, says: &str| {
        let output = merging.call(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{arguments}: {}", text(&output.stderr));
    };
    told(&format!("merge {a} {c}"), 3, "missing or not finished: 2/3");
    told(&format!("merge {a} parts/cut.jsonl {c}"), 3, "missing or not finished: 2/3");
    told(&format!("merge {a} {b} {b} {c}"), 2, "give each part once");
    told(&format!("merge {a} {b} {c}"), study.code, "");
    assert_eq!(merging.text(study.document), one.text(study.document), "{}", study.verb);
}

#[test]
fn the_cheapest_design_is_found_in_parts() {
    shared(&Study {
        verb: "size farm.yaml --vary web.instances=1..6 --vary db.connections=2..5",
        folder: "output/farm",
        document: "output/farm/size.json",
        code: 0,
    });
}

#[test]
fn least_regret_is_found_in_parts() {
    shared(&Study {
        verb: "size unsure.yaml --vary web.instances=1..6 --draws 6",
        folder: "output/unsure",
        document: "output/unsure/size.json",
        code: 0,
    });
}

#[test]
fn capacities_over_a_grid_are_found_in_parts() {
    shared(&Study {
        verb: "capacity farm.yaml --vary web.instances=1..4 --tolerance 10%",
        folder: "output/farm",
        document: "output/farm/capacity_grid.json",
        code: 0,
    });
}

#[test]
fn what_is_checked_in_parts_is_checked() {
    shared(&Study {
        verb: "check farm.yaml unsure.yaml small.yaml",
        folder: "output/check",
        document: "output/check/check.json",
        code: 0,
    });
}

#[test]
fn a_merge_simulates_nothing_that_a_shard_has() {
    let desk = machine();
    let verb = "size farm.yaml --vary web.instances=1..4";
    for k in 1..=2 {
        desk.prints(&format!("{verb} --shard {k}/2 -o p"), 0);
    }
    fs::remove_dir_all(desk.path("p/.cache")).expect("there is a cache");
    let merged = desk.call("merge p/part-0001-of-0002.jsonl p/part-0002-of-0002.jsonl -o m --format json");
    // What is left is the front beyond the best, which only the whole knows: three replications of at most eight designs.
    let (told, found) = (text(&merged.stderr), text(&merged.stdout));
    let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    let simulated = told.split(", ").find_map(|part| part.split(" replication").next()?.trim().parse::<f64>().ok());
    assert!(simulated.is_some_and(|simulated| simulated <= 9.0 && simulated < number(&found["runs"])), "{told}");
    // The same parts under a scenario that says something else are no parts of it.
    fs::write(desk.path("farm.yaml"), FARM.replace("120/s", "130/s")).expect("writable");
    let refused = desk.call("merge p/part-0001-of-0002.jsonl p/part-0002-of-0002.jsonl");
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
}

#[test]
fn a_grid_of_capacities_grows_with_its_machines() {
    let desk = machine();
    let found = desk.document("capacity farm.yaml --vary web.instances=1,2 --tolerance 5%", 0);
    let value = |at: usize| number(&found["rows"][at]["value"]);
    assert!(1.7 < value(1) / value(0) && value(1) / value(0) < 2.4, "{found}");
    assert!(number(&found["rows"][0]["usd_per_month"]) < number(&found["rows"][1]["usd_per_month"]));
    let shown = desk.prints("capacity farm.yaml --vary web.instances=1,2 --tolerance 5%", 0);
    assert!(shown.contains("carries") && shown.contains("limited by"), "{shown}");
    // One search is one piece.
    desk.prints("capacity farm.yaml --shard 1/2", 2);
}
