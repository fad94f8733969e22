//! Who is let in: rate limits.
//!
//! All arithmetic is in whole numbers: a rate is a quotient of requests and nanoseconds, and tokens are counted in parts of
//! that quotient, so that counts are exact after any time. What can go wrong: a limit `per` key keeps a state for each
//! value it has seen.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::policy::{Form, form, unknown};
use crate::reader::{ReadError, Term};
use crate::units::{self, Dimension, Span, Time};

/// `rate_limit: {limit: 1000/min, per: user, as: window}`: so many requests in so many seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Requests per period: the 1000 of `1000/min`.
    pub count: f64,
    /// Seconds: the 60 of `1000/min`.
    pub period_s: f64,
    /// The key whose values each have a limit of their own.
    pub per: Option<String>,
    pub kind: Kind,
}

/// What is counted, and what happens beyond it.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A bucket of `burst` tokens, full at the start, that fills steadily; a request takes one or is rejected.
    /// Without `burst` the bucket holds what one second brings, at least 1. This is the default.
    ///
    /// ```yaml
    /// rate_limit: {limit: 100/s, as: bucket(burst=100)}
    /// ```
    Bucket { burst: Option<u32> },
    /// Fixed windows of one period, counted from the start of the run.
    ///
    /// ```yaml
    /// rate_limit: {limit: 1000/min, as: window}
    /// ```
    Window,
    /// Exactly: at most the limit within any stretch of one period.
    ///
    /// ```yaml
    /// rate_limit: {limit: 1000/min, as: sliding}
    /// ```
    Sliding,
    /// Requests leave one by one at the given rate; up to `queue` of them wait for that, more are rejected. Without
    /// `queue` as many as one second lets through, at least 1.
    ///
    /// ```yaml
    /// rate_limit: {limit: 100/s, as: leaky(queue=50)}
    /// ```
    Leaky { queue: Option<u32> },
    /// A bucket of `burst` tokens that may go into debt, as the quotas of Kafka's clients do: nobody is rejected, and who
    /// takes a token that is not there waits until what is owed has come in. Without `burst` as in `bucket`.
    ///
    /// ```yaml
    /// rate_limit: {limit: 100/s, per: client, as: quota(burst=1000)}
    /// ```
    Quota { burst: Option<u32> },
}

/// How the kind of a limit may be written.
pub const FORMS: &[Form] = &[
    form("bucket", "bucket(burst=100)", "A bucket of tokens that fills steadily; one second's worth unless given."),
    form("window", "window", "Fixed windows of one period."),
    form("sliding", "sliding", "At most the limit within any stretch of one period."),
    form("leaky", "leaky(queue=50)", "One by one at the given rate; some wait, the others are rejected."),
    form(
        "quota",
        "quota(burst=1000)",
        "A bucket that may go into debt: nobody is rejected, and who takes too much waits until it has come in (Kafka's client quotas).",
    ),
];

impl Limit {
    /// Reads `1000/min` as (1000, 60 s): a rate whose period matters.
    pub fn read_rate(text: &str) -> Result<(f64, f64), ReadError> {
        let per_second = units::parse_as(text, Dimension::Rate)?;
        let Some((number, _)) = text.split_once('/') else { return Ok((per_second, 1.0)) };
        let count = units::parse_as(number.trim(), Dimension::Count)?;
        let period_s = if per_second == 0.0 { 1.0 } else { (count / per_second * 1e3).round() / 1e3 };
        Ok((count, period_s))
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let counts_whole = matches!(self.kind, Kind::Window | Kind::Sliding);
        if !(0.0 < self.count && self.count <= 1e9) {
            return Some("a limit lets through something, and at most 1G in its period".to_owned());
        }
        if counts_whole && self.count.fract() != 0.0 {
            return Some(format!("a window counts whole requests, and {} is not a whole number", self.count));
        }
        match self.kind {
            Kind::Bucket { burst: Some(0) } | Kind::Quota { burst: Some(0) } => {
                Some("a bucket for 0 tokens lets nobody in".to_owned())
            }
            _ => None,
        }
    }

