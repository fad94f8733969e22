//! Who is turned away before the queue is full: load shedding at the door of an instance, or when a turn has come.
//!
//! | written | looked at | who goes, as `shed` |
//! |---|---|---|
//! | `codel(...)` | when its turn comes | who has waited longer than is good in a queue that has stood for a while |
//! | `deadline` | at the door and when its turn comes | who will be too late, or is |
//! | `concurrency(...)` | at the door | who comes when as many are inside as the instance does well with, which it learns |
//! | `priority(...)` | at the door | the unimportant, the earlier the fuller the queue is |
//!
//! What can go wrong: what is shed is tried again; shedding is cheap here (it takes no worker) and free of charge nowhere
//! else.

use crate::policy::{Form, form, unknown};
use crate::reader::{ReadError, Term};
use crate::units::{Dimension, Span, Time};

/// How requests are shed.
#[derive(Clone, Debug, PartialEq)]
pub enum Shed {
    /// Controlled delay: while the queue has not been empty for an `interval` (100ms), who has waited longer than `target`
    /// (5ms) when its turn comes is dropped; otherwise who has waited longer than the interval. After Maurer, "Fail at
    /// Scale" (ACM Queue 2015), who took it from `CoDel` (RFC 8289), which drops packets too slowly for callers who do
    /// not slow down.
    ///
    /// ```yaml
    /// queue: {shed: codel(target=50ms interval=500ms)}
    /// ```
    Codel { target: Span, interval: Span },
    /// Who cannot be served before its deadline, going by twice the time that visits have taken here so far.
    ///
    /// ```yaml
    /// queue: {shed: deadline}
    /// ```
    Deadline,
    /// Adaptive concurrency: a limit for those inside (working and waiting) that grows while visits are quick and
    /// shrinks when they are not. `aimd` needs the `target` that tells quick from slow; `gradient` compares with how long
    /// visits take in the long run.
    ///
    /// ```yaml
    /// queue: {shed: concurrency(aimd target=100ms min=4 max=200)}
    /// ```
    Concurrency { rule: Rule, min: u32, max: u32 },
    /// Requests of a `priority` up to the number are turned away once the queue is as full as stated.
    ///
    /// ```yaml
    /// queue: {shed: priority(0=50% 5=80%)}
    /// ```
    Priority(Vec<(u8, f64)>),
}

/// How a concurrency limit learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// One more for each quick visit while the limit is in use, a tenth fewer for a slow or failed one.
    Aimd { target: Span },
    /// By the ratio of the long-run mean to the present time of a visit, with a little room for a queue; after Gradient2 of
    /// Netflix's concurrency-limits.
    Gradient,
}

/// How shedding may be written.
pub const FORMS: &[Form] = &[
    form(
        "codel",
        "codel(target=50ms interval=500ms)",
        "In a queue that stands, who has waited longer than the target.",
    ),
    form("deadline", "deadline", "Who will be too late goes at the door, who is too late when its turn comes."),
    form("concurrency", "concurrency(aimd target=100ms min=4)", "A limit that learns: `aimd` or `gradient`."),
    form("priority", "priority(0=50% 5=80%)", "Priorities up to a number go once the queue is so full."),
];

impl Shed {
    /// Reads what stands after `shed:`.
    pub fn read(term: &Term) -> Result<Shed, ReadError> {
        match term.name.text.as_str() {
            "codel" => {
                term.expect_positionals(0, 0, "codel(target=50ms)")?;
                term.expect_only(&["target", "interval"])?;
                let time = |key, usual| {
                    term.named_quantity(key, Dimension::Time).map(|time| time.map_or(Span(usual), Span::from_secs_f64))
                };
                Ok(Shed::Codel { target: time("target", 5_000_000)?, interval: time("interval", 100_000_000)? })
            }
            "deadline" => term.expect_bare().map(|()| Shed::Deadline),
            "concurrency" => concurrency(term),
            "priority" => priority(term),
            _ => Err(unknown(term, "a way to shed", FORMS)),
        }
    }

