//! The whole earth: names that answer with regions, copies in several of them, elections and conflicts, judged by
//! arithmetic or by a slow twin.

use plimsoll::catalogue::latency;
use plimsoll::engine::{Signals, simulate};
use plimsoll::random::{mix, unit};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{evaluated, model, value};

#[track_caller]
fn close(got: f64, truth: f64, slack: f64) {
    assert!((got - truth).abs() <= slack, "{got}, not {truth}");
}

// -- names ----------------------------------------------------------------------------------------------------------------

/// A service in three regions behind a name; instances 0 in ap-south-1, 1 in eu-west-1, 2 and 3 in us-east-1.
fn named(load: &str, name: &str, rest: &str) -> String {
    format!(
        "plimsoll: 1
title: a name
run: {{duration: 100s, warmup: none, replications: 4}}
regions: {{us-east-1: {{zones: 2}}, eu-west-1: {{}}, ap-south-1: {{}}, ca-central-1: {{}}}}
load: {{users: {{{load}, requests: {{edge.go: 1}}, timeout: none}}}}
components:
  edge: {{kind: balancer, targets: s, {name}}}
  s: {{kind: service, instances: {{us-east-1: 2, eu-west-1: 1, ap-south-1: 1}}, operations: {{go: [{{wait: 1ms}}]}}}}
{rest}
objectives:
  i0: arrivals of s/0 >= 0/s
  i1: arrivals of s/1 >= 0/s
  i2: arrivals of s/2 >= 0/s
  i3: arrivals of s/3 >= 0/s
  bad: errors <= 1
  mean: latency mean <= 1s
"
    )
}

fn arrivals(report: &Report) -> [f64; 3] {
    [value(report, "i0"), value(report, "i1"), value(report, "i2") + value(report, "i3")]
}

#[test]
fn a_name_is_no_hop_and_answers_by_its_rule() {
    let at = |load: &str, balance: &str| evaluated(&named(load, &format!("ttl: 10s, balance: {balance}"), ""));
    let near = at("rate: 200/s, from: us-east-1", "nearest");
    close(value(&near, "mean"), 1.5e-3, 1e-6);
    close(arrivals(&near)[2], 200.0, 5.0);
    let far = at("rate: 200/s, from: us-east-1", "failover(ap-south-1 us-east-1)");
    let away = latency::one_way("us-east-1", "ap-south-1").expect("well known");
    close(value(&far, "mean"), 1e-3 + 2.0 * away, 1e-6);
    let split = arrivals(&at("rate: 200/s, from: eu-west-1", "weighted(us-east-1=70 eu-west-1=30)"));
    close(split[1], 60.0, 3.0);
    close(split[2], 140.0, 5.0);
    assert_eq!(split[0], 0.0);
    let any = arrivals(&at("rate: 300/s, from: eu-west-1", "random"));
    for rate in any {
        close(rate, 100.0, 5.0);
    }
    // A client stays where it was sent until it asks again: two clients are in one or two places at a time.
    let clients = at("clients: 2, think: exp(100ms), from: eu-west-1", "weighted(us-east-1=50 eu-west-1=50)");
    assert!(0.0 < arrivals(&clients)[1] && 0.0 < arrivals(&clients)[2]);
}

/// From Canada it is 7.5 ms to Virginia and 34 ms to Ireland: a bias of 80 makes Ireland 6.8 ms away.
#[test]
fn a_bias_moves_the_border() {
    let share = |bias: &str| {
        let name = format!("ttl: 10s, balance: geoproximity(us-east-1=100 eu-west-1=100{bias})");
        let found = arrivals(&evaluated(&named("rate: 100/s, from: {ca-central-1: 40%, us-east-1: 60%}", &name, "")));
        found[1] / 100.0
    };
    assert_eq!([share(""), share("+10"), share("-50")], [0.0; 3]);
    close(share("+80"), 0.4, 0.03);
    // Without a name the same holds for whoever calls the component itself.
    let own = named("rate: 100/s, from: ca-central-1", "ttl: 1s", "")
        .replace("edge.go: 1", "s.go: 1")
        .replace("{kind: service, inst", "{kind: service, balance: geoproximity(us-east-1=100 eu-west-1=100+80), inst");
    close(arrivals(&evaluated(&own))[1], 100.0, 4.0);
}

