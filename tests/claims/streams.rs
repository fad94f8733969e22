//! Logs and what is built on them: event streaming, and Kafka's share of stage 8.

use plimsoll::report::Report;

use super::{Stage, claim, value};

const STREAM: &str = "patterns/event-streaming.yaml";
const SOURCING: &str = "patterns/event-sourcing.yaml";

fn stream(variant: Option<&'static str>) -> Stage {
    let stage = Stage::new(STREAM).set("run.duration", "80s").set("run.warmup", "10s").set("run.replications", 1);
    let stage = stage.set("load.browsers.rate", "1500/s");
    variant.map_or(stage.clone(), |variant| stage.variant(variant))
}

fn figure(report: &Report, component: &str, name: &str) -> f64 {
    report.components[component].kind_specific.figures.get(name).map_or(0.0, |figure| figure.mean)
}

fn rate(report: &Report, operation: &str) -> f64 {
    report.operations[operation].requests.goodput_per_s.mean
}

/// Requests to the brokers for each event that a topic of views takes.
fn appends(variant: Option<&'static str>) -> f64 {
    let report = stream(variant).report();
    rate(&report, "stream.user_events") / rate(&report, "collector.note")
}

#[test]
fn p_streaming() {
    let report = stream(None).report();
    claim(
        "p-streaming",
        "events lost, of 9 brokers with 3 copies",
        figure(&report, "stream", "lost_unreplicated"),
        [0.0, 0.0],
    );
    let (came, done) = (rate(&report, "collector.order"), figure(&report, "processor", "delivered_per_s"));
    claim("p-streaming", "orders handled for each that was taken", done / came, [0.98, 1.02]);
    claim("p-streaming", "consumer_lag: p99 of order_processor, s", value(&report, "consumer_lag"), [0.0, 1.0]);
    claim("p-streaming", "partition_skew of 50 partitions by customer", value(&report, "even"), [0.05, 2.0]);
    let dead = figure(&report, "processor", "dead_letters");
    claim("p-streaming", "dead_letter_queue_size: orders that failed three times in a hundred", dead, [0.0, 3.0]);
}

#[test]
fn p_streaming_batches() {
    let (gathered, alone, keyed) = (appends(None), appends(Some("one_by_one")), appends(Some("by_user")));
    claim("p-streaming", "appends for each event: linger 10 ms, batch 16 KiB, no key", gathered, [0.12, 0.25]);
    claim("p-streaming", "the same without linger", alone, [0.98, 1.02]);
    claim("p-streaming", "the same with linger, by user over 100 partitions", keyed, [0.9, 1.0]);
}

#[test]
fn p_streaming_broker_dies() {
    let lost = |variant| {
        let report = stream(Some(variant)).set("links", "{any -> any: {latency: 40ms}}").report();
        (figure(&report, "stream", "lost_unreplicated"), figure(&report, "stream", "leader_changes"))
    };
    let (leader, all) = (lost("broker_dies"), lost("acks_all"));
    claim("p-streaming", "events lost with a broker, acks 1", leader.0, [1.0, 100.0]);
    claim("p-streaming", "the same, acks all with 2 of 3 in step", all.0, [0.0, 0.0]);
    // 17 of 150 partitions, taken over and handed back.
    claim("p-streaming", "partitions that got another leader", leader.1, [15.0, 18.0]);
}

#[test]
fn p_streaming_consumer_dies() {
    let late = |session: &str| {
        let stage = stream(Some("consumer_dies")).set("components.processor.consumes.session", session);
        value(
            &stage.set("faults.consumer_dies.at", "20s").set("objectives.late", "lag max of processor <= 1h").report(),
            "late",
        )
    };
    claim("p-streaming", "longest lag when a consumer dies and its session is 30 s", late("30s"), [33.0, 40.0]);
    claim("p-streaming", "the same with 10 s", late("10s"), [13.0, 17.0]);
}

/// From publication to the end of a trivial work, through a log of three brokers in one region.
#[test]
fn s08_latency_of_a_log() {
    for linger in ["0ms", "2ms"] {
        let publish = format!(
            "[{{cpu: 100us}}, {{publish: {{to: stream.user_events, bytes: 1KB, acks: all, linger: {linger}}}}}, {{respond: 0B}}]"
        );
        let report = stream(None)
            .set("components.collector.operations.note", publish)
            .set(
                "components.stream.operations",
                "{user_events: {cpu: 200us}, fetch: {cpu: 100us}, commit: {cpu: 50us}}",
            )
            .set("objectives.publish", "latency p99 of collector.note <= 1s")
            .report();
        let p99 = figure(&report, "profiler", "transit_p99");
        claim("s08-latency", &format!("Kafka p99 from publish to receive, linger {linger}, s"), p99, [0.0, 0.010]);
        let sent = value(&report, "publish");
        claim("s08-latency", &format!("Kafka p99 of a publish with acks all, linger {linger}, s"), sent, [0.0, 0.010]);
    }
}

#[test]
fn p_event_sourcing() {
    let seen = |variant: Option<&'static str>| {
        let stage = Stage::new(SOURCING).set("run.duration", "60s").set("run.warmup", "10s").set("run.replications", 1);
        let report = variant.map_or(stage.clone(), |variant| stage.variant(variant)).report();
        let p50 = report.operations["accounts.transfer"].latency.all.p50.expect("there are enough").mean;
        (figure(&report, "ledger", "replayed_events"), p50, figure(&report, "ledger", "bytes_per_month"))
    };
    let (bound, free) = (seen(None), seen(Some("no_snapshots")));
    let (old, older) = (seen(Some("old")), seen(Some("old_no_snapshots")));
    claim("p-event-sourcing", "events replayed for a command, a snapshot every 100", bound.0, [35.0, 65.0]);
    claim("p-event-sourcing", "the same without snapshots, some 300 events a stream", free.0, [280.0, 420.0]);
    claim("p-event-sourcing", "ten times the history without snapshots, over the same", older.0 / free.0, [6.0, 11.0]);
    claim("p-event-sourcing", "ten times the history with snapshots, over the same", old.0 / bound.0, [0.8, 1.25]);
    claim("p-event-sourcing", "median of a command, old without snapshots over old with", older.1 / old.1, [2.0, 1e5]);
    claim("p-event-sourcing", "growth of the store without snapshots, GB a month", free.2 / 1e9, [280.0, 340.0]);
    claim("p-event-sourcing", "growth with snapshots over growth without", bound.2 / free.2, [1.02, 1.2]);
}
