//! Zones: what is near is nearer, for loads as for components.

use plimsoll::analysis::{Plan, Progress, evaluate};

use crate::support::compiled;

/// Mean latency in ms of requests from zone b to a service of 1 ms with an instance in each of two zones.
fn mean_ms(prefer: &str) -> f64 {
    let text = format!(
        "
plimsoll: 1
title: two zones
run: {{duration: 200s, warmup: none, replications: 2}}
regions: {{us-east-1: {{zones: 2}}}}
load: {{far: {{rate: 50/s, from: us-east-1/b, requests: {{s.go: 1}}, timeout: 1s}}}}
components: {{s: {{kind: service, instances: 2, balance: round_robin, prefer: {prefer}, operations: {{go: [{{wait: 1ms}}]}}}}}}
"
    );
    latency_ms(&text)
}

fn latency_ms(text: &str) -> f64 {
    let (scenario, model) = compiled(text);
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
    report.latency.all.mean.expect("there are requests").mean * 1e3
}

#[test]
fn a_load_is_near_its_own_zone() {
    // 250 us each way inside a zone, 1 ms between zones.
    assert!((mean_ms("zone") - 1.5).abs() < 1e-6, "{}", mean_ms("zone"));
    assert!((mean_ms("any") - 2.25).abs() < 0.01, "{}", mean_ms("any"));
}

/// Mean latency in ms from a zone to a service of 1 ms whose instances stand in zones a and b of three.
fn between_ms(from: &str, links: &str) -> f64 {
    latency_ms(&format!(
        "
plimsoll: 1
run: {{duration: 200s, warmup: none, replications: 2}}
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
        latency_ms(&format!(
            "
plimsoll: 1
run: {{duration: 200s, warmup: none, replications: 2}}
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