#[test]
fn callers_go_to_a_dead_region_until_they_ask_again() {
    let errors = |name: &str| {
        let fault = "faults: {gone: {at: 40s, kill: us-east-1}}";
        value(&evaluated(&named("rate: 200/s, from: us-east-1", &format!("balance: nearest, {name}"), fault)), "bad")
    };
    // Those told in the last ten seconds, half of them on average; the last fraction is what was under way.
    close(errors("ttl: 10s"), 200.0 * 10.0 / 2.0, 60.0);
    assert!(errors("ttl: 0s") <= 4.0);
    // Two probes two seconds apart, the first within two seconds of the death, and a time-out of one.
    close(
        errors("ttl: 10s, health: {interval: 2s, unhealthy: 2, timeout: 1s}"),
        200.0 * (5.0 + 1.0 + 2.0 + 1.0),
        130.0,
    );
    // One in ten never asks again.
    close(errors("ttl: 10s, ignore_ttl: 10%"), 0.9 * 1000.0 + 0.1 * 200.0 * 60.0, 110.0);
}

#[test]
fn a_region_that_is_back_is_told_again() {
    let fault = "faults: {gone: {at: 20s, for: 20s, kill: us-east-1}}";
    let name = "ttl: 2s, balance: nearest";
    let report = evaluated(&named("rate: 200/s, from: us-east-1", name, fault));
    // From 20 s + 1 s on elsewhere, from 40 s + 1 s on at home.
    close(arrivals(&report)[1], 200.0 * 20.0 / 100.0, 4.0);
    for seed in 0..3 {
        let text = named("clients: 50, think: exp(100ms), from: us-east-1", "ttl: 5s, ignore_ttl: 20%", fault);
        let model = model(&text);
        holds(&model, &simulate(&model, seed, 0, &Signals::default()), "names");
    }
}

// -- copies in several regions --------------------------------------------------------------------------------------------

/// A database with copies in three regions, asked from one.
fn database(run: &str, from: &str, replicas: &str, rest: &str) -> String {
    format!(
        "plimsoll: 1
title: copies
run: {{{run}}}
regions: {{us-east-1: {{zones: 2}}, eu-west-1: {{}}, ap-south-1: {{}}}}
keys: {{user: {{count: 50}}}}
load:
  readers: {{rate: 200/s, from: {from}, requests: {{db.read: 1}}, timeout: none}}
  writers: {{rate: 1000/s, arrivals: constant, from: {from}, requests: {{db.write: 1}}, timeout: none}}
components:
  db:
    kind: database
    primary: us-east-1/a
    connections: none
    data: {{rows: 50, row: 1KB, key: user}}
    replicas: {{{replicas}}}
    operations: {{read: {{wait: 1ms}}, write: {{wait: 1ms}}}}
{rest}
objectives:
  reads: latency mean of db.read from {from} <= 1s
  writes: latency mean of db.write from {from} <= 1s
  bad: errors of db.write <= 1
  bad_reads: errors of db.read <= 1
  lost: lost_writes of db <= 1
  changes: leader_changes of db <= 1
"
    )
}

const SHORT: &str = "duration: 20s, warmup: 1s, replications: 1";

fn one_way(a: &str, b: &str) -> f64 {
    latency::one_way(a, b).expect("both are well known")
}

#[test]
fn replicas_stand_where_they_are_counted() {
    let text = database(SHORT, "us-east-1", "count: {us-east-1: 2, ap-south-1: 1}", "");
    let model = model(&text);
    let places: Vec<&str> = model.stations.iter().map(|s| model.places[usize::from(s.place)].name.as_str()).collect();
    assert_eq!(places, ["us-east-1/a", "ap-south-1/a", "us-east-1/b", "us-east-1/a"]);
}

