//! Steps: a map with one verb, and lists of them.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::distribution::Distribution;
use crate::fields::reader::{Reader, parse_node};
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::broker;
use crate::scenario::database::writes_by_name;
use crate::scenario::policy::{BREAKER, CANCEL, DEADLINE, FALLBACK, HEDGE, RETRY_FIELD, TIMEOUT, policy};
use crate::scenario::saga;
use crate::scenario::values::{Env, count, draw, inert, letters, name, shares, verb};
use crate::scenario::watch;
use crate::scenario::{Choice, Join, Need, Operation, Step, Verb};
use crate::scenario::{events, window};
use crate::text::{Node, Value};
use crate::units::{self, Dimension};

/// Every verb of this version; a table has the name of its verb.
pub static STEPS: &[&Table] = &[
    &CPU,
    &WAIT,
    &IO_STEP,
    &PAGES,
    &CALL,
    &PARALLEL,
    &EACH_STEP,
    &CHOOSE,
    &LOCK_STEP,
    &TRANSACTION_STEP,
    &SPAWN,
    &RESPOND,
    &FAIL_STEP,
    &CACHED_STEP,
    &GET_STEP,
    &PUT_STEP,
    &INVALIDATE_STEP,
    &broker::PUBLISH_STEP,
    &saga::SAGA_STEP,
    &saga::DEDUPE_STEP,
    &window::WINDOW_STEP,
    &events::REPLAY_STEP,
];

/// The short form of an operation: what it needs, in this order.
pub static SHORT: Table = Table {
    name: "operation",
    about: "An operation by what it needs, in the order of these fields; or a list of steps",
    fields: &[
        Field::new("cpu", DURATION, "exp(1ms)", "Time on a core"),
        Field::new("pages", COUNTED, "4", "Pages touched; those that miss the buffer pool are read from disk"),
        Field::new("io", Shape::OneOf(IO_SHAPES), "2", "Disk operations"),
        Field::new("wait", DURATION, "exp(10ms)", "Time that occupies no core"),
        Field::new("bytes", BYTES, "12KB", "Size of the answer"),
        WRITES,
        FROM,
    ],
};

/// The long form of an operation, for what steps alone cannot say.
pub static LONG: Table = Table {
    name: "operation with steps",
    about: "An operation of a database by its steps, with what says where it runs",
    fields: &[Field::new("do", DO, "[{cpu: 1ms}, {io: 2}]", "The steps").required(), WRITES, FROM],
};

static WRITES: Field = Field::new(
    "writes",
    Shape::Bool,
    "true",
    "Whether it changes rows; by default that of its name: write, insert, update, delete, put, create, append, commit, save, set",
);
static FROM: Field = Field::new(
    "from",
    Shape::Word(&["primary"]),
    "primary",
    "Where it runs although it only reads; otherwise where the replicas' `read` says",
);

const DURATION: Shape = Shape::Distribution(Dimension::Time);
const COUNTED: Shape = Shape::Distribution(Dimension::Number);
const BYTES: Shape = Shape::Distribution(Dimension::Bytes);
pub(super) static DO: Shape = Shape::Steps(STEPS);
static IO_SHAPES: &[Shape] = &[COUNTED, Shape::Object(&IO)];
static TARGETS: &[Shape] =
    &[Shape::Name(Thing::Operation), Shape::MapOf(&Shape::OneOf(&[Shape::Share, Shape::Number]))];
static JOIN_SHAPES: &[Shape] = &[Shape::Word(&["all", "any"]), Shape::Object(&JOIN)];
static JOIN_FIELD: Field = Field::new(
    "join",
    Shape::OneOf(JOIN_SHAPES),
    "{first: 2}",
    "How many branches must finish: `all`, `any`, or the first so many or such a share",
)
.or("all");
static ON_ERROR: Field = Field::new(
    "on_error",
    Shape::Word(&["fail", "ignore"]),
    "ignore",
    "Whether a branch that fails makes the whole fail, or counts as finished",
)
.or("fail");

