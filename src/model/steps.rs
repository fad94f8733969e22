//! Operations become flat programs.
//!
//! A program is a stretch of `Model::steps` that ends in `Return`. What happens in a frame of its own (branches of
//! `parallel`, repetitions of `each`, `spawn`) is a program of its own at the same instance, written behind the one that
//! starts it. All jumps lead forward, so a single pass over a program sees every path (`traffic` relies on it).
//!
//! | written | program |
//! |---|---|
//! | `choose` | `Branch` around each entry but the last, with its share of what is left; `Jump` behind each |
//! | `when` | `Unless` past the entry, so that its share falls to those that follow; without a weight it takes all |
//! | `lock` | `Lock`, the body, `Unlock`; a failure inside gives the lock back (the engine knows who holds it) |
//! | `fallback` | a handler over the step that leads to what replaces it, `Jump` past that |
//! | `fail` with a share | `Branch` around `Fail` |
//! | an operation of a balancer | `Call`, `Return`: the callee's answer is the answer |
//!
//! Draws are addressed by operation, verb and the number of the step among those of its verb in the same list, so that
//! an edit moves as few of them as possible.

use std::collections::{BTreeMap, VecDeque};

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::distribution::Distribution;
use crate::model::arrows::End;
use crate::model::compile::{Compiler, is_zero, span, stream, threshold};
use crate::model::guards::HedgedCall;
use crate::model::names::Body;
use crate::model::program::{CacheUse, Chance, Fork, Handler, Io, Need, PageUse, Step};
use crate::model::{Cause, NONE16, Operation};
use crate::random::Purpose;
use crate::scenario;
use crate::scenario::condition::{self, Condition};
use crate::scenario::{Choice, Fallback, Join, Kind, Reference, Verb};
use crate::units::Span;

/// Where in the text a program is being written.
pub(super) struct Place {
    /// `web.profile`, then `/parallel/0/1` for what is inside: the address of draws.
    path: String,
    component: String,
    operation: String,
    /// Steps so far, by verb.
    counts: BTreeMap<&'static str, u32>,
}

/// A body whose program is still to be written, and who must be told where it begins.
pub(super) struct Pending<'s> {
    pub(super) task: Task<'s>,
    pub(super) path: String,
    pub(super) patch: Patch,
    /// Database of the transaction that it belongs to.
    pub(super) transaction: Option<u16>,
}

/// What a program of its own does.
#[derive(Clone, Copy)]
pub(super) enum Task<'s> {
    Steps(&'s [scenario::Step]),
    /// Does what a miss of the step does, and puts what it brought.
    Renew {
        step: &'s scenario::Step,
        used: CacheUse,
    },
    /// The call of one shard among all.
    Ask {
        step: &'s scenario::Step,
    },
    /// One copy of a call that is asked again when it is slow: index into the writer's hedged calls.
    Hedged {
        call: usize,
    },
    /// Brings a batch of messages to a log.
    Batch {
        step: &'s scenario::Step,
        used: u16,
    },
    /// Calls the operation behind a cache and keeps the answer.
    Fetch {
        operation: u16,
        used: u16,
    },
}

#[derive(Clone, Copy)]
pub(super) enum Patch {
    Fork(usize, usize),
    Spawn(usize),
    /// The use of a publish step.
    Batch(u16),
    Window(usize),
}

/// The programs of one operation under construction.
pub(super) struct Writer<'c, 's> {
    pub(super) compiler: &'c mut Compiler<'s>,
    pub(super) place: Place,
    pub(super) pending: VecDeque<Pending<'s>>,
    /// Inside what a policy puts in the place of a failed call, no policy does so again.
    in_fallback: bool,
    /// What the operation does to a database with replicas.
    pub(super) role: Role,
    /// Database of the transaction that the steps belong to.
    pub(super) transaction: Option<u16>,
    /// The call is that of every shard.
    pub(super) asks_all: bool,
    /// Calls whose copies are programs of their own, and whether one of these is being written.
    pub(super) hedged: Vec<HedgedCall>,
    pub(super) in_hedge: bool,
    /// The name service by which the call finds its target, or `NONE16`.
    pub(super) asks_name: u16,
}

/// What an operation does to copies of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is no operation of a database with replicas.
    Neither,
    Reads,
    Writes,
}

