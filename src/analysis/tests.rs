//! The whole way from a text to a report, against closed forms.

use std::path::Path;

use crate::analysis::{Evaluation, Plan, Precision, Progress, evaluate};
use crate::diagnostic::{Diagnostics, Sources, plain};
use crate::model::Model;
use crate::model::compile::compile;
use crate::report::{Estimate, Report, Verdict, json};
use crate::scenario::Scenario;
use crate::scenario::root::{Given, load};

fn compiled(text: &str) -> (Scenario, Model) {
    let read = |_: &Path| Ok(text.to_owned());
    let given = Given { path: "test.yaml", read: &read, sets: &[], variant: None };
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let loaded = load(&given, &mut sources, &mut diags);
    let model = loaded.as_ref().and_then(|(scenario, _)| compile(scenario, &mut diags));
    let told: Vec<String> = plain(&diags, &sources).into_iter().map(|told| told.message).collect();
    let scenario = loaded.expect("the text can be read").0;
    (scenario, model.unwrap_or_else(|| panic!("{told:?}")))
}

fn run(text: &str) -> Evaluation {
    let (scenario, model) = compiled(text);
    let plan = Plan::new(&model, &scenario, 2);
    evaluate(&model, &scenario, &plan, &Progress::default())
}

fn queue(rate: f64, workers: u32, duration: &str, rest: &str) -> String {
    format!(
        "plimsoll: 1\ntitle: t\nrun: {{duration: {duration}}}\n\
         load: {{users: {{rate: {rate}/s, timeout: none, requests: {{api.serve: 1}}}}}}\n\
         components: {{api: {{kind: service, workers: {workers}, queue: {{limit: 1M}}, operations: {{serve: [{{wait: exp(10ms)}}]}}}}}}\n{rest}"
    )
}

fn holds(estimate: Option<Estimate>, truth: f64, name: &str) {
    let estimate = estimate.expect("it is stated");
    let half_width = estimate.half_width.expect("several replications have an interval");
    let off = (estimate.mean - truth).abs();
    assert!(off <= 2.5 * half_width, "{name}: {} +- {half_width}, not {truth}", estimate.mean);
    assert!(estimate.low <= Some(estimate.mean) && Some(estimate.mean) <= estimate.high);
}

fn audit_holds(report: &Report) {
    for audit in &report.audit {
        assert!(audit.holds, "{audit:?}");
    }
    assert!(report.audit.iter().any(|audit| audit.law == "little"));
}

#[test]
fn one_server_one_queue_is_as_the_formulas_say() {
    let report = run(&queue(70.0, 1, "10m", "")).report;
    holds(report.latency.all.mean, 0.01 / 0.3, "mean");
    holds(report.latency.all.p50, 0.01 / 0.3 * std::f64::consts::LN_2, "p50");
    holds(report.latency.all.p99, 0.01 / 0.3 * 4.605170, "p99");
    let api = &report.components["api"];
    holds(api.wait.mean, 0.07 / 3.0, "wait");
    holds(api.service.mean, 0.01, "service");
    holds(Some(api.queue_length), 0.49 / 0.3, "queue");
    holds(api.utilisation.workers.as_ref().map(|workers| workers.share), 0.7, "utilisation");
    holds(Some(report.requests.offered_per_s), 70.0, "offered");
    assert!(report.run.stable && report.run.warmup_s <= 300.0);
    audit_holds(&report);
    let laws: Vec<&str> = report.audit.iter().map(|audit| audit.law).collect();
    assert!(laws.contains(&"M/M/c mean") && laws.contains(&"M/M/c p99"), "{laws:?}");
}

#[test]
fn time_goes_where_it_goes() {
    let report = run(&queue(70.0, 1, "5m", "")).report;
    let mean = &report.where_time_goes.mean;
    assert_eq!((mean[0].cause, mean[1].cause, mean.len()), ("wait", "service", 2));
    let total: f64 = mean.iter().map(|share| share.seconds).sum();
    let latency = report.latency.all.mean.expect("it is stated").mean;
    assert!((total / latency - 1.0).abs() < 0.02, "{total} {latency}");
    let slow = &report.where_time_goes.slowest_1_percent;
    assert!(
        0.8 < slow[0].share
            && report.latency.all.p99.expect("it is stated").mean < slow.iter().map(|s| s.seconds).sum()
    );
    let limit = report.bottleneck.expect("workers have a limit");
    assert_eq!((limit.component.as_str(), limit.resource), ("api", "workers"));
    assert!((limit.headroom - 1.0 / 0.7).abs() < 0.1 && limit.why.contains("70%"), "{limit:?}");
}

