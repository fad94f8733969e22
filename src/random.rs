//! Addressed randomness: a draw is a pure function of a stream's key and an occasion, never of what was drawn before.
//!
//! So a change in one place leaves the draws elsewhere alone, and two designs meet the same luck. The bits are the
//! finaliser of splitmix64 over `key ^ occasion`; **both must be hashed 64-bit values**, because small keys and small
//! counters would make streams overlap (`docs/randomness.md` says what was tested). Keys come from [`Stream`], hashed
//! occasions from [`occasion`]. Everything here gives the same bits on every machine: integers, `+ - * /` and square
//! roots of doubles, tables made by `libm`, and `libm` itself in the rare slow paths.

/// What a draw is for. Numbered for ever: a stream's bits depend on the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub enum Purpose {
    /// Gaps between arrivals.
    Arrival = 1,
    /// Service demands.
    Service = 2,
    /// The pick of a balancer.
    Routing = 3,
    /// The key a request asks for.
    Key = 4,
    /// Branches of a program.
    Choice = 5,
    /// Jitter of back-offs.
    Retry = 6,
    /// Whether an attempt fails.
    Failure = 7,
    /// Times of faults and repairs.
    Fault = 8,
    /// Think times.
    Think = 9,
    /// Sizes of batches.
    Batch = 10,
    /// Latencies of links.
    Link = 11,
    /// Health checks.
    Health = 12,
    /// Payloads.
    Size = 13,
    /// How long a caller waits.
    Patience = 14,
    /// The course of a session.
    Session = 15,
    /// Orders of things.
    Shuffle = 16,
    /// Numbers that the author knows only as intervals.
    Input = 17,
}

/// An endless table of random bits, one entry for every occasion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// A hashed value; two streams differ in about half of its bits.
    pub key: u64,
}

/// A private sequence that continues one draw, for variates that need several numbers.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    state: u64,
}

/// Tables for exponential and normal variates by the ziggurat of Marsaglia and Tsang (2000), 256 layers, and for `e^x`.
#[derive(Clone, Debug)]
pub struct Ziggurat {
    // The acceptance limit and the width of a layer stand side by side, so that a draw touches one cache line.
    exponential: [(u64, f64); 256],
    normal: [(u64, f64); 256],
    exponential_height: [f64; 257],
    normal_height: [f64; 257],
    /// `2^(j/64)`.
    powers: [f64; 64],
}

/// The golden ratio in 64 bits: the step of splitmix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const TWO_POW_53: f64 = 9_007_199_254_740_992.0;
/// Where the base strip of the exponential ziggurat ends.
const EXPONENTIAL_R: f64 = 7.697_117_470_131_05;
/// Where the base strip of the normal ziggurat ends.
const NORMAL_R: f64 = 3.654_152_885_361_009;

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014, constants of Stafford's variant 13): a bijection.
#[inline(always)]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The hashed occasion of a small number: what to give to [`bits`] for the `n`-th time.
#[inline(always)]
pub fn occasion(n: u64) -> u64 {
    mix(n.wrapping_add(1).wrapping_mul(GOLDEN))
}

/// 64 random bits for a hashed key on a hashed occasion.
#[inline(always)]
pub fn bits(key: u64, occasion: u64) -> u64 {
    mix(key ^ occasion)
}

/// Uniform on (0, 1): never 0, never 1. 52 bits, because the half would be rounded away beside 53.
#[inline(always)]
pub fn unit(bits: u64) -> f64 {
    ((bits >> 12) as i64 as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
}

/// Uniform on `0..n`; the bias is below `n / 2^64`.
#[inline(always)]
pub fn below(bits: u64, n: u32) -> u32 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u32
}

