//! When a caller tries again.

use crate::units::Span;

/// `retry: {attempts: 3, backoff: exponential(50ms x2 max=1s), jitter: full, budget: 10%, on: [timeout, reset]}`
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first one too; `None` is `unlimited`.
    pub attempts: Option<u32>,
    pub backoff: Backoff,
    pub jitter: Jitter,
    /// Retries as a share of first attempts, over the last ten seconds.
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
    /// Longer by a factor each time, up to a maximum.
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
