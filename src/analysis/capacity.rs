//! The most load within the objectives, or the least of a whole-numbered setting that a load needs.
//!
//! First a bracket: from what is asked today, by the headroom that utilisation leaves, to a load that meets all objectives
//! and one that misses one. Then the bracket is halved. At each load the replications are doubled until the objectives are
//! decided (a verdict needs its whole 99 % interval on one side) or the most is reached; what stays undecided becomes the
//! inside of the answer's interval, whose ends are a load that surely holds and one that surely does not. The answer itself
//! is where the value of the objective that breaks crosses its limit between the two. All loads see the same random
//! numbers, so the curve is smooth although it is simulated.

use crate::analysis::design::Design;
use crate::analysis::estimate::CONFIDENCE;
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::report::Verdict;
use crate::report::capacity::{Capacity, Next, Outcome, SCHEMA, Tried};
use crate::report::evaluation::{Busy, Figures, Judged};
use crate::theory::special::student_quantile;

/// Loads beyond these multiples of today's are not looked for.
const MOST: f64 = 1024.0;
/// Shares of the answer at which the curve is drawn.
const CURVE: [f64; 6] = [0.3, 0.5, 0.7, 0.85, 0.95, 1.1];
/// The knee: so many per cent more p99 for one per cent more load.
const KNEE: f64 = 4.0;
/// Confidence of the verdict at a load; a search looks at a dozen loads, and several times at those near the limit.
pub const SURE: f64 = 0.99;
/// Replications are doubled so often before a load counts as undecided.
const DOUBLINGS: u32 = 3;

/// What to look for, and how exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked for, as reports call it.
    pub find: String,
    /// The setting is a whole number and more of it is better; else it is a load, as a multiple of today's.
    pub whole: bool,
    pub unit: &'static str,
    /// What a multiple of one stands for.
    pub today: f64,
    /// Width of the bracket at which the search ends, as a share.
    pub tolerance: f64,
    /// Room above today's load that there should be.
    pub headroom: f64,
    /// Confidence of the verdict at a load, usually [`SURE`].
    pub sure: f64,
    /// Draw the curve when the answer is known.
    pub curve: bool,
}

/// One search at work.
struct Search<'s, 'l, M, F> {
    question: &'s Question,
    lab: &'s mut Lab<'l, M>,
    make: F,
    /// In the order of their places.
    tried: Vec<(f64, Figures)>,
}

/// Searches; `make` gives the design at a multiple of the load, or at a number of the setting, where there is one.
pub fn search<M: Memory>(
    base: &Design,
    question: &Question,
    lab: &mut Lab<'_, M>,
    make: impl Fn(f64) -> Option<Design>,
) -> Result<Capacity, Interrupted> {
    let before = lab.needed();
    let mut search = Search { question, lab, make, tried: Vec::new() };
    let (outcome, good, bad) = if question.whole { search.number()? } else { search.load()? };
    let value = match (good, bad) {
        (Some(good), _) if question.whole => Some(good),
        (Some(good), Some(bad)) => Some(search.crossing(good, bad)),
        _ => None,
    };
    if let Some(value) = value.filter(|_| question.curve && !question.whole) {
        search.draw(value)?;
    }
    let (tried, runs) = (search.tried, search.lab.needed() - before);
    Ok(report(base, question, &Found { outcome, good, bad, value, tried, runs }))
}

/// What a search came to, in multiples.
struct Found {
    outcome: Outcome,
    good: Option<f64>,
    bad: Option<f64>,
    value: Option<f64>,
    tried: Vec<(f64, Figures)>,
    runs: u64,
}

