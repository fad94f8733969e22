//! How many requests take how long: the same answers as in the map over time, after the warm-up, put together.

use crate::report::Report;
use crate::report::chart::axis::{Frame, Scale, Unit};
use crate::report::chart::heat::gathered;
use crate::report::chart::ink::Ink;
use crate::report::chart::{Chart, Mark, Shape, Stops, Table, WIDTH};
use crate::report::pictures::Heat;
use crate::report::terminal::figures::{percent, spaced_time};

const HEIGHT: f64 = 220.0;
const INK: Ink = Ink::Level(5);

/// The histogram; its steps are of equal ratio, as the axis is.
pub fn histogram(report: &Report) -> Option<Chart> {
    let whole = report.pictures.heat.as_ref()?;
    let heat = &gathered(whole);
    let is_gathered = heat.edges_s != whole.edges_s;
    let counts = counts(heat, report.measured.from_s);
    let first = counts.iter().position(|count| 0 < *count)?;
    let last = counts.iter().rposition(|count| 0 < *count)?;
    let total: u64 = counts.iter().sum();
    let share = |count: u64| count as f64 / total as f64;
    let most = counts.iter().copied().map(share).fold(0.0, f64::max);
    let mut chart = Chart::new("histogram", "How many requests take how long", (WIDTH, HEIGHT));
    let frame = Frame {
        left: 64.0,
        top: 14.0,
        width: WIDTH - 64.0 - 24.0,
        height: HEIGHT - 14.0 - 32.0,
        x: Scale::Log { from: heat.edges_s[first], to: heat.edges_s[last + 1] },
        y: Scale::up_to(most),
    };
    frame.draw(&mut chart, (Unit::Seconds, Unit::Share));
    let (mut boxes, mut at, mut rows, mut below) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (row, count) in counts.iter().enumerate().take(last + 1).skip(first) {
        let (low, high) = (heat.edges_s[row], heat.edges_s[row + 1]);
        let (left, right, top) = (frame.px(low), frame.px(high), frame.py(share(*count)));
        if 0 < *count {
            boxes.push([left, top, right - left, frame.bottom() - top]);
        }
        below += count;
        let range = if is_gathered && row == 0 {
            format!("up to {}", spaced_time(high))
        } else {
            format!("{} to {}", spaced_time(low), spaced_time(high))
        };
        let [own, all] = [*count, below].map(|count| percent(share(count)));
        at.push((f64::midpoint(left, right), format!("{range} · {own} of the requests · {all} take no longer")));
        rows.push(vec![range, own, all]);
    }
    chart.marks.push(Mark { shape: Shape::Boxes(boxes), ink: INK, series: None });
    chart.stops = Some(Stops { top: frame.top, bottom: frame.bottom(), at });
    "Shares of all requests after the warm-up, failed ones too; each step is as much longer than the one before."
        .clone_into(&mut chart.about);
    chart.table = Table { head: ["latency", "share", "no longer"].map(str::to_owned).to_vec(), rows };
    Some(chart)
}

/// Requests of each row that were answered after some moment.
fn counts(heat: &Heat, from_s: f64) -> Vec<u64> {
    let columns = heat.counts.iter().enumerate().filter(|(at, _)| from_s <= *at as f64 * heat.step_s + 1e-9);
    let mut sums = vec![0; heat.edges_s.len().saturating_sub(1)];
    for (_, column) in columns {
        sums.iter_mut().zip(column).for_each(|(sum, count)| *sum += count);
    }
    sums
}
