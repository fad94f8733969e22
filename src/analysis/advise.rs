//! The single changes that make sense, each tried by paired simulation.
//!
//! A change is one `--set`: one more instance, the next machine of the same family, more workers or connections, a larger
//! pool, one more replica, more memory and a longer life for what a cache holds. All see the same random numbers as the
//! design itself. They are ranked by the objective that needs it most: what meets it comes first, the cheapest of them
//! foremost; then by how much a change helps. The shadow price is what a request a second more of room costs.

use crate::analysis::compare::measure;
use crate::analysis::design::Design;
use crate::catalogue;
use crate::report::Verdict;
use crate::report::advise::{Advice, Advise, SCHEMA};
use crate::report::compare::Word;
use crate::report::evaluation::{Better, Figures, Measured};
use crate::text::Node;
use crate::units::{Dimension, Quantity, parse, write};

/// Most changes that are tried.
const MOST: usize = 24;

/// One change that may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As `--set` takes it.
    pub set: String,
    pub was: String,
}

/// All changes that make sense in a design.
pub fn changes(design: &Design) -> Vec<Change> {
    let mut found = Vec::new();
    let maps = |name: &str| design.tree.get(name).and_then(Node::as_map).unwrap_or_default();
    for (name, node) in maps("components") {
        component(&name.value, node, &mut found);
    }
    for (name, node) in maps("hosts") {
        let path = format!("hosts.{}", name.value);
        machine(&path, node, &mut found);
        number(&path, node, "count", more_instances, &mut found);
    }
    for (arrow, node) in maps("policies") {
        if let Some(pool) = node.get("pool") {
            number(&format!("policies.{}.pool", arrow.value), pool, "size", |size| size * 2.0, &mut found);
        }
    }
    found.truncate(MOST);
    found
}

fn more_instances(count: f64) -> f64 {
    (count * 1.25).ceil().max(count + 1.0)
}

fn component(name: &str, node: &Node, found: &mut Vec<Change>) {
    let path = format!("components.{name}");
    let kind = node.get("kind").and_then(Node::as_text).unwrap_or_default();
    if ["external", "telemetry"].contains(&kind) {
        return;
    }
    if !["database", "store"].contains(&kind) && node.get("machine").is_none_or(|machine| machine.as_text().is_some()) {
        let is_said = node.get("instances").is_some();
        if is_said {
            number(&path, node, "instances", more_instances, found);
        } else if node.get("on").is_none() && kind != "balancer" {
            found.push(Change { set: format!("{path}.instances=2"), was: "1".to_owned() });
        }
    }
    machine(&path, node, found);
    number(&path, node, "workers", |workers| workers * 2.0, found);
    number(&path, node, "connections", |connections| (connections * 1.5).ceil(), found);
    if let Some(replicas) = node.get("replicas") {
        number(&format!("{path}.replicas"), replicas, "count", |count| count + 1.0, found);
    }
    quantity(&path, node, "memory", found);
    if kind == "cache" {
        quantity(&path, node, "ttl", found);
    }
}

/// A whole number that a function makes larger.
fn number(path: &str, node: &Node, field: &str, larger: impl Fn(f64) -> f64, found: &mut Vec<Change>) {
    let Some(was) = node.get(field).and_then(Node::as_text) else { return };
    let Ok(quantity) = parse(was) else { return };
    if matches!(quantity.dimension, Dimension::Count | Dimension::Number) && 0.0 < quantity.value {
        found.push(Change { set: format!("{path}.{field}={}", larger(quantity.value)), was: was.to_owned() });
    }
}

/// A size or a time, doubled.
fn quantity(path: &str, node: &Node, field: &str, found: &mut Vec<Change>) {
    let Some(was) = node.get(field).and_then(Node::as_text) else { return };
    let Ok(Quantity { value, dimension }) = parse(was) else { return };
    if matches!(dimension, Dimension::Bytes | Dimension::Time) {
        let twice = write(Quantity { value: 2.0 * value, dimension });
        found.push(Change { set: format!("{path}.{field}={twice}"), was: was.to_owned() });
    }
}

/// The next machine of the same family.
fn machine(path: &str, node: &Node, found: &mut Vec<Change>) {
    let Some(was) = node.get("machine").and_then(Node::as_text) else { return };
    let Some(known) = catalogue::find(was) else { return };
    let family = |name: &str| name.split_once('.').map(|(family, _)| family.to_owned());
    let larger = catalogue::names().filter_map(catalogue::find).filter(|other| {
        family(other.name) == family(was) && known.cores < other.cores && !other.name.ends_with("metal")
    });
    if let Some(next) = larger.min_by(|a, b| a.cores.total_cmp(&b.cores)) {
        found.push(Change { set: format!("{path}.machine={}", next.name), was: was.to_owned() });
    }
}

