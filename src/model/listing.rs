//! Programs as text, for people who look for a mistake and for tests.

use std::fmt::Write as _;

use crate::model::program::{Edge, Fork, Need, Step};
use crate::model::{Model, NONE16};

/// The program of an operation, one step a line, with the programs it starts behind it. Addresses count from its entry.
pub fn listing(model: &Model, operation: u16) -> String {
    let operation = &model.operations[usize::from(operation)];
    let component = &model.components[usize::from(operation.component)].name;
    let mut text = format!("{component}.{}\n", operation.name);
    let mut open = vec![operation.entry];
    open.extend(Some(operation.replay).filter(|replay| *replay != NONE16));
    while !open.is_empty() {
        let entry = open.remove(0);
        for pc in entry..model.steps.len() as u16 {
            let step = model.steps[usize::from(pc)];
            let line = Line { model, base: operation.entry };
            writeln!(text, "{:4}  {}", pc - operation.entry, line.step(step)).expect("a string takes any text");
            match step {
                Step::Fork { fork } => open.extend(&model.forks[usize::from(fork)].entries),
                Step::Spawn { entry } | Step::Window { entry, .. } => open.push(entry),
                _ => {}
            }
            if step == Step::Return {
                break;
            }
        }
    }
    handlers(model, operation.entry, &mut text);
    text
}

fn handlers(model: &Model, base: u16, text: &mut String) {
    let next = model.operations.iter().map(|operation| operation.entry).filter(|entry| base < *entry).min();
    let end = next.unwrap_or(model.steps.len() as u16);
    for handler in model.handlers.iter().filter(|handler| base <= handler.from && handler.to <= end) {
        let (from, to, target) = (handler.from - base, handler.to - base, handler.target - base);
        writeln!(text, "      {from}..{to} fails to {target}").expect("a string takes any text");
    }
}

struct Line<'m> {
    model: &'m Model,
    base: u16,
}

