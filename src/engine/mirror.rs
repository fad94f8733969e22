//! Copies of the nodes of a cache.
//!
//! Node n of N has its copies at the instances n, n + N, n + 2N and so on, and one of them acts for it: it takes what is
//! written, and all reads unless any copy may answer. What it takes in travels to the others over the link between them;
//! until it is there they show what they had. When its death has been noticed, the next copy that has everything acts. Who
//! comes back copies everything from the one that acts before it counts again, and stays in the second row.

use std::collections::VecDeque;

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World};
use crate::model::NONE16;
use crate::policy::eviction::{Entry, Shelf};
use crate::random::{below, bits};

/// Who acts for whom, and what is on its way.
#[derive(Debug)]
pub(super) struct Mirrors {
    nodes: u32,
    /// By instance: whether it is thought to live, and whether it has everything.
    known: Vec<bool>,
    whole: Vec<bool>,
    /// By node: the instance that acts for it.
    acting: Vec<u32>,
    /// By instance: what is on its way there, in the order in which it arrives.
    coming: Vec<VecDeque<Coming>>,
    /// Entries ever sent: the address of their draws.
    sent: u64,
    /// When what was sent last is at the first copy; `Ns::MAX` if there was none to send it to.
    pub(super) arrives: Ns,
}

/// An entry on its way to a copy, or the word that it is gone.
#[derive(Clone, Copy, Debug)]
struct Coming {
    at: Ns,
    name: u64,
    entry: Option<Entry>,
}

/// Distinguishes the choice of a copy from other draws of a cache.
const COPY: u64 = 0x636f_7079;

impl Mirrors {
    pub(super) fn new(nodes: u32, each: u32) -> Mirrors {
        let count = (nodes * each) as usize;
        Mirrors {
            nodes,
            known: vec![true; count],
            whole: vec![true; count],
            acting: (0..nodes).collect(),
            coming: vec![VecDeque::new(); count],
            sent: 0,
            arrives: Ns::MAX,
        }
    }

    /// The instance that acts for a node.
    pub(super) fn acting(&self, node: u32) -> u32 {
        self.acting[node as usize]
    }

    /// The other copies of what an instance holds.
    pub(super) fn others(&self, instance: u32) -> impl Iterator<Item = u32> + use<> {
        let (first, nodes, count) = (instance % self.nodes, self.nodes, self.known.len() as u32);
        (first..count).step_by(nodes as usize).filter(move |&other| other != instance)
    }

    /// Whether it has everything that the one that acts had when it came.
    pub(super) fn is_whole(&self, instance: u32) -> bool {
        self.whole[instance as usize]
    }

    /// One of the copies that answer for a node.
    fn any(&self, node: u32, bits: u64) -> u32 {
        let acting = self.acting(node);
        let answers = |&i: &u32| self.known[i as usize] && self.whole[i as usize];
        let count = self.others(acting).filter(answers).count() as u32 + 1;
        // The one that acts may be dead without anybody having noticed; it gets its turn.
        self.others(acting).filter(answers).nth(below(bits, count) as usize).unwrap_or(acting)
    }

    /// Somebody has noticed something about an instance: another may have to act. Says whether anybody lives of its node.
    fn notice(&mut self, instance: u32, lives: bool) -> bool {
        self.known[instance as usize] = lives;
        let node = instance % self.nodes;
        let acting = self.acting(node);
        if !self.known[acting as usize] {
            let living = |&i: &u32| self.known[i as usize];
            let whole = self.others(acting).filter(living).find(|&i| self.whole[i as usize]);
            if let Some(next) = whole.or_else(|| self.others(acting).find(living)) {
                self.acting[node as usize] = next;
            }
        }
        self.known[self.acting(node) as usize]
    }

    /// What was on its way to an instance never comes.
    pub(super) fn forget(&mut self, instance: u32) {
        self.coming[instance as usize].clear();
    }

    /// Nothing, or nothing about an entry, is on its way any more.
    pub(super) fn forget_all(&mut self, name: Option<u64>) {
        self.coming.iter_mut().for_each(|line| line.retain(|coming| name.is_some_and(|name| coming.name != name)));
    }
}

