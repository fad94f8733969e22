//! `vertical:` of a service: instances that become larger or smaller, a few at a time.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::scenario::deploy::{AtOnce, at_once};
use crate::scenario::values::name_of;
use crate::scenario::{MachineChoice, Placement, Reference};

/// Which sizes there are, and when another one fits better.
#[derive(Clone, Debug)]
pub struct Vertical {
    /// Types of machines, or numbers of cores; the smallest first.
    pub sizes: Vec<Reference>,
    pub full: f64,
    pub quantile: f64,
    pub every_s: f64,
    pub window_s: f64,
    pub hold_s: f64,
    pub at_once: AtOnce,
}

pub(super) static VERTICAL: Field = Field::new(
    "vertical",
    Shape::Object(&TABLE),
    "{sizes: [c6i.large, c6i.xlarge, c6i.2xlarge], use: 70%}",
    "Change the size of the instances with their use; each leaves the rotation, drains and boots anew for it",
);
static TABLE: Table = Table {
    name: "vertical",
    about: "Vertical autoscaling: the smallest size that fits what was used of the cores; every change is a rolling restart",
    fields: &[
        Field::new(
            "sizes",
            Shape::ListOf(&Shape::Text),
            "[c6i.large, c6i.xlarge]",
            "Types of machines, or with `cores` numbers of them (with `on`: what is requested), the smallest first; its own is one of them",
        )
        .required(),
        Field::new("use", Shape::Share, "70%", "Share of the cores of a size that may be in use").or("70%"),
        Field::new("quantile", Shape::Share, "90%", "Which of all that was noted in the window counts").or("90%"),
        Field::new("every", Shape::Time, "1m", "Time between two looks at what each instance has used").or("1m"),
        Field::new("window", Shape::Time, "10m", "How far back is looked; for less long nothing becomes smaller").or("10m"),
        Field::new("hold", Shape::Time, "10m", "How long after a change there is no other").or("10m"),
        Field::new(
            "at_once",
            Shape::OneOf(&[Shape::Share, Shape::Count]),
            "25%",
            "How many restart at the same time, rounded down, at least one; a quarter of them unless given",
        ),
    ],
};

/// Reads `vertical:`.
pub(super) fn vertical(r: &mut Reader, placement: &Placement, is_scaled: bool) -> Option<Spotted<Vertical>> {
    if r.table().field("vertical").is_none() || !r.has("vertical") {
        return None;
    }
    let key = r.key("vertical");
    if is_scaled {
        let message = "instances become more or larger, not both: two loops over the same cores fight each other";
        let told =
            Diagnostic::new(Code::Excluded, key, message).note_at(r.key("autoscale"), "their number changes here");
        r.tell(told.help("leave one of the two out"));
    }
    if let MachineChoice::Own(types) = &placement.machine
        && 1 < types.len()
    {
        let message = "instances of several types do not have one size that could change";
        r.tell(Diagnostic::new(Code::Excluded, key, message).help("write a component for each type"));
    }
    let mut r = r.object("vertical")?;
    let sizes = r.list("sizes");
    let sizes = sizes.into_iter().filter_map(|node| name_of(node, "a type of machine or a number of cores", r.diags()));
    let sizes: Vec<Reference> = sizes.collect();
    let share = |r: &mut Reader, name: &str, default: f64| {
        let share = r.share(name);
        r.within(name, share, 0.01, 1.0).map_or(default, |share| share.value)
    };
    let seconds = |r: &mut Reader, name: &str, default: f64| {
        let time = r.time(name);
        let least = if name == "hold" { 0.0 } else { 1e-3 };
        r.within(name, time, least, f64::INFINITY).map_or(default, |time| time.value)
    };
    let read = Vertical {
        full: share(&mut r, "use", 0.7),
        quantile: share(&mut r, "quantile", 0.9),
        every_s: seconds(&mut r, "every", 60.0),
        window_s: seconds(&mut r, "window", 600.0),
        hold_s: seconds(&mut r, "hold", 600.0),
        at_once: at_once(&mut r).unwrap_or(AtOnce::Share(0.25)),
        sizes,
    };
    Some(Spotted::new(read, key))
}
