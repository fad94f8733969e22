//! A sweep as a table with a bar a row, and as a map of shades where two settings vary.

use crate::report::Verdict;
use crate::report::rows::plain;
use crate::report::sweep::{Row, Sweep};
use crate::report::terminal::figures::{busy, percent};
use crate::report::terminal::layout::{Cell, Column, Table, bar, paint, wrap};
use crate::report::terminal::{FAINT, GOOD, Look, STRONG, finish, mark};
use crate::units::{human_money, human_rate, human_time};

/// Cells of the bar beside each row.
const CELLS: usize = 12;
/// From light to dark.
const SHADES: [&str; 5] = ["·", "░", "▒", "▓", "█"];
const PLAIN_SHADES: [&str; 5] = [".", "-", "+", "x", "#"];

/// Table, map and the best point.
pub fn render(sweep: &Sweep, look: Look) -> String {
    let (head, dot) = (&sweep.head, look.marks().dot);
    let (done, all) = (sweep.rows.len(), head.points.len());
    let points = if done == all { format!("{all} points") } else { format!("{done} of {all} points") };
    let replications = format!("{points} {dot} {} replications each {dot} seed {}", head.replications, head.seed);
    let mut lines = vec![format!("{} {dot} {replications}", paint(&head.name, STRONG)), String::new()];
    lines.extend(table(sweep, look));
    let map = map(sweep, look);
    if !map.is_empty() {
        lines.push(String::new());
        lines.extend(map);
    }
    lines.extend(best(sweep, look).into_iter().flat_map(|line| [String::new(), line]));
    lines.push(String::new());
    finish(&lines, look)
}

/// The best point alone.
pub fn verdict_line(sweep: &Sweep, look: Look) -> String {
    let line =
        best(sweep, Look { width: usize::MAX, ..look }).unwrap_or_else(|| "no point is better than another".to_owned());
    finish(&[line.trim_start().to_owned()], look)
}

/// The table and the best point, for a pull request.
pub fn markdown(sweep: &Sweep) -> String {
    let look = Look { width: usize::MAX, unicode: true, verbose: 0, trace: 0 };
    let best = best(sweep, look).map(|line| format!("\n{}\n", plain(line.trim()))).unwrap_or_default();
    format!("### {}\n\n{}{best}", plain(&sweep.head.name), crate::report::sweep::rows(sweep).markdown())
}

fn settings(sweep: &Sweep, row: &Row) -> String {
    let pairs = sweep.head.axes.iter().zip(&sweep.head.points[row.point]);
    pairs.map(|(axis, value)| format!("{axis}={value}")).collect::<Vec<_>>().join(" ")
}

fn best(sweep: &Sweep, look: Look) -> Option<String> {
    let row = sweep.rows.iter().find(|row| Some(row.point) == sweep.best)?;
    let cost = row.figures.usd_per_month.map(|usd| format!(", {}/month", human_money(usd))).unwrap_or_default();
    let tail = row.figures.value("p99").map(|p99| format!(", p99 {}", human_time(p99))).unwrap_or_default();
    let text = format!("best: {} ({}{tail}{cost})", settings(sweep, row), sweep.because);
    Some(format!("  {} {}", paint(look.marks().meets, GOOD), wrap(&text, look.width, 4)))
}

fn tail(row: &Row) -> f64 {
    row.figures.value("p99").unwrap_or(f64::INFINITY)
}

/// Where a tail stands between the shortest and the longest, on a scale of orders of magnitude.
fn height(sweep: &Sweep, row: &Row) -> f64 {
    let known: Vec<f64> = sweep.rows.iter().map(tail).filter(|p99| p99.is_finite() && 0.0 < *p99).collect();
    let (least, most) =
        known.iter().fold((f64::INFINITY, 0.0f64), |(least, most), p99| (least.min(*p99), most.max(*p99)));
    match tail(row) {
        p99 if !p99.is_finite() => 1.0,
        _ if most <= least * 1.001 => 0.1,
        p99 => 0.1 + 0.8 * libm::log(p99 / least) / libm::log(most / least),
    }
}

