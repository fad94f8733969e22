//! When requests come: how gaps are drawn, and what multiplies the rate over time.
//!
//! Arrivals are laid out in *operational time*, in which the expected number of arrivals per unit is 1, and mapped to the
//! clock by inverting the cumulated rate (Cinlar 1975). The `n`-th gap is the `n`-th draw of the stream, so a spike moves
//! only what comes after it. The rate is piecewise linear in time, its integral quadratic, and the inverse exact. Where
//! several parts of a shape slope at once their product is not linear: it is taken as such in 64 steps of each stretch.
//! What can go wrong: a rate that is 0 from some instant on has a last arrival.

use crate::distribution::sampler::Samplers;
use crate::distribution::text::FAMILIES;
use crate::distribution::{Distribution, from_value};
use crate::policy::{Form, form, unknown};
use crate::random::{Stream, Ziggurat, occasion, unit};
use crate::reader::{Arg, ReadError, Term, Value, Word};
use crate::units::{Dimension, Span, Time};

/// How the gaps between open arrivals are drawn; the mean rate is given beside it and always kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent of each other: exponential gaps.
    ///
    /// ```yaml
    /// arrivals: poisson
    /// ```
    Poisson,
    /// Equal gaps, the first arrival one gap after the start.
    ///
    /// ```yaml
    /// arrivals: constant
    /// ```
    Constant,
    /// Gaps of any distribution, scaled so that their mean fits the rate.
    ///
    /// ```yaml
    /// arrivals: gamma(cv=2)
    /// ```
    Gaps(Distribution),
    /// A Poisson stream that switches between a high and a low rate (a two-state Markov-modulated Poisson process): the
    /// high one is `factor` times the low one, and their mean is the given rate.
    ///
    /// ```yaml
    /// arrivals: bursty(factor=10 on=10s off=90s)
    /// ```
    Bursty {
        /// High rate over low rate.
        factor: f64,
        /// Mean length of a stretch of the high rate, seconds.
        on_s: f64,
        /// Mean length of a stretch of the low rate, seconds.
        off_s: f64,
    },
}

/// What multiplies the mean rate over time: the product of all its parts. The figures are the author's; scaling to a mean
/// of 1 happens here, when they are used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Profile of a day: (seconds since midnight, factor), in order of time, linear between the points and around
    /// midnight, scaled so that the mean of the day is 1. Empty: none.
    pub day: Vec<(f64, f64)>,
    /// Factor of each day, Monday first, scaled so that the mean of the week is 1.
    pub week: Option<[f64; 7]>,
    /// From one factor to another, linear, from the start of the run; afterwards the last one holds.
    pub ramp: Option<Ramp>,
    /// (seconds since the start, factor), in order of time: each holds until the next; 1 before the first.
    pub steps: Vec<(f64, f64)>,
    /// (seconds since the start, factor), in order of time: linear between the points, constant beyond both ends.
    pub points: Vec<(f64, f64)>,
    /// Spikes and surges: added traffic, so the mean rises.
    pub surges: Vec<Surge>,
}

/// `ramp: {from: 10%, to: 500%, over: 30m}`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Factor at the start.
    pub from: f64,
    /// Factor at the end and afterwards.
    pub to: f64,
    /// Seconds.
    pub over_s: f64,
}

/// `spike: {at: 5m, factor: 5, ramp: 10s, hold: 60s}`: up over `ramp`, `factor` times the rate over `hold`, down over `ramp`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surge {
    /// Start of the way up, seconds since the start of the run.
    pub at_s: f64,
    /// At the height of it; 1 is no surge.
    pub factor: f64,
    /// Seconds of the way up, and of the way down; 0 is a jump.
    pub ramp_s: f64,
    /// Seconds at the full factor; infinite: to the end.
    pub hold_s: f64,
    /// The same again so many seconds later, and again.
    pub every_s: Option<f64>,
}

/// How arrivals may be written; besides these, any distribution of the gaps. `trace(file.csv)` is a demand of its own.
pub const FORMS: &[Form] = &[
    form("poisson", "poisson", "Independent of each other: exponential gaps."),
    form("constant", "constant", "Equal gaps."),
    form("bursty", "bursty(factor=10 on=10s off=90s)", "A Poisson stream that switches between a high and a low rate."),
    form("gamma", "gamma(cv=2)", "Gaps of that distribution, or of any other."),
];

const DAY_S: f64 = 86_400.0;

/// Instants closer than this are the same, seconds.
const INSTANT_S: f64 = 1e-9;

/// No run lasts that long (584 years), so nobody looks for arrivals later, seconds.
const LAST_S: f64 = 1.8e10;

/// Steps in which a product of sloping parts is taken as linear.
const STEPS: u32 = 64;

