//! Deployments: a new version takes the place of the old one.

use crate::diagnostic::{Code, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::condition::Condition;
use crate::scenario::fault::{AT, Act, EVERY};
use crate::scenario::values::{Env, count, inert};
use crate::scenario::{Reference, watch};
use crate::units;

/// How a new version comes to the instances of a component.
#[derive(Clone, Debug)]
pub struct Deploy {
    pub component: Reference,
    pub how: Rollout,
    pub at_once: AtOnce,
    /// Seconds that a step is watched before the next one.
    pub hold_s: f64,
    /// How many times as long everything takes in the new version.
    pub slower: f64,
    /// Share of requests that the new version fails.
    pub fails: f64,
    /// The old version comes back once this holds.
    pub roll_back: Option<Spotted<Condition>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// So many at once, until all are replaced.
    Rolling,
    /// So many first; when they have been watched, the others as in a rolling one.
    Canary,
    /// A second fleet takes over from the first in one moment.
    BlueGreen,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AtOnce {
    Share(f64),
    Count(u32),
}

pub static DEPLOY: Table = Table {
    name: "deploy",
    about: "A new version takes the place of the old: each instance leaves the rotation, drains, stops, boots and is warm again",
    fields: &[
        Field::new("deploy", Shape::Name(Thing::Component), "web", "What is replaced").required(),
        Field::new(
            "how",
            Shape::Word(&["rolling", "canary", "blue_green"]),
            "canary",
            "A few at a time; a few first and then, when they were watched, the rest; or a second fleet that takes over at once",
        )
        .or("rolling"),
        Field::new(
            "at_once",
            Shape::OneOf(&[Shape::Share, Shape::Count]),
            "25%",
            "How many are replaced at the same time, rounded down, at least one; a quarter of them unless given",
        ),
        Field::new("hold", Shape::Time, "5m", "How long a step (of a canary: the first) is watched before the next").or("0s"),
        Field::new("version", Shape::Object(&VERSION), "{slower: x1.2, fails: 1%}", "What is different in the new version"),
        Field::new("roll_back", Shape::Condition, "errors of web > 2%", "The old version comes back once this holds"),
        AT,
        EVERY,
    ],
};
/// What stands under `version`.
static VERSION: Table = Table {
    name: "version",
    about: "What is different in a new version",
    fields: &[
        Field::new("slower", Shape::Text, "x1.2", "How many times as long everything takes").or("x1"),
        Field::new("fails", Shape::Share, "1%", "Share of its requests that fail as `unavailable`").or("0%"),
    ],
};

/// Reads a deployment.
pub(super) fn deploy(r: &mut Reader, env: &Env) -> Option<Act> {
    let component = r.text("deploy");
    let how = match r.word("how").map(|how| how.value) {
        Some("canary") => Rollout::Canary,
        Some("blue_green") => Rollout::BlueGreen,
        _ => Rollout::Rolling,
    };
    if how == Rollout::BlueGreen {
        inert(r, &["at_once"], "where all instances change at once");
    }
    let at_once = at_once(r).unwrap_or(AtOnce::Share(0.25));
    let hold_s = r.time("hold").map_or(0.0, |hold| hold.value);
    let (slower, fails) = r.object("version").map_or((1.0, 0.0), |mut r| {
        let slower = r.parsed("slower", Code::Unit, units::parse_factor);
        let slower = r.within("slower", slower, 1e-3, 1e3).map_or(1.0, |slower| slower.value);
        let fails = r.share("fails");
        (slower, r.within("fails", fails, 0.0, 1.0).map_or(0.0, |fails| fails.value))
    });
    let roll_back = r.node("roll_back").and_then(|node| {
        let objectives: Vec<&str> = env.objectives.iter().map(String::as_str).collect();
        let read = watch::condition(r.key("roll_back"), node, &objectives, r.diags())?;
        Some(Spotted::new(read, node.spot))
    });
    Some(Act::Deploy(Box::new(Deploy { component: component?, how, at_once, hold_s, slower, fails, roll_back })))
}

pub(super) fn at_once(r: &mut Reader) -> Option<AtOnce> {
    let text = r.node("at_once")?.as_text()?.to_owned();
    if text.contains(['%', '/']) {
        let share = r.share("at_once");
        return r.within("at_once", share, 1e-6, 1.0).map(|share| AtOnce::Share(share.value));
    }
    count(r, "at_once", 1).map(AtOnce::Count)
}
