//! When to ask a second time without waiting for the first answer (Dean and Barroso, "The Tail at Scale", 2013).
//!
//! After a time, or after a percentile of what such calls have taken so far. The percentile is one of all calls, hedged or
//! not: a call that was hedged has by then taken longer than the percentile, whatever the second one brings, so hedging
//! does not move what it is measured by. What can go wrong: a second copy is work; where everyone is slow because there
//! is too much of it, hedging makes it more.

use crate::reader::ReadError;
use crate::units::{self, Dimension, Span, UnitError};

/// `hedge: {after: p95, most: 1}`
#[derive(Clone, Debug, PartialEq)]
pub struct Hedge {
    pub after: After,
    /// Most further copies of a call.
    pub most: u32,
}

/// When a further copy sets off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum After {
    /// So long after the one before.
    ///
    /// ```yaml
    /// hedge: {after: 50ms}
    /// ```
    Time(Span),
    /// As long after the one before as this share of the calls have taken so far.
    ///
    /// ```yaml
    /// hedge: {after: p95}
    /// ```
    Quantile(f64),
}

impl Hedge {
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        match self.after {
            _ if self.most == 0 => Some("`most` counts further copies and is at least 1".to_owned()),
            _ if 100 < self.most => Some("`most` is at most 100 further copies".to_owned()),
            After::Quantile(q) if !(0.0 < q && q < 1.0) => {
                Some("a percentile lies between p0 and p100, such as `p95`".to_owned())
            }
            _ => None,
        }
    }
}

impl After {
    /// Reads what stands after `after:`.
    pub fn read(text: &str) -> Result<After, ReadError> {
        let Some(percent) = text.strip_prefix('p') else {
            return units::parse_as(text, Dimension::Time).map(|time| After::Time(Span::from_secs_f64(time)));
        };
        let percent: Option<f64> = percent.parse().ok();
        percent.map(|percent| After::Quantile((percent * 1e9).round() / 1e11)).ok_or_else(|| UnitError {
            start: 0,
            end: text.len(),
            message: format!("`{text}` is not a percentile"),
            help: Some("write `p95`, or a time such as `50ms`".to_owned()),
        })
    }
}

/// What the calls of one place took, recent ones above all: counts by logarithmic buckets, halved when they are many.
#[derive(Clone, Debug)]
pub struct Measured {
    after: After,
    counts: Vec<u32>,
    total: u32,
    /// The percentile when it was last looked up; `None` while too few calls were seen.
    known: Option<Span>,
}

/// Buckets an octave, and octaves from 1 ns on.
const FINE: u32 = 5;
const OCTAVES: usize = 48;
/// Calls seen before a percentile is believed, and between two looks at it.
const ENOUGH: u32 = 100;
/// Calls after which all counts are halved.
const MANY: u32 = 10_000;

impl Measured {
    /// Nothing seen.
    pub fn new(after: After) -> Measured {
        let buckets = if let After::Quantile(_) = after { OCTAVES << FINE } else { 0 };
        Measured { after, counts: vec![0; buckets], total: 0, known: None }
    }

    /// How long to wait before the next copy; `None`: no copy, nothing is known yet.
    pub fn pause(&self) -> Option<Span> {
        match self.after {
            After::Time(time) => Some(time),
            After::Quantile(_) => self.known,
        }
    }

    /// A call was answered after so long.
    pub fn observe(&mut self, took: Span) {
        let After::Quantile(q) = self.after else { return };
        self.counts[bucket(took.0)] += 1;
        self.total += 1;
        if self.total.is_multiple_of(ENOUGH) {
            self.known = Some(self.quantile(q));
        }
        if MANY <= self.total {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum::<u32>().next_multiple_of(ENOUGH);
        }
    }

    /// Where the share `q` lies, evenly spread within its bucket.
    fn quantile(&self, q: f64) -> Span {
        let target = q * f64::from(self.counts.iter().sum::<u32>());
        let mut below = 0.0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            let count = f64::from(count);
            if 0.0 < count && target <= below + count {
                let (low, high) = (edge(bucket), edge(bucket + 1));
                return Span((low + (high - low) * (target - below) / count).round() as u64);
            }
            below += count;
        }
        Span::MAX
    }
}

fn bucket(ns: u64) -> usize {
    let i = ((ns.max(1) as f64).to_bits() >> (52 - FINE)) as usize;
    (i - (1023 << FINE)).min((OCTAVES << FINE) - 1)
}

/// Lower edge of a bucket, ns.
fn edge(bucket: usize) -> f64 {
    f64::from_bits((bucket as u64 + (1023 << FINE)) << (52 - FINE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Ziggurat, bits, occasion};

    const MS: u64 = 1_000_000;

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(After::read("50ms"), Ok(After::Time(Span(50 * MS))));
        assert_eq!(After::read("p95"), Ok(After::Quantile(0.95)));
        assert_eq!(After::read("p99.9"), Ok(After::Quantile(0.999)));
        assert!(After::read("p").is_err() && After::read("95%").is_err() && After::read("soon").is_err());
        let hedge = |after: After, most| Hedge { after, most }.problem();
        assert_eq!(hedge(After::Quantile(0.95), 1), None);
        assert!(hedge(After::Quantile(1.0), 1).is_some());
        assert!(hedge(After::Time(Span(0)), 0).is_some());
    }

    #[test]
    fn the_percentile_is_that_of_what_was_seen() {
        let ziggurat = Ziggurat::new();
        let mut measured = Measured::new(After::Quantile(0.95));
        let mut take = |mean_ms: f64, calls: u64, salt: u64| {
            for n in 0..calls {
                assert!(n != 99 || salt != 1 || measured.pause().is_none(), "too few to know");
                let took = mean_ms * MS as f64 * ziggurat.exponential(bits(salt, occasion(n)));
                measured.observe(Span(took as u64));
            }
            measured.pause().expect("enough was seen").0 as f64 / MS as f64
        };
        // 95 % of an exponential with mean 10 ms are below 29.96 ms.
        let first = take(10.0, 9_900, 1);
        assert!((first / 29.96 - 1.0).abs() < 0.05, "{first}");
        // Half of all is forgotten each time, so what is new is believed after a while.
        let later = take(100.0, 60_000, 2);
        assert!((later / 299.6 - 1.0).abs() < 0.05, "{later}");
    }

    #[test]
    fn a_time_needs_no_measuring() {
        let mut measured = Measured::new(After::Time(Span(7)));
        measured.observe(Span(1000));
        assert_eq!(measured.pause(), Some(Span(7)));
    }
}
