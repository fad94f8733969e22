//! What lies in queues and logs when the run begins: messages of before that a group has not done, or may read again.
//!
//! They are those of the traffic before the run, so their keys, sizes and partitions are what that traffic makes them. A
//! group that begins `behind` has to do as many, or those of so long. A fault that reads a topic again may reach back
//! beyond the start, so the topic has kept as much as that needs, unless the run begins cold (`prefill: none`).

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::{Compiler, span};
use crate::model::{Act, NONE16};
use crate::scenario::broker::Behind;
use crate::units::{Span, Time, human_count};

/// Traffic before the run that fills queues and logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Backlog {
    /// All loads that publish, and their requests a second.
    pub sources: Vec<(u16, f64)>,
    pub needs: Vec<Need>,
    /// Most requests.
    pub most: u64,
}

/// What must have come to a topic: so many messages, and all of so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    pub topic: u16,
    pub messages: u64,
    pub lasts: Span,
    /// Of them what is kept to be read again.
    pub kept: Span,
}

/// Messages, and requests that make them: a minute's work, and what the memory of a run holds.
const MOST: f64 = 5e6;
/// Messages come by chance, so more requests than they need on average may be needed.
const SLACK: f64 = 10.0;

impl Compiler<'_> {
    /// The traffic that is needed; loads, programs and faults must be known.
    pub(super) fn compile_backlog(&mut self) {
        let needs: Vec<Need> = (0..self.model.topics.len() as u16).filter_map(|topic| self.need(topic)).collect();
        if needs.is_empty() || self.diags.has_errors() {
            return;
        }
        let wanted = needs.iter().map(|need| self.model.topics[usize::from(need.topic)].publish).collect();
        let (makers, rates) = (self.model.leading_to(wanted), self.model.source_rates());
        let publishes = |source: usize| {
            let mut classes = self.model.classes.iter().filter(|class| usize::from(class.source) == source);
            classes.any(|class| makers.contains(&class.operation))
        };
        let sources = rates.iter().enumerate().filter(|(source, rate)| 0.0 < **rate && publishes(*source));
        let sources: Vec<(u16, f64)> = sources.map(|(source, rate)| (source as u16, *rate)).collect();
        let visits = self.model.traffic().visits;
        let all: f64 = sources.iter().map(|(_, rate)| rate).sum();
        let mut requests: f64 = 0.0;
        for need in &needs {
            requests = requests.max(self.requests_for(need, all, &visits));
        }
        self.model.run.backlog = Some(Backlog { sources, needs, most: (requests * SLACK) as u64 + 1000 });
    }

    /// Requests that it takes, or a mistake.
    fn requests_for(&mut self, need: &Need, rate: f64, visits: &[f64]) -> f64 {
        let topic = &self.model.topics[usize::from(need.topic)];
        let (name, publish) = (topic.name.clone(), topic.publish);
        let spot = self.written(topic.component).spot;
        let is_published = self.loads_publish(publish);
        if !is_published {
            let message = format!("no load publishes to `{name}`, so nothing can be there before the run");
            self.tell(
                Diagnostic::new(Code::Inert, spot, message).help("leave out `behind`, or let a load publish to it"),
            );
            return 0.0;
        }
        let seconds = (need.messages as f64 / visits[usize::from(publish)].max(1e-9)).max(need.lasts.secs());
        let requests = seconds * rate;
        if MOST < requests || MOST < need.messages as f64 {
            let message = format!(
                "before the run {} requests would have to be made for what is in `{name}`, and {} are the most",
                human_count(requests),
                human_count(MOST)
            );
            let told = Diagnostic::new(Code::OutOfRange, spot, message);
            self.tell(
                told.help("begin less far `behind`, rewind less far, run at a `scale`, or `run: {prefill: none}`"),
            );
        }
        requests.min(MOST)
    }

    /// Whether some request of a load publishes there by itself.
    fn loads_publish(&self, publish: u16) -> bool {
        let makers = self.model.leading_to(BTreeSet::from([publish]));
        self.model.classes.iter().any(|class| makers.contains(&class.operation))
    }

    fn need(&self, topic: u16) -> Option<Need> {
        let kept = if self.scenario.run.prefill { self.kept_before(topic) } else { Span(0) };
        let mut need = Need { topic, messages: 0, lasts: kept, kept };
        let groups = self.model.groups.iter().filter(|group| group.topic == topic);
        for behind in groups.filter_map(|group| group.behind) {
            match behind {
                Behind::Messages(count) => need.messages = need.messages.max(count),
                Behind::Time(seconds) => need.lasts = need.lasts.max(span(seconds)),
            }
        }
        (0 < need.messages || Span(0) < need.lasts).then_some(need)
    }

    /// How far beyond the start of the run faults read the topic again.
    fn kept_before(&self, topic: u16) -> Span {
        let reach = self.model.faults.iter().filter_map(|fault| {
            let Act::Rewind { groups, back } = &fault.act else { return None };
            let is_meant = groups.iter().any(|group| self.model.groups[usize::from(*group)].topic == topic);
            let at = fault.at.unwrap_or(Time(0));
            is_meant.then(|| Span(back.0.saturating_sub(at.0)))
        });
        let reach = reach.max().unwrap_or(Span(0));
        let age = self.model.topics[usize::from(topic)].age;
        if age == Span(0) { reach } else { reach.min(age) }
    }

    /// Whether some group has to catch up from the start.
    pub(super) fn begins_behind(&self) -> bool {
        self.model.groups.iter().any(|group| group.behind.is_some())
    }

    /// How far behind the group of a consumer begins; all of them say the same, or only one does.
    pub(super) fn begin_behind(&mut self, topic: u16, said: &crate::scenario::broker::Consumes) {
        let Some(behind) = said.behind else { return };
        let group = self.group_of(topic, said);
        let Some(group) = self.model.groups.get_mut(usize::from(group)) else { return };
        if group.behind.is_some_and(|other| other != behind.value) {
            let message = "consumers of one group begin it behind by different amounts";
            let told = Diagnostic::new(Code::Excluded, behind.spot, message);
            return self.tell(told.help("say it of one of them"));
        }
        group.behind = Some(behind.value);
    }
}

impl crate::model::Model {
    /// Operations that, by their calls, may come to one of these; they too.
    pub(super) fn leading_to(&self, mut found: BTreeSet<u16>) -> BTreeSet<u16> {
        let all = 0..self.operations.len() as u16;
        loop {
            let leads = |operation: &u16| self.callees(*operation).iter().any(|callee| found.contains(callee));
            let more: Vec<u16> = all.clone().filter(|operation| !found.contains(operation)).filter(leads).collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// How far behind a group begins, in messages or time.
    pub fn is_behind(&self, group: u16) -> bool {
        group != NONE16 && self.groups[usize::from(group)].behind.is_some()
    }
}