static CPU: Table = Table {
    name: "cpu",
    about: "Time on a core",
    fields: &[Field::new("cpu", DURATION, "exp(3ms)", "Time on a core of speed 1").required(), FALLBACK],
};
static WAIT: Table = Table {
    name: "wait",
    about: "Time that occupies no core",
    fields: &[Field::new("wait", DURATION, "2ms + exp(1ms)", "The time").required(), FALLBACK],
};
static IO_STEP: Table = Table {
    name: "io",
    about: "Disk operations",
    fields: &[Field::new("io", Shape::OneOf(IO_SHAPES), "2", "How many; 0.2 is a mean of 0 or 1").required(), FALLBACK],
};
static IO: Table = Table {
    name: "disk operations",
    about: "Disk operations by direction and size",
    fields: &[
        Field::new("reads", COUNTED, "2", "Reads; 0.2 is a mean of 0 or 1").or("0"),
        Field::new("writes", COUNTED, "1", "Writes").or("0"),
        Field::new("bytes", BYTES, "16KB", "Bytes of each"),
    ],
};
static PAGES: Table = Table {
    name: "pages",
    about: "Pages of the database; those that miss the buffer pool are read from disk",
    fields: &[Field::new("pages", COUNTED, "4", "How many").required(), FALLBACK],
};
static CALL: Table = Table {
    name: "call",
    about: "Ask an operation of another component and wait for the answer",
    fields: &[
        Field::new("call", Shape::OneOf(TARGETS), "db.read", "The operation, or several with their shares").required(),
        Field::new("key", Shape::Name(Thing::Key), "user", "The key that is meant; without it the callee's own"),
        TIMEOUT,
        DEADLINE,
        RETRY_FIELD,
        CANCEL,
        FALLBACK,
        HEDGE,
        BREAKER,
        Field::new(
            "shards",
            Shape::Word(&["all"]),
            "all",
            "Ask every shard of the database at the same time; `timeout` and `retry` are for each of them",
        ),
        // Without defaults: they mean something with `shards: all` only.
        Field { default: None, about: "How many shards must answer; all unless given", ..JOIN_FIELD },
        Field {
            default: None,
            about: "Whether a shard that fails makes the whole fail (unless given), or counts as answered",
            ..ON_ERROR
        },
    ],
};
static PARALLEL: Table = Table {
    name: "parallel",
    about: "Branches that run at the same time",
    fields: &[
        Field::new(
            "parallel",
            Shape::ListOf(&DO),
            "[{call: posts.recent}, {call: ads.pick}]",
            "The branches: each a step or a list of steps",
        )
        .required(),
        JOIN_FIELD,
        ON_ERROR,
        CANCEL,
        FALLBACK,
    ],
};
static JOIN: Table = Table {
    name: "join",
    about: "How many branches must finish",
    fields: &[Field::new(
        "first",
        Shape::OneOf(&[Shape::Count, Shape::Share]),
        "2",
        "So many, or such a share of them",
    )
    .required()],
};
static EACH_STEP: Table = Table {
    name: "each",
    about: "The same steps several times",
    fields: &[
        Field::new("each", Shape::Object(&EACH), "{times: 5, do: [{call: items.one}]}", "What and how often")
            .required(),
        CANCEL,
        FALLBACK,
    ],
};
static EACH: Table = Table {
    name: "repetition",
    about: "The same steps several times, one after the other or at the same time",
    fields: &[
        Field::new("times", COUNTED, "5", "How often").required(),
        Field::new("draw", Shape::Name(Thing::Key), "item", "A key that is drawn anew each time"),
        Field::new("do", DO, "[{call: items.one}]", "The steps").required(),
        Field::new(
            "mode",
            Shape::Word(&["sequence", "parallel"]),
            "parallel",
            "One after the other, or at the same time",
        )
        .or("sequence"),
        // Without defaults: they mean something in `mode: parallel` only.
        Field { default: None, ..JOIN_FIELD },
        Field { default: None, ..ON_ERROR },
    ],
};
static CHOOSE: Table = Table {
    name: "choose",
    about: "One of several ways, drawn by weight",
    fields: &[
        Field::new(
            "choose",
            Shape::ListOf(&Shape::Object(&CHOICE)),
            "[{weight: 80%, do: [{cpu: 1ms}]}, {weight: 20%, do: []}]",
            "The ways",
        )
        .required(),
        FALLBACK,
    ],
};
static CHOICE: Table = Table {
    name: "choice",
    about: "One way of a `choose`",
    fields: &[
        Field::new(
            "weight",
            Shape::OneOf(&[Shape::Share, Shape::Number]),
            "80%",
            "Its share; the shares need not add to 1",
        )
        .or("1"),
        Field::new("when", Shape::Condition, "utilisation of cores of web > 80%", "Only while this holds"),
        Field::new("do", DO, "[{cpu: 1ms}]", "The steps").required(),
    ],
};
static LOCK_STEP: Table = Table {
    name: "lock",
    about: "Hold a lock while doing something",
    fields: &[
        Field::new(
            "lock",
            Shape::Object(&LOCK),
            "{name: stock, key: product, do: [{cpu: 2ms}]}",
            "Which, and what is done meanwhile",
        )
        .required(),
        FALLBACK,
    ],
};
static LOCK: Table = Table {
    name: "lock held",
    about: "A lock, one for each value of its key",
    fields: &[
        Field::new("name", Shape::Text, "stock", "Its name; locks of one name are one lock").required(),
        Field::new("key", Shape::Name(Thing::Key), "product", "The key whose values have a lock each"),
        Field::new("mode", Shape::Word(&["exclusive", "shared"]), "shared", "Whether others may hold it, too")
            .or("exclusive"),
        Field::new(
            "timeout",
            Shape::OneOf(&[Shape::Time, Shape::Word(&["none"])]),
            "1s",
            "Longest wait for it, then the step fails as `timeout`",
        )
        .or("none"),
        Field::new(
            "in",
            Shape::Name(Thing::Component),
            "db",
            "The database whose rows are locked; it ends if the database dies",
        ),
        Field::new("do", DO, "[{cpu: 2ms}]", "What is done while it is held").required(),
    ],
};
static TRANSACTION_STEP: Table = Table {
    name: "transaction",
    about: "Steps in one transaction: a connection to each shard it touches and the locks `in` that database are held to its end; over several shards it ends with a two-phase commit",
    fields: &[
        Field::new(
            "transaction",
            Shape::Object(&TRANSACTION),
            "{in: db, do: [{call: db.read}, {call: db.write}]}",
            "Where, and what",
        )
        .required(),
        FALLBACK,
    ],
};
static TRANSACTION: Table = Table {
    name: "transaction held",
    about: "A transaction of one database",
    fields: &[
        Field::new("in", Shape::Name(Thing::Component), "db", "The database").required(),
        Field::new("do", DO, "[{call: db.read}, {call: db.write}]", "What is done in it").required(),
    ],
};
static SPAWN: Table = Table {
    name: "spawn",
    about: "Start steps nobody waits for; they hold no worker",
    fields: &[Field::new("spawn", DO, "[{call: mail.send}]", "The steps").required()],
};
static RESPOND: Table = Table {
    name: "respond",
    about: "Answer; the caller goes on, the worker finishes the steps that follow",
    fields: &[Field::new("respond", BYTES, "12KB", "Size of the answer").required()],
};
static FAIL_STEP: Table = Table {
    name: "fail",
    about: "Fail now and then",
    fields: &[
        Field::new("fail", Shape::Object(&FAIL), "{share: 0.1%, as: declined}", "How often, and as what").required(),
        FALLBACK,
    ],
};
static FAIL: Table = Table {
    name: "failure",
    about: "How often a step fails, and as what",
    fields: &[
        Field::new("share", Shape::Share, "0.1%", "How often").or("100%"),
        Field::new("as", Shape::Text, "declined", "The kind of failure; any word").required(),
        Field::new(
            "by",
            Shape::Name(Thing::Key),
            "user",
            "Always for the same values of this key, instead of by chance",
        ),
    ],
};
static IN: Field =
    Field::new("in", Shape::Name(Thing::Component), "redis", "The cache; `self` is the `state` of the instance itself")
        .required();
