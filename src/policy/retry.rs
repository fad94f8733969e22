//! When a caller tries again.
//!
//! Whether there is another attempt is decided by the number of attempts, the kind of failure and the budget; how long the
//! caller pauses before it, by back-off and jitter. What can go wrong: retries without a budget multiply through layers,
//! four attempts at three layers are 64 at the bottom; that is wanted, it is what retry storms are made of.

use crate::policy::{Form, form, unknown};
use crate::reader::{ReadError, Term};
use crate::units::{Dimension, Span, Time};

/// `retry: {attempts: 3, backoff: exponential(50ms x2 max=1s), jitter: full, budget: 10%, on: [timeout, reset]}`
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first one too; `None` is `unlimited`.
    pub attempts: Option<u32>,
    pub backoff: Backoff,
    pub jitter: Jitter,
    /// Retries as a share of first attempts, over the last ten seconds (see [`Budget`]).
    pub budget: Option<f64>,
    /// The kinds of failure worth another attempt, by name; empty: all.
    pub on: Vec<String>,
    /// The same as a set of failure numbers (bit n is failure n). Compilation fills it; all ones until then.
    pub on_mask: u64,
}

/// The pause before the next attempt, before jitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// The same each time.
    ///
    /// ```yaml
    /// backoff: constant(100ms)
    /// ```
    Constant(Span),
    /// Once, twice, three times as long.
    ///
    /// ```yaml
    /// backoff: linear(100ms)
    /// ```
    Linear(Span),
    /// Longer by a factor each time (2 unless given), up to a maximum (none unless given).
    ///
    /// ```yaml
    /// backoff: exponential(50ms x2 max=1s)
    /// ```
    Exponential { base: Span, factor: f64, max: Span },
}

/// How the pause is spread, so that callers who failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Not at all.
    ///
    /// ```yaml
    /// jitter: none
    /// ```
    None,
    /// Uniform between nothing and the pause.
    ///
    /// ```yaml
    /// jitter: full
    /// ```
    Full,
    /// Half the pause, and uniform up to the whole.
    ///
    /// ```yaml
    /// jitter: equal
    /// ```
    Equal,
    /// Uniform between the first pause and three times the previous one, up to the maximum.
    ///
    /// ```yaml
    /// jitter: decorrelated
    /// ```
    Decorrelated,
}

/// How a back-off may be written.
pub const BACKOFF_FORMS: &[Form] = &[
    form("constant", "constant(100ms)", "The same pause each time."),
    form("linear", "linear(100ms)", "Once, twice, three times as long."),
    form("exponential", "exponential(50ms x2 max=1s)", "Longer by a factor each time, up to a maximum."),
];

/// How a jitter may be written.
pub const JITTER_FORMS: &[Form] = &[
    form("none", "none", "The pause as it is."),
    form("full", "full", "Uniform between nothing and the pause."),
    form("equal", "equal", "Half the pause, and uniform up to the whole."),
    form("decorrelated", "decorrelated", "Uniform between the first pause and three times the previous one."),
];

/// Attempts where the author gives none.
const ATTEMPTS: u32 = 3;

impl Default for Retry {
    /// Three attempts, one right after the other, after any failure.
    fn default() -> Self {
        let backoff = Backoff::Constant(Span(0));
        let on_mask = u64::MAX;
        Retry { attempts: Some(ATTEMPTS), backoff, jitter: Jitter::None, budget: None, on: Vec::new(), on_mask }
    }
}

