//! Publishers that gather messages: a parcel for each queue or partition, which sets off when it is full or has waited long enough.
//!
//! Each instance has a publisher for each of its `publish` steps. Messages with a key go to the parcel of their partition;
//! those without one all go to the same parcel, whose partition is chosen when it is begun (the sticky partitioner of
//! Kafka). A parcel is a frame of its own at its instance that makes one call; who waits for it hears what it hears. It dies
//! with its instance, and what its publishers did not wait for is lost with it.

use rustc_hash::FxHashMap;

use crate::engine::broker::Letter;
use crate::engine::timer::Timer;
use crate::engine::world::{Frame, Ns, RELEASE, Request, Slab, State, World, flag};
use crate::model::program::Post;
use crate::model::{Failure, NONE, NONE16};
use crate::random::{bits, mix};
use crate::scenario::broker::Acks;

/// Parcels of a world.
#[derive(Debug)]
pub(super) struct Parcels {
    pub(super) slab: Slab<Parcel>,
    /// Those that still take messages: use, instance, and partition or `u64::MAX`.
    begun: FxHashMap<(u16, u32, u64), u32>,
}

/// Messages of one publisher for one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Parcel {
    /// Its `publish` step, and its instance.
    pub(super) used: u16,
    pub(super) station: u32,
    /// The value by which its partition is found.
    pub(super) lane: u64,
    pub(super) letters: Vec<Letter>,
    /// Compressed.
    pub(super) bytes: f64,
    /// Who waits for it: frame and generation.
    waiting: Vec<(u32, u32)>,
    /// It has been appended at least once.
    pub(super) is_in: bool,
    /// It takes messages, under this key; or it has set off, or is free.
    key: Option<(u16, u32, u64)>,
    operation: u16,
    generation: u32,
    is_free: bool,
}

impl Parcels {
    pub(super) fn new() -> Parcels {
        Parcels { slab: Slab::new(), begun: FxHashMap::default() }
    }
}

impl Parcel {
    /// What names this life of the parcel; never 0.
    fn token(&self, id: u32) -> u64 {
        u64::from(id) | u64::from(self.generation + 1) << 32
    }
}

