//! What is in queues and logs when a run begins: messages of the traffic before it.
//!
//! That traffic goes through its programs without time, as that of a warm start does; what it publishes is noted with the
//! instant at which it came, and handed to the groups that have not done it. The clock of messages begins with the first
//! of these requests, so that the age of a message, and the lag of the work on it, are what they would be. Caches are left
//! as they are. What consumers did with the others is not looked at.

use crate::engine::broker::Letter;
use crate::engine::foresight::Foresight;
use crate::engine::prefill::Turns;
use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Ns, World};
use crate::model::backlog::{Backlog, Need};
use crate::model::{NONE, NONE16};
use crate::scenario::broker::Behind;

/// Numbers of these requests begin here: they are not those of a warm start.
const FIRST: u64 = 1 << 40;

impl World<'_> {
    /// An instant as messages are stamped with it.
    pub(super) fn stamp(&self) -> Ns {
        self.now + self.post.clock
    }

    /// Sends the traffic before the run, and hands what it published to those who have not done it.
    pub(super) fn fill_topics(&mut self) {
        let m = self.m;
        let Some(plan) = &m.run.backlog else { return };
        self.post.before = vec![Vec::new(); m.topics.len()];
        // Nobody is there yet who could take them.
        (self.post.is_filled, self.post.is_filling) = (true, true);
        let mut turns = Turns::new(&plan.sources, FIRST);
        for _ in 0..plan.most {
            if self.has_come(plan) {
                break;
            }
            let (source, number, at) = turns.next();
            self.post.clock = (at * 1e9) as Ns;
            self.ask_before(source, number);
        }
        for need in &plan.needs {
            self.hand_over(need);
        }
        (self.post.is_filled, self.post.is_filling) = (false, false);
        self.post.before = Vec::new();
        // The loads count their requests anew.
        self.caches.all.iter_mut().for_each(|shelves| shelves.foresight = Foresight::default());
    }

    fn has_come(&self, plan: &Backlog) -> bool {
        let is_met = |need: &Need| {
            need.lasts.0 <= self.post.clock && need.messages <= self.post.before[usize::from(need.topic)].len() as u64
        };
        plan.needs.iter().all(is_met)
    }

    /// A message of before, if anybody cares for its topic.
    pub(super) fn came_before(&mut self, topic: u16, letter: Letter) {
        let plan = self.m.run.backlog.as_ref();
        if plan.is_none_or(|plan| plan.needs.iter().all(|need| need.topic != topic)) {
            return;
        }
        if letter.context != NONE {
            self.contexts.all[letter.context as usize].users += 1;
        }
        let stamp = self.stamp();
        self.post.before[usize::from(topic)].push(Letter { sent: stamp, taken: stamp, ..letter });
    }

    /// What came to a topic goes to the groups that begin behind, as far as they are, and to what may be read again.
    fn hand_over(&mut self, need: &Need) {
        let m = self.m;
        let spec = &m.topics[usize::from(need.topic)];
        let letters = std::mem::take(&mut self.post.before[usize::from(need.topic)]);
        for group in spec.first..spec.first + spec.groups {
            let of = &m.groups[usize::from(group)];
            let from = match of.behind {
                None => continue,
                Some(Behind::Messages(count)) => letters.len().saturating_sub(count as usize),
                Some(Behind::Time(seconds)) => {
                    let since = self.post.clock.saturating_sub((seconds * 1e9) as Ns);
                    letters.partition_point(|letter| letter.taken < since)
                }
            };
            for letter in &letters[from..] {
                let about =
                    if of.view_key == NONE16 { letter.about } else { Some(self.key_of_letter(of.view_key, letter)) };
                self.post.groups[usize::from(group)].tally.before += 1;
                self.put_in(Letter { about, group, ..*letter }, 0);
            }
        }
        let since = self.post.clock.saturating_sub(need.kept.0);
        for letter in letters {
            if spec.in_log.is_some() {
                self.retain(need.topic, &letter);
            }
            if spec.in_log.is_some_and(|in_log| in_log.is_rewound) && since <= letter.taken {
                self.keep_for_rewind(need.topic, letter);
            } else if letter.context != NONE {
                self.leave_context(letter.context);
            }
        }
    }

    /// Those who are behind begin at once.
    pub(super) fn begin_backlogs(&mut self) {
        for group in 0..self.m.groups.len() as u16 {
            if self.m.is_behind(group) {
                self.post.groups[usize::from(group)].retrying = true;
                self.set_timer(self.now, CLAIM, Timer::Dispatch { group });
            }
        }
    }
}
