//! `load:`: who asks, how often, and how that changes over time.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::distribution::Distribution;
use crate::fields::reader::{Reader, parse_node};
use crate::fields::{Field, PolicyForm, Shape, Table, Thing};
use crate::policy::arrivals::{self, Arrivals, Ramp, Surge};
use crate::reader::read_term;
use crate::scenario::policy::{
    BREAKER, CANCEL, CONNECT_FIELD, DEADLINE, FALLBACK, HEDGE, RATE_LIMIT, RETRY_FIELD, TIMEOUT, policy,
};
use crate::scenario::values::{
    Env, cell_factor, cell_seconds, count, draw, forms, inert, moment, name, name_of, shares, since_start,
};
use crate::scenario::{KeyOverride, Policy};
use crate::scenario::{Reference, keys};
use crate::text::Node;
use crate::units::{self, Dimension, UnitError};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Load {
    pub demand: Demand,
    /// Target `component.operation` and its weight; empty for sessions, whose steps name theirs.
    pub requests: Vec<(Reference, f64)>,
    pub arrivals: Arrivals,
    /// What multiplies the rate over time: `shape`, `ramp`, `steps`, `csv`, `spike` in this order.
    pub shape: arrivals::Shape,
    /// The day of the shape is lived by the clock of each place, as written here.
    pub local: Option<Spot>,
    /// Keys this load pins to a value or draws in another way.
    pub keys: BTreeMap<String, Spotted<KeyOverride>>,
    /// The load as a caller.
    pub policy: Policy,
    /// Patience while waiting in the first queue, seconds.
    pub abandon: Option<Distribution>,
    /// Bytes a request carries.
    pub payload: Option<Distribution>,
    pub priority: Option<u8>,
    /// Where it comes from: regions, zones or one key whose shares are named after them, with their weights; empty enters
    /// at the door of its target without a link.
    pub from: Vec<(Reference, f64)>,
}

#[derive(Clone, Debug)]
pub enum Demand {
    /// Mean rate per second of open arrivals (also of `users: daily x each x peak`).
    Open { rate: f64 },
    /// A fixed population, each asks, waits for the answer, thinks (seconds), asks again.
    Closed { clients: u32, think: Distribution },
    /// Sessions start at a rate; each walks through its steps.
    Sessions { rate: f64, think: Distribution, keep: Vec<Reference>, steps: Vec<SessionStep> },
    /// Background work: one request every so many seconds, the first `at` (seconds since Monday 00:00, `day` if one was named).
    Every { every: f64, at: Option<Moment> },
    /// Arrival times (seconds since the start) and optionally the request each asks for.
    Trace { times: Vec<f64> },
}

#[derive(Clone, Debug)]
pub struct SessionStep {
    pub request: Reference,
    /// How many times, one after the other.
    pub times: Distribution,
}

/// A moment: since the start (`6m`) or of the clock (`07:45`, `Tue 18:00`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// Seconds since the start of the run.
    Since(f64),
    /// Seconds since midnight, every day (the first one after the start counts where one moment is wanted).
    Daily(f64),
    /// Seconds since Monday 00:00.
    Weekly(f64),
}

