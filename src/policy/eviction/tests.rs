//! Slow twins, written as the papers tell it, and what every policy has in common.

use std::collections::BTreeMap;

use super::table::Table;
use super::tinylfu::Sketch;
use super::{Entry, Eviction, FORMS, Limits, Shelf};
use crate::popularity::Popular;
use crate::random::{below, bits, mix, occasion, unit};
use crate::reader::read_term;

const KEY: u64 = 0x1234_5678_9abc_def1;
const ALL: [Eviction; 10] = [
    Eviction::Lru,
    Eviction::Lfu,
    Eviction::Fifo,
    Eviction::Random,
    Eviction::Clock,
    Eviction::Sieve,
    Eviction::S3Fifo,
    Eviction::Arc,
    Eviction::TinyLfu,
    Eviction::None,
];

/// Somebody in a cache: everything anybody could want to know.
#[derive(Clone, Copy, Debug)]
struct One {
    key: u64,
    size: u64,
    expires: u64,
    version: u64,
    /// How often it was asked for, or whether.
    asked: u64,
    /// When it last came in, was asked for, or was moved.
    moved: u64,
}

/// A row of everybody, oldest first, in which everything is looked for from the beginning.
type Row = Vec<One>;

fn total(row: &[One]) -> u64 {
    row.iter().map(|one| one.size).sum()
}

fn position(row: &[One], key: u64) -> Option<usize> {
    row.iter().position(|one| one.key == key)
}

/// Forgets the oldest ghosts.
fn trim(ghosts: &mut Vec<(u64, u64)>, most: u64) {
    while most < ghosts.iter().map(|ghost| ghost.1).sum() {
        ghosts.remove(0);
    }
}

/// A cache as one would write it on a whiteboard. With a limit of entries all sizes are 1.
struct Twin {
    eviction: Eviction,
    whole: u64,
    /// One, two or three queues; which, depends on the policy.
    rows: [Row; 3],
    ghosts: [Vec<(u64, u64)>; 2],
    hand: Option<u64>,
    steps: u64,
    draws: u64,
    target: f64,
    recalled: usize,
    filling: bool,
    sketch: Sketch,
}

impl Twin {
    fn new(eviction: Eviction, whole: u64) -> Twin {
        Twin {
            eviction,
            whole,
            rows: [vec![], vec![], vec![]],
            ghosts: [vec![], vec![]],
            hand: None,
            steps: 0,
            draws: 0,
            target: 0.0,
            recalled: 0,
            filling: true,
            sketch: Sketch::new(),
        }
    }

    fn find(&self, key: u64) -> Option<(usize, usize)> {
        (0..3).find_map(|row| position(&self.rows[row], key).map(|place| (row, place)))
    }

    fn held(&self) -> u64 {
        self.rows.iter().map(|row| total(row)).sum()
    }

    fn leave(&mut self, row: usize, place: usize) -> One {
        if self.eviction == Eviction::Random {
            // The last one takes the place, so that a place stays a draw; the order means nothing.
            return self.rows[row].swap_remove(place);
        }
        let gone = self.rows[row].remove(place);
        if self.hand == Some(gone.key) {
            self.hand = self.rows[row].get(place).map(|next| next.key);
        }
        gone
    }

    fn get(&mut self, key: u64, now: u64) -> Option<u64> {
        let (row, place) = self.find(key)?;
        if self.rows[row][place].expires <= now {
            self.leave(row, place);
            return None;
        }
        self.steps += 1;
        self.rows[row][place].asked += 1;
        let version = self.rows[row][place].version;
        match self.eviction {
            Eviction::Lru => self.to(row, place, row),
            Eviction::Lfu => self.rows[row][place].moved = self.steps,
            Eviction::Arc => self.to(row, place, 1),
            Eviction::TinyLfu => {
                self.sketch.count(key);
                self.to(row, place, [0, 2, 2][row]);
                while self.protected_share() < total(&self.rows[2]) && 1 < self.rows[2].len() {
                    self.to(2, 0, 1);
                }
            }
            _ => {}
        }
        Some(version)
    }

