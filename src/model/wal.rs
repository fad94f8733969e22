//! Write-ahead logs of databases.

use crate::model::NONE16;
use crate::model::compile::{Compiler, span};
use crate::random::Purpose;
use crate::scenario::database::Database;
use crate::units::Span;

/// How a database makes writes durable before they are on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wal {
    /// What the device takes for all that has come meanwhile.
    pub sync_draw: u16,
    /// From one checkpoint to the next, and over which time it spreads what it writes.
    pub every: Span,
    pub over: Span,
    /// Most pages that can be dirty: those of an instance's data; `u64::MAX` where that is not known.
    pub pages: u64,
}

/// Bytes of a page.
const PAGE: f64 = 8192.0;

impl Compiler<'_> {
    /// The log of a database, or `NONE16`.
    pub(super) fn wal(&mut self, name: &str, database: &Database) -> u16 {
        let Some(said) = &database.wal else { return NONE16 };
        let index = self.index(self.model.wals.len(), "write-ahead logs");
        let sync_draw = self.draw(&format!("components.{name}.wal.sync"), Purpose::Service, &said.sync);
        let bytes = self.rows_of(database).zip(database.row_bytes).map(|(rows, row)| rows * row);
        let pages = bytes.map_or(u64::MAX, |bytes| (bytes / f64::from(database.shards()) / PAGE).ceil() as u64);
        self.model.wals.push(Wal { sync_draw, every: span(said.every_s), over: span(said.over_s), pages });
        index
    }
}
