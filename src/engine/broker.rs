//! Messages: what was sent and is not yet done, letter by letter, and what became of the others.
//!
//! A *letter* is the copy of a message for one group of consumers. It waits, it is out with a consumer, or it is gone; it
//! leaves in one of the ways that [`GroupTally`] counts, so that the books can be balanced to the last letter.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustc_hash::FxHashMap;

use crate::engine::events::Streams;
use crate::engine::log::Log;
use crate::engine::parcel::Parcels;
use crate::engine::reading::{Club, Reading};
use crate::engine::saga::Sagas;
use crate::engine::window::Windows;
use crate::engine::world::{Ns, Request, Slab, World};
use crate::measure::gauge::Gauge;
use crate::measure::histogram::Histogram;
use crate::model::{Model, NONE, NONE16};
use crate::record::{GroupTally, Stopped, TopicTally};

/// All messages of a world, and the sagas that its services have begun.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) topics: Vec<Topic>,
    pub(super) groups: Vec<Group>,
    pub(super) letters: Slab<Letter>,
    pub(super) batches: Slab<Batch>,
    pub(super) logs: Vec<Log>,
    pub(super) clubs: Vec<Club>,
    pub(super) parcels: Parcels,
    /// Messages come into a queue that are to be seen together.
    pub(super) is_filled: bool,
    pub(super) windows: Windows,
    pub(super) streams: Vec<Streams>,
    pub(super) sagas: Sagas,
    /// Most letters that the memory of the run holds.
    pub(super) limit: usize,
}

/// What a topic remembers of those who sent.
#[derive(Debug, Default)]
pub(super) struct Topic {
    pub(super) tally: TopicTally,
    /// Messages ever taken; the number of the next.
    pub(super) number: u64,
    /// What was taken: when, by its identity; in the order of time where it is forgotten again.
    pub(super) known: FxHashMap<u64, Ns>,
    pub(super) recent: VecDeque<(Ns, u64)>,
    /// What was appended, where somebody may read it again.
    pub(super) kept: VecDeque<Letter>,
}

/// Letters of one group, and who may take them.
#[derive(Debug)]
pub(super) struct Group {
    /// By priority (the highest first), then by number.
    pub(super) ready: BinaryHeap<Reverse<(u8, u64, u32)>>,
    /// What waits behind the letter that is out, for each value of the topic's key.
    pub(super) lanes: FxHashMap<u64, Lane>,
    /// Of a log: who reads which partition, and what is in each.
    pub(super) reading: Option<Box<Reading>>,
    pub(super) members: Vec<Member>,
    /// Who was asked last.
    pub(super) turn: u32,
    /// Letters that wait (for their time, too), and that are out.
    pub(super) waiting: Gauge,
    pub(super) out: Gauge,
    /// Most that waited, and that were there, since the last snapshot.
    pub(super) most: u64,
    pub(super) most_in: u64,
    /// By age, where that matters: letter and number.
    pub(super) ages: VecDeque<(u32, u64)>,
    /// A timer for the oldest, or for another try, is set.
    pub(super) ageing: bool,
    pub(super) retrying: bool,
    pub(super) tally: GroupTally,
    /// What is not done yet by what it is about: number, and when it was taken. And the last that was done.
    pub(super) pending: FxHashMap<u64, VecDeque<(u64, Ns)>>,
    pub(super) latest: FxHashMap<u64, u64>,
    /// How old what reads saw was.
    pub(super) staleness: Histogram,
    /// From publication to the first hand-over, and to the end of the work.
    pub(super) transit: Histogram,
    pub(super) lag: Histogram,
}

/// Letters that must be worked on one after the other.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) is_out: bool,
    pub(super) line: VecDeque<(u32, u64)>,
}