    /// Moves somebody to the young end of a row.
    fn to(&mut self, row: usize, place: usize, other: usize) {
        let one = self.rows[row].remove(place);
        self.rows[other].push(one);
    }

    fn window_share(&self) -> u64 {
        (self.whole / 100).max(1)
    }

    fn protected_share(&self) -> u64 {
        (self.whole - self.window_share()) / 5 * 4
    }

    /// Puts a key that is not there.
    fn put(&mut self, mut one: One, now: u64) {
        if self.whole < one.size {
            return;
        }
        self.recall(one.key, one.size);
        while self.whole < self.held() + one.size {
            let Some((row, place)) = self.victim(one.size, now) else { return };
            let gone = self.leave(row, place);
            match self.eviction {
                Eviction::S3Fifo if row == 0 => self.ghosts[0].push((gone.key, gone.size)),
                Eviction::Arc => self.ghosts[row].push((gone.key, gone.size)),
                _ => {}
            }
            trim(&mut self.ghosts[0], self.whole - if self.eviction == Eviction::S3Fifo { self.whole / 10 } else { 0 });
        }
        self.steps += 1;
        one.moved = self.steps;
        let recalled = std::mem::take(&mut self.recalled);
        let row = match self.eviction {
            Eviction::S3Fifo if recalled == 1 => 1,
            Eviction::S3Fifo => usize::from(self.filling && self.whole / 10 <= total(&self.rows[0])),
            Eviction::Arc => usize::from(recalled != 0),
            _ => 0,
        };
        self.rows[row].push(one);
        if self.eviction == Eviction::TinyLfu {
            self.sketch.reserve(self.rows.iter().map(|row| row.len() as u32).sum());
            self.sketch.count(one.key);
            while self.window_share() < total(&self.rows[0]) && 1 < self.rows[0].len() {
                self.to(0, 0, 1);
            }
        }
        if self.eviction == Eviction::Arc {
            trim(&mut self.ghosts[0], self.whole - total(&self.rows[0]));
            let rest = self.held() + self.ghosts[0].iter().map(|ghost| ghost.1).sum::<u64>();
            trim(&mut self.ghosts[1], 2 * self.whole - rest);
        }
    }

    fn recall(&mut self, key: u64, size: u64) {
        let of = |ghosts: &[(u64, u64)]| ghosts.iter().map(|ghost| ghost.1).sum::<u64>() as f64;
        let (once, again) = (of(&self.ghosts[0]), of(&self.ghosts[1]));
        self.recalled = 0;
        for k in 0..2 {
            if let Some(place) = self.ghosts[k].iter().position(|ghost| ghost.0 == key) {
                self.ghosts[k].remove(place);
                self.recalled = k + 1;
                let step = if k == 0 { (again / once).max(1.0) } else { -(once / again).max(1.0) };
                self.target = (self.target + size as f64 * step).clamp(0.0, self.whole as f64);
                return;
            }
        }
    }

    fn victim(&mut self, incoming: u64, now: u64) -> Option<(usize, usize)> {
        let any = |found: bool, row: usize| found.then_some((row, 0));
        match self.eviction {
            Eviction::Lru | Eviction::Fifo => any(!self.rows[0].is_empty(), 0),
            Eviction::Lfu => {
                let row = &self.rows[0];
                (0..row.len()).min_by_key(|&place| (row[place].asked, row[place].moved)).map(|place| (0, place))
            }
            Eviction::Random => self.random(),
            Eviction::Clock => {
                while 0 < self.rows[0].first()?.asked {
                    self.rows[0][0].asked = 0;
                    self.to(0, 0, 0);
                }
                Some((0, 0))
            }
            Eviction::Sieve => {
                let mut place = self.hand.map_or(0, |key| position(&self.rows[0], key).expect("the hand is in it"));
                while 0 < self.rows[0].get(place)?.asked {
                    self.rows[0][place].asked = 0;
                    place = (place + 1) % self.rows[0].len();
                }
                self.hand = Some(self.rows[0][place].key);
                Some((0, place))
            }
            Eviction::S3Fifo => self.s3fifo(),
            Eviction::Arc => {
                let once = total(&self.rows[0]) as f64;
                let from_once = self.target < once || self.target == once && self.recalled == 2;
                let row = usize::from(self.rows[0].is_empty() || !from_once && !self.rows[1].is_empty());
                any(!self.rows[row].is_empty(), row)
            }
            Eviction::TinyLfu => self.tinylfu(incoming),
            Eviction::None => position_of_expired(&self.rows[0], now),
        }
    }

