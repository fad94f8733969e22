//! Queues and consumers as the report shows them.

use std::collections::BTreeMap;

use crate::analysis::storage;
use crate::analysis::study::Study;
use crate::model::{NONE16, Probe, Scope};
use crate::probe::{self, Between};
use crate::record::{EventTally, GroupTally, SagaTally, TopicTally, WindowTally};
use crate::report::{Estimate, Shard};
use crate::scenario::condition::{Quantity, Stat};

/// A figure of the report and where it is counted.
type Named = (&'static str, fn(&GroupTally) -> u64);

/// Where a figure of topics is counted.
type OfTopic = fn(&TopicTally) -> u64;

/// Where a figure of sagas is counted.
type Counted = fn(&SagaTally) -> u64;

/// What became of the messages of a queue, or of those that a service consumed.
pub(super) fn of(study: &Study, component: u16) -> BTreeMap<String, Estimate> {
    let mut found = sagas(study, component);
    found.extend(windows(study, component));
    found.extend(events(study, component));
    let scope = Scope::Component(component);
    let is_broker = study.model.components[usize::from(component)].topic != NONE16;
    if is_broker {
        found.extend(topics(study, scope));
    }
    if study.model.groups_in(component).is_empty() {
        return found;
    }
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
    let counts: [Named; 11] = [
        ("read_again", |tally| tally.rewound),
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
    let dealt = study.mean(|stretch| Some(stretch.gained_by_groups(scope, |tally| tally.rebalances) as f64));
    found.extend(dealt.filter(|dealt| 0.0 < dealt.mean).map(|dealt| ("rebalances".to_owned(), dealt)));
    let worst = study.mean(|stretch| stretch.partition_backlog(scope));
    found.extend(worst.map(|worst| ("partition_backlog".to_owned(), worst)));
    found
}

/// What was sent to a queue, or to the topics of a log.
fn topics(study: &Study, scope: Scope) -> BTreeMap<String, Estimate> {
    let mut found = BTreeMap::new();
    let rates: [(&str, OfTopic); 3] = [
        ("accepted_per_s", |tally| tally.accepted),
        ("refused_per_s", |tally| tally.refused),
        ("repeated_per_s", |tally| tally.repeated),
    ];
    for (name, of) in rates {
        let rate = study.rate(|stretch| stretch.gained_by_topics(scope, of));
        if name == "accepted_per_s" || 0.0 < rate.mean {
            found.insert(name.to_owned(), rate);
        }
    }
    let counts: [(&str, OfTopic); 3] = [
        ("lost_unreplicated", |tally| tally.truncated),
        ("lost_unsent", |tally| tally.unsent),
        ("withdrawn", |tally| tally.withdrawn),
    ];
    for (name, of) in counts {
        let count = study.mean(|stretch| Some(stretch.gained_by_topics(scope, of) as f64));
        found.extend(count.filter(|count| 0.0 < count.mean).map(|count| (name.to_owned(), count)));
    }
    let probe = Probe { quantity: Quantity::PartitionSkew, stat: None, scope, resource: None, per: None };
    let skew = study.mean(|stretch| probe::read(&probe, stretch));
    found.extend(skew.map(|skew| ("partition_skew".to_owned(), skew)));
    let elections = study.mean(|stretch| Some(stretch.elections(scope) as f64));
    found.extend(elections.filter(|count| 0.0 < count.mean).map(|count| ("leader_changes".to_owned(), count)));
    if let Scope::Component(component) = scope {
        let kept = study.mean(|stretch| storage::stored(stretch, component));
        found.extend(kept.map(|bytes| ("bytes_kept".to_owned(), bytes)));
        let grown = study.mean(|stretch| storage::grown(stretch, component));
        found.extend(grown.map(|bytes| ("bytes_per_month".to_owned(), bytes)));
    }
    found
}

/// The partitions of the topics of a log, with what came to each.
pub(super) fn partitions(study: &Study, component: u16) -> Vec<Shard> {
    let topics = (0..study.model.topics.len()).filter(|topic| study.model.topics[*topic].component == component);
    let all = topics.flat_map(|topic| {
        let spec = &study.model.topics[topic];
        let count = spec.in_log.map_or(0, |in_log| in_log.partitions);
        let own = spec.name.split('.').next_back().unwrap_or_default();
        (0..count).map(move |partition| (format!("{own}/{partition}"), topic, partition as usize))
    });
    let shard = |(name, topic, partition): (String, usize, usize)| {
        let stands_for = study.model.topics[topic].in_log.map_or(1.0, |in_log| in_log.for_one);
        let each = study.model.scale_of(Scope::All) / stands_for;
        let rate = |stretch: &Between| Some(stretch.partitions(topic)[partition] as f64 * each / stretch.seconds());
        let arrivals_per_s = study.mean(rate).unwrap_or_else(|| study.rate(|_| 0));
        Shard { name, arrivals_per_s }
    };
    all.map(shard).collect()
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

/// What an event store has written and read again.
fn events(study: &Study, component: u16) -> BTreeMap<String, Estimate> {
    let Some(store) = study.model.event_stores.iter().position(|store| store.component == component) else {
        return BTreeMap::new();
    };
    let gained =
        |stretch: &Between, of: fn(&EventTally) -> u64| of(&stretch.to.events[store]) - of(&stretch.from.events[store]);
    let each = |stretch: &Between| {
        let replays = gained(stretch, |tally| tally.replays);
        (0 < replays).then(|| gained(stretch, |tally| tally.replayed) as f64 / replays as f64)
    };
    let mut found = BTreeMap::from([
        ("appended_per_s".to_owned(), study.rate(|stretch| gained(stretch, |tally| tally.appended))),
        ("snapshots_per_s".to_owned(), study.rate(|stretch| gained(stretch, |tally| tally.snapshots))),
    ]);
    found.extend(study.mean(each).map(|each| ("replayed_events".to_owned(), each)));
    let kept = study.mean(|stretch| storage::stored(stretch, component));
    found.extend(kept.map(|bytes| ("bytes_kept".to_owned(), bytes)));
    let grown = study.mean(|stretch| storage::grown(stretch, component));
    found.extend(grown.map(|bytes| ("bytes_per_month".to_owned(), bytes)));
    found
}

/// What the windows of a service have gathered.
fn windows(study: &Study, component: u16) -> BTreeMap<String, Estimate> {
    let mine = |window: &usize| study.model.windows[*window].component == component;
    let mine: Vec<usize> = (0..study.model.windows.len()).filter(mine).collect();
    if mine.is_empty() {
        return BTreeMap::new();
    }
    let gained = |stretch: &Between, of: fn(&WindowTally) -> u64| -> u64 {
        mine.iter().map(|window| of(&stretch.to.windows[*window]) - of(&stretch.from.windows[*window])).sum()
    };
    let each = |stretch: &Between| {
        let begun = gained(stretch, |tally| tally.begun);
        (0 < begun).then(|| gained(stretch, |tally| tally.gathered) as f64 / begun as f64)
    };
    let mut found =
        BTreeMap::from([("windows_per_s".to_owned(), study.rate(|stretch| gained(stretch, |tally| tally.begun)))]);
    found.extend(study.mean(each).map(|each| ("gathered_per_window".to_owned(), each)));
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
