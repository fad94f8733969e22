//! The pages of searches: a sweep as a line or a map, the cheapest designs as a front.

use crate::report::Verdict;
use crate::report::chart::axis::Unit;
use crate::report::chart::curve::{Curves, Place, Point, Trace, curves};
use crate::report::chart::ink::{Ink, MOST};
use crate::report::chart::latency::limit_of;
use crate::report::chart::map::{Field, Map, map};
use crate::report::chart::{Chart, Table};
use crate::report::html::study::{LOOK, again, drawn, limited, mark, money, page, pages, tiles, time};
use crate::report::html::{Page, Section, figure, folded, paragraph, table, tile};
use crate::report::size::{Candidate, Contender, Size};
use crate::report::sweep::{Row, Sweep};
use crate::report::terminal;
use crate::report::terminal::figures::{percent, spaced_time};
use crate::units::{self, Dimension, human_count, human_money, human_rate};

/// A scale whose ends are so many times apart is logarithmic.
const WIDE: f64 = 30.0;
/// More values than this on one side of a map are too many to be seen.
const FIELDS: usize = 40;

// -- sweep ---------------------------------------------------------------------------------------------------------------

/// The pictures of a sweep: one setting as a line, two as a map; what the tail costs wherever there are prices.
pub fn sweep_charts(sweep: &Sweep) -> Vec<Chart> {
    let over = match sweep.head.axes.len() {
        1 => line(sweep),
        2 => pairs(sweep),
        _ => None,
    };
    // With one setting the line says it all, and the price follows it.
    let price = if sweep.head.axes.len() == 1 { None } else { against_cost(sweep) };
    over.into_iter().chain(price).collect()
}

fn point(x: f64, row: &Row, measure: &str) -> Option<Point> {
    let found = row.figures.measure(measure)?;
    Some(Point { x, y: found.value?, range: found.low.zip(found.high), verdict: row.figures.verdict })
}

/// Values of a setting as figures, if they are quantities of one kind.
pub fn quantities(values: &[&str]) -> Option<(Vec<f64>, Unit)> {
    let numbers: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
    if let Some(numbers) = numbers {
        return Some((numbers, Unit::Count));
    }
    let read: Option<Vec<units::Quantity>> = values.iter().map(|value| units::parse(value).ok()).collect();
    let (read, first) = (read.as_ref()?, read.as_ref()?.first()?.dimension);
    let unit = match first {
        Dimension::Time => Unit::Seconds,
        Dimension::Rate => Unit::PerSecond,
        Dimension::Bytes => Unit::Bytes,
        Dimension::Share => Unit::Share,
        Dimension::Money => Unit::Money,
        Dimension::Count => Unit::Count,
        _ => return None,
    };
    read.iter().all(|one| one.dimension == first).then(|| (read.iter().map(|one| one.value).collect(), unit))
}

/// The tail and the median over the only setting.
fn line(sweep: &Sweep) -> Option<Chart> {
    let axis = sweep.head.axes.first()?;
    let values: Vec<&str> = sweep.rows.iter().map(|row| sweep.head.points[row.point][0].as_str()).collect();
    let scaled = quantities(&values);
    let (places, unit) = scaled.clone().unwrap_or_else(|| ((0..values.len()).map(|n| n as f64).collect(), Unit::Count));
    let trace = |measure: &str| {
        let mut points: Vec<Point> =
            places.iter().zip(&sweep.rows).filter_map(|(x, row)| point(*x, row, measure)).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Trace { name: measure.to_owned(), points }
    };
    let positive = places.iter().copied().filter(|x| 0.0 < *x);
    let spread = places.iter().copied().fold(0.0, f64::max) / positive.fold(f64::INFINITY, f64::min);
    let wide = scaled.is_some() && places.iter().all(|x| 0.0 < *x) && WIDE < spread;
    curves(&Curves {
        id: "sweep".to_owned(),
        title: format!("Latency over {axis}"),
        about: "Median and 99th percentile with their 95 % intervals; a cross misses an objective, a ring leaves one \
                undecided. What cannot keep up has no percentile and no point."
            .to_owned(),
        units: (unit, Unit::Seconds),
        axes: (axis.clone(), "latency".to_owned()),
        steps: if scaled.is_some() { Vec::new() } else { values.iter().map(|&value| value.to_owned()).collect() },
        log: (wide, true),
        joined: scaled.is_some(),
        traces: vec![trace("p99"), trace("p50")],
        places: (Vec::new(), limits(sweep)),
    })
}

