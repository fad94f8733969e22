//! Group 2: balancers over many servers, turns by weight, hashing.

use std::fmt::Write as _;

use plimsoll::policy::balance::{Ask, Balance, Balancer};
use plimsoll::policy::ring::{Plan, Ring, Spread, jump};
use plimsoll::random::{bits, occasion};
use plimsoll::report::Estimate;
use plimsoll::theory::balance::power_of_choices;
use plimsoll::units::Time;

use super::cases::{Case, Got};
use super::measured::{Lab, Seen, UNIT, load, seconds, station};
use super::queueing::{number, rows};

pub(crate) fn measure(case: &Case, lab: &Lab) -> Got {
    match case.id() {
        "lb-p2c-limit" => choices_limit(case),
        "lb-order-10" => order(case, lab),
        "lb-weighted-random" => unequal_servers(case, lab),
        "lb-ring-move" => moved(case, lab),
        "lb-jump" => jumps(case),
        id if id.starts_with("lb-p2c") => choices(case, lab),
        id if id.starts_with("lb-swrr") => turns(case),
        id if id.starts_with("lb-ring") => spread(case, lab),
        _ => Got::default(),
    }
}

/// Single-worker instances behind one balancer, and a load that uses that share of them.
fn farm(lab: &Lab, instances: f64, rho: f64, balance: &str, requests: f64) -> Seen {
    let rate = rho * instances / UNIT;
    let mut text = lab.run(requests, rate) + &load(rate, "poisson", "s.do") + "components:\n";
    let service = seconds(UNIT);
    writeln!(text, "  s: {{kind: service, instances: {instances}, workers: 1, balance: {balance}, queue: {{limit: none}}, operations: {{do: [{{wait: exp({service})}}]}}}}").expect("text");
    Seen::run(&text)
}

fn choices(case: &Case, lab: &Lab) -> Got {
    let (servers, rho, d) = (case.number("servers"), case.number("rho"), case.number("d"));
    let requests = if 0.98 < rho { 20e6 } else { 6e6 };
    let latency = farm(lab, servers, rho, &format!("choices({d})"), requests).report().latency.all;
    let mut got = Got::default();
    got.estimate("W", latency.mean, UNIT);
    got.estimate("p99", latency.p99, UNIT);
    got.put("W_infinite_limit", power_of_choices(rho, d as u32));
    got
}

fn choices_limit(case: &Case) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let (rho, d) = (number(&row["rho"]), number(&row["d"]));
        got.put(format!("rows[{index}].W"), power_of_choices(rho, d as u32));
    }
    got
}

fn order(case: &Case, lab: &Lab) -> Got {
    let (servers, rho) = (case.number("servers"), case.number("rho"));
    let mut got = Got::default();
    let policies = [
        ("random", "random", 40e6),
        ("round_robin", "round_robin", 20e6),
        ("power_of_2", "choices(2)", 5e6),
        ("jiq", "join_idle", 5e6),
        ("jsq", "least_connections", 5e6),
        ("least_work", "least_work", 5e6),
    ];
    for (name, policy, requests) in policies {
        let latency = farm(lab, servers, rho, policy, requests).report().latency.all;
        got.estimate(name, latency.mean, UNIT);
        got.estimate(format!("{name}_p99"), latency.p99, UNIT);
        if ["random", "round_robin"].contains(&name) {
            got.estimate(format!("{name}_exact"), latency.mean, UNIT);
        }
    }
    let rate = rho * servers / UNIT;
    let mut text = lab.run(5e6, rate) + &load(rate, "poisson", "s.do") + "components:\n";
    text += &station("s", &format!("{servers}"), "none", &format!("exp({})", seconds(UNIT)));
    got.estimate("mm10_shared_queue", Seen::run(&text).report().latency.all.mean, UNIT);
    got
}

/// Shares of a load are a random split.
fn unequal_servers(case: &Case, lab: &Lab) -> Got {
    let rates: Vec<f64> = case.parameters()["rates"].as_array().expect("rates").iter().map(number).collect();
    let rate = case.number("arrival_rate") / UNIT;
    let run = |weights: [u32; 2], requests: f64| {
        let mut text = lab.run(requests, rate);
        let [fast, slow] = weights;
        writeln!(text, "load: {{users: {{rate: {rate:.9}/s, requests: {{s0.do: {fast}, s1.do: {slow}}}, timeout: none}}}}\ncomponents:").expect("text");
        for (index, rate) in rates.iter().enumerate() {
            text += &station(&format!("s{index}"), "1", "none", &format!("exp({})", seconds(UNIT / rate)));
        }
        Seen::run(&text)
    };
    let mut got = Got::default();
    got.estimate("W_weights_2_1", run([2, 1], 4e6).report().latency.all.mean, UNIT);
    let equal = run([1, 1], 12e6);
    got.estimate("W_equal", equal.report().latency.all.mean, UNIT);
    for index in 0..rates.len() {
        let workers = equal.component(&format!("s{index}")).utilisation.workers.clone();
        got.estimate(format!("util_equal[{index}]"), workers.map(|workers| workers.share), 1.0);
    }
    got
}

