//! Which node holds which keys: shards of a database, nodes of a cache, instances behind a hashing balancer.
//!
//! Every scheme is a pure function of the key, the number of nodes and a salt, so a plan before and after scaling tells
//! which keys move. A node that is down is passed over, and its part goes to others, as the scheme has it; the parts of
//! those who are up stay where they are, but for `hash`, which is the point of the others.

use crate::random::{bits, mix, occasion};

/// How keys are spread over nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// By a hash of the key, modulo the number of living nodes: nearly all keys move when that changes.
    Hash,
    /// On a ring of hashes with so many points for each node: a new one takes its part evenly from the others.
    Consistent(u32),
    /// Jump consistent hash: as few keys move, the parts are equal, but only the last node can leave.
    Jump,
    /// The node with the highest hash of key and node: as few keys move, the parts are equal, each look-up asks all nodes.
    Rendezvous,
    /// Neighbouring keys together, as many to each node: what is popular may be all in one place.
    Range,
}

/// What is wrong with so many points for each node of a ring, if anything.
pub fn points_problem(points: u32) -> Option<String> {
    match points {
        0 => Some("a ring needs at least one point for each instance".to_owned()),
        10_001.. => Some(format!("{points} points for each instance are more than the 10000 a ring may have")),
        _ => None,
    }
}

/// Points on a circle of 64-bit hashes; each belongs to a node, and a key belongs to the next point at or after its hash
/// (Karger et al. 1997).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    points: Vec<(u64, u32)>,
    /// For each value of the first bits of a hash, the first point that is not below it: so few points are looked at.
    starts: Vec<u32>,
    salt: u64,
}

/// A spread over so many nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    rule: Rule,
    nodes: u32,
    salt: u64,
}

/// A spread with what it needs.
#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Hash,
    Consistent(Ring),
    Jump,
    Rendezvous,
    /// So many keys in all.
    Range(u64),
}

impl Plan {
    /// A plan for keys `0 .. keys` on so many nodes; only `range` reads how many keys there are. `salt` places the hashes.
    pub fn new(spread: Spread, nodes: u32, keys: u64, salt: u64) -> Plan {
        let rule = match spread {
            Spread::Hash => Rule::Hash,
            Spread::Consistent(points) => Rule::Consistent(Ring::new(nodes, points, salt)),
            Spread::Jump => Rule::Jump,
            Spread::Rendezvous => Rule::Rendezvous,
            Spread::Range => Rule::Range(keys.max(1)),
        };
        Plan { rule, nodes, salt }
    }

    pub fn nodes(&self) -> u32 {
        self.nodes
    }

    /// Whether neighbouring keys are together.
    pub fn is_range(&self) -> bool {
        matches!(self.rule, Rule::Range(_))
    }

    /// The node of a key when all are up.
    #[inline]
    pub fn home(&self, key: u64) -> u32 {
        match &self.rule {
            Rule::Hash => (self.hash(key) % u64::from(self.nodes)) as u32,
            Rule::Consistent(ring) => ring.owner(key, |_| true).expect("a ring has nodes"),
            Rule::Jump => jump(self.hash(key), self.nodes),
            Rule::Rendezvous => self.highest(key, |_| true).expect("there are nodes"),
            Rule::Range(keys) => (u128::from(key.min(keys - 1)) * u128::from(self.nodes) / u128::from(*keys)) as u32,
        }
    }

    /// The node of a key among those who are up, or `None` if nobody is. Who was there before stays, except by `hash`.
    /// Instead of a dead node it is: by `hash`, the place among the living; on a ring, the node of the next point; by
    /// `jump`, whoever the next hash finds; by `rendezvous`, the next highest; by `range`, the next node.
    pub fn owner(&self, key: u64, up: impl Fn(u32) -> bool) -> Option<u32> {
        if let Rule::Hash = self.rule {
            let living = (0..self.nodes).filter(|&node| up(node)).count() as u64;
            let place = self.hash(key).checked_rem(living)?;
            return (0..self.nodes).filter(|&node| up(node)).nth(place as usize);
        }
        let home = self.home(key);
        if up(home) {
            return Some(home);
        }
        match &self.rule {
            Rule::Consistent(ring) => ring.owner(key, up),
            Rule::Rendezvous => self.highest(key, up),
            Rule::Jump if (0..self.nodes).any(&up) => {
                let again = std::iter::successors(Some(self.hash(key)), |&hash| Some(mix(hash)));
                again.map(|hash| jump(hash, self.nodes)).find(|&node| up(node))
            }
            Rule::Jump => None,
            Rule::Hash | Rule::Range(_) => (home..self.nodes).chain(0..home).find(|&node| up(node)),
        }
    }

