//! `policies:` and the same words on a load or a step: what surrounds a call.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, PolicyForm, Shape, Table, Thing};
use crate::policy::breaker::Breaker;
use crate::policy::eject::Eject;
use crate::policy::hedge::{After, Hedge};
use crate::policy::limit::{self, Limit};
use crate::policy::outcomes::{Errors, Slow, Trip, read_length};
use crate::policy::retry::{self, Backoff, Jitter, Retry};
use crate::reader::read_term;
use crate::scenario::step;
use crate::scenario::values::{Env, count, draw, forms, name_of};
use crate::scenario::{Cancel, Connect, Fallback, Policy, Pool, Sidecar};
use crate::text::Node;
use crate::units::{self, Dimension, Span, UnitError};

/// What a policy of an arrow may say.
pub static POLICY: Table = Table {
    name: "policy",
    about: "What surrounds the calls of an arrow `caller -> callee`; field by field the more exact arrow wins",
    fields: &[
        TIMEOUT,
        DEADLINE,
        RETRY_FIELD,
        CANCEL,
        POOL_FIELD,
        RATE_LIMIT,
        FALLBACK,
        CONNECT_FIELD,
        SIDECAR_FIELD,
        BREAKER,
        EJECT,
        HEDGE,
    ],
};

static TIME_OR_NONE: &[Shape] = &[Shape::Time, Shape::Word(&["none"])];

pub(super) static TIMEOUT: Field =
    Field::new("timeout", Shape::OneOf(TIME_OR_NONE), "200ms", "How long one attempt may take; `none` for ever");
pub(super) static DEADLINE: Field = Field::new(
    "deadline",
    Shape::OneOf(TIME_OR_NONE),
    "10s",
    "How long all attempts may take together; handed down to everything called",
);
static RETRY_SHAPES: &[Shape] = &[Shape::Object(&RETRY), Shape::Word(&["none"])];
pub(super) static RETRY_FIELD: Field = Field::new(
    "retry",
    Shape::OneOf(RETRY_SHAPES),
    "{attempts: 3, backoff: exponential(50ms x2 max=1s), jitter: full}",
    "Try again after a failure",
);
pub(super) static CANCEL: Field = Field::new(
    "cancel",
    Shape::OneOf(&[Shape::Bool, Shape::Text]),
    "after 50ms",
    "Whether what the caller has left behind is stopped: `true`, `false` or `after TIME`",
);
static FALLBACK_SHAPES: &[Shape] = &[Shape::Word(&["skip", "stale"]), Shape::Steps(step::STEPS)];
pub(super) static FALLBACK: Field = Field::new(
    "fallback",
    Shape::OneOf(FALLBACK_SHAPES),
    "skip",
    "What to do instead of failing: `skip`, `stale` (of a cache: an entry that has expired), or steps",
);
pub(super) static RATE_LIMIT: Field = Field::new(
    "rate_limit",
    Shape::Object(&LIMIT),
    "{limit: 1000/min, per: user, as: window}",
    "How many requests are let in",
);
pub(super) static CONNECT_FIELD: Field =
    Field::new("connect", Shape::Object(&CONNECT), "{round_trips: 2, keep: 60s}", "Handshakes of connections");
static POOL_FIELD: Field = Field::new(
    "pool",
    Shape::Object(&POOL),
    "{size: 20, wait: 1s, connect: 5ms}",
    "Connections of each instance of the caller",
);
static SIDECAR_FIELD: Field =
    Field::new("sidecar", Shape::Object(&SIDECAR), "{cpu: 60us, wait: 300us}", "What a proxy adds to each call");
