//! `capacity:` of a database that grows, shrinks and sleeps by itself.

use crate::diagnostic::{Code, Diagnostic};
use crate::distribution::Distribution;
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::policy::capacity::Capacity;
use crate::scenario::Placement;
use crate::scenario::machine::Pod;
use crate::scenario::values::{Env, count, draw, inert};
use crate::units::{Dimension, Per, Span};

/// A database in capacity units.
#[derive(Clone, Debug)]
pub struct Serverless {
    pub units: Capacity,
    /// Of one unit: cores, bytes of the buffer pool, dollars an hour.
    pub cores: f64,
    pub memory_bytes: f64,
    pub per_hour: f64,
    /// Dollars of a byte kept for a second.
    pub storage: f64,
    /// Seconds from one look to the next.
    pub every_s: f64,
    /// Seconds until it serves again when somebody asks.
    pub resume: Distribution,
}

pub(super) static CAPACITY: Field = Field::new(
    "capacity",
    Shape::Object(&TABLE),
    "{min: 2, max: 64, pause: 5m}",
    "Instead of a machine: capacity units that follow the use, and are paid while it is awake (serverless)",
);
static TABLE: Table = Table {
    name: "capacity",
    about: "A serverless database: as many units as it needs, none while nobody asks",
    fields: &[
        Field::new("min", Shape::Count, "2", "Fewest units while it is awake; it begins with them").required(),
        Field::new("max", Shape::Count, "64", "Most units").required(),
        Field::new("cores", Shape::Number, "0.25", "Cores of a unit").or("0.25"),
        Field::new("memory", Shape::Bytes, "2GiB", "Of a unit; all of it is buffer pool").or("2GiB"),
        Field::new("every", Shape::Time, "15s", "Time between two looks at what is used").or("15s"),
        Field::new("above", Shape::Share, "70%", "Twice as many units where more of the cores is used").or("70%"),
        Field::new("below", Shape::Share, "30%", "Half as many where less is used").or("30%"),
        Field::new("cool", Shape::Time, "15m", "How long nothing must have changed before there are fewer").or("15m"),
        Field::new("pause", Shape::Time, "5m", "Without a request for so long it sleeps; it never does unless given"),
        Field::new(
            "resume",
            Shape::Distribution(Dimension::Time),
            "uniform(15s 30s)",
            "From the first request that finds it asleep until it serves; 25s unless given",
        ),
        Field::new("price", Shape::Price(Dimension::MoneyRate), "$0.06/h", "Of a unit while it is awake").or("$0.06/h"),
        Field::new(
            "storage",
            Shape::Price(Dimension::MoneyPer(Per::ByteTime)),
            "$0.10/GB/month",
            "Of its `data`, asleep or awake",
        )
        .or("$0.10/GB/month"),
    ],
};

/// Dollars of Aurora Serverless v1, us-east-1, as the sources have them: a unit-hour; a gigabyte for a month.
const UNIT_HOUR: f64 = 0.06;
const GB_MONTH: f64 = 0.10;
const MONTH_S: f64 = 730.0 * 3600.0;

/// What a machine of one's own has and capacity units bring along.
const OF_MACHINES: &[&str] = &["machine", "on", "memory", "cores", "speed", "price", "shards", "replicas", "failover"];

/// Reads `capacity:`.
pub(super) fn capacity(r: &mut Reader, env: &mut Env) -> Option<Serverless> {
    if !r.has("capacity") {
        return None;
    }
    inert(r, OF_MACHINES, "with `capacity`: its units are cores and memory, for one database");
    if r.word("scheduling").is_some_and(|word| word.value == "fcfs") {
        inert(r, &["scheduling"], "with `capacity`: parts of cores are given to all in flight");
    }
    let owner = r.key("capacity");
    let mut r = r.object("capacity")?;
    let (min, max) = (count(&mut r, "min", 1), count(&mut r, "max", 1));
    let units = Capacity {
        min: min?,
        max: max?,
        above: within(&mut r, "above", 0.7),
        below: within(&mut r, "below", 0.3),
        cool: Span::from_secs_f64(r.time("cool").map_or(900.0, |cool| cool.value)),
        pause: r.time("pause").map(|pause| Span::from_secs_f64(pause.value)),
    };
    if let Some(problem) = units.problem() {
        r.tell(Diagnostic::new(Code::OutOfRange, owner, problem));
    }
    if units.pause.is_none() {
        inert(&mut r, &["resume"], "without `pause`: it never sleeps");
    }
    let cores = r.number("cores");
    let every = r.time("every");
    Some(Serverless {
        units,
        cores: r.within("cores", cores, 1e-3, 1e3).map_or(0.25, |cores| cores.value),
        memory_bytes: r.bytes("memory").map_or(2.0 * f64::from(1 << 30), |memory| memory.value),
        per_hour: 3600.0 * r.quantity("price", Dimension::MoneyRate).map_or(UNIT_HOUR / 3600.0, |price| price.value),
        storage: r
            .quantity("storage", Dimension::MoneyPer(Per::ByteTime))
            .map_or(GB_MONTH / 1e9 / MONTH_S, |price| price.value),
        every_s: r.within("every", every, 1e-3, f64::INFINITY).map_or(15.0, |every| every.value),
        resume: draw(&mut r, env, "resume", Dimension::Time).unwrap_or(Distribution::Constant(25.0)),
    })
}

fn within(r: &mut Reader, name: &str, default: f64) -> f64 {
    let share = r.share(name);
    r.within(name, share, 0.0, 1.0).map_or(default, |share| share.value)
}

impl Serverless {
    /// It stands on a machine as large as it may become, and has a share of it.
    pub(super) fn place(&self, placement: &mut Placement) {
        let most = f64::from(self.units.max) * self.cores;
        placement.overrides.cores = Some(most);
        placement.overrides.pod = Some(Pod { request: most, limit: most });
    }
}