    /// What is wrong with it, if anything, for a queue of this limit.
    pub fn problem(&self, limit: Option<u32>) -> Option<String> {
        match self {
            Shed::Codel { target, interval } if target.0 == 0 || interval <= target => {
                Some("`codel` needs a `target` above 0 and an `interval` longer than that".to_owned())
            }
            Shed::Concurrency { min, max, .. } if *min == 0 || max < min => {
                Some("a concurrency limit has a `min` of at least 1 and a `max` that is no less".to_owned())
            }
            Shed::Concurrency { rule: Rule::Aimd { target: Span(0) }, .. } => {
                Some("`aimd` needs a `target` above 0: visits that take longer are slow".to_owned())
            }
            Shed::Priority(levels) if limit.is_none() && !levels.is_empty() => {
                Some("`priority` goes by how full the queue is, and this one has no limit".to_owned())
            }
            Shed::Priority(levels) if levels.iter().any(|(_, share)| !(0.0..=1.0).contains(share)) => {
                Some("a queue is between 0% and 100% full".to_owned())
            }
            _ => None,
        }
    }

    /// Whether anything is decided at the door, and whether when a turn has come.
    pub fn acts(&self) -> (bool, bool) {
        match self {
            Shed::Codel { .. } => (false, true),
            Shed::Deadline => (true, true),
            Shed::Concurrency { .. } | Shed::Priority(_) => (true, false),
        }
    }
}

fn concurrency(term: &Term) -> Result<Shed, ReadError> {
    let example = "concurrency(aimd target=100ms)";
    term.expect_positionals(1, 1, example)?;
    term.expect_only(&["target", "min", "max"])?;
    let word = term.positional(0).and_then(|value| value.word());
    let word = word.ok_or_else(|| term.missing("`aimd` or `gradient`", example))?;
    let target = term.named_quantity("target", Dimension::Time)?.map(Span::from_secs_f64);
    let rule = match (word.text.as_str(), target) {
        ("aimd", Some(target)) => Rule::Aimd { target },
        ("aimd", None) => return Err(term.missing("the time beyond which a visit is slow", example)),
        ("gradient", None) => Rule::Gradient,
        ("gradient", Some(_)) => return Err(term.wrong("`gradient` takes no `target`: it learns what is usual", None)),
        _ => {
            let help = Some("use `aimd` or `gradient`".to_owned());
            return Err(word.wrong(format!("`{}` is not a rule of a concurrency limit", word.text), help));
        }
    };
    let whole = |key: &str, usual: u32| -> Result<u32, ReadError> {
        Ok(term.named_quantity(key, Dimension::Count)?.map_or(usual, |count| count.round() as u32))
    };
    Ok(Shed::Concurrency { rule, min: whole("min", 4)?, max: whole("max", 1000)? })
}

fn priority(term: &Term) -> Result<Shed, ReadError> {
    term.expect_positionals(0, 0, "priority(0=50%)")?;
    let mut levels = Vec::new();
    for (key, value) in term.named_args() {
        let number = key.text.parse::<u8>().map_err(|_| key.wrong("a priority is a number from 0 to 255", None))?;
        levels.push((number, value.quantity(Dimension::Share)?));
    }
    if levels.is_empty() {
        return Err(term.missing("a priority and how full the queue may be", "priority(0=50%)"));
    }
    levels.sort_by_key(|(number, _)| *number);
    Ok(Shed::Priority(levels))
}

/// Whether a request of this priority may join a queue of so many, of at most `limit`.
pub fn is_let_in(levels: &[(u8, f64)], priority: u8, queued: u32, limit: u32) -> bool {
    let level = levels.iter().find(|(number, _)| priority <= *number);
    level.is_none_or(|(_, share)| f64::from(queued) < share * f64::from(limit))
}

/// The running state at one instance.
#[derive(Clone, Debug)]
pub enum Shedder {
    Codel(Codel),
    Limit(Limit),
    /// Nothing to remember.
    Plain,
}

impl Shedder {
    /// At the start of a run.
    pub fn new(shed: &Shed) -> Shedder {
        match *shed {
            Shed::Codel { target, interval } => Shedder::Codel(Codel::new(target, interval)),
            Shed::Concurrency { rule, min, max } => Shedder::Limit(Limit::new(rule, min, max)),
            Shed::Deadline | Shed::Priority(_) => Shedder::Plain,
        }
    }
}