fn ask(key_value: u64) -> Ask {
    Ask { bits: bits(7, occasion(key_value)), key_value, now: Time(0), demand_ns: 0 }
}

/// One cycle of smooth weighted round robin, servers as letters.
fn turns(case: &Case) -> Got {
    let weights: Vec<f64> = case.parameters()["weights"].as_array().expect("weights").iter().map(number).collect();
    let length = case.expected()["order"].as_str().map_or(0, str::len);
    let mut balancer = Balancer::new(&Balance::Weighted(Vec::new()), &weights, 1, 1);
    let letter = |i: u32| char::from(b'a' + i as u8);
    let order: String = (0..length as u64).filter_map(|n| balancer.pick(&ask(n)).map(letter)).collect();
    let mut got = Got::default();
    got.put_text("order", order);
    got
}

/// Shares of the nodes of many rings, by counting keys.
fn spread(case: &Case, lab: &Lab) -> Got {
    let (nodes, points) = (case.number("nodes") as u32, case.number("vnodes") as u32);
    let rings = if points == 1 {
        400
    } else if lab.is_short() {
        3
    } else {
        40
    };
    let keys = if points == 1 && lab.is_short() { 10_000 } else { 100_000 };
    let (mut deviations, mut squares, mut most) = (Vec::new(), Vec::new(), Vec::new());
    for ring in 0..rings {
        let ring = Ring::new(nodes, points, bits(1, occasion(ring)));
        let mut counts = vec![0.0; nodes as usize];
        for key in 0..keys {
            counts[ring.owner(key, |_| true).expect("a ring has owners") as usize] += f64::from(nodes) / keys as f64;
        }
        let square = counts.iter().map(|share: &f64| (share - 1.0) * (share - 1.0)).sum::<f64>() / f64::from(nodes);
        deviations.push(square.sqrt());
        squares.push(square);
        most.push(counts.into_iter().fold(0.0, f64::max));
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let mut got = Got::default();
    // The exact figure is the root of the mean square, the simulated one the mean of the roots.
    got.put("cv_exact", mean(&squares).sqrt());
    got.put("cv_mean", mean(&deviations));
    got.put("max_over_mean", mean(&most));
    got
}

/// Share of the keys whose owner changes.
fn moved(case: &Case, lab: &Lab) -> Got {
    let keys = case.number("keys") as u64;
    let rings = if lab.is_short() { 10 } else { 100 };
    let between = |from: u32, to: u32| -> Option<Estimate> {
        let share = |salt: u64| {
            let (before, after) = (Ring::new(from, 150, salt), Ring::new(to, 150, salt));
            let moves = |key: &u64| before.owner(*key, |_| true) != after.owner(*key, |_| true);
            (0..keys / 10).filter(moves).count() as f64 / (keys / 10) as f64
        };
        let shares: Vec<f64> = (0..rings).map(|ring| share(bits(2, occasion(ring)))).collect();
        super::measured::mean(&shares)
    };
    let by_modulo = |count: usize| -> Vec<Option<u32>> {
        let mut balancer = Balancer::new(&Balance::Hash("key".to_owned()), &vec![1.0; count], 1, 1);
        (0..keys).map(|key| balancer.pick(&ask(key))).collect()
    };
    let moves = by_modulo(10).iter().zip(by_modulo(11)).filter(|(before, after)| **before != *after).count();
    let mut got = Got::default();
    got.estimate("ring_add_10_to_11", between(10, 11), 1.0);
    got.estimate("ring_remove_10_to_9", between(10, 9), 1.0);
    got.put("modulo_10_to_11", moves as f64 / keys as f64);
    for (path, spread) in [("rendezvous_add_10_to_11", Spread::Rendezvous), ("jump_10_to_11", Spread::Jump)] {
        let (ten, eleven) = (Plan::new(spread, 10, keys, 1), Plan::new(spread, 11, keys, 1));
        let moves = (0..keys).filter(|&key| ten.home(key) != eleven.home(key)).count();
        got.put(path, moves as f64 / keys as f64);
    }
    got
}

fn jumps(case: &Case) -> Got {
    let mut got = Got::default();
    let vectors = case.expected()["key_to_buckets_1_to_n"].as_object().expect("a map from key to buckets");
    for (key, buckets) in vectors {
        for (index, _) in buckets.as_array().expect("a list").iter().enumerate() {
            let bucket = jump(key.parse().expect("a key"), index as u32 + 1);
            got.put(format!("key_to_buckets_1_to_n.{key}[{index}]"), f64::from(bucket));
        }
    }
    for key in 0..20 {
        got.put(format!("keys_0_to_19_in_100[{key}]"), f64::from(jump(key, 100)));
    }
    for (index, triple) in case.expected()["triples"].as_array().expect("a list").iter().enumerate() {
        let [key, buckets] = [0, 1].map(|place| triple[place].as_u64().expect("a whole number"));
        let found = [key as f64, buckets as f64, f64::from(jump(key, buckets as u32))];
        found.iter().enumerate().for_each(|(place, value)| got.put(format!("triples[{index}][{place}]"), *value));
    }
    got
}
