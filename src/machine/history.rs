//! One history entry per outside event, hash-chained over salted commitments. Must not store anything.
//!
//! The chain commits to a public and a private part apart from each other, each under its own salt: the private part with its
//! salt can be erased later, and the chain still proves what is left.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Time;
use super::calendar::Calendars;
use super::definition::model::Bundle;
use super::step::{self, Answer, Context, Decision, Input};
use super::trade::{Instance, Trade};
use super::value::Name;

/// What the program understands of the language; a replay by another level need not give the same trade.
pub const ENGINE_LEVEL: u32 = 1;

/// What is kept of one outside event with its whole cascade. `(bundle, trade before, input, context)` give the same entry again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without a gap.
    pub seq: u64,
    pub at: Time,
    /// What may stay when personal data is erased: event name, transitions taken, states before and after.
    pub public: PublicPart,
    /// Actor, payload, drawn randomness. `None` once erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivatePart>,
    /// 32 bytes in hex for each part; derived from the step's seed.
    pub public_salt: Name,
    /// Erased with the private part: with it alone, a guess at the content could be proved right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_salt: Option<Name>,
    /// `sha256(private_salt ‖ private)`, lower-case hex; stays when the private part is erased.
    pub private_commitment: Name,
    /// `sha256(prev ‖ seq ‖ at ‖ sha256(public_salt ‖ public) ‖ private_commitment)`, lower-case hex.
    pub hash: Name,
    pub prev: Name,
}

/// What an entry tells without personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicPart {
    pub instance: Name,
    /// `start`, an event's name, `timer.X`, `todo.X.outcome`, …
    pub event: Name,
    pub transitions: Vec<Taken>,
    pub refusal: Option<Name>,
    /// SHA-256 over the canonical bytes of every instance the entry changed, in the order of their ids.
    pub state: Name,
    pub calendar_version: u32,
    /// SHA-256 of the bundle.
    pub bundle: Name,
    pub engine_level: u32,
}

/// One transition that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub instance: Name,
    pub machine: Name,
    /// `Transition::id`; `start` where an instance began.
    pub transition: Name,
    pub from: Vec<Name>,
    pub to: Vec<Name>,
}

/// What an entry was decided from, and what was answered; erased when personal data has to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivatePart {
    pub input: Input,
    pub context: Context,
    pub answer: Answer,
}

/// The first entry that does not fit its chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain breaks at entry {seq}: {why}")]
pub struct BrokenAt {
    pub seq: u64,
    pub why: Break,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    #[error("an entry is missing, doubled or out of order")]
    Sequence,
    #[error("it does not name its predecessor's hash")]
    Predecessor,
    #[error("its private part is not the one committed to")]
    Private,
    #[error("its content is not the one hashed")]
    Hash,
    #[error("its private part was erased, so it cannot be replayed")]
    Erased,
    #[error("deciding it again gives another outcome")]
    Replay,
}

/// The hash before the first entry.
pub fn origin() -> Name {
    "0".repeat(64).into()
}

impl Entry {
    /// Closes an entry: derives its salts from the step's seed and chains it to the trade's head.
    pub fn seal(before: &Trade, at: Time, public: PublicPart, private: PrivatePart) -> Self {
        let seed = &private.context.seed;
        let (public_salt, private_salt) = (derive(seed, "public salt"), derive(seed, "private salt"));
        let mut entry = Self {
            seq: before.seq + 1,
            at,
            private_commitment: commitment(&private_salt, &private),
            public,
            private: Some(private),
            public_salt,
            private_salt: Some(private_salt),
            hash: origin(),
            prev: before.head.clone(),
        };
        entry.hash = entry.digest();
        entry
    }

    /// Forgets the private part and its salt: what is left where an order to erase personal data is carried out, by hand in the
    /// entry's row; no command does it. The chain stays provable; the entry can no longer be replayed.
    pub fn erase(&mut self) {
        self.private = None;
        self.private_salt = None;
    }

