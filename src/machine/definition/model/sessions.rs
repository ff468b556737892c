//! Capacities and what machines take of them. Must not know what is booked.

use std::collections::BTreeSet;

use super::{Expression, Name};

/// Something of which only so many sessions may be under way at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub title: String,
    /// Holds until the centre sets another number.
    pub limit: u32,
}

/// When an instance takes part of a capacity. All expressions read nothing but the instance's own stored data and states, so that a
/// session moves only with these.
#[derive(Debug)]
pub struct SessionDefinition {
    pub of: Name,
    /// What the calendar calls it.
    pub title: Expression,
    pub condition: Expression,
    /// Null while it is not known.
    pub from: Expression,
    pub until: Expression,
    /// Fields that the condition and both times read.
    pub reads: BTreeSet<Name>,
}
