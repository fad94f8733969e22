//! How often the 95 % intervals contain the truth.

use std::fmt::Write as _;

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::report::{Estimate, Latency};
use plimsoll::theory::multi::Mmc;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::measured::station;
use super::table;
use crate::support::compiled;

const SEEDS: u64 = 400;

/// M/M/c with a mean service of 10 ms.
struct Queue {
    servers: u32,
    load: f64,
    duration: &'static str,
}

/// How many intervals of so many contained the truth, and how wide they were.
#[derive(Default)]
struct Coverage {
    inside: u32,
    below: u32,
    above: u32,
    width: f64,
}

impl Queue {
    fn theory(&self) -> Mmc {
        let servers = u64::from(self.servers);
        Mmc { arrival: 100.0 * f64::from(self.servers) * self.load, service: 100.0, servers }
    }

    fn text(&self) -> String {
        let mut text = format!("plimsoll: 1\ntitle: coverage\nrun: {{duration: {}}}\n", self.duration);
        let rate = self.theory().arrival;
        write!(text, "load: {{users: {{rate: {rate:.9}/s, requests: {{s.do: 1}}, timeout: none}}}}\ncomponents:\n")
            .expect("text");
        text + &station("s", &self.servers.to_string(), "none", "exp(10ms)")
    }

    /// The latency of each seed with the defaults: five replications, automatic warm-up.
    fn latencies(&self) -> Vec<Latency> {
        let (scenario, model) = compiled(&self.text());
        let of_seed = |seed: u64| {
            let plan = Plan { seed, jobs: 1, ..Plan::new(&model, &scenario, 1) };
            evaluate(&model, &scenario, &plan, &Progress::default()).report.latency.all
        };
        (1..=SEEDS).into_par_iter().map(of_seed).collect()
    }
}

impl Coverage {
    fn of(estimates: impl Iterator<Item = Option<Estimate>>, truth: f64) -> Coverage {
        let mut coverage = Coverage::default();
        for estimate in estimates {
            let bounds = estimate.and_then(|estimate| estimate.low.zip(estimate.high));
            let (low, high) = bounds.expect("a stable queue has intervals");
            coverage.inside += u32::from(low <= truth && truth <= high);
            coverage.below += u32::from(high < truth);
            coverage.above += u32::from(truth < low);
            coverage.width += 0.5 * (high - low) / truth / SEEDS as f64;
        }
        coverage
    }

    fn share(&self) -> f64 {
        f64::from(self.inside) / SEEDS as f64
    }

    fn line(&self, queue: &Queue, what: &str) -> String {
        let Coverage { below, above, width, .. } = self;
        let Queue { servers, load, duration } = queue;
        let (share, width) = (100.0 * self.share(), 100.0 * width);
        format!("| M/M/{servers} at {load} | {what} | {duration} | {share:.1} % | {below} | {above} | {width:.1} % |\n")
    }
}

#[test]
#[ignore = "minutes: writes a section of docs/validation.md"]
fn interval_coverage() {
    let queues = [Queue { servers: 1, load: 0.7, duration: "10m" }, Queue { servers: 8, load: 0.8, duration: "2m" }];
    let mut section = format!(
        "Of {SEEDS} seeds each, the share of 95 % intervals that contain the truth: five replications, automatic warm-up, mean\n\
         service 10 ms. *Below* and *above* count the intervals that lie wholly on that side of the truth; the width is the mean\n\
         half-width over the truth. The share itself has a standard error of 1.1 points.\n\n\
         | queue | interval for | duration | coverage | below | above | half-width |\n|---|---|---|---|---|---|---|\n"
    );
    let mut shares = Vec::new();
    for queue in &queues {
        let latencies = queue.latencies();
        for (what, truth, of) in [
            ("mean", queue.theory().response(), (|latency: &Latency| latency.mean) as fn(&Latency) -> Option<Estimate>),
            ("p99", queue.theory().response_quantile(0.99), |latency: &Latency| latency.p99),
        ] {
            let coverage = Coverage::of(latencies.iter().map(of), truth);
            section += &coverage.line(queue, what);
            shares.push(coverage.share());
        }
    }
    table::write_coverage(&section);
    assert!(shares.iter().all(|share| (0.92..=0.98).contains(share)), "{section}");
}
