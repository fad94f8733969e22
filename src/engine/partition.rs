//! One partition of a log: what was appended, which copies have it, who leads, and what a dead leader takes along.
//!
//! Every promise is a comparison of positions. A copy is *in step* as long as it counts: what all copies in step have is
//! *committed*, may be read, and survives any death that leaves one of them. What only the leader has goes with it, whether
//! somebody was told that it is in the log or not.

use std::collections::VecDeque;

use crate::engine::broker::Letter;
use crate::engine::world::Ns;
use crate::model::NONE;

/// A partition; brokers are numbered within their log.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) topic: u16,
    /// `NONE`: nobody who has all of it is up.
    pub(super) leader: u32,
    /// Counts leaders: what was sent under another one is stale.
    pub(super) term: u32,
    /// The first one leads if it can.
    pub(super) copies: Vec<Copy>,
    /// Messages ever appended, and their bytes.
    pub(super) end: u64,
    pub(super) bytes: f64,
    /// So many of them are committed.
    pub(super) committed: u64,
    /// Those that are not.
    pub(super) open: VecDeque<Record>,
    /// Who waits until so many are committed: frame and generation.
    pub(super) waiting: VecDeque<(u64, u32, u32)>,
    /// What is kept, where that has a limit in bytes: when it was appended, and its bytes; and their sum.
    pub(super) kept: VecDeque<(Ns, f32)>,
    pub(super) kept_bytes: f64,
    /// Messages appended, those that were lost too.
    pub(super) appended: u64,
}

/// A copy of a partition on one broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    pub(super) broker: u32,
    /// What it has, in messages and bytes; what the leader knows that it has.
    pub(super) position: u64,
    pub(super) bytes: f64,
    pub(super) heard: u64,
    pub(super) in_step: bool,
    /// It had everything at that time.
    pub(super) caught_up: Ns,
    /// It stands in the list of what its leader has to send it.
    pub(super) is_queued: bool,
}

/// A message in a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) letter: Letter,
    /// Whoever sent it takes it for safe already.
    pub(super) is_promised: bool,
}

impl Partition {
    pub(super) fn new(topic: u16, brokers: impl Iterator<Item = u32>) -> Partition {
        let copy =
            |broker| Copy { broker, position: 0, bytes: 0.0, heard: 0, in_step: true, caught_up: 0, is_queued: false };
        let copies: Vec<Copy> = brokers.map(copy).collect();
        Partition {
            topic,
            leader: copies[0].broker,
            term: 0,
            copies,
            end: 0,
            bytes: 0.0,
            committed: 0,
            open: VecDeque::new(),
            waiting: VecDeque::new(),
            kept: VecDeque::new(),
            kept_bytes: 0.0,
            appended: 0,
        }
    }

    /// The copy on a broker.
    pub(super) fn copy(&mut self, broker: u32) -> Option<&mut Copy> {
        self.copies.iter_mut().find(|copy| copy.broker == broker)
    }

    /// How many copies count.
    pub(super) fn in_step(&self) -> u32 {
        self.copies.iter().filter(|copy| copy.in_step).count() as u32
    }

    /// The leader has one more message.
    pub(super) fn append(&mut self, record: Record) {
        self.end += 1;
        self.appended += 1;
        self.bytes += f64::from(record.letter.bytes);
        self.open.push_back(record);
        let (leader, end, bytes) = (self.leader, self.end, self.bytes);
        if let Some(copy) = self.copy(leader) {
            (copy.position, copy.bytes, copy.heard) = (end, bytes, end);
        }
    }

    /// A copy has received what was sent to it under a leader.
    pub(super) fn received(&mut self, broker: u32, upto: u64, bytes: f64) {
        if let Some(copy) = self.copy(broker) {
            (copy.position, copy.bytes) = (copy.position.max(upto), copy.bytes.max(bytes));
        }
    }

    /// The leader hears how far a copy is, which had everything at `at`; true if it counts again from now on.
    pub(super) fn heard(&mut self, broker: u32, upto: u64, at: Ns) -> bool {
        let end = self.end;
        let Some(copy) = self.copy(broker) else { return false };
        copy.heard = copy.heard.max(upto);
        copy.caught_up = copy.caught_up.max(at);
        let joins = !copy.in_step && copy.heard == end;
        copy.in_step |= joins;
        joins
    }

    /// What all copies that count have.
    pub(super) fn high_water(&self) -> u64 {
        self.copies.iter().filter(|copy| copy.in_step).map(|copy| copy.heard).min().unwrap_or(self.end)
    }

    /// The next message that has been committed by now.
    pub(super) fn next_committed(&mut self) -> Option<Record> {
        if self.leader == NONE || self.high_water() <= self.committed {
            return None;
        }
        self.committed += 1;
        self.open.pop_front()
    }

    /// A copy no longer counts, unless it is the last one that does.
    pub(super) fn drop_out(&mut self, broker: u32) -> bool {
        let others = self.copies.iter().any(|copy| copy.in_step && copy.broker != broker);
        match self.copy(broker) {
            Some(copy) if copy.in_step && others => {
                copy.in_step = false;
                true
            }
            _ => false,
        }
    }

