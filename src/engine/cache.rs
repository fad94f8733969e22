//! Caches: what the nodes keep, what a look finds, and what is written behind.
//!
//! An entry is known by a hash of its key, the key's value and a space. Which node has it follows from key and value alone,
//! on the ring of the living nodes. Times on a shelf count from before the run, so that a prefill can lie in the past.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::engine::behind::Behind;
use crate::engine::foresight::Foresight;
use crate::engine::mirror::Mirrors;
use crate::engine::release::{Releases, Shown};
use crate::engine::world::{Frame, JOIN, Ns, World};
use crate::measure::gauge::Wide;
use crate::model::caches::Cache;
use crate::model::program::CacheUse;
use crate::model::{Failure, Model, NONE, NONE16};
use crate::policy::balance::Ask;
use crate::policy::eviction::{Entry, Limits, Shelf};
use crate::random::{bits, mix, unit};
use crate::record::CacheTally;

/// What a look in a cache found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Found {
    #[default]
    Miss,
    Hit,
    /// There, but this request fetches it anew before it expires.
    Early,
    /// There, and old enough to be fetched anew in the background.
    Worn,
    /// It is known that there is nothing.
    Nothing,
}

/// All caches of a world, and their clock.
#[derive(Debug)]
pub(super) struct Caches {
    pub(super) all: Vec<Shelves>,
    /// How long before time 0 the clock of the shelves began.
    pub(super) epoch: Ns,
    /// What happens is traffic before the run.
    pub(super) warming: bool,
    /// Work done by that traffic, ns: by it is known how long a fetch takes, although none of it takes time.
    pub(super) worked: Ns,
    /// What has changed at its origin.
    pub(super) releases: Releases,
    /// Whether anybody asks how long a fetch takes.
    pub(super) times_fetches: bool,
}

/// All that the nodes of one cache keep.
#[derive(Debug)]
pub(super) struct Shelves {
    /// One for each node, or each copy of one.
    pub(super) nodes: Vec<Shelf>,
    /// Or one for each value of a key that has come up, and which one.
    own: Vec<Shelf>,
    own_of: FxHashMap<u64, u32>,
    /// Copies of the nodes, if they have any.
    pub(super) mirrors: Option<Box<Mirrors>>,
    /// Bytes that each node keeps.
    memory: Vec<Wide>,
    /// What each node has still to write.
    pub(super) behind: Vec<Behind>,
    /// Acknowledged writes that died with their node.
    pub(super) lost_writes: u64,
    /// Fetches that found, after a wait, that another had done them.
    pub(super) coalesced: u64,
    /// Hits on entries that had expired, because nothing better was to be had.
    pub(super) stale: u64,
    pub(super) foresight: Foresight,
    /// What it has shown, if anything is ever released.
    pub(super) shown: Option<Box<Shown>>,
}

/// Which entry is meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    pub(super) key: u16,
    pub(super) value: u64,
    /// Place on the ring.
    place: u64,
    /// Name on the shelf.
    pub(super) name: u64,
}

/// What an entry's `version` says: a flag, the time to live in 2^20 ns, and what its fetch took in 2^12 ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Label {
    nothing: bool,
    /// Somebody renews it already.
    renewing: bool,
    ttl: Ns,
    cost: Ns,
}

impl Object {
    /// Asks the ring for its node.
    pub(super) fn ask(&self, now: crate::units::Time) -> Ask {
        Ask { bits: 0, key_value: self.place, now, demand_ns: 0 }
    }

    /// The same under another name, and at another place: what hashes a name hashes all of it.
    pub(super) fn called(self, word: u64) -> Object {
        Object { place: mix(self.place ^ word), name: mix(self.name ^ word), ..self }
    }
}

const COST_BITS: u32 = 24;
const COST_UNIT: u32 = 12;
const TTL_UNIT: u32 = 20;
const TTL_BITS: u32 = 36;

impl Label {
    fn pack(self) -> u64 {
        let cost = (self.cost >> COST_UNIT).min((1 << COST_BITS) - 1);
        let ttl = (self.ttl >> TTL_UNIT).min((1 << TTL_BITS) - 1);
        cost | ttl << COST_BITS
            | u64::from(self.nothing) << (COST_BITS + TTL_BITS)
            | u64::from(self.renewing) << (COST_BITS + TTL_BITS + 1)
    }

