//! Semantic checks over a whole bundle: what compiles and still cannot be meant. Must not change the model.

mod automatic;
mod clashes;
mod events;
mod family;
mod identifiers;
mod misplaced;
mod papers;
mod reach;
mod todos;
mod waits;

use std::collections::{BTreeMap, BTreeSet};

use super::compile::{Declarations, Outline, Sources};
use super::diagnostic::{At, Diagnostic, Sink};
use super::model::{Machine, State, StateIndex, StateKind, Transition};
use super::source::shapes::{Either, Located};
use super::source::state::TransitionSource;
use crate::machine::value::Name;

/// Runs all checks.
pub fn check(
    sources: &Sources,
    outlines: &[Outline<'_>],
    declared: &Declarations,
    machines: &BTreeMap<Name, Machine>,
    found: &mut Vec<Diagnostic>,
) {
    identifiers::bundle(&sources.bundle, found);
    family::check(sources, outlines, found);
    papers::bundle(sources, outlines, declared, found);
    let heard = events::Heard::of(sources, outlines);
    for outline in outlines {
        let Some(machine) = machines.get(&outline.name) else {
            continue;
        };
        let mut check = MachineCheck {
            outline,
            machine,
            declared,
            heard: &heard,
            sink: Sink {
                file: outline.file,
                found,
            },
        };
        check.identifiers();
        check.misplaced_keys();
        if !declared.broken {
            check.events();
        }
        if !declared.broken && check.is_whole() {
            check.reachability();
            check.automatic_cycles();
            check.waits();
        }
        check.todos();
        check.clashes();
        check.computed_cycles();
    }
}

/// Faults after which states and transitions are missing: what they would have led to is not reported as well.
const HOLES: [&str; 13] = [
    "too_many_states",
    "unknown_target",
    "missing_initial",
    "wrong_type",
    "wrong_value",
    "unknown_key",
    "missing_key",
    "key_not_text",
    "split_at_comma",
    "duplicate_key",
    "tag",
    "too_deep",
    "unknown_state_type",
];

/// One machine under check.
pub struct MachineCheck<'a> {
    pub outline: &'a Outline<'a>,
    pub machine: &'a Machine,
    pub declared: &'a Declarations,
    pub heard: &'a events::Heard,
    pub sink: Sink<'a>,
}

impl<'a> MachineCheck<'a> {
    /// The transitions of a state with the place each was written at.
    pub fn transitions(&self, state: StateIndex) -> Vec<(&'a Transition, &'a Located<Either<TransitionSource>>)> {
        let (Some(compiled), Some(skeleton)) = (self.machine.states.get(state), self.outline.states.get(state)) else {
            return Vec::new();
        };
        let source = &skeleton.source;
        let timers = source.timers.iter().filter_map(|(_, timer)| timer.then.as_ref());
        let outcomes = source
            .todo
            .iter()
            .flat_map(|todo| todo.outcomes.iter().map(|(_, list)| list));
        let on = source.on.0.iter().flat_map(|on| on.iter().map(|(_, list)| list));
        let all = timers.chain(outcomes).chain(on).chain([&source.always]);
        compiled.transitions.iter().zip(all.flat_map(|list| &list.0)).collect()
    }

    /// True where nothing of the machine was left out because it was faulty.
    fn is_whole(&self) -> bool {
        let mut own = self.sink.found.iter().filter(|fault| fault.file == self.outline.file);
        !own.any(|fault| HOLES.contains(&fault.code))
    }

    /// The compiled states, the machine itself first.
    pub fn states(&self) -> impl Iterator<Item = &'a State> + use<'a> {
        self.machine.states.iter()
    }

    /// Where a state is named.
    pub fn at(&self, state: StateIndex) -> At {
        self.outline
            .states
            .get(state)
            .map_or_else(At::default, |state| state.at)
    }

    /// All states that become active when a state is entered by default: itself, its initial states, all regions.
    pub fn entered(&self, state: StateIndex) -> Vec<StateIndex> {
        let mut entered = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![state];
        while let Some(index) = open.pop() {
            let Some(state) = self.machine.states.get(index) else {
                continue;
            };
            if !seen.insert(index) {
                continue;
            }
            entered.push(index);
            match &state.kind {
                StateKind::Compound { initial, .. } => open.extend(initial),
                StateKind::Parallel => open.extend(&state.children),
                StateKind::History { fallback, .. } => open.extend(fallback),
                StateKind::Atomic | StateKind::Final => {}
            }
        }
        entered
    }
}
