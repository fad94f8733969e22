//! Designs beside each other, for people and as Markdown.

use anstyle::Style;

use crate::report::Verdict;
use crate::report::compare::{Change, Compare, Compared, Difference, Word};
use crate::report::rows::{Rows, plain};
use crate::report::terminal::figures::{busy, of_unit, percent};
use crate::report::terminal::layout::{Cell, Column, Table, paint, wrap};
use crate::report::terminal::{BAD, FAINT, GOOD, Look, STRONG, UNSURE, finish};
use crate::units::{human_money, human_rate, human_share, human_time};

/// Changed settings shown unless more is asked for.
const CHANGES: usize = 12;

/// The whole comparison.
pub fn render(compare: &Compare, look: Look) -> String {
    let mut lines = vec![header(compare, look)];
    for compared in &compare.after {
        lines.push(String::new());
        lines.extend(one(compare, compared, look));
    }
    lines.push(String::new());
    finish(&lines, look)
}

/// A line for each design.
pub fn verdict_lines(compare: &Compare, look: Look) -> String {
    let line = |compared: &Compared| format!("{}: {}", compared.side.name, compared.word.text());
    finish(&compare.after.iter().map(line).collect::<Vec<_>>(), look)
}

/// Tables for a pull request.
pub fn markdown(compare: &Compare) -> String {
    let look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };
    let mut parts = Vec::new();
    for compared in &compare.after {
        let names = format!("### {} → {}", plain(&compare.before.name), plain(&compared.side.name));
        let mut rows = Rows::new(["", "before", "after", "change", "95 % interval", ""]);
        for found in &compared.differences {
            let word = found.word.map_or("", Word::text).to_owned();
            let (change, interval) = (change(found, look), interval(found, look));
            let (was, is) = (value(found.before, &found.unit), value(found.after, &found.unit));
            rows.rows.push(vec![found.measure.clone(), was, is, change, interval, word]);
        }
        rows.rows.extend(cost_cells(compare, compared, look).map(|cells| cells.to_vec()));
        let in_short = format!("In short: {}", plain(&compared.in_short));
        let told = |one: &Change| {
            let (_, path, text) = changed(one, look);
            format!("- {}", plain(&format!("{path}  {text}")))
        };
        let changes: Vec<String> = compared.changes.iter().map(told).collect();
        parts.extend([names, changes.join("\n"), rows.markdown().trim_end().to_owned(), in_short]);
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

fn header(compare: &Compare, look: Look) -> String {
    let dot = look.marks().dot;
    let offered = compare.before.offered_per_s.map(|rate| format!("{} offered {dot} ", human_rate(rate)));
    let n = compare.replications;
    format!(
        "{} {dot} {}{n} paired replications, same arrivals and sizes {dot} seed {}",
        paint(&compare.before.name, STRONG),
        offered.unwrap_or_default(),
        compare.seed
    )
}

fn one(compare: &Compare, compared: &Compared, look: Look) -> Vec<String> {
    let names = format!("{} {} {}", compare.before.name, to(look), compared.side.name);
    let mut lines = vec![paint(&names, STRONG)];
    lines.extend(settings(compared, look));
    lines.push(String::new());
    let columns = [&[Column::TEXT], &[Column::NUMBER; 3][..], &[Column::TEXT, Column::TEXT, Column::NOTE]].concat();
    let mut table = Table::new(&columns, 2);
    table.row(["", "before", "after", "change", "95% interval", "", ""].map(|head| Cell::styled(head, STRONG)));
    for found in &compared.differences {
        table.row(row(compare, found, look));
    }
    table.row(bottleneck(compare, compared, look));
    if let Some([name, was, is, change, share, owners]) = cost_cells(compare, compared, look) {
        table.row([name, was, is, change, share, String::new(), owners].map(Cell::new));
    }
    lines.extend(table.lines(look.width));
    lines.push(String::new());
    lines.push(format!("  {}", wrap(&format!("In short: {}", compared.in_short), look.width, 2)));
    lines
}

fn to(look: Look) -> &'static str {
    if look.unicode { "→" } else { "->" }
}

fn settings(compared: &Compared, look: Look) -> Vec<String> {
    let shown = if 0 < look.verbose { usize::MAX } else { CHANGES };
    let mut table = Table::new(&[Column::TEXT, Column::TEXT, Column::TEXT], 2);
    for change in compared.changes.iter().take(shown) {
        let (sign, path, text) = changed(change, look);
        let style = match sign {
            '+' => GOOD,
            '-' => BAD,
            _ => UNSURE,
        };
        table.row([Cell::styled(sign.to_string(), style), Cell::new(path), Cell::new(text)]);
    }
    let mut lines = table.lines(look.width);
    let hidden = compared.changes.len().saturating_sub(shown);
    if 0 < hidden {
        lines.push(paint(&format!("    and {hidden} more; -v shows them"), FAINT));
    }
    lines.push(paint(&format!("    {} settings unchanged", compared.unchanged), FAINT));
    lines
}