/// The fields of a load.
pub static LOAD: Table = Table {
    name: "load",
    about: "Who asks: open (`rate` or `users`), closed (`clients`), in sessions, or as background work (`every`)",
    fields: &[
        Field::new("rate", Shape::Rate, "90/s", "Open arrivals: the mean rate"),
        Field::new(
            "users",
            Shape::OneOf(&[Shape::Count, Shape::Object(&USERS)]),
            "{daily: 2M, each: 20/day, peak: 3}",
            "Open arrivals: how many people, each asking so often",
        ),
        Field::new("each", Shape::Rate, "20/day", "How often each of the `users` asks"),
        Field::new("peak", Shape::Number, "3", "The hour that is simulated, over the mean"),
        Field::new("clients", Shape::Count, "50", "Closed: so many, each waits for its answer, thinks, asks again"),
        Field::new(
            "think",
            Shape::Distribution(Dimension::Time),
            "exp(2s)",
            "Time between an answer and the next request of a client",
        ),
        Field::new(
            "sessions",
            Shape::Object(&SESSIONS),
            "{rate: 1/s, think: exp(5s), steps: [{request: edge.page, times: geometric(4)}]}",
            "Visitors who come, ask several times and leave",
        ),
        Field::new("every", Shape::Time, "24h", "Background work: one request in that time"),
        Field::new("at", Shape::AtTime, "02:00", "When the first request of background work comes"),
        Field::new(
            "requests",
            Shape::MapOf(&Shape::OneOf(&[Shape::Share, Shape::Number])),
            "{edge.profile: 80%, edge.post: 20%}",
            "What is asked for, by weight; the weights need not add to 1",
        ),
        Field::new(
            "from",
            Shape::OneOf(&[Shape::Name(Thing::Place), Shape::MapOf(&Shape::OneOf(&[Shape::Share, Shape::Number]))]),
            "{us-east-1: 60%, eu-west-1: 40%}",
            "Where it comes from: a place, places and their shares, or a key whose shares are named after places; without it \
             requests enter without a link",
        ),
        Field::new(
            "arrivals",
            Shape::Policy(&ARRIVALS),
            "gamma(cv=2)",
            "How the gaps between open arrivals are drawn; `poisson` unless given",
        ),
        Field::new(
            "shape",
            Shape::Object(&SHAPE),
            "{day: {00:00: 30%, 18:00: 350%}, week: {Sat: 60%}}",
            "The curve of a day and of a week; the mean is kept",
        ),
        Field::new(
            "ramp",
            Shape::Object(&RAMP),
            "{from: 10%, to: 500%, over: 30m}",
            "From one factor of the rate to another",
        ),
        Field::new("steps", Shape::MapOf(&FACTOR), "{0s: 1, 5m: 2}", "Factors of the rate, each from its time on"),
        Field::new(
            "csv",
            Shape::Name(Thing::File),
            "load.csv",
            "Factors of the rate over time, from a file with columns time and factor",
        ),
        Field::new(
            "spike",
            Shape::Object(&SPIKE),
            "{at: 5m, factor: 5, ramp: 10s, hold: 60s}",
            "Traffic that comes on top for a while",
        ),
        TIMEOUT,
        DEADLINE,
        RETRY_FIELD,
        CANCEL,
        FALLBACK,
        RATE_LIMIT,
        CONNECT_FIELD,
        HEDGE,
        BREAKER,
        Field::new("abandon", Shape::Distribution(Dimension::Time), "exp(10s)", "Patience in the first queue"),
        Field::new("payload", Shape::Distribution(Dimension::Bytes), "1KB", "Size of a request"),
        Field::new("priority", Shape::Count, "3", "What `order: priority` looks at; higher goes first"),
        Field::new(
            "keys",
            Shape::MapOf(&Shape::OneOf(&[Shape::Count, Shape::Policy(keys::POPULARITY)])),
            "{user: 17}",
            "Keys that this load pins to a value or draws in another way",
        ),
    ],
};

static FACTOR: Shape = Shape::OneOf(&[Shape::Number, Shape::Share]);

