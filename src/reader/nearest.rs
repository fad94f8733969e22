//! What somebody surely meant: a known name few letters away, or our word for what other tools call otherwise.

/// Our words for those of other tools and of everyday speech, in the order of the alphabet; the first that is known where
/// the other one was written is proposed.
pub const SYNONYMS: &[(&str, &[&str])] = &[
    ("alb", &["balancer"]),
    ("algorithm", &["balance"]),
    ("api", &["service"]),
    ("app", &["service"]),
    ("assertions", &["objectives"]),
    ("autoscaling", &["autoscale"]),
    ("backends", &["targets"]),
    ("backup", &["replicas"]),
    ("base", &["extends"]),
    ("branch", &["choose"]),
    ("bucket", &["store"]),
    ("bulkhead", &["pool"]),
    ("cache", &["cached"]),
    ("chaos", &["faults"]),
    ("circuit_breaker", &["breaker"]),
    ("cloudfront", &["cdn"]),
    ("compensate", &["undo"]),
    ("compensation", &["undo"]),
    ("compute", &["cpu", "service"]),
    ("concurrency", &["workers"]),
    ("concurrent_users", &["clients"]),
    ("count", &["instances", "times"]),
    ("cpus", &["cores"]),
    ("db", &["database"]),
    ("dead_letter", &["redelivery"]),
    ("delay", &["wait"]),
    ("dlq", &["redelivery"]),
    ("dynamodb", &["database"]),
    ("elb", &["balancer"]),
    ("else", &["miss", "fallback"]),
    ("emit", &["publish"]),
    ("endpoints", &["operations", "requests"]),
    ("error", &["fail", "errors"]),
    ("error_rate", &["errors"]),
    ("eviction_policy", &["eviction"]),
    ("expiration", &["ttl"]),
    ("expiry", &["ttl"]),
    ("failure_rate", &["errors"]),
    ("failures", &["faults", "errors"]),
    ("fork", &["parallel"]),
    ("fraction", &["share", "weight"]),
    ("goals", &["objectives"]),
    ("hit_rate", &["hit_ratio"]),
    ("if", &["choose", "when"]),
    ("include", &["extends"]),
    ("instance_type", &["machine"]),
    ("instances", &["replicas"]),
    ("invoke", &["call"]),
    ("items", &["entries"]),
    ("kafka", &["log"]),
    ("kinesis", &["log"]),
    ("lambda", &["function"]),
    ("lb", &["balancer"]),
    ("load_balancer", &["balancer"]),
    ("loadbalancer", &["balancer"]),
    ("loop", &["each"]),
    ("max_age", &["ttl"]),
    ("max_attempts", &["attempts", "redelivery"]),
    ("max_connections", &["connections", "workers"]),
    ("max_entries", &["entries"]),
    ("max_length", &["depth", "limit"]),
    ("max_retries", &["retry", "attempts"]),
    ("max_size", &["limit", "depth", "memory"]),
    ("memcached", &["cache"]),
    ("microservice", &["service"]),
    ("mongodb", &["database"]),
    ("mutex", &["lock"]),
    ("mysql", &["database"]),
    ("nginx", &["balancer"]),
    ("nodes", &["instances", "components"]),
    ("on_failure", &["fallback"]),
    ("on_miss", &["miss"]),
    ("origin", &["backing"]),
    ("outlier_detection", &["eject"]),
    ("params", &["let"]),
    ("period", &["every"]),
    ("pgbouncer", &["pooler"]),
    ("policy", &["eviction", "balance"]),
    ("pool_size", &["size", "connections"]),
    ("postgres", &["database"]),
    ("postgresql", &["database"]),
    ("probability", &["share", "weight"]),
    ("proxy", &["gateway", "balancer"]),
    ("qps", &["rate", "throughput"]),
    ("rabbitmq", &["queue"]),
    ("ram", &["memory"]),
    ("rds", &["database"]),
    ("redis", &["cache"]),
    ("repeat", &["each"]),
    ("replicas", &["instances", "replication"]),
    ("reply", &["respond"]),
    ("response_time", &["latency"]),
    ("return", &["respond"]),
    ("rollback", &["undo", "roll_back"]),
    ("rpc", &["call"]),
    ("rps", &["rate", "throughput"]),
    ("s3", &["store"]),
    ("send", &["publish"]),
    ("serverless", &["function"]),
    ("servers", &["instances", "targets"]),
    ("service_time", &["cpu", "service"]),
    ("services", &["components"]),
    ("settings", &["run"]),
    ("simulation", &["run"]),
    ("size", &["memory", "bytes", "limit"]),
    ("sleep", &["wait"]),
    ("slo", &["objectives"]),
    ("slos", &["objectives"]),
    ("sns", &["queue"]),
    ("source", &["backing"]),
    ("sqs", &["queue"]),
    ("strategy", &["balance", "how"]),
    ("switch", &["choose"]),
    ("think_time", &["think"]),
    ("third_party", &["external"]),
    ("threads", &["workers"]),
    ("throttle", &["rate_limit"]),
    ("to", &["targets", "backing"]),
    ("topic", &["log"]),
    ("tps", &["rate", "throughput"]),
    ("traffic", &["load"]),
    ("try", &["attempts"]),
    ("upstreams", &["targets"]),
    ("variables", &["let"]),
    ("vars", &["let"]),
    ("vcpus", &["cores"]),
    ("virtual_users", &["clients"]),
    ("visibility_timeout", &["visibility"]),
    ("vus", &["clients"]),
    ("web", &["service"]),
    ("workload", &["load"]),
];

/// The known name a wrong one was surely meant to be.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = name.to_lowercase().replace('-', "_");
    let edits = |candidate: &str| strsim::osa_distance(&lower, candidate);
    let likeness = |candidate: &str| strsim::jaro_winkler(&lower, candidate);
    // Two edits in five letters; of words of four letters any two would be near each other.
    let close = |known: &str| edits(known) < known.len() && edits(known) <= (known.len() * 2 / 5).max(1);
    let near = known.iter().copied().filter(|known| close(known) || 0.85 < likeness(known));
    let near = near.min_by(|a, b| edits(a).cmp(&edits(b)).then(likeness(b).total_cmp(&likeness(a))));
    let is_slip = near.is_some_and(|near| 3 < lower.len() && edits(near) < 2);
    if is_slip { near } else { synonym(&lower, known).or(near) }
}

fn synonym<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (_, ours) = SYNONYMS.iter().find(|(theirs, _)| *theirs == name)?;
    ours.iter().find_map(|our| known.iter().copied().find(|known| known == our))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_come_first_then_the_words_of_others_then_what_looks_alike() {
        let known = ["on", "like", "memory", "replicas", "targets", "ttl"];
        assert_eq!(nearest("replcas", &known), Some("replicas"));
        assert_eq!(nearest("Size", &known), Some("memory"));
        assert_eq!(nearest("to", &known), Some("targets"));
        assert_eq!(nearest("max-age", &known), Some("ttl"));
        assert_eq!(nearest("size", &["like", "on"]), None);
        assert_eq!(nearest("size", &["sizes", "bytes"]), Some("sizes"));
        assert!(SYNONYMS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
