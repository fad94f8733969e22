//! What lies between a caller and what it calls: policies and links given for `a -> b`, the more exact winning field by
//! field.
//!
//! The order is that of language section 7: the step itself, `a.op -> b.op`, `a -> b`, `any -> b`, `a -> any`,
//! `any -> any`; where only one side names an operation it stands between its neighbours.

use crate::diagnostic::{Code, Diagnostic, Spot, Spotted};
use crate::distribution::Distribution;
use crate::model::compile::Compiler;
use crate::scenario::policy;
use crate::scenario::{Fallback, Link, Pair, Policy, Reference, Side};

/// One end of a call: a component or load, and its operation where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End<'a> {
    pub(super) name: &'a str,
    pub(super) operation: &'a str,
}

/// What applies to one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged {
    pub(super) policy: Policy,
    /// Which arrow the rate limit was written for: calls under one arrow share it. `None`: on the step itself.
    pub(super) limit_of: Option<String>,
    /// The same of the breaker, of ejection and of the hedge.
    pub(super) breaker_of: Option<String>,
    pub(super) eject_of: Option<String>,
    pub(super) hedge_of: Option<String>,
}

/// What `links:` says about the two ends of a call, wherever they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenLink {
    /// One way, seconds.
    pub(super) latency: Option<Distribution>,
    /// The arrow that gave a bandwidth (bytes per second) or a price (dollars a byte): calls under it share the pipe.
    pub(super) pipe: Option<(String, Option<f64>, Option<f64>)>,
    /// An arrow names one of the two ends, so that there is a link even where there would be none.
    pub(super) is_named: bool,
}

impl<'a> Compiler<'a> {
    /// The policy of a call, merged field by field; `own` is what the step or the load says itself.
    pub(super) fn policy(&self, own: &Policy, from: End, to: End) -> Merged {
        let mut matching: Vec<(u8, &Pair, &Policy)> = Vec::new();
        for entry in &self.scenario.policies {
            let (pair, policy) = &entry.value;
            if let Some(rank) = exactness(pair, from, to) {
                matching.push((rank, pair, policy));
            }
        }
        matching.sort_by_key(|(rank, ..)| std::cmp::Reverse(*rank));
        let mut merged = Merged { policy: own.clone(), ..Merged::default() };
        for (_, pair, policy) in matching {
            if merged.policy.rate_limit.is_none() && policy.rate_limit.is_some() {
                merged.limit_of = Some(arrow(pair));
            }
            if merged.policy.breaker.is_none() && policy.breaker.is_some() {
                merged.breaker_of = Some(arrow(pair));
            }
            if merged.policy.eject.is_none() && policy.eject.is_some() {
                merged.eject_of = Some(arrow(pair));
            }
            if merged.policy.hedge.is_none() && policy.hedge.is_some() {
                merged.hedge_of = Some(arrow(pair));
            }
            fill(&mut merged.policy, policy);
        }
        merged
    }

    /// What the most exact arrow with a fallback puts in the place of a failed call.
    pub(super) fn fallback(&self, from: End, to: End) -> Option<&'a Fallback> {
        let scenario = self.scenario;
        let matching = scenario.policies.iter().filter_map(|entry| {
            let (pair, policy) = &entry.value;
            Some((exactness(pair, from, to)?, policy.fallback.as_ref()?))
        });
        matching.max_by_key(|(rank, _)| *rank).map(|(_, fallback)| fallback)
    }

    /// The link of a call as arrows between components give it, field by field; `any -> any` stands apart, because what
    /// lies between two places is more exact.
    pub(super) fn given_link(&self, from: End, to: End) -> (GivenLink, GivenLink) {
        let mut matching: Vec<(u8, &Pair, &Link)> = Vec::new();
        for entry in &self.scenario.links {
            let (pair, link) = &entry.value;
            // The way back is the same unless it is given itself, so it counts as a little less exact.
            let there = exactness(pair, from, to).map(|rank| 2 * rank + 1);
            let back = exactness(pair, to, from).filter(|_| named(&pair.from) && named(&pair.to)).map(|rank| 2 * rank);
            if let Some(rank) = there.or(back).filter(|_| !self.is_between_places(pair)) {
                matching.push((rank, pair, link));
            }
        }
        matching.sort_by_key(|(rank, ..)| std::cmp::Reverse(*rank));
        let mut given = [GivenLink::default(), GivenLink::default()];
        for (rank, pair, link) in &matching {
            let given = &mut given[usize::from(*rank <= 3)];
            given.is_named |= 3 < *rank;
            if given.latency.is_none() {
                given.latency.clone_from(&link.latency);
            }
            if given.pipe.is_none() && (link.bandwidth.is_some() || link.price_per_byte.is_some()) {
                given.pipe = Some((arrow(pair), link.bandwidth, link.price_per_byte));
            }
        }
        given.into()
    }

    /// Tells of arrows that lead from or to nothing.
    pub(super) fn check_arrows(&mut self) {
        let scenario = self.scenario;
        for entry in &scenario.policies {
            self.check_end(&entry.value.0.from, true, false);
            self.check_end(&entry.value.0.to, false, false);
        }
        for entry in &scenario.links {
            self.check_end(&entry.value.0.from, true, true);
            self.check_end(&entry.value.0.to, false, true);
            self.check_kinds(entry);
        }
    }

    /// A link leads between two places or between two components, not from the one to the other.
    fn check_kinds(&mut self, entry: &Spotted<(Pair, Link)>) {
        let pair = &entry.value.0;
        let is_other = |side: &Side| named(side) && !self.is_place_side(side);
        if self.is_between_places(pair) && (is_other(&pair.from) || is_other(&pair.to)) {
            let message = format!("`{}` leads from a place to something else", arrow(pair));
            let made = Diagnostic::new(Code::Inert, entry.spot, message);
            self.tell(made.help("write two places, or two components or loads"));
        }
    }

    fn check_end(&mut self, side: &Side, is_caller: bool, may_be_place: bool) {
        match side {
            Side::Any => {}
            Side::Name(name) if may_be_place && self.may_be_place(name) => {
                self.find_place(name);
            }
            Side::Name(name) if self.names.component(&name.value).is_some() => {}
            Side::Name(name) if self.names.load(&name.value).is_some() => {
                if !is_caller {
                    let message = format!("`{}` is a load: it calls, but nothing can call it", name.value);
                    self.tell(Diagnostic::new(Code::UnknownComponent, name.spot, message));
                }
            }
            Side::Name(name) => self.tell_unknown_end(name.spot, &name.value),
            Side::Operation(component, operation) => {
                let spot = component.spot;
                let whole = Reference { value: format!("{}.{operation}", component.value), spot };
                self.names.find_operation(&whole, self.diags);
            }
        }
    }

    fn tell_unknown_end(&mut self, spot: Spot, name: &str) {
        let known: Vec<&str> = self.names.components.iter().chain(&self.names.loads).copied().collect();
        let message = format!("`{name}` is neither a component nor a load of this scenario");
        self.tell(Diagnostic::new(Code::UnknownComponent, spot, message).nearest(name, known));
    }
}

