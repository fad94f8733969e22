//! One replication: `simulate(model, seed, replication) -> Record`.
//!
//! The loop takes the earliest event, runs the frame it wakes until that has to wait, then whoever was woken at this
//! instant, in the order of waking. Order contract: (time, phase, sequence); the running program goes on until it blocks,
//! whoever it wakes follows first in, first out; hosts plan their next completion once per instant.
//!
//! A compiled model cannot fail: the engine returns no `Result`, reads no clock, file or name, and stops for one of four
//! reasons ([`Stopped`](crate::record::Stopped)). Nothing in a replication runs in parallel; replications do.

mod advance;
mod arrive;
mod broker;
mod behind;
mod buffer;
mod build;
mod cache;
mod call;
mod cancel;
mod capacity;
mod consumer;
mod copies;
mod deploy;
mod elastic;
mod election;
mod events;
mod failover;
mod fault;
mod filter;
mod foresight;
mod fork;
mod guard;
mod hedge;
mod function;
mod heat;
mod host;
mod keys;
mod lock;
mod log;
mod mirror;
mod multi;
mod naming;
mod near;
mod nodes;
mod observe;
mod parcel;
mod partition;
mod pods;
mod pool;
mod prefill;
mod queue;
mod quorum;
mod reading;
mod replica;
mod release;
mod residency;
mod reshard;
mod rewind;
mod rows;
mod saga;
mod sampling;
mod scale;
mod shard;
mod shed;
mod split;
mod spot;
mod station;
mod telemetry;
mod timeout;
mod timer;
mod trace;
mod transaction;
mod trouble;
mod vertical;
mod wal;
mod window;
mod world;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::engine::timer::Timer;
use crate::engine::world::{HOST, INDEX, RING, TIMER, World};
use crate::model::{Model, NONE};
use crate::record::{Record, Stopped};

/// What the outside may tell a running replication, and learn from it.
#[derive(Debug, Default)]
pub struct Signals {
    /// Stop soon; the record is marked as interrupted.
    pub stop: AtomicBool,
    /// Events done so far by all replications, for a progress bar.
    pub events: AtomicU64,
    /// Nanoseconds simulated so far by all replications together, likewise.
    pub simulated: AtomicU64,
}

/// Events between two looks at the signals.
const PATIENCE: u64 = 1 << 16;

/// Runs one replication of the model from an empty (or prefilled) system.
///
/// The same model, seed and replication give the same record on every machine.
pub fn simulate(model: &Model, seed: u64, replication: u32, signals: &Signals) -> Record {
    let mut world = World::new(model, seed, replication);
    world.begin();
    world.run(signals);
    world.record()
}

