//! How long a design lasts, what must be carried, and the sums of an envelope.

use super::{Desk, SMALL, number, text};

#[test]
fn growth_breaks_an_objective_in_the_month_that_its_capacity_says() {
    let plan = format!("{SMALL}plan: {{growth: 5%/month, horizon: 12 months}}\n");
    let desk = Desk::new(&[("small.yaml", &plan), ("bare.yaml", SMALL)]);
    let found = desk.document("plan small.yaml -r 6", 0);
    let (low, month, high) = (number(&found["month_low"]), number(&found["month"]), number(&found["month_high"]));
    // From 60/s to the 77/s of theory takes ln(77/60)/ln(1.05) = 5.1 months.
    assert!(low <= month && month <= high && (2.5..8.0).contains(&month), "{low} {month} {high}");
    assert_eq!(found["breaks"], "latency p90 <= 100ms");
    let months = found["months"].as_array().expect("months");
    assert_eq!((months.len(), &months[0]["verdict"], &months[6]["verdict"]), (7, &"meets".into(), &"misses".into()));
    assert!((number(&months[6]["load_per_s"]) - 60.0 * libm::pow(1.05, 12.0)).abs() < 1e-6);
    assert!(desk.prints("plan small.yaml -r 6", 0).contains("breaks in month"));
    let told = desk.call("plan bare.yaml");
    assert!(told.status.code() == Some(2) && text(&told.stderr).contains("no `plan:`"), "{}", text(&told.stderr));
    let wrong = SMALL.to_owned() + "plan: {growth: -5%/month}\n";
    Desk::new(&[("w.yaml", &wrong)]).prints("plan w.yaml", 2);
}

#[test]
fn data_that_grows_out_of_memory_slows_its_database() {
    let shop = "plimsoll: 1\nrun: {duration: 20s, warmup: 2s, replications: 2}\n\
        load: {users: {rate: 100/s, requests: {db.read: 1}, timeout: 5s}}\n\
        components: {db: {kind: database, machine: r5.large, memory: 4GiB, disk: {size: 16GB}, data: {rows: 4M, row: 1KB}, operations: {read: {cpu: 1ms, pages: 1}}}}\n\
        objectives: {fast: latency mean <= 1s}\nplan: {growth: 1%/month, data: 1GB/month, horizon: 6 months}\n";
    let desk = Desk::new(&[("shop.yaml", shop)]);
    let found = desk.document("plan shop.yaml", 0);
    let months = found["months"].as_array().expect("months");
    let [first, last] = [&months[0], &months[6]];
    assert!((number(&first["data_bytes"]) - 4.0e9).abs() < 1e3 && (number(&last["data_bytes"]) - 10.0e9).abs() < 1e4);
    assert!((number(&last["disk_share"]) - 10.0 / 16.0).abs() < 1e-6);
    assert!(number(&first["p99_s"]) < number(&last["p99_s"]), "pages come from the disk by then: {first} {last}");
}

#[test]
fn a_capacity_is_an_objective_of_its_own() {
    let goal = |rate: &str| {
        SMALL.replace("latency p90 <= 100ms}", &format!("latency p90 <= 100ms, room: capacity >= {rate} within fast}}"))
    };
    let desk = Desk::new(&[("s/enough.yaml", &goal("65/s")), ("s/short.yaml", &goal("95/s"))]);
    let found = desk.document("check s -r 6 --no-files", 1);
    let room = |at: usize| {
        let rules = found["scenarios"][at]["rules"].as_array().expect("rules");
        rules.iter().find(|rule| rule["name"] == "room").expect("it is a rule")["verdict"].clone()
    };
    assert_eq!((room(0), room(1)), ("meets".into(), "misses".into()), "{found}");
    // A run cannot tell, and says so without taking it for met or missed.
    let run = desk.prints("run s/short.yaml --no-files -r 6", 0);
    assert!(run.contains("meets its objective"), "{run}");
    assert!(desk.prints("run s/short.yaml --no-files -f markdown", 0).contains("plimsoll check"));
    desk.prints("run s/short.yaml --no-files -r 6 --fail-on objectives", 0);
    for wrong in ["capacity >= 65/s within fats", "capacity <= 65/s", "capacity >= 65ms", "capacity >= 65/s for 5m"] {
        let text = SMALL.replace("latency p90 <= 100ms}", &format!("latency p90 <= 100ms, room: {wrong}}}"));
        Desk::new(&[("w.yaml", &text)]).prints("validate w.yaml", 2);
    }
}

#[test]
fn an_estimate_by_hand_agrees_where_theory_holds() {
    let desk = Desk::new(&[("small.yaml", SMALL)]);
    let found = desk.document("estimate small.yaml --duration 20m", 0);
    let worker = &found["resources"][0];
    assert_eq!((&worker["component"], &worker["resource"]), (&"api".into(), &"workers".into()));
    assert!((number(&worker["utilisation"]) - 0.6).abs() < 1e-9 && (number(&worker["simulated"]) - 0.6).abs() < 0.03);
    // An M/M/1 at 0.6: 10 ms of work, 15 ms of waiting, 1.5 requests in flight, full at 100/s.
    assert!((number(&found["mean_s"]) - 0.025).abs() < 1e-6 && (number(&found["in_flight"]) - 1.5).abs() < 1e-6);
    assert!((number(&found["full_at_per_s"]) - 100.0).abs() < 1e-6);
    assert!(number(&found["apart"]).abs() < 0.1, "{}", found["apart"]);
    let shown = desk.prints("estimate small.yaml --duration 20m", 0);
    assert!(shown.contains("60/s x 25.0 ms = 1.5 requests at a time (Little's law)"), "{shown}");
    // Bursts are beyond the arithmetic, and that is said.
    let bursty = SMALL.replace("rate: 60/s,", "rate: 60/s, arrivals: bursty(factor=3 on=5s off=20s),");
    let desk = Desk::new(&[("b.yaml", &bursty)]);
    let apart = desk.document("estimate b.yaml --duration 10m", 0);
    assert!(1.0 < number(&apart["apart"]), "{}", apart["apart"]);
    assert!(apart["reasons"].to_string().contains("bursts"), "{}", apart["reasons"]);
}
