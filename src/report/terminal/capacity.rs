//! The answer of a search for capacity, the curve and the points it rests on.

use crate::report::Verdict;
use crate::report::capacity::{Capacity, Outcome, Tried, rows};
use crate::report::rows::plain;
use crate::report::terminal::figures::{busy, served};
use crate::report::terminal::layout::{Cell, Column, Table, broken, paint, wrap};
use crate::report::terminal::{BAD, FAINT, GOOD, Look, STRONG, UNSURE, finish};
use crate::units::{human_count, human_rate, human_share, human_time};

/// Rows and columns of the curve.
const HEIGHT: usize = 8;
const WIDTH: usize = 60;

/// Answer, points, curve, limits, headroom.
pub fn render(capacity: &Capacity, look: Look) -> String {
    let mut lines = vec![broken(&headline(capacity, look), look.width), String::new()];
    lines.extend(points(capacity, look));
    let curve = curve(capacity, look);
    if !curve.is_empty() {
        lines.push(String::new());
        lines.extend(curve);
    }
    let notes = notes(capacity, look);
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes);
    }
    lines.push(String::new());
    finish(&lines, look)
}

/// The answer alone.
pub fn verdict_line(capacity: &Capacity, look: Look) -> String {
    finish(&[headline(capacity, look)], look)
}

/// The answer and the points, for a pull request.
pub fn markdown(capacity: &Capacity) -> String {
    let look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };
    let answer = anstream::adapter::strip_str(&headline(capacity, look)).to_string();
    format!("### {}\n\n{}", plain(&answer), rows(capacity).markdown())
}

fn amount(capacity: &Capacity, value: f64) -> String {
    match capacity.unit {
        "per_s" => human_rate(value),
        "clients" => format!("{} clients", human_count(value.round())),
        _ => human_count(value),
    }
}

fn headline(capacity: &Capacity, look: Look) -> String {
    let within = match &capacity.within[..] {
        [only] => only.clone(),
        all => format!("its {} objectives", all.len()),
    };
    let name = paint(&capacity.name, STRONG);
    let shown =
        |value: Option<f64>| value.map_or_else(|| look.marks().dash.to_owned(), |value| amount(capacity, value));
    let interval = format!("({} to {}", shown(capacity.low), shown(capacity.high));
    let cost = format!("{} {} runs {} seed {})", look.marks().dot, capacity.runs, look.marks().dot, capacity.seed);
    let is_load = capacity.today.is_some();
    match capacity.outcome {
        Outcome::Found if is_load => {
            format!(
                "{name} can carry {} within {within}   {interval} {cost}",
                paint(&shown(capacity.value), GOOD.bold())
            )
        }
        Outcome::Found => {
            let needs = format!("{} = {}", capacity.find, shown(capacity.value));
            format!("{name} needs {} for {within}   {interval} {cost}", paint(&needs, GOOD.bold()))
        }
        Outcome::None => {
            let what = if is_load { "at any load" } else { "with any number that was tried" };
            let broken = capacity.breaks.as_deref().unwrap_or("an objective");
            format!("{name}: {} {what}: {broken}", paint("misses an objective", BAD))
        }
        Outcome::Unbounded => {
            format!("{name} meets {within} at every load that was tried, up to {}", shown(capacity.low))
        }
        Outcome::Undecided => format!("{name}: {}; try more replications (-r)", paint("undecided", UNSURE)),
    }
}

fn points(capacity: &Capacity, look: Look) -> Vec<String> {
    let columns = [&[Column::NUMBER; 5][..], &[Column::TEXT, Column::TEXT]].concat();
    let mut table = Table::new(&columns, 2);
    let load = if capacity.today.is_some() { "load" } else { &capacity.find };
    table.row([load, "p50", "p99", "served", "runs", "busiest", ""].map(|head| Cell::styled(head, STRONG)));
    for tried in &capacity.points {
        table.row(cells(capacity, tried, look));
    }
    table.lines(look.width)
}

fn cells(capacity: &Capacity, tried: &Tried, look: Look) -> Vec<Cell> {
    let dash = look.marks().dash.to_owned();
    let time = |value: Option<f64>| value.map_or_else(|| dash.clone(), human_time);
    let limit = tried.limit.as_ref();
    let busiest =
        limit.map(|limit| format!("{} {}", limit.component, busy(limit.utilisation.min(1.0)))).unwrap_or_default();
    let (remark, style) = remark(capacity, tried, look);
    vec![
        Cell::new(amount(capacity, tried.at)),
        Cell::new(time(tried.p50_s)),
        Cell::new(time(tried.p99_s)),
        Cell::new(tried.served.map_or_else(|| dash.clone(), served)),
        Cell::new(tried.replications.to_string()),
        Cell::new(busiest),
        Cell::styled(remark, style),
    ]
}

