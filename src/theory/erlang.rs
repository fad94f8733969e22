//! Erlang's formulas, by recursions that neither overflow nor cancel. Loads are in erlang: arrival rate times service time.

use super::special::bisect;

/// The probability that an arrival finds all servers busy and is lost (Erlang B).
pub fn erlang_b(servers: u64, load: f64) -> f64 {
    (1..=servers).fold(1.0, |blocking, k| load * blocking / (k as f64 + load * blocking))
}

/// The probability that an arrival has to wait (Erlang C); 1 from full load on.
pub fn erlang_c(servers: u64, load: f64) -> f64 {
    let c = servers as f64;
    if c <= load {
        return 1.0;
    }
    let blocking = erlang_b(servers, load);
    c * blocking / (c - load * (1.0 - blocking))
}

/// The load that so many servers carry with this share lost: the classical table.
pub fn load_for_blocking(servers: u64, blocking: f64) -> f64 {
    let mut high = 1.0;
    while erlang_b(servers, high) < blocking {
        high *= 2.0;
    }
    bisect(0.0, high, |load| erlang_b(servers, load) - blocking)
}

/// The fewest servers that lose at most this share.
pub fn servers_for_blocking(load: f64, blocking: f64) -> u64 {
    let (mut servers, mut lost) = (0u64, 1.0);
    while blocking < lost {
        servers += 1;
        lost = load * lost / (servers as f64 + load * lost);
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case `q-erlb-table`.
    #[test]
    fn q_erlb_table_inverse() {
        let rows = [
            (1, [0.001001001, 0.01010101, 0.020408163, 0.052631579]),
            (2, [0.045755934, 0.15259329, 0.22346682, 0.38131568]),
            (5, [0.76211469, 1.3607868, 1.6571431, 2.2184723]),
            (10, [3.092045, 4.4611769, 5.0840046, 6.215707]),
            (20, [9.4114533, 12.030615, 13.181538, 15.249257]),
            (30, [16.683856, 20.337286, 21.931565, 24.801805]),
            (50, [32.511853, 37.901398, 40.255144, 44.533053]),
            (100, [75.241983, 84.064159, 87.971983, 95.240375]),
        ];
        for (servers, loads) in rows {
            for (blocking, load) in [0.001, 0.01, 0.02, 0.05].into_iter().zip(loads) {
                let found = load_for_blocking(servers, blocking);
                assert!((found / load - 1.0).abs() < 1e-6, "{servers} {blocking}: {found} {load}");
                assert_eq!(servers_for_blocking(load * 0.999_999, blocking), servers);
            }
        }
    }

    /// Cases `q-erlb-*`.
    #[test]
    fn q_erlb_blocking() {
        for (load, servers, blocking) in [
            (5.0, 1, 0.83333333),
            (20.0, 10, 0.53796317),
            (200.0, 190, 0.088696844),
            (123.0, 132, 0.031242821),
            (8.0, 10, 0.12166106),
            (100.0, 117, 0.0097900711),
        ] {
            assert!((erlang_b(servers, load) / blocking - 1.0).abs() < 1e-7, "{load} {servers}");
        }
    }

    /// Cases `q-erlc-123` and `q-erlc-12345`.
    #[test]
    fn q_erlc_waiting() {
        assert!((erlang_c(132, 123.0) - 0.32111618).abs() < 1e-8);
        assert!((erlang_c(12_421, 12_345.0) - 0.38122502).abs() < 1e-8);
        assert_eq!((erlang_c(4, 4.0), erlang_c(4, 0.0)), (1.0, 0.0));
    }
}
