//! Releases: objects that change at their origin, and the old copies of them that caches still hand out.
//!
//! Nothing is kept for an object: which releases have changed it follows from its value. An answer carries its *vintage*,
//! the number of releases that there had been when its origin gave it, and so does what a cache keeps of it. A copy is old
//! if a later release has changed its object. Where versions are part of names, whoever asks asks for the version of its own
//! arrival, because the page that named it was written then; nobody can get an old copy of that.

use crate::engine::cache::{Object, Shelves};
use crate::engine::world::{Ns, World, row};
use crate::measure::histogram::Histogram;
use crate::model::releases::Released;
use crate::model::{Act, Component, Model, NONE16};
use crate::policy::eviction::Entry;
use crate::random::{bits, mix};
use crate::record::ShownTally;

/// All releases up to now, in their order.
#[derive(Debug, Default)]
pub(super) struct Releases(Vec<Release>);

/// A share of the objects of a population has changed.
#[derive(Clone, Copy, Debug)]
struct Release {
    at: Ns,
    population: u64,
    /// Of 2^32.
    share: u64,
    /// Addresses the coin of each object.
    address: u64,
}

/// As of how many releases an answer is, and about objects of which key; `NONE16`: of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vintage {
    edition: u32,
    key: u16,
}

/// What a cache has shown to those who asked it.
#[derive(Debug)]
pub(super) struct Shown {
    looks: u64,
    /// Those that were shown what was no longer so, and for how long it had not been so.
    old: u64,
    ages: Histogram,
}

impl Release {
    fn changes(&self, population: u64, value: u64) -> bool {
        self.population == population && bits(self.address, mix(value)) >> 32 < self.share
    }
}

impl Vintage {
    /// From nobody who could have an old copy.
    pub(super) const ORIGINAL: Vintage = Vintage { edition: u32::MAX, key: NONE16 };
}

impl Releases {
    /// Nothing has changed yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last release up to an instant that changed an object, counted from 1; 0 if none did.
    fn version(&self, population: u64, value: u64, by: Ns) -> u32 {
        let last = self.0.iter().rposition(|release| release.at <= by && release.changes(population, value));
        last.map_or(0, |place| place as u32 + 1)
    }

    /// Since when what was so after so many releases is no longer so.
    fn outdated(&self, population: u64, value: u64, edition: u32) -> Option<Ns> {
        let later = self.0.get(edition as usize..)?;
        later.iter().find(|release| release.changes(population, value)).map(|release| release.at)
    }
}

impl Shown {
    /// For a model in which anything is ever released.
    pub(super) fn of(m: &Model) -> Option<Box<Shown>> {
        let releases = m.faults.iter().any(|fault| matches!(fault.act, Act::Release(_)));
        releases.then(|| Box::new(Shown { looks: 0, old: 0, ages: Histogram::new() }))
    }

    /// Cumulative figures.
    pub(super) fn tally(&self) -> ShownTally {
        let mut ages = self.ages.clone();
        ages.add_zeros(self.looks.saturating_sub(self.old));
        ShownTally { looks: self.looks, old: self.old, ages: ages.compact() }
    }
}

