//! What goes into a decision and what comes out of it. Must not decide anything.

use serde::{Deserialize, Serialize};

use super::lines::Line;
use crate::machine::Time;
use crate::machine::history::Entry;
use crate::machine::slots::{Slot, Wanted};
use crate::machine::trade::{InstanceId, Timer, TodoId, Trade};
use crate::machine::value::{Map, Name};

/// What is offered to a trade from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub instance: InstanceId,
    pub cause: Cause,
    /// Ingress stamp for what people send, due time for timers.
    pub at: Time,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Opens a trade, by default with the bundle's root machine; the only cause for which there is no trade yet.
    Start {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        machine: Option<Name>,
        data: Map,
    },
    /// An event the machine declares under `events`.
    Event {
        name: Name,
        payload: Map,
        /// What the sender signed it with; verified before it came here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Box<Signed>>,
    },
    Todo {
        todo: TodoId,
        act: Act,
    },
    /// A due timer; a stale generation is a no-op.
    Timer {
        name: Name,
        generation: u32,
    },
    /// The outcome of an effect: `document.announcement.ready`.
    Result {
        name: Name,
        payload: Map,
    },
    /// A calendar year was imported: open timers that rest on working days are counted again.
    Calendar,
    /// An admin asks for a held timer to be tried again.
    Retry {
        timer: Name,
    },
}

/// What somebody does with a to-do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Claim,
    Release,
    Transfer {
        to: Name,
    },
    Complete {
        outcome: Name,
        payload: Map,
        /// The seal on the document that the to-do asks for; verified before it came here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sealed: Option<Box<Sealed>>,
    },
}

impl Cause {
    /// An event without a signature.
    pub fn event(name: impl Into<Name>, payload: Map) -> Self {
        Self::Event {
            name: name.into(),
            payload,
            signed: None,
        }
    }
}

impl Act {
    /// An outcome without a seal.
    pub fn complete(outcome: impl Into<Name>, payload: Map) -> Self {
        Self::Complete {
            outcome: outcome.into(),
            payload,
            sealed: None,
        }
    }
}

/// A signature over one event, as it was verified at the door; kept in the private part of the history, so that anyone who
/// may read it can verify it again: the signed bytes follow from the event itself and what stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Identity of the certificate's holder: USCC or ID number.
    pub subject: Name,
    /// SHA-256 of the certificate's DER, lower-case hex.
    pub certificate_sha256: Name,
    /// The certificate's DER in base64.
    pub certificate: Name,
    /// The signature's value (DER, SM2 with SM3) in base64.
    pub value: Name,
    /// Drawn by the signer; the idempotency key of the command.
    pub nonce: Name,
    /// The number of the last published state that the signer had seen.
    pub seen: i64,
    /// Made with a certificate for tests, without legal effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

/// A seal on a document, as it was verified before the to-do was completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The sealing job, under which certificate, report and evidence are kept.
    pub job: Name,
    pub document: Name,
    /// SHA-256 of the file that was sealed, lower-case hex.
    pub base: Name,
    /// SHA-256 of the file with the seal, lower-case hex.
    pub sha256: Name,
    /// SM3 of the file with the seal, lower-case hex.
    pub sm3: Name,
    /// Identity of the certificate's holder: USCC or ID number.
    pub subject: Name,
    pub certificate_sha256: Name,
    /// The seal's own number (esID).
    pub seal: Name,
}

/// What the outside gives to one decision; kept in the history, so that replay needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    pub actor: Actor,
    /// 32 random bytes in hex from which ids, keys and salts of this step are derived.
    pub seed: Name,
    /// Milliseconds of a timer's watched time, and on until it is decided, in which nothing could be decided, in real time.
    #[serde(default)]
    pub outage: i64,
    /// Milliseconds by which a timer was noticed late, in real time.
    #[serde(default)]
    pub late: i64,
    /// Within a timer's watched time a process of the platform ended, with whatever it had in hand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken: bool,
    #[serde(default)]
    pub calendar_version: u32,
    /// How capacities were taken where sessions were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
}

