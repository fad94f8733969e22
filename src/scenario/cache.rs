//! `kind: cache` and `kind: store`: what is kept near, and where objects lie.

use crate::diagnostic::{Code, Diagnostic};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, PolicyForm, Shape, Table, Thing};
use crate::policy::eviction::{self, Eviction};
use crate::reader::read_term;
use crate::scenario::Reference;
use crate::scenario::component::{
    ABSTRACT, BOOT, COUNT_OR_NONE, HEALTH, INSTANCES, KIND, LIKE, OPERATIONS, PREFER, QUEUE, WORKERS,
};
use crate::scenario::elastic::{DRAIN, SCALED};
use crate::scenario::machine::{CORES, DISK_FIELD, MEMORY, NIC, ON, OWN, PLACE, PRICE, SCHEDULING, SPEED};
use crate::scenario::policy::RATE_LIMIT;
use crate::scenario::values::{Env, count, draw, forms, inert, name, name_of};
use crate::units::Dimension;
use crate::units::Per;

/// What a cache holds, for how long, and from where it fetches what it lacks.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Bytes that one node holds; `None`: as many as its machine has, without a machine all.
    pub memory_bytes: Option<f64>,
    /// Entries that one node holds.
    pub entries: Option<u64>,
    /// Bytes of an entry, drawn once for each key value.
    pub entry: Option<Distribution>,
    pub eviction: Eviction,
    /// Seconds; `None`: entries never expire.
    pub ttl: Option<Distribution>,
    /// A hit starts the time to live anew.
    pub sliding: bool,
    /// The key that is meant where a step names none.
    pub key: Option<Reference>,
    /// One small cache for each value of this key (browsers) instead of nodes.
    pub per: Option<Reference>,
    /// Its nodes are points of presence near the clients.
    pub is_cdn: bool,
    /// Place whose nodes the others ask before the backing.
    pub shield: Option<Reference>,
    pub miss: Miss,
    pub backing: Option<Backing>,
    pub replicas: Option<NodeReplicas>,
}

/// Copies of each node, besides the one that takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReplicas {
    pub count: u32,
    /// Each copy answers what does not write; else the one alone.
    pub read_any: bool,
}

impl Cache {
    /// Instances that hold the same.
    pub fn each(&self) -> u32 {
        1 + self.replicas.map_or(0, |replicas| replicas.count)
    }
}

/// What a cache does about misses besides passing them on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Miss {
    pub single_flight: Option<Flight>,
    /// Probabilistic early expiration: how eagerly an entry is fetched again before it expires (beta of `XFetch`).
    pub early: Option<f64>,
    /// Seconds for which `not_found` is remembered.
    pub negative_s: Option<f64>,
    /// Share of the time to live after which a hit starts a fetch in the background.
    pub refresh: Option<f64>,
}

/// Among whom one fetches what is missing while the others wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// The requests of one instance of the caller (of one node for a cache with a `backing`).
    Instance,
    /// All callers.
    Cluster,
}

/// Where a cache fetches what it lacks, and puts what is written.
#[derive(Clone, Debug)]
pub struct Backing {
    pub read: Vec<Reference>,
    pub write: Vec<Reference>,
    /// `None`: writes go through, to the backing first.
    pub behind: Option<Flush>,
}

/// When a write-behind cache writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flush {
    pub every_s: f64,
    /// Most entries written at the same time; so many waiting start a flush before its time.
    pub batch: u32,
}

/// Where objects lie.
#[derive(Clone, Debug)]
pub struct Store {
    /// Seconds until the first byte of an answer.
    pub first_byte: Option<Distribution>,
    /// Bytes of an object, where its key does not say.
    pub object: Option<Distribution>,
    /// The key that is meant where a step names none.
    pub key: Option<Reference>,
}

static EVICTIONS: [PolicyForm; eviction::FORMS.len()] = forms(eviction::FORMS);
static OPERATIONS_NAMED: &[Shape] = &[Shape::Name(Thing::Operation), Shape::ListOf(&Shape::Name(Thing::Operation))];
static TTL: &[Shape] = &[Shape::Distribution(Dimension::Time), Shape::Word(&["none"])];

static ENTRIES: Field =
    Field::new("entries", Shape::OneOf(COUNT_OR_NONE), "100k", "How many entries a node holds").or("none");
static ENTRY: Field = Field::new(
    "entry",
    Shape::Distribution(Dimension::Bytes),
    "2KB",
    "Size of an entry, drawn once for each value of its key; without it the `bytes` of the key, or of the answer",
);
static EVICTION: Field =
    Field::new("eviction", Shape::Policy(&EVICTIONS), "sieve", "Who goes when a node is full").or("lru");
