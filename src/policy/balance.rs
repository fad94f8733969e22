//! Which instance of a component serves a request.
//!
//! One balancer stands before each component, shared by all its callers. It knows how many requests are outstanding at
//! each instance because the engine tells it (`more`, `less`), and who is eligible (`set_eligible`). Ties go to the first
//! instance after the last pick, in cyclic order. What can go wrong: forgetting `less` on some way out makes an instance
//! look busy for ever.

pub mod geo;
pub mod near;

use crate::policy::balance::geo::Pull;
use crate::policy::balance::near::Wish;
use crate::policy::ring::{Ring, points_problem};
use crate::policy::{Form, form, unknown};
use crate::random::{Chain, below, bits, occasion};
use crate::reader::{Arg, ReadError, Term, read_term};
use crate::units::{Dimension, Span, Time};

/// How a caller chooses among the instances of a component.
#[derive(Clone, Debug, PartialEq)]
pub enum Balance {
    /// Take turns.
    ///
    /// ```yaml
    /// balance: round_robin
    /// ```
    RoundRobin,
    /// Take turns in proportion to weights, spread evenly (smooth weighted round robin, as nginx does it). Names of
    /// instances or zones with their weights; without any, the weights of the machines (their cores).
    ///
    /// ```yaml
    /// balance: weighted(web/0=5 web/1=1)
    /// ```
    Weighted(Vec<(String, f64)>),
    /// The one with the fewest outstanding requests.
    ///
    /// ```yaml
    /// balance: least_connections
    /// ```
    LeastConnections,
    /// The one with the least unfinished work, as if demands were known in advance.
    ///
    /// ```yaml
    /// balance: least_work
    /// ```
    LeastWork,
    /// Any, with equal probability.
    ///
    /// ```yaml
    /// balance: random
    /// ```
    Random,
    /// Draw so many (with replacement) and take the one with the fewest outstanding requests; the first drawn wins a tie.
    ///
    /// ```yaml
    /// balance: choices(2)
    /// ```
    Choices(u32),
    /// By the value of a key, modulo the number of living instances.
    ///
    /// ```yaml
    /// balance: hash(ip)
    /// ```
    Hash(String),
    /// By the value of a key on a ring with so many points for each instance.
    ///
    /// ```yaml
    /// balance: consistent_hash(user)
    /// ```
    ConsistentHash(String, u32),
    /// The least product of mean latency (over about 10 s) and outstanding requests plus one.
    ///
    /// ```yaml
    /// balance: least_latency
    /// ```
    LeastLatency,
    /// An idle one if there is any, else any with equal probability.
    ///
    /// ```yaml
    /// balance: join_idle
    /// ```
    JoinIdle,
    /// The instances of the caller's zone, then of its region, then of the nearest region that has a living one, in turn.
    ///
    /// ```yaml
    /// balance: nearest
    /// ```
    Nearest,
    /// The instances of the region with the least round trip from the caller plus recent latency there, in turn.
    ///
    /// ```yaml
    /// balance: latency
    /// ```
    Latency,
    /// The instances of the first of these places that has a living one, in turn.
    ///
    /// ```yaml
    /// balance: failover(us-east-1 eu-west-1)
    /// ```
    Failover(Vec<String>),
    /// The instances of the region that is nearest when distances count as its weight and bias say, in turn.
    ///
    /// ```yaml
    /// balance: geoproximity(us-east-1=100 eu-west-1=100+10)
    /// ```
    Geoproximity(Vec<Pull>),
}

/// How a balance may be written.
pub const FORMS: &[Form] = &[
    form("round_robin", "round_robin", "Instances take turns."),
    form(
        "weighted",
        "weighted(web/0=5 web/1=1)",
        "Turns in proportion to weights; without any, to the cores of the machines.",
    ),
    form("least_connections", "least_connections", "The instance with the fewest outstanding requests."),
    form("least_work", "least_work", "The instance with the least unfinished work, as if demands were known."),
    form("random", "random", "Any instance, with equal probability."),
    form("choices", "choices(2)", "Draw so many instances and take the one with the fewest outstanding requests."),
    form("hash", "hash(ip)", "By the value of a key, modulo the number of living instances."),
    form(
        "consistent_hash",
        "consistent_hash(user)",
        "By the value of a key on a ring of hashes (`points=150` for each instance).",
    ),
    form("least_latency", "least_latency", "The least product of recent latency and outstanding requests plus one."),
    form("join_idle", "join_idle", "An idle instance if there is one, else any."),
    form("nearest", "nearest", "Turns in the caller's zone, else its region, else the nearest region."),
    form("latency", "latency", "Turns in the region with the least round trip plus recent latency of its instances."),
    form("failover", "failover(us-east-1 eu-west-1)", "Turns in the first of these places that has a living instance."),
    form(
        "geoproximity",
        geo::EXAMPLE,
        "Turns in the nearest region, where weights and biases shrink or stretch distances.",
    ),
];

