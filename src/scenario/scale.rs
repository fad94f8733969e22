//! `autoscale:`: how many instances there should be, and who says so (language section 8).

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::policy::scale::concurrency::Concurrency;
use crate::policy::scale::forecast::Forecast;
use crate::policy::scale::{Allowance, Behaviour, By, Entry, Pace, Part, Rule, Select, Step};
use crate::scenario::condition::{Body, Bound, Measure, Quantity, Relation, parse};
use crate::scenario::hpa;
use crate::scenario::load::Moment;
use crate::scenario::values::{inert, letters};
use crate::text::{Node, Origin, Value};
use crate::units::{self, Dimension, Span, UnitError};

/// Who says how many instances there should be.
#[derive(Clone, Debug)]
pub struct Autoscale {
    pub rule: Rule,
    pub behaviour: Behaviour,
    /// What the rule reads, in its order.
    pub measures: Vec<Spotted<Measure>>,
    pub every_s: f64,
    pub window_s: f64,
    pub age_s: f64,
    /// The panic window of `concurrency`.
    pub panic_s: Option<f64>,
}

/// The rules, of which one is given.
pub const RULES: &[&str] = &["target", "step", "score", "schedule", "predict", "concurrency", "hpa"];

pub static AUTOSCALE: Table = Table {
    name: "autoscale",
    about: "Change the number of instances with the load: one rule, and how fast its recommendation may be followed",
    fields: &[
        Field::new("min", Shape::Count, "3", "Fewest instances; 1 unless given"),
        Field::new("max", Shape::Count, "100", "Most instances: what was reserved, or the quota"),
        Field::new("every", Shape::Time, "15s", "Time between two looks").or("15s"),
        Field::new("window", Shape::Time, "1m", "Time over which what is measured is averaged; 60s unless given"),
        Field::new("age", Shape::Time, "15s", "How old measured values are when they are looked at; 15s unless given"),
        Field::new(
            "target",
            Shape::MapOf(&Shape::Text),
            "{utilisation of cores: 70%, arrivals per instance: 250/s}",
            "Keep each measure at its value, in proportion; the most demanding wins",
        ),
        Field::new(
            "step",
            Shape::MapOf(&Shape::Text),
            "{utilisation of cores > 70%: +2, utilisation of cores < 30%: -1}",
            "Add or take away so many while a condition holds; of several the largest change",
        ),
        Field::new(
            "score",
            Shape::ListOf(&Shape::Text),
            "[60% utilisation of cores / 100%, 40% latency p99 / 500ms]",
            "A weighted sum of measures over their wholes; `up: {above: 0.7}` and `down: {below: 0.3}` say what it means",
        ),
        Field::new(
            "schedule",
            Shape::MapOf(&Shape::Count),
            "{07:45: 15, 20:30: 5}",
            "So many from each time of the day on, or of the week (`Sat 09:00`)",
        ),
        Field::new(
            "predict",
            Shape::Object(&PREDICT),
            "{of: arrivals, target: 250/s, history: 14d, ahead: 15m}",
            "As many as the next minutes will need, if they are like the same minutes of past days",
        ),
        Field::new(
            "concurrency",
            Shape::Object(&CONCURRENCY),
            "{target: 100, panic: 200% in 6s}",
            "Requests in flight per instance, with a short window for emergencies (Knative)",
        ),
        Field::new(
            "hpa",
            Shape::Object(&hpa::HPA),
            "{maxReplicas: 10, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]}",
            "The `spec` of a Kubernetes HorizontalPodAutoscaler v2 as it is, with its own units",
        ),
        Field::new(
            "means",
            Shape::MapOf(&Shape::Measure),
            "{requests_per_second: arrivals}",
            "With `hpa`: which measure stands behind the name of a metric",
        ),
        Field::new(
            "up",
            Shape::Object(&UP),
            "{by: [100%, 4], per: 15s, stable: 0s, tolerance: 10%}",
            "How fast instances are added",
        ),
        Field::new(
            "down",
            Shape::Object(&DOWN),
            "{by: 10%, per: 60s, stable: 5m, tolerance: 10%}",
            "How fast they are taken away",
        ),
    ],
};

