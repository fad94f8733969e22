//! `concurrency: {target: 100, panic: 200% in 6s}`: the autoscaler of Knative (KPA), requests in flight per instance.
//!
//! The average over the `window` (the stable one) says how many instances are needed. Where the average over the much
//! shorter panic window asks for so many times as many as there are, the autoscaler panics: it follows the short window and
//! takes nothing away until a whole stable window has passed without a reason (`pkg/autoscaler/scaling/autoscaler.go`).

use crate::policy::scale::{View, Why};
use crate::units::{Span, Time};

/// How the autoscaler is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrency {
    /// Requests in flight at each instance.
    pub target: f64,
    /// It panics from so many times as many instances as there are.
    pub panic: f64,
    pub stable_window: Span,
    /// At most so many times as many at once.
    pub up_rate: f64,
    /// At least the so-manieth part of those there are.
    pub down_rate: f64,
}

/// Whether it panics, and what it remembers.
#[derive(Clone, Debug, Default)]
pub struct Panic {
    /// When there was last a reason.
    since: Option<Time>,
    most: u32,
}

impl Panic {
    /// `values` of the view: all requests in flight, averaged over the stable and over the panic window.
    pub fn recommend(&mut self, spec: &Concurrency, view: &View) -> Option<(u32, Why)> {
        let &[stable, short] = view.values else { return None };
        if stable.is_nan() || short.is_nan() {
            return None;
        }
        let ready = f64::from(view.ready.max(1));
        let (least, most) = (libm::floor(ready / spec.down_rate), libm::ceil(spec.up_rate * ready));
        let want = |average: f64| libm::ceil(average / spec.target).max(least).min(most) as u32;
        let is_over = spec.panic <= libm::ceil(short / spec.target) / ready;
        let ends = |since: Time| since.0 + spec.stable_window.0 < view.now.0;
        if is_over {
            self.since = Some(view.now);
        } else if self.since.is_some_and(ends) {
            (self.since, self.most) = (None, 0);
        }
        let mut wanted = want(stable);
        let mut why = Why::new(0, stable / ready, spec.target);
        if self.since.is_some() {
            self.most = self.most.max(wanted).max(want(short));
            wanted = self.most;
            why = Why::new(usize::from(Why::PANIC), short / ready, spec.target);
        }
        Some((wanted, why))
    }
}
