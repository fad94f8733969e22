//! A chart in a page: SVG whose colours are classes, so that the page's style decides about light, dark and print.

use std::fmt::Write as _;

use crate::report::chart::{Anchor, Chart, Mark, Shape, Text};

/// A page has more room than a slide, so there a chart is larger, and its letters are as large as the page's.
const SHOWN: f64 = 1.25;
/// Why writing to a string cannot fail.
const TAKES: &str = "a string takes all";

/// The element, with title and description for readers who listen.
pub fn element(chart: &Chart) -> String {
    let mut text = String::new();
    let id = escaped(&chart.id);
    write!(
        text,
        "<svg viewBox=\"0 0 {w} {h}\" width=\"{wide}\" height=\"{high}\" role=\"{role}\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{about}</desc>",
        w = number(chart.width),
        h = number(chart.height),
        wide = number(chart.width * SHOWN),
        high = number(chart.height * SHOWN),
        // What holds links is no picture to those who listen.
        role = if chart.marks.iter().any(|mark| matches!(mark.shape, Shape::Link { .. })) { "group" } else { "img" },
        title = escaped(&chart.title),
        about = escaped(&chart.about),
    )
    .expect(TAKES);
    chart.marks.iter().for_each(|mark| draw(&mut text, mark));
    text.push_str("</svg>");
    text
}

/// Text that is nothing but text to HTML and XML.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if letter.is_control() && letter != '\n' => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// One decimal at most.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn draw(text: &mut String, mark: &Mark) {
    let series = mark.series.map(|series| format!(" x{series}")).unwrap_or_default();
    let ink = mark.ink.class();
    match &mark.shape {
        Shape::Line { points, width, dashed } => {
            let dashed = if *dashed { " stroke-dasharray=\"5 4\"" } else { "" };
            let width = if *width == 1.0 { String::new() } else { format!(" stroke-width=\"{}\"", number(*width)) };
            write!(text, "<path class=\"i-{ink}{series}\"{width}{dashed} d=\"{}\"/>", path(points)).expect(TAKES);
        }
        Shape::Band(points) => {
            write!(text, "<path class=\"f-{ink} band{series}\" d=\"{}z\"/>", path(points)).expect(TAKES);
        }
        Shape::Solid(points) => {
            write!(text, "<path class=\"f-{ink}{series}\" d=\"{}z\"/>", path(points)).expect(TAKES);
        }
        Shape::Boxes(boxes) => {
            // Neighbours would show seams where their edges are smoothed.
            let crisp = if 1 < boxes.len() { " shape-rendering=\"crispEdges\"" } else { "" };
            write!(text, "<path class=\"f-{ink}{series}\"{crisp} d=\"").expect(TAKES);
            for [x, y, w, h] in boxes {
                let [x, y, w, h] = [*x, *y, *w, *h].map(number);
                write!(text, "M{x} {y}h{w}v{h}h-{w}z").expect(TAKES);
            }
            text.push_str("\"/>");
        }
        Shape::Text(words) => draw_text(text, words, &ink),
        Shape::Link { to, marks } => {
            write!(text, "<a href=\"#{}\">", escaped(to)).expect(TAKES);
            marks.iter().for_each(|mark| draw(text, mark));
            text.push_str("</a>");
        }
    }
}

fn draw_text(text: &mut String, words: &Text, ink: &str) {
    let anchor = match words.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let bold = if words.bold { " font-weight=\"600\"" } else { "" };
    let size = if words.size == crate::report::chart::SMALL {
        String::new()
    } else {
        format!(" font-size=\"{}\"", number(words.size))
    };
    // A third of the size below the middle is where letters without descenders stand.
    let (x, y) = (number(words.at.0), number(words.at.1 + words.size * 0.35));
    write!(text, "<text class=\"f-{ink}\" x=\"{x}\" y=\"{y}\"{anchor}{bold}{size}>{}</text>", escaped(&words.text))
        .expect(TAKES);
}

fn path(points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    let mut last = (String::new(), String::new());
    for (index, (x, y)) in points.iter().enumerate() {
        let (x, y) = (number(*x), number(*y));
        match (index, x == last.0, y == last.1) {
            (0, ..) => write!(text, "M{x} {y}"),
            (_, true, true) => Ok(()),
            (_, true, false) => write!(text, "V{y}"),
            (_, false, true) => write!(text, "H{x}"),
            _ => write!(text, "L{x} {y}"),
        }
        .expect(TAKES);
        last = (x, y);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::ink::Ink;

    #[test]
    fn names_stay_text_and_paths_are_short() {
        let mut chart = Chart::new("a", "<script>", (10.0, 20.0));
        chart.line(vec![(0.0, 1.0), (0.0, 2.0), (3.04, 2.0), (4.0, 5.26)], 1.0, Ink::Series(2), Some(2));
        let text = element(&chart);
        assert!(text.contains("&lt;script&gt;") && !text.contains("<script>"), "{text}");
        assert!(text.contains("class=\"i-s2 x2\" d=\"M0 1V2H3L4 5.3\""), "{text}");
    }
}