impl World<'_> {
    fn run(&mut self, signals: &Signals) {
        let (mut next_look, mut told) = (PATIENCE, 0);
        loop {
            if !self.turn() {
                break;
            }
            if next_look <= self.events {
                next_look += PATIENCE;
                signals.events.fetch_add(PATIENCE, Ordering::Relaxed);
                signals.simulated.fetch_add(self.now - told, Ordering::Relaxed);
                told = self.now;
                if signals.stop.load(Ordering::Relaxed) {
                    self.stopped = Stopped::Interrupted;
                    break;
                }
                if self.event_limit <= self.events {
                    self.stopped = Stopped::Events;
                    break;
                }
            }
        }
    }

    /// One event with all that happens at its instant because of it; false when the run is over.
    #[inline(always)]
    fn turn(&mut self) -> bool {
        let key = self.calendar.peek();
        let (at, order) = self.next_arrival;
        let id = if at < key.time || (at == key.time && order < key.order) {
            if self.horizon < at {
                return false;
            }
            self.now = at;
            self.events += 1;
            self.arrive_beside()
        } else {
            // An empty calendar's first key is beyond every horizon.
            if self.horizon < key.time {
                return false;
            }
            self.now = key.time;
            let payload = key.payload();
            self.events += 1;
            if payload < HOST { self.wake(payload) } else { self.special(payload) }
        };
        self.settle_instant(id);
        true
    }

    /// The frame runs, then what was woken at this instant, in the order of waking; then the hosts plan anew.
    ///
    /// There is one place for `advance` in all the loop, so that its code stays in the nearest cache.
    #[inline(always)]
    fn settle_instant(&mut self, mut id: u32) {
        loop {
            self.advance(id);
            let Some(&next) = self.ready.get(self.ready_next) else { break };
            self.ready_next += 1;
            id = self.start(next);
        }
        if self.ready_next != 0 {
            self.ready.clear();
            self.ready_next = 0;
        }
        while let Some(host) = self.dirty.pop() {
            self.replan(host);
        }
    }

    #[inline(never)]
    fn special(&mut self, payload: u32) -> u32 {
        let index = payload & INDEX;
        match payload & !INDEX {
            HOST => self.core_done(index),
            RING => self.time_out(index),
            TIMER => self.ring_timer(index),
            _ => unreachable!("a payload has one of four kinds"),
        }
    }

    /// The timer's entry leaves the calendar, its number is free again unless it belongs to somebody.
    fn ring_timer(&mut self, id: u32) -> u32 {
        let timer = self.timers.all[id as usize];
        match timer {
            Timer::Source(source) => return self.arrive(source),
            Timer::Window => {
                self.events -= 1;
                self.window();
                return NONE;
            }
            _ => {}
        }
        self.calendar.leave_hole(self.timers.slots[id as usize]);
        self.timers.all[id as usize] = Timer::Free;
        self.timers.free.push(id);
        match timer {
            Timer::Client(client) => return self.ask_again(client),
            Timer::Attempt { frame, generation } => return self.attempt_over(frame, generation),
            Timer::Patience { frame, generation } => return self.patience_over(frame, generation),
            Timer::PoolWait { frame, generation } => return self.pool_wait_over(frame, generation),
            Timer::Reserve { frame, generation } => return self.reserve_opens(frame, generation),
            Timer::LockWait { frame, generation } => return self.lock_wait_over(frame, generation),
            Timer::Cancel { frame, request } => self.cancel_late(frame, request),
            Timer::Fork { join, generation } => return self.fork_over(join, generation),
            Timer::Hedge { join, generation } => self.ask_again_in(join, generation),
            Timer::FaultStart(fault) => self.fault_starts(fault),
            Timer::FaultEnd { fault, period } => self.fault_ends(fault, period),
            Timer::Checked { station, epoch, up } => self.checked(station, epoch, up),
            Timer::Boot { station, epoch } => self.booted(station, epoch),
            Timer::Ship { station } => self.ship(station),
            Timer::Asked { frame, generation, station } => self.asked(frame, generation, station),
            Timer::Answered { frame, generation, station } => self.heard_from(frame, generation, station),
            Timer::Promote { station } => self.promote(station),
            Timer::Missing { station, round } => self.missing(station, round),
            Timer::Fence { station, round } => self.fence(station, round),
            Timer::Stand { station, round } => self.stand(station, round),
            Timer::VoteAsked { station, candidate, term } => self.vote_asked(station, candidate, term),
            Timer::Voted { station, voter, asked, vote } => self.voted(station, voter, asked, vote),
            Timer::Spread { station, origin, upto } => self.spread_to(station, origin, upto),
            Timer::Reshard { fault } => self.reshard_on(fault),
            Timer::Rebuild { station, epoch, left } => self.rebuild(station, epoch, left),
            Timer::Received { station, upto } => self.received(station, upto),
            Timer::Acknowledged { station, upto } => self.acknowledged(station, upto),
            Timer::Named { name, region, epoch } => self.named(name, region, epoch),
            Timer::Renewal { component, occasion } => self.renew(component, occasion),
            Timer::Checkpoint { station, left } => self.checkpoint(station, left),
            Timer::Copied { station, epoch } => self.copied(station, epoch),
            Timer::Flush { cache, node } => self.flush_now(cache, node),
            Timer::Scrape(telemetry) => self.scrape(telemetry),
            Timer::OutOfMemory { station, epoch } => self.out_of_memory(station, epoch),
            Timer::Drain { station, epoch, until } => self.drain(station, epoch, until),
            Timer::Rollout { fault, turn } => self.roll_on(fault, turn),
            Timer::Look(watch) => self.look(watch),
            Timer::Pods { host, plan } => return self.pods_due(host, plan),
            Timer::Cut => self.cut(),
            Timer::Sample => self.next_sample(),
            timer => self.ring_of_messages(timer),
        }
        NONE
    }

    /// What concerns queues, logs and those who use them.
    fn ring_of_messages(&mut self, timer: Timer) {
        match timer {
            Timer::Appear { letter, number, group } => self.appear(letter, number, group),
            Timer::Return { letter, number, group } => self.returned(letter, number, group),
            Timer::Visible { token } => self.visible_again(token),
            Timer::Expire { group } => self.expire_letters(group),
            Timer::Dispatch { group } => self.dispatch_again(group),
            Timer::Copy { log, way, leg } => self.copy_on(log, way, leg),
            Timer::Copies(log) => self.check_copies(log),
            Timer::Elect { station, epoch } => self.elect_leaders(station, epoch),
            Timer::Linger { token } => self.lingered(token),
            Timer::Missed { club, station } => self.missed(club, station),
            Timer::Dealt(club) => self.dealt(club),
            timer => self.ring_elastic(timer),
        }
    }
}