    fn random(&mut self) -> Option<(usize, usize)> {
        if self.rows[0].is_empty() {
            return None;
        }
        let place = below(bits(KEY, occasion(self.draws)), self.rows[0].len() as u32) as usize;
        self.draws += 1;
        Some((0, place))
    }

    fn s3fifo(&mut self) -> Option<(usize, usize)> {
        self.filling = false;
        let mut small = total(&self.rows[1]) <= self.whole - self.whole / 10;
        loop {
            if small && self.rows[0].is_empty() {
                small = false;
            }
            if small {
                if self.rows[0][0].asked < 2 {
                    return Some((0, 0));
                }
                self.rows[0][0].asked = 0;
                self.to(0, 0, 1);
            } else {
                if self.rows[1].is_empty() {
                    return (!self.rows[0].is_empty()).then_some((0, 0));
                }
                if self.rows[1][0].asked == 0 {
                    return Some((1, 0));
                }
                self.rows[1][0].asked = self.rows[1][0].asked.min(3) - 1;
                self.to(1, 0, 1);
            }
        }
    }

    fn tinylfu(&mut self, incoming: u64) -> Option<(usize, usize)> {
        let settled = [1, 2].into_iter().find(|&row| !self.rows[row].is_empty());
        let pushes = self.window_share() < total(&self.rows[0]) + incoming && !self.rows[0].is_empty();
        match (pushes, settled) {
            (true, Some(row)) => {
                let (candidate, settled) = (self.rows[0][0].key, self.rows[row][0].key);
                if self.sketch.estimate(candidate) <= self.sketch.estimate(settled) {
                    return Some((0, 0));
                }
                self.to(0, 0, 1);
                Some((row, 0))
            }
            (false, Some(row)) => Some((row, 0)),
            (_, None) => (!self.rows[0].is_empty()).then_some((0, 0)),
        }
    }
}

fn position_of_expired(row: &[One], now: u64) -> Option<(usize, usize)> {
    row.iter().position(|one| one.expires <= now).map(|place| (0, place))
}

/// Keys of a kind.
fn stream(kind: &str, n: u64) -> Vec<u64> {
    let zipf = Popular::zipf(2000, 0.9);
    let draw = |stream: u64, n: u64| bits(mix(stream), occasion(n));
    let key = |i: u64| match kind {
        "zipf" => zipf.rank(draw(1, i)),
        "uniform" => draw(2, i) % 300,
        "scan" => i % 250,
        // Popular keys that move on, with a scan now and then.
        _ if i % 1000 < 200 => 10_000 + i % 5000,
        _ => zipf.rank(draw(3, i)) + i / 5000 * 40,
    };
    (0..n).map(key).collect()
}

