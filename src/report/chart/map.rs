//! A figure over two settings: a field for each pair, the stronger the more, with a line around what is good enough.

use crate::report::Verdict;
use crate::report::chart::ink::Ink;
use crate::report::chart::{Anchor, Chart, Mark, SMALL, Shape, Table, WIDTH, fitted, text_width, words};

/// Room for the values of the settings, beside and above the fields.
const LEFT: f64 = 84.0;
const TOP: f64 = 46.0;
/// Height of a field: as much as fits, up to this.
const FIELD: f64 = 40.0;
const TALLEST: f64 = 480.0;
/// Figures that are closer to each other than this do not use all shades.
const NARROW: f64 = 3.0;
/// Between the letters of a field and its edge.
const PADDING: f64 = 6.0;

/// The figure of one pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Which value of each setting: across and down.
    pub at: (usize, usize),
    /// `None`: there is none, because a queue grows.
    pub value: Option<f64>,
    /// How it is written.
    pub text: String,
    pub verdict: Verdict,
}

/// What one picture shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    pub id: String,
    pub title: String,
    pub about: String,
    /// What varies across and down, and its values.
    pub across: (String, Vec<String>),
    pub down: (String, Vec<String>),
    pub fields: Vec<Field>,
    /// The shade of a field without a figure: of one that is beyond all, or short of all.
    pub unknown: u8,
}

/// Draws it; nothing without fields. Shades follow the logarithm of the figures.
pub fn map(said: &Map) -> Option<Chart> {
    let (columns, rows) = (said.across.1.len(), said.down.1.len());
    let known = || said.fields.iter().filter_map(|field| field.value).filter(|value| 0.0 < *value);
    let range = (known().reduce(f64::min).unwrap_or(1.0), known().reduce(f64::max).unwrap_or(1.0));
    if said.fields.is_empty() {
        return None;
    }
    let size = ((WIDTH - LEFT - 8.0) / columns as f64, (TALLEST / rows as f64).clamp(14.0, FIELD));
    let mut chart = Chart::new(&said.id, &said.title, (WIDTH, TOP + rows as f64 * size.1 + 30.0));
    let left = |column: usize| LEFT + column as f64 * size.0;
    let top = |row: usize| TOP + row as f64 * size.1;
    let names = format!("{} ↓   {} →", said.down.0, said.across.0);
    chart.say((8.0, 10.0), &fitted(&names, SMALL, WIDTH - 16.0), Anchor::Start, Ink::Faint);
    let mut free = f64::NEG_INFINITY;
    for (column, value) in said.across.1.iter().enumerate() {
        let middle = left(column) + size.0 / 2.0;
        let half = text_width(value, SMALL) / 2.0;
        if free <= middle - half && LEFT - 10.0 <= middle - half {
            chart.say((middle, 30.0), value, Anchor::Middle, Ink::Text);
            free = middle + half + 6.0;
        }
    }
    for (row, value) in said.down.1.iter().enumerate() {
        chart.say((LEFT - 8.0, top(row) + size.1 / 2.0), &fitted(value, SMALL, LEFT - 14.0), Anchor::End, Ink::Text);
    }
    for field in &said.fields {
        let place = [left(field.at.0), top(field.at.1), size.0, size.1];
        draw(&mut chart, (field, said.unknown), place, range);
    }
    border(&mut chart, said, (LEFT, TOP), size);
    if said.fields.iter().any(|field| field.verdict != Verdict::None) {
        let key = "thick line: inside of it all objectives are met; × misses one, ? undecided";
        chart.say((LEFT, chart.height - 12.0), key, Anchor::Start, Ink::Faint);
    }
    said.about.clone_into(&mut chart.about);
    chart.table = table(said);
    Some(chart)
}

fn draw(chart: &mut Chart, (field, unknown): (&Field, u8), [x, y, w, h]: [f64; 4], (least, most): (f64, f64)) {
    // What is nearly the same has nearly one shade.
    let share = |value: f64| libm::log(value / least) / libm::log((most / least).max(NARROW));
    let level = field.value.map_or(unknown, |value| Ink::level(share(value)));
    chart.marks.push(Mark {
        shape: Shape::Boxes(vec![[x + 0.5, y + 0.5, w - 1.0, h - 1.0]]),
        ink: Ink::Level(level),
        series: None,
    });
    let sign = match field.verdict {
        Verdict::Misses => "× ",
        Verdict::Undecided => "? ",
        Verdict::Meets | Verdict::None => "",
    };
    let whole = format!("{sign}{}", field.text);
    let shown = [whole.as_str(), sign.trim()].into_iter();
    if let Some(text) = shown.filter(|text| !text.is_empty()).find(|text| text_width(text, SMALL) + PADDING <= w) {
        chart.marks.push(words((x + w / 2.0, y + h / 2.0), text, Anchor::Middle, Ink::OnLevel(level)));
    }
}

/// A line between fields that meet all objectives and those that do not.
fn border(chart: &mut Chart, said: &Map, (left, top): (f64, f64), (w, h): (f64, f64)) {
    let meets = |column: usize, row: usize| {
        said.fields.iter().any(|field| field.at == (column, row) && field.verdict == Verdict::Meets)
    };
    let (columns, rows) = (said.across.1.len(), said.down.1.len());
    let at = |column: usize, row: usize| (left + column as f64 * w, top + row as f64 * h);
    for row in 0..rows {
        for column in 0..columns {
            if column + 1 < columns && meets(column, row) != meets(column + 1, row) {
                chart.line(vec![at(column + 1, row), at(column + 1, row + 1)], 3.0, Ink::Text, None);
            }
            if row + 1 < rows && meets(column, row) != meets(column, row + 1) {
                chart.line(vec![at(column, row + 1), at(column + 1, row + 1)], 3.0, Ink::Text, None);
            }
        }
    }
}

fn table(said: &Map) -> Table {
    let head = [&said.across.0, &said.down.0].into_iter().cloned().chain(["figure", "objectives"].map(str::to_owned));
    let row = |field: &Field| {
        let word = if field.verdict == Verdict::None { "" } else { field.verdict.word() };
        let (across, down) = (said.across.1[field.at.0].clone(), said.down.1[field.at.1].clone());
        vec![across, down, field.text.clone(), word.to_owned()]
    };
    Table { head: head.collect(), rows: said.fields.iter().map(row).collect() }
}
