//! The report as text for people: verdict, evidence, money, caveats, in this order.
//!
//! Styles are written as escape sequences; whoever prints strips them where colour is not wanted, and no meaning hangs on
//! colour alone. Tables keep to the width: bars go first, then notes, figures never. Every estimate stands with the
//! half-width of its interval. What can go wrong: a figure that is not known is a dash, never a zero.

pub mod advise;
pub mod by_hand;
pub mod capacity;
pub mod check;
pub mod compare;
mod evidence;
mod scaling;
pub(super) mod figures;
pub mod grid;
pub mod journey;
mod layout;
pub mod plan;
pub mod size;
pub mod sweep;
pub(super) mod uncertainty;
pub mod walkthrough;

use anstyle::{AnsiColor, Effects, Style};

use crate::report::terminal::figures::{of_unit, percent, roughly, spaced_time, span};
use crate::report::terminal::layout::{Cell, Column, Table, paint, wrap};
use crate::report::{Objective, Report, Trigger, Verdict};
use crate::units::{human_count, human_money, human_rate};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default();
const STRONG: Style = Style::new().effects(Effects::BOLD);
const FAINT: Style = Style::new().effects(Effects::DIMMED);

/// An interval wider than this share of its mean deserves a word.
const COARSE: f64 = 0.10;

/// With fewer replications than this the interval is wide for want of them, whatever the length of a run.
const ENOUGH: u32 = 5;

/// What the reader's terminal shows, and how much the reader wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Whether more than ASCII can be shown.
    pub unicode: bool,
    /// 1 adds intervals and why the run stopped, 2 a line for each replication.
    pub verbose: u8,
    /// How many of the slowest requests to show.
    pub trace: usize,
}

/// The marks of a look: with the terminal's best means, or in ASCII.
struct Marks {
    meets: &'static str,
    misses: &'static str,
    dot: &'static str,
    dots: &'static str,
    times: &'static str,
    arrow: &'static str,
    dash: &'static str,
    plus_minus: &'static str,
}

impl Look {
    fn marks(self) -> Marks {
        if self.unicode {
            let (meets, misses, dot, dots) = ("✓", "✗", "·", "…");
            Marks { meets, misses, dot, dots, times: "×", arrow: "←", dash: "–", plus_minus: "±" }
        } else {
            let (meets, misses, dot, dots) = ("+", "x", "-", "to");
            Marks { meets, misses, dot, dots, times: "x", arrow: "<-", dash: "-", plus_minus: "+-" }
        }
    }
}

/// The whole report.
pub fn render(report: &Report, look: Look) -> String {
    let mut lines = vec![header(report, look), String::new()];
    lines.extend(verdict(report, look));
    for section in [
        evidence::latency(report, look),
        evidence::components(report, look),
        evidence::where_time_goes(report, look),
        replicas(report, look),
        shards(report, look),
        scaling::scaling(report, look),
        cost(report, look),
        uncertainty::section(report, look),
        events(report, look),
        evidence::slowest(report, look),
        evidence::replications(report, look),
        caveats(report, look),
    ] {
        if !section.is_empty() {
            lines.push(String::new());
            lines.extend(section);
        }
    }
    lines.push(String::new());
    finish(&lines, look)
}

/// The first line of the verdict, alone.
pub fn verdict_line(report: &Report, look: Look) -> String {
    finish(&[headline(report, look).trim_start().to_string()], look)
}

/// The same without a mark, colour or line end: `misses 1 of 2 objectives`.
pub fn verdict_words(report: &Report) -> String {
    // What is stated and cannot be judged here is neither met nor missed.
    let all = report.objectives.iter().filter(|objective| objective.verdict != Verdict::None).count();
    let with = |wanted: Verdict| report.objectives.iter().filter(|o| o.verdict == wanted).count();
    match report.verdict {
        Verdict::None => "no objectives are stated; nothing to judge".to_string(),
        Verdict::Meets if all == 1 => "meets its objective".to_string(),
        Verdict::Meets => format!("meets all {all} objectives"),
        Verdict::Misses if all == 1 => "misses its objective".to_string(),
        Verdict::Misses => format!("misses {} of {all} objectives", with(Verdict::Misses)),
        Verdict::Undecided if all == 1 => "its objective is undecided: more replications may tell".to_string(),
        Verdict::Undecided => {
            format!("{} of {all} objectives undecided: more replications may tell", with(Verdict::Undecided))
        }
    }
}

