//! Where a gateway sends what it is asked.

use crate::diagnostic::Spotted;
use crate::scenario::{Reference, Step};

#[derive(Clone, Debug)]
pub struct Route {
    /// `users.*`, `orders.place` or `home`.
    pub name: Spotted<String>,
    pub to: RouteTarget,
}

#[derive(Clone, Debug)]
pub enum RouteTarget {
    Components(Vec<(Reference, f64)>),
    Steps(Vec<Step>),
}

impl RouteTarget {
    /// The components that it names.
    pub fn components(&self) -> impl Iterator<Item = &Reference> {
        let named = if let RouteTarget::Components(named) = self { &named[..] } else { &[] };
        named.iter().map(|(to, _)| to)
    }
}
