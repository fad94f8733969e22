//! What happened in one replication: counters, integrals and histograms, cumulative, at chosen instants.
//!
//! A `Tallies` is a snapshot of everything counted since time 0. Two of them subtract (`since`), so any stretch between
//! two snapshots (after warm-up, during a fault, the last minute) is read with the same functions. Integrals are exact
//! integers in (slots x nanoseconds).

use crate::measure::histogram::Compact;
use crate::model::Scope;
use crate::policy::scale::Why;
use crate::units::{Span, Time};

/// Everything one replication leaves behind.
#[derive(Clone, Debug)]
pub struct Record {
    pub stopped: Stopped,
    /// Instant at which the run ended.
    pub end: Time,
    pub events: u64,
    /// Snapshots in the order of time: time 0 first, cuts, starts and ends of faults, the end last.
    pub snapshots: Vec<Snapshot>,
    pub series: Series,
    /// For each watch of the model: the value at each of its looks (first look at `every`), NaN where nothing was seen.
    pub looks: Vec<Vec<f64>>,
    /// For each fault: its periods.
    pub faults: Vec<Vec<FaultPeriod>>,
    /// The slowest of the requests that were followed.
    pub exemplars: Vec<Exemplar>,
    /// All that were followed, in the order in which they left.
    pub sampled: Vec<Sampled>,
    /// Changes of the number of instances, in the order of time.
    pub decisions: Vec<Decision>,
}

/// An autoscaler has changed the number of instances; counts are those of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    pub at: Time,
    /// Index into [`Model::scalers`](crate::model::Model).
    pub scaler: u16,
    pub from: u32,
    pub to: u32,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The duration is over, or the last request has left.
    Done,
    /// The memory bound: so many requests were in flight.
    Memory {
        in_flight: u64,
    },
    Events,
    /// The caller's signal (wall clock, Ctrl-C): not reproducible.
    Interrupted,
}

#[derive(Clone, Debug)]
pub struct Snapshot {
    pub mark: Mark,
    pub tallies: Tallies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Start,
    /// Candidate for the end of warm-up.
    Cut,
    FaultStart(u16),
    FaultEnd(u16),
    End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaultPeriod {
    pub start: Time,
    pub end: Option<Time>,
    /// Station that was hit, or `NONE`.
    pub station: u32,
    /// Last instant at which a balancer picked the dead instance.
    pub last_pick: Option<Time>,
    /// Acknowledged writes that were lost when a replica took over, and the age of the oldest at the start of the fault.
    pub lost_writes: u64,
    pub oldest_lost: Option<Span>,
    /// Share of all keys that moved to other shards, and their bytes; set when they have.
    pub moved: Option<(f64, f64)>,
}

/// Cumulative counts up to `at`.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    pub at: Time,
    /// Per request class: end to end, from the intended arrival.
    pub classes: Vec<Flow>,
    /// Per filter of the model: as what it filters.
    pub filtered: Vec<Flow>,
    /// Per operation: from the door to the answer.
    pub operations: Vec<Flow>,
    pub components: Vec<ComponentTally>,
    pub stations: Vec<StationTally>,
    pub hosts: Vec<HostTally>,
    pub pools: Vec<PoolTally>,
    pub pipes: Vec<PipeTally>,
    /// Nanosecond-like ticks of 256 ns per cell, over all finished requests.
    pub cells: Vec<u64>,
    /// Per latency bucket (8 an octave from 256 ns): (finished requests, ticks per cell). Only buckets of the slowest tenth
    /// are complete; read from the top.
    pub tail: Vec<(u64, Vec<u64>)>,
    /// Ticks spent for callers who had left, per cell.
    pub wasted: Vec<u64>,
    pub retries: u64,
    /// Attempts in all (first ones too).
    pub attempts: u64,
    /// Attempts through each edge; requests of a load whose call is plain are counted in its class alone.
    pub calls: Vec<u64>,
    /// Requests created and gone; the difference is in flight.
    pub created: u64,
    pub finished: u64,
    /// At the end of the run: requests still in the system, counted one by one.
    pub open: u64,
}

/// Requests of one kind.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub offered: u64,
    pub ok: Compact,
    pub failed: Compact,
    /// Count by failure kind.
    pub kinds: Vec<u64>,
    /// Most in flight at once since the snapshot before; counted only where a measure asks for it.
    pub in_flight_max: u64,
}

