//! The same day at several places: each lives it by its own clock, and a load is the sum of them.
//!
//! The profile of a day is linear between its points, so the sum of shifted ones is linear between all of theirs, and is
//! again a profile: nothing else of arrivals has to know. Who of all it is that asks follows from how much each place
//! asks at that time. What can go wrong: only the day moves; weeks, ramps and steps are by the clock of the run.

const DAY_S: f64 = 86_400.0;

/// The factor of a profile, (seconds since midnight, factor) in order of time, at a time of the day.
pub fn factor(day: &[(f64, f64)], at_s: f64) -> f64 {
    let at = at_s.rem_euclid(DAY_S);
    let (Some(first), Some(last)) = (day.first(), day.last()) else { return 1.0 };
    let next = day.partition_point(|(point, _)| *point <= at);
    let before = if next == 0 { (last.0 - DAY_S, last.1) } else { day[next - 1] };
    let after = day.get(next).copied().unwrap_or((first.0 + DAY_S, first.1));
    let length = after.0 - before.0;
    if length <= 0.0 { before.1 } else { before.1 + (after.1 - before.1) * (at - before.0) / length }
}

/// The profile of places together: each has a share of the load, and a clock that is ahead by so many seconds.
pub fn together(day: &[(f64, f64)], places: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut points: Vec<f64> = places
        .iter()
        .flat_map(|(_, ahead)| day.iter().map(move |(point, _)| (point - ahead).rem_euclid(DAY_S)))
        .collect();
    points.sort_by(f64::total_cmp);
    points.dedup();
    let total: f64 = places.iter().map(|(share, _)| share).sum();
    let sum = |at: f64| places.iter().map(|(share, ahead)| share * factor(day, at + ahead)).sum::<f64>() / total;
    points.into_iter().map(|at| (at, sum(at))).collect()
}

/// Cumulative shares of 2^32 of places at a time of the day.
pub fn shares_at(day: &[(f64, f64)], places: &[(f64, f64)], at_s: f64) -> impl Iterator<Item = u64> {
    let weights: Vec<f64> = places.iter().map(|(share, ahead)| share * factor(day, at_s + ahead)).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    weights.into_iter().map(move |weight| {
        sum += weight;
        if 0.0 < total { (sum / total * 4294967296.0).round() as u64 } else { 1 << 32 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{mix, unit};

    const WORK: [(f64, f64); 3] = [(0.0, 0.3), (28_800.0, 3.0), (64_800.0, 3.5)];

    #[test]
    fn a_profile_is_linear_and_goes_round_midnight() {
        assert_eq!(factor(&WORK, 28_800.0), 3.0);
        let close = |at: f64, truth: f64| assert!((factor(&WORK, at) - truth).abs() < 1e-12, "{at}");
        close(14_400.0, 1.65);
        close(75_600.0, 1.9);
        assert_eq!(factor(&WORK, -86_400.0), 0.3);
        assert_eq!(factor(&[(100.0, 2.0)], 5.0), 2.0);
    }

    /// The sum at any time is that of the parts, and so are the shares.
    #[test]
    fn together_they_are_the_sum_of_all() {
        let places = [(0.6, -18_000.0), (0.3, 3_600.0), (0.1, 19_800.0)];
        let all = together(&WORK, &places);
        assert!(all.is_sorted_by(|a, b| a.0 < b.0));
        for n in 0..2_000u64 {
            let at = unit(mix(n)) * DAY_S;
            let sum: f64 = places.iter().map(|(share, ahead)| share * factor(&WORK, at + ahead)).sum();
            assert!((factor(&all, at) - sum).abs() < 1e-9, "{at}");
            let shares: Vec<u64> = shares_at(&WORK, &places, at).collect();
            let first = 0.6 * factor(&WORK, at - 18_000.0) / sum;
            assert!((shares[0] as f64 / 4294967296.0 - first).abs() < 1e-9 && shares[2] == 1 << 32);
        }
    }
}
