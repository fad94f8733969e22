//! Measures over the part of a run, of the requests, that they name.

use plimsoll::report::Report;

use crate::support::{evaluated, value};

fn run(text: &str) -> Report {
    evaluated(&format!("plimsoll: 1\n{text}"))
}

#[test]
fn with_a_key_only_its_requests_are_counted() {
    let report = run("
run: {duration: 200s, warmup: none, replications: 2}
keys:
  user: {count: 10, popularity: hot(10% 50%)}
  home: {of: user, shares: {far: 30%, near: 70%}}
load:
  users: {rate: 100/s, timeout: none, requests: {api.serve: 1}}
  other: {rate: 20/s, timeout: none, requests: {api.serve: 1}, keys: {user: 3}}
components:
  api:
    kind: service
    operations:
      serve:
        - lock: {name: row, key: user, do: [{call: db.read}]}
  db: {kind: service, operations: {read: [{wait: 1ms}]}}
links: {api -> db: {latency: 0ms}}
objectives:
  all: throughput >= 1/s
  hot: throughput with user=0 >= 1/s
  pinned: goodput from other with user=3 >= 1/s
  never: arrivals from other with user=4 >= 1/s
  op: arrivals of db.read with user=0 >= 1/s
  one_by_one: in_flight max of db.read with user=0 <= 1
  together: in_flight max of db.read <= 1
  slow: latency p99 of api with user=0 <= 1s
  near: throughput from users with home=near >= 1/s
  far: throughput from users with home=far >= 1/s
");
    let close = |name: &str, truth: f64| {
        let got = value(&report, name);
        assert!((got / truth - 1.0).abs() < 0.05, "{name}: {got}, not {truth}");
    };
    close("all", 120.0);
    close("hot", 50.0);
    close("pinned", 20.0);
    close("op", 50.0);
    assert_eq!(0.0, value(&report, "never"));
    // The lock lets one of them in at a time, while those of other users overlap.
    assert_eq!(1.0, value(&report, "one_by_one"));
    assert!(1.0 < value(&report, "together"));
    assert!(0.0 < value(&report, "slow"));
    close("far", 100.0 - value(&report, "near"));
}

#[test]
fn a_maximum_is_that_of_the_measured_time() {
    // A burst at the start, over long before measuring begins; then a second one, half as high.
    let report = run("
run: {duration: 100s, warmup: 50s, replications: 2}
load:
  first: {clients: 100, think: 1000s, requests: {api.serve: 1}, timeout: none}
  users: {rate: 1/s, arrivals: constant, timeout: none, requests: {api.slow: 1}, steps: {0s: 40, 10s: 1, 60s: 20, 70s: 1}}
components:
  api:
    kind: service
    workers: 10
    operations: {serve: [{wait: 1ms}], slow: [{wait: 1s}]}
faults: {mark: {at: 80s, for: 10s, pause: api}}
objectives:
  queue: queue max of api <= 1k
  in_flight: in_flight max of api.slow <= 1k
  later: queue max of api during mark <= 1k
evolve_when: {looked: {when: queue max of api > 250, every: 5s, over: 5s}}
");
    let queue = value(&report, "queue");
    assert!((80.0..=120.0).contains(&queue), "the first burst left 300 waiting, the second 100: {queue}");
    assert!((90.0..=130.0).contains(&value(&report, "in_flight")), "{}", value(&report, "in_flight"));
    assert!(value(&report, "later") <= queue);
}

#[test]
fn surges_at_random_times_are_the_periods_that_are_marked() {
    // 10 s of 40 at three times the rate, the others at 100/s.
    let report = run("
run: {duration: 2000s, warmup: none, replications: 4}
load: {users: {rate: 100/s, timeout: none, requests: {api.serve: 1}}}
components: {api: {kind: service, operations: {serve: [{wait: 1ms}]}}}
faults: {rush: {surge: users, factor: 3, every: exp(30s), for: 10s}}
objectives: {all: throughput <= 1k/s}
");
    let got = value(&report, "all");
    assert!((got / 150.0 - 1.0).abs() < 0.08, "{got}");
}

#[test]
fn a_time_to_recover_is_that_of_what_is_asked() {
    let report = run("
run: {duration: 200s, warmup: none, replications: 2}
load: {users: {rate: 50/s, timeout: none, requests: {api.serve: 1}}}
components:
  api: {kind: service, operations: {serve: [{call: pay.charge, fallback: skip}]}}
  pay: {kind: external, operations: {charge: {wait: 1ms}}}
faults: {flaky: {at: 100s, for: 30s, errors: pay}}
objectives:
  whole: rto during flaky <= 1s
  part: rto of pay during flaky <= 100s
");
    assert_eq!(0.0, value(&report, "whole"), "whoever asks is served");
    let part = value(&report, "part");
    assert!((29.0..=31.0).contains(&part), "{part}");
}

#[test]
fn one_host_among_many_is_seen_where_a_measure_names_it() {
    let report = run("
run: {duration: 200s, warmup: none, replications: 2}
load: {users: {rate: 40/s, timeout: none, requests: {api.serve: 1}}}
components:
  api: {kind: service, cores: 1, instances: 4, balance: weighted(5 1 1 1), operations: {serve: [{cpu: 10ms}]}}
objectives:
  all: utilisation of cores of api p50 <= 50%
  busy: utilisation of cores on api/0 p50 <= 50%
  idle: utilisation of cores on api/3 p50 <= 50%
");
    let near = |name: &str, truth: f64| {
        let got = value(&report, name);
        assert!((got - truth).abs() < 0.03, "{name}: {got}, not {truth}");
    };
    near("all", 0.1);
    near("busy", 0.25);
    near("idle", 0.05);
}

#[test]
fn a_slow_request_is_told_from_its_start_to_its_end() {
    let report = run("
run: {duration: 100s, warmup: none, replications: 2}
load: {users: {rate: 20/s, timeout: none, requests: {api.serve: 1}}}
components:
  api:
    kind: service
    cores: 1
    operations:
      serve: [{cpu: 1ms}, {call: db.read}, {parallel: [{wait: 3ms}, [{wait: 1ms}, {call: db.write}]]}, {cpu: 2ms}]
  db: {kind: service, workers: 1, operations: {read: [{wait: exp(20ms)}], write: [{wait: 4ms}]}}
");
    assert!(!report.exemplars.is_empty());
    for slow in &report.exemplars {
        let mut at = 0.0;
        for span in &slow.spans {
            assert!((span.start_s - at).abs() < 1e-9, "without a gap: {slow:#?}");
            at = span.end_s;
        }
        assert!((at - slow.latency_s).abs() < 1e-9, "to its end: {slow:#?}");
        let told: Vec<(&str, Option<&str>, &str)> =
            slow.spans.iter().map(|s| (s.component.as_str(), s.operation.as_deref(), s.cause)).collect();
        assert_eq!(("api", Some("serve"), "cpu"), told[0]);
        assert_eq!(Some(&("api", Some("serve"), "cpu")), told.last());
        assert!(told.contains(&("db", Some("read"), "service")) && told.contains(&("db", Some("write"), "service")));
        assert!(told.iter().any(|(component, _, cause)| (*component, *cause) == ("db", "network")), "{told:?}");
    }
    let slowest = report.exemplars[0].latency_s;
    assert!(
        report.latency.all.p999.is_none() && report.latency.all.max <= Some(slowest),
        "all of a short run are seen"
    );
}

#[test]
fn hours_in_one_place_are_all_counted() {
    let report = run("
run: {duration: 100h, warmup: none, replications: 2}
load: {jobs: {every: 5h, requests: {api.serve: 1}}}
components:
  api: {kind: service, operations: {serve: [{wait: 2h}, {parallel: [{wait: 1h}]}]}}
");
    let told = &report.where_time_goes.mean;
    assert!((told[0].seconds - 3.0 * 3600.0).abs() < 0.01, "{told:#?}");
    assert!(report.audit.iter().all(|audit| audit.holds), "{:#?}", report.audit);
}

/// Checks that follow each other quickly fail as quickly, without a word about it.
#[test]
fn a_check_is_over_before_the_next_one() {
    let removal = |health: &str| {
        let report = run(&format!(
            "
run: {{duration: 60s, warmup: none, replications: 1}}
load: {{users: {{rate: 50/s, timeout: 1s, requests: {{lb.serve: 1}}}}}}
components:
  lb: {{kind: balancer, targets: api, health: {{{health}}}}}
  api: {{kind: service, instances: 2, operations: {{serve: [{{cpu: 1ms}}]}}}}
faults: {{dies: {{at: 20s, kill: api/0}}}}
objectives: {{gone: removal of api during dies <= 1h}}
"
        ));
        value(&report, "gone")
    };
    let [own, said, long] = ["interval: 2s", "interval: 2s, timeout: 2s", "interval: 30s"].map(removal);
    assert_eq!(own, said);
    assert!((4.0..=8.0).contains(&own) && own < long, "{own} {long}");
}
