//! Queues with several servers and exponential service: M/M/c, with a bound, with impatience, with priorities.

use super::erlang::erlang_c;
use super::special::bisect;

/// M/M/c, first come first served. All its times are in the unit the rates are per.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmc {
    /// Arrivals per unit of time.
    pub arrival: f64,
    /// Services per unit of time and server.
    pub service: f64,
    /// Servers.
    pub servers: u64,
}

/// What a queue comes to in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steady {
    /// The share of arrivals turned away at the door.
    pub blocked: f64,
    /// The share of arrivals that leave before their service.
    pub abandoned: f64,
    /// The share of arrivals that find all servers busy.
    pub waiting: f64,
    /// Services completed per unit of time.
    pub throughput: f64,
    /// The mean number in the system.
    pub in_system: f64,
    /// The mean number in the queue.
    pub queued: f64,
    /// The mean time in the queue of those let in.
    pub wait: f64,
    /// The mean time in the system of those let in.
    pub response: f64,
    /// The share of servers busy.
    pub utilisation: f64,
}

impl Mmc {
    /// The load over the capacity.
    pub fn utilisation(&self) -> f64 {
        self.arrival / (self.service * self.servers as f64)
    }

    /// The share of arrivals that wait.
    pub fn waiting(&self) -> f64 {
        erlang_c(self.servers, self.arrival / self.service)
    }

    /// The mean wait; infinite from full load on.
    pub fn wait(&self) -> f64 {
        let spare = self.spare();
        if spare <= 0.0 { f64::INFINITY } else { self.waiting() / spare }
    }

    /// The mean time in the system.
    pub fn response(&self) -> f64 {
        self.wait() + 1.0 / self.service
    }

    /// The mean number in the queue.
    pub fn queued(&self) -> f64 {
        self.arrival * self.wait()
    }

    /// The wait that a share `q` of arrivals does not exceed.
    pub fn wait_quantile(&self, q: f64) -> f64 {
        if self.spare() <= 0.0 {
            return f64::INFINITY;
        }
        (libm::log(self.waiting() / (1.0 - q)) / self.spare()).max(0.0)
    }

    /// The share of arrivals that stay longer than `t`.
    pub fn response_tail(&self, t: f64) -> f64 {
        let (spare, rate, waiting) = (self.spare(), self.service, self.waiting());
        if spare <= 0.0 {
            return 1.0;
        }
        let served = libm::exp(-rate * t);
        // The sum of the wait, exponential with rate `spare` for those who wait, and the service.
        let both = if (spare - rate).abs() < 1e-9 * rate {
            (1.0 + rate * t) * served
        } else {
            (spare * served - rate * libm::exp(-spare * t)) / (spare - rate)
        };
        (1.0 - waiting) * served + waiting * both
    }

    /// The time in the system that a share `q` of arrivals does not exceed.
    pub fn response_quantile(&self, q: f64) -> f64 {
        if self.spare() <= 0.0 {
            return f64::INFINITY;
        }
        let mut high = 1.0 / self.service;
        while 1.0 - q < self.response_tail(high) {
            high *= 2.0;
        }
        bisect(0.0, high, |t| self.response_tail(t) - (1.0 - q))
    }

    fn spare(&self) -> f64 {
        self.service * self.servers as f64 - self.arrival
    }
}

/// M/M/c/K: at most `capacity` in the system, who comes beyond is turned away. Stable at any load.
pub fn bounded(queue: Mmc, capacity: u64) -> Steady {
    let servers = queue.servers.min(capacity);
    let busy = |n: u64| n.min(servers) as f64;
    let weights = birth_death(capacity, |_| queue.arrival, |n| queue.service * busy(n));
    let blocked = weights[capacity as usize];
    let mean = |of: &dyn Fn(u64) -> f64| (0..=capacity).zip(&weights).map(|(n, w)| of(n) * w).sum::<f64>();
    let in_system = mean(&|n| n as f64);
    let queued = mean(&|n| n as f64 - busy(n));
    let admitted = queue.arrival * (1.0 - blocked);
    Steady {
        blocked,
        abandoned: 0.0,
        waiting: weights[servers as usize..capacity as usize].iter().sum(),
        throughput: admitted,
        in_system,
        queued,
        wait: queued / admitted,
        response: in_system / admitted,
        utilisation: (in_system - queued) / servers as f64,
    }
}

