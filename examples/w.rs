use plimsoll::distribution::Distribution;
use plimsoll::model::program::*;
use plimsoll::model::*;
use plimsoll::policy::arrivals::{Arrivals, Shape};
use plimsoll::policy::balance::Balance;
use plimsoll::policy::discipline::Order;
use plimsoll::random::mix;
use plimsoll::scenario::condition::Resource;
use plimsoll::units::Span;
fn comp(name: &str, first: u32, count: u32, slots: u32, balance: Balance, cell: u16, key: u64) -> Component {
    Component {
        name: name.into(),
        kind: "service",
        first,
        count,
        slots,
        slots_are: Resource::Workers,
        queue_limit: NONE,
        order: Order::Fifo,
        order_key: NONE16,
        waits_async: false,
        balance,
        balance_key: NONE16,
        sticky: None,
        health: None,
        prefer_zone: false,
        key,
        queue_cell: cell,
        limit: NONE16,
        coin: 0,
        up_draw: NONE16,
        down_draw: NONE16,
        boot_draw: NONE16,
        memory_idle: 0,
        memory_each: 0,
        memory_limit: u64::MAX,
        buffer: None,
        price_per_request: 0.0,
    }
}
fn edge(key: u64, targets: Vec<(u64, u16)>) -> Edge {
    Edge {
        key,
        targets,
        plain: true,
        timeout: Span(0),
        deadline: Span(0),
        retry: None,
        cancel: None,
        pool: NONE16,
        limits: vec![],
        link_same: NONE16,
        link_other: NONE16,
        pipe: NONE16,
        payload: NONE16,
        connect_round_trips_milli: 0,
        connect_keep: Span(0),
        key_given: NONE16,
        network_cell: 0,
        backoff_cell: 0,
        lost_cell: 0,
        limit_cell: 0,
    }
}
fn farm(n: u32, balance: Balance, rate: f64, limit: u64) -> Model {
    let mut m = Model::default();
    let d = m.samplers.add(&Distribution::Exponential { mean: 1.0 }, mix(77), 1e9);
    m.steps = vec![Step::Wait { draw: d, cell: 1 }, Step::Return];
    m.operations.push(Operation { name: "serve".into(), component: 0, entry: 0, upfront: vec![d] });
    m.components.push(comp("farm", 0, n, 1, balance, 0, mix(5)));
    m.stations = (0..n).map(|_| Station { component: 0, zone: 0, host: NONE, weight: 1.0 }).collect();
    m.edges.push(edge(mix(9), vec![(1 << 32, 0)]));
    m.classes.push(RequestClass { source: 0, operation: 0, edge: 0, entry: 0 });
    source(&mut m, rate, limit);
    m.cells =
        vec![Cell { name: "farm".into(), cause: Cause::Wait }, Cell { name: "farm".into(), cause: Cause::Service }];
    m
}
fn source(m: &mut Model, rate: f64, limit: u64) {
    m.sources.push(Source {
        name: "load".into(),
        key: mix(3),
        demand: Demand::Open { rate, arrivals: Arrivals::Poisson, shape: Shape::default() },
        requests: vec![(1 << 32, 0)],
        patience_draw: NONE16,
        priority: 0,
        overrides: vec![],
        zone: 0,
    });
    m.failures = FAILURES.iter().map(|s| s.to_string()).collect();
    m.run.requests = Some(limit);
    m.run.window = Span((limit as f64 / rate / 1200.0 * 1e9) as u64);
    m.run.memory_bytes = 4 << 30;
    m.run.events = u64::MAX;
}
fn web() -> Model {
    let mut m = Model::default();
    let ln = |mean: f64| {
        let s2 = 2f64.ln();
        Distribution::Lognormal { mu: mean.ln() - s2 / 2.0, sigma: s2.sqrt() }
    };
    let d = [Distribution::Exponential { mean: 4e-3 }, Distribution::Exponential { mean: 5e-4 }, ln(5e-3), ln(8e-3)]
        .map(|d| {
            let k = mix(m.samplers.len() as u64 + 100);
            m.samplers.add(&d, k, 1e9)
        });
    let share = |p: f64| (p * 4294967296.0) as u64;
    m.chances = vec![Chance { key: mix(31), share: share(0.8) }, Chance { key: mix(32), share: share(0.9) }];
    m.steps = vec![
        Step::Wait { draw: d[0], cell: 1 },
        Step::Branch { chance: 0, to: 4 },
        Step::Call { edge: 2 },
        Step::Return,
        Step::Wait { draw: d[1], cell: 1 },
        Step::Branch { chance: 1, to: 7 },
        Step::Call { edge: 1 },
        Step::Return,
        Step::Wait { draw: d[2], cell: 3 },
        Step::Return,
        Step::Wait { draw: d[3], cell: 3 },
        Step::Return,
    ];
    m.operations = vec![
        Operation { name: "page".into(), component: 0, entry: 0, upfront: vec![] },
        Operation { name: "read".into(), component: 1, entry: 8, upfront: vec![] },
        Operation { name: "write".into(), component: 1, entry: 10, upfront: vec![] },
    ];
    m.components = vec![
        comp("web", 0, 8, 5, Balance::LeastConnections, 0, mix(5)),
        comp("db", 8, 1, 32, Balance::RoundRobin, 2, mix(6)),
    ];
    m.stations = (0..9).map(|i| Station { component: u16::from(i == 8), zone: 0, host: NONE, weight: 1.0 }).collect();
    m.edges =
        vec![edge(mix(9), vec![(1 << 32, 0)]), edge(mix(10), vec![(1 << 32, 1)]), edge(mix(11), vec![(1 << 32, 2)])];
    m.classes.push(RequestClass { source: 0, operation: 0, edge: 0, entry: 0 });
    m.cells = [("web", Cause::Wait), ("web", Cause::Service), ("db", Cause::Wait), ("db", Cause::Service)]
        .map(|(n, cause)| Cell { name: n.into(), cause })
        .to_vec();
    source(&mut m, 5000.0, u64::MAX);
    m.run.requests = None;
    m.run.duration = Some(Span(200_000_000_000));
    m.run.window = Span(1_000_000_000);
    m
}
fn main() {
    let which = std::env::args().nth(1).unwrap_or_default();
    let seed: u64 = std::env::args().nth(2).map_or(1, |s| s.parse().unwrap());
    let m = match which.as_str() {
        "W1" => farm(1, Balance::RoundRobin, 0.9, 2_000_000),
        "W2" => web(),
        "W3" => farm(1000, Balance::Choices(2), 950.0, 5_000_000),
        _ => {
            let mut m = farm(1, Balance::RoundRobin, 1e6, 4_000_000);
            m.components[0].slots = NONE;
            m
        }
    };
    let t = std::time::Instant::now();
    let r = plimsoll::engine::simulate(&m, seed, 0, &Default::default());
    let s = t.elapsed().as_secs_f64();
    let e = &r.snapshots.last().unwrap().tallies;
    let c = &e.classes[0].ok;
    let rss = std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap()
        .to_string();
    println!(
        "{which} {:.2} ns/event events {} mean {:.4} p50 {:.4} p99 {:.4} n {} {rss} {:?}",
        s * 1e9 / r.events as f64,
        r.events,
        c.mean().unwrap(),
        c.quantile(0.5).unwrap(),
        c.quantile(0.99).unwrap(),
        c.count(),
        r.stopped
    );
}