impl Arrivals {
    /// Reads what stands after `arrivals:`.
    pub fn read(term: &Term) -> Result<Arrivals, ReadError> {
        let bare = |arrivals| term.expect_bare().map(|()| arrivals);
        match term.name.text.as_str() {
            "poisson" => bare(Arrivals::Poisson),
            "constant" if term.args.is_empty() => Ok(Arrivals::Constant),
            "bursty" => {
                term.expect_positionals(0, 0, FORMS[2].example)?;
                term.expect_only(&["factor", "on", "off"])?;
                let of = |key: &str, dimension: Dimension| {
                    let quantity = term.named_quantity(key, dimension)?;
                    quantity.ok_or_else(|| term.missing(&format!("`{key}=`"), FORMS[2].example))
                };
                let (on_s, off_s) = (of("on", Dimension::Time)?, of("off", Dimension::Time)?);
                Ok(Arrivals::Bursty { factor: of("factor", Dimension::Number)?, on_s, off_s })
            }
            "trace" => Err(term.wrong("a trace says when requests come and has no rate besides", None)),
            name if FAMILIES.contains(&name) => gaps(term).map(Arrivals::Gaps),
            _ => Err(unknown(term, "a kind of arrivals", FORMS)),
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        match self {
            Arrivals::Bursty { factor, .. } if *factor <= 0.0 => {
                Some("`factor` is the high rate over the low one, so it is above 0".to_owned())
            }
            Arrivals::Bursty { on_s, off_s, .. } if *on_s <= 0.0 || *off_s <= 0.0 => {
                Some("`on` and `off` are the mean lengths of the two stretches, and neither is 0".to_owned())
            }
            Arrivals::Gaps(gaps) if !(0.0 < gaps.mean() && gaps.mean().is_finite()) => {
                Some("the gaps have no mean that could fit the rate".to_owned())
            }
            _ => None,
        }
    }
}

/// The distribution of gaps. A family that is given by its mean and its spread may leave out the mean, which does not
/// matter here.
fn gaps(term: &Term) -> Result<Distribution, ReadError> {
    const SPREADS: [&str; 3] = ["cv", "k", "shape"];
    let names: Vec<&str> = term.named_args().map(|(key, _)| key.text.as_str()).collect();
    let mut term = term.clone();
    if term.positional(0).is_none() && names.len() == 1 && SPREADS.contains(&names[0]) {
        let word = |text: &str| Word { text: text.to_owned(), start: term.start, end: term.end };
        let mean = Arg { key: Some(word("mean")), value: Value::Word(word("1s")), branch: 0 };
        term.args.push(mean);
    }
    from_value(&Value::Call(term), Dimension::Time)
}

impl Shape {
    /// The rate as it is, for ever.
    pub fn constant() -> Shape {
        Shape::default()
    }

    /// Whether the factor is 1 for ever.
    pub fn is_constant(&self) -> bool {
        *self == Shape::default()
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let negative = |points: &[(f64, f64)]| points.iter().any(|(_, factor)| *factor < 0.0);
        if negative(&self.day) || negative(&self.steps) || negative(&self.points) {
            return Some("a rate cannot be negative".to_owned());
        }
        if !self.day.is_empty() && self.day.iter().all(|(_, factor)| *factor == 0.0) {
            return Some("the profile of the day is 0 all day, so it has no mean to keep".to_owned());
        }
        if self.week.is_some_and(|days| days.iter().any(|day| *day < 0.0) || days.iter().sum::<f64>() == 0.0) {
            return Some("the factors of the days are not negative, and not all of them are 0".to_owned());
        }
        if self.ramp.is_some_and(|ramp| ramp.from < 0.0 || ramp.to < 0.0 || ramp.over_s <= 0.0) {
            return Some("a ramp leads from one share of the rate to another over a time above 0".to_owned());
        }
        self.surges.iter().find_map(Surge::problem)
    }

    /// The factor at `t_s` seconds of a run that starts `start_s` seconds after Monday 00:00; just after a jump.
    pub fn factor_at(&self, start_s: f64, t_s: f64) -> f64 {
        self.parts().iter().map(|part| part.line(start_s, t_s).value).product()
    }

    /// Mean factor of the first `duration_s` seconds.
    pub fn mean(&self, start_s: f64, duration_s: f64) -> f64 {
        let area = |piece: Piece, until: f64| (until - piece.from) * (piece.at(piece.from) + piece.at(until)) / 2.0;
        self.fold(start_s, duration_s, |sum, piece, until| sum + area(piece, until)) / duration_s
    }

    /// Largest factor of the first `duration_s` seconds.
    pub fn peak(&self, start_s: f64, duration_s: f64) -> f64 {
        self.fold(start_s, duration_s, |most, piece, until| most.max(piece.at(piece.from)).max(piece.at(until)))
    }

    /// The first instant, seconds since the start, from which on the rate is not what it was before; 0 if it changes all
    /// the time, as the profile of a day does. `None` if it never changes.
    pub fn first_change(&self) -> Option<f64> {
        let mut before = 1.0;
        let step = self.steps.iter().find(|(at, factor)| {
            let changes = 0.0 < *at && *factor != before;
            before = *factor;
            changes
        });
        let point = self.points.windows(2).find(|pair| pair[0].1 != pair[1].1).map(|pair| pair[0].0);
        let surge = self.surges.iter().filter(|surge| surge.factor != 1.0).map(|surge| surge.at_s);
        let day = self.day.windows(2).any(|pair| pair[0].1 != pair[1].1);
        let week = self.week.is_some_and(|days| days.iter().any(|day| *day != days[0]));
        let ramp = self.ramp.is_some_and(|ramp| ramp.from != ramp.to);
        let always = (day || week || ramp).then_some(0.0);
        let once = step.map(|(at, _)| *at).into_iter().chain(point).chain(surge);
        once.chain(always).min_by(f64::total_cmp).map(|at| at.max(0.0))
    }

