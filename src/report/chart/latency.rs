//! Latency by percentile as `HdrHistogram` plots it: the tail gets as much room as the rest.

use crate::report::chart::axis::{Frame, Scale, Unit};
use crate::report::chart::ink::Ink;
use crate::report::chart::{Anchor, Chart, SMALL, Stops, Table, WIDTH, text_width};
use crate::report::pictures::Curve;
use crate::report::terminal::figures::spaced_time;
use crate::report::{Objective, Report};

const HEIGHT: f64 = 340.0;
/// Percentiles of the table.
const NAMED: [f64; 6] = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];

/// The chart of one run, with a mark for each objective about a percentile of all requests.
pub fn percentiles(report: &Report) -> Option<Chart> {
    let limits: Vec<(f64, f64, String)> = report.objectives.iter().filter_map(limit).collect();
    of_curves("latency", "Latency by percentile", &report.pictures.curves, &limits)
}

/// Curves over each other; each limit is a percentile, a latency in seconds, and how it is written.
pub fn of_curves(id: &str, title: &str, curves: &[Curve], limits: &[(f64, f64, String)]) -> Option<Chart> {
    let most = curves.iter().filter_map(|curve| curve.percentile.last().copied()).reduce(f64::max)?;
    let all = || curves.iter().flat_map(|curve| &curve.latency_s).chain(limits.iter().map(|(_, latency, _)| latency));
    let least = all().copied().filter(|latency| 0.0 < *latency).reduce(f64::min)?;
    let greatest = curves.iter().flat_map(|curve| curve.high_s.iter().flatten()).chain(all()).copied();
    let mut chart = Chart::new(id, title, (WIDTH, HEIGHT));
    let frame = Frame {
        left: 64.0,
        top: 14.0,
        width: WIDTH - 64.0 - 24.0,
        height: HEIGHT - 14.0 - 32.0,
        x: Scale::Nines { most: most.clamp(0.9, 0.999_999) },
        y: Scale::log(least, greatest.fold(least, f64::max)),
    };
    frame.draw(&mut chart, (Unit::Percentile, Unit::Seconds));
    for (number, curve) in curves.iter().enumerate() {
        draw(&mut chart, &frame, number, curve);
    }
    for (percentile, latency, text) in limits {
        let (x, y) = (frame.px(*percentile), frame.py(*latency));
        chart.dashes(vec![((x - 60.0).max(frame.left), y), ((x + 30.0).min(frame.right()), y)], Ink::Bad);
        chart.line(vec![(x, y - 5.0), (x, y + 5.0)], 2.0, Ink::Bad, None);
        // Above the line, or below it where the frame ends.
        let above = if y - SMALL < frame.top { y + SMALL } else { y - 10.0 };
        let from = (x - 60.0).max(frame.left + 2.0).min(frame.right() - text_width(text, SMALL));
        chart.label((from, above), text, Anchor::Start, Ink::Bad);
    }
    chart.about = format!(
        "How long the fastest share of requests takes at most, up to {}; bands are 95 % intervals over replications.",
        Unit::Percentile.tick(frame_end(most))
    );
    chart.table = table(curves);
    chart.stops = Some(stops(&frame, curves));
    Some(chart)
}

/// Every percentile of any curve, with what each curve says there.
fn stops(frame: &Frame, curves: &[Curve]) -> Stops {
    let mut known: Vec<f64> = curves.iter().flat_map(|curve| curve.percentile.iter().copied()).collect();
    known.sort_by(f64::total_cmp);
    known.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    let said = |percentile: f64| {
        let each = curves.iter().map(|curve| format!("{} {}", curve.name, found(curve, percentile)));
        let name = Unit::Percentile.tick(percentile);
        std::iter::once(name).chain(each).collect::<Vec<_>>().join(" · ")
    };
    let at = known.into_iter().map(|percentile| (frame.px(percentile), said(percentile))).collect();
    Stops { top: frame.top, bottom: frame.bottom(), at }
}

/// The latency of a curve at one of its percentiles, with its interval.
fn found(curve: &Curve, percentile: f64) -> String {
    let Some(at) = curve.percentile.iter().position(|known| (*known - percentile).abs() < 1e-9) else {
        return "–".to_owned();
    };
    let interval = curve.low_s[at].zip(curve.high_s[at]);
    let interval = interval.map(|(low, high)| format!(" ({} to {})", spaced_time(low), spaced_time(high)));
    format!("{}{}", spaced_time(curve.latency_s[at]), interval.unwrap_or_default())
}

/// The last percentile in as many digits as mean something.
fn frame_end(most: f64) -> f64 {
    let nines = [0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
    nines.into_iter().rfind(|nine| *nine <= most + 1e-9).unwrap_or(most)
}

fn draw(chart: &mut Chart, frame: &Frame, number: usize, curve: &Curve) {
    let (ink, series) = (Ink::series(number), Some((number % crate::report::chart::ink::SERIES) as u8));
    let along = |values: &[Option<f64>]| -> Vec<(f64, f64)> {
        let points = curve.percentile.iter().zip(values);
        points.filter_map(|(q, value)| Some((frame.px(*q), frame.py((*value)?)))).collect()
    };
    chart.band(&along(&curve.high_s), &along(&curve.low_s), ink, series);
    let middle: Vec<Option<f64>> = curve.latency_s.iter().map(|latency| Some(*latency)).collect();
    chart.line(along(&middle), 2.0, ink, series);
    chart.legend.extend(series.map(|series| (curve.name.clone(), series)));
}

fn table(curves: &[Curve]) -> Table {
    let head = std::iter::once("percentile".to_owned()).chain(curves.iter().map(|curve| curve.name.clone())).collect();
    let cell = |curve: &Curve, wanted: f64| {
        curve.percentile.iter().find(|q| wanted <= **q + 1e-6).map(|percentile| found(curve, *percentile))
    };
    let row = |wanted: f64| {
        let cells = curves.iter().map(|curve| cell(curve, wanted).unwrap_or_else(|| "–".to_owned()));
        std::iter::once(Unit::Percentile.tick(wanted)).chain(cells).collect()
    };
    Table { head, rows: NAMED.into_iter().map(row).collect() }
}

fn limit(objective: &Objective) -> Option<(f64, f64, String)> {
    limit_of(&objective.text, objective.limit)
}

/// The percentile and limit of an objective like `latency p99 <= 200ms`, and how it is written.
pub fn limit_of(text: &str, limit: Option<f64>) -> Option<(f64, f64, String)> {
    let rest = text.strip_prefix("latency p")?;
    let (percentile, rest) = rest.split_once(' ')?;
    let is_plain = rest.starts_with('<') && !rest.contains(" of ") && !rest.contains(" from ");
    let percentile: f64 = percentile.parse().ok().filter(|_| is_plain)?;
    Some((percentile / 100.0, limit?, format!("p{percentile} {rest}")))
}
