//! Which states a transition enters, and what entering one means: timers, to-do, actions, then invoke.
//! Must not look at events or guards.

use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use super::select::Chosen;
use super::types::Fault;
use crate::machine::definition::model::{Action, State, StateIndex, StateKind};

/// States about to be entered, as Appendix D's `computeEntrySet` collects them.
#[derive(Default)]
struct Entering<'a> {
    states: BTreeSet<StateIndex>,
    /// Compound states entered without a target below them: their initial actions run.
    by_default: BTreeSet<StateIndex>,
    /// Actions of history states that had nothing to remember, by the parent whose entry they follow.
    fallbacks: BTreeMap<StateIndex, &'a [Action]>,
}

impl<'a> Run<'_, 'a> {
    /// Enters what a fresh instance begins with.
    pub fn enter_initially(&mut self) -> Result<(), Fault> {
        let mut entering = Entering::default();
        self.add_with_descendants(0, &mut entering);
        self.enter_all(&entering)
    }

    /// Enters the targets of transitions, with the ancestors and descendants that belong to them.
    pub fn enter(&mut self, chosen: &[Chosen<'a>]) -> Result<(), Fault> {
        let mut entering = Entering::default();
        for transition in chosen {
            let Some(domain) = self.domain(transition) else {
                continue;
            };
            for target in &transition.rule.targets {
                self.add_with_descendants(*target, &mut entering);
            }
            for target in self.effective_targets(&transition.rule.targets) {
                self.add_ancestors(target, domain, &mut entering);
            }
            // The machine itself is never left; where it is parallel, its other regions begin again with the target's.
            if matches!(self.state(domain).kind, StateKind::Parallel) {
                self.add_missing_regions(self.state(domain), &mut entering);
            }
        }
        self.enter_all(&entering)
    }

    fn enter_all(&mut self, entering: &Entering<'a>) -> Result<(), Fault> {
        for index in &entering.states {
            if self.active.insert(*index) {
                self.enter_state(self.state(*index), entering)?;
            }
        }
        Ok(())
    }

    /// Timers and to-do come before the actions, so that a notice can print when they are due.
    fn enter_state(&mut self, state: &'a State, entering: &Entering<'a>) -> Result<(), Fault> {
        self.place = format!("entry of {}", state.path).into();
        for timer in &state.timers {
            self.arm(state, timer)?;
        }
        if let Some(todo) = &state.todo {
            self.open_todo(state, todo)?;
        } else if !state.tags.is_empty() {
            // What a tag has opened to readers stays open when the state is left: the count is how a view knows.
            let id = self.id.clone();
            *self.work.change(&id)?.entered.entry(state.path.clone()).or_default() += 1;
        }
        self.perform(&state.entry)?;
        if let StateKind::Compound { actions, .. } = &state.kind
            && entering.by_default.contains(&state.index)
        {
            self.perform(actions)?;
        }
        if let Some(actions) = entering.fallbacks.get(&state.index) {
            self.perform(actions)?;
        }
        if !state.invoke.is_empty() {
            self.to_invoke.insert(state.index);
        }
        if matches!(state.kind, StateKind::Final) {
            self.reach_final(state)?;
        }
        Ok(())
    }

    /// Tells the parent, and a parallel grandparent whose regions are now all final, that they are done.
    fn reach_final(&mut self, state: &'a State) -> Result<(), Fault> {
        let Some(parent) = state.parent.map(|index| self.state(index)) else {
            return Ok(());
        };
        let Some(grandparent) = parent.parent.map(|index| self.state(index)) else {
            self.finished = Some(state.index);
            return Ok(());
        };
        let output = self.values(&state.output)?;
        self.raise(format!("done.state.{}", parent.path), output);
        if matches!(grandparent.kind, StateKind::Parallel) && self.machine.is_finished(grandparent, &self.active) {
            match grandparent.parent {
                Some(_) => self.raise(format!("done.state.{}", grandparent.path), Default::default()),
                None => self.finished = Some(grandparent.index),
            }
        }
        Ok(())
    }

    /// A state with what is entered by default below it; a history state stands for what it remembers.
    fn add_with_descendants(&self, index: StateIndex, entering: &mut Entering<'a>) {
        let state = self.state(index);
        match &state.kind {
            StateKind::History { fallback, actions, .. } => {
                let parent = state.parent.unwrap_or(0);
                let targets = self.remembered(index).unwrap_or_else(|| {
                    entering.fallbacks.insert(parent, actions);
                    fallback.clone()
                });
                self.add_below(&targets, parent, entering);
            }
            StateKind::Compound { initial, .. } => {
                entering.states.insert(index);
                entering.by_default.insert(index);
                self.add_below(initial, index, entering);
            }
            StateKind::Parallel => {
                entering.states.insert(index);
                self.add_missing_regions(state, entering);
            }
            StateKind::Atomic | StateKind::Final => {
                entering.states.insert(index);
            }
        }
    }

    fn add_below(&self, targets: &[StateIndex], ancestor: StateIndex, entering: &mut Entering<'a>) {
        for target in targets {
            self.add_with_descendants(*target, entering);
        }
        for target in targets {
            self.add_ancestors(*target, ancestor, entering);
        }
    }

    /// The states between a target and an ancestor that stays, with the other regions of parallel ones among them.
    fn add_ancestors(&self, target: StateIndex, ancestor: StateIndex, entering: &mut Entering<'a>) {
        if !self.machine.is_below(target, ancestor) {
            return;
        }
        let between = self.machine.lineage(target).skip(1);
        for state in between.take_while(|state| state.index != ancestor) {
            entering.states.insert(state.index);
            if matches!(state.kind, StateKind::Parallel) {
                self.add_missing_regions(state, entering);
            }
        }
    }

    fn add_missing_regions(&self, parallel: &'a State, entering: &mut Entering<'a>) {
        for region in self.machine.proper_children(parallel) {
            let mut entered = entering.states.iter();
            if !entered.any(|state| self.machine.is_within(*state, region.index)) {
                self.add_with_descendants(region.index, entering);
            }
        }
    }
}
