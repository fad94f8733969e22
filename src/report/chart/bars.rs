//! Bars beside names: how busy, where the time goes, what it costs.

use crate::report::chart::ink::Ink;
use crate::report::chart::{Anchor, Chart, Mark, SMALL, Shape, Table, WIDTH, fitted, text_width};
use crate::report::terminal::figures::{busy, percent, spaced_time};
use crate::report::{Report, TimeShare, Utilisation};
use crate::units::human_money;

const ROW: f64 = 26.0;
const BAR: f64 = 15.0;
/// Room for names, and for what stands behind the longest bar.
const NAMES: f64 = 176.0;
/// Bars at most; the rest is one.
const BARS: usize = 14;
/// What is used less than this in nine windows of ten is left out, as long as so many bars remain.
const NOTABLE: f64 = 0.005;
const FEW: usize = 3;
/// Where time goes stands twice beside each other.
const HALF: f64 = 352.0;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub name: String,
    /// Shares of the whole width, end to end.
    pub parts: Vec<(f64, Ink)>,
    /// A range that is drawn over the end of the bar.
    pub range: Option<(f64, f64)>,
    /// What stands behind it.
    pub figure: String,
}

/// Size of bars beneath each other: all, and the names.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub width: f64,
    pub names: f64,
}

/// How long a bar of the whole is: what names and the longest figure leave.
fn room(size: Size, rows: &[Bar]) -> f64 {
    let figures = rows.iter().map(|bar| text_width(&bar.figure, SMALL)).fold(0.0, f64::max) + 12.0;
    size.width - size.names - figures - 8.0
}

/// Bars beneath each other.
pub fn bars(id: &str, title: &str, size: Size, rows: &[Bar]) -> Chart {
    let room = room(size, rows);
    let mut chart = Chart::new(id, title, (size.width, rows.len() as f64 * ROW + 8.0));
    chart.line(vec![(size.names, 2.0), (size.names, rows.len() as f64 * ROW + 6.0)], 1.0, Ink::Faint, None);
    for (number, bar) in rows.iter().enumerate() {
        let middle = 4.0 + (number as f64 + 0.5) * ROW;
        let name = fitted(&bar.name, SMALL, size.names - 12.0);
        chart.say((size.names - 8.0, middle), &name, Anchor::End, Ink::Text);
        let mut end = 0.0;
        for (share, ink) in bar.parts.iter().filter(|(share, _)| 0.0 < *share) {
            let long = (share * room).clamp(0.5, (room - end).max(0.5));
            let shape = Shape::Boxes(vec![[size.names + end, middle - BAR / 2.0, long, BAR]]);
            let series = if let Ink::Series(number) = ink { Some(*number) } else { None };
            chart.marks.push(Mark { shape, ink: *ink, series });
            end += long;
        }
        if let Some((low, high)) = bar.range {
            let [low, high] = [low, high].map(|share| size.names + share.clamp(0.0, 1.0) * room);
            chart.line(vec![(low, middle), (high, middle)], 1.5, Ink::Text, None);
            chart.line(vec![(low, middle - 4.0), (low, middle + 4.0)], 1.5, Ink::Text, None);
            chart.line(vec![(high, middle - 4.0), (high, middle + 4.0)], 1.5, Ink::Text, None);
            end = end.max(high - size.names);
        }
        chart.say((size.names + end + 8.0, middle), &bar.figure, Anchor::Start, Ink::Text);
    }
    chart
}

/// Lines behind the bars where half and all of something is used.
fn halves(chart: &mut Chart, room: f64) {
    let (from, bottom) = (chart.marks.len(), chart.height - 2.0);
    for share in [0.5, 1.0] {
        let x = NAMES + share * room;
        chart.line(vec![(x, 2.0), (x, bottom)], 1.0, Ink::Grid, None);
        chart.say((x, bottom + 12.0), &percent(share), Anchor::Middle, Ink::Faint);
    }
    chart.height += 20.0;
    let added = chart.marks.len() - from;
    chart.marks.rotate_right(added);
}

/// How busy each resource was on average, with the range of nine windows out of ten.
pub fn utilisation(report: &Report) -> Option<Chart> {
    let mut all: Vec<(String, &Utilisation, bool)> = Vec::new();
    for (name, component) in &report.components {
        for (resource, used) in component.resources() {
            let limit = report.bottleneck.as_ref();
            let is_limit = limit.is_some_and(|limit| limit.component == *name && limit.resource == resource);
            all.push((format!("{name} {resource}"), used, is_limit));
        }
    }
    all.sort_by(|a, b| b.1.share.mean.total_cmp(&a.1.share.mean));
    // What is hardly used says nothing, unless nothing else is there to be said.
    let notable = |(_, used, is_limit): &&(String, &Utilisation, bool)| {
        *is_limit || NOTABLE <= used.p95.unwrap_or(used.share.mean)
    };
    let count = all.iter().filter(notable).count();
    all.truncate(count.clamp(FEW, BARS));
    let bar = |(name, used, is_limit): &(String, &Utilisation, bool)| Bar {
        name: name.clone(),
        parts: vec![(used.share.mean, if *is_limit { Ink::Bad } else { Ink::Level(5) })],
        range: used.p5.zip(used.p95),
        figure: format!("{}{}", busy(used.share.mean), if *is_limit { " bottleneck" } else { "" }),
    };
    let rows: Vec<Bar> = all.iter().map(bar).collect();
    if rows.is_empty() {
        return None;
    }
    let size = Size { width: WIDTH, names: NAMES };
    let mut chart = bars("utilisation", "How busy", size, &rows);
    halves(&mut chart, room(size, &rows));
    "Share of time each resource is in use, on average; the whisker reaches from the 5th to the 95th percentile of the \
     windows, because an average of 60 % can hide minutes at 100 %."
        .clone_into(&mut chart.about);
    let shown = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let row = |(name, used, _): &(String, &Utilisation, bool)| {
        vec![name.clone(), busy(used.share.mean), shown(used.p5), shown(used.p95), shown(used.max)]
    };
    let head = ["resource", "mean", "p5", "p95", "max"].map(str::to_owned).to_vec();
    chart.table = Table { head, rows: all.iter().map(row).collect() };
    Some(chart)
}