/// Objectives about the tail that is drawn.
fn limits(sweep: &Sweep) -> Vec<Place> {
    let of = sweep.rows.first().map(|row| &row.figures.objectives);
    let known = of.into_iter().flatten().filter_map(|judged| limit_of(&judged.text, judged.limit));
    let tail = known.filter(|(percentile, ..)| (percentile - 0.99).abs() < 1e-9 || (percentile - 0.5).abs() < 1e-9);
    tail.map(|(_, at, name)| Place { at, name, ink: Ink::Bad }).collect()
}

/// The values of two settings, in the order in which they were first taken.
pub struct Places {
    pub down: Vec<String>,
    pub across: Vec<String>,
}

/// The two sides of a grid of points; `None` if it is none, or larger than anybody could read.
pub fn places_of(points: &[&Vec<String>]) -> Option<Places> {
    let values = |axis: usize| {
        let mut known: Vec<String> = Vec::new();
        for point in points {
            if !known.contains(&point[axis]) {
                known.push(point[axis].clone());
            }
        }
        known
    };
    let (down, across) = (values(0), values(1));
    let is_grid = down.len() * across.len() == points.len() && down.len().max(across.len()) <= FIELDS;
    (is_grid && 2 <= down.len() && 2 <= across.len()).then_some(Places { down, across })
}

/// The tail of each pair of two settings that were varied over a grid.
fn pairs(sweep: &Sweep) -> Option<Chart> {
    let points = &sweep.head.points;
    let Places { down, across } = places_of(&points.iter().collect::<Vec<_>>())?;
    let place = |known: &[String], value: &String| known.iter().position(|other| other == value);
    let field = |row: &Row| {
        let (stable, value) = (row.figures.stable, row.figures.value("p99"));
        let unknown = || if stable { "–".to_owned() } else { "grows".to_owned() };
        Some(Field {
            at: (place(&across, &points[row.point][1])?, place(&down, &points[row.point][0])?),
            value,
            text: value.map_or_else(unknown, spaced_time),
            verdict: row.figures.verdict,
        })
    };
    map(&Map {
        id: "sweep".to_owned(),
        title: format!("99th percentile over {} and {}", sweep.head.axes[0], sweep.head.axes[1]),
        about: "The 99th percentile of each pair of settings: the stronger the colour, the longer it takes.".to_owned(),
        fields: sweep.rows.iter().filter_map(field).collect(),
        unknown: MOST,
        across: (sweep.head.axes[1].clone(), across),
        down: (sweep.head.axes[0].clone(), down),
    })
}

fn against_cost(sweep: &Sweep) -> Option<Chart> {
    let found = sweep.rows.iter().filter_map(|row| point(row.figures.usd_per_month?, row, "p99"));
    curves(&Curves {
        id: "sweep-cost".to_owned(),
        title: "99th percentile against cost".to_owned(),
        about:
            "Each design with the 95 % interval of its tail; a cross misses an objective, a ring leaves one undecided."
                .to_owned(),
        units: (Unit::Money, Unit::Seconds),
        axes: ("dollars a month".to_owned(), "p99".to_owned()),
        steps: Vec::new(),
        log: (false, true),
        joined: false,
        traces: vec![Trace { name: "p99".to_owned(), points: found.collect() }],
        places: (Vec::new(), limits(sweep)),
    })
}

/// The page of `sweep`.
pub fn sweep(sweep: &Sweep) -> Page {
    let verdict =
        if sweep.rows.iter().any(|row| row.figures.verdict == Verdict::Meets) { Verdict::Meets } else { Verdict::None };
    let page =
        page(&format!("Sweep of {}", sweep.head.name), verdict, &terminal::sweep::verdict_line(sweep, LOOK), sweep);
    let mut head = sweep.head.axes.clone();
    head.extend(["p50", "p99", "served", "objectives", "bottleneck", "cost", ""].map(str::to_owned));
    let told = sweep.rows.iter().map(|row| {
        let figures = &row.figures;
        let mut cells = sweep.head.points[row.point].clone();
        let served = figures.value("served").map_or_else(|| "–".to_owned(), human_rate);
        let best = if sweep.best == Some(row.point) { "← best" } else { "" };
        cells.extend([time(figures.value("p50")), time(figures.value("p99")), served, mark(figures.verdict)]);
        cells.extend([limited(figures.bottleneck.as_ref()), money(figures.usd_per_month), best.to_owned()]);
        cells
    });
    let told = Table { head, rows: told.collect() };
    pages(
        page,
        [
            Section::new("picture", "Pictures", sweep_charts(sweep).iter().map(figure).collect::<String>()),
            Section::new("points", "Every point", table(&told)),
            again(sweep.head.command.as_deref()),
        ],
    )
}

