//! Logs at work: messages go to the leader of their partition, to its copies, and to whoever reads them.
//!
//! A leader sends what it has to each of its followers, one batch at a time: the next one sets off when the follower's word
//! has come back, with everything that was appended meanwhile. So copies cost what they weigh on network and disk, and
//! there are never more events than batches. A follower writes to its disk before it says so. What can go wrong: a broker
//! is missed only after its `election`, so until then its partitions have no leader, and `acks: all` waits for a dead copy.

use crate::engine::broker::Letter;
use crate::engine::failover::Loss;
use crate::engine::partition::{Partition, Record};
use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, Request, State, World, gate};
use crate::model::logs::InLog;
use crate::model::program::Post;
use crate::model::{Failure, Model, NONE, NONE16};
use crate::random::{bits, mix, occasion};
use crate::scenario::broker::Acks;
use crate::units::Span;

/// The brokers of a log.
#[derive(Debug)]
pub(super) struct Log {
    /// Station of the first broker, and how many there are.
    pub(super) first: u32,
    pub(super) brokers: u32,
    pub(super) partitions: Vec<Partition>,
    /// From each leader to each follower: number leader x brokers + follower.
    ways: Vec<Way>,
    /// When each broker died last.
    died: Vec<Ns>,
    /// Partitions that got another leader.
    pub(super) elections: u64,
}

/// What one broker has to send to another.
#[derive(Clone, Debug, Default)]
struct Way {
    /// Something is on its way, or will be tried again.
    is_busy: bool,
    since: Ns,
    /// Partitions with something new, and what is under way: partition, term, position and bytes.
    queued: Vec<u32>,
    carried: Vec<(u32, u32, u64, f64)>,
    /// Batches so far.
    count: u64,
}

/// How far a batch between brokers has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// It could not set off, and is tried again.
    Again,
    /// It is at the follower.
    There,
    /// The follower's word is back.
    Back,
}

/// Until those who could not be reached are tried again.
const AGAIN: Ns = 100_000_000;

impl Log {
    pub(super) fn new(m: &Model, number: usize) -> Log {
        let spec = &m.logs[number];
        let component = &m.components[spec.component as usize];
        let brokers = component.count;
        let topics = spec.first..spec.first + spec.topics;
        let partitions = topics.flat_map(|topic| {
            let in_log = m.topics[topic as usize].in_log.expect("its topics are in it");
            (in_log.first..in_log.first + in_log.partitions)
                .map(move |partition| Partition::new(topic, spec.brokers_of(partition, brokers)))
        });
        Log {
            first: component.first,
            brokers,
            partitions: partitions.collect(),
            ways: vec![Way::default(); (brokers * brokers) as usize],
            died: vec![0; brokers as usize],
            elections: 0,
        }
    }
}

