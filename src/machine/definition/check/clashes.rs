//! Timers and to-dos that would run under one name at the same time. Must not know other machines.

use std::collections::BTreeMap;

use super::super::diagnostic::At;
use super::super::model::{StateIndex, StateKind};
use super::MachineCheck;

impl MachineCheck<'_> {
    pub fn clashes(&mut self) {
        let mut timers: BTreeMap<&str, Vec<(StateIndex, At)>> = BTreeMap::new();
        let mut todos: BTreeMap<&str, Vec<(StateIndex, At)>> = BTreeMap::new();
        for state in &self.outline.states {
            for (name, _) in &state.source.timers {
                timers.entry(&name.value).or_default().push((state.index, name.at));
            }
            if let Some(todo) = &state.source.todo {
                todos.entry(&state.name).or_default().push((state.index, todo.at));
            }
        }
        self.report("timer_clash", "timer", &timers);
        self.report("todo_clash", "to-do", &todos);
    }

    fn report(&mut self, code: &'static str, what: &str, named: &BTreeMap<&str, Vec<(StateIndex, At)>>) {
        for (name, places) in named {
            for (position, (state, at)) in places.iter().enumerate() {
                let other = places
                    .iter()
                    .take(position)
                    .find(|(other, _)| self.together(*state, *other));
                if let Some((other, _)) = other {
                    let message = format!(
                        "a {what} `{name}` may run in {} at the same time",
                        self.outline.describe(*other)
                    );
                    self.sink
                        .error_with(code, *at, message, "give one of them another name");
                }
            }
        }
    }

    /// True where both states can be active at once: one within the other, or in two regions.
    fn together(&self, a: StateIndex, b: StateIndex) -> bool {
        if self.outline.is_below(a, b) || self.outline.is_below(b, a) {
            return true;
        }
        let common = self
            .machine
            .lineage(a)
            .find(|ancestor| self.outline.is_below(b, ancestor.index));
        common.is_some_and(|common| matches!(common.kind, StateKind::Parallel))
    }
}
