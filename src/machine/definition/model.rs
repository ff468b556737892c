//! The compiled form of a bundle: what `step` interprets. Built only by `compile`, immutable afterwards. Here stand the bundle and its
//! machines; fields and events, states, to-dos, actions and sessions have files of their own. Must not hold anything of a running trade.

mod actions;
mod data;
mod publishing;
mod sessions;
mod states;
mod todos;

use std::collections::BTreeMap;

use super::super::expression::Expression;
use super::super::trade::BundleRef;
use super::super::value::Name;
pub use actions::{Action, Address, Invoke};
pub use data::{EventDefinition, Field, FormField, SIGNATURE, SIGNED, Type};
pub use sessions::{Capacity, SessionDefinition};
pub use states::{Reject, Schedule, State, StateIndex, StateKind, TimerDefinition, Transition, Trigger};
pub use todos::{Page, Reminder, Sealing, TodoDefinition};

/// All machines, documents, mails and roles of one kind of trade, published and pinned together.
#[derive(Debug)]
pub struct Bundle {
    /// Name, version and digest.
    pub reference: BundleRef,
    pub title: String,
    /// Name of the calendar that counts working days.
    pub calendar: Name,
    /// Offset of local time from UTC in milliseconds; China has had one zone without summer time since 1991.
    pub utc_offset_millis: i64,
    /// The machine that a trade begins with.
    pub root: Name,
    pub machines: BTreeMap<Name, Machine>,
    pub roles: BTreeMap<Name, Role>,
    pub documents: BTreeMap<Name, DocumentDefinition>,
    /// Refusal code to the sentence a person is told.
    pub refusals: BTreeMap<Name, String>,
    /// Kinds of ledger movement: name to the accounts it moves money between.
    pub movements: BTreeMap<Name, Movement>,
    /// Messages from outside systems that find their instance by a field.
    pub hooks: BTreeMap<Name, Hook>,
    /// What sessions take.
    pub capacities: BTreeMap<Name, Capacity>,
    /// All files of the bundle and its templates by path relative to the bundle or `templates/…`.
    pub files: BTreeMap<String, String>,
}

/// A signed message from an outside system (`POST /api/v1/hooks/{name}`) that becomes an event of the instance it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub title: String,
    /// The outside system that signs it.
    pub service: Name,
    /// The instance is the one of this machine whose listed field equals the message's value of `by`.
    pub machine: Name,
    pub field: Name,
    pub by: Name,
    /// What the instance is sent.
    pub event: Name,
    /// Message field with the payer's name; compared with the name of the instance's owner, it gives `payer_matches`.
    pub payer: Option<Name>,
    /// Root machine that is opened with the message where no instance is found.
    pub unmatched: Option<Name>,
}

/// A kind of movement in the double-entry ledger, from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub title: String,
    pub from: Name,
    pub to: Name,
}

/// A role is a relation, resolved when it is needed; a role never depends on state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub title: String,
    pub relation: Relation,
}

/// What makes somebody hold a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A post at the organisation named by a field of a machine (`of: listing.transferor`).
    PostAt { post: Name, machine: Name, field: Name },
    /// A post at the trading centre itself.
    PostAtCentre { post: Name },
    /// Any account whose profile is complete.
    AnyMember,
    /// The party that started this very instance.
    OwnerOfSelf,
    /// The party that started any instance of one of the machines in this trade.
    OwnerOf { machines: Vec<Name> },
    /// The party whose instance has the key held by a field (`key: listing.winner`).
    OwnerByKey {
        machine: Name,
        key_machine: Name,
        key_field: Name,
    },
    /// An outside system.
    Service { service: Name },
}

/// A document that machines may have rendered, from the template of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentDefinition {
    pub title: String,
    /// Pattern such as `湘西产交告〔{year}〕{seq:4}号`; absent for documents without a number. `{seq}` counts over all trades and
    /// so tells how many there are; what must not tell it is numbered by the instance's random `{key}`.
    pub number: Option<String>,
    pub readers: Readers,
    /// A second rendering is refused.
    pub once: bool,
}

/// Who may read something. Closed unless opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// Role to when it may read. `public` is the role of everybody.
    pub roles: BTreeMap<Name, When>,
}

/// When a role may read something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// As soon as it is there.
    Always,
    /// While, or once, any of these tags is active: own tags bare, another machine's as `machine.tag`.
    Tagged(Vec<(Option<Name>, Name)>),
}

/// One machine: its data, what may be sent to it, and the states it goes through.
#[derive(Debug)]
pub struct Machine {
    pub name: Name,
    pub title: String,
    /// Who starts instances; nobody: it may be opened as a trade.
    pub child_of: Vec<Name>,
    /// A party may have one instance of this machine per trade.
    pub one_per_owner: bool,
    /// Instances carry a random key (a plate number) under which others may know them.
    pub keyed: bool,
    /// Instances keep a hash-chained record; these may read it before the instance has ended, and whoever may see the instance
    /// afterwards.
    pub record: Option<Readers>,
    /// When instances take part of a capacity.
    pub session: Option<SessionDefinition>,
    /// Who may know that an instance exists. Empty: whoever may read the parent.
    pub visible: Readers,
    /// Who reads fields that say nothing themselves.
    pub read: Readers,
    /// In document order.
    pub data: Vec<Field>,
    pub events: BTreeMap<Name, EventDefinition>,
    /// Checked after every step; a violation rolls it back.
    pub invariants: Vec<(Name, Expression)>,
    /// In document order, the machine itself first.
    pub states: Vec<State>,
    /// Each state's index by its full path.
    pub by_path: BTreeMap<Name, StateIndex>,
}

impl Machine {
    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.data.iter().find(|field| &*field.name == name)
    }

    /// A state by its full path.
    pub fn state_at(&self, path: &str) -> Option<&State> {
        self.by_path.get(path).and_then(|index| self.states.get(*index))
    }

    /// The state and its ancestors, innermost first, the machine last.
    pub fn lineage(&self, index: StateIndex) -> impl Iterator<Item = &State> {
        std::iter::successors(self.states.get(index), |state| {
            state.parent.and_then(|parent| self.states.get(parent))
        })
    }
}