#[test]
fn reads_go_to_what_is_near_and_to_the_primary_if_that_is_nearest() {
    let ms = |from: &str, read: &str| {
        1e3 * value(&evaluated(&database(SHORT, from, &format!("count: {{eu-west-1: 1}}, read: {read}"), "")), "reads")
    };
    close(ms("eu-west-1", "nearest"), 1.5, 1e-6);
    close(ms("us-east-1/a", "nearest"), 1.5, 1e-6);
    close(ms("us-east-1/a", "any"), 1.0 + 2e3 * one_way("us-east-1", "eu-west-1"), 1e-6);
    close(ms("ap-south-1", "nearest"), 1.0 + 2e3 * one_way("ap-south-1", "eu-west-1"), 1e-6);
}

/// A replica that lags too much is passed over for the primary; when that is gone, old rows are better than none.
#[test]
fn the_nearest_fresh_copy_else_the_primary_else_the_nearest() {
    let replicas = |fresh: &str| format!("count: {{eu-west-1: 1}}, read: fresh({fresh}), ship: {{every: 2s}}");
    let ms = |fresh: &str, rest: &str| {
        let report = evaluated(&database(SHORT, "eu-west-1", &replicas(fresh), rest));
        (1e3 * value(&report, "reads"), value(&report, "bad_reads"))
    };
    let far = 1.0 + 2e3 * one_way("us-east-1", "eu-west-1");
    close(ms("10s", "").0, 1.5, 1e-6);
    assert!(far * 0.95 < ms("1ms", "").0);
    let dead = "faults: {gone: {at: 0s, kill: us-east-1}}";
    let (read, bad) = ms("1ms", dead);
    assert!(read < 2.0 && bad <= 20.0, "{read} {bad}");
}

#[test]
fn raft_writes_take_the_round_trip_to_a_majority() {
    let ms = |from: &str, replicas: &str| {
        1e3 * value(&evaluated(&database(SHORT, from, &format!("count: {replicas}, mode: raft"), "")), "writes")
    };
    let trip = |a: &str, b: &str| 2e3 * one_way(a, b);
    let (near, far) = (trip("us-east-1", "eu-west-1"), trip("us-east-1", "ap-south-1"));
    // Two of three: the nearer follower decides; three of four and of five: the farther ones.
    close(ms("us-east-1/a", "{eu-west-1: 1, ap-south-1: 1}"), 1.5 + near, 1e-4);
    close(ms("us-east-1/a", "{eu-west-1: 1, ap-south-1: 2}"), 1.5 + far, 1e-4);
    close(ms("us-east-1/a", "{us-east-1: 1, eu-west-1: 1, ap-south-1: 2}"), 1.5 + near, 1e-4);
    close(ms("us-east-1/a", "{us-east-1: 2, ap-south-1: 2}"), 1.5 + 2.0, 1e-4);
    close(ms("eu-west-1", "{eu-west-1: 1, ap-south-1: 1}"), 1.0 + 2.0 * near, 1e-4);
}

/// The same election by hand, with two followers of a dead leader: both must agree.
fn election_twin(n: u64, timeout: f64, heard: [f64; 2], apart: f64) -> f64 {
    let draw = |k: u64| unit(mix(mix(n) ^ k));
    let beat = draw(0) * timeout / 10.0;
    let mut stands = [0, 1].map(|i| heard[i] - beat + timeout * (1.0 + draw(1 + i as u64)));
    for round in 1.. {
        let first = usize::from(stands[1] < stands[0]);
        if stands[first] + apart <= stands[1 - first] {
            return stands[first] + 2.0 * apart;
        }
        stands = [0, 1].map(|i| stands[i] + timeout * (1.0 + draw(10 * round + i as u64)));
    }
    unreachable!("somebody is elected at last")
}