pub(super) static BREAKER: Field = Field::new(
    "breaker",
    Shape::Object(&BREAKER_TABLE),
    "{errors: 5 in a row, open: 30s, half_open: 1}",
    "Stop calling who keeps failing, for a while; calls then fail as `breaker_open`",
);
static EJECT: Field = Field::new(
    "eject",
    Shape::Object(&EJECT_TABLE),
    "{errors: 5 in a row, for: 30s, most: 50%}",
    "Leave failing instances out for a while",
);
pub(super) static HEDGE: Field = Field::new(
    "hedge",
    Shape::Object(&HEDGE_TABLE),
    "{after: p95, most: 1}",
    "Ask again, at another instance if there is one, when the answer is slow to come; the first answer counts",
);

static BACKOFF: [PolicyForm; retry::BACKOFF_FORMS.len()] = forms(retry::BACKOFF_FORMS);
static LIMITS: [PolicyForm; limit::FORMS.len()] = forms(limit::FORMS);
static JITTER: [PolicyForm; retry::JITTER_FORMS.len()] = forms(retry::JITTER_FORMS);

static RETRY: Table = Table {
    name: "retry",
    about: "When a caller tries again",
    fields: &[
        Field::new(
            "attempts",
            Shape::OneOf(&[Shape::Count, Shape::Word(&["unlimited"])]),
            "3",
            "Attempts in all, the first one too",
        )
        .or("3"),
        Field::new(
            "backoff",
            Shape::Policy(&BACKOFF),
            "exponential(50ms x2 max=1s)",
            "The pause before the next attempt",
        )
        .or("constant(0s)"),
        Field::new("jitter", Shape::Policy(&JITTER), "full", "How the pause is spread").or("none"),
        Field::new(
            "budget",
            Shape::Share,
            "10%",
            "Most retries, as a share of first attempts over the last ten seconds",
        ),
        Field::new(
            "on",
            Shape::ListOf(&Shape::Text),
            "[timeout, reset]",
            "The kinds of failure worth another attempt; without it all",
        ),
    ],
};

static POOL: Table = Table {
    name: "pool",
    about: "Connections that each instance of the caller holds to the callee; a bulkhead is a pool with `wait: 0s`",
    fields: &[
        Field::new("size", Shape::Count, "20", "Connections of an instance").required(),
        Field::new(
            "wait",
            Shape::OneOf(TIME_OR_NONE),
            "1s",
            "Longest wait for one, then the call fails as `pool_full`; `none` for ever",
        )
        .or("none"),
        Field::new("connect", Shape::Distribution(Dimension::Time), "5ms", "Time to open one").or("0s"),
    ],
};

static LIMIT: Table = Table {
    name: "rate limit",
    about: "How many requests are let in; the others fail as `rate_limited`",
    fields: &[
        Field::new("limit", Shape::Rate, "1000/min", "So many requests in that time").required(),
        Field::new("per", Shape::Name(Thing::Key), "user", "The key whose values each have a limit of their own"),
        Field::new("as", Shape::Policy(&LIMITS), "bucket(burst=100)", "What is counted").or("bucket"),
    ],
};

static LENGTH: &[Shape] = &[Shape::Time, Shape::Policy(&BACKOFF)];
static ERRORS: Field = Field::new(
    "errors",
    Shape::Text,
    "5 in a row",
    "How many failures: so many `in a row`, or a share of calls, `50% of 20`",
)
.required();
static ON: Field = Field::new(
    "on",
    Shape::ListOf(&Shape::Text),
    "[timeout, refused, unavailable]",
    "The kinds of failure that count; without it all",
);
static WINDOW: Field = Field::new(
    "window",
    Shape::Time,
    "10s",
    "Only calls of that long ago or less count, if there were so many; without it the last so many",
);
static SLOW: Field = Field::new(
    "slow",
    Shape::Text,
    "60% over 2s",
    "As bad as failures: such a share of the calls took longer than that",
);

