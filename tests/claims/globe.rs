//! What the sources claim of several regions, shown (or refuted) by simulation, in the way of `claims`.

use std::fmt::Write as _;

use plimsoll::report::Report;

use super::{Stage, claim, value, words};

const STAGE: &str = "12-multi-region.yaml";

/// The stage as it is written, with its own length.
fn stage(variant: Option<&'static str>) -> Stage {
    Stage { file: STAGE, variant, sets: Vec::new() }
}

fn pattern(file: &'static str, variant: Option<&'static str>) -> Stage {
    Stage { file, variant, sets: Vec::new() }
}

fn fault(report: &Report, of: fn(&plimsoll::report::Fault) -> Option<plimsoll::report::Estimate>) -> f64 {
    of(&report.faults["gone"]).expect("the fault has struck").mean
}

#[test]
fn s12_latency_europeans_are_served_at_home() {
    let p50 = |variant| {
        let stage = stage(variant).set("run.duration", "1m");
        value(&stage.read_time("eu", "latency p50 of dns.read from eu-west-1").report(), "eu")
    };
    let (single, multi) = (p50(Some("single")), p50(None));
    claim("s12-latency", "p50 of Europeans, one region", single, [0.180, 0.260]);
    claim("s12-latency", "p50 of Europeans, three regions", multi, [0.010, 0.030]);
}

#[test]
fn s12_cost_more_than_twice() {
    let cost = |variant| stage(variant).set("run.duration", "30s").report().cost.usd_per_month;
    claim("s12-cost", "three regions over one", cost(None) / cost(Some("single")), [2.0, 2.4]);
}

#[test]
fn s12_passive_minutes_without_writes_and_what_was_not_sent() {
    let report = stage(Some("passive_dies")).set("run.replications", 10).report();
    // Checks 30 s apart, three of them, 10 s each, and up to a minute of a name; the database is quicker than that.
    claim("s12-passive", "RTO", fault(&report, |fault| fault.rto_s), [60.0, 180.0]);
    claim("s12-passive", "RPO", fault(&report, |fault| fault.rpo_s), [0.0, 5.0]);
    claim("s12-passive", "acknowledged writes lost", value(&report, "lost"), [1.0, 500.0]);
}

#[test]
fn s12_multimaster_a_quorum_costs_a_round_trip_and_its_absence_conflicts() {
    let p50 = |variant| value(&stage(Some(variant)).report(), "written");
    let trip = 2.0 * plimsoll::catalogue::latency::one_way("us-east-1", "eu-west-1").expect("well known");
    claim("s12-multimaster", "write p50 of raft", p50("raft"), [trip, 2.0 * trip]);
    claim("s12-multimaster", "write p50 of lww", p50("lww"), [0.0, 0.010]);
    let report = stage(Some("lww")).report();
    claim("s12-multimaster", "share of writes in conflict", value(&report, "conflicts"), [0.0005, 0.05]);
}

#[test]
fn s12_sovereignty_nothing_leaves_and_what_does_is_told() {
    let bytes = |variant| value(&stage(Some(variant)).set("run.duration", "30s").report(), "at_home");
    claim("s12-sovereignty", "bytes abroad, shards at home", bytes("sovereign"), [0.0, 0.0]);
    claim("s12-sovereignty", "bytes abroad, copies everywhere", bytes("copied_abroad"), [1e5, 1e9]);
}

#[test]
fn s12_availability_a_year_of_dead_regions() {
    let availability = |variant| {
        let report = stage(Some(variant)).set("run.replications", 4).report();
        report.requests.availability.expect("there are requests")
    };
    let multi = availability("year");
    claim("s12-availability", "three regions, a year", multi.mean, [0.9999, 1.0]);
    let single = availability("year_single");
    claim("s12-availability", "one region, a year", single.mean, [0.998, 0.99999]);
}

