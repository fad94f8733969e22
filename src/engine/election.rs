//! Elections: what happens between the last word of a leader and the first of the next, message by message.
//!
//! A leader sends heartbeats, ten in an election time-out; they are not events of the run, because only the last one
//! before its death matters, and when that arrived follows from its phase and the link. Each follower then waits for
//! between one and two time-outs from it, stands, asks the others over their links and is elected by a majority of all
//! copies, the dead included. Callers know a leader as soon as it is one.

use crate::engine::replica::Seat;
use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, State, World};
use crate::model::{Failure, NONE};
use crate::policy::election::{Ballots, Vote};
use crate::policy::replication::Mode;
use crate::random::{bits, mix, occasion, unit};

/// The elections of one shard.
#[derive(Clone, Debug)]
pub(super) struct Election {
    ballots: Ballots,
    /// Nobody leads: the last leader is gone, and there is none yet.
    pub(super) is_open: bool,
}

/// Heartbeats in an election time-out.
const BEATS: Ns = 10;

/// Distinguish draws of elections from others between copies.
const BEAT: u64 = 0x0062_6561_7400;
const PATIENCE: u64 = 0x656c_6563_7400;

impl Election {
    pub(super) fn new(copies: u32) -> Election {
        Election { ballots: Ballots::new(copies), is_open: false }
    }
}