impl Stream {
    /// The stream of a purpose at a place. `name` is the path in the scenario, so renaming is the only thing that reseeds.
    pub fn new(seed: u64, replication: u64, name: &str, purpose: Purpose) -> Stream {
        let name = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| mix(hash ^ u64::from(byte)));
        let run = occasion(occasion(seed) ^ replication);
        Stream { key: mix(mix(run ^ name).wrapping_add((purpose as u64).wrapping_mul(GOLDEN))) }
    }

    /// 64 random bits. The occasion must be a hashed value, from [`occasion`] or from bits drawn elsewhere.
    #[inline(always)]
    pub fn bits(self, occasion: u64) -> u64 {
        bits(self.key, occasion)
    }

    /// Uniform on (0, 1), the same for the same hashed occasion whatever happened before.
    #[inline(always)]
    pub fn uniform(self, occasion: u64) -> f64 {
        unit(self.bits(occasion))
    }

    /// The `n`-th stream that belongs to this one: an instance, a part of a sum.
    #[must_use]
    pub fn child(&self, n: u64) -> Stream {
        Stream { key: mix(self.key ^ occasion(n)) }
    }
}

impl Chain {
    /// The sequence that follows the bits of a draw.
    #[inline]
    pub fn new(bits: u64) -> Chain {
        Chain { state: bits }
    }

    /// The next 64 bits (splitmix64 begun at the draw).
    #[inline]
    pub fn next_bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// The next number on (0, 1).
    #[inline]
    pub fn next_unit(&mut self) -> f64 {
        unit(self.next_bits())
    }
}

impl Ziggurat {
    /// Builds the tables.
    pub fn new() -> Box<Ziggurat> {
        let mut powers = [0.0; 64];
        for (j, power) in powers.iter_mut().enumerate() {
            *power = libm::exp2(j as f64 / 64.0);
        }
        let area = (EXPONENTIAL_R + 1.0) * libm::exp(-EXPONENTIAL_R);
        let (exponential, exponential_height) = layers(EXPONENTIAL_R, area, |x| libm::exp(-x), |y| -libm::log(y));
        let tail = (std::f64::consts::PI / 2.0).sqrt() * libm::erfc(NORMAL_R / std::f64::consts::SQRT_2);
        let density = |x: f64| libm::exp(-0.5 * x * x);
        let area = NORMAL_R * density(NORMAL_R) + tail;
        let (normal, normal_height) = layers(NORMAL_R, area, density, |y| (-2.0 * libm::log(y)).sqrt());
        Box::new(Ziggurat { exponential, normal, exponential_height, normal_height, powers })
    }

    /// An exponential variate with mean 1.
    #[inline(always)]
    pub fn exponential(&self, bits: u64) -> f64 {
        let (limit, width) = self.exponential[(bits & 255) as usize];
        let u = bits >> 11;
        let x = u as i64 as f64 * width;
        if u < limit { x } else { self.exponential_rest(bits, x) }
    }

    /// A standard normal variate.
    #[inline(always)]
    pub fn normal(&self, bits: u64) -> f64 {
        let (limit, width) = self.normal[(bits & 255) as usize];
        let u = bits >> 11;
        let x = u as i64 as f64 * width;
        let x = if u < limit { x } else { self.normal_rest(bits, x) };
        // Bit 8 belongs neither to the layer nor to the position: it becomes the sign.
        f64::from_bits(x.to_bits() ^ ((bits & 256) << 55))
    }

    /// `e^x` for `|x| < 700`, within about two units in the last place: a table of `2^(n/64)` and a polynomial.
    #[inline(always)]
    pub fn exp(&self, x: f64) -> f64 {
        const STEPS: f64 = 64.0 * std::f64::consts::LOG2_E;
        // ln 2 / 64 in two parts: the upper one has room for an exact product.
        const HIGH: f64 = 0.010_830_424_696_223_417;
        const LOW: f64 = 2.572_804_622_327_669e-14;
        // Adding 1.5 * 2^52 rounds to the nearest integer and leaves it in the low bits.
        const ROUNDER: f64 = 6_755_399_441_055_744.0;
        let shifted = x * STEPS + ROUNDER;
        let n = shifted.to_bits() as i64;
        let whole = shifted - ROUNDER;
        let r = (x - whole * HIGH) - whole * LOW;
        // Estrin's order of the sums: half as many steps that wait for each other.
        let square = r * r;
        let series = (1.0 + r) + square * ((0.5 + r * (1.0 / 6.0)) + square * (1.0 / 24.0 + r * (1.0 / 120.0)));
        let scaled = self.powers[(n & 63) as usize] * series;
        f64::from_bits(scaled.to_bits().wrapping_add_signed((n >> 6) << 52))
    }