/// Other words for the same.
const SYNONYMS: &[(&str, &str)] = &[("ip_hash", "hash(ip)"), ("two_choices", "choices(2)")];

/// Points of an instance on the ring, as is usual.
const POINTS: u32 = 150;

impl Balance {
    /// Reads what stands after `balance:`.
    pub fn read(term: &Term) -> Result<Balance, ReadError> {
        if let Some((_, meant)) = SYNONYMS.iter().find(|(name, _)| *name == term.name.text) {
            term.expect_bare()?;
            return Balance::read(&read_term(meant)?);
        }
        let bare = |balance| term.expect_bare().map(|()| balance);
        match term.name.text.as_str() {
            "round_robin" => bare(Balance::RoundRobin),
            "weighted" => weights(term).map(Balance::Weighted),
            "least_connections" => bare(Balance::LeastConnections),
            "least_work" => bare(Balance::LeastWork),
            "random" => bare(Balance::Random),
            "choices" => {
                term.expect_only(&[])?;
                term.expect_positionals(1, 1, "choices(2)")?;
                Ok(Balance::Choices(term.whole(0, "choices(2)")?.min(u64::from(u32::MAX)) as u32))
            }
            "hash" => {
                term.expect_only(&[])?;
                key_of(term, "hash(ip)").map(Balance::Hash)
            }
            "consistent_hash" => {
                term.expect_only(&["points"])?;
                let points = term.named_quantity("points", Dimension::Count)?.unwrap_or(f64::from(POINTS));
                Ok(Balance::ConsistentHash(key_of(term, "consistent_hash(user)")?, points as u32))
            }
            "least_latency" => bare(Balance::LeastLatency),
            "join_idle" => bare(Balance::JoinIdle),
            "nearest" => bare(Balance::Nearest),
            "latency" => bare(Balance::Latency),
            "failover" => places(term).map(Balance::Failover),
            "geoproximity" => geo::read(term).map(Balance::Geoproximity),
            _ => Err(unknown(term, "a way to balance", FORMS)),
        }
    }

    /// The name of the key that decides, if one does.
    pub fn key(&self) -> Option<&str> {
        match self {
            Balance::Hash(key) | Balance::ConsistentHash(key, _) => Some(key),
            _ => None,
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        match self {
            Balance::Choices(0) => Some("`choices(0)` looks at no instance; `choices(2)` is usual".to_owned()),
            Balance::ConsistentHash(_, points) => points_problem(*points),
            Balance::Weighted(weights) if !weights.is_empty() && weights.iter().all(|(_, weight)| *weight <= 0.0) => {
                Some("no instance has a weight above 0, so none would ever be picked".to_owned())
            }
            _ => None,
        }
    }
}

/// What a pick may look at besides the balancer's own state.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// The addressed draw that belongs to this pick.
    pub bits: u64,
    /// The value of the key that `hash` and `consistent_hash` name.
    pub key_value: u64,
    pub now: Time,
    /// Work the request brings, for `least_work`: nanoseconds of one slot.
    pub demand_ns: u64,
}

/// The running state: what the balancer knows about the instances of one component.
#[derive(Clone, Debug)]
pub struct Balancer {
    rule: Rule,
    /// Requests at each instance that the balancer has sent there and that have not come back.
    outstanding: Vec<u32>,
    /// Who may be picked: first of all instances, then of each zone and region.
    groups: Vec<Group>,
    /// The groups besides the first that each instance belongs to; empty if there are none.
    member_of: Vec<Vec<u16>>,
    /// What the callers at each place prefer, those nowhere last; empty if nobody minds.
    wishes: Vec<Wish>,
    /// Callers never leave the first group that they prefer, whether it lives or not.
    stays: bool,
}

/// A rule with what it remembers.
#[derive(Clone, Debug)]
enum Rule {
    RoundRobin,
    Random,
    Choices(u32),
    /// Weights in millionths.
    Weighted(Vec<i64>),
    LeastConnections(Levels),
    LeastWork {
        busy_until: Vec<u64>,
        slots: u64,
    },
    LeastLatency(Vec<Latency>),
    JoinIdle {
        idle: Vec<u64>,
        slots: u32,
    },
    Hash {
        salt: u64,
    },
    ConsistentHash(Ring),
    /// By group.
    Quickest(Vec<Latency>),
}

/// The eligible instances of the whole component, of one zone or of one region.
#[derive(Clone, Debug)]
struct Group {
    /// In ascending order.
    ids: Vec<u32>,
    /// The same as a set of bits.
    mask: Vec<u64>,
    /// Every instance of the component is in it, so `ids[i] == i`.
    whole: bool,
    /// The instance after the last pick: ties go to the first from here on, in cyclic order.
    next: u32,
    /// What smooth weighted round robin owes to each instance.
    credit: Vec<i64>,
}

