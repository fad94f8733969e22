//! What it costs: prices metered on the measured use, scaled to a month of 730 hours.
//!
//! Machines cost what they cost whatever happens; requests and bytes are counted over the measured time and scaled by its
//! length, so a month looks like the measured stretch: state a load curve and measure a whole period of it.

use std::ops::Range;

use crate::analysis::study::Study;
use crate::model::Scope;
use crate::model::prices::{Metered, Price};
use crate::probe::Between;
use crate::record::{ComponentTally, Tallies};
use crate::report::{Cost, CostLine};
use crate::units::MONTH;

const HOURS: f64 = MONTH / 3600.0;
const GIGA: f64 = 1e9;
const MILLION: f64 = 1e6;

/// The bill, on average over the replications.
pub fn bill(study: &Study) -> Cost {
    let lines: Vec<CostLine> = study.model.prices.iter().map(|price| line(study, price)).collect();
    let usd_per_month = lines.iter().map(|line| line.usd_per_month).sum();
    let finished: u64 = study.measured.iter().map(|stretch| stretch.counts(Scope::All).finished()).sum();
    let a_month = finished as f64 * study.model.scale_of(Scope::All) / study.seconds().max(1e-9) * MONTH;
    Cost {
        usd_per_month,
        usd_per_million_requests: (0 < finished).then(|| usd_per_month / a_month * MILLION),
        lines,
        unpriced: study.model.unpriced.clone(),
    }
}

/// Dollars a month in one replication.
pub fn a_month(stretch: &Between) -> f64 {
    stretch.model.prices.iter().map(|price| metered(stretch, price).1).sum()
}

/// Dollars for a million requests in one replication.
pub fn a_million(stretch: &Between) -> Option<f64> {
    let finished = stretch.counts(Scope::All).finished();
    let whole = finished as f64 * stretch.model.scale_of(Scope::All);
    (0 < finished).then(|| a_month(stretch) / (whole / stretch.seconds() * MONTH) * MILLION)
}

fn line(study: &Study, price: &Price) -> CostLine {
    let metered: Vec<(f64, f64)> = study.measured.iter().map(|stretch| metered(stretch, price)).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| metered.iter().map(of).sum::<f64>() / metered.len() as f64;
    CostLine {
        component: price.component.clone(),
        what: price.what,
        quantity: mean(|(quantity, _)| *quantity),
        unit: price.unit.clone(),
        usd_per_month: mean(|(_, dollars)| *dollars),
    }
}

fn range(first: u32, count: u32) -> Range<usize> {
    first as usize..(first + count) as usize
}

