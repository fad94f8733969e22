//! The pages of studies: the answer first, its picture, then the figures that it rests on.

use std::fmt::Write as _;

use serde::Serialize;

use crate::report::Verdict;
use crate::report::capacity::{Capacity, Outcome};
use crate::report::chart::axis::Unit;
use crate::report::chart::curve::{Curves, Place, Point, Trace, curves};
use crate::report::chart::forest::{self, signed};
use crate::report::chart::ink::Ink;
use crate::report::chart::{Chart, svg::escaped};
use crate::report::check::{self, Check};
use crate::report::compare::{Compare, Compared, Difference, Word};
use crate::report::evaluation::Limit;
use crate::report::html::{Page, Section, TAKES, figure, folded, judged, listing, paragraph, rows, table, tile};
use crate::report::journey::{Journey, Stage};
use crate::report::size::{Candidate, Contender, Size};
use crate::report::sweep::{self, Sweep};
use crate::report::terminal::figures::{of_unit, percent, spaced_time};
use crate::report::terminal::{self, Look};
use crate::units::{human_count, human_money, human_rate};

const LOOK: Look = Look { width: 160, unicode: true, verbose: 0, trace: 0 };

/// A page with the answer below its title.
fn page(title: &str, verdict: Verdict, answer: &str, document: &impl Serialize) -> Page {
    let answer = anstream::adapter::strip_str(answer).to_string();
    // The mark of a terminal's line is that of the page, too.
    let answer = answer.trim().trim_start_matches(['✓', '✗', '?', '~', '·', '!']).trim();
    let (class, mark) = judged(verdict);
    Page {
        title: title.to_owned(),
        head: format!("<p class=\"verdict {class}\">{mark} {}</p>", escaped(answer)),
        sections: Vec::new(),
        data: serde_json::to_value(document).expect("a tree of plain values with names for keys"),
    }
}

fn pages(page: Page, sections: impl IntoIterator<Item = Option<Section>>) -> Page {
    Page { sections: sections.into_iter().flatten().collect(), ..page }
}

fn again(command: &str) -> Option<Section> {
    let said = paragraph("The same scenario and seed give the same bytes on any machine, for any number of threads.");
    let save =
        "<button type=\"button\" class=\"copy\" data-save=\"figures.json\" hidden>save the figures as JSON</button>\n";
    Section::new("again", "Make it again", format!("{said}{}{save}", listing("command", command)))
}

fn time(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), spaced_time)
}

fn money(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |usd| format!("{}/month", human_money(usd)))
}

fn limited(limit: Option<&Limit>) -> String {
    limit.map_or_else(String::new, |limit| {
        format!("{} {} {}", limit.component, limit.resource, percent(limit.utilisation))
    })
}

fn mark(verdict: Verdict) -> String {
    format!("{} {}", judged(verdict).1, verdict.word())
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
        Some(Point { x: tried.at, y: tried.p99_s?, range: None, good: tried.verdict == Verdict::Meets })
    };
    let median = |tried: &crate::report::capacity::Tried| {
        Some(Point { x: tried.at, y: tried.p50_s?, range: None, good: tried.verdict == Verdict::Meets })
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
            "Median and 99th percentile at everything that was tried; a cross misses an objective, a disc meets all."
                .to_owned(),
        units: (if found.unit == "per_s" { Unit::PerSecond } else { Unit::Count }, Unit::Seconds),
        axes: (found.find.clone(), "latency".to_owned()),
        log: true,
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
pub fn capacity(found: &Capacity, command: &str) -> Page {
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
        let served = tried.served.map_or_else(|| "–".to_owned(), percent);
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
            again(command),
        ],
    )
}

// -- compare -------------------------------------------------------------------------------------------------------------

