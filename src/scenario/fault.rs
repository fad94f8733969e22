//! `faults:`: what goes wrong, when, and for how long.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::database::CopyPart;
use crate::scenario::deploy::{self, Deploy};
use crate::scenario::values::{Env, draw, moment, name_of, verb};
use crate::scenario::{Fault, Part, Reference, Target, When};
use crate::text::Node;
use crate::units::Dimension;

/// What a fault does.
#[derive(Clone, Debug)]
pub enum Act {
    Kill(Target),
    Slow {
        target: Target,
        factor: f64,
    },
    Errors {
        target: Target,
        share: f64,
        kind: String,
    },
    Surge {
        load: Reference,
        factor: f64,
        ramp_s: f64,
    },
    Pause(Target),
    /// Nothing passes between the two sides; `None` is everyone else.
    Partition(Sides),
    /// Messages between the two sides are lost or late.
    Link {
        sides: Sides,
        loss: f64,
        /// Seconds.
        delay: Option<Distribution>,
    },
    /// A new version takes the place of the old one.
    Deploy(Box<Deploy>),
    /// A database gets shards, which take their part of the data from the others at so many bytes a second.
    Reshard {
        database: Reference,
        to: Spotted<u32>,
        bytes_per_s: f64,
    },
    /// Dead letters go back to where they came from.
    Redrive {
        queue: Reference,
    },
    /// Groups read again what was appended in the last so many seconds.
    Rewind {
        topic: Reference,
        group: Option<Reference>,
        back_s: f64,
    },
    /// A share of the objects of a key change; these caches throw their old copies away.
    Release {
        key: Reference,
        share: f64,
        purge: Vec<Reference>,
    },
    /// The entry of a key value expires at once; without a value, all of them.
    Expire {
        cache: Reference,
        key: Option<Reference>,
        value: Option<u64>,
    },
}

/// What lies on either side of a fault between two of them; `None` is `any`.
pub type Sides = [Option<Target>; 2];

/// Every fault of this version; a table has the name of its verb.
pub static FAULTS: &[&Table] = &[
    &KILL,
    &SLOW,
    &ERRORS,
    &SURGE,
    &PAUSE,
    &PARTITION,
    &LINK,
    &EXPIRE,
    &FLUSH,
    &RELEASE,
    &RESHARD,
    &REDRIVE,
    &REWIND,
    &deploy::DEPLOY,
];

pub(super) static AT: Field = Field::new("at", Shape::AtTime, "6m", "When it happens");
pub(super) static EVERY: Field = Field::new(
    "every",
    Shape::Distribution(Dimension::Time),
    "exp(30s)",
    "Instead of `at`: again and again, so long after the last one ended",
);
static FOR: Field =
    Field::new("for", Shape::Distribution(Dimension::Time), "2m", "How long it lasts; without it to the end");