static TTL_FIELD: Field =
    Field::new("ttl", Shape::OneOf(TTL), "uniform(55m 65m)", "How long an entry is good").or("none");
static SLIDING: Field = Field::new("sliding", Shape::Bool, "true", "A hit starts the time to live anew").or("false");
static KEY: Field = Field::new(
    "key",
    Shape::Name(Thing::Key),
    "user",
    "The key that is meant where a step names none; needless where the scenario has one key only",
);
static PER: Field = Field::new(
    "per",
    Shape::Name(Thing::Key),
    "user",
    "A cache of its own for each value of this key, as browsers are, instead of nodes that all share",
);
static POPS: Field = Field::new(
    "pops",
    Shape::OneOf(&[Shape::Count, Shape::MapOf(&Shape::Count)]),
    "{us-east-1: 3, eu-west-1: 3}",
    "Nodes at each place; clients ask the nearest that lives, and the nodes of a region share its keys",
)
.required();
static SHIELD: Field = Field::new(
    "shield",
    Shape::Name(Thing::Place),
    "us-east-1",
    "The place whose nodes the others ask for what they lack, so that the backing is asked once",
);
static MISS_FIELD: Field =
    Field::new("miss", Shape::Object(&MISS), "{single_flight: cluster}", "What is done about misses");
static BACKING_FIELD: Field = Field::new(
    "backing",
    Shape::Object(&BACKING),
    "{read: db.read, write: db.write, mode: behind}",
    "Where it fetches what it lacks; its operations are offered under the same names. Without it callers use the steps `cached`, `get`, `put` and `invalidate`",
);
pub(super) static STATE: Field = Field::new(
    "state",
    Shape::Object(&STATE_TABLE),
    "{memory: 500MB, entry: 2KB, ttl: 30m, key: user}",
    "What each instance keeps in its own memory, for the steps `cached`, `get`, `put` and `invalidate` of its own operations with `in: self`; it is gone when the instance dies",
);
static FIRST_BYTE: Field = Field::new(
    "first_byte",
    Shape::Distribution(Dimension::Time),
    "lognormal(p50=15ms p99=80ms)",
    "Time until an answer begins",
);
static BANDWIDTH: Field =
    Field::new("bandwidth", Shape::Bandwidth, "1GB/s", "What all answers and uploads together get");
static OBJECT: Field = Field::new(
    "object",
    Shape::Distribution(Dimension::Bytes),
    "60KB",
    "Size of an object, drawn once for each value of its key; without it the `bytes` of the key",
);

static MISS: Table = Table {
    name: "miss",
    about: "What a cache does about misses besides passing them on",
    fields: &[
        Field::new(
            "single_flight",
            Shape::Word(&["instance", "cluster"]),
            "cluster",
            "One fetches what is missing, the others wait for it: those of one instance of the caller, or all",
        ),
        Field::new(
            "early",
            Shape::Number,
            "1.0",
            "Fetch an entry now and then before it expires, the likelier the nearer that is and the longer it takes: beta of Vattani et al. 2015",
        ),
        Field::new("negative", Shape::Time, "30s", "How long it is remembered that a fetch failed as `not_found`"),
        Field::new(
            "refresh",
            Shape::Share,
            "80%",
            "A hit on an entry older than this share of its time to live starts a fetch in the background",
        ),
    ],
};
static BACKING: Table = Table {
    name: "backing",
    about: "What stands behind a cache",
    fields: &[
        Field::new("read", Shape::OneOf(OPERATIONS_NAMED), "db.read", "The operation that fetches, or several")
            .required(),
        Field::new("write", Shape::OneOf(OPERATIONS_NAMED), "db.write", "The operation that writes, or several"),
        Field::new(
            "mode",
            Shape::Word(&["through", "behind"]),
            "behind",
            "A write goes to the backing first, or it is kept and written later",
        )
        .or("through"),
        Field::new("flush", Shape::Object(&FLUSH), "{every: 5s, batch: 500}", "When `behind` writes"),
    ],
};
static STATE_TABLE: Table = Table {
    name: "state",
    about: "Entries in the memory of each instance, by key; no instance sees those of another",
    fields: &[
        Field { about: "What an instance keeps at most; without it everything", example: "500MB", ..MEMORY },
        Field { about: "How many entries an instance keeps", ..ENTRIES },
        ENTRY,
        Field { about: "Which entry goes when there is no room", ..EVICTION },
        TTL_FIELD,
        SLIDING,
        KEY,
    ],
};

