//! Who in a queue is served next.
//!
//! First come, first served and its opposites need no state of their own: the engine links its requests, or keeps a
//! stack. Here are the queues that compare requests: [`Ranked`] for priorities and deadlines, [`Fair`] for keys that take
//! turns. Both hold numbers of requests; who leaves early is only forgotten and skipped later. What can go wrong: a number
//! that stands in the queue twice; the engine queues a request once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustc_hash::FxHashMap;

use crate::policy::{Form, form, unknown};
use crate::reader::{ReadError, Term};

/// The order of service in a queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Who came first.
    ///
    /// ```yaml
    /// queue: {order: fifo}
    /// ```
    Fifo,
    /// Who came last.
    ///
    /// ```yaml
    /// queue: {order: lifo}
    /// ```
    Lifo,
    /// Who came first while the queue is at most half full, who came last beyond.
    ///
    /// ```yaml
    /// queue: {order: adaptive_lifo}
    /// ```
    AdaptiveLifo,
    /// The highest `priority` number of the load first, among equals who came first.
    ///
    /// ```yaml
    /// queue: {order: priority}
    /// ```
    Priority,
    /// The earliest deadline first, among equals who came first; those without one come last.
    ///
    /// ```yaml
    /// queue: {order: deadline}
    /// ```
    Deadline,
    /// The values of a key take turns, each in its own order of arrival.
    ///
    /// ```yaml
    /// queue: {order: fair(user)}
    /// ```
    Fair(String),
}

/// How an order may be written.
pub const FORMS: &[Form] = &[
    form("fifo", "fifo", "Who came first."),
    form("lifo", "lifo", "Who came last."),
    form(
        "adaptive_lifo",
        "adaptive_lifo",
        "Who came first while the queue is at most half full, who came last beyond.",
    ),
    form("priority", "priority", "The highest `priority` number first, among equals who came first."),
    form("deadline", "deadline", "The earliest deadline first."),
    form("fair", "fair(user)", "The values of a key take turns."),
];

impl Order {
    /// Reads what stands after `order:`.
    pub fn read(term: &Term) -> Result<Order, ReadError> {
        let bare = |order| term.expect_bare().map(|()| order);
        match term.name.text.as_str() {
            "fifo" => bare(Order::Fifo),
            "lifo" => bare(Order::Lifo),
            "adaptive_lifo" => bare(Order::AdaptiveLifo),
            "priority" => bare(Order::Priority),
            "deadline" => bare(Order::Deadline),
            "fair" => {
                term.expect_only(&[])?;
                term.expect_positionals(1, 1, "fair(user)")?;
                let key = term.positional(0).and_then(|value| value.word());
                let key = key.ok_or_else(|| term.missing("the name of a key", "fair(user)"))?;
                Ok(Order::Fair(key.text.clone()))
            }
            _ => Err(unknown(term, "an order of a queue", FORMS)),
        }
    }

