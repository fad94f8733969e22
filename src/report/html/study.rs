//! The pages of studies: the answer first, its picture, then the figures that it rests on.

pub mod grid;
pub mod search;

use std::fmt::Write as _;

use serde::Serialize;

use crate::report::capacity::{Capacity, Outcome};
use crate::report::chart::axis::Unit;
use crate::report::chart::curve::{Curves, Place, Point, Trace, curves};
use crate::report::chart::forest::{self, signed};
use crate::report::chart::ink::{self, Ink};
use crate::report::chart::{Chart, latency, svg::escaped};
use crate::report::check::{self, Check};
use crate::report::compare::{Compare, Compared, Difference, Side, Word};
use crate::report::evaluation::Limit;
use crate::report::html::{Page, Section, TAKES, figure, folded, judged, listing, paragraph, rows, table, tile};
use crate::report::journey::{Journey, Stage};
use crate::report::pictures::Curve;
use crate::report::terminal::figures::{busy, of_unit, percent, served, spaced_time};
use crate::report::terminal::{self, Look};
use crate::report::{Verdict, json};
use crate::units::{human_count, human_money, human_rate};

const LOOK: Look = Look { width: 160, unicode: true, verbose: 0, trace: 0 };

/// A page with the answer below its title.
fn page(title: &str, verdict: Verdict, answer: &str, document: &impl Serialize) -> Page {
    let answer = anstream::adapter::strip_str(answer).to_string();
    // The mark of a terminal's line is that of the page, too.
    let answer = answer.trim().trim_start_matches(['✓', '✗', '?', '~', '·', '!']).trim();
    // Columns of a line of a terminal.
    let answer = answer.replace("   (", " (").replace("   ", " · ");
    let (class, mark) = judged(verdict);
    let mark = if verdict == Verdict::None { String::new() } else { format!("{mark} ") };
    Page {
        title: title.to_owned(),
        head: format!("<p class=\"verdict {class}\">{mark}{}</p>", escaped(&answer)),
        sections: Vec::new(),
        data: json::tree(document),
    }
}

fn pages(page: Page, sections: impl IntoIterator<Item = Option<Section>>) -> Page {
    Page { sections: sections.into_iter().flatten().collect(), ..page }
}

fn again(command: Option<&str>) -> Option<Section> {
    let said = paragraph("The same scenario and seed give the same bytes on any machine, for any number of threads.");
    let save =
        "<button type=\"button\" class=\"copy\" data-save=\"figures.json\" hidden>save the figures as JSON</button>\n";
    let command = command.map(|command| listing("command", command)).unwrap_or_default();
    Section::new("again", "Make it again", format!("{said}{command}{save}"))
}

fn time(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), spaced_time)
}

fn money(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |usd| format!("{}/month", human_money(usd)))
}

fn limited(limit: Option<&Limit>) -> String {
    limit
        .map_or_else(String::new, |limit| format!("{} {} {}", limit.component, limit.resource, busy(limit.utilisation)))
}

fn mark(verdict: Verdict) -> String {
    format!("{}\u{a0}{}", judged(verdict).1, verdict.word())
}

fn tiles(of: &[String]) -> String {
    format!("<dl class=\"tiles\">{}</dl>", of.concat())
}

fn drawn(chart: Option<&Chart>) -> String {
    chart.map(figure).unwrap_or_default()
}

// -- capacity ------------------------------------------------------------------------------------------------------------

