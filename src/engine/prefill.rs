//! A warm start: caches and buffer pools as so much traffic before the run would have left them.
//!
//! That traffic goes through the same programs as any other, but takes no time in them: whoever misses in a browser asks the
//! edge, whoever misses there asks the database. So every tier sees what the tiers above it let through. The clock of the
//! shelves begins with the first of these requests; balancers, queues, limits and statistics do not notice them.

use crate::engine::cache::Found;
use crate::engine::copies::Seeker;
use crate::engine::foresight::Foresight;
use crate::engine::world::{Frame, Ns, Request, World};
use crate::model::program::Step;
use crate::model::{Failure, NONE, NONE16};
use crate::policy::balance::Ask;
use crate::random::{below, bits, mix, occasion};
use crate::units::Time;

/// Requests between two looks whether everything is full.
const REVIEW: u64 = 4096;
/// Distinguishes requests before the run from those in it, and the pick of an instance from other draws.
const BEFORE: u64 = 0x6265_666f_7265;
const PICK: u64 = 0x7069_636b;
/// Addresses of the requests of a source before the run.
pub(super) fn before(key: u64) -> u64 {
    mix(key ^ BEFORE)
}

/// Calls inside calls; a circle is left here.
const DEEPEST: u32 = 64;

/// How a program without time ended.
type Passed = Result<(), Failure>;