    /// The 1.1 % of draws that fall outside the rectangles: a wedge, or the tail, which is the same shape again.
    #[cold]
    #[inline(never)]
    fn exponential_rest(&self, bits: u64, mut x: f64) -> f64 {
        let mut layer = (bits & 255) as usize;
        let mut chain = Chain::new(bits);
        loop {
            if layer == 0 {
                return EXPONENTIAL_R - libm::log(chain.next_unit());
            }
            let (low, high) = (self.exponential_height[layer], self.exponential_height[layer + 1]);
            if high + (low - high) * chain.next_unit() < libm::exp(-x) {
                return x;
            }
            let again = chain.next_bits();
            layer = (again & 255) as usize;
            let (limit, width) = self.exponential[layer];
            x = (again >> 11) as f64 * width;
            if again >> 11 < limit {
                return x;
            }
        }
    }

    /// The same for the normal, without its sign; the tail by Marsaglia (1964).
    #[cold]
    #[inline(never)]
    fn normal_rest(&self, bits: u64, mut x: f64) -> f64 {
        let mut layer = (bits & 255) as usize;
        let mut chain = Chain::new(bits);
        loop {
            if layer == 0 {
                loop {
                    let beyond = -libm::log(chain.next_unit()) / NORMAL_R;
                    if beyond * beyond < -2.0 * libm::log(chain.next_unit()) {
                        return NORMAL_R + beyond;
                    }
                }
            }
            let (low, high) = (self.normal_height[layer], self.normal_height[layer + 1]);
            if high + (low - high) * chain.next_unit() < libm::exp(-0.5 * x * x) {
                return x;
            }
            let again = chain.next_bits();
            layer = (again & 255) as usize;
            let (limit, width) = self.normal[layer];
            x = (again >> 11) as f64 * width;
            if again >> 11 < limit {
                return x;
            }
        }
    }
}

