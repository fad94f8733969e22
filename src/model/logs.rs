//! Logs: which brokers keep which partitions, who deals them among consumers, and how publishers gather messages.
//!
//! | written | program |
//! |---|---|
//! | a topic | an operation: `Store`, the disk of the leader; `Append`, which waits for copies |
//! | `publish` with `linger`, or with `acks: 0` | `Gather`, and a program of its own for the batch: the call, then `Sent` |
//! | `fetch`, `commit` | what consumers ask, as they ask a queue for `receive` and `acknowledge` |
//!
//! Leaders and copies stand as Kafka puts them: leaders in turn, the others of each partition shifted by one more for each
//! round, so that no two brokers share all of theirs.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::brokers::Topic;
use crate::model::compile::{Compiler, span, stream};
use crate::model::names::QueueVerb;
use crate::model::program::{Handler, Post, Step};
use crate::model::steps::{Patch, Pending, Task, Writer};
use crate::model::{Act, Cause, Component, Model, NONE16};
use crate::policy::assign::Assign;
use crate::random::Purpose;
use crate::scenario::broker::{Acks, Consumes, Publish};
use crate::scenario::{self, Reference};
use crate::units::Span;

/// A log and its brokers.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    pub component: u16,
    /// Its topics stand side by side.
    pub first: u16,
    pub topics: u16,
    /// Copies of each partition, the leader's too, and how many must be in step for `acks: all`.
    pub factor: u32,
    pub min_isr: u32,
    /// Time until the partitions of a dead broker have other leaders.
    pub election_draw: u16,
    /// A copy that was behind for so long no longer counts.
    pub behind: Span,
    pub key: u64,
    /// What lies between brokers; no step calls through it.
    pub edge: u16,
    /// Where the time goes of those who wait for the disk of a leader, for copies, and for their batch.
    pub disk_cell: u16,
    pub wait_cell: u16,
}

/// What a topic is in its log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InLog {
    /// Index into [`Model::logs`].
    pub log: u16,
    pub partitions: u32,
    /// How many partitions each of them stands for in a run at a scale.
    pub for_one: f64,
    /// Number of its first partition among those of the log.
    pub first: u32,
    /// Key that decides on the partition, or `NONE16`.
    pub key: u16,
    /// Bytes of a partition that are kept.
    pub keep_bytes: f64,
    /// Bytes that lie in it when the run begins; only a bill knows of them.
    pub start_bytes: f64,
    pub compression: f64,
    /// Its publishers gather messages, so that the brokers have less to do than there are messages.
    pub is_gathered: bool,
    /// Some fault has it read again, so the engine keeps its messages.
    pub is_rewound: bool,
}

/// Groups of one name on one log: their consumers share partitions by one plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Club {
    pub groups: Vec<u16>,
    pub assign: Assign,
    pub session: Span,
    pub rebalance: Span,
}

impl Log {
    /// The brokers that have a copy of a partition, by its number among those of the log: the first one leads it.
    pub fn brokers_of(&self, partition: u32, brokers: u32) -> impl Iterator<Item = u32> {
        let (first, shift) = (partition % brokers, partition / brokers);
        (0..self.factor).map(move |copy| match copy {
            0 => first,
            copy => (first + 1 + (shift + copy - 1) % (brokers - 1)) % brokers,
        })
    }
}