impl World<'_> {
    /// The election time-out of a database whose copies elect their leader, ns.
    fn election_timeout(&self, seat: &Seat) -> Option<Ns> {
        match self.m.copies[seat.c].mode {
            Mode::Raft { timeout_ms } => Some(u64::from(timeout_ms) * 1_000_000),
            _ => None,
        }
    }

    fn election(&mut self, seat: &Seat) -> Option<&mut Election> {
        self.shard_mut(seat).election.as_deref_mut()
    }

    /// Whether there is no leader at present.
    pub(super) fn is_leaderless(&self, c: usize, shard: usize) -> bool {
        self.replication[c].shards[shard].election.as_ref().is_some_and(|election| election.is_open)
    }

    /// The leader died: its followers will notice, each in its own time.
    pub(super) fn lose_leader(&mut self, seat: &Seat) {
        let Some(timeout) = self.election_timeout(seat) else { return };
        if let Some(election) = self.election(seat) {
            election.is_open = true;
        }
        let beat = (timeout / BEATS).max(1);
        let key = self.seeded(self.m.copies[seat.c].key);
        let phase = bits(key, mix(occasion(u64::from(seat.first)) ^ BEAT)) % beat;
        let last = self.now.saturating_sub((self.now + beat - phase) % beat);
        let leader = self.shard(seat).primary as usize;
        for copy in (0..self.shard(seat).copies.len()).filter(|&copy| copy != leader) {
            let station = seat.first + copy as u32;
            let way = self.carry_between(seat, [seat.first + leader as u32, station], 0.0, last ^ BEAT) - self.now;
            self.await_leader(&Seat { copy, ..*seat }, last + way);
        }
    }

    /// Leaders that reach no majority any more step down; what waited for one fails, and others may stand.
    pub(super) fn depose_cut_leaders(&mut self) {
        for c in 0..self.m.copies.len() {
            for shard in 0..self.replication[c].shards.len() {
                let copies = &self.m.copies[c];
                let first = self.m.components[copies.component as usize].first + shard as u32 * copies.each();
                let copy = self.replication[c].shards[shard].primary as usize;
                let seat = Seat { c, shard, copy, first };
                if matches!(copies.mode, Mode::Raft { .. }) && !self.is_leaderless(c, shard) && self.is_cut_off(&seat) {
                    self.fail_waiting(&seat);
                    self.lose_leader(&seat);
                }
            }
        }
    }

    /// Whether a copy reaches less than a majority, itself included.
    fn is_cut_off(&self, seat: &Seat) -> bool {
        let (own, count) = (seat.first + seat.copy as u32, self.shard(seat).copies.len());
        let is_reached = |copy: &usize| {
            let other = seat.first + *copy as u32;
            other == own || self.is_up(other) && !self.is_cut([own, other], NONE)
        };
        2 * (0..count).filter(is_reached).count() <= count
    }

    pub(super) fn fail_waiting(&mut self, seat: &Seat) {
        let waiting = std::mem::take(&mut self.shard_mut(seat).waiting);
        for (_, id, generation) in waiting {
            let frame = self.frames[id as usize];
            if frame.generation != generation || frame.state != State::Replicating {
                continue;
            }
            self.attribute(id, frame.request, frame.cell, frame.since);
            let frame = &mut self.frames[id as usize];
            (frame.since, frame.state) = (self.now, State::Running);
            let next = self.fail(id, Failure::UNAVAILABLE);
            if next != NONE {
                self.ready.push(next);
            }
        }
    }

    /// A copy heard of a leader last at an instant, and stands if it hears nothing more.
    pub(super) fn await_leader(&mut self, seat: &Seat, heard: Ns) {
        let Some(timeout) = self.election_timeout(seat) else { return };
        let station = seat.first + seat.copy as u32;
        let Some(election) = self.election(seat) else { return };
        let round = election.ballots.wait(seat.copy);
        let key = self.seeded(self.m.copies[seat.c].key);
        let draw = unit(bits(key, mix(occasion(u64::from(station) << 32 | u64::from(round)) ^ PATIENCE)));
        let at = heard + timeout + (draw * timeout as f64) as Ns;
        self.set_timer(at.max(self.now), RELEASE, Timer::Stand { station, round });
    }

    /// A copy has waited for long enough: it stands and asks for votes.
    pub(super) fn stand(&mut self, station: u32, round: u32) {
        let seat = self.seat(station);
        let is_up = self.is_up(station);
        let Some(election) = self.election(&seat) else { return };
        if !is_up || !election.is_open || !election.ballots.is_waiting(seat.copy, round) {
            return;
        }
        let term = election.ballots.stand(seat.copy);
        let copies = self.shard(&seat).copies.len();
        if copies == 1 {
            return self.lead(&seat);
        }
        for copy in (0..copies).filter(|&copy| copy != seat.copy) {
            let to = seat.first + copy as u32;
            if self.is_cut([station, to], NONE) {
                continue;
            }
            let at = self.carry_between(&seat, [station, to], 0.0, u64::from(term) << 8 | copy as u64);
            self.set_timer(at, RELEASE, Timer::VoteAsked { station: to, candidate: station, term });
        }
        // If that comes to nothing it tries again.
        self.await_leader(&seat, self.now);
    }

    /// A candidate's question has come to a copy.
    pub(super) fn vote_asked(&mut self, station: u32, candidate: u32, term: u32) {
        if !self.is_up(station) {
            return;
        }
        let (seat, from) = (self.seat(station), self.seat(candidate));
        let is_as_long = self.held(&seat) <= self.held(&from);
        let Some(election) = self.election(&seat) else { return };
        let vote = election.ballots.ask(seat.copy, from.copy, term, is_as_long);
        if vote.is_granted && election.is_open {
            self.await_leader(&seat, self.now);
        }
        if self.is_cut([station, candidate], NONE) {
            return;
        }
        let at = self.carry_between(&seat, [station, candidate], 0.0, u64::from(term) << 8 | 1 << 40);
        self.set_timer(at, RELEASE, Timer::Voted { station: candidate, voter: station, asked: term, vote });
    }

    /// A vote has come to a candidate.
    pub(super) fn voted(&mut self, station: u32, voter: u32, asked: u32, vote: Vote) {
        let seat = self.seat(station);
        let by = self.seat(voter).copy;
        let is_up = self.is_up(station);
        let Some(election) = self.election(&seat) else { return };
        let has_won = election.ballots.hear(seat.copy, by, asked, vote);
        if has_won && is_up && election.is_open {
            self.lead(&seat);
        }
    }

    /// How far the log of a copy reaches.
    fn held(&self, seat: &Seat) -> u64 {
        let shard = self.shard(seat);
        if shard.primary as usize == seat.copy { shard.last() } else { shard.copies[seat.copy].received }
    }

    /// The copy leads: what only the last leader had is gone, and none of it had been acknowledged.
    fn lead(&mut self, seat: &Seat) {
        let now = self.now;
        let shard = self.shard_mut(seat);
        let (old, last, died) = (shard.primary as usize, shard.last(), shard.died);
        if let Some(election) = shard.election.as_deref_mut() {
            election.is_open = false;
        }
        // The old one's log is on its disk; its tail will be written over.
        let own = &mut shard.copies[old];
        (own.received, own.applied, own.begun, own.acknowledged) = (last, last, last, last);
        if old == seat.copy {
            // It leads again under a new term.
            shard.term += 1;
        } else {
            let loss = shard.hand_over(seat.copy, now);
            shard.copies[old].is_rebuilt = false;
            self.replication[seat.c].lost_writes += loss.writes;
            self.note_loss(seat.first + old as u32, died, loss);
        }
        self.replication[seat.c].switches += 1;
        self.settle_primary(seat);
    }
}
