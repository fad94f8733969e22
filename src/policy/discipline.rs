//! Who in a queue is served next.

/// The order of service in a queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Who came first.
    ///
    /// ```yaml
    /// queue: {order: fifo}
    /// ```
    Fifo,
    /// Who came last.
    ///
    /// ```yaml
    /// queue: {order: lifo}
    /// ```
    Lifo,
    /// Who came first while the queue is at most half full, who came last beyond.
    ///
    /// ```yaml
    /// queue: {order: adaptive_lifo}
    /// ```
    AdaptiveLifo,
    /// The highest `priority` of the load first, among equals who came first.
    ///
    /// ```yaml
    /// queue: {order: priority}
    /// ```
    Priority,
    /// The earliest deadline first, among equals who came first; those without one come last.
    ///
    /// ```yaml
    /// queue: {order: deadline}
    /// ```
    Deadline,
    /// The values of a key take turns, each in its own order of arrival.
    ///
    /// ```yaml
    /// queue: {order: fair(user)}
    /// ```
    Fair(String),
}
