//! Which instance of a database with shards or replicas serves a request: the shard of its row, then one of the copies.

use crate::engine::world::{NOWHERE, World, gate};
use crate::model::copies::Copies;
use crate::model::{NONE16, Operation};
use crate::policy::balance::Ask;
use crate::policy::replication::ReadFrom;
use crate::random::{below, bits, unit};
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
}

/// Who stands for what before the balancer: readers of shard s form zone s; primaries that replicas spare the reads are
/// in a zone of their own behind them. `primary_of` says which copy of a shard is the primary.
pub(super) fn roles(copies: &Copies, primary_of: impl Fn(u32) -> u32) -> Vec<u16> {
    let role = |instance: u32| {
        let (shard, copy) = (instance / copies.each(), instance % copies.each());
        let spared = copies.replicas != 0 && !copies.read.includes_primary() && copy == primary_of(shard);
        if spared { copies.shards } else { shard }
    };
    (0..copies.shards * copies.each()).map(|instance| role(instance) as u16).collect()
}

impl World<'_> {
    /// The copy that serves the request; `None` when nobody is up who could.
    #[inline(never)]
    pub(super) fn pick_copy(&mut self, seeker: &Seeker) -> Option<u32> {
        let m = self.m;
        let operation = &m.operations[seeker.operation as usize];
        let spec = &m.components[operation.component as usize];
        let copies = &m.copies[spec.copies as usize];
        let value = self.value_of(copies.shard_key, copies, seeker);
        let shard = copies.by.shard_of(value, copies.shards, Time(self.now));
        let reader = if at_primary(operation, copies) { None } else { self.pick_reader(copies, shard, seeker) };
        reader.or_else(|| self.primary_of(spec.copies, shard))
    }

    /// A copy that could serve the request before the run, whatever the balancer would say.
    pub(super) fn any_copy(&mut self, seeker: &Seeker) -> u32 {
        let m = self.m;
        let operation = &m.operations[seeker.operation as usize];
        let spec = &m.components[operation.component as usize];
        let copies = &m.copies[spec.copies as usize];
        let value = self.value_of(copies.shard_key, copies, seeker);
        let shard = copies.by.shard_of(value, copies.shards, Time(self.now));
        let replica = if at_primary(operation, copies) || copies.replicas == 0 {
            0
        } else {
            1 + below(bits(spec.key, seeker.occasion), copies.replicas)
        };
        spec.first + shard * copies.each() + replica
    }

    /// The living primary of a shard; one that is dead without anybody having noticed counts as living.
    fn primary_of(&self, c: u16, shard: u32) -> Option<u32> {
        let copies = &self.m.copies[c as usize];
        let spec = &self.m.components[copies.component as usize];
        let instance = shard * copies.each() + self.primaries[c as usize][shard as usize];
        let is_up = self.stations[(spec.first + instance) as usize].gate & gate::DOWN == 0;
        let open = if spec.health.is_none() {
            is_up
        } else {
            self.groups[copies.component as usize].balancer.eligible(instance)
        };
        open.then_some(spec.first + instance)
    }

    /// One of those that answer reads.
    fn pick_reader(&mut self, copies: &Copies, shard: u32, seeker: &Seeker) -> Option<u32> {
        let m = self.m;
        let spec = &m.components[copies.component as usize];
        let operation = &m.operations[seeker.operation as usize];
        let key_value = if spec.balance_key == NONE16 { 0 } else { self.key_value(spec.balance_key, seeker.request) };
        let demand_ns = operation.upfront.iter().map(|&d| self.samplers.draw_ns(d, seeker.occasion)).sum();
        let ask = Ask { bits: bits(spec.key, seeker.occasion), key_value, now: Time(self.now), demand_ns };
        let prefers = copies.read == ReadFrom::Nearest || spec.prefer_zone;
        let near = if prefers { self.zone_of(seeker.caller, seeker.request) } else { NOWHERE };
        let stations = &self.stations;
        let balancer = &mut self.groups[copies.component as usize].balancer;
        let is_near = |i: u32| stations[(spec.first + i) as usize].zone == near;
        let picked = if near == NOWHERE { None } else { balancer.pick_where(&ask, shard as usize, is_near) };
        picked.or_else(|| balancer.pick_where(&ask, shard as usize, |_| true)).map(|i| spec.first + i)
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
        let m = self.m;
        let frame = self.frames[id as usize];
        let component = m.operations[frame.operation as usize].component;
        let copies = &m.copies[m.components[component as usize].copies as usize];
        let given_key = if self.extended { self.calls[id as usize].given_key } else { NONE16 };
        let crate::engine::world::Frame { operation, occasion, request, station: caller, .. } = frame;
        self.value_of(copies.row_key, copies, &Seeker { operation, occasion, request, caller, given_key })
    }
}

/// Whether the operation runs at the primary whatever reads do.
fn at_primary(operation: &Operation, copies: &Copies) -> bool {
    operation.writes || operation.from_primary || copies.read == ReadFrom::Primary
}

/// Distinguishes the row of a request without a key from the balancer's draws.
const ROW: u64 = 0x726f_775f_6f66;
