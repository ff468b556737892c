//! Which transitions an event enables, and which of them win: inner states before outer, document order, no conflicts.
//! Must not change anything.

use std::collections::BTreeSet;

use super::configuration::Configuration;
use super::event::{Event, Origin};
use super::run::Run;
use super::types::Fault;
use crate::machine::definition::model::{Reject, State, StateIndex, StateKind, Transition, Trigger};

/// A transition that is going to be taken.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'a> {
    pub source: StateIndex,
    pub rule: &'a Transition,
}

/// What an event selects.
pub(super) enum Selection<'a> {
    /// In document order, without conflicts; empty where no state takes the event.
    Chosen(Vec<Chosen<'a>>),
    /// The first rule that fits refuses the sender.
    Rejected(&'a Reject),
    /// Only states of a region that stands still would take it.
    Suspended,
}

impl<'a> Selection<'a> {
    /// The transitions to take; none where the sender is refused.
    pub fn chosen(self) -> Vec<Chosen<'a>> {
        match self {
            Self::Chosen(chosen) => chosen,
            Self::Rejected(_) | Self::Suspended => Vec::new(),
        }
    }
}

impl Trigger {
    /// True where the trigger waits for the event; `None` stands for no event at all.
    fn fits(&self, event: Option<&str>) -> bool {
        match (self, event) {
            (Self::Always, None) => true,
            (Self::Event(name), Some(event)) => **name == *event,
            (Self::Prefix(prefix), Some(event)) => event
                .strip_prefix(&**prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
            (Self::Any, Some(_)) => true,
            _ => false,
        }
    }
}

impl<'a> Run<'_, 'a> {
    /// The transitions that an event, or no event, makes the instance take.
    pub fn select(&self, event: Option<&Event>) -> Result<Selection<'a>, Fault> {
        let mut enabled: Vec<Chosen<'a>> = Vec::new();
        for atomic in self.machine.atomic(&self.active) {
            let Some(found) = self.first_enabled(atomic, event)? else {
                continue;
            };
            if let Some(reject) = &found.rule.reject {
                return Ok(Selection::Rejected(reject));
            }
            if !enabled.iter().any(|known| std::ptr::eq(known.rule, found.rule)) {
                enabled.push(found);
            }
        }
        if enabled.is_empty() && event.is_some_and(|event| self.would_take(event)) {
            return Ok(Selection::Suspended);
        }
        Ok(Selection::Chosen(self.without_conflicts(enabled)))
    }

    /// The first transition, from an atomic state outwards and in document order, whose guard holds.
    fn first_enabled(&self, atomic: &State, event: Option<&Event>) -> Result<Option<Chosen<'a>>, Fault> {
        let name = event.map(|event| &*event.name);
        for state in self.machine.lineage(atomic.index) {
            if event.is_some_and(|event| self.stands_still(state, event)) {
                continue;
            }
            for rule in &state.transitions {
                if rule.trigger.fits(name) && self.guard_holds(rule)? {
                    return Ok(Some(Chosen {
                        source: state.index,
                        rule,
                    }));
                }
            }
        }
        Ok(None)
    }

    fn guard_holds(&self, rule: &Transition) -> Result<bool, Fault> {
        self.holds(rule.guard.as_ref()).map_err(|fault| Fault {
            place: rule.id.clone(),
            ..fault
        })
    }

    /// True where a state lies in a frozen region and the event comes from people and is not let through.
    fn stands_still(&self, state: &State, event: &Event) -> bool {
        event.origin == Origin::Outside
            && self.freezers.iter().any(|freezer| {
                let region = freezer
                    .freezes
                    .is_some_and(|region| self.machine.is_within(state.index, region));
                region && !freezer.let_through.contains(&event.name)
            })
    }

    /// True where a state that stands still waits for the event.
    fn would_take(&self, event: &Event) -> bool {
        let active = self.active.iter().map(|index| self.state(*index));
        let mut still = active.filter(|state| self.stands_still(state, event));
        still.any(|state| {
            state
                .transitions
                .iter()
                .any(|rule| rule.trigger.fits(Some(&event.name)))
        })
    }

    /// Of transitions that would leave the same states, the one from the inner source wins, else the earlier one.
    fn without_conflicts(&self, enabled: Vec<Chosen<'a>>) -> Vec<Chosen<'a>> {
        if enabled.len() < 2 {
            return enabled;
        }
        let mut kept: Vec<(Chosen<'a>, Configuration)> = Vec::new();
        for candidate in enabled {
            let leaves = self.exit_set(&candidate);
            let clashes = |(_, other): &(Chosen<'a>, Configuration)| !leaves.is_disjoint(other);
            let outranks =
                |(other, _): &(Chosen<'a>, Configuration)| self.machine.is_below(candidate.source, other.source);
            if kept.iter().any(|other| clashes(other) && !outranks(other)) {
                continue;
            }
            kept.retain(|other| !clashes(other));
            kept.push((candidate, leaves));
        }
        kept.into_iter().map(|(chosen, _)| chosen).collect()
    }

    /// The active states that a transition leaves.
    pub fn exit_set(&self, transition: &Chosen<'_>) -> Configuration {
        let Some(domain) = self.domain(transition) else {
            return BTreeSet::new();
        };
        let active = self.active.iter().copied();
        active.filter(|state| self.machine.is_below(*state, domain)).collect()
    }

    /// The innermost state that stays active; `None` for a transition that leaves no state.
    pub fn domain(&self, transition: &Chosen<'_>) -> Option<StateIndex> {
        let targets = self.effective_targets(&transition.rule.targets);
        let (machine, source) = (self.machine, transition.source);
        let stays = |kind: &StateKind| match kind {
            // As in SCXML: of a parallel state all regions begin again, not just the target's, so it is left.
            StateKind::Parallel => false,
            _ => !transition.rule.reenter && targets.iter().all(|target| machine.is_within(*target, source)),
        };
        match &self.state(source).kind {
            _ if targets.is_empty() => return None,
            // An atomic state that goes to itself and is not left goes nowhere.
            kind @ StateKind::Atomic if stays(kind) => return None,
            kind if stays(kind) => return Some(source),
            _ => {}
        }
        let mut outer = machine.lineage(source).skip(1);
        let common = outer.find(|state| {
            let holds_one = matches!(state.kind, StateKind::Compound { .. }) || state.parent.is_none();
            holds_one && targets.iter().all(|target| machine.is_below(*target, state.index))
        });
        Some(common.map_or(0, |state| state.index))
    }

    /// Targets with history states replaced by what they remember.
    pub fn effective_targets(&self, targets: &[StateIndex]) -> Vec<StateIndex> {
        let mut effective = Vec::new();
        for target in targets {
            match &self.state(*target).kind {
                StateKind::History { fallback, .. } => match self.remembered(*target) {
                    Some(states) => effective.extend(states),
                    None => effective.extend(self.effective_targets(fallback)),
                },
                _ => effective.push(*target),
            }
        }
        effective
    }

    /// What a history state recorded when its parent was left last.
    pub fn remembered(&self, history: StateIndex) -> Option<Vec<StateIndex>> {
        let instance = self.instance().ok()?;
        let paths = instance.remembered.get(&self.state(history).path)?;
        Some(
            paths
                .iter()
                .filter_map(|path| self.machine.by_path.get(path).copied())
                .collect(),
        )
    }
}