/// A sign, what is set, and to what.
fn changed(change: &Change, look: Look) -> (char, String, String) {
    let Change { path, before, after } = change;
    let (sign, text) = match (before, after) {
        (Some(was), Some(is)) => ('~', format!("{was} {} {is}", to(look))),
        (None, Some(is)) => ('+', is.clone()),
        _ => ('-', String::new()),
    };
    (sign, path.clone(), text)
}

fn row(compare: &Compare, found: &Difference, look: Look) -> Vec<Cell> {
    let style = match found.word {
        Some(Word::Improved) => GOOD,
        Some(Word::Regressed) => BAD,
        _ => Style::new(),
    };
    let dash = look.marks().dash;
    let known = |value: Option<f64>| if value.is_some() { self::value(value, &found.unit) } else { dash.to_owned() };
    vec![
        Cell::new(&found.measure),
        Cell::new(known(found.before)),
        Cell::new(known(found.after)),
        Cell::styled(change(found, look), style),
        Cell::new(interval(found, look)),
        Cell::styled(word(compare, found).unwrap_or_default(), style),
        Cell::new(objective(found).unwrap_or_default()),
    ]
}

fn word(compare: &Compare, found: &Difference) -> Option<String> {
    let word = found.word?;
    let noise = format!("within noise ({})", human_share(compare.noise));
    Some(if word == Word::WithinNoise { noise } else { word.text().to_owned() })
}

/// What became of an objective.
fn objective(found: &Difference) -> Option<String> {
    let [was, is] = found.verdicts?;
    let limit = found.limit.map(|limit| format!(" {}", of_unit(limit, &found.unit))).unwrap_or_default();
    Some(match (was, is) {
        (_, Verdict::None) => return None,
        (was, is) if was == is => format!("{}{limit}", is.word()),
        (_, is) => format!("{}{limit} now", is.word()),
    })
}

fn value(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else { return String::new() };
    match unit {
        "s" => human_time(value),
        "ratio" => percent(value),
        "yes_no" => if value == 0.0 { "no" } else { "yes" }.to_owned(),
        // Beside each other in narrow columns.
        "usd_per_month" => human_money(value),
        unit => of_unit(value, unit),
    }
}

pub(super) fn signed(value: f64, text: &str, look: Look) -> String {
    let text = text.trim_start_matches(['-', '−']);
    match value {
        v if v < 0.0 => format!("{}{text}", if look.unicode { '−' } else { '-' }),
        v if 0.0 < v => format!("+{text}"),
        _ => text.to_owned(),
    }
}

fn change(found: &Difference, look: Look) -> String {
    found.change.map_or_else(String::new, |change| step(change, found, look))
}

/// A change in the way that is told of this measure.
fn step(change: f64, found: &Difference, look: Look) -> String {
    let digits = |x: f64| if x.abs() < 0.0995 { format!("{x:.2}") } else { format!("{x:.1}") };
    let text = match (found.absolute, found.unit.as_str()) {
        (false, _) => format!("{}%", digits(change.abs() * 100.0)),
        (true, "ratio") => format!("{}pp", digits(change.abs() * 100.0)),
        (true, unit) => value(Some(change.abs()), unit),
    };
    signed(change, &text, look)
}

fn interval(found: &Difference, look: Look) -> String {
    // What is the same in all pairs, as money is, is a fact.
    let Some((low, high)) = found.low.zip(found.high).filter(|(low, high)| low < high) else { return String::new() };
    let bare = |end: f64| step(end, found, look).trim_end_matches(['%', 'p']).to_owned();
    format!("{} {} {}", bare(low), look.marks().dots, bare(high))
}

fn bottleneck(compare: &Compare, compared: &Compared, look: Look) -> Vec<Cell> {
    let name = |side: &crate::report::compare::Side| {
        side.bottleneck.as_ref().map_or_else(|| look.marks().dash.to_owned(), |limit| limit.component.clone())
    };
    let (was, is) = (name(&compare.before), name(&compared.side));
    let busy = |limit: &crate::report::evaluation::Limit| {
        format!("{} of {} {} busy", limit.resource, limit.component, busy(limit.utilisation))
    };
    let told = compared.side.bottleneck.as_ref().map(busy).unwrap_or_default();
    let moved = if was == is { "" } else { "moved" };
    ["bottleneck".to_owned(), was, is, String::new(), String::new(), moved.to_owned(), told].map(Cell::new).into()
}

/// Money is a fact: it has no interval.
fn cost_cells(compare: &Compare, compared: &Compared, look: Look) -> Option<[String; 6]> {
    let (was, is) = (compare.before.usd_per_month?, compared.side.usd_per_month?);
    let more = is - was;
    let share =
        if was == 0.0 { String::new() } else { format!("({})", signed(more, &human_share((more / was).abs()), look)) };
    let owner = |(name, usd): &(String, f64)| format!("{name} {}", signed(*usd, &human_money(usd.abs()), look));
    let owners: Vec<String> = compared.costs.iter().take(3).map(owner).collect();
    let owners = owners.join(&format!(" {} ", look.marks().dot));
    let change = signed(more, &human_money(more.abs()), look);
    Some(["cost/month".to_owned(), human_money(was), human_money(is), change, share, owners])
}
