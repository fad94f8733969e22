//! Sagas: steps that are undone if a later one fails; and `dedupe`, by which a message that comes again does nothing.
//!
//! | written | program |
//! |---|---|
//! | `saga` | `Undertake`, the `do` of each step, `Resolve` as done, `Jump` to the end |
//! | its failures | of each step: was the outcome unknown (`timeout`, `reset`)? then its own `undo` comes first, else that of the step before it |
//! | its `undo`s | `Regret`, then from the last to the first: the body, `Undone`; one that fails goes on with the next all the same; `Resolve` as undone, which fails as the step did |
//! | `dedupe` | `Dedupe` past all that follows in its list; behind that `Remember` |

use crate::diagnostic::{Code, Diagnostic};
use crate::model::compile::span;
use crate::model::program::{CacheUse, DedupeUse, Handler, Saga, Step};
use crate::model::steps::Writer;
use crate::model::{Failure, NONE16};
use crate::scenario;
use crate::scenario::Reference;
use crate::scenario::saga::{Dedupe, SagaStep};

impl<'s> Writer<'_, 's> {
    /// `saga`.
    pub(super) fn saga(&mut self, steps: &'s [SagaStep]) {
        let path = self.place.next("saga");
        let saga = self.compiler.index(self.compiler.model.sagas.len(), "sagas");
        let component = self.compiler.names.component(self.place.end().name).unwrap_or(0);
        let from = self.at();
        self.compiler.model.sagas.push(Saga { component, name: path.clone(), from, to: from });
        self.push(Step::Undertake { saga });
        let mut ranges = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let from = self.at();
            self.inside(format!("{path}/{number}/do"), &step.body);
            ranges.push((from, self.at()));
        }
        self.push(Step::Resolve { saga, undone: false });
        let past = self.push(Step::Jump { to: 0 });
        let into = self.saga_failures(&ranges);
        self.saga_undoing(saga, &path, steps, &into);
        let to = self.at();
        self.compiler.model.sagas[usize::from(saga)].to = to;
        self.land(&[past]);
    }

    /// Where each step's failure leads: jumps to the `undo` of the step of each number, and (the last) to the end.
    fn saga_failures(&mut self, ranges: &[(u16, u16)]) -> Vec<Vec<usize>> {
        let mut into: Vec<Vec<usize>> = vec![Vec::new(); ranges.len() + 1];
        for (number, &(from, to)) in ranges.iter().enumerate() {
            if from == to {
                continue;
            }
            let target = self.at();
            self.compiler.model.handlers.push(Handler { from, to, target });
            let not_timeout = self.push(Step::UnlessCaught { kind: Failure::TIMEOUT, to: 0 });
            into[number].push(self.push(Step::Jump { to: 0 }));
            self.land(&[not_timeout]);
            // What is known not to have happened needs no undoing.
            let known = self.push(Step::UnlessCaught { kind: Failure::RESET, to: 0 });
            into[number].push(self.push(Step::Jump { to: 0 }));
            self.land(&[known]);
            let before = number.checked_sub(1).unwrap_or(ranges.len());
            into[before].push(self.push(Step::Jump { to: 0 }));
        }
        into
    }

    fn saga_undoing(&mut self, saga: u16, path: &str, steps: &'s [SagaStep], into: &[Vec<usize>]) {
        for (number, step) in steps.iter().enumerate().rev() {
            self.land(&into[number]);
            // The first `undo` that is entered notes why; the others find that noted.
            self.push(Step::Regret { saga });
            if step.undo.is_empty() {
                continue;
            }
            let from = self.at();
            self.inside(format!("{path}/{number}/undo"), &step.undo);
            let to = self.at();
            self.push(Step::Undone { saga, well: true });
            let next = self.push(Step::Jump { to: 0 });
            let target = self.at();
            self.compiler.model.handlers.push(Handler { from, to, target });
            self.push(Step::Undone { saga, well: false });
            self.land(&[next]);
        }
        self.land(&into[steps.len()]);
        self.push(Step::Regret { saga });
        self.push(Step::Resolve { saga, undone: true });
    }

    /// `dedupe`, around all that follows it.
    pub(super) fn dedupe(&mut self, said: &'s Dedupe, step: &'s scenario::Step, rest: &'s [scenario::Step]) {
        let path = self.place.next("dedupe");
        let key = if said.by.value == "event" && !self.compiler.names.keys.contains(&"event") {
            NONE16
        } else {
            self.compiler.names.find_key(Some(&said.by), self.compiler.diags)
        };
        let cache = match &said.within {
            Some(reference) => match self.compiler.cache_named(reference, Some(self.place.end().name)) {
                Some(cache) => Some(CacheUse { cache, key, space: 0, bytes: NONE16, negative: false }),
                None => return,
            },
            None => None,
        };
        let index = self.compiler.index(self.compiler.model.dedupe_uses.len(), "dedupe steps");
        let made = DedupeUse { key, span: span(said.for_s), shared: cache.is_some() };
        self.compiler.model.dedupe_uses.push(made);
        // Where the cache cannot be asked, nobody knows: the work is done.
        let asked = cache.map(|used| self.asked_softly(&format!("{path}/get"), used, "get", step));
        let past = self.push(Step::Dedupe { dedupe: index, to: 0 });
        if let Some((from, to)) = asked {
            let target = self.at();
            self.compiler.model.handlers.push(Handler { from, to, target });
        }
        self.steps(rest);
        self.push(Step::Remember { dedupe: index });
        if let Some(used) = cache {
            let (from, to) = self.asked_softly(&format!("{path}/put"), used, "put", step);
            self.compiler.model.handlers.push(Handler { from, to, target: to });
        }
        self.land(&[past]);
    }

    /// A call of a cache's own operation, and the steps that it is.
    fn asked_softly(&mut self, path: &str, used: CacheUse, operation: &str, step: &'s scenario::Step) -> (u16, u16) {
        let from = self.at();
        self.ask(path, used, operation, step);
        (from, self.at())
    }

    /// `fail`: now and then, or always for some values of a key.
    pub(super) fn fail(&mut self, share: f64, kind: &str, by: Option<&Reference>) {
        let path = self.place.next("fail");
        if share <= 0.0 {
            return;
        }
        let kind = self.compiler.failure(kind);
        let around = self.branch_around(&path, share);
        let key = self.compiler.names.find_key(by, self.compiler.diags);
        if let (Some(at), true) = (around, key != NONE16)
            && let Step::Branch { chance, to } = self.compiler.model.steps[at]
        {
            self.compiler.model.steps[at] = Step::BranchBy { chance, key, to };
        }
        self.push(Step::Fail { kind });
        self.land(around.as_slice());
    }

    /// A saga of nothing, or one that cannot be undone.
    pub(super) fn check_saga(&mut self, steps: &[SagaStep], step: &scenario::Step) {
        if steps.iter().all(|one| one.undo.is_empty()) {
            let made = Diagnostic::new(Code::NoUndo, step.verb.spot, "nothing in this saga can be undone");
            self.compiler.tell(made.help("give its steps an `undo`, or write them without a saga"));
        }
    }
}