impl Place {
    pub(super) fn new(path: String, component: &str, operation: &str) -> Self {
        let (component, operation) = (component.to_owned(), operation.to_owned());
        Place { path, component, operation, counts: BTreeMap::new() }
    }

    /// The address of the next step of a verb.
    pub(super) fn next(&mut self, verb: &'static str) -> String {
        let count = self.counts.entry(verb).or_insert(0);
        *count += 1;
        format!("{}/{verb}/{}", self.path, *count - 1)
    }

    pub(super) fn end(&self) -> End<'_> {
        End { name: &self.component, operation: &self.operation }
    }
}

impl Compiler<'_> {
    /// The programs of all operations.
    pub(super) fn compile_operations(&mut self) {
        self.check_arrows();
        self.link_copies();
        self.find_watchers();
        self.link_nodes();
        self.link_brokers();
        self.check_keys();
        self.index(self.names.operations.len(), "operations");
        for number in 0..self.names.operations.len() {
            let offer = &self.names.operations[number];
            let (component, name, body) = (offer.component, offer.name.clone(), offer.body.clone());
            let entry = self.next_step();
            let owner = self.names.components[usize::from(component)];
            let place = Place::new(format!("{owner}.{name}"), owner, &name);
            let role = self.role(owner, &name);
            let mut writer = Writer {
                compiler: self,
                place,
                pending: VecDeque::new(),
                in_fallback: false,
                role,
                transaction: None,
                asks_all: false,
                hedged: Vec::new(),
                in_hedge: false,
                asks_name: NONE16,
            };
            writer.operation(&body);
            let replay = writer.replay(owner, &name);
            writer.consumers(owner, &name);
            let upfront = self.upfront(entry);
            let said = self.scenario.components[owner].value.operations.get(&name).map(|said| &said.value);
            let (writes, from_primary) = said.map_or((false, false), |said| (said.writes, said.from_primary));
            let writes = writes || matches!(&body, Body::Cache { verb, .. } if verb.writes());
            let table = self.table_of(owner, &name);
            let topic = self.topic_of(&format!("{owner}.{name}")).unwrap_or(NONE16);
            self.model.operations.push(Operation {
                name,
                component,
                entry,
                upfront,
                writes,
                from_primary,
                replay,
                table,
                topic,
            });
        }
    }

    /// Where the next program begins.
    pub(super) fn next_step(&mut self) -> u16 {
        self.index(self.model.steps.len(), "steps")
    }

    /// Draws that are made before anything can branch, block or call: what `least_work` knows in advance.
    fn upfront(&self, entry: u16) -> Vec<u16> {
        let program = self.model.steps.get(usize::from(entry)..).unwrap_or_default();
        let looks = |step: &Step| matches!(step, Step::Observe | Step::View { .. } | Step::Tell { .. });
        let draws = program.iter().filter(|step| !looks(step)).map_while(|step| match step {
            Step::Cpu { draw, .. } | Step::Wait { draw, .. } => Some(*draw),
            _ => None,
        });
        draws.collect()
    }
}

