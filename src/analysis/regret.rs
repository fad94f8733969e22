//! The design to choose where inputs are not known: the one of least regret.
//!
//! In each world (a draw of the inputs) the race finds the cheapest design that meets its objectives there. Those are the
//! contenders, with the best design for the middles of all intervals. Each is then tried in each world. What it loses there is
//! its bill, and the price of a miss where it misses; its regret is that, less what the contender that does best there loses
//! (Savage 1951, with the mean over worlds in place of the worst, because the draws have probabilities). What can go
//! wrong: a design that is best in no world is no contender, even if it were a good compromise.

use crate::analysis::axis::Point;
use crate::analysis::design::Design;
use crate::analysis::estimate::{self, CONFIDENCE};
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::analysis::size::{Raced, floor, race, tried};
use crate::analysis::worlds::{World, first};
use crate::report::Estimate;
use crate::report::Verdict;
use crate::report::size::{Contender, Regrets};
use crate::theory::estimate::wilson;

/// Replications that a world keeps for itself; no race asks for more.
const ROOM: u32 = 64;

/// What to weigh.
pub struct Stakes<'a> {
    pub points: &'a [Point],
    pub worlds: &'a [World],
    /// Most replications in all.
    pub budget: u64,
    /// Dollars a month that a missed objective costs; `None`: as much as the bill of the dearest contender.
    pub miss: Option<f64>,
}

impl Stakes<'_> {
    /// Most replications of the race in one world.
    fn each(&self) -> u64 {
        (self.budget / self.worlds.len().max(1) as u64).max(1)
    }
}

/// What one contender came to in one world.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trial {
    usd: f64,
    meets: bool,
    undecided: bool,
}

/// Weighs all designs over all worlds; `best` is the best design for the middles, a contender too.
///
/// # Errors
/// The work was stopped.
pub fn weigh<M: Memory>(
    stakes: &Stakes,
    best: Option<&Point>,
    lab: &mut Lab<'_, M>,
    make: impl Fn(&Point, &World) -> Option<Design>,
) -> Result<Regrets, Interrupted> {
    let there = |world: usize, point: &Point| Some(make(point, &stakes.worlds[world])?.starting_at(first(world, ROOM)));
    let mut contenders: Vec<Point> = best.into_iter().cloned().collect();
    for world in 0..stakes.worlds.len() {
        let Raced { best, .. } = race(stakes.points, stakes.each(), lab, |point| there(world, point))?;
        contenders.extend(best.map(|best| best.settings).filter(|settings| !contenders.contains(settings)));
    }
    // In the order of the points, whichever world came first.
    contenders.sort_by_key(|contender| stakes.points.iter().position(|point| point == contender));
    let mut trials: Vec<Vec<Trial>> = vec![Vec::new(); contenders.len()];
    let mut impossible = 0;
    for world in 0..stakes.worlds.len() {
        let designs: Option<Vec<Design>> = contenders.iter().map(|point| there(world, point)).collect();
        let Some(designs) = designs else {
            impossible += 1;
            continue;
        };
        for (trials, design) in trials.iter_mut().zip(&designs) {
            trials.push(trial(design, lab)?);
        }
    }
    Ok(regrets(stakes, contenders, &trials, impossible))
}

/// The part of the weighing that one of several machines does: the races of every `has`-th world.
///
/// # Errors
/// The work was stopped.
pub fn share<M: Memory>(
    stakes: &Stakes,
    has: impl Fn(usize) -> bool,
    lab: &mut Lab<'_, M>,
    make: impl Fn(&Point, &World) -> Option<Design>,
) -> Result<(), Interrupted> {
    for world in (0..stakes.worlds.len()).filter(|world| has(*world)) {
        let there = |point: &Point| Some(make(point, &stakes.worlds[world])?.starting_at(first(world, ROOM)));
        race(stakes.points, stakes.each(), lab, there)?;
    }
    Ok(())
}

fn trial<M: Memory>(design: &Design, lab: &mut Lab<'_, M>) -> Result<Trial, Interrupted> {
    if design.overloaded {
        return Ok(Trial { usd: floor(&design.model), meets: false, undecided: false });
    }
    let (verdict, usd) = tried(design, lab)?;
    Ok(Trial { usd, meets: verdict == Verdict::Meets, undecided: verdict == Verdict::Undecided })
}

