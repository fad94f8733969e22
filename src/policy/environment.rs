//! The execution environments of a function: one request each, kept for a while, started cold when none is free.
//!
//! `concurrency: {limit: 1000, burst: 500, ramp: 500/min, provisioned: 5}` and `idle: 10m`. A request takes the environment
//! that was used last, so that the others may grow old; those that are provisioned come first and never do. Without one
//! that is free a new one is started, if the limit lets it, and if there is allowance left: `burst` at once, and `ramp` more
//! in a time (a token bucket, as AWS Lambda has it). What cannot be started is throttled.
//!
//! What can go wrong: which environment was a provisioned one is not remembered: as requests end, these are refilled first.

use std::collections::VecDeque;

use crate::units::{Span, Time};

/// What may be said about a function's concurrency.
#[derive(Clone, Debug, PartialEq)]
pub struct Environments {
    /// Most at the same time.
    pub limit: u32,
    /// New ones at once; `None`: as many as the limit.
    pub burst: Option<u32>,
    /// New ones a second after that.
    pub ramp_per_s: f64,
    /// Always warm.
    pub provisioned: u32,
    /// How long an unused one is kept.
    pub idle: Span,
}

impl Environments {
    /// What is wrong with the figures, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.limit < self.provisioned {
            return Some(format!("{} are provisioned, but only {} may run", self.provisioned, self.limit));
        }
        if self.burst == Some(0) && self.ramp_per_s <= 0.0 {
            return Some("without `burst` and `ramp` nothing could ever start".to_owned());
        }
        None
    }
}

/// How a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Warm,
    Cold,
    Throttled,
}

/// All environments of one function.
#[derive(Clone, Debug)]
pub struct Pool {
    spec: Environments,
    busy: u32,
    /// Provisioned ones that are free.
    ready: u32,
    /// When the others were used last, the oldest first.
    idle: VecDeque<Time>,
    tokens: f64,
    filled: Time,
}

impl Pool {
    pub fn new(spec: &Environments) -> Pool {
        let tokens = f64::from(spec.burst.unwrap_or(spec.limit));
        let (ready, spec) = (spec.provisioned, spec.clone());
        Pool { spec, busy: 0, ready, idle: VecDeque::new(), tokens, filled: Time(0) }
    }

    /// A request comes.
    pub fn begin(&mut self, now: Time) -> Start {
        if self.spec.limit <= self.busy {
            return Start::Throttled;
        }
        self.expire(now);
        if 0 < self.ready {
            self.ready -= 1;
        } else if self.idle.pop_back().is_none() {
            if !self.takes_token(now) {
                return Start::Throttled;
            }
            self.busy += 1;
            return Start::Cold;
        }
        self.busy += 1;
        Start::Warm
    }

    /// A request has left its environment.
    pub fn end(&mut self, now: Time) {
        self.busy -= 1;
        if self.ready < self.spec.provisioned && self.busy + self.ready < self.spec.provisioned {
            self.ready += 1;
        } else if Span(0) < self.spec.idle {
            self.idle.push_back(now);
        }
    }

    /// One more is always warm from now on: it has just been started for that.
    pub fn provide(&mut self) {
        self.spec.provisioned += 1;
        self.ready += 1;
    }

    /// So many fewer are always warm. Those that are free go first; the others become ordinary ones when their requests end.
    pub fn withdraw(&mut self, count: u32) {
        self.spec.provisioned = self.spec.provisioned.saturating_sub(count);
        self.ready = self.ready.saturating_sub(count).min(self.spec.provisioned);
    }

    /// How many are always warm.
    pub fn provisioned(&self) -> u32 {
        self.spec.provisioned
    }

    /// All are gone but those provisioned, as after a fault; requests in them end one by one.
    pub fn clear(&mut self) {
        self.idle.clear();
    }

    /// Environments that stand there now, at work or waiting.
    pub fn there(&mut self, now: Time) -> u32 {
        self.expire(now);
        self.busy + self.ready + self.idle.len() as u32
    }

    fn expire(&mut self, now: Time) {
        while self.idle.front().is_some_and(|used| used.0.saturating_add(self.spec.idle.0) <= now.0) {
            self.idle.pop_front();
        }
    }

