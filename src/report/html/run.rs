//! The page of one run: verdict, evidence, money, caveats, and how to make it again.

use std::fmt::Write as _;

use crate::report::chart::{self, Chart};
use crate::report::html::{
    Page, Section, TAKES, figure, folded, judged, listing, pair, paragraph, rows, table, tile, verdict,
};
use crate::report::terminal::figures::{busy, interval, of_unit, percent, precision, roughly, spaced_time, span};
use crate::report::terminal::{uncertainty, verdict_words};
use crate::report::{Component, Estimate, Latency, Objective, Report, Requests, json};
use crate::units::{human_count, human_money, human_rate};

/// The whole page.
pub fn page(report: &Report) -> Page {
    let charts = chart::of_run(report);
    let sections = [
        Section::new("objectives", "Objectives", objectives(report)),
        Section::new("design", "Architecture", drawn(&charts, &["architecture"])),
        Section::new("latency", "Latency", latency(report, &charts)),
        Section::new("time", "Over time", over_time(report, &charts)),
        Section::new("components", "Components", components(report, &charts)),
        Section::new("goes", "Where the time goes", goes(report, &charts)),
        Section::new("slowest", "Slow requests", slowest(&charts)),
        Section::new("cost", "Cost", cost(report, &charts)),
        Section::new("health", "Assumptions and health", health(report)),
        Section::new("again", "Make it again", again(report)),
    ];
    let mut without_meta = report.clone();
    without_meta.meta = None;
    Page {
        title: report.scenario.title.clone(),
        head: head(report),
        sections: sections.into_iter().flatten().collect(),
        data: json::value(&without_meta),
    }
}

fn find<'a>(charts: &'a [Chart], id: &str) -> Option<&'a Chart> {
    charts.iter().find(|chart| chart.id == id)
}

fn drawn(charts: &[Chart], ids: &[&str]) -> String {
    ids.iter().filter_map(|id| find(charts, id)).map(figure).collect()
}

fn head(report: &Report) -> String {
    let run = &report.run;
    let mut text = report.scenario.description.as_deref().map(paragraph).unwrap_or_default();
    text.push_str(&verdict(report.verdict, &verdict_words(report)));
    if !run.stable {
        let grows = run.growth_per_s.map(|growth| format!(" by {} a second", human_count(growth))).unwrap_or_default();
        let said = format!(
            "It cannot keep up: what is in flight grows{grows}. There is no steady state, so no quantile is stated."
        );
        write!(text, "<p class=\"bad\">{said}</p>").expect(TAKES);
    }
    let requests = &report.requests;
    let quantile = |estimate: Option<Estimate>| estimate.map_or_else(|| "–".to_owned(), |e| spaced_time(e.mean));
    let all = &report.latency.all;
    let failed = requests.error_ratio.map_or_else(|| "–".to_owned(), |share| percent(share.mean));
    let mut tiles = vec![
        tile("offered", &human_rate(requests.offered_per_s.mean), &plus_minus(Some(&requests.offered_per_s))),
        tile("served", &human_rate(requests.goodput_per_s.mean), &format!("{failed} failed")),
        tile("median", &quantile(all.p50), &plus_minus(all.p50.as_ref())),
        tile("99th percentile", &quantile(all.p99), &plus_minus(all.p99.as_ref())),
    ];
    if !report.cost.lines.is_empty() {
        let each = report.cost.usd_per_million_requests.map(|each| format!("{} per million", human_money(each)));
        tiles.push(tile("a month", &human_money(report.cost.usd_per_month), &each.unwrap_or_default()));
    }
    if let Some(limit) = &report.bottleneck {
        let used = format!("{} {} busy", limit.resource, busy(limit.utilisation));
        tiles.push(tile("bottleneck", &limit.component, &used));
    }
    write!(text, "<dl class=\"tiles\">{}</dl>", tiles.concat()).expect(TAKES);
    let measured = span(report.measured.to_s - report.measured.from_s);
    let warm = if run.warmup_s == 0.0 { String::new() } else { format!(" after {} warm-up", span(run.warmup_s)) };
    let count = if run.replications == 1 { "replication" } else { "replications" };
    let said = format!(
        "{measured} simulated{warm} · {} {count} · seed {} · {} events · scenario {}",
        run.replications,
        run.seed,
        human_count(run.events as f64),
        report.scenario.hash.get(..12).unwrap_or(&report.scenario.hash)
    );
    writeln!(text, "<p class=\"faint\">{}</p>", chart::svg::escaped(&said)).expect(TAKES);
    text
}

/// How exactly an estimate is known.
fn plus_minus(estimate: Option<&Estimate>) -> String {
    estimate.and_then(precision).map(|width| format!("±{}", roughly(width))).unwrap_or_default()
}