impl Compiler<'_> {
    /// The topics of a log.
    pub(super) fn log(&mut self, component: u16, name: &str, said: &scenario::log::Log) {
        let path = format!("components.{name}");
        let number = self.index(self.model.logs.len(), "logs");
        let first = self.index(self.model.topics.len(), "queues and topics");
        let election_draw = self.draw(&format!("{path}.election"), Purpose::Fault, &said.election);
        let (disk_cell, wait_cell) = (self.cell(name, Cause::Disk), self.cell(name, Cause::Replication));
        self.model.logs.push(Log {
            component,
            first,
            topics: said.topics.len() as u16,
            factor: said.factor,
            min_isr: said.min_isr,
            election_draw,
            behind: span(said.behind_s),
            key: stream(&path, Purpose::Shuffle),
            edge: NONE16,
            disk_cell,
            wait_cell,
        });
        let mut partitions = 0;
        for (topic, written) in &said.topics {
            let in_log = InLog {
                log: number,
                partitions: written.value.partitions,
                for_one: 1.0,
                first: partitions,
                key: self.names.find_key(written.value.key.as_ref(), self.diags),
                keep_bytes: written.value.keep_bytes.unwrap_or(f64::INFINITY),
                start_bytes: written.value.start_bytes,
                compression: written.value.compression,
                is_gathered: false,
                is_rewound: false,
            };
            partitions += written.value.partitions;
            self.tell_problem(written.value.redelivery.problem(), written.spot);
            let made = self.topic_in(component, &format!("{name}.{topic}"), &written.value, in_log);
            self.model.topics.push(made);
        }
        if MOST_PARTITIONS < partitions {
            let spot = self.written(component).spot;
            let message = format!("{partitions} partitions, and {MOST_PARTITIONS} are the most of one log");
            self.tell(Diagnostic::new(Code::OutOfRange, spot, message));
        }
    }

    fn topic_in(&mut self, component: u16, name: &str, said: &scenario::log::LogTopic, in_log: InLog) -> Topic {
        let (_, own) = name.split_once('.').expect("a topic is named by its log and itself");
        let operation = |verb: &str| self.names.operation(component, verb).unwrap_or(NONE16);
        Topic {
            component,
            name: name.to_owned(),
            stream: stream(&format!("components.{name}"), Purpose::Key),
            publish: operation(own),
            receive: operation("fetch"),
            acknowledge: operation("commit"),
            first: 0,
            groups: 0,
            delay_draw: NONE16,
            visibility: None,
            by_priority: false,
            ordered: NONE16,
            deduplicate: said.deduplicate_s.map_or(Span(0), span),
            may_repeat: false,
            depth: u64::MAX,
            drops: false,
            age: said.keep_s.map_or(Span(0), span),
            durable: true,
            in_log: Some(in_log),
        }
    }

    /// Who deals partitions: groups of one name on one log, with the words of their consumers.
    pub(super) fn clubs(&mut self) {
        for group in 0..self.model.groups.len() as u16 {
            let (topic, name) = {
                let group = &self.model.groups[usize::from(group)];
                (&self.model.topics[usize::from(group.topic)], group.name.clone())
            };
            let (Some(in_log), topic) = (topic.in_log, topic.name.clone()) else { continue };
            let said = self.scenario.components.values().flat_map(|written| &written.value.consumes);
            let mine = |said: &&Consumes| said.from.value == topic && said.group.as_deref().unwrap_or("") == name;
            let Some(said) = said.into_iter().find(mine) else { continue };
            let log = |group: u16| {
                self.model.topics[usize::from(self.model.groups[usize::from(group)].topic)]
                    .in_log
                    .map(|topic| topic.log)
            };
            let is_same = |club: &Club| {
                let first = club.groups[0];
                self.model.groups[usize::from(first)].name == name && log(first) == Some(in_log.log)
            };
            let found = self.model.clubs.iter().position(is_same).unwrap_or_else(|| {
                let (assign, session, rebalance) =
                    (said.sharing.assign, span(said.sharing.session_s), span(said.sharing.rebalance_s));
                self.model.clubs.push(Club { groups: Vec::new(), assign, session, rebalance });
                self.model.clubs.len() - 1
            });
            self.model.clubs[found].groups.push(group);
            self.model.groups[usize::from(group)].club = found as u16;
        }
    }

    /// How partitions are shared is said of a log only, and alike by all consumers of a group.
    pub(super) fn check_sharing(&mut self, topic: u16, said: &Consumes) {
        let sharing = &said.sharing;
        let Some(spot) = sharing.said else { return };
        if self.model.topics[usize::from(topic)].in_log.is_none() {
            let message =
                format!("`{}` is a queue, so there are no partitions to deal among consumers", said.from.value);
            let told = Diagnostic::new(Code::Inert, spot, message);
            return self.tell(told.help("leave it out, or consume from a topic of a log"));
        }
        let others = self.scenario.components.values().flat_map(|written| &written.value.consumes);
        let log = |said: &Consumes| said.from.value.split('.').next().map(str::to_owned);
        let is_other = |other: &&Consumes| {
            let is_alike = (other.sharing.assign, other.sharing.session_s, other.sharing.rebalance_s)
                == (sharing.assign, sharing.session_s, sharing.rebalance_s);
            other.group == said.group && log(other) == log(said) && !is_alike
        };
        let other = others.into_iter().find(is_other).map(|other| other.from.spot);
        if let Some(other) = other {
            let told =
                Diagnostic::new(Code::Excluded, spot, "consumers of one group share partitions in different ways");
            self.tell(
                told.note_at(other, "the other one").help("give both the same `assign`, `session` and `rebalance`"),
            );
        }
    }

    /// What only a log understands of a `publish`.
    pub(super) fn check_publish(&mut self, topic: u16, said: &Publish) {
        let topic = &self.model.topics[usize::from(topic)];
        if let (Some(spot), None) = (said.asks, topic.in_log) {
            let message = format!("`{}` is a queue, which has taken a message or has not", said.to.value);
            let told = Diagnostic::new(Code::Inert, spot, message);
            self.tell(told.help("leave out `acks`, or publish to a topic of a log"));
        }
    }

    /// Groups that a fault has read a topic again; the topic keeps what they may need.
    pub(super) fn rewind(&mut self, topic: &Reference, group: Option<&Reference>, back_s: f64) -> Option<Act> {
        let number = self.topic_named(topic)?;
        let Some(in_log) = &mut self.model.topics[usize::from(number)].in_log else {
            let message = format!("`{}` is a queue, which keeps nothing of what is done", topic.value);
            self.tell(Diagnostic::new(Code::Inert, topic.spot, message).help("name a topic of a log"));
            return None;
        };
        in_log.is_rewound = true;
        let is_meant = |one: &u16| {
            let one = &self.model.groups[usize::from(*one)];
            one.topic == number && group.is_none_or(|group| group.value == one.name)
        };
        let groups: Vec<u16> = (0..self.model.groups.len() as u16).filter(is_meant).collect();
        if let (true, Some(group)) = (groups.is_empty(), group) {
            let known = self.model.groups.iter().filter(|one| one.topic == number).map(|one| one.name.as_str());
            let message = format!("no group of `{}` is called `{}`", topic.value, group.value);
            let told = Diagnostic::new(Code::UnknownPart, group.spot, message).nearest(&group.value, known);
            self.diags.push(told);
            return None;
        }
        Some(Act::Rewind { groups, back: span(back_s) })
    }

    /// Partitions of a topic, if it is one of a log.
    pub(super) fn partitions_of(&self, topic: &str) -> Option<u64> {
        let topic = self.topic_of(topic)?;
        self.model.topics[usize::from(topic)].in_log.map(|topic| u64::from(topic.partitions))
    }

    /// What lies between brokers; components must be known.
    pub(super) fn link_brokers(&mut self) {
        for number in 0..self.model.logs.len() {
            let component = self.model.logs[number].component;
            if 1 < self.model.logs[number].factor
                && let Some(edge) = self.edge_within(component)
            {
                self.model.logs[number].edge = edge;
            }
        }
    }
}

