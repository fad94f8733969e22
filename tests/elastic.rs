//! Instances that come and go: what boot, warm-up, draining, quotas and the rules of an autoscaler change.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{compiled, model, value};

/// A service of two cores an instance, 10 ms of work a request, under a load that triples after two minutes.
struct Setup {
    service: String,
    autoscale: &'static str,
    rest: &'static str,
}

impl Setup {
    fn new(autoscale: &'static str) -> Setup {
        Setup { service: "boot: 20s".to_owned(), autoscale, rest: "" }
    }

    fn service(service: &str, autoscale: &'static str) -> Setup {
        Setup { service: service.to_owned(), ..Setup::new(autoscale) }
    }

    fn text(&self) -> String {
        let Setup { service, autoscale, rest } = self;
        let service = service.replace("; ", "\n    ");
        format!(
            "
plimsoll: 1
title: elastic
run: {{duration: 10m, warmup: none, replications: 1}}
load: {{users: {{rate: 100/s, steps: {{0s: 1, 2m: 6, 6m: 1}}, timeout: 5s, requests: {{web.go: 1}}}}}}
components:
  web:
    kind: service
    machine: c5.large
    {service}
    autoscale: {{{autoscale}}}
    operations: {{go: [{{cpu: exp(10ms)}}]}}
objectives:
  changes: scale_changes of web <= 1000
  replicas: replicas of web >= 0
  late: errors during rush <= 100%
faults: {{rush: {{at: 2m, for: 4m, surge: users, factor: 1}}}}
{rest}
"
        )
    }

    fn report(&self) -> Report {
        let (scenario, model) = compiled(&self.text());
        evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
    }
}

fn figure(report: &Report, name: &str) -> f64 {
    report.components["web"].kind_specific.figures[name].mean
}

const TARGET: &str = "min: 1, max: 10, target: {utilisation of cores: 60%}";

#[test]
fn a_target_follows_the_load_up_and_down() {
    let report = Setup::new(TARGET).report();
    let counts: Vec<f64> = report.components["web"].kind_specific.replicas_over_time.iter().map(|at| at[1]).collect();
    // 600/s of 10 ms are six cores: at 60 % ten of them, five machines. Before they are there, it asks for more.
    assert!(counts.iter().any(|count| 5.0 <= *count), "{counts:?}");
    assert!(counts.last().is_some_and(|last| *last <= 7.0), "{counts:?}");
    let decision = &report.decisions[0];
    assert!(135.0 <= decision.t_s && decision.why.starts_with("utilisation of cores"), "{decision:?}");
    assert!(decision.from < decision.to && decision.component == "web");
    assert_eq!(value(&report, "changes"), report.decisions.len() as f64);
    assert_eq!(figure(&report, "scale_changes"), report.decisions.len() as f64);
}

#[test]
fn the_longer_a_boot_the_later_the_help() {
    let late = |boot: &str| value(&Setup::service(&format!("boot: {boot}"), TARGET).report(), "late");
    let [at_once, slow] = [late("0s"), late("60s")];
    assert!(1.2 * at_once < slow, "errors of {at_once} and {slow}");
}

#[test]
fn old_and_averaged_values_are_late_values() {
    let first = |autoscale| Setup::new(autoscale).report().decisions[0].t_s;
    let fresh = first("min: 1, max: 10, age: 0s, window: 15s, target: {utilisation of cores: 60%}");
    let aged = first("min: 1, max: 10, age: 60s, window: 15s, target: {utilisation of cores: 60%}");
    let averaged = first("min: 1, max: 10, age: 0s, window: 2m, target: {utilisation of cores: 60%}");
    assert_eq!(135.0, fresh);
    assert_eq!(195.0, aged);
    assert!(fresh < averaged, "{averaged}");
    let rare = first("min: 1, max: 10, every: 60s, age: 0s, window: 15s, target: {utilisation of cores: 60%}");
    assert_eq!(180.0, rare);
}

#[test]
fn a_quota_is_an_end() {
    let report = Setup::new("min: 1, max: 2, target: {utilisation of cores: 60%}").report();
    let most = report.decisions.iter().map(|decision| decision.to).fold(0.0, f64::max);
    assert_eq!(2.0, most);
    assert!(report.decisions.iter().all(|decision| decision.to <= 2.0), "{:?}", report.decisions);
    assert!(0.2 < value(&report, "late"), "two machines do 400/s of 600/s");
}

