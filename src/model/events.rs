//! Event stores: streams that only grow, and programs that work through them.
//!
//! | written | program |
//! |---|---|
//! | operation `append` | what it costs, then `Record`: one more event, and now and then a snapshot, on the disk |
//! | operation `replay` | what it costs, then `Recall`: the events since the last snapshot, from the disk |
//! | step `replay` | call `replay` of the store, then `Rework`: time on a core for each of these events |

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::{Compiler, stream};
use crate::model::program::{ReplayUse, Step};
use crate::model::steps::Writer;
use crate::model::{Cause, NONE16};
use crate::random::Purpose;
use crate::scenario::events::Replay;
use crate::scenario::{self, Kind};

/// A store of events.
#[derive(Clone, Debug, PartialEq)]
pub struct EventStore {
    pub component: u16,
    /// Key whose values have a stream each.
    pub key: u16,
    pub event_bytes: f64,
    /// Sampler of the events that a stream has at the start, or `NONE16`; and its stream.
    pub start_draw: u16,
    pub stream: u64,
    /// Events between two snapshots, 0: there are none; and their bytes.
    pub snapshot_every: u32,
    pub snapshot_bytes: f64,
    /// Where the time goes that its disk takes.
    pub cell: u16,
}

impl Compiler<'_> {
    /// All event stores, in the order of components.
    pub(super) fn compile_events(&mut self) {
        let scenario = self.scenario;
        for (number, (name, written)) in scenario.components.iter().enumerate() {
            let Kind::Events(said) = &written.value.kind else { continue };
            let path = format!("components.{name}.start");
            let made = EventStore {
                component: number as u16,
                key: self.names.find_key(said.key.as_ref(), self.diags),
                event_bytes: said.event_bytes,
                start_draw: self.draw_unless_zero(&path, Purpose::Choice, said.start.as_ref()),
                stream: stream(&path, Purpose::Key),
                snapshot_every: said.snapshot.map_or(0, |(every, _)| every),
                snapshot_bytes: said.snapshot.map_or(0.0, |(_, bytes)| bytes),
                cell: self.cell(name, Cause::Disk),
            };
            let index = self.index(self.model.event_stores.len(), "event stores");
            self.model.components[number].events = index;
            self.model.event_stores.push(made);
        }
    }

    /// The event store that a name means, or a mistake.
    fn events_named(&mut self, reference: &scenario::Reference) -> Option<u16> {
        let component = self.names.find_component(&reference.value, reference.spot, self.diags)?;
        let events = self.model.components.get(usize::from(component))?.events;
        if events == NONE16 {
            let message = format!("`{}` is not an event store", reference.value);
            let told = Diagnostic::new(Code::UnknownComponent, reference.spot, message);
            self.tell(told.help("name a component with `kind: event_store`"));
            return None;
        }
        Some(events)
    }
}

impl<'s> Writer<'_, 's> {
    /// The program of an operation of an event store, behind what it costs.
    pub(super) fn events_operation(&mut self, appends: bool) {
        let component = self.compiler.names.component(self.place.end().name);
        let store = component.map_or(NONE16, |number| self.compiler.model.components[usize::from(number)].events);
        self.push(if appends { Step::Record { store } } else { Step::Recall { store } });
    }

    /// `replay`: the stream is read, then worked through.
    pub(super) fn replay_stream(&mut self, said: &'s Replay, step: &'s scenario::Step) {
        let path = self.place.next("replay");
        let Some(store) = self.compiler.events_named(&said.of) else { return };
        let spec = &self.compiler.model.event_stores[usize::from(store)];
        let (component, own) = (spec.component, spec.key);
        let key = self.compiler.names.find_key(step.key.as_ref(), self.compiler.diags);
        let Some(operation) = self.compiler.names.operation(component, "replay") else { return };
        self.call(&path, &[(operation, 1.0)], &step.policy, key);
        let cpu = self.compiler.draw_unless_zero(&format!("{path}.cpu"), Purpose::Service, said.cpu.as_ref());
        if cpu == NONE16 {
            return;
        }
        let owner = self.place.end().name.to_owned();
        let cell = self.compiler.cell(&owner, Cause::Cpu);
        let replay = self.compiler.index(self.compiler.model.replay_uses.len(), "replays");
        let key = if key == NONE16 { own } else { key };
        self.compiler.model.replay_uses.push(ReplayUse { store, key, cpu, cell });
        self.push(Step::Rework { replay });
    }
}