fn objectives(report: &Report) -> String {
    let mut found = Vec::new();
    report.objectives.iter().for_each(|objective| objective_rows(&mut found, objective, 0));
    let mut text = String::new();
    if !found.is_empty() {
        text = table(&rows(["", "objective", "condition", "value", "95 % interval"], found));
    }
    if let Some(limit) = &report.bottleneck {
        let room = match limit.headroom {
            room if room < 0.995 => format!("it can give {room:.2} × what is asked of it"),
            room if room < 1.005 => "it is full".to_owned(),
            room => format!("it is full at {room:.2} × this load"),
        };
        text.push_str(&paragraph(&format!("Bottleneck: {}; {room}.", limit.why)));
    }
    text
}

fn objective_rows(found: &mut Vec<[String; 5]>, objective: &Objective, depth: usize) {
    let value = objective.value.map_or_else(|| "–".to_owned(), |value| of_unit(value, objective.unit));
    let remark =
        [interval(objective, "to"), objective.note.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let (_, mark) = judged(objective.verdict);
    let sign = format!("{}{mark}\u{a0}{}", "·\u{a0}".repeat(depth), objective.verdict.word());
    let name = if objective.name == objective.text { String::new() } else { objective.name.clone() };
    found.push([sign, name, objective.text.clone(), value, remark]);
    objective.parts.iter().for_each(|part| objective_rows(found, part, depth + 1));
}

// -- evidence ------------------------------------------------------------------------------------------------------------

fn latency(report: &Report, charts: &[Chart]) -> String {
    let mut text = drawn(charts, &["latency"]);
    text.extend(find(charts, "histogram").map(|chart| folded("", "The same as a histogram", &figure(chart))));
    text.push_str(&drawn(charts, &["latency-over-time"]));
    let mut found = vec![latency_row("all", &report.latency.all, &report.requests)];
    for (what, parts) in [("from ", &report.loads), ("from ", &report.regions)] {
        let parts = parts.iter().filter(|_| 1 < parts.len());
        found
            .extend(parts.map(|(name, part)| latency_row(&format!("{what}{name}"), &part.latency.all, &part.requests)));
    }
    let asked = report.operations.iter().filter(|(_, part)| 0 < part.latency.all.count);
    found.extend(asked.map(|(name, part)| latency_row(name, &part.latency.all, &part.requests)));
    let head = ["", "p50", "p90", "p95", "p99", "p99.9", "served", "failed"];
    text.push_str("<h3>Every operation</h3>");
    text.push_str(&table(&rows(head, found)));
    text
}

fn latency_row(name: &str, latency: &Latency, requests: &Requests) -> [String; 8] {
    let time = |estimate: Option<Estimate>| {
        let known = estimate.map(|e| format!("{} {}", spaced_time(e.mean), plus_minus(Some(&e))).trim().to_owned());
        known.unwrap_or_else(|| "–".to_owned())
    };
    let failed = requests.error_ratio.map_or_else(|| "–".to_owned(), |share| percent(share.mean));
    let [p50, p90, p95, p99, p999] = [latency.p50, latency.p90, latency.p95, latency.p99, latency.p999].map(time);
    [name.to_owned(), p50, p90, p95, p99, p999, human_rate(requests.goodput_per_s.mean), failed]
}

fn over_time(report: &Report, charts: &[Chart]) -> String {
    let ids = [
        "rates",
        "percentiles-over-time",
        "busy-over-time",
        "queues-over-time",
        "in-flight",
        "hits",
        "instances",
        "decisions",
    ];
    let mut text = drawn(charts, &ids);
    if !text.is_empty() {
        let said = "Drag over a chart to look closer at that stretch of time in all of them. In a chart that has the focus, \
                    the arrow keys move the cursor, + and − look closer and less close, 0 shows all.";
        text.insert_str(0, &format!("<p class=\"faint hint\" hidden>{said}</p>"));
    }
    let faults = report.faults.iter().map(|(name, fault)| {
        let time = |estimate: Option<Estimate>| estimate.map_or_else(|| "–".to_owned(), |e| spaced_time(e.mean));
        let at = fault.at_s.map_or_else(|| "never".to_owned(), span);
        let lost = fault.lost_writes.map_or_else(|| "–".to_owned(), |lost| human_count(lost.mean));
        [name.clone(), at, time(fault.rto_s), time(fault.removal_s), time(fault.rpo_s), lost]
    });
    let faults: Vec<[String; 6]> = faults.collect();
    if !faults.is_empty() {
        text.push_str("<h3>Faults</h3>");
        let head = ["fault", "at", "recovered in", "noticed in", "oldest lost write", "lost writes"];
        text.push_str(&table(&rows(head, faults)));
    }
    let told = report.evolve_when.iter().map(|trigger| {
        let at = trigger.fired_at_s.map_or_else(|| "not".to_owned(), span);
        let load = trigger.offered_per_s.map_or_else(String::new, human_rate);
        [trigger.name.clone(), trigger.text.clone(), at, load]
    });
    let told: Vec<[String; 4]> = told.collect();
    if !told.is_empty() {
        text.push_str("<h3>Signs that it is time for the next design</h3>");
        text.push_str(&table(&rows(["sign", "condition", "fired", "at a load of"], told)));
    }
    let alerts = report.alerts.iter().map(|alert| {
        let stretches: Vec<String> =
            alert.fired.iter().map(|[from, to]| format!("{} to {}", span(*from), span(*to))).collect();
        let fired = if stretches.is_empty() { "not".to_owned() } else { stretches.join(", ") };
        [alert.severity.clone(), alert.name.clone(), alert.text.clone(), fired]
    });
    let alerts: Vec<[String; 4]> = alerts.collect();
    if !alerts.is_empty() {
        text.push_str("<h3>Alerts</h3>");
        text.push_str(&table(&rows(["severity", "alert", "condition", "fired"], alerts)));
    }
    text
}

fn components(report: &Report, charts: &[Chart]) -> String {
    let mut text = drawn(charts, &["utilisation"]);
    for (name, component) in &report.components {
        let busiest = component.resources().into_iter().max_by(|a, b| a.1.share.mean.total_cmp(&b.1.share.mean));
        let used = busiest.map_or_else(String::new, |(what, used)| format!(" · {what} {} busy", busy(used.share.mean)));
        let limit = report.bottleneck.as_ref().is_some_and(|limit| limit.component == *name);
        let mark = if limit { " · bottleneck" } else { "" };
        let count = human_count(component.instances.mean);
        let title = format!("{name} · {} × {count}{used}{mark}", component.kind);
        text.push_str(&folded(&format!("c-{name}"), &title, &of_component(component)));
    }
    text
}

fn of_component(component: &Component) -> String {
    let with_width = |text: String, estimate: &Estimate| [text, plus_minus(Some(estimate))].join(" ").trim().to_owned();
    let mut found = vec![
        ["arrivals".to_owned(), with_width(human_rate(component.arrivals_per_s.mean), &component.arrivals_per_s)],
        ["queue length".to_owned(), with_width(human_count(component.queue_length.mean), &component.queue_length)],
        ["in flight".to_owned(), with_width(human_count(component.in_flight.mean), &component.in_flight)],
    ];
    for (what, times) in [("wait", &component.wait), ("service", &component.service)] {
        for (name, estimate) in [("mean", times.mean), ("p99", times.p99)] {
            found.extend(estimate.map(|e| [format!("{what} {name}"), with_width(spaced_time(e.mean), &e)]));
        }
    }
    if 0.0 < component.rejected_per_s.mean {
        found.push(["turned away".to_owned(), human_rate(component.rejected_per_s.mean)]);
    }
    for (resource, used) in component.resources() {
        let spread = used
            .p5
            .zip(used.p95)
            .map(|(p5, p95)| format!(" ({} to {} in nine windows of ten)", percent(p5), percent(p95)));
        let busiest = used.busiest.as_ref().map(|part| format!(", {} most: {}", part.name, percent(part.share)));
        let said = format!("{}{}{}", busy(used.share.mean), spread.unwrap_or_default(), busiest.unwrap_or_default());
        found.push([format!("{resource} busy"), said]);
    }
    for (name, figure) in &component.kind_specific.figures {
        found.push([name.replace('_', " "), with_width(of_name(name, figure.mean), figure)]);
    }
    let errors = component.errors.iter();
    found.extend(errors.map(|(kind, share)| [format!("failed: {kind}"), percent(share.mean)]));
    table(&rows(["figure", "value"], found))
}

/// A figure of one kind of component in the unit that its name tells.
fn of_name(name: &str, value: f64) -> String {
    let is = |ending: &str| name.ends_with(ending);
    match name {
        "hit_ratio" | "stale_reads" | "violations" | "shard_variance" | "partition_skew" => percent(value),
        "bytes_kept" | "bytes_per_month" => of_unit(value, "bytes"),
        _ if is("_per_s") => human_rate(value),
        _ if name.starts_with("lag") || name.starts_with("staleness") || is("_s") => spaced_time(value),
        _ => human_count(value),
    }
}

fn goes(report: &Report, charts: &[Chart]) -> String {
    let both: Vec<&Chart> = ["time-mean", "time-slowest"].iter().filter_map(|id| find(charts, id)).collect();
    let mut text = pair(&both);
    if let Some(limit) = &report.bottleneck {
        let mut why = limit.why.chars();
        let first: String = why.next().into_iter().flat_map(char::to_uppercase).collect();
        text.push_str(&paragraph(&format!("{first}{}.", why.as_str())));
    }
    text
}

fn slowest(charts: &[Chart]) -> String {
    let all: Vec<&Chart> = charts.iter().filter(|chart| chart.id.starts_with("request-")).collect();
    let Some((first, others)) = all.split_first() else { return String::new() };
    let mut text = paragraph("The slowest of the requests that were followed, a few thousand in each replication.");
    text.push_str(&figure(first));
    text.extend(others.iter().map(|chart| folded("", &chart.title, &figure(chart))));
    text
}

fn cost(report: &Report, charts: &[Chart]) -> String {
    let mut text = drawn(charts, &["cost"]);
    if let Some(each) = report.cost.usd_per_million_requests.filter(|_| !report.cost.lines.is_empty()) {
        text.push_str(&paragraph(&format!("{} per million requests.", human_money(each))));
    }
    if !report.cost.unpriced.is_empty() {
        text.push_str(&paragraph(&format!("Without a price: {}.", report.cost.unpriced.join(", "))));
    }
    text
}

// -- caveats -------------------------------------------------------------------------------------------------------------

fn health(report: &Report) -> String {
    let run = &report.run;
    let mut text = String::new();
    for warning in &report.warnings {
        let help = warning.help.as_ref().map(|help| format!(" – {help}")).unwrap_or_default();
        let code = if warning.code.is_empty() { String::new() } else { format!("{}: ", warning.code) };
        let said = chart::svg::escaped(&format!("! {code}{}{help}", warning.message));
        write!(text, "<p class=\"unsure\">{said}</p>").expect(TAKES);
    }
    if run.partial {
        text.push_str("<p class=\"bad\">Partial: the run was stopped early, not all replications are finished.</p>");
    }
    let rule = match run.warmup_rule {
        "mser5" => "where MSER-5 finds the least error of the mean",
        "given" => "as the scenario says",
        _ => "not at all",
    };
    text.push_str(&paragraph(&format!(
        "Warm-up was cut after {}, {rule}. The median rests on {} requests of {} replications; a quantile with fewer than ten \
         slower requests is not stated. Intervals are 95 %, from the spread between replications.",
        span(run.warmup_s),
        human_count(report.latency.all.count as f64),
        run.replications
    )));
    let holding = report.audit.iter().filter(|audit| audit.holds).count();
    let said = format!("{holding} of {} laws hold on this very run", report.audit.len());
    let audits = report.audit.iter().map(|audit| {
        // As in the document, so that a saved report gives the same page.
        let side = |value: Option<f64>| value.map_or_else(String::new, |value| json::twelve_digits(value).to_string());
        let holds = if audit.holds { "✓ holds" } else { "✗ does not hold" };
        [audit.law.to_owned(), audit.of.clone(), holds.to_owned(), side(audit.left), side(audit.right)]
    });
    let audits = table(&rows(["law", "of", "", "left side", "right side"], audits.collect()));
    text.push_str(&folded("", &said, &audits));
    if !report.assumptions.is_empty() {
        text.push_str("<h3>Where numbers come from</h3>");
        text.push_str(&table(&rows(uncertainty::LEDGER, uncertainty::ledger(report))));
    }
    if let Some(known) = &report.uncertainty {
        text.push_str("<h3>What they decide</h3>");
        let about = "The influence above is the share of the variation that goes with an input, on";
        text.push_str(&paragraph(&format!("{}. {about} {}.", uncertainty::said(known), known.influence_on)));
        text.push_str(&table(&rows(uncertainty::SPREADS, uncertainty::spreads(known, "to"))));
    }
    text.push_str(&folded("", "Each replication", &replications(report)));
    text
}

fn replications(report: &Report) -> String {
    let time = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), spaced_time);
    let lines = report.per_replication.iter().map(|one| {
        let failed = one.error_ratio.map_or_else(|| "–".to_owned(), percent);
        let (number, served) = (one.replication.to_string(), human_rate(one.throughput_per_s));
        [number, human_count(one.requests as f64), served, failed, time(one.mean_s), time(one.p50_s), time(one.p99_s)]
    });
    table(&rows(["replication", "requests", "answered", "failed", "mean", "p50", "p99"], lines.collect()))
}

fn again(report: &Report) -> String {
    let file = &report.scenario.file;
    let command =
        report.scenario.command.clone().unwrap_or_else(|| format!("plimsoll run {file} --seed {}", report.run.seed));
    let mut text =
        paragraph("The same scenario and seed give the same bytes on any machine, for any number of threads.");
    text.push_str(&listing("command", &command));
    text.push_str(
        "<button type=\"button\" class=\"copy\" data-save=\"report.json\" hidden>save the figures as JSON</button>\n",
    );
    if let Some(scenario) = &report.scenario.text {
        text.push_str("<h3>The scenario</h3>");
        text.push_str(&listing("scenario", scenario));
    }
    text
}