static BY: Field = Field::new(
    "by",
    Shape::OneOf(&[Shape::Text, Shape::ListOf(&Shape::Text)]),
    "[100%, 4]",
    "At most so many, such a share of them, or so many times as many (`x1.5`); of several what changes most",
);
static PER: Field = Field::new("per", Shape::Time, "60s", "In which time `by` may happen once; 15s unless given");
static TOLERANCE: Field =
    Field::new("tolerance", Shape::Share, "10%", "Deviation from a target that is left alone; 10% unless given");

static UP: Table = Table {
    name: "up",
    about: "How fast instances are added; unless given, a target may double them, or add 4, every 15 s",
    fields: &[
        BY,
        PER,
        Field::new("stable", Shape::Time, "30s", "How long more must have been needed; 0s unless given"),
        TOLERANCE,
        Field::new("above", Shape::Number, "0.7", "From which score on"),
    ],
};
static DOWN: Table = Table {
    name: "down",
    about: "How fast instances are taken away",
    fields: &[
        BY,
        PER,
        Field::new(
            "stable",
            Shape::Time,
            "5m",
            "How long fewer must have been enough; unless given 5m, and 0s for a schedule and for concurrency",
        ),
        TOLERANCE,
        Field::new("below", Shape::Number, "0.3", "Up to which score"),
    ],
};
static PREDICT: Table = Table {
    name: "predict",
    about: "A line through the past days and a factor for each time of the day (of the week, from two weeks on)",
    fields: &[
        Field::new("of", Shape::Measure, "arrivals", "What is foreseen").or("arrivals"),
        Field::new("target", Shape::Rate, "250/s", "How much of it an instance can do").required(),
        Field::new("history", Shape::Time, "14d", "How many days are looked back on").or("14d"),
        Field::new("ahead", Shape::Time, "15m", "How far ahead what is needed is ordered").or("15m"),
    ],
};
static CONCURRENCY: Table = Table {
    name: "concurrency",
    about: "Requests in flight per instance; the `window` is the stable one",
    fields: &[
        Field::new("target", Shape::Number, "100", "Requests in flight that an instance should have").required(),
        Field::new(
            "panic",
            Shape::Text,
            "200% in 6s",
            "From how many times as many instances as there are, needed over how short a window, nothing is taken away",
        )
        .or("200% in 6s"),
        Field::new("up_rate", Shape::Text, "x10", "Most times as many at once").or("x1000"),
        Field::new("down_rate", Shape::Text, "x2", "At least one of so many stays at once").or("x2"),
    ],
};

/// Seconds of `every`, `window` and `age` where they are left out.
const EVERY_S: f64 = 15.0;
const WINDOW_S: f64 = 60.0;
const AGE_S: f64 = 15.0;

/// Reads `autoscale:` of a component.
pub(super) fn autoscale(r: &mut Reader) -> Option<Spotted<Autoscale>> {
    let owner = r.owner();
    let which = r.exactly_one(RULES)?;
    let (every_s, window_s) =
        (r.positive_time("every").unwrap_or(EVERY_S), r.positive_time("window").unwrap_or(WINDOW_S));
    let age_s = r.time("age").map_or(AGE_S, |age| age.value);
    check_fields(r, which);
    let mut read = Autoscale {
        rule: Rule::Target(Vec::new()),
        behaviour: behaviour(r, which)?,
        measures: Vec::new(),
        every_s,
        window_s,
        age_s,
        panic_s: None,
    };
    match which {
        "target" => target(r, &mut read)?,
        "step" => step(r, &mut read)?,
        "score" => score(r, &mut read)?,
        "schedule" => schedule(r, &mut read)?,
        "predict" => predict(&mut r.object("predict")?, &mut read)?,
        "concurrency" => concurrency(&mut r.object("concurrency")?, &mut read)?,
        _ => hpa::hpa(r, &mut read)?,
    }
    let Behaviour { min, max, .. } = read.behaviour;
    if max < min {
        let told = Diagnostic::new(Code::OutOfRange, r.key("max"), format!("`max` is less than `min`, which is {min}"));
        r.tell(told);
        return None;
    }
    Some(Spotted::new(read, owner))
}

