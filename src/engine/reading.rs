//! How groups read a log: each partition is read by one member, from its front, one batch at a time.
//!
//! A member asks for the next batch (a *poll*) when it has done the last one; the batch comes from one broker and may hold
//! messages of several partitions, which are worked on side by side, each in its order. What fails comes to the front of its
//! partition again, and all behind it waits. Who reads what is agreed among the members (a *club*): when one joins or is
//! missed, partitions are dealt anew and stand still meanwhile.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::broker::{Letter, LetterState};
use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World, gate};
use crate::measure::gauge::Gauge;
use crate::model::{Model, NONE, NONE16};
use crate::policy::assign::Partition;

/// What a group has still to read of a topic.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) lines: Vec<Line>,
    /// Partitions of each member, and where its next poll begins.
    owned: Vec<Vec<u32>>,
    turn: Vec<u32>,
}

/// One partition as its reader sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Letter and number, the next one first.
    waiting: VecDeque<(u32, u64)>,
    /// Letters that wait and that are out.
    pub(super) open: Gauge,
    /// Member that reads it, or `NONE`.
    owner: u32,
    /// A batch of it is out.
    is_out: bool,
    /// Its first letter has failed and is not due yet.
    is_held: bool,
}

/// Members of groups of one name, and what they have agreed upon.
#[derive(Debug)]
pub(super) struct Club {
    /// In the order of components and instances.
    stations: Vec<u32>,
    /// Topics that each reads, as numbers among the club's groups.
    wants: Vec<Vec<usize>>,
    present: Vec<bool>,
    /// Since when nothing has been heard of it, or `Ns::MAX`.
    silent: Vec<Ns>,
    had: Vec<Vec<Partition>>,
    /// Partitions stand still until all members know who reads them.
    is_dealing: bool,
    again: bool,
}

impl Reading {
    pub(super) fn new(partitions: u32, members: usize) -> Reading {
        Reading {
            lines: vec![Line { owner: NONE, ..Line::default() }; partitions as usize],
            owned: vec![Vec::new(); members],
            turn: vec![0; members],
        }
    }

    /// Partition of a value.
    pub(super) fn lane(&self, value: u64) -> u32 {
        (value % self.lines.len() as u64) as u32
    }

    fn line(&mut self, value: u64) -> &mut Line {
        let lane = self.lane(value);
        &mut self.lines[lane as usize]
    }

    /// The letter has its place in the order of its partition.
    pub(super) fn line_up(&mut self, letter: &Letter, id: u32) {
        let line = self.line(letter.value);
        let at = line.waiting.partition_point(|(_, other)| *other < letter.number);
        line.waiting.insert(at, (id, letter.number));
    }

    /// Letters that wait have other numbers, in the same places.
    pub(super) fn rename(&mut self, renamed: &BTreeMap<u64, u64>) {
        for (_, number) in self.lines.iter_mut().flat_map(|line| &mut line.waiting) {
            *number = renamed.get(number).copied().unwrap_or(*number);
        }
    }

    /// A letter has come, or has left; a failed one that leaves holds its partition no longer.
    pub(super) fn come(&mut self, letter: &Letter, now: Ns) {
        self.line(letter.value).open.enter(now);
    }

    pub(super) fn leave(&mut self, letter: &Letter, now: Ns) {
        let line = self.line(letter.value);
        line.open.leave(now);
        if letter.state == LetterState::Later && 0 < letter.attempts {
            line.is_held = false;
        }
    }

    /// The partition of a letter waits for it, or goes on.
    pub(super) fn hold(&mut self, letter: &Letter, is_held: bool) {
        self.line(letter.value).is_held = is_held;
    }

    /// No batch of this partition is out any more.
    pub(super) fn come_in(&mut self, lane: u32) {
        self.lines[lane as usize].is_out = false;
    }
}

impl Club {
    pub(super) fn new(m: &Model, number: usize) -> Club {
        let groups = &m.clubs[number].groups;
        let mut members: Vec<(u32, usize)> = Vec::new();
        for (topic, group) in groups.iter().enumerate() {
            for consumer in m.consumers.iter().filter(|consumer| consumer.group == *group) {
                let spec = &m.components[consumer.component as usize];
                members.extend((spec.first..spec.first + spec.count).map(|station| (station, topic)));
            }
        }
        members.sort_unstable();
        members.dedup();
        let mut stations: Vec<u32> = members.iter().map(|(station, _)| *station).collect();
        stations.dedup();
        let wants = stations
            .iter()
            .map(|station| members.iter().filter(|(member, _)| member == station).map(|(_, topic)| *topic).collect());
        Club {
            wants: wants.collect(),
            present: vec![false; stations.len()],
            silent: vec![Ns::MAX; stations.len()],
            had: vec![Vec::new(); stations.len()],
            stations,
            is_dealing: false,
            again: false,
        }
    }
}

