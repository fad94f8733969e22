//! Changes and what they are worth, the best first.

use anstyle::Style;

use crate::report::advise::{Advice, Advise, rows};
use crate::report::compare::Word;
use crate::report::rows::plain;
use crate::report::terminal::compare::signed;
use crate::report::terminal::figures::of_unit;
use crate::report::terminal::layout::{Cell, Column, Table, paint, wrap};
use crate::report::terminal::{BAD, FAINT, GOOD, Look, STRONG, finish, mark};
use crate::units::{human_count, human_money, human_rate, human_share};

/// Where it stands, and what could be done.
pub fn render(advise: &Advise, look: Look) -> String {
    let dot = look.marks().dot;
    let (sign, style) = mark(advise.verdict, look);
    let n = advise.replications;
    let head = format!(
        "{} {dot} {} offered {dot} {n} paired replications {dot} seed {}",
        paint(&advise.name, STRONG),
        human_rate(advise.load_per_s),
        advise.seed
    );
    let value = advise.value.map_or_else(|| "no steady state".to_owned(), |value| of_unit(value, &advise.unit));
    let mut lines = vec![head, String::new()];
    lines.push(format!("  {}", paint(&format!("{sign} {}: {value}", advise.focus), style)));
    lines.extend(advise.bottleneck.iter().map(|why| format!("    bottleneck  {}", wrap(why, look.width, 16))));
    lines.push(String::new());
    lines.extend(table(advise, look));
    lines.push(String::new());
    finish(&lines, look)
}

/// The best change alone.
pub fn verdict_line(advise: &Advise, look: Look) -> String {
    let best = advise.changes.first().filter(|best| best.word == Some(Word::Improved));
    finish(&[best.map_or_else(|| "no single change helps".to_owned(), |best| format!("--set {}", best.set))], look)
}

/// The table for a pull request.
pub fn markdown(advise: &Advise) -> String {
    format!("### {}: {}\n\n{}", plain(&advise.name), plain(&advise.focus), rows(advise).markdown())
}

fn table(advise: &Advise, look: Look) -> Vec<String> {
    let columns = [
        Column::TEXT,
        Column::NUMBER,
        Column::NUMBER,
        Column::TEXT,
        Column::NUMBER,
        Column::NUMBER,
        Column::NUMBER,
        Column::TEXT,
    ];
    let mut table = Table::new(&columns, 2);
    let focus = advise.focus.split([' ', '<', '>', '=']).next().unwrap_or_default();
    let heads = ["change", focus, "", "95% interval", "$/month", "room", "$/rps", ""];
    table.row(heads.map(|head| Cell::styled(head, STRONG)));
    for advice in &advise.changes {
        table.row(cells(advise, advice, look));
    }
    table.lines(look.width)
}

fn cells(advise: &Advise, advice: &Advice, look: Look) -> Vec<Cell> {
    let style = match advice.word {
        Some(Word::Improved) => GOOD,
        Some(Word::Regressed) => BAD,
        Some(_) => FAINT,
        None => Style::new(),
    };
    let dash = look.marks().dash.to_owned();
    let change = |value: f64| {
        let text = human_share((value.abs() * 1e4).round() / 1e4);
        let text = if advice.absolute { format!("{}pp", text.trim_end_matches('%')) } else { text };
        signed(value, &text, look)
    };
    let ends = advice
        .low
        .zip(advice.high)
        .map(|(low, high)| format!("{} {} {}", change(low), look.marks().dots, change(high)));
    let (sign, verdict) = mark(advice.verdict, look);
    let short = advice.set.strip_prefix("components.").unwrap_or(&advice.set);
    let more = advice.usd_more_per_month.map(|usd| signed(usd, &human_money(usd.abs()), look));
    let room = advice
        .room_per_s
        .filter(|room| 0.05 < room.abs())
        .map(|room| signed(room, &format!("{}/s", human_count(room.abs().round())), look));
    vec![
        Cell::new(short),
        Cell::styled(advice.value.map_or(dash, |value| of_unit(value, &advise.unit)), style),
        Cell::styled(advice.change.map(change).unwrap_or_default(), style),
        Cell::styled(ends.unwrap_or_default(), FAINT),
        Cell::new(more.unwrap_or_default()),
        Cell::new(room.unwrap_or_default()),
        Cell::new(advice.usd_per_rps.map(human_money).unwrap_or_default()),
        Cell::styled(sign, verdict),
    ]
}