/// What has no effect beside the rule that was chosen.
fn check_fields(r: &mut Reader, which: &str) {
    match which {
        "schedule" => inert(r, &["window", "age"], "on a schedule, which measures nothing"),
        "hpa" => {
            for field in ["min", "max", "up", "down"] {
                if r.has(field) {
                    let message = format!("`hpa` has its own words for `{field}`");
                    let told = Diagnostic::new(Code::Excluded, r.key(field), message);
                    let spec = r.key("hpa");
                    r.tell(
                        told.note_at(spec, "`hpa` is given here")
                            .help("say it in the spec: minReplicas, maxReplicas, behavior"),
                    );
                }
            }
        }
        _ => {}
    }
    if which != "hpa" {
        inert(r, &["means"], "without `hpa`");
    }
}

fn behaviour(r: &mut Reader, which: &str) -> Option<Behaviour> {
    let min = r.count_from("min", 1).map_or(1, |min| min.value as u32);
    if which == "hpa" {
        return Some(hpa::behaviour());
    }
    let max = r.count_from("max", 1);
    if !r.has("max") {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "this autoscaler has no `max`");
        r.tell(told.help("every cloud account has a quota: add `max: 20`"));
    }
    let (mut up, mut down) = (default_pace(which, true), default_pace(which, false));
    if let Some(mut r) = r.object("up") {
        pace(&mut r, which, &mut up);
    }
    if let Some(mut r) = r.object("down") {
        pace(&mut r, which, &mut down);
    }
    Some(Behaviour { min, max: max?.value as u32, up, down })
}

fn default_pace(which: &str, up: bool) -> Pace {
    let per = Span::from_secs_f64(EVERY_S);
    let doubles = vec![Allowance { by: By::Share(1.0), per }, Allowance { by: By::Count(4), per }];
    let at_once = up || matches!(which, "schedule" | "concurrency");
    Pace {
        allowances: if up && which == "target" { doubles } else { Vec::new() },
        select: Select::Max,
        stable: Span::from_secs_f64(if at_once { 0.0 } else { 300.0 }),
        tolerance: 0.1,
    }
}

fn pace(r: &mut Reader, which: &str, pace: &mut Pace) {
    if which != "target" {
        inert(r, &["tolerance"], "where nothing is kept at a target");
    }
    if which != "score" {
        let bound = if r.table().field("above").is_some() { "above" } else { "below" };
        inert(r, &[bound], "without `score`");
    }
    if !r.has("by") {
        inert(r, &["per"], "without `by`");
    }
    let per = Span::from_secs_f64(r.positive_time("per").unwrap_or(EVERY_S));
    let nodes = r.list_or_one("by");
    if !nodes.is_empty() {
        pace.allowances = nodes.iter().filter_map(|node| by(node, r.diags())).map(|by| Allowance { by, per }).collect();
    }
    if let Some(stable) = r.time("stable") {
        pace.stable = Span::from_secs_f64(stable.value);
    }
    let tolerance = r.share("tolerance");
    if let Some(tolerance) = r.within("tolerance", tolerance, 0.0, 1.0) {
        pace.tolerance = tolerance.value;
    }
}