/// An objective and what came of it in one line: `latency p99 <= 200ms: 231 ms (213 ms to 249 ms)`.
pub fn objective_words(objective: &Objective) -> String {
    let got = objective.value.map_or_else(|| "no value".to_owned(), |value| of_unit(value, objective.unit));
    let remarks = [figures::interval(objective, "to"), objective.note.clone()].into_iter().flatten();
    let remarks = remarks.collect::<Vec<_>>().join("; ");
    let remarks = if remarks.is_empty() { remarks } else { format!(" ({remarks})") };
    format!("{}: {got}{remarks}", objective.text)
}

/// Joins lines; the author's own words are all that may still not be ASCII where it has to be.
fn finish(lines: &[String], look: Look) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if look.unicode { text } else { text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect() }
}

fn header(report: &Report, look: Look) -> String {
    let run = &report.run;
    let dot = look.marks().dot;
    let measured = span(report.measured.to_s - report.measured.from_s);
    let warmup = if run.warmup_s == 0.0 {
        format!("{measured} simulated")
    } else {
        format!("{measured} simulated after {} warm-up", span(run.warmup_s))
    };
    let replications = if run.replications == 1 { "replication" } else { "replications" };
    let parts = [
        paint(&report.scenario.title.replace('·', dot), STRONG),
        format!("{} offered", human_rate(report.requests.offered_per_s.mean)),
        warmup,
        format!("{} {replications}", run.replications),
        format!("seed {}", run.seed),
    ];
    let width = look.width.max(40);
    let mut text = wrap(&parts.join(&format!(" {dot} ")), width + escapes(&parts[0]), 2);
    if let Some(description) = &report.scenario.description {
        text = format!("{}\n{}", text.trim_end(), wrap(description, width, 0));
    }
    text
}

/// Characters of a painted text that take no column.
fn escapes(painted: &str) -> usize {
    painted.len() - anstream::adapter::strip_str(painted).to_string().len()
}

fn mark(verdict: Verdict, look: Look) -> (&'static str, Style) {
    let marks = look.marks();
    match verdict {
        Verdict::Meets => (marks.meets, GOOD),
        Verdict::Misses => (marks.misses, BAD),
        Verdict::Undecided => ("?", UNSURE),
        Verdict::None => (marks.dot, FAINT),
    }
}

fn headline(report: &Report, look: Look) -> String {
    let (sign, style) = mark(report.verdict, look);
    format!("  {}", paint(&format!("{sign} {}", verdict_words(report)), style.bold()))
}

fn verdict(report: &Report, look: Look) -> Vec<String> {
    let mut lines = vec![headline(report, look)];
    let mut table = Table::new(&[Column::TEXT, Column::TEXT, Column::TEXT, Column::NUMBER, Column::NOTE], 4);
    for objective in &report.objectives {
        objective_rows(&mut table, objective, look, 0);
    }
    lines.extend(table.lines(look.width));
    lines.extend(stability(report));
    if let Some(bottleneck) = &report.bottleneck {
        lines.push(format!("    bottleneck  {}", wrap(&bottleneck.why, look.width, 16)));
        lines.push(format!("    headroom    {}", wrap(&headroom(report, bottleneck.headroom, look), look.width, 16)));
    }
    lines
}

fn headroom(report: &Report, headroom: f64, look: Look) -> String {
    let times = look.marks().times;
    match headroom {
        h if h < 0.995 => format!("none; it can give {h:.2} {times} what is asked of it"),
        h if h < 1.005 => "none; it is full".to_string(),
        h if report.objectives.is_empty() => format!("it is full at {h:.2} {times} this load; queues grow before that"),
        h => format!("it is full at {h:.2} {times} this load; objectives break before that"),
    }
}

/// An unstable system has no steady state, and that comes before everything else.
fn stability(report: &Report) -> Option<String> {
    let run = &report.run;
    let growth = run.growth_per_s.map(|g| format!(" by {} requests a second", human_count(g))).unwrap_or_default();
    let text = if !run.stable {
        format!("! cannot keep up: what is in flight grows{growth}; there is no steady state, so no quantile is stated")
    } else if 0.0 < run.unstable_share {
        format!("! {} of the replications could not keep up: a tipping point is near", percent(run.unstable_share))
    } else {
        return None;
    };
    Some(format!("    {}", paint(&text, BAD)))
}

