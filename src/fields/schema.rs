//! The tables as a JSON Schema, so that editors complete and check a scenario while it is written.
//!
//! The schema checks one file by itself. A file may extend another and state only what it changes, so nothing is
//! required here and `null` (which removes) is allowed everywhere; the program checks the merged whole.

use serde_json::{Map, Value, json};

use super::{Field, Shape, Table, Thing, reachable};
use crate::diagnostic::{Diagnostics, Sources};
use crate::text::{self, Node};
use crate::units::{Dimension, Per};

/// The schema (draft 2020-12) of files whose top level is `root`.
pub fn json_schema(root: &'static Table) -> Value {
    let mut definitions = Map::new();
    let tables = reachable(root);
    for table in &tables {
        let before = definitions.insert(key(table), object(table));
        debug_assert!(before.is_none(), "two tables are called `{}`", table.name);
    }
    definitions.insert(
        "let".to_owned(),
        json!({
            "description": "A named value, $name, or a sum of them, $(a * 20/day)",
            "type": "string",
            "pattern": r"\$([A-Za-z_]|\()",
        }),
    );
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root.name,
    });
    let fields = schema.as_object_mut().expect("it was made an object");
    fields.extend(object(root).as_object().expect("a table is an object").clone());
    fields.insert("$defs".to_owned(), Value::Object(definitions));
    schema
}

fn key(table: &Table) -> String {
    table.name.replace(' ', "_")
}

fn reference(table: &Table) -> Value {
    json!({ "$ref": format!("#/$defs/{}", key(table)) })
}