/// Units and dollars a month.
fn metered(stretch: &Between, price: &Price) -> (f64, f64) {
    let whole = stretch.model.scale_of(Scope::All);
    let monthly = |count: u64| count as f64 * whole / stretch.seconds().max(1e-9) * MONTH;
    let component =
        |index: u16| (&stretch.from.components[usize::from(index)], &stretch.to.components[usize::from(index)]);
    match &price.metered {
        Metered::Machines { count, per_hour } => (*count, count * per_hour * HOURS),
        Metered::Joining { first, count, per_hour } => {
            let each = stretch.model.instances_for_one(stretch.model.stations[*first as usize].component);
            let there = |t: &Tallies| t.stations[range(*first, *count)].iter().map(|s| s.there_ns).sum::<u128>();
            let machines = (there(stretch.to) - there(stretch.from)) as f64 / 1e9 / stretch.seconds().max(1e-9) * each;
            (machines, machines * per_hour * HOURS)
        }
        Metered::Hosts { first, count, per_hour } => {
            let there = |t: &Tallies| t.hosts[range(*first, *count)].iter().map(|h| h.there_ns).sum::<u128>();
            let hosts = (there(stretch.to) - there(stretch.from)) as f64 / 1e9 / stretch.seconds().max(1e-9);
            let hosts = hosts * stretch.model.hosts_for_one(*first);
            (hosts, hosts * per_hour * HOURS)
        }
        Metered::Units { component: index, per_hour } => {
            let units = |tally: &ComponentTally| tally.capacity.map_or(0, |capacity| capacity.unit_ns);
            let (before, after) = component(*index);
            let units = (units(after) - units(before)) as f64 / 1e9 / stretch.seconds().max(1e-9);
            (units, units * per_hour * HOURS)
        }
        Metered::Sized { component, size, per_hour } => sized(stretch, (*component, *size), *per_hour),
        Metered::Provisioned { component: index, per_hour } => {
            let ready = |tally: &ComponentTally| tally.function.map_or(0, |function| function.provisioned_ns);
            let (before, after) = component(*index);
            let count = (ready(after) - ready(before)) as f64 / 1e9 / stretch.seconds().max(1e-9) * whole;
            (count, count * per_hour * HOURS)
        }
        Metered::Work { component: index, gigabytes, each } => {
            let station = stretch.model.components[usize::from(*index)].first as usize;
            let busy = |tallies: &Tallies| tallies.stations[station].busy_ns as f64 / 1e9;
            let work =
                (busy(stretch.to) - busy(stretch.from)) * whole / stretch.seconds().max(1e-9) * MONTH * gigabytes;
            (work, work * each)
        }
        Metered::Requests { component: index, each } => {
            let (before, after) = component(*index);
            let requests = monthly(after.arrivals - before.arrivals);
            (requests, requests * each)
        }
        Metered::BytesOut { component: index, tiers } => {
            let (before, after) = component(*index);
            let bytes = monthly(after.bytes_out - before.bytes_out);
            (bytes / GIGA, tiered(bytes, tiers))
        }
        Metered::Taken { component: index, each } => {
            let (before, after) = component(*index);
            let bytes = monthly(after.bytes_out - before.bytes_out);
            (bytes / GIGA, bytes * each)
        }
        Metered::Kept { component: index, seconds, each } => {
            let (before, after) = component(*index);
            // As much lies there as comes in that time.
            let kept = monthly(after.bytes_out - before.bytes_out) / MONTH * seconds;
            (kept / GIGA, kept * each * MONTH)
        }
        Metered::Pipe { pipe } => {
            let index = usize::from(*pipe);
            let bytes = monthly(stretch.to.pipes[index].bytes - stretch.from.pipes[index].bytes);
            (bytes / GIGA, bytes * stretch.model.pipes[index].price_per_byte)
        }
    }
}

/// Instances that had a size, and what they cost.
fn sized(stretch: &Between, (component, size): (u16, usize), per_hour: f64) -> (f64, f64) {
    let Some((before, after)) = stretch.sizes(component) else { return (0.0, 0.0) };
    let before = before.ns.get(size).copied().unwrap_or(0);
    let count = (after.ns[size] - before) as f64 / 1e9 / stretch.seconds().max(1e-9);
    let count = count * stretch.model.instances_for_one(component);
    (count, count * per_hour * HOURS)
}

/// Dollars for so many bytes a month: each tier prices the bytes up to its end that no tier before it did.
fn tiered(bytes: f64, tiers: &[(Option<f64>, f64)]) -> f64 {
    let (mut from, mut dollars) = (0.0, 0.0);
    for (upto, each) in tiers {
        let end = upto.unwrap_or(f64::INFINITY).min(bytes);
        dollars += (end - from).max(0.0) * each;
        from = end.max(from);
    }
    dollars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_price_what_falls_into_them() {
        let tiers = [(Some(10e12), 0.085e-9), (Some(50e12), 0.080e-9), (None, 0.060e-9)];
        assert!((tiered(10e12, &tiers) - 850.0).abs() < 1e-6);
        assert!((tiered(60e12, &tiers) - (850.0 + 3200.0 + 600.0)).abs() < 1e-6);
        assert_eq!(tiered(0.0, &tiers), 0.0);
    }
}
