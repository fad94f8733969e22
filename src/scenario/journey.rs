//! `journey:`: a ladder of scenarios, each with the users it should carry and the story that goes with it.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::text::{self, Node};
use crate::units::{Dimension, Quantity, write};

/// The fields of `journey:`.
pub static JOURNEY: Table = Table {
    name: "journey",
    about: "A ladder of scenarios; a file with it has no components of its own, and `plimsoll journey` tells it",
    fields: &[
        Field::new("title", Shape::Text, "From one server to many", "What the whole is called"),
        Field::new(
            "stages",
            Shape::ListOf(&Shape::Object(&STAGE)),
            "[{scenario: 01-single-server.yaml, users: 1k}]",
            "The scenarios, in order",
        )
        .required(),
    ],
};

static STAGE: Table = Table {
    name: "stage of a journey",
    about: "One scenario, what is changed in it, and why it comes here",
    fields: &[
        Field::new("scenario", Shape::Name(Thing::File), "01-single-server.yaml", "Its file, from this one").required(),
        Field::new("users", Shape::Count, "1k", "How many it should carry: `let.users` of the scenario"),
        Field::new("story", Shape::Text, "One machine does it all.", "What happens here, for people"),
        Field::new("set", Shape::MapOf(&Shape::Any), "{run.duration: 60s}", "Settings by their paths, as with `--set`"),
        Field::new("variant", Shape::Text, "write_heavy", "The variant of the scenario that is meant"),
    ],
};

/// A ladder file.
#[derive(Clone, Debug)]
pub struct Ladder {
    pub title: String,
    pub description: Option<String>,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug)]
pub struct Stage {
    /// As it was written; relative to the ladder's file.
    pub scenario: Spotted<String>,
    pub users: Option<f64>,
    pub story: Option<String>,
    pub variant: Option<String>,
    /// `PATH=VALUE` each, as the command line would say it.
    pub sets: Vec<String>,
}

/// What may stand beside `journey:`.
const BESIDE: [&str; 4] = ["plimsoll", "title", "description", "journey"];

/// Reads the tree of a ladder file; `None` if it is none.
pub fn ladder(tree: &Node, diags: &mut Diagnostics) -> Option<Ladder> {
    let (key, node) = tree.entry("journey")?;
    for (other, _) in tree.as_map().unwrap_or_default().iter().filter(|(key, _)| !BESIDE.contains(&&key.value[..])) {
        let told = format!("`{}` belongs to a scenario, this file is a ladder of scenarios", other.value);
        diags.push(Diagnostic::new(Code::Excluded, other.spot, told).note_at(key.spot, "the ladder"));
    }
    let text_of = |name: &str| tree.get(name).and_then(Node::as_text).map(str::to_owned);
    let mut r = Reader::new(key.spot, node, &JOURNEY, diags);
    let title = r.text("title").map(|title| title.value).or_else(|| text_of("title"));
    let stages = r.list("stages");
    let stages: Vec<Stage> = stages.into_iter().filter_map(|node| stage(key.spot, node, r.diags())).collect();
    let title = title.unwrap_or_else(|| "A journey".to_owned());
    Some(Ladder { title, description: text_of("description"), stages })
}

fn stage(owner: Spot, node: &Node, diags: &mut Diagnostics) -> Option<Stage> {
    let mut r = Reader::new(owner, node, &STAGE, diags);
    let users = r.count("users").map(|users| users.value as f64);
    let mut sets: Vec<String> = users.map(|users| format!("let.users={}", count(users))).into_iter().collect();
    let set = r.map("set");
    sets.extend(set.into_iter().map(|(path, value)| format!("{}={}", path.value, inline(value))));
    Some(Stage {
        users,
        story: r.text("story").map(|text| text.value),
        variant: r.text("variant").map(|text| text.value),
        scenario: r.text("scenario")?,
        sets,
    })
}

fn count(value: f64) -> String {
    write(Quantity { value, dimension: Dimension::Count })
}

/// A value on one line: a scalar as it is, all else as JSON, which is YAML too.
fn inline(node: &Node) -> String {
    node.as_text().map_or_else(|| text::canonical(node), str::to_owned)
}
