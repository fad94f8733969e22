//! What callers think of those they call: breakers before each attempt, who is left out of a choice, and how each attempt
//! ended.
//!
//! An attempt that a breaker let through has a permit until its outcome is known: the answer came, the caller gave up, or
//! the caller is gone and nobody will know. A frame has at most one attempt open; its record stands beside the frame.

use crate::engine::copies::Seeker;
use crate::engine::shed::shedders;
use crate::engine::world::{Frame, JOIN, Ns, Outcome, Stage, World};
use crate::model::guards::Guard;
use crate::model::program::Edge;
use crate::model::{Failure, Model, NONE, NONE16};
use crate::policy::breaker::{Circuit, Ended, Permit};
use crate::policy::eject::Bench;
use crate::policy::hedge::Measured;
use crate::policy::limit::{LimitState, Verdict};
use crate::policy::retry::Budget;
use crate::policy::shed::Shedder;
use crate::record::GuardTally;
use crate::units::{Span, Time};

/// Everything that stands before a call or a door: limits, budgets, breakers, benches, hedges, shedding.
#[derive(Debug, Default)]
pub(super) struct Guards {
    pub(super) limits: Vec<LimitState>,
    /// Of retries, by edge.
    pub(super) budgets: Vec<Option<Budget>>,
    /// By instance; empty if nothing is shed anywhere.
    pub(super) shedders: Vec<Option<Shedder>>,
    /// Whether any attempt is looked at.
    pub(super) are_used: bool,
    /// By frame; as long as the longest number that was looked at.
    attempts: Vec<Attempt>,
    /// One for each instance of its owner, behind one another; and where those of each begin.
    circuits: Vec<Circuit>,
    first_circuit: Vec<u32>,
    benches: Vec<Bench>,
    first_bench: Vec<u32>,
    pub(super) hedges: Vec<Measured>,
    pub(super) hedge_tallies: Vec<HedgeTally>,
    /// Who is hidden from the present choice.
    hidden: Vec<u32>,
}

/// Further copies that set off, and how many of them brought the first answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HedgeTally {
    pub(super) sent: u64,
    pub(super) won: u64,
}

/// An attempt whose outcome is not known yet.
#[derive(Clone, Copy, Debug, Default)]
struct Attempt {
    is_open: bool,
    /// Index of the breaker and the bench, or `NONE`.
    circuit: u32,
    bench: u32,
    permit: Option<Permit>,
    since: Ns,
}

/// What an edge does not have, so that a call need not ask for it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own that one call asks")]
pub(super) struct Shortcut {
    /// No limit, pool or handshake: the request sets off at once.
    pub(super) at_once: bool,
    /// No latency, bandwidth or payload: what carries no bytes is there at once.
    pub(super) no_way: bool,
    /// The same for answers, which need no network card either: they are there at once, whatever they carry.
    pub(super) no_way_back: bool,
    /// A breaker or ejection looks at each attempt.
    pub(super) watched: bool,
    /// Ejection or a hedge keeps instances out of the choice.
    pub(super) wary: bool,
    /// A name service, or the leader of a partition, is where the target is.
    pub(super) is_told: bool,
}

impl Guards {
    /// At the start of a run: everyone is trusted.
    pub(super) fn new(m: &Model) -> Guards {
        let mut guards = Guards {
            limits: m.limits.iter().map(|l| LimitState::new(&l.limit)).collect(),
            budgets: m.edges.iter().map(|e| e.retry.as_ref().and_then(|r| r.budget).map(Budget::new)).collect(),
            shedders: shedders(m),
            are_used: !m.breakers.is_empty() || !m.ejects.is_empty(),
            hedges: m.hedges.iter().map(|hedge| Measured::new(hedge.rule.after)).collect(),
            hedge_tallies: vec![HedgeTally::default(); m.hedges.len()],
            ..Guards::default()
        };
        for spec in &m.breakers {
            guards.first_circuit.push(guards.circuits.len() as u32);
            guards.circuits.extend((0..owners(m, spec)).map(|_| Circuit::new(&spec.rule)));
        }
        for spec in &m.ejects {
            guards.first_bench.push(guards.benches.len() as u32);
            let instances = m.components[spec.target as usize].count;
            guards.benches.extend((0..owners(m, spec)).map(|_| Bench::new(&spec.rule, instances)));
        }
        guards
    }

    /// The frame goes on under another number.
    pub(super) fn move_attempt(&mut self, from: u32, to: u32) {
        if !self.are_used {
            return;
        }
        let attempt = self.attempts.get_mut(from as usize).map(std::mem::take).unwrap_or_default();
        *self.slot(to) = attempt;
    }

    fn slot(&mut self, id: u32) -> &mut Attempt {
        if self.attempts.len() <= id as usize {
            self.attempts.resize(id as usize + 1, Attempt::default());
        }
        &mut self.attempts[id as usize]
    }

