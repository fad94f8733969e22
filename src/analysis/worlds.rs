//! Draws of what is not known: each is a world in which every interval of the scenario has become a number.
//!
//! The draws are a Latin hypercube (`McKay`, Beckman and Conover 1979) addressed by name: the path of an interval and the
//! seed say which slice of its probability it takes in which draw, so another interval elsewhere moves none of them. Each
//! world has replications of its own (a nested design): worlds then differ in luck as well as in inputs, what differs
//! within a world is luck alone, and the two are told apart. The same world of two designs has the same luck, so designs
//! are compared in pairs.

use crate::analysis::design::Design;
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::random::{Purpose, Stream, occasion};
use crate::report::evaluation::Figures;
use crate::text::ranges::Ranged;

/// Replications of each world, the fewest that show what is luck.
pub const EACH: u32 = 2;

/// One draw.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// For each interval, in the order of the scenario, the share of its probability that lies below the value.
    pub shares: Vec<f64>,
    /// What makes a design one of this world.
    pub sets: Vec<String>,
}

/// So many draws of all intervals.
pub fn draw(uncertain: &[Ranged], draws: u32, seed: u64) -> Vec<World> {
    let columns: Vec<Vec<Vec<f64>>> = uncertain.iter().map(|ranged| columns(ranged, draws, seed)).collect();
    let world = |draw: usize| {
        let of = |columns: &Vec<Vec<f64>>| columns.iter().map(|column| column[draw]).collect::<Vec<f64>>();
        let sets = uncertain.iter().zip(&columns).map(|(ranged, columns)| ranged.set(&of(columns))).collect();
        World { shares: columns.iter().flat_map(of).collect(), sets }
    };
    (0..draws as usize).map(world).collect()
}

/// The shares of each interval of one scalar, draw by draw.
fn columns(ranged: &Ranged, draws: u32, seed: u64) -> Vec<Vec<f64>> {
    let column = |at: usize| {
        let stream = Stream::new(seed, at as u64, &ranged.path, Purpose::Input);
        let mut slices: Vec<(u64, u32)> = (0..draws).map(|n| (stream.bits(occasion(u64::from(n))), n)).collect();
        slices.sort_unstable();
        let within = |n: u32| stream.uniform(occasion(u64::from(draws) + u64::from(n)));
        slices.iter().map(|(_, slice)| (f64::from(*slice) + within(*slice)) / f64::from(draws)).collect()
    };
    (0..ranged.intervals().count()).map(column).collect()
}

/// The figures of each world, `EACH` replications of its own; `None` where there is no such design (a share above one, say).
///
/// # Errors
/// The work was stopped.
pub fn explore<M: Memory>(
    worlds: &[World],
    lab: &mut Lab<'_, M>,
    make: impl Fn(&World) -> Option<Design>,
) -> Result<Vec<Option<Figures>>, Interrupted> {
    let mut explored = Vec::new();
    let at_once = lab.setting.jobs.max(1) * 4;
    for (group, some) in worlds.chunks(at_once).enumerate() {
        let made = some
            .iter()
            .enumerate()
            .map(|(at, world)| Some(make(world)?.starting_at(first(group * at_once + at, EACH))));
        let made: Vec<Option<Design>> = made.collect();
        let mut figures = lab.evaluate_with(&made.iter().flatten().collect::<Vec<_>>(), EACH)?.into_iter();
        explored.extend(made.iter().map(|design| design.as_ref().and_then(|_| figures.next())));
    }
    Ok(explored)
}

/// The first replication of a world whose replications are at most so many.
pub fn first(world: usize, most: u32) -> u32 {
    world as u32 * most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostics, Sources};
    use crate::text;

    fn ranged(text: &str) -> Vec<Ranged> {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let mut tree = text::parse("t.yaml", text, &mut sources, &mut diags).expect("YAML");
        text::take_ranges(&mut tree, &mut diags)
    }

    #[test]
    fn each_slice_is_drawn_once_and_other_intervals_move_nothing() {
        let both = draw(&ranged("load: {rate: 100/s..400/s}\nlet: {x: 1ms..2ms}\n"), 40, 42);
        let mut slices: Vec<u32> = both.iter().map(|world| (world.shares[0] * 40.0) as u32).collect();
        slices.sort_unstable();
        assert_eq!(slices, (0..40).collect::<Vec<_>>());
        let alone = draw(&ranged("load: {rate: 100/s..400/s}\n"), 40, 42);
        assert!(both.iter().zip(&alone).all(|(both, alone)| both.sets[0] == alone.sets[0]));
        assert_ne!(both[0].shares[0], both[0].shares[1]);
        assert_ne!(alone, draw(&ranged("load: {rate: 100/s..400/s}\n"), 40, 43));
    }
}
