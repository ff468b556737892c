//! Transitions: timers' `then`, to-do outcomes, `on` and `always` all become transitions with stable ids.
//! Must not compile actions: `actions` does.

use std::collections::BTreeMap;

use super::super::model::{Reject, Transition, Trigger};
use super::super::source::shapes::Entries;
use super::super::source::state::{TransitionSource, TransitionsSource};
use super::events::{carried, timer, trigger};
use super::machine::Compiler;
use super::scope::Event;
use super::skeleton::Skeleton;
use crate::machine::expression::Kind;
use crate::machine::value::Name;

/// Gives transitions their ids: `{path}/{trigger}/{n}`.
#[derive(Default)]
struct Numbers(BTreeMap<String, usize>);

impl Numbers {
    fn id(&mut self, path: &str, trigger: &str) -> Name {
        let count = self.0.entry(trigger.to_owned()).or_default();
        *count += 1;
        format!("{path}/{trigger}/{count}").into()
    }
}

impl Compiler<'_> {
    pub(super) fn transitions(&mut self, skeleton: &Skeleton) -> Vec<Transition> {
        let source = &skeleton.source;
        let mut numbers = Numbers::default();
        let mut all = Vec::new();
        for (name, timed) in &source.timers {
            let event = format!("timer.{}", name.value);
            if let Some(then) = &timed.then {
                self.add(
                    skeleton,
                    &Trigger::Event(event.as_str().into()),
                    &event,
                    &timer(),
                    then,
                    &mut numbers,
                    &mut all,
                );
            }
        }
        if let Some(todo) = &source.todo {
            for (outcome, transitions) in &todo.outcomes {
                let event = format!("todo.{}.{}", skeleton.name, outcome.value);
                let known = self.outcome_event(todo, &outcome.value, transitions);
                self.add(
                    skeleton,
                    &Trigger::Event(event.as_str().into()),
                    &event,
                    &known,
                    transitions,
                    &mut numbers,
                    &mut all,
                );
            }
        }
        for (event, transitions) in source.on.0.iter().flat_map(Entries::iter) {
            let on = trigger(&event.value);
            let known = match &on {
                Trigger::Event(name) => carried(name, self.own, self.declared),
                _ => Event::Open,
            };
            self.add(skeleton, &on, &event.value, &known, transitions, &mut numbers, &mut all);
        }
        self.add(
            skeleton,
            &Trigger::Always,
            "always",
            &Event::None,
            &source.always,
            &mut numbers,
            &mut all,
        );
        all
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the four parts of a state's transitions differ in all of them"
    )]
    fn add(
        &mut self,
        skeleton: &Skeleton,
        trigger: &Trigger,
        label: &str,
        event: &Event,
        sources: &TransitionsSource,
        numbers: &mut Numbers,
        all: &mut Vec<Transition>,
    ) {
        for source in &sources.0 {
            let id = numbers.id(&skeleton.path, label);
            all.push(self.transition(skeleton, trigger.clone(), id, event, source));
        }
    }

    fn transition(
        &mut self,
        skeleton: &Skeleton,
        trigger: Trigger,
        id: Name,
        event: &Event,
        source: &TransitionSource,
    ) -> Transition {
        Transition {
            trigger,
            guard: source
                .guard
                .as_ref()
                .and_then(|guard| self.expression(guard, event, &Kind::Bool)),
            targets: self.targets(skeleton.index, &source.target),
            reenter: source.reenter,
            actions: self.actions(&source.actions, event),
            reject: source.reject.as_ref().map(|code| Reject {
                code: self.refusal(code),
                tell: self.expressions(&source.tell, event),
            }),
            form: self.fields(&source.form.0),
            id,
        }
    }
}
