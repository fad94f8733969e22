//! Components: what is said once for all their instances.
//!
//! A balancer's policy of choice, health checks and stickiness belong to the components it leads to, because there is one
//! balancer state for each component, shared by all who call it. Where a target states its own, the balancer's wins.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::model::compile::{Compiler, span, stream, threshold};
use crate::model::guards::{LimitSpec, Sticky};
use crate::model::region::Region;
use crate::model::{Buffer, Cause, Component, Function, Health, NONE, NONE16, Warm};
use crate::policy::balance::Balance;
use crate::policy::discipline::Order;
use crate::policy::health::Checks;
use crate::policy::limit::Limit;
use crate::policy::replication::ReadFrom;
use crate::policy::shed::Shed;
use crate::random::Purpose;
use crate::scenario;
use crate::scenario::condition::Resource;
use crate::scenario::database::Database;
use crate::scenario::fault::Act;
use crate::scenario::function::Pooling;
use crate::scenario::{Availability, Kind, Length, MachineChoice, Prefer};
use crate::units::{Span, human_bytes};

/// Bytes of a page.
const PAGE: f64 = 8192.0;

/// How the instances of a balancer itself are found.
static TURNS: Spotted<Balance> = Spotted { value: Balance::RoundRobin, spot: Spot { file: 0, start: 0, end: 0 } };

/// How instances of a component are chosen: its own words, or those of the balancer in front of it.
struct Choosing<'a> {
    balance: &'a Spotted<Balance>,
    sticky: Option<&'a scenario::Sticky>,
    health: Option<scenario::Health>,
}