impl Retry {
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.attempts == Some(0) {
            return Some("`attempts` counts the first one, so it is at least 1".to_owned());
        }
        if self.budget.is_some_and(|budget| !(0.0 < budget && budget <= 10.0)) {
            return Some("`budget` is a share of the first attempts, above 0% and up to 1000%".to_owned());
        }
        let is_exponential = matches!(self.backoff, Backoff::Exponential { .. });
        if self.jitter == Jitter::Decorrelated && !is_exponential {
            return Some(
                "`decorrelated` grows up to a maximum, so it needs `backoff: exponential(... max=...)`".to_owned(),
            );
        }
        self.backoff.problem()
    }

    /// Whether there may be another attempt after so many, the last of which failed in that way.
    #[inline]
    pub fn again(&self, attempts: u32, failure: u8) -> bool {
        self.attempts.is_none_or(|most| attempts < most) && self.on_mask >> failure & 1 == 1
    }

    /// The pause after `attempts` attempts (at least 1). `previous` is the last pause, 0 before the first; `draw` is
    /// uniform on (0, 1).
    ///
    /// Jitter as in "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015): full, equal and decorrelated.
    pub fn pause(&self, attempts: u32, previous: Span, draw: f64) -> Span {
        let whole = self.backoff.pause(attempts);
        let share = |part: f64| Span((whole.0 as f64 * part).round() as u64);
        match self.jitter {
            Jitter::None => whole,
            Jitter::Full => share(draw),
            Jitter::Equal => share(0.5 + 0.5 * draw),
            Jitter::Decorrelated => {
                let first = self.backoff.pause(1).0 as f64;
                let longest = 3.0 * (previous.0 as f64).max(first);
                Span((first + draw * (longest - first)).round() as u64).min(self.backoff.longest())
            }
        }
    }
}

impl Backoff {
    /// Reads what stands after `backoff:`.
    pub fn read(term: &Term) -> Result<Backoff, ReadError> {
        let Some(form) = BACKOFF_FORMS.iter().find(|form| form.name == term.name.text) else {
            return Err(unknown(term, "a back-off", BACKOFF_FORMS));
        };
        let is_exponential = form.name == "exponential";
        term.expect_only(if is_exponential { &["max"] } else { &[] })?;
        term.expect_positionals(1, 1, form.example)?;
        let base = Span::from_secs_f64(term.quantity(0, Dimension::Time, form.example)?);
        if !is_exponential {
            if let Some(factor) = term.args.iter().find(|arg| arg.is_factor()) {
                let help = Some("use `exponential` for pauses that grow by a factor".to_owned());
                return Err(factor.value.wrong(format!("`{}` takes no factor", form.name), help));
            }
            return Ok(if form.name == "linear" { Backoff::Linear(base) } else { Backoff::Constant(base) });
        }
        let max = term.named_quantity("max", Dimension::Time)?.map_or(Span::MAX, Span::from_secs_f64);
        Ok(Backoff::Exponential { base, factor: term.factor().unwrap_or(2.0), max })
    }

    fn problem(&self) -> Option<String> {
        match self {
            Backoff::Exponential { factor, .. } if *factor < 1.0 => {
                Some("the factor of a back-off is at least 1, so that pauses do not shrink".to_owned())
            }
            Backoff::Exponential { base, max, .. } if max < base => {
                Some("the longest pause of a back-off is shorter than its first".to_owned())
            }
            _ => None,
        }
    }

    /// The pause after so many attempts (at least 1), without jitter.
    pub fn pause(&self, attempts: u32) -> Span {
        match *self {
            Backoff::Constant(pause) => pause,
            Backoff::Linear(pause) => Span(pause.0.saturating_mul(u64::from(attempts))),
            Backoff::Exponential { base, factor, max } => {
                let mut pause = base.0 as f64;
                for _ in 1..attempts {
                    // Beyond the maximum, and where the factor is 1, further steps change nothing.
                    if max.0 as f64 <= pause || factor <= 1.0 || pause == 0.0 {
                        break;
                    }
                    pause *= factor;
                }
                Span(pause.round() as u64).min(max)
            }
        }
    }

    /// No pause is longer than this.
    fn longest(&self) -> Span {
        if let Backoff::Exponential { max, .. } = self { *max } else { Span::MAX }
    }
}

impl Jitter {
    /// Reads what stands after `jitter:`.
    pub fn read(term: &Term) -> Result<Jitter, ReadError> {
        let jitter = match term.name.text.as_str() {
            "none" => Jitter::None,
            "full" => Jitter::Full,
            "equal" => Jitter::Equal,
            "decorrelated" => Jitter::Decorrelated,
            _ => return Err(unknown(term, "a jitter", JITTER_FORMS)),
        };
        term.expect_bare().map(|()| jitter)
    }
}

/// Retries allowed as a share of first attempts, after Finagle's retry budget: each first attempt pays `share` of a token
/// in, each retry takes a token out, and what was paid in or taken out is forgotten after ten seconds. One token is
/// always lent, so that a caller who rarely asks may still try again, once in ten seconds.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Millionths of a token for each first attempt.
    share: i64,
    /// What was paid in less what was taken out in each of the last ten seconds, in millionths of a token.
    seconds: [i64; 10],
    balance: i64,
    /// The present second of the run.
    second: u64,
}