/// An instance that consumes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) consumer: u16,
    pub(super) station: u32,
    /// Letters it may still take.
    pub(super) room: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    /// Address of the key values of whoever sent it.
    pub(super) occasion: u64,
    /// The same for all attempts to send it.
    pub(super) identity: u64,
    /// n-th of its topic.
    pub(super) number: u64,
    /// When its publisher began to send it; when it was taken.
    pub(super) sent: Ns,
    pub(super) taken: Ns,
    /// The delivery that it is out with.
    pub(super) token: u64,
    /// Value of the topic's key.
    pub(super) value: u64,
    /// Value of the key that it is about, if it is known to be about something.
    pub(super) about: Option<u64>,
    pub(super) bytes: f32,
    pub(super) context: u32,
    pub(super) attempts: u32,
    pub(super) class: u16,
    pub(super) group: u16,
    /// Group that gave it up, or `NONE16`.
    pub(super) origin: u16,
    pub(super) priority: u8,
    pub(super) state: LetterState,
    /// Somebody has done its work already.
    pub(super) handled: bool,
    /// Its publisher has sent the same before.
    pub(super) copy: bool,
}

impl Letter {
    /// A message of this row that is taken now: about nothing, without bytes, for no group yet.
    pub(super) fn of(row: &Request, identity: u64, now: Ns) -> Letter {
        Letter {
            occasion: row.occasion,
            identity,
            number: 0,
            sent: now,
            taken: now,
            token: 0,
            value: 0,
            about: None,
            bytes: 0.0,
            context: row.context,
            attempts: 0,
            class: row.class,
            group: 0,
            origin: NONE16,
            priority: row.priority,
            state: LetterState::Later,
            handled: false,
            copy: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetterState {
    Free,
    Ready,
    /// Its time has not come yet.
    Later,
    Out,
    /// Acknowledged before the work; nobody else gets it any more.
    Promised,
}

/// What a consumer has taken in one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) group: u16,
    pub(super) member: u32,
    pub(super) letters: Vec<Carried>,
    /// Letters whose work goes on.
    pub(super) left: u32,
    /// Frame of its program.
    pub(super) driver: u32,
    /// Counts lives.
    pub(super) generation: u32,
    /// The queue knows what became of it.
    pub(super) settled: bool,
    /// Its consumer is done with it, or dead.
    pub(super) ended: bool,
    /// The visibility timeout of its letters is running.
    pub(super) hides: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    pub(super) letter: u32,
    pub(super) number: u64,
    /// Of a log: its partition.
    pub(super) lane: u32,
    pub(super) work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Open,
    Well,
    Ill,
}

impl Post {
    pub(super) fn new(m: &Model) -> Post {
        let groups = (0..m.groups.len() as u16).map(|group| Group::new(m, group)).collect();
        Post {
            topics: m.topics.iter().map(|_| Topic::default()).collect(),
            groups,
            letters: Slab::new(),
            batches: Slab::new(),
            logs: (0..m.logs.len()).map(|log| Log::new(m, log)).collect(),
            clubs: (0..m.clubs.len()).map(|club| Club::new(m, club)).collect(),
            parcels: Parcels::new(),
            is_filled: false,
            windows: Windows::new(m),
            streams: Streams::all(m),
            sagas: Sagas::new(m),
            limit: m.run.memory_bytes as usize / (2 * size_of::<Letter>()),
        }
    }
}

impl Group {
    fn new(m: &Model, group: u16) -> Group {
        let mut members = Vec::new();
        for (number, consumer) in m.consumers.iter().enumerate().filter(|(_, consumer)| consumer.group == group) {
            let spec = &m.components[consumer.component as usize];
            let member = |station| Member { consumer: number as u16, station, room: consumer.prefetch };
            members.extend((spec.first..spec.first + spec.count).map(member));
        }
        let in_log = m.topics[m.groups[group as usize].topic as usize].in_log;
        Group {
            ready: BinaryHeap::new(),
            lanes: FxHashMap::default(),
            reading: in_log.map(|topic| Box::new(Reading::new(topic.partitions, members.len()))),
            turn: members.len().saturating_sub(1) as u32,
            members,
            waiting: Gauge::default(),
            out: Gauge::default(),
            most: 0,
            most_in: 0,
            ages: VecDeque::new(),
            ageing: false,
            retrying: false,
            tally: GroupTally::default(),
            pending: FxHashMap::default(),
            latest: FxHashMap::default(),
            staleness: Histogram::new(),
            transit: Histogram::new(),
            lag: Histogram::new(),
        }
    }

    /// Letters that somebody should work on.
    pub(super) fn backlog(&self) -> u64 {
        if self.members.is_empty() { 0 } else { self.waiting.n + self.out.n }
    }

    /// Most that waited, and that were there, since this was asked last.
    pub(super) fn peaks(&mut self) -> [u64; 2] {
        let (waiting, all) = (self.waiting.n, self.waiting.n + self.out.n);
        [std::mem::replace(&mut self.most, waiting), std::mem::replace(&mut self.most_in, all)]
    }

    /// One more waits.
    fn more(&mut self, now: Ns) {
        self.waiting.enter(now);
        self.most = self.most.max(self.waiting.n);
    }
}

impl Batch {
    /// What names this life of the batch.
    pub(super) fn token(&self, id: u32) -> u64 {
        u64::from(id) | u64::from(self.generation) << 32
    }
}

impl World<'_> {
    /// A new letter that waits for its time.
    pub(super) fn new_letter(&mut self, letter: Letter) -> u32 {
        if letter.context != NONE {
            self.contexts.all[letter.context as usize].users += 1;
        }
        let group = &mut self.post.groups[letter.group as usize];
        group.tally.entered += 1;
        if let Some(reading) = &mut group.reading {
            reading.come(&letter, self.now);
        }
        group.more(self.now);
        group.most_in = group.most_in.max(group.waiting.n + group.out.n);
        if let Some(id) = self.post.letters.free.pop() {
            self.post.letters.all[id as usize] = letter;
            return id;
        }
        self.post.letters.all.push(letter);
        if self.post.limit <= self.post.letters.all.len() {
            self.stopped = Stopped::Memory { in_flight: u64::from(self.in_flight) };
            self.horizon = self.now;
        }
        self.post.letters.all.len() as u32 - 1
    }

    /// The letter, if it is still there.
    pub(super) fn letter(&self, id: u32, number: u64, group: u16) -> Option<&Letter> {
        let letter = &self.post.letters.all[id as usize];
        (letter.state != LetterState::Free && letter.number == number && letter.group == group).then_some(letter)
    }

    /// The letter leaves; whoever asks has counted how.
    pub(super) fn free_letter(&mut self, id: u32) {
        self.no_longer_pending(id);
        let letter = self.post.letters.all[id as usize];
        let Letter { state, group: g, context, value, attempts, .. } = letter;
        let group = &mut self.post.groups[g as usize];
        if let Some(reading) = &mut group.reading {
            reading.leave(&letter, self.now);
        }
        match state {
            LetterState::Ready | LetterState::Later => group.waiting.leave(self.now),
            LetterState::Out | LetterState::Promised => group.out.leave(self.now),
            LetterState::Free => unreachable!("a letter leaves once"),
        }
        self.post.letters.all[id as usize].state = LetterState::Free;
        self.post.letters.free.push(id);
        if context != NONE {
            self.leave_context(context);
        }
        // A letter holds its lane from its first delivery on, also in its back-off.
        let holds = match state {
            LetterState::Later => 0 < attempts,
            state => state != LetterState::Ready,
        };
        self.open_lane(g, value, holds);
    }

    /// The letter's work is done, or never will be: reads need not wait for it.
    pub(super) fn no_longer_pending(&mut self, id: u32) {
        let Letter { about, number, group, .. } = self.post.letters.all[id as usize];
        let pending = &mut self.post.groups[group as usize].pending;
        let Some(about) = about.filter(|_| !pending.is_empty()) else { return };
        if let Some(line) = pending.get_mut(&about) {
            line.retain(|(other, _)| *other != number);
            if line.is_empty() {
                pending.remove(&about);
            }
        }
    }

    /// `View`: how long what the frame reads has been out of date.
    pub(super) fn view(&mut self, id: u32, component: u16) -> u32 {
        let request = self.frames[id as usize].request;
        for g in 0..self.m.groups.len() {
            let spec = &self.m.groups[g];
            if spec.updates != component || spec.view_key == NONE16 {
                continue;
            }
            let value = self.key_value(spec.view_key, request);
            let now = self.now;
            let group = &mut self.post.groups[g];
            let oldest = group.pending.get(&value).and_then(|line| line.front()).map(|(_, taken)| now - taken);
            group.staleness.add(oldest.unwrap_or(0));
            group.tally.views += 1;
            group.tally.stale_views += u64::from(oldest.is_some());
        }
        id
    }

    /// The next of a lane may be taken, if the letter that has left held it.
    fn open_lane(&mut self, g: u16, value: u64, held: bool) {
        let topic = self.m.groups[g as usize].topic;
        if self.m.topics[topic as usize].ordered == NONE16 {
            return;
        }
        let letters = &self.post.letters.all;
        let group = &mut self.post.groups[g as usize];
        let Some(lane) = group.lanes.get_mut(&value) else { return };
        let is_there = |&(id, number): &(u32, u64)| {
            let letter: &Letter = &letters[id as usize];
            letter.state == LetterState::Ready && letter.number == number && letter.group == g
        };
        lane.line.retain(is_there);
        lane.is_out &= !held;
        match lane.line.front() {
            Some(&(id, number)) if !lane.is_out => group.ready.push(Reverse((0, number, id))),
            Some(_) => {}
            None if lane.is_out => {}
            None => _ = group.lanes.remove(&value),
        }
    }

    /// The letter may be taken from now on.
    pub(super) fn make_ready(&mut self, id: u32) {
        self.post.letters.all[id as usize].state = LetterState::Ready;
        let letter = self.post.letters.all[id as usize];
        let Letter { number, priority, group: g, value, .. } = letter;
        let topic = &self.m.topics[self.m.groups[g as usize].topic as usize];
        let group = &mut self.post.groups[g as usize];
        if let Some(reading) = &mut group.reading {
            return reading.line_up(&letter, id);
        }
        if topic.ordered == NONE16 {
            let rank = if topic.by_priority { u8::MAX - priority } else { 0 };
            return group.ready.push(Reverse((rank, number, id)));
        }
        let lane = group.lanes.entry(value).or_default();
        let at = lane.line.partition_point(|(_, other)| *other < number);
        lane.line.insert(at, (id, number));
        if let Some(&(first, number)) = lane.line.front().filter(|_| !lane.is_out) {
            group.ready.push(Reverse((0, number, first)));
        }
    }

    /// A letter that was out waits again: for its time, or at once.
    pub(super) fn take_back(&mut self, id: u32) {
        let g = self.post.letters.all[id as usize].group;
        let now = self.now;
        let group = &mut self.post.groups[g as usize];
        group.out.leave(now);
        group.more(now);
        self.post.letters.all[id as usize].state = LetterState::Later;
    }

    // -- looking at it ----------------------------------------------------------------------------------------------------

    /// Cumulative figures of a group up to now.
    pub(super) fn group_tally(&self, g: usize) -> GroupTally {
        let group = &self.post.groups[g];
        GroupTally {
            waiting: group.waiting.n,
            out: group.out.n,
            waiting_ns: u128::from(group.waiting.area(self.now)),
            out_ns: u128::from(group.out.area(self.now)),
            staleness: group.staleness.compact(),
            transit: group.transit.compact(),
            lag: group.lag.compact(),
            behind: self.behind(g),
            ..group.tally.clone()
        }
    }

    /// Letters of each group that are still there, one by one.
    pub(super) fn count_letters(&self) -> Vec<u64> {
        let mut open = vec![0; self.post.groups.len()];
        for letter in self.post.letters.all.iter().filter(|letter| letter.state != LetterState::Free) {
            open[letter.group as usize] += 1;
        }
        open
    }
}
