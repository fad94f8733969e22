//! Event stores at work: how long streams are, and what it takes to append to them and to read them again.
//!
//! Only lengths are kept: of each stream that was touched its events, and how many of them came after the last snapshot. An
//! append is one write of the disk, a replay reads from the last snapshot on, so its cost grows with the stream until a
//! snapshot bounds it.

use rustc_hash::FxHashMap;

use crate::engine::world::World;
use crate::model::{Model, NONE, NONE16};
use crate::random::{bits, mix};
use crate::record::EventTally;

/// The streams of one event store.
#[derive(Debug, Default)]
pub(super) struct Streams {
    known: FxHashMap<u64, Stream>,
    tally: EventTally,
}

/// Events of a stream, and those after its last snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    events: u64,
    behind: u64,
}

/// Bytes that one operation of a disk reads at most.
const READ: f64 = 65536.0;

impl Stream {
    fn of(events: u64, every: u32) -> Stream {
        Stream { events, behind: if every == 0 { events } else { events % u64::from(every) } }
    }

    /// One more; true if a snapshot is due.
    fn append(&mut self, every: u32) -> bool {
        self.events += 1;
        self.behind += 1;
        let is_due = every != 0 && u64::from(every) <= self.behind;
        if is_due {
            self.behind = 0;
        }
        is_due
    }
}

impl Streams {
    pub(super) fn all(m: &Model) -> Vec<Streams> {
        m.event_stores.iter().map(|_| Streams::default()).collect()
    }

    pub(super) fn tally(&self) -> EventTally {
        self.tally
    }
}

impl World<'_> {
    /// The stream of a value; one that nobody has touched is as long as the start of the run says.
    fn stream_of(&mut self, store: u16, value: u64) -> &mut Stream {
        let spec = &self.m.event_stores[store as usize];
        let (draw, every) = (spec.start_draw, spec.snapshot_every);
        let address = bits(spec.stream, mix(value + 1));
        let known = self.post.streams[store as usize].known.get(&value).copied();
        let events = match known {
            Some(_) => 0,
            None if draw == NONE16 => 0,
            None => u64::from(self.whole(draw, address)),
        };
        self.post.streams[store as usize].known.entry(value).or_insert_with(|| Stream::of(events, every))
    }

    /// The value of the stream that a call of the store is about.
    fn stream_value(&mut self, id: u32, store: u16) -> u64 {
        let given = self.calls[id as usize].given_key;
        let key = if given == NONE16 { self.m.event_stores[store as usize].key } else { given };
        self.key_value(key, self.frames[id as usize].request)
    }

    /// `Record`: a stream has one event more, and perhaps a snapshot.
    pub(super) fn record_event(&mut self, id: u32, store: u16) -> u32 {
        let spec = &self.m.event_stores[store as usize];
        let value = self.stream_value(id, store);
        let snapshot = self.stream_of(store, value).append(spec.snapshot_every);
        let bytes = spec.event_bytes + if snapshot { spec.snapshot_bytes } else { 0.0 };
        let tally = &mut self.post.streams[store as usize].tally;
        tally.appended += 1;
        tally.snapshots += u64::from(snapshot);
        tally.bytes += bytes as u64;
        let operations = 1 + u32::from(snapshot);
        self.use_disk(id, operations, bytes / f64::from(operations), spec.cell)
    }

    /// `Recall`: the events after the last snapshot are read, and the snapshot.
    pub(super) fn recall_events(&mut self, id: u32, store: u16) -> u32 {
        let spec = &self.m.event_stores[store as usize];
        let value = self.stream_value(id, store);
        let stream = *self.stream_of(store, value);
        let has_snapshot = stream.behind < stream.events;
        let bytes = stream.behind as f64 * spec.event_bytes + if has_snapshot { spec.snapshot_bytes } else { 0.0 };
        let tally = &mut self.post.streams[store as usize].tally;
        tally.replays += 1;
        tally.replayed += stream.behind;
        self.calls[id as usize].bytes = bytes as f32;
        let operations = 1 + (bytes / READ) as u32;
        self.use_disk(id, operations, bytes / f64::from(operations), spec.cell)
    }

    /// `Rework`: whoever has read a stream works through its events.
    pub(super) fn rework(&mut self, id: u32, replay: u16) -> u32 {
        let spec = self.m.replay_uses[replay as usize];
        let value = self.key_value(spec.key, self.frames[id as usize].request);
        let events = self.stream_of(spec.store, value).behind;
        if events == 0 {
            return id;
        }
        let frame = &mut self.frames[id as usize];
        frame.cell = spec.cell;
        let (station, occasion) = (frame.station, frame.occasion);
        let demand = self.demand(station, occasion, spec.cpu).saturating_mul(events);
        self.submit(id, demand);
        NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_bounds_what_is_replayed() {
        for (start, every) in [(0, 0), (7, 0), (0, 3), (7, 3), (100, 10), (5, 1)] {
            let mut stream = Stream::of(start, every);
            let mut snapshots = 0;
            for n in 1..=50 {
                snapshots += u64::from(stream.append(every));
                assert_eq!(start + n, stream.events);
                let bound = if every == 0 { u64::MAX } else { u64::from(every) };
                assert!(stream.behind < bound && stream.behind <= stream.events, "{start} {every} {stream:?}");
            }
            let due = if every == 0 { 0 } else { (start + 50) / u64::from(every) - start / u64::from(every) };
            assert_eq!(due, snapshots, "{start} {every}");
        }
    }
}
