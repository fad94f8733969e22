//! Keys: the values that requests carry, and from where they come.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::compile::{Compiler, cumulative, stream};
use crate::model::{Key, KeyOrigin, NONE16};
use crate::popularity::Popular;
use crate::random::Purpose;
use crate::scenario;
use crate::scenario::{KeyOverride, Popularity};

impl<'a> Compiler<'a> {
    /// All keys, in the order of their names.
    pub(super) fn compile_keys(&mut self) {
        let scenario = self.scenario;
        self.index(scenario.keys.len(), "keys");
        for (name, key) in &scenario.keys {
            let (origin, count) = self.origin(name, key, 0);
            let path = format!("keys.{name}");
            let population = self.population(name);
            let bytes_draw = self.draw_unless_zero(&format!("{path}.bytes"), Purpose::Size, key.value.bytes.as_ref());
            self.model.keys.push(Key {
                name: name.clone(),
                stream: stream(&path, Purpose::Key),
                population: stream(&format!("keys.{population}"), Purpose::Key),
                origin,
                scattered: key.value.scattered,
                versioned: scenario.keys.get(population).is_some_and(|key| key.value.versioned.is_some()),
                count,
                bytes_draw,
            });
        }
    }

    /// The key whose population it is: itself, or the one it is like.
    fn population<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        let mut at = name;
        for _ in 0..self.scenario.keys.len() {
            match self.scenario.keys.get(at).map(|key| &key.value.origin) {
                Some(scenario::KeyOrigin::Like(other, _)) => at = &other.value,
                _ => break,
            }
        }
        at
    }

    /// Where the values come from, and how many there are. `depth` counts `like` upon `like`.
    fn origin(&mut self, name: &str, key: &Spotted<scenario::Key>, depth: usize) -> (KeyOrigin, u64) {
        match &key.value.origin {
            scenario::KeyOrigin::Drawn { count, popularity } => (drawn(popularity, *count), *count),
            scenario::KeyOrigin::Shares { of, shares } => {
                let mut shares: Vec<&(String, f64)> = shares.iter().collect();
                shares.sort_by(|a, b| a.0.cmp(&b.0));
                let thresholds = cumulative(shares.iter().map(|(_, share)| *share));
                let of = self.names.find_key(Some(of), self.diags);
                (KeyOrigin::Shares { of, cumulative: thresholds }, shares.len() as u64)
            }
            scenario::KeyOrigin::Grouped { of, count, sizes } => {
                let of = self.names.find_key(Some(of), self.diags);
                (KeyOrigin::Grouped { of, sizes: popular(sizes, *count) }, *count)
            }
            scenario::KeyOrigin::Like(other, own) => {
                let scenario = self.scenario;
                if scenario.keys.len() < depth {
                    let message = format!("`{name}` is like itself");
                    self.tell(Diagnostic::new(Code::Cycle, key.spot, message));
                    return (KeyOrigin::Fixed(0), 1);
                }
                self.names.find_key(Some(other), self.diags);
                let (origin, count) = match scenario.keys.get(&other.value) {
                    Some(like) => self.origin(name, like, depth + 1),
                    None => (KeyOrigin::Fixed(0), 1),
                };
                (own.as_ref().map_or(origin, |own| drawn(own, count)), count)
            }
        }
    }

    /// A key that a load pins to a value or draws in another way.
    pub(super) fn key_override(&mut self, key: u16, said: &Spotted<KeyOverride>) -> KeyOrigin {
        let count = self.model.keys[usize::from(key)].count;
        match &said.value {
            KeyOverride::Value(value) if count <= *value => {
                let name = &self.model.keys[usize::from(key)].name;
                let message = format!("`{name}` has the values 0 to {}, so {value} is none of them", count.max(1) - 1);
                self.tell(Diagnostic::new(Code::OutOfRange, said.spot, message));
                KeyOrigin::Fixed(0)
            }
            KeyOverride::Value(value) => KeyOrigin::Fixed(*value),
            KeyOverride::Popularity(popularity) => drawn(popularity, count),
        }
    }

    /// Tells of keys that are functions of each other in a circle.
    pub(super) fn check_keys(&mut self) {
        let of = |key: &Key| match &key.origin {
            KeyOrigin::Shares { of, .. } | KeyOrigin::Grouped { of, .. } => *of,
            _ => NONE16,
        };
        for key in &self.model.keys {
            let mut at = of(key);
            for _ in 0..self.model.keys.len() {
                at = self.model.keys.get(usize::from(at)).map_or(NONE16, of);
            }
            if at != NONE16 {
                let spot = self.scenario.keys[&key.name].spot;
                let message = format!("`{}` is a function of itself", key.name);
                self.diags.push(Diagnostic::new(Code::Cycle, spot, message));
            }
        }
    }
}

fn drawn(popularity: &Popularity, count: u64) -> KeyOrigin {
    match popularity {
        Popularity::Scan => KeyOrigin::Scan,
        Popularity::Trace(values) => KeyOrigin::Trace(values.clone()),
        _ => KeyOrigin::Drawn(popular(popularity, count)),
    }
}

fn popular(popularity: &Popularity, count: u64) -> Popular {
    let count = count.max(1);
    match popularity {
        Popularity::Zipf(exponent) => Popular::zipf(count, *exponent),
        Popularity::Hot { keys, draws } => Popular::hot(count, *keys, *draws),
        Popularity::Uniform | Popularity::Scan | Popularity::Trace(_) => Popular::uniform(count),
    }
}
