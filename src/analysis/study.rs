//! The records of all replications, with the stretch of each that counts.

use crate::analysis::estimate;
use crate::analysis::warmup::{self, Warmup};
use crate::measure::histogram::Compact;
use crate::model::{Model, Scope};
use crate::probe::{Between, Counts, Outcome};
use crate::record::{Mark, Record, Snapshot};
use crate::report::Estimate;

/// What the parts of the analysis look at.
#[derive(Clone, Debug)]
pub struct Study<'a> {
    pub model: &'a Model,
    pub records: &'a [Record],
    pub warmup: Warmup,
    /// The measured stretch of each replication: from the end of warm-up to the end.
    pub measured: Vec<Between<'a>>,
}

impl<'a> Study<'a> {
    /// Finds the end of warm-up and cuts there. There is at least one record.
    pub fn new(model: &'a Model, records: &'a [Record]) -> Self {
        let warmup = warmup::find(&model.run, records);
        let stretch = |record: &'a Record| {
            let (from, to) = (&warmup.start(record).tallies, &end(record).tallies);
            Between { model, from, to, path: &record.snapshots }
        };
        Study { model, records, warmup, measured: records.iter().map(stretch).collect() }
    }

    /// One value a replication, where there is one, as an estimate.
    pub fn mean(&self, value: impl Fn(&Between<'a>) -> Option<f64>) -> Option<Estimate> {
        let values: Vec<f64> = self.measured.iter().filter_map(value).collect();
        estimate::mean(&values)
    }

    /// A count a replication, as a rate per second of the whole that the run stands for.
    pub fn rate(&self, count: impl Fn(&Between<'a>) -> u64) -> Estimate {
        let whole = self.model.scale_of(Scope::All);
        let per_second = |stretch: &Between<'a>| Some(count(stretch) as f64 * whole / stretch.seconds().max(1e-9));
        self.mean(per_second).expect("there is at least one replication")
    }

    /// The counts of a scope, a replication each.
    pub fn counts(&self, scope: Scope) -> Vec<Counts> {
        self.measured.iter().map(|stretch| stretch.counts(scope)).collect()
    }

    /// The latencies of a scope, a replication each.
    pub fn latencies(&self, scope: Scope, outcome: Outcome) -> Vec<Compact> {
        self.measured.iter().map(|stretch| stretch.latency(scope, outcome)).collect()
    }

    /// The windows of the time series that lie in the measured stretch, first and one past the last.
    pub fn windows(&self, replication: usize) -> std::ops::Range<usize> {
        let record = &self.records[replication];
        let window = record.series.window.0.max(1);
        let whole = (record.end.0 / window) as usize;
        let first = self.measured[replication].from.at.0.div_ceil(window) as usize;
        first.min(whole)..whole.min(record.series.ok.len())
    }

    /// The share of all requests that were answered well, where the quiet time of a run was sampled.
    pub fn availability(&self) -> Option<Estimate> {
        let values: Vec<f64> = self.records.iter().filter_map(sampled_availability).collect();
        let estimate = estimate::mean(&values)?;
        let high = estimate.high.map(|high| high.min(1.0));
        let half_width = estimate.low.zip(high).map(|(low, high)| (high - low) / 2.0);
        Some(Estimate { half_width, high, ..estimate })
    }

    /// Measured seconds of all replications together.
    pub fn seconds(&self) -> f64 {
        self.measured.iter().map(Between::seconds).sum()
    }
}

/// Share of all requests of a run that were answered well, where its quiet time was sampled: each request counts as many
/// times as it stands for.
pub fn sampled_availability(record: &Record) -> Option<f64> {
    let (mut ok, mut all) = (0.0, 0.0);
    for sample in &record.samples {
        ok += sample.weight * sample.ok as f64;
        all += sample.weight * (sample.ok + sample.failed) as f64;
    }
    (0.0 < all).then(|| ok / all)
}

/// The snapshot at the end of a record.
pub fn end(record: &Record) -> &Snapshot {
    record.snapshots.last().expect("the end is always there")
}

/// The first snapshot with that mark.
pub fn marked(record: &Record, mark: Mark) -> Option<&Snapshot> {
    record.snapshots.iter().find(|snapshot| snapshot.mark == mark)
}

/// Counts added up.
pub fn total(counts: &[Counts], of: impl Fn(&Counts) -> u64) -> u64 {
    counts.iter().map(of).sum()
}
