//! Readers of single values that several parts of a scenario share: names with weights, moments, arrows, draws.
//!
//! Each tells its mistake and answers `None`, or what could be read; nothing here knows which field it is read for.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Sources, Spot, Spotted};
use crate::distribution::{self, Distribution};
use crate::fields::reader::{Reader, parse_node};
use crate::fields::{PolicyForm, Table};
use crate::policy::Form;
use crate::scenario::load::Moment;
use crate::scenario::{At, Pair, Reference, Side};
use crate::text::{Node, Read};
use crate::units::{self, Dimension, UnitError};
use std::path::Path;

/// What lowering needs besides the tree.
pub struct Env<'a> {
    /// How data files are read.
    pub read: Read<'a>,
    /// The texts so far; data files are added, so that a mistake in one is shown in it.
    pub sources: &'a mut Sources,
    /// Seconds since Monday 00:00 at the start of the run.
    pub start_s: f64,
    /// The names under `objectives:` and `components:`.
    pub objectives: Vec<String>,
    pub components: Vec<String>,
    /// The values of `let`, as `let.users`.
    pub named: Vec<String>,
    /// The numbers of the data files that were read.
    pub data: Vec<u32>,
}

impl<'a> Env<'a> {
    /// What lowering needs to start with.
    pub fn new(read: Read<'a>, sources: &'a mut Sources) -> Self {
        Env {
            read,
            sources,
            start_s: 0.0,
            objectives: Vec::new(),
            components: Vec::new(),
            named: Vec::new(),
            data: Vec::new(),
        }
    }

    /// The number of the text of a data file, whose path is relative to the file that names it.
    pub(super) fn file(&mut self, name: &str, at: Spot, diags: &mut Diagnostics) -> Option<u32> {
        let path = Path::new(self.sources.name(at.file)).parent().unwrap_or(Path::new("")).join(name);
        let shown = path.to_string_lossy().into_owned();
        if let Some(file) = self.sources.find(&shown) {
            return Some(file);
        }
        match (self.read)(&path) {
            Ok(text) => {
                let file = self.sources.add(shown, text);
                self.data.push(file);
                Some(file)
            }
            Err(error) => {
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    _ => error.to_string(),
                };
                diags.push(Diagnostic::new(Code::FileNotFound, at, format!("cannot read `{shown}`: {why}")));
                None
            }
        }
    }

    /// The lines of a data file as cells with their places; comments, blank lines and a line of headings are left out.
    pub(super) fn rows(&mut self, name: &str, at: Spot, diags: &mut Diagnostics) -> Option<Vec<Vec<Spotted<String>>>> {
        let file = self.file(name, at, diags)?;
        let mut rows = Vec::new();
        let mut start = 0;
        for (number, line) in self.sources.text(file).split_inclusive('\n').enumerate() {
            let row = cells(line, file, start);
            start += line.len();
            let first = row.first().map_or("", |cell| &cell.value);
            let is_heading = number == 0 && first.starts_with(|c: char| c.is_ascii_alphabetic());
            if !first.is_empty() && !first.starts_with('#') && !is_heading {
                rows.push(row);
            }
        }
        Some(rows)
    }
}

fn cells(line: &str, file: u32, start: usize) -> Vec<Spotted<String>> {
    let mut at = start;
    let mut cells = Vec::new();
    for cell in line.split(',') {
        let text = cell.trim();
        let from = at + cell.len() - cell.trim_start().len();
        cells.push(Spotted::new(text.to_owned(), Spot::new(file, from, from + text.len())));
        at += cell.len() + 1;
    }
    cells
}

/// Seconds in a cell: with a unit, or bare.
pub(super) fn cell_seconds(cell: &Spotted<String>, diags: &mut Diagnostics) -> Option<f64> {
    match cell.value.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && 0.0 <= seconds => Some(seconds),
        _ => read_at(cell.spot, &cell.value, Code::Unit, |text| units::parse_as(text, Dimension::Time), diags),
    }
}