/// For each number of outstanding requests the set of instances that have it, one row of 64-bit words a level.
#[derive(Clone, Debug)]
struct Levels {
    rows: Vec<u64>,
    words: usize,
    /// The lowest level with an instance.
    least: usize,
}

/// A mean of the latencies seen, recent ones counting more.
#[derive(Clone, Copy, Debug, Default)]
struct Latency {
    mean_ns: f64,
    at: Time,
    seen: bool,
}

/// Time constant of the mean that `least_latency` keeps.
const LATENCY_MEMORY_NS: f64 = 10e9;

impl Balancer {
    /// The state at the start of a run: all instances eligible, nothing outstanding.
    ///
    /// `weights` are of the instances in their order (their number is the number of instances); only `weighted` reads
    /// them. `slots` is how many requests an instance works on at once (the fewer of its workers and its cores); only
    /// `least_work` and `join_idle` read it. `salt` places the hashes.
    pub fn new(balance: &Balance, weights: &[f64], slots: u32, salt: u64) -> Balancer {
        let count = weights.len();
        let rule = match balance {
            Balance::RoundRobin | Balance::Nearest | Balance::Failover(_) | Balance::Geoproximity(_) => {
                Rule::RoundRobin
            }
            Balance::Latency => Rule::Quickest(vec![Latency::default()]),
            Balance::Random | Balance::Choices(1) => Rule::Random,
            Balance::Choices(choices) => Rule::Choices(*choices),
            Balance::Weighted(_) => {
                Rule::Weighted(weights.iter().map(|weight| (weight * 1e6).round() as i64).collect())
            }
            Balance::LeastConnections => Rule::LeastConnections(Levels::new(count)),
            Balance::LeastWork => Rule::LeastWork { busy_until: vec![0; count], slots: u64::from(slots.max(1)) },
            Balance::LeastLatency => Rule::LeastLatency(vec![Latency::default(); count]),
            Balance::JoinIdle => Rule::JoinIdle { idle: full(count), slots: slots.max(1) },
            Balance::Hash(_) => Rule::Hash { salt },
            Balance::ConsistentHash(_, points) => Rule::ConsistentHash(Ring::new(count as u32, *points, salt)),
        };
        let everyone =
            Group { ids: (0..count as u32).collect(), mask: full(count), whole: true, next: 0, credit: vec![0; count] };
        let (member_of, wishes) = (Vec::new(), Vec::new());
        Balancer { rule, outstanding: vec![0; count], groups: vec![everyone], member_of, wishes, stays: false }
    }

    /// Puts an instance in or takes it out. What `least_work` and `least_latency` knew about it is forgotten.
    pub fn set_eligible(&mut self, i: u32, eligible: bool) {
        self.show(i, eligible);
        match &mut self.rule {
            Rule::LeastWork { busy_until, .. } => busy_until[i as usize] = 0,
            Rule::LeastLatency(latencies) => latencies[i as usize] = Latency::default(),
            _ => {}
        }
    }

    /// The same for the moment of one pick, for a caller who will not have it; nothing is forgotten.
    pub fn show(&mut self, i: u32, eligible: bool) {
        let count = self.outstanding.len();
        let others = self.member_of.get(i as usize).map_or(&[][..], |groups| groups);
        for group in [0].iter().chain(others) {
            if eligible {
                self.groups[usize::from(*group)].put(i, count);
            } else {
                self.groups[usize::from(*group)].take(i);
            }
        }
    }

    /// Whether an instance may be picked.
    pub fn eligible(&self, i: u32) -> bool {
        self.groups[0].mask[i as usize / 64] >> (i % 64) & 1 == 1
    }

    /// Requests that were sent to an instance and have not come back.
    pub fn outstanding(&self, i: u32) -> u32 {
        self.outstanding[i as usize]
    }

    /// One more request is at instance `i`.
    #[inline(always)]
    pub fn more(&mut self, i: u32) {
        let load = &mut self.outstanding[i as usize];
        *load += 1;
        match &mut self.rule {
            Rule::LeastConnections(levels) => levels.rise(i, *load as usize - 1),
            Rule::JoinIdle { idle, slots } if *load == *slots => idle[i as usize / 64] &= !(1 << (i % 64)),
            _ => {}
        }
    }

    /// One request less is at instance `i`.
    #[inline(always)]
    pub fn less(&mut self, i: u32) {
        let load = &mut self.outstanding[i as usize];
        *load -= 1;
        match &mut self.rule {
            Rule::LeastConnections(levels) => levels.fall(i, *load as usize),
            Rule::JoinIdle { idle, slots } if *load + 1 == *slots => idle[i as usize / 64] |= 1 << (i % 64),
            _ => {}
        }
    }

