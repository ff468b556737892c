//! To-dos as states open them, and what the history calls acts on them. Must not mail anybody.

use super::ids::scramble;
use super::run::Run;
use super::types::{Act, Effect, Fault};
use crate::machine::definition::model::{Bundle, State, TodoDefinition};
use crate::machine::trade::{Instance, InstanceId, Todo, TodoId, Trade};
use crate::machine::value::Name;

impl<'a> Run<'_, 'a> {
    /// Opens a state's to-do, with its legal deadline where it has one.
    pub fn open_todo(&mut self, state: &'a State, definition: &'a TodoDefinition) -> Result<(), Fault> {
        let plan = match &definition.due {
            Some(due) => Some(self.plan(due, self.work.now)?),
            None => None,
        };
        let (id, now) = (self.id.clone(), self.work.now);
        let instance = self.work.change(&id)?;
        let entry = instance.entered.entry(state.path.clone()).or_default();
        *entry += 1;
        let todo = Todo {
            id: scramble(&format!("{id}.{}.{entry}", state.path)),
            state: state.path.clone(),
            entry: *entry,
            opened: now,
            due: plan.map(|plan| plan.deadline.due),
            start: plan.map_or(now, |plan| plan.start),
            period: plan.and_then(|plan| plan.period),
            provisional: plan.is_some_and(|plan| plan.deadline.provisional),
            claimed_by: None,
            answers: Default::default(),
            frozen: false,
            remainder: None,
        };
        let opened = todo.id.clone();
        instance.todos.insert(opened.clone(), todo);
        if let Some(plan) = plan.filter(|_| definition.legal_due) {
            self.start_timer(legal_timer(definition), plan.timer(&state.path))?;
        }
        if !definition.mail.is_empty() {
            self.work.effects.push(Effect::TodoMail {
                instance: id,
                todo: opened,
                mail: definition.mail.clone(),
                at: now,
            });
        }
        Ok(())
    }
}

/// The timer that raises a to-do's `overdue`.
pub(super) fn legal_timer(definition: &TodoDefinition) -> Name {
    format!("todo.{}", definition.name).into()
}

/// What the history calls an act on a to-do.
pub(super) fn event_name(trade: &Trade, bundle: &Bundle, id: &InstanceId, todo: &TodoId, act: &Act) -> Name {
    let act = match act {
        Act::Claim => "claim",
        Act::Release => "release",
        Act::Transfer { .. } => "transfer",
        Act::Complete { outcome, .. } => outcome,
    };
    let instance = trade.instances.get(id);
    // After the act the to-do may be closed; its state can still be told from the state it was opened by.
    let open = instance
        .and_then(|instance| instance.todos.get(todo))
        .map(|todo| &todo.state);
    let closed = || instance.and_then(|instance| state_of(instance, todo));
    let path = open.or_else(closed);
    let machine = instance.and_then(|instance| bundle.machines.get(&instance.machine));
    let name = path
        .and_then(|path| machine?.state_at(path))
        .map_or("", |state| &state.name);
    format!("todo.{name}.{act}").into()
}

/// The state that opened a to-do, found again by the to-do's id.
fn state_of<'t>(instance: &'t Instance, todo: &TodoId) -> Option<&'t Name> {
    let mut entered = instance.entered.iter();
    let by = |(path, entries): &(&Name, &u32)| {
        (1..=**entries)
            .rev()
            .any(|entry| scramble(&format!("{}.{path}.{entry}", instance.id)) == *todo)
    };
    entered.find(by).map(|(path, _)| path)
}
