//! Who in a group of consumers reads which partition.
//!
//! `range` and `round_robin` are those of Kafka, to the letter: members and topics in the order of their names, a range of
//! each topic for each member, or all partitions dealt in turn. `sticky` deals evenly and moves as few as it can;
//! `cooperative` is the same, but what does not move is read on meanwhile. Everything follows from who is there and from
//! who had what before; nothing is drawn.

/// How partitions are dealt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assign {
    /// A stretch of neighbours for each member.
    ///
    /// ```yaml
    /// assign: range
    /// ```
    #[default]
    Range,
    /// One after the other in turn.
    ///
    /// ```yaml
    /// assign: round_robin
    /// ```
    RoundRobin,
    /// Evenly, and as few as possible move.
    ///
    /// ```yaml
    /// assign: sticky
    /// ```
    Sticky,
    /// The same, and only what moves stands still meanwhile.
    ///
    /// ```yaml
    /// assign: cooperative
    /// ```
    Cooperative,
}

/// The words, for the table of fields.
pub const NAMES: &[&str] = &["range", "round_robin", "sticky", "cooperative"];

/// A partition: number of its topic, number in it.
pub type Partition = (usize, u32);

impl Assign {
    /// The way of that name.
    pub fn named(name: &str) -> Option<Assign> {
        let all = [Assign::Range, Assign::RoundRobin, Assign::Sticky, Assign::Cooperative];
        NAMES.iter().position(|known| *known == name).map(|at| all[at])
    }

    /// What each member reads. `counts` are the partitions of each topic, `wants[m]` the topics of member m, `had[m]` what it
    /// read before; members and topics stand in the order of their names.
    pub fn deal(self, counts: &[u32], wants: &[Vec<usize>], had: &[Vec<Partition>]) -> Vec<Vec<Partition>> {
        let mut dealt = vec![Vec::new(); wants.len()];
        match self {
            Assign::Range => range(counts, wants, &mut dealt),
            Assign::RoundRobin => round_robin(counts, wants, &mut dealt),
            Assign::Sticky | Assign::Cooperative => sticky(counts, wants, had, &mut dealt),
        }
        for of in &mut dealt {
            of.sort_unstable();
        }
        dealt
    }

    /// Whether those that do not move are read on while the others are dealt.
    pub fn goes_on(self) -> bool {
        self == Assign::Cooperative
    }
}

fn range(counts: &[u32], wants: &[Vec<usize>], dealt: &mut [Vec<Partition>]) {
    for (topic, &count) in counts.iter().enumerate() {
        let members: Vec<usize> = (0..wants.len()).filter(|&member| wants[member].contains(&topic)).collect();
        let several = members.len().max(1) as u32;
        let mut next = 0;
        for (rank, &member) in members.iter().enumerate() {
            let length = count / several + u32::from((rank as u32) < count % several);
            dealt[member].extend((next..next + length).map(|partition| (topic, partition)));
            next += length;
        }
    }
}

fn round_robin(counts: &[u32], wants: &[Vec<usize>], dealt: &mut [Vec<Partition>]) {
    let mut turn = 0;
    for (topic, &count) in counts.iter().enumerate() {
        if !wants.iter().any(|wanted| wanted.contains(&topic)) {
            continue;
        }
        for partition in 0..count {
            while !wants[turn % wants.len()].contains(&topic) {
                turn += 1;
            }
            dealt[turn % wants.len()].push((topic, partition));
            turn += 1;
        }
    }
}

