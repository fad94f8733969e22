//! The run checks itself: laws that hold on every single run, exactly where they are about whole numbers.
//!
//! Exact, in integers: everything created has finished or is in flight; what arrives at a station leaves, gives up or is
//! still there; the area under a queue's length is the sum of the waits (Little); slots busy are slots held (utilisation
//! law). Beside them Little's law in figures a person can read. A law that does not hold is a bug of the simulator and is
//! said aloud. Only the laws of a component that fail are listed one by one, else the component gets one line a law.

use crate::analysis::study::{Study, end};
use crate::model::{Component, NONE, Scope};
use crate::record::{StationTally, Tallies};
use crate::report::Audit;

/// Little's law in seconds and counts compares a window's figures, whose edges do not match exactly.
const EDGE: f64 = 0.02;

/// Every law on every replication.
pub fn check(study: &Study) -> Vec<Audit> {
    let mut audits = vec![conservation(study), outcomes(study)];
    audits.extend((0..study.model.topics.len()).map(|topic| messages(study, topic)));
    audits.extend((0..study.model.sagas.len()).map(|saga| sagas(study, saga)));
    for (index, component) in study.model.components.iter().enumerate() {
        if !component.waits_async {
            audits.push(each_station(study, component, "flow balance", flows_balance));
        }
        audits.push(each_station(study, component, "little exact", waits_match));
        if component.slots != NONE {
            audits.push(each_station(study, component, "utilisation exact", slots_match));
        }
        audits.extend(little(study, index as u16));
    }
    audits
}

fn conservation(study: &Study) -> Audit {
    let holds = |tallies: &Tallies| {
        let offered: u64 = tallies.classes.iter().map(|class| class.offered).sum();
        tallies.created == offered && tallies.finished <= tallies.created
    };
    let ends = || study.records.iter().map(|record| &end(record).tallies);
    let in_flight: u64 = ends().map(|tallies| tallies.created.saturating_sub(tallies.finished)).sum();
    let counted: u64 =
        study.records.iter().map(|record| u64::from(*record.series.in_flight.last().unwrap_or(&0))).sum();
    Audit {
        law: "conservation",
        of: "all".to_owned(),
        holds: ends().all(holds) && in_flight == counted,
        left: Some(ends().map(|tallies| tallies.created).sum::<u64>() as f64),
        right: Some(ends().map(|tallies| tallies.finished).sum::<u64>() as f64 + counted as f64),
    }
}

/// Every copy of a message is delivered, dead, expired, lost to a named cause, sent back, or still there; and there are as
/// many as were taken, for each group.
fn messages(study: &Study, topic: usize) -> Audit {
    let model = study.model;
    let (mut left, mut right, mut holds) = (0, 0, true);
    for record in study.records {
        let tallies = &end(record).tallies;
        let sent = &tallies.topics[topic];
        if model.topics[topic].in_log.is_some() {
            holds &= sent.appended == sent.accepted + sent.truncated + sent.withdrawn + sent.uncommitted;
            holds &= sent.appended == tallies.partitions[topic].iter().sum::<u64>();
        }
        let groups = (0..model.groups.len()).filter(|group| usize::from(model.groups[*group].topic) == topic);
        for tally in groups.map(|group| &tallies.groups[group]) {
            let gone = tally.delivered + tally.dead + tally.expired + tally.redriven + tally.lost();
            holds &= tally.entered == gone + tally.open && tally.open == tally.waiting + tally.out;
            holds &= tally.entered == sent.accepted + sent.dead_in + tally.driven_in + tally.rewound + tally.before;
            holds &= tally.behind.is_empty() || tally.open == tally.behind.iter().map(|(open, _)| open).sum::<u64>();
            left += tally.entered;
            right += gone + tally.open;
        }
    }
    let of = model.topics[topic].name.clone();
    Audit { law: "messages", of, holds, left: Some(left as f64), right: Some(right as f64) }
}

/// Every saga is complete, undone, unresolved, abandoned by the death of who ran it, or under way.
fn sagas(study: &Study, saga: usize) -> Audit {
    let (mut left, mut right, mut holds) = (0, 0, true);
    for record in study.records {
        let tally = &end(record).tallies.sagas[saga];
        let ended = tally.completed + tally.undone + tally.unresolved + tally.abandoned;
        holds &= tally.begun == ended + tally.open;
        left += tally.begun;
        right += ended + tally.open;
    }
    let of = study.model.sagas[saga].name.clone();
    Audit { law: "sagas", of, holds, left: Some(left as f64), right: Some(right as f64) }
}

