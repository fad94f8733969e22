//! Single requests: what each waited for and worked at, from left to right.

use crate::report::chart::axis::{Frame, Scale, Unit};
use crate::report::chart::ink::{Ink, SERIES};
use crate::report::chart::{Anchor, Chart, Mark, SMALL, Shape, Table, WIDTH, fitted};
use crate::report::terminal::figures::spaced_time;
use crate::report::{Exemplar, ExemplarSpan, Report};

const NAMES: f64 = 170.0;
const ROW: f64 = 20.0;
/// Rows of a picture at most: the longest stretches; all of them are in the table up to `SPANS`.
const ROWS: usize = 24;
const SPANS: usize = 200;
/// Requests that are drawn.
const REQUESTS: usize = 6;

/// The slowest requests, one chart each.
pub fn slowest(report: &Report) -> Vec<Chart> {
    let shown = report.exemplars.iter().take(REQUESTS).enumerate();
    shown.filter(|(_, exemplar)| !exemplar.spans.is_empty()).map(|(number, one)| chart(number, one)).collect()
}

/// `db read · cpu`.
fn name(span: &ExemplarSpan) -> String {
    let operation = span.operation.as_ref().map(|operation| format!(".{operation}")).unwrap_or_default();
    format!("{}{operation} {}", span.component, span.cause)
}

fn chart(number: usize, exemplar: &Exemplar) -> Chart {
    let mut spans: Vec<&ExemplarSpan> = exemplar.spans.iter().collect();
    spans.sort_by(|a, b| (b.end_s - b.start_s).total_cmp(&(a.end_s - a.start_s)));
    spans.truncate(ROWS);
    spans.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.end_s.total_cmp(&b.end_s)));
    let outcome = if exemplar.outcome == "ok" { String::new() } else { format!(", {}", exemplar.outcome) };
    let title = format!("{}: {}{outcome}", exemplar.request, spaced_time(exemplar.latency_s));
    let height = spans.len() as f64 * ROW + 40.0;
    let mut chart = Chart::new(&format!("request-{}", number + 1), &title, (WIDTH, height));
    let end = spans.iter().map(|span| span.end_s).fold(exemplar.latency_s, f64::max).max(1e-9);
    let frame = Frame {
        left: NAMES,
        top: 6.0,
        width: WIDTH - NAMES - 72.0,
        height: spans.len() as f64 * ROW,
        x: Scale::Linear { from: 0.0, to: end },
        y: Scale::Linear { from: 0.0, to: 1.0 },
    };
    time_axis(&mut chart, &frame);
    let mut causes: Vec<&str> = Vec::new();
    for (row, span) in spans.iter().enumerate() {
        if !causes.contains(&span.cause) {
            causes.push(span.cause);
        }
        let kind = causes.iter().position(|cause| *cause == span.cause).unwrap_or(0) % SERIES;
        let middle = frame.top + (row as f64 + 0.5) * ROW;
        let (left, right) = (frame.px(span.start_s), frame.px(span.end_s));
        chart.say((NAMES - 8.0, middle), &fitted(&name(span), SMALL, NAMES - 12.0), Anchor::End, Ink::Text);
        let shape = Shape::Boxes(vec![[left, middle - 6.0, (right - left).max(1.0), 12.0]]);
        chart.marks.push(Mark { shape, ink: Ink::series(kind), series: Some(kind as u8) });
        let took = spaced_time(span.end_s - span.start_s);
        chart.say((right + 6.0, middle), &took, Anchor::Start, Ink::Faint);
    }
    chart.legend =
        causes.iter().take(SERIES).enumerate().map(|(kind, cause)| ((*cause).to_owned(), kind as u8)).collect();
    chart.about = format!(
        "What request {} of replication {} waited for and worked at; the {} longest of {} stretches.",
        exemplar.request,
        exemplar.replication,
        spans.len(),
        exemplar.spans.len()
    );
    chart.table = table(exemplar);
    chart
}

fn time_axis(chart: &mut Chart, frame: &Frame) {
    for tick in frame.x.ticks(5, Unit::Seconds) {
        let x = frame.px(tick);
        chart.line(vec![(x, frame.top), (x, frame.bottom())], 1.0, Ink::Grid, None);
        chart.say((x, frame.bottom() + 14.0), &Unit::Seconds.tick(tick), Anchor::Middle, Ink::Faint);
    }
    chart.line(vec![(frame.left, frame.top), (frame.left, frame.bottom())], 1.0, Ink::Faint, None);
}

fn table(exemplar: &Exemplar) -> Table {
    let row = |span: &ExemplarSpan| vec![name(span), spaced_time(span.start_s), spaced_time(span.end_s - span.start_s)];
    let head = ["what", "from", "took"].map(str::to_owned).to_vec();
    Table { head, rows: exemplar.spans.iter().take(SPANS).map(row).collect() }
}
