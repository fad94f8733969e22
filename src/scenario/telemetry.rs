//! `kind: telemetry`: what is written down about requests, metrics and traces, what that costs, and how long it is kept.

use crate::catalogue;
use crate::diagnostic::{Code, Diagnostic};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::Reference;
use crate::scenario::component::{ABSTRACT, KIND, LIKE};
use crate::scenario::values::{Env, draw, inert, name_of};
use crate::units::{Dimension, Per};

/// What is collected, where and for how long.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Empty: everything that runs on machines of one's own.
    pub of: Vec<Reference>,
    pub logs: Option<Logs>,
    pub metrics: Option<Metrics>,
    pub traces: Option<Traces>,
    /// Tiers: name, seconds in it, dollars a byte and second.
    pub retain: Vec<(&'static str, f64, f64)>,
    /// Dollars a byte taken in.
    pub price_per_byte: f64,
}

#[derive(Clone, Debug)]
pub struct Logs {
    /// Lines of a visit, bytes and CPU seconds of a line.
    pub lines: Distribution,
    pub bytes: Distribution,
    pub cpu: Distribution,
    /// Share of requests whose lines are kept.
    pub sample: f64,
    /// Visits that fail are kept whatever the sample.
    pub keeps_errors: bool,
}

#[derive(Clone, Debug)]
pub struct Metrics {
    pub every_s: f64,
    /// Series in all.
    pub series: f64,
    /// Of one point.
    pub bytes: f64,
    pub cpu_s: f64,
}

#[derive(Clone, Debug)]
pub struct Traces {
    pub sample: f64,
    /// All spans are sent, and it is decided when the request is over.
    pub tail: bool,
    pub keeps_errors: bool,
    /// Requests that take at least so long are kept, seconds.
    pub slow_s: Option<f64>,
    /// Of a span.
    pub bytes: Distribution,
    pub cpu: Distribution,
}