    fn digest(&self) -> Name {
        let mut hash = Sha256::new();
        hash.update(self.prev.as_bytes());
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.0.to_be_bytes());
        hash.update(commitment(&self.public_salt, &self.public).as_bytes());
        hash.update(self.private_commitment.as_bytes());
        hex_of(hash)
    }

    fn check(&self, seq: u64, prev: &str) -> Result<(), Break> {
        if self.seq != seq {
            return Err(Break::Sequence);
        }
        if &*self.prev != prev {
            return Err(Break::Predecessor);
        }
        match (&self.private, &self.private_salt) {
            (None, None) => {}
            (Some(private), Some(salt)) if commitment(salt, private) == self.private_commitment => {}
            _ => return Err(Break::Private),
        }
        if self.digest() == self.hash {
            Ok(())
        } else {
            Err(Break::Hash)
        }
    }
}

/// Checks a trade's whole history and returns the hash it ends with.
///
/// # Errors
/// The first entry that was changed, inserted, removed or moved.
pub fn verify(entries: &[Entry]) -> Result<Name, BrokenAt> {
    let mut head = origin();
    for (seq, entry) in (1..).zip(entries) {
        entry.check(seq, &head).map_err(|why| BrokenAt { seq, why })?;
        head = entry.hash.clone();
    }
    Ok(head)
}

/// Decides a trade's whole history again and returns the trade it ends with; `None` for a history without entries.
/// `calendars` may be newer than the history: each entry counts with the version it was decided with.
///
/// # Errors
/// The first entry that does not fit its chain, was erased, or does not come out the same.
pub fn replay(bundle: &Bundle, calendars: &Calendars, entries: &[Entry]) -> Result<Option<Trade>, BrokenAt> {
    replay_with(bundle, calendars, entries, &mut |_| {})
}

/// The same, and shows each decision.
///
/// # Errors
/// The same.
pub fn replay_with(
    bundle: &Bundle,
    calendars: &Calendars,
    entries: &[Entry],
    see: &mut dyn FnMut(&Decision),
) -> Result<Option<Trade>, BrokenAt> {
    verify(entries)?;
    let mut trade: Option<Trade> = None;
    for entry in entries {
        let broken = |why| BrokenAt { seq: entry.seq, why };
        let private = entry.private.as_ref().ok_or_else(|| broken(Break::Erased))?;
        let decision = step::decide_one(
            bundle,
            trade.as_ref(),
            &private.input,
            &private.context,
            calendars,
            &|_| None,
        );
        if decision.entries.first() != Some(entry) {
            return Err(broken(Break::Replay));
        }
        see(&decision);
        trade = Some(decision.trade);
    }
    Ok(trade)
}

/// The bytes that hashes are taken over: JSON with declared field order and sorted maps.
pub fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    // Only maps with other keys than text cannot be written as JSON, and there are none.
    serde_json::to_vec(value).unwrap_or_default()
}

/// SHA-256 over instances, in the order given, as lower-case hex.
pub fn digest_of<'a>(instances: impl Iterator<Item = &'a Instance>) -> Name {
    let mut hash = Sha256::new();
    for instance in instances {
        let bytes = canonical(instance);
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    }
    hex_of(hash)
}

/// 32 bytes in hex that follow from a seed and a purpose and tell nothing of either.
pub fn derive(seed: &str, purpose: &str) -> Name {
    let mut hash = Sha256::new();
    hash.update(seed.as_bytes());
    hash.update(b"\n");
    hash.update(purpose.as_bytes());
    hex_of(hash)
}

fn commitment<T: Serialize>(salt: &str, part: &T) -> Name {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update(canonical(part));
    hex_of(hash)
}

/// Lower-case hex, written once: an entry needs six of them.
fn hex_of(hash: Sha256) -> Name {
    let mut text = [0; 64];
    // The buffer holds exactly two letters for each of the 32 bytes.
    let written = hex::encode_to_slice(hash.finalize(), &mut text);
    written
        .ok()
        .and_then(|()| std::str::from_utf8(&text).ok())
        .unwrap_or_default()
        .into()
}
