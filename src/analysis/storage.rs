//! How many bytes lie in logs and event stores, all copies together, as a bill of a month finds them.
//!
//! What comes is measured. What is thrown away again has reached its steady state: a topic keeps what comes in the time of
//! its retention, and no more of a partition than its bytes. What is kept for ever grows, so a month is charged for what
//! was there at the start and half of what the month adds.

use crate::model::{NONE16, Scope};
use crate::probe::Between;
use crate::units::MONTH;

/// Bytes of a component that keeps messages or events; `None` of any other.
pub fn stored(stretch: &Between, component: u16) -> Option<f64> {
    let model = stretch.model;
    let of_logs: f64 = topics(stretch, component).map(|topic| topic.bytes()).sum();
    let store = model.components[usize::from(component)].events;
    let is_log = model.logs.iter().any(|log| log.component == component);
    (is_log || store != NONE16).then(|| {
        let events = if store == NONE16 { 0.0 } else { at_start(stretch, store) + 0.5 * appended(stretch, store) };
        (of_logs + events) * model.scale_of(Scope::All)
    })
}

/// Bytes that a month adds to what is kept for ever; `None` if nothing is.
pub fn grown(stretch: &Between, component: u16) -> Option<f64> {
    let model = stretch.model;
    let store = model.components[usize::from(component)].events;
    let of_logs = topics(stretch, component).filter(|topic| topic.kept().is_none());
    let of_logs = of_logs.map(|topic| topic.comes * topic.factor * MONTH).reduce(|one, other| one + other);
    let events = (store != NONE16).then(|| appended(stretch, store));
    let grown = of_logs.or(events)?;
    Some(grown * model.scale_of(Scope::All))
}

/// A topic of a log: bytes a second that come, copies not counted.
struct Topic<'a> {
    comes: f64,
    /// The share of them that comes to each partition.
    shares: Vec<f64>,
    start: f64,
    factor: f64,
    spec: &'a crate::model::brokers::Topic,
    most: f64,
}

fn topics<'a>(stretch: &'a Between, component: u16) -> impl Iterator<Item = Topic<'a>> {
    let model = stretch.model;
    let of = |topic: usize| {
        let spec = &model.topics[topic];
        let in_log = spec.in_log?;
        let came = stretch.partitions(topic);
        let all = came.iter().sum::<u64>().max(1) as f64;
        let grown = stretch.to.topics[topic].bytes - stretch.from.topics[topic].bytes;
        Some(Topic {
            comes: grown as f64 / stretch.seconds().max(1e-9),
            shares: came.iter().map(|count| *count as f64 / all).collect(),
            start: in_log.start_bytes,
            factor: f64::from(model.logs[usize::from(in_log.log)].factor),
            spec,
            most: in_log.keep_bytes,
        })
    };
    stretch.topics_of(Scope::Component(component)).into_iter().filter_map(of)
}

impl Topic<'_> {
    /// Bytes that its retention keeps, one copy of them; `None` if it keeps everything.
    fn kept(&self) -> Option<f64> {
        let seconds = if self.spec.age.0 == 0 { f64::INFINITY } else { self.spec.age.secs() };
        if seconds == f64::INFINITY && self.most == f64::INFINITY {
            return None;
        }
        let of_partition = |share: &f64| {
            let rate = self.comes * share;
            if rate == 0.0 { 0.0 } else { (rate * seconds).min(self.most) }
        };
        Some(self.shares.iter().map(of_partition).sum())
    }

    fn bytes(&self) -> f64 {
        self.factor * self.kept().unwrap_or(self.start + 0.5 * self.comes * MONTH)
    }
}

/// Bytes that an event store writes in a month.
fn appended(stretch: &Between, store: u16) -> f64 {
    let store = usize::from(store);
    let bytes = stretch.to.events[store].bytes - stretch.from.events[store].bytes;
    bytes as f64 / stretch.seconds().max(1e-9) * MONTH
}

/// Bytes that an event store has when the run begins: those of all its streams, and of their snapshots.
fn at_start(stretch: &Between, store: u16) -> f64 {
    let model = stretch.model;
    let spec = &model.event_stores[usize::from(store)];
    let (Some(key), true) = (model.keys.get(usize::from(spec.key)), spec.start_draw != NONE16) else { return 0.0 };
    let events = model.samplers.mean(spec.start_draw);
    let snapshots = if spec.snapshot_every == 0 { 0.0 } else { events / f64::from(spec.snapshot_every) };
    key.count as f64 * (events * spec.event_bytes + snapshots * spec.snapshot_bytes)
}