impl<M: Memory, F: Fn(f64) -> Option<Design>> Search<'_, '_, M, F> {
    /// The verdict at a place, with as many replications as it takes.
    fn at(&mut self, place: f64) -> Result<Verdict, Interrupted> {
        if let Some((_, figures)) = self.tried.iter().find(|(known, _)| *known == place) {
            return Ok(verdict(figures, self.question.sure));
        }
        let Some(design) = (self.make)(place) else { return Ok(Verdict::Misses) };
        let least = self.lab.setting.replications.max(3);
        let mut figures = Vec::new();
        for doubling in 0..=DOUBLINGS {
            figures = self.lab.evaluate_with(&[&design], least << doubling)?;
            if figures.iter().all(|figures| verdict(figures, self.question.sure) != Verdict::Undecided) {
                break;
            }
        }
        let figures = figures.pop().expect("it was evaluated");
        let judged = verdict(&figures, self.question.sure);
        let after = self.tried.partition_point(|(known, _)| *known < place);
        self.tried.insert(after, (place, figures));
        Ok(judged)
    }

    fn figures(&self, place: f64) -> Option<&Figures> {
        self.tried.iter().find(|(known, _)| *known == place).map(|(_, figures)| figures)
    }

    /// Where the first resource would be full, as a multiple.
    fn full_at(&self, place: f64) -> f64 {
        let headroom = self.figures(place).and_then(|figures| figures.bottleneck.as_ref()).map(|limit| limit.headroom);
        place * headroom.filter(|headroom| headroom.is_finite() && 0.0 < *headroom).unwrap_or(2.0)
    }

    /// A load that surely holds and one that surely does not, as close as noise and tolerance allow.
    fn load(&mut self) -> Result<(Outcome, Option<f64>, Option<f64>), Interrupted> {
        let (good, bad) = self.bracket()?;
        let (Some(mut good), Some(mut bad)) = (good, bad) else {
            let outcome = match (good, bad) {
                (Some(_), _) => Outcome::Unbounded,
                (_, Some(_)) => Outcome::None,
                _ => Outcome::Undecided,
            };
            return Ok((outcome, good, bad));
        };
        let wide = 1.0 + self.question.tolerance;
        // What is undecided is closed in from both sides.
        let (mut open_low, mut open_high) = (bad, good);
        while good * wide < open_low || (open_low < bad && open_high * wide < bad) {
            let below = good * wide < open_low;
            let (low, high) = if below { (good, open_low) } else { (open_high, bad) };
            let middle = (low * high).sqrt();
            match self.at(middle)? {
                Verdict::Meets | Verdict::None => {
                    good = good.max(middle);
                    open_high = open_high.max(good);
                }
                Verdict::Misses => {
                    bad = bad.min(middle);
                    open_low = open_low.min(bad);
                }
                Verdict::Undecided => (open_low, open_high) = (open_low.min(middle), open_high.max(middle)),
            }
            if open_low == bad {
                open_high = good;
            }
        }
        Ok((Outcome::Found, Some(good), Some(bad)))
    }

    fn bracket(&mut self) -> Result<(Option<f64>, Option<f64>), Interrupted> {
        let (mut good, mut bad) = (None, None);
        let mut place = 1.0;
        while (good.is_none() || bad.is_none()) && (1.0 / MOST..=MOST).contains(&place) {
            let judged = self.at(place)?;
            let full = self.full_at(place);
            match judged {
                Verdict::Meets | Verdict::None => {
                    good = Some(good.map_or(place, |known: f64| known.max(place)));
                    // Nothing is carried beyond where something is full, and often less.
                    place = (1.02 * full).clamp(1.3 * place, 8.0 * place);
                }
                Verdict::Misses => {
                    bad = Some(bad.map_or(place, |known: f64| known.min(place)));
                    place = (0.9 * full).clamp(place / 8.0, 0.7 * place);
                }
                Verdict::Undecided if bad.is_none() => place *= 1.3,
                Verdict::Undecided => place *= 0.7,
            }
        }
        Ok((good, bad))
    }

    /// The least whole number that surely suffices, and the most that surely does not.
    fn number(&mut self) -> Result<(Outcome, Option<f64>, Option<f64>), Interrupted> {
        let holds = |verdict: Verdict| matches!(verdict, Verdict::Meets | Verdict::None);
        let mut most = 1.0;
        while !holds(self.at(most)?) {
            if MOST <= most {
                return Ok((Outcome::None, None, Some(most)));
            }
            most *= 2.0;
        }
        let (mut good, mut short) = (most, (most / 2.0).floor());
        while short + 1.0 < good {
            let middle = f64::midpoint(short, good).floor();
            if holds(self.at(middle)?) { good = middle } else { short = middle }
        }
        // Fewer may do as well where noise does not tell.
        let mut bad = good - 1.0;
        while 1.0 <= bad && self.at(bad)? == Verdict::Undecided {
            bad -= 1.0;
        }
        Ok((Outcome::Found, Some(good), Some(bad)))
    }

