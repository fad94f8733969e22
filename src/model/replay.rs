//! What other copies do again: the program that repeats a write at a replica, or a read for a quorum.
//!
//! Its cpu, disk and page steps in their order, those of branches one after the other, each at a share of its cost; calls,
//! waits and answers are the primary's alone. A repetition counts once.

use crate::model::Cause;
use crate::model::NONE16;
use crate::model::compile::Compiler;
use crate::model::program::Step;
use crate::model::steps::{Place, Role, Writer};
use crate::scenario;
use crate::scenario::{Choice, Kind, Verb};

impl Compiler<'_> {
    /// What an operation does to the copies of a database.
    pub(super) fn role(&self, component: &str, operation: &str) -> Role {
        let component = &self.scenario.components[component].value;
        let has_replicas =
            matches!(&component.kind, Kind::Database(database) if database.shards() < database.machines());
        match component.operations.get(operation).filter(|_| has_replicas) {
            None => Role::Neither,
            Some(operation) if operation.value.writes => Role::Writes,
            Some(_) => Role::Reads,
        }
    }
}

impl<'s> Writer<'_, 's> {
    /// The program that repeats the operation at another copy; `NONE16` where there is nothing to repeat.
    pub(super) fn replay(&mut self, component: &str, operation: &str) -> u16 {
        let scenario = self.compiler.scenario;
        let written = &scenario.components[component].value;
        let Kind::Database(database) = &written.kind else { return NONE16 };
        let Some(replicas) = &database.replicas else { return NONE16 };
        let cost = match self.role {
            Role::Writes => replicas.apply_cost,
            Role::Reads if 0 < replicas.mode.value.asks() => 1.0,
            _ => return NONE16,
        };
        let Some(said) = written.operations.get(operation) else { return NONE16 };
        let entry = self.at();
        self.place = Place::new(format!("{component}.{operation}/replay"), component, operation);
        self.replay_steps(&said.value.steps, cost);
        if entry == self.at() {
            return NONE16;
        }
        self.push(Step::Applied);
        self.push(Step::Return);
        entry
    }

    fn replay_steps(&mut self, steps: &'s [scenario::Step], cost: f64) {
        for step in steps {
            match &step.verb.value {
                Verb::Cpu(demand) => self.time("cpu", &demand.scaled(cost), Cause::Cpu),
                Verb::Io { reads, writes, bytes } => self.io(&reads.scaled(cost), &writes.scaled(cost), bytes.as_ref()),
                Verb::Pages(count) => self.pages(&count.scaled(cost), step),
                Verb::Choose(choices) => self.replay_choice(choices, cost),
                Verb::Lock { body, .. } | Verb::Transaction { body, .. } | Verb::Each { body, .. } => {
                    self.replay_steps(body, cost);
                }
                Verb::Parallel { branches, .. } => {
                    for branch in branches {
                        self.replay_steps(branch, cost);
                    }
                }
                _ => {}
            }
        }
    }

    /// One of the ways by its share; `when` is about the primary, so it is not asked.
    fn replay_choice(&mut self, choices: &'s [Choice], cost: f64) {
        let path = self.place.next("choose");
        let mut jumps = Vec::new();
        for (number, choice) in choices.iter().enumerate() {
            let rest: f64 = choices[number..].iter().map(|choice| choice.weight).sum();
            let is_last = number + 1 == choices.len();
            let share = if is_last || rest <= 0.0 { 1.0 } else { choice.weight / rest };
            let around = self.branch_around(&format!("{path}/{number}"), share);
            self.replay_steps(&choice.body, cost);
            if !is_last {
                jumps.push(self.push(Step::Jump { to: 0 }));
            }
            self.land(around.as_slice());
        }
        self.land(&jumps);
    }
}
