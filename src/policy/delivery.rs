//! How a queue delivers: what it promises of each message, what it does with those that fail, and what the well-known
//! products are like.
//!
//! A message that was taken and not acknowledged comes again: when its visibility ends, when its consumer dies, or so long
//! after a failure as the back-off says. What can go wrong: work that takes longer than the visibility is done twice, and
//! a message that nobody can handle comes again for ever, unless `attempts` bounds it.

use crate::policy::retry::Backoff;
use crate::units::Span;

/// When a message is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commit {
    /// Before the work: at most once.
    ///
    /// ```yaml
    /// commit: before
    /// ```
    Before,
    /// After it: at least once.
    ///
    /// ```yaml
    /// commit: after
    /// ```
    #[default]
    After,
    /// After it and in one with what the work has changed, so that it counts once: what was not acknowledged has not been done.
    ///
    /// ```yaml
    /// commit: exactly_once
    /// ```
    Once,
}

/// What happens to a message whose work fails.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Redelivery {
    /// How often it is tried in all; `None`: for ever.
    pub attempts: Option<u32>,
    /// The pause before the next attempt; `None`: until its visibility ends, or without one at once.
    pub backoff: Option<Backoff>,
}

/// What becomes of a message after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It may be taken again after so long.
    After(Span),
    /// When its visibility ends.
    WhenVisible,
    /// It has been tried often enough.
    GiveUp,
}

/// Nothing comes back sooner than that: a message that fails at once would otherwise stop the clock.
const SOONEST: Span = Span(1_000_000);

impl Redelivery {
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        (self.attempts == Some(0)).then(|| "`attempts` counts the first one, so it is at least 1".to_owned())
    }

    /// What follows the failure of the `attempts`-th attempt; `hides` says that the queue has a visibility timeout.
    pub fn next(&self, attempts: u32, hides: bool) -> Next {
        if self.is_last(attempts) {
            return Next::GiveUp;
        }
        match self.backoff {
            Some(backoff) => Next::After(backoff.pause(attempts.max(1)).max(SOONEST)),
            None if hides => Next::WhenVisible,
            None => Next::After(SOONEST),
        }
    }

    /// Whether there is none after the `attempts`-th attempt.
    pub fn is_last(&self, attempts: u32) -> bool {
        self.attempts.is_some_and(|most| most <= attempts)
    }
}

/// The figures of a product, as its users see them: a starting point, to be replaced by what one has measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    pub name: &'static str,
    /// Median and 99th percentile of the time to take a message, and of that to hand one out; seconds.
    pub publish_s: [f64; 2],
    pub deliver_s: [f64; 2],
    /// Seconds; `None`: until the consumer dies.
    pub visibility_s: Option<f64>,
    /// Dollars for a request: to send, to receive, to acknowledge.
    pub price: f64,
}

/// The products. Times follow the ranges of the sources (`RabbitMQ` 5 to 20 ms, SQS 10 to 50 ms, Kafka below 10 ms from
/// end to end); prices are those of us-east-1 in 2025.
pub const PRESETS: &[Preset] = &[
    preset("rabbitmq", [0.0045, 0.008], None, 0.0),
    preset("sqs", [0.011, 0.020], Some(30.0), 0.4e-6),
    preset("redis", [0.0005, 0.002], Some(60.0), 0.0),
    preset("kafka", [0.0015, 0.004], None, 0.0),
];

const fn preset(name: &'static str, each: [f64; 2], visibility_s: Option<f64>, price: f64) -> Preset {
    Preset { name, publish_s: each, deliver_s: each, visibility_s, price }
}

/// The names, for the table of fields.
pub const NAMES: &[&str] = &["rabbitmq", "sqs", "redis", "kafka"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_again_as_often_as_it_may() {
        let backoff = Some(Backoff::Exponential { base: Span(1_000_000_000), factor: 2.0, max: Span::MAX });
        let said = Redelivery { attempts: Some(4), backoff };
        let after = |seconds: u64| Next::After(Span(seconds * 1_000_000_000));
        let follows: Vec<Next> = (1..=4).map(|attempts| said.next(attempts, true)).collect();
        assert_eq!(follows, [after(1), after(2), after(4), Next::GiveUp]);
        let plain = Redelivery::default();
        assert_eq!([Next::WhenVisible, Next::After(SOONEST)], [plain.next(9, true), plain.next(9, false)]);
        assert!(Redelivery { attempts: Some(0), ..plain }.problem().is_some());
    }

    #[test]
    fn every_preset_has_its_name_in_the_table() {
        assert_eq!(NAMES.to_vec(), PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>());
    }
}
