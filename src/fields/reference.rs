//! The tables as a page to read: every field with its meaning, default and an example.

use std::fmt::Write;

use super::{Field, PolicyForm, Shape, Table, reachable};

/// The reference page in Markdown: one section for each table that can be reached from `root`.
pub fn reference(root: &'static Table) -> String {
    let mut page = String::new();
    for table in reachable(root) {
        section(&mut page, table);
    }
    page
}

fn section(page: &mut String, table: &Table) {
    write!(page, "## {}\n\n{}.\n\n", heading(table.name), table.about.trim_end_matches('.')).expect(TAKES);
    page.push_str("| field | takes | default | meaning | example |\n|---|---|---|---|---|\n");
    for field in table.fields {
        row(page, field);
    }
    page.push('\n');
    for field in table.fields {
        for shape in field.shape.alternatives() {
            if let Shape::Policy(forms) = shape {
                forms_of(page, field, forms);
            }
        }
    }
}

/// Why writing to a string cannot fail.
const TAKES: &str = "a string takes every text";

fn row(page: &mut String, field: &Field) {
    let default = match (field.available, field.required, field.default) {
        (false, ..) => "not available yet".to_owned(),
        (_, true, _) => "required".to_owned(),
        (_, _, Some(default)) => format!("`{default}`"),
        _ => String::new(),
    };
    let example = if field.example.is_empty() { String::new() } else { format!("`{}`", field.example) };
    let cells = [format!("`{}`", field.name), takes(field.shape), default, field.about.to_owned(), example];
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    writeln!(page, "| {} |", cells.join(" | ")).expect(TAKES);
}

/// What a field takes, with a link to the section of each table.
fn takes(shape: Shape) -> String {
    let link = |table: &Table| format!("[{}](#{})", table.name, heading(table.name).to_lowercase().replace(' ', "-"));
    let links = |of: &[&Table]| of.iter().map(|table| link(table)).collect::<Vec<_>>().join(" ");
    match shape {
        Shape::Object(table) => link(table),
        Shape::Steps(of) => format!("steps: {}", links(of)),
        Shape::Verb(of) | Shape::Kind(of) => links(of),
        Shape::MapOf(of) => format!("map of {}", takes(*of)),
        Shape::ListOf(of) => format!("list of {}", takes(*of)),
        Shape::OneOf(shapes) => shapes.iter().map(|shape| takes(*shape)).collect::<Vec<_>>().join(", or "),
        Shape::Policy(forms) => forms.iter().map(|form| format!("`{}`", form.name)).collect::<Vec<_>>().join(" "),
        Shape::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        shape => shape.noun(),
    }
}

fn forms_of(page: &mut String, field: &Field, forms: &[PolicyForm]) {
    writeln!(page, "Forms of `{}`:\n", field.name).expect(TAKES);
    for form in forms {
        writeln!(page, "- `{}{}`: {}", form.name, form.arguments, form.about).expect(TAKES);
    }
    page.push('\n');
}

fn heading(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
