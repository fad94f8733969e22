//! Messages that are lost or late because something is wrong between two sides.
//!
//! A message is what one call sends, or its answer. One that is lost is sent again as TCP does it: after 200 ms, then after
//! twice as long each time up to two minutes, and 15 times at most (RFC 6298 and the defaults of Linux: 15 minutes in all),
//! then the call fails as `timeout`. A caller that leaves before that ends the connection, so its message never comes.
//! Messages that are on their way when a partition begins still arrive. Repeated messages use no bandwidth here.
//!
//! Copies of a database try again as soon as the partition is over, because they look for each other all the time.

use crate::engine::deploy::{Fresh, Rollout};
use crate::engine::replica::Seat;
use crate::engine::telemetry::Telling;
use crate::engine::world::{Frame, JOIN, Ns, Outcome, Stage, World};
use crate::model::region::WITH_REQUEST;
use crate::model::trouble::{Ends, Trouble};
use crate::model::{Act, Failure, NONE, NONE16};
use crate::policy::replication::Mode;
use crate::random::{below, bits, mix};

/// A fault between two sides that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Striking {
    fault: u16,
    /// Which part each side is this time.
    picks: [usize; 2],
    key: u64,
}

/// What is not as usual now.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    /// What goes wrong between two sides.
    pub(super) troubles: Vec<Striking>,
    /// Deployments under way, and what versions and warmth do to instances.
    pub(super) rollouts: Vec<Rollout>,
    pub(super) fresh: Fresh,
    pub(super) telling: Telling,
    /// Frames of instances that are paused.
    pub(super) parked: Vec<u32>,
}

/// First wait for the word that a message has arrived, and the longest.
const FIRST: Ns = 200_000_000;
const LONGEST: Ns = 120_000_000_000;
/// How often a message is sent again.
const AGAIN: u32 = 15;
/// How long a coordinator waits before it asks a copy again that it cannot reach.
pub(super) const ASK_AGAIN: Ns = 1_000_000_000;

