//! Preference for what is near: instances fall into groups (zones, regions), and callers at each place prefer some of
//! them to others.
//!
//! A preference comes before the rule: the rule chooses among the living instances of the most preferred group that has
//! any. Zones bind only rules that may pick anyone; a hash keeps to the region, because what belongs to a value must not
//! depend on the zone that asks.

use crate::policy::balance::{Ask, Balancer, Group, Latency, Rule};

/// What callers at one place prefer. Group 0 is everyone; group n is the n-th that [`Balancer::set_groups`] was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// Instances of the caller's own zone.
    pub zone: Option<u16>,
    /// Then these groups, one after the other, with the round trip to each in ns (only `latency` looks at that).
    pub regions: Vec<(u16, f64)>,
}

impl Balancer {
    /// Tells which instances stand together, and what the callers at each place prefer; the last wish is that of callers
    /// who stand nowhere.
    pub fn set_groups(&mut self, groups: &[Vec<u32>], wishes: Vec<Wish>) {
        let count = self.outstanding.len();
        self.member_of = vec![Vec::new(); count];
        self.groups.truncate(1);
        for members in groups {
            let number = self.groups.len() as u16;
            let mut group = Group {
                ids: Vec::with_capacity(members.len()),
                mask: vec![0; count.div_ceil(64)],
                whole: false,
                next: 0,
                credit: vec![0; count],
            };
            for &i in members {
                if self.eligible(i) {
                    group.put(i, count);
                }
                self.member_of[i as usize].push(number);
            }
            self.groups.push(group);
        }
        if let Rule::Quickest(latencies) = &mut self.rule {
            latencies.resize(self.groups.len(), Latency::default());
        }
        self.wishes = wishes;
    }

    /// Deals the instances to so many cells in turn; callers of a cell never leave it.
    pub fn set_cells(&mut self, cells: u32) {
        let members = |cell: u32| (0..self.outstanding.len() as u32).filter(|i| i % cells == cell).collect();
        let groups: Vec<Vec<u32>> = (0..cells).map(members).collect();
        let own = |cell: u32| Wish { zone: None, regions: vec![(cell as u16 + 1, 0.0)] };
        self.set_groups(&groups, (0..cells).map(own).collect());
        self.stays = true;
    }

    /// Tells which role each instance has, so that `pick_where` can choose among those of one.
    pub fn set_roles(&mut self, roles: &[u16]) {
        debug_assert_eq!(roles.len(), self.outstanding.len(), "each instance has a role");
        let members = |role: u16| (0..roles.len() as u32).filter(|&i| roles[i as usize] == role).collect();
        let groups: Vec<Vec<u32>> = (0..=roles.iter().copied().max().unwrap_or(0)).map(members).collect();
        self.set_groups(&groups, Vec::new());
    }

    /// Among the eligible instances of a role that are acceptable; `None` if there is none.
    pub fn pick_where(&mut self, ask: &Ask, role: u32, accept: impl Fn(u32) -> bool) -> Option<u32> {
        let own = role as usize + 1;
        let all = self.groups.get(own)?;
        let refused: Vec<u32> = all.ids.iter().copied().filter(|&i| !accept(i)).collect();
        if refused.is_empty() {
            return self.pick_from(own, ask);
        }
        let whole = all.clone();
        for i in refused {
            self.groups[own].take(i);
        }
        let picked = self.pick_from(own, ask);
        // Whose turn it is stays as the pick left it.
        let Group { next, credit, .. } = std::mem::replace(&mut self.groups[own], whole);
        (self.groups[own].next, self.groups[own].credit) = (next, credit);
        picked
    }

    /// The instance to call from a place, or `None` if none is eligible.
    #[inline]
    pub fn pick_near(&mut self, ask: &Ask, place: u16) -> Option<u32> {
        let group = self.preferred(place);
        self.pick_from(group, ask)
    }

    /// Among the living instances of one group, whatever else is preferred.
    pub fn pick_within(&mut self, ask: &Ask, group: u16) -> Option<u32> {
        self.pick_from(usize::from(group), ask)
    }

    /// An instance that a call from the place may well be given; changes nothing.
    pub fn likely(&self, place: u16) -> Option<u32> {
        self.groups[self.preferred(place)].ids.first().copied()
    }

    /// Any of those that callers at a place choose from.
    pub fn any_near(&self, bits: u64, place: u16) -> Option<u32> {
        let group = &self.groups[self.preferred(place)];
        (!group.ids.is_empty()).then(|| group.any(bits))
    }