#[test]
fn instances_that_are_slow_at_first_help_less_unless_they_join_warm() {
    // One boots at the start of each minute, one of two that serve.
    let run = |warm: &str| {
        let autoscale =
            "min: 2, max: 6, every: 30s, step: {arrivals > 200/s: +1, arrivals < 200/s: -1}, window: 15s, age: 0s";
        let report = Setup::service(&format!("boot: 5s; instances: 2{warm}"), autoscale).report();
        value(&report, "late")
    };
    let plain = run("");
    let cold = run("; warm: {for: 60s, slower: x4}");
    let warm = run("; warm: {for: 20s, slower: x4, join: warm}");
    let short = run("; warm: {for: 5s, slower: x4}");
    assert!(plain < cold && short < cold, "plain {plain}, cold {cold}, short {short}");
    assert!(plain < warm, "who warms up first comes later: plain {plain}, warm {warm}");
}

#[test]
fn draining_loses_nothing_and_no_draining_loses_what_is_in_flight() {
    let resets = |drain: &str| {
        let autoscale = "min: 1, max: 6, schedule: {00:00: 6, 00:01: 1, 00:02: 6, 00:03: 1}";
        let setup = Setup::service(&format!("boot: 1s; drain: {drain}"), autoscale);
        let text = setup.text().replace("exp(10ms)", "exp(10ms)}, {wait: 500ms");
        let (scenario, model) = compiled(&text);
        let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
        let of = |kind: &str| report.requests.errors.get(kind).map_or(0.0, |share| share.mean);
        (of("reset"), of("refused"))
    };
    let (reset, _) = resets("0s");
    assert!(0.0 < reset);
    assert_eq!((0.0, 0.0), resets("30s"));
    assert!(resets("200ms").0 < reset, "some finish");
}

#[test]
fn machines_are_paid_while_they_are_there() {
    let cost = |autoscale| {
        let report = Setup::new(autoscale).report();
        let line = report.cost.lines.iter().find(|line| line.component == "web").cloned().expect("it is priced");
        (line.quantity, line.usd_per_month)
    };
    // Half of the time 1, half of the time 5; boot and drain are paid too.
    let (machines, dollars) = cost("min: 1, max: 5, every: 5s, schedule: {00:00: 1, 00:05: 5}");
    assert!((machines - 3.0).abs() < 0.05, "{machines}");
    let (one, price) = cost("min: 1, max: 1, schedule: {00:00: 1}");
    assert!((one - 1.0).abs() < 1e-9);
    assert!((dollars / price - machines).abs() < 1e-6);
}

#[test]
fn a_short_stable_time_thrashes_and_a_long_one_does_not() {
    let changes = |autoscale| {
        let mut setup = Setup::new(autoscale);
        setup.rest = "";
        let steps: Vec<String> = (0..20).map(|k| format!("{}s: {}", 30 * k, if k % 2 == 0 { 1 } else { 4 })).collect();
        let text = setup.text().replace("0s: 1, 2m: 6, 6m: 1", &steps.join(", "));
        let (scenario, model) = compiled(&text);
        evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
    };
    let hasty = changes(
        "min: 1, max: 10, every: 5s, window: 10s, age: 0s, target: {utilisation of cores: 60%}, up: {by: 100%}, down: {stable: 0s}",
    );
    let steady = changes(
        "min: 1, max: 10, every: 5s, window: 10s, age: 0s, target: {utilisation of cores: 60%}, up: {by: 100%}, down: {stable: 5m}",
    );
    let (hasty_changes, steady_changes) = (value(&hasty, "changes"), value(&steady, "changes"));
    assert!(3.0 * steady_changes < hasty_changes, "{hasty_changes} and {steady_changes}");
    assert!(hasty.warnings.iter().any(|warning| warning.code == "W0511"));
    assert!(!steady.warnings.iter().any(|warning| warning.code == "W0511"));
}

