//! What studies keep of one evaluation: the figures that designs are compared, searched and remembered by.
//!
//! Beside each estimate stand the values of the single replications, because designs are compared replication by
//! replication on common random numbers. The document can be read back, so nothing is simulated twice. Figures have
//! twelve digits, as everywhere in JSON, so one that was read back is the same as one that was just worked out.

use serde::{Deserialize, Serialize};

use crate::report::json::twelve_digits;
use crate::report::pictures::Curve;
use crate::report::{Verdict, or_infinite};

/// One design, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// blake3 of the resolved scenario.
    pub hash: String,
    pub seed: u64,
    pub replications: u32,
    pub stable: bool,
    pub events: u64,
    pub verdict: Verdict,
    pub objectives: Vec<Judged>,
    pub measures: Vec<Measured>,
    /// Signs that the design has had its day.
    pub evolve_when: Vec<Fired>,
    /// The busiest part of each resource with a limit, the fullest first.
    pub busy: Vec<Busy>,
    pub bottleneck: Option<Limit>,
    /// `None` where nothing has a price.
    pub usd_per_month: Option<f64>,
    /// By component.
    pub costs: Vec<(String, f64)>,
    /// The percentile curve of all requests, where there is a steady state; a sweep of many points leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Lower,
    Higher,
    /// Neither: a fact.
    Neither,
}

/// An estimate with the values it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// `p99`, `failed`, `served`.
    pub name: String,
    /// `s`, `per_s` or `ratio`.
    pub unit: String,
    pub better: Better,
    /// `None`: not known, or there is no steady state.
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// One a replication.
    pub values: Vec<Option<f64>>,
}

/// An objective and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub text: String,
    pub verdict: Verdict,
    pub limit: Option<f64>,
    pub note: Option<String>,
    /// Named after the objective.
    #[serde(flatten)]
    pub measured: Measured,
}

/// A condition of `evolve_when`, and in which share of the replications it fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    pub name: String,
    pub text: String,
    pub share: f64,
}

/// One resource, and how busy its busiest part was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    pub component: String,
    pub resource: String,
    pub share: f64,
    /// One a replication.
    pub values: Vec<Option<f64>>,
}

/// What limits the design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub component: String,
    pub resource: String,
    pub utilisation: f64,
    /// Capacity over load.
    #[serde(deserialize_with = "or_infinite")]
    pub headroom: f64,
    pub why: String,
}

impl Figures {
    /// A measure by its name.
    pub fn measure(&self, name: &str) -> Option<&Measured> {
        self.measures.iter().find(|measured| measured.name == name)
    }

    /// The value of a measure.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.measure(name)?.value
    }

    /// What came of all objectives: a design without a steady state misses them, whatever a finite run has seen.
    pub fn judgement(&self) -> Verdict {
        if self.stable { self.verdict } else { Verdict::Misses }
    }

    /// The objectives that do not hold, in the author's words.
    pub fn missed(&self) -> Vec<String> {
        let missed = self.objectives.iter().filter(|judged| judged.verdict == Verdict::Misses);
        missed.map(|judged| judged.text.clone()).collect()
    }

    /// The same to twelve digits.
    #[must_use]
    pub fn rounded(mut self) -> Figures {
        self.measures.iter_mut().for_each(Measured::round);
        for judged in &mut self.objectives {
            judged.limit = judged.limit.map(twelve_digits);
            judged.measured.round();
        }
        for busy in &mut self.busy {
            busy.share = twelve_digits(busy.share);
            busy.values.iter_mut().for_each(round);
        }
        if let Some(limit) = &mut self.bottleneck {
            (limit.utilisation, limit.headroom) = (twelve_digits(limit.utilisation), twelve_digits(limit.headroom));
        }
        round(&mut self.usd_per_month);
        self.costs.iter_mut().for_each(|(_, usd)| *usd = twelve_digits(*usd));
        self
    }
}

impl Measured {
    fn round(&mut self) {
        [&mut self.value, &mut self.low, &mut self.high].into_iter().for_each(round);
        self.values.iter_mut().for_each(round);
    }
}

fn round(value: &mut Option<f64>) {
    *value = value.map(twelve_digits);
}

/// The document for a cache.
pub fn write(figures: &Figures) -> String {
    serde_json::to_string(figures).expect("a tree of plain values")
}

/// Reads what [`write`] wrote; `None` if it is anything else.
pub fn read(text: &str) -> Option<Figures> {
    serde_json::from_str::<Figures>(text).ok().map(Figures::rounded)
}
