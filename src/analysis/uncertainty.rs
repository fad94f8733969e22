//! What intervals among the inputs do to the answer, apart from the noise of simulating.
//!
//! An objective holds in a draw if its value there does; the share of such draws is its probability, with Wilson's interval.
//! A Latin hypercube spreads draws more evenly than chance, so that interval is rather too wide. A draw close to the limit may
//! be on the wrong side of it by the noise of its replications; the variance of that is added. What varies between draws more
//! than within them comes from inputs. What can go wrong: a queue without end has no latency; such a draw misses, and ranks as the worst.

use std::collections::BTreeMap;

use crate::analysis::estimate::{CONFIDENCE, nearest_rank};
use crate::analysis::worlds::{EACH, World};
use crate::report::evaluation::{Better, Figures, Judged, Measured};
use crate::report::uncertainty::{Input, Spread, Uncertainty};
use crate::report::{Assumption, Estimate, Verdict};
use crate::scenario::Scenario;
use crate::theory::estimate::{rank_correlation, share_between, wilson};
use crate::theory::special::{normal_cdf, normal_quantile};

/// The measures that are told beside the objectives.
const TOLD: [&str; 4] = ["p50", "p99", "failed", "served"];
/// The source of an interval that `assumptions` does not name.
const UNSTATED: &str = "unstated";

/// What the figures of some worlds say about a scenario whose own report rests on so many replications.
pub fn judge(scenario: &Scenario, worlds: &[World], explored: &[Option<Figures>], replications: u32) -> Uncertainty {
    let known: Vec<(&World, &Figures)> =
        worlds.iter().zip(explored).filter_map(|(world, figures)| Some((world, figures.as_ref()?))).collect();
    let all: Vec<&Figures> = known.iter().map(|(_, figures)| *figures).collect();
    let n = f64::from(replications);
    let first = all.first().map_or(&[][..], |figures| &figures.objectives);
    let judged = first.iter().enumerate().filter(|(_, judged)| judged.verdict != Verdict::None);
    let columns: Vec<Vec<&Judged>> =
        judged.map(|(at, _)| all.iter().map(|figures| &figures.objectives[at]).collect()).collect();
    let objectives: Vec<Spread> = columns.iter().map(|column| objective(column, n)).collect();
    let focus = focus(&objectives).map(|at| columns[at].iter().map(|judged| &judged.measured).collect());
    let tails = || all.iter().filter_map(|figures| figures.measure("p99")).collect::<Vec<_>>();
    let (influence_on, on) = match (focus, focus_text(&objectives)) {
        (Some(column), Some(text)) => (text, column),
        _ => ("latency p99".to_owned(), tails()),
    };
    let meets_all = (!columns.is_empty()).then(|| probability(&together(&columns, all.len())));
    Uncertainty {
        draws: known.len() as u32,
        replications_each: EACH,
        impossible: (worlds.len() - known.len()) as u32,
        unstable: all.iter().filter(|figures| !figures.stable).count() as u32,
        meets_all: meets_all.flatten(),
        objectives,
        measures: measures(&all, n),
        influence_on,
        inputs: inputs(scenario, &known.iter().map(|(world, _)| *world).collect::<Vec<_>>(), &on),
    }
}

/// Whether all objectives hold in each draw, and the doubt of the most doubtful of them.
fn together(columns: &[Vec<&Judged>], draws: usize) -> Vec<(bool, f64)> {
    let doubts: Vec<Vec<f64>> = columns.iter().map(|column| doubts(column)).collect();
    let one = |draw: usize| {
        let doubt = doubts.iter().map(|doubts| doubts[draw]).fold(0.0, f64::max);
        (columns.iter().all(|column| met(column[draw])), doubt)
    };
    (0..draws).map(one).collect()
}

/// Whether an objective holds, by its value; by its verdict where it has none.
pub fn met(judged: &Judged) -> bool {
    match (judged.measured.value, judged.limit, judged.measured.better) {
        (Some(value), Some(limit), Better::Lower) => value <= limit,
        (Some(value), Some(limit), Better::Higher) => limit <= value,
        _ => judged.verdict == Verdict::Meets,
    }
}

fn objective(column: &[&Judged], n: f64) -> Spread {
    let measured: Vec<&Measured> = column.iter().map(|judged| &judged.measured).collect();
    let draws: Vec<(bool, f64)> = column.iter().map(|judged| met(judged)).zip(doubts(column)).collect();
    let text = column.first().map(|judged| judged.text.clone());
    Spread { text, probability: probability(&draws), ..spread(&measured, n) }
}