static KEY: Field = Field::new("key", Shape::Name(Thing::Key), "user", "The key; without it that of the cache");
static CACHED_STEP: Table = Table {
    name: "cached",
    about: "Look in a cache; on a miss do the steps and put what they brought. A cache that fails is a miss",
    fields: &[
        Field::new(
            "cached",
            Shape::Object(&CACHED),
            "{in: redis, key: user, miss: [{call: db.read}]}",
            "Where and how",
        )
        .required(),
        TIMEOUT,
        FALLBACK,
    ],
};
static CACHED: Table = Table {
    name: "cached look-up",
    about: "A look in a cache with what is done on a miss",
    fields: &[IN, KEY, Field::new("miss", DO, "[{call: db.read}]", "What fetches it").required()],
};
static GET_STEP: Table = Table {
    name: "get",
    about: "Look in a cache and put nothing. A cache that fails is a miss",
    fields: &[
        Field::new(
            "get",
            Shape::Object(&GET),
            "{in: redis, key: user, hit: [], miss: [{call: db.read}]}",
            "Where and how",
        )
        .required(),
        TIMEOUT,
        FALLBACK,
    ],
};
static GET: Table = Table {
    name: "look-up",
    about: "A look in a cache with what is done on a hit and on a miss",
    fields: &[
        IN,
        KEY,
        Field::new("hit", DO, "[{cpu: 1ms}]", "What is done on a hit"),
        Field::new("miss", DO, "[{call: db.read}]", "What is done on a miss"),
    ],
};
static PUT_STEP: Table = Table {
    name: "put",
    about: "Put an entry into a cache",
    fields: &[
        Field::new("put", Shape::Object(&PUT), "{in: redis, key: user, bytes: 2KB}", "Where and what").required(),
        TIMEOUT,
        FALLBACK,
    ],
};
static PUT: Table = Table {
    name: "entry put",
    about: "An entry put into a cache",
    fields: &[
        IN,
        KEY,
        Field::new("bytes", BYTES, "lognormal(mean=2KB cv=1)", "Its size; without it that of the cache"),
    ],
};
static INVALIDATE_STEP: Table = Table {
    name: "invalidate",
    about: "Take an entry out of a cache",
    fields: &[
        Field::new("invalidate", Shape::Object(&INVALIDATE), "{in: redis, key: user}", "Where and which").required(),
        TIMEOUT,
        FALLBACK,
    ],
};
static INVALIDATE: Table =
    Table { name: "entry taken out", about: "An entry taken out of a cache", fields: &[IN, KEY] };

