//! Databases with shards and replicas: their parts, and which of them serves what.

use plimsoll::model::{Act, Model, Target};

use crate::support::{evaluated, model, value};

/// A database of 1 ms a request on machines of two cores, asked for reads and writes a second.
fn scenario(more: &str, reads: u32, writes: u32, rest: &str) -> String {
    format!(
        "
plimsoll: 1
title: copies
run: {{duration: 60s, warmup: 5s, replications: 2}}
regions: {{home: {{zones: 3}}}}
keys: {{user: {{count: 100k}}}}
load:
  readers: {{rate: {reads}/s, requests: {{db.read: 1}}, timeout: 1s}}
  writers: {{rate: {writes}/s, requests: {{db.write: 1}}, timeout: 1s}}
components:
  db:
    kind: database
    cores: 2
    {more}
    operations: {{read: {{cpu: exp(1ms)}}, write: {{cpu: exp(1ms)}}}}
{rest}
"
    )
}

fn parts(model: &Model) -> Vec<String> {
    (0..model.stations.len() as u32).map(|station| model.part(station)).collect()
}

#[test]
fn parts_are_named_by_what_they_are() {
    let of = |more: &str| parts(&model(&scenario(more, 1, 1, "")));
    assert_eq!(of("connections: 5"), ["db/0"]);
    assert_eq!(of("replicas: {count: 2}"), ["db/primary", "db/replica-0", "db/replica-1"]);
    assert_eq!(of("replicas: {count: 0}"), ["db/primary"]);
    assert_eq!(of("shards: {count: 3}"), ["db/shard-0", "db/shard-1", "db/shard-2"]);
    let both = of("shards: {count: 2, key: user}\n    replicas: {count: 1}");
    assert_eq!(both, ["db/shard-0/primary", "db/shard-0/replica-0", "db/shard-1/primary", "db/shard-1/replica-0"]);
    let model = model(&scenario("shards: {count: 2}\n    replicas: {count: 2}", 1, 1, ""));
    let hosts: Vec<&str> = model.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(
        hosts[..4],
        ["db/shard-0/primary", "db/shard-0/replica-0", "db/shard-0/replica-1", "db/shard-1/primary"]
    );
}

#[test]
fn copies_of_a_shard_stand_in_different_zones() {
    let model = model(&scenario("shards: {count: 4}\n    replicas: {count: 2}", 1, 1, ""));
    for shard in model.stations.chunks(3) {
        let mut zones: Vec<u16> = shard.iter().map(|station| station.place).collect();
        zones.sort_unstable();
        assert_eq!(zones, [0, 1, 2]);
    }
}

