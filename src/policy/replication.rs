//! How copies of a database are kept alike, which of them answers a read, and who takes over from a dead primary.
//!
//! What a mode promises is a number: how far a write must have come before its caller is told. Positions are log
//! sequence numbers (LSN), so "two replicas have it" is a comparison with the second largest position, and no write
//! counts its acknowledgements one by one. What can go wrong: a promise that asks for more copies than there are, which
//! `problem` tells.

use crate::policy::election::Ballots;
use crate::policy::{Form, form, unknown};
use crate::reader::{ReadError, Term};
use crate::units::Dimension;

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// At once: replicas follow as they can.
    ///
    /// ```yaml
    /// mode: async
    /// ```
    #[default]
    Async,
    /// When so many replicas have received it.
    ///
    /// ```yaml
    /// mode: semi_sync(1)
    /// ```
    SemiSync(u32),
    /// When every living replica has applied it.
    ///
    /// ```yaml
    /// mode: sync
    /// ```
    Sync,
    /// Handed from copy to copy and acknowledged by the last, which also answers reads.
    ///
    /// ```yaml
    /// mode: chain
    /// ```
    Chain,
    /// When `w` copies, the coordinator among them, have applied it; a read asks `r` copies and takes the freshest.
    ///
    /// ```yaml
    /// mode: quorum(r=2 w=2)
    /// ```
    Quorum { r: u32, w: u32 },
    /// When a majority has received it. The copies elect a leader anew when theirs is silent for between one and two
    /// time-outs; no acknowledged write is lost.
    ///
    /// ```yaml
    /// mode: raft(timeout=1s)
    /// ```
    Raft { timeout_ms: u32 },
    /// Every copy takes writes, tells its caller at once and the others later.
    ///
    /// ```yaml
    /// mode: multi_primary(lww)
    /// ```
    MultiPrimary(Merge),
}

/// What becomes of two writes to a row neither of which had seen the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The last writer wins, and the other write is lost.
    Lww,
    /// Both count: rows are of types that merge.
    Crdt,
}

/// How a mode may be written.
pub const MODES: &[Form] = &[
    form("async", "async", "A write is acknowledged at once; replicas follow as they can."),
    form("semi_sync", "semi_sync(1)", "Acknowledged when so many replicas have received it."),
    form("sync", "sync", "Acknowledged when every living replica has applied it."),
    form("chain", "chain", "Handed from copy to copy; the last one acknowledges and answers reads."),
    form("quorum", "quorum(r=2 w=2)", "`w` copies have applied a write; a read asks `r` and takes the freshest."),
    form(
        "raft",
        "raft(timeout=1s)",
        "A majority has received a write; the copies elect their leader after such a silence.",
    ),
    form(
        "multi_primary",
        "multi_primary(lww)",
        "Every copy takes writes; in conflict the last one wins (`lww`), or both are merged (`crdt`).",
    ),
];

/// The election time-out of Raft unless given, milliseconds: longer than a round trip to anywhere.
const ELECTION_MS: f64 = 1000.0;

/// Which copy answers a read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ReadFrom {
    /// The primary.
    ///
    /// ```yaml
    /// read: primary
    /// ```
    Primary,
    /// A living replica, by the component's `balance`; the primary if none lives.
    ///
    /// ```yaml
    /// read: any
    /// ```
    #[default]
    Any,
    /// A living copy, the primary among them.
    ///
    /// ```yaml
    /// read: all
    /// ```
    All,
    /// The nearest living copy: a replica in the caller's zone, one in its region, the primary if that is there, then the
    /// same in the next nearest region.
    ///
    /// ```yaml
    /// read: nearest
    /// ```
    Nearest,
    /// The living replica with the least lag.
    ///
    /// ```yaml
    /// read: least_lag
    /// ```
    LeastLag,
    /// A living replica that lags so much at most, seconds, the nearest first; else the primary; without one, any.
    ///
    /// ```yaml
    /// read: fresh(1s)
    /// ```
    Fresh(f64),
}

/// How the choice of a copy may be written.
pub const READS: &[Form] = &[
    form("any", "any", "A living replica, by `balance`; the primary if none lives."),
    form("primary", "primary", "The primary."),
    form("all", "all", "Any living copy, the primary among them."),
    form(
        "nearest",
        "nearest",
        "The nearest living copy: zone, region, the primary if it is there, then the next region.",
    ),
    form("least_lag", "least_lag", "The living replica with the least lag."),
    form("fresh", "fresh(1s)", "A living replica that lags so much at most, else the primary."),
];

/// Which replica takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choose {
    /// The one that has received most; the first among equals.
    Freshest,
    /// The first living one in the order of their numbers.
    First,
    /// One in the zone of the dead primary, the freshest of those; else the freshest.
    Nearest,
}

