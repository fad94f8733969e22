//! What only pictures need of each window: latencies over time, hit ratios, instances that are up.

use crate::engine::world::{World, gate};
use crate::model::Model;
use crate::record::{Heat, HitSeries};

/// Columns at most: one more, and two become one, so a run of any length keeps as much.
const COLUMNS: usize = 240;
/// So many of the observer's 32 buckets an octave make one here.
const COARSER: usize = 8;

/// Adds the latencies of window number `window`.
pub(super) fn add(heat: &mut Heat, window: usize, fresh: &[u32]) {
    heat.windows = heat.windows.max(1);
    if window / heat.windows as usize == COLUMNS {
        halve(heat);
    }
    if window / heat.windows as usize == heat.columns.len() {
        heat.columns.push(vec![0; fresh.len() / COARSER]);
    }
    let column = heat.columns.last_mut().expect("the column of this window is there");
    for (count, fresh) in column.iter_mut().zip(fresh.chunks(COARSER)) {
        *count += fresh.iter().sum::<u32>();
    }
}

/// Two neighbours become one.
fn halve(heat: &mut Heat) {
    heat.windows *= 2;
    let both = |pair: &[Vec<u32>]| -> Vec<u32> {
        (0..pair[0].len()).map(|bucket| pair.iter().map(|column| column[bucket]).sum()).collect()
    };
    heat.columns = heat.columns.chunks(2).map(both).collect();
}

/// Components whose hit ratio over time is kept: those with entries or pages.
pub(super) fn kept(model: &Model) -> Vec<HitSeries> {
    let components = model.components.iter().enumerate();
    let kept = components.filter(|(_, component)| component.keeps_entries() || component.buffer.is_some());
    kept.map(|(index, _)| HitSeries { component: index as u16, share: Vec::new() }).collect()
}

impl World<'_> {
    /// The window is over: hit ratios in it, and who is up.
    pub(super) fn close_levels(&mut self) {
        let observer = &mut self.observer;
        observer.last_of_hits.resize(observer.series.hits.len(), (0, 0));
        for (hits, last) in observer.series.hits.iter_mut().zip(&mut observer.last_of_hits) {
            let group = &self.groups[usize::from(hits.component)];
            let (found, missed) = (group.page_hits - last.0, group.page_misses - last.1);
            *last = (group.page_hits, group.page_misses);
            hits.share.push((found as f64 / (found + missed) as f64) as f32);
        }
        observer.series.up.resize(self.m.components.len(), Vec::new());
        for (up, component) in observer.series.up.iter_mut().zip(&self.m.components) {
            let stations = &self.stations[component.first as usize..(component.first + component.count) as usize];
            up.push(stations.iter().filter(|station| station.gate & (gate::DOWN | gate::ABSENT) == 0).count() as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_as_many_columns_as_a_short_one_and_every_count() {
        let mut heat = Heat::default();
        let mut fresh = vec![0; 16];
        fresh[3] = 1;
        fresh[9] = 2;
        for window in 0..1000 {
            add(&mut heat, window, &fresh);
        }
        assert_eq!(heat.windows, 8);
        assert_eq!(heat.columns.len(), 125);
        assert_eq!(heat.columns.iter().map(|column| column[0]).sum::<u32>(), 1000);
        assert!(heat.columns.iter().all(|column| *column == [8, 16]), "every column stands for eight windows");
    }
}