    /// What was counted of calls of a component.
    pub(super) fn tally(&self, m: &Model, component: u16, now: Time) -> GuardTally {
        let mut tally = GuardTally::default();
        for (b, _) in m.breakers.iter().enumerate().filter(|(_, spec)| spec.target == component) {
            let circuits = part(&self.circuits, &self.first_circuit, b);
            tally.breakers += circuits.len() as u64;
            for (opened, troubled) in circuits.iter().map(|circuit| circuit.history(now)) {
                tally.opened += opened;
                tally.open_ns += u128::from(troubled.0);
            }
        }
        for (e, _) in m.ejects.iter().enumerate().filter(|(_, spec)| spec.target == component) {
            let benches = part(&self.benches, &self.first_bench, e);
            tally.benches += benches.len() as u64;
            for (ejections, out) in benches.iter().map(|bench| bench.history(now)) {
                tally.ejections += ejections;
                tally.ejected_ns += u128::from(out.0);
            }
        }
        for (_, hedge) in m.hedges.iter().zip(&self.hedge_tallies).filter(|(spec, _)| spec.target == component) {
            tally.hedges += hedge.sent;
            tally.hedges_won += hedge.won;
        }
        tally
    }
}

/// What a call through the edge need not ask for.
pub(super) fn shortcut(m: &Model, edge: &Edge) -> Shortcut {
    let none = |samplers: &[u16]| samplers.iter().all(|&s| s == NONE16);
    Shortcut {
        at_once: edge.limits.is_empty() && edge.pool == NONE16 && edge.connect_round_trips_milli == 0,
        no_way: none(&[edge.link, edge.pipe, edge.ways, edge.payload, edge.carries]),
        no_way_back: none(&[edge.link, edge.pipe, edge.ways]) && m.hosts.iter().all(|host| host.nic_bytes_per_s <= 0.0),
        watched: !none(&[edge.breaker, edge.eject]),
        wary: edge.eject != NONE16 || !m.hedges.is_empty(),
        is_told: edge.name != NONE16 || edge.targets.iter().any(|(_, to)| m.is_broker(*to)),
    }
}

/// Those of the n-th owner's kind.
fn part<'a, T>(all: &'a [T], first: &[u32], n: usize) -> &'a [T] {
    let end = first.get(n + 1).map_or(all.len(), |&end| end as usize);
    &all[first[n] as usize..end]
}

/// How many have one each.
fn owners<T>(m: &Model, spec: &Guard<T>) -> u32 {
    if spec.owner == NONE16 { 1 } else { m.components[spec.owner as usize].count }
}

/// Number of the one that belongs to the caller's instance.
fn own<T>(m: &Model, spec: &Guard<T>, first: u32, caller: u32) -> u32 {
    if spec.owner == NONE16 || caller == NONE {
        first
    } else {
        first + caller - m.components[spec.owner as usize].first
    }
}