/// Reads an operation: steps, the short form, or steps with what says where they run.
pub(super) fn operation(key: &Spotted<String>, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Operation {
    let owner = letters(key);
    let of_step = |key: &str| SHORT.field(key).is_none() && STEPS.iter().any(|verb| verb.name == key);
    let is_short = node.as_map().is_some_and(|entries| !entries.iter().any(|(key, _)| of_step(&key.value)));
    let by_name = writes_by_name(&key.value);
    if !is_short {
        let steps = steps(owner, node, env, diags);
        return Operation { steps, writes: by_name, from_primary: false };
    }
    let table = if node.get("do").is_some() { &LONG } else { &SHORT };
    let mut r = Reader::new(owner, node, table, diags);
    let steps = if node.get("do").is_some() { body(&mut r, "do", env).unwrap_or_default() } else { short(&mut r, env) };
    let writes = r.flag("writes").map_or(by_name, |writes| writes.value);
    Operation { steps, writes, from_primary: r.word("from").is_some() }
}

/// Reads a step or a list of steps; those that cannot be read are told and left out.
pub(super) fn steps(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Vec<Step> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| step(item, env, diags)).collect(),
        Value::Map(_) => step(node, env, diags).into_iter().collect(),
        _ if node.is_broken() => Vec::new(),
        _ => {
            let spot = if node.is_null() { owner } else { node.spot };
            let message = format!("steps are expected here, this is {}", node.shape());
            diags.push(
                Diagnostic::new(Code::WrongShape, spot, message)
                    .help("write a list, as in `[{cpu: 3ms}, {call: db.read}]`"),
            );
            Vec::new()
        }
    }
}

