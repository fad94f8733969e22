//! The step `window`: what came in a stretch of time is worked on together, once for each value of a key.

use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::step::{DO, steps};
use crate::scenario::values::{Env, name};
use crate::scenario::{Reference, Step, Verb};

/// A window of an aggregate.
#[derive(Clone, Debug)]
pub struct Window {
    /// What is gathered: without a key, everything that comes to an instance.
    pub by: Option<Reference>,
    /// Seconds.
    pub every_s: f64,
    pub body: Vec<Step>,
}

/// The step.
pub(super) static WINDOW_STEP: Table = Table {
    name: "window",
    about: "Gather what comes, and go on: when the window of time is over, its steps run once for each value of the key that came. An instance that dies takes along what it has gathered",
    fields: &[Field::new(
        "window",
        Shape::Object(&WINDOW),
        "{by: user, every: 10s, do: [{call: views.write}]}",
        "What, how long, and what then",
    )
    .required()],
};
static WINDOW: Table = Table {
    name: "window of time",
    about: "Windows of equal length, one after the other",
    fields: &[
        Field::new(
            "by",
            Shape::Name(Thing::Key),
            "user",
            "The key whose values are gathered apart; without one all that comes to an instance is one",
        ),
        Field::new("every", Shape::Time, "10s", "How long a window is").required(),
        Field::new("do", DO, "[{call: views.write}]", "What is done with what was gathered").required(),
    ],
};

/// Reads the map of a `window`.
pub(super) fn window(r: &mut Reader, env: &mut Env) -> Option<Verb> {
    let every = r.time("every");
    let every = r.within("every", every, 1e-6, f64::INFINITY);
    let owner = r.key("do");
    let body = r.node("do").map(|node| steps(owner, node, env, r.diags())).unwrap_or_default();
    Some(Verb::Window(Window { by: name(r, "by"), every_s: every?.value, body }))
}