impl World<'_> {
    /// Opens the record of an attempt; false if a breaker lets nothing through.
    pub(super) fn may_pass(&mut self, child: u32, edge: u16) -> bool {
        let m = self.m;
        let spec = &m.edges[edge as usize];
        let caller = self.frames[self.frames[child as usize].parent as usize].station;
        let now = self.now;
        let mut attempt = Attempt { is_open: true, circuit: NONE, bench: NONE, permit: None, since: now };
        if let Some(guard) = m.breakers.get(spec.breaker as usize) {
            attempt.circuit = own(m, guard, self.guards.first_circuit[spec.breaker as usize], caller);
            attempt.permit = self.guards.circuits[attempt.circuit as usize].ask(&guard.rule, Time(now));
            if attempt.permit.is_none() {
                *self.guards.slot(child) = Attempt::default();
                return false;
            }
        }
        if let Some(guard) = m.ejects.get(spec.eject as usize) {
            attempt.bench = own(m, guard, self.guards.first_bench[spec.eject as usize], caller);
        }
        *self.guards.slot(child) = attempt;
        true
    }

    /// The edge's rate limits, in order; a leaky one holds the request back.
    pub(super) fn limits_of(&mut self, child: u32, edge: u16) -> u32 {
        let m = self.m;
        let mut held_back = 0;
        for &limit in &m.edges[edge as usize].limits {
            match self.limit_verdict(limit, self.frames[child as usize].request) {
                Verdict::Admit => {}
                Verdict::Delay(span) => held_back = held_back.max(span.0),
                Verdict::Reject => return self.attempt_failed(child, Failure::RATE_LIMITED),
            }
        }
        let cell = m.edges[edge as usize].limit_cell;
        self.stage(child, Stage::Shaped, self.now + held_back, cell)
    }

    /// The caller knows how its attempt ended.
    pub(super) fn attempt_ended(&mut self, child: u32, outcome: Outcome) {
        let m = self.m;
        let Some(attempt) = self.guards.attempts.get_mut(child as usize).filter(|attempt| attempt.is_open) else {
            return;
        };
        let Attempt { circuit, bench, permit, since, .. } = std::mem::take(attempt);
        let spec = &m.edges[self.calls[child as usize].edge as usize];
        let (now, took) = (Time(self.now), Span(self.now - since));
        let failed = |mask: u64| outcome.failure().is_some_and(|kind| mask >> kind.0 & 1 == 1);
        if let Some(permit) = permit {
            let rule = &m.breakers[spec.breaker as usize].rule;
            let ended = Ended { failed: failed(rule.trip.on_mask), took };
            self.guards.circuits[circuit as usize].record(rule, permit, ended, now);
        }
        let station = self.frames[child as usize].station;
        if bench != NONE && station != NONE {
            let guard = &m.ejects[spec.eject as usize];
            let ended = Ended { failed: failed(guard.rule.trip.on_mask), took };
            let instance = station - m.components[guard.target as usize].first;
            self.guards.benches[bench as usize].record(&guard.rule, instance, ended, now);
        }
    }

    /// Nobody will know how the attempt ends.
    pub(super) fn give_up_attempt(&mut self, child: u32) {
        if !self.guards.are_used {
            return;
        }
        let Some(attempt) = self.guards.attempts.get_mut(child as usize).filter(|attempt| attempt.is_open) else {
            return;
        };
        let Attempt { circuit, permit, .. } = std::mem::take(attempt);
        if let Some(permit) = permit {
            self.guards.circuits[circuit as usize].release(permit);
        }
    }

    /// The instance that the request goes to.
    #[inline(always)]
    pub(super) fn choose(&mut self, id: u32, caller: u32) -> Option<u32> {
        let Frame { operation, occasion, request, parent, .. } = self.frames[id as usize];
        let route = self.routes[operation as usize];
        let spec = &self.m.components[route.component as usize];
        let edge = self.calls[id as usize].edge as usize;
        match (spec.cache, spec.copies) {
            (NONE16, NONE16) if self.shortcuts[edge].is_told => self.pick_as_told(id, edge, caller),
            (NONE16, NONE16) => self.pick(operation, occasion, request, caller),
            (NONE16, _) => {
                let given_key = self.calls[id as usize].given_key;
                self.calls[id as usize].until = self.now;
                let is_alone = parent == NONE || parent & JOIN != 0;
                let shard = if is_alone { NONE } else { self.calls[parent as usize].shard };
                self.pick_copy(&Seeker { operation, occasion, request, caller, given_key, shard })
            }
            (cache, _) => self.pick_node(id, cache),
        }
    }

    /// The instance that a name service, or the leader of a partition, stands for.
    #[inline(never)]
    fn pick_as_told(&mut self, id: u32, edge: usize, caller: u32) -> Option<u32> {
        let Frame { operation, occasion, request, .. } = self.frames[id as usize];
        match self.m.edges[edge].name {
            NONE16 if self.m.is_broker(operation) => self.pick_broker(id),
            NONE16 => self.pick(operation, occasion, request, caller),
            name => self.pick_by_name(id, name, caller),
        }
    }

    /// Chooses an instance without those that the caller leaves out, and those that a copy of this call is at. If nobody
    /// else is up, rather one of them than none.
    #[inline(never)]
    pub(super) fn choose_warily(&mut self, id: u32, caller: u32) -> Option<u32> {
        let Frame { operation, parent, .. } = self.frames[id as usize];
        debug_assert!(parent & JOIN == 0 || parent == NONE, "a call has a frame for its caller");
        let component = self.routes[operation as usize].component as usize;
        let first = self.m.components[component].first;
        let bench = self.guards.attempts.get(id as usize).filter(|attempt| attempt.is_open).map_or(NONE, |a| a.bench);
        let mut hidden = std::mem::take(&mut self.guards.hidden);
        hidden.clear();
        if let Some(bench) = self.guards.benches.get_mut(bench as usize) {
            hidden.extend_from_slice(bench.out(Time(self.now)));
        }
        if !self.guards.hedges.is_empty() {
            let count = self.m.components[component].count;
            let here = self.asked_already(id).filter(|station| (first..first + count).contains(station));
            hidden.extend(here.map(|station| station - first));
        }
        let balancer = &mut self.groups[component].balancer;
        hidden.retain(|&i| {
            let is_there = balancer.eligible(i);
            if is_there {
                balancer.show(i, false);
            }
            is_there
        });
        let mut found = self.choose(id, caller);
        for &i in &hidden {
            self.groups[component].balancer.show(i, true);
        }
        if found.is_none() && !hidden.is_empty() {
            found = self.choose(id, caller);
        }
        self.guards.hidden = hidden;
        found
    }
}
