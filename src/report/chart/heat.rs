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

/// The map of all requests of all replications.
pub fn latency_over_time(report: &Report) -> Option<Chart> {
    let heat = report.pictures.heat.as_ref()?;
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
    "Requests by when they were answered (left to right) and how long they took (upwards); the stronger the colour, the \
     more of them."
        .clone_into(&mut chart.about);
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
