//! The report as Markdown, for a pull request or the summary of a CI run: verdict, latency, components, cost, warnings.
//!
//! What can go wrong: names are the author's and may hold what Markdown reads as its own, so cells are escaped.

use crate::report::rows::plain;
use crate::report::terminal::figures::{interval, of_unit, percent, precision, roughly, span};
use crate::report::terminal::{uncertainty, verdict_words};
use crate::report::{Component, Estimate, Latency, Report, Requests, Utilisations, Verdict, Warning};
use crate::units::{human_money, human_rate, human_time};

/// The document, with a line end.
pub fn render(report: &Report) -> String {
    let parts = [
        header(report),
        table("| | objective | value | 95 % interval |\n|---|---|---:|---|", &objectives(report)),
        table(
            "| latency | p50 | p90 | p95 | p99 | p99.9 | served | failed |\n|---|---:|---:|---:|---:|---:|---:|---:|",
            &latencies(report),
        ),
        table("| component | × | busy | queue |\n|---|---:|---:|---:|", &components(report)),
        cost(report),
        uncertain(report),
        warnings(report).join("\n"),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

fn header(report: &Report) -> String {
    let run = &report.run;
    let measured = span(report.measured.to_s - report.measured.from_s);
    let offered = human_rate(report.requests.offered_per_s.mean);
    let mut lines = vec![
        format!("### {} {}: {}", mark(report.verdict), plain(&report.scenario.title), verdict_words(report)),
        format!("{offered} offered · {measured} simulated · {} replications · seed {}", run.replications, run.seed),
    ];
    if !run.stable {
        lines.push("It cannot keep up: there is no steady state, so no quantile is stated.".to_owned());
    }
    lines.extend(report.bottleneck.as_ref().map(|bottleneck| format!("Bottleneck: {}.", plain(&bottleneck.why))));
    lines.join("\n\n")
}

fn cost(report: &Report) -> String {
    if report.cost.lines.is_empty() {
        return String::new();
    }
    let each = report.cost.usd_per_million_requests;
    let each = each.map(|each| format!(", {} per million requests", human_money(each))).unwrap_or_default();
    format!("Cost: {}/month{each}.", human_money(report.cost.usd_per_month))
}

/// What the intervals among the inputs come to, and where numbers come from.
fn uncertain(report: &Report) -> String {
    let cells =
        |row: Vec<String>| format!("| {} |", row.iter().map(|text| plain(text)).collect::<Vec<_>>().join(" | "));
    let ledger: Vec<String> = uncertainty::ledger(report).into_iter().map(|row| cells(row.to_vec())).collect();
    let ledger = table(&format!("| {} |\n|---|---|---|---:|", uncertainty::LEDGER.join(" | ")), &ledger);
    let Some(known) = &report.uncertainty else { return ledger };
    let spreads: Vec<String> = uncertainty::spreads(known, "…").into_iter().map(|row| cells(row.to_vec())).collect();
    let spreads = table(&format!("| {} |\n|---|---|---:|---:|---:|---:|", uncertainty::SPREADS.join(" | ")), &spreads);
    let about = format!("Influence is on {}.", plain(&known.influence_on));
    format!("{}.\n\n{spreads}\n\n{ledger}\n\n{about}", uncertainty::said(known))
}

fn warnings(report: &Report) -> Vec<String> {
    let line = |warning: &Warning| {
        let help = warning.help.as_ref().map(|help| format!(" ({})", plain(help))).unwrap_or_default();
        format!("- {}: {}{help}", warning.code, plain(&warning.message))
    };
    report.warnings.iter().map(line).collect()
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Meets => "✓",
        Verdict::Misses => "✗",
        Verdict::Undecided => "?",
        Verdict::None => "·",
    }
}

fn table(head: &str, rows: &[String]) -> String {
    if rows.is_empty() { String::new() } else { format!("{head}\n{}", rows.join("\n")) }
}

fn row<const N: usize>(cells: &[String; N]) -> String {
    format!("| {} |", cells.join(" | "))
}

fn objectives(report: &Report) -> Vec<String> {
    let shown = report.objectives.iter().map(|objective| {
        let value = objective.value.map_or_else(|| "–".to_owned(), |value| of_unit(value, objective.unit));
        let remark = interval(objective, "…").or_else(|| objective.note.clone()).unwrap_or_default();
        row(&[mark(objective.verdict).to_owned(), plain(&objective.text), value, plain(&remark)])
    });
    shown.collect()
}

fn latencies(report: &Report) -> Vec<String> {
    let all = latency_row("all", &report.latency.all, &report.requests);
    let loads = report.loads.iter().filter(|_| 1 < report.loads.len());
    let loads = loads.map(|(name, load)| latency_row(name, &load.latency.all, &load.requests));
    std::iter::once(all).chain(loads).collect()
}

fn latency_row(name: &str, latency: &Latency, requests: &Requests) -> String {
    let failed = requests.error_ratio.map_or_else(|| "–".to_owned(), |ratio| percent(ratio.mean));
    let [p50, p90, p95, p99, p999] =
        [latency.p50, latency.p90, latency.p95, latency.p99, latency.p999].map(|quantile| time(quantile.as_ref()));
    row(&[plain(name), p50, p90, p95, p99, p999, human_rate(requests.throughput_per_s.mean), failed])
}

/// A quantile with the half-width of its interval.
fn time(quantile: Option<&Estimate>) -> String {
    let Some(quantile) = quantile else { return "–".to_owned() };
    let width = precision(quantile).map(|width| format!(" ±{}", roughly(width))).unwrap_or_default();
    format!("{}{width}", human_time(quantile.mean))
}

fn components(report: &Report) -> Vec<String> {
    let shown = report.components.iter().map(|(name, component)| {
        let is_limit = report.bottleneck.as_ref().is_some_and(|limit| limit.component == *name);
        let name = if is_limit { format!("**{}**", plain(name)) } else { plain(name) };
        let queue = format!("{:.1}", component.queue_length.mean);
        row(&[name, format!("{:.0}", component.instances.mean), busy(component), queue])
    });
    shown.collect()
}

/// The busiest resource.
fn busy(component: &Component) -> String {
    let Utilisations { cores, workers, memory, disk, nic, connections, pool } = &component.utilisation;
    let named = [
        ("cores", cores),
        ("workers", workers),
        ("memory", memory),
        ("disk", disk),
        ("network", nic),
        ("connections", connections),
        ("pool", pool),
    ];
    let known = named.into_iter().filter_map(|(name, busy)| Some((name, busy.as_ref()?.share.mean)));
    let most = known.max_by(|a, b| a.1.total_cmp(&b.1));
    most.map_or_else(|| "–".to_owned(), |(name, share)| format!("{} {name}", percent(share)))
}