#[test]
fn an_election_takes_as_long_as_by_hand_and_loses_nothing() {
    let run_of = "duration: 12s, warmup: none, replications: 40";
    let dies = "faults: {gone: {at: 2s, kill: us-east-1}}";
    let mean = |timeout: f64| {
        let heard = [one_way("us-east-1", "eu-west-1"), one_way("us-east-1", "ap-south-1")];
        let twins: Vec<f64> =
            (0..20_000).map(|n| election_twin(n, timeout, heard, one_way("eu-west-1", "ap-south-1"))).collect();
        let mean = twins.iter().sum::<f64>() / twins.len() as f64;
        let variance = twins.iter().map(|twin| (twin - mean) * (twin - mean)).sum::<f64>() / twins.len() as f64;
        (mean, variance.sqrt())
    };
    for timeout in [1.0, 0.5] {
        let replicas = format!("count: {{eu-west-1: 1, ap-south-1: 1}}, mode: raft(timeout={timeout}s)");
        let text = database(run_of, "us-east-1", &replicas, dies);
        let report = evaluated(&text);
        // A write a millisecond: those refused, and those under way when the leader died.
        let under_way = 1.0 + 0.25 + 2e3 * one_way("us-east-1", "eu-west-1");
        let outage = (value(&report, "bad") - under_way) / 1e3;
        let (truth, sd) = mean(timeout);
        close(outage, truth, 4.0 * sd / 40f64.sqrt() + 2e-3);
        assert_eq!((value(&report, "lost"), value(&report, "changes")), (0.0, 1.0), "acknowledged writes stay");
        assert_eq!(report.faults["gone"].rpo_s.map(|rpo| rpo.mean), Some(0.0));
    }
    // Of two copies one is no majority: nobody is ever elected.
    let report = evaluated(&database(run_of, "us-east-1", "count: {eu-west-1: 1}, mode: raft", dies));
    assert_eq!(value(&report, "changes"), 0.0);
    assert!(9900.0 < value(&report, "bad"));
}

#[test]
fn a_leader_that_is_back_soon_leads_again_or_follows() {
    let run_of = "duration: 20s, warmup: none, replications: 8";
    for lasts in ["100ms", "5s"] {
        let dies = format!("faults: {{gone: {{at: 2s, for: {lasts}, kill: us-east-1}}}}");
        let report = evaluated(&database(
            run_of,
            "us-east-1",
            "count: {eu-west-1: 1, ap-south-1: 1}, mode: raft, read: any",
            &dies,
        ));
        assert_eq!((value(&report, "lost"), value(&report, "changes")), (0.0, 1.0), "{lasts}");
        assert!((1_000.0..4_000.0).contains(&value(&report, "bad")), "{lasts}: {}", value(&report, "bad"));
    }
}

/// Where every copy takes writes a caller waits for nobody, and two writes to a row are in conflict if they are made
/// within the link's time of each other: 1 - exp(-rate x time) of all.
#[test]
fn several_primaries_are_quick_and_in_conflict() {
    let text = |merge: &str| {
        format!(
            "plimsoll: 1
title: several primaries
run: {{duration: 200s, warmup: none, replications: 2}}
regions: {{us-east-1: {{}}, eu-west-1: {{}}}}
keys: {{user: {{count: 50}}}}
load:
  us: {{rate: 200/s, from: us-east-1, requests: {{db.write: 1, db.read: 1}}, timeout: none}}
  eu: {{rate: 200/s, from: eu-west-1, requests: {{db.write: 1, db.read: 1}}, timeout: none}}
components:
  db:
    kind: database
    primary: us-east-1
    data: {{rows: 50, row: 1KB, key: user}}
    replicas: {{count: {{eu-west-1: 1}}, mode: multi_primary({merge})}}
    operations: {{read: {{wait: 1ms}}, write: {{wait: 1ms}}}}
objectives:
  slow: latency mean <= 1s
  conflicts: conflicts of db <= 1%
  number: conflicts of db <= 1
  lost: lost_writes of db <= 1
  convergence: convergence max of db <= 1s
  lag: lag mean of db <= 1s
  stale: stale_reads of db <= 1%
"
        )
    };
    let (lww, crdt) = (evaluated(&text("lww")), evaluated(&text("crdt")));
    let away = one_way("us-east-1", "eu-west-1");
    let share = 1.0 - libm::exp(-100.0 / 50.0 * away);
    for report in [&lww, &crdt] {
        close(value(report, "slow"), 1.5e-3, 1e-6);
        close(value(report, "conflicts"), share, 0.004);
        close(value(report, "convergence"), away, 1e-4);
        close(value(report, "lag"), away, 1e-4);
        // A read is stale if the other side has written the row in the time that takes to come.
        close(value(report, "stale"), share, 0.006);
    }
    // Each is written over unseen as often as it writes over.
    close(value(&lww, "lost"), value(&lww, "number"), 0.03 * value(&lww, "number"));
    assert_eq!(value(&crdt, "lost"), 0.0);
}

