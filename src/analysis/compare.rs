//! Designs side by side: what they say differently, and what that does, by paired replications.
//!
//! The same replication of two designs has the same arrivals, sizes and failures, so their difference is known far better
//! than either of them. Times and rates are compared as ratios: the interval is Student's t on the logarithms of the
//! ratios replication by replication, laid around the ratio of the two values that are shown. Shares are compared as
//! differences. A difference counts only if its whole interval is on one side of zero, and matters only if it is larger
//! than the noise that the reader has said not to care about.

use crate::analysis::design::Design;
use crate::analysis::estimate::CONFIDENCE;
use crate::report::Verdict;
use crate::report::compare::{Change, Compare, Compared, Difference, SCHEMA, Side, Word};
use crate::report::evaluation::{Better, Figures, Judged, Measured};
use crate::text::{Node, Value};
use crate::theory::estimate::mean_interval;
use crate::units::{human_money, human_rate, human_share};

/// What everybody wants to know, in this order.
const SHOWN: [&str; 5] = ["p50", "p99", "p99.9", "failed", "served"];
/// Fields that say nothing about how a design behaves.
const WORDS: [&str; 3] = ["title", "description", "variants"];

/// Every other design against the first.
pub fn compare(designs: &[&Design], figures: &[Figures], noise: f64) -> Compare {
    let (before, first) = (side(designs[0], &figures[0]), &figures[0]);
    let others = designs.iter().zip(figures).skip(1);
    let after = others.map(|(design, figures)| compared(designs[0], first, design, figures, noise)).collect();
    Compare { schema: SCHEMA, command: None, seed: first.seed, replications: first.replications, noise, before, after }
}

fn side(design: &Design, figures: &Figures) -> Side {
    Side {
        name: design.name.clone(),
        title: design.scenario.title.clone(),
        hash: figures.hash.clone(),
        verdict: figures.verdict,
        stable: figures.stable,
        offered_per_s: figures.value("offered"),
        usd_per_month: figures.usd_per_month,
        bottleneck: figures.bottleneck.clone(),
        curve: figures.curve.clone(),
    }
}

fn compared(base: &Design, before: &Figures, design: &Design, after: &Figures, noise: f64) -> Compared {
    let (changes, unchanged) = changes(&base.tree, &design.tree);
    let differences = differences(before, after, noise);
    let words = differences.iter().filter_map(|difference| difference.word);
    let word = words.max().unwrap_or(Word::NoDifferenceDetected);
    let in_short = in_short(&differences, before, after);
    let (side, costs) = (side(design, after), costs(before, after));
    Compared { side, changes, unchanged, differences, costs, word, in_short }
}

/// The largest of what changed, what it costs, and what the next limit is.
fn in_short(differences: &[Difference], before: &Figures, after: &Figures) -> String {
    let counts = |found: &&Difference| matches!(found.word, Some(Word::Improved | Word::Regressed));
    let named = |name: &str| differences.iter().find(|found| found.measure == name).filter(counts);
    let tail = ["p99", "p99.9", "p50"].into_iter().find_map(|name| {
        let found = named(name)?;
        let ratio = found.after? / found.before?;
        let (times, way) = if ratio < 1.0 { (1.0 / ratio, "better") } else { (ratio, "worse") };
        Some(if times < 1.1 {
            format!("{} is {} {way}", found.measure, human_share(times - 1.0))
        } else {
            format!("{} is {times:.1} times {}", found.measure, if way == "better" { "shorter" } else { "as long" })
        })
    });
    let now = if after.stable { "it keeps up now" } else { "it no longer keeps up" };
    let steady = (before.stable != after.stable).then(|| now.to_owned());
    let effect = steady.or(tail).unwrap_or_else(|| "no difference in latency that matters".to_owned());
    let more = before.usd_per_month.zip(after.usd_per_month).map(|(was, is)| is - was);
    let money = match more {
        Some(more) if 0.5 <= more => format!(" for {} more a month", human_money(more)),
        Some(more) if more <= -0.5 => format!(", and {} a month are saved", human_money(-more)),
        Some(_) => " at the same cost".to_owned(),
        None => String::new(),
    };
    let next = after.bottleneck.as_ref().zip(after.value("offered")).map(|(limit, offered)| {
        let full = human_rate(offered * limit.headroom);
        format!(" Next limit: {} of {}, full at about {full}.", limit.resource, limit.component)
    });
    format!("{effect}{money}.{}", next.unwrap_or_default())
}

fn costs(before: &Figures, after: &Figures) -> Vec<(String, f64)> {
    let of = |figures: &Figures, name: &str| {
        figures.costs.iter().find(|(known, _)| known == name).map_or(0.0, |(_, usd)| *usd)
    };
    let new = after.costs.iter().filter(|(name, _)| !before.costs.iter().any(|(known, _)| known == name));
    let names = before.costs.iter().chain(new).map(|(name, _)| name.clone());
    let mut changed: Vec<(String, f64)> =
        names.map(|name| (name.clone(), of(after, &name) - of(before, &name))).collect();
    changed.retain(|(_, usd)| 0.005 < usd.abs());
    changed.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    changed
}

