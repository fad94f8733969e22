//! `hpa:`: the `spec` of a Kubernetes `HorizontalPodAutoscaler`, `autoscaling/v2`.
//!
//! What the replica calculator does with the pods (`pkg/controller/podautoscaler/replica_calculator.go`): those that failed
//! or are being deleted are ignored; of a CPU metric also those that are not ready or whose sample is older than their
//! readiness. Before it adds, it takes these for idle and pods without a metric for idle too; before it takes away, it
//! takes pods without a metric for fully busy. A decision that turns round by this is none. Values are whole thousandths,
//! as the metrics API has them, and averages are cut as there.
//!
//! What can go wrong: a metric cannot be read. If others can, they may add and take nothing away; if none can, nothing
//! happens.

use crate::policy::scale::{View, Why, steady};

/// The settings that are not the behaviour of both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Hpa {
    pub metrics: Vec<Metric>,
}

/// One entry of `metrics:`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    pub source: Source,
    pub target: Target,
}

/// Whose value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `Resource`: cores or memory of each pod. Samples of cores of pods that are not ready do not count.
    Cpu,
    Memory,
    /// `Pods`: a metric of each pod.
    Pods,
    /// `Object` and `External`: one value.
    One,
}

/// What it is to be kept at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// `averageUtilization`: percent of what the pods request.
    Utilisation(i64),
    /// `averageValue`: thousandths, per pod.
    Average(i64),
    /// `value`: thousandths.
    Value(i64),
}

impl Metric {
    /// Whether every pod has a value of its own.
    pub fn is_of_pods(&self) -> bool {
        self.source != Source::One
    }
}

/// What is known of a pod; values are thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// `None`: the metric is missing.
    pub usage: Option<i64>,
    pub request: Option<i64>,
    pub phase: Phase,
}

/// How far a pod has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It has not started yet.
    Pending,
    /// It has never been ready.
    Unready,
    /// Its sample began before it was ready, within the CPU initialisation period.
    Warming,
    #[default]
    Ready,
    /// Failed, or being deleted.
    Gone,
}

/// Why a metric says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    NoMetrics,
    MissingRequest,
}

/// The most that any metric asks for, with the metric.
pub(super) fn recommend(spec: &Hpa, view: &View, tolerances: (f64, f64)) -> Option<(u32, Why)> {
    let mut best: Option<(u32, Why)> = None;
    let mut is_blind = false;
    let (mut pods, mut values) = (view.pods.iter(), view.values.iter());
    for (index, metric) in spec.metrics.iter().enumerate() {
        let asked = if metric.is_of_pods() {
            of_pods(metric, pods.next().map_or(&[][..], |pods| pods), view.current, tolerances)
        } else {
            let value = values.next().copied().filter(|value| !value.is_nan());
            let milli = value.map(|value| (1000.0 * value) as i64).ok_or(Unknown::NoMetrics);
            milli.map(|milli| of_one(metric, milli, view, tolerances))
        };
        match asked {
            Ok((wanted, value)) if best.is_none_or(|(known, _)| known < wanted) => {
                best = Some((wanted, Why::new(index, value, metric.goal())));
            }
            Ok(_) => {}
            Err(_) => is_blind = true,
        }
    }
    best.filter(|(wanted, _)| !is_blind || view.current <= *wanted)
}

impl Metric {
    /// As it is shown: a share, or the value itself.
    fn goal(&self) -> f64 {
        match self.target {
            Target::Utilisation(percent) => percent as f64 / 100.0,
            Target::Average(milli) | Target::Value(milli) => milli as f64 / 1000.0,
        }
    }
}