/// `4`, `100%` or `x1.5`.
fn by(node: &Node, diags: &mut Diagnostics) -> Option<By> {
    let text = text_of(node, "`4`, `50%` or `x1.5`", diags)?;
    let read = if text.starts_with('x') {
        units::parse_factor(text).map(By::Factor)
    } else if text.ends_with('%') {
        units::parse_as(text, Dimension::Share).map(By::Share)
    } else {
        units::parse_as(text, Dimension::Count).map(|count| By::Count(count as u32))
    };
    told(read, node, diags)
}

fn target(r: &mut Reader, read: &mut Autoscale) -> Option<()> {
    let mut goals = Vec::new();
    for (key, node) in sorted(r, "target") {
        let measure = parse::measure(&as_node(key), r.diags());
        let Some(measure) = measure else { continue };
        let dimensions = parse::dimensions(&measure.value);
        let text = text_of(node, "a value", r.diags());
        let value = text.and_then(|text| value_of(text, dimensions, node, r.diags()));
        let Some(value) = value else { continue };
        if value <= 0.0 {
            r.tell(Diagnostic::new(Code::OutOfRange, node.spot, "a target is above 0"));
            continue;
        }
        goals.push(value);
        read.measures.push(measure);
    }
    if goals.is_empty() {
        return nothing(r, "target");
    }
    read.rule = Rule::Target(goals);
    Some(())
}

/// A quantity of one of the dimensions.
fn value_of(text: &str, dimensions: &[Dimension], node: &Node, diags: &mut Diagnostics) -> Option<f64> {
    let mut tried = dimensions.iter().map(|dimension| units::parse_as(text, *dimension));
    let first = tried.next()?;
    let read = if first.is_ok() { first } else { tried.find(Result::is_ok).unwrap_or(first) };
    told(read, node, diags)
}

fn step(r: &mut Reader, read: &mut Autoscale) -> Option<()> {
    let mut steps = Vec::new();
    for (key, node) in sorted(r, "step") {
        let Some(condition) = parse::condition(&as_node(key), &[], r.diags()) else { continue };
        let Body::Compare(comparison) = condition.body else { continue };
        let (bound, relation) = (&comparison.bound, comparison.relation);
        let Bound::Value(value) = bound.value else {
            r.tell(Diagnostic::new(
                Code::NotAvailable,
                bound.spot,
                "a step compares with a value, not with another measure",
            ));
            continue;
        };
        if comparison.hold_s.is_some() || relation == Relation::Equal {
            let message = "a step compares with <, <=, > or >=, at each look";
            r.tell(Diagnostic::new(Code::Condition, key.spot, message).help("`stable` says how long it must hold"));
            continue;
        }
        let Some(change) = change(node, r.diags()) else { continue };
        steps.push(Step {
            above: matches!(relation, Relation::Above | Relation::AtLeast),
            or_equal: matches!(relation, Relation::AtMost | Relation::AtLeast),
            bound: value,
            change,
        });
        read.measures.push(comparison.measure);
    }
    if steps.is_empty() {
        return nothing(r, "step");
    }
    read.rule = Rule::Step(steps);
    Some(())
}

/// `+2` or `-1`.
fn change(node: &Node, diags: &mut Diagnostics) -> Option<i32> {
    let text = text_of(node, "`+2` or `-1`", diags)?;
    let found = text.trim_start_matches('+').parse::<i32>().ok().filter(|change| *change != 0);
    if found.is_none() {
        let message = format!("`{text}` is no number of instances to add or take away");
        diags.push(Diagnostic::new(Code::OutOfRange, node.spot, message).help("write it as in `+2` or `-1`"));
    }
    found
}

