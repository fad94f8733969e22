//! What an event costs: the calendar, the variates, the histogram, a cache, and the reference workloads with full statistics.
//!
//! `cargo bench` runs all; `cargo bench -- W2` one. The workloads are the YAML files beside this one; their events are
//! counted by the engine, so criterion's elements per second are events per second.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::calendar::Calendar;
use plimsoll::diagnostic::{Diagnostics, Sources};
use plimsoll::engine::{Signals, simulate};
use plimsoll::measure::histogram::Histogram;
use plimsoll::model::Model;
use plimsoll::model::compile::compile;
use plimsoll::policy::eviction::{Entry, Eviction, Limits, Shelf};
use plimsoll::popularity::Popular;
use plimsoll::random::{Ziggurat, bits, mix, occasion};
use plimsoll::scenario::root::{Given, load};

/// Hold model: pop the earliest, push it back, with so many pending.
fn calendar(c: &mut Criterion) {
    let mut group = c.benchmark_group("calendar, hold");
    for pending in [100u32, 10_000, 1_000_000] {
        let mut calendar = Calendar::new();
        let mut slots: Vec<u32> =
            (0..pending).map(|id| calendar.push(mix(u64::from(id)) % 1_000_000_000, 0, id)).collect();
        let mut step = 0;
        group.bench_function(BenchmarkId::from_parameter(pending), |b| {
            b.iter(|| {
                let key = calendar.peek();
                let id = key.payload();
                calendar.leave_hole(slots[id as usize]);
                step += 1;
                slots[id as usize] = calendar.push(key.time + mix(step) % 1_000_000_000, 0, id);
            });
        });
    }
    group.finish();
}

fn variates(c: &mut Criterion) {
    let ziggurat = Ziggurat::new();
    let mut group = c.benchmark_group("variate");
    let mut n = 0u64;
    group.bench_function("exponential", |b| {
        b.iter(|| {
            n += 1;
            ziggurat.exponential(mix(n))
        });
    });
    group.bench_function("lognormal", |b| {
        b.iter(|| {
            n += 1;
            ziggurat.exp(1.0 + 0.8 * ziggurat.normal(mix(n)))
        });
    });
    group.finish();
}

fn histogram(c: &mut Criterion) {
    let mut histogram = Histogram::new();
    let mut n = 0u64;
    c.bench_function("histogram, add", |b| {
        b.iter(|| {
            n += 1;
            histogram.add(black_box(mix(n) >> 30));
        });
    });
}

/// A million entries under ten million Zipf keys: a request is a look-up, and a put if it misses.
fn cache(c: &mut Criterion) {
    let keys = Popular::zipf(10_000_000, 0.99);
    let stream: Vec<u64> = (0..1 << 22).map(|n| keys.rank(bits(mix(1), occasion(n)))).collect();
    let entry = Entry { size: 1, edition: 0, expires: u64::MAX, version: 0 };
    let mut group = c.benchmark_group("cache of a million");
    for (name, eviction) in [("lru", Eviction::Lru), ("s3fifo", Eviction::S3Fifo)] {
        let mut shelf = Shelf::new(eviction, Limits { bytes: u64::MAX, entries: 1_000_000 }, mix(2));
        for n in 1 << 22..12_u64 << 20 {
            shelf.put(keys.rank(bits(mix(1), occasion(n))), entry, 0);
        }
        let mut n = 0;
        let mut next = || {
            n = (n + 1) & ((1 << 22) - 1);
            stream[n]
        };
        group.bench_function(BenchmarkId::new("get", name), |b| b.iter(|| shelf.get(next(), 0)));
        group.bench_function(BenchmarkId::new("request", name), |b| {
            b.iter(|| {
                let key = next();
                shelf.get(key, 0).is_some() || shelf.put(key, entry, 0)
            });
        });
    }
    group.finish();
}

fn model(name: &str) -> Model {
    model_with(name, &[])
}

fn model_with(name: &str, sets: &[String]) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(name);
    let read = |path: &Path| std::fs::read_to_string(path);
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::default());
    let path = path.to_str().expect("the path of this repository is text");
    let given = Given { path, read: &read, sets, variant: None };
    let (scenario, _) = load(&given, &mut sources, &mut diags).expect("the file is there");
    compile(&scenario, &mut diags).expect("the reference workloads are valid")
}

fn workloads(c: &mut Criterion) {
    let mut group = c.benchmark_group("workload");
    group.sample_size(10);
    for name in ["w1", "w2", "w3", "calls", "guarded", "linked", "linked_guarded"] {
        let model = model(&format!("{name}.yaml"));
        let events = simulate(&model, 1, 0, &Signals::default()).events;
        group.throughput(Throughput::Elements(events));
        group.bench_function(name.to_uppercase(), |b| b.iter(|| simulate(&model, 1, 0, &Signals::default()).events));
    }
    group.finish();
}

/// W2 with a real cache: what an event costs once it is full is the difference of a long and a short run; the shortest run
/// is what it takes to fill it.
#[expect(clippy::disallowed_methods, reason = "a benchmark looks at the clock")]
fn large_cache(c: &mut Criterion) {
    let lasting = |length: &str| model_with("cache.yaml", &[format!("run.duration={length}")]);
    let [start, short, long] = ["1ms", "100s", "300s"].map(lasting);
    let run = |model: &Model| simulate(model, 1, 0, &Signals::default()).events;
    let time = |model: &Model| {
        let begin = Instant::now();
        black_box(run(model));
        begin.elapsed()
    };
    let mut group = c.benchmark_group("workload");
    group.sample_size(10);
    group.bench_function("large cache, start", |b| b.iter(|| run(&start)));
    group.throughput(Throughput::Elements(run(&long) - run(&short)));
    group.bench_function("large cache, event", |b| {
        b.iter_custom(|n| (0..n).map(|_| time(&long).saturating_sub(time(&short))).sum());
    });
    group.finish();
}

criterion_group!(benches, calendar, variates, histogram, cache, workloads, large_cache);
criterion_main!(benches);