/// Controlled delay at one queue.
#[derive(Clone, Debug)]
pub struct Codel {
    target: Span,
    interval: Span,
    /// When the queue was last empty, and whether nobody was left after the last turn.
    empty_at: Time,
    was_left_empty: bool,
}

impl Codel {
    fn new(target: Span, interval: Span) -> Codel {
        Codel { target, interval, empty_at: Time(0), was_left_empty: true }
    }

    /// Whether the one whose turn has come, after waiting so long, is dropped; `is_last`: nobody is behind.
    pub fn drops(&mut self, waited: Span, is_last: bool, now: Time) -> bool {
        if self.was_left_empty {
            // It was, until this one came.
            self.empty_at = Time(now.0 - waited.0);
        }
        self.was_left_empty = is_last;
        let patience = if self.empty_at + self.interval <= now { self.target } else { self.interval };
        patience < waited
    }
}

/// An adaptive limit for those inside one instance.
#[derive(Clone, Debug)]
pub struct Limit {
    rule: Rule,
    min: f64,
    max: f64,
    present: f64,
    /// Of a gradient: the mean time of a visit in the long run, ns, and how many visits it has seen.
    usual: f64,
    seen: u32,
}

/// What a limit starts at, if its bounds allow it.
const START: f64 = 20.0;
/// Visits that the long run of a gradient remembers, and those that only make its first mean.
const MEMORY: f64 = 600.0;
const FIRST: u32 = 10;
/// Of a gradient: how much longer than usual is still well, room for a queue, and how fast the limit follows.
const TOLERANCE: f64 = 1.5;
const ROOM: f64 = 4.0;
const SMOOTHING: f64 = 0.2;

impl Limit {
    fn new(rule: Rule, min: u32, max: u32) -> Limit {
        let (min, max) = (f64::from(min), f64::from(max));
        Limit { rule, min, max, present: START.clamp(min, max.max(min)), usual: 0.0, seen: 0 }
    }

    /// Whether one more may come in when so many are inside.
    #[inline]
    pub fn lets_in(&self, inside: u32) -> bool {
        f64::from(inside) < self.present.floor()
    }

    /// The present limit.
    pub fn value(&self) -> u32 {
        self.present.floor() as u32
    }

    /// A visit has ended after so long, from the door on; so many were inside with it.
    pub fn observe(&mut self, took: Span, failed: bool, inside: u32) {
        let inside = f64::from(inside);
        let limit = match self.rule {
            Rule::Aimd { target } if failed || target < took => (self.present * 0.9).floor(),
            Rule::Aimd { .. } if self.present <= 2.0 * inside => self.present + 1.0,
            Rule::Aimd { .. } => self.present,
            Rule::Gradient => self.by_gradient(took.0.max(1) as f64, inside),
        };
        self.present = limit.clamp(self.min, self.max);
    }

