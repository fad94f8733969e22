//! Places: what is near is nearer, what is far is exactly as far as its link, and a place may go down.

use std::fmt::Write as _;

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::catalogue::latency;
use plimsoll::model::Model;
use plimsoll::report::Report;

use crate::support::{compiled, model};

/// A scenario under the usual header.
fn whole(rest: &str) -> String {
    format!("plimsoll: 1\ntitle: places\nrun: {{duration: 100s, warmup: none, replications: 2}}\n{rest}")
}

fn run(rest: &str) -> Report {
    let (scenario, model) = compiled(&whole(rest));
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

/// Mean latency of all requests, ms.
fn mean_ms(rest: &str) -> f64 {
    run(rest).latency.all.mean.expect("there are requests").mean * 1e3
}

fn objective(report: &Report, name: &str) -> f64 {
    let found = report.objectives.iter().find(|objective| objective.name == name);
    found.and_then(|objective| objective.value).unwrap_or_else(|| panic!("{name}: {found:?}"))
}

#[track_caller]
fn close(got: f64, truth: f64, slack: f64) {
    assert!((got - truth).abs() <= slack, "{got}, not {truth}");
}

/// One instance of a service of 1 ms at a place, asked from another; with what `links` says.
fn one_call(from: &str, at: &str, links: &str) -> String {
    format!(
        "regions: {{us-east-1: {{zones: 3}}, eu-west-1: {{zones: 2}}, ap-south-1: {{}}}}
load: {{users: {{rate: 50/s, from: {from}, requests: {{s.go: 1}}, timeout: none}}}}
components: {{s: {{kind: service, place: {at}, operations: {{go: [{{wait: 1ms}}]}}}}}}
links: {{{links}}}
"
    )
}

#[test]
fn a_load_is_near_its_own_zone() {
    let zones = |prefer: &str| {
        mean_ms(&format!(
            "regions: {{us-east-1: {{zones: 2}}}}
load: {{far: {{rate: 50/s, from: us-east-1/b, requests: {{s.go: 1}}, timeout: 1s}}}}
components: {{s: {{kind: service, instances: 2, prefer: {prefer}, operations: {{go: [{{wait: 1ms}}]}}}}}}
"
        ))
    };
    // 250 us each way inside a zone, 1 ms between zones.
    close(zones("zone"), 1.5, 1e-6);
    close(zones("any"), 2.25, 0.01);
    close(zones("region"), 2.25, 0.01);
}

#[test]
fn the_link_is_there_and_back_exactly() {
    let ms = |from, at, links| mean_ms(&one_call(from, at, links));
    close(ms("us-east-1/a", "us-east-1/a", ""), 1.0 + 2.0 * 0.25, 1e-5);
    close(ms("us-east-1/a", "us-east-1/c", ""), 1.0 + 2.0, 1e-5);
    close(ms("us-east-1", "us-east-1/c", ""), 1.0 + 2.0 * 0.25, 1e-5);
    let built_in = latency::one_way("ap-south-1", "us-east-1").expect("both are well known");
    close(ms("ap-south-1", "us-east-1/c", ""), 1.0 + 2e3 * built_in, 1e-4);
    close(ms("ap-south-1", "us-east-1/c", "ap-south-1 -> us-east-1: {latency: 91ms}"), 183.0, 1e-4);
    let both = "us-east-1 -> eu-west-1: {latency: 30ms}, eu-west-1 -> us-east-1: {latency: 50ms}";
    close(ms("us-east-1", "eu-west-1", both), 81.0, 1e-4);
    close(ms("eu-west-1", "us-east-1", both), 81.0, 1e-4);
}

#[test]
fn the_more_exact_link_wins() {
    let general = "any -> any: {latency: 1ms}";
    let regions = "us-east-1 -> eu-west-1: {latency: 30ms}";
    let mixed = "us-east-1/a -> eu-west-1: {latency: 20ms}";
    let zones = "us-east-1/a -> eu-west-1/b: {latency: 10ms}";
    let ends = "users -> s: {latency: 5ms}";
    let mut links: Vec<&str> = Vec::new();
    for (link, one_way) in [(general, 1.0), (regions, 30.0), (mixed, 20.0), (zones, 10.0), (ends, 5.0)] {
        links.push(link);
        close(mean_ms(&one_call("us-east-1/a", "eu-west-1/b", &links.join(", "))), 1.0 + 2.0 * one_way, 1e-4);
    }
    // Others are not concerned by what is said of single zones.
    close(mean_ms(&one_call("us-east-1/b", "eu-west-1/b", &links[..4].join(", "))), 61.0, 1e-4);
    close(mean_ms(&one_call("us-east-1/a", "us-east-1/b", &links[..4].join(", "))), 3.0, 1e-5);
    close(mean_ms(&one_call("us-east-1/0", "us-east-1/2", "us-east-1/c -> us-east-1/a: {latency: 3ms}")), 7.0, 1e-5);
}

#[test]
fn a_farther_region_is_never_quicker() {
    let mut regions: Vec<&str> = latency::regions().filter(|region| *region != "us-east-1").collect();
    regions.sort_by(|a, b| {
        let away = |region| latency::one_way("us-east-1", region);
        away(a).partial_cmp(&away(b)).expect("latencies are numbers")
    });
    let regions: Vec<&str> = regions.into_iter().step_by(4).collect();
    let p50 = |region: &str| {
        let report = run(&format!(
            "regions: {{us-east-1: {{}}, {region}: {{}}}}
load: {{users: {{rate: 50/s, from: {region}, requests: {{s.go: 1}}, timeout: none}}}}
components: {{s: {{kind: service, place: us-east-1, workers: 4, operations: {{go: [{{wait: exp(20ms)}}]}}}}}}
"
        ));
        report.latency.all.p50.expect("enough requests").mean
    };
    let quantiles: Vec<f64> = regions.iter().map(|region| p50(region)).collect();
    assert!(quantiles.is_sorted_by(|near, far| near < far), "{regions:?} {quantiles:?}");
}

/// Everywhere an instance; users in two regions, by shares or by a key.
fn worldwide(from: &str, service: &str, rest: &str) -> String {
    format!(
        "regions: {{us-east-1: {{zones: 2}}, eu-west-1: {{}}, ap-south-1: {{}}}}
keys: {{user: {{count: 1000}}, home: {{of: user, shares: {{us-east-1: 60%, ap-south-1: 40%}}}}}}
load: {{users: {{rate: 200/s, from: {from}, requests: {{s.go: 1}}, timeout: none}}}}
components: {{s: {{kind: service, operations: {{go: [{{wait: 1ms}}, {{respond: 10KB}}]}}, {service}}}}}
{rest}"
    )
}

#[test]
fn requests_come_from_several_places_and_are_measured_there() {
    for from in ["{us-east-1: 60%, ap-south-1: 40%}", "home"] {
        let objectives = "objectives:
  near: latency mean from us-east-1 <= 1s
  far: latency mean of s.go from ap-south-1 <= 1s
  share: throughput from ap-south-1 >= 1/s
  by_key: throughput with home=ap-south-1 >= 1/s
  load: throughput from users >= 1/s
";
        let report = run(&worldwide(from, "place: us-east-1", objectives));
        let far = latency::one_way("ap-south-1", "us-east-1").expect("well known");
        close(objective(&report, "near"), 1.5e-3, 1e-6);
        close(objective(&report, "far"), 1e-3 + 2.0 * far, 1e-6);
        close(objective(&report, "load"), 200.0, 5.0);
        close(objective(&report, "share"), 80.0, 4.0);
        let same = objective(&report, "by_key") == objective(&report, "share");
        assert_eq!(from == "home", same, "the place follows the key only where it is said");
        let regions: Vec<&str> = report.regions.keys().map(String::as_str).collect();
        assert_eq!(["ap-south-1", "us-east-1"], regions[..]);
        let there = report.regions["ap-south-1"].requests.goodput_per_s.mean;
        close(there, objective(&report, "share"), 1e-9);
    }
}

#[test]
fn a_client_and_a_session_stay_where_they_are() {
    let text = |demand: &str| {
        whole(&format!(
            "regions: {{us-east-1: {{}}, ap-south-1: {{}}}}
load: {{users: {{{demand}, from: {{us-east-1: 1, ap-south-1: 1}}, timeout: none}}}}
components: {{s: {{kind: service, place: us-east-1, operations: {{go: [{{wait: 1ms}}]}}}}}}
"
        ))
    };
    for demand in [
        "clients: 1, think: 10ms, requests: {s.go: 1}",
        "sessions: {rate: 5/s, think: 10ms, steps: [{request: s.go, times: 5}]}",
    ] {
        let (scenario, model) = compiled(&text(demand));
        let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
        let counts: Vec<u64> = report.regions.values().map(|traffic| traffic.latency.all.count).collect();
        let sessions = demand.starts_with("sessions");
        if sessions {
            assert!(counts.iter().all(|count| 1000 < *count), "{counts:?}");
            // Sessions under way at the end have not asked all of their five times.
            assert!(counts.iter().all(|count| *count % 5 < 5), "{counts:?}");
        } else {
            // One client of each replication is in one of the places, all the time: 100 s in turns of 11.5 or 201 ms.
            let possible = |count: &u64| {
                [0, 497, 8695].iter().any(|whole: &u64| count.abs_diff(*whole) < 6)
                    || [994, 9192, 17391].iter().any(|whole: &u64| count.abs_diff(*whole) < 12)
            };
            assert!(counts.iter().all(possible), "{counts:?}");
        }
    }
}

/// Component, place and host of each instance.
fn standing(model: &Model) -> Vec<String> {
    let place = |place: u16| model.places.get(usize::from(place)).map_or("nowhere", |place| &place.name);
    let stations = model.stations.iter();
    stations.map(|s| format!("{} {}", model.components[usize::from(s.component)].name, place(s.place))).collect()
}

#[test]
fn counts_are_dealt_over_the_zones_of_their_place() {
    let model = model(&whole(
        "regions: {us-east-1: {zones: 2, default: true}, eu-west-1: {zones: 2}}
hosts: {nodes: {machine: m5.large, count: {us-east-1: 1, eu-west-1/b: 1}}, here: {machine: m5.large, place: eu-west-1}}
load: {users: {rate: 50/s, requests: {a.go: 1, b.go: 1, c.go: 1, d.go: 1, e.go: 1, f.go: 1, g.go: 1}, timeout: none}}
components:
  a: {kind: service, machine: c5.large, instances: {us-east-1: 3, eu-west-1/b: 1}, operations: {go: [{call: x.pay}]}}
  b: {kind: service, instances: 2, place: eu-west-1, operations: {go: [{wait: 1ms}]}}
  c: {kind: service, instances: 1, operations: {go: [{wait: 1ms}]}}
  d: {kind: service, on: nodes, instances: 3, operations: {go: [{wait: 1ms}]}}
  e: {kind: service, on: nodes, instances: {eu-west-1: 2}, operations: {go: [{wait: 1ms}]}}
  f: {kind: service, on: here, operations: {go: [{wait: 1ms}]}}
  g: {kind: database, primary: eu-west-1/b, operations: {go: {wait: 1ms}}}
  x: {kind: external, operations: {pay: {wait: 1ms}}}
",
    ));
    let expected = [
        "a eu-west-1/b",
        "a us-east-1/a",
        "a us-east-1/b",
        "a us-east-1/a",
        "b eu-west-1/a",
        "b eu-west-1/b",
        "c us-east-1/a",
        "d eu-west-1/b",
        "d us-east-1/a",
        "d eu-west-1/b",
        "e eu-west-1/b",
        "e eu-west-1/b",
        "f eu-west-1/a",
        "g eu-west-1/b",
        "x nowhere",
    ];
    assert_eq!(expected[..], standing(&model)[..]);
}

/// Requests a second that each of the instances of `s` got, in the order of places' names.
fn arrivals(model: &Model, rest: &str) -> Vec<f64> {
    let mut objectives = String::from("objectives:\n");
    for instance in 0..model.components[0].count {
        writeln!(objectives, "  i{instance}: arrivals of s/{instance} >= 0/s").expect("a string takes any text");
    }
    let report = run(&format!("{rest}{objectives}"));
    (0..model.components[0].count).map(|instance| objective(&report, &format!("i{instance}"))).collect()
}

#[test]
fn who_is_preferred_gets_the_requests() {
    // Instances: 0 in ap-south-1, 1 in eu-west-1, 2 and 3 in the zones of us-east-1.
    let three = "instances: {us-east-1: 2, eu-west-1: 1, ap-south-1: 1}";
    let got = |from: &str, how: &str| {
        let text = worldwide(from, &format!("{three}, {how}"), "");
        let arrivals = arrivals(&model(&whole(&text)), &text);
        arrivals.into_iter().map(|rate| (rate / 10.0).round() as u32 * 10).collect::<Vec<_>>()
    };
    assert_eq!([200, 0, 0, 0], got("ap-south-1", "prefer: zone")[..]);
    assert_eq!([0, 0, 100, 100], got("us-east-1", "prefer: zone")[..]);
    assert_eq!([0, 0, 0, 200], got("us-east-1/b", "prefer: zone")[..]);
    assert_eq!([0, 0, 100, 100], got("us-east-1/b", "prefer: region")[..]);
    assert_eq!([50, 50, 50, 50], got("us-east-1/b", "prefer: any")[..]);
    assert_eq!([0, 0, 0, 200], got("us-east-1/b", "balance: nearest, prefer: any")[..]);
    assert_eq!([0, 200, 0, 0], got("us-east-1/b", "balance: failover(eu-west-1 us-east-1)")[..]);
    assert_eq!([0, 0, 200, 0], got("ap-south-1", "balance: failover(us-east-1/a eu-west-1)")[..]);
    assert_eq!([0, 0, 100, 100], got("us-east-1/b", "balance: latency")[..]);
    // A far region that is asked by name keeps its zones in turn.
    assert_eq!([0, 0, 100, 100], got("ap-south-1", "balance: failover(us-east-1 eu-west-1)")[..]);
}

#[test]
fn a_dead_region_is_replaced_by_the_nearest() {
    let three = "instances: {us-east-1: 2, eu-west-1: 1, ap-south-1: 1}";
    let faults = |hit: &str| {
        format!(
            "faults: {{gone: {{at: 40s, for: 20s, kill: {hit}}}}}
objectives:
  before: latency mean before gone <= 1s
  during: latency mean during gone <= 1s
  after: latency mean after gone <= 1s
  bad: errors <= 1
"
        )
    };
    let far = 2.0 * latency::one_way("eu-west-1", "us-east-1").expect("well known");
    for (hit, during) in
        [("us-east-1", 1e-3 + far), ("us-east-1/b", 3e-3), ("us-east-1/a", 1.5e-3), ("eu-west-1", 1.5e-3)]
    {
        let report = run(&worldwide("us-east-1/b", three, &faults(hit)));
        close(objective(&report, "before"), 1.5e-3, 1e-6);
        // A few were under way when it happened.
        close(objective(&report, "during"), during, 5e-3 * during);
        close(objective(&report, "after"), 1.5e-3, far * 3e-3);
        assert!(objective(&report, "bad") <= 3.0, "only those under way are lost");
    }
}

#[test]
fn any_region_takes_all_that_stands_in_one() {
    let three = "instances: {us-east-1: 2, eu-west-1: 1, ap-south-1: 1}";
    let parts = |hit: &str| {
        let faults = format!("faults: {{gone: {{kill: {hit}, every: exp(20s), for: 5s}}}}\n");
        match &model(&whole(&worldwide("us-east-1", three, &faults))).faults[0].act {
            plimsoll::model::Act::Kill(plimsoll::model::Target::AnyOf(parts)) => parts.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(vec![vec![0], vec![1], vec![2, 3]], parts("any region"));
    assert_eq!(vec![vec![0], vec![1], vec![2], vec![3]], parts("any zone"));
    assert_eq!(vec![vec![2], vec![3]], parts("us-east-1/any"));
}

#[test]
fn bytes_between_regions_are_paid_and_counted_once() {
    let links = "links: {us-east-1 -> ap-south-1: {bandwidth: 1Gbps, price: $0.02/GB}}\n";
    let report = run(&worldwide("{us-east-1: 60%, ap-south-1: 40%}", "place: us-east-1", links));
    let line = |name: &str| report.cost.lines.iter().find(|line| line.component == name).cloned();
    // Answers of 10 KB go from us-east-1 to ap-south-1; requests carry nothing, and what stays inside is free.
    let month = 730.0 * 3600.0;
    let share = report.regions["ap-south-1"].requests.goodput_per_s.mean;
    let there = line("us-east-1 -> ap-south-1").expect("it has a price");
    // Those under way at the end have been sent, but have not arrived.
    close(there.quantity, share * 10e3 * month / 1e9, 3e-3 * there.quantity);
    close(there.usd_per_month, there.quantity * 0.02, 1e-9);
    assert_eq!(0.0, line("ap-south-1 -> us-east-1").expect("the way back has a price, too").quantity);
    // 10 KB at 1 Gbps are 80 us, on the one way only.
    let slow = report.regions["ap-south-1"].latency.all.mean.expect("some").mean;
    let away = latency::one_way("ap-south-1", "us-east-1").expect("well known");
    close(slow, 1e-3 + 2.0 * away + 80e-6, 2e-6);
}

#[test]
fn a_handshake_goes_as_far_as_the_request() {
    let connect = |at: &str| {
        let text = worldwide("ap-south-1", at, "").replace("timeout: none", "timeout: none, connect: {round_trips: 2}");
        mean_ms(&text)
    };
    let away = latency::one_way("ap-south-1", "us-east-1").expect("well known") * 1e3;
    close(connect("place: us-east-1"), 1.0 + 6.0 * away, 1e-3);
    close(connect("instances: {us-east-1: 1, ap-south-1: 1}"), 1.0 + 6.0 * 0.25, 1e-3);
}

#[test]
fn estimates_know_how_far_the_callee_is() {
    let text = |place: &str| {
        whole(&format!(
            "regions: {{us-east-1: {{default: true}}, ap-south-1: {{}}}}
load: {{users: {{rate: 100/s, requests: {{a.go: 1}}, timeout: none}}}}
components:
  a: {{kind: service, workers: 10, operations: {{go: [{{call: b.go}}]}}}}
  b: {{kind: service, place: {place}, operations: {{go: [{{wait: 1ms}}]}}}}
"
        ))
    };
    let seconds = |place: &str| {
        let model = model(&text(place));
        let traffic = model.traffic();
        traffic.seconds.iter().copied().fold(0.0, f64::max)
    };
    close(seconds("us-east-1"), 1.5e-3, 1e-9);
    close(seconds("ap-south-1"), 0.191, 1e-9);
}

/// Mean latency in ms from a zone to a service of 1 ms whose instances stand in zones a and b of three.
fn between_ms(from: &str, links: &str) -> f64 {
    mean_ms(&format!(
        "
regions: {{home: {{zones: 3}}}}
links: {links}
load: {{far: {{rate: 50/s, from: home/{from}, requests: {{s.go: 1}}, payload: 1KB, timeout: 1s}}}}
components: {{s: {{kind: service, instances: 2, balance: round_robin, prefer: any, operations: {{go: [{{wait: 1ms}}]}}}}}}
"
    ))
}

#[test]
fn a_link_may_be_that_of_two_zones() {
    // To a there and back 2 x 0.25 ms, to b 2 x 5 ms, which is 5.25 ms on average; from c to both 2 x 1 ms.
    let one = "{home/a -> home/b: {latency: 5ms}}";
    assert!((between_ms("a", one) - (1.0 + 5.25)).abs() < 0.05, "{}", between_ms("a", one));
    assert!((between_ms("c", one) - 3.0).abs() < 1e-6, "{}", between_ms("c", one));
    // The way back is given itself, and the region says the rest.
    let three = "{home/a -> home/b: {latency: 5ms}, home/b -> home/a: {latency: 7ms}, home -> home: {latency: 2ms}}";
    assert!((between_ms("a", three) - (1.0 + 8.0)).abs() < 0.05, "{}", between_ms("a", three));
    assert!((between_ms("c", three) - 5.0).abs() < 1e-6, "{}", between_ms("c", three));
    // Only what goes between the two waits for the bandwidth: 1 KB takes 4 ms at 2 Mbps.
    let thin = "{home/a -> home/b: {latency: 0ms, bandwidth: 2Mbps}}";
    assert!((4.5..7.0).contains(&(2.0 * between_ms("a", thin) - 1.5)), "{}", between_ms("a", thin));
    assert!((between_ms("c", thin) - 3.0).abs() < 1e-6, "{}", between_ms("c", thin));
}

#[test]
fn on_one_box_there_is_no_link() {
    let ms = |count: u32, links: &str| {
        mean_ms(&format!(
            "
load: {{users: {{rate: 50/s, requests: {{web.show: 1}}, timeout: none}}}}
hosts: {{nodes: {{cores: 4, nic: 1Mbps, count: {count}}}}}
{links}
components:
  web: {{kind: service, on: nodes, instances: 4, balance: random, operations: {{show: [{{call: db.read}}]}}}}
  db: {{kind: service, on: nodes, instances: 4, balance: random, operations: {{read: [{{wait: 1ms}}, {{respond: 1B}}]}}}}
"
        ))
    };
    assert!((ms(1, "") - 1.0).abs() < 1e-6, "{}", ms(1, ""));
    // With four hosts, three calls of four go over the network: 2 x 0.25 ms, and a byte through two cards of 1 Mbps.
    let over = 0.5 + 0.016;
    assert!((ms(4, "") - (1.0 + 0.75 * over)).abs() < 0.02, "{}", ms(4, ""));
    // A link that is given is there in any case; what stays on the box needs no card.
    let given = ms(4, "links: {web -> db: {latency: 1ms}}");
    assert!((given - (3.0 + 0.75 * 0.016)).abs() < 0.005, "{given}");
}