impl World<'_> {
    /// A share of the objects of a key changes.
    pub(super) fn objects_change(&mut self, f: u16, draw: u64) {
        let m = self.m;
        let Act::Release(Released { key, share, purge }) = &m.faults[f as usize].act else { return };
        let spec = &m.keys[*key as usize];
        let release = Release { at: self.now, population: spec.population, share: *share, address: draw };
        self.caches.releases.0.push(release);
        for &cache in purge {
            for value in (0..spec.count).filter(|value| release.changes(spec.population, *value)) {
                self.expire_value(cache, *key, value);
            }
        }
    }

    /// The object under the name of the version that there was at an instant.
    #[cold]
    pub(super) fn versioned(&self, object: Object, by: Ns) -> Object {
        let spec = &self.m.keys[object.key as usize];
        if !spec.versioned {
            return object;
        }
        match self.caches.releases.version(spec.population, object.value, by) {
            0 => object,
            version => object.called(mix(u64::from(version))),
        }
    }

    /// As of which releases the answer of a frame is.
    #[inline(always)]
    pub(super) fn answer_vintage(&self, id: u32) -> Vintage {
        match self.calls[id as usize].vintage {
            Vintage::ORIGINAL => Vintage { edition: self.caches.releases.0.len() as u32, key: NONE16 },
            known => known,
        }
    }

    /// As of how many releases is what a frame puts on a shelf: what it was answered itself, or its caller.
    pub(super) fn edition_brought(&self, id: u32, object: Object) -> u32 {
        let now = self.caches.releases.0.len() as u32;
        let own = self.calls[id as usize].vintage;
        let caller = self.calls.get(self.frames[id as usize].parent as usize).map(|call| call.vintage);
        let brought = if own == Vintage::ORIGINAL { caller.unwrap_or(own) } else { own };
        let population = |key: u16| self.m.keys[key as usize].population;
        let is_about = brought.key == NONE16 || population(brought.key) == population(object.key);
        if is_about { brought.edition.min(now) } else { now }
    }

    /// A look has shown an entry, or nothing.
    #[cold]
    pub(super) fn has_shown(&mut self, id: u32, cache: u16, object: Object, entry: Option<Entry>) {
        let shown = entry.map_or(Vintage::ORIGINAL, |entry| Vintage { edition: entry.edition, key: object.key });
        self.calls[id as usize].vintage = shown;
        if let Some(shown) = &mut self.caches.all[cache as usize].shown {
            shown.looks += 1;
        }
        self.judge_age(cache, object, entry);
    }

    /// Who looked in vain is shown after all what another has fetched, or what has expired.
    #[cold]
    pub(super) fn shows_after_all(&mut self, id: u32, cache: u16, object: Object, entry: Entry) {
        self.calls[id as usize].vintage = Vintage { edition: entry.edition, key: object.key };
        self.judge_age(cache, object, Some(entry));
    }

    /// What was fetched for somebody who looked in vain may be old already.
    #[cold]
    pub(super) fn shows_fetched(&mut self, id: u32, cache: u16, object: Object, entry: Entry) {
        let request = self.frames[id as usize].request;
        if self.requests[request as usize].flags & row::DETACHED == 0 {
            self.judge_age(cache, object, Some(entry));
        }
    }

    /// What the caches of a component have shown.
    pub(super) fn shown_tally(&self, component: &Component) -> Option<Box<ShownTally>> {
        let caches = [component.cache, component.state].into_iter().filter(|cache| *cache != NONE16);
        let mut tallies = caches.filter_map(|cache| Some(self.caches.all[cache as usize].shown.as_ref()?.tally()));
        let mut all = tallies.next()?;
        for other in tallies {
            (all.looks, all.old) = (all.looks + other.looks, all.old + other.old);
            all.ages.merge(&other.ages);
        }
        Some(Box::new(all))
    }

    fn judge_age(&mut self, cache: u16, object: Object, entry: Option<Entry>) {
        let spec = &self.m.keys[object.key as usize];
        let Some(entry) = entry.filter(|_| !spec.versioned) else { return };
        let since = self.caches.releases.outdated(spec.population, object.value, entry.edition);
        let Shelves { shown: Some(shown), .. } = &mut self.caches.all[cache as usize] else { return };
        if let Some(since) = since {
            shown.old += 1;
            shown.ages.add(self.now - since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Release, Releases};

    #[test]
    fn versions_are_those_of_a_list_for_each_object() {
        let release = |at, population, share| Release { at, population, share, address: at };
        let all = Releases(vec![release(10, 1, 1 << 31), release(20, 2, 1 << 32), release(30, 1, 1 << 30)]);
        for value in 0..200 {
            let changes: Vec<usize> = (0..3).filter(|&n| all.0[n].changes(1, value)).collect();
            assert!(!changes.contains(&1), "another population has changed");
            for now in [5, 10, 25, 30] {
                let last = changes.iter().rfind(|&&n| all.0[n].at <= now).map_or(0, |n| n + 1);
                assert_eq!(last as u32, all.version(1, value, now));
            }
            for edition in 0..5 {
                let next = changes.iter().find(|&&n| edition <= n).map(|&n| all.0[n].at);
                assert_eq!(next, all.outdated(1, value, edition as u32));
            }
        }
        let changed = (0..10_000).filter(|&value| all.0[0].changes(1, value)).count();
        assert!((4_800..5_200).contains(&changed), "{changed} of 10,000 changed, not half");
    }
}
