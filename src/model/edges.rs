//! Call sites: an edge holds what surrounds a call, merged from the step and the arrows that cover it.
//!
//! Targets with shares are one edge where everything around them is equal; otherwise the call becomes a choice among
//! calls. A sidecar costs the caller before the call, and the callee where its program begins: the callee's part is that
//! of `any -> callee`, because a program does not know who called it.

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::model::arrows::{End, Merged};
use crate::model::compile::{Compiler, cumulative, every_body, span, stream, walk};
use crate::model::links::Way;
use crate::model::program::{Edge, Post, Step, TransactionUse};
use crate::model::steps::Writer;
use crate::model::{Cause, FAILURES, NONE16, Pool};
use crate::policy::retry::Retry;
use crate::policy::sharding::Sharding;
use crate::policy::shed::Shed;
use crate::random::Purpose;
use crate::scenario;
use crate::scenario::{Cancel, Kind, Policy, Reference, Sidecar};
use crate::units::Span;

/// Who calls, as far as an edge cares.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) end: End<'a>,
    /// `None`: a load.
    pub(super) component: Option<u16>,
    /// The places a load comes from, if it was given any.
    pub(super) places: &'a [u16],
}

impl<'s> Writer<'_, 's> {
    /// A `call` step.
    pub(super) fn call_step(&mut self, targets: &'s [(Reference, f64)], step: &'s scenario::Step) {
        let path = self.place.next("call");
        let key = self.compiler.names.find_key(step.key.as_ref(), self.compiler.diags);
        let weights: Vec<f64> = targets.iter().map(|(_, weight)| *weight).collect();
        self.check_shares(&weights, "", step.verb.spot);
        let mut found = Vec::new();
        for (target, weight) in targets {
            if let Some(operation) = self.compiler.names.find_operation(target, self.compiler.diags) {
                found.push((operation, *weight));
            }
        }
        if !self.asks_all {
            self.look_up_shard(&path, &found);
        }
        self.asks_name = targets.first().map_or(NONE16, |(target, _)| self.compiler.name_asked(target));
        self.check_one_name(targets);
        self.call(&path, &found, &step.policy, key);
        self.asks_name = NONE16;
    }

    /// Targets with shares are called by one name, or by none.
    fn check_one_name(&mut self, targets: &[(Reference, f64)]) {
        let other = targets.iter().find(|(target, _)| self.compiler.name_asked(target) != self.asks_name);
        if let Some((target, _)) = other {
            let message = "one of these targets is asked by the name of another service, and the others are not";
            self.compiler.tell(Diagnostic::new(Code::Excluded, target.spot, message));
        }
    }

    /// Where a directory knows the shards of the callee, it is asked first.
    fn look_up_shard(&mut self, path: &str, found: &[(u16, f64)]) {
        let Some((operation, _)) = found.first() else { return };
        let (callee, _) = self.compiler.end_of(*operation);
        let Some(directory) = self.compiler.directory_of(&callee) else { return };
        self.call(&format!("{path}.directory"), &[(directory, 1.0)], &Policy::default(), NONE16);
    }

    /// `shards: all`: every shard of the database is asked at the same time.
    pub(super) fn scatter(&mut self, targets: &'s [(Reference, f64)], join: scenario::Join, step: &'s scenario::Step) {
        let path = self.place.next("scatter");
        let target = targets.first().and_then(|(to, _)| self.compiler.names.find_operation(to, self.compiler.diags));
        let Some(operation) = target else { return };
        let component = self.compiler.names.operations[usize::from(operation)].component;
        let copies = self.compiler.model.components[usize::from(component)].copies;
        let Some(known) = self.compiler.model.copies.get(usize::from(copies)).filter(|copies| copies.names_shards)
        else {
            let name = self.compiler.names.components[usize::from(component)];
            let message = format!("`{name}` has no shards that could all be asked");
            let told = Diagnostic::new(Code::Inert, step.verb.spot, message);
            return self.compiler.tell(told.help("give it `shards: {count: 4}`, or leave `shards: all` out"));
        };
        if let scenario::Need::First(first) = join.need
            && known.most() < first
        {
            let message = format!("{first} of {} shards can never answer", known.most());
            self.compiler.tell(Diagnostic::new(Code::ImpossibleQuorum, step.verb.spot, message));
        }
        self.fork_over_shards(path, copies, join, step);
    }

    /// A call of a transaction, or of one shard among all.
    fn is_bound(&self, operation: u16) -> bool {
        let component = self.compiler.names.operations[usize::from(operation)].component;
        self.asks_all || self.transaction.is_some() && self.transaction == self.compiler.behind(component)
    }

    /// The one call of an operation that a balancer or a gateway passes on.
    pub(super) fn forward(&mut self, to: &[(u16, String, f64)]) {
        let path = self.place.next("call");
        let names = &self.compiler.names;
        let found = to.iter().filter_map(|(component, name, weight)| {
            names.operation(*component, name).map(|operation| (operation, *weight))
        });
        let found: Vec<(u16, f64)> = found.collect();
        self.guarded(|writer| {
            writer.call(&path, &found, &Policy::default(), NONE16);
            let (component, operation) = writer.compiler.end_of(found.first()?.0);
            writer.compiler.fallback(writer.place.end(), End { name: &component, operation: &operation })
        });
    }

    pub(super) fn call(&mut self, path: &str, targets: &[(u16, f64)], own: &Policy, key: u16) {
        if self.hedged(path, targets, own, key) {
            return;
        }
        let mut groups: Vec<(Edge, Vec<(u16, f64)>)> = Vec::new();
        let mut sidecar = None;
        // Shares are a map, so their order must not matter; operations are numbered by name.
        let mut targets = targets.to_vec();
        targets.sort_by_key(|(operation, _)| *operation);
        for (operation, weight) in &targets {
            let place = &self.place;
            let component = self.compiler.names.component(place.end().name);
            let caller = Caller { end: place.end(), component, places: &[] };
            let to = self.compiler.end_of(*operation);
            let to = End { name: &to.0, operation: &to.1 };
            let merged = self.compiler.policy(own, caller.end, to);
            let mut edge = self.compiler.edge(path, caller, *operation, &merged);
            edge.key_given = key;
            edge.name = self.asks_name;
            edge.bound = self.is_bound(*operation);
            self.compiler.settle(&mut edge, *operation);
            match groups.iter_mut().find(|(known, _)| *known == edge) {
                Some((_, operations)) => operations.push((*operation, *weight)),
                None => groups.push((edge, vec![(*operation, *weight)])),
            }
            sidecar = sidecar.or(merged.policy.sidecar);
        }
        if let Some(sidecar) = &sidecar {
            self.sidecar(&format!("{path}.sidecar"), sidecar);
        }
        self.call_groups(path, groups);
    }

    fn call_groups(&mut self, path: &str, groups: Vec<(Edge, Vec<(u16, f64)>)>) {
        let weights: Vec<f64> = groups.iter().map(|(_, to)| to.iter().map(|(_, weight)| weight).sum()).collect();
        let mut jumps = Vec::new();
        let count = groups.len();
        for (number, (mut edge, to)) in groups.into_iter().enumerate() {
            let rest: f64 = weights[number..].iter().sum();
            let is_last = number + 1 == count;
            let share = if is_last || rest <= 0.0 { 1.0 } else { weights[number] / rest };
            let around = self.branch_around(&format!("{path}/{number}"), share);
            let thresholds = cumulative(to.iter().map(|(_, weight)| *weight));
            edge.targets = thresholds.into_iter().zip(to.iter().map(|(operation, _)| *operation)).collect();
            let caller = self.compiler.names.component(self.place.end().name);
            let from = caller.map_or_else(Vec::new, |component| self.compiler.standing(component));
            edge.round_trip_s = self.compiler.round_trip(&edge, &from);
            let edge = self.compiler.add_edge(edge);
            self.push(Step::Call { edge });
            if !is_last {
                jumps.push(self.push(Step::Jump { to: 0 }));
            }
            self.land(around.as_slice());
        }
        self.land(&jumps);
    }

    /// What a sidecar costs at this end.
    fn sidecar(&mut self, path: &str, sidecar: &Sidecar) {
        let component = self.place.end().name.to_owned();
        for (given, cause) in [(&sidecar.cpu, Cause::Cpu), (&sidecar.wait, Cause::Service)] {
            let path = format!("{path}.{}", cause.word());
            let draw = self.compiler.draw_unless_zero(&path, Purpose::Service, given.as_ref());
            if draw != NONE16 {
                let cell = self.compiler.cell(&component, cause);
                self.push(if cause == Cause::Cpu { Step::Cpu { draw, cell } } else { Step::Wait { draw, cell } });
            }
        }
    }

    /// What a sidecar costs where a call arrives.
    pub(super) fn sidecar_of_callee(&mut self) {
        let kind = &self.compiler.scenario.components[self.place.end().name].value.kind;
        if matches!(kind, Kind::External { .. }) {
            return;
        }
        let nobody = End { name: "", operation: "" };
        let merged = self.compiler.policy(&Policy::default(), nobody, self.place.end());
        if let Some(sidecar) = &merged.policy.sidecar {
            let end = self.place.end();
            let path = format!("{}.{}/sidecar", end.name, end.operation);
            self.sidecar(&path, sidecar);
        }
    }
}

