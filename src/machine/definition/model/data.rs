//! What instances hold and what may be sent to them: fields, their types, events. Must not hold values of a running trade.

use std::collections::BTreeSet;

use super::{Expression, Name, Readers};
use crate::machine::value::Value;

/// One piece of data that each instance of a machine has.
#[derive(Debug)]
pub struct Field {
    pub name: Name,
    /// What people see it called.
    pub title: String,
    pub kind: Type,
    /// Labels of an enumeration's options, in their order.
    pub labels: Vec<String>,
    /// May stay null in a form that asks for it.
    pub optional: bool,
    /// What it holds from the instance's start.
    pub default: Option<Value>,
    /// Computed when read instead of stored.
    pub computed: Option<Expression>,
    /// `None`: the machine's readers.
    pub readers: Option<Readers>,
    /// Shown and filtered in lists.
    pub listed: bool,
}

impl Field {
    /// True for what nobody may read, not even who runs the platform: a secret price, a limit, a sealed offer.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.readers.as_ref().is_some_and(|readers| readers.roles.is_empty())
    }
}

/// The types an admin may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Integer fen.
    Money,
    /// A whole number of 64 bits.
    Int,
    /// True or false.
    Bool,
    /// One line, at most 1,000 characters.
    Text,
    /// Several paragraphs, at most 100,000 characters.
    Rich,
    /// Milliseconds since 1970 UTC.
    Time,
    /// Milliseconds.
    Duration,
    /// Written as `7 workdays` or `4 minutes`; kept as text.
    Period,
    /// Id of an uploaded file.
    File,
    /// Ids of uploaded files.
    Files,
    /// Key of an instance of the machine.
    Key(Name),
    /// Code of an organisation.
    Organisation,
    /// Id of a party.
    Party,
    /// One of these options.
    Enumeration(Vec<Name>),
    /// Rows of named, typed columns.
    List { columns: Vec<(Name, Type)>, max: usize },
    /// Named, typed entries that a category or a form schema declares.
    Form(Vec<FormField>),
}

/// One entry of a form, which stands in a schema of its own (`forms/name.yaml`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    pub name: Name,
    pub title: String,
    pub kind: Type,
    /// Must be filled in before the form can be handed in.
    pub required: bool,
    /// Only where another field of the machine has one of these values: `(field, values)`.
    pub only_if: Option<(Name, Vec<Value>)>,
}

/// What people and outside systems may send.
#[derive(Debug)]
pub struct EventDefinition {
    pub name: Name,
    pub title: String,
    /// Roles that may send it.
    pub from: Vec<Name>,
    /// Who holds one of these is refused, whatever else they hold.
    pub not_from: Vec<Name>,
    /// What it carries, in document order.
    pub payload: Vec<(Name, Type)>,
    /// Optional payload fields; absent ones enter as null.
    pub optional: BTreeSet<Name>,
    /// Payload fields that the record does not show, and nobody reads before the end.
    pub concealed: BTreeSet<Name>,
    /// Fields of the machine that the event carries and that are assigned when it is taken.
    pub form: Vec<Name>,
    /// Starts a child of this machine instead of a transition.
    pub starts: Option<Name>,
    /// Only while this tag is active on the instance.
    pub while_tag: Option<Name>,
    /// Refusal code where no state takes the event.
    pub otherwise: Option<Name>,
    /// Refusals get a history entry.
    pub keep_refusals: bool,
    /// The sibling's machine whose deadlines the event has to come before, where they are not the instance's own.
    pub late_for: Option<Name>,
    /// A message whose value was seen before is answered as done and changes nothing.
    pub once: Option<Expression>,
    /// For `start`: conditions over the data that the instance would begin with, and the refusal where one holds.
    pub refuse: Vec<(Expression, Name)>,
}

/// The field of an event that says whether its sender signed it: `event.signed`.
pub const SIGNED: &str = "signed";

/// What stands beside the payload of a signed event, so that no event may carry a field of this name.
pub const SIGNATURE: &str = "signature";