static USERS: Table = Table {
    name: "users",
    about: "How many people, and how often each asks",
    fields: &[
        Field::new("daily", Shape::Count, "2M", "People on a day").required(),
        Field::new("each", Shape::Rate, "20/day", "How often each asks").required(),
        Field::new("peak", Shape::Number, "3", "The hour that is simulated, over the mean").or("1"),
    ],
};
static SESSIONS: Table = Table {
    name: "sessions",
    about: "Visitors who come, ask several times and leave",
    fields: &[
        Field::new("rate", Shape::Rate, "1/s", "How many come").required(),
        Field::new(
            "think",
            Shape::Distribution(Dimension::Time),
            "exp(5s)",
            "Time between an answer and the next request",
        )
        .required(),
        Field::new(
            "keep",
            Shape::OneOf(&[Shape::Name(Thing::Key), Shape::ListOf(&Shape::Name(Thing::Key))]),
            "user",
            "Keys that stay the same for the whole session",
        ),
        Field::new(
            "steps",
            Shape::ListOf(&Shape::Object(&SESSION_STEP)),
            "[{request: edge.page, times: geometric(4)}]",
            "What each asks for, one after the other",
        )
        .required(),
    ],
};
static SESSION_STEP: Table = Table {
    name: "step of a session",
    about: "A request, so many times",
    fields: &[
        Field::new("request", Shape::Name(Thing::Operation), "edge.page", "What is asked for").required(),
        Field::new("times", Shape::Distribution(Dimension::Number), "geometric(4)", "How often").or("1"),
    ],
};
static SHAPE: Table = Table {
    name: "shape",
    about: "The curve of a day and of a week; the mean is kept",
    fields: &[
        Field::new(
            "day",
            Shape::MapOf(&FACTOR),
            "{00:00: 30%, 08:00: 300%, 18:00: 350%}",
            "Factors by time of day, linear between them",
        ),
        Field::new("week", Shape::MapOf(&FACTOR), "{Sat: 60%, Sun: 50%}", "Factors by day; days left out have 100%"),
        Field::new(
            "clock",
            Shape::Word(&["run", "local"]),
            "local",
            "Whose time of day: that of the run, or that of each place the load comes from, and the run's is UTC",
        )
        .or("run"),
    ],
};
static RAMP: Table = Table {
    name: "ramp",
    about: "From one factor of the rate to another, which holds afterwards",
    fields: &[
        Field::new("from", FACTOR, "10%", "At the start").or("100%"),
        Field::new("to", FACTOR, "500%", "At the end").required(),
        Field::new("over", Shape::Time, "30m", "How long it takes").required(),
    ],
};
static SPIKE: Table = Table {
    name: "spike",
    about: "Traffic that comes on top for a while",
    fields: &[
        Field::new("at", Shape::AtTime, "5m", "When the way up starts").required(),
        Field::new("factor", Shape::Number, "5", "How many times the rate at the top").required(),
        Field::new("ramp", Shape::Time, "10s", "Time of the way up, and of the way down").or("0s"),
        Field::new("hold", Shape::Time, "60s", "Time at the top; without it to the end"),
        Field::new("every", Shape::Time, "24h", "The same again after that time, and again"),
    ],
};
static ARRIVALS: [PolicyForm; arrivals::FORMS.len()] = forms(arrivals::FORMS);
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Reads one load.
pub(super) fn load(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Load {
    let mut r = Reader::new(owner, node, &LOAD, diags);
    let arrivals = how(&mut r);
    let demand = demand(&mut r, env, arrivals.as_ref());
    only_where_it_counts(&mut r, demand.as_ref());
    let arrivals = match arrivals {
        Some(How::Drawn(arrivals)) => arrivals,
        _ => Arrivals::Poisson,
    };
    Load {
        requests: requests(&mut r),
        arrivals,
        shape: shape(&mut r, env),
        local: local(&mut r),
        keys: overrides(&mut r, env),
        policy: policy(&mut r, env),
        abandon: draw(&mut r, env, "abandon", Dimension::Time),
        payload: draw(&mut r, env, "payload", Dimension::Bytes),
        priority: priority(&mut r),
        from: from(&mut r),
        demand: demand.unwrap_or(Demand::Open { rate: 0.0 }),
    }
}

/// How arrivals come: drawn, or out of a file.
enum How {
    Drawn(Arrivals),
    Trace(String, Spot),
}

fn how(r: &mut Reader) -> Option<How> {
    let read = |text: &str| -> Result<Result<Arrivals, String>, UnitError> {
        let term = read_term(text)?;
        if term.name.text != "trace" {
            return Arrivals::read(&term).map(Ok);
        }
        term.expect_positionals(1, 1, "trace(file.csv)")?;
        let file = term.positional(0).and_then(|value| value.word());
        Ok(Err(file.ok_or_else(|| term.missing("the name of a file", "trace(file.csv)"))?.text.clone()))
    };
    let found = r.parsed("arrivals", Code::Policy, read)?;
    Some(match found.value {
        Ok(arrivals) => How::Drawn(arrivals),
        Err(file) => How::Trace(file, found.spot),
    })
}

fn demand(r: &mut Reader, env: &mut Env, arrivals: Option<&How>) -> Option<Demand> {
    const WAYS: [&str; 5] = ["rate", "users", "clients", "sessions", "every"];
    if let Some(How::Trace(file, spot)) = arrivals {
        inert(r, &WAYS, "beside `arrivals: trace(...)`, which says when each request comes");
        return trace(file, *spot, env, r.diags());
    }
    match r.exactly_one(&WAYS)? {
        "rate" => r.rate("rate").map(|rate| Demand::Open { rate: rate.value }),
        "users" => users(r).map(|rate| Demand::Open { rate }),
        "clients" => {
            if !r.has("think") {
                let told =
                    Diagnostic::new(Code::MissingField, r.key("clients"), "clients need to know how long they think");
                r.tell(told.help("add `think: exp(2s)`, or `think: 0s` for clients that never pause"));
            }
            let clients = count(r, "clients", 1);
            Some(Demand::Closed { think: draw(r, env, "think", Dimension::Time)?, clients: clients? })
        }
        "sessions" => r.object("sessions").and_then(|mut r| sessions(&mut r, env)),
        _ => every(r),
    }
}

/// Fields that nothing would look at beside this demand.
fn only_where_it_counts(r: &mut Reader, demand: Option<&Demand>) {
    const OVER_TIME: [&str; 5] = ["shape", "ramp", "steps", "csv", "spike"];
    let Some(demand) = demand else { return };
    if !r.has("users") || r.node("users").is_some_and(|node| node.as_map().is_some()) {
        inert(r, &["each", "peak"], "beside anything but a number of `users`");
    }
    if !r.has("clients") {
        inert(r, &["think"], "without `clients`");
    }
    match demand {
        Demand::Open { .. } => {}
        Demand::Sessions { .. } => inert(r, &["requests", "arrivals"], "beside `sessions`, whose steps name theirs"),
        Demand::Trace { .. } => inert(r, &OVER_TIME, "beside a trace"),
        Demand::Closed { .. } | Demand::Every { .. } => {
            inert(r, &["arrivals"], "without `rate` or `users`");
            inert(r, &OVER_TIME, "without `rate` or `users`");
        }
    }
    if !r.has("every") {
        inert(r, &["at"], "without `every`");
    }
    if !matches!(demand, Demand::Sessions { .. }) && !r.has("requests") && r.is_map() {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "this load asks for nothing");
        r.tell(told.help("add `requests: {component.operation: 1}`"));
    }
}

