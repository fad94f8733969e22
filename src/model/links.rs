//! Places, what lies between two of them, and what lies between the two ends of a call wherever they stand.
//!
//! The more exact wins, field by field: an arrow between components, one between zones, one between regions, `any -> any`,
//! and last what the catalogue knows of the two regions, or the language's 250 us inside a zone and 1 ms between zones. The
//! way back is the same unless it is given itself; a bandwidth is there once for each direction.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue;
use crate::diagnostic::{Code, Diagnostic, Spot};
use crate::distribution::Distribution;
use crate::model::arrows::{End, GivenLink, arrow};
use crate::model::compile::{Compiler, parts_of};
use crate::model::edges::Caller;
use crate::model::names::listed;
use crate::model::program::Edge;
use crate::model::region::{Place, Region, WITH_REQUEST, Ways};
use crate::model::{NONE16, Pipe};
use crate::random::Purpose;
use crate::scenario::{KeyOrigin, Kind, MachineChoice, Pair, Reference, Side};

/// One way inside a zone and between zones, seconds (language section 13).
const INSIDE: f64 = 250e-6;
const ACROSS: f64 = 1e-3;

/// Most zones and regions; what lies between any two of them is a table.
const MOST_PLACES: usize = 512;

/// What the author's arrows say of two places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    /// Number of the arrow that gives a latency.
    latency: Option<u16>,
    /// That of the one that gives a bandwidth or a price, and whether it is meant the other way round.
    pipe: Option<(u16, bool)>,
}

/// What lies between the ends of a call; see [`crate::model::program::Edge`].
pub(super) struct Way {
    pub(super) link: u16,
    pub(super) pipe: u16,
    pub(super) ways: u16,
    pub(super) local: bool,
}

/// How the time between two places is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Time {
    /// By an arrow between the two ends of the call, or `any -> any`.
    Ends,
    /// By the arrow between places of this number.
    Arrow(u16),
    Inside,
    Across,
    /// Two regions of the catalogue.
    Known(u16, u16),
    Unknown,
}

/// How far two places are apart, as a part of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Apart {
    Same,
    Zones,
    Regions,
}

/// The two ends of a call with what is said of them.
struct Ends<'p> {
    path: &'p str,
    exact: GivenLink,
    general: GivenLink,
}

/// One side of an arrow between places.
#[derive(Clone, Copy)]
enum Spread {
    Any,
    Region(u16),
    Zone(u16),
}

