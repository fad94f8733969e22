//! Which instance of a component serves a request.

/// How a caller chooses among the instances of a component.
#[derive(Clone, Debug, PartialEq)]
pub enum Balance {
    /// Take turns.
    ///
    /// ```yaml
    /// balance: round_robin
    /// ```
    RoundRobin,
    /// Take turns in proportion to weights, spread evenly (smooth weighted round robin, as nginx does it). Names of
    /// instances or zones with their weights; without any, the weights of the machines (their cores).
    ///
    /// ```yaml
    /// balance: weighted(web/0=5 web/1=1)
    /// ```
    Weighted(Vec<(String, f64)>),
    /// The one with the fewest outstanding requests.
    ///
    /// ```yaml
    /// balance: least_connections
    /// ```
    LeastConnections,
    /// The one with the least unfinished work, as if demands were known in advance.
    ///
    /// ```yaml
    /// balance: least_work
    /// ```
    LeastWork,
    /// Any, with equal probability.
    ///
    /// ```yaml
    /// balance: random
    /// ```
    Random,
    /// Draw so many (with replacement) and take the one with the fewest outstanding requests; the first drawn wins a tie.
    ///
    /// ```yaml
    /// balance: choices(2)
    /// ```
    Choices(u32),
    /// By the value of a key, modulo the number of living instances.
    ///
    /// ```yaml
    /// balance: hash(ip)
    /// ```
    Hash(String),
    /// By the value of a key on a ring with so many points for each instance.
    ///
    /// ```yaml
    /// balance: consistent_hash(user)
    /// ```
    ConsistentHash(String, u32),
    /// The least product of mean latency (over about 10 s) and outstanding requests plus one.
    ///
    /// ```yaml
    /// balance: least_latency
    /// ```
    LeastLatency,
    /// An idle one if there is any, else any with equal probability.
    ///
    /// ```yaml
    /// balance: join_idle
    /// ```
    JoinIdle,
}