/// The usual measures, the objectives, and how busy the bottlenecks are.
pub fn differences(before: &Figures, after: &Figures, noise: f64) -> Vec<Difference> {
    let usual = SHOWN.into_iter().filter_map(|name| {
        let (was, is) = (before.measure(name)?, after.measure(name)?);
        Some(measure(was, is, noise)).filter(|found| found.before.is_some() || found.after.is_some())
    });
    let mut all: Vec<Difference> = usual.collect();
    if before.stable != after.stable {
        all.insert(0, steadiness(before, after));
    }
    for was in &before.objectives {
        let same = |is: &&Judged| is.measured.name == was.measured.name;
        all.extend(after.objectives.iter().find(same).map(|is| objective(was, is, noise)));
    }
    all.extend(busy(before, after));
    all
}

fn steadiness(before: &Figures, after: &Figures) -> Difference {
    let as_share = |figures: &Figures| Some(f64::from(u8::from(figures.stable)));
    let word = Some(if after.stable { Word::Improved } else { Word::Regressed });
    let (measure, unit) = ("steady state".to_owned(), "yes_no".to_owned());
    let (was, is) = (as_share(before), as_share(after));
    let (change, low, high) = (None, None, None);
    Difference {
        measure,
        unit,
        before: was,
        after: is,
        change,
        low,
        high,
        absolute: true,
        word,
        verdicts: None,
        limit: None,
        text: None,
    }
}

fn objective(was: &Judged, is: &Judged, noise: f64) -> Difference {
    let mut found = measure(&was.measured, &is.measured, noise);
    found.verdicts = Some([was.verdict, is.verdict]);
    found.limit = is.limit;
    found.text = Some(is.text.clone());
    let turned = match (was.verdict, is.verdict) {
        (Verdict::Misses, Verdict::Meets) => Some(Word::Improved),
        (Verdict::Meets, Verdict::Misses) => Some(Word::Regressed),
        _ => None,
    };
    // What has no value (a condition of several parts, a queue without end) still has a verdict; money is a fact, and
    // more of it is worse only where it breaks a budget.
    let is_fact = found.change.is_none() || was.measured.low.is_none();
    found.word = if is_fact { turned } else { found.word };
    found
}

/// One measure in both designs.
pub fn measure(was: &Measured, is: &Measured, noise: f64) -> Difference {
    let absolute = matches!(was.unit.as_str(), "ratio") || was.value == Some(0.0);
    let interval = if absolute { difference(was, is) } else { ratio(was, is) };
    let word = interval.and_then(|interval| word(was.better, interval, if absolute { 0.0 } else { noise }));
    let (change, low, high) = interval.map_or((None, None, None), |(change, low, high)| (Some(change), low, high));
    Difference {
        measure: was.name.clone(),
        unit: was.unit.clone(),
        before: was.value,
        after: is.value,
        change,
        low,
        high,
        absolute,
        word,
        verdicts: None,
        limit: None,
        text: None,
    }
}

/// A change with the two ends of its interval, which are not known from one replication.
type Interval = (f64, Option<f64>, Option<f64>);

fn pairs(was: &Measured, is: &Measured) -> Vec<(f64, f64)> {
    was.values.iter().zip(&is.values).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect()
}

fn difference(was: &Measured, is: &Measured) -> Option<Interval> {
    let change = is.value? - was.value?;
    let values: Vec<f64> = pairs(was, is).iter().map(|(a, b)| b - a).collect();
    let half = (2 <= values.len()).then(|| mean_interval(&values, CONFIDENCE).half_width);
    Some((change, half.map(|half| change - half), half.map(|half| change + half)))
}

fn ratio(was: &Measured, is: &Measured) -> Option<Interval> {
    let (a, b) = (was.value?, is.value?);
    let pairs = pairs(was, is);
    if a <= 0.0 || b <= 0.0 || pairs.iter().any(|(a, b)| *a <= 0.0 || *b <= 0.0) {
        // Where zeros are about, the difference is told as a share of what was.
        let (change, low, high) = difference(was, is)?;
        let share = |value: f64| value / a.abs();
        return Some((share(change), low.map(share), high.map(share))).filter(|_| a != 0.0);
    }
    let logs: Vec<f64> = pairs.iter().map(|(a, b)| libm::log(b / a)).collect();
    let change = b / a;
    let half = (2 <= logs.len()).then(|| mean_interval(&logs, CONFIDENCE).half_width);
    let end = |sign: f64| half.map(|half| change * libm::exp(sign * half) - 1.0);
    Some((change - 1.0, end(-1.0), end(1.0)))
}

fn word(better: Better, (change, low, high): Interval, noise: f64) -> Option<Word> {
    let (low, high) = (low?, high?);
    let is_good = match better {
        Better::Lower => change < 0.0,
        Better::Higher => 0.0 < change,
        Better::Neither => return None,
    };
    Some(match () {
        () if low <= 0.0 && 0.0 <= high => Word::NoDifferenceDetected,
        () if change.abs() <= noise => Word::WithinNoise,
        () if is_good => Word::Improved,
        () => Word::Regressed,
    })
}

