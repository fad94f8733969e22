//! How many instances there should be: what an autoscaler is told, and what it decides.
//!
//! Every rule makes a *recommendation* out of measured values. What surrounds it is the same for all and is that of the
//! Kubernetes horizontal pod autoscaler (`autoscaling/v2`, `pkg/controller/podautoscaler/horizontal.go`): a recommendation
//! must have stood for a time (`stable`), changes at most so much in so long (`by`, `per`), and stays between `min` and
//! `max`. [`hpa`] is that autoscaler whole, [`concurrency`] that of Knative, [`forecast`] looks ahead.
//!
//! What can go wrong: a value is missing, because nothing was seen. Then nothing is taken away.

pub mod concurrency;
pub mod forecast;
pub mod hpa;

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::policy::scale::concurrency::{Concurrency, Panic};
use crate::policy::scale::forecast::{Forecast, Forecaster};
use crate::policy::scale::hpa::{Hpa, Pod};
use crate::units::{Span, Time};

/// `up: {by: [100%, 4], per: 15s, stable: 0s, tolerance: 10%}`, or the same of `down`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// No limit where there are none.
    pub allowances: Vec<Allowance>,
    pub select: Select,
    /// How long a recommendation must have stood.
    pub stable: Span,
    /// Deviation from the target, as a share of it, that is left alone.
    pub tolerance: f64,
}

/// At most so much in so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    pub by: By,
    pub per: Span,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// `4`.
    Count(u32),
    /// `100%` of those there were: rounded up on the way up, and down to what is left on the way down.
    Share(f64),
    /// `x1.5`: the whole part of so many times those there were.
    Factor(f64),
}

/// Which of several allowances holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// That which changes most.
    Max,
    /// That which changes least.
    Min,
    /// No change in this direction.
    Disabled,
}

/// What holds in both directions, and between which numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    pub min: u32,
    pub max: u32,
    pub up: Pace,
    pub down: Pace,
}

/// What makes the recommendation.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `target: {utilisation of cores: 70%}`: each value to be kept at its goal; the most demanding wins.
    Target(Vec<f64>),
    /// `step: {utilisation of cores > 70%: +2}`: of those whose test holds the largest change.
    Step(Vec<Step>),
    /// `score: [30% utilisation of cores / 100%, ..]`: a weighted sum; up where it is above one bound, down below another.
    Score {
        parts: Vec<Part>,
        above: f64,
        below: f64,
    },
    /// `schedule: {07:45: 15, 20:30: 5}`: seconds of the day, or of the week, and how many from then on.
    Schedule(Vec<Entry>),
    Predict(Forecast),
    Concurrency(Concurrency),
    Hpa(Hpa),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The value is above the bound (otherwise below it), or just there where `or_equal`.
    pub above: bool,
    pub or_equal: bool,
    pub bound: f64,
    pub change: i32,
}

/// So much of a value over its own whole; what is above that counts as 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    pub weight: f64,
    pub whole: f64,
}

/// From a time of the day, or of a day of the week, on there are so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    pub at_s: f64,
    /// Once a week, not every day.
    pub weekly: bool,
    pub count: u32,
}

/// What an autoscaler sees at a look.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub now: Time,
    /// Seconds since Monday 00:00.
    pub clock_s: f64,
    /// Instances that were ordered and are not on their way out.
    pub current: u32,
    /// Those among them that serve.
    pub ready: u32,
    /// One for each measure of the rule, NaN where nothing was seen.
    pub values: &'a [f64],
    /// For `hpa`: of each metric that has a value for each pod, all pods.
    pub pods: &'a [Vec<Pod>],
    /// For `predict`: what is measured now over what the loads' curves say for now.
    pub ratio: f64,
}

/// A decision and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    pub to: u32,
    pub why: Why,
}

/// Numbers behind a decision; whoever shows it knows the words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Why {
    /// Which of the rule's measures, steps or entries decided; `NONE` if none did.
    pub index: u16,
    pub value: f64,
    /// What the value was compared with.
    pub goal: f64,
    pub held: Held,
}

impl Why {
    /// No measure decided.
    pub const NONE: u16 = u16::MAX;
    /// Something was panicking (`concurrency`).
    pub const PANIC: u16 = u16::MAX - 1;

    fn new(index: usize, value: f64, goal: f64) -> Why {
        Why { index: index as u16, value, goal, held: Held::Free }
    }
}