#[test]
fn s12_fallback_the_nearest_the_primary_the_next() {
    // Nearest, and the primary where that lags too much; when a region is gone, the next nearest.
    let read = |fresh: &str, fault: &str| {
        let stage = stage(None)
            .set("components.db.replicas.read", fresh)
            .set("run.duration", "1m")
            .set("policies.web -> db", "{timeout: 2s, retry: {attempts: 3, backoff: constant(50ms)}}")
            .set("components.web.health", "{interval: 5s, unhealthy: 2, timeout: 1s}")
            .set("objectives", "{up: availability >= 0%}");
        let stage = if fault.is_empty() { stage } else { stage.set("faults", fault) };
        stage
            .read_time("ap", "latency mean of db.read")
            .read("fresh", "stale_reads of db")
            .read("bad", "errors of db.read")
            .report()
    };
    let (near, fresh) = (read("nearest", ""), read("fresh(100ms)", ""));
    claim("s12-fallback", "mean read, nearest", value(&near, "ap"), [0.0005, 0.003]);
    // Most of the time a replica has heard of everything a tenth of a second ago.
    words(
        "s12-fallback",
        ["who insists on fresh rows reads fewer old ones", "fewer"],
        "stale reads",
        value(&fresh, "fresh") <= value(&near, "fresh"),
    );
    // Retries ask the nearest again, so reads of India fail until the checks have noticed: a fifth of all for 30 of 50 s.
    let dead = read("nearest", "{gone: {at: 30s, kill: db/replica-0}}");
    claim("s12-fallback", "reads that fail until the death is noticed", value(&dead, "bad"), [0.05, 0.25]);
    let known = stage(None)
        .set("components.db.failover", "null")
        .set("run.duration", "1m")
        .set("faults", "{gone: {at: 30s, kill: db/replica-0}}")
        .set("objectives", "{up: availability >= 0%}")
        .read("bad", "errors of db.read")
        .report();
    claim("s12-fallback", "reads that fail where it is known at once", value(&known, "bad"), [0.0, 0.001]);
}

#[test]
fn s12_geo_a_bias_moves_people_and_checks_take_their_time() {
    let share = |balance: &str| {
        let stage = stage(None)
            .set("run.duration", "1m")
            .set("components.dns.balance", balance)
            .set("objectives", "{up: availability >= 0%}")
            .set("objectives.eu", "arrivals of lb/1 >= 0/s")
            .set("objectives.all", "throughput >= 0/s");
        let report = stage.report();
        value(&report, "eu") / value(&report, "all")
    };
    let all = |bias: &str| format!("geoproximity(us-east-1=100 eu-west-1=100{bias} ap-south-1=100)");
    claim("s12-geo", "Europe's share without a bias", share(&all("")), [0.27, 0.33]);
    // 99 % off makes Ireland 0.6 ms away from India, and a weight of 10 India 2.5 ms from itself.
    let pulled = "geoproximity(us-east-1=100 eu-west-1=100+99 ap-south-1=10)";
    claim("s12-geo", "Europe's share with a bias of 99", share(pulled), [0.47, 0.53]);
    let report = stage(Some("us_dies")).set("run.replications", 8).report();
    // 70 to 100 s until the checks have noticed, and up to 60 s of the name.
    claim("s12-geo", "time to fail over", fault(&report, |fault| fault.rto_s), [100.0, 165.0]);
}