impl World<'_> {
    // -- polls ------------------------------------------------------------------------------------------------------------

    /// A letter may be taken: whoever reads its partition may ask.
    pub(super) fn poll_for(&mut self, g: u16, value: u64) {
        let Some(reading) = &self.post.groups[g as usize].reading else { return };
        let owner = reading.lines[reading.lane(value) as usize].owner;
        if owner != NONE {
            self.poll(g, owner);
        }
    }

    /// Every member may ask.
    pub(super) fn poll_all(&mut self, g: u16) {
        (0..self.post.groups[g as usize].members.len() as u32).for_each(|member| self.poll(g, member));
    }

    /// A member that is up and has room takes what there is, broker by broker.
    pub(super) fn poll(&mut self, g: u16, member: u32) {
        loop {
            let who = self.post.groups[g as usize].members[member as usize];
            let most = self.m.consumers[who.consumer as usize].batch;
            if who.room < most || self.stations[who.station as usize].gate & (gate::DOWN | gate::PAUSED) != 0 {
                return;
            }
            let letters = self.next_letters(g, member, most);
            if letters.is_empty() {
                return;
            }
            self.hand_out(g, member, &letters);
        }
    }

    /// Up to `most` letters of the partitions of a member that one broker leads; they are out from now on.
    fn next_letters(&mut self, g: u16, member: u32, most: u32) -> Vec<u32> {
        let topic = self.m.groups[g as usize].topic;
        let first = self.in_log(topic).first;
        let mut reading = self.post.groups[g as usize].reading.take().expect("groups of logs read");
        let owned = std::mem::take(&mut reading.owned[member as usize]);
        let (mut letters, mut broker) = (Vec::new(), None);
        let count = owned.len() as u32;
        let from = reading.turn[member as usize];
        for step in 0..count {
            let at = (from + step) % count;
            let number = owned[at as usize];
            let line = &mut reading.lines[number as usize];
            if line.is_out || line.is_held || line.waiting.is_empty() {
                continue;
            }
            let leader = self.leader_of(topic, (first + number) as usize).filter(|leader| self.is_up(*leader));
            if leader.is_none() || broker.is_some_and(|broker| Some(broker) != leader) {
                continue;
            }
            let had = letters.len();
            while (letters.len() as u32) < most
                && let Some((id, letter_number)) = line.waiting.pop_front()
            {
                let letter = self.letter(id, letter_number, g);
                letters.extend(letter.filter(|letter| letter.state == LetterState::Ready).map(|_| id));
            }
            if had < letters.len() {
                (line.is_out, broker) = (true, leader);
                reading.turn[member as usize] = (at + 1) % count;
            }
            if most <= letters.len() as u32 {
                break;
            }
        }
        reading.owned[member as usize] = owned;
        self.post.groups[g as usize].reading = Some(reading);
        letters
    }

    /// Letters of a partition that were appended up to then are no longer kept.
    pub(super) fn expire_before(&mut self, g: u16, partition: usize, floor: Ns) {
        loop {
            let Some(reading) = &mut self.post.groups[g as usize].reading else { return };
            let line = &mut reading.lines[partition];
            let Some(&(id, number)) = line.waiting.front() else { return };
            let letter = self.letter(id, number, g).copied();
            if letter.is_some_and(|letter| letter.state == LetterState::Ready && floor < letter.taken) {
                return;
            }
            if let Some(reading) = &mut self.post.groups[g as usize].reading {
                reading.lines[partition].waiting.pop_front();
            }
            if letter.is_some_and(|letter| letter.state == LetterState::Ready) {
                self.post.groups[g as usize].tally.expired += 1;
                self.free_letter(id);
            }
        }
    }

    // -- who reads what -----------------------------------------------------------------------------------------------------

    /// All members that are there at the start have agreed already.
    pub(super) fn begin_clubs(&mut self) {
        for club in 0..self.post.clubs.len() {
            for member in 0..self.post.clubs[club].stations.len() {
                let station = self.post.clubs[club].stations[member];
                self.post.clubs[club].present[member] = self.is_up(station);
            }
            let dealt = self.deal(club);
            self.settle_dealt(club, dealt);
        }
    }

    /// Who is to read what, with those who are present.
    fn deal(&self, number: usize) -> Vec<Vec<Partition>> {
        let spec = &self.m.clubs[number];
        let counts = spec.groups.iter().map(|group| self.in_log(self.m.groups[*group as usize].topic).partitions);
        let counts: Vec<u32> = counts.collect();
        let club = &self.post.clubs[number];
        let present = || (0..club.stations.len()).filter(|member| club.present[*member]);
        let wants: Vec<Vec<usize>> = present().map(|member| club.wants[member].clone()).collect();
        let had: Vec<Vec<Partition>> = present().map(|member| club.had[member].clone()).collect();
        let mut dealt = vec![Vec::new(); club.stations.len()];
        for (member, of) in present().zip(spec.assign.deal(&counts, &wants, &had)) {
            dealt[member] = of;
        }
        dealt
    }

    /// Somebody has joined or is gone: partitions that move, or all of them, stand still until everyone knows.
    fn deal_anew(&mut self, number: usize) {
        if self.post.clubs[number].is_dealing {
            self.post.clubs[number].again = true;
            return;
        }
        self.post.clubs[number].is_dealing = true;
        let dealt = self.deal(number);
        let spec = &self.m.clubs[number];
        for (member, of) in dealt.iter().enumerate() {
            let had = std::mem::take(&mut self.post.clubs[number].had[member]);
            for one in &had {
                if !spec.assign.goes_on() || !of.contains(one) {
                    self.give(number, *one, NONE);
                }
            }
            self.post.clubs[number].had[member] = had;
        }
        for group in &spec.groups {
            self.post.groups[*group as usize].tally.rebalances += 1;
        }
        self.set_timer(self.now + spec.rebalance.0, RELEASE, Timer::Dealt(number as u16));
    }

    /// Everyone knows who reads what.
    pub(super) fn dealt(&mut self, number: u16) {
        let club = number as usize;
        self.post.clubs[club].is_dealing = false;
        let dealt = self.deal(club);
        let goes_on = self.m.clubs[club].assign.goes_on();
        // Whoever came or went meanwhile moves others' partitions, which have not stood still yet.
        if std::mem::take(&mut self.post.clubs[club].again) && goes_on {
            return self.deal_anew(club);
        }
        self.settle_dealt(club, dealt);
        for group in &self.m.clubs[club].groups {
            self.poll_all(*group);
        }
    }

    fn settle_dealt(&mut self, number: usize, dealt: Vec<Vec<Partition>>) {
        for (member, of) in dealt.into_iter().enumerate() {
            let station = self.post.clubs[number].stations[member];
            for one in &of {
                self.give(number, *one, station);
            }
            self.post.clubs[number].had[member] = of;
        }
    }

    /// From now on this instance reads the partition, or nobody does.
    fn give(&mut self, number: usize, (topic, partition): Partition, station: u32) {
        let group = &mut self.post.groups[self.m.clubs[number].groups[topic] as usize];
        let members = &group.members;
        let Some(reading) = &mut group.reading else { return };
        let line = &mut reading.lines[partition as usize];
        if line.owner != NONE {
            reading.owned[line.owner as usize].retain(|other| *other != partition);
        }
        let owner = members.iter().position(|member| member.station == station).map_or(NONE, |member| member as u32);
        line.owner = owner;
        if owner != NONE {
            reading.owned[owner as usize].push(partition);
        }
    }

    // -- members --------------------------------------------------------------------------------------------------------------

    /// Nothing is heard of an instance any more: its clubs will miss it after a while.
    pub(super) fn member_falls_silent(&mut self, s: u32) {
        for number in 0..self.post.clubs.len() {
            let club = &mut self.post.clubs[number];
            let Some(member) = club.stations.iter().position(|station| *station == s) else { continue };
            if club.silent[member] == Ns::MAX {
                club.silent[member] = self.now;
                let at = self.now + self.m.clubs[number].session.0;
                self.set_timer(at, RELEASE, Timer::Missed { club: number as u16, station: s });
            }
        }
    }

    /// It has been silent for so long that its partitions go to others.
    pub(super) fn missed(&mut self, number: u16, s: u32) {
        let club = &mut self.post.clubs[number as usize];
        let Some(member) = club.stations.iter().position(|station| *station == s) else { return };
        let session = self.m.clubs[number as usize].session.0;
        let is_over = club.silent[member] != Ns::MAX && club.silent[member] + session <= self.now;
        if is_over && std::mem::take(&mut club.present[member]) {
            self.deal_anew(number as usize);
        }
    }

    /// An instance says that it leaves.
    pub(super) fn member_leaves(&mut self, s: u32) {
        for number in 0..self.post.clubs.len() {
            let club = &mut self.post.clubs[number];
            let Some(member) = club.stations.iter().position(|station| *station == s) else { continue };
            if std::mem::take(&mut club.present[member]) {
                self.deal_anew(number);
            }
        }
    }

    /// It is heard again: it goes on with what it had, or joins if it was missed.
    pub(super) fn member_returns(&mut self, s: u32) {
        for number in 0..self.post.clubs.len() {
            let club = &mut self.post.clubs[number];
            let Some(member) = club.stations.iter().position(|station| *station == s) else { continue };
            club.silent[member] = Ns::MAX;
            if !std::mem::replace(&mut club.present[member], true) {
                self.deal_anew(number);
            }
            for group in &self.m.clubs[number].groups {
                self.dispatch_later(*group);
            }
        }
    }

    /// Messages that a group has not done, partition by partition: now, and their integral up to now.
    pub(super) fn behind(&self, g: usize) -> Vec<(u64, u64)> {
        let lines = self.post.groups[g].reading.iter().flat_map(|reading| &reading.lines);
        lines.map(|line| (line.open.n, line.open.area(self.now))).collect()
    }

    /// Whether a group reads a log.
    pub(super) fn reads(&self, g: u16) -> bool {
        let topic = &self.m.topics[self.m.groups[g as usize].topic as usize];
        debug_assert!(topic.in_log.is_some() || self.m.groups[g as usize].club == NONE16, "only logs are shared");
        topic.in_log.is_some()
    }
}