impl<'a> Compiler<'a> {
    /// All components, in the order of their names.
    pub(super) fn compile_components(&mut self) {
        let scenario = self.scenario;
        let mut first = 0;
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let count = self.model.stations.iter().filter(|station| usize::from(station.component) == number).count();
            let mut component = self.component(name, written);
            (component.first, component.count) = (first, count as u32);
            let copies = self.model.copies.iter().position(|copies| usize::from(copies.component) == number);
            component.copies = copies.map_or(NONE16, |copies| copies as u16);
            first += count as u32;
            self.check_figures(name, written);
            self.check_image(name, written);
            self.check_disk_size(name, &written.value, written.spot);
            self.weigh(&component, written.value.balance.spot);
            self.model.components.push(component);
            if count == 0 {
                let message = format!("`{name}` has no instances, so nothing could answer");
                self.tell(Diagnostic::new(Code::OutOfRange, written.spot, message));
            }
        }
        self.index(scenario.components.len(), "components");
    }

    /// An image that needs no time to come is none.
    fn check_image(&mut self, name: &str, written: &Spotted<scenario::Component>) {
        let number = self.names.component(name).unwrap_or(NONE16);
        let mut hosts = self.model.stations.iter().filter(|station| station.component == number);
        let has_card = hosts
            .any(|station| self.model.hosts.get(station.host as usize).is_some_and(|host| 0.0 < host.nic_bytes_per_s));
        if 0.0 < written.value.image_bytes && !has_card {
            let message = format!("the machines of `{name}` have no network card that its image would come over");
            let told = Diagnostic::new(Code::Inert, written.spot, message);
            self.tell(told.help("add `nic: 10Gbps`, or name a `machine`"));
        }
    }

    fn component(&mut self, name: &str, written: &'a Spotted<scenario::Component>) -> Component {
        let said = &written.value;
        let choosing = self.choosing(name, written);
        let database = if let Kind::Database(database) = &said.kind { Some(database) } else { None };
        let (coin, up_draw, down_draw) = self.availability(name, &said.kind);
        let pauses = self.scenario.faults.values().any(|fault| matches!(fault.value.act, Act::Pause(_)));
        let limited = said.workers.is_some() || pauses;
        Component {
            name: name.to_owned(),
            kind: said.kind.word(),
            first: 0,
            count: 0,
            slots: said.workers.unwrap_or(NONE),
            slots_are: if database.is_some() { Resource::Connections } else { Resource::Workers },
            queue_limit: said.queue_limit.unwrap_or(NONE),
            order: said.order.clone(),
            shed: said.shed.clone(),
            order_key: if let Order::Fair(key) = &said.order { self.key_named(key, written.spot) } else { NONE16 },
            waits_async: !said.waits_sync,
            balance: choosing.balance.value.clone(),
            balance_key: match &choosing.balance.value {
                Balance::Hash(key) | Balance::ConsistentHash(key, _) => self.key_named(key, choosing.balance.spot),
                _ => NONE16,
            },
            sticky: choosing.sticky.map(|sticky| self.sticky(sticky)),
            health: choosing.health.map(health),
            prefers: self.prefers(name, said, &choosing.balance.value).0,
            prefers_zone: self.prefers(name, said, &choosing.balance.value).1,
            failover: self.failover(choosing.balance),
            pulls: self.pulls(choosing.balance),
            cells: self.cells(name),
            naming: self.naming(name, written),
            key: stream(&format!("components.{name}"), Purpose::Routing),
            queue_cell: if limited { self.cell(name, Cause::Wait) } else { NONE16 },
            limit: said.rate_limit.as_ref().map_or(NONE16, |limit| self.limit(name, limit, name, written.spot)),
            coin,
            up_draw,
            down_draw,
            image_bytes: said.image_bytes,
            boot_draw: self.draw(&format!("components.{name}.boot"), Purpose::Fault, &said.boot),
            warm: said.warm.map(|warm| Warm {
                lasts: span(warm.lasts_s),
                slower: warm.slower,
                joins_warm: warm.joins_warm,
            }),
            drain: span(said.drain_s),
            pod: said.placement.overrides.pod,
            memory_idle: said.memory.idle_bytes as u64,
            memory_each: said.memory.each_bytes as u64,
            memory_limit: said.memory.limit_bytes.map_or(u64::MAX, |bytes| bytes as u64),
            buffer: database.and_then(|database| self.buffer(database)),
            wal: database.map_or(NONE16, |database| self.wal(name, database)),
            row_bytes: database.and_then(|database| database.row_bytes).unwrap_or(0.0),
            copies: NONE16,
            cache: NONE16,
            state: NONE16,
            topic: NONE16,
            events: NONE16,
            function: self.function(name, &said.kind),
            pooling: match &said.kind {
                Kind::Pooler(pooler) => Some(pooler.pooling),
                _ => None,
            },
            price_per_request: self.price_per_request(name, &said.kind),
        }
    }

    /// Whose words say how an instance of this component is chosen.
    fn choosing(&mut self, name: &str, written: &'a Spotted<scenario::Component>) -> Choosing<'a> {
        let said = &written.value;
        let in_front = balancers(self.scenario, name);
        let own = Choosing { balance: &said.balance, sticky: said.sticky.as_ref(), health: said.health };
        if matches!(said.kind, Kind::Balancer { .. }) {
            // Its own words are about its targets; its own instances are found in turn.
            let is_name = matches!(said.kind, Kind::Balancer { naming: Some(_), .. });
            return Choosing { balance: &TURNS, sticky: None, health: said.health.filter(|_| is_name) };
        }
        let Some((first, balancer)) = in_front.first() else { return own };
        let differs = |(_, other): &&(&str, &scenario::Component)| {
            other.balance.value != balancer.balance.value || other.health != balancer.health
        };
        if let Some((second, _)) = in_front.iter().find(differs) {
            let message = format!("`{first}` and `{second}` choose among the instances of `{name}` in different ways");
            let made = Diagnostic::new(Code::TwoBalancers, written.spot, message);
            self.diags.push(made.help("give both the same `balance` and `health`, or each targets of its own"));
        }
        let is_default = balancer.balance.value == Balance::RoundRobin;
        Choosing {
            balance: if is_default { own.balance } else { &balancer.balance },
            sticky: balancer.sticky.as_ref().or(own.sticky),
            health: balancer.health.or(own.health),
        }
    }

    /// Whether it matters where callers stand, and whether their zone does.
    fn prefers(&self, name: &str, said: &scenario::Component, balance: &Balance) -> (bool, bool) {
        let regions = &self.model.regions;
        let several = 1 < regions.len();
        let any = several || regions.iter().any(|region| 1 < region.zones);
        if self.stamp_of(name).is_some() && !matches!(said.kind, Kind::Database(_)) {
            return (true, false);
        }
        let replicas = if let Kind::Database(database) = &said.kind { database.replicas.as_ref() } else { None };
        let reads_nearest = replicas.is_some_and(|replicas| replicas.read == ReadFrom::Nearest);
        match (balance, said.prefer) {
            (Balance::Latency | Balance::Failover(_) | Balance::Geoproximity(_), _) => (any, false),
            (Balance::Nearest, _) | (_, Prefer::Zone) => (any, any),
            _ if reads_nearest => (any, any),
            (_, Prefer::Region) => (several, false),
            (_, Prefer::Any) => (self.is_named(name) && any, false),
        }
    }

    /// The stamp that a component is part of.
    pub(super) fn stamp_of(&self, name: &str) -> Option<&'a scenario::stamps::Stamp> {
        let mut stamps = self.scenario.stamps.values().map(|stamp| &stamp.value);
        stamps.find(|stamp| stamp.of.iter().any(|part| part.value == name))
    }

    /// Key and number of the cells that the instances of a component are dealt to.
    fn cells(&mut self, name: &str) -> Option<(u16, u32)> {
        let stamp = self.stamp_of(name)?;
        let key = self.names.find_key(Some(&stamp.by), self.diags);
        if self.is_named(name) {
            let message = format!("a name service answers with a region of `{name}`, and its cells are dealt over all");
            let part = stamp.of.iter().find(|part| part.value == name)?;
            self.tell(Diagnostic::new(Code::Excluded, part.spot, message).help("put a balancer between the two"));
        }
        let is_database = matches!(self.scenario.components[name].value.kind, Kind::Database(_));
        (key != NONE16 && !is_database).then_some((key, stamp.count))
    }

    /// Whether a name service answers with the regions of the component.
    fn is_named(&self, name: &str) -> bool {
        let names = |kind: &Kind| matches!(kind, Kind::Balancer { targets, naming: Some(_) } if targets.iter().any(|(to, _)| to.value == name));
        self.scenario.components.values().any(|component| names(&component.value.kind))
    }

    /// The places of `failover(a b)`.
    fn failover(&mut self, balance: &Spotted<Balance>) -> Vec<u16> {
        let Balance::Failover(names) = &balance.value else { return Vec::new() };
        names.iter().filter_map(|name| self.find_place_in(name, balance.spot)).collect()
    }

    /// The weights of `weighted(...)`: by instance, by zone, or in the order of instances.
    fn weigh(&mut self, component: &Component, spot: Spot) {
        let Balance::Weighted(weights) = &component.balance else { return };
        let mut used = vec![false; weights.len()];
        for instance in 0..component.count {
            let station = &mut self.model.stations[(component.first + instance) as usize];
            let mut known = place_names(&self.model.regions, station.place);
            known.push(format!("{}/{instance}", component.name));
            let named = weights.iter().position(|(name, _)| known.contains(name));
            let in_order = weights.get(instance as usize).filter(|(name, _)| name.is_empty());
            if let Some(found) = named.or(in_order.map(|_| instance as usize)) {
                station.weight = weights[found].1;
                used[found] = true;
            }
        }
        for ((name, weight), _) in weights.iter().zip(used).filter(|(_, used)| !used) {
            let what = if name.is_empty() { format!("the weight {weight}") } else { format!("`{name}`") };
            let message = format!("{what} belongs to no instance of `{}`", component.name);
            self.tell(Diagnostic::new(Code::UnknownPart, spot, message));
        }
    }

    /// What a policy says about itself.
    pub(super) fn tell_problem(&mut self, problem: Option<String>, spot: Spot) {
        if let Some(problem) = problem {
            self.tell(Diagnostic::new(Code::OutOfRange, spot, problem));
        }
    }

    /// Figures that cannot be, or cannot be together.
    fn check_figures(&mut self, name: &str, written: &Spotted<scenario::Component>) {
        let said = &written.value;
        self.tell_problem(said.balance.value.problem(), said.balance.spot);
        self.tell_problem(said.order.problem(said.queue_limit), written.spot);
        self.check_shed(name, written);
        if let Some(said) = said.health {
            let Health { interval, healthy, unhealthy, timeout } = health(said);
            let checks = Checks { interval, healthy, unhealthy, timeout, phase: Span(0) };
            self.tell_problem(checks.problem(), written.spot);
        }
        if said.memory.limit_bytes.is_some_and(|limit| limit < said.memory.idle_bytes) {
            let message = format!("an instance of `{name}` needs more memory when idle than its limit allows");
            self.tell(Diagnostic::new(Code::OutOfRange, written.spot, message));
        }
    }

    /// Shedding that cannot be, or that nothing here would ever do.
    fn check_shed(&mut self, name: &str, written: &Spotted<scenario::Component>) {
        let Some(shed) = &written.value.shed else { return };
        self.tell_problem(shed.problem(written.value.queue_limit), written.spot);
        let acts = match shed {
            Shed::Codel { .. } | Shed::Deadline if written.value.workers.is_none() => {
                Some("has workers without limit, so nobody waits there and nothing is shed")
            }
            Shed::Deadline if !self.has_deadlines() => Some("sheds by deadlines, and nobody states one"),
            _ => None,
        };
        if let Some(why) = acts {
            let made = Diagnostic::new(Code::Inert, written.spot, format!("`{name}` {why}"));
            self.tell(made.help("give callers a `deadline`, or the component `workers`; or leave `shed` out"));
        }
    }

    fn sticky(&mut self, said: &scenario::Sticky) -> Sticky {
        let is_session = said.by.value == "session";
        let key = if is_session { NONE16 } else { self.names.find_key(Some(&said.by), self.diags) };
        Sticky { key, hold: said.hold_s.map(span) }
    }

    /// The coin and the renewal process of an external.
    fn availability(&mut self, name: &str, kind: &Kind) -> (u64, u16, u16) {
        let Kind::External { availability, .. } = kind else { return (0, NONE16, NONE16) };
        match availability {
            Availability::Always => (0, NONE16, NONE16),
            Availability::Share(share) => (threshold(1.0 - share), NONE16, NONE16),
            Availability::Renewal { up, down } => {
                let up = self.draw(&format!("components.{name}.availability.up"), Purpose::Failure, up);
                let down = self.draw(&format!("components.{name}.availability.down"), Purpose::Failure, down);
                (0, up, down)
            }
        }
    }

    /// Data that is larger than the disk it is to stand on.
    fn check_disk_size(&mut self, name: &str, said: &scenario::Component, spot: Spot) {
        let Kind::Database(database) = &said.kind else { return };
        let (Some(rows), Some(row)) = (self.rows_of(database), database.row_bytes) else { return };
        let size = match &said.placement.machine {
            MachineChoice::On(host) => self.scenario.hosts.get(&host.value).and_then(|h| h.value.overrides.disk_bytes),
            _ => said.placement.overrides.disk_bytes,
        };
        let bytes = rows * row / f64::from(database.shards());
        if size.is_some_and(|size| size < bytes) {
            let (data, size) = (human_bytes(bytes), human_bytes(size.unwrap_or(0.0)));
            let of = if database.shards.is_some() { "a shard of " } else { "" };
            let message = format!("{of}`{name}` has {data} of data and a disk of {size}");
            self.tell(Diagnostic::new(Code::OutOfRange, spot, message).help("give it a larger disk, or less data"));
        }
    }

    /// Rows of all shards of a database, with what it grows by.
    pub(super) fn rows_of(&self, database: &Database) -> Option<f64> {
        let length = if let Length::Duration(seconds) = self.scenario.run.length { seconds } else { 0.0 };
        database.rows_in(length)
    }

    fn buffer(&mut self, database: &Database) -> Option<Buffer> {
        let of_shards = database.shards.as_ref().and_then(|shards| shards.key.as_ref());
        let key = self.names.find_key(database.key.as_ref().or(of_shards), self.diags);
        let (pool, rows) = (database.pool_bytes?, self.rows_of(database)?);
        let row = database.row_bytes.unwrap_or(1.0).max(1.0);
        let rows = (rows / f64::from(database.shards())).ceil();
        Some(Buffer {
            pages: ((pool / PAGE) as u64).max(1),
            data_pages: ((rows * row / PAGE).ceil() as u64).max(1),
            rows_per_page: PAGE / row,
            rows,
            key,
        })
    }

    /// What starts environments, if it is a function.
    fn function(&mut self, name: &str, kind: &Kind) -> u16 {
        let Kind::Function(said) = kind else { return NONE16 };
        let cold_draw = self.draw_unless_zero(&format!("components.{name}.cold"), Purpose::Service, Some(&said.cold));
        let made = Function {
            component: self.names.component(name).unwrap_or(NONE16),
            environments: said.environments.clone(),
            cold_draw,
            cold_cell: self.cell(name, Cause::Cold),
            memory_bytes: said.memory_bytes,
        };
        self.model.functions.push(made);
        self.index(self.model.functions.len() - 1, "functions")
    }

    /// The database behind a pooler, or the component itself.
    pub(super) fn behind(&self, component: u16) -> Option<u16> {
        match &self.written(component).value.kind {
            Kind::Pooler(pooler) if pooler.pooling != Pooling::Statement => {
                pooler.targets.first().and_then(|(to, _)| self.names.component(&to.value))
            }
            _ => Some(component),
        }
    }

    fn price_per_request(&self, name: &str, kind: &Kind) -> f64 {
        let own = match kind {
            Kind::External { price_per_request, .. } => *price_per_request,
            Kind::Queue(queue) => queue.price_per_request,
            Kind::Function(function) => function.per_request,
            _ => 0.0,
        };
        self.scenario.prices.requests.get(name).copied().unwrap_or(own)
    }

    /// A key that a policy names; the place is that of the policy.
    pub(super) fn key_named(&mut self, key: &str, spot: Spot) -> u16 {
        let reference = Spotted::new(key.to_owned(), spot);
        self.names.find_key(Some(&reference), self.diags)
    }

    /// The rate limit that is known as `name`; whoever asks for it again shares it.
    pub(super) fn limit(&mut self, name: &str, limit: &Limit, cell_of: &str, spot: Spot) -> u16 {
        if let Some(known) = self.limits.get(name) {
            return *known;
        }
        self.tell_problem(limit.problem(), spot);
        let key = limit.per.as_ref().map_or(NONE16, |key| self.key_named(key, spot));
        let cell = self.cell(cell_of, Cause::RateLimit);
        let index = self.index(self.model.limits.len(), "rate limits");
        self.model.limits.push(LimitSpec { name: name.to_owned(), limit: limit.clone(), key, cell });
        self.limits.insert(name.to_owned(), index);
        index
    }
}