/// Everything that finished was counted as an outcome once, and every failure has a kind.
fn outcomes(study: &Study) -> Audit {
    let ends = || study.records.iter().map(|record| &end(record).tallies);
    let finished: u64 = ends().map(|tallies| tallies.finished).sum();
    let counted: u64 =
        ends().flat_map(|tallies| &tallies.classes).map(|class| class.ok.count() + class.failed.count()).sum();
    let kinds = ends()
        .flat_map(|tallies| &tallies.classes)
        .all(|class| class.kinds.iter().sum::<u64>() == class.failed.count());
    Audit {
        law: "outcomes",
        of: "all".to_owned(),
        holds: finished == counted && kinds,
        left: Some(finished as f64),
        right: Some(counted as f64),
    }
}

/// One law on every instance of a component in every replication; both sides are sums over all of them.
fn each_station(
    study: &Study,
    component: &Component,
    law: &'static str,
    sides: fn(&StationTally) -> (u128, u128),
) -> Audit {
    let range = component.first as usize..(component.first + component.count) as usize;
    let (mut left, mut right, mut holds) = (0, 0, true);
    for record in study.records {
        for station in &end(record).tallies.stations[range.clone()] {
            let (one, other) = sides(station);
            left += one;
            right += other;
            holds &= one == other;
        }
    }
    Audit { law, of: component.name.clone(), holds, left: Some(left as f64), right: Some(right as f64) }
}

/// Those who gave up have left too. A visit that waits without a slot (`waits: async`) stands in neither.
fn flows_balance(station: &StationTally) -> (u128, u128) {
    let gone = station.left + u64::from(station.in_queue) + u64::from(station.in_slots);
    (u128::from(station.arrivals), u128::from(gone))
}

fn waits_match(station: &StationTally) -> (u128, u128) {
    (station.queued_ns, station.waits_ns + station.open_waits_ns)
}

fn slots_match(station: &StationTally) -> (u128, u128) {
    (station.busy_ns, station.held_ns + station.open_held_ns)
}

/// Requests in a component on average against its rate times the time they spend there, over the measured time: what the
/// figures say that a person reads. Of those who are there at an edge counts what they have spent by then. Who leaves the
/// queue without having been served is in no figure of waits, so where somebody does, the figures may say less.
fn little(study: &Study, index: u16) -> Option<Audit> {
    let component = &study.model.components[usize::from(index)];
    let scope = Scope::Component(index);
    let (mut inside, mut seconds, mut spent, mut through, mut unserved) = (0.0, 0.0, 0.0, 0, 0);
    for stretch in &study.measured {
        for station in stretch.stations_of(scope) {
            let area = |tallies: &Tallies| {
                let tally = &tallies.stations[station as usize];
                tally.queued_ns + tally.busy_ns
            };
            inside += (area(stretch.to) - area(stretch.from)) as f64 * 1e-9;
            // What is in an area and in no sum yet was spent by those who are still there.
            let open = |tallies: &Tallies| {
                let tally = &tallies.stations[station as usize];
                area(tallies) as f64 - (tally.waits_ns + tally.held_ns) as f64
            };
            spent += (open(stretch.to) - open(stretch.from)) * 1e-9;
            let gone = |tallies: &Tallies| tallies.stations[station as usize].reneged;
            unserved += gone(stretch.to) - gone(stretch.from);
        }
        let (waits, holdings) = (stretch.waits(scope), stretch.holdings(scope));
        spent += (waits.sum() as f64 + holdings.sum() as f64) * 1e-9;
        through += holdings.count();
        seconds += stretch.seconds();
    }
    if through == 0 || component.waits_async {
        return None;
    }
    let in_progress: u64 =
        study.measured.iter().map(|stretch| edges(stretch.from, component) + edges(stretch.to, component)).sum();
    let (left, right) = (inside / seconds, spent / seconds);
    let slack = EDGE + 2.0 * in_progress as f64 / through as f64;
    let is_less = 0 < unserved && right < left;
    let holds = is_less || (left - right).abs() <= slack * left.max(right) + 1e-9;
    Some(Audit { law: "little", of: component.name.clone(), holds, left: Some(left), right: Some(right) })
}

/// Requests in a component at a snapshot, and slots kept for those that will come back.
fn edges(tallies: &Tallies, component: &Component) -> u64 {
    let stations = &tallies.stations[component.first as usize..(component.first + component.count) as usize];
    stations.iter().map(|station| u64::from(station.in_queue) + u64::from(station.in_slots + station.kept)).sum()
}