/// The picture of `capacity`: the tail over the load, with what was looked for.
pub fn capacity_chart(found: &Capacity) -> Option<Chart> {
    let point = |tried: &crate::report::capacity::Tried| {
        Some(Point { x: tried.at, y: tried.p99_s?, range: None, verdict: tried.verdict })
    };
    let median = |tried: &crate::report::capacity::Tried| {
        Some(Point { x: tried.at, y: tried.p50_s?, range: None, verdict: tried.verdict })
    };
    let place = |at: Option<f64>, name: &str, ink| {
        at.map(|at| Place { at, name: format!("{name} {}", amount(found, at)), ink })
    };
    let along = [
        place(found.today.filter(|_| !found.unit.is_empty()), "today", Ink::Text),
        place(found.knee, "knee", Ink::Unsure),
        place(found.value, "carries", Ink::Good),
    ];
    curves(&Curves {
        id: "capacity".to_owned(),
        title: format!("Latency over {}", found.find),
        about:
            "Median and 99th percentile at everything that was tried; a disc meets all objectives, a cross misses one, a \
             ring leaves one undecided."
                .to_owned(),
        units: (if found.unit == "per_s" { Unit::PerSecond } else { Unit::Count }, Unit::Seconds),
        axes: (found.find.clone(), "latency".to_owned()),
        steps: Vec::new(),
        log: (false, true),
        joined: true,
        traces: vec![
            Trace { name: "p99".to_owned(), points: found.points.iter().filter_map(point).collect() },
            Trace { name: "p50".to_owned(), points: found.points.iter().filter_map(median).collect() },
        ],
        places: (along.into_iter().flatten().collect(), Vec::new()),
    })
}

fn amount(found: &Capacity, value: f64) -> String {
    if found.unit == "per_s" { human_rate(value) } else { human_count(value) }
}

/// The page of `capacity`.
pub fn capacity(found: &Capacity) -> Page {
    let verdict = match found.outcome {
        Outcome::Found | Outcome::Unbounded => Verdict::Meets,
        Outcome::None => Verdict::Misses,
        Outcome::Undecided => Verdict::Undecided,
    };
    let page = page(&found.title, verdict, &terminal::capacity::verdict_line(found, LOOK), found);
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| amount(found, value));
    let interval =
        found.low.zip(found.high).map(|(low, high)| format!("{} to {}", amount(found, low), amount(found, high)));
    let mut known = vec![tile("carries", &shown(found.value), &interval.unwrap_or_default())];
    known.push(tile("knee", &shown(found.knee), "from here on, 1% more load adds 4% to the p99"));
    if !found.unit.is_empty() {
        known.push(tile("today", &shown(found.today), ""));
        known.push(tile("needed", &shown(found.needed), &format!("with {} headroom", percent(found.headroom))));
    }
    let limit = limited(found.limit.as_ref());
    known.push(tile(
        "limited by",
        if limit.is_empty() { "–" } else { &limit },
        found.breaks.as_deref().unwrap_or_default(),
    ));
    if let Some(next) = &found.next {
        known.push(tile("then", &format!("{} {}", next.component, next.resource), &amount(found, next.at)));
    }
    let tried = found.points.iter().map(|tried| {
        let served = tried.served.map_or_else(|| "–".to_owned(), served);
        let stable = if tried.stable { "" } else { "cannot keep up" };
        let missed = [stable.to_owned(), tried.missed.join(", ")].into_iter().filter(|word| !word.is_empty());
        let missed = missed.collect::<Vec<_>>().join("; ");
        [
            amount(found, tried.at),
            time(tried.p50_s),
            time(tried.p99_s),
            served,
            mark(tried.verdict),
            limited(tried.limit.as_ref()),
            missed,
        ]
    });
    let head = [found.find.as_str(), "p50", "p99", "served", "verdict", "busiest", "misses"];
    let mut within = String::from("<ul>");
    found.within.iter().for_each(|text| write!(within, "<li>{}</li>", escaped(text)).expect(TAKES));
    within.push_str("</ul>");
    pages(
        page,
        [
            Section::new("answer", "The answer", format!("{}{}", tiles(&known), drawn(capacity_chart(found).as_ref()))),
            Section::new("tried", "What was tried", table(&rows(head, tried.collect()))),
            Section::new("within", "Objectives", within),
            again(found.command.as_deref()),
        ],
    )
}

// -- compare -------------------------------------------------------------------------------------------------------------