#[test]
fn faults_hit_the_parts_they_name() {
    let hit = |part: &str| {
        let faults = format!("faults: {{f: {{at: 1s, kill: {part}}}}}");
        let model = model(&scenario("shards: {count: 3}\n    replicas: {count: 1}", 1, 1, &faults));
        match &model.faults[0].act {
            Act::Kill(Target::Stations(stations)) => stations.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(hit("db/shard-1"), [2, 3]);
    assert_eq!(hit("db/shard-1/primary"), [2]);
    assert_eq!(hit("db/shard-2/replica-0"), [5]);
    assert_eq!(hit("db/4"), [4]);
    assert_eq!(hit("db"), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn replicas_on_machines_of_their_own_are_paid_for() {
    let cost = |more: &str| {
        let text = scenario(more, 1, 1, "").replace("    cores: 2\n", "");
        evaluated(&text).cost.usd_per_month
    };
    let (large, xlarge) = (cost("machine: r5.large"), cost("machine: r5.xlarge"));
    let mixed = cost("machine: r5.xlarge\n    shards: {count: 2}\n    replicas: {count: 3, machine: r5.large}");
    assert!((mixed - (2.0 * xlarge + 6.0 * large)).abs() < 1e-6, "{mixed}: {xlarge} {large}");
    let alike = cost("machine: r5.xlarge\n    replicas: {count: 3}");
    assert!((alike - 4.0 * xlarge).abs() < 1e-6, "{alike}");
}

/// Utilisation of the primary and of the first two replicas, at 900 reads and 300 writes a second.
fn load(read: &str) -> [f64; 3] {
    let objectives = "objectives:
  p: utilisation of cores on db/primary <= 100%
  r0: utilisation of cores on db/replica-0 <= 100%
  r1: utilisation of cores on db/replica-1 <= 100%";
    let report = evaluated(&scenario(
        &format!("replicas: {{count: 2, read: {read}, apply: {{cost: 0%}}}}\n    prefer: any"),
        900,
        300,
        objectives,
    ));
    ["p", "r0", "r1"].map(|name| value(&report, name))
}

#[test]
fn reads_go_where_read_says_and_writes_to_the_primary() {
    let near = |found: [f64; 3], expected: [f64; 3]| {
        let same = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.01 + 0.04 * b);
        assert!(same, "{found:?} {expected:?}");
    };
    near(load("any"), [0.15, 0.225, 0.225]);
    near(load("primary"), [0.6, 0.0, 0.0]);
    near(load("all"), [0.3, 0.15, 0.15]);
}

#[test]
fn the_nearest_replica_is_asked_if_there_is_one() {
    let objectives = "objectives:
  r0: utilisation of cores on db/replica-0 <= 100%
  r1: utilisation of cores on db/replica-1 <= 100%";
    let text =
        scenario("replicas: {count: 2, read: nearest, apply: {cost: 0%}}\n    prefer: any", 900, 300, objectives);
    let text = text.replace("rate: 900/s,", "rate: 900/s, from: home/c,");
    let report = evaluated(&text);
    assert!(value(&report, "r0") < 0.01, "no reader is in zone b");
    assert!((value(&report, "r1") - 0.45).abs() < 0.02, "all readers are in zone c");
}

#[test]
fn an_operation_may_insist_on_the_primary() {
    let objectives = "objectives: {p: utilisation of cores on db/primary <= 100%}";
    let of = |operations: &str| {
        let text = scenario("replicas: {count: 2}", 400, 100, objectives);
        value(&evaluated(&text.replace("read: {cpu: exp(1ms)}, write: {cpu: exp(1ms)}", operations)), "p")
    };
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.012, "{found} {expected}");
    near(of("read: {cpu: exp(1ms)}, write: {cpu: exp(1ms)}"), 0.05);
    near(of("read: {cpu: exp(1ms), from: primary}, write: {cpu: exp(1ms)}"), 0.25);
    near(of("read: {cpu: exp(1ms)}, write: {cpu: exp(1ms), writes: false}"), 0.0);
    near(of("read: {do: [{cpu: exp(1ms)}], writes: true}, write: {cpu: exp(1ms)}"), 0.25);
}

#[test]
fn shards_share_rows_evenly_and_keep_each() {
    let objectives = "objectives:
  one: utilisation of cores on db/shard-1 <= 100%
  spread: arrivals on db/shard-0 >= 0/s
  errors: errors during f >= 0%
faults: {f: {at: 30s, kill: db/shard-2}}";
    let report = evaluated(&scenario("shards: {count: 4, key: user}", 1600, 400, objectives));
    assert!((value(&report, "one") - 0.25).abs() < 0.02, "{}", value(&report, "one"));
    assert!((value(&report, "spread") - 500.0).abs() < 15.0, "{}", value(&report, "spread"));
    // One of four shards is down: a quarter of the requests fail, because keys stay where they are.
    assert!((value(&report, "errors") - 0.25).abs() < 0.02, "{}", value(&report, "errors"));
}

#[test]
fn one_key_is_on_one_shard() {
    let objectives = "objectives:
  a: arrivals on db/shard-0 >= 0/s
  b: arrivals on db/shard-1 >= 0/s";
    let text = scenario("shards: {count: 2, key: user}", 100, 100, objectives);
    let text = text.replace("timeout: 1s", "timeout: 1s, keys: {user: 7}");
    let report = evaluated(&text);
    let both = [value(&report, "a"), value(&report, "b")];
    assert!(both.contains(&0.0) && both.iter().sum::<f64>() > 190.0, "{both:?}");
}

#[test]
fn when_replicas_die_the_primary_reads() {
    let objectives = "objectives: {up: availability >= 99.9%, p: arrivals on db/primary during f >= 0/s}
faults: {f: {at: 30s, kill: db/replica-0}, g: {at: 30s, kill: db/replica-1}}";
    let report = evaluated(&scenario("replicas: {count: 2}", 400, 100, objectives));
    assert!(value(&report, "p") > 480.0, "{}", value(&report, "p"));
    assert!(value(&report, "up") > 0.9995);
}