#[test]
fn objectives_are_judged_by_their_intervals() {
    let rest = "objectives:\n  fast: latency p99 <= 500ms\n  slow: latency p99 <= 50ms\n  edge: latency mean <= 33.3ms\n  \
                up: availability >= 99.9%\n  busy: {any: [utilisation of api >= 90%, goodput >= 60/s]}\n";
    let report = run(&queue(70.0, 1, "5m", rest)).report;
    let verdict = |name: &str| report.objectives.iter().find(|o| o.name == name).expect("it is there").verdict;
    assert_eq!(verdict("fast"), Verdict::Meets);
    assert_eq!(verdict("slow"), Verdict::Misses);
    assert_eq!(verdict("edge"), Verdict::Undecided);
    assert_eq!(verdict("up"), Verdict::Meets);
    assert_eq!(verdict("busy"), Verdict::Meets);
    assert_eq!(report.verdict, Verdict::Misses);
}

#[test]
fn overload_is_said_and_no_latency_is_stated() {
    let report = run(&queue(120.0, 1, "2m", "objectives: {fast: latency p99 <= 500ms}\n")).report;
    assert!(!report.run.stable);
    let growth = report.run.growth_per_s.expect("it is said");
    assert!((growth - 20.0).abs() < 4.0, "{growth}");
    assert!(report.latency.all.p99.is_none() && report.latency.all.mean.is_none());
    assert!((report.requests.goodput_per_s.mean - 100.0).abs() < 3.0);
    assert_eq!(report.verdict, Verdict::Misses);
    assert!(report.warnings.iter().any(|warning| warning.code == "W0501"));
    audit_holds(&report);
}

#[test]
fn a_full_queue_turns_away_and_is_stable() {
    let text = queue(120.0, 1, "2m", "").replace("limit: 1M", "limit: 20");
    let report = run(&text).report;
    assert!(report.run.stable, "{:?}", report.run);
    holds(report.requests.error_ratio, 0.1705, "M/M/1/21 at 1.2");
    assert_eq!(report.requests.errors.keys().collect::<Vec<_>>(), ["queue_full"]);
    let limit = report.bottleneck.as_ref().expect("workers have a limit");
    assert!((limit.headroom - 1.0 / 1.2).abs() < 0.05, "{limit:?}");
    audit_holds(&report);
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let (scenario, model) =
        compiled(&queue(70.0, 1, "30s", "alerts: {busy: {when: utilisation of api > 50%, severity: P1}}\n"));
    let at = |jobs| {
        let plan = Plan::new(&model, &scenario, jobs);
        json::render(&evaluate(&model, &scenario, &plan, &Progress::default()).report)
    };
    let one = at(1);
    assert_eq!(one, at(2));
    assert_eq!(one, at(8));
}

#[test]
fn precision_adds_replications_until_it_is_reached() {
    let (scenario, model) = compiled(&queue(70.0, 1, "20s", ""));
    let probe = crate::model::Probe {
        quantity: crate::scenario::condition::Quantity::Latency,
        stat: None,
        scope: crate::model::Scope::All,
        resource: None,
        per: None,
    };
    let at = |jobs, within| {
        let precision = Some(Precision { probe: probe.clone(), within, most: 40 });
        let plan = Plan { seed: 7, replications: 5, precision, jobs };
        evaluate(&model, &scenario, &plan, &Progress::default()).report.run
    };
    let (one, three) = (at(1, 0.08), at(3, 0.08));
    assert_eq!(one.replications, three.replications);
    assert!(5 <= one.replications && one.replications < 40);
    assert!(one.precision.expect("it is said") <= 0.08);
    assert_eq!(at(2, 0.001).replications, 40);
}

#[test]
fn one_replication_has_no_interval_and_decides_only_facts() {
    let rest = "objectives: {fast: latency p99 <= 10s, cheap: cost <= $1/month}\n";
    let text = queue(70.0, 1, "60s", rest).replace("duration: 60s", "duration: 60s, replications: 1");
    let report = run(&text).report;
    assert_eq!(report.latency.all.mean.expect("it is stated").half_width, None);
    let verdicts: Vec<Verdict> = report.objectives.iter().map(|objective| objective.verdict).collect();
    assert_eq!(verdicts, [Verdict::Meets, Verdict::Undecided]);
}

#[test]
fn a_ramp_fires_at_its_load() {
    let text = "plimsoll: 1\ntitle: t\nrun: {duration: 20m, warmup: none}\n\
         load: {users: {rate: 100/s, timeout: none, ramp: {from: 10%, to: 110%, over: 20m}, requests: {api.serve: 1}}}\n\
         components: {api: {kind: service, workers: 1, queue: {limit: 1M}, operations: {serve: [{wait: exp(10ms)}]}}}\n\
         evolve_when: {full: utilisation of api > 70% for 1m, never: errors > 5%}\n\
         alerts: {busy: {when: utilisation of api > 70%, severity: P2}}\n";
    let report = run(text).report;
    let full = &report.evolve_when[0];
    assert_eq!((full.name.as_str(), report.evolve_when[1].fired_at_s), ("full", None));
    // Utilisation reaches 70 % at 12 min; the look behind and the hold add about a minute and a half.
    let at = full.fired_at_s.expect("it fires");
    assert!((700.0..=900.0).contains(&at), "{at}");
    let offered = full.offered_per_s.expect("it is said");
    assert!((offered - (10.0 + 100.0 * (at - 30.0) / 1200.0)).abs() < 8.0, "{offered} at {at}");
    assert!(report.alerts[0].fired.iter().all(|[from, to]| from < to) && !report.alerts[0].fired.is_empty());
}

