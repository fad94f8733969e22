//! What buffer pools hold when a run starts.

use plimsoll::engine::{Signals, simulate};
use plimsoll::model::{Probe, Scope};
use plimsoll::probe::{self, Between};
use plimsoll::scenario::condition::Quantity;

use crate::support::model;

/// Hit ratio of the first ten seconds, in which 1000 uniform rows of 10,000 pages are read and everything fits.
fn hit_ratio(prefill: &str) -> f64 {
    let model = model(&format!(
        "plimsoll: 1
run: {{duration: 10s, warmup: none, prefill: {prefill}}}
load: {{users: {{rate: 100/s, timeout: none, requests: {{db.read: 1}}}}}}
components:
  db:
    kind: database
    memory: 160MiB
    data: {{rows: 10k, row: 8192B}}
    disk: {{iops: 100k}}
    operations: {{read: [{{pages: 1}}]}}
"
    ));
    let record = simulate(&model, 1, 0, &Signals::default());
    let probe = Probe { quantity: Quantity::HitRatio, stat: None, scope: Scope::All, resource: None, per: None };
    let path = &record.snapshots[..];
    let stretch = Between { model: &model, from: &path[0].tallies, to: &path[path.len() - 1].tallies, path };
    probe::read(&probe, &stretch).expect("pages were read")
}

#[test]
fn a_pool_has_seen_as_much_traffic_as_is_said() {
    // After n uniform reads of N pages, each is in memory with probability 1 - exp(-n / N).
    let after = |reads: f64| {
        // The mean over the thousand reads of the run itself, each of which brings a page in.
        let n = |at: f64| 1.0 - libm::exp(-(reads + at) / 10_000.0);
        (0..1000).map(|read| n(f64::from(read))).sum::<f64>() / 1000.0
    };
    for (prefill, truth) in [("none", after(0.0)), ("50s", after(5_000.0)), ("150s", after(15_000.0))] {
        let got = hit_ratio(prefill);
        assert!((got - truth).abs() < 0.04, "{prefill}: {got}, not {truth}");
    }
    assert!(0.85 < hit_ratio("auto"));
}