    fn unpack(bits: u64) -> Label {
        Label {
            nothing: bits >> (COST_BITS + TTL_BITS) & 1 == 1,
            renewing: bits >> (COST_BITS + TTL_BITS + 1) & 1 == 1,
            ttl: (bits >> COST_BITS & ((1 << TTL_BITS) - 1)) << TTL_UNIT,
            cost: (bits & ((1 << COST_BITS) - 1)) << COST_UNIT,
        }
    }
}

/// Distinguishes when an entry is renewed early from a cache's other draws.
const EARLY: u64 = 0x0065_6172_6c79;

/// A time that no run reaches: entries that may be asked for when they have expired stay so much longer.
const KEPT: Ns = 1 << 62;

impl Caches {
    pub(super) fn new(m: &Model, salt: u64) -> Caches {
        let all = m.caches.iter().map(|spec| Shelves::new(m, spec, salt)).collect();
        let times_fetches = m.caches.iter().any(|spec| 0.0 < spec.early);
        Caches { all, epoch: 0, warming: false, worked: 0, releases: Releases::default(), times_fetches }
    }
}

impl Shelves {
    fn new(m: &Model, spec: &Cache, salt: u64) -> Shelves {
        let count = m.components[spec.component as usize].count;
        let nodes = if spec.per == NONE16 { count } else { 0 };
        let node = |n: u32| Shelf::new(spec.eviction, limits(spec), mix(spec.stream ^ salt ^ u64::from(n)));
        Shelves {
            nodes: (0..nodes).map(node).collect(),
            mirrors: (spec.each != 1).then(|| Box::new(Mirrors::new(spec.nodes, spec.each))),
            own: Vec::new(),
            own_of: FxHashMap::default(),
            memory: vec![Wide::default(); nodes as usize],
            behind: (0..count).map(|_| Behind::default()).collect(),
            lost_writes: 0,
            coalesced: 0,
            stale: 0,
            foresight: Foresight::default(),
            shown: Shown::of(m),
        }
    }

    /// Cumulative figures.
    pub(super) fn tally(&self) -> CacheTally {
        let mut tally = CacheTally {
            coalesced: self.coalesced,
            stale: self.stale,
            lost_writes: self.lost_writes,
            ..CacheTally::default()
        };
        for shelf in self.nodes.iter().chain(&self.own) {
            tally.evicted += shelf.tally().evicted;
            tally.expired += shelf.tally().expired;
            tally.refused += shelf.tally().refused;
            tally.entries += u64::from(shelf.len());
            tally.bytes += shelf.bytes();
        }
        tally
    }

    /// Every node has had to let somebody go, or to leave somebody outside; if nothing can expire, that has to happen.
    pub(super) fn is_full(&self, spec: &Cache) -> bool {
        let waits = spec.ttl_draw == NONE16 && spec.per == NONE16;
        let full = |shelf: &Shelf| 0 < shelf.tally().evicted + shelf.tally().refused;
        !waits || self.nodes.iter().take(spec.nodes as usize).all(full)
    }

    /// Bytes that a node keeps; those of caches of one's own are nobody's memory here.
    pub(super) fn bytes(&self, node: u32) -> u64 {
        self.nodes.get(node as usize).map_or(0, Shelf::bytes)
    }

    /// Bytes that a node has kept, integrated over time.
    pub(super) fn byte_ns(&self, node: u32, now: Ns) -> u128 {
        self.memory.get(node as usize).map_or(0, |memory| memory.area(now))
    }

    /// The instance that acts for a node.
    fn acting(&self, node: u32) -> u32 {
        self.mirrors.as_ref().map_or(node, |mirrors| mirrors.acting(node))
    }

    /// What a node keeps has changed.
    pub(super) fn weigh(&mut self, node: u32, now: Ns) {
        if let Some(memory) = self.memory.get_mut(node as usize) {
            memory.set(now, self.nodes[node as usize].bytes());
        }
    }
}

fn limits(spec: &Cache) -> Limits {
    Limits { bytes: spec.bytes, entries: spec.entries }
}

