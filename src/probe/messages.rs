//! What became of messages: measures of queues, and of those who consume them.

use crate::measure::histogram::Compact;
use crate::model::{Probe, Scope};
use crate::probe::{Between, ratio, statistic};
use crate::record::{GroupTally, SagaTally, TopicTally};
use crate::scenario::condition::{Per, Quantity, Stat};

impl Between<'_> {
    /// Measures that messages have a part in.
    pub(super) fn of_messages(&self, probe: &Probe) -> Option<f64> {
        let whole = |count: u64| count as f64 * self.model.scale_of(probe.scope);
        let scope = probe.scope;
        match probe.quantity {
            Quantity::Lag => {
                let mut times = self.lag(scope);
                times.merge(&self.message_lag(scope));
                statistic(&times, probe.stat)
            }
            Quantity::Staleness => {
                let mut ages = self.staleness(scope);
                ages.merge(&self.view_staleness(scope));
                statistic(&ages, probe.stat)
            }
            Quantity::Depth => Some(self.messages(probe, false)? * self.model.scale_of(scope)),
            Quantity::Backlog => Some(self.messages(probe, true)? * self.model.scale_of(scope)),
            Quantity::Duplicates => self.duplicates(probe),
            Quantity::DeadLetters => self.dead_letters(probe),
            Quantity::Compensations => self.gained_by_sagas(scope, |tally| tally.compensations).map(whole),
            Quantity::UnresolvedSagas => {
                self.gained_by_sagas(scope, |tally| tally.unresolved + tally.abandoned).map(whole)
            }
            Quantity::PartitionSkew => self.partition_skew(scope),
            Quantity::StaleReads => self.stale_views(probe).or_else(|| self.stale_reads(probe)),
            _ => self.disorder(probe).or_else(|| self.reads(probe, |tally| tally.violations)),
        }
    }

    /// The groups of a scope, at both ends: of a queue or its operations, or those that a service consumes in.
    pub fn groups(&self, scope: Scope) -> Vec<(&GroupTally, &GroupTally)> {
        let found = self.groups_of(scope);
        found.into_iter().map(|group| (&self.from.groups[group], &self.to.groups[group])).collect()
    }

    fn groups_of(&self, scope: Scope) -> Vec<usize> {
        let model = self.model;
        match scope {
            Scope::Component(component) => model.groups_in(component),
            Scope::Operation(operation) => {
                let asked = |group: &usize| {
                    let topic = &model.topics[usize::from(model.groups[*group].topic)];
                    let works = |consumer: &crate::model::brokers::Consumer| {
                        usize::from(consumer.group) == *group && consumer.operation == operation
                    };
                    topic.publish == operation || model.consumers.iter().any(works)
                };
                (0..model.groups.len()).filter(asked).collect()
            }
            Scope::All => (0..model.groups.len()).collect(),
            _ => Vec::new(),
        }
    }

    /// From the publication of each message to the end of the work on it.
    pub fn message_lag(&self, scope: Scope) -> Compact {
        self.times(scope, |tally| &tally.lag)
    }

    /// From the publication of each message to its first hand-over.
    pub fn transit(&self, scope: Scope) -> Compact {
        self.times(scope, |tally| &tally.transit)
    }

    fn times(&self, scope: Scope, of: fn(&GroupTally) -> &Compact) -> Compact {
        let mut merged = Compact::default();
        for (before, after) in self.groups(scope) {
            merged.merge(&of(after).minus(of(before)));
        }
        merged
    }

    /// Messages that wait (`depth`), or that are not done (`backlog`): their mean, or the most there were.
    pub(super) fn messages(&self, probe: &Probe, with_out: bool) -> Option<f64> {
        let groups = self.groups_of(probe.scope);
        if groups.is_empty() {
            return None;
        }
        match probe.stat {
            Some(Stat::Max) => {
                let of = |tally: &GroupTally| if with_out { tally.backlog_max } else { tally.waiting_max };
                let most = groups.iter().map(|group| self.peak(|tallies| of(&tallies.groups[*group])));
                most.max().map(|most| most as f64)
            }
            Some(Stat::Quantile(_) | Stat::Min) => None,
            Some(Stat::Mean) | None => {
                let area = |tally: &GroupTally| tally.waiting_ns + if with_out { tally.out_ns } else { 0 };
                let grown = |(before, after): (&GroupTally, &GroupTally)| area(after) - area(before);
                Some(self.per_second(self.groups(probe.scope).into_iter().map(grown).sum()))
            }
        }
    }

    /// What a figure of the groups of a scope has grown by.
    pub fn gained_by_groups(&self, scope: Scope, of: fn(&GroupTally) -> u64) -> u64 {
        self.groups(scope).into_iter().map(|(before, after)| of(after) - of(before)).sum()
    }

    /// The topics of a scope: of a queue or a log, or one that is named.
    pub fn topics_of(&self, scope: Scope) -> Vec<usize> {
        let topics = self.model.topics.iter().enumerate();
        let is_in = |topic: &crate::model::brokers::Topic| match scope {
            Scope::Component(component) => topic.component == component,
            Scope::Operation(operation) => topic.publish == operation,
            Scope::All => true,
            _ => false,
        };
        topics.filter(|(_, topic)| is_in(topic)).map(|(number, _)| number).collect()
    }

    /// What a figure of the topics of a scope has grown by.
    pub fn gained_by_topics(&self, scope: Scope, of: fn(&TopicTally) -> u64) -> u64 {
        let grown = |topic: usize| of(&self.to.topics[topic]) - of(&self.from.topics[topic]);
        self.topics_of(scope).into_iter().map(grown).sum()
    }

    /// Messages that came to each partition of a topic.
    pub fn partitions(&self, topic: usize) -> Vec<u64> {
        let both = self.from.partitions[topic].iter().zip(&self.to.partitions[topic]);
        both.map(|(before, after)| after - before).collect()
    }

    /// (Most loaded - mean) / mean of the messages of partitions; of several topics the worst.
    fn partition_skew(&self, scope: Scope) -> Option<f64> {
        let of = |topic: usize| {
            let came = self.partitions(topic);
            let mean = came.iter().sum::<u64>() as f64 / came.len().max(1) as f64;
            let most = came.into_iter().max()? as f64;
            (0.0 < mean).then(|| (most - mean) / mean)
        };
        self.topics_of(scope).into_iter().filter_map(of).reduce(f64::max)
    }

    /// Messages that the partition that is furthest behind has not done, on average over the stretch.
    pub fn partition_backlog(&self, scope: Scope) -> Option<f64> {
        let seconds = self.seconds();
        let worst = |(before, after): (&GroupTally, &GroupTally)| {
            let areas = before.behind.iter().zip(&after.behind).map(|(before, after)| after.1.wrapping_sub(before.1));
            areas.max().map(|area| area as f64 * 1e-9 / seconds)
        };
        self.groups(scope).into_iter().filter_map(worst).reduce(f64::max)
    }

    /// Partitions that got another leader.
    pub fn elections(&self, scope: Scope) -> u64 {
        let is_in = |log: &usize| match scope {
            Scope::Component(component) => self.model.logs[*log].component == component,
            Scope::All => true,
            _ => false,
        };
        let logs = (0..self.model.logs.len()).filter(is_in);
        logs.map(|log| self.to.elections[log] - self.from.elections[log]).sum()
    }

    /// Groups whose work the reads of a scope see.
    fn views(&self, scope: Scope) -> Vec<(&GroupTally, &GroupTally)> {
        let component = match scope {
            Scope::Component(component) => component,
            Scope::Operation(operation) => self.model.operations[usize::from(operation)].component,
            _ => return Vec::new(),
        };
        let groups = (0..self.model.groups.len()).filter(|group| self.model.groups[*group].updates == component);
        groups.map(|group| (&self.from.groups[group], &self.to.groups[group])).collect()
    }

    /// How old what reads saw was, because messages were not done.
    pub fn view_staleness(&self, scope: Scope) -> Compact {
        let mut merged = Compact::default();
        for (before, after) in self.views(scope) {
            merged.merge(&after.staleness.minus(&before.staleness));
        }
        merged
    }

    /// Reads that saw what messages had not brought up to date, as a share or a number.
    pub(super) fn stale_views(&self, probe: &Probe) -> Option<f64> {
        let views = self.views(probe.scope);
        let gained =
            |of: fn(&GroupTally) -> u64| views.iter().map(|(before, after)| of(after) - of(before)).sum::<u64>();
        let (stale, all) = (gained(|tally| tally.stale_views), gained(|tally| tally.views));
        if probe.per == Some(Per::Count) && !views.is_empty() {
            return Some(stale as f64 * self.model.scale_of(probe.scope));
        }
        ratio(stale, all)
    }

    /// Messages that were done after a later one about the same, as a share or a number.
    pub(super) fn disorder(&self, probe: &Probe) -> Option<f64> {
        if matches!(probe.scope, Scope::All) {
            return None;
        }
        let disordered = self.gained_by_groups(probe.scope, |tally| tally.disordered);
        self.number_or_share(probe, disordered, self.gained_by_groups(probe.scope, |tally| tally.ordered))
    }

    /// Work that had been done before, as a share of all that was done, or as a number.
    pub(super) fn duplicates(&self, probe: &Probe) -> Option<f64> {
        let twice = self.gained_by_groups(probe.scope, |tally| tally.duplicates);
        let once = self.message_lag(probe.scope).count();
        self.number_or_share(probe, twice, twice + once)
    }

    /// Messages that were tried too often, as a share of all that left, or as a number.
    pub(super) fn dead_letters(&self, probe: &Probe) -> Option<f64> {
        let dead = self.gained_by_groups(probe.scope, |tally| tally.dead + tally.given_up);
        let left = |tally: &GroupTally| tally.delivered + tally.dead + tally.expired + tally.lost();
        self.number_or_share(probe, dead, self.gained_by_groups(probe.scope, left))
    }

    /// What a figure of the sagas of a scope has grown by; `None` where there are none.
    pub fn gained_by_sagas(&self, scope: Scope, of: fn(&SagaTally) -> u64) -> Option<u64> {
        let model = self.model;
        let is_in = |saga: &usize| match scope {
            Scope::Component(component) => model.sagas[*saga].component == component,
            Scope::Operation(operation) => {
                model.sagas[*saga].component == model.operations[usize::from(operation)].component
            }
            _ => true,
        };
        let sagas: Vec<usize> = (0..model.sagas.len()).filter(is_in).collect();
        let gained = |saga: &usize| of(&self.to.sagas[*saga]) - of(&self.from.sagas[*saga]);
        (!sagas.is_empty()).then(|| sagas.iter().map(gained).sum())
    }

    fn number_or_share(&self, probe: &Probe, some: u64, all: u64) -> Option<f64> {
        if self.groups_of(probe.scope).is_empty() {
            return None;
        }
        if probe.per == Some(Per::Count) {
            return Some(some as f64 * self.model.scale_of(probe.scope));
        }
        ratio(some, all)
    }
}