impl Mode {
    /// Reads what stands after `mode:`.
    pub fn read(term: &Term) -> Result<Mode, ReadError> {
        let bare = |mode| term.expect_bare().map(|()| mode);
        match term.name.text.as_str() {
            "async" => bare(Mode::Async),
            "semi_sync" => {
                term.expect_only(&[])?;
                term.expect_positionals(0, 1, "semi_sync(1)")?;
                let count = if term.args.is_empty() { 1 } else { whole(term.whole(0, "semi_sync(1)")?) };
                Ok(Mode::SemiSync(count))
            }
            "sync" => bare(Mode::Sync),
            "chain" => bare(Mode::Chain),
            "quorum" => {
                term.expect_only(&["r", "w"])?;
                term.expect_positionals(0, 0, "quorum(r=2 w=2)")?;
                Ok(Mode::Quorum { r: copies(term, "r")?, w: copies(term, "w")? })
            }
            "raft" => {
                term.expect_only(&["timeout"])?;
                term.expect_positionals(0, 0, "raft(timeout=1s)")?;
                let seconds = term.named_quantity("timeout", Dimension::Time)?;
                let ms = seconds.map_or(ELECTION_MS, |seconds| (seconds * 1e3).round());
                if !(1.0..=3.6e6).contains(&ms) {
                    let help = Some("write `raft(timeout=1s)`".to_owned());
                    return Err(term.wrong("an election time-out lies between 1 ms and an hour", help));
                }
                Ok(Mode::Raft { timeout_ms: ms as u32 })
            }
            "multi_primary" => {
                term.expect_only(&[])?;
                term.expect_positionals(1, 1, "multi_primary(lww)")?;
                let word = term.positional(0).and_then(crate::reader::Value::word).map(|word| word.text.as_str());
                match word {
                    Some("lww") => Ok(Mode::MultiPrimary(Merge::Lww)),
                    Some("crdt") => Ok(Mode::MultiPrimary(Merge::Crdt)),
                    _ => Err(term.wrong("`lww` or `crdt` is expected", Some("write `multi_primary(lww)`".to_owned()))),
                }
            }
            _ => Err(unknown(term, "a way to replicate", MODES)),
        }
    }

    /// What is wrong with the mode among so many replicas, if anything.
    pub fn problem(self, replicas: u32) -> Option<String> {
        let copies = replicas + 1;
        match self {
            Mode::SemiSync(count) if replicas < count => {
                Some(format!("{count} replicas are to have received a write, and there are {replicas}"))
            }
            Mode::Quorum { r, w } if copies < r || copies < w => {
                Some(format!("a quorum of {} of {copies} copies can never be reached", r.max(w)))
            }
            Mode::Raft { .. } | Mode::MultiPrimary(_) if 63 < replicas => {
                Some(format!("{copies} copies are more than the 64 that can vote or write"))
            }
            _ => None,
        }
    }

    /// The position up to which writes are acknowledged, given the positions that the replicas that count have
    /// acknowledged, in any order (the chain's: its last one only). Where fewer are left than a semi-synchronous write
    /// should reach, those that are left suffice; a quorum and the majority of all `copies` do not shrink, and `None` says that it cannot be reached.
    pub fn promised(self, copies: u32, acknowledged: &mut [u64]) -> Option<u64> {
        let rank = match self {
            Mode::Async | Mode::MultiPrimary(_) => return Some(u64::MAX),
            // A majority without the leader itself.
            Mode::Raft { .. } => copies / 2,
            Mode::SemiSync(count) => count.min(acknowledged.len() as u32),
            Mode::Quorum { w, .. } => w.saturating_sub(1),
            Mode::Sync | Mode::Chain => acknowledged.len() as u32,
        };
        if rank == 0 {
            return Some(u64::MAX);
        }
        acknowledged.sort_unstable_by(|a, b| b.cmp(a));
        acknowledged.get(rank as usize - 1).copied()
    }

    /// Whether a replica acknowledges what it has received, or only what it has applied.
    pub fn acknowledges_receipt(self) -> bool {
        matches!(self, Mode::SemiSync(_) | Mode::Raft { .. })
    }

    /// How many other copies a read asks.
    pub fn asks(self) -> u32 {
        if let Mode::Quorum { r, .. } = self { r - 1 } else { 0 }
    }

    /// Copies that must live for a write to be possible, of so many.
    pub fn least(self, copies: u32) -> u32 {
        match self {
            Mode::Quorum { w, .. } => w,
            Mode::Raft { .. } => Ballots::majority(copies),
            _ => 0,
        }
    }

    /// Whether a write waits for replicas.
    pub fn waits(self) -> bool {
        !matches!(self, Mode::Async | Mode::Quorum { w: 1, .. } | Mode::MultiPrimary(_))
    }
}

