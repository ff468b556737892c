//! States, transitions, timers and to-dos as written. Must not know what they compile to.

use schemars::JsonSchema;
use serde::Deserialize;

use super::action::ActionSource;
use super::bundle::ReminderSource;
use super::shapes::{Either, Entries, Located, OneOrMany, Scalar, Short, Word};

/// A state with its transitions, timers, to-do and inner states.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateSource {
    pub title: Option<String>,
    /// `final`, `parallel` or `history`; without it the state is atomic, or compound where it has states.
    #[serde(rename = "type")]
    pub kind: Option<Word>,
    #[serde(default)]
    pub tags: OneOrMany<Word>,
    pub initial: Option<Either<InitialSource>>,
    #[serde(default)]
    pub states: Entries<Located<StateSource>>,
    #[serde(default)]
    pub entry: Vec<Located<ActionSource>>,
    #[serde(default)]
    pub exit: Vec<Located<ActionSource>>,
    /// Event to transitions; a list of such maps where the order of equal events matters.
    #[serde(default)]
    pub on: OneOrMany<Entries<TransitionsSource>>,
    #[serde(default)]
    pub always: TransitionsSource,
    #[serde(default)]
    pub timers: Entries<Located<TimerSource>>,
    pub todo: Option<Located<TodoSource>>,
    #[serde(default)]
    pub invoke: OneOrMany<Located<InvokeSource>>,
    /// The sibling region that stands still while this state is active.
    pub freezes: Option<Word>,
    #[serde(default, rename = "letThrough")]
    pub let_through: OneOrMany<Word>,
    /// For final states: what the parent is told.
    #[serde(default)]
    pub output: Entries<Located<Scalar>>,
    /// For history states: `shallow` (as without it) or `deep`.
    pub history: Option<Word>,
    /// For history states: where to go when nothing is remembered.
    #[serde(default)]
    pub target: OneOrMany<Word>,
    /// For history states: done on the way to the default target.
    #[serde(default)]
    pub actions: Vec<Located<ActionSource>>,
}

/// Where a compound state begins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitialSource {
    pub target: OneOrMany<Word>,
    #[serde(default)]
    pub actions: Vec<Located<ActionSource>>,
}

impl Short for InitialSource {
    type Full = Self;

    fn from_full(full: Self) -> Self {
        full
    }

    fn from_word(word: Word) -> Self {
        Self {
            target: OneOrMany(vec![word]),
            actions: Vec::new(),
        }
    }
}

/// One transition or a list of them, tried in their order.
pub type TransitionsSource = OneOrMany<Located<Either<TransitionSource>>>;

/// A transition; a word alone is its target.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitionSource {
    pub title: Option<String>,
    pub guard: Option<Located<Scalar>>,
    #[serde(default)]
    pub target: OneOrMany<Word>,
    #[serde(default)]
    pub actions: Vec<Located<ActionSource>>,
    /// The state is left and entered again.
    #[serde(default)]
    pub reenter: bool,
    /// The refusal code the sender is answered with.
    pub reject: Option<Word>,
    #[serde(default)]
    pub tell: Entries<Located<Scalar>>,
    /// Fields this outcome asks for beside the to-do's own.
    #[serde(default)]
    pub form: OneOrMany<Word>,
}

impl Short for TransitionSource {
    type Full = Self;

    fn from_full(full: Self) -> Self {
        full
    }

    fn from_word(word: Word) -> Self {
        Self {
            target: OneOrMany(vec![word]),
            ..Self::default()
        }
    }
}

/// A timer, armed when its state is entered; `after` or `until` says when it is due.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimerSource {
    pub title: Option<String>,
    /// `4 minutes`, `7 workdays`, or an expression that gives a duration or a period.
    pub after: Option<Located<Scalar>>,
    /// An expression that gives a time; past or absent means at once.
    pub until: Option<Located<Scalar>>,
    /// An expression for another start than now.
    pub from: Option<Located<Scalar>>,
    /// How much of its end is looked at for outages; without it all of its time.
    pub watch: Option<Located<Scalar>>,
    pub then: Option<TransitionsSource>,
}

/// What somebody has to do while the state is active.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TodoSource {
    pub title: Option<String>,
    #[serde(rename = "for")]
    pub roles: OneOrMany<Word>,
    #[serde(default)]
    pub form: OneOrMany<Word>,
    #[serde(default)]
    pub pages: Vec<PageSource>,
    #[serde(default)]
    pub show: OneOrMany<Word>,
    /// The document whose digest is acknowledged, or which is sealed.
    pub sign: Option<Word>,
    /// `digest` (as without it), or `required`: the document must carry the person's electronic seal.
    pub seal: Option<Word>,
    /// The seal stands across the edges of all pages as well.
    #[serde(default, rename = "crossPage")]
    pub cross_page: bool,
    pub due: Option<Either<DueSource>>,
    pub outcomes: Entries<TransitionsSource>,
    /// `any` (as without it), or `all`: every role must answer.
    pub completion: Option<Word>,
    /// States whose to-do must have been done by somebody else.
    #[serde(default, rename = "notBy")]
    pub not_by: OneOrMany<Word>,
    pub act: Option<Vec<Word>>,
    /// Acts and outcomes that may be done from a mail's link.
    pub mailable: Option<OneOrMany<Word>>,
    /// Who may take it from somebody who has claimed it, and give it back to all or to another.
    pub reassign: Option<OneOrMany<Word>>,
    pub mail: Option<Word>,
    pub remind: Option<Vec<Located<ReminderSource>>>,
    pub escalate: Option<Vec<Located<ReminderSource>>>,
}

/// A page of a to-do's form.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageSource {
    pub title: Option<String>,
    #[serde(default)]
    pub form: OneOrMany<Word>,
    #[serde(rename = "if")]
    pub condition: Option<Located<Scalar>>,
}

/// When something is due: a period, or `{until: …}`.
#[derive(Clone, Debug)]
pub enum DueSource {
    After(Word),
    Until(Located<Scalar>),
}

/// A due time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DueMap {
    pub until: Located<Scalar>,
}

impl Short for DueSource {
    type Full = DueMap;

    fn from_full(full: DueMap) -> Self {
        Self::Until(full.until)
    }

    fn from_word(word: Word) -> Self {
        Self::After(word)
    }
}

/// A child that is started with the state and ends with it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvokeSource {
    pub machine: Word,
    #[serde(default)]
    pub copy: OneOrMany<Word>,
    #[serde(default)]
    pub with: Entries<Located<Scalar>>,
}
