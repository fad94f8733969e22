//! The state of one replication: frames, requests, stations and everything they stand in.
//!
//! A *frame* is one visit of an operation at an instance (or one branch of a visit, or a load acting as a caller); a call
//! makes a child frame. A *request* is the row that time is attributed to; it is owned by exactly one frame, the one
//! without a parent, and freed with it. What a caller leaves behind gets a request row of its own, so that nothing done
//! for nobody is charged to somebody.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::calendar::Calendar;
use crate::distribution::sampler::Samplers;
use crate::engine::arrive::{Beside, Steady};
use crate::engine::broker::Post;
use crate::engine::buffer::Buffer;
use crate::engine::cache::{Caches, Found};
use crate::engine::elastic::Elastic;
use crate::engine::fork::Join;
use crate::engine::guard::{Guards, Shortcut};
use crate::engine::keys::Values;
use crate::engine::lock::Locks;
use crate::engine::naming::Name;
use crate::engine::observe::Observer;
use crate::engine::pods::Pods;
use crate::engine::pool::{Pool, PoolStats};
use crate::engine::release::Vintage;
use crate::engine::replica::Replication;
use crate::engine::reshard::Moving;
use crate::engine::residency::Outside;
use crate::engine::rows::Effort;
use crate::engine::sampling::Samples;
use crate::engine::timer::Timers;
use crate::engine::transaction::Transaction;
use crate::engine::trouble::Incidents;
use crate::engine::wal::Log;
use crate::measure::gauge::Gauge;
use crate::measure::histogram::Histogram;
use crate::model::{Failure, Model, NONE, NONE16};
use crate::policy::arrivals::ArrivalState;
use crate::policy::balance::Balancer;
use crate::policy::discipline::{Fair, Ranked};
use crate::policy::sharding::Map;
use crate::record::FaultPeriod;

/// Nanoseconds of simulated time.
pub(super) type Ns = u64;

/// Phases of one instant: capacity is freed before it is claimed, observers look last.
pub(super) const RELEASE: u64 = 0;
pub(super) const CLAIM: u64 = 1;
pub(super) const OBSERVE: u64 = 2;

/// Calendar payloads: two bits of kind, 22 of index.
pub(super) const HOST: u32 = 1 << 22;
pub(super) const RING: u32 = 2 << 22;
pub(super) const TIMER: u32 = 3 << 22;
pub(super) const INDEX: u32 = (1 << 22) - 1;

/// Place of an external, and of a load that comes from none.
pub(super) const NOWHERE: u16 = NONE16;

/// A parent or child that is a join, not a frame.
pub(super) const JOIN: u32 = 1 << 31;

/// Attribution counts ticks of 256 ns; differences of `now >> TICK` telescope, so nothing is lost.
pub(super) const TICK: u32 = 8;

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome(pub(super) u8);

impl Outcome {
    pub(super) const OK: Outcome = Outcome(u8::MAX);

    pub(super) fn failed(kind: Failure) -> Outcome {
        Outcome(kind.0)
    }

    pub(super) fn failure(self) -> Option<Failure> {
        (self != Outcome::OK).then_some(Failure(self.0))
    }
}

/// Where a frame stands; one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    #[default]
    Free,
    /// Its program runs now, or it is in `ready`.
    Running,
    /// In the calendar; `link` is the slot.
    Scheduled,
    /// On the cores of its host.
    OnCore,
    /// In the queue of its station; `link` is the next one.
    Queued,
    /// Its turn for a slot has come; it is in `ready`.
    Granted,
    /// Waits for a connection of a pool.
    Pooled,
    /// Waits for a lock.
    Locked,
    /// Its write waits for replicas.
    Replicating,
    /// Waits for its child or join.
    Calling,
    /// Its instance is paused.
    Parked,
    /// Its turn came too late; it is in `ready`, to be told.
    Shed,
    /// Stopped, but some structure still holds its number; freed when that lets go.
    Zombie,
}

