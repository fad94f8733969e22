//! Queues and topics of logs: what they promise, who consumes them, and the programs of those who do.
//!
//! | written | program |
//! |---|---|
//! | step `publish` | call `publish` of the queue, which ends in `Enqueue` |
//! | `consumes` | two programs beside the operation it names: that of a batch and that of one message |
//! | a batch | `Receive`, which asks the queue from its side; `Handle`, which waits for all messages; call `acknowledge`, which ends in `Settle`; `Finish`. With `commit: before` it is acknowledged first |
//! | a message | `Work`, a visit of the operation at this instance; `Done` |
//!
//! So a send, a receive and an acknowledgement are requests like any other: they take their time, cross the link, are
//! counted and billed, and fail when the queue is down. A queue without consumers has one group all the same, in which its
//! messages wait. What is special about a log stands in [`logs`](crate::model::logs).

use crate::diagnostic::{Code, Diagnostic, Spot};
use crate::model::arrows::End;
use crate::model::compile::{Compiler, span, stream};
use crate::model::edges::Caller;
use crate::model::logs::InLog;
use crate::model::names::{Names, QueueVerb};
use crate::model::program::{Handler, Post, PublishUse, Step};
use crate::model::steps::Writer;
use crate::model::{Cause, Model, NONE, NONE16};
use crate::policy::delivery::{Commit, Redelivery};
use crate::random::Purpose;
use crate::scenario::broker::{Acks, Behind, Consumes, Publish, Queue};
use crate::scenario::{self, Kind, Policy};
use crate::units::Span;

/// Where messages are sent: a queue, or a topic of a log.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own that the scenario states")]
pub struct Topic {
    pub component: u16,
    pub name: String,
    /// Stream of what is drawn for each message.
    pub stream: u64,
    /// Its operations.
    pub publish: u16,
    pub receive: u16,
    pub acknowledge: u16,
    /// Its groups stand side by side.
    pub first: u16,
    pub groups: u16,
    /// Time until a message may be taken, or `NONE16`.
    pub delay_draw: u16,
    /// How long a message that was taken is hidden; `None`: until its consumer dies.
    pub visibility: Option<Span>,
    pub by_priority: bool,
    /// Messages with the same value of it are taken one after the other, or `NONE16`.
    pub ordered: u16,
    /// How long it is known what was sent; 0: not at all.
    pub deduplicate: Span,
    /// Some publisher may send the same again, so copies are known.
    pub may_repeat: bool,
    /// Most that wait; `u64::MAX`: no limit.
    pub depth: u64,
    /// The oldest goes when there are more; else the new one is refused.
    pub drops: bool,
    /// 0: messages do not expire.
    pub age: Span,
    pub durable: bool,
    /// Of a log: what it is there.
    pub in_log: Option<InLog>,
}

/// Consumers who share the messages of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub topic: u16,
    /// Empty for those that name none.
    pub name: String,
    pub redelivery: Redelivery,
    /// Topic of what was tried too often, or `NONE16`.
    pub then: u16,
    /// Component whose reads see what the work of this group has done, and the key that tells about what; or `NONE16`.
    pub updates: u16,
    pub view_key: u16,
    /// What it has not done of what came before the run.
    pub behind: Option<Behind>,
    /// Index into [`Model::clubs`]: who deals the partitions among its consumers; `NONE16`: there are none.
    pub club: u16,
}

/// A service that consumes.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumer {
    pub group: u16,
    pub component: u16,
    /// What works on a message.
    pub operation: u16,
    /// Stream that tells the visit's occasion from that of the message.
    pub key: u64,
    pub batch: u32,
    pub prefetch: u32,
    pub commit: Commit,
    /// Programs of a batch and of a message.
    pub entry: u16,
    pub carrier: u16,
    /// What lies between the queue and the consumer.
    pub edge: u16,
}

