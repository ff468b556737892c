//! One line of a record as it is written: JSON on one line, whose very bytes are hashed. Must not chain.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::chain::Head;
use crate::machine::Time;
use crate::machine::step::{Fact, Line, Outcome};
use crate::machine::value::{Map, Name};

/// A line with its place in the chain. The order of the fields is the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row<'a> {
    /// From 1, without a gap.
    pub n: u64,
    /// Milliseconds since 1970 UTC at which the event reached the platform; for a timer, at which it was due.
    pub arrived: Time,
    /// Milliseconds since 1970 UTC as of which it was decided; never before that of the line before.
    pub decided: Time,
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// The machine it was meant for, where that was another instance of the trade.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub of: Option<Cow<'a, str>>,
    /// The sender's key.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub by: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Cow<'a, Map>,
    /// `accepted`, `refused` or `failed`.
    pub outcome: Ending,
    /// The code of a refusal.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// What the definition entered with this line.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub facts: Cow<'a, [Fact]>,
    /// Active states afterwards.
    pub phase: Cow<'a, [Name]>,
    /// Deadlines that run afterwards.
    pub due: Cow<'a, BTreeMap<Name, Time>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// The line that ends the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
    /// It tells of what came after the end and was refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after: bool,
    /// SHA-256 of the base64 text of the signature that the event carried.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Cow<'a, str>>,
    /// Hash of the trade's history entry.
    #[serde(borrow)]
    pub history: Cow<'a, str>,
    /// SM3 of the line before, or of the first line of the file.
    #[serde(borrow)]
    pub prev_sm3: Cow<'a, str>,
    /// SHA-256 of the same.
    #[serde(borrow)]
    pub prev_sha256: Cow<'a, str>,
}

/// How an entry ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Accepted,
    Refused,
    Failed,
}

impl Ending {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

fn is_empty(facts: &[Fact]) -> bool {
    facts.is_empty()
}

impl<'a> Row<'a> {
    /// The line that follows where a record stands.
    #[must_use]
    pub fn after(head: &'a Head, line: &'a Line) -> Self {
        let (outcome, reason) = match &line.outcome {
            Outcome::Accepted => (Ending::Accepted, None),
            Outcome::Refused(code) => (Ending::Refused, Some(&**code)),
            Outcome::Failed => (Ending::Failed, None),
        };
        Self {
            n: head.size + 1,
            arrived: line.arrived,
            decided: line.decided,
            event: Cow::Borrowed(&line.event),
            of: line.of.as_deref().map(Cow::Borrowed),
            by: line.by.as_deref().map(Cow::Borrowed),
            data: Cow::Borrowed(&line.data),
            outcome,
            reason: reason.map(Cow::Borrowed),
            facts: Cow::Borrowed(&line.facts),
            phase: Cow::Borrowed(&line.phase),
            due: Cow::Borrowed(&line.due),
            frozen: line.frozen,
            done: line.done,
            after: line.after,
            signature: line.signature.as_deref().map(Cow::Borrowed),
            history: Cow::Borrowed(&line.history),
            prev_sm3: Cow::Borrowed(&head.sm3),
            prev_sha256: Cow::Borrowed(&head.sha256),
        }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// Where it is no such JSON, and why.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The bytes that are hashed, without the line break.
    #[must_use]
    pub fn text(&self) -> String {
        // Only maps with other keys than text cannot be written as JSON, and there are none.
        serde_json::to_string(self).unwrap_or_default()
    }
}
