//! `stamps:`: several components together, copied so many times; each tenant lives in one copy.
//!
//! The numbers of a stamped component are those of one cell, so that a scenario with one cell reads like one without. A
//! database without shards gets one shard for each cell; what is asked stays in the cell of the request's tenant.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::policy::sharding::Sharding;
use crate::scenario::database::Shards;
use crate::scenario::values::{count, name, name_of};
use crate::scenario::{Component, Kind, MachineChoice, Named, Reference, Scenario};
use crate::text::Node;

/// Copies of several components together.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub count: u32,
    /// The key whose value says which cell.
    pub by: Reference,
    pub of: Vec<Reference>,
}

/// A deployment stamp.
pub static STAMP: Table = Table {
    name: "stamp",
    about: "Copies of several components together (cells); the calls of a tenant stay inside its cell",
    fields: &[
        Field::new("count", Shape::Count, "10", "How many cells").required(),
        Field::new("by", Shape::Name(Thing::Key), "tenant", "The key whose value says which cell").required(),
        Field::new(
            "of",
            Shape::ListOf(&Shape::Name(Thing::Component)),
            "[web, db, redis]",
            "What a cell consists of; the instances of these components are those of one cell",
        )
        .required(),
    ],
};

/// Reads one stamp.
pub(super) fn stamp(owner: Spot, node: &Node, diags: &mut Diagnostics) -> Stamp {
    let mut r = Reader::new(owner, node, &STAMP, diags);
    let cells = count(&mut r, "count", 1).unwrap_or(1);
    if MOST < cells {
        r.tell(Diagnostic::new(Code::OutOfRange, r.key("count"), "there are at most 1024 cells"));
    }
    let by = name(&mut r, "by").unwrap_or(Spotted::new(String::new(), owner));
    let items = r.list("of");
    let of = items.into_iter().filter_map(|item| name_of(item, "a component", r.diags())).collect();
    Stamp { count: cells.min(MOST), by, of }
}

const MOST: u32 = 1024;

/// Makes as many of everything as there are cells.
pub(super) fn copy_out(scenario: &mut Scenario, diags: &mut Diagnostics) {
    if 1 < scenario.run.scale.value
        && let Some(stamp) = scenario.stamps.values().next()
    {
        let message = "a part of the users and instances are not so many cells";
        diags.push(Diagnostic::new(Code::CannotScale, stamp.spot, message));
    }
    let stamps: Vec<Stamp> = scenario.stamps.values().map(|stamp| stamp.value.clone()).collect();
    let mut taken: Vec<&str> = Vec::new();
    for stamp in &stamps {
        for part in &stamp.of {
            if taken.contains(&part.value.as_str()) {
                let message = format!("`{}` is in several cells", part.value);
                diags.push(Diagnostic::new(Code::Excluded, part.spot, message));
                continue;
            }
            taken.push(&part.value);
            copy_one(&mut scenario.components, stamp, part, diags);
        }
    }
}

fn copy_one(components: &mut Named<Component>, stamp: &Stamp, part: &Reference, diags: &mut Diagnostics) {
    let Some(component) = components.get_mut(&part.value).map(|component| &mut component.value) else {
        let message = format!("`{}` is not a component of this scenario", part.value);
        let told = Diagnostic::new(Code::UnknownComponent, part.spot, message);
        diags.push(told.nearest(&part.value, components.keys().map(String::as_str)));
        return;
    };
    let has_own_shards = matches!(&component.kind, Kind::Database(database) if database.shards.is_some());
    let is_alone = match &component.kind {
        Kind::External { .. }
        | Kind::Store(_)
        | Kind::Function(_)
        | Kind::Pooler(_)
        | Kind::Balancer { naming: Some(_), .. } => true,
        Kind::Cache(cache) => cache.is_cdn || cache.per.is_some(),
        _ => component.sticky.is_some() || component.autoscale.is_some(),
    };
    if has_own_shards || is_alone {
        let why =
            if has_own_shards { "has shards of its own" } else { "is one for all, or chooses its instances itself" };
        let message = format!("`{}` {why}, so it cannot be part of a cell", part.value);
        diags.push(Diagnostic::new(Code::Excluded, part.spot, message).help("leave it out of the stamp"));
        return;
    }
    if let Kind::Database(database) = &mut component.kind {
        let by = Spotted::new(Sharding::Place(stamp.by.value.clone()), stamp.by.spot);
        database.shards = Some(Shards { count: stamp.count, by, key: None, tables: Vec::new() });
        component.instances = database.machines();
        component.most = component.instances;
        return;
    }
    component.instances *= stamp.count;
    component.most = component.instances;
    for (_, count) in &mut component.placement.at {
        *count *= stamp.count;
    }
    if let MachineChoice::Own(machines) = &mut component.placement.machine {
        for (_, count) in machines {
            *count *= stamp.count;
        }
    }
}
