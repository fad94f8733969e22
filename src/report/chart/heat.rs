//! Latency over time as a heat map: what percentiles hide, two humps for instance, stands here.

use crate::report::Report;
use crate::report::chart::axis::{Frame, Scale, Unit};
use crate::report::chart::ink::{Ink, MOST};
use crate::report::chart::{Anchor, Chart, Clock, Mark, Role, SMALL, Shape, Table, WIDTH};
use crate::report::pictures::Heat;
use crate::report::terminal::figures::span;
use crate::units::{human_count, human_time};

const HEIGHT: f64 = 260.0;
/// Rows of the table at most.
const ROWS: usize = 24;

/// So many rows without any request beneath each other are left out, and what lies below them comes closer.
const GAP: usize = 8;

/// The same without the widest stretch that is empty: answers that take no time at all, from a cache of one's own, would
/// else lie decades below all others. They stand in one row below the rest.
pub(super) fn gathered(heat: &Heat) -> Heat {
    let is_empty = |row: usize| heat.counts.iter().all(|column| column[row] == 0);
    let rows: Vec<usize> = (0..heat.edges_s.len().saturating_sub(1)).collect();
    let gaps = rows.chunk_by(|a, b| is_empty(*a) == is_empty(*b)).filter(|run| is_empty(run[0]) && 0 < run[0]);
    let Some(gap) = gaps.max_by_key(|run| run.len()).filter(|run| GAP <= run.len()) else { return heat.clone() };
    let (start, end) = (gap[0], gap[gap.len() - 1]);
    let joined = |column: &Vec<u64>| {
        let below: u64 = column[..start].iter().sum();
        std::iter::once(below).chain(column[end + 1..].iter().copied()).collect()
    };
    Heat {
        step_s: heat.step_s,
        edges_s: heat.edges_s[end..].to_vec(),
        counts: heat.counts.iter().map(joined).collect(),
    }
}

/// The map of all requests of all replications.
pub fn latency_over_time(report: &Report) -> Option<Chart> {
    let whole = report.pictures.heat.as_ref()?;
    let heat = &gathered(whole);
    let (from, to) = (heat.edges_s.first()?, heat.edges_s.last()?);
    let end = heat.step_s * heat.counts.len() as f64;
    let mut chart = Chart::new("latency-over-time", "Latency over time", (WIDTH, HEIGHT));
    let frame = Frame {
        left: 64.0,
        top: 10.0,
        width: WIDTH - 64.0 - 16.0,
        height: HEIGHT - 10.0 - 56.0,
        x: Scale::Linear { from: 0.0, to: end },
        y: Scale::Log { from: *from, to: *to },
    };
    frame.rise(&mut chart, Unit::Seconds);
    let ticks = chart.marks.len();
    frame.along(&mut chart, Unit::Clock);
    chart.group(ticks, Role::Whole);
    let fields = chart.marks.len();
    cells(&mut chart, heat, &frame);
    chart.group(fields, Role::Plane(frame.plane()));
    key(&mut chart, most(heat));
    chart.clock = Some(Clock { left: frame.left, right: frame.right(), to_s: end, lines: Vec::new() });
    let lowest = if heat.edges_s == whole.edges_s { "" } else { " What took far less stands in the lowest row." };
    chart.about = format!(
        "Requests by when they were answered (left to right) and how long they took (upwards); the stronger the colour, the \
         more of them.{lowest}"
    );
    chart.table = table(heat);
    Some(chart)
}

fn most(heat: &Heat) -> u64 {
    heat.counts.iter().flatten().copied().max().unwrap_or(0)
}

/// Levels grow with the logarithm of the count, so that single slow requests are seen beside thousands of fast ones.
fn level(count: u64, most: u64) -> u8 {
    let share = libm::log(count as f64 + 1.0) / libm::log(most as f64 + 1.0);
    1 + (share * f64::from(MOST - 1)).round() as u8
}

fn cells(chart: &mut Chart, heat: &Heat, frame: &Frame) {
    let most = most(heat);
    let mut boxes: Vec<Vec<[f64; 4]>> = vec![Vec::new(); usize::from(MOST) + 1];
    for row in 0..heat.edges_s.len() - 1 {
        let (top, bottom) = (frame.py(heat.edges_s[row + 1]), frame.py(heat.edges_s[row]));
        let levels = heat.counts.iter().map(|column| if column[row] == 0 { 0 } else { level(column[row], most) });
        let levels: Vec<u8> = levels.collect();
        let mut at = 0;
        // Neighbours of one level are one box.
        for run in levels.chunk_by(|a, b| a == b) {
            let (from, to) = (heat.step_s * at as f64, heat.step_s * (at + run.len()) as f64);
            at += run.len();
            if 0 < run[0] {
                let (left, right) = (frame.px(from), frame.px(to));
                boxes[usize::from(run[0])].push([left, top, right - left, bottom - top]);
            }
        }
    }
    let filled = boxes.into_iter().enumerate().filter(|(_, boxes)| !boxes.is_empty());
    let marks =
        filled.map(|(level, boxes)| Mark { shape: Shape::Boxes(boxes), ink: Ink::Level(level as u8), series: None });
    chart.marks.extend(marks);
}

/// What the levels mean.
fn key(chart: &mut Chart, most: u64) {
    let (y, width) = (HEIGHT - 14.0, 22.0);
    let left = 64.0;
    chart.say((left, y), "1 request", Anchor::Start, Ink::Faint);
    let from = left + 66.0;
    for level in 1..=MOST {
        chart.fill([from + f64::from(level - 1) * width, y - SMALL / 2.0, width, SMALL], Ink::Level(level));
    }
    let text = format!("{} in a field, all replications together", human_count(most as f64));
    chart.say((from + f64::from(MOST) * width + 8.0, y), &text, Anchor::Start, Ink::Faint);
}

/// Fewer and longer stretches of time, each with where its middle and its end are.
fn table(heat: &Heat) -> Table {
    let each = heat.counts.len().div_ceil(ROWS).max(1);
    let rows = heat.counts.chunks(each).enumerate().map(|(number, columns)| {
        let rows = heat.edges_s.len() - 1;
        let counts: Vec<u64> = (0..rows).map(|row| columns.iter().map(|column| column[row]).sum()).collect();
        let total: u64 = counts.iter().sum();
        let used = |row: &usize| 0 < counts[*row];
        let range = (0..rows).find(used).zip((0..rows).rfind(used));
        let range = range.map_or_else(
            || "–".to_owned(),
            |(low, high)| format!("{} to {}", human_time(heat.edges_s[low]), human_time(heat.edges_s[high + 1])),
        );
        vec![span((number * each) as f64 * heat.step_s), human_count(total as f64), range]
    });
    Table { head: ["from", "requests", "latency"].map(str::to_owned).to_vec(), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_no_time_comes_closer_and_is_still_counted() {
        let edges_s: Vec<f64> = (0..=20).map(|row| 1e-9 * libm::exp2(f64::from(row))).collect();
        let column =
            |few: u64| (0..20).map(|row| if row == 0 || 15 < row { few + row } else { 0 }).collect::<Vec<u64>>();
        let heat = Heat { step_s: 1.0, edges_s, counts: vec![column(3), column(5)] };
        let near = gathered(&heat);
        assert_eq!(near.edges_s.len(), near.counts[0].len() + 1);
        assert_eq!((near.counts[0].len(), near.edges_s[0]), (5, heat.edges_s[15]));
        let sum = |heat: &Heat| heat.counts.iter().flatten().sum::<u64>();
        assert_eq!(sum(&near), sum(&heat));
        assert_eq!(gathered(&near), near);
    }
}
