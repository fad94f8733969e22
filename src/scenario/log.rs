//! `kind: log`: topics that are appended to and read in their order, on brokers that keep copies of each other.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::distribution::{self, Distribution};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::policy::delivery::Redelivery;
use crate::scenario::broker::{REDELIVERY, redelivery};
use crate::scenario::component::{ABSTRACT, BOOT, HEALTH, INSTANCES, KIND, LIKE, OPERATIONS, PREFER, WORKERS};
use crate::scenario::machine::{CORES, DISK_FIELD, MEMORY, NIC, ON, OWN, PLACE, PRICE, SCHEDULING, SPEED};
use crate::scenario::policy::RATE_LIMIT;
use crate::scenario::values::{Env, count, draw, letters, name};
use crate::scenario::{Named, Reference};
use crate::units::Dimension;

/// A log: its brokers are the instances.
#[derive(Clone, Debug)]
pub struct Log {
    pub topics: Named<LogTopic>,
    /// Copies of each partition, the leader's too, and how many of them must be in step for `acks: all`.
    pub factor: u32,
    pub min_isr: u32,
    /// Seconds from the death of a broker until others lead its partitions, and it no longer counts.
    pub election: Distribution,
    /// Seconds that a copy may be behind and still counts.
    pub behind_s: f64,
}

/// A topic of a log.
#[derive(Clone, Debug)]
pub struct LogTopic {
    pub partitions: u32,
    /// Whose values decide on the partition.
    pub key: Option<Reference>,
    /// Seconds and bytes (of a partition) that are kept.
    pub keep_s: Option<f64>,
    pub keep_bytes: Option<f64>,
    /// What compression leaves of the bytes.
    pub compression: f64,
    /// Seconds within which the same event is taken once.
    pub deduplicate_s: Option<f64>,
    pub redelivery: Redelivery,
    /// Where messages go that were tried too often.
    pub then: Option<Reference>,
}

static REPLICATION: Table = Table {
    name: "copies of a partition",
    about: "Copies of each partition on different brokers",
    fields: &[
        Field::new("factor", Shape::Count, "3", "Copies, the leader's too").or("1"),
        Field::new("min_isr", Shape::Count, "2", "How many of them must be in step before `acks: all` takes anything")
            .or("1"),
        Field::new("behind", Shape::Time, "30s", "A copy that has been behind for so long no longer counts").or("30s"),
    ],
};
static RETENTION: Table = Table {
    name: "retention",
    about: "How long messages are kept, whether they were read or not",
    fields: &[
        Field::new("time", Shape::Time, "7d", "How long"),
        Field::new("bytes", Shape::Bytes, "100GB", "How much of each partition"),
    ],
};
static TOPIC: Table = Table {
    name: "topic",
    about: "A stream of messages in partitions; order holds inside a partition only",
    fields: &[
        Field::new("partitions", Shape::Count, "12", "How many; each is read by one consumer of a group").or("1"),
        Field::new(
            "key",
            Shape::Name(Thing::Key),
            "user",
            "Messages with the same value are in the same partition; without a key each batch of a publisher goes to one by chance",
        ),
        Field::new(
            "retention",
            Shape::Object(&RETENTION),
            "{time: 7d}",
            "How long messages are kept; without it for ever",
        ),
        Field::new("compression", Shape::Share, "40%", "What compression by the publisher leaves of the bytes")
            .or("100%"),
        Field::new("deduplicate", Shape::Time, "2m", "A message that was sent again within that time is taken once"),
        Field::new(
            "redelivery",
            Shape::Object(&REDELIVERY),
            "{attempts: 3, backoff: constant(1s), then: failed}",
            "What happens to a message whose work failed; those behind it in its partition wait meanwhile",
        ),
    ],
};
static MAP_OF_TOPICS: Shape = Shape::Object(&TOPIC);

