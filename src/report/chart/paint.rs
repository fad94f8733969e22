//! Charts as files, by plotters: SVG and PNG from one drawing function, on white paper, readable in a slide.
//!
//! Plotters' places are whole numbers, so it draws on a plane that is several times as fine: in an SVG the finer plane is
//! what the file is scaled from, in a PNG the mean of so many points is one of the picture, which makes slopes smooth. Two
//! small fonts are part of the program, so the same bytes come out on every machine and no font needs to be installed.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Polygon, Rectangle, Text as Words};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

use crate::report::chart::ink::Ink;
use crate::report::chart::svg::escaped;
use crate::report::chart::{Anchor, Chart, Mark, SMALL, Shape, Text, text_width};

/// Points of plotters' plane in one of an SVG.
const FINE: f64 = 10.0;
/// Above the picture stand its title and the legend: the letters of the title, and the height of a line of each.
const TITLE: f64 = 17.0;
const HEAD: f64 = 22.0;
const LEGEND: f64 = 20.0;
/// Between the lines of the head and what follows.
const GAP: f64 = 12.0;
/// A key of the legend before its name, and what is free after it.
const KEY: f64 = 16.0;
const AFTER: f64 = 18.0;
/// Space on all sides.
const MARGIN: f64 = 16.0;
/// Dashes and gaps of a dashed line.
const DASH: (f64, f64) = (5.0, 4.0);

/// Plotters makes letters by so much smaller than they are asked for.
const POINTS: f64 = 1.24;

/// How lightly a band is filled.
const BAND: f64 = 0.16;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The chart as an SVG file.
///
/// # Errors
/// What plotters could not do.
pub fn svg(chart: &Chart) -> Result<String, Failed> {
    fonts();
    let chart = &whole(chart);
    let size = (round(chart.width * FINE) as u32, round(chart.height * FINE) as u32);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        paint(&area, chart, FINE)?;
        area.present().map_err(told)?;
    }
    let fine = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let shown = format!("width=\"{}\" height=\"{}\"", round(chart.width), round(chart.height));
    let text = text.replacen(&fine, &shown, 1);
    let head = text.find("<svg").and_then(|at| Some(at + text[at..].find('>')? + 1)).unwrap_or(0);
    let said = format!("<title>{}</title>\n<desc>{}</desc>", escaped(&chart.title), escaped(&chart.about));
    Ok(format!("{}\n{said}{}\n", &text[..head], text[head..].trim_end()))
}

/// The chart as a PNG file of twice its size, for screens with fine points.
///
/// # Errors
/// What plotters or the encoder could not do.
#[cfg(feature = "png")]
pub fn png(chart: &Chart) -> Result<Vec<u8>, Failed> {
    /// Points of the picture in one of the chart, and of plotters' plane in one of the picture.
    const SHOWN: usize = 2;
    const FINER: usize = 3;
    fonts();
    let chart = &whole(chart);
    let (width, height) = (round(chart.width) as usize * SHOWN, round(chart.height) as usize * SHOWN);
    let mut fine = vec![0xff; width * height * FINER * FINER * 3];
    {
        let size = ((width * FINER) as u32, (height * FINER) as u32);
        let area = plotters::backend::BitMapBackend::with_buffer(&mut fine, size).into_drawing_area();
        paint(&area, chart, (SHOWN * FINER) as f64)?;
        area.present().map_err(told)?;
    }
    let mut shown = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width * 3 {
            let (column, part) = (x / 3 * FINER, x % 3);
            let row = |dy: usize| ((y * FINER + dy) * width * FINER + column) * 3 + part;
            let sum: usize = (0..FINER)
                .flat_map(|dy| (0..FINER).map(move |dx| (dy, dx)))
                .map(|(dy, dx)| usize::from(fine[row(dy) + dx * 3]))
                .sum();
            shown.push((sum / (FINER * FINER)) as u8);
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&shown)?;
    writer.finish()?;
    Ok(file)
}