fn users(r: &mut Reader) -> Option<f64> {
    let of = |r: &mut Reader, count: &str| {
        let people = r.count_from(count, 1);
        let each = r.rate("each");
        let peak = r.number("peak");
        let peak = r.within("peak", peak, 0.0, 1e6).map_or(1.0, |peak| peak.value);
        Some(people?.value as f64 * each?.value * peak)
    };
    if r.node("users")?.as_map().is_some() {
        return of(&mut r.object("users")?, "daily");
    }
    if !r.has("each") {
        let told = Diagnostic::new(Code::MissingField, r.key("users"), "users need to know how often each asks");
        r.tell(told.help("add `each: 20/day`"));
    }
    of(r, "users")
}

fn sessions(r: &mut Reader, env: &mut Env) -> Option<Demand> {
    let rate = r.rate("rate");
    let think = draw(r, env, "think", Dimension::Time);
    let mut keep: Vec<Reference> = Vec::new();
    for node in r.list_or_one("keep") {
        keep.extend(name_of(node, "a key", r.diags()));
    }
    let mut steps = Vec::new();
    for node in r.list("steps") {
        let nameless = Spot { end: node.spot.start, ..node.spot };
        let mut r = Reader::new(nameless, node, &SESSION_STEP, r.diags());
        let times = if r.has("times") {
            draw(&mut r, env, "times", Dimension::Number)
        } else {
            Some(Distribution::Constant(1.0))
        };
        if let (Some(request), Some(times)) = (name(&mut r, "request"), times) {
            steps.push(SessionStep { request, times });
        }
    }
    if steps.is_empty() && r.node("steps").is_some_and(|node| node.as_list().is_some_and(<[Node]>::is_empty)) {
        let told = Diagnostic::new(Code::OutOfRange, r.key("steps"), "a session asks for something at least once");
        r.tell(told);
    }
    Some(Demand::Sessions { rate: rate?.value, think: think?, keep, steps })
}

