//! Sagas under way, and what was done before.
//!
//! A saga is a stretch of its frame's program. Whoever dies in that stretch leaves it unresolved: what it had done stands,
//! and nobody undoes it.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::world::{Frame, Ns, Outcome, State, World, row};
use crate::model::{Failure, Model, NONE16};
use crate::random::mix;
use crate::record::SagaTally;

/// All sagas of a world, and the memory of its `dedupe` steps.
#[derive(Debug, Default)]
pub(super) struct Sagas {
    tallies: Vec<SagaTally>,
    /// Why a frame's saga is being undone, and whether all of it could be.
    regrets: FxHashMap<(u32, u16), Regret>,
    known: Vec<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Regret {
    cause: Outcome,
    broken: bool,
}

/// What one `dedupe` step has seen done: by a name, until when.
#[derive(Debug, Default)]
struct Known {
    until: FxHashMap<u64, Ns>,
    line: VecDeque<(Ns, u64)>,
}

impl Sagas {
    pub(super) fn new(m: &Model) -> Sagas {
        Sagas {
            tallies: vec![SagaTally::default(); m.sagas.len()],
            regrets: FxHashMap::default(),
            known: m.dedupe_uses.iter().map(|_| Known::default()).collect(),
        }
    }
}

impl World<'_> {
    /// `Undertake`: a saga begins.
    pub(super) fn undertake(&mut self, id: u32, saga: u16) -> u32 {
        self.post.sagas.tallies[saga as usize].begun += 1;
        self.post.sagas.regrets.remove(&(id, saga));
        id
    }

    /// `Regret`: a step has failed; the first to notice notes how.
    pub(super) fn regret(&mut self, id: u32, saga: u16) -> u32 {
        let cause = self.calls[id as usize].outcome;
        self.post.sagas.regrets.entry((id, saga)).or_insert(Regret { cause, broken: false });
        id
    }

    /// `Undone`: a compensation has ended.
    pub(super) fn undone(&mut self, id: u32, saga: u16, well: bool) -> u32 {
        let tally = &mut self.post.sagas.tallies[saga as usize];
        if well {
            tally.compensations += 1;
        } else {
            tally.failed += 1;
            if let Some(regret) = self.post.sagas.regrets.get_mut(&(id, saga)) {
                regret.broken = true;
            }
        }
        id
    }

    /// `Resolve`: all is done, or all that could be undone is; that fails as what was regretted.
    pub(super) fn resolve(&mut self, id: u32, saga: u16, undone: bool) -> u32 {
        let tally = &mut self.post.sagas.tallies[saga as usize];
        if !undone {
            tally.completed += 1;
            return id;
        }
        let regret = self.post.sagas.regrets.remove(&(id, saga));
        if regret.is_some_and(|regret| regret.broken) {
            tally.unresolved += 1;
        } else {
            tally.undone += 1;
        }
        let cause = regret.and_then(|regret| regret.cause.failure());
        self.fail(id, cause.unwrap_or(Failure::UNAVAILABLE))
    }

    /// A frame ends in the middle of its program: its sagas stay as they are.
    pub(super) fn abandon_sagas(&mut self, id: u32) {
        for saga in self.sagas_of(id) {
            self.post.sagas.tallies[saga].abandoned += 1;
        }
    }

    /// Sagas in whose stretch of the program the frame stands.
    fn sagas_of(&self, id: u32) -> Vec<usize> {
        let Frame { pc, .. } = self.frames[id as usize];
        let is_in = |saga: &usize| self.m.sagas[*saga].from < pc && pc <= self.m.sagas[*saga].to;
        (0..self.m.sagas.len()).filter(is_in).collect()
    }

    /// Cumulative figures, with those that are under way counted one by one if `open` says so.
    pub(super) fn saga_tallies(&self, open: bool) -> Vec<SagaTally> {
        let mut tallies = self.post.sagas.tallies.clone();
        if open && !tallies.is_empty() {
            for id in 0..self.frames.len() as u32 {
                if !matches!(self.frames[id as usize].state, State::Free | State::Zombie) {
                    self.sagas_of(id).into_iter().for_each(|saga| tallies[saga].open += 1);
                }
            }
        }
        tallies
    }

    // -- what was done before -----------------------------------------------------------------------------------------------

    /// `Dedupe`: past all that follows, if the same was done before.
    pub(super) fn dedupe(&mut self, id: u32, dedupe: u16, to: u16) -> u32 {
        let name = self.event_name(id, dedupe);
        let now = self.now;
        let known = &mut self.post.sagas.known[dedupe as usize];
        while let Some(&(until, old)) = known.line.front().filter(|(until, _)| *until <= now) {
            known.line.pop_front();
            if known.until.get(&old) == Some(&until) {
                known.until.remove(&old);
            }
        }
        if known.until.contains_key(&name) {
            let request = self.frames[id as usize].request;
            self.requests[request as usize].flags |= row::SKIPPED;
            self.frames[id as usize].pc = to;
        }
        id
    }

    /// `Remember`: from now on it is known that this was done.
    pub(super) fn remember_event(&mut self, id: u32, dedupe: u16) -> u32 {
        let name = self.event_name(id, dedupe);
        let until = self.now.saturating_add(self.m.dedupe_uses[dedupe as usize].span.0);
        let known = &mut self.post.sagas.known[dedupe as usize];
        known.until.insert(name, until);
        known.line.push_back((until, name));
        id
    }

    /// What tells events apart: the message, or the value of a key; at this instance, unless all share what they know.
    fn event_name(&mut self, id: u32, dedupe: u16) -> u64 {
        let spec = self.m.dedupe_uses[dedupe as usize];
        let Frame { request, station, .. } = self.frames[id as usize];
        let event =
            if spec.key == NONE16 { self.requests[request as usize].number } else { self.key_value(spec.key, request) };
        let place = if spec.shared { 0 } else { u64::from(station) + 1 };
        mix(event ^ mix(place))
    }
}