/// How busy what limits either design is in both.
fn busy(before: &Figures, after: &Figures) -> Vec<Difference> {
    let mut limits: Vec<(&str, &str)> = Vec::new();
    for limit in [&before.bottleneck, &after.bottleneck].into_iter().flatten() {
        if !limits.contains(&(&limit.component, &limit.resource)) {
            limits.push((&limit.component, &limit.resource));
        }
    }
    let of = |figures: &Figures, (component, resource): (&str, &str)| {
        let found = figures.busy.iter().find(|busy| busy.component == component && busy.resource == resource)?;
        let name = format!("{component} {resource} busy");
        let (unit, better) = ("ratio".to_owned(), Better::Neither);
        let (value, values) = (Some(found.share), found.values.clone());
        Some(Measured { name, unit, better, value, low: None, high: None, values })
    };
    limits.into_iter().filter_map(|limit| Some(measure(&of(before, limit)?, &of(after, limit)?, 0.0))).collect()
}

/// What two resolved scenarios say differently, in the order of their paths, and how many settings are the same.
pub fn changes(before: &Node, after: &Node) -> (Vec<Change>, u32) {
    changes_of(&settings(before), &settings(after))
}

/// All settings of a resolved scenario by their paths.
pub fn settings(tree: &Node) -> Vec<(String, String)> {
    let mut found = Vec::new();
    leaves(tree, &mut Vec::new(), &mut found);
    found
}

/// The same of settings that were kept.
pub fn changes_of(was: &[(String, String)], is: &[(String, String)]) -> (Vec<Change>, u32) {
    let find =
        |list: &[(String, String)], path: &str| list.iter().find(|(known, _)| known == path).map(|(_, v)| v.clone());
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for (path, value) in was {
        let now = find(is, path);
        if now.as_ref() == Some(value) {
            unchanged += 1;
        } else {
            changes.push(Change { path: short(path), before: Some(value.clone()), after: now });
        }
    }
    for (path, value) in is {
        if find(was, path).is_none() {
            changes.push(Change { path: short(path), before: None, after: Some(value.clone()) });
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    (changes, unchanged)
}

/// As one would write it after `--set`.
fn short(path: &str) -> String {
    path.strip_prefix("components.").unwrap_or(path).to_owned()
}

fn leaves(node: &Node, path: &mut Vec<String>, found: &mut Vec<(String, String)>) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            let is_top = path.is_empty();
            for (key, node) in entries.iter().filter(|(key, _)| !is_top || !WORDS.contains(&&key.value[..])) {
                path.push(key.value.clone());
                leaves(node, path, found);
                path.pop();
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (at, node) in items.iter().enumerate() {
                path.push(at.to_string());
                leaves(node, path, found);
                path.pop();
            }
        }
        Value::Scalar { text, .. } => found.push((path.join("."), text.clone())),
        Value::Null => found.push((path.join("."), "null".to_owned())),
        Value::Map(_) => found.push((path.join("."), "{}".to_owned())),
        Value::List(_) => found.push((path.join("."), "[]".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(values: &[f64]) -> Measured {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let values = values.iter().copied().map(Some).collect();
        let (name, unit) = ("p99".to_owned(), "s".to_owned());
        Measured { name, unit, better: Better::Lower, value: Some(mean), low: None, high: None, values }
    }

    #[test]
    fn pairs_see_what_single_intervals_do_not() {
        // Replications differ by half, the change in each is 10 %.
        let was = times(&[0.1, 0.15, 0.2, 0.12, 0.18]);
        let is = times(&[0.11, 0.165, 0.2201, 0.132, 0.198]);
        let found = measure(&was, &is, 0.02);
        assert_eq!(found.word, Some(Word::Regressed), "{found:?}");
        assert!((found.change.expect("known") - 0.1).abs() < 1e-3 && found.low > Some(0.099), "{found:?}");
        assert_eq!(measure(&was, &is, 0.2).word, Some(Word::WithinNoise));
        assert_eq!(measure(&is, &was, 0.02).word, Some(Word::Improved));
        assert_eq!(measure(&was, &was, 0.02).word, Some(Word::NoDifferenceDetected));
        assert_eq!(measure(&times(&[0.1]), &times(&[0.2]), 0.02).word, None, "one replication has no interval");
    }

    #[test]
    fn a_share_of_nothing_is_compared_by_its_difference() {
        let share = |values: &[f64]| Measured { unit: "ratio".to_owned(), ..times(values) };
        let found = measure(&share(&[0.0; 5]), &share(&[0.01, 0.011, 0.012, 0.01, 0.011]), 0.02);
        assert_eq!((found.absolute, found.word), (true, Some(Word::Regressed)));
        assert!((found.change.expect("known") - 0.0108).abs() < 1e-9);
    }
}