#[test]
fn a_region_that_dies_takes_what_it_had_told_nobody() {
    let text = |ship: &str, lasts: &str| {
        let faults = format!("faults: {{gone: {{at: 10s, kill: us-east-1{lasts}}}}}");
        let replicas = format!("count: {{eu-west-1: 1}}, mode: multi_primary(crdt), ship: {{every: {ship}}}");
        database("duration: 20s, warmup: 1s, replications: 4", "us-east-1", &replicas, &faults)
    };
    let lost = |ship: &str, lasts: &str| {
        let report = evaluated(&text(ship, lasts));
        // Callers go to the other region at once.
        assert!(value(&report, "bad") < 10.0, "{}", value(&report, "bad"));
        (value(&report, "lost"), report.faults["gone"].rpo_s.expect("it kills a copy").mean)
    };
    let away = one_way("us-east-1", "eu-west-1");
    let (writes, age) = lost("0s", "");
    // What is on its way arrives.
    assert!(writes <= 1000.0 * away + 2.0 && age <= away + 2e-3, "{writes} {age}");
    let (writes, age) = lost("2s", "");
    assert!(100.0 < writes && writes < 2100.0 && 0.1 < age && age < 2.1, "{writes} {age}");
    assert_eq!(lost("2s", ", for: 3s"), (0.0, 0.0), "it is late, not lost");
}

#[test]
fn exact_laws_in_several_regions() {
    for (n, mode) in ["raft(timeout=300ms)", "multi_primary(lww)", "multi_primary(crdt)", "async"].iter().enumerate() {
        let faults = "faults: {gone: {kill: any region, every: exp(4s), for: exp(2s)}}";
        let read = ["primary", "any", "nearest", "fresh(100ms)"][n];
        let replicas = format!("count: {{us-east-1: 1, eu-west-1: 1, ap-south-1: 1}}, mode: {mode}, read: {read}");
        let text = database("duration: 30s, warmup: none, replications: 1", "us-east-1", &replicas, faults)
            .replace("{wait: 1ms}}\n", "{cpu: exp(1ms)}}\n")
            .replace("connections: none", "connections: 20\n    cores: 4");
        let model = model(&text);
        let one = simulate(&model, n as u64, 0, &Signals::default());
        holds(&model, &one, mode);
        let other = simulate(&model, n as u64, 0, &Signals::default());
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "{mode}");
    }
}

// -- where data may be ----------------------------------------------------------------------------------------------------

/// Half of the people are at home in each of two regions; 100 writes a second.
fn at_home(db: &str) -> String {
    format!(
        "plimsoll: 1
title: at home
run: {{duration: 50s, warmup: none, replications: 2}}
regions: {{us-east-1: {{}}, eu-west-1: {{}}}}
keys: {{user: {{count: 1000}}, home: {{of: user, shares: {{us-east-1: 50%, eu-west-1: 50%}}}}}}
residency: {{home: {{eu-west-1: [eu-west-1]}}}}
load: {{users: {{rate: 100/s, from: home, requests: {{web.write: 1}}, timeout: none}}}}
components:
  web: {{kind: service, instances: {{us-east-1: 1, eu-west-1: 1}}, operations: {{write: [{{call: db.write}}, {{respond: 1KB}}]}}}}
  db: {{kind: database, data: {{rows: 1000, row: 10KB, key: user}}, {db}, operations: {{write: {{wait: 1ms}}}}}}
objectives:
  stored: bytes_outside of db <= 1B
  served: bytes_outside of web <= 1B
  visits: visits_outside of db <= 1
"
    )
}

