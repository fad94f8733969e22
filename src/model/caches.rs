//! Caches: what their nodes keep, and the programs of those who ask them.
//!
//! | written | program |
//! |---|---|
//! | `get` of a node | what it costs, `Look`, `Return` |
//! | an operation of the `backing` | what it costs, `Look`, and on a miss the call that fetches, then `Keep` |
//! | `write` through, behind | the call that writes, then `Keep`; or `Keep` and `Later`, which leaves the writing to a flush |
//! | step `cached` | call `get`; on a miss the steps, then call `put`. A cache that fails is a miss |
//! | `single_flight` | a lock for each entry around the fetch; who gets it looks again first |
//! | `negative` | a fetch that fails as `not_found` is put as such, and fails on |
//! | `refresh` | a hit on a worn entry spawns a fetch |
//! | `fallback: stale` | a fetch that fails ends with what is there, however old |

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::model::arrows::End;
use crate::model::compile::{Compiler, span, stream};
use crate::model::names::CacheVerb;
use crate::model::program::{CacheUse, Handler, LockUse, Step};
use crate::model::steps::{Patch, Pending, Task, Writer};
use crate::model::{Cause, Failure, Model, NONE16, Operation};
use crate::policy::balance::Balance;
use crate::policy::eviction::Eviction;
use crate::random::Purpose;
use crate::scenario::cache::Flight;
use crate::scenario::{self, Fallback, Kind, Policy, Reference, Verb};
use crate::units::Span;

/// What the nodes of a cache keep.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own that the scenario states")]
pub struct Cache {
    pub component: u16,
    /// Stream of what is drawn for each key value, and of the place of a value on the ring.
    pub stream: u64,
    /// Of one node; `u64::MAX`: no limit.
    pub bytes: u64,
    pub entries: u64,
    pub eviction: Eviction,
    /// Bytes of an entry by its key value, or `NONE16`.
    pub entry_draw: u16,
    /// `NONE16`: never expires.
    pub ttl_draw: u16,
    pub sliding: bool,
    /// Key that is meant where nothing names one.
    pub key: u16,
    /// A small cache for each value of this key instead of nodes, or `NONE16`.
    pub per: u16,
    /// 0: never before it expires.
    pub early: f64,
    /// Share of the time to live; 0: never.
    pub refresh: f64,
    /// How long `not_found` is remembered; 0: not at all.
    pub negative: Span,
    /// Place whose nodes the others ask before the backing, or `NONE16`.
    pub shield: u16,
    /// Somebody is content with entries that have expired, so they stay.
    pub stale: bool,
    pub flush: Option<Flush>,
    /// An object store: everything is there, and nothing of it is kept here.
    pub is_store: bool,
    /// The state of a component's instances: each looks only at what it keeps itself.
    pub is_state: bool,
    /// Nodes that differ, and copies of each: node n stands at the instances n, n + nodes, ...
    pub nodes: u32,
    pub each: u32,
    /// Any copy answers what does not write.
    pub read_any: bool,
    /// What lies between copies, or `NONE16`; no step calls through it.
    pub edge: u16,
}

/// How a write-behind cache writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    pub every: Span,
    /// Most entries written at the same time.
    pub batch: u32,
    /// Program that writes one entry.
    pub entry: u16,
    /// Operation of the cache that the program belongs to.
    pub operation: u16,
}

/// Points of a node on the ring.
const POINTS: u32 = 150;

/// Where a fetch jumps to: indices of steps whose targets are still open.
#[derive(Default)]
struct Open {
    /// To the end of the whole.
    end: Vec<usize>,
}

