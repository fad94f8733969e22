//! A database's buffer pool: least recently used extents of pages.
//!
//! A row stands on the leaf page `row / rows a page`; a step that touches n pages reads the leaf and the n - 1 index pages
//! above it (256 children a page), so upper levels stay hot by themselves. Pages are tracked in extents of neighbours so
//! that at most a quarter of a million are.

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
    /// The extents in memory as bits: small enough to stay in the caches, where `last_use` may not.
    present: Vec<u64>,
    /// Place in `log` of each extent's last use.
    last_use: Vec<u32>,
    /// Uses in their order. Only an extent's last use counts, so a use writes here and in `last_use` and nowhere else.
    log: Vec<u32>,
    /// Length at which the log is tidied.
    longest: usize,
    /// No use before this place of the log counts any more.
    oldest: usize,
    /// Extents in memory.
    held: usize,
}

/// The log is tidied when it is so many times as long as the uses that count in it can be.
const SLACK: usize = 3;

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
        let capacity = (pages / extent).max(1) as usize;
        Buffer {
            rows_per_page,
            extent,
            capacity,
            levels,
            present: vec![0; next.div_ceil(64) as usize],
            last_use: vec![0; next as usize],
            log: Vec::new(),
            longest: SLACK * capacity.min(next as usize),
            oldest: 0,
            held: 0,
        }
    }

    /// How many of the `count` pages on the way to the row are not in memory; afterwards they are.
    pub(super) fn touch_row(&mut self, row: u64, count: u32) -> u32 {
        let mut page = (row as f64 / self.rows_per_page) as u64;
        let mut misses = 0;
        for level in 0..count as usize {
            // Beyond the root there is the root.
            let level = level.min(self.levels.len() - 1);
            let end = self.levels.get(level + 1).copied().unwrap_or(self.last_use.len() as u64);
            let extent = (self.levels[level] + page / self.extent).min(end - 1);
            misses += u32::from(!self.touch(extent as u32));
            page /= FAN_OUT;
        }
        misses
    }

    /// There is room for so many pages from now on; what was not used for longest leaves first.
    pub(super) fn resize(&mut self, pages: u64) {
        self.capacity = (pages / self.extent) as usize;
        while self.capacity < self.held {
            self.evict();
            self.held -= 1;
        }
        self.capacity = self.capacity.max(1);
    }

    /// Nothing more would come in without something going out, or all there is is in.
    pub(super) fn is_full(&self) -> bool {
        self.capacity.min(self.last_use.len() * 9 / 10) <= self.held
    }

    /// Whether the extent was there; it is the newest afterwards.
    fn touch(&mut self, extent: u32) -> bool {
        if self.log.last() == Some(&extent) {
            return true;
        }
        if self.longest <= self.log.len() {
            self.tidy();
        }
        self.last_use[extent as usize] = self.log.len() as u32;
        self.log.push(extent);
        let (word, bit) = (&mut self.present[extent as usize / 64], 1 << (extent % 64));
        if *word & bit != 0 {
            return true;
        }
        *word |= bit;
        if self.held < self.capacity {
            self.held += 1;
        } else {
            self.evict();
        }
        false
    }

    /// The extent that was not used for longest leaves.
    fn evict(&mut self) {
        loop {
            let at = self.oldest;
            let extent = self.log[at] as usize;
            self.oldest += 1;
            if self.last_use[extent] as usize == at {
                self.present[extent / 64] ^= 1 << (extent % 64);
                return;
            }
        }
    }

    /// Drops the uses that no longer count.
    #[cold]
    fn tidy(&mut self) {
        let mut kept = 0;
        for at in self.oldest..self.log.len() {
            let extent = self.log[at];
            if self.last_use[extent as usize] as usize == at {
                self.last_use[extent as usize] = kept as u32;
                self.log[kept] = extent;
                kept += 1;
            }
        }
        self.log.truncate(kept);
        self.oldest = 0;
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

    #[test]
    fn a_pool_that_shrinks_keeps_what_was_used_last() {
        let mut buffer = Buffer::new(8, 100, 1.0);
        (0..8).for_each(|row| _ = buffer.touch_row(row, 1));
        buffer.resize(3);
        assert_eq!([0, 0, 0, 1], [5, 6, 7, 4].map(|row| buffer.touch_row(row, 1)));
        assert_eq!(1, buffer.touch_row(5, 1), "there are three");
        buffer.resize(0);
        assert_eq!([1, 1, 0], [7, 5, 5].map(|row| buffer.touch_row(row, 1)), "one page is always there");
        buffer.resize(8);
        assert_eq!([1, 1, 0, 0, 0], [1, 2, 5, 1, 2].map(|row| buffer.touch_row(row, 1)));
    }

    #[test]
    fn the_log_and_a_list_in_the_order_of_use_agree() {
        for (pages, data) in [(1, 50), (7, 50), (40, 50), (60, 50)] {
            let mut buffer = Buffer::new(pages, data, 1.0);
            let mut list: Vec<u64> = Vec::new();
            for n in 0..5000u64 {
                // Popular rows and rare ones, and the same one twice.
                let draw = crate::random::mix(n / 2);
                let row = (draw % 50).min(draw >> 40 & 63);
                let missed = buffer.touch_row(row, 1);
                let found = list.iter().position(|&r| r == row).map(|at| list.remove(at));
                assert_eq!(missed, u32::from(found.is_none()), "{pages} pages, use {n}");
                list.push(row);
                if pages < list.len() as u64 {
                    list.remove(0);
                }
            }
        }
    }
}