#[test]
fn a_forecast_orders_before_the_morning_comes() {
    let day = |autoscale: &str| {
        let text = format!(
            "
plimsoll: 1
title: morning
run: {{start: Mon 07:00, duration: 2h, warmup: none, replications: 1}}
load: {{users: {{rate: 20/s, shape: {{day: {{00:00: 30%, 07:45: 30%, 08:00: 300%, 10:00: 300%, 10:30: 100%}}}}, timeout: 5s, requests: {{web.go: 1}}}}}}
components:
  web: {{kind: service, cores: 1, boot: 2m, autoscale: {{min: 1, max: 12, {autoscale}}}, operations: {{go: [{{cpu: exp(100ms)}}]}}}}
objectives: {{up: availability >= 0%, late: latency p99 <= 10s}}
"
        );
        let (scenario, model) = compiled(&text);
        evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
    };
    let ahead = day("predict: {target: 6/s, history: 14d, ahead: 15m}");
    let blind = day("predict: {target: 6/s, history: 14d, ahead: 1s}");
    let behind = day("target: {arrivals per instance: 6/s}");
    let late = |report: &Report| value(report, "late");
    assert!(late(&ahead) < late(&behind), "{} and {}", late(&ahead), late(&behind));
    assert!(late(&ahead) < late(&blind), "{} and {}", late(&ahead), late(&blind));
    let error = figure(&ahead, "forecast_error");
    assert!(0.0 < error && error < 0.25, "{error}");
    assert!(figure(&ahead, "under_provisioned") < figure(&behind, "under_provisioned"));
    assert!(figure(&behind, "over_provisioned") < figure(&ahead, "over_provisioned"));
    assert!(ahead.decisions[0].why.contains("foreseen"));
}

#[test]
fn panic_follows_the_short_window() {
    let first = |panic: &str| {
        let setup = Setup::service("workers: 8; boot: 5s", "");
        let rule =
            format!("min: 1, max: 10, every: 2s, age: 0s, window: 60s, concurrency: {{target: 2, panic: {panic}}}");
        let (scenario, model) = compiled(&setup.text().replace("autoscale: {}", &format!("autoscale: {{{rule}}}")));
        let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
        let after = report.decisions.iter().find(|d| 120.0 <= d.t_s && d.from < d.to).expect("it grows");
        (after.t_s, after.to - after.from, after.why.clone())
    };
    let (at, by, why) = first("200% in 6s");
    let (late, step, _) = first("100000% in 6s");
    assert!(why.starts_with("panic"), "{why}");
    assert!(at <= late && step < by, "{by} at {at} s, {step} at {late} s");
}

#[test]
fn the_kubernetes_block_does_what_the_target_does_in_its_own_units() {
    let hpa = "
      hpa:
        scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
        minReplicas: 1
        maxReplicas: 10
        metrics:
          - type: Resource
            resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}";
    let setup = Setup::new("");
    let text = setup.text().replace("autoscale: {}", &format!("autoscale:{hpa}"));
    let (scenario, model) = compiled(&text);
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
    let target = Setup::new(TARGET).report();
    let trajectory = |report: &Report| report.components["web"].kind_specific.replicas_over_time.clone();
    let (ours, theirs) = (trajectory(&target), trajectory(&report));
    let first = |path: &[[f64; 2]]| path[1];
    assert_eq!(first(&ours)[0], first(&theirs)[0]);
    assert!((first(&ours)[1] - first(&theirs)[1]).abs() <= 1.0, "{ours:?}\n{theirs:?}");
    assert!(theirs.last().is_some_and(|last| last[1] <= 10.0));
}