#[test]
fn s12_tiers_four_rows() {
    let row = |variant: Option<&'static str>| {
        let report = pattern("patterns/active-passive.yaml", variant).report();
        let cost = report.cost.usd_per_month;
        (fault(&report, |fault| fault.rto_s), fault(&report, |fault| fault.rpo_s), cost)
    };
    let hour = 3600.0;
    // The source: 24 to 72 h, 1 to 4 h, 5 to 15 min, 0; what people do is typed in the scenario, the rest measured.
    let (cold, warm, hot, active) = (row(Some("cold")), row(Some("warm")), row(None), row(Some("active_active")));
    claim("s12-tiers", "cold RTO, h", cold.0 / hour, [24.0, 72.0]);
    claim("s12-tiers", "cold RPO, h", cold.1 / hour, [0.1, 24.0]);
    claim("s12-tiers", "warm RTO, h", warm.0 / hour, [1.0, 4.0]);
    claim("s12-tiers", "warm RPO, h", warm.1 / hour, [0.01, 1.0]);
    // A machine that waits and a name of a minute are quicker than the source's five minutes.
    claim("s12-tiers", "hot RTO, min", hot.0 / 60.0, [1.5, 15.0]);
    claim("s12-tiers", "hot RPO, s", hot.1, [0.0, 60.0]);
    claim("s12-tiers", "active-active RTO, s", active.0, [0.0, 10.0]);
    claim("s12-tiers", "active-active RPO, s", active.1, [0.0, 0.0]);
    let costs = [cold.2, warm.2, hot.2, active.2];
    words(
        "s12-tiers",
        ["each tier costs more than the one before", "cold, warm, hot, active-active"],
        &format!("{costs:.0?}"),
        costs.is_sorted(),
    );
}

#[test]
fn p_edge_the_program_is_where_the_people_are() {
    let p50 = |variant| {
        let report = pattern("patterns/edge-computing.yaml", variant)
            .read_time("far", "latency p50 from ap-southeast-1")
            .report();
        value(&report, "far")
    };
    claim("p-edge", "p50 in Singapore, origin only", p50(Some("origin_only")), [0.2, 0.3]);
    claim("p-edge", "p50 in Singapore, at the edge", p50(None), [0.001, 0.01]);
    let mean = |variant| {
        let report = pattern("patterns/edge-computing.yaml", variant)
            .read_time("far", "latency mean from ap-southeast-1")
            .report();
        value(&report, "far")
    };
    let (one, two) = (mean(None), mean(Some("two_origins")));
    words(
        "p-edge",
        ["misses go to the nearer origin", "nearer is quicker"],
        &format!("{one:.4} s and {two:.4} s"),
        two < 0.3 * one,
    );
}

#[test]
fn p_active_active_both_write_and_conflicts_are_settled() {
    let report = |variant| pattern("patterns/active-active.yaml", variant).report();
    let (lww, crdt) = (report(Some("popular")), report(Some("crdt")));
    // Fifty writes a second on each side, fifty rows, 35 ms and the work of applying: 1 - exp(-0.036).
    claim("p-active-active", "share of writes in conflict", value(&lww, "conflicts"), [0.032, 0.039]);
    words(
        "p-active-active",
        ["the last writer wins over others", "some are lost"],
        "lost writes",
        0.0 < value(&lww, "lost"),
    );
    claim("p-active-active", "writes lost where rows merge", value(&crdt, "lost"), [0.0, 0.0]);
    let dies = report(Some("us_dies"));
    claim("p-active-active", "availability with one region gone", value(&dies, "up"), [0.999, 1.0]);
}

#[test]
fn p_active_passive_what_is_lost_is_the_lag() {
    let report = |variant| pattern("patterns/active-passive.yaml", variant).report();
    let (loose, tight) = (report(None), report(Some("semi_sync")));
    claim("p-active-passive", "RPO, shipped every second", fault(&loose, |fault| fault.rpo_s), [0.01, 1.1]);
    claim("p-active-passive", "RPO, acknowledged by the replica", fault(&tight, |fault| fault.rpo_s), [0.0, 0.0]);
}

#[test]
fn p_stamps_a_tenth_notices() {
    let hurt = |variant| {
        let report = pattern("patterns/deployment-stamps.yaml", Some(variant)).report();
        (value(&report, "hurt"), report)
    };
    let (cell, report) = hurt("cell_dies");
    claim("p-stamps", "errors when the database of one cell of ten is gone", cell, [0.09, 0.11]);
    claim("p-stamps", "errors of a tenant in another cell", value(&report, "neighbours"), [0.0, 0.0]);
    claim("p-stamps", "errors when the one database is gone", hurt("one_dies").0, [0.99, 1.0]);
    let noisy = pattern("patterns/deployment-stamps.yaml", Some("noisy")).report();
    claim("p-stamps", "p90 of a tenant in another cell than a noisy one", value(&noisy, "neighbours"), [0.0, 0.2]);
}

