//! Queues with general service or general arrivals: M/G/1, M/D/1, G/M/1, processor sharing, and the approximation of
//! Allen and Cunneen for several servers.

use super::erlang::erlang_c;
use super::special::bisect;

/// The mean wait at M/G/1 (Pollaczek and Khinchine): arrivals per time, mean service, its squared variation.
pub fn mg1_wait(arrival: f64, mean: f64, scv: f64) -> f64 {
    let rho = arrival * mean;
    if 1.0 <= rho { f64::INFINITY } else { rho * mean * (1.0 + scv) / (2.0 * (1.0 - rho)) }
}

/// The second moment of the wait at M/G/1, from the first three moments of the service.
pub fn mg1_wait_squared(arrival: f64, moments: [f64; 3]) -> f64 {
    let rho = arrival * moments[0];
    if 1.0 <= rho {
        return f64::INFINITY;
    }
    let wait = arrival * moments[1] / (2.0 * (1.0 - rho));
    2.0 * wait * wait + arrival * moments[2] / (3.0 * (1.0 - rho))
}

/// The mean wait at G/G/c after Allen and Cunneen: that of M/M/c times the mean of the two squared variations. Exact for
/// M/M/c and M/G/1, within some percent otherwise.
pub fn allen_cunneen_wait(arrival: f64, mean: f64, servers: u64, arrival_scv: f64, service_scv: f64) -> f64 {
    let spare = servers as f64 / mean - arrival;
    if spare <= 0.0 {
        return f64::INFINITY;
    }
    erlang_c(servers, arrival * mean) / spare * 0.5 * (arrival_scv + service_scv)
}

/// The mean time in the system at M/G/1 under processor sharing of a request that needs `demand`: whatever the
/// distribution of demands.
pub fn sharing_response(rho: f64, demand: f64) -> f64 {
    if 1.0 <= rho { f64::INFINITY } else { demand / (1.0 - rho) }
}

/// M/D/1, with the distribution of the wait.
#[derive(Clone, Debug)]
pub struct Md1 {
    arrival: f64,
    service: f64,
    /// The probabilities of at most n in the queue.
    cumulated: Vec<f64>,
}

/// G/M/1, with exponential service and any gaps between arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gm1 {
    /// Services per unit of time.
    pub service: f64,
    /// The share of arrivals that wait.
    pub waiting: f64,
}

impl Md1 {
    /// The queue with so many arrivals per unit of time and this service time; `None` from full load on.
    pub fn new(arrival: f64, service: f64) -> Option<Md1> {
        let rho = arrival * service;
        if 1.0 <= rho {
            return None;
        }
        // How many arrive during a service, and the tail of that: summed from the far end, so that it is exact there too.
        let mut tails = vec![libm::exp(-rho)];
        let none = tails[0];
        while let (n, Some(last)) = (tails.len() as f64, tails.last().copied().filter(|last| 1e-25 < *last)) {
            tails.push(last * rho / n);
        }
        for n in (0..tails.len() - 1).rev() {
            tails[n] += tails[n + 1];
        }
        // The number left behind by a departure, by balancing the flow across each cut: nothing is subtracted.
        let mut states = vec![1.0 - rho];
        while states.len() < 3 || 1e-17 < states[states.len() - 1] {
            let i = states.len();
            let from = |j: usize| states[j] * tails.get(i + 1 - j).copied().unwrap_or(0.0);
            let first = (i + 1).saturating_sub(tails.len()).clamp(1, i);
            let mut up: f64 = (first..i).map(from).sum();
            up += states[0] * tails.get(i).copied().unwrap_or(0.0);
            states.push(up / none);
        }
        let mut total = states[0];
        let cumulated = states[1..].iter().map(|state| {
            total += state;
            total
        });
        Some(Md1 { arrival, service, cumulated: cumulated.collect() })
    }

    /// The share of arrivals that wait at most `t` (Franx 2001).
    pub fn wait_cdf(&self, t: f64) -> f64 {
        if t < 0.0 {
            return 0.0;
        }
        let whole = (t / self.service).floor();
        let rest = self.arrival * ((whole + 1.0) * self.service - t);
        let mut weight = libm::exp(-rest);
        let mut sum = 0.0;
        for j in 0..=whole as usize {
            let queued = whole as usize - j;
            sum += weight * self.cumulated.get(queued).copied().unwrap_or(1.0);
            weight *= rest / (j + 1) as f64;
        }
        sum
    }

    /// The wait that a share `q` of arrivals does not exceed.
    pub fn wait_quantile(&self, q: f64) -> f64 {
        if q <= self.wait_cdf(0.0) {
            return 0.0;
        }
        let mut high = self.service;
        while self.wait_cdf(high) < q {
            high *= 2.0;
        }
        bisect(0.0, high, |t| self.wait_cdf(t) - q)
    }
}

impl Gm1 {
    /// The queue whose gaps between arrivals have the Laplace transform `gaps`: for a constant gap g it is `exp(-s g)`.
    /// `arrival` is the rate of arrivals; `None` from full load on.
    pub fn new(arrival: f64, service: f64, gaps: impl Fn(f64) -> f64) -> Option<Gm1> {
        if service <= arrival {
            return None;
        }
        // The root below 1 of sigma = gaps(service (1 - sigma)); the difference is positive before it, negative after.
        let waiting = bisect(0.0, 1.0 - 1e-9, |sigma| sigma - gaps(service * (1.0 - sigma)));
        Some(Gm1 { service, waiting })
    }

