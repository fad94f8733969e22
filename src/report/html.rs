//! One file for people: a page that opens from a disk, an e-mail or a CI run, for ever.
//!
//! A page is a head and sections; a section is written with the few functions here, so every kind of report looks alike.
//! The policy of the page lets nothing in from outside and runs only the one script and the one style whose hashes it names;
//! what people wrote is text wherever it stands. All pictures are whole without the script, which adds the cursor, the
//! toggles and the copying. No clock, no chance: the same report gives the same bytes.

pub mod run;
pub mod study;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::report::Verdict;
use crate::report::chart::ink::Ink;
use crate::report::chart::svg::{element, escaped, number};
use crate::report::chart::{Chart, Table};

const SCRIPT: &str = include_str!("html/page.js");
const STYLE: &str = include_str!("html/page.css");
/// A chart wider than this may be scrolled on a small screen rather than be shrunk beyond reading.
const LARGE: f64 = 400.0;
const LARGER: f64 = 900.0;
/// Words of a cell that may be broken into lines; shorter ones stay together.
const LONG: usize = 44;
/// Why writing to a string cannot fail.
const TAKES: &str = "a string takes all";

/// A page while it is put together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub title: String,
    /// Below the title: verdict, figures.
    pub head: String,
    pub sections: Vec<Section>,
    /// What the script reads, and what can be saved.
    pub data: Value,
}

/// A part of a page with a name in its table of contents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    pub id: &'static str,
    pub title: String,
    pub body: String,
}

impl Section {
    /// Nothing, if there is nothing to say.
    pub fn new(id: &'static str, title: &str, body: String) -> Option<Section> {
        (!body.is_empty()).then(|| Section { id, title: title.to_owned(), body })
    }
}

impl Page {
    /// The whole file.
    pub fn render(&self) -> String {
        let title = escaped(&self.title);
        let style = style();
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
            hash(SCRIPT),
            hash(&style)
        );
        let mut links = String::new();
        let mut body = String::new();
        for Section { id, title, body: text } in &self.sections {
            let title = escaped(title);
            write!(links, "<a href=\"#{id}\">{title}</a>").expect(TAKES);
            write!(
                body,
                "<section id=\"{id}\" aria-labelledby=\"{id}-h\"><h2 id=\"{id}-h\">{title}</h2>\n{text}</section>\n"
            )
            .expect(TAKES);
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"plimsoll\">\n\
             <title>{title}</title>\n<style>{}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n\
             <header><h1>{title}</h1>\n{}</header>\n<nav aria-label=\"Sections\">{links}</nav>\n<main id=\"main\">\n{body}</main>\n\
             <script type=\"application/json\" id=\"report\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            style,
            self.head,
            data(&self.data)
        )
    }
}

/// The style with the colours of both papers.
fn style() -> String {
    let variables = |dark: bool| -> String {
        let ink = |ink: Ink| format!("--{}:#{:06x}", ink.class(), ink.colour(dark));
        Ink::all().map(ink).collect::<Vec<_>>().join(";")
    };
    let mut classes = String::new();
    for ink in Ink::all() {
        let class = ink.class();
        writeln!(classes, "svg .f-{class}{{fill:var(--{class})}}svg .i-{class}{{stroke:var(--{class})}}").expect(TAKES);
        if let Ink::Series(number) = ink {
            writeln!(classes, ".c{number}{{color:var(--{class})}}").expect(TAKES);
        }
    }
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n{STYLE}{classes}",
        variables(false),
        variables(true)
    )
}

/// A text as the policy names it: `sha256-` and the hash in base 64.
fn hash(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut named = "sha256-".to_owned();
    for three in Sha256::digest(text.as_bytes()).chunks(3) {
        let bits = three.iter().chain([&0, &0]).take(3).fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        for letter in 0..4 {
            let is_there = letter <= three.len();
            let index = (bits >> (18 - 6 * letter) & 63) as usize;
            named.push(if is_there { char::from(LETTERS[index]) } else { '=' });
        }
    }
    named
}