/// What a frame is, as bits.
pub(super) mod flag {
    /// A branch, repetition or spawned program: no slot of its own, no visit statistics.
    pub(in crate::engine) const BRANCH: u8 = 1;
    /// Stands for a load: no station.
    pub(in crate::engine) const CLIENT: u8 = 2;
    /// Holds a slot of its station.
    pub(in crate::engine) const HOLDS: u8 = 4;
    /// Its caller already has the answer.
    pub(in crate::engine) const RESPONDED: u8 = 8;
    /// Gives its slot back while it waits for a call.
    pub(in crate::engine) const ASYNC: u8 = 16;
    /// Came through an edge that is not plain; `calls` says more, and it may be on its way.
    pub(in crate::engine) const GUARDED: u8 = 32;
    /// The event it waits for is a stage of a call (`calls.stage`), not a step of its program.
    pub(in crate::engine) const STAGED: u8 = 64;
    /// The balancer counts it.
    pub(in crate::engine) const COUNTED: u8 = 128;
}

/// One cache line: who asks, where it stands, since when.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Frame {
    /// Address of everything drawn here.
    pub(super) occasion: u64,
    /// It came to the door.
    pub(super) entered: Ns,
    /// It got its slot; while it stands in line, it joined the line.
    pub(super) granted: Ns,
    /// The present segment of time began.
    pub(super) since: Ns,
    pub(super) parent: u32,
    pub(super) child: u32,
    pub(super) request: u32,
    /// Counts answers received and lives lived: what was armed for an earlier one is stale.
    pub(super) generation: u32,
    pub(super) link: u32,
    pub(super) station: u32,
    pub(super) pc: u16,
    pub(super) operation: u16,
    pub(super) cell: u16,
    pub(super) state: State,
    pub(super) flags: u8,
}
const _: () = assert!(size_of::<Frame>() == 64);

impl Frame {
    /// A frame that begins now: nobody's, nowhere, about to run.
    #[inline(always)]
    pub(super) fn begun(now: Ns) -> Frame {
        Frame {
            occasion: 0,
            entered: now,
            granted: now,
            since: now,
            parent: NONE,
            child: NONE,
            request: NONE,
            generation: 0,
            link: NONE,
            station: NONE,
            pc: 0,
            operation: 0,
            cell: 0,
            state: State::Running,
            flags: 0,
        }
    }
}

/// What a guarded frame carries besides; the same index as the frame, empty when no program of the model needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Instant by which whoever waits for this frame wants the answer.
    pub(super) deadline: Ns,
    /// The same for this frame's present call, with the edge's own deadline.
    pub(super) until: Ns,
    /// Length of the last back-off of this frame's present call.
    pub(super) pause: Ns,
    /// Connection held for the call that made this frame.
    pub(super) pool: u32,
    /// First of the locks this frame holds.
    pub(super) holds: u32,
    /// Attempts of this frame's present call so far.
    pub(super) attempt: u32,
    /// Bytes that the last answer carried.
    pub(super) bytes: f32,
    /// Edge that made this frame.
    pub(super) edge: u16,
    /// Identity of the message it carries, or the batch of letters it is about; 0: none.
    pub(super) token: u64,
    /// Key given by the caller for the callee's own, or `NONE16`.
    pub(super) given_key: u16,
    pub(super) stage: Stage,
    /// What the answer says; while the frame's program goes on after a failure, that failure.
    pub(super) outcome: Outcome,
    /// What the last look in a cache found, and when it had to be fetched.
    pub(super) found: Found,
    pub(super) missed: Ns,
    /// As of which releases the last answer was.
    pub(super) vintage: Vintage,
    /// Transaction on whose behalf this frame's program calls; 0: none.
    pub(super) transaction: u32,
    /// The one shard among all that this frame's program asks, or `NONE`.
    pub(super) shard: u32,
    /// Its function has given it an environment.
    pub(super) in_environment: bool,
}

/// Stages of an attempt that take time outside any program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    #[default]
    None,
    /// Held back by a leaky rate limit.
    Shaped,
    Connecting,
    /// Its turn in the pool's line has come.
    Connected,
    /// The request travels.
    Out,
    /// The answer travels.
    Back,
    /// The caller waits before the next attempt.
    BackOff,
    /// The request, or the answer, was lost and is sent again when this is over.
    OutAgain,
    BackAgain,
}

/// The row that time is attributed to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// Address of the request's key values.
    pub(super) occasion: u64,
    pub(super) arrived: Ns,
    /// n-th of its source.
    pub(super) number: u64,
    /// Values of keys that differ from what the occasion gives.
    pub(super) context: u32,
    /// Closed client or session that waits for it.
    pub(super) client: u32,
    pub(super) class: u16,
    pub(super) priority: u8,
    pub(super) flags: u8,
}