#[test]
fn every_byte_outside_is_counted() {
    let figures = |db: &str| {
        let report = evaluated(&at_home(db));
        ["stored", "served", "visits"].map(|name| value(&report, name))
    };
    // 2,500 writes of Europeans, of 10 KB each, in Virginia; and none where shards are by place.
    let [stored, served, visits] = figures("primary: us-east-1");
    close(stored, 2_500.0 * 10e3, 150.0 * 10e3);
    close(visits, 2_500.0, 150.0);
    assert_eq!(served, 0.0, "each is served at home");
    assert_eq!(figures("shards: {count: 2, by: place(home)}"), [0.0; 3]);
    // A copy abroad holds each row once more, and serves nobody.
    let [copied, _, visits] = figures("primary: eu-west-1, replicas: {count: {us-east-1: 1}}");
    close(copied, 2_500.0 * 10e3, 150.0 * 10e3);
    assert_eq!(visits, 0.0);
    let [both, ..] = figures("primary: us-east-1, replicas: {count: {us-east-1: 1}}");
    close(both, 2.0 * 2_500.0 * 10e3, 300.0 * 10e3);
    // When the web servers at home are gone, others answer.
    let text = at_home("shards: {count: 2, by: place(home)}");
    let report = evaluated(&format!("{text}faults: {{gone: {{at: 0s, kill: web/0}}}}\n"));
    close(value(&report, "served"), 2_500.0 * 1e3, 150e3);
}

// -- time of day, and long times --------------------------------------------------------------------------------------------

/// At 03:30 UTC it is nine in the morning in India and half past ten at night in Virginia.
#[test]
fn each_place_lives_its_own_day() {
    let shares = |clock: &str, start: &str| {
        let report = evaluated(&format!(
            "plimsoll: 1
title: days
run: {{start: Mon {start}, duration: 10m, warmup: none, replications: 2}}
regions: {{us-east-1: {{}}, ap-south-1: {{}}, home: {{utc: +05:30}}}}
links: {{us-east-1 -> home: {{latency: 1ms}}, ap-south-1 -> home: {{latency: 1ms}}}}
load:
  users:
    rate: 100/s
    from: {{us-east-1: 50%, {clock}: 50%}}
    shape: {{day: {{00:00: 20%, 08:59: 20%, 09:00: 180%, 20:59: 180%, 21:00: 20%}}, clock: local}}
    requests: {{s.go: 1}}
    timeout: none
components: {{s: {{kind: service, place: us-east-1, operations: {{go: [{{wait: 1ms}}]}}}}}}
objectives: {{there: throughput from {clock} >= 0/s, all: throughput >= 0/s}}
"
        ));
        (value(&report, "there"), value(&report, "all"))
    };
    for place in ["ap-south-1", "home"] {
        let (india, all) = shares(place, "03:31");
        close(india, 90.0, 2.0);
        close(all - india, 10.0, 1.0);
        let (india, all) = shares(place, "17:00");
        close(india, 10.0, 1.0);
        close(all - india, 90.0, 2.0);
    }
}

