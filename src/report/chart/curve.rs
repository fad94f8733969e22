//! One figure against another: latency over load with its knee, cost against latency, any figure of a sweep.

use crate::report::Verdict;
use crate::report::chart::axis::{Frame, Scale, Unit};
use crate::report::chart::ink::{Ink, SERIES};
use crate::report::chart::{Anchor, Chart, Mark, SMALL, Shape, Stops, Table, WIDTH, fitted, text_width};

const HEIGHT: f64 = 340.0;

/// A figure at one place of the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    /// The interval, where there is one.
    pub range: Option<(f64, f64)>,
    /// How it is drawn: a disc, a cross where an objective is missed, a ring where that is not decided.
    pub verdict: Verdict,
}

/// Points that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    pub name: String,
    pub points: Vec<Point>,
}

/// A place on an axis with a name: an objective, today's load, the knee.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub at: f64,
    pub name: String,
    pub ink: Ink,
}

/// What one picture shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    pub id: String,
    pub title: String,
    pub about: String,
    pub units: (Unit, Unit),
    /// What the axes are called.
    pub axes: (String, String),
    /// Names of the places 0, 1, 2 ... of the horizontal axis, where it has no figures.
    pub steps: Vec<String>,
    /// A logarithmic scale sideways, and upwards.
    pub log: (bool, bool),
    /// Whether points of a trace are joined by lines.
    pub joined: bool,
    pub traces: Vec<Trace>,
    /// On the horizontal and on the vertical axis.
    pub places: (Vec<Place>, Vec<Place>),
}

/// Draws it; nothing without points.
pub fn curves(said: &Curves) -> Option<Chart> {
    let points = || said.traces.iter().flat_map(|trace| &trace.points);
    let values = || points().flat_map(|point| [Some(point.y), point.range.map(|(_, high)| high)]).flatten();
    let upwards = || values().chain(said.places.1.iter().map(|place| place.at)).filter(|y| y.is_finite());
    let sideways = || points().map(|point| point.x).chain(said.places.0.iter().map(|place| place.at));
    let (most_x, most_y) = (sideways().reduce(f64::max)?, upwards().reduce(f64::max)?);
    let lows = points().flat_map(|point| [Some(point.y), point.range.map(|(low, _)| low)]).flatten();
    let least_y = lows.chain(upwards()).filter(|y| 0.0 < *y).reduce(f64::min).unwrap_or(most_y);
    let least_x = sideways().reduce(f64::min).unwrap_or(most_x);
    let mut chart = Chart::new(&said.id, &said.title, (WIDTH, HEIGHT));
    let frame = Frame {
        left: 70.0,
        top: 30.0,
        width: WIDTH - 70.0 - 20.0,
        height: HEIGHT - 30.0 - 46.0,
        x: match (said.steps.len(), said.log.0) {
            (0, false) => Scale::around(least_x, most_x),
            (0, true) => Scale::log(least_x, most_x),
            (steps, _) => Scale::Linear { from: -0.5, to: steps as f64 - 0.5 },
        },
        y: if said.log.1 { Scale::close(least_y, most_y) } else { Scale::up_to(most_y) },
    };
    frame.rise(&mut chart, said.units.1);
    if said.steps.is_empty() {
        let is_whole = said.units.0 == Unit::Count && points().all(|point| point.x.fract() == 0.0);
        let ticks = frame.x.ticks((frame.width / 90.0) as usize, said.units.0).into_iter();
        // Of what is counted there is no half.
        let ticks = ticks.filter(|tick| !is_whole || (tick - tick.round()).abs() < 1e-9);
        frame.named(&mut chart, &ticks.map(|tick| (tick, said.units.0.tick(tick))).collect::<Vec<_>>());
    } else {
        let room = frame.width / said.steps.len() as f64 - 8.0;
        let named = |(at, name): (usize, &String)| (at as f64, fitted(name, SMALL, room.max(30.0)));
        frame.named(&mut chart, &said.steps.iter().enumerate().map(named).collect::<Vec<_>>());
    }
    chart.say((8.0, 10.0), &said.axes.1, Anchor::Start, Ink::Faint);
    chart.say((frame.right(), HEIGHT - 10.0), &said.axes.0, Anchor::End, Ink::Faint);
    places(&mut chart, &frame, &said.places);
    for (number, trace) in said.traces.iter().enumerate() {
        draw(&mut chart, &frame, (number, trace), said.joined);
    }
    said.about.clone_into(&mut chart.about);
    chart.table = table(said);
    chart.stops = Some(stops(&frame, said)).filter(|stops| 1 < stops.at.len());
    Some(chart)
}