/// Logs, metrics and traces.
pub static TELEMETRY: Table = Table {
    name: "telemetry",
    about: "Agents that write down what components do: they cost cores and network there, and storage later",
    fields: &[
        KIND,
        LIKE,
        ABSTRACT,
        Field::new(
            "of",
            Shape::OneOf(&[
                Shape::Word(&["any"]),
                Shape::Name(Thing::Component),
                Shape::ListOf(&Shape::Name(Thing::Component)),
            ]),
            "[web, db]",
            "What is watched; `any` is everything but somebody else's services and what stands at users",
        )
        .or("any"),
        Field::new(
            "logs",
            Shape::Object(&LOGS),
            "{lines: uniform(3 5), bytes: 500B, sample: 10%, keep: [errors]}",
            "Lines",
        ),
        Field::new(
            "metrics",
            Shape::Object(&METRICS),
            "{every: 15s, series: 20k}",
            "Figures that are read again and again",
        ),
        Field::new("traces", Shape::Object(&TRACES), "{sample: 1%}", "A span for each visit of a request"),
        Field::new(
            "retain",
            Shape::Object(&RETAIN),
            "{hot: 7d, warm: 23d, cold: 335d}",
            "How long what was kept is stored where",
        ),
        Field::new("price", Shape::Price(Dimension::MoneyPer(Per::Byte)), "$0.10/GB", "Of each byte that is taken in")
            .or("$0/GB"),
    ],
};
static LOGS: Table = Table {
    name: "logs",
    about: "Lines that visits write",
    fields: &[
        Field::new("lines", Shape::Distribution(Dimension::Count), "uniform(3 5)", "Lines of a visit").or("1"),
        Field::new("bytes", Shape::Distribution(Dimension::Bytes), "500B", "Size of a line").or("500B"),
        Field::new("sample", Shape::Share, "10%", "Share of requests whose lines are written").or("100%"),
        Field::new("keep", Shape::ListOf(&Shape::Word(&["errors"])), "[errors]", "What is written whatever the sample"),
        Field::new("cpu", Shape::Distribution(Dimension::Time), "5us", "Time on a core for each line that is written")
            .or("0s"),
    ],
};
static METRICS: Table = Table {
    name: "metrics",
    about: "Figures that are read again and again",
    fields: &[
        Field::new("every", Shape::Time, "15s", "Time between two readings").or("15s"),
        Field::new("series", Shape::Count, "20k", "Figures in all, the same number at each instance").required(),
        Field::new("bytes", Shape::Bytes, "2B", "Size of one reading of a figure, as it is kept").or("2B"),
        Field::new("cpu", Shape::Time, "1us", "Time on a core for one reading of a figure").or("0s"),
    ],
};
static TRACES: Table = Table {
    name: "traces",
    about: "A span for each visit of a request",
    fields: &[
        Field::new("sample", Shape::Share, "1%", "Share of requests whose spans are kept").or("100%"),
        Field::new(
            "how",
            Shape::Word(&["head", "tail"]),
            "tail",
            "Decided when a request begins, so that others cost nothing; or when it is over, so that all spans have to be sent",
        )
        .or("head"),
        Field::new(
            "keep",
            Shape::ListOf(&Shape::Word(&["errors", "slow"])),
            "[errors, slow]",
            "With `how: tail`: what is kept whatever the sample",
        ),
        Field::new("slow", Shape::Time, "1s", "How long a request takes that counts as slow"),
        Field::new("bytes", Shape::Distribution(Dimension::Bytes), "500B", "Size of a span").or("500B"),
        Field::new("cpu", Shape::Distribution(Dimension::Time), "10us", "Time on a core for each span that is sent").or("0s"),
    ],
};
static RETAIN: Table = Table {
    name: "retain",
    about: "How long what was kept is stored where: first hot, then warm, then cold",
    fields: &[
        Field::new("hot", Shape::OneOf(TIERS), "7d", "On fast disks, to be searched").or("0d"),
        Field::new("warm", Shape::OneOf(TIERS), "23d", "On slow ones").or("0d"),
        Field::new("cold", Shape::OneOf(TIERS), "{for: 335d, price: $0.004/GB/month}", "In an archive").or("0d"),
    ],
};
static TIERS: &[Shape] = &[Shape::Time, Shape::Object(&KEPT)];
static KEPT: Table = Table {
    name: "storage tier",
    about: "A time in one tier, with its price",
    fields: &[
        Field::new("for", Shape::Time, "7d", "How long").required(),
        Field::new("price", Shape::Price(Dimension::MoneyPer(Per::ByteTime)), "$0.05/GB/month", "Of what lies there")
            .required(),
    ],
};

/// Reads a telemetry.
pub(super) fn telemetry(r: &mut Reader, env: &mut Env) -> Telemetry {
    let logs = r.object("logs").map(|mut r| logs(&mut r, env));
    let metrics = r.object("metrics").and_then(|mut r| metrics(&mut r));
    let traces = r.object("traces").map(|mut r| traces(&mut r, env));
    if !["logs", "metrics", "traces"].into_iter().any(|field| r.has(field)) {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "this telemetry collects nothing");
        r.tell(told.help("add `logs:`, `metrics:` or `traces:`"));
    }
    let price = r.quantity("price", Dimension::MoneyPer(Per::Byte));
    let retain = r.object("retain").map_or_else(Vec::new, |mut r| retain(&mut r));
    Telemetry { of: of(r), logs, metrics, traces, retain, price_per_byte: price.map_or(0.0, |price| price.value) }
}

fn of(r: &mut Reader) -> Vec<Reference> {
    let Some(node) = r.node("of") else { return Vec::new() };
    if node.as_list().is_some() {
        let items = r.list("of");
        return items.iter().filter_map(|node| name_of(node, "a component", r.diags())).collect();
    }
    name_of(node, "a component, or several,", r.diags()).into_iter().filter(|name| name.value != "any").collect()
}