/// The layers of a ziggurat: 255 strips of equal area under a falling density, and the base strip with the tail.
fn layers(
    base: f64,
    area: f64,
    density: impl Fn(f64) -> f64,
    inverse: impl Fn(f64) -> f64,
) -> ([(u64, f64); 256], [f64; 257]) {
    let mut edge = [0.0; 257];
    edge[0] = area / density(base);
    edge[1] = base;
    for i in 2..256 {
        edge[i] = inverse(density(edge[i - 1]) + area / edge[i - 1]);
    }
    let mut layer = [(0, 0.0); 256];
    let mut height = [1.0; 257];
    for i in 0..256 {
        layer[i] = ((edge[i + 1] / edge[i] * TWO_POW_53) as u64, edge[i] / TWO_POW_53);
        height[i] = density(edge[i]);
    }
    (layer, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chi-square of 4096 cells in standard deviations from its mean.
    fn score(mut cell: impl FnMut(u64) -> u64) -> f64 {
        let mut counts = vec![0u32; 4096];
        let draws = 1u64 << 17;
        for i in 0..draws {
            counts[(cell(i) & 4095) as usize] += 1;
        }
        let expected = draws as f64 / 4096.0;
        let chi: f64 = counts.iter().map(|&n| (f64::from(n) - expected) * (f64::from(n) - expected) / expected).sum();
        (chi - 4095.0) / (2.0f64 * 4095.0).sqrt()
    }

    #[test]
    fn draws_and_pairs_of_draws_fill_their_cells_evenly() {
        for trial in 0..6 {
            let name = format!("place {trial}");
            let here = Stream::new(trial, 0, &name, Purpose::Service);
            let other = Stream::new(trial, 0, &name, Purpose::Arrival);
            let pair = |a: u64, b: u64, shift: u32| ((a >> shift) & 63) << 6 | ((b >> shift) & 63);
            let scores = [
                score(|i| here.bits(occasion(i)) >> 52),
                score(|i| here.bits(occasion(i))),
                score(|i| pair(here.bits(occasion(i)), here.bits(occasion(i + 1)), 58)),
                score(|i| pair(here.bits(occasion(i)), other.bits(occasion(i)), 58)),
                score(|i| pair(here.bits(occasion(i)), other.bits(occasion(i)), 5)),
                score(|i| pair(here.bits(occasion(i)), here.child(i).bits(occasion(i)), 58)),
                score(|i| pair(here.child(1).bits(occasion(i)), here.child(2).bits(occasion(i)), 20)),
            ];
            // Too even is as suspicious as too uneven.
            assert!(scores.iter().all(|score| score.abs() < 5.0), "{scores:?}");
        }
    }

    #[test]
    fn the_test_would_notice_a_bad_mixer() {
        assert!(5.0 < score(|i| mix(7) ^ i).abs());
        assert!(5.0 < score(|i| (mix(7) ^ occasion(i)) >> 52 & occasion(i) >> 40).abs());
    }

    #[test]
    fn streams_are_told_apart_by_every_part_of_their_address() {
        let key = |seed, replication, name, purpose| Stream::new(seed, replication, name, purpose).key;
        let base = key(42, 0, "web", Purpose::Service);
        let others = [
            key(43, 0, "web", Purpose::Service),
            key(42, 1, "web", Purpose::Service),
            key(42, 0, "wec", Purpose::Service),
            key(42, 0, "bew", Purpose::Service),
            key(42, 0, "web", Purpose::Arrival),
            key(0, 0, "", Purpose::Arrival),
        ];
        for other in others {
            assert!((12..=52).contains(&(base ^ other).count_ones()), "{base:x} {other:x}");
        }
        assert_ne!(key(1, 2, "a", Purpose::Key), key(2, 1, "a", Purpose::Key));
    }

    #[test]
    fn the_bits_are_promised() {
        // The first outputs of splitmix64 from state 0 are published; the rest pins our own addresses.
        assert_eq!(occasion(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(occasion(1), 0x6e78_9e6a_a1b9_65f4);
        let stream = Stream::new(42, 0, "api.serve", Purpose::Service);
        assert_eq!(stream.bits(occasion(0)), bits(stream.key, occasion(0)));
    }

    #[test]
    fn units_and_integers_stay_inside() {
        assert!(0.0 < unit(0) && unit(u64::MAX) < 1.0);
        assert_eq!((below(0, 7), below(u64::MAX, 7)), (0, 6));
        let mut counts = [0u32; 3];
        for i in 0..30_000 {
            counts[below(bits(mix(9), occasion(i)), 3) as usize] += 1;
        }
        assert!(counts.iter().all(|n| n.abs_diff(10_000) < 400), "{counts:?}");
    }

    #[test]
    fn variates_have_their_moments() {
        let zig = Ziggurat::new();
        let n = 400_000u64;
        let mut e = [0.0; 3];
        let mut z = [0.0; 4];
        for i in 0..n {
            let b = bits(mix(5), occasion(i));
            let (x, y) = (zig.exponential(b), zig.normal(b));
            for (power, sum) in e.iter_mut().enumerate() {
                *sum += (0..=power).map(|_| x).product::<f64>() / n as f64;
            }
            for (power, sum) in z.iter_mut().enumerate() {
                *sum += (0..=power).map(|_| y).product::<f64>() / n as f64;
            }
        }
        let near = |a: f64, b: f64, by: f64| assert!((a - b).abs() < by, "{a} {b}");
        near(e[0], 1.0, 0.008);
        near(e[1], 2.0, 0.04);
        near(e[2], 6.0, 0.3);
        near(z[0], 0.0, 0.008);
        near(z[1], 1.0, 0.01);
        near(z[2], 0.0, 0.03);
        near(z[3], 3.0, 0.08);
    }

    #[test]
    fn exp_agrees_with_libm() {
        let zig = Ziggurat::new();
        for i in 0..100_000 {
            let x = (unit(bits(mix(3), occasion(i))) - 0.5) * 1390.0;
            assert!((zig.exp(x) / libm::exp(x) - 1.0).abs() < 6e-16, "{x}");
        }
        assert_eq!(zig.exp(0.0), 1.0);
    }
}