    /// Where the objective that breaks crosses its limit, between two loads.
    fn crossing(&self, good: f64, bad: f64) -> f64 {
        let middle = (good * bad).sqrt();
        let breaking = self.figures(bad).and_then(|figures| {
            figures
                .objectives
                .iter()
                .find(|judged| judged.verdict == Verdict::Misses)
                .map(|judged| judged.measured.name.clone())
        });
        let Some(name) = breaking else { return middle };
        let value = |figures: &Figures| {
            let judged = figures.objectives.iter().find(|judged| judged.measured.name == name)?;
            Some((judged.measured.value.filter(|value| 0.0 < *value)?, judged.limit.filter(|limit| 0.0 < *limit)?))
        };
        // The crossing is looked for between neighbours, where the curve is nearly a power of the load.
        let inside = self.tried.iter().filter(|(place, _)| good <= *place && *place <= bad);
        let known: Vec<(f64, f64)> = inside
            .filter_map(|(place, figures)| {
                let (value, limit) = value(figures)?;
                Some((libm::log(*place), libm::log(value / limit)))
            })
            .collect();
        let crossed = known.windows(2).find(|pair| (pair[0].1 <= 0.0) != (pair[1].1 <= 0.0));
        let Some([(x, y), (u, v)]) = crossed.and_then(|pair| <[(f64, f64); 2]>::try_from(pair).ok()) else {
            return middle;
        };
        libm::exp(x + (u - x) * (-y) / (v - y)).clamp(good, bad)
    }

    /// Fills in the curve around the answer, a few replications each.
    fn draw(&mut self, value: f64) -> Result<(), Interrupted> {
        let far = |place: &f64| self.tried.iter().all(|(known, _)| 0.04 < (known / place - 1.0).abs());
        let places: Vec<f64> = CURVE.iter().map(|share| share * value).filter(far).collect();
        let made: Vec<(f64, Design)> =
            places.into_iter().filter_map(|place| Some((place, (self.make)(place)?))).collect();
        let designs: Vec<&Design> = made.iter().map(|(_, design)| design).collect();
        let figures = self.lab.evaluate(&designs)?;
        self.tried.extend(made.iter().map(|(place, _)| *place).zip(figures));
        self.tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(())
    }
}

/// The verdict on all objectives; a queue without end is a miss whatever they say.
fn verdict(figures: &Figures, sure: f64) -> Verdict {
    if !figures.stable {
        return Verdict::Misses;
    }
    let worse = |verdict: &Verdict| match verdict {
        Verdict::Misses => 3,
        Verdict::Undecided => 2,
        Verdict::Meets => 1,
        Verdict::None => 0,
    };
    let all = figures.objectives.iter().map(|judged| surely(judged, figures.replications, sure));
    all.max_by_key(worse).unwrap_or(Verdict::None)
}

/// The verdict on one objective with the confidence of a search, which asks many times and must not be wrong once.
fn surely(judged: &Judged, replications: u32, sure: f64) -> Verdict {
    let measured = &judged.measured;
    let known = (measured.value, measured.low, measured.high, judged.limit);
    let (Some(value), Some(low), Some(high), Some(limit)) = known else { return judged.verdict };
    let freedom = f64::from(replications.max(2) - 1);
    let wider = student_quantile(0.5 + 0.5 * sure, freedom) / student_quantile(0.5 + 0.5 * CONFIDENCE, freedom);
    let (low, high) = (value - wider * (value - low), value + wider * (high - value));
    let is_open = low <= limit && limit < high || low < limit && limit <= high;
    if is_open { Verdict::Undecided } else { judged.verdict }
}

