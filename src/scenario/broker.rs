//! `kind: queue`, `consumes:` and the step `publish`: what is sent now and done later, through a queue or a log.

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::distribution::{self, Distribution};
use crate::fields::reader::Reader;
use crate::fields::{Field, PolicyForm, Shape, Table, Thing};
use crate::policy::assign::{self, Assign};
use crate::policy::delivery::{self, Commit, PRESETS, Redelivery};
use crate::policy::retry::{self, Backoff};
use crate::reader::read_term;
use crate::scenario::component::{ABSTRACT, BOOT, HEALTH, INSTANCES, KIND, LIKE, OPERATIONS, PREFER, WORKERS};
use crate::scenario::machine::{CORES, DISK_FIELD, MEMORY, NIC, ON, OWN, PLACE, PRICE, SCHEDULING, SPEED};
use crate::scenario::policy::{DEADLINE, FALLBACK, RATE_LIMIT, RETRY_FIELD, TIMEOUT};
use crate::scenario::values::{Env, count, draw, forms, inert, name};
use crate::scenario::{Kind, Reference, Verb, events, log};
use crate::text::Node;
use crate::units::Dimension;

/// A queue of messages.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Seconds until a message counts as taken, and until one that is asked for is handed out.
    pub publish: Option<Distribution>,
    pub deliver: Option<Distribution>,
    /// Dollars for a request, unless `prices` says otherwise.
    pub price_per_request: f64,
    /// Seconds for which a message that was taken is hidden; `None`: until its consumer dies.
    pub visibility_s: Option<f64>,
    /// Seconds from its publication until it may be taken.
    pub delay: Option<Distribution>,
    /// Messages of a higher priority come first.
    pub by_priority: bool,
    /// Messages with the same value of this key are taken one after the other.
    pub ordered: Option<Reference>,
    /// Seconds within which the same event is taken once.
    pub deduplicate_s: Option<f64>,
    pub redelivery: Redelivery,
    /// The queue of messages that were tried too often.
    pub then: Option<Reference>,
    /// Most messages that wait, and whether the oldest goes or the new one is refused.
    pub depth: Option<u64>,
    pub drops: bool,
    /// Seconds after which a message that nobody took is gone.
    pub age_s: Option<f64>,
    /// Whether messages survive the death of the last instance.
    pub durable: bool,
}

/// Messages that a service works on.
#[derive(Clone, Debug)]
pub struct Consumes {
    pub from: Reference,
    /// Consumers of one group share the messages; each group gets all of them.
    pub group: Option<String>,
    pub operation: Reference,
    /// Most messages taken at once.
    pub batch: u32,
    /// Messages that an instance may have taken and not finished; `None`: as many as it has workers.
    pub prefetch: Option<u32>,
    pub commit: Commit,
    /// How a group shares the partitions of a log.
    pub sharing: Sharing,
    /// What it keeps up to date for others to read, and the key by which messages and reads are about the same.
    pub updates: Option<(Reference, Reference)>,
}

/// How the consumers of a group share the partitions of a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sharing {
    pub assign: Assign,
    /// Seconds until a consumer that has died is missed, and until all have learnt who reads what.
    pub session_s: f64,
    pub rebalance_s: f64,
    /// Where it was written, if anything was: only a log has partitions to share.
    pub said: Option<Spot>,
}

/// What a `publish` sends.
#[derive(Clone, Debug)]
pub struct Publish {
    pub to: Reference,
    pub bytes: Option<Distribution>,
    /// The higher, the sooner it is taken; `None`: that of the request.
    pub priority: Option<u8>,
    /// What its publisher waits for, of a log; and where that is said.
    pub acks: Acks,
    pub asks: Option<Spot>,
    /// How it gathers messages.
    pub linger_s: f64,
    pub batch_bytes: f64,
}

/// What the publisher of a message waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// Nothing.
    None,
    /// The leader.
    Leader,
    /// All copies that are in step.
    #[default]
    All,
}

