//! What states and transitions do, and to whom. Must not do it: `step` does, and the performers after it.

use super::{Expression, Name, Schedule};
use crate::machine::value::Value;

/// A child that is started with a state.
#[derive(Debug)]
pub struct Invoke {
    pub machine: Name,
    /// Fields copied from the parent by the same name.
    pub copy: Vec<Name>,
    /// Fields of the child, computed from the parent.
    pub with: Vec<(Name, Expression)>,
}

/// What a state or a transition does. What leaves the trade is done after the step has been stored.
#[derive(Debug)]
pub enum Action {
    /// One after the other; a later expression sees an earlier assignment.
    Assign(Vec<(Name, Expression)>),
    /// The same with literals.
    Set(Vec<(Name, Value)>),
    /// Internal event to this instance, before any outside event.
    Raise { event: Name, data: Vec<(Name, Expression)> },
    /// Event to instances of this trade.
    Send {
        to: Address,
        event: Name,
        data: Vec<(Name, Expression)>,
        /// Later, and not if the sender has ended by then.
        after: Option<Schedule>,
        /// By which `Cancel` finds it.
        id: Option<Name>,
    },
    /// Cancels a delayed `send` by its id.
    Cancel(Name),
    /// The first branch whose condition holds; `None` is `else`.
    If(Vec<(Option<Expression>, Vec<Action>)>),
    /// Renders a document; `document.{name}.ready` comes when it is there.
    Document(Name),
    /// Mail to everybody who holds one of the roles.
    Notify { to: Vec<Name>, mail: Name },
    /// Message to an outside system.
    Webhook { hook: Name, data: Vec<(Name, Expression)> },
    /// To the live stream.
    Publish(Vec<(Name, Expression)>),
    /// To the instance's public record.
    Record { kind: Name, data: Vec<(Name, Expression)> },
    /// Moves money: `(movement, amount in fen)`.
    Ledger {
        movements: Vec<(Name, Expression)>,
        /// What an outside system knows the payment by.
        reference: Option<Expression>,
    },
    /// Restarts a timer from the acceptance of the event: at its own length, or at another.
    Reset { timer: Name, after: Option<Schedule> },
    /// Opens another trade of the same bundle with these data, after commit.
    Relist {
        copy: Vec<Name>,
        with: Vec<(Name, Expression)>,
    },
    /// Into the program's log.
    Log(Expression),
}

/// To whom an instance sends.
#[derive(Debug)]
pub enum Address {
    /// Itself.
    Own,
    /// Who started it.
    Parent,
    /// The trade's first instance.
    Root,
    /// All others with the same parent, or the one with the key.
    Siblings(Option<Expression>),
    /// All living instances of the machine in this trade, or the one with the key.
    Machine { machine: Name, key: Option<Expression> },
}
