//! One history entry per outside event, hash-chained over salted commitments. Must not store anything.

use serde::{Deserialize, Serialize};

use super::Time;
use super::step::{Answer, Context, Input};
use super::value::Name;

/// What is kept of one outside event with its whole cascade. `(bundle, trade before, input, context)` give the same entry again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without a gap.
    pub seq: u64,
    pub at: Time,
    /// What may stay when personal data is erased: event name, transitions taken, states before and after.
    pub public: PublicPart,
    /// Actor, payload, drawn randomness: erased with its salt, the chain stays provable.
    pub private: PrivatePart,
    /// 32 bytes in hex for each part; derived from the step's seed.
    pub public_salt: Name,
    pub private_salt: Name,
    /// `sha256(prev ‖ seq ‖ sha256(public_salt ‖ public) ‖ sha256(private_salt ‖ private))`, lower-case hex.
    pub hash: Name,
    pub prev: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicPart {
    pub instance: Name,
    /// `start`, an event's name, `timer.X`, `todo.X.outcome`, …
    pub event: Name,
    pub transitions: Vec<Taken>,
    pub refusal: Option<Name>,
    /// SHA-256 of the canonical trade after the entry, without `seq` and `head`.
    pub state: Name,
    pub calendar_version: u32,
    pub bundle: Name,
    pub engine_level: u32,
}

/// One transition that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub instance: Name,
    pub machine: Name,
    /// `Transition::id`.
    pub transition: Name,
    pub from: Vec<Name>,
    pub to: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivatePart {
    pub input: Input,
    pub context: Context,
    pub answer: Answer,
}