    fn fold(&self, start_s: f64, duration_s: f64, add: impl Fn(f64, Piece, f64) -> f64) -> f64 {
        let mut pieces = Pieces::new(self, start_s);
        let mut total = 0.0;
        while let Some(piece) = pieces.next_piece() {
            total = add(total, piece, piece.until.min(duration_s));
            if duration_s <= piece.until {
                break;
            }
        }
        total
    }

    /// The parts, scaled where their mean is to be 1.
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        if let Some(last) = self.day.last() {
            let before = (last.0 - DAY_S, last.1);
            let pairs = std::iter::once(&before).chain(&self.day).zip(&self.day);
            let area: f64 = pairs.map(|(a, b)| (b.0 - a.0) * (a.1 + b.1) / 2.0).sum();
            parts.push(Part::Day(self.day.iter().map(|&(at, factor)| (at, factor * DAY_S / area)).collect()));
        }
        if let Some(days) = self.week {
            let mean = days.iter().sum::<f64>() / 7.0;
            parts.push(Part::Week(days.map(|day| day / mean)));
        }
        parts.extend(self.ramp.map(|ramp| Part::Points(vec![(0.0, ramp.from), (ramp.over_s, ramp.to)])));
        if !self.steps.is_empty() {
            parts.push(Part::Steps(self.steps.clone()));
        }
        if !self.points.is_empty() {
            parts.push(Part::Points(self.points.clone()));
        }
        parts.extend(self.surges.iter().map(|surge| Part::Surge(*surge)));
        parts
    }
}

impl Surge {
    fn length_s(&self) -> f64 {
        2.0 * self.ramp_s + self.hold_s
    }

    fn problem(&self) -> Option<String> {
        if self.factor < 0.0 || self.ramp_s < 0.0 || self.hold_s < 0.0 {
            return Some("a surge has a factor and lengths that are not negative".to_owned());
        }
        if self.every_s.is_some_and(|every| every < self.length_s()) {
            return Some("a surge comes again before the last one is over".to_owned());
        }
        None
    }
}

/// A part of a shape, prepared. Each is piecewise linear in time.
#[derive(Clone, Debug)]
enum Part {
    /// (seconds since midnight, factor), linear between, around midnight.
    Day(Vec<(f64, f64)>),
    Week([f64; 7]),
    Steps(Vec<(f64, f64)>),
    /// (seconds since the start, factor), linear between, constant beyond.
    Points(Vec<(f64, f64)>),
    Surge(Surge),
}

/// A part of a shape from an instant on, up to the next bend or jump.
#[derive(Clone, Copy, Debug)]
struct Line {
    from: f64,
    value: f64,
    slope: f64,
    until: f64,
}

/// A stretch of time in which the factor is linear; `until` may be infinite.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: f64,
    until: f64,
    first: f64,
    slope: f64,
}

/// A shape as one piece after the other.
#[derive(Clone, Debug)]
struct Pieces {
    parts: Vec<Part>,
    start_s: f64,
    /// The stretch between two bends.
    lines: Vec<Line>,
    from: f64,
    until: f64,
    /// Steps the stretch is cut into, and how many were handed out.
    cuts: u32,
    done: u32,
}

impl Part {
    /// The line from `t` seconds of the run on.
    fn line(&self, start_s: f64, t: f64) -> Line {
        let flat = |value: f64, until: f64| Line { from: t, value, slope: 0.0, until };
        match self {
            Part::Day(points) => {
                let midnight = ((start_s + t + INSTANT_S) / DAY_S).floor() * DAY_S;
                between(points, start_s + t - midnight, DAY_S).moved(t)
            }
            Part::Week(days) => {
                let day = ((start_s + t + INSTANT_S) / DAY_S).floor();
                flat(days[day.rem_euclid(7.0) as usize], (day + 1.0) * DAY_S - start_s)
            }
            Part::Steps(steps) => {
                let next = steps.partition_point(|(at, _)| *at <= t + INSTANT_S);
                let value = if next == 0 { 1.0 } else { steps[next - 1].1 };
                flat(value, steps.get(next).map_or(f64::INFINITY, |step| step.0))
            }
            Part::Points(points) => between(points, t, f64::INFINITY),
            Part::Surge(surge) if t + INSTANT_S < surge.at_s => flat(1.0, surge.at_s),
            Part::Surge(surge) => {
                let rounds = surge.every_s.map_or(0.0, |every| ((t + INSTANT_S - surge.at_s) / every).floor() * every);
                let (up, down) = (surge.ramp_s, surge.ramp_s + surge.hold_s);
                let again = surge.every_s.unwrap_or(f64::INFINITY);
                let corners =
                    [(0.0, 1.0), (up, surge.factor), (down, surge.factor), (down + surge.ramp_s, 1.0), (again, 1.0)];
                between(&corners, t - surge.at_s - rounds, f64::INFINITY).moved(t)
            }
        }
    }
}

