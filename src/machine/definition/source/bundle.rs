//! `bundle.yaml` and `forms/*.yaml` as written. Must not know machines.

use schemars::JsonSchema;
use serde::Deserialize;

use super::machine::{KindSource, ReadersSource};
use super::shapes::{Entries, Literal, Located, OneOrMany, Word};

/// What belongs together: machines, documents, mails and roles of one kind of trade.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleSource {
    /// Version of the language: 1.
    pub language: Located<u32>,
    /// Identifier of the bundle, such as `asset-sale`.
    pub name: Word,
    pub version: Word,
    pub title: String,
    /// `Asia/Shanghai`.
    pub timezone: Option<Word>,
    /// Calendar that counts working days.
    pub calendar: Option<Word>,
    /// The machine a trade begins with.
    pub root: Word,
    pub machines: Vec<Word>,
    #[serde(default)]
    pub roles: Entries<Located<RoleSource>>,
    #[serde(default)]
    pub defaults: DefaultsSource,
    #[serde(default)]
    pub documents: Entries<DocumentSource>,
    /// Code to the sentence a person is told.
    #[serde(default)]
    pub refusals: Entries<Located<String>>,
    /// Kinds of money movement.
    #[serde(default)]
    pub ledger: Entries<MovementSource>,
    #[serde(default)]
    pub hooks: Entries<HookSource>,
    /// What sessions take: how many may be under way at once.
    #[serde(default)]
    pub capacities: Entries<CapacitySource>,
}

/// Something of which only so many sessions may be under way at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacitySource {
    pub title: Option<String>,
    /// How many sessions may be under way at once, until the centre sets another number.
    pub limit: Located<u32>,
}

/// A role, by exactly one relation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleSource {
    pub title: Option<String>,
    /// A post at an organisation (`of`), or at the centre without `of`.
    pub post: Option<Word>,
    /// `listing.transferor`: the field that names the organisation.
    pub of: Option<Word>,
    /// `complete`: any account with a complete profile.
    pub account: Option<Word>,
    /// `self`, or machines: who started one of them.
    pub owner: Option<OneOrMany<Word>>,
    /// `listing.winner`: the field that holds the key of the instance.
    pub key: Option<Word>,
    /// An outside system.
    pub service: Option<Word>,
}

/// What holds where nothing else is said.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsSource {
    #[serde(default)]
    pub todo: TodoDefaults,
}

/// What to-dos have that say nothing themselves.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TodoDefaults {
    pub mail: Option<Word>,
    #[serde(default)]
    pub remind: Vec<Located<ReminderSource>>,
    #[serde(default)]
    pub escalate: Vec<Located<ReminderSource>>,
    pub act: Option<Vec<Word>>,
    /// `claim`: every to-do for people who hold a post may be claimed from its mail, but where it asks for a signature.
    #[serde(default)]
    pub mailable: OneOrMany<Word>,
    /// Who may take a to-do from somebody who has claimed it.
    #[serde(default)]
    pub reassign: OneOrMany<Word>,
    /// What people see of an outcome that has no title of its own.
    #[serde(default)]
    pub titles: Entries<String>,
}

/// A mail before (`remind`) or after (`escalate`) the due date.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReminderSource {
    pub before: Option<Word>,
    pub after: Option<Word>,
    pub mail: Word,
    #[serde(default, rename = "alsoTo")]
    pub also_to: OneOrMany<Word>,
}

/// A document, rendered from the template of its name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentSource {
    pub title: Option<String>,
    pub number: Option<Word>,
    #[serde(default)]
    pub once: bool,
    #[serde(default)]
    pub read: ReadersSource,
}

/// A kind of money movement: from which account to which.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovementSource {
    pub title: Option<String>,
    pub from: Word,
    pub to: Word,
}

/// A signed message of an outside system, and the instance that it becomes an event of.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookSource {
    pub title: Option<String>,
    pub service: Word,
    pub machine: Word,
    pub field: Word,
    pub by: Word,
    pub event: Word,
    pub payer: Option<Word>,
    pub unmatched: Option<Word>,
}

/// `forms/*.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormSource {
    #[serde(default)]
    pub title: Option<String>,
    pub fields: Vec<FormFieldSource>,
}

/// One field of a form.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormFieldSource {
    pub name: Word,
    pub title: Option<String>,
    #[serde(rename = "type")]
    pub kind: Located<KindSource>,
    #[serde(default)]
    pub required: bool,
    /// `{category: [实物资产]}`: only where that field has one of these values.
    pub only_if: Option<Entries<Located<OneOrMany<Literal>>>>,
}
