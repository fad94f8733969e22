//! Who is let in: rate limits.

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
    Bucket {
        burst: Option<u32>,
    },
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
    Leaky {
        queue: Option<u32>,
    },
}