static KILL: Table = Table {
    name: "kill",
    about: "Instances, a host, a zone or a region die with all they are working on",
    fields: &[Field::new("kill", Shape::Name(Thing::Part), "web/2", "Who dies").required(), AT, EVERY, FOR],
};
static SLOW: Table = Table {
    name: "slow",
    about: "Instances, a host, a zone or a region take longer for everything",
    fields: &[
        Field::new("slow", Shape::Name(Thing::Part), "db/primary", "Who").required(),
        Field::new("factor", Shape::Number, "10", "How many times as long").required(),
        AT,
        EVERY,
        FOR,
    ],
};
static ERRORS: Table = Table {
    name: "errors",
    about: "Requests to a component or one of its operations fail",
    fields: &[
        Field::new("errors", Shape::Name(Thing::Part), "stripe", "Whose requests").required(),
        Field::new("share", Shape::Share, "30%", "How many of them").or("100%"),
        Field::new("as", Shape::Text, "unavailable", "The kind of failure").or("unavailable"),
        AT,
        EVERY,
        FOR,
    ],
};
static SURGE: Table = Table {
    name: "surge",
    about: "A load becomes a multiple of itself",
    fields: &[
        Field::new("surge", Shape::Name(Thing::Load), "members", "Which load").required(),
        Field::new("factor", Shape::Number, "5", "How many times the rate").required(),
        Field::new("ramp", Shape::Time, "10s", "Time of the way up, and of the way down").or("0s"),
        AT,
        EVERY,
        FOR,
    ],
};
static PAUSE: Table = Table {
    name: "pause",
    about: "Instances, a host, a zone or a region stand still, as in a garbage collection",
    fields: &[Field::new("pause", Shape::Name(Thing::Part), "web/any", "Who").required(), AT, EVERY, FOR],
};
static PARTITION: Table = Table {
    name: "partition",
    about: "Nothing passes between two regions, zones, components or instances, in either direction, until it ends",
    fields: &[
        Field::new(
            "partition",
            Shape::Name(Thing::Link),
            "us-east-1 -> eu-west-1",
            "Between whom; `any` is all others",
        )
        .required(),
        AT,
        EVERY,
        FOR,
    ],
};
static LINK: Table = Table {
    name: "link",
    about: "Messages between the two sides are late, or lost and sent again after 200 ms, 400 ms and so on, as by TCP",
    fields: &[
        Field::new("link", Shape::Name(Thing::Link), "web -> db", "Between whom; `any` is all others").required(),
        Field::new("loss", Shape::Share, "2%", "Share of the messages that have to be sent again, each way").or("0%"),
        Field::new(
            "delay",
            Shape::Distribution(Dimension::Time),
            "exp(20ms)",
            "How much longer a message takes, each way",
        )
        .or("0s"),
        AT,
        EVERY,
        FOR,
    ],
};
static EXPIRE: Table = Table {
    name: "expire",
    about: "An entry of a cache expires before its time",
    fields: &[
        Field::new("expire", Shape::Name(Thing::Component), "redis", "The cache").required(),
        Field::new("key", Shape::Name(Thing::Key), "user", "The key; without it that of the cache"),
        Field::new("value", Shape::Count, "1", "Its value").required(),
        AT,
        EVERY,
    ],
};
static FLUSH: Table = Table {
    name: "flush",
    about: "A cache is emptied",
    fields: &[Field::new("flush", Shape::Name(Thing::Component), "redis", "The cache").required(), AT, EVERY],
};
static RELEASE: Table = Table {
    name: "release",
    about: "Objects of a key change at their origin; copies of the old ones are stale until they expire or are purged, unless the key is `versioned`",
    fields: &[
        Field::new("release", Shape::Name(Thing::Key), "asset", "The key whose objects change").required(),
        Field::new("share", Shape::Share, "30%", "How many of them, whichever").or("100%"),
        Field::new(
            "purge",
            Shape::OneOf(PURGED),
            "cdn",
            "The cache, or the list of them, that throws away its copies of what has changed at the same moment; nobody can do that to caches with `per`, as browsers are",
        ),
        AT,
        EVERY,
    ],
};
static PURGED: &[Shape] = &[Shape::Name(Thing::Component), Shape::ListOf(&Shape::Name(Thing::Component))];
static REDRIVE: Table = Table {
    name: "redrive",
    about: "What a queue of dead letters holds goes back to where it came from, to be tried anew",
    fields: &[
        Field::new("redrive", Shape::Name(Thing::Component), "failed", "The queue of dead letters").required(),
        AT,
        EVERY,
    ],
};
static REWIND: Table = Table {
    name: "rewind",
    about: "A group reads a part of a topic again that it has done",
    fields: &[
        Field::new("rewind", Shape::Text, "stream.clicks", "The topic of a log").required(),
        Field::new("group", Shape::Text, "mail", "Who reads again; without it all groups"),
        Field::new("back", Shape::Time, "10m", "What was appended since so long, as far as it is kept").required(),
        AT,
        EVERY,
    ],
};
static RESHARD: Table = Table {
    name: "reshard",
    about: "A database gets more shards or fewer: machines join, the rows that move are copied, requests go there, machines leave",
    fields: &[
        Field::new("reshard", Shape::Name(Thing::Component), "db", "The database").required(),
        Field::new("to", Shape::Count, "5", "How many shards it has afterwards").required(),
        Field::new(
            "bandwidth",
            Shape::Bandwidth,
            "100MB/s",
            "How fast the rows are copied, over all shards; it loads disks and network cards",
        )
        .or("100MB/s"),
        AT,
    ],
};

/// Bytes a second.
const COPYING: f64 = 100e6;

