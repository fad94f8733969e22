//! Transactions: connections and locks that are kept to the end, and the votes of several shards.
//!
//! A visit of the transaction's database leaves its slot to a *keeper*, a frame that does nothing but hold it until the
//! next visit of the same shard takes it over, which so waits for none, or the transaction ends. At the end each shard that
//! was touched hears the commit, which takes a round trip; several of them vote first, which takes another (two-phase
//! commit, Gray 1978). A shard that died before the decision makes it a `conflict`; one that died while it was told
//! leaves the caller without knowledge, a `timeout`. What is given up is rolled back at once.

use crate::engine::world::{Frame, JOIN, Outcome, State, World, flag, gate};
use crate::model::{Failure, NONE, NONE16};
use crate::random::{bits, mix};
use crate::scenario::function::Pooling;

/// A transaction under way.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// Frame whose program began it.
    pub(super) owner: u32,
    component: u16,
    /// Program counter of its first step; of a session, which lasts as long as its owner, 0.
    pc: u16,
    /// The first step of the transaction within a session.
    inner: u16,
    keepers: Vec<Keeper>,
    /// Connections of the caller's pools.
    pools: Vec<u32>,
}

/// Who holds a slot of an instance for a transaction.
#[derive(Clone, Copy, Debug)]
struct Keeper {
    station: u32,
    frame: u32,
    generation: u32,
}