/// The line through the points around `at`. With a finite period the points repeat; without, the ends hold.
fn between(points: &[(f64, f64)], at: f64, period: f64) -> Line {
    let next = points.partition_point(|(point, _)| *point <= at + INSTANT_S);
    let turns = period.is_finite();
    let before = match next.checked_sub(1) {
        Some(before) => points[before],
        None if turns => points.last().map(|(point, factor)| (point - period, *factor)).expect("a profile has points"),
        None => (f64::NEG_INFINITY, points[0].1),
    };
    let after = match points.get(next) {
        Some(after) => *after,
        None if turns => (points[0].0 + period, points[0].1),
        None => (f64::INFINITY, before.1),
    };
    let length = after.0 - before.0;
    let slope = if length.is_finite() { (after.1 - before.1) / length } else { 0.0 };
    let value = if slope == 0.0 { before.1 } else { before.1 + slope * (at - before.0) };
    Line { from: at, value, slope, until: after.0 }
}

impl Line {
    /// The same line on another clock, on which it begins at `from`.
    fn moved(self, from: f64) -> Line {
        Line { from, until: from + (self.until - self.from), ..self }
    }

    fn at(&self, t: f64) -> f64 {
        if self.slope == 0.0 { self.value } else { (self.value + self.slope * (t - self.from)).max(0.0) }
    }
}

impl Piece {
    /// The factor at an instant of the piece.
    fn at(&self, t: f64) -> f64 {
        if self.slope == 0.0 { self.first } else { (self.first + self.slope * (t - self.from)).max(0.0) }
    }
}

impl Pieces {
    fn new(shape: &Shape, start_s: f64) -> Pieces {
        Pieces { parts: shape.parts(), start_s, lines: Vec::new(), from: 0.0, until: 0.0, cuts: 0, done: 0 }
    }

    /// The next stretch, or `None` after one without an end.
    fn next_piece(&mut self) -> Option<Piece> {
        if self.done == self.cuts {
            if self.until == f64::INFINITY {
                return None;
            }
            self.bend();
        }
        let cut = |k: u32| match k {
            0 => self.from,
            k if k == self.cuts => self.until,
            k => self.from + (self.until - self.from) * f64::from(k) / f64::from(self.cuts),
        };
        let (from, until) = (cut(self.done), cut(self.done + 1));
        self.done += 1;
        let factor = |t: f64| self.lines.iter().map(|line| line.at(t)).product::<f64>();
        let first = factor(from);
        let slope = if until.is_finite() { (factor(until) - first) / (until - from) } else { 0.0 };
        Some(Piece { from, until, first, slope })
    }

    /// On to the stretch after the present one.
    fn bend(&mut self) {
        let (start_s, from) = (self.start_s, self.until);
        self.lines.clear();
        self.lines.extend(self.parts.iter().map(|part| part.line(start_s, from)));
        self.from = from;
        self.until = self.lines.iter().map(|line| line.until).fold(f64::INFINITY, f64::min);
        let sloping = self.lines.iter().filter(|line| line.slope != 0.0).count();
        (self.cuts, self.done) = (if sloping < 2 { 1 } else { STEPS }, 0);
    }
}

/// The running state of one source: where in operational time it stands.
#[derive(Clone, Debug)]
pub struct ArrivalState {
    gap: Gap,
    stream: Stream,
    /// Mean rate per second.
    rate: f64,
    pieces: Pieces,
    piece: Piece,
    bursts: Option<Bursts>,
    leg: Leg,
    /// Operational time since the leg began.
    into: f64,
    last: Time,
}

/// How operational time passes between two arrivals; 1 on average.
#[derive(Clone, Debug)]
enum Gap {
    Exponential,
    Equal,
    Drawn(Samplers, u16),
}

/// A stretch of the clock with a linear rate; `mass` arrivals are expected in it.
#[derive(Clone, Copy, Debug)]
struct Leg {
    from: f64,
    until: f64,
    rate: f64,
    slope: f64,
    mass: f64,
}

/// The two-state process that modulates a bursty source.
#[derive(Clone, Debug)]
struct Bursts {
    stream: Stream,
    /// What multiplies the mean rate, in the low state and in the high one.
    factor: [f64; 2],
    /// Mean length in seconds.
    mean_s: [f64; 2],
    high: bool,
    until: f64,
    /// States so far.
    count: u64,
}

impl ArrivalState {
    /// The state at the start of a run, which is `start_s` seconds after Monday 00:00. `rate` is per second.
    pub fn new(rate: f64, arrivals: &Arrivals, shape: &Shape, start_s: f64, stream: Stream) -> ArrivalState {
        let gap = match arrivals {
            Arrivals::Poisson | Arrivals::Bursty { .. } => Gap::Exponential,
            Arrivals::Constant => Gap::Equal,
            Arrivals::Gaps(gaps) => Gap::drawn(gaps, stream),
        };
        let bursts = match arrivals {
            Arrivals::Bursty { factor, on_s, off_s } => Some(Bursts::new(*factor, *on_s, *off_s, stream.child(1))),
            _ => None,
        };
        let leg = Leg { from: 0.0, until: 0.0, rate: 0.0, slope: 0.0, mass: 0.0 };
        let piece = Piece { from: 0.0, until: 0.0, first: 0.0, slope: 0.0 };
        let pieces = Pieces::new(shape, start_s);
        ArrivalState { gap, stream, rate, pieces, piece, bursts, leg, into: 0.0, last: Time(0) }
    }