static BREAKER_TABLE: Table = Table {
    name: "breaker",
    about: "One for each instance of the caller and each component it calls: closed, open after failures, half-open to try",
    fields: &[
        ERRORS,
        WINDOW,
        SLOW,
        ON,
        Field::new(
            "open",
            Shape::OneOf(LENGTH),
            "30s",
            "How long nothing passes; as a back-off, longer each time until it closes",
        )
        .or("30s"),
        Field::new("half_open", Shape::Count, "1", "Calls that then pass to see whether it is better").or("1"),
    ],
};

static EJECT_TABLE: Table = Table {
    name: "eject",
    about: "Each instance of the caller judges the instances of the callee by what it sees",
    fields: &[
        ERRORS,
        WINDOW,
        SLOW,
        ON,
        Field::new(
            "for",
            Shape::OneOf(LENGTH),
            "30s",
            "How long an instance is left out; as a back-off, longer each time until it succeeds",
        )
        .or("30s"),
        Field::new("most", Shape::Share, "50%", "Most of the instances that are out at once; never all").or("50%"),
    ],
};

static HEDGE_TABLE: Table = Table {
    name: "hedge",
    about: "Further copies of a slow call; `cancel` says what becomes of those that lose",
    fields: &[
        Field::new(
            "after",
            Shape::OneOf(&[Shape::Time, Shape::Text]),
            "p95",
            "When: a time after the copy before, or a percentile of what these calls have taken so far",
        )
        .required(),
        Field::new("most", Shape::Count, "1", "Most further copies of one call").or("1"),
    ],
};

static CONNECT: Table = Table {
    name: "connect",
    about: "Handshakes before the first request of a connection",
    fields: &[
        Field::new("round_trips", Shape::Number, "2", "Round trips of a handshake").or("2"),
        Field::new("keep", Shape::OneOf(TIME_OR_NONE), "60s", "How long an idle connection is kept; `none` for ever")
            .or("none"),
    ],
};

static SIDECAR: Table = Table {
    name: "sidecar",
    about: "What a proxy beside caller and callee adds to each call",
    fields: &[
        Field::new("cpu", Shape::Distribution(Dimension::Time), "60us", "Time on a core of each side"),
        Field::new("wait", Shape::Distribution(Dimension::Time), "300us", "Time that occupies no core"),
    ],
};

/// How exactly an arrow speaks of a call, by how exact its sides are (0: any, 1: a name, 2: its operation): 9 for two
/// operations, 1 for `any -> any`; the order of language section 7.
pub fn exactness(from: u8, to: u8) -> u8 {
    match (from, to) {
        (2, 2) => 9,
        (1, 2) => 8,
        (2, 1) => 7,
        (1, 1) => 6,
        (_, 2) => 5,
        (_, 1) => 4,
        (2, _) => 3,
        (1, _) => 2,
        _ => 1,
    }
}

/// Reads all of a policy that the reader's table offers.
pub(super) fn policy(r: &mut Reader, env: &mut Env) -> Policy {
    Policy {
        timeout: time_or_none(r, "timeout"),
        deadline: time_or_none(r, "deadline"),
        retry: retry_of(r),
        cancel: cancel(r),
        pool: offered(r, "pool").then(|| r.object("pool").and_then(|mut r| pool(&mut r, env))).flatten(),
        rate_limit: rate_limit(r),
        fallback: fallback(r, env),
        connect: connect(r),
        sidecar: offered(r, "sidecar").then(|| r.object("sidecar").map(|mut r| sidecar(&mut r, env))).flatten(),
        breaker: offered(r, "breaker").then(|| r.object("breaker").and_then(|mut r| breaker(&mut r))).flatten(),
        eject: offered(r, "eject").then(|| r.object("eject").and_then(|mut r| eject(&mut r))).flatten(),
        hedge: offered(r, "hedge").then(|| r.object("hedge").and_then(|mut r| hedge(&mut r))).flatten(),
    }
}

