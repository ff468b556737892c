//! Which states were entered and which transitions taken, over all scenarios of a run. Must not judge whether that is enough.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::machine::definition::model::{Bundle, Machine, StateKind, Trigger};
use crate::machine::history::Entry;
use crate::machine::step::{Act, Cause, Input};
use crate::machine::trade::Trade;
use crate::machine::value::Name;

/// What was seen so far: machine and state path, machine and transition id.
#[derive(Debug, Default)]
pub struct Seen {
    states: BTreeSet<(Name, Name)>,
    transitions: BTreeSet<(Name, Name)>,
}

/// Coverage by machine.
#[derive(Debug, Serialize)]
pub struct Coverage(pub BTreeMap<String, MachineCoverage>);

/// How many states and transitions a machine has, and which no scenario has seen.
#[derive(Debug, Default, Serialize)]
pub struct MachineCoverage {
    pub states: usize,
    pub transitions: usize,
    /// Paths of states that no scenario entered.
    pub missing_states: Vec<String>,
    /// Ids of transitions that no scenario took.
    pub missing_transitions: Vec<String>,
}

impl Coverage {
    /// True where nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.0
            .values()
            .all(|machine| machine.missing_states.is_empty() && machine.missing_transitions.is_empty())
    }
}

impl Seen {
    /// Takes in what another scenario has seen.
    pub fn add(&mut self, other: &Self) {
        self.states.extend(other.states.iter().cloned());
        self.transitions.extend(other.transitions.iter().cloned());
    }

    /// Notes what entries took and where the instances stand now.
    pub fn decided(&mut self, bundle: &Bundle, trade: &Trade, entries: &[Entry]) {
        for taken in entries.iter().flat_map(|entry| &entry.public.transitions) {
            self.transitions
                .insert((taken.machine.clone(), taken.transition.clone()));
            self.standing(bundle, &taken.machine, &taken.to);
        }
        for instance in trade.instances.values() {
            self.standing(bundle, &instance.machine, &instance.states);
        }
    }

    fn standing(&mut self, bundle: &Bundle, machine: &Name, paths: &[Name]) {
        let Some(definition) = bundle.machines.get(machine) else {
            return;
        };
        for state in paths.iter().filter_map(|path| definition.state_at(path)) {
            for above in definition.lineage(state.index) {
                self.states.insert((machine.clone(), above.path.clone()));
            }
        }
    }

    /// Notes the declared refusal that answered an input: the innermost active one with its event and code.
    pub fn refused(&mut self, bundle: &Bundle, trade: &Trade, input: &Input, code: &str) {
        let Some(instance) = trade.instances.get(&input.instance) else {
            return;
        };
        let Some(machine) = bundle.machines.get(&instance.machine) else {
            return;
        };
        let event: Name = match &input.cause {
            Cause::Event { name, .. } => name.clone(),
            Cause::Todo {
                todo,
                act: Act::Complete { outcome, .. },
            } => {
                let Some(open) = instance.todos.get(todo) else { return };
                let state = open.state.rsplit('.').next().unwrap_or_default();
                format!("todo.{state}.{outcome}").into()
            }
            _ => return,
        };
        let rejects = |id: &Machine| -> Option<Name> {
            instance
                .states
                .iter()
                .filter_map(|path| id.state_at(path))
                .flat_map(|state| id.lineage(state.index))
                .flat_map(|state| &state.transitions)
                .find(|transition| {
                    matches!(&transition.trigger, Trigger::Event(name) if *name == event)
                        && transition.reject.as_ref().is_some_and(|reject| &*reject.code == code)
                })
                .map(|transition| transition.id.clone())
        };
        if let Some(id) = rejects(machine) {
            self.transitions.insert((instance.machine.clone(), id));
        }
    }

    /// Compares with all that the bundle has.
    pub fn over(&self, bundle: &Bundle) -> Coverage {
        Coverage(
            bundle
                .machines
                .iter()
                .map(|(name, machine)| (name.to_string(), self.over_machine(machine)))
                .collect(),
        )
    }

    fn over_machine(&self, machine: &Machine) -> MachineCoverage {
        let mut coverage = MachineCoverage::default();
        for state in &machine.states {
            if state.parent.is_some() && !matches!(state.kind, StateKind::History { .. }) {
                coverage.states += 1;
                if !self.states.contains(&(machine.name.clone(), state.path.clone())) {
                    coverage.missing_states.push(state.path.to_string());
                }
            }
            for transition in &state.transitions {
                coverage.transitions += 1;
                if !self
                    .transitions
                    .contains(&(machine.name.clone(), transition.id.clone()))
                {
                    coverage.missing_transitions.push(transition.id.to_string());
                }
            }
        }
        coverage
    }
}