impl Writer<'_, '_> {
    /// A transaction with what lies between here and its database.
    pub(super) fn add_transaction(&mut self, path: &str, component: u16, operation: u16) -> u16 {
        let name = self.compiler.names.components[usize::from(component)];
        let owner = self.compiler.names.component(self.place.end().name);
        let caller = Caller { end: self.place.end(), component: owner, places: &[] };
        let edge = self.compiler.edge(path, caller, operation, &Merged::default());
        let edge = self.compiler.add_edge(edge);
        let cell = self.compiler.cell(name, Cause::Network);
        let index = self.compiler.index(self.compiler.model.transactions.len(), "transactions");
        self.compiler.model.transactions.push(TransactionUse { component, edge, cell });
        index
    }
}

impl Compiler<'_> {
    /// The operation that says where the rows of a database are, if one is asked.
    fn directory_of(&mut self, database: &str) -> Option<u16> {
        let Kind::Database(said) = &self.scenario.components[database].value.kind else { return None };
        let by = &said.shards.as_ref()?.by;
        let Sharding::Directory(name) = &by.value else { return None };
        if name.contains('.') {
            return self.names.find_operation(&Spotted::new(name.clone(), by.spot), self.diags);
        }
        let component = self.names.find_component(name, by.spot, self.diags)?;
        let mut offered = (0..).zip(&self.names.operations).filter(|(_, offer)| offer.component == component);
        let first = offered.next().map(|(number, _)| number);
        if offered.next().is_some() {
            let message = format!("`{name}` has several operations");
            let told = Diagnostic::new(Code::UnknownOperation, by.spot, message);
            self.diags.push(told.help(format!("say which one finds a shard, as in `directory({name}.find)`")));
        }
        first
    }

    pub(super) fn add_edge(&mut self, edge: Edge) -> u16 {
        let index = self.index(self.model.edges.len(), "calls");
        self.model.edges.push(edge);
        index
    }

    /// Component and operation by name.
    pub(super) fn end_of(&self, operation: u16) -> (String, String) {
        let offer = &self.names.operations[usize::from(operation)];
        (self.names.components[usize::from(offer.component)].to_owned(), offer.name.clone())
    }

    /// Everything around a call to one operation; the targets are filled in by whoever asks.
    pub(super) fn edge(&mut self, path: &str, caller: Caller, operation: u16, merged: &Merged) -> Edge {
        let policy = &merged.policy;
        let target = self.names.operations[usize::from(operation)].component;
        let callee = self.names.components[usize::from(target)];
        let spot = self.scenario.components[callee].spot;
        let Way { link, pipe, ways, local } = self.link(path, caller, operation);
        let limit = policy.rate_limit.as_ref().map(|limit| {
            let name = merged.limit_of.clone().unwrap_or_else(|| path.to_owned());
            self.limit(&name, limit, callee, spot)
        });
        let mut pool = policy.pool.as_ref().map_or(NONE16, |pool| self.pool(caller, target, pool, (0, Span(0))));
        if let Some(Kind::Pooler(pooler)) = self.kind_of(caller) {
            let own = scenario::Pool { size: pooler.size, wait_s: None, connect: None };
            pool = self.pool(caller, target, &own, (pooler.reserve, span(pooler.reserve_after_s)));
        }
        let limit_s = if let Kind::Function(said) = &self.scenario.components[callee].value.kind {
            Some(said.limit_s)
        } else {
            None
        };
        let timeout = policy.timeout.flatten().map_or(Span(0), span);
        let is_longer = |limit: f64| timeout == Span(0) || span(limit) <= timeout;
        let ended_by_callee = limit_s.filter(|limit| is_longer(*limit)).map(span);
        let retry = policy.retry.clone().flatten().map(|retry| self.retry(retry, spot));
        Edge {
            key: stream(path, Purpose::Routing),
            caller: caller.component.unwrap_or(NONE16),
            targets: Vec::new(),
            name: NONE16,
            bound: false,
            plain: false,
            timeout: ended_by_callee.unwrap_or(timeout),
            deadline: policy.deadline.flatten().map_or(Span(0), span),
            cancel: match policy.cancel {
                _ if ended_by_callee.is_some() => Some(Span(0)),
                Some(Cancel::After(seconds)) => Some(span(seconds)),
                Some(Cancel::No) | None => None,
            },
            breaker: self.breaker(path, caller, target, merged),
            eject: self.eject(path, caller, target, merged),
            pool,
            limits: limit.into_iter().collect(),
            link,
            pipe,
            ways,
            round_trip_s: 0.0,
            local,
            payload: NONE16,
            carries: NONE16,
            post: Post::None,
            connect_round_trips_milli: policy.connect.map_or(0, |connect| (connect.round_trips * 1e3).round() as u32),
            connect_keep: policy.connect.map_or(Span(0), |connect| connect.keep_s.map_or(Span::MAX, span)),
            key_given: NONE16,
            network_cell: NONE16,
            backoff_cell: NONE16,
            lost_cell: NONE16,
            limit_cell: NONE16,
            retry,
        }
    }

    /// Tells whether anything surrounds the call, and gives its time the cells that it needs.
    pub(super) fn settle(&mut self, edge: &mut Edge, operation: u16) {
        let target = self.names.operations[usize::from(operation)].component;
        let is_keyed = self.model.components.get(usize::from(target));
        let is_keyed = is_keyed.is_some_and(crate::model::Component::needs_key);
        // Who learns from the times of visits must see them end.
        let learns =
            self.names.components.get(usize::from(target)).is_some_and(|name| {
                matches!(self.scenario.components[*name].value.shed, Some(Shed::Concurrency { .. }))
            });
        edge.plain = is_plain(edge) && !is_keyed && !learns && !self.has_trouble();
        if edge.plain {
            return;
        }
        let (callee, _) = self.end_of(operation);
        edge.network_cell = self.cell(&callee, Cause::Network);
        if edge.retry.is_some() {
            edge.backoff_cell = self.cell(&callee, Cause::BackOff);
        }
        if !edge.limits.is_empty() {
            edge.limit_cell = self.cell(&callee, Cause::RateLimit);
        }
        // A deadline anywhere above is handed down to calls that have none themselves.
        if edge.timeout != Span(0) || self.has_deadlines() {
            edge.lost_cell = self.cell(&callee, Cause::Lost);
        }
    }

    pub(super) fn has_deadlines(&self) -> bool {
        let given = |policy: &Policy| policy.deadline.flatten().is_some();
        let on_steps = || {
            let mut found = false;
            for body in every_body(self.scenario) {
                walk(body, &mut |step| found |= given(&step.policy));
            }
            found
        };
        self.scenario.policies.iter().any(|entry| given(&entry.value.1))
            || self.scenario.load.values().any(|load| given(&load.value.policy))
            || on_steps()
    }

    fn retry(&mut self, mut retry: Retry, spot: Spot) -> Retry {
        self.tell_problem(retry.problem(), spot);
        retry.on_mask = self.kinds_as_bits(&retry.on, spot);
        retry
    }

    /// Kinds of failure as a set of their numbers; no names are all.
    pub(super) fn kinds_as_bits(&mut self, kinds: &[String], spot: Spot) -> u64 {
        if kinds.is_empty() {
            return u64::MAX;
        }
        let mut mask = 0;
        for kind in kinds {
            match self.failures.get(kind) {
                Some(number) if *number < 64 => mask |= 1 << number,
                _ => {
                    let message = format!("`{kind}` is not a kind of failure that this scenario knows");
                    let known = FAILURES.iter().copied();
                    self.diags.push(Diagnostic::new(Code::UnknownWord, spot, message).nearest(kind, known));
                }
            }
        }
        mask
    }

    /// The pool that instances of the caller have for this component; all their calls share it.
    /// The component that calls, if it is one.
    fn kind_of(&self, caller: Caller) -> Option<&'_ Kind> {
        let component = caller.component?;
        Some(&self.scenario.components[self.names.components[usize::from(component)]].value.kind)
    }

    fn pool(&mut self, caller: Caller, target: u16, pool: &scenario::Pool, reserve: (u32, Span)) -> u16 {
        let callee = self.names.components[usize::from(target)];
        let name = format!("{} -> {callee}", caller.end.name);
        let identity = format!("{name} {pool:?}");
        if let Some(known) = self.pools.get(&identity) {
            return *known;
        }
        let owner_name = if caller.component.is_some() { caller.end.name } else { callee };
        let connect_draw = self.draw_unless_zero(&format!("{name}/pool.connect"), Purpose::Link, pool.connect.as_ref());
        let connect_cell = if connect_draw == NONE16 { NONE16 } else { self.cell(owner_name, Cause::Connect) };
        let index = self.index(self.model.pools.len(), "pools");
        let made = Pool {
            name,
            owner: caller.component.unwrap_or(NONE16),
            target,
            size: pool.size,
            reserve: reserve.0,
            reserve_after: reserve.1,
            wait: pool.wait_s.map(span),
            connect_draw,
            wait_cell: self.cell(owner_name, Cause::Pool),
            connect_cell,
        };
        self.model.pools.push(made);
        self.pools.insert(identity, index);
        index
    }
}

/// Whether the engine may take its fastest path: nothing surrounds the call.
fn is_plain(edge: &Edge) -> bool {
    let indices =
        [edge.name, edge.pool, edge.link, edge.pipe, edge.ways, edge.payload, edge.key_given, edge.breaker, edge.eject];
    !edge.bound
        && edge.timeout == Span(0)
        && edge.deadline == Span(0)
        && edge.retry.is_none()
        && edge.limits.is_empty()
        && edge.connect_round_trips_milli == 0
        && indices.iter().all(|index| *index == NONE16)
}