fn every(r: &mut Reader) -> Option<Demand> {
    let at = moment(r, "at").map(|at| at.value);
    let every = r.time("every")?;
    if every.value <= 0.0 {
        r.tell(Diagnostic::new(Code::OutOfRange, every.spot, "background work needs some time between two requests"));
        return None;
    }
    Some(Demand::Every { every: every.value, at })
}

fn trace(file: &str, spot: Spot, env: &mut Env, diags: &mut Diagnostics) -> Option<Demand> {
    let rows = env.rows(file, spot, diags)?;
    let mut times: Vec<f64> = Vec::with_capacity(rows.len());
    for cell in rows.iter().filter_map(|row| row.first()) {
        let time = cell_seconds(cell, diags)?;
        if times.last().is_some_and(|last| time < *last) {
            let told = Diagnostic::new(Code::OutOfRange, cell.spot, "the times of a trace must not go back");
            diags.push(told.note_at(spot, "the trace is used here"));
            return None;
        }
        times.push(time);
    }
    Some(Demand::Trace { times })
}

fn requests(r: &mut Reader) -> Vec<(Reference, f64)> {
    let Some(node) = r.node("requests") else { return Vec::new() };
    let owner = r.key("requests");
    shares(owner, node, "an operation such as `api.serve`", r.diags())
}

fn overrides(
    r: &mut Reader,
    env: &mut Env,
) -> std::collections::BTreeMap<String, Spotted<crate::scenario::KeyOverride>> {
    let mut read = std::collections::BTreeMap::new();
    for (key, node) in r.map("keys") {
        read.extend(keys::overriding(key, node, env, r.diags()).map(|value| (key.value.clone(), value)));
    }
    read
}

fn priority(r: &mut Reader) -> Option<u8> {
    let priority = r.count("priority")?;
    if 255 < priority.value {
        r.tell(Diagnostic::new(Code::OutOfRange, priority.spot, "a priority lies between 0 and 255"));
        return None;
    }
    Some(priority.value as u8)
}

fn from(r: &mut Reader) -> Vec<(Reference, f64)> {
    let Some(node) = r.node("from") else { return Vec::new() };
    let owner = r.key("from");
    shares(owner, node, "a place", r.diags())
}

fn shape(r: &mut Reader, env: &mut Env) -> arrivals::Shape {
    let mut shape = arrivals::Shape::default();
    if let Some(mut r) = r.object("shape") {
        curves(&mut r, &mut shape);
    }
    shape.ramp = r.object("ramp").and_then(|mut r| ramp(&mut r));
    shape.steps = points(r, "steps");
    if let Some(file) = r.text("csv") {
        shape.points = curve(&file, env, r.diags()).unwrap_or_default();
    }
    shape.surges = r.object("spike").and_then(|mut r| spike(&mut r, env)).into_iter().collect();
    shape
}

/// Where it says that the day is that of each place.
fn local(r: &mut Reader) -> Option<Spot> {
    let r = r.object("shape")?;
    r.is("clock", "local").then(|| r.key("clock"))
}

