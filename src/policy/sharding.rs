//! Which shard of a database holds a row.
//!
//! One function says it for every strategy, [`Map::shard_of`]: routing and the counting of moved keys both ask there. What
//! can go wrong: a strategy whose answer changes with time must be asked with the time of the request, not that of the run.

use std::collections::BTreeMap;

use crate::policy::ring::{Plan, Spread, points_problem};
use crate::policy::{Form, form, unknown};
use crate::reader::{ReadError, Term, Word};
use crate::units::{Dimension, Time};

/// How rows are spread over shards.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sharding {
    /// The hash of the key, modulo the number of shards: even in keys, and nearly all of them move when a shard joins.
    ///
    /// ```yaml
    /// by: hash
    /// ```
    #[default]
    Hash,
    /// On a ring of hashes with so many points for each shard: a new one takes an even part of the others' keys.
    ///
    /// ```yaml
    /// by: consistent(150)
    /// ```
    Consistent(u32),
    /// Jump consistent hash (Lamping and Veach 2014): equal parts without a ring, and a new shard only takes.
    ///
    /// ```yaml
    /// by: jump
    /// ```
    Jump,
    /// The shard with the highest hash of key and shard (Thaler and Ravishankar 1998): equal parts, and a new shard only
    /// takes; each look-up asks for all shards.
    ///
    /// ```yaml
    /// by: rendezvous
    /// ```
    Rendezvous,
    /// Neighbouring keys together, as many on each shard: what is popular may be all in one place.
    ///
    /// ```yaml
    /// by: range
    /// ```
    Range,
    /// By age, in periods of so many seconds: writes go to the newest shard, a read to the shard of its row's period. The
    /// higher its rank, the older a row is, and the shards together hold one period each.
    ///
    /// ```yaml
    /// by: time(1d)
    /// ```
    Time(f64),
    /// The shard of the place that is the value of this key, which also says where the shard's machines stand.
    ///
    /// ```yaml
    /// by: place(home)
    /// ```
    Place(String),
    /// As a directory says, which is asked before each call: even in keys, and only what a new shard takes moves.
    ///
    /// ```yaml
    /// by: directory(shardmap)
    /// ```
    Directory(String),
    /// Each table with its operations on a shard of its own; written as `tables:`.
    Tables,
}

/// How a strategy may be written.
pub const FORMS: &[Form] = &[
    form("hash", "hash", "The hash of the key, modulo the number of shards; nearly all keys move when that changes."),
    form("consistent", "consistent(150)", "A ring of hashes with so many points for each shard."),
    form("jump", "jump", "Jump hash: equal parts, and a new shard only takes."),
    form(
        "rendezvous",
        "rendezvous",
        "The shard with the highest hash of key and shard: the same, without an order of shards.",
    ),
    form("range", "range", "Neighbouring keys together."),
    form(
        "time",
        "time(1d)",
        "By age, a period on each shard: writes go to the newest; the higher the rank, the older.",
    ),
    form("place", "place(home)", "By the place that is the value of this key; the shard stands there."),
    form("directory", "directory(shardmap)", "As the component says that is asked before each call."),
];

/// Points of a shard on a ring, as is usual.
const POINTS: u32 = 150;

/// Keeps the hash of a shard apart from other hashes of the same key.
const SALT: u64 = 0x7368_6172_6473;

/// Most keys of which it is looked at where they move.
const LOOKED_AT: u64 = 200_000;

/// What is known of a row when its shard is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The key value that decides.
    pub value: u64,
    pub now: Time,
    pub is_write: bool,
    /// The shard of the operation's table, where tables decide.
    pub table: u32,
}

/// A strategy over so many shards.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    rule: Rule,
    shards: u32,
    /// Values of the key that decides.
    keys: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Hashed(Plan),
    /// Length of a period in ns.
    Time(u64),
    Place,
    Table,
}