    /// A request came back from instance `i` after so long; only `least_latency` and `latency` listen.
    #[inline]
    pub fn observe(&mut self, i: u32, latency: Span, now: Time) {
        match &mut self.rule {
            Rule::LeastLatency(latencies) => latencies[i as usize].observe(latency, now),
            Rule::Quickest(latencies) => {
                let others = self.member_of.get(i as usize).map_or(&[][..], |groups| groups);
                for group in [0].iter().chain(others) {
                    latencies[usize::from(*group)].observe(latency, now);
                }
            }
            _ => {}
        }
    }

    /// The instance to call, or `None` if none is eligible. Says nothing about the load: call `more` when it is called.
    #[inline(always)]
    pub fn pick(&mut self, ask: &Ask) -> Option<u32> {
        self.pick_from(0, ask)
    }

    #[inline(always)]
    fn pick_from(&mut self, group: usize, ask: &Ask) -> Option<u32> {
        let group = &mut self.groups[group];
        if group.ids.is_empty() {
            return None;
        }
        let load = &self.outstanding;
        let picked = match &mut self.rule {
            Rule::RoundRobin | Rule::Quickest(_) => group.first_from_next(),
            Rule::Random => return Some(group.any(ask.bits)),
            Rule::Choices(choices) => return Some(group.least_of(*choices, ask.bits, load)),
            Rule::Weighted(weights) => return Some(group.most_owed(weights)),
            Rule::LeastConnections(levels) if group.whole => levels.first_from(group.next),
            Rule::LeastConnections(_) => group.least_by(|i| load[i as usize]),
            Rule::LeastWork { busy_until, slots } => {
                let i = group.least_by(|i| busy_until[i as usize].max(ask.now.0));
                busy_until[i as usize] = busy_until[i as usize].max(ask.now.0) + ask.demand_ns / *slots;
                i
            }
            Rule::LeastLatency(latencies) => group.least_by(|i| latencies[i as usize].score(load[i as usize])),
            Rule::JoinIdle { idle, .. } => match first_from(idle, &group.mask, group.next) {
                Some(i) => i,
                None => return Some(group.any(ask.bits)),
            },
            Rule::Hash { salt } => {
                let place = bits(*salt, occasion(ask.key_value)) % group.ids.len() as u64;
                return Some(group.ids[place as usize]);
            }
            Rule::ConsistentHash(_) if group.ids.len() == 1 => return Some(group.ids[0]),
            Rule::ConsistentHash(ring) => return ring.owner(ask.key_value, |i| group.has(i)),
        };
        group.next = if picked + 1 == load.len() as u32 { 0 } else { picked + 1 };
        Some(picked)
    }
}

impl Group {
    fn put(&mut self, i: u32, count: usize) {
        if let Err(place) = self.ids.binary_search(&i) {
            self.ids.insert(place, i);
            self.mask[i as usize / 64] |= 1 << (i % 64);
            self.whole = self.ids.len() == count;
        }
    }

    fn take(&mut self, i: u32) {
        if let Ok(place) = self.ids.binary_search(&i) {
            self.ids.remove(place);
            self.mask[i as usize / 64] &= !(1 << (i % 64));
            self.whole = false;
        }
    }

    fn has(&self, i: u32) -> bool {
        self.whole || self.mask[i as usize / 64] >> (i % 64) & 1 == 1
    }

    /// The member at a place of `0..ids.len()`.
    #[inline(always)]
    fn at(&self, place: u32) -> u32 {
        if self.whole { place } else { self.ids[place as usize] }
    }

    /// The place of the first member from `next` on, which may be one past the last.
    #[inline(always)]
    fn place_of_next(&self) -> usize {
        if self.whole { self.next as usize } else { self.ids.partition_point(|&i| i < self.next) }
    }

    #[inline(always)]
    fn first_from_next(&self) -> u32 {
        let place = self.place_of_next();
        if place == self.ids.len() { self.ids[0] } else { self.ids[place] }
    }

    #[inline(always)]
    fn any(&self, bits: u64) -> u32 {
        self.at(below(bits, self.ids.len() as u32))
    }

    /// The first least loaded of `choices` draws with replacement; two come from the halves of one word.
    #[inline(always)]
    fn least_of(&self, choices: u32, bits: u64, load: &[u32]) -> u32 {
        let n = self.ids.len() as u64;
        let half = |bits: u64| self.at((((bits & 0xffff_ffff) * n) >> 32) as u32);
        let lesser = |x: u32, y: u32| std::hint::select_unpredictable(load[y as usize] < load[x as usize], y, x);
        let mut best = lesser(half(bits >> 32), half(bits));
        let mut more = Chain::new(bits);
        for _ in 2..choices {
            best = lesser(best, self.at(below(more.next_bits(), n as u32)));
        }
        best
    }

