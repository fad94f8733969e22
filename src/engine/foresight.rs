//! What the next requests will look for in a large cache, read before they come.
//!
//! An entry of a large cache lies in memory that no processor keeps near, and a look waits for it twice: for the index, then
//! for the entry. But draws are addressed: which value the n-th request of a load carries is known without waiting for it.
//! So every few dozen requests, what the next few dozen will look for is read, all at once, and memory brings it all in
//! the time of one. What comes back is of no use here. A wrong guess changes nothing and costs a few nanoseconds.

use crate::engine::cache::Object;
use crate::engine::prefill::before;
use crate::engine::world::{Request, World};
use crate::model::loads::Demand;
use crate::model::program::CacheUse;
use crate::model::{KeyOrigin, NONE, NONE16};
use crate::random::{bits, occasion};

/// How far each load has been read ahead for one cache: the first number that has not been.
#[derive(Debug, Default)]
pub(super) struct Foresight(Vec<u64>);

/// Entries from which a shelf is too large to stay near.
const LARGE: u32 = 1 << 16;
/// So many requests are read at once, and at least so many are ahead: those between an arrival and its look.
const BATCH: usize = 64;
const LEAD: u64 = 64;

impl World<'_> {
    /// A request has looked: if it is time, reads what those after it will look for.
    #[inline(always)]
    pub(super) fn look_ahead_of(&mut self, used: CacheUse, object: Object, node: u32, request: u32) {
        let shelves = &self.caches.all[used.cache as usize];
        if shelves.nodes.get(node as usize).is_some_and(|shelf| LARGE <= shelf.len()) {
            self.look_ahead_from(used, object.key, node, request);
        }
    }

    #[inline(never)]
    fn look_ahead_from(&mut self, used: CacheUse, key: u16, node: u32, request: u32) {
        let Request { number, class, .. } = self.requests[request as usize];
        let source = self.m.classes[class as usize].source;
        let known = &mut self.caches.all[used.cache as usize].foresight.0;
        if known.len() <= source as usize {
            known.resize(source as usize + 1, 0);
        }
        let upto = &mut known[source as usize];
        if number + LEAD < *upto {
            return;
        }
        let from = number.max(*upto);
        *upto = from + BATCH as u64;
        self.read_ahead(used, key, (source, from), node);
    }

    /// Reads the entries that requests of a source will look for, from its n-th on.
    fn read_ahead(&mut self, used: CacheUse, key: u16, (source, from): (u16, u64), own: u32) {
        let is_guessed =
            matches!(self.m.sources[source as usize].demand, Demand::Closed { .. } | Demand::Sessions { .. });
        let spec = &self.m.caches[used.cache as usize];
        if is_guessed || spec.is_state || spec.each != 1 {
            return;
        }
        let seed = self.sources[source as usize].key;
        let seed = if self.caches.warming { before(seed) } else { seed };
        let alone = self.m.components[spec.component as usize].count == 1;
        let here = self.stations_place(spec.component, own);
        let mut wanted = [(own, 0); BATCH];
        for (n, (node, name)) in (from..).zip(&mut wanted) {
            let address = bits(seed, occasion(n));
            let Some(value) = self.value_at(key, source, address) else { return };
            let object = self.object_of(key, value, used.space);
            *name = object.name;
            if !alone {
                *node = self.likely_node(spec.component, object, here).unwrap_or(own);
            }
        }
        let shelves = &self.caches.all[used.cache as usize].nodes;
        let read = wanted.iter().fold(0, |read, (node, name)| read ^ shelves[*node as usize].read_index(*name));
        std::hint::black_box(read);
        let read = wanted.iter().fold(0, |read, (node, name)| read ^ shelves[*node as usize].read_entry(*name));
        std::hint::black_box(read);
    }

    /// The value of a key that a request of a source will carry, if it is a draw of its own.
    fn value_at(&mut self, key: u16, source: u16, address: u64) -> Option<u64> {
        let spec = &self.m.keys[key as usize];
        let is_changed = self.m.sources[source as usize].overrides.iter().any(|(k, _)| *k == key);
        if is_changed || !matches!(spec.origin, KeyOrigin::Drawn(_)) {
            return None;
        }
        Some(self.value_drawn(key, address))
    }

    fn stations_place(&self, component: u16, node: u32) -> u16 {
        let first = self.m.components[component as usize].first;
        self.m.stations.get((first + node) as usize).map_or(NONE16, |station| station.place)
    }

    fn likely_node(&mut self, component: u16, object: Object, place: u16) -> Option<u32> {
        let now = crate::units::Time(self.now);
        self.groups[component as usize].balancer.pick_near(&object.ask(now), place).filter(|node| *node != NONE)
    }
}
