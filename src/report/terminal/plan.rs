//! How long a design lasts, month by month.

use crate::report::capacity::Outcome;
use crate::report::plan::{Plan, rows};
use crate::report::rows::plain;
use crate::report::terminal::figures::{busy, percent};
use crate::report::terminal::layout::{Cell, Column, Table, paint, wrap};
use crate::report::terminal::{BAD, FAINT, GOOD, Look, STRONG, UNSURE, finish, mark};
use crate::units::{human_bytes, human_money, human_rate, human_share, human_time};

/// Answer, table, limit.
pub fn render(plan: &Plan, look: Look) -> String {
    let mut lines = vec![headline(plan, look), String::new()];
    let columns = [vec![Column::NUMBER; 6], vec![Column::TEXT, Column::NOTE]].concat();
    let mut table = Table::new(&columns, 2);
    table.row(["month", "load", "p99", "bill", "data", "disk", "", "busiest"].map(|head| Cell::styled(head, STRONG)));
    for month in &plan.months {
        let (sign, style) = mark(month.verdict, look);
        let dash = look.marks().dash.to_owned();
        let limit =
            month.limit.as_ref().map(|limit| format!("{} {}", limit.component, busy(limit.utilisation.min(1.0))));
        table.row([
            Cell::new(format!("{:.0}", month.month)),
            Cell::new(human_rate(month.load_per_s)),
            Cell::new(month.p99_s.map_or(dash, human_time)),
            Cell::new(month.usd_per_month.map(human_money).unwrap_or_default()),
            Cell::new(month.data_bytes.map(human_bytes).unwrap_or_default()),
            Cell::new(month.disk_share.map(percent).unwrap_or_default()),
            Cell::styled(sign, style),
            Cell::styled(limit.unwrap_or_default(), FAINT),
        ]);
    }
    lines.extend(table.lines(look.width));
    if let Some(limit) = &plan.limit {
        lines.push(String::new());
        lines.push(format!(
            "  limited by  {}",
            wrap(&format!("{} of {}", limit.resource, limit.component), look.width, 14)
        ));
    }
    lines.push(String::new());
    finish(&lines, look)
}

/// The answer alone.
pub fn verdict_line(plan: &Plan, look: Look) -> String {
    finish(&[headline(plan, look)], look)
}

/// The answer and the table, for a page.
pub fn markdown(plan: &Plan) -> String {
    let look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };
    let answer = anstream::adapter::strip_str(&headline(plan, look)).to_string();
    format!("### {}\n\n{}", plain(&answer), rows(plan).markdown())
}

fn headline(plan: &Plan, look: Look) -> String {
    let name = paint(&plan.name, STRONG);
    let growth = format!("at {} a month", human_share(plan.growth_per_month));
    let breaks = plan.breaks.as_deref().unwrap_or("an objective");
    let one = |month: Option<f64>| month.map_or_else(|| look.marks().dash.to_owned(), |month| format!("{month:.1}"));
    match (plan.outcome, plan.month) {
        (Outcome::None, _) => format!("{name}: {} already at the start: {breaks}", paint("misses an objective", BAD)),
        (Outcome::Found, Some(month)) if month < 0.0 => {
            format!("{name}: {} today: {breaks}", paint("misses an objective", BAD))
        }
        (Outcome::Found, Some(month)) => {
            let interval = format!("({} to {})", one(plan.month_low), one(plan.month_high));
            let when = paint(&format!("in month {month:.1}"), if month < plan.horizon_months { UNSURE } else { GOOD });
            let beyond = if plan.horizon_months < month { ", beyond the horizon" } else { "" };
            format!("{name} {growth}: {breaks} breaks {when} {interval}{beyond}")
        }
        (Outcome::Unbounded, _) => format!("{name} {growth}: nothing breaks that load could break"),
        _ => format!("{name} {growth}: undecided; try more replications (-r)"),
    }
}
