//! What somebody who sent an event holds in hand: which line of the record it became.
//! Must not tell anything of others: it leaves with the answer, while the record is still closed. So it names neither the line's
//! number nor the line before it nor the size of a checkpoint; all of it is in what it commits to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::chain::{Appended, Head, sha256, sm3};
use super::checkpoint::{Checkpoint, Unsigned, verify};
use super::row::{Ending, Row};
use super::signer::{PlatformSigner, SignerError};
use crate::machine::Time;
use crate::machine::step::{Line, Outcome};
use crate::machine::value::{Map, Name};
use crate::seal::sm2::PublicKey;

/// What the signed bytes begin with, so that no other signature of the platform's key can be taken for a receipt.
const PREFIX: &str = "luochui-receipt/2";
/// What the sealed checkpoint's bytes begin with.
const SEALED: &str = "luochui-receipt-checkpoint/1";
/// What the bytes begin with from which a line's salt follows.
const SALT: &str = "luochui-receipt-salt/1";

/// The receipt of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub instance: Name,
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
    /// Digests of the line. It names its number, the line before it and a salted hash of the history, so that its digest vouches for
    /// all that came before and tells nothing of it.
    pub line: Digests,
    pub issued: Issued,
    /// The latest checkpoint that was known, sealed: see [`seal`].
    pub sealed_checkpoint: Name,
    /// Once the record is open: what was not told before. It is not signed, for it proves itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
    /// Which of the platform's keys signed, and its signature (SM2 with SM3, DER, in base64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// When a receipt was made out. The checkpoint known then may be another one, and comparing the two must tell nothing: what is
/// sealed differs by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issued {
    /// With the answer to the event.
    Answer,
    /// Later, as a copy.
    Copy,
}

/// What a receipt did not tell while the record was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The line's number.
    pub number: u64,
    /// With it the sealed checkpoint can be told among those of the record.
    pub salt: Name,
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

impl Issued {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Copy => "copy",
        }
    }
}

/// The salt of a line's receipts, from the secret salt of its history entry. It is known to nobody before the record opens.
#[must_use]
pub fn salt_of(history_salt: &str) -> Name {
    sha256(format!("{SALT}\n{history_salt}\n").as_bytes())
}

/// A checkpoint, or that there was none, as a closed receipt carries it: SM3 over three lines (format, salt, when the receipt was made
/// out) and the bytes of the checkpoint that are signed.
#[must_use]
pub fn seal(salt: &str, issued: Issued, checkpoint: Option<&Checkpoint>) -> Name {
    let mut bytes = format!("{SEALED}\n{salt}\n{}\n", issued.as_str()).into_bytes();
    bytes.extend(checkpoint.map(Checkpoint::signed_bytes).unwrap_or_default());
    sm3(&bytes)
}

impl Receipt {
    /// The receipt of a line just written; `salt` is of its history entry.
    #[must_use]
    pub fn of(line: &Line, appended: &Appended, salt: &str, checkpoint: Option<&Checkpoint>) -> Self {
        let (outcome, reason) = match &line.outcome {
            Outcome::Accepted => (Ending::Accepted, None),
            Outcome::Refused(code) => (Ending::Refused, Some(code.clone())),
            Outcome::Failed => (Ending::Failed, None),
        };
        Self {
            instance: line.instance.clone(),
            event: line.event.clone(),
            by: line.by.clone(),
            data: line.data.clone(),
            arrived_at: line.arrived,
            decided_at: line.decided,
            outcome,
            reason,
            line: Digests {
                sm3: appended.head.sm3.clone(),
                sha256: appended.head.sha256.clone(),
            },
            issued: Issued::Answer,
            sealed_checkpoint: seal(&salt_of(salt), Issued::Answer, checkpoint),
            opening: None,
            signed: None,
        }
    }

    /// A copy of the receipt of a line that was written before; `salt` is of its history entry.
    #[must_use]
    pub fn copy(instance: &Name, row: &Row<'_>, text: &str, salt: &str, checkpoint: Option<&Checkpoint>) -> Self {
        let head = Head::at(row.n, text);
        let name = |text: &str| Name::from(text);
        Self {
            instance: instance.clone(),
            event: name(&row.event),
            by: row.by.as_deref().map(name),
            data: Map::clone(&row.data),
            arrived_at: row.arrived,
            decided_at: row.decided,
            outcome: row.outcome,
            reason: row.reason.as_deref().map(name),
            line: Digests {
                sm3: head.sm3,
                sha256: head.sha256,
            },
            issued: Issued::Copy,
            sealed_checkpoint: seal(&salt_of(salt), Issued::Copy, checkpoint),
            opening: None,
            signed: None,
        }
    }

    /// Tells what was not told while the record was closed.
    pub fn open(&mut self, number: u64, salt: &str) {
        let salt = salt_of(salt);
        self.opening = Some(Opening { number, salt });
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

    /// The bytes that are signed: one line each of format, instance, event, sender's key, SHA-256 of the data as compact JSON, times,
    /// outcome, reason, the line's digests, when it was made out, the sealed checkpoint, and the signing key.
    #[must_use]
    pub fn signed_bytes(&self, key: &str) -> Vec<u8> {
        let data = hex::encode(Sha256::digest(serde_json::to_vec(&self.data).unwrap_or_default()));
        let optional = |text: &Option<Name>| text.as_deref().unwrap_or_default().to_owned();
        let lines = [
            PREFIX.to_owned(),
            self.instance.to_string(),
            self.event.to_string(),
            optional(&self.by),
            data,
            self.arrived_at.0.to_string(),
            self.decided_at.0.to_string(),
            self.outcome.as_str().to_owned(),
            optional(&self.reason),
            self.line.sm3.to_string(),
            self.line.sha256.to_string(),
            self.issued.as_str().to_owned(),
            self.sealed_checkpoint.to_string(),
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

    /// True where a line says what the receipt says, whatever came before it.
    #[must_use]
    pub fn tells(&self, row: &Row<'_>) -> bool {
        row.event == *self.event
            && row.by.as_deref() == self.by.as_deref()
            && *row.data == self.data
            && row.arrived == self.arrived_at
            && row.decided == self.decided_at
            && row.outcome == self.outcome
            && row.reason.as_deref() == self.reason.as_deref()
    }
}