impl Line<'_> {
    fn step(&self, step: Step) -> String {
        match step {
            Step::Start => "start an environment".to_owned(),
            Step::Cpu { draw, cell } => format!("cpu {} ({})", self.mean(draw), self.cell(cell)),
            Step::Wait { draw, cell } => format!("wait {} ({})", self.mean(draw), self.cell(cell)),
            Step::Io { io, cell } => {
                let io = &self.model.ios[usize::from(io)];
                format!("io reads {} writes {} ({})", self.number(io.reads), self.number(io.writes), self.cell(cell))
            }
            Step::Pages { pages, cell } => {
                let count = self.model.page_uses[usize::from(pages)].count;
                format!("pages {} ({})", self.number(count), self.cell(cell))
            }
            Step::Call { edge } => format!("call {}", self.edge(&self.model.edges[usize::from(edge)])),
            Step::Fork { fork } => self.fork(&self.model.forks[usize::from(fork)]),
            Step::Branch { chance, to } => format!("branch {:.4} to {}", self.share(chance), to - self.base),
            Step::Unless { watch, to } => format!("unless watch {watch} to {}", to - self.base),
            Step::Jump { to } => format!("jump to {}", to - self.base),
            Step::Lock { lock } => format!("lock {}", self.model.lock_uses[usize::from(lock)].lock),
            Step::Unlock { lock } => format!("unlock {}", self.model.lock_uses[usize::from(lock)].lock),
            Step::Spawn { entry } => format!("spawn {}", entry - self.base),
            Step::Respond { draw } => format!("respond {}", self.number(draw)),
            Step::Fail { kind } => format!("fail {}", self.model.failures[usize::from(kind.0)]),
            Step::Look { .. } => "look".to_owned(),
            Step::Found { hit, early } => format!("found to {}, early to {}", hit - self.base, early - self.base),
            Step::UnlessWorn { to } => format!("unless worn to {}", to - self.base),
            Step::Again { to, .. } => format!("there again to {}", to - self.base),
            Step::Stale { to, .. } => format!("stale to {}", to - self.base),
            Step::Keep { .. } => "keep".to_owned(),
            Step::Drop { .. } => "drop".to_owned(),
            Step::Later { .. } => "write later".to_owned(),
            Step::Written { well, .. } => if well { "written" } else { "not written" }.to_owned(),
            Step::UnlessCaught { kind, to } => {
                format!("unless {} to {}", self.model.failures[usize::from(kind.0)], to - self.base)
            }
            Step::UnlessShield { to, .. } => format!("unless shield to {}", to - self.base),
            Step::Rethrow => "rethrow".to_owned(),
            Step::BranchBy { chance, key, to } => {
                let name = &self.model.keys[usize::from(key)].name;
                format!("branch {:.4} by {name} to {}", self.share(chance), to - self.base)
            }
            Step::Observe => "observe".to_owned(),
            Step::Tell { telemetry, .. } => format!("tell {telemetry}"),
            Step::TellLate { telemetry, .. } => format!("tell late {telemetry}"),
            Step::Commit => "commit".to_owned(),
            Step::Sync { cell, .. } => format!("sync ({})", self.cell(cell)),
            Step::Begin { transaction } => format!("begin {transaction}"),
            Step::Prepare { transaction } => format!("prepare {transaction}"),
            Step::Decide { transaction } => format!("decide {transaction}"),
            Step::End { transaction } => format!("end {transaction}"),
            Step::Applied => "applied".to_owned(),
            Step::Undertake { saga } => format!("undertake {}", self.model.sagas[usize::from(saga)].name),
            Step::Regret { .. } => "regret".to_owned(),
            Step::Undone { well, .. } => if well { "undone" } else { "not undone" }.to_owned(),
            Step::Resolve { undone, .. } => if undone { "resolve as undone" } else { "resolve" }.to_owned(),
            Step::Dedupe { to, .. } => format!("done before to {}", to - self.base),
            Step::Remember { .. } => "remember".to_owned(),
            Step::View { .. } => "view".to_owned(),
            Step::Return => "return".to_owned(),
            _ => self.step_of_messages(step),
        }
    }

    fn step_of_messages(&self, step: Step) -> String {
        let name = |topic: u16| &self.model.topics[usize::from(topic)].name;
        match step {
            Step::Enqueue { topic } => format!("enqueue in {}", name(topic)),
            Step::Store { topic } => format!("store in {}", name(topic)),
            Step::Append { topic } => format!("append to {}", name(topic)),
            Step::Gather { waits, .. } => if waits { "gather" } else { "gather and go on" }.to_owned(),
            Step::Sent { well } => if well { "sent" } else { "not sent" }.to_owned(),
            Step::Window { entry, .. } => format!("gather for {}", entry - self.base),
            Step::Record { .. } => "record an event".to_owned(),
            Step::Recall { .. } => "recall events".to_owned(),
            Step::Rework { replay } => {
                format!("rework events, {} each", self.mean(self.model.replay_uses[usize::from(replay)].cpu))
            }
            Step::Receive { consumer } => format!("receive as consumer {consumer}"),
            Step::Handle { consumer } => format!("handle as consumer {consumer}"),
            Step::Work { consumer } => format!("work as consumer {consumer}"),
            Step::Done { well } => if well { "done" } else { "failed" }.to_owned(),
            Step::Settle { topic } => format!("settle in {}", name(topic)),
            Step::Finish { received } => if received { "finish" } else { "finish unreceived" }.to_owned(),
            _ => unreachable!("all others are written above"),
        }
    }

    fn share(&self, chance: u16) -> f64 {
        self.model.chances[usize::from(chance)].share as f64 / 4294967296.0
    }

    fn fork(&self, fork: &Fork) -> String {
        let entries: Vec<String> = fork.entries.iter().map(|entry| (entry - self.base).to_string()).collect();
        let entries = entries.join(" ");
        let need = match fork.need {
            Need::All => "all".to_owned(),
            Need::First(count) => format!("first {count}"),
            Need::Share(share) => format!("{share}"),
        };
        if fork.shards != NONE16 {
            return format!("each shard {entries} join {need}");
        }
        if fork.hedge != NONE16 {
            let most = self.model.hedges[usize::from(fork.hedge)].rule.most;
            return format!("hedge {entries} and {most} more join {need}");
        }
        if fork.times == NONE16 {
            return format!("parallel {entries} join {need}");
        }
        let mode = if fork.sequence { "in turn" } else { "at once" };
        format!("each {} x {entries} {mode} join {need}", self.number(fork.times))
    }

    fn edge(&self, edge: &Edge) -> String {
        let mut before = 0;
        let mut targets = Vec::new();
        for (threshold, operation) in &edge.targets {
            let share = (threshold - before) as f64 / 4294967296.0;
            before = *threshold;
            let operation = &self.model.operations[usize::from(*operation)];
            let name = format!("{}.{}", self.model.components[usize::from(operation.component)].name, operation.name);
            targets.push(if share == 1.0 { name } else { format!("{share:.2} {name}") });
        }
        let mut text = targets.join(" | ");
        if edge.plain {
            text.push_str(" plain");
        }
        let mut add = |what: &str, given: String| write!(text, " {what} {given}").expect("a string takes any text");
        if edge.timeout.0 != 0 {
            add("timeout", format!("{}s", edge.timeout.secs()));
        }
        if edge.deadline.0 != 0 {
            add("deadline", format!("{}s", edge.deadline.secs()));
        }
        if let Some(retry) = &edge.retry {
            add("attempts", retry.attempts.map_or("unlimited".to_owned(), |attempts| attempts.to_string()));
        }
        if edge.link != NONE16 {
            add("link", self.mean(edge.link));
        }
        if edge.ways != NONE16 {
            add("between places", format!("{}", edge.ways));
        }
        if let Some(pool) = self.model.pools.get(usize::from(edge.pool)) {
            add("pool", pool.size.to_string());
        }
        for limit in &edge.limits {
            add("limit", self.model.limits[usize::from(*limit)].name.clone());
        }
        if let Some(key) = self.model.keys.get(usize::from(edge.key_given)) {
            add("key", key.name.clone());
        }
        text
    }

    /// Mean of a draw in seconds.
    fn mean(&self, draw: u16) -> String {
        format!("{}s", self.number(draw))
    }

    fn number(&self, draw: u16) -> String {
        if draw == NONE16 {
            "0".to_owned()
        } else {
            format!("{:.6}", self.model.samplers.mean(draw)).trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }

    fn cell(&self, cell: u16) -> String {
        let cell = self.model.cells.get(usize::from(cell));
        cell.map_or("nowhere".to_owned(), |cell| format!("{} {}", cell.name, cell.cause.word()))
    }
}
