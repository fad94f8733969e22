//! The instruction set: a request is a program counter. The whole set fits on a screen.

use crate::model::Failure;
use crate::policy::retry::Retry;
use crate::scenario::broker::Acks;
use crate::units::Span;

/// One instruction, eight bytes; figures are in side tables. `cell` is where the time that passes is attributed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A function's request takes an environment, or waits until a new one has started.
    Start,
    /// Time on a core of the instance's host.
    Cpu {
        draw: u16,
        cell: u16,
    },
    /// Time that occupies nothing but the worker.
    Wait {
        draw: u16,
        cell: u16,
    },
    /// Disk operations.
    Io {
        io: u16,
        cell: u16,
    },
    /// Pages touched; the misses become disk reads.
    Pages {
        pages: u16,
        cell: u16,
    },
    /// Call through an edge; the caller goes on when the answer is there.
    Call {
        edge: u16,
    },
    /// Parallel branches or repetitions, each a frame of its own at the same instance.
    Fork {
        fork: u16,
    },
    /// Jump with a probability.
    Branch {
        chance: u16,
        to: u16,
    },
    /// Jump unless the watch's test holds now.
    Unless {
        watch: u16,
        to: u16,
    },
    Jump {
        to: u16,
    },
    Lock {
        lock: u16,
    },
    Unlock {
        lock: u16,
    },
    /// From here on the frame keeps its connections to a database.
    Begin {
        transaction: u16,
    },
    /// The shards that a transaction has touched vote, if there are several.
    Prepare {
        transaction: u16,
    },
    /// They are told to commit.
    Decide {
        transaction: u16,
    },
    /// Connections and locks of the transaction are given back.
    End {
        transaction: u16,
    },
    /// A detached frame that runs the program at `entry`; nobody waits for it and it holds no worker.
    Spawn {
        entry: u16,
    },
    /// The caller goes on; the worker works on. The draw is bytes of the answer.
    Respond {
        draw: u16,
    },
    Fail {
        kind: Failure,
    },
    /// Jump for a share of the values of a key.
    BranchBy {
        chance: u16,
        key: u16,
        to: u16,
    },
    /// A node of a cache looks whether it has the entry; `Found` reads the outcome, here or at the caller.
    Look {
        cache: u16,
    },
    /// Jump by what the last look found: a hit to `hit`, an entry to be renewed early to `early`, a remembered `not_found`
    /// fails as that; a miss goes on.
    Found {
        hit: u16,
        early: u16,
    },
    /// Jump unless the entry is to be renewed in the background.
    UnlessWorn {
        to: u16,
    },
    /// Jump if the entry is there by now: somebody else has fetched it.
    Again {
        cache: u16,
        to: u16,
    },
    /// Jump if an entry is there, however old; the caller is content with it.
    Stale {
        cache: u16,
        to: u16,
    },
    /// A node of a cache puts the entry in.
    Keep {
        cache: u16,
    },
    /// A node of a cache takes the entry out.
    Drop {
        cache: u16,
    },
    /// A node of a cache remembers to write the entry to the backing.
    Later {
        cache: u16,
    },
    /// What was written behind has arrived at the backing, or has not.
    Written {
        cache: u16,
        well: bool,
    },
    /// Jump unless the failure that led here is this one.
    UnlessCaught {
        kind: Failure,
        to: u16,
    },
    /// Jump unless this node of a cache stands where the others fetch what they lack.
    UnlessShield {
        cache: u16,
        to: u16,
    },
    /// Fails with the failure that led here.
    Rethrow,
    /// A read at a copy of a database: what it sees is looked at.
    Observe,
    /// A write at the primary of a database goes into the log and may wait for replicas.
    Commit,
    /// A write waits until the write-ahead log has it.
    Sync {
        wal: u16,
        cell: u16,
    },
    /// A write has been repeated at a replica.
    Applied,
    /// A queue takes a message.
    Enqueue {
        topic: u16,
    },
    /// The disk of a partition's leader takes the messages that the frame carries.
    Store {
        topic: u16,
    },
    /// They are in the log from now on; whoever asked for it waits until all copies that count have them.
    Append {
        topic: u16,
    },
    /// A message joins the batch of its publisher, and may wait until that is in the log.
    Gather {
        used: u16,
        waits: bool,
    },
    /// A batch is in the log, or will never be: who waited for it goes on.
    Sent {
        well: bool,
    },
    /// What the frame is about joins a window; when that is over, a detached frame runs the program at `entry`.
    Window {
        window: u16,
        entry: u16,
    },
    /// An event store writes one more event of a stream.
    Record {
        store: u16,
    },
    /// It reads a stream from its last snapshot on.
    Recall {
        store: u16,
    },
    /// Time on a core for each event that was read.
    Rework {
        replay: u16,
    },
    /// A consumer takes the messages of its batch out of the queue.
    Receive {
        consumer: u16,
    },
    /// Work on all messages of a batch.
    Handle {
        consumer: u16,
    },
    /// Work on one message: a visit of the consumer's operation at this instance.
    Work {
        consumer: u16,
    },
    /// The work on a message has ended.
    Done {
        well: bool,
    },
    /// A queue hears what became of a batch.
    Settle {
        topic: u16,
    },
    /// The consumer is done with a batch, or never got it.
    Finish {
        received: bool,
    },
    /// A saga begins.
    Undertake {
        saga: u16,
    },
    /// A step of a saga has failed: what was done is undone from here on.
    Regret {
        saga: u16,
    },
    /// A compensation has ended.
    Undone {
        saga: u16,
        well: bool,
    },
    /// A saga is complete; or it is undone, and fails as its step did.
    Resolve {
        saga: u16,
        undone: bool,
    },
    /// Jump if the same was done before.
    Dedupe {
        dedupe: u16,
        to: u16,
    },
    /// From now on it is known that this was done.
    Remember {
        dedupe: u16,
    },
    /// A read of what messages keep up to date: how old what it sees is.
    View {
        component: u16,
    },
    /// What the visit does is written down: lines of a log, a span of a trace.
    Tell {
        telemetry: u16,
        cell: u16,
    },
    /// The lines of a visit that has failed.
    TellLate {
        telemetry: u16,
        cell: u16,
    },
    /// The operation (or branch) is done; answers with no bytes if nothing was answered yet.
    Return,
}

