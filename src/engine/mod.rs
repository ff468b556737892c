//! The write path: queue, decide in memory, write together, answer. Must not know HTTP, mail or documents.

mod api;
pub mod audit;
mod cache;
mod calendars;
mod common;
mod desk;
mod drain;
mod gather;
mod hand;
mod hub;
mod ingress;
mod library;
mod loading;
mod mending;
mod neighbours;
mod outages;
mod points;
mod projection;
mod pulse;
mod queue;
mod random;
mod records;
mod rounds;
mod sessions;
mod sharing;
mod signing;
mod single;
mod start;
mod timers;
mod watch;
mod writer;

pub use api::Engine;
pub use calendars::{ImportError, Imported};
pub use hub::{Committed, News};
pub use ingress::Stamp;
pub use library::{Library, PublishError, Published};
pub use points::{Point, Points};
pub use random::Random;
pub use records::{checkpoint_of, record_end, row_of};
pub use start::{EngineConfig, Handle, lock_file};

use std::sync::Arc;

use crate::machine::history::Taken;
use crate::machine::step::{Actor, Answer, Cause};
use crate::machine::trade::InstanceId;
use crate::machine::value::Map;
use crate::machine::{Bundle, Name, Time, Trade};
use crate::store::StoreError;

/// A command as it came in. Every command may carry an idempotency key.
#[derive(Clone, Debug)]
pub struct Submission {
    pub actor: Actor,
    /// Unique per actor for at least 72 hours.
    pub key: Option<IdempotencyKey>,
    /// Stamped when the request entered the platform (`Engine::now`).
    pub ingress: Time,
    pub request: Request,
}

/// The key, and the digest of what it was sent with: the same key with another body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key: String,
    pub body_sha256: String,
}

#[derive(Clone, Debug)]
pub enum Request {
    /// Opens a trade with the newest published version of a bundle.
    Open {
        bundle: Name,
        machine: Option<Name>,
        data: Map,
    },
    /// Offers a cause to an instance.
    Offer { instance: InstanceId, cause: Cause },
}

/// The committed outcome of a submission. A repeated key gets the first one's receipt.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    pub trade: InstanceId,
    pub instance: InstanceId,
    pub answer: Answer,
    /// The trade's history length after the submission. Staff only: it would tell bidders how much happens.
    pub seq: u64,
    pub at: Time,
    /// Active states of the instance afterwards.
    pub states: Vec<Name>,
    pub transitions: Vec<Taken>,
    /// Where the machine keeps a record: the line that the event became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<crate::record::Receipt>,
}

/// A committed trade with the definitions it is pinned to.
#[derive(Clone)]
pub struct Snapshot {
    pub trade: Arc<Trade>,
    pub bundle: Arc<Bundle>,
}

/// The machinery failed; a lawful no is a `Receipt` with `Answer::Refused`.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("no such instance")]
    NotFound,
    #[error("no such bundle is published: {0}")]
    UnknownBundle(String),
    #[error("the idempotency key was used with another request")]
    KeyReused,
    #[error("the queue is full")]
    Overloaded { retry_after_seconds: u32 },
    /// The program is at fault; nothing changed.
    #[error("the step failed on instance {0}")]
    Step(String),
    #[error("the engine is stopping")]
    Stopping,
    /// The platform's signer did not sign.
    #[error("nothing was signed: {0}")]
    Signing(String),
    /// A task ended by a panic: the program is at fault.
    #[error("a task broke off: {0}")]
    Panicked(String),
    #[error("a thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}