impl World<'_> {
    pub(super) fn begin_trouble(&mut self, fault: u16, trouble: &Trouble, draw: u64) {
        let pick = |side: usize| {
            let parts = trouble.sides[side].parts.len() as u32;
            if parts < 2 { 0 } else { below(mix(draw ^ side as u64), parts) as usize }
        };
        let key = self.seeded(self.m.faults[fault as usize].key);
        self.incidents.troubles.push(Striking { fault, picks: [pick(0), pick(1)], key });
        if trouble.is_cut() {
            self.depose_cut_leaders();
            self.watch_primaries();
        }
    }

    pub(super) fn end_trouble(&mut self, fault: u16, trouble: &Trouble) {
        self.incidents.troubles.retain(|striking| striking.fault != fault);
        if trouble.is_cut() {
            self.rejoin_copies();
            self.watch_primaries();
        }
    }

    /// Whether nothing passes between two instances (or where the request comes from) now.
    #[inline]
    pub(super) fn is_cut(&self, ends: [u32; 2], request: u32) -> bool {
        !self.incidents.troubles.is_empty()
            && self.hitting(ends, request).any(|striking| self.trouble(striking).is_some_and(Trouble::is_cut))
    }

    /// A partition that is why nothing passes between two instances.
    pub(super) fn cut_by(&self, ends: [u32; 2]) -> Option<u16> {
        let is_cut = |striking: &&Striking| self.trouble(striking).is_some_and(Trouble::is_cut);
        self.hitting(ends, NONE).find(is_cut).map(|striking| striking.fault)
    }

    fn trouble(&self, striking: &Striking) -> Option<&Trouble> {
        match &self.m.faults[striking.fault as usize].act {
            Act::Link(trouble) => Some(trouble),
            _ => None,
        }
    }

    /// Faults that hit what passes between the two ends.
    fn hitting(&self, ends: [u32; 2], request: u32) -> impl Iterator<Item = &Striking> {
        self.incidents.troubles.iter().filter(move |striking| {
            let Some(trouble) = self.trouble(striking) else { return false };
            let on = |side: usize, end: u32| {
                let stands = |ends: &Ends| self.stands(ends, end, request);
                trouble.sides[side].parts.get(striking.picks[side]).map(stands)
            };
            let [a, b] = [ends.map(|end| on(0, end)), ends.map(|end| on(1, end))];
            match (a, b) {
                ([Some(from), Some(to)], [Some(other_from), Some(other_to)]) => from && other_to || to && other_from,
                ([Some(from), Some(to)], _) | (_, [Some(from), Some(to)]) => from != to,
                _ => true,
            }
        })
    }

    /// Whether an instance, or a load that calls for this request, is one of those.
    fn stands(&self, ends: &Ends, station: u32, request: u32) -> bool {
        let is_somewhere = station != NONE;
        if is_somewhere && ends.stations.binary_search(&station).is_ok() {
            return true;
        }
        if is_somewhere && self.m.stations[station as usize].place != WITH_REQUEST || request == NONE {
            return false;
        }
        let class = &self.m.classes[self.requests[request as usize].class as usize];
        ends.places.contains(&class.place) || !is_somewhere && ends.sources.contains(&class.source)
    }

    // -- calls --------------------------------------------------------------------------------------------------------

    /// A request or its answer sets off and would be there at `until`; returns who runs next.
    #[cold]
    #[inline(never)]
    pub(super) fn set_off(&mut self, id: u32, stage: Stage, until: Ns) -> u32 {
        let call = &mut self.calls[id as usize];
        (call.pause, call.attempt) = (0, 0);
        self.send_once(id, stage, until)
    }

    fn send_once(&mut self, id: u32, stage: Stage, until: Ns) -> u32 {
        let Frame { occasion, request, .. } = self.frames[id as usize];
        let ends = self.ends_of_call(id);
        let tries = self.calls[id as usize].attempt;
        let address = mix(occasion ^ u64::from(tries) << 1 ^ u64::from(stage == Stage::Back));
        let cell = self.m.edges[self.calls[id as usize].edge as usize].network_cell;
        let (delay, lost_by) = self.fate(ends, request, address);
        let Some(fault) = lost_by else { return self.stage(id, stage, until + delay, cell) };
        self.count_lost(fault);
        let call = &mut self.calls[id as usize];
        call.attempt += 1;
        call.pause = if call.pause == 0 { FIRST } else { (2 * call.pause).min(LONGEST) };
        let again = if stage == Stage::Back { Stage::BackAgain } else { Stage::OutAgain };
        let at = self.now + call.pause;
        self.stage(id, again, at, cell)
    }

    /// Nobody has said that the message has come: it is sent once more, or given up.
    #[cold]
    pub(super) fn send_again(&mut self, id: u32, again: Stage) -> u32 {
        let frame = self.frames[id as usize];
        let outcome = self.calls[id as usize].outcome;
        if again == Stage::BackAgain && frame.parent == NONE {
            return self.learn(id, outcome);
        }
        let tries = self.calls[id as usize].attempt;
        let is_over = AGAIN < tries;
        if again == Stage::OutAgain {
            if is_over {
                self.count_out(id);
                return self.attempt_failed(id, Failure::TIMEOUT);
            }
        } else if is_over {
            return self.learn(id, Outcome::failed(Failure::TIMEOUT));
        }
        let [from, to] = self.ends_of_call(id);
        let until = self.travel(id, [from, to], 0.0, mix(frame.occasion ^ u64::from(tries)));
        self.send_once(id, if again == Stage::BackAgain { Stage::Back } else { Stage::Out }, until)
    }

    /// Whoever calls, and the instance that is called.
    fn ends_of_call(&self, id: u32) -> [u32; 2] {
        let Frame { parent, station, .. } = self.frames[id as usize];
        let caller = if parent == NONE || parent & JOIN != 0 { NONE } else { self.frames[parent as usize].station };
        [caller, station]
    }

    /// How much longer a message takes, and which fault loses it, if one does.
    fn fate(&self, ends: [u32; 2], request: u32, address: u64) -> (Ns, Option<u16>) {
        let (mut delay, mut lost) = (0, None);
        for striking in self.hitting(ends, request) {
            let Some(trouble) = self.trouble(striking) else { continue };
            let draw = bits(striking.key, address);
            if draw >> 32 < trouble.loss {
                lost = lost.or(Some(striking.fault));
            }
            if trouble.delay_draw != NONE16 {
                delay += self.samplers.draw_ns(trouble.delay_draw, mix(draw));
            }
        }
        (delay, lost)
    }

    fn count_lost(&mut self, fault: u16) {
        if let Some(period) = self.fault_periods[fault as usize].last_mut() {
            period.lost_messages += 1;
        }
    }

    // -- copies of a database -------------------------------------------------------------------------------------------

    /// How much later a message between copies comes, lost ones sent again; whether anything passes was asked before.
    #[cold]
    pub(super) fn extra_between_copies(&mut self, ends: [u32; 2], address: u64) -> Ns {
        if self.is_cut(ends, NONE) {
            // What had been on its way before comes as if nothing were.
            return 0;
        }
        let (mut extra, mut wait) = (0, FIRST);
        for tries in 0..=u64::from(AGAIN) {
            let (delay, lost) = self.fate(ends, NONE, mix(address ^ tries));
            extra += delay;
            let Some(fault) = lost else { break };
            self.count_lost(fault);
            extra += wait;
            wait = (2 * wait).min(LONGEST);
        }
        extra
    }

    /// A partition is over: primaries send what was not sent, and replicas say how far they are.
    fn rejoin_copies(&mut self) {
        let m = self.m;
        for (c, copies) in m.copies.iter().enumerate().filter(|(_, copies)| 0 < copies.replicas) {
            let first = m.components[copies.component as usize].first;
            for shard in 0..self.replication[c].shards.len() {
                let first = first + shard as u32 * copies.each();
                let seat = Seat { c, shard, copy: 0, first };
                self.reunites(&seat);
                let seat = Seat { copy: self.replication[c].shards[shard].primary as usize, ..seat };
                if copies.mode == Mode::Chain {
                    self.mend_chain(&seat);
                }
                self.send_log(&seat);
                for copy in 0..copies.each() as usize {
                    let seat = Seat { copy, ..seat };
                    if matches!(copies.mode, Mode::MultiPrimary(_)) {
                        self.spread(&seat);
                    } else {
                        self.say_how_far(&seat);
                    }
                }
                self.acknowledge(&seat);
                self.rejoin_older(&seat);
            }
        }
    }
}
