//! Writing behind: what a cache has taken in and its backing has not yet.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::timer::Timer;
use crate::engine::world::{Context, Frame, Ns, RELEASE, Request, World};
use crate::model::{NONE, NONE16};
use crate::random::{bits, mix, occasion};

/// Written to the cache, not yet to its backing.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// By object; the order is that of `line`.
    waiting: FxHashMap<u64, Dirty>,
    line: VecDeque<u64>,
    /// Writes under way, and how many more this flush does.
    flying: Vec<(u64, Dirty)>,
    due: u32,
    /// Writes ever begun: the address of their draws.
    begun: u64,
}

#[derive(Clone, Copy, Debug)]
struct Dirty {
    value: u64,
    key: u16,
    class: u16,
    /// When another copy of the node has it.
    safe: Ns,
}

/// Distinguishes the address of a write from a cache's other draws.
const WRITE: u64 = 0x0077_7269_7465;

impl World<'_> {
    /// The flushes of all nodes begin, each at a moment of its own.
    pub(super) fn begin_flushes(&mut self) {
        for cache in 0..self.m.caches.len() as u16 {
            let spec = &self.m.caches[cache as usize];
            let Some(flush) = spec.flush else { continue };
            let component = &self.m.components[spec.component as usize];
            for node in 0..component.count {
                let phase = bits(self.seeded(component.key), occasion(u64::from(node))) % flush.every.0.max(1);
                self.set_timer(phase, RELEASE, Timer::Flush { cache, node });
            }
        }
    }

    /// It is time to write what has been kept.
    pub(super) fn flush_now(&mut self, cache: u16, node: u32) {
        let Some(flush) = self.m.caches[cache as usize].flush else { return };
        self.start_flush(cache, node);
        if self.course.request_limit == u64::MAX || 0 < self.in_flight {
            self.set_timer(self.now + flush.every.0, RELEASE, Timer::Flush { cache, node });
        }
    }

    fn start_flush(&mut self, cache: u16, node: u32) {
        let Some(flush) = self.m.caches[cache as usize].flush else { return };
        let behind = &mut self.caches.all[cache as usize].behind[node as usize];
        behind.due = behind.line.len() as u32;
        let at_once = flush.batch.saturating_sub(behind.flying.len() as u32).min(behind.due);
        for _ in 0..at_once {
            self.write_one(cache, node);
        }
    }

    /// `Later`: an entry has been written to the cache only.
    pub(super) fn write_later(&mut self, id: u32, used: u16) -> u32 {
        let used = self.m.cache_uses[used as usize];
        let (cache, object) = (used.cache, self.object(id, used));
        // A write is known by what it is about, whatever version of it comes meanwhile.
        let object = self.object_of(object.key, object.value, used.space);
        let Frame { station, request, .. } = self.frames[id as usize];
        let spec = &self.m.caches[cache as usize];
        let node = station - self.m.components[spec.component as usize].first;
        let class = self.requests[request as usize].class;
        let shelves = &mut self.caches.all[cache as usize];
        // The copies have been sent it just now.
        let safe = shelves.mirrors.as_ref().map_or(Ns::MAX, |mirrors| mirrors.arrives);
        let behind = &mut shelves.behind[node as usize];
        let dirty = Dirty { value: object.value, key: object.key, class, safe };
        if behind.waiting.insert(object.name, dirty).is_none() {
            behind.line.push_back(object.name);
        }
        let batch = spec.flush.map_or(u32::MAX, |flush| flush.batch);
        if behind.due == 0 && batch as usize <= behind.line.len() {
            self.start_flush(cache, node);
        }
        id
    }

    /// A frame of the node writes the entry that has waited longest.
    fn write_one(&mut self, cache: u16, node: u32) {
        let spec = &self.m.caches[cache as usize];
        let Some(flush) = spec.flush else { return };
        let behind = &mut self.caches.all[cache as usize].behind[node as usize];
        let Some(name) = behind.line.pop_front() else { return };
        let dirty = behind.waiting.remove(&name).expect("the line holds what waits");
        behind.due -= 1;
        behind.flying.push((name, dirty));
        behind.begun += 1;
        let address = bits(self.salt ^ spec.stream ^ WRITE, mix(name ^ mix(behind.begun)));
        let now = self.now;
        let context = self.new_context(Context { parent: NONE, users: 0, value: dirty.value, key: dirty.key });
        let station = self.m.components[spec.component as usize].first + node;
        let (pc, operation) = (flush.entry, flush.operation);
        self.begin_work(
            Frame { occasion: address, station, pc, operation, ..Frame::begun(now) },
            Request { occasion: address, context, class: dirty.class, ..Request::detached(now) },
        );
    }

    /// `Written`: the backing has it, or it has to be written again.
    pub(super) fn written(&mut self, id: u32, cache: u16, well: bool) -> u32 {
        let Frame { station, request, .. } = self.frames[id as usize];
        let Request { context, class, .. } = self.requests[request as usize];
        let Context { value, key, .. } = self.contexts.all[context as usize];
        let node = station - self.m.components[self.m.caches[cache as usize].component as usize].first;
        let name = self.object_of(key, value, 0).name;
        let behind = &mut self.caches.all[cache as usize].behind[node as usize];
        let flown = behind.flying.iter().position(|(flying, _)| *flying == name);
        let safe = flown.map_or(Ns::MAX, |place| behind.flying.remove(place).1.safe);
        if !well && behind.waiting.insert(name, Dirty { value, key, class, safe }).is_none() {
            behind.line.push_back(name);
        }
        if 0 < behind.due {
            self.write_one(cache, node);
        }
        id
    }

    /// A node that is to leave writes what it has kept, for as long as it may stay.
    pub(super) fn flush_leaving(&mut self, station: u32) {
        let component = self.stations[station as usize].component as usize;
        let cache = self.m.components[component].cache;
        let node = station - self.m.components[component].first;
        let Some(shelves) = self.caches.all.get(cache as usize) else { return };
        if shelves.behind.get(node as usize).is_some_and(|behind| behind.due == 0) {
            self.start_flush(cache, node);
        }
    }

    /// A node dies: what it kept is gone, with what it had not written.
    pub(super) fn wipe(&mut self, station: u32) {
        let component = &self.m.components[self.stations[station as usize].component as usize];
        for cache in [component.cache, component.state] {
            if cache != NONE16 {
                self.wipe_node(cache, station - component.first);
            }
        }
    }

    fn wipe_node(&mut self, cache: u16, node: u32) {
        let shelves = &mut self.caches.all[cache as usize];
        if let Some(shelf) = shelves.nodes.get_mut(node as usize) {
            shelf.clear();
        }
        shelves.weigh(node, self.now);
        if let Some(mirrors) = &mut shelves.mirrors {
            mirrors.forget(node);
        }
        self.bequeath(cache, node);
    }

    /// What a dead node had still to write is lost, unless another copy has it, which writes it now.
    fn bequeath(&mut self, cache: u16, node: u32) {
        let heir = self.whole_copy(cache, node);
        let now = self.now;
        let shelves = &mut self.caches.all[cache as usize];
        let mut behind = std::mem::take(&mut shelves.behind[node as usize]);
        shelves.behind[node as usize].begun = behind.begun;
        let waiting = behind.line.iter().filter_map(|name| Some((*name, behind.waiting.remove(name)?)));
        for (name, dirty) in std::mem::take(&mut behind.flying).into_iter().chain(waiting) {
            let Some(heir) = heir.filter(|_| dirty.safe <= now) else {
                shelves.lost_writes += 1;
                continue;
            };
            let of_heir = &mut shelves.behind[heir as usize];
            if of_heir.waiting.insert(name, dirty).is_none() {
                of_heir.line.push_back(name);
            }
        }
    }
}
