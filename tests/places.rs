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
    let (scenario, model) = compiled(&text);
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
    report.latency.all.mean.expect("there are requests").mean * 1e3
}

#[test]
fn a_load_is_near_its_own_zone() {
    // 250 us each way inside a zone, 1 ms between zones.
    assert!((mean_ms("zone") - 1.5).abs() < 1e-6, "{}", mean_ms("zone"));
    assert!((mean_ms("any") - 2.25).abs() < 0.01, "{}", mean_ms("any"));
}