/// A factor in a cell: a number or a share.
pub(super) fn cell_factor(cell: &Spotted<String>, diags: &mut Diagnostics) -> Option<f64> {
    read_at(cell.spot, &cell.value, Code::Unit, |text| units::parse_as(text, Dimension::Number), diags)
}

fn read_at<T>(
    spot: Spot,
    text: &str,
    code: Code,
    read: impl FnOnce(&str) -> Result<T, UnitError>,
    diags: &mut Diagnostics,
) -> Option<T> {
    read(text).map_err(|error| diags.push(told(spot.part(error.start, error.end), code, error))).ok()
}

fn told(spot: Spot, code: Code, error: UnitError) -> Diagnostic {
    let made = Diagnostic::new(code, spot, error.message);
    match error.help {
        Some(help) => made.help(help),
        None => made,
    }
}

/// The place of a key's letters, without the quotes it may stand in.
pub(super) fn letters(key: &Spotted<String>) -> Spot {
    let quotes = ((key.spot.end - key.spot.start) as usize).saturating_sub(key.value.len()) / 2;
    if quotes == 1 { key.spot.part(1, 1 + key.value.len()) } else { key.spot }
}

/// A quantity or a distribution of it.
pub(super) fn draw(r: &mut Reader, env: &mut Env, name: &str, dimension: Dimension) -> Option<Distribution> {
    let found = r.parsed(name, Code::Distribution, |text| distribution::parse(text, dimension))?;
    if found.value.files().is_empty() {
        return Some(found.value);
    }
    let read = &mut |file: &str| measured(file, found.spot, dimension, env, r.diags()).ok_or(());
    found.value.resolved(read).ok()
}

/// The values of a file of measurements: with a unit, or bare in SI units.
fn measured(file: &str, at: Spot, dimension: Dimension, env: &mut Env, diags: &mut Diagnostics) -> Option<Vec<f64>> {
    let rows = env.rows(file, at, diags)?;
    let mut values = Vec::with_capacity(rows.len());
    for cell in rows.iter().filter_map(|row| row.first()) {
        let value = match cell.value.parse::<f64>() {
            Ok(value) if value.is_finite() && 0.0 <= value => value,
            _ => read_at(cell.spot, &cell.value, Code::Unit, |text| units::parse_as(text, dimension), diags)?,
        };
        values.push(value);
    }
    if values.is_empty() {
        diags.push(Diagnostic::new(Code::Distribution, at, format!("`{file}` holds no values")));
        return None;
    }
    Some(values)
}

/// A name that refers to something else.
pub(super) fn name(r: &mut Reader, field: &str) -> Option<Reference> {
    r.text(field)
}

/// A name that stands alone, such as an entry of a list.
pub(super) fn name_of(node: &Node, what: &str, diags: &mut Diagnostics) -> Option<Reference> {
    if node.is_broken() {
        return None;
    }
    if let Some(text) = node.as_text() {
        return Some(Spotted::new(text.to_owned(), node.part(0, text.len())));
    }
    let message = format!("{what} is expected, this is {}", node.shape());
    diags.push(Diagnostic::new(Code::WrongShape, node.spot, message));
    None
}

/// A weight: a share, a count or a bare number, not negative.
pub(super) fn weight(node: &Node, diags: &mut Diagnostics) -> Option<f64> {
    let read = |text: &str| units::parse_as(text, Dimension::Number);
    let weight = parse_node(node, Code::Unit, read, diags)?;
    if weight.value < 0.0 {
        diags.push(Diagnostic::new(Code::OutOfRange, weight.spot, "a weight is not negative"));
        return None;
    }
    Some(weight.value)
}