impl World<'_> {
    /// Now, on the clock of the shelves.
    pub(super) fn shelf_time(&self) -> Ns {
        self.now + self.caches.epoch
    }

    /// The entry that a frame means by a use of a cache. A node takes the key that its caller meant.
    pub(super) fn object(&mut self, id: u32, used: CacheUse) -> Object {
        let frame = &self.frames[id as usize];
        let spec = &self.m.caches[used.cache as usize];
        let at_node = self.m.operations[frame.operation as usize].component == spec.component;
        let given = if at_node { self.calls[id as usize].given_key } else { NONE16 };
        let key = [used.key, given, spec.key].into_iter().find(|key| *key != NONE16).unwrap_or(0);
        let request = frame.request;
        let value = self.key_value(key, request);
        let object = self.object_of(key, value, used.space);
        if self.caches.releases.is_empty() {
            return object;
        }
        self.versioned(object, self.requests[request as usize].arrived)
    }

    pub(super) fn object_of(&self, key: u16, value: u64, space: u64) -> Object {
        let place = mix(value ^ mix(self.m.keys[key as usize].population));
        Object { key, value, place, name: mix(place ^ space) }
    }

    /// The living node that has an object, or would have it: in the asker's region, or the nearest that has nodes.
    fn node_of(&mut self, id: u32, cache: u16, place: u64) -> Option<u32> {
        let Cache { component, is_state, .. } = self.m.caches[cache as usize];
        let Frame { station, parent, request, .. } = self.frames[id as usize];
        if is_state {
            return Some(station);
        }
        let has_caller = station == NONE && parent != NONE && parent & JOIN == 0;
        let asker = if has_caller { self.frames[parent as usize].station } else { station };
        let is_inner = asker != NONE && self.m.stations[asker as usize].component == component && has_caller;
        let shield = self.m.caches[cache as usize].shield;
        let spec = &self.m.components[component as usize];
        let from = if is_inner { shield } else { self.side_of(spec, asker, request) };
        let ask = Ask { bits: 0, key_value: place, now: crate::units::Time(self.now), demand_ns: 0 };
        let node = self.groups[component as usize].balancer.pick_near(&ask, from)?;
        Some(spec.first + self.caches.all[cache as usize].acting(node))
    }

    /// The instance of a cache or store that a call goes to: the node that has what it asks for.
    pub(super) fn pick_node(&mut self, id: u32, cache: u16) -> Option<u32> {
        let used = CacheUse { cache, key: NONE16, space: 0, bytes: NONE16, negative: false };
        let object = self.object(id, used);
        let node = self.node_of(id, cache, object.place)?;
        let Frame { operation, occasion, .. } = self.frames[id as usize];
        Some(self.copy_for(cache, node, operation, occasion))
    }

    /// Whether behind this node there is nothing but the backing.
    pub(super) fn at_shield(&self, id: u32, cache: u16) -> bool {
        let shield = self.m.caches[cache as usize].shield;
        let here = self.m.stations[self.frames[id as usize].station as usize].place;
        let region = |place: u16| self.m.places.get(usize::from(place)).map(|place| place.region);
        here == shield || region(here) == region(shield)
    }

    /// The shelf of a node, or of the request's own cache.
    fn shelf(&mut self, cache: u16, station: u32, request: u32) -> &mut Shelf {
        let spec = &self.m.caches[cache as usize];
        if spec.per == NONE16 {
            let node = station - self.m.components[spec.component as usize].first;
            if spec.each != 1 {
                self.take_in(cache, node);
            }
            return &mut self.caches.all[cache as usize].nodes[node as usize];
        }
        let whose = self.key_value(spec.per, request);
        let shelves = &mut self.caches.all[cache as usize];
        let next = shelves.own.len() as u32;
        let which = *shelves.own_of.entry(whose).or_insert(next);
        if which == next {
            shelves.own.push(Shelf::new(spec.eviction, limits(spec), mix(spec.stream ^ mix(whose))));
        }
        &mut shelves.own[which as usize]
    }

    /// Bytes of an object: what this put says, what its key says, what the cache says, what the answer had.
    fn size_of(&self, used: CacheUse, object: Object, occasion: u64, answer: f32) -> f64 {
        let spec = &self.m.caches[used.cache as usize];
        let of_key = self.m.keys[object.key as usize].bytes_draw;
        if used.negative {
            1.0
        } else if used.bytes != NONE16 {
            self.samplers.draw(used.bytes, occasion)
        } else if of_key != NONE16 {
            self.samplers.draw(of_key, mix(object.value))
        } else if spec.entry_draw != NONE16 {
            self.samplers.draw(spec.entry_draw, object.name)
        } else {
            f64::from(answer)
        }
    }

    /// Bytes that a call which puts an entry carries.
    pub(super) fn carried(&mut self, id: u32, used: u16) -> f64 {
        let used = self.m.cache_uses[used as usize];
        // The node takes the key that was given on the way, whatever the caller means by it.
        let object = self.object(id, CacheUse { key: NONE16, ..used });
        self.size_of(used, object, self.frames[id as usize].occasion, 0.0)
    }

    // -- at the node ------------------------------------------------------------------------------------------------------

    /// `Look`: what is there?
    pub(super) fn look_up(&mut self, id: u32, used: u16) -> u32 {
        let used = self.m.cache_uses[used as usize];
        let object = self.object(id, used);
        let spec = &self.m.caches[used.cache as usize];
        let Frame { station, request, occasion, .. } = self.frames[id as usize];
        if spec.is_store {
            let bytes = self.size_of(used, object, occasion, 0.0);
            self.calls[id as usize].bytes = bytes as f32;
            self.calls[id as usize].found = Found::Hit;
            return id;
        }
        let (now, kept) = (self.shelf_time(), self.kept(used.cache));
        let entry = self.shelf(used.cache, station, request).get(object.name, now);
        self.look_ahead_of(used, object, station - self.m.components[spec.component as usize].first, request);
        let entry = entry.map(|entry| Entry { expires: good_until(&entry, kept), ..entry });
        let found = match entry {
            Some(entry) if now < entry.expires => self.judge(used.cache, entry, occasion),
            _ => Found::Miss,
        };
        if found == Found::Worn {
            self.mark_renewing(used.cache, station, request, object.name);
        }
        if spec.sliding && found == Found::Hit {
            let ttl = self.samplers.draw_ns(spec.ttl_draw, occasion);
            self.shelf(used.cache, station, request).renew(object.name, now + ttl + kept);
        }
        let group = &mut self.groups[spec.component as usize];
        match found {
            // The hit ratio of a cache is that of what it fetches for others.
            _ if spec.is_state && self.m.components[spec.component as usize].cache != NONE16 => {}
            Found::Hit | Found::Worn | Found::Nothing => group.page_hits += 1,
            Found::Miss | Found::Early => group.page_misses += 1,
        }
        let call = &mut self.calls[id as usize];
        call.bytes = entry.filter(|_| found != Found::Miss).map_or(0.0, |entry| entry.size as f32);
        call.found = found;
        if self.caches.all[used.cache as usize].shown.is_some() {
            let is_shown = matches!(found, Found::Hit | Found::Worn | Found::Nothing);
            self.has_shown(id, used.cache, object, entry.filter(|_| is_shown));
        }
        id
    }

    /// How long entries stay beyond their time, because somebody may be content with them.
    fn kept(&self, cache: u16) -> Ns {
        if self.m.caches[cache as usize].stale { KEPT } else { 0 }
    }

    /// An entry is there: will it do?
    fn judge(&self, cache: u16, entry: Entry, occasion: u64) -> Found {
        let spec = &self.m.caches[cache as usize];
        let label = Label::unpack(entry.version);
        if label.nothing {
            return Found::Nothing;
        }
        let left = entry.expires.saturating_sub(self.shelf_time());
        if 0.0 < spec.early {
            // Vattani, Chierichetti, Lowenstein 2015: renew once now - cost x beta x ln(u) reaches the end.
            let ahead = self.samplers.ziggurat().exponential(bits(spec.stream ^ EARLY, occasion));
            if left as f64 <= label.cost as f64 * spec.early * ahead {
                return Found::Early;
            }
        }
        let worn = 0.0 < spec.refresh && left as f64 <= label.ttl as f64 * (1.0 - spec.refresh);
        if worn && !label.renewing { Found::Worn } else { Found::Hit }
    }

    fn mark_renewing(&mut self, cache: u16, station: u32, request: u32, name: u64) {
        self.shelf(cache, station, request)
            .relabel(name, |version| Label { renewing: true, ..Label::unpack(version) }.pack());
    }

    /// `Keep`: the entry is on the shelf of the node from now on.
    pub(super) fn keep(&mut self, id: u32, used: u16) {
        let used = self.m.cache_uses[used as usize];
        let spec = &self.m.caches[used.cache as usize];
        if spec.is_store {
            return;
        }
        let object = self.object(id, used);
        let Frame { station, request, occasion, .. } = self.frames[id as usize];
        let size = self.size_of(used, object, occasion, self.calls[id as usize].bytes);
        if !self.m.residency.is_empty() {
            self.note_bytes(station, request, size);
        }
        let ttl = if used.negative {
            spec.negative.0
        } else if spec.ttl_draw == NONE16 {
            Ns::MAX
        } else {
            self.samplers.draw_ns(spec.ttl_draw, occasion)
        };
        let now = self.shelf_time();
        // What comes in first before the run would have stood there already: else everything would expire together.
        let aged = (ttl as f64 * unit(mix(object.name))) as Ns;
        let has_aged = self.caches.warming && now < aged && ttl != Ns::MAX;
        let ttl = if has_aged { aged - now } else { ttl };
        // Only what somebody will ask for: an entry of which nothing is noted takes less memory.
        let cost = if 0.0 < spec.early { self.fetch_time(id) } else { 0 };
        let noted = if 0.0 < spec.refresh { ttl } else { 0 };
        let label = Label { nothing: used.negative, renewing: false, ttl: noted, cost };
        let expires = if ttl == Ns::MAX { Ns::MAX } else { now + ttl + self.kept(used.cache) };
        let size_kept = size.clamp(1.0, f64::from(u32::MAX)) as u32;
        let edition = if self.caches.releases.is_empty() { 0 } else { self.edition_brought(id, object) };
        let entry = Entry { size: size_kept, edition, expires, version: label.pack() };
        if edition != 0 || !self.caches.releases.is_empty() {
            self.shows_fetched(id, used.cache, object, entry);
        }
        self.shelf(used.cache, station, request).put(object.name, entry, now);
        self.weigh(used.cache, station);
        self.send_to_copies(used.cache, station, object.name, Some(entry));
        if !used.negative {
            self.calls[id as usize].bytes = size as f32;
        }
    }

    /// How long the fetch took whose answer is being kept: since the look that missed, here or at the caller.
    fn fetch_time(&self, id: u32) -> Ns {
        let parent = self.frames[id as usize].parent;
        let own = self.calls[id as usize].missed;
        let since = match self.calls.get(parent as usize) {
            Some(caller) if own == 0 => caller.missed,
            _ => own,
        };
        let now = self.fetch_clock();
        now - since.min(now)
    }

    /// Time by which fetches are measured; before the run it is the work done.
    fn fetch_clock(&self) -> Ns {
        if self.caches.warming { self.caches.worked + 1 } else { self.now }
    }

    /// `Drop`: the entry is gone.
    pub(super) fn drop_entry(&mut self, id: u32, used: u16) -> u32 {
        let used = self.m.cache_uses[used as usize];
        let object = self.object(id, used);
        let Frame { station, request, .. } = self.frames[id as usize];
        self.shelf(used.cache, station, request).remove(object.name);
        self.weigh(used.cache, station);
        self.send_to_copies(used.cache, station, object.name, None);
        id
    }

    fn weigh(&mut self, cache: u16, station: u32) {
        let first = self.m.components[self.m.caches[cache as usize].component as usize].first;
        self.caches.all[cache as usize].weigh(station - first, self.now);
    }

    // -- where the answer of a look is read ---------------------------------------------------------------------------------

    /// `Found`: on with what the last look says.
    pub(super) fn found(&mut self, id: u32, hit: u16, early: u16) -> u32 {
        let now = self.fetch_clock();
        let call = &mut self.calls[id as usize];
        match call.found {
            Found::Hit | Found::Worn => self.frames[id as usize].pc = hit,
            Found::Nothing => return self.fail(id, Failure::NOT_FOUND),
            Found::Early => {
                call.missed = now;
                self.frames[id as usize].pc = early;
            }
            Found::Miss => call.missed = now,
        }
        id
    }

    /// `Again`: has somebody fetched it meanwhile?
    pub(super) fn again(&mut self, id: u32, used: u16, to: u16) -> u32 {
        let there = self.entry_there(id, used);
        let (now, kept) = (self.shelf_time(), self.kept(self.m.cache_uses[used as usize].cache));
        if let Some((object, entry)) = there.filter(|(_, entry)| now < good_until(entry, kept)) {
            let cache = self.m.cache_uses[used as usize].cache;
            self.caches.all[cache as usize].coalesced += 1;
            self.shows_after_all(id, cache, object, entry);
            if Label::unpack(entry.version).nothing {
                return self.fail(id, Failure::NOT_FOUND);
            }
            self.calls[id as usize].bytes = entry.size as f32;
            self.frames[id as usize].pc = to;
        }
        id
    }

    /// `Stale`: is there anything at all?
    pub(super) fn stale(&mut self, id: u32, used: u16, to: u16) -> u32 {
        let there = self.entry_there(id, used);
        if let Some((object, entry)) = there.filter(|(_, entry)| !Label::unpack(entry.version).nothing) {
            let cache = self.m.cache_uses[used as usize].cache;
            self.caches.all[cache as usize].stale += 1;
            self.shows_after_all(id, cache, object, entry);
            self.calls[id as usize].bytes = entry.size as f32;
            self.frames[id as usize].pc = to;
        }
        id
    }

    /// The entry as it stands on the shelf of its node, without anybody taking notice.
    fn entry_there(&mut self, id: u32, used: u16) -> Option<(Object, Entry)> {
        let used = self.m.cache_uses[used as usize];
        let object = self.object(id, used);
        let node = self.node_of(id, used.cache, object.place)?;
        let (now, request) = (self.shelf_time(), self.frames[id as usize].request);
        self.shelf(used.cache, node, request).peek(object.name, now).map(|entry| (object, entry))
    }

    /// The value of a flight's lock: the object, for each instance its own if the flight is `local`.
    pub(super) fn flight_value(&mut self, id: u32, used: u16, local: bool) -> u64 {
        let used = self.m.cache_uses[used as usize];
        let name = self.object(id, used).name;
        if local { mix(name ^ u64::from(self.frames[id as usize].station)) } else { name }
    }

    /// `Rethrow`: fails with the failure that led here.
    pub(super) fn rethrow(&mut self, id: u32) -> u32 {
        let kind = self.calls[id as usize].outcome.failure().unwrap_or(Failure::UNAVAILABLE);
        self.fail(id, kind)
    }

    /// An empty cache, all nodes alike.
    pub(super) fn flush_cache(&mut self, cache: u16) {
        let shelves = &mut self.caches.all[cache as usize];
        shelves.nodes.iter_mut().for_each(Shelf::clear);
        shelves.own.iter_mut().for_each(Shelf::clear);
        shelves.mirrors.iter_mut().for_each(|mirrors| mirrors.forget_all(None));
        (0..shelves.memory.len() as u32).for_each(|node| shelves.weigh(node, self.now));
    }

    /// Lets the entry of a key value expire, wherever it is.
    pub(super) fn expire_value(&mut self, cache: u16, key: u16, value: u64) {
        let spaces = self.m.cache_uses.iter().filter(|used| used.cache == cache).map(|used| used.space);
        for space in spaces.collect::<BTreeSet<_>>() {
            let object = self.versioned(self.object_of(key, value, space), self.now);
            let shelves = &mut self.caches.all[cache as usize];
            shelves.mirrors.iter_mut().for_each(|mirrors| mirrors.forget_all(Some(object.name)));
            shelves.nodes.iter_mut().for_each(|shelf| {
                shelf.expire_one(object.name);
            });
            shelves.own.iter_mut().for_each(|shelf| {
                shelf.expire_one(object.name);
            });
        }
    }
}

/// When an entry expires that stands on the shelf for so much longer.
fn good_until(entry: &Entry, kept: Ns) -> Ns {
    if entry.expires == Ns::MAX { Ns::MAX } else { entry.expires - kept }
}

#[cfg(test)]
mod tests {
    use super::Label;

    #[test]
    fn a_label_comes_back() {
        let label = Label { nothing: true, renewing: false, ttl: 3600 << 30 >> 20 << 20, cost: 5 << 20 };
        assert_eq!(label, Label::unpack(label.pack()));
        assert!(Label { nothing: true, renewing: true, ttl: u64::MAX, cost: u64::MAX }.pack() < 1 << 63);
    }
}
