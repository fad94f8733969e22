//! The pages under `docs/` that are made from the program itself, so that they cannot fall behind it.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::analysis::warning::WARNINGS;
use crate::diagnostic::Code;
use crate::fields::reference::reference;
use crate::fields::{Field, Shape, Table, reachable};
use crate::scenario::condition::parse::MEASURES;
use crate::scenario::root::root_table;

/// Why writing to a string cannot fail.
const TAKES: &str = "a string takes every text";

const GRAMMAR: &str = "\
```text
condition = measure (<= < >= > =) value [for TIME]          also {all: [...]} and {any: [...]}
measure   = name [stat] [of THING] [on PART] [from LOAD or PLACE] [with KEY=VALUE]
            [per instance | per million] [over TIME | before F | during F | after F]
stat      = mean | p50 | p99.9 | max | min
THING     = component, component.operation, host; for utilisation also resource of component
PART      = web/2, db/shard-3, eu-west-1                    F = a fault
value     = a quantity | N% of MEASURE | N% of before

latency p99 of edge.page from eu-west-1 <= 200ms
utilisation of cores of web p95 <= 70% for 5m
goodput of web.page during primary_dies >= 90% of before
errors <= 0.1%
```
";

const REFERENCE_HEAD: &str = "\
# Reference of the scenario language

Every field of every map, from the same tables that scenarios are read by. Made by
`plimsoll schema reference > docs/reference.md`; a test says when it is out of date. Fields marked as not available yet are known, and refused by name.
On one page: the [cheat sheet](cheat-sheet.md).

";

const SMALLEST: &str = "\
# Cheat sheet

```yaml
plimsoll: 1
title: A shop
run: {duration: 10m}
load:
  visitors: {rate: 160/s, requests: {web.page: 1}, timeout: 5s}
components:
  web: {kind: service, machine: c6i.2xlarge, operations: {page: [{cpu: exp(40ms)}, {call: db.read}]}}
  db: {kind: database, machine: r6g.2xlarge, connections: 200, operations: {read: {cpu: exp(8ms)}}}
