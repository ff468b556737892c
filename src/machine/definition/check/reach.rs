//! Which states can ever be active, whether a machine can end, and transitions that can never be taken. Guards count as open.

use std::collections::BTreeSet;

use super::super::model::{StateIndex, StateKind, Trigger};
use super::MachineCheck;

impl MachineCheck<'_> {
    /// Reports states that nothing leads to, machines that can never end, and transitions that another one always precedes.
    pub fn reachability(&mut self) {
        let reached = self.reached();
        for state in self.states().skip(1) {
            let parent_reached = state.parent.is_none_or(|parent| reached.contains(&parent));
            if !reached.contains(&state.index) && parent_reached {
                self.sink.error_with(
                    "unreachable_state",
                    self.outline
                        .states
                        .get(state.index)
                        .map(|state| state.at)
                        .unwrap_or_default(),
                    format!("nothing leads to `{}`", state.path),
                    "give a transition this target, or remove the state",
                );
            }
        }
        if !self.can_end(0, &reached) {
            self.sink.error_with(
                "no_final_state",
                self.outline.machine.machine.at,
                format!("`{}` can never end", self.machine.name),
                "add a state with `type: final` at the outermost level, and a transition to it",
            );
        }
        for state in self.states() {
            self.shadowed(state.index);
        }
    }

    fn reached(&self) -> BTreeSet<StateIndex> {
        let mut reached = BTreeSet::new();
        let mut looked_at = BTreeSet::new();
        let mut open: Vec<StateIndex> = vec![0];
        while let Some(target) = open.pop() {
            if !looked_at.insert(target) {
                continue;
            }
            let mut fresh = self.entered(target);
            fresh.extend(self.around(target));
            for index in fresh {
                if reached.insert(index)
                    && let Some(state) = self.machine.states.get(index)
                {
                    open.extend(state.transitions.iter().flat_map(|transition| &transition.targets));
                }
            }
        }
        reached
    }

    /// The ancestors of a target, and what their other regions enter.
    fn around(&self, target: StateIndex) -> Vec<StateIndex> {
        let mut around = Vec::new();
        for ancestor in self.machine.lineage(target).skip(1) {
            around.push(ancestor.index);
            if matches!(ancestor.kind, StateKind::Parallel) {
                for region in &ancestor.children {
                    if *region != target && !self.outline.is_below(target, *region) {
                        around.extend(self.entered(*region));
                    }
                }
            }
        }
        around
    }

    fn can_end(&self, state: StateIndex, reached: &BTreeSet<StateIndex>) -> bool {
        let Some(state) = self.machine.states.get(state) else {
            return true;
        };
        let is_final = |child: &StateIndex| {
            let state = self.machine.states.get(*child);
            reached.contains(child) && state.is_some_and(|state| matches!(state.kind, StateKind::Final))
        };
        match state.kind {
            StateKind::Parallel => state.children.iter().all(|region| self.can_end(*region, reached)),
            _ => state.children.iter().any(is_final),
        }
    }

    /// A transition after one without a guard, for the same event, is never looked at.
    fn shadowed(&mut self, state: StateIndex) {
        let mut closed: Vec<&Trigger> = Vec::new();
        for (transition, source) in self.transitions(state) {
            if closed.contains(&&transition.trigger) {
                self.sink.error_with(
                    "shadowed_transition",
                    source.at,
                    "the transition before this one has no guard, so this one is never taken",
                    "give the one before a guard, or put it last",
                );
            } else if source.guard.is_none() {
                closed.push(&transition.trigger);
            }
        }
    }
}
