//! How stale a read of some copies may be when others were written.

/// The probability that a read of `r` of `n` copies, drawn alike, shows one of the last `k` versions, each of which was
/// written to `w` copies drawn alike and spread no further: `1 - (C(n - w, r) / C(n, r))^k` (Bailis et al. 2012, eq. 2).
/// It is 1 where `n < r + w`: the two always meet.
pub fn within_versions(n: u32, r: u32, w: u32, k: u32) -> f64 {
    let misses: f64 =
        (0..r).map(|i| (f64::from(n) - f64::from(w) - f64::from(i)).max(0.0) / (f64::from(n) - f64::from(i))).product();
    1.0 - libm::pow(misses, f64::from(k))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case `br-pbs-k`.
    #[test]
    fn br_pbs_k_probability_of_a_recent_version() {
        for (n, r, w, expected) in [
            (3, 1, 1, [0.33333333, 0.55555556, 0.7037037, 0.86831276, 0.98265847]),
            (3, 1, 2, [0.66666667, 0.88888889, 0.96296296, 0.99588477, 0.99998306]),
            (3, 2, 1, [0.66666667, 0.88888889, 0.96296296, 0.99588477, 0.99998306]),
            (2, 1, 1, [0.5, 0.75, 0.875, 0.96875, 0.99902344]),
        ] {
            for (k, expected) in [1, 2, 3, 5, 10].into_iter().zip(expected) {
                let found = within_versions(n, r, w, k);
                assert!((found - expected).abs() < 5e-9, "{n} {r} {w} {k}: {found} {expected}");
            }
        }
    }

    #[test]
    fn quorums_that_overlap_always_meet() {
        for (r, w) in [(2, 2), (1, 3), (3, 1)] {
            assert!((within_versions(3, r, w, 1) - 1.0).abs() < 1e-12);
        }
    }
}