    /// The instant of the `n`-th arrival (from 0, one after the other), or `None` if there is none any more.
    pub fn next(&mut self, n: u64, ziggurat: &Ziggurat) -> Option<Time> {
        self.into += match &self.gap {
            Gap::Exponential => ziggurat.exponential(self.stream.bits(occasion(n))),
            Gap::Equal => 1.0,
            Gap::Drawn(samplers, gap) => samplers.draw(*gap, occasion(n)),
        };
        while self.leg.mass < self.into {
            self.into -= self.leg.mass;
            self.advance(ziggurat)?;
        }
        let at = self.leg.from + self.leg.invert(self.into);
        self.last = self.last.max(Time(0) + Span::from_secs_f64(at));
        Some(self.last)
    }

    /// Arrivals go on from an instant on, as if those before had not been looked at; `None` if there are none any more.
    pub fn jump(&mut self, to: Time) -> Option<()> {
        let from = to.secs();
        while self.piece.until <= from {
            self.piece = self.pieces.next_piece()?;
        }
        self.leg = Leg { from, until: from, rate: 0.0, slope: 0.0, mass: 0.0 };
        (self.into, self.last) = (0.0, to);
        Some(())
    }

    /// On to the next leg: up to the next bend of the shape or the next change of the burst.
    fn advance(&mut self, ziggurat: &Ziggurat) -> Option<()> {
        let from = self.leg.until;
        if self.rate <= 0.0 || LAST_S < from {
            return None;
        }
        if self.piece.until <= from {
            self.piece = self.pieces.next_piece()?;
        }
        let mut factor = self.rate;
        let mut until = self.piece.until;
        if let Some(bursts) = &mut self.bursts {
            while bursts.until <= from {
                bursts.change(ziggurat);
            }
            factor *= bursts.factor[usize::from(bursts.high)];
            until = until.min(bursts.until);
        }
        let (rate, slope) = (factor * self.piece.at(from), factor * self.piece.slope);
        let length = until - from;
        let mass = match rate {
            0.0 if length == f64::INFINITY => 0.0,
            _ if length == f64::INFINITY => f64::INFINITY,
            _ => length * (rate + slope * length / 2.0).max(0.0),
        };
        self.leg = Leg { from, until, rate, slope, mass };
        Some(())
    }
}

impl Gap {
    fn drawn(gaps: &Distribution, stream: Stream) -> Gap {
        let mut samplers = Samplers::new();
        let gap = samplers.add(&gaps.scaled(1.0 / gaps.mean()), stream.key, 1.0);
        Gap::Drawn(samplers, gap)
    }
}

impl Leg {
    /// Seconds from the start of the leg until so much operational time has passed.
    fn invert(&self, mass: f64) -> f64 {
        if mass <= 0.0 {
            return 0.0;
        }
        if self.slope == 0.0 {
            return mass / self.rate;
        }
        let end_rate = (self.rate * self.rate + 2.0 * self.slope * mass).max(0.0).sqrt();
        (2.0 * mass / (self.rate + end_rate)).min(self.until - self.from)
    }
}

impl Bursts {
    /// Starts in equilibrium. The high rate is `factor` times the low one, and the mean of both 1.
    fn new(factor: f64, on_s: f64, off_s: f64, stream: Stream) -> Bursts {
        let high_share = on_s / (on_s + off_s);
        let low = 1.0 / (1.0 + (factor - 1.0) * high_share);
        // `change` turns the state before the first stretch into the one of the first.
        let high = high_share <= unit(stream.child(0).bits(occasion(0)));
        Bursts { stream, factor: [low, factor * low], mean_s: [off_s, on_s], high, until: 0.0, count: 0 }
    }

