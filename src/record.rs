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
#[derive(Clone, Debug, Default)]
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
    /// The slowest of the requests that were followed, then some at random.
    pub exemplars: Vec<Exemplar>,
    /// The stretches that were simulated, in a run that samples its quiet time.
    pub samples: Vec<Sample>,
    /// All that were followed, in the order in which they left.
    pub sampled: Vec<Sampled>,
    /// Changes of the number of instances, in the order of time.
    pub decisions: Vec<Decision>,
}

/// A stretch of a run that was simulated, up to the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub from: Time,
    pub until: Time,
    /// How many requests each of its requests stands for.
    pub weight: f64,
    pub offered: u64,
    pub ok: u64,
    pub failed: u64,
}

/// There are to be more or fewer instances or hosts, or larger or smaller ones; counts are those of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    pub at: Time,
    pub from: f64,
    pub to: f64,
    pub by: By,
}

/// Who has decided, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// Index into [`Model::scalers`](crate::model::Model).
    Scaler(u16, Why),
    /// Index into [`Model::nodes`](crate::model::Model), and the component whose instance found no room on the hosts there
    /// were; none: a host has stood empty.
    Nodes(u16, Option<u16>),
    /// Index into [`Model::verticals`](crate::model::Model), the cores in use that call for it, and which of its sizes.
    Vertical { vertical: u16, needed: f64, sizes: [usize; 2] },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stopped {
    /// The duration is over, or the last request has left.
    #[default]
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
    /// While it cut a primary off and there were two: how long, and how many acknowledged writes to a row had not seen one
    /// of the other side.
    pub split: Span,
    pub conflicts: u64,
    /// Messages that had to be sent again, or were never.
    pub lost_messages: u64,
    /// A deployment that brought the old version back.
    pub rolled_back: bool,
    /// Share of all keys that moved to other shards, and their bytes; set when they have.
    pub moved: Option<(f64, f64)>,
}

/// Cumulative counts up to `at`.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    pub at: Time,
    /// So much of it was not simulated.
    pub asleep: Span,
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
    pub topics: Vec<TopicTally>,
    /// Messages appended to each partition of each topic; of queues nothing.
    pub partitions: Vec<Vec<u64>>,
    /// Partitions of each log that got another leader.
    pub elections: Vec<u64>,
    pub groups: Vec<GroupTally>,
    pub sagas: Vec<SagaTally>,
    pub windows: Vec<WindowTally>,
    pub events: Vec<EventTally>,
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
    /// Visits and bytes of data that must not be where they were.
    pub visits_outside: u64,
    pub bytes_outside: u64,
    /// Of a cache, all nodes together.
    pub cache: CacheTally,
    /// Of a cache, where anything is ever released.
    pub shown: Option<Box<ShownTally>>,
    /// Of those who call it.
    pub guards: GuardTally,
    /// Of a database with shards or replicas.
    pub copies: Option<Box<CopiesTally>>,
    /// Spot machines that were taken back.
    pub reclaims: u64,
    /// Of what an autoscaler changes.
    pub scaling: Option<Box<ScalingTally>>,
    pub sizes: Option<Box<SizesTally>>,
    pub function: Option<FunctionTally>,
    /// Of a database in capacity units.
    pub capacity: Option<CapacityTally>,
    pub telemetry: Option<Box<TelemetryTally>>,
}

/// What a telemetry has seen, and how much of it was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TelemetryTally {
    pub lines: u64,
    pub lines_kept: u64,
    pub log_bytes: f64,
    /// Readings of metrics.
    pub points: f64,
    pub metric_bytes: f64,
    pub spans: u64,
    pub spans_kept: u64,
    pub trace_bytes: f64,
    /// Bytes that agents sent over the network, those that were thrown away later too.
    pub sent_bytes: f64,
    /// Time on cores that agents used.
    pub core_ns: u64,
}

/// How large a database in capacity units was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapacityTally {
    /// Units x ns while it was awake: what is paid.
    pub unit_ns: u128,
    pub asleep_ns: u128,
    pub pauses: u64,
    /// How often the number of units changed.
    pub changes: u64,
}

/// How requests of a function began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionTally {
    pub warm: u64,
    pub cold: u64,
    pub throttled: u64,
    /// Environments that stand ready x ns.
    pub provisioned_ns: u128,
}

/// Instances that change their size; cumulative.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SizesTally {
    /// Decisions, and instances that were started anew for them.
    pub changes: u64,
    pub restarts: u64,
    /// Instances x ns of each size.
    pub ns: Vec<u128>,
    /// By instance: cores x ns and bytes of memory x ns that it had.
    pub rooms: Vec<[f64; 2]>,
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

/// What callers did about a component that was failing or slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardTally {
    /// Breakers that lead here, how often they opened, and how long they were not closed, all together.
    pub breakers: u64,
    pub opened: u64,
    pub open_ns: u128,
    /// Callers that leave out instances, how often one did, and instances x time left out.
    pub benches: u64,
    pub ejections: u64,
    pub ejected_ns: u128,
    /// Further copies of slow calls, and those that brought the first answer.
    pub hedges: u64,
    pub hedges_won: u64,
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
    /// While a shard had two primaries: how long, all shards together, and the writes that the newer and the older one
    /// acknowledged; those of the older one are lost. They count among `writes` and `conflicts`, too.
    pub split_ns: u64,
    pub split_writes: [u64; 2],
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