fn curves(r: &mut Reader, shape: &mut arrivals::Shape) {
    for (key, node) in r.map("day") {
        let clock = units::clock(&key.value).filter(|clock| !clock.day_named);
        if clock.is_none() {
            let told = Diagnostic::new(Code::Unit, key.spot, format!("`{}` is not a time of the day", key.value));
            r.tell(told.help("write it as in `08:00`"));
        }
        if let (Some(factor), Some(clock)) = (factor(node, r.diags()), clock) {
            shape.day.push((clock.since.secs(), factor));
        }
    }
    shape.day.sort_by(|a, b| a.0.total_cmp(&b.0));
    let days = r.map("week");
    if days.is_empty() {
        return;
    }
    let mut week = [1.0; 7];
    for (key, node) in days {
        if let Some(day) = DAYS.iter().position(|day| *day == key.value) {
            week[day] = factor(node, r.diags()).unwrap_or(1.0);
        } else {
            let message = format!("`{}` is not a day of the week", key.value);
            let told = Diagnostic::new(Code::UnknownWord, key.spot, message);
            r.tell(told.nearest(&key.value, DAYS).note("the days are Mon, Tue, Wed, Thu, Fri, Sat and Sun"));
        }
    }
    shape.week = Some(week);
}

/// A factor of the rate: a number or a share, not negative.
fn factor(node: &Node, diags: &mut Diagnostics) -> Option<f64> {
    let factor = parse_node(node, Code::Unit, |text| units::parse_as(text, Dimension::Number), diags)?;
    if factor.value < 0.0 {
        diags.push(Diagnostic::new(Code::OutOfRange, factor.spot, "a rate cannot be negative"));
        return None;
    }
    Some(factor.value)
}

fn field_factor(r: &mut Reader, name: &str) -> Option<f64> {
    let node = r.node(name)?;
    factor(node, r.diags())
}

fn ramp(r: &mut Reader) -> Option<Ramp> {
    let from = if r.has("from") { field_factor(r, "from")? } else { 1.0 };
    let to = field_factor(r, "to");
    let over = r.time("over");
    Some(Ramp { from, to: to?, over_s: over?.value })
}

/// A map from times since the start to factors, in the order of the times.
fn points(r: &mut Reader, field: &str) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for (key, node) in r.map(field) {
        let time = units::parse_as(&key.value, Dimension::Time);
        if let Err(error) = &time {
            let told = Diagnostic::new(Code::Unit, key.spot, error.message.clone());
            r.tell(told.help("write a time since the start, as in `5m`"));
        }
        if let (Some(factor), Ok(time)) = (factor(node, r.diags()), time) {
            points.push((time, factor));
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// The curve of a file: time and factor on each line.
fn curve(file: &Spotted<String>, env: &mut Env, diags: &mut Diagnostics) -> Option<Vec<(f64, f64)>> {
    let rows = env.rows(&file.value, file.spot, diags)?;
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(rows.len());
    for row in &rows {
        let [time, factor, ..] = row.as_slice() else {
            let told = Diagnostic::new(Code::WrongShape, row[0].spot, "a line of a load curve has a time and a factor");
            diags.push(told.help("write them as in `60, 1.5`"));
            return None;
        };
        let (time, factor) = (cell_seconds(time, diags)?, cell_factor(factor, diags)?);
        if points.last().is_some_and(|last| time <= last.0) || factor < 0.0 {
            let told = Diagnostic::new(
                Code::OutOfRange,
                row[0].spot,
                "times of a load curve rise, and its factors are not negative",
            );
            diags.push(told);
            return None;
        }
        points.push((time, factor));
    }
    Some(points)
}

fn spike(r: &mut Reader, env: &Env) -> Option<Surge> {
    let at = moment(r, "at");
    let factor = r.number("factor");
    let factor = r.within("factor", factor, 0.0, 1e6);
    let ramp_s = r.time("ramp").map_or(0.0, |ramp| ramp.value);
    let hold_s = r.time("hold").map_or(f64::INFINITY, |hold| hold.value);
    let every_s = r.time("every").map(|every| every.value);
    let at_s = since_start(at?.value, env.start_s);
    Some(Surge { at_s, factor: factor?.value, ramp_s, hold_s, every_s })
}