impl World<'_> {
    /// Copies are not on the ring: the one that acts is found behind its node.
    pub(super) fn close_copies_of_nodes(&mut self) {
        for spec in self.m.caches.iter().filter(|spec| spec.each != 1) {
            for copy in spec.nodes..spec.nodes * spec.each {
                self.groups[spec.component as usize].balancer.set_eligible(copy, false);
            }
        }
    }

    /// The copies begin with what their nodes have.
    pub(super) fn fill_copies_of_nodes(&mut self) {
        for (shelves, spec) in self.caches.all.iter_mut().zip(&self.m.caches).filter(|(_, spec)| spec.each != 1) {
            for copy in spec.nodes..spec.nodes * spec.each {
                shelves.nodes[copy as usize] = shelves.nodes[(copy % spec.nodes) as usize].clone();
                shelves.weigh(copy, self.now);
            }
        }
    }

    /// Which copy of a node answers an operation.
    pub(super) fn copy_for(&self, cache: u16, station: u32, operation: u16, occasion: u64) -> u32 {
        let spec = &self.m.caches[cache as usize];
        let reads = spec.read_any && !self.m.operations[operation as usize].writes && !self.caches.warming;
        let Some(mirrors) = self.caches.all[cache as usize].mirrors.as_ref().filter(|_| reads) else { return station };
        let first = self.m.components[spec.component as usize].first;
        first + mirrors.any((station - first) % spec.nodes, bits(spec.stream ^ COPY, occasion))
    }

    /// What an instance has taken in, or dropped, goes to the other copies.
    pub(super) fn send_to_copies(&mut self, cache: u16, station: u32, name: u64, entry: Option<Entry>) {
        let spec = &self.m.caches[cache as usize];
        if spec.each == 1 || self.caches.warming {
            return;
        }
        let first = self.m.components[spec.component as usize].first;
        let own = station - first;
        let mirrors = self.caches.all[cache as usize].mirrors.as_mut().expect("there are copies");
        mirrors.arrives = Ns::MAX;
        for to in mirrors.others(own) {
            if !self.is_up(first + to) {
                continue;
            }
            self.take_in(cache, to);
            let mirrors = self.caches.all[cache as usize].mirrors.as_mut().expect("there are copies");
            mirrors.sent += 1;
            let number = mirrors.sent;
            let bytes = entry.map_or(0.0, |entry| f64::from(entry.size));
            let at = self.carry_within((spec.edge, spec.stream), [station, first + to], bytes, number);
            let mirrors = self.caches.all[cache as usize].mirrors.as_mut().expect("there are copies");
            let line = &mut mirrors.coming[to as usize];
            let at = line.back().map_or(at, |last| last.at.max(at));
            line.push_back(Coming { at, name, entry });
            mirrors.arrives = mirrors.arrives.min(at);
        }
    }

    /// What has come to an instance by now is on its shelf.
    pub(super) fn take_in(&mut self, cache: u16, instance: u32) {
        let (now, clock) = (self.now, self.shelf_time());
        let shelves = &mut self.caches.all[cache as usize];
        let Some(mirrors) = shelves.mirrors.as_mut() else { return };
        let line = &mut mirrors.coming[instance as usize];
        if line.front().is_none_or(|first| now < first.at) {
            return;
        }
        let shelf = &mut shelves.nodes[instance as usize];
        while line.front().is_some_and(|first| first.at <= now) {
            let coming = line.pop_front().expect("it was looked at");
            match coming.entry {
                Some(entry) => {
                    shelf.put(coming.name, entry, clock);
                }
                None => {
                    shelf.remove(coming.name);
                }
            }
        }
        shelves.weigh(instance, now);
    }

    /// Tells who serves a node from now on; false if the instance is no copy of one.
    pub(super) fn copy_of_node_noticed(&mut self, station: u32, lives: bool) -> bool {
        let Some((cache, instance)) = self.copy_of_node(station) else { return false };
        let spec = &self.m.caches[cache as usize];
        let mirrors = self.caches.all[cache as usize].mirrors.as_mut().expect("there are copies");
        let somebody = mirrors.notice(instance, lives);
        self.groups[spec.component as usize].balancer.set_eligible(instance % spec.nodes, somebody);
        true
    }

    /// The cache and instance of a station that is one of several copies.
    fn copy_of_node(&self, station: u32) -> Option<(u16, u32)> {
        let component = &self.m.components[self.stations[station as usize].component as usize];
        let spec = self.m.caches.get(component.cache as usize).filter(|spec| spec.each != 1)?;
        debug_assert!(component.cache != NONE16, "a cache that is there has a number");
        Some((component.cache, station - self.m.components[spec.component as usize].first))
    }

    /// An instance is up again, and empty: it copies everything from the one that acts, if that lives.
    pub(super) fn copy_of_node_returns(&mut self, station: u32) {
        let Some((cache, instance)) = self.copy_of_node(station) else { return };
        let source = self.whole_copy(cache, instance);
        let spec = &self.m.caches[cache as usize];
        let first = station - instance;
        let shelves = &mut self.caches.all[cache as usize];
        let mirrors = shelves.mirrors.as_mut().expect("there are copies");
        mirrors.whole[instance as usize] = source.is_none();
        let Some(source) = source else { return };
        mirrors.sent += 1;
        let (number, bytes) = (mirrors.sent, shelves.nodes[source as usize].bytes() as f64);
        let at = self.carry_within((spec.edge, spec.stream), [first + source, station], bytes, number);
        let epoch = self.stations[station as usize].epoch;
        self.set_timer(at, RELEASE, Timer::Copied { station, epoch });
    }

    /// A living copy that has everything: the one that acts, if it does.
    pub(super) fn whole_copy(&self, cache: u16, instance: u32) -> Option<u32> {
        let spec = &self.m.caches[cache as usize];
        let mirrors = self.caches.all[cache as usize].mirrors.as_ref()?;
        let first = self.m.components[spec.component as usize].first;
        let acting = mirrors.acting(instance % spec.nodes);
        let mut copies = std::iter::once(acting).chain(mirrors.others(instance)).filter(|&copy| copy != instance);
        copies.find(|&copy| self.is_up(first + copy) && mirrors.is_whole(copy))
    }

    /// An instance has copied everything; if its source has died meanwhile, it begins with what it has.
    pub(super) fn copied(&mut self, station: u32, epoch: u32) {
        let Some((cache, instance)) = self.copy_of_node(station) else { return };
        if self.stations[station as usize].epoch != epoch {
            return;
        }
        let source = self.whole_copy(cache, instance);
        let now = self.now;
        let shelves = &mut self.caches.all[cache as usize];
        let mirrors = shelves.mirrors.as_mut().expect("there are copies");
        mirrors.whole[instance as usize] = true;
        if let Some(source) = source {
            // What is still on its way from there is among it.
            mirrors.forget(instance);
            let content: Shelf = shelves.nodes[source as usize].clone();
            shelves.nodes[instance as usize] = content;
            shelves.weigh(instance, now);
        }
    }
}
