//! Where designs are evaluated: replications of several designs share the threads, and nothing is simulated twice.
//!
//! What is known of a design is remembered by content: the hash of the resolved scenario, the seed and the number of
//! replications (the engine's version belongs to whoever keeps files). All designs of a lab see the same seed, so the
//! same replication of two of them is one pair on common random numbers. Results never depend on the number of threads:
//! records stand in the places of their units, whoever made them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::analysis::Progress;
use crate::analysis::design::Design;
use crate::analysis::figures::figures;
use crate::engine;
use crate::record::{Record, Stopped};
use crate::report::evaluation::{self, Figures};

/// Units that are handed out at once, for each thread: enough to keep all busy, few enough to hold their records.
const AT_ONCE: usize = 4;

/// A memory beyond this program: documents by their keys.
pub trait Memory {
    fn fetch(&self, key: &str) -> Option<String>;
    fn keep(&self, key: &str, document: &str);
}

/// No memory beyond this program.
#[derive(Clone, Copy, Debug)]
pub struct Forgetful;

impl Memory for Forgetful {
    fn fetch(&self, _: &str) -> Option<String> {
        None
    }

    fn keep(&self, _: &str, _: &str) {}
}

/// The work was stopped by a signal; what was finished is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// How designs are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub seed: u64,
    /// Replications of each design, unless a search asks for more.
    pub replications: u32,
    /// Threads; never changes results.
    pub jobs: usize,
}

/// The place of all simulations of one study.
pub struct Lab<'a, M> {
    pub setting: Setting,
    progress: &'a Progress,
    memory: &'a M,
    known: BTreeMap<String, Figures>,
    /// The records of the design that was last evaluated alone: a search may want more replications of it.
    held: Option<(String, u32, Vec<Record>)>,
    /// Replications that were simulated here; those remembered do not count.
    pub simulated: u64,
    /// The most replications that were asked for of each design, by hash and first replication.
    asked: BTreeMap<(String, u32), u32>,
}

impl<'a, M: Memory> Lab<'a, M> {
    pub fn new(setting: Setting, progress: &'a Progress, memory: &'a M) -> Self {
        Lab { setting, progress, memory, known: BTreeMap::new(), held: None, simulated: 0, asked: BTreeMap::new() }
    }

    /// The figures of each design, with the usual number of replications.
    pub fn evaluate(&mut self, designs: &[&Design]) -> Result<Vec<Figures>, Interrupted> {
        self.evaluate_with(designs, self.setting.replications)
    }

    /// The figures of each design with so many replications.
    pub fn evaluate_with(&mut self, designs: &[&Design], replications: u32) -> Result<Vec<Figures>, Interrupted> {
        self.ahead(designs, replications)?;
        for design in designs {
            let most = self.asked.entry((design.scenario.hash.clone(), design.first)).or_default();
            *most = replications.max(*most);
        }
        Ok(designs.iter().map(|design| self.known[&self.key(design, replications)].clone()).collect())
    }

    /// Replications that the answers so far rest on, whoever simulated them and when.
    pub fn needed(&self) -> u64 {
        self.asked.values().map(|most| u64::from(*most)).sum()
    }

    /// Simulates what may be asked for next, all threads together.
    pub fn ahead(&mut self, designs: &[&Design], replications: u32) -> Result<(), Interrupted> {
        let mut unknown: Vec<&Design> = Vec::new();
        for design in designs {
            let is_asked = unknown.iter().any(|other| is_same(other, design));
            if !is_asked && self.remembered(design, replications).is_none() {
                unknown.push(design);
            }
        }
        let group = (AT_ONCE * self.setting.jobs).div_ceil(replications.max(1) as usize).max(1);
        for designs in unknown.chunks(group) {
            self.simulate(designs, replications)?;
        }
        Ok(())
    }

    /// What is known already, here or in the memory beyond.
    pub fn remembered(&mut self, design: &Design, replications: u32) -> Option<&Figures> {
        let key = self.key(design, replications);
        if !self.known.contains_key(&key) {
            let figures = evaluation::read(&self.memory.fetch(&key)?)?;
            let is_it = figures.hash == design.scenario.hash && figures.seed == self.setting.seed;
            if !is_it || figures.replications != replications {
                return None;
            }
            self.known.insert(key.clone(), figures);
        }
        self.known.get(&key)
    }

    fn key(&self, design: &Design, replications: u32) -> String {
        let first = if design.first == 0 { String::new() } else { format!("-from-{}", design.first) };
        format!("{}-{}-{replications}{first}", design.scenario.hash, self.setting.seed)
    }

    /// Simulates what is not held of each design, and works out its figures.
    fn simulate(&mut self, designs: &[&Design], replications: u32) -> Result<(), Interrupted> {
        let held = self.held.take().filter(|(hash, from, records)| {
            let is_it = designs.len() == 1 && designs[0].scenario.hash == *hash && designs[0].first == *from;
            is_it && records.len() <= replications as usize
        });
        let held = held.map(|(_, _, records)| records).unwrap_or_default();
        let first = held.len() as u32;
        let of = |design| (first..replications).map(move |replication| (design, replication));
        let units: Vec<(usize, u32)> = (0..designs.len()).flat_map(of).collect();
        let run = |(design, replication): (usize, u32)| {
            let signals = &self.progress.signals;
            let record = engine::simulate(
                &designs[design].model,
                self.setting.seed,
                designs[design].first + replication,
                signals,
            );
            self.progress.done.fetch_add(1, Ordering::Relaxed);
            record
        };
        let mut made = held.into_iter().chain(in_their_places(&units, self.setting.jobs, run));
        for design in designs {
            let own: Vec<Record> = made.by_ref().take(replications as usize).collect();
            if own.iter().any(|record| record.stopped == Stopped::Interrupted) {
                return Err(Interrupted);
            }
            let figures = figures(&design.model, &design.scenario, self.setting.seed, &own);
            let key = self.key(design, replications);
            self.memory.keep(&key, &evaluation::write(&figures));
            self.known.insert(key, figures);
            self.simulated += u64::from(replications - first);
            self.held = (designs.len() == 1).then(|| (design.scenario.hash.clone(), design.first, own));
        }
        Ok(())
    }
}

/// Whether two designs are one, with the same luck.
fn is_same(a: &Design, b: &Design) -> bool {
    a.scenario.hash == b.scenario.hash && a.first == b.first
}

/// Does all units on several threads; the results stand in the order of the units.
fn in_their_places<U: Copy + Sync, T: Send>(units: &[U], jobs: usize, run: impl Fn(U) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new(units.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(unit) = units.get(at) else { break };
            let result = run(*unit);
            results.lock().expect("no thread panics while it holds the lock")[at] = Some(result);
        }
    };
    let threads = jobs.clamp(1, units.len().max(1));
    if threads == 1 {
        work();
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("the system gives threads");
        pool.scope(|scope| (0..threads).for_each(|_| scope.spawn(|_| work())));
    }
    let results = results.into_inner().expect("all threads are done");
    results.into_iter().map(|result| result.expect("every unit was done")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_units() {
        let units: Vec<usize> = (0..50).collect();
        for jobs in [1, 2, 8] {
            assert_eq!(in_their_places(&units, jobs, |unit| unit * unit)[7], 49);
        }
    }
}
