//! The schemas, and the reference page, out of the tables that scenarios are read by.

use crate::cli::args::{Schema, SchemaOf};
use crate::cli::out::Out;
use crate::cli::{Exit, Stop};
use crate::fields::reference::reference;
use crate::fields::schema::json_schema;
use crate::scenario::root::root_table;

/// The schema of the JSON report, which a test holds against reports.
const REPORT: &str = include_str!("../../docs/report.schema.json");

const REFERENCE_HEAD: &str = "\
# Reference of the scenario language

Every field of every map, from the same tables that scenarios are read by. Made by
`plimsoll schema reference > docs/reference.md`; a test says when it is out of date. Fields marked as not available yet are known, and refused by name.

";

/// Prints a schema.
pub(crate) fn schema(args: &Schema, out: &mut Out) -> Result<Exit, Stop> {
    match args.of {
        SchemaOf::Scenario => out.print(&scenario_schema())?,
        SchemaOf::Report => out.print(REPORT)?,
        SchemaOf::Reference => out.print(&reference_page())?,
    }
    Ok(Exit::Done)
}

/// The JSON Schema of a scenario file, for editors.
pub(crate) fn scenario_schema() -> String {
    let mut text = serde_json::to_string_pretty(&json_schema(root_table())).expect("a tree of plain values");
    text.push('\n');
    text
}

fn reference_page() -> String {
    format!("{REFERENCE_HEAD}{}\n", reference(root_table()).trim_end())
}