/// What stood in the way of one timer. Measured in real time, also where a demo's clock runs faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// Milliseconds between the begin of its watched time and now in which nothing could be decided, by outages that touch that time.
    pub outage: i64,
    /// Milliseconds from the due time to when it is decided.
    pub late: i64,
    /// A process ended within the watched time, with whatever it had in hand.
    pub broken: bool,
}

/// Whom a decision asks how a capacity is taken by other trades; nothing where nobody knows of any.
pub type AskSlot<'a> = &'a dyn Fn(&Wanted) -> Option<Slot>;

/// What is asked of the outside in the middle of a decision, and kept with the entry that asked.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// What stood in a timer's way: several may be due at once, each with a time of its own.
    pub delay: &'a dyn Fn(&Timer) -> Delay,
    pub slot: AskSlot<'a>,
}

impl Outside<'_> {
    /// Nobody to ask: nothing stood in any timer's way, and no other trade takes anything of a capacity.
    pub fn nobody() -> Self {
        Self {
            delay: &|_| Delay::default(),
            slot: &|_| None,
        }
    }
}

/// Who acts, with the relations that roles are resolved from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Account id; `system` for timers and effects.
    pub account: Name,
    /// The party the account acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Name>,
    /// Posts held: (post, organisation code); the centre's own organisation code is `centre`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<(Name, Name)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Name>,
    /// The profile is complete and checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub member: bool,
}

/// What came of one input: the timers that were due before it, and the input itself.
#[derive(Clone, Debug)]
#[must_use]
pub struct Decision {
    /// The trade afterwards; unchanged where everything was refused without a record.
    pub trade: Trade,
    pub entries: Vec<Entry>,
    /// What the entries add to the records of instances whose machine keeps one, in their order.
    pub lines: Vec<Line>,
    pub effects: Vec<Effect>,
    pub answer: Answer,
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Taken. `created` is the instance that the event started.
    Taken { created: Option<InstanceId> },
    /// Seen before (`once`), changed nothing.
    Repeated,
    /// A lawful no.
    Refused(Refusal),
    /// The machinery failed (a guard could not be evaluated, an invariant broke): nothing changed, an incident is due.
    Failed(Fault),
}

/// A lawful "no" with a stable code: declared ones, and `forbidden`, `not_now`, `suspended`, `unknown_event`, `invalid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: Name,
    /// The declared sentence, or for `invalid` which field and why.
    pub text: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tell: Map,
}

/// Why a machine could not go on, such as an expression without a value or a broken invariant; it becomes an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub instance: InstanceId,
    /// Transition id, timer or invariant.
    pub place: Name,
    pub text: String,
}

/// A durable consequence: rows that commit with the step, or work performed after commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Render a document; answered by `document.{name}.ready`.
    Document {
        instance: InstanceId,
        name: Name,
        revision: u32,
        at: Time,
    },
    /// Mail to everyone who holds one of the roles.
    Mail {
        instance: InstanceId,
        roles: Vec<Name>,
        mail: Name,
        at: Time,
    },
    /// Mail about a new to-do to its candidates.
    TodoMail {
        instance: InstanceId,
        todo: TodoId,
        mail: Name,
        at: Time,
    },
    Webhook {
        instance: InstanceId,
        hook: Name,
        data: Map,
        at: Time,
    },
    /// Money moves between two accounts of the trade's ledger.
    Posting {
        instance: InstanceId,
        movement: Name,
        amount: i64,
        reference: Option<Name>,
        at: Time,
    },
    /// To the live stream of an instance.
    Published {
        instance: InstanceId,
        data: Map,
        at: Time,
    },
    /// To the public record of an instance.
    Recorded {
        instance: InstanceId,
        kind: Name,
        data: Map,
        at: Time,
    },
    /// Opens another trade.
    NewTrade {
        instance: InstanceId,
        data: Map,
        at: Time,
    },
    Incident {
        fault: Fault,
        at: Time,
    },
}
