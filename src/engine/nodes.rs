//! What an instance waits for before it boots: the host that it was promised a place on, and its image.
//!
//! A host that is not there is ordered by the first instance that needs it and leaves when it has stood empty for a while.
//! An image comes over the host's network card, once for each component on it; a machine of one's own is new each time.

use std::collections::BTreeMap;

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World, gate};
use crate::model::{Model, NONE};
use crate::random::{bits, occasion};
use crate::record::{By, Decision};
use crate::units::{Span, Time};

/// Hosts that come and go, and what lies on hosts.
#[derive(Debug)]
pub(super) struct NodePools {
    /// By host; none where no host comes and goes.
    all: Vec<Node>,
    /// When the image of a component is on a host.
    images: BTreeMap<(u32, u16), Ns>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// It is there (and paid) since then, or `Ns::MAX`; and how long it was before.
    since: Ns,
    before: Ns,
    is_up: bool,
    /// Counts comings and needs: a look at an earlier one is stale.
    epoch: u32,
}

impl NodePools {
    pub(super) fn new(m: &Model) -> NodePools {
        let node = |host: u32| {
            let is_up = m.nodes_of(host).is_none();
            Node { since: if is_up { 0 } else { Ns::MAX }, before: 0, is_up, epoch: 0 }
        };
        let count = if m.nodes.is_empty() { 0 } else { m.hosts.len() as u32 };
        NodePools { all: (0..count).map(node).collect(), images: BTreeMap::new() }
    }
}

impl World<'_> {
    /// Hosts that somebody stands on at the start are there, with the images of all who do.
    pub(super) fn begin_nodes(&mut self) {
        for s in 0..self.stations.len() as u32 {
            let host = self.stations[s as usize].host;
            if host == NONE || self.is_away(s) {
                continue;
            }
            if let Some(node) = self.elastic.nodes.all.get_mut(host as usize) {
                (node.since, node.is_up) = (0, true);
            }
            let component = self.stations[s as usize].component;
            if self.m.components[component as usize].image_bytes != 0.0 {
                self.elastic.nodes.images.insert((host, component), 0);
            }
        }
    }

    /// An instance that was ordered starts as soon as there is a host for it.
    pub(super) fn start_when_there(&mut self, s: u32) {
        let (now, host) = (self.now, self.stations[s as usize].host);
        let Some(node) = self.elastic.nodes.all.get_mut(host as usize) else { return self.pull_image(s) };
        node.epoch += 1;
        if node.is_up {
            return self.pull_image(s);
        }
        if node.since == Ns::MAX {
            node.since = now;
            let nodes = self.m.nodes_of(host).expect("only hosts that come and go are away");
            let address = bits(self.salt ^ NODE, occasion(u64::from(host) << 32 | u64::from(node.epoch)));
            let takes = self.samplers.draw_ns(nodes.boot_draw, address);
            self.set_timer(now + takes, RELEASE, Timer::NodeUp { host });
            let component = self.stations[s as usize].component;
            self.note_nodes(host, Some(component));
        }
    }

    /// A host has booted: all that wait for it begin.
    pub(super) fn node_up(&mut self, host: u32) {
        self.elastic.nodes.all[host as usize].is_up = true;
        for at in 0..self.hosts[host as usize].stations.len() {
            let s = self.hosts[host as usize].stations[at];
            if self.stations[s as usize].gate & (gate::DOWN | gate::ABSENT) == gate::DOWN {
                self.pull_image(s);
            }
        }
        self.consider_node(host);
    }

    /// An instance has left: its host may be empty now.
    pub(super) fn leaves_host(&mut self, s: u32) {
        let host = self.stations[s as usize].host;
        if self.m.nodes_of(host).is_some() {
            self.consider_node(host);
        }
    }

    /// Whether the host of an instance has not booted yet: it starts when that has.
    pub(super) fn waits_for_host(&self, s: u32) -> bool {
        let host = self.stations[s as usize].host;
        self.elastic.nodes.all.get(host as usize).is_some_and(|node| !node.is_up)
    }

    fn consider_node(&mut self, host: u32) {
        let is_empty = self.hosts[host as usize].stations.iter().all(|&s| self.is_away(s));
        let node = &mut self.elastic.nodes.all[host as usize];
        if is_empty && node.is_up {
            node.epoch += 1;
            let epoch = node.epoch;
            let idle = self.m.nodes_of(host).map_or(0, |nodes| nodes.idle.0);
            self.set_timer(self.now + idle, RELEASE, Timer::NodeIdle { host, epoch });
        }
    }

    /// It has stood empty for long enough, unless somebody has come meanwhile.
    pub(super) fn node_idle(&mut self, host: u32, epoch: u32) {
        let now = self.now;
        let node = &mut self.elastic.nodes.all[host as usize];
        if node.epoch != epoch {
            return;
        }
        node.before += now - node.since;
        (node.since, node.is_up) = (Ns::MAX, false);
        self.note_nodes(host, None);
        self.elastic.nodes.images.retain(|(on, _), _| *on != host);
    }

    /// A host comes, or goes: how many of its pool there are now, and why.
    fn note_nodes(&mut self, host: u32, wanted_by: Option<u16>) {
        let Some(number) = self.m.nodes.iter().position(|nodes| nodes.joins(host)) else { return };
        let nodes = &self.m.nodes[number];
        let all = nodes.first..nodes.first + nodes.most;
        let whole = self.m.hosts_for_one(host);
        let there = all.filter(|&host| self.elastic.nodes.all[host as usize].since != Ns::MAX).count() as f64;
        let before = if wanted_by.is_some() { there - 1.0 } else { there + 1.0 };
        let [from, to] = [before, there].map(|count| count * whole);
        let by = By::Nodes(number as u16, wanted_by);
        self.elastic.decisions.push(Decision { at: Time(self.now), from, to, by });
    }

    /// How long a host was there, ns.
    pub(super) fn host_there_ns(&self, host: usize) -> Ns {
        let node = self.elastic.nodes.all.get(host);
        node.map_or(self.now, |node| node.before + self.now.saturating_sub(node.since))
    }

    /// The image comes over the network unless it lies there, then the instance boots.
    fn pull_image(&mut self, s: u32) {
        let (now, station) = (self.now, &self.stations[s as usize]);
        let (component, number) = (station.component, station.host);
        let bytes = self.m.components[component as usize].image_bytes;
        let Some(host) = self.hosts.get_mut(number as usize).filter(|host| 0.0 < bytes && 0.0 < host.nic_rate) else {
            return self.restart(s);
        };
        let is_shared = 1 < host.stations.len();
        let lies = self.elastic.nodes.images.get(&(number, component)).copied();
        let at = lies.filter(|_| is_shared).unwrap_or_else(|| {
            let work = Span::from_secs_f64(bytes / host.nic_rate).0;
            host.nic.give(now, work, bytes)
        });
        self.elastic.nodes.images.insert((number, component), at);
        self.start_at(s, at.max(now));
    }
}

/// Distinguishes when hosts come from other draws.
const NODE: u64 = 0x6e6f_6465;
