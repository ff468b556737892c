//! Keys that are part of the language and mean nothing where they stand. Must not know other machines.

use super::super::model::Trigger;
use super::super::source::shapes::Either;
use super::super::source::shapes::Located;
use super::super::source::state::TransitionSource;
use super::MachineCheck;

impl MachineCheck<'_> {
    pub fn misplaced_keys(&mut self) {
        for state in &self.outline.states {
            let source = &state.source;
            let kind = source.kind.as_ref().map_or("", |kind| kind.value.as_str());
            let is_history = kind == "history";
            let mut wrong: Vec<(&str, &str)> = Vec::new();
            if !is_history && !source.target.0.is_empty() {
                wrong.push((
                    "target",
                    "a state has no target; its transitions have: `on`, `always`, `then`, `outcomes`",
                ));
            }
            if !is_history && !source.actions.is_empty() {
                wrong.push(("actions", "a state's actions stand under `entry` or `exit`"));
            }
            if !is_history && source.history.is_some() {
                wrong.push(("history", "only a state of `type: history` says which"));
            }
            if kind != "final" && !source.output.is_empty() {
                wrong.push(("output", "only a final state hands something out: `type: final`"));
            }
            if source.initial.is_some() && (state.children.is_empty() || kind == "parallel") {
                wrong.push((
                    "initial",
                    "only a state with states within it begins somewhere; in a parallel one all begin",
                ));
            }
            if kind == "final" && (source.todo.is_some() || !source.timers.is_empty()) {
                wrong.push(("todo", "in a final state nothing happens any more"));
            }
            for (key, hint) in wrong {
                let message = format!("`{key}` means nothing in {}", self.outline.describe(state.index));
                self.sink.error_with("key_misplaced", state.at, message, hint);
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