/// The fonts are known to plotters from here on; without `png` widths are only guessed, and none is needed.
fn fonts() {
    #[cfg(feature = "png")]
    {
        use std::sync::Once;
        static KNOWN: Once = Once::new();
        KNOWN.call_once(|| {
            let faces: [(FontStyle, &'static [u8]); 2] = [
                (FontStyle::Normal, include_bytes!("dejavu-sans.ttf")),
                (FontStyle::Bold, include_bytes!("dejavu-sans-bold.ttf")),
            ];
            for (style, face) in faces {
                let known = plotters::style::register_font("sans-serif", style, face).is_ok();
                debug_assert!(known, "the fonts of the program are fonts");
            }
        });
    }
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by value")]
fn told<E: std::error::Error + Send + Sync>(error: plotters::drawing::DrawingAreaErrorKind<E>) -> Failed {
    error.to_string().into()
}

fn round(value: f64) -> f64 {
    value.round()
}

/// How wide a text becomes in the fonts of the program; without them it is guessed.
fn wide(text: &str, size: f64, is_bold: bool) -> f64 {
    #[cfg(feature = "png")]
    {
        /// Plotters measures in whole numbers.
        const FINE: f64 = 16.0;
        fonts();
        let style = if is_bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = ("sans-serif", size * POINTS * FINE).into_font().style(style);
        if let Ok(((left, _), (right, _))) = font.layout_box(text) {
            return f64::from(right - left) / FINE;
        }
    }
    text_width(text, size) * if is_bold { 1.1 } else { 1.0 }
}

/// Things of some widths side by side, in as many lines as it takes: for each its left end and its line.
fn flowed(widths: &[f64], room: f64) -> Vec<(f64, usize)> {
    let (mut left, mut line) = (0.0, 0);
    let place = |width: &f64| {
        if 0.0 < left && room < left + width {
            (left, line) = (0.0, line + 1);
        }
        let at = (left, line);
        left += width;
        at
    };
    widths.iter().map(place).collect()
}

/// As much of a text as there is room for.
fn cut(text: &str, size: f64, room: f64) -> String {
    let ends = text.char_indices().rev().map(|(end, _)| format!("{}…", text[..end].trim_end()));
    std::iter::once(text.to_owned()).chain(ends).find(|text| wide(text, size, false) <= room).unwrap_or_default()
}

/// The chart with its title and legend, and space around it.
fn whole(chart: &Chart) -> Chart {
    let words: Vec<&str> = chart.title.split(' ').collect();
    let widths: Vec<f64> = words.iter().map(|word| wide(&format!("{word} "), TITLE, true)).collect();
    let titles = flowed(&widths, chart.width);
    let names: Vec<(String, u8)> =
        chart.legend.iter().map(|(name, n)| (cut(name, SMALL, chart.width - KEY), *n)).collect();
    let keys: Vec<f64> = names.iter().map(|(name, _)| KEY + wide(name, SMALL, false)).collect();
    // What is free after the last of a line needs no room.
    let legend = flowed(&keys.iter().map(|width| width + AFTER).collect::<Vec<_>>(), chart.width + AFTER);
    let lines = |flowed: &[(f64, usize)]| flowed.last().map_or(0.0, |(_, line)| (line + 1) as f64);
    let below = MARGIN + lines(&titles) * HEAD;
    let head = below + GAP + lines(&legend) * LEGEND;
    let mut whole = Chart::new(&chart.id, &chart.title, (chart.width + 2.0 * MARGIN, chart.height + head + MARGIN));
    chart.about.clone_into(&mut whole.about);
    for line in 0..=titles.last().map_or(0, |(_, line)| *line) {
        let words = words.iter().zip(&titles).filter(|(_, (_, of))| *of == line).map(|(word, _)| *word);
        let at = (MARGIN, MARGIN + 9.0 + line as f64 * HEAD);
        let text = words.collect::<Vec<_>>().join(" ");
        let text = Text { at, text, size: TITLE, anchor: Anchor::Start, bold: true, halo: false };
        whole.marks.push(Mark { shape: Shape::Text(text), ink: Ink::Text, series: None });
    }
    for ((name, series), (left, line)) in names.iter().zip(legend) {
        let (x, y) = (MARGIN + left, below + GAP / 2.0 + (line as f64 + 0.5) * LEGEND);
        whole.fill([x, y - 5.0, 10.0, 10.0], Ink::Series(*series));
        whole.say((x + KEY, y), name, Anchor::Start, Ink::Text);
    }
    whole.marks.extend(chart.marks.iter().map(|mark| moved(mark, (MARGIN, head))));
    whole
}

fn moved(mark: &Mark, (dx, dy): (f64, f64)) -> Mark {
    let each = |points: &[(f64, f64)]| points.iter().map(|(x, y)| (x + dx, y + dy)).collect();
    let shape = match &mark.shape {
        Shape::Line { points, width, dashed } => Shape::Line { points: each(points), width: *width, dashed: *dashed },
        Shape::Band(points) => Shape::Band(each(points)),
        Shape::Solid(points) => Shape::Solid(each(points)),
        Shape::Boxes(boxes) => Shape::Boxes(boxes.iter().map(|[x, y, w, h]| [x + dx, y + dy, *w, *h]).collect()),
        Shape::Text(text) => Shape::Text(Text { at: (text.at.0 + dx, text.at.1 + dy), ..text.clone() }),
        Shape::Group { role, marks } => {
            Shape::Group { role: role.clone(), marks: marks.iter().map(|mark| moved(mark, (dx, dy))).collect() }
        }
    };
    Mark { shape, ink: mark.ink, series: mark.series }
}

/// The drawing function: everything on whatever backend, so many times as large.
fn paint<B: DrawingBackend>(area: &DrawingArea<B, Shift>, chart: &Chart, scale: f64) -> Result<(), Failed>
where
    B::ErrorType: 'static,
{
    area.fill(&colour(Ink::Paper)).map_err(told)?;
    chart.marks.iter().try_for_each(|mark| draw(area, mark, scale))
}

fn colour(ink: Ink) -> RGBColor {
    let [_, red, green, blue] = ink.colour(false).to_be_bytes();
    RGBColor(red, green, blue)
}

fn draw<B: DrawingBackend>(area: &DrawingArea<B, Shift>, mark: &Mark, scale: f64) -> Result<(), Failed>
where
    B::ErrorType: 'static,
{
    let at = |(x, y): &(f64, f64)| (round(x * scale) as i32, round(y * scale) as i32);
    let ink = colour(mark.ink);
    let solid = ShapeStyle { color: ink.to_rgba(), filled: true, stroke_width: 0 };
    let polygon = |points: &[(f64, f64)], style: ShapeStyle| {
        area.draw(&Polygon::new(points.iter().map(at).collect::<Vec<_>>(), style)).map_err(told)
    };
    match &mark.shape {
        Shape::Line { points, width, dashed } => {
            let style = ShapeStyle { color: ink.to_rgba(), filled: false, stroke_width: round(width * scale) as u32 };
            let pieces = if *dashed { dashes(points) } else { vec![points.clone()] };
            let mut lines =
                pieces.iter().map(|piece| PathElement::new(piece.iter().map(at).collect::<Vec<_>>(), style));
            lines.try_for_each(|line| area.draw(&line).map_err(told))
        }
        Shape::Band(points) => polygon(points, ShapeStyle { color: ink.mix(BAND), ..solid }),
        Shape::Solid(points) => polygon(points, solid),
        Shape::Boxes(boxes) => boxes.iter().try_for_each(|[x, y, w, h]| {
            let corners = [at(&(*x, *y)), at(&(x + w, y + h))];
            area.draw(&Rectangle::new(corners, solid)).map_err(told)
        }),
        Shape::Text(text) => draw_text(area, text, ink, scale),
        Shape::Group { marks, .. } => marks.iter().try_for_each(|mark| draw(area, mark, scale)),
    }
}

fn draw_text<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &Text,
    ink: RGBColor,
    scale: f64,
) -> Result<(), Failed>
where
    B::ErrorType: 'static,
{
    let at = |x: f64, y: f64| (round(x * scale) as i32, round(y * scale) as i32);
    let ((x, y), width) = (text.at, wide(&text.text, text.size, text.bold));
    let (anchor, left) = match text.anchor {
        Anchor::Start => (HPos::Left, x),
        Anchor::Middle => (HPos::Center, x - width / 2.0),
        Anchor::End => (HPos::Right, x - width),
    };
    if text.halo {
        let half = text.size / 2.0;
        let paper = ShapeStyle { color: colour(Ink::Paper).to_rgba(), filled: true, stroke_width: 0 };
        area.draw(&Rectangle::new([at(left, y - half), at(left + width, y + half)], paper)).map_err(told)?;
    }
    let style = if text.bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = ("sans-serif", text.size * POINTS * scale).into_font().style(style);
    let style = TextStyle::from(font).color(&ink).pos(Pos::new(anchor, VPos::Center));
    area.draw(&Words::new(text.text.clone(), at(x, y), style)).map_err(told)
}

/// A line in pieces with gaps between them.
fn dashes(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let (mut left, mut on) = (DASH.0, true);
    for pair in points.windows(2) {
        let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let length = (dx * dx + dy * dy).sqrt();
        let mut done = 0.0;
        while done < length {
            let step = left.min(length - done);
            let point = |along: f64| (pair[0].0 + dx * along / length, pair[0].1 + dy * along / length);
            if on {
                pieces.push(vec![point(done), point(done + step)]);
            }
            done += step;
            left -= step;
            if left <= 1e-9 {
                on = !on;
                left = if on { DASH.0 } else { DASH.1 };
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of a legend of stage 9 and beyond: none leaves the picture, however many there are and however long.
    #[test]
    fn legends_and_titles_go_on_in_the_next_line() {
        let mut chart = Chart::new("a", &"99th percentile over web.instances ".repeat(4), (720.0, 200.0));
        chart.legend = (0..8).map(|n| (format!("notifications-{n} cores"), n)).collect();
        chart.legend.push(("a name that is longer than its picture ".repeat(5), 1));
        let whole = whole(&chart);
        let mut lines = std::collections::BTreeSet::new();
        for mark in &whole.marks {
            let Shape::Text(text) = &mark.shape else { continue };
            let right = text.at.0 + wide(&text.text, text.size, text.bold);
            assert!(right <= whole.width - MARGIN + 0.5, "{} ends at {right}", text.text);
            lines.insert((text.at.1 * 10.0) as i64);
        }
        assert!(4 < lines.len(), "{lines:?}");
        assert!(chart.height + 2.0 * (MARGIN + HEAD + LEGEND) + GAP < whole.height, "{}", whole.height);
    }

    /// Advances of `DejaVu Sans` in parts of 2048 of its size: `i` 569, `W` 2025, digits 1303. In a PNG plotters makes letters a
    /// little larger than asked for, in an SVG not; the greater counts.
    #[cfg(feature = "png")]
    #[test]
    fn widths_are_those_of_the_font() {
        for (text, advance) in [("i", 569.0), ("W", 2025.0), ("00", 2606.0)] {
            let found = wide(text, 100.0, false);
            let whole = 100.0 * advance / 2048.0;
            assert!(whole <= found && found < 1.08 * whole, "{text}: {found} or {whole}");
        }
    }

    #[test]
    fn dashes_go_round_corners_and_leave_gaps() {
        let pieces = dashes(&[(0.0, 0.0), (7.0, 0.0), (7.0, 5.0)]);
        assert_eq!(pieces, [vec![(0.0, 0.0), (5.0, 0.0)], vec![(7.0, 2.0), (7.0, 5.0)]]);
    }
}