/// For each draw the probability that the noise of its replications has put it on the wrong side of the limit.
fn doubts(column: &[&Judged]) -> Vec<f64> {
    let noise = noise(&column.iter().map(|judged| &judged.measured).collect::<Vec<_>>());
    let doubt = |judged: &&Judged| {
        let known = judged.measured.value.zip(judged.limit).filter(|(value, limit)| 0.0 < *value && 0.0 < *limit);
        let far = known.map(|(value, limit)| libm::log(value / limit).abs()).filter(|_| 0.0 < noise);
        far.map_or(0.0, |far| normal_cdf(-far / noise))
    };
    column.iter().map(doubt).collect()
}

/// The probability that something holds, of draws each with whether it does and the probability that this is wrong.
fn probability(draws: &[(bool, f64)]) -> Option<Estimate> {
    let n = draws.len() as f64;
    let hits = draws.iter().filter(|(holds, _)| *holds).count() as f64;
    let noise = draws.iter().map(|(_, wrong)| wrong * (1.0 - wrong)).sum::<f64>() / (n * n);
    let wider = |side: f64| {
        let z = normal_quantile(0.5 + 0.5 * CONFIDENCE);
        (side * side + z * z * noise).sqrt()
    };
    let (least, most) = wilson(hits, n, CONFIDENCE);
    let mean = hits / n;
    let (low, high) = (mean - wider(mean - least), mean + wider(most - mean));
    (!draws.is_empty()).then(|| interval(mean, low.max(0.0), high.min(1.0), draws.len()))
}

fn interval(mean: f64, low: f64, high: f64, draws: usize) -> Estimate {
    Estimate {
        mean,
        half_width: Some((high - low) / 2.0),
        low: Some(low),
        high: Some(high),
        replications: draws as u32,
    }
}

/// The standard deviation of the logarithm of a draw's value that replications alone make.
fn noise(measured: &[&Measured]) -> f64 {
    let groups = logarithms(measured);
    let variance = |group: &Vec<f64>| {
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        group.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (group.len() as f64 - 1.0)
    };
    let within = groups.iter().map(variance).sum::<f64>() / groups.len().max(1) as f64;
    (within / f64::from(EACH)).sqrt()
}

/// The logarithms of the replications' values, of the draws in which all of them have one.
fn logarithms(measured: &[&Measured]) -> Vec<Vec<f64>> {
    let of = |measured: &&Measured| {
        let values: Option<Vec<f64>> = measured.values.iter().map(|value| value.filter(|value| 0.0 < *value)).collect();
        let logs: Vec<f64> = values?.into_iter().map(libm::log).collect();
        (measured.value.is_some() && logs.len() == EACH as usize).then_some(logs)
    };
    measured.iter().filter_map(of).collect()
}

fn spread(measured: &[&Measured], n: f64) -> Spread {
    let mut values: Vec<f64> = measured.iter().map(|measured| or_worst(measured)).collect();
    values.sort_by(f64::total_cmp);
    let at = |q: f64| nearest_rank(&values, q).filter(|value| value.is_finite());
    let shares = share_between(&logarithms(measured), n, CONFIDENCE);
    let (name, unit) = measured.first().map(|first| (first.name.clone(), first.unit.clone())).unwrap_or_default();
    Spread {
        name,
        unit,
        text: None,
        probability: None,
        p5: at(0.05),
        p50: at(0.5),
        p95: at(0.95),
        from_inputs: shares.map(|(share, low, high)| interval(share, low, high, values.len())),
    }
}

/// The value; without a steady state it is as bad as can be.
fn or_worst(measured: &Measured) -> f64 {
    let worst = if measured.better == Better::Higher { f64::NEG_INFINITY } else { f64::INFINITY };
    measured.value.unwrap_or(worst)
}

fn measures(all: &[&Figures], n: f64) -> Vec<Spread> {
    let column = |name: &str| all.iter().filter_map(|figures| figures.measure(name)).collect::<Vec<_>>();
    let mut told: Vec<Spread> = TOLD.iter().map(|name| spread(&column(name), n)).filter(|s| s.p50.is_some()).collect();
    let priced = |figures: &&Figures| {
        let (name, unit) = ("cost".to_owned(), "usd_per_month".to_owned());
        let value = figures.usd_per_month;
        value.map(|_| Measured { name, unit, better: Better::Lower, value, low: None, high: None, values: Vec::new() })
    };
    let costs: Vec<Measured> = all.iter().filter_map(priced).collect();
    told.extend((!costs.is_empty()).then(|| spread(&costs.iter().collect::<Vec<_>>(), n)));
    told
}

/// The objective in most doubt.
fn focus(objectives: &[Spread]) -> Option<usize> {
    let doubt = |spread: &Spread| spread.probability.map_or(1.0, |probability| (probability.mean - 0.5).abs());
    (0..objectives.len()).min_by(|a, b| doubt(&objectives[*a]).total_cmp(&doubt(&objectives[*b])))
}

fn focus_text(objectives: &[Spread]) -> Option<String> {
    objectives[focus(objectives)?].text.clone()
}