#[test]
fn laws_hold_while_instances_come_and_go() {
    for (service, autoscale) in [
        (
            "boot: exp(2s); drain: 0s",
            "min: 1, max: 8, every: 2s, step: {arrivals > 500/s: +3, arrivals <= 500/s: -2}, window: 2s, age: 0s, down: {stable: 0s}",
        ),
        (
            "boot: 3s; drain: 100ms; warm: {for: 5s, slower: x3}",
            "min: 1, max: 8, every: 3s, window: 3s, age: 0s, concurrency: {target: 1}",
        ),
        (
            "boot: 1s; workers: 2; queue: {limit: 5}",
            "min: 1, max: 4, every: 5s, score: [100% utilisation of cores / 100%], up: {above: 0.7, by: x2}, down: {below: 0.5, by: x0.5, stable: 0s}",
        ),
    ] {
        let mut setup = Setup::service(service, autoscale);
        setup.rest = "";
        let model =
            model(&setup.text().replace("rush: {at: 2m", "dies: {at: 3m, for: 1m, kill: web/0}, rush: {at: 2m"));
        for replication in 0..2 {
            let record = simulate(&model, 7, replication, &Signals::default());
            assert!(record.decisions.len() > 3, "{} decisions", record.decisions.len());
            holds(&model, &record, autoscale);
        }
    }
}

// -- what else comes and goes ---------------------------------------------------------------------------------------------

