//! How copies of a database are kept alike, which of them answers a read, and who takes over from a dead primary.
//!
//! What a mode promises is a number: how far a write must have come before its caller is told. Positions are log
//! sequence numbers (LSN), so "two replicas have it" is a comparison with the second largest position, and no write
//! counts its acknowledgements one by one. What can go wrong: a promise that asks for more copies than there are, which
//! `problem` tells.

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
}

/// How a mode may be written.
pub const MODES: &[Form] = &[
    form("async", "async", "A write is acknowledged at once; replicas follow as they can."),
    form("semi_sync", "semi_sync(1)", "Acknowledged when so many replicas have received it."),
    form("sync", "sync", "Acknowledged when every living replica has applied it."),
    form("chain", "chain", "Handed from copy to copy; the last one acknowledges and answers reads."),
    form("quorum", "quorum(r=2 w=2)", "`w` copies have applied a write; a read asks `r` and takes the freshest."),
];

/// Modes of later versions.
const LATER: &[&str] = &["raft", "multi_primary"];

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
    /// A living replica in the zone of the caller, if there is one, else any.
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
    /// A living replica that lags so much at most, seconds; else the primary.
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
    form("nearest", "nearest", "A living replica in the caller's zone, else any."),
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
            later if LATER.contains(&later) => Err(term.name.wrong(
                format!("`{later}` is not available yet"),
                Some("use async, semi_sync, sync, chain or quorum".to_owned()),
            )),
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
            _ => None,
        }
    }

    /// The position up to which writes are acknowledged, given the positions that the replicas that count have
    /// acknowledged, in any order (the chain's: its last one only). Where fewer are left than a semi-synchronous write
    /// should reach, those that are left suffice; a quorum does not shrink, and `None` says that it cannot be reached.
    pub fn promised(self, acknowledged: &mut [u64]) -> Option<u64> {
        let rank = match self {
            Mode::Async => return Some(u64::MAX),
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
        matches!(self, Mode::SemiSync(_))
    }

    /// How many other copies a read asks.
    pub fn asks(self) -> u32 {
        if let Mode::Quorum { r, .. } = self { r - 1 } else { 0 }
    }

    /// Whether a write waits for replicas.
    pub fn waits(self) -> bool {
        !matches!(self, Mode::Async | Mode::Quorum { w: 1, .. })
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
            ("raft", "`raft` is not available yet"),
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
                let promised = |mode: Mode, given: &mut [u64]| lsn <= mode.promised(given).unwrap_or(0) || lsn == 0;
                assert_eq!(promised(Mode::SemiSync(k), &mut given), k <= count(lsn) || lsn == 0);
                assert_eq!(promised(Mode::Sync, &mut given), count(lsn) == replicas || lsn == 0);
                let quorum = Mode::Quorum { r: 1, w: k + 1 };
                assert_eq!(promised(quorum, &mut given), k < count(lsn) + 1 || lsn == 0);
                assert!(promised(Mode::Async, &mut given));
            }
        }
        assert_eq!(Mode::SemiSync(2).promised(&mut [5]), Some(5), "one replica is left of the two that were promised");
        assert_eq!(Mode::SemiSync(2).promised(&mut []), Some(u64::MAX), "nobody is left");
        assert_eq!(Mode::Quorum { r: 1, w: 3 }.promised(&mut [5]), None, "a quorum does not shrink");
    }
}