/// Partitions of one log: so many that no index outgrows its bits, and more than brokers carry.
const MOST_PARTITIONS: u32 = 100_000;

impl<'s> Writer<'_, 's> {
    /// The program of an operation of a log, behind what it costs.
    pub(super) fn log_operation(&mut self, component: u16, verb: QueueVerb) {
        match verb {
            QueueVerb::Append => {
                let name = format!("{}.{}", self.place.end().name, self.place.end().operation);
                let Some(topic) = self.compiler.topic_of(&name) else { return };
                self.push(Step::Store { topic });
                self.push(Step::Append { topic });
            }
            QueueVerb::Acknowledge => {
                let topic = self.compiler.model.components[usize::from(component)].topic;
                self.push(Step::Settle { topic });
            }
            QueueVerb::Publish | QueueVerb::Receive => {}
        }
    }

    /// The message waits for others; a program of its own brings them to the log together.
    pub(super) fn gather(&mut self, used: u16, path: String, step: &'s scenario::Step) {
        let publish = &self.compiler.model.publish_uses[usize::from(used)];
        let (topic, acks) = (publish.topic, publish.acks);
        let log = self.compiler.model.topics[usize::from(topic)].component;
        let log = self.compiler.names.components[usize::from(log)];
        let cell = self.compiler.cell(log, Cause::Replication);
        self.compiler.model.publish_uses[usize::from(used)].cell = cell;
        if let Some(in_log) = &mut self.compiler.model.topics[usize::from(topic)].in_log {
            in_log.is_gathered = true;
        }
        self.push(Step::Gather { used, waits: acks != Acks::None });
        let (task, patch) = (Task::Batch { step, used }, Patch::Batch(used));
        self.pending.push_back(Pending { task, path, patch, transaction: None });
    }

    /// The program of a batch of messages: one call for all of them.
    pub(super) fn batch_of_messages(&mut self, path: &str, step: &'s scenario::Step, used: u16) {
        let from = self.at();
        self.send_message(path, used, step, Post::Batch);
        let to = self.at();
        self.push(Step::Sent { well: true });
        self.push(Step::Return);
        let target = self.at();
        self.compiler.model.handlers.push(Handler { from, to, target });
        self.push(Step::Sent { well: false });
    }
}