impl Compiler<'_> {
    /// All topics and groups, in the order of components; consumers follow with their programs.
    pub(super) fn compile_brokers(&mut self) {
        let scenario = self.scenario;
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let first = self.index(self.model.topics.len(), "queues and topics");
            match &written.value.kind {
                Kind::Queue(said) => {
                    let topic = self.topic(number as u16, name, said, written.spot);
                    self.model.topics.push(topic);
                }
                Kind::Log(said) => self.log(number as u16, name, said),
                _ => continue,
            }
            self.model.components[number].topic = first;
        }
        for topic in 0..self.model.topics.len() as u16 {
            self.groups_of(topic);
        }
        for (name, written) in &scenario.components {
            written.value.consumes.iter().for_each(|said| self.check_consumes(name, said));
        }
        self.clubs();
    }

    fn topic(&mut self, component: u16, name: &str, said: &Queue, spot: Spot) -> Topic {
        let path = format!("components.{name}");
        let operation = |names: &Names, verb: &str| names.operation(component, verb).unwrap_or(NONE16);
        self.tell_problem(said.redelivery.problem(), spot);
        Topic {
            component,
            name: name.to_owned(),
            stream: stream(&path, Purpose::Key),
            publish: operation(&self.names, "publish"),
            receive: operation(&self.names, "receive"),
            acknowledge: operation(&self.names, "acknowledge"),
            first: 0,
            groups: 0,
            delay_draw: self.draw_unless_zero(&format!("{path}.delay"), Purpose::Service, said.delay.as_ref()),
            visibility: said.visibility_s.map(span),
            by_priority: said.by_priority,
            ordered: self.names.find_key(said.ordered.as_ref(), self.diags),
            deduplicate: said.deduplicate_s.map_or(Span(0), span),
            may_repeat: false,
            depth: said.depth.unwrap_or(u64::MAX),
            drops: said.drops,
            age: said.age_s.map_or(Span(0), span),
            durable: said.durable,
            in_log: None,
        }
    }

    /// The groups of a topic, in the order of their names; one without consumers where there is none.
    fn groups_of(&mut self, topic: u16) {
        let name = self.model.topics[usize::from(topic)].name.clone();
        let said = self.scenario.components.values().flat_map(|written| &written.value.consumes);
        let mut groups: Vec<String> =
            said.filter(|said| said.from.value == name).map(|said| said.group.clone().unwrap_or_default()).collect();
        groups.sort();
        groups.dedup();
        // A log keeps what nobody reads, but nobody waits for it.
        let is_kept = self.model.topics[usize::from(topic)].in_log.is_none() || self.takes_dead_letters(&name);
        if groups.is_empty() && is_kept {
            groups.push(String::new());
        }
        let (redelivery, then) = self.redelivery(topic);
        let first = self.index(self.model.groups.len() + groups.len(), "groups of consumers") - groups.len() as u16;
        let made = &mut self.model.topics[usize::from(topic)];
        (made.first, made.groups) = (first, groups.len() as u16);
        let none = (NONE16, NONE16, NONE16);
        let group = |name| {
            let (updates, view_key, club) = none;
            Group { topic, name, redelivery, then, updates, view_key, behind: None, club }
        };
        self.model.groups.extend(groups.into_iter().map(group));
    }

    fn redelivery(&mut self, topic: u16) -> (Redelivery, u16) {
        let component = self.model.topics[usize::from(topic)].component;
        let written = self.written(component);
        let (redelivery, then) = match &written.value.kind {
            Kind::Queue(said) => (said.redelivery, said.then.clone()),
            Kind::Log(said) => {
                let number = topic - self.model.components[usize::from(component)].topic;
                let said = &said.topics.values().nth(usize::from(number)).expect("it was made of that").value;
                (said.redelivery, said.then.clone())
            }
            _ => (Redelivery::default(), None),
        };
        let Some(then) = then else { return (redelivery, NONE16) };
        let found = self.topic_named(&then);
        if found == Some(topic) {
            let message = format!("`{}` sends what it gives up to itself", then.value);
            let made = Diagnostic::new(Code::DeadLetterCircle, then.spot, message);
            self.tell(made.help("add a queue for it: `failed: {kind: queue}`"));
        }
        (redelivery, found.unwrap_or(NONE16))
    }

    /// Whether some queue or topic sends what it gives up to the one of that name.
    fn takes_dead_letters(&self, name: &str) -> bool {
        let names = |then: &Option<scenario::Reference>| then.as_ref().is_some_and(|then| then.value == name);
        self.scenario.components.values().any(|written| match &written.value.kind {
            Kind::Queue(said) => names(&said.then),
            Kind::Log(said) => said.topics.values().any(|topic| names(&topic.value.then)),
            _ => false,
        })
    }

    /// The topic that a name means, or a mistake.
    pub(super) fn topic_named(&mut self, reference: &scenario::Reference) -> Option<u16> {
        let text = reference.value.as_str();
        let found = self.topic_of(text);
        if found.is_some() {
            return found;
        }
        let (name, _) = text.split_once('.').unwrap_or((text, ""));
        self.names.find_component(name, reference.spot.part(0, name.len()), self.diags)?;
        let known: Vec<&str> = self.model.topics.iter().map(|topic| topic.name.as_str()).collect();
        let message = format!("`{text}` takes no messages");
        let made = Diagnostic::new(Code::NoMessages, reference.spot, message).nearest(text, known);
        let help = if made.help.is_some() { made } else { made.help("add one: `tasks: {kind: queue}`") };
        self.diags.push(help);
        None
    }

    /// The topic of that name.
    pub(super) fn topic_of(&self, name: &str) -> Option<u16> {
        self.model.topics.iter().position(|topic| topic.name == name).map(|topic| topic as u16)
    }

    /// The topic of dead letters that a fault names.
    pub(super) fn dead_letters_named(&mut self, queue: &scenario::Reference) -> Option<u16> {
        let topic = self.topic_named(queue)?;
        if self.model.groups.iter().all(|group| group.then != topic) {
            let message = format!("no queue sends what it gives up to `{}`", queue.value);
            let made = Diagnostic::new(Code::Inert, queue.spot, message);
            self.tell(
                made.help(format!("say so where it comes from: `redelivery: {{attempts: 3, then: {}}}`", queue.value)),
            );
        }
        Some(topic)
    }

    /// What a `consumes` names must be there.
    fn check_consumes(&mut self, owner: &str, said: &Consumes) {
        let topic = self.topic_named(&said.from);
        if let Some(topic) = topic {
            self.check_sharing(topic, said);
            self.begin_behind(topic, said);
        }
        if let (Some(topic), Some((within, key))) = (topic, &said.updates) {
            let component = self.names.find_component(&within.value, within.spot, self.diags);
            let view_key = self.names.find_key(Some(key), self.diags);
            let group = self.group_of(topic, said);
            let group = &mut self.model.groups[usize::from(group)];
            (group.updates, group.view_key) = (component.unwrap_or(NONE16), view_key);
        }
        let Some(component) = self.names.component(owner) else { return };
        if self.names.operation(component, &said.operation.value).is_none() {
            let known: Vec<&str> = self.names.offered(component).map(|offer| offer.name.as_str()).collect();
            let message = format!("`{owner}` has no operation `{}`", said.operation.value);
            let made = Diagnostic::new(Code::UnknownOperation, said.operation.spot, message);
            self.diags.push(made.nearest(&said.operation.value, known));
        }
    }

    /// The group of a topic that a consumer belongs to.
    pub(super) fn group_of(&self, topic: u16, said: &Consumes) -> u16 {
        let Some(made) = self.model.topics.get(usize::from(topic)) else { return 0 };
        let name = said.group.as_deref().unwrap_or("");
        let groups = made.first..made.first + made.groups;
        groups.into_iter().find(|group| self.model.groups[usize::from(*group)].name == name).unwrap_or(made.first)
    }
}

