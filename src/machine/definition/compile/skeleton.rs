//! The tree of states of each machine with paths and indexes, before anything in the states is looked at; and how names of states
//! resolve in it. Must not compile expressions.

use std::collections::BTreeMap;

use super::super::diagnostic::{At, Diagnostic, Sink};
use super::super::model::StateIndex;
use super::super::source::machine::MachineSource;
use super::super::source::state::StateSource;
use super::Sources;
use crate::machine::value::Name;

/// The most states of a machine.
const MAX_STATES: usize = 10_000;

/// The most states within each other.
const MAX_DEPTH: usize = 32;

/// A state's place in the tree.
pub struct Skeleton {
    pub index: StateIndex,
    pub path: Name,
    pub name: Name,
    pub at: At,
    pub parent: Option<StateIndex>,
    pub children: Vec<StateIndex>,
    pub source: StateSource,
}

/// A machine's states, the machine itself first.
pub struct Outline<'a> {
    pub file: &'a str,
    pub name: Name,
    pub machine: &'a MachineSource,
    pub states: Vec<Skeleton>,
    pub by_path: BTreeMap<Name, StateIndex>,
    /// There were more states than a machine may have: those left out are not reported as missing.
    pub full: bool,
}

/// Lays out all machines of the bundle.
pub fn outlines<'a>(sources: &'a Sources, found: &mut Vec<Diagnostic>) -> Vec<Outline<'a>> {
    sources
        .machines
        .iter()
        .map(|(file, machine)| outline(file, machine, &mut Sink { file, found }))
        .collect()
}

fn outline<'a>(file: &'a str, machine: &'a MachineSource, sink: &mut Sink<'_>) -> Outline<'a> {
    let mut outline = Outline {
        file,
        name: machine.machine.value.as_str().into(),
        machine,
        states: Vec::new(),
        by_path: BTreeMap::new(),
        full: false,
    };
    outline.add(machine.body(), "", machine.machine.at, None, sink);
    outline
}

impl Outline<'_> {
    fn add(&mut self, mut source: StateSource, name: &str, at: At, parent: Option<StateIndex>, sink: &mut Sink<'_>) {
        let index = self.states.len();
        let path: Name = match parent.and_then(|parent| self.states.get(parent)) {
            Some(parent) if !parent.path.is_empty() => format!("{}.{name}", parent.path).into(),
            _ => name.into(),
        };
        if self.depth(parent) > MAX_DEPTH {
            sink.error(
                "too_deep",
                at,
                format!("states stand more than {MAX_DEPTH} deep within each other"),
            );
            return;
        }
        if index >= MAX_STATES {
            // Every further state comes by here; one is enough.
            if !self.full {
                self.full = true;
                sink.error(
                    "too_many_states",
                    at,
                    format!("a machine has at most {MAX_STATES} states"),
                );
            }
            return;
        }
        let children = std::mem::take(&mut source.states);
        self.by_path.insert(path.clone(), index);
        self.states.push(Skeleton {
            index,
            path,
            name: name.into(),
            at,
            parent,
            children: Vec::new(),
            source,
        });
        for (name, child) in children.0 {
            let next = self.states.len();
            self.add(child.value, &name.value, name.at, Some(index), sink);
            if self.states.len() > next
                && let Some(state) = self.states.get_mut(index)
            {
                state.children.push(next);
            }
        }
    }

    fn depth(&self, parent: Option<StateIndex>) -> usize {
        self.lineage(parent).count()
    }

    /// The state and its ancestors, innermost first.
    pub fn lineage(&self, index: Option<StateIndex>) -> impl Iterator<Item = &Skeleton> {
        std::iter::successors(index.and_then(|index| self.states.get(index)), |state| {
            state.parent.and_then(|parent| self.states.get(parent))
        })
    }

    /// Resolves a name outward: the state's own children first, then its siblings, then those of its parent, and so on.
    pub fn resolve(&self, from: StateIndex, name: &str) -> Option<StateIndex> {
        let words: Vec<&str> = name.split('.').collect();
        self.lineage(Some(from)).find_map(|state| self.descend(state, &words))
    }

    /// Resolves a name below a state: a child, a path of children, or the only descendant of that name.
    pub fn resolve_below(&self, state: StateIndex, name: &str) -> Option<StateIndex> {
        let words: Vec<&str> = name.split('.').collect();
        let found = self.states.get(state).and_then(|state| self.descend(state, &words));
        found.or_else(|| self.only(name, |candidate| self.is_below(candidate.index, state)))
    }

    /// Resolves a name outward, and where nothing is found takes the only state of the machine with that name.
    pub fn resolve_anywhere(&self, from: StateIndex, name: &str) -> Option<StateIndex> {
        self.resolve(from, name).or_else(|| self.only(name, |_| true))
    }

    fn only(&self, name: &str, wanted: impl Fn(&Skeleton) -> bool) -> Option<StateIndex> {
        let mut candidates = self.states.iter().filter(|state| &*state.name == name && wanted(state));
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => Some(only.index),
            _ => None,
        }
    }

    fn descend(&self, state: &Skeleton, words: &[&str]) -> Option<StateIndex> {
        let mut current = state;
        for word in words {
            current = current
                .children
                .iter()
                .filter_map(|child| self.states.get(*child))
                .find(|child| &*child.name == *word)?;
        }
        Some(current.index)
    }

    /// True where `state` lies within `ancestor`.
    pub fn is_below(&self, state: StateIndex, ancestor: StateIndex) -> bool {
        state != ancestor && self.lineage(Some(state)).any(|above| above.index == ancestor)
    }

    /// The names a target written in `from` may have, for hints.
    pub fn visible(&self, from: StateIndex) -> Vec<&str> {
        self.lineage(Some(from))
            .flat_map(|state| &state.children)
            .filter_map(|child| self.states.get(*child))
            .map(|state| state.name.as_ref())
            .collect()
    }

    /// Words for a state in messages.
    pub fn describe(&self, index: StateIndex) -> String {
        match self.states.get(index) {
            Some(state) if !state.path.is_empty() => format!("`{}`", state.path),
            _ => "the machine".into(),
        }
    }
}
