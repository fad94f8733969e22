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
    let of_instances = scaled.flat_map(|(name, component)| lines(report, look, name, component));
    let others = ["hosts", "cores"].into_iter().flat_map(|what| changed(report, what, look));
    of_instances.chain(in_units).chain(others).collect()
}

/// How pools of hosts grew and shrank with what stands on them, and how large instances were.
fn changed(report: &Report, what: &str, look: Look) -> Vec<String> {
    let made = || report.decisions.iter().filter(|decision| decision.what == what);
    let mut owners: Vec<&str> = made().map(|decision| decision.component.as_str()).collect();
    owners.sort_unstable();
    owners.dedup();
    let of_owner = |owner: &str| {
        let own: Vec<&Decision> = made().filter(|decision| decision.component == owner).collect();
        let counts = own.iter().flat_map(|decision| [decision.from, decision.to]);
        let (least, most) = counts.fold((f64::INFINITY, 0.0), |(a, b), n| (n.min(a), n.max(b)));
        let each = if what == "cores" { "cores each" } else { what };
        let text = format!("{owner}: {} to {} {each}", human_count(least), human_count(most));
        std::iter::once(entry(if what == "cores" { "sizes" } else { what }, &text, look))
            .chain(shown(&own, look))
            .collect::<Vec<_>>()
    };
    owners.into_iter().flat_map(of_owner).collect()
}

/// The first decisions, and how many more there are.
fn shown(decisions: &[&Decision], look: Look) -> Vec<String> {
    let shown = if 0 < look.verbose { decisions.len() } else { SHOWN };
    let line = |decision: &&Decision| {
        let (from, to) = (human_count(decision.from), human_count(decision.to));
        entry("", &format!("{}: {from} to {to}, {}", span(decision.t_s), decision.why), look)
    };
    let mut lines: Vec<String> = decisions.iter().take(shown).map(line).collect();
    if shown < decisions.len() {
        let more = format!("and {} more decisions: `-v` or `--json` shows them", decisions.len() - shown);
        lines.push(entry("", &more, look));
    }
    lines
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
    let own: Vec<&Decision> = report.decisions.iter().filter(|decision| decision.component == name).collect();
    lines.extend(shown(&own, look));
    lines
}
