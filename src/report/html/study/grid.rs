//! The page of `capacity --vary`: how far each point of a grid goes, and what a unit of load costs there.

use crate::report::Verdict;
use crate::report::capacity::Outcome;
use crate::report::chart::axis::Unit;
use crate::report::chart::curve::{Curves, Point, Trace, curves};
use crate::report::chart::map::{Field, Map, map};
use crate::report::chart::{Chart, Table};
use crate::report::grid::{Grid, Row};
use crate::report::html::study::search::{Places, places_of, quantities};
use crate::report::html::study::{LOOK, again, limited, money, page, pages};
use crate::report::html::{Page, Section, figure, paragraph, table};
use crate::report::terminal::grid::{amount, best, each, interval, verdict_line, without};
use crate::units::{human_count, human_money};

/// The pictures: one setting as a line, two as a map; what a unit of load costs wherever there are prices.
pub fn charts(grid: &Grid) -> Vec<Chart> {
    let answer =
        Face { id: "capacity-grid", title: answered(grid), of: |row| row.value, text: |row, value| amount(row, value) };
    let price = Face { id: "capacity-each", title: each_of(grid), of: each, text: |_, value| human_money(value) };
    let shown = [answer, price].into_iter();
    match grid.axes.len() {
        1 => shown.filter_map(|face| line(grid, &face)).collect(),
        2 => shown.filter_map(|face| pairs(grid, &face)).collect(),
        _ => Vec::new(),
    }
}

/// One figure of every point.
struct Face {
    id: &'static str,
    title: String,
    of: fn(&Row) -> Option<f64>,
    text: fn(&Row, f64) -> String,
}

/// What the figure of a point is called.
fn answered(grid: &Grid) -> String {
    if is_load(grid) { "What each carries".to_owned() } else { format!("How much of {} each needs", grid.find) }
}

fn each_of(grid: &Grid) -> String {
    let per = match (is_load(grid), grid.rows.first().map_or("", |row| row.unit)) {
        (true, "per_s") => "for one request a second",
        (true, _) => "for one client",
        (false, _) => "for one of them",
    };
    format!("Dollars a month {per}")
}

fn is_load(grid: &Grid) -> bool {
    grid.find.starts_with("load")
}

fn line(grid: &Grid, face: &Face) -> Option<Chart> {
    let axis = grid.axes.first()?;
    let values: Vec<&str> = grid.rows.iter().map(|row| row.settings[0].as_str()).collect();
    let scaled = quantities(&values);
    let (places, unit) = scaled.clone().unwrap_or_else(|| ((0..values.len()).map(|n| n as f64).collect(), Unit::Count));
    let is_answer = face.id == "capacity-grid";
    let point = |(x, row): (&f64, &Row)| {
        let range = row.low.zip(row.high).filter(|_| is_answer && row.outcome == Outcome::Found);
        Some(Point { x: *x, y: (face.of)(row)?, range, verdict: Verdict::None })
    };
    let mut points: Vec<Point> = places.iter().zip(&grid.rows).filter_map(point).collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    let of_answer = if grid.rows.iter().any(|row| row.unit == "per_s") { Unit::PerSecond } else { Unit::Count };
    let name = if is_answer && is_load(grid) {
        "carries"
    } else if is_answer {
        "needs"
    } else {
        "dollars a month"
    };
    curves(&Curves {
        id: face.id.to_owned(),
        title: format!("{} over {axis}", face.title),
        about: if is_answer {
            "The answer of a search at each value, with its interval.".to_owned()
        } else {
            "The bill at the most that surely meets the objectives, over that much.".to_owned()
        },
        units: (unit, if is_answer { of_answer } else { Unit::Money }),
        axes: (axis.clone(), name.to_owned()),
        steps: if scaled.is_some() { Vec::new() } else { values.iter().map(|&value| value.to_owned()).collect() },
        log: (false, false),
        joined: scaled.is_some(),
        traces: vec![Trace { name: name.to_owned(), points }],
        places: (Vec::new(), Vec::new()),
    })
}

fn pairs(grid: &Grid, face: &Face) -> Option<Chart> {
    let settings: Vec<&Vec<String>> = grid.rows.iter().map(|row| &row.settings).collect();
    let Places { down, across } = places_of(&settings)?;
    if grid.rows.iter().all(|row| (face.of)(row).is_none()) {
        return None;
    }
    let place = |known: &[String], value: &String| known.iter().position(|other| other == value);
    let field = |row: &Row| {
        let value = (face.of)(row);
        let unknown = || if face.id == "capacity-grid" { without(row, LOOK) } else { "–".to_owned() };
        Some(Field {
            at: (place(&across, &row.settings[1])?, place(&down, &row.settings[0])?),
            value,
            text: value.map_or_else(unknown, |value| (face.text)(row, value)),
            verdict: Verdict::None,
        })
    };
    map(&Map {
        id: face.id.to_owned(),
        title: format!("{} over {} and {}", face.title, grid.axes[0], grid.axes[1]),
        about: "The figure of each pair of settings: the stronger the colour, the more it is.".to_owned(),
        fields: grid.rows.iter().filter_map(field).collect(),
        unknown: 0,
        across: (grid.axes[1].clone(), across),
        down: (grid.axes[0].clone(), down),
    })
}

/// The page.
pub fn grid(grid: &Grid) -> Page {
    let verdict = if best(grid).is_some() { Verdict::Meets } else { Verdict::Misses };
    let page = page(&format!("Capacity of {}", grid.name), verdict, &verdict_line(grid, LOOK), grid);
    let answer = if is_load(grid) { "carries" } else { "needs" };
    let heads = [answer, "interval", "cost", "each", "limited by", "breaks first", "replications"];
    let told = grid.rows.iter().map(|row| {
        let mut cells = row.settings.clone();
        let money_each = each(row).map_or_else(|| "–".to_owned(), human_money);
        let missing = || if row.outcome == Outcome::None { "–".to_owned() } else { without(row, LOOK) };
        cells.push(row.value.map_or_else(missing, |value| amount(row, value)));
        cells.push(interval(row, LOOK).trim_matches(['(', ')']).replace('…', "to"));
        cells.extend([money(row.usd_per_month), money_each, limited(row.limit.as_ref())]);
        cells.extend([row.breaks.clone().unwrap_or_default(), human_count(row.runs as f64)]);
        cells
    });
    let head = grid.axes.iter().cloned().chain(heads.map(str::to_owned)).collect();
    let points = table(&Table { head, rows: told.collect() });
    let said = format!("A search at each of {} points, seed {}.", grid.rows.len(), grid.seed);
    let within: String = grid.within.iter().map(|text| paragraph(text)).collect();
    let drawn: String = charts(grid).iter().map(figure).collect();
    pages(
        page,
        [
            Section::new("picture", "Pictures", drawn),
            Section::new("points", "Every point", format!("{}{points}", paragraph(&said))),
            Section::new("within", "Objectives", within),
            again(grid.command.as_deref()),
        ],
    )
}
