//! The compiled form of a bundle: what `step` interprets. Built only by `compile`, immutable afterwards.
//! Must not hold anything of a running trade.

mod publishing;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use super::super::expression::Expression;
use super::super::period::Period;
use super::super::trade::BundleRef;
use super::super::value::{Name, Value};
pub use sessions::{Capacity, SessionDefinition};

/// Index of a state within `Machine::states`. States stand in document order, the machine itself is state 0.
pub type StateIndex = usize;

/// All machines, documents, mails and roles of one kind of trade, published and pinned together.
#[derive(Debug)]
pub struct Bundle {
    pub reference: BundleRef,
    pub title: String,
    /// Name of the calendar that counts working days.
    pub calendar: Name,
    /// Offset of local time from UTC in milliseconds; China has had one zone without summer time since 1991.
    pub utc_offset_millis: i64,
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
    pub service: Name,
    /// The instance is the one of this machine whose listed field equals the message's value of `by`.
    pub machine: Name,
    pub field: Name,
    pub by: Name,
    pub event: Name,
    /// Message field with the payer's name; compared with the name of the instance's owner, it gives `payer_matches`.
    pub payer: Option<Name>,
    /// Root machine that is opened with the message where no instance is found.
    pub unmatched: Option<Name>,
}

/// A kind of movement in the double-entry ledger.
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// While, or once, any of these tags is active: own tags bare, another machine's as `machine.tag`.
    Tagged(Vec<(Option<Name>, Name)>),
}

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
    pub data: Vec<Field>,
    pub events: BTreeMap<Name, EventDefinition>,
    /// Checked after every step; a violation rolls it back.
    pub invariants: Vec<(Name, Expression)>,
    pub states: Vec<State>,
    pub by_path: BTreeMap<Name, StateIndex>,
}

#[derive(Debug)]
pub struct Field {
    pub name: Name,
    pub title: String,
    pub kind: Type,
    /// Labels of an enumeration's options, in their order.
    pub labels: Vec<String>,
    pub optional: bool,
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
    Int,
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
    Files,
    /// Key of an instance of the machine.
    Key(Name),
    /// Code of an organisation.
    Organisation,
    /// Id of a party.
    Party,
    Enumeration(Vec<Name>),
    /// Rows of named, typed columns.
    List {
        columns: Vec<(Name, Type)>,
        max: usize,
    },
    /// Named, typed entries that a category or a form schema declares.
    Form(Vec<FormField>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    pub name: Name,
    pub title: String,
    pub kind: Type,
    pub required: bool,
    /// Only where another field of the machine has one of these values: `(field, values)`.
    pub only_if: Option<(Name, Vec<Value>)>,
}

/// What people and outside systems may send.
#[derive(Debug)]
pub struct EventDefinition {
    pub name: Name,
    pub title: String,
    pub from: Vec<Name>,
    /// Who holds one of these is refused, whatever else they hold.
    pub not_from: Vec<Name>,
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
    /// A message whose value was seen before is answered as done and changes nothing.
    pub once: Option<Expression>,
    /// For `start`: conditions over the data that the instance would begin with, and the refusal where one holds.
    pub refuse: Vec<(Expression, Name)>,
}

#[derive(Debug)]
pub struct State {
    pub index: StateIndex,
    /// Full path from below the machine, such as `trade.course.registration.first`; empty for the machine.
    pub path: Name,
    pub name: Name,
    pub title: String,
    pub parent: Option<StateIndex>,
    pub children: Vec<StateIndex>,
    pub kind: StateKind,
    pub tags: Vec<Name>,
    pub entry: Vec<Action>,
    pub exit: Vec<Action>,
    /// `on`, timers' `then`, to-do outcomes and `always`, in document order.
    pub transitions: Vec<Transition>,
    pub timers: Vec<TimerDefinition>,
    pub todo: Option<TodoDefinition>,
    pub invoke: Vec<Invoke>,
    /// The region that stands still while this state is active.
    pub freezes: Option<StateIndex>,
    pub let_through: BTreeSet<Name>,
    /// For final states: what is handed to the parent.
    pub output: Vec<(Name, Expression)>,
}

#[derive(Debug)]
pub enum StateKind {
    Atomic,
    /// With its initial transition: targets and actions.
    Compound {
        initial: Vec<StateIndex>,
        actions: Vec<Action>,
    },
    Parallel,
    Final,
    History {
        deep: bool,
        fallback: Vec<StateIndex>,
        actions: Vec<Action>,
    },
}

#[derive(Debug)]
pub struct Transition {
    pub trigger: Trigger,
    pub guard: Option<Expression>,
    /// Empty: no state is left.
    pub targets: Vec<StateIndex>,
    /// External in SCXML's sense: the source state is left and entered again.
    pub reenter: bool,
    pub actions: Vec<Action>,
    /// Answers the sender with this refusal instead of being taken.
    pub reject: Option<Reject>,
    /// Fields the outcome must carry beside the to-do's own form.
    pub form: Vec<Name>,
    /// Stable identity for coverage: `{path}/{trigger}/{n}`.
    pub id: Name,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An event by name. A trailing `.*` in the source matches by prefix and is kept as `Prefix`.
    Event(Name),
    Prefix(Name),
    Any,
    /// No event: taken as soon as its guard holds.
    Always,
}

#[derive(Debug)]
pub struct Reject {
    pub code: Name,
    /// Values told to the sender.
    pub tell: Vec<(Name, Expression)>,
}

#[derive(Debug)]
pub struct TimerDefinition {
    pub name: Name,
    pub when: Schedule,
    /// Another start than now.
    pub from: Option<Expression>,
    /// Yields a duration: only outages within so much of its end are told when it fires.
    pub watch: Option<Expression>,
}

#[derive(Debug)]
pub enum Schedule {
    After(Period),
    /// Yields a duration (milliseconds) or a period (text such as `7 workdays`).
    AfterValue(Expression),
    /// Yields a time; null or past means at once.
    Until(Expression),
}

/// What it takes to sign a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sealing {
    /// The person names the digest of what they saw.
    #[default]
    Digest,
    /// The document carries their electronic seal.
    Required,
}

