//! `plimsoll config show`: every setting, its value, and where it comes from. The output is TOML itself.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{CONFIGURATION, Config, STRUCTURE, innermost, source};
use crate::cli::args::Show;
use crate::cli::input::{self, Wanted};
use crate::cli::out::Out;
use crate::cli::{Exit, Stop, run};
use crate::fields::{Field, Shape};
use crate::text::Node;

/// One line: the value as text, unless the setting has none.
struct Line {
    name: &'static str,
    value: Option<String>,
    origin: String,
}

/// Prints the settings that would hold.
pub(crate) fn show(args: &Show, matches: &ArgMatches, config: &Config, out: &mut Out) -> Result<Exit, Stop> {
    let typed = innermost(matches);
    let scenario = args.scenario.as_deref().map(|scenario| input::prepare(&Wanted::of(scenario), out)).transpose()?;
    let tree = scenario.and_then(|(_, _, reading)| reading.resolved);
    let fields = CONFIGURATION.fields.iter().filter(|field| !STRUCTURE.contains(&field.name));
    let lines: Vec<Line> = fields.map(|field| line(field, typed, config, tree.as_ref())).collect();
    let text = if args.json { as_json(&lines) } else { as_toml(&lines, &config.files) };
    out.print(&text)?;
    Ok(Exit::Done)
}

fn line(field: &'static Field, typed: &ArgMatches, config: &Config, scenario: Option<&Node>) -> Line {
    let id = field.name.replace('-', "_");
    let of_parser = || typed.get_raw(&id).and_then(|mut values| Some(values.next()?.to_string_lossy().into_owned()));
    let line = |value, origin: &str| Line { name: field.name, value, origin: origin.to_owned() };
    let variable = format!("PLIMSOLL_{}", id.to_uppercase());
    match source(typed, &id) {
        Some(ValueSource::CommandLine) => return line(of_parser().or_else(|| Some("true".to_owned())), "flag"),
        Some(ValueSource::EnvVariable) => return line(of_parser(), &variable),
        _ => {}
    }
    if let Some(given) = config.given.get(field.name) {
        return line(Some(given.value.clone()), &given.origin);
    }
    if let Some(value) = scenario.and_then(|tree| of_scenario(field.name, tree)) {
        return line(Some(value), "scenario");
    }
    match field.name {
        "jobs" => line(Some(run::cores().to_string()), "default, all cores"),
        "out" => line(Some("output/<scenario>".to_owned()), "default"),
        _ => line(field.default.map(str::to_owned), if field.default.is_some() { "default" } else { "not set" }),
    }
}

/// What `run:` says itself.
fn of_scenario(name: &str, tree: &Node) -> Option<String> {
    let run = tree.get("run")?;
    let node = if name == "precision" { run.get("precision")?.get("within")? } else { run.get(name)? };
    let node = if name == "timeout" { run.get("limit")?.get("wall")? } else { node };
    node.as_text().map(str::to_owned)
}

fn as_toml(lines: &[Line], files: &[String]) -> String {
    let files = if files.is_empty() { "no configuration file".to_owned() } else { files.join(", ") };
    let head = format!("# {files}; flags win over PLIMSOLL_* variables, these over files, files over the scenario\n");
    let line = |line: &Line| {
        let field = CONFIGURATION.field(line.name).expect("lines are of its fields");
        let shown = match &line.value {
            None => format!("# {}", line.name),
            Some(value) if matches!(field.shape, Shape::Bool | Shape::Count) => format!("{:<12} = {value}", line.name),
            Some(value) => format!("{:<12} = {value:?}", line.name),
        };
        format!("{shown:<34}  # {}", line.origin)
    };
    let lines: Vec<String> = lines.iter().map(line).collect();
    head + &lines.join("\n") + "\n"
}

fn as_json(lines: &[Line]) -> String {
    let line = |line: &Line| serde_json::json!({ "name": line.name, "value": line.value, "origin": line.origin });
    let lines: Vec<serde_json::Value> = lines.iter().map(line).collect();
    serde_json::to_string_pretty(&lines).expect("a list of plain values") + "\n"
}