    /// What one second lets through, at least 1.
    fn second(&self) -> u32 {
        (self.count / self.period_s).floor().clamp(1.0, f64::from(u32::MAX)) as u32
    }
}

impl Kind {
    /// Reads what stands after `as:`.
    pub fn read(term: &Term) -> Result<Kind, ReadError> {
        let whole = |key: &str| -> Result<Option<u32>, ReadError> {
            term.expect_positionals(0, 0, &format!("{}({key}=100)", term.name.text))?;
            term.expect_only(&[key])?;
            let Some(number) = term.named_quantity(key, Dimension::Count)? else { return Ok(None) };
            if 0.0 <= number && number.fract() == 0.0 && number <= f64::from(u32::MAX) {
                return Ok(Some(number as u32));
            }
            let value = term.named(key).expect("its quantity was just read");
            Err(value.wrong("a whole number is expected", None))
        };
        match term.name.text.as_str() {
            "bucket" => Ok(Kind::Bucket { burst: whole("burst")? }),
            "window" => term.expect_bare().map(|()| Kind::Window),
            "sliding" => term.expect_bare().map(|()| Kind::Sliding),
            "leaky" => Ok(Kind::Leaky { queue: whole("queue")? }),
            "quota" => Ok(Kind::Quota { burst: whole("burst")? }),
            _ => Err(unknown(term, "a kind of limit", FORMS)),
        }
    }
}

/// What becomes of a request at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Admit,
    /// Let in after so long.
    Delay(Span),
    Reject,
}

/// The running state of one limit, for all values of its key.
#[derive(Clone, Debug)]
pub struct LimitState {
    rule: Rule,
    /// The state without a key.
    one: Counter,
    /// The state of each value; looked up, never walked through.
    by_key: Option<FxHashMap<u64, Counter>>,
}

/// The limit in whole numbers: `count` requests in `period` nanoseconds, without common factors.
#[derive(Clone, Copy, Debug)]
struct Rule {
    kind: RuleKind,
    count: u64,
    period: u64,
}

#[derive(Clone, Copy, Debug)]
enum RuleKind {
    Bucket { burst: u64 },
    Window,
    Sliding,
    Leaky { queue: u64 },
    Quota { burst: u64 },
}

/// What is remembered of the past.
#[derive(Clone, Debug)]
enum Counter {
    /// Tokens, in `period`-th parts, at an instant.
    Bucket {
        level: u128,
        at: Time,
    },
    Window {
        number: u64,
        admitted: u64,
    },
    /// Instants of the last admissions, at most as many as the limit.
    Sliding(VecDeque<Time>),
    /// When the next one may leave, in `count`-th parts of a nanosecond.
    Leaky {
        next: u128,
    },
    /// Tokens, or what is owed, in `period`-th parts, at an instant.
    Quota {
        level: i128,
        at: Time,
    },
}

impl LimitState {
    /// The state at the start of a run: nothing was let in so far.
    pub fn new(limit: &Limit) -> LimitState {
        let (mut count, mut period) = (limit.count, limit.period_s * 1e9);
        while count.fract() != 0.0 && count < 1e12 {
            (count, period) = (count * 10.0, period * 10.0);
        }
        let second = u64::from(limit.second());
        let kind = match limit.kind {
            Kind::Bucket { burst } => RuleKind::Bucket { burst: burst.map_or(second, u64::from) },
            Kind::Window => RuleKind::Window,
            Kind::Sliding => RuleKind::Sliding,
            Kind::Leaky { queue } => RuleKind::Leaky { queue: queue.map_or(second, u64::from) },
            Kind::Quota { burst } => RuleKind::Quota { burst: burst.map_or(second, u64::from) },
        };
        let (count, period) = (count.round() as u64, period.round() as u64);
        let rule = match kind {
            // A window is as long as it is; only rates may be reduced.
            RuleKind::Window | RuleKind::Sliding => Rule { kind, count, period: period.max(1) },
            _ => {
                let common = gcd(count, period).max(1);
                Rule { kind, count: (count / common).max(1), period: (period / common).max(1) }
            }
        };
        LimitState { rule, one: rule.start(), by_key: limit.per.as_ref().map(|_| FxHashMap::default()) }
    }

