//! What leaving states means: history remembered, exit actions, then timers, to-dos and invoked children end.
//! Must not choose what is left: `select` does.

use super::configuration::Configuration;
use super::event::payload;
use super::run::Run;
use super::select::Chosen;
use super::types::Fault;
use crate::machine::definition::model::{State, StateIndex, StateKind};
use crate::machine::value::{Name, Value};

impl<'a> Run<'_, 'a> {
    /// Leaves what transitions leave, innermost and last first.
    pub fn exit(&mut self, chosen: &[Chosen<'a>]) -> Result<(), Fault> {
        let leaving: Configuration = chosen.iter().flat_map(|transition| self.exit_set(transition)).collect();
        self.remember(&leaving)?;
        for index in leaving.iter().rev() {
            self.leave(self.state(*index))?;
        }
        Ok(())
    }

    /// Records for each history state below a state that is left what was active there.
    fn remember(&mut self, leaving: &Configuration) -> Result<(), Fault> {
        for parent in leaving {
            let parent = self.state(*parent);
            for index in &parent.children {
                let history = self.state(*index);
                if let StateKind::History { deep, .. } = history.kind {
                    let states = if deep {
                        self.active_leaves(parent)
                    } else {
                        self.active_children(parent)
                    };
                    self.work
                        .change(&self.id)?
                        .remembered
                        .insert(history.path.clone(), states);
                }
            }
        }
        Ok(())
    }

    fn active_leaves(&self, parent: &State) -> Vec<Name> {
        let leaves = self.machine.atomic(&self.active);
        let below = leaves.filter(|state| self.machine.is_below(state.index, parent.index));
        below.map(|state| state.path.clone()).collect()
    }

    fn active_children(&self, parent: &State) -> Vec<Name> {
        let children = parent.children.iter().filter(|child| self.active.contains(child));
        children.map(|child| self.state(*child).path.clone()).collect()
    }

    fn leave(&mut self, state: &'a State) -> Result<(), Fault> {
        self.place = format!("exit of {}", state.path).into();
        self.perform(&state.exit)?;
        self.disarm(state)?;
        if state.todo.is_some() {
            let closed = |_: &Name, todo: &mut crate::machine::trade::Todo| todo.state != state.path;
            self.work.change(&self.id)?.todos.retain(closed);
        }
        if !state.invoke.is_empty() && !self.to_invoke.remove(&state.index) {
            self.cancel_invoked(&state.path)?;
        }
        self.active.remove(&state.index);
        Ok(())
    }

    /// Ends the instance in a final state: its states are left, its stored states stay to tell where it ended.
    pub fn finish(mut self, last: StateIndex) -> Result<(), Fault> {
        let last = self.state(last);
        let output = self.values(&last.output)?;
        self.leave_all()?;
        let instance = self.work.change(&self.id)?;
        instance.done = true;
        instance.output = output.clone();
        let name = |name: Option<Name>| name.map_or(Value::Null, Value::Text);
        let mut data = payload([
            ("state", last.name.clone().into()),
            ("id", self.id.clone().into()),
            ("key", name(instance.key.clone())),
            ("owner", name(instance.owner.clone())),
        ]);
        if let Some(parent) = instance.parent.clone() {
            data.extend(output);
            let event = format!("done.{}", self.machine.name);
            self.work.deliver(parent, event, data, Some(self.id));
        }
        Ok(())
    }

    /// Ends the instance because what started it is left: nothing of it stays but its data.
    pub fn cancel(mut self) -> Result<(), Fault> {
        let from = self.instance()?.states.clone();
        self.leave_all()?;
        let instance = self.work.change(&self.id)?;
        instance.done = true;
        instance.states.clear();
        self.note("cancelled".into(), from)?;
        for child in self.work.children(&self.id) {
            self.work.cancel(&child)?;
        }
        Ok(())
    }

    fn leave_all(&mut self) -> Result<(), Fault> {
        let leaving: Vec<StateIndex> = self.active.iter().rev().copied().collect();
        for index in leaving {
            self.leave(self.state(index))?;
        }
        // Delayed sends belong to no state and end with the instance.
        let instance = self.work.change(&self.id)?;
        let timers = std::mem::take(&mut instance.timers);
        instance
            .generations
            .extend(timers.into_iter().map(|(name, timer)| (name, timer.generation)));
        self.internal.clear();
        Ok(())
    }
}