impl Sharding {
    /// Reads what stands after `by:`.
    pub fn read(term: &Term) -> Result<Sharding, ReadError> {
        let bare = |sharding| term.expect_bare().map(|()| sharding);
        match term.name.text.as_str() {
            "hash" => bare(Sharding::Hash),
            "jump" => bare(Sharding::Jump),
            "rendezvous" => bare(Sharding::Rendezvous),
            "range" => bare(Sharding::Range),
            "consistent" => {
                term.expect_only(&[])?;
                term.expect_positionals(0, 1, "consistent(150)")?;
                if term.positional(0).is_none() {
                    return Ok(Sharding::Consistent(POINTS));
                }
                Ok(Sharding::Consistent(term.whole(0, "consistent(150)")?.min(u64::from(u32::MAX)) as u32))
            }
            "time" => {
                term.expect_only(&[])?;
                term.expect_positionals(1, 1, "time(1d)")?;
                Ok(Sharding::Time(term.quantity(0, Dimension::Time, "time(1d)")?))
            }
            "place" => Ok(Sharding::Place(name(term, "a key", "place(home)")?)),
            "directory" => Ok(Sharding::Directory(name(term, "a component", "directory(shardmap)")?)),
            _ => Err(unknown(term, "a way to spread rows over shards", FORMS)),
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        match self {
            Sharding::Consistent(points) => points_problem(*points),
            Sharding::Time(seconds) if *seconds < 1e-3 => Some("a period is at least 1ms long".to_owned()),
            _ => None,
        }
    }
}

/// The one name in the brackets.
fn name(term: &Term, what: &str, example: &str) -> Result<String, ReadError> {
    term.expect_only(&[])?;
    term.expect_positionals(1, 1, example)?;
    let word: Option<&Word> = term.positional(0).and_then(|value| value.word());
    word.map(|word| word.text.clone()).ok_or_else(|| term.missing(what, example))
}

impl Default for Map {
    fn default() -> Self {
        Map { rule: Rule::Table, shards: 1, keys: 1 }
    }
}

impl Map {
    /// The strategy over so many shards for keys `0 .. keys`.
    pub fn new(by: &Sharding, shards: u32, keys: u64) -> Map {
        let hashed = |spread| Rule::Hashed(Plan::new(spread, shards, keys, SALT));
        let rule = match by {
            Sharding::Hash => hashed(Spread::Hash),
            Sharding::Consistent(points) => hashed(Spread::Consistent(*points)),
            Sharding::Range => hashed(Spread::Range),
            Sharding::Rendezvous => hashed(Spread::Rendezvous),
            // Whoever keeps a directory moves no more than it must.
            Sharding::Jump | Sharding::Directory(_) => hashed(Spread::Jump),
            Sharding::Time(seconds) => Rule::Time(((seconds * 1e9) as u64).max(1)),
            Sharding::Place(_) => Rule::Place,
            Sharding::Tables => Rule::Table,
        };
        Map { rule, shards: shards.max(1), keys: keys.max(1) }
    }

    /// The same keys over another number of shards.
    #[must_use]
    pub fn over(&self, by: &Sharding, shards: u32) -> Map {
        Map::new(by, shards, self.keys)
    }

    /// How many shards share the rows.
    pub fn shards(&self) -> u32 {
        self.shards
    }

    /// The shard, less than [`Map::shards`], of a row.
    pub fn shard_of(&self, row: &Row) -> u32 {
        match &self.rule {
            Rule::Hashed(_) if self.shards == 1 => 0,
            Rule::Hashed(plan) => plan.home(row.value),
            Rule::Time(period) => self.shard_at(*period, row),
            Rule::Place => (row.value % u64::from(self.shards)) as u32,
            Rule::Table => row.table % self.shards,
        }
    }

    /// Shards take turns: the one of this period takes the writes, those before it hold what is older.
    fn shard_at(&self, period: u64, row: &Row) -> u32 {
        let all = u128::from(period) * u128::from(self.shards);
        let age = if row.is_write { 0 } else { all * u128::from(row.value.min(self.keys - 1)) / u128::from(self.keys) };
        let written = u128::from(row.now.0) + all - age;
        (written / u128::from(period) % u128::from(self.shards)) as u32
    }

    /// The place of a row among those of its shard, so that neighbours stay neighbours: about the row over the shards.
    pub fn row_within(&self, row: u64, rows: f64) -> u64 {
        let shards = u64::from(self.shards);
        let in_stretches = match &self.rule {
            Rule::Hashed(plan) => plan.is_range(),
            Rule::Time(_) => true,
            Rule::Place | Rule::Table => false,
        };
        if in_stretches { row % (rows as u64).div_ceil(shards).max(1) } else { row / shards }
    }