#[derive(Clone, Debug, Default)]
pub struct ComponentTally {
    pub arrivals: u64,
    /// Turned away at the door, by failure kind.
    pub rejected: Vec<u64>,
    /// Time in the queue for a slot (all that got one), and time a slot was held.
    pub wait: Compact,
    pub service: Compact,
    /// Look-ups of a cache, pages of a buffer pool.
    pub page_hits: u64,
    pub page_misses: u64,
    /// Bytes answered.
    pub bytes_out: u64,
    /// Of a cache, all nodes together.
    pub cache: CacheTally,
    /// Of a database with shards or replicas.
    pub copies: Option<Box<CopiesTally>>,
    /// Of what an autoscaler changes.
    pub scaling: Option<Box<ScalingTally>>,
    pub function: Option<FunctionTally>,
}

/// How requests of a function began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionTally {
    pub warm: u64,
    pub cold: u64,
    pub throttled: u64,
}

/// How an autoscaler has done; areas are instances x seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScalingTally {
    pub changes: u64,
    /// Instances that what came would have filled.
    pub needed: f64,
    /// More than needed, and fewer.
    pub over: f64,
    pub under: f64,
    /// What was needed and there at the same time, and what was one of both.
    pub both: f64,
    pub either: f64,
    /// Errors of forecasts as shares of what came, and how many were judged.
    pub forecast_error: f64,
    pub forecasts: u64,
}

/// How far replicas were behind, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct CopiesTally {
    /// Per instance: from the commit of each write to its application there.
    pub lag: Vec<Compact>,
    /// Of all reads: how long what they saw had been overwritten.
    pub staleness: Compact,
    pub reads: u64,
    pub stale_reads: u64,
    /// Reads that did not see an own write, or went back in time.
    pub violations: u64,
    /// Acknowledged writes that no copy had any more, and those that were written over unseen.
    pub lost_writes: u64,
    /// Where every copy takes writes: how many, those in conflict with one that they had not seen, and the time until all
    /// copies had one.
    pub writes: u64,
    pub conflicts: u64,
    pub convergence: Compact,
    /// Primaries that took over.
    pub switches: u64,
    /// Shards that share the rows now.
    pub shards: u32,
}

/// What became of entries; the last two are of the moment, the others cumulative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheTally {
    /// Had to make room.
    pub evicted: u64,
    /// Found too old.
    pub expired: u64,
    /// Did not get in.
    pub refused: u64,
    /// Fetches saved, because another had just done them.
    pub coalesced: u64,
    /// Answers that had expired, for want of better ones.
    pub stale: u64,
    /// Acknowledged writes that died with a node before they were written to the backing.
    pub lost_writes: u64,
    pub entries: u64,
    pub bytes: u64,
}

impl ScalingTally {
    /// What happened after an earlier tally of the same.
    #[must_use]
    pub fn since(&self, earlier: &ScalingTally) -> ScalingTally {
        self.with(earlier, |now, before| now - before, |now, before| now - before)
    }

    /// Of two autoscalers together.
    #[must_use]
    pub fn plus(self, other: ScalingTally) -> ScalingTally {
        self.with(&other, |one, other| one + other, |one, other| one + other)
    }

