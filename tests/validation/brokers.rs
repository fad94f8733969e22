//! Group 6: who reads which partition, how a backlog of a log grows and drains, and how keys load partitions.

use std::collections::BTreeMap;

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::policy::assign::Assign;
use plimsoll::theory::quorum::within_versions;
use serde_json::Value;

use super::cases::{Case, Got};
use super::queueing::rows;
use crate::support::{compiled, model};

pub(crate) fn measure(case: &Case) -> Got {
    match case.id() {
        "br-range" => assigned(case, Assign::Range),
        "br-roundrobin" => assigned(case, Assign::RoundRobin),
        "br-lag" => lag(case),
        "br-skew" => skew(case),
        "br-pbs-k" => recent(case),
        _ => Got::default(),
    }
}

fn named(value: &Value) -> BTreeMap<String, Value> {
    value.as_object().expect("a map").iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The tests of Kafka's own assignors against the module that deals.
fn assigned(case: &Case, assign: Assign) -> Got {
    let mut got = Got::default();
    for (row, said) in rows(case).iter().enumerate() {
        let (topics, members) = (named(&said["topics"]), named(&said["subscriptions"]));
        let names: Vec<&String> = topics.keys().collect();
        let counts: Vec<u32> = topics.values().map(|count| count.as_u64().expect("a count") as u32).collect();
        let wants = |member: &Value| {
            let of = member.as_array().expect("topics").iter().map(|topic| topic.as_str().expect("a name"));
            of.map(|topic| names.iter().position(|name| *name == topic).expect("it is there")).collect()
        };
        let wants: Vec<Vec<usize>> = members.values().map(wants).collect();
        let dealt = assign.deal(&counts, &wants, &vec![Vec::new(); wants.len()]);
        for (member, of) in members.keys().zip(dealt) {
            for (number, (topic, partition)) in of.into_iter().enumerate() {
                let name = format!("rows[{row}].assignment.{member}[{number}]");
                got.put_text(name, format!("{}-{partition}", names[topic]));
            }
        }
    }
    got
}

/// Reads of some copies and writes of others, none of which spread: how often a read shows one of the last versions.
fn recent(case: &Case) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let [n, r, w, k] = ["N", "R", "W", "k"].map(|name| row[name].as_u64().expect("a count") as u32);
        // The reference is printed with eight digits.
        got.put(format!("rows[{index}].p_within_k"), (within_versions(n, r, w, k) * 1e8).round() / 1e8);
    }
    got
}

/// Messages come evenly to as many topics as there are partitions, and each consumer works on one at a time: the backlog
/// at the end of each second, and the longest time from a message's publication to the end of the work on it. (Chance
/// would not deal messages to the partitions of one topic as evenly.) `schedule` says when more consumers join, `steps`
/// how the load goes on.
fn backlog(case: &Case, steps: &str, schedule: &str) -> (Vec<f64>, f64) {
    let topics = case.number("partitions") as u32;
    let each = case.number("produce") / f64::from(topics);
    let joined = |one: &dyn Fn(u32) -> String| (0..topics).map(one).collect::<Vec<_>>().join(", ");
    let load = |topic| {
        format!(
            "u{topic}: {{rate: {each}/s, arrivals: constant, requests: {{stream.t{topic}: 1}}, timeout: none, steps: {{0s: 1{steps}}}}}"
        )
    };
    let consumes =
        |topic| format!("{{from: stream.t{topic}, operation: work, batch: 1, assign: round_robin, rebalance: 0s}}");
    let text = format!(
        "plimsoll: 1
title: lag
run: {{duration: 100s, warmup: none, replications: 1}}
links: {{any -> any: {{latency: 0s}}}}
load: {{{}}}
components:
  stream: {{kind: log, topics: {{{}}}}}
  worker:
    kind: service
    instances: 4
    workers: 1
    consumes: [{}]
    operations: {{work: [{{wait: {}ms}}]}}
    autoscale: {{min: 4, max: 8, every: 1s, schedule: {{00:00: 4{schedule}}}}}
",
        joined(&load),
        joined(&|topic| format!("t{topic}: {{}}")),
        joined(&consumes),
        1e3 / case.number("per_consumer")
    );
    let model = model(&text);
    let record = simulate(&model, 1, 0, &Signals::default());
    let per_second = (1.0 / record.series.window.secs()).round() as usize;
    let seconds = record.series.backlog.chunks(per_second).filter_map(|windows| windows.last());
    let end = &record.snapshots.last().expect("every record ends").tallies;
    let latest = end.groups.iter().filter_map(|group| group.lag.max()).fold(0.0, f64::max);
    (seconds.map(|messages| f64::from(*messages)).collect(), latest)
}

/// Four more consumers join after the first phase; the time lag is that of the last message of a load that ends there.
fn lag(case: &Case) -> Got {
    let phase = case.number("phase1_s") as usize;
    let (messages, _) = backlog(case, "", ", 00:01: 8");
    let (_, latest) = backlog(case, &format!(", {phase}s: 0"), "");
    let mut got = Got::default();
    let rate = (messages[phase + 4] - messages[phase + 14]) / 10.0;
    // The autoscaler looks once a second: from when they are there to when less than a second's work is left.
    let joined = (phase - 1..phase + 3).find(|at| messages[at + 1] < messages[*at]).expect("it falls");
    let nearly = (joined..messages.len()).find(|at| messages[*at] < rate).expect("it is done in time");
    got.put("lag_at_60s", messages[phase - 1]);
    got.put("drain_rate", rate);
    got.put("drain_s", (nearly - joined) as f64 + messages[nearly] / rate);
    got.put("max_time_lag_s", latest);
    got
}

/// Keys by their popularity, hashed to partitions: over different hashes, that is over different topics.
fn skew(case: &Case) -> Got {
    let (keys, alpha, partitions) = (case.number("keys"), case.number("alpha"), case.number("partitions"));
    let topics = 40;
    let declared: Vec<String> =
        (0..topics).map(|topic| format!("t{topic}: {{partitions: {partitions}, key: user}}")).collect();
    let asked: Vec<String> = (0..topics).map(|topic| format!("stream.t{topic}: 1")).collect();
    let text = format!(
        "plimsoll: 1
title: skew
run: {{requests: 400k, warmup: none, replications: 1}}
keys: {{user: {{count: {keys}, popularity: zipf({alpha})}}}}
load: {{users: {{rate: 4000/s, requests: {{{}}}, timeout: none}}}}
components: {{stream: {{kind: log, topics: {{{}}}}}}}
",
        asked.join(", "),
        declared.join(", ")
    );
    let (scenario, model) = compiled(&text);
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report;
    let shards = &report.components["stream"].kind_specific.shards;
    let mut shares = Vec::new();
    for topic in 0..topics {
        let of = shards.iter().filter(|shard| shard.name.starts_with(&format!("t{topic}/")));
        let rates: Vec<f64> = of.map(|shard| shard.arrivals_per_s.mean).collect();
        shares.push(rates.iter().copied().fold(0.0, f64::max) / rates.iter().sum::<f64>());
    }
    let mut got = Got::default();
    let harmonic: f64 = (1..=keys as u64).map(|rank| 1.0 / libm::pow(rank as f64, alpha)).sum();
    let to_digits = |value: f64, digits: f64| (value * digits).round() / digits;
    got.put("p1", to_digits(1.0 / harmonic, 1e8));
    got.put("mean_share", to_digits(1.0 / partitions, 1e9));
    got.put("expected_max_share", shares.iter().sum::<f64>() / shares.len() as f64);
    got
}