/// One name, or names with their weights. `owner` is the place of the map's own name.
pub(super) fn shares(owner: Spot, node: &Node, what: &str, diags: &mut Diagnostics) -> Vec<(Reference, f64)> {
    let Some(entries) = node.as_map() else {
        return name_of(node, &format!("{what}, or several with their shares,"), diags)
            .map(|one| (one, 1.0))
            .into_iter()
            .collect();
    };
    let read = |(key, node): &(Spotted<String>, Node)| {
        let name = Spotted::new(key.value.clone(), letters(key));
        Some((name, weight(node, diags)?))
    };
    let mut shares: Vec<(Reference, f64)> = entries.iter().filter_map(read).collect();
    let sum: f64 = shares.iter().map(|(_, weight)| weight).sum();
    if shares.len() == entries.len() && sum <= 0.0 {
        diags.push(Diagnostic::new(Code::OutOfRange, owner, "at least one share must be more than nothing"));
    }
    // Whatever the order of the author's map, draws pick by the order of names.
    shares.sort_by(|a, b| a.0.value.cmp(&b.0.value));
    shares
}

/// A count that fits 32 bits.
pub(super) fn count(r: &mut Reader, name: &str, least: u64) -> Option<u32> {
    let count = r.count_from(name, least)?;
    if u64::from(u32::MAX) <= count.value {
        r.tell(Diagnostic::new(Code::OutOfRange, count.spot, format!("`{name}` is less than 4,294,967,295")));
        return None;
    }
    Some(count.value as u32)
}

/// Numbers by place, in the order of the places' names; `None` if the field is not a map.
pub(super) fn by_place(r: &mut Reader, name: &str) -> Option<At> {
    r.node(name)?.as_map()?;
    let mut at = At::new();
    for (key, node) in r.map(name) {
        let number = weight(node, r.diags())?;
        if number.fract() != 0.0 || f64::from(u32::MAX) <= number {
            r.tell(Diagnostic::new(Code::OutOfRange, node.spot, format!("`{name}` is a whole number at each place")));
            continue;
        }
        at.push((Spotted::new(key.value.clone(), letters(key)), number as u32));
    }
    at.sort_by(|a, b| a.0.value.cmp(&b.0.value));
    if at.iter().all(|(_, number)| *number == 0) {
        r.tell(Diagnostic::new(Code::OutOfRange, r.key(name), format!("`{name}` is at least 1 at one place")));
    }
    Some(at)
}

/// A time since the start or of the clock.
pub(super) fn moment(r: &mut Reader, name: &str) -> Option<Spotted<Moment>> {
    r.parsed(name, Code::Unit, read_moment)
}

fn read_moment(text: &str) -> Result<Moment, UnitError> {
    if let Some(clock) = units::clock(text) {
        let since = clock.since.secs();
        return Ok(if clock.day_named { Moment::Weekly(since) } else { Moment::Daily(since) });
    }
    units::parse_as(text, Dimension::Time).map(Moment::Since).map_err(|error| {
        let help = "write a time since the start such as `6m`, or of the clock such as `07:45` or `Tue 18:00`";
        UnitError { help: error.help.or(Some(help.to_owned())), ..error }
    })
}

/// Seconds since the start of the run of the first such moment.
pub(super) fn since_start(moment: Moment, start_s: f64) -> f64 {
    let next = |at: f64, period: f64| (at - start_s).rem_euclid(period);
    match moment {
        Moment::Since(seconds) => seconds,
        Moment::Daily(at) => next(at, 86_400.0),
        Moment::Weekly(at) => next(at, 604_800.0),
    }
}

/// Reads `a -> b`, where either may be `any` or `component.operation`.
pub(super) fn arrow(key: &Spotted<String>, diags: &mut Diagnostics) -> Option<Pair> {
    let text = &key.value;
    let Some((from, to)) = text.split_once("->") else {
        let told = Diagnostic::new(Code::WrongShape, letters(key), format!("`{text}` is not an arrow"));
        diags.push(
            told.help("write who calls and who is called, as in `web -> db`, `any -> db` or `web.show -> db.read`"),
        );
        return None;
    };
    let from_side = side(from, letters(key), 0);
    let to_side = side(to, letters(key), text.len() - to.len());
    if from_side.is_none() || to_side.is_none() {
        let told = Diagnostic::new(Code::WrongShape, letters(key), format!("one side of `{text}` is missing"));
        diags.push(told.help("`any` stands for everyone"));
    }
    Some(Pair { from: from_side?, to: to_side? })
}