/// Two instances that call a database through a pool; one instance dies from 1m to 1m30s.
const CHAIN: &str = "plimsoll: 1\ntitle: t\nrun: {duration: 3m, warmup: 10s}\n\
load: {users: {rate: 70/s, timeout: 10s, requests: {web.page: 1}}}\n\
components:\n  \
  web: {kind: service, instances: 2, machine: c5.2xlarge, workers: 64, operations: {page: [{cpu: exp(2ms)}, {call: db.read}]}}\n  \
  db: {kind: database, machine: c5.2xlarge, connections: 200, operations: {read: {cpu: exp(1ms), wait: exp(150ms)}}}\n\
policies: {web -> db: {pool: {size: 8, wait: 10s}}}\n\
faults: {dies: {at: 1m, kill: web/0, for: 30s}}\n\
objectives:\n  up: errors during dies <= 1%\n  back: rto during dies <= 20s\n  \
  good: goodput during dies >= 90% of before\n  calm: errors before dies <= 1%\n  rich: cost <= $10/month\n";

#[test]
fn periods_are_those_of_the_fault() {
    let report = run(CHAIN).report;
    let of = |name: &str| report.objectives.iter().find(|objective| objective.name == name).expect("it is there");
    // One instance with 8 connections of about 151 ms carries 53 of 70 requests a second.
    assert_eq!(of("good").verdict, Verdict::Misses, "{:?}", of("good"));
    let limit = of("good").limit.expect("it is measured");
    assert!((limit - 63.0).abs() < 2.0, "{limit}");
    assert_eq!(of("calm").verdict, Verdict::Meets, "{:?}", of("calm"));
    assert_eq!(of("rich").verdict, Verdict::Misses);
    let fault = &report.faults["dies"];
    assert_eq!(fault.at_s, Some(60.0));
    assert_eq!(fault.rto_s.map(|rto| rto.mean), of("back").value);
    let web = &report.components["web"];
    assert!((web.instances.mean - (2.0 - 30.0 / 170.0)).abs() < 0.01, "{:?}", web.instances);
    audit_holds(&report);
}

#[test]
fn workers_that_wait_for_a_pool_are_not_the_bottleneck() {
    let text =
        CHAIN.replace("workers: 64", "workers: 10").replace("faults: {dies: {at: 1m, kill: web/0, for: 30s}}\n", "");
    let text = text.split("objectives").next().expect("there is a first part").replace("rate: 70/s", "rate: 95/s");
    let report = run(&text).report;
    let limit = report.bottleneck.expect("there are limits");
    assert_eq!((limit.component.as_str(), limit.resource), ("web -> db", "pool"), "{limit:?}");
    let bill: f64 = report.cost.lines.iter().map(|line| line.usd_per_month).sum();
    assert_eq!(report.cost.usd_per_month, bill);
    let a_month = 95.0 * 730.0 * 3600.0 / 1e6;
    let each = report.cost.usd_per_million_requests.expect("there are requests");
    assert!((each / (bill / a_month) - 1.0).abs() < 0.05, "{each}");
}

/// Whether 95 % intervals cover the truth in 92 to 98 % of 400 runs, for the mean and for the p99.
fn coverage(rate: f64, workers: u32, duration: &str, truths: [f64; 2]) -> [f64; 2] {
    let (scenario, model) = compiled(&queue(rate, workers, duration, ""));
    let mut covered = [0.0; 2];
    let mut plan = Plan::new(&model, &scenario, 2);
    for seed in 0..400 {
        plan.seed = seed;
        let all = evaluate(&model, &scenario, &plan, &Progress::default()).report.latency.all;
        for (count, (estimate, truth)) in covered.iter_mut().zip([(all.mean, truths[0]), (all.p99, truths[1])]) {
            let estimate = estimate.expect("it is stated");
            let inside = estimate.low <= Some(truth) && Some(truth) <= estimate.high;
            *count += f64::from(u8::from(inside)) / 400.0;
        }
    }
    covered
}

#[test]
#[ignore = "takes minutes; `cargo test --release -- --ignored intervals_cover`"]
fn intervals_cover_what_they_claim() {
    for (rate, workers, duration, truths) in
        [(70.0, 1, "20m", [1.0 / 30.0, 4.605170186 / 30.0]), (640.0, 8, "2m", [0.0128602807840126, 0.0515218156250559])]
    {
        let covered = coverage(rate, workers, duration, truths);
        assert!(covered.iter().all(|share| (0.92..=0.98).contains(share)), "{workers} servers: {covered:?}");
    }
}