/// Reads `rate_limit:`, if the table offers it.
pub(super) fn rate_limit(r: &mut Reader) -> Option<Limit> {
    if !offered(r, "rate_limit") {
        return None;
    }
    let mut r = r.object("rate_limit")?;
    let (count, period_s) = r.parsed("limit", Code::Unit, Limit::read_rate)?.value;
    let per = r.text("per").map(|per| per.value);
    let kind = r.parsed("as", Code::Policy, |text| limit::Kind::read(&read_term(text)?));
    let kind = kind.map_or(limit::Kind::Bucket { burst: None }, |kind| kind.value);
    let limit = Limit { count, period_s, per, kind };
    if let Some(problem) = limit.problem() {
        let told = Diagnostic::new(Code::OutOfRange, r.key("limit"), problem);
        r.tell(told);
    }
    Some(limit)
}

/// Reads `fallback:`: `skip`, `stale` or steps.
pub(super) fn fallback(r: &mut Reader, env: &mut Env) -> Option<Fallback> {
    if !offered(r, "fallback") {
        return None;
    }
    let node = r.node("fallback")?;
    match node.as_text() {
        Some("skip") => Some(Fallback::Skip),
        Some("stale") => Some(Fallback::Stale),
        Some(text) => {
            let told = Diagnostic::new(Code::UnknownWord, node.spot, format!("`{text}` is not a fallback"));
            r.tell(told.nearest(text, ["skip", "stale"]).note("a fallback is `skip`, `stale` or a list of steps"));
            None
        }
        None => {
            let owner = r.key("fallback");
            Some(Fallback::Steps(step::steps(owner, node, env, r.diags())))
        }
    }
}

/// Whether the reader's table has the field; a step has fewer than an arrow.
fn offered(r: &Reader, name: &str) -> bool {
    r.table().field(name).is_some_and(|field| field.available)
}

#[expect(clippy::option_option, reason = "nothing said, `none` said, or a time said")]
fn time_or_none(r: &mut Reader, name: &str) -> Option<Option<f64>> {
    if !offered(r, name) {
        return None;
    }
    if r.is(name, "none") {
        return Some(None);
    }
    let Some(time) = r.time(name) else {
        // One that cannot be read is told; that it is there counts all the same.
        return r.has(name).then_some(None);
    };
    if time.value <= 0.0 {
        r.tell(Diagnostic::new(Code::OutOfRange, time.spot, format!("a {name} is longer than nothing")));
        return Some(None);
    }
    Some(Some(time.value))
}

#[expect(clippy::option_option, reason = "nothing said, `none` said, or a policy said")]
fn retry_of(r: &mut Reader) -> Option<Option<Retry>> {
    if !offered(r, "retry") {
        return None;
    }
    if r.is("retry", "none") {
        return Some(None);
    }
    let mut r = r.object("retry")?;
    let usual = Retry::default();
    let attempts = if r.is("attempts", "unlimited") { None } else { count(&mut r, "attempts", 1).or(usual.attempts) };
    let backoff = r.parsed("backoff", Code::Policy, |text| Backoff::read(&read_term(text)?));
    let backoff = backoff.map_or(usual.backoff, |found| found.value);
    let jitter = r.parsed("jitter", Code::Policy, |text| Jitter::read(&read_term(text)?));
    let jitter = jitter.map_or(usual.jitter, |found| found.value);
    let budget = r.share("budget").map(|share| share.value);
    let on = kinds(&mut r);
    Some(Some(Retry { attempts, backoff, jitter, budget, on, on_mask: u64::MAX }))
}

/// The kinds of failure under `on`, by name.
fn kinds(r: &mut Reader) -> Vec<String> {
    let mut on = Vec::new();
    for node in r.list("on") {
        on.extend(name_of(node, "a kind of failure", r.diags()).map(|kind| kind.value));
    }
    on.sort();
    on
}