/// The field of an event that says whether its sender signed it: `event.signed`.
pub const SIGNED: &str = "signed";

/// What stands beside the payload of a signed event, so that no event may carry a field of this name.
pub const SIGNATURE: &str = "signature";

#[derive(Debug)]
pub struct TodoDefinition {
    /// The state's own name; outcomes are events `todo.{name}.{outcome}`.
    pub name: Name,
    pub title: String,
    pub roles: Vec<Name>,
    /// Fields to fill in, in order, in pages (one page without a title where the source has `form`).
    pub pages: Vec<Page>,
    pub show: Vec<Name>,
    /// Document whose digest the completing person acknowledges, or which they seal.
    pub sign: Option<Name>,
    pub seal: Sealing,
    /// A part of the seal stands on the edge of each page as well (骑缝章).
    pub cross_page: bool,
    pub due: Option<Schedule>,
    pub outcomes: Vec<Name>,
    /// What people see of the outcomes; one without a title is seen by its name.
    pub titles: BTreeMap<Name, String>,
    /// Outcome `overdue` exists: the due date is a timer named `todo.{name}` that raises it.
    pub legal_due: bool,
    /// Every role must answer before the outcome is raised.
    pub all: bool,
    /// States whose to-do must have been done by somebody else.
    pub not_by: Vec<Name>,
    pub acts: BTreeSet<Name>,
    /// Roles that may release or hand on what somebody else has claimed.
    pub reassign: Vec<Name>,
    /// Acts and outcomes that may be done from a mail's link.
    pub mailable: BTreeSet<Name>,
    pub mail: Name,
    pub remind: Vec<Reminder>,
    pub escalate: Vec<Reminder>,
}

#[derive(Debug)]
pub struct Page {
    pub title: String,
    pub fields: Vec<Name>,
    pub condition: Option<Expression>,
}

#[derive(Clone, Debug)]
pub struct Reminder {
    /// Before (`remind`) or after (`escalate`) the due time.
    pub period: Period,
    pub mail: Name,
    pub also_to: Vec<Name>,
}

#[derive(Debug)]
pub struct Invoke {
    pub machine: Name,
    /// Fields copied from the parent by the same name.
    pub copy: Vec<Name>,
    pub with: Vec<(Name, Expression)>,
}

#[derive(Debug)]
pub enum Action {
    /// One after the other; a later expression sees an earlier assignment.
    Assign(Vec<(Name, Expression)>),
    Set(Vec<(Name, Value)>),
    /// Internal event to this instance, before any outside event.
    Raise {
        event: Name,
        data: Vec<(Name, Expression)>,
    },
    Send {
        to: Address,
        event: Name,
        data: Vec<(Name, Expression)>,
        after: Option<Schedule>,
        id: Option<Name>,
    },
    /// Cancels a delayed `send` by its id.
    Cancel(Name),
    /// The first branch whose condition holds; `None` is `else`.
    If(Vec<(Option<Expression>, Vec<Action>)>),
    Document(Name),
    Notify {
        to: Vec<Name>,
        mail: Name,
    },
    Webhook {
        hook: Name,
        data: Vec<(Name, Expression)>,
    },
    /// To the live stream.
    Publish(Vec<(Name, Expression)>),
    /// To the instance's public record.
    Record {
        kind: Name,
        data: Vec<(Name, Expression)>,
    },
    Ledger {
        movements: Vec<(Name, Expression)>,
        reference: Option<Expression>,
    },
    /// Restarts a timer from the acceptance of the event: at its own length, or at another.
    Reset {
        timer: Name,
        after: Option<Schedule>,
    },
    /// Opens another trade of the same bundle with these data, after commit.
    Relist {
        copy: Vec<Name>,
        with: Vec<(Name, Expression)>,
    },
    Log(Expression),
}

#[derive(Debug)]
pub enum Address {
    Own,
    Parent,
    Root,
    /// All others with the same parent, or the one with the key.
    Siblings(Option<Expression>),
    /// All living instances of the machine in this trade, or the one with the key.
    Machine {
        machine: Name,
        key: Option<Expression>,
    },
}

impl TodoDefinition {
    /// What people see of an act or outcome.
    #[must_use]
    pub fn act_title<'a>(&'a self, act: &'a str) -> &'a str {
        match (self.titles.get(act), act) {
            (Some(title), _) => title,
            (None, "claim") => "认领",
            (None, name) => name,
        }
    }
}

impl Machine {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.data.iter().find(|field| &*field.name == name)
    }

    /// The index of a state by its full path.
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