/// Six hours with a death every ten minutes: what is sampled and what is simulated whole meet the same faults, and tell
/// the same share of failures.
#[test]
fn sampled_quiet_time_tells_the_same_availability() {
    let text = |sampling: &str, load: &str| {
        format!(
            "plimsoll: 1
title: long
run: {{duration: 6h, warmup: none, replications: 6{sampling}}}
load:
  users: {{{load}, requests: {{s.go: 1}}, timeout: 1s}}
components: {{s: {{kind: service, boot: 5s, operations: {{go: [{{wait: exp(20ms)}}, {{fail: {{share: 1%, as: declined}}}}]}}}}}}
faults: {{dies: {{kill: s/0, every: exp(20m), for: lognormal(p50=60s p99=10m)}}}}
objectives: {{up: availability >= 90%, bad: errors <= 10%, served: throughput >= 0/s}}
"
        )
    };
    for load in ["rate: 10/s", "rate: 10/s, shape: {day: {00:00: 50%, 06:00: 150%}}", "clients: 5, think: exp(500ms)"] {
        let whole = evaluated(&text("", load));
        let sampled = evaluated(&text(", sampling: {after: 1m, window: 20s, every: 5m}", load));
        let simulated = sampled.run.sampling.expect("it is sampled");
        assert!(simulated.simulated_s < 0.5 * simulated.of_s, "{simulated:?}");
        assert!(sampled.run.requests < whole.run.requests / 2, "{load}");
        let difference = value(&whole, "up") - value(&sampled, "up");
        // The same faults strike; only who asks in between differs.
        assert!(difference.abs() < 0.004, "{load}: {} {}", value(&whole, "up"), value(&sampled, "up"));
        close(value(&sampled, "up") + value(&sampled, "bad"), 1.0, 1e-9);
        close(value(&sampled, "served"), value(&whole, "served"), 0.12 * value(&whole, "served"));
        assert!(sampled.warnings.iter().any(|warning| warning.code == "W0531"));
    }
}

// -- cells ------------------------------------------------------------------------------------------------------------------

fn cells(rest: &str) -> String {
    format!(
        "plimsoll: 1
title: cells
run: {{duration: 60s, warmup: none, replications: 2}}
keys: {{tenant: {{count: 100}}, user: {{count: 1000}}}}
load: {{people: {{rate: 200/s, requests: {{web.page: 1}}, timeout: 1s}}}}
stamps: {{cell: {{count: 4, by: tenant, of: [web, redis, db]}}}}
components:
  web: {{kind: service, instances: 2, operations: {{page: [{{cached: {{in: redis, key: user, miss: [{{call: db.read}}]}}}}, {{call: db.write}}]}}}}
  redis: {{kind: cache, memory: 1GB, entry: 1KB, ttl: 1h}}
  db: {{kind: database, replicas: {{count: 1}}, operations: {{read: {{wait: 1ms}}, write: {{wait: 1ms}}}}}}
objectives:
  all: errors <= 1%
  bad: errors during gone <= 1%
  own: errors with tenant=2 during gone <= 1%
  other: errors with tenant=3 during gone <= 1%
{rest}
"
    )
}

#[test]
fn a_tenant_stays_in_its_cell() {
    let report = |hit: &str| evaluated(&cells(&format!("faults: {{gone: {{at: 20s, for: 20s, kill: {hit}}}}}")));
    let model = model(&cells("faults: {gone: {at: 20s, kill: cell/2}}"));
    let counts: Vec<u32> = model.components.iter().map(|component| component.count).collect();
    assert_eq!(counts, [8, 4, 8], "databases with a replica, caches, web servers: four times each");
    // Whatever part of a cell is gone, its quarter of the tenants notice and nobody else.
    for hit in ["cell/2", "db/shard-2/primary"] {
        let report = report(hit);
        close(value(&report, "bad"), 0.25, 0.03);
        assert!(0.99 < value(&report, "own"), "{hit}: {}", value(&report, "own"));
        assert_eq!(value(&report, "other"), 0.0, "{hit}");
    }
    // Caches and web servers of a cell take over from each other, not from other cells.
    close(value(&report("web/2"), "bad"), 0.0, 0.005);
    let text =
        cells("faults: {gone: {at: 20s, for: 20s, kill: cell/1}, more: {kill: web/any, every: exp(5s), for: 1s}}");
    let model = crate::support::model(&text);
    for seed in 0..3 {
        holds(&model, &simulate(&model, seed, 0, &Signals::default()), "cells");
    }
}
