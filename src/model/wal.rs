//! Write-ahead logs of databases.

use crate::model::arrows::End;
use crate::model::compile::{Compiler, span};
use crate::model::program::Step;
use crate::model::steps::{Role, Writer};
use crate::model::{Cause, NONE16};
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

impl Writer<'_, '_> {
    /// What a write does before its answer: its log has it, and as many replicas as have to.
    pub(super) fn commit(&mut self) {
        let End { name, operation } = self.place.end();
        let (name, wal) = (name.to_owned(), self.log());
        let said = self.compiler.scenario.components[&name].value.operations.get(operation);
        if wal != NONE16 && said.is_some_and(|said| said.value.writes) {
            let cell = self.compiler.cell(&name, Cause::Disk);
            self.push(Step::Sync { wal, cell });
        }
        if self.role == Role::Writes {
            self.push(Step::Commit);
        }
    }

    /// The write-ahead log of the component whose program this is, or `NONE16`.
    pub(super) fn log(&self) -> u16 {
        let number = self.compiler.names.component(self.place.end().name);
        let component = number.and_then(|number| self.compiler.model.components.get(usize::from(number)));
        component.map_or(NONE16, |component| component.wal)
    }
}
