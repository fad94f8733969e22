//! Which instance of a database with shards or replicas serves a request: the shard of its row, then one of the copies.

use crate::engine::replica::Seat;
use crate::engine::world::{NOWHERE, World, gate};
use crate::model::copies::Copies;
use crate::model::{NONE, NONE16, Operation};
use crate::policy::balance::Ask;
use crate::policy::replication::{Mode, ReadFrom};
use crate::policy::sharding::Row;
use crate::random::{below, bits, mix, unit};
use crate::record::CopiesTally;
use crate::units::Time;

/// A request that looks for an instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeker {
    pub(super) operation: u16,
    pub(super) occasion: u64,
    pub(super) request: u32,
    /// Station of whoever calls, or `NONE`.
    pub(super) caller: u32,
    /// Key that the step names, or `NONE16`.
    pub(super) given_key: u16,
    /// The one shard among all that is asked, or `NONE`.
    pub(super) shard: u32,
}

/// Who stands for what before the balancer: readers of shard s have role s; primaries that replicas spare the reads have a
/// role of their own behind them. `is_primary` says it of a shard and a copy of it.
pub(super) fn roles(copies: &Copies, is_primary: impl Fn(u32, u32) -> bool) -> Vec<u16> {
    let role = |instance: u32| {
        let (shard, copy) = (instance / copies.each(), instance % copies.each());
        let is_alike = copies.read.includes_primary() || matches!(copies.mode, Mode::MultiPrimary(_));
        let spared = copies.replicas != 0 && !is_alike && is_primary(shard, copy);
        if spared { copies.shards } else { shard }
    };
    (0..copies.shards * copies.each()).map(|instance| role(instance) as u16).collect()
}

