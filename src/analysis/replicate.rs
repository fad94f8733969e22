//! Replications on several threads, in the order of their numbers whatever the number of threads.
//!
//! Threads take the next number from a counter, results are put in their places, and every decision looks at a prefix: so
//! the outcome never depends on who was faster. What can go wrong: a signal stops the run; then the finished replications
//! from the first on are kept, and what follows the first gap is dropped.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::record::{Record, Stopped};

/// What was run.
#[derive(Debug)]
pub struct Runs {
    pub records: Vec<Record>,
    /// A signal stopped it before all replications were done.
    pub partial: bool,
}

/// How many replications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    pub least: u32,
    /// Reached only while it is not `enough` before.
    pub most: u32,
    pub jobs: usize,
}

/// Runs replications 0, 1, 2, ... until there are `least` of them and `enough` says so, or `most`.
///
/// `enough` is asked for each prefix from `least` on, shortest first; what ran beyond the prefix it accepts is dropped.
/// If not even the first replication finished, its fragment is what there is.
pub fn replicate(number: Number, run: impl Fn(u32) -> Record + Sync, enough: impl Fn(&[Record]) -> bool) -> Runs {
    let mut records = Vec::new();
    let mut wanted = number.least.clamp(1, number.most.max(1));
    let mut judged = wanted as usize;
    loop {
        let partial = !extend(&mut records, wanted, number.jobs, &run);
        if partial {
            return Runs { records, partial };
        }
        while judged <= records.len() {
            if judged == number.most as usize || enough(&records[..judged]) {
                records.truncate(judged);
                return Runs { records, partial: false };
            }
            judged += 1;
        }
        wanted = wanted.saturating_add(number.jobs.max(1) as u32).min(number.most);
    }
}

/// Adds replications until there are `wanted`; false if a signal left a gap.
fn extend(records: &mut Vec<Record>, wanted: u32, jobs: usize, run: &(impl Fn(u32) -> Record + Sync)) -> bool {
    let first = records.len() as u32;
    let next = AtomicU32::new(first);
    let results: Mutex<Vec<Option<Record>>> = Mutex::new((first..wanted).map(|_| None).collect());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if wanted <= number {
                break;
            }
            let record = run(number);
            results.lock().expect("no thread panics while it holds the lock")[(number - first) as usize] = Some(record);
        }
    };
    let threads = jobs.clamp(1, (wanted - first).max(1) as usize);
    if threads == 1 {
        work();
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("the system gives threads");
        pool.scope(|scope| (0..threads).for_each(|_| scope.spawn(|_| work())));
    }
    for record in results.into_inner().expect("all threads are done").into_iter().flatten() {
        let is_fragment = record.stopped == Stopped::Interrupted;
        if !is_fragment || records.is_empty() {
            records.push(record);
        }
        if is_fragment {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::units::Time;

    fn record(number: u32, stopped: Stopped) -> Record {
        Record { stopped, end: Time(u64::from(number)), ..Record::default() }
    }

    fn numbers(runs: &Runs) -> Vec<u64> {
        runs.records.iter().map(|record| record.end.0).collect()
    }

    #[test]
    fn the_order_is_that_of_the_numbers_on_any_number_of_threads() {
        for jobs in [1, 2, 8] {
            let slow_first = |number| {
                (0..(20 - number) * 10_000).for_each(|i| {
                    std::hint::black_box(i);
                });
                record(number, Stopped::Done)
            };
            let runs = replicate(Number { least: 20, most: 20, jobs }, slow_first, |_| true);
            assert_eq!(numbers(&runs), (0..20).collect::<Vec<u64>>());
            assert!(!runs.partial);
        }
    }

    #[test]
    fn the_number_that_is_enough_does_not_depend_on_the_threads() {
        for jobs in [1, 2, 3, 8] {
            let number = Number { least: 5, most: 100, jobs };
            let runs = replicate(number, |n| record(n, Stopped::Done), |records| 11 <= records.len());
            assert_eq!(runs.records.len(), 11);
            let runs = replicate(number, |n| record(n, Stopped::Done), |_| false);
            assert_eq!(runs.records.len(), 100);
        }
    }

    #[test]
    fn a_signal_leaves_a_prefix() {
        let broken = |n| record(n, if n == 3 { Stopped::Interrupted } else { Stopped::Done });
        let runs = replicate(Number { least: 6, most: 6, jobs: 4 }, broken, |_| true);
        assert_eq!(numbers(&runs), [0, 1, 2]);
        assert!(runs.partial);
        let nothing = replicate(Number { least: 6, most: 6, jobs: 1 }, |n| record(n, Stopped::Interrupted), |_| true);
        assert_eq!(numbers(&nothing), [0]);
        assert!(nothing.partial);
    }
}
