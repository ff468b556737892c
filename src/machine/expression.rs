//! CEL expressions: compiled once, their names checked against declared data, evaluated over a scope.
//! The only file (with its submodules) that knows the `cel` crate.

use super::value::{Name, Value};

/// A compiled expression. Prints as its source.
pub struct Expression {
    pub source: String,
    /// Every name the expression reads, so that only those are bound.
    pub references: Vec<Reference>,
}

/// A name an expression may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `data.x`: a field of this instance.
    Data(Name),
    /// `event.x`: a field of the event's payload; `event.outage` and `event.late` are given to timers (milliseconds).
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

/// Gives values to names. Implemented by the step, by tests and by the checker.
pub trait Scope {
    /// # Errors
    /// A name that has no value now (no parent, no sender, no such timer).
    fn resolve(&self, reference: &Reference) -> Result<Value, String>;
}

impl Expression {
    /// Evaluates over a scope.
    ///
    /// # Errors
    /// A plain sentence: overflow, division by zero, null where a number is needed, a name without a value.
    pub fn evaluate(&self, _scope: &dyn Scope) -> Result<Value, String> {
        Err("not yet written".into())
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.source)
    }
}
