//! Stage 8 and the pattern of events: queues, workers, dead letters.

use plimsoll::engine::{Signals, simulate};
use plimsoll::report::Report;

use super::{Stage, claim, value, words};
use crate::support::model;

const EIGHT: &str = "08-message-queue.yaml";
const EVENTS: &str = "patterns/event-driven.yaml";

/// Stage 8 without what it has from the stages before, which is not in question here.
fn stage8(seconds: u32, warmup: u32) -> Stage {
    Stage::new(EIGHT)
        .set("run.duration", format!("{seconds}s"))
        .set("run.warmup", format!("{warmup}s"))
        .set("run.replications", 1)
        .set("run.prefill", "none")
        .set("load.likes.rate", "50/s")
        .set("load.visitors.rate", "20/s")
        .set("load.assets.rate", "10/s")
}

/// A figure of a component that only its kind has.
fn figure(report: &Report, component: &str, name: &str) -> f64 {
    let figures = &report.components[component].kind_specific.figures;
    figures.get(name).unwrap_or_else(|| panic!("`{component}` has no `{name}`: {figures:?}")).mean
}

fn rate(report: &Report, operation: &str) -> f64 {
    report.operations[operation].requests.goodput_per_s.mean
}

#[test]
fn s08_response() {
    let p95 = |stage: Stage| value(&stage.set("objectives.slow", "latency p95 of web.register <= 1h").report(), "slow");
    let (queued, inline) = (p95(stage8(60, 10)), p95(stage8(60, 10).variant("inline")));
    claim("s08-response", "p95 inline over p95 queued", inline / queued, [5.0, 100.0]);
}

/// Workers follow the length of the queue, while three times as much comes as those there are can do.
#[test]
fn s08_worker_who_follows_the_queue_keeps_it_short() {
    let burst = |variant: &'static str| {
        let report = stage8(180, 10).variant(variant).report();
        let alert = report.alerts.iter().find(|alert| alert.name == "deep").expect("it is stated");
        (alert.fired.len(), figure(&report, "images", "depth_max"), report)
    };
    let (few, many) = (burst("rise"), burst("rise_followed"));
    claim("s08-worker", "deepest queue, three workers' machines", few.1, [600.0, 2000.0]);
    claim("s08-worker", "deepest queue, as many as it needs", many.1, [1.0, 0.5 * few.1]);
    let most = many.2.components["thumbs"].kind_specific.replicas_over_time.iter().map(|at| at[1]).fold(0.0, f64::max);
    claim("s08-worker", "machines at most", most, [8.0, 40.0]);
    let told = format!("alert {} times without, {} times with", few.0, many.0);
    words("s08-worker", ["alert at depth", "only with too few workers"], &told, 0 < few.0 && many.0 == 0);
}

/// The same with as many as the burst needs, all the time.
#[test]
fn s08_worker() {
    let burst = |instances: u32| {
        let report = stage8(120, 10).variant("burst").set("components.thumbs.instances", instances).report();
        let alert = report.alerts.iter().find(|alert| alert.name == "deep").expect("it is stated");
        (alert.fired.len(), figure(&report, "images", "depth_max"))
    };
    let (few, many) = (burst(3), burst(20));
    let told = format!("3 instances: depth {:.0}, alert {}; 20: depth {:.0}, alert {}", few.1, few.0, many.1, many.0);
    words("s08-worker", ["depth in a burst, alert", "only with too few workers"], &told, 0 < few.0 && many.0 == 0);
}

#[test]
fn s08_dlq() {
    for share in [0.2, 0.5] {
        let work = format!("[{{cpu: 1ms}}, {{fail: {{share: {}%, as: bad}}}}]", 100.0 * share);
        let report = stage8(100, 10)
            .set("load.joiners.rate", "100/s")
            .set("components.mailer.operations.send", work)
            .set("components.tasks.redelivery.backoff", "constant(100ms)")
            .set("components.smtp", "null")
            .set("components.web.operations.register", "[{publish: {to: tasks}}]")
            .read("dead", "dead_letters of mailer")
            .report();
        let expected: f64 = share * share * share;
        let range = [0.85 * expected, 1.15 * expected];
        let what = format!("share of dead letters where {share} of the receives fail");
        claim("s08-dlq", &what, value(&report, "dead"), range);
    }
}

#[test]
fn s08_fanout() {
    let report = stage8(60, 10).report();
    let sent = rate(&report, "web.register");
    let heard: f64 = ["mailer.send", "counter.add", "auditor.note"].iter().map(|name| rate(&report, name)).sum();
    claim("s08-fanout", "deliveries of a message to three groups", heard / sent, [2.9, 3.1]);
    let made = figure(&report, "images", "deliveries_per_s") / figure(&report, "images", "accepted_per_s");
    claim("s08-fanout", "deliveries of a task to competing workers", made, [0.9, 1.1]);
}

