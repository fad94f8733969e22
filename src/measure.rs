//! What is counted while the simulation runs: [`histogram`]s of times and [`gauge`]s of numbers over time, and the two
//! definitions of a percentile of a short list.
//!
//! Everything here is a sum of integers, so parts can be merged and cumulative snapshots subtracted without loss, in any
//! order. What can go wrong: a quantile with fewer than ten observations beyond it is a guess, and `quantile` refuses it.

pub mod gauge;
pub mod histogram;

/// The `q`-quantile of rising values by nearest rank: the smallest value with at least a share `q` at or below it.
pub fn nearest_rank(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).wrapping_sub(1)).copied()
}

/// The `q`-quantile of rising values with linear interpolation between them (type 7 of Hyndman and Fan 1996).
pub fn interpolated(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case `s-quantile`.
    #[test]
    fn s_quantile_definitions_of_a_percentile() {
        let data = [15.0, 20.0, 35.0, 40.0, 50.0];
        for (p, value) in [(5.0, 15.0), (30.0, 20.0), (40.0, 20.0), (50.0, 35.0), (100.0, 50.0)] {
            assert_eq!(nearest_rank(&data, p / 100.0), Some(value), "{p}");
        }
        for (p, value) in
            [(5.0, 16.0), (30.0, 23.0), (40.0, 29.0), (50.0, 35.0), (75.0, 40.0), (95.0, 48.0), (99.0, 49.6)]
        {
            assert!((interpolated(&data, p / 100.0).unwrap_or(0.0) - value).abs() < 1e-12, "{p}");
        }
        assert_eq!((nearest_rank(&[], 0.5), interpolated(&[], 0.5)), (None, None));
        assert_eq!(interpolated(&[7.0], 1.0), Some(7.0));
    }
}