fn table(sweep: &Sweep, look: Look) -> Vec<String> {
    let axes = sweep.head.axes.len();
    let columns: Vec<Column> = std::iter::repeat_n(Column::NUMBER, axes + 6)
        .chain([Column::BAR, Column::NUMBER, Column::TEXT, Column::NOTE])
        .collect();
    let mut table = Table::new(&columns, 2);
    let short = |axis: &String| axis.rsplit('.').next().unwrap_or(axis).to_owned();
    let names: Vec<String> = sweep.head.axes.iter().map(short).collect();
    // Two fields of the same name are told apart by their whole paths.
    let is_clear = |at: usize| names.iter().filter(|name| **name == names[at]).count() == 1;
    let heads = (0..axes).map(|at| if is_clear(at) { names[at].clone() } else { sweep.head.axes[at].clone() });
    let fixed = ["offered", "p50", "p99", "", "failed", "cost", "", "", "", "busiest"].map(str::to_owned);
    table.row(heads.chain(fixed).map(|head| Cell::styled(head, STRONG)));
    for row in &sweep.rows {
        table.row(cells(sweep, row, look));
    }
    table.lines(look.width)
}

fn cells(sweep: &Sweep, row: &Row, look: Look) -> Vec<Cell> {
    let (figures, dash) = (&row.figures, look.marks().dash.to_owned());
    let time = |name: &str| figures.value(name).map_or_else(|| dash.clone(), human_time);
    let width = figures.measure("p99").and_then(|p99| Some((p99.high? - p99.low?) / 2.0 / p99.value?));
    let width = width.map(|width| format!("{}{}", look.marks().plus_minus, super::figures::roughly(width)));
    let (sign, style) = mark(figures.verdict, look);
    let sign = if figures.verdict == Verdict::None { "" } else { sign };
    let busiest = figures.bottleneck.as_ref();
    let mut cells: Vec<Cell> = sweep.head.points[row.point].iter().map(Cell::new).collect();
    cells.extend([
        Cell::new(figures.value("offered").map_or_else(|| dash.clone(), human_rate)),
        Cell::new(time("p50")),
        Cell::new(if figures.stable { time("p99") } else { "grows".to_owned() }),
        Cell::styled(width.filter(|_| figures.stable).unwrap_or_default(), FAINT),
        Cell::new(figures.value("failed").map_or_else(|| dash.clone(), percent)),
        Cell::new(figures.usd_per_month.map(human_money).unwrap_or_default()),
        Cell::new(bar(height(sweep, row), CELLS, look.unicode)),
        Cell::default(),
        Cell::styled(sign, style),
        Cell::new(busiest.map(|limit| format!("{} {}", limit.component, busy(limit.utilisation))).unwrap_or_default()),
    ]);
    cells
}

/// Where exactly two settings vary over a grid: a shade for the p99 of each pair, `✗` where an objective is missed.
fn map(sweep: &Sweep, look: Look) -> Vec<String> {
    let points = &sweep.head.points;
    let values = |axis: usize| {
        let mut values: Vec<&String> = Vec::new();
        for point in points {
            if !values.contains(&&point[axis]) {
                values.push(&point[axis]);
            }
        }
        values
    };
    if sweep.head.axes.len() != 2 || values(0).len() * values(1).len() != points.len() || values(1).len() < 2 {
        return Vec::new();
    }
    let columns = std::iter::once(Column::NUMBER).chain(std::iter::repeat_n(Column::NUMBER, values(1).len()));
    let mut table = Table::new(&columns.collect::<Vec<_>>(), 2);
    let title = format!("p99 of {} by {}", sweep.head.axes[0], sweep.head.axes[1]);
    table.row(std::iter::once(String::new()).chain(values(1).into_iter().cloned()).map(Cell::new));
    for first in values(0) {
        let shade = |second: &&String| {
            let row = sweep.rows.iter().find(|row| points[row.point][0] == *first && points[row.point][1] == **second);
            row.map_or(Cell::new(""), |row| self::shade(sweep, row, look))
        };
        table.row(std::iter::once(Cell::new(first)).chain(values(1).iter().map(shade)));
    }
    let told = format!("{title}: from light to dark, {} misses an objective", look.marks().misses);
    let mut lines = vec![format!("  {}", wrap(&told, look.width, 2))];
    lines.extend(table.lines(look.width));
    lines
}

fn shade(sweep: &Sweep, row: &Row, look: Look) -> Cell {
    let shades = if look.unicode { SHADES } else { PLAIN_SHADES };
    let (sign, style) = mark(row.figures.verdict, look);
    if row.figures.verdict == Verdict::Misses {
        return Cell::styled(sign, style);
    }
    let step = (height(sweep, row) * (SHADES.len() - 1) as f64).round() as usize;
    Cell::new(shades[step.min(SHADES.len() - 1)].repeat(2))
}
