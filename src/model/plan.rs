//! The plan of a run: how long, where snapshots are taken, how fine the time series is.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::caches::Cache;
use crate::model::compile::{Compiler, span, time};
use crate::model::loads::Demand;
use crate::model::{Key, KeyOrigin, Model, NONE16, Run};
use crate::scenario::{Length, Warmup};
use crate::units::{Span, Time};

/// Ends of warm-up that are tried, in 64ths of the run.
const CUTS: [u64; 11] = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32];

/// Most requests before a run: if it is left to us, and if so much was asked for.
const MOST_AUTO: u64 = 2_000_000;
const MOST_GIVEN: u64 = 50_000_000;

/// Requests of a replication whose time line is kept until it is known how slow they were.
const FOLLOWED: f64 = 4096.0;

/// At most so many windows in the series of a run.
const WINDOWS: f64 = 1200.0;

/// What of a long run is simulated: see `engine/sampling.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    pub after: Span,
    pub window: Span,
    pub every: Span,
}

/// Traffic that caches and buffer pools have seen when a run starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prefill {
    /// Loads whose requests leave traces, and their requests a second.
    pub sources: Vec<(u16, f64)>,
    pub seconds: f64,
    /// Longer if need be: until everything that fills up is full, and as long again.
    pub until_full: bool,
    /// Most requests.
    pub most: u64,
}

impl Compiler<'_> {
    /// Tells if nothing asks or nothing answers, unless what should may be among what could not be read.
    pub(super) fn check_run(&mut self) {
        if self.diags.has_errors() {
            return;
        }
        let spot = self.anywhere();
        if self.scenario.components.is_empty() {
            let made = Diagnostic::new(Code::NothingToRun, spot, "there is no component that could answer");
            self.tell(made.help("add `components:`"));
        }
        if self.scenario.load.is_empty() {
            let made = Diagnostic::new(Code::NothingToRun, spot, "there is no load that asks for anything");
            self.tell(made.help("add `load: {users: {rate: 100/s, requests: {COMPONENT.OPERATION: 1}}}`"));
        }
    }

    /// The plan; faults and loads must be known.
    pub(super) fn compile_plan(&mut self) {
        let said = &self.scenario.run;
        let precision = said.precision.as_ref().and_then(|precision| {
            let probe = self.probe(&precision.of.value, precision.of.spot, None)?;
            Some((probe, precision.within, precision.most))
        });
        let first_change = self.first_change();
        let horizon = match said.length {
            Length::Duration(seconds) => seconds,
            Length::Requests(count) => count as f64 / total_rate(&self.model).max(1e-9),
        };
        let mut run = Run {
            start_s: said.start_s,
            first_change,
            precision,
            window: window(horizon),
            memory_bytes: said.limit.memory_bytes as u64,
            events: said.limit.events,
            sampling: self.sampling(),
            sample: sample(horizon * total_rate(&self.model)),
            ..Run::default()
        };
        match said.length {
            Length::Duration(seconds) => run.duration = Some(span(seconds)),
            Length::Requests(count) => run.requests = Some(count),
        }
        // After a sleep there is no transient worth finding.
        let auto = if said.sampling.is_some() { Warmup::Given(0.0) } else { Warmup::Auto };
        match if said.warmup == Warmup::Auto { auto } else { said.warmup } {
            Warmup::Given(seconds) => {
                run.warmup = Some(span(seconds));
                if 0.0 < seconds {
                    run.cuts = vec![time(seconds)];
                }
                self.check_warmup(seconds, horizon);
            }
            Warmup::Auto => match said.length {
                Length::Duration(seconds) => {
                    let cuts = CUTS.iter().map(|part| time(seconds * *part as f64 / 64.0));
                    run.cuts = cuts.filter(|cut| first_change.is_none_or(|change| *cut <= change)).collect();
                }
                Length::Requests(count) => {
                    run.cut_counts = CUTS.iter().map(|part| count * part / 64).filter(|count| 0 < *count).collect();
                    run.cut_counts.dedup();
                }
            },
        }
        self.model.run = run;
        self.compile_prefill();
    }

    /// Which traffic caches and buffer pools are to have seen. A key that follows a file or counts up starts from its
    /// beginning, so nothing of it lies before the run.
    fn compile_prefill(&mut self) {
        let said = &self.scenario.run;
        let in_order = |key: &Key| matches!(key.origin, KeyOrigin::Scan | KeyOrigin::Trace(_));
        if !said.prefill || self.model.keys.iter().any(in_order) {
            return;
        }
        let keeps = self.model.keeping();
        let rates = self.model.source_rates();
        let mut sources = Vec::new();
        for (source, rate) in rates.into_iter().enumerate() {
            let mut classes = self.model.classes.iter().filter(|class| usize::from(class.source) == source);
            if 0.0 < rate && classes.any(|class| keeps.contains(&class.operation)) {
                sources.push((source as u16, rate));
            }
        }
        let ttl = |cache: &Cache| if cache.ttl_draw == NONE16 { 0.0 } else { self.model.samplers.mean(cache.ttl_draw) };
        let longest = self.model.caches.iter().map(ttl).fold(0.0, f64::max);
        let (seconds, most) = match said.prefill_s {
            Some(seconds) => (seconds, MOST_GIVEN),
            // The second time to live forgets how the first began.
            None => (2.0 * longest, MOST_AUTO),
        };
        let prefill = Prefill { sources, seconds, until_full: said.prefill_s.is_none() && self.model.fills_up(), most };
        if !prefill.sources.is_empty() {
            self.model.run.prefill = Some(prefill);
        }
    }

    /// What is simulated of a long run, and what cannot be left out of one.
    fn sampling(&mut self) -> Option<Sampling> {
        let said = self.scenario.run.sampling?;
        if matches!(self.scenario.run.length, Length::Requests(_)) {
            let message = "a run of so many requests has no quiet time to sample";
            self.tell(Diagnostic::new(Code::Excluded, said.spot, message).help("write `duration: 365d`"));
        }
        for (name, component) in &self.scenario.components {
            if let Some(autoscale) = &component.value.autoscale {
                let message = format!("the autoscaler of `{name}` sees the loads sleep between samples");
                let told =
                    Diagnostic::new(Code::SampledScaler, said.spot, message).note_at(autoscale.spot, "it is here");
                self.diags.push(told.help("leave one of the two out"));
            }
        }
        for (name, term) in &self.scenario.prices.spots {
            let message = format!("machines of `{name}` are taken back at any time, and most of that is not simulated");
            let told =
                Diagnostic::new(Code::SampledScaler, said.spot, message).note_at(term.spot, "they are bought here");
            self.diags.push(told.help("leave one of the two out"));
        }
        let Spotted { value: crate::scenario::run::Sampling { after_s, window_s, every_s }, .. } = said;
        Some(Sampling { after: span(after_s), window: span(window_s), every: span(every_s) })
    }

    fn check_warmup(&mut self, warmup: f64, horizon: f64) {
        if horizon <= warmup {
            let spot = self.anywhere();
            let message = "the warm-up is as long as the run, so nothing would be measured";
            self.tell(Diagnostic::new(Code::OutOfRange, spot, message));
        }
    }

    /// The first instant at which a fault strikes or a load changes its rate for good.
    fn first_change(&self) -> Option<Time> {
        let faults = self.model.faults.iter().filter_map(|fault| fault.at);
        let shapes = self.model.sources.iter().filter_map(|source| match &source.demand {
            Demand::Open { shape, .. } | Demand::Sessions { shape, .. } => shape.first_change().map(time),
            _ => None,
        });
        faults.chain(shapes).min()
    }
}