#[test]
fn x_gravity_far_data_costs_time_and_money() {
    let report = |variant| pattern("pitfalls/data-gravity.yaml", variant).read_time("page", "latency p50").report();
    let (far, near) = (report(None), report(Some("copied")));
    claim("x-gravity", "page over page beside a copy", value(&far, "page") / value(&near, "page"), [5.0, 50.0]);
    let line = far.cost.lines.iter().find(|line| line.component == "us-east-1 -> eu-west-1");
    claim("x-gravity", "dollars a month for the ocean", line.map_or(0.0, |line| line.usd_per_month), [500.0, 2000.0]);
}

/// 200 kills of the region of the primary for each way to keep copies, and a year of dead regions.
#[test]
#[ignore = "a thousand runs: writes a section of docs/validation.md"]
fn two_hundred_region_kills_for_each_mode() {
    let modes: [(&str, &'static str, Option<&'static str>); 6] = [
        ("active-passive, asynchronous every second", "patterns/active-passive.yaml", None),
        ("active-passive, semi-synchronous", "patterns/active-passive.yaml", Some("semi_sync")),
        ("active-active, raft", "patterns/active-passive.yaml", Some("active_active")),
        ("three regions, one writer, asynchronous every second", STAGE, Some("us_dies")),
        ("three regions, raft", STAGE, Some("raft_dies")),
        ("two regions, several primaries", "patterns/active-active.yaml", Some("us_dies")),
    ];
    let mut text = String::from(
        "The region of the primary is killed, 200 times in each design: least, 10 %, median, 90 % and most. RTO is from the fault\n\
         until no more requests fail than before, RPO the age of the oldest acknowledged write that is lost.\n\n\
         | design | RTO, s | | | | | RPO, s | | | | |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, file, variant) in modes {
        let kill = |seed: u32| {
            let one = Stage { file, variant, sets: Vec::new() }.set("run.seed", seed).set("run.replications", 1);
            // A fifth of the stage's load tells the same story sooner.
            let one = if file == STAGE { one.set("load.visitors.rate", "100/s") } else { one };
            let one = one.report();
            (fault(&one, |fault| fault.rto_s), fault(&one, |fault| fault.rpo_s))
        };
        let (mut rto, mut rpo): (Vec<f64>, Vec<f64>) = (0..200).map(kill).unzip();
        let quantiles = |values: &mut Vec<f64>, digits: usize| {
            values.sort_by(f64::total_cmp);
            [0, 20, 100, 180, 199].map(|at: usize| format!("{:.digits$}", values[at])).join(" | ")
        };
        writeln!(text, "| {name} | {} | {} |", quantiles(&mut rto, 0), quantiles(&mut rpo, 2)).expect("text");
    }
    text += "\nA year of dead regions, `12-multi-region` with 20 years each: availability of all requests, and what was simulated of it.\n\n\
             | design | availability | 95 % interval | simulated of each year |\n|---|---|---|---|\n";
    for (name, variant) in [("three regions", "year"), ("one region", "year_single")] {
        let report = stage(Some(variant)).set("run.replications", 20).report();
        let up = report.requests.availability.expect("there are requests");
        let sampling = report.run.sampling.expect("it is sampled");
        writeln!(
            text,
            "| {name} | {:.5} % | {:.5} .. {:.5} % | {:.1} h |",
            100.0 * up.mean,
            100.0 * up.low.expect("twenty years"),
            100.0 * up.high.expect("twenty years"),
            sampling.simulated_s / 3600.0
        )
        .expect("text");
    }
    println!("{text}");
    crate::validation::table::write_regions(&text);
}