    /// What becomes of a request now. `value` is that of the limit's key, if it has one.
    pub fn decide(&mut self, value: u64, now: Time) -> Verdict {
        let rule = self.rule;
        match &mut self.by_key {
            None => rule.decide(&mut self.one, now),
            Some(by_key) => rule.decide(by_key.entry(value).or_insert_with(|| rule.start()), now),
        }
    }
}

impl Rule {
    fn start(self) -> Counter {
        match self.kind {
            RuleKind::Bucket { burst } => {
                Counter::Bucket { level: u128::from(burst) * u128::from(self.period), at: Time(0) }
            }
            RuleKind::Window => Counter::Window { number: 0, admitted: 0 },
            RuleKind::Sliding => Counter::Sliding(VecDeque::new()),
            RuleKind::Leaky { .. } => Counter::Leaky { next: 0 },
            RuleKind::Quota { burst } => {
                Counter::Quota { level: i128::from(burst) * i128::from(self.period), at: Time(0) }
            }
        }
    }

    fn decide(self, counter: &mut Counter, now: Time) -> Verdict {
        let admitted = match counter {
            Counter::Bucket { level, at } => self.take(level, at, now, 1),
            Counter::Window { number, admitted } => {
                let present = now.0 / self.period;
                if *number != present {
                    (*number, *admitted) = (present, 0);
                }
                let free = *admitted < self.count;
                *admitted += u64::from(free);
                free
            }
            Counter::Sliding(admissions) => {
                while admissions.front().is_some_and(|&at| self.period <= (now - at).0) {
                    admissions.pop_front();
                }
                let free = (admissions.len() as u64) < self.count;
                if free {
                    admissions.push_back(now);
                }
                free
            }
            Counter::Leaky { next } => return self.shape(next, now),
            Counter::Quota { level, at } => return self.owe(level, at, now),
        };
        if admitted { Verdict::Admit } else { Verdict::Reject }
    }

    /// Takes `tokens` out of a bucket if they are there.
    fn take(self, level: &mut u128, at: &mut Time, now: Time, tokens: u64) -> bool {
        let RuleKind::Bucket { burst } = self.kind else { unreachable!("only buckets hold tokens") };
        let period = u128::from(self.period);
        let gained = u128::from((now - *at).0) * u128::from(self.count);
        *level = (*level + gained).min(u128::from(burst) * period);
        *at = now;
        let wanted = u128::from(tokens) * period;
        let enough = wanted <= *level;
        *level -= if enough { wanted } else { 0 };
        enough
    }

    /// Takes a token that may not be there yet: the delay until nothing is owed.
    fn owe(self, level: &mut i128, at: &mut Time, now: Time) -> Verdict {
        let RuleKind::Quota { burst } = self.kind else { unreachable!("only quotas go into debt") };
        let (period, count) = (i128::from(self.period), i128::from(self.count));
        let gained = i128::from((now - *at).0) * count;
        *level = (*level + gained).min(i128::from(burst) * period) - period;
        *at = now;
        if 0 <= *level { Verdict::Admit } else { Verdict::Delay(Span(((count - 1 - *level) / count) as u64)) }
    }

    /// One by one: the delay until this request may leave, if the queue has room for it.
    fn shape(self, next: &mut u128, now: Time) -> Verdict {
        let RuleKind::Leaky { queue } = self.kind else { unreachable!("only leaky limits delay") };
        let (period, count) = (u128::from(self.period), u128::from(self.count));
        let now = u128::from(now.0) * count;
        let turn = now.max(*next);
        if u128::from(queue) * period < turn - now {
            return Verdict::Reject;
        }
        *next = turn + period;
        if turn == now { Verdict::Admit } else { Verdict::Delay(Span((turn - now).div_ceil(count) as u64)) }
    }
}

