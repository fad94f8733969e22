//! What is to happen at a time of its own: the entries of the calendar that are no frames.

use crate::engine::log::Leg;
use crate::policy::election::Vote;

/// What rings at its own time; a stale one finds that its frame has another generation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Free,
    Source(u16),
    /// A closed client or session asks again.
    Client(u32),
    /// An attempt's time is up.
    Attempt {
        frame: u32,
        generation: u32,
    },
    /// Patience in the first queue is over.
    Patience {
        frame: u32,
        generation: u32,
    },
    PoolWait {
        frame: u32,
        generation: u32,
    },
    /// It has waited so long for a connection that it may have one of the reserve.
    Reserve {
        frame: u32,
        generation: u32,
    },
    LockWait {
        frame: u32,
        generation: u32,
    },
    /// What the caller left behind is stopped now.
    Cancel {
        frame: u32,
        request: u32,
    },
    Fork {
        join: u32,
        generation: u32,
    },
    /// The last copy of a call is slow: another one sets off.
    Hedge {
        join: u32,
        generation: u32,
    },
    FaultStart(u16),
    FaultEnd {
        fault: u16,
        period: u32,
    },
    /// The checks have noticed: the instance leaves (or rejoins) the rotation.
    Checked {
        station: u32,
        epoch: u32,
        up: bool,
    },
    Boot {
        station: u32,
        epoch: u32,
    },
    /// A host that was ordered has booted.
    NodeUp {
        host: u32,
    },
    /// A host has stood empty for a while.
    NodeIdle {
        host: u32,
        epoch: u32,
    },
    /// An environment of a function that an autoscaler has ordered is ready.
    Provisioned {
        function: u16,
    },
    /// A look at the use of a database in capacity units; it has woken up.
    Capacity(u16),
    Awake(u16),
    /// An instance is as fast as the others from now on.
    Warm {
        station: u32,
        epoch: u32,
    },
    /// A look whether anything is still in flight at an instance that leaves; at `until` it goes in any case.
    Drained {
        station: u32,
        epoch: u32,
        until: u64,
    },
    /// The primary of a shard, named by its first copy, sends what was written since.
    Ship {
        station: u32,
    },
    /// A batch up to this position (and term) comes to a replica.
    Received {
        station: u32,
        upto: u64,
    },
    /// A replica's word that it has come so far comes to the primary.
    Acknowledged {
        station: u32,
        upto: u64,
    },
    /// The question of a coordinator comes to a copy, or the answer back.
    Asked {
        frame: u32,
        generation: u32,
        station: u32,
    },
    Answered {
        frame: u32,
        generation: u32,
        station: u32,
    },
    /// A copy has heard nothing of a leader for long enough.
    Stand {
        station: u32,
        round: u32,
    },
    /// A candidate's question comes to a copy, or its vote to the candidate.
    VoteAsked {
        station: u32,
        candidate: u32,
        term: u32,
    },
    Voted {
        station: u32,
        voter: u32,
        asked: u32,
        vote: Vote,
    },
    /// What one of several primaries has written comes to another copy.
    Spread {
        station: u32,
        origin: u16,
        upto: u64,
    },
    /// A replica of this shard, named by its first copy, takes over.
    Promote {
        station: u32,
    },
    /// Watchers have missed the primary of this shard for as long as it takes to notice, or to be fenced.
    Missing {
        station: u32,
        round: u32,
    },
    Fence {
        station: u32,
        round: u32,
    },
    /// The next piece of data moves to the shards that a fault brings.
    Reshard {
        fault: u16,
    },
    /// A copy takes the next of so many pieces of data.
    Rebuild {
        station: u32,
        epoch: u32,
        left: u32,
    },
    /// The checks of a name service have noticed a region that died or lives again.
    Named {
        name: u16,
        region: u16,
        epoch: u32,
    },
    /// An external goes down or comes up.
    Renewal {
        component: u16,
        occasion: u64,
    },
    /// A checkpoint of a database begins (0), or writes the next of so many pieces.
    Checkpoint {
        station: u32,
        left: u32,
    },
    /// A copy of a node of a cache has taken over everything.
    Copied {
        station: u32,
        epoch: u32,
    },
    /// A node writes what it has kept.
    Flush {
        cache: u16,
        node: u32,
    },
    /// The delay of a letter, or its back-off, is over.
    Appear {
        letter: u32,
        number: u64,
        group: u16,
    },
    Return {
        letter: u32,
        number: u64,
        group: u16,
    },
    /// The letters of a batch may be taken by others.
    Visible {
        token: u64,
    },
    /// The oldest letter of a group has waited too long.
    Expire {
        group: u16,
    },
    /// Those who could not be reached are tried again.
    Dispatch {
        group: u16,
    },
    /// A batch between two brokers has come a leg further.
    Copy {
        log: u16,
        way: u32,
        leg: Leg,
    },
    /// A log looks whether copies are too far behind.
    Copies(u16),
    /// A broker is missed.
    Elect {
        station: u32,
        epoch: u32,
    },
    /// A publisher has gathered messages for long enough.
    Linger {
        token: u64,
    },
    /// Nothing has been heard of a member of a club for long enough.
    Missed {
        club: u16,
        station: u32,
    },
    /// The members of a club have agreed who reads what.
    Dealt(u16),
    /// A telemetry reads the metrics of everything that it watches.
    Scrape(u16),
    /// An instance has taken more memory than there is.
    OutOfMemory {
        station: u32,
        epoch: u32,
    },
    /// An instance that is to be replaced may have finished what it works on.
    Drain {
        station: u32,
        epoch: u32,
        until: u64,
    },
    /// The next step of a deployment.
    Rollout {
        fault: u16,
        turn: u32,
    },
    Window,
    /// The next stretch that is simulated begins.
    Sample,
    Look(u16),
    /// A job on a host whose instances have shares of it is done, if no other plan was made since.
    Pods {
        host: u32,
        plan: u32,
    },
    /// An autoscaler looks.
    Scale(u16),
    /// The same of one that changes sizes; the next instances change theirs.
    Vertical(u16),
    Resize(u16),
    /// The provider of a machine wants it back.
    Reclaim {
        station: u32,
        turn: u32,
    },
    Cut,
}

/// Timers that are set, and numbers that are free.
#[derive(Debug, Default)]
pub(super) struct Timers {
    pub(super) all: Vec<Timer>,
    pub(super) free: Vec<u32>,
    /// Calendar slot of each timer that is set.
    pub(super) slots: Vec<u32>,
}
