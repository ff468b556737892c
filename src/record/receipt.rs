//! What somebody who sent an event holds in hand: which line it became, and which digest the record had with it.
//! Must not tell anything of others: it leaves with the answer, while the record is still closed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::chain::{Appended, Head};
use super::checkpoint::{Checkpoint, Unsigned, verify};
use super::row::{Ending, Row};
use super::signer::{PlatformSigner, SignerError};
use crate::machine::Time;
use crate::machine::step::{Line, Outcome};
use crate::machine::value::{Map, Name};
use crate::seal::sm2::PublicKey;

/// What the signed bytes begin with, so that no other signature of the platform's key can be taken for a receipt.
const PREFIX: &str = "luochui-receipt/1";

/// The receipt of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub instance: Name,
    /// The line's number.
    pub number: u64,
    pub event: Name,
    /// The sender's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Name>,
    /// What the line says of the event's payload.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map,
    /// Milliseconds since 1970 UTC.
    pub arrived_at: Time,
    pub decided_at: Time,
    pub outcome: Ending,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    /// SM3 of the line before.
    pub prev: Name,
    /// SM3 and SHA-256 of the line.
    pub head: Digests,
    /// The latest checkpoint that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Which of the platform's keys signed, and its signature (SM2 with SM3, DER, in base64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    pub sm3: Name,
    pub sha256: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    pub key: Name,
    pub signature: Name,
}

/// Where a receipt and a record disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    #[error("the digest of this line is another than in the receipt")]
    Digest,
    #[error("this line says something else than the receipt")]
    Content,
}

impl Receipt {
    /// The receipt of a line just written.
    #[must_use]
    pub fn of(line: &Line, appended: &Appended, checkpoint: Option<Checkpoint>) -> Self {
        let (outcome, reason) = match &line.outcome {
            Outcome::Accepted => (Ending::Accepted, None),
            Outcome::Refused(code) => (Ending::Refused, Some(code.clone())),
            Outcome::Failed => (Ending::Failed, None),
        };
        Self {
            instance: line.instance.clone(),
            number: appended.head.size,
            event: line.event.clone(),
            by: line.by.clone(),
            data: line.data.clone(),
            arrived_at: line.arrived,
            decided_at: line.decided,
            outcome,
            reason,
            prev: appended.prev.clone(),
            head: Digests {
                sm3: appended.head.sm3.clone(),
                sha256: appended.head.sha256.clone(),
            },
            checkpoint,
            signed: None,
        }
    }

    /// The receipt of a line that was written before.
    #[must_use]
    pub fn of_row(instance: &Name, row: &Row<'_>, text: &str, checkpoint: Option<Checkpoint>) -> Self {
        let head = Head::at(row.n, text);
        let name = |text: &str| Name::from(text);
        Self {
            instance: instance.clone(),
            number: row.n,
            event: name(&row.event),
            by: row.by.as_deref().map(name),
            data: Map::clone(&row.data),
            arrived_at: row.arrived,
            decided_at: row.decided,
            outcome: row.outcome,
            reason: row.reason.as_deref().map(name),
            prev: name(&row.prev_sm3),
            head: Digests {
                sm3: head.sm3,
                sha256: head.sha256,
            },
            checkpoint,
            signed: None,
        }
    }

    /// Signs the receipt.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign(&mut self, signer: &dyn PlatformSigner) -> Result<(), SignerError> {
        let key = signer.key_id();
        let signature = STANDARD.encode(signer.sign(&self.signed_bytes(&key))?).into();
        self.signed = Some(Signed { key, signature });
        Ok(())
    }

    /// The bytes that are signed: one line each of format, instance, number, event, sender's key, SHA-256 of the data as compact
    /// JSON, times, outcome, reason, the three digests, and the signing key.
    #[must_use]
    pub fn signed_bytes(&self, key: &str) -> Vec<u8> {
        let data = hex::encode(Sha256::digest(serde_json::to_vec(&self.data).unwrap_or_default()));
        let optional = |text: &Option<Name>| text.as_deref().unwrap_or_default().to_owned();
        let lines = [
            PREFIX.to_owned(),
            self.instance.to_string(),
            self.number.to_string(),
            self.event.to_string(),
            optional(&self.by),
            data,
            self.arrived_at.0.to_string(),
            self.decided_at.0.to_string(),
            self.outcome.as_str().to_owned(),
            optional(&self.reason),
            self.prev.to_string(),
            self.head.sm3.to_string(),
            self.head.sha256.to_string(),
            key.to_owned(),
        ];
        let mut bytes = lines.join("\n").into_bytes();
        bytes.push(b'\n');
        bytes
    }

    /// Verifies the platform's signature; `None` where it carries none.
    #[must_use]
    pub fn verify(&self, key: &PublicKey) -> Option<Result<(), Unsigned>> {
        let signed = self.signed.as_ref()?;
        Some(verify(
            key,
            &signed.key,
            &self.signed_bytes(&signed.key),
            &signed.signature,
        ))
    }

    /// Compares the receipt with the line of its number.
    ///
    /// # Errors
    /// Where they disagree.
    pub fn compare(&self, row: &Row<'_>, text: &str) -> Result<(), Disagreement> {
        let head = Head::at(row.n, text);
        if head.sm3 != self.head.sm3 || head.sha256 != self.head.sha256 || row.prev_sm3 != *self.prev {
            return Err(Disagreement::Digest);
        }
        let same = row.event == *self.event
            && row.by.as_deref() == self.by.as_deref()
            && *row.data == self.data
            && row.arrived == self.arrived_at
            && row.decided == self.decided_at
            && row.outcome == self.outcome
            && row.reason.as_deref() == self.reason.as_deref();
        if same { Ok(()) } else { Err(Disagreement::Content) }
    }
}