impl Compiler<'_> {
    /// Regions and their places, and what the author says of each pair.
    pub(super) fn compile_regions(&mut self) {
        for (number, (name, region)) in self.scenario.regions.iter().enumerate() {
            let (first, zones) = (self.model.places.len(), region.value.zones);
            self.model.regions.push(Region { name: name.clone(), first: first as u16, zones: zones as u16 });
            for zone in 0..=zones {
                let name = if zone == zones { name.clone() } else { format!("{name}/{}", zone_name(zone)) };
                self.model.places.push(Place { name, region: number as u16, near: Vec::new() });
            }
        }
        let count = self.model.places.len();
        if MOST_PLACES < count {
            let message = format!("the scenario has {count} regions and zones, and {MOST_PLACES} is the most");
            self.tell(Diagnostic::new(Code::TooManyThings, self.anywhere(), message));
            return;
        }
        let arrows = self.arrows_between_places();
        for from in 0..count as u16 {
            let row: Vec<Between> = (0..count as u16).map(|to| self.said_between(&arrows, from, to)).collect();
            self.between.extend(row);
        }
        for place in 0..count as u16 {
            self.model.places[usize::from(place)].near = self.regions_by_distance(place);
        }
    }

    /// Numbers of the arrows between places and what they lead from and to.
    fn arrows_between_places(&self) -> Vec<(u16, [Spread; 2])> {
        let spread = |side: &Side| match side {
            Side::Name(name) => {
                let place = self.place_named(&name.value)?;
                let region = self.model.places[usize::from(place)].region;
                Some(if name.value.contains('/') { Spread::Zone(place) } else { Spread::Region(region) })
            }
            Side::Any => Some(Spread::Any),
            Side::Operation(..) => None,
        };
        let links = self.scenario.links.iter().enumerate();
        let between = links.filter(|(_, entry)| self.is_between_places(&entry.value.0));
        let read = between.filter_map(|(number, entry)| {
            let pair = &entry.value.0;
            Some((number as u16, [spread(&pair.from)?, spread(&pair.to)?]))
        });
        read.collect()
    }

    fn said_between(&self, arrows: &[(u16, [Spread; 2])], from: u16, to: u16) -> Between {
        let exact = |side: Spread, place: u16| match side {
            Spread::Any => Some(0),
            Spread::Region(region) => (self.model.places[usize::from(place)].region == region).then_some(1),
            Spread::Zone(zone) => (zone == place).then_some(2),
        };
        let rank = |[a, b]: [Spread; 2], from, to| Some(2 * (exact(a, from)? + exact(b, to)?));
        let mut matching: Vec<(i32, u16, bool)> = Vec::new();
        for (number, [a, b]) in arrows {
            let there = rank([*a, *b], from, to).map(|rank| (rank + 1, *number, false));
            let back = || rank([*a, *b], to, from).map(|rank| (rank, *number, true));
            matching.extend(there.or_else(back));
        }
        matching.sort_by_key(|(rank, ..)| std::cmp::Reverse(*rank));
        let link = |number: u16| &self.scenario.links[usize::from(number)].value.1;
        let timed = matching.iter().find(|(_, number, _)| link(*number).latency.is_some());
        let metered = |number: u16| link(number).bandwidth.is_some() || link(number).price_per_byte.is_some();
        let pipe = matching.iter().find(|(_, number, _)| metered(*number));
        Between { latency: timed.map(|found| found.1), pipe: pipe.map(|found| (found.1, found.2)) }
    }

    /// The regions from the nearest on, the place's own first.
    fn regions_by_distance(&self, place: u16) -> Vec<(u16, f64)> {
        let own = self.model.places[usize::from(place)].region;
        let everywhere = End { name: "", operation: "" };
        let (_, general) = self.given_link(everywhere, everywhere);
        let ends = Ends { path: "", exact: GivenLink::default(), general };
        let seconds = |region: &Region| {
            let time = self.time(&ends, place, region.first + region.zones);
            self.distribution(&ends, time).map_or(f64::INFINITY, |distribution| distribution.mean())
        };
        let regions = self.model.regions.iter().enumerate();
        let mut near: Vec<(u16, f64)> = regions.map(|(number, region)| (number as u16, seconds(region))).collect();
        near.sort_by(|a, b| (a.0 != own).cmp(&(b.0 != own)).then(a.1.total_cmp(&b.1)));
        near
    }

    fn time(&self, ends: &Ends, from: u16, to: u16) -> Time {
        if ends.exact.latency.is_some() {
            return Time::Ends;
        }
        let between = self.between[usize::from(from) * self.model.places.len() + usize::from(to)];
        if let Some(number) = between.latency {
            return Time::Arrow(number);
        }
        if ends.general.latency.is_some() {
            return Time::Ends;
        }
        let region = |place: u16| self.model.places[usize::from(place)].region;
        let (a, b) = (region(from).min(region(to)), region(from).max(region(to)));
        let name = |region: u16| self.model.regions[usize::from(region)].name.as_str();
        match self.apart(from, to) {
            Apart::Same => Time::Inside,
            Apart::Zones => Time::Across,
            Apart::Regions if catalogue::latency::one_way(name(a), name(b)).is_some() => Time::Known(a, b),
            Apart::Regions => Time::Unknown,
        }
    }

    /// Who stands in no zone of a region is near all of them.
    fn apart(&self, from: u16, to: u16) -> Apart {
        let [a, b] = [from, to].map(|place| self.model.places[usize::from(place)].region);
        if a != b {
            return Apart::Regions;
        }
        let region = &self.model.regions[usize::from(a)];
        let all = region.first + region.zones;
        if from == to || from == all || to == all { Apart::Same } else { Apart::Zones }
    }

    fn distribution(&self, ends: &Ends, time: Time) -> Option<Distribution> {
        let name = |region: u16| self.model.regions[usize::from(region)].name.as_str();
        match time {
            Time::Ends => ends.exact.latency.clone().or_else(|| ends.general.latency.clone()),
            Time::Arrow(number) => self.scenario.links[usize::from(number)].value.1.latency.clone(),
            Time::Inside => Some(Distribution::Constant(INSIDE)),
            Time::Across => Some(Distribution::Constant(ACROSS)),
            Time::Known(a, b) => catalogue::latency::one_way(name(a), name(b)).map(Distribution::Constant),
            Time::Unknown => None,
        }
    }

    /// The sampler of a time; its address says what the author sees.
    fn sampler(&mut self, ends: &Ends, time: Time, apart: Apart) -> u16 {
        let Some(distribution) = self.distribution(ends, time) else { return NONE16 };
        let path = ends.path;
        let name = |region: u16| self.model.regions[usize::from(region)].name.as_str();
        let own = match apart {
            Apart::Same => format!("{path}/link"),
            Apart::Zones => format!("{path}/link.zones"),
            Apart::Regions => format!("{path}/link.regions"),
        };
        let address = match time {
            Time::Known(a, b) => format!("links/{} -> {}", name(a), name(b)),
            Time::Arrow(number) => {
                let arrow = arrow(&self.scenario.links[usize::from(number)].value.0);
                let whole = |region: &Region| arrow == format!("{0} -> {0}", region.name);
                let is_all = self.model.regions.len() == 1 && self.model.regions.iter().all(whole);
                if is_all { own } else { format!("{path}/link {arrow}") }
            }
            _ => own,
        };
        self.draw_unless_zero(&address, Purpose::Link, Some(&distribution))
    }

    /// Latency, pipe and price of a call.
    pub(super) fn link(&mut self, path: &str, caller: Caller, operation: u16) -> Way {
        let (callee, name) = self.end_of(operation);
        let (exact, general) = self.given_link(caller.end, End { name: &callee, operation: &name });
        let shared_hosts = self.shared_hosts(caller, &callee);
        if !exact.is_named && (shared_hosts == Some(1) || !self.has_link(caller, &callee)) {
            return Way { link: NONE16, pipe: NONE16, ways: NONE16, local: false };
        }
        let local = !exact.is_named && shared_hosts.is_some();
        let ends = Ends { path, exact, general };
        if self.between.is_empty() {
            let time =
                if ends.exact.latency.is_some() || ends.general.latency.is_some() { Time::Ends } else { Time::Inside };
            let link = self.sampler(&ends, time, Apart::Same);
            return Way { link, pipe: self.pipe_of(&ends, None), ways: NONE16, local };
        }
        let table = self.way_table(&ends);
        self.check_known(&ends, caller, operation);
        let (link, pipe) = table[0];
        let is_uniform = table.iter().all(|way| *way == table[0]);
        let ways = if is_uniform { NONE16 } else { self.add_ways(table) };
        Way { link, pipe, ways, local }
    }

    /// Sampler and pipe between each pair of places, row by row.
    fn way_table(&mut self, ends: &Ends) -> Vec<(u16, u16)> {
        let count = self.model.places.len() as u16;
        let (mut samplers, mut pipes) = (BTreeMap::new(), BTreeMap::new());
        let mut table = Vec::with_capacity(self.between.len());
        for from in 0..count {
            for to in 0..count {
                let (time, apart) = (self.time(ends, from, to), self.apart(from, to));
                let link = match samplers.get(&(time, apart)) {
                    Some(known) => *known,
                    None => self.sampler(ends, time, apart),
                };
                samplers.insert((time, apart), link);
                let said = self.between[table.len()].pipe;
                let pipe = match pipes.get(&said) {
                    Some(known) => *known,
                    None => self.pipe_of(ends, said),
                };
                pipes.insert(said, pipe);
                table.push((link, pipe));
            }
        }
        table
    }

    fn add_ways(&mut self, table: Vec<(u16, u16)>) -> u16 {
        let ways = Ways { places: self.model.places.len(), table };
        let known = self.model.ways.iter().position(|known| *known == ways);
        let index = known.unwrap_or(self.model.ways.len());
        if known.is_none() {
            self.model.ways.push(ways);
        }
        self.index(index, "different ways between places")
    }

    fn pipe_of(&mut self, ends: &Ends, said: Option<(u16, bool)>) -> u16 {
        if let Some((name, bandwidth, price)) = &ends.exact.pipe {
            return self.pipe(name, *bandwidth, *price);
        }
        if let Some((number, is_back)) = said {
            let (pair, link) = &self.scenario.links[usize::from(number)].value;
            let there = arrow(pair);
            let name = match there.split_once(" -> ") {
                Some((from, to)) if is_back => format!("{to} -> {from}"),
                _ => there,
            };
            return self.pipe(&name, link.bandwidth, link.price_per_byte);
        }
        match &ends.general.pipe {
            Some((name, bandwidth, price)) => self.pipe(name, *bandwidth, *price),
            None => NONE16,
        }
    }

    fn pipe(&mut self, name: &str, bandwidth: Option<f64>, price: Option<f64>) -> u16 {
        if let Some(known) = self.pipes.get(name) {
            return *known;
        }
        let index = self.index(self.model.pipes.len(), "links with a bandwidth");
        let bytes_per_s = bandwidth.unwrap_or(0.0);
        self.model.pipes.push(Pipe { name: name.to_owned(), bytes_per_s, price_per_byte: price.unwrap_or(0.0) });
        self.pipes.insert(name.to_owned(), index);
        index
    }

    /// Tells once of each pair of regions that a call may cross and nothing is known of.
    fn check_known(&mut self, ends: &Ends, caller: Caller, operation: u16) {
        let target = self.names.operations[usize::from(operation)].component;
        let from = caller.component.map_or_else(|| caller.places.to_vec(), |component| self.standing(component));
        let from: BTreeSet<u16> = from.into_iter().filter(|place| *place != NONE16).collect();
        let to: BTreeSet<u16> = self.standing(target).into_iter().collect();
        let pairs = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
        let unknown = pairs.filter(|(from, to)| self.time(ends, *from, *to) == Time::Unknown);
        for (from, to) in unknown.collect::<Vec<_>>() {
            let [a, b] = [from, to].map(|place| self.model.places[usize::from(place)].region);
            if !self.unlinked.insert((a.min(b), a.max(b))) {
                continue;
            }
            let name = |region: u16| self.model.regions[usize::from(region)].name.clone();
            let (a, b) = (name(a.min(b)), name(a.max(b)));
            let message = format!("nothing is known of the link between `{a}` and `{b}`");
            let made = Diagnostic::new(Code::NoLink, self.scenario.regions[&b].spot, message);
            self.tell(made.help(format!("add `{a} -> {b}: {{latency: 40ms}}` under `links`")));
        }
    }

    /// Places of the instances of a component; of a browser's cache those that requests come from.
    pub(super) fn standing(&self, component: u16) -> Vec<u16> {
        let stations = self.model.stations.iter().filter(|station| station.component == component);
        let places: Vec<u16> = stations.map(|station| station.place).filter(|place| *place != NONE16).collect();
        if places.contains(&WITH_REQUEST) { self.origins_of_all() } else { places }
    }

    /// Places that loads come from.
    fn origins_of_all(&self) -> Vec<u16> {
        let mut places = Vec::new();
        for (name, _) in self.scenario.load.values().flat_map(|load| &load.value.from) {
            match self.scenario.keys.get(&name.value).map(|key| &key.value.origin) {
                Some(KeyOrigin::Shares { shares, .. }) => {
                    places.extend(shares.iter().filter_map(|(name, _)| self.place_named(name)));
                }
                _ => places.extend(self.place_named(&name.value)),
            }
        }
        places
    }

    /// Mean seconds there and back through an edge, from these places to where its targets stand: to the nearest instance
    /// where that is preferred, else to any.
    pub(super) fn round_trip(&self, edge: &Edge, from: &[u16]) -> f64 {
        let mean = |link: u16| if link == NONE16 { 0.0 } else { self.model.samplers.mean(link) };
        let Some(ways) = self.model.ways.get(usize::from(edge.ways)) else { return 2.0 * mean(edge.link) };
        let trip = |a: u16, b: u16| mean(ways.between(a, b).0) + mean(ways.between(b, a).0);
        let (mut before, mut sum) = (0, 0.0);
        for (threshold, operation) in &edge.targets {
            let share = (threshold - before) as f64 / 4294967296.0;
            before = *threshold;
            let target = self.names.operations[usize::from(*operation)].component;
            let to = self.standing(target);
            let from: Vec<u16> = from.iter().copied().filter(|place| *place != NONE16).collect();
            if to.is_empty() || from.is_empty() {
                sum += share * 2.0 * mean(edge.link);
                continue;
            }
            let prefers = self.model.components.get(usize::from(target)).is_some_and(|target| target.prefers);
            let to_one = |a: &u16| {
                let trips = to.iter().map(|b| trip(*a, *b));
                if prefers { trips.fold(f64::INFINITY, f64::min) } else { trips.sum::<f64>() / to.len() as f64 }
            };
            sum += share * from.iter().map(to_one).sum::<f64>() / from.len() as f64;
        }
        sum
    }

    /// Whether a call takes a link although nothing was said about this pair.
    fn has_link(&self, caller: Caller, callee: &str) -> bool {
        let has_place = caller.component.is_some() || !caller.places.is_empty();
        has_place && !stands_elsewhere(&self.scenario.components[callee].value.kind)
    }

    /// How many hosts there are of the kind on which both ends stand, if they do.
    fn shared_hosts(&self, caller: Caller, callee: &str) -> Option<u32> {
        let from = self.scenario.components.get(caller.end.name)?;
        let to = &self.scenario.components[callee];
        match (&from.value.placement.machine, &to.value.placement.machine) {
            (MachineChoice::On(a), MachineChoice::On(b)) if a.value == b.value => {
                self.scenario.hosts.get(&a.value).map(|host| host.value.count.max(1))
            }
            _ => None,
        }
    }

    // -- names of places ------------------------------------------------------------------------------------------------

    /// The place of that name, or a mistake.
    pub(super) fn find_place(&mut self, name: &Reference) -> Option<u16> {
        let found = self.place_named(&name.value);
        if found.is_none() {
            let region = self
                .model
                .regions
                .iter()
                .find(|region| name.value.split_once('/').is_some_and(|(own, _)| own == region.name));
            let made = if let Some(Region { name: own, zones, .. }) = region {
                let message = format!("there is no zone `{}`: {}", name.value, parts_of(own, usize::from(*zones)));
                Diagnostic::new(Code::UnknownPart, name.spot, message)
            } else {
                let message = format!("`{}` is not a place of this scenario", name.value);
                let known = self.model.places.iter().map(|place| place.name.as_str());
                Diagnostic::new(Code::UnknownPart, name.spot, message).nearest(&name.value, known)
            };
            self.diags.push(made);
        }
        found
    }

    /// The same of a name that stands somewhere in a longer text, so that there is nothing to replace.
    pub(super) fn find_place_in(&mut self, name: &str, spot: Spot) -> Option<u16> {
        let found = self.place_named(name);
        if found.is_none() {
            let regions: Vec<&str> = self.model.regions.iter().map(|region| region.name.as_str()).collect();
            let help = format!("the regions are {}", listed(&regions));
            let made = Diagnostic::new(Code::UnknownPart, spot, format!("`{name}` is not a place of this scenario"));
            self.diags.push(made.help(help));
        }
        found
    }

    /// `us-east-1`, `us-east-1/b` or `us-east-1/1`.
    pub(super) fn place_named(&self, name: &str) -> Option<u16> {
        let (region, zone) = name.split_once('/').map_or((name, None), |(region, zone)| (region, Some(zone)));
        let region = self.model.regions.iter().find(|known| known.name == region)?;
        let Some(zone) = zone else { return Some(region.first + region.zones) };
        let number = match zone.as_bytes() {
            [letter @ b'a'..=b'z'] => u16::from(letter - b'a'),
            _ => zone.parse().ok()?,
        };
        (number < region.zones).then_some(region.first + number)
    }

    /// Whether it is the name of a region, or would be that of a zone in one.
    pub(super) fn may_be_place(&self, name: &Reference) -> bool {
        let region = name.value.split_once('/').map_or(name.value.as_str(), |(region, _)| region);
        self.scenario.regions.contains_key(region)
    }

    pub(super) fn is_place_side(&self, side: &Side) -> bool {
        matches!(side, Side::Name(name) if self.may_be_place(name))
    }

    /// Whether an arrow speaks of places: those on both sides, or on one and `any` on the other.
    pub(super) fn is_between_places(&self, pair: &Pair) -> bool {
        self.is_place_side(&pair.from) || self.is_place_side(&pair.to)
    }
}

/// Whether nobody knows the way there: what lies behind it is in its own times. A browser's cache stands where the browser
/// does.
fn stands_elsewhere(kind: &Kind) -> bool {
    match kind {
        Kind::External { .. } | Kind::Telemetry(_) => true,
        Kind::Cache(cache) => cache.per.is_some(),
        _ => false,
    }
}

/// `a` to `z`, then numbers.
fn zone_name(zone: u32) -> String {
    match u8::try_from(zone) {
        Ok(zone) if zone < 26 => char::from(b'a' + zone).to_string(),
        _ => zone.to_string(),
    }
}