static REPLICAS: Table = Table {
    name: "replicas of a node",
    about: "What a node takes in goes to its copies over the link between them; one that was away copies everything first",
    fields: &[
        Field::new("count", Shape::Count, "1", "How many of each node, besides itself").required(),
        Field::new(
            "read",
            Shape::Word(&["primary", "any"]),
            "any",
            "Who answers what does not write: the one that takes the writes, or any, which may not have them yet",
        )
        .or("primary"),
    ],
};
static FLUSH: Table = Table {
    name: "flush of writes",
    about: "When a write-behind cache writes what it has kept",
    fields: &[
        Field::new("every", Shape::Time, "5s", "Time between two flushes").or("1s"),
        Field::new(
            "batch",
            Shape::Count,
            "500",
            "Most entries written at the same time; so many waiting are written before their time",
        )
        .or("100"),
    ],
};

/// A cache.
pub static CACHE: Table = Table {
    name: "cache",
    about: "Nodes that keep entries by key; keys are dealt over the nodes by consistent hashing",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        OWN,
        ON,
        INSTANCES,
        PLACE,
        Field {
            about: "What a node keeps at most; without it as much as its machine has, without a machine everything",
            example: "52GiB",
            ..MEMORY
        },
        ENTRIES,
        ENTRY,
        EVICTION,
        TTL_FIELD,
        SLIDING,
        KEY,
        PER,
        MISS_FIELD,
        BACKING_FIELD,
        Field {
            about: "What an operation costs a node before it looks: `get`, `put` and `delete`, or those of its `backing`",
            example: "{get: {cpu: 8us}, put: {cpu: 8us}}",
            ..OPERATIONS
        },
        Field {
            default: Some("none"),
            about: "Operations that a node works on at the same time; the others queue",
            ..WORKERS
        },
        QUEUE,
        HEALTH,
        PREFER,
        RATE_LIMIT,
        CORES,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
        // Without a default: a cache in each browser has no nodes.
        Field { default: None, ..DRAIN },
        SCALED,
        Field::new(
            "replicas",
            Shape::Object(&REPLICAS),
            "{count: 1, read: primary}",
            "Copies of each node on machines of their own, in other zones of its region; one of them serves its part when it dies",
        ),
    ],
};

/// A content delivery network.
pub static CDN: Table = Table {
    name: "cdn",
    about: "Caches near the clients that share one backing; it may run operations of its own there",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        OWN,
        ON,
        POPS,
        SHIELD,
        Field {
            about: "What a node keeps at most; without it as much as its machine has, without a machine everything",
            example: "500GB",
            ..MEMORY
        },
        ENTRIES,
        ENTRY,
        EVICTION,
        TTL_FIELD,
        SLIDING,
        KEY,
        MISS_FIELD,
        Field { required: true, ..BACKING_FIELD },
        Field {
            about: "What an operation of the `backing` costs a node before it looks; or operations of its own",
            example: "{asset: {cpu: 50us}, greet: [{cpu: 200us}, {respond: 1KB}]}",
            ..OPERATIONS
        },
        Field {
            default: Some("none"),
            about: "Operations that a node works on at the same time; the others queue",
            ..WORKERS
        },
        QUEUE,
        HEALTH,
        RATE_LIMIT,
        CORES,
        DISK_FIELD,
        NIC,
        SPEED,
        SCHEDULING,
        PRICE,
        BOOT,
        STATE,
    ],
};

/// A store of objects.
pub static STORE: Table = Table {
    name: "store",
    about: "Somebody else's disk without an end: objects by key, read and written over a bandwidth; its operations are `get`, `put` and `delete`",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        PLACE,
        FIRST_BYTE,
        BANDWIDTH,
        OBJECT,
        KEY,
        RATE_LIMIT,
        Field::new(
            "price",
            Shape::OneOf(&[Shape::Price(Dimension::Money), Shape::Price(Dimension::MoneyPer(Per::Piece))]),
            "$0.40/M",
            "Of a request",
        )
        .or("$0"),
    ],
};

/// Reads what is special about a cache.
pub(super) fn cache(r: &mut Reader, env: &mut Env) -> Cache {
    let is_cdn = r.table().name == "cdn";
    let cache = Cache {
        per: if is_cdn { None } else { name(r, "per") },
        is_cdn,
        shield: if is_cdn { name(r, "shield") } else { None },
        miss: r.object("miss").map_or_else(Miss::default, |mut r| miss(&mut r)),
        backing: r.object("backing").map(|mut r| backing(&mut r)),
        replicas: if is_cdn { None } else { r.object("replicas").map(|mut r| replicas(&mut r)) },
        ..entries(r, env)
    };
    if cache.replicas.is_some() && r.has("autoscale") {
        let message = "nodes with copies cannot come and go: a node that leaves would leave its copies behind";
        r.tell(
            Diagnostic::new(Code::Excluded, r.key("autoscale"), message).help("leave out `replicas` or `autoscale`"),
        );
    }
    if cache.per.is_some() {
        inert(r, &["replicas", "autoscale", "drain"], "with `per`: such a cache has no nodes");
    }
    if cache.ttl.is_none() {
        let early = cache.miss.early.is_some() || cache.miss.refresh.is_some() || cache.sliding;
        if early {
            let told =
                Diagnostic::new(Code::Inert, r.owner(), "entries of this cache never expire, so none is renewed");
            r.tell(told.help("add `ttl: 1h`"));
        }
    }
    cache
}