    /// Gaps that are all the same.
    pub fn with_constant_gaps(arrival: f64, service: f64) -> Option<Gm1> {
        Gm1::new(arrival, service, |s| libm::exp(-s / arrival))
    }

    /// Gaps with an Erlang distribution of `k` phases: what each of k servers behind round robin sees.
    pub fn with_erlang_gaps(arrival: f64, service: f64, k: u32) -> Option<Gm1> {
        let k = f64::from(k);
        Gm1::new(arrival, service, |s| libm::pow(k * arrival / (k * arrival + s), k))
    }

    /// The mean wait.
    pub fn wait(&self) -> f64 {
        self.waiting / (self.service * (1.0 - self.waiting))
    }

    /// The wait that a share `q` of arrivals does not exceed.
    pub fn wait_quantile(&self, q: f64) -> f64 {
        (libm::log(self.waiting / (1.0 - q)) / (self.service * (1.0 - self.waiting))).max(0.0)
    }

    /// The time in the system that a share `q` of arrivals does not exceed.
    pub fn response_quantile(&self, q: f64) -> f64 {
        -libm::log1p(-q) / (self.service * (1.0 - self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 2e-7 * expected.abs() + 1e-9, "{found} is not {expected}");
    }

    /// Cases `q-md1-*`.
    #[test]
    fn q_md1_waits_and_percentiles() {
        for (rho, wait, squared, percentiles) in [
            (0.5, 0.5, 0.83333333, [0.0, 2.0506384, 3.336256]),
            (0.8, 2.0, 9.3333333, [1.2759399, 6.620325, 10.355887]),
            (0.9, 4.5, 43.5, [3.0130475, 14.128674, 21.898237]),
        ] {
            near(mg1_wait(rho, 1.0, 0.0), wait);
            near(mg1_wait_squared(rho, [1.0; 3]), squared);
            let queue = Md1::new(rho, 1.0).expect("it is stable");
            near(queue.wait_cdf(0.0), 1.0 - rho);
            for (q, value) in [0.5, 0.95, 0.99].into_iter().zip(percentiles) {
                near(queue.wait_quantile(q), value);
                // The unit of time does not matter.
                near(Md1::new(rho * 100.0, 0.01).expect("it is stable").wait_quantile(q), value * 0.01);
            }
        }
        assert!(Md1::new(1.0, 1.0).is_none());
        assert!((Md1::new(0.99, 1.0).expect("it is stable").wait_cdf(1000.0) - 1.0).abs() < 1e-8);
    }

    /// Cases `q-mg1-logn-*` and `q-mh2-1`.
    #[test]
    fn q_mg1_pollaczek_khinchine() {
        for (rho, scv, wait, squared) in
            [(0.7, 0.25, 1.4583333, 5.7725694), (0.7, 2.0, 3.5, 45.5), (0.8, 4.0, 10.0, 366.66667)]
        {
            near(mg1_wait(rho, 1.0, scv), wait);
            // The moments of a lognormal with mean 1.
            let third = (1.0 + scv) * (1.0 + scv) * (1.0 + scv);
            near(mg1_wait_squared(rho, [1.0, 1.0 + scv, third]), squared);
        }
        near(mg1_wait(0.7, 1.0, 4.0), 5.8333333);
        assert_eq!(mg1_wait(1.0, 1.0, 1.0), f64::INFINITY);
    }

    /// Cases `q-Dm1`, `q-E2m1` and `q-E10m1`.
    #[test]
    fn q_gm1_waits_and_percentiles() {
        for (queue, waiting, wait, p50, p95, p99, response_p99) in [
            (Gm1::with_constant_gaps(0.8, 1.0), 0.6286298, 1.6927308, 0.61645879, 6.8167007, 11.150484, 12.400484),
            (Gm1::with_erlang_gaps(0.8, 1.0, 2), 0.73985295, 2.8439798, 1.5062379, 10.357328, 16.543975, 17.702181),
            (Gm1::with_erlang_gaps(0.8, 1.0, 10), 0.65780018, 1.9222692, 0.80155828, 7.5303317, 12.233543, 13.457547),
        ] {
            let queue = queue.expect("it is stable");
            near(queue.waiting, waiting);
            near(queue.wait(), wait);
            near(queue.wait_quantile(0.5), p50);
            near(queue.wait_quantile(0.95), p95);
            near(queue.wait_quantile(0.99), p99);
            near(queue.response_quantile(0.99), response_p99);
        }
        // Exponential gaps give M/M/1.
        near(Gm1::with_erlang_gaps(0.8, 1.0, 1).expect("it is stable").waiting, 0.8);
        assert!(Gm1::with_constant_gaps(1.0, 1.0).is_none());
    }

    /// Cases `q-ggc-*`, the approximation.
    #[test]
    fn q_ggc_allen_cunneen() {
        near(allen_cunneen_wait(3.2, 1.0, 4, 1.0, 2.0), 1.1183109);
        near(allen_cunneen_wait(14.4, 1.0, 16, 1.0, 2.0), 0.55438443);
        near(allen_cunneen_wait(4.0, 1.0, 5, 4.0, 1.0), 1.3852814);
        assert_eq!(allen_cunneen_wait(5.0, 1.0, 5, 1.0, 1.0), f64::INFINITY);
    }

    /// Cases `q-mg1ps-*`.
    #[test]
    fn q_mg1ps_processor_sharing() {
        near(sharing_response(0.7, 1.0), 3.3333333);
        near(sharing_response(0.7, 0.1), 0.33333333);
    }
}