/// A cache of one core a node before a database; the load triples after two minutes.
fn cache(node: &str, most: u32, rest: &str) -> Report {
    let text = format!(
        "
plimsoll: 1
title: cache
run: {{duration: 8m, warmup: none, prefill: none, replications: 1}}
keys: {{user: {{count: 20k}}}}
load: {{users: {{rate: 300/s, steps: {{0s: 1, 2m: 6, 5m: 1}}, timeout: 5s, requests: {{nodes.read: 3, nodes.write: 1}}}}}}
components:
  nodes:
    kind: cache
    cores: 1
    entries: 50k
    key: user
    boot: 5s
    autoscale: {{min: 1, max: {most}, every: 10s, window: 20s, age: 0s, target: {{utilisation of cores: 50%}}, down: {{stable: 1m}}}}
    operations: {{read: {{cpu: 500us}}, write: {{cpu: 500us}}}}
    {node}
  db: {{kind: database, operations: {{read: {{cpu: 1ms}}, write: {{cpu: 1ms}}}}}}
objectives:
  hits: hit ratio of nodes over 20s >= 0%
  mean: hit ratio of nodes >= 0%
  slow: latency p95 <= 5s
  lost: lost_writes of nodes <= 0
{rest}
"
    );
    let (scenario, model) = compiled(&text);
    let record = simulate(&model, 3, 0, &Signals::default());
    holds(&model, &record, &text);
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

#[test]
fn a_new_node_of_a_cache_is_empty_and_takes_its_part_of_the_load() {
    let through = "backing: {read: db.read, write: db.write}";
    let (one, many) = (cache(through, 1, ""), cache(through, 6, ""));
    assert!(many.decisions.iter().any(|decision| decision.from < decision.to), "{:?}", many.decisions);
    assert!(many.decisions.iter().any(|decision| decision.to < decision.from), "{:?}", many.decisions);
    assert!(value(&many, "slow") < 0.5 * value(&one, "slow"), "{} and {}", value(&many, "slow"), value(&one, "slow"));
    // What moves to another node is fetched again there.
    assert!(value(&many, "mean") < value(&one, "mean"), "{} and {}", value(&many, "mean"), value(&one, "mean"));
}

#[test]
fn a_node_that_leaves_writes_what_it_has_kept_if_it_may_stay_so_long() {
    let behind = |drain: &str| {
        let node = format!(
            "drain: {drain}\n    backing: {{read: db.read, write: db.write, mode: behind, flush: {{every: 2m, batch: 200k}}}}"
        );
        value(&cache(&node, 6, ""), "lost")
    };
    assert_eq!(0.0, behind("1m"));
    assert!(0.0 < behind("0s"));
}

#[test]
fn poolers_and_balancers_follow_the_load_too() {
    for kind in ["pooler, targets: db, size: 50", "balancer, targets: db"] {
        let text = format!(
            "
plimsoll: 1
title: hops
run: {{duration: 5m, warmup: none, replications: 1}}
load: {{users: {{rate: 100/s, steps: {{0s: 1, 1m: 6, 3m: 1}}, timeout: 5s, requests: {{web.go: 1}}}}}}
components:
  web: {{kind: service, operations: {{go: [{{call: hop.read}}]}}}}
  hop: {{kind: {kind}, drain: 5s, autoscale: {{min: 1, max: 5, every: 10s, window: 20s, target: {{arrivals per instance: 150/s}}, down: {{stable: 30s}}}}}}
  db: {{kind: database, cores: 8, operations: {{read: {{cpu: 1ms}}}}}}
"
        );
        let (scenario, model) = compiled(&text);
        holds(&model, &simulate(&model, 3, 0, &Signals::default()), kind);
        let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
        let counts: Vec<f64> =
            report.components["hop"].kind_specific.replicas_over_time.iter().map(|at| at[1]).collect();
        assert!(counts.contains(&5.0) && counts.last().is_some_and(|last| *last < 3.0), "{kind}: {counts:?}");
        assert_eq!(0.0, report.requests.errors.values().map(|share| share.mean).sum::<f64>(), "{kind}");
    }
}

#[test]
fn consumers_follow_the_length_of_the_queue() {
    let run = |target: &str| {
        let text = format!(
            "
plimsoll: 1
title: consumers
run: {{duration: 8m, warmup: none, replications: 1}}
load: {{users: {{rate: 10/s, steps: {{0s: 1, 1m: 8, 4m: 1}}, timeout: 5s, requests: {{tasks.publish: 1}}}}}}
components:
  tasks: {{kind: queue}}
  worker:
    kind: service
    workers: 4
    boot: 5s
    consumes: {{from: tasks, group: work, operation: go}}
    operations: {{go: [{{wait: 200ms}}]}}
    autoscale: {{min: 1, max: 10, every: 10s, window: 10s, age: 0s, target: {{depth of tasks per instance: {target}}}, down: {{stable: 30s}}}}
objectives:
  deep: depth max of tasks <= 100k
"
        );
        let (scenario, model) = compiled(&text);
        evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
    };
    let (few, many) = (run("10"), run("2000"));
    let most = |report: &Report| {
        report.components["worker"].kind_specific.replicas_over_time.iter().map(|at| at[1]).fold(0.0, f64::max)
    };
    assert_eq!(1.0, most(&run("100k")));
    assert!(most(&many) < most(&few), "{} and {}", most(&many), most(&few));
    assert!(value(&few, "deep") < 0.5 * value(&many, "deep"), "{} and {}", value(&few, "deep"), value(&many, "deep"));
    // What waits is divided by those who serve, not by the queue's one instance: never more than asked for.
    let first = &few.decisions[0];
    assert!(first.why.starts_with("depth of tasks per instance"), "{}", first.why);
}

/// A database whose reads triple after two minutes, and whose replicas may become more; so many bytes to copy.
fn replicas(most: u32, rows: &str, rest: &str) -> Report {
    replicas_of("", "", (most, rows, rest))
}

/// The same with shards, or another mode.
fn replicas_of(shards: &str, mode: &str, (most, rows, rest): (u32, &str, &str)) -> Report {
    let text = format!(
        "
plimsoll: 1
title: replicas
run: {{duration: 10m, warmup: none, replications: 1}}
load:
  readers: {{rate: 150/s, steps: {{0s: 1, 2m: 4, 6m: 1}}, timeout: 5s, requests: {{db.read: 1}}}}
  writers: {{rate: 20/s, timeout: 5s, requests: {{db.write: 1}}}}
components:
  db:
    kind: database
    cores: 2
    price: $1/h
    boot: 5s
    data: {{rows: {rows}, row: 1KB}}
    disk: {{size: 100GB, iops: 3000, bandwidth: 500MB/s}}
    {shards}
    replicas:
      count: 1
      {mode}
      autoscale: {{min: 1, max: {most}, every: 10s, window: 20s, age: 0s, target: {{utilisation of cores: 60%}}, down: {{stable: 1m}}}}
    failover: {{rebuild: 200MB/s}}
    operations: {{read: {{cpu: exp(8ms)}}, write: {{cpu: 1ms}}}}
objectives:
  bad: errors <= 100%
  slow: latency mean of db.read <= 10s
  old: stale_reads of db <= 100%
{rest}
"
    );
    let (scenario, model) = compiled(&text);
    for replication in 0..2 {
        holds(&model, &simulate(&model, 3, replication, &Signals::default()), &text);
    }
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

#[test]
fn replicas_become_more_when_they_have_copied_the_data() {
    let counts = |report: &Report| -> Vec<f64> {
        report.components["db"].kind_specific.replicas_over_time.iter().map(|at| at[1]).collect()
    };
    let (one, many) = (replicas(1, "1M", ""), replicas(6, "1M", ""));
    assert_eq!(vec![1.0], counts(&one));
    assert!(counts(&many).iter().any(|count| 4.0 <= *count), "{:?}", counts(&many));
    assert!(counts(&many).last().is_some_and(|last| *last <= 2.0), "{:?}", counts(&many));
    assert!(value(&many, "bad") < 0.5 * value(&one, "bad"), "{} and {}", value(&many, "bad"), value(&one, "bad"));
    // 20 GB at 200 MB a second: a hundred seconds later than with one.
    let large = replicas(6, "20M", "");
    assert!(value(&many, "slow") < 0.8 * value(&large, "slow"), "{} {}", value(&many, "slow"), value(&large, "slow"));
    let dollars = [&one, &many].map(|report| report.cost.usd_per_month);
    assert!((dollars[0] - 2.0 * 730.0).abs() < 1.0 && 1.3 * dollars[0] < dollars[1], "{dollars:?}");
}

#[test]
fn a_replica_that_became_the_primary_is_not_taken_away() {
    let report = replicas(6, "1M", "faults: {dies: {at: 4m, kill: db/primary}}");
    let reads = &report.operations["db.write"].requests;
    assert!(reads.goodput_per_s.mean > 15.0, "writes go on: {}", reads.goodput_per_s.mean);
}

/// Two shards halve what each replica has to do, so fewer of each shard are needed, and as many come to the one as to the other.
#[test]
fn replicas_of_every_shard_become_more() {
    let counts = |report: &Report| -> Vec<f64> {
        report.components["db"].kind_specific.replicas_over_time.iter().map(|at| at[1]).collect()
    };
    let most = |report: &Report| counts(report).into_iter().fold(0.0, f64::max);
    let (whole, halves) = (replicas(6, "1M", ""), replicas_of("shards: {count: 2}", "", (6, "1M", "")));
    let fixed = replicas_of("shards: {count: 2}", "", (1, "1M", ""));
    assert!(2.0 <= most(&halves) && most(&halves) < most(&whole), "{:?} {:?}", counts(&halves), counts(&whole));
    assert!(counts(&halves).last().is_some_and(|last| *last <= 2.0), "{:?}", counts(&halves));
    assert!(
        value(&halves, "slow") < 0.7 * value(&fixed, "slow"),
        "{} {}",
        value(&halves, "slow"),
        value(&fixed, "slow")
    );
    // Two primaries and two replicas all the time, and two more machines for each further replica of a shard.
    let dollars = [&fixed, &halves].map(|report| report.cost.usd_per_month);
    assert!((dollars[0] - 4.0 * 730.0).abs() < 1.0 && 1.1 * dollars[0] < dollars[1], "{dollars:?}");
    let replica = |shard: u32| halves.components["db"].kind_specific.shards[shard as usize].arrivals_per_s.mean;
    assert!((replica(0) / replica(1) - 1.0).abs() < 0.1, "{} {}", replica(0), replica(1));
}

/// Writes that wait for replicas wait for those that have come, too, and for none that copies the data.
#[test]
fn replicas_that_are_waited_for_come_and_go() {
    for mode in ["mode: semi_sync(1)", "mode: sync"] {
        let report = replicas_of("", mode, (6, "1M", ""));
        let most = report.components["db"].kind_specific.replicas_over_time.iter().map(|at| at[1]).fold(0.0, f64::max);
        assert!(3.0 <= most, "{mode}: {most}");
        let writes = &report.operations["db.write"].requests;
        assert!((writes.goodput_per_s.mean / 20.0 - 1.0).abs() < 0.1, "{mode}: {}", writes.goodput_per_s.mean);
    }
    for shards in ["shards: {count: 3}", ""] {
        let dies = "faults: {dies: {at: 4m, kill: db/any, for: 30s}}";
        let report = replicas_of(shards, "mode: semi_sync(1)", (6, "1M", dies));
        assert!(value(&report, "bad") < 0.5, "{}", value(&report, "bad"));
    }
}
