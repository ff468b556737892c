//! The states of one machine: their kinds, and what the names of states mean. Must not compile transitions, timers or actions.

use super::super::diagnostic::suggestion;
use super::super::model::{State, StateIndex, StateKind};
use super::super::source::shapes::{Entries, Located, OneOrMany, Scalar, Word};
use super::machine::Compiler;
use super::scope::Event;
use super::skeleton::Skeleton;
use crate::machine::expression::{Expression, Kind};
use crate::machine::value::Name;

/// Compiles all states in their order.
pub fn compile(compiler: &mut Compiler<'_>) -> Vec<State> {
    let outline = compiler.outline;
    outline.states.iter().map(|state| compiler.state(state)).collect()
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
