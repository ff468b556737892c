//! States and transitions of one machine. Timers' `then`, to-do outcomes, `on` and `always` all become transitions with stable ids.
//! Must not compile actions: `actions` does.

use std::collections::BTreeMap;

use super::super::diagnostic::suggestion;
use super::super::model::{
    Invoke, Reject, Schedule, State, StateIndex, StateKind, TimerDefinition, Transition, Trigger,
};
use super::super::source::shapes::{Entries, Located, OneOrMany, Scalar, Word};
use super::super::source::state::{TimerSource, TransitionSource, TransitionsSource};
use super::events::{carried, timer, trigger};
use super::machine::Compiler;
use super::readers;
use super::scope::Event;
use super::skeleton::Skeleton;
use crate::machine::expression::{Expression, Kind};
use crate::machine::value::Name;

/// Compiles all states in their order.
pub fn compile(compiler: &mut Compiler<'_>) -> Vec<State> {
    let outline = compiler.outline;
    outline.states.iter().map(|state| compiler.state(state)).collect()
}

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
    fn state(&mut self, skeleton: &Skeleton) -> State {
        let source = &skeleton.source;
        let todo = source.todo.as_ref().map(|todo| self.todo(skeleton, todo));
        State {
            index: skeleton.index,
            path: skeleton.path.clone(),
            name: skeleton.name.clone(),
            title: source.title.clone().unwrap_or_else(|| skeleton.name.to_string()),
            parent: skeleton.parent,
            children: skeleton.children.clone(),
            kind: self.kind(skeleton),
            tags: source.tags.0.iter().map(|tag| tag.value.as_str().into()).collect(),
            entry: self.actions(&source.entry, &Event::None),
            exit: self.actions(&source.exit, &Event::None),
            transitions: self.transitions(skeleton),
            timers: source
                .timers
                .iter()
                .filter_map(|(name, timer)| self.timer(name, timer))
                .collect(),
            todo,
            invoke: source
                .invoke
                .0
                .iter()
                .filter_map(|invoke| self.invoke(invoke))
                .collect(),
            freezes: source.freezes.as_ref().and_then(|word| self.region(skeleton, word)),
            let_through: source
                .let_through
                .0
                .iter()
                .map(|word| word.value.as_str().into())
                .collect(),
            output: self.expressions(&source.output, &Event::None),
        }
    }

    fn kind(&mut self, skeleton: &Skeleton) -> StateKind {
        let source = &skeleton.source;
        let has_children = !skeleton.children.is_empty();
        match source.kind.as_ref().map(|kind| (kind.value.as_str(), kind.at)) {
            None | Some(("atomic" | "compound", _)) if !has_children => StateKind::Atomic,
            None | Some(("compound", _)) => self.compound(skeleton),
            Some(("parallel", at)) => {
                if !has_children {
                    self.sink
                        .error("empty_parallel", at, "a parallel state has regions under `states`");
                }
                StateKind::Parallel
            }
            Some(("final", at)) => {
                if has_children || !skeleton.source.on.0.is_empty() || !skeleton.source.always.0.is_empty() {
                    self.sink
                        .error("final_goes_on", at, "a final state has no states and no transitions");
                }
                StateKind::Final
            }
            Some(("history", at)) => self.history(skeleton, at),
            Some((other, at)) => {
                let message = format!("`{other}` is not a type of state");
                let hint = suggestion(other, ["parallel", "final", "history", "atomic", "compound"]);
                self.sink.error_maybe("unknown_state_type", at, message, hint);
                StateKind::Atomic
            }
        }
    }

    fn compound(&mut self, skeleton: &Skeleton) -> StateKind {
        let Some(initial) = &skeleton.source.initial else {
            let first = skeleton
                .children
                .first()
                .and_then(|child| self.outline.states.get(*child));
            let hint = first.map_or_else(String::new, |state| format!("for example `initial: {}`", state.name));
            let whose = self.outline.describe(skeleton.index);
            self.sink.error_with(
                "missing_initial",
                skeleton.at,
                format!("{whose} has states and does not say where it begins"),
                hint,
            );
            return StateKind::Compound {
                initial: Vec::new(),
                actions: Vec::new(),
            };
        };
        let targets = initial.target.0.iter().filter_map(|word| {
            let target = self.outline.resolve_below(skeleton.index, &word.value);
            if target.is_none() {
                let names = skeleton
                    .children
                    .iter()
                    .filter_map(|child| self.outline.states.get(*child));
                let hint = suggestion(&word.value, names.map(|state| state.name.as_ref()));
                let message = format!(
                    "there is no state `{}` within {}",
                    word.value,
                    self.outline.describe(skeleton.index)
                );
                self.sink.error_maybe("unknown_target", word.at, message, hint);
            }
            target
        });
        StateKind::Compound {
            initial: targets.collect(),
            actions: self.actions(&initial.actions, &Event::None),
        }
    }

    fn history(&mut self, skeleton: &Skeleton, at: super::super::diagnostic::At) -> StateKind {
        let source = &skeleton.source;
        if skeleton.parent.is_none_or(|parent| parent == 0) || !skeleton.children.is_empty() {
            self.sink.error(
                "history_misplaced",
                at,
                "a history state stands within the state it remembers, and has no states itself",
            );
        }
        let deep = match source.history.as_ref().map(|word| (word.value.as_str(), word.at)) {
            None | Some(("shallow", _)) => false,
            Some(("deep", _)) => true,
            Some((other, at)) => {
                self.sink.error(
                    "wrong_value",
                    at,
                    format!("`history` is `shallow` or `deep`, not `{other}`"),
                );
                false
            }
        };
        if source.target.0.is_empty() {
            self.sink.error_with(
                "history_without_target",
                at,
                "a history state says where to go when nothing is remembered",
                "add `target: name_of_a_state`",
            );
        }
        StateKind::History {
            deep,
            fallback: self.targets(skeleton.index, &source.target),
            actions: self.actions(&source.actions, &Event::None),
        }
    }

    /// The states that words name, seen from a state.
    pub fn targets(&mut self, from: StateIndex, words: &OneOrMany<Word>) -> Vec<StateIndex> {
        words.0.iter().filter_map(|word| self.target(from, word)).collect()
    }

    fn target(&mut self, from: StateIndex, word: &Word) -> Option<StateIndex> {
        let target = self.outline.resolve(from, &word.value);
        if target.is_none() && !self.outline.full {
            let hint = match self.outline.resolve_anywhere(from, &word.value) {
                Some(far) => self
                    .outline
                    .states
                    .get(far)
                    .map(|state| format!("it stands within another state; write `{}`", state.path)),
                None => suggestion(&word.value, self.outline.visible(from)),
            };
            let message = format!(
                "there is no state `{}` to be seen from {}",
                word.value,
                self.outline.describe(from)
            );
            self.sink.error_maybe("unknown_target", word.at, message, hint);
        }
        target
    }

    fn region(&mut self, skeleton: &Skeleton, word: &Word) -> Option<StateIndex> {
        let target = self.target(skeleton.index, word)?;
        let parent = self
            .outline
            .states
            .get(target)?
            .parent
            .and_then(|parent| self.outline.states.get(parent))?;
        let in_parallel = parent.source.kind.as_ref().is_some_and(|kind| kind.value == "parallel");
        let holds_itself = target == skeleton.index || self.outline.is_below(skeleton.index, target);
        let beside = self.outline.is_below(skeleton.index, parent.index);
        if in_parallel && !holds_itself && beside {
            return Some(target);
        }
        self.sink.error_with(
            "freezes_no_region",
            word.at,
            format!("`{}` is not a region beside this state", word.value),
            "a state freezes another region of the parallel state it stands in",
        );
        None
    }

    fn transitions(&mut self, skeleton: &Skeleton) -> Vec<Transition> {
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

    fn timer(&mut self, name: &Word, source: &Located<TimerSource>) -> Option<TimerDefinition> {
        let when = match (&source.after, &source.until) {
            (Some(after), None) => self.after(after, &Event::None)?,
            (None, Some(until)) => Schedule::Until(self.expression(until, &Event::None, &Kind::Time)?),
            _ => {
                self.sink.error_with(
                    "timer_without_time",
                    name.at,
                    format!("the timer `{}` has exactly one of `after` and `until`", name.value),
                    "for example `after: 4 minutes` or `until: data.starts_at`",
                );
                return None;
            }
        };
        if let (Some(from), Schedule::Until(_)) = (&source.from, &when) {
            self.sink.error(
                "wrong_value",
                from.at,
                "`from` belongs to `after`; `until` is a time of its own",
            );
        }
        let from = source
            .from
            .as_ref()
            .and_then(|from| self.expression(from, &Event::None, &Kind::Time));
        Some(TimerDefinition {
            name: name.value.as_str().into(),
            when,
            from,
        })
    }

    /// `4 minutes`, the name of a field, or an expression that yields a duration or a period.
    pub fn after(&mut self, source: &Located<Scalar>, event: &Event) -> Option<Schedule> {
        let text = source.value.trim();
        if let Ok(period) = text.parse() {
            return Some(Schedule::After(period));
        }
        let expression = if self.own.field(text).is_some() {
            let scalar = Located {
                at: source.at,
                value: Scalar(format!("data.{text}")),
            };
            self.expression(&scalar, event, &Kind::Any)?
        } else {
            if looks_like_clock(text) {
                self.sink.error_with(
                    "not_a_period",
                    source.at,
                    format!("`{text}` is not a length of time"),
                    "a length of time is written `4 minutes`, `7 workdays`, `1 hour`",
                );
                return None;
            }
            self.expression(source, event, &Kind::Any)?
        };
        match expression.kind() {
            Kind::Duration | Kind::Period | Kind::Zero | Kind::Any => Some(Schedule::AfterValue(expression)),
            kind if kind.fits(&Kind::Period) => Some(Schedule::AfterValue(expression)),
            other => {
                self.sink.error_with(
                    "not_a_period",
                    source.at,
                    format!("a length of time is needed here, and this is {}", other.name()),
                    "write `4 minutes`, `7 workdays`, or a field of the type `duration` or `period`",
                );
                None
            }
        }
    }

    fn invoke(&mut self, source: &Located<super::super::source::state::InvokeSource>) -> Option<Invoke> {
        let machine = readers::known_machine(&source.machine, self.declared, &mut self.sink)?;
        let child = self.declared.machines.get(&machine)?;
        if child.child_of.as_ref() != Some(&self.own.name) {
            self.sink.error_with(
                "not_a_child",
                source.machine.at,
                format!("`{machine}` is not declared as a child of `{}`", self.own.name),
                format!("add `child_of: {}` to {machine}.yaml", self.own.name),
            );
        }
        let mut copy = Vec::new();
        for word in &source.copy.0 {
            let Some(name) = self.known_field(word) else { continue };
            match (self.own.field(&name), child.field(&name)) {
                (Some(mine), Some(theirs)) if mine.fits(theirs) => copy.push(name),
                (_, Some(theirs)) => {
                    let message = format!("`{name}` is {} in `{machine}`", theirs.name());
                    self.sink.error("type_mismatch", word.at, message);
                }
                (_, None) => {
                    let message = format!("`{machine}` has no field `{name}`");
                    self.sink.error("unknown_field", word.at, message);
                }
            }
        }
        let mut with = Vec::new();
        for (name, value) in &source.with {
            let Some(kind) = child.field(&name.value) else {
                let hint = suggestion(&name.value, child.fields.iter().map(|(name, _)| name.as_ref()));
                self.sink.error_maybe(
                    "unknown_field",
                    name.at,
                    format!("`{machine}` has no field `{}`", name.value),
                    hint,
                );
                continue;
            };
            if let Some(expression) = self.expression(value, &Event::None, kind) {
                with.push((Name::from(name.value.as_str()), expression));
            }
        }
        Some(Invoke { machine, copy, with })
    }

    /// Named expressions of any type.
    pub fn expressions(&mut self, source: &Entries<Located<Scalar>>, event: &Event) -> Vec<(Name, Expression)> {
        source
            .iter()
            .filter_map(|(name, value)| {
                Some((
                    Name::from(name.value.as_str()),
                    self.expression(value, event, &Kind::Any)?,
                ))
            })
            .collect()
    }
}

fn looks_like_clock(text: &str) -> bool {
    let mut words = text.split(' ');
    let begins_with_number = words.next().is_some_and(|word| {
        word.chars()
            .all(|character| character.is_ascii_digit() || character == ':')
    });
    begins_with_number && !text.contains(['(', '+', '*', '/'])
}
