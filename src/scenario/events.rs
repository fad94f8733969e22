//! `kind: event_store` and the step `replay`: what happened is kept for ever, and what is so is worked out from it.

use crate::diagnostic::Spotted;
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::policy::balance::Balance;
use crate::scenario::component::{ABSTRACT, BOOT, HEALTH, INSTANCES, KIND, LIKE, OPERATIONS, PREFER, WORKERS};
use crate::scenario::machine::{CORES, DISK_FIELD, MEMORY, NIC, ON, OWN, PLACE, PRICE, SCHEDULING, SPEED};
use crate::scenario::policy::{DEADLINE, FALLBACK, RATE_LIMIT, RETRY_FIELD, TIMEOUT};
use crate::scenario::values::{Env, count, draw, name};
use crate::scenario::{Kind, Reference, Verb};
use crate::units::Dimension;

/// A store of events: a stream of them for each value of a key.
#[derive(Clone, Debug)]
pub struct Events {
    pub key: Option<Reference>,
    /// Bytes of an event.
    pub event_bytes: f64,
    /// Events that a stream has when the run begins.
    pub start: Option<Distribution>,
    /// A snapshot after so many events, and its bytes.
    pub snapshot: Option<(u32, f64)>,
}

/// Working out what is so, from the last snapshot on.
#[derive(Clone, Debug)]
pub struct Replay {
    pub of: Reference,
    /// Time on a core for each event.
    pub cpu: Option<Distribution>,
}

static SNAPSHOT: Table = Table {
    name: "snapshot",
    about: "What is so, written down now and then, so that a replay begins there",
    fields: &[
        Field::new("every", Shape::Count, "100", "Events of a stream between two snapshots").required(),
        Field::new("bytes", Shape::Bytes, "4KB", "Size of a snapshot").or("0B"),
    ],
};

/// An event store.
pub static EVENTS: Table = Table {
    name: "event_store",
    about: "Streams of events, one for each value of a key, that only ever grow; its operations are `append` and `replay`",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field::new("key", Shape::Name(Thing::Key), "account", "The key whose values have a stream each").required(),
        Field::new("event", Shape::Bytes, "400B", "Size of an event").or("0B"),
        Field::new(
            "start",
            Shape::Distribution(Dimension::Count),
            "geometric(200)",
            "Events that a stream has when the run begins",
        )
        .or("0"),
        Field::new(
            "snapshot",
            Shape::Object(&SNAPSHOT),
            "{every: 100, bytes: 4KB}",
            "Snapshots; without them each replay begins with the first event",
        ),
        OWN,
        ON,
        INSTANCES,
        PLACE,
        Field {
            about: "What it costs an instance to take an event (`append`) and to read a stream (`replay`), besides its disk",
            example: "{append: {cpu: 50us, io: 1}, replay: {cpu: 50us}}",
            ..OPERATIONS
        },
        Field {
            default: Some("none"),
            about: "Requests that an instance works on at the same time; the others queue",
            ..WORKERS
        },
        HEALTH,
        PREFER,
        RATE_LIMIT,
        CORES,
        MEMORY,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
    ],
};

/// The step.
pub(super) static REPLAY_STEP: Table = Table {
    name: "replay",
    about: "Read a stream of an event store from its last snapshot on, and work through it",
    fields: &[
        Field::new("replay", Shape::Object(&REPLAY), "{of: ledger, key: account, cpu: 20us}", "Which, and how long")
            .required(),
        TIMEOUT,
        DEADLINE,
        RETRY_FIELD,
        FALLBACK,
    ],
};
static REPLAY: Table = Table {
    name: "replay of a stream",
    about: "What is read and worked through",
    fields: &[
        Field::new("of", Shape::Name(Thing::Component), "ledger", "The event store").required(),
        Field::new("key", Shape::Name(Thing::Key), "account", "The key that is meant; without it that of the store"),
        Field::new(
            "cpu",
            Shape::Distribution(Dimension::Time),
            "20us",
            "Time on a core for each event; drawn once for all of a replay",
        )
        .or("0s"),
    ],
};

/// Reads what is special about an event store.
pub(super) fn events(r: &mut Reader, env: &mut Env) -> Events {
    let bytes = r.bytes("event");
    let snapshot = r.object("snapshot").and_then(|mut r| {
        let bytes = r.bytes("bytes");
        let bytes = r.within("bytes", bytes, 0.0, f64::INFINITY).map_or(0.0, |bytes| bytes.value);
        Some((count(&mut r, "every", 1)?, bytes))
    });
    Events {
        key: name(r, "key"),
        event_bytes: r.within("event", bytes, 0.0, f64::INFINITY).map_or(0.0, |bytes| bytes.value),
        start: draw(r, env, "start", Dimension::Count),
        snapshot,
    }
}

/// A stream stands at one instance of its store.
pub(super) fn balance(kind: &Kind) -> Option<Spotted<Balance>> {
    let Kind::Events(said) = kind else { return None };
    said.key.as_ref().map(|key| Spotted::new(Balance::Hash(key.value.clone()), key.spot))
}

/// Reads the map of a `replay`.
pub(super) fn replay(r: &mut Reader, key: &mut Option<Reference>, env: &mut Env) -> Option<Verb> {
    *key = name(r, "key");
    let cpu = draw(r, env, "cpu", Dimension::Time);
    Some(Verb::Replay(Replay { of: name(r, "of")?, cpu }))
}
