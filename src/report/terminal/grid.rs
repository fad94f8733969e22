//! Capacities over a grid: a row for each point, and what a unit of load costs there.

use crate::report::capacity::Outcome;
use crate::report::grid::{Grid, Row, rows};
use crate::report::rows::plain;
use crate::report::terminal::figures::percent;
use crate::report::terminal::layout::{Cell, Column, Table, bar, paint};
use crate::report::terminal::{FAINT, Look, STRONG, finish};
use crate::units::{human_count, human_money, human_rate};

/// Cells of the bar beside each row.
const CELLS: usize = 12;

/// Headline and table.
pub fn render(grid: &Grid, look: Look) -> String {
    let dot = look.marks().dot;
    let runs: u64 = grid.rows.iter().map(|row| row.runs).sum();
    let within = grid.within.join(", ");
    let said = format!("{} points {dot} within {within} {dot} {runs} runs {dot} seed {}", grid.rows.len(), grid.seed);
    let mut lines = vec![format!("{} {dot} {said}", paint(&grid.name, STRONG)), String::new()];
    lines.extend(table(grid, look));
    lines.push(String::new());
    finish(&lines, look)
}

/// The point that carries most, or needs least.
pub fn best(grid: &Grid) -> Option<&Row> {
    let known = || grid.rows.iter().filter_map(|row| Some((row.value?, row)));
    let found = if grid.find.starts_with("load") {
        // The first of equals.
        known().rev().max_by(|a, b| a.0.total_cmp(&b.0))
    } else {
        known().min_by(|a, b| a.0.total_cmp(&b.0))
    };
    found.map(|(_, row)| row)
}

/// That point and its answer.
pub fn verdict_line(grid: &Grid, look: Look) -> String {
    let pairs = |row: &Row| {
        let pairs = grid.axes.iter().zip(&row.settings).map(|(axis, value)| format!("{axis}={value}"));
        pairs.collect::<Vec<_>>().join(" ")
    };
    let word = if grid.find.starts_with("load") { "carries most with" } else { "needs least with" };
    let said = best(grid).and_then(|row| Some(format!("{word} {}: {}", pairs(row), amount(row, row.value?))));
    finish(&[said.unwrap_or_else(|| "no point has an answer".to_owned())], look)
}

/// The table, for a pull request.
pub fn markdown(grid: &Grid) -> String {
    let within = grid.within.join(", ");
    format!("### Capacity of {} within {}\n\n{}", plain(&grid.name), plain(&within), rows(grid).markdown())
}

/// An answer with its unit.
pub fn amount(row: &Row, value: f64) -> String {
    match row.unit {
        "per_s" => human_rate(value),
        "clients" => format!("{} clients", human_count(value.round())),
        _ => human_count(value),
    }
}

fn table(grid: &Grid, look: Look) -> Vec<String> {
    let numbers = vec![Column::NUMBER; grid.axes.len() + 4];
    let columns = [numbers, vec![Column::TEXT, Column::NOTE, Column::BAR]].concat();
    let mut table = Table::new(&columns, 2);
    let answer = if grid.find.starts_with("load") { "carries" } else { "needs" };
    let heads = grid.axes.iter().map(String::as_str).chain([answer, "", "cost/month", "each", "limited by", "breaks"]);
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    let most = grid.rows.iter().filter_map(|row| row.value).fold(0.0, f64::max);
    for row in &grid.rows {
        let dash = || look.marks().dash.to_owned();
        let limit =
            row.limit.as_ref().map(|limit| format!("{} {}", limit.component, percent(limit.utilisation.min(1.0))));
        let mut cells: Vec<Cell> = row.settings.iter().map(Cell::new).collect();
        cells.extend([
            Cell::new(row.value.map_or_else(|| without(row, look), |value| amount(row, value))),
            Cell::styled(interval(row, look), FAINT),
            Cell::new(row.usd_per_month.map_or_else(dash, human_money)),
            Cell::new(each(row).map_or_else(dash, human_money)),
            Cell::new(limit.unwrap_or_default()),
            Cell::styled(row.breaks.clone().unwrap_or_default(), FAINT),
            Cell::new(bar(row.value.unwrap_or(0.0) / most.max(f64::MIN_POSITIVE), CELLS, look.unicode)),
        ]);
        table.row(cells);
    }
    table.lines(look.width)
}

/// What a unit of load (or one of what was searched for) costs a month.
pub fn each(row: &Row) -> Option<f64> {
    row.usd_per_month.zip(row.value).filter(|(_, value)| 0.0 < *value).map(|(usd, value)| usd / value)
}

/// Why there is no answer.
pub fn without(row: &Row, look: Look) -> String {
    match row.outcome {
        Outcome::None => "none".to_owned(),
        Outcome::Unbounded => row.low.map_or_else(|| "any".to_owned(), |low| format!("over {}", amount(row, low))),
        Outcome::Undecided => "undecided".to_owned(),
        Outcome::Found => look.marks().dash.to_owned(),
    }
}

/// The interval of an answer, in brackets.
pub fn interval(row: &Row, look: Look) -> String {
    let ends = row.low.zip(row.high).filter(|_| row.outcome == Outcome::Found);
    let shown = ends.map(|(low, high)| format!("({} {} {})", amount(row, low), look.marks().dots, amount(row, high)));
    shown.unwrap_or_default()
}