/// The pictures of a comparison: all percentile curves over each other, then the differences of each design.
pub fn compare_charts(compare: &Compare) -> Vec<Chart> {
    let numbered = compare.after.iter().enumerate();
    let forests = numbered.filter_map(|(number, compared)| forest_of(compare, compared, number));
    overlay(compare).into_iter().chain(forests).collect()
}

/// The percentile curves of all designs.
fn overlay(compare: &Compare) -> Option<Chart> {
    let sides = std::iter::once(&compare.before).chain(compare.after.iter().map(|compared| &compared.side));
    let named = |side: &Side| Some(Curve { name: side.name.clone(), ..side.curve.clone()? });
    let curves: Vec<Curve> = sides.filter_map(named).take(ink::SERIES).collect();
    latency::of_curves("latency", "Latency by percentile", &curves, &limits(compare))
}

/// Objectives about a percentile of all requests, each once.
fn limits(compare: &Compare) -> Vec<(f64, f64, String)> {
    let mut found = Vec::new();
    for difference in compare.after.iter().flat_map(|compared| &compared.differences) {
        let limit = difference.text.as_ref().and_then(|text| latency::limit_of(text, difference.limit));
        found.extend(limit.filter(|limit| !found.contains(limit)));
    }
    found
}

/// Every difference of one design that is a share, with its interval.
fn forest_of(compare: &Compare, compared: &Compared, number: usize) -> Option<Chart> {
    let differences = compared.differences.iter().filter(|difference| !difference.absolute);
    let drawn: Vec<forest::Difference> = differences.filter_map(difference).collect();
    let id = if number == 0 { "changes".to_owned() } else { format!("changes-{}", number + 1) };
    let title = format!("{} to {}", compare.before.name, compared.side.name);
    forest::forest(&id, &title, compare.noise, &drawn)
}

fn difference(difference: &Difference) -> Option<forest::Difference> {
    let change = difference.change?;
    let (verdict, ink) = match difference.word {
        Some(word @ Word::Improved) => (word.text(), Ink::Good),
        Some(word @ Word::Regressed) => (word.text(), Ink::Bad),
        Some(word) => (word.text(), Ink::Faint),
        None => ("", Ink::Text),
    };
    Some(forest::Difference {
        name: difference.measure.clone(),
        change,
        low: difference.low.unwrap_or(change),
        high: difference.high.unwrap_or(change),
        verdict: verdict.to_owned(),
        ink,
    })
}

/// The page of `compare`.
pub fn compare(compare: &Compare) -> Page {
    let names: Vec<&str> = compare.after.iter().map(|compared| compared.side.name.as_str()).collect();
    let title = format!("{} → {}", compare.before.name, names.join(", "));
    let answer: Vec<String> = compare.after.iter().map(|compared| sentence(&compared.in_short)).collect();
    let mut page = page(&title, Verdict::None, &answer.join(" "), compare);
    page.head
        .push_str(&compare.after.iter().map(|compared| better_or_worse(compared, names.len())).collect::<String>());
    let bodies = compare.after.iter().enumerate().map(|(number, compared)| {
        let mut body = drawn(forest_of(compare, compared, number).as_ref());
        body.push_str(&table(&rows(
            ["figure", "before", "after", "change", "95 % interval", "verdict"],
            compared.differences.iter().map(row).collect(),
        )));
        body.push_str(&changes(compared));
        body
    });
    let bodies: Vec<String> = bodies.collect();
    let body = if let [only] = &bodies[..] {
        only.clone()
    } else {
        let named = names.iter().zip(&bodies);
        named.fold(String::new(), |all, (name, body)| format!("{all}<h3>{}</h3>{body}", escaped(name)))
    };
    let said = format!(
        "{} paired replications on the same arrivals and the same luck, seed {}.",
        compare.replications, compare.seed
    );
    pages(
        page,
        [
            Section::new("differences", "What is different", format!("{}{body}", paragraph(&said))),
            Section::new("latency", "Latency", drawn(overlay(compare).as_ref())),
            Section::new("designs", "The designs", designs(compare)),
            again(compare.command.as_deref()),
        ],
    )
}