impl<'s> Writer<'_, 's> {
    /// What telemetry writes down about each visit.
    fn tell(&mut self) {
        let Some(component) = self.compiler.names.component(&self.place.component) else { return };
        for telemetry in self.compiler.watchers(component) {
            let cell = self.compiler.cell(&self.place.component, Cause::Cpu);
            self.push(Step::Tell { telemetry, cell });
        }
    }

    fn operation(&mut self, body: &Body<'s>) {
        self.sidecar_of_callee();
        self.tell();
        if self.role == Role::Reads {
            self.push(Step::Observe);
        }
        self.view();
        if matches!(self.compiler.scenario.components[self.place.end().name].value.kind, Kind::Function(_)) {
            self.push(Step::Start);
        }
        match body {
            Body::Steps { before, steps } => {
                self.steps(before);
                self.steps(steps);
            }
            Body::Forward { before, to } => {
                self.steps(before);
                self.forward(to);
            }
            Body::Cache { before, verb } => {
                self.steps(before);
                self.cache_operation(verb);
            }
            Body::Events { before, appends } => {
                self.steps(before);
                self.events_operation(*appends);
            }
            Body::Queue { before, verb } => {
                self.steps(before);
                self.queue_operation(*verb);
            }
        }
        self.commit();
        self.push(Step::Return);
        while let Some(next) = self.pending.pop_front() {
            let entry = self.compiler.next_step();
            match next.patch {
                Patch::Fork(fork, branch) => self.compiler.model.forks[fork].entries[branch] = entry,
                Patch::Spawn(at) => self.compiler.model.steps[at] = Step::Spawn { entry },
                Patch::Window(at) => self.compiler.model.set_entry(at, entry),
                Patch::Batch(used) => self.compiler.model.publish_uses[usize::from(used)].entry = entry,
            }
            let place = Place::new(next.path, &self.place.component, &self.place.operation);
            self.place = place;
            self.transaction = next.transaction;
            match next.task {
                Task::Steps(steps) => self.steps(steps),
                Task::Ask { step } => self.ask_shard(step),
                Task::Batch { step, used } => {
                    let path = self.place.next("batch");
                    self.batch_of_messages(&path, step, used);
                }
                Task::Hedged { call } => self.copy_of_call(call),
                Task::Renew { step, used } => self.renew_from_step(step, used),
                Task::Fetch { operation, used } => self.renew_from_backing(operation, used),
            }
            self.push(Step::Return);
        }
    }

    pub(super) fn steps(&mut self, steps: &'s [scenario::Step]) {
        for (number, step) in steps.iter().enumerate() {
            if let Verb::Dedupe(said) = &step.verb.value {
                return self.dedupe(said, step, &steps[number + 1..]);
            }
            self.guarded(|writer| {
                writer.verb(step);
                writer.fallback(step)
            });
        }
    }

    /// Writes steps, whose failure goes on with the fallback that the writing answers.
    pub(super) fn guarded(&mut self, write: impl FnOnce(&mut Self) -> Option<&'s Fallback>) {
        let from = self.at();
        let fallback = write(self);
        let to = self.at();
        if let Some(fallback) = fallback {
            self.guard(from, to, fallback);
        }
    }

    /// The index of the next step.
    pub(super) fn at(&mut self) -> u16 {
        self.compiler.next_step()
    }

    pub(super) fn push(&mut self, step: Step) -> usize {
        self.compiler.model.steps.push(step);
        self.compiler.model.steps.len() - 1
    }

    /// What replaces the step if it fails: its own word, else that of the arrow of its call.
    fn fallback(&mut self, step: &'s scenario::Step) -> Option<&'s Fallback> {
        let own = step.fallback.as_ref().or(step.policy.fallback.as_ref());
        if let Some(Fallback::Stale) = own {
            self.check_stale(step);
            return None;
        }
        let Verb::Call { targets, .. } = &step.verb.value else { return own };
        if own.is_some() || self.in_fallback {
            return own;
        }
        let (component, operation) = targets.first()?.0.value.split_once('.')?;
        let of_arrow = self.compiler.fallback(self.place.end(), End { name: component, operation });
        of_arrow.filter(|fallback| !matches!(fallback, Fallback::Stale))
    }

    /// An old entry can only stand in where there is a cache.
    fn check_stale(&mut self, step: &scenario::Step) {
        if !matches!(step.verb.value, Verb::Cached { .. }) {
            let made =
                Diagnostic::new(Code::Inert, step.verb.spot, "`fallback: stale` means something on `cached` only");
            self.compiler
                .tell(made.help("a cache with a `backing` takes it from `policies: {redis -> db: {fallback: stale}}`"));
        }
    }

    /// A failure in `from .. to` goes on with the fallback.
    fn guard(&mut self, from: u16, to: u16, fallback: &'s Fallback) {
        let Fallback::Steps(steps) = fallback else {
            self.compiler.model.handlers.push(Handler { from, to, target: to });
            return;
        };
        let jump = self.push(Step::Jump { to: 0 });
        let target = self.at();
        let outer = std::mem::replace(&mut self.in_fallback, true);
        let place = self.place.next("fallback");
        self.inside(place, steps);
        self.in_fallback = outer;
        let end = self.at();
        self.compiler.model.steps[jump] = Step::Jump { to: end };
        self.compiler.model.handlers.push(Handler { from, to, target });
    }

    /// Steps of the same program at a place of their own.
    pub(super) fn inside(&mut self, path: String, steps: &'s [scenario::Step]) {
        let place = Place::new(path, &self.place.component, &self.place.operation);
        let outer = std::mem::replace(&mut self.place, place);
        self.steps(steps);
        self.place = outer;
    }

    fn verb(&mut self, step: &'s scenario::Step) {
        match &step.verb.value {
            Verb::Cpu(demand) => self.time("cpu", demand, Cause::Cpu),
            Verb::Wait(demand) => self.time("wait", demand, Cause::Service),
            Verb::Io { reads, writes, bytes } => self.io(reads, writes, bytes.as_ref()),
            Verb::Pages(count) => self.pages(count, step),
            Verb::Call { targets, scatter: None } => self.call_step(targets, step),
            Verb::Call { targets, scatter: Some(join) } => self.scatter(targets, *join, step),
            Verb::Parallel { branches, join } => self.parallel(branches, *join, step),
            Verb::Each { times, draw, parallel, body, join } => {
                let fork = self.each(times, draw.as_ref(), body, step);
                let fork = &mut self.compiler.model.forks[fork];
                fork.sequence = !parallel;
                (fork.need, fork.ignore_errors) = (need(join.need), join.ignore_errors);
            }
            Verb::Choose(choices) => self.choose(choices, step.verb.spot),
            Verb::Lock { .. } => self.lock(step),
            Verb::Transaction { .. } => self.transaction(step),
            Verb::Spawn(body) => {
                let path = self.place.next("spawn");
                let at = self.push(Step::Spawn { entry: 0 });
                // What nobody waits for is no part of a transaction.
                let (task, patch) = (Task::Steps(body), Patch::Spawn(at));
                self.pending.push_back(Pending { task, path, patch, transaction: None });
            }
            Verb::Respond(bytes) => {
                let path = self.place.next("respond");
                let draw = self.compiler.draw_unless_zero(&path, Purpose::Size, Some(bytes));
                // Nobody is told of a write before it counts.
                self.commit();
                self.push(Step::Respond { draw });
            }
            Verb::Fail { share, kind, by } => self.fail(*share, kind, by.as_ref()),
            Verb::Cached { .. } | Verb::Get { .. } | Verb::Put { .. } | Verb::Invalidate { .. } => {
                self.cache_step(step);
            }
            Verb::Publish(said) => self.publish(said, step),
            Verb::Saga(steps) => {
                self.check_saga(steps, step);
                self.saga(steps);
            }
            Verb::Window(said) => self.window(said),
            Verb::Replay(said) => self.replay_stream(said, step),
            Verb::Dedupe(_) => unreachable!("it stands around what follows it"),
        }
    }

    /// Time on a core or in no one's way; what is always nothing is no step.
    pub(super) fn time(&mut self, verb: &'static str, demand: &Distribution, cause: Cause) {
        let path = self.place.next(verb);
        if is_zero(demand) {
            return;
        }
        let draw = self.compiler.draw(&path, Purpose::Service, demand);
        let cell = self.compiler.cell(&self.place.component, cause);
        self.push(if cause == Cause::Cpu { Step::Cpu { draw, cell } } else { Step::Wait { draw, cell } });
    }

    pub(super) fn io(&mut self, reads: &Distribution, writes: &Distribution, bytes: Option<&Distribution>) {
        let path = self.place.next("io");
        let reads = self.compiler.draw_unless_zero(&format!("{path}.reads"), Purpose::Choice, Some(reads));
        let writes = self.compiler.draw_unless_zero(&format!("{path}.writes"), Purpose::Choice, Some(writes));
        let bytes = self.compiler.draw_unless_zero(&format!("{path}.bytes"), Purpose::Size, bytes);
        let logged = self.log() != NONE16;
        self.disk(Io { key: stream(&path, Purpose::Choice), reads, writes, bytes, logged });
    }

    fn disk(&mut self, io: Io) {
        if io.reads == NONE16 && io.writes == NONE16 {
            return;
        }
        let index = self.compiler.index(self.compiler.model.ios.len(), "disk steps");
        self.compiler.model.ios.push(io);
        let cell = self.compiler.cell(&self.place.component, Cause::Disk);
        self.push(Step::Io { io: index, cell });
    }

    /// Pages of a database with a buffer pool; without a pool each is a read, without a size of the data none is.
    pub(super) fn pages(&mut self, count: &Distribution, step: &scenario::Step) {
        let path = self.place.next("pages");
        let row_key = self.compiler.names.find_key(step.key.as_ref(), self.compiler.diags);
        let draw = self.compiler.draw_unless_zero(&path, Purpose::Choice, Some(count));
        let kind = &self.compiler.scenario.components[&self.place.component].value.kind;
        let Kind::Database(database) = kind else {
            let message = format!("`{}` is not a database, so it has no pages", self.place.component);
            let made = Diagnostic::new(Code::Inert, step.verb.spot, message);
            return self.compiler.tell(made.help("write `io: 2` for disk operations"));
        };
        let key = stream(&path, Purpose::Choice);
        match (database.pool_bytes, database.rows) {
            (Some(_), Some(_)) if draw != NONE16 => {
                let pages = self.compiler.index(self.compiler.model.page_uses.len(), "page steps");
                self.compiler.model.page_uses.push(PageUse { key, count: draw, row_key });
                let cell = self.compiler.cell(&self.place.component, Cause::Disk);
                self.push(Step::Pages { pages, cell });
            }
            (None, _) => self.disk(Io { key, reads: draw, writes: NONE16, bytes: NONE16, logged: false }),
            _ => {}
        }
    }

    fn parallel(&mut self, branches: &'s [Vec<scenario::Step>], join: Join, step: &scenario::Step) {
        let path = self.place.next("parallel");
        if branches.is_empty() {
            return;
        }
        let mut fork = fork(&path, step);
        fork.entries = vec![0; branches.len()];
        (fork.need, fork.ignore_errors) = (need(join.need), join.ignore_errors);
        self.lost(&mut fork);
        let index = self.add_fork(fork);
        for (number, branch) in branches.iter().enumerate() {
            self.add_branch(Task::Steps(branch), format!("{path}/{number}"), Patch::Fork(index, number));
        }
    }

    fn each(
        &mut self,
        times: &Distribution,
        draw: Option<&Reference>,
        body: &'s [scenario::Step],
        step: &scenario::Step,
    ) -> usize {
        let path = self.place.next("each");
        let mut fork = fork(&path, step);
        fork.entries = vec![0];
        fork.times = self.compiler.draw(&format!("{path}.times"), Purpose::Choice, times);
        fork.draw = self.compiler.names.find_key(draw, self.compiler.diags);
        self.lost(&mut fork);
        let index = self.add_fork(fork);
        self.add_branch(Task::Steps(body), path, Patch::Fork(index, 0));
        index
    }

    /// A program of its own, in the transaction of whoever starts it.
    pub(super) fn add_branch(&mut self, task: Task<'s>, path: String, patch: Patch) {
        self.pending.push_back(Pending { task, path, patch, transaction: self.transaction });
    }

    /// One branch for each shard of a database; each has the timeout and the retries of the call.
    pub(super) fn fork_over_shards(&mut self, path: String, shards: u16, join: Join, step: &'s scenario::Step) {
        let fork = Fork {
            entries: vec![0],
            shards,
            need: need(join.need),
            ignore_errors: join.ignore_errors,
            timeout: Span(0),
            ..fork(&path, step)
        };
        let index = self.add_fork(fork);
        self.add_branch(Task::Ask { step }, path, Patch::Fork(index, 0));
    }

    fn ask_shard(&mut self, step: &'s scenario::Step) {
        let Verb::Call { targets, .. } = &step.verb.value else { unreachable!("only calls ask shards") };
        self.asks_all = true;
        self.call_step(targets, step);
        self.asks_all = false;
    }

    /// Where the time goes of branches that took too long.
    fn lost(&mut self, fork: &mut Fork) {
        if fork.timeout == Span(0) {
            return;
        }
        fork.lost_cell = self.compiler.cell(&self.place.component, Cause::Lost);
    }

    pub(super) fn add_fork(&mut self, fork: Fork) -> usize {
        let at = self.compiler.model.forks.len();
        let index = self.compiler.index(at, "parallel steps");
        self.compiler.model.forks.push(fork);
        self.push(Step::Fork { fork: index });
        at
    }

    fn choose(&mut self, choices: &'s [Choice], spot: Spot) {
        let path = self.place.next("choose");
        if choices.iter().all(|choice| choice.when.is_none()) {
            let weights: Vec<f64> = choices.iter().map(|choice| choice.weight).collect();
            self.check_shares(&weights, "`{weight: REST, do: []}` if the others do nothing", spot);
        }
        let mut jumps = Vec::new();
        for (number, choice) in choices.iter().enumerate() {
            let rest: f64 = choices[number..].iter().map(|choice| choice.weight).sum();
            let is_last = number + 1 == choices.len();
            let whole = is_last || (choice.when.is_some() && 1.0 <= choice.weight);
            let share = if whole || rest <= 0.0 { 1.0 } else { choice.weight / rest };
            let here = format!("{path}/{number}");
            let mut around = self.unless(choice.when.as_ref());
            around.extend(self.branch_around(&here, share));
            self.inside(here, &choice.body);
            if !is_last {
                jumps.push(self.push(Step::Jump { to: 0 }));
            }
            self.land(&around);
        }
        self.land(&jumps);
    }

    /// A jump past the next alternative, taken unless it is chosen with this probability.
    pub(super) fn branch_around(&mut self, path: &str, share: f64) -> Option<usize> {
        if 1.0 <= share {
            return None;
        }
        let chance = self.compiler.index(self.compiler.model.chances.len(), "shares");
        let key = stream(path, Purpose::Choice);
        self.compiler.model.chances.push(Chance { key, share: threshold(1.0 - share) });
        Some(self.push(Step::Branch { chance, to: 0 }))
    }

    /// Lets the jumps lead to the next step.
    pub(super) fn land(&mut self, jumps: &[usize]) {
        let here = self.at();
        for jump in jumps {
            match &mut self.compiler.model.steps[*jump] {
                Step::Branch { to, .. }
                | Step::BranchBy { to, .. }
                | Step::Unless { to, .. }
                | Step::UnlessWorn { to }
                | Step::UnlessCaught { to, .. }
                | Step::UnlessShield { to, .. }
                | Step::Again { to, .. }
                | Step::Stale { to, .. }
                | Step::Dedupe { to, .. }
                | Step::Jump { to } => *to = here,
                step => unreachable!("{step:?} is not a jump"),
            }
        }
    }

    /// Jumps that are taken unless the condition holds.
    fn unless(&mut self, when: Option<&'s Spotted<Condition>>) -> Vec<usize> {
        let Some(condition) = when else { return Vec::new() };
        self.unless_body(&condition.value, condition.spot)
    }

    fn unless_body(&mut self, condition: &'s Condition, spot: Spot) -> Vec<usize> {
        match &condition.body {
            condition::Body::All(parts) => parts.iter().flat_map(|part| self.unless_body(part, spot)).collect(),
            condition::Body::Any(parts) => {
                let mut into = Vec::new();
                let mut past = Vec::new();
                for (number, part) in parts.iter().enumerate() {
                    past = self.unless_body(part, spot);
                    if number + 1 < parts.len() {
                        into.push(self.push(Step::Jump { to: 0 }));
                        self.land(&past);
                    }
                }
                self.land(&into);
                past
            }
            condition::Body::Compare(comparison) => {
                let watch = self.compiler.watch_of_when(comparison, &self.place.component, spot);
                watch.map(|watch| self.push(Step::Unless { watch, to: 0 })).into_iter().collect()
            }
        }
    }

    /// Shares given in per cent that do not make a whole.
    pub(super) fn check_shares(&mut self, weights: &[f64], rest_is: &str, spot: Spot) {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 || weights.iter().any(|weight| 1.0 <= *weight) || (total - 1.0).abs() < 1e-6 {
            return;
        }
        let percent = |share: f64| (share * 1e4).round() / 1e2;
        let message = format!("the shares add up to {}%, and are taken as parts of that", percent(total));
        let made = Diagnostic::new(Code::ShareSum, spot, message);
        let help = || format!("add {}", rest_is.replace("REST", &format!("{}%", percent(1.0 - total))));
        self.compiler.tell(if total < 1.0 && !rest_is.is_empty() { made.help(help()) } else { made });
    }
}

/// Everything around branches; their entries are filled in by whoever asks.
fn fork(path: &str, step: &scenario::Step) -> Fork {
    Fork {
        key: stream(path, Purpose::Choice),
        entries: Vec::new(),
        times: NONE16,
        draw: NONE16,
        shards: NONE16,
        hedge: NONE16,
        sequence: false,
        need: Need::All,
        ignore_errors: false,
        cancel: matches!(step.policy.cancel, Some(scenario::Cancel::After(_))),
        timeout: step.policy.timeout.flatten().map_or(Span(0), span),
        lost_cell: NONE16,
    }
}

fn need(need: scenario::Need) -> Need {
    match need {
        scenario::Need::All => Need::All,
        scenario::Need::Any => Need::First(1),
        scenario::Need::First(count) => Need::First(count),
        scenario::Need::Share(share) => Need::Share(share),
    }
}
