//! Long runs with rare faults: only what surrounds a change is simulated whole, and of the quiet time between, samples.
//!
//! Changes are the starts and ends of faults. They do not depend on what the system does, so they are known before the run
//! begins: the same draws, addressed the same way. Behind each change the run is simulated whole for `after`, before it for
//! one `window`, so that it does not strike an empty system; of what lies between, one `window` in each stretch of at most
//! `every`, at a random place in it. A request of a sample stands for as many as the stretch is longer than the window
//! (stratified sampling, Cochran 1977, chapter 5), so shares of requests are unbiased as long as the system forgets its
//! past within a window. Between samples the loads sleep and time passes in one step. What can go wrong: what keeps for
//! longer (caches with times to live, backlogs) is found emptier after a sleep than it would be.

use crate::engine::fault::occurrences;
use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Ns, World};
use crate::model::Model;
use crate::model::plan::Sampling;
use crate::random::{bits, mix, unit};
use crate::record::Sample;
use crate::units::Time;

/// Where a run is simulated.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    /// In the order of time, apart from each other; the first begins at 0.
    all: Vec<Stretch>,
    /// Which of them is, or was the last.
    at: usize,
    /// Offered, answered and failed requests when it began.
    began: [u64; 3],
    pub(super) taken: Vec<Sample>,
}

/// A stretch that is simulated; each of its requests stands for `weight`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    from: Ns,
    until: Ns,
    weight: f64,
}

/// Distinguishes where samples lie.
const PLACE: u64 = 0x0073_616d_706c;

/// The stretches of a replication; `None` where all of the run is simulated.
pub(super) fn plan(m: &Model, salt: u64, horizon: Ns) -> Option<Box<Samples>> {
    let sampling = m.run.sampling.as_ref()?;
    let all = stretches(sampling, &changes(m, salt, horizon), horizon, salt);
    Some(Box::new(Samples { all, at: 0, began: [0; 3], taken: Vec::new() }))
}

/// Starts and ends of all faults, in the order of time.
fn changes(m: &Model, salt: u64, horizon: Ns) -> Vec<Ns> {
    let mut changes = Vec::new();
    for fault in &m.faults {
        for (start, end) in occurrences(m, fault, salt, horizon) {
            changes.push(start);
            changes.extend(end.map(|end| end.min(horizon)));
        }
    }
    changes.sort_unstable();
    changes.dedup();
    changes
}

fn stretches(sampling: &Sampling, changes: &[Ns], horizon: Ns, salt: u64) -> Vec<Stretch> {
    let (after, window) = (sampling.after.0, sampling.window.0.max(1));
    let mut found: Vec<Stretch> = Vec::new();
    let mut whole = |from: Ns, until: Ns, weight: f64| match found.last_mut() {
        _ if until <= from => {}
        Some(last) if from <= last.until && last.weight == weight && weight == 1.0 => {
            last.until = until.max(last.until);
        }
        _ => found.push(Stretch { from, until, weight }),
    };
    let starts = std::iter::once(0).chain(changes.iter().copied());
    let ends = changes.iter().copied().chain(std::iter::once(horizon));
    for (from, until) in starts.zip(ends) {
        let settled = from.saturating_add(after).min(until);
        whole(from, settled, 1.0);
        // What comes before a change is simulated whole, before the end of the run not.
        let last = if until == horizon { until } else { until.saturating_sub(window).max(settled) };
        let quiet = last - settled;
        let count = quiet.div_ceil(sampling.every.0.max(window));
        for n in 0..count {
            let (cell, next) = (settled + quiet * n / count, settled + quiet * (n + 1) / count);
            let room = (next - cell).saturating_sub(window);
            let start = cell + (unit(bits(salt ^ PLACE, mix(cell))) * room as f64) as Ns;
            let end = (start + window).min(next);
            whole(start, end, (next - cell) as f64 / (end - start).max(1) as f64);
        }
        whole(last, until, 1.0);
    }
    found
}

impl Samples {
    /// The next instant that is simulated from one on, and how long loads sleep before it.
    fn awake_from(&self, at: Ns) -> Option<Ns> {
        let next = self.all.partition_point(|stretch| stretch.until <= at);
        self.all.get(next).map(|stretch| stretch.from.max(at))
    }