const _: () = assert!(size_of::<Step>() <= 8);

impl Step {
    /// Whether it makes frames that need more than a plain visit does.
    pub fn needs_calls(&self) -> bool {
        matches!(self, Step::Spawn { .. } | Step::Respond { .. } | Step::Window { .. })
    }
}

/// While the program counter is in `from .. to`, a failure continues at `target` (innermost handlers come first).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    pub from: u16,
    pub to: u16,
    pub target: u16,
}

/// A jump with a probability: `share` of 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    pub key: u64,
    pub share: u64,
}

/// Samplers of counts (`NONE16`: none of it) and of bytes an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Io {
    pub key: u64,
    pub reads: u16,
    pub writes: u16,
    pub bytes: u16,
    /// What is written goes to the log; the pages stay dirty until a checkpoint.
    pub logged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageUse {
    pub key: u64,
    pub count: u16,
    /// Key that picks the row; `NONE16`: the buffer's own.
    pub row_key: u16,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    pub key: u64,
    /// Entries of the branches; one entry that runs `times` times if `times` is given.
    pub entries: Vec<u16>,
    /// Sampler of the number of repetitions, or `NONE16`.
    pub times: u16,
    /// Key drawn anew for each repetition, or `NONE16`.
    pub draw: u16,
    /// The one entry runs once for each shard of this database (an index of its copies), or `NONE16`.
    pub shards: u16,
    /// The one entry is a call that is asked again when it is slow: index of a hedge, or `NONE16`.
    pub hedge: u16,
    /// One after the other instead of at once.
    pub sequence: bool,
    pub need: Need,
    pub ignore_errors: bool,
    /// Branches that the join no longer needs are stopped.
    pub cancel: bool,
    /// Whole-fork timeout, 0 = none.
    pub timeout: Span,
    pub lost_cell: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Need {
    All,
    First(u32),
    Share(f64),
}

/// How a step uses a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheUse {
    /// Index into [`Model::caches`](crate::model::Model::caches).
    pub cache: u16,
    /// Key named by the step; `NONE16`: the one the caller meant, else the cache's own.
    pub key: u16,
    /// Tells entries of different operations for the same key value apart.
    pub space: u64,
    /// Bytes of what is put, drawn each time, or `NONE16`.
    pub bytes: u16,
    /// What is put is the knowledge that there is nothing.
    pub negative: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LockUse {
    /// Locks with the same number and key value are the same lock.
    pub lock: u16,
    /// `NONE16`: one lock for all.
    pub key: u16,
    /// The flight of whoever fetches an entry of a cache: its use instead of a key, or `NONE16`.
    pub flight: u16,
    /// Whether each instance has locks of its own.
    pub local: bool,
    pub exclusive: bool,
    /// 0: for ever.
    pub timeout: Span,
    pub cell: u16,
    /// The database whose death ends it, or `NONE16`.
    pub within: u16,
}

/// A transaction of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionUse {
    pub component: u16,
    /// What lies between the caller and the database; no step calls through it.
    pub edge: u16,
    /// Where the time of votes and commits goes.
    pub cell: u16,
}