/// Every place of the horizontal axis at which there is a point, with the points of all traces there.
fn stops(frame: &Frame, said: &Curves) -> Stops {
    let mut known: Vec<f64> = said.traces.iter().flat_map(|trace| &trace.points).map(|point| point.x).collect();
    known.sort_by(f64::total_cmp);
    known.dedup();
    let told = |x: f64| {
        let mut words = vec![format!("{} {}", said.axes.0, at(said, x))];
        for trace in &said.traces {
            for point in trace.points.iter().filter(|point| point.x == x) {
                let range = interval(said, point).map(|range| format!(" ({range})")).unwrap_or_default();
                words.push(format!("{} {}{range}", trace.name, said.units.1.tick(point.y)));
            }
        }
        let verdicts = said.traces.iter().flat_map(|trace| &trace.points).filter(|point| point.x == x);
        words.extend(verdicts.map(|point| point.verdict).find(|v| *v != Verdict::None).map(|v| v.word().to_owned()));
        words.join(" · ")
    };
    let at = known.into_iter().map(|x| (frame.px(x), told(x))).collect();
    Stops { top: frame.top, bottom: frame.bottom(), at }
}

/// What stands at a place of the horizontal axis.
fn at(said: &Curves, x: f64) -> String {
    said.steps.get(x as usize).cloned().unwrap_or_else(|| said.units.0.tick(x))
}

fn interval(said: &Curves, point: &Point) -> Option<String> {
    point.range.map(|(low, high)| format!("{} to {}", said.units.1.tick(low), said.units.1.tick(high)))
}

fn draw(chart: &mut Chart, frame: &Frame, (number, trace): (usize, &Trace), joined: bool) {
    let (ink, series) = (Ink::series(number), Some((number % SERIES) as u8));
    let at = |y: f64, point: &Point| (frame.px(point.x), frame.py(y));
    if joined {
        let ranged: Vec<(&Point, (f64, f64))> =
            trace.points.iter().filter_map(|point| Some((point, point.range?))).collect();
        let upper: Vec<(f64, f64)> = ranged.iter().map(|(point, range)| at(range.1, point)).collect();
        let lower: Vec<(f64, f64)> = ranged.iter().map(|(point, range)| at(range.0, point)).collect();
        chart.band(&upper, &lower, ink, series);
        chart.line(trace.points.iter().map(|point| at(point.y, point)).collect(), 2.0, ink, series);
    }
    for point in &trace.points {
        let (x, y) = at(point.y, point);
        if let Some((low, high)) = point.range.filter(|_| !joined) {
            chart.line(vec![at(low, point), at(high, point)], 1.5, ink, series);
        }
        dot(chart, (x, y), point.verdict, (ink, series));
    }
    if !trace.name.is_empty() {
        chart.legend.extend(series.map(|series| (trace.name.clone(), series)));
    }
}

