//! Automatic cycles: transitions without event that would follow each other for ever, because no guard and no event stops them.

use std::collections::BTreeSet;

use super::super::model::{Action, State, StateIndex, Transition, Trigger};
use super::MachineCheck;
use crate::machine::expression::Reference;
use crate::machine::value::Name;

impl MachineCheck<'_> {
    /// Reports transitions without event, and raised events, that would go round for ever.
    pub fn automatic_cycles(&mut self) {
        let mut told = BTreeSet::new();
        for state in self.states() {
            self.idle_loop(state);
            let Some(cycle) = self.cycle_from(state.index) else {
                continue;
            };
            // Every state of a cycle would find it again.
            if cycle.iter().any(|index| !told.insert(*index)) {
                continue;
            }
            let names: Vec<String> = cycle.iter().map(|index| self.outline.describe(*index)).collect();
            let at = self.automatic_place(state.index);
            self.sink.error_with(
                "automatic_cycle",
                at,
                format!(
                    "this would go round for ever: {} → {}",
                    names.join(" → "),
                    self.outline.describe(state.index)
                ),
                "give one of these transitions a guard, or let it wait for an event or a timer",
            );
        }
    }

    /// An `always` that leads nowhere and changes nothing its guard reads.
    fn idle_loop(&mut self, state: &State) {
        for (transition, source) in self.transitions(state.index) {
            let stays =
                transition.targets.is_empty() && transition.trigger == Trigger::Always && transition.reject.is_none();
            if stays && !changes_guard(transition) {
                self.sink.error_with(
                    "automatic_cycle",
                    source.at,
                    "this `always` stays where it is, and would be taken again and again",
                    "give it a target, or a guard that its own actions make false",
                );
            }
        }
    }

    fn cycle_from(&self, start: StateIndex) -> Option<Vec<StateIndex>> {
        let mut open = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while let Some(path) = open.pop() {
            let Some(last) = path.last() else { continue };
            for next in self.forced(*last) {
                if next == start {
                    return Some(path);
                }
                if seen.insert(next) {
                    let mut longer = path.clone();
                    longer.push(next);
                    open.push(longer);
                }
            }
        }
        None
    }

    /// States that are entered without fail, and without any event from outside, once this one is active.
    fn forced(&self, index: StateIndex) -> Vec<StateIndex> {
        let Some(state) = self.machine.states.get(index) else {
            return Vec::new();
        };
        let mut targets = Vec::new();
        if let Some(transition) = first(state, |trigger| *trigger == Trigger::Always) {
            targets.extend(&transition.targets);
        }
        for event in raised(&state.entry) {
            let taken = self
                .machine
                .lineage(index)
                .find_map(|state| first(state, |trigger| *trigger == Trigger::Event(event.clone())));
            if let Some(transition) = taken {
                targets.extend(&transition.targets);
            }
        }
        targets.into_iter().flat_map(|target| self.entered(target)).collect()
    }

    fn automatic_place(&self, index: StateIndex) -> super::super::diagnostic::At {
        let transitions = self.transitions(index);
        let always = transitions
            .iter()
            .find(|(transition, _)| transition.trigger == Trigger::Always);
        always.map_or_else(|| self.at(index), |(_, source)| source.at)
    }
}

/// The first transition for a trigger, where it has no guard: then nothing else can be taken.
fn first(state: &State, wanted: impl Fn(&Trigger) -> bool) -> Option<&Transition> {
    let transition = state
        .transitions
        .iter()
        .find(|transition| wanted(&transition.trigger))?;
    transition.guard.is_none().then_some(transition)
}

fn raised(actions: &[Action]) -> Vec<&Name> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Raise { event, .. } => Some(event),
            _ => None,
        })
        .collect()
}

fn changes_guard(transition: &Transition) -> bool {
    let Some(guard) = &transition.guard else { return false };
    let mut assigned = BTreeSet::new();
    gather_assigned(&transition.actions, &mut assigned);
    guard.references.iter().any(|reference| match reference {
        Reference::Data(name) => assigned.contains(name),
        Reference::Due(_) | Reference::Left(_) => true,
        _ => false,
    })
}

fn gather_assigned<'a>(actions: &'a [Action], assigned: &mut BTreeSet<&'a Name>) {
    for action in actions {
        match action {
            Action::Assign(fields) => assigned.extend(fields.iter().map(|(name, _)| name)),
            Action::Set(fields) => assigned.extend(fields.iter().map(|(name, _)| name)),
            Action::If(branches) => branches
                .iter()
                .for_each(|(_, actions)| gather_assigned(actions, assigned)),
            _ => {}
        }
    }
}