    /// The group that callers at a place choose from: the most preferred with a living instance, else everyone.
    fn preferred(&self, place: u16) -> usize {
        let Some(wish) = self.wishes.get(usize::from(place)).or(self.wishes.last()) else { return 0 };
        let lives = |group: u16| !self.groups[usize::from(group)].ids.is_empty();
        if self.stays {
            return wish.regions.first().map_or(0, |(group, _)| usize::from(*group));
        }
        let is_hashed = matches!(self.rule, Rule::Hash { .. } | Rule::ConsistentHash(_));
        if let Some(zone) = wish.zone.filter(|zone| !is_hashed && lives(*zone)) {
            return usize::from(zone);
        }
        let mut regions = wish.regions.iter().filter(|(group, _)| lives(*group));
        let found = match &self.rule {
            Rule::Quickest(latencies) => {
                let expected = |(group, away): &&(u16, f64)| away + latencies[usize::from(*group)].mean_ns;
                regions.min_by(|a, b| expected(a).total_cmp(&expected(b)))
            }
            _ => regions.next(),
        };
        found.map_or(0, |(group, _)| usize::from(*group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::balance::Balance;
    use crate::random::{bits, occasion};
    use crate::units::{Span, Time};

    fn ask(n: u64) -> Ask {
        Ask { bits: bits(7, occasion(n)), key_value: n, now: Time(n), demand_ns: 0 }
    }

    /// Instances 0 and 1 in zones of one region, 2 in another region; callers at the three places prefer what is near.
    fn two_regions(balance: &Balance) -> Balancer {
        let mut balancer = Balancer::new(balance, &[1.0; 3], 1, 11);
        let groups = [vec![0], vec![1], vec![2], vec![0, 1]];
        let near = |zone, regions: [(u16, f64); 2]| Wish { zone: Some(zone), regions: regions.to_vec() };
        let wishes = vec![
            near(1, [(4, 0.0), (3, 70e6)]),
            near(2, [(4, 0.0), (3, 70e6)]),
            near(3, [(3, 0.0), (4, 70e6)]),
            Wish::default(),
        ];
        balancer.set_groups(&groups, wishes);
        balancer
    }

    fn picked(balancer: &mut Balancer, place: u16) -> Vec<u32> {
        let mut picked: Vec<u32> = (0..40).filter_map(|n| balancer.pick_near(&ask(n), place)).collect();
        picked.sort_unstable();
        picked.dedup();
        picked
    }

    #[test]
    fn the_zone_comes_before_the_region_and_that_before_the_others() {
        for balance in [Balance::RoundRobin, Balance::LeastConnections, Balance::Choices(2), Balance::JoinIdle] {
            let mut near = two_regions(&balance);
            assert_eq!(vec![1], picked(&mut near, 1), "{balance:?}");
            near.set_eligible(1, false);
            assert_eq!(vec![0], picked(&mut near, 1), "the other zone, {balance:?}");
            near.set_eligible(0, false);
            assert_eq!(vec![2], picked(&mut near, 1), "the other region, {balance:?}");
            near.set_eligible(1, true);
            assert_eq!(vec![1], picked(&mut near, 1), "back, {balance:?}");
            assert_eq!(vec![1, 2], picked(&mut near, u16::MAX), "from nowhere anyone, {balance:?}");
        }
    }

    #[test]
    fn a_hash_keeps_to_the_region() {
        for balance in [Balance::Hash("user".to_owned()), Balance::ConsistentHash("user".to_owned(), 150)] {
            let mut near = two_regions(&balance);
            assert_eq!(vec![0, 1], picked(&mut near, 0), "{balance:?}");
            let of = |near: &mut Balancer, place| (0..40).map(|n| near.pick_near(&ask(n), place)).collect::<Vec<_>>();
            assert_eq!(of(&mut near, 0), of(&mut near, 1), "whichever zone asks, {balance:?}");
        }
    }

    #[test]
    fn a_slow_region_is_left_for_one_far_away() {
        let mut near = two_regions(&Balance::Latency);
        for wish in &mut near.wishes {
            wish.zone = None;
        }
        assert_eq!(vec![0, 1], picked(&mut near, 0));
        near.observe(0, Span(100_000_000), Time(1));
        near.observe(2, Span(20_000_000), Time(1));
        assert_eq!(vec![2], picked(&mut near, 0), "70 ms away and 20 ms of work, against 100 ms");
        assert_eq!(vec![2], picked(&mut near, 2));
    }
}