fn side(text: &str, key: Spot, offset: usize) -> Option<Side> {
    let name = text.trim();
    let start = offset + text.len() - text.trim_start().len();
    let at = |from: usize, to: usize| key.part(start + from, start + to);
    match name.split_once('.') {
        _ if name.is_empty() => None,
        _ if name == "any" => Some(Side::Any),
        Some((component, operation)) => {
            let reference = Spotted::new(component.to_owned(), at(0, component.len()));
            Some(Side::Operation(reference, operation.to_owned()))
        }
        None => Some(Side::Name(Spotted::new(name.to_owned(), at(0, name.len())))),
    }
}

/// How exact an arrow is: the side that is called counts more.
pub(super) fn exactness(pair: &Pair) -> u32 {
    let of = |side: &Side| match side {
        Side::Any => 0,
        Side::Name(_) => 1,
        Side::Operation(..) => 2,
    };
    10 * of(&pair.to) + of(&pair.from)
}

/// The table whose name is a key of the map; tells if there is none or more than one.
pub(super) fn verb(
    node: &Node,
    tables: &'static [&'static Table],
    what: &str,
    diags: &mut Diagnostics,
) -> Option<&'static Table> {
    if node.is_broken() {
        return None;
    }
    let Some(entries) = node.as_map() else {
        let message = format!("{what} is a map, this is {}", node.shape());
        let known: Vec<&str> = tables.iter().map(|table| table.name).collect();
        let told = Diagnostic::new(Code::WrongShape, node.spot, message);
        diags.push(told.help(format!("write one of {} and what it needs", known.join(", "))));
        return None;
    };
    let find = |key: &Spotted<String>| tables.iter().find(|table| table.name == key.value);
    let mut found = entries.iter().filter_map(|(key, _)| find(key).map(|table| (key, *table)));
    let first = found.next();
    if let (Some((first, _)), Some((second, _))) = (first, found.next()) {
        let message = format!("`{}` and `{}` are two things to do; {what} does one", first.value, second.value);
        let told = Diagnostic::new(Code::Excluded, second.spot, message);
        diags.push(told.note_at(first.spot, format!("`{}` is given here", first.value)));
    }
    if let Some((_, table)) = first {
        return Some(table);
    }
    diags.push(without_verb(node, entries, tables, what));
    None
}

fn without_verb(node: &Node, entries: &[(Spotted<String>, Node)], tables: &[&Table], what: &str) -> Diagnostic {
    let known: Vec<&str> = tables.iter().map(|table| table.name).collect();
    let help = format!("{what} has one of {}", known.join(", "));
    let is_field = |key: &str| tables.iter().any(|table| table.field(key).is_some());
    match entries.iter().find(|(key, _)| !is_field(&key.value)) {
        Some((key, _)) => {
            let told = Diagnostic::new(Code::UnknownField, key.spot, format!("unknown field `{}`", key.value));
            let told = told.label(format!("nothing {what} can do")).nearest(&key.value, known.iter().copied());
            if told.help.is_some() { told } else { told.help(help) }
        }
        None => Diagnostic::new(Code::MissingField, node.spot, format!("{what} does nothing")).help(help),
    }
}

/// Tells that a field has no effect without another.
pub(super) fn inert(r: &mut Reader, names: &[&str], why: &str) {
    for name in names {
        if r.has(name) {
            let told = Diagnostic::new(Code::Inert, r.key(name), format!("`{name}` has no effect {why}"));
            r.tell(told.help("leave it out"));
        }
    }
}

/// The forms of a policy as the tables show them.
pub(super) const fn forms<const N: usize>(from: &[Form]) -> [PolicyForm; N] {
    let mut forms = [PolicyForm { name: "", arguments: "", about: "" }; N];
    let mut at = 0;
    while at < N {
        let Form { name, example, about } = from[at];
        let (_, arguments) = example.split_at(name.len());
        forms[at] = PolicyForm { name, arguments, about };
        at += 1;
    }
    forms
}