    /// Another copy leads, the first one that counts and is up; what it does not have is gone for all.
    pub(super) fn elect(&mut self, is_up: impl Fn(u32) -> bool) -> Vec<Record> {
        let next = self.copies.iter().find(|copy| copy.in_step && is_up(copy.broker)).copied();
        self.term += 1;
        let Some(next) = next else {
            self.leader = NONE;
            return Vec::new();
        };
        self.leader = next.broker;
        let lost = self.open.split_off((next.position - self.committed) as usize);
        (self.end, self.bytes) = (next.position, next.bytes);
        for copy in &mut self.copies {
            (copy.position, copy.bytes) = (copy.position.min(next.position), copy.bytes.min(next.bytes));
            copy.is_queued = false;
        }
        self.meet();
        lost.into()
    }

    /// A leader begins: each follower says what it has when it asks for the first time.
    pub(super) fn meet(&mut self) {
        self.copies.iter_mut().for_each(|copy| copy.heard = copy.position);
    }

    /// One more is kept; answers the age limit below which messages no longer are, if that has changed.
    pub(super) fn keep(&mut self, taken: Ns, bytes: f32, most: f64) -> Option<Ns> {
        if most == f64::INFINITY {
            return None;
        }
        self.kept.push_back((taken, bytes));
        self.kept_bytes += f64::from(bytes);
        let mut floor = None;
        while most < self.kept_bytes
            && let Some((taken, bytes)) = self.kept.pop_front()
        {
            self.kept_bytes -= f64::from(bytes);
            floor = Some(taken);
        }
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::world::Request;
    use crate::random::{below, mix};

    fn letter(number: u64) -> Letter {
        Letter { number, bytes: 1.0, ..Letter::of(&Request::detached(0), number, 0) }
    }

    /// Random appends, deliveries, deaths and returns beside plain vectors: what is committed is what all in step hold, it
    /// is never lost and never changes, and what a new leader lacks is lost, no more and no less.
    #[test]
    fn a_partition_is_what_its_copies_hold() {
        let mut losses = 0;
        for seed in 0..400u64 {
            let mut one = Partition::new(0, 0..3);
            let mut held: Vec<Vec<u64>> = vec![Vec::new(); 3];
            let (mut up, mut committed) = ([true; 3], Vec::new());
            for n in 0..300u64 {
                let dice = mix(seed << 32 | n);
                let who = below(mix(dice), 3);
                let leader = one.leader;
                match dice % 8 {
                    0..3 if leader != NONE && up[leader as usize] => {
                        one.append(Record { letter: letter(n), is_promised: dice >> 40 & 1 == 1 });
                        held[leader as usize].push(n);
                    }
                    3..6 if leader != NONE && who != leader && up[who as usize] && up[leader as usize] => {
                        one.received(who, one.end, one.bytes);
                        held[who as usize] = held[leader as usize].clone();
                        one.heard(who, one.end, n);
                    }
                    6 => {
                        up[who as usize] = false;
                        one.drop_out(who);
                        if leader == who || leader == NONE {
                            let before = held.clone();
                            let lost = one.elect(|broker| up[broker as usize]);
                            if let Some(next) = before.get(one.leader as usize) {
                                let gone: Vec<u64> = lost.iter().map(|record| record.letter.number).collect();
                                let old = leader.min(2) as usize;
                                if leader != NONE {
                                    assert_eq!(before[old][next.len().min(before[old].len())..], gone, "{seed} {n}");
                                }
                                losses += gone.len();
                                let kept = next.len();
                                for copy in &mut held {
                                    copy.truncate(kept);
                                }
                            }
                        }
                    }
                    7 => {
                        up[who as usize] = true;
                        if leader == NONE {
                            one.elect(|broker| up[broker as usize]);
                        }
                    }
                    _ => {}
                }
                while let Some(record) = one.next_committed() {
                    committed.push(record.letter.number);
                }
                assert_eq!(one.committed as usize, committed.len());
                for copy in one.copies.iter().filter(|copy| copy.in_step) {
                    let holds = &held[copy.broker as usize];
                    assert!(committed.len() <= holds.len() && holds[..committed.len()] == committed[..], "{seed} {n}");
                }
                if one.leader != NONE {
                    assert_eq!(one.end as usize, held[one.leader as usize].len(), "{seed} {n}");
                    assert_eq!(one.end - one.committed, one.open.len() as u64, "{seed} {n}");
                }
            }
        }
        assert!(0 < losses, "some leader takes something along");
    }

    #[test]
    fn what_is_beyond_the_limit_is_no_longer_kept() {
        let mut one = Partition::new(0, 0..1);
        let floors: Vec<Option<Ns>> = (0..6).map(|n| one.keep(n, 10.0, 25.0)).collect();
        assert_eq!(floors, [None, None, Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(None, one.keep(9, 1e9, f64::INFINITY));
    }
}
