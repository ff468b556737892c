//! Events: each one handled is sent by somebody, each one sent is handled by somebody. Must look at the whole bundle, or it cries wolf.

use std::collections::{BTreeMap, BTreeSet};

use super::super::compile::declarations::for_each_action;
use super::super::compile::{Outline, Sources};
use super::super::diagnostic::suggestion;
use super::super::source::shapes::Word;
use super::MachineCheck;

/// Which event names each machine handles, as written, and which it is sent.
pub struct Heard {
    /// Machine to the keys of its `on`.
    handlers: BTreeMap<String, BTreeSet<String>>,
    /// Events that hooks turn messages into.
    hooked: BTreeSet<(String, String)>,
}

impl Heard {
    /// Gathers them from all machines and hooks.
    pub fn of(sources: &Sources, outlines: &[Outline<'_>]) -> Self {
        let handlers = outlines.iter().map(|outline| {
            let states = outline.states.iter().flat_map(|state| &state.source.on.0);
            let events = states.flat_map(|on| on.names().map(str::to_owned)).collect();
            (outline.name.to_string(), events)
        });
        let hooks = sources.bundle.hooks.iter();
        Self {
            handlers: handlers.collect(),
            hooked: hooks
                .map(|(_, hook)| (hook.machine.value.clone(), hook.event.value.clone()))
                .collect(),
        }
    }

    /// True where the machine has any `on` for the event.
    pub fn handles(&self, machine: &str, event: &str) -> bool {
        self.handlers
            .get(machine)
            .is_some_and(|patterns| patterns.iter().any(|pattern| matches(pattern, event)))
    }

    fn is_hooked(&self, machine: &str, event: &str) -> bool {
        self.hooked.contains(&(machine.to_owned(), event.to_owned()))
    }
}

/// True where a key of `on` takes the event.
pub fn matches(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix(".*") {
        _ if pattern == "*" || pattern == event => true,
        Some(prefix) => event == prefix || event.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
        None => false,
    }
}

impl MachineCheck<'_> {
    /// Reports events that nobody may send, that nothing handles, and that are handled and never sent.
    pub fn events(&mut self) {
        self.declared_events();
        for state in &self.outline.states {
            for event in state
                .source
                .on
                .0
                .iter()
                .flat_map(|on| on.iter().map(|(event, _)| event))
            {
                if !self.can_happen(&event.value) {
                    self.unknown_event(event);
                }
            }
            for event in &state.source.let_through.0 {
                let known = self
                    .declared
                    .machines
                    .values()
                    .any(|machine| machine.events.contains_key(event.value.as_str()));
                if !known {
                    let names = self
                        .declared
                        .machines
                        .values()
                        .flat_map(|machine| machine.events.keys());
                    let hint = suggestion(&event.value, names.map(AsRef::as_ref));
                    let message = format!("no machine declares an event `{}`", event.value);
                    self.sink.error_maybe("unknown_event", event.at, message, hint);
                }
            }
        }
        self.sent_events();
        self.cancelled_sends();
    }

    fn declared_events(&mut self) {
        for (name, event) in &self.outline.machine.events {
            if event.from.0.is_empty() && !self.heard.is_hooked(&self.outline.name, &name.value) {
                self.sink.error_with(
                    "event_from_nobody",
                    name.at,
                    format!("nobody may send `{}`", name.value),
                    "say who may: `from: [clerk]`",
                );
            }
            // `start` says who may open a trade with this machine; no state takes it.
            let opens = name.value == "start" && self.outline.machine.child_of.0.is_empty();
            if event.starts.is_none() && !opens && !self.heard.handles(&self.outline.name, &name.value) {
                self.sink.warning(
                    "unused_event",
                    name.at,
                    format!("no state takes `{}`", name.value),
                    format!("add `{}: …` under `on` of a state", name.value),
                );
            }
        }
    }

    /// True where somebody sends the event, or the platform raises it.
    pub fn can_happen(&self, event: &str) -> bool {
        if event == "*" || event.ends_with(".*") {
            return true;
        }
        if self.declared.sent.contains_key(event) || self.machine.events.contains_key(event) {
            return true;
        }
        let words: Vec<&str> = event.split('.').collect();
        match words.as_slice() {
            ["thawed" | "late"] => true,
            ["session", "full"] => self.machine.session.is_some(),
            ["timer", timer] | ["timer", timer, "moved"] => self.has_timer(timer),
            ["document", document, "ready"] => self.declared.documents.contains(*document),
            ["todo", state, outcome] => self.has_outcome(state, outcome),
            ["done", "state", ..] => self
                .machine
                .by_path
                .contains_key(event.trim_start_matches("done.state.")),
            ["done", child] => self
                .declared
                .machines
                .get(*child)
                .is_some_and(|child| child.child_of.contains(&self.machine.name)),
            _ => false,
        }
    }