    fn takes_token(&mut self, now: Time) -> bool {
        let most = f64::from(self.spec.burst.unwrap_or(self.spec.limit));
        let since = (now - self.filled).secs();
        self.tokens = (self.tokens + since * self.spec.ramp_per_s).min(most.max(1.0));
        self.filled = now;
        let has = 1.0 <= self.tokens + 1e-9;
        if has {
            self.tokens -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, mix};

    fn spec(limit: u32, provisioned: u32, idle_s: u64) -> Environments {
        let idle = Span(idle_s * 1_000_000_000);
        Environments { limit, burst: None, ramp_per_s: 0.0, provisioned, idle }
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    #[test]
    fn what_is_free_is_used_again_until_it_is_too_old() {
        let mut pool = Pool::new(&spec(10, 0, 60));
        assert_eq!(Start::Cold, pool.begin(at(0)));
        pool.end(at(1));
        assert_eq!(Start::Warm, pool.begin(at(60)));
        pool.end(at(61));
        assert_eq!(Start::Cold, pool.begin(at(121)), "a minute is over");
    }

    #[test]
    fn beyond_the_limit_and_beyond_the_allowance_there_is_nothing() {
        let mut pool = Pool::new(&Environments { burst: Some(2), ramp_per_s: 0.5, ..spec(4, 0, 60) });
        let starts = [0, 0, 0, 2, 2, 4, 6].map(|second| pool.begin(at(second)));
        let [cold, none] = [Start::Cold, Start::Throttled];
        assert_eq!([cold, cold, none, cold, none, cold, none], starts);
        pool.end(at(6));
        assert_eq!(Start::Warm, pool.begin(at(6)));
    }

    #[test]
    fn what_is_provisioned_is_never_cold() {
        let mut pool = Pool::new(&spec(10, 2, 1));
        for second in [0, 100, 200] {
            assert_eq!([Start::Warm, Start::Warm, Start::Cold], [0; 3].map(|_| pool.begin(at(second))));
            for _ in 0..3 {
                pool.end(at(second));
            }
            assert_eq!(3, pool.there(at(second)));
        }
        assert_eq!(2, pool.there(at(300)));
    }

    #[test]
    fn what_is_provisioned_may_become_more_and_fewer() {
        let mut pool = Pool::new(&spec(10, 1, 1));
        assert_eq!([Start::Warm, Start::Cold], [0; 2].map(|_| pool.begin(at(0))));
        pool.provide();
        assert_eq!(Start::Warm, pool.begin(at(0)));
        for _ in 0..3 {
            pool.end(at(0));
        }
        assert_eq!((2, 2), (pool.provisioned(), pool.there(at(5))), "the third has grown old");
        pool.withdraw(1);
        assert_eq!([Start::Warm, Start::Cold], [0; 2].map(|_| pool.begin(at(9))));
    }

    /// Every environment by itself: when it is free, and since when.
    #[test]
    fn a_pool_does_what_single_environments_do() {
        for seed in 0..20 {
            let spec = Environments { ramp_per_s: 1e6, ..spec(6, 0, 5) };
            let (mut pool, mut single, mut dice) = (Pool::new(&spec), Vec::<Option<u64>>::new(), mix(seed));
            for second in 0..400 {
                dice = mix(dice);
                if below(dice, 2) == 0 {
                    single.retain(|used| used.is_none_or(|used| second < used + 5));
                    let free = single.iter().enumerate().filter_map(|(n, used)| used.map(|used| (used, n))).max();
                    let expected = match free {
                        _ if single.iter().filter(|used| used.is_none()).count() == 6 => Start::Throttled,
                        Some((_, n)) => {
                            single[n] = None;
                            Start::Warm
                        }
                        None => {
                            single.push(None);
                            Start::Cold
                        }
                    };
                    assert_eq!(expected, pool.begin(at(second)), "seed {seed}, second {second}");
                } else if let Some(n) = single.iter().position(Option::is_none) {
                    single[n] = Some(second);
                    pool.end(at(second));
                }
            }
        }
    }
}