fn object(table: &Table) -> Value {
    let properties: Map<String, Value> = table.fields.iter().filter(|field| field.available).map(property).collect();
    json!({
        "description": table.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(field: &Field) -> (String, Value) {
    let mut shapes = alternatives(field.shape);
    shapes.push(json!({ "$ref": "#/$defs/let" }));
    shapes.push(json!({ "type": "null" }));
    let mut property = json!({ "description": field.about, "anyOf": shapes });
    if let Some(default) = field.default {
        property["default"] = sample(default);
    }
    if !field.example.is_empty() {
        property["examples"] = json!([sample(field.example)]);
    }
    (field.name.to_owned(), property)
}

/// A value of the reference as JSON, the way an editor reads it in YAML.
fn sample(text: &str) -> Value {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let node = text::parse("example", &format!("x: {text}"), &mut sources, &mut diags);
    debug_assert!(diags.is_empty(), "the example `{text}` is not YAML: {diags:?}");
    node.as_ref().and_then(|node| node.get("x")).map_or(Value::Null, as_json)
}

fn as_json(node: &Node) -> Value {
    match &node.value {
        text::Value::Null => Value::Null,
        text::Value::Scalar { text, quoted: true } => json!(text),
        text::Value::Scalar { text, .. } => {
            let number = text.parse::<serde_json::Number>().map(Value::Number);
            number
                .unwrap_or_else(|_| if text == "true" || text == "false" { json!(text == "true") } else { json!(text) })
        }
        text::Value::List(items) => items.iter().map(as_json).collect(),
        text::Value::Map(entries) => {
            entries.iter().map(|(key, node)| (key.value.clone(), as_json(node))).collect::<Map<_, _>>().into()
        }
    }
}

/// The schemas of which a value of this shape meets one.
fn alternatives(shape: Shape) -> Vec<Value> {
    match shape {
        Shape::OneOf(shapes) => shapes.iter().flat_map(|shape| alternatives(*shape)).collect(),
        shape => vec![one(shape)],
    }
}

/// The schema of values of this shape where a name of `let` may stand, too.
fn or_let(shape: Shape) -> Value {
    let mut shapes = alternatives(shape);
    shapes.push(json!({ "$ref": "#/$defs/let" }));
    shapes.push(json!({ "type": "null" }));
    json!({ "anyOf": shapes })
}

fn one(shape: Shape) -> Value {
    match shape {
        Shape::Time => quantity(Dimension::Time),
        Shape::Rate => quantity(Dimension::Rate),
        Shape::Bytes => quantity(Dimension::Bytes),
        Shape::Bandwidth => quantity(Dimension::Bandwidth),
        Shape::Share => quantity(Dimension::Share),
        Shape::Count => quantity(Dimension::Count),
        Shape::Number => quantity(Dimension::Number),
        Shape::Growth => quantity(Dimension::Growth),
        Shape::Price(dimension) => quantity(dimension),
        Shape::Distribution(dimension) => {
            json!({ "anyOf": [quantity(dimension), { "type": "string", "pattern": r"[a-z]+\(.*\)" }] })
        }
        Shape::Policy(forms) => {
            let form = |form: &super::PolicyForm| {
                let arguments = if form.arguments.is_empty() { "" } else { r"(\(.*\))?" };
                format!("{}{arguments}", form.name)
            };
            let pattern = format!("^({})$", forms.iter().map(form).collect::<Vec<_>>().join("|"));
            json!({ "type": "string", "pattern": pattern })
        }
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Name(Thing::Part | Thing::Link | Thing::Operation | Thing::File) => json!({ "type": "string" }),
        Shape::Text | Shape::Condition | Shape::Measure | Shape::AtTime | Shape::Name(_) => scalar(),
        Shape::Steps(of) => {
            let step = verb(of);
            json!({ "anyOf": [step, { "type": "array", "items": step }] })
        }
        Shape::Verb(of) => verb(of),
        Shape::Kind(of) => kind(of),
        Shape::Object(table) => reference(table),
        Shape::MapOf(of) => json!({ "type": "object", "additionalProperties": or_let(*of) }),
        Shape::ListOf(of) => json!({ "type": "array", "items": or_let(*of) }),
        Shape::OneOf(_) => json!({ "anyOf": alternatives(shape) }),
        Shape::Any => json!({}),
    }
}

fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

/// A map that has one of the verbs as a key, and the fields that go with it.
fn verb(of: &[&Table]) -> Value {
    let one = |table: &&Table| json!({ "allOf": [reference(table), { "required": [table.name] }] });
    json!({ "anyOf": of.iter().map(one).collect::<Vec<_>>() })
}

/// A map whose `kind` tells its fields; without one (a change to a component of another file) it has those of any.
fn kind(of: &[&Table]) -> Value {
    let names: Vec<&str> = of.iter().map(|table| table.name).collect();
    let case = |table: &&Table| {
        json!({
            "if": { "properties": { "kind": { "const": table.name } }, "required": ["kind"] },
            "then": reference(table),
        })
    };
    let mut cases: Vec<Value> = of.iter().map(case).collect();
    let any: Vec<Value> = of.iter().map(|table| reference(table)).collect();
    cases.push(json!({ "if": { "not": { "required": ["kind"] } }, "then": { "anyOf": any } }));
    json!({ "type": "object", "properties": { "kind": { "enum": names } }, "allOf": cases })
}

/// Text with a number and a unit that fits; plain numbers too where no unit is needed.
fn quantity(dimension: Dimension) -> Value {
    const NUMBER: &str = r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?";
    const PER: &str = "/(s|min|h|day|month|year)";
    const BYTES: &str = "([KMGTP]i?)?B";
    let unit = match dimension {
        Dimension::Time => " ?(ns|us|ms|s|m|h|d|w|months?)".to_owned(),
        Dimension::Rate => format!("[kMG]? ?({PER}|rps)"),
        Dimension::Bytes => format!(" ?{BYTES}"),
        Dimension::Bandwidth => format!(" ?([KMG]bps|{BYTES}{PER})"),
        Dimension::Share => format!("(%|/{NUMBER})"),
        Dimension::Growth => format!("%{PER}"),
        Dimension::Count | Dimension::Money => "[kMG]?".to_owned(),
        Dimension::Number => format!("(%|[kMG]|/{NUMBER})?"),
        Dimension::MoneyRate => PER.to_owned(),
        Dimension::MoneyPer(Per::Byte) => format!("/{BYTES}"),
        Dimension::MoneyPer(Per::Piece) => "(/[kMG])?".to_owned(),
        Dimension::MoneyPer(Per::ByteTime) => format!("/{BYTES}{PER}"),
    };
    let money = matches!(dimension, Dimension::Money | Dimension::MoneyRate | Dimension::MoneyPer(_));
    let dollar = if money { r"\$" } else { "" };
    // Any number may be an interval of two.
    let text =
        json!({ "type": "string", "pattern": format!(r"^{dollar}{NUMBER}{unit}(\.\.{dollar}{NUMBER}{unit})?$") });
    match dimension {
        Dimension::Count | Dimension::Number => json!({ "anyOf": [{ "type": "number" }, text] }),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WAIT: Table = Table {
        name: "wait",
        about: "Time on no core",
        fields: &[Field::new("wait", Shape::Distribution(Dimension::Time), "exp(3ms)", "how long")],
    };
    static EACH: Table = Table {
        name: "each",
        about: "Again and again",
        fields: &[
            Field::new("each", Shape::Steps(STEPS), "{wait: 2ms}", "what to do"),
            Field::new("times", Shape::Distribution(Dimension::Count), "geometric(4)", "how often").or("1"),
        ],
    };
    static STEPS: &[&Table] = &[&WAIT, &EACH];
    static SERVICE: Table = Table {
        name: "service",
        about: "Answers",
        fields: &[
            Field::new("kind", Shape::Word(&["service"]), "service", "what it is").required(),
            Field::new("steps", Shape::Steps(STEPS), "[{wait: 1ms}, {each: {wait: 2ms}, times: 5}]", "what it does"),
        ],
    };
    static STORE: Table = Table {
        name: "store",
        about: "Keeps",
        fields: &[
            Field::new("kind", Shape::Word(&["store"]), "store", "what it is").required(),
            Field::new("first_byte", Shape::Time, "15ms", "how long"),
            Field::new("bandwidth", Shape::Bandwidth, "1GB/s", "how fast"),
            Field::new("growth", Shape::Growth, "8%/month", "how much more"),
            Field::new("price", Shape::Price(Dimension::MoneyPer(Per::ByteTime)), "$0.023/GB/month", "what it costs"),
            Field::new("rows", Shape::Count, "500M", "how many"),
        ],
    };
    static ROOT: Table = Table {
        name: "scenario",
        about: "A worked example",
        fields: &[Field::new("components", Shape::MapOf(&Shape::Kind(&[&SERVICE, &STORE])), "{}", "what answers")],
    };

    #[test]
    fn every_example_meets_its_schema() {
        let schema = json_schema(&ROOT);
        for table in reachable(&ROOT) {
            let mut alone = json!({ "$ref": format!("#/$defs/{}", key(table)) });
            alone["$defs"] = schema["$defs"].clone();
            let validator = jsonschema::validator_for(&alone).expect("a schema");
            for field in table.fields {
                let value = json!({ field.name: sample(field.example) });
                assert!(validator.is_valid(&value), "{} of {}: {value}", field.name, table.name);
            }
        }
    }

    #[test]
    fn kinds_and_verbs_choose_their_fields() {
        let validator = jsonschema::validator_for(&json_schema(&ROOT)).expect("a schema");
        let good = |component: Value| validator.is_valid(&json!({ "components": { "a": component } }));
        assert!(good(json!({"kind": "store", "first_byte": "15ms"})));
        assert!(!good(json!({"kind": "service", "first_byte": "15ms"})));
        assert!(!good(json!({"kind": "stroe"})));
        assert!(good(json!({"first_byte": "$first"})), "a stage states only what it changes");
        assert!(good(json!(null)), "and removes");
        assert!(good(json!({"kind": "service", "steps": [{"each": [{"wait": "1ms + exp(2ms)"}], "times": 5}]})));
        assert!(!good(json!({"kind": "service", "steps": [{"wait": "1ms", "times": 5}]})));
        assert!(!good(json!({"kind": "service", "steps": [{"wait": "5 msecs"}]})));
    }
}