impl Component {
    /// Whether a call of it must tell which key is meant.
    pub(super) fn needs_key(&self) -> bool {
        [self.cache, self.topic, self.events].iter().any(|index| *index != NONE16)
    }
}

impl Model {
    /// Whether an operation is one of a log.
    pub fn is_broker(&self, operation: u16) -> bool {
        let component = self.operations[usize::from(operation)].component;
        self.logs.iter().any(|log| log.component == component)
    }

    /// Partitions of all topics of a log.
    pub fn partitions(&self, log: &Log) -> u32 {
        let topics = &self.topics[usize::from(log.first)..usize::from(log.first + log.topics)];
        topics.iter().filter_map(|topic| topic.in_log.map(|topic| topic.partitions)).sum()
    }

    /// The call of the program that brings a batch of messages to its log.
    pub(super) fn batch_call(&self, used: u16) -> Option<u16> {
        let entry = self.publish_uses[usize::from(used)].entry;
        let program = self.steps.get(usize::from(entry)..)?;
        program.iter().find_map(|step| if let Step::Call { edge } = step { Some(*edge) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_stand_on_different_brokers_and_evenly() {
        for (factor, brokers) in [(3, 9), (3, 3), (2, 5), (1, 1), (1, 4)] {
            let log = Log {
                component: 0,
                first: 0,
                topics: 0,
                factor,
                min_isr: 1,
                election_draw: NONE16,
                behind: Span(0),
                key: 0,
                edge: NONE16,
                disk_cell: 0,
                wait_cell: 0,
            };
            let mut copies = vec![0; brokers as usize];
            for partition in 0..brokers * 4 {
                let mut on: Vec<u32> = log.brokers_of(partition, brokers).collect();
                assert_eq!(partition % brokers, on[0], "leaders in turn");
                for broker in &on {
                    copies[*broker as usize] += 1;
                }
                on.sort_unstable();
                on.dedup();
                assert_eq!(factor as usize, on.len(), "different brokers");
            }
            assert!(copies.iter().all(|count| *count == 4 * factor), "{copies:?}");
        }
    }
}