/// What kept a decision from being the recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Free,
    Min,
    Max,
    /// The allowances of `by` and `per`.
    Pace,
    /// It had not stood long enough.
    Stable,
}

/// The running state of one autoscaler.
#[derive(Clone, Debug)]
pub struct Scaler {
    behaviour: Behaviour,
    recommended: VecDeque<(Time, u32)>,
    /// Instances added (or taken away) and when.
    changes: VecDeque<(Time, i64)>,
    panic: Panic,
    pub forecaster: Option<Forecaster>,
}

impl Scaler {
    /// `past` is the history that a forecast rests on: values at equal distances, the last just before the run.
    pub fn new(rule: &Rule, behaviour: &Behaviour, past: &[f64]) -> Scaler {
        let forecaster = if let Rule::Predict(spec) = rule { Some(Forecaster::new(spec, past)) } else { None };
        Scaler {
            behaviour: behaviour.clone(),
            recommended: VecDeque::new(),
            changes: VecDeque::new(),
            panic: Panic::default(),
            forecaster,
        }
    }

    /// How many there should be from now on; the caller sees to it.
    pub fn decide(&mut self, rule: &Rule, view: &View) -> Decision {
        let Behaviour { min, max, .. } = self.behaviour;
        let without_reason = |to: u32, held| {
            let why = Why::new(usize::from(Why::NONE), f64::from(view.current), f64::from(to));
            Decision { to, why: Why { held, ..why } }
        };
        if view.current < min {
            return without_reason(min, Held::Min);
        }
        if max < view.current {
            return without_reason(max, Held::Max);
        }
        let Some((wanted, mut why)) = self.recommend(rule, view) else {
            return without_reason(view.current, Held::Free);
        };
        let stable = self.stabilise(view.now, view.current, wanted);
        let to = self.pace(view.now, view.current, stable);
        why.held = match () {
            () if to == wanted => Held::Free,
            () if stable != wanted && to == stable => Held::Stable,
            () if to == max && max < wanted => Held::Max,
            () if to == min && wanted < min => Held::Min,
            () => Held::Pace,
        };
        Decision { to, why }
    }

    /// So many are there when it begins: as good as a first recommendation.
    pub fn begin(&mut self, now: Time, current: u32) {
        self.recommended.push_back((now, current));
    }

    /// The change was made.
    pub fn changed(&mut self, now: Time, from: u32, to: u32) {
        self.changes.push_back((now, i64::from(to) - i64::from(from)));
        let longest = [&self.behaviour.up, &self.behaviour.down].into_iter().flat_map(|pace| &pace.allowances);
        let longest = longest.map(|allowance| allowance.per).max().unwrap_or(Span(0));
        while self.changes.front().is_some_and(|(at, _)| at.0 + longest.0 <= now.0) {
            self.changes.pop_front();
        }
    }

    /// What the rule says, whatever the surroundings allow; `None`: nothing.
    fn recommend(&mut self, rule: &Rule, view: &View) -> Option<(u32, Why)> {
        let tolerances = (self.behaviour.up.tolerance, self.behaviour.down.tolerance);
        match rule {
            Rule::Target(goals) => target(goals, view, tolerances),
            Rule::Step(steps) => step(steps, view),
            Rule::Score { parts, above, below } => score(parts, (*above, *below), view),
            Rule::Schedule(entries) => schedule(entries, view),
            Rule::Predict(spec) => self.forecaster.as_mut().and_then(|forecaster| forecaster.recommend(spec, view)),
            Rule::Concurrency(spec) => self.panic.recommend(spec, view),
            Rule::Hpa(spec) => hpa::recommend(spec, view, tolerances),
        }
    }

    /// The recommendation that has stood long enough: on the way up the least of the last `up.stable`, on the way down the
    /// most of the last `down.stable` (`stabilizeRecommendationWithBehaviors`).
    fn stabilise(&mut self, now: Time, current: u32, wanted: u32) -> u32 {
        let (up, down) = (self.behaviour.up.stable, self.behaviour.down.stable);
        let is_since = |at: Time, span: Span| now.0 < at.0.saturating_add(span.0);
        let (mut least, mut most) = (wanted, wanted);
        for &(at, count) in &self.recommended {
            least = if is_since(at, up) { least.min(count) } else { least };
            most = if is_since(at, down) { most.max(count) } else { most };
        }
        self.recommended.push_back((now, wanted));
        while self.recommended.front().is_some_and(|(at, _)| !is_since(*at, up.max(down))) {
            self.recommended.pop_front();
        }
        current.max(least).min(most)
    }