/// How exactly an arrow speaks of this call: 9 for both operations, 1 for `any -> any`, `None` if it does not.
fn exactness(pair: &Pair, from: End, to: End) -> Option<u8> {
    Some(policy::exactness(level(&pair.from, from)?, level(&pair.to, to)?))
}

/// 0: any, 1: the name, 2: its operation.
fn level(side: &Side, end: End) -> Option<u8> {
    match side {
        Side::Any => Some(0),
        Side::Name(name) => (name.value == end.name).then_some(1),
        Side::Operation(name, operation) => (name.value == end.name && operation == end.operation).then_some(2),
    }
}

fn named(side: &Side) -> bool {
    !matches!(side, Side::Any)
}

/// The arrow as it is written.
pub(super) fn arrow(pair: &Pair) -> String {
    let side = |side: &Side| match side {
        Side::Any => "any".to_owned(),
        Side::Name(name) => name.value.clone(),
        Side::Operation(name, operation) => format!("{}.{operation}", name.value),
    };
    format!("{} -> {}", side(&pair.from), side(&pair.to))
}

/// Takes from `other` what is still open.
fn fill(policy: &mut Policy, other: &Policy) {
    fn take<T: Clone>(field: &mut Option<T>, other: Option<&T>) {
        if field.is_none() {
            *field = other.cloned();
        }
    }
    take(&mut policy.timeout, other.timeout.as_ref());
    take(&mut policy.deadline, other.deadline.as_ref());
    take(&mut policy.retry, other.retry.as_ref());
    take(&mut policy.cancel, other.cancel.as_ref());
    take(&mut policy.pool, other.pool.as_ref());
    take(&mut policy.rate_limit, other.rate_limit.as_ref());
    take(&mut policy.fallback, other.fallback.as_ref());
    take(&mut policy.connect, other.connect.as_ref());
    take(&mut policy.sidecar, other.sidecar.as_ref());
    take(&mut policy.breaker, other.breaker.as_ref());
    take(&mut policy.eject, other.eject.as_ref());
    take(&mut policy.hedge, other.hedge.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Spotted;

    fn side(text: &str) -> Side {
        let name = |text: &str| Spotted::new(text.to_owned(), Spot::default());
        match text.split_once('.') {
            _ if text == "any" => Side::Any,
            Some((component, operation)) => Side::Operation(name(component), operation.to_owned()),
            None => Side::Name(name(text)),
        }
    }

    fn rank(from: &str, to: &str) -> Option<u8> {
        let pair = Pair { from: side(from), to: side(to) };
        exactness(&pair, End { name: "a", operation: "op" }, End { name: "b", operation: "op" })
    }

    #[test]
    fn arrows_are_ordered_as_the_language_says() {
        let order = [("a.op", "b.op"), ("a", "b"), ("any", "b"), ("a", "any"), ("any", "any")];
        let ranks: Vec<u8> = order.iter().map(|(from, to)| rank(from, to).expect("it covers the call")).collect();
        assert!(ranks.is_sorted_by(|more, less| less < more), "{ranks:?}");
        let between = rank("a.op", "b").expect("it covers the call");
        assert!(ranks[1] < between && between < ranks[0]);
        assert_eq!(None, rank("a", "c"));
        assert_eq!(None, rank("a.other", "b"));
    }

    #[test]
    fn only_open_fields_are_filled() {
        let mut policy = Policy { timeout: Some(None), ..Policy::default() };
        fill(&mut policy, &Policy { timeout: Some(Some(1.0)), deadline: Some(Some(2.0)), ..Policy::default() });
        assert_eq!((Some(None), Some(Some(2.0))), (policy.timeout, policy.deadline), "an explicit `none` stays");
    }
}