/// The words with a capital.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    // A measure keeps its name: `p99` is no `P99`.
    if words.starts_with("no ") { first.chain(letters).collect() } else { words.to_owned() }
}

/// What became better and what worse, each in a line with its mark.
fn better_or_worse(compared: &Compared, of: usize) -> String {
    let who = if 1 < of { format!("{}: ", compared.side.name) } else { String::new() };
    let line = |wanted: Word, class: &str, mark: &str| {
        let found = compared.differences.iter().filter(|difference| difference.word == Some(wanted));
        let names: Vec<&str> = found.map(|difference| difference.measure.as_str()).collect();
        if names.is_empty() {
            return String::new();
        }
        format!("<p class=\"{class}\">{mark} {}</p>", escaped(&format!("{who}{}: {}", wanted.text(), names.join(", "))))
    };
    line(Word::Improved, "good", "✓") + &line(Word::Regressed, "bad", "✗")
}

fn row(difference: &Difference) -> [String; 6] {
    let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| of_unit(value, &difference.unit));
    let change = |change: f64| {
        let sign = match change {
            0.0 => "",
            change if change < 0.0 => "−",
            _ => "+",
        };
        match (difference.absolute, difference.unit.as_str()) {
            (false, _) => signed(change),
            (true, "ratio") if (change * 1e4).round() == 0.0 => "0 points".to_owned(),
            (true, "ratio") => format!("{sign}{:.2} points", change.abs() * 100.0),
            (true, unit) => format!("{sign}{}", of_unit(change.abs(), unit)),
        }
    };
    let ends = difference.low.zip(difference.high).filter(|(low, high)| low < high);
    let interval = ends.map(|(low, high)| format!("{} to {}", change(low), change(high)));
    let word = difference.word.map_or("", Word::text);
    let verdicts = difference
        .verdicts
        .map(|[was, is]| if was == is { is.word().to_owned() } else { format!("{} → {}", was.word(), is.word()) });
    let told = [Some(word.to_owned()).filter(|word| !word.is_empty()), verdicts];
    let told = told.into_iter().flatten().collect::<Vec<_>>().join("; ");
    let changed = difference.change.map_or_else(|| "–".to_owned(), change);
    let condition = difference.text.as_ref().filter(|text| **text != difference.measure);
    let condition = condition.map(|text| format!(": {text}")).unwrap_or_default();
    [
        format!("{}{condition}", difference.measure),
        value(difference.before),
        value(difference.after),
        changed,
        interval.unwrap_or_default(),
        told,
    ]
}

fn changes(compared: &Compared) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    let changed =
        compared.changes.iter().map(|change| [change.path.clone(), side(&change.before), side(&change.after)]);
    let said = format!("{} settings are the same.", compared.unchanged);
    format!(
        "<h3>What was changed</h3>{}{}",
        table(&rows(["setting", "before", "after"], changed.collect())),
        paragraph(&said)
    )
}

fn designs(compare: &Compare) -> String {
    let sides = std::iter::once(&compare.before).chain(compare.after.iter().map(|compared| &compared.side));
    let told = sides.map(|side| {
        let stable = if side.stable { "" } else { "cannot keep up" };
        let offered = side.offered_per_s.map_or_else(|| "–".to_owned(), human_rate);
        [
            side.name.clone(),
            side.title.clone(),
            mark(side.verdict),
            offered,
            money(side.usd_per_month),
            limited(side.bottleneck.as_ref()),
            stable.to_owned(),
        ]
    });
    table(&rows(["design", "title", "objectives", "offered", "cost", "bottleneck", ""], told.collect()))
}

// -- check ---------------------------------------------------------------------------------------------------------------