objectives: {fast: latency p99 <= 500ms}
```

Quantities have units: `250us 1.5ms 2s 5m 1h`, `1200/s 12k/s 500/min`, `2GiB 64KB`, `1Gbps`, `35%`, `$0.12/h`, `5M`. Anything that
varies may be a distribution: `exp(4ms)`, `lognormal(mean=40ms cv=1)`, `5ms + exp(2ms)`. `let: {users: 2M}` names a value, `$users` uses
it. `extends:` builds on another file, `variants:` holds changes by name. Every field: [reference](reference.md).
";

/// Every field of every map.
pub(crate) fn fields() -> String {
    let text = reference(root_table());
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    names.sort_by_key(|name| name.to_lowercase());
    let links: Vec<String> = names.iter().map(|name| format!("[{name}](#{})", anchor(name))).collect();
    format!("{REFERENCE_HEAD}{}\n\n{}\n", links.join(" · "), text.trim_end())
}

/// How a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

/// Each kind, step, choice, measure and verb in a line.
pub(crate) fn cheat_sheet() -> String {
    let mut page = SMALLEST.to_owned();
    page.push_str("\n## Components\n\n| kind | what it is | its own fields |\n|---|---|---|\n");
    let common = shared_fields(&kinds());
    for kind in kinds() {
        let own = kind.fields.iter().filter(|field| field.available && !common.contains(field.name));
        let own: Vec<String> = own.map(|field| format!("`{}`", field.name)).collect();
        writeln!(page, "| `{}` | {} | {} |", kind.name, cell(kind.about), own.join(" ")).expect(TAKES);
    }
    let all: Vec<String> = common.iter().map(|name| format!("`{name}`")).collect();
    writeln!(page, "\nMost kinds also take {}.", all.join(" ")).expect(TAKES);
    page.push_str("\n## Steps\n\nWhere a step can fail it also takes `fallback`, the steps to do instead.\n\n| step | what it does |\n|---|---|\n");
    for step in steps().into_iter().filter(|step| step.fields.iter().any(|field| field.available)) {
        writeln!(page, "| {} | {} |", shown(step), cell(step.about)).expect(TAKES);
    }
    page.push_str("\n## Choices\n\n| field | of | one of |\n|---|---|---|\n");
    for (field, of, forms) in choices() {
        writeln!(page, "| `{field}` | {of} | {forms} |").expect(TAKES);
    }
    page.push_str("\n## Conditions\n\n");
    let names: Vec<String> =
        MEASURES.iter().filter(|entry| entry.what.is_some()).map(|entry| format!("`{}`", entry.name)).collect();
    writeln!(
        page,
        "`latency p99 of web.page <= 200ms`, `utilisation of cores of db < 70% for 5m`, `errors during outage <= 1%`. Measures: {}; \
         what each means: [measures](measures.md).",
        names.join(" ")
    )
    .expect(TAKES);
    page.push_str("\n## Command line\n\n| verb | what it does |\n|---|---|\n");
    for verb in crate::cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(page, "| `plimsoll {}` | {} |", verb.get_name(), cell(&about)).expect(TAKES);
    }
    page.push_str("\nEvery flag: [verbs](verbs.md). Every mistake it knows: [diagnostics](diagnostics.md).\n");
    page
}

/// Each measure of conditions.
pub(crate) fn measures() -> String {
    let mut page = "# Measures\n\nWhat objectives, alerts, `evolve_when` and `when` can look at; `plimsoll explain NAME` says the same.\n\n"
        .to_owned();
    page.push_str(GRAMMAR);
    page.push_str("\nA count becomes a share with `%` (`errors <= 0.1%`). `utilisation of db` is that of its busiest resource on its busiest part. \
                   What has to hold `for` a time, and every alert, is looked at every 15 s over the last minute.\n\n\
                   | measure | meaning |\n|---|---|\n");
    for entry in MEASURES {
        let later = if entry.what.is_some() { "" } else { " (not available yet)" };
        writeln!(page, "| `{}` | {}{later} |", entry.name, cell(entry.doc)).expect(TAKES);
    }
    page
}

/// Each code with its explanation.
pub(crate) fn diagnostics() -> String {
    let mut page = "# Diagnostics\n\nE: a mistake, nothing is simulated. W: legal, but look at it. `plimsoll explain CODE` says the same.\n"
        .to_owned();
    let known = Code::ALL.iter().map(|code| (code.as_str(), code.title()));
    let known: Vec<(&str, &str)> = known.chain(WARNINGS.iter().map(|(name, title, _)| (*name, *title))).collect();
    page.push_str("\n| code | what is wrong |\n|---|---|\n");
    for (name, title) in &known {
        let link = anchor(&format!("{name}: {title}"));
        writeln!(page, "| [{name}](#{link}) | {} |", cell(title)).expect(TAKES);
    }
    for code in Code::ALL {
        let (name, title) = (code.as_str(), code.title());
        write!(page, "\n## {name}: {title}\n\n{}\n", code.explanation().trim()).expect(TAKES);
    }
    for (name, title, meaning) in WARNINGS {
        write!(page, "\n## {name}: {title}\n\n{}\n", meaning.trim()).expect(TAKES);
    }
    page
}

/// Each verb with its flags, as `--help` prints them.
pub(crate) fn verbs() -> String {
    let mut page = "# Verbs\n\nWhat `plimsoll VERB --help` prints. Streams, files, exit codes and settings: [command line](command-line.md).\n"
        .to_owned();
    let mut program = crate::cli::command().term_width(100);
    program.build();
    for verb in program.get_subcommands_mut().filter(|verb| !verb.is_hide_set()) {
        let (name, help) = (verb.get_name().to_owned(), verb.render_help().to_string());
        let help: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
        write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n")).expect(TAKES);
    }
    page
}

fn cell(text: &str) -> String {
    text.trim_end_matches('.').replace('|', "\\|").replace('\n', " ")
}

/// Fields that at least half of the kinds have.
fn shared_fields(kinds: &[&'static Table]) -> BTreeSet<&'static str> {
    let named = |name: &str| kinds.iter().filter(|kind| kind.field(name).is_some()).count();
    let all = kinds.iter().flat_map(|kind| kind.fields.iter()).filter(|field| field.available);
    all.map(|field| field.name).filter(|name| kinds.len() <= 2 * named(name)).collect()
}

fn fields_of_all() -> impl Iterator<Item = (&'static Table, &'static Field)> {
    reachable(root_table()).into_iter().flat_map(|table| table.fields.iter().map(move |field| (table, field)))
}

/// Tables in the order in which they are met, each once.
fn tables(of: fn(Shape) -> Option<&'static [&'static Table]>) -> Vec<&'static Table> {
    let mut found: Vec<&'static Table> = Vec::new();
    for (_, field) in fields_of_all() {
        for shape in field.shape.alternatives() {
            for table in of(*shape).unwrap_or_default() {
                if !found.iter().any(|known| known.name == table.name) {
                    found.push(table);
                }
            }
        }
    }
    found
}

fn kinds() -> Vec<&'static Table> {
    tables(|shape| match shape {
        Shape::Kind(of) => Some(of),
        Shape::MapOf(Shape::Kind(of)) => Some(*of),
        _ => None,
    })
}

fn steps() -> Vec<&'static Table> {
    tables(|shape| match shape {
        Shape::Steps(of) => Some(of),
        _ => None,
    })
}

/// What nearly every step takes, and is therefore said once.
const FALLBACK: &str = "fallback";

/// A step as it is written, with its other fields.
fn shown(step: &Table) -> String {
    let verb = step.field(step.name).map_or("", |field| field.example);
    let rest = step.fields.iter().filter(|field| ![step.name, FALLBACK].contains(&field.name) && field.available);
    let rest: Vec<&str> = rest.map(|field| field.name).collect();
    let rest = if rest.is_empty() { String::new() } else { format!(" with `{}`", rest.join("` `")) };
    format!("`{}: {}`{rest}", step.name, cell(verb))
}

/// Fields that choose among forms, where the first of that name stands, and the forms.
fn choices() -> Vec<(String, &'static str, String)> {
    let mut found: Vec<(String, &'static str, String)> = Vec::new();
    for (table, field) in fields_of_all().filter(|(_, field)| field.available) {
        for shape in field.shape.alternatives() {
            let Shape::Policy(forms) = shape else { continue };
            let forms: Vec<String> =
                forms.iter().map(|form| format!("`{}{}`", form.name, cell(form.arguments))).collect();
            let (name, forms) = (field.name.to_owned(), forms.join(" "));
            if !found.iter().any(|(known, _, same)| *known == name && *same == forms) {
                found.push((name, table.name, forms));
            }
        }
    }
    found
}