    /// The member with the least score, the first in cyclic order among equals.
    #[inline]
    fn least_by<T: PartialOrd>(&self, score: impl Fn(u32) -> T) -> u32 {
        let (before, after) = self.ids.split_at(self.place_of_next());
        let mut order = after.iter().chain(before).map(|&i| (i, score(i)));
        let first = order.next().expect("a group that is asked has members");
        order.fold(first, |best, other| if other.1 < best.1 { other } else { best }).0
    }

    /// Smooth weighted round robin as nginx has it (commit 52327e0627f4): everyone earns its weight, the first with the
    /// most credit is picked and pays the total.
    fn most_owed(&mut self, weights: &[i64]) -> u32 {
        let mut best = self.ids[0];
        let mut total = 0;
        for &i in &self.ids {
            let weight = weights[i as usize];
            self.credit[i as usize] += weight;
            total += weight;
            if self.credit[best as usize] < self.credit[i as usize] {
                best = i;
            }
        }
        self.credit[best as usize] -= total;
        best
    }
}

impl Levels {
    fn new(count: usize) -> Levels {
        let words = count.div_ceil(64).max(1);
        let mut rows = full(count);
        rows.resize(words * 64, 0);
        Levels { rows, words, least: 0 }
    }

    /// Instance `i` goes from `level` to the next.
    #[inline(always)]
    fn rise(&mut self, i: u32, level: usize) {
        let (word, bit) = (i as usize / 64, 1 << (i % 64));
        let from = level * self.words + word;
        if self.rows.len() <= from + self.words {
            self.grow();
        }
        self.rows[from] ^= bit;
        self.rows[from + self.words] ^= bit;
        if level == self.least && self.rows[level * self.words..][..self.words].iter().all(|&word| word == 0) {
            self.least += 1;
        }
    }

    /// Instance `i` comes down to `level` from the next.
    #[inline(always)]
    fn fall(&mut self, i: u32, level: usize) {
        let (word, bit) = (i as usize / 64, 1 << (i % 64));
        let to = level * self.words + word;
        self.rows[to] ^= bit;
        self.rows[to + self.words] ^= bit;
        self.least = self.least.min(level);
    }

    #[cold]
    fn grow(&mut self) {
        self.rows.resize(2 * self.rows.len(), 0);
    }

    /// The first instance of the lowest level, in cyclic order from `next`.
    #[inline(always)]
    fn first_from(&self, next: u32) -> u32 {
        let row = &self.rows[self.least * self.words..][..self.words];
        if let [word] = row {
            // One word, the usual case: no loop.
            let after = word >> next << next;
            return if after == 0 { *word } else { after }.trailing_zeros();
        }
        first_from(row, row, next).expect("the lowest level has an instance")
    }
}

impl Latency {
    /// A first-order filter, stepped implicitly: after a pause much longer than its memory it believes the new value.
    fn observe(&mut self, latency: Span, now: Time) {
        let new = latency.0 as f64;
        let passed = (now - self.at).0 as f64;
        let believe = if self.seen { passed / (LATENCY_MEMORY_NS + passed) } else { 1.0 };
        *self = Latency { mean_ns: self.mean_ns + (new - self.mean_ns) * believe, at: now, seen: true };
    }

    /// What a further request may expect. An instance nobody has heard of gets one request to be heard of.
    fn score(&self, outstanding: u32) -> f64 {
        match (self.seen, outstanding) {
            (true, _) => self.mean_ns * (f64::from(outstanding) + 1.0),
            (false, 0) => 0.0,
            (false, _) => 1e18 * f64::from(outstanding),
        }
    }
}

/// The one plain argument, which names a key.
fn key_of(term: &Term, example: &str) -> Result<String, ReadError> {
    term.expect_positionals(1, 1, example)?;
    let key = term.positional(0).expect("there is one plain argument");
    let word =
        key.word().ok_or_else(|| key.wrong("the name of a key is expected", Some(format!("write `{example}`"))))?;
    Ok(word.text.clone())
}

/// Names of places, the most wanted first.
fn places(term: &Term) -> Result<Vec<String>, ReadError> {
    term.expect_only(&[])?;
    term.expect_positionals(1, 64, "failover(us-east-1 eu-west-1)")?;
    let place = |arg: &Arg| {
        let help = Some("write `failover(us-east-1 eu-west-1)`".to_owned());
        arg.value
            .word()
            .map(|word| word.text.clone())
            .ok_or_else(|| arg.value.wrong("the name of a place is expected", help))
    };
    term.args.iter().map(place).collect()
}

