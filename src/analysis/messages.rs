//! Queues and consumers as the report shows them.

use std::collections::BTreeMap;

use crate::analysis::study::Study;
use crate::model::{NONE16, Probe, Scope};
use crate::probe;
use crate::record::{GroupTally, SagaTally};
use crate::report::Estimate;
use crate::scenario::condition::{Quantity, Stat};

/// A figure of the report and where it is counted.
type Named = (&'static str, fn(&GroupTally) -> u64);

/// Where a figure of sagas is counted.
type Counted = fn(&SagaTally) -> u64;

/// What became of the messages of a queue, or of those that a service consumed.
pub(super) fn of(study: &Study, component: u16) -> BTreeMap<String, Estimate> {
    let mut found = sagas(study, component);
    if study.model.groups_in(component).is_empty() {
        return found;
    }
    let scope = Scope::Component(component);
    let wanted = [
        ("depth", Quantity::Depth, None),
        ("depth_max", Quantity::Depth, Some(Stat::Max)),
        ("backlog", Quantity::Backlog, None),
        ("lag", Quantity::Lag, None),
        ("lag_p50", Quantity::Lag, Some(Stat::Quantile(0.5))),
        ("lag_p99", Quantity::Lag, Some(Stat::Quantile(0.99))),
        ("lag_max", Quantity::Lag, Some(Stat::Max)),
    ];
    for (name, quantity, stat) in wanted {
        let probe = Probe { quantity, stat, scope, resource: None, per: None };
        let value = study.mean(|stretch| probe::read(&probe, stretch));
        found.extend(value.map(|value| (name.to_owned(), value)));
    }
    for (name, q) in [("transit_p50", 0.5), ("transit_p99", 0.99)] {
        let value = study.mean(|stretch| probe::statistic(&stretch.transit(scope), Some(Stat::Quantile(q))));
        found.extend(value.map(|value| (name.to_owned(), value)));
    }
    let rates: [Named; 3] = [
        ("delivered_per_s", |tally| tally.delivered),
        ("deliveries_per_s", |tally| tally.deliveries),
        ("redelivered_per_s", |tally| tally.redelivered),
    ];
    for (name, of) in rates {
        found.insert(name.to_owned(), study.rate(|stretch| stretch.gained_by_groups(scope, of)));
    }
    let counts: [Named; 10] = [
        ("out_of_order", |tally| tally.disordered),
        ("duplicates", |tally| tally.duplicates),
        ("skipped", |tally| tally.skipped),
        ("dead_letters", |tally| tally.dead),
        ("expired", |tally| tally.expired),
        ("redriven", |tally| tally.redriven),
        ("lost_given_up", |tally| tally.given_up),
        ("lost_overflow", |tally| tally.overflowed),
        ("lost_with_queue", |tally| tally.wiped),
        ("lost_committed_before", |tally| tally.early),
    ];
    for (name, of) in counts {
        let count = study.mean(|stretch| Some(stretch.gained_by_groups(scope, of) as f64));
        let matters = |count: &Estimate| 0.0 < count.mean || ["duplicates", "dead_letters"].contains(&name);
        found.extend(count.filter(matters).map(|count| (name.to_owned(), count)));
    }
    let topic = usize::from(study.model.components[usize::from(component)].topic);
    if topic != usize::from(NONE16) {
        for (name, of) in [
            ("accepted_per_s", (|tally| tally.accepted) as fn(&crate::record::TopicTally) -> u64),
            ("refused_per_s", |tally| tally.refused),
            ("repeated_per_s", |tally| tally.repeated),
        ] {
            let rate = study.rate(|stretch| of(&stretch.to.topics[topic]) - of(&stretch.from.topics[topic]));
            if name == "accepted_per_s" || 0.0 < rate.mean {
                found.insert(name.to_owned(), rate);
            }
        }
    }
    found
}

/// How old what the reads of a component saw was, because messages were not done.
pub(super) fn views(study: &Study, component: u16) -> BTreeMap<String, Estimate> {
    let mut found = BTreeMap::new();
    if study.model.groups.iter().all(|group| group.updates != component) {
        return found;
    }
    let scope = Scope::Component(component);
    let wanted = [
        ("staleness", Quantity::Staleness, None),
        ("staleness_p99", Quantity::Staleness, Some(Stat::Quantile(0.99))),
        ("stale_reads", Quantity::StaleReads, None),
    ];
    for (name, quantity, stat) in wanted {
        let probe = Probe { quantity, stat, scope, resource: None, per: None };
        found.extend(study.mean(|stretch| probe::read(&probe, stretch)).map(|value| (name.to_owned(), value)));
    }
    found
}

/// What became of the sagas that a service ran.
fn sagas(study: &Study, component: u16) -> BTreeMap<String, Estimate> {
    let wanted: [(&str, Counted); 5] = [
        ("sagas_completed", |tally| tally.completed),
        ("sagas_undone", |tally| tally.undone),
        ("compensations", |tally| tally.compensations),
        ("compensations_failed", |tally| tally.failed),
        ("unresolved_sagas", |tally| tally.unresolved + tally.abandoned),
    ];
    let scope = Scope::Component(component);
    let found = wanted.into_iter().filter_map(|(name, of)| {
        let count = study.mean(|stretch| stretch.gained_by_sagas(scope, of).map(|count| count as f64));
        count.map(|count| (name.to_owned(), count))
    });
    found.collect()
}
