//! Who has to miss a primary before another takes its place, and when a primary that is missed stops by itself.
//!
//! Watchers see a primary over links, so they cannot tell a dead one from one that they do not reach. As many as the quorum
//! says must miss it before it is replaced. One that still takes writes then is a second primary (a *split brain*), unless
//! it is *fenced*: it stops by itself when as many watchers as could replace it have been out of its reach for so long.
//! What can go wrong: fewer than a majority are enough where the author says so, and then two sides can both replace it.

use crate::policy::{Form, form, unknown};
use crate::reader::{ReadError, Term};

/// How many watchers must miss a primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quorum {
    /// More than half of them.
    ///
    /// ```yaml
    /// quorum: majority
    /// ```
    #[default]
    Majority,
    /// One.
    ///
    /// ```yaml
    /// quorum: any
    /// ```
    Any,
    /// So many.
    ///
    /// ```yaml
    /// quorum: of(2)
    /// ```
    Of(u32),
}

/// How a quorum may be written.
pub const QUORUMS: &[Form] = &[
    form("majority", "majority", "More than half of the watchers."),
    form("any", "any", "One watcher is enough, so two sides of a partition can both have a primary."),
    form("of", "of(2)", "So many watchers."),
];

impl Quorum {
    /// Reads what stands after `quorum:`.
    pub fn read(term: &Term) -> Result<Quorum, ReadError> {
        match term.name.text.as_str() {
            "majority" => term.expect_bare().map(|()| Quorum::Majority),
            "any" => term.expect_bare().map(|()| Quorum::Any),
            "of" => {
                term.expect_only(&[])?;
                term.expect_positionals(1, 1, "of(2)")?;
                Ok(Quorum::Of(term.whole(0, "of(2)")?.min(1 << 20) as u32))
            }
            _ => Err(unknown(term, "a quorum", QUORUMS)),
        }
    }

    /// What is wrong with the quorum among so many watchers, if anything.
    pub fn problem(self, watchers: u32) -> Option<String> {
        match self {
            Quorum::Of(count) if watchers < count => {
                Some(format!("{count} watchers are to miss the primary, and there are {watchers}"))
            }
            _ => None,
        }
    }

    /// How many of so many watchers must miss the primary.
    pub fn needed(self, watchers: u32) -> u32 {
        match self {
            Quorum::Majority => watchers / 2 + 1,
            Quorum::Any => 1,
            Quorum::Of(count) => count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read_term;

    fn quorum(text: &str) -> Result<Quorum, String> {
        Quorum::read(&read_term(text).expect("a term")).map_err(|error| error.message)
    }

    #[test]
    fn every_form_can_be_read() {
        for form in QUORUMS {
            assert!(quorum(form.example).is_ok(), "{}", form.example);
        }
        assert_eq!(quorum("of(3)"), Ok(Quorum::Of(3)));
        assert_eq!(quorum("of(0)"), Err("a whole number of at least 1 is expected".to_owned()));
        assert_eq!(quorum("most"), Err("`most` is not a quorum".to_owned()));
    }

    /// Of all ways to cut the watchers in two: both sides can have a majority never, and with `any` wherever both are.
    #[test]
    fn two_sides_never_both_have_a_majority() {
        for watchers in 1..10u32 {
            for sides in 0..1u32 << watchers {
                let one = sides.count_ones();
                let both = |quorum: Quorum| {
                    let needed = quorum.needed(watchers);
                    needed <= one && needed <= watchers - one
                };
                assert!(!both(Quorum::Majority), "{watchers} {one}");
                assert_eq!(both(Quorum::Any), 0 < one && one < watchers, "{watchers} {one}");
            }
        }
        assert!(Quorum::Of(4).problem(3).is_some() && Quorum::Of(3).problem(3).is_none());
    }
}