/// A token in its smallest parts.
const TOKEN: i64 = 1_000_000;

impl Budget {
    /// An empty budget that grows by `share` of a retry with each first attempt.
    pub fn new(share: f64) -> Budget {
        Budget { share: (share * TOKEN as f64).round() as i64, seconds: [0; 10], balance: 0, second: 0 }
    }

    /// A first attempt pays in.
    pub fn first_attempt(&mut self, now: Time) {
        self.book(now, self.share);
    }

    /// Whether there may be a retry; if so, it is paid for.
    pub fn retry(&mut self, now: Time) -> bool {
        self.book(now, 0);
        let allowed = 0 <= self.balance;
        if allowed {
            self.book(now, -TOKEN);
        }
        allowed
    }

    fn book(&mut self, now: Time, amount: i64) {
        let second = now.0 / 1_000_000_000;
        let length = self.seconds.len() as u64;
        for passed in self.second + 1..=second.min(self.second + length) {
            let forgotten = std::mem::take(&mut self.seconds[(passed % length) as usize]);
            self.balance -= forgotten;
        }
        self.second = second;
        self.seconds[(second % length) as usize] += amount;
        self.balance += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{bits, occasion, unit};
    use crate::reader::read_term;

    const MS: u64 = 1_000_000;

    fn backoff(text: &str) -> Result<Backoff, String> {
        Backoff::read(&read_term(text).expect("the text is a term")).map_err(|error| error.message)
    }

    fn retry(text: &str, jitter: Jitter) -> Retry {
        Retry { attempts: None, backoff: backoff(text).expect("a good text"), jitter, ..Retry::default() }
    }

    fn milliseconds(retry: &Retry, count: u32) -> Vec<f64> {
        (1..=count).map(|attempt| retry.pause(attempt, Span(0), 0.5).0 as f64 / MS as f64).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        for form in BACKOFF_FORMS {
            assert!(backoff(form.example).is_ok_and(|backoff| backoff.problem().is_none()), "{}", form.example);
        }
        for form in JITTER_FORMS {
            assert!(Jitter::read(&read_term(form.example).expect("a term")).is_ok(), "{}", form.example);
        }
        let expected = Backoff::Exponential { base: Span(50 * MS), factor: 2.0, max: Span(1000 * MS) };
        assert_eq!(backoff("exponential(50ms x2 max=1s)"), Ok(expected));
        let expected = Backoff::Exponential { base: Span(1000 * MS), factor: 1.5, max: Span::MAX };
        assert_eq!(backoff("exponential(1s x1.5)"), Ok(expected));
        assert_eq!(backoff("constant(100ms x2)"), Err("`constant` takes no factor".to_owned()));
        assert_eq!(backoff("linear"), Err("`linear` needs one more argument".to_owned()));
        assert_eq!(backoff("exponental(1s)"), Err("`exponental` is not a back-off".to_owned()));
        assert!(backoff("exponential(1s mx=2s)").is_err());
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        let good = retry("exponential(1s x2 max=30s)", Jitter::Decorrelated);
        assert_eq!(good.problem(), None);
        assert!(Retry { attempts: Some(0), ..good.clone() }.problem().is_some());
        assert!(Retry { budget: Some(0.0), ..good.clone() }.problem().is_some());
        assert!(retry("constant(1s)", Jitter::Decorrelated).problem().is_some());
        assert!(retry("exponential(1s x0.5)", Jitter::None).problem().is_some());
        assert!(retry("exponential(1s max=1ms)", Jitter::None).problem().is_some());
    }

    #[test]
    fn five_attempts_are_1_2_4_8_s_apart_s08_backoff() {
        let retry = retry("exponential(1s x2 max=30s)", Jitter::None);
        let spacing: Vec<Span> = (1..=4).map(|attempt| retry.pause(attempt, Span(0), 0.9)).collect();
        assert_eq!(spacing, [Span(1000 * MS), Span(2000 * MS), Span(4000 * MS), Span(8000 * MS)]);
    }

    #[test]
    fn envelopes_r_backoff_seq() {
        let aws = retry("exponential(10ms x2 max=2s)", Jitter::None);
        assert_eq!(milliseconds(&aws, 10), [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 2000.0, 2000.0]);
        let resilience4j = retry("exponential(100ms x2 max=100s)", Jitter::None);
        assert_eq!(milliseconds(&resilience4j, 13)[9..], [51200.0, 100_000.0, 100_000.0, 100_000.0]);
        let grpc = milliseconds(&retry("exponential(1s x1.6 max=120s)", Jitter::None), 12);
        let expected =
            [1.0, 1.6, 2.56, 4.096, 6.5536, 10.48576, 16.777216, 26.843546, 42.949673, 68.719477, 109.95116, 120.0];
        assert!(grpc.iter().zip(expected).all(|(ms, s): (&f64, f64)| (ms / 1e3 / s - 1.0).abs() < 3e-8), "{grpc:?}");
        assert_eq!(milliseconds(&retry("linear(100ms)", Jitter::None), 3), [100.0, 200.0, 300.0]);
        assert_eq!(milliseconds(&retry("constant(100ms)", Jitter::None), 3), [100.0, 100.0, 100.0]);
        // Even without a maximum and after very many attempts a pause is a pause.
        assert_eq!(retry("exponential(1s)", Jitter::None).pause(u32::MAX, Span(0), 0.5), Span::MAX);
    }

    #[test]
    fn jitter_stays_in_its_bounds_r_backoff_seq() {
        let (full, equal) = (retry("exponential(10ms)", Jitter::Full), retry("exponential(10ms)", Jitter::Equal));
        assert_eq!(milliseconds(&full, 5), [5.0, 10.0, 20.0, 40.0, 80.0], "the mean of full jitter");
        for (attempt, whole) in [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160)] {
            assert_eq!(equal.pause(attempt, Span(0), 0.0), Span(whole * MS / 2));
            assert_eq!(equal.pause(attempt, Span(0), 1.0), Span(whole * MS));
        }
        let decorrelated = retry("exponential(10ms max=2s)", Jitter::Decorrelated);
        let mut previous = Span(0);
        for n in 1..1000 {
            let pause = decorrelated.pause(n, previous, unit(bits(1, occasion(u64::from(n)))));
            assert!(Span(10 * MS) <= pause && pause.0 <= (3 * previous.0).clamp(30 * MS, 2000 * MS));
            previous = pause;
        }
        assert_eq!(decorrelated.pause(1, Span(0), 0.5), Span(20 * MS));
    }