    fn by_gradient(&mut self, took: f64, inside: f64) -> f64 {
        self.seen += u32::from(self.seen < FIRST);
        let weight = if self.seen < FIRST { 1.0 / f64::from(self.seen) } else { 2.0 / (MEMORY + 1.0) };
        self.usual += (took - self.usual) * weight;
        // After a spell of overload the usual is too long: it comes down faster than it would by itself.
        if 2.0 < self.usual / took {
            self.usual *= 0.95;
        }
        if inside < self.present / 2.0 {
            return self.present;
        }
        let gradient = (TOLERANCE * self.usual / took).clamp(0.5, 1.0);
        let wanted = self.present * gradient + ROOM;
        self.present * (1.0 - SMOOTHING) + wanted * SMOOTHING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read_term;

    const MS: u64 = 1_000_000;

    fn read(text: &str) -> Result<Shed, String> {
        Shed::read(&read_term(text).expect("a term")).map_err(|error| error.message)
    }

    #[test]
    fn what_is_written_is_read() {
        for form in FORMS {
            let shed = read(form.example).unwrap_or_else(|error| panic!("{}: {error}", form.example));
            assert_eq!(shed.problem(Some(100)), None, "{}", form.example);
        }
        assert_eq!(read("codel"), Ok(Shed::Codel { target: Span(5 * MS), interval: Span(100 * MS) }));
        assert_eq!(read("priority(5=80% 0=50%)"), Ok(Shed::Priority(vec![(0, 0.5), (5, 0.8)])));
        let gradient = Shed::Concurrency { rule: Rule::Gradient, min: 4, max: 1000 };
        assert_eq!(read("concurrency(gradient)"), Ok(gradient));
        for wrong in [
            "codel(5ms)",
            "deadline(1s)",
            "concurrency",
            "concurrency(aimd)",
            "concurrency(vegas)",
            "priority",
            "priority(high=50%)",
            "concurrency(gradient target=1s)",
            "random",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        for (text, limit) in [
            ("codel(target=200ms)", Some(10)),
            ("concurrency(gradient min=0)", Some(10)),
            ("concurrency(aimd target=0s)", Some(10)),
            ("concurrency(gradient min=9 max=8)", Some(10)),
            ("priority(0=50%)", None),
            ("priority(0=150%)", Some(10)),
        ] {
            assert!(read(text).is_ok_and(|shed| shed.problem(limit).is_some()), "{text}");
        }
    }

    #[test]
    fn codel_is_patient_until_the_queue_has_stood_for_an_interval() {
        let mut codel = Codel::new(Span(5 * MS), Span(100 * MS));
        // (turn, joined, nobody behind, dropped), ms
        for (turn, joined, is_last, dropped) in [
            (50, 0, false, false),
            (99, 10, false, false),
            (100, 94, false, true),
            (101, 96, false, false),
            (200, 150, true, true),
            // It was empty until 300.
            (380, 300, false, false),
            (399, 301, false, false),
            (405, 399, false, true),
            (500, 497, true, false),
            (1000, 890, true, true),
        ] {
            let waited = Span((turn - joined) * MS);
            assert_eq!(codel.drops(waited, is_last, Time(turn * MS)), dropped, "at {turn} ms");
        }
    }

    #[test]
    fn aimd_goes_up_by_one_and_down_by_a_tenth() {
        let mut limit = Limit::new(Rule::Aimd { target: Span(100 * MS) }, 4, 30);
        assert_eq!(limit.value(), 20);
        limit.observe(Span(50 * MS), false, 20);
        assert_eq!(limit.value(), 21);
        limit.observe(Span(50 * MS), false, 3);
        assert_eq!(limit.value(), 21, "a limit that is not used is not raised");
        limit.observe(Span(150 * MS), false, 20);
        assert_eq!(limit.value(), 18);
        limit.observe(Span(50 * MS), true, 20);
        assert_eq!(limit.value(), 16);
        (0..100).for_each(|_| limit.observe(Span(MS), true, 20));
        assert_eq!(limit.value(), 4);
        (0..100).for_each(|_| limit.observe(Span(MS), false, 30));
        assert_eq!(limit.value(), 30);
        assert!(limit.lets_in(29) && !limit.lets_in(30));
    }

    #[test]
    fn a_gradient_finds_what_an_instance_does_well_with() {
        // Ten workers of 10 ms: with n inside, a visit takes 10 ms up to ten, then in proportion.
        let mut limit = Limit::new(Rule::Gradient, 1, 1000);
        let time = |inside: f64| 10.0 * MS as f64 * (inside / 10.0).max(1.0);
        (0..200).for_each(|_| limit.observe(Span(time(5.0) as u64), false, 5));
        (0..200).for_each(|_| limit.observe(Span(time(limit.present) as u64), false, limit.value()));
        let settled = limit.present;
        assert!((12.0..30.0).contains(&settled), "{settled}");
        // Twice as slow all of a sudden: fewer are let in.
        (0..50).for_each(|_| limit.observe(Span(3 * time(limit.present) as u64), false, limit.value()));
        assert!(limit.present < 0.8 * settled, "{} after {settled}", limit.present);
    }

    #[test]
    fn the_unimportant_go_first() {
        let levels = [(0, 0.5), (5, 0.8)];
        let admitted = |priority, queued| is_let_in(&levels, priority, queued, 100);
        assert_eq!([49, 50].map(|queued| admitted(0, queued)), [true, false]);
        assert_eq!([79, 80].map(|queued| admitted(3, queued)), [true, false]);
        assert!(admitted(6, 99), "the important ones find the queue as it is");
    }
}
