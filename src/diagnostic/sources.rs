//! Texts by number, and places in them.

use crate::diagnostic::{Sources, Spot};

impl Sources {
    /// Takes a text under the name people know it by, and numbers it.
    pub fn add(&mut self, name: String, text: String) -> u32 {
        self.texts.push((name, text));
        self.texts.len() as u32 - 1
    }

    /// The name of a text: a path, `<stdin>`, or `--set web.instances=x`.
    pub fn name(&self, file: u32) -> &str {
        self.texts.get(file as usize).map_or("", |(name, _)| name)
    }

    /// The text itself.
    pub fn text(&self, file: u32) -> &str {
        self.texts.get(file as usize).map_or("", |(_, text)| text)
    }

    /// The number of the text with that name, if it was added.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.texts.iter().position(|(known, _)| known == name).map(|file| file as u32)
    }

    /// The text at a place.
    pub fn slice(&self, spot: Spot) -> &str {
        let (start, end) = self.bounds(spot);
        &self.text(spot.file)[start..end]
    }

    /// Line and column of the start of a place, both counted from 1, columns in characters.
    pub fn line_column(&self, spot: Spot) -> (usize, usize) {
        let (start, _) = self.bounds(spot);
        let before = &self.text(spot.file)[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The bytes of a place, forced inside its text and onto character boundaries.
    pub(super) fn bounds(&self, spot: Spot) -> (usize, usize) {
        let text = self.text(spot.file);
        let start = floor_char_boundary(text, spot.start as usize);
        (start, floor_char_boundary(text, spot.end as usize).max(start))
    }
}

/// The nearest character boundary at or before `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
