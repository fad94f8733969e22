//! Dense tables and the typed indices into them: names are resolved once, afterwards everything is an [`Id`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// The place of a `T` in its [`Table`]. It cannot index any other table.
pub struct Id<T>(u32, PhantomData<fn() -> T>);

/// A `Vec<T>` that hands out ids and never shrinks, so an id never dangles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<T>(Vec<T>);

impl<T> Id<T> {
    /// The id of the entry at `index`.
    pub fn new(index: usize) -> Id<T> {
        Id(u32::try_from(index).expect("a table has fewer than 2^32 entries"), PhantomData)
    }

    /// The index of the entry.
    #[inline(always)]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl<T> Table<T> {
    /// A table without entries.
    pub const fn new() -> Table<T> {
        Table(Vec::new())
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: T) -> Id<T> {
        let id = Id::new(self.0.len());
        self.0.push(entry);
        id
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = Id<T>> + ExactSizeIterator + use<T> {
        (0..self.0.len()).map(Id::new)
    }

    /// The entries in order, with their ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id<T>, &T)> + ExactSizeIterator {
        self.0.iter().enumerate().map(|(index, entry)| (Id::new(index), entry))
    }

    /// The entries in order, with their ids, to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (Id<T>, &mut T)> + ExactSizeIterator {
        self.0.iter_mut().enumerate().map(|(index, entry)| (Id::new(index), entry))
    }

    /// The entries in order.
    pub fn values(&self) -> &[T] {
        &self.0
    }

    /// The entries in order, to be changed.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.0
    }

    /// The same table of what `f` makes of each entry.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Table<U> {
        Table(self.0.iter().map(f).collect())
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table::new()
    }
}

impl<T> FromIterator<T> for Table<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Table(entries.into_iter().collect())
    }
}

impl<T> Index<Id<T>> for Table<T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, id: Id<T>) -> &T {
        &self.0[id.index()]
    }
}

impl<T> IndexMut<Id<T>> for Table<T> {
    #[inline(always)]
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        &mut self.0[id.index()]
    }
}

// Written out, because a derive would ask the same of `T`.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_their_entries() {
        let mut table = Table::new();
        let a = table.push("a");
        let b = table.push("b");
        table[b] = "c";
        assert_eq!((table[a], table[b], table.len()), ("a", "c", 2));
        assert_eq!(table.iter().map(|(id, entry)| (id.index(), *entry)).collect::<Vec<_>>(), [(0, "a"), (1, "c")]);
        assert_eq!(table.ids().next_back(), Some(b));
        assert!(a < b);
        assert_eq!(format!("{b:?}"), "#1");
        assert_eq!(size_of::<Option<Id<String>>>(), 8);
    }
}
