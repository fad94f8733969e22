//! One table of fields for each kind of map: it feeds the reading of scenarios, the JSON Schema and the reference page,
//! so that the three cannot drift.
//!
//! A [`Table`] says which fields a map has, what shape each takes, what it means and what holds if it is left out. A
//! [`Reader`](reader::Reader) reads a map by its table: it tells about unknown, missing and misshapen fields and hands
//! out typed values. What can go wrong: a reader is asked for a field its table lacks, which is a mistake of the program
//! and panics in tests.

pub mod reader;
pub mod reference;
pub mod schema;

use crate::units::Dimension;

/// What a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Component,
    /// `component.operation`.
    Operation,
    Load,
    Key,
    Host,
    /// A type of the catalogue.
    Machine,
    /// A region or `region/zone`.
    Place,
    /// `web/2`, `db/primary`, `any`.
    Part,
    /// `a -> b`.
    Link,
    Fault,
    Objective,
    File,
}

/// One form of a policy: its name and arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyForm {
    /// `choices`.
    pub name: &'static str,
    /// `(n)`, or nothing if it takes none.
    pub arguments: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// What may stand in a field.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Time,
    Rate,
    Bytes,
    Bandwidth,
    Share,
    /// A whole number of things, bare or with `k`, `M`, `G`.
    Count,
    /// A number without a unit.
    Number,
    /// A price of whatever dimension is named.
    Price(Dimension),
    /// A growth per time, `8%/month`.
    Growth,
    /// A quantity of the dimension, or a distribution of it.
    Distribution(Dimension),
    /// One of these forms, written `name(args)`.
    Policy(&'static [PolicyForm]),
    /// Any text.
    Text,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of something else in the scenario.
    Name(Thing),
    /// A measure, a comparison and a value.
    Condition,
    /// A measure, as in a condition.
    Measure,
    /// A time since the start (`6m`) or of the clock (`07:45`, `Tue 18:00`).
    AtTime,
    /// One step or a list of steps; each has the fields of the table that has the name of its verb.
    Steps(&'static [&'static Table]),
    /// A map with the fields of the table whose name is one of its keys: a step, a fault.
    Verb(&'static [&'static Table]),
    /// A map with the fields of the table whose name is the value of `kind`.
    Kind(&'static [&'static Table]),
    /// A map with these fields.
    Object(&'static Table),
    /// A map from names of the author's to this.
    MapOf(&'static Shape),
    /// A list of these.
    ListOf(&'static Shape),
    /// Any of these.
    OneOf(&'static [Shape]),
    /// Anything; whoever reads it checks it.
    Any,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// What it means, as a sentence without a full stop.
    pub about: &'static str,
    /// What holds if it is left out, as it would be written.
    pub default: Option<&'static str>,
    /// A value, as it would be written.
    pub example: &'static str,
    /// Whether this version can simulate it.
    pub available: bool,
    /// Whether a map without it makes no sense.
    pub required: bool,
}

impl Field {
    /// An optional field without a default.
    pub const fn new(name: &'static str, shape: Shape, example: &'static str, about: &'static str) -> Field {
        Field { name, shape, about, default: None, example, available: true, required: false }
    }

    /// With what holds if it is left out.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Field {
        Field { default: Some(default), ..self }
    }

    /// A field that must be there.
    #[must_use]
    pub const fn required(self) -> Field {
        Field { required: true, ..self }
    }

    /// A field of the language that this version cannot simulate.
    #[must_use]
    pub const fn later(self) -> Field {
        Field { available: false, ..self }
    }
}

/// The fields of one kind of map.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// What such a map is called in messages and as a heading: `service`, `queue of a service`; one table, one name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// In the order people write them.
    pub fields: &'static [Field],
}

impl Table {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Shape {
    /// What may stand there, in words: "a time", "one of `ps`, `fcfs`".
    pub fn noun(self) -> String {
        match self {
            Shape::Time => "a time".to_owned(),
            Shape::Rate => "a rate".to_owned(),
            Shape::Bytes => "a size in bytes".to_owned(),
            Shape::Bandwidth => "a bandwidth".to_owned(),
            Shape::Share => "a share".to_owned(),
            Shape::Count => "a count".to_owned(),
            Shape::Number => "a number".to_owned(),
            Shape::Price(dimension) => dimension.noun().to_owned(),
            Shape::Growth => "a growth".to_owned(),
            Shape::Distribution(dimension) => format!("{} or a distribution", dimension.noun()),
            Shape::Policy(forms) => {
                let form = |form: &PolicyForm| format!("`{}{}`", form.name, form.arguments);
                format!("one of {}", forms.iter().map(form).collect::<Vec<_>>().join(", "))
            }
            Shape::Text => "a text".to_owned(),
            Shape::Bool => "`true` or `false`".to_owned(),
            Shape::Word([word]) => format!("`{word}`"),
            Shape::Word(words) => format!("one of `{}`", words.join("`, `")),
            Shape::Name(thing) => thing.noun().to_owned(),
            Shape::Condition => "a condition".to_owned(),
            Shape::Measure => "a measure".to_owned(),
            Shape::AtTime => "a time since the start or of the clock".to_owned(),
            Shape::Steps(_) => "steps".to_owned(),
            Shape::Verb(_) | Shape::Kind(_) | Shape::Object(_) | Shape::MapOf(_) => "a map".to_owned(),
            Shape::ListOf(of) => format!("a list, each {}", of.noun()),
            Shape::OneOf(shapes) => {
                let nouns: Vec<String> = shapes.iter().map(|shape| shape.noun()).collect();
                nouns.join(", or ")
            }
            Shape::Any => "a value".to_owned(),
        }
    }

    /// This shape and, if it is a choice, what may be chosen.
    pub fn alternatives(&self) -> &[Shape] {
        match self {
            Shape::OneOf(shapes) => shapes,
            _ => std::slice::from_ref(self),
        }
    }
}

impl Thing {
    /// What it is called, with its article.
    pub fn noun(self) -> &'static str {
        match self {
            Thing::Component => "a component",
            Thing::Operation => "an operation, `component.operation`",
            Thing::Load => "a load",
            Thing::Key => "a key",
            Thing::Host => "a host",
            Thing::Machine => "a machine type",
            Thing::Place => "a place",
            Thing::Part => "a part, such as `web/2`",
            Thing::Link => "a link, `a -> b`",
            Thing::Fault => "a fault",
            Thing::Objective => "an objective",
            Thing::File => "a file",
        }
    }
}

/// All tables that can be reached from a root, each once, in the order of a reader who looks up every word at once.
pub fn reachable(root: &'static Table) -> Vec<&'static Table> {
    let mut tables = vec![root];
    let mut at = 0;
    while at < tables.len() {
        for field in tables[at].fields {
            collect(field.shape, &mut tables);
        }
        at += 1;
    }
    tables
}

fn collect(shape: Shape, tables: &mut Vec<&'static Table>) {
    let mut add = |table: &'static Table| {
        if !tables.iter().any(|known| std::ptr::eq(*known, table)) {
            tables.push(table);
        }
    };
    match shape {
        Shape::Object(table) => add(table),
        Shape::Steps(of) | Shape::Verb(of) | Shape::Kind(of) => of.iter().for_each(|table| add(table)),
        Shape::MapOf(of) | Shape::ListOf(of) => collect(*of, tables),
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| collect(*shape, tables)),
        _ => {}
    }
}
