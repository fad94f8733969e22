//! A database's buffer pool: least recently used extents of pages.
//!
//! A row stands on the leaf page `row / rows a page`; a step that touches n pages reads the leaf and the n - 1 index pages
//! above it (256 children a page), so upper levels stay hot by themselves. Pages are tracked in extents of neighbours so
//! that at most a quarter of a million are.

use crate::model::NONE;

/// Bytes of a page.
pub(super) const PAGE: f64 = 8192.0;
const FAN_OUT: u64 = 256;
/// Most extents that are in memory, and that there are in all.
const TRACKED: u64 = 1 << 18;
const EXTENTS: u64 = 1 << 22;

#[derive(Clone, Debug)]
pub(super) struct Buffer {
    rows_per_page: f64,
    /// Pages of one extent.
    extent: u64,
    capacity: usize,
    /// First extent of each level of the tree, leaves first.
    levels: Vec<u64>,
    /// Place in `entries` of each extent, or `NONE`.
    slot_of: Vec<u32>,
    /// (extent, newer, older): a list from the newest to the oldest.
    entries: Vec<(u32, u32, u32)>,
    newest: u32,
    oldest: u32,
}

impl Buffer {
    /// An empty pool of so many pages before data of so many.
    pub(super) fn new(pages: u64, data_pages: u64, rows_per_page: f64) -> Buffer {
        let extent = (pages.min(data_pages) / TRACKED).max(data_pages / EXTENTS).max(1);
        let (mut levels, mut next, mut wide) = (Vec::new(), 0, data_pages.max(1));
        loop {
            levels.push(next);
            next += wide / extent + 1;
            if wide == 1 {
                break;
            }
            wide = wide.div_ceil(FAN_OUT);
        }
        Buffer {
            rows_per_page,
            extent,
            capacity: (pages / extent).max(1) as usize,
            levels,
            slot_of: vec![NONE; next as usize],
            entries: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    /// How many of the `count` pages on the way to the row are not in memory; afterwards they are.
    pub(super) fn touch_row(&mut self, row: u64, count: u32) -> u32 {
        let mut page = (row as f64 / self.rows_per_page) as u64;
        let mut misses = 0;
        for level in 0..count as usize {
            // Beyond the root there is the root.
            let level = level.min(self.levels.len() - 1);
            let end = self.levels.get(level + 1).copied().unwrap_or(self.slot_of.len() as u64);
            let extent = (self.levels[level] + page / self.extent).min(end - 1);
            misses += u32::from(!self.touch(extent as u32));
            page /= FAN_OUT;
        }
        misses
    }

    /// Nothing more would come in without something going out, or all there is is in.
    pub(super) fn is_full(&self) -> bool {
        self.capacity.min(self.slot_of.len() * 9 / 10) <= self.entries.len()
    }

    /// Whether the extent was there; it is the newest afterwards.
    fn touch(&mut self, extent: u32) -> bool {
        let slot = self.slot_of[extent as usize];
        if slot == self.newest && slot != NONE {
            return true;
        }
        if slot != NONE {
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
            self.slot_of[self.entries[slot as usize].0 as usize] = NONE;
            self.entries[slot as usize].0 = extent;
            slot
        };
        self.slot_of[extent as usize] = slot;
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
