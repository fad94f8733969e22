//! Sweeps: their points, going on after any cut, and parts that make the same whole.

use std::fs;

use super::{Desk, SMALL, number, text};

const VARY: &str = "--vary api.workers=1..3 --vary load.users.rate=30/s,60/s";

#[test]
fn a_grid_has_a_row_for_each_point() {
    let desk = Desk::new(&[("small.yaml", SMALL)]);
    let found = desk.document(&format!("sweep small.yaml {VARY}"), 0);
    let rows = found["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[3]["settings"], serde_json::json!({"api.workers": "2", "load.users.rate": "60/s"}));
    let p99 = |row: &serde_json::Value| {
        let measures = row["figures"]["measures"].as_array().expect("measures");
        number(&measures.iter().find(|m| m["name"] == "p99").expect("p99")["value"])
    };
    assert!(
        p99(&rows[0]) < p99(&rows[1]) && p99(&rows[3]) < p99(&rows[1]),
        "more load is slower, more workers are faster"
    );
    let csv = desk.prints(&format!("sweep small.yaml {VARY} -f csv"), 0);
    assert_eq!(csv.lines().count(), 7);
    assert!(csv.starts_with("point,api.workers,load.users.rate,offered_per_s,"), "{csv}");
    let shown = desk.prints(&format!("sweep small.yaml {VARY}"), 0);
    assert!(
        shown.contains("best: api.workers=3 load.users.rate=30/s") && shown.contains("p99 of api.workers by"),
        "{shown}"
    );
    assert_eq!(desk.prints(&format!("sweep small.yaml {VARY} --dry-run"), 0), "6 points of 3 replications: 18 runs\n");
    desk.prints("sweep small.yaml", 2);
    desk.prints("sweep small.yaml --vary api.wrokers=1,2", 2);
    desk.prints("sweep small.yaml --vary api.workers", 2);
}

#[test]
fn variants_and_samples_are_points_too() {
    let more =
        "variants: {w: {vary: components.api.workers, over: [1, 2]}, other: {components: {api: {workers: 4}}}}\n";
    let desk = Desk::new(&[("small.yaml", &format!("{SMALL}{more}"))]);
    let found = desk.document("sweep small.yaml", 0);
    assert_eq!(found["points"], serde_json::json!([["w[1]"], ["w[2]"]]));
    let drawn =
        desk.document("sweep small.yaml --vary api.workers=1..4 --vary load.users.rate=10/s..60/s:log --samples 4", 0);
    let mut workers: Vec<&str> = drawn["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["settings"]["api.workers"].as_str())
        .collect();
    workers.sort_unstable();
    assert_eq!(workers, ["1", "2", "3", "4"]);
}

#[test]
fn a_sweep_that_was_cut_at_any_byte_goes_on_to_the_same_file() {
    let desk = Desk::new(&[("small.yaml", SMALL)]);
    let vary = "--vary api.workers=1..3";
    desk.prints(&format!("sweep small.yaml {vary}"), 0);
    let whole = desk.text("output/small/sweep.jsonl");
    assert_eq!(whole.lines().count(), 4);
    let cuts = (0..whole.len()).step_by(whole.len() / 11).chain([1, whole.len() - 1, whole.len()]);
    for cut in cuts {
        fs::write(desk.path("output/small/sweep.jsonl"), &whole[..cut]).expect("writable");
        if cut % 2 == 0 {
            fs::remove_dir_all(desk.path("output/.cache")).unwrap_or_default();
        }
        desk.prints(&format!("sweep small.yaml {vary} --resume --jobs 1"), 0);
        assert!(desk.text("output/small/sweep.jsonl") == whole, "cut at byte {cut}");
    }
    let told = desk.call("sweep small.yaml --vary api.workers=1..4 --resume");
    assert_eq!(told.status.code(), Some(2));
    assert!(text(&told.stderr).contains("another sweep"), "{}", text(&told.stderr));
}

#[test]
fn parts_of_several_machines_make_the_bytes_of_one() {
    let desk = Desk::new(&[("small.yaml", SMALL)]);
    desk.prints(&format!("sweep small.yaml {VARY}"), 0);
    let whole = desk.text("output/small/sweep.jsonl");
    fs::remove_dir_all(desk.path("output")).expect("it is there");
    for (part, variables) in [
        ("1/3", vec![]),
        ("auto", vec![("JOB_COMPLETION_INDEX", "1"), ("PLIMSOLL_SHARDS", "3")]),
        ("auto", vec![("SLURM_ARRAY_TASK_ID", "12"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "3")]),
    ] {
        let output = desk.call_in(&format!("sweep small.yaml {VARY} --no-files --shard {part} -q"), &variables);
        assert_eq!(output.status.code(), Some(0), "{part}: {}", text(&output.stderr));
        let output = desk.call_in(&format!("sweep small.yaml {VARY} --out parts --shard {part}"), &variables);
        assert_eq!(output.status.code(), Some(0), "{part}: {}", text(&output.stderr));
    }
    let [a, b, c] = [1, 2, 3].map(|k| format!("parts/part-{k:04}-of-0003.jsonl"));
    let told = desk.call(&format!("merge {a} {c}"));
    assert_eq!(told.status.code(), Some(3));
    assert!(text(&told.stderr).contains("2 of 6 points are missing: 1, 4"), "{}", text(&told.stderr));
    assert_eq!(desk.call(&format!("merge {a} {b} {c} {b}")).status.code(), Some(2), "a part twice");
    desk.prints(&format!("merge {c} {a} {b}"), 0);
    assert!(desk.text("output/small/sweep.jsonl") == whole, "the parts make another whole");
    // A shard that was killed is run again: it goes on, and nothing is lost or counted twice.
    let part = desk.text(&b);
    fs::write(desk.path(&b), &part[..part.len() / 2]).expect("writable");
    desk.prints(&format!("sweep small.yaml {VARY} --out parts --shard 2/3 --resume"), 0);
    assert!(desk.text(&b) == part);
    let printed = desk.prints(&format!("merge {a} {b} {c} --out -"), 0);
    assert!(printed == whole);
    desk.prints("sweep small.yaml --vary api.workers=1..3 --out parts --shard 2/3", 0);
    assert_eq!(desk.call(&format!("merge {a} {b} {c}")).status.code(), Some(2), "parts of two sweeps");
    desk.prints("sweep small.yaml --vary api.workers=1..3 --shard 4/3", 2);
    desk.prints("sweep small.yaml --vary api.workers=1..3 --shard auto", 2);
}
