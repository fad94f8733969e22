//! `run:`: how long, how often, from which seed.

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::scenario::condition::parse;
use crate::scenario::values::count;
use crate::scenario::{Length, Precision, Run, RunLimit, Warmup};
use crate::units::{self, UnitError};

/// What of a long run is simulated, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Whole behind each start and end of a fault.
    pub after_s: f64,
    /// Length of a sample, and distance of two.
    pub window_s: f64,
    pub every_s: f64,
}

/// The fields of `run:`.
pub static RUN: Table = Table {
    name: "run",
    about: "How long, how often and from which seed the scenario is simulated",
    fields: &[
        Field::new("start", Shape::AtTime, "Mon 06:00", "The time of the week at which the run starts").or("Mon 00:00"),
        Field::new("duration", Shape::Time, "10m", "Simulated time"),
        Field::new(
            "requests",
            Shape::Count,
            "2M",
            "Instead of `duration`: so many requests are created, and the run ends when the last has left",
        ),
        Field::new(
            "warmup",
            Shape::OneOf(&[Shape::Time, Shape::Word(&["auto", "none"])]),
            "auto",
            "What is cut off before measuring; `auto` finds it by MSER-5, before the first fault or change of load",
        )
        .or("auto"),
        Field::new(
            "prefill",
            Shape::OneOf(&[Shape::Time, Shape::Word(&["auto", "none"])]),
            "1h",
            "Caches and buffer pools start as so much key traffic would leave them; `auto`: as much as fills them, and of logs what faults read again; `none`: cold",
        )
        .or("auto"),
        Field::new("replications", Shape::Count, "5", "Independent runs; intervals come from their differences")
            .or("5"),
        Field::new(
            "precision",
            Shape::Object(&PRECISION),
            "{of: latency p99, within: 5%}",
            "Replicate until a measure is known well enough",
        ),
        Field::new("seed", Shape::Count, "42", "Where all random numbers start").or("42"),
        Field::new(
            "scale",
            Shape::Text,
            "1/50",
            "Simulate every 50th user and every 50th instance; where there are too few instances, 1/50 of what each has",
        )
        .or("1/1"),
        Field::new(
            "sampling",
            Shape::Object(&SAMPLING),
            "{after: 15m, window: 1m, every: 1d}",
            "For long runs with rare faults: simulate what surrounds each start and end of a fault, and samples of the quiet time",
        ),
        Field::new(
            "limit",
            Shape::Object(&LIMIT),
            "{memory: 2GiB, events: 10G}",
            "What a run may use before it is stopped",
        )
        .or("{}"),
    ],
};

static PRECISION: Table = Table {
    name: "precision of a run",
    about: "Replicate until the 95 % interval of a measure is narrow enough",
    fields: &[
        Field::new("of", Shape::Measure, "latency p99", "The measure").required(),
        Field::new("within", Shape::Share, "5%", "Half-width of the interval, as a share of the mean").required(),
        Field::new("most", Shape::Count, "100", "Most replications").or("100"),
    ],
};

static SAMPLING: Table = Table {
    name: "sampling of a run",
    about: "What of a long run is simulated; the shares of all requests are those of the whole run",
    fields: &[
        Field::new("after", Shape::Time, "15m", "Whole behind each start and end of a fault").or("15m"),
        Field::new("window", Shape::Time, "1m", "Length of a sample of the quiet time; and whole before each change")
            .or("1m"),
        Field::new("every", Shape::Time, "1d", "Longest stretch of quiet time that one sample stands for").or("1d"),
    ],
};

static LIMIT: Table = Table {
    name: "limit of a run",
    about: "What a run may use; one that reaches a limit is stopped and reported as far as it came",
    fields: &[
        Field::new("memory", Shape::Bytes, "2GiB", "Memory of all that is in flight, for each replication").or("2GiB"),
        Field::new("events", Shape::Count, "10G", "Events of a replication").or("10G"),
        Field::new(
            "wall",
            Shape::OneOf(&[Shape::Time, Shape::Word(&["none"])]),
            "60s",
            "Real time; the only limit that depends on the machine",
        )
        .or("none"),
    ],
};