impl Request {
    /// A row that begins now, for whom nobody waits.
    pub(super) fn detached(now: Ns) -> Request {
        Request {
            occasion: 0,
            arrived: now,
            number: 0,
            context: NONE,
            client: NONE,
            class: 0,
            priority: 0,
            flags: row::DETACHED,
        }
    }
}

pub(super) mod row {
    /// Nobody waits: no end-to-end statistics.
    pub(in crate::engine) const DETACHED: u8 = 1;
    /// Work for a caller who has left.
    pub(in crate::engine) const WASTED: u8 = 2;
    /// A replica repeats a write; `number` is its position, `class` the term of the primary.
    pub(in crate::engine) const APPLIES: u8 = 4;
    /// A copy reads for a coordinator; `number` is who asks: generation and frame.
    pub(in crate::engine) const ANSWERS: u8 = 8;
    /// A message that was worked on before, so that nothing was done.
    pub(in crate::engine) const SKIPPED: u8 = 16;
    /// Its spans are counted until it is known whether they are kept.
    pub(in crate::engine) const TOLD: u8 = 64;
    /// Its time line is kept.
    pub(in crate::engine) const FOLLOWED: u8 = 128;
}

/// One instance.
///
/// Two cache lines: what each visit needs, and what those in line and the end of a visit need besides.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Station {
    pub(super) free: u32,
    pub(super) queued: u32,
    pub(super) limit: u32,
    pub(super) host: u32,
    pub(super) component: u16,
    /// Why the door is not simply open; see [`gate`].
    pub(super) gate: u8,
    /// Counts deaths and revivals.
    pub(super) epoch: u32,
    /// Demands are multiplied by it: 1 / speed of the host, times the factor of a gray failure.
    pub(super) scale: f64,
    pub(super) busy: Gauge,
    pub(super) arrivals: u64,
    pub(super) left: u64,
    pub(super) held: Ns,
    pub(super) waiting: Gauge,
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) queue_max: u32,
    pub(super) reneged: u32,
    pub(super) waits: Ns,
    pub(super) up_since: Ns,
    pub(super) up_ns: Ns,
}
const _: () = assert!(size_of::<Station>() == 128);

pub(super) mod gate {
    /// Down: refuses.
    pub(in crate::engine) const DOWN: u8 = 1;
    /// Paused: takes requests but runs nothing.
    pub(in crate::engine) const PAUSED: u8 = 2;
    /// Something at the door looks at each request: a limit, a coin, injected errors, memory.
    pub(in crate::engine) const CHECKS: u8 = 4;
    /// Queues in an order other than first in, first out.
    pub(in crate::engine) const ORDERED: u8 = 8;
    /// Not there yet, or leaving: nothing brings it up but whatever makes it join.
    pub(in crate::engine) const ABSENT: u8 = 16;
    /// Whose turn comes may be turned away.
    pub(in crate::engine) const SHEDS: u8 = 32;
}

/// The waiting line of a station that is not first in, first out.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// Newest at the back.
    Stack(VecDeque<u32>),
    Ranked(Ranked),
    Fair(Fair),
}

/// All instances of a component.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) balancer: Balancer,
    /// Station of its first instance.
    pub(super) first: u32,
    /// Waits of those who stood in line, and how many did not have to.
    pub(super) wait: Histogram,
    pub(super) at_once: u64,
    pub(super) service: Histogram,
    pub(super) arrivals: u64,
    pub(super) rejected: Vec<u64>,
    pub(super) page_hits: u64,
    pub(super) page_misses: u64,
    pub(super) bytes_out: f64,
    /// Shares of requests that fail at the door: (operation or `NONE16`, station or `NONE`, share of 2^32, kind, key).
    pub(super) injected: Vec<Injection>,
    /// Instances by the value that sticks to them, and until when.
    pub(super) sticky: FxHashMap<u64, (u32, Ns)>,
    /// What was done where its data must not be.
    pub(super) outside: Outside,
    /// Of a name service: what it tells.
    pub(super) name: Option<Box<Name>>,
    /// Machines that were taken back.
    pub(super) reclaims: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Injection {
    pub(super) fault: u16,
    pub(super) operation: u16,
    pub(super) station: u32,
    pub(super) share: u64,
    pub(super) kind: Failure,
    pub(super) key: u64,
}

