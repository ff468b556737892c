//! To-dos: outcomes, legal deadlines, signatures, and what may never be done from a mail's link.

use super::super::compile::declarations::for_each_action;
use super::super::compile::todo::check_reminder;
use super::super::model::{Action, StateIndex, TodoDefinition, Trigger};
use super::super::source::shapes::Located;
use super::super::source::state::TodoSource;
use super::MachineCheck;

impl MachineCheck<'_> {
    /// Reports what is wrong with the to-dos of the machine.
    pub fn todos(&mut self) {
        let asked = self.asked_documents();
        for state in self.states() {
            let Some(skeleton) = self.outline.states.get(state.index) else {
                continue;
            };
            let (Some(todo), Some(source)) = (&state.todo, &skeleton.source.todo) else {
                continue;
            };
            self.outcomes(source);
            self.signature(source, &asked);
            self.mailable(state.index, todo, source);
            for reminder in source.remind.iter().flatten() {
                check_reminder(reminder, "before", self.declared, &mut self.sink);
            }
            for reminder in source.escalate.iter().flatten() {
                check_reminder(reminder, "after", self.declared, &mut self.sink);
            }
        }
    }

    fn outcomes(&mut self, source: &Located<TodoSource>) {
        if source.roles.0.is_empty() {
            self.sink.error_with(
                "todo_for_nobody",
                source.at,
                "this to-do is for nobody",
                "say whose it is: `for: [clerk]`",
            );
        }
        if source.outcomes.is_empty() {
            self.sink.error_with(
                "todo_without_outcome",
                source.at,
                "this to-do can never be done",
                "name at least one outcome: `outcomes: {done: next_state}`",
            );
        }
        let overdue = source.outcomes.iter().find(|(name, _)| name.value == "overdue");
        if let (Some((overdue, _)), None) = (overdue, &source.due) {
            self.sink.error_with(
                "overdue_without_due",
                overdue.at,
                "`overdue` is the outcome of a due date, and there is none",
                "add `due: 5 workdays`",
            );
        }
    }

    fn asked_documents(&self) -> Vec<String> {
        let mut asked = Vec::new();
        for_each_action(self.outline, &mut |action| {
            asked.extend(action.document.iter().map(|word| word.value.clone()))
        });
        asked
    }

    fn signature(&mut self, source: &Located<TodoSource>, asked: &[String]) {
        let Some(sign) = &source.sign else { return };
        if self.declared.documents.contains(&sign.value) && !asked.contains(&sign.value) {
            self.sink.error_with(
                "sign_without_document",
                sign.at,
                format!("`{}` is to be signed, and this machine never makes it", sign.value),
                format!(
                    "make it before: `entry: [{{document: {}}}]` in a state before this one",
                    sign.value
                ),
            );
        }
        if source.outcomes.get("signed").is_none() {
            self.sink.error_with(
                "sign_without_outcome",
                sign.at,
                "what is signed is the outcome `signed`, and there is none",
                "add `signed: next_state` to the outcomes",
            );
        }
    }

    fn mailable(&mut self, state: StateIndex, todo: &TodoDefinition, source: &Located<TodoSource>) {
        for word in source.mailable.iter().flat_map(|words| &words.0) {
            let reason = if todo.sign.is_some() {
                Some("this to-do asks for a signature")
            } else if self.moves_money(state, &word.value) {
                Some("it moves money")
            } else {
                None
            };
            if let Some(reason) = reason {
                self.sink.error_with(
                    "mailable_forbidden",
                    word.at,
                    format!("`{}` cannot be done from a mail's link: {reason}", word.value),
                    "take it out of `mailable`; people do it after signing in",
                );
            }
        }
    }

    /// True where an outcome's transitions, or the states that follow of themselves, move money.
    fn moves_money(&self, state: StateIndex, outcome: &str) -> bool {
        let Some(state) = self.machine.states.get(state) else {
            return false;
        };
        let event = Trigger::Event(format!("todo.{}.{outcome}", state.name).into());
        let mut open = Vec::new();
        for transition in state
            .transitions
            .iter()
            .filter(|transition| transition.trigger == event)
        {
            if has_ledger(&transition.actions) {
                return true;
            }
            open.extend(&transition.targets);
        }
        let mut seen = Vec::new();
        while let Some(target) = open.pop() {
            for index in self.entered(target) {
                let Some(entered) = self.machine.states.get(index) else {
                    continue;
                };
                if seen.contains(&index) {
                    continue;
                }
                seen.push(index);
                let automatic = entered
                    .transitions
                    .iter()
                    .filter(|transition| transition.trigger == Trigger::Always);
                if has_ledger(&entered.entry) || automatic.clone().any(|transition| has_ledger(&transition.actions)) {
                    return true;
                }
                open.extend(automatic.flat_map(|transition| &transition.targets));
            }
        }
        false
    }
}

fn has_ledger(actions: &[Action]) -> bool {
    actions.iter().any(|action| match action {
        Action::Ledger { .. } => true,
        Action::If(branches) => branches.iter().any(|(_, actions)| has_ledger(actions)),
        _ => false,
    })
}