    fn hash(&self, key: u64) -> u64 {
        bits(mix(self.salt), occasion(key))
    }

    /// The acceptable node with the highest hash (Thaler and Ravishankar 1998).
    fn highest(&self, key: u64, accept: impl Fn(u32) -> bool) -> Option<u32> {
        let weight = |node: u32| bits(bits(self.salt, occasion(u64::from(node))), occasion(key));
        (0..self.nodes).filter(|&node| accept(node)).max_by_key(|&node| weight(node))
    }
}

impl Ring {
    /// A ring on which each of `count` nodes has so many points, placed by hashing its number with `salt`.
    pub fn new(count: u32, points: u32, salt: u64) -> Ring {
        let of_node = |i: u32| {
            let own = bits(salt, occasion(u64::from(i)));
            (0..points).map(move |point| (bits(own, occasion(u64::from(point))), i))
        };
        let mut points: Vec<(u64, u32)> = (0..count).flat_map(of_node).collect();
        points.sort_unstable();
        let starts = points.len().next_power_of_two().max(2);
        let first = |start: usize| {
            let hash = (start as u64) << (u64::BITS - starts.trailing_zeros());
            points.partition_point(|&(point, _)| point < hash) as u32
        };
        let starts = (0..starts).map(first).collect();
        Ring { points, starts, salt: mix(salt) }
    }

    /// The node that a key belongs to: the first acceptable one from its hash on, or `None` if nobody is.
    #[inline]
    pub fn owner(&self, key: u64, accept: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = bits(self.salt, occasion(key));
        let start = self.starts[(hash >> (u64::BITS - self.starts.len().trailing_zeros())) as usize] as usize;
        let start = start + self.points[start..].iter().take_while(|&&(point, _)| point < hash).count();
        let (before, after) = self.points.split_at(start);
        after.iter().chain(before).map(|&(_, i)| i).find(|&i| accept(i))
    }

    /// The share of all hashes that belongs to each of `count` nodes.
    pub fn shares(&self, count: u32) -> Vec<f64> {
        let mut shares = vec![0.0; count as usize];
        let mut before = self.points.last().map_or(0, |last| last.0);
        for &(point, i) in &self.points {
            shares[i as usize] += point.wrapping_sub(before) as f64 / 18_446_744_073_709_551_616.0;
            before = point;
        }
        shares
    }
}

