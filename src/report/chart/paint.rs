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
/// Above the picture stand its title and the legend.
const HEAD: f64 = 34.0;
const LEGEND: f64 = 22.0;
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
    let chart = whole(chart);
    let size = (round(chart.width * FINE) as u32, round(chart.height * FINE) as u32);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        paint(&area, &chart, FINE)?;
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
    let chart = whole(chart);
    let (width, height) = (round(chart.width) as usize * SHOWN, round(chart.height) as usize * SHOWN);
    let mut fine = vec![0xff; width * height * FINER * FINER * 3];
    {
        let size = ((width * FINER) as u32, (height * FINER) as u32);
        let area = plotters::backend::BitMapBackend::with_buffer(&mut fine, size).into_drawing_area();
        paint(&area, &chart, (SHOWN * FINER) as f64)?;
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

/// The chart with its title and legend, and space around it.
fn whole(chart: &Chart) -> Chart {
    let head = MARGIN + HEAD + if chart.legend.is_empty() { 0.0 } else { LEGEND };
    let mut whole = Chart::new(&chart.id, &chart.title, (chart.width + 2.0 * MARGIN, chart.height + head + MARGIN));
    chart.about.clone_into(&mut whole.about);
    let title = Text {
        at: (MARGIN, MARGIN + 9.0),
        text: chart.title.clone(),
        size: 17.0,
        anchor: Anchor::Start,
        bold: true,
        halo: false,
    };
    whole.marks.push(Mark { shape: Shape::Text(title), ink: Ink::Text, series: None });
    let mut left = MARGIN;
    for (name, series) in &chart.legend {
        let y = MARGIN + HEAD + 3.0;
        whole.fill([left, y - 5.0, 10.0, 10.0], Ink::Series(*series));
        whole.say((left + 16.0, y), name, Anchor::Start, Ink::Text);
        left += 16.0 + text_width(name, SMALL) + 18.0;
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
    let ((x, y), wide) = (text.at, text_width(&text.text, text.size));
    let (anchor, left) = match text.anchor {
        Anchor::Start => (HPos::Left, x),
        Anchor::Middle => (HPos::Center, x - wide / 2.0),
        Anchor::End => (HPos::Right, x - wide),
    };
    if text.halo {
        let half = text.size / 2.0;
        let paper = ShapeStyle { color: colour(Ink::Paper).to_rgba(), filled: true, stroke_width: 0 };
        area.draw(&Rectangle::new([at(left, y - half), at(left + wide, y + half)], paper)).map_err(told)?;
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
    use super::dashes;

    #[test]
    fn dashes_go_round_corners_and_leave_gaps() {
        let pieces = dashes(&[(0.0, 0.0), (7.0, 0.0), (7.0, 5.0)]);
        assert_eq!(pieces, [vec![(0.0, 0.0), (5.0, 0.0)], vec![(7.0, 2.0), (7.0, 5.0)]]);
    }
}
