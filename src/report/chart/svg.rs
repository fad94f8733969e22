//! A chart in a page: SVG whose colours are classes, so that the page's style decides about light, dark and print.

use std::fmt::Write as _;

use crate::report::chart::{Anchor, Chart, Mark, Role, Shape, Text};

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
        role = if chart.marks.iter().any(|mark| matches!(mark.shape, Shape::Group { role: Role::Link(_), .. })) { "group" } else { "img" },
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
                // Rounded at both ends, so that neighbours meet.
                let between = |from: f64, long: f64| number(tenths(from + long) - tenths(from));
                let [x, y, w, h] = [number(*x), number(*y), between(*x, *w), between(*y, *h)];
                write!(text, "M{x} {y}h{w}v{h}h-{w}z").expect(TAKES);
            }
            text.push_str("\"/>");
        }
        Shape::Text(words) => draw_text(text, words, &ink),
        Shape::Group { role, marks } => {
            let close = open(text, role);
            for mark in marks {
                draw(text, mark);
            }
            text.push_str(close);
        }
    }
}

/// Begins a group and tells how it ends.
fn open(text: &mut String, role: &Role) -> &'static str {
    match role {
        Role::Link(to) => {
            write!(text, "<a href=\"#{}\">", escaped(to)).expect(TAKES);
            "</a>"
        }
        Role::Plane(place) => {
            let [x, y, w, h] = place.map(number);
            write!(
                text,
                "<svg class=\"plane\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\" \
                 preserveAspectRatio=\"none\">"
            )
            .expect(TAKES);
            "</svg>"
        }
        Role::Whole => {
            text.push_str("<g class=\"whole\">");
            "</g>"
        }
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
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
    let halo = if words.halo { " halo" } else { "" };
    write!(
        text,
        "<text class=\"f-{ink}{halo}\" x=\"{x}\" y=\"{y}\"{anchor}{bold}{size}>{}</text>",
        escaped(&words.text)
    )
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
    fn nothing_of_the_authors_is_markup() {
        assert_eq!(escaped("a<b> & \"c\"\u{1}"), "a&lt;b&gt; &amp; &quot;c&quot; ");
    }

    #[test]
    fn names_stay_text_and_paths_are_short() {
        let mut chart = Chart::new("a", "<script>", (10.0, 20.0));
        chart.line(vec![(0.0, 1.0), (0.0, 2.0), (3.04, 2.0), (4.0, 5.26)], 1.0, Ink::Series(2), Some(2));
        let text = element(&chart);
        assert!(text.contains("&lt;script&gt;") && !text.contains("<script>"), "{text}");
        assert!(text.contains("class=\"i-s2 x2\" d=\"M0 1V2H3L4 5.3\""), "{text}");
    }

    #[test]
    fn neighbours_meet_though_figures_are_rounded() {
        let mut chart = Chart::new("a", "b", (10.0, 20.0));
        let boxes = vec![[0.04, 0.0, 1.04, 1.0], [1.08, 0.0, 1.04, 1.0], [2.12, 0.0, 1.04, 1.0]];
        chart.marks.push(Mark { shape: Shape::Boxes(boxes), ink: Ink::Text, series: None });
        let text = element(&chart);
        assert!(text.contains("M0 0h1.1v1h-1.1zM1.1 0h1v1h-1zM2.1 0h1.1v1h-1.1z"), "{text}");
    }
}