    /// As far towards what is wanted as allowances and bounds let it (`convertDesiredReplicasWithBehaviorRate`).
    fn pace(&self, now: Time, current: u32, wanted: u32) -> u32 {
        let Behaviour { min, max, up, down } = &self.behaviour;
        match wanted.cmp(&current) {
            Ordering::Greater => {
                let limit = limit(up, current, |span| self.changed_since(now, span), true).max(current);
                wanted.min(limit.min(*max))
            }
            Ordering::Less => {
                let limit = limit(down, current, |span| self.changed_since(now, span), false).min(current);
                wanted.max(limit.max(*min)).min(*max)
            }
            Ordering::Equal => wanted.clamp(*min, *max),
        }
    }

    /// Instances added less those taken away in the last so long.
    fn changed_since(&self, now: Time, span: Span) -> i64 {
        let recent = self.changes.iter().filter(|(at, _)| now.0 < at.0.saturating_add(span.0));
        recent.map(|(_, change)| change).sum()
    }
}

/// The furthest number that the allowances of a direction permit (`calculateScaleUpLimitWithScalingRules` and its twin);
/// `changed` is what has been added within a period.
pub fn limit(pace: &Pace, current: u32, changed: impl Fn(Span) -> i64, up: bool) -> u32 {
    if pace.select == Select::Disabled {
        return current;
    }
    let reach = |allowance: &Allowance| {
        let before = (i64::from(current) - changed(allowance.per)).max(0) as f64;
        let to = match (allowance.by, up) {
            (By::Count(count), true) => before + f64::from(count),
            (By::Count(count), false) => before - f64::from(count),
            (By::Share(share), true) => libm::ceil(steady(before * (1.0 + share))),
            (By::Share(share), false) => libm::floor(steady(before * (1.0 - share))),
            (By::Factor(factor), _) => libm::floor(steady(before * factor)),
        };
        to.clamp(0.0, f64::from(u32::MAX)) as u32
    };
    let furthest = pace.allowances.iter().map(reach);
    let limit = if (pace.select == Select::Max) == up { furthest.max() } else { furthest.min() };
    limit.unwrap_or(if up { u32::MAX } else { 0 })
}

/// Products of decimal fractions that should be whole are.
fn steady(value: f64) -> f64 {
    let whole = libm::round(value);
    if (value - whole).abs() < 1e-9 { whole } else { value }
}

/// So many times as many, rounded up; within the tolerance of its direction as many as there are.
fn proportional(ratio: f64, view: &View, (up, down): (f64, f64)) -> u32 {
    if 1.0 - down <= ratio + 1e-12 && ratio <= 1.0 + up + 1e-12 {
        return view.current;
    }
    let wanted = libm::ceil(steady(ratio * f64::from(view.ready))).min(f64::from(u32::MAX)) as u32;
    // Those that are still booting were ordered for this very need.
    let is_back = (ratio < 1.0 && view.current < wanted) || (1.0 < ratio && wanted < view.current);
    if is_back { view.current } else { wanted }
}

fn target(goals: &[f64], view: &View, tolerances: (f64, f64)) -> Option<(u32, Why)> {
    let mut best: Option<(u32, Why)> = None;
    for (index, (&goal, &value)) in goals.iter().zip(view.values).enumerate() {
        if value.is_nan() {
            continue;
        }
        let wanted = proportional(value / goal, view, tolerances);
        let farther = best.is_none_or(|(known, why)| (known, why.value / why.goal) < (wanted, value / goal));
        if farther {
            best = Some((wanted, Why::new(index, value, goal)));
        }
    }
    let is_blind = view.values.iter().any(|value| value.is_nan());
    best.filter(|(wanted, _)| !is_blind || view.current < *wanted)
}