impl Compiler<'_> {
    /// Everything that keeps entries, in the order of components.
    pub(super) fn compile_caches(&mut self) {
        let scenario = self.scenario;
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let cache = match &written.value.kind {
                Kind::Cache(said) => self.cache((number as u16, false), name, said, written),
                Kind::Store(said) => self.object_store(number as u16, name, said, written.spot),
                _ => continue,
            };
            let index = self.index(self.model.caches.len(), "caches");
            let component = &mut self.model.components[number];
            component.cache = index;
            component.balance = Balance::ConsistentHash(String::new(), POINTS);
            self.model.caches.push(cache);
        }
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let Some(said) = &written.value.state else { continue };
            let cache = self.cache((number as u16, true), name, said, written);
            self.model.components[number].state = self.index(self.model.caches.len(), "caches");
            self.model.caches.push(cache);
        }
    }

    fn cache(
        &mut self,
        (component, is_state): (u16, bool),
        name: &str,
        said: &scenario::cache::Cache,
        written: &Spotted<scenario::Component>,
    ) -> Cache {
        let path = if is_state { format!("components.{name}.state") } else { format!("components.{name}") };
        let host = self.model.stations.get(self.model.components[usize::from(component)].first as usize);
        let host = host.and_then(|station| self.model.hosts.get(station.host as usize));
        let of_machine = host.map(|host| host.memory_bytes).filter(|bytes| 0 < *bytes);
        let bytes = said.memory_bytes.map(|bytes| bytes as u64);
        if let (Some(asked), Some(has)) = (bytes, of_machine)
            && has < asked
        {
            let message = format!("`{name}` keeps more than the memory of its machine holds");
            self.tell(
                Diagnostic::new(Code::OutOfRange, written.spot, message).help("keep less, or take a larger machine"),
            );
        }
        let key = self.key_of_cache(said.key.as_ref(), name, written.spot);
        let bytes = if is_state || said.entries.is_some() { bytes } else { bytes.or(of_machine) };
        let cache = Cache {
            component,
            stream: stream(&path, Purpose::Key),
            bytes: bytes.unwrap_or(u64::MAX),
            entries: said.entries.unwrap_or(u64::MAX),
            eviction: said.eviction,
            entry_draw: self.draw_unless_zero(&format!("{path}.entry"), Purpose::Size, said.entry.as_ref()),
            ttl_draw: said.ttl.as_ref().map_or(NONE16, |ttl| self.draw(&format!("{path}.ttl"), Purpose::Service, ttl)),
            sliding: said.sliding,
            key,
            per: self.names.find_key(said.per.as_ref(), self.diags),
            shield: said.shield.as_ref().and_then(|place| self.find_place(place)).unwrap_or(NONE16),
            early: said.miss.early.unwrap_or(0.0),
            refresh: said.miss.refresh.unwrap_or(0.0),
            negative: said.miss.negative_s.map_or(Span(0), span),
            stale: false,
            flush: None,
            is_store: false,
            is_state,
            nodes: self.model.components[usize::from(component)].count / said.each(),
            each: said.each(),
            read_any: said.replicas.is_some_and(|replicas| replicas.read_any),
            edge: NONE16,
        };
        self.check_sizes(name, said, &cache, written.spot);
        cache
    }

    /// Bytes can only be counted where it is known how many an entry has.
    fn check_sizes(&mut self, name: &str, said: &scenario::cache::Cache, cache: &Cache, spot: Spot) {
        let of_key = self.model.keys.get(usize::from(cache.key)).is_some_and(|key| key.bytes_draw != NONE16);
        let known = cache.entry_draw != NONE16 || of_key || said.backing.is_some();
        if said.memory_bytes.is_some() && !known {
            let message = format!("`{name}` has a `memory`, but nothing says how large an entry is");
            self.tell(
                Diagnostic::new(Code::MissingField, spot, message).help("add `entry: 2KB`, or `bytes` to its key"),
            );
        }
    }

    /// Objects of which every one is there.
    fn object_store(&mut self, component: u16, name: &str, said: &scenario::cache::Store, spot: Spot) -> Cache {
        let path = format!("components.{name}");
        Cache {
            component,
            stream: stream(&path, Purpose::Key),
            bytes: u64::MAX,
            entries: u64::MAX,
            eviction: Eviction::None,
            entry_draw: self.draw_unless_zero(&format!("{path}.object"), Purpose::Size, said.object.as_ref()),
            ttl_draw: NONE16,
            sliding: false,
            key: self.key_of_cache(said.key.as_ref(), name, spot),
            per: NONE16,
            early: 0.0,
            refresh: 0.0,
            negative: Span(0),
            shield: NONE16,
            stale: false,
            flush: None,
            is_store: true,
            is_state: false,
            nodes: self.model.components[usize::from(component)].count,
            each: 1,
            read_any: false,
            edge: NONE16,
        }
    }

    /// The key that is meant where a step names none: the one given, or the only one there is.
    fn key_of_cache(&mut self, given: Option<&Reference>, name: &str, spot: Spot) -> u16 {
        if given.is_some() {
            return self.names.find_key(given, self.diags);
        }
        match self.names.keys.len() {
            0 => {
                let message = format!("`{name}` keeps values by key, and the scenario has no key");
                self.tell(
                    Diagnostic::new(Code::UnknownKey, spot, message)
                        .help("add `keys: {user: {count: 1M, popularity: zipf(0.99)}}`"),
                );
                NONE16
            }
            1 => 0,
            _ => NONE16,
        }
    }

    fn add_use(&mut self, made: CacheUse) -> u16 {
        if let Some(known) = self.model.cache_uses.iter().position(|known| *known == made) {
            return known as u16;
        }
        let index = self.index(self.model.cache_uses.len(), "uses of caches");
        self.model.cache_uses.push(made);
        index
    }

    /// What the cache of a component says.
    fn cache_said(&self, cache: u16) -> Option<&scenario::cache::Cache> {
        let Cache { component, is_state, .. } = self.model.caches[usize::from(cache)];
        let component = &self.scenario.components[self.names.components[usize::from(component)]].value;
        match &component.kind {
            _ if is_state => component.state.as_deref(),
            Kind::Cache(said) => Some(said),
            _ => None,
        }
    }

    /// A key that is known at last: that of the step, or the cache's own.
    pub(super) fn check_key(&mut self, key: u16, cache: u16, spot: Spot) {
        if key != NONE16 || self.model.caches[usize::from(cache)].key != NONE16 || self.names.keys.len() < 2 {
            return;
        }
        let component = self.model.caches[usize::from(cache)].component;
        let name = self.names.components[usize::from(component)];
        let message = format!("which key is meant? `{name}` does not say, and the scenario has several");
        let made = Diagnostic::new(Code::UnknownKey, spot, message);
        self.diags.push(made.help(format!("add `key: {}` to the step or to `{name}`", self.names.keys[0])));
    }
}