    #[test]
    fn attempts_and_kinds_decide() {
        let three = Retry { on_mask: 0b101, ..Retry::default() };
        assert!(three.again(1, 0) && three.again(2, 2) && !three.again(3, 0) && !three.again(1, 1));
        assert!(Retry { attempts: None, ..Retry::default() }.again(1_000_000, 63));
    }

    #[test]
    fn a_budget_is_a_share_of_first_attempts() {
        // 1000 first attempts a second for 100 s, every one fails and wants another: 10 % more, and the one that is lent.
        let mut budget = Budget::new(0.1);
        let mut allowed = 0;
        for n in 0..100_000_u64 {
            let now = Time(n * MS);
            budget.first_attempt(now);
            allowed += u32::from(budget.retry(now));
        }
        assert!((10_000..=10_011).contains(&allowed), "r-retry-layers, budget_ratio_10pct_total: {allowed}");
    }

    #[test]
    fn what_was_saved_is_forgotten_after_ten_seconds() {
        let mut budget = Budget::new(0.1);
        (0..1000).for_each(|_| budget.first_attempt(Time(0)));
        let retries = |budget: &Budget, now: Time| {
            let mut copy = budget.clone();
            (0..1000).filter(|_| copy.retry(now)).count()
        };
        assert_eq!(retries(&budget, Time(0)), 101);
        assert_eq!(retries(&budget, Time(9_999 * MS)), 101);
        assert_eq!(retries(&budget, Time(10_000 * MS)), 1, "the one that is always lent");
        assert_eq!(retries(&budget, Time(3_600_000 * MS)), 1);
        // A lone caller, each first attempt fails: one retry in ten seconds and what it pays in.
        let mut lone = Budget::new(0.1);
        let allowed = (0..100_u64).filter(|n| {
            lone.first_attempt(Time(n * 1000 * MS));
            lone.retry(Time(n * 1000 * MS))
        });
        assert!((15..=25).contains(&allowed.count()));
    }
}
