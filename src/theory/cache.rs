//! Hit ratios of caches when requests are independent of each other, from the probabilities of the keys.
//!
//! Times are counted in requests. A cache that holds every key always hits.

/// The characteristic time of an LRU cache: so many requests an entry stays without being asked for (Che, Tung and Wang
/// 2002). The root of `sum(1 - exp(-p t)) = slots`.
pub fn characteristic_time(probabilities: &[f64], slots: f64) -> f64 {
    root(probabilities, slots, |x| {
        let left = libm::exp(-x);
        (1.0 - left, left)
    })
}

/// The hit ratio of LRU by Che's approximation, whose error vanishes as caches grow (Fricker, Robert and Roberts 2012).
pub fn lru(probabilities: &[f64], slots: f64) -> f64 {
    let time = characteristic_time(probabilities, slots);
    probabilities.iter().map(|p| p * (1.0 - libm::exp(-p * time))).sum()
}

/// The hit ratio of FIFO, which is that of random replacement, in the limit of large caches (Martina, Garetto and Leonardi
/// 2014): a key is in with probability `p t / (1 + p t)`.
pub fn fifo(probabilities: &[f64], slots: f64) -> f64 {
    let inside = |x: f64| 1.0 - 1.0 / (1.0 + x);
    let time = root(probabilities, slots, |x| (inside(x), 1.0 / ((1.0 + x) * (1.0 + x))));
    probabilities.iter().map(|p| p * inside(p * time)).sum()
}

/// The hit ratio of a cache that holds the most popular keys for ever, which no policy exceeds.
pub fn perfect_lfu(probabilities: &[f64], slots: usize) -> f64 {
    let mut sorted = probabilities.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    sorted.iter().take(slots).sum()
}

/// The hit ratio of a cache without a limit whose entries live that long from when they came in (Jung, Berger and
/// Balakrishnan 2003). `requests` is how many come in such a time.
pub fn fixed_ttl(probabilities: &[f64], requests: f64) -> f64 {
    probabilities.iter().map(|p| p * (1.0 - 1.0 / (1.0 + p * requests))).sum()
}

/// The same if every hit renews the lifetime (Fofack et al. 2012).
pub fn sliding_ttl(probabilities: &[f64], requests: f64) -> f64 {
    probabilities.iter().map(|p| p * (1.0 - libm::exp(-p * requests))).sum()
}

/// The misses of a cache that knows the future and evicts what is asked for last (Belady 1966): none has fewer.
pub fn fewest_misses(reference: &[u64], slots: usize) -> usize {
    let mut held: Vec<u64> = Vec::new();
    let mut misses = 0;
    for (at, key) in reference.iter().enumerate() {
        if held.contains(key) {
            continue;
        }
        misses += 1;
        if held.len() == slots {
            let next = |held: &u64| reference[at..].iter().position(|key| key == held).unwrap_or(usize::MAX);
            let last = (0..slots).max_by_key(|&place| next(&held[place]));
            held.swap_remove(last.expect("a cache without slots holds nothing"));
        }
        held.push(*key);
    }
    misses
}

/// Where the sum of `inside(p t)` is `slots`, by Newton's method. `inside` returns its slope too; it is concave, so the
/// steps from below never overshoot.
fn root(probabilities: &[f64], slots: f64, inside: impl Fn(f64) -> (f64, f64)) -> f64 {
    if probabilities.len() as f64 <= slots {
        return f64::INFINITY;
    }
    let mut time = slots;
    loop {
        let (mut sum, mut slope) = (0.0, 0.0);
        for p in probabilities {
            let (share, rise) = inside(p * time);
            sum += share;
            slope += p * rise;
        }
        let step = (slots - sum) / slope;
        time += step;
        if step.abs() <= 1e-10 * time {
            return time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::popularity::Popular;

    fn zipf(keys: u64, exponent: f64) -> Vec<f64> {
        let zipf = Popular::zipf(keys, exponent);
        (0..keys).map(|rank| zipf.probability(rank)).collect()
    }

    /// Cases `c-che-0.99-100000` and `c-che-1.2-100000`.
    #[test]
    fn large_caches_under_zipf_c_che() {
        for (exponent, slots, time, expected) in [
            (0.99, 1000, 1686.4972, [0.48939381, 0.44825061, 0.60484808]),
            (1.2, 10000, 84471.85, [0.91757472, 0.89993098, 0.94256419]),
        ] {
            let p = zipf(100_000, exponent);
            let c = slots as f64;
            assert!((characteristic_time(&p, c) / time - 1.0).abs() < 1e-7);
            let found = [lru(&p, c), fifo(&p, c), perfect_lfu(&p, slots)];
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-7), "{found:?}");
        }
    }

    /// Cases `c-ttl-1` and `c-ttl-60`.
    #[test]
    fn lifetimes_c_ttl() {
        let p = zipf(1000, 0.9);
        for (requests, fixed, sliding) in [(100.0, 0.34984316, 0.41468317), (6000.0, 0.88254718, 0.96473556)] {
            assert!((fixed_ttl(&p, requests) - fixed).abs() < 1e-7);
            assert!((sliding_ttl(&p, requests) - sliding).abs() < 1e-7);
        }
    }

    #[test]
    fn a_cache_for_all_keys_always_hits() {
        let p = [0.25; 4];
        assert_eq!((lru(&p, 4.0), fifo(&p, 5.0), perfect_lfu(&p, 4)), (1.0, 1.0, 1.0));
        assert!((lru(&p, 2.0) - 0.5).abs() < 1e-12 && (fifo(&p, 2.0) - 0.5).abs() < 1e-12, "uniform keys");
    }

    /// Cases `c-ref-silber` and `c-ref-belady`.
    #[test]
    fn textbook_strings_c_ref() {
        let silberschatz = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
        assert_eq!(fewest_misses(&silberschatz, 3), 9);
        let belady = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
        assert_eq!((fewest_misses(&belady, 3), fewest_misses(&belady, 4)), (7, 6));
    }
}
