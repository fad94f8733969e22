//! Steady states of queues in closed form.

use super::special::bisect;

/// Erlang B: the share of a Poisson stream that finds all servers of a station without a queue busy. The recursion over
/// the inverse neither overflows nor loses digits (Jagerman 1974).
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    1.0 / (1..=servers).fold(1.0, |inverse, n| 1.0 + inverse * f64::from(n) / load)
}

/// Erlang C: the share of a Poisson stream that has to wait in M/M/c; 1 at or above capacity.
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let (servers_f, blocked) = (f64::from(servers), erlang_b(servers, load));
    if servers_f <= load { 1.0 } else { servers_f * blocked / (servers_f - load * (1.0 - blocked)) }
}

/// Mean wait in M/M/c in units of the mean service time; infinite at or above capacity.
pub fn erlang_c_wait(servers: u32, load: f64) -> f64 {
    let spare = f64::from(servers) - load;
    if spare <= 0.0 { f64::INFINITY } else { erlang_c(servers, load) / spare }
}

/// The load in erlang at which so many servers without a queue turn away that share (the classical traffic table).
pub fn erlang_b_load(servers: u32, blocked: f64) -> f64 {
    let most = f64::from(servers) / (1.0 - blocked);
    bisect(0.0, most, |load| erlang_b(servers, load.max(f64::MIN_POSITIVE)) - blocked)
}

/// Mean time in system, in units of the mean service time, where each arrival takes the shortest of `choices` queues drawn
/// at random among infinitely many (Mitzenmacher 1996): the sum of `load^((d^i - d) / (d - 1))`. Infinite at or above
/// capacity.
pub fn choices_time(load: f64, choices: u32) -> f64 {
    if 1.0 <= load {
        return f64::INFINITY;
    }
    if choices == 1 {
        return 1.0 / (1.0 - load);
    }
    // The exponents follow e' = d e + d, beginning with 0.
    let d = f64::from(choices);
    let (mut exponent, mut sum, mut term) = (0.0, 0.0, 1.0);
    while 1e-17 < term {
        sum += term;
        exponent = d * exponent + d;
        term = libm::pow(load, exponent);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_is_the_textbook_queue() {
        for load in [0.1, 0.5, 0.9] {
            assert!((erlang_b(1, load) - load / (1.0 + load)).abs() < 1e-15);
            assert!((erlang_c(1, load) - load).abs() < 1e-15);
            assert!((erlang_c_wait(1, load) - load / (1.0 - load)).abs() < 1e-13);
        }
        assert_eq!((erlang_c(2, 2.0), erlang_c_wait(2, 2.5)), (1.0, f64::INFINITY));
    }

    #[test]
    fn the_traffic_table_is_the_inverse_of_erlang_b() {
        for (servers, blocked) in [(1, 0.001), (10, 0.02), (100, 0.05)] {
            assert!((erlang_b(servers, erlang_b_load(servers, blocked)) - blocked).abs() < 1e-9);
        }
    }
}