/// How many a metric of pods asks for, and its value as it is shown.
pub fn of_pods(metric: &Metric, pods: &[Pod], current: u32, tolerances: (f64, f64)) -> Result<(u32, f64), Unknown> {
    let is_cpu = metric.source == Source::Cpu;
    let is_missing = |pod: &&Pod| pod.phase != Phase::Pending && pod.usage.is_none();
    let is_unready =
        |pod: &&Pod| pod.phase == Phase::Pending || (is_cpu && pod.usage.is_some() && pod.phase != Phase::Ready);
    let present = || pods.iter().filter(|pod| pod.phase != Phase::Gone);
    let seen: Vec<Pod> = present().filter(|pod| !is_unready(pod) && !is_missing(pod)).copied().collect();
    let missing: Vec<Pod> = present().filter(is_missing).copied().collect();
    let unready: Vec<Pod> = present().filter(is_unready).copied().collect();
    if seen.is_empty() {
        return Err(Unknown::NoMetrics);
    }
    if matches!(metric.target, Target::Utilisation(_)) && present().any(|pod| pod.request.is_none()) {
        return Err(Unknown::MissingRequest);
    }
    let (ratio, value) = metric.ratio(&seen);
    let adds_unready = !unready.is_empty() && 1.0 < ratio;
    if !adds_unready && missing.is_empty() {
        let wanted = if within(ratio, tolerances) { current } else { times(ratio, seen.len()) };
        return Ok((wanted, value));
    }
    let mut all = seen;
    if ratio < 1.0 {
        all.extend(missing.iter().map(|pod| Pod { usage: Some(metric.full(pod)), ..*pod }));
    } else if 1.0 < ratio {
        all.extend(missing.iter().map(|pod| Pod { usage: Some(0), ..*pod }));
    }
    if adds_unready {
        all.extend(unready.iter().map(|pod| Pod { usage: Some(0), ..*pod }));
    }
    let (again, _) = metric.ratio(&all);
    let turned = (ratio < 1.0 && 1.0 < again) || (1.0 < ratio && again < 1.0);
    if within(again, tolerances) || turned {
        return Ok((current, value));
    }
    let wanted = times(again, all.len());
    let back = (again < 1.0 && current < wanted) || (1.0 < again && wanted < current);
    Ok((if back { current } else { wanted }, value))
}

/// How many a single value asks for, and the value as it is shown.
pub fn of_one(metric: &Metric, milli: i64, view: &View, tolerances: (f64, f64)) -> (u32, f64) {
    let value = milli as f64 / 1000.0;
    let wanted = match metric.target {
        Target::Average(each) => {
            let ratio = milli as f64 / (each as f64 * f64::from(view.current));
            let wanted = libm::ceil(steady(milli as f64 / each as f64)) as u32;
            if within(ratio, tolerances) { view.current } else { wanted }
        }
        Target::Value(goal) | Target::Utilisation(goal) => {
            let ratio = milli as f64 / goal as f64;
            match view.current {
                0 => libm::ceil(steady(ratio)) as u32,
                _ if within(ratio, tolerances) => view.current,
                _ => times(ratio, view.ready as usize),
            }
        }
    };
    let shown = if let Target::Average(_) = metric.target { value / f64::from(view.current.max(1)) } else { value };
    (wanted, shown)
}

impl Metric {
    /// Usage over target, as the calculator cuts it, and the usage as it is shown: a share, or a value per pod.
    fn ratio(&self, pods: &[Pod]) -> (f64, f64) {
        let usage: i64 = pods.iter().filter_map(|pod| pod.usage).sum();
        match self.target {
            Target::Utilisation(target) => {
                let request: i64 = pods.iter().filter_map(|pod| pod.request).sum();
                let percent = usage * 100 / request.max(1);
                (percent as f64 / target as f64, percent as f64 / 100.0)
            }
            Target::Average(target) | Target::Value(target) => {
                let mean = usage / pods.len() as i64;
                (mean as f64 / target as f64, mean as f64 / 1000.0)
            }
        }
    }

    /// What a pod whose metric is missing counts for before something is taken away.
    fn full(&self, pod: &Pod) -> i64 {
        match self.target {
            Target::Utilisation(target) => pod.request.unwrap_or(0) * target.max(100) / 100,
            Target::Average(target) | Target::Value(target) => target,
        }
    }
}

fn within(ratio: f64, (up, down): (f64, f64)) -> bool {
    1.0 - down <= ratio + 1e-12 && ratio <= 1.0 + up + 1e-12
}

fn times(ratio: f64, pods: usize) -> u32 {
    libm::ceil(steady(ratio * pods as f64)).min(f64::from(u32::MAX)) as u32
}
