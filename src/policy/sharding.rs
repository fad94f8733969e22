//! Which shard of a database holds a row.
//!
//! One function says it for every strategy, [`Sharding::shard_of`]: routing, the buffer pool's rows and the counting of
//! moved keys all ask there. What can go wrong: a strategy whose answer changes with time must be asked with the time of
//! the request, not that of the run.

use crate::policy::{Form, form, unknown};
use crate::random::mix;
use crate::reader::{ReadError, Term};
use crate::units::Time;

/// How rows are spread over shards.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sharding {
    /// The hash of the key, modulo the number of shards.
    ///
    /// ```yaml
    /// by: hash
    /// ```
    #[default]
    Hash,
}

/// How a strategy may be written.
pub const FORMS: &[Form] = &[form("hash", "hash", "The hash of the key, modulo the number of shards.")];

/// Strategies of later versions.
const LATER: &[&str] = &["consistent", "range", "place", "tables", "directory", "time"];

/// Keeps the hash of a shard apart from other hashes of the same key.
const SALT: u64 = 0x7368_6172_6473;

impl Sharding {
    /// Reads what stands after `by:`.
    pub fn read(term: &Term) -> Result<Sharding, ReadError> {
        match term.name.text.as_str() {
            "hash" => term.expect_bare().map(|()| Sharding::Hash),
            later if LATER.contains(&later) => {
                Err(term.name.wrong(format!("`{later}` is not available yet"), Some("use `hash`".to_owned())))
            }
            _ => Err(unknown(term, "a way to spread rows over shards", FORMS)),
        }
    }

    /// The shard, less than `shards`, of the row with this key value.
    pub fn shard_of(&self, value: u64, shards: u32, _now: Time) -> u32 {
        match self {
            Sharding::Hash => (mix(value ^ SALT) % u64::from(shards.max(1))) as u32,
        }
    }

    /// The place of a row among those of its shard, so that neighbours stay neighbours: about the row over the shards.
    pub fn row_within(&self, row: u64, shards: u32) -> u64 {
        match self {
            Sharding::Hash => row / u64::from(shards.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read_term;

    #[test]
    fn a_hash_is_even_in_keys() {
        for shards in [1, 2, 4, 7] {
            let mut counts = vec![0u32; shards as usize];
            for value in 0..70_000 {
                counts[Sharding::Hash.shard_of(value, shards, Time(0)) as usize] += 1;
            }
            let mean = 70_000.0 / f64::from(shards);
            // Five standard deviations of a binomial count.
            assert!(counts.iter().all(|&n| (f64::from(n) - mean).abs() <= 5.0 * mean.sqrt()), "{counts:?}");
        }
    }

    #[test]
    fn hash_is_read_and_others_are_named() {
        let read = |text: &str| Sharding::read(&read_term(text).expect("a term")).map_err(|error| error.message);
        assert_eq!(read("hash"), Ok(Sharding::Hash));
        assert_eq!(read("range"), Err("`range` is not available yet".to_owned()));
        assert!(read("hash(3)").is_err());
    }
}
