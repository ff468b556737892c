//! The names an expression may read, and how a written chain such as `parent.data.deposit` becomes one of them.
//! Must not evaluate anything.

use super::super::value::Name;
use super::kind::Kind;

/// A name an expression may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `data.x`: a field of this instance.
    Data(Name),
    /// `event.x`: a field of the event's payload; `event.outage` and `event.late` (milliseconds) and
    /// `event.broken` are given to timers.
    Event(Name),
    /// `parent.data.x`.
    ParentData(Name),
    /// `parent.tags`.
    ParentTags,
    /// `root.data.x`; also written with the root machine's name, as `listing.data.x`.
    RootData(Name),
    /// `self.key`, `self.id`, `self.owner`.
    Own(Name),
    /// `sender.key`, `sender.tags`, `sender.owner`: the sender's own instance in this trade (or the instance that sent).
    Sender(Name),
    /// `sender.data.x`.
    SenderData(Name),
    /// `count.machine.tag`: living or finished instances of the machine that carry the tag.
    Count {
        machine: Name,
        tag: Name,
    },
    /// `only.machine.tag`: the key of the only such instance, null where there is not exactly one.
    Only {
        machine: Name,
        tag: Name,
    },
    /// `due.timer`: when a timer of this instance is due (time).
    Due(Name),
    /// `left.timer`: milliseconds left.
    Left(Name),
    Now,
    /// `tags`: own active tags.
    Tags,
    /// `active`: ids and paths of own active states, ancestors included.
    Active,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(name) => write!(f, "data.{name}"),
            Self::Event(name) => write!(f, "event.{name}"),
            Self::ParentData(name) => write!(f, "parent.data.{name}"),
            Self::ParentTags => f.write_str("parent.tags"),
            Self::RootData(name) => write!(f, "root.data.{name}"),
            Self::Own(name) => write!(f, "self.{name}"),
            Self::Sender(name) => write!(f, "sender.{name}"),
            Self::SenderData(name) => write!(f, "sender.data.{name}"),
            Self::Count { machine, tag } => write!(f, "count.{machine}.{tag}"),
            Self::Only { machine, tag } => write!(f, "only.{machine}.{tag}"),
            Self::Due(name) => write!(f, "due.{name}"),
            Self::Left(name) => write!(f, "left.{name}"),
            Self::Now => f.write_str("now"),
            Self::Tags => f.write_str("tags"),
            Self::Active => f.write_str("active"),
        }
    }
}

/// What names mean where an expression stands.
pub trait Names {
    /// The type of what is read.
    ///
    /// # Errors
    /// Why there is no such name here, and, where one is near, a hint.
    fn kind(&self, reference: &Reference) -> Result<Kind, Unknown>;

    /// The source of a named condition.
    fn condition(&self, _name: &str) -> Option<String> {
        None
    }

    /// True where the machine may be written instead of `root`.
    fn is_root_machine(&self, _name: &str) -> bool {
        false
    }

    /// True where the machine may be written instead of `parent`.
    fn is_parent_machine(&self, _name: &str) -> bool {
        false
    }

    /// True where the machine itself may be written instead of nothing: `listing.data.x` within the listing.
    fn is_own_machine(&self, _name: &str) -> bool {
        false
    }
}

/// A name that means nothing where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub message: String,
    pub hint: Option<String>,
}

impl Unknown {
    /// Without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// With what would be right, where that is known.
    #[must_use]
    pub fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// The first words of all chains.
pub const ROOTS: [&str; 13] = [
    "data", "event", "parent", "root", "self", "sender", "count", "only", "due", "left", "now", "tags", "active",
];

/// Reads the longest reference at the start of a chain of words: the reference, and how many words it took.
pub fn read(words: &[&str], names: &dyn Names) -> Option<(Reference, usize)> {
    let name = |index: usize| words.get(index).map(|word| Name::from(*word));
    let first = *words.first()?;
    let pair = || Some((name(1)?, name(2)?));
    Some(match first {
        "now" => (Reference::Now, 1),
        "tags" => (Reference::Tags, 1),
        "active" => (Reference::Active, 1),
        "data" => (Reference::Data(name(1)?), 2),
        "event" => (Reference::Event(name(1)?), 2),
        "self" => (Reference::Own(name(1)?), 2),
        "left" => (Reference::Left(name(1)?), 2),
        "due" => (Reference::Due(name(1)?), 2),
        "count" => pair().map(|(machine, tag)| (Reference::Count { machine, tag }, 3))?,
        "only" => pair().map(|(machine, tag)| (Reference::Only { machine, tag }, 3))?,
        "sender" if words.get(1) == Some(&"data") => (Reference::SenderData(name(2)?), 3),
        "sender" => (Reference::Sender(name(1)?), 2),
        "parent" => relative(words, Reference::ParentData)?,
        "root" => relative(words, Reference::RootData)?,
        machine if names.is_own_machine(machine) => relative(words, Reference::Data)?,
        machine if names.is_parent_machine(machine) => relative(words, Reference::ParentData)?,
        machine if names.is_root_machine(machine) => relative(words, Reference::RootData)?,
        _ => return None,
    })
}

fn relative(words: &[&str], data: fn(Name) -> Reference) -> Option<(Reference, usize)> {
    match (words.get(1).copied()?, words.get(2)) {
        ("data", Some(field)) => Some((data((*field).into()), 3)),
        ("tags", _) if matches!(data("".into()), Reference::ParentData(_)) => Some((Reference::ParentTags, 2)),
        ("tags", _) if matches!(data("".into()), Reference::Data(_)) => Some((Reference::Tags, 2)),
        _ => None,
    }
}
