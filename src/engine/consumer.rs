//! The side of the consumer: a frame for each batch, and one for each message in it.
//!
//! Both stand at the consumer's instance without a slot. The frame of a message makes the visit that works on it, which
//! waits for a worker like any other; the frame of the batch waits for all of them and then acknowledges. So a consumer
//! dies with all it has taken, and the queue knows nothing of it until the visibility of the messages ends.

use crate::engine::broker::{Batch, Carried, Letter, LetterState, Work};
use crate::engine::world::{Call, Frame, Request, State, World, flag, row};
use crate::model::program::{Edge, Post};
use crate::model::{Failure, NONE};
use crate::policy::delivery::Commit;
use crate::random::{bits, mix};

impl World<'_> {
    /// The program of a batch begins.
    pub(super) fn start_batch(&mut self, batch: u32) {
        let Batch { group, member, .. } = self.post.batches.all[batch as usize];
        let who = self.post.groups[group as usize].members[member as usize];
        let spec = &self.m.consumers[who.consumer as usize];
        let Carried { letter, .. } = self.post.batches.all[batch as usize].letters[0];
        let Letter { identity, number, attempts, class, .. } = self.post.letters.all[letter as usize];
        let occasion = mix(identity ^ mix(number ^ u64::from(attempts) << 48));
        let (station, pc, operation) = (who.station, spec.entry, spec.operation);
        let now = self.now;
        let driver = self.begin_work(
            Frame { occasion, station, pc, operation, ..Frame::begun(now) },
            Request { occasion, class, ..Request::detached(now) },
        );
        self.calls[driver as usize].token = self.post.batches.all[batch as usize].token(batch);
        self.post.batches.all[batch as usize].driver = driver;
    }

    /// `Receive`: an instance of the queue hands the letters over. The request for them was there before they were, so
    /// only the way to the consumer takes time.
    pub(super) fn receive(&mut self, id: u32, consumer: u16) -> u32 {
        let m = self.m;
        let spec = &m.consumers[consumer as usize];
        let topic = &m.topics[m.groups[spec.group as usize].topic as usize];
        let Frame { request, occasion, station, .. } = self.frames[id as usize];
        let occasion = bits(m.edges[spec.edge as usize].key, occasion);
        let route = self.routes[topic.receive as usize];
        self.groups[route.component as usize].arrivals += 1;
        let found = match self.first_leader(id) {
            Some(leader) => Some(leader).filter(|leader| self.is_up(*leader)),
            None => self.pick(topic.receive, occasion, request, station),
        };
        let Some(at) = found else {
            return self.fail(id, Failure::REFUSED);
        };
        self.groups[route.component as usize].balancer.more(at - route.first);
        let now = self.now;
        let child = self.new_frame(Frame {
            occasion,
            parent: id,
            request,
            station: at,
            pc: route.entry,
            operation: topic.receive,
            flags: flag::GUARDED | route.flags,
            ..Frame::begun(now)
        });
        let bytes = self.bytes_of(self.calls[id as usize].token);
        self.calls[child as usize] = Call { edge: spec.edge, bytes, ..Call::new() };
        let frame = &mut self.frames[id as usize];
        (frame.child, frame.state, frame.since) = (child, State::Calling, now);
        self.door(child)
    }

    /// What a call is about that a queue must know: the message, whichever attempt it is, or the batch.
    pub(super) fn token(&self, id: u32, spec: &Edge) -> u64 {
        match spec.post {
            Post::Acknowledge | Post::Batch => self.calls[id as usize].token,
            _ => mix(self.frames[id as usize].occasion ^ spec.key),
        }
    }

    /// The broker of a log that hands out what the frame asks for: all of it comes from one.
    fn first_leader(&self, id: u32) -> Option<u32> {
        let batch = self.batch(self.calls[id as usize].token)?;
        let Batch { group, ref letters, .. } = self.post.batches.all[batch as usize];
        let topic = self.m.groups[group as usize].topic;
        self.m.topics[topic as usize].in_log?;
        let first = &self.post.letters.all[letters.first()?.letter as usize];
        self.leader_of(topic, self.partition_of(topic, first.value))
    }

    fn bytes_of(&self, token: u64) -> f32 {
        let Some(batch) = self.batch(token) else { return 0.0 };
        let letters = self.post.batches.all[batch as usize].letters.iter();
        letters.map(|carried| self.post.letters.all[carried.letter as usize].bytes).sum()
    }

    /// `Handle`: all letters of the batch are worked on at the same time; of a log, those of one partition in their order.
    pub(super) fn handle(&mut self, id: u32, consumer: u16) -> u32 {
        let Some(batch) =
            self.batch(self.calls[id as usize].token).filter(|&b| !self.post.batches.all[b as usize].ended)
        else {
            return id;
        };
        let count = self.post.batches.all[batch as usize].letters.len() as u32;
        self.post.batches.all[batch as usize].left = count;
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        (frame.state, frame.since) = (State::Calling, now);
        for index in 0..count {
            if !self.follows(batch, index) {
                self.start_message(batch, index, consumer);
            }
        }
        NONE
    }

    /// Whether the letter at this place of a batch is worked on after the one before.
    fn follows(&self, batch: u32, index: u32) -> bool {
        let Batch { group, ref letters, .. } = self.post.batches.all[batch as usize];
        let before = index.checked_sub(1).filter(|_| self.reads(group));
        before.is_some_and(|before| letters[before as usize].lane == letters[index as usize].lane)
    }

    /// The letters of a partition behind the one that is done: the next one is begun, or none of them.
    fn go_on_in_partition(&mut self, batch: u32, index: u32, well: bool) {
        let Batch { group, member, .. } = self.post.batches.all[batch as usize];
        let consumer = self.post.groups[group as usize].members[member as usize].consumer;
        let count = self.post.batches.all[batch as usize].letters.len() as u32;
        let behind = (index + 1..count).take_while(|next| self.follows(batch, *next)).count() as u32;
        if behind == 0 {
            return;
        }
        if well || self.m.consumers[consumer as usize].commit == Commit::Before {
            return self.start_message(batch, index + 1, consumer);
        }
        self.post.batches.all[batch as usize].left -= behind;
    }

    /// The program of a message begins, in a row that has the keys of whoever sent it.
    fn start_message(&mut self, batch: u32, index: u32, consumer: u16) {
        let token = self.post.batches.all[batch as usize].token(batch);
        let Carried { letter, .. } = self.post.batches.all[batch as usize].letters[index as usize];
        let Batch { group, member, .. } = self.post.batches.all[batch as usize];
        let station = self.post.groups[group as usize].members[member as usize].station;
        let state = &mut self.post.letters.all[letter as usize];
        state.attempts += 1;
        let Letter { occasion, identity, number, attempts, context, class, priority, sent, .. } = *state;
        if attempts == 1 {
            self.post.groups[group as usize].transit.add(self.now + self.post.clock - sent);
        }
        let spec = &self.m.consumers[consumer as usize];
        let (pc, operation, now) = (spec.carrier, spec.operation, self.now);
        let address = mix(identity ^ mix(number ^ u64::from(attempts) << 32));
        let id = self.begin_work(
            Frame { occasion: address, station, pc, operation, ..Frame::begun(now) },
            Request { occasion, number: identity, context, class, priority, ..Request::detached(now) },
        );
        (self.calls[id as usize].token, self.calls[id as usize].shard) = (token, index);
    }

    /// `Work`: a visit of the consumer's operation at this very instance.
    pub(super) fn work(&mut self, id: u32, consumer: u16) -> u32 {
        let spec = &self.m.consumers[consumer as usize];
        let route = self.routes[spec.operation as usize];
        let now = self.now;
        let frame = &mut self.frames[id as usize];
        (frame.state, frame.since) = (State::Calling, now);
        let Frame { occasion, request, station, .. } = *frame;
        let group = &mut self.groups[route.component as usize];
        group.arrivals += 1;
        group.balancer.more(station - route.first);
        let child = self.new_frame(Frame {
            occasion: bits(spec.key, occasion),
            parent: id,
            request,
            station,
            pc: route.entry,
            operation: spec.operation,
            flags: route.flags,
            ..Frame::begun(now)
        });
        self.inherit(child, id);
        self.frames[id as usize].child = child;
        self.come_in(child, station, spec.operation)
    }

    /// `Done`: the work on a message has ended; with the last one the batch goes on.
    pub(super) fn done(&mut self, id: u32, well: bool) -> u32 {
        let Call { token, shard: index, .. } = self.calls[id as usize];
        let Some(batch) = self.batch(token).filter(|&b| !self.post.batches.all[b as usize].ended) else { return id };
        let state = &mut self.post.batches.all[batch as usize];
        let carried = &mut state.letters[index as usize];
        carried.work = if well { Work::Well } else { Work::Ill };
        let Carried { letter, number, .. } = *carried;
        let (group, driver) = (state.group, state.driver);
        state.left -= 1;
        self.go_on_in_partition(batch, index, well);
        let is_last = self.post.batches.all[batch as usize].left == 0;
        let consumer = self.consumer_of(batch);
        let request = self.frames[id as usize].request;
        if well && self.requests[request as usize].flags & row::SKIPPED != 0 {
            self.post.groups[group as usize].tally.skipped += 1;
            self.pass_over(letter, number, group);
        } else if !well || self.m.consumers[consumer as usize].commit != Commit::Once {
            self.book(letter, number, group, well);
        }
        if is_last {
            let frame = &mut self.frames[driver as usize];
            (frame.state, frame.since) = (State::Running, self.now);
            let next = if self.paused != 0 { self.park_if_paused(driver) } else { driver };
            self.ready.extend((next != NONE).then_some(next));
        }
        id
    }

    fn consumer_of(&self, batch: u32) -> u16 {
        let Batch { group, member, .. } = self.post.batches.all[batch as usize];
        self.post.groups[group as usize].members[member as usize].consumer
    }

    /// Nothing was done, because it had been done: the letter has had its work.
    fn pass_over(&mut self, id: u32, number: u64, group: u16) {
        let Some(&letter) = self.letter(id, number, group) else { return };
        self.post.letters.all[id as usize].handled = true;
        if letter.state == LetterState::Promised {
            self.deliver_one(id);
        }
    }

    /// Whether a later message about the same was done before.
    fn done_in_order(&mut self, letter: &Letter) {
        let group = &mut self.post.groups[letter.group as usize];
        let Some(about) = letter.about else { return };
        let latest = group.latest.entry(about).or_insert(letter.number);
        group.tally.ordered += 1;
        group.tally.disordered += u64::from(letter.number < *latest);
        *latest = letter.number.max(*latest);
    }

    /// What the end of some work means for its letter.
    pub(super) fn book(&mut self, id: u32, number: u64, group: u16, well: bool) {
        let Some(&letter) = self.letter(id, number, group) else {
            // Somebody else has done it, too.
            self.post.groups[group as usize].tally.duplicates += u64::from(well);
            return;
        };
        if well {
            let now = self.stamp();
            let tally = &mut self.post.groups[group as usize];
            tally.tally.duplicates += u64::from(letter.handled || letter.copy);
            if !letter.handled {
                tally.lag.add(now - letter.sent);
                self.done_in_order(&letter);
                self.no_longer_pending(id);
            }
            self.post.letters.all[id as usize].handled = true;
        }
        if letter.state == LetterState::Promised {
            if well {
                return self.deliver_one(id);
            }
            self.post.groups[group as usize].tally.early += 1;
            self.free_letter(id);
        }
    }

    /// `Finish`: the consumer has room again. What it never got, or could not acknowledge, comes again.
    pub(super) fn finish_batch(&mut self, id: u32, received: bool) -> u32 {
        let Some(batch) =
            self.batch(self.calls[id as usize].token).filter(|&b| !self.post.batches.all[b as usize].ended)
        else {
            return id;
        };
        let Batch { group, member, .. } = self.post.batches.all[batch as usize];
        if !received {
            self.return_letters(batch);
        }
        self.end_batch(batch);
        if received && self.reads(group) {
            self.poll(group, member);
        } else if received {
            self.dispatch(group);
        } else {
            self.dispatch_later(group);
        }
        id
    }

    /// The consumer is through with a batch, or dead.
    fn end_batch(&mut self, batch: u32) {
        let state = &mut self.post.batches.all[batch as usize];
        state.ended = true;
        let (group, member, hides) = (state.group, state.member, state.hides);
        let count = state.letters.len() as u32;
        self.post.groups[group as usize].members[member as usize].room += count;
        if let Some(reading) = &mut self.post.groups[group as usize].reading {
            let carried = &self.post.batches.all[batch as usize].letters;
            for carried in carried {
                reading.come_in(carried.lane);
            }
        }
        if !hides {
            self.return_letters(batch);
            self.free_batch(batch);
        }
    }

    /// An instance has died: so has what it had taken. What was promised is lost.
    pub(super) fn consumer_died(&mut self, s: u32) {
        for batch in 0..self.post.batches.all.len() as u32 {
            let Batch { group, member, ended, .. } = self.post.batches.all[batch as usize];
            if ended || self.post.groups[group as usize].members[member as usize].station != s {
                continue;
            }
            let token = self.post.batches.all[batch as usize].token(batch);
            for i in 0..self.post.batches.all[batch as usize].letters.len() {
                let Carried { letter, number, .. } = self.post.batches.all[batch as usize].letters[i];
                let there = self.letter(letter, number, group);
                if there.is_some_and(|l| l.state == LetterState::Promised && l.token == token) {
                    self.post.groups[group as usize].tally.early += 1;
                    self.free_letter(letter);
                }
            }
            self.end_batch(batch);
            self.dispatch(group);
        }
    }
}
