//! `docs/validation.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::cases::{Case, Judged, Verdict};

/// Figures that fail, and why; the start of a quantity stands for all that begin so.
const KNOWN: &[(&str, &str, &str)] =
    &[("r-backoff-seq", "grpc.first", "the reference is printed with eight digits, the tolerance asks for nine")];

/// Figures that are not measured, and why.
const NOT_MEASURED: &[(&str, &str, &str)] = &[
    ("r-backoff-seq", "grpc.initial_s", "a parameter"),
    ("r-backoff-seq", "grpc.multiplier", "a parameter"),
    ("r-backoff-seq", "grpc.max_s", "a parameter"),
    (
        "r-backoff-seq",
        "grpc.jitter",
        "gRPC spreads its pauses by 20 %; here `none`, `full`, `equal` and `decorrelated`",
    ),
    ("r-avail", "rows[", "the same figure in minutes"),
    ("r-cb-r4j-count", "failure_rate", "a breaker tells its state, not its rate"),
    ("r-cb-r4j-half", "rows[", "a breaker tells its state, not its rates"),
    ("lb-p2c", "W_without_replacement", "`choices` draws with replacement"),
    ("q-erlc", "published", "the same figure as printed, to four digits"),
];

/// Whether it is understood why a figure fails or is missing.
pub(crate) fn is_explained(id: &str, row: &Judged) -> bool {
    reason(id, row).is_some()
}

fn reason(id: &str, row: &Judged) -> Option<&'static str> {
    let list = if row.verdict == Verdict::Fails { KNOWN } else { NOT_MEASURED };
    list.iter().find(|(case, start, _)| id.starts_with(case) && row.quantity.starts_with(start)).map(|(_, _, why)| *why)
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/validation.md")
}

/// Writes the table, and leaves the sections alone.
pub(crate) fn write(judged: &[(Case, Vec<Judged>)]) {
    let mut text = head(judged);
    text += "\n| case | quantity | expected | got | tolerance | verdict |\n|---|---|---|---|---|---|\n";
    for (case, rows) in judged {
        for row in rows {
            text += &row.line(case.id());
            text.push('\n');
        }
    }
    text += "\n## The cases and their sources\n\n";
    for (case, _) in judged {
        writeln!(text, "- `{}` {}. *{}*", case.id(), case.description(), case.source()).expect("text");
    }
    let old = fs::read_to_string(path()).unwrap_or_default();
    for section in old.split("\n## ").skip(1).filter(|section| !section.starts_with("The cases and their sources\n")) {
        text.extend(["\n## ", section]);
    }
    fs::write(path(), text).expect("docs can be written");
}

/// Writes the section about intervals, and leaves the rest alone.
pub(crate) fn write_coverage(section: &str) {
    replace("## Coverage of the intervals\n", section);
}

/// Writes the section about hit ratios, and leaves the rest alone.
pub(crate) fn write_hit_ratios(section: &str) {
    replace("## Hit ratios beside libCacheSim\n", section);
}

/// Writes the section about a day of autoscaling, and leaves the rest alone.
pub(crate) fn write_day(section: &str) {
    replace("## One day under six autoscalers\n", section);
}

/// Writes the section about regions, and leaves the rest alone.
pub(crate) fn write_regions(section: &str) {
    replace("## Dead regions\n", section);
}

/// Writes the section about retry storms, and leaves the rest alone.
pub(crate) fn write_storms(section: &str) {
    replace("## Retry storms\n", section);
}

/// Writes the section about failovers, and leaves the rest alone.
pub(crate) fn write_failovers(section: &str) {
    replace("## Failover, by how writes are replicated\n", section);
}

/// What stands under a title, up to the next one.
fn section<'a>(text: &'a str, title: &str) -> Option<&'a str> {
    let start = text.find(title)? + title.len();
    let rest = &text[start..];
    Some(rest.find("\n## ").map_or(rest, |end| &rest[..end]))
}

fn replace(title: &str, new: &str) {
    let old = fs::read_to_string(path()).unwrap_or_default();
    let text = match section(&old, title) {
        Some(section) => old.replacen(&format!("{title}{section}"), &format!("{title}\n{new}"), 1),
        None => format!("{old}\n{title}\n{new}"),
    };
    fs::write(path(), text).expect("docs can be written");
}

fn head(judged: &[(Case, Vec<Judged>)]) -> String {
    let count =
        |verdict: Verdict| judged.iter().flat_map(|(_, rows)| rows).filter(|row| row.verdict == verdict).count();
    let has = |rows: &[Judged], verdict: Verdict| rows.iter().any(|row| row.verdict == verdict);
    let failed = judged.iter().filter(|(_, rows)| has(rows, Verdict::Fails)).count();
    let missing = judged.iter().filter(|(_, rows)| rows.iter().all(|row| row.verdict == Verdict::NotMeasured)).count();
    let mut text = String::from(
        "# Validation\n\nClosed forms, published tables and the figures of other simulators, against what plimsoll says to the same\n\
         question. Each case is a scenario that is run and a report that is read; what is no simulation is asked of the module\n\
         that owns the rule. Times are in service means unless a suffix says otherwise. `±` is the half-width of the 95 % interval over\n\
         ten independent replications; the verdict looks at the tolerance of the case alone. This page is written by\n\n\
         ```sh\ncargo test --release -- --ignored --nocapture validation_table\n\
         cargo test --release -- --ignored --nocapture interval_coverage   # the section about intervals\n\
         cargo test --release -- --ignored --nocapture hit_ratios   # the section about caches\n\
         cargo test --release -- --ignored --nocapture failovers   # the section about failovers\n\
         cargo test --release -- --ignored --nocapture one_day   # the section about autoscalers\n\
         cargo test --release -- --ignored --nocapture two_hundred_region_kills   # the section about regions\n\
         cargo test --release -- --ignored --nocapture retry_storms   # the section about retry storms\n```\n\n\
         and every `cargo test` measures the same cases on shorter runs. A percentile that is expected to be 0 is judged by\n\
         the mean of its distribution. The order of the policies in `lb-order-10` follows from their figures.\n\n",
    );
    writeln!(
        text,
        "{} cases: {} hold in every measured figure, {failed} fails in one or more, {missing} is not measured. Figures: {} hold, {} \
         fail, {} are not measured.\n",
        judged.len(),
        judged.len() - failed - missing,
        count(Verdict::Holds),
        count(Verdict::Fails),
        count(Verdict::NotMeasured)
    )
    .expect("text");
    for (case, rows) in judged {
        for row in rows.iter().filter(|row| row.verdict != Verdict::Holds) {
            let word = if row.verdict == Verdict::Fails { "fails" } else { "not measured" };
            let why = reason(case.id(), row).unwrap_or("not understood yet");
            let line = format!("- `{}` {word}: {why}\n", case.id());
            if !text.contains(&line) {
                text += &line;
            }
        }
    }
    text
}
