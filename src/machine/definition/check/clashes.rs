//! Timers and to-dos that would run under one name at the same time. Must not know other machines.

use std::collections::BTreeMap;

use super::super::diagnostic::At;
use super::super::model::{StateIndex, StateKind};
use super::MachineCheck;

/// What runs in a state or anything within it: kind and name to where it is written.
type Running<'a> = BTreeMap<(&'static str, &'a str), (StateIndex, At)>;

impl MachineCheck<'_> {
    /// Goes from the innermost states outward. Of a compound state's children only one is active, so they never clash with each other;
    /// regions do, and so does a state with whatever runs within it.
    pub fn clashes(&mut self) {
        let outline = self.outline;
        let mut within: Vec<Running<'_>> = outline.states.iter().map(|_| Running::new()).collect();
        for state in outline.states.iter().rev() {
            let kind = self.machine.states.get(state.index).map(|state| &state.kind);
            let is_parallel = matches!(kind, Some(StateKind::Parallel));
            let mut all = Running::new();
            for child in &state.children {
                let inner = within.get_mut(*child).map(std::mem::take).unwrap_or_default();
                self.join(
                    &mut all,
                    inner,
                    if is_parallel { Together::Always } else { Together::Never },
                );
            }
            let timers = state
                .source
                .timers
                .iter()
                .map(|(name, _)| (("timer", name.value.as_str()), (state.index, name.at)));
            let todo = state
                .source
                .todo
                .iter()
                .map(|todo| (("to-do", state.name.as_ref()), (state.index, todo.at)));
            self.join(&mut all, timers.chain(todo).collect(), Together::Always);
            if let Some(place) = within.get_mut(state.index) {
                *place = all;
            }
        }
    }

    fn join<'a>(&mut self, all: &mut Running<'a>, more: Running<'a>, together: Together) {
        for (key, place) in more {
            let Some(other) = all.insert(key, place).filter(|_| together == Together::Always) else {
                continue;
            };
            // Told at the one that stands later in the file.
            let (first, second) = if other.1 < place.1 {
                (other, place)
            } else {
                (place, other)
            };
            let (what, name) = key;
            let code = if what == "timer" { "timer_clash" } else { "todo_clash" };
            let message = format!(
                "a {what} `{name}` may run in {} at the same time",
                self.outline.describe(first.0)
            );
            self.sink
                .error_with(code, second.1, message, "give one of them another name");
        }
    }
}

/// Whether two parts of a machine are ever active at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    Always,
    Never,
}
