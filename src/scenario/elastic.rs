//! Instances that come and go: `warm:`, `drain:` and `autoscale:` of a component.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::scenario::scale::{self, Autoscale};
use crate::scenario::values::inert;
use crate::scenario::{Kind, MachineChoice, Placement, function};
use crate::units;

/// Slow first requests of an instance that has just booted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warm {
    pub lasts_s: f64,
    /// Its work takes that many times as long.
    pub slower: f64,
    /// It warms itself up before requests come.
    pub joins_warm: bool,
}

pub(super) static WARM: Field = Field::new(
    "warm",
    Shape::Object(&WARM_TABLE),
    "{for: 60s, slower: x3}",
    "How an instance that has just booted is slower than the others",
);
pub(super) static DRAIN: Field = Field::new(
    "drain",
    Shape::Time,
    "30s",
    "Time to finish for what is in flight when an instance is taken away; what is left then fails as `reset`",
)
.or("30s");
pub(super) static SCALED: Field = Field::new(
    "autoscale",
    Shape::Object(&scale::AUTOSCALE),
    "{min: 3, max: 20, target: {utilisation of cores: 70%}}",
    "Change the number of instances with the load; it begins with `instances`, or else with `min`",
);
pub(super) static IMAGE: Field = Field::new(
    "image",
    Shape::Bytes,
    "500MB",
    "Comes over the network card before a new instance boots, unless its host has had one",
);
static WARM_TABLE: Table = Table {
    name: "warm",
    about: "Slow first requests: empty caches, code that is not compiled yet, connections still to be opened",
    fields: &[
        Field::new("for", Shape::Time, "60s", "How long after it has booted").required(),
        Field::new("slower", Shape::Text, "x3", "By which factor its work takes longer").required(),
        Field::new(
            "join",
            Shape::Word(&["cold", "warm"]),
            "warm",
            "Whether requests come at once (`cold`), or only when it has warmed itself up for that long (`warm`)",
        )
        .or("cold"),
    ],
};

/// Seconds that what is in flight has to finish when an instance is taken away, unless `drain:` says otherwise.
pub(super) const DRAIN_S: f64 = 30.0;

/// Reads `autoscale:`, which needs instances that are all alike.
pub(super) fn autoscale(r: &mut Reader, placement: &Placement) -> Option<Spotted<Autoscale>> {
    let offered = r.table().field("autoscale").is_some_and(|field| field.available);
    if !offered || !r.has("autoscale") {
        return None;
    }
    let types = if let MachineChoice::Own(types) = &placement.machine { types.len() } else { 1 };
    if 1 < types || 1 < placement.at.len() {
        let message = "instances of several types, or at several places, cannot be scaled yet";
        let told = Diagnostic::new(Code::NotAvailable, r.key("autoscale"), message);
        r.tell(told.help("write a component for each type or place"));
        return None;
    }
    scale::autoscale(&mut r.object("autoscale")?)
}

/// Instances at the start and at most; those of a database are counted by its replicas, a function's are environments.
pub(super) fn counts(
    r: &mut Reader,
    instances: u32,
    scale: Option<&Spotted<Autoscale>>,
    kind: &mut Kind,
) -> (u32, u32) {
    match (scale, kind) {
        (Some(scale), Kind::Function(said)) => {
            function::provisioned(r, said, scale);
            (instances, instances)
        }
        (Some(_), Kind::Database(_)) | (None, _) => (instances, instances),
        (Some(scale), _) => scaled(r, instances, scale),
    }
}

/// Instances at the start and at most.
fn scaled(r: &mut Reader, instances: u32, scale: &Spotted<Autoscale>) -> (u32, u32) {
    let (min, max) = (scale.value.behaviour.min, scale.value.behaviour.max);
    if !r.has("instances") {
        return (min, max);
    }
    if max < instances || instances < min {
        let message = format!("{instances} instances are not between the autoscaler's {min} and {max}");
        let told = Diagnostic::new(Code::OutOfRange, r.key("instances"), message);
        let bounds = r.key("autoscale");
        r.tell(told.note_at(bounds, "it is scaled here").help("leave `instances` out to begin with `min`"));
    }
    (instances.min(max), max)
}

/// Bytes of an image, which only new instances fetch.
pub(super) fn image(r: &mut Reader, is_scaled: bool) -> f64 {
    if r.table().field("image").is_none() || !r.has("image") {
        return 0.0;
    }
    if !is_scaled {
        inert(r, &["image"], "without `autoscale`: no instance is new");
    }
    r.bytes("image").map_or(0.0, |image| image.value)
}

/// Reads `warm:`.
pub(super) fn warm(r: &mut Reader) -> Option<Warm> {
    let lasts = r.time("for");
    let slower = r.parsed("slower", Code::Unit, units::parse_factor);
    let slower = r.within("slower", slower, 1.0, 1e3);
    let joins_warm = r.word("join").is_some_and(|word| word.value == "warm");
    Some(Warm { lasts_s: lasts?.value, slower: slower?.value, joins_warm })
}