/// From what each contender came to in each world to its regret.
fn regrets(stakes: &Stakes, contenders: Vec<Point>, trials: &[Vec<Trial>], impossible: u32) -> Regrets {
    let mean = |trials: &[Trial]| trials.iter().map(|trial| trial.usd).sum::<f64>() / trials.len().max(1) as f64;
    let bills: Vec<f64> = trials.iter().map(|trials| mean(trials)).collect();
    let miss = stakes.miss.unwrap_or_else(|| bills.iter().copied().fold(0.0, f64::max));
    let loss = |trial: &Trial| trial.usd + if trial.meets { 0.0 } else { miss };
    let draws = trials.first().map_or(0, Vec::len);
    let least = |world: usize| trials.iter().map(|trials| loss(&trials[world])).fold(f64::INFINITY, f64::min);
    let contender = |(at, settings): (usize, Point)| {
        let regrets: Vec<f64> =
            trials[at].iter().enumerate().map(|(world, trial)| loss(trial) - least(world)).collect();
        Some(Contender {
            settings,
            usd_per_month: bills[at],
            meets: probability(&trials[at])?,
            regret_usd: estimate::mean(&regrets)?,
            worst_regret_usd: regrets.iter().copied().fold(0.0, f64::max),
        })
    };
    let mut contenders: Vec<Contender> = contenders.into_iter().enumerate().filter_map(contender).collect();
    contenders.sort_by(|a, b| a.regret_usd.mean.total_cmp(&b.regret_usd.mean));
    Regrets { draws: draws as u32, impossible, price_of_a_miss_usd: miss, contenders }
}

/// The share of worlds in which a design meets its objectives; what is undecided counts against the interval.
fn probability(trials: &[Trial]) -> Option<Estimate> {
    let n = trials.len() as f64;
    let count = |holds: &dyn Fn(&&Trial) -> bool| trials.iter().filter(holds).count() as f64;
    let (low, _) = wilson(count(&|trial| trial.meets), n, CONFIDENCE);
    let (_, high) = wilson(count(&|trial| trial.meets || trial.undecided), n, CONFIDENCE);
    let (low, high) = (Some(low), Some(high));
    let half_width = low.zip(high).map(|(low, high)| (high - low) / 2.0);
    let mean = count(&|trial| trial.meets) / n;
    (!trials.is_empty()).then_some(Estimate { mean, half_width, low, high, replications: trials.len() as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(usd: f64, meets: bool) -> Trial {
        Trial { usd, meets, undecided: false }
    }

    #[test]
    fn the_price_of_a_miss_moves_the_choice_to_the_safe_design() {
        let point = |name: &str| vec![name.to_owned()];
        // A small design that holds in three worlds of four, a large one that always does.
        let trials = [
            vec![at(100.0, true), at(100.0, true), at(100.0, true), at(100.0, false)],
            vec![at(200.0, true), at(200.0, true), at(200.0, true), at(200.0, true)],
        ];
        let chosen = |miss| {
            let stakes = Stakes { points: &[], worlds: &[], budget: 1, miss: Some(miss) };
            let told = regrets(&stakes, vec![point("small"), point("large")], &trials, 0);
            (told.contenders[0].settings[0].clone(), told.contenders[0].regret_usd.mean)
        };
        // Small regrets (miss - 100) / 4, large regrets 75.
        assert_eq!(chosen(200.0), ("small".to_owned(), 25.0));
        assert_eq!(chosen(1000.0), ("large".to_owned(), 75.0));
    }

    #[test]
    fn without_a_price_a_miss_costs_the_dearest_bill() {
        let stakes = Stakes { points: &[], worlds: &[], budget: 1, miss: None };
        let told = regrets(
            &stakes,
            vec![vec!["a".to_owned()], vec!["b".to_owned()]],
            &[vec![at(5.0, false)], vec![at(9.0, true)]],
            0,
        );
        assert_eq!((told.price_of_a_miss_usd, told.contenders[0].settings[0].as_str()), (9.0, "b"));
        assert_eq!(told.contenders[1].worst_regret_usd, 5.0);
    }
}
