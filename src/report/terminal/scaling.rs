//! What autoscalers did.

use super::{Look, entry, span};
use crate::report::{Component, Decision, Report};
use crate::units::{human_count, human_share as percent};

/// Decisions shown of each component, unless more is asked for.
const SHOWN: usize = 6;

/// How the number of instances changed, how well it fitted, and the largest decisions.
pub(super) fn scaling(report: &Report, look: Look) -> Vec<String> {
    let scaled = report.components.iter().filter(|(_, of)| !of.kind_specific.replicas_over_time.is_empty());
    let in_units = report.components.iter().filter_map(|(name, component)| units(look, name, component));
    scaled.flat_map(|(name, component)| lines(report, look, name, component)).chain(in_units).collect()
}

/// How large a database in capacity units was.
fn units(look: Look, name: &str, component: &Component) -> Option<String> {
    let figure = |name: &str| component.kind_specific.figures.get(name).map(|estimate| estimate.mean);
    let (units, asleep, pauses) = (figure("units")?, figure("asleep")?, figure("pauses_per_h")?);
    let told = [
        format!("{name}: {} units on average", human_count((100.0 * units).round() / 100.0)),
        format!("asleep {} of the time", percent(asleep)),
        format!("{pauses:.1} pauses an hour"),
    ];
    Some(entry("capacity", &told.join(&format!(" {} ", look.marks().dot)), look))
}

fn lines(report: &Report, look: Look, name: &str, component: &Component) -> Vec<String> {
    let figures = &component.kind_specific.figures;
    let counts = component.kind_specific.replicas_over_time.iter().map(|[_, count]| *count);
    let (least, most) = counts.fold((f64::INFINITY, 0.0), |(least, most), count| (count.min(least), count.max(most)));
    let figure = |name: &str| figures.get(name).map(|estimate| estimate.mean);
    let mut told = vec![format!("{name}: {} to {} instances", human_count(least), human_count(most))];
    told.extend(figure("scale_changes_per_h").map(|rate| format!("{rate:.1} changes an hour")));
    if let (Some(over), Some(under)) = (figure("over_provisioned"), figure("under_provisioned")) {
        told.push(format!("{} more and {} fewer than needed", percent(over), percent(under)));
    }
    told.extend(figure("forecast_error").map(|error| format!("forecasts wrong by {}", percent(error))));
    let dot = format!(" {} ", look.marks().dot);
    let mut lines = vec![entry("scaling", &told.join(&dot), look)];
    let decisions: Vec<&Decision> = report.decisions.iter().filter(|decision| decision.component == name).collect();
    let shown = if 0 < look.verbose { decisions.len() } else { SHOWN };
    for decision in decisions.iter().take(shown) {
        let (from, to) = (human_count(decision.from), human_count(decision.to));
        let text = format!("{}: {from} to {to}, {}", span(decision.t_s), decision.why);
        lines.push(entry("", &text, look));
    }
    if shown < decisions.len() {
        let more = format!("and {} more decisions: `-v` or `--json` shows them", decisions.len() - shown);
        lines.push(entry("", &more, look));
    }
    lines
}