#[test]
fn s08_latency() {
    for (preset, least, most) in [("rabbitmq", 0.005, 0.020), ("sqs", 0.010, 0.050), ("kafka", 0.0, 0.010)] {
        let report = stage8(60, 10)
            .set("load.joiners.rate", "200/s")
            .set("components.tasks.preset", preset)
            .set("components.web.operations.register", "[{publish: {to: tasks}}]")
            .report();
        for quantile in ["transit_p50", "transit_p99"] {
            let what = format!("{quantile} of {preset}, s");
            claim("s08-latency", &what, figure(&report, "counter", quantile), [least, most]);
        }
    }
}

/// Dollars for a billion requests and messages to one group, so many messages in a request.
fn billion(batch: u32) -> (f64, f64) {
    let gather = if batch == 1 { String::new() } else { format!(", linger: 10s, batch: {batch}KB") };
    let report = stage8(40, 10)
        .set(
            "components.web.operations.upload",
            format!("[{{publish: {{to: images, bytes: 1KB{gather}}}}}, {{respond: 1KB}}]"),
        )
        .set("load.uploaders.rate", "400/s")
        .set("components.thumbs.operations.make", "[{wait: 20ms}]")
        .set("components.thumbs.consumes.batch", batch)
        .report();
    let line = report.cost.lines.iter().find(|line| line.component == "images").expect("SQS has a price");
    let a_month = rate(&report, "web.upload") * 730.0 * 3600.0;
    (line.usd_per_month / line.quantity * 1e9, line.usd_per_month / a_month * 1e9)
}

#[test]
fn s08_cost() {
    let (request, message) = billion(1);
    claim("s08-cost", "dollars for a billion requests", request, [399.0, 401.0]);
    claim("s08-cost", "dollars for a billion messages, each sent, received and deleted", message, [1180.0, 1220.0]);
    let (_, in_tens) = billion(10);
    claim("s08-cost", "dollars for a billion messages in tens", in_tens, [115.0, 126.0]);
}

#[test]
fn p_event_driven() {
    let stage = |variant: &'static str| Stage::new(EVENTS).variant(variant).report();
    let free = Stage::new(EVENTS).set("faults", "{mail_dies: {at: 60s, for: 30s, kill: mail}}").report();
    let bound = stage("coupled_mail_dies");
    let up = |report: &Report| report.requests.availability.expect("there are requests").mean;
    claim("p-event-driven", "availability of ordering while a consumer is down", up(&free), [0.999, 1.0]);
    claim("p-event-driven", "the same where it is called", up(&bound), [0.0, 0.9]);
    claim("p-event-driven", "events lost", figure(&free, "mail", "dead_letters"), [0.0, 0.0]);
    let counts = ["stock.take", "points.add"].map(|name| rate(&free, name) / rate(&free, "shop.order"));
    words(
        "p-event-driven",
        ["each group hears each event once", "once"],
        &format!("{counts:.3?}"),
        counts.iter().all(|c| (c - 1.0).abs() < 0.02),
    );
}

const SAGA: &str = "patterns/saga.yaml";

#[test]
fn p_saga() {
    let report = Stage::new(SAGA).report();
    let failed = report.operations["shop.order"].requests.throughput_per_s.mean - rate(&report, "shop.order");
    let undone = rate(&report, "stock.put") / failed;
    claim("p-saga", "goods put back for each order that failed", undone, [0.98, 1.02]);
    claim("p-saga", "unresolved sagas", figure(&report, "shop", "unresolved_sagas"), [0.0, 0.0]);
    let dies = Stage::new(SAGA).variant("shop_dies").report();
    let left = figure(&dies, "shop", "unresolved_sagas");
    claim("p-saga", "unresolved sagas when the shop dies", left, [1.0, 100.0]);
    let free = Stage::new(SAGA).variant("choreographed").report();
    let undone = rate(&free, "stock.put") / rate(&free, "stock.take");
    claim("p-saga", "choreographed: goods put back for each taken", undone, [0.045, 0.075]);
}

const CQRS: &str = "patterns/cqrs.yaml";
const ORDER: &str = "pitfalls/event-ordering.yaml";

#[test]
fn p_cqrs() {
    let one = Stage::new(CQRS).report();
    let twice = Stage::new(CQRS).variant("twice").report();
    let slow = Stage::new(CQRS).variant("one_reader").report();
    let p99 =
        |report: &Report, operation: &str| report.operations[operation].latency.all.p99.expect("there are enough").mean;
    let writes = p99(&twice, "orders.place") / p99(&one, "orders.place");
    claim("p-cqrs", "p99 of a write when reads double and get their machines", writes, [0.8, 1.25]);
    claim("p-cqrs", "p99 of a read then", p99(&twice, "screens.show"), [0.0, 0.05]);
    let figures = ["lag_p99", "staleness", "stale_reads"];
    let of = |report: &Report| {
        [
            figure(report, "projector", figures[0]),
            figure(report, "views", figures[1]),
            figure(report, "views", figures[2]),
        ]
    };
    let (quick, late) = (of(&one), of(&slow));
    let told = format!("{figures:?}: {quick:.5?}, with one slow projector {late:.5?}");
    words(
        "p-cqrs",
        ["the read model lags, and more when its projector does", "lag follows the projector"],
        &told,
        (0..3).all(|i| 0.0 < quick[i] && quick[i] < late[i]),
    );
    let refused = one.operations["orders.place"].requests.errors["rejected"].mean;
    claim("p-cqrs", "commands rejected", refused, [0.015, 0.025]);
}