fn report(base: &Design, question: &Question, found: &Found) -> Capacity {
    let scale = if question.whole { 1.0 } else { question.today };
    // Clients are whole; so many of them are there at a multiple, and the answer is a number that holds.
    let is_counted = question.unit == "clients";
    let amount = |place: f64| if is_counted { (place * scale).round() } else { place * scale };
    let scaled = |place: Option<f64>| place.map(amount);
    let points: Vec<Tried> =
        found.tried.iter().map(|(place, figures)| tried(amount(*place), figures, question.sure)).collect();
    let at =
        |place: Option<f64>| found.tried.iter().find(|(known, _)| Some(*known) == place).map(|(_, figures)| figures);
    // What breaks is read where it does: at the least load that misses an objective.
    let broken = at(found.bad).or_else(|| at(found.good));
    let breaks = broken.and_then(|figures| figures.objectives.iter().find(|judged| judged.verdict == Verdict::Misses));
    let limit = at(found.good).or(broken).and_then(|figures| figures.bottleneck.clone());
    let is_load = !question.whole;
    let next = found.good.filter(|_| is_load).and_then(|good| next(good * scale, at(Some(good))?));
    let needed = is_load.then_some(question.today * (1.0 + question.headroom));
    let (low, high) = if is_load { (found.good, found.bad) } else { (found.bad.map(|bad| bad + 1.0), found.good) };
    Capacity {
        schema: SCHEMA,
        command: None,
        name: base.name.clone(),
        title: base.scenario.title.clone(),
        hash: base.scenario.hash.clone(),
        seed: base.scenario.run.seed,
        find: question.find.clone(),
        unit: question.unit,
        within: base.scenario.objectives.values().map(|objective| objective.value.text.clone()).collect(),
        outcome: found.outcome,
        value: scaled(if is_counted { found.good.filter(|_| found.value.is_some()) } else { found.value }),
        low: scaled(low),
        high: scaled(high),
        knee: knee(&points).filter(|_| is_load),
        points,
        breaks: breaks.map(|judged: &Judged| judged.text.clone()),
        limit,
        next,
        today: is_load.then_some(question.today),
        needed,
        headroom: question.headroom,
        runs: found.runs,
    }
}

fn tried(at: f64, figures: &Figures, sure: f64) -> Tried {
    let served = figures.value("served").zip(figures.value("offered")).map(|(served, offered)| served / offered);
    let missed = figures.objectives.iter().filter(|judged| judged.verdict == Verdict::Misses);
    Tried {
        at,
        verdict: verdict(figures, sure),
        stable: figures.stable,
        replications: figures.replications,
        p50_s: figures.value("p50"),
        p99_s: figures.value("p99"),
        served,
        offered_per_s: figures.value("offered"),
        usd_per_month: figures.usd_per_month,
        limit: figures.bottleneck.clone(),
        missed: missed.map(|judged| judged.text.clone()).collect(),
        evolve: figures.evolve_when.iter().filter(|fired| 0.5 <= fired.share).map(|fired| fired.text.clone()).collect(),
    }
}

/// The first point from which on the tail grows four times as fast as the load.
fn knee(points: &[Tried]) -> Option<f64> {
    let known: Vec<(f64, f64)> =
        points.iter().filter_map(|point| Some((point.at, point.p99_s.filter(|p99| 0.0 < *p99)?))).collect();
    let steep = |pair: &[(f64, f64)]| {
        let [(x, p), (y, q)] = [pair[0], pair[1]];
        // Neighbours that are nearly the same load differ by noise more than by load.
        1.02 < y / x && KNEE <= libm::log(q / p) / libm::log(y / x)
    };
    known.windows(2).find(|pair| steep(pair)).map(|pair| pair[0].0)
}

/// What would be full next, by the utilisation law. A pool of workers that waits for others is not counted.
fn next(at: f64, figures: &Figures) -> Option<Next> {
    let first = figures.bottleneck.as_ref()?;
    let counts = |busy: &&Busy| {
        busy.component != first.component
            && !["workers", "pool", "memory"].contains(&busy.resource.as_str())
            && 0.0 < busy.share
    };
    let busy = figures.busy.iter().find(counts)?;
    Some(Next { component: busy.component.clone(), resource: busy.resource.clone(), at: at / busy.share })
}
