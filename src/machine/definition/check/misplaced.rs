//! Keys that are part of the language and mean nothing where they stand. Must not know other machines.

use super::super::diagnostic::At;
use super::super::model::Trigger;
use super::super::source::shapes::Either;
use super::super::source::shapes::Located;
use super::super::source::state::TransitionSource;
use super::MachineCheck;

impl MachineCheck<'_> {
    /// Reports keys that mean nothing on a state or transition of that kind.
    pub fn misplaced_keys(&mut self) {
        for state in &self.outline.states {
            let source = &state.source;
            let kind = source.kind.as_ref().map_or("", |kind| kind.value.as_str());
            let is_history = kind == "history";
            let mut wrong: Vec<(&str, Option<At>, &str)> = Vec::new();
            if !is_history {
                let target = source.target.0.first().map(|word| word.at);
                wrong.push((
                    "target",
                    target,
                    "a state has no target; its transitions have: `on`, `always`, `then`, `outcomes`",
                ));
                let action = source.actions.first().map(|action| action.at);
                wrong.push(("actions", action, "a state's actions stand under `entry` or `exit`"));
                let history = source.history.as_ref().map(|word| word.at);
                wrong.push(("history", history, "only a state of `type: history` says which"));
            }
            if kind != "final" {
                let output = source.output.iter().next().map(|(name, _)| name.at);
                wrong.push((
                    "output",
                    output,
                    "only a final state hands something out: `type: final`",
                ));
            }
            if state.children.is_empty() || kind == "parallel" {
                let initial = source
                    .initial
                    .as_ref()
                    .and_then(|initial| initial.target.0.first())
                    .map(|word| word.at);
                wrong.push((
                    "initial",
                    initial,
                    "only a state with states within it begins somewhere; in a parallel one all begin",
                ));
            }
            if kind == "final" {
                let todo = source.todo.as_ref().map(|todo| todo.at);
                wrong.push(("todo", todo, "in a final state nothing happens any more"));
                let timer = source.timers.iter().next().map(|(name, _)| name.at);
                wrong.push(("timers", timer, "in a final state nothing happens any more"));
            }
            for (key, at, hint) in wrong {
                if let Some(at) = at {
                    let message = format!("`{key}` means nothing in {}", self.outline.describe(state.index));
                    self.sink.error_with("key_misplaced", at, message, hint);
                }
            }
        }
        for state in self.states() {
            for (transition, source) in self.transitions(state.index) {
                self.rejection(&transition.trigger, source);
            }
        }
    }

    fn rejection(&mut self, trigger: &Trigger, source: &Located<Either<TransitionSource>>) {
        let Some(reject) = &source.reject else {
            if let Some((name, _)) = source.tell.iter().next() {
                self.sink.error_with(
                    "key_misplaced",
                    name.at,
                    "`tell` belongs to `reject`",
                    "add `reject: code`",
                );
            }
            return;
        };
        if !source.target.0.is_empty() || !source.actions.is_empty() {
            self.sink.error_with(
                "reject_and_go",
                reject.at,
                "what is rejected leads nowhere and does nothing",
                "take `target` and `actions` away, or `reject`",
            );
        }
        let from_outside = match trigger {
            Trigger::Event(event) => {
                self.machine.events.contains_key(event) || (event.starts_with("todo.") && !event.ends_with(".overdue"))
            }
            _ => false,
        };
        if !from_outside {
            self.sink.error_with(
                "reject_unheard",
                reject.at,
                "there is nobody to reject here: only events and outcomes that people send can be rejected",
                "use a guard, or lead to another state",
            );
        }
    }
}