impl<'s> Writer<'_, 's> {
    /// A read of what messages keep up to date looks how far they have come.
    pub(super) fn view(&mut self) {
        let end = self.place.end();
        let Some(component) = self.compiler.names.component(end.name) else { return };
        let is_view = self.compiler.model.groups.iter().any(|group| group.updates == component);
        let said = self.compiler.scenario.components[end.name].value.operations.get(end.operation);
        if is_view && said.is_none_or(|said| !said.value.writes) {
            self.push(Step::View { component });
        }
    }

    /// The program of an operation of a queue, behind what it costs.
    pub(super) fn queue_operation(&mut self, verb: QueueVerb) {
        let component = self.place.end().name.to_owned();
        let number = self.compiler.names.component(&component).expect("the component has operations");
        let topic = self.compiler.model.components[usize::from(number)].topic;
        let Kind::Queue(said) = &self.compiler.scenario.components[&component].value.kind else {
            return self.log_operation(number, verb);
        };
        match verb {
            QueueVerb::Append => unreachable!("only a log is appended to"),
            QueueVerb::Publish => {
                if let Some(time) = &said.publish {
                    self.time("publish", time, Cause::Service);
                }
                self.push(Step::Enqueue { topic });
            }
            QueueVerb::Receive => {
                if let Some(time) = &said.deliver {
                    self.time("deliver", time, Cause::Service);
                }
            }
            QueueVerb::Acknowledge => {
                self.push(Step::Settle { topic });
            }
        }
    }

    /// `publish`: a call of the queue that carries the message; to a log it may go with others.
    pub(super) fn publish(&mut self, said: &'s Publish, step: &'s scenario::Step) {
        let key = self.compiler.names.find_key(step.key.as_ref(), self.compiler.diags);
        let path = self.place.next("publish");
        let Some(topic) = self.compiler.topic_named(&said.to) else { return };
        let bytes = self.compiler.draw_unless_zero(&format!("{path}.bytes"), Purpose::Size, said.bytes.as_ref());
        let index = self.compiler.index(self.compiler.model.publish_uses.len(), "publish steps");
        self.compiler.check_publish(topic, said);
        self.compiler.model.publish_uses.push(PublishUse {
            key,
            bytes,
            priority: said.priority,
            acks: said.acks,
            linger: span(said.linger_s),
            batch_bytes: said.batch_bytes,
            stream: stream(&path, Purpose::Batch),
            topic,
            entry: NONE16,
            cell: NONE16,
        });
        if 0.0 < said.linger_s || said.acks == Acks::None {
            return self.gather(index, path, step);
        }
        self.send_message(&path, index, step, Post::Publish(index));
    }

    /// The call that brings a message, or a batch of them, to its topic.
    pub(super) fn send_message(&mut self, path: &str, used: u16, step: &'s scenario::Step, post: Post) {
        let PublishUse { key, bytes, topic, .. } = self.compiler.model.publish_uses[usize::from(used)];
        let operation = self.compiler.model.topics[usize::from(topic)].publish;
        let from = self.compiler.model.edges.len();
        self.call(path, &[(operation, 1.0)], &step.policy, key);
        for edge in &mut self.compiler.model.edges[from..] {
            (edge.payload, edge.post) = (bytes, post);
            self.compiler.model.topics[usize::from(topic)].may_repeat |= edge.retry.is_some();
        }
    }

    /// The programs of all who consume with the operation that has just been written.
    pub(super) fn consumers(&mut self, owner: &str, operation: &str) {
        let scenario = self.compiler.scenario;
        for said in &scenario.components[owner].value.consumes {
            if said.operation.value == operation {
                self.consumer(owner, operation, said);
            }
        }
    }

    fn consumer(&mut self, owner: &str, operation: &str, said: &'s Consumes) {
        let names = &self.compiler.names;
        let component = names.component(owner).expect("its program has been written");
        let Some(number) = names.operation(component, operation) else { return };
        let Some(topic) = self.compiler.topic_of(&said.from.value) else { return };
        let group = self.compiler.group_of(topic, said);
        let path = format!("{owner}.{operation}/consumes.{}", said.from.value);
        self.place = crate::model::steps::Place::new(path.clone(), owner, operation);
        let index = self.compiler.index(self.compiler.model.consumers.len(), "consumers");
        let edge = self.edge_of(&path, topic);
        let entry = self.batch_program(index, topic, said.commit);
        let carrier = self.message_program(index);
        let workers = self.compiler.model.components[usize::from(component)].slots;
        let own = if workers == NONE { UNBOUNDED } else { workers };
        // A consumer of a log has worked on one poll when it asks for the next.
        let is_logged = self.compiler.model.topics[usize::from(topic)].in_log.is_some();
        self.compiler.model.consumers.push(Consumer {
            group,
            component,
            operation: number,
            key: stream(&path, Purpose::Routing),
            batch: said.batch,
            prefetch: said.prefetch.unwrap_or(if is_logged { 0 } else { own }).max(said.batch),
            commit: said.commit,
            entry,
            carrier,
            edge,
        });
        self.check_room(owner, said, component);
    }

    /// More messages at an instance than it has workers and places in its queue.
    fn check_room(&mut self, owner: &str, said: &Consumes, component: u16) {
        let spec = &self.compiler.model.components[usize::from(component)];
        let room = u64::from(spec.slots) + u64::from(spec.queue_limit);
        let asked = u64::from(said.prefetch.unwrap_or(0).max(said.batch));
        // Of a log no more are worked on at a time than there are partitions.
        let asked = self.compiler.partitions_of(&said.from.value).map_or(asked, |partitions| asked.min(partitions));
        if spec.slots != NONE && spec.queue_limit != NONE && room < asked {
            let message = format!(
                "an instance of `{owner}` takes {asked} messages from `{}`, and has workers and places for {room}",
                said.from.value
            );
            let made = Diagnostic::new(Code::NoRoom, said.from.spot, message);
            self.compiler.tell(made.help("what does not fit fails as `queue_full` and comes again; take fewer"));
        }
    }

    /// What lies between a consumer and its queue.
    fn edge_of(&mut self, path: &str, topic: u16) -> u16 {
        let operation = self.compiler.model.topics[usize::from(topic)].receive;
        let owner = self.compiler.names.component(self.place.end().name);
        let caller = Caller { end: self.place.end(), component: owner, places: &[] };
        let (component, name) = self.compiler.end_of(operation);
        let to = End { name: &component, operation: &name };
        let merged = self.compiler.policy(&Policy::default(), caller.end, to);
        let mut edge = self.compiler.edge(&format!("{path}.receive"), caller, operation, &merged);
        self.compiler.settle(&mut edge, operation);
        edge.targets = vec![(1 << 32, operation)];
        self.compiler.add_edge(edge)
    }

    fn batch_program(&mut self, consumer: u16, topic: u16, commit: Commit) -> u16 {
        let entry = self.at();
        self.push(Step::Receive { consumer });
        let received = self.at();
        if commit == Commit::Before {
            self.acknowledge(topic);
        }
        let handled = self.at();
        self.push(Step::Handle { consumer });
        if commit != Commit::Before {
            self.acknowledge(topic);
        }
        let end = self.at();
        let handler = |from, to, target| Handler { from, to, target };
        // An acknowledgement that is lost costs nothing but what it was to say.
        let next = if commit == Commit::Before { handled } else { end };
        let (from, to) = if commit == Commit::Before { (received, handled) } else { (handled + 1, end) };
        self.compiler.model.handlers.push(handler(from, to, next));
        self.push(Step::Finish { received: true });
        self.push(Step::Return);
        let target = self.at();
        self.compiler.model.handlers.push(handler(entry, received, target));
        self.push(Step::Finish { received: false });
        self.push(Step::Return);
        entry
    }

    fn acknowledge(&mut self, topic: u16) {
        let operation = self.compiler.model.topics[usize::from(topic)].acknowledge;
        let path = self.place.next("acknowledge");
        let from = self.compiler.model.edges.len();
        self.call(&path, &[(operation, 1.0)], &Policy::default(), NONE16);
        for edge in &mut self.compiler.model.edges[from..] {
            edge.post = Post::Acknowledge;
        }
    }

    fn message_program(&mut self, consumer: u16) -> u16 {
        let entry = self.at();
        self.push(Step::Work { consumer });
        let worked = self.at();
        self.push(Step::Done { well: true });
        self.push(Step::Return);
        let target = self.at();
        self.compiler.model.handlers.push(Handler { from: entry, to: worked, target });
        self.push(Step::Done { well: false });
        self.push(Step::Return);
        entry
    }
}

