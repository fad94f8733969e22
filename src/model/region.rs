//! Regions, their zones, and what lies between them.

use crate::model::{Model, NONE16, Scope};

/// The place of what stands where each request comes from, such as a browser's cache.
pub const WITH_REQUEST: u16 = u16::MAX - 1;

#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    pub name: String,
    /// Its places are `first .. first + zones`, and `first + zones` is all of it.
    pub first: u16,
    pub zones: u16,
}

/// A zone, or a region as the place of those who stand in none of its zones.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub name: String,
    pub region: u16,
    /// The regions from the nearest on, its own first, with the mean seconds to them; infinite if nothing is known.
    pub near: Vec<(u16, f64)>,
}

/// The way from any place to any other: sampler of its time and pipe, or `NONE16` each, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Ways {
    pub places: usize,
    pub table: Vec<(u16, u16)>,
}

impl Ways {
    /// Latency sampler and pipe from one place to another; nothing lies between those who stand nowhere.
    #[inline]
    pub fn between(&self, from: u16, to: u16) -> (u16, u16) {
        let [from, to] = [from, to].map(usize::from);
        if self.places <= from.max(to) { (NONE16, NONE16) } else { self.table[from * self.places + to] }
    }
}

/// Where the requests of a load come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// One place, or none.
    One,
    /// A place for each request, client or session: cumulative shares of 2^32.
    Shares(Vec<u64>),
    /// The place that is the value of this key.
    Key(u16),
    /// A place for each request by the time of day there.
    Local(Daylight),
}

/// Places that live the same day by clocks of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Daylight {
    /// (seconds since midnight, factor).
    pub day: Vec<(f64, f64)>,
    /// Share of each place, and seconds by which its clock is ahead of the run's.
    pub places: Vec<(f64, f64)>,
}

impl Model {
    /// Whether end-to-end figures of this scope include the class; `false` for scopes of another kind.
    pub fn includes(&self, scope: Scope, class: usize) -> bool {
        let this = &self.classes[class];
        match scope {
            Scope::All => true,
            Scope::Load(load) => this.source == load,
            Scope::Class(named) => {
                let named = &self.classes[usize::from(named)];
                this.source == named.source && this.operation == named.operation
            }
            Scope::From { first, count, operation } => {
                let here = first <= this.place && this.place - first < count;
                here && (operation == NONE16 || operation == this.operation)
            }
            _ => false,
        }
    }
}