impl World<'_> {
    /// From here on the frame keeps its connections.
    pub(super) fn begin_transaction(&mut self, id: u32, using: u16) -> u32 {
        let component = self.m.transactions[using as usize].component;
        let pc = self.frames[id as usize].pc - 1;
        let session = self.calls[id as usize].transaction;
        if let Some(session) = self.transactions.get_mut(&session).filter(|found| found.owner == id) {
            if session.component == component {
                session.inner = pc;
                return id;
            }
            // One at a time: the connection of the other database goes back.
            self.leave_transaction(id, 0);
        }
        self.begin_keeping(id, component, pc);
        id
    }

    fn begin_keeping(&mut self, owner: u32, component: u16, pc: u16) {
        self.begun += 1;
        let begun = Transaction { owner, component, pc, inner: pc, keepers: Vec::new(), pools: Vec::new() };
        self.transactions.insert(self.begun, begun);
        self.calls[owner as usize].transaction = self.begun;
    }

    /// The first query of a caller through a session pooler: from now on the caller's visit has its connection.
    pub(super) fn begin_session(&mut self, attempt: u32, pool: u16) {
        let spec = &self.m.pools[pool as usize];
        let lends = self.m.components.get(spec.owner as usize).and_then(|owner| owner.pooling);
        let parent = self.frames[attempt as usize].parent;
        if lends != Some(Pooling::Session) || parent == NONE || parent & JOIN != 0 {
            return;
        }
        let client = self.frames[parent as usize].parent;
        if client == NONE || client & JOIN != 0 {
            return;
        }
        let number = self.calls[client as usize].transaction;
        let is_own = |found: &&mut Transaction| found.owner == client && found.component == spec.target;
        match self.transactions.get_mut(&number).filter(is_own) {
            // What began as a transaction goes on as a session.
            Some(found) => found.pc = 0,
            None if number == 0 => self.begin_keeping(client, spec.target, 0),
            None => {}
        }
    }

    /// The transaction on whose behalf a visit of this component was called.
    fn transaction_of(&self, visit: u32, component: u16) -> Option<u32> {
        let parent = self.frames[visit as usize].parent;
        if self.transactions.is_empty() || parent == NONE || parent & JOIN != 0 {
            return None;
        }
        let mut number = self.calls[parent as usize].transaction;
        if number == 0 && self.is_pooler(parent) {
            // A pooler passes on what its client began.
            let client = self.frames[parent as usize].parent;
            number = if client == NONE || client & JOIN != 0 { 0 } else { self.calls[client as usize].transaction };
        }
        self.transactions.get(&number).is_some_and(|found| found.component == component).then_some(number)
    }

    fn is_pooler(&self, frame: u32) -> bool {
        let station = self.frames[frame as usize].station;
        station != NONE
            && matches!(
                self.m.components[self.stations[station as usize].component as usize].pooling,
                Some(Pooling::Transaction | Pooling::Session)
            )
    }

    fn lives(&self, keeper: &Keeper) -> bool {
        self.frames[keeper.frame as usize].generation == keeper.generation
    }

    /// The connection that the transaction of a visit has here already: number of the transaction, and which it is.
    pub(super) fn connection_of(&self, visit: u32) -> Option<(u32, usize)> {
        let station = self.frames[visit as usize].station;
        let number = self.transaction_of(visit, self.stations[station as usize].component)?;
        let is_here = |keeper: &Keeper| keeper.station == station && self.lives(keeper);
        self.transactions[&number].keepers.iter().position(is_here).map(|at| (number, at))
    }

    /// The visit takes the slot over from its keeper.
    pub(super) fn take_connection(&mut self, visit: u32, (number, at): (u32, usize)) {
        let found = self.transactions.get_mut(&number).expect("a connection belongs to a transaction");
        let keeper = found.keepers.swap_remove(at).frame;
        let granted = self.frames[keeper as usize].granted;
        self.frames[keeper as usize].flags &= !flag::HOLDS;
        self.free_keeper(keeper);
        let frame = &mut self.frames[visit as usize];
        frame.granted = granted;
        frame.flags |= flag::HOLDS;
    }

    /// A keeper is no more; its slot must have gone elsewhere.
    fn free_keeper(&mut self, keeper: u32) {
        let Frame { station, request, .. } = self.frames[keeper as usize];
        self.kept[station as usize] -= 1;
        self.free_frame(keeper);
        self.finish_request(request, Outcome::OK);
    }

    /// The instance has died, and the keeper with it.
    pub(super) fn lose_keeper(&mut self, keeper: u32) {
        self.kept[self.frames[keeper as usize].station as usize] -= 1;
        self.release(keeper);
    }

    /// A visit that answers before it is done will leave its slot to the transaction that it was called by.
    pub(super) fn remember_transaction(&mut self, visit: u32) {
        let station = self.frames[visit as usize].station;
        if self.transactions.is_empty() || station == NONE {
            return;
        }
        if let Some(number) = self.transaction_of(visit, self.stations[station as usize].component) {
            self.calls[visit as usize].transaction = number;
        }
    }

    /// A visit that ends leaves its slot to its transaction.
    pub(super) fn keep_connection(&mut self, id: u32) {
        let frame = self.frames[id as usize];
        if self.transactions.is_empty() || frame.flags & flag::HOLDS == 0 || frame.station == NONE {
            return;
        }
        if self.stations[frame.station as usize].gate & gate::DOWN != 0 {
            return;
        }
        let component = self.stations[frame.station as usize].component;
        let own = Some(self.calls[id as usize].transaction).filter(|own| {
            frame.flags & flag::RESPONDED != 0
                && self.transactions.get(own).is_some_and(|found| found.component == component)
        });
        let Some(number) = self.transaction_of(id, component).or(own) else { return };
        self.kept[frame.station as usize] += 1;
        self.frames[id as usize].flags &= !flag::HOLDS;
        let request = self.detached_copy(frame.request, 0);
        let keeper = self.new_frame(Frame {
            parent: NONE,
            child: NONE,
            link: NONE,
            request,
            since: self.now,
            flags: flag::BRANCH | flag::HOLDS,
            state: State::Calling,
            ..frame
        });
        self.inherit(keeper, NONE);
        let generation = self.frames[keeper as usize].generation;
        let found = self.transactions.get_mut(&number).expect("it was found just now");
        found.keepers.push(Keeper { station: frame.station, frame: keeper, generation });
    }

    /// The connection of the caller's pool stays with the transaction; false if there is none.
    pub(super) fn keep_pooled(&mut self, visit: u32, pool: u32) -> bool {
        let target = self.m.pools[self.pools[pool as usize].spec as usize].target;
        let Some(number) = self.transaction_of(visit, target) else { return false };
        self.transactions.get_mut(&number).expect("it was found just now").pools.push(pool);
        true
    }

    /// Whether the transaction has taken a connection of this pool.
    pub(super) fn has_pooled(&self, visit: u32, pool: u32) -> bool {
        let target = self.m.pools[self.pools[pool as usize].spec as usize].target;
        self.transaction_of(visit, target).is_some_and(|number| self.transactions[&number].pools.contains(&pool))
    }

    // -- the end ------------------------------------------------------------------------------------------------------------

    /// Several shards vote.
    pub(super) fn prepare(&mut self, id: u32, using: u16) -> u32 {
        match self.participants(id) {
            Err(()) => self.fail(id, Failure::CONFLICT),
            Ok(stations) if stations.len() < 2 => id,
            Ok(stations) => self.ask_participants(id, using, &stations, PREPARE),
        }
    }

    /// All have voted for it: they are told to commit.
    pub(super) fn decide(&mut self, id: u32, using: u16) -> u32 {
        match self.participants(id) {
            Err(()) => self.fail(id, Failure::CONFLICT),
            Ok(stations) if stations.is_empty() => id,
            Ok(stations) => self.ask_participants(id, using, &stations, COMMIT),
        }
    }

    /// It is over: connections and locks are given back.
    pub(super) fn end_transaction(&mut self, id: u32) -> u32 {
        if self.participants(id).is_err() {
            // Decided, but whoever died has not said so: nobody knows before it is back.
            return self.fail(id, Failure::TIMEOUT);
        }
        let number = self.calls[id as usize].transaction;
        let pc = self.transactions.get(&number).map_or(0, |found| found.inner);
        self.unlock_since(id, pc);
        id
    }

    /// Instances that the frame's transaction has touched, or that one of them has lost it.
    fn participants(&self, id: u32) -> Result<Vec<u32>, ()> {
        let Some(found) = self.transactions.get(&self.calls[id as usize].transaction) else { return Ok(Vec::new()) };
        let all = found.keepers.iter();
        all.map(|keeper| if self.lives(keeper) { Ok(keeper.station) } else { Err(()) }).collect()
    }

    /// A message to each and the answers: the longest round trip.
    fn ask_participants(&mut self, id: u32, using: u16, stations: &[u32], what: u64) -> u32 {
        let m = self.m;
        let spec = m.transactions[using as usize];
        let edge = &m.edges[spec.edge as usize];
        let Frame { station, request, occasion, .. } = self.frames[id as usize];
        let from = self.place_of(station, request);
        let mut longest = 0;
        for &to in stations {
            if edge.local && self.on_one_box(station, to) {
                continue;
            }
            if self.is_cut([station, to], request) {
                // Nobody hears a vote from there.
                return self.fail(id, Failure::TIMEOUT);
            }
            let (link, _) = self.way_from_to(edge, from, self.place_of(to, request));
            if link != NONE16 {
                let address = bits(mix(edge.key ^ what), occasion ^ mix(u64::from(to)));
                let ways = [address, mix(address)].map(|address| self.samplers.draw_ns(link, address));
                longest = longest.max(ways[0] + ways[1]);
            }
        }
        if longest == 0 {
            return id;
        }
        self.frames[id as usize].cell = spec.cell;
        self.schedule(id, self.now + longest);
        NONE
    }

    /// The frame leaves a transaction that it began at or after `pc`.
    pub(super) fn leave_transaction(&mut self, id: u32, pc: u16) {
        let number = self.calls[id as usize].transaction;
        let is_left = |found: &Transaction| found.owner == id && pc <= found.pc;
        if self.transactions.is_empty() || !self.transactions.get(&number).is_some_and(is_left) {
            return;
        }
        let found = self.transactions.remove(&number).expect("it was found just now");
        self.calls[id as usize].transaction = 0;
        for keeper in found.keepers {
            if self.lives(&keeper) {
                self.release(keeper.frame);
                self.free_keeper(keeper.frame);
            }
        }
        for pool in found.pools {
            self.give_back(pool);
        }
    }

    /// The owner goes on under another number.
    pub(super) fn move_transaction(&mut self, from: u32, to: u32) {
        let number = self.calls[to as usize].transaction;
        if let Some(found) = self.transactions.get_mut(&number).filter(|found| found.owner == from) {
            found.owner = to;
        }
    }
}

/// Distinguish the messages of a commit.
const PREPARE: u64 = 0x7072_6570;
const COMMIT: u64 = 0x636f_6d6d;