/// The picture of one comparison: every difference that is a share, with its interval.
pub fn compare_chart(compare: &Compare, compared: &Compared, number: usize) -> Option<Chart> {
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
pub fn compare(compare: &Compare, command: &str) -> Page {
    let names: Vec<&str> = compare.after.iter().map(|compared| compared.side.name.as_str()).collect();
    let worst = compare.after.iter().map(|compared| compared.word).max();
    let verdict = match worst {
        Some(Word::Improved) => Verdict::Meets,
        Some(Word::Regressed) => Verdict::Misses,
        _ => Verdict::None,
    };
    let title = format!("{} → {}", compare.before.name, names.join(", "));
    let answer: Vec<&str> = compare.after.iter().map(|compared| compared.in_short.as_str()).collect();
    let page = page(&title, verdict, &answer.join(" "), compare);
    let bodies = compare.after.iter().enumerate().map(|(number, compared)| {
        let mut body = drawn(compare_chart(compare, compared, number).as_ref());
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
            Section::new("designs", "The designs", designs(compare)),
            again(command),
        ],
    )
}

fn row(difference: &Difference) -> [String; 6] {
    let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| of_unit(value, &difference.unit));
    let change = |change: f64| {
        let sign = if change < 0.0 { "−" } else { "+" };
        match (difference.absolute, difference.unit.as_str()) {
            (false, _) => signed(change),
            (true, "ratio") => format!("{sign}{:.2} points", change.abs() * 100.0),
            (true, unit) => format!("{sign}{}", of_unit(change.abs(), unit)),
        }
    };
    let interval =
        difference.low.zip(difference.high).map(|(low, high)| format!("{} to {}", change(low), change(high)));
    let word = difference.word.map_or("", Word::text);
    let verdicts = difference.verdicts.map(|[was, is]| format!("{} → {}", was.word(), is.word()));
    let told = [Some(word.to_owned()).filter(|word| !word.is_empty()), verdicts];
    let told = told.into_iter().flatten().collect::<Vec<_>>().join("; ");
    let changed = difference.change.map_or_else(|| "–".to_owned(), change);
    [
        difference.measure.clone(),
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

// -- sweep and size ------------------------------------------------------------------------------------------------------

/// The picture of a sweep over one axis of numbers; of others, and of several, p99 against cost.
pub fn sweep_chart(sweep: &Sweep) -> Option<Chart> {
    let point = |x: f64, row: &sweep::Row| {
        let tail = row.figures.measure("p99")?;
        Some(Point { x, y: tail.value?, range: tail.low.zip(tail.high), good: row.figures.verdict != Verdict::Misses })
    };
    let number = |row: &sweep::Row| sweep.head.points[row.point].first()?.parse::<f64>().ok();
    let is_line = sweep.head.axes.len() == 1 && sweep.rows.iter().all(|row| number(row).is_some());
    let points: Vec<Point> = if is_line {
        sweep.rows.iter().filter_map(|row| point(number(row)?, row)).collect()
    } else {
        sweep.rows.iter().filter_map(|row| point(row.figures.usd_per_month?, row)).collect()
    };
    let axis = if is_line { sweep.head.axes[0].clone() } else { "dollars a month".to_owned() };
    curves(&Curves {
        id: "sweep".to_owned(),
        title: format!("99th percentile over {axis}"),
        about: "Each point with its 95 % interval; a cross misses an objective.".to_owned(),
        units: (if is_line { Unit::Count } else { Unit::Money }, Unit::Seconds),
        axes: (axis, "p99".to_owned()),
        log: true,
        joined: is_line,
        traces: vec![Trace { name: "p99".to_owned(), points }],
        places: (Vec::new(), Vec::new()),
    })
}

/// The page of `sweep`.
pub fn sweep(sweep: &Sweep, command: &str) -> Page {
    let verdict =
        if sweep.rows.iter().any(|row| row.figures.verdict == Verdict::Meets) { Verdict::Meets } else { Verdict::None };
    let page =
        page(&format!("Sweep of {}", sweep.head.name), verdict, &terminal::sweep::verdict_line(sweep, LOOK), sweep);
    let mut head = sweep.head.axes.clone();
    head.extend(["p50", "p99", "served", "objectives", "bottleneck", "cost", ""].map(str::to_owned));
    let told = sweep.rows.iter().map(|row| {
        let figures = &row.figures;
        let mut cells = sweep.head.points[row.point].clone();
        let served = figures.value("served").map_or_else(|| "–".to_owned(), human_rate);
        let best = if sweep.best == Some(row.point) { "← best" } else { "" };
        cells.extend([time(figures.value("p50")), time(figures.value("p99")), served, mark(figures.verdict)]);
        cells.extend([limited(figures.bottleneck.as_ref()), money(figures.usd_per_month), best.to_owned()]);
        cells
    });
    let told = crate::report::chart::Table { head, rows: told.collect() };
    pages(
        page,
        [
            Section::new("picture", "The picture", drawn(sweep_chart(sweep).as_ref())),
            Section::new("points", "Every point", table(&told)),
            again(command),
        ],
    )
}

/// The picture of `size`: what is paid for a shorter tail.
pub fn size_chart(size: &Size) -> Option<Chart> {
    let point = |candidate: &Candidate| {
        Some(Point {
            x: candidate.usd_per_month,
            y: candidate.p99_s?,
            range: None,
            good: candidate.verdict == Verdict::Meets,
        })
    };
    let best = size.best.iter().map(|best| Place {
        at: best.usd_per_month,
        name: "the cheapest that meets".to_owned(),
        ink: Ink::Good,
    });
    curves(&Curves {
        id: "pareto".to_owned(),
        title: "Cost against latency".to_owned(),
        about: "Designs of which none is both cheaper and quicker; a cross misses an objective.".to_owned(),
        units: (Unit::Money, Unit::Seconds),
        axes: ("dollars a month".to_owned(), "p99".to_owned()),
        log: true,
        joined: false,
        traces: vec![Trace { name: "p99".to_owned(), points: size.pareto.iter().filter_map(point).collect() }],
        places: (best.collect(), Vec::new()),
    })
}

/// The page of `size`.
pub fn size(size: &Size, command: &str) -> Page {
    let verdict = if size.best.is_some() { Verdict::Meets } else { Verdict::Misses };
    let page = page(&format!("Sizing {}", size.name), verdict, &terminal::size::verdict_line(size, LOOK), size);
    let mut known = vec![tile("load", &human_rate(size.load_per_s), &size.within.join(", "))];
    if let Some(best) = &size.best {
        known.push(tile("cheapest", &money(Some(best.usd_per_month)), ""));
        let settings = size.axes.iter().zip(&best.settings);
        known.extend(settings.map(|(axis, value)| tile(axis, value, "")));
    }
    let looked = format!("{} simulated, {} ruled out by arithmetic", size.simulated, size.ruled_out);
    known.push(tile("designs", &human_count(f64::from(size.designs)), &looked));
    let binds = if size.binds.is_empty() {
        String::new()
    } else {
        paragraph(&format!("What binds: {}.", size.binds.join(", ")))
    };
    let mut head = size.axes.clone();
    head.extend(["cost", "p99", "objectives", "busiest", "misses"].map(str::to_owned));
    let line = |candidate: &Candidate| {
        let mut cells = candidate.settings.clone();
        cells.extend([money(Some(candidate.usd_per_month)), time(candidate.p99_s), mark(candidate.verdict)]);
        cells.extend([limited(candidate.limit.as_ref()), candidate.missed.join(", ")]);
        cells
    };
    let of = |all: &[Candidate]| {
        table(&crate::report::chart::Table { head: head.clone(), rows: all.iter().map(line).collect() })
    };
    let mut front = of(&size.pareto);
    if !size.cheaper_but_undecided.is_empty() {
        front.push_str(&folded("", "Cheaper, but undecided", &of(&size.cheaper_but_undecided)));
    }
    front.push_str(&regretted(size));
    pages(
        page,
        [
            Section::new(
                "answer",
                "The answer",
                format!("{}{binds}{}", tiles(&known), drawn(size_chart(size).as_ref())),
            ),
            Section::new("front", "The front", front),
            again(command),
        ],
    )
}

/// The contenders over all draws of the inputs, where some are intervals.
fn regretted(size: &Size) -> String {
    let Some(regrets) = &size.regrets else { return String::new() };
    let line = |contender: &Contender| {
        let mut cells = contender.settings.clone();
        let [bill, regret, worst] = [contender.usd_per_month, contender.regret_usd.mean, contender.worst_regret_usd]
            .map(|usd| money(Some(usd)));
        cells.extend([bill, percent(contender.meets.mean), regret, worst]);
        cells
    };
    let mut head = size.axes.clone();
    head.extend(["cost", "meets all", "regret", "at worst"].map(str::to_owned));
    let found = crate::report::chart::Table { head, rows: regrets.contenders.iter().map(line).collect() };
    let miss = human_money(regrets.price_of_a_miss_usd);
    let said = format!("Over {} draws of the uncertain inputs; a month that misses counts as {miss}.", regrets.draws);
    format!("<h3>Regret</h3>{}{}", paragraph(&said), table(&found))
}

// -- check ---------------------------------------------------------------------------------------------------------------

/// The page of `check`.
pub fn check(check: &Check, command: &str) -> Page {
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
        let outcome = format!("{} {}", judged(verdict(checked.outcome)).1, checked.outcome.word());
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
                [mark(rule.verdict), rule.text.clone(), terminal::check::rule_words(rule), place]
            });
            let body = table(&rows(["", "rule", "found", "where"], told.collect()));
            let title =
                format!("{} {} · {} rules", judged(verdict(checked.outcome)).1, checked.name, checked.rules.len());
            folded("", &title, &body)
        })
        .collect();
    pages(
        page,
        [Section::new("scenarios", "Scenarios", overview), Section::new("rules", "Rules", details), again(command)],
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
pub fn journey(journey: &Journey, command: &str) -> Page {
    let all = journey.stages.iter().all(|stage| stage.verdict == Verdict::Meets);
    let answer =
        format!("{} stages, {} replications simulated", journey.stages.len(), human_count(journey.runs as f64));
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
            again(command),
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
