//! Mechanisms that decide: one file is one family, from what may be said about it to its tests.
//!
//! A family's file holds, in this order:
//!
//! 1. **What the YAML may say**: a plain enum or struct; the doc comment of each variant shows how it is written. The
//!    ones written `name(args)` have `read`, and a list `FORMS` from which schema, reference page and advice are made.
//! 2. **What is wrong with it in its surroundings**: `problem` returns a sentence, which compilation puts into a diagnostic.
//! 3. **The running state**, made once when a run starts.
//! 4. **The decision**: a function that looks at what it is given, changes nothing but its own state and returns a value.
//!    The engine applies it. A decision draws nothing by itself: random bits come in as arguments, addressed by whoever
//!    asks, so a decision elsewhere never moves them. No decision allocates, but for tables that grow with the load.
//! 5. **Its tests**; an intricate decision has a slow twin there.
//!
//! Families: [`arrivals`] (when requests come), [`daylight`] (the day at several places), [`balance`] (which instance serves one), [`discipline`] (who in a queue is
//! next), [`eviction`] (who leaves a full cache), [`limit`] (who is let in), [`retry`] (when to try again), [`health`]
//! (when a checker notices), [`watchers`] (how many must), [`election`] (who leads), [`ring`] (who holds which keys), [`replication`] (how copies are
//! kept alike), [`sharding`] (which shard holds a row), [`scale`] (how many instances there should be), [`vertical`] (how large), [`environment`]
//! (whether a function starts cold), [`capacity`] (how large a serverless database is), [`delivery`] (when a message comes again), [`breaker`] (when to stop calling),
//! [`eject`] (who is left out for a while), both by what [`outcomes`] are bad enough, [`hedge`] (when to ask a second time),
//! [`shed`] (who is turned away early), [`assign`] (who reads which partition).
//!
//! What can go wrong: a new variant of an existing family needs its file only, but a new family needs a call site in the
//! engine and a field in the scenario.

pub mod arrivals;
pub mod assign;
pub mod balance;
pub mod breaker;
pub mod capacity;
pub mod daylight;
pub mod delivery;
pub mod discipline;
pub mod eject;
pub mod environment;
pub mod election;
pub mod eviction;
pub mod health;
pub mod hedge;
pub mod limit;
pub mod outcomes;
pub mod replication;
pub mod retry;
pub mod ring;
pub mod scale;
pub mod sharding;
pub mod shed;
pub mod vertical;
pub mod watchers;

use crate::reader::{ReadError, Term};

/// One way to write a policy, for the schema, the reference page, and "did you mean".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The word before the brackets.
    pub name: &'static str,
    /// The whole text of an example, which `read` accepts.
    pub example: &'static str,
    /// One sentence on what it does.
    pub about: &'static str,
}

/// An entry of a list of forms.
const fn form(name: &'static str, example: &'static str, about: &'static str) -> Form {
    Form { name, example, about }
}

/// The error for a name that is not in the list. `what` is the thing with its article.
fn unknown(term: &Term, what: &str, forms: &[Form]) -> ReadError {
    let names: Vec<&str> = forms.iter().map(|form| form.name).collect();
    term.unknown(what, &names)
}