/// The page of `check`.
pub fn check(check: &Check) -> Page {
    let verdict = |outcome: check::Outcome| match outcome {
        check::Outcome::Passed => Verdict::Meets,
        check::Outcome::Failed => Verdict::Misses,
        check::Outcome::Undecided => Verdict::Undecided,
        check::Outcome::Skipped => Verdict::None,
    };
    let page = page("Check", verdict(check.outcome), &terminal::check::summary_line(check, LOOK), check);
    let overview = check.scenarios.iter().map(|checked| {
        let failed = checked.rules.iter().filter(|rule| rule.verdict != Verdict::Meets).count();
        let name = checked
            .variant
            .as_ref()
            .map_or_else(|| checked.name.clone(), |variant| format!("{} ({variant})", checked.name));
        let outcome = format!("{}\u{a0}{}", judged(verdict(checked.outcome)).1, checked.outcome.word());
        let same = if checked.unchanged { "unchanged, not simulated again" } else { "" };
        let note = [checked.note.clone(), Some(same.to_owned())].into_iter().flatten().filter(|note| !note.is_empty());
        [outcome, name, checked.rules.len().to_string(), failed.to_string(), note.collect::<Vec<_>>().join("; ")]
    });
    let overview = table(&rows(["", "scenario", "rules", "not met", ""], overview.collect()));
    let details: String = check
        .scenarios
        .iter()
        .filter(|checked| !checked.rules.is_empty())
        .map(|checked| {
            let told = checked.rules.iter().map(|rule| {
                let place = rule.line.map_or_else(|| rule.file.clone(), |line| format!("{}:{line}", rule.file));
                let found = terminal::check::rule_words(rule);
                let found = found.strip_prefix(&format!("{}: ", rule.text)).unwrap_or(&found).to_owned();
                [mark(rule.verdict), rule.text.clone(), found, place]
            });
            let body = table(&rows(["", "rule", "found", "where"], told.collect()));
            let rules = if checked.rules.len() == 1 { "rule" } else { "rules" };
            let (sign, count) = (judged(verdict(checked.outcome)).1, checked.rules.len());
            let title = format!("{sign} {} · {count} {rules}", checked.name);
            let text = folded("", &title, &body);
            let is_fine = matches!(checked.outcome, check::Outcome::Passed | check::Outcome::Skipped);
            if is_fine { text } else { text.replacen("<details", "<details open", 1) }
        })
        .collect();
    pages(
        page,
        [
            Section::new("scenarios", "Scenarios", overview),
            Section::new("rules", "Rules", details),
            again(check.command.as_deref()),
        ],
    )
}

// -- journey -------------------------------------------------------------------------------------------------------------

/// A figure of a stage, and how it is written.
type Figure = (fn(&Stage) -> Option<f64>, fn(f64) -> String);

/// The pictures of a journey: what each stage carries, and what it costs.
pub fn journey_charts(journey: &Journey) -> Vec<Chart> {
    use crate::report::chart::bars::{Bar, Size, bars};
    let most = |of: fn(&Stage) -> Option<f64>| journey.stages.iter().filter_map(of).fold(0.0, f64::max);
    let draw = |id: &str, title: &str, about: &str, (of, word): Figure| {
        let most = most(of);
        if most <= 0.0 {
            return None;
        }
        let bar = |stage: &Stage| Bar {
            name: stage.name.clone(),
            parts: vec![(of(stage).unwrap_or(0.0) / most, Ink::Level(5))],
            range: None,
            figure: of(stage).map_or_else(|| "–".to_owned(), word),
        };
        let all: Vec<Bar> = journey.stages.iter().map(bar).collect();
        let mut chart = bars(id, title, Size { width: crate::report::chart::WIDTH, names: 176.0 }, &all);
        about.clone_into(&mut chart.about);
        let cells =
            journey.stages.iter().map(|stage| [stage.name.clone(), of(stage).map_or_else(|| "–".to_owned(), word)]);
        chart.table = rows(["stage", title], cells.collect());
        Some(chart)
    };
    let carried = draw(
        "carries",
        "What each stage carries",
        "The most load within the objectives of each stage.",
        (|stage| stage.capacity.per_s, human_rate),
    );
    let costs = draw(
        "costs",
        "What each stage costs",
        "Dollars a month.",
        (|stage| stage.usd_per_month, |usd| format!("{}/month", human_money(usd))),
    );
    carried.into_iter().chain(costs).collect()
}