/// The balancers that lead to a component; a name service leads to regions, not to instances.
fn balancers<'a>(scenario: &'a scenario::Scenario, target: &str) -> Vec<(&'a str, &'a scenario::Component)> {
    let leads = |kind: &Kind| matches!(kind, Kind::Balancer { targets, naming: None } if targets.iter().any(|(to, _)| to.value == target));
    let all: &BTreeMap<_, _> = &scenario.components;
    all.iter().filter(|(_, c)| leads(&c.value.kind)).map(|(name, c)| (name.as_str(), &c.value)).collect()
}

/// `home/0`, `home/a` and `home`: zones are counted or lettered.
fn place_names(regions: &[Region], place: u16) -> Vec<String> {
    let is_here = |region: &&Region| region.first <= place && place - region.first < region.zones;
    let Some(region) = regions.iter().find(is_here) else { return Vec::new() };
    let (name, zone) = (&region.name, place - region.first);
    vec![format!("{name}/{zone}"), format!("{name}/{}", char::from(b'a' + (zone % 26) as u8)), name.clone()]
}

fn health(said: scenario::Health) -> Health {
    Health {
        interval: span(said.interval_s),
        healthy: said.healthy,
        unhealthy: said.unhealthy,
        timeout: span(said.timeout_s),
    }
}
