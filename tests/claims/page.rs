//! The page of claims, `docs/claims.md`: a row for each figure, held to what the tests find.
//!
//! With `PLIMSOLL_BLESS=1` rows are written anew; all rows of a claim are, as soon as one of its tests runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const HEAD: &str = "\
# What the sources claim, simulated

Each row is a figure that a test reads out of a report of the scenario that shows it (`cargo test claims`), beside what the source of
that stage claims. *shown*: it lies where it is claimed to; *refuted*: an honest model says otherwise, for the reason given; *beside*:
what one should know with it. The tests hold this page to what they find; after a change: `PLIMSOLL_BLESS=1 cargo test claims`.
";

/// What was found, in the order of the page.
type Rows = BTreeMap<(String, String), [String; 3]>;

/// What this process has done.
struct Seen {
    /// Claims whose rows it has begun to write.
    begun: BTreeSet<String>,
    figures: BTreeSet<(String, String)>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen { begun: BTreeSet::new(), figures: BTreeSet::new() });

/// Writes or holds a row: what is looked at, what is claimed, what was found, and the verdict.
pub(super) fn hold(id: &str, what: &str, row: [&str; 3]) {
    // A test that fails while it holds the page spoils nothing: the page is read anew each time.
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (id.to_owned(), what.to_owned());
    assert!(seen.figures.insert(key.clone()), "two figures of {id} are called `{what}`");
    let mut rows = read();
    let row = row.map(|cell| cell.replace('|', "/"));
    if std::env::var_os("PLIMSOLL_BLESS").is_none() {
        let told = "docs/claims.md says otherwise; if this is right, say PLIMSOLL_BLESS=1 cargo test claims";
        assert_eq!(rows.get(&key), Some(&row), "{id}, {what}: {told}");
        return;
    }
    if seen.begun.insert(id.to_owned()) {
        rows.retain(|(known, _), _| known != id);
    }
    rows.insert(key, row);
    fs::write(path(), render(&rows)).expect("the page can be written");
}

/// A figure with as many digits as it is worth.
pub(super) fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let decimals = (3.0 - libm::floor(libm::log10(value.abs()))).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

pub(super) fn range([low, high]: [f64; 2]) -> String {
    if high.is_finite() { format!("{} to {}", figure(low), figure(high)) } else { format!("{} or more", figure(low)) }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/claims.md")
}

fn read() -> Rows {
    let page = fs::read_to_string(path()).unwrap_or_default();
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(cells);
    let rows = rows.map(|cells| {
        let [id, what, claimed, found, verdict] = cells.try_into().expect("a row has five cells");
        ((id.trim_matches('`').to_owned(), what), [claimed, found, verdict])
    });
    rows.collect()
}

fn render(rows: &Rows) -> String {
    let mut page = HEAD.to_owned();
    for (prefix, title) in [("s", "Stages"), ("p", "Patterns"), ("x", "Pitfalls")] {
        page.extend([
            "\n## ",
            title,
            "\n\n| claim | figure | claimed | simulated | verdict |\n|---|---|---|---|---|\n",
        ]);
        for ((id, what), [claimed, found, verdict]) in rows.iter().filter(|((id, _), _)| id.starts_with(prefix)) {
            page.extend(["| `", id, "` | ", what, " | ", claimed, " | ", found, " | ", verdict, " |\n"]);
        }
    }
    page
}

#[test]
fn figures_have_as_many_digits_as_they_are_worth() {
    let shown = [0.0, 5.5823, 0.91999, 1.0, 144_000.0, 2.0f64.sqrt() / 1e3].map(figure);
    assert_eq!(shown, ["0", "5.582", "0.92", "1", "144000", "0.001414"]);
    assert_eq!([range([4.0, 10.0]), range([0.5, f64::INFINITY])], ["4 to 10", "0.5 or more"]);
}