/// Messages at an instance whose workers have no limit.
const UNBOUNDED: u32 = 1024;

impl Model {
    /// Operations that run because of a message that this one takes, each with its share of the messages.
    pub(super) fn hearers(&self, operation: u16) -> Vec<(u16, f64)> {
        let Some(topic) = self.topics.iter().position(|topic| topic.publish == operation) else { return Vec::new() };
        let mut found = Vec::new();
        for group in (0..self.groups.len()).filter(|group| usize::from(self.groups[*group].topic) == topic) {
            let of_group = || self.consumers.iter().filter(|consumer| usize::from(consumer.group) == group);
            let instances = |consumer: &Consumer| f64::from(self.components[usize::from(consumer.component)].count);
            let all: f64 = of_group().map(instances).sum();
            found.extend(of_group().map(|consumer| (consumer.operation, instances(consumer) / all.max(1.0))));
        }
        found
    }

    /// Operations that take what others gave up of the messages that this one takes.
    pub(super) fn given_up_to(&self, operation: u16) -> Vec<u16> {
        let of_topic = |group: &&Group| self.topics[usize::from(group.topic)].publish == operation;
        let then = self.groups.iter().filter(of_topic).map(|group| group.then).filter(|then| *then != NONE16);
        then.map(|then| self.topics[usize::from(then)].publish).collect()
    }

    /// The groups that a scope names: of a queue, or those that a service consumes in.
    pub fn groups_in(&self, component: u16) -> Vec<usize> {
        let mine = |group: u16| {
            self.consumers.iter().any(|consumer| consumer.group == group && consumer.component == component)
        };
        let is_broker = self.components[usize::from(component)].topic != NONE16;
        let is_in = |group: &usize| {
            let topic = &self.topics[usize::from(self.groups[*group].topic)];
            if is_broker { topic.component == component } else { mine(*group as u16) }
        };
        (0..self.groups.len()).filter(is_in).collect()
    }
}