/// Reads one fault.
pub(super) fn fault(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Option<Fault> {
    let table = verb(node, FAULTS, "a fault", diags)?;
    let mut r = Reader::new(owner, node, table, diags);
    let when = when(&mut r, env);
    let is_instant = ["expire", "flush", "release", "redrive", "rewind"].contains(&table.name);
    let at_once = Some(Distribution::Constant(0.0));
    let lasts = match table.field("for") {
        None if is_instant => at_once,
        None => None,
        Some(_) => draw(&mut r, env, "for", Dimension::Time),
    };
    let act = match table.name {
        "link" => link(&mut r, env),
        "deploy" => deploy::deploy(&mut r, env),
        verb => act(&mut r, verb),
    };
    let is_endless = lasts.is_none() && table.field("for").is_some() && !r.has("for");
    if is_endless && (r.has("every") || table.name == "pause") {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "this fault does not say how long it lasts");
        r.tell(told.help("add `for: 2m`"));
    }
    Some(Fault { when: when?, lasts, act: act? })
}

fn when(r: &mut Reader, env: &mut Env) -> Option<When> {
    let all = ["at", "every"];
    let known = if r.table().field("every").is_some() { &all[..] } else { &all[..1] };
    match r.exactly_one(known)? {
        "at" => moment(r, "at").map(|at| When::At(at.value)),
        _ => draw(r, env, "every", Dimension::Time).map(When::Every),
    }
}

fn act(r: &mut Reader, verb: &str) -> Option<Act> {
    match verb {
        "kill" => target(r, "kill").map(Act::Kill),
        "pause" => target(r, "pause").map(Act::Pause),
        "partition" => sides(r, "partition").map(Act::Partition),
        "slow" => {
            let target = target(r, "slow");
            let factor = factor(r);
            Some(Act::Slow { target: target?, factor: factor? })
        }
        "expire" => {
            let (cache, key) = (r.text("expire"), r.text("key"));
            let value = r.count("value").map(|value| value.value);
            Some(Act::Expire { cache: cache?, key, value: Some(value?) })
        }
        "reshard" => {
            let (database, to, rate) = (r.text("reshard"), r.count_from("to", 1), r.bandwidth("bandwidth"));
            let bytes_per_s = r.within("bandwidth", rate, 1.0, f64::INFINITY).map_or(COPYING, |rate| rate.value);
            let to = to.map(|to| to.map(|to| to.min(u64::from(u32::MAX)) as u32));
            Some(Act::Reshard { database: database?, to: to?, bytes_per_s })
        }
        "redrive" => Some(Act::Redrive { queue: r.text("redrive")? }),
        "rewind" => {
            let (topic, group, back) = (r.text("rewind"), r.text("group"), r.time("back"));
            let back_s = r.within("back", back, 1e-9, f64::INFINITY)?.value;
            Some(Act::Rewind { topic: topic?, group, back_s })
        }
        "release" => {
            let (key, share) = (r.text("release"), r.share("share"));
            let share = r.within("share", share, 0.0, 1.0).map_or(1.0, |share| share.value);
            let purge = r.list_or_one("purge");
            let purge =
                purge.into_iter().filter_map(|node| name_of(node, "a cache such as `cdn`", r.diags())).collect();
            Some(Act::Release { key: key?, share, purge })
        }
        "flush" => Some(Act::Expire { cache: r.text("flush")?, key: None, value: None }),
        "errors" => {
            let target = target(r, "errors");
            let share = r.share("share");
            let share = r.within("share", share, 0.0, 1.0).map_or(1.0, |share| share.value);
            let kind = r.text("as").map_or_else(|| "unavailable".to_owned(), |kind| kind.value);
            Some(Act::Errors { target: target?, share, kind })
        }
        _ => {
            let load = r.text("surge");
            let factor = factor(r);
            let ramp_s = r.time("ramp").map_or(0.0, |ramp| ramp.value);
            Some(Act::Surge { load: load?, factor: factor?, ramp_s })
        }
    }
}

fn link(r: &mut Reader, env: &mut Env) -> Option<Act> {
    let sides = sides(r, "link");
    let loss = r.share("loss");
    let loss = r.within("loss", loss, 0.0, 1.0).map_or(0.0, |loss| loss.value);
    let delay = draw(r, env, "delay", Dimension::Time);
    if !r.has("loss") && !r.has("delay") {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "nothing is wrong with this link");
        r.tell(told.help("add `loss: 2%`, `delay: exp(20ms)` or both; where nothing passes write `partition`"));
    }
    Some(Act::Link { sides: sides?, loss, delay })
}