impl World<'_> {
    /// The parcel of a token, if it lives.
    fn parcel(&self, token: u64) -> Option<u32> {
        let id = token as u32;
        let parcel = self.post.parcels.slab.all.get(id as usize)?;
        (!parcel.is_free && parcel.token(id) == token).then_some(id)
    }

    /// Whether the frame was sent to bring a parcel.
    pub(super) fn brings_batch(&self, id: u32) -> bool {
        let edge = self.calls[id as usize].edge;
        self.m.edges.get(edge as usize).is_some_and(|edge| edge.post == Post::Batch)
    }

    /// The messages of the parcel that a frame brings: it has arrived. Of one that its publisher has given up, none.
    pub(super) fn unpack(&mut self, id: u32) -> Vec<Letter> {
        let Some(parcel) = self.parcel_of(id) else { return Vec::new() };
        let parcel = &mut self.post.parcels.slab.all[parcel as usize];
        parcel.is_in = true;
        parcel.letters.clone()
    }

    /// The parcel that a frame brings, if it does and there still is one.
    pub(super) fn parcel_of(&self, id: u32) -> Option<u32> {
        self.parcel(self.calls[id as usize].token).filter(|_| self.brings_batch(id))
    }

    /// `Gather`: the message joins the parcel of its publisher; the frame may wait for that.
    pub(super) fn gather(&mut self, id: u32, used: u16, waits: bool) -> u32 {
        let spec = self.m.publish_uses[used as usize];
        let Frame { station, operation, generation, flags, .. } = self.frames[id as usize];
        let letter = self.letter_of_frame(id, used);
        let in_log = self.m.topics[spec.topic as usize].in_log;
        let is_keyed = in_log.is_some_and(|in_log| spec.key != NONE16 || in_log.key != NONE16);
        let partition = if is_keyed { self.partition_of(spec.topic, letter.value) as u64 } else { u64::MAX };
        let key = (used, station, partition);
        let parcel = match self.post.parcels.begun.get(&key) {
            Some(&parcel) => parcel,
            None => self.begin_parcel(key, operation, letter.value),
        };
        if letter.context != NONE {
            self.contexts.all[letter.context as usize].users += 1;
        }
        let state = &mut self.post.parcels.slab.all[parcel as usize];
        // Of a log, all of a parcel goes to one partition.
        let value = if in_log.is_some() { state.lane } else { letter.value };
        state.letters.push(Letter { value, ..letter });
        state.bytes += f64::from(letter.bytes);
        if waits {
            state.waiting.push((id, generation));
        }
        if spec.linger.0 == 0 || spec.batch_bytes <= state.bytes {
            self.seal(parcel);
        }
        if !waits {
            return id;
        }
        if flags & flag::ASYNC != 0 {
            self.release(id);
        }
        let frame = &mut self.frames[id as usize];
        (frame.state, frame.since, frame.cell) = (State::Replicating, self.now, spec.cell);
        NONE
    }

    /// The message that a frame publishes here.
    fn letter_of_frame(&mut self, id: u32, used: u16) -> Letter {
        let spec = self.m.publish_uses[used as usize];
        let Frame { request, occasion, .. } = self.frames[id as usize];
        let row = self.requests[request as usize];
        let identity = mix(occasion ^ spec.stream);
        let bytes = if spec.bytes == NONE16 { 0.0 } else { self.samplers.draw(spec.bytes, occasion) };
        let about = (spec.key != NONE16).then(|| self.key_value(spec.key, request));
        let topic = &self.m.topics[spec.topic as usize];
        let key = if spec.key == NONE16 { topic.ordered } else { spec.key };
        let value = match topic.in_log {
            Some(_) => self.lane_of(spec.topic, spec.key, request, identity),
            None if topic.ordered == NONE16 => 0,
            None => self.key_value(key, request),
        };
        let compression = topic.in_log.map_or(1.0, |in_log| in_log.compression);
        let (bytes, priority) = ((bytes * compression) as f32, spec.priority.unwrap_or(row.priority));
        Letter { value, about, bytes, priority, ..Letter::of(&row, identity, self.now) }
    }

    fn begin_parcel(&mut self, key: (u16, u32, u64), operation: u16, lane: u64) -> u32 {
        let (used, station, _) = key;
        let fresh = Parcel { used, station, lane, operation, key: Some(key), ..Parcel::default() };
        let parcels = &mut self.post.parcels.slab;
        let id = if let Some(id) = parcels.free.pop() {
            let old = &mut parcels.all[id as usize];
            let (mut letters, mut waiting) = (std::mem::take(&mut old.letters), std::mem::take(&mut old.waiting));
            letters.clear();
            waiting.clear();
            *old = Parcel { generation: old.generation, letters, waiting, ..fresh };
            id
        } else {
            parcels.all.push(fresh);
            parcels.all.len() as u32 - 1
        };
        self.post.parcels.begun.insert(key, id);
        let linger = self.m.publish_uses[used as usize].linger.0;
        if linger != 0 {
            let token = self.post.parcels.slab.all[id as usize].token(id);
            self.set_timer(self.now + linger, RELEASE, Timer::Linger { token });
        }
        id
    }

    /// A parcel has waited long enough.
    pub(super) fn lingered(&mut self, token: u64) {
        match self.parcel(token).filter(|&parcel| self.post.parcels.slab.all[parcel as usize].key.is_some()) {
            Some(parcel) => self.seal(parcel),
            None => self.events -= 1,
        }
    }

    /// A parcel takes no more messages and sets off.
    fn seal(&mut self, id: u32) {
        let parcel = &mut self.post.parcels.slab.all[id as usize];
        let Some(key) = parcel.key.take() else { return };
        let (token, station, operation, used) = (parcel.token(id), parcel.station, parcel.operation, parcel.used);
        let first = parcel.letters[0];
        self.post.parcels.begun.remove(&key);
        let occasion = bits(self.m.publish_uses[used as usize].stream, first.identity);
        let pc = self.m.publish_uses[used as usize].entry;
        let driver = self.begin_work(
            Frame { occasion, station, pc, operation, ..Frame::begun(self.now) },
            Request { occasion, class: first.class, ..Request::detached(self.now) },
        );
        self.calls[driver as usize].token = token;
    }

    /// `Sent`: a parcel is in the log, or nobody will try any more.
    pub(super) fn sent(&mut self, id: u32, well: bool) -> u32 {
        let Some(parcel) = self.parcel(self.calls[id as usize].token) else { return id };
        let failure = if well { None } else { self.calls[id as usize].outcome.failure() };
        let waiting = std::mem::take(&mut self.post.parcels.slab.all[parcel as usize].waiting);
        for &(frame, generation) in &waiting {
            self.wake_publisher(frame, generation, failure);
        }
        self.post.parcels.slab.all[parcel as usize].waiting = waiting;
        self.free_parcel(parcel);
        id
    }

    /// Whoever waited for a parcel goes on, if it is still there.
    fn wake_publisher(&mut self, id: u32, generation: u32, failure: Option<Failure>) {
        let frame = self.frames[id as usize];
        if frame.generation != generation || frame.state != State::Replicating {
            return;
        }
        self.attribute(id, frame.request, frame.cell, frame.since);
        let now: Ns = self.now;
        let frame = &mut self.frames[id as usize];
        (frame.since, frame.state) = (now, State::Running);
        let next = match failure {
            Some(kind) => self.call_failed(id, kind),
            None if self.frames[id as usize].flags & flag::ASYNC != 0 => self.seize_again(id),
            None => id,
        };
        let next = if next != NONE && self.paused != 0 { self.park_if_paused(next) } else { next };
        self.ready.extend((next != NONE).then_some(next));
    }

    /// Nothing refers to the parcel any more; what nobody waited for and was never appended is lost.
    fn free_parcel(&mut self, id: u32) {
        let parcel = &mut self.post.parcels.slab.all[id as usize];
        let (used, is_in) = (parcel.used, parcel.is_in);
        let letters = std::mem::take(&mut parcel.letters);
        let spec = &self.m.publish_uses[used as usize];
        if spec.acks == Acks::None && !is_in {
            self.post.topics[spec.topic as usize].tally.unsent += letters.len() as u64;
        }
        for letter in letters.iter().filter(|letter| letter.context != NONE) {
            self.leave_context(letter.context);
        }
        let parcel = &mut self.post.parcels.slab.all[id as usize];
        (parcel.letters, parcel.is_free) = (letters, true);
        parcel.generation = parcel.generation.wrapping_add(1) & (u32::MAX >> 1);
        if let Some(key) = parcel.key.take() {
            self.post.parcels.begun.remove(&key);
        }
        self.post.parcels.slab.free.push(id);
    }

    /// An instance has died, and all that it had gathered with it.
    pub(super) fn publisher_died(&mut self, s: u32) {
        for id in 0..self.post.parcels.slab.all.len() as u32 {
            let parcel = &self.post.parcels.slab.all[id as usize];
            if !parcel.is_free && parcel.station == s {
                self.free_parcel(id);
            }
        }
    }
}