fn inputs(scenario: &Scenario, worlds: &[&World], on: &[&Measured]) -> Vec<Input> {
    let answers: Vec<f64> = on.iter().map(|measured| or_worst(measured)).collect();
    let written = scenario.uncertain.iter().flat_map(|ranged| ranged.intervals().map(|(text, _)| (&ranged.path, text)));
    let one = |(at, (path, text)): (usize, (&String, &str))| {
        let shares: Vec<f64> = worlds.iter().map(|world| world.shares[at]).collect();
        let correlation = rank_correlation(&shares, &answers).filter(|_| answers.len() == shares.len());
        let influence = correlation.map(|correlation| correlation * correlation);
        Input { path: path.clone(), interval: text.to_owned(), influence }
    };
    let mut inputs: Vec<Input> = written.enumerate().map(one).collect();
    inputs.sort_by(|a, b| b.influence.unwrap_or(0.0).total_cmp(&a.influence.unwrap_or(0.0)));
    inputs
}

/// The ledger of assumptions: what is said of each path, what the intervals under it decide, and the intervals of which
/// nothing is said. The most influential first.
pub fn ledger(said: &BTreeMap<String, String>, inputs: &[Input]) -> Vec<Assumption> {
    let under = |path: &str| inputs.iter().filter(|input| covers(path, &input.path)).collect::<Vec<_>>();
    let mut ledger: Vec<Assumption> = said.iter().map(|(path, source)| entry(path, source, &under(path))).collect();
    let is_said = |input: &&Input| said.keys().any(|path| covers(path, &input.path));
    ledger.extend(inputs.iter().filter(|input| !is_said(input)).map(|input| entry(&input.path, UNSTATED, &[input])));
    ledger.sort_by(|a, b| b.influence.unwrap_or(-1.0).total_cmp(&a.influence.unwrap_or(-1.0)));
    ledger
}

fn entry(path: &str, source: &str, under: &[&Input]) -> Assumption {
    let known: Vec<f64> = under.iter().filter_map(|input| input.influence).collect();
    Assumption {
        path: path.to_owned(),
        source: source.to_owned(),
        influence: (!known.is_empty()).then(|| known.iter().sum::<f64>().min(1.0)),
        intervals: under.iter().map(|input| input.interval.clone()).collect(),
    }
}

/// Whether a path of `assumptions` is that of an interval or leads to it. Steps may be named by their verb alone.
fn covers(said: &str, path: &str) -> bool {
    let leads =
        |said: &str, path: &str| path.strip_prefix(said).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let is_number = |segment: &&str| segment.bytes().all(|byte| byte.is_ascii_digit());
    let named = |path: &str| path.split('.').filter(|segment| !is_number(segment)).collect::<Vec<_>>().join(".");
    leads(said, path) || leads(&named(said), &named(path)) && !said.split('.').any(|segment| is_number(&segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assumption_covers_what_stands_below_it() {
        assert!(covers("components.web", "components.web.operations.page.0.cpu"));
        assert!(covers("components.web.operations.page.cpu", "components.web.operations.page.0.cpu"));
        assert!(covers("components.web.operations.page.0.cpu", "components.web.operations.page.0.cpu"));
        assert!(!covers("components.web.operations.page.1.cpu", "components.web.operations.page.0.cpu"));
        assert!(!covers("components.we", "components.web.workers"));
    }

    #[test]
    fn the_ledger_is_ranked_and_names_what_is_unstated() {
        let input =
            |path: &str, influence| Input { path: path.into(), interval: "1..2".into(), influence: Some(influence) };
        let said = BTreeMap::from([
            ("components.db".to_owned(), "guess".to_owned()),
            ("run".to_owned(), "default".to_owned()),
        ]);
        let ledger = ledger(
            &said,
            &[input("load.a.rate", 0.7), input("components.db.cpu", 0.1), input("components.db.io", 0.1)],
        );
        let told: Vec<_> =
            ledger.iter().map(|entry| (entry.path.as_str(), entry.source.as_str(), entry.influence)).collect();
        assert_eq!(
            told,
            [("load.a.rate", "unstated", Some(0.7)), ("components.db", "guess", Some(0.2)), ("run", "default", None)]
        );
    }

    #[test]
    fn doubt_widens_the_interval_of_a_probability() {
        let sure = [vec![(true, 0.0); 30], vec![(false, 0.0); 10]].concat();
        let unsure =
            [vec![(true, 0.0); 27], vec![(true, 0.4); 3], vec![(false, 0.5); 2], vec![(false, 0.0); 8]].concat();
        let (sure, unsure) = (probability(&sure).expect("draws"), probability(&unsure).expect("draws"));
        assert_eq!((sure.mean, unsure.mean), (0.75, 0.75));
        assert!(unsure.low < sure.low && sure.high < unsure.high);
        assert_eq!(probability(&[]), None);
    }
}