/// The greatest common divisor.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{bits, occasion};
    use crate::reader::read_term;

    const MS: u64 = 1_000_000;

    fn limit(rate: &str, kind: &str) -> Limit {
        let (count, period_s) = Limit::read_rate(rate).expect("a good rate");
        let kind = Kind::read(&read_term(kind).expect("a term")).expect("a good kind");
        Limit { count, period_s, per: None, kind }
    }

    fn state(rate: &str, kind: &str) -> LimitState {
        LimitState::new(&limit(rate, kind))
    }

    /// How many of requests `every` so many nanoseconds are let in, from an instant up to another.
    fn admitted(state: &mut LimitState, every: u64, from: u64, to: u64) -> usize {
        (from..to).step_by(every as usize).filter(|&at| state.decide(0, Time(at)) == Verdict::Admit).count()
    }

    #[test]
    fn what_is_written_is_read() {
        for form in FORMS {
            assert_eq!(limit("100/s", form.example).problem(), None, "{}", form.example);
        }
        assert_eq!(Limit::read_rate("1000/min"), Ok((1000.0, 60.0)));
        assert_eq!(Limit::read_rate("0.5/s"), Ok((0.5, 1.0)));
        assert_eq!(Limit::read_rate("10k/h"), Ok((10_000.0, 3600.0)));
        assert!(Limit::read_rate("1000").is_err() && Limit::read_rate("10ms").is_err());
        assert_eq!(limit("1/s", "bucket").kind, Kind::Bucket { burst: None });
        assert_eq!(limit("1/s", "leaky(queue=0)").kind, Kind::Leaky { queue: Some(0) });
        for wrong in ["bucket(100)", "bucket(burst=1.5)", "window(3)", "windows", "leaky(burst=3)"] {
            assert!(Kind::read(&read_term(wrong).expect("a term")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn figures_that_make_no_sense_are_told() {
        assert!(limit("0/s", "bucket").problem().is_some());
        assert!(limit("0.5/s", "window").problem().is_some());
        assert!(limit("5/s", "bucket(burst=0)").problem().is_some());
        assert_eq!(limit("0.5/s", "bucket").problem(), None);
    }

    #[test]
    fn a_bucket_by_the_table_r_tb_allow() {
        // (ms, tokens wanted, allowed), Go's rate_test.go, TestLimiterBurst1 and TestLimiterBurst3.
        let one = [(0, 1, true), (0, 1, false), (0, 1, false), (100, 1, true), (100, 1, false), (100, 1, false)];
        let late = [(200, 2, false), (200, 1, true), (200, 1, false)];
        let three = [
            (0, 2, true),
            (0, 2, false),
            (0, 1, true),
            (0, 1, false),
            (100, 4, false),
            (200, 1, true),
            (300, 1, true),
            (400, 1, true),
            (400, 1, true),
            (400, 1, false),
            (400, 1, false),
            (900, 3, true),
            (900, 0, true),
        ];
        let table = |burst: u32, rows: &[(u64, u64, bool)]| {
            let LimitState { rule, one, .. } = state("10/s", &format!("bucket(burst={burst})"));
            let Counter::Bucket { mut level, mut at } = one else { unreachable!("it is a bucket") };
            for &(ms, tokens, allowed) in rows {
                assert_eq!(rule.take(&mut level, &mut at, Time(ms * MS), tokens), allowed, "{tokens} at {ms} ms");
            }
        };
        table(1, &[one.as_slice(), late.as_slice()].concat());
        table(3, &three);
    }

    #[test]
    fn a_bucket_in_bulk_r_tb_bulk() {
        let mut at_once = state("10/s", "bucket(burst=5)");
        assert_eq!((0..15).filter(|_| at_once.decide(0, Time(0)) == Verdict::Admit).count(), 5);
        let long = admitted(&mut state("100/s", "bucket(burst=100)"), 2 * MS, 0, 5000 * MS);
        assert!((599..=601).contains(&long), "{long}");
    }

    #[test]
    fn the_first_minute_of_1000_a_minute_s09_gateway() {
        let minute = 60_000 * MS;
        let mut window = state("1000/min", "window");
        assert_eq!(admitted(&mut window, 2 * MS, 0, minute), 1000);
        assert_eq!(admitted(&mut window, 2 * MS, minute, 2 * minute), 1000);
        let mut bucket = state("1000/min", "bucket");
        assert_eq!(admitted(&mut bucket, 2 * MS, 0, minute), 1000 + 16 - 1, "one second's worth more: 16");
        assert_eq!(admitted(&mut bucket, 2 * MS, minute, 2 * minute), 1000);
        let mut sliding = state("1000/min", "sliding");
        assert_eq!(admitted(&mut sliding, 2 * MS, 0, minute), 1000);
    }

    #[test]
    fn thirds_add_up() {
        let mut third = state("3/s", "bucket(burst=1)");
        let day = 86_400_000 * MS;
        assert_eq!(admitted(&mut third, 250_000 * MS, 0, day), 346, "all of the rare ones");
        let mut exact = state("3/s", "bucket(burst=1)");
        // Every 333,333,334 ns there is a token again; one ns earlier there is not.
        assert_eq!(admitted(&mut exact, 333_333_334, 0, 1_000_000_000_000), 3000);
        let mut early = state("3/s", "bucket(burst=1)");
        assert_eq!([0, 333_333_333].map(|at| early.decide(0, Time(at))), [Verdict::Admit, Verdict::Reject]);
        let mut half = state("0.5/s", "bucket");
        assert_eq!(admitted(&mut half, 1000 * MS, 0, 1_000_000 * MS), 500);
    }

    #[test]
    fn sliding_never_lets_in_more_within_any_period() {
        let mut sliding = state("5/s", "sliding");
        let mut let_in: Vec<u64> = Vec::new();
        let mut now = 0;
        for n in 0..5000 {
            now += bits(1, occasion(n)) % (300 * MS);
            let recent = let_in.iter().rev().take_while(|&&at| now - at < 1000 * MS).count();
            let verdict = sliding.decide(0, Time(now));
            assert_eq!(verdict == Verdict::Admit, recent < 5, "request {n}");
            if verdict == Verdict::Admit {
                let_in.push(now);
            }
        }
        assert!(let_in.len() < 5000);
        // A fixed window lets in twice as many around its end.
        let mut window = state("5/s", "window");
        assert_eq!(admitted(&mut window, 10 * MS, 900 * MS, 1100 * MS), 10);
    }

    #[test]
    fn leaky_spaces_requests_evenly() {
        let mut leaky = state("100/s", "leaky(queue=3)");
        let verdicts: Vec<Verdict> = (0..6).map(|_| leaky.decide(0, Time(0))).collect();
        let delay = |ms: u64| Verdict::Delay(Span(ms * MS));
        assert_eq!(verdicts, [Verdict::Admit, delay(10), delay(20), delay(30), Verdict::Reject, Verdict::Reject]);
        assert_eq!(leaky.decide(0, Time(10 * MS)), delay(30));
        assert_eq!(leaky.decide(0, Time(1000 * MS)), Verdict::Admit);
        let mut strict = state("100/s", "leaky(queue=0)");
        assert_eq!(admitted(&mut strict, MS, 0, 1000 * MS), 100);
    }

    #[test]
    fn a_quota_goes_into_debt_and_waits_r_tb_kafka() {
        let mut quota = state("5/s", "quota(burst=100)");
        let mut take = |count: u32, ms: u64| (0..count).map(|_| quota.decide(0, Time(ms * MS))).last();
        assert_eq!(Some(Verdict::Admit), take(100, 0));
        assert_eq!(Some(Verdict::Delay(Span(1000 * MS))), take(5, 0), "five are owed, and five come in a second");
        assert_eq!(Some(Verdict::Admit), take(5, 2000), "ten have come, five were owed");
        assert_eq!(Some(Verdict::Delay(Span(200 * MS))), take(1, 2000));
        assert_eq!(Some(Verdict::Delay(Span(4200 * MS))), take(121, 23_000), "no more than the burst comes together");
    }

    #[test]
    fn each_value_has_its_own_limit() {
        let per = Some("user".to_owned());
        let mut state = LimitState::new(&Limit { per, ..limit("1/s", "bucket") });
        let verdicts = [1, 1, 2, 2, 1].map(|user| state.decide(user, Time(0)) == Verdict::Admit);
        assert_eq!(verdicts, [true, false, true, false, false]);
    }
}