fn short(r: &mut Reader, env: &mut Env) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |spot: Spot, verb: Option<Verb>| steps.extend(verb.map(|verb| plain(Spotted::new(verb, spot))));
    add(r.key("cpu"), draw(r, env, "cpu", Dimension::Time).map(Verb::Cpu));
    add(r.key("pages"), draw(r, env, "pages", Dimension::Number).map(Verb::Pages));
    add(r.key("io"), io(r, env));
    add(r.key("wait"), draw(r, env, "wait", Dimension::Time).map(Verb::Wait));
    add(r.key("bytes"), draw(r, env, "bytes", Dimension::Bytes).map(Verb::Respond));
    steps
}

/// A step with nothing around it.
fn plain(verb: Spotted<Verb>) -> Step {
    Step { verb, key: None, policy: crate::scenario::Policy::default(), fallback: None }
}

fn step(node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Option<Step> {
    let table = verb(node, STEPS, "a step", diags)?;
    let (key, _) = node.entry(table.name).expect("the verb is one of the keys");
    // The place of a step is that of its verb; a map in a list has no name to point at.
    let nameless = Spot { end: key.spot.start, ..key.spot };
    let mut r = Reader::new(nameless, node, table, diags);
    let mut around = policy(&mut r, env);
    let fallback = around.fallback.take();
    let mut named = if table.field("key").is_some() { name(&mut r, "key") } else { None };
    let verb = match table.name {
        "cpu" => draw(&mut r, env, "cpu", Dimension::Time).map(Verb::Cpu),
        "wait" => draw(&mut r, env, "wait", Dimension::Time).map(Verb::Wait),
        "pages" => draw(&mut r, env, "pages", Dimension::Number).map(Verb::Pages),
        "respond" => draw(&mut r, env, "respond", Dimension::Bytes).map(Verb::Respond),
        "io" => io(&mut r, env),
        "call" => call(&mut r),
        "parallel" => parallel(&mut r, env),
        "each" => r.object("each").and_then(|mut r| each(&mut r, env)),
        "choose" => choose(&mut r, env),
        "lock" => r.object("lock").and_then(|mut r| lock(&mut r, &mut named, env)),
        "transaction" => r.object("transaction").and_then(|mut r| {
            let within = name(&mut r, "in");
            let body = body(&mut r, "do", env);
            Some(Verb::Transaction { within: within?, body: body? })
        }),
        "spawn" => body(&mut r, "spawn", env).map(Verb::Spawn),
        "saga" => r.object("saga").map(|mut r| saga::saga(&mut r, env)),
        "replay" => r.object("replay").and_then(|mut r| events::replay(&mut r, &mut named, env)),
        "window" => r.object("window").and_then(|mut r| window::window(&mut r, env)),
        "dedupe" => r.object("dedupe").and_then(|mut r| saga::dedupe(&mut r)),
        "publish" => r.object("publish").and_then(|mut r| broker::publish(&mut r, &mut named, env)),
        "cached" | "get" | "put" | "invalidate" => {
            r.object(table.name).and_then(|mut r| in_cache(&mut r, table.name, &mut named, env))
        }
        _ => r.object("fail").and_then(|mut r| fail(&mut r)),
    };
    Some(Step { verb: Spotted::new(verb?, key.spot), key: named, policy: around, fallback })
}

fn body(r: &mut Reader, field: &str, env: &mut Env) -> Option<Vec<Step>> {
    let node = r.node(field)?;
    let owner = r.key(field);
    Some(steps(owner, node, env, r.diags()))
}

/// A count, or reads and writes with their size.
fn io(r: &mut Reader, env: &mut Env) -> Option<Verb> {
    let none = || Distribution::Constant(0.0);
    if r.node("io")?.as_map().is_none() {
        return draw(r, env, "io", Dimension::Number).map(|reads| Verb::Io { reads, writes: none(), bytes: None });
    }
    let mut r = r.object("io")?;
    let reads: Option<Distribution> = draw(&mut r, env, "reads", Dimension::Number);
    let writes = draw(&mut r, env, "writes", Dimension::Number);
    let bytes = draw(&mut r, env, "bytes", Dimension::Bytes);
    Some(Verb::Io { reads: reads.unwrap_or_else(none), writes: writes.unwrap_or_else(none), bytes })
}

fn call(r: &mut Reader) -> Option<Verb> {
    let node = r.node("call")?;
    let owner = r.key("call");
    let targets = shares(owner, node, "an operation such as `db.read`", r.diags());
    let scatter = r.word("shards").map(|_| join(r));
    if scatter.is_none() {
        inert(r, &["join", "on_error"], "unless `shards: all`");
    } else if 1 < targets.len() {
        r.tell(Diagnostic::new(
            Code::Excluded,
            r.key("shards"),
            "the shards of one database are asked, not of several",
        ));
    }
    (!targets.is_empty()).then_some(Verb::Call { targets, scatter })
}

fn parallel(r: &mut Reader, env: &mut Env) -> Option<Verb> {
    let owner = r.key("parallel");
    r.node("parallel")?;
    let branches: Vec<Vec<Step>> =
        r.list("parallel").into_iter().map(|node| steps(owner, node, env, r.diags())).collect();
    let join = join(r);
    if let Need::First(first) = join.need
        && branches.len() < first as usize
    {
        let message = format!("{first} of {} branches can never finish", branches.len());
        let told = Diagnostic::new(Code::ImpossibleQuorum, r.key("join"), message);
        r.tell(told.note_at(owner, "the branches are here"));
    }
    Some(Verb::Parallel { branches, join })
}

fn join(r: &mut Reader) -> Join {
    let need = match r.node("join").map(Node::as_text) {
        Some(Some(_)) => r.word("join").map(|word| if word.value == "any" { Need::Any } else { Need::All }),
        Some(None) => r.object("join").and_then(|mut r| first(&mut r)),
        None => None,
    };
    let ignore_errors = r.word("on_error").is_some_and(|word| word.value == "ignore");
    Join { need: need.unwrap_or(Need::All), ignore_errors }
}

fn first(r: &mut Reader) -> Option<Need> {
    if !r.node("first")?.as_text()?.ends_with('%') {
        return count(r, "first", 1).map(Need::First);
    }
    let share = r.share("first");
    r.within("first", share, 0.0, 1.0).map(|share| Need::Share(share.value))
}

fn each(r: &mut Reader, env: &mut Env) -> Option<Verb> {
    let times = draw(r, env, "times", Dimension::Number);
    let draw = name(r, "draw");
    let parallel = r.word("mode").is_some_and(|word| word.value == "parallel");
    let join = join(r);
    if !parallel {
        inert(r, &["join", "on_error"], "unless `mode: parallel`");
    }
    let body = body(r, "do", env);
    Some(Verb::Each { times: times?, draw, parallel, body: body?, join })
}

fn choose(r: &mut Reader, env: &mut Env) -> Option<Verb> {
    let owner = r.key("choose");
    r.node("choose")?;
    let mut choices = Vec::new();
    for node in r.list("choose") {
        let nameless = Spot { end: node.spot.start, ..node.spot };
        choices.extend(choice(&mut Reader::new(nameless, node, &CHOICE, r.diags()), env));
    }
    if choices.is_empty() || choices.iter().all(|choice| choice.weight == 0.0) {
        r.tell(Diagnostic::new(Code::OutOfRange, owner, "none of the ways can ever be chosen"));
    }
    Some(Verb::Choose(choices))
}

fn choice(r: &mut Reader, env: &mut Env) -> Option<Choice> {
    let weight = match r.node("weight") {
        Some(node) => parse_node(node, Code::Unit, |text| units::parse_as(text, Dimension::Number), r.diags()),
        None => None,
    };
    let weight = r.within("weight", weight, 0.0, f64::INFINITY).map_or(1.0, |weight| weight.value);
    let when = r.node("when").and_then(|node| {
        let objectives: Vec<&str> = env.objectives.iter().map(String::as_str).collect();
        let read = watch::condition(r.key("when"), node, &objectives, r.diags())?;
        Some(Spotted::new(read, node.part(0, usize::MAX)))
    });
    let body = body(r, "do", env)?;
    Some(Choice { weight, when, body })
}

fn lock(r: &mut Reader, key: &mut Option<Spotted<String>>, env: &mut Env) -> Option<Verb> {
    *key = name(r, "key");
    let exclusive = r.word("mode").is_none_or(|word| word.value == "exclusive");
    let timeout_s = if r.is("timeout", "none") { None } else { r.time("timeout").map(|time| time.value) };
    let within = name(r, "in");
    let name = r.text("name");
    let body = body(r, "do", env);
    Some(Verb::Lock { name: name?.value, exclusive, timeout_s, within, body: body? })
}

fn fail(r: &mut Reader) -> Option<Verb> {
    let share = r.share("share");
    let share = r.within("share", share, 0.0, 1.0).map_or(1.0, |share| share.value);
    let by = name(r, "by");
    Some(Verb::Fail { share, kind: r.text("as")?.value, by })
}

/// What a step does with a cache.
fn in_cache(r: &mut Reader, verb: &str, key: &mut Option<Spotted<String>>, env: &mut Env) -> Option<Verb> {
    *key = name(r, "key");
    let cache = name(r, "in");
    let mut steps = |field: &str| if r.has(field) { body(r, field, env).unwrap_or_default() } else { Vec::new() };
    Some(match verb {
        "cached" => Verb::Cached { miss: steps("miss"), cache: cache? },
        "get" => Verb::Get { hit: steps("hit"), miss: steps("miss"), cache: cache? },
        "put" => Verb::Put { bytes: draw(r, env, "bytes", Dimension::Bytes), cache: cache? },
        _ => Verb::Invalidate { cache: cache? },
    })
}

impl Verb {
    /// The word it is written with.
    pub fn word(&self) -> &'static str {
        match self {
            Verb::Cpu(_) => "cpu",
            Verb::Wait(_) => "wait",
            Verb::Io { .. } => "io",
            Verb::Pages(_) => "pages",
            Verb::Call { .. } => "call",
            Verb::Parallel { .. } => "parallel",
            Verb::Each { .. } => "each",
            Verb::Choose(_) => "choose",
            Verb::Lock { .. } => "lock",
            Verb::Transaction { .. } => "transaction",
            Verb::Spawn(_) => "spawn",
            Verb::Respond(_) => "respond",
            Verb::Fail { .. } => "fail",
            Verb::Cached { .. } => "cached",
            Verb::Get { .. } => "get",
            Verb::Put { .. } => "put",
            Verb::Invalidate { .. } => "invalidate",
            Verb::Publish(_) => "publish",
            Verb::Saga(_) => "saga",
            Verb::Dedupe(_) => "dedupe",
            Verb::Window(_) => "window",
            Verb::Replay(_) => "replay",
        }
    }
}
