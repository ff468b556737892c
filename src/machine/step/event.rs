//! What travels within a decision: events to instances, and why an input comes to nothing. Must not know how they are handled.

use std::collections::BTreeMap;

use super::types::{Fault, Refusal};
use crate::machine::trade::InstanceId;
use crate::machine::value::{Map, Name};

/// An event on its way to an instance.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub name: Name,
    pub data: Map,
    /// The instance that sent it; for people, their own instance in this trade.
    pub sender: Option<InstanceId>,
    pub origin: Origin,
    /// Fields of the machine that were filled in with the event: assigned when it is taken.
    pub form: Vec<Name>,
}

/// Whether somebody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A person or an outside system: may be refused.
    Outside,
    /// A timer, an effect's result, another instance.
    Inside,
}

/// What waits in the trade's queue.
pub(super) enum Delivery {
    Start(InstanceId),
    Event(InstanceId, Event),
}

/// Why an input does not become part of the trade.
#[derive(Debug)]
pub(super) enum Stop {
    /// Seen before, or nothing to do.
    Repeated,
    Refused(Refusal),
    /// Refused, and the refusal is kept in the history.
    Recorded(Refusal),
    /// Refused because it surfaced after a deadline that it had come before; what the machine does about that is kept.
    Late(Refusal),
    Failed(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

/// A payload of one or more named values.
pub(super) fn payload<const N: usize>(values: [(&str, crate::machine::Value); N]) -> Map {
    BTreeMap::from(values.map(|(name, value)| (name.into(), value)))
}