impl World<'_> {
    /// What a topic is in its log.
    pub(super) fn in_log(&self, topic: u16) -> InLog {
        self.m.topics[topic as usize].in_log.expect("only topics of logs come here")
    }

    /// Partition of a value, among those of the whole log.
    pub(super) fn partition_of(&self, topic: u16, value: u64) -> usize {
        let in_log = self.in_log(topic);
        (in_log.first + (value % u64::from(in_log.partitions)) as u32) as usize
    }

    /// Value by which the partition of a message is found: that of its key, or one of its own.
    pub(super) fn lane_of(&mut self, topic: u16, given_key: u16, request: u32, own: u64) -> u64 {
        let key = if given_key == NONE16 { self.in_log(topic).key } else { given_key };
        if key == NONE16 {
            return mix(own);
        }
        bits(self.m.topics[topic as usize].stream, mix(self.key_value(key, request) + 1))
    }

    /// The value of what a frame brings to a topic.
    fn lane_of_frame(&mut self, id: u32, topic: u16) -> u64 {
        let call = self.calls[id as usize];
        if let Some(parcel) = self.parcel_of(id) {
            return self.post.parcels.slab.all[parcel as usize].lane;
        }
        let own = if call.token == 0 { mix(self.frames[id as usize].occasion) } else { call.token };
        self.lane_of(topic, call.given_key, self.frames[id as usize].request, own)
    }

    /// The broker that a call of a log goes to: the leader of a partition, or whoever keeps the group's place.
    #[cold]
    pub(super) fn pick_broker(&mut self, id: u32) -> Option<u32> {
        let operation = &self.m.operations[self.frames[id as usize].operation as usize];
        let (topic, component) = (operation.topic, operation.component);
        let spec = &self.m.components[component as usize];
        if topic == NONE16 {
            let group =
                self.batch(self.calls[id as usize].token).map(|batch| self.post.batches.all[batch as usize].group);
            let first = bits(spec.key, u64::from(group.unwrap_or(0))) % u64::from(spec.count);
            let in_turn = (0..spec.count).map(|next| spec.first + (first as u32 + next) % spec.count);
            return in_turn.into_iter().find(|broker| self.is_up(*broker));
        }
        let lane = self.lane_of_frame(id, topic);
        let partition = self.partition_of(topic, lane);
        self.calls[id as usize].shard = partition as u32;
        self.leader_of(topic, partition)
    }

    /// Station of the leader of a partition, if it has one; it may be dead and not missed yet.
    pub(super) fn leader_of(&self, topic: u16, partition: usize) -> Option<u32> {
        let log = &self.post.logs[self.in_log(topic).log as usize];
        let leader = log.partitions[partition].leader;
        (leader != NONE).then(|| log.first + leader)
    }

    // -- appending --------------------------------------------------------------------------------------------------------

    /// `Store`: the leader's disk takes the bytes, one after the other, if it may take them at all.
    pub(super) fn store(&mut self, id: u32, topic: u16) -> u32 {
        let in_log = self.in_log(topic);
        let (station, partition) = (self.frames[id as usize].station, self.calls[id as usize].shard as usize);
        if self.leader_of(topic, partition) != Some(station) {
            return self.fail(id, Failure::REFUSED);
        }
        let spec = &self.m.logs[in_log.log as usize];
        let in_step = self.post.logs[in_log.log as usize].partitions[partition].in_step();
        if in_step < spec.min_isr && self.acks_of(id) == Acks::All {
            return self.fail(id, Failure::UNAVAILABLE);
        }
        let bytes = self.bytes_brought(id, topic);
        let end = self.write_through(station, bytes);
        if end <= self.now {
            return id;
        }
        self.frames[id as usize].cell = spec.disk_cell;
        self.schedule(id, end);
        NONE
    }

    /// When the disk of a broker has so many bytes more.
    fn write_through(&mut self, station: u32, bytes: f64) -> Ns {
        let crate::engine::world::Station { host, scale, .. } = self.stations[station as usize];
        match self.hosts.get_mut(host as usize) {
            Some(host) if 0.0 < host.disk_rate && 0.0 < bytes => {
                let work = Span::from_secs_f64(bytes / host.disk_rate * scale.max(1.0)).0;
                host.disk.give(self.now, work, bytes)
            }
            _ => self.now,
        }
    }

    /// What the publisher of what a frame brings waits for.
    fn acks_of(&self, id: u32) -> Acks {
        match self.m.edges.get(self.calls[id as usize].edge as usize).map(|edge| edge.post) {
            Some(Post::Publish(used)) => self.m.publish_uses[used as usize].acks,
            Some(Post::Batch) => self.parcel_of(id).map_or(Acks::All, |parcel| {
                self.m.publish_uses[self.post.parcels.slab.all[parcel as usize].used as usize].acks
            }),
            _ => Acks::All,
        }
    }

    /// Bytes on disk of what a frame brings.
    fn bytes_brought(&mut self, id: u32, topic: u16) -> f64 {
        if let Some(parcel) = self.parcel_of(id) {
            return self.post.parcels.slab.all[parcel as usize].bytes;
        }
        let edge = self.calls[id as usize].edge;
        let payload = self.m.edges.get(edge as usize).map_or(NONE16, |edge| edge.payload);
        let occasion = self.frames[id as usize].occasion;
        let bytes = if payload == NONE16 { 0.0 } else { self.samplers.draw(payload, occasion) };
        bytes * self.in_log(topic).compression
    }

    /// Bytes on the wire of what is published: publishers compress.
    pub(super) fn bytes_published(&mut self, id: u32) -> f64 {
        let topic = self.m.operations[self.frames[id as usize].operation as usize].topic;
        if topic != NONE16 {
            return self.bytes_brought(id, topic);
        }
        if let Some(parcel) = self.parcel_of(id) {
            return self.post.parcels.slab.all[parcel as usize].bytes;
        }
        let payload = self.m.edges[self.calls[id as usize].edge as usize].payload;
        if payload == NONE16 { 0.0 } else { self.samplers.draw(payload, self.frames[id as usize].occasion) }
    }

    /// What a frame of the traffic before the run brings to a queue or a log.
    pub(super) fn leave_before(&mut self, id: u32, topic: u16) {
        let mut letter = self.letter_of(id, topic);
        if self.m.topics[topic as usize].in_log.is_some() {
            letter.value = self.lane_of_frame(id, topic);
            letter.bytes = self.bytes_brought(id, topic) as f32;
        }
        self.came_before(topic, letter);
    }

    /// `Append`: the messages that the frame brings are in the log of the leader, and go to its followers.
    pub(super) fn append(&mut self, id: u32, topic: u16) -> u32 {
        let log = self.in_log(topic).log as usize;
        let partition = self.calls[id as usize].shard as usize;
        if self.leader_of(topic, partition) != Some(self.frames[id as usize].station) {
            return self.fail(id, Failure::REFUSED);
        }
        let acks = self.acks_of(id);
        if self.brings_batch(id) {
            for letter in self.unpack(id) {
                self.log_letter(topic, letter, acks);
            }
        } else {
            let lane = self.lane_of_frame(id, topic);
            let bytes = self.bytes_brought(id, topic) as f32;
            let letter = self.letter_of(id, topic);
            self.log_letter(topic, Letter { value: lane, bytes, ..letter }, acks);
        }
        self.feed_followers(log, partition);
        self.advance_log(log, partition);
        let one = &mut self.post.logs[log].partitions[partition];
        if acks != Acks::All || one.end <= one.committed {
            return id;
        }
        let frame = &mut self.frames[id as usize];
        (frame.state, frame.since, frame.cell) = (State::Replicating, self.now, self.m.logs[log].wait_cell);
        one.waiting.push_back((one.end, id, frame.generation));
        NONE
    }

    /// One message more at the leader, unless the same was taken a short time ago.
    fn log_letter(&mut self, topic: u16, letter: Letter, acks: Acks) {
        if self.is_known(topic, letter.identity) {
            self.post.topics[topic as usize].tally.repeated += 1;
            return;
        }
        let copy = self.remember(topic, letter.identity);
        if letter.context != NONE {
            self.contexts.all[letter.context as usize].users += 1;
        }
        let partition = self.partition_of(topic, letter.value);
        let tally = &mut self.post.topics[topic as usize].tally;
        tally.appended += 1;
        tally.bytes += letter.bytes as u64;
        tally.uncommitted += 1;
        let letter = Letter { copy, taken: self.stamp(), ..letter };
        let log = self.in_log(topic).log as usize;
        let record = Record { letter, is_promised: acks != Acks::All };
        self.post.logs[log].partitions[partition].append(record);
    }

    /// What all copies in step have may be read, and whoever waited for that goes on.
    fn advance_log(&mut self, log: usize, partition: usize) {
        let Log { first, ref partitions, .. } = self.post.logs[log];
        let leader = partitions[partition].leader;
        if leader == NONE || !self.is_up(first + leader) {
            return;
        }
        while let Some(record) = self.post.logs[log].partitions[partition].next_committed() {
            let topic = self.post.logs[log].partitions[partition].topic;
            self.post.topics[topic as usize].tally.uncommitted -= 1;
            self.let_read(topic, record.letter);
        }
        loop {
            let one = &mut self.post.logs[log].partitions[partition];
            let Some(&(position, id, generation)) = one.waiting.front() else { return };
            if one.committed < position {
                return;
            }
            one.waiting.pop_front();
            self.wake_writer(id, generation);
        }
    }

    /// A message lies in its partition; what is too much for that goes.
    pub(super) fn retain(&mut self, topic: u16, letter: &Letter) {
        let (spec, in_log) = (&self.m.topics[topic as usize], self.in_log(topic));
        let partition = self.partition_of(topic, letter.value);
        let one = &mut self.post.logs[in_log.log as usize].partitions[partition];
        if let Some(floor) = one.keep(letter.taken, letter.bytes, in_log.keep_bytes) {
            let within = partition - in_log.first as usize;
            (spec.first..spec.first + spec.groups).for_each(|group| self.expire_before(group, within, floor));
        }
    }

    /// A message is committed: each group has a letter more.
    fn let_read(&mut self, topic: u16, letter: Letter) {
        let spec = &self.m.topics[topic as usize];
        self.post.topics[topic as usize].tally.accepted += 1;
        for group in spec.first..spec.first + spec.groups {
            let view_key = self.m.groups[group as usize].view_key;
            let about = if view_key == NONE16 { letter.about } else { Some(self.key_of_letter(view_key, &letter)) };
            self.put_in(Letter { about, group, ..letter }, 0);
        }
        self.retain(topic, &letter);
        if self.in_log(topic).is_rewound {
            return self.keep_for_rewind(topic, letter);
        }
        if letter.context != NONE {
            self.leave_context(letter.context);
        }
    }

    /// The value of a key for whoever sent a message, who may have gone long ago.
    pub(super) fn key_of_letter(&mut self, key: u16, letter: &Letter) -> u64 {
        let Letter { occasion, context, class, .. } = *letter;
        let row = self.new_request(Request { occasion, context, class, ..Request::detached(self.now) });
        let value = self.key_value(key, row);
        self.free_request(row);
        value
    }

    // -- copies -----------------------------------------------------------------------------------------------------------

    /// The followers of a partition are behind.
    fn feed_followers(&mut self, log: usize, partition: usize) {
        let Log { brokers, .. } = self.post.logs[log];
        for copy in 0..self.post.logs[log].partitions[partition].copies.len() {
            let one = &mut self.post.logs[log].partitions[partition];
            let (leader, end) = (one.leader, one.end);
            let follower = &mut one.copies[copy];
            if follower.broker == leader || leader == NONE {
                continue;
            }
            let way = leader * brokers + follower.broker;
            if follower.position < end && !std::mem::replace(&mut follower.is_queued, true) {
                self.post.logs[log].ways[way as usize].queued.push(partition as u32);
            }
            self.feed(log, way);
        }
    }

    /// One batch sets off, if there is anything to send and the last one's word is back.
    fn feed(&mut self, log: usize, way: u32) {
        let Log { first, brokers, .. } = self.post.logs[log];
        let (leader, follower) = (way / brokers, way % brokers);
        let ends = [first + leader, first + follower];
        let state = &self.post.logs[log].ways[way as usize];
        if state.is_busy || state.queued.is_empty() || ends.iter().any(|end| !self.is_up(*end)) {
            return;
        }
        let is_halted = |end: &u32| self.stations[*end as usize].gate & gate::PAUSED != 0;
        if self.is_cut(ends, NONE) || ends.iter().any(is_halted) {
            self.post.logs[log].ways[way as usize].is_busy = true;
            let timer = Timer::Copy { log: log as u16, way, leg: Leg::Again };
            self.set_timer(self.now + AGAIN, RELEASE, timer);
            return;
        }
        let bytes = self.load(log, way);
        let state = &mut self.post.logs[log].ways[way as usize];
        (state.is_busy, state.since, state.count) = (true, self.now, state.count + 1);
        let number = state.count;
        let spec = &self.m.logs[log];
        let at = self.carry_within((spec.edge, spec.key), ends, bytes, number);
        self.set_timer(at, RELEASE, Timer::Copy { log: log as u16, way, leg: Leg::There });
    }

    /// What a batch from one broker to another carries; its bytes.
    fn load(&mut self, log: usize, way: u32) -> f64 {
        let log = &mut self.post.logs[log];
        let (leader, follower) = (way / log.brokers, way % log.brokers);
        let way = &mut log.ways[way as usize];
        let mut bytes = 0.0;
        way.carried.clear();
        for number in way.queued.drain(..) {
            let one = &mut log.partitions[number as usize];
            let (end, all, term, is_led) = (one.end, one.bytes, one.term, one.leader == leader);
            let Some(copy) = one.copy(follower).filter(|_| is_led) else { continue };
            if std::mem::take(&mut copy.is_queued) && copy.position < end {
                bytes += (all - copy.bytes).max(0.0);
                way.carried.push((number, term, end, all));
            }
        }
        bytes
    }

    /// A batch between brokers has come a leg further.
    pub(super) fn copy_on(&mut self, log: u16, way: u32, leg: Leg) {
        let l = log as usize;
        let Log { first, brokers, .. } = self.post.logs[l];
        let (leader, follower) = (way / brokers, way % brokers);
        let ends = [first + follower, first + leader];
        let receiver = if leg == Leg::Back { ends[1] } else { ends[0] };
        if leg == Leg::Again || !self.is_up(receiver) {
            let way_state = &mut self.post.logs[l].ways[way as usize];
            way_state.is_busy = false;
            return self.queue_again(l, way);
        }
        let carried = std::mem::take(&mut self.post.logs[l].ways[way as usize].carried);
        if leg == Leg::Back {
            let since = self.post.logs[l].ways[way as usize].since;
            self.post.logs[l].ways[way as usize].is_busy = false;
            for &(number, term, upto, _) in &carried {
                self.hear(l, number as usize, (follower, term, upto, since));
            }
            return self.queue_again(l, way);
        }
        let mut bytes = 0.0;
        for &(number, term, upto, all) in &carried {
            let one = &mut self.post.logs[l].partitions[number as usize];
            if one.term == term {
                let had = one.copy(follower).map_or(all, |copy| copy.bytes);
                bytes += (all - had).max(0.0);
                one.received(follower, upto, all);
            }
        }
        let written = self.write_through(ends[0], bytes) - self.now;
        let state = &mut self.post.logs[l].ways[way as usize];
        state.carried = carried;
        let number = state.count | 1 << 63;
        let spec = &self.m.logs[l];
        let at = self.carry_within((spec.edge, spec.key), ends, 0.0, number);
        self.set_timer(at + written, RELEASE, Timer::Copy { log, way, leg: Leg::Back });
    }

    /// What a follower still lacks is to be sent.
    fn queue_again(&mut self, log: usize, way: u32) {
        let brokers = self.post.logs[log].brokers;
        let (leader, follower) = (way / brokers, way % brokers);
        let carried = std::mem::take(&mut self.post.logs[log].ways[way as usize].carried);
        for (number, ..) in carried {
            let one = &mut self.post.logs[log].partitions[number as usize];
            let (end, is_led) = (one.end, one.leader == leader);
            let Some(copy) = one.copy(follower) else { continue };
            if is_led && copy.position < end && !std::mem::replace(&mut copy.is_queued, true) {
                self.post.logs[log].ways[way as usize].queued.push(number);
            }
        }
        self.feed(log, way);
    }

    /// The leader of a partition hears how far a follower is.
    fn hear(&mut self, log: usize, partition: usize, (follower, term, upto, since): (u32, u32, u64, Ns)) {
        let one = &mut self.post.logs[log].partitions[partition];
        if one.term != term {
            return;
        }
        let joins = one.heard(follower, upto, since);
        let leads_by_right = one.copies[0].broker == follower;
        self.advance_log(log, partition);
        if joins && leads_by_right {
            self.hand_back(log, partition);
        }
    }

    /// The broker that leads a partition by right has everything again, and leads.
    fn hand_back(&mut self, log: usize, partition: usize) {
        let one = &mut self.post.logs[log].partitions[partition];
        one.leader = one.copies[0].broker;
        one.term += 1;
        one.copies.iter_mut().for_each(|copy| copy.is_queued = false);
        self.feed_followers(log, partition);
    }

    /// Copies that have been behind for too long no longer count.
    pub(super) fn check_copies(&mut self, number: u16) {
        let log = number as usize;
        let behind = self.m.logs[log].behind.0;
        for partition in 0..self.post.logs[log].partitions.len() {
            let Log { first, ref mut partitions, .. } = self.post.logs[log];
            let one = &mut partitions[partition];
            let (leader, end) = (one.leader, one.end);
            if leader == NONE || self.stations[(first + leader) as usize].gate & gate::DOWN != 0 {
                continue;
            }
            let is_late = |copy: &&crate::engine::partition::Copy| {
                copy.broker != leader && copy.in_step && copy.heard < end && copy.caught_up + behind <= self.now
            };
            let late: Vec<u32> = one.copies.iter().filter(is_late).map(|copy| copy.broker).collect();
            for broker in &late {
                one.drop_out(*broker);
            }
            if !late.is_empty() {
                self.advance_log(log, partition);
            }
        }
        self.events -= 1;
        self.set_timer(self.now + behind / 2, RELEASE, Timer::Copies(number));
    }

    // -- deaths -----------------------------------------------------------------------------------------------------------

    /// The first look at copies that are behind.
    pub(super) fn begin_logs(&mut self) {
        for log in 0..self.m.logs.len() {
            if 1 < self.m.logs[log].factor {
                let at = self.now + self.m.logs[log].behind.0 / 2;
                self.set_timer(at, RELEASE, Timer::Copies(log as u16));
            }
        }
    }

    /// The log that an instance is a broker of, and its number there.
    fn broker(&self, s: u32) -> Option<(usize, u32)> {
        let component = self.stations[s as usize].component;
        let log = self.m.logs.iter().position(|log| log.component == component)?;
        Some((log, s - self.post.logs[log].first))
    }

    /// A broker has died: it is missed after a while.
    pub(super) fn broker_died(&mut self, s: u32) {
        let Some((log, broker)) = self.broker(s) else { return };
        self.post.logs[log].died[broker as usize] = self.now;
        let spec = &self.m.logs[log];
        let epoch = self.stations[s as usize].epoch;
        let address = bits(self.seeded(spec.key), mix(occasion(u64::from(broker) << 32 | u64::from(epoch))));
        let takes = self.samplers.draw_ns(spec.election_draw, address);
        self.set_timer(self.now + takes, RELEASE, Timer::Elect { station: s, epoch });
    }

    /// A broker is missed: it no longer counts, and what it led has other leaders.
    pub(super) fn elect_leaders(&mut self, s: u32, epoch: u32) {
        if self.stations[s as usize].epoch != epoch {
            return;
        }
        let Some((log, broker)) = self.broker(s) else { return };
        let mut loss = Loss::default();
        for partition in 0..self.post.logs[log].partitions.len() {
            let one = &mut self.post.logs[log].partitions[partition];
            let dropped = one.drop_out(broker);
            if one.leader == broker {
                self.elect(log, partition, &mut loss);
            } else if dropped {
                self.advance_log(log, partition);
            }
        }
        let died = self.post.logs[log].died[broker as usize];
        self.note_loss(s, died, loss);
        self.read_on(log);
    }

    /// A partition gets another leader, and loses what that one does not have.
    fn elect(&mut self, log: usize, partition: usize, loss: &mut Loss) {
        let (first, stations) = (self.post.logs[log].first, &self.stations);
        let is_up = |broker: u32| stations[(first + broker) as usize].gate & gate::DOWN == 0;
        let one = &mut self.post.logs[log].partitions[partition];
        let lost = one.elect(is_up);
        one.waiting.clear();
        let (topic, has_leader) = (one.topic, one.leader != NONE);
        self.post.logs[log].elections += u64::from(has_leader);
        for Record { letter, is_promised } in lost {
            let state = &mut self.post.topics[topic as usize];
            state.known.remove(&letter.identity);
            state.tally.uncommitted -= 1;
            if is_promised {
                state.tally.truncated += 1;
                loss.writes += 1;
                let taken = letter.taken - self.post.clock;
                loss.oldest = Some(loss.oldest.map_or(taken, |oldest| oldest.min(taken)));
            } else {
                state.tally.withdrawn += 1;
            }
            if letter.context != NONE {
                self.leave_context(letter.context);
            }
        }
        if has_leader {
            self.feed_followers(log, partition);
            self.advance_log(log, partition);
        }
    }

    /// A broker is back: it leads what nobody else could, and catches up with the rest.
    pub(super) fn broker_returns(&mut self, s: u32) {
        let Some((log, broker)) = self.broker(s) else { return };
        let mut loss = Loss::default();
        for partition in 0..self.post.logs[log].partitions.len() {
            let one = &mut self.post.logs[log].partitions[partition];
            if one.leader == NONE {
                self.elect(log, partition, &mut loss);
                continue;
            }
            if one.leader == broker {
                one.meet();
                self.advance_log(log, partition);
            } else if let (term, Some(copy)) = (one.term, one.copy(broker)) {
                let position = copy.position;
                self.hear(log, partition, (broker, term, position, self.now));
            }
            self.feed_followers(log, partition);
        }
        self.read_on(log);
    }

    /// Messages appended to each partition of a topic.
    pub(super) fn appended(&self, topic: u16) -> Vec<u64> {
        let Some(in_log) = self.m.topics[topic as usize].in_log else { return Vec::new() };
        let partitions = in_log.first as usize..(in_log.first + in_log.partitions) as usize;
        self.post.logs[in_log.log as usize].partitions[partitions].iter().map(|one| one.appended).collect()
    }

    /// Partitions can be read again: all groups of the log are looked after.
    fn read_on(&mut self, log: usize) {
        for group in 0..self.m.groups.len() {
            let topic = &self.m.topics[self.m.groups[group].topic as usize];
            if topic.in_log.is_some_and(|topic| topic.log as usize == log) {
                self.dispatch_later(group as u16);
            }
        }
    }
}