/// Whoever has too many gives up its last ones; whoever has the fewest gets what is free.
fn sticky(counts: &[u32], wants: &[Vec<usize>], had: &[Vec<Partition>], dealt: &mut [Vec<Partition>]) {
    let all = || (0..counts.len()).flat_map(|topic| (0..counts[topic]).map(move |partition| (topic, partition)));
    let mut taken: Vec<Partition> = Vec::new();
    for (member, had) in had.iter().enumerate().take(wants.len()) {
        for one in had.iter().filter(|(topic, number)| *number < counts[*topic] && wants[member].contains(topic)) {
            if !taken.contains(one) {
                dealt[member].push(*one);
                taken.push(*one);
            }
        }
    }
    let fewest = |dealt: &[Vec<Partition>], topic: usize| {
        let able = (0..wants.len()).filter(|&member| wants[member].contains(&topic));
        able.min_by_key(|&member| dealt[member].len())
    };
    for one in all().filter(|one| !taken.contains(one)) {
        if let Some(member) = fewest(dealt, one.0) {
            dealt[member].push(one);
        }
    }
    // Until nobody has two more than somebody who would take one.
    let moves = |dealt: &[Vec<Partition>]| {
        let mut from: Vec<usize> = (0..dealt.len()).collect();
        from.sort_by_key(|&member| std::cmp::Reverse(dealt[member].len()));
        from.into_iter().find_map(|member| {
            let at = dealt[member].iter().rposition(|&(topic, _)| {
                fewest(dealt, topic).is_some_and(|other| dealt[other].len() + 1 < dealt[member].len())
            })?;
            Some((member, at, fewest(dealt, dealt[member][at].0)?))
        })
    };
    while let Some((from, at, to)) = moves(dealt) {
        let one = dealt[from].remove(at);
        dealt[to].push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, mix};

    fn group(assign: Assign, partitions: u32, members: usize, had: &[Vec<Partition>]) -> Vec<Vec<Partition>> {
        assign.deal(&[partitions], &vec![vec![0]; members], had)
    }

    #[test]
    fn every_partition_is_dealt_once_and_evenly() {
        for assign in [Assign::Range, Assign::RoundRobin, Assign::Sticky, Assign::Cooperative] {
            for (partitions, members) in [(1, 3), (12, 5), (7, 7), (100, 9)] {
                let dealt = group(assign, partitions, members, &[]);
                let mut all: Vec<Partition> = dealt.iter().flatten().copied().collect();
                all.sort_unstable();
                assert_eq!(all, (0..partitions).map(|partition| (0, partition)).collect::<Vec<_>>());
                let lengths = || dealt.iter().map(Vec::len);
                assert!(lengths().max() <= lengths().min().map(|least| least + 1), "{assign:?} {dealt:?}");
            }
        }
    }

    #[test]
    fn sticky_moves_as_few_as_it_must() {
        let before = group(Assign::Sticky, 12, 3, &[]);
        let mut had = before.clone();
        had.push(Vec::new());
        let after = group(Assign::Sticky, 12, 4, &had);
        let kept = |member: usize| after[member].iter().filter(|one| before[member].contains(one)).count();
        assert_eq!(9, (0..3).map(kept).sum::<usize>(), "a fourth member takes three, and no other moves: {after:?}");
        let moved = group(Assign::Range, 12, 4, &had);
        let kept = |member: usize| moved[member].iter().filter(|one| before[member].contains(one)).count();
        assert!((0..3).map(kept).sum::<usize>() < 9, "a range moves more");
    }

    /// Who reads a partition, from the words of Kafka's documentation: one at a time, without any state.
    fn plain(assign: Assign, partitions: u32, members: u32, partition: u32) -> u32 {
        if assign == Assign::RoundRobin {
            return partition % members;
        }
        let (each, more) = (partitions / members, partitions % members);
        (0..members)
            .find(|&member| partition < (member + 1) * each + more.min(member + 1))
            .expect("the last has the last")
    }

    #[test]
    fn range_and_round_robin_are_as_their_words_say() {
        for assign in [Assign::Range, Assign::RoundRobin] {
            for (partitions, members) in [(1, 3), (12, 5), (7, 7), (100, 9), (3, 1)] {
                for (member, of) in group(assign, partitions, members as usize, &[]).iter().enumerate() {
                    let meant = |p: &u32| plain(assign, partitions, members, *p) == member as u32;
                    let twin: Vec<Partition> = (0..partitions).filter(meant).map(|p| (0, p)).collect();
                    assert_eq!(*of, twin, "{assign:?} {partitions} {members}");
                }
            }
        }
    }

    /// Groups that lose and gain members in any order: what stays is what had to stay.
    #[test]
    fn sticky_is_even_and_moves_the_least_in_any_order_of_comings_and_goings() {
        for seed in 0..200 {
            let partitions = 1 + below(mix(seed), 30);
            let mut had: Vec<Vec<Partition>> = group(Assign::Sticky, partitions, 3, &[]);
            for turn in 0..10 {
                if 1 < had.len() && below(mix(seed << 8 | turn), 2) == 0 {
                    had.remove(below(mix(seed ^ turn << 20), had.len() as u32) as usize);
                } else {
                    had.push(Vec::new());
                }
                let now = group(Assign::Sticky, partitions, had.len(), &had);
                let (least, rest) = (partitions as usize / had.len(), partitions as usize % had.len());
                let mut lengths: Vec<usize> = had.iter().map(Vec::len).collect();
                lengths.sort_unstable_by(|a, b| b.cmp(a));
                // The fullest keep one more than the others.
                let most = lengths.iter().enumerate().map(|(rank, &had)| had.min(least + usize::from(rank < rest)));
                let kept = |member: usize| now[member].iter().filter(|one| had[member].contains(one)).count();
                assert_eq!(
                    most.sum::<usize>(),
                    (0..had.len()).map(kept).sum::<usize>(),
                    "{seed} {turn} {had:?} {now:?}"
                );
                had = now;
            }
        }
    }

    #[test]
    fn each_word_has_its_way() {
        assert_eq!(NAMES.len(), NAMES.iter().filter_map(|name| Assign::named(name)).count());
        assert_eq!(None, Assign::named("random"));
    }
}