/// The bucket of a key by jump consistent hash (Lamping and Veach 2014), which needs no table: with one bucket more, a key
/// stays or goes to the new one.
pub fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0, 0);
    while next < u64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((bucket + 1) as f64 * (2_147_483_648.0 / ((key >> 33) + 1) as f64)) as u64;
    }
    bucket as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Spread; 5] = [Spread::Hash, Spread::Consistent(150), Spread::Jump, Spread::Rendezvous, Spread::Range];
    const KEYS: u64 = 50_000;

    #[test]
    fn parts_are_about_equal() {
        for spread in ALL {
            let plan = Plan::new(spread, 8, KEYS, 3);
            let mut counts = [0_u64; 8];
            (0..KEYS).for_each(|key| counts[plan.home(key) as usize] += 1);
            let most = if matches!(spread, Spread::Consistent(_)) { 0.25 } else { 0.05 };
            for count in counts {
                assert!((count as f64 * 8.0 / KEYS as f64 - 1.0).abs() < most, "{spread:?}: {counts:?}");
            }
        }
    }

    #[test]
    fn only_the_keys_of_the_dead_move() {
        for spread in ALL {
            let plan = Plan::new(spread, 8, KEYS, 3);
            let up = |node: u32| node != 2 && node != 5;
            let mut moved_to = [0; 8];
            for key in 0..KEYS {
                let (home, owner) = (plan.home(key), plan.owner(key, up).expect("six are up"));
                assert!(up(owner), "{spread:?}");
                assert!(owner == home || !up(home) || spread == Spread::Hash, "{spread:?}, key {key}");
                moved_to[owner as usize] += u32::from(owner != home);
            }
            let takers = moved_to.iter().filter(|count| 0 < **count).count();
            assert_eq!(takers, if spread == Spread::Range { 2 } else { 6 }, "{spread:?}: {moved_to:?}");
            assert_eq!(plan.owner(7, |_| false), None);
            assert_eq!(plan.owner(7, |_| true), Some(plan.home(7)));
        }
    }

    #[test]
    fn few_keys_move_to_a_new_node_lb_ring_move() {
        for (spread, expected) in ALL.into_iter().zip([10.0 / 11.0, 1.0 / 11.0, 1.0 / 11.0, 1.0 / 11.0, 0.5]) {
            let (ten, eleven) = (Plan::new(spread, 10, KEYS, 5), Plan::new(spread, 11, KEYS, 5));
            let moved: Vec<u64> = (0..KEYS).filter(|&key| ten.home(key) != eleven.home(key)).collect();
            assert!((moved.len() as f64 / KEYS as f64 - expected).abs() < 0.02, "{spread:?}: {}", moved.len());
            let only_to_it = matches!(spread, Spread::Consistent(_) | Spread::Jump | Spread::Rendezvous);
            assert!(!only_to_it || moved.iter().all(|&key| eleven.home(key) == 10), "{spread:?}");
        }
    }

    #[test]
    fn a_dead_node_is_as_if_it_were_not_there() {
        for spread in [Spread::Consistent(150), Spread::Rendezvous, Spread::Hash] {
            let (nine, ten) = (Plan::new(spread, 9, KEYS, 5), Plan::new(spread, 10, KEYS, 5));
            assert!((0..KEYS).all(|key| ten.owner(key, |i| i != 9) == Some(nine.home(key))), "{spread:?}");
        }
    }

    #[test]
    fn the_starts_are_only_a_short_cut() {
        for (count, points) in [(1, 1), (2, 1), (3, 150), (100, 7)] {
            let ring = Ring::new(count, points, 9);
            for key in 0..5000 {
                let hash = bits(ring.salt, occasion(key));
                let slow = ring.points.iter().find(|&&(point, _)| hash <= point).unwrap_or(&ring.points[0]).1;
                assert_eq!(ring.owner(key, |_| true), Some(slow));
            }
        }
        assert_eq!(Ring::new(0, 150, 1).owner(1, |_| true), None);
    }

    #[test]
    fn ranges_are_contiguous() {
        let plan = Plan::new(Spread::Range, 4, 10, 0);
        let homes: Vec<u32> = (0..12).map(|key| plan.home(key)).collect();
        assert_eq!(homes, [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 3], "what is beyond belongs to the last");
    }

    #[test]
    fn jump_consistent_hash_lb_jump() {
        let of = |key: u64| (1..=20).map(|buckets| jump(key, buckets)).collect::<Vec<_>>();
        assert_eq!(of(1)[..19], [0, 0, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 17, 17]);
        assert_eq!(of(0), [0; 20]);
        assert_eq!((jump(10_863_919_174_838_991, 11), jump(2201, 100_001)), (6, 22_152));
    }

    /// Coefficient of variation of the shares of the key space, and the largest share over the mean.
    fn spread(count: u32, points: u32, salt: u64) -> (f64, f64) {
        let shares = Ring::new(count, points, salt).shares(count);
        let mean = 1.0 / f64::from(count);
        let variance = shares.iter().map(|share| (share - mean) * (share - mean)).sum::<f64>() / f64::from(count);
        (variance.sqrt() / mean, shares.iter().fold(0.0, |most: f64, share| most.max(*share)) / mean)
    }

    #[test]
    fn shares_of_a_ring_spread_as_beta_lb_ring() {
        let mean = |count: u32, points: u32, rings: u64| {
            let sum = (0..rings)
                .map(|salt| spread(count, points, mix(salt + 1)))
                .fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            (sum.0 / rings as f64, sum.1 / rings as f64)
        };
        let (cv, most) = mean(10, 1, 400);
        assert!((cv - 0.87456885).abs() < 0.05 && (most / 2.9099119 - 1.0).abs() < 0.05, "lb-ring-10-1: {cv} {most}");
        let (cv, most) = mean(100, 150, 20);
        assert!(
            (cv - 0.081563325).abs() < 0.004 && (most / 1.2178637 - 1.0).abs() < 0.02,
            "lb-ring-100-150: {cv} {most}"
        );
    }
}