fn score(r: &mut Reader, read: &mut Autoscale) -> Option<()> {
    let bound = |r: &mut Reader, side: &str, name: &str| {
        let found = r.object(side).and_then(|mut r| r.number(name));
        if found.is_none() {
            let message = format!("a score says nothing without `{side}: {{{name}: ..}}`");
            let owner = r.key("score");
            r.tell(Diagnostic::new(Code::MissingField, owner, message).help("add it"));
        }
        found.map(|bound| bound.value)
    };
    let above = bound(r, "up", "above");
    let below = bound(r, "down", "below");
    let mut parts = Vec::new();
    for node in r.list("score") {
        if let Some((part, measure)) = part(node, r.diags()) {
            parts.push(part);
            read.measures.push(measure);
        }
    }
    if parts.is_empty() {
        return nothing(r, "score");
    }
    let (above, below) = (above?, below?);
    if above < below {
        let owner = r.key("score");
        r.tell(Diagnostic::new(Code::OutOfRange, owner, "`above` is less than `below`"));
        return None;
    }
    read.rule = Rule::Score { parts, above, below };
    Some(())
}

/// `30% utilisation of cores / 100%`.
fn part(node: &Node, diags: &mut Diagnostics) -> Option<(Part, Spotted<Measure>)> {
    let wanted = "a share, a measure, `/` and its whole, as in `30% latency p99 / 500ms`";
    let text = text_of(node, wanted, diags)?;
    let (start, end) = (text.find(' '), text.rfind(" / ").map(|at| at + 1));
    let (Some(start), Some(end)) = (start, end.filter(|end| start.is_some_and(|start| start < *end))) else {
        diags.push(Diagnostic::new(Code::Condition, node.spot, format!("`{text}` is not {wanted}")));
        return None;
    };
    let weight = told(units::parse_as(&text[..start], Dimension::Share), node, diags)?;
    let before = text[..end].trim_end().len();
    let inner = Node {
        value: Value::Scalar { text: text[start + 1..before].to_owned(), quoted: false },
        spot: node.part(start + 1, before),
        ..node.clone()
    };
    let measure = parse::measure(&inner, diags)?;
    let whole = value_of(text[end + 1..].trim(), parse::dimensions(&measure.value), node, diags)?;
    if whole <= 0.0 || weight < 0.0 {
        diags.push(Diagnostic::new(Code::OutOfRange, node.spot, "a whole is above 0, and a weight not below"));
        return None;
    }
    Some((Part { weight, whole }, measure))
}

fn schedule(r: &mut Reader, read: &mut Autoscale) -> Option<()> {
    let mut entries = Vec::new();
    for (key, node) in sorted(r, "schedule") {
        let moment = units::clock(&key.value).map(|clock| {
            let since = clock.since.secs();
            if clock.day_named { Moment::Weekly(since) } else { Moment::Daily(since) }
        });
        let Some(moment) = moment else {
            let message = format!("`{}` is not a time of the clock", key.value);
            r.tell(Diagnostic::new(Code::Unit, key.spot, message).help("write it as in `07:45` or `Sat 09:00`"));
            continue;
        };
        let count = text_of(node, "a number of instances", r.diags())
            .and_then(|text| told(units::parse_as(text, Dimension::Count), node, r.diags()));
        let Some(count) = count else { continue };
        let (at_s, weekly) = match moment {
            Moment::Weekly(at_s) => (at_s, true),
            Moment::Daily(at_s) | Moment::Since(at_s) => (at_s, false),
        };
        entries.push(Entry { at_s, weekly, count: count as u32 });
    }
    if entries.is_empty() {
        return nothing(r, "schedule");
    }
    read.rule = Rule::Schedule(entries);
    Some(())
}

fn predict(r: &mut Reader, read: &mut Autoscale) -> Option<()> {
    let written = r.node("of").cloned();
    let node = written.unwrap_or_else(|| as_node(&Spotted::new("arrivals".to_owned(), r.owner())));
    let measure = parse::measure(&node, r.diags())?;
    if measure.value.what != Quantity::Arrivals || measure.value.per.is_some() {
        let message = "only `arrivals` follow the curves of the loads, and so can be foreseen";
        r.tell(Diagnostic::new(Code::NotAvailable, measure.spot, message));
        return None;
    }
    let target = r.rate("target");
    let history_s = r.positive_time("history").unwrap_or(14.0 * 86_400.0);
    let ahead_s = r.positive_time("ahead").unwrap_or(900.0);
    let target = r.within("target", target, 1e-9, f64::INFINITY)?.value;
    if !(86_400.0..=366.0 * 86_400.0).contains(&history_s) {
        let told =
            Diagnostic::new(Code::OutOfRange, r.key("history"), "`history` is at least a day, and a year at most");
        r.tell(told);
        return None;
    }
    read.measures.push(measure);
    read.rule = Rule::Predict(Forecast { target, history_s, ahead_s });
    Some(())
}