/// Asks for keys, puts what is missing, and compares what is there request by request.
fn against_the_twin(eviction: Eviction, kind: &str, limits: Limits, ttl: bool) {
    let by_bytes = limits.bytes != u64::MAX;
    let mut twin = Twin::new(eviction, limits.bytes.min(limits.entries));
    let mut shelf = Shelf::new(eviction, limits, KEY);
    let mut hits = 0;
    for (i, key) in (0..).zip(stream(kind, 15_000)) {
        let draw = bits(mix(4), occasion(i));
        let size = if by_bytes { 1 + (mix(key) % 64) * (mix(key) % 8) } else { 1 };
        let expires = if ttl { i + 1 + draw % 3000 } else { u64::MAX };
        if draw.is_multiple_of(50) {
            assert_eq!(shelf.remove(key).is_some(), twin.find(key).is_some());
            if let Some((row, place)) = twin.find(key) {
                twin.leave(row, place);
            }
            continue;
        }
        let (found, expected) = (shelf.get(key, i), twin.get(key, i));
        assert_eq!(
            found.map(|entry| entry.version),
            expected,
            "{eviction:?}, {kind}, {limits:?}, TTL {ttl}, request {i}, key {key}"
        );
        hits += u32::from(found.is_some());
        if found.is_none() {
            shelf.put(key, entry(size as u32, expires, i), i);
            twin.put(One { key, size, expires, version: i, asked: 0, moved: 0 }, i);
        }
        assert_eq!(shelf.bytes(), twin.held());
        if i % 64 == 0 {
            let kept = |one: &One| shelf.peek(one.key, 0).map(|entry| entry.version) == Some(one.version);
            assert!(twin.rows.iter().flatten().all(kept), "{eviction:?}, {kind}, request {i}: another had to leave");
        }
    }
    assert!(100 < hits || kind == "scan", "{eviction:?}, {kind}: {hits} hits show nothing");
}

#[test]
fn every_policy_is_its_slow_twin() {
    for eviction in ALL {
        for kind in ["zipf", "uniform", "scan", "moving"] {
            let entries = Limits { bytes: u64::MAX, entries: 100 };
            // No eviction looks for expired entries only here and there.
            let ttls: &[bool] = if eviction == Eviction::None { &[false] } else { &[false, true] };
            for &ttl in ttls {
                against_the_twin(eviction, kind, entries, ttl);
                against_the_twin(eviction, kind, Limits { bytes: 20_000, entries: u64::MAX }, ttl);
            }
        }
        against_the_twin(eviction, "zipf", Limits { bytes: u64::MAX, entries: 7 }, false);
    }
}

#[test]
fn random_replacement_is_uniform() {
    let mut left = [0_u32; 50];
    let mut shelf = Shelf::new(Eviction::Random, Limits { bytes: u64::MAX, entries: 50 }, KEY);
    let entry = entry(1, u64::MAX, 0);
    (0..50).for_each(|key| assert!(shelf.put(key, entry, 0)));
    let mut standing: Vec<u64> = (0..50).collect();
    for i in 0..100_000_u64 {
        if i.is_multiple_of(7) {
            shelf.remove(standing.swap_remove((mix(i) % 50) as usize));
            shelf.put(1000 + i, entry, 0);
            standing.push(1000 + i);
        }
        shelf.put(1_000_000 + i, entry, 0);
        let gone = standing.iter().position(|&key| shelf.peek(key, 0).is_none()).expect("somebody had to leave");
        standing[gone] = 1_000_000 + i;
        left[gone] += 1;
    }
    let chi: f64 = left.iter().map(|&count| (f64::from(count) - 2000.0) * (f64::from(count) - 2000.0) / 2000.0).sum();
    assert!((20.0..90.0).contains(&chi), "chi square of 49 degrees: {chi}");
}

#[test]
fn names_are_read() {
    for (form, eviction) in FORMS.iter().zip(ALL) {
        let read = Eviction::read(&read_term(form.example).expect("an example")).expect("a form");
        assert_eq!(format!("{read:?}").to_lowercase(), form.name);
        assert!(FORMS.len() == ALL.len() && ALL.contains(&eviction));
    }
    assert!(Eviction::read(&read_term("lru(2)").expect("a term")).is_err());
    assert!(Eviction::read(&read_term("mru").expect("a term")).is_err());
}

fn entry(size: u32, expires: u64, version: u64) -> Entry {
    Entry { size, edition: version as u32 % 7, expires, version }
}