/// Names with weights, or bare weights (without a name) in the order of the instances.
fn weights(term: &Term) -> Result<Vec<(String, f64)>, ReadError> {
    let weight = |arg: &Arg| {
        let weight = arg.value.quantity(Dimension::Number)?;
        if weight < 0.0 {
            return Err(arg.value.wrong("a weight cannot be negative", Some("drop the minus sign".to_owned())));
        }
        Ok((arg.key.as_ref().map_or(String::new(), |key| key.text.clone()), weight))
    };
    term.args.iter().map(weight).collect()
}

/// The set of the first `count` instances.
fn full(count: usize) -> Vec<u64> {
    (0..count.div_ceil(64))
        .map(|word| if 64 <= count - word * 64 { u64::MAX } else { (1 << (count % 64)) - 1 })
        .collect()
}

/// The first member of both sets from `next` on, in cyclic order.
fn first_from(set: &[u64], mask: &[u64], next: u32) -> Option<u32> {
    let (start, bit) = (next as usize / 64, next % 64);
    let both = |word: usize| set[word] & mask[word];
    let of = |word: usize, found: u64| (found != 0).then(|| word as u32 * 64 + found.trailing_zeros());
    of(start, both(start) >> bit << bit)
        .or_else(|| (start + 1..set.len()).chain(0..start).find_map(|word| of(word, both(word))))
        .or_else(|| of(start, both(start)))
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use super::*;
    use crate::random::{mix, unit};

    fn ask(n: u64) -> Ask {
        Ask { bits: bits(7, occasion(n)), key_value: n, now: Time(0), demand_ns: 0 }
    }

    fn balancer(balance: &Balance, count: usize) -> Balancer {
        Balancer::new(balance, &vec![1.0; count], 1, 11)
    }

    /// Letters of the instances picked, one after the other, with nothing coming back.
    fn order(mut balancer: Balancer, picks: u64) -> String {
        (0..picks).map(|n| char::from(b'a' + balancer.pick(&ask(n)).expect("someone is eligible") as u8)).collect()
    }

    fn read(text: &str) -> Result<Balance, String> {
        let term = read_term(text).map_err(|error| error.message)?;
        Balance::read(&term).map_err(|error| format!("{}; {}", error.message, error.help.unwrap_or_default()))
    }

    #[test]
    fn what_is_written_is_read() {
        for form in FORMS {
            let balance = read(form.example).unwrap_or_else(|error| panic!("{}: {error}", form.example));
            assert_eq!(balance.problem(), None, "{}", form.example);
        }
        let weights =
            |pairs: &[(&str, f64)]| Ok(Balance::Weighted(pairs.iter().map(|(n, w)| ((*n).to_owned(), *w)).collect()));
        assert_eq!(read("weighted(web/0=5 web/1=1)"), weights(&[("web/0", 5.0), ("web/1", 1.0)]));
        assert_eq!(read("weighted(5 1 1)"), weights(&[("", 5.0), ("", 1.0), ("", 1.0)]));
        assert_eq!(read("weighted"), weights(&[]));
        assert_eq!(read("ip_hash"), Ok(Balance::Hash("ip".to_owned())));
        assert_eq!(read("two_choices"), Ok(Balance::Choices(2)));
        assert_eq!(read("consistent_hash(user points=10)"), Ok(Balance::ConsistentHash("user".to_owned(), 10)));
        assert_eq!(read("consistent_hash(user)"), Ok(Balance::ConsistentHash("user".to_owned(), 150)));
        let wrong = [
            ("round_robbin", "`round_robbin` is not a way to balance; did you mean `round_robin`?"),
            ("choices", "`choices` needs one more argument; write `choices(2)`"),
            ("choices(1.5)", "a whole number of at least 1 is expected; write `choices(2)`"),
            ("hash(a b)", "`hash` takes one plain argument; write `hash(ip)`"),
            ("random(2)", "`random` takes no arguments; write `random`"),
        ];
        for (text, message) in wrong {
            assert_eq!(read(text), Err(message.to_owned()));
        }
        assert!(
            Balance::Choices(0).problem().is_some() && Balance::ConsistentHash("k".to_owned(), 0).problem().is_some()
        );
    }

    #[test]
    fn smooth_weighted_round_robin_lb_swrr() {
        let weighted = |weights: &[f64]| Balancer::new(&Balance::Weighted(Vec::new()), weights, 1, 0);
        assert_eq!(order(weighted(&[5.0, 1.0, 1.0]), 7), "aabacaa", "lb-swrr-5_1_1");
        assert_eq!(order(weighted(&[1.0, 1.0, 1.0]), 6), "abcabc", "lb-swrr-equal");
        assert_eq!(order(weighted(&[3.0, 1.0]), 4), "aaba", "lb-swrr-3_1");
        assert_eq!(order(weighted(&[4.0, 2.0, 1.0]), 7), "abacaba", "lb-swrr-4_2_1");
        let mut one_down = weighted(&[5.0, 1.0, 1.0]);
        one_down.set_eligible(0, false);
        assert_eq!(order(one_down, 4), "bcbc");
    }

    #[test]
    fn round_robin_skips_who_is_not_eligible() {
        let mut turns = balancer(&Balance::RoundRobin, 4);
        assert_eq!(order(turns.clone(), 6), "abcdab");
        turns.set_eligible(1, false);
        assert_eq!(order(turns.clone(), 6), "acdacd");
        turns.set_eligible(1, true);
        assert_eq!(order(turns.clone(), 6), "abcdab");
        for i in 0..4 {
            turns.set_eligible(i, false);
        }
        assert_eq!(turns.pick(&ask(0)), None);
    }

    /// Least connections as one would write it down: look at everyone in cyclic order after the last pick.
    fn least_connections_slowly(load: &[u32], eligible: &[bool], next: usize) -> Option<usize> {
        let count = load.len();
        let order = (0..count).map(|k| (next + k) % count).filter(|&i| eligible[i]);
        order.min_by_key(|&i| load[i])
    }

    /// The first least loaded of the draws.
    fn choices_slowly(load: &[u32], eligible: &[bool], choices: u32, bits: u64) -> Option<usize> {
        let ids: Vec<usize> = (0..load.len()).filter(|&i| eligible[i]).collect();
        let mut more = Chain::new(bits);
        let draw = |k: u32| match k {
            0 => (bits >> 32) as f64 / 4_294_967_296.0,
            1 => (bits & 0xffff_ffff) as f64 / 4_294_967_296.0,
            _ => (more.next_bits() >> 11) as f64 / 9_007_199_254_740_992.0,
        };
        let drawn: Vec<usize> = (0..choices).map(draw).map(|u| (u * ids.len() as f64) as usize).collect();
        drawn.into_iter().filter_map(|place| ids.get(place).copied()).min_by_key(|&i| load[i])
    }

    /// Random comings, goings, deaths and returns, against a slow twin.
    fn against_the_twin(balance: &Balance, count: usize, twin: impl Fn(&[u32], &[bool], usize, u64) -> Option<usize>) {
        let mut balancer = balancer(balance, count);
        let (mut load, mut eligible, mut next) = (vec![0; count], vec![true; count], 0);
        for n in 0..4000_u64 {
            let (now, what) = (ask(n), bits(99, occasion(n)));
            let i = below(what, count as u32);
            match what % 16 {
                0 | 1 if !(1000..=2000).contains(&n) => {
                    eligible[i as usize] = what % 16 == 1;
                    balancer.set_eligible(i, what % 16 == 1);
                }
                2..=7 if 0 < load[i as usize] => {
                    load[i as usize] -= 1;
                    balancer.less(i);
                }
                _ => {
                    let expected = twin(&load, &eligible, next, now.bits);
                    let picked = balancer.pick(&now);
                    assert_eq!(picked, expected.map(|i| i as u32), "{balance:?}, {count} instances, step {n}");
                    if let Some(i) = picked {
                        load[i as usize] += 1;
                        balancer.more(i);
                        next = (i as usize + 1) % count;
                    }
                }
            }
        }
        assert!((0..count).all(|i| balancer.outstanding(i as u32) == load[i]));
    }

    #[test]
    fn least_connections_is_the_linear_scan() {
        for count in [1, 2, 3, 5, 63, 64, 65, 130] {
            against_the_twin(&Balance::LeastConnections, count, |load, eligible, next, _| {
                least_connections_slowly(load, eligible, next)
            });
        }
    }

    #[test]
    fn choices_are_draws_with_replacement_and_the_first_wins() {
        for (choices, count) in [(2, 2), (2, 10), (3, 7), (5, 100)] {
            against_the_twin(&Balance::Choices(choices), count, |load, eligible, _, bits| {
                choices_slowly(load, eligible, choices, bits)
            });
        }
    }

    #[test]
    fn levels_grow_with_the_load() {
        let mut two = balancer(&Balance::LeastConnections, 2);
        for n in 0..5000 {
            let i = two.pick(&ask(n)).expect("both are up");
            assert_eq!(u64::from(i), n % 2);
            two.more(i);
        }
        for _ in 0..2500 {
            two.less(1);
        }
        assert_eq!(two.pick(&ask(0)), Some(1));
        assert_eq!(two.outstanding(0), 2500);
    }

    #[test]
    fn least_latency_looks_at_latency_times_queue() {
        let mut two = balancer(&Balance::LeastLatency, 2);
        let now = Time(1_000_000_000);
        assert_eq!(two.pick(&ask(0)), Some(0));
        two.more(0);
        assert_eq!(two.pick(&ask(1)), Some(1), "nobody has heard of it yet");
        two.observe(0, Span(10_000_000), now);
        two.observe(1, Span(35_000_000), now);
        let counts = (2..50).fold([0_u32; 2], |mut counts, n| {
            let i = two.pick(&ask(n)).expect("both are up");
            two.more(i);
            counts[i as usize] += 1;
            counts
        });
        assert!(3 <= counts[0] / counts[1], "{counts:?}");
        two.observe(1, Span(1_000_000), Time(1_000_000_000_000));
        assert_eq!(two.pick(&ask(50)), Some(1), "after a long pause the new value counts");
    }

    #[test]
    fn the_hash_stays_with_a_value() {
        let mut ten = balancer(&Balance::Hash("user".to_owned()), 10);
        let mut eleven = balancer(&Balance::Hash("user".to_owned()), 11);
        let keys = 20_000;
        let moved = (0..keys).filter(|&key| ten.pick(&ask(key)) != eleven.pick(&ask(key))).count();
        assert!((moved as f64 / keys as f64 - 10.0 / 11.0).abs() < 0.02, "lb-ring-move, modulo: {moved}");
        let before: Vec<_> = (0..100).map(|key| ten.pick(&ask(key))).collect();
        assert_eq!(before, (0..100).map(|key| ten.pick(&ask(key))).collect::<Vec<_>>());
    }

    /// Mean time in system of exponential requests (mean 1) at FIFO instances of one slot; the sum of all times too.
    fn time_in_system(balance: &Balance, count: usize, rho: f64, requests: u64) -> f64 {
        let mut balancer = balancer(balance, count);
        let mut free = vec![0_u64; count];
        let mut leaving = BinaryHeap::new();
        let (mut now, mut total) = (0_u64, 0_u64);
        let exponential = |stream: u64, n: u64| -libm::log(unit(bits(mix(stream), occasion(n)))) * 1e6;
        for n in 0..requests {
            now += (exponential(1, n) / (rho * count as f64)) as u64;
            let demand_ns = exponential(2, n) as u64;
            while let Some(&Reverse((at, i))) = leaving.peek()
                && at <= now
            {
                leaving.pop();
                balancer.less(i);
            }
            let ask = Ask { bits: bits(mix(3), occasion(n)), key_value: 0, now: Time(now), demand_ns };
            let i = balancer.pick(&ask).expect("all are up");
            balancer.more(i);
            let end = free[i as usize].max(now) + demand_ns;
            free[i as usize] = end;
            leaving.push(Reverse((end, i)));
            total += end - now;
        }
        total as f64 / requests as f64 / 1e6
    }

    #[test]
    fn policies_in_their_order_lb_order_10() {
        let w = |balance: Balance| time_in_system(&balance, 10, 0.9, 400_000);
        let near = |found: f64, expected: f64, what: &str| {
            assert!((found / expected - 1.0).abs() < 0.04, "lb-order-10, {what}: {found} instead of {expected}");
        };
        near(w(Balance::RoundRobin), 5.6602764, "round robin (E10/M/1)");
        near(w(Balance::Choices(2)), 3.1057729, "two choices");
        near(w(Balance::JoinIdle), 2.395014, "join idle");
        near(w(Balance::LeastConnections), 1.913264, "least connections");
        near(w(Balance::LeastWork), 1.6634145, "least work (M/M/10)");
    }

    #[test]
    fn two_choices_of_a_hundred_lb_p2c() {
        let w = time_in_system(&Balance::Choices(2), 100, 0.5, 200_000);
        assert!((w / 1.2714734 - 1.0).abs() < 0.02, "lb-p2c-100-50-2: {w}");
        let w = time_in_system(&Balance::Choices(3), 100, 0.9, 300_000);
        assert!((w / 2.0728862 - 1.0).abs() < 0.03, "lb-p2c-100-90-3: {w}");
    }

    #[test]
    fn least_work_is_the_shared_queue() {
        let mut balancer = balancer(&Balance::LeastWork, 4);
        let (mut own, mut shared) = (vec![0_u64; 4], vec![0_u64; 4]);
        let mut now = 0;
        for n in 0..20_000 {
            now += bits(1, occasion(n)) % 1000;
            let demand_ns = bits(2, occasion(n)) % 3600;
            let i = balancer.pick(&Ask { now: Time(now), demand_ns, ..ask(n) }).expect("all are up") as usize;
            own[i] = own[i].max(now) + demand_ns;
            let first = (0..4).min_by_key(|&k| shared[k]).expect("there are four");
            shared[first] = shared[first].max(now) + demand_ns;
            assert_eq!(own[i], shared[first], "request {n} ends at another time");
        }
    }
}