/// The page of `journey`.
pub fn journey(journey: &Journey) -> Page {
    let all = journey.stages.iter().all(|stage| stage.verdict == Verdict::Meets);
    let meeting = journey.stages.iter().filter(|stage| stage.verdict == Verdict::Meets).count();
    let met = if all { format!("all {meeting}") } else { format!("{meeting} of {}", journey.stages.len()) };
    let answer =
        format!("{met} stages meet their objectives · {} replications simulated", human_count(journey.runs as f64));
    let verdict = if all { Verdict::Meets } else { Verdict::None };
    let mut page = page(&journey.title, verdict, &answer, journey);
    page.head.push_str(&journey.description.as_deref().map(paragraph).unwrap_or_default());
    let told = journey.stages.iter().map(|stage| {
        let users = stage.users.map_or_else(|| "–".to_owned(), human_count);
        let carries = stage.capacity.per_s.map_or_else(|| "–".to_owned(), human_rate);
        [
            stage.name.clone(),
            users,
            time(stage.p99_s),
            carries,
            money(stage.usd_per_month),
            mark(stage.verdict),
            limited(stage.bottleneck.as_ref()),
        ]
    });
    let head = ["stage", "users", "p99", "carries", "cost", "objectives", "busiest"];
    let stages: String = journey.stages.iter().map(stage).collect();
    pages(
        page,
        [
            Section::new(
                "ladder",
                "The ladder",
                format!(
                    "{}{}",
                    journey_charts(journey).iter().map(figure).collect::<String>(),
                    table(&rows(head, told.collect()))
                ),
            ),
            Section::new("stages", "Stage by stage", stages),
            again(journey.command.as_deref()),
        ],
    )
}

fn stage(stage: &Stage) -> String {
    let mut text = format!("<h3>{}</h3>", escaped(&stage.title));
    text.push_str(&stage.story.as_deref().map(paragraph).unwrap_or_default());
    let mut found: Vec<[String; 2]> = Vec::new();
    let mut say = |name: &str, value: Option<String>| found.extend(value.map(|value| [name.to_owned(), value]));
    say("offered", stage.offered_per_s.map(human_rate));
    say("p50", stage.p50_s.map(spaced_time));
    say("p99", stage.p99_s.map(spaced_time));
    say("failed", stage.failed.map(percent));
    say("misses", Some(stage.missed.join(", ")).filter(|missed| !missed.is_empty()));
    let interval = stage.capacity.low.zip(stage.capacity.high);
    let interval =
        interval.map(|(low, high)| format!(" ({} to {})", human_rate(low), human_rate(high))).unwrap_or_default();
    say("carries", stage.capacity.per_s.map(|per_s| format!("{}{interval}", human_rate(per_s))));
    say("breaks first", stage.capacity.breaks.clone());
    say(
        "time for the next",
        stage.evolve.as_ref().map(|sign| format!("{} at {}", sign.text, human_rate(sign.at_per_s))),
    );
    if let Some(step) = &stage.step {
        let times = step.capacity_times.map(|times| format!("{times:.1} × the capacity"));
        let more = step.usd_more_per_month.map(|usd| format!("{} more a month", human_money(usd)));
        let tail = step.p99.as_ref().and_then(|p99| p99.change).map(|change| format!("p99 {}", signed(change)));
        let bought = [times, more, tail].into_iter().flatten().collect::<Vec<_>>().join(", ");
        say("the step bought", Some(bought).filter(|bought| !bought.is_empty()));
        say("settings changed", Some(format!("{}, {} added", step.changed, step.added)));
    }
    text.push_str(&table(&rows(["figure", "value"], found)));
    text
}