static BACKOFF: [PolicyForm; retry::BACKOFF_FORMS.len()] = forms(retry::BACKOFF_FORMS);
static TIME_OR_NONE: &[Shape] = &[Shape::Time, Shape::Word(&["none"])];
static COUNT_OR_NONE: &[Shape] = &[Shape::Count, Shape::Word(&["none"])];

pub(super) static REDELIVERY: Table = Table {
    name: "redelivery",
    about: "What happens to a message whose work failed, or was not finished in time",
    fields: &[
        Field::new(
            "attempts",
            Shape::OneOf(&[Shape::Count, Shape::Word(&["unlimited"])]),
            "3",
            "How often it is tried in all",
        )
        .or("unlimited"),
        Field::new(
            "backoff",
            Shape::Policy(&BACKOFF),
            "exponential(1s x2)",
            "The pause after a failure; without it until the visibility ends, or at once",
        ),
        Field::new(
            "then",
            Shape::Name(Thing::Component),
            "failed",
            "The queue (or topic of a log) it goes to after that; without one it is lost",
        ),
    ],
};

/// A queue.
pub static QUEUE: Table = Table {
    name: "queue",
    about: "Messages that wait for somebody to work on them; its operations are `publish`, `receive` and `acknowledge`",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field::new(
            "preset",
            Shape::Word(delivery::NAMES),
            "sqs",
            "Times, visibility and price of a product, where nothing else is said",
        ),
        OWN,
        ON,
        INSTANCES,
        PLACE,
        Field::new(
            "publish",
            Shape::Distribution(Dimension::Time),
            "lognormal(p50=11ms p99=20ms)",
            "Time until a message counts as taken",
        ),
        Field::new(
            "deliver",
            Shape::Distribution(Dimension::Time),
            "lognormal(p50=11ms p99=20ms)",
            "Time until a message that waits is handed out",
        ),
        Field::new(
            "visibility",
            Shape::OneOf(TIME_OR_NONE),
            "30s",
            "How long a message that was taken is hidden from others; if it is not acknowledged by then, it comes again. `none`: until its consumer dies. 30s unless the preset says otherwise",
        ),
        Field::new(
            "delay",
            Shape::Distribution(Dimension::Time),
            "5s",
            "Time from its publication until a message may be taken",
        )
        .or("0s"),
        Field::new(
            "order",
            Shape::Word(&["fifo", "priority"]),
            "priority",
            "Who is next: the oldest, or the oldest of the highest priority",
        )
        .or("fifo"),
        Field::new(
            "ordered",
            Shape::Name(Thing::Key),
            "user",
            "Messages with the same value of this key are worked on one after the other",
        ),
        Field::new("deduplicate", Shape::Time, "5m", "A message that was sent again within that time is taken once"),
        Field::new(
            "redelivery",
            Shape::Object(&REDELIVERY),
            "{attempts: 3, backoff: exponential(1s x2), then: failed}",
            "What happens to a message whose work failed",
        ),
        Field::new("depth", Shape::OneOf(COUNT_OR_NONE), "100k", "Most messages that wait").or("none"),
        Field::new(
            "overflow",
            Shape::Word(&["reject", "drop_oldest"]),
            "drop_oldest",
            "What happens when there are more: the new one fails as `queue_full`, or the oldest is lost; `reject` unless given",
        ),
        Field::new("age", Shape::OneOf(TIME_OR_NONE), "4d", "A message that nobody took for so long expires")
            .or("none"),
        Field::new("durable", Shape::Bool, "false", "Whether messages outlive the death of all instances").or("true"),
        Field {
            about: "What it costs an instance to take, to hand out and to forget a message: `publish`, `receive` and `acknowledge`",
            example: "{publish: {cpu: 50us, io: 1}, receive: {cpu: 30us}}",
            ..OPERATIONS
        },
        Field {
            default: Some("none"),
            about: "Requests that an instance works on at the same time; the others queue",
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

static UPDATES: Table = Table {
    name: "read model",
    about: "What messages bring up to date",
    fields: &[
        Field::new("in", Shape::Name(Thing::Component), "views", "The component whose reads see it").required(),
        Field::new("key", Shape::Name(Thing::Key), "user", "The key by which a message and a read are about the same")
            .required(),
    ],
};
static CONSUMES: Table = Table {
    name: "consumption",
    about: "Messages that a service works on: its operation runs once for each",
    fields: &[
        Field::new("from", Shape::Text, "tasks", "The queue, or the topic of a log: `stream.clicks`").required(),
        Field::new(
            "group",
            Shape::Text,
            "mail",
            "Consumers of one group share the messages, every group gets all of them; without it they compete with all others that name none",
        ),
        Field::new("operation", Shape::Text, "send", "The operation of this service that works on a message")
            .required(),
        Field::new("batch", Shape::Count, "10", "Most messages taken in one request, and acknowledged in one").or("1"),
        Field::new(
            "prefetch",
            Shape::Count,
            "64",
            "Messages that an instance may have taken and not acknowledged; without it as many as it has workers",
        ),
        Field::new(
            "commit",
            Shape::Word(&["before", "after", "exactly_once"]),
            "before",
            "When a message is acknowledged: before the work (at most once), after it (at least once), or in one with what the work has changed",
        )
        .or("after"),
        Field::new("assign", Shape::Word(assign::NAMES), "sticky", "Who of a group reads which partition of a log").or("range"),
        Field::new("session", Shape::Time, "10s", "Time until a consumer that has died is missed, and others read its partitions")
            .or("45s"),
        Field::new(
            "rebalance",
            Shape::Time,
            "1s",
            "How long partitions stand still when they are dealt anew: until all members have learnt of it",
        )
        .or("3s"),
        Field::new(
            "updates",
            Shape::Object(&UPDATES),
            "{in: views, key: user}",
            "What this work keeps up to date: a read there is stale while a message about the same is not done",
        ),
    ],
};
static CONSUMES_SHAPES: &[Shape] = &[Shape::Object(&CONSUMES), Shape::ListOf(&Shape::Object(&CONSUMES))];
pub(super) static CONSUMES_FIELD: Field = Field::new(
    "consumes",
    Shape::OneOf(CONSUMES_SHAPES),
    "{from: tasks, operation: send, batch: 10}",
    "Messages it works on; a list for several queues",
);

/// The step.
pub(super) static PUBLISH_STEP: Table = Table {
    name: "publish",
    about: "Send a message and go on as soon as it is taken; whoever consumes it has the keys of this request",
    fields: &[
        Field::new("publish", Shape::Object(&PUBLISH), "{to: tasks, key: user, bytes: 1KB}", "What, and where to")
            .required(),
        TIMEOUT,
        DEADLINE,
        RETRY_FIELD,
        FALLBACK,
    ],
};
static PUBLISH: Table = Table {
    name: "message",
    about: "A message that is sent",
    fields: &[
        Field::new("to", Shape::Text, "tasks", "The queue, or the topic of a log: `stream.clicks`").required(),
        Field::new(
            "key",
            Shape::Name(Thing::Key),
            "user",
            "The key that is meant; without it that of the queue or topic",
        ),
        Field::new("bytes", Shape::Distribution(Dimension::Bytes), "1KB", "Its size").or("0B"),
        Field::new(
            "priority",
            Shape::Count,
            "9",
            "The higher, the sooner it is taken from a queue with `order: priority`; without it that of the request",
        ),
        Field::new(
            "acks",
            Shape::OneOf(&[Shape::Count, Shape::Word(&["all"])]),
            "1",
            "Of a log: what the publisher waits for: nothing (0), the leader (1), or all copies that are in step",
        )
        .or("all"),
        Field::new(
            "linger",
            Shape::Time,
            "5ms",
            "How long a publisher gathers messages (of a log: for one partition), to send them as one",
        )
        .or("0s"),
        Field::new("batch", Shape::Bytes, "16KiB", "What was gathered sets off at once when it has so many bytes")
            .or("16KiB"),
    ],
};

/// What brings messages from one to another: a queue, a log, or a store of events.
pub(super) fn kind(r: &mut Reader, env: &mut Env, instances: u32) -> Kind {
    match r.table().name {
        "queue" => Kind::Queue(Box::new(queue(r, env))),
        "log" => Kind::Log(Box::new(log::log(r, env, instances))),
        _ => Kind::Events(Box::new(events::events(r, env))),
    }
}

/// Reads what is special about a queue.
fn queue(r: &mut Reader, env: &mut Env) -> Queue {
    let preset = r.word("preset").and_then(|word| PRESETS.iter().find(|preset| preset.name == word.value));
    let time = |figures: fn(&delivery::Preset) -> [f64; 2]| preset.map(|preset| between(figures(preset)));
    let visibility_s = match preset {
        _ if r.is("visibility", "none") => None,
        Some(preset) => r.time("visibility").map(|time| time.value).or(preset.visibility_s),
        None => Some(r.time("visibility").map_or(VISIBILITY_S, |time| time.value)),
    };
    let redelivery = r.object("redelivery").map_or((Redelivery::default(), None), |mut r| redelivery(&mut r));
    let depth = if r.is("depth", "none") { None } else { r.count_from("depth", 1).map(|depth| depth.value) };
    if depth.is_none() {
        inert(r, &["overflow"], "without `depth`");
    }
    let queue = Queue {
        publish: draw(r, env, "publish", Dimension::Time).or(time(|preset| preset.publish_s)),
        deliver: draw(r, env, "deliver", Dimension::Time).or(time(|preset| preset.deliver_s)),
        price_per_request: preset.map_or(0.0, |preset| preset.price),
        visibility_s,
        delay: draw(r, env, "delay", Dimension::Time),
        by_priority: r.word("order").is_some_and(|word| word.value == "priority"),
        ordered: name(r, "ordered"),
        deduplicate_s: r.positive_time("deduplicate"),
        redelivery: redelivery.0,
        then: redelivery.1,
        depth,
        drops: r.word("overflow").is_some_and(|word| word.value == "drop_oldest"),
        age_s: if r.is("age", "none") { None } else { r.positive_time("age") },
        durable: r.flag("durable").is_none_or(|flag| flag.value),
    };
    if queue.by_priority && queue.ordered.is_some() {
        let told = Diagnostic::new(
            Code::Excluded,
            r.key("ordered"),
            "messages that are taken one after the other have no priorities",
        );
        r.tell(told.help("leave out `order: priority`"));
    }
    queue
}

/// Language section 13.
const VISIBILITY_S: f64 = 30.0;

/// The lognormal with this median and 99th percentile.
fn between([p50, p99]: [f64; 2]) -> Distribution {
    distribution::parse(&format!("lognormal(p50={p50}s p99={p99}s)"), Dimension::Time).expect("a preset can be read")
}

pub(super) fn redelivery(r: &mut Reader) -> (Redelivery, Option<Reference>) {
    let attempts = if r.is("attempts", "unlimited") { None } else { count(r, "attempts", 1) };
    let backoff = r.parsed("backoff", Code::Policy, |text| Backoff::read(&read_term(text)?));
    let then = name(r, "then");
    if attempts.is_none() {
        inert(r, &["then"], "without `attempts`, because a message is tried for ever");
    }
    (Redelivery { attempts, backoff: backoff.map(|found| found.value) }, then)
}

/// Reads `consumes:`, one or several.
pub(super) fn consumes(r: &mut Reader) -> Vec<Consumes> {
    if r.table().field("consumes").is_none() || !r.has("consumes") {
        return Vec::new();
    }
    let owner = r.key("consumes");
    let several = r.node("consumes").is_some_and(|node| node.as_list().is_some());
    let nodes: Vec<&Node> = if several { r.list("consumes") } else { r.node("consumes").into_iter().collect() };
    nodes.into_iter().filter_map(|node| one(&mut Reader::new(owner, node, &CONSUMES, r.diags()))).collect()
}

fn one(r: &mut Reader) -> Option<Consumes> {
    let commit = r.word("commit").map_or(Commit::After, |word| match word.value {
        "before" => Commit::Before,
        "exactly_once" => Commit::Once,
        _ => Commit::After,
    });
    let batch = count(r, "batch", 1).unwrap_or(1);
    let prefetch = count(r, "prefetch", 1);
    if let Some(prefetch) = prefetch.filter(|prefetch| *prefetch < batch) {
        let message = format!("an instance may have {prefetch} messages, so it never takes {batch} at once");
        r.tell(Diagnostic::new(Code::OutOfRange, r.key("prefetch"), message));
    }
    let updates = r.object("updates").and_then(|mut r| name(&mut r, "in").zip(name(&mut r, "key")));
    let (from, group, operation) = (name(r, "from"), r.text("group"), name(r, "operation"));
    let group = group.map(|group| group.value);
    let sharing = sharing(r);
    Some(Consumes { from: from?, group, operation: operation?, batch, prefetch, commit, sharing, updates })
}

/// How partitions are shared: as Kafka does it by default.
fn sharing(r: &mut Reader) -> Sharing {
    let assign = r.word("assign").and_then(|word| Assign::named(word.value)).unwrap_or_default();
    let session_s = r.time("session").map_or(45.0, |time| time.value);
    let rebalance_s = r.time("rebalance").map_or(3.0, |time| time.value);
    let differs =
        [("assign", assign != Assign::Range), ("session", session_s != 45.0), ("rebalance", rebalance_s != 3.0)];
    let said = differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| r.key(field));
    Sharing { assign, session_s, rebalance_s, said }
}

/// Reads the map of a `publish`.
pub(super) fn publish(r: &mut Reader, key: &mut Option<Reference>, env: &mut Env) -> Option<Verb> {
    *key = name(r, "key");
    let bytes = draw(r, env, "bytes", Dimension::Bytes);
    let priority = r.count("priority").and_then(|priority: Spotted<u64>| {
        let fits = u8::try_from(priority.value).ok();
        if fits.is_none() {
            r.tell(Diagnostic::new(Code::OutOfRange, priority.spot, "a priority is between 0 and 255"));
        }
        fits
    });
    let acks = if r.is("acks", "all") { None } else { r.count("acks") };
    if let Some(acks) = acks.filter(|acks| 1 < acks.value) {
        r.tell(Diagnostic::new(Code::OutOfRange, acks.spot, "a publisher waits for 0, 1 or `all` copies"));
    }
    let bytes_of_batch = r.bytes("batch");
    let batch = r.within("batch", bytes_of_batch, 1.0, f64::INFINITY);
    let acks = match acks.map(|acks| acks.value) {
        Some(0) => Acks::None,
        Some(1) => Acks::Leader,
        _ => Acks::All,
    };
    let linger_s = r.time("linger").map_or(0.0, |time| time.value);
    let batch_bytes = batch.map_or(BATCH, |bytes| bytes.value);
    if linger_s == 0.0 && batch_bytes != BATCH {
        inert(r, &["batch"], "without `linger`");
    }
    let asks = (acks != Acks::All).then(|| r.key("acks"));
    Some(Verb::Publish(Publish { to: name(r, "to")?, bytes, priority, acks, linger_s, batch_bytes, asks }))
}

/// `batch.size` of Kafka.
const BATCH: f64 = 16.0 * 1024.0;