fn remark(capacity: &Capacity, tried: &Tried, look: Look) -> (String, anstyle::Style) {
    let marks = look.marks();
    let is_knee = capacity.knee == Some(tried.at);
    let knee =
        if is_knee { format!(" {} knee: beyond, +1% load adds 4% or more to p99", marks.arrow) } else { String::new() };
    let best = if capacity.today.is_some() { capacity.low } else { capacity.high };
    match tried.verdict {
        Verdict::Misses if !tried.stable => (format!("{} saturated, a queue grows for ever", marks.misses), BAD),
        Verdict::Misses => (format!("{} {}{knee}", marks.misses, tried.missed.join(", ")), BAD),
        Verdict::Undecided => (format!("? undecided{knee}"), UNSURE),
        _ if best == Some(tried.at) && capacity.today.is_some() => {
            (format!("{} highest that passes{knee}", marks.meets), GOOD)
        }
        _ if best == Some(tried.at) => (format!("{} fewest that pass{knee}", marks.meets), GOOD),
        _ => (knee.trim_start().to_owned(), FAINT),
    }
}

fn notes(capacity: &Capacity, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |label: &str, text: String| lines.push(format!("  {label:<12}{}", wrap(&text, look.width, 14)));
    if let Some(limit) = &capacity.limit {
        let breaks = capacity.breaks.as_ref().map(|text| format!("; {text} breaks first")).unwrap_or_default();
        say(
            "limited by",
            format!("{} of {}, {} busy there{breaks}", limit.resource, limit.component, busy(limit.utilisation)),
        );
    }
    if let Some(next) = &capacity.next {
        let full = amount(capacity, next.at);
        say(
            "next limit",
            format!("{} of {}, full at about {full} if the first were not", next.resource, next.component),
        );
    }
    if let (Some(today), Some(value), Some(needed)) = (capacity.today, capacity.value, capacity.needed) {
        let share = format!(
            "today {} = {} of capacity",
            amount(capacity, today),
            human_share((today / value * 1000.0).round() / 1000.0)
        );
        let room = human_share(capacity.headroom);
        let enough = if needed <= capacity.low.unwrap_or(value) {
            format!("{room} headroom needs {}: there", amount(capacity, needed))
        } else if capacity.high.is_none_or(|high| needed < high) {
            format!("{room} headroom needs {}: too close to tell", amount(capacity, needed))
        } else {
            format!("{room} headroom needs {}: short by {}", amount(capacity, needed), amount(capacity, needed - value))
        };
        say("headroom", format!("{share}; {enough}"));
    }
    lines
}

/// The p99 over the load, the tail on a scale of orders of magnitude.
fn curve(capacity: &Capacity, look: Look) -> Vec<String> {
    let known: Vec<(f64, f64)> =
        capacity.points.iter().filter_map(|point| Some((point.at, point.p99_s.filter(|p99| 0.0 < *p99)?))).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return Vec::new() };
    let (least, most) = known.iter().fold((f64::INFINITY, 0.0f64), |(a, b), (_, p99)| (a.min(*p99), b.max(*p99)));
    if capacity.today.is_none() || known.len() < 4 || most <= least * 1.05 || look.width < WIDTH + 16 {
        return Vec::new();
    }
    let column = |x: f64| ((x - first.0) / (last.0 - first.0) * (WIDTH - 1) as f64).round() as usize;
    let row = |p99: f64| (libm::log(p99 / least) / libm::log(most / least) * (HEIGHT - 1) as f64).round() as usize;
    let mut cells = vec![vec![' '; WIDTH]; HEIGHT];
    let dots = if look.unicode { '·' } else { '.' };
    for pair in known.windows(2) {
        let (from, to) = (column(pair[0].0), column(pair[1].0));
        (from..=to).for_each(|at| {
            let share = if from == to { 1.0 } else { (at - from) as f64 / (to - from) as f64 };
            let p99 = pair[0].1 * libm::pow(pair[1].1 / pair[0].1, share);
            cells[row(p99)][at] = dots;
        });
    }
    for (x, p99) in &known {
        cells[row(*p99)][column(*x)] = if look.unicode { '●' } else { 'o' };
    }
    let value = |at: usize| least * libm::pow(most / least, at as f64 / (HEIGHT - 1) as f64);
    let bar = if look.unicode { '┤' } else { '|' };
    let mut lines: Vec<String> = (0..HEIGHT)
        .rev()
        .map(|at| {
            let label = if at % 2 == 1 || at == 0 { human_time(value(at)) } else { String::new() };
            format!("  {label:>8} {bar}{}", cells[at].iter().collect::<String>())
        })
        .collect();
    let (left, right) = (amount(capacity, first.0), amount(capacity, last.0));
    lines.push(format!("  {:>8}  {left}{right:>width$}", "p99, log", width = WIDTH.saturating_sub(left.len())));
    lines
}