fn logs(r: &mut Reader, env: &mut Env) -> Logs {
    let sample = share(r);
    Logs {
        lines: draw(r, env, "lines", Dimension::Count).unwrap_or(Distribution::Constant(1.0)),
        bytes: draw(r, env, "bytes", Dimension::Bytes).unwrap_or(Distribution::Constant(500.0)),
        cpu: draw(r, env, "cpu", Dimension::Time).unwrap_or(Distribution::Constant(0.0)),
        sample,
        keeps_errors: keeps(r, &["errors"])[0],
    }
}

fn metrics(r: &mut Reader) -> Option<Metrics> {
    let every = r.time("every");
    let every_s = r.within("every", every, 1e-3, f64::INFINITY).map_or(15.0, |every| every.value);
    let (bytes, cpu) = (r.bytes("bytes"), r.time("cpu"));
    let series = r.count("series")?.value as f64;
    Some(Metrics { every_s, series, bytes: bytes.map_or(2.0, |b| b.value), cpu_s: cpu.map_or(0.0, |cpu| cpu.value) })
}

fn traces(r: &mut Reader, env: &mut Env) -> Traces {
    let tail = r.word("how").is_some_and(|how| how.value == "tail");
    let sample = share(r);
    let [keeps_errors, keeps_slow] = keeps(r, &["errors", "slow"]).try_into().unwrap_or([false; 2]);
    if !tail {
        inert(r, &["keep", "slow"], "where it is decided before a request has begun: write `how: tail`");
    } else if !keeps_slow {
        inert(r, &["slow"], "unless `keep` names it: write `keep: [slow]`");
    }
    let slow_s = r.time("slow").map(|slow| slow.value).filter(|_| keeps_slow);
    if tail && keeps_slow && !r.has("slow") {
        let told = Diagnostic::new(Code::MissingField, r.key("keep"), "it is not said which requests are slow");
        r.tell(told.help("add `slow: 1s`"));
    }
    Traces {
        sample,
        tail,
        keeps_errors,
        slow_s,
        bytes: draw(r, env, "bytes", Dimension::Bytes).unwrap_or(Distribution::Constant(500.0)),
        cpu: draw(r, env, "cpu", Dimension::Time).unwrap_or(Distribution::Constant(0.0)),
    }
}

fn share(r: &mut Reader) -> f64 {
    let sample = r.share("sample");
    r.within("sample", sample, 0.0, 1.0).map_or(1.0, |sample| sample.value)
}

/// Which of the words stand in `keep`.
fn keeps(r: &mut Reader, words: &[&str]) -> Vec<bool> {
    let mut found = vec![false; words.len()];
    for node in r.list("keep") {
        let Some(text) = node.as_text().filter(|_| !node.is_broken()) else { continue };
        match words.iter().position(|word| *word == text) {
            Some(at) => found[at] = true,
            None => {
                let told = Diagnostic::new(Code::UnknownWord, node.spot, format!("`{text}` cannot be kept for itself"));
                r.tell(told.nearest(text, words.iter().copied()));
            }
        }
    }
    found
}

fn retain(r: &mut Reader) -> Vec<(&'static str, f64, f64)> {
    let mut tiers = Vec::new();
    for (name, price) in catalogue::STORAGE_TIERS {
        let price = price / 1e9 / crate::units::MONTH;
        if r.node(name).is_some_and(|node| node.as_map().is_some()) {
            let Some(mut of) = r.object(name) else { continue };
            let (time, given) = (of.time("for"), of.quantity("price", Dimension::MoneyPer(Per::ByteTime)));
            tiers.extend(time.map(|time| (*name, time.value, given.map_or(price, |given| given.value))));
        } else if let Some(time) = r.time(name) {
            tiers.push((*name, time.value, price));
        }
    }
    tiers
}