#[test]
fn x_ordering() {
    let share = |stage: Stage| value(&stage.read("overtaken", "violations of worker").report(), "overtaken");
    let (none, order) = (share(Stage::new(ORDER)), share(Stage::new(ORDER).variant("by_order")));
    let item = share(Stage::new(ORDER).variant("by_item"));
    claim("x-ordering", "events done after a later one of the same order, competing consumers", none, [0.02, 0.6]);
    claim("x-ordering", "the same, ordered by another key", item, [0.02, 0.6]);
    claim("x-ordering", "the same, ordered by that key", order, [0.0, 0.0]);
}

/// A publisher and a consumer with nothing between them, and what a queue does in between.
fn plain(rate: &str, publish: &str, rest: &str) -> plimsoll::record::Record {
    let text = format!(
        "plimsoll: 1
title: plain
run: {{duration: 60s, warmup: none, replications: 1}}
load: {{users: {{rate: {rate}, requests: {{web.buy: 1}}, timeout: none}}}}
links: {{any -> any: {{latency: 0s}}}}
components:
  web: {{kind: service, operations: {{buy: [{publish}]}}}}
{rest}"
    );
    simulate(&model(&text), 1, 0, &Signals::default())
}

fn groups(record: &plimsoll::record::Record) -> &[plimsoll::record::GroupTally] {
    &record.snapshots.last().expect("every record ends").tallies.groups
}

#[test]
fn s08_backoff() {
    let mut before = 0.0;
    for (attempts, pause) in [(2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0)] {
        let queue = format!(
            "  failed: {{kind: queue}}
  tasks: {{kind: queue, visibility: none, redelivery: {{attempts: {attempts}, backoff: exponential(1s x2), then: failed}}}}
  worker: {{kind: service, consumes: {{from: tasks, operation: send}}, operations: {{send: [{{fail: {{as: bad}}}}]}}}}
"
        );
        let record = plain("60/min, steps: {0s: 1, 40s: 0}", "{publish: {to: tasks}}", &queue);
        let tasks = groups(&record).iter().find(|group| 0 < group.dead).expect("all are dead in the end");
        let waited = tasks.waiting_ns as f64 * 1e-9 / tasks.dead as f64;
        let what = format!("pause before attempt {attempts}, s");
        claim("s08-backoff", &what, waited - before, [pause - 1e-9, pause + 1e-9]);
        before = waited;
    }
}

/// A queue for each priority, and one worker who is nearly always busy.
#[test]
fn s08_priority() {
    let publish = "{choose: [{weight: 1, do: [{publish: {to: low, priority: 1}}]}, {weight: 1, do: [{publish: {to: middle, priority: 5}}]}, {weight: 1, do: [{publish: {to: top, priority: 9}}]}]}";
    let queues = "  low: {kind: queue}
  middle: {kind: queue}
  top: {kind: queue}
  worker:
    kind: service
    workers: 1
    queue: {limit: 100k, order: priority}
    consumes: [{from: low, operation: do, prefetch: 10k}, {from: middle, operation: do, prefetch: 10k}, {from: top, operation: do, prefetch: 10k}]
    operations: {do: [{wait: exp(5ms)}]}
";
    let record = plain("180/s", publish, queues);
    let waits: Vec<f64> = groups(&record).iter().map(|group| group.lag.mean().expect("there are many")).collect();
    let told = format!("low {:.4}, middle {:.4}, top {:.4} s", waits[0], waits[1], waits[2]);
    words(
        "s08-priority",
        ["time to the end of the work by priority", "the higher the sooner"],
        &told,
        waits[2] < waits[1] && waits[1] < waits[0],
    );
}

#[test]
fn s09_saga() {
    let report = Stage::new(SAGA).set("components.ship.operations.book", "[{cpu: exp(2ms)}]").report();
    let cancelled = report.operations["shop.order"].requests.throughput_per_s.mean - rate(&report, "shop.order");
    let put = rate(&report, "stock.put");
    claim("s09-saga", "reservations undone for each order cancelled", put / cancelled, [0.97, 1.03]);
    let what = "share of orders cancelled, where 5 % of payments fail and some time out";
    claim("s09-saga", what, cancelled / 40.0, [0.04, 0.08]);
    claim("s09-saga", "unresolved sagas", figure(&report, "shop", "unresolved_sagas"), [0.0, 0.0]);
}
