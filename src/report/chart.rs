//! Pictures: what is drawn, without saying on what.
//!
//! A [`Chart`] is a list of marks in a plane of so many units (pixels of a screen at 100 %), with everything its surroundings
//! need: what it shows in words, a legend, a table of its figures for those who do not see it, and where time runs. It is
//! painted in three ways: into the page of a report ([`svg`], colours by class, so that the page decides between light
//! and dark), and as a file by `plotters`, SVG or PNG ([`paint`]). What can go wrong: a figure that is not known is left
//! out, never drawn as zero; what lies outside of its axes is cut at them.

pub mod axis;
pub mod bars;
pub mod curve;
pub mod forest;
pub mod graph;
pub mod heat;
pub mod histogram;
pub mod ink;
pub mod latency;
pub mod map;
pub mod paint;
pub mod svg;
#[cfg(test)]
pub(in crate::report) mod tests;
pub mod time;
pub mod waterfall;

use crate::report::Report;
use crate::report::chart::ink::Ink;

/// Characters of this size are how axes and labels are written.
pub const SMALL: f64 = 12.0;
/// The usual width of a chart.
pub const WIDTH: f64 = 720.0;

/// One picture and what goes with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Unique in a report; also the name of its file.
    pub id: String,
    pub title: String,
    /// A sentence or two: what is seen, for those who do not see it too.
    pub about: String,
    pub width: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
    /// Name and number of each series.
    pub legend: Vec<(String, u8)>,
    /// Where time runs, if it does.
    pub clock: Option<Clock>,
    /// Where a cursor stops, if no time runs and there is something to be said.
    pub stops: Option<Stops>,
    pub table: Table,
}

/// Time runs from left to right; under a cursor stand the lines of the report's series with these numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    pub left: f64,
    pub right: f64,
    pub to_s: f64,
    pub lines: Vec<usize>,
}

/// Places from left to right, each with what stands there, and how far up and down a cursor goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Stops {
    pub top: f64,
    pub bottom: f64,
    pub at: Vec<(f64, String)>,
}

/// The figures of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// One thing that is drawn; later ones lie above.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub shape: Shape,
    pub ink: Ink,
    /// The series it belongs to, which a reader may hide.
    pub series: Option<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Line {
        points: Vec<(f64, f64)>,
        width: f64,
        dashed: bool,
    },
    /// Filled, so lightly that lines below stay visible.
    Band(Vec<(f64, f64)>),
    Solid(Vec<(f64, f64)>),
    /// Filled boxes of one colour: left, top, width, height.
    Boxes(Vec<[f64; 4]>),
    Text(Text),
    /// What belongs together.
    Group {
        role: Role,
        marks: Vec<Mark>,
    },
}

/// What a group of marks is to the reader of a page; in a file it is nothing special.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// It leads to a place of the same page.
    Link(String),
    /// What lies in the plane of a chart over time (left, top, width, height): cut at its edges, and drawn out sideways
    /// for who looks closer.
    Plane([f64; 4]),
    /// It is right only as long as the whole time is shown: ticks, and names of what happened.
    Whole,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub at: (f64, f64),
    pub text: String,
    pub size: f64,
    pub anchor: Anchor,
    pub bold: bool,
    /// Kept free of what lies below it.
    pub halo: bool,
}

/// Which part of a text stands at its place; vertically it is always the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Chart {
    /// An empty one.
    pub fn new(id: &str, title: &str, size: (f64, f64)) -> Chart {
        Chart { id: id.to_owned(), title: title.to_owned(), width: size.0, height: size.1, ..Chart::default() }
    }

    /// A line through points; one of a single point is a short dash.
    pub fn line(&mut self, points: Vec<(f64, f64)>, width: f64, ink: Ink, series: Option<u8>) {
        let points = if let [(x, y)] = points[..] { vec![(x - 1.5, y), (x + 1.5, y)] } else { points };
        if !points.is_empty() {
            self.marks.push(Mark { shape: Shape::Line { points, width, dashed: false }, ink, series });
        }
    }

    /// The same in dashes.
    pub fn dashes(&mut self, points: Vec<(f64, f64)>, ink: Ink) {
        self.marks.push(Mark { shape: Shape::Line { points, width: 1.25, dashed: true }, ink, series: None });
    }

    /// The space between two lines that run from left to right.
    pub fn band(&mut self, upper: &[(f64, f64)], lower: &[(f64, f64)], ink: Ink, series: Option<u8>) {
        if 1 < upper.len() {
            let outline = upper.iter().chain(lower.iter().rev()).copied().collect();
            self.marks.push(Mark { shape: Shape::Band(outline), ink, series });
        }
    }

    /// A filled box: left, top, width, height.
    pub fn fill(&mut self, place: [f64; 4], ink: Ink) {
        self.marks.push(Mark { shape: Shape::Boxes(vec![place]), ink, series: None });
    }

    /// Small words over lines, which make way for them.
    pub fn label(&mut self, at: (f64, f64), text: &str, anchor: Anchor, ink: Ink) {
        let mut mark = words(at, text, anchor, ink);
        if let Shape::Text(text) = &mut mark.shape {
            text.halo = true;
        }
        self.marks.push(mark);
    }

    /// Makes one group of all marks from a number on.
    pub fn group(&mut self, from: usize, role: Role) {
        let marks = self.marks.split_off(from);
        if !marks.is_empty() {
            self.marks.push(Mark { shape: Shape::Group { role, marks }, ink: Ink::Text, series: None });
        }
    }

    /// Small words.
    pub fn say(&mut self, at: (f64, f64), text: &str, anchor: Anchor, ink: Ink) {
        self.marks.push(words(at, text, anchor, ink));
    }
}

/// Small words as a mark.
pub fn words(at: (f64, f64), text: &str, anchor: Anchor, ink: Ink) -> Mark {
    let text = Text { at, text: text.to_owned(), size: SMALL, anchor, bold: false, halo: false };
    Mark { shape: Shape::Text(text), ink, series: None }
}

/// How wide a text is, about: fonts differ, so this is what a wide one needs.
pub fn text_width(text: &str, size: f64) -> f64 {
    let of = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' => 0.32,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | ' ' | '-' | '·' => 0.4,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '→' => 0.95,
        'A'..='Z' => 0.7,
        _ => 0.62,
    };
    text.chars().map(of).sum::<f64>() * size
}

/// As much of a text as fits.
pub fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while !short.is_empty() && width < text_width(&short, size) + size {
        short.pop();
    }
    format!("{}…", short.trim_end())
}

/// Everything that is drawn of a run, in the order of the page.
pub fn of_run(report: &Report) -> Vec<Chart> {
    let series = &report.pictures.series;
    let mut charts = vec![graph::architecture(report)];
    charts.extend(latency::percentiles(report));
    charts.extend(histogram::histogram(report));
    charts.extend(heat::latency_over_time(report));
    charts.extend(time::all(series, &report.pictures.events));
    charts.extend(time::decisions(report));
    charts.extend(bars::utilisation(report));
    charts.extend(bars::time_goes(report));
    charts.extend(bars::cost(report));
    charts.extend(waterfall::slowest(report));
    charts
}