    /// The other state, for as long as its next draw says.
    fn change(&mut self, ziggurat: &Ziggurat) {
        self.high = !self.high;
        let length = ziggurat.exponential(self.stream.bits(occasion(self.count)));
        self.until += self.mean_s[usize::from(self.high)] * length;
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;
    use crate::reader::read_term;

    fn read(text: &str) -> Result<Arrivals, String> {
        Arrivals::read(&read_term(text).expect("the text is a term")).map_err(|error| error.message)
    }

    fn stream(seed: u64) -> Stream {
        Stream::new(seed, 0, "users", Purpose::Arrival)
    }

    fn gaps(text: &str) -> Arrivals {
        read(text).expect("a good text")
    }

    fn bursty() -> Arrivals {
        gaps("bursty(factor=10 on=10s off=90s)")
    }

    /// Seconds of the first `count` arrivals.
    fn instants(rate: f64, arrivals: &Arrivals, shape: &Shape, count: u64) -> Vec<f64> {
        let ziggurat = Ziggurat::new();
        let mut state = ArrivalState::new(rate, arrivals, shape, 0.0, stream(42));
        (0..count).map_while(|n| state.next(n, &ziggurat)).map(Time::secs).collect()
    }

    /// How many arrivals there are in each stretch of `width` seconds, up to `end`.
    fn counts(rate: f64, arrivals: &Arrivals, shape: &Shape, width: f64, end: f64) -> Vec<f64> {
        let ziggurat = Ziggurat::new();
        let mut state = ArrivalState::new(rate, arrivals, shape, 0.0, stream(1));
        let mut counts = vec![0.0; (end / width).round() as usize];
        let mut n = 0;
        while let Some(at) = state.next(n, &ziggurat).map(Time::secs).filter(|at| *at < end) {
            counts[((at / width) as usize).min((end / width) as usize - 1)] += 1.0;
            n += 1;
        }
        counts
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn index_of_dispersion(counts: &[f64]) -> f64 {
        let mean = mean(counts);
        counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / (counts.len() as f64 - 1.0) / mean
    }

    /// A shape with everything in it.
    fn mixed() -> Shape {
        Shape {
            day: vec![(0.0, 0.3), (28_800.0, 3.0), (64_800.0, 3.5)],
            week: Some([1.0, 1.0, 1.2, 1.0, 1.0, 0.6, 0.5]),
            ramp: Some(Ramp { from: 0.1, to: 2.0, over_s: 40_000.0 }),
            steps: vec![(0.0, 1.0), (30_000.0, 2.0), (50_000.0, 0.5)],
            points: vec![(10_000.0, 1.0), (20_000.0, 1.5), (90_000.0, 0.8)],
            surges: vec![
                Surge { at_s: 35_000.0, factor: 5.0, ramp_s: 500.0, hold_s: 1000.0, every_s: None },
                Surge { at_s: 1000.0, factor: 2.0, ramp_s: 0.0, hold_s: 600.0, every_s: Some(7200.0) },
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for form in FORMS {
            assert_eq!(read(form.example).expect("a good example").problem(), None, "{}", form.example);
        }
        assert_eq!(bursty(), Arrivals::Bursty { factor: 10.0, on_s: 10.0, off_s: 90.0 });
        assert_eq!(read("bursty(factor=10 on=10s)"), Err("`bursty` needs `off=`".to_owned()));
        assert!(read("poisson(2)").is_err() && read("bursty(factor=10 on=10s of=3s)").is_err());
        assert_eq!(gaps("erlang(k=3)"), gaps("erlang(k=3 mean=1s)"));
        assert!((matches!(gaps("hyperexp(cv=3)"), Arrivals::Gaps(gaps) if (gaps.scv() - 9.0).abs() < 1e-9)));
        assert!(read("gamma(mean=5ms cv=2)").is_ok() && read("uniform(1s 3s)").is_ok() && read("gamma").is_err());
        assert!(gaps("pareto(min=1s alpha=0.9)").problem().is_some(), "its mean is infinite");
        assert!(Arrivals::Bursty { factor: 0.0, on_s: 1.0, off_s: 1.0 }.problem().is_some());
        assert!(Arrivals::Bursty { factor: 2.0, on_s: 0.0, off_s: 1.0 }.problem().is_some());
    }

    #[test]
    fn counts_in_seconds_s_poisson() {
        let of = |arrivals: &Arrivals| index_of_dispersion(&counts(100.0, arrivals, &Shape::constant(), 1.0, 10_000.0));
        let poisson = of(&Arrivals::Poisson);
        assert!((poisson - 1.0).abs() < 0.03, "s-poisson: {poisson}");
        assert!(of(&Arrivals::Constant) < 1e-3);
        assert!(10.0 < of(&bursty()));
        // The index of a renewal process tends to the squared coefficient of variation of its gaps.
        let gamma = of(&gaps("gamma(cv=2)"));
        assert!((gamma - 4.0).abs() < 0.3, "{gamma}");
    }

    #[test]
    fn every_kind_keeps_the_mean() {
        for (arrivals, within) in
            [(Arrivals::Poisson, 0.01), (Arrivals::Constant, 1e-4), (bursty(), 0.05), (gaps("gamma(cv=2)"), 0.01)]
        {
            let rate = mean(&counts(20.0, &arrivals, &Shape::constant(), 1000.0, 100_000.0)) / 1000.0;
            assert!((rate / 20.0 - 1.0).abs() < within, "{arrivals:?}: {rate}");
        }
        let day = Shape { day: mixed().day, ..Shape::default() };
        let week = Shape { day: mixed().day, week: Some([1.0, 1.0, 1.0, 1.0, 1.0, 0.6, 1.0]), ..Shape::default() };
        for (shape, days) in [(&day, 1.0), (&week, 7.0)] {
            assert!((shape.mean(0.0, days * DAY_S) - 1.0).abs() < 1e-12);
            let rate = mean(&counts(1.0, &Arrivals::Constant, shape, DAY_S, days * DAY_S)) / DAY_S;
            assert!((rate - 1.0).abs() < 1e-4, "{rate}");
        }
    }

    #[test]
    fn equal_gaps_are_equal() {
        let at = instants(3.0, &Arrivals::Constant, &Shape::constant(), 9);
        assert!((1..=9).all(|n| (at[n - 1] - n as f64 / 3.0).abs() < 1e-9), "{at:?}");
        assert_eq!(at[8], 3.0);
    }

    #[test]
    fn a_ramp_from_nothing_has_a_closed_form() {
        let ramp = Some(Ramp { from: 0.0, to: 1.0, over_s: 100.0 });
        let at = instants(10.0, &Arrivals::Constant, &Shape { ramp, ..Shape::default() }, 600);
        for (n, at) in (1..).zip(at) {
            // The cumulated rate is 10 t^2 / 200, and after 100 s it grows by 10 a second.
            let n = f64::from(n);
            let expected = if n <= 500.0 { (20.0 * n).sqrt() } else { 100.0 + (n - 500.0) / 10.0 };
            assert!((at - expected).abs() < 2e-9, "arrival {n}: {at} instead of {expected}");
        }
    }

    #[test]
    fn operational_time_is_the_integral_of_the_rate() {
        // The slow twin adds up the rate in small steps from one arrival to the next and finds the draws again.
        let (rate, shape, ziggurat) = (0.02, mixed(), Ziggurat::new());
        let at = instants(rate, &Arrivals::Poisson, &shape, 3000);
        assert!(at.len() == 3000 && 37_000.0 < at[2999] && at.is_sorted());
        let (mut from, mut drawn, mut integral) = (0.0, 0.0, 0.0);
        for (n, until) in (0..).zip(at) {
            let steps = 50;
            let width = (until - from) / f64::from(steps);
            let middle = |k: i32| shape.factor_at(0.0, from + (f64::from(k) + 0.5) * width);
            integral += rate * width * (0..steps).map(middle).sum::<f64>();
            drawn += ziggurat.exponential(stream(42).bits(occasion(n)));
            // A jump inside a step costs at most the step times the jump.
            assert!((integral - drawn).abs() < 0.1 + 1e-3 * drawn, "arrival {n} at {until}: {integral} {drawn}");
            from = until;
        }
        assert!((integral / drawn - 1.0).abs() < 1e-3);
    }

    #[test]
    fn pieces_are_the_factor() {
        let shape = mixed();
        for start_s in [0.0, 123_456.7, 6.0 * DAY_S + 80_000.0] {
            let mut pieces = Pieces::new(&shape, start_s);
            let mut from = 0.0;
            while from < 2.0 * DAY_S {
                let piece = pieces.next_piece().expect("days never end");
                assert_eq!(piece.from, from);
                assert!(piece.from + INSTANT_S / 2.0 < piece.until);
                for share in [1e-6, 0.25, 0.5, 0.999] {
                    let t = piece.from + share * (piece.until - piece.from);
                    let (exact, found) = (shape.factor_at(start_s, t), piece.at(t));
                    assert!((found - exact).abs() < 1e-3 * exact + 1e-9, "{found} instead of {exact} at {t}");
                }
                from = piece.until;
            }
        }
    }

    #[test]
    fn factors_by_hand() {
        let surge = Surge { at_s: 300.0, factor: 5.0, ramp_s: 10.0, hold_s: 60.0, every_s: None };
        let spike = Shape { surges: vec![surge], ..Shape::default() };
        for (t, factor) in
            [(0.0, 1.0), (299.0, 1.0), (305.0, 3.0), (310.0, 5.0), (370.0, 5.0), (375.0, 3.0), (380.0, 1.0)]
        {
            assert!((spike.factor_at(0.0, t) - factor).abs() < 1e-9, "at {t}");
        }
        assert_eq!(spike.peak(0.0, 600.0), 5.0);
        assert!((spike.mean(0.0, 600.0) - (600.0 + 4.0 * 70.0) / 600.0).abs() < 1e-12, "a spike is added");
        let again = Shape { surges: vec![Surge { every_s: Some(100.0), ..surge }], ..Shape::default() };
        assert!((again.factor_at(0.0, 505.0) - 3.0).abs() < 1e-9);
        let jump = Shape { surges: vec![Surge { ramp_s: 0.0, ..surge }], ..Shape::default() };
        assert_eq!([299.9, 300.0, 359.9, 360.0].map(|t| jump.factor_at(0.0, t)), [1.0, 5.0, 5.0, 1.0]);
        let lasting = Shape { surges: vec![Surge { hold_s: f64::INFINITY, ..surge }], ..Shape::default() };
        assert_eq!(lasting.factor_at(0.0, 1e9), 5.0);
        let steps = Shape { steps: vec![(60.0, 2.0), (120.0, 0.5)], ..Shape::default() };
        assert_eq!([0.0, 60.0, 119.0, 500.0].map(|t| steps.factor_at(0.0, t)), [1.0, 2.0, 2.0, 0.5]);
        let points = Shape { points: vec![(10.0, 1.0), (20.0, 3.0)], ..Shape::default() };
        assert_eq!([0.0, 10.0, 15.0, 20.0, 99.0].map(|t| points.factor_at(0.0, t)), [1.0, 1.0, 2.0, 3.0, 3.0]);
        let day = Shape { day: vec![(21_600.0, 0.5), (64_800.0, 1.5)], ..Shape::default() };
        for (t, factor) in [(0.0, 1.0), (21_600.0, 0.5), (43_200.0, 1.0), (64_800.0, 1.5), (86_400.0, 1.0)] {
            assert!((day.factor_at(0.0, t) - factor).abs() < 1e-9 && (day.factor_at(t, 0.0) - factor).abs() < 1e-9);
        }
    }

    #[test]
    fn the_first_change_is_found() {
        assert_eq!(Shape::constant().first_change(), None);
        assert_eq!(mixed().first_change(), Some(0.0));
        let steps = |steps: &[(f64, f64)]| Shape { steps: steps.to_vec(), ..Shape::default() };
        assert_eq!(steps(&[(0.0, 1.0), (300.0, 2.0)]).first_change(), Some(300.0));
        assert_eq!(steps(&[(0.0, 2.0), (100.0, 2.0), (300.0, 1.0)]).first_change(), Some(300.0));
        assert_eq!(steps(&[(100.0, 1.0)]).first_change(), None);
        let points = Shape { points: vec![(0.0, 1.0), (50.0, 1.0), (60.0, 2.0)], ..steps(&[(300.0, 2.0)]) };
        assert_eq!(points.first_change(), Some(50.0));
        let surge = Surge { at_s: 5.0, factor: 2.0, ramp_s: 0.0, hold_s: 1.0, every_s: None };
        assert_eq!(Shape { surges: vec![surge], ..points }.first_change(), Some(5.0));
    }

    #[test]
    fn a_surge_moves_only_what_comes_after_it() {
        let surge = Surge { at_s: 50.0, factor: 3.0, ramp_s: 2.0, hold_s: 10.0, every_s: None };
        let (calm, wild) = (Shape::constant(), Shape { surges: vec![surge], ..Shape::default() });
        let calm = instants(10.0, &Arrivals::Poisson, &calm, 1000);
        let wild = instants(10.0, &Arrivals::Poisson, &wild, 1000);
        let before = calm.iter().filter(|at| **at < 50.0).count();
        assert!(400 < before && calm[..before] == wild[..before]);
        // 2 x 12 s more of the load come earlier; nothing else moves, once the surge is over.
        assert!(calm.iter().zip(&wild).skip(before + 500).all(|(calm, wild)| (calm - wild - 24.0).abs() < 1e-6));
    }

    #[test]
    fn a_load_may_end() {
        let shape = Shape { steps: vec![(5.0, 0.0)], ..Shape::default() };
        assert_eq!(instants(1.0, &Arrivals::Constant, &shape, 100), [1.0, 2.0, 3.0, 4.0, 5.0]);
        let pause = Shape { steps: vec![(5.0, 0.0), (10.0, 2.0)], ..Shape::default() };
        assert_eq!(instants(1.0, &Arrivals::Constant, &pause, 7), [1.0, 2.0, 3.0, 4.0, 5.0, 10.5, 11.0]);
        let day = Shape { day: mixed().day, ..Shape::default() };
        for shape in [&Shape::constant(), &day] {
            assert!(instants(0.0, &Arrivals::Poisson, shape, 3).is_empty());
            assert!(instants(1e-15, &Arrivals::Constant, shape, 3).is_empty() || shape.is_constant());
        }
    }

    #[test]
    fn bursts_before_one_server_q_mmpp_slow() {
        // Rates .5 and .9, switching .02 either way: mean .7; the queue is found by Lindley's recursion.
        let arrivals = Arrivals::Bursty { factor: 1.8, on_s: 50.0, off_s: 50.0 };
        let ziggurat = Ziggurat::new();
        let mut state = ArrivalState::new(0.7, &arrivals, &Shape::constant(), 0.0, stream(3));
        let service = stream(4);
        let (mut wait, mut before, mut total, requests) = (0.0_f64, 0.0, 0.0, 1_000_000);
        let mut demand = 0.0;
        for n in 0..requests {
            let at = state.next(n, &ziggurat).expect("it never ends").secs();
            wait = (wait + demand - (at - before)).max(0.0);
            before = at;
            demand = ziggurat.exponential(service.bits(occasion(n)));
            total += wait + demand;
        }
        let w = total / requests as f64;
        assert!((requests as f64 / before / 0.7 - 1.0).abs() < 0.01, "mean rate: {}", requests as f64 / before);
        assert!((w / 4.7962834 - 1.0).abs() < 0.06, "q-mmpp-slow: W = {w}");
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        assert_eq!(mixed().problem(), None);
        let surge = Surge { at_s: 0.0, factor: 2.0, ramp_s: 10.0, hold_s: 10.0, every_s: Some(20.0) };
        for bad in [
            Shape { day: vec![(0.0, 0.0)], ..Shape::default() },
            Shape { day: vec![(0.0, -1.0)], ..Shape::default() },
            Shape { week: Some([0.0; 7]), ..Shape::default() },
            Shape { ramp: Some(Ramp { from: 0.0, to: 1.0, over_s: 0.0 }), ..Shape::default() },
            Shape { steps: vec![(0.0, -1.0)], ..Shape::default() },
            Shape { surges: vec![surge], ..Shape::default() },
        ] {
            assert!(bad.problem().is_some(), "{bad:?}");
        }
    }
}