/// A log.
pub static LOG: Table = Table {
    name: "log",
    about: "Topics that are appended to, kept, and read in their order; each topic is an operation, besides `fetch` and `commit`",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field::new(
            "topics",
            Shape::MapOf(&MAP_OF_TOPICS),
            "{clicks: {partitions: 12, key: user, retention: {time: 7d}}}",
            "Its topics",
        )
        .required(),
        Field::new("replication", Shape::Object(&REPLICATION), "{factor: 3, min_isr: 2}", "Copies of each partition")
            .or("{factor: 1, min_isr: 1}"),
        Field::new(
            "election",
            Shape::Distribution(Dimension::Time),
            "uniform(9s 10s)",
            "Time from the death of a broker until others lead its partitions: until it is missed, and until they have agreed",
        )
        .or("uniform(9s 10s)"),
        OWN,
        ON,
        INSTANCES,
        PLACE,
        Field {
            about: "What it costs a broker to append one batch to a topic (by its name), to hand out a batch (`fetch`) and to note how far a group has come (`commit`)",
            example: "{clicks: {cpu: 20us}, fetch: {cpu: 10us}}",
            ..OPERATIONS
        },
        Field {
            default: Some("none"),
            about: "Requests that a broker works on at the same time; the others queue",
            ..WORKERS
        },
        HEALTH,
        PREFER,
        RATE_LIMIT,
        CORES,
        MEMORY,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
    ],
};

/// Reads what is special about a log on so many brokers.
pub(super) fn log(r: &mut Reader, env: &mut Env, brokers: u32) -> Log {
    let mut topics = Named::new();
    for (key, node) in r.map("topics") {
        let owner = letters(key);
        let topic = topic(&mut Reader::new(owner, node, &TOPIC, r.diags()));
        topics.insert(key.value.clone(), Spotted::new(topic, owner));
        if ["fetch", "commit"].contains(&key.value.as_str()) {
            let message = format!("`{}` is what consumers ask of a log, so no topic has that name", key.value);
            r.tell(Diagnostic::new(Code::NameClash, owner, message));
        }
    }
    if topics.is_empty() && r.has("topics") {
        let told = Diagnostic::new(Code::MissingField, r.key("topics"), "a log has at least one topic");
        r.tell(told.help("add one: `topics: {clicks: {partitions: 12}}`"));
    }
    let (mut factor, mut min_isr, mut behind_s) = (1, 1, BEHIND_S);
    if let Some(mut r) = r.object("replication") {
        factor = count(&mut r, "factor", 1).unwrap_or(1);
        min_isr = count(&mut r, "min_isr", 1).unwrap_or(1);
        behind_s = r.positive_time("behind").unwrap_or(BEHIND_S);
    }
    if brokers < factor || factor < min_isr {
        let message = if brokers < factor {
            format!("{factor} copies need as many brokers, and there are {brokers}")
        } else {
            format!("of {factor} copies {min_isr} can never be in step")
        };
        let told = Diagnostic::new(Code::ImpossibleQuorum, r.key("replication"), message);
        r.tell(told.help("add `instances`, or ask for fewer"));
    }
    let election = draw(r, env, "election", Dimension::Time)
        .unwrap_or_else(|| distribution::parse("uniform(9s 10s)", Dimension::Time).expect("the default can be read"));
    Log { topics, factor: factor.min(brokers.max(1)), min_isr: min_isr.min(factor), election, behind_s }
}

/// `replica.lag.time.max.ms` of Kafka.
const BEHIND_S: f64 = 30.0;

fn topic(r: &mut Reader) -> LogTopic {
    let (mut keep_s, mut keep_bytes) = (None, None);
    if let Some(mut r) = r.object("retention") {
        keep_s = r.positive_time("time");
        let bytes = r.bytes("bytes");
        keep_bytes = r.within("bytes", bytes, 1.0, f64::INFINITY).map(|bytes| bytes.value);
    }
    let compression = r.share("compression");
    let (redelivery, then) = r.object("redelivery").map_or((Redelivery::default(), None), |mut r| redelivery(&mut r));
    LogTopic {
        partitions: count(r, "partitions", 1).unwrap_or(1),
        key: name(r, "key"),
        keep_s,
        keep_bytes,
        compression: r.within("compression", compression, 1e-3, 1.0).map_or(1.0, |share| share.value),
        deduplicate_s: r.positive_time("deduplicate"),
        redelivery,
        then,
    }
}
