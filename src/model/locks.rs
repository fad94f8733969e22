//! The steps `lock` and `transaction`: what a program holds from one of its steps to another.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::model::compile::span;
use crate::model::program::{LockUse, Step};
use crate::model::steps::Writer;
use crate::model::{Cause, NONE16};
use crate::scenario::{self, Kind, Verb};
use crate::units::Span;

impl<'s> Writer<'_, 's> {
    pub(super) fn lock(&mut self, step: &'s scenario::Step) {
        let Verb::Lock { name, exclusive, timeout_s, within, body } = &step.verb.value else {
            unreachable!("only locks come here")
        };
        let path = self.place.next("lock");
        let database = within
            .as_ref()
            .and_then(|within| self.compiler.names.find_component(&within.value, within.spot, self.compiler.diags));
        let next = self.compiler.index(self.compiler.locks.len(), "locks");
        let within = within.as_ref().map(|within| within.value.clone());
        let lock = *self.compiler.locks.entry((within, name.clone())).or_insert(next);
        let key = self.compiler.names.find_key(step.key.as_ref(), self.compiler.diags);
        let timeout = timeout_s.or(step.policy.timeout.flatten()).map_or(Span(0), span);
        let owner = self.place.end().name.to_owned();
        let cell = self.compiler.cell(&owner, Cause::Lock);
        let index = self.compiler.index(self.compiler.model.lock_uses.len(), "lock steps");
        self.compiler.model.lock_uses.push(LockUse {
            lock,
            key,
            flight: NONE16,
            local: false,
            exclusive: *exclusive,
            timeout,
            cell,
            within: database.unwrap_or(NONE16),
        });
        self.push(Step::Lock { lock: index });
        self.inside(path, body);
        // A transaction keeps the locks of its rows.
        if database.is_none() || database != self.transaction {
            self.push(Step::Unlock { lock: index });
        }
    }

    pub(super) fn transaction(&mut self, step: &'s scenario::Step) {
        let Verb::Transaction { within, body } = &step.verb.value else { unreachable!("only transactions come here") };
        let path = self.place.next("transaction");
        let names = &self.compiler.names;
        let Some(mut component) = names.find_component(&within.value, within.spot, self.compiler.diags) else { return };
        component = self.compiler.behind(component).unwrap_or(component);
        let within = &Spotted::new(self.compiler.names.components[usize::from(component)].to_owned(), within.spot);
        let offered = self.compiler.names.operations.iter().position(|offer| offer.component == component);
        let kind = &self.compiler.scenario.components[&within.value].value.kind;
        let (Kind::Database(_), Some(operation)) = (kind, offered) else {
            let message = format!("`{}` is not a database, so it has no transactions", within.value);
            return self.compiler.tell(Diagnostic::new(Code::Inert, within.spot, message));
        };
        if self.transaction.is_some() {
            let message = "a transaction has no other inside";
            return self.compiler.tell(Diagnostic::new(Code::Excluded, step.verb.spot, message));
        }
        let index = self.add_transaction(&path, component, operation as u16);
        self.push(Step::Begin { transaction: index });
        self.transaction = Some(component);
        self.inside(path, body);
        self.transaction = None;
        self.push(Step::Prepare { transaction: index });
        self.push(Step::Decide { transaction: index });
        self.push(Step::End { transaction: index });
    }
}