/// Reads `a -> b`: two regions, zones, components, loads or parts, or `any`.
fn sides(r: &mut Reader, field: &str) -> Option<Sides> {
    let written = r.text(field)?;
    let Some((from, to)) = written.value.split_once("->") else {
        let told = Diagnostic::new(Code::WrongShape, written.spot, format!("`{}` is not an arrow", written.value));
        r.tell(told.help("write two sides, as in `us-east-1 -> eu-west-1`, `web -> db` or `any -> db/primary`"));
        return None;
    };
    let mut side = |text: &str, offset: usize| -> Option<Option<Target>> {
        let name = text.trim();
        let start = offset + text.len() - text.trim_start().len();
        let at = written.spot.part(start, start + name.len());
        let told = match name {
            "any" => return Some(None),
            "any region" | "any zone" => {
                return Some(Some(Target {
                    name: Spotted::new(name.to_owned(), at),
                    part: Part::Any,
                    operation: None,
                }));
            }
            "" => Diagnostic::new(Code::WrongShape, written.spot, "one side of the arrow is missing"),
            _ if name.contains('.') => {
                let message = format!("`{name}` is an operation, and a link has all operations pass");
                Diagnostic::new(Code::WrongShape, at, message)
            }
            _ => return read_target(&Spotted::new(name.to_owned(), at), r.diags()).map(Some),
        };
        r.tell(told.help("write components, loads, places or parts of them, or `any`"));
        None
    };
    let (from, to) = (side(from, 0), side(to, written.value.len() - to.len()));
    Some([from?, to?])
}

fn factor(r: &mut Reader) -> Option<f64> {
    let factor = r.number("factor");
    r.within("factor", factor, 1e-6, 1e6).map(|factor| factor.value)
}

fn target(r: &mut Reader, field: &str) -> Option<Target> {
    let written = r.text(field)?;
    if ["any region", "any zone"].contains(&written.value.as_str()) {
        return Some(Target { name: written, part: Part::Any, operation: None });
    }
    if written.value.starts_with("any ") {
        let message = format!("`{}` is not available yet", written.value);
        r.tell(
            Diagnostic::new(Code::NotAvailable, written.spot, message)
                .help("name a component, as in `web/any`, or write `any region`"),
        );
        return None;
    }
    read_target(&written, r.diags())
}

/// Reads `web`, `web/2`, `web/any`, `db/primary`, `db/shard-3/replica-1`, `us-east-1/b` or `web.serve`.
pub(super) fn read_target(written: &Reference, diags: &mut Diagnostics) -> Option<Target> {
    let text = written.value.as_str();
    let (whole, part) = match text.split_once('/') {
        None => (text, Part::All),
        Some((name, "any")) => (name, Part::Any),
        Some((name, part)) if part.len() == 1 && part.starts_with(|c: char| c.is_ascii_lowercase()) => {
            (name, Part::Zone(part.as_bytes()[0] - b'a'))
        }
        Some((name, part)) => {
            let index = part.parse().ok().map(Part::Index);
            let Some(part) = index.or_else(|| CopyPart::read(part).map(Part::Copy)) else {
                diags.push(unknown_part(written, name, part));
                return None;
            };
            (name, part)
        }
    };
    let (name, operation) = match whole.split_once('.') {
        Some((name, operation)) => (name, Some(operation.to_owned())),
        None => (whole, None),
    };
    Some(Target { name: Spotted::new(name.to_owned(), written.spot.part(0, name.len())), part, operation })
}

fn unknown_part(written: &Reference, name: &str, part: &str) -> Diagnostic {
    let spot = written.spot.part(name.len() + 1, written.value.len());
    let told = Diagnostic::new(Code::UnknownPart, spot, format!("`{part}` is not a part"));
    told.nearest(part, ["any", "primary"])
        .note(format!("parts are numbers from 0, as in `{name}/2`, `any`, or those of a database: `{name}/primary`, `{name}/replica-0`, `{name}/shard-3`"))
}