impl Cache {
    /// The share of the calls of an operation that an instance gets, where keys are even; `None` where all are alike.
    pub fn share(&self, operation: &Operation, instance: u32) -> Option<f64> {
        if self.each == 1 {
            return None;
        }
        Some(match (self.read_any && !operation.writes, instance < self.nodes) {
            (true, _) => 1.0 / f64::from(self.nodes * self.each),
            (false, true) => 1.0 / f64::from(self.nodes),
            (false, false) => 0.0,
        })
    }
}

impl Model {
    /// Operations whose requests leave something in a cache or a buffer pool, here or behind calls.
    pub(super) fn keeping(&self) -> BTreeSet<u16> {
        let keeps = |operation: &u16| {
            let operation = &self.operations[usize::from(*operation)];
            let pool = self.components[usize::from(operation.component)].buffer.is_some();
            self.program(operation.entry).any(|step| match step {
                Step::Pages { .. } => pool,
                Step::Keep { .. } | Step::Look { .. } => true,
                _ => false,
            })
        };
        let all = 0..self.operations.len() as u16;
        self.leading_to(all.filter(keeps).collect())
    }

    /// Whether something gets fuller and fuller until it is full.
    pub(super) fn fills_up(&self) -> bool {
        let is_limited =
            |cache: &Cache| cache.ttl_draw == NONE16 && (cache.bytes != u64::MAX || cache.entries != u64::MAX);
        self.components.iter().any(|component| component.buffer.is_some()) || self.caches.iter().any(is_limited)
    }
}