/// Reads which entries are kept, and for how long.
fn entries(r: &mut Reader, env: &mut Env) -> Cache {
    let eviction = r.parsed("eviction", Code::Policy, |text| Eviction::read(&read_term(text)?));
    let entries = if r.is("entries", "none") { None } else { r.count_from("entries", 1).map(|entries| entries.value) };
    let ttl = if r.is("ttl", "none") { None } else { draw(r, env, "ttl", Dimension::Time) };
    Cache {
        memory_bytes: r.bytes("memory").map(|bytes| bytes.value),
        entries,
        entry: draw(r, env, "entry", Dimension::Bytes),
        eviction: eviction.map_or(Eviction::Lru, |eviction| eviction.value),
        ttl,
        sliding: r.flag("sliding").is_some_and(|flag| flag.value),
        key: name(r, "key"),
        per: None,
        is_cdn: false,
        shield: None,
        miss: Miss::default(),
        backing: None,
        replicas: None,
    }
}

/// Reads what the instances of a component keep to themselves.
pub(super) fn state(r: &mut Reader, env: &mut Env) -> Cache {
    let cache = entries(r, env);
    if cache.ttl.is_none() && cache.sliding {
        inert(r, &["sliding"], "where entries never expire");
    }
    cache
}

fn miss(r: &mut Reader) -> Miss {
    let single_flight = r.word("single_flight");
    let early = r.number("early");
    let negative = r.time("negative");
    let refresh = r.share("refresh");
    Miss {
        single_flight: single_flight
            .map(|word| if word.value == "cluster" { Flight::Cluster } else { Flight::Instance }),
        early: r.within("early", early, 1e-3, 1e3).map(|early| early.value),
        negative_s: r.within("negative", negative, 1e-6, f64::INFINITY).map(|negative| negative.value),
        refresh: r.within("refresh", refresh, 0.0, 1.0).map(|refresh| refresh.value),
    }
}

fn replicas(r: &mut Reader) -> NodeReplicas {
    let count = count(r, "count", 0).unwrap_or(0);
    let most = 16;
    if most < count {
        let message = format!("a node has at most {most} copies");
        r.tell(Diagnostic::new(Code::OutOfRange, r.key("count"), message));
    }
    NodeReplicas { count: count.min(most), read_any: r.word("read").is_some_and(|word| word.value == "any") }
}

fn backing(r: &mut Reader) -> Backing {
    let behind = r.word("mode").is_some_and(|word| word.value == "behind");
    let write = operations(r, "write");
    if !behind && r.has("flush") {
        let told = Diagnostic::new(Code::Inert, r.key("flush"), "`flush` does nothing unless `mode: behind`");
        r.tell(told);
    }
    if write.is_empty() && behind {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "this cache writes behind, but does not say where");
        r.tell(told.help("add `write: db.write`"));
    }
    if 1 < write.len() && behind {
        let message = "a cache that writes behind writes each entry with one operation, but several stand here";
        r.tell(Diagnostic::new(Code::Excluded, r.key("write"), message).help("keep one, such as `write: db.write`"));
    }
    let flush = r.object("flush").map(|mut r| flush(&mut r));
    let flush = flush.unwrap_or(Flush { every_s: 1.0, batch: 100 });
    Backing { read: operations(r, "read"), write, behind: behind.then_some(flush) }
}

fn operations(r: &mut Reader, field: &str) -> Vec<Reference> {
    let nodes = r.list_or_one(field);
    nodes.into_iter().filter_map(|node| name_of(node, "an operation such as `db.read`", r.diags())).collect()
}

fn flush(r: &mut Reader) -> Flush {
    let every = r.time("every");
    Flush {
        every_s: r.within("every", every, 1e-6, f64::INFINITY).map_or(1.0, |every| every.value),
        batch: count(r, "batch", 1).unwrap_or(100),
    }
}

/// Reads what is special about a store.
pub(super) fn store(r: &mut Reader, env: &mut Env) -> Store {
    Store {
        first_byte: draw(r, env, "first_byte", Dimension::Time),
        object: draw(r, env, "object", Dimension::Bytes),
        key: name(r, "key"),
    }
}