fn step(steps: &[Step], view: &View) -> Option<(u32, Why)> {
    let holds = |step: &Step, value: f64| {
        step.or_equal && value == step.bound || if step.above { step.bound < value } else { value < step.bound }
    };
    let met = steps.iter().zip(view.values).enumerate().filter(|(_, (step, value))| holds(step, **value));
    let (index, (step, value)) = met.max_by_key(|(_, (step, _))| step.change)?;
    let wanted = (i64::from(view.current) + i64::from(step.change)).clamp(0, i64::from(u32::MAX)) as u32;
    Some((wanted, Why::new(index, *value, step.bound)))
}

/// Recommends as many, or as few, as can be: how far it goes is said by `by`.
fn score(parts: &[Part], (above, below): (f64, f64), view: &View) -> Option<(u32, Why)> {
    let share = |(part, value): (&Part, &f64)| part.weight * (value / part.whole).min(1.0);
    let sum: f64 = parts.iter().zip(view.values).map(share).sum();
    let why = |goal| Why::new(0, sum, goal);
    match () {
        () if above < sum => Some((u32::MAX, why(above))),
        () if sum < below => Some((0, why(below))),
        // A value that is missing is no reason for anything.
        () => (!sum.is_nan()).then(|| (view.current, why(above))),
    }
}

