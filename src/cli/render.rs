//! What is made of a report alone, whether it was just simulated or read from a file.

use std::path::Path;

use crate::cli::args::{Charts, Format, Kind};
use crate::cli::out::Out;
use crate::cli::{Stop, files};
use crate::report::chart::{self, Chart, paint};
use crate::report::saved::Saved;
use crate::report::terminal::{self, Look};
use crate::report::{Report, html, json, junit, markdown, trace};

/// A file of that kind; `None` for those that need what happened second by second.
pub(crate) fn of_report(report: &Report, kind: Kind) -> Option<String> {
    match kind {
        Kind::Json => Some(json::render(report)),
        Kind::Html => Some(html::run::page(report).render()),
        Kind::Markdown => Some(markdown::render(report)),
        Kind::Junit => Some(junit::render(report)),
        Kind::Chrome => Some(trace::chrome(report)),
        Kind::Otlp => Some(trace::otlp(report)),
        Kind::Csv | Kind::Requests | Kind::Hgrm => None,
    }
}

/// What goes to standard output; `None` for formats that need more than the report.
pub(crate) fn shown(report: &Report, format: Format, look: Look, quiet: u8) -> Option<String> {
    match format {
        Format::Json => of_report(report, Kind::Json),
        Format::Jsonl => Some(format!("{}\n", json::value(report))),
        Format::Markdown => of_report(report, Kind::Markdown),
        Format::Junit => of_report(report, Kind::Junit),
        Format::Human | Format::Plain if 1 < quiet => Some(String::new()),
        Format::Human | Format::Plain if quiet == 1 => Some(terminal::verdict_line(report, look)),
        Format::Plain => Some(anstream::adapter::strip_str(&terminal::render(report, look)).to_string()),
        Format::Human => Some(terminal::render(report, look)),
        Format::Csv | Format::Github => None,
    }
}

/// The page and the charts of a run.
pub(crate) fn pages(folder: &Path, report: &Report, charts: Charts, out: &mut Out) -> Result<(), Stop> {
    let page = html::run::page(report).render();
    files::write(&folder.join("report.html"), page.as_bytes(), out)?;
    self::charts(&folder.join("charts"), &chart::of_run(report), charts, out)
}

/// The page and the pictures of any document.
pub(crate) fn of_study(folder: &Path, saved: &Saved, charts: Charts, out: &mut Out) -> Result<(), Stop> {
    let page = saved.page().render();
    files::write(&folder.join(format!("{}.html", saved.name())), page.as_bytes(), out)?;
    self::charts(&folder.join("charts"), &saved.charts(), charts, out)
}

/// Charts as files, named after what they show.
pub(crate) fn charts(folder: &Path, charts: &[Chart], how: Charts, out: &mut Out) -> Result<(), Stop> {
    let wanted = |kind: Charts| how == kind || how == Charts::All;
    let mut drawn = Vec::new();
    for chart in charts {
        let cannot = |error| Stop::usage(format!("cannot draw {}: {error}", chart.id));
        if wanted(Charts::Svg) {
            drawn.push((format!("{}.svg", chart.id), paint::svg(chart).map_err(cannot)?.into_bytes()));
        }
        if wanted(Charts::Png) {
            drawn.push((format!("{}.png", chart.id), png(chart)?));
        }
    }
    if drawn.is_empty() { Ok(()) } else { files::write_all(folder, &drawn, out) }
}

#[cfg(feature = "png")]
fn png(chart: &Chart) -> Result<Vec<u8>, Stop> {
    paint::png(chart).map_err(|error| Stop::usage(format!("cannot draw {}: {error}", chart.id)))
}

#[cfg(not(feature = "png"))]
fn png(_: &Chart) -> Result<Vec<u8>, Stop> {
    Err(Stop::usage("this program was built without PNG; `--charts svg` draws the same"))
}
