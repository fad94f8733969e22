//! Balancers with a `ttl`: name services, which are no hop.

use crate::fields::reader::Reader;
use crate::scenario::values::inert;

/// A balancer that is a name service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Naming {
    /// Seconds for which callers keep an answer.
    pub ttl_s: f64,
    /// Share of callers that keep it for ever.
    pub ignore: f64,
}

/// What a hop has and a name service has not.
pub(super) const OF_HOPS: &[&str] = &[
    "machine",
    "on",
    "instances",
    "place",
    "workers",
    "waits",
    "queue",
    "sticky",
    "prefer",
    "rate_limit",
    "cores",
    "memory",
    "disk",
    "nic",
    "speed",
    "scheduling",
    "price",
    "boot",
    "warm",
    "drain",
    "autoscale",
];

/// Reads `ttl` and `ignore_ttl`.
pub(super) fn naming(r: &mut Reader) -> Option<Naming> {
    if !r.has("ttl") {
        inert(r, &["ignore_ttl"], "without `ttl`, which makes a balancer a name service");
        return None;
    }
    inert(r, OF_HOPS, "with `ttl`: a name service is no hop");
    let ignore = r.share("ignore_ttl");
    let ignore = r.within("ignore_ttl", ignore, 0.0, 1.0).map_or(0.0, |share| share.value);
    let ttl_s = r.time("ttl").map_or(60.0, |time| time.value);
    Some(Naming { ttl_s, ignore })
}