    /// What is wrong with it, if anything, for a queue of this limit.
    pub fn problem(&self, limit: Option<u32>) -> Option<String> {
        match self {
            Order::AdaptiveLifo if limit.is_none() => Some(
                "`adaptive_lifo` changes its order when the queue is half full, and this one has no limit".to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether who came last is served next, given how many wait; not for the orders that compare requests.
    #[inline]
    pub fn takes_last(&self, queued: u32, limit: u32) -> bool {
        match self {
            Order::Lifo => true,
            Order::AdaptiveLifo => limit / 2 < queued,
            _ => false,
        }
    }
}

/// A queue by rank: the lowest first, among equals who came first.
#[derive(Clone, Debug, Default)]
pub struct Ranked {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    /// Who really waits, with the turn in which it came; looked up, never walked through.
    waiting: FxHashMap<u32, u64>,
    turn: u64,
}

/// A queue in which the values of a key take turns, each in its own order of arrival. A value joins the round behind the
/// others when its first request comes, and leaves it with its last.
#[derive(Clone, Debug, Default)]
pub struct Fair {
    flows: Vec<Flow>,
    /// Numbers of the flows in their turns.
    round: VecDeque<u32>,
    flow_of: FxHashMap<u64, u32>,
    unused: Vec<u32>,
    waiting: FxHashMap<u32, u64>,
    turn: u64,
    /// Entries in all flows, those who left early too.
    entries: usize,
}

/// The requests of one value.
#[derive(Clone, Debug, Default)]
struct Flow {
    key: u64,
    line: VecDeque<(u32, u64)>,
}

/// So many entries of those who left early may stand beside as many of those who wait.
const LEFTOVERS: usize = 64;

impl Ranked {
    /// An empty queue.
    pub fn new() -> Ranked {
        Ranked::default()
    }

    /// A request lines up with its rank.
    pub fn push(&mut self, id: u32, rank: u64) {
        self.turn += 1;
        self.heap.push(Reverse((rank, self.turn, id)));
        self.waiting.insert(id, self.turn);
        if 2 * self.waiting.len() + LEFTOVERS < self.heap.len() {
            let waiting = &self.waiting;
            self.heap.retain(|Reverse((_, turn, id))| waiting.get(id) == Some(turn));
        }
    }

    /// The next one leaves the queue.
    pub fn pop(&mut self) -> Option<u32> {
        while let Some(Reverse((_, turn, id))) = self.heap.pop() {
            if leaves(&mut self.waiting, id, turn) {
                return Some(id);
            }
        }
        None
    }

    /// A request leaves early.
    pub fn remove(&mut self, id: u32) {
        self.waiting.remove(&id);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Fair {
    /// An empty queue.
    pub fn new() -> Fair {
        Fair::default()
    }

    /// A request lines up behind those with the same value of the key.
    pub fn push(&mut self, id: u32, key: u64) {
        self.turn += 1;
        self.waiting.insert(id, self.turn);
        self.entries += 1;
        let flow = match self.flow_of.get(&key) {
            Some(flow) => *flow,
            None => self.begin(key),
        };
        self.flows[flow as usize].line.push_back((id, self.turn));
        if 2 * self.waiting.len() + LEFTOVERS < self.entries {
            self.tidy();
        }
    }

    /// The next one leaves the queue.
    pub fn pop(&mut self) -> Option<u32> {
        while let Some(flow) = self.round.pop_front() {
            let next = self.first_of(flow);
            if self.flows[flow as usize].line.is_empty() {
                self.end(flow);
            } else {
                self.round.push_back(flow);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }

    /// A request leaves early.
    pub fn remove(&mut self, id: u32) {
        self.waiting.remove(&id);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The first in a flow who still waits.
    fn first_of(&mut self, flow: u32) -> Option<u32> {
        while let Some((id, turn)) = self.flows[flow as usize].line.pop_front() {
            self.entries -= 1;
            if leaves(&mut self.waiting, id, turn) {
                self.skip_leavers(flow);
                return Some(id);
            }
        }
        None
    }

    /// Drops who left early from the head of a flow, so that a flow without anyone gives up its place in the round.
    fn skip_leavers(&mut self, flow: u32) {
        let line = &mut self.flows[flow as usize].line;
        while line.front().is_some_and(|(id, turn)| self.waiting.get(id) != Some(turn)) {
            line.pop_front();
            self.entries -= 1;
        }
    }

    /// A flow for a value that has none, last in the round.
    fn begin(&mut self, key: u64) -> u32 {
        let flow = self.unused.pop().unwrap_or_else(|| {
            self.flows.push(Flow::default());
            self.flows.len() as u32 - 1
        });
        self.flows[flow as usize].key = key;
        self.flow_of.insert(key, flow);
        self.round.push_back(flow);
        flow
    }

    fn end(&mut self, flow: u32) {
        self.flow_of.remove(&self.flows[flow as usize].key);
        self.unused.push(flow);
    }

    /// Drops everyone who left early.
    fn tidy(&mut self) {
        let waiting = &self.waiting;
        for flow in &mut self.flows {
            flow.line.retain(|(id, turn)| waiting.get(id) == Some(turn));
        }
        self.entries = self.flows.iter().map(|flow| flow.line.len()).sum();
        let (kept, empty): (VecDeque<u32>, VecDeque<u32>) =
            self.round.iter().partition(|&&flow| !self.flows[flow as usize].line.is_empty());
        self.round = kept;
        for flow in empty {
            self.end(flow);
        }
    }
}

/// Takes a request out of those who wait, if it has waited since that turn.
fn leaves(waiting: &mut FxHashMap<u32, u64>, id: u32, turn: u64) -> bool {
    let waits = waiting.get(&id) == Some(&turn);
    if waits {
        waiting.remove(&id);
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, bits, occasion};
    use crate::reader::read_term;

    fn read(text: &str) -> Result<Order, String> {
        Order::read(&read_term(text).expect("the text is a term")).map_err(|error| error.message)
    }

    #[test]
    fn what_is_written_is_read() {
        for form in FORMS {
            assert!(read(form.example).is_ok_and(|order| order.problem(Some(10)).is_none()), "{}", form.example);
        }
        assert_eq!(read("fair(user)"), Ok(Order::Fair("user".to_owned())));
        assert_eq!(read("fifo(2)"), Err("`fifo` takes no arguments".to_owned()));
        assert_eq!(read("random"), Err("`random` is not an order of a queue".to_owned()));
        assert!(read("fair").is_err());
        assert!(Order::AdaptiveLifo.problem(None).is_some());
    }

    #[test]
    fn adaptive_lifo_turns_at_half() {
        let last = |order: Order| (1..=6).map(|queued| order.takes_last(queued, 6)).collect::<Vec<_>>();
        assert_eq!(last(Order::AdaptiveLifo), [false, false, false, true, true, true]);
        assert_eq!(last(Order::Lifo), [true; 6]);
        assert_eq!(last(Order::Fifo), [false; 6]);
    }

    /// The queue as one would write it down: everyone in order of arrival, with rank or key.
    fn next_ranked(line: &[(u32, u64)]) -> Option<usize> {
        (0..line.len()).min_by_key(|&place| line[place].1)
    }

    #[test]
    fn ranked_is_the_first_of_the_lowest() {
        let mut queue = Ranked::new();
        let mut line: Vec<(u32, u64)> = Vec::new();
        for n in 0..5000_u64 {
            let what = bits(3, occasion(n));
            let id = (what >> 8) as u32 % 50;
            let place = line.iter().position(|(other, _)| *other == id);
            match (what % 4, place) {
                (0 | 1, None) => {
                    line.push((id, what >> 60));
                    queue.push(id, what >> 60);
                }
                (2, Some(place)) => {
                    line.remove(place);
                    queue.remove(id);
                }
                (3, _) if !n.is_multiple_of(7) => {
                    let expected = next_ranked(&line).map(|place| line.remove(place).0);
                    assert_eq!(queue.pop(), expected, "step {n}");
                }
                _ => {}
            }
            assert_eq!(queue.len(), line.len());
            assert!(queue.heap.len() <= 2 * line.len() + LEFTOVERS + 51);
        }
    }

    /// Turns as one would write them down: a list of (key, its requests).
    fn next_fair(round: &mut Vec<(u64, Vec<u32>)>) -> Option<u32> {
        if round.is_empty() {
            return None;
        }
        let (key, mut ids) = round.remove(0);
        let id = ids.remove(0);
        if !ids.is_empty() {
            round.push((key, ids));
        }
        Some(id)
    }

    #[test]
    fn fair_takes_turns() {
        let mut queue = Fair::new();
        for (id, key) in [(1, 7), (2, 7), (3, 7), (4, 8), (5, 9), (6, 8)] {
            queue.push(id, key);
        }
        let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
        assert!(queue.is_empty() && queue.round.is_empty() && queue.flow_of.is_empty() && queue.entries == 0);
    }

    #[test]
    fn fair_against_its_twin() {
        let mut queue = Fair::new();
        let mut round: Vec<(u64, Vec<u32>)> = Vec::new();
        let mut id = 0;
        for n in 0..20_000_u64 {
            let what = bits(5, occasion(n));
            let key = u64::from(below(what, 6));
            if what % 9 < 5 {
                id += 1;
                queue.push(id, key);
                match round.iter_mut().find(|(other, _)| *other == key) {
                    Some((_, ids)) => ids.push(id),
                    None => round.push((key, vec![id])),
                }
            } else {
                assert_eq!(queue.pop(), next_fair(&mut round), "step {n}");
            }
        }
    }

    #[test]
    fn who_left_early_is_skipped() {
        let mut queue = Fair::new();
        for id in 0..1000 {
            queue.push(id, u64::from(id % 3));
        }
        (0..990).filter(|id| id % 2 == 0).for_each(|id| queue.remove(id));
        (0..990).filter(|id| id % 2 == 1).for_each(|id| queue.remove(id));
        assert_eq!(queue.len(), 10);
        queue.push(2000, 1);
        assert!(queue.entries <= 22 + LEFTOVERS, "what is left behind is tidied away");
        let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order.len(), 11);
        assert_eq!(order[..3], [990, 991, 992]);
        // The same number may come again after it left early.
        queue.push(5, 1);
        queue.remove(5);
        queue.push(6, 1);
        queue.push(5, 2);
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(6), Some(5), None]);
    }
}
