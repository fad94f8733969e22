//! Networks of queues: open ones by their traffic equations (Jackson), closed ones by mean value analysis.

use super::multi::Mmc;

/// A closed network with its population in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// Completions per unit of time.
    pub throughput: f64,
    /// The mean time from leaving the thinkers to coming back.
    pub response: f64,
    /// The mean time at each station, in all visits together.
    pub residence: Vec<f64>,
    /// The mean number at each station.
    pub queue: Vec<f64>,
}

/// An open network of M/M/c stations.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Arrivals at each station, from outside and from inside.
    pub arrivals: Vec<f64>,
    /// The utilisation of each station.
    pub utilisation: Vec<f64>,
    /// The mean time of one visit to each station.
    pub response: Vec<f64>,
    /// The mean time in the network; infinite if any station is overloaded.
    pub total: f64,
}

/// The rates at which stations are visited: `external` from outside, `routing[i][j]` the share that goes on from i to j (the
/// rest leaves). `None` if something circulates for ever.
pub fn traffic(external: &[f64], routing: &[Vec<f64>]) -> Option<Vec<f64>> {
    let n = external.len();
    // (1 - P^T) x = external, one row for each station and the right side in the last column.
    let cell = |i: usize, j: usize| f64::from(u8::from(i == j)) - routing[j][i];
    let mut rows: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| cell(i, j)).chain([external[i]]).collect()).collect();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        rows.swap(column, pivot);
        let (above, below) = rows.split_at_mut(column + 1);
        let lead = &above[column];
        if lead[column].abs() < 1e-12 {
            return None;
        }
        for row in below.iter_mut().filter(|row| row[column] != 0.0) {
            let factor = row[column] / lead[column];
            row.iter_mut().zip(lead).skip(column).for_each(|(cell, lead)| *cell -= factor * lead);
        }
    }
    let mut rates = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * rates[j]).sum();
        rates[i] = (rows[i][n] - known) / rows[i][i];
    }
    // Rounding aside, a negative rate means that more comes out of a loop than goes in.
    let least = -1e-9 * rates.iter().copied().fold(0.0, f64::max);
    rates
        .iter()
        .all(|rate| least <= *rate && rate.is_finite())
        .then(|| rates.iter().map(|rate| rate.max(0.0)).collect())
}

/// An open network of stations with (service rate, servers), by Jackson's theorem: each is M/M/c on its own.
pub fn jackson(external: &[f64], routing: &[Vec<f64>], stations: &[(f64, u64)]) -> Option<Open> {
    let arrivals = traffic(external, routing)?;
    let queues = || {
        let pairs = arrivals.iter().zip(stations);
        pairs.map(|(&arrival, &(service, servers))| Mmc { arrival, service, servers })
    };
    let response: Vec<f64> = queues().map(|queue| queue.response()).collect();
    let entering: f64 = external.iter().sum();
    let inside: f64 = arrivals.iter().zip(&response).map(|(arrival, response)| arrival * response).sum();
    let utilisation = queues().map(|queue| queue.utilisation()).collect();
    Some(Open { utilisation, total: inside / entering, arrivals, response })
}

/// A closed network of single-server stations with these demands (visits times service time), thinkers outside, and so
/// many customers: exact mean value analysis (Reiser and Lavenberg 1980).
pub fn mean_value_analysis(demands: &[f64], think: f64, population: u32) -> Closed {
    let stations = demands.len();
    let (residence, queue) = (vec![0.0; stations], vec![0.0; stations]);
    let mut network = Closed { throughput: 0.0, response: 0.0, residence, queue };
    for customers in 1..=population {
        for (i, demand) in demands.iter().enumerate() {
            network.residence[i] = demand * (1.0 + network.queue[i]);
        }
        network.response = network.residence.iter().sum();
        network.throughput = f64::from(customers) / (think + network.response);
        for (queue, residence) in network.queue.iter_mut().zip(&network.residence) {
            *queue = network.throughput * residence;
        }
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-7 * expected.abs() + 1e-9, "{found} is not {expected}");
    }

    fn all_near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).for_each(|(found, expected)| near(*found, *expected));
    }

    /// Case `q-jackson-tandem`.
    #[test]
    fn q_jackson_tandem() {
        let routing = vec![vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 1.0], vec![0.0; 3]];
        let found = jackson(&[8.0, 0.0, 0.0], &routing, &[(10.0, 1), (5.0, 2), (12.0, 1)]).expect("it is open");
        all_near(&found.response, &[0.5, 0.55555556, 0.25]);
        all_near(&found.utilisation, &[0.8, 0.8, 0.66666667]);
        near(found.total, 1.3055556);
    }

    /// Case `q-jackson-feedback`.
    #[test]
    fn q_jackson_feedback() {
        let routing = vec![vec![0.0, 0.6, 0.3], vec![0.5, 0.0, 0.0], vec![0.4, 0.1, 0.0]];
        let found = jackson(&[2.0, 0.0, 1.0], &routing, &[(8.0, 1), (7.0, 1), (4.0, 1)]).expect("it is open");
        all_near(&found.arrivals, &[4.3362832, 2.8318584, 2.300885]);
        all_near(&found.utilisation, &[0.5420354, 0.4045512, 0.57522124]);
        near(found.total, 1.0723824);
    }

    #[test]
    fn what_never_leaves_has_no_rates() {
        assert_eq!(traffic(&[1.0, 0.0], &[vec![0.0, 1.0], vec![1.0, 0.0]]), None);
        // A call that calls itself twice on average.
        assert_eq!(traffic(&[1.0], &[vec![2.0]]), None);
        assert_eq!(traffic(&[1.0], &[vec![0.5]]), Some(vec![2.0]));
        assert_eq!(traffic(&[], &[]), Some(vec![]));
        let overloaded = jackson(&[2.0], &[vec![0.0]], &[(1.0, 1)]).expect("it is open");
        assert_eq!((overloaded.utilisation[0], overloaded.total), (2.0, f64::INFINITY));
    }

    /// Cases `q-mva-*`.
    #[test]
    fn q_mva_closed_networks() {
        let lazowska = [0.605, 2.1, 1.35];
        for (customers, throughput, response, queue) in [
            (1, 0.052479664, 4.055, [0.031750197, 0.11020729, 0.070847547]),
            (3, 0.15151649, 4.7998248, [0.097566019, 0.39465655, 0.23503004]),
            (10, 0.40020462, 9.9872176, [0.31157333, 2.6561697, 1.0291877]),
            (50, 0.47619047, 90.000001, [0.40468227, 40.652461, 1.7999996]),
        ] {
            let found = mean_value_analysis(&lazowska, 15.0, customers);
            near(found.throughput, throughput);
            near(found.response, response);
            all_near(&found.queue, &queue);
        }
        let jain = mean_value_analysis(&[2.0, 3.0, 1.0], 4.0, 10);
        near(jain.throughput, 0.32819324);
        all_near(&jain.residence, &[5.3391437, 19.653607, 1.4771029]);
        let seng = mean_value_analysis(&[0.5, 1.0], 1.0, 2);
        near(seng.throughput, 0.66666667);
        all_near(&seng.queue, &[0.4, 0.93333333]);
    }
}