impl World<'_> {
    /// Sends the traffic before the run through the programs.
    pub(super) fn prefill(&mut self) {
        let m = self.m;
        let Some(plan) = &m.run.prefill else { return };
        let rate: f64 = plan.sources.iter().map(|(_, rate)| rate).sum();
        if rate <= 0.0 {
            return;
        }
        self.caches.warming = true;
        let gap = 1e9 / rate;
        let least = ((plan.seconds * rate) as u64).min(plan.most);
        let mut next: Vec<(f64, u64)> = plan.sources.iter().map(|(_, rate)| (0.5 / rate, 0)).collect();
        let (mut n, mut enough) = (0, if plan.until_full { plan.most } else { least });
        while n < enough {
            if plan.until_full && n.is_multiple_of(REVIEW) && least.max(1) <= n && self.is_full() {
                enough = enough.min(2 * n);
            }
            let s = (0..next.len()).min_by(|&a, &b| next[a].0.total_cmp(&next[b].0)).expect("there is a source");
            self.ask_before(plan.sources[s].0, next[s].1);
            next[s] = (next[s].0 + 1.0 / plan.sources[s].1, next[s].1 + 1);
            n += 1;
            self.caches.epoch = (n as f64 * gap) as Ns;
        }
        self.caches.warming = false;
        // The loads count their requests anew.
        self.caches.all.iter_mut().for_each(|shelves| shelves.foresight = Foresight::default());
    }

    /// Nothing more could come in without something going out, wherever something comes in at all.
    fn is_full(&self) -> bool {
        self.buffers.iter().flatten().all(crate::engine::buffer::Buffer::is_full)
            && self.caches.all.iter().zip(&self.m.caches).all(|(shelves, spec)| shelves.is_full(spec))
    }

    /// The n-th request of a source before the run.
    fn ask_before(&mut self, source: u16, n: u64) {
        let address = bits(before(self.sources[source as usize].key), occasion(n));
        let class = match &self.m.sources[source as usize].demand {
            crate::model::loads::Demand::Sessions { steps, .. } => {
                steps[below(mix(address ^ PICK), steps.len() as u32) as usize].class
            }
            _ => self.choose_request(source, address),
        };
        let class = class + self.origin(source, address);
        let request = self.new_request(Request { occasion: address, number: n, class, ..Request::detached(0) });
        let place_key = self.entries[class as usize].place_key;
        let class = if place_key == NONE16 { class } else { self.origin_by_key(place_key, class, request) };
        let spec = &self.m.classes[class as usize];
        let edge = &self.m.edges[spec.edge as usize];
        let occasion = if edge.plain { address } else { bits(edge.key, address) };
        let id = self.stand_in(spec.operation, NONE, request, occasion, NONE16);
        // A request that fails has left its traces all the same.
        let _ = self.pass(id, 0);
        self.free_frame(id);
        self.free_request(request);
    }

    /// A frame for a visit that takes no time, at the instance that keeps what it asks for.
    fn stand_in(&mut self, operation: u16, parent: u32, request: u32, occasion: u64, given: u16) -> u32 {
        let op = &self.m.operations[operation as usize];
        let spec = &self.m.components[op.component as usize];
        let pc = op.entry;
        let caller = if parent == NONE { NONE } else { self.frames[parent as usize].station };
        let from = self.side_of(spec, caller, request);
        let balancer = &self.groups[op.component as usize].balancer;
        let mut station = spec.first + balancer.any_near(bits(spec.key ^ PICK, occasion), from).unwrap_or(0);
        if spec.state != NONE16 {
            station = self.who_remembers(op.component, (request, occasion), from).unwrap_or(station);
        }
        let id = self.new_frame(Frame { occasion, parent, request, station, pc, operation, ..Frame::begun(0) });
        if self.extended {
            self.inherit(id, NONE);
            self.calls[id as usize].given_key = given;
        }
        if spec.copies != NONE16 {
            let seeker = Seeker { operation, occasion, request, caller: NONE, given_key: given, shard: NONE };
            self.frames[id as usize].station = self.any_copy(&seeker);
        }
        if spec.cache != NONE16 {
            self.frames[id as usize].station = NONE;
            let node = self.pick_node(id, spec.cache);
            self.frames[id as usize].station = node.unwrap_or(station);
        }
        id
    }

    /// The instance that keeps what concerns a request, if it is not left to chance which one answers it.
    fn who_remembers(&mut self, component: u16, (request, occasion): (u32, u64), from: u16) -> Option<u32> {
        let spec = &self.m.components[component as usize];
        if let Some(sticky) = &spec.sticky {
            let by = if sticky.key == NONE16 { self.session_of(request) } else { self.key_value(sticky.key, request) };
            let hold = sticky.hold.map_or(Ns::MAX, |hold| hold.0);
            let group = &mut self.groups[component as usize];
            let any = group.balancer.any_near(bits(spec.key ^ PICK, occasion), from)?;
            return Some(spec.first + group.sticky.entry(by).or_insert((any, hold)).0);
        }
        if spec.balance_key == NONE16 {
            return None;
        }
        let key_value = self.key_value(spec.balance_key, request);
        let ask = Ask { bits: 0, key_value, now: Time(0), demand_ns: 0 };
        self.groups[component as usize].balancer.pick_near(&ask, from).map(|instance| spec.first + instance)
    }

    /// Goes through the frame's program to its end.
    fn pass(&mut self, id: u32, depth: u32) -> Passed {
        loop {
            let pc = self.frames[id as usize].pc;
            let step = self.m.steps[pc as usize];
            self.frames[id as usize].pc = pc + 1;
            let done = match step {
                Step::Return => return Ok(()),
                Step::Call { edge } => self.pass_call(id, edge, depth),
                Step::Fork { fork } => self.pass_fork(id, fork, depth),
                Step::Spawn { entry } => {
                    let address = mix(self.frames[id as usize].occasion ^ mix(u64::from(entry)));
                    let _ = self.pass_branch(id, entry, (address, NONE16), depth);
                    Ok(())
                }
                step => self.pass_step(id, step),
            };
            if let Err(kind) = done
                && !self.handled(id, kind)
            {
                return Err(kind);
            }
        }
    }

    /// Everything that starts nobody else.
    fn pass_step(&mut self, id: u32, step: Step) -> Passed {
        match step {
            Step::Pages { pages, .. } => {
                self.look_at_pages(id, pages);
            }
            Step::Cpu { draw, .. } | Step::Wait { draw, .. } if self.caches.times_fetches => {
                self.caches.worked += self.samplers.draw_ns(draw, self.frames[id as usize].occasion);
            }
            Step::Keep { cache } => self.keep(id, cache),
            Step::Look { .. }
            | Step::Drop { .. }
            | Step::Stale { .. }
            | Step::UnlessWorn { .. }
            | Step::UnlessCaught { .. }
            | Step::UnlessShield { .. }
            | Step::BranchBy { .. } => {
                self.rare(id, step);
            }
            Step::Found { hit, early } => {
                if self.calls[id as usize].found == Found::Nothing {
                    return Err(Failure::NOT_FOUND);
                }
                self.found(id, hit, early);
            }
            Step::Branch { chance, to } => {
                let chance = self.m.chances[chance as usize];
                if bits(chance.key, self.frames[id as usize].occasion) >> 32 < chance.share {
                    self.frames[id as usize].pc = to;
                }
            }
            Step::Jump { to } | Step::Unless { to, .. } => self.frames[id as usize].pc = to,
            Step::Fail { kind } => return Err(kind),
            Step::Rethrow => {
                return Err(self.calls[id as usize].outcome.failure().unwrap_or(Failure::UNAVAILABLE));
            }
            _ => {}
        }
        Ok(())
    }

    fn pass_call(&mut self, id: u32, edge: u16, depth: u32) -> Passed {
        let spec = &self.m.edges[edge as usize];
        let Frame { occasion, request, .. } = self.frames[id as usize];
        let address = bits(spec.key, occasion);
        if depth == DEEPEST {
            return Err(Failure::UNAVAILABLE);
        }
        let child = self.stand_in(crate::engine::call::target(spec, address), id, request, address, spec.key_given);
        let done = self.pass(child, depth + 1);
        if self.extended {
            let operation = self.frames[child as usize].operation;
            let (found, bytes) = (self.calls[child as usize].found, self.answer_bytes(child, operation));
            let caller = &mut self.calls[id as usize];
            (caller.found, caller.bytes) = (found, bytes);
        }
        self.free_frame(child);
        done
    }

    fn pass_fork(&mut self, id: u32, fork: u16, depth: u32) -> Passed {
        let spec = &self.m.forks[fork as usize];
        let of = self.frames[id as usize];
        let total = match spec.times {
            NONE16 => spec.entries.len() as u32,
            times => self.whole(times, mix(of.occasion ^ spec.key)),
        };
        let mut done = Ok(());
        for n in 0..total {
            let entry = if spec.times == NONE16 { spec.entries[n as usize] } else { spec.entries[0] };
            let address = bits(spec.key, mix(of.occasion ^ mix(u64::from(n) + 1)));
            let passed = self.pass_branch(id, entry, (address, spec.draw), depth);
            if !spec.ignore_errors {
                done = done.and(passed);
            }
        }
        done
    }

    /// A program of its own at the same instance; `draw` is a key that it draws anew.
    fn pass_branch(&mut self, id: u32, entry: u16, (address, draw): (u64, u16), depth: u32) -> Passed {
        let branch = self.new_branch(id, entry, address, 0);
        if draw != NONE16 {
            self.draw_anew(branch, draw, address);
        }
        let done = self.pass(branch, depth);
        let request = self.frames[branch as usize].request;
        self.free_frame(branch);
        self.free_request(request);
        done
    }
}
