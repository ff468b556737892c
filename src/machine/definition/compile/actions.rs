//! Actions: what is done on entry, on exit and by transitions. Must not run them.

use super::super::diagnostic::suggestion;
use super::super::model::{Action, Address, Schedule};
use super::super::source::action::{ActionSource, ResetSource, SendSource};
use super::super::source::shapes::{Entries, Literal, Located, Scalar, Word};
use super::machine::Compiler;
use super::readers;
use super::scope::Event;
use crate::machine::expression::{Expression, Kind};
use crate::machine::value::{Name, Value};

impl Compiler<'_> {
    /// Compiles actions in their order; faulty ones are reported and left out.
    pub fn actions(&mut self, sources: &[Located<ActionSource>], event: &Event) -> Vec<Action> {
        sources.iter().filter_map(|source| self.action(source, event)).collect()
    }

    fn action(&mut self, source: &Located<ActionSource>, event: &Event) -> Option<Action> {
        self.exactly_one(source)?;
        let action = &source.value;
        if let Some(assign) = &action.assign {
            return Some(Action::Assign(self.assignments(assign, event)));
        }
        if let Some(set) = &action.set {
            return Some(Action::Set(self.literals(set)));
        }
        if let Some(condition) = &action.condition {
            return self.branches(source, condition, event);
        }
        if let Some(send) = &action.send {
            return self.send(send, event);
        }
        if let Some(raise) = &action.raise {
            return Some(Action::Raise {
                event: raise.event.value.as_str().into(),
                data: self.expressions(&raise.data, event),
            });
        }
        if let Some(id) = &action.cancel {
            return Some(Action::Cancel(id.value.as_str().into()));
        }
        if let Some(publish) = &action.publish {
            return Some(Action::Publish(self.expressions(publish, event)));
        }
        if let Some(ledger) = &action.ledger {
            return Some(self.ledger(ledger, event));
        }
        self.outward(action, event)
    }

    /// Actions that concern people and papers.
    fn outward(&mut self, action: &ActionSource, event: &Event) -> Option<Action> {
        if let Some(document) = &action.document {
            return Some(Action::Document(self.document(document)));
        }
        if let Some(notify) = &action.notify {
            let to = readers::known_roles(&notify.to.0, self.declared, &mut self.sink);
            let mail = self.mail(&notify.mail);
            return Some(Action::Notify { to, mail });
        }
        if let Some(webhook) = &action.webhook {
            return Some(Action::Webhook {
                hook: webhook.hook.value.as_str().into(),
                data: self.expressions(&webhook.data, event),
            });
        }
        if let Some(record) = &action.record {
            return self.record(record, event);
        }
        if let Some(reset) = &action.reset {
            return self.reset(reset, event);
        }
        if let Some(relist) = &action.relist {
            return Some(Action::Relist {
                copy: self.root_fields(&relist.copy.0),
                with: self.root_assignments(&relist.with, event),
            });
        }
        let log = action.log.as_ref()?;
        self.expression(log, event, &Kind::Any).map(Action::Log)
    }

    fn reset(&mut self, reset: &ResetSource, event: &Event) -> Option<Action> {
        let after = match &reset.after {
            Some(after) => Some(self.after(after, event)?),
            None => None,
        };
        Some(Action::Reset {
            timer: self.known_timer(&reset.timer),
            after,
        })
    }

    fn exactly_one(&mut self, source: &Located<ActionSource>) -> Option<()> {
        let names = present(&source.value);
        let stray_branch = source.condition.is_none()
            && (source.then.is_some() || source.otherwise.is_some() || !source.else_if.is_empty());
        match names.as_slice() {
            [_] if !stray_branch => Some(()),
            [] => {
                self.sink.error_with(
                    "empty_action",
                    source.at,
                    "an action has a name",
                    "for example `- document: receipt`",
                );
                None
            }
            _ => {
                let message = if stray_branch {
                    "`then` and `else` belong to `if`".to_owned()
                } else {
                    format!(
                        "{} stand in one action",
                        names
                            .iter()
                            .map(|name| format!("`{name}`"))
                            .collect::<Vec<_>>()
                            .join(" and ")
                    )
                };
                self.sink.error_with(
                    "several_actions",
                    source.at,
                    message,
                    "begin each action with its own `- `",
                );
                None
            }
        }
    }

    fn assignments(&mut self, entries: &Entries<Located<Scalar>>, event: &Event) -> Vec<(Name, Expression)> {
        let mut assignments = Vec::new();
        for (word, value) in entries {
            let Some(name) = self.writable(word) else { continue };
            let Some(kind) = self.own.field(&name).cloned() else {
                continue;
            };
            if let Some(expression) = self.expression(value, event, &kind) {
                assignments.push((name, expression));
            }
        }
        assignments
    }

    fn literals(&mut self, entries: &Entries<Located<Literal>>) -> Vec<(Name, Value)> {
        let mut values = Vec::new();
        for (word, literal) in entries {
            let Some(name) = self.writable(word) else { continue };
            if let Some(value) = self.literal_for(&name, literal) {
                values.push((name, value));
            }
        }
        values
    }

    /// A field that is stored, not computed.
    fn writable(&mut self, word: &Word) -> Option<Name> {
        let name = self.known_field(word)?;
        let computed = self
            .outline
            .machine
            .data
            .get(&word.value)
            .is_some_and(|field| field.computed.is_some());
        if computed {
            let message = format!("`{}` is computed and cannot be assigned", word.value);
            self.sink.error("computed_assigned", word.at, message);
            return None;
        }
        Some(name)
    }

    fn branches(
        &mut self,
        source: &Located<ActionSource>,
        condition: &Located<Scalar>,
        event: &Event,
    ) -> Option<Action> {
        let first = self.expression(condition, event, &Kind::Bool);
        let then = self.actions(source.then.as_deref().unwrap_or_default(), event);
        let mut branches = vec![(Some(first?), then)];
        for branch in &source.else_if {
            let condition = self.expression(&branch.condition, event, &Kind::Bool);
            let then = self.actions(&branch.then, event);
            branches.push((Some(condition?), then));
        }
        if let Some(otherwise) = &source.otherwise {
            branches.push((None, self.actions(otherwise, event)));
        }
        Some(Action::If(branches))
    }

    fn send(&mut self, send: &SendSource, event: &Event) -> Option<Action> {
        let to = self.address(send, event)?;
        let data = self.expressions(&send.data, event);
        let after: Option<Schedule> = match &send.after {
            Some(after) => Some(self.after(after, event)?),
            None => None,
        };
        Some(Action::Send {
            to,
            event: send.event.value.as_str().into(),
            data,
            after,
            id: send.id.as_ref().map(|id| id.value.as_str().into()),
        })
    }

    fn address(&mut self, send: &SendSource, event: &Event) -> Option<Address> {
        let key = match &send.key {
            Some(key) => Some(self.expression(key, event, &Kind::Text)?),
            None => None,
        };
        let word = send.to.value.strip_prefix("siblings.").unwrap_or(&send.to.value);
        Some(match word {
            "self" => Address::Own,
            "parent" if !self.own.child_of.is_empty() => Address::Parent,
            "siblings" if !self.own.child_of.is_empty() => Address::Siblings(key),
            "parent" | "siblings" => {
                self.sink
                    .error("no_parent", send.to.at, format!("`{}` has no parent", self.own.name));
                return None;
            }
            "root" => Address::Root,
            machine => {
                let word = Located {
                    at: send.to.at,
                    value: machine.to_owned(),
                };
                let machine = readers::known_machine(&word, self.declared, &mut self.sink)?;
                Address::Machine { machine, key }
            }
        })
    }

    fn record(&mut self, record: &Entries<Entries<Located<Scalar>>>, event: &Event) -> Option<Action> {
        let (kind, data) = record.iter().next()?;
        if record.0.len() > 1 {
            self.sink.error_with(
                "several_actions",
                kind.at,
                "one record has one kind",
                "begin each record with its own `- record:`",
            );
        }
        Some(Action::Record {
            kind: kind.value.as_str().into(),
            data: self.expressions(data, event),
        })
    }

    /// Movements by kind, and `ref`: the outside reference.
    fn ledger(&mut self, ledger: &Entries<Located<Scalar>>, event: &Event) -> Action {
        let mut movements = Vec::new();
        let mut reference = None;
        for (kind, amount) in ledger {
            if kind.value == "ref" {
                reference = self.expression(amount, event, &Kind::Text);
                continue;
            }
            if !self.declared.movements.contains(&kind.value) {
                let hint =
                    suggestion(&kind.value, self.declared.movements.iter().map(String::as_str)).unwrap_or_else(|| {
                        "declare it in bundle.yaml: `ledger: {hold: {title: 冻结, from: bank, to: held}}`".into()
                    });
                let message = format!("the bundle declares no kind of movement `{}`", kind.value);
                self.sink.error_with("unknown_movement", kind.at, message, hint);
            }
            if let Some(expression) = self.expression(amount, event, &Kind::Money) {
                movements.push((Name::from(kind.value.as_str()), expression));
            }
        }
        Action::Ledger { movements, reference }
    }

    /// A document the bundle declares and has a template for.
    pub fn document(&mut self, word: &Word) -> Name {
        if !self.declared.documents.contains(&word.value) {
            let hint = suggestion(&word.value, self.declared.documents.iter().map(String::as_str));
            self.sink.error_maybe(
                "unknown_document",
                word.at,
                format!("the bundle declares no document `{}`", word.value),
                hint,
            );
        }
        word.value.as_str().into()
    }

    /// A mail that has templates.
    pub fn mail(&mut self, word: &Word) -> Name {
        if self.declared.has_templates && !self.declared.mails.contains(&word.value) {
            let message = format!("there is no mail `{}`", word.value);
            let hint = suggestion(&word.value, self.declared.mails.iter().map(String::as_str));
            let hint =
                hint.unwrap_or_else(|| format!("add templates/mail/{}/subject.txt.hbs and body.txt.hbs", word.value));
            self.sink.error_with("mail_without_template", word.at, message, hint);
        }
        word.value.as_str().into()
    }

    fn known_timer(&mut self, word: &Word) -> Name {
        if !self.own.dues.contains(word.value.as_str()) {
            let hint = suggestion(&word.value, self.own.dues.iter().map(AsRef::as_ref));
            self.sink.error_maybe(
                "unknown_timer",
                word.at,
                format!("there is no timer `{}` to reset", word.value),
                hint,
            );
        }
        word.value.as_str().into()
    }

    fn root_fields(&mut self, words: &[Word]) -> Vec<Name> {
        words
            .iter()
            .filter_map(|word| self.root_field(word))
            .map(|(name, _)| name)
            .collect()
    }

    fn root_assignments(&mut self, entries: &Entries<Located<Scalar>>, event: &Event) -> Vec<(Name, Expression)> {
        let mut assignments = Vec::new();
        for (word, value) in entries {
            let Some((name, kind)) = self.root_field(word) else {
                continue;
            };
            if let Some(expression) = self.expression(value, event, &kind) {
                assignments.push((name, expression));
            }
        }
        assignments
    }

    fn root_field(&mut self, word: &Word) -> Option<(Name, Kind)> {
        let root = self.declared.machines.get(&self.declared.root)?;
        if let Some(kind) = root.field(&word.value) {
            return Some((word.value.as_str().into(), kind.clone()));
        }
        let hint = suggestion(&word.value, root.fields.iter().map(|(name, _)| name.as_ref()));
        let message = format!("`{}` has no field `{}`", root.name, word.value);
        self.sink.error_maybe("unknown_field", word.at, message, hint);
        None
    }
}

/// The names of the actions in one item.
fn present(action: &ActionSource) -> Vec<&'static str> {
    [
        ("assign", action.assign.is_some()),
        ("set", action.set.is_some()),
        ("raise", action.raise.is_some()),
        ("send", action.send.is_some()),
        ("cancel", action.cancel.is_some()),
        ("if", action.condition.is_some()),
        ("document", action.document.is_some()),
        ("notify", action.notify.is_some()),
        ("webhook", action.webhook.is_some()),
        ("publish", action.publish.is_some()),
        ("record", action.record.is_some()),
        ("ledger", action.ledger.is_some()),
        ("reset", action.reset.is_some()),
        ("relist", action.relist.is_some()),
        ("log", action.log.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, here)| here.then_some(name))
    .collect()
}
