//! The schemas, and the pages of reference, out of the tables that scenarios are read by.

use serde_json::{Value, json};

use crate::cli::args::{Draft, Schema, SchemaOf};
use crate::cli::config::CONFIGURATION;
use crate::cli::out::Out;
use crate::cli::{Exit, Stop, pages};
use crate::fields::schema::json_schema;
use crate::scenario::root::root_table;

/// The schema of the JSON report, which a test holds against reports.
const REPORT: &str = include_str!("../../docs/report.schema.json");

/// Those of the documents of studies.
const COMPARE: &str = include_str!("../../docs/compare.schema.json");
const SWEEP: &str = include_str!("../../docs/sweep.schema.json");
const CAPACITY: &str = include_str!("../../docs/capacity.schema.json");
const GRID: &str = include_str!("../../docs/capacity_grid.schema.json");
const SIZE: &str = include_str!("../../docs/size.schema.json");
const ADVISE: &str = include_str!("../../docs/advise.schema.json");
const JOURNEY: &str = include_str!("../../docs/journey.schema.json");
const WALKTHROUGH: &str = include_str!("../../docs/walkthrough.schema.json");
const PLAN: &str = include_str!("../../docs/plan.schema.json");
const BY_HAND: &str = include_str!("../../docs/by_hand.schema.json");
const BASELINE: &str = include_str!("../../docs/baseline.schema.json");
const CHECK: &str = include_str!("../../docs/check.schema.json");

/// Prints a schema.
pub(crate) fn schema(args: &Schema, out: &mut Out) -> Result<Exit, Stop> {
    let text = written(args.of);
    if let Some(text) = text.filter(|_| args.draft == Draft::Of2020) {
        out.print(text)?;
        return Ok(Exit::Done);
    }
    let mut tree = match args.of {
        SchemaOf::Scenario => json_schema(root_table()),
        SchemaOf::Config => of_configuration(),
        SchemaOf::Reference => return page(&pages::fields(), out),
        SchemaOf::CheatSheet => return page(&pages::cheat_sheet(), out),
        SchemaOf::Measures => return page(&pages::measures(), out),
        SchemaOf::Diagnostics => return page(&pages::diagnostics(), out),
        SchemaOf::Verbs => return page(&pages::verbs(), out),
        _ => serde_json::from_str(text.unwrap_or_default()).expect("a test reads it"),
    };
    if args.draft == Draft::Of07 {
        older(&mut tree);
        tree["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    }
    out.print(&pretty(&tree))?;
    Ok(Exit::Done)
}

fn page(text: &str, out: &mut Out) -> Result<Exit, Stop> {
    out.print(text)?;
    Ok(Exit::Done)
}

/// The schema of a document that the program writes.
fn written(of: SchemaOf) -> Option<&'static str> {
    match of {
        SchemaOf::Report => Some(REPORT),
        SchemaOf::Compare => Some(COMPARE),
        SchemaOf::Sweep => Some(SWEEP),
        SchemaOf::Capacity => Some(CAPACITY),
        SchemaOf::Grid => Some(GRID),
        SchemaOf::Size => Some(SIZE),
        SchemaOf::Advise => Some(ADVISE),
        SchemaOf::Journey => Some(JOURNEY),
        SchemaOf::Walkthrough => Some(WALKTHROUGH),
        SchemaOf::Plan => Some(PLAN),
        SchemaOf::ByHand => Some(BY_HAND),
        SchemaOf::Check => Some(CHECK),
        SchemaOf::Baseline => Some(BASELINE),
        _ => None,
    }
}

/// The JSON Schema of a scenario file, for editors.
pub(crate) fn scenario_schema() -> String {
    pretty(&json_schema(root_table()))
}

fn pretty(tree: &Value) -> String {
    serde_json::to_string_pretty(tree).expect("a tree of plain values") + "\n"
}

/// The schema of `plimsoll.toml`: TOML has no `null`, and nothing there is a named value of `let`.
fn of_configuration() -> Value {
    let mut tree = json_schema(&CONFIGURATION);
    plain(&mut tree);
    tree["$defs"].as_object_mut().expect("there are definitions").remove("let");
    tree
}

fn plain(tree: &mut Value) {
    let is_of_scenarios =
        |shape: &Value| *shape == json!({ "type": "null" }) || *shape == json!({ "$ref": "#/$defs/let" });
    match tree {
        Value::Array(items) => {
            items.retain(|item| !is_of_scenarios(item));
            items.iter_mut().for_each(plain);
        }
        Value::Object(fields) => fields.values_mut().for_each(plain),
        _ => {}
    }
}

/// Draft 07 calls `$defs` otherwise; all else that is used here means the same in both.
fn older(tree: &mut Value) {
    match tree {
        Value::Array(items) => items.iter_mut().for_each(older),
        Value::Object(fields) => {
            if let Some(Value::String(place)) = fields.get_mut("$ref") {
                *place = place.replace("#/$defs/", "#/definitions/");
            }
            if let Some(definitions) = fields.shift_remove("$defs") {
                fields.insert("definitions".to_owned(), definitions);
            }
            fields.values_mut().for_each(older);
        }
        _ => {}
    }
}