/// A `saga` step: the stretch of its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saga {
    pub component: u16,
    pub name: String,
    pub from: u16,
    /// The step behind it.
    pub to: u16,
}

/// What a `dedupe` step tells events apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DedupeUse {
    /// `NONE16`: the message itself.
    pub key: u16,
    pub span: Span,
    /// All instances know what one has done.
    pub shared: bool,
}

/// How a stream of an event store is worked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayUse {
    pub store: u16,
    pub key: u16,
    /// Sampler of the time for one event.
    pub cpu: u16,
    pub cell: u16,
}

/// A window of time in which things are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowUse {
    pub component: u16,
    /// What is gathered apart, or `NONE16`.
    pub key: u16,
    pub every: Span,
    /// Where the time goes until it is over.
    pub cell: u16,
}

/// What a `publish` says of its message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishUse {
    pub topic: u16,
    /// Key named by the step, or `NONE16`.
    pub key: u16,
    /// Sampler of its bytes, or `NONE16`.
    pub bytes: u16,
    /// `None`: that of the request.
    pub priority: Option<u8>,
    /// Of a log: what the publisher waits for, and how it gathers messages.
    pub acks: Acks,
    pub linger: Span,
    pub batch_bytes: f64,
    /// Stream of the partitions of batches.
    pub stream: u64,
    /// Program of a batch, and where the time of those who wait for one goes; or `NONE16`.
    pub entry: u16,
    pub cell: u16,
}

/// What a call carries between publishers, queues and consumers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Post {
    #[default]
    None,
    /// A message: its use.
    Publish(u16),
    /// Messages that were gathered.
    Batch,
    /// What became of a batch.
    Acknowledge,
}

/// One call site with all that surrounds the call.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Stream of everything drawn around the call; also tells the callee's occasion from the caller's.
    pub key: u64,
    /// The component that calls; `NONE16`: a load.
    pub caller: u16,
    /// Cumulative share of 2^32 and operation; the last is 2^32.
    pub targets: Vec<(u64, u16)>,
    /// Name service that says in which region to look for the target, or `NONE16`.
    pub name: u16,
    /// The caller asks one shard of several, or is in a transaction: the callee must know who calls.
    pub bound: bool,
    /// Nothing but the call: no timeout, deadline, retry, pool, limit, link, payload, context.
    pub plain: bool,
    /// 0: none.
    pub timeout: Span,
    pub deadline: Span,
    pub retry: Option<Retry>,
    /// `None`: what the caller leaves behind works on.
    pub cancel: Option<Span>,
    /// Indices into breakers and ejects, or `NONE16`.
    pub breaker: u16,
    pub eject: u16,
    /// Index into pools, or `NONE16`.
    pub pool: u16,
    /// Rate limits at the caller's side of this arrow, indices into limits.
    pub limits: Vec<u16>,
    /// One-way latency (a sampler) and pipe, or `NONE16`; those of one zone where `ways` tells places apart.
    pub link: u16,
    pub pipe: u16,
    /// Index of the latencies and pipes by the places of both ends, or `NONE16` if they are all the same.
    pub ways: u16,
    /// Mean seconds there and back between where callers and callees stand; for estimates only.
    pub round_trip_s: f64,
    /// Both ends stand on the same shared hosts: on one box there is no link.
    pub local: bool,
    /// Bytes the request carries, sampler or `NONE16`.
    pub payload: u16,
    /// The request carries the entry of this use of a cache, or `NONE16`.
    pub carries: u16,
    pub post: Post,
    /// Handshake before the first request of a connection: round trips in 1/1000, and how long it is kept (0: never).
    pub connect_round_trips_milli: u32,
    pub connect_keep: Span,
    /// The key whose value the callee takes for its own, or `NONE16`.
    pub key_given: u16,
    pub network_cell: u16,
    pub backoff_cell: u16,
    pub lost_cell: u16,
    pub limit_cell: u16,
}