/// What each change did, the best first. Changes without figures (what they say makes no sense together) are left out.
pub fn advise(design: &Design, before: &Figures, tried: &[(Change, Figures)], noise: f64) -> Advise {
    let focus = focus(before);
    let mut changes: Vec<Advice> =
        tried.iter().map(|(change, after)| advice(&focus, before, change, after, noise)).collect();
    changes.sort_by(|a, b| rank(a, &focus).partial_cmp(&rank(b, &focus)).expect("ranks are numbers"));
    let verdict = if before.stable { before.verdict } else { Verdict::Misses };
    Advise {
        schema: SCHEMA,
        name: design.name.clone(),
        hash: before.hash.clone(),
        seed: before.seed,
        replications: before.replications,
        load_per_s: before.value("offered").unwrap_or(0.0),
        verdict,
        focus: focus.text.clone(),
        unit: focus.measured.unit.clone(),
        value: focus.measured.value,
        limit: focus.limit,
        bottleneck: before.bottleneck.as_ref().map(|limit| limit.why.clone()),
        usd_per_month: before.usd_per_month,
        changes,
    }
}

/// What the changes are judged by.
struct Focus {
    text: String,
    limit: Option<f64>,
    measured: Measured,
    /// `None`: the p99 of all requests.
    objective: Option<String>,
}

/// The objective furthest beyond its limit, or nearest to it; money does not count, for no change would save any.
fn focus(figures: &Figures) -> Focus {
    let tightness = |judged: &&crate::report::evaluation::Judged| {
        let (value, limit) = (judged.measured.value.unwrap_or(f64::INFINITY), judged.limit.unwrap_or(0.0));
        let used = if judged.measured.better == Better::Higher { limit / value } else { value / limit };
        let missed = f64::from(u8::from(judged.verdict == Verdict::Misses));
        if used.is_nan() { missed } else { missed * 1e3 + used.min(1e2) }
    };
    let usable =
        figures.objectives.iter().filter(|judged| !judged.measured.unit.starts_with("usd") && judged.limit.is_some());
    if let Some(judged) = usable.max_by(|a, b| tightness(a).total_cmp(&tightness(b))) {
        let (text, limit, measured) = (judged.text.clone(), judged.limit, judged.measured.clone());
        let objective = Some(measured.name.clone());
        return Focus { text, limit, measured, objective };
    }
    let p99 = figures.measure("p99").expect("every evaluation has a p99, known or not").clone();
    Focus { text: "latency p99".to_owned(), limit: None, measured: p99, objective: None }
}

fn advice(focus: &Focus, before: &Figures, change: &Change, after: &Figures, noise: f64) -> Advice {
    let same = match &focus.objective {
        Some(name) => {
            after.objectives.iter().find(|judged| judged.measured.name == *name).map(|judged| &judged.measured)
        }
        None => after.measure("p99"),
    };
    let found = same.map(|is| measure(&focus.measured, is, noise));
    let room = |figures: &Figures| Some(figures.value("offered")? * figures.bottleneck.as_ref()?.headroom);
    let room_per_s = room(after).zip(room(before)).map(|(is, was)| is - was);
    let usd = after.usd_per_month.zip(before.usd_per_month).map(|(is, was)| is - was);
    let priced = room_per_s.zip(usd).filter(|(room, usd)| 0.01 < *room && 0.005 < *usd);
    // Where the design itself has no steady state there is no pair to compare, but keeping up is an improvement.
    let kept = (!before.stable && after.stable).then_some(Word::Improved);
    Advice {
        set: change.set.clone(),
        was: change.was.clone(),
        value: same.and_then(|is| is.value),
        change: found.as_ref().and_then(|found| found.change),
        low: found.as_ref().and_then(|found| found.low),
        high: found.as_ref().and_then(|found| found.high),
        absolute: found.as_ref().is_some_and(|found| found.absolute),
        word: kept.or(found.and_then(|found| found.word)),
        verdict: if after.stable { after.verdict } else { Verdict::Misses },
        usd_more_per_month: usd,
        room_per_s,
        usd_per_rps: priced.map(|(room, usd)| usd / room),
    }
}

/// Smaller is better: the verdict on the focus, then dollars among those that help enough, then the help.
fn rank(advice: &Advice, focus: &Focus) -> (u8, f64, f64) {
    let higher = focus.measured.better == Better::Higher;
    let meets = match (advice.value, focus.limit) {
        (Some(value), Some(limit)) => {
            if higher {
                limit <= value
            } else {
                value <= limit
            }
        }
        _ => false,
    };
    let helps = advice.word == Some(Word::Improved);
    let effect = advice.change.map_or(0.0, |change| if higher { -change } else { change });
    let dollars = advice.usd_more_per_month.unwrap_or(0.0);
    match (helps && meets, helps) {
        (true, _) => (0, dollars.max(0.0), effect),
        (_, true) => (1, effect, dollars),
        _ => (2, effect, dollars),
    }
}
