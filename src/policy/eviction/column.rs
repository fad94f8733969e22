//! What only some shelves note of their entries.

/// A value for each slot, which takes no memory as long as all of them are nothing.
#[derive(Clone, Debug)]
pub(super) struct Column<T>(Vec<T>);

impl<T: Copy + Default + PartialEq> Column<T> {
    pub(super) fn new() -> Column<T> {
        Column(Vec::new())
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> T {
        self.0.get(slot as usize).copied().unwrap_or_default()
    }

    /// Notes a value for one of so many slots.
    #[inline]
    pub(super) fn set(&mut self, slot: u32, value: T, slots: u32) {
        if value != T::default() || !self.0.is_empty() {
            self.note(slot, value, slots as usize);
        }
    }

    /// Bytes of memory it occupies.
    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<T>()
    }

    fn note(&mut self, slot: u32, value: T, slots: usize) {
        if self.0.capacity() < slots {
            self.0.reserve_exact(slots - self.0.len() + slots / 8);
        }
        if self.0.len() < slots {
            self.0.resize(slots, T::default());
        }
        self.0[slot as usize] = value;
    }
}
