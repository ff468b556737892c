//! Waiting: every state that waits has something that can end the wait, and every timer somebody who hears it.

use super::super::model::{State, StateKind, Trigger};
use super::MachineCheck;
use super::events::matches;

impl MachineCheck<'_> {
    /// Reports waits that nothing can end, and timers that nobody hears.
    pub fn waits(&mut self) {
        for state in self.states().skip(1) {
            let is_leaf = matches!(state.kind, StateKind::Atomic) && state.children.is_empty();
            if is_leaf && !self.machine.lineage(state.index).any(|state| self.can_move(state)) {
                self.sink.error_with(
                    "wait_without_end",
                    self.at(state.index),
                    format!("nothing can ever happen in `{}`", state.path),
                    "give it a to-do, a timer or an event, or make it `type: final`",
                );
            }
        }
        self.timer_handlers();
    }

    /// True where some transition of the state, or a child it started, can act.
    fn can_move(&self, state: &State) -> bool {
        state.transitions.iter().any(|transition| match &transition.trigger {
            Trigger::Always | Trigger::Prefix(_) | Trigger::Any => true,
            Trigger::Event(event) => event.starts_with("todo.") || self.can_happen(event),
        })
    }

    fn timer_handlers(&mut self) {
        for skeleton in &self.outline.states {
            for (name, timer) in &skeleton.source.timers {
                let event = format!("timer.{}", name.value);
                let near = |other: usize| {
                    other == skeleton.index
                        || self.outline.is_below(skeleton.index, other)
                        || self.outline.is_below(other, skeleton.index)
                };
                let heard = timer.then.is_some()
                    || self.outline.states.iter().any(|state| {
                        near(state.index)
                            && state
                                .source
                                .on
                                .0
                                .iter()
                                .any(|on| on.names().any(|pattern| matches(pattern, &event)))
                    });
                if !heard {
                    self.sink.error_with(
                        "timer_without_handler",
                        name.at,
                        format!("nothing happens when the timer `{}` is due", name.value),
                        "say what: `then: name_of_a_state`",
                    );
                }
            }
        }
    }
}
