//! Key values: a function of the request's address, unless a load, a session or a repetition says otherwise.

use crate::engine::world::{Request, World};
use crate::model::{KeyOrigin, Model, NONE, NONE16};
use crate::random::{bits, mix};

/// Values of keys: how far scans and traces have come, and what was drawn lately. A request asks for the same value several
/// times, and a draw by popularity costs more than a look.
#[derive(Debug)]
pub(super) struct Values {
    cursors: Vec<u64>,
    /// Occasion, key and value.
    drawn: Vec<(u64, u16, u64)>,
}

/// So many values are remembered: a power of two.
const DRAWN: usize = 512;

impl Values {
    pub(super) fn new(m: &Model) -> Values {
        Values { cursors: vec![0; m.keys.len()], drawn: vec![(0, NONE16, 0); DRAWN] }
    }

    /// Where the value of a key at an occasion, which is a hash, would stand.
    fn at(&mut self, key: u16, occasion: u64) -> &mut (u64, u16, u64) {
        let place = (occasion as usize).wrapping_add(usize::from(key));
        &mut self.drawn[place & (DRAWN - 1)]
    }
}

impl World<'_> {
    /// The value that the request carries of the key.
    pub(super) fn key_value(&mut self, key: u16, request: u32) -> u64 {
        let Request { occasion, context, .. } = self.requests[request as usize];
        let mut at = context;
        while at != NONE {
            let context = self.contexts.all[at as usize];
            if context.key == key {
                return context.value;
            }
            at = context.parent;
        }
        let (of, known, value) = *self.values.at(key, occasion);
        if of == occasion && known == key {
            return value;
        }
        let value = self.key_drawn(key, request, occasion);
        *self.values.at(key, occasion) = (occasion, key, value);
        value
    }

    /// The draw of a key that every request there draws for itself; it is remembered until the request comes.
    pub(super) fn value_drawn(&mut self, key: u16, occasion: u64) -> u64 {
        let spec = &self.m.keys[key as usize];
        let KeyOrigin::Drawn(popular) = &spec.origin else { unreachable!("the caller knows that it is drawn") };
        let rank = popular.rank(bits(spec.stream, occasion));
        let value = if spec.scattered { scatter(rank, spec.count, spec.stream) } else { rank };
        *self.values.at(key, occasion) = (occasion, key, value);
        value
    }

    /// A draw of the key at this occasion.
    pub(super) fn key_drawn(&mut self, key: u16, request: u32, occasion: u64) -> u64 {
        let m = self.m;
        let class = self.requests[request as usize].class;
        let overrides = &m.sources[m.classes[class as usize].source as usize].overrides;
        let spec = &m.keys[key as usize];
        let origin = overrides.iter().find(|(k, _)| *k == key).map_or(&spec.origin, |(_, origin)| origin);
        let draw = bits(spec.stream, occasion);
        let rank = match origin {
            KeyOrigin::Drawn(popular) => popular.rank(draw),
            KeyOrigin::Fixed(value) => return *value,
            KeyOrigin::Scan => self.next_of(key, request, occasion) % spec.count.max(1),
            KeyOrigin::Trace(values) => {
                return values[(self.next_of(key, request, occasion) % values.len() as u64) as usize];
            }
            // A function of the other key's value: the same one always gives the same.
            KeyOrigin::Shares { of, cumulative } => {
                let part = bits(spec.stream, mix(self.key_value(*of, request) + 1)) >> 32;
                return cumulative.iter().position(|&c| part < c).unwrap_or(0) as u64;
            }
            KeyOrigin::Grouped { of, sizes } => {
                let value = self.key_value(*of, request);
                sizes.rank(bits(spec.stream, mix(value + 1)))
            }
        };
        if spec.scattered { scatter(rank, spec.count, spec.stream) } else { rank }
    }

    /// n of a scan or trace: drawn once for each request, so that all its steps see the same.
    fn next_of(&mut self, key: u16, request: u32, occasion: u64) -> u64 {
        let n = self.values.cursors[key as usize];
        self.values.cursors[key as usize] += 1;
        let own = self.requests[request as usize].occasion == occasion;
        if own {
            let parent = self.requests[request as usize].context;
            let value = match &self.m.keys[key as usize].origin {
                KeyOrigin::Trace(values) => values[(n % values.len() as u64) as usize],
                _ => n % self.m.keys[key as usize].count.max(1),
            };
            let context = self.new_context(crate::engine::world::Context { parent, users: 1, value, key });
            self.requests[request as usize].context = context;
        }
        n
    }
}

/// A bijection of `0 .. count`: four rounds of a balanced Feistel network over the next even power of two, walked until the
/// value is inside (cycle walking).
fn scatter(rank: u64, count: u64, key: u64) -> u64 {
    let bits_needed = 64 - (count.max(2) - 1).leading_zeros();
    let half = bits_needed.div_ceil(2);
    let mask = (1u64 << half) - 1;
    let mut x = rank;
    loop {
        let (mut left, mut right) = (x >> half, x & mask);
        for round in 0..4 {
            (left, right) = (right, left ^ (mix(key ^ mix(right ^ (round << 56))) & mask));
        }
        x = left << half | right;
        if x < count {
            return x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::scatter;

    #[test]
    fn scattering_is_a_bijection() {
        for count in [1, 2, 3, 10, 1000, 1025] {
            let mut seen = vec![false; count as usize];
            for rank in 0..count {
                seen[scatter(rank, count, 7) as usize] = true;
            }
            assert!(seen.iter().all(|&s| s), "{count} keys");
        }
    }
}