    /// From which shard to which what share of all keys moves when the other map takes over.
    pub fn moves_to(&self, other: &Map) -> Vec<(u32, u32, f64)> {
        let looked_at = self.keys.min(LOOKED_AT);
        let mut moves: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for n in 0..looked_at {
            let value = (u128::from(n) * u128::from(self.keys) / u128::from(looked_at)) as u64;
            let row = Row { value, now: Time(0), is_write: false, table: 0 };
            let (from, to) = (self.shard_of(&row), other.shard_of(&row));
            if from != to {
                *moves.entry((from, to)).or_insert(0) += 1;
            }
        }
        moves.into_iter().map(|((from, to), keys)| (from, to, keys as f64 / looked_at as f64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read_term;

    const KEYS: u64 = 70_000;

    fn read(text: &str) -> Result<Sharding, String> {
        Sharding::read(&read_term(text).expect("a term")).map_err(|error| error.message)
    }

    fn row(value: u64) -> Row {
        Row { value, now: Time(0), is_write: false, table: 0 }
    }

    fn moved(by: &Sharding, from: u32, to: u32) -> f64 {
        let map = |shards| Map::new(by, shards, KEYS);
        map(from).moves_to(&map(to)).iter().map(|(_, _, share)| share).sum()
    }

    #[test]
    fn strategies_are_read() {
        let all = [
            Sharding::Hash,
            Sharding::Consistent(150),
            Sharding::Jump,
            Sharding::Rendezvous,
            Sharding::Range,
            Sharding::Time(86_400.0),
            Sharding::Place("home".to_owned()),
            Sharding::Directory("shardmap".to_owned()),
        ];
        for (form, sharding) in FORMS.iter().zip(all) {
            assert!(sharding.problem().is_none());
            assert_eq!(read(form.example), Ok(sharding));
        }
        assert_eq!(read("consistent"), Ok(Sharding::Consistent(150)));
        assert!(
            ["hash(3)", "time", "place", "directory()", "place(a b)", "tables"].iter().all(|text| read(text).is_err())
        );
        assert!(Sharding::Consistent(0).problem().is_some() && Sharding::Time(0.0).problem().is_some());
    }

    #[test]
    fn a_hash_is_even_in_keys() {
        for shards in [1, 2, 4, 7] {
            let map = Map::new(&Sharding::Hash, shards, KEYS);
            let mut counts = vec![0u32; shards as usize];
            (0..KEYS).for_each(|value| counts[map.shard_of(&row(value)) as usize] += 1);
            let mean = KEYS as f64 / f64::from(shards);
            // Five standard deviations of a binomial count.
            assert!(counts.iter().all(|&n| (f64::from(n) - mean).abs() <= 5.0 * mean.sqrt()), "{counts:?}");
        }
    }

    #[test]
    fn keys_that_move_from_four_shards_to_five_s07_modulo() {
        let near = |by, expected: f64| {
            let share = moved(&by, 4, 5);
            assert!((share - expected).abs() < 0.03, "{by:?}: {share}");
        };
        near(Sharding::Hash, 0.8);
        near(Sharding::Consistent(150), 0.2);
        near(Sharding::Jump, 0.2);
        near(Sharding::Rendezvous, 0.2);
        near(Sharding::Directory("d".to_owned()), 0.2);
        // Each boundary shifts: 1/20 + 2/20 + 3/20 + 4/20 of all keys.
        near(Sharding::Range, 0.5);
    }

    #[test]
    fn a_new_shard_only_takes() {
        for by in [Sharding::Consistent(150), Sharding::Jump, Sharding::Rendezvous] {
            let map = |shards| Map::new(&by, shards, KEYS);
            assert!(map(4).moves_to(&map(5)).iter().all(|(_, to, _)| *to == 4), "{by:?}");
            assert!(map(4).moves_to(&map(4)).is_empty());
        }
    }

    #[test]
    fn time_fills_one_shard_after_the_other() {
        let map = Map::new(&Sharding::Time(10.0), 4, 100);
        let at = |seconds: f64, value, is_write| {
            map.shard_of(&Row { value, now: Time((seconds * 1e9) as u64), is_write, table: 0 })
        };
        assert_eq!([1.0, 11.0, 25.0, 39.0, 41.0].map(|now| at(now, 99, true)), [0, 1, 2, 3, 0]);
        // At 35 s rows of rank 0 are new, those of rank 30 were written at 23 s, those of rank 90 at -1 s.
        assert_eq!([0, 30, 60, 90].map(|value| at(35.0, value, false)), [3, 2, 1, 3]);
    }

    #[test]
    fn neighbours_stay_neighbours() {
        let within = |by, row| Map::new(&by, 4, 1000).row_within(row, 1000.0);
        assert_eq!([249, 250, 999].map(|row| within(Sharding::Range, row)), [249, 0, 249]);
        assert_eq!([0, 4, 999].map(|row| within(Sharding::Hash, row)), [0, 1, 249]);
    }
}
