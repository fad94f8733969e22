//! The cheapest design, the front of cost and latency, and what it took to find them.

use crate::report::rows::plain;
use crate::report::size::{self, Regrets, Size, rows};
use crate::report::terminal::figures::{busy, percent};
use crate::report::terminal::layout::{Cell, Column, Table, broken, paint, wrap};
use crate::report::terminal::{BAD, FAINT, GOOD, Look, STRONG, UNSURE, finish, mark};
use crate::units::{human_money, human_rate, human_share, human_time};

/// Answer, front, notes.
pub fn render(size: &Size, look: Look) -> String {
    let mut lines = vec![broken(&headline(size, look), look.width), String::new()];
    lines.extend(front(size, look));
    lines.push(String::new());
    if let Some(regrets) = &size.regrets {
        lines.extend(weighed(size, regrets, look));
        lines.push(String::new());
    }
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
    let weighed = size.regrets.as_ref().map(|regrets| format!("\n\n{}", size::contenders(size, regrets).markdown()));
    format!("### {}\n\n{}{}", plain(&answer), rows(size).markdown(), weighed.unwrap_or_default())
}

fn headline(size: &Size, look: Look) -> String {
    let name = paint(&size.name, STRONG);
    let load = human_rate(size.load_per_s);
    if let Some(least) = size.regrets.as_ref().and_then(|regrets| regrets.contenders.first()) {
        let settings = paint(&pairs(size, &least.settings).join("  "), GOOD.bold());
        let (bill, chance) = (human_money(least.usd_per_month), percent(least.meets.mean));
        return format!("{name} at {load}: least regret with {settings}   {bill}/month, meets all with {chance}");
    }
    let Some(best) = &size.best else {
        let why = if size.cheaper_but_undecided.is_empty() {
            paint("no design", BAD)
        } else {
            paint("undecided: no design", UNSURE)
        };
        return format!("{name} at {load}: {why} of {} meets every objective", size.designs);
    };
    let tail = best.p99_s.map(|p99| format!(" {} p99 {}", look.marks().dot, human_time(p99))).unwrap_or_default();
    let settings = paint(&pairs(size, &best.settings).join("  "), GOOD.bold());
    format!("{name} at {load}: {settings}   {}/month{tail}", human_money(best.usd_per_month))
}

fn pairs(size: &Size, settings: &[String]) -> Vec<String> {
    size.axes.iter().zip(settings).map(|(axis, value)| format!("{axis}={value}")).collect()
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

/// The contenders over all draws of the inputs.
fn weighed(size: &Size, regrets: &Regrets, look: Look) -> Vec<String> {
    let axes = size.axes.len();
    let mut table = Table::new(&vec![Column::NUMBER; axes + 5], 2);
    let heads = size.axes.iter().map(String::as_str).chain(["cost/month", "meets all", "", "regret", "at worst"]);
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    let whole = |share: Option<f64>| format!("{:.0}", 100.0 * share.unwrap_or_default());
    for contender in &regrets.contenders {
        let (low, high) = (whole(contender.meets.low), whole(contender.meets.high));
        let mut cells: Vec<Cell> = contender.settings.iter().map(Cell::new).collect();
        cells.extend([
            Cell::new(human_money(contender.usd_per_month)),
            Cell::new(percent(contender.meets.mean)),
            Cell::styled(format!("({low} {} {high})", look.marks().dots), FAINT),
            Cell::new(human_money(contender.regret_usd.mean)),
            Cell::new(human_money(contender.worst_regret_usd)),
        ]);
        table.row(cells);
    }
    let (miss, impossible) = (human_money(regrets.price_of_a_miss_usd), regrets.impossible);
    let left_out = if impossible == 0 { String::new() } else { format!(", {impossible} more make no scenario") };
    let about =
        format!("over {} draws of the uncertain inputs{left_out}; a month that misses counts as {miss}", regrets.draws);
    let mut lines = table.lines(look.width);
    lines.push(format!("  {}", paint(&wrap(&about, look.width, 2), FAINT)));
    lines
}

fn notes(size: &Size, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |label: &str, text: String| lines.push(format!("  {label:<12}{}", wrap(&text, look.width, 14)));
    if !size.binds.is_empty() {
        say("binds", size.binds.join(", "));
    }
    for candidate in &size.cheaper_but_undecided {
        let text =
            format!("{} at {}/month", pairs(size, &candidate.settings).join(" "), human_money(candidate.usd_per_month));
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