#[test]
fn what_has_expired_is_a_miss() {
    for eviction in ALL {
        let mut shelf = Shelf::new(eviction, Limits { bytes: 1000, entries: u64::MAX }, KEY);
        assert!(shelf.put(1, entry(10, 100, 1), 0));
        assert_eq!(shelf.get(1, 99).map(|entry| entry.version), Some(1));
        assert_eq!((shelf.peek(1, 100), shelf.len()), (None, 1), "only found when it is asked for");
        assert_eq!((shelf.get(1, 100), shelf.len(), shelf.tally().expired), (None, 0, 1));
        shelf.put(2, entry(10, u64::MAX, 1), 0);
        assert!(shelf.expire_one(2) && !shelf.expire_one(2));
        assert_eq!((shelf.get(2, 0), shelf.tally().expired, shelf.tally().evicted), (None, 2, 0));
        shelf.put(3, entry(10, 50, 1), 0);
        assert!(shelf.renew(3, 200) && !shelf.renew(4, 200));
        assert!(shelf.get(3, 150).is_some());
    }
}

#[test]
fn a_new_value_replaces_the_old_one() {
    for eviction in ALL {
        let mut shelf = Shelf::new(eviction, Limits { bytes: 100, entries: u64::MAX }, KEY);
        for (size, version) in [(10, 1), (30, 2), (5, 3)] {
            assert!(shelf.put(7, entry(size, u64::MAX, version), 0));
            assert_eq!((shelf.len(), shelf.bytes()), (1, u64::from(size)));
            assert_eq!(shelf.peek(7, 0), Some(entry(size, u64::MAX, version)));
        }
        assert!(!shelf.put(7, entry(101, u64::MAX, 4), 0), "it is bigger than the shelf");
        assert_eq!((shelf.peek(7, 0), shelf.bytes(), shelf.tally().refused), (None, 0, 1), "and the old one is wrong");
        // Growing may push others out, but what is held never exceeds the limit.
        for step in 0..3000_u64 {
            let key = mix(step) % 9;
            shelf.put(key, entry(1 + (mix(step + 5000) % 40) as u32, u64::MAX, step), 0);
            let held: u64 = (0..9).filter_map(|key| shelf.peek(key, 0)).map(|entry| u64::from(entry.size)).sum();
            assert!(held == shelf.bytes() && held <= 100, "{eviction:?} holds {held}");
        }
    }
}

#[test]
fn a_full_shelf_without_eviction_waits_for_expiry() {
    let mut shelf = Shelf::new(Eviction::None, Limits { bytes: u64::MAX, entries: 3 }, KEY);
    (0..3).for_each(|key| assert!(shelf.put(key, entry(1, 10 + key, 0), 0)));
    assert!(!shelf.put(9, entry(1, 99, 0), 9));
    assert!(shelf.put(9, entry(1, 99, 0), 10) && !shelf.put(8, entry(1, 99, 0), 10));
    assert_eq!((shelf.len(), shelf.tally().expired, shelf.tally().refused), (3, 1, 2));
}

#[test]
fn a_cleared_shelf_starts_anew() {
    for eviction in ALL {
        let mut shelf = Shelf::new(eviction, Limits { bytes: u64::MAX, entries: 20 }, KEY);
        (0..60).for_each(|key| {
            shelf.put(key, entry(1, u64::MAX, key), 0);
        });
        let tally = shelf.tally();
        shelf.clear();
        assert_eq!((shelf.len(), shelf.bytes(), shelf.tally()), (0, 0, tally), "{eviction:?}");
        (0..20).for_each(|key| assert!(shelf.get(key, 0).is_none() && shelf.put(key, entry(1, u64::MAX, 1), 0)));
        assert_eq!((shelf.len(), shelf.bytes()), (20, 20), "{eviction:?}");
    }
}

