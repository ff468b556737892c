//! Which states of an instance are active. Kept as the paths of atomic states, worked with as indices in document order.

use std::collections::BTreeSet;

use crate::machine::definition::model::{Machine, State, StateIndex, StateKind};
use crate::machine::trade::Instance;
use crate::machine::value::Name;

/// Active states with all their ancestors, the machine (0) included; in document order.
pub type Configuration = BTreeSet<StateIndex>;

/// The active states of an instance; empty for one that has not begun or was cancelled.
pub fn configuration(machine: &Machine, instance: &Instance) -> Configuration {
    active_states(machine, instance).map(|state| state.index).collect()
}

/// The tags of all active states.
pub fn tags(machine: &Machine, instance: &Instance) -> BTreeSet<Name> {
    active_states(machine, instance)
        .flat_map(|state| state.tags.iter().cloned())
        .collect()
}

/// True where an active state carries the tag.
pub fn has_tag(machine: &Machine, instance: &Instance, tag: &str) -> bool {
    active_states(machine, instance).any(|state| state.tags.iter().any(|own| &**own == tag))
}

/// Own names and full paths of all active states: what `active` holds in an expression.
pub fn active_names(machine: &Machine, active: &Configuration) -> BTreeSet<Name> {
    let states = active.iter().filter_map(|index| machine.states.get(*index));
    let named = states.filter(|state| state.parent.is_some());
    named
        .flat_map(|state| [state.name.clone(), state.path.clone()])
        .collect()
}

/// May yield an ancestor of several active states more than once.
fn active_states<'a>(machine: &'a Machine, instance: &'a Instance) -> impl Iterator<Item = &'a State> {
    let atomic = instance.states.iter().filter_map(|path| machine.by_path.get(path));
    atomic.flat_map(|index| machine.lineage(*index))
}

impl Machine {
    /// Paths of the active states without active children, in document order: what is stored of a configuration.
    pub(super) fn atomic_paths(&self, active: &Configuration) -> Vec<Name> {
        self.atomic(active).map(|state| state.path.clone()).collect()
    }

    /// The active states without children, in document order.
    pub(super) fn atomic<'m, 'c>(&'m self, active: &'c Configuration) -> impl Iterator<Item = &'m State> + use<'m, 'c> {
        let states = active.iter().filter_map(|index| self.states.get(*index));
        states.filter(|state| matches!(state.kind, StateKind::Atomic | StateKind::Final))
    }

    /// True where `inner` lies below `outer`, at any depth.
    pub(super) fn is_below(&self, inner: StateIndex, outer: StateIndex) -> bool {
        self.lineage(inner).skip(1).any(|state| state.index == outer)
    }

    /// True where `inner` is `outer` or lies below it.
    pub(super) fn is_within(&self, inner: StateIndex, outer: StateIndex) -> bool {
        inner == outer || self.is_below(inner, outer)
    }

    /// The child states that can be active: all but history states.
    pub(super) fn proper_children<'m>(&'m self, state: &'m State) -> impl Iterator<Item = &'m State> {
        let children = state.children.iter().filter_map(|index| self.states.get(*index));
        children.filter(|child| !matches!(child.kind, StateKind::History { .. }))
    }

    /// True where a compound state has reached a final child, or all regions of a parallel one have.
    pub(super) fn is_finished(&self, state: &State, active: &Configuration) -> bool {
        match state.kind {
            StateKind::Compound { .. } => self
                .proper_children(state)
                .any(|child| matches!(child.kind, StateKind::Final) && active.contains(&child.index)),
            StateKind::Parallel => self.proper_children(state).all(|child| self.is_finished(child, active)),
            _ => false,
        }
    }
}