/// Statistics of an operation or a request class.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) offered: u64,
    /// Those that went well.
    pub(super) answered: u64,
    pub(super) ok: Histogram,
    pub(super) failed: Histogram,
    pub(super) kinds: Vec<u64>,
    /// For a class: the operation whose figures are the same by construction, or `NONE16`.
    pub(super) mirror: u16,
    /// Counted only where a measure asks for the most in flight.
    pub(super) tracked: bool,
    pub(super) now: u64,
    pub(super) most: u64,
}

impl Flow {
    /// One more comes to the door.
    pub(super) fn enter(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }

    /// One has its answer.
    #[inline(always)]
    pub(super) fn count(&mut self, took: Ns, outcome: Outcome) {
        match outcome.failure() {
            None => {
                self.answered += 1;
                self.ok.add(took);
            }
            Some(kind) => {
                self.failed.add(took);
                self.kinds[usize::from(kind.0)] += 1;
            }
        }
        if self.tracked {
            self.now -= 1;
        }
    }
}

/// Timeouts of one edge: all the same length, so first in, first out.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    pub(super) due: VecDeque<Due>,
    pub(super) slot: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Ns,
    pub(super) order: u64,
    pub(super) frame: u32,
    pub(super) generation: u32,
}

/// A load.
#[derive(Debug)]
pub(super) struct Source {
    /// Seeded stream.
    pub(super) key: u64,
    /// Arrivals so far.
    pub(super) count: u64,
    pub(super) arrivals: Option<ArrivalState>,
    pub(super) steady: Option<Steady>,
    /// Timer of the next arrival, for all but the source that stands beside the calendar.
    pub(super) timer: u32,
    pub(super) slot: u32,
    pub(super) done: bool,
}

/// What a visit needs of the model before it is at the door.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) component: u16,
    pub(super) entry: u16,
    /// Of a frame that has been sent to an instance.
    pub(super) flags: u8,
    pub(super) choice: Choice,
    /// Passes on the bytes that it is answered.
    pub(super) proxy: bool,
    /// Instance that the component begins with.
    pub(super) first: u32,
}

/// How much there is to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// There is one instance.
    Only,
    /// By the balancer, which needs only a draw.
    Plain,
    /// With a key, the demand, a zone or what stuck before.
    Involved,
}

/// What an arrival of a class needs of the model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Straight to the target's door; otherwise a frame stands for the load as a caller.
    pub(super) plain: bool,
    pub(super) priority: u8,
    /// Key whose value says where the request comes from, or `NONE16`.
    pub(super) place_key: u16,
}

/// A closed client or a session: asks, waits, thinks, asks again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) occasion: u64,
    pub(super) count: u64,
    pub(super) context: u32,
    pub(super) source: u16,
    pub(super) step: u16,
    /// Repetitions of the present step still to do.
    pub(super) left: u32,
}

/// Cores shared by instances.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) cores: u32,
    pub(super) sharing: bool,
    pub(super) dirty: bool,
    pub(super) paused: bool,
    pub(super) slot: u32,
    /// Virtual service that each job has had since time 0, in ns / 256.
    pub(super) served: u64,
    pub(super) last: Ns,
    /// By virtual end, the last first.
    pub(super) jobs: Vec<(u64, u32)>,
    /// Under FCFS: who waits for a core, with its demand.
    pub(super) line: VecDeque<(Ns, u32)>,
    pub(super) free: u32,
    pub(super) core_ns: u128,
    pub(super) disk: Fluid,
    pub(super) nic: Fluid,
    pub(super) iops: f64,
    pub(super) disk_rate: f64,
    pub(super) nic_rate: f64,
    pub(super) disk_ops: u64,
    pub(super) memory_limit: u64,
    /// Where instances have shares of the cores; none of the above counts then.
    pub(super) pods: Option<Box<Pods>>,
    /// Instances that stand on it.
    pub(super) stations: Vec<u32>,
}

/// A queue with a rate: work is done in the order in which it was given, so its end is known at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fluid {
    pub(super) free_at: Ns,
    /// Work given since it was last idle.
    pub(super) run: Ns,
    pub(super) busy: u128,
    pub(super) bytes: f64,
}

/// A key value that differs from what the occasion gives; shared by all requests below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) parent: u32,
    pub(super) users: u32,
    pub(super) value: u64,
    pub(super) key: u16,
}

