//! A document that was saved, of whatever kind, and what is made of it alone: its page and its pictures.
//!
//! Verbs make their pages from what they have written, as `plimsoll report` does later; so both give the same bytes.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::report::capacity::{self, Capacity};
use crate::report::chart::{self, Chart};
use crate::report::check::{self, Check};
use crate::report::compare::{self, Compare};
use crate::report::grid::{self, Grid};
use crate::report::html::study::{self, search};
use crate::report::html::{self, Page};
use crate::report::journey::{self, Journey};
use crate::report::size::{self, Size};
use crate::report::sweep::{self, Sweep};
use crate::report::{Report, SCHEMA, json};

/// A document by its kind.
#[derive(Clone, Debug)]
pub enum Saved {
    Run(Box<Report>),
    Compare(Box<Compare>),
    Sweep(Box<Sweep>),
    Capacity(Box<Capacity>),
    Grid(Box<Grid>),
    Size(Box<Size>),
    Check(Box<Check>),
    Journey(Box<Journey>),
}

/// Reads a document, or the lines of a sweep as far as they are whole.
///
/// # Errors
/// What is wrong with it, in lower case.
pub fn read(text: &str) -> Result<Saved, String> {
    let tree: Value = match serde_json::from_str(text) {
        Ok(tree) => tree,
        Err(error) => return lines(text).ok_or_else(|| format!("it is not JSON: {error}")),
    };
    let Some(schema) = tree.get("schema").and_then(Value::as_str).map(str::to_owned) else {
        return Err("it has no `schema`".to_owned());
    };
    match schema.as_str() {
        SCHEMA => json::read(text).map(|report| Saved::Run(Box::new(report))),
        compare::SCHEMA => of(tree).map(Saved::Compare),
        // A sweep of which no row is written yet is a single line.
        sweep::SCHEMA if tree.get("rows").is_none() => lines(text).ok_or_else(|| "its head is broken".to_owned()),
        sweep::SCHEMA => of(tree).map(Saved::Sweep),
        capacity::SCHEMA => of(tree).map(Saved::Capacity),
        grid::SCHEMA => of(tree).map(Saved::Grid),
        size::SCHEMA => of(tree).map(Saved::Size),
        check::SCHEMA => of(tree).map(Saved::Check),
        journey::SCHEMA => of(tree).map(Saved::Journey),
        other => Err(format!(
            "`schema` is `{other}`; what can be shown again is of run, compare, sweep, capacity, size, check and journey"
        )),
    }
}

fn of<T: DeserializeOwned>(tree: Value) -> Result<Box<T>, String> {
    serde_json::from_value(tree).map(Box::new).map_err(|error| error.to_string())
}

fn lines(text: &str) -> Option<Saved> {
    let kept = sweep::read(text).filter(|kept| kept.head.schema == sweep::SCHEMA)?;
    Some(Saved::Sweep(Box::new(sweep::sweep(kept.head, kept.rows))))
}

impl Saved {
    /// How its files are called, without their endings.
    pub fn name(&self) -> &'static str {
        match self {
            Saved::Run(_) => "report",
            Saved::Compare(_) => "compare",
            Saved::Sweep(_) => "sweep",
            Saved::Capacity(_) => "capacity",
            Saved::Grid(_) => "capacity_grid",
            Saved::Size(_) => "size",
            Saved::Check(_) => "check",
            Saved::Journey(_) => "journey",
        }
    }

    /// Its page.
    pub fn page(&self) -> Page {
        match self {
            Saved::Run(report) => html::run::page(report),
            Saved::Compare(compare) => study::compare(compare),
            Saved::Sweep(sweep) => search::sweep(sweep),
            Saved::Capacity(found) => study::capacity(found),
            Saved::Grid(grid) => study::grid::grid(grid),
            Saved::Size(size) => search::size(size),
            Saved::Check(check) => study::check(check),
            Saved::Journey(journey) => study::journey(journey),
        }
    }

    /// Its pictures.
    pub fn charts(&self) -> Vec<Chart> {
        match self {
            Saved::Run(report) => chart::of_run(report),
            Saved::Compare(compare) => study::compare_charts(compare),
            Saved::Sweep(sweep) => search::sweep_charts(sweep),
            Saved::Capacity(found) => study::capacity_chart(found).into_iter().collect(),
            Saved::Grid(grid) => study::grid::charts(grid),
            Saved::Size(size) => search::size_chart(size).into_iter().collect(),
            Saved::Check(_) => Vec::new(),
            Saved::Journey(journey) => study::journey_charts(journey),
        }
    }
}