impl CacheTally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: CacheTally) -> CacheTally {
        CacheTally {
            evicted: self.evicted + other.evicted,
            expired: self.expired + other.expired,
            refused: self.refused + other.refused,
            coalesced: self.coalesced + other.coalesced,
            stale: self.stale + other.stale,
            lost_writes: self.lost_writes + other.lost_writes,
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// What those who looked in a cache were shown.
#[derive(Clone, Debug, Default)]
pub struct ShownTally {
    pub looks: u64,
    /// Copies of what had changed since at its origin.
    pub old: u64,
    /// Of all looks: how long what they were shown had no longer been so.
    pub ages: Compact,
}

/// What a queue was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicTally {
    /// Messages taken.
    pub accepted: u64,
    /// Refused, because too many wait.
    pub refused: u64,
    /// Sent again within the time in which that is noticed, and not taken twice.
    pub repeated: u64,
    /// Dead letters that other queues sent here.
    pub dead_in: u64,
    /// Of a log: messages that a leader took, and their bytes. Of them those that were lost with a leader although their
    /// publisher thought them safe, those that were lost and their publisher knew, and those that are not committed yet;
    /// the rest is `accepted`.
    pub appended: u64,
    pub bytes: u64,
    pub truncated: u64,
    pub withdrawn: u64,
    pub uncommitted: u64,
    /// Messages that no leader ever took and whose publisher did not wait to hear of it.
    pub unsent: u64,
}

/// What became of the copies of messages for one group of consumers.
///
/// At the end of a run, exactly: `entered == delivered + dead + given_up + expired + overflowed + wiped + early + redriven +
/// open`, where `open` is counted letter by letter.
#[derive(Clone, Debug, Default)]
pub struct GroupTally {
    pub entered: u64,
    /// Of them those that came back from a queue of dead letters.
    pub driven_in: u64,
    /// And those that had been done and are read again.
    pub rewound: u64,
    /// Worked on and acknowledged.
    pub delivered: u64,
    /// Tried too often: sent to another queue, or lost for want of one.
    pub dead: u64,
    pub given_up: u64,
    /// Too old.
    pub expired: u64,
    /// Lost: the oldest of too many; with the last instance of a queue; acknowledged before work that failed.
    pub overflowed: u64,
    pub wiped: u64,
    pub early: u64,
    /// Sent back to the queue that had given them up.
    pub redriven: u64,
    /// Handed out, and taken back again.
    pub deliveries: u64,
    pub redelivered: u64,
    /// Done although it had been done; and not done, because that was known.
    pub duplicates: u64,
    pub skipped: u64,
    /// How often partitions were dealt anew.
    pub rebalances: u64,
    /// Of a log: for each partition, what is not done now, and the integral of that up to now (letters x ns).
    pub behind: Vec<(u64, u64)>,
    /// Done that are known to be about something; of them those that were done after a later one about the same.
    pub ordered: u64,
    pub disordered: u64,
    /// Reads of what is kept up to date, and those for which something was not done yet; how old what they saw was.
    pub views: u64,
    pub stale_views: u64,
    pub staleness: Compact,
    /// Now: those that wait, and those that are out with a consumer; with their integrals.
    pub waiting: u64,
    pub out: u64,
    pub waiting_ns: u128,
    pub out_ns: u128,
    /// Most that waited, and that were there, since the snapshot before.
    pub waiting_max: u64,
    pub backlog_max: u64,
    /// From the publication to the first hand-over, and to the end of the work.
    pub transit: Compact,
    pub lag: Compact,
    /// At the end of the run: letters still there, counted one by one.
    pub open: u64,
}

/// What became of the sagas of one step.
///
/// At the end of a run, exactly: `begun == completed + undone + unresolved + abandoned + open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SagaTally {
    pub begun: u64,
    pub completed: u64,
    /// Failed, and all that had been done was undone.
    pub undone: u64,
    /// Failed, and something could not be undone; or whoever ran it died.
    pub unresolved: u64,
    pub abandoned: u64,
    /// Compensations that went well, and that failed.
    pub compensations: u64,
    pub failed: u64,
    /// At the end of the run: under way, counted one by one.
    pub open: u64,
}

/// What an event store has written and read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventTally {
    pub appended: u64,
    pub snapshots: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Streams read again, and the events that were read.
    pub replays: u64,
    pub replayed: u64,
}

/// What a `window` has gathered: things that came, and windows that they began, one for each value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowTally {
    pub gathered: u64,
    pub begun: u64,
}

impl GroupTally {
    /// Lost, whatever the cause.
    pub fn lost(&self) -> u64 {
        self.given_up + self.overflowed + self.wiped + self.early
    }
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
    /// It was there, booting included: what is paid.
    pub there_ns: u128,
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
    /// Messages that wait or are worked on at the end of the window, without those that nobody consumes.
    pub backlog: Vec<u32>,
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
    /// Chosen by its address, not because it was slow.
    pub is_random: bool,
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