/// M/M/c+M (Erlang A): who waits leaves after an exponential time with rate `impatience`. Stable at any load.
pub fn impatient(queue: Mmc, impatience: f64) -> Steady {
    let servers = queue.servers as f64;
    // Far enough out for the rest to vanish: where as many leave as come, and forty deviations more.
    let crowd = servers + queue.arrival / impatience;
    let most = (crowd + 40.0 * crowd.sqrt() + 100.0) as u64;
    let death = |n: u64| {
        let n = n as f64;
        queue.service * n.min(servers) + impatience * (n - servers).max(0.0)
    };
    let weights = birth_death(most, |_| queue.arrival, death);
    let mean = |of: &dyn Fn(f64) -> f64| weights.iter().enumerate().map(|(n, w)| of(n as f64) * w).sum::<f64>();
    let in_system = mean(&|n| n);
    let queued = mean(&|n| (n - servers).max(0.0));
    let throughput = queue.service * (in_system - queued);
    Steady {
        blocked: 0.0,
        abandoned: impatience * queued / queue.arrival,
        waiting: weights[queue.servers as usize..].iter().sum(),
        throughput,
        in_system,
        queued,
        wait: queued / queue.arrival,
        response: in_system / queue.arrival,
        utilisation: (in_system - queued) / servers,
    }
}

/// The mean waits of classes with priority without preemption at M/M/c, all with the same service rate, the most urgent
/// first (Cobham 1954). A class without room for it waits for ever.
pub fn priority_waits(arrivals: &[f64], service: f64, servers: u64) -> Vec<f64> {
    let capacity = service * servers as f64;
    let total: f64 = arrivals.iter().sum();
    // Beyond capacity every arrival finds all servers busy.
    let residual = erlang_c(servers, total / service) / capacity;
    let mut ahead = 0.0;
    let wait = |arrival: &f64| {
        let before = 1.0 - ahead / capacity;
        ahead += arrival;
        let after = 1.0 - ahead / capacity;
        if after <= 0.0 { f64::INFINITY } else { residual / (before * after) }
    };
    arrivals.iter().map(wait).collect()
}

