//! `plan:`: how load and data grow, and how far ahead to look.

use crate::diagnostic::{Code, Diagnostic};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::units::{Dimension, MONTH};

/// The fields of `plan:`.
pub static PLAN: Table = Table {
    name: "plan",
    about: "How load and data grow; `plimsoll plan` says which objective breaks first, and when",
    fields: &[
        Field::new("growth", Shape::Growth, "8%/month", "How much more load there is each month than the month before")
            .required(),
        Field::new("data", Shape::Bandwidth, "100GB/month", "What the databases grow by, in proportion to their data"),
        Field::new("horizon", Shape::Time, "18 months", "How far ahead to look").or("12 months"),
    ],
};

/// Growth from now on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// 0.08 for `8%/month`; compound.
    pub monthly: f64,
    /// Bytes a month.
    pub data: f64,
    pub horizon_months: f64,
}

/// Most a month: beyond this a plan says nothing.
const MOST: f64 = 10.0;
/// Longest horizon, months.
const FAR: f64 = 120.0;

/// Reads `plan:`.
pub(super) fn growth(r: &mut Reader) -> Option<Growth> {
    let rate = r.quantity("growth", Dimension::Growth)?;
    let monthly = rate.value * MONTH;
    if monthly <= 0.0 || MOST < monthly {
        let told = Diagnostic::new(Code::OutOfRange, rate.spot, "a plan is about growth, up to tenfold a month");
        r.tell(told.help("write it as in `8%/month`"));
        return None;
    }
    let data = r.bandwidth("data").map_or(0.0, |data| data.value * MONTH);
    let horizon = r.time("horizon");
    let horizon = r.within("horizon", horizon, MONTH, FAR * MONTH);
    Some(Growth { monthly, data, horizon_months: horizon.map_or(12.0, |horizon| horizon.value / MONTH) })
}
