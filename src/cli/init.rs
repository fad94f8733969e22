//! A new scenario from a template, with what an editor needs to help.

use std::path::Path;

use crate::cli::args::Init;
use crate::cli::out::Out;
use crate::cli::{Exit, Stop, files, schema};
use crate::diagnostic::nearest;

const SCHEMA_FILE: &str = "plimsoll.schema.json";

/// The first line of what is written: editors with a YAML language server complete and check by it.
const MODELINE: &str = "# yaml-language-server: $schema=plimsoll.schema.json\n";

/// What one can start from: name, text, and the templates it extends.
struct Template {
    name: &'static str,
    about: &'static str,
    text: &'static str,
    /// File names of the stages below, which stand beside it.
    extends: &'static [&'static str],
}

const TEMPLATES: &[Template] = &[
    Template {
        name: "smallest",
        about: "one service with one worker",
        text: include_str!("init/smallest.yaml"),
        extends: &[],
    },
    Template {
        name: "01-single-server",
        about: "everything on one machine",
        text: include_str!("../../scenarios/01-single-server.yaml"),
        extends: &[],
    },
    Template {
        name: "02-separate-database",
        about: "a web server and a database",
        text: include_str!("../../scenarios/02-separate-database.yaml"),
        extends: &["01-single-server"],
    },
    Template {
        name: "03-load-balancer",
        about: "a balancer, five web servers, a database",
        text: include_str!("../../scenarios/03-load-balancer.yaml"),
        extends: &["01-single-server", "02-separate-database"],
    },
];

/// Writes the scenario, the stages it extends, and the schema beside it.
pub(crate) fn init(args: &Init, out: &mut Out) -> Result<Exit, Stop> {
    if args.template == "list" {
        for template in TEMPLATES {
            out.print(&format!("  {:<22} {}\n", template.name, template.about))?;
        }
        return Ok(Exit::Done);
    }
    let template = find(&args.template)?;
    if args.file == "-" {
        out.print(template.text)?;
        return Ok(Exit::Done);
    }
    let path = Path::new(&args.file);
    if path.exists() && !args.force {
        return Err(Stop::usage(format!("{} exists; --force replaces it", args.file)));
    }
    files::write(path, format!("{MODELINE}{}", template.text).as_bytes(), out)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for name in template.extends {
        let text = find(name)?.text;
        write_if_absent(&folder.join(format!("{name}.yaml")), text, out)?;
    }
    write_if_absent(&folder.join(SCHEMA_FILE), &schema::scenario_schema(), out)?;
    write_if_absent(&folder.join(".gitignore"), "output/\n", out)?;
    out.note(&format!("  next  plimsoll run {}\n", args.file));
    Ok(Exit::Done)
}

/// The names of all templates.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|template| template.name)
}

fn find(name: &str) -> Result<&'static Template, Stop> {
    TEMPLATES.iter().find(|template| template.name == name).ok_or_else(|| {
        let near = nearest(name, names()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Stop::usage(format!(
            "no template is called `{name}`{near} (there are {})",
            names().collect::<Vec<_>>().join(", ")
        ))
    })
}

fn write_if_absent(path: &Path, text: &str, out: &mut Out) -> Result<(), Stop> {
    if path.exists() { Ok(()) } else { files::write(path, text.as_bytes(), out) }
}