/// Where the time of the mean goes, and where that of the slowest hundredth.
pub fn time_goes(report: &Report) -> Vec<Chart> {
    let goes = &report.where_time_goes;
    let mean = time_shares("time-mean", "Where the mean goes", &goes.mean);
    let slow = time_shares("time-slowest", "Where the slowest 1 % goes", &goes.slowest_1_percent);
    mean.into_iter().chain(slow).collect()
}

fn time_shares(id: &str, title: &str, shares: &[TimeShare]) -> Option<Chart> {
    const CAUSES: usize = 8;
    let total: f64 = shares.iter().map(|share| share.seconds).sum();
    let most = shares.iter().map(|share| share.share).reduce(f64::max).filter(|most| 0.0 < *most)?;
    let bar = |name: String, share: f64, seconds: f64| Bar {
        name,
        parts: vec![(share / most, Ink::Level(5))],
        range: None,
        figure: format!("{} · {}", spaced_time(seconds), percent(share)),
    };
    let mut rows: Vec<Bar> = shares
        .iter()
        .take(CAUSES)
        .map(|share| bar(format!("{} {}", share.component, share.cause), share.share, share.seconds))
        .collect();
    if CAUSES < shares.len() {
        let rest = |of: fn(&TimeShare) -> f64| shares[CAUSES..].iter().map(of).sum();
        rows.push(bar("other".to_owned(), rest(|share| share.share), rest(|share| share.seconds)));
    }
    let mut chart = bars(id, &format!("{title}: {}", spaced_time(total)), Size { width: HALF, names: 118.0 }, &rows);
    "Time of a request by what it waited for or worked at.".clone_into(&mut chart.about);
    let row = |share: &TimeShare| {
        vec![share.component.clone(), share.cause.to_owned(), spaced_time(share.seconds), percent(share.share)]
    };
    let head = ["component", "cause", "time", "share"].map(str::to_owned).to_vec();
    chart.table = Table { head, rows: shares.iter().map(row).collect() };
    Some(chart)
}

/// What each component costs a month, by what is paid for.
pub fn cost(report: &Report) -> Option<Chart> {
    let mut owners: Vec<(String, f64)> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for line in &report.cost.lines {
        match owners.iter_mut().find(|(name, _)| *name == line.component) {
            Some((_, sum)) => *sum += line.usd_per_month,
            None => owners.push((line.component.clone(), line.usd_per_month)),
        }
        if !kinds.contains(&line.what) {
            kinds.push(line.what);
        }
    }
    owners.sort_by(|a, b| b.1.total_cmp(&a.1));
    owners.retain(|(_, sum)| 0.0 < *sum);
    owners.truncate(BARS);
    let most = owners.first().map(|(_, most)| *most).filter(|most| 0.0 < *most)?;
    let ink = |what: &str| Ink::series(kinds.iter().position(|kind| *kind == what).unwrap_or(0));
    let bar = |(name, sum): &(String, f64)| {
        let own = report.cost.lines.iter().filter(|line| line.component == *name);
        Bar {
            name: name.clone(),
            parts: own.map(|line| (line.usd_per_month / most, ink(line.what))).collect(),
            range: None,
            figure: format!("{}/month", human_money(*sum)),
        }
    };
    let rows: Vec<Bar> = owners.iter().map(bar).collect();
    let total = format!("{}/month", human_money(report.cost.usd_per_month));
    let mut chart = bars("cost", &format!("What it costs: {total}"), Size { width: WIDTH, names: NAMES }, &rows);
    chart.legend = kinds.iter().take(8).enumerate().map(|(number, what)| ((*what).to_owned(), number as u8)).collect();
    "Dollars a month of each component, by what is paid for.".clone_into(&mut chart.about);
    let row = |line: &crate::report::CostLine| {
        let quantity = format!("{} {}", crate::units::human_count(line.quantity), line.unit);
        vec![line.component.clone(), line.what.to_owned(), quantity, human_money(line.usd_per_month)]
    };
    let head = ["component", "what", "quantity a month", "a month"].map(str::to_owned).to_vec();
    chart.table = Table { head, rows: report.cost.lines.iter().map(row).collect() };
    Some(chart)
}