fn concurrency(r: &mut Reader, read: &mut Autoscale) -> Option<()> {
    let target = r.number("target");
    let target = r.within("target", target, 1e-9, f64::INFINITY)?.value;
    let panic = r.parsed("panic", Code::Unit, panic_in).map_or((2.0, 6.0), |panic| panic.value);
    let up = r.parsed("up_rate", Code::Unit, units::parse_factor);
    let down = r.parsed("down_rate", Code::Unit, units::parse_factor);
    let up_rate = r.within("up_rate", up, 1.0, f64::INFINITY).map_or(1000.0, |up| up.value);
    let down_rate = r.within("down_rate", down, 1.0, f64::INFINITY).map_or(2.0, |down| down.value);
    let text = Spotted::new("in_flight".to_owned(), r.owner());
    let measure = parse::measure(&as_node(&text), r.diags())?;
    read.measures = vec![measure.clone(), measure];
    read.panic_s = Some(panic.1);
    let stable_window = Span::from_secs_f64(read.window_s);
    read.rule = Rule::Concurrency(Concurrency { target, panic: panic.0, stable_window, up_rate, down_rate });
    Some(())
}

/// `200% in 6s`.
fn panic_in(text: &str) -> Result<(f64, f64), UnitError> {
    let wrong = || UnitError {
        start: 0,
        end: text.len(),
        message: format!("`{text}` is not a share and a time"),
        help: Some("write it as in `200% in 6s`".to_owned()),
    };
    let (share, time) = text.split_once(" in ").ok_or_else(wrong)?;
    let (share, time) = (units::parse_as(share, Dimension::Share)?, units::parse_as(time.trim(), Dimension::Time)?);
    if share <= 0.0 || time <= 0.0 { Err(wrong()) } else { Ok((share, time)) }
}

/// The entries of a map in the order of their keys: that of the author never matters.
fn sorted<'n>(r: &mut Reader<'n, '_>, name: &str) -> Vec<(&'n Spotted<String>, &'n Node)> {
    let mut entries = r.map(name);
    entries.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
    entries
}

fn nothing(r: &mut Reader, rule: &str) -> Option<()> {
    if r.diags().has_errors() {
        return None;
    }
    let owner = r.key(rule);
    r.tell(Diagnostic::new(Code::OutOfRange, owner, format!("`{rule}` of nothing says nothing")));
    None
}

/// A key that is read like a value.
pub(super) fn as_node(key: &Spotted<String>) -> Node {
    let spot = letters(key);
    Node { value: Value::Scalar { text: key.value.clone(), quoted: false }, spot, origin: Origin::Exact }
}

fn text_of<'n>(node: &'n Node, wanted: &str, diags: &mut Diagnostics) -> Option<&'n str> {
    if node.is_broken() {
        return None;
    }
    if node.as_text().is_none() {
        let message = format!("{wanted} is expected here, this is {}", node.shape());
        diags.push(Diagnostic::new(Code::WrongShape, node.spot, message));
    }
    node.as_text()
}

fn told<T>(read: Result<T, UnitError>, node: &Node, diags: &mut Diagnostics) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            let told = Diagnostic::new(Code::Unit, node.spot, error.message);
            diags.push(match error.help {
                Some(help) => told.help(help),
                None => told,
            });
            None
        }
    }
}
