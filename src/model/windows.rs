//! `window`: a program that waits for the end of its window, begun by the first thing that comes into one.

use crate::model::compile::span;
use crate::model::program::{Step, WindowUse};
use crate::model::steps::{Patch, Pending, Task, Writer};
use crate::model::{Cause, Model};
use crate::scenario::window::Window;

impl<'s> Writer<'_, 's> {
    /// `Window`, and what follows it when the window is over as a program of its own.
    pub(super) fn window(&mut self, said: &'s Window) {
        let path = self.place.next("window");
        let owner = self.place.end().name.to_owned();
        let made = WindowUse {
            component: self.compiler.names.component(&owner).expect("its program is being written"),
            key: self.compiler.names.find_key(said.by.as_ref(), self.compiler.diags),
            every: span(said.every_s),
            cell: self.compiler.cell(&owner, Cause::Service),
        };
        let window = self.compiler.index(self.compiler.model.windows.len(), "windows");
        self.compiler.model.windows.push(made);
        let at = self.push(Step::Window { window, entry: 0 });
        let (task, patch) = (Task::Steps(&said.body), Patch::Window(at));
        self.pending.push_back(Pending { task, path, patch, transaction: None });
    }
}

impl Model {
    /// Tells a `Window` where its program begins.
    pub(super) fn set_entry(&mut self, at: usize, begins: u16) {
        if let Step::Window { entry, .. } = &mut self.steps[at] {
            *entry = begins;
        }
    }
}
