//! The steps `saga` and `dedupe`: work over several services that must be undone, or must not be done twice.

use crate::diagnostic::Spot;
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::policy::FALLBACK;
use crate::scenario::step::{STEPS, steps};
use crate::scenario::values::{Env, name};
use crate::scenario::{Reference, Step, Verb};

/// What is done in one step of a saga, and what undoes it.
#[derive(Clone, Debug)]
pub struct SagaStep {
    pub body: Vec<Step>,
    pub undo: Vec<Step>,
}

/// What makes two messages the same, and for how long that is known.
#[derive(Clone, Debug)]
pub struct Dedupe {
    /// `event`, or a key.
    pub by: Reference,
    /// Seconds.
    pub for_s: f64,
    /// The cache in which it is noted; without one each instance knows only its own.
    pub within: Option<Reference>,
}

static DO: Shape = Shape::Steps(STEPS);

/// The step `saga`.
pub(super) static SAGA_STEP: Table = Table {
    name: "saga",
    about: "Steps of which each can be undone: if one fails, those before it are undone from the last to the first, and it too if nobody knows what became of it (`timeout`, `reset`); then the saga fails in the same way",
    fields: &[
        Field::new(
            "saga",
            Shape::Object(&SAGA),
            "{steps: [{do: [{call: stock.take}], undo: [{call: stock.put}]}]}",
            "The steps",
        )
        .required(),
        FALLBACK,
    ],
};
static SAGA: Table = Table {
    name: "saga of steps",
    about: "Steps that are done one after the other, or undone",
    fields: &[Field::new(
        "steps",
        Shape::ListOf(&Shape::Object(&ONE)),
        "[{do: [{call: stock.take}], undo: [{call: stock.put}]}]",
        "In their order",
    )
    .required()],
};
static ONE: Table = Table {
    name: "step of a saga",
    about: "What is done, and what undoes it",
    fields: &[
        Field::new("do", DO, "[{call: stock.take}]", "What is done").required(),
        Field::new("undo", DO, "[{call: stock.put}]", "What undoes it; without it nothing has to be undone"),
    ],
};

/// The step `dedupe`.
pub(super) static DEDUPE_STEP: Table = Table {
    name: "dedupe",
    about: "Do nothing more if the same was done before: the steps that follow run once for each event. What fails on the way is not noted, so it is tried again",
    fields: &[Field::new("dedupe", Shape::Object(&DEDUPE), "{by: event, within: 1h, in: redis}", "What is the same")
        .required()],
};
static DEDUPE: Table = Table {
    name: "deduplication",
    about: "What makes two messages the same",
    fields: &[
        Field::new(
            "by",
            Shape::Text,
            "event",
            "`event`: the message itself, however often it was sent or delivered; or a key",
        )
        .or("event"),
        Field::new("within", Shape::Time, "1h", "How long it is known what was done").required(),
        Field::new(
            "in",
            Shape::Name(Thing::Component),
            "redis",
            "The cache in which that is noted, for all instances; without one each knows only what it did itself",
        ),
    ],
};

/// Reads the map of a `saga`.
pub(super) fn saga(r: &mut Reader, env: &mut Env) -> Verb {
    let mut all = Vec::new();
    for node in r.list("steps") {
        let nameless = Spot { end: node.spot.start, ..node.spot };
        let mut r = Reader::new(nameless, node, &ONE, r.diags());
        let mut body = |field: &str| {
            let owner = r.key(field);
            r.node(field).map(|node| steps(owner, node, env, r.diags())).unwrap_or_default()
        };
        all.push(SagaStep { body: body("do"), undo: body("undo") });
    }
    Verb::Saga(all)
}

/// Reads the map of a `dedupe`.
pub(super) fn dedupe(r: &mut Reader) -> Option<Verb> {
    let within = r.time("within");
    let for_s = r.within("within", within, 1e-9, f64::INFINITY);
    let event = crate::diagnostic::Spotted::new("event".to_owned(), r.owner());
    let by = name(r, "by").unwrap_or(event);
    Some(Verb::Dedupe(Dedupe { by, for_s: for_s?.value, within: name(r, "in") }))
}