    fn has_timer(&self, timer: &str) -> bool {
        self.declared
            .machines
            .get(&self.machine.name)
            .is_some_and(|machine| machine.timers.contains(timer))
    }

    fn has_outcome(&self, state: &str, outcome: &str) -> bool {
        let mut todos = self.outline.states.iter().filter(|candidate| *candidate.name == *state);
        todos.any(|candidate| {
            candidate
                .source
                .todo
                .as_ref()
                .is_some_and(|todo| todo.outcomes.get(outcome).is_some())
        })
    }

    fn unknown_event(&mut self, event: &Word) {
        let known = self.machine.events.keys().map(AsRef::as_ref);
        let sent = self.declared.sent.keys().map(String::as_str);
        let timers = self
            .declared
            .machines
            .get(&self.machine.name)
            .map(|machine| &machine.timers);
        let timers: Vec<String> = timers
            .into_iter()
            .flatten()
            .map(|timer| format!("timer.{timer}"))
            .collect();
        let hint = suggestion(&event.value, known.chain(sent).chain(timers.iter().map(String::as_str)));
        let message = format!(
            "nobody sends `{}`, and no timer, to-do, document or child raises it",
            event.value
        );
        self.sink.error_maybe("unknown_event", event.at, message, hint);
    }

    fn sent_events(&mut self) {
        let mut sends: Vec<(Word, String)> = Vec::new();
        for_each_action(self.outline, &mut |action| {
            if let Some(send) = &action.send {
                sends.push((send.event.clone(), send.to.value.clone()));
            }
            if let Some(raise) = &action.raise {
                sends.push((raise.event.clone(), "self".into()));
            }
        });
        for (event, to) in sends {
            let parents = &self.machine.child_of;
            if parents.is_empty() && matches!(to.as_str(), "siblings" | "parent") {
                continue;
            }
            // Of siblings of many kinds one has to hear it; every parent has to.
            if to == "siblings" {
                let mut all = self.declared.machines.values();
                let heard = all.any(|other| {
                    let sibling = other.child_of.iter().any(|parent| parents.contains(parent));
                    sibling && self.heard.handles(&other.name, &event.value)
                });
                if !heard {
                    self.unheard("sibling", &event);
                }
                continue;
            }
            let receivers: Vec<crate::machine::value::Name> = match to.strip_prefix("siblings.").unwrap_or(&to) {
                "self" => vec![self.machine.name.clone()],
                "root" => vec![self.declared.root.clone()],
                "parent" => parents.clone(),
                machine => vec![machine.into()],
            };
            let known = |receiver: &crate::machine::value::Name| self.declared.machines.contains_key(receiver);
            let deaf = receivers
                .into_iter()
                .find(|receiver| known(receiver) && !self.heard.handles(receiver, &event.value));
            if let Some(receiver) = deaf {
                self.unheard(&receiver, &event);
            }
        }
    }

    fn unheard(&mut self, receiver: &str, event: &Word) {
        self.sink.error_with(
            "unheard_event",
            event.at,
            format!("no state of `{receiver}` takes `{}`", event.value),
            format!("add `{}: …` under `on` of a state of `{receiver}`", event.value),
        );
    }

    fn cancelled_sends(&mut self) {
        let mut ids = BTreeSet::new();
        let mut cancelled = Vec::new();
        for_each_action(self.outline, &mut |action| {
            ids.extend(
                action
                    .send
                    .iter()
                    .filter_map(|send| send.id.as_ref())
                    .map(|id| id.value.clone()),
            );
            cancelled.extend(action.cancel.clone());
        });
        for word in cancelled {
            if !ids.contains(&word.value) {
                let hint = suggestion(&word.value, ids.iter().map(String::as_str));
                let message = format!("no delayed `send` has the id `{}`", word.value);
                self.sink.error_maybe("unknown_send_id", word.at, message, hint);
            }
        }
    }
}
