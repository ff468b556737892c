//! To-dos: for whom, what is asked, and until when. Must not know who has claimed one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Expression, Name, Schedule};
use crate::machine::period::Period;

/// What it takes to sign a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sealing {
    /// The person names the digest of what they saw.
    #[default]
    Digest,
    /// The document carries their electronic seal.
    Required,
}

/// What somebody has to do while a state is active.
#[derive(Debug)]
pub struct TodoDefinition {
    /// The state's own name; outcomes are events `todo.{name}.{outcome}`.
    pub name: Name,
    pub title: String,
    /// Who may do it.
    pub roles: Vec<Name>,
    /// Fields to fill in, in order, in pages (one page without a title where the source has `form`).
    pub pages: Vec<Page>,
    /// Fields to look at.
    pub show: Vec<Name>,
    /// Document whose digest the completing person acknowledges, or which they seal.
    pub sign: Option<Name>,
    /// What it takes to sign that document.
    pub seal: Sealing,
    /// A part of the seal stands on the edge of each page as well (骑缝章).
    pub cross_page: bool,
    /// Until when it is to be done.
    pub due: Option<Schedule>,
    /// The ways in which it can end, in document order.
    pub outcomes: Vec<Name>,
    /// What people see of the outcomes; one without a title is seen by its name.
    pub titles: BTreeMap<Name, String>,
    /// Outcome `overdue` exists: the due date is a timer named `todo.{name}` that raises it.
    pub legal_due: bool,
    /// Every role must answer before the outcome is raised.
    pub all: bool,
    /// States whose to-do must have been done by somebody else.
    pub not_by: Vec<Name>,
    /// What may be done beside the outcomes: `claim`, `release`, `transfer`.
    pub acts: BTreeSet<Name>,
    /// Roles that may release or hand on what somebody else has claimed.
    pub reassign: Vec<Name>,
    /// Acts and outcomes that may be done from a mail's link.
    pub mailable: BTreeSet<Name>,
    /// What tells its candidates of it.
    pub mail: Name,
    /// Mails before it is due.
    pub remind: Vec<Reminder>,
    /// Mails after it was due and is not done.
    pub escalate: Vec<Reminder>,
}

/// One page of a to-do's form.
#[derive(Debug)]
pub struct Page {
    pub title: String,
    pub fields: Vec<Name>,
    /// Yields whether it is asked for; `None`: always.
    pub condition: Option<Expression>,
}

/// A mail about a to-do that is not done.
#[derive(Clone, Debug)]
pub struct Reminder {
    /// Before (`remind`) or after (`escalate`) the due time.
    pub period: Period,
    pub mail: Name,
    /// Roles that get it beside whoever may do it.
    pub also_to: Vec<Name>,
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
