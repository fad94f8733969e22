//! What `plan` says: which objective growth breaks first, when, and what load, data and bill are until then.

use serde::Serialize;

use crate::report::Verdict;
use crate::report::capacity::Outcome;
use crate::report::evaluation::Limit;
use crate::report::rows::{Rows, number};

/// Name and version of the JSON document.
pub const SCHEMA: &str = "plimsoll.plan/1";

/// Growth and what it comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    pub schema: &'static str,
    pub name: String,
    pub hash: String,
    pub seed: u64,
    /// Compound, a share of the month before.
    pub growth_per_month: f64,
    pub data_bytes_per_month: f64,
    pub horizon_months: f64,
    pub outcome: Outcome,
    /// The objective that breaks first, and after how many months: between `month_low`, when all surely hold, and
    /// `month_high`, when one surely does not.
    pub breaks: Option<String>,
    pub month: Option<f64>,
    pub month_low: Option<f64>,
    pub month_high: Option<f64>,
    pub limit: Option<Limit>,
    pub months: Vec<Month>,
    pub runs: u64,
}

/// One month ahead.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Month {
    pub month: f64,
    pub load_per_s: f64,
    pub verdict: Verdict,
    pub p99_s: Option<f64>,
    pub usd_per_month: Option<f64>,
    /// What the databases hold; `None` where none says.
    pub data_bytes: Option<f64>,
    /// Of the disks whose size is known.
    pub disk_share: Option<f64>,
    pub limit: Option<Limit>,
}

/// A line for each month.
pub fn rows(plan: &Plan) -> Rows {
    let mut rows =
        Rows::new(["month", "load_per_s", "p99_s", "verdict", "usd_per_month", "data_bytes", "disk_share", "limit"]);
    for month in &plan.months {
        rows.rows.push(vec![
            number(Some(month.month)),
            number(Some(month.load_per_s)),
            number(month.p99_s),
            month.verdict.word().to_owned(),
            number(month.usd_per_month),
            number(month.data_bytes),
            number(month.disk_share),
            month.limit.as_ref().map(|limit| limit.component.clone()).unwrap_or_default(),
        ]);
    }
    rows
}
