//! One replication and everything that was counted in it, once its laws have been found to hold.

use plimsoll::engine::{Signals, simulate};
use plimsoll::model::{Model, Operation, Scope};
use plimsoll::probe::Between;
use plimsoll::record::{Flow, GroupTally, Record, SagaTally, Tallies, TopicTally};

use crate::laws;
use crate::support::model;

pub(crate) struct Seen {
    pub(crate) record: Record,
    pub(crate) model: Model,
}

impl Seen {
    pub(crate) fn of(text: &str) -> Seen {
        let model = model(text);
        let record = simulate(&model, 1, 0, &Signals::default());
        laws::holds(&model, &record, text);
        Seen { record, model }
    }

    pub(crate) fn end(&self) -> &Tallies {
        &self.record.snapshots.last().expect("every record ends").tallies
    }

    /// A group of consumers by its name, or the first one of a queue by the queue's.
    pub(crate) fn group(&self, name: &str) -> &GroupTally {
        let groups = &self.model.groups;
        let of_topic = || groups.iter().position(|group| self.model.topics[group.topic as usize].name == name);
        let found = groups.iter().position(|group| group.name == name).or_else(of_topic);
        &self.end().groups[found.expect("there is such a group")]
    }

    pub(crate) fn topic(&self, name: &str) -> &TopicTally {
        &self.end().topics[self.topic_number(name)]
    }

    /// What was appended to each partition of a topic.
    pub(crate) fn partitions(&self, topic: &str) -> &[u64] {
        &self.end().partitions[self.topic_number(topic)]
    }

    pub(crate) fn operation(&self, name: &str) -> &Flow {
        let (component, name) = name.split_once('.').expect("component.operation");
        let is_it = |operation: &Operation| {
            self.model.components[operation.component as usize].name == component && operation.name == name
        };
        &self.end().operations[self.model.operations.iter().position(is_it).expect("there is such an operation")]
    }

    /// Visits of an operation that ended well, and that did not.
    pub(crate) fn visits(&self, operation: &str) -> (u64, u64) {
        let flow = self.operation(operation);
        (flow.ok.count(), flow.failed.count())
    }

    /// The only saga.
    pub(crate) fn saga(&self) -> SagaTally {
        self.end().sagas[0]
    }

    pub(crate) fn whole(&self) -> Between<'_> {
        let path = &self.record.snapshots;
        Between { model: &self.model, from: &path[0].tallies, to: self.end(), path }
    }

    /// Mean time from the publication of a message to the end of the work on it.
    pub(crate) fn lag_s(&self) -> f64 {
        self.whole().message_lag(Scope::All).mean().expect("there are many")
    }

    pub(crate) fn latency_s(&self, operation: &str) -> f64 {
        self.operation(operation).ok.mean().expect("there are many")
    }

    fn topic_number(&self, name: &str) -> usize {
        self.model.topics.iter().position(|topic| topic.name == name).expect("there is such a topic")
    }
}