fn cancel(r: &mut Reader) -> Option<Cancel> {
    if !offered(r, "cancel") {
        return None;
    }
    let read = |text: &str| match text {
        "true" => Ok(Cancel::After(0.0)),
        "false" => Ok(Cancel::No),
        _ => match text.strip_prefix("after ") {
            Some(time) => {
                let read = units::parse_as(time, Dimension::Time).map(Cancel::After);
                read.map_err(|error| error.shifted("after ".len()))
            }
            None => Err(UnitError {
                start: 0,
                end: text.len(),
                message: format!("`{text}` does not say when to cancel"),
                help: Some("write `true`, `false` or `after 50ms`".to_owned()),
            }),
        },
    };
    r.parsed("cancel", Code::UnknownWord, read).map(|cancel| cancel.value)
}

fn pool(r: &mut Reader, env: &mut Env) -> Option<Pool> {
    let wait_s = if r.is("wait", "none") { None } else { r.time("wait").map(|wait| wait.value) };
    let connect = draw(r, env, "connect", Dimension::Time).filter(|time| *time != Distribution::Constant(0.0));
    let size = r.count("size")?;
    if size.value == 0 {
        let told = Diagnostic::new(Code::ImpossiblePool, size.spot, "a pool of nothing serves nobody");
        r.tell(told.help("give it one connection at least"));
        return None;
    }
    let size = count(r, "size", 1)?;
    Some(Pool { size, wait_s, connect })
}

fn connect(r: &mut Reader) -> Option<Connect> {
    if !offered(r, "connect") {
        return None;
    }
    let mut r = r.object("connect")?;
    let round_trips = r.number("round_trips");
    let round_trips = r.within("round_trips", round_trips, 0.0, 100.0).map_or(2.0, |number| number.value);
    let keep_s = if r.is("keep", "none") { None } else { r.time("keep").map(|keep| keep.value) };
    Some(Connect { round_trips, keep_s })
}

fn sidecar(r: &mut Reader, env: &mut Env) -> Sidecar {
    Sidecar { cpu: draw(r, env, "cpu", Dimension::Time), wait: draw(r, env, "wait", Dimension::Time) }
}

/// What outcomes are bad enough, for a breaker or for ejection.
fn trip(r: &mut Reader) -> Option<Trip> {
    let slow = r.parsed("slow", Code::Policy, Slow::read).map(|slow| slow.value);
    let (window, on) = (r.span("window").map(|window| window.value), kinds(r));
    let errors = r.parsed("errors", Code::Policy, Errors::read)?.value;
    Some(Trip { errors, window, slow, on, on_mask: u64::MAX })
}

fn length(r: &mut Reader, name: &str) -> Backoff {
    r.parsed(name, Code::Unit, read_length).map_or(Backoff::Constant(Span(30_000_000_000)), |length| length.value)
}

fn breaker(r: &mut Reader) -> Option<Breaker> {
    let (open, half_open) = (length(r, "open"), count(r, "half_open", 1).unwrap_or(1));
    let read = Breaker { trip: trip(r)?, open, half_open };
    tell(r, "errors", read.problem());
    Some(read)
}

fn eject(r: &mut Reader) -> Option<Eject> {
    let (length, most) = (length(r, "for"), r.share("most").map_or(0.5, |most| most.value));
    let read = Eject { trip: trip(r)?, length, most };
    tell(r, "errors", read.problem());
    Some(read)
}

fn hedge(r: &mut Reader) -> Option<Hedge> {
    let most = count(r, "most", 1).unwrap_or(1);
    let read = Hedge { after: r.parsed("after", Code::Policy, After::read)?.value, most };
    tell(r, "after", read.problem());
    Some(read)
}

fn tell(r: &mut Reader, at: &str, problem: Option<String>) {
    if let Some(problem) = problem {
        let told = Diagnostic::new(Code::OutOfRange, r.key(at), problem);
        r.tell(told);
    }
}

/// Reads one policy of an arrow.
pub(super) fn of_arrow(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Policy {
    policy(&mut Reader::new(owner, node, &POLICY, diags), env)
}