/// The index against a map, with keys that share homes.
#[test]
fn the_table_is_a_map() {
    let (mut table, mut map) = (Table::new(), BTreeMap::new());
    for step in 0..200_000_u64 {
        let crowd = if step / 40_000 % 2 == 0 { 5000 } else { 60 };
        let key = mix(step) % crowd;
        assert_eq!(table.find(key), map.get(&key).copied());
        match (map.get(&key).copied(), mix(step + 1) % 3) {
            (Some(slot), 0) => {
                table.remove(slot);
                map.remove(&key);
            }
            (None, _) => {
                map.insert(key, table.insert(key, 1, ()));
            }
            _ => {}
        }
        assert_eq!(table.len() as usize, map.len());
    }
    assert!(map.iter().all(|(key, slot)| table.find(*key) == Some(*slot)));
}

#[test]
fn a_long_run_of_cells_keeps_its_distances() {
    // Keys whose homes in an index of 4096 cells are the first forty, so that most stand farther off than a cell can say.
    let keys: Vec<u64> = (0..).filter(|&key| mix(key) >> 52 < 40).take(600).collect();
    let mut table = Table::new();
    for key in 0..2400 {
        table.insert(u64::MAX - key, 1, ());
    }
    let slots: Vec<u32> = keys.iter().map(|&key| table.insert(key, 1, ())).collect();
    for (n, (key, slot)) in keys.iter().zip(&slots).enumerate() {
        table.remove(*slot);
        assert_eq!(table.find(*key), None);
        assert!(keys[n + 1..].iter().zip(&slots[n + 1..]).all(|(key, slot)| table.find(*key) == Some(*slot)));
    }
}

#[test]
fn the_sketch_never_says_too_few() {
    let zipf = Popular::zipf(500, 0.8);
    for grows in [false, true] {
        let mut sketch = Sketch::new();
        let mut counts = BTreeMap::new();
        for i in 0..2000_u64 {
            sketch.reserve(if grows { i as u32 / 4 } else { 500 });
            let key = zipf.rank(bits(KEY, occasion(i)));
            sketch.count(key);
            *counts.entry(key).or_insert(0) += 1;
        }
        assert!(counts.iter().all(|(key, count)| 15.min(*count) <= sketch.estimate(*key)), "before it ages");
        let more: u64 = counts.iter().map(|(key, count)| sketch.estimate(*key) - 15.min(*count)).sum();
        assert!(grows || more < 40, "and seldom too many: {more} more in all");
    }
    let mut aged = Sketch::new();
    aged.reserve(64);
    (0..10).for_each(|_| aged.count(1));
    (0..640 - 10).for_each(|n| aged.count(2 + n % 90));
    assert!((5..8).contains(&aged.estimate(1)), "halved once: {}", aged.estimate(1));
}

#[test]
fn an_empty_shelf_allocates_nothing() {
    assert!(size_of::<Shelf>() <= 256, "{}", size_of::<Shelf>());
    for eviction in ALL {
        let shelf = Shelf::new(eviction, Limits { bytes: 1 << 40, entries: u64::MAX }, KEY);
        assert_eq!(shelf.memory(), size_of::<Shelf>(), "{eviction:?}");
    }
}

#[test]
fn an_entry_costs_forty_to_fifty_bytes_and_more_with_ghosts() {
    let entries = 100_000;
    let most = |eviction| match eviction {
        Eviction::S3Fifo | Eviction::Arc => 85.0,
        Eviction::TinyLfu => 65.0,
        Eviction::Random => 52.0,
        _ => 46.0,
    };
    for eviction in ALL {
        let mut shelf = Shelf::new(eviction, Limits { bytes: u64::MAX, entries }, KEY);
        for i in 0..5 * entries {
            let key = libm::exp(unit(mix(i)) * 14.0) as u64;
            if shelf.get(key, 0).is_none() {
                shelf.put(key, entry(1, u64::MAX, 0), 0);
            }
        }
        let each = shelf.memory() as f64 / f64::from(shelf.len());
        assert!(each < most(eviction), "{eviction:?}: {each} bytes an entry");
    }
}