/// Mean rate of new requests of the open loads, and what closed clients could ask at most.
fn total_rate(model: &Model) -> f64 {
    let rate = |demand: &Demand| match demand {
        Demand::Open { rate, .. } => *rate,
        Demand::Sessions { rate, steps, .. } => {
            rate * steps.iter().map(|step| model.samplers.mean(step.times_draw)).sum::<f64>()
        }
        Demand::Closed { clients, think_draw } => f64::from(*clients) / model.samplers.mean(*think_draw).max(1e-3),
        Demand::Every { every, .. } => 1.0 / every.secs().max(1e-9),
        Demand::Trace { times } => times.len() as f64 / times.last().map_or(1.0, |last| last.secs().max(1e-9)),
    };
    model.sources.iter().map(|source| rate(&source.demand)).sum()
}

/// The bits that pick about `FOLLOWED` of so many requests, or all of them.
fn sample(expected: f64) -> u64 {
    ((expected / FOLLOWED).max(1.0) as u64).next_power_of_two() - 1
}

/// A window that people like: at least a second in runs of a minute and more, and not too many of them.
fn window(horizon: f64) -> Span {
    const NICE: [f64; 17] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0,
        86400.0,
    ];
    if horizon < 60.0 {
        return span((horizon / 60.0).max(1e-6));
    }
    let nice = NICE.iter().find(|seconds| horizon <= **seconds * WINDOWS);
    span(nice.copied().unwrap_or(horizon / WINDOWS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_nice_and_not_too_many() {
        assert_eq!(0.5, window(30.0).secs());
        assert_eq!(1.0, window(60.0).secs());
        assert_eq!(1.0, window(1200.0).secs());
        assert_eq!(120.0, window(86_400.0).secs());
        for horizon in [61.0, 4000.0, 1e5, 3e6, 1e9] {
            assert!(horizon <= WINDOWS * window(horizon).secs() * 1.000_001);
        }
    }
}