    /// Nanoseconds up to an instant that were not simulated.
    fn slept_by(&self, at: Ns) -> Ns {
        let simulated = |stretch: &Stretch| stretch.until.min(at).saturating_sub(stretch.from);
        at - self.all.iter().map(simulated).sum::<Ns>()
    }
}

impl World<'_> {
    /// The first stretch begins.
    pub(super) fn begin_samples(&mut self) {
        if let Some(next) = self.course.samples.as_ref().and_then(|samples| samples.all.get(1)).map(|next| next.from) {
            self.set_timer(next, CLAIM, Timer::Sample);
        }
    }

    /// The next stretch begins: what has come since the last one began belongs to that.
    pub(super) fn next_sample(&mut self) {
        self.close_sample();
        let Some(samples) = self.course.samples.as_deref_mut() else { return };
        samples.at += 1;
        if let Some(next) = samples.all.get(samples.at + 1).map(|next| next.from) {
            self.set_timer(next, CLAIM, Timer::Sample);
        }
    }

    pub(super) fn close_sample(&mut self) {
        let now = self.counted_requests();
        let Some(samples) = self.course.samples.as_deref_mut() else { return };
        let Some(stretch) = samples.all.get(samples.at) else { return };
        let [offered, ok, failed] = [0, 1, 2].map(|i| now[i] - samples.began[i]);
        let (from, until) = (Time(stretch.from), Time(stretch.until));
        samples.taken.push(Sample { from, until, weight: stretch.weight, offered, ok, failed });
        samples.began = now;
    }

    /// Whether the loads sleep now.
    pub(super) fn is_asleep(&self) -> bool {
        let samples = self.course.samples.as_deref();
        samples.is_some_and(|samples| samples.awake_from(self.now) != Some(self.now))
    }

    /// Nanoseconds of the run so far that were not simulated.
    pub(super) fn slept(&self) -> Ns {
        self.course.samples.as_deref().map_or(0, |samples| samples.slept_by(self.now))
    }

    /// When something that a load would do at an instant happens: then, or as long after the next awakening as it lies
    /// behind the time at which the load fell asleep. `None`: not in this run.
    pub(super) fn when_awake(&self, at: Ns) -> Option<Ns> {
        let Some(samples) = self.course.samples.as_deref() else { return Some(at) };
        let mut at = at;
        loop {
            let next = samples.awake_from(at)?;
            if next == at {
                return Some(at);
            }
            let before = samples.all.partition_point(|stretch| stretch.until <= at);
            let asleep_since = samples.all.get(before.checked_sub(1)?)?.until;
            at = next + (at - asleep_since);
        }
    }

    /// The next instant at which loads are awake, from one on.
    pub(super) fn next_awake(&self, at: Ns) -> Option<Ns> {
        self.course.samples.as_deref().map_or(Some(at), |samples| samples.awake_from(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::below;
    use crate::units::Span;

    /// Weights make the simulated time as long as the whole, and surroundings of changes are whole.
    #[test]
    fn stretches_stand_for_the_whole_run() {
        for seed in 0..500u64 {
            let horizon = 1_000_000 + mix(seed) % 1_000_000;
            let mut changes: Vec<Ns> =
                (0..below(mix(seed ^ 1), 6)).map(|n| mix(seed << 8 ^ u64::from(n)) % horizon).collect();
            changes.sort_unstable();
            let sampling = Sampling { after: Span(20_000), window: Span(3_000), every: Span(70_000) };
            let found = stretches(&sampling, &changes, horizon, seed);
            assert!(found.windows(2).all(|pair| pair[0].until <= pair[1].from), "{seed} {found:?}");
            let stands_for: f64 = found.iter().map(|s| (s.until - s.from) as f64 * s.weight).sum();
            assert!((stands_for - horizon as f64).abs() < 1.0, "{seed}: {stands_for} of {horizon}");
            for change in &changes {
                let is_whole = |at: Ns| found.iter().any(|s| s.from <= at && at < s.until && s.weight == 1.0);
                let near = [change.saturating_sub(2_999), *change, change + 19_999];
                assert!(near.iter().all(|at| horizon <= *at || is_whole(*at)), "{seed} {change} {found:?}");
            }
            let simulated: Ns = found.iter().map(|s| s.until - s.from).sum();
            assert!(simulated < horizon / 3, "{seed}: {simulated} of {horizon}");
        }
    }
}