/// Reads `run:`.
pub(super) fn run(r: &mut Reader) -> Run {
    let length = match r.exactly_one(&["duration", "requests"]) {
        Some("requests") => r.count_from("requests", 1).map(|count| Length::Requests(count.value)),
        Some(_) => duration(r).map(Length::Duration),
        None => None,
    };
    let warmup = if r.is("warmup", "none") {
        Some(Warmup::Given(0.0))
    } else {
        r.time("warmup").map(|t| Warmup::Given(t.value))
    };
    let prefill = !r.is("prefill", "none");
    let prefill_s = r.time("prefill").map(|time| time.value);
    let mut run = Run {
        start_s: start(r),
        // Of a run whose length cannot be read nothing is too late.
        length: length.unwrap_or(Length::Duration(1e9)),
        warmup: warmup.unwrap_or(Warmup::Auto),
        replications: count(r, "replications", 1).unwrap_or(5),
        precision: None,
        seed: r.parsed("seed", Code::OutOfRange, seed).map_or(42, |seed| seed.value),
        limit: RunLimit { memory_bytes: 2_147_483_648.0, events: 10_000_000_000, wall_s: None },
        prefill,
        prefill_s,
        sampling: sampling(r),
        scale: r.parsed("scale", Code::OutOfRange, scale).unwrap_or(Spotted::new(1, Spot::default())),
    };
    run.precision = r.object("precision").and_then(|mut r| precision(&mut r));
    if let Some(mut r) = r.object("limit") {
        limit(&mut r, &mut run.limit);
    }
    cut_fits(r, &mut run);
    run
}

fn duration(r: &mut Reader) -> Option<f64> {
    let duration = r.time("duration")?;
    if duration.value <= 0.0 {
        r.tell(Diagnostic::new(Code::OutOfRange, duration.spot, "a run takes more than no time"));
        return None;
    }
    Some(duration.value)
}

/// A warm-up as long as the run leaves nothing to measure.
fn cut_fits(r: &mut Reader, run: &mut Run) {
    if let (Length::Duration(length), Warmup::Given(cut)) = (run.length, run.warmup)
        && length <= cut
        && let Some(node) = r.node("warmup")
    {
        let told =
            Diagnostic::new(Code::OutOfRange, node.spot, "the warm-up is as long as the run, so nothing is measured");
        let duration = r.key("duration");
        r.tell(told.note_at(duration, "the run is this long"));
        run.warmup = Warmup::Auto;
    }
}

fn start(r: &mut Reader) -> f64 {
    let read = |text: &str| match units::clock(text) {
        Some(clock) => Ok(clock.since.secs()),
        None => Err(UnitError {
            start: 0,
            end: text.len(),
            message: format!("`{text}` is not a time of the week"),
            help: Some("write it as in `Mon 06:00`".to_owned()),
        }),
    };
    r.parsed("start", Code::Unit, read).map_or(0.0, |start| start.value)
}

/// A seed is any whole number of 64 bits, also those too large for a count.
fn seed(text: &str) -> Result<u64, UnitError> {
    text.parse().map_err(|_| UnitError {
        start: 0,
        end: text.len(),
        message: format!("`{text}` is not a seed"),
        help: Some("a seed is a whole number from 0 to 18446744073709551615".to_owned()),
    })
}

/// `1/50` as 50.
fn scale(text: &str) -> Result<u32, UnitError> {
    let part = text.split_once('/').filter(|(one, _)| one.trim() == "1").map(|(_, by)| by.trim().parse());
    match part {
        Some(Ok(by)) if 0 < by => Ok(by),
        _ => Err(UnitError {
            start: 0,
            end: text.len(),
            message: format!("`{text}` is not a part of the whole"),
            help: Some("write it as in `1/50`".to_owned()),
        }),
    }
}

fn precision(r: &mut Reader) -> Option<Precision> {
    let most = count(r, "most", 2).unwrap_or(100);
    let within = r.share("within");
    let within = r.within("within", within, 1e-6, 10.0);
    let of = r.node("of").and_then(|node| parse::measure(node, r.diags()));
    Some(Precision { of: of?, within: within?.value, most })
}

fn sampling(r: &mut Reader) -> Option<Spotted<Sampling>> {
    let spot = r.key("sampling");
    let mut r = r.object("sampling")?;
    let mut time = |name: &str, default: f64| {
        let time = r.time(name);
        r.within(name, time, 1e-3, 1e9).map_or(default, |time| time.value)
    };
    let (after_s, window_s, every_s) = (time("after", 900.0), time("window", 60.0), time("every", 86_400.0));
    if every_s < window_s {
        r.tell(
            Diagnostic::new(Code::OutOfRange, spot, "a sample is longer than what it stands for")
                .help("make `every` longer"),
        );
    }
    Some(Spotted::new(Sampling { after_s, window_s, every_s }, spot))
}

fn limit(r: &mut Reader, limit: &mut RunLimit) {
    if let Some(bytes) = r.bytes("memory") {
        limit.memory_bytes = bytes.value;
    }
    if let Some(events) = r.count_from("events", 1) {
        limit.events = events.value;
    }
    limit.wall_s = if r.is("wall", "none") { None } else { r.time("wall").map(|wall| wall.value) };
}
