//! Balancing over many servers, in the limit of infinitely many.

/// The mean time in system, in mean service times, when each arrival joins the shortest of `d` queues drawn at random
/// (Mitzenmacher 2001: the sum over i >= 1 of `rho^((d^i - d) / (d - 1))`). Infinite from `rho = 1` on.
pub fn power_of_choices(rho: f64, d: u32) -> f64 {
    if 1.0 <= rho {
        return f64::INFINITY;
    }
    if d <= 1 {
        return 1.0 / (1.0 - rho);
    }
    let mut sum = 0.0;
    let mut power = 0.0;
    // The exponents are 0, d, d + d^2, ...: the next is d times one more than the last.
    loop {
        let term = libm::pow(rho, power);
        sum += term;
        if term < 1e-17 * sum {
            return sum;
        }
        power = f64::from(d) * (power + 1.0);
    }
}

/// The share of servers with at least `length` requests under the same policy: `rho^((d^length - 1) / (d - 1))`.
pub fn share_of_longer_queues(rho: f64, d: u32, length: u32) -> f64 {
    let power = (0..length).fold(0.0, |power, _| f64::from(d) * power + 1.0);
    libm::pow(rho, power)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case `lb-p2c-limit`.
    #[test]
    fn lb_p2c_limit_mean_time_in_system() {
        for (rho, expected) in [
            (0.5, [2.0, 1.265686, 1.1252441, 1.03125]),
            (0.7, [3.3333333, 1.6144538, 1.3568422, 1.1680925]),
            (0.8, [5.0, 1.9473634, 1.5808856, 1.3289179]),
            (0.9, [10.0, 2.6140574, 2.027856, 1.6328812]),
            (0.95, [20.0, 3.383046, 2.5351335, 1.9887722]),
            (0.99, [100.0, 5.4319966, 3.8578465, 2.9016828]),
        ] {
            for (d, w) in [1, 2, 3, 5].into_iter().zip(expected) {
                let found = power_of_choices(rho, d);
                assert!((found / w - 1.0).abs() < 1e-6, "{rho} {d}: {found} {w}");
            }
        }
        assert_eq!(power_of_choices(1.0, 2), f64::INFINITY);
    }

    #[test]
    fn the_lengths_of_queues_add_to_littles_law() {
        for d in [1, 2, 3] {
            let mean_length: f64 = (1..2000).map(|length| share_of_longer_queues(0.9, d, length)).sum();
            assert!((mean_length / 0.9 / power_of_choices(0.9, d) - 1.0).abs() < 1e-9, "{d}");
        }
    }
}