impl<'s> Writer<'_, 's> {
    /// The program of an operation of a cache or a store, behind what it costs.
    pub(super) fn cache_operation(&mut self, verb: &CacheVerb<'s>) {
        let component = self.place.end().name.to_owned();
        let number = self.compiler.names.component(&component).expect("the component has operations");
        let cache = self.compiler.model.components[usize::from(number)].cache;
        if cache == NONE16 {
            return;
        }
        let plain = CacheUse { cache, key: NONE16, space: 0, bytes: NONE16, negative: false };
        self.first_byte(&component);
        match verb {
            CacheVerb::Get => {
                let used = self.compiler.add_use(plain);
                self.push(Step::Look { cache: used });
            }
            CacheVerb::Put | CacheVerb::PutNegative => {
                let negative = matches!(verb, CacheVerb::PutNegative);
                let used = self.compiler.add_use(CacheUse { negative, ..plain });
                self.push(Step::Keep { cache: used });
            }
            CacheVerb::Delete => {
                let used = self.compiler.add_use(plain);
                self.push(Step::Drop { cache: used });
            }
            CacheVerb::Read { from, space } => self.read_through(CacheUse { space: *space, ..plain }, from),
            CacheVerb::Write { to, spaces } => self.write_through(plain, to, spaces),
            CacheVerb::Flush { to } => self.flush(plain, to),
        }
    }

    /// A store takes its time before it says anything.
    fn first_byte(&mut self, component: &str) {
        let Kind::Store(said) = &self.compiler.scenario.components[component].value.kind else { return };
        if let Some(first_byte) = &said.first_byte {
            self.time("first_byte", first_byte, Cause::Service);
        }
    }

    /// A node fetches what it lacks.
    fn read_through(&mut self, plain: CacheUse, from: &'s Reference) {
        let used = self.compiler.add_use(plain);
        self.push(Step::Look { cache: used });
        let mut open = Open::default();
        let found = self.push(Step::Found { hit: 0, early: 0 });
        let flight = self.take_off(used, true);
        self.early_from(found);
        let start = self.at();
        let Some(operation) = self.compiler.names.find_operation(from, self.compiler.diags) else { return };
        let path = self.place.next("backing");
        let mut past = Vec::new();
        let has_shield = self.compiler.model.caches[usize::from(plain.cache)].shield != NONE16;
        let elsewhere = has_shield.then(|| self.push(Step::UnlessShield { cache: plain.cache, to: 0 }));
        self.call(&path, &[(operation, 1.0)], &Policy::default(), NONE16);
        if let Some(elsewhere) = elsewhere {
            past.push(self.push(Step::Jump { to: 0 }));
            self.land(&[elsewhere]);
            let End { name, operation: own } = self.place.end();
            let component = self.compiler.names.component(name).expect("its program is being written");
            let own = self.compiler.names.operation(component, own).expect("its program is being written");
            self.call(&format!("{path}.shield"), &[(own, 1.0)], &Policy::default(), NONE16);
        }
        self.land(&past);
        let keep = self.push(Step::Keep { cache: used });
        let end = keep as u16;
        let stale = self.is_stale_allowed(operation);
        self.land_flight(flight);
        let negative = self.compiler.model.caches[usize::from(plain.cache)].negative != Span(0);
        let knows = CacheUse { negative: true, ..plain };
        self.without_answer(used, (start, end), (flight, negative, stale), &mut open, |writer| {
            let knows = writer.compiler.add_use(knows);
            writer.push(Step::Keep { cache: knows });
        });
        self.land_hits(found, &open);
        self.renew(plain.cache, &path, Task::Fetch { operation, used });
    }

    /// A write goes to the backing first, or is kept for a flush.
    fn write_through(&mut self, plain: CacheUse, to: &'s Reference, spaces: &[u64]) {
        let behind = self.compiler.cache_said(plain.cache).and_then(|said| said.backing.as_ref()?.behind);
        if behind.is_none() {
            let Some(operation) = self.compiler.names.find_operation(to, self.compiler.diags) else { return };
            let path = self.place.next("backing");
            self.call(&path, &[(operation, 1.0)], &Policy::default(), NONE16);
        }
        // What was written is one answer; where several are kept for a key value, they are out of date.
        for &space in spaces {
            let used = self.compiler.add_use(CacheUse { space, ..plain });
            self.push(if spaces.len() == 1 { Step::Keep { cache: used } } else { Step::Drop { cache: used } });
        }
        if behind.is_some() {
            let used = self.compiler.add_use(plain);
            self.push(Step::Later { cache: used });
        }
    }

    /// One entry is written to the backing.
    fn flush(&mut self, plain: CacheUse, to: &'s Reference) {
        let Some(flush) = self.compiler.cache_said(plain.cache).and_then(|said| said.backing.as_ref()?.behind) else {
            return;
        };
        let Some(operation) = self.compiler.names.find_operation(to, self.compiler.diags) else { return };
        let entry = self.at();
        let number = self.compiler.index(self.compiler.model.operations.len(), "operations");
        let path = self.place.next("backing");
        let from = self.at();
        self.call(&path, &[(operation, 1.0)], &Policy::default(), NONE16);
        let end = self.at();
        self.push(Step::Written { cache: plain.cache, well: true });
        let jump = self.push(Step::Jump { to: 0 });
        let target = self.at();
        self.compiler.model.handlers.push(Handler { from, to: end, target });
        self.push(Step::Written { cache: plain.cache, well: false });
        self.land(&[jump]);
        let made = Flush { every: span(flush.every_s), batch: flush.batch, entry, operation: number };
        self.compiler.model.caches[usize::from(plain.cache)].flush = Some(made);
    }

    /// Whether the arrow to the backing says that old entries will do.
    fn is_stale_allowed(&self, operation: u16) -> bool {
        let (component, name) = self.compiler.end_of(operation);
        let to = End { name: &component, operation: &name };
        matches!(self.compiler.fallback(self.place.end(), to), Some(Fallback::Stale))
    }

    // -- steps of those who ask ------------------------------------------------------------------------------------------

    /// `cached`, `get`, `put` and `invalidate`.
    pub(super) fn cache_step(&mut self, step: &'s scenario::Step) {
        let (Verb::Cached { cache: reference, .. }
        | Verb::Get { cache: reference, .. }
        | Verb::Put { cache: reference, .. }
        | Verb::Invalidate { cache: reference }) = &step.verb.value
        else {
            unreachable!("only steps with a cache come here")
        };
        let key = self.compiler.names.find_key(step.key.as_ref(), self.compiler.diags);
        let Some(cache) = self.compiler.cache_named(reference, Some(self.place.end().name)) else { return };
        self.compiler.check_key(key, cache, step.verb.spot);
        if self.compiler.model.caches[usize::from(cache)].is_state && step.policy.is_about_calls() {
            let message = "a look into one's own memory is no call: there is nothing to wait for or to repeat";
            let told = Diagnostic::new(Code::Inert, step.verb.spot, message);
            self.compiler.tell(told.help("leave out the time limits and retries of this step"));
        }
        let plain = CacheUse { cache, key, space: 0, bytes: NONE16, negative: false };
        let path = self.place.next(step.verb.value.word());
        match &step.verb.value {
            Verb::Cached { miss, .. } => self.cached(&path, plain, miss, step),
            Verb::Get { hit, miss, .. } => self.get(&path, plain, (hit, miss), step),
            Verb::Put { bytes, .. } => {
                let bytes = self.compiler.draw_unless_zero(&format!("{path}.bytes"), Purpose::Size, bytes.as_ref());
                self.put(&path, CacheUse { bytes, ..plain }, "put", step);
            }
            _ => self.ask(&path, plain, "delete", step),
        }
    }

    /// Calls an operation of the cache's own; on one's own state it is one step.
    pub(super) fn ask(&mut self, path: &str, used: CacheUse, operation: &str, step: &'s scenario::Step) {
        let Cache { component, is_state, .. } = self.compiler.model.caches[usize::from(used.cache)];
        if is_state {
            let cache = self.compiler.add_use(used);
            _ = self.push(match operation {
                "get" => Step::Look { cache },
                "delete" => Step::Drop { cache },
                _ => Step::Keep { cache },
            });
            return;
        }
        let Some(operation) = self.compiler.names.operation(component, operation) else { return };
        self.call(path, &[(operation, 1.0)], &step.policy, used.key);
    }

    /// A put carries the entry.
    fn put(&mut self, path: &str, used: CacheUse, operation: &str, step: &'s scenario::Step) {
        let from = self.compiler.model.edges.len();
        self.ask(&format!("{path}/{operation}"), used, operation, step);
        let carries = self.compiler.add_use(used);
        for edge in &mut self.compiler.model.edges[from..] {
            edge.carries = carries;
        }
    }

    fn cached(&mut self, path: &str, plain: CacheUse, miss: &'s [scenario::Step], step: &'s scenario::Step) {
        let used = self.compiler.add_use(plain);
        let mut open = Open::default();
        let found = self.look(path, plain, step);
        let flight = self.take_off(used, false);
        self.early_from(found);
        let start = self.at();
        self.inside(format!("{path}/miss"), miss);
        let end = self.at();
        self.put_softly(path, plain, "put", step);
        self.land_flight(flight);
        let negative = self.compiler.model.caches[usize::from(plain.cache)].negative != Span(0);
        let stale = matches!(step.fallback, Some(Fallback::Stale));
        let knows = CacheUse { negative: true, ..plain };
        self.without_answer(used, (start, end), (flight, negative, stale), &mut open, |writer| {
            writer.put_softly(&format!("{path}/negative"), knows, "put_negative", step);
        });
        self.land_hits(found, &open);
        self.renew(plain.cache, path, Task::Renew { step, used: plain });
    }

    fn get(
        &mut self,
        path: &str,
        plain: CacheUse,
        (hit, miss): (&'s [scenario::Step], &'s [scenario::Step]),
        step: &'s scenario::Step,
    ) {
        let found = self.look(path, plain, step);
        self.early_from(found);
        self.inside(format!("{path}/miss"), miss);
        let past = self.push(Step::Jump { to: 0 });
        self.land_hits(found, &Open::default());
        self.inside(format!("{path}/hit"), hit);
        self.land(&[past]);
    }

    /// Asks the cache; one that fails is a miss. Answers the step that tells.
    fn look(&mut self, path: &str, used: CacheUse, step: &'s scenario::Step) -> usize {
        let from = self.at();
        self.ask(&format!("{path}/get"), used, "get", step);
        let to = self.at();
        let found = self.push(Step::Found { hit: 0, early: 0 });
        let target = self.at();
        self.compiler.model.handlers.push(Handler { from, to, target });
        found
    }

    /// A put whose failure is nobody's concern.
    fn put_softly(&mut self, path: &str, used: CacheUse, operation: &str, step: &'s scenario::Step) {
        let from = self.at();
        self.put(path, used, operation, step);
        let to = self.at();
        self.compiler.model.handlers.push(Handler { from, to, target: to });
    }

    /// Who finds the flight of others in the air waits for it to land, then looks again.
    fn take_off(&mut self, used: u16, is_node: bool) -> Option<(u16, usize)> {
        let cache = self.compiler.model.cache_uses[usize::from(used)].cache;
        let flight = self.compiler.cache_said(cache)?.miss.single_flight?;
        let component = self.compiler.model.caches[usize::from(cache)].component;
        let name = self.compiler.names.components[usize::from(component)].to_owned();
        let next = self.compiler.index(self.compiler.locks.len(), "locks");
        let lock = *self.compiler.locks.entry((Some(name.clone()), "single flight".to_owned())).or_insert(next);
        let cell = self.compiler.cell(&name, Cause::Lock);
        let index = self.compiler.index(self.compiler.model.lock_uses.len(), "lock steps");
        // Nodes share no entries, so a flight of a node is one of the cluster.
        let local = flight == Flight::Instance && !is_node;
        self.compiler.model.lock_uses.push(LockUse {
            lock,
            key: NONE16,
            flight: used,
            local,
            exclusive: true,
            timeout: Span(0),
            within: NONE16,
            cell,
        });
        self.push(Step::Lock { lock: index });
        Some((index, self.push(Step::Again { cache: used, to: 0 })))
    }

    /// What happens when the fetch in `from .. to` fails: `not_found` may be remembered, an old entry may do.
    fn without_answer(
        &mut self,
        used: u16,
        (from, to): (u16, u16),
        (flight, negative, stale): (Option<(u16, usize)>, bool, bool),
        open: &mut Open,
        remember: impl FnOnce(&mut Self),
    ) {
        if !negative && !stale {
            return;
        }
        open.end.push(self.push(Step::Jump { to: 0 }));
        let target = self.at();
        self.compiler.model.handlers.push(Handler { from, to, target });
        if negative {
            let past = self.push(Step::UnlessCaught { kind: Failure::NOT_FOUND, to: 0 });
            remember(self);
            self.land(&[past]);
        }
        if let Some((lock, _)) = flight {
            self.push(Step::Unlock { lock });
        }
        if stale {
            let cache = self.compiler.model.cache_uses[usize::from(used)].cache;
            self.compiler.model.caches[usize::from(cache)].stale = true;
            open.end.push(self.push(Step::Stale { cache: used, to: 0 }));
        }
        self.push(Step::Rethrow);
    }

    /// The flight is over.
    fn land_flight(&mut self, flight: Option<(u16, usize)>) {
        if let Some((lock, again)) = flight {
            self.land(&[again]);
            self.push(Step::Unlock { lock });
        }
    }

    /// An early renewal begins here: it takes no part in the flight.
    fn early_from(&mut self, found: usize) {
        let here = self.at();
        if let Step::Found { early, .. } = &mut self.compiler.model.steps[found] {
            *early = here;
        }
    }

    /// Hits go on here, with all that ended well.
    fn land_hits(&mut self, found: usize, open: &Open) {
        let here = self.at();
        if let Step::Found { hit, .. } = &mut self.compiler.model.steps[found] {
            *hit = here;
        }
        self.land(&open.end);
    }

    /// A worn entry is fetched in the background.
    fn renew(&mut self, cache: u16, path: &str, task: Task<'s>) {
        if self.compiler.model.caches[usize::from(cache)].refresh <= 0.0 {
            return;
        }
        let past = self.push(Step::UnlessWorn { to: 0 });
        let spawn = self.push(Step::Spawn { entry: 0 });
        self.pending.push_back(Pending {
            task,
            path: format!("{path}/renewal"),
            patch: Patch::Spawn(spawn),
            transaction: None,
        });
        self.land(&[past]);
    }

    /// Does what a miss of a `cached` step does.
    pub(super) fn renew_from_step(&mut self, step: &'s scenario::Step, used: CacheUse) {
        let Verb::Cached { miss, .. } = &step.verb.value else { return };
        let path = self.place.next("cached");
        self.inside(format!("{path}/miss"), miss);
        self.put_softly(&path, used, "put", step);
    }

    /// Fetches what is behind a cache.
    pub(super) fn renew_from_backing(&mut self, operation: u16, used: u16) {
        let path = self.place.next("backing");
        self.call(&path, &[(operation, 1.0)], &Policy::default(), NONE16);
        self.push(Step::Keep { cache: used });
    }
}
