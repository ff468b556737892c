//! Actions as written: each is a map with one key, the action's name. Must not know what they do.

use schemars::JsonSchema;
use serde::Deserialize;

use super::shapes::{Either, Entries, Literal, Located, OneOrMany, Scalar, Short, Word};

/// One action. Exactly one of the keys stands in it (`if` with its `then` and `else` counts as one).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionSource {
    pub assign: Option<Entries<Located<Scalar>>>,
    pub set: Option<Entries<Located<Literal>>>,
    pub raise: Option<Either<RaiseSource>>,
    pub send: Option<SendSource>,
    pub cancel: Option<Word>,
    #[serde(rename = "if")]
    pub condition: Option<Located<Scalar>>,
    pub then: Option<Vec<Located<ActionSource>>>,
    #[serde(default, rename = "elseIf")]
    pub else_if: Vec<BranchSource>,
    #[serde(rename = "else")]
    pub otherwise: Option<Vec<Located<ActionSource>>>,
    pub document: Option<Word>,
    pub notify: Option<NotifySource>,
    pub webhook: Option<WebhookSource>,
    pub publish: Option<Entries<Located<Scalar>>>,
    pub record: Option<Entries<Entries<Located<Scalar>>>>,
    pub ledger: Option<Entries<Located<Scalar>>>,
    pub reset: Option<Either<ResetSource>>,
    pub relist: Option<RelistSource>,
    pub log: Option<Located<Scalar>>,
}

/// A further branch of `if`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchSource {
    #[serde(rename = "if")]
    pub condition: Located<Scalar>,
    pub then: Vec<Located<ActionSource>>,
}

/// An event to the instance itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RaiseSource {
    pub event: Word,
    #[serde(default)]
    pub data: Entries<Located<Scalar>>,
}

impl Short for RaiseSource {
    type Full = Self;

    fn from_full(full: Self) -> Self {
        full
    }

    fn from_word(event: Word) -> Self {
        Self {
            event,
            data: Entries::default(),
        }
    }
}

/// A timer's name alone: at its full length again. With `after`, at this length from now.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetSource {
    pub timer: Word,
    pub after: Option<Located<Scalar>>,
}

impl Short for ResetSource {
    type Full = Self;

    fn from_full(full: Self) -> Self {
        full
    }

    fn from_word(timer: Word) -> Self {
        Self { timer, after: None }
    }
}

/// An event to other instances of the trade.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendSource {
    /// `self`, `parent`, `root`, a machine, or `siblings.machine`.
    pub to: Word,
    /// Only to the instance with this key.
    pub key: Option<Located<Scalar>>,
    pub event: Word,
    #[serde(default)]
    pub data: Entries<Located<Scalar>>,
    /// Delivered later.
    pub after: Option<Located<Scalar>>,
    /// By which `cancel` finds it.
    pub id: Option<Word>,
}

/// A mail to who holds one of the roles.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifySource {
    pub to: OneOrMany<Word>,
    pub mail: Word,
}

/// A message to an outside system that the configuration names.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSource {
    pub hook: Word,
    #[serde(default)]
    pub data: Entries<Located<Scalar>>,
}

/// Another trade that is opened with fields of this instance.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelistSource {
    #[serde(default)]
    pub copy: OneOrMany<Word>,
    #[serde(default)]
    pub with: Entries<Located<Scalar>>,
}