/// The steady distribution of a birth and death process on `0..=most`, scaled on the way so that nothing overflows.
fn birth_death(most: u64, birth: impl Fn(u64) -> f64, death: impl Fn(u64) -> f64) -> Vec<f64> {
    let mut logs = Vec::with_capacity(most as usize + 1);
    let mut log = 0.0;
    logs.push(log);
    for n in 1..=most {
        log += libm::log(birth(n - 1) / death(n));
        logs.push(log);
    }
    let top = logs.iter().copied().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| libm::exp(log - top)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-7 * expected.abs() + 1e-9, "{found} is not {expected}");
    }

    fn mmc(arrival: f64, service: f64, servers: u64) -> Mmc {
        Mmc { arrival, service, servers }
    }

    /// Cases `q-mm1-*`.
    #[test]
    fn q_mm1_waits_and_percentiles() {
        for (arrival, wait, waits, responses) in [
            (30.0, 0.0042857143, [0.0, 0.025596564, 0.048588534], [0.0099021026, 0.042796175, 0.065788146]),
            (50.0, 0.01, [0.0, 0.046051702, 0.07824046], [0.013862944, 0.059914645, 0.092103404]),
            (80.0, 0.04, [0.023500181, 0.13862944, 0.21910133], [0.034657359, 0.14978661, 0.23025851]),
            (90.0, 0.09, [0.058778666, 0.28903718, 0.44998097], [0.069314718, 0.29957323, 0.46051702]),
            (95.0, 0.19, [0.12837078, 0.5888878, 0.91077538], [0.13862944, 0.59914645, 0.92103404]),
        ] {
            let queue = mmc(arrival, 100.0, 1);
            near(queue.wait(), wait);
            near(queue.queued(), arrival * wait);
            for (i, q) in [0.5, 0.95, 0.99].into_iter().enumerate() {
                near(queue.wait_quantile(q), waits[i]);
                near(queue.response_quantile(q), responses[i]);
            }
        }
        assert_eq!(mmc(100.0, 100.0, 1).wait(), f64::INFINITY);
    }

    /// Cases `q-mmc-*`.
    #[test]
    fn q_mmc_waits_and_percentiles() {
        for (arrival, servers, waiting, wait, wait_p95, response_p50, response_p999) in [
            (1.5, 2, 0.64285714, 1.2857143, 5.107799, 1.6880679, 14.317794),
            (3.2, 4, 0.59643247, 0.74554059, 3.0986788, 1.3461991, 9.8796669),
            (4.0, 5, 0.55411255, 0.55411255, 2.4053448, 1.2043949, 8.665942),
            (8.0, 10, 0.40918015, 0.20459008, 1.0510663, 0.91214461, 7.2505572),
            (20.0, 25, 0.20910283, 0.041820565, 0.28616062, 0.74154058, 6.9587104),
            (90.0, 100, 0.21694048, 0.021694048, 0.14676, 0.71692864, 6.9315738),
        ] {
            let queue = mmc(arrival, 1.0, servers);
            near(queue.waiting(), waiting);
            near(queue.wait(), wait);
            near(queue.response(), wait + 1.0);
            near(queue.wait_quantile(0.95), wait_p95);
            near(queue.response_quantile(0.5), response_p50);
            near(queue.response_quantile(0.999), response_p999);
        }
    }

    /// Cases `q-mmck-*`.
    #[test]
    fn q_mmck_bounded_queues() {
        for (queue, capacity, blocked, throughput, in_system, queued, response, utilisation) in [
            (mmc(0.8, 1.0, 1), 5, 0.088819499, 0.7289444, 1.868332, 1.1393876, 2.5630652, 0.7289444),
            (mmc(1.2, 1.0, 1), 10, 0.1925865, 0.96889621, 6.7107087, 5.7418125, 6.9261378, 0.96889621),
            (mmc(3.0, 2.0, 2), 6, 0.060004939, 2.8199852, 2.2456169, 0.83562433, 0.79632224, 0.7049963),
            (mmc(5.0, 1.0, 4), 20, 0.20284288, 3.9857856, 16.270549, 12.284763, 4.0821436, 0.99644639),
        ] {
            let found = bounded(queue, capacity);
            near(found.blocked, blocked);
            near(found.throughput, throughput);
            near(found.in_system, in_system);
            near(found.queued, queued);
            near(found.response, response);
            near(found.utilisation, utilisation);
            near(found.wait, found.response - 1.0 / queue.service);
        }
        // Without a queue it is Erlang B.
        near(bounded(mmc(20.0, 1.0, 10), 10).blocked, 0.53796317);
    }

    /// Cases `q-erla-*`.
    #[test]
    fn q_erla_impatient_customers() {
        let small = impatient(mmc(9.0, 1.0, 10), 1.0);
        near(small.waiting, 0.41259176);
        near(small.abandoned, 0.085912112);
        near(small.queued, 0.773209);
        near(small.throughput, 8.226791);
        near(small.in_system, 9.0);
        let large = impatient(mmc(100.0, 1.0, 100), 0.5);
        near(large.waiting, 0.59670314);
        near(large.abandoned, 0.033030153);
        near(large.queued, 6.6060305);
        near(large.wait, 0.066060305);
        near(large.utilisation, 0.96696985);
        // Far overloaded: what cannot be served leaves.
        near(impatient(mmc(1000.0, 1.0, 10), 1.0).throughput, 10.0);
    }

    /// Cases `q-prio-ciw` and `q-prio-mmc`.
    #[test]
    fn q_prio_priorities_without_preemption() {
        let waits = priority_waits(&[0.2, 0.6], 1.0, 1);
        near(waits[0], 1.0);
        near(waits[1], 5.0);
        let waits = priority_waits(&[1.0, 1.0, 1.4], 1.0, 4);
        near(waits[0], 0.22977207);
        near(waits[1], 0.45954415);
        near(waits[2], 2.2977207);
        let weighted: f64 = waits.iter().zip([1.0, 1.0, 1.4]).map(|(wait, rate)| wait * rate / 3.4).sum();
        near(weighted, mmc(3.4, 1.0, 4).wait());
        assert_eq!(priority_waits(&[0.5, 0.6], 1.0, 1)[1], f64::INFINITY);
    }
}
