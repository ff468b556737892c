//! States, transitions and timers, as SCXML has them. Must not say what comes of them: `step` does.

use std::collections::BTreeSet;

use super::{Action, Expression, Invoke, Name, TodoDefinition};
use crate::machine::period::Period;

/// Index of a state within `Machine::states`. States stand in document order, the machine itself is state 0.
pub type StateIndex = usize;

/// A state with all that happens in it; the machine itself is the outermost one.
#[derive(Debug)]
pub struct State {
    pub index: StateIndex,
    /// Full path from below the machine, such as `trade.course.registration.first`; empty for the machine.
    pub path: Name,
    /// The last part of the path.
    pub name: Name,
    pub title: String,
    /// `None` for the machine itself.
    pub parent: Option<StateIndex>,
    /// In document order.
    pub children: Vec<StateIndex>,
    pub kind: StateKind,
    /// What other machines count and readers depend on.
    pub tags: Vec<Name>,
    /// Done when it is entered, after its timers are armed and its to-do is there.
    pub entry: Vec<Action>,
    /// Done when it is left.
    pub exit: Vec<Action>,
    /// `on`, timers' `then`, to-do outcomes and `always`, in document order.
    pub transitions: Vec<Transition>,
    /// Armed when it is entered, cancelled when it is left.
    pub timers: Vec<TimerDefinition>,
    /// What somebody has to do while it is active.
    pub todo: Option<TodoDefinition>,
    /// Children that are started when it is entered and end when it is left.
    pub invoke: Vec<Invoke>,
    /// The region that stands still while this state is active.
    pub freezes: Option<StateIndex>,
    /// Events that reach the region all the same.
    pub let_through: BTreeSet<Name>,
    /// For final states: what is handed to the parent.
    pub output: Vec<(Name, Expression)>,
}

/// What a state is made of.
#[derive(Debug)]
pub enum StateKind {
    /// Without states of its own.
    Atomic,
    /// With its initial transition: targets and actions.
    Compound {
        initial: Vec<StateIndex>,
        actions: Vec<Action>,
    },
    /// All of its states, the regions, are active at once.
    Parallel,
    /// What is above it is done.
    Final,
    /// Leads to where its parent was left the last time.
    History {
        /// To the innermost states, not only to the parent's own.
        deep: bool,
        /// Where to the first time.
        fallback: Vec<StateIndex>,
        actions: Vec<Action>,
    },
}

/// What an event makes of a state. Of those that a state has for an event, the first whose guard holds is taken.
#[derive(Debug)]
pub struct Transition {
    pub trigger: Trigger,
    /// Yields whether it is taken; `None`: always.
    pub guard: Option<Expression>,
    /// Empty: no state is left.
    pub targets: Vec<StateIndex>,
    /// External in SCXML's sense: the source state is left and entered again.
    pub reenter: bool,
    /// Done between leaving and entering.
    pub actions: Vec<Action>,
    /// Answers the sender with this refusal instead of being taken.
    pub reject: Option<Reject>,
    /// Fields the outcome must carry beside the to-do's own form.
    pub form: Vec<Name>,
    /// Stable identity for coverage: `{path}/{trigger}/{n}`.
    pub id: Name,
}

/// What a transition waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An event by name.
    Event(Name),
    /// All events that begin so; `deposit.*` in the source.
    Prefix(Name),
    /// Any event; `*` in the source.
    Any,
    /// No event: taken as soon as its guard holds.
    Always,
}

/// A refusal that a definition gives.
#[derive(Debug)]
pub struct Reject {
    /// Declared in the bundle's `refusals`.
    pub code: Name,
    /// Values told to the sender.
    pub tell: Vec<(Name, Expression)>,
}

/// A timer of a state. It fires as the event `timer.{name}`.
#[derive(Debug)]
pub struct TimerDefinition {
    pub name: Name,
    pub when: Schedule,
    /// Another start than now.
    pub from: Option<Expression>,
    /// Yields a duration: only outages within so much of its end are told when it fires.
    pub watch: Option<Expression>,
}

/// When something is due.
#[derive(Debug)]
pub enum Schedule {
    /// A fixed length from the start.
    After(Period),
    /// Yields a duration (milliseconds) or a period (text such as `7 workdays`).
    AfterValue(Expression),
    /// Yields a time; null or past means at once.
    Until(Expression),
}