/// The entry that came last, as the clock turns.
fn schedule(entries: &[Entry], view: &View) -> Option<(u32, Why)> {
    let age = |entry: &Entry| {
        let period = if entry.weekly { 604_800.0 } else { 86_400.0 };
        (view.clock_s - entry.at_s + 1e-6).rem_euclid(period)
    };
    let (index, entry) = entries.iter().enumerate().min_by(|(_, a), (_, b)| age(a).total_cmp(&age(b)))?;
    Some((entry.count, Why::new(index, view.clock_s, f64::from(entry.count))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(allowances: Vec<Allowance>, stable_s: f64, tolerance: f64) -> Pace {
        Pace { allowances, select: Select::Max, stable: Span::from_secs_f64(stable_s), tolerance }
    }

    fn free() -> Behaviour {
        Behaviour { min: 1, max: 1000, up: pace(vec![], 0.0, 0.0), down: pace(vec![], 0.0, 0.0) }
    }

    fn view(now_s: f64, current: u32, values: &[f64]) -> View<'_> {
        let now = Time(Span::from_secs_f64(now_s).0);
        View { now, clock_s: now_s, current, ready: current, values, pods: &[], ratio: 1.0 }
    }

    fn decide(rule: &Rule, behaviour: &Behaviour, current: u32, values: &[f64]) -> Decision {
        Scaler::new(rule, behaviour, &[]).decide(rule, &view(0.0, current, values))
    }

    #[test]
    fn a_target_is_kept_in_proportion_and_the_most_demanding_wins() {
        let rule = Rule::Target(vec![0.7, 250.0]);
        let to = |current, values: [f64; 2]| decide(&rule, &free(), current, &values).to;
        assert_eq!(13, to(10, [0.91, 250.0]));
        assert_eq!(16, to(10, [0.91, 400.0]));
        assert_eq!(5, to(10, [0.35, 100.0]));
        assert_eq!(10, to(10, [f64::NAN, 100.0]), "what is not seen forbids to take away");
        assert_eq!(16, to(10, [f64::NAN, 400.0]));
    }

    #[test]
    fn a_target_is_left_alone_within_its_tolerance_of_either_direction() {
        let rule = Rule::Target(vec![50.0]);
        // Target tracking of AWS: above the target at once, below only from 10 % on.
        let behaviour = Behaviour { down: pace(vec![], 0.0, 0.1), ..free() };
        for (capacity, metric, want) in
            [(10, 80.0, 16), (10, 55.0, 11), (10, 50.0, 10), (10, 40.0, 8), (10, 44.0, 9), (10, 45.0, 10)]
        {
            assert_eq!(want, decide(&rule, &behaviour, capacity, &[metric]).to, "{capacity} at {metric}");
        }
    }

    #[test]
    fn what_was_ordered_and_still_boots_is_not_ordered_again() {
        let rule = Rule::Target(vec![0.7]);
        let mut scaler = Scaler::new(&rule, &free(), &[]);
        let still_booting = View { ready: 4, ..view(0.0, 8, &[1.0]) };
        assert_eq!(8, scaler.decide(&rule, &still_booting).to, "4 at 100 % need 6, and 8 were ordered");
    }

    #[test]
    fn a_score_above_one_bound_adds_and_below_another_takes_away() {
        let parts = [(0.3, 1.0), (0.2, 1.0), (0.3, 1000.0), (0.2, 0.5)];
        let parts = parts.map(|(weight, whole)| Part { weight, whole }).to_vec();
        let rule = Rule::Score { parts, above: 0.7, below: 0.3 };
        let by = |by| Allowance { by, per: Span::from_secs_f64(15.0) };
        let behaviour = Behaviour {
            min: 2,
            max: 100,
            up: pace(vec![by(By::Factor(1.5)), by(By::Count(2))], 0.0, 0.0),
            down: pace(vec![by(By::Factor(0.8))], 0.0, 0.0),
        };
        let high = [0.9, 0.8, 2000.0, 0.6];
        for (current, want) in [(2, 4), (3, 5), (5, 7), (10, 15), (21, 31), (90, 100), (100, 100)] {
            assert_eq!(want, decide(&rule, &behaviour, current, &high).to, "{current} under load");
        }
        for (current, want) in [(2, 2), (3, 2), (10, 8), (21, 16), (100, 80)] {
            assert_eq!(want, decide(&rule, &behaviour, current, &[0.1, 0.2, 50.0, 0.02]).to, "{current} idle");
        }
        assert_eq!(10, decide(&rule, &behaviour, 10, &[0.5, 0.5, 500.0, 0.25]).to);
    }

    #[test]
    fn of_the_steps_that_hold_the_largest_change_is_made() {
        let step = |above, bound, change| Step { above, or_equal: false, bound, change };
        let rule = Rule::Step(vec![step(true, 0.7, 2), step(true, 0.9, 5), step(false, 0.3, -1)]);
        let to = |value: f64| decide(&rule, &free(), 10, &[value; 3]).to;
        assert_eq!([10, 12, 15, 9], [to(0.7), to(0.8), to(0.95), to(0.2)]);
    }

    #[test]
    fn a_schedule_holds_from_each_entry_to_the_next_and_over_midnight() {
        let entry = |hours: f64, count| Entry { at_s: hours * 3600.0, weekly: false, count };
        let rule = Rule::Schedule(vec![entry(7.75, 15), entry(20.5, 5)]);
        let to = |hours: f64| Scaler::new(&rule, &free(), &[]).decide(&rule, &view(hours * 3600.0, 8, &[])).to;
        assert_eq!([5, 5, 15, 15, 5], [to(0.0), to(7.7), to(7.75), to(20.4), to(23.9)]);
    }

    #[test]
    fn a_period_counts_what_was_added_in_it() {
        let rule = Rule::Target(vec![0.5]);
        let by = vec![Allowance { by: By::Count(4), per: Span::from_secs_f64(60.0) }];
        let behaviour = Behaviour { up: pace(by, 0.0, 0.1), ..free() };
        let mut scaler = Scaler::new(&rule, &behaviour, &[]);
        let mut current = 4;
        let mut seen = Vec::new();
        for at in [0.0, 15.0, 59.0, 60.0, 75.0, 120.0] {
            let to = scaler.decide(&rule, &view(at, current, &[1.0])).to;
            if to != current {
                scaler.changed(Time(Span::from_secs_f64(at).0), current, to);
            }
            current = to;
            seen.push(to);
        }
        assert_eq!(vec![8, 8, 8, 12, 12, 16], seen);
    }

    #[test]
    fn a_longer_stable_time_never_makes_more_changes() {
        // A load that swings around the target every 45 s.
        let changes = |stable_s: f64| {
            let rule = Rule::Target(vec![0.5]);
            let behaviour = Behaviour { down: pace(vec![], stable_s, 0.1), up: pace(vec![], 0.0, 0.1), ..free() };
            let mut scaler = Scaler::new(&rule, &behaviour, &[]);
            let (mut current, mut count) = (10, 0);
            for look in 0..240 {
                let work = if (look / 3) % 2 == 0 { 7.0 } else { 4.0 };
                let to = scaler.decide(&rule, &view(15.0 * f64::from(look), current, &[work / f64::from(current)])).to;
                count += u32::from(to != current);
                current = to;
            }
            count
        };
        let counts = [0.0, 30.0, 60.0, 300.0].map(changes);
        assert!(counts.is_sorted_by(|a, b| b <= a), "{counts:?}");
        assert!(60 < counts[0] && counts[3] < 3, "{counts:?}");
    }
}