/// What came of the objectives is seen without colour, too.
fn dot(chart: &mut Chart, (x, y): (f64, f64), verdict: Verdict, (ink, series): (Ink, Option<u8>)) {
    match verdict {
        Verdict::Meets | Verdict::None => {
            chart.marks.push(Mark { shape: Shape::Solid(disc(x, y, 4.0)), ink, series });
        }
        Verdict::Misses => {
            chart.line(vec![(x - 4.0, y - 4.0), (x + 4.0, y + 4.0)], 2.0, Ink::Bad, series);
            chart.line(vec![(x - 4.0, y + 4.0), (x + 4.0, y - 4.0)], 2.0, Ink::Bad, series);
        }
        Verdict::Undecided => {
            chart.marks.push(Mark { shape: Shape::Solid(disc(x, y, 5.0)), ink, series });
            chart.marks.push(Mark { shape: Shape::Solid(disc(x, y, 3.0)), ink: Ink::Paper, series });
        }
    }
}

/// A circle in sixteen straight pieces.
fn disc(x: f64, y: f64, radius: f64) -> Vec<(f64, f64)> {
    let angle = |piece: u32| f64::from(piece) * std::f64::consts::TAU / 16.0;
    (0..16).map(|piece| (x + radius * libm::cos(angle(piece)), y + radius * libm::sin(angle(piece)))).collect()
}

fn places(chart: &mut Chart, frame: &Frame, (along, up): &(Vec<Place>, Vec<Place>)) {
    let mut sorted: Vec<&Place> = along.iter().collect();
    sorted.sort_by(|a, b| a.at.total_cmp(&b.at));
    let widths: Vec<f64> = sorted.iter().map(|place| text_width(&place.name, SMALL)).collect();
    let middles: Vec<f64> = sorted.iter().map(|place| frame.px(place.at)).collect();
    for ((place, x), left) in sorted.iter().zip(&middles).zip(side_by_side(&middles, &widths, frame.right())) {
        chart.dashes(vec![(*x, frame.top), (*x, frame.bottom())], place.ink);
        let left = left.max(frame.left);
        let text = fitted(&place.name, SMALL, frame.right() - left);
        chart.say((left, frame.top - 10.0), &text, Anchor::Start, place.ink);
    }
    for place in up {
        let y = frame.py(place.at);
        chart.dashes(vec![(frame.left, y), (frame.right(), y)], place.ink);
        let above = if y - 2.0 * SMALL < frame.top { y + SMALL } else { y - 9.0 };
        chart.label((frame.left + 6.0, above), &place.name, Anchor::Start, place.ink);
    }
}

/// Left ends of words that should stand around their middles, do not touch each other and end before the right edge.
fn side_by_side(middles: &[f64], widths: &[f64], right: f64) -> Vec<f64> {
    const APART: f64 = 10.0;
    let mut free = f64::NEG_INFINITY;
    let mut lefts: Vec<f64> = Vec::new();
    for (middle, width) in middles.iter().zip(widths) {
        let left = (middle - width / 2.0).max(free);
        free = left + width + APART;
        lefts.push(left);
    }
    let mut edge = right;
    for (left, width) in lefts.iter_mut().zip(widths).rev() {
        *left = left.min(edge - width);
        edge = *left - APART;
    }
    lefts
}

fn table(said: &Curves) -> Table {
    let head = [&said.axes.0, &said.axes.1].map(Clone::clone);
    let head =
        std::iter::once("of".to_owned()).chain(head).chain(["interval", "objectives"].map(str::to_owned)).collect();
    let rows = said.traces.iter().flat_map(|trace| {
        trace.points.iter().map(|point| {
            let range = interval(said, point).unwrap_or_default();
            let word = if point.verdict == Verdict::None { "" } else { point.verdict.word() };
            vec![trace.name.clone(), at(said, point.x), said.units.1.tick(point.y), range, word.to_owned()]
        })
    });
    Table { head, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::side_by_side;

    #[test]
    fn words_make_way_for_each_other_and_stay_inside() {
        assert_eq!(side_by_side(&[50.0, 200.0], &[40.0, 40.0], 300.0), [30.0, 180.0]);
        assert_eq!(side_by_side(&[250.0, 280.0, 290.0], &[60.0, 60.0, 60.0], 300.0), [100.0, 170.0, 240.0]);
    }
}
