//! Raft elections (Ongaro and Ousterhout 2014, section 5.2): who may stand, who votes for whom, and who has won.
//!
//! A follower that has heard nothing of a leader for its election time-out stands: it begins a new term, votes for itself
//! and asks the others. A copy gives one vote a term, to the first who asks and whose log is at least as long as its own;
//! a majority wins. Two that stand at the same time may split the votes, and then all wait anew. What can go wrong: a
//! majority that does not live never elects anybody. When messages arrive is the engine's business.

/// What every copy of one log remembers of elections; on its disk, so deaths change nothing.
#[derive(Clone, Debug)]
pub struct Ballots {
    voters: Vec<Voter>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Voter {
    term: u32,
    /// For whom it voted in this term.
    voted: Option<u32>,
    /// Votes for it in this term, as bits.
    votes: u64,
    /// Counts its election timers: an older one rings in vain.
    round: u32,
}

/// What a copy says to a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The term the voter is in now.
    pub term: u32,
    pub is_granted: bool,
}

impl Ballots {
    /// Nobody has ever stood. At most 64 copies.
    pub fn new(copies: u32) -> Ballots {
        Ballots { voters: vec![Voter::default(); copies as usize] }
    }

    /// How many are a majority.
    pub fn majority(copies: u32) -> u32 {
        copies / 2 + 1
    }

    /// The election timer of a copy begins anew; its number.
    pub fn wait(&mut self, copy: usize) -> u32 {
        self.voters[copy].round += 1;
        self.voters[copy].round
    }

    /// Whether a timer is the copy's last one.
    pub fn is_waiting(&self, copy: usize, round: u32) -> bool {
        self.voters[copy].round == round
    }

    /// A copy stands in a new term, which is the answer, and votes for itself.
    pub fn stand(&mut self, copy: usize) -> u32 {
        let voter = &mut self.voters[copy];
        *voter = Voter { term: voter.term + 1, voted: Some(copy as u32), votes: 1 << copy, ..*voter };
        voter.term
    }

    /// A copy is asked for its vote in a term by a candidate whose log is at least as long as its own, or not.
    pub fn ask(&mut self, copy: usize, candidate: usize, term: u32, is_as_long: bool) -> Vote {
        let voter = &mut self.voters[copy];
        if voter.term < term {
            *voter = Voter { term, voted: None, votes: 0, ..*voter };
        }
        let is_free = voter.voted.is_none_or(|voted| voted as usize == candidate);
        let is_granted = voter.term == term && is_free && is_as_long;
        if is_granted {
            voter.voted = Some(candidate as u32);
        }
        Vote { term: voter.term, is_granted }
    }

    /// A candidate hears a vote that was asked for in a term; whether it has just won.
    pub fn hear(&mut self, candidate: usize, voter: usize, asked: u32, vote: Vote) -> bool {
        let majority = Ballots::majority(self.voters.len() as u32);
        let own = &mut self.voters[candidate];
        if own.term < vote.term {
            *own = Voter { term: vote.term, voted: None, votes: 0, ..*own };
        }
        if !vote.is_granted || own.term != asked || own.votes >> voter & 1 == 1 {
            return false;
        }
        own.votes |= 1 << voter;
        own.votes.count_ones() == majority
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, mix};

    /// Messages that arrive late, twice or never: in no term are there two leaders, and whoever leads has a log at least
    /// as long as those of a majority, so it has all that a majority had.
    #[test]
    fn a_term_has_one_leader_and_that_has_what_a_majority_had() {
        let mut elected = 0;
        for seed in 0..400u64 {
            let copies = 1 + below(mix(seed), 7) as usize;
            let logs: Vec<u64> = (0..copies as u64).map(|copy| mix(seed << 8 ^ copy) % 4).collect();
            let mut ballots = Ballots::new(copies as u32);
            let mut leaders: Vec<(u32, usize)> = Vec::new();
            let mut asked: Vec<(usize, usize, u32)> = Vec::new();
            let mut votes: Vec<(usize, usize, u32, Vote)> = Vec::new();
            for n in 0..300u64 {
                let dice = mix(seed << 32 ^ n);
                let pick = |len: usize| (dice >> 8) as usize % len;
                match dice % 8 {
                    0 => {
                        let copy = pick(copies);
                        let term = ballots.stand(copy);
                        asked.extend((0..copies).filter(|other| *other != copy).map(|other| (copy, other, term)));
                        if copies == 1 {
                            leaders.push((term, copy));
                        }
                    }
                    1..5 if !asked.is_empty() => {
                        let (candidate, copy, term) = asked[pick(asked.len())];
                        let vote = ballots.ask(copy, candidate, term, logs[copy] <= logs[candidate]);
                        votes.push((candidate, copy, term, vote));
                    }
                    _ if !votes.is_empty() => {
                        let (candidate, copy, term, vote) = votes[pick(votes.len())];
                        if ballots.hear(candidate, copy, term, vote) {
                            leaders.push((term, candidate));
                        }
                    }
                    _ => {}
                }
            }
            elected += leaders.len();
            for (i, (term, leader)) in leaders.iter().enumerate() {
                assert!(leaders[..i].iter().all(|(other, one)| other != term || one == leader), "{seed} {leaders:?}");
                let shorter = logs.iter().filter(|log| **log <= logs[*leader]).count();
                assert!(Ballots::majority(copies as u32) as usize <= shorter, "{seed} {logs:?} {leader}");
            }
        }
        assert!(400 < elected, "{elected}");
    }

    #[test]
    fn only_the_last_timer_counts() {
        let mut ballots = Ballots::new(3);
        let first = ballots.wait(1);
        assert!(ballots.is_waiting(1, first));
        let second = ballots.wait(1);
        assert!(!ballots.is_waiting(1, first) && ballots.is_waiting(1, second));
    }
}
