//! A database's buffer pool: least recently used extents of pages.
//!
//! A row stands on the leaf page `row / rows a page`; a step that touches n pages reads the leaf and the n - 1 index pages
//! above it (256 children a page), so upper levels stay hot by themselves. Pages are tracked in extents of neighbours so
//! that at most a quarter of a million are.

use rustc_hash::FxHashMap;

use crate::model::NONE;

/// Bytes of a page.
pub(super) const PAGE: f64 = 8192.0;
const FAN_OUT: u64 = 256;
const TRACKED: u64 = 1 << 18;

#[derive(Clone, Debug)]
pub(super) struct Buffer {
    rows_per_page: f64,
    /// Pages of one extent.
    extent: u64,
    capacity: usize,
    slot_of: FxHashMap<u64, u32>,
    /// (extent, newer, older), a ring of links through `entries`.
    entries: Vec<(u64, u32, u32)>,
    newest: u32,
    oldest: u32,
}

impl Buffer {
    pub(super) fn new(pages: u64, data_pages: u64, rows_per_page: f64) -> Buffer {
        let extent = (pages.min(data_pages) / TRACKED).max(1);
        let capacity = (pages / extent).max(1) as usize;
        Buffer {
            rows_per_page,
            extent,
            capacity,
            slot_of: FxHashMap::default(),
            entries: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    /// How many of the `count` pages on the way to the row are not in memory; afterwards they are.
    pub(super) fn touch_row(&mut self, row: u64, count: u32) -> u32 {
        let mut page = (row as f64 / self.rows_per_page) as u64;
        let mut misses = 0;
        for level in 0..u64::from(count) {
            let extent = (page / self.extent) | (level << 56);
            misses += u32::from(!self.touch(extent));
            page /= FAN_OUT;
        }
        misses
    }

    pub(super) fn is_full(&self) -> bool {
        self.capacity <= self.entries.len()
    }

    /// Whether the extent was there; it is the newest afterwards.
    fn touch(&mut self, extent: u64) -> bool {
        if let Some(&slot) = self.slot_of.get(&extent) {
            self.unlink(slot);
            self.push_newest(slot);
            return true;
        }
        let slot = if self.entries.len() < self.capacity {
            self.entries.push((extent, NONE, NONE));
            self.entries.len() as u32 - 1
        } else {
            let slot = self.oldest;
            self.unlink(slot);
            self.slot_of.remove(&self.entries[slot as usize].0);
            self.entries[slot as usize].0 = extent;
            slot
        };
        self.slot_of.insert(extent, slot);
        self.push_newest(slot);
        false
    }

    fn unlink(&mut self, slot: u32) {
        let (_, newer, older) = self.entries[slot as usize];
        match newer {
            NONE => self.newest = older,
            n => self.entries[n as usize].2 = older,
        }
        match older {
            NONE => self.oldest = newer,
            o => self.entries[o as usize].1 = newer,
        }
    }

    fn push_newest(&mut self, slot: u32) {
        let old = self.newest;
        self.entries[slot as usize].1 = NONE;
        self.entries[slot as usize].2 = old;
        match old {
            NONE => self.oldest = slot,
            o => self.entries[o as usize].1 = slot,
        }
        self.newest = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_reads_hit_in_proportion_to_memory() {
        let mut buffer = Buffer::new(2_500, 10_000, 1.0);
        let mut misses = 0;
        for n in 0..200_000u64 {
            let row = crate::random::mix(n) % 10_000;
            let miss = buffer.touch_row(row, 1);
            misses += if n < 50_000 { 0 } else { miss };
        }
        let hit = 1.0 - f64::from(misses) / 150_000.0;
        assert!((hit - 0.25).abs() < 0.01, "{hit}");
    }

    #[test]
    fn the_least_recently_used_page_goes() {
        let mut buffer = Buffer::new(2, 10, 1.0);
        assert_eq!([0, 1, 0, 2, 0, 1].map(|row| buffer.touch_row(row, 1)), [1, 1, 0, 1, 0, 1]);
    }
}