impl World<'_> {
    /// Cumulative figures of a database with shards or replicas.
    pub(super) fn copies_tally(&self, c: usize) -> Option<Box<CopiesTally>> {
        let tally = self.replication.get(c)?.tally(self.now);
        Some(Box::new(CopiesTally { shards: self.maps[c].shards(), ..tally }))
    }

    /// The copy that serves the request; `None` when nobody is up who could.
    #[inline(never)]
    pub(super) fn pick_copy(&mut self, seeker: &Seeker) -> Option<u32> {
        let m = self.m;
        let operation = &m.operations[seeker.operation as usize];
        let spec = &m.components[operation.component as usize];
        let copies = &m.copies[spec.copies as usize];
        let shard = self.shard_for(seeker);
        if matches!(copies.mode, Mode::MultiPrimary(_)) {
            return self.pick_reader(copies, shard, seeker, copies.read);
        }
        if at_primary(operation, copies) {
            return self.primary_for(seeker, spec.copies, shard);
        }
        let picked = self.pick_reader(copies, shard, seeker, copies.read);
        let picked = picked.or_else(|| self.primary_for(seeker, spec.copies, shard));
        // Where there is no primary either, an old row is better than none.
        let is_fresh = matches!(copies.read, ReadFrom::Fresh(_));
        if picked.is_none() && is_fresh { self.pick_reader(copies, shard, seeker, ReadFrom::Any) } else { picked }
    }

    /// A copy that could serve the request before the run, whatever the balancer would say.
    pub(super) fn any_copy(&mut self, seeker: &Seeker) -> u32 {
        let m = self.m;
        let operation = &m.operations[seeker.operation as usize];
        let spec = &m.components[operation.component as usize];
        let copies = &m.copies[spec.copies as usize];
        let shard = self.shard_for(seeker);
        let replica = if at_primary(operation, copies) || copies.replicas == 0 {
            0
        } else {
            1 + below(bits(spec.key, seeker.occasion), copies.replicas)
        };
        spec.first + shard * copies.each() + replica
    }

    /// The shard that holds what the request wants.
    fn shard_for(&mut self, seeker: &Seeker) -> u32 {
        let m = self.m;
        let operation = &m.operations[seeker.operation as usize];
        let number = m.components[operation.component as usize].copies as usize;
        let copies = &m.copies[number];
        if seeker.shard != NONE {
            return seeker.shard % copies.shards;
        }
        let value = if copies.is_fixed {
            self.key_value(copies.shard_key, seeker.request)
        } else {
            self.value_of(copies.shard_key, copies, seeker)
        };
        let row = Row { value, now: Time(self.now), is_write: operation.writes, table: operation.table };
        self.maps[number].shard_of(&row)
    }

    /// Whether the primary of a shard takes requests.
    pub(super) fn primary_is_open(&self, c: usize, shard: u32) -> bool {
        self.primary_of(c as u16, shard).is_some()
    }

    /// The primary as the caller knows it: whoever was it when the caller last asked for its address.
    fn primary_for(&self, seeker: &Seeker, c: u16, shard: u32) -> Option<u32> {
        let log = &self.replication[c as usize].shards[shard as usize];
        if log.switched.is_some() {
            // Each instance of a caller has one answer; requests of a load come from many clients.
            let caller = if seeker.caller == NONE { mix(seeker.occasion) } else { u64::from(seeker.caller) };
            let mut believed = self.believed_primary(c as usize, shard, caller);
            if log.split.is_open() {
                let first = self.m.components[self.m.copies[c as usize].component as usize].first;
                let seat = Seat {
                    c: c as usize,
                    shard: shard as usize,
                    copy: 0,
                    first: first + shard * log.copies.len() as u32,
                };
                let (known, is_older) = self.reached_primary(&seat, [seeker.caller, seeker.request], believed);
                if is_older {
                    return Some(known);
                }
                believed = log.primary;
            }
            if believed != log.primary {
                let copies = &self.m.copies[c as usize];
                let first = self.m.components[copies.component as usize].first;
                // The old one refuses: it is down, or it is a replica now.
                let old = first + shard * copies.each() + believed;
                return Some(old).filter(|&old| self.stations[old as usize].gate & gate::DOWN != 0);
            }
        }
        self.primary_of(c, shard)
    }

    /// The living primary of a shard; one that is dead without anybody having noticed counts as living.
    fn primary_of(&self, c: u16, shard: u32) -> Option<u32> {
        let copies = &self.m.copies[c as usize];
        let spec = &self.m.components[copies.component as usize];
        let instance = shard * copies.each() + self.replication[c as usize].shards[shard as usize].primary;
        let is_up = self.stations[(spec.first + instance) as usize].gate & gate::DOWN == 0;
        if self.is_leaderless(c as usize, shard as usize) {
            return None;
        }
        let open = if spec.health.is_none() {
            is_up
        } else {
            self.groups[copies.component as usize].balancer.eligible(instance)
        };
        open.then_some(spec.first + instance)
    }

    /// One of those that answer reads.
    fn pick_reader(&mut self, copies: &Copies, shard: u32, seeker: &Seeker, read: ReadFrom) -> Option<u32> {
        let m = self.m;
        let spec = &m.components[copies.component as usize];
        let operation = &m.operations[seeker.operation as usize];
        let key_value = if spec.balance_key == NONE16 { 0 } else { self.key_value(spec.balance_key, seeker.request) };
        let demand_ns = operation.upfront.iter().map(|&d| self.samplers.draw_ns(d, seeker.occasion)).sum();
        let ask = Ask { bits: bits(spec.key, seeker.occasion), key_value, now: Time(self.now), demand_ns };
        let near = if spec.prefers { self.place_of(seeker.caller, seeker.request) } else { NOWHERE };
        let [writer, reader] = [copies.writes_key, copies.reads_key]
            .map(|key| (key != NONE16).then(|| self.key_value(key, seeker.request)));
        let log = &self.replication[spec.copies as usize].shards[shard as usize];
        let now = self.now;
        let balancer = &mut self.groups[copies.component as usize].balancer;
        let each = copies.each();
        let copy = |i: u32| (i % each) as usize;
        if copies.mode == Mode::Chain {
            let tail = log.tail(|copy| balancer.eligible(shard * each + copy as u32)) as u32;
            return (tail != log.primary).then_some(spec.first + shard * each + tail);
        }
        let needed = log.needed(writer, reader);
        let needed_apart = log.split.older().map_or(0, |older| older.needed(writer, reader));
        let followed = |i: u32| log.followed_by(copy(i));
        let is_new = |i: u32| {
            let needed = if log.is_apart(copy(i)) { needed_apart } else { needed };
            needed <= followed(i).applied(copy(i))
        };
        let lags = |i: u32| followed(i).lag(copy(i), now);
        let readers = (shard * each..(shard + 1) * each)
            .filter(|&i| balancer.eligible(i) && copy(i) as u32 != followed(i).primary);
        let most = match read {
            ReadFrom::Fresh(most) => (most * 1e9) as u64,
            ReadFrom::LeastLag => readers.map(lags).min().unwrap_or(0),
            _ => u64::MAX,
        };
        let is_whole = |i: u32| !followed(i).copies[copy(i)].is_rebuilt;
        let fits = |i: u32| is_whole(i) && is_new(i) && (most == u64::MAX || lags(i) <= most);
        let place = |i: u32| m.stations[(spec.first + i) as usize].place;
        let mut picked = None;
        if near != NOWHERE && spec.prefers_zone {
            picked = balancer.pick_where(&ask, shard, |i| place(i) == near && fits(i));
        }
        let regions = m.places.get(usize::from(near)).map_or(&[][..], |place| &place.near);
        for (region, _) in regions {
            let within = |i: u32| m.places.get(usize::from(place(i))).is_some_and(|place| place.region == *region);
            picked = picked.or_else(|| balancer.pick_where(&ask, shard, |i| within(i) && fits(i)));
            let primary = shard * each + log.primary;
            if picked.is_none() && read == ReadFrom::Nearest && within(primary) && balancer.eligible(primary) {
                return None;
            }
        }
        picked.or_else(|| balancer.pick_where(&ask, shard, fits)).map(|i| spec.first + i)
    }

    /// The value of the request's key that decides, or a row drawn alike from all.
    fn value_of(&mut self, own: u16, copies: &Copies, seeker: &Seeker) -> u64 {
        let key = if seeker.given_key == NONE16 { own } else { seeker.given_key };
        if key != NONE16 {
            return self.key_value(key, seeker.request);
        }
        let spec = &self.m.components[copies.component as usize];
        (unit(bits(spec.key ^ ROW, seeker.occasion)) * copies.rows) as u64
    }

    /// The row that a frame touches, among all rows.
    pub(super) fn row_of(&mut self, id: u32) -> u64 {
        if let Some(row) = self.applied_row(id) {
            return row;
        }
        let m = self.m;
        let frame = self.frames[id as usize];
        let component = m.operations[frame.operation as usize].component;
        let copies = &m.copies[m.components[component as usize].copies as usize];
        let given_key = if self.extended { self.calls[id as usize].given_key } else { NONE16 };
        let crate::engine::world::Frame { operation, occasion, request, station: caller, .. } = frame;
        self.value_of(copies.row_key, copies, &Seeker { operation, occasion, request, caller, given_key, shard: NONE })
    }
}

/// Whether the operation runs at the primary whatever reads do.
fn at_primary(operation: &Operation, copies: &Copies) -> bool {
    operation.writes || operation.from_primary || copies.read == ReadFrom::Primary
}

/// Distinguishes the row of a request without a key from the balancer's draws.
const ROW: u64 = 0x726f_775f_6f66;
