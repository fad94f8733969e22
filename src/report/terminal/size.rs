//! The cheapest design, the front of cost and latency, and what it took to find them.

use crate::report::rows::plain;
use crate::report::size::{Candidate, Size, rows};
use crate::report::terminal::figures::busy;
use crate::report::terminal::layout::{Cell, Column, Table, broken, paint, wrap};
use crate::report::terminal::{BAD, FAINT, GOOD, Look, STRONG, UNSURE, finish, mark};
use crate::units::{human_money, human_rate, human_share, human_time};

/// Answer, front, notes.
pub fn render(size: &Size, look: Look) -> String {
    let mut lines = vec![broken(&headline(size, look), look.width), String::new()];
    lines.extend(front(size, look));
    lines.push(String::new());
    lines.extend(notes(size, look));
    lines.push(String::new());
    finish(&lines, look)
}

/// The answer alone.
pub fn verdict_line(size: &Size, look: Look) -> String {
    finish(&[headline(size, look)], look)
}

/// The answer and the front, for a pull request.
pub fn markdown(size: &Size) -> String {
    let look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };
    let answer = anstream::adapter::strip_str(&headline(size, look)).to_string();
    format!("### {}\n\n{}", plain(&answer), rows(size).markdown())
}

fn headline(size: &Size, look: Look) -> String {
    let name = paint(&size.name, STRONG);
    let load = human_rate(size.load_per_s);
    let Some(best) = &size.best else {
        let why = if size.cheaper_but_undecided.is_empty() {
            paint("no design", BAD)
        } else {
            paint("undecided: no design", UNSURE)
        };
        return format!("{name} at {load}: {why} of {} meets every objective", size.designs);
    };
    let tail = best.p99_s.map(|p99| format!(" {} p99 {}", look.marks().dot, human_time(p99))).unwrap_or_default();
    let settings = paint(&pairs(size, best).join("  "), GOOD.bold());
    format!("{name} at {load}: {settings}   {}/month{tail}", human_money(best.usd_per_month))
}

fn pairs(size: &Size, candidate: &Candidate) -> Vec<String> {
    size.axes.iter().zip(&candidate.settings).map(|(axis, value)| format!("{axis}={value}")).collect()
}

fn front(size: &Size, look: Look) -> Vec<String> {
    let axes = size.axes.len();
    let columns = [vec![Column::NUMBER; axes + 2], vec![Column::TEXT, Column::TEXT, Column::NOTE]].concat();
    let mut table = Table::new(&columns, 2);
    let heads = size.axes.iter().map(String::as_str).chain(["cost/month", "p99", "", "busiest", ""]);
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    for candidate in &size.pareto {
        let (sign, style) = mark(candidate.verdict, look);
        let limit = candidate.limit.as_ref().map(|limit| format!("{} {}", limit.component, busy(limit.utilisation)));
        let is_best = size.best.as_ref().is_some_and(|best| best.settings == candidate.settings);
        let remark = if is_best {
            format!("{} cheapest that meets all", look.marks().arrow)
        } else {
            candidate.missed.join(", ")
        };
        let dash = look.marks().dash.to_owned();
        let mut cells: Vec<Cell> = candidate.settings.iter().map(Cell::new).collect();
        cells.extend([
            Cell::new(human_money(candidate.usd_per_month)),
            Cell::new(candidate.p99_s.map_or(dash, human_time)),
            Cell::styled(sign, style),
            Cell::new(limit.unwrap_or_default()),
            Cell::styled(remark, FAINT),
        ]);
        table.row(cells);
    }
    table.lines(look.width)
}

fn notes(size: &Size, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |label: &str, text: String| lines.push(format!("  {label:<12}{}", wrap(&text, look.width, 14)));
    if !size.binds.is_empty() {
        say("binds", size.binds.join(", "));
    }
    for candidate in &size.cheaper_but_undecided {
        let text = format!("{} at {}/month", pairs(size, candidate).join(" "), human_money(candidate.usd_per_month));
        say("undecided", text);
    }
    let share = human_share((size.runs as f64 / size.runs_of_all.max(1) as f64 * 1000.0).round() / 1000.0);
    let searched = format!(
        "{} designs, {} ruled out by arithmetic, {} simulated; {} runs, {share} of what all would have taken",
        size.designs, size.ruled_out, size.simulated, size.runs
    );
    say("searched", searched);
    lines
}