impl ReadFrom {
    /// Reads what stands after `read:`.
    pub fn read(term: &Term) -> Result<ReadFrom, ReadError> {
        let bare = |read| term.expect_bare().map(|()| read);
        match term.name.text.as_str() {
            "primary" => bare(ReadFrom::Primary),
            "any" => bare(ReadFrom::Any),
            "all" => bare(ReadFrom::All),
            "nearest" => bare(ReadFrom::Nearest),
            "least_lag" => bare(ReadFrom::LeastLag),
            "fresh" => {
                term.expect_only(&[])?;
                term.expect_positionals(1, 1, "fresh(1s)")?;
                term.quantity(0, Dimension::Time, "fresh(1s)").map(ReadFrom::Fresh)
            }
            _ => Err(unknown(term, "a way to choose a copy", READS)),
        }
    }

    /// Whether the primary is one of those a read may go to while replicas live.
    pub fn includes_primary(self) -> bool {
        matches!(self, ReadFrom::Primary | ReadFrom::All)
    }
}

/// A count that fits; whoever writes more has other worries.
fn whole(count: u64) -> u32 {
    count.min(1 << 20) as u32
}

fn copies(term: &Term, name: &str) -> Result<u32, ReadError> {
    let value = term.named(name).ok_or_else(|| term.missing(&format!("`{name}`"), "quorum(r=2 w=2)"))?;
    let count = value.quantity(Dimension::Count)?;
    if 1.0 <= count && count.fract() == 0.0 && count < 1e6 {
        return Ok(count as u32);
    }
    Err(value.wrong("a whole number of at least 1 is expected", Some("write `quorum(r=2 w=2)`".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, mix};
    use crate::reader::read_term;

    fn mode(text: &str) -> Result<Mode, String> {
        Mode::read(&read_term(text).expect("a term")).map_err(|error| error.message)
    }

    #[test]
    fn every_form_can_be_read() {
        for form in MODES {
            assert!(mode(form.example).is_ok(), "{}", form.example);
        }
        for form in READS {
            assert!(ReadFrom::read(&read_term(form.example).expect("a term")).is_ok(), "{}", form.example);
        }
        assert_eq!(mode("semi_sync"), Ok(Mode::SemiSync(1)));
        assert_eq!(mode("quorum(r=1 w=3)"), Ok(Mode::Quorum { r: 1, w: 3 }));
        for (wrong, message) in [
            ("raft(timeout=0s)", "an election time-out lies between 1 ms and an hour"),
            ("multi_primary", "`multi_primary` needs one more argument"),
            ("multi_primary(both)", "`lww` or `crdt` is expected"),
            ("quorum(r=2)", "`quorum` needs `w`"),
            ("quorum(r=0 w=2)", "a whole number of at least 1 is expected"),
            ("semisync", "`semisync` is not a way to replicate"),
        ] {
            assert_eq!(mode(wrong), Err(message.to_owned()));
        }
    }

    #[test]
    fn promises_need_copies() {
        assert_eq!(Mode::SemiSync(2).problem(2), None);
        assert!(Mode::SemiSync(3).problem(2).is_some());
        assert_eq!(Mode::Quorum { r: 3, w: 1 }.problem(2), None);
        assert!(Mode::Quorum { r: 1, w: 4 }.problem(2).is_some());
    }

    /// A write is acknowledged when as many replicas as promised have its position: counted one by one.
    #[test]
    fn a_promise_is_a_count_of_replicas() {
        for n in 0..2_000u64 {
            let replicas = 1 + below(mix(n), 5);
            let positions: Vec<u64> = (0..replicas).map(|i| mix(n ^ u64::from(i) << 32) % 10).collect();
            let k = 1 + below(mix(n ^ 7), replicas);
            let count = |lsn: u64| positions.iter().filter(|&&p| lsn <= p).count() as u32;
            for lsn in 0..10 {
                let mut given = positions.clone();
                let promised =
                    |mode: Mode, given: &mut [u64]| lsn <= mode.promised(replicas + 1, given).unwrap_or(0) || lsn == 0;
                assert_eq!(promised(Mode::SemiSync(k), &mut given), k <= count(lsn) || lsn == 0);
                assert_eq!(promised(Mode::Sync, &mut given), count(lsn) == replicas || lsn == 0);
                let quorum = Mode::Quorum { r: 1, w: k + 1 };
                assert_eq!(promised(quorum, &mut given), k < count(lsn) + 1 || lsn == 0);
                assert!(promised(Mode::Async, &mut given));
                // The leader is one of a majority.
                let is_majority = Ballots::majority(replicas + 1) < count(lsn) + 2;
                assert_eq!(promised(Mode::Raft { timeout_ms: 1 }, &mut given), is_majority || lsn == 0);
            }
        }
        assert_eq!(
            Mode::SemiSync(2).promised(3, &mut [5]),
            Some(5),
            "one replica is left of the two that were promised"
        );
        assert_eq!(Mode::SemiSync(2).promised(3, &mut []), Some(u64::MAX), "nobody is left");
        assert_eq!(Mode::Quorum { r: 1, w: 3 }.promised(3, &mut [5]), None, "a quorum does not shrink");
    }
}