/// Things by number, and numbers that are free.
#[derive(Debug)]
pub(super) struct Slab<T> {
    pub(super) all: Vec<T>,
    pub(super) free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Slab<T> {
        Slab { all: Vec::new(), free: Vec::new() }
    }
}

/// How far the run has come, in requests.
pub(super) struct Course {
    pub(super) created: u64,
    pub(super) finished: u64,
    pub(super) request_limit: u64,
    /// Count of finished requests at which something happens: a cut, or the end of a run by requests.
    pub(super) next_mark: u64,
    /// Whether any load's requests leave a queue they have waited in too long.
    pub(super) patience: bool,
    pub(super) samples: Option<Box<Samples>>,
}

pub(super) struct World<'m> {
    pub(super) m: &'m Model,
    pub(super) samplers: &'m Samplers,
    /// Seed and replication, mixed into every stream that is not addressed by a request.
    pub(super) salt: u64,
    pub(super) calendar: Calendar,
    pub(super) now: Ns,
    pub(super) horizon: Ns,
    pub(super) events: u64,
    pub(super) event_limit: u64,
    pub(super) frame_limit: usize,
    pub(super) stopped: crate::record::Stopped,
    /// Woken at this instant, in order; those before `ready_next` have run.
    pub(super) ready: Vec<u32>,
    pub(super) ready_next: usize,
    pub(super) frames: Vec<Frame>,
    pub(super) calls: Vec<Call>,
    /// Whether any program needs `calls`.
    pub(super) extended: bool,
    pub(super) free_frame: u32,
    pub(super) in_flight: u32,
    pub(super) requests: Vec<Request>,
    pub(super) free_requests: Vec<u32>,
    pub(super) cells: Vec<u32>,
    pub(super) stride: usize,
    pub(super) stations: Vec<Station>,
    pub(super) lines: Vec<Option<Line>>,
    pub(super) groups: Vec<Group>,
    pub(super) operations: Vec<Flow>,
    pub(super) classes: Vec<Flow>,
    /// By filter of the model.
    pub(super) filtered: Vec<Flow>,
    pub(super) hosts: Vec<Host>,
    pub(super) dirty: Vec<u32>,
    pub(super) rings: Vec<Ring>,
    /// Ring of each edge, or `NONE`.
    pub(super) ring_of: Vec<u32>,
    pub(super) timers: Timers,
    pub(super) sources: Vec<Source>,
    pub(super) clients: Slab<Client>,
    pub(super) pools: Vec<Pool>,
    /// First pool of each kind.
    pub(super) pool_base: Vec<u32>,
    pub(super) pool_stats: Vec<PoolStats>,
    /// Last use of a client's connection over an edge.
    pub(super) connections: FxHashMap<(u16, u64), Ns>,
    pub(super) guards: Guards,
    pub(super) pipes: Vec<Fluid>,
    pub(super) joins: Slab<Join>,
    pub(super) locks: Locks,
    pub(super) contexts: Slab<Context>,
    pub(super) values: Values,
    /// Per database with shards or replicas.
    pub(super) replication: Vec<Replication>,
    /// Which shard holds what, likewise.
    pub(super) maps: Vec<Map>,
    pub(super) moving: Vec<Moving>,
    /// By their numbers, of which the last is `begun`.
    pub(super) transactions: FxHashMap<u32, Transaction>,
    pub(super) begun: u32,
    /// Slots of each instance that are kept for transactions.
    pub(super) kept: Vec<u32>,
    pub(super) buffers: Vec<Option<Buffer>>,
    /// Write-ahead logs by instance; none where no database has one.
    pub(super) logs: Vec<Log>,
    pub(super) caches: Caches,
    pub(super) post: Post,
    pub(super) incidents: Incidents,
    pub(super) elastic: Elastic,
    /// Instances that are paused now.
    pub(super) paused: u32,
    /// The first source, if it is a plain stream, stands beside the calendar: (time, order).
    pub(super) next_arrival: (Ns, u64),
    pub(super) beside: Option<Beside>,
    /// By class.
    pub(super) entries: Vec<Entry>,
    /// By operation.
    pub(super) routes: Vec<Route>,
    /// By edge.
    pub(super) shortcuts: Vec<Shortcut>,
    pub(super) fault_periods: Vec<Vec<FaultPeriod>>,
    pub(super) course: Course,
    pub(super) effort: Effort,
    pub(super) observer: Observer,
}