// -- size ----------------------------------------------------------------------------------------------------------------

/// The picture of `size`: what is paid for a shorter tail.
pub fn size_chart(size: &Size) -> Option<Chart> {
    let point = |candidate: &Candidate| {
        Some(Point { x: candidate.usd_per_month, y: candidate.p99_s?, range: None, verdict: candidate.verdict })
    };
    let best = size.best.iter().map(|best| Place {
        at: best.usd_per_month,
        name: "the cheapest that meets".to_owned(),
        ink: Ink::Good,
    });
    curves(&Curves {
        id: "pareto".to_owned(),
        title: "Cost against latency".to_owned(),
        about: "Designs of which none is both cheaper and quicker; a cross misses an objective, a ring leaves one undecided.".to_owned(),
        units: (Unit::Money, Unit::Seconds),
        axes: ("dollars a month".to_owned(), "p99".to_owned()),
        steps: Vec::new(),
        log: (false, true),
        joined: false,
        traces: vec![Trace { name: "p99".to_owned(), points: size.pareto.iter().filter_map(point).collect() }],
        places: (best.collect(), Vec::new()),
    })
}

/// The page of `size`.
pub fn size(size: &Size) -> Page {
    let verdict = if size.best.is_some() { Verdict::Meets } else { Verdict::Misses };
    let page = page(&format!("Sizing {}", size.name), verdict, &terminal::size::verdict_line(size, LOOK), size);
    let mut known = vec![tile("load", &human_rate(size.load_per_s), &size.within.join(", "))];
    if let Some(best) = &size.best {
        known.push(tile("cheapest", &money(Some(best.usd_per_month)), ""));
        let settings = size.axes.iter().zip(&best.settings);
        known.extend(settings.map(|(axis, value)| tile(axis, value, "")));
    }
    let looked = format!("{} simulated, {} ruled out by arithmetic", size.simulated, size.ruled_out);
    known.push(tile("designs", &human_count(f64::from(size.designs)), &looked));
    let binds = if size.binds.is_empty() {
        String::new()
    } else {
        paragraph(&format!("What binds: {}.", size.binds.join(", ")))
    };
    let mut head = size.axes.clone();
    head.extend(["cost", "p99", "objectives", "busiest", "misses"].map(str::to_owned));
    let line = |candidate: &Candidate| {
        let mut cells = candidate.settings.clone();
        cells.extend([money(Some(candidate.usd_per_month)), time(candidate.p99_s), mark(candidate.verdict)]);
        cells.extend([limited(candidate.limit.as_ref()), candidate.missed.join(", ")]);
        cells
    };
    let of = |all: &[Candidate]| table(&Table { head: head.clone(), rows: all.iter().map(line).collect() });
    let mut front = of(&size.pareto);
    if !size.cheaper_but_undecided.is_empty() {
        front.push_str(&folded("", "Cheaper, but undecided", &of(&size.cheaper_but_undecided)));
    }
    front.push_str(&regretted(size));
    pages(
        page,
        [
            Section::new(
                "answer",
                "The answer",
                format!("{}{binds}{}", tiles(&known), drawn(size_chart(size).as_ref())),
            ),
            Section::new("front", "The front", front),
            again(size.command.as_deref()),
        ],
    )
}

/// The contenders over all draws of the inputs, where some are intervals.
fn regretted(size: &Size) -> String {
    let Some(regrets) = &size.regrets else { return String::new() };
    let line = |contender: &Contender| {
        let mut cells = contender.settings.clone();
        let [bill, regret, worst] = [contender.usd_per_month, contender.regret_usd.mean, contender.worst_regret_usd]
            .map(|usd| money(Some(usd)));
        cells.extend([bill, percent(contender.meets.mean), regret, worst]);
        cells
    };
    let mut head = size.axes.clone();
    head.extend(["cost", "meets all", "regret", "at worst"].map(str::to_owned));
    let found = Table { head, rows: regrets.contenders.iter().map(line).collect() };
    let miss = human_money(regrets.price_of_a_miss_usd);
    let said = format!("Over {} draws of the uncertain inputs; a month that misses counts as {miss}.", regrets.draws);
    format!("<h3>Regret</h3>{}{}", paragraph(&said), table(&found))
}