fn objective_rows(table: &mut Table, objective: &Objective, look: Look, depth: usize) {
    let marks = look.marks();
    let (sign, style) = mark(objective.verdict, look);
    let value = objective.value.map_or_else(|| marks.dash.to_string(), |value| of_unit(value, objective.unit));
    let interval = figures::interval(objective, marks.dots).map(|text| format!("({text})"));
    let remark = [interval, objective.note.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    table.row([
        Cell::styled(format!("{}{sign}", "  ".repeat(depth)), style),
        Cell::new(if objective.name == objective.text { "" } else { &objective.name }),
        Cell::new(&objective.text),
        Cell::styled(value, style),
        Cell::styled(remark, FAINT),
    ]);
    for part in &objective.parts {
        objective_rows(table, part, look, depth + 1);
    }
}

fn cost(report: &Report, look: Look) -> Vec<String> {
    let cost = &report.cost;
    if cost.lines.is_empty() && cost.unpriced.is_empty() {
        return Vec::new();
    }
    if cost.lines.is_empty() {
        return vec![entry("cost", &format!("not known; without a price: {}", cost.unpriced.join(", ")), look)];
    }
    let dot = format!(" {} ", look.marks().dot);
    let mut owners: Vec<(&str, f64)> = Vec::new();
    for line in &cost.lines {
        match owners.iter_mut().find(|(name, _)| *name == line.component) {
            Some((_, sum)) => *sum += line.usd_per_month,
            None => owners.push((&line.component, line.usd_per_month)),
        }
    }
    owners.sort_by(|a, b| b.1.total_cmp(&a.1));
    let owners: Vec<String> = owners.iter().map(|(name, sum)| format!("{name} {}", human_money(*sum))).collect();
    let each = cost.usd_per_million_requests.map(|usd| format!("   {} per million requests", human_money(usd)));
    let text = format!(
        "{}/month   {}{}",
        human_money(cost.usd_per_month),
        owners.join(&dot),
        each.as_deref().unwrap_or_default()
    );
    let mut lines = vec![format!("  cost        {text}")];
    if look.width < text.chars().count() + 14 {
        lines = vec![format!("  cost        {}/month{}", human_money(cost.usd_per_month), each.unwrap_or_default())];
        lines.push(entry("", &owners.join(&dot), look));
    }
    if !cost.unpriced.is_empty() {
        lines.push(format!("              without a price: {}", cost.unpriced.join(", ")));
    }
    if 0 < look.verbose {
        for line in &cost.lines {
            let quantity = human_count(line.quantity);
            lines.push(format!(
                "    {} {}: {quantity} {}, {}",
                line.component,
                line.what,
                line.unit,
                human_money(line.usd_per_month)
            ));
        }
    }
    lines
}

/// How far replicas were behind, and what their readers noticed of it; and how far those who consume messages were.
fn replicas(report: &Report, look: Look) -> Vec<String> {
    let mut groups = [("replicas", Vec::new()), ("copies", Vec::new()), ("messages", Vec::new())];
    for (name, component) in &report.components {
        let has = |key: &str| component.kind_specific.figures.contains_key(key);
        let is_of_messages = has("deliveries_per_s") && !has("stale_reads");
        // Copies of a cache's node have no lag of their own.
        let is_of_cache = has("hit_ratio") && !has("lag_p50") && !has("lag_p99");
        let group = if is_of_messages { 2 } else { usize::from(is_of_cache) };
        groups[group].1.extend(behind(component, is_of_messages, look).map(|text| format!("{name}: {text}")));
    }
    groups.iter().flat_map(|(label, texts)| entries(label, texts, look)).collect()
}

/// How far a component was behind.
fn behind(component: &crate::report::Component, is_of_messages: bool, look: Look) -> Option<String> {
    let of = |key: &str| component.kind_specific.figures.get(key).map(|estimate| estimate.mean);
    let some = |key: &str| of(key).filter(|value| 0.0 < *value);
    of("lag").or(of("stale_reads"))?;
    let lag = |(word, key)| of(key).map(|lag| format!("{} {word}", spaced_time(lag)));
    let lags: Vec<String> = [("p50", "lag_p50"), ("p99", "lag_p99")].into_iter().filter_map(lag).collect();
    let lags = (!lags.is_empty()).then(|| format!("lag {}", lags.join(", ")));
    let told = if is_of_messages {
        vec![lags, of("backlog").map(|backlog| format!("{} messages not done on average", human_count(backlog)))]
    } else {
        let stale = some("stale_reads").map(|share| {
            // Where less than one read in a hundred was stale, the 99th percentile is nothing.
            let by = some("staleness_p99").filter(|by| 1e-6 <= *by);
            let by = by.map_or_else(String::new, |by| format!(" by up to {} p99", spaced_time(by)));
            format!("{} of reads stale{by}", percent(share))
        });
        vec![
            lags,
            Some(stale.unwrap_or_else(|| "no read stale".to_owned())),
            some("violations").map(|share| format!("{} against a session's order", percent(share))),
            some("lost_writes").map(|lost| format!("{} acknowledged writes lost", human_count(lost))),
        ]
    };
    let dot = format!(" {} ", look.marks().dot);
    Some(told.into_iter().flatten().collect::<Vec<_>>().join(&dot))
}

/// What each shard of a database was asked.
fn shards(report: &Report, look: Look) -> Vec<String> {
    let line = |(name, component): (&String, &crate::report::Component)| {
        let all = &component.kind_specific.shards;
        let figures = &component.kind_specific.figures;
        let variance = figures.get("shard_variance").or_else(|| figures.get("partition_skew"))?.mean;
        let most = all.iter().max_by(|a, b| a.arrivals_per_s.mean.total_cmp(&b.arrivals_per_s.mean))?;
        let mean = all.iter().map(|shard| shard.arrivals_per_s.mean).sum::<f64>() / all.len() as f64;
        let rate = |per_second: f64| format!("{}/s", human_count(per_second));
        let text = format!("{name}: {} on each of {}", rate(mean), all.len());
        let text = format!(
            "{text}, {} on {}: {} above the mean",
            rate(most.arrivals_per_s.mean),
            most.name,
            percent(variance)
        );
        let parts = if figures.contains_key("partition_skew") { "partitions" } else { "shards" };
        Some((parts, text))
    };
    let all: Vec<(&str, String)> = report.components.iter().filter_map(line).collect();
    let of = |parts: &str| all.iter().filter(|(is, _)| *is == parts).map(|(_, text)| text.clone()).collect::<Vec<_>>();
    [entries("shards", &of("shards"), look), entries("partitions", &of("partitions"), look)].concat()
}

/// What happened on the way: faults, alerts, and the signs that it is time for the next design.
fn events(report: &Report, look: Look) -> Vec<String> {
    let mut lines: Vec<String> = report.evolve_when.iter().filter_map(|trigger| evolve(trigger, look)).collect();
    for (name, fault) in &report.faults {
        let Some(at) = fault.at_s else { continue };
        let came_back = fault.recovered_share == Some(1.0);
        let back = if came_back { "errors back to normal after" } else { "errors not back to normal within" };
        let told = [("no longer picked after", fault.removal_s), (back, fault.rto_s)];
        let told = told.into_iter().filter_map(|(label, value)| value.map(|value| (label, value)));
        let told =
            told.map(|(label, value)| format!(", {label} {}{}", spaced_time(value.mean), half_width(&value, look)));
        let mut text = format!("{name} at {}{}", span(at), told.collect::<Vec<_>>().concat());
        if let Some(lost) = fault.lost_writes.filter(|lost| 0.0 < lost.mean) {
            let age = fault.rpo_s.map_or_else(String::new, |age| format!(", the oldest {} old", spaced_time(age.mean)));
            text = format!("{text}, {} acknowledged writes lost{age}", human_count(lost.mean));
        }
        if let Some(lost) = fault.lost_messages.filter(|lost| 0.0 < lost.mean) {
            text = format!("{text}, {} messages lost on the way", human_count(lost.mean));
        }
        if let Some(split) = fault.split_s {
            let conflicts = fault.conflicts.map_or(0.0, |conflicts| conflicts.mean);
            let conflicts = human_count(conflicts);
            text = format!("{text}, two primaries for {}, {conflicts} writes in conflict", spaced_time(split.mean));
        }
        if let Some(took) = fault.deployed_in_s {
            let back = fault.rolled_back_share.filter(|share| 0.0 < *share);
            let back =
                back.map_or_else(String::new, |share| format!(", rolled back in {} of the runs", percent(share)));
            text = format!("{text}, deployed in {}{back}", spaced_time(took.mean));
        }
        if let (Some(keys), Some(took)) = (fault.moved_keys, fault.moved_in_s) {
            text = format!("{text}, {} of the keys moved in {}", percent(keys.mean), spaced_time(took.mean));
        }
        lines.push(entry("fault", &text, look));
    }
    for budget in &report.budgets {
        let Some(burn) = budget.burn.filter(|burn| 0.0 < burn.mean) else { continue };
        let (name, allowed) = (&budget.objective, percent(budget.allowed));
        let text = format!("{name}: used up {} times as fast as the {allowed} that may fail", human_count(burn.mean));
        lines.push(entry("budget", &text, look));
    }
    for alert in report.alerts.iter().filter(|alert| 0.0 < alert.fired_share) {
        let dots = look.marks().dots;
        let spans: Vec<String> =
            alert.fired.iter().map(|[from, to]| format!("{} {dots} {}", span(*from), span(*to))).collect();
        let text = format!("{} {}: {}, {}", alert.severity, alert.name, alert.text, spans.join(", "));
        lines.push(entry("alert", &text, look));
    }
    lines
}

/// A label, and beneath each other what is to be said under it.
fn entries(label: &str, texts: &[String], look: Look) -> Vec<String> {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels.zip(texts).map(|(label, text)| entry(label, text, look)).collect()
}

/// A label and what is to be said, broken to the width.
fn entry(label: &str, text: &str, look: Look) -> String {
    format!("  {label:<10}  {}", wrap(text, look.width, 14))
}

fn half_width(estimate: &crate::report::Estimate, look: Look) -> String {
    estimate.half_width.map_or_else(String::new, |half| format!(" {}{}", look.marks().plus_minus, spaced_time(half)))
}

fn evolve(trigger: &Trigger, look: Look) -> Option<String> {
    let text = format!("{} ({})", trigger.name, trigger.text);
    match (trigger.fired_at_s, trigger.offered_per_s) {
        (Some(at), offered) => {
            let load = offered.map(|load| format!(", at {} offered", human_rate(load))).unwrap_or_default();
            let share = if trigger.fired_share < 1.0 {
                format!(", in {} of replications", percent(trigger.fired_share))
            } else {
                String::new()
            };
            Some(entry("evolve", &format!("{text} fired after {}{load}{share}", span(at)), look))
        }
        (None, _) if 0 < look.verbose => Some(entry("evolve", &format!("{text} did not fire"), look)),
        (None, _) => None,
    }
}

fn caveats(report: &Report, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |style: Style, text: &str| {
        lines.push(paint(&format!("  ! {}", wrap(text, look.width, 4)), style));
    };
    if report.run.partial {
        let by = report.run.stopped_by.map(|by| format!(" ({by})")).unwrap_or_default();
        say(UNSURE, &format!("partial: the run was stopped early{by}, not all replications are finished"));
    }
    for broken in report.audit.iter().filter(|audit| !audit.holds) {
        say(BAD, &format!("the law of {} does not hold for {}: please report this as a bug", broken.law, broken.of));
    }
    for warning in &report.warnings {
        let help = warning.help.as_ref().map(|help| format!(" {} {help}", look.marks().dash)).unwrap_or_default();
        let code = if warning.code.is_empty() { String::new() } else { format!("{}: ", warning.code) };
        say(UNSURE, &format!("{code}{}{help}", warning.message));
    }
    if let Some(text) = coarse(report, look) {
        say(UNSURE, &text);
    }
    if 0 < look.verbose {
        lines.extend(why_it_stopped(report, look));
    }
    lines
}

/// A tail that is known only roughly, and the flag that mends it: an interval shrinks with the root of the time.
fn coarse(report: &Report, look: Look) -> Option<String> {
    let latency = &report.latency.all;
    let named = [("p99", latency.p99), ("p99.9", latency.p999)];
    let width = |estimate: Option<_>| estimate.as_ref().and_then(figures::precision);
    let (name, precision) = named.into_iter().find_map(|(name, e)| Some((name, width(e).filter(|p| COARSE < *p)?)))?;
    let plus_minus = look.marks().plus_minus;
    let known = format!("{name} is known only to {plus_minus}{}", roughly(precision));
    if report.run.replications < ENOUGH {
        return Some(format!("{known}: {} replications are few; try -r 10", report.run.replications));
    }
    let longer = span((report.measured.to_s * 4.0 / 60.0).ceil() * 60.0).replace(' ', "");
    Some(format!("{known}; --duration {longer} would make it about {plus_minus}{}", roughly(precision / 2.0)))
}

fn why_it_stopped(report: &Report, look: Look) -> Vec<String> {
    let run = &report.run;
    let rule = match run.warmup_rule {
        "mser5" => "found by MSER-5",
        "given" => "as given",
        other => other,
    };
    let precision = run.precision.map_or_else(String::new, |reached| {
        format!("; precision reached {}{}", look.marks().plus_minus, roughly(reached))
    });
    let laws = report.audit.iter().filter(|audit| audit.holds).count();
    vec![
        format!("  run         {} replications of {}{precision}", run.replications, span(run.duration_s)),
        format!("  warm-up     {}, {rule}", span(run.warmup_s)),
        format!("  audit       {laws} of {} laws hold on this run", report.audit.len()),
        format!("  scenario    {}", report.scenario.hash),
    ]
}

#[cfg(test)]
pub(super) mod tests;