/// JSON that cannot end the element it stands in.
fn data(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// A chart with its words, its legend and its figures.
pub fn figure(chart: &Chart) -> String {
    let id = escaped(&chart.id);
    let mut text = format!(
        "<figure id=\"f-{id}\"><figcaption>{}</figcaption><p>{}</p>",
        escaped(&chart.title),
        escaped(&chart.about)
    );
    // A line over time may be of one thing only, and then that has to be said.
    let title = chart.title.to_lowercase();
    let is_told = |(name, _): &(String, u8)| chart.clock.is_none() || title.contains(&name.to_lowercase());
    if 1 < chart.legend.len() || !chart.legend.iter().all(is_told) {
        text.push_str("<ul class=\"legend\">");
        for (name, series) in &chart.legend {
            write!(
                text,
                "<li><button type=\"button\" aria-pressed=\"true\" data-series=\"{series}\"><i class=\"c{series}\"></i>{}</button></li>",
                escaped(name)
            )
            .expect(TAKES);
        }
        text.push_str("</ul>");
    }
    let clock = chart.clock.as_ref().map_or_else(String::new, |clock| {
        let lines: Vec<String> = clock.lines.iter().map(ToString::to_string).collect();
        let (left, right, to) = (number(clock.left), number(clock.right), clock.to_s);
        format!(" data-clock=\"{left} {right} {to}\" data-lines=\"{}\"", lines.join(" "))
    });
    let stops = chart.stops.as_ref().map_or_else(String::new, |stops| {
        let line = |(x, said): &(f64, String)| format!("\n{} {}", number(*x), escaped(said));
        let ends = format!("{} {}", number(stops.top), number(stops.bottom));
        format!(" data-stops=\"{ends}{}\"", stops.at.iter().map(line).collect::<String>())
    });
    let label = format!("aria-label=\"{}\"", escaped(&chart.title));
    let svg = element(chart);
    let class = match chart.width {
        width if width < LARGE => "",
        width if width < LARGER => "large",
        _ => "larger",
    };
    let svg = if class.is_empty() { svg } else { svg.replacen("<svg", &format!("<svg class=\"{class}\""), 1) };
    write!(text, "<div class=\"plot\" tabindex=\"0\" role=\"group\" {label}{clock}{stops}>{svg}</div>").expect(TAKES);
    if chart.clock.is_some() {
        text.push_str(
            "<output class=\"readout\"></output><button type=\"button\" class=\"copy all\" hidden>show all of the time</button>",
        );
    }
    if chart.stops.is_some() {
        text.push_str("<output class=\"readout\"></output>");
    }
    if !chart.table.rows.is_empty() {
        write!(text, "<details><summary>Figures</summary>{}</details>", table(&chart.table)).expect(TAKES);
    }
    text.push_str("</figure>\n");
    text
}

/// A table; cells that begin with a digit or a sign are figures and stand to the right.
pub fn table(table: &Table) -> String {
    let is_figure = |column: usize| {
        let shown = table.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty() && *cell != "–");
        let mut shown = shown.peekable();
        0 < column && shown.peek().is_some() && shown.all(|cell| starts_as_figure(cell))
    };
    let figures: Vec<bool> = (0..table.head.len()).map(is_figure).collect();
    let class = |column: usize| if figures.get(column) == Some(&true) { " class=\"n\"" } else { "" };
    let mut text = "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>".to_owned();
    for (column, head) in table.head.iter().enumerate() {
        // A head without words is none to those who listen.
        let (open, close) = if head.is_empty() { ("<td", "td") } else { ("<th scope=\"col\"", "th") };
        write!(text, "{open}{}>{}</{close}>", class(column), escaped(head)).expect(TAKES);
    }
    text.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        text.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let class = if LONG < cell.chars().count() { " class=\"long\"" } else { class(column) };
            write!(text, "<td{class}>{}</td>", escaped(cell)).expect(TAKES);
        }
        text.push_str("</tr>");
    }
    text.push_str("</tbody></table></div>\n");
    text
}

/// Digits and their unit, as in `$1,200/month` or `31.5 ms ±2%`, and no name that begins with a digit.
fn starts_as_figure(cell: &str) -> bool {
    let cell = cell.trim_start_matches(['<', '>', '±', '+', '−', '-', '$']);
    let first = cell.split([' ', '\u{a0}']).next().unwrap_or_default();
    let unit = first.trim_start_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
    unit.len() < first.len() && unit.chars().all(|c| c.is_alphabetic() || "%/°".contains(c))
}

/// Head and rows from words.
pub fn rows<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> Table {
    Table { head: head.map(str::to_owned).to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
}

/// A figure in large letters with its name above and a remark below.
pub fn tile(name: &str, figure: &str, remark: &str) -> String {
    let remark = if remark.is_empty() { String::new() } else { format!("<small>{}</small>", escaped(remark)) };
    format!("<div><dt>{}</dt><dd>{}{remark}</dd></div>", escaped(name), escaped(figure))
}

/// A verdict with its mark, so that it is read without colour.
pub fn verdict(verdict: Verdict, words: &str) -> String {
    let (class, mark) = judged(verdict);
    format!("<p class=\"verdict {class}\">{mark} {}</p>", escaped(words))
}

/// Class and mark of a verdict.
pub fn judged(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Meets => ("good", "✓"),
        Verdict::Misses => ("bad", "✗"),
        Verdict::Undecided => ("unsure", "?"),
        Verdict::None => ("faint", "·"),
    }
}

/// A sentence or more.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escaped(text))
}

/// Something to look at only if wanted.
pub fn folded(id: &str, title: &str, body: &str) -> String {
    let id = if id.is_empty() { String::new() } else { format!(" id=\"{}\"", escaped(id)) };
    format!("<details class=\"part\"{id}><summary>{}</summary>{body}</details>\n", escaped(title))
}

/// Text as it was written, with a button that copies it.
pub fn listing(id: &str, text: &str) -> String {
    format!(
        "<pre id=\"{id}\" tabindex=\"0\">{}</pre><button type=\"button\" class=\"copy\" data-copy=\"{id}\" hidden>copy</button>\n",
        escaped(text)
    )
}

/// Charts beside each other where there is room.
pub fn pair(charts: &[&Chart]) -> String {
    if charts.is_empty() {
        return String::new();
    }
    format!("<div class=\"pair\">{}</div>\n", charts.iter().map(|chart| figure(chart)).collect::<String>())
}
