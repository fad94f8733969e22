//! A run at a scale shows the whole: rates, counts and costs as they would be, times as a part of it has them.

use crate::support::evaluated;

/// Fifty single servers, each an M/M/1 at 0.7 of its own, before a database of a hundred connections.
fn fifty(scale: &str) -> String {
    format!(
        "plimsoll: 1
run: {{duration: 10m, warmup: 1m{scale}}}
keys: {{user: {{count: 5k, popularity: uniform}}}}
load: {{users: {{rate: 3500/s, timeout: none, requests: {{web.show: 1}}}}}}
components:
  web:
    kind: service
    machine: c5.large
    instances: 50
    workers: 1
    balance: random
    queue: {{limit: 100k}}
    operations: {{show: [{{wait: exp(10ms)}}, {{respond: 1KB}}, {{spawn: [{{call: db.read}}]}}]}}
  db: {{kind: database, machine: {{c5.large: 1}}, cores: 100, connections: 100, rate_limit: {{limit: 1M/s, as: window}}, operations: {{read: {{wait: 5ms}}}}}}
links: {{web -> db: {{latency: 0ms, bandwidth: 10Gbps, price: $0.01/GB}}}}
objectives:
  many: throughput >= 3400/s
  each: arrivals of web per instance <= 71/s
  queue: queue of web >= 70
  money: cost <= $20000/month
"
    )
}

#[test]
fn a_fiftieth_stands_for_the_whole() {
    let part = evaluated(&fifty(", scale: 1/50"));
    let close = |name: &str, value: f64, truth: f64| {
        assert!((value / truth - 1.0).abs() < 0.06, "{name}: {value}, not {truth}");
    };
    // The time of an M/M/1 at 0.7, whichever of the fifty it is.
    close("latency", part.latency.all.mean.expect("it is stated").mean, 0.01 / 0.3);
    close("throughput", part.requests.throughput_per_s.mean, 3500.0);
    let web = &part.components["web"];
    assert_eq!(50.0, web.instances.mean);
    close("arrivals", web.arrivals_per_s.mean, 3500.0);
    close("queue", web.queue_length.mean, 50.0 * 0.49 / 0.3);
    close("utilisation", web.utilisation.workers.as_ref().expect("it has workers").share.mean, 0.7);
    close("requests of the database", part.components["db"].arrivals_per_s.mean, 3500.0);
    let connections = part.components["db"].utilisation.connections.as_ref().expect("it has connections");
    close("connections", connections.share.mean, 3500.0 * 0.005 / 100.0);
    let bill = |name: &str| part.cost.lines.iter().find(|line| line.component == name).expect("it is billed");
    assert_eq!((50.0, 1.0), (bill("web").quantity, bill("db").quantity));
    assert_eq!(Some(50), part.run.scale);
    assert!(part.warnings.iter().any(|warning| warning.code == "W0509"));
    assert!(part.objectives.iter().all(|objective| objective.verdict.word() == "meets"), "{:#?}", part.objectives);
    let requests = part.run.requests as f64 / f64::from(part.run.replications);
    close("simulated", requests, 70.0 * 600.0);
}

#[test]
fn a_whole_run_says_nothing_of_a_scale() {
    let whole = evaluated(&fifty("").replace("10m, warmup: 1m", "10s, warmup: 1s"));
    assert_eq!(None, whole.run.scale);
    assert_eq!(50.0, whole.components["web"].instances.mean);
}

/// Sixteen machines that an autoscaler keeps, and two of them in a run at an eighth: the bill is the same.
#[test]
fn the_bill_of_an_autoscaled_part_is_that_of_the_whole() {
    let quantity = |scale: &str| {
        let report = evaluated(&format!(
            "plimsoll: 1
run: {{duration: 10m, warmup: none{scale}}}
load: {{users: {{rate: 800/s, timeout: none, requests: {{web.show: 1}}}}}}
components:
  first: {{kind: service, machine: c5.large, instances: 8, operations: {{go: {{cpu: 1ms}}}}}}
  web:
    kind: service
    machine: c5.large
    instances: 16
    autoscale: {{min: 16, max: 30, every: 60s, target: {{utilisation of cores: 90%}}}}
    operations: {{show: [{{cpu: 1ms}}, {{call: first.go}}]}}
  last: {{kind: service, machine: c5.large, instances: 8, operations: {{go: {{cpu: 1ms}}}}}}
"
        ));
        let lines = report.cost.lines.iter().filter(|line| line.component == "web");
        lines.map(|line| line.quantity).sum::<f64>()
    };
    assert_eq!((16.0, 16.0), (quantity(""), quantity(", scale: 1/8")));
}
