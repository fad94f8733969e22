//! The side of the queue: it takes messages, hands them out, and hears what became of them.

use std::cmp::Reverse;

use crate::engine::broker::{Batch, Carried, Letter, LetterState, Work};
use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Frame, JOIN, Ns, RELEASE, World, gate};
use crate::model::program::Post;
use crate::model::{Failure, NONE, NONE16};
use crate::policy::delivery::{Commit, Next};
use crate::random::{bits, mix};

/// Until those who could not be reached are tried again.
const AGAIN: Ns = 100_000_000;

impl World<'_> {
    /// `Enqueue`: the messages that the frame carries wait for their consumers from now on; or one is one too many.
    pub(super) fn enqueue(&mut self, id: u32, topic: u16) -> u32 {
        if !self.brings_batch(id) {
            let letter = self.letter_of(id, topic);
            return if self.take_letter(topic, letter) { id } else { self.fail(id, Failure::QUEUE_FULL) };
        }
        // Consumers see all of them at once.
        self.post.is_filled = true;
        let mut has_room = true;
        for letter in self.unpack(id) {
            has_room &= self.take_letter(topic, letter);
        }
        self.post.is_filled = false;
        let spec = &self.m.topics[topic as usize];
        for group in spec.first..spec.first + spec.groups {
            self.dispatch(group);
        }
        if has_room { id } else { self.fail(id, Failure::QUEUE_FULL) }
    }

    /// A message comes into a queue, unless that was told of it before; false if it is one too many.
    fn take_letter(&mut self, topic: u16, letter: Letter) -> bool {
        let spec = &self.m.topics[topic as usize];
        if self.is_known(topic, letter.identity) {
            self.post.topics[topic as usize].tally.repeated += 1;
            return true;
        }
        let groups = spec.first..spec.first + spec.groups;
        for g in groups.clone() {
            if spec.depth <= self.post.groups[g as usize].waiting.n && !(spec.drops && self.drop_oldest(g)) {
                self.post.topics[topic as usize].tally.refused += 1;
                return false;
            }
        }
        let copy = self.remember(topic, letter.identity);
        self.post.topics[topic as usize].tally.accepted += 1;
        for group in groups {
            let delay = match spec.delay_draw {
                NONE16 => 0,
                draw => self.samplers.draw_ns(draw, bits(spec.stream, mix(letter.identity))),
            };
            let view_key = self.m.groups[group as usize].view_key;
            let about = if view_key == NONE16 { letter.about } else { Some(self.key_of_letter(view_key, &letter)) };
            self.put_in(Letter { about, group, copy, taken: self.now, ..letter }, delay);
        }
        true
    }

    /// What a frame at the queue is to leave there.
    pub(super) fn letter_of(&mut self, id: u32, topic: u16) -> Letter {
        let spec = &self.m.topics[topic as usize];
        let Frame { request, parent, entered, occasion, .. } = self.frames[id as usize];
        let call = self.calls[id as usize];
        let edge = self.m.edges.get(call.edge as usize);
        let said = edge.and_then(|edge| match edge.post {
            Post::Publish(used) => self.m.publish_uses[used as usize].priority,
            _ => None,
        });
        let payload = edge.map_or(NONE16, |edge| edge.payload);
        let bytes = if payload == NONE16 { 0.0 } else { self.samplers.draw(payload, occasion) as f32 };
        // Who waits for the answer knows when it began to send.
        let waits = parent != NONE && parent & JOIN == 0;
        let sent = if waits { self.frames[parent as usize].since } else { entered };
        let key = if call.given_key == NONE16 { spec.ordered } else { call.given_key };
        let value = if spec.ordered == NONE16 { 0 } else { self.key_value(key, request) };
        let about = (call.given_key != NONE16).then(|| self.key_value(call.given_key, request));
        let row = self.requests[request as usize];
        let identity = if call.token == 0 { mix(occasion) } else { call.token };
        let priority = said.unwrap_or(row.priority);
        Letter { sent, value, about, bytes, priority, ..Letter::of(&row, identity, self.now) }
    }

    /// Whether the same event was taken a short time ago.
    pub(super) fn is_known(&mut self, topic: u16, identity: u64) -> bool {
        let window = self.m.topics[topic as usize].deduplicate.0;
        let state = &mut self.post.topics[topic as usize];
        while let Some(&(at, known)) = state.recent.front().filter(|(at, _)| at + window <= self.now) {
            state.recent.pop_front();
            if state.known.get(&known) == Some(&at) {
                state.known.remove(&known);
            }
        }
        0 < window && state.known.contains_key(&identity)
    }

    /// Notes what was taken; true if the same was taken before.
    pub(super) fn remember(&mut self, topic: u16, identity: u64) -> bool {
        let spec = &self.m.topics[topic as usize];
        let state = &mut self.post.topics[topic as usize];
        if spec.deduplicate.0 != 0 {
            state.recent.push_back((self.now, identity));
        } else if !spec.may_repeat {
            return false;
        }
        state.known.insert(identity, self.now).is_some()
    }

    /// A letter comes into its group, to be taken after `delay`.
    pub(super) fn put_in(&mut self, letter: Letter, delay: Ns) {
        let topic = self.m.groups[letter.group as usize].topic;
        let spec = &self.m.topics[topic as usize];
        let number = self.post.topics[topic as usize].number;
        self.post.topics[topic as usize].number += 1;
        let id = self.new_letter(Letter { number, state: LetterState::Later, ..letter });
        if let Some(about) = letter.about.filter(|_| self.m.groups[letter.group as usize].updates != NONE16) {
            let pending = &mut self.post.groups[letter.group as usize].pending;
            pending.entry(about).or_default().push_back((number, self.now));
        }
        if spec.age.0 != 0 || spec.drops {
            self.post.groups[letter.group as usize].ages.push_back((id, number));
            self.watch_age(letter.group);
        }
        self.appear_after(id, delay);
    }

    /// The letter waits for its time; then, or now, it may be taken.
    fn appear_after(&mut self, id: u32, delay: Ns) {
        let Letter { number, group, .. } = self.post.letters.all[id as usize];
        if delay == 0 {
            self.make_ready(id);
            return self.dispatch_for(id);
        }
        self.set_timer(self.now + delay, RELEASE, Timer::Appear { letter: id, number, group });
    }

    /// The time of a letter has come.
    pub(super) fn appear(&mut self, id: u32, number: u64, group: u16) {
        if self.letter(id, number, group).is_some_and(|letter| letter.state == LetterState::Later) {
            self.make_ready(id);
            self.dispatch_for(id);
        }
    }

    /// The oldest letter that waits makes room; false if none does.
    fn drop_oldest(&mut self, g: u16) -> bool {
        while let Some((id, number)) = self.post.groups[g as usize].ages.pop_front() {
            let state = self.letter(id, number, g).map(|letter| letter.state);
            if let Some(LetterState::Ready | LetterState::Later) = state {
                self.post.groups[g as usize].tally.overflowed += 1;
                self.free_letter(id);
                return true;
            }
        }
        false
    }

    // -- age ----------------------------------------------------------------------------------------------------------------

    fn watch_age(&mut self, g: u16) {
        let age = self.m.topics[self.m.groups[g as usize].topic as usize].age.0;
        let group = &self.post.groups[g as usize];
        if age == 0 || group.ageing {
            return;
        }
        let Some(&(id, _)) = group.ages.front() else { return };
        let at = self.post.letters.all[id as usize].taken + age;
        self.post.groups[g as usize].ageing = true;
        self.set_timer(at.max(self.now), RELEASE, Timer::Expire { group: g });
    }

    /// Letters that nobody took in time go; what is out is looked at when it comes back.
    pub(super) fn expire_letters(&mut self, g: u16) {
        let age = self.m.topics[self.m.groups[g as usize].topic as usize].age.0;
        self.post.groups[g as usize].ageing = false;
        while let Some(&(id, number)) = self.post.groups[g as usize].ages.front() {
            let letter = self.letter(id, number, g).copied();
            if letter.is_some_and(|letter| self.now < letter.taken + age) {
                break;
            }
            self.post.groups[g as usize].ages.pop_front();
            if let Some(LetterState::Ready | LetterState::Later) = letter.map(|letter| letter.state) {
                self.post.groups[g as usize].tally.expired += 1;
                self.free_letter(id);
            }
        }
        self.watch_age(g);
    }

    // -- handing out ----------------------------------------------------------------------------------------------------------

    /// A letter may be taken from now on.
    fn dispatch_for(&mut self, id: u32) {
        let Letter { group, value, .. } = self.post.letters.all[id as usize];
        if self.reads(group) {
            self.poll_for(group, value);
        } else if !self.post.is_filled {
            self.dispatch(group);
        }
    }

    /// Hands letters to whoever has room, one after the other in turn.
    pub(super) fn dispatch(&mut self, g: u16) {
        if self.reads(g) {
            return self.poll_all(g);
        }
        while self.first_ready(g).is_some() && self.is_reachable(self.m.groups[g as usize].topic) {
            let Some(member) = self.next_member(g) else { return };
            let letters = self.take_ready(g, member);
            self.hand_out(g, member, &letters);
        }
    }

    /// So many letters as a consumer takes at once, out of those that wait.
    fn take_ready(&mut self, g: u16, member: u32) -> Vec<u32> {
        let who = self.post.groups[g as usize].members[member as usize];
        let most = self.m.consumers[who.consumer as usize].batch.min(who.room);
        let mut letters = Vec::new();
        while (letters.len() as u32) < most
            && let Some(id) = self.first_ready(g)
        {
            let group = &mut self.post.groups[g as usize];
            group.ready.pop();
            if let Some(lane) = group.lanes.get_mut(&self.post.letters.all[id as usize].value) {
                lane.is_out = true;
                lane.line.pop_front();
            }
            letters.push(id);
        }
        letters
    }

    /// Whether some instance of the queue can be asked.
    pub(super) fn is_reachable(&self, topic: u16) -> bool {
        let spec = &self.m.components[self.m.topics[topic as usize].component as usize];
        let stations = &self.stations[spec.first as usize..(spec.first + spec.count) as usize];
        stations.iter().any(|station| station.gate & gate::DOWN == 0)
    }

    /// The letter that is next, without those that have left meanwhile.
    fn first_ready(&mut self, g: u16) -> Option<u32> {
        loop {
            let &Reverse((_, number, id)) = self.post.groups[g as usize].ready.peek()?;
            let letter = self.letter(id, number, g).filter(|letter| letter.state == LetterState::Ready);
            if letter.is_some_and(|letter| !self.is_blocked(letter)) {
                return Some(id);
            }
            self.post.groups[g as usize].ready.pop();
        }
    }

    /// Another letter of its lane is out.
    fn is_blocked(&self, letter: &Letter) -> bool {
        self.post.groups[letter.group as usize].lanes.get(&letter.value).is_some_and(|lane| lane.is_out)
    }

    /// The next consumer in the circle that is up and has room.
    fn next_member(&mut self, g: u16) -> Option<u32> {
        let group = &self.post.groups[g as usize];
        let count = group.members.len() as u32;
        let in_turn = (1..=count).map(|step| (group.turn + step) % count);
        let found = in_turn.into_iter().find(|&i| {
            let member = &group.members[i as usize];
            // Whoever asks has room for all that it may be given, and is not about to leave.
            let spec = &self.m.consumers[member.consumer as usize];
            let workers = &self.groups[spec.component as usize];
            spec.batch <= member.room
                && self.stations[member.station as usize].gate & gate::DOWN == 0
                && workers.balancer.eligible(member.station - workers.first)
        })?;
        self.post.groups[g as usize].turn = found;
        Some(found)
    }

    /// Letters go out with a consumer.
    pub(super) fn hand_out(&mut self, g: u16, member: u32, letters: &[u32]) {
        let batch = self.new_batch(g, member);
        let token = self.post.batches.all[batch as usize].token(batch);
        let now = self.now;
        for &id in letters {
            let group = &mut self.post.groups[g as usize];
            let letter = &mut self.post.letters.all[id as usize];
            (letter.state, letter.token) = (LetterState::Out, token);
            group.waiting.leave(now);
            group.out.enter(now);
            group.tally.deliveries += 1;
            group.members[member as usize].room -= 1;
            let lane = group.reading.as_ref().map_or(0, |reading| reading.lane(letter.value));
            let carried = Carried { letter: id, number: letter.number, lane, work: Work::Open };
            self.post.batches.all[batch as usize].letters.push(carried);
        }
        let topic = &self.m.topics[self.m.groups[g as usize].topic as usize];
        if let Some(visibility) = topic.visibility {
            self.post.batches.all[batch as usize].hides = true;
            self.set_timer(now + visibility.0, RELEASE, Timer::Visible { token });
        }
        self.start_batch(batch);
    }

    fn new_batch(&mut self, group: u16, member: u32) -> u32 {
        let fresh = Batch { group, member, driver: NONE, ..Batch::default() };
        let Some(id) = self.post.batches.free.pop() else {
            self.post.batches.all.push(fresh);
            return self.post.batches.all.len() as u32 - 1;
        };
        let old = &mut self.post.batches.all[id as usize];
        let mut letters = std::mem::take(&mut old.letters);
        letters.clear();
        *old = Batch { generation: old.generation, letters, ..fresh };
        id
    }

    /// The batch of a token, if it lives.
    pub(super) fn batch(&self, token: u64) -> Option<u32> {
        let id = token as u32;
        let batch = self.post.batches.all.get(id as usize)?;
        (batch.token(id) == token).then_some(id)
    }

    /// Nothing refers to the batch any more.
    pub(super) fn free_batch(&mut self, id: u32) {
        let batch = &mut self.post.batches.all[id as usize];
        batch.generation = batch.generation.wrapping_add(1);
        batch.ended = true;
        self.post.batches.free.push(id);
    }

    /// Those who could not be reached are tried again a little later.
    pub(super) fn dispatch_later(&mut self, g: u16) {
        if !std::mem::replace(&mut self.post.groups[g as usize].retrying, true) {
            self.set_timer(self.now + AGAIN, CLAIM, Timer::Dispatch { group: g });
        }
    }

    pub(super) fn dispatch_again(&mut self, g: u16) {
        self.post.groups[g as usize].retrying = false;
        self.dispatch(g);
    }

    // -- coming back ------------------------------------------------------------------------------------------------------------

    /// The visibility of a batch ends: what is still out with it comes again.
    pub(super) fn visible_again(&mut self, token: u64) {
        let Some(id) = self.batch(token) else {
            self.events -= 1;
            return;
        };
        self.post.batches.all[id as usize].hides = false;
        self.return_letters(id);
        let Batch { ended, group, .. } = self.post.batches.all[id as usize];
        if ended {
            self.free_batch(id);
        }
        self.dispatch(group);
    }

    /// All letters that are out with this batch come again, or are given up.
    pub(super) fn return_letters(&mut self, batch: u32) {
        let Batch { group, .. } = self.post.batches.all[batch as usize];
        let token = self.post.batches.all[batch as usize].token(batch);
        for i in 0..self.post.batches.all[batch as usize].letters.len() {
            let Carried { letter, number, .. } = self.post.batches.all[batch as usize].letters[i];
            if self.is_out_with(letter, number, group, token) {
                let attempts = self.post.letters.all[letter as usize].attempts;
                if self.m.groups[group as usize].redelivery.is_last(attempts) {
                    self.give_up(letter);
                } else {
                    self.return_one(letter, 0);
                }
            }
        }
    }

    fn is_out_with(&self, id: u32, number: u64, group: u16, token: u64) -> bool {
        let letter = self.letter(id, number, group);
        letter.is_some_and(|letter| letter.state == LetterState::Out && letter.token == token)
    }

    /// A letter that was out may be taken again after `pause`; its lane waits for it. Whoever asks dispatches.
    pub(super) fn return_one(&mut self, id: u32, pause: Ns) {
        let Letter { group: g, value, .. } = self.post.letters.all[id as usize];
        self.take_back(id);
        self.post.groups[g as usize].tally.redelivered += 1;
        if pause == 0
            && let Some(lane) = self.post.groups[g as usize].lanes.get_mut(&value)
        {
            lane.is_out = false;
        }
        let Letter { number, .. } = self.post.letters.all[id as usize];
        if pause == 0 {
            return self.make_ready(id);
        }
        self.hold_partition(id, true);
        self.set_timer(self.now + pause, RELEASE, Timer::Return { letter: id, number, group: g });
    }

    /// The back-off of a letter is over.
    pub(super) fn returned(&mut self, id: u32, number: u64, g: u16) {
        let Some(&letter) = self.letter(id, number, g) else { return };
        if letter.state == LetterState::Later {
            if let Some(lane) = self.post.groups[g as usize].lanes.get_mut(&letter.value) {
                lane.is_out = false;
            }
            self.make_ready(id);
            self.hold_partition(id, false);
            self.dispatch_for(id);
        }
    }

    /// What lies behind a letter of a log waits for it, or goes on.
    fn hold_partition(&mut self, id: u32, is_held: bool) {
        let letter = &self.post.letters.all[id as usize];
        if let Some(reading) = &mut self.post.groups[letter.group as usize].reading {
            reading.hold(letter, is_held);
        }
    }

    /// A letter has been tried often enough: it goes where dead letters go, or nowhere.
    pub(super) fn give_up(&mut self, id: u32) {
        let letter = self.post.letters.all[id as usize];
        let then = self.m.groups[letter.group as usize].then;
        let tally = &mut self.post.groups[letter.group as usize].tally;
        if then == NONE16 {
            tally.given_up += 1;
            return self.free_letter(id);
        }
        tally.dead += 1;
        let spec = &self.m.topics[then as usize];
        self.post.topics[then as usize].tally.dead_in += 1;
        // What comes out of no partition goes to one by chance.
        let value = if self.reads(letter.group) { letter.value } else { mix(letter.identity) };
        let value = if spec.in_log.is_some() { value } else { letter.value };
        for group in spec.first..spec.first + spec.groups {
            let origin = letter.group;
            let moved = Letter { group, origin, value, attempts: 0, handled: false, taken: self.now, ..letter };
            self.put_in(moved, 0);
        }
        self.free_letter(id);
    }

    // -- acknowledgements -------------------------------------------------------------------------------------------------------

    /// `Settle`: the queue hears what became of a batch, or that it need not care.
    pub(super) fn settle(&mut self, id: u32) -> u32 {
        let token = self.calls[id as usize].token;
        let Some(batch) = self.batch(token).filter(|&batch| {
            let batch = &self.post.batches.all[batch as usize];
            !batch.settled && !batch.ended
        }) else {
            return id;
        };
        self.post.batches.all[batch as usize].settled = true;
        let Batch { group, member, .. } = self.post.batches.all[batch as usize];
        let consumer = self.post.groups[group as usize].members[member as usize].consumer;
        let commit = self.m.consumers[consumer as usize].commit;
        for i in 0..self.post.batches.all[batch as usize].letters.len() {
            let Carried { letter, number, work, .. } = self.post.batches.all[batch as usize].letters[i];
            if self.letter(letter, number, group).is_none() {
                continue;
            }
            let is_ours = self.is_out_with(letter, number, group, token);
            match work {
                Work::Open if is_ours && commit == Commit::Before => {
                    self.post.letters.all[letter as usize].state = LetterState::Promised;
                }
                // What comes behind a failure in a partition was not begun.
                Work::Open if is_ours => self.return_one(letter, 0),
                Work::Well if commit == Commit::Once && !is_ours => {}
                Work::Well => {
                    if commit == Commit::Once {
                        self.book(letter, number, group, true);
                    }
                    self.deliver_one(letter);
                }
                Work::Ill if is_ours => self.reject(letter),
                Work::Open | Work::Ill => {}
            }
        }
        if !self.reads(group) {
            self.dispatch(group);
        }
        id
    }

    /// The work on a letter is done and acknowledged.
    pub(super) fn deliver_one(&mut self, id: u32) {
        let group = self.post.letters.all[id as usize].group;
        self.post.groups[group as usize].tally.delivered += 1;
        self.free_letter(id);
    }

    fn reject(&mut self, id: u32) {
        let Letter { group, attempts, .. } = self.post.letters.all[id as usize];
        let spec = &self.m.groups[group as usize];
        let hides = self.m.topics[spec.topic as usize].visibility.is_some();
        match spec.redelivery.next(attempts, hides) {
            Next::GiveUp => self.give_up(id),
            Next::After(pause) => self.return_one(id, pause.0),
            // Its timer is running.
            Next::WhenVisible => {}
        }
    }

    // -- deaths -----------------------------------------------------------------------------------------------------------------

    /// An instance of a queue has died; if it was the last one, what was not durable is lost.
    pub(super) fn queue_died(&mut self, s: u32) {
        let component = self.stations[s as usize].component;
        let topic = self.m.components[component as usize].topic;
        if topic == NONE16 || self.m.topics[topic as usize].durable || self.is_reachable(topic) {
            return;
        }
        for id in 0..self.post.letters.all.len() as u32 {
            let Letter { state, group, .. } = self.post.letters.all[id as usize];
            let waits = matches!(state, LetterState::Ready | LetterState::Later);
            if waits && self.m.groups[group as usize].topic == topic {
                self.post.groups[group as usize].tally.wiped += 1;
                self.free_letter(id);
            }
        }
    }

    /// An instance is back: a queue hands out again, a consumer takes again.
    pub(super) fn post_returns(&mut self, s: u32) {
        let component = self.stations[s as usize].component;
        for g in self.m.groups_in(component) {
            self.dispatch_later(g as u16);
        }
    }

    /// What a queue of dead letters holds goes back to where it came from, to be tried anew.
    pub(super) fn redrive(&mut self, topic: u16) {
        for id in 0..self.post.letters.all.len() as u32 {
            let letter = self.post.letters.all[id as usize];
            let waits = matches!(letter.state, LetterState::Ready | LetterState::Later);
            if !waits || letter.origin == NONE16 || self.m.groups[letter.group as usize].topic != topic {
                continue;
            }
            self.post.groups[letter.group as usize].tally.redriven += 1;
            self.post.groups[letter.origin as usize].tally.driven_in += 1;
            let back = Letter { group: letter.origin, origin: NONE16, attempts: 0, taken: self.now, ..letter };
            self.put_in(back, 0);
            self.free_letter(id);
        }
    }
}
