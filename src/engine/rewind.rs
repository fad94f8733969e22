//! Reading again: a group goes back in a topic, and does once more what it has done.
//!
//! What the group has not done yet is not read twice, and comes after what is read again, as it does in the log. Of messages
//! that some fault reads again the engine keeps everything that their retention lets it keep.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::broker::{Letter, LetterState};
use crate::engine::world::{Ns, World};
use crate::model::{NONE, NONE16};

impl World<'_> {
    /// A message may be read again later; what has become too old is forgotten.
    pub(super) fn keep_for_rewind(&mut self, topic: u16, letter: Letter) {
        let age = self.m.topics[topic as usize].age.0;
        self.post.topics[topic as usize].kept.push_back(letter);
        while 0 < age
            && let Some(&old) = self.post.topics[topic as usize].kept.front()
            && old.taken + age <= self.stamp()
        {
            self.post.topics[topic as usize].kept.pop_front();
            if old.context != NONE {
                self.leave_context(old.context);
            }
        }
    }

    /// A group reads again what was appended since so long.
    pub(super) fn rewind(&mut self, g: u16, back: Ns) {
        let topic = self.m.groups[g as usize].topic;
        let from = self.stamp().saturating_sub(back);
        let letters = self.post.letters.all.iter();
        let open = letters.filter(|letter| letter.group == g && letter.state != LetterState::Free);
        let open: BTreeSet<u64> = open.map(|letter| letter.identity).collect();
        let kept = self.post.topics[topic as usize].kept.iter();
        let again: Vec<Letter> =
            kept.filter(|letter| from <= letter.taken && !open.contains(&letter.identity)).copied().collect();
        let passed = self.let_pass(g, again.len() as u64);
        let view_key = self.m.groups[g as usize].view_key;
        for letter in again {
            let about = if view_key == NONE16 { letter.about } else { Some(self.key_of_letter(view_key, &letter)) };
            self.post.groups[g as usize].tally.rewound += 1;
            self.put_in(Letter { group: g, about, copy: false, ..letter }, 0);
        }
        // Those that were let pass have their numbers behind these.
        self.post.topics[topic as usize].number += passed;
    }

    /// Letters that wait come after so many others that are about to be put in; how many they are.
    fn let_pass(&mut self, g: u16, count: u64) -> u64 {
        let topic = self.m.groups[g as usize].topic;
        let first = self.post.topics[topic as usize].number + count;
        let mut waiting: Vec<(u64, u32)> = Vec::new();
        for (id, letter) in self.post.letters.all.iter().enumerate() {
            if letter.group == g && letter.state == LetterState::Ready {
                waiting.push((letter.number, id as u32));
            }
        }
        waiting.sort_unstable();
        let mut renamed = BTreeMap::new();
        for ((old, id), number) in waiting.into_iter().zip(first..) {
            let letter = &mut self.post.letters.all[id as usize];
            letter.number = number;
            let pending = &mut self.post.groups[g as usize].pending;
            let line = letter.about.and_then(|about| pending.get_mut(&about));
            if let Some(place) = line.and_then(|line| line.iter_mut().find(|(other, _)| *other == old)) {
                place.0 = number;
            }
            renamed.insert(old, number);
        }
        let group = &mut self.post.groups[g as usize];
        let rename = |number: &mut u64| *number = renamed.get(number).copied().unwrap_or(*number);
        group.ages.iter_mut().for_each(|(_, number)| rename(number));
        if let Some(reading) = &mut group.reading {
            reading.rename(&renamed);
        }
        renamed.len() as u64
    }
}