    fn with(&self, other: &ScalingTally, area: fn(f64, f64) -> f64, count: fn(u64, u64) -> u64) -> ScalingTally {
        ScalingTally {
            changes: count(self.changes, other.changes),
            needed: area(self.needed, other.needed),
            over: area(self.over, other.over),
            under: area(self.under, other.under),
            both: area(self.both, other.both),
            either: area(self.either, other.either),
            forecast_error: area(self.forecast_error, other.forecast_error),
            forecasts: count(self.forecasts, other.forecasts),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StationTally {
    pub arrivals: u64,
    pub left: u64,
    pub reneged: u64,
    /// Slots held x ns; requests queued x ns.
    pub busy_ns: u128,
    pub queued_ns: u128,
    /// Since the snapshot before.
    pub queue_max: u32,
    /// Sum of the waits of all who left the queue (served, reneged, reset): Little's twin of `queued_ns`.
    pub waits_ns: u128,
    /// At the end of the run: waits so far of those still in the queue, and holding times so far of those in slots, summed
    /// one by one; `queued_ns == waits_ns + open_waits_ns` and `busy_ns == held_ns + open_held_ns`, exactly.
    pub open_waits_ns: u128,
    pub open_held_ns: u128,
    /// Sum of the times slots were held: twin of `busy_ns`.
    pub held_ns: u128,
    pub in_queue: u32,
    pub in_slots: u32,
    /// Slots without a visit that are kept for a transaction.
    pub kept: u32,
    pub up_ns: u128,
    /// Its machine was there, booting or dead times included: what is paid.
    pub there_ns: u128,
    /// Core time of an instance that has a share of a host.
    pub core_ns: u128,
    /// Bytes of memory x ns.
    pub memory_byte_ns: u128,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostTally {
    /// Cores busy x ns.
    pub core_ns: u128,
    pub disk_ns: u128,
    pub nic_ns: u128,
    pub disk_ops: u64,
    pub disk_bytes: u64,
    pub nic_bytes: u64,
    pub memory_byte_ns: u128,
}

#[derive(Clone, Debug, Default)]
pub struct PoolTally {
    pub held_ns: u128,
    pub queued_ns: u128,
    pub wait: Compact,
    pub opened: u64,
    pub refused: u64,
    /// Connections in all pools of this kind (owner instances x size).
    pub capacity: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PipeTally {
    pub bytes: u64,
    pub busy_ns: u128,
}

/// One row a window.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub window: Span,
    pub offered: Vec<u32>,
    pub ok: Vec<u32>,
    pub failed: Vec<u32>,
    /// Sum of latencies of requests that finished in the window, ns.
    pub latency_sum_ns: Vec<u64>,
    /// Of all outcomes in the window, seconds; NaN without any.
    pub p50_s: Vec<f32>,
    pub p99_s: Vec<f32>,
    /// Requests in flight at the end of the window.
    pub in_flight: Vec<u32>,
    /// Answers and failures of the parts that a time to recover is asked of.
    pub parts: Vec<PartSeries>,
    /// Per resource of the model (see `Tracked`): share busy in the window.
    pub busy: Vec<Tracked>,
    /// Of components that keep entries or pages: share of look-ups that found theirs, one a window; NaN without any.
    pub hits: Vec<HitSeries>,
    /// Of each component: instances that were up at the end of the window.
    pub up: Vec<Vec<u32>>,
    pub heat: Heat,
}

/// The hit ratio of one component over time.
#[derive(Clone, Debug, Default)]
pub struct HitSeries {
    pub component: u16,
    pub share: Vec<f32>,
}

/// Latencies over time: in stretches of equal length, how many requests left with a latency in each bucket.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// Windows that make one column; the last column may hold fewer.
    pub windows: u32,
    /// Per column a count for each bucket: 4 an octave from 1 ns, so bucket b begins at 2^(b / 4 rounded down) ns and the
    /// rest of b / 4 says which quarter of that octave it is.
    pub columns: Vec<Vec<u32>>,
}

/// Answers and failures in one scope, one a window.
#[derive(Clone, Debug)]
pub struct PartSeries {
    pub scope: Scope,
    pub ok: Vec<u32>,
    pub failed: Vec<u32>,
}

/// Utilisation of one resource over time.
#[derive(Clone, Debug, Default)]
pub struct Tracked {
    pub what: TrackedKind,
    /// Component (slots), first of the hosts (cores, disk, NIC, memory) or pool.
    pub index: u32,
    /// How many hosts: all of one owner, or one that a measure asks for.
    pub hosts: u32,
    /// Share busy, one a window.
    pub share: Vec<f32>,
    /// Mean queue length, one a window (slots and pools only).
    pub queue: Vec<f32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrackedKind {
    /// Slots of a station.
    #[default]
    Slots,
    Cores,
    Disk,
    Nic,
    Memory,
    Pool,
}

/// One request at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampled {
    pub class: u16,
    /// n-th arrival of its source.
    pub number: u64,
    pub arrived: Time,
    pub latency: Span,
    pub failed: Option<u8>,
}

/// One request looked at closely.
#[derive(Clone, Debug)]
pub struct Exemplar {
    pub class: u16,
    /// n-th arrival of its source.
    pub number: u64,
    pub arrived: Time,
    pub latency: Span,
    pub failed: Option<u8>,
    /// What it waited for and worked at, in the order of time.
    pub segments: Vec<Segment>,
}

/// A stretch of a request's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Component and cause.
    pub cell: u16,
    /// Which of the component's operations, where one was at work; `NONE16` on the way to it and at the caller.
    pub operation: u16,
    pub start: Time,
    pub end: Time,
}
