//! The seam of every study: a scenario plus a patch is a design.

use crate::diagnostic::{Code, Diagnostics, Sources};
use crate::model::Model;
use crate::model::compile::compile;
use crate::scenario::Scenario;
use crate::scenario::load::Demand;
use crate::scenario::root::{Given, load};
use crate::text::{Node, Read};

/// What designs are derived from: a file, a variant of it, and settings.
#[derive(Clone)]
pub struct Base<'a> {
    /// `-` for standard input.
    pub path: String,
    pub read: Read<'a>,
    pub variant: Option<String>,
    /// `PATH=VALUE` each; later ones win.
    pub sets: Vec<String>,
}

/// One scenario, patched, read and compiled.
#[derive(Clone, Debug)]
pub struct Design {
    /// What reports call it.
    pub name: String,
    pub scenario: Scenario,
    pub model: Model,
    /// The text with everything merged and worked out.
    pub tree: Node,
    /// What the places in the tree are places of.
    pub sources: Sources,
    /// More is asked of something than it can do, by arithmetic alone.
    pub overloaded: bool,
    /// The number of its first replication: designs with the same one meet the same luck.
    pub first: u32,
}

/// Why there is no design.
#[derive(Debug)]
pub struct Broken {
    pub sources: Sources,
    pub found: Diagnostics,
}

impl Base<'_> {
    /// The design with further settings, under a name.
    pub fn design(&self, name: &str, more: &[String]) -> Result<Design, Box<Broken>> {
        let sets: Vec<String> = self.sets.iter().chain(more).cloned().collect();
        let given = Given { path: &self.path, read: self.read, sets: &sets, variant: self.variant.as_deref() };
        let (mut sources, mut found) = (Sources::default(), Diagnostics::new());
        let loaded = load(&given, &mut sources, &mut found);
        let compiled = loaded.and_then(|(scenario, tree)| Some((compile(&scenario, &mut found)?, scenario, tree)));
        match compiled {
            Some((model, scenario, tree)) if !found.has_errors() => {
                let overloaded = found.iter().any(|told| told.code == Code::Overload);
                Ok(Design { name: name.to_owned(), scenario, model, tree, sources, overloaded, first: 0 })
            }
            _ => Err(Box::new(Broken { sources, found })),
        }
    }

    /// The same as a variant of the file.
    #[must_use]
    pub fn variant(&self, name: &str) -> Self {
        Base { variant: Some(name.to_owned()), ..self.clone() }
    }
}

impl Design {
    /// The same design under `factor` times the load; `only` one of its loads, if it names one. Background work and
    /// traces stay as they are. `None` where the model cannot be made (a closed load of no clients, say).
    pub fn loaded(&self, factor: f64, only: Option<&str>) -> Option<Design> {
        let mut scenario = self.scenario.clone();
        let chosen = scenario.load.iter_mut().filter(|(name, _)| only.is_none_or(|only| only == *name));
        for (_, load) in chosen {
            match &mut load.value.demand {
                Demand::Open { rate } | Demand::Sessions { rate, .. } => *rate *= factor,
                Demand::Closed { clients, .. } => *clients = (f64::from(*clients) * factor).round().max(1.0) as u32,
                Demand::Every { .. } | Demand::Trace { .. } => {}
            }
        }
        let said = format!("{} {factor} {}", scenario.hash, only.unwrap_or("any"));
        scenario.hash = blake3::hash(said.as_bytes()).to_hex().to_string();
        let mut found = Diagnostics::new();
        let model = compile(&scenario, &mut found).filter(|_| !found.has_errors())?;
        let overloaded = found.iter().any(|told| told.code == Code::Overload);
        let (name, tree, sources) = (format!("{} x{factor}", self.name), self.tree.clone(), self.sources.clone());
        Some(Design { name, scenario, model, tree, sources, overloaded, first: self.first })
    }

    /// The same design with the luck of other replications.
    #[must_use]
    pub fn starting_at(self, first: u32) -> Design {
        Design { first, ..self }
    }

    /// Requests, sessions or clients that the loads stand for: the unit in which load is counted, and how much there is.
    pub fn load(&self, only: Option<&str>) -> (f64, f64) {
        let chosen = self.scenario.load.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
        chosen.fold((0.0, 0.0), |(rate, clients), (_, load)| match load.value.demand {
            Demand::Open { rate: more } | Demand::Sessions { rate: more, .. } => (rate + more, clients),
            Demand::Closed { clients: more, .. } => (rate, clients + f64::from(more)),
            Demand::Every { .. } | Demand::Trace { .. } => (rate, clients),
        })
    }
}
